//! Several captures are one time line.

use super::CapturedFlow;
use super::Taken;
use super::build::CLIENT;
use super::build::NODE;
use super::build::Segment;
use super::build::ethernet;
use super::build::pcap_at;
use super::copies::full_session;
use super::copies::translated;
use super::read;
use super::story;
use crate::capture::Summary;
use crate::capture::read_together;

type Frames = Vec<(u64, Vec<u8>)>;

fn frames_of(segments: &[Segment]) -> Frames {
    let frames = (0..).zip(segments);
    frames.map(|(index, one)| (index * 1000, ethernet(&[], &one.packet()))).collect()
}

#[track_caller]
fn together(files: &[Frames]) -> (Vec<CapturedFlow>, Vec<Summary>) {
    let files: Vec<Vec<u8>> = files.iter().map(|frames| pcap_at(1, frames)).collect();
    let mut taken = Taken::default();
    let inputs = files.iter().map(Vec::as_slice).collect();
    let summaries = read_together(inputs, |_| false, &mut taken).unwrap();
    (taken.flows, summaries)
}

#[test]
fn however_a_capture_is_dealt_out_to_files_it_holds_the_same_flow() {
    let all = frames_of(&full_session());
    let (whole, _) = read(&pcap_at(1, &all));
    let expected = &whole.flows[0];
    for deal in 0..1_u32 << all.len() {
        let mut files = [Frames::new(), Frames::new()];
        for (place, frame) in all.iter().enumerate() {
            files[usize::from(deal & 1 << place != 0)].push(frame.clone());
        }
        let (flows, summaries) = together(&files);
        let [flow] = flows.as_slice() else { panic!("{deal:#b}: {flows:#?}") };
        assert_eq!(story(flow), story(expected), "{deal:#b}");
        assert_eq!((flow.packets, flow.copies, flow.syn), (expected.packets, 0, true), "{deal:#b}");
        assert_eq!((flow.first, flow.last), (expected.first, expected.last), "{deal:#b}");
        assert_eq!(flow.file, usize::from(deal & 1 != 0), "{deal:#b}");
        let frames: Vec<u64> = summaries.iter().map(|summary| summary.frames).collect();
        assert_eq!(frames, files.map(|file| file.len() as u64), "{deal:#b}");
    }
}

#[test]
fn what_was_captured_on_both_sides_of_source_nat_is_one_flow() {
    let inside = full_session();
    let outside: Vec<Segment> = inside.iter().map(translated).collect();
    let mut later = frames_of(&outside);
    for (at, _) in &mut later {
        *at += 20;
    }
    for files in [[frames_of(&inside), later.clone()], [later.clone(), frames_of(&inside)]] {
        let (flows, _) = together(&files);
        let [flow] = flows.as_slice() else { panic!("{flows:#?}") };
        assert_eq!((flow.packets, flow.copies), (Some(5), 5));
        assert_eq!(flow.source.to_string(), "10.1.0.5");
        let before = flow.translated_from.map(|before| before.to_string());
        assert_eq!(before.as_deref(), Some("10.0.0.4:50000"));
    }
    assert_eq!((CLIENT.0, NODE.0), ([10, 0, 0, 4], [10, 1, 0, 5]));
}

/// Of files that follow each other, none is of another place: a segment that is sent again right at
/// the border is no copy.
#[test]
fn files_that_follow_each_other_are_of_one_place() {
    let mut all = frames_of(&full_session());
    let again = (all[3].0 + 10, all[3].1.clone());
    all.insert(4, again);
    let (whole, _) = read(&pcap_at(1, &all));
    let (flows, _) = together(&[all[..4].to_vec(), all[4..].to_vec()]);
    assert_eq!((flows[0].packets, flows[0].copies), (whole.flows[0].packets, 0));
}

#[test]
fn a_file_that_is_no_capture_is_named() {
    let good = pcap_at(1, &frames_of(&full_session()));
    let inputs: Vec<&[u8]> = vec![&good, b"no capture at all, of any kind"];
    let refused = read_together(inputs, |_| false, &mut Taken::default()).unwrap_err();
    assert_eq!(refused.file, 1);
}

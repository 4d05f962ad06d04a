//! What the stage does with whole captures, written by hand.

mod build;
mod copies;
mod damage;
mod evasion;
mod formats;
mod missing;
mod quic;
mod sessions;
mod threads;
mod together;
mod tunnels;

use crate::evidence::DnsAnswer;
use crate::flow::SeenPayload;

use super::CaptureError;
use super::CapturedFlow;
use super::Reader;
use super::Sink;
use super::Summary;
use build::ACK;
use build::CLIENT;
use build::End;
use build::SYN;
use build::Segment;
use build::ethernet;
use build::pcap;

#[derive(Debug, Default, PartialEq)]
struct Taken {
    flows: Vec<CapturedFlow>,
    answers: Vec<DnsAnswer>,
}

impl Sink for Taken {
    fn flow(&mut self, flow: CapturedFlow) {
        self.flows.push(flow);
    }

    fn answer(&mut self, answer: DnsAnswer) {
        self.answers.push(answer);
    }
}

/// Reads pieces on one thread, and once more on several, which gives the same.
fn try_read(pieces: &[&[u8]]) -> (Taken, Result<Summary, CaptureError>) {
    let mut taken = Taken::default();
    let mut reader = Reader::new();
    let fed = pieces.iter().try_for_each(|piece| reader.feed(piece, &mut taken));
    let summary = fed.and_then(|()| reader.finish(&mut taken));
    let (in_threads, threaded_summary) = threads::read(&pieces.concat());
    assert_eq!((&in_threads, &threaded_summary), (&taken, &summary));
    (taken, summary)
}

#[track_caller]
fn read(bytes: &[u8]) -> (Taken, Summary) {
    let (taken, summary) = try_read(&[bytes]);
    (taken, summary.unwrap())
}

#[track_caller]
fn only(bytes: &[u8]) -> CapturedFlow {
    let (mut taken, _) = read(bytes);
    assert_eq!(taken.flows.len(), 1, "{:#?}", taken.flows);
    taken.flows.remove(0)
}

/// A flow in short: application, name and openings.
fn story(flow: &CapturedFlow) -> String {
    let name = flow.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let mut parts = vec![format!("{}{name}", flow.application.keyword())];
    for opening in &flow.openings {
        let payload = match &opening.payload {
            SeenPayload::Exactly(payload) => payload.to_string(),
            SeenPayload::Kind(kind) => format!("some {}", kind.keyword()),
            SeenPayload::Unread(Some(kind)) => format!("unread {}", kind.keyword()),
            SeenPayload::Unread(None) => "unread".to_owned(),
            SeenPayload::Unknown => "unknown".to_owned(),
        };
        parts.push(format!("{} {payload}", opening.packet));
    }
    parts.join(" | ")
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

const IN_PCAP: &str = "d4c3b2a1020004000000000000000000000004000100000000b9556940e2
    01004800000048000000123456789abc002248aabbcc08004500003a0001
    00004011466f0af00004a83f8110cf080035002600001234010000010000
    000000000474657374076578616d706c650000010001";

/// A handshake and what the client then sends, each part in a segment.
fn session(server: End, parts: &[&[u8]]) -> Vec<Segment> {
    let mut segments = vec![
        Segment::new(CLIENT, server, SYN, 1000, b""),
        Segment::new(server, CLIENT, SYN | ACK, 5000, b"").answering(1001),
        Segment::new(CLIENT, server, ACK, 1001, b""),
    ];
    let mut sequence = 1001;
    for part in parts {
        segments.push(Segment::new(CLIENT, server, ACK, sequence, part));
        sequence += u32::try_from(part.len()).unwrap();
    }
    segments
}

fn file_of(segments: &[Segment]) -> Vec<u8> {
    let frames: Vec<_> = segments.iter().map(|segment| ethernet(&[], &segment.packet())).collect();
    pcap(1, &frames)
}

#[track_caller]
fn check_story(segments: &[Segment], expected: &str) {
    assert_eq!(story(&only(&file_of(segments))), expected);
}

//! Captures that are cut or damaged give what can be read, and never more than the whole.

use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use proptest::prelude::*;

use super::super::CapturedFlow;
use super::super::Damage;
use super::super::Limit;
use super::super::StepsBack;
use super::IN_PCAP;
use super::build::ACK;
use super::build::CLIENT;
use super::build::End;
use super::build::PRE_LOGIN;
use super::build::SERVER;
use super::build::SQL;
use super::build::Segment;
use super::build::WEB;
use super::build::client_hello;
use super::build::dns_response;
use super::build::ethernet;
use super::build::fragments;
use super::build::pcap;
use super::build::pcap_at;
use super::build::tds;
use super::build::udp;
use super::file_of;
use super::hex;
use super::only;
use super::read;
use super::session;
use super::story;
use super::try_read;

#[test]
fn a_capture_cut_in_a_later_record_gives_what_is_before_it() {
    let file = hex(IN_PCAP);
    let cut = [&file[..], &file[24..90]].concat();
    let (taken, summary) = read(&cut);
    assert_eq!(taken.flows.len(), 1);
    let truncated = summary.truncated.unwrap();
    assert_eq!(truncated.offset, 112);
    assert_eq!(truncated.what, Damage::Cut { need: 88, have: 66 });
}

#[test]
fn a_capture_cut_in_a_block_that_is_passed_over_tells_where_that_began() {
    let section = hex("0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000");
    let block = [&[0xad, 0x0b, 0, 0, 0xf4, 3, 0, 0][..], &[0; 492]].concat();
    for size in [1, 100, 1000] {
        let file = [&section[..], &block].concat();
        let pieces: Vec<&[u8]> = file.chunks(size).collect();
        let truncated = try_read(&pieces).1.unwrap().truncated.unwrap();
        assert_eq!(truncated.offset, 28);
        assert_eq!(truncated.what, Damage::Cut { need: 1012, have: 500 });
    }
}

#[test]
fn a_record_longer_than_any_packet_ends_the_reading() {
    let file = hex(IN_PCAP);
    let mut damaged = [&file[..], &file[24..]].concat();
    damaged[112 + 10] = 0x42;
    let (taken, summary) = read(&damaged);
    assert_eq!(taken.flows[0].packets, Some(1));
    assert!(matches!(summary.truncated.unwrap().what, Damage::TooLong { .. }));
}

/// A clock that was set back is told, and packets that waited in a buffer are not.
#[test]
fn steps_back_of_the_clock_are_told_by_their_number_and_the_first() {
    let check = |seconds: &[f64], expected: Option<(u64, f64, i64)>| {
        let microseconds =
            |seconds: f64| u64::try_from(Duration::from_secs_f64(seconds).as_micros()).unwrap();
        let frame = ethernet(&[], &udp(CLIENT, SERVER, 1, b"?"));
        let frames = seconds.iter().map(|at| (microseconds(*at), frame.clone()));
        let (_, summary) = read(&pcap_at(1, &frames.collect::<Vec<_>>()));
        let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let expected = expected.map(|(number, first, by)| StepsBack {
            number,
            first: begin + Duration::from_secs_f64(first),
            by: SignedDuration::from_millis(by),
        });
        assert_eq!(summary.steps_back, expected, "{seconds:?}");
    };
    check(&[], None);
    check(&[0.0, 1.0, 1.0, 3600.0], None);
    check(&[9.0, 8.0, 10.0, 8.0, 8.5, 10.0], None);
    check(&[10.0, 7.5, 8.0, 9.0], Some((1, 10.0, 2500)));
    check(&[10.0, 9.0, 7.5, 5.0], Some((2, 10.0, 2500)));
    check(&[100.0, 40.0, 100.0, 97.0], Some((2, 100.0, 60_000)));
}

/// A file with something of everything.
fn medley() -> Vec<u8> {
    let hello = client_hello("www.example.com");
    let (a, b) = hello.split_at(40);
    let mut segments = session(SERVER, &[a, b]);
    segments.swap(3, 4);
    segments.extend(session(WEB, &[b"GET / HTTP/1.1\r\nHost: one.example\r\n", b"\r\n"]));
    let login = tds(0x12, PRE_LOGIN);
    let inner = tds(0x12, &client_hello("sql.example.net"));
    segments.extend(session(SQL, &[&login, &inner]));
    let response =
        dns_response("api.example.com", "edge.example.net", Ipv4Addr::new(203, 0, 113, 7));
    let answer = udp(End([10, 0, 0, 53], 53), End(CLIENT.0, 40_000), 9, &response);
    let mut frames: Vec<Vec<u8>> = segments.iter().map(Segment::packet).collect();
    frames.extend(fragments(&answer, 24));
    frames.push(answer);
    let frames: Vec<Vec<u8>> = frames.iter().map(|packet| ethernet(&[3], packet)).collect();
    pcap(1, &frames)
}

proptest! {
    #[test]
    fn the_flows_do_not_depend_on_how_the_file_is_cut(
        mut cuts in prop::collection::vec(0..2000_usize, 0..20)
    ) {
        let file = medley();
        cuts.retain(|cut| *cut <= file.len());
        cuts.extend([0, file.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &file[cut[0]..cut[1]]).collect();
        prop_assert_eq!(try_read(&pieces), try_read(&[&file]));
    }

    #[test]
    fn damage_anywhere_is_survived(
        flips in prop::collection::vec((0..4000_usize, any::<u8>()), 1..40)
    ) {
        let mut file = medley();
        for (at, value) in flips {
            let length = file.len();
            file[at % length] ^= value;
        }
        let (taken, _) = try_read(&[&file]);
        for flow in taken.flows {
            prop_assert!(!flow.openings.is_empty());
            prop_assert!(flow.packets > Some(0));
        }
    }
}

#[test]
fn a_file_cut_anywhere_gives_flows_that_the_whole_has() {
    let file = medley();
    let (whole, _) = read(&file);
    assert_eq!(whole.flows.len(), 4);
    for length in 24..file.len() {
        let (taken, summary) = read(&file[..length]);
        for flow in &taken.flows {
            let same = whole.flows.iter().find(|other| other.frame == flow.frame).unwrap();
            assert!(flow.packets <= same.packets);
            assert!(flow.name.is_none() || flow.name == same.name);
            let names = |flow: &CapturedFlow| -> Vec<_> {
                flow.names.iter().map(|seen| seen.name.clone()).collect()
            };
            assert!(names(same).starts_with(&names(flow)));
        }
        assert!(whole.answers.starts_with(&taken.answers));
        let at_border = summary.truncated.is_none();
        assert_eq!(at_border, is_record_border(&file, length), "at {length}");
    }
}

/// Whether a pcap file of little-endian records ends with a whole one when cut at `length`.
fn is_record_border(file: &[u8], length: usize) -> bool {
    let mut at = 24;
    while at < length {
        let captured = u32::from_le_bytes(file[at + 8..at + 12].try_into().unwrap());
        at += 16 + usize::try_from(captured).unwrap();
    }
    at == length
}

/// Nothing that a server says is asked of the firewall.
#[test]
fn what_is_lost_of_the_server_leaves_the_question_known() {
    let hello = client_hello("a.example");
    for (server, first) in
        [(SERVER, hello.as_slice()), (WEB, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")]
    {
        let mut segments = session(server, &[first]);
        let whole = only(&file_of(&segments));
        segments.push(Segment::new(server, CLIENT, ACK, 5001 + 700, &[7; 100]));
        segments.push(Segment::new(server, CLIENT, ACK, 5001 + 1700, &[7; 100]));
        let flow = only(&file_of(&segments));
        assert_eq!(story(&flow), story(&whole));
        assert!(!flow.incomplete);
        // Nor is it a question that the server says something in two ways.
        segments.push(Segment::new(server, CLIENT, ACK, 5001 + 700, &[8; 100]));
        let flow = only(&file_of(&segments));
        assert_eq!(story(&flow), story(&whole));
        // What the client said may be missing with it: its acknowledged numbers tell that it spoke.
        let mut both = session(server, &[]);
        both.push(Segment::new(server, CLIENT, ACK, 5001 + 700, &[7; 100]).answering(1001 + 517));
        let flow = only(&file_of(&both));
        assert_eq!(story(&flow), "other | 1 silent | 1 unknown");
        // Of the client, either leaves the question open.
        segments.push(Segment::new(CLIENT, server, ACK, 1001, &[8; 10]));
        let flow = only(&file_of(&segments));
        assert_ne!(story(&flow), story(&whole));
    }
}

/// As many as are held: the fragment that completes one of them needs no room of its own.
#[test]
fn as_many_datagrams_as_are_held_can_all_be_completed() {
    let datagrams = |number: u16| -> Vec<[Vec<u8>; 2]> {
        let query = &[0; 64];
        let cut = |id| fragments(&udp(End([10, 0, 0, 4], 2000 + id), SERVER, id, query), 32);
        (1..=number).map(cut).collect()
    };
    for (number, complete) in [(256, 256), (257, 0)] {
        let all = datagrams(number);
        let first = all.iter().map(|[first, _]| ethernet(&[], first));
        let last = all.iter().map(|[_, last]| ethernet(&[], last));
        let (taken, summary) = read(&pcap(1, &first.chain(last).collect::<Vec<_>>()));
        assert_eq!(taken.flows.len(), complete, "{number}");
        assert_eq!(summary.limits.contains(&Limit::FragmentedDatagrams), complete == 0);
    }
}

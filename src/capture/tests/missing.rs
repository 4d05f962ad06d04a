//! What the capture lacks: fragments, ends of segments, and bytes that are known to have been sent.

use std::net::Ipv4Addr;

use super::build::ACK;
use super::build::CLIENT;
use super::build::End;
use super::build::FIN;
use super::build::RST;
use super::build::SERVER;
use super::build::SQL;
use super::build::Segment;
use super::build::WEB;
use super::build::client_hello;
use super::build::dns_response;
use super::build::fragments;
use super::build::pcap;
use super::build::pcap_at;
use super::build::udp;
use super::check_story;
use super::file_of;
use super::only;
use super::read;
use super::session;
use super::story;
use crate::capture::NameOrigin;

/// One reader puts them together in one way and another in the other.
#[test]
fn of_fragments_that_disagree_nothing_is_known_behind_the_first_difference() {
    let packet = session(SERVER, &[&client_hello("a.example")])[3].packet();
    let [first, _] = fragments(&packet, 64);
    let (same, mut other) = (packet.clone(), packet);
    // Both fragments have it.
    other[20 + 60] ^= 1;
    let story_with = |second: &[u8]| {
        let [_, second] = fragments(second, 56);
        story(&only(&pcap(101, &[first.clone(), second])))
    };
    assert_eq!(story_with(&same), "tls a.example | 1 tls a.example");
    assert_eq!(story_with(&other), "tls | 1 some tls");
}

#[test]
fn fragments_count_once_and_only_together() {
    let response =
        dns_response("api.example.com", "edge.example.net", Ipv4Addr::new(203, 0, 113, 7));
    let packet = udp(End([10, 0, 0, 53], 53), CLIENT, 9, &response);
    let [first, second] = fragments(&packet, 32);
    for order in [[&first, &second], [&second, &first]] {
        let (taken, summary) = read(&pcap(101, &order.map(Clone::clone)));
        assert_eq!(taken.answers.len(), 1);
        assert_eq!(taken.flows[0].packets, Some(1));
        assert_eq!(taken.flows[0].bytes, u64::try_from(packet.len() + 20).ok());
        assert_eq!(summary.lone_fragments, 0);
    }
    // As a switch gives them that mirrors both directions of a port.
    let twice = [&first, &first, &second, &second].map(Clone::clone);
    let (taken, summary) = read(&pcap(101, &twice));
    assert_eq!((taken.answers.len(), summary.lone_fragments), (1, 0));
    assert!(summary.lost_responses.is_empty());
    let (taken, summary) = read(&pcap(101, &[first]));
    assert_eq!(taken.flows, []);
    assert_eq!(summary.lone_fragments, 1);
}

#[test]
fn a_segment_of_which_a_fragment_is_missing_was_sent_all_the_same() {
    let hello = client_hello("a.example");
    let mut packets: Vec<Vec<u8>> =
        session(SERVER, &[&hello]).iter().map(Segment::packet).collect();
    let [first, second] = fragments(&packets[3], 32);
    for (fragment, expected) in [
        (first.clone(), "other | 1 silent | 1 unknown"),
        // Less than a header of TCP, but for the ports.
        (fragments(&packets[3], 8)[0].clone(), "other | 1 silent | 1 unknown"),
        (first[..first.len() - 5].to_vec(), "tls | 1 silent | 4 some tls"),
        // A header that was cut behind the ports.
        (packets[3][..20 + 12].to_vec(), "other | 1 silent | 1 unknown"),
        (first[..20 + 12].to_vec(), "other | 1 silent | 1 unknown"),
        // It may be of any connection between those machines.
        (second, "other | 1 silent"),
    ] {
        packets[3] = fragment;
        let flow = only(&pcap(101, &packets));
        assert_eq!(story(&flow), expected);
    }
}

/// Whatever becomes of the flow until it is known that the rest is missing, and whatever it said before.
#[test]
fn a_request_of_which_a_fragment_is_missing_leaves_the_flow_open() {
    let asks = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
    let (one, other) = (asks("a.example"), asks("b.example"));
    let packets: Vec<Vec<u8>> = session(WEB, &[&one, &other]).iter().map(Segment::packet).collect();
    let [first, _] = fragments(&packets[4], 32);
    let seconds = |after: &[u64]| -> Vec<(u64, Vec<u8>)> {
        let frames = [&packets[..4], &[first.clone()][..]].concat();
        let later = (0..after.len()).map(|number| {
            udp(
                End([10, 9, 9, 9], 999),
                End([10, 9, 9, 8], 53_000 + u16::try_from(number).unwrap()),
                1,
                b"x",
            )
        });
        let times = [0, 0, 0, 0, 0].iter().chain(after).map(|second| second * 1_000_000);
        times.zip(frames.into_iter().chain(later)).collect()
    };
    let expected = "http a.example | 1 silent | 4 http a.example | 4 unread http";
    for after in [&[][..], &[60], &[4000, 4001, 8000]] {
        let (taken, _) = read(&pcap_at(101, &seconds(after)));
        assert_eq!(story(&taken.flows[0]), expected, "{after:?}");
    }
    // A body may end with the first fragment.
    let posts = (60..68).map(|length| {
        let body = "x".repeat(length);
        format!("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {length}\r\n\r\n{body}")
    });
    for post in posts.filter(|post| (20 + post.len()).is_multiple_of(8)) {
        let both = [post.as_bytes(), &other].concat();
        let packet = session(WEB, &[&both])[3].packet();
        for (at, cut) in [(20 + post.len(), 4), (20 + post.len() + 8, 8)] {
            let [first, _] = fragments(&packet, at);
            let flow = only(&pcap(101, &[first[..first.len() - cut].to_vec()]));
            assert_eq!(story(&flow), "http a.example | 1 http a.example | 1 unread http", "{cut}");
        }
    }
}

/// Nothing shows that a request was there but that the server took it.
#[test]
fn a_request_that_was_not_captured_but_acknowledged_leaves_the_flow_open() {
    let asks = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
    let one = asks("a.example");
    let end = 1001 + u32::try_from(one.len()).unwrap();
    let told = |acknowledged: u32| {
        let mut segments = session(WEB, &[&one]);
        segments.push(Segment::new(WEB, CLIENT, ACK, 9001, b"").answering(acknowledged));
        story(&only(&file_of(&segments)))
    };
    let asked = "http a.example | 1 silent | 4 http a.example";
    assert_eq!(told(end), asked);
    // A FIN.
    assert_eq!(told(end + 1), asked);
    assert_eq!(told(end + 40), format!("{asked} | 5 unread http"));
}

/// Numbers that no end stands by, and what was sent again.
#[test]
fn what_is_not_missing_leaves_no_flow_open() {
    let asks = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5000\r\n\r\n";
    let behind = 1001 + u32::try_from(asks.len()).unwrap();
    let asked = "http a.example | 1 silent | 4 http a.example";
    // A body that is missing is of the length that was said.
    let mut segments = session(WEB, &[asks]);
    segments.push(Segment::new(CLIENT, WEB, FIN | ACK, behind + 5000, b"").answering(9001));
    segments.push(Segment::new(WEB, CLIENT, ACK, 9001, b"").answering(behind + 5001));
    check_story(&segments, asked);
    segments[4].sequence += 40;
    check_story(&segments, &format!("{asked} | 6 unread http"));
    // The answer to another connection, and a reset that acknowledges nothing.
    let whole = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let mut segments = session(WEB, &[whole]);
    segments.push(Segment::new(WEB, CLIENT, RST | ACK, 9001, b"").answering(900_000));
    check_story(&segments, asked);
    // What precedes all that was seen is no loss behind it.
    let lost = |first: u32| {
        let ours = Segment::new(CLIENT, WEB, ACK, 1001, whole);
        let theirs = Segment::new(WEB, CLIENT, ACK, 9001, b"").answering(first);
        let later = Segment::new(WEB, CLIENT, ACK, 9001, b"").answering(2000);
        story(&only(&file_of(&[ours, theirs, later])))
    };
    assert_eq!(lost(900), lost(1001));
    assert!(lost(900).ends_with("| 3 unread http"), "{}", lost(900));
    // A fragment that was lost on the way, and the segment once more.
    let packets: Vec<Vec<u8>> = session(WEB, &[whole]).iter().map(Segment::packet).collect();
    let [first, _] = fragments(&packets[3], 24);
    let frames = [&packets[..3], &[first, packets[3].clone()][..]].concat();
    assert_eq!(story(&only(&pcap(101, &frames))), asked);
}

/// As each fragment is cut by a snapshot length, none of a long datagram is whole.
#[test]
fn the_first_fragment_that_was_cut_is_a_datagram_that_was_cut() {
    let packet = udp(CLIENT, SERVER, 9, &[7; 3000]);
    let fragments = fragments(&packet, 1480).map(|fragment| fragment[..68].to_vec());
    let (taken, summary) = read(&pcap(101, &fragments));
    assert_eq!(taken.flows.iter().map(story).collect::<Vec<_>>(), ["other | 1 other"]);
    assert_eq!((taken.flows[0].packets, summary.lone_fragments), (Some(1), 1));
}

/// What of a session is captured from segment `from` on, but for `lost`.
fn without(session: &[Segment], from: usize, lost: Option<usize>) -> String {
    let kept = session.iter().enumerate().skip(from).filter(|(at, _)| Some(*at) != lost);
    story(&only(&file_of(&kept.map(|(_, segment)| segment.clone()).collect::<Vec<_>>())))
}

/// After STARTTLS or `CONNECT` no rule goes by the name of a hello.
#[test]
fn a_hello_is_no_opening_where_something_was_said_before_it() {
    let hello = client_hello("a.example");
    let mut starttls = session(SERVER, &[b"EHLO there\r\n", b"STARTTLS\r\n", &hello]);
    starttls.insert(3, Segment::new(SERVER, CLIENT, ACK, 5001, b"220 hello\r\n"));
    starttls.insert(6, Segment::new(SERVER, CLIENT, ACK, 5012, b"220 ready\r\n"));
    assert_eq!(without(&starttls, 0, None), "other | 1 silent | 5 other");
    // What the client said before, the hello itself, and nothing but that, as far as was captured.
    for (from, expected) in [
        (2, "tls a.example | 6 unread"),
        (4, "tls a.example | 4 unread"),
        (5, "tls a.example | 3 unread"),
        (6, "tls a.example | 2 unread"),
        (7, "tls a.example | 1 tls a.example"),
    ] {
        assert_eq!(without(&starttls, from, None), expected, "{from}");
    }
    let connect = session(WEB, &[b"CONNECT b.example HTTP/1.1\r\nHost: b.example\r\n\r\n", &hello]);
    assert_eq!(without(&connect, 0, None), "http b.example | 1 silent | 4 http b.example");
    assert_eq!(without(&connect, 0, Some(3)), "tls a.example | 1 silent | 4 unread");
    // A hello that comes in small pieces, too.
    let pieces: Vec<&[u8]> = hello.chunks(6).collect();
    let parts = [&[b"EHLO there\r\n".as_slice()], pieces.as_slice()].concat();
    let last = parts.len();
    assert_eq!(
        without(&session(SERVER, &parts), 2, None),
        format!("tls a.example | {} unread", last + 1)
    );
    // What is lost of such a hello tells no more of how the connection began.
    let (half, rest) = hello.split_at(40);
    let connect =
        session(WEB, &[b"CONNECT b.example HTTP/1.1\r\nHost: b.example\r\n\r\n", half, rest]);
    assert_eq!(without(&connect[..5], 0, Some(3)), "tls | 1 silent | 4 unknown");
    let mut behind = connect.clone();
    behind.push(Segment::new(CLIENT, WEB, ACK, 2_000, &[23, 3, 3, 0, 1, 7]));
    behind.remove(5);
    assert_eq!(without(&behind, 0, Some(3)), "tls | 1 silent | 5 unknown");
    // Numbers before it show that bytes are missing, and those of an answer that it came first.
    let begun = Segment::new(CLIENT, SERVER, ACK, 981, b"");
    let one = Segment::new(CLIENT, SERVER, ACK, 1001, &hello);
    let told = |segments: &[Segment]| without(segments, 0, None);
    assert_eq!(told(&[begun, one.clone()]), "tls a.example | 2 unread");
    let end = 1001 + u32::try_from(hello.len()).unwrap();
    let says = Segment::new(SERVER, CLIENT, ACK, 5001, b"220 ready\r\n");
    let before = |number: u32| told(&[says.clone().answering(number), one.clone()]);
    assert_eq!(before(1001), "tls a.example | 2 unread");
    assert_eq!(before(end), "tls a.example | 2 tls a.example");
}

/// On the port of HTTPS a connection is taken to have begun so; others turn to TLS, and on any port.
#[test]
fn records_without_a_hello_are_of_tls_and_tell_the_payload_where_https_is_expected() {
    let records = [&[23, 3, 3, 0, 40][..], &[7; 40]].concat();
    let hello = client_hello("a.example");
    for (server, expected) in [(SERVER, "tls | 1 some tls"), (SQL, "tls | 1 unknown")] {
        assert_eq!(without(&session(server, &[&hello, &records]), 4, None), expected);
        let answer = Segment::new(server, CLIENT, ACK, 5001, &records);
        let asked = Segment::new(CLIENT, server, ACK, 1001, &records);
        assert_eq!(without(&[asked, answer], 0, None), expected);
    }
}

/// Behind SOCKS, say. A request of HTTP/1 may follow on the body of one that was not captured.
#[test]
fn http2_behind_what_is_not_known_is_no_opening() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let session = session(SERVER, &[b"\x05\x01\0", preface]);
    assert_eq!(without(&session, 2, None), "http | 3 unknown");
    assert_eq!(without(&session, 4, None), "http | 1 some http");
    let greeting = Segment::new(SERVER, CLIENT, ACK, 5001, b"\0\0\0\x04\0\0\0\0\0");
    assert_eq!(without(&[greeting, session[4].clone()], 0, None), "http | 2 some http");
}

/// A proxy goes by the target, and a firewall on the way by the field.
#[test]
fn the_host_of_a_target_does_not_stand_in_for_a_field_that_may_be_missing() {
    for target in ["CONNECT a.example:443", "GET http://a.example/"] {
        let head = format!("{target} HTTP/1.1\r\nUser-Agent: x\r\nHo");
        let flow = only(&file_of(&session(WEB, &[head.as_bytes()])));
        assert_eq!(story(&flow), "http | 1 silent | 4 unread http", "{target}");
        let seen: Vec<_> = flow.names.iter().map(|seen| seen.origin).collect();
        assert_eq!(seen, [NameOrigin::Target], "{target}");
        assert!(flow.incomplete);
        let head = format!("{target} HTTP/1.1\r\nHost: b.example\r\nUser-");
        let flow = only(&file_of(&session(WEB, &[head.as_bytes()])));
        assert!(story(&flow).starts_with("http b.example | 1 silent | 4 http b.example"));
        // A whole head without the field has none.
        let head = format!("{target} HTTP/1.0\r\n\r\n");
        let host = if target.starts_with("GET") { " a.example" } else { "" };
        let flow = only(&file_of(&session(WEB, &[head.as_bytes()])));
        assert!(story(&flow).starts_with(&format!("http{host} | 1 silent | 4 http")), "{target}");
    }
}

//! What the stage does with whole captures, written by hand.

mod build;

use std::net::Ipv4Addr;

use proptest::prelude::*;

use crate::evidence::DnsAnswer;
use crate::evidence::DnsRecord;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::SeenPayload;

use super::Application;
use super::CaptureError;
use super::CapturedFlow;
use super::Damage;
use super::Limit;
use super::LinkType;
use super::NameOrigin;
use super::Reader;
use super::Sink;
use super::Summary;
use build::ACK;
use build::CLIENT;
use build::End;
use build::NODE;
use build::PRE_LOGIN;
use build::RST;
use build::SERVER;
use build::SQL;
use build::SYN;
use build::Segment;
use build::WEB;
use build::client_hello;
use build::cooked;
use build::dns_response;
use build::ethernet;
use build::fragments;
use build::pcap;
use build::pcap_at;
use build::tds;
use build::udp;

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

fn try_read(pieces: &[&[u8]]) -> (Taken, Result<Summary, CaptureError>) {
    let mut taken = Taken::default();
    let mut reader = Reader::new();
    let fed = pieces.iter().try_for_each(|piece| reader.feed(piece, &mut taken));
    let summary = fed.and_then(|()| reader.finish(&mut taken));
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

const IN_PCAPNG: &str = "0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c0000000100
    000014000000010000000000040014000000060000006800000000000000
    48470600402222464800000048000000123456789abc002248aabbcc0800
    4500003a000100004011466f0af00004a83f8110cf080035002600001234
    010000010000000000000474657374076578616d706c6500000100016800
    0000";

const IN_BIG_ENDIAN_PCAPNG: &str = "0a0d0d0a0000001c1a2b3c4d00010000ffffffffffffffff0000001c0000
    000100000020000100000004000000090001090000000000000000000020
    00000006000000680000000018867251f555cd1500000048000000481234
    56789abc002248aabbcc08004500003a000100004011466f0af00004a83f
    8110cf080035002600001234010000010000000000000474657374076578
    616d706c65000001000100000068";

#[track_caller]
fn check_query(file: &[u8], at: &str) {
    let flow = only(file);
    assert_eq!(flow.first.to_string(), at);
    assert_eq!(flow.application, Application::Dns);
    assert_eq!((flow.source_port, flow.destination_port), (53_000, 53));
    assert_eq!(flow.source.to_string(), "10.240.0.4");
    assert_eq!((flow.packets.unwrap(), flow.bytes.unwrap()), (1, 58));
    assert!(!flow.answered);
}

#[test]
fn every_file_format_gives_the_same_packet() {
    check_query(&hex(IN_PCAP), "2026-01-01T00:00:00.123456Z");
    check_query(&hex(IN_PCAPNG), "2026-01-01T00:00:00.123456Z");
    check_query(&hex(IN_BIG_ENDIAN_PCAPNG), "2026-01-01T00:00:00.123456789Z");
    let mut nanoseconds = hex(IN_PCAP);
    nanoseconds[0] = 0x4d;
    nanoseconds[1] = 0x3c;
    check_query(&nanoseconds, "2026-01-01T00:00:00.00012345600Z".replace("600Z", "6Z").as_str());
}

#[test]
fn every_link_type_gives_the_same_packet() {
    let packet = hex(IN_PCAP)[24 + 16 + 14..].to_vec();
    let with = |header: &[u8]| [header, &packet].concat();
    let sll = [&[0, 4, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 8, 0], packet.as_slice()].concat();
    let nflog = {
        let length = u16::try_from(4 + packet.len()).unwrap().to_le_bytes();
        [&[2, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0], &length[..], &[9, 0], &packet].concat()
    };
    let snap = [&[2; 12][..], &[0, 66, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &packet].concat();
    let pppoe = [&[2; 12][..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 60, 0, 0x21], &packet].concat();
    let frames: &[(u16, Vec<u8>)] = &[
        (0, with(&[2, 0, 0, 0])),
        (0, with(&[0, 0, 0, 2])),
        (1, ethernet(&[], &packet)),
        (1, ethernet(&[100], &packet)),
        (1, ethernet(&[100, 200], &packet)),
        (1, snap),
        (1, pppoe),
        (12, packet.clone()),
        (14, packet.clone()),
        (101, packet.clone()),
        (108, with(&[0, 0, 0, 2])),
        (113, sll),
        (228, packet.clone()),
        (239, nflog),
        (276, cooked(3, 4, &packet)),
    ];
    for (link, frame) in frames {
        let file = pcap(u32::from(*link), std::slice::from_ref(frame));
        check_query(&file, "2026-01-01T00:00:00Z");
    }
}

#[test]
fn what_is_no_capture_is_an_error_that_says_what_to_do() {
    let check = |bytes: &[u8], expected: &str| {
        let (taken, result) = try_read(&[bytes]);
        assert_eq!(taken, Taken::default());
        assert_eq!(result.unwrap_err().to_string(), expected);
    };
    check(b"", "the capture is empty; expected the file header of a pcap or pcapng capture");
    check(
        &hex(IN_PCAP)[..20],
        "the capture is cut in its file header: expected 24 bytes, found 20; copy the file again",
    );
    check(
        b"GET / HTTP/1.1",
        "expected a capture (pcap, pcapng) or a flow log (VNet, NSG, Azure Firewall, Hubble, Zeek, Suricata, \
         AWS), found a file that begins with `GET `; convert other captures with `editcap -F pcapng`",
    );
    check(
        &[0x28, 0xb5, 0x2f, 0xfd, 0],
        "expected a capture, plain or compressed with gzip, found zstd; decompress it first",
    );
    check(
        &pcap(105, &[]),
        "packets of link type 105 (IEEE802_11) are not supported; capture on an Ethernet, cooked \
         or raw IP interface",
    );
}

#[test]
fn a_capture_without_packets_is_an_empty_result() {
    let (taken, summary) = read(&pcap(1, &[]));
    assert_eq!(taken, Taken::default());
    assert_eq!(summary.frames, 0);
    assert_eq!(summary.truncated, None);
    assert!(summary.link_types.contains(&LinkType::ETHERNET));
}

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
fn a_record_longer_than_any_packet_ends_the_reading() {
    let file = hex(IN_PCAP);
    let mut damaged = [&file[..], &file[24..]].concat();
    damaged[112 + 10] = 0x42;
    let (taken, summary) = read(&damaged);
    assert_eq!(taken.flows[0].packets.unwrap(), 1);
    assert!(matches!(summary.truncated.unwrap().what, Damage::TooLong { .. }));
}

#[test]
fn gzip_is_undone_and_its_damage_is_told() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&hex(IN_PCAP)).unwrap();
    let zipped = encoder.finish().unwrap();
    check_query(&zipped, "2026-01-01T00:00:00.123456Z");
    let (_, summary) = read(&zipped[..zipped.len() - 3]);
    assert!(matches!(summary.truncated.unwrap().what, Damage::Gzip(_)));
    let (_, error) = try_read(&[&zipped[..12]]);
    assert!(matches!(error, Err(CaptureError::Gzip(_) | CaptureError::Empty)), "{error:?}");
}

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

#[test]
fn a_hello_is_found_however_it_is_cut_up() {
    let hello = client_hello("www.example.com");
    let expected = "tls www.example.com | 1 silent | 4 tls www.example.com";
    check_story(&session(SERVER, &[&hello]), expected);
    let (a, b) = hello.split_at(3);
    let (b, c) = b.split_at(40);
    let expected = "tls www.example.com | 1 silent | 6 tls www.example.com";
    let split = session(SERVER, &[a, b, c]);
    check_story(&split, expected);
    let mut reversed = split.clone();
    reversed.swap(3, 5);
    check_story(&reversed, expected);
    let mut repeated = split.clone();
    repeated.insert(4, split[3].clone());
    check_story(&repeated, "tls www.example.com | 1 silent | 7 tls www.example.com");
}

#[test]
fn a_hello_is_found_in_several_records() {
    let hello = client_hello("www.example.com");
    let records: Vec<u8> = hello[5..]
        .chunks(20)
        .flat_map(|part| [&[22, 3, 1, 0, u8::try_from(part.len()).unwrap()], part].concat())
        .collect();
    check_story(
        &session(SERVER, &[&records]),
        "tls www.example.com | 1 silent | 4 tls www.example.com",
    );
}

#[test]
fn a_hello_of_which_a_part_is_missing_gives_no_name() {
    let hello = client_hello("www.example.com");
    let (a, b) = hello.split_at(30);
    let (b, c) = b.split_at(20);
    let mut segments = session(SERVER, &[a, b, c]);
    segments.remove(4);
    let flow = only(&file_of(&segments));
    assert_eq!(story(&flow), "tls | 1 silent | 4 some tls");
    assert!(flow.incomplete);
}

#[test]
fn a_connection_caught_in_the_middle_is_known_by_its_records() {
    let data = [&[23, 3, 3, 0, 30][..], &[9; 30]].concat();
    let segments = [
        Segment::new(SERVER, CLIENT, ACK, 700, &data),
        Segment::new(CLIENT, SERVER, ACK, 900, &data),
    ];
    let flow = only(&file_of(&segments));
    assert_eq!(story(&flow), "tls | 1 some tls");
    assert_eq!(flow.source.to_string(), "203.0.113.7");
    assert!(!flow.syn);
    let hello = client_hello("www.example.com");
    check_story(
        &[Segment::new(CLIENT, SERVER, ACK, 900, &hello)],
        "tls www.example.com | 1 tls www.example.com",
    );
}

#[test]
fn each_request_of_a_connection_is_an_opening() {
    let requests: &[&[u8]] = &[
        b"POST /a HTTP/1.1\r\nHost: one.example\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /b HTTP/1.1\r\nHost: TWO.example.:8080\r\n\r\nPUT /c HTTP/1.1\r\nHost: one.example\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\n",
        b"GET http://three.example/d HTTP/1.1\r\n\r\n",
        b"CONNECT four.example:443 HTTP/1.1\r\n\r\n",
        b"GET /not/a/request HTTP/1.1\r\n\r\n",
    ];
    check_story(
        &session(WEB, requests),
        "http one.example | 1 silent | 4 http one.example/a | 5 http two.example:8080/b \
         | 6 http one.example/c | 7 http three.example/d | 8 http",
    );
}

#[test]
fn a_head_that_the_capture_cut_gives_the_host_that_is_there() {
    let mut segments = session(WEB, &[b"GET / HTTP/1.1\r\nHost: one.example\r\nCook"]);
    segments[3].payload.extend([b'x'; 40]);
    let mut file = file_of(&segments);
    // The last record loses its last 40 bytes, as a snapshot length does it.
    let length = file.len();
    let record = length - segments[3].packet().len() - 14 - 16;
    let captured = u32::try_from(length - record - 16 - 40).unwrap();
    file[record + 8..record + 12].copy_from_slice(&captured.to_le_bytes());
    file.truncate(length - 40);
    let flow = only(&file);
    assert_eq!(story(&flow), "http one.example | 1 silent | 4 http one.example");
    assert!(flow.incomplete);
}

#[test]
fn the_server_name_inside_a_pre_login_is_the_name() {
    let hello = client_hello("sql.example.net");
    let (a, b) = hello.split_at(50);
    let packets = [tds(0x12, PRE_LOGIN), tds(0x12, a), tds(0x12, b)];
    let parts: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    let flow = only(&file_of(&session(SQL, &parts)));
    assert_eq!(story(&flow), "mssql sql.example.net | 1 silent | 6 mssql sql.example.net");
    assert_eq!(flow.names[0].origin, NameOrigin::TdsSni);
    check_story(&session(SQL, &parts[..1]), "mssql | 1 silent | 4 some mssql");
    let mut login = 12_u32.to_le_bytes().to_vec();
    login.extend([4, 0, 0, 0x74, 0, 0, 0, 0]);
    let login = tds(0x10, &login);
    check_story(&session(SQL, &[parts[0], &login]), "mssql | 1 silent | 5 mssql");
}

#[test]
fn the_first_bytes_of_the_client_decide() {
    let hello = client_hello("www.example.com");
    check_story(&session(SERVER, &[b"EHLO there\r\n", &hello]), "other | 1 silent | 4 other");
    check_story(&session(SERVER, &[]), "other | 1 silent");
    check_story(&session(SERVER, &[b"\x16\x03"]), "other | 1 silent | 4 unknown");
    let mut greeted = session(SERVER, &[&hello]);
    greeted.insert(3, Segment::new(SERVER, CLIENT, ACK, 5001, b"220 ready\r\n"));
    check_story(&greeted, "tls www.example.com | 1 silent | 5 tls www.example.com");
}

#[test]
fn a_reset_is_no_answer_and_a_new_syn_is_a_new_flow() {
    let refused = [
        Segment::new(CLIENT, SERVER, SYN, 1000, b""),
        Segment::new(SERVER, CLIENT, RST | ACK, 0, b""),
        Segment::new(CLIENT, SERVER, SYN, 1000, b""),
        Segment::new(CLIENT, SERVER, SYN, 2000, b""),
        Segment::new(SERVER, CLIENT, SYN | ACK, 0, b""),
    ];
    let (taken, _) = read(&file_of(&refused));
    let seen: Vec<_> =
        taken.flows.iter().map(|flow| (flow.packets.unwrap(), flow.answered, flow.syn)).collect();
    assert_eq!(seen, [(3, false, true), (2, true, true)]);
}

#[test]
fn the_receiver_of_a_syn_ack_is_the_source() {
    let flow = only(&file_of(&session(SERVER, &[])[1..]));
    assert_eq!(flow.source.to_string(), "10.0.0.4");
    assert!(!flow.syn);
    assert!(flow.answered);
    assert_eq!(story(&flow), "other | 1 unknown");
}

#[test]
fn dns_answers_come_with_their_aliases() {
    let resolver = End([168, 63, 129, 16], 53);
    let response =
        dns_response("api.example.com", "edge.example.net", Ipv4Addr::new(203, 0, 113, 7));
    let client = End(CLIENT.0, 53_000);
    let over_udp = pcap(101, &[udp(resolver, client, 1, &response)]);
    let length = u16::try_from(response.len()).unwrap().to_be_bytes();
    let framed = [&length[..], &response].concat();
    let over_tcp = file_of(&[
        Segment::new(client, resolver, SYN, 1, b""),
        Segment::new(resolver, client, SYN | ACK, 1, b"").answering(2),
        Segment::new(resolver, client, ACK, 2, &framed[..9]),
        Segment::new(resolver, client, ACK, 11, &framed[9..]),
    ]);
    for file in [over_udp, over_tcp] {
        let (taken, _) = read(&file);
        let [answer] = taken.answers.as_slice() else { panic!("{:?}", taken.answers) };
        assert_eq!(answer.client.to_string(), "10.0.0.4");
        assert_eq!(answer.server.to_string(), "168.63.129.16");
        assert_eq!(answer.question.as_str(), "api.example.com");
        let edge = "edge.example.net".parse().unwrap();
        let alias = DnsRecord::Alias { owner: answer.question.clone(), target: edge, ttl: 300 };
        assert_eq!(answer.records[0], alias);
        assert!(matches!(&answer.records[1], DnsRecord::Address { owner, ttl: 30, .. }
                if owner.as_str() == "edge.example.net"));
        assert_eq!(taken.flows[0].application, Application::Dns);
    }
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
        assert_eq!(taken.flows[0].packets.unwrap(), 1);
        assert_eq!(taken.flows[0].bytes.unwrap(), u64::try_from(packet.len() + 20).unwrap());
        assert_eq!(summary.lone_fragments, 0);
    }
    let (taken, summary) = read(&pcap(101, &[first]));
    assert_eq!(taken.flows, []);
    assert_eq!(summary.lone_fragments, 1);
}

const TO_US: u8 = 0;
const FROM_US: u8 = 4;
const COOKED: u32 = 276;

/// Each segment as it is seen on a pod's veth (interface 5) and then on `eth0` (interface 2).
fn on_both_sides(
    segments: &[Segment],
    outside: impl Fn(&Segment) -> Segment,
) -> Vec<(u64, Vec<u8>)> {
    let mut frames = Vec::new();
    for (index, segment) in (0..).zip(segments) {
        let inside = segment.packet();
        let outside = outside(segment).packet();
        let at = index * 1000;
        if segment.from.0 == CLIENT.0 {
            frames.push((at, cooked(5, TO_US, &inside)));
            frames.push((at + 20, cooked(2, FROM_US, &outside)));
        } else {
            frames.push((at, cooked(2, TO_US, &outside)));
            frames.push((at + 20, cooked(5, FROM_US, &inside)));
        }
    }
    frames
}

/// A segment as it is seen outside of the node: the client has the node's address.
fn translated(segment: &Segment) -> Segment {
    if segment.from.0 == CLIENT.0 {
        Segment { from: NODE, ..segment.clone() }
    } else {
        Segment { to: NODE, ..segment.clone() }
    }
}

fn full_session() -> Vec<Segment> {
    let mut segments = session(SERVER, &[&client_hello("www.example.com")]);
    segments.push(Segment::new(SERVER, CLIENT, ACK, 5001, &[22, 3, 3, 0, 4, 2, 0, 0, 0]));
    segments
}

#[test]
fn a_flow_on_two_interfaces_is_one_flow() {
    let frames = on_both_sides(&full_session(), Segment::clone);
    let (taken, summary) = read(&pcap_at(COOKED, &frames));
    let [flow] = taken.flows.as_slice() else { panic!("{:#?}", taken.flows) };
    assert_eq!((flow.packets.unwrap(), flow.copies), (5, 5));
    assert_eq!(story(flow), "tls www.example.com | 1 silent | 4 tls www.example.com");
    assert_eq!(flow.translated_from, None);
    assert_eq!(summary.copies, 5);
}

#[test]
fn a_flow_before_and_after_source_nat_is_one_flow() {
    let (taken, _) = read(&pcap_at(COOKED, &on_both_sides(&full_session(), translated)));
    let [flow] = taken.flows.as_slice() else { panic!("{:#?}", taken.flows) };
    assert_eq!((flow.source.to_string(), flow.source_port), ("10.1.0.5".to_owned(), 61_000));
    assert_eq!(flow.translated_from.unwrap().to_string(), "10.0.0.4:50000");
    assert_eq!((flow.packets.unwrap(), flow.copies), (5, 5));
    assert_eq!(story(flow), "tls www.example.com | 1 silent | 4 tls www.example.com");
}

#[test]
fn the_side_of_source_nat_is_told_by_time_where_the_file_is_out_of_order() {
    let before = Segment::new(CLIENT, SERVER, SYN, 1000, b"");
    let after = Segment { from: NODE, ..before.clone() };
    let frames =
        [(20, cooked(2, FROM_US, &after.packet())), (0, cooked(5, TO_US, &before.packet()))];
    let flow = only(&pcap_at(COOKED, &frames));
    assert_eq!(flow.source.to_string(), "10.1.0.5");
    assert_eq!(flow.translated_from.unwrap().to_string(), "10.0.0.4:50000");
    assert_eq!((flow.packets.unwrap(), flow.copies), (1, 1));
}

#[test]
fn interfaces_that_are_written_one_after_the_other_are_still_one_flow() {
    let mut frames = on_both_sides(&full_session(), translated);
    let is_inside = |frame: &(u64, Vec<u8>)| frame.1[7] == 5;
    frames.sort_by_key(is_inside);
    let flow = only(&pcap_at(COOKED, &frames));
    assert_eq!((flow.packets.unwrap(), flow.copies), (5, 5));
    assert_eq!(flow.source.to_string(), "10.1.0.5");
    assert_eq!(flow.translated_from.unwrap().to_string(), "10.0.0.4:50000");
    frames.sort_by_key(|frame| !is_inside(frame));
    let flow = only(&pcap_at(COOKED, &frames));
    assert_eq!((flow.packets.unwrap(), flow.copies), (5, 5));
    assert_eq!(flow.source.to_string(), "10.1.0.5");
}

#[test]
fn a_syn_sent_again_before_source_nat_counts_in_the_same_flow() {
    let mut frames = on_both_sides(&full_session()[..2], translated);
    let again = Segment::new(CLIENT, SERVER, SYN, 1000, b"");
    frames.push((1_500_000, cooked(5, TO_US, &again.packet())));
    let flow = only(&pcap_at(COOKED, &frames));
    assert_eq!((flow.packets.unwrap(), flow.copies), (3, 2));
}

#[test]
fn a_query_before_and_after_source_nat_is_one_flow() {
    let resolver = End([10, 2, 0, 53], 53);
    let query = &hex(IN_PCAP)[24 + 16 + 14 + 28..];
    let frames = [
        (0, cooked(5, TO_US, &udp(CLIENT, resolver, 77, query))),
        (20, cooked(2, FROM_US, &udp(NODE, resolver, 77, query))),
    ];
    let (taken, _) = read(&pcap_at(COOKED, &frames));
    let [flow] = taken.flows.as_slice() else { panic!("{:#?}", taken.flows) };
    assert_eq!(flow.source.to_string(), "10.1.0.5");
    assert_eq!((flow.packets.unwrap(), flow.copies), (1, 1));
    let other = [frames[0].clone(), (20, cooked(2, FROM_US, &udp(NODE, resolver, 78, query)))];
    assert_eq!(read(&pcap_at(COOKED, &other)).0.flows.len(), 2, "another datagram");
}

#[test]
fn what_is_sent_again_from_the_same_side_is_no_copy() {
    let mut segments = full_session();
    segments.insert(4, segments[3].clone());
    let flow = only(&file_of(&segments));
    assert_eq!((flow.packets.unwrap(), flow.copies), (6, 0));
    let frames = on_both_sides(&segments, Segment::clone);
    let flow = only(&pcap_at(COOKED, &frames));
    assert_eq!((flow.packets.unwrap(), flow.copies), (6, 6));
}

#[test]
fn flows_that_are_only_alike_stay_apart() {
    // The same sequence number from another source, on the same side.
    let twins = [
        Segment::new(CLIENT, SERVER, SYN, 1000, b"").packet(),
        Segment::new(NODE, SERVER, SYN, 1000, b"").packet(),
    ];
    let same_side: Vec<_> = twins.iter().map(|packet| (0, cooked(5, TO_US, packet))).collect();
    assert_eq!(read(&pcap_at(COOKED, &same_side)).0.flows.len(), 2);
    // On two sides, but with other sequence numbers.
    let strangers = [
        (0, cooked(5, TO_US, &twins[0])),
        (20, cooked(2, FROM_US, &Segment::new(NODE, SERVER, SYN, 1001, b"").packet())),
    ];
    assert_eq!(read(&pcap_at(COOKED, &strangers)).0.flows.len(), 2);
    // On two sides, but long after.
    let late = [(0, cooked(5, TO_US, &twins[0])), (3_000_000, cooked(2, FROM_US, &twins[1]))];
    assert_eq!(read(&pcap_at(COOKED, &late)).0.flows.len(), 2);
}

#[test]
fn a_packet_with_and_without_a_vlan_tag_is_one_packet() {
    let packet = Segment::new(CLIENT, SERVER, SYN, 1000, b"").packet();
    let frames = [(0, ethernet(&[], &packet)), (9, ethernet(&[7], &packet))];
    let flow = only(&pcap_at(1, &frames));
    assert_eq!((flow.packets.unwrap(), flow.copies), (1, 1));
}

/// Microseconds.
const HOUR: u64 = 3_600_000_000;

#[test]
fn flows_come_in_the_order_in_which_they_fall_idle() {
    let datagram = |port: u16| udp(End(CLIENT.0, port), WEB, port, b"some datagram");
    let frames = [
        (0, datagram(1)),
        (1, datagram(2)),
        (2, datagram(3)),
        (HOUR / 2, datagram(1)),
        (HOUR + HOUR / 4, datagram(4)),
        (HOUR + HOUR / 4, datagram(5)),
    ];
    let (taken, _) = read(&pcap_at(101, &frames));
    let order: Vec<u16> = taken.flows.iter().map(|flow| flow.source_port).collect();
    assert_eq!(order, [2, 3, 1, 4, 5]);
}

#[test]
fn more_flows_than_are_followed_end_the_oldest_and_it_is_said() {
    let most = 1_u32 << 17;
    let frames: Vec<_> = (0..most + 10)
        .map(|index| {
            let [_, b, c, d] = index.to_be_bytes();
            (0, udp(End([10, b, c, d], 9), WEB, 1, b"some datagram"))
        })
        .collect();
    let mut taken = Taken::default();
    let mut reader = Reader::new();
    reader.feed(&pcap_at(101, &frames), &mut taken).unwrap();
    assert_eq!(taken.flows.len(), 10);
    assert_eq!(taken.flows[9].source.to_string(), "10.0.0.9");
    let summary = reader.finish(&mut taken).unwrap();
    assert!(summary.limits.contains(&Limit::Flows));
    assert_eq!(taken.flows.len(), frames.len());
}

#[test]
fn a_name_that_is_no_host_name_is_not_the_lack_of_one() {
    let flow = only(&file_of(&session(SERVER, &[&client_hello("no host name")])));
    assert_eq!(flow.name, None);
    assert_eq!(flow.openings[1].payload, SeenPayload::Kind(PayloadKind::Tls));
    let flow = only(&file_of(&session(SERVER, &[&client_hello("")])));
    let nothing = Payload::Tls { name: None, inner: None };
    assert_eq!(flow.openings[1].payload, SeenPayload::Exactly(nothing));
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
            prop_assert!(flow.packets.unwrap() > 0);
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
            assert!(flow.packets.unwrap() <= same.packets.unwrap());
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

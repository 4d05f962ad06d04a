//! Flows inside of other packets: tunnels, quotes in errors, and protocols with layers of their own.

use std::net::Ipv4Addr;

use super::build::ACK;
use super::build::CLIENT;
use super::build::End;
use super::build::SERVER;
use super::build::Segment;
use super::build::WEB;
use super::build::client_hello;
use super::build::dns_response;
use super::build::ethernet;
use super::build::ipv4;
use super::build::pcap;
use super::build::udp;
use super::file_of;
use super::only;
use super::read;
use super::session;
use super::story;
use crate::capture::NameOrigin;
use crate::capture::Note;

const NODE: End = End([10, 9, 0, 4], 51_000);
const GATEWAY: End = End([10, 9, 0, 5], 0);

fn over_udp(port: u16, header: &[u8], inner: &[u8]) -> Vec<u8> {
    udp(NODE, End(GATEWAY.0, port), 9, &[header, inner].concat())
}

fn over_gre(header: &[u8], inner: &[u8]) -> Vec<u8> {
    ipv4(NODE, GATEWAY, 47, 9, &[header, inner].concat())
}

/// A tunnel: its name, and an IP packet in it.
type Tunnel = (&'static str, fn(&[u8]) -> Vec<u8>);

const TUNNELS: &[Tunnel] = &[
    ("vxlan", |inner| over_udp(4789, &[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(&[], inner))),
    ("vxlan of Linux", |inner| over_udp(8472, &[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(&[], inner))),
    ("vxlan-gpe", |inner| over_udp(4790, &[12, 0, 0, 1, 0, 0, 7, 0], inner)),
    ("geneve", |inner| over_udp(6081, &[0, 0, 0x65, 0x58, 0, 0, 7, 0], &ethernet(&[5], inner))),
    ("geneve with an option", |inner| over_udp(6081, &[1, 0, 8, 0, 0, 0, 7, 0, 1, 2, 3, 4], inner)),
    ("gtp", |inner| over_udp(2152, &[0x30, 0xff, 0, 0, 0, 0, 0, 1], inner)),
    ("gtp with an extension", |inner| {
        over_udp(2152, &[0x34, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0], inner)
    }),
    ("ip", |inner| ipv4(NODE, GATEWAY, 4, 9, inner)),
    ("gre", |inner| over_gre(&[0, 0, 8, 0], inner)),
    ("gre with a key", |inner| over_gre(&[0x20, 0, 8, 0, 0, 0, 0, 1], inner)),
    ("gre with a bridge", |inner| over_gre(&[0, 0, 0x65, 0x58], &ethernet(&[], inner))),
    ("pptp", |inner| {
        over_gre(&[0x30, 1, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21], inner)
    }),
    ("erspan 1", |inner| over_gre(&[0, 0, 0x88, 0xbe], &ethernet(&[], inner))),
    ("erspan 2", |inner| {
        over_gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &ethernet(&[], inner))
    }),
    ("erspan 3", |inner| {
        let header = [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        over_gre(&header, &ethernet(&[], inner))
    }),
];

fn packets(name: &str) -> Vec<Vec<u8>> {
    session(SERVER, &[&client_hello(name)]).iter().map(Segment::packet).collect()
}

/// Who is inside may have an address that another has outside.
#[test]
fn what_is_told_inside_a_tunnel_is_told_to_nobody_outside() {
    let answer = dns_response("a.example", "b.example", Ipv4Addr::new(203, 0, 113, 7));
    let resolver = End([10, 9, 0, 2], 53);
    let question = |packet: &[u8]| pcap(1, &[ethernet(&[], packet)]);
    let (told, asked) = (udp(resolver, CLIENT, 1, &answer), udp(CLIENT, resolver, 1, &answer[..9]));
    for (tunnel, wrap) in TUNNELS {
        for packet in [&told, &asked] {
            let (taken, _) = read(&question(&wrap(packet)));
            assert_eq!(taken.answers, [], "{tunnel}");
            assert!(taken.flows.iter().all(|flow| flow.asides.is_none()), "{tunnel}");
        }
    }
    assert_eq!(read(&question(&told)).0.answers.len(), 1);
}

#[test]
fn what_lies_in_a_tunnel_is_a_flow_at_its_depth() {
    for (tunnel, wrap) in TUNNELS {
        let frames: Vec<_> =
            packets("a.example").iter().map(|packet| ethernet(&[], &wrap(packet))).collect();
        let (taken, summary) = read(&pcap(1, &frames));
        let [outside, inside] = &taken.flows[..] else { panic!("{tunnel}: {:#?}", taken.flows) };
        assert_eq!((outside.depth, outside.packets), (0, Some(4)), "{tunnel}");
        assert_eq!((inside.depth, inside.packets, inside.syn), (1, Some(4), true), "{tunnel}");
        let expected = "tls a.example | 1 silent | 4 tls a.example";
        assert_eq!(story(inside), expected, "{tunnel}");
        let bytes: usize = packets("a.example").iter().map(Vec::len).sum();
        assert_eq!(inside.bytes, u64::try_from(bytes).ok(), "{tunnel}");
        assert!(summary.malformed.is_empty(), "{tunnel}: {summary:?}");
    }
}

#[test]
fn a_tunnel_in_a_tunnel_ends_somewhere() {
    let (_, wrap) = TUNNELS[7];
    let mut packet = packets("a.example").remove(0);
    for _ in 0..20 {
        packet = wrap(&packet);
    }
    let (taken, _) = read(&pcap(1, &[ethernet(&[], &packet)]));
    let depths: Vec<u8> = taken.flows.iter().map(|flow| flow.depth).collect();
    assert_eq!(depths, (0..=8).collect::<Vec<u8>>());
}

#[test]
fn a_port_alone_makes_no_tunnel() {
    for port in [4789, 6081, 2152, 3544] {
        let packet =
            udp(NODE, End(GATEWAY.0, port), 9, b"\x40 nothing of the kind, but long enough");
        let (taken, summary) = read(&pcap(1, &[ethernet(&[], &packet)]));
        assert_eq!(taken.flows.len(), 1, "{port}");
        assert!(summary.malformed.is_empty(), "{port}: {summary:?}");
    }
}

#[test]
fn an_error_belongs_to_what_it_quotes() {
    let quoted = udp(CLIENT, End([192, 0, 2, 53], 53), 3, &{
        let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(b"\x01a\x07example\0\0\x01\0\x01");
        query
    });
    let error = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    let flow = only(&pcap(1, &[ethernet(&[], &ipv4(GATEWAY, CLIENT, 1, 3, &error))]));
    assert_eq!(story(&flow), "dns | 1 other");
    let echo = [&[8, 0, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    let flow = only(&pcap(1, &[ethernet(&[], &ipv4(GATEWAY, CLIENT, 1, 3, &echo))]));
    assert_eq!(story(&flow), "other | 1 other");
}

#[test]
fn requests_over_sctp_are_read_and_ask_nothing_of_a_firewall() {
    let packet = |from: End, to: End, chunk: &[u8]| {
        let mut bytes = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        bytes.extend([0; 8]);
        bytes.extend(chunk);
        ethernet(&[], &ipv4(from, to, 132, 5, &bytes))
    };
    let init = [1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 9, 9, 0, 1, 0, 1, 0, 0, 0, 70];
    let data = |number: u8, bytes: &[u8]| {
        let length = u8::try_from(16 + bytes.len()).unwrap();
        [&[0, 3, 0, length, 0, 0, 0, number, 0, 0, 0, 0, 0, 0, 0, 0][..], bytes].concat()
    };
    let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let frames = [
        packet(CLIENT, WEB, &init),
        packet(CLIENT, WEB, &data(70, &request[..20])),
        packet(CLIENT, WEB, &data(70, &request[..20])),
        packet(CLIENT, WEB, &data(71, &request[20..])),
    ];
    assert_eq!(story(&only(&pcap(1, &frames))), "http a.example | 1 other");
}

#[test]
fn the_name_over_dtls_is_told_and_is_not_what_the_flow_goes_by() {
    let record = client_hello("a.example");
    let mut body = record[9..].to_vec();
    // The cookie stands behind the session id, which is empty.
    body.insert(35, 0);
    let length = u8::try_from(body.len()).unwrap();
    let message = [&[1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length][..], &body].concat();
    let size = u8::try_from(message.len()).unwrap();
    let datagram = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, size][..], &message].concat();
    let flow = only(&pcap(1, &[ethernet(&[], &udp(CLIENT, SERVER, 4, &datagram))]));
    assert_eq!(story(&flow), "other | 1 other");
    let [seen] = &flow.names[..] else { panic!("{:?}", flow.names) };
    assert_eq!((seen.name.to_string().as_str(), seen.origin), ("a.example", NameOrigin::DtlsSni));
}

/// A hello that comes again with a cookie is another message (RFC 6347 §4.2.1): fragments of the two are
/// not put together, and the second shows the name where part of the first was lost.
#[test]
fn fragments_of_two_hellos_over_dtls_are_kept_apart() {
    let hello = |name: &str, cookie: usize| {
        let mut body = client_hello(name)[9..].to_vec();
        body.splice(35..35, std::iter::once(u8::try_from(cookie).unwrap()).chain(vec![9; cookie]));
        body
    };
    let fragment = |sequence: u8, body: &[u8], from: usize, to: usize| {
        let [length, offset, size] =
            [body.len(), from, to - from].map(|n| u8::try_from(n).unwrap());
        let message =
            [&[1, 0, 0, length, 0, sequence, 0, 0, offset, 0, 0, size][..], &body[from..to]]
                .concat();
        let size = u8::try_from(message.len()).unwrap();
        let record = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, size][..], &message].concat();
        ethernet(&[], &udp(CLIENT, SERVER, 4, &record))
    };
    let (first, second) = (hello("a.example", 0), hello("a.example", 20));
    let (cut, end) = (40, second.len());
    for lost in 0..2 {
        let mut frames = vec![fragment(0, &first, 0, cut), fragment(0, &first, cut, first.len())];
        frames.remove(lost);
        frames.extend([fragment(1, &second, 0, cut), fragment(1, &second, cut, end)]);
        let flow = only(&pcap(1, &frames));
        let names: Vec<String> = flow.names.iter().map(|seen| seen.name.to_string()).collect();
        assert_eq!(names, ["a.example"], "without fragment {lost}");
    }
}

#[test]
fn of_segments_that_disagree_the_first_counts_and_it_is_noted() {
    let mut segments = session(SERVER, &[&client_hello("a.example")]);
    let other = Segment::new(CLIENT, SERVER, ACK, 1001, &client_hello("b.example"));
    let first = segments[3].clone();
    segments.push(other.clone());
    let flow = only(&file_of(&segments));
    assert_eq!(story(&flow), "tls a.example | 1 silent | 4 unread");
    assert!(flow.notes.contains(&Note::ConflictingSegments));
    // The same again is no contradiction, and neither is what comes behind an acknowledgment.
    let answered = |flags| {
        let end = 1001 + u32::try_from(first.payload.len()).unwrap();
        Segment::new(SERVER, CLIENT, flags, 5001, b"").answering(end)
    };
    for last in [vec![first.clone()], vec![answered(ACK), other]] {
        let segments = [session(SERVER, &[&client_hello("a.example")]), last].concat();
        assert!(only(&file_of(&segments)).notes.is_empty());
    }
}

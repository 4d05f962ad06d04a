//! Packets that are recorded on both sides of an interface or of source NAT count once.

use super::super::CapturedFlow;
use super::super::Note;
use super::IN_PCAP;
use super::build::ACK;
use super::build::CLIENT;
use super::build::End;
use super::build::NODE;
use super::build::SERVER;
use super::build::SYN;
use super::build::Segment;
use super::build::client_hello;
use super::build::cooked;
use super::build::ethernet;
use super::build::pcap_at;
use super::build::udp;
use super::file_of;
use super::hex;
use super::only;
use super::read;
use super::session;
use super::story;

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
pub(super) fn translated(segment: &Segment) -> Segment {
    if segment.from.0 == CLIENT.0 {
        Segment { from: NODE, ..segment.clone() }
    } else {
        Segment { to: NODE, ..segment.clone() }
    }
}

pub(super) fn full_session() -> Vec<Segment> {
    let mut segments = session(SERVER, &[&client_hello("www.example.com")]);
    segments.push(Segment::new(SERVER, CLIENT, ACK, 5001, &[22, 3, 3, 0, 4, 2, 0, 0, 0]));
    segments
}

#[test]
fn a_flow_on_two_interfaces_is_one_flow() {
    let frames = on_both_sides(&full_session(), Segment::clone);
    let (taken, summary) = read(&pcap_at(COOKED, &frames));
    let [flow] = taken.flows.as_slice() else { panic!("{:#?}", taken.flows) };
    assert_eq!((flow.packets, flow.copies), (Some(5), 5));
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
    assert_eq!((flow.packets, flow.copies), (Some(5), 5));
    assert_eq!(story(flow), "tls www.example.com | 1 silent | 4 tls www.example.com");
}

const OTHER_POD: End = End([10, 0, 0, 9], 50_000);

/// The frames some milliseconds later.
fn later(frames: Vec<(u64, Vec<u8>)>, by: u64) -> impl Iterator<Item = (u64, Vec<u8>)> {
    frames.into_iter().map(move |(at, frame)| (at + by * 1000, frame))
}

/// The source of each flow, that before source NAT, its name, packets and copies.
fn sources(frames: &[(u64, Vec<u8>)]) -> Vec<String> {
    let (taken, _) = read(&pcap_at(COOKED, frames));
    let source = |flow: &CapturedFlow| {
        let before = flow.translated_from.map(|end| format!(" for {end}")).unwrap_or_default();
        let name = flow.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let packets = flow.packets.unwrap();
        format!("{}:{}{before}{name} {packets}+{}", flow.source, flow.source_port, flow.copies)
    };
    taken.flows.iter().map(source).collect()
}

/// A port of a node goes from one pod to another, or to the node itself, minutes after each other.
#[test]
fn a_port_that_source_nat_gives_again_is_another_client_s() {
    let first = on_both_sides(&full_session(), translated);
    let second = |from: End| {
        let mut segments = session(SERVER, &[&client_hello("other.example")]);
        for segment in &mut segments {
            segment.sequence += 77_000;
            segment.acknowledgment += 77_000;
            if segment.from.0 == CLIENT.0 {
                segment.from = from;
            } else {
                segment.to = from;
            }
        }
        segments
    };
    let first_alone = "10.1.0.5:61000 for 10.0.0.4:50000 www.example.com 5+5";
    // The node's own connection is seen outside alone.
    let own = second(NODE).into_iter().zip(0..).map(|(segment, at)| {
        let direction = if segment.from.0 == NODE.0 { FROM_US } else { TO_US };
        (at * 1000, cooked(2, direction, &segment.packet()))
    });
    let frames: Vec<_> = first.iter().cloned().chain(later(own.collect(), 4000)).collect();
    assert_eq!(sources(&frames), [first_alone, "10.1.0.5:61000 other.example 4+0"]);
    // That of another pod on both sides.
    let mut both = Vec::new();
    for (index, segment) in (0..).zip(second(OTHER_POD)) {
        let is_sent = segment.from.0 == OTHER_POD.0;
        let outside = if is_sent {
            Segment { from: NODE, ..segment.clone() }
        } else {
            Segment { to: NODE, ..segment.clone() }
        };
        let inner = cooked(7, if is_sent { TO_US } else { FROM_US }, &segment.packet());
        let outer = cooked(2, if is_sent { FROM_US } else { TO_US }, &outside.packet());
        let (one, two) = if is_sent { (inner, outer) } else { (outer, inner) };
        both.extend([(index * 1000, one), (index * 1000 + 20, two)]);
    }
    let frames: Vec<_> = first.iter().cloned().chain(later(both, 4000)).collect();
    let of_other = "10.1.0.5:61000 for 10.0.0.9:50000 other.example 4+4";
    assert_eq!(sources(&frames), [first_alone, of_other]);
}

/// No handshake tells where datagrams of another pod begin; that its first one is a copy does.
#[test]
fn a_port_that_source_nat_gives_again_to_datagrams_is_another_client_s() {
    let time = End([10, 2, 0, 123], 123);
    let payload = [7; 48];
    let sent = |pod: End, interface: u32, number: u16| {
        [
            (0, cooked(interface, TO_US, &udp(pod, time, number, &payload))),
            (20, cooked(2, FROM_US, &udp(NODE, time, number, &payload))),
        ]
    };
    let answered = |pod: End, interface: u32, number: u16| {
        [
            (500, cooked(2, TO_US, &udp(time, NODE, number, &payload))),
            (520, cooked(interface, FROM_US, &udp(time, pod, number, &payload))),
        ]
    };
    let first = [sent(CLIENT, 5, 1), answered(CLIENT, 5, 2)].concat();
    let second = [sent(OTHER_POD, 7, 3), answered(OTHER_POD, 7, 4)].concat();
    let frames: Vec<_> = first.into_iter().chain(later(second, 4000)).collect();
    let expected =
        ["10.1.0.5:61000 for 10.0.0.4:50000 2+2", "10.1.0.5:61000 for 10.0.0.9:50000 2+2"];
    assert_eq!(sources(&frames), expected);
}

/// Where a sidecar answers in the place of a server, what it says is seen on the loopback device alone.
#[test]
fn what_was_seen_on_a_loopback_device_alone_is_known_to_be() {
    let notes = |devices: &[u16]| {
        let segments = full_session();
        let frames: Vec<_> = (0..)
            .zip(segments.iter().zip(devices.iter().cycle()))
            .map(|(at, (segment, device))| {
                let mut frame = cooked(1, TO_US, &segment.packet());
                frame[8..10].copy_from_slice(&device.to_be_bytes());
                (at, frame)
            })
            .collect();
        only(&pcap_at(COOKED, &frames)).notes
    };
    assert_eq!(notes(&[772]), [Note::Loopback].into());
    assert_eq!(notes(&[1]), [].into());
    assert_eq!(notes(&[772, 1]), [].into());
    // A copy elsewhere is proof that it left.
    let segment = Segment::new(CLIENT, SERVER, SYN, 1000, b"").packet();
    let mut inside = cooked(1, TO_US, &segment);
    inside[8..10].copy_from_slice(&772_u16.to_be_bytes());
    let flow = only(&pcap_at(COOKED, &[(0, inside), (20, cooked(2, FROM_US, &segment))]));
    assert_eq!((flow.copies, flow.notes), (1, [].into()));
    // Copies of a connection may come when the next one has its ends.
    let mut frames = Vec::new();
    for (at, number) in [(0, 1000), (1_000, 70_000), (10_000_000, 90_000)] {
        let syn = Segment::new(CLIENT, SERVER, SYN, number, b"").packet();
        let mut frame = cooked(1, TO_US, &syn);
        frame[8..10].copy_from_slice(&772_u16.to_be_bytes());
        frames.push((at, frame));
    }
    let (taken, _) = read(&pcap_at(COOKED, &frames));
    let local = |flow: &CapturedFlow| flow.notes.contains(&Note::Loopback);
    assert_eq!(taken.flows.iter().map(local).collect::<Vec<_>>(), [false, true, true]);
    // Version 1 has it, too.
    let mut first = vec![0, 0, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0];
    first.extend(&segment);
    assert_eq!(only(&pcap_at(113, &[(0, first)])).notes, [Note::Loopback].into());
}

/// What a node drops comes again, and is the first that is seen behind it.
#[test]
fn a_first_packet_that_was_dropped_before_source_nat_does_not_part_the_sides() {
    let dropped = Segment { identification: 9, ..Segment::new(CLIENT, SERVER, SYN, 1000, b"") };
    let mut frames = vec![(0, cooked(5, TO_US, &dropped.packet()))];
    frames.extend(later(on_both_sides(&full_session(), translated), 1000));
    let expected = ["10.1.0.5:61000 for 10.0.0.4:50000 www.example.com 6+5"];
    assert_eq!(sources(&frames), expected);
    let resolver = End([10, 2, 0, 53], 53);
    let query = &hex(IN_PCAP)[24 + 16 + 14 + 28..];
    let mut frames = [
        (10, cooked(5, TO_US, &udp(CLIENT, resolver, 77, query))),
        (1_000_000, cooked(5, TO_US, &udp(CLIENT, resolver, 78, query))),
        (1_000_020, cooked(2, FROM_US, &udp(NODE, resolver, 78, query))),
    ];
    frames[2].1[20 + 8] -= 1;
    assert_eq!(sources(&frames), ["10.1.0.5:61000 for 10.0.0.4:50000 2+1"]);
}

/// The age of what is sent again is that of the last time.
#[test]
fn a_syn_that_was_sent_again_is_remembered_from_then_on() {
    let syn = Segment::new(CLIENT, SERVER, SYN, 1000, b"");
    let inside = cooked(5, TO_US, &syn.packet());
    let outside = cooked(2, FROM_US, &translated(&syn).packet());
    // Five seconds behind the first one is forgotten, and the file is not in the order of the packets.
    let later = Segment::new(End([10, 9, 9, 9], 9), SERVER, SYN, 1, b"");
    let frames = [
        (0, inside.clone()),
        (4_000_000, inside),
        (5_001_000, cooked(5, TO_US, &later.packet())),
        (4_000_020, outside),
    ];
    assert_eq!(sources(&frames).len(), 2);
}

/// The numbers of both ends are proof where there is no handshake.
#[test]
fn a_connection_that_was_caught_in_the_middle_is_one_on_both_sides_of_source_nat() {
    let mut frames = on_both_sides(&full_session()[3..], translated);
    let alike = frames.clone();
    // The node takes one from the hop limit: what is alike and was not forwarded is of two machines.
    for (_, frame) in frames.iter_mut().filter(|(_, frame)| frame[10] == FROM_US) {
        frame[20 + 8] -= 1;
    }
    assert_eq!(sources(&frames), ["10.1.0.5:61000 for 10.0.0.4:50000 www.example.com 2+2"]);
    assert_eq!(sources(&alike).len(), 2);
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
    assert_eq!((flow.packets, flow.copies), (Some(1), 1));
}

#[test]
fn interfaces_that_are_written_one_after_the_other_are_still_one_flow() {
    let mut frames = on_both_sides(&full_session(), translated);
    let is_inside = |frame: &(u64, Vec<u8>)| frame.1[7] == 5;
    frames.sort_by_key(is_inside);
    let flow = only(&pcap_at(COOKED, &frames));
    assert_eq!((flow.packets, flow.copies), (Some(5), 5));
    assert_eq!(flow.source.to_string(), "10.1.0.5");
    assert_eq!(flow.translated_from.unwrap().to_string(), "10.0.0.4:50000");
    frames.sort_by_key(|frame| !is_inside(frame));
    let flow = only(&pcap_at(COOKED, &frames));
    assert_eq!((flow.packets, flow.copies), (Some(5), 5));
    assert_eq!(flow.source.to_string(), "10.1.0.5");
}

#[test]
fn a_syn_sent_again_before_source_nat_counts_in_the_same_flow() {
    let mut frames = on_both_sides(&full_session()[..2], translated);
    let again = Segment::new(CLIENT, SERVER, SYN, 1000, b"");
    frames.push((1_500_000, cooked(5, TO_US, &again.packet())));
    let flow = only(&pcap_at(COOKED, &frames));
    assert_eq!((flow.packets, flow.copies), (Some(3), 2));
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
    assert_eq!((flow.packets, flow.copies), (Some(1), 1));
    let other = [frames[0].clone(), (20, cooked(2, FROM_US, &udp(NODE, resolver, 78, query)))];
    assert_eq!(read(&pcap_at(COOKED, &other)).0.flows.len(), 2, "another datagram");
}

#[test]
fn what_is_sent_again_from_the_same_side_is_no_copy() {
    let mut segments = full_session();
    segments.insert(4, segments[3].clone());
    let flow = only(&file_of(&segments));
    assert_eq!((flow.packets, flow.copies), (Some(6), 0));
    let frames = on_both_sides(&segments, Segment::clone);
    let flow = only(&pcap_at(COOKED, &frames));
    assert_eq!((flow.packets, flow.copies), (Some(6), 6));
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
    assert_eq!((flow.packets, flow.copies), (Some(1), 1));
}

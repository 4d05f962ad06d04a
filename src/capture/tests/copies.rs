//! Packets that are recorded on both sides of an interface or of source NAT count once.

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

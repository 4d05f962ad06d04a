//! Events of Hubble that do not say their direction, or what they are of.

use super::heads;
use super::told;

/// An event of a packet, with its transport.
fn event([source, destination]: [&str; 2], l4: &str, more: &str) -> String {
    format!(
        "{{\"flow\":{{\"time\":\"2026-03-01T10:00:00Z\",\"verdict\":\"FORWARDED\",\"IP\":\
         {{\"source\":\"{source}\",\"destination\":\"{destination}\"}}{l4},\"Type\":\"L3_L4\"{more}}},\
         \"node_name\":\"n\"}}\n"
    )
}

fn udp(source: u16, destination: u16) -> String {
    format!(",\"l4\":{{\"UDP\":{{\"source_port\":{source},\"destination_port\":{destination}}}}}")
}

const OUT: [&str; 2] = ["10.244.1.7", "198.51.100.9"];
const IN: [&str; 2] = ["198.51.100.9", "10.244.1.7"];

#[test]
fn what_comes_from_the_network_begins_no_flow() {
    let ask = event(OUT, &udp(40000, 123), ",\"traffic_direction\":\"EGRESS\",\"is_reply\":false");
    for point in ["\"FROM_NETWORK\"", "10", "\"FROM_OVERLAY\""] {
        let more = format!(",\"trace_observation_point\":{point}");
        let (flows, _) = told(&(ask.clone() + &event(IN, &udp(123, 40000), &more)));
        assert_eq!(heads(&flows), ["udp 10.244.1.7 40000 198.51.100.9 123 other -"]);
        assert!(flows[0].contains("answered"), "{}", flows[0]);
        let (flows, summary) = told(&event(IN, &udp(5000, 53), &more));
        assert!(flows.is_empty() && summary.contains("1 passed over"), "{flows:?}");
    }
    let (flows, _) =
        told(&event(OUT, &udp(40000, 123), ",\"trace_observation_point\":\"TO_NETWORK\""));
    assert_eq!(flows.len(), 1);
}

/// Cilium knows one port of them, and tells of the packets besides.
#[test]
fn what_is_of_a_socket_is_of_no_packet() {
    for more in [
        ",\"Type\":\"SOCK\"",
        ",\"sock_xlate_point\":\"SOCK_XLATE_POINT_POST_DIRECTION_REV\"",
        ",\"Type\":\"SOCK\",\"sock_xlate_point\":\"SOCK_XLATE_POINT_PRE_DIRECTION_FWD\"",
    ] {
        let service = event(OUT, ",\"l4\":{\"TCP\":{\"destination_port\":443}}", more);
        let service = service.replacen(",\"Type\":\"L3_L4\"", "", 1);
        let (flows, summary) = told(&service);
        assert!(flows.is_empty() && summary.contains("1 passed over"), "{flows:?} {summary}");
    }
    let (flows, _) = told(&event(OUT, &udp(40000, 123), ""));
    assert_eq!(flows.len(), 1);
}

#[test]
fn what_cilium_calls_a_reply_begins_no_flow() {
    let (flows, _) = told(&event(IN, &udp(123, 40000), ",\"reply\":true"));
    assert!(flows.is_empty(), "{flows:?}");
}

#[test]
fn a_protocol_that_is_not_told_is_not_guessed() {
    for (l4, expected) in [
        ("", "it lacks `l4`"),
        (",\"l4\":{\"VRRP\":{\"type\":1}}", "its `l4` is of a protocol that is not known"),
        (",\"l4\":{\"TCP\":{\"source_port\":70000}}", "its `source_port` `70000` cannot be read"),
    ] {
        let (flows, summary) = told(&event(OUT, l4, ""));
        assert!(flows.is_empty() && summary.contains(expected), "{l4}: {summary}");
    }
    let (flows, _) = told(&event(OUT, ",\"l4\":{\"ICMPv4\":{}}", ""));
    assert_eq!(heads(&flows), ["icmp 10.244.1.7 0 198.51.100.9 0 other -"]);
}

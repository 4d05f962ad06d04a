//! Events of Suricata whose ends, names or answers stand in other places than usual.

use super::depths;
use super::heads;
use super::read;
use super::shown_answer;
use super::told;

/// An event of a packet from `source` to `destination`.
fn event(kind: &str, [source, destination]: [(&str, u16); 2], more: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-03-01T10:00:00.3+0000\",\"flow_id\":1,\"event_type\":\"{kind}\",\
         \"src_ip\":\"{}\",\"src_port\":{},\"dest_ip\":\"{}\",\"dest_port\":{},\"proto\":\"TCP\"{more}}}\n",
        source.0, source.1, destination.0, destination.1
    )
}

const CLIENT: (&str, u16) = ("10.1.8.4", 40000);
const SERVER: (&str, u16) = ("192.0.2.1", 80);
const ALERT: &str = ",\"alert\":{\"action\":\"allowed\",\"signature\":\"x\"}";

#[test]
fn an_alert_that_does_not_say_its_direction_is_of_the_end_on_a_port_of_servers() {
    for ends in [[CLIENT, SERVER], [SERVER, CLIENT]] {
        let (flows, _) = told(&event("alert", ends, ALERT));
        assert_eq!(heads(&flows), ["tcp 10.1.8.4 40000 192.0.2.1 80 other -"]);
    }
    for ends in [[CLIENT, SERVER], [SERVER, CLIENT]] {
        let (flows, _) = told(&event("netflow", ends, ",\"netflow\":{\"pkts\":1,\"bytes\":2}"));
        assert_eq!(heads(&flows), ["tcp 10.1.8.4 40000 192.0.2.1 80 other -"]);
    }
}

#[test]
fn an_alert_tells_that_its_flow_lies_in_a_tunnel() {
    let inside = |depth: &str| {
        let tunnel = format!(",\"tunnel\":{{\"src_ip\":\"10.0.0.1\",\"proto\":\"GRE\"{depth}}}");
        event("alert", [CLIENT, SERVER], &format!("{ALERT}{tunnel}"))
    };
    let flow = event("flow", [CLIENT, SERVER], ",\"flow\":{}");
    assert_eq!(depths(&(inside(",\"depth\":2") + &flow)), [2]);
    assert_eq!(depths(&(flow.clone() + &inside(",\"depth\":0"))), [1]);
    assert_eq!(depths(&inside("")), [1]);
    assert_eq!(depths(&flow), [0]);
}

#[test]
fn protocols_are_known_by_the_names_that_suricata_has_for_them() {
    for (name, number) in [("IP-in-IP", 4), ("IPComp", 108), ("L2TP", 115), ("IPv6-Frag", 44)] {
        let event = event("flow", [CLIENT, SERVER], ",\"flow\":{}");
        let (flows, summary) = told(&event.replace("TCP", name));
        let expected = format!("ip-{number} 10.1.8.4");
        assert!(flows.len() == 1 && flows[0].starts_with(&expected), "{summary}");
    }
}

#[test]
fn an_alert_shows_the_name_of_its_request() {
    let http = ",\"http\":{\"hostname\":\"a.example\",\"url\":\"/x\",\"http_method\":\"GET\"}";
    let alert = event("alert", [SERVER, CLIENT], &format!("{ALERT}{http}"));
    for log in [alert.clone(), event("http", [CLIENT, SERVER], http) + &alert] {
        let (flows, _) = told(&log);
        assert_eq!(heads(&flows), ["tcp 10.1.8.4 40000 192.0.2.1 80 http a.example"]);
        assert_eq!(flows[0].matches("asks http a.example/x").count(), 1, "{}", flows[0]);
    }
}

#[test]
fn a_request_that_was_not_seen_is_not_known() {
    let unseen = ",\"http\":{\"url\":\"/libhtp::request_uri_not_seen\",\"status\":200}";
    let (flows, _) = told(&event("http", [CLIENT, SERVER], unseen));
    assert_eq!(heads(&flows), ["tcp 10.1.8.4 40000 192.0.2.1 80 http -"]);
    assert!(flows[0].contains("asks http with who knows what"), "{}", flows[0]);
}

#[test]
fn answers_in_groups_are_those_one_by_one_without_times() {
    let dns = |answers: &str| {
        let more = format!(
            ",\"dns\":{{\"version\":2,\"type\":\"answer\",\"rrname\":\"a.example\",\"rrtype\":\"A\",\
             \"rcode\":\"NOERROR\",{answers}}}"
        );
        let log = event("dns", [CLIENT, ("192.0.2.53", 53)], &more);
        let (taken, _) = read(log.as_bytes(), usize::MAX);
        taken.answers.iter().map(shown_answer).collect::<String>()
    };
    let grouped = "\"grouped\":{\"A\":[\"192.0.2.1\"],\"CNAME\":[\"b.example\"]}";
    let detailed = "\"answers\":[\
        {\"rrname\":\"a.example\",\"rrtype\":\"CNAME\",\"ttl\":60,\"rdata\":\"b.example\"},\
        {\"rrname\":\"b.example\",\"rrtype\":\"A\",\"ttl\":60,\"rdata\":\"192.0.2.1\"}]";
    assert!(dns(grouped).ends_with("  a.example 0 CNAME b.example\n  b.example 0 192.0.2.1\n"));
    assert_eq!(dns(grouped).replace(" 0 ", " 60 "), dns(detailed));
    assert_eq!(dns(&format!("{detailed},{grouped}")), dns(detailed));
}

#[test]
fn tls_that_another_protocol_turned_to_is_none_wherever_that_is_told() {
    let tls = ",\"tls\":{\"sni\":\"a.example\"}";
    let flow = ",\"app_proto\":\"tls\",\"app_proto_orig\":\"smtp\",\"flow\":{\"pkts_toserver\":9,\
                \"pkts_toclient\":9,\"bytes_toserver\":9,\"bytes_toclient\":9}";
    let ends = [CLIENT, ("192.0.2.1", 25)];
    let (flows, _) = told(&(event("tls", ends, tls) + &event("flow", ends, flow)));
    assert_eq!(heads(&flows), ["tcp 10.1.8.4 40000 192.0.2.1 25 other -"]);
    assert!(flows[0].contains("asks other"), "{}", flows[0]);
}

#[test]
fn an_event_that_cannot_be_read_says_by_which_field() {
    let good = event("flow", [CLIENT, SERVER], "");
    for (from, to, expected) in [
        ("40000", "\"443/tcp\"", "its `src_port` `443/tcp` cannot be read"),
        ("10.1.8.4", "client", "its `src_ip` `client` cannot be read"),
        ("\"TCP\"", "\"TPC\"", "its `proto` `TPC` cannot be read"),
        ("2026-03-01T10:00:00.3+0000", "soon", "its `timestamp` `soon` cannot be read"),
    ] {
        let (flows, summary) = told(&good.replace(from, to));
        assert!(flows.is_empty() && summary.contains(expected), "{to}: {summary}");
    }
}

#[test]
fn an_alert_without_the_request_says_nothing_of_it() {
    let alert = event("alert", [CLIENT, SERVER], &format!("{ALERT},\"http\":{{\"length\":0}}"));
    let http = ",\"http\":{\"hostname\":\"a.example\",\"url\":\"/\",\"http_method\":\"GET\"}";
    let (flows, _) = told(&(alert + &event("http", [CLIENT, SERVER], http)));
    assert_eq!(heads(&flows), ["tcp 10.1.8.4 40000 192.0.2.1 80 http a.example"]);
    assert_eq!(flows[0].matches("asks ").count(), 1, "{}", flows[0]);
    let (flows, _) = told(&event("http", [CLIENT, SERVER], ",\"http\":{\"status\":200}"));
    assert!(flows[0].contains("asks http with who knows what"), "{}", flows[0]);
}

/// Suricata does not know TDS, and protocols inside HTTP begin as that.
#[test]
fn a_protocol_that_was_not_recognised_may_be_any() {
    for (word, expected) in [
        ("failed", "asks unknown"),
        ("unknown", "asks unknown"),
        ("ssh", "asks other"),
        ("doh2", "asks http with who knows what"),
        ("websocket", "asks http with who knows what"),
    ] {
        let more = format!(
            ",\"app_proto\":\"{word}\",\"flow\":{{\"pkts_toserver\":5,\"pkts_toclient\":5}},\
             \"tcp\":{{\"tcp_flags_ts\":\"1b\",\"syn\":true}}"
        );
        let (flows, _) = told(&event("flow", [CLIENT, SERVER], &more));
        assert!(flows[0].contains(expected), "{word}: {}", flows[0]);
    }
}

/// Not every version writes the host of a request of HTTP/2 where that of HTTP/1 stands.
#[test]
fn a_request_of_http2_has_its_host_in_a_header() {
    let http = |headers: &str, stream: u32| {
        let more = format!(
            ",\"app_proto\":\"http2\",\"http\":{{\"version\":\"2\",{headers}\"http2\":{{\"stream_id\":{stream}}}}}"
        );
        event("http", [CLIENT, SERVER], &more)
    };
    let settings = http("", 0);
    let authority = "\"request_headers\":[{\"name\":\":method\",\"value\":\"GET\"},\
                     {\"name\":\":authority\",\"value\":\"a.example\"}],\
                     \"http_method\":\"GET\",\"url\":\"/x\",";
    let named = told(&(settings.clone() + &http(authority, 1))).0;
    assert_eq!(heads(&named), ["tcp 10.1.8.4 40000 192.0.2.1 80 http a.example"]);
    assert!(named[0].contains("asks http a.example/x"), "{}", named[0]);
    assert_eq!(named[0].matches("asks").count(), 1, "{}", named[0]);
    let nameless = told(&http("\"http_method\":\"GET\",\"url\":\"/x\",", 1)).0;
    assert!(nameless[0].contains("asks http with who knows what"), "{}", nameless[0]);
    let alone = told(&settings).0;
    assert!(alone[0].contains("asks http with who knows what"), "{}", alone[0]);
}

#[test]
fn an_event_without_a_port_is_not_read() {
    let log = event("flow", [CLIENT, SERVER], "").replace("\"dest_port\":80,", "");
    let (flows, summary) = told(&log);
    assert_eq!(flows, Vec::<String>::new());
    assert!(summary.contains("it lacks `dest_port`"), "{summary}");
}

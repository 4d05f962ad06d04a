//! Flows as packets: what is written is read back as the same flow, by this program and by others.
#![cfg(test)]

use std::fs;
use std::process::Command;

use exeat::capture::CapturedFlow;
use exeat::capture::Reader;
use exeat::capture::Sink;
use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsRecord;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::flow::Request;
use exeat::flow::SeenPayload;
use exeat::flow::notation::DestinationText;
use exeat::flow::notation::FlowText;
use exeat::flow::notation::SourceText;
use exeat::packet::Exchange;
use exeat::packet::Lookup;
use exeat::packet::Unwritable;
use exeat::packet::record;
use jiff::Timestamp;
use proptest::prelude::*;

/// Flows of each kind, in the notation.
const FLOWS: &[&str] = &[
    "10.1.0.4:50001 -> 203.0.113.7 : tcp/443 tls www.example.com",
    "10.1.0.4:50002 -> 203.0.113.7 : tcp/443 tls",
    "10.1.0.4:50003 -> 203.0.113.7 : tcp/443 tls 203.0.113.7",
    "10.1.0.4:50004 -> 203.0.113.7 : tcp/80 http www.example.com",
    "10.1.0.4:50005 -> 203.0.113.7 : tcp/80 http www.example.com:8080/a/b?c=d",
    "10.1.0.4:50006 -> 203.0.113.7 : tcp/80 http",
    "10.1.0.4:50007 -> 203.0.113.7 : tcp/8080 http [2001:db8::7]:80/x",
    "10.1.0.4:50008 -> 203.0.113.7 : tcp/1433 mssql trips.database.windows.net",
    "10.1.0.4:50009 -> 203.0.113.7 : tcp/1433 mssql",
    "10.1.0.4:50010 -> 203.0.113.7 : tcp/443 silent",
    "10.1.0.4:50011 -> 203.0.113.7 : tcp/443 other",
    "10.1.0.4:50012 -> 203.0.113.7 : tcp/22 other",
    "10.1.0.4:50013 -> 203.0.113.7 : tcp/53 other",
    "10.1.0.4:50014 -> 203.0.113.7 : udp/53",
    "10.1.0.4:50015 -> 203.0.113.7 : udp/123",
    "10.1.0.4:50016 -> 203.0.113.7 : udp/9000",
    "10.1.0.4:50017 -> 203.0.113.7 : udp/443",
    "10.1.0.4:43000 -> 203.0.113.7 : tcp/25 other",
    "10.1.0.4:43001 -> 203.0.113.7 : tcp/445 other",
    "10.1.0.4:43002 -> 203.0.113.7 : tcp/1433 other",
    "10.1.0.4:43003 -> 203.0.113.7 : tcp/1883 other",
    "10.1.0.4:43004 -> 203.0.113.7 : tcp/3306 other",
    "10.1.0.4:43005 -> 203.0.113.7 : tcp/5432 other",
    "10.1.0.4:43006 -> 203.0.113.7 : tcp/5671 other",
    "10.1.0.4:43007 -> 203.0.113.7 : tcp/9093 other",
    "10.1.0.4:43100 -> 203.0.113.7 : udp/161",
    "10.1.0.4:43101 -> 203.0.113.7 : udp/514",
    "10.1.0.4:43102 -> 203.0.113.7 : udp/3478",
    "10.1.0.4:43103 -> 203.0.113.7 : udp/4500",
    "10.1.0.4:0 -> 203.0.113.7 : tcp/443 tls www.example.com",
    "10.1.0.4 -> 203.0.113.7 : icmp",
    "10.1.0.4 -> 203.0.113.7 : proto/50",
    "[fd00::4]:50018 -> [2001:db8::7] : tcp/443 tls www.example.com",
    "[fd00::4]:50019 -> [2001:db8::7] : tcp/80 http www.example.com/x",
    "[fd00::4]:50020 -> [2001:db8::7] : udp/9000",
    "[fd00::4] -> [2001:db8::7] : proto/58",
    "10.1.0.4:50001 -> 203.0.113.7 : tcp/443 tls other.example.com",
];

/// The flow that `text` says; a payload over other protocols than TCP is `other`.
fn flow(text: &str) -> Flow {
    let read = FlowText::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (SourceText::Address(source), DestinationText::Address(destination)) =
        (read.source, read.destination)
    else {
        panic!("{text}: no addresses")
    };
    let SeenPayload::Exactly(payload) = read.payload else { panic!("{text}: no payload") };
    Flow {
        source,
        source_port: read.source_port.unwrap_or(0),
        destination,
        destination_port: read.destination_port,
        protocol: read.protocol,
        payload,
    }
}

fn at() -> Timestamp {
    "2026-03-01T10:00:00.5Z".parse().expect("a time")
}

fn exchange(flow: &Flow) -> Exchange {
    let lookup = |(index, name): (u16, &Fqdn)| Lookup {
        server: if flow.source.is_ipv4() {
            [168, 63, 129, 16].into()
        } else {
            [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53].into()
        },
        source_port: 40_000 + flow.source_port % 1000 + index,
        name: name.clone(),
        address: flow.destination,
    };
    let name = flow.payload.wire_name().and_then(Host::name);
    let lookups = name.map(|name| lookup((0, name))).into_iter().collect();
    Exchange { flow: flow.clone(), lookups, comment: flow.to_string() }
}

#[derive(Default)]
struct Seen {
    flows: Vec<CapturedFlow>,
    answers: Vec<DnsAnswer>,
}

impl Sink for Seen {
    fn flow(&mut self, flow: CapturedFlow) {
        self.flows.push(flow);
    }

    fn answer(&mut self, answer: DnsAnswer) {
        self.answers.push(answer);
    }
}

/// What our own reader makes of `bytes`, without the lookups.
fn read(bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut reader = Reader::new();
    reader.feed(bytes, &mut seen).expect("a capture");
    let summary = reader.finish(&mut seen).expect("a whole capture");
    assert_eq!(summary.truncated, None);
    assert_eq!(summary.malformed.values().sum::<u64>(), 0, "{:?}", summary.malformed);
    seen.flows.retain(|flow| !(40_000..42_000).contains(&flow.source_port));
    seen.flows.sort_by_key(|flow| flow.frame);
    seen
}

/// Checks that what was read is `flow`, and nothing besides.
fn check(flow: &Flow, seen: &CapturedFlow) {
    let last = seen.openings.last().expect("an opening");
    let mut read = seen.question(last).unwrap();
    // What our reader cannot tell apart, nor any other: nothing was said, or nothing known.
    if !flow.protocol.has_ports() {
        read.payload = SeenPayload::Exactly(flow.payload.clone());
    }
    let mut expected = flow.clone();
    if let Payload::Tls { inner, .. } = &mut expected.payload {
        *inner = None;
    }
    assert_eq!(read, expected.into(), "{flow}");
    assert_eq!(seen.name.as_ref(), flow.payload.wire_name(), "{flow}");
    assert_eq!(seen.syn, flow.protocol == IpProtocol::TCP, "{flow}");
    assert!(!seen.incomplete, "{flow}");
    let handshake = usize::from(flow.protocol == IpProtocol::TCP);
    let asked = usize::from(flow.payload != Payload::Silent || handshake == 0);
    assert_eq!(seen.openings.len(), handshake + asked, "{flow}: {:?}", seen.openings);
}

fn of_table() -> Vec<Exchange> {
    FLOWS.iter().map(|text| exchange(&flow(text))).collect()
}

#[test]
fn each_kind_of_flow_is_read_back_as_it_was() {
    let exchanges = of_table();
    let recording = record(&exchanges, at());
    assert_eq!(recording.left_out, []);
    let seen = read(&recording.bytes);
    assert_eq!(seen.flows.len(), exchanges.len());
    for (exchange, captured) in exchanges.iter().zip(&seen.flows) {
        check(&exchange.flow, captured);
    }
    assert_eq!(seen.flows.first().map(|flow| flow.first.duration_since(at()).as_millis()), Some(2));
}

#[test]
fn the_client_knows_the_name_before_it_connects() {
    let flow = flow("10.1.0.4:50001 -> 203.0.113.7 : tcp/443 tls www.example.com");
    let seen = read(&record(&[exchange(&flow)], at()).bytes);
    let [answer] = seen.answers.as_slice() else { panic!("{:?}", seen.answers) };
    assert_eq!((answer.client, answer.server.to_string()), (flow.source, "168.63.129.16".into()));
    let owner: Fqdn = "www.example.com".parse().expect("a name");
    assert_eq!(answer.question, owner);
    let [DnsRecord::Address { owner: of, address, .. }] = answer.records.as_slice() else {
        panic!("{:?}", answer.records)
    };
    assert_eq!((of, *address), (&owner, flow.destination));
    assert!(seen.flows.iter().all(|flow| flow.first > answer.at));
}

#[test]
fn a_capture_of_nothing_is_a_capture() {
    let seen = read(&record(&[], at()).bytes);
    assert!(seen.flows.is_empty() && seen.answers.is_empty());
}

#[test]
fn what_packets_cannot_show_is_left_out_and_told() {
    let web = flow("10.1.0.4:50001 -> 203.0.113.7 : tcp/80 http www.example.com/a");
    let with_path = |path: &str| {
        let payload = Payload::Http(Request { host: None, port: None, path: path.to_owned() });
        Flow { payload, ..web.clone() }
    };
    let over_udp = Flow { protocol: IpProtocol::UDP, ..web.clone() };
    let to_v6 = Flow { destination: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 7].into(), ..web.clone() };
    let cases = [
        (flow("10.1.0.4:50001 -> 203.0.113.7 : udp/443 quic www.example.com"), Unwritable::Quic),
        (with_path("/a b"), Unwritable::Path),
        (with_path("a"), Unwritable::Path),
        (with_path(&"/a".repeat(20_000)), Unwritable::LongPath { most: 32 * 1024 }),
        (over_udp, Unwritable::Payload),
        (to_v6, Unwritable::Families),
        (flow("[fd00::4] -> [2001:db8::7] : proto/43"), Unwritable::ExtensionHeader),
    ];
    for (flow, why) in cases {
        let recording = record(&[exchange(&flow), exchange(&web)], at());
        assert_eq!(recording.left_out, [(0, why)], "{flow}");
        let told = format!("left out: {flow}: {why}");
        let comment: Vec<u8> = recording.bytes.get(28..28 + told.len()).unwrap_or_default().into();
        assert_eq!(String::from_utf8(comment), Ok(told));
        let [seen] = &read(&recording.bytes).flows[..] else { panic!("{flow}") };
        check(&web, seen);
    }
    let early = "1969-12-31T00:00:00Z".parse().expect("a time");
    assert_eq!(record(&[exchange(&web)], early).left_out, [(0, Unwritable::Time)]);
}

#[test]
fn the_same_flows_and_time_give_the_same_bytes() {
    let exchanges = of_table();
    assert_eq!(record(&exchanges, at()), record(&exchanges, at()));
}

fn host() -> impl Strategy<Value = Host> {
    let name = "([a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?\\.){1,6}[a-z]{2,9}";
    let name = name.prop_map(|text| Host::parse(&text).expect("a name"));
    let address = any::<std::net::IpAddr>().prop_map(Host::Address);
    prop_oneof![8 => name, 1 => address]
}

fn request() -> impl Strategy<Value = Request> {
    let path = "/[!-~]{0,40}|/[a-z/]{1500,4000}|/[a-zé]{1,9}";
    (proptest::option::of(host()), proptest::option::of(any::<u16>()), path)
        .prop_map(|(host, port, path)| Request { host, port, path })
}

fn any_flow() -> impl Strategy<Value = Flow> {
    let name = || proptest::option::of(host());
    let over_tcp = prop_oneof![
        Just(Payload::Silent),
        Just(Payload::Other),
        (name(), proptest::option::of(request()))
            .prop_map(|(name, inner)| Payload::Tls { name, inner }),
        request().prop_map(Payload::Http),
        name().prop_map(|name| Payload::Mssql { name }),
    ];
    let sent = prop_oneof![
        6 => over_tcp.prop_map(|payload| (IpProtocol::TCP, payload)),
        2 => Just((IpProtocol::UDP, Payload::Other)),
        1 => Just((IpProtocol::ICMP, Payload::Other)),
    ];
    let v4 = any::<[[u8; 4]; 2]>().prop_map(|ends| ends.map(std::net::IpAddr::from));
    let v6 = any::<[[u8; 16]; 2]>().prop_map(|ends| ends.map(std::net::IpAddr::from));
    // The lookups have the ports between.
    let ports = (prop_oneof![0_u16..40_000, 42_000_u16..], any::<u16>());
    (prop_oneof![v4, v6], ports, sent)
        .prop_filter("ends of its own", |([source, destination], ..)| source != destination)
        .prop_map(|([source, destination], (source_port, destination_port), sent)| {
            let (protocol, payload) = sent;
            let (source_port, destination_port) =
                if protocol.has_ports() { (source_port, destination_port) } else { (0, 0) };
            Flow { source, source_port, destination, destination_port, protocol, payload }
        })
}

proptest! {
    #[test]
    fn every_flow_is_read_back_as_it_was(flow in any_flow()) {
        let recording = record(&[exchange(&flow)], at());
        prop_assert_eq!(&recording.left_out, &[]);
        let seen = read(&recording.bytes);
        prop_assert_eq!(seen.flows.len(), 1);
        check(&flow, &seen.flows[0]);
    }
}

/// What tshark says of `bytes`. Where there is none, that is said.
#[expect(clippy::print_stderr, reason = "what was not tested is told")]
fn tshark(bytes: &[u8], args: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("w.pcapng");
    fs::write(&path, bytes).expect("a file");
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(&path).args(args);
    match command.output() {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{errors}");
            Some(String::from_utf8(output.stdout).expect("UTF-8"))
        }
        Err(error) => {
            eprintln!("no `tshark` was found: nothing is asked of it: {error}");
            None
        }
    }
}

#[test]
fn tshark_reads_the_same_names_and_objects_to_nothing() {
    let bytes = record(&of_table(), at()).bytes;
    let checks = ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"];
    let checks: Vec<String> = checks.map(|key| format!("{key}:TRUE")).into();
    let mut args: Vec<&str> = checks.iter().flat_map(|check| ["-o", check.as_str()]).collect();
    args.extend([
        "-Y",
        "_ws.malformed or ip.checksum.status == 0 or tcp.checksum.status == 0 or \
         udp.checksum.status == 0 or icmp.checksum.status == 0 or icmpv6.checksum.status == 0",
    ]);
    let Some(objections) = tshark(&bytes, &args) else { return };
    assert_eq!(objections, "");
    let names = |field: &str| -> Vec<String> {
        let text = tshark(&bytes, &["-Y", field, "-T", "fields", "-e", field]).expect("tshark");
        text.lines().map(str::to_owned).collect()
    };
    assert_eq!(
        names("tls.handshake.extensions_server_name"),
        [
            "www.example.com",
            "203.0.113.7",
            "trips.database.windows.net",
            "www.example.com",
            "www.example.com",
            "other.example.com"
        ]
    );
    assert_eq!(
        names("http.host"),
        ["www.example.com", "www.example.com:8080", "[2001:db8::7]:80", "www.example.com"]
    );
    assert_eq!(names("dns.a").len(), 6);
    assert_eq!(names("dns.aaaa").len(), 2);
    assert_eq!(names("frame.comment").len(), FLOWS.len());
}

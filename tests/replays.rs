//! Connections that are judged together are judged as each would be by itself.
#![cfg(test)]
#![cfg(feature = "testing")]

#[path = "../benches/support/estate.rs"]
#[expect(dead_code, reason = "benches measure more")]
mod estate;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use exeat::azure::Deployment;
use exeat::compile;
use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsRecord;
use exeat::evidence::Evidence;
use exeat::evidence::RecordType;
use exeat::evidence::ResponseCode;
use exeat::evidence::ServiceTags;
use exeat::evidence::Solicited;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Observation;
use exeat::flow::Payload;
use exeat::flow::PayloadKind;
use exeat::flow::Request;
use exeat::flow::SeenPayload;
use exeat::intent::Intent;
use exeat::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Decision;
use exeat::simulate::Environment;
use exeat::simulate::Outcome;
use exeat::simulate::Replays;
use exeat::simulate::Settled;
use exeat::simulate::Simulator;
use exeat::testing::Edges;
use exeat::testing::Runs;
use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::date;
use proptest::strategy::Strategy as _;
use proptest::strategy::ValueTree as _;

const DAY: Date = date(2026, 3, 1);

fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// A list for many senders with the statements `more`, and what is compiled from it without those.
fn subject(permissions: usize, more: &str) -> (Intent, Deployment) {
    let mut text = estate::covered(permissions);
    text.push_str(
        "allow away: s1 -> 198.51.100.0/24 : tcp/8443 because \"an address\"\n\
         allow paths: s2 -> *.example.org : https, http because \"a wildcard\"\n\
         may icmp: s3 -> 10.9.0.0/16 : icmp because \"pings\"\n",
    );
    let compiled = compile::compile(&resolve(&text), &Deployment::default(), DAY);
    (resolve(&(text + more)), compiled.expect("a deployment").deployment)
}

fn resolve(text: &str) -> Intent {
    let mut only = Some(text.as_bytes().to_vec());
    let mut read = |_: &std::path::Path| only.take().ok_or(std::io::ErrorKind::NotFound.into());
    let resolved = resolve::resolve("list.egress", &mut read, &resolve::Options::default());
    resolved.intent.unwrap_or_else(|| panic!("{:?}", resolved.diagnostics))
}

/// DNS answers about some of the names that `flows` show, as clients and the proxy gave them, some
/// for the very destination; and one service tag.
fn evidence(flows: &[Flow], proxy: IpAddr) -> Evidence {
    let mut evidence = Evidence::default();
    for (number, flow) in flows.iter().enumerate() {
        let Some(Host::Name(name)) = flow.payload.wire_name() else { continue };
        let other: IpAddr = [203, 0, 113, 99].into();
        let address = if number % 2 == 0 { flow.destination } else { other };
        // One in three clients is told by a server that is no proxy.
        let server = if number % 3 == 0 { [192, 0, 2, 53].into() } else { proxy };
        if number % 5 < 3 {
            let earlier = SignedDuration::from_secs(i64::try_from(number % 7).unwrap() * 600);
            evidence.timeline.add(&answer(name, address, flow.source, server, noon() - earlier));
        }
    }
    let tags = serde_json::json!({ "changeNumber": 1, "cloud": "Public", "values": [
        { "name": "Storage.WestEurope", "properties":
            { "region": "westeurope", "addressPrefixes": ["203.0.113.0/26", "20.60.0.0/16"] } },
        { "name": "AzureMonitor", "properties":
            { "region": "", "addressPrefixes": ["198.51.100.0/25", "203.0.113.64/26"] } },
    ] });
    evidence.service_tags = Some(ServiceTags::read(tags.to_string().as_bytes()).unwrap());
    evidence
}

fn answer(
    name: &Fqdn,
    address: IpAddr,
    client: IpAddr,
    server: IpAddr,
    at: Timestamp,
) -> DnsAnswer {
    let record = DnsRecord::Address { owner: name.clone(), address, ttl: 300 };
    let asked = RecordType::of(address);
    let (question, code) = (name.clone(), ResponseCode::NO_ERROR);
    let (solicited, records) = (Solicited::Unsaid, vec![record]);
    DnsAnswer { at, client, server, solicited, question, asked, code, records }
}

/// What may have been recorded of `flow`: the number tells which.
fn recorded(flow: &Flow, number: usize) -> Vec<Observation> {
    let whole = Observation::from(flow.clone());
    let with = |payload| Observation { payload, ..whole.clone() };
    let silent = with(SeenPayload::Exactly(Payload::Silent));
    match number % 8 {
        0 | 1 => vec![whole],
        2 | 3 => vec![silent, whole],
        4 => vec![with(SeenPayload::Kind(flow.payload.kind()))],
        5 => vec![silent, whole.clone(), with(SeenPayload::Unread(Some(flow.payload.kind())))],
        6 => vec![with(SeenPayload::Unread(None)), whole],
        _ => vec![with(SeenPayload::Unknown)],
    }
}

fn request(host: Host, path: &str) -> Payload {
    Payload::Http(Request { host: Some(host), port: None, path: path.to_owned() })
}

/// What reports show of a decision.
fn told(decision: &Decision) -> String {
    let Decision { verdict, reason, rule, route, missing, assumptions, .. } = decision;
    format!("{verdict:?} {reason:?} {rule:?} {route:?} {missing:?} {assumptions:?}")
}

#[track_caller]
fn compare(with_dns: bool, more: &str, seed: u64) {
    let (intent, deployment) = subject(40, more);
    let simulator = Simulator::new(&deployment).unwrap();
    let proxy = deployment.firewalls.values().next().unwrap().private_address;
    let edges = Edges::near(&[&deployment], Some(&intent), &Evidence::default());
    let mut runner = Runs { seed, cases: 400 }.runner();
    let drawn: Vec<Flow> =
        (0..400).map(|_| edges.flows().new_tree(&mut runner).unwrap().current()).collect();
    let mut evidence = evidence(&drawn, proxy);
    if !with_dns {
        evidence.timeline = Evidence::default().timeline;
    }
    let assumptions = Assumptions::default();
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at: noon() };
    let replays = Replays::new(&simulator, Some(&intent), DAY, environment, 100_000);
    let mut judged = Vec::new();
    for (number, flow) in drawn.iter().enumerate() {
        // The same once more, later, from a neighbour, and to others of all classes.
        let mut others = vec![flow.clone(); 17];
        others[1].source_port = 40_001;
        others[2].destination = drawn[(number * 7 + 1) % drawn.len()].destination;
        others[3].source = drawn[(number * 5 + 2) % drawn.len()].source;
        // On either side of the end of a service tag that the list names.
        others[4].destination = [20, 60, 255, 255].into();
        others[5].destination = [20, 61, 0, 0].into();
        others[6].payload = request(Host::Address(flow.destination), "/");
        others[7].payload = request(Host::Address(drawn[0].destination), "/news");
        others[8].payload = request(Host::Name("www.example.com".parse().unwrap()), "/news");
        others[9].payload = request(Host::Name("www.example.com".parse().unwrap()), "/else");
        if flow.protocol.has_ports() {
            // On either side of the ends of ranges of ports, and where none ends.
            others[10].destination_port = flow.destination_port.saturating_add(1);
            others[11].destination_port = flow.destination_port.saturating_sub(1);
            others[12].destination_port = drawn[(number * 3 + 1) % drawn.len()].destination_port;
            others[13].destination_port = 40_000 + u16::try_from(number).unwrap();
            // The port that it was sent to, and another.
            let named = |port| {
                let host = Some(Host::Name("www.example.com".parse().unwrap()));
                Payload::Http(Request { host, port: Some(port), path: "/".to_owned() })
            };
            for (which, by) in [(14, 0), (15, 1)] {
                others[which].destination_port = 50_000 + u16::try_from(number % 7).unwrap();
                others[which].payload = named(others[which].destination_port + by);
            }
            others[16].payload = named(50_000);
        }
        for (which, flow) in others.iter().enumerate() {
            let later = i64::try_from((number * 17 + which) % 11).unwrap() * 900;
            let at = noon() + SignedDuration::from_secs(later);
            let flows = recorded(flow, number);
            let environment = Environment { at, ..environment };
            let alone = simulator.replay(&flows, Some(&intent), DAY, &environment).unwrap();
            let settled = replays.replay(&flows, at).unwrap();
            let found =
                (&settled.replayed.judged, settled.replayed.outcome, settled.replayed.index);
            assert_eq!(found, (&alone.judged, alone.outcome, alone.index), "{flow}");
            let decision = settled.decision(flow.destination);
            assert_eq!(told(&decision), told(&alone.decision), "{flow}");
            let shown = flows.get(alone.index + 1).filter(|after| {
                let judged = intent.judge_on(DAY, after, &environment);
                let decision = simulator.judge(after, &environment);
                flows[alone.index].payload == SeenPayload::Exactly(Payload::Silent)
                    && alone.outcome.is_objection()
                    && Outcome::of(Some(&judged), &decision) == alone.outcome
                    && decision.rule == alone.decision.rule
            });
            assert_eq!(settled.shown, alone.index + usize::from(shown.is_some()), "{flow}");
            judged.push(settled);
        }
    }
    let apart: BTreeSet<*const Settled<'_>> = judged.iter().map(Arc::as_ptr).collect();
    let together = judged.len() - apart.len();
    assert!(together > 400, "only {together} are judged as another was");
}

#[test]
fn what_is_judged_together_is_judged_as_by_itself() {
    compare(false, "", 1);
}

#[test]
fn dns_answers_tell_connections_apart() {
    compare(true, "", 2);
}

/// What a proxy holds may change between any two flows, whether names are let out by address or not, and
/// whether flows show them or not.
#[test]
fn what_proxies_hold_tells_connections_apart_by_time_and_destination() {
    const TTL: i64 = 300;
    let by_address = "allow brokers: s8 -> b1.example.net, b2.example.net : tcp/5671\n  \
                      by address because \"AMQP carries no name\" because \"brokers\"\n";
    let source: IpAddr = [10, 1, 24, 4].into();
    let [held, other]: [IpAddr; 2] = [[203, 0, 113, 7].into(), [203, 0, 113, 8].into()];
    let name = |text: &str| text.parse::<Fqdn>().unwrap();
    for (more, names) in [
        ("", ["api4.host0.example52.net", "b1.example.net"]),
        (by_address, ["b1.example.net", "b2.example.net"]),
    ] {
        let (intent, _) = subject(40, more);
        let compiled = compile::compile(&intent, &Deployment::default(), DAY);
        let deployment = compiled.expect("a deployment").deployment;
        let simulator = Simulator::new(&deployment).unwrap();
        let proxy = deployment.firewalls.values().next().unwrap().private_address;
        let mut evidence = Evidence::default();
        for (name, address, after) in
            [(names[0], held, 0), (names[1], other, 100), (names[0], other, 2_000)]
        {
            let at = noon() + SignedDuration::from_secs(after);
            evidence.timeline.add(&answer(
                &name.parse().unwrap(),
                address,
                [10, 1, 8, 99].into(),
                proxy,
                at,
            ));
        }
        let assumptions = Assumptions::default();
        let environment =
            Environment { evidence: &evidence, assumptions: &assumptions, at: noon() };
        let replays = Replays::new(&simulator, Some(&intent), DAY, environment, 100_000);
        let grace = 15 * 60;
        let ends = [0, 100, 2_000, TTL + grace, 100 + TTL + grace, 2_000 + TTL + grace, 9_000];
        let payloads = [
            SeenPayload::Exactly(Payload::Other),
            SeenPayload::Exactly(Payload::Tls {
                name: Some(Host::Name(name(names[0]))),
                inner: None,
            }),
            SeenPayload::Kind(PayloadKind::Tls),
            SeenPayload::Unknown,
        ];
        let mut judged = Vec::new();
        for (end, apart) in ends.into_iter().flat_map(|end| [-1, 0, 1].map(|apart| (end, apart))) {
            let at = noon() + SignedDuration::from_secs(end) + SignedDuration::from_nanos(apart);
            for (destination, port) in
                [(held, 5671), (other, 5671), ([203, 0, 113, 9].into(), 5671), (held, 443)]
            {
                for payload in &payloads {
                    let flow = Observation {
                        source,
                        source_port: Some(40_000),
                        destination,
                        destination_port: port,
                        protocol: IpProtocol::TCP,
                        payload: payload.clone(),
                    };
                    let environment = Environment { at, ..environment };
                    let flows = std::slice::from_ref(&flow);
                    let alone = simulator.replay(flows, Some(&intent), DAY, &environment).unwrap();
                    let settled = replays.replay(flows, at).unwrap();
                    assert_eq!(settled.replayed.judged, alone.judged, "{flow} at {at}");
                    let decision = settled.decision(destination);
                    assert_eq!(told(&decision), told(&alone.decision), "{flow} at {at}");
                    judged.push((told(&decision), settled));
                }
            }
        }
        let apart: BTreeSet<*const Settled<'_>> =
            judged.iter().map(|(_, settled)| Arc::as_ptr(settled)).collect();
        assert!(apart.len() < judged.len(), "all {} are judged apart", judged.len());
        let different: BTreeSet<&String> = judged.iter().map(|(told, _)| told).collect();
        assert!(different.len() > 4, "{different:?}");
    }
}

/// A statement that names a path.
const NEWS: &str =
    "allow news: s1, s2, s3 -> url \"www.example.com/news\" inspect : http because \"news\"\n";

#[test]
fn paths_tell_connections_apart_where_they_are_named() {
    compare(true, NEWS, 3);
}

/// Whether two flows between the same addresses, each a payload to a port, are judged as one.
fn are_one(more: &str, flows: [(Payload, u16); 2]) -> bool {
    let (intent, deployment) = subject(40, more);
    let simulator = Simulator::new(&deployment).unwrap();
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at: noon() };
    let replays = Replays::new(&simulator, Some(&intent), DAY, environment, 100_000);
    let edges = Edges::near(&[&deployment], Some(&intent), &evidence);
    let mut runner = Runs { seed: 4, cases: 1 }.runner();
    let drawn = edges.flows().new_tree(&mut runner).unwrap().current();
    let [one, other] = flows.map(|(payload, destination_port)| {
        let flow = Flow { payload, protocol: IpProtocol::TCP, destination_port, ..drawn.clone() };
        replays.replay(&[Observation::from(flow)], noon()).unwrap()
    });
    Arc::ptr_eq(&one, &other)
}

#[test]
fn what_nothing_is_compared_with_tells_no_connections_apart() {
    let flows = ["/a?id=1", "/b?id=2"]
        .map(|path| (request(Host::Address([192, 0, 2, 7].into()), path), 80));
    assert!(are_one("", flows.clone()));
    assert!(!are_one(NEWS, flows));
}

#[test]
fn a_port_tells_connections_apart_where_something_begins_or_a_request_names_it() {
    let to = |ports: [u16; 2]| ports.map(|port| (Payload::Other, port));
    assert!(are_one("", to([40_000, 40_001])));
    for ports in [[442, 443], [443, 444], [79, 80], [8442, 8443], [10_999, 11_000]] {
        assert!(!are_one("", to(ports)), "{ports:?}");
    }
    let host = Some(Host::Address([192, 0, 2, 7].into()));
    let named = Payload::Http(Request { host, port: Some(40_000), path: "/".to_owned() });
    assert!(!are_one("", [(named.clone(), 40_000), (named, 40_001)]));
}

/// A hub with proxies, translations and a second firewall behind it, and a spoke with a group that looks
/// at the ports of sources given here.
fn every_port(source_ports: &str) -> Deployment {
    let text = include_str!("support/every-port.json").replace("SOURCE_PORTS", source_ports);
    exeat::import::json::read(&text).unwrap()
}

#[test]
fn ports_of_proxies_translations_groups_and_the_platform_tell_connections_apart() {
    let ends = [
        1, 25, 53, 80, 123, 443, 1433, 2000, 2005, 3000, 3010, 3020, 3030, 4000, 4005, 5000, 6000,
        6010, 7000, 7100, 7200, 8080, 8090, 8443, 9080, 9090, 9443, 11_000, 11_999, 32_526,
    ];
    let ports: BTreeSet<u16> = ends.into_iter().flat_map(|end| [end - 1, end, end + 1]).collect();
    let name = || Some(Host::Name("www.example.com".parse().unwrap()));
    let named =
        |port| Payload::Http(Request { host: name(), port: Some(port), path: "/".to_owned() });
    let payloads = [
        (IpProtocol::TCP, SeenPayload::Unknown),
        (IpProtocol::UDP, SeenPayload::Unknown),
        (IpProtocol::TCP, SeenPayload::Kind(PayloadKind::Http)),
        (IpProtocol::TCP, SeenPayload::Exactly(named(9080))),
        (IpProtocol::TCP, SeenPayload::Exactly(Payload::Tls { name: name(), inner: None })),
    ];
    let destinations: [[u8; 4]; 7] = [
        [10, 0, 1, 4],
        [10, 60, 2, 5],
        [168, 63, 129, 16],
        [203, 0, 113, 5],
        [203, 0, 113, 200],
        [198, 51, 100, 5],
        [192, 0, 2, 7],
    ];
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at: noon() };
    for source_ports in ["*", "40000-40010"] {
        let deployment = every_port(source_ports);
        let simulator = Simulator::new(&deployment).unwrap();
        let replays = Replays::new(&simulator, None, DAY, environment, 100_000);
        let mut judged = Vec::new();
        for (source, destination) in [[10, 1, 1, 5], [10, 1, 2, 5]]
            .into_iter()
            .flat_map(|one| destinations.map(|to| (one, to)))
        {
            for ((protocol, payload), port) in
                payloads.iter().flat_map(|one| ports.iter().map(move |port| (one, *port)))
            {
                let flow = Observation {
                    source: IpAddr::from(source),
                    source_port: Some(39_999 + port % 2),
                    destination: destination.into(),
                    destination_port: port,
                    protocol: *protocol,
                    payload: payload.clone(),
                };
                let alone = simulator.replay(std::slice::from_ref(&flow), None, DAY, &environment);
                let settled = replays.replay(std::slice::from_ref(&flow), noon()).unwrap();
                let decision = settled.decision(flow.destination);
                assert_eq!(told(&decision), told(&alone.unwrap().decision), "{flow}");
                judged.push(settled);
            }
        }
        let apart: BTreeSet<*const Settled<'_>> = judged.iter().map(Arc::as_ptr).collect();
        let together = judged.len() - apart.len();
        assert!(together > 400, "only {together} are judged as another was");
    }
}

/// What is seen of a connection over TCP from `source` to a server.
fn sent(source: IpAddr, destination_port: u16, payload: SeenPayload) -> Observation {
    Observation {
        source,
        source_port: Some(40_000),
        destination: [192, 0, 2, 7].into(),
        destination_port,
        protocol: IpProtocol::TCP,
        payload,
    }
}

/// A neighbour that was told of another name of the list is judged by what it was told of itself, also
/// where addresses alone decide what the firewall does.
#[test]
fn neighbours_that_were_told_of_different_names_are_judged_apart() {
    let more = "allow db: s1 -> db.example.com : tcp/5432 because \"a database\"\n\
                allow other: s1 -> other.example.com : https because \"a site\"\n";
    let (intent, deployment) = subject(40, more);
    let simulator = Simulator::new(&deployment).unwrap();
    let neighbours: [IpAddr; 2] = [[10, 1, 17, 8].into(), [10, 1, 17, 9].into()];
    let mut evidence = Evidence::default();
    for (client, name) in neighbours.into_iter().zip(["db.example.com", "other.example.com"]) {
        let server = [192, 0, 2, 53].into();
        let name = name.parse().unwrap();
        evidence.timeline.add(&answer(&name, [203, 0, 113, 1].into(), client, server, noon()));
    }
    let assumptions = Assumptions::default();
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at: noon() };
    let flow = |source| sent(source, 5432, SeenPayload::Exactly(Payload::Other));
    for first in [0, 1] {
        let replays = Replays::new(&simulator, Some(&intent), DAY, environment, 100_000);
        let mut permitted = [None; 2];
        for which in [first, 1 - first] {
            let flows = [flow(neighbours[which])];
            let alone = simulator.replay(&flows, Some(&intent), DAY, &environment).unwrap();
            let settled = replays.replay(&flows, noon()).unwrap();
            assert_eq!(settled.replayed.judged, alone.judged, "{}", flows[0]);
            assert_eq!(settled.replayed.outcome, alone.outcome, "{}", flows[0]);
            permitted[which] = alone.judged.unwrap().permitted;
        }
        assert_eq!(permitted, [Some(false), None]);
    }
}

/// Where a flow's name was not seen, any that the list spells out may be it: in a wildcard, an
/// exception, or a URL. What a neighbour was told of one says nothing of others, and nothing of those
/// that no statement spells out.
#[test]
fn neighbours_that_were_told_of_a_name_that_stands_anywhere_in_the_list_are_judged_apart() {
    let wildcards = "allow some: s1 -> *.contoso.com except bad.contoso.com : https because \"some\"\n\
                     allow all: s1 -> *.contoso.com : https because \"all\"\n";
    let url = "allow news: s1 -> url \"news.contoso.com/a\" inspect : https because \"news\"\n";
    for (more, told_of, is_apart) in [
        (wildcards, "bad.contoso.com", true),
        (wildcards, "unnamed-0.contoso.com", false),
        (url, "news.contoso.com", true),
    ] {
        let (intent, deployment) = subject(40, more);
        let simulator = Simulator::new(&deployment).unwrap();
        let neighbours: [IpAddr; 2] = [[10, 1, 17, 8].into(), [10, 1, 17, 9].into()];
        let mut evidence = Evidence::default();
        let (name, server) = (told_of.parse().unwrap(), [192, 0, 2, 53].into());
        evidence.timeline.add(&answer(
            &name,
            [203, 0, 113, 1].into(),
            neighbours[0],
            server,
            noon(),
        ));
        let assumptions = Assumptions::default();
        let environment =
            Environment { evidence: &evidence, assumptions: &assumptions, at: noon() };
        let flow = |source| sent(source, 443, SeenPayload::Kind(PayloadKind::Tls));
        for order in [[0, 1], [1, 0]] {
            let replays = Replays::new(&simulator, Some(&intent), DAY, environment, 100_000);
            let judged = order.map(|which| {
                let flows = [flow(neighbours[which])];
                let alone = simulator.replay(&flows, Some(&intent), DAY, &environment).unwrap();
                let settled = replays.replay(&flows, noon()).unwrap();
                assert_eq!(settled.replayed.judged, alone.judged, "{told_of}: {}", flows[0]);
                settled
            });
            assert_eq!(!Arc::ptr_eq(&judged[0], &judged[1]), is_apart, "{told_of}");
        }
    }
}

/// Sources are compared in their order: behind one that is not known, an address is another matter than
/// before it.
#[test]
fn sources_on_either_side_of_an_unknown_one_are_judged_apart() {
    let rules: Vec<serde_json::Value> = (0..300)
        .map(|number| {
            serde_json::json!({
                "name": format!("r{number}"),
                "protocols": ["Https:443"],
                "sourceAddresses": ["10.0.0.4", "unknown:pool", "10.0.0.5"],
                "targetFqdns": [format!("n{number}.example.com")],
            })
        })
        .collect();
    let document = serde_json::json!({
        "schema": "exeat.deployment/1",
        "firewallPolicies": { "fwp": { "ruleCollectionGroups": [{
            "name": "rcg", "priority": 100, "ruleCollections": [
                { "name": "pass", "priority": 200, "kind": "application", "action": "Allow",
                  "rules": rules },
            ],
        }] } },
        "unknowns": [{ "name": "pool", "because": "the parameter `pool` has no value" }],
    });
    let deployment = exeat::import::json::read(&document.to_string()).unwrap();
    let simulator = Simulator::new(&deployment).unwrap();
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at: noon() };
    let flow = |last| sent([10, 0, 0, last].into(), 443, SeenPayload::Kind(PayloadKind::Tls));
    for order in [[4, 5], [5, 4]] {
        let replays = Replays::new(&simulator, None, DAY, environment, 100_000);
        let mut missing = Vec::new();
        for last in order {
            let flows = [flow(last)];
            let alone = simulator.replay(&flows, None, DAY, &environment).unwrap();
            let settled = replays.replay(&flows, noon()).unwrap();
            let decision = settled.decision(flows[0].destination);
            assert_eq!(told(&decision), told(&alone.decision), "{}", flows[0]);
            missing.push(alone.decision.missing);
        }
        assert_ne!(missing[0], missing[1]);
    }
}

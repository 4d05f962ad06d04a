//! What does not fit together in recorded flows: for each kind flows that have it, and flows just
//! beside that have it not.
#![cfg(test)]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::address::AddressEntry;
use exeat::azure::address::DestinationEntry;
use exeat::azure::key::Priority;
use exeat::azure::policy::Action;
use exeat::azure::policy::RuleCollection;
use exeat::azure::policy::RuleCollectionGroup;
use exeat::azure::policy::Rules;
use exeat::azure::rule::NetworkProtocol;
use exeat::azure::rule::NetworkRule;
use exeat::azure::rule::PortEntry;
use exeat::azure::rule::Sources;
use exeat::capture::CapturedFlow;
use exeat::capture::Reader;
use exeat::capture::Sink;
use exeat::compile;
use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsRecord;
use exeat::evidence::DnsTimeline;
use exeat::evidence::Evidence;
use exeat::evidence::RecordType;
use exeat::evidence::ResponseCode;
use exeat::evidence::Solicited;
use exeat::flow::Fqdn;
use exeat::flow::Host;
use exeat::flow::NameOrigin;
use exeat::flow::Observation;
use exeat::flow::Payload;
use exeat::flow::SeenName;
use exeat::flow::SeenPayload;
use exeat::flow::notation::FlowText;
use exeat::flow::shown::Note;
use exeat::intent::Intent;
use exeat::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Consistency;
use exeat::simulate::Environment;
use exeat::simulate::Inconsistency;
use exeat::simulate::Outcome;
use exeat::simulate::Simulator;
use exeat::simulate::consistency::Connection;
use exeat::simulate::consistency::Kind;
use exeat::simulate::consistency::MOST_OF_A_KIND;
use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::date;
use proptest::prelude::*;

const DAY: Date = date(2026, 3, 1);

/// Hub and spoke, the firewall's DNS proxy on; names over HTTP and TLS, names by address, addresses.
const LIST: &str = concat!(
    include_str!("support/hub-and-spoke.egress"),
    r#"
network other {
  vnet old 10.2.0.0/16 {
    peers hub
    dns 10.2.0.53
    subnet old 10.2.8.0/24 { routes via egress }
  }
  vnet plain 10.3.0.0/16 {
    peers hub
    subnet plain 10.3.8.0/24 { routes via egress }
  }
}

allow web: apps -> www.example.com, *.allowed.example : https, http because "names"
allow db: apps -> db.example.com, db2.example.com : tcp/8443
  because "names by address"  by address because "no rule reads them there"
allow quic: apps -> 198.51.100.0/24 : udp/443 because "addresses"
allow wide: apps -> 198.51.100.0/24 : tcp/8080 because "addresses"
"#
);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

fn fqdn(text: &str) -> Fqdn {
    text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

/// Noon, and `seconds` more.
fn time(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_secs(seconds)
}

fn intent(text: &str) -> Intent {
    let mut only = Some(text.as_bytes().to_vec());
    let mut read = |_: &Path| only.take().ok_or(std::io::ErrorKind::NotFound.into());
    let resolved = resolve::resolve("list.egress", &mut read, &resolve::Options::default());
    resolved.intent.unwrap_or_else(|| panic!("{:?}", resolved.diagnostics))
}

fn deployment(intent: &Intent) -> Deployment {
    compile::compile(intent, &Deployment::default(), DAY).expect("a deployment").deployment
}

/// An answer in text: `seconds client server name -> addresses`, or a response code after the arrow.
fn answer(text: &str) -> DnsAnswer {
    let (head, tail) = text.split_once(" -> ").unwrap_or_else(|| panic!("`{text}`: no arrow"));
    let [seconds, client, server, name] = head.split(' ').collect::<Vec<_>>()[..] else {
        panic!("`{text}`: expected four words before the arrow")
    };
    let (code, addresses) = match tail {
        "nothing" => (ResponseCode::NO_ERROR, Vec::new()),
        "nxdomain" => (ResponseCode::NAME_ERROR, Vec::new()),
        "servfail" => (ResponseCode::SERVER_FAILURE, Vec::new()),
        addresses => (ResponseCode::NO_ERROR, addresses.split(' ').map(ip).collect()),
    };
    let record =
        |address: &IpAddr| DnsRecord::Address { owner: fqdn(name), address: *address, ttl: 300 };
    DnsAnswer {
        at: time(seconds.parse().unwrap()),
        client: ip(client),
        server: ip(server),
        solicited: Solicited::Unsaid,
        question: fqdn(name),
        asked: addresses.first().copied().map_or(RecordType::A, RecordType::of),
        code,
        records: addresses.iter().map(record).collect(),
    }
}

fn origin(payload: &Payload) -> NameOrigin {
    match payload {
        Payload::Tls { .. } => NameOrigin::Sni,
        Payload::Http(_) => NameOrigin::Host,
        Payload::Mssql { .. } => NameOrigin::TdsSni,
        Payload::Quic { .. } => NameOrigin::QuicSni,
        Payload::Silent | Payload::Other => panic!("no name is shown so"),
    }
}

/// A recorded connection, and what is known beside it.
#[derive(Clone, Debug)]
struct Recorded {
    openings: Vec<Observation>,
    destination: Option<IpAddr>,
    client: Option<IpAddr>,
    names: Vec<SeenName>,
    targets: Vec<(Host, Option<Host>)>,
    notes: BTreeSet<Note>,
    is_dns: bool,
    is_bare: bool,
    is_whole: bool,
    is_accepted: bool,
    timeline: DnsTimeline,
}

/// A connection of these flows, a second after the other from noon on.
fn recorded(flows: &[&str]) -> Recorded {
    let read = |text: &&str| FlowText::parse(text).unwrap().to_observation().unwrap();
    let openings: Vec<Observation> = flows.iter().map(read).collect();
    let mut names: Vec<SeenName> = Vec::new();
    for (second, opening) in (0..).zip(&openings) {
        let SeenPayload::Exactly(payload) = &opening.payload else { continue };
        let Some(name) = payload.wire_name().cloned() else { continue };
        let origin = origin(payload);
        if !names.iter().any(|seen| seen.name == name && seen.origin == origin) {
            names.push(SeenName { name, origin, at: time(second), packet: 0 });
        }
    }
    Recorded {
        destination: Some(openings[0].destination),
        client: Some(openings[0].source),
        openings,
        names,
        targets: Vec::new(),
        notes: BTreeSet::new(),
        is_dns: false,
        is_bare: false,
        is_whole: true,
        is_accepted: false,
        timeline: DnsTimeline::default(),
    }
}

impl Recorded {
    fn told(mut self, answers: &[&str]) -> Recorded {
        for text in answers {
            self.timeline.add(&answer(text));
        }
        self
    }

    /// It showed this name too, so many seconds after it began.
    fn showing(mut self, name: &str, origin: NameOrigin, seconds: i64) -> Recorded {
        let name = Host::parse(name).unwrap();
        self.names.push(SeenName { name, origin, at: time(seconds), packet: 0 });
        self
    }

    /// A request's target named this host, and its `Host` header that one.
    fn targeting(mut self, target: &str, host: Option<&str>) -> Recorded {
        let host = host.map(|host| Host::parse(host).unwrap());
        self.targets.push((Host::parse(target).unwrap(), host));
        self.showing(target, NameOrigin::Target, 0)
    }

    fn noting(mut self, note: Note) -> Recorded {
        self.notes.insert(note);
        self
    }

    fn found_by(&self, intent: Option<&Intent>, deployment: &Deployment) -> Vec<Inconsistency> {
        let simulator = Simulator::new(deployment).unwrap();
        let evidence = Evidence { timeline: self.timeline.clone(), ..Evidence::default() };
        let assumptions = Assumptions::default();
        let environment =
            Environment { evidence: &evidence, assumptions: &assumptions, at: time(0) };
        let replayed = simulator.replay(&self.openings, intent, DAY, &environment).unwrap();
        let targets: Vec<_> =
            self.targets.iter().map(|(target, host)| (target, host.as_ref())).collect();
        let connection = Connection {
            openings: &self.openings,
            destination: self.destination,
            client: self.client,
            names: &self.names,
            targets: &targets,
            notes: &self.notes,
            is_dns: self.is_dns,
            is_bare: self.is_bare,
            first: time(0),
            is_whole: self.is_whole,
            packet: Some(4),
        };
        Consistency::of(&simulator, intent, &assumptions).check(
            &connection,
            &replayed,
            self.is_accepted,
            &self.timeline,
        )
    }

    /// What is found by [`LIST`] and what it compiles to.
    fn found(&self) -> Vec<Inconsistency> {
        let intent = intent(LIST);
        self.found_by(Some(&intent), &deployment(&intent))
    }

    #[track_caller]
    fn check(&self, expected: &[&str]) {
        let found = self.found();
        let found: Vec<String> =
            found.iter().map(|one| format!("{}: {}", one.keyword(), one.describe())).collect();
        assert_eq!(found, expected);
    }

    /// The box of the replay.
    #[track_caller]
    fn check_box(&self, expected: Outcome) {
        let intent = intent(LIST);
        let deployment = deployment(&intent);
        let simulator = Simulator::new(&deployment).unwrap();
        let evidence = Evidence { timeline: self.timeline.clone(), ..Evidence::default() };
        let assumptions = Assumptions::default();
        let environment =
            Environment { evidence: &evidence, assumptions: &assumptions, at: time(0) };
        let replayed = simulator.replay(&self.openings, Some(&intent), DAY, &environment).unwrap();
        assert_eq!(replayed.outcome, expected, "{:?}", replayed.decision);
    }
}

const WEB: &str = "10.1.8.4:50000 -> 198.51.100.7 : tcp/443 tls www.example.com";
const HTTP: &str = "10.1.8.4:50000 -> 198.51.100.7 : tcp/80 http www.example.com";

#[test]
fn a_hello_and_a_request_for_other_hosts_are_told() {
    let told = "fronting: sni says www.example.com, and host says shop.example.org";
    recorded(&[WEB]).showing("shop.example.org", NameOrigin::Host, 1).check(&[told]);
    recorded(&[WEB]).showing("www.example.com", NameOrigin::Host, 1).check(&[]);
    // A log may tell of the request first, at the same instant.
    recorded(&[WEB])
        .showing("shop.example.org", NameOrigin::Authority, 0)
        .check(&["fronting: sni says www.example.com, and authority says shop.example.org"]);
    // Inside TLS, where somebody looked.
    let inside = format!("{WEB} inner shop.example.org/path");
    recorded(&[&inside]).check(&[told]);
    recorded(&[&format!("{WEB} inner www.example.com/path")]).check(&[]);
}

#[test]
fn behind_a_proxy_the_hello_is_for_the_host_that_was_connected_to() {
    let proxy = ["10.1.8.4:50000 -> 198.51.100.7 : tcp/8080 http www.example.com:443"];
    recorded(&proxy).showing("www.example.com", NameOrigin::LaterSni, 1).check(&[]);
    recorded(&proxy)
        .showing("shop.example.org", NameOrigin::LaterSni, 1)
        .check(&["fronting: later-sni says shop.example.org, and host says www.example.com"]);
    // Requests before the one that the hello is behind are for others.
    let kept = recorded(&[
        "10.1.8.4:50000 -> 198.51.100.7 : tcp/8080 http other.example.net",
        "10.1.8.4:50000 -> 198.51.100.7 : tcp/8080 http www.example.com:443",
    ]);
    kept.showing("www.example.com", NameOrigin::LaterSni, 2).check(&[]);
    // STARTTLS has no request before.
    let mail = recorded(&["10.1.8.4:50000 -> 198.51.100.7 : tcp/8080 other"]);
    mail.showing("mail.example.com", NameOrigin::LaterSni, 1).check(&[]);
}

#[test]
fn a_later_request_that_the_list_does_not_permit_is_told_unless_it_is_an_objection() {
    let second = "10.1.8.4:50000 -> 198.51.100.7 : tcp/80 http shop.example.org";
    let blocked = recorded(&["10.1.8.4:50000 -> 198.51.100.7 : tcp/80 silent", HTTP, HTTP, second]);
    blocked.check_box(Outcome::Blocked);
    blocked.check(&[
        "second-host: request 3 at packet 4 is for shop.example.org, which the list does not permit; \
         the first was for www.example.com",
    ]);
    let permitted = "10.1.8.4:50000 -> 198.51.100.7 : tcp/80 http a.allowed.example";
    recorded(&[HTTP, permitted]).check(&[]);
    // The first request is told as what it is.
    recorded(&[second]).check(&[]);
    // The same host in other words.
    recorded(&[HTTP, "10.1.8.4:50000 -> 198.51.100.7 : tcp/80 http WWW.example.com:80"]).check(&[]);
}

#[test]
fn what_leaks_by_a_later_request_is_told_once_it_is_accepted() {
    let intent = intent(LIST);
    // A rule that the list does not compile to lets everything out.
    let mut wide = deployment(&intent);
    let policy = wide.policies.values_mut().next().unwrap();
    policy.groups.push(every_port());
    let mut leak =
        recorded(&[HTTP, "10.1.8.4:50000 -> 198.51.100.7 : tcp/80 http shop.example.org"]);
    assert_eq!(leak.found_by(Some(&intent), &wide), []);
    leak.is_accepted = true;
    let kinds: Vec<Kind> =
        leak.found_by(Some(&intent), &wide).iter().map(Inconsistency::kind).collect();
    assert_eq!(kinds, [Kind::SecondHost]);
    // Without a list nothing is permitted or not.
    assert_eq!(leak.found_by(None, &wide), []);
}

/// A group that is looked at first and lets every network flow out.
fn every_port() -> RuleCollectionGroup {
    let sources = Sources { addresses: vec![AddressEntry::Any], ip_groups: Vec::new() };
    let rule = NetworkRule {
        name: "all".to_owned(),
        protocols: vec![NetworkProtocol::Any],
        sources,
        destination_addresses: vec![DestinationEntry::Addresses(AddressEntry::Any)],
        destination_ports: vec![PortEntry::Any],
        ..NetworkRule::default()
    };
    let collection = RuleCollection {
        name: Key::new("all"),
        priority: Priority::FIRST,
        rules: Rules::Network(Action::Allow, vec![rule]),
    };
    RuleCollectionGroup {
        name: Key::new("all"),
        priority: Priority::FIRST,
        collections: vec![collection],
    }
}

#[test]
fn an_address_for_a_name_is_told() {
    let says = |name: &str| format!("10.1.8.4:50000 -> 198.51.100.7 : tcp/80 http {name}");
    recorded(&[&says("198.51.100.7")])
        .check(&["literal: host says 198.51.100.7, the destination's address"]);
    recorded(&[&says("198.51.100.8:80")])
        .check(&["literal: host says 198.51.100.8, and the flow goes to 198.51.100.7"]);
    recorded(&[&says("[2001:db8::1]")])
        .check(&["literal: host says 2001:db8::1, and the flow goes to 198.51.100.7"]);
    recorded(&["10.1.8.4:50000 -> 198.51.100.7 : tcp/443 tls 198.51.100.7"])
        .check(&["literal: sni says 198.51.100.7, the destination's address"]);
    let unknown = Recorded { destination: None, ..recorded(&[&says("198.51.100.8")]) };
    unknown.check(&["literal: host says 198.51.100.8"]);
    recorded(&[&says("7.100.51.198.in-addr.arpa")]).check(&[]);
    // In other words, with and without brackets, and with a final dot.
    for (host, text) in [
        ("198.51.100.7.", "198.51.100.7, the destination's address"),
        ("[::ffff:198.51.100.7]", "::ffff:198.51.100.7, the destination's address"),
        ("[::ffff:198.51.100.8]:80", "::ffff:198.51.100.8, and the flow goes to 198.51.100.7"),
        ("0xc6.0x33.25607", "0xc6.0x33.25607, which is 198.51.100.7, the destination's address"),
        ("3325256711", "3325256711, which is 198.51.100.7, the destination's address"),
        ("0x7f.1", "0x7f.1, which is 127.0.0.1, and the flow goes to 198.51.100.7"),
    ] {
        recorded(&[&says(host)]).check(&[&format!("literal: host says {text}")]);
    }
    // What ends in a number and is none is no host at all.
    recorded(&[&says("198.51.100.7.9")]).check(&[]);
    // What a log looked up was not shown.
    recorded(&[WEB]).showing("198.51.100.7", NameOrigin::DnsAnswer, 0).check(&[]);
}

#[test]
fn an_address_in_other_words_is_no_name() {
    let hex = "0xc6.0x33.0x64.9";
    let literal = "literal: host says 0xc6.0x33.0x64.9, which is 198.51.100.9, and the flow goes to \
        198.51.100.7";
    let flow = recorded(&[&format!("10.1.8.4:50000 -> 198.51.100.7 : tcp/80 http {hex}")]);
    flow.check(&[literal]);
    // Somebody may still have asked DNS for it.
    let told = |name: &str, address: &str| format!("-60 10.1.8.4 10.0.1.4 {name} -> {address}");
    flow.clone()
        .told(&[&told(hex, "203.0.113.1"), &told("a.example", "198.51.100.7")])
        .check(&[literal]);
    flow.told(&[&told("a.example", "198.51.100.7")]).check(&[literal]);
    let behind = recorded(&[WEB]).showing(hex, NameOrigin::Host, 1);
    behind.check(&[literal]);
}

#[test]
fn a_target_for_another_host_is_told() {
    let says = "other-target: the target of a request says shop.example.org, and its Host header, by \
        which it is judged, says www.example.com";
    recorded(&[HTTP]).targeting("shop.example.org", Some("www.example.com")).check(&[says]);
    recorded(&[HTTP]).targeting("shop.example.org", None).check(&[
        "other-target: the target of a request says shop.example.org, and its Host header, by which it \
         is judged, names another host, is missing or was not seen",
    ]);
    // It is no name that the firewall sees, and nothing else is said of it.
    recorded(&[HTTP])
        .targeting("198.51.100.8", Some("www.example.com"))
        .told(&["-60 10.1.8.4 10.0.1.4 www.example.com -> 198.51.100.7"])
        .check(&[
            "other-target: the target of a request says 198.51.100.8, and its Host header, by which it \
             is judged, says www.example.com",
        ]);
    recorded(&[HTTP])
        .targeting("shop.example.org", Some("www.example.com"))
        .told(&[
            "-60 10.1.8.4 10.0.1.4 www.example.com -> 198.51.100.7",
            "-60 10.1.8.4 10.0.1.4 shop.example.org -> 203.0.113.1",
        ])
        .check(&[says]);
}

/// The client is told `www.example.com` where it does not go.
const ELSEWHERE: &str = "-60 10.1.8.4 10.0.1.4 www.example.com -> 203.0.113.1 203.0.113.2";
const TOLD_ELSEWHERE: &str = "other-address: the client was told 203.0.113.1, 203.0.113.2 for \
    www.example.com (by 10.0.1.4 at 2026-03-01T11:59:00Z), and goes to 198.51.100.7";

#[test]
fn a_name_that_was_told_other_addresses_is_told() {
    recorded(&[WEB]).told(&[ELSEWHERE]).check(&[TOLD_ELSEWHERE]);
    let here = "-60 10.1.8.4 10.0.1.4 www.example.com -> 203.0.113.1 198.51.100.7";
    recorded(&[WEB]).told(&[here]).check(&[]);
    // An answer that holds it, older than any client keeps it, or later, still names it.
    for seconds in [-80_000, 1, 4000] {
        let other = format!("{seconds} 10.1.8.4 10.0.1.4 www.example.com -> 198.51.100.7");
        recorded(&[WEB]).told(&[ELSEWHERE, &other]).check(&[]);
    }
    // To a neighbour it says nothing of this client.
    let neighbour = "-60 10.1.8.5 10.0.1.4 www.example.com -> 198.51.100.7";
    recorded(&[WEB]).told(&[ELSEWHERE, neighbour]).check(&[TOLD_ELSEWHERE]);
    // An answer that has run out long ago is none, and neither is a later one.
    let old = "-80000 10.1.8.4 10.0.1.4 www.example.com -> 203.0.113.1";
    recorded(&[WEB]).told(&[old]).check(&[
        "no-answer: answers to the client are recorded since 2026-02-28T13:46:40Z, and none holds \
         198.51.100.7, where it asks for www.example.com",
    ]);
    let late = "1 10.1.8.4 10.0.1.4 www.example.com -> 203.0.113.1";
    recorded(&[WEB]).told(&[late]).check(&[]);
    // Nor is one that came while the connection stood and the hello had not: the address was chosen.
    let before = "-60 10.1.8.4 10.0.1.4 other.example.com -> 203.0.113.9";
    let between = "10 10.1.8.4 10.0.1.4 www.example.com -> 203.0.113.1";
    let slow = recorded(&["10.1.8.4:50000 -> 198.51.100.7 : tcp/443 silent"]);
    slow.showing("www.example.com", NameOrigin::Sni, 20).told(&[before, between]).check(&[
        "no-answer: answers to the client are recorded since 2026-03-01T11:59:00Z, and none holds \
         198.51.100.7, where it asks for www.example.com",
    ]);
    // One about IPv6 says nothing of IPv4.
    let v6 = "-60 10.1.8.4 10.0.1.4 www.example.com -> 2001:db8::1";
    recorded(&[WEB]).told(&[v6]).check(&[
        "no-answer: answers to the client are recorded since 2026-03-01T11:59:00Z, and none holds \
         198.51.100.7, where it asks for www.example.com",
    ]);
}

#[test]
fn a_name_that_was_told_to_have_no_address_is_told() {
    let says = |code: &str| format!("-60 10.1.8.4 10.0.1.4 www.example.com -> {code}");
    recorded(&[WEB]).told(&[&says("nxdomain")]).check(&[
        "other-address: the client was told of no address for www.example.com (NXDOMAIN by 10.0.1.4 at \
         2026-03-01T11:59:00Z), and goes to 198.51.100.7",
    ]);
    recorded(&[WEB]).told(&[&says("nothing")]).check(&[
        "other-address: the client was told of no such address for www.example.com (by 10.0.1.4 at \
         2026-03-01T11:59:00Z), and goes to 198.51.100.7",
    ]);
    // A server that failed said nothing, but that it was asked is recorded.
    recorded(&[WEB]).told(&[&says("servfail")]).check(&[
        "no-answer: answers to the client are recorded since 2026-03-01T11:59:00Z, and none holds \
         198.51.100.7, where it asks for www.example.com",
    ]);
}

#[test]
fn an_address_that_was_told_for_another_name_is_told() {
    let other = "-60 10.1.8.4 10.0.1.4 evil.example -> 198.51.100.7";
    let told = "other-name: the client was told 198.51.100.7 for evil.example (by 10.0.1.4 at \
        2026-03-01T11:59:00Z), and no answer recorded says so of www.example.com";
    recorded(&[WEB]).told(&[other]).check(&[told]);
    // Both are told where the name was told elsewhere.
    recorded(&[WEB]).told(&[other, ELSEWHERE]).check(&[TOLD_ELSEWHERE]);
    // A name that the answer led over is the client's, too.
    let mut alias = answer("-60 10.1.8.4 10.0.1.4 shop.example.org -> 198.51.100.7");
    alias.records = vec![
        DnsRecord::Alias {
            owner: fqdn("shop.example.org"),
            target: fqdn("www.example.com"),
            ttl: 9,
        },
        DnsRecord::Address { owner: fqdn("www.example.com"), address: ip("198.51.100.7"), ttl: 9 },
    ];
    let mut led = recorded(&[WEB]);
    led.timeline.add(&alias);
    led.check(&[]);
    // Without a name there is none to compare.
    recorded(&["10.1.8.4:50000 -> 198.51.100.7 : tcp/443 tls"]).told(&[other]).check(&[]);
    // The name behind a proxy is not the proxy's.
    let proxied = recorded(&["10.1.8.4:50000 -> 198.51.100.7 : tcp/8080 other"]);
    proxied.showing("www.example.com", NameOrigin::LaterSni, 1).told(&[other]).check(&[]);
}

#[test]
fn an_address_that_no_answer_holds_is_told_only_where_answers_are_recorded() {
    let asked = "-60 10.1.8.4 10.0.1.4 other.example -> 203.0.113.9";
    let told = "no-answer: answers to the client are recorded since 2026-03-01T11:59:00Z, and none holds \
         198.51.100.7, where it asks for www.example.com";
    let flow = recorded(&[WEB]);
    flow.check(&[]);
    flow.clone().told(&[asked]).check(&[told]);
    let unnamed = recorded(&["10.1.8.4:50000 -> 198.51.100.7 : tcp/443 other"]);
    let (without_name, _) = told.split_once(", where").unwrap();
    unnamed.told(&[asked]).check(&[without_name]);
    // Where an answer was cut, the address may be in what is missing.
    let mut cut = answer(asked);
    cut.records.push(DnsRecord::Lost);
    for other in [asked, ELSEWHERE] {
        let mut flow = flow.clone().told(&[other]);
        flow.timeline.add(&cut);
        flow.check(&[]);
    }
    // Nothing was recorded of this client, or not yet.
    flow.clone().told(&["-60 10.1.8.5 10.0.1.4 other.example -> 203.0.113.9"]).check(&[]);
    flow.clone().told(&["1 10.1.8.4 10.0.1.4 other.example -> 203.0.113.9"]).check(&[]);
    // A log remembers names, not answers.
    flow.clone().told(&["-60 10.1.8.4 0.0.0.0 other.example -> 203.0.113.9"]).check(&[]);
    flow.clone().told(&["-60 10.1.8.4 0.0.0.0 www.example.com -> 203.0.113.9"]).check(&[]);
    // Whose answers these are, where the flow goes, or when it began, is not known.
    for unknown in [
        Recorded { client: None, ..flow.clone() },
        Recorded { destination: None, ..flow.clone() },
        Recorded { is_whole: false, ..flow.clone() },
        Recorded { is_dns: true, destination: Some(ip("10.0.1.4")), ..flow.clone() },
    ] {
        unknown.told(&[asked, ELSEWHERE]).check(&[]);
    }
    // Who answers DNS is not found by DNS, and neither are groups of machines.
    flow.clone().told(&["-60 10.1.8.4 198.51.100.7 other.example -> 203.0.113.9"]).check(&[]);
    recorded(&["10.1.8.4:50000 -> 239.1.1.1 : udp/4000"]).told(&[asked]).check(&[]);
    recorded(&["10.1.8.4 -> 198.51.100.7 : icmp"]).told(&[asked]).check(&[]);
}

#[test]
fn nothing_is_said_of_dns_once_answers_were_dropped() {
    let mut flow = recorded(&[WEB]);
    flow.timeline = DnsTimeline::with_limit(4);
    let flow = flow.told(&[ELSEWHERE]);
    flow.check(&[TOLD_ELSEWHERE]);
    let full = flow.told(&["-50 10.1.8.4 10.0.1.4 a.example -> 203.0.113.1 203.0.113.2"]);
    assert_eq!(full.timeline.dropped(), 1);
    full.check(&[]);
}

#[test]
fn encrypted_hellos_are_told_with_the_name_that_a_firewall_sees() {
    recorded(&[WEB]).noting(Note::EncryptedClientHello).check(&[
        "encrypted-client-hello: a firewall sees www.example.com; an encrypted hello is inside, or an \
         extension that looks like one",
    ]);
    recorded(&["10.1.8.4:50000 -> 198.51.100.7 : tcp/443 tls"])
        .noting(Note::EncryptedServerName)
        .check(&["encrypted-server-name: a firewall sees no name; the server name is encrypted"]);
    recorded(&[WEB]).noting(Note::ConflictingSegments).check(&[]);
}

#[test]
fn quic_that_leaves_by_a_network_rule_is_told_where_there_are_rules_for_names() {
    let quic = |to: &str| format!("10.1.8.4:50000 -> {to} : udp/443 quic www.example.com");
    let let_out = recorded(&[&quic("198.51.100.7")]);
    let found = let_out.found();
    let [Inconsistency::QuicUnfiltered { name: Some(name), rule: Some(_) }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(name.to_string(), "www.example.com");
    // Each name is told once, and that there is none where there is no name at all.
    let nameless = "10.1.8.4:50000 -> 198.51.100.7 : udp/443 quic";
    let several = recorded(&[nameless, &quic("198.51.100.7"), &quic("198.51.100.7")]);
    assert_eq!(several.found(), found);
    assert_eq!(recorded(&[nameless, nameless]).found().len(), 1);
    // What is stopped went around nothing, and a datagram of another protocol has no name to filter.
    recorded(&[&quic("192.0.2.1")]).check(&[]);
    recorded(&["10.1.8.4:50000 -> 198.51.100.7 : udp/443 other"]).check(&[]);
    // Without rules for names there is nothing to go around.
    let (head, _) = LIST.split_once("allow web").unwrap();
    let only =
        format!("{head}allow quic: apps -> 198.51.100.0/24 : udp/443 because \"addresses\"\n");
    let intent = intent(&only);
    let mut nameless = deployment(&intent);
    assert_eq!(let_out.found_by(Some(&intent), &nameless), []);
    // The deployment may have rules that the list has not.
    nameless.policies = deployment(&self::intent(LIST)).policies;
    assert_eq!(let_out.found_by(None, &nameless).len(), 1);
}

#[test]
fn dns_past_the_proxy_is_told() {
    let to = |server: &str, how: &str| {
        let mut flow = recorded(&[&format!("10.1.8.4:50000 -> {server} : {how}")]);
        flow.is_dns = how == "udp/53" || how == "tcp/5353 other";
        flow
    };
    let past = "other-resolver: DNS to 192.0.2.53, and not to the firewall's proxy at 10.0.1.4";
    to("192.0.2.53", "udp/53").check(&[past]);
    to("192.0.2.53", "tcp/5353 other").check(&[past]);
    to("192.0.2.53", "tcp/53").check(&[past]);
    to("192.0.2.53", "tcp/853 tls one.one.one.one").check(&[
        "other-resolver: DNS over TLS to 192.0.2.53, and not to the firewall's proxy at 10.0.1.4",
    ]);
    to("192.0.2.53", "udp/853 quic").check(&[
        "other-resolver: DNS over QUIC to 192.0.2.53, and not to the firewall's proxy at 10.0.1.4",
    ]);
    // A recording that begins with an answer shows the server as who began.
    let mut answer = recorded(&["10.1.8.4:53 -> 192.0.2.53 : udp/40000"]);
    answer.is_dns = true;
    answer.check(&[]);
    // The platform's resolver is near, and no proxy either.
    to("168.63.129.16", "udp/53").check(&[
        "other-resolver: DNS to 168.63.129.16, and not to the firewall's proxy at 10.0.1.4",
    ]);
    to("10.0.1.4", "udp/53").check(&[]);
    // LocalDNS on the node, which asks in its turn; nothing else at a link-local address does.
    to("169.254.10.10", "udp/53").check(&[]);
    to("169.254.10.11", "tcp/53").check(&[]);
    to("169.254.10.12", "udp/53").check(&[
        "other-resolver: DNS to 169.254.10.12, and not to the firewall's proxy at 10.0.1.4",
    ]);
    // A server that a virtual network states.
    to("10.2.0.53", "udp/53").check(&[]);
    // What is known to be something else, and a handshake, as of somebody who looks for open ports.
    to("192.0.2.53", "tcp/53 tls www.example.com").check(&[]);
    to("192.0.2.53", "tcp/53 silent").check(&[]);
    to("192.0.2.53", "tcp/853 silent").check(&[]);
    let bare = |how: &str| Recorded { is_bare: true, ..to("192.0.2.53", how) };
    bare("tcp/53").check(&[]);
    bare("tcp/853").check(&[]);
    to("192.0.2.53", "tcp/853 other").check(&[]);
    to("192.0.2.53", "tcp/443 tls one.one.one.one").check(&[]);
    // A virtual network without a server of its own asks Azure's, and no other.
    let on_azure_dns = |server: &str| {
        let mut flow = recorded(&[&format!("10.3.8.4:50000 -> {server} : udp/53")]);
        flow.is_dns = true;
        flow
    };
    on_azure_dns("168.63.129.16").check(&[]);
    on_azure_dns("192.0.2.53").check(&[past]);
    // A machine of which nothing is known has no proxy to ask.
    let mut stranger = recorded(&["192.0.2.9:50000 -> 168.63.129.16 : udp/53"]);
    stranger.is_dns = true;
    stranger.check(&[]);
    let off = LIST.replace("dns-proxy on", "dns-proxy off").replace("    dns egress\n", "");
    let (off, _) = off.split_once("allow db").unwrap();
    let intent = intent(off);
    assert_eq!(to("192.0.2.53", "udp/53").found_by(Some(&intent), &deployment(&intent)), []);
}

#[test]
fn a_name_that_shares_an_address_with_those_of_its_rule_is_told() {
    let answers = [
        "-60 10.1.8.4 10.0.1.4 db.example.com -> 203.0.113.7",
        "-50 10.1.8.4 10.0.1.4 evil.example -> 203.0.113.7",
    ];
    let to = |name: &str| format!("10.1.8.4:50000 -> 203.0.113.7 : tcp/8443 tls {name}");
    let found = recorded(&[&to("evil.example")]).told(&answers).found();
    let [Inconsistency::SharedAddress { name, names, .. }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(name.as_str(), "evil.example");
    assert_eq!(**names, [fqdn("db.example.com"), fqdn("db2.example.com")]);
    let text = found[0].describe();
    assert!(text.starts_with("evil.example leaves by network rule "), "{text}");
    assert!(text.ends_with(", which is for db.example.com, db2.example.com"), "{text}");
    recorded(&[&to("db.example.com")]).told(&answers).check(&[]);
    recorded(&["10.1.8.4:50000 -> 203.0.113.7 : tcp/8443 tls"]).told(&answers).check(&[]);
    // A rule for addresses is for any name there.
    recorded(&["10.1.8.4:50000 -> 198.51.100.7 : tcp/8080 http evil.example"]).check(&[]);
    // One that has addresses beside its names may have let it out by those.
    let intent = intent(LIST);
    let mut mixed = deployment(&intent);
    let collections = mixed.policies.values_mut().flat_map(|policy| &mut policy.groups);
    for collection in collections.flat_map(|group| &mut group.collections) {
        let Rules::Network(_, rules) = &mut collection.rules else { continue };
        for rule in rules.iter_mut().filter(|rule| !rule.destination_fqdns.is_empty()) {
            rule.destination_addresses.push(DestinationEntry::Addresses(AddressEntry::Any));
        }
    }
    let evil = recorded(&[&to("evil.example")]).told(&answers);
    assert_eq!(evil.found_by(Some(&intent), &mixed), []);
}

#[test]
fn of_what_is_not_judged_nothing_but_dns_is_told() {
    let stranger = recorded(&["192.0.2.9:50000 -> 198.51.100.7 : tcp/443 tls 198.51.100.9"]);
    stranger.check_box(Outcome::NotJudged);
    stranger
        .noting(Note::EncryptedClientHello)
        .showing("shop.example.org", NameOrigin::Host, 1)
        .told(&["-60 192.0.2.9 10.0.1.4 other.example -> 203.0.113.9"])
        .check(&[]);
    let platform = recorded(&["10.1.8.4:50000 -> 169.254.169.254 : tcp/80 http 169.254.169.254"]);
    platform.check(&[]);
}

#[test]
fn of_many_names_the_first_few_are_told() {
    let flows: Vec<String> = (0..1000)
        .map(|n| format!("10.1.8.4:50000 -> 198.51.100.7 : tcp/8080 http 203.0.113.{}", n % 250))
        .collect();
    let flows: Vec<&str> = flows.iter().map(String::as_str).collect();
    let mut many = recorded(&flows);
    for n in 0..500 {
        many = many.showing(&format!("a{n}.example"), NameOrigin::LaterSni, 2000 + n);
        many = many.showing(&format!("b{n}.example"), NameOrigin::Host, 3000 + n);
    }
    let many = many.told(&["-60 10.1.8.4 10.0.1.4 other.example -> 198.51.100.7"]);
    let kinds: Vec<Kind> = many.found().iter().map(Inconsistency::kind).collect();
    let expected: Vec<Kind> = [Kind::Fronting, Kind::Literal, Kind::OtherName]
        .into_iter()
        .flat_map(|kind| [kind; MOST_OF_A_KIND])
        .collect();
    assert_eq!(kinds, expected);
}

#[test]
fn kinds_have_words_of_their_own() {
    let words: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.keyword()).collect();
    assert_eq!(words.len(), Kind::ALL.len());
    assert!(Kind::ALL.is_sorted());
    for word in words {
        assert!(word.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{word}");
    }
}

/// Names and addresses that meet often.
fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "www.example.com",
        "a.allowed.example",
        "evil.example",
        "198.51.100.7",
    ])
}

prop_compose! {
    /// Any connection, with any answers.
    fn any_recorded()(
        kinds in prop::collection::vec((prop::sample::select(vec!["tls", "http", "other", "silent"]), name()), 1..5),
        shown in prop::collection::vec((name(), 0..9_usize, 0..9_i64), 0..5),
        answers in prop::collection::vec((-90_i64..9, 0..3_usize, name(), 0..4_usize), 0..6),
        port in prop::sample::select(vec![443_u16, 80, 8443, 8080, 53, 853]),
        flags in 0..32_u8,
    ) -> Recorded {
        let flows: Vec<String> = kinds
            .iter()
            .map(|(kind, name)| {
                let name = if matches!(*kind, "tls" | "http") { *name } else { "" };
                format!("10.1.8.4:50000 -> 198.51.100.7 : tcp/{port} {kind} {name}")
            })
            .collect();
        let flows: Vec<&str> = flows.iter().map(String::as_str).collect();
        let origins = [
            NameOrigin::Sni, NameOrigin::Host, NameOrigin::Authority, NameOrigin::TdsSni,
            NameOrigin::QuicSni, NameOrigin::LaterSni, NameOrigin::DtlsSni, NameOrigin::DnsAnswer, NameOrigin::Target,
        ];
        let mut all = recorded(&flows);
        for (name, origin, seconds) in shown {
            all = all.showing(name, origins[origin], seconds);
        }
        for (seconds, server, name, addresses) in answers {
            let Ok(Host::Name(_)) = Host::parse(name) else { continue };
            let server = ["10.0.1.4", "192.0.2.53", "0.0.0.0"][server];
            let held = ["198.51.100.7", "203.0.113.1", "nxdomain", "2001:db8::1"][addresses];
            all = all.told(&[&format!("{seconds} 10.1.8.4 {server} {name} -> {held}")]);
        }
        if flags & 1 > 0 { all.notes.insert(Note::EncryptedClientHello); }
        if flags & 2 > 0 { all.client = None; }
        if flags & 4 > 0 { all.is_whole = false; }
        if flags & 8 > 0 { all.is_dns = true; }
        if flags & 16 > 0 { all.is_accepted = true; }
        all
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// In order, each once, few of a kind; and of DNS only what is known of this client.
    #[test]
    fn what_is_told_is_in_order_and_rests_on_what_was_recorded(flow in any_recorded()) {
        let found = flow.found();
        prop_assert!(found.is_sorted_by_key(Inconsistency::kind));
        for (index, one) in found.iter().enumerate() {
            prop_assert!(!found[..index].contains(one));
            let of_kind = found.iter().filter(|other| other.kind() == one.kind()).count();
            prop_assert!(of_kind <= MOST_OF_A_KIND);
            let text = one.describe();
            prop_assert!(!text.is_empty() && !text.contains(['\n', '\u{1b}']), "{}", text);
            match one {
                Inconsistency::OtherAddress { name, destination, told } => {
                    prop_assert!(flow.client.is_some() && flow.is_whole);
                    prop_assert!(!told.addresses.contains(destination));
                    let client = ip("10.1.8.4");
                    prop_assert!(!flow.timeline.has_told_of(client, name, *destination));
                }
                Inconsistency::OtherName { name, other, destination, .. } => {
                    prop_assert!(flow.client.is_some() && name != other);
                    prop_assert!(flow.timeline.has_told_of(ip("10.1.8.4"), other, *destination));
                }
                Inconsistency::NoAnswer { destination, since, .. } => {
                    prop_assert!(flow.client.is_some() && *since <= time(0));
                    prop_assert!(!flow.timeline.has_told(ip("10.1.8.4"), *destination));
                }
                Inconsistency::Fronting { hello, request, .. } => prop_assert_ne!(hello, request),
                _ => {}
            }
        }
    }

    /// More answers about the destination, for each name that was shown, leave nothing to be told of it.
    #[test]
    fn a_client_that_was_told_its_destination_for_its_names_goes_where_it_was_told(flow in any_recorded()) {
        let names: Vec<String> = flow.names.iter().filter_map(|seen| Some(seen.name.name()?.to_string())).collect();
        let mut flow = flow.told(&["-60 10.1.8.4 10.0.1.4 any.example -> 198.51.100.7"]);
        for name in names {
            flow = flow.told(&[&format!("-60 10.1.8.4 10.0.1.4 {name} -> 198.51.100.7")]);
        }
        let of_dns = [Kind::OtherAddress, Kind::OtherName, Kind::NoAnswer];
        prop_assert!(flow.found().iter().all(|one| !of_dns.contains(&one.kind())));
    }
}

/// Everything that a capture gave.
#[derive(Default)]
struct Taken(Vec<CapturedFlow>);

impl Sink for Taken {
    fn flow(&mut self, flow: CapturedFlow) {
        self.0.push(flow);
    }

    fn answer(&mut self, _answer: DnsAnswer) {}
}

#[expect(clippy::disallowed_methods, reason = "the place of the data is the environment's to say")]
fn captures() -> PathBuf {
    let shared = match env::var("EXEAT_SHARED") {
        Ok(folder) => PathBuf::from(folder),
        Err(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    shared.join("data/captures")
}

/// Hellos of real clients, taken as sent from a subnet of the list.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn encrypted_hellos_of_captures_are_told() {
    let (intent, folder) = (intent(LIST), captures());
    let deployment = deployment(&intent);
    for (file, kind) in [
        ("arkime/tls-split-client-hello.pcap", Kind::EncryptedClientHello),
        ("ndpi/google_chat.pcapng", Kind::EncryptedClientHello),
        ("ndpi/quic_frags_different_dcid.pcapng", Kind::EncryptedClientHello),
        ("ndpi/tls_esni_sni_both.pcap", Kind::EncryptedServerName),
    ] {
        let Ok(bytes) = fs::read(folder.join(file)) else {
            eprintln!("SKIPPED: no `{file}` in `{}`; set EXEAT_SHARED", folder.display());
            continue;
        };
        let mut taken = Taken::default();
        let mut reader = Reader::new();
        reader.feed(&bytes, &mut taken).and_then(|()| reader.finish(&mut taken)).unwrap();
        let mut told = 0;
        for flow in &taken.0 {
            let openings: Vec<Observation> = flow
                .openings
                .iter()
                .filter_map(|opening| flow.question(opening))
                .map(|question| Observation { source: ip("10.1.8.4"), ..question })
                .collect();
            let (names, notes) = (flow.names.clone(), flow.notes.clone());
            let Some(first) = openings.first() else { continue };
            let flow = Recorded {
                destination: Some(first.destination),
                client: None,
                names,
                targets: Vec::new(),
                notes,
                is_dns: false,
                is_bare: false,
                is_whole: flow.syn,
                is_accepted: false,
                timeline: DnsTimeline::default(),
                openings,
            };
            let found = flow.found_by(Some(&intent), &deployment);
            let is_told = found.iter().any(|one| one.kind() == kind);
            let is_noted = !flow.notes.is_empty();
            assert_eq!(is_told, is_noted, "{file}: {found:?}");
            told += usize::from(is_told);
        }
        assert!(told > 0, "{file}: nothing is told");
    }
}

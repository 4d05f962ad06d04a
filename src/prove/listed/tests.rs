//! The formulas of a list against what the slow engine says of each flow, over drawn lists whose
//! statements lie close together.

use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::date;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::firewall::Firewall;
use crate::azure::firewall::FirewallPlace;
use crate::azure::network::PrivateEndpoint;
use crate::azure::network::Subnet;
use crate::azure::network::VirtualNetwork;
use crate::diagnostic::Span;
use crate::evidence::Evidence;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::Host;
use crate::flow::Payload;
use crate::flow::Request;
use crate::flow::set::flows::FlowSet;
use crate::intent::Deny;
use crate::intent::Origin;
use crate::intent::permission::Addresses;
use crate::intent::permission::StatementSpans;
use crate::intent::topology;
use crate::prove::encoder::Known;
use crate::simulate::Assumptions;
use crate::simulate::Environment;
use crate::simulate::Stance;

/// More than any set of these tests needs.
const NODES: usize = 1_000_000;
const DAY: Date = date(2090, 1, 1);

const SOURCES: &[&str] = &["10.1.8.0/24", "10.1.8.0/25", "10.1.8.4/32", "0.0.0.0/0"];

const DESTINATIONS: &[&str] = &[
    "www.example.com",
    "www.example.com, example.com",
    "*.example.com",
    "*.example.com, www.example.com",
    "*.example.com except www.example.com",
    "*example.com except *.www.example.com",
    "*",
    "203.0.113.0/25",
    "0.0.0.0/0",
    "10.9.0.0/24",
    "tag Storage",
    "tag AzureCloud.francecentral",
    "fqdn-tag AzureHDInsight",
    "fqdn-tag WindowsUpdate",
    "category News",
    "url www.example.com/a/*",
    "url *.example.com/a",
    "url www.example.com",
];

const SERVICES: &[&str] = &[
    "https",
    "https",
    "https/8443",
    "http",
    "http/8080",
    "http/443",
    "https/80",
    "mssql proxy",
    "mssql redirect",
    "tcp/443",
    "tcp/0-65535",
    "tcp/1433",
    "udp/443",
    "icmp",
    "proto/47",
    "proto/6",
];

const CLIENTS: &[&str] = &["10.1.8.4", "10.1.8.130", "10.1.9.4"];

/// A public address of each half, the firewall's own, a private endpoint, and another private one.
const SERVERS: &[&str] =
    &["203.0.113.7", "203.0.113.7", "203.0.113.200", FIREWALL, ENDPOINT, "10.9.0.5"];
const FIREWALL: &str = "203.0.113.10";
const ENDPOINT: &str = "10.9.0.4";
const NAME_OF_ENDPOINT: &str = "www.example.com";

const PORTS: &[u16] = &[443, 443, 443, 80, 80, 8443, 8080, 1433, 11_000, 11_999, 5_000];

const HOSTS: &[Option<&str>] = &[
    None,
    Some("www.example.com"),
    Some("www.example.com"),
    Some("a.www.example.com"),
    Some("example.com"),
    Some("xexample.com"),
    Some("example.org"),
    // No flow goes there.
    Some("198.51.100.9"),
];

const PATHS: &[&str] = &["/", "/a", "/a/", "/a/b", "/a?b", "/b"];

fn origin() -> Origin {
    Origin { file: "list.egress".to_owned(), span: Span::NONE }
}

const SPANS: StatementSpans = StatementSpans {
    label: Span::NONE,
    sources: Span::NONE,
    destinations: Span::NONE,
    services: Span::NONE,
};

fn addresses(text: &str) -> Addresses {
    let set = text.parse::<IpNet>().unwrap().into();
    Addresses { set, written: vec![text.to_owned()] }
}

fn destination(text: &str) -> Destination {
    let patterns = |text: &str| -> Vec<FqdnPattern> {
        text.split(", ").filter(|one| !one.is_empty()).map(|one| one.parse().unwrap()).collect()
    };
    match text.split_once(' ') {
        _ if text == "any" => Destination::Any,
        Some(("tag", tag)) => Destination::ServiceTag(tag.to_owned()),
        Some(("fqdn-tag", tag)) => Destination::FqdnTag(tag.to_owned()),
        Some(("category", category)) => Destination::WebCategory(category.to_owned()),
        Some(("url", url)) => {
            let (host, path) = url.split_at(url.find('/').unwrap_or(url.len()));
            Destination::Url { host: host.parse().unwrap(), path: path.to_owned() }
        }
        _ if text.parse::<IpNet>().is_ok() => Destination::Addresses(addresses(text)),
        _ => {
            let (of, except) = text.split_once(" except ").unwrap_or((text, ""));
            let (patterns, except) = (patterns(of), patterns(except));
            let set: NameSet = patterns.iter().collect();
            let set = set.difference(&except.iter().collect());
            Destination::Names(Names { patterns, except, set })
        }
    }
}

fn service(text: &str) -> Service {
    let (word, rest) = text.split_once('/').unwrap_or((text, ""));
    let port = |usual: u16| if rest.is_empty() { usual } else { rest.parse().unwrap() };
    let range = || {
        let (first, last) = rest.split_once('-').unwrap_or((rest, rest));
        PortRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
    };
    match word {
        "https" => Service::Https { port: port(443) },
        "http" => Service::Http { port: port(80) },
        "mssql proxy" => Service::Mssql { mode: MssqlMode::Proxy, port: port(1433) },
        "mssql redirect" => Service::Mssql { mode: MssqlMode::Redirect, port: port(1433) },
        "tcp" => Service::Tcp(range()),
        "udp" => Service::Udp(range()),
        "icmp" => Service::Icmp,
        "proto" => Service::Protocol(IpProtocol(rest.parse().unwrap())),
        "any" => Service::Any,
        other => panic!("no service `{other}`"),
    }
}

/// A statement in words, which tests print.
#[derive(Clone, Debug)]
struct Words {
    sources: &'static str,
    destinations: Vec<&'static str>,
    services: Vec<&'static str>,
}

impl Words {
    fn allow(&self, label: &str) -> Permission {
        Permission {
            label: label.to_owned(),
            requirement: Requirement::Required,
            sources: addresses(self.sources),
            destinations: self.destinations.iter().map(|one| destination(one)).collect(),
            services: self.services.iter().map(|one| service(one)).collect(),
            because: "tests need it".to_owned(),
            owner: None,
            ticket: None,
            expires: None,
            by_address: None,
            accept_undetermined: None,
            description: None,
            origin: origin(),
            spans: SPANS,
        }
    }

    fn deny(&self, label: &str) -> Deny {
        let Permission { label, sources, destinations, services, because, .. } = self.allow(label);
        Deny {
            label,
            sources,
            destinations,
            services,
            because,
            owner: None,
            ticket: None,
            expires: None,
            description: None,
            origin: origin(),
            spans: SPANS,
        }
    }

    fn assertion(&self, polarity: Polarity) -> Assertion {
        let Permission { label, sources, destinations, services, .. } = self.allow("claim");
        Assertion {
            label,
            polarity,
            sources,
            destinations,
            services,
            because: None,
            origin: origin(),
        }
    }
}

fn words(
    destinations: &'static [&'static str],
    services: &'static [&'static str],
) -> impl Strategy<Value = Words> {
    let some = prop::collection::vec;
    (select(SOURCES), some(select(destinations), 1..3), some(select(services), 1..3))
        .prop_map(|(sources, destinations, services)| Words { sources, destinations, services })
}

/// Words of a permission.
fn permitting() -> impl Strategy<Value = Words> {
    words(DESTINATIONS, SERVICES)
}

/// Words of a deny or an assertion.
fn sweeping() -> impl Strategy<Value = Words> {
    (permitting(), 0..6_u8).prop_map(|(mut words, drawn)| {
        match drawn {
            0 => words.destinations = vec!["any"],
            1 | 2 => words.services = vec!["any"],
            _ => {}
        }
        words
    })
}

fn permission() -> impl Strategy<Value = Permission> {
    (permitting(), 0..3_u8, any::<bool>(), 0..8_u8).prop_map(|(words, may, marked, expires)| {
        Permission {
            requirement: if may == 0 { Requirement::Optional } else { Requirement::Required },
            by_address: marked.then(|| "tests need it".to_owned()),
            expires: (expires == 0).then_some(date(2089, 12, 31)),
            ..words.allow("p")
        }
    })
}

fn intent(is_premium: bool, mut permissions: Vec<Permission>, mut denies: Vec<Deny>) -> Intent {
    for (number, permission) in permissions.iter_mut().enumerate() {
        permission.label = format!("p{number}");
    }
    for (number, deny) in denies.iter_mut().enumerate() {
        deny.label = format!("d{number}");
    }
    let mut intent = Intent { permissions, denies, ..Intent::default() };
    intent.topology.firewalls = vec![topology::Firewall {
        name: "egress".to_owned(),
        network: "hub".to_owned(),
        enforces: None,
        tier: if is_premium { Tier::Premium } else { Tier::Standard },
        private_address: "10.0.1.4".parse().unwrap(),
        public_addresses: vec![FIREWALL.parse().unwrap()],
        dns_proxy: true,
        forced_tunneling: false,
        origin: origin(),
    }];
    intent
}

fn list() -> impl Strategy<Value = Intent> {
    let permissions = prop::collection::vec(permission(), 1..4);
    let denies = prop::collection::vec(sweeping().prop_map(|words| words.deny("d")), 0..2);
    (any::<bool>(), permissions, denies)
        .prop_map(|(is_premium, permissions, denies)| intent(is_premium, permissions, denies))
}

fn host(text: Option<&str>) -> Option<Host> {
    text.map(|text| Host::parse(text).unwrap())
}

fn request(host_text: Option<&str>) -> impl Strategy<Value = Request> + use<> {
    let host = host(host_text);
    let port = select(&[None, None, Some(80), Some(443), Some(8080), Some(8443)][..]);
    (port, select(PATHS)).prop_map(move |(port, path)| Request {
        host: host.clone(),
        port,
        path: path.to_owned(),
    })
}

/// A request inside TLS that showed `shown`, most often for the same host.
fn inner(shown: Option<&'static str>) -> impl Strategy<Value = Option<Request>> {
    let host = prop_oneof![2 => Just(shown), 1 => select(HOSTS)];
    prop::option::of(host.prop_flat_map(request))
}

fn payload() -> impl Strategy<Value = (IpProtocol, Payload)> {
    let named = select(HOSTS);
    let tls = named.clone().prop_flat_map(|shown| {
        inner(shown).prop_map(move |inner| Payload::Tls { name: host(shown), inner })
    });
    let tcp = prop_oneof![
        1 => Just(Payload::Silent),
        1 => Just(Payload::Other),
        6 => tls,
        4 => named.clone().prop_flat_map(request).prop_map(Payload::Http),
        2 => named.clone().prop_map(|shown| Payload::Mssql { name: host(shown) }),
    ];
    let udp = prop_oneof![
        Just(Payload::Other),
        named.prop_map(|shown| Payload::Quic { name: host(shown) }),
    ];
    let portless = select(&[IpProtocol::ICMP, IpProtocol(47)][..]);
    prop_oneof![
        8 => tcp.prop_map(|payload| (IpProtocol::TCP, payload)),
        1 => udp.prop_map(|payload| (IpProtocol::UDP, payload)),
        1 => portless.prop_map(|protocol| (protocol, Payload::Other)),
    ]
}

fn flow() -> impl Strategy<Value = Flow> {
    (select(CLIENTS), select(SERVERS), select(PORTS), payload()).prop_map(
        |(source, destination, port, (protocol, payload))| {
            let ports = if protocol.has_ports() { (50_000, port) } else { (0, 0) };
            Flow {
                source: source.parse().unwrap(),
                source_port: ports.0,
                destination: destination.parse().unwrap(),
                destination_port: ports.1,
                protocol,
                payload,
            }
        },
    )
}

fn deployment() -> Deployment {
    let mut deployment = Deployment::default();
    let firewall = Firewall {
        scope: crate::azure::Scope::default(),
        ownership: crate::azure::Ownership::Existing,
        tier: crate::azure::policy::Tier::Premium,
        place: FirewallPlace::VirtualNetwork(Key::new("hub")),
        policy: None,
        private_address: "10.0.1.4".parse().unwrap(),
        public_addresses: vec![FIREWALL.parse().unwrap()],
        forced_tunneling: false,
    };
    deployment.firewalls.insert(Key::new("egress"), firewall);
    let mut subnet = Subnet::new(Key::new("db"), vec!["10.9.0.0/24".parse().unwrap()]);
    subnet.private_endpoints = vec![PrivateEndpoint {
        name: Key::new("www"),
        address: ENDPOINT.parse().unwrap(),
        names: vec![NAME_OF_ENDPOINT.parse().unwrap()],
    }];
    let network = VirtualNetwork { subnets: vec![subnet], ..VirtualNetwork::default() };
    deployment.virtual_networks.insert(Key::new("data"), network);
    deployment
}

/// Without evidence, a client that shows the name is taken to send there.
fn is_assumed_held(flow: &Flow) -> bool {
    let Some(Host::Name(name)) = flow.payload.wire_name() else { return false };
    let is = |text: &str| flow.destination == text.parse::<IpAddr>().unwrap();
    is("203.0.113.7") || is("203.0.113.200") || is(ENDPOINT) && name.as_str() == NAME_OF_ENDPOINT
}

/// Facts drawn by a seed, of which the axioms are true.
struct Facts {
    evidence: Evidence,
    assumptions: Assumptions,
    seed: u64,
}

impl Facts {
    fn new(seed: u64) -> Facts {
        let mut assumptions = Assumptions::default();
        assumptions.set("client_answers=both").unwrap();
        assumptions.set("url_host_only_covers_paths=both").unwrap();
        Facts { evidence: Evidence::default(), assumptions, seed }
    }

    fn holds(&self, atom: &Atom) -> bool {
        let Facts { evidence, assumptions, .. } = self;
        let environment = Environment { evidence, assumptions, at: Timestamp::default() };
        environment.answer(atom, &[]).truth.unwrap_or_else(|| {
            // The list spells patterns, and the slow engine asks for what is shown.
            let atom = match atom.clone() {
                Atom::ClientAnswer { client, address, .. } => {
                    Atom::ClientAnswer { client, address, name: String::new() }
                }
                atom => atom,
            };
            let mut hasher = DefaultHasher::new();
            (self.seed, atom).hash(&mut hasher);
            hasher.finish() % 2 == 0
        })
    }

    fn assume_that_clients_hold_what_they_show(&self) -> bool {
        !self.holds(&Atom::Reading { setting: CLIENT_ANSWERS })
    }

    /// What the slow engine says, with a client taken to hold only what [`is_assumed_held`] names.
    fn stance(&self, intent: &Intent, flow: &Flow) -> Stance {
        let is_cut = self.assume_that_clients_hold_what_they_show() && !is_assumed_held(flow);
        intent.decide(DAY, flow, &mut |atom| match atom {
            Atom::Reading { setting } if is_cut && *setting == CLIENT_ANSWERS => true,
            Atom::ClientAnswer { .. } if is_cut => false,
            atom => self.holds(atom),
        })
    }

    fn contains(&self, set: &FlowSet<FlowAtom>, flow: &Flow) -> bool {
        let is_cut = self.assume_that_clients_hold_what_they_show() && !is_assumed_held(flow);
        set.contains(flow, |atom| match atom {
            FlowAtom::ClientAnswer { .. } if is_cut => false,
            atom => atom.at(flow).is_some_and(|atom| self.holds(&atom)),
        })
    }
}

/// The sets of the formulas that `write` writes.
fn sets(write: impl FnOnce(&mut Encoder<'_>) -> Vec<Formula>) -> Vec<FlowSet<FlowAtom>> {
    let (deployment, facts) = (deployment(), Facts::new(0));
    let known = Known { evidence: &facts.evidence, assumptions: &facts.assumptions };
    let mut encoder = Encoder::new(&deployment, known);
    let roots = write(&mut encoder);
    let formulas = encoder.formulas;
    formulas
        .cuts(&roots)
        .with_algebra(NODES, |mut algebra| {
            let sets = formulas.sets(&roots, &mut algebra).unwrap();
            sets.into_iter().map(|set| algebra.freeze(set).unwrap()).collect()
        })
        .unwrap()
}

fn cases(usual: u32) -> ProptestConfig {
    ProptestConfig { cases: usual, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn formulas_say_of_each_flow_what_the_list_says(
        intent in list(),
        flows in prop::collection::vec(flow(), 100),
        seeds in prop::collection::vec(any::<u64>(), 4),
    ) {
        let found = sets(|encoder| {
            let listed = listed(encoder, &intent, DAY);
            vec![listed.permitted, listed.required, listed.denied]
        });
        for (flow, seed) in flows.iter().flat_map(|flow| seeds.iter().map(move |seed| (flow, *seed))) {
            let facts = Facts::new(seed);
            let stance = facts.stance(&intent, flow);
            let said = found.iter().map(|set| facts.contains(set, flow)).collect::<Vec<bool>>();
            let expected = [stance.permitted, stance.required, stance.denied_by.is_some()];
            prop_assert_eq!(said, expected, "permitted, required, denied: {} seed {}", flow, seed);
        }
    }

    #[test]
    fn each_permission_says_what_a_list_of_it_alone_says(
        listed_intent in list(),
        flows in prop::collection::vec(flow(), 50),
        seed in any::<u64>(),
    ) {
        let mut meanings = Vec::new();
        let found = sets(|encoder| {
            meanings = listed(encoder, &listed_intent, DAY).permissions;
            let parts = |one: &Meaning| [one.strict, one.excess, one.required];
            meanings.iter().flat_map(parts).collect()
        });
        let facts = Facts::new(seed);
        for (meaning, sets) in meanings.iter().zip(found.chunks(3)) {
            let permission = listed_intent.permissions[meaning.index].clone();
            let alone = |permission| {
                Intent { permissions: vec![permission], denies: Vec::new(), ..listed_intent.clone() }
            };
            let strict = alone(Permission { by_address: None, ..permission.clone() });
            let whole = alone(permission);
            for flow in &flows {
                let said: Vec<bool> = sets.iter().map(|set| facts.contains(set, flow)).collect();
                prop_assert_eq!(said[0], facts.stance(&strict, flow).permitted, "strict: {}", flow);
                let stance = facts.stance(&whole, flow);
                prop_assert_eq!(said[0] || said[1], stance.permitted, "permitted: {}", flow);
                prop_assert_eq!(said[2], stance.required, "required: {}", flow);
            }
        }
    }

    #[test]
    fn an_assertion_is_about_what_statements_of_the_same_words_mean(
        words in sweeping(),
        is_premium in any::<bool>(),
        flows in prop::collection::vec(flow(), 50),
        seed in any::<u64>(),
    ) {
        let denying = intent(is_premium, Vec::new(), vec![words.deny("d")]);
        let requiring = intent(is_premium, vec![words.allow("p")], Vec::new());
        let found = sets(|encoder| {
            let never = asserted(encoder, &denying, &words.assertion(Polarity::Never));
            let always = asserted(encoder, &requiring, &words.assertion(Polarity::Always));
            vec![never, always]
        });
        let facts = Facts::new(seed);
        for flow in &flows {
            let said = found.iter().map(|set| facts.contains(set, flow)).collect::<Vec<bool>>();
            let denied = facts.stance(&denying, flow).denied_by.is_some();
            let required = facts.stance(&requiring, flow).required;
            prop_assert_eq!(said, [denied, required], "never, always: {}", flow);
        }
    }
}

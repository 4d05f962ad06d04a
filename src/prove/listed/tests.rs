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
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::Scope;
use crate::azure::firewall::Firewall;
use crate::azure::firewall::FirewallPlace;
use crate::azure::network::PrivateEndpoint;
use crate::azure::network::Subnet;
use crate::azure::network::VirtualNetwork;
use crate::azure::policy;
use crate::azure::policy::ExplicitProxy;
use crate::azure::policy::Policy;
use crate::evidence::Evidence;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::Payload;
use crate::flow::Request;
use crate::flow::set::flows::FlowSet;
use crate::intent::Deny;
use crate::intent::Origin;
use crate::intent::permission::Addresses;
use crate::intent::permission::MssqlMode;
use crate::intent::permission::StatementSpans;
use crate::intent::topology;
use crate::prove::atom::Holder;
use crate::prove::encoder::Known;
use crate::simulate::Assumptions;
use crate::simulate::Environment;
use crate::simulate::Stance;
use crate::simulate::assumptions::CLIENT_ANSWERS;

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
    "https",
    "https/8443",
    "http",
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

const CLIENTS: &[&str] = &["10.1.8.4", "10.1.8.4", "10.1.8.4", "10.1.8.130", "10.1.9.4"];

/// A public address of each half, the firewall's own, a private endpoint, and another private one.
const SERVERS: &[&str] =
    &["203.0.113.7", "203.0.113.7", "203.0.113.7", "203.0.113.200", FIREWALL, ENDPOINT, "10.9.0.5"];
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
    Origin::generated("list.egress")
}

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
            spans: StatementSpans::NONE,
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
            spans: StatementSpans::NONE,
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
    let port = select(&[None, None, None, Some(80), Some(443), Some(8080), Some(8443)][..]);
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

/// A flow, most often on the port that its first bytes belong to.
fn flow() -> impl Strategy<Value = Flow> {
    let ends = (select(CLIENTS), select(SERVERS));
    let on_port = payload().prop_flat_map(|(protocol, payload)| {
        let usual = match payload {
            Payload::Http(_) => 80,
            Payload::Mssql { .. } => 1433,
            Payload::Silent | Payload::Other | Payload::Tls { .. } | Payload::Quic { .. } => 443,
        };
        let port = prop_oneof![2 => Just(usual), 1 => select(PORTS)];
        (Just(protocol), Just(payload), port)
    });
    (ends, on_port).prop_map(|((source, destination), (protocol, payload, port))| {
        let ports = if protocol.has_ports() { (50_000, port) } else { (0, 0) };
        Flow {
            source: source.parse().unwrap(),
            source_port: ports.0,
            destination: destination.parse().unwrap(),
            destination_port: ports.1,
            protocol,
            payload,
        }
    })
}

fn deployment() -> Deployment {
    let mut deployment = Deployment::default();
    let firewall = Firewall {
        scope: Scope::default(),
        ownership: Ownership::Existing,
        tier: policy::Tier::Premium,
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
    // Requests inside TLS are looked at somewhere.
    let explicit_proxy = Some(ExplicitProxy { enabled: true, ..ExplicitProxy::default() });
    let policy = Policy { explicit_proxy, ..Policy::default() };
    deployment.policies.insert(Key::new("fwp"), policy);
    deployment
}

/// Whether clients are told of the address: in a proof, none is of the others.
fn can_be_told(address: IpAddr) -> bool {
    let told = ["203.0.113.7", "203.0.113.200", ENDPOINT];
    told.iter().any(|text| address == text.parse::<IpAddr>().unwrap())
}

/// Without evidence, a client that shows the name is taken to send there.
fn is_assumed_held(flow: &Flow) -> bool {
    let Some(Host::Name(name)) = flow.payload.wire_name() else { return false };
    let is_endpoint = flow.destination == ENDPOINT.parse::<IpAddr>().unwrap();
    can_be_told(flow.destination) && (!is_endpoint || name.as_str() == NAME_OF_ENDPOINT)
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
                Atom::ClientAnswer { address, .. } if !can_be_told(address) => return false,
                Atom::ClientAnswer { client, address, .. } => {
                    Atom::ClientAnswer { client, address, name: String::new() }
                }
                atom => atom,
            };
            let mut hasher = DefaultHasher::new();
            (self.seed, atom).hash(&mut hasher);
            hasher.finish().is_multiple_of(2)
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
            FlowAtom::Answer { holder: Holder::Client, .. } if is_cut => false,
            atom => atom.at(flow).is_some_and(|atom| self.holds(&atom)),
        })
    }
}

/// The sets of the formulas that `write` writes.
fn sets(write: impl FnOnce(&mut Encoder<'_>) -> Vec<Formula>) -> Vec<FlowSet<FlowAtom>> {
    sets_assuming("client_answers=both", write)
}

fn sets_assuming(
    assuming: &str,
    write: impl FnOnce(&mut Encoder<'_>) -> Vec<Formula>,
) -> Vec<FlowSet<FlowAtom>> {
    let (deployment, mut facts) = (deployment(), Facts::new(0));
    facts.assumptions.set(assuming).unwrap();
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

/// So many cases that a debug build stays quick, or as many as `PROPTEST_CASES` asks for.
fn cases(usual: u32) -> ProptestConfig {
    const UNSET: u32 = 256;
    let asked = ProptestConfig::default();
    let cases = if asked.cases == UNSET { usual } else { asked.cases };
    ProptestConfig { cases, failure_persistence: None, ..asked }
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn formulas_say_of_each_flow_what_the_list_says(
        intent in list(),
        flows in prop::collection::vec(flow(), 150),
        seeds in prop::collection::vec(any::<u64>(), 4),
    ) {
        let found = sets(|encoder| {
            let listed = listed(encoder, &intent, DAY);
            vec![listed.permitted, listed.required]
        });
        for (flow, seed) in flows.iter().flat_map(|flow| seeds.iter().map(move |seed| (flow, *seed))) {
            let facts = Facts::new(seed);
            let stance = facts.stance(&intent, flow);
            let said = found.iter().map(|set| facts.contains(set, flow)).collect::<Vec<bool>>();
            let expected = [stance.permitted, required(&stance, flow, said[1])];
            prop_assert_eq!(said, expected, "permitted, required: {} seed {}", flow, seed);
        }
    }

    #[test]
    fn each_permission_says_what_a_list_of_it_alone_says(
        listed_intent in list(),
        flows in prop::collection::vec(flow(), 150),
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
                let required = required(&stance, flow, said[2]);
                prop_assert_eq!(said[2], required, "required: {}", flow);
            }
        }
    }

    #[test]
    fn an_assertion_is_about_what_statements_of_the_same_words_mean(
        words in sweeping(),
        is_premium in any::<bool>(),
        flows in prop::collection::vec(flow(), 150),
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
            let required = required(&facts.stance(&requiring, flow), flow, said[1]);
            prop_assert_eq!(said, [denied, required], "never, always: {}", flow);
        }
    }
}

/// Whether the flow is required: at an address of a firewall's own, only who writes that address
/// requires it, and what is `said` is at most what the list requires of a recorded flow.
fn required(stance: &Stance, flow: &Flow, said: bool) -> bool {
    let is_own = flow.destination == FIREWALL.parse::<IpAddr>().unwrap();
    stance.required && (said || !is_own)
}

/// The set of what is permitted and of what is required by one permission.
fn permitted_and_required(
    assuming: &str,
    destinations: &'static str,
    services: &[&'static str],
) -> [FlowSet<FlowAtom>; 2] {
    let words = Words {
        sources: "10.1.8.0/24",
        destinations: vec![destinations],
        services: services.to_vec(),
    };
    let intent = intent(true, vec![words.allow("p")], Vec::new());
    let found = sets_assuming(assuming, |encoder| {
        let listed = listed(encoder, &intent, DAY);
        vec![listed.permitted, listed.required]
    });
    found.try_into().unwrap()
}

fn tcp(destination: &str, port: u16, payload: Payload) -> Flow {
    Flow {
        source: "10.1.8.4".parse().unwrap(),
        source_port: 50_000,
        destination: destination.parse().unwrap(),
        destination_port: port,
        protocol: IpProtocol::TCP,
        payload,
    }
}

fn tls(destination: &str, shown: &str) -> Flow {
    tcp(destination, 443, Payload::Tls { name: host(Some(shown)), inner: None })
}

#[test]
fn a_client_is_taken_to_send_to_the_internet_or_to_the_private_endpoint_of_the_name() {
    let [permitted, required] =
        permitted_and_required("client_answers=assume", "*.example.com", &["https"]);
    let check = |destination: &str, name: &str, expected: bool| {
        let flow = tls(destination, name);
        assert!(permitted.contains(&flow, |_| false), "{flow}");
        assert_eq!(required.contains(&flow, |_| false), expected, "{flow}");
    };
    check("203.0.113.7", "www.example.com", true);
    check("203.0.113.7", "b.example.com", true);
    check(FIREWALL, "www.example.com", false);
    check(ENDPOINT, NAME_OF_ENDPOINT, true);
    check(ENDPOINT, "b.example.com", false);
    check("10.9.0.5", "www.example.com", false);
}

#[test]
fn by_evidence_a_client_holds_what_it_was_told_for_the_name_as_the_list_spells_it() {
    let both = "*.example.com, www.example.com";
    let [permitted, required] = permitted_and_required("client_answers=evidence", both, &["https"]);
    let told = |name: &'static str| {
        move |atom: &FlowAtom| *atom == FlowAtom::client_answer(name.to_owned())
    };
    let (www, other) = (tls(ENDPOINT, "www.example.com"), tls(ENDPOINT, "b.example.com"));
    for (flow, spelled, not) in
        [(&www, "www.example.com", "*.example.com"), (&other, "*.example.com", "www.example.com")]
    {
        assert!(permitted.contains(flow, |_| false), "{flow}");
        assert!(required.contains(flow, told(spelled)), "{flow}");
        assert!(!required.contains(flow, told(not)), "{flow}");
    }
}

#[test]
fn a_shown_address_is_permitted_to_a_star_and_required_of_nobody() {
    let [permitted, required] = permitted_and_required("client_answers=both", "*", &["http"]);
    let request = |shown: &str| {
        Payload::Http(Request { host: host(Some(shown)), port: None, path: "/".to_owned() })
    };
    let flow = tcp("203.0.113.7", 80, request("203.0.113.7"));
    assert!(permitted.contains(&flow, |_| true) && !required.contains(&flow, |_| true));
    let flow = tcp("203.0.113.7", 80, request("www.example.com"));
    assert!(required.contains(&flow, |_| true) && required.contains(&flow, |_| false));
}

#[test]
fn a_service_by_address_requires_no_request_that_one_by_name_would_not_send() {
    let [permitted, required] = permitted_and_required(
        "client_answers=assume",
        "www.example.com",
        &["http/443", "proto/6"],
    );
    let without_port =
        Request { host: host(Some("www.example.com")), port: None, path: "/".to_owned() };
    let flow = tcp("203.0.113.7", 443, Payload::Http(without_port));
    assert!(permitted.contains(&flow, |_| false) && !required.contains(&flow, |_| false));
    // Where the client was told the address, it is required by it.
    assert!(required.contains(&flow, |_| true));
}

#[test]
fn drawn_lists_permit_require_and_deny_some_of_the_drawn_flows_and_not_others() {
    let mut runner = TestRunner::deterministic();
    let (mut permitted, mut required, mut denied, mut drawn) = (0, 0, 0, 0);
    for seed in 0..100 {
        let intent = list().new_tree(&mut runner).unwrap().current();
        let facts = Facts::new(seed);
        for _ in 0..50 {
            let flow = flow().new_tree(&mut runner).unwrap().current();
            let stance = facts.stance(&intent, &flow);
            drawn += 1;
            required += u32::from(stance.required);
            permitted += u32::from(stance.permitted && !stance.required);
            denied += u32::from(stance.denied_by.is_some());
        }
    }
    for (what, count) in [("required", required), ("permitted only", permitted), ("denied", denied)]
    {
        assert!(count * 40 > drawn && count * 2 < drawn, "{what}: {count} of {drawn}");
    }
}

//! Lists and flows to draw: statements that lie close together, and flows near their edges.

use ipnet::IpNet;
use jiff::civil::date;
use proptest::prelude::*;
use proptest::sample::select;

use super::ENDPOINT;
use super::FIREWALL;
use crate::flow::Flow;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::Payload;
use crate::flow::PortRange;
use crate::flow::Request;
use crate::intent::Assertion;
use crate::intent::Deny;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Origin;
use crate::intent::Permission;
use crate::intent::Requirement;
use crate::intent::Service;
use crate::intent::check::Polarity;
use crate::intent::permission::Addresses;
use crate::intent::permission::MssqlMode;
use crate::intent::permission::Names;
use crate::intent::permission::StatementSpans;
use crate::intent::topology;
use crate::intent::topology::Tier;

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
pub(super) struct Words {
    pub(super) sources: &'static str,
    pub(super) destinations: Vec<&'static str>,
    pub(super) services: Vec<&'static str>,
}

impl Words {
    pub(super) fn allow(&self, label: &str) -> Permission {
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

    pub(super) fn deny(&self, label: &str) -> Deny {
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

    pub(super) fn assertion(&self, polarity: Polarity) -> Assertion {
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
pub(super) fn sweeping() -> impl Strategy<Value = Words> {
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

pub(super) fn intent(
    is_premium: bool,
    mut permissions: Vec<Permission>,
    mut denies: Vec<Deny>,
) -> Intent {
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

pub(super) fn list() -> impl Strategy<Value = Intent> {
    let permissions = prop::collection::vec(permission(), 1..4);
    let denies = prop::collection::vec(sweeping().prop_map(|words| words.deny("d")), 0..2);
    (any::<bool>(), permissions, denies)
        .prop_map(|(is_premium, permissions, denies)| intent(is_premium, permissions, denies))
}

pub(super) fn host(text: Option<&str>) -> Option<Host> {
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
pub(super) fn flow() -> impl Strategy<Value = Flow> {
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

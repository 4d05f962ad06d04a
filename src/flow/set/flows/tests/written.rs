//! Sets as they are written, generated so that their cuts lie close together, and flows near these.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::select;

use super::super::*;
use crate::flow::AddressSet;
use crate::flow::Flow;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::Request;

/// More than any set of these tests needs.
pub(super) const NODES: usize = 1_000_000;
pub(super) const ATOMS: [&str; 3] = ["p", "q", "r"];

/// A set as it is written: what it says of a flow is plain.
#[derive(Clone, Debug)]
pub(super) enum Written {
    All,
    Product(Vec<Factor>),
    Atom(&'static str),
    Union(Box<Written>, Box<Written>),
    Intersection(Box<Written>, Box<Written>),
    Difference(Box<Written>, Box<Written>),
}

impl Written {
    pub(super) fn holds(&self, flow: &Flow, atoms: &BTreeSet<&str>) -> bool {
        match self {
            Written::All => true,
            Written::Product(factors) => factors.iter().all(|factor| factor.holds(flow)),
            Written::Atom(atom) => atoms.contains(atom),
            Written::Union(a, b) => a.holds(flow, atoms) || b.holds(flow, atoms),
            Written::Intersection(a, b) => a.holds(flow, atoms) && b.holds(flow, atoms),
            Written::Difference(a, b) => a.holds(flow, atoms) && !b.holds(flow, atoms),
        }
    }

    pub(super) fn announce(&self, cuts: &mut Cuts<&'static str>) {
        match self {
            Written::All => {}
            Written::Product(factors) => cuts.extend(&along(factors)),
            Written::Atom(atom) => cuts.extend_atoms([*atom]),
            Written::Union(a, b) | Written::Intersection(a, b) | Written::Difference(a, b) => {
                a.announce(cuts);
                b.announce(cuts);
            }
        }
    }

    pub(super) fn build<'id>(&self, algebra: &mut Algebra<'id, &'static str>) -> Set<'id> {
        match self {
            Written::All => algebra.all(),
            Written::Product(factors) => algebra.product(&along(factors)).unwrap(),
            Written::Atom(atom) => algebra.where_holds(atom).unwrap(),
            Written::Union(a, b) => {
                let (a, b) = (a.build(algebra), b.build(algebra));
                algebra.union(a, b).unwrap()
            }
            Written::Intersection(a, b) => {
                let (a, b) = (a.build(algebra), b.build(algebra));
                algebra.intersection(a, b).unwrap()
            }
            Written::Difference(a, b) => {
                let (a, b) = (a.build(algebra), b.build(algebra));
                algebra.difference(a, b).unwrap()
            }
        }
    }

    /// The value, from an algebra that is cut where `others` are, too.
    pub(super) fn frozen(&self, others: &[&Written]) -> FlowSet<&'static str> {
        let mut cuts = Cuts::default();
        self.announce(&mut cuts);
        for other in others {
            other.announce(&mut cuts);
        }
        cuts.with_algebra(NODES, |mut algebra| {
            let set = self.build(&mut algebra);
            algebra.freeze(set).unwrap()
        })
        .unwrap()
    }

    pub(super) fn union(self, other: Written) -> Written {
        Written::Union(Box::new(self), Box::new(other))
    }

    pub(super) fn and(self, other: Written) -> Written {
        Written::Intersection(Box::new(self), Box::new(other))
    }

    pub(super) fn without(self, other: Written) -> Written {
        Written::Difference(Box::new(self), Box::new(other))
    }
}

/// What a product asks of a flow, in terms of the flow.
#[derive(Clone, Debug)]
pub(super) enum Factor {
    Protocols(Vec<u8>),
    DestinationPorts(PortSet),
    SourcePorts(PortSet),
    Payloads(Vec<PayloadForm>),
    RequestPorts(bool, PortSet),
    Names(Hosts),
    InnerNames(Hosts),
    Paths(Vec<&'static str>),
    PathsUnder(Vec<&'static str>),
    Sources(AddressSet),
    Destinations(AddressSet),
}

#[derive(Clone, Debug)]
pub(super) struct Hosts {
    pub(super) nothing: bool,
    pub(super) literals: AddressSet,
    pub(super) patterns: Vec<FqdnPattern>,
}

impl Hosts {
    pub(super) fn holds(&self, host: Option<&Host>) -> bool {
        match host {
            None => self.nothing,
            Some(host) => {
                let is_literal =
                    matches!(host, Host::Address(address) if self.literals.contains(*address));
                is_literal || self.patterns.iter().any(|pattern| pattern.matches_host(host))
            }
        }
    }

    pub(super) fn set(&self) -> ShownSet {
        let set = self.patterns.iter().collect::<ShownSet>();
        let set = set.union(&ShownSet::literals(self.literals.clone()));
        if self.nothing { set.union(&ShownSet::nothing()) } else { set }
    }
}

pub(super) fn along(factors: &[Factor]) -> Vec<AxisSet> {
    factors.iter().map(Factor::axis_set).collect()
}

impl Factor {
    pub(super) fn axis_set(&self) -> AxisSet {
        match self {
            Factor::Protocols(list) => AxisSet::protocols(list.iter().copied().map(IpProtocol)),
            Factor::DestinationPorts(ports) => AxisSet::destination_ports(ports),
            Factor::SourcePorts(ports) => AxisSet::source_ports(ports),
            Factor::Payloads(forms) => AxisSet::payloads(forms.iter().copied()),
            Factor::RequestPorts(unwritten, ports) => AxisSet::request_ports(*unwritten, ports),
            Factor::Names(hosts) => AxisSet::names(&hosts.set()),
            Factor::InnerNames(hosts) => AxisSet::inner_names(&hosts.set()),
            Factor::Paths(paths) => AxisSet::paths(paths.iter().copied()),
            Factor::PathsUnder(prefixes) => AxisSet::paths_under(prefixes.iter().copied()),
            Factor::Sources(addresses) => AxisSet::sources(addresses),
            Factor::Destinations(addresses) => AxisSet::destinations(addresses),
        }
    }

    pub(super) fn holds(&self, flow: &Flow) -> bool {
        let (form, inner, request) = match &flow.payload {
            Payload::Silent => (PayloadForm::Silent, None, None),
            Payload::Other => (PayloadForm::Other, None, None),
            Payload::Tls { inner: None, .. } => (PayloadForm::Tls, None, None),
            Payload::Tls { inner: Some(request), .. } => {
                (PayloadForm::TlsWithRequest, request.host.as_ref(), Some(request))
            }
            Payload::Http(request) => (PayloadForm::Http, None, Some(request)),
            Payload::Mssql { .. } => (PayloadForm::Mssql, None, None),
            Payload::Quic { .. } => (PayloadForm::Quic, None, None),
        };
        let path = request.map_or("", |request| request.path.as_str());
        match self {
            Factor::Protocols(list) => list.contains(&flow.protocol.0),
            Factor::DestinationPorts(ports) => ports.contains(flow.destination_port),
            Factor::SourcePorts(ports) => ports.contains(flow.source_port),
            Factor::Payloads(forms) => forms.contains(&form),
            Factor::RequestPorts(unwritten, ports) => {
                request.and_then(|request| request.port).map_or(*unwritten, |p| ports.contains(p))
            }
            Factor::Names(hosts) => hosts.holds(flow.payload.wire_name()),
            Factor::InnerNames(hosts) => hosts.holds(inner),
            Factor::Paths(paths) => paths.contains(&path),
            Factor::PathsUnder(prefixes) => prefixes.iter().any(|prefix| path.starts_with(prefix)),
            Factor::Sources(addresses) => addresses.contains(flow.source),
            Factor::Destinations(addresses) => addresses.contains(flow.destination),
        }
    }
}

pub(super) fn addresses() -> impl Strategy<Value = AddressSet> {
    let prefixes = [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "10.0.0.0/30",
        "10.0.0.2/31",
        "10.0.0.3/32",
        "255.255.255.255/32",
        "::/0",
        "::/128",
    ];
    prop::collection::vec(select(prefixes.to_vec()), 0..3)
        .prop_map(|list| list.iter().map(|text| text.parse::<ipnet::IpNet>().unwrap()).collect())
}

pub(super) fn ports() -> impl Strategy<Value = PortSet> {
    let range = (select(vec![0, 1, 79, 80, 443, 65_534, 65_535]), 0_u16..3);
    prop::collection::vec(range, 0..3).prop_map(|list| {
        list.iter()
            .filter_map(|(first, more)| PortRange::new(*first, first.saturating_add(*more)))
            .collect()
    })
}

pub(super) fn hosts() -> impl Strategy<Value = Hosts> {
    let patterns = ["*", "*.a.com", "a.com", "*a.com", "b.a.com", "*.b.a.com", "com", "-a.com"];
    let patterns = prop::collection::vec(select(patterns.to_vec()), 0..3)
        .prop_map(|list| list.iter().map(|text| text.parse().unwrap()).collect());
    (any::<bool>(), addresses(), patterns).prop_map(|(nothing, literals, patterns)| Hosts {
        nothing,
        literals,
        patterns,
    })
}

pub(super) fn factor() -> impl Strategy<Value = Factor> {
    let paths = || {
        let paths =
            vec!["", "/", "/a", "/a/", "/ab", "/b", "/\u{10FFFF}", "/\u{D7FF}", "\u{10FFFF}"];
        prop::collection::vec(select(paths), 1..3)
    };
    prop_oneof![
        prop::collection::vec(select(vec![0, 1, 6, 17, 58, 255]), 0..3).prop_map(Factor::Protocols),
        ports().prop_map(Factor::DestinationPorts),
        ports().prop_map(Factor::SourcePorts),
        prop::collection::vec(select(PayloadForm::ALL.to_vec()), 0..3).prop_map(Factor::Payloads),
        (any::<bool>(), ports()).prop_map(|(none, ports)| Factor::RequestPorts(none, ports)),
        hosts().prop_map(Factor::Names),
        hosts().prop_map(Factor::InnerNames),
        paths().prop_map(Factor::Paths),
        paths().prop_map(Factor::PathsUnder),
        addresses().prop_map(Factor::Sources),
        addresses().prop_map(Factor::Destinations),
    ]
}

pub(super) fn written() -> impl Strategy<Value = Written> {
    let leaf = prop_oneof![
        1 => Just(Written::All),
        6 => prop::collection::vec(factor(), 1..4).prop_map(Written::Product),
        2 => select(ATOMS.to_vec()).prop_map(Written::Atom),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let pair = || (inner.clone(), inner.clone());
        prop_oneof![
            pair().prop_map(|(a, b)| a.union(b)),
            pair().prop_map(|(a, b)| a.and(b)),
            pair().prop_map(|(a, b)| a.without(b)),
        ]
    })
}

fn host() -> impl Strategy<Value = Option<Host>> {
    let hosts = [
        "a.com",
        "b.a.com",
        "c.b.a.com",
        "-a.com",
        "xa.com",
        "com",
        "net",
        "10.0.0.2",
        "::",
        "255.255.255.255",
    ];
    prop::option::weighted(0.8, select(hosts.to_vec()).prop_map(|text| Host::parse(text).unwrap()))
}

fn request() -> impl Strategy<Value = Request> {
    let paths = vec!["/", "/a", "/a/", "/ab", "/a\0", "/b", "/é", "/\u{E000}", "/\u{10FFFF}x"];
    let port = prop::option::of(select(vec![0, 80, 81, 65_535]));
    (host(), port, select(paths)).prop_map(|(host, port, path)| Request {
        host,
        port,
        path: path.to_owned(),
    })
}

/// Two addresses of one family, and whether it is IPv6.
fn ends() -> impl Strategy<Value = (IpAddr, IpAddr, bool)> {
    let v4 = ["0.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "255.255.255.255"];
    let pair = |texts: Vec<&'static str>| {
        let address = move || select(texts.clone()).prop_map(|text| text.parse().unwrap());
        (address(), address())
    };
    prop_oneof![
        3 => pair(v4.to_vec()).prop_map(|(a, b)| (a, b, false)),
        1 => pair(vec!["::", "::1", "ffff::"]).prop_map(|(a, b)| (a, b, true)),
    ]
}

pub(super) fn flow() -> impl Strategy<Value = Flow> {
    let port = || select(vec![0, 1, 2, 79, 80, 81, 443, 445, 65_534, 65_535]);
    let carried = prop_oneof![
        select(vec![6, 17]).prop_map(|protocol| (protocol, Payload::Silent)),
        select(vec![6, 17]).prop_map(|protocol| (protocol, Payload::Other)),
        (host(), prop::option::of(request()))
            .prop_map(|(name, inner)| (6, Payload::Tls { name, inner })),
        request().prop_map(|request| (6, Payload::Http(request))),
        host().prop_map(|name| (6, Payload::Mssql { name })),
        host().prop_map(|name| (17, Payload::Quic { name })),
    ];
    let with_ports = (ends(), port(), port(), carried).prop_map(
        |((source, destination, _), source_port, destination_port, (protocol, payload))| Flow {
            source,
            source_port,
            destination,
            destination_port,
            protocol: IpProtocol(protocol),
            payload,
        },
    );
    let without = (ends(), select(vec![0, 1, 47, 255]), any::<bool>()).prop_map(
        |((source, destination, is_v6), protocol, is_silent)| Flow {
            source,
            source_port: 0,
            destination,
            destination_port: 0,
            protocol: if is_v6 && protocol == 1 {
                IpProtocol::ICMPV6
            } else {
                IpProtocol(protocol)
            },
            payload: if is_silent { Payload::Silent } else { Payload::Other },
        },
    );
    prop_oneof![8 => with_ports, 1 => without]
}

/// Every assignment there is.
pub(super) fn assignments() -> impl Iterator<Item = BTreeSet<&'static str>> {
    (0..1_u32 << ATOMS.len()).map(|number| {
        let holds = |(place, _): &(usize, &str)| number >> place & 1 == 1;
        ATOMS.into_iter().enumerate().filter(holds).map(|(_, atom)| atom).collect()
    })
}

pub(super) fn assignment() -> impl Strategy<Value = BTreeSet<&'static str>> {
    prop::collection::btree_set(select(ATOMS.to_vec()), 0..3)
}

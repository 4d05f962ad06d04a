//! The laws of sets of flows, over generated sets whose cuts lie close together.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::select;

use super::axis::coordinate;
use super::axis::valid_boxes;
use super::*;
use crate::flow::AddressSet;
use crate::flow::Flow;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::Payload;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::Request;

/// More than any set of these tests needs.
const NODES: usize = 1_000_000;
const ATOMS: [&str; 3] = ["p", "q", "r"];

/// A set as it is written: what it says of a flow is plain.
#[derive(Clone, Debug)]
enum Written {
    All,
    Product(Vec<AxisSet>),
    Atom(&'static str),
    Union(Box<Written>, Box<Written>),
    Intersection(Box<Written>, Box<Written>),
    Difference(Box<Written>, Box<Written>),
}

impl Written {
    fn holds(&self, flow: &Flow, atoms: &BTreeSet<&str>) -> bool {
        match self {
            Written::All => true,
            Written::Product(sets) => sets.iter().all(|set| lies_in(flow, set)),
            Written::Atom(atom) => atoms.contains(atom),
            Written::Union(a, b) => a.holds(flow, atoms) || b.holds(flow, atoms),
            Written::Intersection(a, b) => a.holds(flow, atoms) && b.holds(flow, atoms),
            Written::Difference(a, b) => a.holds(flow, atoms) && !b.holds(flow, atoms),
        }
    }

    fn announce(&self, cuts: &mut Cuts<&'static str>) {
        match self {
            Written::All => {}
            Written::Product(sets) => cuts.extend(sets),
            Written::Atom(atom) => cuts.extend_atoms([*atom]),
            Written::Union(a, b) | Written::Intersection(a, b) | Written::Difference(a, b) => {
                a.announce(cuts);
                b.announce(cuts);
            }
        }
    }

    fn build<'id>(&self, algebra: &mut Algebra<'id, &'static str>) -> Set<'id> {
        match self {
            Written::All => algebra.all(),
            Written::Product(sets) => algebra.product(sets).unwrap(),
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
    fn frozen(&self, others: &[&Written]) -> FlowSet<&'static str> {
        let mut cuts = Cuts::default();
        self.announce(&mut cuts);
        for other in others {
            other.announce(&mut cuts);
        }
        cuts.with_algebra(NODES, |mut algebra| {
            let set = self.build(&mut algebra);
            algebra.freeze(set)
        })
        .unwrap()
    }

    fn union(self, other: Written) -> Written {
        Written::Union(Box::new(self), Box::new(other))
    }

    fn and(self, other: Written) -> Written {
        Written::Intersection(Box::new(self), Box::new(other))
    }

    fn without(self, other: Written) -> Written {
        Written::Difference(Box::new(self), Box::new(other))
    }
}

fn lies_in(flow: &Flow, set: &AxisSet) -> bool {
    set.values().contains(&coordinate(flow, set.axis()))
}

fn addresses() -> impl Strategy<Value = AddressSet> {
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

fn ports() -> impl Strategy<Value = PortSet> {
    let range = (select(vec![0, 1, 79, 80, 443, 65_534, 65_535]), 0_u16..3);
    prop::collection::vec(range, 0..3).prop_map(|list| {
        list.iter()
            .filter_map(|(first, more)| PortRange::new(*first, first.saturating_add(*more)))
            .collect()
    })
}

fn shown() -> impl Strategy<Value = ShownSet> {
    let patterns = ["*", "*.a.com", "a.com", "*a.com", "b.a.com", "*.b.a.com", "com", "-a.com"];
    let names = prop::collection::vec(select(patterns.to_vec()), 0..3).prop_map(|list| {
        let patterns: Vec<FqdnPattern> = list.iter().map(|text| text.parse().unwrap()).collect();
        patterns.iter().collect::<NameSet>()
    });
    (any::<bool>(), addresses(), names).prop_map(|(nothing, addresses, names)| ShownSet {
        nothing,
        addresses,
        names,
    })
}

const FORMS: [PayloadForm; 7] = [
    PayloadForm::Silent,
    PayloadForm::Other,
    PayloadForm::Tls,
    PayloadForm::TlsWithRequest,
    PayloadForm::Http,
    PayloadForm::Mssql,
    PayloadForm::Quic,
];

fn axis_set() -> impl Strategy<Value = AxisSet> {
    let paths = || prop::collection::vec(select(vec!["", "/", "/a", "/a/", "/ab", "/b"]), 1..3);
    prop_oneof![
        prop::collection::vec(select(vec![0, 1, 6, 17, 255]), 0..3)
            .prop_map(|list| AxisSet::protocols(list.into_iter().map(IpProtocol))),
        ports().prop_map(|ports| AxisSet::destination_ports(&ports)),
        ports().prop_map(|ports| AxisSet::source_ports(&ports)),
        prop::collection::vec(select(FORMS.to_vec()), 0..3).prop_map(AxisSet::payloads),
        (any::<bool>(), ports()).prop_map(|(none, ports)| AxisSet::request_ports(none, &ports)),
        shown().prop_map(|hosts| AxisSet::names(&hosts)),
        shown().prop_map(|hosts| AxisSet::inner_names(&hosts)),
        paths().prop_map(AxisSet::paths),
        paths().prop_map(AxisSet::paths_under),
        addresses().prop_map(|addresses| AxisSet::sources(&addresses)),
        addresses().prop_map(|addresses| AxisSet::destinations(&addresses)),
    ]
}

fn written() -> impl Strategy<Value = Written> {
    let leaf = prop_oneof![
        1 => Just(Written::All),
        6 => prop::collection::vec(axis_set(), 1..4).prop_map(Written::Product),
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
    let paths = vec!["", "/", "/a", "/a/", "/ab", "/a\0", "/b", "/é", "*"];
    let port = prop::option::of(select(vec![0, 80, 81, 65_535]));
    (host(), port, select(paths)).prop_map(|(host, port, path)| Request {
        host,
        port,
        path: path.to_owned(),
    })
}

fn flow() -> impl Strategy<Value = Flow> {
    let address = || {
        let addresses = [
            "0.0.0.0",
            "10.0.0.1",
            "10.0.0.2",
            "10.0.0.3",
            "10.0.0.4",
            "255.255.255.255",
            "::",
            "::1",
        ];
        select(addresses.to_vec()).prop_map(|text| text.parse::<IpAddr>().unwrap())
    };
    let port = || select(vec![0, 1, 2, 79, 80, 81, 443, 445, 65_534, 65_535]);
    let carried = prop_oneof![
        Just((6, Payload::Silent)),
        select(vec![6, 17]).prop_map(|protocol| (protocol, Payload::Other)),
        (host(), prop::option::of(request()))
            .prop_map(|(name, inner)| (6, Payload::Tls { name, inner })),
        request().prop_map(|request| (6, Payload::Http(request))),
        host().prop_map(|name| (6, Payload::Mssql { name })),
        host().prop_map(|name| (17, Payload::Quic { name })),
    ];
    let with_ports = (address(), port(), address(), port(), carried).prop_map(
        |(source, source_port, destination, destination_port, (protocol, payload))| Flow {
            source,
            source_port,
            destination,
            destination_port,
            protocol: IpProtocol(protocol),
            payload,
        },
    );
    let without = (address(), address(), select(vec![0, 1, 47, 255])).prop_map(
        |(source, destination, protocol)| Flow {
            source,
            source_port: 0,
            destination,
            destination_port: 0,
            protocol: IpProtocol(protocol),
            payload: Payload::Other,
        },
    );
    prop_oneof![8 => with_ports, 1 => without]
}

fn assignment() -> impl Strategy<Value = BTreeSet<&'static str>> {
    prop::collection::btree_set(select(ATOMS.to_vec()), 0..3)
}

proptest! {
    #[test]
    fn a_set_holds_what_was_written(
        written in written(),
        flows in prop::collection::vec((flow(), assignment()), 40),
    ) {
        let set = written.frozen(&[]);
        for (flow, atoms) in flows {
            let expected = written.holds(&flow, &atoms);
            prop_assert_eq!(set.contains(&flow, |atom| atoms.contains(atom)), expected, "{}", flow);
            if expected {
                prop_assert!(set.destinations().contains(flow.destination));
                prop_assert!(set.sources().contains(flow.source));
            }
        }
    }

    #[test]
    fn equal_sets_are_equal_values(a in written(), b in written(), c in written()) {
        let all = [&a, &b, &c];
        let equal = |left: Written, right: Written| {
            prop_assert_eq!(left.frozen(&[]), right.frozen(&all));
            Ok(())
        };
        equal(a.clone().union(b.clone()), b.clone().union(a.clone()))?;
        let parted = a.clone().without(b.clone()).union(a.clone().and(b.clone()));
        equal(parted, a.clone())?;
        let (left, right) = (a.clone().without(b.clone()), a.clone().without(c.clone()));
        equal(left.and(right), a.clone().without(b.clone().union(c.clone())))?;
        equal(a.clone().without(a.clone()), Written::All.without(Written::All))?;
    }

    #[test]
    fn a_frozen_set_is_thawed_to_what_it_was(a in written(), b in written()) {
        let frozen = a.frozen(&[]);
        let mut cuts = Cuts::default();
        cuts.extend_set(&frozen);
        b.announce(&mut cuts);
        let again = cuts.with_algebra(NODES, |mut algebra| {
            let set = algebra.thaw(&frozen).unwrap();
            prop_assert_eq!(set == algebra.empty(), frozen.is_empty());
            Ok(algebra.freeze(set))
        });
        prop_assert_eq!(again.unwrap()?, frozen);
    }

    #[test]
    fn a_witness_is_in_the_set(written in written()) {
        let set = written.frozen(&[]);
        let preferred = [(Axis::Protocol, Value::Protocol(IpProtocol::TCP))];
        match set.witness(&preferred) {
            None => prop_assert!(set.is_empty()),
            Some(Witness { flow, atoms }) => {
                let held: BTreeSet<&str> =
                    atoms.iter().filter(|(_, holds)| *holds).map(|(atom, _)| *atom).collect();
                prop_assert!(set.contains(&flow, |atom| held.contains(atom)), "{flow}");
                prop_assert!(written.holds(&flow, &held), "{flow}");
            }
        }
    }

    #[test]
    fn a_flow_lies_in_one_valid_box(flow in flow()) {
        let boxes = valid_boxes();
        let holding = boxes.iter().filter(|sets| sets.iter().all(|set| lies_in(&flow, set)));
        prop_assert_eq!(holding.count(), 1);
    }

    #[test]
    fn names_are_cut_where_the_patterns_are(hosts in shown(), host in host()) {
        let expected = match &host {
            None => hosts.nothing,
            Some(Host::Address(address)) => hosts.addresses.contains(*address),
            Some(Host::Name(name)) => hosts.names.contains(name),
        };
        let payload = Payload::Quic { name: host };
        let source: IpAddr = [10, 0, 0, 1].into();
        let protocol = IpProtocol::UDP;
        let flow = Flow { source, source_port: 1, destination: source, destination_port: 1, protocol, payload };
        prop_assert_eq!(lies_in(&flow, &AxisSet::names(&hosts)), expected);
    }
}

#[test]
fn what_was_not_announced_is_refused() {
    let cuts: Cuts<&str> = Cuts::default();
    let port = AxisSet::destination_ports(&PortRange::single(443).into());
    let refused = cuts.with_algebra(NODES, |mut algebra| {
        (algebra.product(&[port]).map(|_| ()), algebra.where_holds(&"p").map(|_| ()))
    });
    assert_eq!(refused.unwrap(), (Err(AlgebraError::UnknownCut), Err(AlgebraError::UnknownCut)));
}

#[test]
fn a_budget_is_kept() {
    let cuts: Cuts<&str> = Cuts::default();
    let refused = cuts.with_algebra(5, |_| ());
    assert_eq!(refused, Err(AlgebraError::TooLarge { nodes: 5 }));
}

#[test]
fn a_witness_is_the_one_to_be_read() {
    let names = ShownSet {
        names: NameSet::from(&"*.contoso.com".parse::<FqdnPattern>().unwrap()),
        ..ShownSet::default()
    };
    let set = Written::Product(vec![AxisSet::names(&names)]).frozen(&[]);
    let preferred = [
        (Axis::Protocol, Value::Protocol(IpProtocol::TCP)),
        (Axis::DestinationPort, Value::Port(443)),
        (Axis::Payload, Value::Payload(PayloadForm::Tls)),
        (Axis::Source, Value::Address([10, 1, 0, 4].into())),
        (Axis::Destination, Value::Address([203, 0, 113, 5].into())),
    ];
    let witness = set.witness(&preferred).unwrap();
    assert_eq!(witness.flow.to_string(), "10.1.0.4 -> 203.0.113.5 : tcp/443 tls a.contoso.com");
}

//! The laws of sets of flows, over generated sets whose cuts lie close together.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::select;

use super::point::Point;
use super::point::products_of_flows;
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
    Product(Vec<Factor>),
    Atom(&'static str),
    Union(Box<Written>, Box<Written>),
    Intersection(Box<Written>, Box<Written>),
    Difference(Box<Written>, Box<Written>),
}

impl Written {
    fn holds(&self, flow: &Flow, atoms: &BTreeSet<&str>) -> bool {
        match self {
            Written::All => true,
            Written::Product(factors) => factors.iter().all(|factor| factor.holds(flow)),
            Written::Atom(atom) => atoms.contains(atom),
            Written::Union(a, b) => a.holds(flow, atoms) || b.holds(flow, atoms),
            Written::Intersection(a, b) => a.holds(flow, atoms) && b.holds(flow, atoms),
            Written::Difference(a, b) => a.holds(flow, atoms) && !b.holds(flow, atoms),
        }
    }

    fn announce(&self, cuts: &mut Cuts<&'static str>) {
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

    fn build<'id>(&self, algebra: &mut Algebra<'id, &'static str>) -> Set<'id> {
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
    fn frozen(&self, others: &[&Written]) -> FlowSet<&'static str> {
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

/// What a product asks of a flow, in terms of the flow.
#[derive(Clone, Debug)]
enum Factor {
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
struct Hosts {
    nothing: bool,
    literals: AddressSet,
    patterns: Vec<FqdnPattern>,
}

impl Hosts {
    fn holds(&self, host: Option<&Host>) -> bool {
        match host {
            None => self.nothing,
            Some(host) => {
                let is_literal =
                    matches!(host, Host::Address(address) if self.literals.contains(*address));
                is_literal || self.patterns.iter().any(|pattern| pattern.matches_host(host))
            }
        }
    }

    fn set(&self) -> ShownSet {
        let set = self.patterns.iter().collect::<ShownSet>();
        let set = set.union(&ShownSet::literals(self.literals.clone()));
        if self.nothing { set.union(&ShownSet::nothing()) } else { set }
    }
}

fn along(factors: &[Factor]) -> Vec<AxisSet> {
    factors.iter().map(Factor::axis_set).collect()
}

impl Factor {
    fn axis_set(&self) -> AxisSet {
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

    fn holds(&self, flow: &Flow) -> bool {
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

fn hosts() -> impl Strategy<Value = Hosts> {
    let patterns = ["*", "*.a.com", "a.com", "*a.com", "b.a.com", "*.b.a.com", "com", "-a.com"];
    let patterns = prop::collection::vec(select(patterns.to_vec()), 0..3)
        .prop_map(|list| list.iter().map(|text| text.parse().unwrap()).collect());
    (any::<bool>(), addresses(), patterns).prop_map(|(nothing, literals, patterns)| Hosts {
        nothing,
        literals,
        patterns,
    })
}

fn factor() -> impl Strategy<Value = Factor> {
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

fn written() -> impl Strategy<Value = Written> {
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

fn flow() -> impl Strategy<Value = Flow> {
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
fn assignments() -> impl Iterator<Item = BTreeSet<&'static str>> {
    (0..1_u32 << ATOMS.len()).map(|number| {
        let holds = |(place, _): &(usize, &str)| number >> place & 1 == 1;
        ATOMS.into_iter().enumerate().filter(holds).map(|(_, atom)| atom).collect()
    })
}

fn assignment() -> impl Strategy<Value = BTreeSet<&'static str>> {
    prop::collection::btree_set(select(ATOMS.to_vec()), 0..3)
}

/// The set that a view is of, unless it is of values between two.
fn read_back(view: &AxisView) -> Option<AxisSet> {
    Some(match view {
        AxisView::Protocols(list) => AxisSet::protocols(list.iter().copied()),
        AxisView::DestinationPorts(ports) => AxisSet::destination_ports(ports),
        AxisView::Payloads(forms) => AxisSet::payloads(forms.iter().copied()),
        AxisView::RequestPorts { unwritten, ports } => AxisSet::request_ports(*unwritten, ports),
        AxisView::Names(shown) => AxisSet::names(&shown_back(shown)?),
        AxisView::InnerNames(shown) => AxisSet::inner_names(&shown_back(shown)?),
        AxisView::Paths(paths) => {
            let mut set = AxisSet::paths([]);
            for path in paths {
                set = set.union(&match path {
                    PathView::Exactly(path) => AxisSet::paths([path.as_str()]),
                    PathView::Under(prefix) => AxisSet::paths_under([prefix.as_str()]),
                    PathView::Between { .. } => return None,
                });
            }
            set
        }
        AxisView::Sources(addresses) => AxisSet::sources(addresses),
        AxisView::SourcePorts(ports) => AxisSet::source_ports(ports),
        AxisView::Destinations(addresses) => AxisSet::destinations(addresses),
    })
}

fn shown_back(view: &ShownView) -> Option<ShownSet> {
    let mut set = ShownSet::literals(view.literals.clone());
    if view.nothing {
        set = set.union(&ShownSet::nothing());
    }
    for names in &view.names {
        let NameView::Matching { pattern, except } = names else { return None };
        let names = NameSet::from(pattern).difference(&except.iter().collect());
        set = set.union(&ShownSet::names(names));
    }
    Some(set)
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
            Ok(algebra.freeze(set).unwrap())
        });
        prop_assert_eq!(again.unwrap()?, frozen);
    }

    #[test]
    fn the_addresses_are_those_that_some_flow_has(written in written(), to in addresses()) {
        let set = written.frozen(&[]);
        let some = |factor: Factor| {
            let part = written.clone().and(Written::Product(vec![factor]));
            !part.frozen(&[]).is_empty()
        };
        prop_assert_eq!(some(Factor::Destinations(to.clone())), set.destinations().meets(&to));
        prop_assert_eq!(some(Factor::Sources(to.clone())), set.sources().meets(&to));
    }

    #[test]
    fn many_sets_are_joined_as_one_after_the_other(list in prop::collection::vec(written(), 0..5)) {
        let mut cuts = Cuts::default();
        for written in &list {
            written.announce(&mut cuts);
        }
        cuts.with_algebra(NODES, |mut algebra| {
            let sets: Vec<Set<'_>> = list.iter().map(|one| one.build(&mut algebra)).collect();
            let (mut either, mut all) = (algebra.empty(), algebra.all());
            for set in &sets {
                either = algebra.union(either, *set).unwrap();
                all = algebra.intersection(all, *set).unwrap();
            }
            prop_assert_eq!(algebra.union_of(&sets).unwrap(), either);
            prop_assert_eq!(algebra.intersection_of(&sets).unwrap(), all);
            Ok(())
        })
        .unwrap()?;
    }

    #[test]
    fn what_is_certain_holds_under_every_possible_assignment(
        set in written(),
        possible in written(),
        flows in prop::collection::vec(flow(), 20),
    ) {
        let mut cuts = Cuts::default();
        set.announce(&mut cuts);
        possible.announce(&mut cuts);
        let (certain, some) = cuts.with_algebra(NODES, |mut algebra| {
            let (set, possible) = (set.build(&mut algebra), possible.build(&mut algebra));
            let certain = algebra.where_certain(set, possible).unwrap();
            let some = algebra.where_possible(set).unwrap();
            prop_assert_eq!(algebra.is_empty(some), algebra.is_empty(set));
            Ok((algebra.freeze(certain).unwrap(), algebra.freeze(some).unwrap()))
        })
        .unwrap()?;
        prop_assert!(certain.atoms.is_empty() && some.atoms.is_empty());
        for flow in flows {
            let mut under = assignments().filter(|atoms| possible.holds(&flow, atoms)).peekable();
            let expected = under.peek().is_some() && under.all(|atoms| set.holds(&flow, &atoms));
            prop_assert_eq!(certain.contains(&flow, |_| false), expected, "{}", flow);
            let expected = assignments().any(|atoms| set.holds(&flow, &atoms));
            prop_assert_eq!(some.contains(&flow, |_| false), expected, "{}", flow);
        }
    }

    #[test]
    fn a_flow_of_a_set_is_in_one_piece(
        written in written(),
        flows in prop::collection::vec((flow(), assignment()), 40),
        most in 0_usize..6,
    ) {
        let set = written.frozen(&[]);
        let all = set.pieces(usize::MAX, NODES).unwrap();
        prop_assert!(!all.are_more);
        for (flow, atoms) in &flows {
            let holding =
                all.pieces.iter().filter(|piece| piece.contains(flow, |atom| atoms.contains(atom)));
            let is_held = set.contains(flow, |atom| atoms.contains(atom));
            prop_assert_eq!(holding.count(), usize::from(is_held), "{}", flow);
        }
        let first = set.pieces(most, NODES).unwrap();
        prop_assert!(first.pieces.len() <= most);
        if first.are_more {
            prop_assert!(all.pieces.len() >= first.pieces.len());
        } else {
            prop_assert_eq!(first, all);
        }
    }

    #[test]
    fn pieces_make_up_the_set(written in written(), other in written()) {
        let set = written.frozen(&[]);
        let mut cuts = Cuts::default();
        cuts.extend_set(&set);
        other.announce(&mut cuts);
        cuts.with_algebra(NODES, |mut algebra| {
            let thawed = algebra.thaw(&set).unwrap();
            let pieces = algebra.pieces(thawed, usize::MAX).unwrap();
            let mut sum = algebra.empty();
            for piece in &pieces.pieces {
                let mut product = algebra.product(&piece.along).unwrap();
                for (atom, holds) in &piece.atoms {
                    let where_it_does = algebra.where_holds(atom).unwrap();
                    product = if *holds {
                        algebra.intersection(product, where_it_does).unwrap()
                    } else {
                        algebra.difference(product, where_it_does).unwrap()
                    };
                }
                let common = algebra.intersection(sum, product).unwrap();
                prop_assert!(algebra.is_empty(common) && !algebra.is_empty(product));
                sum = algebra.union(sum, product).unwrap();
            }
            prop_assert!(sum == thawed);
            prop_assert_eq!(pieces, set.pieces(usize::MAX, NODES).unwrap());
            Ok(())
        })
        .unwrap()?;
    }

    #[test]
    fn what_is_read_of_a_set_is_the_set(factor in factor(), names in hosts(), less in hosts()) {
        let set = factor.axis_set();
        prop_assert_eq!(read_back(&set.view()).unwrap_or(set.clone()), set);
        let (names, less) = (AxisSet::names(&names.set()), AxisSet::names(&less.set()));
        let left = names.values().difference(less.values());
        let spans = left.pairs().map(|(start, end)| (start.clone(), end.cloned()));
        let set = AxisSet::of_spans(names.axis(), spans.collect::<Vec<_>>());
        prop_assert_eq!(read_back(&set.view()).unwrap_or(set.clone()), set);
    }

    #[test]
    fn a_witness_is_in_the_set(written in written(), preferred in prop::collection::vec(factor(), 0..4)) {
        let set = written.frozen(&[]);
        match set.witness(&along(&preferred)) {
            None => prop_assert!(set.is_empty()),
            Some(Witness { flow, atoms }) => {
                let held: BTreeSet<&str> =
                    atoms.iter().filter(|(_, holds)| *holds).map(|(atom, _)| *atom).collect();
                prop_assert!(set.contains(&flow, |atom| held.contains(atom)), "{flow}");
                prop_assert!(written.holds(&flow, &held), "{flow}");
                prop_assert_eq!(Point::of(&flow).flow(), flow);
            }
        }
    }

    #[test]
    fn a_flow_lies_in_one_product(flow in flow()) {
        let lies_in = |set: &AxisSet| set.values().contains(&Point::of(&flow).value(set.axis()));
        let products = products_of_flows();
        let holding = products.iter().filter(|sets| sets.iter().all(lies_in));
        prop_assert_eq!(holding.count(), 1);
    }
}

/// So many senders that each have as many destinations in common, and one of their own.
fn branches_of_a_common_list(count: u32) -> usize {
    let address = |base: [u8; 4], number: u32| {
        AddressSet::from(IpAddr::V4((u32::from_be_bytes(base) + 2 * number).into()))
    };
    let common = (0..count)
        .fold(AddressSet::empty(), |all, number| all.union(&address([203, 0, 0, 0], 3 * number)));
    let mut products = vec![vec![AxisSet::destinations(&common)]];
    products.extend((0..count).map(|number| {
        let own = address([203, 0, 0, 0], 3 * number + 1);
        vec![AxisSet::sources(&address([10, 0, 0, 0], number)), AxisSet::destinations(&own)]
    }));
    let mut cuts: Cuts<()> = Cuts::default();
    cuts.extend(products.iter().flatten());
    cuts.with_algebra(NODES, |mut algebra| {
        let sets: Vec<Set<'_>> =
            products.iter().map(|product| algebra.product(product).unwrap()).collect();
        let all = algebra.union_of(&sets).unwrap();
        algebra.freeze(all).unwrap().branches()
    })
    .unwrap()
}

#[test]
fn what_branches_have_in_common_is_kept_once() {
    let (small, large) = (branches_of_a_common_list(64), branches_of_a_common_list(512));
    // Eight times as many, each of which has a few more digits: far from 64 times.
    assert!(large < 16 * small, "{small} {large}");
}

#[test]
fn what_was_not_announced_is_refused() {
    let cuts: Cuts<&str> = Cuts::default();
    let port = AxisSet::destination_ports(&PortRange::single(443).into());
    let refused = cuts.with_algebra(NODES, |mut algebra| {
        (algebra.product(&[port]).map(|_| ()), algebra.where_holds(&"p").map(|_| ()))
    });
    assert_eq!(refused.unwrap(), (Err(AlgebraError::UnknownCut), Err(AlgebraError::UnknownAtom)));
}

#[test]
fn a_budget_is_kept() {
    let cuts: Cuts<&str> = Cuts::default();
    let refused = cuts.with_algebra(5, |_| ());
    assert_eq!(refused, Err(AlgebraError::TooLarge { nodes: 5 }));
}

#[track_caller]
fn witness(written: &Written, preferred: &[Factor], flow: &str, atoms: &[(&str, bool)]) {
    let witness = written.frozen(&[]).witness(&along(preferred)).unwrap();
    assert_eq!(witness.flow.to_string(), flow);
    assert_eq!(witness.atoms, atoms);
}

fn usual() -> Vec<Factor> {
    let one = |address: [u8; 4]| AddressSet::from(IpAddr::from(address));
    vec![
        Factor::Protocols(vec![6]),
        Factor::DestinationPorts(PortRange::single(443).into()),
        Factor::Payloads(vec![PayloadForm::Tls]),
        Factor::Payloads(vec![PayloadForm::Http]),
        Factor::Sources(one([10, 1, 0, 4])),
        Factor::Destinations(one([203, 0, 113, 5])),
    ]
}

#[test]
fn a_witness_is_the_one_to_be_read() {
    let pattern: FqdnPattern = "*.contoso.com".parse().unwrap();
    let literals = AddressSet::empty();
    let names = Factor::Names(Hosts { nothing: false, literals, patterns: vec![pattern] });
    let under = Written::Product(vec![names]);
    witness(&under, &usual(), "10.1.0.4 -> 203.0.113.5 : tcp/443 tls a.contoso.com", &[]);
    // What is preferred first is kept as long as something is left, and then the second.
    let request = Written::Product(vec![Factor::PathsUnder(vec!["/a"])]);
    let but_one = request.clone().without(Written::Product(vec![Factor::Paths(vec!["/a"])]));
    let not_silent = Written::Product(vec![Factor::Payloads(vec![PayloadForm::Http])]);
    let text = "10.1.0.4 -> 203.0.113.5 : tcp/443 http/aa";
    witness(&but_one.and(not_silent), &usual(), &text.replace("http/aa", "http /aa"), &[]);
    // Atoms are false where they may be.
    let either = Written::Atom("q").union(Written::All.without(Written::Atom("p")));
    let text = "10.1.0.4 -> 203.0.113.5 : tcp/443 tls";
    witness(&either, &usual(), text, &[("p", false)]);
    witness(&Written::Atom("p").and(either), &usual(), text, &[("p", true), ("q", true)]);
}

fn names(list: &[&str]) -> Factor {
    let patterns = list.iter().map(|text| text.parse().unwrap()).collect();
    Factor::Names(Hosts { nothing: false, literals: AddressSet::empty(), patterns })
}

fn prefixes(list: &[&str]) -> AddressSet {
    list.iter().map(|text| text.parse::<ipnet::IpNet>().unwrap()).collect()
}

fn product(factors: &[Factor]) -> Written {
    Written::Product(factors.to_vec())
}

/// What is said of each piece.
#[track_caller]
fn pieces(written: &Written, expected: &[&[Factor]]) {
    let pieces = written.frozen(&[]).pieces(usize::MAX, NODES).unwrap().pieces;
    let found: Vec<Vec<AxisView>> =
        pieces.iter().map(|piece| piece.along.iter().map(AxisSet::view).collect()).collect();
    let expected: Vec<Vec<AxisView>> =
        expected.iter().map(|factors| along(factors).iter().map(AxisSet::view).collect()).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_piece_does_not_say_what_holds_of_every_flow() {
    let private = || Factor::Sources(prefixes(&["10.0.0.0/8"]));
    let port = |port| Factor::DestinationPorts(PortRange::single(port).into());
    let tcp = || Factor::Protocols(vec![6]);
    pieces(&Written::All, &[&[]]);
    let of_both = [Factor::Sources(prefixes(&["10.0.0.0/8", "fd00::/8"]))];
    let internet = Factor::Destinations(AddressSet::public());
    let v4 = Factor::Destinations(prefixes(&["0.0.0.0/0"]));
    for one in [
        &[private()][..],
        &of_both,
        &[v4],
        &[internet],
        &[private(), Factor::Destinations(prefixes(&["203.0.113.0/24"]))],
        &[tcp(), port(443)],
        &[Factor::Protocols(vec![6, 17]), port(53)],
        &[tcp(), port(443), Factor::Payloads(vec![PayloadForm::Tls]), names(&["*.a.com"])],
        &[tcp(), port(443), Factor::Payloads(vec![PayloadForm::Silent]), private()],
        &[
            tcp(),
            port(443),
            Factor::Payloads(vec![PayloadForm::Tls, PayloadForm::TlsWithRequest]),
            names(&["a.com", "*.a.com", "b.com"]),
            private(),
        ],
        &[
            Factor::Protocols(vec![17]),
            Factor::Payloads(vec![PayloadForm::Quic]),
            names(&["*.a.com"]),
        ],
        &[tcp(), Factor::Payloads(vec![PayloadForm::Http]), Factor::PathsUnder(vec!["/a"])],
    ] {
        pieces(&product(one), &[one]);
    }
}

#[test]
fn a_set_of_names_without_some_is_read_as_written() {
    let written = product(&[names(&["*.contoso.com"])])
        .without(product(&[names(&["a.contoso.com", "*.b.contoso.com"])]))
        .and(product(&[Factor::Protocols(vec![6]), Factor::Payloads(vec![PayloadForm::Tls])]));
    let pieces = written.frozen(&[]).pieces(1, NODES).unwrap();
    let [piece] = &pieces.pieces[..] else { panic!("{pieces:?}") };
    let Some(AxisView::Names(shown)) = piece.along.last().map(AxisSet::view) else {
        panic!("{piece:?}")
    };
    let pattern = |text: &str| text.parse::<FqdnPattern>().unwrap();
    let except = vec![pattern("a.contoso.com"), pattern("*.b.contoso.com")];
    let expected = NameView::Matching { pattern: pattern("*.contoso.com"), except };
    assert_eq!(shown.names, [expected]);
}

#[test]
fn pieces_beyond_those_asked_for_are_not_made() {
    let each = (0..100_u8).map(|number| {
        let port = Factor::DestinationPorts(PortRange::single(2 * u16::from(number)).into());
        let source = Factor::Sources(AddressSet::from(IpAddr::from([10, 0, 0, number])));
        product(&[Factor::Protocols(vec![6]), port, source])
    });
    let all = each.reduce(Written::union).unwrap().frozen(&[]);
    let some = all.pieces(3, NODES).unwrap();
    assert_eq!((some.pieces.len(), some.are_more), (3, true));
    let all = all.pieces(100, NODES).unwrap();
    assert_eq!((all.pieces.len(), all.are_more), (100, false));
    assert_eq!(all.pieces[..3], some.pieces[..]);
}

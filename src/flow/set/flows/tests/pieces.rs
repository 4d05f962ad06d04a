//! The pieces of sets, and how they are read.

use std::net::IpAddr;

use proptest::prelude::*;

use super::super::*;
use super::written::*;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::NameSet;
use crate::flow::PortRange;

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

/// The flows of a piece.
fn set_of<'id>(piece: &Piece<&'static str>, algebra: &mut Algebra<'id, &'static str>) -> Set<'id> {
    let mut product = algebra.product(&piece.along).unwrap();
    for (atom, holds) in &piece.atoms {
        let where_it_does = algebra.where_holds(atom).unwrap();
        product = if *holds {
            algebra.intersection(product, where_it_does).unwrap()
        } else {
            algebra.difference(product, where_it_does).unwrap()
        };
    }
    product
}

proptest! {
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
                let product = set_of(piece, &mut algebra);
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
    fn pieces_make_up_the_set_among_the_flows_that_there_are(written in written(), among in written()) {
        let mut cuts = Cuts::default();
        written.announce(&mut cuts);
        among.announce(&mut cuts);
        cuts.with_algebra(NODES, |mut algebra| {
            let (set, among) = (written.build(&mut algebra), among.build(&mut algebra));
            let set = algebra.intersection(set, among).unwrap();
            let pieces = algebra.pieces_among(set, among, usize::MAX).unwrap();
            let mut sum = algebra.empty();
            for piece in &pieces.pieces {
                let product = set_of(piece, &mut algebra);
                let product = algebra.intersection(product, among).unwrap();
                let common = algebra.intersection(sum, product).unwrap();
                prop_assert!(algebra.is_empty(common) && !algebra.is_empty(product));
                sum = algebra.union(sum, product).unwrap();
            }
            prop_assert!(sum == set);
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

#[test]
fn a_piece_depends_on_any_number_of_atoms() {
    let mut cuts: Cuts<u32> = Cuts::default();
    cuts.extend_atoms(0..2_000);
    let pieces = cuts.with_algebra(NODES, |mut algebra| {
        let holding: Vec<Set<'_>> =
            (0..2_000).map(|atom| algebra.where_holds(&atom).unwrap()).collect();
        let all = algebra.intersection_of(&holding).unwrap();
        algebra.pieces(all, 10).unwrap()
    });
    let atoms = (0..2_000).map(|atom| (atom, true)).collect();
    let expected = vec![Piece { along: Vec::new(), atoms }];
    assert_eq!(pieces, Ok(Pieces { pieces: expected, are_more: false }));
}

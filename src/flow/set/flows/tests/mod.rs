//! The laws of sets of flows, over generated sets whose cuts lie close together.

mod pieces;
mod written;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;

use super::point::Point;
use super::point::products_of_flows;
use super::*;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::PortRange;
use written::*;

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
    fn a_flow_is_covered_under_the_possible_assignments_that_agree_with_what_is_told(
        set in written(),
        possible in written(),
        told in prop::collection::vec(prop::option::of(any::<bool>()), 8),
        flows in prop::collection::vec(flow(), 20),
    ) {
        let (frozen, frozen_possible) = (set.frozen(&[]), possible.frozen(&[]));
        let names: Vec<&str> = assignments().flatten().collect::<BTreeSet<_>>().into_iter().collect();
        let told: BTreeMap<&str, Option<bool>> = names.into_iter().zip(told).collect();
        let says = |atom: &&str| told.get(atom).copied().flatten();
        for flow in flows {
            let mut under = assignments().filter(|atoms| {
                told.iter().all(|(atom, told)| told.is_none_or(|told| told == atoms.contains(atom)))
                    && possible.holds(&flow, atoms)
            });
            let expected = under.all(|atoms| set.holds(&flow, &atoms));
            prop_assert_eq!(frozen.covers_at(&frozen_possible, &flow, says), expected, "{}", flow);
        }
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

/// Between two paths of a list there may be none that a client can send, and then it is looked for
/// elsewhere.
#[test]
fn a_witness_has_a_path_that_can_be_sent() {
    let paths = |paths: &[&'static str]| Written::Product(vec![Factor::Paths(paths.to_vec())]);
    let under = |paths: &[&'static str]| Written::Product(vec![Factor::PathsUnder(paths.to_vec())]);
    let http = || Written::Product(vec![Factor::Payloads(vec![PayloadForm::Http])]);
    let check = |set: Written, path: &str| {
        let text = format!("10.1.0.4 -> 203.0.113.5 : tcp/443 http {path}");
        witness(&set.and(http()), &usual(), &text, &[]);
    };
    let longer = under(&["/a"]).without(paths(&["/a"]));
    check(longer.clone(), "/aa");
    // From `/a` to `/a#` there is one, and from `/a` to `/a!` none.
    check(longer.clone().without(under(&["/a#"])), "/a!");
    check(longer.without(under(&["/a!"])), "/a\"");
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

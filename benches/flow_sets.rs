//! The algebra of sets of names, addresses and flows.

use std::hint::black_box;
use std::net::IpAddr;

use divan::Bencher;
use exeat::flow::AddressSet;
use exeat::flow::Fqdn;
use exeat::flow::FqdnPattern;
use exeat::flow::IpProtocol;
use exeat::flow::NameSet;
use exeat::flow::PortRange;
use exeat::flow::set::flows::AlgebraError;
use exeat::flow::set::flows::AxisSet;
use exeat::flow::set::flows::Cuts;
use exeat::flow::set::flows::FlowSet;
use exeat::flow::set::flows::PayloadForm;
use exeat::flow::set::flows::ShownSet;
use ipnet::IpNet;
use ipnet::Ipv4Net;

#[path = "support/sizes.rs"]
mod sizes;

use sizes::SIZES;

fn main() {
    divan::main();
}

/// Patterns, half of them with a star, that begin with `word`.
fn patterns(word: &str, count: usize) -> Vec<FqdnPattern> {
    (0..count)
        .filter_map(|number| {
            let star = if number % 2 == 0 { "*." } else { "" };
            FqdnPattern::parse(&format!("{star}{word}-{number}.example.com")).ok()
        })
        .collect()
}

/// Prefixes of 24 bits, `stride` apart.
fn prefixes(stride: u32, count: usize) -> Vec<IpNet> {
    (0..u32::MAX)
        .step_by(256 * stride as usize)
        .take(count)
        .filter_map(|address| Ipv4Net::new(address.into(), 24).ok())
        .map(IpNet::V4)
        .collect()
}

#[divan::bench(args = SIZES)]
fn names_from_patterns(bencher: Bencher<'_, '_>, size: usize) {
    let patterns = patterns("api", size);
    bencher.bench(|| black_box(&patterns).iter().collect::<NameSet>());
}

#[divan::bench(args = SIZES)]
fn names_without_names(bencher: Bencher<'_, '_>, size: usize) {
    let all: NameSet = patterns("api", size).iter().collect();
    let some: NameSet = patterns("api", size / 2).iter().collect();
    bencher.bench(|| black_box(&all).difference(black_box(&some)));
}

#[divan::bench(args = SIZES)]
fn name_in_names(bencher: Bencher<'_, '_>, size: usize) {
    let set: NameSet = patterns("api", size).iter().collect();
    let name = Fqdn::parse(&format!("eu.api-{}.example.com", size / 2));
    bencher.bench(|| black_box(&name).as_ref().is_ok_and(|name| set.contains(name)));
}

#[divan::bench(args = SIZES)]
fn addresses_from_prefixes(bencher: Bencher<'_, '_>, size: usize) {
    let prefixes = prefixes(3, size);
    bencher.bench(|| black_box(&prefixes).iter().copied().collect::<AddressSet>());
}

#[divan::bench(args = SIZES)]
fn addresses_and_addresses(bencher: Bencher<'_, '_>, size: usize) {
    let left: AddressSet = prefixes(3, size).into_iter().collect();
    let right: AddressSet = prefixes(2, size).into_iter().collect();
    bencher.bench(|| black_box(&left).intersection(black_box(&right)));
}

#[divan::bench(args = SIZES)]
fn address_in_addresses(bencher: Bencher<'_, '_>, size: usize) {
    let set: AddressSet = prefixes(3, size).into_iter().collect();
    let address = IpAddr::from([0, 3, 0, 9]);
    bencher.bench(|| set.contains(black_box(address)));
}

/// What is permitted: a pool of addresses to a name, by one of ten ports; each third has a second,
/// wildcard name, and each fifth is by address.
fn permissions(count: usize) -> Vec<Vec<AxisSet>> {
    let name = |number: usize, star: &str| {
        FqdnPattern::parse(&format!("{star}api-{number}.team-{}.example.com", number % 97)).ok()
    };
    let pools = prefixes(1, 64);
    let places = prefixes(5, count);
    (0..count)
        .map(|number| {
            let port = PortRange::single(443 + u16::try_from(number % 10).unwrap_or_default());
            let pool = pools.iter().skip(number % 61).take(1 + number % 3).copied();
            let shared = [
                AxisSet::protocols([IpProtocol::TCP]),
                AxisSet::destination_ports(&port.into()),
                AxisSet::sources(&pool.collect()),
            ];
            let own = if number % 5 == 0 {
                let place = places.iter().skip(number).take(1).copied();
                vec![AxisSet::destinations(&place.collect())]
            } else {
                let wildcard = if number % 3 == 0 { name(number, "*.") } else { None };
                let patterns: Vec<FqdnPattern> =
                    name(number, "").into_iter().chain(wildcard).collect();
                vec![
                    AxisSet::payloads([PayloadForm::Tls]),
                    AxisSet::names(&patterns.iter().collect::<ShownSet>()),
                ]
            };
            shared.into_iter().chain(own).collect()
        })
        .collect()
}

/// How many nodes an algebra may make here.
const NODES: usize = 50_000_000;

fn union(permissions: &[Vec<AxisSet>]) -> Result<FlowSet<()>, AlgebraError> {
    let mut cuts = Cuts::default();
    cuts.extend(permissions.iter().flatten());
    cuts.with_algebra(NODES, |mut algebra| {
        let sets: Result<Vec<_>, AlgebraError> =
            permissions.iter().map(|permission| algebra.product(permission)).collect();
        let all = algebra.union_of(&sets?)?;
        algebra.freeze(all)
    })?
}

#[divan::bench(args = SIZES)]
fn flows_of_permissions(bencher: Bencher<'_, '_>, size: usize) {
    let permissions = permissions(size);
    assert!(union(&permissions).is_ok_and(|set| !set.is_empty()), "the set is built");
    bencher.bench(|| union(black_box(&permissions)));
}

#[divan::bench(args = SIZES)]
fn flows_compared(bencher: Bencher<'_, '_>, size: usize) {
    let permissions = permissions(size);
    let fewer = permissions.get(1..).unwrap_or_default();
    let (all, fewer) = (union(&permissions), union(fewer));
    let compare = || -> Result<FlowSet<()>, AlgebraError> {
        let (all, fewer) =
            (all.as_ref().map_err(Clone::clone)?, fewer.as_ref().map_err(Clone::clone)?);
        let mut cuts = Cuts::default();
        cuts.extend_set(all);
        cuts.extend_set(fewer);
        cuts.with_algebra(NODES, |mut algebra| {
            let (all, fewer) = (algebra.thaw(all)?, algebra.thaw(fewer)?);
            let lost = algebra.difference(all, fewer)?;
            algebra.freeze(lost)
        })?
    };
    assert!(compare().is_ok_and(|lost| !lost.is_empty()), "the sets are built, and differ");
    bencher.bench(compare);
}

/// Permissions of senders that have a list of places in common, each with one of its own: all are
/// cut where any is.
#[divan::bench(args = SIZES)]
fn flows_with_a_common_list(bencher: Bencher<'_, '_>, size: usize) {
    let senders = prefixes(1, size);
    let places = prefixes(7, 2 * size);
    let only = |prefix: &IpNet| AddressSet::from(*prefix);
    let common = places.iter().step_by(2).copied().collect();
    let mut permissions = vec![vec![AxisSet::destinations(&common)]];
    permissions.extend(
        senders.iter().zip(places.iter().skip(1).step_by(2)).map(|(from, to)| {
            vec![AxisSet::sources(&only(from)), AxisSet::destinations(&only(to))]
        }),
    );
    assert!(union(&permissions).is_ok_and(|set| !set.is_empty()), "the set is built");
    bencher.bench(|| union(black_box(&permissions)));
}

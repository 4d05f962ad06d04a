//! The algebra of sets of names and addresses.

use std::hint::black_box;
use std::net::IpAddr;

use divan::Bencher;
use exeat::flow::AddressSet;
use exeat::flow::Fqdn;
use exeat::flow::FqdnPattern;
use exeat::flow::NameSet;
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

//! What a world tells apart on each axis, read from the deployment or the list.
//!
//! An axis falls into elementary intervals between the ends of all that a world names. Intervals
//! that lie in the same lists are one *class*: the slow engine holds an address or port against
//! these lists and nothing else, and else only names it in atoms. [`Detail::Intervals`] takes a
//! value of each interval nevertheless, as the engine under test may err at one end.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv6Addr;

use exeat::flow::AddressSet;
use exeat::flow::Fqdn;
use exeat::flow::FqdnPattern;
use exeat::flow::PortRange;
use ipnet::IpNet;

use super::draw::Draw;

/// How finely axes are cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Detail {
    /// A value of each class.
    Classes,
    /// A value of each elementary interval.
    Intervals,
}

/// A value of each class or interval of addresses that `sets` and `treatment` tell apart, at one of
/// its ends.
pub(crate) fn addresses<T: Ord>(
    sets: &[AddressSet],
    treatment: impl Fn(IpAddr) -> T,
    detail: Detail,
    draw: &mut Draw,
) -> Vec<IpAddr> {
    let mut starts = BTreeSet::from([IpAddr::from([0; 4]), Ipv6Addr::UNSPECIFIED.into()]);
    for range in sets.iter().flat_map(AddressSet::ranges) {
        starts.insert(range.first());
        starts.extend(moved(range.last(), 1));
    }
    let starts: Vec<IpAddr> = starts.into_iter().collect();
    let mut intervals = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let next = starts.get(index + 1).filter(|next| next.is_ipv4() == start.is_ipv4());
        let last = match (next, start) {
            (Some(next), _) => moved(*next, -1).expect("a start below"),
            (None, IpAddr::V4(_)) => IpAddr::from([255; 4]),
            (None, IpAddr::V6(_)) => Ipv6Addr::from(u128::MAX).into(),
        };
        intervals.push([*start, last]);
    }
    if detail == Detail::Intervals {
        return intervals.iter().map(|ends| draw.pick(ends)).collect();
    }
    let mut classes: BTreeMap<_, Vec<IpAddr>> = BTreeMap::new();
    for ends in intervals {
        let held: Vec<bool> = sets.iter().map(|set| set.contains(ends[0])).collect();
        let class = (ends[0].is_ipv6(), treatment(ends[0]), held);
        classes.entry(class).or_default().extend(ends);
    }
    classes.values().map(|ends| draw.pick(ends)).collect()
}

/// The address so many further on, in its family.
pub(crate) fn moved(address: IpAddr, by: i32) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => u32::from(v4).checked_add_signed(by).map(|v4| IpAddr::V4(v4.into())),
        IpAddr::V6(v6) => {
            u128::from(v6).checked_add_signed(by.into()).map(|v6| IpAddr::V6(v6.into()))
        }
    }
}

/// A value of each class or interval of ports that `ranges` tell apart.
pub(crate) fn ports(ranges: &[PortRange], detail: Detail, draw: &mut Draw) -> Vec<u16> {
    let mut starts = BTreeSet::from([0]);
    for range in ranges {
        starts.insert(range.first());
        starts.extend(range.last().checked_add(1));
    }
    let starts: Vec<u16> = starts.into_iter().collect();
    let ends = |index: usize| {
        let last = starts.get(index + 1).map_or(u16::MAX, |next| next - 1);
        [starts[index], last]
    };
    if detail == Detail::Intervals {
        return (0..starts.len()).map(|index| draw.pick(&ends(index))).collect();
    }
    let mut classes: BTreeMap<Vec<bool>, Vec<u16>> = BTreeMap::new();
    for (index, start) in starts.iter().enumerate() {
        let held = ranges.iter().map(|range| range.contains(*start)).collect();
        classes.entry(held).or_default().extend(ends(index));
    }
    classes.values().map(|ends| draw.pick(ends)).collect()
}

/// A name of each kind that `patterns` tell apart, and each of `single`, which atoms tie to what is
/// asked elsewhere: the name that a pattern spells out, one below it, one that only ends so, and
/// one that has nothing to do with any.
pub(crate) fn names(patterns: &[FqdnPattern], single: &[Fqdn], detail: Detail) -> Vec<Fqdn> {
    let spelled = patterns.iter().filter_map(|pattern| match pattern {
        FqdnPattern::Any => None,
        FqdnPattern::Exact(name) | FqdnPattern::Under(name) | FqdnPattern::EndsWith(name) => {
            Some(name)
        }
    });
    let mut candidates: Vec<Fqdn> = vec!["other.test".parse().expect("a name")];
    for name in spelled.chain(single) {
        candidates.push(name.clone());
        for before in ["z.", "z", "y-", "y.z."] {
            candidates.push(format!("{before}{name}").parse().expect("a name"));
        }
    }
    if detail == Detail::Intervals {
        return candidates.into_iter().collect::<BTreeSet<Fqdn>>().into_iter().collect();
    }
    let mut kinds = BTreeSet::new();
    candidates.retain(|name| {
        let matching: Vec<bool> = patterns.iter().map(|pattern| pattern.matches(name)).collect();
        kinds.insert((matching, single.contains(name).then(|| name.clone())))
    });
    candidates
}

/// A path on each side of every edge of `patterns`: itself, one that goes on, one that ends before,
/// with a query and without.
pub(crate) fn paths<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Vec<String> {
    let mut paths = vec!["/".to_owned(), "/other?y".to_owned()];
    for pattern in patterns {
        let path = pattern.strip_suffix('*').unwrap_or(pattern);
        let shorter = path.strip_suffix('/').unwrap_or(path);
        paths.extend([path.to_owned(), shorter.to_owned(), format!("{path}z?q")]);
        paths.push(format!("{shorter}/#f"));
    }
    paths.retain(|path| path.starts_with('/'));
    paths.sort();
    paths.dedup();
    paths
}

/// The set of one address.
pub(crate) fn single(address: IpAddr) -> AddressSet {
    IpNet::from(address).into()
}

/// The set of all of `prefixes`.
pub(crate) fn all_of(prefixes: &[&str]) -> AddressSet {
    prefixes.iter().map(|text| text.parse::<IpNet>().expect("a prefix")).collect()
}

//! Addresses, ranges of addresses and sets of addresses.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use ipnet::IpNet;
use ipnet::Ipv4Net;
use ipnet::Ipv4Subnets;
use ipnet::Ipv6Net;
use ipnet::Ipv6Subnets;

use super::set::IntervalSet;
use super::set::intervals::Intervals;

const NOT_PUBLIC: [Ipv4Net; 9] = [
    Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 8),
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(168, 63, 129, 16), 32),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 3),
];

const GLOBAL_UNICAST: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// A range of addresses of one family, closed at both ends as in Azure (`10.0.0.4-10.0.0.9`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AddressRange {
    // Invariant: one family, first <= last.
    first: IpAddr,
    last: IpAddr,
}

impl AddressRange {
    /// The range from `first` to `last`, or `None` where the families differ or it is empty.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<AddressRange> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(AddressRange { first, last })
    }

    /// The lowest address.
    pub fn first(self) -> IpAddr {
        self.first
    }

    /// The highest address.
    pub fn last(self) -> IpAddr {
        self.last
    }

    /// Whether `address` lies in the range.
    pub fn contains(self, address: IpAddr) -> bool {
        // Of an order on `IpAddr` that puts IPv4 below IPv6, both ends tell the family.
        self.first <= address && address <= self.last
    }

    /// The prefix that holds just these addresses, where there is one.
    pub fn prefix(self) -> Option<IpNet> {
        let ((_, first), (_, last)) = (position(self.first), position(self.last));
        let host = first ^ last;
        let is_prefix = first & host == 0 && host.checked_add(1).is_none_or(|n| n & host == 0);
        let width = if self.first.is_ipv4() { Ipv4Addr::BITS } else { Ipv6Addr::BITS };
        let length = u8::try_from(width - host.count_ones()).ok().filter(|_| is_prefix)?;
        IpNet::new(self.first, length).ok()
    }

    /// The fewest prefixes that hold just these addresses, ascending.
    pub fn prefixes(self) -> Vec<IpNet> {
        match (self.first, self.last) {
            (IpAddr::V4(a), IpAddr::V4(b)) => Ipv4Subnets::new(a, b, 0).map(IpNet::V4).collect(),
            (IpAddr::V6(a), IpAddr::V6(b)) => Ipv6Subnets::new(a, b, 0).map(IpNet::V6).collect(),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => Vec::new(),
        }
    }
}

impl From<IpNet> for AddressRange {
    fn from(prefix: IpNet) -> AddressRange {
        AddressRange { first: prefix.network(), last: prefix.broadcast() }
    }
}

impl From<IpAddr> for AddressRange {
    fn from(address: IpAddr) -> AddressRange {
        AddressRange { first: address, last: address }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix() {
            Some(one) if one.prefix_len() == one.max_prefix_len() => write!(f, "{}", one.addr()),
            Some(one) => write!(f, "{one}"),
            None => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

/// The position of an address among all addresses: IPv4 lies below IPv6.
type Position = (u8, u128);

const V4: u8 = 4;
const V6: u8 = 6;

fn position(address: IpAddr) -> Position {
    match address {
        IpAddr::V4(v4) => (V4, u128::from(u32::from(v4))),
        IpAddr::V6(v6) => (V6, u128::from(v6)),
    }
}

/// The position directly above `address`, which for the last address of a family is no address.
fn above(address: IpAddr) -> Position {
    let (family, value) = position(address);
    match value.checked_add(1) {
        Some(next) => (family, next),
        None => (family + 1, 0),
    }
}

fn address_at((family, value): Position) -> Option<IpAddr> {
    match family {
        V4 => u32::try_from(value).ok().map(|v4| IpAddr::V4(Ipv4Addr::from(v4))),
        V6 => Some(IpAddr::V6(Ipv6Addr::from(value))),
        _ => None,
    }
}

fn address_below((family, value): Position) -> Option<IpAddr> {
    match value.checked_sub(1) {
        Some(previous) => address_at((family, previous)),
        None => address_at((family.checked_sub(1)?, u128::MAX)),
    }
}

/// A set of addresses in canonical form: equal sets are equal values.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AddressSet(Intervals<Position>);

impl AddressSet {
    /// The set without addresses.
    pub fn empty() -> AddressSet {
        AddressSet::default()
    }

    /// Every address of both families.
    pub fn all() -> AddressSet {
        [
            AddressRange { first: Ipv4Addr::UNSPECIFIED.into(), last: Ipv4Addr::BROADCAST.into() },
            AddressRange {
                first: Ipv6Addr::UNSPECIFIED.into(),
                last: Ipv6Addr::from(u128::MAX).into(),
            },
        ]
        .into_iter()
        .collect()
    }

    /// The addresses of the internet: IPv4 without the private, shared, platform and reserved blocks
    /// (RFC 6890; `azure-routing.md §7`), and the global unicast addresses of IPv6 (RFC 4291 §2.4).
    /// Blocks for documentation are kept: examples are about them.
    pub fn public() -> AddressSet {
        let all = [IpNet::V4(Ipv4Net::default()), IpNet::V6(GLOBAL_UNICAST)];
        let private: AddressSet = NOT_PUBLIC.into_iter().map(IpNet::V4).collect();
        AddressSet::from_iter(all).difference(&private)
    }

    /// Whether `address` is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&position(address))
    }

    /// Whether the set holds no address.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every address of `other` is in this set.
    pub fn covers(&self, other: &AddressSet) -> bool {
        other.difference(self).is_empty()
    }

    /// Whether some address is in both sets.
    pub fn meets(&self, other: &AddressSet) -> bool {
        self.0.meets(&other.0)
    }

    /// The addresses in either set.
    #[must_use]
    pub fn union(&self, other: &AddressSet) -> AddressSet {
        AddressSet(self.0.union(&other.0))
    }

    /// The addresses in both sets.
    #[must_use]
    pub fn intersection(&self, other: &AddressSet) -> AddressSet {
        AddressSet(self.0.intersection(&other.0))
    }

    /// The addresses of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &AddressSet) -> AddressSet {
        AddressSet(self.0.difference(&other.0))
    }

    /// The set as disjoint, ascending ranges; those of IPv4 come first.
    pub fn ranges(&self) -> Vec<AddressRange> {
        self.0
            .pairs()
            .flat_map(|(start, end)| {
                let end = end.copied().unwrap_or((V6 + 1, 0));
                split_by_family(*start, end)
            })
            .collect()
    }

    /// The ranges of the set, cut wherever one of `others` begins or ends, ascending.
    pub fn cut_by<'s>(
        &self,
        others: impl IntoIterator<Item = &'s AddressSet>,
    ) -> Vec<AddressRange> {
        let cuts = others.into_iter().flat_map(|other| other.0.cuts());
        let mut cuts: Vec<Position> = cuts.copied().collect();
        cuts.sort_unstable();
        cuts.dedup();
        let mut cut = Vec::new();
        for range in self.ranges() {
            let (start, end) = (position(range.first), above(range.last));
            let within = cuts.iter().filter(|at| start < **at && **at < end);
            let firsts = [&start].into_iter().chain(within.clone());
            let ends = within.chain([&end]);
            cut.extend(firsts.zip(ends).filter_map(|(first, end)| {
                AddressRange::new(address_at(*first)?, address_below(*end)?)
            }));
        }
        cut
    }

    /// The prefix that holds just these addresses, where there is one.
    pub fn prefix(&self) -> Option<IpNet> {
        match self.ranges().as_slice() {
            [only] => only.prefix(),
            _ => None,
        }
    }

    /// The fewest prefixes that hold just these addresses, ascending.
    pub fn prefixes(&self) -> Vec<IpNet> {
        self.ranges().into_iter().flat_map(AddressRange::prefixes).collect()
    }

    /// How many addresses the set holds, at most `u128::MAX`.
    pub fn count(&self) -> u128 {
        self.ranges().iter().fold(0, |sum: u128, range| {
            let (_, first) = position(range.first);
            let (_, last) = position(range.last);
            sum.saturating_add((last - first).saturating_add(1))
        })
    }
}

impl IntervalSet for AddressSet {
    type Cut = (u8, u128);

    fn intervals(&self) -> &Intervals<Self::Cut> {
        &self.0
    }
}

/// Cuts a stretch that runs from IPv4 into IPv6 in two.
fn split_by_family(start: Position, end: Position) -> impl Iterator<Item = AddressRange> {
    let v6_start = (V6, 0);
    let pieces = if start < v6_start && v6_start < end {
        [Some((start, (V4, 1 << 32))), Some((v6_start, end))]
    } else {
        [Some((start, end)), None]
    };
    pieces
        .into_iter()
        .flatten()
        .filter_map(|(start, end)| AddressRange::new(address_at(start)?, address_below(end)?))
}

impl From<AddressRange> for AddressSet {
    fn from(range: AddressRange) -> AddressSet {
        [range].into_iter().collect()
    }
}

impl From<IpNet> for AddressSet {
    fn from(prefix: IpNet) -> AddressSet {
        AddressRange::from(prefix).into()
    }
}

impl From<IpAddr> for AddressSet {
    fn from(address: IpAddr) -> AddressSet {
        AddressRange::from(address).into()
    }
}

impl FromIterator<AddressRange> for AddressSet {
    fn from_iter<T: IntoIterator<Item = AddressRange>>(ranges: T) -> AddressSet {
        AddressSet(Intervals::from_spans(
            ranges.into_iter().map(|range| (position(range.first), Some(above(range.last)))),
        ))
    }
}

impl FromIterator<IpNet> for AddressSet {
    fn from_iter<T: IntoIterator<Item = IpNet>>(prefixes: T) -> AddressSet {
        prefixes.into_iter().map(AddressRange::from).collect()
    }
}

impl fmt::Display for AddressSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges().iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{range}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(prefixes: &[&str]) -> AddressSet {
        prefixes.iter().map(|text| text.parse::<IpNet>().unwrap()).collect()
    }

    #[test]
    fn what_is_public_is_neither_private_nor_reserved() {
        let public = AddressSet::public();
        for block in NOT_PUBLIC {
            assert!(!public.meets(&IpNet::V4(block).into()), "{block}");
        }
        for text in ["8.8.8.8", "198.51.100.7", "223.255.255.255", "2606:4700::1"] {
            assert!(public.contains(text.parse().unwrap()), "{text}");
        }
        assert!(!public.contains("fd00::1".parse().unwrap()));
    }

    #[test]
    fn neighbouring_prefixes_become_one() {
        assert_eq!(set(&["10.0.0.0/25", "10.0.0.128/25"]), set(&["10.0.0.0/24"]));
    }

    #[test]
    fn a_difference_is_written_as_the_fewest_prefixes() {
        let left = set(&["10.0.0.0/30"]).difference(&set(&["10.0.0.1/32"]));
        assert_eq!(left.to_string(), "10.0.0.0, 10.0.0.2/31");
    }

    #[test]
    fn the_ends_of_both_families_are_addresses() {
        let all = AddressSet::all();
        assert_eq!(all.to_string(), "0.0.0.0/0, ::/0");
        assert!(all.contains("255.255.255.255".parse().unwrap()));
        assert!(all.difference(&all).is_empty());
        assert_eq!(set(&["0.0.0.0/0"]).count(), 1 << 32);
    }

    #[test]
    fn a_range_is_a_prefix_where_the_fewest_are_one() {
        let v4 = [0, 1, 2, 3, 4, 7, 8, 1 << 31, (1 << 31) - 1, u32::MAX - 1, u32::MAX];
        let v6 = [0, 1, 2, 3, 4, 7, 8, 1 << 127, (1 << 127) - 1, u128::MAX - 1, u128::MAX];
        let v4 = v4.map(|value| IpAddr::V4(value.into()));
        let v6 = v6.map(|value| IpAddr::V6(value.into()));
        let ends = v4.iter().chain(&v6).copied();
        let pairs = ends.clone().flat_map(|first| ends.clone().map(move |last| (first, last)));
        let ranges = pairs.filter_map(|(first, last)| AddressRange::new(first, last));
        for range in ranges {
            let fewest = range.prefixes();
            let only = if let [only] = fewest.as_slice() { Some(*only) } else { None };
            assert_eq!(range.prefix(), only, "{range:?}");
            assert_eq!(AddressSet::from(range).prefix(), only, "{range:?}");
        }
    }
}

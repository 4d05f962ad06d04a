//! Ports, ranges of ports and sets of ports.

use std::fmt;

use super::set::IntervalSet;
use super::set::intervals::Intervals;

/// A range of ports, closed at both ends as in Azure (`5000-5010` holds eleven ports).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortRange {
    // Invariant: first <= last.
    first: u16,
    last: u16,
}

impl PortRange {
    /// Every port, 0 to 65535.
    pub const ALL: PortRange = PortRange { first: 0, last: u16::MAX };

    /// The range from `first` to `last`, or `None` where it would be empty.
    pub fn new(first: u16, last: u16) -> Option<PortRange> {
        (first <= last).then_some(PortRange { first, last })
    }

    /// The range that holds just `port`.
    pub fn single(port: u16) -> PortRange {
        PortRange { first: port, last: port }
    }

    /// The lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> u16 {
        self.last
    }

    /// Whether `port` lies in the range.
    pub fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// A set of ports in canonical form: equal sets are equal values.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortSet(Intervals<u32>);

impl PortSet {
    /// The set without ports.
    pub fn empty() -> PortSet {
        PortSet::default()
    }

    /// Whether `port` is in the set.
    pub fn contains(&self, port: u16) -> bool {
        self.0.contains(&u32::from(port))
    }

    /// Whether the set holds no port.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every port of `other` is in this set.
    pub fn covers(&self, other: &PortSet) -> bool {
        other.difference(self).is_empty()
    }

    /// Whether some port is in both sets.
    pub fn meets(&self, other: &PortSet) -> bool {
        self.0.meets(&other.0)
    }

    /// The ports that are in either set.
    #[must_use]
    pub fn union(&self, other: &PortSet) -> PortSet {
        PortSet(self.0.union(&other.0))
    }

    /// The ports that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &PortSet) -> PortSet {
        PortSet(self.0.intersection(&other.0))
    }

    /// The ports of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &PortSet) -> PortSet {
        PortSet(self.0.difference(&other.0))
    }

    /// The set as disjoint, ascending ranges that do not touch.
    pub fn ranges(&self) -> Vec<PortRange> {
        self.0
            .pairs()
            .filter_map(|(start, end)| {
                let first = u16::try_from(*start).ok()?;
                let last = u16::try_from(end.copied().unwrap_or(1 << 16) - 1).ok()?;
                PortRange::new(first, last)
            })
            .collect()
    }
}

impl IntervalSet for PortSet {
    type Cut = u32;

    fn intervals(&self) -> &Intervals<u32> {
        &self.0
    }
}

impl From<PortRange> for PortSet {
    fn from(range: PortRange) -> PortSet {
        PortSet(Intervals::between(u32::from(range.first), u32::from(range.last) + 1))
    }
}

impl FromIterator<PortRange> for PortSet {
    fn from_iter<T: IntoIterator<Item = PortRange>>(ranges: T) -> PortSet {
        PortSet(Intervals::from_spans(
            ranges.into_iter().map(|r| (u32::from(r.first), Some(u32::from(r.last) + 1))),
        ))
    }
}

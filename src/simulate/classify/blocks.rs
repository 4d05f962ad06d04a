//! Addresses that lie in the same sets.
//!
//! An axis has a class for each of ten prefixes of a subnet, and for each gap between them. Whether an
//! address lies in the subnet tells just two kinds apart, and those are the blocks.

use std::collections::BTreeSet;
use std::net::IpAddr;

use foldhash::HashMap;

use super::axis::Axis;
use crate::flow::address::AddressRange;

/// The classes of all sets together, beyond which each class is a block of its own: a second's work.
const MOST_LOOKED_AT: usize = 1 << 24;

/// All addresses, by the sets that they lie in and by their family.
#[derive(Debug)]
pub(super) struct Blocks {
    axis: Axis,
    /// For each class of the axis, its block.
    blocks: Vec<usize>,
}

impl Blocks {
    /// The blocks that `sets` part the addresses into.
    pub(super) fn of<'s>(sets: impl Iterator<Item = &'s [AddressRange]>) -> Blocks {
        // Ends of ranges that ten thousand rules share are one.
        let sets: BTreeSet<&[AddressRange]> = sets.collect();
        let axis = Axis::cut_by(sets.iter().copied().flatten().copied());
        let families = axis.lowest().map(|address| usize::from(address.is_ipv6()));
        let mut blocks: Vec<usize> = families.collect();
        let mut before = 2;
        let mut looked_at = 0;
        for set in sets {
            // What of a block lies in the set becomes one of its own.
            let mut within: HashMap<usize, usize> = HashMap::default();
            looked_at += set.iter().map(|range| axis.classes(*range).len()).sum::<usize>();
            if looked_at > MOST_LOOKED_AT {
                return Blocks { blocks: (0..axis.len()).collect(), axis };
            }
            for class in set.iter().flat_map(|range| axis.classes(*range)) {
                // Ranges of a set may overlap: then it was met already.
                if let Some(block) = blocks.get_mut(class).filter(|block| **block < before) {
                    let next = before + within.len();
                    *block = *within.entry(*block).or_insert(next);
                }
            }
            before += within.len();
        }
        Blocks { axis, blocks }
    }

    /// The block of `address`.
    pub(super) fn block(&self, address: IpAddr) -> usize {
        // Each class has one.
        self.blocks.get(self.axis.class(address)).copied().unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Ranges of a few addresses of either family.
    fn ranges() -> impl Strategy<Value = Vec<AddressRange>> {
        let range = (0..24_u8, 0..6_u8, any::<bool>()).prop_map(|(first, more, is_v4)| {
            AddressRange::new(address(first, is_v4), address(first + more, is_v4)).unwrap()
        });
        vec(range, 0..4)
    }

    fn address(number: u8, is_v4: bool) -> IpAddr {
        if is_v4 {
            IpAddr::from([10, 0, 0, number])
        } else {
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number)])
        }
    }

    proptest! {
        #[test]
        fn two_addresses_are_of_one_block_where_each_set_has_both_or_neither(
            sets in vec(ranges(), 0..6)
        ) {
            let blocks = Blocks::of(sets.iter().map(Vec::as_slice));
            let every = || [true, false].into_iter().flat_map(|v4| (0..32).map(move |n| address(n, v4)));
            for one in every() {
                for other in every() {
                    let holds = |set: &[AddressRange], address| set.iter().any(|r| r.contains(address));
                    let is_same = one.is_ipv4() == other.is_ipv4()
                        && sets.iter().all(|set| holds(set, one) == holds(set, other));
                    let is_one = blocks.block(one) == blocks.block(other);
                    prop_assert_eq!(is_one, is_same, "{} and {}", one, other);
                }
            }
        }
    }
}

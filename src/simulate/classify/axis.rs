//! All addresses, cut into classes wherever something begins or ends.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::ops::Range;

use crate::flow::address::AddressRange;

/// With fewer cuts than this a search is as fast as the table before it.
const WORTH_A_TABLE: usize = 32;
/// With fewer cuts than this within 16 bits, so it is there.
const WORTH_A_PAGE: usize = 16;
/// The most pages, of 1 KiB each: whoever writes prefixes can spread them over all addresses.
const MOST_PAGES: usize = 1024;

/// Addresses by class, counted from 0: first those of IPv4, then those of IPv6.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Where each class of IPv4 begins; the first begins at 0.
    v4: Vec<u32>,
    /// For each value of the upper 16 bits, how many classes begin below its addresses; empty
    /// where it is not worth it.
    table: Vec<u32>,
    /// The same for each value of the next 8 bits, where many classes begin within 16 bits.
    pages: Vec<Page>,
    /// By the first class that begins there, which page is theirs, if one is.
    page_of: Vec<u32>,
    /// Where each class of IPv6 begins; the first begins at 0.
    v6: Vec<u128>,
}

/// For each value of 8 bits, how many classes begin below its addresses, and behind the last.
type Page = [u32; 257];

impl Axis {
    /// The axis on which no class lies on both sides of an end of one of `ranges`.
    pub(super) fn cut_by(ranges: impl IntoIterator<Item = AddressRange>) -> Axis {
        let (mut v4, mut v6) = (vec![0], vec![0]);
        for range in ranges {
            match (range.first(), range.last()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4.push(first.into());
                    v4.extend(u32::from(last).checked_add(1));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    v6.push(first.into());
                    v6.extend(u128::from(last).checked_add(1));
                }
                // No range has addresses of two families.
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
            }
        }
        v4.sort_unstable();
        v4.dedup();
        v6.sort_unstable();
        v6.dedup();
        let mut axis = Axis { v4, table: Vec::new(), pages: Vec::new(), page_of: Vec::new(), v6 };
        if axis.v4.len() >= WORTH_A_TABLE {
            axis.lay_tables();
        }
        axis
    }

    fn lay_tables(&mut self) {
        let Axis { v4, table, pages, page_of, v6: _ } = self;
        let below = |start: u64| {
            let classes = v4.partition_point(|other| u64::from(*other) < start);
            u32::try_from(classes).unwrap_or(u32::MAX)
        };
        table.extend((0..=1 << 16).map(|upper| below(upper << 16)));
        let stretches = (0_u64..).zip(table.windows(2)).filter_map(|(upper, stretch)| {
            let [from, to] = stretch else { return None };
            let classes = (to - from) as usize;
            (classes >= WORTH_A_PAGE).then_some((Reverse(classes), upper, *from as usize))
        });
        let mut stretches: Vec<(Reverse<usize>, u64, usize)> = stretches.collect();
        stretches.sort_unstable();
        page_of.resize(v4.len(), u32::MAX);
        for (_, upper, from) in stretches.into_iter().take(MOST_PAGES) {
            if let Some(page) = page_of.get_mut(from) {
                *page = u32::try_from(pages.len()).unwrap_or(u32::MAX);
            }
            let within = (0_u64..).map(|next| below((upper << 16) + (next << 8)));
            let mut counts = [0; 257];
            counts.iter_mut().zip(within).for_each(|(count, classes)| *count = classes);
            pages.push(counts);
        }
    }

    /// The page for addresses of which the classes begin from `from` on and before `to`.
    #[inline]
    fn page(&self, from: usize, to: usize) -> Option<&Page> {
        let number = self.page_of.get(from).filter(|_| to - from >= WORTH_A_PAGE)?;
        self.pages.get(*number as usize)
    }

    /// How many classes there are.
    pub(super) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// The class of `address`.
    #[inline]
    pub(super) fn class(&self, address: IpAddr) -> usize {
        match address {
            IpAddr::V4(address) => {
                let address = u32::from(address);
                let upper = (address >> 16) as usize;
                let stretch = |counts: &[u32], at: usize| match counts.get(at..at + 2) {
                    Some([from, to]) => Some((*from as usize, *to as usize)),
                    _ => None,
                };
                let (from, to) = stretch(&self.table, upper).unwrap_or((0, self.v4.len()));
                let next = (address >> 8 & 0xff) as usize;
                let page = self.page(from, to);
                let (from, to) = page.and_then(|page| stretch(page, next)).unwrap_or((from, to));
                let near = self.v4.get(from..to).unwrap_or_default();
                (from + begun(near, address)).saturating_sub(1)
            }
            IpAddr::V6(address) => {
                let address = u128::from(address);
                let within = self.v6.partition_point(|start| *start <= address);
                self.v4.len() + within.saturating_sub(1)
            }
        }
    }

    /// The classes of the addresses of `range`, at both ends of which the axis is cut.
    pub(super) fn classes(&self, range: AddressRange) -> Range<usize> {
        self.class(range.first())..self.class(range.last()) + 1
    }

    /// The lowest address of each class.
    pub(super) fn lowest(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.iter().map(|start| IpAddr::V4(Ipv4Addr::from(*start)));
        v4.chain(self.v6.iter().map(|start| IpAddr::V6(Ipv6Addr::from(*start))))
    }
}

/// How many of `starts`, which ascend, are not above `address`.
#[inline]
fn begun(starts: &[u32], address: u32) -> usize {
    let (mut from, mut to) = (0, starts.len());
    while from < to {
        let middle = usize::midpoint(from, to);
        if starts.get(middle).is_some_and(|start| *start <= address) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_ends_where_a_range_does_with_a_table_and_without() {
        for more in [0_u32, 200] {
            let texts =
                ["10.1.0.0/16", "10.1.8.0/24", "0.0.0.0/0", "255.255.255.255/32", "2001:db8::/64"];
            let written =
                texts.map(|text| AddressRange::from(text.parse::<ipnet::IpNet>().unwrap()));
            // Two of them before a border of 16 bits, and so many behind it that they have a page.
            let others = (0..more).map(|n| IpAddr::V4(Ipv4Addr::from(0x1401_fff4 + n * 7)).into());
            let ranges: Vec<AddressRange> = written.into_iter().chain(others).collect();
            let axis = Axis::cut_by(ranges.clone());
            let lowest: Vec<IpAddr> = axis.lowest().collect();
            assert_eq!(lowest.len(), axis.len());
            for (class, address) in lowest.iter().enumerate() {
                assert_eq!(axis.class(*address), class, "{address}");
            }
            for range in &ranges {
                let classes = axis.classes(*range);
                for address in [range.first(), range.last()] {
                    assert!(classes.contains(&axis.class(address)), "{address}");
                }
                for (class, address) in lowest.iter().enumerate() {
                    assert_eq!(classes.contains(&class), range.contains(*address), "{address}");
                }
            }
            let last: IpAddr = "255.255.255.254".parse().unwrap();
            assert_ne!(axis.class(last), axis.class([255, 255, 255, 255].into()));
        }
    }
}

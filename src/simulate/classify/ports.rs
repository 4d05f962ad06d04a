//! All ports, cut into classes wherever something begins or ends.

use crate::flow::PortRange;

/// Ports by class, counted from 0.
#[derive(Clone, Debug)]
pub(super) struct Ports {
    /// Where each class begins; the first begins at 0.
    starts: Vec<u16>,
    /// By port.
    classes: Vec<u16>,
}

impl Ports {
    /// The ports of which no class lies on both sides of an end of one of `ranges`.
    pub(super) fn cut_by(ranges: impl IntoIterator<Item = PortRange>) -> Ports {
        let mut starts = vec![0];
        for range in ranges {
            starts.push(range.first());
            starts.extend(range.last().checked_add(1));
        }
        starts.sort_unstable();
        starts.dedup();
        let mut begun = starts.iter().skip(1).peekable();
        let mut class = 0;
        let classes = (0..=u16::MAX).map(|port| {
            class += u16::from(begun.next_if_eq(&&port).is_some());
            class
        });
        Ports { classes: classes.collect(), starts }
    }

    /// How many classes there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The class of `port`.
    #[inline]
    pub(super) fn class(&self, port: u16) -> usize {
        self.classes.get(usize::from(port)).copied().map_or(0, usize::from)
    }

    /// Whether no other port is of the class of `port`.
    pub(super) fn is_alone(&self, port: u16) -> bool {
        let class = self.class(port);
        let begins = self.starts.get(class) == Some(&port);
        begins && port.checked_add(1).is_none_or(|next| self.starts.get(class + 1) == Some(&next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_ends_where_a_range_does() {
        let range = |first, last| PortRange::new(first, last).unwrap();
        let ranges = [range(0, 0), range(80, 80), range(81, 443), range(65_535, 65_535)];
        let ports = Ports::cut_by(ranges.into_iter().chain([PortRange::ALL]));
        assert_eq!(ports.len(), 6);
        let classes = [0, 1, 79, 80, 81, 443, 444, 65_534, 65_535].map(|port| ports.class(port));
        assert_eq!(classes, [0, 1, 1, 2, 3, 3, 4, 4, 5]);
        let alone = (0..=u16::MAX).filter(|port| ports.is_alone(*port));
        assert_eq!(alone.collect::<Vec<_>>(), [0, 80, 65_535]);
    }
}

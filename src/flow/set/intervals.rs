//! Finite unions of half-open intervals over a total order.

/// A union of intervals `[start, end)`, the last of which may have no end.
///
/// The canonical form makes equal sets equal values, as long as the order has no two adjacent
/// values between which no value lies and which are both used as cuts (integers are cut at
/// `last + 1`, so they keep to it).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Intervals<T> {
    // Invariant: strictly ascending. A value is in the set if an odd number of cuts is at or
    // below it.
    cuts: Vec<T>,
}

impl<T> Default for Intervals<T> {
    fn default() -> Self {
        Intervals { cuts: Vec::new() }
    }
}

impl<T: Clone + Ord> Intervals<T> {
    /// The values from `start` up to, and without, `end`; empty if `end` is not above `start`.
    pub fn between(start: T, end: T) -> Self {
        if start < end { Intervals { cuts: vec![start, end] } } else { Intervals::default() }
    }

    /// The union of spans `(start, end)`; an end of `None` means without end.
    pub fn from_spans(spans: impl IntoIterator<Item = (T, Option<T>)>) -> Self {
        Intervals::merged(spans.into_iter().collect())
    }

    /// The union, compiled once for an order and not again for each iterator that spans come from.
    fn merged(mut spans: Vec<(T, Option<T>)>) -> Self {
        spans.sort_by(|a, b| a.0.cmp(&b.0));
        let mut cuts: Vec<T> = Vec::with_capacity(spans.len() * 2);
        for (start, end) in spans {
            if end.as_ref().is_some_and(|end| *end <= start) {
                continue;
            }
            // An odd number of cuts: the span before this one has no end and covers the rest.
            if cuts.len() % 2 == 1 {
                break;
            }
            match cuts.last() {
                Some(last) if start <= *last => {
                    if end.as_ref().is_none_or(|end| end > last) {
                        cuts.pop();
                        cuts.extend(end);
                    }
                }
                Some(_) | None => {
                    cuts.push(start);
                    cuts.extend(end);
                }
            }
        }
        Intervals { cuts }
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: &T) -> bool {
        self.contains_above(|cut| cut <= value)
    }

    /// Whether a value is in the set of which `is_cut_before` tells whether a cut is at or below it.
    pub fn contains_above(&self, is_cut_before: impl Fn(&T) -> bool) -> bool {
        self.cuts.partition_point(is_cut_before) % 2 == 1
    }

    /// Whether the set holds no value.
    pub fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// The cuts, ascending: start, end, start, end, …; the last end may be missing.
    pub fn cuts(&self) -> &[T] {
        &self.cuts
    }

    /// The intervals as `(start, end)`, ascending; an end of `None` means without end.
    pub fn pairs(&self) -> impl Iterator<Item = (&T, Option<&T>)> {
        self.cuts.chunks(2).filter_map(|pair| pair.first().map(|start| (start, pair.get(1))))
    }

    /// Whether some value is in both sets.
    pub fn meets(&self, other: &Self) -> bool {
        let reaches = |end: Option<&T>, start: &T| end.is_none_or(|end| start < end);
        let (mut left, mut right) = (self.pairs().peekable(), other.pairs().peekable());
        while let (Some((start, end)), Some((other_start, other_end))) = (left.peek(), right.peek())
        {
            match (reaches(*end, other_start), reaches(*other_end, start)) {
                (true, true) => return true,
                (false, _) => left.next(),
                (true, false) => right.next(),
            };
        }
        false
    }

    /// The values in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.merge(other, |a, b| a || b)
    }

    /// The values in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.merge(other, |a, b| a && b)
    }

    /// The values of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.merge(other, |a, b| a && !b)
    }

    /// Sweeps over the cuts of both sets; `keep` says whether a stretch belongs to the result and
    /// must be false for (false, false).
    fn merge(&self, other: &Self, keep: impl Fn(bool, bool) -> bool) -> Self {
        let (mut left, mut right) = (self.cuts.iter().peekable(), other.cuts.iter().peekable());
        let (mut in_left, mut in_right, mut inside) = (false, false, false);
        let mut cuts = Vec::new();
        loop {
            let at = match (left.peek(), right.peek()) {
                (None, None) => break,
                (Some(a), None) => (*a).clone(),
                (None, Some(b)) => (*b).clone(),
                (Some(a), Some(b)) => (*a).min(*b).clone(),
            };
            while left.next_if(|cut| **cut == at).is_some() {
                in_left = !in_left;
            }
            while right.next_if(|cut| **cut == at).is_some() {
                in_right = !in_right;
            }
            if keep(in_left, in_right) != inside {
                inside = !inside;
                cuts.push(at);
            }
        }
        Intervals { cuts }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Intervals;

    fn small() -> impl Strategy<Value = Intervals<u8>> {
        let span = (0u8..20, prop::option::of(0u8..20));
        prop::collection::vec(span, 0..5).prop_map(Intervals::from_spans)
    }

    proptest! {
        #[test]
        fn the_operations_are_those_of_sets(a in small(), b in small()) {
            for value in 0u8..=20 {
                let (in_a, in_b) = (a.contains(&value), b.contains(&value));
                prop_assert_eq!(a.union(&b).contains(&value), in_a || in_b);
                prop_assert_eq!(a.intersection(&b).contains(&value), in_a && in_b);
                prop_assert_eq!(a.difference(&b).contains(&value), in_a && !in_b);
            }
            prop_assert_eq!(a.meets(&b), !a.intersection(&b).is_empty());
        }

        #[test]
        fn equal_sets_are_equal_values(a in small(), b in small()) {
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a);
        }

        #[test]
        fn spans_are_united(spans in prop::collection::vec((0u8..20, prop::option::of(0u8..20)), 0..6)) {
            let set = Intervals::from_spans(spans.clone());
            for value in 0u8..=20 {
                let expected = spans.iter().any(|(s, e)| *s <= value && e.is_none_or(|e| value < e));
                prop_assert_eq!(set.contains(&value), expected);
            }
        }
    }
}

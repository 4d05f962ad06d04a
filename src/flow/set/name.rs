//! Sets of host names.

use super::index::IntervalSet;
use super::intervals::Intervals;
use crate::flow::name::Fqdn;
use crate::flow::name::FqdnPattern;

/// A set of host names, closed under union, intersection and difference.
///
/// Names are compared from their last byte to their first. In that order every pattern of Azure's
/// is one interval (`semantics.md`, FlowSet: Name).
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NameSet(Intervals<Vec<u8>>);

fn reversed(name: &Fqdn) -> Vec<u8> {
    name.as_str().bytes().rev().collect()
}

/// The span of all keys that begin with `prefix`. Bytes of names lie below 0x7F, so the last byte
/// has a successor.
fn beginning_with(prefix: Vec<u8>) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut end = prefix.clone();
    match end.last_mut() {
        Some(last) => *last = last.saturating_add(1),
        None => return (prefix, None),
    }
    (prefix, Some(end))
}

fn span(pattern: &FqdnPattern) -> (Vec<u8>, Option<Vec<u8>>) {
    match pattern {
        FqdnPattern::Any => (Vec::new(), None),
        FqdnPattern::Exact(name) => {
            let start = reversed(name);
            let mut end = start.clone();
            end.push(0);
            (start, Some(end))
        }
        FqdnPattern::Under(parent) => {
            let mut prefix = reversed(parent);
            prefix.push(b'.');
            beginning_with(prefix)
        }
        FqdnPattern::EndsWith(end) => beginning_with(reversed(end)),
    }
}

impl NameSet {
    /// The set without names.
    pub fn empty() -> NameSet {
        NameSet::default()
    }

    /// Whether `name` is in the set.
    pub fn contains(&self, name: &Fqdn) -> bool {
        let from_last = || name.as_str().bytes().rev();
        self.0.contains_above(|cut| cut.iter().copied().le(from_last()))
    }

    /// Whether the set holds no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every name of `other` is in this set.
    pub fn covers(&self, other: &NameSet) -> bool {
        other.difference(self).is_empty()
    }

    /// Whether some name is in both sets.
    pub fn meets(&self, other: &NameSet) -> bool {
        self.0.meets(&other.0)
    }

    /// The names in either set.
    #[must_use]
    pub fn union(&self, other: &NameSet) -> NameSet {
        NameSet(self.0.union(&other.0))
    }

    /// The names in both sets.
    #[must_use]
    pub fn intersection(&self, other: &NameSet) -> NameSet {
        NameSet(self.0.intersection(&other.0))
    }

    /// The names of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &NameSet) -> NameSet {
        NameSet(self.0.difference(&other.0))
    }

    /// The patterns whose union is just this set, in order of their names from the right; or
    /// `None` where no list of patterns says it, as for `*.a.com` without `*.b.a.com`.
    pub fn patterns(&self) -> Option<Vec<FqdnPattern>> {
        self.0.pairs().map(|(start, end)| pattern(start, end)).collect()
    }
}

impl IntervalSet for NameSet {
    type Cut = Vec<u8>;

    fn intervals(&self) -> &Intervals<Vec<u8>> {
        &self.0
    }
}

/// The pattern whose span is just this one.
fn pattern(start: &[u8], end: Option<&Vec<u8>>) -> Option<FqdnPattern> {
    let Some(end) = end else { return start.is_empty().then_some(FqdnPattern::Any) };
    let name = |bytes: &[u8]| {
        let text: String = bytes.iter().rev().map(|byte| char::from(*byte)).collect();
        Fqdn::parse(&text).ok()
    };
    let mut candidates = vec![FqdnPattern::Exact(name(start.strip_suffix(b".").unwrap_or(start))?)];
    candidates.push(FqdnPattern::Under(name(start.strip_suffix(b".").unwrap_or(start))?));
    candidates.push(FqdnPattern::EndsWith(name(start.strip_suffix(b".").unwrap_or(start))?));
    candidates.into_iter().find(|candidate| {
        let (candidate_start, candidate_end) = span(candidate);
        candidate_start == start && candidate_end.as_ref() == Some(end)
    })
}

impl From<&FqdnPattern> for NameSet {
    fn from(pattern: &FqdnPattern) -> NameSet {
        NameSet(Intervals::from_spans([span(pattern)]))
    }
}

impl<'a> FromIterator<&'a FqdnPattern> for NameSet {
    fn from_iter<T: IntoIterator<Item = &'a FqdnPattern>>(patterns: T) -> NameSet {
        NameSet(Intervals::from_spans(patterns.into_iter().map(span)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near_name() -> impl Strategy<Value = Fqdn> {
        prop::collection::vec(prop::sample::select(vec!["a", "b", "xa", "com", "net"]), 1..4)
            .prop_map(|labels| Fqdn::parse(&labels.join(".")).unwrap())
    }

    fn near_pattern() -> impl Strategy<Value = FqdnPattern> {
        (near_name(), 0u8..7).prop_map(|(name, form)| match form {
            0 => FqdnPattern::Any,
            1 | 2 => FqdnPattern::Under(name),
            3 | 4 => FqdnPattern::EndsWith(name),
            _ => FqdnPattern::Exact(name),
        })
    }

    proptest! {
        #[test]
        fn a_pattern_holds_the_names_that_it_matches(pattern in near_pattern(), name in near_name()) {
            prop_assert_eq!(NameSet::from(&pattern).contains(&name), pattern.matches(&name));
        }

        #[test]
        fn a_pattern_is_read_back_from_its_set(pattern in near_pattern()) {
            prop_assert_eq!(NameSet::from(&pattern).patterns(), Some(vec![pattern]));
        }

        #[test]
        fn written_patterns_say_the_same_set(list in prop::collection::vec(near_pattern(), 0..5), less in near_pattern()) {
            let set = list.iter().collect::<NameSet>().difference(&NameSet::from(&less));
            if let Some(patterns) = set.patterns() {
                prop_assert_eq!(patterns.iter().collect::<NameSet>(), set);
            }
        }
    }

    #[test]
    fn a_wildcard_less_a_part_of_it_is_no_list_of_patterns() {
        let all: NameSet = [FqdnPattern::parse("*.a.com").unwrap()].iter().collect();
        let part: NameSet = [FqdnPattern::parse("*.b.a.com").unwrap()].iter().collect();
        assert_eq!(all.difference(&part).patterns(), None);
        assert!(all.covers(&part) && !part.covers(&all));
    }
}

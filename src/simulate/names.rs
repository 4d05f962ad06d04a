//! Names that stand for all names.
//!
//! Patterns part the names into finitely many kinds: a name that a pattern spells out, and for
//! each wildcard the names that it is the longest to match. One name of each kind is enough: of the
//! latter one that nobody has, since what is known of one of them is not known of the others.

use foldhash::HashMap;

use crate::flow::Fqdn;
use crate::flow::FqdnPattern;

/// Patterns by what they end with, so that a name is not compared with each of them.
#[derive(Clone, Debug, Default)]
pub(super) struct PatternIndex<'p> {
    exact: HashMap<&'p str, Vec<usize>>,
    under: HashMap<&'p str, Vec<usize>>,
    ends: HashMap<&'p str, Vec<usize>>,
    any: Vec<usize>,
}

impl<'p> PatternIndex<'p> {
    /// The patterns, numbered from 0 in their order.
    pub(super) fn new(patterns: impl IntoIterator<Item = &'p FqdnPattern>) -> PatternIndex<'p> {
        let mut index = PatternIndex::default();
        for (number, pattern) in patterns.into_iter().enumerate() {
            let numbers = match pattern {
                FqdnPattern::Any => &mut index.any,
                FqdnPattern::Exact(name) => index.exact.entry(name.as_str()).or_default(),
                FqdnPattern::Under(parent) => index.under.entry(parent.as_str()).or_default(),
                FqdnPattern::EndsWith(end) => index.ends.entry(end.as_str()).or_default(),
            };
            numbers.push(number);
        }
        index
    }

    /// The numbers of the patterns that are `*`.
    pub(super) fn any(&self) -> &[usize] {
        &self.any
    }

    /// The numbers of the patterns that match `name`, in their order.
    pub(super) fn matching(&self, name: &Fqdn) -> Vec<usize> {
        let text = name.as_str();
        let mut found = self.any.clone();
        found.extend(self.exact.get(text).into_iter().flatten());
        for (at, _) in text.match_indices('.') {
            let parent = text.get(at + 1..).and_then(|parent| self.under.get(parent));
            found.extend(parent.into_iter().flatten());
        }
        if !self.ends.is_empty() {
            for at in 0..text.len() {
                let end = text.get(at..).and_then(|end| self.ends.get(end));
                found.extend(end.into_iter().flatten());
            }
        }
        found.sort_unstable();
        found
    }
}

/// One name of each kind that `patterns` part the names into, ascending.
pub(super) fn names<'p>(patterns: impl IntoIterator<Item = &'p FqdnPattern>) -> Vec<Fqdn> {
    let of_kind =
        |pattern: &FqdnPattern| pattern.spelled().cloned().into_iter().chain(pattern.stand_in());
    let mut names: Vec<Fqdn> =
        patterns.into_iter().chain([&FqdnPattern::Any]).flat_map(of_kind).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<FqdnPattern> {
        texts.iter().map(|text| FqdnPattern::parse(text).unwrap()).collect()
    }

    #[track_caller]
    fn check(texts: &[&str], expected: &[&str]) {
        let names = names(&patterns(texts));
        assert_eq!(names.iter().map(Fqdn::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn one_name_of_each_kind() {
        check(&[], &["?"]);
        check(&["*"], &["?"]);
        check(&["www.a.com"], &["?", "www.a.com"]);
        check(&["*.a.com", "*.b.a.com"], &["?", "?.a.com", "?.b.a.com"]);
        check(&["*a.com", "*.a.com"], &["?", "?.a.com", "?a.com", "a.com"]);
    }

    /// A longer wildcard has a name of its own.
    #[test]
    fn a_name_that_stands_for_others_is_matched_by_no_longer_wildcard() {
        let patterns =
            patterns(&["*", "*com", "*.com", "*a.com", "*.a.com", "*ba.com", "*.b.a.com"]);
        for pattern in &patterns {
            let name = pattern.stand_in().unwrap();
            let longest = patterns.iter().filter(|other| other.matches(&name));
            assert_eq!(longest.max_by_key(|other| other.to_string().len()), Some(pattern));
        }
    }

    #[test]
    fn the_index_finds_what_comparing_with_each_pattern_finds() {
        let patterns = patterns(&[
            "a.com",
            "*.a.com",
            "*a.com",
            "*",
            "*.b.a.com",
            "b.a.com",
            "*com",
            "com",
            "*.com",
            "*.a.com",
        ]);
        let index = PatternIndex::new(&patterns);
        for text in ["a.com", "b.a.com", "c.b.a.com", "evila.com", "com", "x.net", "b.com"] {
            let name = Fqdn::parse(text).unwrap();
            let matching = patterns.iter().enumerate().filter(|(_, p)| p.matches(&name));
            let expected: Vec<usize> = matching.map(|(number, _)| number).collect();
            assert_eq!(index.matching(&name), expected, "{text}");
        }
    }
}

//! Names that stand for all names.
//!
//! Patterns part the names into finitely many kinds: a name that a pattern spells out, and for
//! each wildcard the names that it is the longest to match. One name of each kind is enough.

use foldhash::HashMap;

use crate::flow::Fqdn;
use crate::flow::FqdnPattern;

/// How a label begins that stands for one that no rule spells out; a number follows.
pub const FRESH: &str = "unnamed-";

/// Labels that stand for one that no rule spells out. Of `count` rules each may spell one out, and
/// so one of the first is left, unless the name is too long for them; then a short one may do.
pub(super) fn fresh_labels(count: usize) -> impl Iterator<Item = String> {
    let short = ('a'..='z').chain('0'..='9').map(String::from);
    (0..=count).map(|number| format!("{FRESH}{number}")).chain(short)
}

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
    let mut patterns: Vec<&FqdnPattern> = patterns.into_iter().chain([&FqdnPattern::Any]).collect();
    patterns.sort_unstable();
    patterns.dedup();
    let index = PatternIndex::new(patterns.iter().copied());
    let is_fresh = |name: &Fqdn, ending: &str| {
        let matching = index.matching(name);
        !matching.iter().filter_map(|n| patterns.get(*n)).any(|other| is_longer(other, ending))
    };
    let mut names = Vec::with_capacity(patterns.len());
    for pattern in &patterns {
        let ending = match pattern {
            FqdnPattern::Exact(name) => {
                names.push(name.clone());
                continue;
            }
            FqdnPattern::Any => String::new(),
            FqdnPattern::Under(parent) => format!(".{parent}"),
            FqdnPattern::EndsWith(end) => {
                names.push(end.clone());
                end.to_string()
            }
        };
        let mut fresh = fresh_labels(patterns.len())
            .filter_map(|label| Fqdn::parse(&format!("{label}{ending}")).ok());
        names.extend(fresh.find(|name| is_fresh(name, &ending)));
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether `pattern` says more of a name than that it ends so.
fn is_longer(pattern: &FqdnPattern, ending: &str) -> bool {
    let length = match pattern {
        FqdnPattern::Any => 0,
        FqdnPattern::Exact(_) => usize::MAX,
        FqdnPattern::Under(parent) => parent.as_str().len() + 1,
        FqdnPattern::EndsWith(end) => end.as_str().len(),
    };
    length > ending.len()
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
        check(&[], &["unnamed-0"]);
        check(&["*"], &["unnamed-0"]);
        check(&["www.a.com"], &["unnamed-0", "www.a.com"]);
        check(&["*.a.com", "*.b.a.com"], &["unnamed-0", "unnamed-0.a.com", "unnamed-0.b.a.com"]);
        check(&["*a.com"], &["a.com", "unnamed-0", "unnamed-0a.com"]);
    }

    #[test]
    fn a_name_that_a_rule_spells_out_is_not_fresh() {
        check(&["unnamed-0"], &["unnamed-0", "unnamed-1"]);
        check(
            &["*.a.com", "unnamed-0.a.com"],
            &["unnamed-0", "unnamed-0.a.com", "unnamed-1.a.com"],
        );
    }

    #[test]
    fn there_is_a_fresh_name_however_many_are_spelled_out() {
        let taken = (0..9).map(|number| format!("unnamed-{number}.a.com"));
        let texts: Vec<String> = taken.chain(["*.a.com".to_owned()]).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let found = names(&patterns(&texts));
        assert!(found.contains(&Fqdn::parse("unnamed-9.a.com").unwrap()), "{found:?}");
    }

    #[test]
    fn a_name_is_found_where_there_is_room_for_one_letter() {
        let label = "x".repeat(61);
        let parent = [label.as_str(); 4].join(".");
        let found = names(&patterns(&[&format!("*.{parent}")]));
        assert!(found.contains(&Fqdn::parse(&format!("a.{parent}")).unwrap()), "{found:?}");
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

//! Hosts by which rules name them.

use foldhash::HashMap;
use foldhash::HashMapExt;

use super::rule_sets::Bits;
use super::rule_sets::Collecting;
use crate::flow::FqdnPattern;
use crate::flow::Host;

/// For each host the number of the set of rules that may name it.
///
/// Whatever wildcards match a name, each is an ending of the longest of them. So that one tells
/// them all, unless a pattern spells the name out.
#[derive(Clone, Debug)]
pub(super) struct HostClasses {
    exact: HashMap<Box<str>, u32>,
    /// By what the names end with: `.parent` for `*.parent`, `end` for `*end`.
    endings: HashMap<Box<str>, u32>,
    /// Whether there is a `*.parent`.
    has_parents: bool,
    /// How long the `end` of each `*end` is, the longest first.
    ends: Vec<usize>,
    /// Any other name.
    other: u32,
    /// An address, which `*` alone matches (`azure-firewall.md §2.3`).
    address: u32,
}

impl HostClasses {
    /// Parts the hosts by `named`, patterns with the rules that name them. The rules of
    /// `everywhere` are in each set.
    pub(super) fn parted_by(
        named: &[(&FqdnPattern, usize)],
        everywhere: &Bits,
        sets: &mut Collecting,
    ) -> HostClasses {
        let mut any = everywhere.clone();
        let mut exact: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut endings: HashMap<String, Vec<usize>> = HashMap::new();
        let mut has_parents = false;
        let mut ends = Vec::new();
        for (pattern, rule) in named {
            match pattern {
                FqdnPattern::Any => any.insert(*rule),
                FqdnPattern::Exact(name) => exact.entry(name.as_str()).or_default().push(*rule),
                FqdnPattern::Under(parent) => {
                    has_parents = true;
                    endings.entry(format!(".{parent}")).or_default().push(*rule);
                }
                FqdnPattern::EndsWith(end) => {
                    ends.push(end.as_str().len());
                    endings.entry(end.as_str().to_owned()).or_default().push(*rule);
                }
            }
        }
        ends.sort_unstable_by(|a, b| b.cmp(a));
        ends.dedup();
        let other = sets.number(&any);
        let mut number_of = |text: &str, own: &[usize]| {
            let mut bits = any.clone();
            own.iter().for_each(|rule| bits.insert(*rule));
            for ending in endings_of(text, has_parents, &ends) {
                let rules = endings.get(ending);
                rules.into_iter().flatten().for_each(|rule| bits.insert(*rule));
            }
            sets.number(&bits)
        };
        // In a settled order, so that sets get the same numbers on every run.
        let mut spelled: Vec<(&str, &[usize])> =
            exact.iter().map(|(name, rules)| (*name, rules.as_slice())).collect();
        spelled.sort_unstable();
        let exact = spelled.into_iter().map(|(name, own)| (name.into(), number_of(name, own)));
        let exact = exact.collect();
        let mut ended: Vec<&String> = endings.keys().collect();
        ended.sort_unstable();
        let ended = ended.into_iter().map(|end| (end.as_str().into(), number_of(end, &[])));
        let endings = ended.collect();
        HostClasses { exact, endings, has_parents, ends, other, address: other }
    }

    /// The number of the set of rules that may name `host`.
    #[inline]
    pub(super) fn set(&self, host: &Host) -> u32 {
        let Host::Name(name) = host else { return self.address };
        let text = name.as_str();
        if let Some(set) = self.exact.get(text) {
            return *set;
        }
        let mut found = endings_of(text, self.has_parents, &self.ends)
            .filter_map(|ending| Some((ending.len(), *self.endings.get(ending)?)));
        let longest = if self.ends.is_empty() {
            found.next()
        } else {
            found.max_by_key(|(length, _)| *length)
        };
        longest.map_or(self.other, |(_, set)| set)
    }
}

/// What of `text` a wildcard may spell out: first from each dot on, the longest first, then as much
/// as each of `ends`.
fn endings_of<'t>(
    text: &'t str,
    has_parents: bool,
    ends: &'t [usize],
) -> impl Iterator<Item = &'t str> {
    let dots = text.bytes().enumerate().filter(move |(_, byte)| has_parents && *byte == b'.');
    let parents = dots.filter_map(|(at, _)| text.get(at..));
    let ends = ends.iter().filter_map(|length| text.get(text.len().checked_sub(*length)?..));
    parents.chain(ends)
}

#[cfg(test)]
mod tests {
    use super::super::rule_sets::Common;
    use super::*;

    #[test]
    fn a_host_has_the_rules_whose_patterns_match_it() {
        let texts = [
            "*",
            "www.example.com",
            "*.example.com",
            "*example.com",
            "*.com",
            "*m",
            "*.a.example.com",
            "b.a.example.com",
            "*le.com",
            "www.example.com",
            "*.b.net",
            "example.com",
        ];
        let patterns: Vec<FqdnPattern> = texts.iter().map(|t| t.parse().unwrap()).collect();
        for of in [0..12, 1..12, 1..3, 1..6, 3..4, 2..3, 0..1, 10..12, 0..0] {
            let named: Vec<(&FqdnPattern, usize)> = patterns
                .iter()
                .enumerate()
                .filter(|(rule, _)| of.contains(rule))
                .map(|(rule, pattern)| (pattern, rule))
                .collect();
            let mut sets = Collecting::of(12);
            let classes = HostClasses::parted_by(&named, &Bits::none(12), &mut sets);
            let sets = sets.done();
            for text in [
                "www.example.com",
                "example.com",
                "a.example.com",
                "b.a.example.com",
                "c.b.a.example.com",
                "myexample.com",
                "sample.com",
                "com",
                "m",
                "b.net",
                "a.b.net",
                "net",
                "203.0.113.5",
                "2001:db8::1",
            ] {
                let host = Host::parse(text).unwrap();
                let found: Vec<usize> = Common::of([sets.get(classes.set(&host))]).collect();
                let matching = named.iter().filter(|(pattern, _)| pattern.matches_host(&host));
                let expected: Vec<usize> = matching.map(|(_, rule)| *rule).collect();
                assert_eq!(found, expected, "{text} in {of:?}");
            }
        }
    }
}

//! Hosts by which rules name them.

use std::hash::BuildHasher as _;

use foldhash::HashMap;
use foldhash::HashMapExt;
use foldhash::fast::RandomState;

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
    exact: Texts,
    /// By what the names end with: `.parent` for `*.parent`, `end` for `*end`.
    endings: Texts,
    /// How long the `.parent` of each `*.parent` is.
    parents: Lengths,
    /// How long the `end` of each `*end` is, the longest first.
    ends: Vec<usize>,
    /// Any other name, and an address, which `*` alone matches (`azure-firewall.md §2.3`).
    other: u32,
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
        let mut parents = Lengths::default();
        let mut ends = Vec::new();
        for (pattern, rule) in named {
            match pattern {
                FqdnPattern::Any => any.insert(*rule),
                FqdnPattern::Exact(name) => exact.entry(name.as_str()).or_default().push(*rule),
                FqdnPattern::Under(parent) => {
                    let ending = format!(".{parent}");
                    parents.insert(ending.len());
                    endings.entry(ending).or_default().push(*rule);
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
            for rule in own {
                bits.insert(*rule);
            }
            for ending in endings_of(text, parents, &ends) {
                let rules = endings.get(ending);
                for rule in rules.into_iter().flatten() {
                    bits.insert(*rule);
                }
            }
            sets.number(&bits)
        };
        // In a settled order, so that sets get the same numbers on every run.
        let mut spelled: Vec<(&str, &[usize])> =
            exact.iter().map(|(name, rules)| (*name, rules.as_slice())).collect();
        spelled.sort_unstable();
        let spelled: Vec<(&str, u32)> =
            spelled.into_iter().map(|(name, own)| (name, number_of(name, own))).collect();
        let mut ended: Vec<&String> = endings.keys().collect();
        ended.sort_unstable();
        let ended: Vec<(&str, u32)> =
            ended.into_iter().map(|end| (end.as_str(), number_of(end, &[]))).collect();
        let (exact, endings) = (Texts::of(&spelled), Texts::of(&ended));
        HostClasses { exact, endings, parents, ends, other }
    }

    /// The number of the set of rules that may name `host`.
    #[inline]
    pub(super) fn set(&self, host: &Host) -> u32 {
        let Host::Name(name) = host else { return self.other };
        let text = name.as_str();
        if let Some(set) = self.exact.get(text) {
            return set;
        }
        let mut longest = (0, self.other);
        for (at, byte) in text.bytes().enumerate() {
            if byte == b'.'
                && self.parents.contains(text.len() - at)
                && let Some(ending) = text.get(at..)
                && let Some(set) = self.endings.get(ending)
            {
                longest = (ending.len(), set);
                break;
            }
        }
        for length in self.ends.iter().take_while(|length| **length > longest.0) {
            let ending = text.len().checked_sub(*length).and_then(|at| text.get(at..));
            if let Some(set) = ending.and_then(|ending| self.endings.get(ending)) {
                return set;
            }
        }
        longest.1
    }
}

/// Lengths below 256; no ending of a name is as long.
#[derive(Clone, Copy, Debug, Default)]
struct Lengths([u64; 4]);

impl Lengths {
    fn insert(&mut self, length: usize) {
        if let Some(word) = self.0.get_mut(length / 64) {
            *word |= 1 << (length % 64);
        }
    }

    #[inline]
    fn contains(&self, length: usize) -> bool {
        self.0.get(length / 64).is_some_and(|word| word >> (length % 64) & 1 == 1)
    }
}

/// Numbers by text, found with two looks at memory.
#[derive(Clone, Debug)]
struct Texts {
    /// A power of two of them, at least half of them free.
    slots: Vec<Slot>,
    /// Each with its number and its length before it, so that they lie in one line of a cache.
    all: Vec<u8>,
    state: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Another part of the hash than the one that tells the place.
    tag: u32,
    /// Where number, length and text stand, counted from 1; 0 in a free slot.
    at: u32,
}

const FREE: Slot = Slot { tag: 0, at: 0 };

impl Texts {
    /// `texts`, each of which is there once.
    fn of(texts: &[(&str, u32)]) -> Texts {
        let slots = vec![FREE; (texts.len() * 2).max(1).next_power_of_two()];
        let mut found = Texts { slots, all: Vec::new(), state: RandomState::default() };
        for (text, number) in texts {
            let (tag, mut place) = found.place(text);
            while found.slots.get(place).is_some_and(|slot| slot.at != 0) {
                place = (place + 1) & (found.slots.len() - 1);
            }
            let at = u32::try_from(found.all.len() + 1).unwrap_or(u32::MAX);
            if let Some(slot) = found.slots.get_mut(place) {
                *slot = Slot { tag, at };
            }
            found.all.extend(number.to_ne_bytes());
            found.all.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_ne_bytes());
            found.all.extend(text.as_bytes());
        }
        found
    }

    #[inline]
    fn place(&self, text: &str) -> (u32, usize) {
        let hash = self.state.hash_one(text);
        let mask = self.slots.len() - 1;
        let place = usize::try_from(hash & u64::from(u32::MAX)).unwrap_or(0) & mask;
        (u32::try_from(hash >> 32).unwrap_or(0), place)
    }

    #[inline]
    fn get(&self, text: &str) -> Option<u32> {
        let (tag, mut place) = self.place(text);
        loop {
            let slot = self.slots.get(place).filter(|slot| slot.at != 0)?;
            if slot.tag == tag {
                let (number, behind) = self.all.get(slot.at as usize - 1..)?.split_first_chunk()?;
                let (length, behind) = behind.split_first_chunk()?;
                let length = u32::from_ne_bytes(*length) as usize;
                if length == text.len() && behind.get(..length) == Some(text.as_bytes()) {
                    return Some(u32::from_ne_bytes(*number));
                }
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }
}

/// What of `text` a wildcard may spell out: first from each dot on, the longest first, then as much
/// as each of `ends`.
fn endings_of<'t>(
    text: &'t str,
    parents: Lengths,
    ends: &'t [usize],
) -> impl Iterator<Item = &'t str> {
    let dots = text.bytes().enumerate().filter(|(_, byte)| *byte == b'.');
    let parents = dots
        .filter_map(move |(at, _)| text.get(at..).filter(|ending| parents.contains(ending.len())));
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
                let found: Vec<usize> = Common::of([sets.get(classes.set(&host)); 3]).collect();
                let matching = named.iter().filter(|(pattern, _)| pattern.matches_host(&host));
                let expected: Vec<usize> = matching.map(|(_, rule)| *rule).collect();
                assert_eq!(found, expected, "{text} in {of:?}");
            }
        }
    }
}

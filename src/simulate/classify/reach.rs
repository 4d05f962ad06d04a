//! The addresses that rules name, as stretches of classes.

use std::ops::Range;

use super::axis::Axis;
use super::rule_sets::Bits;
use super::rule_sets::Collecting;
use super::rule_sets::Stretch;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::rule::Sources;
use crate::flow::AddressSet;
use crate::flow::address::AddressRange;

/// The addresses of one side of a rule.
#[derive(Default)]
pub(super) struct Reach {
    ranges: Vec<AddressRange>,
    is_any: bool,
    /// Whether the environment may be asked.
    pub(super) asks: bool,
}

impl Reach {
    pub(super) fn of_sources(sources: &Sources, deployment: &Deployment) -> Reach {
        let Sources { addresses, ip_groups } = sources;
        let mut reach = Reach::default();
        for entry in addresses {
            reach.add(entry);
        }
        reach.add_groups(ip_groups, deployment);
        reach
    }

    pub(super) fn add(&mut self, entry: &AddressEntry) {
        match entry {
            AddressEntry::Any => self.is_any = true,
            AddressEntry::Unknown(_) => self.asks = true,
            AddressEntry::Address(_) | AddressEntry::Prefix(_) | AddressEntry::Range(_) => {
                self.ranges.extend(entry.range());
            }
        }
    }

    pub(super) fn add_destination(&mut self, entry: &DestinationEntry) {
        match entry {
            DestinationEntry::Addresses(entry) => self.add(entry),
            DestinationEntry::ServiceTag(_) => self.asks = true,
        }
    }

    pub(super) fn add_groups(&mut self, groups: &[Key], deployment: &Deployment) {
        for name in groups {
            match deployment.ip_groups.get(name) {
                Some(group) => group.addresses.iter().for_each(|entry| self.add(entry)),
                None => self.asks = true,
            }
        }
    }
}

/// One side of all rules.
pub(super) struct Side {
    everywhere: Bits,
    stretches: Vec<Stretch>,
    /// What the rule before reaches, and by class: rules that follow each other are often for the
    /// same sources.
    before: (Vec<AddressRange>, Vec<Range<usize>>),
}

impl Side {
    pub(super) fn of(rules: usize) -> Side {
        Side { everywhere: Bits::none(rules), stretches: Vec::new(), before: Default::default() }
    }

    pub(super) fn add(&mut self, rule: usize, reach: Reach, axis: &Axis) {
        if reach.is_any || reach.asks {
            self.everywhere.insert(rule);
            return;
        }
        if self.before.0 != reach.ranges {
            let set: AddressSet = reach.ranges.iter().copied().collect();
            let classes = set.ranges().into_iter().map(|range| axis.classes(range)).collect();
            self.before = (reach.ranges, classes);
        }
        let (_, classes) = &self.before;
        let stretch = |at: &Range<usize>| Stretch { rule, first: at.start, end: at.end };
        self.stretches.extend(classes.iter().map(stretch));
    }

    pub(super) fn paint(self, classes: usize, sets: &mut Collecting) -> Vec<u32> {
        sets.paint(classes, &self.everywhere, &apart(self.stretches))
    }
}

/// The same stretches, such that those of one rule do not meet.
pub(super) fn apart(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.sort_unstable_by_key(|stretch| (stretch.rule, stretch.first));
    let mut apart: Vec<Stretch> = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        match apart.last_mut() {
            Some(last) if last.rule == stretch.rule && stretch.first <= last.end => {
                last.end = last.end.max(stretch.end);
            }
            Some(_) | None => apart.push(stretch),
        }
    }
    apart
}

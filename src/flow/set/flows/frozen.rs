//! Sets of flows as values.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use super::axis::Axis;
use super::axis::Value;
use super::point::Point;
use super::question::Question;
use crate::flow::AddressSet;
use crate::flow::Flow;
use crate::flow::address::AddressRange;

/// A set of flows, each under some assignments of atoms of the type `A`.
///
/// It is a decision diagram: a branch asks for one coordinate, whose values are parted into runs,
/// or for one atom. Equal sets are equal values, whichever algebra they come from: every cut tells
/// two values apart, every branch two runs, and branches are numbered in the order in which a walk
/// from the root leaves them.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowSet<A> {
    // Invariant: ascending, and each begins a run.
    pub(super) cuts: BTreeMap<Axis, Vec<Value>>,
    // Invariant: ascending, and each is asked for.
    pub(super) atoms: Vec<A>,
    // Invariant: those that a branch leads to come before it.
    pub(super) branches: Vec<Branch>,
    pub(super) root: Then,
}

/// A question, and what follows from its answers.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Branch {
    pub(super) question: Question,
    // Invariant: two or more; the first has the start 0, starts ascend, and neighbours differ. An
    // atom has the starts 0, where it does not hold, and 1.
    pub(super) runs: Box<[Run]>,
}

/// The values from a cut on, up to the next run.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Run {
    /// The number of the cut that it begins at, counted from 1; 0 is the least value.
    pub(super) start: u32,
    pub(super) then: Then,
}

/// What follows from an answer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Then {
    /// The point is not in the set.
    Never,
    /// It is.
    Always,
    /// The branch with this number decides.
    Ask(u32),
}

impl<A: Ord> FlowSet<A> {
    /// Whether the set holds nothing.
    pub fn is_empty(&self) -> bool {
        self.root == Then::Never
    }

    /// Whether `flow` is in the set where just those atoms hold for which `holds` says so.
    pub fn contains(&self, flow: &Flow, mut holds: impl FnMut(&A) -> bool) -> bool {
        let point = Point::of(flow);
        let mut then = self.root;
        while let Some(branch) = self.branch(then) {
            let rank = match branch.question {
                Question::Axis(axis) => {
                    let value = point.value(axis);
                    self.cuts_of(axis).partition_point(|cut| *cut <= value)
                }
                Question::Atom(number) => {
                    usize::from(self.atoms.get(number).is_some_and(&mut holds))
                }
            };
            let begun = branch.runs.partition_point(|run| run.start as usize <= rank);
            let run = begun.checked_sub(1).and_then(|place| branch.runs.get(place));
            then = run.map_or(Then::Never, |run| run.then);
        }
        then == Then::Always
    }

    /// The addresses that some flow of the set goes to, under some assignment.
    pub fn destinations(&self) -> AddressSet {
        self.addresses_on(Axis::Destination)
    }

    /// The addresses that some flow of the set comes from, under some assignment.
    pub fn sources(&self) -> AddressSet {
        self.addresses_on(Axis::Source)
    }

    fn addresses_on(&self, axis: Axis) -> AddressSet {
        let asked = Question::Axis(axis);
        let skips = |then: Then| match then {
            Then::Never => false,
            Then::Always => true,
            Then::Ask(_) => self.branch(then).is_some_and(|branch| branch.question > asked),
        };
        let above = self.branches.iter().filter(|branch| branch.question < asked);
        if skips(self.root) || above.flat_map(|branch| &branch.runs).any(|run| skips(run.then)) {
            return AddressSet::all();
        }
        // Each stretch between two cuts once, however many branches have it.
        let mut is_held = vec![false; self.cuts_of(axis).len() + 1];
        for branch in self.branches.iter().filter(|branch| branch.question == asked) {
            let ends = branch.runs.iter().skip(1).map(|run| run.start as usize);
            for (run, end) in branch.runs.iter().zip(ends.chain([is_held.len()])) {
                if run.then != Then::Never
                    && let Some(stretch) = is_held.get_mut(run.start as usize..end)
                {
                    stretch.fill(true);
                }
            }
        }
        let least = axis.least();
        let starts = [&least].into_iter().chain(self.cuts_of(axis));
        let ends = self.cuts_of(axis).iter().map(Some).chain([None]);
        let held = is_held.into_iter().zip(starts.zip(ends)).filter(|(is_held, _)| *is_held);
        held.filter_map(|(_, (start, end))| address_ranges(start, end)).flatten().collect()
    }

    /// The runs of a branch on `axis` as what follows, the first value, and the value above them.
    pub(super) fn spans<'s>(
        &'s self,
        axis: Axis,
        branch: &'s Branch,
    ) -> impl Iterator<Item = (Then, Value, Option<&'s Value>)> {
        let above = branch.runs.iter().skip(1).map(Some).chain([None]);
        branch.runs.iter().zip(above).map(move |(run, next)| {
            let start = self.cut(axis, run.start).cloned().unwrap_or_else(|| axis.least());
            (run.then, start, next.and_then(|next| self.cut(axis, next.start)))
        })
    }

    /// The cuts of an axis, ascending.
    pub(super) fn cuts_of(&self, axis: Axis) -> &[Value] {
        self.cuts.get(&axis).map_or(&[], Vec::as_slice)
    }

    /// The cut with a number; none has the number 0.
    pub(super) fn cut(&self, axis: Axis, number: u32) -> Option<&Value> {
        self.cuts_of(axis).get((number as usize).checked_sub(1)?)
    }

    /// The branch that decides, if one does.
    pub(super) fn branch(&self, then: Then) -> Option<&Branch> {
        match then {
            Then::Never | Then::Always => None,
            Then::Ask(number) => self.branches.get(number as usize),
        }
    }
}

/// The addresses from `start` up to, and without, `end`.
fn address_ranges(start: &Value, end: Option<&Value>) -> Option<Vec<AddressRange>> {
    let Value::Address(start) = start else { return None };
    match end {
        Some(Value::Address(end)) => Some(from(*start).difference(&from(*end)).ranges()),
        Some(_) => None,
        None => Some(from(*start).ranges()),
    }
}

/// The address and all above it.
fn from(address: IpAddr) -> AddressSet {
    let v4 = AddressRange::new(address, Ipv4Addr::BROADCAST.into());
    let first_v6 = if address.is_ipv4() { Ipv6Addr::UNSPECIFIED.into() } else { address };
    let v6 = AddressRange::new(first_v6, Ipv6Addr::from(u128::MAX).into());
    v4.into_iter().chain(v6).collect()
}

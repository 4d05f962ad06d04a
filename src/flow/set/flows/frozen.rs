//! Sets of flows as values.

use foldhash::HashMap;
use foldhash::HashSet;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::axis::Axis;
use super::axis::Value;
use super::diagram;
use super::diagram::Diagrams;
use super::diagram::Exhausted;
use super::diagram::Node;
use super::layout::Layout;
use super::layout::digits_of;
use super::point::Point;
use super::question::Question;
use super::recode::last_of;
use super::view::address_ranges;
use crate::flow::AddressSet;
use crate::flow::Flow;

/// A set of flows, each under some assignments of atoms of the type `A`.
///
/// It is a decision diagram: a branch asks for one binary digit of the rank that a coordinate has
/// among the cuts of its axis, or for one atom. Equal sets are equal values, whichever algebra they
/// come from: every cut tells two points apart, every branch has two ways, and branches are numbered
/// in the order in which a walk from the root leaves them.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowSet<A> {
    // Invariant: ascending, and one at least of each axis that is there.
    pub(super) cuts: BTreeMap<Axis, Vec<Value>>,
    // Invariant: ascending, and each is asked for.
    pub(super) atoms: Vec<A>,
    // Invariant: those that a branch leads to come before it.
    branches: Vec<Branch>,
    root: Then,
}

/// A question, and what follows from its answers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Branch {
    pub(super) question: Question,
    /// The digit of the rank that is asked for, the last of which has the number 0.
    digit: u32,
    /// What follows where the digit is 0, or the atom does not hold.
    pub(super) low: Then,
    /// What follows where it is 1, or the atom holds.
    pub(super) high: Then,
}

impl Branch {
    /// What follows for a rank, or for an atom that holds (1) or does not (0).
    pub(super) fn at(&self, rank: usize) -> Then {
        if rank >> self.digit & 1 == 1 { self.high } else { self.low }
    }
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

/// The values from the one of a rank on, up to the next run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Run {
    /// The number of the cut that it begins at, counted from 1; 0 is the least value.
    start: u32,
    then: Then,
}

impl<A: Clone + Ord> FlowSet<A> {
    /// The set that `root` is, where the layout is that of the cuts and atoms.
    pub(super) fn new(
        (cuts, atoms): (BTreeMap<Axis, Vec<Value>>, Vec<A>),
        (diagrams, layout): (&Diagrams, &Layout),
        root: Node,
    ) -> FlowSet<A> {
        let constants = [(Node::NEVER, Then::Never), (Node::ALWAYS, Then::Always)];
        let mut places: HashMap<Node, Then> = constants.into_iter().collect();
        let place =
            |places: &HashMap<Node, Then>, node| places.get(&node).copied().unwrap_or(Then::Never);
        let mut branches: Vec<Branch> = Vec::new();
        let mut open = vec![(root, false)];
        while let Some((node, is_left)) = open.pop() {
            if places.contains_key(&node) {
                continue;
            }
            let diagram::Branch { level, low, high } = diagrams.branch(node);
            if !is_left {
                open.extend([(node, true), (high, false), (low, false)]);
                continue;
            }
            let Some(digits) = layout.at(level) else { continue };
            let number = u32::try_from(branches.len()).unwrap_or(u32::MAX);
            branches.push(Branch {
                question: digits.question,
                digit: digits.end() - level - 1,
                low: place(&places, low),
                high: place(&places, high),
            });
            places.insert(node, Then::Ask(number));
        }
        FlowSet { cuts, atoms, branches, root: place(&places, root) }
    }

    /// The set as a diagram, with the layout of its cuts and atoms.
    pub(super) fn diagrams(&self) -> Result<(Layout, Diagrams, Node), Exhausted> {
        let layout = Layout::new(|axis| self.cuts_of(axis).len(), self.atoms.len());
        let layout = layout.ok_or(Exhausted)?;
        let mut diagrams = Diagrams::new(self.branches.len().saturating_add(diagram::CONSTANTS));
        let mut nodes: Vec<Node> = Vec::with_capacity(self.branches.len());
        let follow = |nodes: &[Node], then| match then {
            Then::Never => Node::NEVER,
            Then::Always => Node::ALWAYS,
            Then::Ask(number) => nodes.get(number as usize).copied().unwrap_or(Node::NEVER),
        };
        for branch in &self.branches {
            let digits = layout.of(branch.question).ok_or(Exhausted)?;
            let (low, high) = (follow(&nodes, branch.low), follow(&nodes, branch.high));
            nodes.push(diagrams.node(digits.end() - branch.digit - 1, low, high)?);
        }
        let root = follow(&nodes, self.root);
        Ok((layout, diagrams, root))
    }
}

impl<A: Ord> FlowSet<A> {
    /// Whether the set holds nothing.
    pub fn is_empty(&self) -> bool {
        self.root == Then::Never
    }

    /// How many branches the set has: what it costs to keep, some 40 bytes each.
    pub fn branches(&self) -> usize {
        self.branches.len()
    }

    /// Whether `flow` is in the set where just those atoms hold for which `holds` says so.
    pub fn contains(&self, flow: &Flow, mut holds: impl FnMut(&A) -> bool) -> bool {
        let point = Point::of(flow);
        let mut then = self.root;
        let mut last: Option<(Question, usize)> = None;
        while let Some(branch) = self.branch(then) {
            let rank = match (last, branch.question) {
                (Some((question, rank)), asked) if question == asked => rank,
                (_, Question::Axis(axis)) => {
                    let value = point.value(axis);
                    self.cuts_of(axis).partition_point(|cut| *cut <= value)
                }
                (_, Question::Atom(number)) => {
                    usize::from(self.atoms.get(number).is_some_and(&mut holds))
                }
            };
            last = Some((branch.question, rank));
            then = branch.at(rank);
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
        let question = |then: Then| self.branch(then).map(|branch| branch.question);
        let skips = |then: Then| match then {
            Then::Never => false,
            Then::Always => true,
            Then::Ask(_) => question(then) > Some(asked),
        };
        let above = self.branches.iter().filter(|branch| branch.question < asked);
        let mut entries: BTreeSet<Then> = [self.root].into();
        entries.extend(above.flat_map(|branch| [branch.low, branch.high]));
        if entries.iter().any(|then| skips(*then)) {
            return AddressSet::all();
        }
        // Each stretch between two cuts once, however many branches have it.
        let mut is_held = vec![false; self.cuts_of(axis).len() + 1];
        let mut seen: HashSet<(Then, u32, u32)> = HashSet::default();
        let digits = self.digits_on(axis);
        let mut open: Vec<(Then, u32, u32)> = entries
            .into_iter()
            .filter(|then| question(*then) == Some(asked))
            .map(|then| (then, 0, digits))
            .collect();
        while let Some(block @ (then, start, left)) = open.pop() {
            if then == Then::Never || !seen.insert(block) {
                continue;
            }
            if let Some((low, high)) = self.halves(axis, then, left) {
                let rest = left - 1;
                open.extend([(low, start, rest), (high, start | (1 << rest), rest)]);
                continue;
            }
            let end = is_held.len().min((start | last_of(left)) as usize + 1);
            if let Some(stretch) = is_held.get_mut(start as usize..end) {
                stretch.fill(true);
            }
        }
        let least = axis.least();
        let starts = [&least].into_iter().chain(self.cuts_of(axis));
        let ends = self.cuts_of(axis).iter().map(Some).chain([None]);
        let held = is_held.into_iter().zip(starts.zip(ends)).filter(|(is_held, _)| *is_held);
        held.filter_map(|(_, (start, end))| address_ranges(start, end)).flatten().collect()
    }

    /// What decides first.
    pub(super) fn root(&self) -> Then {
        self.root
    }

    /// What follows from the values on `axis`, on which `then` is the first branch: each with the
    /// first value, and the value above them.
    pub(super) fn spans(&self, axis: Axis, then: Then) -> Vec<(Then, Value, Option<&Value>)> {
        let mut runs = Vec::new();
        self.add_runs(axis, then, (0, self.digits_on(axis)), &mut runs);
        let above = runs.iter().skip(1).map(Some).chain([None]);
        let spans = runs.iter().zip(above).map(|(run, next)| {
            let start = self.cut(axis, run.start).cloned().unwrap_or_else(|| axis.least());
            (run.then, start, next.and_then(|next| self.cut(axis, next.start)))
        });
        spans.collect()
    }

    /// Adds the runs of the ranks from `start` on that the last `left` digits tell apart.
    fn add_runs(&self, axis: Axis, then: Then, (start, left): (u32, u32), runs: &mut Vec<Run>) {
        if start as usize > self.cuts_of(axis).len() {
            return;
        }
        match self.halves(axis, then, left) {
            Some((low, high)) => {
                let rest = left - 1;
                self.add_runs(axis, low, (start, rest), runs);
                self.add_runs(axis, high, (start | (1 << rest), rest), runs);
            }
            None => {
                if runs.last().is_none_or(|last| last.then != then) {
                    runs.push(Run { start, then });
                }
            }
        }
    }

    /// What `then` comes to for either value of the first of the last `left` digits on `axis`;
    /// nothing where it asks for no digit of it.
    fn halves(&self, axis: Axis, then: Then, left: u32) -> Option<(Then, Then)> {
        let branch = self.branch(then).filter(|it| it.question == Question::Axis(axis))?;
        let is_asked = branch.digit.checked_add(1) == Some(left);
        Some(if is_asked { (branch.low, branch.high) } else { (then, then) })
    }

    /// How many digits write a rank on `axis`.
    fn digits_on(&self, axis: Axis) -> u32 {
        digits_of(u32::try_from(self.cuts_of(axis).len()).unwrap_or(u32::MAX))
    }

    /// The cuts of an axis, ascending.
    pub(super) fn cuts_of(&self, axis: Axis) -> &[Value] {
        self.cuts.get(&axis).map_or(&[], Vec::as_slice)
    }

    /// The cut with a number; none has the number 0.
    fn cut(&self, axis: Axis, number: u32) -> Option<&Value> {
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

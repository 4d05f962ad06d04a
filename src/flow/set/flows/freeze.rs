//! From the sets of an algebra to values, and back.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::algebra::Algebra;
use super::algebra::AlgebraError;
use super::algebra::Digits;
use super::algebra::Set;
use super::axis::Value;
use super::diagram::Node;
use super::frozen::Branch;
use super::frozen::FlowSet;
use super::frozen::Run;
use super::frozen::Then;
use super::question::Question;

/// A node at which another question begins, and the runs of its answers, each from a rank on.
type Entry = (Question, Vec<(u32, Node)>);

impl<'id, A: Clone + Ord> Algebra<'id, A> {
    /// The set as a value that needs no algebra.
    ///
    /// # Errors
    /// More runs than the algebra may make nodes: a value has those of each branch side by side,
    /// where the algebra shares their ends.
    pub fn freeze(&self, set: Set<'id>) -> Result<FlowSet<A>, AlgebraError> {
        let entries = self.entries(set.node)?;
        let order = walk(set.node, &entries);
        let used: BTreeSet<(Question, u32)> = order
            .iter()
            .filter_map(|node| entries.get(node))
            .flat_map(|(question, runs)| runs.iter().map(|(rank, _)| (*question, *rank)))
            .collect();
        let mut frozen = FlowSet {
            cuts: BTreeMap::new(),
            atoms: Vec::new(),
            branches: Vec::new(),
            root: Then::Never,
        };
        // How what is used is numbered from now on.
        let mut numbers: BTreeMap<(Question, u32), u32> = BTreeMap::new();
        let mut atoms: BTreeMap<usize, usize> = BTreeMap::new();
        for (question, rank) in used {
            let number = match question {
                Question::Atom(place) => {
                    if rank == 1
                        && let Some(atom) = self.cuts.atoms.get(place)
                    {
                        atoms.insert(place, frozen.atoms.len());
                        frozen.atoms.push(atom.clone());
                    }
                    rank
                }
                Question::Axis(axis) => {
                    let cuts = frozen.cuts.entry(axis).or_default();
                    cuts.extend(rank_cut(self.cuts.of(axis), rank).cloned());
                    u32::try_from(cuts.len()).unwrap_or(u32::MAX)
                }
            };
            numbers.insert((question, rank), number);
        }
        frozen.cuts.retain(|_, cuts| !cuts.is_empty());
        let mut places: BTreeMap<Node, Then> =
            [(Node::NEVER, Then::Never), (Node::ALWAYS, Then::Always)].into();
        for node in order {
            let Some((question, runs)) = entries.get(&node) else { continue };
            let run = |(rank, then): &(u32, Node)| Run {
                start: numbers.get(&(*question, *rank)).copied().unwrap_or_default(),
                then: places.get(then).copied().unwrap_or(Then::Never),
            };
            let runs = runs.iter().map(run).collect();
            let question = match question {
                Question::Axis(_) => *question,
                Question::Atom(place) => {
                    Question::Atom(atoms.get(place).copied().unwrap_or_default())
                }
            };
            places
                .insert(node, Then::Ask(u32::try_from(frozen.branches.len()).unwrap_or(u32::MAX)));
            frozen.branches.push(Branch { question, runs });
        }
        frozen.root = places.get(&set.node).copied().unwrap_or(Then::Never);
        Ok(frozen)
    }

    /// The set that was frozen, in this algebra or in another.
    ///
    /// # Errors
    /// A set that was not announced, or too many nodes.
    pub fn thaw(&mut self, set: &FlowSet<A>) -> Result<Set<'id>, AlgebraError> {
        let mut nodes: Vec<Node> = Vec::with_capacity(set.branches.len());
        for branch in &set.branches {
            let follow = |run: &Run| follow(&nodes, run.then);
            let node = match branch.question {
                Question::Axis(axis) => {
                    let rank = |run: &Run| match set.cut(axis, run.start) {
                        Some(value) => self.rank(axis, value),
                        None => Ok(0),
                    };
                    let runs: Result<Vec<(u32, Node)>, AlgebraError> =
                        branch.runs.iter().map(|run| Ok((rank(run)?, follow(run)))).collect();
                    self.in_digits(axis, &runs?)?
                }
                Question::Atom(number) => {
                    let atom = set.atoms.get(number).ok_or(AlgebraError::UnknownAtom)?;
                    let level = self.level_of(atom)?;
                    let then = |place| branch.runs.get(place).map_or(Node::NEVER, follow);
                    let (low, high) = (then(0), then(1));
                    self.node(level, low, high)?
                }
            };
            nodes.push(node);
        }
        Ok(self.set(follow(&nodes, set.root)))
    }

    /// The nodes below `root`, and itself, at which another question is asked than above.
    fn entries(&self, root: Node) -> Result<BTreeMap<Node, Entry>, AlgebraError> {
        let mut seen: BTreeSet<Node> = [root].into();
        let mut open = vec![root];
        let mut first: BTreeSet<Node> = [root].into();
        while let Some(node) = open.pop() {
            let branch = self.diagrams.branch(node);
            let Some(here) = self.digits_at(branch.level) else { continue };
            for child in [branch.low, branch.high] {
                if self.diagrams.branch(child).level >= here.end() {
                    first.insert(child);
                }
                if seen.insert(child) {
                    open.push(child);
                }
            }
        }
        let mut entries = BTreeMap::new();
        let mut left = self.nodes;
        for node in first {
            let Some(digits) = self.digits_at(self.diagrams.branch(node).level) else { continue };
            let mut runs = Vec::new();
            self.add_runs(digits, node, 0, digits.count, &mut runs);
            left = left.checked_sub(runs.len()).ok_or(self.too_large())?;
            entries.insert(node, (digits.question, runs));
        }
        Ok(entries)
    }

    /// Adds the runs of ranks from `start` on for which `node` comes to one function beyond
    /// `digits`, the last `left` of which are open still.
    fn add_runs(
        &self,
        digits: &Digits,
        node: Node,
        start: u32,
        left: u32,
        runs: &mut Vec<(u32, Node)>,
    ) {
        if start >= digits.ranks {
            return;
        }
        let branch = self.diagrams.branch(node);
        if branch.level >= digits.end() {
            if runs.last().is_none_or(|(_, last)| *last != node) {
                runs.push((start, node));
            }
            return;
        }
        let Some(rest) = left.checked_sub(1) else { return };
        let is_asked = branch.level == digits.end() - left;
        let (low, high) = if is_asked { (branch.low, branch.high) } else { (node, node) };
        self.add_runs(digits, low, start, rest, runs);
        self.add_runs(digits, high, start + (1 << rest), rest, runs);
    }
}

fn rank_cut(cuts: &[Value], rank: u32) -> Option<&Value> {
    cuts.get((rank as usize).checked_sub(1)?)
}

fn follow(nodes: &[Node], then: Then) -> Node {
    match then {
        Then::Never => Node::NEVER,
        Then::Always => Node::ALWAYS,
        Then::Ask(number) => nodes.get(number as usize).copied().unwrap_or(Node::NEVER),
    }
}

/// The entries in the order in which a walk from `root`, along the runs, leaves them.
fn walk(root: Node, entries: &BTreeMap<Node, Entry>) -> Vec<Node> {
    let mut order = Vec::with_capacity(entries.len());
    let mut seen: BTreeSet<Node> = [root].into();
    let mut open: Vec<(Node, usize)> = vec![(root, 0)];
    while let Some((node, next)) = open.pop() {
        let Some((_, runs)) = entries.get(&node) else { continue };
        match runs.get(next) {
            Some((_, child)) => {
                open.push((node, next + 1));
                if seen.insert(*child) {
                    open.push((*child, 0));
                }
            }
            None => order.push(node),
        }
    }
    order
}

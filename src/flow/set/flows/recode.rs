//! The functions of one layout in another, where other cuts are numbered.

use foldhash::HashMap;
use std::collections::BTreeSet;

use super::diagram::Diagrams;
use super::diagram::Exhausted;
use super::diagram::Node;
use super::layout::Digits;
use super::layout::Layout;

/// How the ranks of one layout are written in another.
#[derive(Debug)]
pub(super) struct Renumbered {
    pub(super) from: Digits,
    pub(super) to: Digits,
    // Invariant: never descending, and the first is 0.
    /// For each rank that is written, the one that is read.
    pub(super) ranks: Vec<u32>,
}

impl Renumbered {
    /// The rank that is read for `rank`; beyond the last, the last.
    fn read(&self, rank: u32) -> u32 {
        self.ranks.get(rank as usize).or(self.ranks.last()).copied().unwrap_or_default()
    }
}

/// Reads functions of one collection of diagrams and writes them in another.
///
/// A block of ranks that are written is a stretch of ranks that are read, which some of the nodes
/// read make up. Where the same nodes make up the same stretch for two functions, they are written
/// once: so the work follows how much the nodes read are shared, and not how many runs there are.
#[derive(Debug)]
pub(super) struct Recoding<'d> {
    from: &'d Diagrams,
    layout: &'d Layout,
    // Invariant: in the order of the variables.
    questions: Vec<Renumbered>,
    to: &'d mut Diagrams,
    /// The blocks that were written, by the variable that is asked first, where they begin, and what
    /// makes them up.
    known: HashMap<(u32, u32, Vec<Node>), Node>,
    written: HashMap<Node, Node>,
    steps_left: usize,
}

impl<'d> Recoding<'d> {
    /// Reads from `from`, whose functions ask `questions` only; at most `steps` blocks are written.
    pub(super) fn new(
        (from, layout): (&'d Diagrams, &'d Layout),
        questions: Vec<Renumbered>,
        to: &'d mut Diagrams,
        steps: usize,
    ) -> Recoding<'d> {
        let written = [Node::NEVER, Node::ALWAYS].map(|constant| (constant, constant));
        let written = written.into_iter().collect();
        Recoding {
            from,
            layout,
            questions,
            to,
            known: HashMap::default(),
            written,
            steps_left: steps,
        }
    }

    /// The function that asks in the one layout what `root` asks in the other.
    pub(super) fn write(mut self, root: Node) -> Result<Node, Exhausted> {
        // A node's children have lower numbers.
        for entry in entries(self.from, self.layout, root) {
            let level = self.from.branch(entry).level;
            let begun = self.questions.partition_point(|question| question.from.first <= level);
            let Some(place) = begun.checked_sub(1) else { continue };
            let Some(digits) = self.questions.get(place).map(|question| question.to) else {
                continue;
            };
            let node = self.block(place, entry, 0, digits.count)?;
            self.written.insert(entry, node);
        }
        Ok(self.written_as(root))
    }

    fn written_as(&self, node: Node) -> Node {
        self.written.get(&node).copied().unwrap_or(Node::NEVER)
    }

    /// `entry` for the ranks from `start` on that the last `left` digits tell apart.
    fn block(
        &mut self,
        question: usize,
        entry: Node,
        start: u32,
        left: u32,
    ) -> Result<Node, Exhausted> {
        let Some(renumbered) = self.questions.get(question) else { return Ok(Node::NEVER) };
        let read = (renumbered.read(start), renumbered.read(start | last_of(left)));
        let (from, to) = (renumbered.from, renumbered.to);
        let mut cover = Vec::new();
        self.cover(from, entry, (0, from.count), read, &mut cover);
        if let Some(&one) = cover.first()
            && self.from.branch(one).level >= from.end()
            && cover.iter().all(|other| *other == one)
        {
            return Ok(self.written_as(one));
        }
        // A single rank is made up of one function.
        let Some(rest) = left.checked_sub(1) else { return Ok(Node::NEVER) };
        let level = to.end() - left;
        let key = (level, start, cover);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        self.steps_left = self.steps_left.checked_sub(1).ok_or(Exhausted)?;
        let low = self.block(question, entry, start, rest)?;
        let high = self.block(question, entry, start | (1 << rest), rest)?;
        let node = self.to.node(level, low, high)?;
        self.known.insert(key, node);
        Ok(node)
    }

    /// Adds the nodes of the greatest blocks of ranks, within the one of `node`, that make up the
    /// ranks from the first of `read` to the last. Which blocks they are, `read` alone decides.
    fn cover(
        &self,
        digits: Digits,
        node: Node,
        (start, left): (u32, u32),
        read: (u32, u32),
        cover: &mut Vec<Node>,
    ) {
        let (first, last) = read;
        let end = start | last_of(left);
        if last < start || end < first {
            return;
        }
        let Some(rest) = left.checked_sub(1).filter(|_| start < first || last < end) else {
            cover.push(node);
            return;
        };
        let (low, high) = self.from.halves(node, digits.end() - left);
        self.cover(digits, low, (start, rest), read, cover);
        self.cover(digits, high, (start | (1 << rest), rest), read, cover);
    }
}

/// The nodes below `root`, and itself, at which another question is asked than above: ascending.
pub(super) fn entries(diagrams: &Diagrams, layout: &Layout, root: Node) -> BTreeSet<Node> {
    let mut seen: BTreeSet<Node> = [root].into();
    let mut open = vec![root];
    let mut entries: BTreeSet<Node> = BTreeSet::new();
    if layout.at(diagrams.branch(root).level).is_some() {
        entries.insert(root);
    }
    while let Some(node) = open.pop() {
        let branch = diagrams.branch(node);
        let Some(here) = layout.at(branch.level) else { continue };
        for child in [branch.low, branch.high] {
            let level = diagrams.branch(child).level;
            if level >= here.end() && layout.at(level).is_some() {
                entries.insert(child);
            }
            if seen.insert(child) {
                open.push(child);
            }
        }
    }
    entries
}

/// The greatest number of so many binary digits.
pub(super) fn last_of(digits: u32) -> u32 {
    u32::MAX.checked_shr(u32::BITS - digits).unwrap_or_default()
}

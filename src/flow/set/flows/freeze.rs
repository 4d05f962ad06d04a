//! From the sets of an algebra to values, and back.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;

use super::algebra::Algebra;
use super::algebra::AlgebraError;
use super::algebra::Set;
use super::axis::Value;
use super::diagram::Diagrams;
use super::diagram::Exhausted;
use super::diagram::Node;
use super::frozen::FlowSet;
use super::layout::Layout;
use super::question::Question;
use super::recode::Recoding;
use super::recode::Renumbered;
use super::recode::entries;

impl<'id, A: Clone + Ord> Algebra<'id, A> {
    /// The set as a value that needs no algebra: cut only where two of its points are told apart.
    ///
    /// # Errors
    /// More steps than the algebra may make nodes.
    pub fn freeze(&self, set: Set<'id>) -> Result<FlowSet<A>, AlgebraError> {
        let mut cuts: BTreeMap<_, Vec<Value>> = BTreeMap::new();
        let mut atoms: Vec<A> = Vec::new();
        let mut asked = Vec::new();
        for (question, ranks) in self.told_apart(set.node)? {
            let number = match question {
                Question::Axis(axis) => {
                    let cut = |rank: &u32| self.cuts.of(axis).get((*rank as usize).checked_sub(1)?);
                    cuts.insert(axis, ranks.iter().filter_map(cut).cloned().collect());
                    question
                }
                Question::Atom(number) => {
                    atoms.extend(self.cuts.atoms.get(number).cloned());
                    Question::Atom(atoms.len().saturating_sub(1))
                }
            };
            asked.push((question, number, [0].into_iter().chain(ranks).collect()));
        }
        let layout = Layout::new(|axis| cuts.get(&axis).map_or(0, Vec::len), atoms.len())
            .ok_or(self.too_large())?;
        let renumber = |(question, number, ranks)| {
            let (from, to) = (self.layout.of(question)?, layout.of(number)?);
            Some(Renumbered { from, to, ranks })
        };
        let questions = asked.into_iter().filter_map(renumber).collect();
        let mut diagrams = Diagrams::new(self.nodes);
        let from = (&self.diagrams, &self.layout);
        let root = Recoding::new(from, questions, &mut diagrams, self.nodes)
            .write(set.node)
            .map_err(|Exhausted| self.too_large())?;
        Ok(FlowSet::new((cuts, atoms), (&diagrams, &layout), root))
    }

    /// The set that was frozen, in this algebra or in another.
    ///
    /// # Errors
    /// A set that was not announced, or too many nodes.
    pub fn thaw(&mut self, set: &FlowSet<A>) -> Result<Set<'id>, AlgebraError> {
        let (layout, diagrams, root) = set.diagrams().map_err(|Exhausted| self.too_large())?;
        let mut questions = Vec::new();
        for (axis, cuts) in &set.cuts {
            let question = Question::Axis(*axis);
            let (Some(from), Some(to)) = (layout.of(question), self.layout.of(question)) else {
                return Err(AlgebraError::UnknownCut);
            };
            let ranks = ranks_in(self.cuts.of(*axis), cuts).ok_or(AlgebraError::UnknownCut)?;
            questions.push(Renumbered { from, to, ranks });
        }
        for (number, atom) in set.atoms.iter().enumerate() {
            let place =
                self.cuts.atoms.binary_search(atom).map_err(|_| AlgebraError::UnknownAtom)?;
            let (of_set, here) = (Question::Atom(number), Question::Atom(place));
            let (Some(from), Some(to)) = (layout.of(of_set), self.layout.of(here)) else {
                return Err(AlgebraError::UnknownAtom);
            };
            questions.push(Renumbered { from, to, ranks: vec![0, 1] });
        }
        questions.sort_by_key(|question| question.from.first);
        let most = self.nodes;
        let node = Recoding::new((&diagrams, &layout), questions, &mut self.diagrams, most)
            .write(root)
            .map_err(|Exhausted| AlgebraError::TooLarge { nodes: most })?;
        Ok(self.set(node))
    }

    /// The ranks, of each question that is asked, at which `root` is not what it is one rank below.
    fn told_apart(&self, root: Node) -> Result<BTreeMap<Question, BTreeSet<u32>>, AlgebraError> {
        let mut told_apart: BTreeMap<Question, BTreeSet<u32>> = BTreeMap::new();
        // Blocks of ranks: a node, where its ranks begin, and how many digits tell them apart.
        let mut seen: HashSet<(Node, u32, u32)> = HashSet::new();
        for entry in entries(&self.diagrams, &self.layout, root) {
            let Some(digits) = self.layout.at(self.diagrams.branch(entry).level) else { continue };
            let ranks = told_apart.entry(digits.question).or_default();
            let mut open = vec![(entry, 0_u32, digits.count)];
            while let Some(block @ (node, start, left)) = open.pop() {
                let is_one = self.diagrams.branch(node).level >= digits.end();
                let Some(rest) = left.checked_sub(1).filter(|_| !is_one) else { continue };
                if start >= digits.ranks || !seen.insert(block) {
                    continue;
                }
                if seen.len() > self.nodes {
                    return Err(self.too_large());
                }
                let (low, high) = self.diagrams.halves(node, digits.end() - left);
                let middle = start | (1 << rest);
                let below = self.diagrams.at_the_end(low, digits.end(), |branch| branch.high);
                let above = self.diagrams.at_the_end(high, digits.end(), |branch| branch.low);
                if middle < digits.ranks && below != above {
                    ranks.insert(middle);
                }
                open.extend([(low, start, rest), (high, middle, rest)]);
            }
        }
        Ok(told_apart)
    }
}

/// For each rank among `cuts`, how many of `some` lie at or below it; nothing if one of `some` is
/// not among them.
fn ranks_in(cuts: &[Value], some: &[Value]) -> Option<Vec<u32>> {
    let mut some = some.iter().peekable();
    let (mut ranks, mut below) = (vec![0], 0);
    for cut in cuts {
        if some.next_if_eq(&cut).is_some() {
            below += 1;
        }
        ranks.push(below);
    }
    some.next().is_none().then_some(ranks)
}

//! How large sets are beside each other.

use foldhash::HashMap;

use super::algebra::Algebra;
use super::algebra::Set;
use super::diagram::Node;

impl<'id, A: Clone + Ord> Algebra<'id, A> {
    /// How large each of `sets` is: the part of all there is that it takes, from 0 to 1, where every
    /// stretch between two cuts of an axis counts alike, and so does either way of an atom.
    ///
    /// Names cannot be counted, so sets are measured by what their algebra tells apart. A set that
    /// holds another one and more is larger, unless the difference is too small for a number.
    pub fn shares(&self, sets: &[Set<'id>]) -> Vec<f64> {
        let mut known: HashMap<Node, f64> =
            [(Node::NEVER, 0.0), (Node::ALWAYS, 1.0)].into_iter().collect();
        sets.iter().map(|set| self.share(set.node, &mut known)).collect()
    }

    fn share(&self, root: Node, known: &mut HashMap<Node, f64>) -> f64 {
        let mut open = vec![root];
        while let Some(node) = open.last().copied() {
            if known.contains_key(&node) {
                open.pop();
                continue;
            }
            let branch = self.diagrams.branch(node);
            match (known.get(&branch.low), known.get(&branch.high)) {
                (Some(low), Some(high)) => {
                    known.insert(node, f64::midpoint(*low, *high));
                    open.pop();
                }
                (low, high) => {
                    let missing = [(low, branch.low), (high, branch.high)].into_iter();
                    open.extend(missing.filter(|(it, _)| it.is_none()).map(|(_, node)| node));
                }
            }
        }
        known.get(&root).copied().unwrap_or_default()
    }
}

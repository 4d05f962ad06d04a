//! Statements joined as a balanced tree, so that those which meet a set are found without a look at
//! the rest.

use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::Set;
use crate::prove::atom::FlowAtom;

/// Sets, and what is in one of them.
pub(super) struct Tree<'id> {
    /// What is in one of the sets.
    pub(super) set: Set<'id>,
    /// Both halves of the sets; nothing where there is at most one.
    halves: Option<Box<[Tree<'id>; 2]>>,
    /// The place of the first set.
    first: usize,
}

impl<'id> Tree<'id> {
    /// The tree over what `set` gives for each of `of`.
    pub(super) fn over<T>(
        of: &[T],
        set: impl Fn(&T) -> Set<'id> + Copy,
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Tree<'id>, AlgebraError> {
        Tree::from(0, of, set, algebra)
    }

    fn from<T>(
        first: usize,
        of: &[T],
        set: impl Fn(&T) -> Set<'id> + Copy,
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Tree<'id>, AlgebraError> {
        let (left, right) = of.split_at(of.len() / 2);
        if left.is_empty() {
            let set = right.first().map_or(algebra.empty(), set);
            return Ok(Tree { set, halves: None, first });
        }
        let middle = first + left.len();
        let left = Tree::from(first, left, set, algebra)?;
        let right = Tree::from(middle, right, set, algebra)?;
        let set = algebra.union(left.set, right.set)?;
        Ok(Tree { set, halves: Some(Box::new([left, right])), first })
    }

    /// The places of the sets that have something in common with `with`, ascending.
    pub(super) fn meeting(
        &self,
        with: Set<'id>,
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Vec<usize>, AlgebraError> {
        let (mut open, mut found) = (vec![(self, with)], Vec::new());
        while let Some((tree, with)) = open.pop() {
            let common = algebra.intersection(tree.set, with)?;
            if algebra.is_empty(common) {
                continue;
            }
            match tree.halves.as_deref() {
                Some([left, right]) => open.extend([(right, common), (left, common)]),
                None => found.push(tree.first),
            }
        }
        Ok(found)
    }
}

//! Statements joined as a balanced tree, so that those which meet others are found without a look at
//! each pair.

use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::Points;
use crate::prove::atom::FlowAtom;

/// Points, and what is in one of them.
pub(super) struct Tree<'id> {
    /// What is in one of them.
    pub(super) points: Points<'id>,
    /// Both halves; nothing where there is at most one.
    halves: Option<Box<[Tree<'id>; 2]>>,
    /// The place of the first.
    first: usize,
}

impl<'id> Tree<'id> {
    /// The tree over what `points` gives for each of `of`.
    pub(super) fn over<T>(
        of: &[T],
        points: impl Fn(&T) -> Points<'id> + Copy,
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Tree<'id>, AlgebraError> {
        Tree::from(0, of, points, algebra)
    }

    fn from<T>(
        first: usize,
        of: &[T],
        points: impl Fn(&T) -> Points<'id> + Copy,
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Tree<'id>, AlgebraError> {
        let (left, right) = of.split_at(of.len() / 2);
        if left.is_empty() {
            let points = right.first().map_or(algebra.no_points(), points);
            return Ok(Tree { points, halves: None, first });
        }
        let middle = first + left.len();
        let left = Tree::from(first, left, points, algebra)?;
        let right = Tree::from(middle, right, points, algebra)?;
        let points = algebra.points_in_one([left.points, right.points])?;
        Ok(Tree { points, halves: Some(Box::new([left, right])), first })
    }

    /// What is in two of them.
    pub(super) fn twice(
        &self,
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Points<'id>, AlgebraError> {
        let Some([left, right]) = self.halves.as_deref() else { return Ok(algebra.no_points()) };
        let common = algebra.points_in_all([left.points, right.points])?;
        let (left, right) = (left.twice(algebra)?, right.twice(algebra)?);
        algebra.points_in_one([left, right, common])
    }

    /// The places of those that have something in common with `with`, ascending.
    pub(super) fn meeting(
        &self,
        with: Points<'id>,
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Vec<usize>, AlgebraError> {
        let (mut open, mut found) = (vec![(self, with)], Vec::new());
        while let Some((tree, with)) = open.pop() {
            let common = algebra.points_in_all([tree.points, with])?;
            if common == algebra.no_points() {
                continue;
            }
            match tree.halves.as_deref() {
                Some([left, right]) => open.extend([(right, common), (left, common)]),
                None if algebra.has_flow([common], [])? => found.push(tree.first),
                None => {}
            }
        }
        Ok(found)
    }
}

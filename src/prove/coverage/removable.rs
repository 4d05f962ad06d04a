//! Which statements can be taken out, all of them together, without a change of what the others say.

use super::Said;
use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::Set;
use crate::prove::atom::FlowAtom;

/// What several statements permit, and what they require.
#[derive(Clone, Copy)]
struct Together<'id> {
    all: Set<'id>,
    required: Set<'id>,
}

/// Those of `said` that can be taken out, and the others, both in their order, which is that of
/// [`Said::lasting`].
///
/// Each of the first is covered by those of the second that last as long. Of several of which each
/// could go if the others stay, the last ones go: those that end first, and then those that come
/// last. None of the second could go, too.
pub(super) fn removable<'id>(
    said: &[Said<'id>],
    algebra: &mut Algebra<'id, FlowAtom>,
) -> Result<(Vec<Said<'id>>, Vec<Said<'id>>), AlgebraError> {
    let all: Vec<Set<'id>> = said.iter().map(|one| one.all).collect();
    let required: Vec<Set<'id>> = said.iter().map(|one| one.required).collect();
    let twice = Together { all: twice(&all, algebra)?.1, required: twice(&required, algebra)?.1 };
    let (mut removed, mut kept): (Vec<Said<'id>>, Vec<Said<'id>>) = (Vec::new(), Vec::new());
    let nothing = Together { all: algebra.empty(), required: algebra.empty() };
    let mut longer = nothing;
    for group in said.chunk_by(|one, other| one.expires == other.expires) {
        let (mut candidates, mut needed) = (Vec::new(), Vec::new());
        for one in group {
            let is_candidate = is_within(one, twice, algebra)?;
            if is_candidate { &mut candidates } else { &mut needed }.push(*one);
        }
        longer = with(longer, &needed, algebra)?;
        let mut before = vec![longer];
        for one in &candidates {
            let last = before.last().copied().unwrap_or(longer);
            before.push(with(last, &[*one], algebra)?);
        }
        let mut behind = nothing;
        for (one, before) in candidates.iter().zip(before).rev() {
            let others = Together {
                all: algebra.union(before.all, behind.all)?,
                required: algebra.union(before.required, behind.required)?,
            };
            if is_within(one, others, algebra)? {
                removed.push(*one);
            } else {
                behind = with(behind, &[*one], algebra)?;
                needed.push(*one);
            }
        }
        longer = Together {
            all: algebra.union(longer.all, behind.all)?,
            required: algebra.union(longer.required, behind.required)?,
        };
        kept.extend(needed);
    }
    kept.sort_by_key(|one| (one.lasting(), one.index));
    removed.sort_by_key(|one| (one.lasting(), one.index));
    Ok((removed, kept))
}

/// Whether all that a statement says, but for what is denied, is in `others`.
fn is_within<'id>(
    one: &Said<'id>,
    others: Together<'id>,
    algebra: &mut Algebra<'id, FlowAtom>,
) -> Result<bool, AlgebraError> {
    for (says, others) in [(one.all, others.all), (one.required, others.required)] {
        let left = algebra.difference(says, others)?;
        let left = algebra.difference(left, one.denied)?;
        if !algebra.is_empty(left) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn with<'id>(
    some: Together<'id>,
    more: &[Said<'id>],
    algebra: &mut Algebra<'id, FlowAtom>,
) -> Result<Together<'id>, AlgebraError> {
    let all: Vec<Set<'id>> = more.iter().map(|one| one.all).collect();
    let required: Vec<Set<'id>> = more.iter().map(|one| one.required).collect();
    let (all, required) = (algebra.union_of(&all)?, algebra.union_of(&required)?);
    Ok(Together {
        all: algebra.union(some.all, all)?,
        required: algebra.union(some.required, required)?,
    })
}

/// What is in one of `sets`, and what is in two of them.
fn twice<'id>(
    sets: &[Set<'id>],
    algebra: &mut Algebra<'id, FlowAtom>,
) -> Result<(Set<'id>, Set<'id>), AlgebraError> {
    let (left, right) = sets.split_at(sets.len() / 2);
    if left.is_empty() {
        let only = right.first().copied();
        return Ok((only.unwrap_or(algebra.empty()), algebra.empty()));
    }
    let (left, left_twice) = twice(left, algebra)?;
    let (right, right_twice) = twice(right, algebra)?;
    let common = algebra.intersection(left, right)?;
    let twice = algebra.union_of(&[left_twice, right_twice, common])?;
    Ok((algebra.union(left, right)?, twice))
}

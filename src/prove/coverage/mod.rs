//! What the statements of a list do to each other, over all flows: which say nothing that others do not.
//!
//! In: a list, and the deployment that it is compiled to. Out: statements by their numbers, with those
//! that cover them. Nothing is held against evidence, as what a tag or a name stands for today may
//! be something else tomorrow: what is found holds in every environment, and for as long as the
//! statement itself is active.
//!
//! No statement is held against each other one. All of them are sets of one algebra: a statement can
//! be taken out only if each of its flows is in another one, too, and what is in two of them is had
//! by joining all as a tree (`removable`). Which those are is asked only for what is found (`tree`).

mod removable;
mod tree;

use std::cmp::Reverse;

use jiff::civil::Date;

use self::removable::removable;
use self::tree::Tree;

use super::atom::FlowAtom;
use super::atom::Party;
use super::encoder::Encoder;
use super::encoder::Known;
use super::formula::Formula;
use super::gate::v4;
use super::listed::listed;
use crate::evidence::Evidence;
use crate::flow::AddressSet;
use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::Pieces;
use crate::flow::set::flows::Set;
use crate::intent::Intent;
use crate::simulate::Assumptions;
use crate::simulate::Simulator;

/// The most statements that are named as covering another: what one reads at a time.
pub const MAX_NAMED: usize = 4;

/// The most pieces of what is denied of a permission.
const MAX_PIECES: usize = 3;

/// The most permissions of which it is said what a deny takes from them. A deny by address takes
/// something of each permission by name.
pub const MAX_PARTLY: usize = 100;

/// A statement of a list.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Statement {
    /// By its index into [`Intent::permissions`].
    Permission(usize),
    /// By its index into [`Intent::denies`].
    Deny(usize),
}

/// A statement all of which others say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Covered {
    /// The statement.
    pub statement: Statement,
    /// Those that cover it, the heaviest overlap first; at most [`MAX_NAMED`].
    pub by: Vec<Statement>,
    /// How many more are needed to cover it.
    pub more: usize,
    /// Of a permission that others cover but for what is denied: the deny that takes most of it.
    pub denied_by: Option<usize>,
}

/// A permission of which denies take a part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartlyDenied {
    /// The permission, as an index into [`Intent::permissions`].
    pub permission: usize,
    /// The denies, as indices into [`Intent::denies`], the heaviest overlap first; at most
    /// [`MAX_NAMED`].
    pub by: Vec<usize>,
    /// How many more there are.
    pub more: usize,
    /// What is denied of what the permission means.
    pub pieces: Pieces<FlowAtom>,
}

/// What the statements of a list do to each other. Each list is in the order of the intent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Coverage {
    /// The permissions that are denied whole, with the denies.
    pub overruled: Vec<Covered>,
    /// The permissions and denies that can be taken out, even all of them together, and nothing
    /// changes in what is permitted or required.
    pub redundant: Vec<Covered>,
    /// The denies of which no permission permits anything, as indices into [`Intent::denies`].
    pub idle: Vec<usize>,
    /// The permissions that are denied in part; at most [`MAX_PARTLY`].
    pub partly: Vec<PartlyDenied>,
    /// How many more permissions are denied in part.
    pub more_partly: usize,
    /// What work it took, in nodes of diagrams.
    pub nodes: usize,
}

/// Finds what the statements of `intent` that are active on `day` do to each other, with at most
/// `nodes` nodes of work. `simulator` has what the list is compiled to.
///
/// # Errors
/// The sets take more than that.
pub fn coverage(
    (intent, day): (&Intent, Date),
    simulator: &Simulator<'_>,
    nodes: usize,
) -> Result<Coverage, AlgebraError> {
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default().in_proofs());
    let known = Known { evidence: &evidence, assumptions: &assumptions };
    let mut encoder = Encoder::new(simulator.deployment, known);
    let list = listed(&mut encoder, intent, day);
    let mut roots: Vec<Formula> = Vec::new();
    for one in &list.permissions {
        let said = encoder.any([one.strict, one.excess]);
        roots.extend([said, one.required, one.strict]);
    }
    roots.extend(list.denies.iter().map(|(_, denied)| *denied));
    let possible = encoder.axioms(&roots);
    let impossible = encoder.not(possible);
    // No firewall passes IPv6 (`azure-firewall.md §1.13`).
    let passed_by_none = encoder.address(Party::Destination, &AddressSet::all().difference(&v4()));
    roots.extend([impossible, passed_by_none]);
    let cuts = encoder.formulas.cuts(&roots);
    cuts.with_algebra(nodes, |mut algebra| {
        let mut sets = encoder.formulas.sets(&roots, &mut algebra)?.into_iter();
        let nothing = algebra.empty();
        let mut next = || sets.next().unwrap_or(nothing);
        let mut permissions = Vec::with_capacity(list.permissions.len());
        for one in &list.permissions {
            let permission = intent.permissions.get(one.index);
            permissions.push(Said {
                index: one.index,
                expires: permission.and_then(|it| it.expires),
                all: next(),
                required: next(),
                strict: next(),
                denied: nothing,
            });
        }
        let mut denies = Vec::with_capacity(list.denies.len());
        for (index, _) in &list.denies {
            let expires = intent.denies.get(*index).and_then(|deny| deny.expires);
            let all = next();
            let (index, required, strict) = (*index, nothing, nothing);
            denies.push(Said { index, expires, all, required, strict, denied: nothing });
        }
        let (impossible, passed_by_none) = (next(), next());
        permissions.sort_by_key(Said::lasting);
        denies.sort_by_key(Said::lasting);
        let mut search = Search { algebra: &mut algebra, impossible, passed_by_none };
        search.everything(permissions, denies)
    })?
}

/// What a statement says.
#[derive(Clone, Copy, Debug)]
struct Said<'id> {
    index: usize,
    expires: Option<Date>,
    /// What it permits or denies.
    all: Set<'id>,
    /// The part of it that must be able to leave.
    required: Set<'id>,
    /// The part of it that is no accepted excess.
    strict: Set<'id>,
    /// What cannot be, or is denied for as long as the statement is active.
    denied: Set<'id>,
}

impl Said<'_> {
    /// Orders statements by how long they last, the longest first.
    fn lasting(&self) -> (bool, Reverse<Option<Date>>) {
        (self.expires.is_some(), Reverse(self.expires))
    }
}

/// The search for what is covered.
struct Search<'s, 'id> {
    algebra: &'s mut Algebra<'id, FlowAtom>,
    /// What the axioms leave out.
    impossible: Set<'id>,
    /// What no firewall passes.
    passed_by_none: Set<'id>,
}

impl<'id> Search<'_, 'id> {
    /// Both in the order of [`Said::lasting`].
    fn everything(
        &mut self,
        mut permissions: Vec<Said<'id>>,
        denies: Vec<Said<'id>>,
    ) -> Result<Coverage, AlgebraError> {
        self.deny(&mut permissions, &denies)?;
        let every_deny = Tree::over(&denies, |one| one.all, self.algebra)?;
        let mut found = Coverage::default();
        let mut permitting: Vec<Said<'id>> = Vec::with_capacity(permissions.len());
        for one in &permissions {
            if self.is_denied(one)? {
                let (by, more) = self.denying(one, &denies, &every_deny)?;
                let by = by.into_iter().map(Statement::Deny).collect();
                let statement = Statement::Permission(one.index);
                found.overruled.push(Covered { statement, by, more, denied_by: None });
            } else {
                permitting.push(*one);
            }
        }
        found.redundant = self.redundant_permissions(&permitting, &denies, &every_deny)?;
        for one in &permitting {
            let taken = self.taken(one, &every_deny)?;
            if self.algebra.is_empty(taken) {
                continue;
            }
            if found.partly.len() < MAX_PARTLY {
                found.partly.push(self.partly_denied(one, taken, (&denies, &every_deny))?);
            } else {
                found.more_partly += 1;
            }
        }
        let permitted: Vec<Set<'id>> = permissions.iter().map(|one| one.all).collect();
        let permitted = self.algebra.union_of(&permitted)?;
        let permitted = self.algebra.difference(permitted, self.impossible)?;
        let mut taking: Vec<Said<'id>> = Vec::with_capacity(denies.len());
        for one in denies {
            let all = self.algebra.intersection(one.all, permitted)?;
            if self.algebra.is_empty(all) {
                // That a list permits nothing is told by itself.
                found.idle.extend((!permissions.is_empty()).then_some(one.index));
            } else {
                taking.push(Said { all, ..one });
            }
        }
        found.redundant.extend(self.redundant_denies(&taking)?);
        found.overruled.sort_by_key(|one| one.statement);
        found.redundant.sort_by_key(|one| one.statement);
        found.idle.sort_unstable();
        found.partly.sort_by_key(|one| one.permission);
        found.nodes = self.algebra.nodes_made();
        Ok(found)
    }

    /// Says of each permission what is denied for as long as it is active.
    fn deny(
        &mut self,
        permissions: &mut [Said<'id>],
        denies: &[Said<'id>],
    ) -> Result<(), AlgebraError> {
        let (mut taken, mut shorter) = (self.impossible, denies);
        for group in permissions.chunk_by_mut(|one, other| one.expires == other.expires) {
            let Some(lasting) = group.first().map(Said::lasting) else { continue };
            let longer = shorter.partition_point(|deny| deny.lasting() <= lasting);
            let (more, rest) = shorter.split_at(longer);
            shorter = rest;
            let more: Vec<Set<'id>> = more.iter().map(|deny| deny.all).collect();
            let more = self.algebra.union_of(&more)?;
            taken = self.algebra.union(taken, more)?;
            for one in group {
                one.denied = taken;
            }
        }
        Ok(())
    }

    /// Whether a permission is denied whole. One that permits nothing by itself is not.
    fn is_denied(&mut self, one: &Said<'id>) -> Result<bool, AlgebraError> {
        let left = self.algebra.difference(one.all, one.denied)?;
        let left = self.algebra.difference(left, self.passed_by_none)?;
        if !self.algebra.is_empty(left) {
            return Ok(false);
        }
        let says = self.algebra.difference(one.all, self.impossible)?;
        let says = self.algebra.difference(says, self.passed_by_none)?;
        Ok(!self.algebra.is_empty(says))
    }

    fn redundant_permissions(
        &mut self,
        permissions: &[Said<'id>],
        denies: &[Said<'id>],
        every_deny: &Tree<'id>,
    ) -> Result<Vec<Covered>, AlgebraError> {
        let (removed, kept) = removable(permissions, self.algebra)?;
        let tree = Tree::over(&kept, |one| one.all, self.algebra)?;
        let mut found = Vec::with_capacity(removed.len());
        for one in removed {
            let (by, more) = self.covering(&one, &kept, &tree)?;
            let by = by.into_iter().map(Statement::Permission).collect();
            let denied_by = self.denying(&one, denies, every_deny)?.0.first().copied();
            let statement = Statement::Permission(one.index);
            found.push(Covered { statement, by, more, denied_by });
        }
        Ok(found)
    }

    fn redundant_denies(&mut self, denies: &[Said<'id>]) -> Result<Vec<Covered>, AlgebraError> {
        let (removed, kept) = removable(denies, self.algebra)?;
        let tree = Tree::over(&kept, |one| one.all, self.algebra)?;
        let mut found = Vec::with_capacity(removed.len());
        for one in removed {
            let (by, more) = self.covering(&one, &kept, &tree)?;
            let by = by.into_iter().map(Statement::Deny).collect();
            let statement = Statement::Deny(one.index);
            found.push(Covered { statement, by, more, denied_by: None });
        }
        Ok(found)
    }

    /// Those of `kept` that cover `one`, and how many more of them are needed.
    fn covering(
        &mut self,
        one: &Said<'id>,
        kept: &[Said<'id>],
        tree: &Tree<'id>,
    ) -> Result<(Vec<usize>, usize), AlgebraError> {
        let wanted = self.algebra.difference(one.all, one.denied)?;
        let meeting: Vec<&Said<'id>> = tree
            .meeting(wanted, self.algebra)?
            .into_iter()
            .filter_map(|place| kept.get(place))
            .filter(|other| other.lasting() <= one.lasting())
            .collect();
        let mut by = self.heaviest(wanted, meeting.iter().map(|it| (it.index, it.all)))?;
        let required = self.algebra.difference(one.required, one.denied)?;
        let named = meeting.iter().filter(|it| by.contains(&it.index));
        let named: Vec<Set<'id>> = named.map(|it| it.required).collect();
        let named = self.algebra.union_of(&named)?;
        let required = self.algebra.difference(required, named)?;
        by.extend(self.heaviest(required, meeting.iter().map(|it| (it.index, it.required)))?);
        let more = by.len().saturating_sub(MAX_NAMED);
        by.truncate(MAX_NAMED);
        Ok((by, more))
    }

    /// The denies that take something of a permission for as long as it is active, until nothing more
    /// is taken.
    fn denying(
        &mut self,
        one: &Said<'id>,
        denies: &[Said<'id>],
        every: &Tree<'id>,
    ) -> Result<(Vec<usize>, usize), AlgebraError> {
        let says = self.algebra.difference(one.all, self.impossible)?;
        let taken = self.algebra.intersection(says, one.denied)?;
        let taking: Vec<&Said<'id>> = every
            .meeting(taken, self.algebra)?
            .into_iter()
            .filter_map(|place| denies.get(place))
            .filter(|deny| deny.lasting() <= one.lasting())
            .collect();
        let mut by = self.heaviest(taken, taking.iter().map(|deny| (deny.index, deny.all)))?;
        let more = by.len().saturating_sub(MAX_NAMED);
        by.truncate(MAX_NAMED);
        Ok((by, more))
    }

    /// What is denied of what a permission means, today.
    fn taken(&mut self, one: &Said<'id>, every: &Tree<'id>) -> Result<Set<'id>, AlgebraError> {
        let meant = self.algebra.difference(one.strict, self.impossible)?;
        let meant = self.algebra.difference(meant, self.passed_by_none)?;
        self.algebra.intersection(meant, every.set)
    }

    /// A permission of which denies take `taken`.
    fn partly_denied(
        &mut self,
        one: &Said<'id>,
        taken: Set<'id>,
        (denies, every): (&[Said<'id>], &Tree<'id>),
    ) -> Result<PartlyDenied, AlgebraError> {
        let taking: Vec<&Said<'id>> = every
            .meeting(taken, self.algebra)?
            .into_iter()
            .filter_map(|place| denies.get(place))
            .collect();
        let mut by = self.heaviest(taken, taking.iter().map(|deny| (deny.index, deny.all)))?;
        let more = by.len().saturating_sub(MAX_NAMED);
        by.truncate(MAX_NAMED);
        let pieces = self.algebra.pieces(taken, MAX_PIECES)?;
        Ok(PartlyDenied { permission: one.index, by, more, pieces })
    }

    /// As many of `others` as cover `wanted`, the heaviest overlap first. One that adds nothing to
    /// those before it is left out.
    fn heaviest(
        &mut self,
        wanted: Set<'id>,
        others: impl Iterator<Item = (usize, Set<'id>)>,
    ) -> Result<Vec<usize>, AlgebraError> {
        let mut overlaps: Vec<(usize, Set<'id>)> = Vec::new();
        for (index, other) in others {
            overlaps.push((index, self.algebra.intersection(wanted, other)?));
        }
        let sets: Vec<Set<'id>> = overlaps.iter().map(|(_, overlap)| *overlap).collect();
        let shares = self.algebra.shares(&sets);
        let mut by_weight: Vec<(f64, usize, Set<'id>)> = shares
            .into_iter()
            .zip(overlaps)
            .map(|(share, (index, overlap))| (share, index, overlap))
            .collect();
        by_weight.sort_by(|(share, index, _), (other_share, other, _)| {
            other_share.total_cmp(share).then(index.cmp(other))
        });
        let (mut left, mut needed) = (wanted, Vec::new());
        for (_, index, overlap) in by_weight {
            let rest = self.algebra.difference(left, overlap)?;
            if rest != left {
                needed.push(index);
            }
            left = rest;
            if self.algebra.is_empty(left) {
                break;
            }
        }
        Ok(needed)
    }
}

//! What the statements of a list do to each other, over all flows: which say nothing that others do not.
//!
//! In: a list, and the deployment that it is compiled to. Out: statements by their numbers, with those
//! that cover them. Nothing is held against evidence, as what a tag or a name stands for today may
//! be something else tomorrow: what is found holds in every environment, and for as long as the
//! statement itself is active.
//!
//! No statement is held against each other one. All of them are sets of one algebra, joined as a tree
//! (`Tree`). A statement can be taken out only if each of its flows is in another one, too: what is
//! in two statements is had with the tree, and only the few that pass this are held against those
//! that they meet. What is no flow is not left out of each set, but where it matters.

mod inherited;
mod tree;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::civil::Date;

use self::tree::Tree;

pub use inherited::Unreached;
pub use inherited::unreached;

use super::atom::FlowAtom;
use super::atom::Party;
use super::encoder::Encoder;
use super::encoder::Known;
use super::formula::Formula;
use super::formula::Formulas;
use super::gate::v4;
use super::listed::Meaning;
use super::listed::listed;
use crate::evidence::Evidence;
use crate::flow::AddressSet;
use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::Pieces;
use crate::flow::set::flows::Points;
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

/// A permission of which denies take a part, or for now all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartlyDenied {
    /// The permission, as an index into [`Intent::permissions`].
    pub permission: usize,
    /// The denies, as indices into [`Intent::denies`], the heaviest overlap first; at most
    /// [`MAX_NAMED`].
    pub by: Vec<usize>,
    /// How many more there are.
    pub more: usize,
    /// Whether all of it is denied for now, and some of it is permitted once a deny ends.
    pub is_whole_for_now: bool,
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
    let said: Vec<Formula> =
        list.permissions.iter().map(|one| encoder.any([one.strict, one.excess])).collect();
    let mut roots: Vec<Formula> = list.denies.iter().map(|(_, denied)| *denied).collect();
    roots.extend(&said);
    roots.extend(list.permissions.iter().map(|one| one.required));
    let possible = encoder.axioms(&roots);
    let impossible = encoder.not(possible);
    // No firewall passes IPv6 (`azure-firewall.md §1.13`).
    let passed_by_none = encoder.address(Party::Destination, &AddressSet::all().difference(&v4()));
    roots.extend([impossible, passed_by_none]);
    let cuts = encoder.formulas.cuts(&roots);
    cuts.with_algebra(nodes, |mut algebra| {
        let mut wanted = said;
        wanted.extend(list.denies.iter().map(|(_, denied)| *denied));
        wanted.extend([impossible, passed_by_none]);
        let mut points = encoder.formulas.points(&wanted, &mut algebra)?.into_iter();
        let nothing = algebra.no_points();
        let mut next = || points.next().unwrap_or(nothing);
        let mut permissions = Vec::with_capacity(list.permissions.len());
        for one in &list.permissions {
            let expires = intent.permissions.get(one.index).and_then(|it| it.expires);
            let (index, Meaning { strict, required, .. }) = (one.index, *one);
            let all = next();
            permissions.push(Said { index, expires, all, strict, required, denied: nothing });
        }
        let mut denies = Vec::with_capacity(list.denies.len());
        for (index, strict) in &list.denies {
            let expires = intent.denies.get(*index).and_then(|deny| deny.expires);
            let (index, strict, required) = (*index, *strict, Formula::NEVER);
            denies.push(Said { index, expires, all: next(), strict, required, denied: nothing });
        }
        let (impossible, passed_by_none) = (next(), next());
        permissions.sort_by_key(Said::lasting);
        denies.sort_by_key(Said::lasting);
        let formulas = &encoder.formulas;
        let mut search = Search { formulas, algebra: &mut algebra, impossible, passed_by_none };
        search.everything(permissions, &denies)
    })?
}

/// What a statement says.
#[derive(Clone, Copy, Debug)]
struct Said<'id> {
    index: usize,
    expires: Option<Date>,
    /// What it permits or denies.
    all: Points<'id>,
    /// The part of it that is no accepted excess.
    strict: Formula,
    /// The part of it that must be able to leave.
    required: Formula,
    /// What is denied for as long as the statement is active.
    denied: Points<'id>,
}

impl Said<'_> {
    /// Orders statements by how long they last, the longest first.
    fn lasting(&self) -> (bool, Reverse<Option<Date>>) {
        (self.expires.is_some(), Reverse(self.expires))
    }
}

/// The denies, with what is in one of them.
#[derive(Clone, Copy)]
struct Denies<'d, 'id> {
    /// In the order of [`Said::lasting`].
    all: &'d [Said<'id>],
    tree: &'d Tree<'id>,
}

/// A statement each flow of which is denied, or in another one too.
struct Candidate {
    /// Its place among the statements.
    place: usize,
    /// The places of those that last as long and have something of it.
    meeting: Vec<usize>,
}

/// The search for what is covered.
struct Search<'s, 'id> {
    formulas: &'s Formulas,
    algebra: &'s mut Algebra<'id, FlowAtom>,
    /// What the axioms leave out.
    impossible: Points<'id>,
    /// What no firewall passes.
    passed_by_none: Points<'id>,
}

impl<'id> Search<'_, 'id> {
    /// Both in the order of [`Said::lasting`].
    fn everything(
        &mut self,
        mut permissions: Vec<Said<'id>>,
        denies: &[Said<'id>],
    ) -> Result<Coverage, AlgebraError> {
        self.deny(&mut permissions, denies)?;
        let tree = Tree::over(denies, |one| one.all, self.algebra)?;
        let every_deny = Denies { all: denies, tree: &tree };
        let mut found = Coverage::default();
        let mut permitting: Vec<Said<'id>> = Vec::with_capacity(permissions.len());
        let mut touched: Vec<(Said<'id>, Points<'id>)> = Vec::new();
        for one in &permissions {
            let taken = self.algebra.points_in_all([one.all, tree.points])?;
            if taken == self.algebra.no_points() {
                permitting.push(*one);
            } else if self.is_denied(one)? {
                let (by, more) = self.denying(one, every_deny)?;
                let by = by.into_iter().map(Statement::Deny).collect();
                let statement = Statement::Permission(one.index);
                found.overruled.push(Covered { statement, by, more, denied_by: None });
            } else {
                permitting.push(*one);
                touched.push((*one, taken));
            }
        }
        let tree = Tree::over(&permitting, |one| one.all, self.algebra)?;
        for (one, by, more) in self.redundant(&permitting, &tree)? {
            let by = by.into_iter().map(Statement::Permission).collect();
            let denied_by = self.denying(&one, every_deny)?.0.first().copied();
            let statement = Statement::Permission(one.index);
            found.redundant.push(Covered { statement, by, more, denied_by });
        }
        for (one, taken) in touched {
            let Some(taken) = self.taken(&one, taken)? else { continue };
            if found.partly.len() < MAX_PARTLY {
                found.partly.push(self.partly_denied(&one, taken, every_deny)?);
            } else {
                found.more_partly += 1;
            }
        }
        let permitted = permissions.iter().map(|one| one.all);
        let permitted = self.algebra.points_in_one(permitted)?;
        let mut taking: Vec<Said<'id>> = Vec::with_capacity(denies.len());
        for one in denies {
            if self.algebra.has_flow([one.all, permitted], [self.impossible])? {
                let all = self.algebra.points_in_all([one.all, permitted])?;
                taking.push(Said { all, ..*one });
            } else if !permissions.is_empty() {
                // That a list permits nothing is told by itself.
                found.idle.push(one.index);
            }
        }
        let tree = Tree::over(&taking, |one| one.all, self.algebra)?;
        for (one, by, more) in self.redundant(&taking, &tree)? {
            let by = by.into_iter().map(Statement::Deny).collect();
            let statement = Statement::Deny(one.index);
            found.redundant.push(Covered { statement, by, more, denied_by: None });
        }
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
        let (mut taken, mut shorter) = (self.algebra.no_points(), denies);
        for group in permissions.chunk_by_mut(|one, other| one.expires == other.expires) {
            let Some(lasting) = group.first().map(Said::lasting) else { continue };
            let longer = shorter.partition_point(|deny| deny.lasting() <= lasting);
            let (more, rest) = shorter.split_at(longer);
            shorter = rest;
            let more = self.algebra.points_in_one(more.iter().map(|deny| deny.all))?;
            taken = self.algebra.points_in_one([taken, more])?;
            for one in group {
                one.denied = taken;
            }
        }
        Ok(())
    }

    /// Whether a permission is denied whole. One that permits nothing by itself is not.
    fn is_denied(&mut self, one: &Said<'id>) -> Result<bool, AlgebraError> {
        let never = [self.passed_by_none, self.impossible];
        let [passed_by_none, impossible] = never;
        Ok(!self.algebra.has_flow([one.all], [one.denied, passed_by_none, impossible])?
            && self.algebra.has_flow([one.all], never)?)
    }

    /// The statements that can be taken out, all of them together, each with those that cover it and how
    /// many more do. Of several of which each could go if the others stay, the last ones go: those
    /// that end first, and then those that come last. Of what is left, none could go.
    fn redundant(
        &mut self,
        said: &[Said<'id>],
        tree: &Tree<'id>,
    ) -> Result<Vec<(Said<'id>, Vec<usize>, usize)>, AlgebraError> {
        let twice = tree.twice(self.algebra)?;
        let mut candidates: Vec<Candidate> = Vec::new();
        for (place, one) in said.iter().enumerate() {
            // Most have nothing in common with another.
            let once = self.algebra.points_without(one.all, twice)?;
            if once != one.all && !self.algebra.has_flow([once], [one.denied, self.impossible])? {
                let meeting = tree.meeting(one.all, self.algebra)?.into_iter();
                let lasts = |other: &usize| {
                    said.get(*other).is_some_and(|other| other.lasting() <= one.lasting())
                };
                let meeting = meeting.filter(|other| *other != place && lasts(other)).collect();
                candidates.push(Candidate { place, meeting });
            }
        }
        let required = self.required(said, &candidates)?;
        let of = |place: &usize| required.get(*place).copied().flatten();
        let mut removed: BTreeSet<usize> = BTreeSet::new();
        for one in candidates.iter().rev() {
            let others: Vec<usize> =
                one.meeting.iter().copied().filter(|it| !removed.contains(it)).collect();
            let all = others.iter().filter_map(|place| said.get(*place)).map(|it| it.all);
            let Some(statement) = said.get(one.place) else { continue };
            if !self.is_within(statement.all, all, statement.denied)? {
                continue;
            }
            let needed = of(&one.place).unwrap_or(self.algebra.no_points());
            if self.is_within(needed, others.iter().filter_map(of), statement.denied)? {
                removed.insert(one.place);
            }
        }
        let mut found = Vec::with_capacity(removed.len());
        for one in candidates.iter().filter(|one| removed.contains(&one.place)) {
            let others = one.meeting.iter().filter(|it| !removed.contains(it));
            let others: Vec<(usize, &Said<'id>)> =
                others.filter_map(|place| Some((*place, said.get(*place)?))).collect();
            let Some(statement) = said.get(one.place) else { continue };
            let wanted = self.algebra.points_without(statement.all, statement.denied)?;
            let all = others.iter().map(|(place, it)| (*place, it.all));
            let mut by = heaviest(self.algebra, wanted, all)?;
            let needed = of(&one.place).unwrap_or(self.algebra.no_points());
            let named: Vec<Points<'id>> = by.iter().filter_map(of).collect();
            let named = self.algebra.points_in_one(named)?;
            let needed = self.algebra.points_without(needed, named)?;
            let needed = self.algebra.points_without(needed, statement.denied)?;
            let more = others.iter().filter_map(|(place, _)| Some((*place, of(place)?)));
            by.extend(heaviest(self.algebra, needed, more)?);
            let by = by.iter().filter_map(|place| Some(said.get(*place)?.index)).collect();
            let (by, more) = most(by);
            found.push((*statement, by, more));
        }
        Ok(found)
    }

    /// What is required by the candidates and those that they meet, by their places.
    fn required(
        &mut self,
        said: &[Said<'id>],
        candidates: &[Candidate],
    ) -> Result<Vec<Option<Points<'id>>>, AlgebraError> {
        let asked = candidates.iter().flat_map(|one| one.meeting.iter().chain([&one.place]));
        let asked: BTreeSet<usize> = asked.copied().collect();
        let formulas: Vec<Formula> =
            asked.iter().filter_map(|place| Some(said.get(*place)?.required)).collect();
        let points = self.formulas.points(&formulas, self.algebra)?;
        let mut required = vec![None; said.len()];
        for (place, points) in asked.into_iter().zip(points) {
            if let Some(required) = required.get_mut(place) {
                *required = Some(points);
            }
        }
        Ok(required)
    }

    /// Whether each flow of `wanted` that can be is in one of `others`, or denied.
    fn is_within(
        &mut self,
        wanted: Points<'id>,
        others: impl Iterator<Item = Points<'id>>,
        denied: Points<'id>,
    ) -> Result<bool, AlgebraError> {
        let mut left = wanted;
        for other in others {
            left = self.algebra.points_without(left, other)?;
        }
        Ok(!self.algebra.has_flow([left], [denied, self.impossible])?)
    }

    /// The denies that take something of a permission for as long as it is active, until nothing more
    /// is taken.
    fn denying(
        &mut self,
        one: &Said<'id>,
        denies: Denies<'_, 'id>,
    ) -> Result<(Vec<usize>, usize), AlgebraError> {
        let taken = self.algebra.points_in_all([one.all, one.denied])?;
        let taken = self.algebra.points_without(taken, self.impossible)?;
        self.taking(taken, denies, |deny| deny.lasting() <= one.lasting())
    }

    /// The denies of which `is_asked` says so that take `taken`, the heaviest overlap first.
    fn taking(
        &mut self,
        taken: Points<'id>,
        denies: Denies<'_, 'id>,
        is_asked: impl Fn(&Said<'id>) -> bool,
    ) -> Result<(Vec<usize>, usize), AlgebraError> {
        let meeting = denies.tree.meeting(taken, self.algebra)?.into_iter();
        let taking = meeting.filter_map(|place| denies.all.get(place)).filter(|it| is_asked(it));
        let by = heaviest(self.algebra, taken, taking.map(|deny| (deny.index, deny.all)))?;
        Ok(most(by))
    }

    /// What is denied of what a permission means, of all that is `taken` of it today; nothing where
    /// nothing is.
    fn taken(
        &mut self,
        one: &Said<'id>,
        taken: Points<'id>,
    ) -> Result<Option<Points<'id>>, AlgebraError> {
        let never = [self.passed_by_none, self.impossible];
        if !self.algebra.has_flow([taken], never)? {
            return Ok(None);
        }
        let strict = self.formulas.points(&[one.strict], self.algebra)?;
        let strict = strict.into_iter().chain([taken]);
        let taken = self.algebra.points_in_all(strict)?;
        let taken = self.algebra.points_without(taken, self.impossible)?;
        let taken = self.algebra.points_without(taken, self.passed_by_none)?;
        Ok(self.algebra.has_flow([taken], [])?.then_some(taken))
    }

    /// A permission of which denies take `taken`.
    fn partly_denied(
        &mut self,
        one: &Said<'id>,
        taken: Points<'id>,
        denies: Denies<'_, 'id>,
    ) -> Result<PartlyDenied, AlgebraError> {
        let (by, more) = self.taking(taken, denies, |_| true)?;
        let not_left = [denies.tree.points, self.passed_by_none, self.impossible];
        let is_whole_for_now = !self.algebra.has_flow([one.all], not_left)?;
        let flows = self.algebra.flows_among(taken)?;
        // That a tag of a region lies in the tag is nothing to be said of either.
        let every = self.algebra.all_points();
        let possible = self.algebra.points_without(every, self.impossible)?;
        let possible = self.algebra.flows_among(possible)?;
        let pieces = self.algebra.pieces_among(flows, possible, MAX_PIECES)?;
        Ok(PartlyDenied { permission: one.index, by, more, is_whole_for_now, pieces })
    }
}

/// As many of `others` as cover `wanted`, the heaviest overlap first. One that adds nothing to those
/// before it is left out.
fn heaviest<'id>(
    algebra: &mut Algebra<'id, FlowAtom>,
    wanted: Points<'id>,
    others: impl Iterator<Item = (usize, Points<'id>)>,
) -> Result<Vec<usize>, AlgebraError> {
    let mut overlaps: Vec<(usize, Set<'id>)> = Vec::new();
    for (name, other) in others {
        let overlap = algebra.points_in_all([wanted, other])?;
        overlaps.push((name, algebra.flows_among(overlap)?));
    }
    let sets: Vec<Set<'id>> = overlaps.iter().map(|(_, overlap)| *overlap).collect();
    let shares = algebra.shares(&sets);
    let mut by_weight: Vec<(f64, usize, Set<'id>)> = shares
        .into_iter()
        .zip(overlaps)
        .map(|(share, (name, overlap))| (share, name, overlap))
        .collect();
    by_weight.sort_by(|(share, name, _), (other_share, other, _)| {
        other_share.total_cmp(share).then(name.cmp(other))
    });
    let (mut left, mut needed) = (algebra.flows_among(wanted)?, Vec::new());
    for (_, name, overlap) in by_weight {
        if algebra.is_empty(left) {
            break;
        }
        let rest = algebra.difference(left, overlap)?;
        if rest != left {
            needed.push(name);
        }
        left = rest;
    }
    Ok(needed)
}

/// The first [`MAX_NAMED`] of `by`, and how many more there are.
fn most(mut by: Vec<usize>) -> (Vec<usize>, usize) {
    let more = by.len().saturating_sub(MAX_NAMED);
    by.truncate(MAX_NAMED);
    (by, more)
}

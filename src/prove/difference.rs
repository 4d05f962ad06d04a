//! What a change lets out or stops, over all flows, cut into pieces that are read one by one.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::atom::FlowAtom;
use super::claims::ProveError;
use super::claims::preferred;
use super::claims::sufficient;
use super::encoder::Encoder;
use super::encoder::Known;
use super::formula::Formula;
use crate::flow::AddressSet;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::AxisSet;
use crate::flow::set::flows::FlowSet;
use crate::flow::set::flows::Set;
use crate::simulate::Decision;
use crate::simulate::Environment;
use crate::simulate::Simulator;
use crate::simulate::Verdict;
use crate::simulate::assumptions::Assumption;

/// The most pieces of one effect: what one reads at a time.
pub const MAX_PIECES: usize = 20;

/// The most pieces with one cause, so that a large change leaves room for the small ones.
const MAX_PIECES_OF_A_CAUSE: usize = 6;

/// What a change does to a flow.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Effect {
    /// It leaves, and did not, whatever is not known.
    Leaves,
    /// It does not leave, and did, whatever is not known.
    Stays,
    /// What is not known decides whether it newly leaves.
    MayLeave,
    /// What is not known decides whether it newly stays, and it cannot newly leave.
    MayStay,
}

impl Effect {
    /// Whether more may leave than before.
    pub fn widens(self) -> bool {
        match self {
            Effect::Leaves | Effect::MayLeave => true,
            Effect::Stays | Effect::MayStay => false,
        }
    }
}

/// Flows that a change has the same effect on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The effect.
    pub effect: Effect,
    /// What the coordinates of the flows lie in, at most one set for each axis; every value where
    /// there is none.
    pub along: Vec<AxisSet>,
    /// One of the flows, confirmed by the engine for single flows on both sides.
    pub flow: Flow,
    /// What must hold, or not hold, for that flow to change; empty where nothing unknown matters.
    pub given: Vec<(Atom, bool)>,
    /// What became of it before, then.
    pub old: Decision,
    /// What becomes of it now, then.
    pub new: Decision,
}

/// The flows with one effect, or with one of the two that what is not known decides.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// They, cut into pieces that have no flow in common.
    pub pieces: Vec<Change>,
    /// Whether there are more flows than these.
    pub are_more: bool,
}

/// What a change does to all flows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// [`Effect::Leaves`].
    pub newly_leaves: Changes,
    /// [`Effect::Stays`].
    pub newly_stays: Changes,
    /// [`Effect::MayLeave`], then [`Effect::MayStay`].
    pub newly_open: Changes,
    /// The sources that are judged before the change only, so that nothing is compared.
    pub only_old: AddressSet,
    /// The sources that are judged after the change only, so that nothing is compared.
    pub only_new: AddressSet,
    /// The settings that the difference depends on, by their keys.
    pub assumptions: Vec<Assumption>,
    /// What work it took, in nodes of diagrams.
    pub nodes: usize,
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// What was deployed.
    pub old: &'a Simulator<'a>,
    /// What will be.
    pub new: &'a Simulator<'a>,
    /// What is known of both. Settings are taken as [`Assumptions::in_proofs`] says.
    ///
    /// [`Assumptions::in_proofs`]: crate::simulate::Assumptions::in_proofs
    pub environment: Environment<'a>,
}

/// Finds what a change does to all flows, with at most `nodes` nodes of work.
///
/// A source that one side does not declare is left aside: nobody knows what became of its flows
/// there.
///
/// # Errors
/// The sets take more than that, or the engines disagree.
pub fn difference(compared: &Compared<'_>, nodes: usize) -> Result<Difference, ProveError> {
    let assumptions = compared.environment.assumptions.in_proofs();
    let environment = Environment { assumptions: &assumptions, ..compared.environment };
    let known = Known { evidence: environment.evidence, assumptions: &assumptions };
    let (mut old, mut new) = (Side::new(compared.old, known), Side::new(compared.new, known));
    // A fact is the same fact on both sides, and so is what is known of facts together.
    let atoms: BTreeSet<FlowAtom> = old.atoms().into_iter().chain(new.atoms()).collect();
    old.possible = old.axioms(&atoms);
    new.possible = new.axioms(&atoms);
    let mut cuts = old.encoder.formulas.cuts(&old.parts());
    cuts.join(new.encoder.formulas.cuts(&new.parts()));
    let preferred = preferred(new.simulator.deployment);
    let found = cuts.with_algebra(nodes, |mut algebra| {
        let search = Search { old: &old, new: &new, environment, preferred: &preferred };
        search.everything(&mut algebra)
    })??;
    let keys: BTreeSet<_> = old.encoder.settings.union(&new.encoder.settings).collect();
    let assumptions = keys.into_iter().filter_map(|key| assumptions.show(key)).collect();
    Ok(Difference { assumptions, ..found })
}

/// A deployment, written down as formulas.
struct Side<'a> {
    simulator: &'a Simulator<'a>,
    encoder: Encoder<'a>,
    leaves: Formula,
    /// Nobody knows what becomes of these.
    unjudged: Formula,
    /// These are no question that can be asked.
    unseen: Formula,
    /// Of these the source port matters, and was not seen.
    portless: Formula,
    /// What the axioms leave.
    possible: Formula,
}

impl<'a> Side<'a> {
    fn new(simulator: &'a Simulator<'a>, known: Known<'a>) -> Side<'a> {
        let mut encoder = Encoder::new(simulator.deployment, known);
        let ways = encoder.ways(simulator);
        let leaves = encoder.any([ways.allow, ways.bypass, ways.endpoints]);
        let (unjudged, unseen) = (ways.unjudged, ways.decrypted_unseen);
        let portless = encoder.unseen_source_port;
        Side { simulator, encoder, leaves, unjudged, unseen, portless, possible: Formula::ALWAYS }
    }

    /// What has to be made a set.
    fn roots(&self) -> [Formula; 5] {
        [self.leaves, self.unjudged, self.unseen, self.portless, self.possible]
    }

    /// All that may have to be.
    fn parts(&self) -> Vec<Formula> {
        let rules = self.encoder.rules.values().flatten().copied();
        let hops = self.encoder.hops.iter().map(|(_, formula)| *formula);
        rules.chain(hops).chain(self.roots()).collect()
    }

    fn atoms(&self) -> Vec<FlowAtom> {
        self.encoder.formulas.atoms(&self.roots())
    }

    fn axioms(&mut self, atoms: &BTreeSet<FlowAtom>) -> Formula {
        let formulas = &mut self.encoder.formulas;
        let atoms: Vec<Formula> = atoms.iter().map(|atom| formulas.holds(atom.clone())).collect();
        self.encoder.axioms(&atoms)
    }

    /// The flows that may leave for the reason that one of them does: by its rule, or to its hop.
    fn cause(&self, decision: &Decision) -> Vec<Formula> {
        let hop = decision.route.as_ref().map(|route| &route.hop);
        match (decision.verdict, hop, &decision.rule) {
            (Verdict::Bypass, Some(hop), _) => {
                let alike = self.encoder.hops.iter().filter(|(other, _)| other == hop);
                alike.map(|(_, formula)| *formula).collect()
            }
            (_, _, Some(rule)) => self.encoder.rules.get(rule).cloned().unwrap_or_default(),
            (_, _, None) => Vec::new(),
        }
    }
}

/// The flows that change one way.
#[derive(Clone, Copy)]
struct Changed<'id> {
    /// The flows under the assignments under which they do.
    when: Set<'id>,
    /// Those that do under every one.
    certain: Set<'id>,
    /// Those that do under some, and not under others.
    perhaps: Set<'id>,
}

/// The search for what changes.
struct Search<'s, 'a> {
    old: &'s Side<'a>,
    new: &'s Side<'a>,
    environment: Environment<'s>,
    preferred: &'s [AxisSet],
}

impl Search<'_, '_> {
    fn everything(&self, algebra: &mut Algebra<'_, FlowAtom>) -> Result<Difference, ProveError> {
        let [old_leaves, old_unjudged, old_unseen, old_portless, old_possible] =
            sets(self.old, algebra)?;
        let [new_leaves, new_unjudged, new_unseen, new_portless, new_possible] =
            sets(self.new, algebra)?;
        let portless = algebra.union(old_portless, new_portless)?;
        let aside = algebra.union_of(&[old_unjudged, new_unjudged, old_unseen, new_unseen])?;
        let possible = algebra.intersection(old_possible, new_possible)?;
        let compared = algebra.difference(possible, aside)?;
        let wider = algebra.difference(new_leaves, old_leaves)?;
        let narrower = algebra.difference(old_leaves, new_leaves)?;
        let both = algebra.union(wider, narrower)?;
        let both = algebra.intersection(both, compared)?;
        let told = algebra.rather_outside(both, portless)?;
        let untold = algebra.difference(both, told)?;
        let compared = algebra.difference(compared, untold)?;
        let wider = changed(algebra, wider, compared)?;
        let mut narrower = changed(algebra, narrower, compared)?;
        narrower.perhaps = algebra.difference(narrower.perhaps, wider.perhaps)?;
        let frozen = algebra.freeze(possible)?;
        let mut cut = |flows, when, effect| self.changes(algebra, flows, (when, &frozen), effect);
        let newly_leaves = cut(wider.certain, wider.when, Effect::Leaves)?;
        let newly_stays = cut(narrower.certain, narrower.when, Effect::Stays)?;
        let mut newly_open = cut(wider.perhaps, wider.when, Effect::MayLeave)?;
        let more = cut(narrower.perhaps, narrower.when, Effect::MayStay)?;
        newly_open.pieces.extend(more.pieces);
        newly_open.are_more |= more.are_more;
        let only_new = algebra.difference(old_unjudged, new_unjudged)?;
        let only_old = algebra.difference(new_unjudged, old_unjudged)?;
        Ok(Difference {
            newly_leaves,
            newly_stays,
            newly_open,
            only_old: algebra.freeze(only_old)?.sources(),
            only_new: algebra.freeze(only_new)?.sources(),
            assumptions: Vec::new(),
            nodes: algebra.nodes_made(),
        })
    }

    /// The `flows`, none of which depends on atoms, cut into pieces: for each, they change `when`
    /// the second says so, of what is possible.
    fn changes<'id>(
        &self,
        algebra: &mut Algebra<'id, FlowAtom>,
        flows: Set<'id>,
        (when, possible): (Set<'id>, &FlowSet<FlowAtom>),
        effect: Effect,
    ) -> Result<Changes, ProveError> {
        let leaving = if effect.widens() { self.new } else { self.old };
        let mut changes = Changes::default();
        let mut left = flows;
        if algebra.is_empty(left) {
            return Ok(changes);
        }
        let condition = (&algebra.freeze(when)?, possible);
        while !algebra.is_empty(left) {
            let room = MAX_PIECES.saturating_sub(changes.pieces.len()).min(MAX_PIECES_OF_A_CAUSE);
            if room == 0 {
                changes.are_more = true;
                break;
            }
            let within = algebra.intersection(left, when)?;
            let first = self.example(&algebra.freeze(within)?, condition, effect, Vec::new())?;
            let Some(first) = first else { break };
            let decision = if effect.widens() { &first.new } else { &first.old };
            let alike = leaving.encoder.formulas.sets(&leaving.cause(decision), algebra)?;
            let alike = algebra.union_of(&alike)?;
            let alike = algebra.intersection(within, alike)?;
            let alike = algebra.where_possible(alike)?;
            // What leaves by no rule has no cause in common.
            let part = if algebra.is_empty(alike) { left } else { alike };
            let pieces = algebra.pieces(part, room)?;
            changes.are_more |= pieces.are_more;
            for piece in pieces.pieces {
                let inside = algebra.product(&piece.along)?;
                let inside = algebra.intersection_of(&[inside, part, within])?;
                let inside = algebra.freeze(inside)?;
                let change = self.example(&inside, condition, effect, piece.along)?;
                changes.pieces.extend(change);
            }
            left = algebra.difference(left, part)?;
        }
        Ok(changes)
    }

    /// A flow of `inside`, asked of the engine for single flows on both sides.
    fn example(
        &self,
        inside: &FlowSet<FlowAtom>,
        (when, possible): (&FlowSet<FlowAtom>, &FlowSet<FlowAtom>),
        effect: Effect,
        along: Vec<AxisSet>,
    ) -> Result<Option<Change>, ProveError> {
        let Some(witness) = inside.witness(self.preferred) else { return Ok(None) };
        let given = match effect {
            Effect::Leaves | Effect::Stays => Vec::new(),
            Effect::MayLeave | Effect::MayStay => sufficient(&witness, when, possible),
        };
        let flow = witness.flow;
        let at_flow = |(atom, holds): &(FlowAtom, bool)| Some((atom.at(&flow)?, *holds));
        let told: BTreeMap<Atom, bool> = witness.atoms.iter().filter_map(at_flow).collect();
        let mut oracle = |atom: &Atom| {
            let known = || self.environment.answer(atom, &[]).truth;
            told.get(atom).copied().or_else(known).unwrap_or(false)
        };
        let old = self.old.simulator.decide(&flow, &mut oracle);
        let new = self.new.simulator.decide(&flow, &mut oracle);
        if (old.gets_out(), new.gets_out()) != (!effect.widens(), effect.widens()) {
            return Err(ProveError::Unconfirmed { flow: Box::new(flow) });
        }
        let given = given.iter().filter_map(at_flow).collect();
        Ok(Some(Change { effect, along, flow, given, old, new }))
    }
}

/// The sets that [`Side::roots`] are.
fn sets<'id>(
    side: &Side<'_>,
    algebra: &mut Algebra<'id, FlowAtom>,
) -> Result<[Set<'id>; 5], AlgebraError> {
    let sets = side.encoder.formulas.sets(&side.roots(), algebra)?;
    sets.try_into().map_err(|_| AlgebraError::UnknownCut)
}

/// The flows that change by `set`, of what is `compared`.
fn changed<'id>(
    algebra: &mut Algebra<'id, FlowAtom>,
    set: Set<'id>,
    compared: Set<'id>,
) -> Result<Changed<'id>, AlgebraError> {
    let when = algebra.intersection(set, compared)?;
    let certain = algebra.where_certain(when, compared)?;
    let sometimes = algebra.where_possible(when)?;
    let perhaps = algebra.difference(sometimes, certain)?;
    Ok(Changed { when, certain, perhaps })
}

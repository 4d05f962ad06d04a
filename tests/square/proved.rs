//! What `exeat::prove` makes of all flows where nothing is known, asked about one of them.

use exeat::evidence::Evidence;
use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::flow::set::flows::AlgebraError;
use exeat::flow::set::flows::FlowSet;
use exeat::prove::FlowAtom;
use exeat::prove::Outcomes;
use exeat::prove::outcomes;
use exeat::simulate::Assumptions;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use exeat::simulate::assumptions::BOTH;
use exeat::simulate::assumptions::Domain;
use exeat::simulate::assumptions::SETTINGS;

/// What becomes of all flows, with no evidence and every setting open.
///
/// # Errors
/// The sets are larger than so many nodes.
pub(crate) fn all_outcomes(
    simulator: &Simulator<'_>,
    nodes: usize,
) -> Result<Outcomes, AlgebraError> {
    outcomes(simulator, &Evidence::default(), &all_open(), nodes)
}

/// Every setting that has readings, open.
pub(crate) fn all_open() -> Assumptions {
    let mut assumptions = Assumptions::default();
    for setting in SETTINGS {
        if let Domain::Readings(..) = setting.domain {
            assumptions.set(&format!("{}={BOTH}", setting.key)).expect("a value of it");
        }
    }
    assumptions
}

/// The verdicts in whose sets `flow` lies where just those facts hold for which `holds` says so. A
/// flow that is denied lies in none.
pub(crate) fn verdicts(
    outcomes: &Outcomes,
    flow: &Flow,
    holds: &mut dyn FnMut(&Atom) -> bool,
) -> Vec<Verdict> {
    let sets = [
        (Verdict::Allow, &outcomes.allow),
        (Verdict::Bypass, &outcomes.bypass),
        (Verdict::Local, &outcomes.local),
        (Verdict::Platform, &outcomes.platform),
        (Verdict::Undetermined, &outcomes.unjudged),
    ];
    let mut has = |set: &FlowSet<FlowAtom>| {
        set.contains(flow, |fact| fact.at(flow).is_some_and(|atom| holds(&atom)))
    };
    sets.into_iter().filter(|(_, set)| has(set)).map(|(verdict, _)| verdict).collect()
}

/// The verdicts in whose sets a flow with this one lies: one that is denied lies in none.
pub(crate) fn sets_of(verdict: Verdict) -> Vec<Verdict> {
    match verdict {
        Verdict::Allow
        | Verdict::Undetermined
        | Verdict::Bypass
        | Verdict::Local
        | Verdict::Platform => vec![verdict],
        Verdict::Deny => vec![],
    }
}

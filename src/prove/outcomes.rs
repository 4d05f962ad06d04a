//! What becomes of all flows, and what a list says of them, as sets.

use jiff::civil::Date;

use super::atom::FlowAtom;
use super::encoder::Encoder;
use super::encoder::Known;
use super::formula::Formula;
use super::listed::listed;
use crate::evidence::Evidence;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::FlowSet;
use crate::intent::Intent;
use crate::simulate::Assumptions;
use crate::simulate::Simulator;

/// What becomes of all flows, under all assignments of what is not known. The five sets are
/// disjoint; what is in none of them does not leave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcomes {
    /// They leave through every firewall on their way.
    pub allow: FlowSet<FlowAtom>,
    /// They leave around the firewall.
    pub bypass: FlowSet<FlowAtom>,
    /// They stay in the network, or the firewall answers itself.
    pub local: FlowSet<FlowAtom>,
    /// They go to the platform.
    pub platform: FlowSet<FlowAtom>,
    /// Nobody knows: their source lies in no declared subnet, or is hidden by its node.
    pub unjudged: FlowSet<FlowAtom>,
}

/// What becomes of all flows in the deployment of `simulator`, with at most `nodes` nodes of work
/// ([`Cuts::with_algebra`](crate::flow::set::flows::Cuts::with_algebra)).
///
/// # Errors
/// The sets take more than that.
pub fn outcomes(
    simulator: &Simulator<'_>,
    evidence: &Evidence,
    assumptions: &Assumptions,
    nodes: usize,
) -> Result<Outcomes, AlgebraError> {
    let mut encoder = Encoder::new(simulator.deployment, Known { evidence, assumptions });
    let ways = encoder.ways(simulator);
    let roots = [ways.allow, ways.bypass, ways.local, ways.platform, ways.unjudged];
    let [allow, bypass, local, platform, unjudged] = frozen(&encoder, roots, nodes)?;
    Ok(Outcomes { allow, bypass, local, platform, unjudged })
}

/// What a list says of all flows, under all assignments of what is not known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stances {
    /// They may leave.
    pub permitted: FlowSet<FlowAtom>,
    /// They must be able to leave. All of them are permitted.
    pub required: FlowSet<FlowAtom>,
}

/// What `intent` says on `day` of all flows in the deployment of `simulator`, with at most `nodes`
/// nodes of work.
///
/// # Errors
/// The sets take more than that.
pub fn stances(
    (intent, day): (&Intent, Date),
    simulator: &Simulator<'_>,
    evidence: &Evidence,
    assumptions: &Assumptions,
    nodes: usize,
) -> Result<Stances, AlgebraError> {
    let mut encoder = Encoder::new(simulator.deployment, Known { evidence, assumptions });
    let listed = listed(&mut encoder, intent, day);
    let [permitted, required] = frozen(&encoder, [listed.permitted, listed.required], nodes)?;
    Ok(Stances { permitted, required })
}

/// The sets of `roots`, as values.
fn frozen<const N: usize>(
    encoder: &Encoder<'_>,
    roots: [Formula; N],
    nodes: usize,
) -> Result<[FlowSet<FlowAtom>; N], AlgebraError> {
    let cuts = encoder.formulas.cuts(&roots);
    let sets = cuts.with_algebra(nodes, |mut algebra| {
        let sets = encoder.formulas.sets(&roots, &mut algebra)?;
        sets.into_iter().map(|set| algebra.freeze(set)).collect::<Result<Vec<_>, _>>()
    })??;
    sets.try_into().map_err(|_| AlgebraError::TooLarge { nodes })
}

//! What becomes of all flows, as sets.

use super::atom::FlowAtom;
use super::encoder::Encoder;
use super::encoder::Known;
use crate::evidence::Evidence;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::FlowSet;
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
    let cuts = encoder.formulas.cuts(&roots);
    let sets = cuts.with_algebra(nodes, |mut algebra| {
        let sets = encoder.formulas.sets(&roots, &mut algebra)?;
        sets.into_iter().map(|set| algebra.freeze(set)).collect::<Result<Vec<_>, _>>()
    })??;
    let mut sets = sets.into_iter();
    let mut next = || sets.next().ok_or(AlgebraError::TooLarge { nodes });
    Ok(Outcomes {
        allow: next()?,
        bypass: next()?,
        local: next()?,
        platform: next()?,
        unjudged: next()?,
    })
}

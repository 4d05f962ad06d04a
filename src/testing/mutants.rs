//! How many small mistakes in its compiled rules the examples and assertions of a list notice.

use std::collections::BTreeMap;
use std::fmt;

use proptest::sample::subsequence;
use proptest::strategy::Strategy as _;
use proptest::strategy::ValueTree as _;

use super::agreement::Sides;
use super::examples::examples;
use super::mutation::mutations;
use super::strategy::Runs;
use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::azure::order::OrderError;
use crate::flow::Observation;
use crate::intent::Intent;
use crate::prove;
use crate::prove::Claim;
use crate::prove::Difference;
use crate::prove::ProveError;
use crate::prove::Standing;
use crate::prove::claims::MAX_NODES;
use crate::prove::difference::Compared;
use crate::simulate::Outcome;
use crate::simulate::Simulator;
use crate::simulate::Verdict;

/// The most mistakes that are tried; of more, so many are drawn. Each costs a comparison of all
/// flows and, where no example notices it, a proof.
pub const MAX_MUTANTS: usize = 200;

/// How well a list checks itself.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// How many mistakes there are.
    pub possible: usize,
    /// How many were tried.
    pub tried: usize,
    /// How many of those change nothing, so that there is nothing to notice.
    pub equivalent: usize,
    /// How many of those some example or assertion notices.
    pub noticed: usize,
    /// The others, in the order of the rules.
    pub unnoticed: Vec<Unnoticed>,
}

/// A mistake that no example and no assertion notices.
#[derive(Clone, Debug)]
pub struct Unnoticed {
    /// The rule.
    pub rule: RuleId,
    /// The label of the statement that the rule comes from.
    pub label: String,
    /// The kind of mistake: `dropped`, `widened`, `moved` or `reordered`.
    pub kind: &'static str,
    /// What the mistake is, in words.
    pub what: String,
    /// A flow that is judged otherwise with the mistake, and its verdict without; nothing where
    /// that depends on what is not known.
    pub witness: Option<(Observation, Verdict)>,
}

/// Why there is no score.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MutantsError {
    /// The sets of flows are too large, or the engines disagree.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// With a mistake in it the deployment has no order.
    #[error(transparent)]
    Order(#[from] OrderError),
}

/// Tries mistakes in the rules of `deployment`, which is that of `sides`, that come from statements
/// of `intent`.
///
/// # Errors
/// The sets of flows are too large.
pub fn mutants(
    sides: &Sides<'_>,
    deployment: &Deployment,
    intent: &Intent,
    runs: Runs,
) -> Result<Score, MutantsError> {
    let all = mutations(deployment);
    let possible = all.len();
    let chosen = drawn(all, runs);
    let holding =
        if intent.assertions.is_empty() { BTreeMap::new() } else { standings(sides, intent)? };
    let unmet = unmet(sides, intent);
    let mut score = Score { possible, ..Score::default() };
    for mutation in chosen {
        let Some((changed, what)) = mutation.make(deployment) else { continue };
        score.tried += 1;
        let mutant = Simulator::new(&changed)?;
        let compared =
            Compared { old: sides.simulator, new: &mutant, environment: sides.environment };
        let difference = prove::difference(&compared, MAX_NODES)?;
        if is_empty(&difference) {
            score.equivalent += 1;
            continue;
        }
        let with_mutant = Sides { simulator: &mutant, ..*sides };
        let is_noticed = self::unmet(&with_mutant, intent) != unmet
            || (!holding.is_empty() && standings(&with_mutant, intent)? != holding);
        if is_noticed {
            score.noticed += 1;
            continue;
        }
        let rule = mutation.rule().clone();
        let origin = deployment.origins.get(&rule);
        score.unnoticed.push(Unnoticed {
            label: origin.map(|origin| origin.label.clone()).unwrap_or_default(),
            rule,
            kind: mutation.keyword(),
            what,
            witness: witness(sides, &mutant, &difference),
        });
    }
    Ok(score)
}

/// At most [`MAX_MUTANTS`] of `all`, in their order.
fn drawn<T: Clone + fmt::Debug + 'static>(all: Vec<T>, runs: Runs) -> Vec<T> {
    if all.len() <= MAX_MUTANTS {
        return all;
    }
    let drawn = subsequence(all, MAX_MUTANTS).new_tree(&mut runs.runner());
    // A part of a list can always be drawn.
    drawn.map(|tree| tree.current()).unwrap_or_default()
}

/// The labels of the examples that are not met.
fn unmet<'i>(sides: &Sides<'_>, intent: &'i Intent) -> Vec<&'i str> {
    let tested = examples(intent, sides.simulator, &sides.environment, sides.day);
    tested.unmet.iter().map(|unmet| unmet.example.label.as_str()).collect()
}

/// How each assertion stands.
fn standings(sides: &Sides<'_>, intent: &Intent) -> Result<BTreeMap<usize, Stands>, ProveError> {
    let subject = prove::claims::Subject {
        simulator: sides.simulator,
        intent: Some(intent),
        environment: sides.environment,
        day: sides.day,
    };
    let proof = prove::prove(&subject, MAX_NODES)?;
    let stands = |(claim, standing): (Claim, Standing)| {
        let stands = match standing {
            Standing::Proved => Stands::Proved,
            Standing::Refuted(_) => Stands::Refuted,
            Standing::Open(_) => Stands::Open,
        };
        match claim {
            Claim::Assertion(index) => Some((index, stands)),
            Claim::NoLeak | Claim::NoBreakage | Claim::NothingAround => None,
        }
    };
    Ok(proof.claims.into_iter().filter_map(stands).collect())
}

/// How an assertion stands, whatever shows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stands {
    Proved,
    Refuted,
    Open,
}

fn is_empty(difference: &Difference) -> bool {
    let Difference { newly_leaves, newly_stays, newly_open, .. } = difference;
    [newly_leaves, newly_stays, newly_open].iter().all(|changes| changes.pieces.is_empty())
}

/// A flow of `difference` that an example can have: both sides agree on it without the mistake, and
/// it has another verdict with the mistake.
fn witness(
    sides: &Sides<'_>,
    mutant: &Simulator<'_>,
    difference: &Difference,
) -> Option<(Observation, Verdict)> {
    let Difference { newly_leaves, newly_stays, newly_open, .. } = difference;
    let pieces = [newly_stays, newly_leaves, newly_open].into_iter().flat_map(|one| &one.pieces);
    let mut witnesses = pieces.filter_map(|piece| {
        let right = sides.judge(piece.flow.clone());
        let verdict = right.decision.verdict;
        let is_settled = match (verdict, right.outcome) {
            (Verdict::Allow, Outcome::RequiredPassed | Outcome::PermittedPassed)
            | (Verdict::Deny, Outcome::Blocked | Outcome::PermittedBlocked) => true,
            (_, _) => false,
        };
        let wrong = mutant.judge(&right.flow, &sides.environment);
        (is_settled && wrong.verdict != verdict).then_some((right.flow, verdict))
    });
    witnesses.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_mistakes_the_seed_says_which_are_tried() {
        let some = |seed: u64| drawn((0..1000).collect::<Vec<u32>>(), Runs { seed, cases: 0 });
        assert_eq!(some(1).len(), MAX_MUTANTS);
        assert!(some(1).is_sorted());
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        assert_eq!(drawn(vec![3, 1, 2], Runs::default()), [3, 1, 2]);
    }
}

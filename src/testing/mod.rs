//! The examples of a list, judged.
//!
//! In: a list, a simulator of what it was compiled to, what is known of the environment. Out: the
//! examples that are not met, each with a flow that shows it. What is not certain meets no
//! example but one that expects just that. No message is written here; `report` has the words.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::flow::Observation;
use crate::intent::Example;
use crate::intent::Intent;
use crate::intent::check::Expected;
use crate::simulate::Decision;
use crate::simulate::Environment;
use crate::simulate::Judged;
use crate::simulate::Outcome;
use crate::simulate::Simulator;
use crate::simulate::Verdict;
use crate::simulate::assumptions::Assumption;

/// What came of the examples of a list.
#[derive(Clone, Debug, Default)]
pub struct Tested<'a> {
    /// Those that are not met, in the order of the list.
    pub unmet: Vec<Unmet<'a>>,
    /// The assumptions that some example depended on.
    pub assumptions: BTreeSet<Assumption>,
}

/// An example that is not met.
#[derive(Clone, Debug)]
pub struct Unmet<'a> {
    /// The example.
    pub example: &'a Example,
    /// The first of its flows that has another verdict.
    pub flow: &'a Observation,
    /// How many more of its flows have another verdict.
    pub others: usize,
    /// What becomes of the flow.
    pub decision: Decision,
    /// What the list says of it.
    pub judged: Judged,
    /// The box of both answers.
    pub outcome: Outcome,
}

/// Judges the examples of `intent` by the list itself, as of `day`, and by the deployment of
/// `simulator`.
pub fn examples<'a>(
    intent: &'a Intent,
    simulator: &Simulator<'_>,
    environment: &Environment<'_>,
    day: Date,
) -> Tested<'a> {
    let mut tested = Tested::default();
    for example in &intent.examples {
        let mut unmet: Option<Unmet<'a>> = None;
        for flow in &example.flows {
            let decision = simulator.judge(flow, environment);
            let judged = intent.judge_on(day, flow, environment);
            tested.assumptions.extend(decision.assumptions.iter().cloned());
            tested.assumptions.extend(judged.assumptions.iter().cloned());
            let outcome = Outcome::of(Some(&judged), &decision);
            if is_met(example.expected, decision.verdict, outcome) {
                continue;
            }
            match &mut unmet {
                Some(unmet) => unmet.others += 1,
                None => unmet = Some(Unmet { example, flow, others: 0, decision, judged, outcome }),
            }
        }
        tested.unmet.extend(unmet);
    }
    tested
}

/// Whether both answers are what was expected: what leaves must be permitted too, and what does
/// not leave must not be required.
fn is_met(expected: Expected, verdict: Verdict, outcome: Outcome) -> bool {
    match expected {
        Expected::Allow => verdict == Verdict::Allow && !outcome.is_objection(),
        Expected::Deny => verdict == Verdict::Deny && !outcome.is_objection(),
        Expected::Undetermined => {
            verdict == Verdict::Undetermined || outcome == Outcome::Undetermined
        }
        Expected::Bypass => verdict == Verdict::Bypass,
        Expected::Local => verdict == Verdict::Local,
        Expected::Platform => verdict == Verdict::Platform,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_met_only_where_deployment_and_list_agree_with_it() {
        for outcome in Outcome::ALL {
            let allowed = [Outcome::RequiredPassed, Outcome::PermittedPassed];
            if allowed.contains(&outcome) {
                assert!(is_met(Expected::Allow, Verdict::Allow, outcome));
            }
            assert!(!is_met(Expected::Allow, Verdict::Deny, outcome));
            assert!(!is_met(Expected::Allow, Verdict::Undetermined, outcome));
            assert!(!is_met(Expected::Deny, Verdict::Bypass, outcome));
            assert!(!is_met(Expected::Deny, Verdict::Undetermined, outcome));
        }
        assert!(!is_met(Expected::Allow, Verdict::Allow, Outcome::Leak));
        assert!(!is_met(Expected::Deny, Verdict::Deny, Outcome::Breakage));
        assert!(!is_met(Expected::Deny, Verdict::Deny, Outcome::Undetermined));
        assert!(is_met(Expected::Undetermined, Verdict::Deny, Outcome::Undetermined));
    }
}

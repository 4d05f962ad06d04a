//! The examples of a list, judged.
//!
//! What is not certain meets no example but one that expects just that; so it is with a host whose
//! address is not known and bears on what becomes of the flow.

use std::collections::BTreeSet;
use std::net::IpAddr;

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
    pub flow: Observation,
    /// How many more of its flows have another verdict.
    pub others: usize,
    /// What else may become of the flow, where the address of its host is not known.
    pub elsewhere: Elsewhere,
    /// What becomes of the flow.
    pub decision: Decision,
    /// What the list says of it.
    pub judged: Judged,
    /// The box of both answers.
    pub outcome: Outcome,
}

/// What becomes of a flow at the other addresses that its host may have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Elsewhere {
    /// The address is known, or bears on nothing.
    Same,
    /// Another verdict or box at this address.
    Differs {
        /// The address.
        address: IpAddr,
        /// The verdict there.
        verdict: Verdict,
    },
    /// More addresses are told apart than are judged.
    TooMany,
}

/// Judges the examples of `intent` by the list itself, as of `day`, and by the deployment of
/// `simulator`.
pub fn examples<'a>(
    intent: &'a Intent,
    simulator: &Simulator<'_>,
    environment: &Environment<'_>,
    day: Date,
) -> Tested<'a> {
    let asked = Asked { intent, simulator, day };
    let mut tested = Tested::default();
    // Of an address that stands for many, it is not known which tags hold it.
    let mut evidence = environment.evidence.clone();
    evidence.service_tags = None;
    let anywhere = Environment { evidence: &evidence, ..*environment };
    let is_needed = intent.examples.iter().any(|example| example.host.is_some());
    let public = is_needed.then(|| simulator.public_addresses(intent, &evidence));
    for example in &intent.examples {
        let mut unmet: Option<Unmet<'a>> = None;
        for flow in &example.flows {
            let found = match (&example.host, &public) {
                (Some(_), Some(public)) => {
                    asked.at_each(example, flow, public.as_deref(), &anywhere, &mut tested)
                }
                (Some(_) | None, _) => asked.at(example, flow, environment, &mut tested),
            };
            match (found, &mut unmet) {
                (Some(_), Some(unmet)) => unmet.others += 1,
                (found, None) => unmet = found,
                (None, Some(_)) => {}
            }
        }
        tested.unmet.extend(unmet);
    }
    tested
}

/// What examples are judged by.
struct Asked<'a, 's> {
    intent: &'a Intent,
    simulator: &'s Simulator<'s>,
    day: Date,
}

impl<'a> Asked<'a, '_> {
    /// What becomes of `flow`, as if it were not what `example` expects.
    fn judge(
        &self,
        example: &'a Example,
        flow: &Observation,
        environment: &Environment<'_>,
        tested: &mut Tested<'a>,
    ) -> Unmet<'a> {
        let decision = self.simulator.judge(flow, environment);
        let judged = self.intent.judge_on(self.day, flow, environment);
        tested.assumptions.extend(decision.assumptions.iter().cloned());
        tested.assumptions.extend(judged.assumptions.iter().cloned());
        let outcome = Outcome::of(Some(&judged), &decision);
        let (flow, elsewhere) = (flow.clone(), Elsewhere::Same);
        Unmet { example, flow, others: 0, elsewhere, decision, judged, outcome }
    }

    /// What becomes of `flow`, if it is not what `example` expects.
    fn at(
        &self,
        example: &'a Example,
        flow: &Observation,
        environment: &Environment<'_>,
        tested: &mut Tested<'a>,
    ) -> Option<Unmet<'a>> {
        let found = self.judge(example, flow, environment, tested);
        let is_met = is_met(example.expected, found.decision.verdict, found.outcome);
        (!is_met).then_some(found)
    }

    /// What becomes of `flow` at one of the `public` addresses, which its host may all have, if it
    /// is not at each of them what `example` expects. Where the address bears on the verdict, that
    /// is not settled, and meets an example that says so.
    fn at_each(
        &self,
        example: &'a Example,
        flow: &Observation,
        public: Option<&[IpAddr]>,
        environment: &Environment<'_>,
        tested: &mut Tested<'a>,
    ) -> Option<Unmet<'a>> {
        let first = self.judge(example, flow, environment, tested);
        let Some(public) = public else {
            let is_met = example.expected == Expected::Undetermined;
            return (!is_met).then_some(Unmet { elsewhere: Elsewhere::TooMany, ..first });
        };
        let mut unmet = None;
        let mut other = None;
        let first_met = is_met(example.expected, first.decision.verdict, first.outcome);
        for address in public {
            let flow = Observation { destination: *address, ..flow.clone() };
            let found = self.judge(example, &flow, environment, tested);
            let is_met = is_met(example.expected, found.decision.verdict, found.outcome);
            if is_met != first_met || found.decision.verdict != first.decision.verdict {
                other.get_or_insert((*address, found.decision.verdict));
                if !is_met {
                    unmet.get_or_insert(found);
                }
            }
        }
        let Some((address, verdict)) = other else {
            return (!first_met).then_some(first);
        };
        if example.expected == Expected::Undetermined {
            return None;
        }
        // Shown is where the example does not hold, with the other place beside it.
        match (first_met, unmet) {
            (true, Some(found)) => {
                let (address, verdict) = (first.flow.destination, first.decision.verdict);
                Some(Unmet { elsewhere: Elsewhere::Differs { address, verdict }, ..found })
            }
            (true, None) => None,
            (false, _) => {
                Some(Unmet { elsewhere: Elsewhere::Differs { address, verdict }, ..first })
            }
        }
    }
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

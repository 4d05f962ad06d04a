//! The list and the deployment, asked about flows near every edge: whether they agree.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::civil::Date;
use proptest::strategy::Strategy;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestCaseError;
use proptest::test_runner::TestError;

use super::edges::Edges;
use super::strategy::FlowTree;
use super::strategy::Runs;
use super::values::Point;
use crate::azure::RuleId;
use crate::flow::Flow;
use crate::flow::Host;
use crate::flow::Observation;
use crate::flow::SeenPayload;
use crate::intent::Intent;
use crate::prove;
use crate::simulate::Decision;
use crate::simulate::Environment;
use crate::simulate::Judged;
use crate::simulate::Outcome;
use crate::simulate::Simulator;
use crate::simulate::assumptions::Assumption;
use crate::simulate::assumptions::CLIENT_ANSWERS;

/// The most disagreements of one box that are told: what one reads at a time. Where they are mended, the next
/// test shows the others.
pub const MAX_DISAGREEMENTS: usize = 12;

/// What both sides say of flows near edges.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// How many flows there are in each box.
    pub boxes: BTreeMap<Outcome, usize>,
    /// Of each cause for which flows are in a box that is an objection and not undetermined, the
    /// simplest flow found; at most [`MAX_DISAGREEMENTS`] of a box.
    pub disagreements: Vec<Disagreement>,
    /// Whether there are more causes.
    pub are_more: bool,
    /// The assumptions that some answer depended on.
    pub assumptions: BTreeSet<Assumption>,
    /// Whether there are more edges than were tried.
    pub is_cut: bool,
}

/// A flow of which both sides do not say the same.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// The flow.
    pub flow: Observation,
    /// What becomes of it.
    pub decision: Decision,
    /// What the list says of it; nothing where there is no list.
    pub judged: Option<Judged>,
    /// The box of both answers.
    pub outcome: Outcome,
}

/// What makes flows disagree in the same way: the box, the rule or the route around, and the
/// statement of the list that requires them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Cause {
    outcome: Outcome,
    rule: Option<RuleId>,
    route: Option<String>,
    required_by: Option<usize>,
}

impl Disagreement {
    /// The cause, where both sides disagree for sure.
    fn cause(&self) -> Option<Cause> {
        let route = self.decision.route.as_ref();
        let judged = self.judged.as_ref();
        let (route, required_by) = match self.outcome {
            Outcome::Leak => (None, None),
            Outcome::Bypass => (route.map(ToString::to_string), None),
            Outcome::Breakage => (None, judged.and_then(|judged| judged.by)),
            Outcome::RequiredPassed
            | Outcome::PermittedPassed
            | Outcome::Accepted
            | Outcome::Passed
            | Outcome::PermittedBlocked
            | Outcome::Blocked
            | Outcome::Undetermined
            | Outcome::NotJudged => return None,
        };
        Some(Cause { outcome: self.outcome, rule: self.decision.rule.clone(), route, required_by })
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// What is deployed.
    pub simulator: &'a Simulator<'a>,
    /// The list; without one, only what goes around a firewall is an objection.
    pub intent: Option<&'a Intent>,
    /// What is known, and assumed.
    pub environment: Environment<'a>,
    /// The day on which permissions are active.
    pub day: Date,
}

impl Sides<'_> {
    /// Asks both sides about `flow`.
    pub fn judge(&self, flow: Flow) -> Disagreement {
        let flow = Observation::from(flow);
        let decision = self.simulator.judge(&flow, &self.environment);
        let judged = self.intent.map(|one| one.judge_on(self.day, &flow, &self.environment));
        let outcome = match Outcome::of(judged.as_ref(), &decision) {
            Outcome::Breakage if !self.may_be_sent(&flow, judged.as_ref()) => Outcome::Blocked,
            outcome => outcome,
        };
        Disagreement { flow, decision, judged, outcome }
    }

    /// Whether some client may send `flow`, where what is required rests on that: one with a name
    /// goes to the internet, to a private endpoint of the name or where the lock has it, as proofs
    /// take it. The flow was not seen, so that nothing else speaks for its address.
    fn may_be_sent(&self, flow: &Observation, judged: Option<&Judged>) -> bool {
        let assumed = judged.iter().flat_map(|judged| &judged.assumptions);
        if !{ assumed }.any(|one| one.key == CLIENT_ANSWERS) {
            return true;
        }
        let deployment = self.simulator.deployment;
        let SeenPayload::Exactly(payload) = &flow.payload else { return true };
        let name = payload.wire_name().and_then(Host::name);
        let networks = deployment.virtual_networks.values();
        let mut endpoints =
            networks.flat_map(|one| &one.subnets).flat_map(|one| &one.private_endpoints);
        let lock = self.environment.evidence.lock.as_ref();
        let locked = name.and_then(|name| lock?.name(name));
        prove::internet(deployment).contains(flow.destination)
            || endpoints.any(|one| {
                one.address == flow.destination && name.is_some_and(|name| one.names.contains(name))
            })
            || locked.is_some_and(|one| one.addresses.contains(&flow.destination))
    }
}

/// Asks both sides about each flow near `edges`, and about those that `runs` draws. A flow is in
/// one box, and counted once.
pub fn agreement(sides: &Sides<'_>, edges: &Edges, runs: Runs) -> Agreement {
    let mut runner = runs.runner();
    let (mut flows, are_all) = edges.each();
    let strategy = edges.flows();
    for _ in 0..runs.cases {
        // There is always a flow to draw: `Edges` has at least one place.
        flows.extend(strategy.new_tree(&mut runner).map(|tree| tree.current()));
    }
    let mut agreement = Agreement { is_cut: edges.is_cut() || !are_all, ..Agreement::default() };
    let mut causes = BTreeSet::new();
    for flow in flows {
        let found = sides.judge(flow.clone());
        let judged = found.judged.iter().flat_map(|judged| &judged.assumptions);
        agreement.assumptions.extend(found.decision.assumptions.iter().chain(judged).cloned());
        *agreement.boxes.entry(found.outcome).or_default() += 1;
        let Some(cause) = found.cause() else { continue };
        if !causes.insert(cause.clone()) {
            continue;
        }
        let alike = agreement.disagreements.iter().filter(|one| one.outcome == found.outcome);
        if alike.count() == MAX_DISAGREEMENTS {
            agreement.are_more = true;
            continue;
        }
        let tree = FlowTree::new(edges.parts().clone(), Point::of(&flow));
        let property = |flow: Flow| {
            let is_same = sides.judge(flow).cause().as_ref() == Some(&cause);
            if is_same { Err(TestCaseError::fail("both sides disagree")) } else { Ok(()) }
        };
        agreement.disagreements.push(match runner.run_one(tree, property) {
            Err(TestError::Fail(_, simplest)) => sides.judge(simplest),
            Err(TestError::Abort(_)) | Ok(_) => found,
        });
    }
    agreement.disagreements.sort_by(|a, b| (a.outcome, &a.flow).cmp(&(b.outcome, &b.flow)));
    agreement
}

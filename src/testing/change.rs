//! Properties that hold across a change of rules, of flows near the edges of both sides.
//!
//! They are tests, and tell what they have tried; what a change does to every flow is in `prove`.

use std::fmt;

use proptest::test_runner::TestCaseError;
use proptest::test_runner::TestError;

use super::edges::Edges;
use super::strategy::FlowTree;
use super::strategy::Runs;
use super::values::Point;
use crate::flow::Flow;
use crate::flow::Observation;
use crate::simulate::Decision;
use crate::simulate::Environment;
use crate::simulate::Simulator;
use crate::simulate::Verdict;

/// What is deployed before a change and after it, and what is known of the environment of both.
#[derive(Clone, Copy, Debug)]
pub struct RuleChange<'a> {
    /// Before.
    pub old: &'a Simulator<'a>,
    /// After.
    pub new: &'a Simulator<'a>,
    /// What is known, and assumed.
    pub environment: Environment<'a>,
}

/// A flow that does not do what a property says, with both verdicts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Flipped {
    /// The flow.
    pub flow: Observation,
    /// What becomes of it before the change.
    pub old: Decision,
    /// What becomes of it after the change.
    pub new: Decision,
}

impl fmt::Display for Flipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flipped { flow, old, new } = self;
        write!(f, "`{flow}`: {} ({}) before the change, ", old.verdict, old.reason)?;
        write!(f, "{} ({}) after it", new.verdict, new.reason)
    }
}

impl std::error::Error for Flipped {}

impl RuleChange<'_> {
    /// Both decisions about `flow`.
    pub fn judge(&self, flow: &Observation) -> Flipped {
        let old = self.old.judge(flow, &self.environment);
        let new = self.new.judge(flow, &self.environment);
        Flipped { flow: flow.clone(), old, new }
    }
}

impl Flipped {
    /// Whether the flow may leave after the change and did not before, or is sure to and was not.
    /// Where what is not known decides on both sides, it does not tell.
    pub fn newly_leaves(&self) -> bool {
        certainty(&self.new) > certainty(&self.old)
    }

    /// Whether the flow is sure to leave on both sides.
    pub fn keeps_leaving(&self) -> bool {
        let sure = Certainty::Leaves;
        certainty(&self.old) == sure && certainty(&self.new) == sure
    }
}

/// Whether a flow leaves, as far as it is known.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Certainty {
    Stays,
    MayLeave,
    Leaves,
}

fn certainty(decision: &Decision) -> Certainty {
    match decision.verdict {
        Verdict::Undetermined => Certainty::MayLeave,
        _ if decision.gets_out() => Certainty::Leaves,
        Verdict::Allow | Verdict::Bypass | Verdict::Deny | Verdict::Local | Verdict::Platform => {
            Certainty::Stays
        }
    }
}

/// Holds where no flow near `edges` newly leaves but those that are `except`ed: each near an edge
/// is tried, and then those that `runs` draws.
///
/// # Errors
/// The simplest flow found that newly leaves.
pub fn nothing_newly_leaves(
    change: &RuleChange<'_>,
    edges: &Edges,
    runs: Runs,
    except: impl Fn(&Flow) -> bool,
) -> Result<(), Box<Flipped>> {
    let property = |flow: Flow| {
        let leaves = !except(&flow) && change.judge(&flow.into()).newly_leaves();
        if leaves { Err(TestCaseError::fail("it newly leaves")) } else { Ok(()) }
    };
    let mut runner = runs.runner();
    let found = |error: TestError<Flow>| match error {
        TestError::Fail(_, flow) => Err(Box::new(change.judge(&flow.into()))),
        // Nothing here gives up.
        TestError::Abort(_) => Ok(()),
    };
    for flow in edges.each().0 {
        let tree = FlowTree::new(edges.parts().clone(), Point::of(&flow));
        if let Err(error) = runner.run_one(tree, property) {
            return found(error);
        }
    }
    runner.run(&edges.flows(), property).or_else(found)
}

/// Holds where each of `flows` is sure to leave, before the change and after it.
///
/// # Errors
/// The first that is not.
pub fn these_keep_leaving(
    change: &RuleChange<'_>,
    flows: impl IntoIterator<Item = Observation>,
) -> Result<(), Box<Flipped>> {
    let judged = flows.into_iter().map(|flow| change.judge(&flow));
    match { judged }.find(|one| !one.keeps_leaving()) {
        Some(found) => Err(Box::new(found)),
        None => Ok(()),
    }
}

//! The engines that are held to the slow one flow by flow.

use std::fmt;

use exeat::azure::Deployment;
use exeat::azure::RuleId;
use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::simulate::Classifier;
use exeat::simulate::Decision;
use exeat::simulate::Reason;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;

/// The slow engine and the fast one.
pub(crate) struct Engines<'d> {
    pub(crate) slow: Simulator<'d>,
    fast: Classifier<'d>,
}

/// How many flows the fast engine was asked about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) flows: usize,
    /// Those for which it had to ask the slow one.
    pub(crate) slowly: usize,
}

impl Asked {
    #[allow(dead_code, reason = "not every test adds")]
    pub(crate) fn add(&mut self, more: Asked) {
        self.flows += more.flows;
        self.slowly += more.slowly;
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} asked of the fast engine, {} of them slow", self.flows, self.slowly)
    }
}

impl<'d> Engines<'d> {
    pub(crate) fn of(deployment: &'d Deployment) -> Engines<'d> {
        let slow = Simulator::new(deployment).expect("an order");
        let fast = Classifier::new(&slow);
        Engines { slow, fast }
    }

    /// How the fast engine differs from the slow one on `flow`, where just that holds for which
    /// `holds` says so; with the whole decision of the slow one.
    ///
    /// Verdict, reason and rule are compared, and of the engine that passes over rules everything,
    /// the questions in their order too.
    pub(crate) fn compare(
        &self,
        flow: &Flow,
        holds: &mut dyn FnMut(&Atom) -> bool,
        asked: &mut Asked,
    ) -> (Decision, Option<String>) {
        let (slow, questions) = decided(&self.slow, flow, holds);
        let (indexed, same) = decided(self.fast.simulator(), flow, holds);
        let found = self.fast.classify(flow, &mut *holds);
        asked.flows += 1;
        asked.slowly += usize::from(found.was_slow);
        let rule: Option<&RuleId> = found.rule.as_deref();
        let said = (found.verdict, found.reason, rule);
        let expected: (Verdict, Reason, Option<&RuleId>) =
            (slow.verdict, slow.reason, slow.rule.as_ref());
        let differs = if said != expected {
            Some(format!("{flow}\nslow engine: {expected:?}\nfast engine: {said:?}"))
        } else if indexed != slow {
            Some(format!("{flow}\nall rules: {slow:#?}\nby index:  {indexed:#?}"))
        } else if same != questions {
            Some(format!("{flow}\nall rules ask {questions:?}\nby index {same:?}"))
        } else {
            None
        };
        (slow, differs)
    }
}

/// What `simulator` says, and what it asks.
fn decided(
    simulator: &Simulator<'_>,
    flow: &Flow,
    holds: &mut dyn FnMut(&Atom) -> bool,
) -> (Decision, Vec<Atom>) {
    let mut asked = Vec::new();
    let decision = simulator.decide(flow, &mut |atom| {
        asked.push(atom.clone());
        holds(atom)
    });
    (decision, asked)
}

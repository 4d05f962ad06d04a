//! The fast engine: what the slow one says, at a cost that does not grow with the rules.
//!
//! In: a deployment. Out: for a flow the verdict, reason and rule of [`Simulator::decide`], without
//! the way to them; and a [`Simulator`] that gives whole decisions and passes over rules that
//! cannot matter. Both are held to be equal to the slow engine, and the tests hold them to it.
//!
//! Three things make them fast, and each is sound for a reason of its own:
//!
//! - `index`: a rule is passed over only where the slow engine, asked about it alone, would say no
//!   without a question to the environment. Sets of rules by source, destination, service and host
//!   are met, and of what is left the first is the one. Where the environment can be asked about a
//!   rule, the slow engine's own comparison is.
//! - `way`: what precedes and follows a firewall is decided by the slow engine, once for each pair
//!   of classes of addresses, and kept. `cuts` lists every address that it compares; it does not
//!   compile while a field of the deployment is missing from it.
//! - `gate`: what a firewall does with most flows is written out once more. Whatever is seldom
//!   met is left to the slow engine, and [`Classified::was_slow`] tells so.
//!
//! Whole recorded connections are judged once for all that nothing tells apart: [`Replays`].
//!
//! Nothing is evicted, so that an answer never depends on what was asked before.

mod application;
mod axis;
mod blocks;
mod cuts;
mod gate;
mod index;
mod names;
mod network;
mod ports;
mod questions;
mod reach;
mod replays;
mod rule_sets;
mod way;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use gate::Classed;
use gate::Gate;
use gate::Said;
use index::Axes;
pub(super) use index::Index;
pub(super) use index::Named;
pub(super) use index::Row;
pub use replays::Replays;
pub use replays::Settled;
use way::Way;
use way::Ways;

use super::decide::Simulator;
use super::decision::Reason;
use super::decision::Verdict;
use crate::azure::RuleId;
use crate::flow::Atom;
use crate::flow::Flow;

/// What answers for the environment.
type Oracle<'o> = &'o mut dyn FnMut(&Atom) -> bool;

/// A deployment that is ready to be asked about many flows.
pub struct Classifier<'a> {
    simulator: Simulator<'a>,
    axes: Arc<Axes>,
    /// By class of a source, and by class of a destination, its class on the axis of ways.
    from: Vec<usize>,
    to: Vec<usize>,
    /// The firewalls in their order, then the policy that is asked where there is none.
    gates: Vec<Gate<'a>>,
    ways: Ways,
}

/// What becomes of a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Classified<'c> {
    /// [`Decision::verdict`](super::Decision::verdict).
    pub verdict: Verdict,
    /// [`Decision::reason`](super::Decision::reason).
    pub reason: Reason,
    /// [`Decision::rule`](super::Decision::rule).
    pub rule: Option<Cow<'c, RuleId>>,
    /// Whether the slow engine had to be asked.
    pub was_slow: bool,
}

impl fmt::Debug for Classifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier").field("firewalls", &self.gates.len()).finish_non_exhaustive()
    }
}

impl<'a> Simulator<'a> {
    /// The same engine, which passes over rules that can neither match a flow nor ask the
    /// environment about it.
    #[must_use]
    pub fn indexed(&self) -> Simulator<'a> {
        self.indexed_by(&Arc::new(Axes::of(self.deployment)))
    }

    fn indexed_by(&self, axes: &Arc<Axes>) -> Simulator<'a> {
        let mut indexed = self.clone();
        let index = |enforced: &_| Arc::new(Index::of(enforced, self.deployment, axes));
        for enforced in indexed.firewalls.values_mut() {
            enforced.index = Some(index(enforced));
        }
        // Where there is a firewall, the only one is it.
        let of_firewall = indexed.firewalls.values().find_map(|enforced| enforced.index.clone());
        if let Some(only) = &mut indexed.only {
            only.index = Some(of_firewall.unwrap_or_else(|| index(only)));
        }
        indexed
    }
}

impl<'a> Classifier<'a> {
    /// Makes the engine of `simulator` fast.
    pub fn new(simulator: &Simulator<'a>) -> Classifier<'a> {
        let axes = Arc::new(Axes::of(simulator.deployment));
        let simulator = simulator.indexed_by(&axes);
        let class = |address| axes.way.class(address);
        let all = simulator.firewalls.values().chain(&simulator.only);
        let gate = |enforced: &super::policy::Enforced<'a>| {
            let beyond = enforced.firewall.and_then(|firewall| simulator.beyond(firewall));
            let index = enforced.index.clone()?;
            Some(Gate::of(enforced, index, &axes.way, beyond))
        };
        let gates: Vec<Gate<'a>> = all.filter_map(gate).collect();
        Classifier {
            from: axes.source.lowest().map(class).collect(),
            to: axes.destination.lowest().map(class).collect(),
            ways: Ways::of(&simulator, axes.way.len(), gates.len()),
            gates,
            axes,
            simulator,
        }
    }

    /// The engine that gives whole decisions.
    pub fn simulator(&self) -> &Simulator<'a> {
        &self.simulator
    }

    /// What becomes of `flow` in the environment that `oracle` answers for, as
    /// [`Simulator::decide`] has it. The oracle must give the same answer to the same question, and
    /// may be asked fewer questions.
    pub fn classify(&self, flow: &Flow, oracle: &mut dyn FnMut(&Atom) -> bool) -> Classified<'_> {
        if let Some((verdict, reason, rule)) = self.known(flow, oracle) {
            Classified { verdict, reason, rule: rule.map(Cow::Borrowed), was_slow: false }
        } else {
            let decision = self.simulator.decide(flow, oracle);
            let rule = decision.rule.map(Cow::Owned);
            let (verdict, reason) = (decision.verdict, decision.reason);
            Classified { verdict, reason, rule, was_slow: true }
        }
    }

    /// The answer, where the slow engine need not be asked.
    fn known(&self, flow: &Flow, oracle: Oracle<'_>) -> Option<(Verdict, Reason, Option<&RuleId>)> {
        // Of what is asked about such a flow nobody could say about which end it is.
        if flow.source == flow.destination {
            return None;
        }
        let source = self.axes.source.class(flow.source);
        let destination = self.axes.destination.class(flow.destination);
        let (from, to) = (*self.from.get(source)?, *self.to.get(destination)?);
        let way = self.ways.departure(&self.simulator, flow, from, to)?;
        let number = match way.put(flow, oracle)? {
            Way::Ends(verdict, reason) => return Some((*verdict, *reason, None)),
            Way::Firewall(number) => *number,
        };
        let gate = self.gates.get(number)?;
        let classed = Classed { flow, source, destination, to };
        match gate.say(self.simulator.deployment, classed, oracle) {
            Said::Ends(verdict, reason, rule) => Some((verdict, reason, rule)),
            Said::Passes { rule, is_translated } => {
                if gate.is_last {
                    return Some((Verdict::Allow, Reason::NetworkRule, Some(rule)));
                }
                let from = (!is_translated).then_some(from);
                let way = self.ways.delivery(&self.simulator, flow, number, from, to)?;
                let (verdict, reason) = way.put(flow, oracle)?;
                Some((*verdict, *reason, Some(rule)))
            }
            Said::Slow => None,
        }
    }
}

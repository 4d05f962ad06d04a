//! The report on a replay: recorded flows, each in a box, and what to do about each objection.

mod consistency;
pub mod cure;
mod drift;
mod json;
mod text;
mod totals;

use jiff::Timestamp;

use super::command::Asked;
use super::flow_row::FlowRow;
use crate::azure::Deployment;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::SourceMap;
use crate::flow::Observation;
use crate::intent::Intent;
use crate::simulate::Agreement;
use crate::simulate::Decision;
use crate::simulate::Inconsistency;
use crate::simulate::Missing;
use crate::simulate::Outcome;
use crate::simulate::assumptions::Assumption;

pub use consistency::Unfit;
pub(super) use json::CaptureJson;
pub use text::Disagreement;
pub use totals::Counted;
pub use totals::Position;
pub use totals::Positions;
pub use totals::Totals;

/// The name of the JSON format.
pub const SCHEMA: &str = "exeat.replay/1";

/// Flows shown of several; the others are counted.
pub const SHOWN_FLOWS: usize = 5;

/// Gives the flow at a position again.
type Again<'f, E> = dyn FnMut(Position) -> Result<ReplayedFlow, E> + 'f;

/// A recorded flow with its verdict.
#[derive(Clone, Debug)]
pub struct ReplayedFlow {
    /// What was recorded.
    pub row: FlowRow,
    /// Whether the list requires it; `None` where that is not settled.
    pub required: Option<bool>,
    /// Whether the list permits it; `None` where that is not settled.
    pub permitted: Option<bool>,
    /// The label of the permission, or of the deny, that says so.
    pub permission: Option<String>,
    /// The assumptions that what the list says depends on.
    pub judged_under: Vec<Assumption>,
    /// The verdict, without the way to it, which no report shows: trace, notes and peer.
    pub decision: Decision,
    /// What would settle the verdict and what the list says, each once.
    pub missing: Vec<Missing>,
    /// The index in the flow of the packet at which the verdict fell, from 1; `None` where a log does
    /// not say it.
    pub packet: Option<u64>,
    /// What was asked of the firewall by then.
    pub opening: Observation,
    /// The flow to be shown: with the first bytes, where the verdict on them is the same.
    pub shown: Observation,
    /// Whether the other end, or the firewall in its name, answered the handshake.
    pub answered: bool,
    /// The box.
    pub outcome: Outcome,
    /// Why the box is no objection, where it would be one.
    pub accepted: Option<String>,
    /// What does not fit together, in the order of its kinds.
    pub inconsistencies: Vec<Inconsistency>,
}

impl ReplayedFlow {
    /// Whether the flow stops a pipeline.
    pub fn is_objection(&self) -> bool {
        self.outcome.is_objection() && self.accepted.is_none()
    }

    /// Whether it is judged as `other`, whatever that is known by: the same box, verdict and reason, by
    /// the same rule, route and statement, with the same facts missing.
    pub fn is_judged_as(&self, other: &ReplayedFlow) -> bool {
        let Decision { verdict, reason, rule, route, .. } = &self.decision;
        (verdict, reason) == (&other.decision.verdict, &other.decision.reason)
            && (rule, route) == (&other.decision.rule, &other.decision.route)
            && (self.outcome, &self.accepted) == (other.outcome, &other.accepted)
            && (self.required, self.permitted) == (other.required, other.permitted)
            && self.permission == other.permission
            && self.missing == other.missing
            && self.shown == other.shown
    }
}

/// A capture that was replayed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplayedCapture {
    /// Its path as given.
    pub path: String,
    /// Where and why it could not be read further, if it was cut.
    pub truncated: Option<String>,
    /// What else is to be known of how it was read: limits that were hit, damaged packets.
    pub warnings: Vec<String>,
    /// What such a log cannot know, for each format that it has.
    pub notes: Vec<String>,
}

/// What was judged, and by what.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What stood on the command line; without deployments the compiled one was judged.
    pub asked: Asked<'a>,
    /// The list.
    pub intent: Option<&'a Intent>,
    /// What is deployed.
    pub deployment: &'a Deployment,
    /// What the list compiles to, where other deployments were judged.
    pub compiled: Option<&'a Deployment>,
    /// The source text.
    pub sources: &'a SourceMap,
}

/// A replay, ready to be reported.
#[derive(Debug)]
pub struct Replay<'a> {
    /// What was judged, and by what.
    pub subject: Subject<'a>,
    /// The time as of which permissions are active.
    pub at: Timestamp,
    /// The captures, in the order of the command line.
    pub captures: Vec<ReplayedCapture>,
    /// Whether the user ended the run before all of them were read.
    pub is_partial: bool,
    /// The flows, counted in the order in which they ended, capture by capture.
    pub totals: Totals<'a>,
    /// Findings about the source.
    pub findings: &'a [Diagnostic],
}

/// How many flows, packets and bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Tally {
    pub(super) flows: u64,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// Flows of which a log counts no packets; they are not in the sums.
    pub(super) uncounted: u64,
}

impl Tally {
    fn add(&mut self, packets: Option<u64>, bytes: Option<u64>) {
        self.flows += 1;
        self.packets = self.packets.saturating_add(packets.unwrap_or(0));
        self.bytes = self.bytes.saturating_add(bytes.unwrap_or(0));
        self.uncounted += u64::from(packets.is_none());
    }

    fn extend(&mut self, others: &Tally) {
        self.flows += others.flows;
        self.packets = self.packets.saturating_add(others.packets);
        self.bytes = self.bytes.saturating_add(others.bytes);
        self.uncounted += others.uncounted;
    }
}

impl Subject<'_> {
    /// Whether the decision is what the log says of the flow, where both say something.
    fn agreement(&self, flow: &ReplayedFlow) -> Option<Agreement> {
        let recorded = flow.row.recorded.as_ref()?;
        Agreement::of(recorded, &flow.decision, self.deployment)
    }

    /// `file:line:column` of the permission or deny with this label.
    fn place_of(&self, label: &str) -> Option<String> {
        let intent = self.intent?;
        let permissions = intent.permissions.iter().map(|p| (&p.label, &p.origin));
        let denies = intent.denies.iter().map(|d| (&d.label, &d.origin));
        let (_, origin) = permissions.chain(denies).find(|(found, _)| *found == label)?;
        self.sources.place(origin.span)
    }
}

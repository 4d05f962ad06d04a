//! A recorded connection, put into a box.

use jiff::civil::Date;

use super::decide::Simulator;
use super::decision::Decision;
use super::decision::Reason;
use super::decision::Verdict;
use super::environment::Environment;
use super::indexed::IndexedIntent;
use super::outcome::Outcome;
use super::required::Judged;
use crate::flow::Observation;
use crate::intent::Intent;

/// A connection, judged by the deployment and by the list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replayed {
    /// The decision of the flow at which the box was settled.
    pub decision: Decision,
    /// What the list says of that flow; `None` where there is no list.
    pub judged: Option<Judged>,
    /// The box.
    pub outcome: Outcome,
    /// The index of that flow among those of the connection.
    pub index: usize,
}

impl Simulator<'_> {
    /// Follows a connection flow by flow, the handshake first, up to the first that does not leave
    /// or that leaves and may not, with the permissions that are active on `day`. Where the list leaves
    /// open whether one may that leaves, that one settles the box unless a later one is a leak. `None`
    /// for a connection without flows.
    ///
    /// A handshake that the firewall answers itself says nothing as long as bytes follow
    /// (`azure-firewall.md §1.6`).
    pub fn replay(
        &self,
        flows: &[Observation],
        intent: Option<&Intent>,
        day: Date,
        environment: &Environment<'_>,
    ) -> Option<Replayed> {
        let indexed = intent.map(|intent| IndexedIntent::of_one_flow(intent, day));
        self.replay_by(flows, indexed.as_ref(), environment)
    }

    /// [`Simulator::replay`] with a list that is asked about more connections.
    pub(super) fn replay_by(
        &self,
        flows: &[Observation],
        intent: Option<&IndexedIntent<'_>>,
        environment: &Environment<'_>,
    ) -> Option<Replayed> {
        let mut last: Option<Replayed> = None;
        for (index, flow) in flows.iter().enumerate() {
            let is_last = index + 1 == flows.len();
            let is_silent = flow.payload.is_silent();
            let decision = self.judge(flow, environment);
            if is_silent && !is_last && decision.reason == Reason::HandshakeOnly {
                continue;
            }
            // The list is asked with the name seen in the flow, also where the firewall decides
            // before it sees one (`semantics.md`, Replay).
            let asked = if is_silent { flows.get(index + 1).unwrap_or(flow) } else { flow };
            let judged = intent.map(|intent| intent.judge(asked, environment));
            let outcome = Outcome::of(judged.as_ref(), &decision);
            // A connection goes on behind a flow that leaves: whether it may is open, and what follows may
            // be worse.
            if last.as_ref().is_some_and(|before| before.outcome == Outcome::Undetermined) {
                match (decision.verdict, outcome) {
                    (Verdict::Allow, Outcome::Leak) => {}
                    (Verdict::Allow, _) => continue,
                    _ => break,
                }
            }
            let is_settled = match decision.verdict {
                Verdict::Allow => outcome.is_objection() && outcome != Outcome::Undetermined,
                Verdict::Deny
                | Verdict::Undetermined
                | Verdict::Bypass
                | Verdict::Local
                | Verdict::Platform => true,
            };
            last = Some(Replayed { decision, judged, outcome, index });
            if is_settled {
                break;
            }
        }
        last
    }
}

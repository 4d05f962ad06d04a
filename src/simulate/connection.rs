//! Sessions, which let answers through.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;

use super::assumptions::REVERSE_DENY_BREAKS_RETURN;
use super::assumptions::TCP_IDLE_EW;
use super::assumptions::TCP_IDLE_NS;
use super::assumptions::UDP_IDLE;
use super::decide::Simulator;
use super::decision::Decision;
use super::decision::Missing;
use super::decision::Peer;
use super::decision::Reason;
use super::decision::Stage;
use super::decision::Step;
use super::decision::Verdict;
use super::environment::Environment;
use super::special_purpose::is_private;
use crate::flow::Atom;
use crate::flow::IpProtocol;
use crate::flow::Observation;

/// The most sessions that are kept. Beyond it a new one is not remembered, so that its answers are
/// judged as openings; a capture with more open connections at once is none of a cluster's.
pub const MAX_SESSIONS: usize = 1 << 20;

/// One end of a session.
type End = (IpAddr, u16);

/// Protocol, initiator and responder.
type Tuple = (IpProtocol, End, End);

/// The sessions that a firewall has let through (`azure-firewall.md §1.10`).
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// When a packet of the session was last seen.
    live: BTreeMap<Tuple, Timestamp>,
}

impl Sessions {
    /// Judges a packet at the time of `environment`: one of a live session passes with it
    /// (step 2), any other opens a session if it is allowed.
    pub fn judge(
        &mut self,
        simulator: &Simulator<'_>,
        packet: &Observation,
        environment: &Environment<'_>,
    ) -> Decision {
        let Some(tuple) = tuple(packet) else { return simulator.judge(packet, environment) };
        let reversed = (tuple.0, tuple.2, tuple.1);
        if self.is_live(&tuple, environment) {
            self.live.insert(tuple, environment.at);
            return inherited(packet);
        }
        if self.is_live(&reversed, environment) {
            let decision = answer(simulator, packet, environment);
            if decision.verdict == Verdict::Allow {
                self.live.insert(reversed, environment.at);
            }
            return decision;
        }
        let decision = simulator.judge(packet, environment);
        if decision.verdict == Verdict::Allow && self.live.len() < MAX_SESSIONS {
            self.live.insert(tuple, environment.at);
        }
        decision
    }

    fn is_live(&self, tuple: &Tuple, environment: &Environment<'_>) -> bool {
        let Some(seen) = self.live.get(tuple) else { return false };
        let (protocol, (source, _), (destination, _)) = *tuple;
        let setting = if protocol == IpProtocol::UDP {
            UDP_IDLE
        } else if is_private(source) && is_private(destination) {
            TCP_IDLE_EW
        } else {
            TCP_IDLE_NS
        };
        let idle = environment.at.as_second().saturating_sub(seen.as_second());
        environment.assumptions.number(setting).is_none_or(|most| idle <= i64::from(most))
    }
}

/// An answer passes, unless a network rule denies its direction and that counts
/// (`azure-firewall.md §1.10`).
fn answer(
    simulator: &Simulator<'_>,
    packet: &Observation,
    environment: &Environment<'_>,
) -> Decision {
    let reading = environment.assumptions.reading(REVERSE_DENY_BREAKS_RETURN);
    let passes = inherited(packet);
    if reading == Some(false) {
        return passes;
    }
    let mut opening = simulator.judge(packet, environment);
    if opening.verdict != Verdict::Deny || opening.reason != Reason::NetworkRule {
        return passes;
    }
    opening.assumptions.extend(environment.assumptions.show(REVERSE_DENY_BREAKS_RETURN));
    opening.assumptions.sort();
    if reading.is_none() {
        opening.verdict = Verdict::Undetermined;
        opening.reason = Reason::EvidenceMissing;
        let atom = Atom::Reading { setting: REVERSE_DENY_BREAKS_RETURN };
        opening.missing = vec![Missing::Atom(atom)];
    }
    opening
}

fn inherited(packet: &Observation) -> Decision {
    Decision {
        verdict: Verdict::Allow,
        reason: Reason::LiveSession,
        rule: None,
        route: None,
        trace: vec![Step {
            stage: Stage::State,
            looked_at: packet.to_string(),
            result: "allow, part of a live session".to_owned(),
            section: "azure-firewall.md §1.10",
        }],
        missing: Vec::new(),
        assumptions: Vec::new(),
        notes: std::collections::BTreeSet::new(),
        peer: Peer::Destination,
    }
}

/// TCP and UDP have sessions (`azure-firewall.md §1.10`).
fn tuple(packet: &Observation) -> Option<Tuple> {
    if !packet.protocol.has_ports() {
        return None;
    }
    let source = (packet.source, packet.source_port?);
    Some((packet.protocol, source, (packet.destination, packet.destination_port)))
}

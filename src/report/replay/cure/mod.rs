//! What to do about objections, grouped so that one change answers each group.
//!
//! A file per box says what happened and what to do about it; none of them changes anything.

mod breakage;
mod bypass;
mod cause;
mod leak;
mod undetermined;

use super::Again;
use super::Positions;
use super::Replay;
use super::ReplayedFlow;
use super::SHOWN_FLOWS;
use super::totals::Grouped;
use crate::azure::RuleId;
use crate::azure::deployment::FoundRule;
use crate::diagnostic::Edit;
use crate::intent::Deny;
use crate::simulate::Decision;
use crate::simulate::Outcome;
use crate::simulate::Reason;

pub(in crate::report) use bypass::instead_of;
pub(super) use cause::Cause;
pub(super) use cause::cause;

/// A change that answers a group of objections.
#[derive(Clone, Debug)]
pub enum Change {
    /// Edits of the rules files.
    Source(Vec<Edit>),
    /// Another rule in place of a rule of an existing policy; `None` takes it out.
    Rule {
        /// The rule.
        id: RuleId,
        /// What is to stand in its place.
        instead: Option<Box<FoundRule>>,
    },
}

impl Change {
    /// The rule that is changed, where it is one of an existing policy.
    pub fn rule(&self) -> Option<&RuleId> {
        match self {
            Change::Source(_) => None,
            Change::Rule { id, .. } => Some(id),
        }
    }
}

/// What to do about a group.
#[derive(Clone, Debug)]
pub struct Cure {
    /// What to do, in the imperative.
    pub what: String,
    /// The change, where there is one to paste.
    pub change: Option<Change>,
    /// The change as a difference; filled in by whoever has tried it.
    pub difference: Option<String>,
    /// What becomes of the flows with the difference, where it was tried.
    pub tried: Option<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

impl Cure {
    fn new(what: impl Into<String>) -> Cure {
        Cure { what: what.into(), change: None, difference: None, tried: None, notes: Vec::new() }
    }
}

/// Objections with one cause.
#[derive(Clone, Debug)]
pub struct Group {
    /// The box of all of them.
    pub outcome: Outcome,
    /// What happened, in one sentence.
    pub headline: String,
    /// The first flows, in the order of the report.
    pub flows: Vec<ReplayedFlow>,
    /// The first flow whose TCP handshake was answered.
    pub answered: Option<ReplayedFlow>,
    /// All of them.
    pub all: Positions,
    /// Whether DNS answers may bear on the judgement of the first flow, so that its own capture does
    /// not suffice to explain it; cleared by whoever has tried it without.
    pub needs_answers: bool,
    /// What to do.
    pub cure: Cure,
}

impl Replay<'_> {
    /// The flows that `rule` decided and that are no objection.
    pub fn kept_of(&self, rule: &RuleId) -> Positions {
        self.totals.of_rule(rule).map(|of_rule| of_rule.kept.clone()).unwrap_or_default()
    }

    /// The objections, box by box and by cause, in the order in which the causes first show.
    ///
    /// # Errors
    /// Those of `again`, which gives a flow again that was counted.
    pub fn groups<E>(&self, again: &mut Again<'_, E>) -> Result<Vec<Group>, E> {
        // Stable: within a box the causes stay as they first showed.
        let mut ordered: Vec<&Grouped> = self.totals.groups.iter().collect();
        ordered.sort_by_key(|group| group.outcome);
        let mut groups = Vec::with_capacity(ordered.len());
        for Grouped { outcome, flows: all, answered } in ordered {
            let flows = all.flows(SHOWN_FLOWS, again)?;
            let answered = answered.map(&mut *again).transpose()?;
            let Some(first) = flows.first() else { continue };
            let (headline, cure) = match outcome {
                Outcome::Leak => self.leak(first, again)?,
                Outcome::Breakage => self.breakage(first),
                Outcome::Undetermined => self.undetermined(first),
                Outcome::Bypass => self.bypass(first),
                Outcome::RequiredPassed
                | Outcome::PermittedPassed
                | Outcome::PermittedBlocked
                | Outcome::Passed
                | Outcome::Accepted
                | Outcome::Blocked
                | Outcome::NotJudged => continue,
            };
            let (outcome, all) = (*outcome, all.clone());
            groups.push(Group {
                outcome,
                headline,
                flows,
                answered,
                all,
                needs_answers: true,
                cure,
            });
        }
        Ok(groups)
    }

    /// Offers edits of the list, which a deployment that was given does not come from until it is
    /// deployed again.
    fn offer(&self, cure: &mut Cure, edits: Option<Vec<Edit>>) {
        if self.subject.asked.deployments.is_empty() {
            cure.change = edits.map(Change::Source);
        } else if edits.is_some() {
            cure.notes.push(
                "an edit of the list changes this deployment only when it is deployed again"
                    .to_owned(),
            );
        }
    }

    /// The deny with this label.
    pub(super) fn deny(&self, label: &str) -> Option<&Deny> {
        self.subject.intent?.denies.iter().find(|deny| deny.label == label)
    }

    /// The subnet that the flow comes from, or its address.
    fn source_word(&self, flow: &ReplayedFlow) -> String {
        let source = flow.opening.source;
        let subnet = self.subject.intent.and_then(|intent| intent.topology.subnet_of(source));
        subnet.map_or_else(|| source.to_string(), |subnet| subnet.name.clone())
    }
}

/// What the verdict rests on, as the end of a sentence.
pub(in crate::report) fn reason_in_words(decision: &Decision) -> String {
    let rule = decision.rule.as_ref().map(|rule| format!("rule {rule}"));
    let rule = rule.as_deref().unwrap_or("a rule");
    match decision.reason {
        Reason::ApplicationRule => format!("application {rule} decides it first"),
        Reason::NetworkRule => format!("network {rule} decides it first"),
        Reason::DefaultDeny => "no rule lets it pass".to_owned(),
        Reason::HandshakeOnly => {
            "the client sent nothing after the handshake, which the firewall answers itself"
                .to_owned()
        }
        Reason::SniMissing => {
            "the client shows no name, and the firewall refuses TLS without one".to_owned()
        }
        Reason::UnrecognisedProtocol => {
            "its first bytes are of no protocol the firewall's proxy knows".to_owned()
        }
        Reason::HostMissing => "the request names no host".to_owned(),
        Reason::HostPortMismatch => {
            "the port in its `Host` header is not the one it connects to".to_owned()
        }
        Reason::Unresolvable => "the firewall cannot resolve the name".to_owned(),
        Reason::Undeliverable => "Azure does not deliver it".to_owned(),
        Reason::Infrastructure => "the built-in infrastructure rules let it pass".to_owned(),
        other => format!("its way ends at `{other}`"),
    }
}

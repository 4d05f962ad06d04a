//! What a log says became of a flow, beside what is decided here.

use std::fmt;

use super::decision::Decision;
use super::decision::Reason;
use super::decision::Verdict;
use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::azure::policy::Rules;
use crate::flow::Recorded;
use crate::flow::RecordedRule;
use crate::flow::RecordedVerdict;
use crate::flow::Recorder;

/// Whether a decision is what a log says.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Agreement {
    /// Both say the same.
    Agrees,
    /// The verdict is the same, by another rule.
    OtherRule,
    /// They differ.
    Disagrees(Cause),
}

/// The likely cause of a disagreement. The words never change their meaning.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Cause {
    /// A network security group denied what is decided to leave: it never reached the firewall.
    NsgDenied,
    /// A network security group let through what one of the deployment denies.
    NsgAllowed,
    /// A virtual network dropped what is not encrypted, which is not reckoned with.
    NotEncrypted,
    /// Threat intelligence stopped it, whose feed nobody else knows.
    ThreatIntelligence,
    /// Intrusion detection stopped it, which is not reckoned with.
    Idps,
    /// Something else than Azure stopped it, on the way or in another cloud.
    StoppedElsewhere,
    /// The firewall saw it, and it is decided to go around the firewall or to stay.
    OtherRoute,
    /// The firewall saw it, and it is decided to be stopped before it.
    StoppedBefore,
    /// The log names a rule that the deployment does not have.
    RuleUnknown,
    /// The deployment has the rule that the log names, and another decides here: one of both is of
    /// another version.
    RuleChanged,
    /// No rule matched at the firewall, and one does here.
    NoRuleMatched,
    /// The firewall refused it for a reason of its own, such as a name that it could not resolve.
    Refused,
    /// The firewall let it through, and does not say by which rule.
    NoRuleNamed,
}

impl Cause {
    /// The word of reports.
    pub fn keyword(self) -> &'static str {
        match self {
            Cause::NsgDenied => "nsg-denied",
            Cause::NsgAllowed => "nsg-allowed",
            Cause::NotEncrypted => "not-encrypted",
            Cause::ThreatIntelligence => "threat-intel",
            Cause::Idps => "idps",
            Cause::StoppedElsewhere => "stopped-elsewhere",
            Cause::OtherRoute => "other-route",
            Cause::StoppedBefore => "stopped-before",
            Cause::RuleUnknown => "rule-unknown",
            Cause::RuleChanged => "rule-changed",
            Cause::NoRuleMatched => "no-rule-matched",
            Cause::Refused => "refused",
            Cause::NoRuleNamed => "no-rule-named",
        }
    }

    /// The likely cause in words.
    pub fn describe(self) -> &'static str {
        match self {
            Cause::NsgDenied => {
                "a network security group denied it, so that the firewall never saw it"
            }
            Cause::NsgAllowed => {
                "a network security group let it through that the deployment has deny it"
            }
            Cause::NotEncrypted => {
                "the virtual network drops what is not encrypted, which is not reckoned with"
            }
            Cause::ThreatIntelligence => {
                "threat intelligence stopped it; its feed is not known here"
            }
            Cause::Idps => "intrusion detection stopped it, which is not reckoned with",
            Cause::StoppedElsewhere => "something else than Azure stopped it",
            Cause::OtherRoute => {
                "the firewall saw it, but by the deployment it does not pass there"
            }
            Cause::StoppedBefore => {
                "the firewall saw it, but by the deployment it is stopped before"
            }
            Cause::RuleUnknown => "the rule that the log names is not in the deployment",
            Cause::RuleChanged => {
                "the rule that the log names decides otherwise: the log is of another version of the rules"
            }
            Cause::NoRuleMatched => {
                "no rule matched at the firewall: the log is of another version of the rules"
            }
            Cause::Refused => "the firewall refused it for the reason in the log",
            Cause::NoRuleNamed => "the log does not name the rule that let it through",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

/// Whether a flow leaves; `None` where that is not settled, or not asked.
fn leaves(verdict: Verdict) -> Option<bool> {
    match verdict {
        Verdict::Allow | Verdict::Bypass => Some(true),
        Verdict::Deny => Some(false),
        Verdict::Undetermined | Verdict::Local | Verdict::Platform => None,
    }
}

impl Agreement {
    /// Holds `decision` against what a log says of the same flow. `None` where the log says nothing
    /// of what was decided: it only noted the flow, or let it on to where it was decided; or where
    /// nothing was decided.
    pub fn of(
        recorded: &Recorded,
        decision: &Decision,
        deployment: &Deployment,
    ) -> Option<Agreement> {
        let leaves = leaves(decision.verdict);
        match (recorded.by, recorded.verdict) {
            (_, RecordedVerdict::Noted) => None,
            (Recorder::Firewall, verdict) => firewall(recorded, verdict, decision, deployment),
            (Recorder::SecurityGroup, RecordedVerdict::Allowed) => (decision.reason
                == Reason::NsgDeny)
                .then_some(Agreement::Disagrees(Cause::NsgAllowed)),
            (_, RecordedVerdict::Allowed) => None,
            (by, RecordedVerdict::Denied) => Some(match (leaves?, by) {
                (false, _) => Agreement::Agrees,
                (true, Recorder::SecurityGroup) => Agreement::Disagrees(Cause::NsgDenied),
                (true, Recorder::Encryption) => Agreement::Disagrees(Cause::NotEncrypted),
                (true, Recorder::ThreatIntelligence) => {
                    Agreement::Disagrees(Cause::ThreatIntelligence)
                }
                (true, Recorder::Idps) => Agreement::Disagrees(Cause::Idps),
                (true, _) => Agreement::Disagrees(Cause::StoppedElsewhere),
            }),
        }
    }

    /// The word of reports for what is to be told: the cause, or that another rule decided.
    pub fn disagreement(self) -> Option<&'static str> {
        match self {
            Agreement::Agrees => None,
            Agreement::OtherRule => Some("another-rule"),
            Agreement::Disagrees(cause) => Some(cause.keyword()),
        }
    }

    /// Whether the verdicts are the same.
    pub fn has_same_verdict(self) -> bool {
        match self {
            Agreement::Agrees | Agreement::OtherRule => true,
            Agreement::Disagrees(_) => false,
        }
    }

    /// What is to be told, in words.
    pub fn describe(self) -> &'static str {
        match self {
            Agreement::Agrees => "both say the same",
            Agreement::OtherRule => {
                "the verdict is the same, by another rule than the one that the log names"
            }
            Agreement::Disagrees(cause) => cause.describe(),
        }
    }
}

/// Holds a decision against what the rules of a firewall did.
fn firewall(
    recorded: &Recorded,
    verdict: RecordedVerdict,
    decision: &Decision,
    deployment: &Deployment,
) -> Option<Agreement> {
    let is_allowed = verdict == RecordedVerdict::Allowed;
    let cause = match decision.verdict {
        // Whether a flow to the platform is logged is the platform's affair.
        Verdict::Undetermined | Verdict::Platform => return None,
        Verdict::Bypass | Verdict::Local => Cause::OtherRoute,
        Verdict::Allow | Verdict::Deny if (decision.verdict == Verdict::Allow) == is_allowed => {
            let other = recorded.rule.as_ref().zip(decision.rule.as_ref());
            let is_other = other.is_some_and(|(named, ours)| !names(named, ours));
            return Some(if is_other { Agreement::OtherRule } else { Agreement::Agrees });
        }
        Verdict::Deny if is_before_firewall(decision.reason) => Cause::StoppedBefore,
        // The rule that is named let it through; nobody knows what the firewall found then.
        Verdict::Allow if is_of_resolution(recorded) => Cause::Refused,
        Verdict::Allow | Verdict::Deny => match &recorded.rule {
            Some(rule) if is_in(rule, deployment) => Cause::RuleChanged,
            Some(_) => Cause::RuleUnknown,
            None if is_allowed => Cause::NoRuleNamed,
            None if is_of_default(recorded) => Cause::NoRuleMatched,
            None => Cause::Refused,
        },
    };
    Some(Agreement::Disagrees(cause))
}

/// Whether a flow that is denied so never reaches the firewall.
fn is_before_firewall(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NsgDeny
            | Reason::RouteNone
            | Reason::NoOutbound
            | Reason::NextHopUnreachable
            | Reason::PeeringRefused
            | Reason::RoutingLoop
    )
}

/// Whether the log says that no rule matched (`azure-firewall.md §8.3`, `§8.4`).
fn is_of_default(recorded: &Recorded) -> bool {
    recorded.reason.as_ref().is_none_or(|reason| {
        let reason = reason.to_ascii_lowercase();
        reason.contains("default action") || reason.contains("no rule matched")
    })
}

/// Whether the log says that the firewall could not resolve the name (`azure-firewall.md §8.4`).
fn is_of_resolution(recorded: &Recorded) -> bool {
    let reason = recorded.reason.as_ref().map(|reason| reason.to_ascii_lowercase());
    reason.is_some_and(|reason| reason.contains("failed to resolve"))
}

/// Whether the log names this rule, in its policy where the log says that. Azure compares names without regard to case.
fn names(named: &RecordedRule, rule: &RuleId) -> bool {
    let same = |named: Option<&str>, ours: &str| {
        named.is_none_or(|named| named.eq_ignore_ascii_case(ours))
    };
    same(Some(&named.name), &rule.rule)
        && same(named.collection.as_deref(), rule.collection.as_str())
        && same(named.group.as_deref(), rule.group.as_str())
        && same(policy_of(named), rule.policy.as_str())
}

/// The name of the policy that a log names; some write its resource id, which ends in the name.
fn policy_of(named: &RecordedRule) -> Option<&str> {
    named.policy.as_deref().map(|policy| policy.rsplit('/').next().unwrap_or(policy))
}

fn is_in(named: &RecordedRule, deployment: &Deployment) -> bool {
    let policies = deployment.policies.iter();
    policies
        .filter(|(key, _)| is_called(policy_of(named), key.as_str()))
        .flat_map(|(_, policy)| &policy.groups)
        .filter(|group| is_called(named.group.as_deref(), group.name.as_str()))
        .flat_map(|group| &group.collections)
        .filter(|collection| is_called(named.collection.as_deref(), collection.name.as_str()))
        .any(|collection| has_rule(&collection.rules, &named.name))
}

fn is_called(named: Option<&str>, name: &str) -> bool {
    named.is_none_or(|named| named.eq_ignore_ascii_case(name))
}

fn has_rule(rules: &Rules, name: &str) -> bool {
    let is = |rule: &str| rule.eq_ignore_ascii_case(name);
    match rules {
        Rules::Application(_, rules) => rules.iter().any(|rule| is(&rule.name)),
        Rules::Network(_, rules) => rules.iter().any(|rule| is(&rule.name)),
        Rules::Nat(rules) => rules.iter().any(|rule| is(&rule.name)),
    }
}

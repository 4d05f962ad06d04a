//! What a counterexample shows, in one sentence, and what to do about it.

use super::ProofReport;
use crate::azure::Ownership;
use crate::azure::RuleId;
use crate::azure::deployment::FoundRule;
use crate::azure::policy::Action;
use crate::flow::FqdnPattern;
use crate::intent::check::Polarity;
use crate::prove::Claim;
use crate::prove::Counterexample;
use crate::report::fact;
use crate::report::replay::cure::instead_of;
use crate::report::replay::cure::reason_in_words;
use crate::report::subject::Speaking;
use crate::simulate::Reason;
use crate::simulate::Verdict;
use crate::simulate::route::Hop;
use crate::simulate::route::RouteSource;
use crate::simulate::route::RouteTaken;

/// Whether a flow leaves that is not to, or stays that is to leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    Leaves,
    Stays,
}

impl ProofReport<'_> {
    fn fault(&self, claim: Claim) -> Fault {
        match (claim, self.assertion(claim).map(|assertion| assertion.polarity)) {
            (Claim::NoBreakage, _) | (Claim::Assertion(_), Some(Polarity::Always)) => Fault::Stays,
            (Claim::NoLeak | Claim::NothingAround, _)
            | (Claim::Assertion(_), Some(Polarity::Never) | None) => Fault::Leaves,
        }
    }

    /// What happens to the flow, in one sentence.
    pub(super) fn headline(&self, claim: Claim, found: &Counterexample) -> String {
        let decision = &found.decision;
        let how = match (decision.verdict, &decision.route, &decision.rule) {
            // What is local and leaves goes to a private endpoint.
            (Verdict::Bypass | Verdict::Local, Some(route), _) => {
                format!("{route} carries it around the firewall")
            }
            (Verdict::Bypass, None, _) => "it goes around the firewall".to_owned(),
            (Verdict::Allow, _, Some(rule)) => format!("rule {rule} lets it out"),
            (Verdict::Deny, Some(route), _) if ends_on_a_route(decision.reason) => {
                match &route.hop {
                    Hop::Firewall(name) => {
                        format!("behind firewall `{name}` Azure does not deliver it")
                    }
                    _ => format!("its route {route} does not deliver it"),
                }
            }
            (_, _, _) => reason_in_words(decision),
        };
        match (self.fault(claim), claim) {
            (Fault::Leaves, Claim::NoLeak) => format!("{how}, and the list does not permit it"),
            (Fault::Leaves, Claim::Assertion(_)) => format!("it is never to leave, but {how}"),
            (Fault::Leaves, Claim::NothingAround | Claim::NoBreakage) => how,
            (Fault::Stays, Claim::Assertion(_)) => format!("it is always to leave, but {how}"),
            (Fault::Stays, _) => {
                let by = self.speaking(found).map(|one| format!("`{}`", one.label()));
                format!("{} requires it, but {how}", by.as_deref().unwrap_or("the list"))
            }
        }
    }

    /// What to do, in the imperative, most useful first.
    pub(super) fn advice(&self, claim: Claim, found: &Counterexample) -> Vec<String> {
        let mut advice: Vec<String> = Vec::new();
        for (atom, holds) in fact::in_order(&found.given) {
            let way = fact::settle(atom, holds).filter(|way| !advice.contains(way));
            advice.extend(way);
        }
        advice.push(match self.fault(claim) {
            Fault::Leaves => self.stop(found),
            Fault::Stays => self.let_out(found),
        });
        advice
    }

    /// How a flow is stopped that is not to leave.
    fn stop(&self, found: &Counterexample) -> String {
        let decision = &found.decision;
        let is_permitted = found.says.as_ref().is_some_and(|says| says.permitted);
        match (decision.verdict, &decision.rule) {
            (Verdict::Bypass, _) if is_ipv6_of_azure(found) => {
                "drop what the subnet sends over IPv6, as the list's `route [::]/0 via none` does, or take \
                 its IPv6 prefix off: Azure Firewall takes no IPv6"
                    .to_owned()
            }
            (Verdict::Bypass | Verdict::Local, _) => {
 instead_of(found.flow.source, decision.route.as_ref(), self.subject.deployment)
 }
            (Verdict::Allow, _) if is_permitted => match self.speaking(found) {
                Some(one) => {
                    format!("narrow `{}`, which permits it, or the assertion", one.label())
                }
                None => "narrow the permission, or the assertion".to_owned(),
            },
            (Verdict::Allow, Some(rule)) => match self.speaking(found) {
                Some(Speaking::Denies(deny)) => {
                    format!("{}: `{}` denies this", self.narrow(rule), deny.label)
                }
                Some(Speaking::Permits(_)) | None => {
                    format!("{}, or permit what it lets out", self.narrow(rule))
                }
            },
            (Verdict::Allow, None) if decision.reason == Reason::Infrastructure => {
                format!(
                    "deny every name on port {} last, which closes Azure's infrastructure rules",
                    found.flow.destination_port
                )
            }
            (Verdict::Allow, None) if decision.reason == Reason::SqlRedirect => {
                "turn off `sql-redirect` of the policy, or permit `mssql redirect`".to_owned()
            }
            (
                Verdict::Allow
                | Verdict::Deny
                | Verdict::Undetermined
                | Verdict::Platform,
                _,
            ) => "end the deployment with a rule that denies the rest".to_owned(),
        }
    }

    /// How a flow is let out that is to leave.
    fn let_out(&self, found: &Counterexample) -> String {
        let decision = &found.decision;
        let is_required = found.says.as_ref().is_some_and(|says| says.required);
        if !is_required && let Some(one) = self.speaking(found) {
            return match one {
                Speaking::Denies(deny) => {
                    format!("narrow `{}`, which denies it, or the assertion", deny.label)
                }
                Speaking::Permits(permission) => format!(
                    "`{}` permits it and does not require it: write `allow`, or narrow the assertion",
                    permission.label
                ),
            };
        }
        if !is_required {
            return "nothing in the list requires it: permit it, or narrow the assertion"
                .to_owned();
        }
        match (&decision.rule, decision.reason) {
            (Some(rule), Reason::ApplicationRule) if self.denies_every_name(rule) => {
                format!(
                    "let this pass before rule {rule}, which denies every name that nothing lets out"
                )
            }
            (Some(rule), Reason::ApplicationRule | Reason::NetworkRule) => {
                format!("{}, or let this pass before it", self.narrow(rule))
            }
            (_, reason) if ends_on_a_route(reason) => match &decision.route {
                Some(RouteTaken { hop: Hop::Firewall(name), .. }) => format!(
                    "give firewall `{name}` a way to it, as a peering or a gateway is, or permit what it reaches"
                ),
                Some(route) => format!("route it via the firewall in place of {route}"),
                None => "route it via the firewall".to_owned(),
            },
            (_, Reason::NsgDeny) => {
                "let it pass in the network security group of its subnet".to_owned()
            }
            (_, Reason::Unresolvable) => {
                "have the firewall's DNS servers resolve the name".to_owned()
            }
            (_, Reason::ThreatIntel) => "put it on the allowlist of threat intelligence".to_owned(),
            (_, Reason::DefaultDeny) if !self.subject.asked.deployments.is_empty() => {
                "deploy the list again: no rule of the deployment lets this out".to_owned()
            }
            (_, _) => "change the permission to what the firewall can let out, or the deployment"
                .to_owned(),
        }
    }

    /// Whether the rule is there to be the last word, so that to narrow it lets nothing out.
    fn denies_every_name(&self, rule: &RuleId) -> bool {
        match self.subject.deployment.find_rule(rule) {
            Some(FoundRule::Application(Action::Deny, rule)) => {
                rule.target_fqdns.contains(&FqdnPattern::Any)
            }
            Some(FoundRule::Application(..) | FoundRule::Network(..) | FoundRule::Nat(_))
            | None => false,
        }
    }

    /// To narrow a rule, which is for its owner to do where it is not the list's.
    fn narrow(&self, rule: &RuleId) -> String {
        let policy = self.subject.deployment.policies.get(&rule.policy);
        match policy.map(|policy| policy.ownership) {
            Some(Ownership::Existing) if self.subject.intent.is_some() => {
                format!("have the owner of policy `{}` narrow rule {rule}", rule.policy)
            }
            Some(Ownership::Existing | Ownership::Ours) | None => format!("narrow rule {rule}"),
        }
    }
}

/// Whether a flow with this reason ends on a route: its own, or that of a firewall that let it pass.
fn ends_on_a_route(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::RouteNone
            | Reason::NoOutbound
            | Reason::NextHopUnreachable
            | Reason::PeeringRefused
            | Reason::RoutingLoop
            | Reason::Appliance
    )
}

/// Whether the flow takes Azure's own route to the internet for IPv6, where no route to a firewall
/// helps (`azure-firewall.md §1.13`).
fn is_ipv6_of_azure(found: &Counterexample) -> bool {
    let route = found.decision.route.as_ref();
    let is_system = route.is_some_and(|route| route.source == RouteSource::System);
    is_system && found.flow.destination.is_ipv6()
}

//! Where a deployment differs from what the list compiles to, as far as that explains an objection.
//!
//! Somebody who edits what is deployed has to deploy the list again; no change of the list helps.

use super::Replay;
use super::ReplayedFlow;
use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::azure::deployment::FoundRule;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::flow::Atom;
use crate::flow::FqdnPattern;
use crate::simulate::Missing;
use crate::simulate::Reason;
use crate::simulate::route::RouteSource;

/// What to do about a deployment that differs.
const AGAIN: &str = "compile the list and deploy it again";

impl Replay<'_> {
    /// Why `flow` leaks or is undetermined by rules: one that the list does not compile to, or that
    /// was changed, or a deny that is missing. In the imperative; nothing where the list compiles to
    /// the same.
    pub(super) fn rule_drift(&self, flow: &ReplayedFlow) -> Option<String> {
        let compiled = self.deployed_from_list()?;
        let by_deny = flow.permission.as_deref().filter(|label| self.deny(label).is_some());
        let denied = by_deny.and_then(|label| self.statement_drift(label));
        let own = flow.decision.rule.as_ref().and_then(|id| self.difference(compiled, id));
        let is_open = flow.decision.reason == Reason::Infrastructure
            || flow
                .missing
                .iter()
                .any(|missing| matches!(missing, Missing::Atom(Atom::Infrastructure { .. })));
        let closing = is_open.then(|| {
            let missing = closing_denies(compiled);
            missing.into_iter().find_map(|id| self.difference(compiled, &id))
        });
        let says = own.or(denied).or(closing.flatten())?;
        Some(format!("{AGAIN}: {says}"))
    }

    /// Why `flow` breaks: the rule of its permission is missing or was changed.
    pub(super) fn permission_drift(&self, flow: &ReplayedFlow) -> Option<String> {
        self.deployed_from_list()?;
        let says = self.statement_drift(flow.permission.as_deref()?)?;
        Some(format!("{AGAIN}: {says}"))
    }

    /// Why `flow` goes around the firewall: its subnet has another route table than the list gives
    /// it, or none; or the table has other routes.
    pub(super) fn route_drift(&self, flow: &ReplayedFlow) -> Option<String> {
        let source = flow.opening.source;
        let (network, subnet) = self.subject.deployment.subnet_of(source)?;
        let name = &subnet.name;
        let compiled = self.subject.compiled.and_then(|compiled| {
            let mut subnets = compiled.virtual_networks.get(network)?.subnets.iter();
            subnets.find(|one| one.name == *name).map(|subnet| (compiled, subnet))
        });
        let wanted = compiled.and_then(|(_, subnet)| subnet.route_table.as_ref());
        match (&subnet.route_table, wanted) {
            (None, Some(wanted)) => Some(format!(
                "associate route table `{wanted}` with subnet `{name}`, as what the list compiles to has \
                 it; the subnet has no route table"
            )),
            (None, None) => Some(format!(
                "associate a route table with subnet `{name}` whose default route leads to the firewall; \
                 the subnet has none"
            )),
            (Some(found), Some(wanted)) if found != wanted => Some(format!(
                "associate route table `{wanted}` with subnet `{name}`, as what the list compiles to has \
                 it, in place of `{found}`"
            )),
            (Some(found), Some(_)) => {
                let routes = |of: &Deployment| {
                    of.route_tables.get(found).map(|table| table.routes.clone()).unwrap_or_default()
                };
                let (deployed, listed) = (routes(self.subject.deployment), routes(compiled?.0));
                if let Some(RouteSource::User { route, .. }) =
                    flow.decision.route.as_ref().map(|route| &route.source)
                {
                    let is_listed = |one: &&crate::azure::route::Route| one.name == *route;
                    let (one, other) =
                        (deployed.iter().find(is_listed), listed.iter().find(is_listed));
                    return match other {
                        None => Some(format!(
                            "take route `{route}` out of route table `{found}`: the list compiles to no \
                             such route"
                        )),
                        Some(_) if one != other => Some(format!(
                            "{AGAIN}: route `{route}` of route table `{found}` is another than it compiles to"
                        )),
                        Some(_) => None,
                    };
                }
                let missing = listed.iter().find(|route| !deployed.contains(route))?;
                Some(format!(
                    "{AGAIN}: route table `{found}` lacks route `{}` as it compiles to it",
                    missing.name
                ))
            }
            (Some(_), None) => None,
        }
    }

    /// What the list compiles to, where another deployment is judged that came from it: it has the
    /// list's policy and some rule of it.
    fn deployed_from_list(&self) -> Option<&Deployment> {
        let compiled = self.subject.compiled?;
        let is_there = |id: &RuleId| self.subject.deployment.find_rule(id).is_some();
        compiled.origins.keys().any(is_there).then_some(compiled)
    }

    /// How the rule of the statement with this label differs.
    fn statement_drift(&self, label: &str) -> Option<String> {
        let compiled = self.subject.compiled?;
        let mut own = compiled.origins.iter().filter(|(_, origin)| origin.label == label);
        let says = own.find_map(|(id, _)| self.difference(compiled, id))?;
        Some(format!("{says}, to which it compiles `{label}`"))
    }

    /// How the rule with this id differs; nothing where it does not, or where the policy is not the
    /// list's to write.
    fn difference(&self, compiled: &Deployment, id: &RuleId) -> Option<String> {
        let is_ours = compiled.origins.keys().any(|one| one.policy == id.policy);
        if !is_ours {
            return None;
        }
        match (self.subject.deployment.find_rule(id), compiled.find_rule(id)) {
            (found, wanted) if found == wanted => None,
            (None, _) => Some(format!("the deployment lacks rule {id}")),
            (Some(_), None) => Some(format!("it compiles to no rule {id}")),
            (Some(found), Some(wanted)) => Some(match (action(&found), action(&wanted)) {
                (Action::Allow, Action::Deny) => format!("rule {id} allows what it is to deny"),
                (Action::Deny, Action::Allow) => format!("rule {id} denies what it is to allow"),
                (Action::Allow, Action::Allow) | (Action::Deny, Action::Deny) => {
                    format!("rule {id} was changed")
                }
            }),
        }
    }
}

fn action(rule: &FoundRule) -> Action {
    match rule {
        FoundRule::Application(action, _) | FoundRule::Network(action, _) => *action,
        FoundRule::Nat(_) => Action::Allow,
    }
}

/// The rules that deny every name.
fn closing_denies(deployment: &Deployment) -> Vec<RuleId> {
    let mut all = Vec::new();
    for (policy, resource) in &deployment.policies {
        for group in &resource.groups {
            for collection in &group.collections {
                let Rules::Application(Action::Deny, rules) = &collection.rules else { continue };
                let rules = rules.iter().filter(|r| r.target_fqdns.contains(&FqdnPattern::Any));
                all.extend(rules.map(|rule| RuleId {
                    policy: policy.clone(),
                    group: group.name.clone(),
                    collection: collection.name.clone(),
                    rule: rule.name.clone(),
                }));
            }
        }
    }
    all
}

//! The rules of the parents, in the order in which a firewall looks at them, as blocks of flows.
//!
//! - `allowed`: what a rule allows, and what the list permits of it;
//! - `denied`: what is denied ahead of it;
//! - `stated`: the addresses and services that a rule states, as far as they are known.

mod allowed;
mod denied;
mod stated;

use self::stated::Known;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::order::OrderError;
use crate::azure::order::RuleKind;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationProtocol;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NatRule;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::Sources;

pub(super) use allowed::Onward;
pub(super) use allowed::Part;
pub(super) use allowed::Told;
pub(super) use denied::Denial;
pub(super) use denied::Denied;
pub(super) use denied::DeniedIndex;

/// A rule of a parent.
#[derive(Debug)]
pub(super) struct Inherited<'d> {
    pub id: RuleId,
    pub action: Action,
    rule: Rule<'d>,
    /// How many rules are looked at before it.
    place: usize,
    /// Whether a parent's rule opens TLS, so that every rule may see the requests inside
    /// (`azure-firewall.md §10.3`).
    is_tls_opened: bool,
}

#[derive(Clone, Copy, Debug)]
enum Rule<'d> {
    Nat(&'d NatRule),
    Network(&'d NetworkRule),
    Application(&'d ApplicationRule),
}

impl Rule<'_> {
    fn opens_tls(self) -> bool {
        match self {
            Rule::Application(rule) => rule.terminate_tls,
            Rule::Nat(_) | Rule::Network(_) => false,
        }
    }
}

/// The rules of `base` and its parents: DNAT first, then network rules, then application rules.
///
/// # Errors
/// A policy without an order (`azure-firewall.md §1.2`).
pub(super) fn rules<'d>(
    context: &'d Deployment,
    base: &Key,
) -> Result<Vec<Inherited<'d>>, OrderError> {
    let mut found = Vec::new();
    for kind in [RuleKind::Nat, RuleKind::Network, RuleKind::Application] {
        for placed in context.collections_in_order(base, kind)? {
            let mut add = |name: &str, action: Action, rule: Rule<'d>| {
                let place = found.len();
                let id = placed.rule_id(name);
                found.push(Inherited { id, action, rule, place, is_tls_opened: false });
            };
            match &placed.collection.rules {
                Rules::Network(action, rules) => {
                    for rule in rules {
                        add(&rule.name, *action, Rule::Network(rule));
                    }
                }
                Rules::Application(action, rules) => {
                    for rule in rules {
                        add(&rule.name, *action, Rule::Application(rule));
                    }
                }
                Rules::Nat(rules) => {
                    for rule in rules {
                        // What is translated is allowed (`azure-firewall.md §4.1`).
                        add(&rule.name, Action::Allow, Rule::Nat(rule));
                    }
                }
            }
        }
    }
    let is_tls_opened =
        found.iter().any(|rule| rule.action == Action::Allow && rule.rule.opens_tls());
    for rule in &mut found {
        rule.is_tls_opened = is_tls_opened;
    }
    Ok(found)
}

impl Inherited<'_> {
    /// The protocols and ports on which the rule makes the firewall read names.
    pub(super) fn reads_names_on(&self) -> &[ApplicationProtocol] {
        match self.rule {
            Rule::Application(rule) => &rule.protocols,
            Rule::Nat(_) | Rule::Network(_) => &[],
        }
    }

    /// Where it takes flows from; `None` if it is skipped, since one of its groups is empty
    /// (`azure-firewall.md §3.4`).
    fn sources(&self, context: &Deployment) -> Option<Known> {
        let is_empty = |name: &&Key| {
            context.ip_groups.get(*name).is_some_and(|group| group.addresses.is_empty())
        };
        let is_skipped = self.groups().any(|name| is_empty(&name));
        (!is_skipped).then(|| {
            let sources = self.written_sources();
            Known::of(context, sources.addresses.iter(), &sources.ip_groups)
        })
    }

    /// Whether its URLs are looked at with `protocol`: inside TLS, only where it is opened, and never
    /// with TDS.
    fn reads_urls(&self, protocol: ApplicationProtocolType) -> bool {
        match protocol {
            ApplicationProtocolType::Http => true,
            ApplicationProtocolType::Https => self.is_tls_opened || self.rule.opens_tls(),
            ApplicationProtocolType::Mssql => false,
        }
    }

    fn written_sources(&self) -> &Sources {
        match self.rule {
            Rule::Nat(rule) => &rule.sources,
            Rule::Network(rule) => &rule.sources,
            Rule::Application(rule) => &rule.sources,
        }
    }

    /// The groups of both sides.
    fn groups(&self) -> impl Iterator<Item = &Key> {
        let destinations = match self.rule {
            Rule::Network(rule) => rule.destination_ip_groups.as_slice(),
            Rule::Nat(_) | Rule::Application(_) => &[],
        };
        self.written_sources().ip_groups.iter().chain(destinations)
    }

    /// How many addresses it has.
    fn entries(&self, context: &Deployment) -> usize {
        let groups = self.groups().filter_map(|name| context.ip_groups.get(name));
        let destinations = match self.rule {
            Rule::Nat(rule) => rule.destination_addresses.len(),
            Rule::Network(rule) => rule.destination_addresses.len(),
            Rule::Application(rule) => rule.target_fqdns.len(),
        };
        let grouped: usize = groups.map(|group| group.addresses.len()).sum();
        self.written_sources().addresses.len() + destinations + grouped
    }
}

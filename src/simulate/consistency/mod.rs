//! What does not fit together in a recorded flow: names with each other, with the address that the
//! client went to and what DNS told it, and with the rule that let the flow out.
//!
//! In: what a recording holds of a connection, its replay, and the DNS answers that were seen. Out:
//! each [`Inconsistency`], with the facts that it rests on, in the order of [`Kind`]. It is no verdict:
//! for most of them there is an innocent reason, and each is what somebody who goes around a filter of
//! names leaves behind. Nothing is said that the recording does not hold. Where an answer of DNS may
//! be missing, because none was recorded, the connection began before, or the client's own answers are
//! not known, nothing is said of DNS.

mod connection;
mod finding;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use self::connection::kind;
use self::connection::wire_name;
use super::assumptions::Assumptions;
use super::decide::Simulator;
use super::decision::Decision;
use super::decision::Reason;
use super::decision::Verdict;
use super::outcome::Outcome;
use super::replay::Replayed;
use super::security::AZURE_HOST;
use super::special_purpose::LOCAL_DNS;
use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::azure::rule::NetworkRule;
use crate::evidence::DnsTimeline;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Observation;
use crate::flow::PayloadKind;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Service;

pub use connection::Connection;
pub use finding::Inconsistency;
pub use finding::Kind;
pub use finding::Transport;

/// The most that is told of one kind of one flow. A connection can show a thousand names; whoever
/// has seen four of them looks at the connection.
pub const MOST_OF_A_KIND: usize = 4;

/// What recorded flows are held against, made ready once for all of them.
#[derive(Clone, Debug)]
pub struct Consistency {
    /// Whether the list or the deployment has rules for names.
    has_rules_for_names: bool,
    /// The addresses of the firewalls, which may be explicit proxies for any name.
    firewalls: BTreeSet<IpAddr>,
    /// Their DNS proxies.
    proxies: Arc<[IpAddr]>,
    /// The DNS servers that virtual networks state.
    servers: BTreeSet<IpAddr>,
    /// Where clients of the proxies may be.
    declared: AddressSet,
    /// Where clients ask Azure's own DNS, as their virtual network states no server
    /// (`azure-routing.md §7`).
    on_azure_dns: AddressSet,
    /// The names of the network rules that allow by names alone.
    names_of_rules: BTreeMap<RuleId, Arc<[Fqdn]>>,
}

impl Consistency {
    /// Makes the deployment of `simulator` and `intent` ready, under `assumptions`.
    pub fn of(
        simulator: &Simulator<'_>,
        intent: Option<&Intent>,
        assumptions: &Assumptions,
    ) -> Consistency {
        let deployment = simulator.deployment;
        let networks = deployment.virtual_networks.values();
        let subnets = networks.clone().flat_map(|network| &network.subnets);
        let without_servers = networks.clone().filter(|network| network.dns_servers.is_empty());
        let on_azure_dns = without_servers.flat_map(|network| &network.subnets);
        let declared = if deployment.virtual_networks.is_empty() {
            AddressSet::all()
        } else {
            subnets.flat_map(|subnet| &subnet.prefixes).copied().collect()
        };
        let proxies: BTreeSet<IpAddr> =
            simulator.dns_proxies(assumptions).into_iter().flatten().collect();
        Consistency {
            has_rules_for_names: intent.is_some_and(permits_names)
                || rules(deployment).any(|(_, rules)| allows_names(rules)),
            firewalls: deployment.firewalls.values().map(|one| one.private_address).collect(),
            proxies: proxies.into_iter().collect(),
            servers: networks.flat_map(|network| &network.dns_servers).copied().collect(),
            declared,
            on_azure_dns: on_azure_dns.flat_map(|subnet| &subnet.prefixes).copied().collect(),
            names_of_rules: names_of_rules(deployment),
        }
    }

    /// What does not fit in a connection that `replayed` is the replay of, at most
    /// [`MOST_OF_A_KIND`] of each kind, in the order of [`Kind`]. `is_accepted` says whether its box,
    /// which would be an objection, is none.
    ///
    /// Of what is not judged only DNS is told.
    pub fn check(
        &self,
        connection: &Connection<'_>,
        replayed: &Replayed,
        is_accepted: bool,
        timeline: &DnsTimeline,
    ) -> Vec<Inconsistency> {
        let mut found = Found(Vec::new());
        let decision = &replayed.decision;
        let is_judged = replayed.outcome != Outcome::NotJudged;
        if is_judged {
            if connection.names.len() > 1 {
                connection.add_fronting(&mut found);
            }
            connection.add_fronting_inside(&mut found);
            connection.add_targets(&mut found);
            if !replayed.outcome.is_objection() || is_accepted {
                connection.add_second_host(replayed, &mut found);
            }
            connection.add_literals(&mut found);
            if connection.destination.is_none_or(|address| !self.firewalls.contains(&address)) {
                connection.add_told(timeline, &mut found);
            }
            connection.add_hidden(&mut found);
            self.add_quic(connection, decision, &mut found);
        }
        let is_sent_by_firewall = decision.reason == Reason::SentByFirewall;
        let is_near = matches!(decision.verdict, Verdict::Platform | Verdict::Local);
        if is_judged || is_near && !is_sent_by_firewall {
            self.add_resolver(connection, &mut found);
        }
        if is_judged {
            self.add_shared_address(connection, decision, &mut found);
        }
        found.0.sort_by_key(Inconsistency::kind);
        found.0
    }

    /// QUIC never reaches application rules (`azure-firewall.md §1.5`).
    fn add_quic(&self, connection: &Connection<'_>, decision: &Decision, found: &mut Found) {
        if !self.has_rules_for_names || !is_let_out_by_network_rule(decision) {
            return;
        }
        let is_quic = |opening: &&Observation| {
            opening.protocol == IpProtocol::UDP && kind(opening) == Some(PayloadKind::Quic)
        };
        let openings = connection.openings.iter().filter(is_quic);
        let mut names: BTreeSet<Option<&Host>> = openings.map(wire_name).collect();
        if names.len() > 1 {
            names.remove(&None);
        }
        for name in names {
            let (name, rule) = (name.cloned(), decision.rule.clone());
            found.add(Inconsistency::QuicUnfiltered { name, rule });
        }
    }

    /// Names that the firewall does not resolve itself may have other addresses there
    /// (`azure-firewall.md §3.2`, `§4.3`).
    fn add_resolver(&self, connection: &Connection<'_>, found: &mut Found) {
        let (Some(server), Some(last)) = (connection.destination, connection.openings.last())
        else {
            return;
        };
        if self.proxies.is_empty()
            || self.proxies.contains(&server)
            || self.servers.contains(&server)
            || LOCAL_DNS.contains(&server)
            || !self.declared.contains(last.source)
            || server == AZURE_HOST && self.on_azure_dns.contains(last.source)
        {
            return;
        }
        if let Some(over) = connection.asks_over(last) {
            let proxies = Arc::clone(&self.proxies);
            found.add(Inconsistency::OtherResolver { server, over, proxies });
        }
    }

    /// Of two names at one address, a network rule cannot mean one (`azure-firewall.md §3.2`).
    fn add_shared_address(
        &self,
        connection: &Connection<'_>,
        decision: &Decision,
        found: &mut Found,
    ) {
        if !is_let_out_by_network_rule(decision) {
            return;
        }
        let Some(rule) = &decision.rule else { return };
        let Some(names) = self.names_of_rules.get(rule) else { return };
        for (name, _) in connection.shown() {
            if !names.contains(name) {
                let (name, rule, names) = (name.clone(), rule.clone(), Arc::clone(names));
                found.add(Inconsistency::SharedAddress { name, rule, names });
            }
        }
    }
}

/// What was found of a flow.
struct Found(Vec<Inconsistency>);

impl Found {
    /// Adds what is not there yet, unless there is enough of its kind.
    fn add(&mut self, one: Inconsistency) {
        let kind = one.kind();
        let of_kind = self.0.iter().filter(|other| other.kind() == kind).count();
        if of_kind < MOST_OF_A_KIND && !self.0.contains(&one) {
            self.0.push(one);
        }
    }

    fn has(&self, kinds: &[Kind]) -> bool {
        self.0.iter().any(|one| kinds.contains(&one.kind()))
    }
}

fn is_let_out_by_network_rule(decision: &Decision) -> bool {
    decision.verdict == Verdict::Allow && decision.reason == Reason::NetworkRule
}

/// Whether the list permits services by the name that they show.
fn permits_names(list: &Intent) -> bool {
    let by_name = list
        .permissions
        .iter()
        .filter(|permission| permission.services.iter().copied().any(Service::shows_a_name));
    by_name.flat_map(|permission| &permission.destinations).any(|destination| match destination {
        Destination::Names(_)
        | Destination::FqdnTag(_)
        | Destination::WebCategory(_)
        | Destination::Url { .. } => true,
        Destination::Addresses(_) | Destination::ServiceTag(_) | Destination::Any => false,
    })
}

/// Whether a collection lets names out: every rule of an application collection goes by them.
fn allows_names(rules: &Rules) -> bool {
    match rules {
        Rules::Application(Action::Allow, rules) => !rules.is_empty(),
        Rules::Application(Action::Deny, _) | Rules::Network(..) | Rules::Nat(_) => false,
    }
}

/// The collections, each with the id that a rule of it has, but for the rule's name.
fn rules(deployment: &Deployment) -> impl Iterator<Item = (RuleId, &Rules)> {
    deployment.policies.iter().flat_map(|(policy, resource)| {
        resource.groups.iter().flat_map(move |group| {
            group.collections.iter().map(move |collection| {
                let (policy, group) = (policy.clone(), group.name.clone());
                let collection_name = collection.name.clone();
                let id = RuleId { policy, group, collection: collection_name, rule: String::new() };
                (id, &collection.rules)
            })
        })
    })
}

/// The names of each network rule that allows by names alone; of rules with one id nothing is known.
fn names_of_rules(deployment: &Deployment) -> BTreeMap<RuleId, Arc<[Fqdn]>> {
    let mut names: BTreeMap<RuleId, Option<Arc<[Fqdn]>>> = BTreeMap::new();
    for (of, rules) in rules(deployment) {
        let Rules::Network(Action::Allow, rules) = rules else { continue };
        for rule in rules {
            let id = RuleId { rule: rule.name.clone(), ..of.clone() };
            let own = goes_by_names_alone(rule).then(|| rule.destination_fqdns.as_slice().into());
            names.entry(id).and_modify(|names| *names = None).or_insert(own);
        }
    }
    names.into_iter().filter_map(|(id, names)| Some((id, names?))).collect()
}

fn goes_by_names_alone(rule: &NetworkRule) -> bool {
    !rule.destination_fqdns.is_empty()
        && rule.destination_addresses.is_empty()
        && rule.destination_ip_groups.is_empty()
}

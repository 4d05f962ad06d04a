//! What the list stands on: the facts of firewalls, clusters and routes that rules depend on.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::binding;
use super::refusal::Refusal;
use super::settings;
use crate::azure::Key;
use crate::flow::AddressSet;
use crate::intent::Intent;
use crate::intent::Topology;
use crate::intent::topology::Firewall;
use crate::intent::topology::PrivateEndpoint;
use crate::intent::topology::Subnet;
use crate::intent::topology::Tier;

/// RFC 1918 and RFC 6598: never translated unless the policy says otherwise
/// (`azure-firewall.md §4.2`).
const PRIVATE: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

/// Facts about the network and the policy.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    /// The tier of the policy.
    pub tier: Tier,
    /// Whether the policy's DNS proxy is on.
    pub dns_proxy: bool,
    pub allow_sql_redirect: bool,
    /// Destinations that keep the client's address, so that every protocol is delivered.
    pub private: AddressSet,
    /// Addresses of pods that no firewall sees, as they leave with the address of their node.
    pub hidden_pods: AddressSet,
    /// The name of the policy.
    pub policy: Key,
    /// The names of the firewalls that enforce it.
    pub enforcing: BTreeSet<String>,
    /// Sources whose default route leads to one of them, and those behind a gateway.
    pub routed: AddressSet,
    pub private_endpoints: Vec<PrivateEndpoint>,
}

impl Ground {
    pub(super) fn new(intent: &Intent) -> Ground {
        let topology = &intent.topology;
        let mut enforcing = binding::enforcing(intent);
        if enforcing.is_empty() {
            // Refused by `binding`; as if all were bound, so that nothing echoes it.
            enforcing = topology.firewalls.iter().collect();
        }
        let names: BTreeSet<String> =
            enforcing.iter().map(|firewall| firewall.name.clone()).collect();
        let written = &intent.settings.private_ranges;
        Ground {
            tier: policy_tier(&enforcing),
            dns_proxy: enforcing.iter().any(|firewall| firewall.dns_proxy),
            allow_sql_redirect: intent.settings.allow_sql_redirect,
            private: if written.is_empty() {
                prefixes(PRIVATE)
            } else {
                written.iter().copied().collect()
            },
            hidden_pods: topology
                .clusters
                .iter()
                .filter(|cluster| cluster.plugin.hides_pods())
                .flat_map(|cluster| cluster.pod_ranges.iter().copied())
                .collect(),
            routed: routed(topology, &names),
            policy: settings::policy_name(&intent.settings),
            enforcing: names,
            private_endpoints: topology
                .networks
                .iter()
                .flat_map(|network| &network.subnets)
                .flat_map(|subnet| subnet.private_endpoints.iter().cloned())
                .collect(),
        }
    }

    /// Whether the default route of `subnet` leads to a firewall that enforces the policy.
    pub(super) fn routes_to_firewall(&self, subnet: &Subnet) -> bool {
        routes_to(subnet, &self.enforcing)
    }

    pub(super) fn needs_web_categories(&self) -> Result<(), Refusal> {
        if self.tier == Tier::Basic { Err(Refusal::Tier("web categories")) } else { Ok(()) }
    }

    pub(super) fn needs_urls(&self) -> Result<(), Refusal> {
        if self.tier == Tier::Premium { Ok(()) } else { Err(Refusal::Tier("URLs")) }
    }

    pub(super) fn needs_names_in_network_rules(&self) -> Result<(), Refusal> {
        if self.tier == Tier::Basic {
            Err(Refusal::Tier("names in network rules"))
        } else if self.dns_proxy {
            Ok(())
        } else {
            Err(Refusal::ProxyOff)
        }
    }
}

/// The lowest tier of the firewalls that enforce it: a policy fits its own tier and higher ones
/// (`azure-firewall.md §6.2`). Azure's default without a firewall.
fn policy_tier(enforcing: &[&Firewall]) -> Tier {
    enforcing.iter().map(|firewall| firewall.tier).min().unwrap_or(Tier::Standard)
}

/// The set of prefixes that stand in this program's text.
pub(super) fn prefixes(texts: &[&str]) -> AddressSet {
    texts.iter().filter_map(|text| text.parse::<IpNet>().ok()).collect()
}

fn routed(topology: &Topology, enforcing: &BTreeSet<String>) -> AddressSet {
    let subnets = topology
        .networks
        .iter()
        .flat_map(|network| &network.subnets)
        .filter(|subnet| routes_to(subnet, enforcing))
        .flat_map(|subnet| &subnet.prefixes);
    let remote = topology.on_premises.iter().flat_map(|place| &place.prefixes);
    subnets.chain(remote).copied().collect()
}

fn routes_to(subnet: &Subnet, firewalls: &BTreeSet<String>) -> bool {
    subnet.routes_via.as_ref().is_some_and(|via| firewalls.contains(via))
}

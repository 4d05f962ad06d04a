//! What must hold between the resources of a deployment: names that are referred to are there,
//! parents form no cycle, siblings differ in name and priority.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::reading::Reading;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::cluster::ApiServer;
use crate::azure::cluster::Cluster;
use crate::azure::cluster::SubnetId;
use crate::azure::deployment::Deployment;
use crate::azure::firewall::FirewallPlace;
use crate::azure::key::Key;
use crate::azure::network::VirtualNetwork;
use crate::azure::order::OrderError;
use crate::azure::policy::Policy;
use crate::azure::policy::RuleCollectionGroup;
use crate::azure::policy::Rules;
use crate::azure::rule::Sources;

/// Notes everything that does not hold.
pub(super) fn check(deployment: &Deployment, reading: &mut Reading) {
    let checker = Checker {
        deployment,
        unknowns: deployment.unknowns.iter().map(|unknown| unknown.name.as_str()).collect(),
    };
    reading.within("firewallPolicies", |reading| {
        for (name, policy) in &deployment.policies {
            reading.within(name.as_str(), |reading| checker.policy(name, policy, reading));
        }
    });
    let mut at_addresses = BTreeMap::new();
    reading.within("azureFirewalls", |reading| {
        for (name, firewall) in &deployment.firewalls {
            reading.within(name.as_str(), |reading| {
                if let FirewallPlace::VirtualNetwork(network) = &firewall.place
                    && let Some(other) =
                        at_addresses.insert((network, firewall.private_address), name)
                {
                    let text = format!("firewall `{other}` of `{network}` has this address, too");
                    reading.within("privateIpAddress", |reading| reading.object(text));
                }
                if let FirewallPlace::VirtualNetwork(network) = &firewall.place {
                    let there = deployment.virtual_networks.contains_key(network);
                    refer("virtualNetwork", "virtual network", network, there, reading);
                }
                if let Some(policy) = &firewall.policy {
                    let there = deployment.policies.contains_key(policy);
                    refer("firewallPolicy", "firewall policy", policy, there, reading);
                }
            });
        }
    });
    reading.within("ipGroups", |reading| {
        for (name, group) in &deployment.ip_groups {
            reading.within(name.as_str(), |reading| {
                checker.addresses("ipAddresses", &group.addresses, reading);
            });
        }
    });
    reading.within("virtualNetworks", |reading| {
        for (name, network) in &deployment.virtual_networks {
            reading.within(name.as_str(), |reading| checker.network(network, reading));
        }
    });
    reading.within("routeTables", |reading| {
        for (name, table) in &deployment.route_tables {
            let names = table.routes.iter().map(|route| Key::new(&route.name));
            reading.within(name.as_str(), |reading| distinct("routes", names, reading));
        }
    });
    reading.within("networkSecurityGroups", |reading| {
        for (name, group) in &deployment.network_security_groups {
            reading.within(name.as_str(), |reading| {
                distinct("securityRules", group.rules.iter().map(|r| Key::new(&r.name)), reading);
                let siblings = group.rules.iter().map(|rule| (rule.direction, rule.priority));
                untied("securityRules", siblings, reading);
                reading.within("securityRules", |reading| {
                    for (index, rule) in group.rules.iter().enumerate() {
                        reading.within(index, |reading| {
                            let (from, to) = (&rule.sources, &rule.destinations);
                            checker.destinations("sourceAddressPrefixes", from, reading);
                            checker.destinations("destinationAddressPrefixes", to, reading);
                        });
                    }
                });
            });
        }
    });
    reading.within("managedClusters", |reading| {
        for (name, cluster) in &deployment.clusters {
            reading.within(name.as_str(), |reading| checker.cluster(cluster, reading));
        }
    });
    distinct("unknowns", deployment.unknowns.iter().map(|u| Key::new(&u.name)), reading);
    let rules = rules_of(deployment);
    reading.within("origins", |reading| {
        for (index, id) in deployment.origins.keys().enumerate() {
            if !rules.contains(&(&id.policy, &id.group, &id.collection, id.rule.as_str())) {
                let text = format!("the policy `{}` has no rule `{id}`", id.policy);
                reading.within(index, |reading| reading.object(text));
            }
        }
    });
}

struct Checker<'a> {
    deployment: &'a Deployment,
    unknowns: BTreeSet<&'a str>,
}

impl Checker<'_> {
    fn policy(&self, name: &Key, policy: &Policy, reading: &mut Reading) {
        match self.deployment.policy_chain(name) {
            Ok(_) => {}
            Err(error @ OrderError::UnknownParent { .. }) => {
                // A grandparent that is missing is said once, at the policy that names it.
                if policy.base.as_ref().is_some_and(|b| !self.deployment.policies.contains_key(b)) {
                    reading.within("basePolicy", |reading| reading.object(error.to_string()));
                }
            }
            Err(error) => {
                reading.within("basePolicy", |reading| reading.object(error.to_string()));
            }
        }
        self.addresses_of_allowlist(policy, reading);
        if let Some(intrusion) = &policy.intrusion_detection {
            reading.within("intrusionDetection", |reading| {
                reading.within("bypassTrafficSettings", |reading| {
                    for (index, bypass) in intrusion.bypass.iter().enumerate() {
                        reading.within(index, |reading| {
                            self.ip_groups("sourceIpGroups", &bypass.source_ip_groups, reading);
                            let to = &bypass.destination_ip_groups;
                            self.ip_groups("destinationIpGroups", to, reading);
                        });
                    }
                });
            });
        }
        distinct("ruleCollectionGroups", policy.groups.iter().map(|g| g.name.clone()), reading);
        let siblings = policy.groups.iter().map(|group| ((), group.priority.get()));
        untied("ruleCollectionGroups", siblings, reading);
        reading.within("ruleCollectionGroups", |reading| {
            for (index, group) in policy.groups.iter().enumerate() {
                reading.within(index, |reading| self.group(group, reading));
            }
        });
    }

    fn addresses_of_allowlist(&self, policy: &Policy, reading: &mut Reading) {
        reading.within("threatIntelWhitelist", |reading| {
            self.addresses("ipAddresses", &policy.threat_intel_allowlist.addresses, reading);
        });
    }

    fn group(&self, group: &RuleCollectionGroup, reading: &mut Reading) {
        distinct("ruleCollections", group.collections.iter().map(|c| c.name.clone()), reading);
        let siblings = group.collections.iter().map(|c| (c.rules.kind(), c.priority.get()));
        untied("ruleCollections", siblings, reading);
        reading.within("ruleCollections", |reading| {
            for (index, collection) in group.collections.iter().enumerate() {
                reading.within(index, |reading| {
                    reading.within("rules", |reading| self.rules(&collection.rules, reading));
                });
            }
        });
    }

    fn rules(&self, rules: &Rules, reading: &mut Reading) {
        match rules {
            Rules::Application(_, rules) => {
                for (index, rule) in rules.iter().enumerate() {
                    reading.within(index, |reading| {
                        self.sources(&rule.sources, reading);
                        let to = &rule.destination_addresses;
                        self.destinations("destinationAddresses", to, reading);
                        self.unknown_targets(&rule.unknown_targets, reading);
                    });
                }
            }
            Rules::Network(_, rules) => {
                for (index, rule) in rules.iter().enumerate() {
                    reading.within(index, |reading| {
                        self.sources(&rule.sources, reading);
                        let to = &rule.destination_addresses;
                        self.destinations("destinationAddresses", to, reading);
                        let to = &rule.destination_ip_groups;
                        self.ip_groups("destinationIpGroups", to, reading);
                    });
                }
            }
            Rules::Nat(rules) => {
                for (index, rule) in rules.iter().enumerate() {
                    reading.within(index, |reading| {
                        self.sources(&rule.sources, reading);
                        let to = &rule.destination_addresses;
                        self.addresses("destinationAddresses", to, reading);
                    });
                }
            }
        }
    }

    fn sources(&self, sources: &Sources, reading: &mut Reading) {
        self.addresses("sourceAddresses", &sources.addresses, reading);
        self.ip_groups("sourceIpGroups", &sources.ip_groups, reading);
    }

    fn ip_groups(&self, field: &str, groups: &[Key], reading: &mut Reading) {
        reading.within(field, |reading| {
            for (index, group) in groups.iter().enumerate() {
                let there = self.deployment.ip_groups.contains_key(group);
                refer(index, "IP group", group, there, reading);
            }
        });
    }

    fn addresses(&self, field: &str, entries: &[AddressEntry], reading: &mut Reading) {
        reading.within(field, |reading| {
            for (index, entry) in entries.iter().enumerate() {
                reading.within(index, |reading| self.entry(entry, reading));
            }
        });
    }

    fn destinations(&self, field: &str, entries: &[DestinationEntry], reading: &mut Reading) {
        reading.within(field, |reading| {
            for (index, entry) in entries.iter().enumerate() {
                if let DestinationEntry::Addresses(entry) = entry {
                    reading.within(index, |reading| self.entry(entry, reading));
                }
            }
        });
    }

    fn entry(&self, entry: &AddressEntry, reading: &mut Reading) {
        if let AddressEntry::Unknown(name) = entry {
            self.unknown(name, reading);
        }
    }

    fn unknown_targets(&self, names: &[String], reading: &mut Reading) {
        reading.within("unknownTargets", |reading| {
            for (index, name) in names.iter().enumerate() {
                reading.within(index, |reading| self.unknown(name, reading));
            }
        });
    }

    fn unknown(&self, name: &str, reading: &mut Reading) {
        if !self.unknowns.contains(name) {
            reading.object(format!("`unknowns` has no `{name}`; add it and say why"));
        }
    }

    fn network(&self, network: &VirtualNetwork, reading: &mut Reading) {
        distinct("subnets", network.subnets.iter().map(|s| s.name.clone()), reading);
        let peerings = network.peerings.iter().map(|peering| peering.name.clone());
        distinct("virtualNetworkPeerings", peerings, reading);
        reading.within("subnets", |reading| {
            for (index, subnet) in network.subnets.iter().enumerate() {
                reading.within(index, |reading| {
                    if let Some(table) = &subnet.route_table {
                        let there = self.deployment.route_tables.contains_key(table);
                        refer("routeTable", "route table", table, there, reading);
                    }
                    if let Some(group) = &subnet.network_security_group {
                        let there = self.deployment.network_security_groups.contains_key(group);
                        let what = "network security group";
                        refer("networkSecurityGroup", what, group, there, reading);
                    }
                });
            }
        });
        reading.within("virtualNetworkPeerings", |reading| {
            for (index, peering) in network.peerings.iter().enumerate() {
                reading.within(index, |reading| {
                    let there = self.deployment.virtual_networks.contains_key(&peering.remote);
                    let remote = &peering.remote;
                    refer("remoteVirtualNetwork", "virtual network", remote, there, reading);
                });
            }
        });
    }

    fn cluster(&self, cluster: &Cluster, reading: &mut Reading) {
        distinct("agentPools", cluster.pools.iter().map(|pool| pool.name.clone()), reading);
        reading.within("agentPools", |reading| {
            for (index, pool) in cluster.pools.iter().enumerate() {
                reading.within(index, |reading| {
                    self.subnet("subnet", &pool.subnet, reading);
                    if let Some(pods) = &pool.pod_subnet {
                        self.subnet("podSubnet", pods, reading);
                    }
                });
            }
        });
        if let ApiServer::VnetIntegration(name) = &cluster.api_server {
            let mut networks = self.deployment.virtual_networks.values();
            let there = networks.any(|network| has_subnet(network, name));
            reading.within("apiServer", |reading| refer("subnet", "subnet", name, there, reading));
        }
    }

    fn subnet(&self, field: &str, id: &SubnetId, reading: &mut Reading) {
        match self.deployment.virtual_networks.get(&id.network) {
            None => refer(field, "virtual network", &id.network, false, reading),
            Some(network) => {
                refer(field, "subnet", &id.subnet, has_subnet(network, &id.subnet), reading);
            }
        }
    }
}

/// The place of a rule: policy, group, collection and its name.
type RulePlace<'a> = (&'a Key, &'a Key, &'a Key, &'a str);

/// Every rule that is there.
fn rules_of(deployment: &Deployment) -> BTreeSet<RulePlace<'_>> {
    let mut places = BTreeSet::new();
    for (policy, contents) in &deployment.policies {
        for group in &contents.groups {
            for collection in &group.collections {
                let names: Vec<&str> = match &collection.rules {
                    Rules::Application(_, rules) => rules.iter().map(|r| r.name.as_str()).collect(),
                    Rules::Network(_, rules) => rules.iter().map(|r| r.name.as_str()).collect(),
                    Rules::Nat(rules) => rules.iter().map(|r| r.name.as_str()).collect(),
                };
                places.extend(
                    names.iter().map(|rule| (policy, &group.name, &collection.name, *rule)),
                );
            }
        }
    }
    places
}

fn has_subnet(network: &VirtualNetwork, name: &Key) -> bool {
    network.subnets.iter().any(|subnet| subnet.name == *name)
}

/// Objects to the name of a resource that is not there.
fn refer(
    step: impl Into<super::place::Step>,
    what: &str,
    name: &Key,
    there: bool,
    reading: &mut Reading,
) {
    if !there {
        let text = format!("the deployment holds no {what} `{name}`");
        reading.within(step, |reading| reading.object(text));
    }
}

/// Objects to siblings with one name.
fn distinct(field: &str, names: impl Iterator<Item = Key>, reading: &mut Reading) {
    let mut seen = BTreeSet::new();
    reading.within(field, |reading| {
        for (index, name) in names.enumerate() {
            let text =
                format!("`{name}` is there twice; names that differ in case are one in Azure");
            if !seen.insert(name) {
                reading.within(index, |reading| reading.object(text));
            }
        }
    });
}

/// Objects to siblings of one kind with one priority: their order is not known
/// (`azure-firewall.md §1.2`; for security rules Azure refuses it, `azure-nsg.md §1.1`).
fn untied<K: Ord>(field: &str, siblings: impl Iterator<Item = (K, u16)>, reading: &mut Reading) {
    let mut seen = BTreeMap::new();
    reading.within(field, |reading| {
        for (index, sibling) in siblings.enumerate() {
            let priority = sibling.1;
            if let Some(first) = seen.insert(sibling, index) {
                let text = format!(
                    "the element {first} has the priority `{priority}` too; their order would not \
                     be known"
                );
                reading.within(index, |reading| {
                    reading.within("priority", |reading| reading.object(text));
                });
            }
        }
    });
}

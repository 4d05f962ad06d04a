//! Limits of a firewall, which count the rules of its policy and of all parents
//! (`azure-firewall.md §1.3`).

use std::collections::BTreeSet;

use crate::azure::deployment::Deployment;
use crate::azure::firewall::Firewall;
use crate::azure::key::Key;
use crate::azure::policy::Policy;
use crate::azure::policy::RuleCollection;
use crate::azure::policy::Rules;
use crate::azure::policy::Tier;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::Sources;

use super::Excess;
use super::Limit;
use super::Measure;
use super::Severity;
use super::tier;

const COLLECTIONS: usize = 2000;
const UNIQUE_PAIRS: usize = 20_000;
const DNAT: usize = 250;
const PUBLIC_ADDRESSES: usize = 250;
const IP_GROUPS: usize = 200;
const NETWORK_FQDNS: usize = 1000;
const NAME: usize = 50;

pub(super) fn check(deployment: &Deployment, excess: &mut Excess) {
    for (name, firewall) in &deployment.firewalls {
        let at = format!("firewall `{name}`");
        excess.at_most(&at, Limit::FirewallName, name.as_str().chars().count(), NAME);
        let addresses = firewall.public_addresses.len();
        excess.at_most(&at, Limit::PublicAddresses, addresses, PUBLIC_ADDRESSES);
        if firewall.tier == Tier::Basic && firewall.forced_tunneling {
            excess.lacks(&at, Tier::Basic, "forced tunnelling");
        }
        // A chain that is broken is said where the deployment is read.
        let chain = firewall.policy.as_ref().and_then(|key| deployment.policy_chain(key).ok());
        let Some(chain) = chain else { continue };
        if let Some((_, policy)) = chain.last()
            && !tier::can_enforce(firewall.tier, policy.tier)
        {
            let measure = Measure::Attached { policy: policy.tier, firewall: firewall.tier };
            excess.note(at.as_str(), Limit::Attachment, measure, Severity::Error);
        }
        rules(&at, firewall, &chain, excess);
    }
}

fn rules(at: &str, firewall: &Firewall, chain: &[(&Key, &Policy)], excess: &mut Excess) {
    let collections: Vec<&RuleCollection> = chain
        .iter()
        .flat_map(|(_, policy)| &policy.groups)
        .flat_map(|group| &group.collections)
        .collect();
    let mut network_collections = 0;
    let mut pairs: usize = 0;
    let mut groups: BTreeSet<&Key> = BTreeSet::new();
    let mut fqdns = BTreeSet::new();
    let mut translated = BTreeSet::new();
    for collection in &collections {
        match &collection.rules {
            Rules::Network(_, rules) => {
                network_collections += 1;
                for rule in rules {
                    pairs = pairs.saturating_add(unique_pairs(rule));
                    groups.extend(rule.sources.ip_groups.iter().chain(&rule.destination_ip_groups));
                    fqdns.extend(&rule.destination_fqdns);
                }
            }
            Rules::Application(_, rules) => {
                groups.extend(rules.iter().flat_map(|rule| &rule.sources.ip_groups));
            }
            Rules::Nat(rules) => {
                for rule in rules {
                    groups.extend(&rule.sources.ip_groups);
                    for address in &rule.destination_addresses {
                        for port in &rule.destination_ports {
                            for protocol in &rule.protocols {
                                translated.insert((address.to_string(), *port, *protocol));
                            }
                        }
                    }
                }
            }
        }
    }
    let others = collections.len() - network_collections;
    excess.at_most(at, Limit::ProxyCollections, others, COLLECTIONS);
    excess.at_most(at, Limit::NetworkCollections, network_collections, COLLECTIONS);
    excess.better_at_most(at, Limit::UniquePairs, pairs, UNIQUE_PAIRS);
    excess.at_most(at, Limit::IpGroups, groups.len(), IP_GROUPS);
    excess.better_at_most(at, Limit::NetworkFqdns, fqdns.len(), NETWORK_FQDNS);
    if !translated.is_empty() {
        let found = firewall.public_addresses.len() + translated.len();
        excess.at_most(at, Limit::Dnat, found, DNAT);
    }
}

/// How many pairs of source and destination a rule counts for; an IP group is one address.
fn unique_pairs(rule: &NetworkRule) -> usize {
    let Sources { addresses, ip_groups } = &rule.sources;
    let sources: BTreeSet<String> = addresses.iter().map(ToString::to_string).collect();
    let named: BTreeSet<&Key> = ip_groups.iter().collect();
    let destinations: BTreeSet<String> =
        rule.destination_addresses.iter().map(ToString::to_string).collect();
    let to_groups: BTreeSet<&Key> = rule.destination_ip_groups.iter().collect();
    let to_names: BTreeSet<_> = rule.destination_fqdns.iter().collect();
    (sources.len() + named.len())
        .saturating_mul(destinations.len() + to_groups.len() + to_names.len())
}

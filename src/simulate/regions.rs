//! Public addresses that stand for all: one of each region that anything tells apart.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use ipnet::IpNet;

use super::decide::Simulator;
use super::special_purpose::PLATFORM;
use super::special_purpose::PRIVATE;
use crate::azure::Deployment;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::policy::Policy;
use crate::azure::policy::PrivateRange;
use crate::azure::policy::Rules;
use crate::azure::route::RouteDestination;
use crate::azure::route::SYSTEM_DROPPED;
use crate::evidence::Evidence;
use crate::evidence::Lock;
use crate::flow::AddressSet;
use crate::intent::Destination;
use crate::intent::Intent;

/// The most regions of which each is judged: a policy of some thousand prefixes. One judgement
/// takes about as long as one of a recorded flow.
pub const MAX_REGIONS: usize = 4096;

/// Blocks of IPv4 that no host of the internet has, beside those for private use: this network and
/// the reserved ones (RFC 6890 §2.2.2). Blocks for documentation are kept: examples are about them.
const NEVER_ASSIGNED: &[&str] = &["0.0.0.0/8", "240.0.0.0/4"];

impl Simulator<'_> {
    /// One IPv4 address of each region of the internet within which no route, rule or statement of
    /// `intent` and no answer of the lock tells addresses apart, ascending; `None` where there are
    /// more than [`MAX_REGIONS`]. Service tags are not looked into: what depends on one is not
    /// known of any of these addresses.
    ///
    /// What the declared networks, the platform and the firewalls have for themselves is no part
    /// of it.
    pub fn public_addresses(&self, intent: &Intent, evidence: &Evidence) -> Option<Vec<IpAddr>> {
        let own = not_public(self.deployment);
        let mut sets = told_apart(self.deployment);
        sets.extend(intent.permissions.iter().flat_map(|one| addresses(&one.destinations)));
        sets.extend(intent.denies.iter().flat_map(|one| addresses(&one.destinations)));
        let locked = evidence.lock.iter().flat_map(Lock::names);
        sets.extend(locked.flat_map(|name| &name.addresses).map(|address| (*address).into()));
        // Within a region nothing begins and nothing has just ended.
        let mut starts: BTreeSet<Ipv4Addr> = BTreeSet::new();
        for range in sets.iter().chain([&own]).flat_map(AddressSet::ranges) {
            let (IpAddr::V4(first), IpAddr::V4(last)) = (range.first(), range.last()) else {
                continue;
            };
            starts.insert(first);
            starts.extend(u32::from(last).checked_add(1).map(Ipv4Addr::from));
        }
        let public = starts.into_iter().map(IpAddr::V4).filter(|start| !own.contains(*start));
        let public: Vec<IpAddr> = public.take(MAX_REGIONS + 1).collect();
        (public.len() <= MAX_REGIONS).then_some(public)
    }
}

/// What is no address of a host on the internet.
fn not_public(deployment: &Deployment) -> AddressSet {
    let kept = [PRIVATE, PLATFORM, SYSTEM_DROPPED, NEVER_ASSIGNED].into_iter().flatten();
    let kept = kept.filter_map(|text| text.parse::<IpNet>().ok()).map(AddressSet::from);
    let networks = deployment.virtual_networks.values().flat_map(|one| &one.address_space);
    let firewalls = deployment.firewalls.values();
    let firewalls = firewalls
        .flat_map(|one| one.public_addresses.iter().chain([&one.private_address]))
        .map(|address| AddressSet::from(*address));
    let all = kept.chain(networks.map(|prefix| (*prefix).into())).chain(firewalls);
    all.fold(AddressSet::empty(), |all, one| all.union(&one))
}

/// The addresses that routes, rules and groups name.
fn told_apart(deployment: &Deployment) -> Vec<AddressSet> {
    let mut sets: Vec<AddressSet> = Vec::new();
    let routes = deployment.route_tables.values().flat_map(|table| &table.routes);
    sets.extend(routes.filter_map(|route| match &route.destination {
        RouteDestination::Prefix(prefix) => Some((*prefix).into()),
        RouteDestination::ServiceTag(_) => None,
    }));
    for network in deployment.virtual_networks.values() {
        sets.extend(network.gateway_routes.iter().map(|prefix| (*prefix).into()));
        let endpoints = network.subnets.iter().flat_map(|subnet| &subnet.private_endpoints);
        sets.extend(endpoints.map(|endpoint| endpoint.address.into()));
        let subnets = network.subnets.iter().flat_map(|subnet| &subnet.prefixes);
        sets.extend(subnets.map(|prefix| (*prefix).into()));
    }
    sets.extend(
        deployment.clusters.values().flat_map(|one| &one.pod_ranges).map(|range| (*range).into()),
    );
    let groups = deployment.ip_groups.values().flat_map(|group| &group.addresses);
    sets.extend(groups.filter_map(AddressEntry::addresses));
    let security = deployment.network_security_groups.values().flat_map(|group| &group.rules);
    sets.extend(entries(security.flat_map(|rule| &rule.destinations)));
    for policy in deployment.policies.values() {
        of_policy(policy, &mut sets);
    }
    sets
}

fn of_policy(policy: &Policy, sets: &mut Vec<AddressSet>) {
    let allowed = policy.threat_intel_allowlist.addresses.iter();
    sets.extend(allowed.filter_map(AddressEntry::addresses));
    let untranslated = policy.snat.iter().flat_map(|snat| &snat.private_ranges);
    sets.extend(untranslated.filter_map(|range| match range {
        PrivateRange::Prefix(prefix) => Some((*prefix).into()),
        PrivateRange::Iana => None,
    }));
    for collection in policy.groups.iter().flat_map(|group| &group.collections) {
        match &collection.rules {
            Rules::Application(_, rules) => {
                sets.extend(entries(rules.iter().flat_map(|rule| &rule.destination_addresses)));
            }
            Rules::Network(_, rules) => {
                sets.extend(entries(rules.iter().flat_map(|rule| &rule.destination_addresses)));
            }
            Rules::Nat(rules) => {
                let all = rules.iter().flat_map(|rule| &rule.destination_addresses);
                sets.extend(all.filter_map(AddressEntry::addresses));
            }
        }
    }
}

fn entries<'a>(
    entries: impl Iterator<Item = &'a DestinationEntry>,
) -> impl Iterator<Item = AddressSet> {
    entries.filter_map(|entry| match entry {
        DestinationEntry::Addresses(entry) => entry.addresses(),
        DestinationEntry::ServiceTag(_) => None,
    })
}

fn addresses(destinations: &[Destination]) -> impl Iterator<Item = AddressSet> {
    destinations.iter().filter_map(|destination| match destination {
        Destination::Addresses(addresses) => Some(addresses.set.clone()),
        Destination::Names(_)
        | Destination::ServiceTag(_)
        | Destination::FqdnTag(_)
        | Destination::WebCategory(_)
        | Destination::Url { .. }
        | Destination::Any => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::Key;
    use crate::azure::network::VirtualNetwork;
    use crate::azure::route::NextHop;
    use crate::azure::route::Route;
    use crate::azure::route::RouteTable;

    fn found(deployment: &Deployment) -> Vec<String> {
        let simulator = Simulator::new(deployment).unwrap();
        let found = simulator.public_addresses(&Intent::default(), &Evidence::default());
        found.unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_side_of_a_prefix_is_a_region_and_what_is_not_public_is_none() {
        let route = Route {
            name: "r".to_owned(),
            destination: RouteDestination::Prefix("151.101.0.0/16".parse().unwrap()),
            next_hop: NextHop::Internet,
            has_bgp_override: false,
        };
        let table = RouteTable { routes: vec![route], ..RouteTable::default() };
        let network = VirtualNetwork {
            address_space: vec!["20.0.0.0/8".parse().unwrap()],
            ..VirtualNetwork::default()
        };
        let mut deployment = Deployment::default();
        let without = found(&deployment);
        assert!(without.contains(&"11.0.0.0".to_owned()), "{without:?}");
        assert!(!without.contains(&"10.0.0.0".to_owned()), "{without:?}");
        deployment.route_tables.insert(Key::new("t"), table);
        deployment.virtual_networks.insert(Key::new("v"), network);
        let added: Vec<String> =
            found(&deployment).into_iter().filter(|one| !without.contains(one)).collect();
        assert_eq!(added, ["21.0.0.0", "151.101.0.0", "151.102.0.0"]);
    }
}

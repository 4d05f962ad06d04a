//! Where parts of the network lie: subnets in their networks, firewalls in their subnets, and
//! nothing in each other's way.

use std::collections::BTreeMap;

use ipnet::IpNet;
use ipnet::Ipv4Net;

use super::scope::Resolution;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::flow::AddressSet;
use crate::flow::address::AddressRange;
use crate::intent::Topology;
use crate::intent::topology::Firewall;
use crate::intent::topology::RouteHop;
use crate::intent::topology::RouteTarget;
use crate::intent::topology::Subnet;
use crate::intent::topology::VirtualNetwork;

/// The subnet that Azure deploys a firewall to; it must have this name.
const FIREWALL_SUBNET: &str = "AzureFirewallSubnet";
/// The longest prefix that Azure takes for it (`azure-firewall.md §5`).
const FIREWALL_SUBNET_BITS: u8 = 26;
/// Subnets of Azure's own that keep the system's default route.
const NO_DEFAULT: [&str; 2] = ["GatewaySubnet", "AzureFirewallManagementSubnet"];

impl Resolution<'_> {
    /// Holds every place in the network against the others.
    pub(super) fn check_places(&mut self, topology: &Topology) {
        self.check_subnets(topology);
        self.check_peers(topology);
        self.check_firewalls(topology);
        self.check_routes(topology);
        self.check_pods(topology);
    }

    fn check_subnets(&mut self, topology: &Topology) {
        for network in &topology.networks {
            let space: AddressSet = network.prefixes.iter().copied().collect();
            let taken: Vec<AddressSet> = network
                .subnets
                .iter()
                .map(|subnet| subnet.prefixes.iter().copied().collect())
                .collect();
            for (subnet, own) in network.subnets.iter().zip(&taken) {
                if !space.covers(own) {
                    let found = Diagnostic::new(
                        Code::BAD_PLACE,
                        format!(
                            "subnet `{}` ({own}) does not lie in virtual network `{}` ({space})",
                            subnet.name, network.name
                        ),
                    )
                    .at(subnet.origin.span, "outside")
                    .help("give the network another prefix, or the subnet one of the network's");
                    self.report(found);
                }
            }
            for (later, earlier) in overlaps(&taken) {
                let at = |place: usize| network.subnets.get(place);
                let (Some(subnet), Some(other)) = (at(later), at(earlier)) else { continue };
                let found = Diagnostic::new(
                    Code::OVERLAP,
                    format!("subnets `{}` and `{}` overlap", other.name, subnet.name),
                )
                .at(subnet.origin.span, "has addresses of the other")
                .also(other.origin.span, format!("`{}`", other.name));
                self.report(found);
            }
        }
    }

    /// Azure refuses to peer networks that share addresses.
    fn check_peers(&mut self, topology: &Topology) {
        for (index, network) in topology.networks.iter().enumerate() {
            let own: AddressSet = network.prefixes.iter().copied().collect();
            for peer in topology.networks.iter().take(index) {
                let others: AddressSet = peer.prefixes.iter().copied().collect();
                if !network.peers.contains(&peer.name) || !own.meets(&others) {
                    continue;
                }
                let found = Diagnostic::new(
                    Code::OVERLAP,
                    format!(
                        "peered virtual networks `{}` and `{}` overlap in {}",
                        peer.name,
                        network.name,
                        own.intersection(&others)
                    ),
                )
                .at(network.origin.span, "has addresses of the other")
                .also(peer.origin.span, format!("`{}`", peer.name))
                .help("give one of them another address space");
                self.report(found);
            }
        }
    }

    fn check_firewalls(&mut self, topology: &Topology) {
        for firewall in &topology.firewalls {
            let network = topology.networks.iter().find(|other| other.name == firewall.network);
            let Some(network) = network else { continue };
            let span = firewall.origin.span;
            let subnet = network
                .subnets
                .iter()
                .find(|subnet| subnet.name.eq_ignore_ascii_case(FIREWALL_SUBNET));
            let Some(subnet) = subnet else {
                let found = Diagnostic::new(
                    Code::BAD_PLACE,
                    format!(
                        "firewall `{}` stands in `{}`, which has no subnet `{FIREWALL_SUBNET}`",
                        firewall.name, network.name
                    ),
                )
                .at(span, "stands nowhere")
                .also(network.origin.span, "the network")
                .help(format!("declare `subnet {FIREWALL_SUBNET} …` in it, of at least a /26"));
                self.report(found);
                continue;
            };
            let holds = |prefix: &IpNet| prefix.contains(&firewall.private_address);
            if !subnet.prefixes.iter().any(holds) {
                let found = Diagnostic::new(
                    Code::BAD_PLACE,
                    format!(
                        "`{}` of firewall `{}` does not lie in `{FIREWALL_SUBNET}`",
                        firewall.private_address, firewall.name
                    ),
                )
                .at(span, "outside its subnet")
                .also(subnet.origin.span, "the subnet");
                self.report(found);
            }
            let is_v4 = |prefix: &&IpNet| prefix.addr().is_ipv4();
            let shortest = subnet.prefixes.iter().filter(is_v4).map(IpNet::prefix_len).min();
            if shortest.is_some_and(|bits| bits > FIREWALL_SUBNET_BITS) {
                let found = Diagnostic::new(
                    Code::BAD_PLACE,
                    format!("`{FIREWALL_SUBNET}` of `{}` is too small", network.name),
                )
                .at(subnet.origin.span, "Azure wants at least a /26")
                .also(span, "the firewall in it");
                self.report(found);
            }
        }
    }

    /// A table has one route to a destination, and no packet leaves a firewall to come back to it
    /// (`azure-routing.md §1.3`).
    fn check_routes(&mut self, topology: &Topology) {
        for network in &topology.networks {
            for subnet in &network.subnets {
                self.check_distinct_routes(subnet);
                let ways = subnet.exceptions.iter().filter_map(|route| match &route.hop {
                    RouteHop::Firewall(name) => Some((name, route.origin.span)),
                    RouteHop::Appliance(_)
                    | RouteHop::Internet
                    | RouteHop::Local
                    | RouteHop::Gateway
                    | RouteHop::Drop => None,
                });
                self.check_own_default(subnet);
                self.check_appliances(topology, network, subnet);
                let default = subnet.routes_via.iter().map(|name| (name, subnet.origin.span));
                for (name, span) in default.chain(ways) {
                    let found = topology.firewalls.iter().find(|other| other.name == *name);
                    if let Some(firewall) = found {
                        self.check_way(network, subnet, firewall, span);
                    }
                }
            }
        }
    }

    /// An appliance stands beside the subnet that sends to it, where packets reach it directly
    /// (`azure-routing.md §1.3`).
    fn check_appliances(&mut self, topology: &Topology, network: &VirtualNetwork, subnet: &Subnet) {
        let is_near = |other: &&VirtualNetwork| {
            other.name == network.name || network.peers.contains(&other.name)
        };
        let near: AddressSet = topology
            .networks
            .iter()
            .filter(is_near)
            .flat_map(|other| other.prefixes.iter().copied())
            .collect();
        for route in &subnet.exceptions {
            let RouteHop::Appliance(address) = route.hop else { continue };
            let found = if subnet.prefixes.iter().any(|prefix| prefix.contains(&address)) {
                Diagnostic::new(
                    Code::BAD_PLACE,
                    format!(
                        "subnet `{}` sends packets to `{address}`, which lies in it",
                        subnet.name
                    ),
                )
                .at(route.origin.span, "what the appliance sends on would come back to it")
                .help("put the appliance into a subnet of its own")
            } else if near.contains(address) {
                continue;
            } else {
                Diagnostic::new(
                    Code::BAD_PLACE,
                    format!(
                        "subnet `{}` of `{}` cannot reach `{address}`",
                        subnet.name, network.name
                    ),
                )
                .at(route.origin.span, "packets sent there are dropped")
                .note("packets reach an appliance in this network or a peer of it")
                .help("declare the network in which the appliance stands, and the peering with it")
            };
            self.report(found);
        }
    }

    /// A gateway without the routes that it learns, or with a default route, stops working, and a
    /// firewall's management goes to the internet only (`azure-firewall.md §5`).
    fn check_own_default(&mut self, subnet: &Subnet) {
        let is_it = |name: &&&str| subnet.name.eq_ignore_ascii_case(name);
        if let (Some(_), Some(name)) = (&subnet.routes_via, NO_DEFAULT.iter().find(is_it)) {
            let found = Diagnostic::new(
                Code::BAD_PLACE,
                format!("the default route of `{name}` cannot lead to a firewall"),
            )
            .at(subnet.origin.span, "needs its own way out")
            .help("take `routes via` out; single prefixes can be routed with `route`");
            self.report(found);
        }
    }

    /// Azure refuses a second route with the same destination.
    fn check_distinct_routes(&mut self, subnet: &Subnet) {
        let written = |target: &RouteTarget| match target {
            RouteTarget::Prefix(prefix) => prefix.trunc().to_string(),
            RouteTarget::ServiceTag(tag) => tag.to_ascii_lowercase(),
        };
        let default = subnet.routes_via.as_ref();
        let default =
            default.map(|_| (IpNet::V4(Ipv4Net::default()).to_string(), subnet.origin.span));
        let mut taken: BTreeMap<String, Span> = default.into_iter().collect();
        for route in &subnet.exceptions {
            let (target, span) = (written(&route.target), route.origin.span);
            if let Some(first) = taken.get(&target) {
                let found = Diagnostic::new(
                    Code::OVERLAP,
                    format!("subnet `{}` has two routes to `{target}`", subnet.name),
                )
                .at(span, "the second")
                .also(*first, "the first")
                .help("keep one of them: a route table takes one route to a destination");
                self.report(found);
            } else {
                taken.insert(target, span);
            }
        }
    }

    /// Whether `subnet` can send packets to `firewall`.
    fn check_way(
        &mut self,
        network: &VirtualNetwork,
        subnet: &Subnet,
        firewall: &Firewall,
        span: Span,
    ) {
        let found = if subnet.prefixes.iter().any(|p| p.contains(&firewall.private_address)) {
            Diagnostic::new(
                Code::BAD_PLACE,
                format!("subnet `{}` sends packets to the firewall that stands in it", subnet.name),
            )
            .at(span, "what the firewall sends on would come back to it")
            .also(firewall.origin.span, "the firewall")
            .help("take the route out: a firewall's own subnet goes to the internet directly")
        } else if firewall.network != network.name && !network.peers.contains(&firewall.network) {
            Diagnostic::new(
                Code::BAD_PLACE,
                format!(
                    "subnet `{}` of `{}` cannot reach firewall `{}` in `{}`",
                    subnet.name, network.name, firewall.name, firewall.network
                ),
            )
            .at(span, "packets sent there are dropped")
            .also(firewall.origin.span, "the firewall")
            .help(format!("write `peers {}` in `{}`", firewall.network, network.name))
        } else {
            return;
        };
        self.report(found);
    }

    /// Pods behind their node's address must not have addresses of machines.
    fn check_pods(&mut self, topology: &Topology) {
        for cluster in &topology.clusters {
            let pods: AddressSet = cluster.pod_ranges.iter().copied().collect();
            for network in &topology.networks {
                let space: AddressSet = network.prefixes.iter().copied().collect();
                if !pods.meets(&space) {
                    continue;
                }
                let found = Diagnostic::new(
                    Code::OVERLAP,
                    format!(
                        "the pods of cluster `{}` have addresses of virtual network `{}`",
                        cluster.name, network.name
                    ),
                )
                .at(cluster.origin.span, "its pods")
                .also(network.origin.span, "the network")
                .help("give the pods a range of their own");
                self.report(found);
            }
        }
    }
}

/// Sets that share addresses with one before them, each once, by their places: the later with an
/// earlier. Where sets overlap at all, some pair is found.
fn overlaps(sets: &[AddressSet]) -> BTreeMap<usize, usize> {
    let mut ranges: Vec<(AddressRange, usize)> = Vec::new();
    for (place, set) in sets.iter().enumerate() {
        ranges.extend(set.ranges().into_iter().map(|range| (range, place)));
    }
    ranges.sort();
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    // The range that reaches furthest of those before.
    let mut widest: Option<(AddressRange, usize)> = None;
    for (range, place) in ranges {
        if let Some((before, holder)) = widest
            && range.first() <= before.last()
            && place != holder
        {
            found.entry(place.max(holder)).or_insert(place.min(holder));
        }
        if widest.is_none_or(|(before, _)| range.last() > before.last()) {
            widest = Some((range, place));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn set() -> impl Strategy<Value = AddressSet> {
        let prefix = select(vec![
            "10.0.0.0/24",
            "10.0.0.0/26",
            "10.0.0.64/26",
            "10.0.0.96/27",
            "10.0.1.0/24",
            "10.0.0.0/16",
            "fd00::/64",
            "fd00::/80",
        ]);
        prop::collection::vec(prefix, 1..3)
            .prop_map(|list| list.iter().map(|one| one.parse::<IpNet>().unwrap()).collect())
    }

    proptest! {
        #[test]
        fn overlaps_are_found_as_by_a_look_at_every_pair(sets in prop::collection::vec(set(), 0..6)) {
            let found = overlaps(&sets);
            for (later, earlier) in &found {
                prop_assert!(earlier < later && sets[*later].meets(&sets[*earlier]));
            }
            let every = (0..sets.len())
                .flat_map(|later| (0..later).map(move |earlier| (later, earlier)))
                .any(|(later, earlier)| sets[later].meets(&sets[earlier]));
            prop_assert_eq!(!found.is_empty(), every);
        }
    }
}

//! Where parts of the network lie: subnets in their networks, firewalls in their subnets, and
//! nothing in each other's way.

use ipnet::IpNet;

use super::scope::Resolution;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::flow::AddressSet;
use crate::intent::Topology;

/// The subnet that Azure deploys a firewall to; it must have this name.
const FIREWALL_SUBNET: &str = "AzureFirewallSubnet";

impl Resolution<'_> {
    /// Holds every place in the network against the others.
    pub(super) fn check_places(&mut self, topology: &Topology) {
        self.check_subnets(topology);
        self.check_peers(topology);
        self.check_firewalls(topology);
        self.check_pods(topology);
    }

    fn check_subnets(&mut self, topology: &Topology) {
        for network in &topology.networks {
            let space: AddressSet = network.prefixes.iter().copied().collect();
            let mut taken: Vec<(&str, AddressSet, Span)> = Vec::new();
            for subnet in &network.subnets {
                let own: AddressSet = subnet.prefixes.iter().copied().collect();
                let span = subnet.origin.span;
                if !space.covers(&own) {
                    let found = Diagnostic::new(
                        Code::BAD_PLACE,
                        format!(
                            "subnet `{}` ({own}) does not lie in virtual network `{}` ({space})",
                            subnet.name, network.name
                        ),
                    )
                    .at(span, "outside")
                    .help("give the network another prefix, or the subnet one of the network's");
                    self.report(found);
                }
                if let Some((other, _, place)) = taken.iter().find(|(_, set, _)| set.meets(&own)) {
                    let found = Diagnostic::new(
                        Code::OVERLAP,
                        format!("subnets `{other}` and `{}` overlap", subnet.name),
                    )
                    .at(span, "has addresses of the other")
                    .also(*place, format!("`{other}`"));
                    self.report(found);
                }
                taken.push((&subnet.name, own, span));
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
        }
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

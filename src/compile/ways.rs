//! Where the routes of a subnet lead: for all destinations at once, to a firewall or past it.
//!
//! The choice of a route is that of `azure-routing.md §2.2`, made among the routes whose prefixes are
//! known. What service tags lead elsewhere (`route tag`, service endpoints) has a finding where it is
//! declared.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::ground::Ground;
use super::ground::prefixes;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::firewall::FirewallPlace;
use crate::azure::network::Subnet;
use crate::azure::network::VirtualNetwork;
use crate::azure::network::is_of_azure;
use crate::azure::policy::Tier;
use crate::azure::route::NextHop;
use crate::azure::route::Route;
use crate::azure::route::RouteDestination;
use crate::azure::route::SYSTEM_DROPPED;
use crate::flow::AddressSet;
use crate::intent::Topology;
use crate::intent::topology;

/// Which IPv4 addresses no route is looked up for (`azure-routing.md §2.2`).
const PLATFORM: &[&str] = &["168.63.129.16/32", "169.254.0.0/16"];

/// The subnet that a firewall sends from (`azure-firewall.md §5`).
const FIREWALL_SUBNET: &str = "AzureFirewallSubnet";

/// A subnet, and where its routes lead. No address is in two of the sets.
#[derive(Debug)]
pub(super) struct Vantage {
    /// Network and subnet.
    pub name: String,
    pub addresses: AddressSet,
    /// The addresses of its private endpoints.
    endpoints: AddressSet,
    /// Whether the default route leads to a firewall; where it does not, `sources` says so.
    pub is_routed: bool,
    /// What is led to a firewall of the policy, by its name.
    pub seen: BTreeMap<Key, AddressSet>,
    /// The addresses of firewalls of the policy at which these hold their DNAT rules against what it
    /// sends.
    pub translating: AddressSet,
    /// The ways past every firewall of the policy.
    pub past: Vec<(Way, AddressSet)>,
}

/// A way past the firewall.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// By which route, and where it leads.
    pub words: String,
    pub end: End,
}

/// Where packets on a way past the firewall end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// In the network that they are sent from, or a peer of it.
    Near,
    /// On the internet or with Azure's platform.
    Outside,
    /// Nowhere.
    Dropped,
    /// With an appliance, a gateway or another firewall, which may send them on.
    Unknown,
}

impl Vantage {
    /// The addresses that machines may have, whose packets follow its routes.
    pub(super) fn hosts(&self) -> AddressSet {
        self.addresses.difference(&self.endpoints)
    }

    /// What is delivered in the network or to a peer, by no firewall of the policy.
    pub(super) fn near(&self) -> AddressSet {
        let near = self.past.iter().filter(|(way, _)| way.end == End::Near);
        near.flat_map(|(_, led)| led.ranges()).collect()
    }
}

impl Way {
    /// Whether packets arrive, as far as is known.
    pub(super) fn delivers(&self) -> bool {
        match self.end {
            End::Near | End::Outside | End::Unknown => true,
            End::Dropped => false,
        }
    }
}

/// A route, as one that is chosen among others: the first that holds an address is taken.
#[derive(Debug)]
struct Candidate {
    bits: u8,
    rank: Rank,
    holds: AddressSet,
    leads: Leads,
}

/// Where a route leads.
#[derive(Clone, Debug)]
enum Leads {
    /// To the firewall of the policy with this name.
    ToFirewall(Key),
    Past(Way),
}

/// Which of two routes with one prefix is taken: the greater (`azure-routing.md §2.1`).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Rank {
    Dropped,
    System,
    Gateway,
    User,
}

/// The subnets of `topology` as `deployment` has them, those of Azure's own appliances left out.
pub(super) fn vantages(
    topology: &Topology,
    ground: &Ground,
    deployment: &Deployment,
) -> Vec<Vantage> {
    let mut found = Vec::new();
    for described in &topology.networks {
        let network = deployment.virtual_networks.get_key_value(&Key::new(&described.name));
        let Some((name, network)) = network else { continue };
        for subnet in network.subnets.iter().filter(|subnet| !is_of_azure(subnet.name.as_str())) {
            let sender = Sender { deployment, ground, name, network, subnet };
            let is_subnet = |other: &&topology::Subnet| Key::new(&other.name) == subnet.name;
            let written = described.subnets.iter().find(is_subnet);
            let is_routed = written.is_some_and(|written| ground.routes_to_firewall(written));
            found.push(sender.vantage(is_routed));
        }
    }
    found
}

/// Where the firewalls of the policy send on what they let out, by their names: those whose subnet
/// is declared.
pub(super) fn firewalls(ground: &Ground, deployment: &Deployment) -> BTreeMap<Key, Vantage> {
    let ours = ground.enforcing.iter().map(Key::new);
    ours.filter_map(|firewall| {
        let place = &deployment.firewalls.get(&firewall)?.place;
        let FirewallPlace::VirtualNetwork(network) = place else { return None };
        let (name, network) = deployment.virtual_networks.get_key_value(network)?;
        let own = Key::new(FIREWALL_SUBNET);
        let subnet = network.subnets.iter().find(|subnet| subnet.name == own)?;
        let sender = Sender { deployment, ground, name, network, subnet };
        Some((firewall, sender.vantage(false)))
    })
    .collect()
}

/// A subnet, as the place that packets are sent from.
#[derive(Clone, Copy, Debug)]
struct Sender<'a> {
    deployment: &'a Deployment,
    ground: &'a Ground,
    name: &'a Key,
    network: &'a VirtualNetwork,
    subnet: &'a Subnet,
}

impl Sender<'_> {
    fn vantage(&self, is_routed: bool) -> Vantage {
        let platform = prefixes(PLATFORM);
        let way = Way { words: "to Azure's platform, by no route".to_owned(), end: End::Outside };
        let mut past = vec![(way, platform.clone())];
        let mut seen: BTreeMap<Key, AddressSet> = BTreeMap::new();
        let mut left = prefixes(&["0.0.0.0/0"]).difference(&platform).difference(&self.firewalls());
        let mut candidates = self.candidates();
        candidates.sort_by_key(|candidate| std::cmp::Reverse((candidate.bits, candidate.rank)));
        for (way, address) in self.private_endpoints(&candidates) {
            let taken = left.intersection(&address);
            left = left.difference(&address);
            past.push((way, taken));
        }
        for candidate in &candidates {
            let taken = left.intersection(&candidate.holds);
            left = left.difference(&candidate.holds);
            match &candidate.leads {
                Leads::Past(way) => past.push((way.clone(), taken)),
                Leads::ToFirewall(name) => {
                    let led = seen.entry(name.clone()).or_default();
                    *led = led.union(&taken);
                }
            }
        }
        past.retain(|(_, led)| !led.is_empty());
        seen.retain(|_, led| !led.is_empty());
        let endpoints = self.subnet.private_endpoints.iter();
        Vantage {
            name: format!("{}/{}", self.name, self.subnet.name),
            addresses: self.subnet.prefixes.iter().copied().collect(),
            endpoints: endpoints.map(|endpoint| IpNet::from(endpoint.address)).collect(),
            is_routed,
            translating: self.translating(&candidates, &seen),
            seen,
            past,
        }
    }

    /// The addresses of the firewalls themselves: what goes there meets them.
    fn firewalls(&self) -> AddressSet {
        let ours = self.deployment.firewalls.iter();
        ours.filter(|(name, _)| self.enforces(name))
            .map(|(_, firewall)| IpNet::from(firewall.private_address))
            .collect()
    }

    /// The private address of each firewall that is near or led to itself, and the public ones that
    /// are led to it (`azure-firewall.md §4.1`); the first of `candidates` that holds an address is
    /// taken.
    fn translating(
        &self,
        candidates: &[Candidate],
        seen: &BTreeMap<Key, AddressSet>,
    ) -> AddressSet {
        let mut found = AddressSet::empty();
        for (name, firewall) in &self.deployment.firewalls {
            if !self.enforces(name) || firewall.forced_tunneling {
                continue;
            }
            if let Some(led) = seen.get(name) {
                let public = firewall.public_addresses.iter().copied().map(IpNet::from);
                found = found.union(&led.intersection(&public.collect()));
            }
            let mut routes = candidates.iter();
            let taken = routes.find(|route| route.holds.contains(firewall.private_address));
            let arrives = taken.is_some_and(|route| match &route.leads {
                Leads::ToFirewall(to) => to == name,
                Leads::Past(way) => way.end == End::Near,
            });
            // Basic translates at public addresses only.
            if arrives && firewall.tier != Tier::Basic {
                found = found.union(&firewall.private_address.into());
            }
        }
        found
    }

    fn enforces(&self, firewall: &Key) -> bool {
        self.ground.enforcing.iter().any(|name| Key::new(name) == *firewall)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let near = self.near();
        let beside: AddressSet = near.iter().map(|(prefix, _)| *prefix).collect();
        let mut candidates: Vec<Candidate> = near
            .into_iter()
            .map(|(prefix, way)| candidate(prefix, Rank::System, Leads::Past(way)))
            .collect();
        let table = self.table();
        let routes = table.map_or(&[][..], |(_, routes, _)| routes);
        let mut has_default = false;
        for route in routes {
            let RouteDestination::Prefix(prefix) = route.destination else { continue };
            has_default |= prefix.addr().is_ipv4() && prefix.prefix_len() == 0;
            candidates.push(candidate(prefix, Rank::User, self.written(route)));
        }
        if !table.is_some_and(|(_, _, without_gateway)| without_gateway) {
            for prefix in self.learned() {
                let way = Way {
                    words: format!("to the gateway, which learned {prefix}"),
                    end: End::Unknown,
                };
                let mut learned = candidate(prefix, Rank::Gateway, Leads::Past(way));
                // Routes of networks are taken even where a learned one is longer.
                learned.holds = learned.holds.difference(&beside);
                candidates.push(learned);
            }
        }
        if !has_default {
            let dropped = SYSTEM_DROPPED.iter().filter_map(|text| text.parse().ok());
            candidates.extend(dropped.map(|prefix: IpNet| {
                let words = format!("nowhere, by the system's route for {prefix}");
                candidate(prefix, Rank::Dropped, Leads::Past(Way { words, end: End::Dropped }))
            }));
        }
        let words = "to the internet, by the system's default route".to_owned();
        let way = Way { words, end: self.internet() };
        candidates.extend(
            prefixes(&["0.0.0.0/0"])
                .prefixes()
                .into_iter()
                .map(|prefix| candidate(prefix, Rank::System, Leads::Past(way.clone()))),
        );
        candidates
    }

    /// The prefixes of this network and its peers (`azure-routing.md §1.1`, `§1.2`).
    fn near(&self) -> Vec<(IpNet, Way)> {
        let own = self.network.address_space.iter().map(|prefix| {
            let words = format!("inside `{}`, by the system's route for {prefix}", self.name);
            (*prefix, Way { words, end: End::Near })
        });
        let peers = self.network.peerings.iter().filter_map(|peering| {
            let remote = self.deployment.virtual_networks.get(&peering.remote)?;
            Some((peering, remote))
        });
        let peers = peers.flat_map(|(peering, remote)| {
            remote.address_space.iter().map(|prefix| {
                let words =
                    format!("to `{}`, by the route of the peering for {prefix}", peering.remote);
                let allowed = peering.allow_virtual_network_access;
                (*prefix, Way { words, end: if allowed { End::Near } else { End::Dropped } })
            })
        });
        own.chain(peers).collect()
    }

    /// What the gateway of this network learned, or that of a peer which it uses.
    fn learned(&self) -> Vec<IpNet> {
        let remote = self.network.peerings.iter().filter_map(|peering| {
            let remote = self.deployment.virtual_networks.get(&peering.remote)?;
            let offers = remote
                .peerings
                .iter()
                .any(|back| back.remote == *self.name && back.allow_gateway_transit);
            (peering.use_remote_gateways && offers).then_some(remote)
        });
        let remote = remote.flat_map(|remote| &remote.gateway_routes);
        self.network.gateway_routes.iter().chain(remote).copied().collect()
    }

    /// The name of the table, its routes, and whether it takes none from gateways.
    fn table(&self) -> Option<(&Key, &[Route], bool)> {
        let name = self.subnet.route_table.as_ref()?;
        let (name, table) = self.deployment.route_tables.get_key_value(name)?;
        Some((name, &table.routes, table.disable_bgp_route_propagation))
    }

    fn written(&self, route: &Route) -> Leads {
        let (to, end) = match &route.next_hop {
            NextHop::VirtualAppliance(address) => {
                let mut here = self.deployment.firewalls.iter();
                match here.find(|(_, firewall)| firewall.private_address == *address) {
                    Some((name, _)) if self.enforces(name) => {
                        return Leads::ToFirewall(name.clone());
                    }
                    Some((name, _)) => {
                        (format!("to firewall `{name}`, which has other rules"), End::Unknown)
                    }
                    None => (format!("to the appliance {address}"), End::Unknown),
                }
            }
            NextHop::VirtualApplianceEcmp(_) => {
                ("to one of several appliances".to_owned(), End::Unknown)
            }
            NextHop::VnetLocal => (format!("inside `{}`", self.name), End::Near),
            NextHop::Internet => ("to the internet".to_owned(), self.internet()),
            NextHop::VirtualNetworkGateway => ("to the gateway".to_owned(), End::Unknown),
            NextHop::None => ("nowhere".to_owned(), End::Dropped),
        };
        let of = self.table().map(|(name, ..)| format!("{name}/")).unwrap_or_default();
        Leads::Past(Way { words: format!("{to}, by the route `{of}{}`", route.name), end })
    }

    /// Where packets to the internet end.
    fn internet(&self) -> End {
        if self.subnet.default_outbound_access || self.subnet.explicit_outbound {
            End::Outside
        } else {
            End::Dropped
        }
    }

    /// The private endpoints of this network and its peers whose own routes are taken
    /// (`azure-routing.md §4`).
    fn private_endpoints(&self, candidates: &[Candidate]) -> Vec<(Way, AddressSet)> {
        let peers = self.network.peerings.iter();
        let peers =
            peers.filter_map(|peering| self.deployment.virtual_networks.get(&peering.remote));
        let mut found = Vec::new();
        for network in [self.network].into_iter().chain(peers) {
            for subnet in &network.subnets {
                for endpoint in &subnet.private_endpoints {
                    let host = IpNet::from(endpoint.address);
                    let around =
                        network.address_space.iter().filter(|p| p.contains(&endpoint.address));
                    let least = around.map(IpNet::prefix_len).max().unwrap_or(host.prefix_len());
                    let honoured = subnet.private_endpoint_network_policies.honours_routes();
                    let is_overridden = candidates.iter().any(|candidate| {
                        candidate.rank == Rank::User
                            && candidate.holds.contains(endpoint.address)
                            && (candidate.bits == host.prefix_len()
                                || honoured && candidate.bits >= least)
                    });
                    if !is_overridden {
                        let words =
                            format!("to private endpoint `{}`, by its own route", endpoint.name);
                        found.push((Way { words, end: End::Near }, host.into()));
                    }
                }
            }
        }
        found
    }
}

fn candidate(prefix: IpNet, rank: Rank, leads: Leads) -> Candidate {
    Candidate { bits: prefix.prefix_len(), rank, holds: prefix.into(), leads }
}

//! Which route a packet takes from its subnet (`azure-routing.md §1–§9`).

mod endpoint;

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use ipnet::Ipv4Net;
use ipnet::Ipv6Net;

use super::assumptions::NONE_ROUTES;
use super::assumptions::PE_OVERRIDE;
use super::assumptions::SE_OVERRIDE;
use super::candidate::Candidate;
use super::candidate::Kind;
use super::candidate::Rank;
use super::candidate::Reach;
use super::candidate::winner;
use super::decision::Note;
use super::inquiry::Inquiry;
use super::special_purpose::is_platform;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::cluster::NetworkPlugin;
use crate::azure::cluster::NodePool;
use crate::azure::firewall::FirewallPlace;
use crate::azure::network::Peering;
use crate::azure::network::Subnet;
use crate::azure::network::VirtualNetwork;
use crate::azure::route::NextHop;
use crate::azure::route::RouteDestination;
use crate::azure::route::RouteTable;
use crate::azure::route::SYSTEM_DROPPED;

pub(crate) use endpoint::EndpointOverride;
pub(crate) use endpoint::endpoint_override;

/// Where a route leads (`azure-routing.md §13`).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Hop {
    /// An address of the platform; no route is looked up.
    Platform,
    /// Inside the virtual network.
    Local,
    /// To the virtual network with this name, by peering.
    Peering(Key),
    /// To the private endpoint with this name.
    PrivateEndpoint(Key),
    /// To a service, by the service endpoint for it.
    ServiceEndpoint(String),
    /// To the firewall with this name.
    Firewall(Key),
    /// To an appliance that is no firewall of the deployment.
    Appliance(IpAddr),
    /// To an appliance that cannot be reached from the network.
    Unreachable(IpAddr),
    /// To the internet.
    Internet,
    /// To the internet, from a private subnet without a way out (`azure-routing.md §6`).
    NoOutbound,
    /// To the gateway.
    Gateway,
    /// Nowhere.
    Dropped,
}

impl Hop {
    /// The network in which what takes this hop from `own` may come upon a firewall that no route
    /// names: it is sent to the firewall's own address.
    pub(crate) fn network_entered<'a>(&'a self, own: &'a Key) -> Option<&'a Key> {
        match self {
            Hop::Local => Some(own),
            Hop::Peering(network) => Some(network),
            Hop::Platform
            | Hop::PrivateEndpoint(_)
            | Hop::ServiceEndpoint(_)
            | Hop::Firewall(_)
            | Hop::Appliance(_)
            | Hop::Unreachable(_)
            | Hop::Internet
            | Hop::NoOutbound
            | Hop::Gateway
            | Hop::Dropped => None,
        }
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hop::Platform => f.write_str("platform"),
            Hop::Local => f.write_str("vnet-local"),
            Hop::Peering(network) => write!(f, "peering {network}"),
            Hop::PrivateEndpoint(name) => write!(f, "private-endpoint {name}"),
            Hop::ServiceEndpoint(service) => write!(f, "service-endpoint {service}"),
            Hop::Firewall(name) => write!(f, "firewall {name}"),
            Hop::Appliance(address) => write!(f, "appliance {address}"),
            Hop::Unreachable(address) => write!(f, "unreachable {address}"),
            Hop::Internet => f.write_str("internet"),
            Hop::NoOutbound => f.write_str("no-outbound"),
            Hop::Gateway => f.write_str("gateway"),
            Hop::Dropped => f.write_str("dropped"),
        }
    }
}

/// Where a route comes from.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RouteSource {
    /// Azure's own, always present.
    System,
    /// Of a peering, service endpoint or private endpoint.
    Optional,
    /// Learned by a gateway.
    Gateway,
    /// Of a route table.
    User {
        /// The table.
        table: Key,
        /// The route.
        route: String,
    },
    /// No virtual network is stated.
    Presumed,
}

/// The route that a packet takes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RouteTaken {
    /// What it matches: a prefix or a service tag.
    pub destination: String,
    /// Where it comes from.
    pub source: RouteSource,
    /// Where it leads.
    pub hop: Hop,
}

impl fmt::Display for RouteTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.destination, self.hop)?;
        match &self.source {
            RouteSource::User { table, route } => write!(f, " ({table}/{route})"),
            RouteSource::Gateway => f.write_str(" (gateway)"),
            RouteSource::Presumed => f.write_str(" (presumed)"),
            RouteSource::System | RouteSource::Optional => Ok(()),
        }
    }
}

/// A subnet, as the place from which a packet is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vantage<'a> {
    pub(crate) deployment: &'a Deployment,
    pub(crate) network_name: &'a Key,
    pub(crate) network: &'a VirtualNetwork,
    pub(crate) subnet: &'a Subnet,
}

/// Where a candidate leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// To one place.
    Hop(Hop),
    /// To one of several appliances; the environment chooses.
    OneOf(Vec<(IpAddr, Hop)>),
}

impl<'a> Vantage<'a> {
    /// The route to `destination` (`azure-routing.md §2.2`).
    pub(super) fn select(&self, destination: IpAddr, inquiry: &mut Inquiry<'_>) -> RouteTaken {
        if is_platform(destination) {
            let destination = IpNet::from(destination).to_string();
            return RouteTaken { destination, source: RouteSource::System, hop: Hop::Platform };
        }
        let mut candidates = self.user_routes(destination);
        candidates.retain(|candidate| candidate.is_there(destination, inquiry));
        let endpoints: Vec<Candidate> = self
            .service_endpoint_routes(destination)
            .into_iter()
            .filter_map(|tags| tags.into_iter().find(|one| one.is_there(destination, inquiry)))
            .collect();
        if let Some(first) = endpoints.first()
            && !inquiry.second_reading(SE_OVERRIDE)
        {
            return self.taken(first.clone(), destination, inquiry);
        }
        candidates.extend(endpoints);
        candidates.extend(self.system_routes(destination));
        let own = self.network_routes(destination);
        let bgp_overridden = candidates.iter().any(Candidate::overrides_gateways);
        if own.is_empty() && !bgp_overridden {
            candidates.extend(self.gateway_routes(destination));
        }
        candidates.extend(own);
        if let Some((endpoint, home, network)) = self.private_endpoint(destination) {
            let overridden = endpoint_override(&candidates, home, network, destination);
            let user = match overridden {
                EndpointOverride::Never => None,
                EndpointOverride::Always(user) => Some(user),
                EndpointOverride::InFirstReading(user) => {
                    (!inquiry.second_reading(PE_OVERRIDE)).then_some(user)
                }
            };
            return match user {
                Some(user) => self.taken(user, destination, inquiry),
                None => RouteTaken {
                    destination: IpNet::from(destination).to_string(),
                    source: RouteSource::Optional,
                    hop: Hop::PrivateEndpoint(endpoint.name.clone()),
                },
            };
        }
        if self.has_default_user_route() && !inquiry.second_reading(NONE_ROUTES) {
            candidates.retain(|candidate| candidate.kind != Kind::SystemNone);
        }
        match winner(candidates, destination, inquiry) {
            Some(best) => self.taken(best, destination, inquiry),
            None => RouteTaken {
                destination: IpNet::from(destination).to_string(),
                source: RouteSource::System,
                hop: Hop::Dropped,
            },
        }
    }

    pub(crate) fn table(&self) -> Option<(&'a Key, &'a RouteTable)> {
        let name = self.subnet.route_table.as_ref()?;
        self.deployment.route_tables.get_key_value(name)
    }

    /// The networks that this one is peered with, as far as the deployment holds them.
    pub(crate) fn peers(&self) -> impl Iterator<Item = (&'a Peering, &'a Key, &'a VirtualNetwork)> {
        let (deployment, network) = (self.deployment, self.network);
        network.peerings.iter().filter_map(move |peering| {
            let (name, remote) = deployment.virtual_networks.get_key_value(&peering.remote)?;
            Some((peering, name, remote))
        })
    }

    /// Whether packets can be sent to the network called `other` directly. A peering counts if this
    /// side states it; that the other does not is noted, since its statement may be incomplete.
    fn reaches(&self, other: &Key, inquiry: &mut Inquiry<'_>) -> bool {
        let is_reached = self.is_connected_to(other);
        if is_reached
            && self.network_name != other
            && let Some(remote) = self.deployment.virtual_networks.get(other)
            && !remote.peerings.iter().any(|back| back.remote == *self.network_name)
        {
            inquiry.note(Note::PeeredOneWay(other.clone()));
        }
        is_reached
    }

    /// [`Vantage::reaches`], without a note.
    fn is_connected_to(&self, other: &Key) -> bool {
        self.network_name == other
            || !self.deployment.virtual_networks.contains_key(other)
            || self
                .network
                .peerings
                .iter()
                .any(|peering| peering.remote == *other && peering.allow_virtual_network_access)
    }

    /// System routes that are always present (`azure-routing.md §1.1`), but those of the network. Among
    /// them are those of nodes to the pods of their overlay, which no route has to name (§10).
    pub(crate) fn system_routes(&self, destination: IpAddr) -> Vec<Candidate> {
        let internet = match destination {
            IpAddr::V4(_) => IpNet::V4(Ipv4Net::default()),
            IpAddr::V6(_) => IpNet::V6(Ipv6Net::default()),
        };
        let none = SYSTEM_DROPPED.iter().filter_map(|text| text.parse::<IpNet>().ok());
        let none = none.filter(|block| block.contains(&destination));
        // A network's prefix that contains the block removes it.
        let none = none.filter(|block| {
            !self.network.address_space.iter().any(|prefix| prefix.contains(block))
        });
        let candidate =
            |prefix, rank, kind| Candidate::system(prefix, rank, RouteSource::System, kind);
        none.map(|block| candidate(block, Rank::SystemNone, Kind::SystemNone))
            .chain([candidate(internet, Rank::System, Kind::SystemInternet)])
            .chain(
                self.overlays()
                    .filter(|pods| pods.contains(&destination))
                    .map(|pods| candidate(pods, Rank::System, Kind::VnetLocal)),
            )
            .collect()
    }

    /// The addresses of pods that lie in an overlay with the nodes of the subnet.
    pub(crate) fn overlays(&self) -> impl Iterator<Item = IpNet> {
        let is_here = |pool: &NodePool| {
            pool.subnet.network == *self.network_name && pool.subnet.subnet == self.subnet.name
        };
        let clusters = self.deployment.clusters.values();
        clusters
            .filter(|cluster| cluster.plugin == NetworkPlugin::Overlay)
            .filter(move |cluster| cluster.pools.iter().any(is_here))
            .flat_map(|cluster| cluster.pod_ranges.iter().copied())
    }

    /// Routes of the network and of its peers (`azure-routing.md §1.1`, `§1.2`).
    pub(crate) fn network_routes(&self, destination: IpAddr) -> Vec<Candidate> {
        let mut routes: Vec<Candidate> = containing(&self.network.address_space, destination)
            .map(|p| Candidate::system(p, Rank::System, RouteSource::System, Kind::VnetLocal))
            .collect();
        if self.table().is_some_and(|(_, table)| table.disable_peering_route) {
            return routes;
        }
        for (_, name, remote) in self.peers() {
            routes.extend(containing(&remote.address_space, destination).map(|p| {
                let kind = Kind::Peering(name.clone());
                Candidate::system(p, Rank::System, RouteSource::Optional, kind)
            }));
        }
        routes
    }

    /// Routes learned by the network's gateway, or by that of a peer which it uses
    /// (`azure-routing.md §1.2`).
    pub(crate) fn gateway_routes(&self, destination: IpAddr) -> Vec<Candidate> {
        let learned: Vec<IpNet> = self.learned().collect();
        containing(&learned, destination)
            .map(|p| Candidate::system(p, Rank::Gateway, RouteSource::Gateway, Kind::Gateway))
            .collect()
    }

    /// What the subnet knows of gateways.
    fn learned(&self) -> impl Iterator<Item = IpNet> {
        let is_told = !self.table().is_some_and(|(_, table)| table.disable_bgp_route_propagation);
        self.behind_gateways().filter(move |_| is_told)
    }

    /// What lies behind the network's gateway, or behind that of a peer which it uses.
    pub(crate) fn behind_gateways(&self) -> impl Iterator<Item = IpNet> {
        let remote = self.peers().filter(|(peering, _, remote)| {
            let offered =
                |back: &Peering| back.remote == *self.network_name && back.allow_gateway_transit;
            peering.use_remote_gateways && remote.peerings.iter().any(offered)
        });
        let of_peers = remote.flat_map(|(_, _, remote)| &remote.gateway_routes);
        self.network.gateway_routes.iter().chain(of_peers).copied()
    }

    /// Routes of the subnet's table (`azure-routing.md §1.3`, `§3`).
    pub(crate) fn user_routes(&self, destination: IpAddr) -> Vec<Candidate> {
        let Some((table_name, table)) = self.table() else { return Vec::new() };
        let mut routes = Vec::new();
        for route in &table.routes {
            let reach = match &route.destination {
                RouteDestination::Prefix(prefix) if prefix.contains(&destination) => {
                    Reach::Prefix(*prefix)
                }
                RouteDestination::Prefix(_) => continue,
                RouteDestination::ServiceTag(tag) => Reach::Tag(tag.folded()),
            };
            routes.push(Candidate {
                reach,
                shown: route.destination.to_string(),
                rank: Rank::User,
                source: RouteSource::User { table: table_name.clone(), route: route.name.clone() },
                kind: Kind::User {
                    next_hop: route.next_hop.clone(),
                    has_bgp_override: route.has_bgp_override,
                },
            });
        }
        routes
    }

    /// Whether what is sent to an address of the internet gets there, whichever it is: no route of
    /// a table leads elsewhere, and no default route that a gateway learned
    /// (`azure-firewall.md §5`).
    pub(crate) fn leads_to_the_internet_only(&self) -> bool {
        let routes = self.table().map_or(&[][..], |(_, table)| table.routes.as_slice());
        let is_learned = self.learned().any(|prefix| prefix.prefix_len() == 0);
        routes.iter().all(|route| route.next_hop == NextHop::Internet)
            && (self.has_default_user_route() || !is_learned)
    }

    pub(crate) fn has_default_user_route(&self) -> bool {
        self.table().is_some_and(|(_, table)| {
            table.routes.iter().any(|route| match &route.destination {
                RouteDestination::Prefix(IpNet::V4(prefix)) => prefix.prefix_len() == 0,
                RouteDestination::Prefix(IpNet::V6(_)) | RouteDestination::ServiceTag(_) => false,
            })
        })
    }

    fn taken(
        &self,
        candidate: Candidate,
        destination: IpAddr,
        inquiry: &mut Inquiry<'_>,
    ) -> RouteTaken {
        if let Kind::Peering(network) = &candidate.kind {
            self.reaches(network, inquiry);
        }
        let hop = match self.way(&candidate.kind, destination) {
            Way::Hop(hop) => hop,
            Way::OneOf(ways) => {
                let mut hops = ways.into_iter().rev();
                let last = hops.next().map_or(Hop::Dropped, |(_, hop)| hop);
                let others: Vec<(IpAddr, Hop)> = hops.rev().collect();
                let chosen = others.into_iter().find(|(address, _)| {
                    inquiry.ask_named(format!("{destination} is sent by way of {address}"))
                });
                chosen.map_or(last, |(_, hop)| hop)
            }
        };
        if let Hop::Firewall(name) = &hop
            && let Some(firewall) = self.deployment.firewalls.get(name)
            && let FirewallPlace::VirtualNetwork(network) = &firewall.place
        {
            self.reaches(network, inquiry);
        }
        RouteTaken { destination: candidate.shown, source: candidate.source, hop }
    }

    /// Where a route of a kind leads for `destination`.
    pub(crate) fn way(&self, kind: &Kind, destination: IpAddr) -> Way {
        Way::Hop(match kind {
            Kind::VnetLocal => Hop::Local,
            Kind::Peering(network) if self.is_connected_to(network) => {
                Hop::Peering(network.clone())
            }
            // A peering may refuse access (`allowVirtualNetworkAccess`, §8).
            Kind::Peering(_) | Kind::SystemNone => Hop::Dropped,
            Kind::Gateway => Hop::Gateway,
            Kind::ServiceEndpoint(service) => Hop::ServiceEndpoint(service.clone()),
            Kind::SystemInternet => self.internet(),
            Kind::User { next_hop, .. } => return self.next_hop(next_hop, destination),
        })
    }

    /// The internet, where the subnet has a way out (`azure-routing.md §6`).
    fn internet(&self) -> Hop {
        if self.subnet.default_outbound_access || self.subnet.explicit_outbound {
            Hop::Internet
        } else {
            Hop::NoOutbound
        }
    }

    /// Where a user route leads (`azure-routing.md §1.3`).
    fn next_hop(&self, hop: &NextHop, destination: IpAddr) -> Way {
        Way::Hop(match hop {
            NextHop::VirtualAppliance(address) => self.appliance(*address, destination),
            NextHop::VirtualApplianceEcmp(addresses) => {
                let hop = |address: &IpAddr| (*address, self.appliance(*address, destination));
                return Way::OneOf(addresses.iter().map(hop).collect());
            }
            NextHop::VnetLocal => {
                let mut own = containing(&self.network.address_space, destination);
                if own.next().is_some() { Hop::Local } else { Hop::Dropped }
            }
            NextHop::Internet => self.internet(),
            NextHop::VirtualNetworkGateway => Hop::Gateway,
            NextHop::None => Hop::Dropped,
        })
    }

    fn appliance(&self, address: IpAddr, destination: IpAddr) -> Hop {
        let firewalls = self.deployment.firewalls.iter();
        let mut here = firewalls.filter(|(_, firewall)| firewall.private_address == address);
        let reachable = here.clone().find(|(_, firewall)| match &firewall.place {
            FirewallPlace::VirtualNetwork(network) => self.is_connected_to(network),
            FirewallPlace::Hub(_) => true,
        });
        if let Some((name, _)) = reachable {
            return Hop::Firewall(name.clone());
        }
        if here.next().is_some() {
            return Hop::Unreachable(address);
        }
        // kubenet's route to the pods of a node (§10).
        let to_pods = self.deployment.clusters.values().any(|cluster| {
            cluster.plugin == NetworkPlugin::Kubenet
                && containing(&cluster.pod_ranges, destination).next().is_some()
                && containing(&self.network.address_space, address).next().is_some()
        });
        if to_pods { Hop::Local } else { Hop::Appliance(address) }
    }
}

fn containing(prefixes: &[IpNet], address: IpAddr) -> impl Iterator<Item = IpNet> {
    prefixes.iter().filter(move |prefix| prefix.contains(&address)).copied()
}

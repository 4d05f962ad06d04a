//! The network that a list is about, as its author describes it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Origin;
use crate::flow::Fqdn;

/// The networks, firewalls and clusters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// Virtual networks.
    pub networks: Vec<VirtualNetwork>,
    /// Firewalls.
    pub firewalls: Vec<Firewall>,
    /// Clusters.
    pub clusters: Vec<Cluster>,
    /// Prefixes on the other side of a gateway, by name.
    pub on_premises: Vec<OnPremises>,
}

impl Topology {
    /// The subnet that holds `address`, the first in the list.
    pub fn subnet_of(&self, address: IpAddr) -> Option<&Subnet> {
        let mut subnets = self.networks.iter().flat_map(|network| &network.subnets);
        subnets.find(|subnet| subnet.prefixes.iter().any(|prefix| prefix.contains(&address)))
    }
}

/// A virtual network.
#[derive(Clone, Debug, PartialEq)]
pub struct VirtualNetwork {
    /// Its name.
    pub name: String,
    /// Its address space.
    pub prefixes: Vec<IpNet>,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
    /// The names of the networks that it is peered with.
    pub peers: Vec<String>,
    /// Where its machines resolve names.
    pub dns: Dns,
    /// Prefixes that a gateway has learned or was given.
    pub gateway_routes: Vec<IpNet>,
    /// Whether it is ours to write, with all of its subnets.
    pub owned: bool,
    /// Where it stands.
    pub origin: Origin,
}

/// Where the machines of a network resolve names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Dns {
    /// Azure's resolver.
    #[default]
    Azure,
    /// The DNS proxy of the firewall with this name.
    Firewall(String),
    /// These servers.
    Servers(Vec<IpAddr>),
}

/// A subnet.
#[derive(Clone, Debug, PartialEq)]
pub struct Subnet {
    /// Its name, unique in its network.
    pub name: String,
    /// Its prefixes.
    pub prefixes: Vec<IpNet>,
    /// The firewall that its default route points to; `None` leaves the system's routes.
    pub routes_via: Option<String>,
    /// Routes beside the default route.
    pub exceptions: Vec<RouteException>,
    /// Services with a service endpoint, such as `Microsoft.Storage`.
    pub service_endpoints: Vec<String>,
    /// The private endpoints in it.
    pub private_endpoints: Vec<PrivateEndpoint>,
    /// Whether routes of clients are honoured on the way to its private endpoints.
    pub endpoint_routes: bool,
    /// Whether machines without an outbound method of their own reach the internet; `None` where
    /// it is not said.
    pub default_outbound: Option<bool>,
    /// Whether its machines have a NAT gateway, public address or outbound rule.
    pub explicit_outbound: bool,
    /// Where it stands.
    pub origin: Origin,
}

/// What a route beside the default route matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteTarget {
    /// A prefix.
    Prefix(IpNet),
    /// A service tag.
    ServiceTag(String),
}

/// Where a route beside the default route leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteHop {
    /// To the firewall with this name.
    Firewall(String),
    /// To an appliance.
    Appliance(IpAddr),
    /// To the internet, around the firewall.
    Internet,
    /// Delivered inside the network.
    Local,
    /// To the gateway.
    Gateway,
    /// Dropped.
    Drop,
}

/// A route beside the default route.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteException {
    /// What it matches.
    pub target: RouteTarget,
    /// Where it leads.
    pub hop: RouteHop,
    /// The reason, where given.
    pub because: Option<String>,
    /// Where it stands.
    pub origin: Origin,
}

/// A private endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrivateEndpoint {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// The names that resolve to it, where stated.
    pub names: Vec<Fqdn>,
}

/// The tier of a firewall.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tier {
    /// Basic.
    Basic,
    /// Standard.
    Standard,
    /// Premium.
    Premium,
}

/// A firewall.
#[derive(Clone, Debug, PartialEq)]
pub struct Firewall {
    /// Its name.
    pub name: String,
    /// The network in which it stands.
    pub network: String,
    /// The policy that it is said to enforce; `None` where nothing is said, which is the policy of
    /// its own name.
    pub enforces: Option<String>,
    /// Its tier.
    pub tier: Tier,
    /// Its private address.
    pub private_address: IpAddr,
    /// Its public addresses.
    pub public_addresses: Vec<IpAddr>,
    /// Whether it answers DNS.
    pub dns_proxy: bool,
    /// Whether its subnet sends the internet elsewhere (`azure-routing.md §9.1`).
    pub forced_tunneling: bool,
    /// Where it stands in the text.
    pub origin: Origin,
}

/// The network plugin of a cluster (`azure-routing.md §10`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NetworkPlugin {
    /// kubenet.
    Kubenet,
    /// Azure CNI Overlay.
    Overlay,
    /// Azure CNI with pods in the nodes' subnet.
    NodeSubnet,
    /// Azure CNI with pods in a subnet of their own.
    PodSubnet,
}

impl NetworkPlugin {
    /// Whether pods leave their node with the node's address, so that a firewall cannot tell them
    /// apart (`azure-routing.md §10`).
    pub fn hides_pods(self) -> bool {
        match self {
            NetworkPlugin::Kubenet | NetworkPlugin::Overlay => true,
            NetworkPlugin::NodeSubnet | NetworkPlugin::PodSubnet => false,
        }
    }
}

/// How the API server of a cluster is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ApiServer {
    /// At public addresses, where they are stated.
    Public(Vec<IpAddr>),
    /// At a private endpoint.
    Private,
    /// In the subnet with this name.
    VnetIntegration(String),
}

/// A node pool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodePool {
    /// Its name.
    pub name: String,
    /// The subnet of its nodes.
    pub subnet: String,
    /// The subnet of its pods, with the pod-subnet plugin.
    pub pod_subnet: Option<String>,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// The network of its nodes.
    pub network: String,
    /// The network plugin.
    pub plugin: NetworkPlugin,
    /// The ranges of its pods.
    pub pod_ranges: Vec<IpNet>,
    /// Its node pools.
    pub pools: Vec<NodePool>,
    /// How its API server is reached.
    pub api_server: ApiServer,
    /// Where it stands.
    pub origin: Origin,
}

/// Prefixes on the other side of a gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct OnPremises {
    /// The name.
    pub name: String,
    /// The prefixes.
    pub prefixes: Vec<IpNet>,
    /// Where it stands.
    pub origin: Origin,
}

//! AKS clusters, as far as they decide which address the firewall sees (`azure-routing.md §10`).

use std::net::IpAddr;

use ipnet::IpNet;

use super::deployment::Scope;
use super::key::Key;

/// The network plugin.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NetworkPlugin {
    /// kubenet: pods leave with the node's address.
    Kubenet,
    /// Azure CNI Overlay: pods leave with the node's address.
    Overlay,
    /// Azure CNI with pods in the nodes' subnet.
    NodeSubnet,
    /// Azure CNI with pods in a subnet of their own.
    PodSubnet,
}

/// How the API server is reached (`aks-egress.md §6`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ApiServer {
    /// At public addresses, where they are known.
    Public(Vec<IpAddr>),
    /// At a private endpoint.
    Private,
    /// In a subnet of the virtual network, by its name.
    VnetIntegration(Key),
}

/// A subnet of a virtual network.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubnetId {
    /// The virtual network.
    pub network: Key,
    /// The subnet.
    pub subnet: Key,
}

/// A node pool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodePool {
    /// Its name.
    pub name: Key,
    /// The subnet of its nodes.
    pub subnet: SubnetId,
    /// The subnet of its pods, with the pod-subnet plugin.
    pub pod_subnet: Option<SubnetId>,
}

/// A cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cluster {
    /// Where it lies.
    pub scope: Scope,
    /// The network plugin.
    pub plugin: NetworkPlugin,
    /// `podCidrs`: addresses that never reach the firewall behind node SNAT.
    pub pod_ranges: Vec<IpNet>,
    /// Its node pools.
    pub pools: Vec<NodePool>,
    /// How the API server is reached.
    pub api_server: ApiServer,
}

impl Cluster {
    /// Whether pods leave with the address of their node (`azure-routing.md §10`).
    pub fn hides_pods(&self) -> bool {
        match self.plugin {
            NetworkPlugin::Kubenet | NetworkPlugin::Overlay => true,
            NetworkPlugin::NodeSubnet | NetworkPlugin::PodSubnet => false,
        }
    }
}

//! Route tables.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::address::ServiceTag;
use super::deployment::Ownership;
use super::deployment::Scope;

/// Prefixes that the system drops (`azure-routing.md §1.1`, modelling choice: the four private
/// blocks and the four that are documented since 2025-12).
pub const SYSTEM_DROPPED: &[&str] = &[
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "157.59.0.0/16",
    "127.0.0.0/8",
    "104.147.0.0/16",
    "104.146.0.0/17",
];

/// What a user-defined route matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteDestination {
    /// A prefix.
    Prefix(IpNet),
    /// The prefixes of a service tag (`azure-routing.md §3`).
    ServiceTag(ServiceTag),
}

impl fmt::Display for RouteDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouteDestination::Prefix(prefix) => prefix.fmt(f),
            RouteDestination::ServiceTag(tag) => tag.fmt(f),
        }
    }
}

/// Where a user-defined route sends a packet (`azure-routing.md §1.3`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NextHop {
    /// To an appliance or firewall.
    VirtualAppliance(IpAddr),
    /// Spread over several appliances.
    VirtualApplianceEcmp(Vec<IpAddr>),
    /// Delivered inside the virtual network.
    VnetLocal,
    /// To the internet.
    Internet,
    /// To the VPN gateway.
    VirtualNetworkGateway,
    /// Dropped.
    None,
}

impl NextHop {
    /// Azure's word for `nextHopType`.
    pub fn keyword(&self) -> &'static str {
        match self {
            NextHop::VirtualAppliance(_) => "VirtualAppliance",
            NextHop::VirtualApplianceEcmp(_) => "VirtualApplianceEcmp",
            NextHop::VnetLocal => "VnetLocal",
            NextHop::Internet => "Internet",
            NextHop::VirtualNetworkGateway => "VirtualNetworkGateway",
            NextHop::None => "None",
        }
    }
}

/// A user-defined route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// `name`.
    pub name: String,
    /// `addressPrefix`.
    pub destination: RouteDestination,
    /// `nextHopType` and `nextHopIpAddress`.
    pub next_hop: NextHop,
    /// The read-only `hasBgpOverride` (`azure-routing.md §2.1`).
    pub has_bgp_override: bool,
}

/// A route table.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RouteTable {
    /// Where it lies.
    pub scope: Scope,
    /// Whether it is ours to write.
    pub ownership: Ownership,
    /// `disableBgpRoutePropagation`.
    pub disable_bgp_route_propagation: bool,
    /// `disablePeeringRoute` is `All` (`azure-routing.md §8`).
    pub disable_peering_route: bool,
    /// Its routes.
    pub routes: Vec<Route>,
}

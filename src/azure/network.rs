//! Virtual networks, subnets, peerings and endpoints.

use std::net::IpAddr;

use ipnet::IpNet;

use super::deployment::Ownership;
use super::deployment::Scope;
use super::key::Key;
use crate::flow::Fqdn;

/// Subnets of Azure's own appliances, which have these names (`azure-firewall.md §5`).
const OF_AZURE: [&str; 3] =
    ["AzureFirewallSubnet", "AzureFirewallManagementSubnet", "GatewaySubnet"];

/// Whether the subnet of this name holds appliances of Azure's own, and no machines of anybody's.
pub fn is_of_azure(subnet: &str) -> bool {
    OF_AZURE.iter().any(|name| name.eq_ignore_ascii_case(subnet))
}

/// A virtual network.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VirtualNetwork {
    /// Where it lies.
    pub scope: Scope,
    /// Whether it is ours to write.
    pub ownership: Ownership,
    /// `addressSpace.addressPrefixes`.
    pub address_space: Vec<IpNet>,
    /// `dhcpOptions.dnsServers`; empty for Azure DNS.
    pub dns_servers: Vec<IpAddr>,
    /// `subnets`.
    pub subnets: Vec<Subnet>,
    /// `virtualNetworkPeerings`.
    pub peerings: Vec<Peering>,
    /// Prefixes that a gateway has learned or was given; the routes of `azure-routing.md §1.2`.
    pub gateway_routes: Vec<IpNet>,
}

/// A subnet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subnet {
    /// `name`.
    pub name: Key,
    /// `addressPrefixes`.
    pub prefixes: Vec<IpNet>,
    /// The route table associated with it.
    pub route_table: Option<Key>,
    /// The network security group associated with it.
    pub network_security_group: Option<Key>,
    /// `serviceEndpoints`.
    pub service_endpoints: Vec<ServiceEndpoint>,
    /// The private endpoints that lie in it.
    pub private_endpoints: Vec<PrivateEndpoint>,
    /// `privateEndpointNetworkPolicies`.
    pub private_endpoint_network_policies: PrivateEndpointPolicies,
    /// `defaultOutboundAccess`; `false` is a private subnet (`azure-routing.md §6`).
    pub default_outbound_access: bool,
    /// Whether its machines have a NAT gateway, public address or outbound rule of their own.
    pub explicit_outbound: bool,
    /// Whether everything that Azure holds of the subnet is stated here, so that it can be written
    /// again without loss.
    pub complete: bool,
}

impl Subnet {
    /// A subnet with Azure's defaults.
    pub fn new(name: Key, prefixes: Vec<IpNet>) -> Subnet {
        Subnet {
            name,
            prefixes,
            route_table: None,
            network_security_group: None,
            service_endpoints: Vec::new(),
            private_endpoints: Vec::new(),
            private_endpoint_network_policies: PrivateEndpointPolicies::Disabled,
            default_outbound_access: true,
            explicit_outbound: false,
            complete: false,
        }
    }

    /// The first address that Azure gives to a machine, of the first prefix of the family of
    /// `like`: Azure keeps the first four of a subnet. `None` where there is no such prefix, or it
    /// is smaller than Azure allows.
    pub fn first_machine(&self, like: IpAddr) -> Option<IpAddr> {
        let is_alike = |prefix: &&IpNet| prefix.addr().is_ipv4() == like.is_ipv4();
        let prefix = self.prefixes.iter().find(is_alike)?;
        let address = match prefix.network() {
            IpAddr::V4(v4) => IpAddr::V4(u32::from(v4).checked_add(4)?.into()),
            IpAddr::V6(v6) => IpAddr::V6(u128::from(v6).checked_add(4)?.into()),
        };
        prefix.contains(&address).then_some(address)
    }
}

/// `privateEndpointNetworkPolicies` of the subnet in which an endpoint lies
/// (`azure-routing.md §4`).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PrivateEndpointPolicies {
    /// `Disabled`, the default.
    #[default]
    Disabled,
    /// `Enabled`: both.
    Enabled,
    /// `NetworkSecurityGroupEnabled`.
    NetworkSecurityGroupEnabled,
    /// `RouteTableEnabled`.
    RouteTableEnabled,
}

impl PrivateEndpointPolicies {
    /// Azure's word.
    pub fn keyword(self) -> &'static str {
        match self {
            PrivateEndpointPolicies::Disabled => "Disabled",
            PrivateEndpointPolicies::Enabled => "Enabled",
            PrivateEndpointPolicies::NetworkSecurityGroupEnabled => "NetworkSecurityGroupEnabled",
            PrivateEndpointPolicies::RouteTableEnabled => "RouteTableEnabled",
        }
    }

    /// Whether routes of the client's subnet are honoured.
    pub fn honours_routes(self) -> bool {
        match self {
            PrivateEndpointPolicies::Enabled | PrivateEndpointPolicies::RouteTableEnabled => true,
            PrivateEndpointPolicies::Disabled
            | PrivateEndpointPolicies::NetworkSecurityGroupEnabled => false,
        }
    }
}

/// A service endpoint of a subnet (`azure-routing.md §5`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceEndpoint {
    /// `service`, such as `Microsoft.Storage`.
    pub service: String,
    /// `locations`, as written.
    pub locations: Vec<String>,
}

/// A private endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrivateEndpoint {
    /// `name`.
    pub name: Key,
    /// Its address.
    pub address: IpAddr,
    /// The names that resolve to it, where known.
    pub names: Vec<Fqdn>,
}

/// A peering as one side holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "these are ARM's own fields")]
pub struct Peering {
    /// `name`.
    pub name: Key,
    /// `remoteVirtualNetwork`.
    pub remote: Key,
    /// `allowVirtualNetworkAccess`.
    pub allow_virtual_network_access: bool,
    /// `allowForwardedTraffic`.
    pub allow_forwarded_traffic: bool,
    /// `allowGatewayTransit`.
    pub allow_gateway_transit: bool,
    /// `useRemoteGateways`.
    pub use_remote_gateways: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_the_fifth_address_of_either_family() {
        let prefixes = ["10.1.8.0/24", "2001:db8::/64"].map(|text| text.parse().unwrap());
        let subnet = Subnet::new(Key::new("apps"), prefixes.to_vec());
        let first = |like: &str| subnet.first_machine(like.parse().unwrap());
        assert_eq!(first("0.0.0.0"), Some([10, 1, 8, 4].into()));
        assert_eq!(first("::"), Some("2001:db8::4".parse().unwrap()));
        let small = Subnet::new(Key::new("apps"), vec!["10.1.8.0/30".parse().unwrap()]);
        assert_eq!(small.first_machine([10, 1, 8, 1].into()), None);
    }
}

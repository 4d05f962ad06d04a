//! `virtualNetworks` and `routeTables`.

use serde::Deserialize;
use serde::Serialize;

use super::notation;
use super::reading;
use super::reading::Reading;
use super::resource::ScopeJson;
use super::resource::is_false;
use super::resource::is_ours;
use super::resource::is_true;
use super::resource::ownership;
use super::resource::texts;
use super::resource::yes;
use crate::azure::network::Peering;
use crate::azure::network::PrivateEndpoint;
use crate::azure::network::PrivateEndpointPolicies;
use crate::azure::network::ServiceEndpoint;
use crate::azure::network::Subnet;
use crate::azure::network::VirtualNetwork;
use crate::azure::route::NextHop;
use crate::azure::route::Route;
use crate::azure::route::RouteTable;

/// An entry of `virtualNetworks`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a virtual network")]
pub(super) struct VirtualNetworkJson {
    #[serde(default, skip_serializing_if = "ScopeJson::is_default")]
    scope: ScopeJson,
    #[serde(default, skip_serializing_if = "is_false")]
    ours: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    address_space: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dns_servers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subnets: Vec<SubnetJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    virtual_network_peerings: Vec<PeeringJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gateway_routes: Vec<String>,
}

impl VirtualNetworkJson {
    pub(super) fn of(network: &VirtualNetwork) -> VirtualNetworkJson {
        VirtualNetworkJson {
            scope: ScopeJson::of(&network.scope),
            ours: is_ours(network.ownership),
            address_space: texts(&network.address_space, ToString::to_string),
            dns_servers: texts(&network.dns_servers, ToString::to_string),
            subnets: network.subnets.iter().map(SubnetJson::of).collect(),
            virtual_network_peerings: network.peerings.iter().map(PeeringJson::of).collect(),
            gateway_routes: texts(&network.gateway_routes, ToString::to_string),
        }
    }

    pub(super) fn read(self, reading: &mut Reading) -> VirtualNetwork {
        VirtualNetwork {
            scope: self.scope.read(),
            ownership: ownership(self.ours),
            address_space: reading.texts("addressSpace", self.address_space, notation::prefix),
            dns_servers: reading.texts("dnsServers", self.dns_servers, notation::single_address),
            subnets: reading.list("subnets", self.subnets, SubnetJson::read),
            peerings: reading.list(
                "virtualNetworkPeerings",
                self.virtual_network_peerings,
                PeeringJson::read,
            ),
            gateway_routes: reading.texts("gatewayRoutes", self.gateway_routes, notation::prefix),
        }
    }
}

/// An element of `subnets`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a subnet")]
struct SubnetJson {
    name: String,
    address_prefixes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    route_table: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network_security_group: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    service_endpoints: Vec<ServiceEndpointJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    private_endpoints: Vec<PrivateEndpointJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private_endpoint_network_policies: Option<String>,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    default_outbound_access: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    explicit_outbound: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    complete: bool,
}

impl SubnetJson {
    fn of(subnet: &Subnet) -> SubnetJson {
        let policies = subnet.private_endpoint_network_policies;
        SubnetJson {
            name: subnet.name.to_string(),
            address_prefixes: texts(&subnet.prefixes, ToString::to_string),
            route_table: subnet.route_table.as_ref().map(ToString::to_string),
            network_security_group: subnet.network_security_group.as_ref().map(ToString::to_string),
            service_endpoints: subnet
                .service_endpoints
                .iter()
                .map(ServiceEndpointJson::of)
                .collect(),
            private_endpoints: subnet
                .private_endpoints
                .iter()
                .map(PrivateEndpointJson::of)
                .collect(),
            private_endpoint_network_policies: (policies != PrivateEndpointPolicies::default())
                .then(|| policies.keyword().to_owned()),
            default_outbound_access: subnet.default_outbound_access,
            explicit_outbound: subnet.explicit_outbound,
            complete: subnet.complete,
        }
    }

    fn read(self, reading: &mut Reading) -> Option<Subnet> {
        let name = reading.field("name", &self.name, reading::key);
        let prefixes = reading.texts("addressPrefixes", self.address_prefixes, notation::prefix);
        let route_table = reading.optional("routeTable", self.route_table.as_deref(), reading::key);
        let network_security_group = reading.optional(
            "networkSecurityGroup",
            self.network_security_group.as_deref(),
            reading::key,
        );
        let private_endpoints =
            reading.list("privateEndpoints", self.private_endpoints, PrivateEndpointJson::read);
        let policies = reading.optional(
            "privateEndpointNetworkPolicies",
            self.private_endpoint_network_policies.as_deref(),
            |text, reading| {
                let all = [
                    PrivateEndpointPolicies::Disabled,
                    PrivateEndpointPolicies::Enabled,
                    PrivateEndpointPolicies::NetworkSecurityGroupEnabled,
                    PrivateEndpointPolicies::RouteTableEnabled,
                ];
                reading.word(text, &all, PrivateEndpointPolicies::keyword)
            },
        );
        Some(Subnet {
            name: name?,
            prefixes,
            route_table,
            network_security_group,
            service_endpoints: self
                .service_endpoints
                .into_iter()
                .map(ServiceEndpointJson::read)
                .collect(),
            private_endpoints,
            private_endpoint_network_policies: policies.unwrap_or_default(),
            default_outbound_access: self.default_outbound_access,
            explicit_outbound: self.explicit_outbound,
            complete: self.complete,
        })
    }
}

/// An element of `serviceEndpoints`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a service endpoint")]
struct ServiceEndpointJson {
    service: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    locations: Vec<String>,
}

impl ServiceEndpointJson {
    fn of(endpoint: &ServiceEndpoint) -> ServiceEndpointJson {
        let ServiceEndpoint { service, locations } = endpoint.clone();
        ServiceEndpointJson { service, locations }
    }

    fn read(self) -> ServiceEndpoint {
        ServiceEndpoint { service: self.service, locations: self.locations }
    }
}

/// An element of `privateEndpoints`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a private endpoint")]
struct PrivateEndpointJson {
    name: String,
    private_ip_address: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fqdns: Vec<String>,
}

impl PrivateEndpointJson {
    fn of(endpoint: &PrivateEndpoint) -> PrivateEndpointJson {
        PrivateEndpointJson {
            name: endpoint.name.to_string(),
            private_ip_address: endpoint.address.to_string(),
            fqdns: texts(&endpoint.names, ToString::to_string),
        }
    }

    fn read(self, reading: &mut Reading) -> Option<PrivateEndpoint> {
        let name = reading.field("name", &self.name, reading::key);
        let address =
            reading.field("privateIpAddress", &self.private_ip_address, notation::single_address);
        let names = reading.texts("fqdns", self.fqdns, notation::fqdn);
        Some(PrivateEndpoint { name: name?, address: address?, names })
    }
}

/// An element of `virtualNetworkPeerings`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a peering")]
#[expect(clippy::struct_excessive_bools, reason = "ARM's own fields")]
struct PeeringJson {
    name: String,
    remote_virtual_network: String,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    allow_virtual_network_access: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    allow_forwarded_traffic: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    allow_gateway_transit: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    use_remote_gateways: bool,
}

impl PeeringJson {
    fn of(peering: &Peering) -> PeeringJson {
        PeeringJson {
            name: peering.name.to_string(),
            remote_virtual_network: peering.remote.to_string(),
            allow_virtual_network_access: peering.allow_virtual_network_access,
            allow_forwarded_traffic: peering.allow_forwarded_traffic,
            allow_gateway_transit: peering.allow_gateway_transit,
            use_remote_gateways: peering.use_remote_gateways,
        }
    }

    fn read(self, reading: &mut Reading) -> Option<Peering> {
        let name = reading.field("name", &self.name, reading::key);
        let remote =
            reading.field("remoteVirtualNetwork", &self.remote_virtual_network, reading::key);
        Some(Peering {
            name: name?,
            remote: remote?,
            allow_virtual_network_access: self.allow_virtual_network_access,
            allow_forwarded_traffic: self.allow_forwarded_traffic,
            allow_gateway_transit: self.allow_gateway_transit,
            use_remote_gateways: self.use_remote_gateways,
        })
    }
}

/// An entry of `routeTables`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a route table")]
pub(super) struct RouteTableJson {
    #[serde(default, skip_serializing_if = "ScopeJson::is_default")]
    scope: ScopeJson,
    #[serde(default, skip_serializing_if = "is_false")]
    ours: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    disable_bgp_route_propagation: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    disable_peering_route: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    routes: Vec<RouteJson>,
}

impl RouteTableJson {
    pub(super) fn of(table: &RouteTable) -> RouteTableJson {
        RouteTableJson {
            scope: ScopeJson::of(&table.scope),
            ours: is_ours(table.ownership),
            disable_bgp_route_propagation: table.disable_bgp_route_propagation,
            disable_peering_route: table.disable_peering_route,
            routes: table.routes.iter().map(RouteJson::of).collect(),
        }
    }

    pub(super) fn read(self, reading: &mut Reading) -> RouteTable {
        RouteTable {
            scope: self.scope.read(),
            ownership: ownership(self.ours),
            disable_bgp_route_propagation: self.disable_bgp_route_propagation,
            disable_peering_route: self.disable_peering_route,
            routes: reading.list("routes", self.routes, RouteJson::read),
        }
    }
}

/// An element of `routes`. `nextHopIpAddress` stands with `VirtualAppliance` only,
/// `nextHopIpAddresses` with `VirtualApplianceEcmp` only (`azure-routing.md §1.3`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a route")]
struct RouteJson {
    name: String,
    address_prefix: String,
    next_hop_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_hop_ip_address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_hop_ip_addresses: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "is_false")]
    has_bgp_override: bool,
}

impl RouteJson {
    fn of(route: &Route) -> RouteJson {
        let (one, several) = match &route.next_hop {
            NextHop::VirtualAppliance(address) => (Some(address.to_string()), None),
            NextHop::VirtualApplianceEcmp(addresses) => {
                (None, Some(texts(addresses, ToString::to_string)))
            }
            NextHop::VnetLocal
            | NextHop::Internet
            | NextHop::VirtualNetworkGateway
            | NextHop::None => (None, None),
        };
        RouteJson {
            name: route.name.clone(),
            address_prefix: route.destination.to_string(),
            next_hop_type: route.next_hop.keyword().to_owned(),
            next_hop_ip_address: one,
            next_hop_ip_addresses: several,
            has_bgp_override: route.has_bgp_override,
        }
    }

    fn read(self, reading: &mut Reading) -> Option<Route> {
        let destination =
            reading.field("addressPrefix", &self.address_prefix, notation::route_destination);
        let addresses = (self.next_hop_ip_address, self.next_hop_ip_addresses);
        let next_hop = match (self.next_hop_type.as_str(), addresses) {
            ("VirtualAppliance", (Some(text), None)) => reading
                .field("nextHopIpAddress", &text, notation::single_address)
                .map(NextHop::VirtualAppliance),
            ("VirtualApplianceEcmp", (None, Some(texts))) => Some(NextHop::VirtualApplianceEcmp(
                reading.texts("nextHopIpAddresses", texts, notation::single_address),
            )),
            ("VnetLocal", (None, None)) => Some(NextHop::VnetLocal),
            ("Internet", (None, None)) => Some(NextHop::Internet),
            ("VirtualNetworkGateway", (None, None)) => Some(NextHop::VirtualNetworkGateway),
            ("None", (None, None)) => Some(NextHop::None),
            (found, _) => {
                reading.object(format!(
                    "expected the next hop `VirtualAppliance` with `nextHopIpAddress`, \
                     `VirtualApplianceEcmp` with `nextHopIpAddresses`, or `VnetLocal`, `Internet`, \
                     `VirtualNetworkGateway` or `None` without an address, found `{found}`"
                ));
                None
            }
        };
        Some(Route {
            name: self.name,
            destination: destination?,
            next_hop: next_hop?,
            has_bgp_override: self.has_bgp_override,
        })
    }
}

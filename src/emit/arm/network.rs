//! Templates of the third and fourth stage: virtual networks that are ours and wholly known, and
//! their peerings.
//!
//! A network that is written replaces its list of subnets, and a subnet that is written loses what
//! is not repeated. So a network is written only where each subnet is complete. What the model does
//! not hold (a NAT gateway, a public address) makes a subnet incomplete, whatever is said of it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::arm::Object;
use crate::azure::network::Peering;
use crate::azure::network::Subnet;
use crate::azure::network::VirtualNetwork;

use super::super::EmitError;
use super::place::Home;
use super::route::ROUTE_TABLE;
use super::template::Resource;
use super::template::Stage;
use super::template::Template;

pub(super) const NETWORK: &str = "Microsoft.Network/virtualNetworks";
const PEERING: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
const SECURITY_GROUP: &str = "Microsoft.Network/networkSecurityGroups";

/// Whether a network is ours and can be written without loss.
pub(super) fn is_written(network: &VirtualNetwork) -> bool {
    network.ownership == Ownership::Ours
        && network.subnets.iter().all(|subnet| subnet.complete && !subnet.explicit_outbound)
}

/// A template for each resource group that holds a network which is written.
pub(super) fn templates(deployment: &Deployment) -> Result<Vec<Template>, EmitError> {
    let mut templates: BTreeMap<Home, Vec<Resource>> = BTreeMap::new();
    for (name, network) in deployment.virtual_networks.iter().filter(|(_, n)| is_written(n)) {
        let home = Home::of(&network.scope);
        let resource = network_resource(deployment, &home, name, network)?;
        templates.entry(home).or_default().push(resource);
    }
    let template = |(home, resources)| Template { home, stage: Stage::Network, resources };
    Ok(templates.into_iter().map(template).collect())
}

/// A template for each resource group that holds peerings of a network of ours. They come after all
/// networks, since each names two.
pub(super) fn peering_templates(deployment: &Deployment) -> Result<Vec<Template>, EmitError> {
    let mut templates: BTreeMap<Home, Vec<Resource>> = BTreeMap::new();
    for (name, network) in deployment.virtual_networks.iter().filter(|(_, n)| is_written(n)) {
        for peering in &network.peerings {
            let home = Home::of(&network.scope);
            let resource = peering_resource(deployment, &home, name, peering)?;
            templates.entry(home).or_default().push(resource);
        }
    }
    let template = |(home, resources)| Template { home, stage: Stage::Peerings, resources };
    Ok(templates.into_iter().map(template).collect())
}

fn network_resource(
    deployment: &Deployment,
    home: &Home,
    name: &Key,
    network: &VirtualNetwork,
) -> Result<Resource, EmitError> {
    let space = Object::new().with_texts("addressPrefixes", &network.address_space);
    let dns = Object::new().with_texts("dnsServers", &network.dns_servers);
    let has_dns = !network.dns_servers.is_empty();
    let subnets: Result<Vec<Value>, EmitError> =
        network.subnets.iter().map(|each| subnet(deployment, home, each)).collect();
    Ok(Resource {
        kind: NETWORK,
        names: vec![name.to_string()],
        location: Some(network.scope.clone()),
        depends_on: Vec::new(),
        properties: Object::new()
            .with("addressSpace", space)
            .with_some("dhcpOptions", has_dns.then_some(dns))
            .with("subnets", subnets?)
            .into(),
    })
}

/// A subnet with all its properties. Private endpoints are resources of their own.
fn subnet(deployment: &Deployment, home: &Home, subnet: &Subnet) -> Result<Value, EmitError> {
    let reference = |id: String| Object::new().with("id", id);
    let table = match &subnet.route_table {
        None => None,
        Some(name) => {
            let missing = || EmitError::Missing { what: "route table", name: name.clone() };
            let table = deployment.route_tables.get(name).ok_or_else(missing)?;
            Some(home.resource_id(&table.scope, ROUTE_TABLE, &[name.as_str()]))
        }
    };
    let security = match &subnet.network_security_group {
        None => None,
        Some(name) => {
            let missing =
                || EmitError::Missing { what: "network security group", name: name.clone() };
            let group = deployment.network_security_groups.get(name).ok_or_else(missing)?;
            Some(home.resource_id(&group.scope, SECURITY_GROUP, &[name.as_str()]))
        }
    };
    let endpoints = subnet.service_endpoints.iter().map(|endpoint| {
        Object::new()
            .with_text("service", &endpoint.service)
            .with_texts("locations", &endpoint.locations)
            .into()
    });
    let policies = subnet.private_endpoint_network_policies.keyword();
    let properties = Object::new()
        .with_texts("addressPrefixes", &subnet.prefixes)
        .with_some("networkSecurityGroup", security.map(reference))
        .with_some("routeTable", table.map(reference))
        .with_list("serviceEndpoints", endpoints.collect())
        .with("privateEndpointNetworkPolicies", policies)
        .with("defaultOutboundAccess", subnet.default_outbound_access);
    Ok(Object::new().with_text("name", subnet.name.as_str()).with("properties", properties).into())
}

fn peering_resource(
    deployment: &Deployment,
    home: &Home,
    network: &Key,
    peering: &Peering,
) -> Result<Resource, EmitError> {
    let missing = || EmitError::Missing { what: "virtual network", name: peering.remote.clone() };
    let remote = deployment.virtual_networks.get(&peering.remote).ok_or_else(missing)?;
    let remote = home.resource_id(&remote.scope, NETWORK, &[peering.remote.as_str()]);
    Ok(Resource {
        kind: PEERING,
        names: vec![network.to_string(), peering.name.to_string()],
        location: None,
        depends_on: Vec::new(),
        properties: Object::new()
            .with("remoteVirtualNetwork", Object::new().with("id", remote))
            .with("allowVirtualNetworkAccess", peering.allow_virtual_network_access)
            .with("allowForwardedTraffic", peering.allow_forwarded_traffic)
            .with("allowGatewayTransit", peering.allow_gateway_transit)
            .with("useRemoteGateways", peering.use_remote_gateways)
            .into(),
    })
}

//! The described network as resources.
//!
//! Policy, groups and route tables are ours; a virtual network and what stands in it only where
//! the list owns it. Each subnet that is routed has a route table of its own, so that a change of
//! one subnet touches no other. Its default route leads to the firewall's private address, and it
//! takes no routes from a gateway, which would lead around the firewall
//! (`azure-routing.md §9`). A peering is written on both sides, and takes forwarded traffic, without
//! which what the firewall sends on is dropped (`azure-routing.md §8`).

use ipnet::IpNet;
use ipnet::Ipv4Net;

use super::binding;
use super::statement::Statement;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::Scope;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::address::ServiceTag;
use crate::azure::cluster;
use crate::azure::deployment::Unknown;
use crate::azure::firewall;
use crate::azure::key::Priority;
use crate::azure::network;
use crate::azure::policy;
use crate::azure::route;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::PortEntry;
use crate::azure::rule::Sources;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::intent::Topology;
use crate::intent::topology::ApiServer;
use crate::intent::topology::Cluster;
use crate::intent::topology::Dns;
use crate::intent::topology::Firewall;
use crate::intent::topology::NetworkPlugin;
use crate::intent::topology::RouteHop;
use crate::intent::topology::RouteTarget;
use crate::intent::topology::Subnet;
use crate::intent::topology::Tier;
use crate::intent::topology::VirtualNetwork;

/// Adds the resources of `topology` to `deployment`. Those firewalls enforce `policy` that are bound
/// to it; no other is ours to write.
pub(super) fn add(deployment: &mut Deployment, topology: &Topology, scope: &Scope, policy: &Key) {
    for network in &topology.networks {
        for subnet in &network.subnets {
            if let Some(table) = route_table(topology, subnet, scope) {
                deployment.route_tables.insert(route_table_name(network, subnet), table);
            }
        }
        let resource = virtual_network(topology, network, scope);
        deployment.virtual_networks.insert(Key::new(&network.name), resource);
    }
    for described in &topology.firewalls {
        let bound = binding::policy_of(described);
        let is_known = bound == *policy || deployment.policies.contains_key(&bound);
        let resource = firewall::Firewall {
            scope: scope.clone(),
            ownership: if bound == *policy {
                ownership(topology, &described.network)
            } else {
                Ownership::Existing
            },
            tier: tier(described.tier),
            place: firewall::FirewallPlace::VirtualNetwork(Key::new(&described.network)),
            policy: Some(bound.clone()),
            private_address: described.private_address,
            public_addresses: described.public_addresses.clone(),
            forced_tunneling: described.forced_tunneling,
        };
        deployment.firewalls.insert(Key::new(&described.name), resource);
        if !is_known {
            let (policy, unknown) = policy_kept(described, scope);
            deployment.policies.insert(bound, policy);
            deployment.unknowns.push(unknown);
        }
    }
    for described in &topology.clusters {
        deployment.clusters.insert(Key::new(&described.name), cluster(described, scope));
    }
}

/// The policy of a firewall that keeps the one it has, of which nothing is known but that it is there:
/// whether it lets a flow pass is open for each.
fn policy_kept(described: &Firewall, scope: &Scope) -> (policy::Policy, Unknown) {
    let name = format!("what the policy of firewall `{}` allows", described.name);
    let rule = NetworkRule {
        name: "not-stated".to_owned(),
        protocols: vec![NetworkProtocol::Any],
        sources: Sources { addresses: vec![AddressEntry::Any], ip_groups: Vec::new() },
        destination_addresses: vec![DestinationEntry::Addresses(AddressEntry::Unknown(
            name.clone(),
        ))],
        destination_ports: vec![PortEntry::Any],
        ..NetworkRule::default()
    };
    let collection = policy::RuleCollection {
        name: Key::new("not-stated"),
        priority: Priority::FIRST,
        rules: policy::Rules::Network(policy::Action::Allow, vec![rule]),
    };
    let group = policy::RuleCollectionGroup {
        name: Key::new("not-stated"),
        priority: Priority::FIRST,
        collections: vec![collection],
    };
    let kept = policy::Policy {
        scope: scope.clone(),
        tier: tier(described.tier),
        groups: vec![group],
        ..policy::Policy::default()
    };
    let because =
        "the firewall keeps the policy that it has, which the list does not state".to_owned();
    (kept, Unknown { name, because })
}

/// A warning where `statements` stand in a list that describes no network: neither a firewall that
/// enforces the policy nor a route to it is known.
pub(super) fn undescribed(topology: &Topology, statements: &[Statement<'_>]) -> Option<Diagnostic> {
    if !topology.networks.is_empty() || statements.is_empty() {
        return None;
    }
    Some(
        Diagnostic::new(
            Code::NO_NETWORK,
            "the list describes no network: no firewall enforces its policy, and no route leads to one",
        )
        .note("the policy is written as one of the SKU `standard`, with its groups and nothing else")
        .help("add a `network` block with the firewall and the subnets that are routed to it"),
    )
}

/// The same tier in Azure's words.
pub(super) fn tier(tier: Tier) -> policy::Tier {
    match tier {
        Tier::Basic => policy::Tier::Basic,
        Tier::Standard => policy::Tier::Standard,
        Tier::Premium => policy::Tier::Premium,
    }
}

/// The name of the route table of `subnet`.
pub(super) fn route_table_name(network: &VirtualNetwork, subnet: &Subnet) -> Key {
    Key::new(format!("rt-{}-{}", network.name, subnet.name))
}

/// Whether `subnet` has a route table.
pub(super) fn has_route_table(subnet: &Subnet) -> bool {
    subnet.routes_via.is_some() || !subnet.exceptions.is_empty()
}

fn ownership(topology: &Topology, network: &str) -> Ownership {
    let owned = topology.networks.iter().any(|other| other.name == network && other.owned);
    if owned { Ownership::Ours } else { Ownership::Existing }
}

fn virtual_network(
    topology: &Topology,
    described: &VirtualNetwork,
    scope: &Scope,
) -> network::VirtualNetwork {
    let mut peers: Vec<&str> = described.peers.iter().map(String::as_str).collect();
    let naming_us = |other: &&VirtualNetwork| other.peers.contains(&described.name);
    peers.extend(topology.networks.iter().filter(naming_us).map(|other| other.name.as_str()));
    peers.sort_unstable();
    peers.dedup();
    network::VirtualNetwork {
        scope: scope.clone(),
        ownership: ownership(topology, &described.name),
        address_space: described.prefixes.clone(),
        dns_servers: match &described.dns {
            Dns::Azure => Vec::new(),
            Dns::Firewall(name) => firewall_named(topology, name)
                .map(|found| found.private_address)
                .into_iter()
                .collect(),
            Dns::Servers(servers) => servers.clone(),
        },
        subnets: described.subnets.iter().map(|each| subnet(topology, described, each)).collect(),
        peerings: peers.into_iter().map(|peer| peering(topology, described, peer)).collect(),
        gateway_routes: described.gateway_routes.clone(),
    }
}

/// Whether the API server of a cluster is projected into `subnet`.
fn holds_api_server(topology: &Topology, network: &VirtualNetwork, subnet: &Subnet) -> bool {
    topology.clusters.iter().any(|cluster| match &cluster.api_server {
        ApiServer::VnetIntegration(name) => cluster.network == network.name && *name == subnet.name,
        ApiServer::Public(_) | ApiServer::Private => false,
    })
}

fn subnet(topology: &Topology, network: &VirtualNetwork, described: &Subnet) -> network::Subnet {
    network::Subnet {
        name: Key::new(&described.name),
        prefixes: described.prefixes.clone(),
        route_table: has_route_table(described).then(|| route_table_name(network, described)),
        network_security_group: None,
        service_endpoints: described
            .service_endpoints
            .iter()
            .map(|service| network::ServiceEndpoint {
                service: service.clone(),
                locations: Vec::new(),
            })
            .collect(),
        private_endpoints: described
            .private_endpoints
            .iter()
            .map(|endpoint| network::PrivateEndpoint {
                name: Key::new(&endpoint.name),
                address: endpoint.address,
                names: endpoint.names.clone(),
            })
            .collect(),
        private_endpoint_network_policies: if described.endpoint_routes {
            network::PrivateEndpointPolicies::RouteTableEnabled
        } else {
            network::PrivateEndpointPolicies::Disabled
        },
        // What is made anew is closed. Of a subnet that stands already nobody said so, and those
        // from before 2026 are open (`azure-routing.md §6`): a way out must not be overlooked.
        default_outbound_access: described.default_outbound.unwrap_or(!network.owned),
        explicit_outbound: described.explicit_outbound,
        // A subnet for an API server has a delegation, which would be lost.
        complete: network.owned && !holds_api_server(topology, network, described),
    }
}

/// One side of a peering. Where just one of the two has a gateway, the other uses it.
fn peering(topology: &Topology, local: &VirtualNetwork, remote: &str) -> network::Peering {
    let remote_has_gateway = topology
        .networks
        .iter()
        .any(|other| other.name == remote && !other.gateway_routes.is_empty());
    let local_has_gateway = !local.gateway_routes.is_empty();
    network::Peering {
        name: Key::new(format!("{}-to-{remote}", local.name)),
        remote: Key::new(remote),
        allow_virtual_network_access: true,
        allow_forwarded_traffic: true,
        allow_gateway_transit: local_has_gateway && !remote_has_gateway,
        use_remote_gateways: remote_has_gateway && !local_has_gateway,
    }
}

fn route_table(topology: &Topology, subnet: &Subnet, scope: &Scope) -> Option<route::RouteTable> {
    if !has_route_table(subnet) {
        return None;
    }
    let mut routes: Vec<route::Route> = subnet
        .exceptions
        .iter()
        .map(|exception| {
            let (name, destination) = target(&exception.target);
            let next_hop = hop(topology, &exception.hop);
            route::Route { name, destination, next_hop, has_bgp_override: false }
        })
        .collect();
    routes.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(via) = &subnet.routes_via {
        let default = route::Route {
            name: "default".to_owned(),
            destination: route::RouteDestination::Prefix(IpNet::V4(Ipv4Net::default())),
            next_hop: to_firewall(topology, via),
            has_bgp_override: false,
        };
        routes.insert(0, default);
    }
    Some(route::RouteTable {
        scope: scope.clone(),
        ownership: Ownership::Ours,
        disable_bgp_route_propagation: subnet.routes_via.is_some(),
        disable_peering_route: false,
        routes,
    })
}

/// The name of the route to `target`, and what the route matches. Names of routes hold letters,
/// digits, dots, dashes and underscores (`azure-firewall.md §5.1`).
fn target(target: &RouteTarget) -> (String, route::RouteDestination) {
    match target {
        RouteTarget::Prefix(prefix) => {
            let name = format!("to-{prefix}").replace('/', "_").replace(':', "-");
            (name, route::RouteDestination::Prefix(*prefix))
        }
        RouteTarget::ServiceTag(tag) => {
            let tag = ServiceTag(tag.clone()).with_azure_suffix();
            (format!("to-{tag}"), route::RouteDestination::ServiceTag(tag))
        }
    }
}

fn hop(topology: &Topology, hop: &RouteHop) -> route::NextHop {
    match hop {
        RouteHop::Firewall(name) => to_firewall(topology, name),
        RouteHop::Appliance(address) => route::NextHop::VirtualAppliance(*address),
        RouteHop::Internet => route::NextHop::Internet,
        RouteHop::Local => route::NextHop::VnetLocal,
        RouteHop::Gateway => route::NextHop::VirtualNetworkGateway,
        RouteHop::Drop => route::NextHop::None,
    }
}

/// The way to the firewall called `name`. A resolved list has no other names; should one come,
/// the packets are dropped.
fn to_firewall(topology: &Topology, name: &str) -> route::NextHop {
    match firewall_named(topology, name) {
        Some(firewall) => route::NextHop::VirtualAppliance(firewall.private_address),
        None => route::NextHop::None,
    }
}

fn firewall_named<'a>(topology: &'a Topology, name: &str) -> Option<&'a Firewall> {
    topology.firewalls.iter().find(|firewall| firewall.name == name)
}

fn cluster(described: &Cluster, scope: &Scope) -> cluster::Cluster {
    let subnet_id = |name: &str| cluster::SubnetId {
        network: Key::new(&described.network),
        subnet: Key::new(name),
    };
    cluster::Cluster {
        scope: scope.clone(),
        plugin: match described.plugin {
            NetworkPlugin::Kubenet => cluster::NetworkPlugin::Kubenet,
            NetworkPlugin::Overlay => cluster::NetworkPlugin::Overlay,
            NetworkPlugin::NodeSubnet => cluster::NetworkPlugin::NodeSubnet,
            NetworkPlugin::PodSubnet => cluster::NetworkPlugin::PodSubnet,
        },
        pod_ranges: described.pod_ranges.clone(),
        pools: described
            .pools
            .iter()
            .map(|pool| cluster::NodePool {
                name: Key::new(&pool.name),
                subnet: subnet_id(&pool.subnet),
                pod_subnet: pool.pod_subnet.as_deref().map(subnet_id),
            })
            .collect(),
        api_server: match &described.api_server {
            ApiServer::Public(addresses) => cluster::ApiServer::Public(addresses.clone()),
            ApiServer::Private => cluster::ApiServer::Private,
            ApiServer::VnetIntegration(subnet) => {
                cluster::ApiServer::VnetIntegration(Key::new(subnet))
            }
        },
    }
}

//! Small worlds: a deployment and a list, with few addresses, names and ports, so that rules
//! collide.

use std::collections::BTreeMap;
use std::net::IpAddr;

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::Scope;
use exeat::azure::address::AddressEntry;
use exeat::azure::address::DestinationEntry;
use exeat::azure::address::ServiceTag;
use exeat::azure::cluster::ApiServer;
use exeat::azure::cluster::Cluster;
use exeat::azure::cluster::NetworkPlugin;
use exeat::azure::cluster::NodePool;
use exeat::azure::cluster::SubnetId;
use exeat::azure::deployment::IpGroup;
use exeat::azure::deployment::Unknown;
use exeat::azure::firewall::Firewall;
use exeat::azure::firewall::FirewallPlace;
use exeat::azure::network::Peering;
use exeat::azure::network::PrivateEndpoint;
use exeat::azure::network::PrivateEndpointPolicies;
use exeat::azure::network::ServiceEndpoint;
use exeat::azure::network::Subnet;
use exeat::azure::network::VirtualNetwork;
use exeat::azure::policy::Tier;
use exeat::azure::route::NextHop;
use exeat::azure::route::Route;
use exeat::azure::route::RouteDestination;
use exeat::azure::route::RouteTable;
use exeat::azure::rule::PortEntry;
use exeat::azure::security_group::Direction;
use exeat::azure::security_group::NetworkSecurityGroup;
use exeat::azure::security_group::SecurityRule;
use exeat::flow::IpProtocol;
use exeat::flow::PortRange;
use exeat::intent::Intent;
use ipnet::IpNet;

use super::draw::Draw;
use super::lists;
use super::policies;
use super::policies::Pool;

/// What both engines are asked about.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) deployment: Deployment,
    pub(crate) list: Intent,
}

/// The network of the machines.
pub(crate) const SPOKE: &str = "10.1.0.0/16";
/// The subnet of most sources.
pub(crate) const APPS: &str = "10.1.8.0/24";
/// The network of the firewall.
pub(crate) const HUB: &str = "10.0.0.0/16";
/// An address of a private endpoint in the hub.
pub(crate) const ENDPOINT: &str = "10.0.2.5";
/// The private address of the firewall.
pub(crate) const FIREWALL: &str = "10.0.1.4";
/// A public address of the firewall.
pub(crate) const PUBLIC: &str = "203.0.113.10";
/// Somebody's public addresses.
pub(crate) const REMOTE: &str = "20.1.2.0/24";
/// One of them.
pub(crate) const SERVER: &str = "20.1.2.3";
/// Behind the gateway.
pub(crate) const OFFICE: &str = "192.168.7.0/24";

const EDGE_FIREWALL: &str = "10.2.1.4";
const APPLIANCE: &str = "10.1.9.9";
const JOBS: &str = "10.1.9.0/24";
/// Where pods are that their nodes hide.
const PODS: [&str; 2] = ["10.1.8.0/25", "10.1.0.0/20"];
/// Where a network has machines that nothing leads to.
const TWINS: [&[&str]; 3] = [&["10.1.8.0/25"], &["10.1.0.0/20"], &["10.1.0.0/20", "10.1.8.128/25"]];
const FIREWALL_SUBNET: &str = "AzureFirewallSubnet";

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn prefix(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

/// The world that `seed` makes. Each `attempt` after the first is another one with the same seed,
/// and has a little less in it.
pub(crate) fn world(seed: u64, attempt: u64) -> World {
    let mut draw = Draw::new(seed ^ attempt.rotate_left(32));
    let draw = &mut draw;
    let is_small = attempt > 0 || draw.chance(40);
    let pool = Pool::draw(draw, is_small);
    let mut deployment = Deployment::default();
    if draw.chance(82) {
        network(draw, &mut deployment, is_small);
    } else if draw.chance(70) {
        let place = FirewallPlace::Hub("vwan".to_owned());
        deployment.firewalls.insert(Key::new("fw"), firewall(draw, place, FIREWALL));
    }
    policies::add(draw, &pool, &mut deployment, is_small);
    ip_groups(draw, &pool, &mut deployment);
    deployment.unknowns = policies::UNKNOWNS
        .iter()
        .map(|name| Unknown { name: (*name).to_owned(), because: "nobody said".to_owned() })
        .collect();
    let list = lists::list(draw, &pool);
    if draw.chance(50) {
        same_addresses(draw, &mut deployment);
    }
    World { seed, deployment, list }
}

/// Other networks and pods where machines are, with longer and with shorter prefixes.
fn same_addresses(draw: &mut Draw, deployment: &mut Deployment) {
    let twin = deployment.virtual_networks.get_mut(&Key::new("twin"));
    for subnet in twin.into_iter().flat_map(|twin| &mut twin.subnets) {
        subnet.prefixes = draw.pick(&TWINS).iter().copied().map(prefix).collect();
    }
    for cluster in deployment.clusters.values_mut().filter(|one| one.hides_pods()) {
        cluster.pod_ranges = vec![prefix(draw.pick(&PODS))];
    }
}

fn ip_groups(draw: &mut Draw, pool: &Pool, deployment: &mut Deployment) {
    let addresses = [vec![], pool.sources.clone(), vec![AddressEntry::Prefix(prefix(REMOTE))]];
    for name in ["group", "other"] {
        let addresses = draw.pick(&addresses);
        deployment.ip_groups.insert(Key::new(name), IpGroup { addresses, ..IpGroup::default() });
    }
}

/// A firewall without a policy yet.
pub(crate) fn firewall(draw: &mut Draw, place: FirewallPlace, private_address: &str) -> Firewall {
    Firewall {
        scope: Scope::default(),
        ownership: exeat::azure::Ownership::Existing,
        tier: draw.pick(&[Tier::Basic, Tier::Standard, Tier::Premium, Tier::Premium]),
        place,
        policy: None,
        private_address: address(private_address),
        public_addresses: if draw.chance(40) { vec![address(PUBLIC)] } else { vec![] },
        forced_tunneling: draw.chance(8),
    }
}

/// Networks, firewalls, routes, security groups and clusters.
fn network(draw: &mut Draw, deployment: &mut Deployment, is_small: bool) {
    let apps = Subnet::new(Key::new("apps"), vec![prefix(APPS)]);
    let mut spoke = VirtualNetwork {
        address_space: vec![prefix(SPOKE)],
        subnets: vec![apps],
        ..VirtualNetwork::default()
    };
    let mut hub = VirtualNetwork { address_space: vec![prefix(HUB)], ..VirtualNetwork::default() };
    let has_firewall_subnet = draw.chance(if is_small { 30 } else { 55 });
    if has_firewall_subnet {
        let own = Subnet::new(Key::new(FIREWALL_SUBNET), vec![prefix("10.0.1.0/26")]);
        hub.subnets.push(own);
    }
    if draw.chance(45) {
        hub.subnets.push(shared(draw));
    }
    let place = if draw.chance(8) {
        FirewallPlace::Hub("vwan".to_owned())
    } else {
        FirewallPlace::VirtualNetwork(Key::new("hub"))
    };
    deployment.firewalls.insert(Key::new("fw"), firewall(draw, place, FIREWALL));
    if draw.chance(92) {
        spoke.peerings.push(peering(draw, "hub"));
    }
    if draw.chance(92) {
        hub.peerings.push(peering(draw, "spoke"));
    }
    if draw.chance(15) {
        let network = if draw.chance(50) { &mut hub } else { &mut spoke };
        network.gateway_routes.push(prefix(draw.pick(&[OFFICE, OFFICE, "0.0.0.0/0"])));
    }
    if has_firewall_subnet && draw.chance(30) {
        behind(draw, deployment, &mut hub);
    }
    subnet_settings(draw, deployment, &mut spoke.subnets[0]);
    if draw.chance(12) {
        spoke.subnets.push(Subnet::new(Key::new("jobs"), vec![prefix(JOBS)]));
        if draw.chance(60) {
            cluster(draw, deployment, true);
        }
    } else if draw.chance(24) {
        cluster(draw, deployment, false);
    }
    if draw.chance(6) {
        spoke.address_space.push(prefix("fd00:1::/64"));
        spoke.subnets[0].prefixes.push(prefix("fd00:1::/64"));
    }
    if draw.chance(6) {
        let same = Subnet::new(Key::new("apps"), vec![prefix(APPS)]);
        let twin = VirtualNetwork { subnets: vec![same], peerings: vec![], ..spoke.clone() };
        deployment.virtual_networks.insert(Key::new("twin"), twin);
    }
    if has_firewall_subnet && draw.chance(30) {
        chained(deployment, &mut spoke);
    }
    deployment.virtual_networks.insert(Key::new("hub"), hub);
    deployment.virtual_networks.insert(Key::new("spoke"), spoke);
}

/// A subnet of the hub with private endpoints.
pub(crate) fn shared(draw: &mut Draw) -> Subnet {
    let names =
        if draw.chance(50) { "trips.privatelink.westeurope.azmk8s.io" } else { "a.example" };
    let endpoint = PrivateEndpoint {
        name: Key::new("endpoint"),
        address: address(ENDPOINT),
        names: vec![names.parse().expect("a name")],
    };
    Subnet {
        private_endpoints: vec![endpoint],
        private_endpoint_network_policies: draw.pick(&[
            PrivateEndpointPolicies::Disabled,
            PrivateEndpointPolicies::Enabled,
            PrivateEndpointPolicies::RouteTableEnabled,
        ]),
        ..Subnet::new(Key::new("shared"), vec![prefix("10.0.2.0/24")])
    }
}

pub(crate) fn peering(draw: &mut Draw, remote: &str) -> Peering {
    Peering {
        name: Key::new(format!("to-{remote}")),
        remote: Key::new(remote),
        allow_virtual_network_access: draw.chance(92),
        allow_forwarded_traffic: draw.chance(85),
        allow_gateway_transit: draw.chance(50),
        use_remote_gateways: draw.chance(50),
    }
}

/// A second firewall behind the first, or a way on that comes to nothing.
pub(crate) fn behind(draw: &mut Draw, deployment: &mut Deployment, hub: &mut VirtualNetwork) {
    let next = draw.pick(&[EDGE_FIREWALL, EDGE_FIREWALL, FIREWALL, APPLIANCE]);
    let default = Route {
        name: "on".to_owned(),
        destination: RouteDestination::Prefix(prefix("0.0.0.0/0")),
        next_hop: NextHop::VirtualAppliance(address(next)),
        has_bgp_override: false,
    };
    let mut table = RouteTable { routes: vec![default], ..RouteTable::default() };
    if draw.chance(40) {
        let more = route(draw, 9);
        table.routes.push(more);
    }
    deployment.route_tables.insert(Key::new("onward"), table);
    hub.subnets[0].route_table = Some(Key::new("onward"));
    if next != EDGE_FIREWALL {
        return;
    }
    let edge_network = if draw.chance(75) { "edge" } else { "hub" };
    let place = FirewallPlace::VirtualNetwork(Key::new(edge_network));
    deployment.firewalls.insert(Key::new("outer"), firewall(draw, place, EDGE_FIREWALL));
    if edge_network == "hub" {
        return;
    }
    hub.peerings.push(peering(draw, "edge"));
    let mut edge = VirtualNetwork {
        address_space: vec![prefix("10.2.0.0/16")],
        peerings: vec![Peering {
            allow_forwarded_traffic: draw.chance(50),
            ..peering(draw, "hub")
        }],
        ..VirtualNetwork::default()
    };
    if draw.chance(50) {
        let own = Subnet::new(Key::new(FIREWALL_SUBNET), vec![prefix("10.2.1.0/26")]);
        edge.subnets.push(own);
    }
    deployment.virtual_networks.insert(Key::new("edge"), edge);
}

/// What stays in the spoke goes by way of the firewall, from which the spoke takes nothing.
fn chained(deployment: &mut Deployment, spoke: &mut VirtualNetwork) {
    let inner = Route {
        name: "inner".to_owned(),
        destination: RouteDestination::Prefix(prefix(SPOKE)),
        next_hop: NextHop::VirtualAppliance(address(FIREWALL)),
        has_bgp_override: false,
    };
    deployment.route_tables.entry(Key::new("apps")).or_default().routes.push(inner);
    for peering in &mut spoke.peerings {
        peering.allow_forwarded_traffic = false;
    }
}

/// Table, security group, endpoints and ways out of the subnet of the sources.
fn subnet_settings(draw: &mut Draw, deployment: &mut Deployment, apps: &mut Subnet) {
    if draw.chance(92) {
        let table = table(draw);
        deployment.route_tables.insert(Key::new("apps"), table);
        apps.route_table = Some(Key::new("apps"));
    }
    if draw.chance(22) {
        let group = security_group(draw);
        deployment.network_security_groups.insert(Key::new("nsg"), group);
        apps.network_security_group = Some(Key::new("nsg"));
    } else if draw.chance(4) {
        apps.network_security_group = Some(Key::new("missing"));
    }
    if draw.chance(12) {
        apps.service_endpoints.push(ServiceEndpoint {
            service: draw
                .pick(&["Microsoft.Storage", "Microsoft.Sql", "Microsoft.Storage.Global"])
                .to_owned(),
            locations: draw.pick(&[vec![], vec!["westeurope".to_owned()], vec!["*".to_owned()]]),
        });
    }
    if draw.chance(22) {
        apps.private_endpoints.push(PrivateEndpoint {
            name: Key::new("near"),
            address: address("10.1.8.77"),
            names: vec![],
        });
    }
    apps.default_outbound_access = draw.chance(80);
    apps.explicit_outbound = draw.chance(15);
}

pub(crate) fn table(draw: &mut Draw) -> RouteTable {
    let mut table = RouteTable {
        disable_bgp_route_propagation: draw.chance(50),
        disable_peering_route: draw.chance(10),
        ..RouteTable::default()
    };
    if draw.chance(90) {
        let to_firewall = NextHop::VirtualAppliance(address(FIREWALL));
        let next_hop = if draw.chance(78) { to_firewall } else { next_hop(draw) };
        let destination = RouteDestination::Prefix(prefix("0.0.0.0/0"));
        let name = "default".to_owned();
        table.routes.push(Route { name, destination, next_hop, has_bgp_override: false });
    }
    let more = draw.pick(&[0, 0, 1, 1, 2]);
    for number in 0..more {
        let route = route(draw, number);
        // Two tags with different next hops are compared bit by bit; one tag is enough here.
        let is_tag = |route: &Route| matches!(route.destination, RouteDestination::ServiceTag(_));
        if !is_tag(&route) || !table.routes.iter().any(is_tag) {
            table.routes.push(route);
        }
    }
    table
}

fn route(draw: &mut Draw, number: usize) -> Route {
    let destination = if draw.chance(30) {
        RouteDestination::ServiceTag(ServiceTag(tag(draw)))
    } else {
        let all =
            [REMOTE, "20.1.2.3/32", HUB, SPOKE, OFFICE, "10.0.2.5/32", "10.0.0.0/8", "10.0.1.4/32"];
        RouteDestination::Prefix(prefix(draw.pick(&all)))
    };
    let (name, next_hop) = (format!("route-{number}"), next_hop(draw));
    Route { name, destination, next_hop, has_bgp_override: draw.chance(15) }
}

fn next_hop(draw: &mut Draw) -> NextHop {
    match draw.below(12) {
        0..=2 => NextHop::Internet,
        3 => NextHop::None,
        4 => NextHop::VirtualNetworkGateway,
        5 => NextHop::VnetLocal,
        6 | 7 => NextHop::VirtualAppliance(address(APPLIANCE)),
        8 => NextHop::VirtualApplianceEcmp(vec![address(FIREWALL), address(APPLIANCE)]),
        _ => NextHop::VirtualAppliance(address(FIREWALL)),
    }
}

/// A service tag; a world seldom has many of them.
pub(crate) fn tag(draw: &mut Draw) -> String {
    draw.pick(&["Storage", "Storage", "Storage.WestEurope", "Sql", "AzureMonitor.Core"]).to_owned()
}

pub(crate) fn security_group(draw: &mut Draw) -> NetworkSecurityGroup {
    let count = 1 + draw.below(2);
    let rules = (0..count).map(|number| security_rule(draw, number)).collect();
    NetworkSecurityGroup { rules, ..NetworkSecurityGroup::default() }
}

fn security_rule(draw: &mut Draw, number: usize) -> SecurityRule {
    let any = || DestinationEntry::Addresses(AddressEntry::Any);
    let named = |name: &str| DestinationEntry::ServiceTag(ServiceTag(name.to_owned()));
    let held = |text: &str| DestinationEntry::Addresses(AddressEntry::Prefix(prefix(text)));
    let unknown = || DestinationEntry::Addresses(AddressEntry::Unknown("pool".to_owned()));
    let range = |first, last| PortEntry::Range(PortRange::new(first, last).expect("a range"));
    let destinations = [
        any(),
        named("Internet"),
        named("VirtualNetwork"),
        named("Storage"),
        named("AzurePlatformIMDS"),
        named("AzurePlatformDNS"),
        held(REMOTE),
        held(HUB),
        unknown(),
    ];
    let sources = [any(), any(), any(), named("VirtualNetwork"), held("10.1.8.128/25")];
    let ports = [PortEntry::Any, PortEntry::Any, range(443, 443), range(80, 443)];
    let source_ports = if draw.chance(20) { range(1024, 65535) } else { PortEntry::Any };
    let mut group = |percent| {
        if draw.chance(percent) { vec!["asg".to_owned()] } else { vec![] }
    };
    let (source_groups, destination_groups) = (group(5), group(5));
    SecurityRule {
        name: format!("rule-{number}"),
        description: None,
        priority: if number == 0 { 200 } else { 100 },
        direction: if draw.chance(92) { Direction::Outbound } else { Direction::Inbound },
        access: policies::action(draw),
        protocol: draw.pick(&[None, None, Some(IpProtocol::TCP), Some(IpProtocol(50))]),
        sources: vec![draw.pick(&sources)],
        source_ports: vec![source_ports],
        destinations: vec![draw.pick(&destinations)],
        destination_ports: vec![draw.pick(&ports)],
        source_groups,
        destination_groups,
    }
}

pub(crate) fn cluster(draw: &mut Draw, deployment: &mut Deployment, has_jobs: bool) {
    let subnet = |name: &str| SubnetId { network: Key::new("spoke"), subnet: Key::new(name) };
    let plugin = if has_jobs && draw.chance(60) {
        NetworkPlugin::PodSubnet
    } else {
        draw.pick(&[NetworkPlugin::Kubenet, NetworkPlugin::Overlay, NetworkPlugin::NodeSubnet])
    };
    let is_apart = plugin == NetworkPlugin::PodSubnet;
    let pool = NodePool {
        name: Key::new("pool"),
        subnet: subnet(if is_apart { "jobs" } else { "apps" }),
        pod_subnet: is_apart.then(|| subnet("apps")),
    };
    let ranges = if is_apart { vec![] } else { vec![prefix("10.244.0.0/16")] };
    let cluster = Cluster {
        scope: Scope::default(),
        plugin,
        pod_ranges: ranges,
        pools: vec![pool],
        api_server: if draw.chance(60) { ApiServer::Private } else { ApiServer::Public(vec![]) },
    };
    deployment.clusters = BTreeMap::from([(Key::new("aks"), cluster)]);
}

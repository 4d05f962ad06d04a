//! Large deployments: many rules, several subnets that send, and every feature that a decision looks
//! at. Networks are put together from the parts of small worlds.

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::address::AddressEntry;
use exeat::azure::deployment::IpGroup;
use exeat::azure::deployment::Unknown;
use exeat::azure::firewall::Firewall;
use exeat::azure::firewall::FirewallPlace;
use exeat::azure::network::Peering;
use exeat::azure::network::ServiceEndpoint;
use exeat::azure::network::Subnet;
use exeat::azure::network::VirtualNetwork;
use exeat::azure::policy::Tier;
use exeat::azure::route::NextHop;
use exeat::azure::route::Route;
use exeat::azure::route::RouteDestination;
use exeat::azure::route::RouteTable;

use super::draw::Draw;
use super::policies::UNKNOWNS;
use super::rules;
use super::rules::Pool;
use super::worlds;
use super::worlds::APPS;
use super::worlds::FIREWALL;
use super::worlds::HUB;
use super::worlds::OFFICE;
use super::worlds::PUBLIC;
use super::worlds::SPOKE;
use super::worlds::address;
use super::worlds::prefix;

/// The subnets that send. Those before [`PLAIN`] send all that leaves to the firewall.
const SENDERS: [(&str, &str); 9] = [
    ("apps", APPS),
    ("jobs", "10.1.16.0/24"),
    ("s2", "10.1.17.0/24"),
    ("s3", "10.1.18.0/23"),
    ("s4", "10.1.20.0/26"),
    ("s5", "10.1.21.0/24"),
    ("s6", "10.1.22.0/24"),
    ("s7", "10.1.23.0/25"),
    ("s8", "10.1.23.128/25"),
];
/// How many of [`SENDERS`] have the same short table.
const PLAIN: usize = 6;
/// The addresses of another family that one of them has, in some estates.
pub(crate) const SECOND_FAMILY: &str = "fd00:1::/64";

/// The rules of the first estate.
const LEAST_RULES: usize = 200;
/// Each estate has so many more than the one before, ...
const MORE_RULES: usize = 70;
/// ... until so many sizes were there.
const SIZES: usize = 40;

/// The deployment that `seed` makes.
pub(crate) fn estate(seed: u64) -> Deployment {
    let step = usize::try_from(seed).expect("a small number") % SIZES;
    let count = LEAST_RULES + MORE_RULES * step;
    let draw = &mut Draw::new(seed);
    let pool = Pool::draw(draw, count);
    let mut deployment = Deployment::default();
    network(seed, draw, &mut deployment);
    rules::add(draw, &pool, &mut deployment, count);
    for (name, addresses) in &pool.groups {
        let group = IpGroup { addresses: addresses.clone(), ..IpGroup::default() };
        deployment.ip_groups.insert(name.clone(), group);
    }
    let unknown = |name: &&str| Unknown { name: (*name).to_owned(), because: String::new() };
    deployment.unknowns = UNKNOWNS.iter().map(unknown).collect();
    deployment
}

/// The entries from which rules take their senders.
pub(crate) fn senders() -> Vec<AddressEntry> {
    SENDERS.iter().map(|(_, range)| AddressEntry::Prefix(prefix(range))).collect()
}

/// Whether the subnet of this name sends all that leaves to the firewall.
pub(crate) fn is_plain(name: &Key) -> bool {
    SENDERS.iter().take(PLAIN).any(|(plain, _)| *name == Key::new(*plain))
}

fn network(seed: u64, draw: &mut Draw, deployment: &mut Deployment) {
    let mut hub = VirtualNetwork { address_space: vec![prefix(HUB)], ..VirtualNetwork::default() };
    let place = FirewallPlace::VirtualNetwork(Key::new("hub"));
    let firewall = Firewall {
        tier: tier(seed),
        public_addresses: vec![address(PUBLIC)],
        ..worlds::firewall(draw, place, FIREWALL)
    };
    deployment.firewalls.insert(Key::new("fw"), firewall);
    // A second firewall, or a way on that comes to nothing, goes to this subnet.
    let has_own_subnet = draw.chance(50);
    if has_own_subnet {
        hub.subnets.push(Subnet::new(Key::new("AzureFirewallSubnet"), vec![prefix("10.0.1.0/26")]));
    }
    hub.subnets.push(worlds::shared(draw));
    hub.gateway_routes.push(prefix(OFFICE));
    hub.peerings.push(worlds::peering(draw, "spoke"));
    if has_own_subnet && draw.chance(15) {
        worlds::behind(draw, deployment, &mut hub);
    }
    let mut spoke =
        VirtualNetwork { address_space: vec![prefix(SPOKE)], ..VirtualNetwork::default() };
    // Else nothing at all gets to the firewall.
    let to_hub = Peering { allow_virtual_network_access: true, ..worlds::peering(draw, "hub") };
    spoke.peerings.push(to_hub);
    deployment.route_tables.insert(Key::new("plain"), plain_table(draw));
    for (number, (name, range)) in SENDERS.iter().enumerate() {
        let subnet = Subnet::new(Key::new(*name), vec![prefix(range)]);
        let subnet = sender(draw, deployment, subnet, number < PLAIN);
        spoke.subnets.push(subnet);
    }
    if draw.chance(40) {
        spoke.address_space.push(prefix(SECOND_FAMILY));
        spoke.subnets[2].prefixes.push(prefix(SECOND_FAMILY));
    }
    if draw.chance(50) {
        worlds::cluster(draw, deployment, true);
    }
    deployment.virtual_networks.insert(Key::new("hub"), hub);
    deployment.virtual_networks.insert(Key::new("spoke"), spoke);
}

/// Mostly the one that has every feature.
fn tier(seed: u64) -> Tier {
    match seed % 8 {
        3 | 6 => Tier::Standard,
        7 => Tier::Basic,
        _ => Tier::Premium,
    }
}

/// A table with nothing but a default route to the firewall.
fn plain_table(draw: &mut Draw) -> RouteTable {
    let route = |name: &str, range: &str| Route {
        name: name.to_owned(),
        destination: RouteDestination::Prefix(prefix(range)),
        next_hop: NextHop::VirtualAppliance(address(FIREWALL)),
        has_bgp_override: false,
    };
    RouteTable {
        disable_bgp_route_propagation: draw.chance(70),
        routes: vec![route("default", "0.0.0.0/0"), route("six", "::/0")],
        ..RouteTable::default()
    }
}

/// A subnet that sends, with what is attached to it.
fn sender(
    draw: &mut Draw,
    deployment: &mut Deployment,
    mut subnet: Subnet,
    is_plain: bool,
) -> Subnet {
    let name = subnet.name.clone();
    if is_plain {
        subnet.route_table = Some(Key::new("plain"));
    } else if draw.chance(90) {
        deployment.route_tables.insert(name.clone(), worlds::table(draw));
        subnet.route_table = Some(name.clone());
    }
    if draw.chance(if is_plain { 10 } else { 40 }) {
        deployment.network_security_groups.insert(name.clone(), worlds::security_group(draw));
        subnet.network_security_group = Some(name);
    }
    if !is_plain && draw.chance(25) {
        let services = ["Microsoft.Storage", "Microsoft.Sql"];
        let service = draw.pick(&services).to_owned();
        subnet.service_endpoints.push(ServiceEndpoint { service, locations: vec![] });
    }
    subnet.default_outbound_access = draw.chance(80);
    subnet.explicit_outbound = draw.chance(15);
    subnet
}

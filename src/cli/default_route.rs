//! The default route of a subnet whose list writes none.
//!
//! The simulator chooses it, as it does for flows: the subnet is asked for the way to an address
//! that no other of its routes could hold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use ipnet::Ipv4Net;

use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::network::Subnet;
use crate::azure::network::VirtualNetwork;
use crate::azure::route::RouteDestination;
use crate::azure::route::SYSTEM_DROPPED;
use crate::flow::AddressSet;
use crate::flow::Flow;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::address::AddressRange;
use crate::simulate::Simulator;
use crate::simulate::route::Hop;
use crate::simulate::route::RouteSource;
use crate::simulate::route::RouteTaken;

/// A subnet of a virtual network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) name: &'a Key,
    pub(super) network: &'a VirtualNetwork,
    pub(super) subnet: &'a Subnet,
}

/// Whether `prefix` holds every IPv4 address: packets that no other route is for leave by IPv4's.
pub(super) fn is_default(prefix: &IpNet) -> bool {
    prefix.addr().is_ipv4() && prefix.prefix_len() == 0
}

/// Whose default route packets from `place` take: `gateway` where one learned it, else `system`.
/// Nothing where no packet would: other routes hold every address, or the subnet has none of IPv4.
pub(super) fn source(place: Place<'_>, deployment: &Deployment) -> Option<&'static str> {
    let from = place.subnet.prefixes.iter().map(IpNet::addr).find(IpAddr::is_ipv4)?;
    let ground = ground(place, deployment);
    // Only the order of rules can be wrong, and there are none.
    let simulator = Simulator::new(&ground).ok()?;
    let route = addresses_by_default(&ground).find_map(|to| taken(&simulator, from, to))?;
    Some(match route.source {
        RouteSource::Gateway => "gateway",
        RouteSource::System
        | RouteSource::Optional
        | RouteSource::User { .. }
        | RouteSource::Presumed => "system",
    })
}

/// What the routes of `place` are chosen from, and nothing that stops a packet before.
fn ground(place: Place<'_>, deployment: &Deployment) -> Deployment {
    let Place { name, network, subnet } = place;
    let routing = |network: &VirtualNetwork| VirtualNetwork {
        address_space: network.address_space.clone(),
        peerings: network.peerings.clone(),
        gateway_routes: network.gateway_routes.clone(),
        ..VirtualNetwork::default()
    };
    let all = &deployment.virtual_networks;
    let peers = network.peerings.iter().filter_map(|peering| all.get_key_value(&peering.remote));
    let mut virtual_networks: BTreeMap<Key, VirtualNetwork> =
        peers.map(|(name, peer)| (name.clone(), routing(peer))).collect();
    let alone = Subnet { network_security_group: None, ..subnet.clone() };
    let own = VirtualNetwork { subnets: vec![alone], ..routing(network) };
    virtual_networks.insert(name.clone(), own);
    let table = subnet.route_table.as_ref();
    let table = table.and_then(|table| deployment.route_tables.get_key_value(table));
    let route_tables = table.map(|(name, table)| (name.clone(), table.clone())).into_iter();
    Deployment { virtual_networks, route_tables: route_tables.collect(), ..Deployment::default() }
}

/// Addresses that no route but a default could hold: the first of each range of them.
fn addresses_by_default(ground: &Deployment) -> impl Iterator<Item = IpAddr> {
    let networks = ground.virtual_networks.values();
    let of_networks =
        networks.flat_map(|network| network.address_space.iter().chain(&network.gateway_routes));
    let tables = ground.route_tables.values().flat_map(|table| &table.routes);
    let written = tables.filter_map(|route| match &route.destination {
        RouteDestination::Prefix(prefix) => Some(prefix),
        RouteDestination::ServiceTag(_) => None,
    });
    let dropped = SYSTEM_DROPPED.iter().filter_map(|text| text.parse().ok());
    let others = of_networks.chain(written).copied().chain(dropped);
    let held: AddressSet = others.filter(|prefix| !is_default(prefix)).collect();
    let left = AddressSet::from(IpNet::V4(Ipv4Net::default())).difference(&held);
    left.ranges().into_iter().map(AddressRange::first)
}

/// The route that is looked up for `to`: none is for the platform's addresses.
fn taken(simulator: &Simulator<'_>, from: IpAddr, to: IpAddr) -> Option<RouteTaken> {
    let flow = Flow {
        source: from,
        source_port: 0,
        destination: to,
        destination_port: 0,
        protocol: IpProtocol::TCP,
        payload: Payload::Silent,
    };
    // The address is one of no service tag.
    let decision = simulator.decide(&flow, &mut |_| false);
    decision.route.filter(|route| route.hop != Hop::Platform)
}

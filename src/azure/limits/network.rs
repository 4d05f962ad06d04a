//! Limits of networks, route tables and IP groups (`azure-routing.md §12`).

use std::collections::BTreeMap;

use crate::azure::deployment::Deployment;
use crate::azure::deployment::Ownership;
use crate::azure::route::NextHop;
use crate::azure::route::Route;
use crate::azure::route::RouteDestination;

use super::Excess;
use super::Limit;
use super::LimitSettings;
use super::Measure;
use super::Severity;
use super::name;

const TAG_ROUTES: usize = 25;
const ROUTE_TABLES: usize = 200;
const ECMP_ADDRESSES: (usize, usize) = (2, 64);
const PEERINGS: usize = 500;
const SUBNETS: usize = 3000;

/// `azure-firewall.md §6.1`.
const IP_GROUP_ENTRIES: usize = 5000;

pub(super) fn check(deployment: &Deployment, settings: &LimitSettings, excess: &mut Excess) {
    for (name, group) in &deployment.ip_groups {
        let at = format!("IP group `{name}`");
        excess.at_most(&at, Limit::IpGroupEntries, group.addresses.len(), IP_GROUP_ENTRIES);
    }
    for (name, network) in &deployment.virtual_networks {
        let at = format!("virtual network `{name}`");
        excess.at_most(&at, Limit::Peerings, network.peerings.len(), PEERINGS);
        excess.at_most(&at, Limit::Subnets, network.subnets.len(), SUBNETS);
    }
    route_tables(deployment, settings, excess);
}

fn route_tables(deployment: &Deployment, settings: &LimitSettings, excess: &mut Excess) {
    let mut in_region: BTreeMap<_, usize> = BTreeMap::new();
    for (name, table) in &deployment.route_tables {
        *in_region.entry((&table.scope.subscription, &table.scope.location)).or_default() += 1;
        let at = format!("route table `{name}`");
        if table.ownership == Ownership::Ours && !name::is_route_name(name.as_str()) {
            excess.value(&at, Limit::RouteName, name.as_str(), Severity::Error);
        }
        excess.at_most(&at, Limit::Routes, table.routes.len(), settings.max_routes);
        let to_tag = |route: &&Route| matches!(route.destination, RouteDestination::ServiceTag(_));
        let tags = table.routes.iter().filter(to_tag).count();
        excess.at_most(&at, Limit::TagRoutes, tags, TAG_ROUTES);
        for route in &table.routes {
            let at = format!("{at}, route `{}`", route.name);
            if table.ownership == Ownership::Ours && !name::is_route_name(&route.name) {
                excess.value(&at, Limit::RouteName, &route.name, Severity::Error);
            }
            if let NextHop::VirtualApplianceEcmp(addresses) = &route.next_hop {
                let (needed, allowed) = ECMP_ADDRESSES;
                let found = addresses.len();
                excess.at_most(&at, Limit::EcmpAddresses, found, allowed);
                if found < needed {
                    let measure = Measure::AtLeast { found, needed };
                    excess.note(at, Limit::FewEcmpAddresses, measure, Severity::Error);
                }
            }
        }
    }
    for ((subscription, location), found) in in_region {
        let subscription = subscription.as_deref().unwrap_or("the current one");
        let location = location.as_deref().unwrap_or("one region");
        let at = format!("subscription `{subscription}`, region `{location}`");
        excess.at_most(&at, Limit::RouteTables, found, ROUTE_TABLES);
    }
}

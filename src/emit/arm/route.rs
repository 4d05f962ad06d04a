//! Templates of the second stage: route tables.
//!
//! All of them come after the last rule collection group, not just those with a default route: any
//! route to the firewall turns traffic to rules that must be in force by then.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::arm::Object;
use crate::azure::arm::literal;
use crate::azure::route::NextHop;
use crate::azure::route::Route;
use crate::azure::route::RouteTable;

use super::super::EmitError;
use super::place::Home;
use super::template::Resource;
use super::template::Stage;
use super::template::Template;

pub(super) const ROUTE_TABLE: &str = "Microsoft.Network/routeTables";

/// A template for each resource group that holds a route table of ours.
pub(super) fn templates(deployment: &Deployment) -> Result<Vec<Template>, EmitError> {
    let mut templates: BTreeMap<Home, Vec<Resource>> = BTreeMap::new();
    for (name, table) in &deployment.route_tables {
        if table.ownership == Ownership::Ours {
            templates.entry(Home::of(&table.scope)).or_default().push(route_table(name, table)?);
        }
    }
    let template = |(home, resources)| Template { home, stage: Stage::Routes, resources };
    Ok(templates.into_iter().map(template).collect())
}

fn route_table(name: &Key, table: &RouteTable) -> Result<Resource, EmitError> {
    if table.disable_peering_route {
        return Err(EmitError::Unsupported {
            what: "route table",
            name: name.clone(),
            because: "`disablePeeringRoute` needs a newer API than the templates are written for",
        });
    }
    let routes: Result<Vec<Value>, EmitError> =
        table.routes.iter().map(|each| route(name, each)).collect();
    Ok(Resource {
        kind: ROUTE_TABLE,
        names: vec![name.to_string()],
        location: Some(table.scope.clone()),
        depends_on: Vec::new(),
        // Written even where it is empty, so that the template says that there are none.
        properties: Object::new()
            .with("disableBgpRoutePropagation", table.disable_bgp_route_propagation)
            .with("routes", routes?)
            .into(),
    })
}

/// A route (`azure-routing.md §11`); `hasBgpOverride` is read-only and not written.
fn route(table: &Key, route: &Route) -> Result<Value, EmitError> {
    let address = match &route.next_hop {
        NextHop::VirtualAppliance(address) => Some(address.to_string()),
        NextHop::VirtualApplianceEcmp(_) => {
            return Err(EmitError::Unsupported {
                what: "route table",
                name: table.clone(),
                because: "`VirtualApplianceEcmp` needs a newer API than the templates are written for",
            });
        }
        NextHop::VnetLocal | NextHop::Internet | NextHop::VirtualNetworkGateway | NextHop::None => {
            None
        }
    };
    let properties = Object::new()
        .with("addressPrefix", literal(&route.destination.to_string()))
        .with("nextHopType", route.next_hop.keyword())
        .with_some("nextHopIpAddress", address);
    Ok(Object::new().with_text("name", &route.name).with("properties", properties).into())
}

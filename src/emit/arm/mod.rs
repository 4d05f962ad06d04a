//! Writes ARM templates, and the order in which they are deployed (`docs/deploy.md`).
//!
//! In: a deployment. Out: files as text, one template for each resource group and stage, the
//! order, and the commands. Nothing is written that would lose what it does not state: a subnet, a
//! virtual network or a firewall is only written where all of it is known, else it is changed by a
//! command that names the one property.

mod command;
mod network;
mod order;
mod place;
mod policy;
mod route;
mod template;

use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::cluster::NetworkPlugin;

use super::EmitError;
use super::EmittedFile;

pub use order::templates;

/// The version of the API that the templates are written for (`azure-firewall.md §7`, modelling
/// choice).
pub const API_VERSION: &str = "2025-01-01";

/// The file that says in which order the templates are deployed.
pub const ORDER_FILE: &str = "deploy-order.json";

/// The deployment as templates, `deploy-order.json` and `commands.sh`, sorted by path. Resources
/// that exist are only referred to.
///
/// # Errors
/// What ARM cannot say safely: a value that is not known, a resource that the model does not hold
/// whole, a group over Azure's limit, a name that no file or template can have, templates that
/// need one another.
pub fn write(deployment: &Deployment) -> Result<Vec<EmittedFile>, EmitError> {
    refuse_unsupported(deployment)?;
    let stages = [
        policy::templates(deployment)?,
        route::templates(deployment)?,
        network::templates(deployment)?,
        network::peering_templates(deployment)?,
    ];
    let mut files = Vec::new();
    for template in stages.iter().flatten() {
        files.push(EmittedFile {
            path: template.path()?,
            text: template.text()?,
            is_script: false,
        });
    }
    let [policies, later @ ..] = &stages;
    let steps = order::steps(deployment, policies, later)?;
    files.push(EmittedFile {
        path: ORDER_FILE.to_owned(),
        text: order::document(deployment, &steps)?,
        is_script: false,
    });
    files.push(EmittedFile {
        path: "commands.sh".to_owned(),
        text: command::script(&steps)?,
        is_script: true,
    });
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Refuses resources that are to be written and cannot be: what the model does not hold of them
/// would be lost.
fn refuse_unsupported(deployment: &Deployment) -> Result<(), EmitError> {
    let refuse = |what: &'static str, name: &Key, because: &'static str| {
        Err(EmitError::Unsupported { what, name: name.clone(), because })
    };
    for (name, policy) in &deployment.policies {
        if policy.ownership == Ownership::Ours && policy.certificate_authority.is_some() {
            let because = "a certificate authority needs a managed identity, which is not held; \
                           leave it out and set it by hand";
            return refuse("firewall policy", name, because);
        }
    }
    for (name, group) in &deployment.network_security_groups {
        if group.ownership == Ownership::Ours {
            let because = "network security groups are not written; set `ours` to false";
            return refuse("network security group", name, because);
        }
    }
    // A kubenet cluster writes a route for each node into the table of its subnet. A template would
    // delete them, and another table would be without them (`azure-routing.md §10`).
    let kubenet = deployment.clusters.values().filter(|c| c.plugin == NetworkPlugin::Kubenet);
    for pool in kubenet.flat_map(|cluster| &cluster.pools) {
        let network = deployment.virtual_networks.get(&pool.subnet.network);
        let subnet = network.and_then(|n| n.subnets.iter().find(|s| s.name == pool.subnet.subnet));
        let Some(table) = subnet.and_then(|subnet| subnet.route_table.as_ref()) else { continue };
        let ours = deployment.route_tables.get(table).map(|table| table.ownership);
        if ours == Some(Ownership::Ours) {
            let because = "a kubenet cluster keeps the routes to its nodes in it, which would be \
                           lost; add the routes to the cluster's own table by hand";
            return refuse("route table", table, because);
        }
    }
    Ok(())
}

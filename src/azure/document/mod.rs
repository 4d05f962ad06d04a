//! The shape of `exeat.deployment/1`: a deployment as JSON.
//!
//! In: a [`Deployment`], or a [`Document`] that `import` has read from text. Out: the other of the
//! two. The structs here say how JSON looks and nothing else; `docs/deployment.md` describes them
//! for readers, `docs/schemas/deployment-1.schema.json` for programs. Field names are ARM's
//! (`azure-firewall.md §7`, `azure-routing.md §11`), with two liberties: a wrapper object around
//! one value is dropped (`"sku": "Premium"`), and resources are named instead of given by id.
//!
//! What is left out on writing is just what reading puts back: defaults, empty lists, absent
//! options. Reading is strict, so that nothing which could change a verdict is passed over.

mod cluster;
mod firewall;
mod network;
mod notation;
mod place;
mod policy;
mod reading;
mod references;
mod resource;
mod rule;
mod security_group;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

pub use place::Place;
pub use place::Step;
pub use reading::Problem;

use super::deployment::Deployment;
use super::deployment::Unknown;
use super::key::Key;
use reading::Reading;

/// The value of `schema`.
pub const SCHEMA: &str = "exeat.deployment/1";

/// A deployment as JSON; the keys are written in the order of the fields, maps sorted by name.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a deployment")]
pub struct Document {
    schema: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    firewall_policies: BTreeMap<String, policy::PolicyJson>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    azure_firewalls: BTreeMap<String, firewall::FirewallJson>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    ip_groups: BTreeMap<String, resource::IpGroupJson>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    virtual_networks: BTreeMap<String, network::VirtualNetworkJson>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    route_tables: BTreeMap<String, network::RouteTableJson>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    network_security_groups: BTreeMap<String, security_group::NetworkSecurityGroupJson>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    managed_clusters: BTreeMap<String, cluster::ClusterJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unknowns: Vec<resource::UnknownJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    origins: Vec<resource::OriginJson>,
}

impl From<&Deployment> for Document {
    fn from(deployment: &Deployment) -> Document {
        Document {
            schema: SCHEMA.to_owned(),
            firewall_policies: named(&deployment.policies, policy::PolicyJson::of),
            azure_firewalls: named(&deployment.firewalls, |stated| {
                let of_policy = firewall::tier_of(&deployment.policies, stated.policy.as_ref());
                firewall::FirewallJson::of(stated, of_policy)
            }),
            ip_groups: named(&deployment.ip_groups, resource::IpGroupJson::of),
            virtual_networks: named(&deployment.virtual_networks, network::VirtualNetworkJson::of),
            route_tables: named(&deployment.route_tables, network::RouteTableJson::of),
            network_security_groups: named(
                &deployment.network_security_groups,
                security_group::NetworkSecurityGroupJson::of,
            ),
            managed_clusters: named(&deployment.clusters, cluster::ClusterJson::of),
            unknowns: deployment
                .unknowns
                .iter()
                .map(|Unknown { name, because }| resource::UnknownJson {
                    name: name.clone(),
                    because: because.clone(),
                })
                .collect(),
            origins: deployment.origins.iter().map(resource::OriginJson::of).collect(),
        }
    }
}

impl TryFrom<Document> for Deployment {
    /// Everything found wrong, in the order of the document.
    type Error = Vec<Problem>;

    fn try_from(document: Document) -> Result<Deployment, Vec<Problem>> {
        let mut reading = Reading::default();
        if document.schema != SCHEMA {
            let found = document.schema;
            let text = format!("expected the schema `{SCHEMA}`, found `{found}`");
            reading.within("schema", |reading| reading.object(text));
            return Err(reading.into_problems());
        }
        let policies =
            reading.map("firewallPolicies", document.firewall_policies, policy::PolicyJson::read);
        let firewalls =
            reading.map("azureFirewalls", document.azure_firewalls, |stated, reading| {
                stated.read(&policies, reading)
            });
        let deployment = Deployment {
            policies,
            firewalls,
            ip_groups: reading.map("ipGroups", document.ip_groups, resource::IpGroupJson::read),
            virtual_networks: reading.map(
                "virtualNetworks",
                document.virtual_networks,
                network::VirtualNetworkJson::read,
            ),
            route_tables: reading.map(
                "routeTables",
                document.route_tables,
                network::RouteTableJson::read,
            ),
            network_security_groups: reading.map(
                "networkSecurityGroups",
                document.network_security_groups,
                security_group::NetworkSecurityGroupJson::read,
            ),
            clusters: reading.map(
                "managedClusters",
                document.managed_clusters,
                cluster::ClusterJson::read,
            ),
            unknowns: reading.list("unknowns", document.unknowns, resource::UnknownJson::read),
            origins: reading
                .list("origins", document.origins, resource::OriginJson::read)
                .into_iter()
                .collect(),
        };
        // Only a deployment that was read whole is looked over: a resource that could not be read
        // would be missed by everything that names it.
        if reading.is_clean() {
            references::check(&deployment, &mut reading);
        }
        if reading.is_clean() { Ok(deployment) } else { Err(reading.into_problems()) }
    }
}

/// The resources of a map under their names.
fn named<T, J>(resources: &BTreeMap<Key, T>, json: impl Fn(&T) -> J) -> BTreeMap<String, J> {
    resources.iter().map(|(key, value)| (key.as_str().to_owned(), json(value))).collect()
}

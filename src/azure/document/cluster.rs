//! `managedClusters`.

use serde::Deserialize;
use serde::Serialize;

use super::notation;
use super::reading;
use super::reading::Reading;
use super::resource::ScopeJson;
use super::resource::texts;
use crate::azure::cluster::ApiServer;
use crate::azure::cluster::Cluster;
use crate::azure::cluster::NetworkPlugin;
use crate::azure::cluster::NodePool;
use crate::azure::cluster::SubnetId;

/// An entry of `managedClusters`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a cluster")]
pub(super) struct ClusterJson {
    #[serde(default, skip_serializing_if = "ScopeJson::is_default")]
    scope: ScopeJson,
    network_plugin: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pod_cidrs: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    agent_pools: Vec<PoolJson>,
    api_server: ApiServerJson,
}

/// An element of `agentPools`. Subnets are written `NETWORK/SUBNET`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a node pool")]
struct PoolJson {
    name: String,
    subnet: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pod_subnet: Option<String>,
}

/// `apiServer`. `addresses` stands with `public` only, `subnet` with `vnet-integration` only.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an API server")]
struct ApiServerJson {
    access: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    addresses: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subnet: Option<String>,
}

const PUBLIC: &str = "public";
const PRIVATE: &str = "private";
const VNET_INTEGRATION: &str = "vnet-integration";

fn plugin_word(plugin: NetworkPlugin) -> &'static str {
    match plugin {
        NetworkPlugin::Kubenet => "kubenet",
        NetworkPlugin::Overlay => "overlay",
        NetworkPlugin::NodeSubnet => "node-subnet",
        NetworkPlugin::PodSubnet => "pod-subnet",
    }
}

fn subnet_text(subnet: &SubnetId) -> String {
    format!("{}/{}", subnet.network, subnet.subnet)
}

fn subnet(text: &str, reading: &mut Reading) -> Option<SubnetId> {
    let Some((network, subnet)) = text.split_once('/') else {
        reading.object(format!("expected a subnet as in `network/subnet`, found `{text}`"));
        return None;
    };
    Some(SubnetId { network: reading.key(network)?, subnet: reading.key(subnet)? })
}

impl ClusterJson {
    pub(super) fn of(cluster: &Cluster) -> ClusterJson {
        ClusterJson {
            scope: ScopeJson::of(&cluster.scope),
            network_plugin: plugin_word(cluster.plugin).to_owned(),
            pod_cidrs: texts(&cluster.pod_ranges, ToString::to_string),
            agent_pools: cluster.pools.iter().map(PoolJson::of).collect(),
            api_server: ApiServerJson::of(&cluster.api_server),
        }
    }

    pub(super) fn read(self, reading: &mut Reading) -> Option<Cluster> {
        let plugin = reading.field("networkPlugin", &self.network_plugin, |text, reading| {
            let all = [
                NetworkPlugin::Kubenet,
                NetworkPlugin::Overlay,
                NetworkPlugin::NodeSubnet,
                NetworkPlugin::PodSubnet,
            ];
            reading.word(text, &all, plugin_word)
        });
        let pod_ranges = reading.texts("podCidrs", self.pod_cidrs, notation::prefix);
        let pools = reading.list("agentPools", self.agent_pools, PoolJson::read);
        let api_server = reading.within("apiServer", |reading| self.api_server.read(reading));
        Some(Cluster {
            scope: self.scope.read(),
            plugin: plugin?,
            pod_ranges,
            pools,
            api_server: api_server?,
        })
    }
}

impl PoolJson {
    fn of(pool: &NodePool) -> PoolJson {
        PoolJson {
            name: pool.name.to_string(),
            subnet: subnet_text(&pool.subnet),
            pod_subnet: pool.pod_subnet.as_ref().map(subnet_text),
        }
    }

    fn read(self, reading: &mut Reading) -> Option<NodePool> {
        let name = reading.field("name", &self.name, reading::key);
        let nodes = reading.field("subnet", &self.subnet, subnet);
        let pods = reading.optional("podSubnet", self.pod_subnet.as_deref(), subnet);
        Some(NodePool { name: name?, subnet: nodes?, pod_subnet: pods })
    }
}

impl ApiServerJson {
    fn of(server: &ApiServer) -> ApiServerJson {
        let (access, addresses, subnet) = match server {
            ApiServer::Public(addresses) if addresses.is_empty() => (PUBLIC, None, None),
            ApiServer::Public(addresses) => {
                (PUBLIC, Some(texts(addresses, ToString::to_string)), None)
            }
            ApiServer::Private => (PRIVATE, None, None),
            ApiServer::VnetIntegration(subnet) => {
                (VNET_INTEGRATION, None, Some(subnet.to_string()))
            }
        };
        ApiServerJson { access: access.to_owned(), addresses, subnet }
    }

    fn read(self, reading: &mut Reading) -> Option<ApiServer> {
        match (self.access.as_str(), self.addresses, self.subnet) {
            (PUBLIC, addresses, None) => Some(ApiServer::Public(reading.texts(
                "addresses",
                addresses.unwrap_or_default(),
                notation::single_address,
            ))),
            (PRIVATE, None, None) => Some(ApiServer::Private),
            (VNET_INTEGRATION, None, Some(subnet)) => {
                reading.field("subnet", &subnet, reading::key).map(ApiServer::VnetIntegration)
            }
            _ => {
                reading.object(format!(
                    "expected the access `{PUBLIC}` with or without `addresses`, `{PRIVATE}` \
                     alone, or `{VNET_INTEGRATION}` with `subnet`"
                ));
                None
            }
        }
    }
}

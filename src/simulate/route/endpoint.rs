//! Routes to service endpoints and private endpoints (`azure-routing.md §4`, `§5`).

use std::net::IpAddr;

use ipnet::IpNet;

use super::RouteSource;
use super::Vantage;
use super::containing;
use crate::azure::Key;
use crate::azure::cluster::ApiServer;
use crate::azure::network::PrivateEndpoint;
use crate::azure::network::ServiceEndpoint;
use crate::azure::network::Subnet;
use crate::azure::network::VirtualNetwork;
use crate::simulate::candidate::Candidate;
use crate::simulate::candidate::Kind;
use crate::simulate::candidate::Rank;
use crate::simulate::candidate::Reach;
use crate::simulate::special_purpose::is_private;

/// What the names of private API servers end with, in each cloud (`aks-egress.md §1`, §6).
const API_SERVER_DOMAINS: [&str; 3] =
    [".azmk8s.io", ".cx.prod.service.azk8s.cn", ".cx.aks.containerservice.azure.us"];

/// What decides between a user route and a private endpoint (`azure-routing.md §4`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum EndpointOverride {
    /// The endpoint wins.
    Never,
    /// The route wins.
    Always(Candidate),
    /// The route wins in the first reading of [`PE_OVERRIDE`].
    ///
    /// [`PE_OVERRIDE`]: crate::simulate::assumptions::PE_OVERRIDE
    InFirstReading(Candidate),
}

impl<'a> Vantage<'a> {
    /// Routes of the subnet's service endpoints (`azure-routing.md §5`): for each endpoint those of
    /// its tags, of which the first counts that holds the destination.
    pub(crate) fn service_endpoint_routes(&self, destination: IpAddr) -> Vec<Vec<Candidate>> {
        if is_private(destination) {
            return Vec::new();
        }
        let of_endpoint = |endpoint: &ServiceEndpoint| {
            let candidate = |tag: String| Candidate {
                reach: Reach::Tag(tag.clone()),
                shown: tag,
                rank: Rank::System,
                source: RouteSource::Optional,
                kind: Kind::ServiceEndpoint(endpoint.service.clone()),
            };
            self.tags_of(endpoint).into_iter().map(candidate).collect()
        };
        self.subnet.service_endpoints.iter().map(of_endpoint).collect()
    }

    /// The service tags whose prefixes an endpoint has routes to (`azure-routing.md §5`, modelling
    /// choice): those of its locations, for SQL those of the network's, else the global one.
    fn tags_of(&self, endpoint: &ServiceEndpoint) -> Vec<String> {
        let service = endpoint.service.to_ascii_lowercase();
        let service = service.strip_prefix("microsoft.").unwrap_or(&service);
        let (tag, regional) = match service {
            "storage" => ("storage", true),
            "storage.global" => ("storage", false),
            "sql" => ("sql", true),
            "keyvault" => ("azurekeyvault", false),
            "containerregistry" => ("azurecontainerregistry", false),
            "web" => ("appservice", false),
            "cognitiveservices" => ("cognitiveservicesmanagement", false),
            // The other services are called as their tags are.
            other => (other, false),
        };
        let folded = |location: &String| location.to_ascii_lowercase().replace(' ', "");
        let mut locations: Vec<String> = endpoint.locations.iter().map(folded).collect();
        if locations.is_empty() && tag == "sql" {
            locations.extend(self.network.scope.location.as_ref().map(folded));
        }
        if !regional || locations.is_empty() || locations.iter().any(|location| location == "*") {
            return vec![tag.to_owned()];
        }
        locations.into_iter().map(|location| format!("{tag}.{location}")).collect()
    }

    /// The private endpoint with this address, in this network or a peer (`azure-routing.md §4`).
    pub(crate) fn private_endpoint(
        &self,
        destination: IpAddr,
    ) -> Option<(&'a PrivateEndpoint, &'a Subnet, &'a VirtualNetwork)> {
        let here = [self.network].into_iter();
        let peers = self.peers().filter(|(peering, _, _)| peering.allow_virtual_network_access);
        here.chain(peers.map(|(_, _, remote)| remote)).find_map(|network| {
            network.subnets.iter().find_map(|subnet| {
                let endpoint =
                    subnet.private_endpoints.iter().find(|e| e.address == destination)?;
                Some((endpoint, subnet, network))
            })
        })
    }

    /// Whether a private endpoint of that name, here or in a peer, is that of the API server of a
    /// cluster (`aks-egress.md §6`).
    pub(crate) fn is_for_an_api_server(&self, name: &Key) -> bool {
        let mut clusters = self.deployment.clusters.values();
        let networks = [self.network].into_iter().chain(self.peers().map(|(_, _, peer)| peer));
        let endpoints = networks.flat_map(|network| &network.subnets);
        let mut endpoints = endpoints.flat_map(|subnet| &subnet.private_endpoints);
        clusters.any(|cluster| cluster.api_server == ApiServer::Private)
            && endpoints.any(|endpoint| {
                let mut names = endpoint.names.iter();
                endpoint.name == *name
                    && names.any(|name| {
                        API_SERVER_DOMAINS.iter().any(|domain| name.as_str().ends_with(domain))
                    })
            })
    }
}

/// What decides between the user routes among `candidates` and the private endpoint at
/// `destination`, which lies in the subnet `home` of `network` (`azure-routing.md §4`, modelling
/// choice).
pub(crate) fn endpoint_override(
    candidates: &[Candidate],
    home: &Subnet,
    network: &VirtualNetwork,
    destination: IpAddr,
) -> EndpointOverride {
    let host = IpNet::from(destination).prefix_len();
    let least = containing(&network.address_space, destination).map(|p| p.prefix_len()).max();
    let least = least.unwrap_or(host);
    let longest = candidates
        .iter()
        .filter(|candidate| candidate.rank == Rank::User)
        .filter_map(|candidate| Some((candidate.length()?, candidate)))
        .max_by_key(|(length, _)| *length);
    match longest {
        Some((length, user)) if length == host => EndpointOverride::Always(user.clone()),
        Some((length, user))
            if home.private_endpoint_network_policies.honours_routes() && length >= least =>
        {
            EndpointOverride::InFirstReading(user.clone())
        }
        Some(_) | None => EndpointOverride::Never,
    }
}

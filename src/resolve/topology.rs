//! The network: virtual networks, firewalls and clusters, each part named by the others.

use super::around;
use super::scope::Declared;
use super::scope::ModuleId;
use super::scope::Resolution;
use super::scope::Thing;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::intent::Topology;
use crate::intent::topology as intent;
use crate::intent::topology::RouteHop;
use crate::intent::topology::RouteTarget;
use crate::syntax::ast;
use crate::syntax::ast::GatewayKind;
use crate::syntax::ast::Outbound;

/// What service endpoints there are for, after `Microsoft.` (`azure-routing.md §5`).
const SERVICES: [&str; 11] = [
    "Storage",
    "Storage.Global",
    "Sql",
    "AzureCosmosDB",
    "KeyVault",
    "ServiceBus",
    "EventHub",
    "AzureActiveDirectory",
    "Web",
    "CognitiveServices",
    "ContainerRegistry",
];

impl<'a> Resolution<'a> {
    /// The whole network. Parts that have an error are left out and reported.
    pub(super) fn topology(&mut self) -> Topology {
        self.check_part_names();
        let mut topology = Topology::default();
        for at in 0..self.parts.vnets.len() {
            let network = self.network(at);
            topology.networks.extend(network);
        }
        make_peerings_mutual(&mut topology);
        for part in self.parts.gateways.clone() {
            self.gateway(&part, &mut topology);
        }
        for part in self.parts.private_endpoints.clone() {
            self.private_endpoint(&part, &mut topology);
        }
        for part in self.parts.firewalls.clone() {
            let firewall = self.firewall_part(&part);
            topology.firewalls.extend(firewall);
        }
        for part in self.parts.clusters.clone() {
            let cluster = self.cluster(&part);
            topology.clusters.extend(cluster);
        }
        for part in self.parts.on_premises.clone() {
            let Some(prefixes) = self.prefixes(part.module, &part.node.prefixes) else { continue };
            let origin = self.origin(part.module, part.span);
            topology.on_premises.push(intent::OnPremises { name: part.name, prefixes, origin });
        }
        topology
    }

    fn network(&mut self, at: usize) -> Option<intent::VirtualNetwork> {
        let part = self.parts.vnets.get(at)?.clone();
        let Declared { module, name, node, span, .. } = part;
        if let Some(id) = &node.id {
            self.unsupported(id.span, "resources that exist under an `id` are");
        }
        let prefixes = self.prefixes(module, &node.prefixes);
        let dns = self.dns(module, &node.dns);
        let mut peers = Some(Vec::new());
        for peering in &node.peers {
            let settings = [
                &peering.node.forwarded_traffic,
                &peering.node.gateway_transit,
                &peering.node.remote_gateway,
            ];
            for setting in settings.into_iter().flatten() {
                self.unsupported(setting.span, "settings of a peering are");
            }
            let other = self.vnet(module, &peering.node.vnet).map(|other| self.vnet_name(other));
            if other.as_ref() == Some(&name) {
                let found = Diagnostic::new(
                    Code::BAD_PLACE,
                    format!("virtual network `{name}` cannot peer with itself"),
                );
                self.report(found.at(peering.span, "itself"));
            }
            peers = peers.zip(other).map(|(mut peers, other)| {
                peers.push(other);
                peers
            });
        }
        let own: Vec<Declared<'a, ast::Subnet>> = self
            .parts
            .subnets
            .iter()
            .filter(|(within, _)| *within == at)
            .map(|(_, part)| part.clone())
            .collect();
        let mut subnets = Vec::new();
        for part in own {
            subnets.extend(self.subnet(part));
        }
        let origin = self.origin(module, span);
        Some(intent::VirtualNetwork {
            name,
            prefixes: prefixes?,
            subnets,
            peers: peers?,
            dns: dns?,
            gateway_routes: Vec::new(),
            owned: false,
            origin,
        })
    }

    /// One firewall, addresses, or nothing for Azure's resolver.
    fn dns(
        &mut self,
        module: ModuleId,
        servers: &'a [Spanned<ast::Value<std::net::IpAddr>>],
    ) -> Option<intent::Dns> {
        let mut addresses = Vec::new();
        for server in servers {
            if let ast::Value::Named(path) = &server.node
                && path.module.is_none()
                && self.parts.firewalls.iter().any(|part| part.name == path.name.node.as_str())
            {
                let name = path.name.node.as_str().to_owned();
                if servers.len() == 1 {
                    return Some(intent::Dns::Firewall(name));
                }
                let found = Diagnostic::new(
                    Code::BAD_PLACE,
                    format!("firewall `{name}` cannot share `dns` with other servers"),
                )
                .at(server.span, "one of several")
                .help("name the firewall alone: clients choose among several by chance");
                return self.refuse(found);
            }
            addresses.push(self.address(module, server)?);
        }
        Some(if addresses.is_empty() {
            intent::Dns::Azure
        } else {
            intent::Dns::Servers(addresses)
        })
    }

    fn subnet(&mut self, part: Declared<'a, ast::Subnet>) -> Option<intent::Subnet> {
        let Declared { module, name, node, span, .. } = part;
        if let Some(setting) = &node.gateway_routes {
            self.unsupported(setting.span, "`gateway-routes` is");
        }
        if let Some(nsg) = &node.nsg {
            self.unsupported(nsg.span, "network security groups are");
        }
        if let Some(id) = &node.id {
            self.unsupported(id.span, "resources that exist under an `id` are");
        }
        let prefixes = self.prefixes(module, &node.prefixes);
        let routes_via = match &node.routes_via {
            Some(firewall) => self.firewall(module, firewall).map(Some),
            None => Some(None),
        };
        let mut exceptions = Vec::new();
        for route in &node.routes {
            let Some(exception) = self.route(module, route) else { continue };
            if exception.hop == RouteHop::Internet {
                let found = around::internet_route(&name, &exception.target, route.span);
                self.findings.extend(found);
            }
            exceptions.push(exception);
        }
        let is_open = !matches!(node.outbound.as_ref().map(|o| o.node), Some(Outbound::None));
        if node.routes_via.is_some() && is_open {
            let written = node.prefixes.iter().zip(prefixes.iter().flatten());
            let mut found = written.filter_map(|(written, prefix)| {
                around::ipv6(&name, *prefix, &exceptions, written.span)
            });
            self.findings.extend(found.next());
        }
        let mut service_endpoints = Vec::new();
        for written in &node.service_endpoints {
            let Some(service) = self.endpoint_service(written) else { continue };
            self.findings.extend(around::service_endpoint(&name, &service, written.span));
            service_endpoints.push(service);
        }
        let (default_outbound, explicit_outbound) = match node.outbound.as_ref().map(|o| o.node) {
            None => (None, false),
            Some(Outbound::None) => (Some(false), false),
            Some(Outbound::Default) => (Some(true), false),
            Some(Outbound::NatGateway | Outbound::LoadBalancer | Outbound::PublicIp) => {
                (Some(false), true)
            }
        };
        let origin = self.origin(module, span);
        Some(intent::Subnet {
            name,
            prefixes: prefixes?,
            routes_via: routes_via?,
            exceptions,
            service_endpoints,
            private_endpoints: Vec::new(),
            endpoint_routes: node.private_endpoint_policies.as_ref().is_some_and(|on| on.node),
            default_outbound,
            explicit_outbound,
            origin,
        })
    }

    /// A service as ARM spells it; the prefix may be left out.
    fn endpoint_service(&mut self, written: &Spanned<ast::TagName>) -> Option<String> {
        let text = written.node.as_str();
        let given = text.to_ascii_lowercase();
        let given = given.strip_prefix("microsoft.").unwrap_or(&given);
        if let Some(known) = SERVICES.iter().find(|known| known.eq_ignore_ascii_case(given)) {
            return Some(format!("Microsoft.{known}"));
        }
        let known: Vec<String> =
            SERVICES.iter().map(|known| format!("`Microsoft.{known}`")).collect();
        let found = Diagnostic::new(
            Code::BAD_PLACE,
            format!("`{text}` is no service that a subnet has an endpoint for"),
        )
        .at(written.span, "Azure would refuse it")
        .help(format!("the services are {}", known.join(", ")));
        self.refuse(found)
    }

    fn route(
        &mut self,
        module: ModuleId,
        route: &'a Spanned<ast::Route>,
    ) -> Option<intent::RouteException> {
        let ast::Route { destination, target } = &route.node;
        let matched = match &destination.node {
            ast::RouteDestination::Prefix(prefix) => {
                let prefix = Spanned::new(prefix.clone(), destination.span);
                self.prefix(module, &prefix).map(RouteTarget::Prefix)
            }
            ast::RouteDestination::Tag(tag) => {
                let tag = Spanned::new(tag.clone(), destination.span);
                self.tag(module, &tag).map(RouteTarget::ServiceTag)
            }
        };
        let hop = match &target.node {
            ast::RouteTarget::Internet => Some(RouteHop::Internet),
            ast::RouteTarget::None => Some(RouteHop::Drop),
            ast::RouteTarget::Vnet => Some(RouteHop::Local),
            ast::RouteTarget::Gateway => self.gateway_hop(target.span),
            ast::RouteTarget::Appliance(value) => self.appliance(module, value, target.span),
        };
        let origin = self.origin(module, route.span);
        Some(intent::RouteException { target: matched?, hop: hop?, because: None, origin })
    }

    /// A written route leads to a VPN gateway only (`azure-routing.md §3`).
    fn gateway_hop(&mut self, span: Span) -> Option<RouteHop> {
        let express = self.parts.gateways.iter().find_map(|part| {
            part.node.kind.as_ref().filter(|kind| kind.node == GatewayKind::ExpressRoute)
        });
        let Some(kind) = express.copied() else { return Some(RouteHop::Gateway) };
        let found = Diagnostic::new(
            Code::BAD_PLACE,
            "a written route cannot lead to an ExpressRoute gateway",
        )
        .at(span, "Azure takes a VPN gateway only")
        .also(kind.span, "the gateway's kind")
        .help("leave the route out: what the gateway learns needs none");
        self.refuse(found)
    }

    fn appliance(
        &mut self,
        module: ModuleId,
        value: &ast::Value<std::net::IpAddr>,
        span: Span,
    ) -> Option<RouteHop> {
        if let ast::Value::Named(path) = value
            && path.module.is_none()
        {
            let name = path.name.node.as_str();
            if self.parts.firewalls.iter().any(|part| part.name == name) {
                return Some(RouteHop::Firewall(name.to_owned()));
            }
            let is_value = self
                .entries(module, name)
                .iter()
                .any(|entry| matches!(entry.thing, Thing::Param(_) | Thing::Table(_)));
            if !is_value {
                let known: Vec<String> =
                    self.parts.firewalls.iter().map(|part| part.name.clone()).collect();
                return self.not_a_part("firewall", name, span, &known);
            }
        }
        self.address(module, &Spanned::new(value.clone(), span)).map(RouteHop::Appliance)
    }

    fn gateway(
        &mut self,
        part: &Declared<'a, ast::Gateway>,
        topology: &mut Topology,
    ) -> Option<()> {
        let prefixes = self.prefixes(part.module, &part.node.learns)?;
        let vnet = self.vnet(part.module, &part.node.place)?;
        let name = self.vnet_name(vnet);
        let network = topology.networks.iter_mut().find(|network| network.name == name)?;
        network.gateway_routes.extend(prefixes);
        Some(())
    }

    fn private_endpoint(
        &mut self,
        part: &Declared<'a, ast::PrivateEndpoint>,
        topology: &mut Topology,
    ) -> Option<()> {
        let Declared { module, name, node, at, .. } = part;
        if let Some(resource) = &node.resource {
            self.unsupported(resource.span, "the resource behind a private endpoint is");
        }
        let [address] = node.addresses.as_slice() else {
            let found = Diagnostic::new(
                Code::MISSING_SETTING,
                format!(
                    "expected one `address` in private endpoint `{name}`, found {}",
                    node.addresses.len()
                ),
            )
            .at(*at, "has one address")
            .help("write a private endpoint for each address");
            return self.refuse(found);
        };
        let address_span = address.span;
        let address = self.address(*module, address)?;
        let mut names = Vec::new();
        for host in &node.serves {
            names.extend(self.served(*module, host));
        }
        let subnet_name = self.name(*module, &node.subnet)?;
        let holders: Vec<(usize, Span)> = self
            .parts
            .subnets
            .iter()
            .filter(|(_, subnet)| subnet.name == subnet_name)
            .map(|(vnet, subnet)| (*vnet, subnet.at))
            .collect();
        let (vnet, _) = match holders.as_slice() {
            [one] => *one,
            [] => {
                let known: Vec<String> =
                    self.parts.subnets.iter().map(|(_, part)| part.name.clone()).collect();
                return self.not_a_part("subnet", &subnet_name, node.subnet.span, &known);
            }
            [(_, first), (_, second), ..] => {
                let found = Diagnostic::new(
                    Code::AMBIGUOUS_NAME,
                    format!("two virtual networks have a subnet `{subnet_name}`"),
                )
                .at(node.subnet.span, "which of them?")
                .also(*first, "declared here")
                .also(*second, "and here")
                .help("give one of them another name");
                return self.refuse(found);
            }
        };
        let network = self.vnet_name(vnet);
        let network = topology.networks.iter_mut().find(|other| other.name == network)?;
        let subnet = network.subnets.iter_mut().find(|subnet| subnet.name == subnet_name)?;
        if !subnet.prefixes.iter().any(|prefix| prefix.contains(&address)) {
            let found = Diagnostic::new(
                Code::BAD_PLACE,
                format!("`{address}` does not lie in subnet `{subnet_name}`"),
            )
            .at(address_span, "outside the subnet")
            .also(node.subnet.span, "the subnet it stands in");
            return self.refuse(found);
        }
        let name = name.clone();
        if !subnet.endpoint_routes {
            let found = around::private_endpoint(&name, address, &subnet_name, address_span);
            self.findings.push(found);
        }
        subnet.private_endpoints.push(intent::PrivateEndpoint { name, address, names });
        Some(())
    }

    fn served(
        &mut self,
        module: ModuleId,
        host: &Spanned<ast::Value<ast::HostPattern>>,
    ) -> Option<Fqdn> {
        let pattern = match &host.node {
            ast::Value::Given(pattern) => self.host(pattern, host.span)?,
            ast::Value::Filled(text) => {
                let filled = self.fill_narrow(module, text, host.span)?;
                match super::operand::pattern(&filled) {
                    Ok(pattern) => pattern,
                    Err(why) => {
                        let found = Diagnostic::new(
                            Code::BAD_NAME,
                            format!("`{filled}` is no host name: {why}"),
                        );
                        return self.refuse(found.at(host.span, "expected a host name"));
                    }
                }
            }
            ast::Value::Named(path) => {
                let operand = ast::Operand::Reference(path.clone());
                let ends = self.operand(module, &operand, host.span)?;
                match ends.names.leaves.first() {
                    Some(pattern) if ends.is_names() && ends.names.leaves.len() == 1 => {
                        pattern.clone()
                    }
                    _ => {
                        let found = Diagnostic::new(
                            Code::WRONG_KIND,
                            "expected one host name, found a set",
                        );
                        return self.refuse(found.at(host.span, "no single name"));
                    }
                }
            }
        };
        match pattern {
            FqdnPattern::Exact(name) => Some(name),
            FqdnPattern::Any | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => {
                let found = Diagnostic::new(
                    Code::BAD_NAME,
                    format!("expected a host name, found the wildcard `{pattern}`"),
                )
                .at(host.span, "DNS has a record for each name");
                self.refuse(found)
            }
        }
    }

    /// Parts of one kind have different names; Azure takes upper and lower case as the same.
    fn check_part_names(&mut self) {
        let mut names: Vec<(&str, String, Span)> = Vec::new();
        let parts = &self.parts;
        names
            .extend(parts.vnets.iter().map(|part| ("virtual network", part.name.clone(), part.at)));
        names.extend(parts.firewalls.iter().map(|part| ("firewall", part.name.clone(), part.at)));
        names.extend(parts.clusters.iter().map(|part| ("cluster", part.name.clone(), part.at)));
        names.extend(parts.gateways.iter().map(|part| ("gateway", part.name.clone(), part.at)));
        names.extend(
            parts.on_premises.iter().map(|part| ("on-premises site", part.name.clone(), part.at)),
        );
        names.extend(
            parts
                .private_endpoints
                .iter()
                .map(|part| ("private endpoint", part.name.clone(), part.at)),
        );
        self.check_distinct(&names);
        for vnet in 0..self.parts.vnets.len() {
            let own = self.parts.subnets.iter().filter(|(within, _)| *within == vnet);
            let names: Vec<_> =
                own.map(|(_, part)| ("subnet", part.name.clone(), part.at)).collect();
            self.check_distinct(&names);
        }
        for cluster in self.parts.clusters.clone() {
            let mut names = Vec::new();
            for pool in &cluster.node.pools {
                let name = self.name(cluster.module, &pool.node.name);
                names.extend(name.map(|name| ("pool", name, pool.node.name.span)));
            }
            self.check_distinct(&names);
        }
    }

    fn check_distinct(&mut self, names: &[(&str, String, Span)]) {
        for (index, (kind, name, span)) in names.iter().enumerate() {
            let earlier = names.iter().take(index).find(|(other_kind, other, _)| {
                other_kind == kind && other.eq_ignore_ascii_case(name)
            });
            if let Some((_, _, first)) = earlier {
                let found = Diagnostic::new(
                    Code::DUPLICATE_NAME,
                    format!("{kind} `{name}` is declared twice"),
                )
                .at(*span, "declared again")
                .also(*first, "declared here");
                let found = if span == first {
                    found.note("the same file is imported twice")
                } else {
                    found.help("give one of them another name")
                };
                self.report(found);
            }
        }
    }
}

/// A peering connects both networks, whichever of them names it.
fn make_peerings_mutual(topology: &mut Topology) {
    let named: Vec<(String, String)> = topology
        .networks
        .iter()
        .flat_map(|network| network.peers.iter().map(|peer| (peer.clone(), network.name.clone())))
        .collect();
    for (network, peer) in named {
        let found = topology.networks.iter_mut().find(|other| other.name == network);
        if let Some(network) = found
            && !network.peers.contains(&peer)
        {
            network.peers.push(peer);
        }
    }
    for network in &mut topology.networks {
        network.peers.sort();
        network.peers.dedup();
    }
}

//! Networks and policies.

use crate::diagnostic::Span;

use super::super::ast::Action;
use super::super::ast::ApiServer;
use super::super::ast::Cluster;
use super::super::ast::Dnat;
use super::super::ast::DnatTarget;
use super::super::ast::Firewall;
use super::super::ast::Gateway;
use super::super::ast::GatewayKind;
use super::super::ast::Network;
use super::super::ast::NetworkItem;
use super::super::ast::Nsg;
use super::super::ast::NsgDirection;
use super::super::ast::NsgRule;
use super::super::ast::Outbound;
use super::super::ast::Peering;
use super::super::ast::Plugin;
use super::super::ast::Policy;
use super::super::ast::PolicyParent;
use super::super::ast::Pool;
use super::super::ast::PrivateEndpoint;
use super::super::ast::Route;
use super::super::ast::RouteDestination;
use super::super::ast::RouteTarget;
use super::super::ast::Sku;
use super::super::ast::SnatMode;
use super::super::ast::Subnet;
use super::super::ast::ThreatMode;
use super::super::ast::VirtualHub;
use super::super::ast::Vnet;
use super::block;
use super::block::Layout;
use super::block::Members;
use super::flat::Flat;
use super::flat::list;
use super::page::Page;
use super::rule;

/// `network NAME { … }`
pub(super) fn network(page: &mut Page<'_>, span: Span, network: &Network) {
    let mut members = Members::default();
    for item in &network.items {
        let (heading, inner, layout) = match &item.node {
            NetworkItem::Vnet(vnet) => self::vnet(vnet),
            NetworkItem::Firewall(firewall) => self::firewall(firewall),
            NetworkItem::Cluster(cluster) => self::cluster(cluster),
            NetworkItem::VirtualHub(hub) => virtual_hub(hub),
            NetworkItem::Gateway(gateway) => self::gateway(gateway),
            NetworkItem::OnPremises(place) => {
                let heading =
                    format!("on-premises {} {}", place.name.flat(), list(&place.prefixes));
                (heading, Members::default(), Layout::Leaf)
            }
            NetworkItem::PrivateEndpoint(endpoint) => private_endpoint(endpoint),
            NetworkItem::Nsg(nsg) => self::nsg(nsg),
        };
        members.block(item.span, heading, inner, layout);
    }
    block::block(page, span, &format!("network {}", network.name.flat()), members, Layout::Tall);
}

/// The heading, members and layout of a block.
type Parts<'a> = (String, Members<'a>, Layout);

fn vnet(vnet: &Vnet) -> Parts<'_> {
    let mut members = Members::default();
    for peer in &vnet.peers {
        let (heading, inner, layout) = peering(&peer.node);
        members.block(peer.span, heading, inner, layout);
    }
    members.list("dns", &vnet.dns);
    for subnet in &vnet.subnets {
        let (heading, inner, layout) = self::subnet(&subnet.node);
        members.block(subnet.span, heading, inner, layout);
    }
    members.setting("id", vnet.id.as_ref());
    let heading = format!("vnet {} {}", vnet.name.flat(), list(&vnet.prefixes));
    (heading, members, Layout::TallOrNone)
}

fn peering(peering: &Peering) -> Parts<'_> {
    let mut members = Members::default();
    members.setting("forwarded-traffic", peering.forwarded_traffic.as_ref());
    members.setting("gateway-transit", peering.gateway_transit.as_ref());
    members.setting("remote-gateway", peering.remote_gateway.as_ref());
    (format!("peers {}", peering.vnet.flat()), members, Layout::Leaf)
}

fn subnet(subnet: &Subnet) -> Parts<'_> {
    let mut members = Members::default();
    members.setting("routes via", subnet.routes_via.as_ref());
    for route in &subnet.routes {
        members.line(route.span, route.flat());
    }
    members.setting("gateway-routes", subnet.gateway_routes.as_ref());
    members.list("service-endpoints", &subnet.service_endpoints);
    members.setting("outbound", subnet.outbound.as_ref());
    members.setting("nsg", subnet.nsg.as_ref());
    members.setting("private-endpoint-policies", subnet.private_endpoint_policies.as_ref());
    members.setting("id", subnet.id.as_ref());
    let heading = format!("subnet {} {}", subnet.name.flat(), list(&subnet.prefixes));
    (heading, members, Layout::Leaf)
}

impl Flat for Route {
    fn flat(&self) -> String {
        let destination = match &self.destination.node {
            RouteDestination::Prefix(prefix) => prefix.flat(),
            RouteDestination::Tag(tag) => format!("tag {}", tag.flat()),
        };
        let target = match &self.target.node {
            RouteTarget::Internet => "internet".to_owned(),
            RouteTarget::None => "none".to_owned(),
            RouteTarget::Vnet => "vnet".to_owned(),
            RouteTarget::Gateway => "gateway".to_owned(),
            RouteTarget::Appliance(address) => address.flat(),
        };
        format!("route {destination} via {target}")
    }
}

impl Flat for bool {
    fn flat(&self) -> String {
        if *self { "on".to_owned() } else { "off".to_owned() }
    }
}

impl Flat for Outbound {
    fn flat(&self) -> String {
        let word = match self {
            Outbound::None => "none",
            Outbound::Default => "default",
            Outbound::NatGateway => "nat-gateway",
            Outbound::LoadBalancer => "load-balancer",
            Outbound::PublicIp => "public-ip",
        };
        word.to_owned()
    }
}

fn firewall(firewall: &Firewall) -> Parts<'_> {
    let mut members = Members::default();
    members.setting("sku", firewall.sku.as_ref());
    members.setting("private-ip", firewall.private_ip.as_ref());
    members.list("public-ip", &firewall.public_ips);
    members.setting("dns-proxy", firewall.dns_proxy.as_ref());
    members.list("dns-servers", &firewall.dns_servers);
    members.setting("enforces", firewall.enforces.as_ref());
    members.setting("id", firewall.id.as_ref());
    let heading = format!("firewall {} in {}", firewall.name.flat(), firewall.place.flat());
    (heading, members, Layout::BracedLeaf)
}

impl Flat for Sku {
    fn flat(&self) -> String {
        let word = match self {
            Sku::Basic => "basic",
            Sku::Standard => "standard",
            Sku::Premium => "premium",
        };
        word.to_owned()
    }
}

fn cluster(cluster: &Cluster) -> Parts<'_> {
    let mut members = Members::default();
    members.setting("plugin", cluster.plugin.as_ref());
    members.list("pods", &cluster.pods);
    members.setting("service-range", cluster.service_range.as_ref());
    for pool in &cluster.pools {
        members.line(pool.span, pool.flat());
    }
    members.setting("api", cluster.api.as_ref());
    members.setting("id", cluster.id.as_ref());
    let heading = format!("cluster {} in {}", cluster.name.flat(), cluster.vnet.flat());
    (heading, members, Layout::BracedLeaf)
}

impl Flat for Plugin {
    fn flat(&self) -> String {
        let word = match self {
            Plugin::Overlay => "overlay",
            Plugin::NodeSubnet => "node-subnet",
            Plugin::PodSubnet => "pod-subnet",
            Plugin::Kubenet => "kubenet",
        };
        word.to_owned()
    }
}

impl Flat for Pool {
    fn flat(&self) -> String {
        let pool = format!("pool {} on {}", self.name.flat(), self.subnet.flat());
        match &self.pod_subnet {
            Some(subnet) => format!("{pool} pods {}", subnet.flat()),
            None => pool,
        }
    }
}

impl Flat for ApiServer {
    fn flat(&self) -> String {
        match self {
            ApiServer::Private => "private".to_owned(),
            ApiServer::Public(addresses) if addresses.is_empty() => "public".to_owned(),
            ApiServer::Public(addresses) => format!("public {}", list(addresses)),
            ApiServer::Vnet(subnet) => format!("vnet {}", subnet.flat()),
        }
    }
}

fn virtual_hub(hub: &VirtualHub) -> Parts<'_> {
    let mut members = Members::default();
    members.list("connects", &hub.connects);
    members.setting("internet-traffic via", hub.internet_traffic.as_ref());
    members.setting("private-traffic via", hub.private_traffic.as_ref());
    members.setting("id", hub.id.as_ref());
    (format!("virtual-hub {} {}", hub.name.flat(), hub.prefix.flat()), members, Layout::Leaf)
}

fn gateway(gateway: &Gateway) -> Parts<'_> {
    let mut members = Members::default();
    members.setting("kind", gateway.kind.as_ref());
    members.list("learns", &gateway.learns);
    let heading = format!("gateway {} in {}", gateway.name.flat(), gateway.place.flat());
    (heading, members, Layout::Leaf)
}

impl Flat for GatewayKind {
    fn flat(&self) -> String {
        let word = match self {
            GatewayKind::Vpn => "vpn",
            GatewayKind::ExpressRoute => "express-route",
        };
        word.to_owned()
    }
}

fn private_endpoint(endpoint: &PrivateEndpoint) -> Parts<'_> {
    let mut members = Members::default();
    members.list("address", &endpoint.addresses);
    members.list("serves", &endpoint.serves);
    members.setting("resource", endpoint.resource.as_ref());
    let heading =
        format!("private-endpoint {} in {}", endpoint.name.flat(), endpoint.subnet.flat());
    (heading, members, Layout::BracedLeaf)
}

fn nsg(nsg: &Nsg) -> Parts<'_> {
    let mut members = Members::default();
    for rule in &nsg.rules {
        members.own(rule.span, |page| nsg_rule(page, &rule.node));
    }
    members.setting("id", nsg.id.as_ref());
    (format!("nsg {}", nsg.name.flat()), members, Layout::Tall)
}

fn nsg_rule(page: &mut Page<'_>, rule: &NsgRule) {
    let direction = match rule.direction {
        NsgDirection::Inbound => "inbound",
        NsgDirection::Outbound => "outbound",
    };
    let action = match rule.action.node {
        Action::Allow => "allow",
        Action::May => "may",
        Action::Deny => "deny",
    };
    let opening = format!("{direction} {} {action} {}:", rule.priority.node, rule.label.flat());
    rule::sentence(page, &opening, &rule.sources, &rule.destinations, &rule.services);
}

/// `policy NAME { … }`
pub(super) fn policy(page: &mut Page<'_>, span: Span, policy: &Policy) {
    let mut members = Members::default();
    members.setting("extends", policy.extends.as_ref());
    members.setting("sku", policy.sku.as_ref());
    members.setting("threat-intel", policy.threat_intel.as_ref());
    members.setting("threat-intel-allow", policy.threat_intel_allow.as_ref());
    members.setting("idps", policy.idps.as_ref());
    members.setting("inspection-certificate", policy.inspection_certificate.as_ref());
    members.setting("dns-proxy", policy.dns_proxy.as_ref());
    members.list("dns-servers", &policy.dns_servers);
    members.setting("snat", policy.snat.as_ref());
    members.setting("auto-learn-private-ranges", policy.auto_learn_private_ranges.as_ref());
    members.setting("sql-redirect", policy.sql_redirect.as_ref());
    for header in &policy.headers {
        let (name, value) = (header.node.header.flat(), header.node.value.flat());
        let hosts = header.node.hosts.flat();
        members.line(header.span, format!("insert-header {name} = {value} for {hosts}"));
    }
    for dnat in &policy.dnat {
        members.own(dnat.span, |page| self::dnat(page, &dnat.node));
    }
    members.setting("id", policy.id.as_ref());
    let heading = format!("policy {}", policy.name.flat());
    block::block(page, span, &heading, members, Layout::BracedLeaf);
}

impl Flat for PolicyParent {
    fn flat(&self) -> String {
        match self {
            PolicyParent::Named(path) => path.flat(),
            PolicyParent::Id(id) => id.flat(),
        }
    }
}

impl Flat for ThreatMode {
    fn flat(&self) -> String {
        let word = match self {
            ThreatMode::Off => "off",
            ThreatMode::Alert => "alert",
            ThreatMode::Deny => "deny",
        };
        word.to_owned()
    }
}

impl Flat for SnatMode {
    fn flat(&self) -> String {
        match self {
            SnatMode::Always => "always".to_owned(),
            SnatMode::Never => "never".to_owned(),
            SnatMode::Except(set) => format!("except {}", set.flat()),
        }
    }
}

fn dnat(page: &mut Page<'_>, dnat: &Dnat) {
    let target = match &dnat.target.node {
        DnatTarget::Address(address) => address.flat(),
        DnatTarget::Host(host) => host.flat(),
    };
    let line = format!(
        "dnat {}: {} -> {} : {} to {target} port {}",
        dnat.label.flat(),
        dnat.sources.flat(),
        dnat.destination.flat(),
        dnat.services.flat(),
        dnat.port.flat(),
    );
    page.solid(dnat.port.span, &line);
    rule::clauses(page, &dnat.clauses);
}

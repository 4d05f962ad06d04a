//! The topology.
//!
//! In each block a setting is given at most once; lists may be given in one sentence or several.

use std::net::IpAddr;

use crate::diagnostic::Spanned;

use super::rule::Action;
use super::set::Operand;
use super::set::Service;
use super::set::Set;
use super::word::AddressSpec;
use super::word::HostPattern;
use super::word::Name;
use super::word::Tag;
use super::word::TagName;
use super::word::Text;
use super::word::Value;

/// `network NAME { … }`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Network {
    /// The network's name.
    pub name: Spanned<Name>,
    /// What it consists of, in the order of the text.
    pub items: Vec<Spanned<NetworkItem>>,
}

/// A part of a network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NetworkItem {
    /// `vnet …`
    Vnet(Vnet),
    /// `firewall …`
    Firewall(Firewall),
    /// `cluster …`
    Cluster(Cluster),
    /// `virtual-hub …`
    VirtualHub(VirtualHub),
    /// `gateway …`
    Gateway(Gateway),
    /// `on-premises …`
    OnPremises(OnPremises),
    /// `private-endpoint …`
    PrivateEndpoint(PrivateEndpoint),
    /// `nsg …`
    Nsg(Nsg),
}

/// `vnet NAME PREFIXES { … }`: a virtual network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Vnet {
    /// Its name.
    pub name: Spanned<Name>,
    /// Its address space; at least one.
    pub prefixes: Vec<Spanned<Value<AddressSpec>>>,
    /// `subnet …`
    pub subnets: Vec<Spanned<Subnet>>,
    /// `peers …`
    pub peers: Vec<Spanned<Peering>>,
    /// `dns …`: firewalls or addresses; none means Azure's own resolver.
    pub dns: Vec<Spanned<Value<IpAddr>>>,
    /// `id "…"`: it exists under this resource id and is not made.
    pub id: Option<Spanned<Text>>,
}

/// `peers NAME` or `peers NAME { … }`: a peering from the enclosing virtual network to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peering {
    /// The other virtual network.
    pub vnet: Spanned<Name>,
    /// `forwarded-traffic on|off`: packets that did not start in the peer are taken.
    pub forwarded_traffic: Option<Spanned<bool>>,
    /// `gateway-transit on|off`: the peer may use this network's gateway.
    pub gateway_transit: Option<Spanned<bool>>,
    /// `remote-gateway on|off`: this network uses the peer's gateway.
    pub remote_gateway: Option<Spanned<bool>>,
}

/// `subnet NAME PREFIXES { … }`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subnet {
    /// Its name.
    pub name: Spanned<Name>,
    /// Its prefixes; at least one.
    pub prefixes: Vec<Spanned<Value<AddressSpec>>>,
    /// `routes via FIREWALL`: the default route goes there.
    pub routes_via: Option<Spanned<Name>>,
    /// `route … via …`: exceptions to it.
    pub routes: Vec<Spanned<Route>>,
    /// `gateway-routes on|off`: whether routes learned by a gateway are taken.
    pub gateway_routes: Option<Spanned<bool>>,
    /// `service-endpoints Microsoft.Sql`
    pub service_endpoints: Vec<Spanned<TagName>>,
    /// `outbound …`: how packets reach the internet where no route says.
    pub outbound: Option<Spanned<Outbound>>,
    /// `nsg NAME`
    pub nsg: Option<Spanned<Name>>,
    /// `private-endpoint-policies on|off`: whether route tables and NSGs hold for private
    /// endpoints.
    pub private_endpoint_policies: Option<Spanned<bool>>,
    /// `id "…"`: it exists under this resource id and is not made.
    pub id: Option<Spanned<Text>>,
}

/// `route 10.0.0.0/8 via gateway`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// Which packets.
    pub destination: Spanned<RouteDestination>,
    /// Where they go.
    pub target: Spanned<RouteTarget>,
}

/// The prefix of a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteDestination {
    /// `10.0.0.0/8`
    Prefix(Value<AddressSpec>),
    /// `tag AzureMonitor`: each prefix of a service tag.
    Tag(Tag),
}

/// The next hop of a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteTarget {
    /// `internet`
    Internet,
    /// `none`: the packet is dropped.
    None,
    /// `vnet`: the virtual network itself.
    Vnet,
    /// `gateway`: the virtual network gateway.
    Gateway,
    /// A firewall by name, or an appliance by address.
    Appliance(Value<IpAddr>),
}

/// How a subnet's packets reach the internet where no route sends them elsewhere.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Outbound {
    /// `none`: a private subnet, nothing leaves.
    None,
    /// `default`: Azure's default outbound access.
    Default,
    /// `nat-gateway`: through a NAT gateway.
    NatGateway,
    /// `load-balancer`: through outbound rules of a load balancer.
    LoadBalancer,
    /// `public-ip`: through addresses of the machines themselves.
    PublicIp,
}

/// `firewall NAME in VNET { … }`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Firewall {
    /// Its name.
    pub name: Spanned<Name>,
    /// The virtual network or virtual hub it stands in.
    pub place: Spanned<Name>,
    /// `sku basic|standard|premium`
    pub sku: Option<Spanned<Sku>>,
    /// `private-ip ADDRESS`
    pub private_ip: Option<Spanned<Value<IpAddr>>>,
    /// `public-ip ADDRESS, …`
    pub public_ips: Vec<Spanned<Value<IpAddr>>>,
    /// `dns-proxy on|off`
    pub dns_proxy: Option<Spanned<bool>>,
    /// `dns-servers ADDRESS, …`: whom the firewall asks; none means Azure's own resolver.
    pub dns_servers: Vec<Spanned<Value<IpAddr>>>,
    /// `enforces POLICY`: if the policy has another name than the firewall.
    pub enforces: Option<Spanned<Name>>,
    /// `id "…"`: it exists under this resource id and is not made.
    pub id: Option<Spanned<Text>>,
}

/// The tier of a firewall or policy.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Sku {
    /// `basic`
    Basic,
    /// `standard`
    Standard,
    /// `premium`
    Premium,
}

/// `cluster NAME in VNET { … }`: an AKS cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cluster {
    /// Its name.
    pub name: Spanned<Name>,
    /// The virtual network its nodes stand in.
    pub vnet: Spanned<Name>,
    /// `plugin …`
    pub plugin: Option<Spanned<Plugin>>,
    /// `pods PREFIX, …`: where pods have addresses of their own range.
    pub pods: Vec<Spanned<Value<AddressSpec>>>,
    /// `service-range PREFIX`: never seen outside a node.
    pub service_range: Option<Spanned<Value<AddressSpec>>>,
    /// `pool NAME on SUBNET`
    pub pools: Vec<Spanned<Pool>>,
    /// `api …`
    pub api: Option<Spanned<ApiServer>>,
    /// `id "…"`: it exists under this resource id.
    pub id: Option<Spanned<Text>>,
}

/// How pods get their addresses.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Plugin {
    /// `overlay`: Azure CNI Overlay.
    Overlay,
    /// `node-subnet`: Azure CNI, pods in the nodes' subnet.
    NodeSubnet,
    /// `pod-subnet`: Azure CNI, pods in a subnet of their own.
    PodSubnet,
    /// `kubenet`
    Kubenet,
}

/// `pool NAME on SUBNET` or `pool NAME on SUBNET pods SUBNET`: a node pool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pool {
    /// Its name.
    pub name: Spanned<Name>,
    /// The subnet its nodes stand in.
    pub subnet: Spanned<Name>,
    /// The subnet its pods stand in, with the plugin `pod-subnet`.
    pub pod_subnet: Option<Spanned<Name>>,
}

/// How the API server of a cluster is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ApiServer {
    /// `private`: through a private endpoint.
    Private,
    /// `public` or `public ADDRESS, …`: at these addresses, if they are known.
    Public(Vec<Spanned<Value<IpAddr>>>),
    /// `vnet SUBNET`: API server VNet integration, in this subnet.
    Vnet(Spanned<Name>),
}

/// `virtual-hub NAME PREFIX { … }`: a hub of Virtual WAN, secured if a firewall stands in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VirtualHub {
    /// Its name.
    pub name: Spanned<Name>,
    /// Its address space.
    pub prefix: Spanned<Value<AddressSpec>>,
    /// `connects VNET, …`
    pub connects: Vec<Spanned<Name>>,
    /// `internet-traffic via FIREWALL`: routing intent for the internet.
    pub internet_traffic: Option<Spanned<Name>>,
    /// `private-traffic via FIREWALL`: routing intent for private addresses.
    pub private_traffic: Option<Spanned<Name>>,
    /// `id "…"`: it exists under this resource id.
    pub id: Option<Spanned<Text>>,
}

/// `gateway NAME in VNET { … }`: a virtual network gateway.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Gateway {
    /// Its name.
    pub name: Spanned<Name>,
    /// The virtual network or virtual hub it stands in.
    pub place: Spanned<Name>,
    /// `kind vpn|express-route`
    pub kind: Option<Spanned<GatewayKind>>,
    /// `learns PREFIX, …`: the routes it has by BGP.
    pub learns: Vec<Spanned<Value<AddressSpec>>>,
}

/// The kind of a gateway.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum GatewayKind {
    /// `vpn`
    Vpn,
    /// `express-route`
    ExpressRoute,
}

/// `on-premises NAME PREFIXES`: addresses behind a gateway.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OnPremises {
    /// Its name.
    pub name: Spanned<Name>,
    /// Its prefixes; at least one.
    pub prefixes: Vec<Spanned<Value<AddressSpec>>>,
}

/// `private-endpoint NAME in SUBNET { … }`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrivateEndpoint {
    /// Its name.
    pub name: Spanned<Name>,
    /// The subnet it stands in.
    pub subnet: Spanned<Name>,
    /// `address ADDRESS, …`
    pub addresses: Vec<Spanned<Value<IpAddr>>>,
    /// `serves HOST, …`: the names that resolve to it.
    pub serves: Vec<Spanned<Value<HostPattern>>>,
    /// `resource "…"`: the resource id of what it leads to.
    pub resource: Option<Spanned<Text>>,
}

/// `nsg NAME { … }`: a network security group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Nsg {
    /// Its name.
    pub name: Spanned<Name>,
    /// Its rules, in the order of the text; the priorities decide.
    pub rules: Vec<Spanned<NsgRule>>,
    /// `id "…"`: it exists under this resource id and is not made.
    pub id: Option<Spanned<Text>>,
}

/// `outbound 100 allow LABEL: SOURCES -> DESTINATIONS : SERVICES`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NsgRule {
    /// Which way.
    pub direction: NsgDirection,
    /// 100 to 4096; the least goes first. The range is not yet judged.
    pub priority: Spanned<u16>,
    /// [`Action::Allow`] or [`Action::Deny`]; never [`Action::May`].
    pub action: Spanned<Action>,
    /// Names the rule in Azure.
    pub label: Spanned<Name>,
    /// Where packets come from.
    pub sources: Spanned<Set<Operand>>,
    /// Where packets go.
    pub destinations: Spanned<Set<Operand>>,
    /// How.
    pub services: Spanned<Set<Service>>,
}

/// The direction of an NSG rule.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NsgDirection {
    /// `inbound`
    Inbound,
    /// `outbound`
    Outbound,
}

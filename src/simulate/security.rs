//! The network security group of the source's subnet, outbound (`azure-nsg.md §1`, `§2`).

use std::net::IpAddr;
use std::net::Ipv4Addr;

use super::assumptions::VNET_TAG_INCLUDES_DEFAULT;
use super::inquiry::Inquiry;
use super::route::Vantage;
use super::special_purpose::is_platform;
use super::special_purpose::is_private;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::address::ServiceTag;
use crate::azure::policy::Action;
use crate::azure::route::RouteDestination;
use crate::azure::rule::PortEntry;
use crate::azure::security_group::Direction;
use crate::azure::security_group::NetworkSecurityGroup;
use crate::azure::security_group::SecurityRule;
use crate::flow::Atom;
use crate::flow::Flow;

/// The address of Azure's own services on the host (`azure-routing.md §7`).
pub(crate) const AZURE_HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));
/// Instance metadata.
pub(crate) const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
/// Ports of the agents on [`AZURE_HOST`].
pub(crate) const AGENT_PORTS: [u16; 2] = [80, 32526];
/// The port of DNS, on the platform's host and at the proxy of a firewall.
pub(crate) const DNS: u16 = 53;

/// What a security group says, and by which of its rules.
pub(super) struct Judged {
    pub(super) action: Action,
    pub(super) rule: String,
}

/// Asks `group` whether `flow` may leave its subnet.
pub(super) fn outbound(
    group: &NetworkSecurityGroup,
    flow: &Flow,
    vantage: Vantage<'_>,
    inquiry: &mut Inquiry<'_>,
) -> Judged {
    let mut rules: Vec<&SecurityRule> =
        group.rules.iter().filter(|rule| rule.direction == Direction::Outbound).collect();
    rules.sort_by_key(|rule| rule.priority);
    let platform = platform_tag(flow);
    if platform == Some(Platform::Agent) {
        return Judged { action: Action::Allow, rule: "platform".to_owned() };
    }
    for rule in rules {
        // Platform services are stopped only by a rule that names their tag (§1.5).
        let applies = match platform {
            Some(Platform::Tag(tag)) => names_tag(rule, tag),
            Some(Platform::Agent) | None => true,
        };
        if applies && matches(rule, flow, vantage, inquiry) {
            return Judged { action: rule.access, rule: rule.name.clone() };
        }
    }
    if platform.is_some() {
        return Judged { action: Action::Allow, rule: "platform".to_owned() };
    }
    default_rules(flow, vantage, inquiry)
}

/// The default rules (`azure-nsg.md §1.2`).
fn default_rules(flow: &Flow, vantage: Vantage<'_>, inquiry: &mut Inquiry<'_>) -> Judged {
    let judged = |action, rule: &str| Judged { action, rule: rule.to_owned() };
    if in_virtual_network(flow.source, vantage, inquiry)
        && in_virtual_network(flow.destination, vantage, inquiry)
    {
        judged(Action::Allow, "AllowVnetOutBound")
    } else if in_internet(flow.destination, vantage, inquiry) {
        judged(Action::Allow, "AllowInternetOutBound")
    } else {
        judged(Action::Deny, "DenyAllOutBound")
    }
}

/// A platform service that ordinary rules do not reach (`azure-nsg.md §1.5`).
#[derive(Clone, Copy, Eq, PartialEq)]
enum Platform {
    /// Never filtered.
    Agent,
    /// Filtered by rules that name this tag only.
    Tag(&'static str),
}

fn platform_tag(flow: &Flow) -> Option<Platform> {
    if flow.destination == METADATA {
        Some(Platform::Tag("azureplatformimds"))
    } else if flow.destination != AZURE_HOST {
        None
    } else if flow.destination_port == DNS {
        Some(Platform::Tag("azureplatformdns"))
    } else if AGENT_PORTS.contains(&flow.destination_port) {
        Some(Platform::Agent)
    } else {
        None
    }
}

fn names_tag(rule: &SecurityRule, tag: &str) -> bool {
    rule.destinations.iter().any(|entry| match entry {
        DestinationEntry::ServiceTag(named) => named.folded() == tag,
        DestinationEntry::Addresses(_) => false,
    })
}

fn matches(
    rule: &SecurityRule,
    flow: &Flow,
    vantage: Vantage<'_>,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    rule.protocol.is_none_or(|protocol| protocol == flow.protocol)
        && holds_port(&rule.destination_ports, flow.destination_port, flow)
        && holds_source_port(&rule.source_ports, flow, inquiry)
        && side(&rule.sources, &rule.source_groups, flow.source, vantage, inquiry)
        && side(&rule.destinations, &rule.destination_groups, flow.destination, vantage, inquiry)
}

/// A protocol without ports is matched by `*` alone.
fn holds_port(entries: &[PortEntry], port: u16, flow: &Flow) -> bool {
    entries.iter().any(|entry| match entry {
        PortEntry::Any => true,
        PortEntry::Range(range) => flow.protocol.has_ports() && range.contains(port),
    })
}

/// A source port of 0 is one that was not seen.
fn holds_source_port(entries: &[PortEntry], flow: &Flow, inquiry: &mut Inquiry<'_>) -> bool {
    if flow.protocol.has_ports() && flow.source_port == 0 && !entries.contains(&PortEntry::Any) {
        let ports: Vec<String> = entries.iter().map(ToString::to_string).collect();
        return inquiry.ask_named(format!("the source port is one of {}", ports.join(", ")));
    }
    holds_port(entries, flow.source_port, flow)
}

/// Addresses, tags and application security groups are alternatives.
fn side(
    entries: &[DestinationEntry],
    groups: &[String],
    address: IpAddr,
    vantage: Vantage<'_>,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    entries.iter().any(|entry| match entry {
        DestinationEntry::ServiceTag(tag) => in_tag(tag, address, vantage, inquiry),
        DestinationEntry::Addresses(AddressEntry::Unknown(name)) => {
            inquiry.ask_named(format!("{address} in {name}"))
        }
        DestinationEntry::Addresses(entry) => {
            entry.addresses().is_some_and(|set| set.contains(address))
        }
    }) || groups
        .iter()
        .any(|group| inquiry.ask_named(format!("{address} in application security group {group}")))
}

/// Whether `address` is in `tag`; tags that Microsoft's file does not hold are made up here
/// (`azure-nsg.md §2`).
fn in_tag(
    tag: &ServiceTag,
    address: IpAddr,
    vantage: Vantage<'_>,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    let tag = tag.folded();
    match tag.as_str() {
        "virtualnetwork" => in_virtual_network(address, vantage, inquiry),
        "internet" => in_internet(address, vantage, inquiry),
        "azureloadbalancer" | "azureplatformdns" => address == AZURE_HOST,
        "azureplatformimds" => address == METADATA,
        _ => inquiry.ask(&Atom::InServiceTag { tag, address }),
    }
}

/// The tag `VirtualNetwork`: the network, its peers, what gateways and user routes lead to. A
/// default route counts only in one reading.
fn in_virtual_network(address: IpAddr, vantage: Vantage<'_>, inquiry: &mut Inquiry<'_>) -> bool {
    let peers = vantage.peers().filter(|(peering, _, _)| peering.allow_virtual_network_access);
    let peered = peers.flat_map(|(_, _, remote)| remote.address_space.iter());
    let connected = vantage.network.address_space.iter().chain(peered).copied();
    let connected = connected.chain(vantage.behind_gateways());
    // The default rules keep no node from its pods (`azure-routing.md §10`).
    let mut connected = connected.chain(vantage.overlays());
    if address == AZURE_HOST || connected.any(|prefix| prefix.contains(&address)) {
        return true;
    }
    let table = vantage.subnet.route_table.as_ref();
    let table = table.and_then(|name| vantage.deployment.route_tables.get(name));
    let mut by_default_route = false;
    for route in table.into_iter().flat_map(|table| &table.routes) {
        match &route.destination {
            RouteDestination::Prefix(prefix) if !prefix.contains(&address) => {}
            RouteDestination::Prefix(prefix) if prefix.prefix_len() == 0 => by_default_route = true,
            RouteDestination::Prefix(_) => return true,
            RouteDestination::ServiceTag(tag) => {
                let tag = tag.folded();
                if inquiry.ask(&Atom::InServiceTag { tag, address }) {
                    return true;
                }
            }
        }
    }
    by_default_route && inquiry.second_reading(VNET_TAG_INCLUDES_DEFAULT)
}

/// The tag `Internet`: what lies outside `VirtualNetwork` and can be reached from the internet.
fn in_internet(address: IpAddr, vantage: Vantage<'_>, inquiry: &mut Inquiry<'_>) -> bool {
    !is_private(address) && !is_platform(address) && !in_virtual_network(address, vantage, inquiry)
}

//! Whether one rule matches one flow (`azure-firewall.md §10.3`).

use std::net::IpAddr;

use super::assumptions::URL_HOST_ONLY_COVERS_PATHS;
use super::inquiry::Inquiry;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::policy::Tier;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NatRule;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::PortEntry;
use crate::azure::rule::Sources;
use crate::azure::rule::UrlPattern;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;

/// What an application rule is compared with.
#[derive(Clone, Debug)]
pub(super) struct ApplicationView {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: ApplicationProtocolType,
    /// The port that the client connects to; with an explicit proxy, that of the real target.
    pub(super) port: u16,
    pub(super) host: Host,
    /// The path with its query, where the firewall sees one.
    pub(super) path: Option<String>,
    /// Whether TLS was decrypted.
    pub(super) inspected: bool,
}

/// Whether a network rule matches (`azure-firewall.md §10.3`, `net_match`).
pub(super) fn network_rule(
    rule: &NetworkRule,
    flow: &Flow,
    deployment: &Deployment,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    if refers_to_empty_group(&rule.sources.ip_groups, deployment)
        || refers_to_empty_group(&rule.destination_ip_groups, deployment)
    {
        return false;
    }
    protocol_and_port(&rule.protocols, &rule.destination_ports, flow)
        && sources(&rule.sources, flow.source, deployment, inquiry)
        && (destinations(&rule.destination_addresses, flow.destination, inquiry)
            || ip_groups(&rule.destination_ip_groups, flow.destination, deployment, inquiry)
            || rule.destination_fqdns.iter().any(|name| {
                let (name, address) = (name.clone(), flow.destination);
                inquiry.ask(&Atom::FirewallAnswer { name, address })
            }))
}

/// Whether a DNAT rule matches (`azure-firewall.md §4.1`). Whether its target can be resolved is
/// asked by the caller.
pub(super) fn nat_rule(
    rule: &NatRule,
    flow: &Flow,
    deployment: &Deployment,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    !refers_to_empty_group(&rule.sources.ip_groups, deployment)
        && flow.protocol.has_ports()
        && protocol_and_port(&rule.protocols, &rule.destination_ports, flow)
        && addresses(&rule.destination_addresses, flow.destination, inquiry)
        && sources(&rule.sources, flow.source, deployment, inquiry)
}

/// Whether an application rule matches (`azure-firewall.md §10.3`, `app_match`).
pub(super) fn application_rule(
    rule: &ApplicationRule,
    id: impl FnOnce() -> RuleId,
    view: &ApplicationView,
    tier: Tier,
    deployment: &Deployment,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    if refers_to_empty_group(&rule.sources.ip_groups, deployment) {
        return false;
    }
    let pair = |p: &&crate::azure::rule::ApplicationProtocol| {
        p.protocol == view.protocol && p.port == view.port
    };
    rule.protocols.iter().find(pair).is_some()
        && sources(&rule.sources, view.source, deployment, inquiry)
        && target(rule, id, view, tier, inquiry)
}

/// Whether one of the rule's targets fits; they are alternatives.
fn target(
    rule: &ApplicationRule,
    id: impl FnOnce() -> RuleId,
    view: &ApplicationView,
    tier: Tier,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    rule.target_fqdns.iter().any(|pattern| pattern.matches_host(&view.host))
        || rule.target_urls.iter().any(|url| url_target(rule, url, view, tier, inquiry))
        || rule.fqdn_tags.iter().any(|tag| {
            let (tag, host, port) = (fqdn_tag(tag), view.host.clone(), view.port);
            inquiry.ask(&Atom::InFqdnTag { tag, host, port })
        })
        || tier != Tier::Basic
            && rule.web_categories.iter().any(|category| {
                let category = category.to_ascii_lowercase();
                inquiry.ask(&Atom::InWebCategory { category, url: categorised(view, tier) })
            })
        || rule
            .unknown_targets
            .iter()
            .any(|name| inquiry.ask_named(format!("{} in {name}", view.host)))
        || has_only_destination_addresses(rule) && {
            let (rule, address) = (id().to_string(), view.destination);
            inquiry.ask(&Atom::ApplicationDestination { rule, address })
        }
}

/// An FQDN tag as atoms spell it; two texts of Microsoft's spell one of them differently
/// (`azure-firewall.md §2.8`).
pub(crate) fn fqdn_tag(tag: &str) -> String {
    let tag = tag.to_ascii_lowercase();
    if tag == "azurehdinsight" { "hdinsight".to_owned() } else { tag }
}

/// What a web category is looked up for: Premium sees the URL where it is in the clear
/// (`azure-firewall.md §2.7`).
fn categorised(view: &ApplicationView, tier: Tier) -> String {
    match &view.path {
        Some(path) if tier == Tier::Premium => format!("{}{path}", view.host),
        Some(_) | None => view.host.to_string(),
    }
}

/// Whether the environment is asked for the targets of `rule`, whatever a flow shows: an engine that
/// passes over rules may not pass over such a one.
pub(super) fn asks_of_targets(rule: &ApplicationRule) -> bool {
    let ApplicationRule {
        name: _,
        description: _,
        sources: _,
        protocols: _,
        target_fqdns: _,
        target_addresses: _,
        target_urls: _,
        fqdn_tags,
        web_categories,
        destination_addresses: _,
        terminate_tls: _,
        http_headers: _,
        unknown_targets,
    } = rule;
    !fqdn_tags.is_empty()
        || !web_categories.is_empty()
        || !unknown_targets.is_empty()
        || has_only_destination_addresses(rule)
}

/// `azure-firewall.md §2.9`: nobody knows what they are compared with.
pub(crate) fn has_only_destination_addresses(rule: &ApplicationRule) -> bool {
    !rule.destination_addresses.is_empty()
        && rule.target_fqdns.is_empty()
        && rule.target_addresses.is_empty()
        && rule.target_urls.is_empty()
        && rule.fqdn_tags.is_empty()
        && rule.web_categories.is_empty()
        && rule.unknown_targets.is_empty()
}

fn url_target(
    rule: &ApplicationRule,
    url: &UrlPattern,
    view: &ApplicationView,
    tier: Tier,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    match view.protocol {
        ApplicationProtocolType::Http => matches_url(url, view, inquiry),
        ApplicationProtocolType::Https if view.inspected => matches_url(url, view, inquiry),
        // A provisional match: the request inside is looked at after decryption.
        ApplicationProtocolType::Https => {
            rule.terminate_tls && tier == Tier::Premium && url.host.matches_host(&view.host)
        }
        ApplicationProtocolType::Mssql => false,
    }
}

/// Whether a URL pattern matches (`azure-firewall.md §2.4`, §10.3 `url_match`).
fn matches_url(url: &UrlPattern, view: &ApplicationView, inquiry: &mut Inquiry<'_>) -> bool {
    if !url.host.matches_host(&view.host) {
        return false;
    }
    match fit_path(&url.path, view.path.as_deref().unwrap_or("/")) {
        PathFit::Yes => true,
        PathFit::No => false,
        PathFit::HostOnly => inquiry.second_reading(URL_HOST_ONLY_COVERS_PATHS),
    }
}

/// Whether the path of a URL pattern fits that of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PathFit {
    Yes,
    No,
    /// The pattern has no path, and the request has one.
    HostOnly,
}

/// Compares paths (`azure-firewall.md §2.4`): without query, with regard to case.
pub(crate) fn fit_path(pattern: &str, target: &str) -> PathFit {
    let path = target.split(['?', '#']).next().unwrap_or(target);
    let is_root = matches!(path, "" | "/");
    let fits = match (pattern, pattern.strip_suffix('*')) {
        ("", _) if !is_root => return PathFit::HostOnly,
        ("" | "/", _) => is_root,
        (_, Some(prefix)) => path.starts_with(prefix),
        (_, None) => without_final_slash(path) == without_final_slash(pattern),
    };
    if fits { PathFit::Yes } else { PathFit::No }
}

fn without_final_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// Whether the patterns of `rule` name `host` in a URL (`azure-firewall.md §1.9`: a listed URL is
/// inspected whatever its category).
pub(super) fn lists_url_of(rule: &ApplicationRule, host: &Host) -> bool {
    rule.target_urls.iter().any(|url| url.host != FqdnPattern::Any && url.host.matches_host(host))
}

/// Whether nothing but a URL of `rule` fits `host`, so that the request decides.
pub(super) fn needs_url(rule: &ApplicationRule, host: &Host) -> bool {
    let by_name = rule.target_fqdns.iter().any(|pattern| pattern.matches_host(host));
    !by_name && rule.target_urls.iter().any(|url| url.host.matches_host(host))
}

/// Whether protocol and port fit (`azure-firewall.md §1.12`).
fn protocol_and_port(protocols: &[NetworkProtocol], ports: &[PortEntry], flow: &Flow) -> bool {
    let port = || ports.iter().any(|entry| entry.contains(flow.destination_port));
    let every_port = || ports.contains(&PortEntry::Any);
    protocols.iter().any(|protocol| match protocol {
        NetworkProtocol::Any if flow.protocol.has_ports() => port(),
        NetworkProtocol::Any => every_port(),
        NetworkProtocol::Tcp => flow.protocol == IpProtocol::TCP && port(),
        NetworkProtocol::Udp => flow.protocol == IpProtocol::UDP && port(),
        NetworkProtocol::Icmp => {
            flow.protocol == IpProtocol::ICMP || flow.protocol == IpProtocol::ICMPV6
        }
    })
}

/// Whether `source` is among the sources of a rule.
pub(super) fn sources(
    list: &Sources,
    source: IpAddr,
    deployment: &Deployment,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    addresses(&list.addresses, source, inquiry)
        || ip_groups(&list.ip_groups, source, deployment, inquiry)
}

fn addresses(entries: &[AddressEntry], address: IpAddr, inquiry: &mut Inquiry<'_>) -> bool {
    entries.iter().any(|entry| match entry {
        AddressEntry::Unknown(name) => inquiry.ask_named(format!("{address} in {name}")),
        known => known.contains(address) == Some(true),
    })
}

fn destinations(entries: &[DestinationEntry], address: IpAddr, inquiry: &mut Inquiry<'_>) -> bool {
    entries.iter().any(|entry| match entry {
        DestinationEntry::Addresses(entry) => {
            addresses(std::slice::from_ref(entry), address, inquiry)
        }
        DestinationEntry::ServiceTag(tag) => {
            inquiry.ask(&Atom::InServiceTag { tag: tag.folded(), address })
        }
    })
}

fn ip_groups(
    groups: &[Key],
    address: IpAddr,
    deployment: &Deployment,
    inquiry: &mut Inquiry<'_>,
) -> bool {
    groups.iter().any(|name| match deployment.ip_groups.get(name) {
        Some(group) => addresses(&group.addresses, address, inquiry),
        None => inquiry.ask_named(format!("{address} in IP group {name}")),
    })
}

/// A rule that refers to an empty group is skipped as a whole (`azure-firewall.md §3.4`).
pub(crate) fn refers_to_empty_group(groups: &[Key], deployment: &Deployment) -> bool {
    groups
        .iter()
        .any(|name| deployment.ip_groups.get(name).is_some_and(|group| group.addresses.is_empty()))
}

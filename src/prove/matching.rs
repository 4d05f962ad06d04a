//! The flows that a rule matches (`azure-firewall.md §10.3`).

use std::collections::BTreeMap;

use super::atom::FlowAtom;
use super::atom::HostOf;
use super::atom::Party;
use super::atom::Subject;
use super::encoder::Encoder;
use super::encoder::Ends;
use super::encoder::PortOf;
use super::formula::Formula;
use super::path::path_fits;
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
use crate::flow::IpProtocol;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::simulate::matching::fqdn_tag;
use crate::simulate::matching::has_only_destination_addresses;
use crate::simulate::matching::refers_to_empty_group;

/// What application rules are compared with.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) source: Party,
    pub(super) destination: Party,
    /// The port that is connected to; with an explicit proxy, that of the real target.
    pub(super) port: PortOf,
    pub(super) host: HostOf,
    /// Where the firewall takes the flow for one of each protocol. A host is shown there.
    pub(super) seen: BTreeMap<ApplicationProtocolType, Formula>,
    /// Whether the path of requests is seen. In HTTP it always is.
    pub(super) path: SeenPath,
}

/// What the firewall sees of the request inside TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SeenPath {
    /// Nothing.
    Hidden,
    /// The request.
    Decrypted,
    /// The firewall decrypts, and there is no request: it counts as one for `/`.
    Root,
}

impl<'a> Encoder<'a> {
    /// The flows that a network rule matches, given what has become of their ends.
    pub(super) fn network_rule(&mut self, rule: &'a NetworkRule, ends: Ends) -> Formula {
        if refers_to_empty_group(&rule.sources.ip_groups, self.deployment)
            || refers_to_empty_group(&rule.destination_ip_groups, self.deployment)
        {
            return Formula::NEVER;
        }
        let carried = self.protocol_and_port(&rule.protocols, &rule.destination_ports, ends.port);
        let from = self.rule_sources(&rule.sources, ends.source);
        if carried == Formula::NEVER || from == Formula::NEVER {
            return Formula::NEVER;
        }
        let mut to = vec![self.destinations(&rule.destination_addresses, ends.destination)];
        for name in &rule.destination_ip_groups {
            to.push(self.ip_group(ends.destination, name));
        }
        for name in &rule.destination_fqdns {
            to.push(self.ask(FlowAtom::firewall_answer(name, ends.destination)));
        }
        let to = self.any(to);
        self.all([carried, from, to])
    }

    /// The flows that a DNAT rule matches, but for the resolution of its target.
    pub(super) fn nat_rule(&mut self, rule: &'a NatRule, ends: Ends) -> Formula {
        if refers_to_empty_group(&rule.sources.ip_groups, self.deployment) {
            return Formula::NEVER;
        }
        let has_ports = self.has_ports();
        let carried = self.protocol_and_port(&rule.protocols, &rule.destination_ports, ends.port);
        let to = self.entries(ends.destination, &rule.destination_addresses);
        let from = self.rule_sources(&rule.sources, ends.source);
        self.all([has_ports, carried, to, from])
    }

    /// The flows that an application rule matches, as `view` shows them.
    pub(super) fn application_rule(
        &mut self,
        rule: &'a ApplicationRule,
        id: impl Fn() -> RuleId,
        view: &View,
        tier: Tier,
    ) -> Formula {
        if refers_to_empty_group(&rule.sources.ip_groups, self.deployment) {
            return Formula::NEVER;
        }
        let from = self.rule_sources(&rule.sources, view.source);
        if from == Formula::NEVER {
            return Formula::NEVER;
        }
        let mut fits = Vec::new();
        for (protocol, seen) in &view.seen {
            let pairs = rule.protocols.iter().filter(|pair| pair.protocol == *protocol);
            let ports: Vec<u16> = pairs.map(|pair| pair.port).collect();
            if ports.is_empty() || *seen == Formula::NEVER {
                continue;
            }
            let target = self.target(rule, &id, *protocol, view, tier);
            let set: PortSet = ports.iter().copied().map(PortRange::single).collect();
            let port = self.port(view.port, &set);
            let mut targets = vec![self.all([port, target])];
            // An FQDN tag holds names with ports, so each port asks for itself.
            for (port, tag) in
                ports.iter().flat_map(|port| rule.fqdn_tags.iter().map(move |tag| (*port, tag)))
            {
                let at_port = self.is_port(view.port, port);
                let (tag, host) = (fqdn_tag(tag), view.host);
                let in_tag = self.ask(FlowAtom::InFqdnTag { tag, host, port });
                targets.push(self.all([at_port, in_tag]));
            }
            let targets = self.any(targets);
            fits.push(self.all([*seen, targets]));
        }
        let fits = self.any(fits);
        self.all([from, fits])
    }

    /// One of the rule's targets fits, FQDN tags apart.
    fn target(
        &mut self,
        rule: &'a ApplicationRule,
        id: impl Fn() -> RuleId,
        protocol: ApplicationProtocolType,
        view: &View,
        tier: Tier,
    ) -> Formula {
        let host = view.host;
        let mut targets = vec![self.matches(host, &rule.target_fqdns)];
        for url in &rule.target_urls {
            targets.push(self.url_target(rule, url, protocol, view, tier));
        }
        if tier != Tier::Basic {
            let sees_path = match protocol {
                ApplicationProtocolType::Http => true,
                ApplicationProtocolType::Https => view.path != SeenPath::Hidden,
                ApplicationProtocolType::Mssql => false,
            };
            let with_path = sees_path && tier == Tier::Premium;
            for category in &rule.web_categories {
                let category = category.to_ascii_lowercase();
                targets.push(self.ask(FlowAtom::InWebCategory { category, host, with_path }));
            }
        }
        for name in &rule.unknown_targets {
            let (subject, after) = (Subject::Host(host), format!(" in {name}"));
            targets.push(self.ask(FlowAtom::Named { before: String::new(), subject, after }));
        }
        if has_only_destination_addresses(rule) {
            let (rule, address) = (id().to_string(), view.destination);
            targets.push(self.ask(FlowAtom::ApplicationDestination { rule, address }));
        }
        self.any(targets)
    }

    fn url_target(
        &mut self,
        rule: &ApplicationRule,
        url: &UrlPattern,
        protocol: ApplicationProtocolType,
        view: &View,
        tier: Tier,
    ) -> Formula {
        let path = match (protocol, view.path) {
            (ApplicationProtocolType::Mssql, _) => Formula::NEVER,
            (ApplicationProtocolType::Http, _)
            | (ApplicationProtocolType::Https, SeenPath::Decrypted) => path_fits(self, &url.path),
            (ApplicationProtocolType::Https, SeenPath::Root) => path_is_root(&url.path),
            // A provisional match: the request inside is looked at after decryption.
            (ApplicationProtocolType::Https, SeenPath::Hidden)
                if rule.terminate_tls && tier == Tier::Premium =>
            {
                Formula::ALWAYS
            }
            (ApplicationProtocolType::Https, SeenPath::Hidden) => Formula::NEVER,
        };
        let host = self.matches(view.host, [&url.host]);
        self.all([host, path])
    }

    fn protocol_and_port(
        &mut self,
        protocols: &[NetworkProtocol],
        ports: &[PortEntry],
        port: PortOf,
    ) -> Formula {
        let every_port = ports.contains(&PortEntry::Any);
        let set: PortSet = ports.iter().map(|entry| entry.range()).collect();
        let at_port = if every_port { Formula::ALWAYS } else { self.port(port, &set) };
        let mut carried = Vec::new();
        for protocol in protocols {
            let with_port = |encoder: &mut Encoder<'a>, protocol| {
                let protocol = encoder.protocol([protocol]);
                encoder.all([protocol, at_port])
            };
            carried.push(match protocol {
                NetworkProtocol::Any if every_port => Formula::ALWAYS,
                NetworkProtocol::Any => {
                    let has_ports = self.has_ports();
                    self.all([has_ports, at_port])
                }
                NetworkProtocol::Tcp => with_port(self, IpProtocol::TCP),
                NetworkProtocol::Udp => with_port(self, IpProtocol::UDP),
                NetworkProtocol::Icmp => self.protocol([IpProtocol::ICMP, IpProtocol::ICMPV6]),
            });
        }
        self.any(carried)
    }

    /// The source is among those of a rule.
    pub(super) fn rule_sources(&mut self, list: &'a Sources, source: Party) -> Formula {
        let mut from = vec![self.entries(source, &list.addresses)];
        for name in &list.ip_groups {
            from.push(self.ip_group(source, name));
        }
        self.any(from)
    }

    fn destinations(&mut self, entries: &[DestinationEntry], destination: Party) -> Formula {
        let mut addresses: Vec<AddressEntry> = Vec::new();
        let mut to = Vec::new();
        for entry in entries {
            match entry {
                DestinationEntry::Addresses(entry) => addresses.push(entry.clone()),
                DestinationEntry::ServiceTag(tag) => {
                    to.push(self.in_tag(tag.folded(), destination));
                }
            }
        }
        to.push(self.entries(destination, &addresses));
        self.any(to)
    }
}

/// Whether a URL pattern's path fits the request for `/`.
fn path_is_root(pattern: &str) -> Formula {
    match crate::simulate::matching::fit_path(pattern, "/") {
        crate::simulate::matching::PathFit::Yes => Formula::ALWAYS,
        // The pattern without a path and the root need no second reading.
        crate::simulate::matching::PathFit::No | crate::simulate::matching::PathFit::HostOnly => {
            Formula::NEVER
        }
    }
}

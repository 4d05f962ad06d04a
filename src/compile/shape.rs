//! The flows that a rule may take, seen from outside: enough to ask whether two rules compete.
//!
//! A shape never leaves out a flow of its rule. Where the addresses of a tag or a name are not
//! known, it takes in all that they could be, so that a conflict is never missed.

use std::collections::BTreeSet;
use std::fmt;

use super::carriage::ApplicationMatch;
use super::carriage::Carried;
use super::carriage::Matcher;
use super::carriage::NetworkMatch;
use super::ground::prefixes;
use super::statement::Statement;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::order::OrderError;
use crate::azure::order::RuleKind;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationProtocol;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::PortEntry;
use crate::azure::rule::Sources;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::PortSet;

/// Whose rule it is.
#[derive(Clone, Debug)]
pub(super) enum Whose<'a> {
    /// Of a statement of the list.
    Ours(Statement<'a>),
    /// Of a parent policy, and so looked at before ours of its kind.
    Parents(RuleId),
}

impl<'a> Whose<'a> {
    /// The statement, where it is ours.
    pub(super) fn statement(&self) -> Option<&Statement<'a>> {
        match self {
            Whose::Ours(statement) => Some(statement),
            Whose::Parents(_) => None,
        }
    }
}

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Ours(statement) => write!(f, "`{}`", statement.label),
            Whose::Parents(id) => write!(f, "`{id}` of the parent policy `{}`", id.policy),
        }
    }
}

/// A network rule from outside.
#[derive(Clone, Debug)]
pub(super) struct NetworkShape<'a> {
    pub whose: Whose<'a>,
    pub action: Action,
    pub sources: AddressSet,
    pub tcp: PortSet,
    pub udp: PortSet,
    /// Whether it takes ICMP.
    pub icmp: bool,
    /// Everything that the destinations could be.
    pub destinations: AddressSet,
    /// TCP ports on which a deny takes more than its statement means.
    pub named_ports: PortSet,
}

impl NetworkShape<'_> {
    /// Whether some flow may be taken by both.
    pub(super) fn meets(&self, other: &NetworkShape<'_>) -> bool {
        let services =
            self.tcp.meets(&other.tcp) || self.udp.meets(&other.udp) || (self.icmp && other.icmp);
        services
            && self.sources.meets(&other.sources)
            && self.destinations.meets(&other.destinations)
    }

    /// Whether it takes flows of `other`'s sources on a port of `other`'s.
    pub(super) fn reaches(&self, other: &ApplicationShape<'_>) -> bool {
        other.protocols.iter().any(|pair| self.tcp.contains(pair.port))
            && self.sources.meets(&other.sources)
    }
}

/// An application rule from outside.
#[derive(Clone, Debug)]
pub(super) struct ApplicationShape<'a> {
    pub whose: Whose<'a>,
    pub action: Action,
    pub sources: AddressSet,
    pub protocols: BTreeSet<ApplicationProtocol>,
    /// A deny that means more ports than it lists.
    pub any_service: bool,
    pub names: NameSet,
    /// Whether it also takes names that are not known: those of a tag or a category.
    pub more_names: bool,
    /// What is denied ahead of it on its behalf.
    pub except: NameSet,
}

impl ApplicationShape<'_> {
    /// The ports that it reads names on.
    pub(super) fn ports(&self) -> PortSet {
        self.protocols.iter().map(|pair| PortRange::single(pair.port)).collect()
    }

    /// Whether some name may be taken by both.
    pub(super) fn shares_a_name(&self, other: &ApplicationShape<'_>) -> bool {
        self.more_names || other.more_names || self.names.meets(&other.names)
    }

    /// Whether some flow may be taken by both.
    pub(super) fn meets(&self, other: &ApplicationShape<'_>) -> bool {
        !self.protocols.is_disjoint(&other.protocols)
            && self.sources.meets(&other.sources)
            && self.shares_a_name(other)
    }
}

/// The rules of a list or a parent, by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Shapes<'a> {
    pub network: Vec<NetworkShape<'a>>,
    pub application: Vec<ApplicationShape<'a>>,
}

impl<'a> Shapes<'a> {
    /// Those of the list.
    pub(super) fn of_list(carried: &[Carried<'a>]) -> Shapes<'a> {
        let mut shapes = Shapes::default();
        for Carried { statement, matcher } in carried {
            match matcher {
                Matcher::Network(rule) => shapes.network.push(of_network(*statement, rule)),
                Matcher::Application(rule) => {
                    shapes.application.push(of_application(*statement, rule));
                }
            }
        }
        shapes
    }

    /// Those of `policy` and its parents. A rule that refers to an empty IP group is skipped, whatever
    /// else it names (`azure-firewall.md §3.4`).
    ///
    /// # Errors
    /// A policy without an order (`azure-firewall.md §1.2`).
    pub(super) fn of_policy(
        deployment: &Deployment,
        policy: &Key,
    ) -> Result<Shapes<'a>, OrderError> {
        let mut shapes = Shapes::default();
        for kind in [RuleKind::Network, RuleKind::Application] {
            for placed in deployment.collections_in_order(policy, kind)? {
                match &placed.collection.rules {
                    Rules::Network(action, rules) => {
                        let taking = rules.iter().filter(|rule| {
                            !has_empty_group(deployment, &rule.sources.ip_groups)
                                && !has_empty_group(deployment, &rule.destination_ip_groups)
                        });
                        shapes.network.extend(taking.map(|rule| {
                            let whose = Whose::Parents(placed.rule_id(&rule.name));
                            of_parents_network(deployment, whose, *action, rule)
                        }));
                    }
                    Rules::Application(action, rules) => {
                        let taking = rules
                            .iter()
                            .filter(|rule| !has_empty_group(deployment, &rule.sources.ip_groups));
                        shapes.application.extend(taking.map(|rule| {
                            let whose = Whose::Parents(placed.rule_id(&rule.name));
                            of_parents_application(deployment, whose, *action, rule)
                        }));
                    }
                    Rules::Nat(_) => {}
                }
            }
        }
        Ok(shapes)
    }
}

/// Everything but private and reserved addresses that a service tag could hold.
pub(super) fn outside() -> AddressSet {
    AddressSet::all().difference(&prefixes(&[
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
    ]))
}

fn of_network<'a>(statement: Statement<'a>, rule: &NetworkMatch) -> NetworkShape<'a> {
    let mut destinations = rule.addresses.clone();
    if !rule.tags.is_empty() {
        destinations = destinations.union(&outside());
    }
    if !rule.fqdns.is_empty() {
        destinations = AddressSet::all();
    }
    let every_port = rule.ports.is_empty().then_some(PortRange::ALL).map(PortSet::from);
    NetworkShape {
        whose: Whose::Ours(statement),
        action: statement.action,
        sources: statement.sources.set.clone(),
        tcp: ports_of(&rule.protocols, NetworkProtocol::Tcp, every_port.as_ref(), &rule.ports),
        udp: ports_of(&rule.protocols, NetworkProtocol::Udp, every_port.as_ref(), &rule.ports),
        icmp: takes(&rule.protocols, NetworkProtocol::Icmp),
        destinations,
        named_ports: rule.named_ports.clone(),
    }
}

fn of_application<'a>(statement: Statement<'a>, rule: &ApplicationMatch) -> ApplicationShape<'a> {
    let urls = rule.urls.iter().map(|url| &url.host);
    ApplicationShape {
        whose: Whose::Ours(statement),
        action: statement.action,
        sources: statement.sources.set.clone(),
        protocols: rule.protocols.clone(),
        any_service: rule.any_service,
        names: rule.fqdns.iter().chain(urls).collect(),
        more_names: !(rule.fqdn_tags.is_empty() && rule.web_categories.is_empty()),
        except: rule.except.iter().collect(),
    }
}

pub(super) fn of_parents_network<'a>(
    deployment: &Deployment,
    whose: Whose<'a>,
    action: Action,
    rule: &NetworkRule,
) -> NetworkShape<'a> {
    let mut destinations = group_addresses(deployment, &rule.destination_ip_groups);
    for entry in &rule.destination_addresses {
        let more = match entry {
            DestinationEntry::Addresses(entry) => entry_addresses(entry),
            DestinationEntry::ServiceTag(_) => outside(),
        };
        destinations = destinations.union(&more);
    }
    if !rule.destination_fqdns.is_empty() {
        destinations = AddressSet::all();
    }
    let protocols: BTreeSet<NetworkProtocol> = rule.protocols.iter().copied().collect();
    let ports: PortSet = rule
        .destination_ports
        .iter()
        .map(|entry| match entry {
            PortEntry::Any => PortRange::ALL,
            PortEntry::Range(range) => *range,
        })
        .collect();
    NetworkShape {
        whose,
        action,
        sources: source_addresses(deployment, &rule.sources),
        tcp: ports_of(&protocols, NetworkProtocol::Tcp, None, &ports),
        udp: ports_of(&protocols, NetworkProtocol::Udp, None, &ports),
        icmp: takes(&protocols, NetworkProtocol::Icmp),
        destinations,
        named_ports: PortSet::empty(),
    }
}

pub(super) fn of_parents_application<'a>(
    deployment: &Deployment,
    whose: Whose<'a>,
    action: Action,
    rule: &ApplicationRule,
) -> ApplicationShape<'a> {
    let hosts: Vec<FqdnPattern> = rule
        .target_fqdns
        .iter()
        .chain(rule.target_urls.iter().map(|url| &url.host))
        .cloned()
        .collect();
    ApplicationShape {
        whose,
        action,
        sources: source_addresses(deployment, &rule.sources),
        protocols: rule.protocols.iter().copied().collect(),
        any_service: false,
        names: hosts.iter().collect(),
        more_names: !(rule.fqdn_tags.is_empty()
            && rule.web_categories.is_empty()
            && rule.destination_addresses.is_empty()
            && rule.unknown_targets.is_empty()),
        except: NameSet::empty(),
    }
}

fn takes(protocols: &BTreeSet<NetworkProtocol>, protocol: NetworkProtocol) -> bool {
    protocols.contains(&protocol) || protocols.contains(&NetworkProtocol::Any)
}

fn ports_of(
    protocols: &BTreeSet<NetworkProtocol>,
    protocol: NetworkProtocol,
    every_port: Option<&PortSet>,
    ports: &PortSet,
) -> PortSet {
    if takes(protocols, protocol) { every_port.unwrap_or(ports).clone() } else { PortSet::empty() }
}

fn source_addresses(deployment: &Deployment, sources: &Sources) -> AddressSet {
    sources
        .addresses
        .iter()
        .map(entry_addresses)
        .fold(group_addresses(deployment, &sources.ip_groups), |all, more| all.union(&more))
}

fn has_empty_group(deployment: &Deployment, groups: &[Key]) -> bool {
    let mut known = groups.iter().filter_map(|name| deployment.ip_groups.get(name));
    known.any(|group| group.addresses.is_empty())
}

/// The addresses of the groups; of a group that is not known, all that it could hold.
fn group_addresses(deployment: &Deployment, groups: &[Key]) -> AddressSet {
    let mut all = AddressSet::empty();
    for name in groups {
        match deployment.ip_groups.get(name) {
            Some(group) => {
                for entry in &group.addresses {
                    all = all.union(&entry_addresses(entry));
                }
            }
            None => return AddressSet::all(),
        }
    }
    all
}

fn entry_addresses(entry: &AddressEntry) -> AddressSet {
    entry.addresses().unwrap_or_else(AddressSet::all)
}

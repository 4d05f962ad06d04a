//! The rules of the parents, in the order in which a firewall looks at them, as blocks of flows.

use std::collections::BTreeSet;

use super::block::Block;
use super::block::Services;
use super::ground::prefixes;
use super::listed::ByAddress;
use super::listed::ByName;
use super::listed::Extent;
use super::listed::Listed;
use super::listed::every_name;
use super::listed::on_port;
use super::shape;
use super::shape::Whose;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::address::ServiceTag;
use crate::azure::known;
use crate::azure::order::OrderError;
use crate::azure::order::RuleKind;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::azure::region;
use crate::azure::rule::ApplicationProtocol;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::PortEntry;
use crate::azure::rule::Sources;
use crate::flow::AddressSet;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::PortSet;

/// Blocks that no service tag has addresses in (`azure-firewall.md §3.3`; RFC 6890).
const NOT_TAGGED: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
];

/// A rule of a parent.
#[derive(Debug)]
pub(super) struct Inherited<'d> {
    pub id: RuleId,
    pub action: Action,
    rule: Rule<'d>,
}

#[derive(Clone, Copy, Debug)]
enum Rule<'d> {
    Network(&'d NetworkRule),
    Application(&'d ApplicationRule),
}

/// Flows that a rule allows, with what the list permits of them.
#[derive(Debug)]
pub(super) struct Part {
    pub told: Told,
    /// With which protocol a name is shown; `None` where none is looked at.
    pub pair: Option<ApplicationProtocol>,
    pub flows: Block,
    /// What is permitted whatever tags and names hold.
    pub permitted: Vec<Block>,
    /// What could be permitted; `None` where it could be anything.
    pub at_most: Option<Vec<Block>>,
}

/// How the destinations of a part are told.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// By its addresses, which the rule has in these words.
    Addresses(Vec<String>),
    /// By its names, which the rule has in these words.
    Names(Vec<String>),
    /// In these words.
    As(String),
}

/// What the parents deny ahead of a rule.
#[derive(Debug)]
pub(super) struct Denied {
    /// By address, wherever it may be.
    by_address: Vec<Block>,
    /// By address, where it is denied whatever tags hold: a name may live anywhere else.
    surely: Vec<Block>,
    /// By name, for each pair.
    by_name: Vec<(BTreeSet<ApplicationProtocol>, Block)>,
}

/// The rules of `base` and its parents: network rules first, DNAT left out.
///
/// # Errors
/// A policy without an order (`azure-firewall.md §1.2`).
pub(super) fn rules<'d>(
    context: &'d Deployment,
    base: &Key,
) -> Result<Vec<Inherited<'d>>, OrderError> {
    let mut found = Vec::new();
    for kind in [RuleKind::Network, RuleKind::Application] {
        for placed in context.collections_in_order(base, kind)? {
            let mut add = |name: &str, action: Action, rule: Rule<'d>| {
                found.push(Inherited { id: placed.rule_id(name), action, rule });
            };
            match &placed.collection.rules {
                Rules::Network(action, rules) => {
                    for rule in rules {
                        add(&rule.name, *action, Rule::Network(rule));
                    }
                }
                Rules::Application(action, rules) => {
                    for rule in rules {
                        add(&rule.name, *action, Rule::Application(rule));
                    }
                }
                Rules::Nat(_) => {}
            }
        }
    }
    Ok(found)
}

impl Inherited<'_> {
    /// What it allows, part by part; `untranslated` is where the client's address is kept.
    pub(super) fn parts(
        &self,
        context: &Deployment,
        listed: &Listed<'_>,
        untranslated: &AddressSet,
    ) -> Vec<Part> {
        let sources = match self.rule {
            Rule::Network(rule) => &rule.sources,
            Rule::Application(rule) => &rule.sources,
        };
        let groups = match self.rule {
            Rule::Network(rule) => rule.destination_ip_groups.as_slice(),
            Rule::Application(_) => &[],
        };
        // A rule with an empty group is skipped (`azure-firewall.md §3.4`).
        let is_empty = |name: &Key| {
            context.ip_groups.get(name).is_some_and(|group| group.addresses.is_empty())
        };
        if sources.ip_groups.iter().chain(groups).any(is_empty) {
            return Vec::new();
        }
        let sources = Known::of_sources(context, sources);
        let reach = Reach {
            // Of a source that is not known, each subnet may be one.
            sources: if sources.is_whole { sources.addresses } else { AddressSet::all() },
            is_sure: sources.is_whole,
            listed,
        };
        let mut parts = match self.rule {
            Rule::Network(rule) => reach.by_address(rule, context, untranslated),
            Rule::Application(rule) => reach.by_name(rule),
        };
        parts.retain(|part| !part.flows.is_empty());
        parts
    }
}

impl Denied {
    /// What `listed` denies before application rules.
    pub(super) fn new(listed: &Listed<'_>) -> Denied {
        Denied { by_address: Vec::new(), surely: listed.denied.clone(), by_name: Vec::new() }
    }

    /// Adds what `deny` may take.
    pub(super) fn add(&mut self, deny: &Inherited<'_>, context: &Deployment) {
        let whose = || Whose::Parents(deny.id.clone());
        match deny.rule {
            Rule::Network(rule) => {
                let shape = shape::of_parents_network(context, whose(), deny.action, rule);
                let (ports, portless) = services(rule);
                // On some ports, `Any` may take ICMP too.
                let services = Services { icmp: shape.icmp, others: portless.others, ..ports };
                let all = Block {
                    sources: shape.sources,
                    services,
                    destinations: shape.destinations,
                    names: every_name(),
                };
                let known = Known::of_destinations(context, rule);
                let known = if known.is_whole { known.addresses } else { AddressSet::all() };
                self.surely.push(Block { destinations: known, ..all.clone() });
                self.by_address.push(all);
            }
            Rule::Application(rule) => {
                let shape = shape::of_parents_application(context, whose(), deny.action, rule);
                let block = Block {
                    sources: shape.sources,
                    services: Services::default(),
                    destinations: AddressSet::all(),
                    names: if shape.more_names { every_name() } else { shape.names },
                };
                self.by_name.push((shape.protocols, block));
            }
        }
    }

    /// What may be denied by address.
    pub(super) fn by_address(self) -> Vec<Block> {
        [self.by_address, self.surely].concat()
    }

    /// What may be denied of `part`.
    pub(super) fn of(&self, part: &Part) -> Vec<Block> {
        let Some(pair) = part.pair else { return meeting(self.by_address.iter(), &part.flows) };
        let by_name = self.by_name.iter().filter(|(pairs, _)| pairs.contains(&pair));
        let by_name = by_name.map(|(_, block)| Block { services: on_port(pair), ..block.clone() });
        let by_name = by_name.filter(|block| block.meets(&part.flows)).collect();
        [meeting(self.surely.iter(), &part.flows), by_name].concat()
    }
}

/// The sources of a rule, and the list that its flows are compared with.
#[derive(Debug)]
struct Reach<'c> {
    sources: AddressSet,
    /// Whether all of the sources are known.
    is_sure: bool,
    listed: &'c Listed<'c>,
}

impl Reach<'_> {
    fn by_address(
        &self,
        rule: &NetworkRule,
        context: &Deployment,
        untranslated: &AddressSet,
    ) -> Vec<Part> {
        let (with_ports, portless) = services(rule);
        let known = Known::of_destinations(context, rule);
        let part = |told, services: &Services, destinations| {
            let flows = Block {
                sources: self.sources.clone(),
                services: services.clone(),
                destinations,
                names: every_name(),
            };
            self.addresses(told, flows)
        };
        let near = known.addresses.intersection(untranslated);
        let told = Told::Addresses(written(rule));
        let mut parts = vec![
            part(told.clone(), &with_ports, known.addresses),
            // Nothing else is delivered where the source is translated (`azure-firewall.md §1.12`).
            part(told, &portless, near),
        ];
        let tagged = prefixes(&["0.0.0.0/0"]).difference(&prefixes(NOT_TAGGED));
        for entry in &rule.destination_addresses {
            let DestinationEntry::ServiceTag(tag) = entry else { continue };
            let told = Told::As(format!("service tag `{tag}`"));
            let part = part(told, &with_ports, tagged.clone());
            parts.push(self.unknown(part, |other| {
                other.rule.tags.iter().any(|permitted| holds(permitted, tag))
            }));
        }
        for name in &rule.destination_fqdns {
            let told = Told::As(format!("the addresses of `{name}`"));
            let part = part(told, &with_ports, AddressSet::all());
            parts.push(self.unknown(part, |other| other.rule.fqdns.contains(name)));
        }
        if !known.is_whole {
            let told = Told::As("addresses that are not known".to_owned());
            parts.push(self.unknown(part(told, &with_ports, AddressSet::all()), |_| false));
        }
        parts
    }

    fn addresses(&self, told: Told, flows: Block) -> Part {
        let listed = self.listed.by_address.iter();
        let permitted = listed.clone().map(|other| &other.surely);
        let at_most = listed.map(|other| &other.at_most);
        Part {
            permitted: meeting(permitted, &flows),
            at_most: self.is_sure.then(|| meeting(at_most, &flows)),
            told,
            pair: None,
            flows,
        }
    }

    /// A part whose addresses are not known: all of it is permitted by those that `is_same` says
    /// have the same destination.
    fn unknown(&self, part: Part, is_same: impl Fn(&ByAddress<'_>) -> bool) -> Part {
        let same = self
            .listed
            .by_address
            .iter()
            .filter(|other| is_same(other))
            .map(|other| Block { destinations: AddressSet::all(), ..other.surely.clone() });
        let same: Vec<Block> = same.filter(|block| block.meets(&part.flows)).collect();
        Part { permitted: [part.permitted, same].concat(), at_most: None, ..part }
    }

    fn by_name(&self, rule: &ApplicationRule) -> Vec<Part> {
        let pairs: BTreeSet<ApplicationProtocol> = rule.protocols.iter().copied().collect();
        let mut parts = Vec::new();
        for pair in pairs {
            let told = Told::Names(rule.target_fqdns.iter().map(ToString::to_string).collect());
            let named = self.named(pair, told, rule.target_fqdns.iter().collect(), |_| false);
            let at_most = self.listed.by_name.iter();
            let at_most = at_most.filter_map(|other| other.with(pair, Extent::AtMost));
            let at_most: Vec<Block> = at_most.filter(|block| block.meets(&named.flows)).collect();
            let by_address = self.listed.by_address.iter().map(|other| &other.surely);
            let at_most = [at_most, meeting(by_address, &named.flows)].concat();
            parts.push(Part { at_most: self.is_sure.then_some(at_most), ..named });
            let is_read = pair.protocol != ApplicationProtocolType::Https || rule.terminate_tls;
            for url in rule.target_urls.iter().filter(|_| is_read) {
                let told = Told::As(format!("URL `{url}`"));
                parts.push(self.named(pair, told, NameSet::from(&url.host), |other| {
                    other.rule.urls.contains(url)
                }));
            }
            for tag in &rule.fqdn_tags {
                let told = Told::As(format!("FQDN tag `{tag}`"));
                parts.push(self.named(pair, told, every_name(), |other| {
                    other.rule.fqdn_tags.iter().any(|one| one.eq_ignore_ascii_case(tag))
                }));
            }
            for category in &rule.web_categories {
                let told = Told::As(format!("web category `{category}`"));
                parts.push(self.named(pair, told, every_name(), |other| {
                    other.rule.web_categories.iter().any(|one| one.eq_ignore_ascii_case(category))
                }));
            }
            if !rule.destination_addresses.is_empty() || !rule.unknown_targets.is_empty() {
                let told = Told::As("targets that are not known".to_owned());
                parts.push(self.named(pair, told, every_name(), |_| false));
            }
        }
        parts
    }

    /// A part of `names`, all of which are permitted by those that `is_same` says have the same
    /// target.
    fn named(
        &self,
        pair: ApplicationProtocol,
        told: Told,
        names: NameSet,
        is_same: impl Fn(&ByName<'_>) -> bool,
    ) -> Part {
        let flows = Block {
            sources: self.sources.clone(),
            services: on_port(pair),
            destinations: AddressSet::all(),
            names,
        };
        let by_name = self.listed.by_name.iter().filter_map(|other| {
            other.with(pair, if is_same(other) { Extent::Whole } else { Extent::Surely })
        });
        let by_name: Vec<Block> = by_name.filter(|block| block.meets(&flows)).collect();
        let by_address = self.listed.by_address.iter().map(|other| &other.surely);
        let permitted = [by_name, meeting(by_address, &flows)].concat();
        Part { told, pair: Some(pair), permitted, at_most: None, flows }
    }
}

/// The addresses of a list, as far as they are known.
#[derive(Debug)]
struct Known {
    addresses: AddressSet,
    /// Whether there are no others, tags and names aside.
    is_whole: bool,
}

impl Known {
    fn of_sources(context: &Deployment, sources: &Sources) -> Known {
        Known::of(context, sources.addresses.iter(), &sources.ip_groups)
    }

    fn of_destinations(context: &Deployment, rule: &NetworkRule) -> Known {
        let entries = rule.destination_addresses.iter().filter_map(|entry| match entry {
            DestinationEntry::Addresses(entry) => Some(entry),
            DestinationEntry::ServiceTag(_) => None,
        });
        Known::of(context, entries, &rule.destination_ip_groups)
    }

    fn of<'e>(
        context: &'e Deployment,
        entries: impl Iterator<Item = &'e AddressEntry>,
        groups: &[Key],
    ) -> Known {
        let mut known = Known { addresses: AddressSet::empty(), is_whole: true };
        let found = groups.iter().filter_map(|name| context.ip_groups.get(name));
        known.is_whole = found.clone().count() == groups.len();
        for entry in entries.chain(found.flat_map(|group| &group.addresses)) {
            match entry.addresses() {
                Some(more) => known.addresses = known.addresses.union(&more),
                None => known.is_whole = false,
            }
        }
        known
    }
}

/// What `rule` takes on ports, and what without any (`azure-firewall.md §1.12`).
fn services(rule: &NetworkRule) -> (Services, Services) {
    let takes = |protocol| rule.protocols.contains(&protocol);
    let any = takes(NetworkProtocol::Any);
    let ports = rule.destination_ports.iter().map(|entry| match entry {
        PortEntry::Any => PortRange::ALL,
        PortEntry::Range(range) => *range,
    });
    // A rule of the list cannot have port 0, and nothing uses it.
    let ports = ports.collect::<PortSet>().difference(&PortRange::single(0).into());
    let of = |is_taken: bool| if is_taken { ports.clone() } else { PortSet::empty() };
    let is_every_port = rule.destination_ports.contains(&PortEntry::Any);
    let on_ports = Services {
        tcp: of(any || takes(NetworkProtocol::Tcp)),
        udp: of(any || takes(NetworkProtocol::Udp)),
        ..Services::default()
    };
    let portless = Services {
        icmp: takes(NetworkProtocol::Icmp) || any && is_every_port,
        others: any && is_every_port,
        ..Services::default()
    };
    (on_ports, portless)
}

/// The destinations of `rule`, tags and names left out, in its words.
fn written(rule: &NetworkRule) -> Vec<String> {
    let entries = rule.destination_addresses.iter().filter_map(|entry| match entry {
        DestinationEntry::Addresses(entry) => Some(entry.to_string()),
        DestinationEntry::ServiceTag(_) => None,
    });
    entries.chain(rule.destination_ip_groups.iter().map(ToString::to_string)).collect()
}

/// Whether what `inner` holds is in `outer`: the same tag, or that of all regions.
fn holds(outer: &ServiceTag, inner: &ServiceTag) -> bool {
    let (outer, inner) = (outer.folded(), inner.clone().with_azure_suffix().folded());
    let is_region = |text: &str| {
        region::is_azure_suffix(text)
            || known::TAG_REGIONS.iter().any(|known| known.eq_ignore_ascii_case(text))
    };
    outer == inner
        || inner
            .split_once('.')
            .is_some_and(|(service, location)| service == outer && is_region(location))
}

fn meeting<'b>(blocks: impl Iterator<Item = &'b Block>, flows: &Block) -> Vec<Block> {
    blocks.filter(|block| block.meets(flows)).cloned().collect()
}

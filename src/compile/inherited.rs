//! The rules of the parents, in the order in which a firewall looks at them, as blocks of flows.

use std::collections::BTreeSet;

use super::block::Block;
use super::block::BlockIndex;
use super::block::Services;
use super::block::spend;
use super::ground::prefixes;
use super::listed::ByAddress;
use super::listed::ByName;
use super::listed::Extent;
use super::listed::Listed;
use super::listed::every_name;
use super::listed::on_port;
use super::listed::on_ports;
use super::shape::outside;
use super::wording::MAX_TOLD;
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
use crate::azure::rule::NatRule;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::PortEntry;
use crate::azure::rule::Sources;
use crate::azure::rule::Translation;
use crate::flow::AddressSet;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::address::AddressRange;

/// How many addresses of a rule are put into a set in one step.
const ENTRIES_PER_STEP: usize = 8;

/// A rule of a parent.
#[derive(Debug)]
pub(super) struct Inherited<'d> {
    pub id: RuleId,
    pub action: Action,
    rule: Rule<'d>,
    /// How many rules are looked at before it.
    place: usize,
    /// Whether a parent's rule opens TLS, so that every rule may see the requests inside
    /// (`azure-firewall.md §10.3`).
    is_tls_opened: bool,
}

#[derive(Clone, Copy, Debug)]
enum Rule<'d> {
    Nat(&'d NatRule),
    Network(&'d NetworkRule),
    Application(&'d ApplicationRule),
}

impl Inherited<'_> {
    /// The protocols and ports on which the rule makes the firewall read names.
    pub(super) fn reads_names_on(&self) -> &[ApplicationProtocol] {
        match self.rule {
            Rule::Application(rule) => &rule.protocols,
            Rule::Nat(_) | Rule::Network(_) => &[],
        }
    }
}

impl Rule<'_> {
    fn opens_tls(self) -> bool {
        match self {
            Rule::Application(rule) => rule.terminate_tls,
            Rule::Nat(_) | Rule::Network(_) => false,
        }
    }
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
    /// By its addresses.
    Addresses,
    /// By its names, which the rule has in these words.
    Names(Vec<String>),
    /// In these words.
    As(String),
    /// By its addresses, which are those of firewalls, and by where the rule sends on what comes there.
    Translated(Box<Onward>),
}

/// Where a DNAT rule sends on what comes to it.
#[derive(Clone, Debug)]
pub(super) struct Onward {
    pub words: String,
    /// The flows under their new destination; `None` where its address is not known.
    pub flows: Option<Block>,
}

/// What is denied ahead of the parents' allow rules, or may be.
#[derive(Debug)]
pub(super) struct Denied {
    /// Of what is judged by address.
    of_addresses: Vec<Denial>,
    /// Of what is judged by name, which may live anywhere.
    of_names: Vec<Denial>,
}

/// What one deny takes.
#[derive(Debug)]
pub(super) struct Denial {
    /// The place of its rule among the parents'; `None` for the list's, of which those by address
    /// are looked at before what is judged by name.
    place: Option<usize>,
    /// With which protocol a name is shown; `None` where none is looked at.
    protocol: Option<ApplicationProtocolType>,
    /// What it takes whatever tags, categories and names hold.
    pub surely: Block,
    /// What it could take.
    pub at_most: Block,
}

/// [`Denied`], found by the flows that may be taken.
#[derive(Debug)]
pub(super) struct DeniedIndex {
    denied: Denied,
    of_addresses: BlockIndex,
    of_names: BlockIndex,
}

/// The rules of `base` and its parents: DNAT first, then network rules.
///
/// # Errors
/// A policy without an order (`azure-firewall.md §1.2`).
pub(super) fn rules<'d>(
    context: &'d Deployment,
    base: &Key,
) -> Result<Vec<Inherited<'d>>, OrderError> {
    let mut found = Vec::new();
    for kind in [RuleKind::Nat, RuleKind::Network, RuleKind::Application] {
        for placed in context.collections_in_order(base, kind)? {
            let mut add = |name: &str, action: Action, rule: Rule<'d>| {
                let place = found.len();
                let id = placed.rule_id(name);
                found.push(Inherited { id, action, rule, place, is_tls_opened: false });
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
                Rules::Nat(rules) => {
                    for rule in rules {
                        // What is translated is allowed (`azure-firewall.md §4.1`).
                        add(&rule.name, Action::Allow, Rule::Nat(rule));
                    }
                }
            }
        }
    }
    let is_tls_opened =
        found.iter().any(|rule| rule.action == Action::Allow && rule.rule.opens_tls());
    for rule in &mut found {
        rule.is_tls_opened = is_tls_opened;
    }
    Ok(found)
}

impl Inherited<'_> {
    /// What it allows, part by part; `untranslated` is where the client's address is kept. `None`
    /// without enough `steps`.
    pub(super) fn parts(
        &self,
        context: &Deployment,
        listed: &Listed<'_>,
        untranslated: &AddressSet,
        steps: &mut usize,
    ) -> Option<Vec<Part>> {
        spend(steps, self.entries(context) / ENTRIES_PER_STEP)?;
        let Some(sources) = self.sources(context) else { return Some(Vec::new()) };
        let is_sure = sources.is_whole;
        let reach = Reach { rule: self, sources: sources.at_most(), is_sure, listed };
        let mut parts = match self.rule {
            Rule::Nat(rule) => vec![reach.translated(rule, context, steps)?],
            Rule::Network(rule) => reach.by_address(rule, context, untranslated, steps)?,
            Rule::Application(rule) => reach.by_name(rule, steps)?,
        };
        parts.retain(|part| !part.flows.is_empty());
        Some(parts)
    }

    /// Where it takes flows from; `None` if it is skipped, since one of its groups is empty
    /// (`azure-firewall.md §3.4`).
    fn sources(&self, context: &Deployment) -> Option<Known> {
        let is_empty = |name: &&Key| {
            context.ip_groups.get(*name).is_some_and(|group| group.addresses.is_empty())
        };
        let is_skipped = self.groups().any(|name| is_empty(&name));
        (!is_skipped).then(|| {
            let sources = self.written_sources();
            Known::of(context, sources.addresses.iter(), &sources.ip_groups)
        })
    }

    /// Whether its URLs are looked at with `protocol`: inside TLS, only where it is opened, and never
    /// with TDS.
    fn reads_urls(&self, protocol: ApplicationProtocolType) -> bool {
        match protocol {
            ApplicationProtocolType::Http => true,
            ApplicationProtocolType::Https => self.is_tls_opened || self.rule.opens_tls(),
            ApplicationProtocolType::Mssql => false,
        }
    }

    fn written_sources(&self) -> &Sources {
        match self.rule {
            Rule::Nat(rule) => &rule.sources,
            Rule::Network(rule) => &rule.sources,
            Rule::Application(rule) => &rule.sources,
        }
    }

    /// The groups of both sides.
    fn groups(&self) -> impl Iterator<Item = &Key> {
        let destinations = match self.rule {
            Rule::Network(rule) => rule.destination_ip_groups.as_slice(),
            Rule::Nat(_) | Rule::Application(_) => &[],
        };
        self.written_sources().ip_groups.iter().chain(destinations)
    }

    /// How many addresses it has.
    fn entries(&self, context: &Deployment) -> usize {
        let groups = self.groups().filter_map(|name| context.ip_groups.get(name));
        let destinations = match self.rule {
            Rule::Nat(rule) => rule.destination_addresses.len(),
            Rule::Network(rule) => rule.destination_addresses.len(),
            Rule::Application(rule) => rule.target_fqdns.len(),
        };
        let grouped: usize = groups.map(|group| group.addresses.len()).sum();
        self.written_sources().addresses.len() + destinations + grouped
    }
}

impl Denied {
    /// What `listed` denies before application rules.
    pub(super) fn new(listed: &Listed<'_>) -> Denied {
        let of_names = listed.denied.iter().map(|deny| Denial {
            place: None,
            protocol: None,
            surely: deny.flows.clone(),
            at_most: deny.flows.clone(),
        });
        Denied { of_addresses: Vec::new(), of_names: of_names.collect() }
    }

    /// Adds what `deny` takes.
    pub(super) fn add(&mut self, deny: &Inherited<'_>, context: &Deployment) {
        let Some(sources) = deny.sources(context) else { return };
        match deny.rule {
            // It denies nothing.
            Rule::Nat(_) => {}
            Rule::Network(rule) => self.add_by_address(deny, &sources, rule, context),
            Rule::Application(rule) => self.add_by_name(deny, &sources, rule),
        }
    }

    fn add_by_address(
        &mut self,
        deny: &Inherited<'_>,
        sources: &Known,
        rule: &NetworkRule,
        context: &Deployment,
    ) {
        let known = Known::of_destinations(context, rule);
        let (on_ports, portless) = services(rule);
        let services = Services { icmp: portless.icmp, others: portless.others, ..on_ports };
        let surely = Block {
            sources: sources.addresses.clone(),
            services: services.clone(),
            destinations: known.addresses.clone(),
            names: every_name(),
        };
        // On some ports, `Any` may take ICMP too.
        let takes_icmp =
            |one: &NetworkProtocol| matches!(one, NetworkProtocol::Icmp | NetworkProtocol::Any);
        let by_number = Block {
            sources: sources.at_most(),
            services: Services { icmp: rule.protocols.iter().any(takes_icmp), ..services },
            destinations: known.at_most(),
            names: every_name(),
        };
        let is_tag = |entry: &DestinationEntry| matches!(entry, DestinationEntry::ServiceTag(_));
        let destinations = if !rule.destination_fqdns.is_empty() {
            AddressSet::all()
        } else if rule.destination_addresses.iter().any(is_tag) {
            by_number.destinations.union(&outside())
        } else {
            by_number.destinations.clone()
        };
        let at_most = Block { destinations, ..by_number.clone() };
        let (place, protocol) = (Some(deny.place), None);
        self.of_addresses.push(Denial { place, protocol, surely: surely.clone(), at_most });
        // What a tag holds, or another name, takes no name everywhere.
        self.of_names.push(Denial { place, protocol, surely, at_most: by_number });
    }

    fn add_by_name(&mut self, deny: &Inherited<'_>, sources: &Known, rule: &ApplicationRule) {
        let written: NameSet = rule.target_fqdns.iter().collect();
        let hides_names = !(rule.fqdn_tags.is_empty()
            && rule.web_categories.is_empty()
            && rule.destination_addresses.is_empty()
            && rule.unknown_targets.is_empty());
        let protocols: BTreeSet<_> = rule.protocols.iter().map(|pair| pair.protocol).collect();
        for protocol in protocols {
            let pairs = rule.protocols.iter().copied().filter(|pair| pair.protocol == protocol);
            let read = rule.target_urls.iter().filter(|_| deny.reads_urls(protocol));
            let names = if hides_names {
                every_name()
            } else {
                written.union(&read.map(|url| &url.host).collect())
            };
            let surely = Block {
                sources: sources.addresses.clone(),
                services: on_ports(pairs),
                destinations: AddressSet::all(),
                // A URL is a part of what goes to its host.
                names: written.clone(),
            };
            let at_most = Block { sources: sources.at_most(), names, ..surely.clone() };
            let (place, protocol) = (Some(deny.place), Some(protocol));
            self.of_names.push(Denial { place, protocol, surely, at_most });
        }
    }

    /// What may be denied by address.
    pub(super) fn by_address(self) -> Vec<Block> {
        let of_names = self.of_names.into_iter().filter(|denial| denial.protocol.is_none());
        self.of_addresses.into_iter().chain(of_names).map(|denial| denial.at_most).collect()
    }

    pub(super) fn indexed(self) -> DeniedIndex {
        DeniedIndex {
            of_addresses: BlockIndex::new(self.of_addresses.iter().map(|one| &one.at_most)),
            of_names: BlockIndex::new(self.of_names.iter().map(|one| &one.at_most)),
            denied: self,
        }
    }
}

impl DeniedIndex {
    /// What may be denied of `part`, which is of `rule`, before it; `None` without enough `steps`.
    pub(super) fn before(
        &self,
        rule: &Inherited<'_>,
        part: &Part,
        steps: &mut usize,
    ) -> Option<Vec<&Denial>> {
        let (all, index) = match part.pair {
            Some(_) => (&self.denied.of_names, &self.of_names),
            None => (&self.denied.of_addresses, &self.of_addresses),
        };
        let mut found = index.meeting(all, |denial| &denial.at_most, &part.flows, steps)?;
        found.retain(|denial| {
            let fits = denial
                .protocol
                .is_none_or(|protocol| part.pair.is_some_and(|pair| pair.protocol == protocol));
            fits && denial.place.is_none_or(|place| place < rule.place)
        });
        Some(found)
    }
}

/// A rule with its sources, and the list that its flows are compared with.
#[derive(Debug)]
struct Reach<'c> {
    rule: &'c Inherited<'c>,
    sources: AddressSet,
    /// Whether all of the sources are known.
    is_sure: bool,
    listed: &'c Listed<'c>,
}

impl Reach<'_> {
    /// The flows as their clients send them: that is what the list speaks of.
    fn translated(&self, rule: &NatRule, context: &Deployment, steps: &mut usize) -> Option<Part> {
        let known = Known::of(context, rule.destination_addresses.iter(), &[]);
        let flows = Block {
            sources: self.sources.clone(),
            services: with_ports(&rule.protocols, &rule.destination_ports),
            destinations: known.at_most(),
            names: every_name(),
        };
        let port = rule.translated_port;
        let (to, destinations) = match &rule.translation {
            Translation::Address(address) => (address.to_string(), Some((*address).into())),
            Translation::Fqdn(name) => (name.to_string(), None),
        };
        let moved = |ports: &PortSet| {
            if ports.is_empty() { PortSet::empty() } else { PortRange::single(port).into() }
        };
        let onward = destinations.map(|destinations| Block {
            services: Services {
                tcp: moved(&flows.services.tcp),
                udp: moved(&flows.services.udp),
                ..Services::default()
            },
            destinations,
            ..flows.clone()
        });
        let words = format!("`{to}` on port {port}");
        let told = Told::Translated(Box::new(Onward { words, flows: onward }));
        let is_same: Option<&dyn Fn(&ByAddress<'_>) -> bool> =
            if known.is_whole { None } else { Some(&|_| false) };
        self.addresses(told, flows, is_same, steps)
    }

    fn by_address(
        &self,
        rule: &NetworkRule,
        context: &Deployment,
        untranslated: &AddressSet,
        steps: &mut usize,
    ) -> Option<Vec<Part>> {
        let (with_ports, portless) = services(rule);
        let known = Known::of_destinations(context, rule);
        let flows = |services: &Services, destinations| Block {
            sources: self.sources.clone(),
            services: services.clone(),
            destinations,
            names: every_name(),
        };
        let near = known.addresses.intersection(untranslated);
        let mut parts = vec![
            self.addresses(Told::Addresses, flows(&with_ports, known.addresses), None, steps)?,
            // Nothing else is delivered where the source is translated (`azure-firewall.md §1.12`).
            self.addresses(Told::Addresses, flows(&portless, near), None, steps)?,
        ];
        // No service tag has addresses elsewhere (`azure-firewall.md §3.3`).
        let tagged = AddressSet::public().intersection(&prefixes(&["0.0.0.0/0"]));
        for entry in &rule.destination_addresses {
            let DestinationEntry::ServiceTag(tag) = entry else { continue };
            let told = Told::As(format!("service tag `{tag}`"));
            let is_same = |other: &ByAddress<'_>| {
                other.rule.tags.iter().any(|permitted| holds(permitted, tag))
            };
            let flows = flows(&with_ports, tagged.clone());
            parts.push(self.addresses(told, flows, Some(&is_same), steps)?);
        }
        for name in &rule.destination_fqdns {
            let told = Told::As(format!("the addresses of `{name}`"));
            let is_same = |other: &ByAddress<'_>| other.rule.fqdns.contains(name);
            let flows = flows(&with_ports, AddressSet::all());
            parts.push(self.addresses(told, flows, Some(&is_same), steps)?);
        }
        if !known.is_whole {
            let told = Told::As("addresses that are not known".to_owned());
            let flows = flows(&with_ports, AddressSet::all());
            parts.push(self.addresses(told, flows, Some(&|_| false), steps)?);
        }
        Some(parts)
    }

    /// A part whose addresses are not known where there is `is_same`: all of it is permitted by
    /// those of which that says they have the same destination.
    fn addresses(
        &self,
        told: Told,
        flows: Block,
        is_same: Option<&dyn Fn(&ByAddress<'_>) -> bool>,
        steps: &mut usize,
    ) -> Option<Part> {
        let near = self.listed.by_address(&flows, steps)?;
        let mut permitted = surely_by_address(&near, &flows);
        if let Some(is_same) = is_same {
            permitted.extend(
                near.iter()
                    .filter(|other| is_same(other))
                    .map(|other| Block { destinations: AddressSet::all(), ..other.surely.clone() }),
            );
        }
        let is_known = is_same.is_none() && self.is_sure;
        let at_most = is_known.then(|| near.iter().map(|other| other.at_most.clone()).collect());
        Some(Part { told, pair: None, flows, permitted, at_most })
    }

    fn by_name(&self, rule: &ApplicationRule, steps: &mut usize) -> Option<Vec<Part>> {
        let pairs: BTreeSet<ApplicationProtocol> = rule.protocols.iter().copied().collect();
        let written: NameSet = rule.target_fqdns.iter().collect();
        let mut parts = Vec::new();
        for pair in pairs {
            let told = rule.target_fqdns.iter().take(MAX_TOLD + 1).map(ToString::to_string);
            let told = Told::Names(told.collect());
            parts.push(self.named(pair, told, written.clone(), None, steps)?);
            let is_read = self.rule.reads_urls(pair.protocol);
            for url in rule.target_urls.iter().filter(|_| is_read) {
                let told = Told::As(format!("URL `{url}`"));
                let is_same = |other: &ByName<'_>| other.rule.urls.contains(url);
                let names = NameSet::from(&url.host);
                parts.push(self.named(pair, told, names, Some(&is_same), steps)?);
            }
            for tag in &rule.fqdn_tags {
                let told = Told::As(format!("FQDN tag `{tag}`"));
                let is_same = |other: &ByName<'_>| {
                    other.rule.fqdn_tags.iter().any(|one| one.eq_ignore_ascii_case(tag))
                };
                parts.push(self.named(pair, told, every_name(), Some(&is_same), steps)?);
            }
            for category in &rule.web_categories {
                let told = Told::As(format!("web category `{category}`"));
                let is_same = |other: &ByName<'_>| {
                    other.rule.web_categories.iter().any(|one| one.eq_ignore_ascii_case(category))
                };
                parts.push(self.named(pair, told, every_name(), Some(&is_same), steps)?);
            }
            if !rule.destination_addresses.is_empty() || !rule.unknown_targets.is_empty() {
                let told = Told::As("targets that are not known".to_owned());
                parts.push(self.named(pair, told, every_name(), Some(&|_| false), steps)?);
            }
        }
        Some(parts)
    }

    /// A part of `names`. They are not known where there is `is_same`: all of them are permitted by
    /// those of which that says they have the same target.
    fn named(
        &self,
        pair: ApplicationProtocol,
        told: Told,
        names: NameSet,
        is_same: Option<&dyn Fn(&ByName<'_>) -> bool>,
        steps: &mut usize,
    ) -> Option<Part> {
        let flows = Block {
            sources: self.sources.clone(),
            services: on_port(pair),
            destinations: AddressSet::all(),
            names,
        };
        let near = self.listed.by_name(&flows, steps)?;
        let by_address = self.listed.by_address(&flows, steps)?;
        let by_address = surely_by_address(&by_address, &flows);
        let by_name = |extent: &dyn Fn(&ByName<'_>) -> Extent| {
            let permitted = near.iter().filter_map(|other| other.with(pair, extent(other)));
            permitted.chain(by_address.iter().cloned()).collect::<Vec<Block>>()
        };
        let permitted = by_name(&|other| match is_same {
            Some(is_same) if is_same(other) => Extent::Whole,
            Some(_) | None => Extent::Surely,
        });
        let is_known = is_same.is_none() && self.is_sure;
        let at_most = is_known.then(|| by_name(&|_| Extent::AtMost));
        Some(Part { told, pair: Some(pair), flows, permitted, at_most })
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
        let found = groups.iter().filter_map(|name| context.ip_groups.get(name));
        let mut is_whole = found.clone().count() == groups.len();
        let mut ranges: Vec<AddressRange> = Vec::new();
        for entry in entries.chain(found.flat_map(|group| &group.addresses)) {
            match entry.addresses() {
                Some(more) => ranges.extend(more.ranges()),
                None => is_whole = false,
            }
        }
        Known { addresses: ranges.into_iter().collect(), is_whole }
    }

    /// Those that it could be: of a list with unknown ones, every address.
    fn at_most(&self) -> AddressSet {
        if self.is_whole { self.addresses.clone() } else { AddressSet::all() }
    }
}

/// What `rule` takes on ports, and what without any (`azure-firewall.md §1.12`).
fn services(rule: &NetworkRule) -> (Services, Services) {
    let any = rule.protocols.contains(&NetworkProtocol::Any);
    let is_every_port = rule.destination_ports.contains(&PortEntry::Any);
    let portless = Services {
        icmp: rule.protocols.contains(&NetworkProtocol::Icmp) || any && is_every_port,
        others: any && is_every_port,
        ..Services::default()
    };
    (with_ports(&rule.protocols, &rule.destination_ports), portless)
}

/// What a rule of `protocols` takes on `ports`.
fn with_ports(protocols: &[NetworkProtocol], ports: &[PortEntry]) -> Services {
    let any = protocols.contains(&NetworkProtocol::Any);
    let ports = ports.iter().map(|entry| match entry {
        PortEntry::Any => PortRange::ALL,
        PortEntry::Range(range) => *range,
    });
    // A rule of the list cannot have port 0, and nothing uses it.
    let ports = ports.collect::<PortSet>().difference(&PortRange::single(0).into());
    let of = |protocol| {
        if any || protocols.contains(&protocol) { ports.clone() } else { PortSet::empty() }
    };
    Services { tcp: of(NetworkProtocol::Tcp), udp: of(NetworkProtocol::Udp), ..Services::default() }
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

/// What is permitted of `flows` whatever the tags and names of `near` hold.
fn surely_by_address(near: &[&ByAddress<'_>], flows: &Block) -> Vec<Block> {
    let surely = near.iter().map(|other| &other.surely);
    surely.filter(|block| block.meets(flows)).cloned().collect()
}

//! What a parent's rule allows, with what the list permits of it.

use std::collections::BTreeSet;

use super::Inherited;
use super::Rule;
use super::stated::Known;
use super::stated::services;
use super::stated::with_ports;
use crate::azure::Deployment;
use crate::azure::address::DestinationEntry;
use crate::azure::address::ServiceTag;
use crate::azure::known;
use crate::azure::region;
use crate::azure::rule::ApplicationProtocol;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NatRule;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::Translation;
use crate::compile::block::Block;
use crate::compile::block::Services;
use crate::compile::block::spend;
use crate::compile::ground::prefixes;
use crate::compile::listed::ByAddress;
use crate::compile::listed::ByName;
use crate::compile::listed::Extent;
use crate::compile::listed::Listed;
use crate::compile::listed::every_name;
use crate::compile::listed::on_port;
use crate::compile::wording::MAX_TOLD;
use crate::flow::AddressSet;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::PortSet;

/// How many addresses of a rule are put into a set in one step.
const ENTRIES_PER_STEP: usize = 8;

/// Flows that a rule allows, with what the list permits of them.
#[derive(Debug)]
pub(in crate::compile) struct Part {
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
pub(in crate::compile) enum Told {
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
pub(in crate::compile) struct Onward {
    pub words: String,
    /// The flows under their new destination; `None` where its address is not known.
    pub flows: Option<Block>,
}

impl Inherited<'_> {
    /// What it allows, part by part; `untranslated` is where the client's address is kept. `None`
    /// without enough `steps`.
    pub(in crate::compile) fn parts(
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

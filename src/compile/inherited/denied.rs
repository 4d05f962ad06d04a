//! What is denied ahead of the parents' allow rules.

use std::collections::BTreeSet;

use super::Inherited;
use super::Rule;
use super::allowed::Part;
use super::stated::Known;
use super::stated::services;
use crate::azure::Deployment;
use crate::azure::address::DestinationEntry;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::NetworkRule;
use crate::compile::block::Block;
use crate::compile::block::BlockIndex;
use crate::compile::block::Services;
use crate::compile::listed::Listed;
use crate::compile::listed::every_name;
use crate::compile::listed::on_ports;
use crate::compile::shape::outside;
use crate::flow::AddressSet;
use crate::flow::NameSet;

/// What is denied ahead of the parents' allow rules, or may be.
#[derive(Debug)]
pub(in crate::compile) struct Denied {
    /// Of what is judged by address.
    of_addresses: Vec<Denial>,
    /// Of what is judged by name, which may live anywhere.
    of_names: Vec<Denial>,
}

/// What one deny takes.
#[derive(Debug)]
pub(in crate::compile) struct Denial {
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
pub(in crate::compile) struct DeniedIndex {
    denied: Denied,
    of_addresses: BlockIndex,
    of_names: BlockIndex,
}

impl Denied {
    /// What `listed` denies before application rules.
    pub(in crate::compile) fn new(listed: &Listed<'_>) -> Denied {
        let of_names = listed.denied.iter().map(|deny| Denial {
            place: None,
            protocol: None,
            surely: deny.flows.clone(),
            at_most: deny.flows.clone(),
        });
        Denied { of_addresses: Vec::new(), of_names: of_names.collect() }
    }

    /// Adds what `deny` takes.
    pub(in crate::compile) fn add(&mut self, deny: &Inherited<'_>, context: &Deployment) {
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
    pub(in crate::compile) fn by_address(self) -> Vec<Block> {
        let of_names = self.of_names.into_iter().filter(|denial| denial.protocol.is_none());
        self.of_addresses.into_iter().chain(of_names).map(|denial| denial.at_most).collect()
    }

    pub(in crate::compile) fn indexed(self) -> DeniedIndex {
        DeniedIndex {
            of_addresses: BlockIndex::new(self.of_addresses.iter().map(|one| &one.at_most)),
            of_names: BlockIndex::new(self.of_names.iter().map(|one| &one.at_most)),
            denied: self,
        }
    }
}

impl DeniedIndex {
    /// What may be denied of `part`, which is of `rule`, before it; `None` without enough `steps`.
    pub(in crate::compile) fn before(
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

//! What the list permits and denies, as blocks of flows.

use super::block::Block;
use super::block::BlockIndex;
use super::block::Services;
use super::carriage::ApplicationMatch;
use super::carriage::Carried;
use super::carriage::Matcher;
use super::carriage::NetworkMatch;
use super::shape::outside;
use crate::azure::policy::Action;
use crate::azure::rule::ApplicationProtocol;
use crate::azure::rule::NetworkProtocol;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::PortSet;

/// The statements of a list.
#[derive(Debug)]
pub(super) struct Listed<'c> {
    /// What is permitted by address, found by what it permits at most.
    by_address: (Vec<ByAddress<'c>>, BlockIndex),
    /// What is permitted by name, found by what it permits at most.
    by_name: (Vec<ByName<'c>>, BlockIndex),
    /// What is denied by address, tags left out.
    pub denied: Vec<Denying<'c>>,
}

/// A deny that is judged by address.
#[derive(Debug)]
pub(super) struct Denying<'c> {
    pub label: &'c str,
    /// What it denies, tags left out.
    pub flows: Block,
}

/// A permission that is judged by address.
#[derive(Debug)]
pub(super) struct ByAddress<'c> {
    pub rule: &'c NetworkMatch,
    /// What it permits whatever its tags and names hold.
    pub surely: Block,
    /// What it permits if they hold everything that they could.
    pub at_most: Block,
}

/// A permission that is judged by name.
#[derive(Debug)]
pub(super) struct ByName<'c> {
    pub rule: &'c ApplicationMatch,
    /// The names whatever its tags and categories hold.
    surely: NameSet,
    /// What it permits, whatever the protocol, if they hold everything.
    at_most: Block,
}

/// How much of a permission is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Extent {
    Surely,
    AtMost,
    /// Every name, since what is asked about is written in both.
    Whole,
}

impl<'c> Listed<'c> {
    pub(super) fn new(carried: &'c [Carried<'_>]) -> Listed<'c> {
        let (mut addresses, mut names, mut denied) = (Vec::new(), Vec::new(), Vec::new());
        for Carried { statement, matcher } in carried {
            let sources = &statement.sources.set;
            match (statement.action, matcher) {
                (Action::Allow, Matcher::Network(rule)) => {
                    addresses.push(by_address(sources, rule));
                }
                (Action::Allow, Matcher::Application(rule)) => names.push(by_name(sources, rule)),
                (Action::Deny, Matcher::Network(rule)) => {
                    denied
                        .push(Denying { label: statement.label, flows: by_number(sources, rule) });
                }
                // A parent's rules of the same kind come first.
                (Action::Deny, Matcher::Application(_)) => {}
            }
        }
        let by_address = BlockIndex::new(addresses.iter().map(|one| &one.at_most));
        let by_name = BlockIndex::new(names.iter().map(|one| &one.at_most));
        Listed { by_address: (addresses, by_address), by_name: (names, by_name), denied }
    }

    /// What may be permitted of `flows` by address; `None` without enough `steps`.
    pub(super) fn by_address(
        &self,
        flows: &Block,
        steps: &mut usize,
    ) -> Option<Vec<&ByAddress<'c>>> {
        let (all, index) = &self.by_address;
        index.meeting(all, |one| &one.at_most, flows, steps)
    }

    /// What may be permitted of `flows` by name, whatever the protocol; `None` without enough
    /// `steps`.
    pub(super) fn by_name(&self, flows: &Block, steps: &mut usize) -> Option<Vec<&ByName<'c>>> {
        let (all, index) = &self.by_name;
        index.meeting(all, |one| &one.at_most, flows, steps)
    }
}

impl ByName<'_> {
    /// What is permitted with `pair`; the connection may go anywhere.
    pub(super) fn with(&self, pair: ApplicationProtocol, extent: Extent) -> Option<Block> {
        self.rule.protocols.contains(&pair).then(|| Block {
            sources: self.at_most.sources.clone(),
            services: on_port(pair),
            destinations: AddressSet::all(),
            names: match extent {
                Extent::Surely => self.surely.clone(),
                Extent::AtMost => self.at_most.names.clone(),
                Extent::Whole => every_name(),
            },
        })
    }
}

/// The flows of `rule` to the addresses that it has by number.
pub(super) fn by_number(sources: &AddressSet, rule: &NetworkMatch) -> Block {
    network(sources, rule, rule.addresses.clone())
}

/// The port of `pair`.
pub(super) fn on_port(pair: ApplicationProtocol) -> Services {
    on_ports([pair])
}

/// The ports of `pairs`.
pub(super) fn on_ports(pairs: impl IntoIterator<Item = ApplicationProtocol>) -> Services {
    let ports = pairs.into_iter().map(|pair| PortRange::single(pair.port));
    Services { tcp: ports.collect(), ..Services::default() }
}

/// The names of whatever is not judged by name.
pub(super) fn every_name() -> NameSet {
    NameSet::from(&FqdnPattern::Any)
}

fn by_address<'c>(sources: &AddressSet, rule: &'c NetworkMatch) -> ByAddress<'c> {
    let at_most = if !rule.fqdns.is_empty() {
        AddressSet::all()
    } else if !rule.tags.is_empty() {
        rule.addresses.union(&outside())
    } else {
        rule.addresses.clone()
    };
    ByAddress { rule, surely: by_number(sources, rule), at_most: network(sources, rule, at_most) }
}

fn by_name<'c>(sources: &AddressSet, rule: &'c ApplicationMatch) -> ByName<'c> {
    let written: NameSet = rule.fqdns.iter().collect();
    let surely = written.difference(&rule.except.iter().collect());
    let names = if rule.fqdn_tags.is_empty() && rule.web_categories.is_empty() {
        surely.union(&rule.urls.iter().map(|url| &url.host).collect())
    } else {
        every_name()
    };
    let at_most = Block {
        sources: sources.clone(),
        services: on_ports(rule.protocols.iter().copied()),
        destinations: AddressSet::all(),
        names,
    };
    ByName { rule, surely, at_most }
}

fn network(sources: &AddressSet, rule: &NetworkMatch, destinations: AddressSet) -> Block {
    let takes = |protocol| rule.protocols.contains(&protocol);
    let any = takes(NetworkProtocol::Any);
    // Without ports, it is for every protocol or for ICMP alone.
    let ports = if any { PortSet::from(PortRange::ALL) } else { rule.ports.clone() };
    let of = |is_taken: bool| if is_taken { ports.clone() } else { PortSet::empty() };
    Block {
        sources: sources.clone(),
        services: Services {
            tcp: of(any || takes(NetworkProtocol::Tcp)),
            udp: of(any || takes(NetworkProtocol::Udp)),
            icmp: any || takes(NetworkProtocol::Icmp),
            others: any,
        },
        destinations,
        names: every_name(),
    }
}

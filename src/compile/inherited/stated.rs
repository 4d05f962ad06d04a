//! The addresses and services that a rule states, as far as they are known.

use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::PortEntry;
use crate::compile::block::Services;
use crate::flow::AddressSet;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::address::AddressRange;

/// The addresses of a list, as far as they are known.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) addresses: AddressSet,
    /// Whether there are no others, tags and names aside.
    pub(super) is_whole: bool,
}

impl Known {
    pub(super) fn of_destinations(context: &Deployment, rule: &NetworkRule) -> Known {
        let entries = rule.destination_addresses.iter().filter_map(|entry| match entry {
            DestinationEntry::Addresses(entry) => Some(entry),
            DestinationEntry::ServiceTag(_) => None,
        });
        Known::of(context, entries, &rule.destination_ip_groups)
    }

    pub(super) fn of<'e>(
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
    pub(super) fn at_most(&self) -> AddressSet {
        if self.is_whole { self.addresses.clone() } else { AddressSet::all() }
    }
}

/// What `rule` takes on ports, and what without any (`azure-firewall.md §1.12`).
pub(super) fn services(rule: &NetworkRule) -> (Services, Services) {
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
pub(super) fn with_ports(protocols: &[NetworkProtocol], ports: &[PortEntry]) -> Services {
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

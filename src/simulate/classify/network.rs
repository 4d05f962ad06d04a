//! Network rules, by what flows can meet them.

use super::super::matching;
use super::index::Axes;
use super::index::Brief;
use super::index::Row;
use super::reach::Reach;
use super::reach::Side;
use super::reach::apart;
use super::rule_sets::Bits;
use super::rule_sets::Collecting;
use super::rule_sets::Common;
use super::rule_sets::RuleSets;
use super::rule_sets::Stretch;
use crate::azure::Deployment;
use crate::azure::order::Placed;
use crate::azure::policy::Rules;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::PortEntry;
use crate::flow::IpProtocol;

/// Network rules by source, destination and service.
#[derive(Clone)]
pub(super) struct NetworkIndex<'a> {
    pub(super) rows: Vec<Row<'a, NetworkRule>>,
    /// The same rules.
    pub(super) briefs: Vec<Brief>,
    /// By class, the number of a set.
    by_source: Vec<u32>,
    by_destination: Vec<u32>,
    by_service: Services,
    sets: RuleSets,
}

/// The numbers of sets by protocol and port.
#[derive(Clone)]
struct Services {
    /// By port.
    tcp: Vec<u32>,
    udp: Vec<u32>,
    icmp: u32,
    other: u32,
}

impl<'a> NetworkIndex<'a> {
    pub(super) fn of(
        placed: &[Placed<'a>],
        deployment: &'a Deployment,
        axes: &Axes,
    ) -> NetworkIndex<'a> {
        let mut rows = Vec::new();
        for placed in placed {
            let Rules::Network(action, rules) = &placed.collection.rules else { continue };
            rows.extend(rules.iter().map(|rule| Row::of(*placed, *action, rule)));
        }
        let mut sets = Collecting::of(rows.len());
        let (mut from, mut to) = (Side::of(rows.len()), Side::of(rows.len()));
        let mut briefs: Vec<Brief> = rows.iter().map(|row| Brief::of(row.action)).collect();
        for (number, (row, brief)) in rows.iter().zip(&mut briefs).enumerate() {
            let NetworkRule {
                name: _,
                description: _,
                // Protocols and ports are of the services.
                protocols: _,
                sources,
                destination_addresses,
                destination_ip_groups,
                destination_fqdns,
                destination_ports: _,
            } = row.rule;
            let is_skipped = matching::refers_to_empty_group(&sources.ip_groups, deployment)
                || matching::refers_to_empty_group(destination_ip_groups, deployment);
            if is_skipped {
                continue;
            }
            let source = Reach::of_sources(sources, deployment);
            let mut destination = Reach::default();
            for entry in destination_addresses {
                destination.add_destination(entry);
            }
            destination.add_groups(destination_ip_groups, deployment);
            destination.asks |= !destination_fqdns.is_empty();
            // Its sources are asked for before its destinations are looked at.
            destination.asks |= source.asks;
            brief.is_settled = !source.asks && !destination.asks;
            from.add(number, source, &axes.source);
            to.add(number, destination, &axes.destination);
        }
        let by_source = from.paint(axes.source.len(), &mut sets);
        let by_destination = to.paint(axes.destination.len(), &mut sets);
        let by_service = Services::of(&rows, &mut sets);
        let sets = sets.done();
        for brief in &mut briefs {
            brief.is_settled &= sets.is_exact;
        }
        NetworkIndex { rows, briefs, by_source, by_destination, by_service, sets }
    }

    /// The numbers of the rules that may match, ascending.
    #[inline]
    pub(super) fn numbers(
        &self,
        source: usize,
        destination: usize,
        protocol: IpProtocol,
        port: u16,
    ) -> Common<'_> {
        let port = usize::from(port);
        let service = match protocol {
            IpProtocol::TCP => self.by_service.tcp.get(port),
            IpProtocol::UDP => self.by_service.udp.get(port),
            IpProtocol::ICMP | IpProtocol::ICMPV6 => Some(&self.by_service.icmp),
            _ => Some(&self.by_service.other),
        };
        let set = |number: Option<&u32>| self.sets.get(number.copied().unwrap_or(0));
        let of_service = set(service);
        if of_service.is_empty() {
            // So it is with most of what is sent to names.
            return Common::Few(None);
        }
        let to = set(self.by_destination.get(destination));
        Common::of([of_service, to, set(self.by_source.get(source))])
    }
}

impl Services {
    /// What [`matching`] says of protocols and ports (`azure-firewall.md §1.12`).
    fn of(rows: &[Row<'_, NetworkRule>], sets: &mut Collecting) -> Services {
        let none = Bits::none(rows.len());
        let (mut icmp, mut other) = (none.clone(), none.clone());
        let (mut tcp, mut udp) = (Vec::new(), Vec::new());
        for (number, row) in rows.iter().enumerate() {
            let every_port = row.rule.destination_ports.contains(&PortEntry::Any);
            let ports = port_stretches(number, &row.rule.destination_ports);
            for protocol in &row.rule.protocols {
                match protocol {
                    NetworkProtocol::Any => {
                        tcp.extend(&ports);
                        udp.extend(&ports);
                        if every_port {
                            icmp.insert(number);
                            other.insert(number);
                        }
                    }
                    NetworkProtocol::Tcp => tcp.extend(&ports),
                    NetworkProtocol::Udp => udp.extend(&ports),
                    NetworkProtocol::Icmp => icmp.insert(number),
                }
            }
        }
        let every_port = usize::from(u16::MAX) + 1;
        Services {
            tcp: sets.paint(every_port, &none, &apart(tcp)),
            udp: sets.paint(every_port, &none, &apart(udp)),
            icmp: sets.number(&icmp),
            other: sets.number(&other),
        }
    }
}

fn port_stretches(rule: usize, ports: &[PortEntry]) -> Vec<Stretch> {
    let stretch = |entry: &PortEntry| {
        let range = entry.range();
        Stretch { rule, first: range.first().into(), end: usize::from(range.last()) + 1 }
    };
    ports.iter().map(stretch).collect()
}

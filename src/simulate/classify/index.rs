//! The rules of a firewall, by what flows can meet them.
//!
//! A rule is left out for a flow only where the slow engine, asked about that one rule, would say
//! that it does not match and would put no question to the environment on the way. So a walk over
//! the rules that are left comes to the same rule with the same questions in the same order.

use std::fmt;
use std::sync::Arc;

use foldhash::HashMap;
use foldhash::HashMapExt;

use super::super::matching;
use super::super::policy::Enforced;
use super::axis::Axis;
use super::cuts::Cuts;
use super::names::HostClasses;
use super::rule_sets::Bits;
use super::rule_sets::Collecting;
use super::rule_sets::Common;
use super::rule_sets::RuleSets;
use super::rule_sets::Stretch;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::order::Placed;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::PortEntry;
use crate::azure::rule::Sources;
use crate::flow::AddressSet;
use crate::flow::Flow;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;

/// Where addresses are cut for a whole deployment.
#[derive(Clone, Debug)]
pub(in crate::simulate) struct Axes {
    pub(super) source: Axis,
    pub(super) destination: Axis,
    /// Both, cut by what is no rule.
    pub(super) way: Axis,
}

impl Axes {
    pub(super) fn of(deployment: &Deployment) -> Axes {
        let Cuts { ways, sources, destinations } = Cuts::of(deployment);
        let way = Axis::cut_by(ways.iter().copied());
        let source = Axis::cut_by(ways.iter().copied().chain(sources));
        Axes { source, destination: Axis::cut_by(ways.into_iter().chain(destinations)), way }
    }
}

/// A rule at its place.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Row<'a, R> {
    pub(in crate::simulate) placed: Placed<'a>,
    pub(in crate::simulate) action: Action,
    pub(in crate::simulate) rule: &'a R,
    /// Whether it matches every flow that it is not left out for, without a question.
    pub(super) is_settled: bool,
    /// Whether what it matches may be decrypted.
    pub(super) inspects: bool,
}

/// A rule of either kind.
pub(in crate::simulate) trait Named {
    /// Its name in its collection.
    fn name(&self) -> &str;
}

impl Named for NetworkRule {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for ApplicationRule {
    fn name(&self) -> &str {
        &self.name
    }
}

impl<'a, R: Named> Row<'a, R> {
    fn of(placed: Placed<'a>, action: Action, rule: &'a R) -> Row<'a, R> {
        Row { placed, action, rule, is_settled: false, inspects: false }
    }

    pub(in crate::simulate) fn id(&self) -> RuleId {
        self.placed.rule_id(self.rule.name())
    }
}

/// The network and application rules of one firewall.
#[derive(Clone)]
pub(in crate::simulate) struct Index<'a> {
    axes: Arc<Axes>,
    pub(super) network: NetworkIndex<'a>,
    pub(super) application: ApplicationIndex<'a>,
}

impl fmt::Debug for Index<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (network, application) = (self.network.rows.len(), self.application.rows.len());
        write!(f, "Index of {network} network rules and {application} application rules")
    }
}

impl<'a> Index<'a> {
    pub(super) fn of(
        enforced: &Enforced<'a>,
        deployment: &'a Deployment,
        axes: &Arc<Axes>,
    ) -> Index<'a> {
        Index {
            axes: Arc::clone(axes),
            network: NetworkIndex::of(&enforced.network, deployment, axes),
            application: ApplicationIndex::of(&enforced.application, deployment, axes),
        }
    }

    /// The network rules that may match `flow`, in their order.
    pub(in crate::simulate) fn network_rules(
        &self,
        flow: &Flow,
    ) -> impl Iterator<Item = &Row<'a, NetworkRule>> {
        let source = self.axes.source.class(flow.source);
        let destination = self.axes.destination.class(flow.destination);
        let port = flow.destination_port;
        let numbers = self.network.numbers(source, destination, flow.protocol, port);
        numbers.filter_map(|number| self.network.rows.get(number))
    }

    /// The application rules that may match a connection, in their order.
    pub(in crate::simulate) fn application_rules(
        &self,
        source: std::net::IpAddr,
        service: (ApplicationProtocolType, u16),
        host: &Host,
    ) -> impl Iterator<Item = &Row<'a, ApplicationRule>> {
        let numbers = self.application.numbers(self.axes.source.class(source), service, host);
        numbers.filter_map(|number| self.application.rows.get(number))
    }
}

/// Network rules by source, destination and service.
#[derive(Clone)]
pub(super) struct NetworkIndex<'a> {
    pub(super) rows: Vec<Row<'a, NetworkRule>>,
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
    fn of(placed: &[Placed<'a>], deployment: &'a Deployment, axes: &Axes) -> NetworkIndex<'a> {
        let mut rows = Vec::new();
        for placed in placed {
            let Rules::Network(action, rules) = &placed.collection.rules else { continue };
            rows.extend(rules.iter().map(|rule| Row::of(*placed, *action, rule)));
        }
        let mut sets = Collecting::of(rows.len());
        let (mut from, mut to) = (Side::of(rows.len()), Side::of(rows.len()));
        for (number, row) in rows.iter_mut().enumerate() {
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
            destination_addresses.iter().for_each(|entry| destination.add_destination(entry));
            destination.add_groups(destination_ip_groups, deployment);
            destination.asks |= !destination_fqdns.is_empty();
            // Its sources are asked for before its destinations are looked at.
            destination.asks |= source.asks;
            row.is_settled = !source.asks && !destination.asks;
            from.add(number, &source, &axes.source);
            to.add(number, &destination, &axes.destination);
        }
        let by_source = from.paint(axes.source.len(), &mut sets);
        let by_destination = to.paint(axes.destination.len(), &mut sets);
        let by_service = Services::of(&rows, &mut sets);
        let sets = sets.done();
        rows.iter_mut().for_each(|row| row.is_settled &= sets.is_exact);
        NetworkIndex { rows, by_source, by_destination, by_service, sets }
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
        let to = set(self.by_destination.get(destination));
        Common::of([set(service), to, set(self.by_source.get(source))])
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

/// The same stretches, such that those of one rule do not meet.
fn apart(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.sort_unstable_by_key(|stretch| (stretch.rule, stretch.first));
    let mut apart: Vec<Stretch> = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        match apart.last_mut() {
            Some(last) if last.rule == stretch.rule && stretch.first <= last.end => {
                last.end = last.end.max(stretch.end);
            }
            Some(_) | None => apart.push(stretch),
        }
    }
    apart
}

/// The addresses of one side of a rule.
#[derive(Default)]
struct Reach {
    ranges: Vec<crate::flow::address::AddressRange>,
    is_any: bool,
    /// Whether the environment may be asked.
    asks: bool,
}

impl Reach {
    fn of_sources(sources: &Sources, deployment: &Deployment) -> Reach {
        let Sources { addresses, ip_groups } = sources;
        let mut reach = Reach::default();
        addresses.iter().for_each(|entry| reach.add(entry));
        reach.add_groups(ip_groups, deployment);
        reach
    }

    fn add(&mut self, entry: &AddressEntry) {
        match entry {
            AddressEntry::Any => self.is_any = true,
            AddressEntry::Unknown(_) => self.asks = true,
            AddressEntry::Address(_) | AddressEntry::Prefix(_) | AddressEntry::Range(_) => {
                self.ranges.extend(entry.range());
            }
        }
    }

    fn add_destination(&mut self, entry: &DestinationEntry) {
        match entry {
            DestinationEntry::Addresses(entry) => self.add(entry),
            DestinationEntry::ServiceTag(_) => self.asks = true,
        }
    }

    fn add_groups(&mut self, groups: &[Key], deployment: &Deployment) {
        for name in groups {
            match deployment.ip_groups.get(name) {
                Some(group) => group.addresses.iter().for_each(|entry| self.add(entry)),
                None => self.asks = true,
            }
        }
    }
}

/// One side of all rules.
struct Side {
    everywhere: Bits,
    stretches: Vec<Stretch>,
}

impl Side {
    fn of(rules: usize) -> Side {
        Side { everywhere: Bits::none(rules), stretches: Vec::new() }
    }

    fn add(&mut self, rule: usize, reach: &Reach, axis: &Axis) {
        if reach.is_any || reach.asks {
            self.everywhere.insert(rule);
            return;
        }
        let set: AddressSet = reach.ranges.iter().copied().collect();
        self.stretches.extend(set.ranges().into_iter().map(|range| {
            let classes = axis.classes(range);
            Stretch { rule, first: classes.start, end: classes.end }
        }));
    }

    fn paint(self, classes: usize, sets: &mut Collecting) -> Vec<u32> {
        sets.paint(classes, &self.everywhere, &apart(self.stretches))
    }
}

/// Application rules by source, service and host.
#[derive(Clone)]
pub(super) struct ApplicationIndex<'a> {
    pub(super) rows: Vec<Row<'a, ApplicationRule>>,
    by_source: Vec<u32>,
    by_service: HashMap<(ApplicationProtocolType, u16), u32>,
    by_host: HostClasses,
    /// The set of a service that no rule names.
    nothing: u32,
    sets: RuleSets,
}

impl<'a> ApplicationIndex<'a> {
    fn of(placed: &[Placed<'a>], deployment: &'a Deployment, axes: &Axes) -> ApplicationIndex<'a> {
        let mut rows = Vec::new();
        for placed in placed {
            let Rules::Application(action, rules) = &placed.collection.rules else { continue };
            rows.extend(rules.iter().map(|rule| Row::of(*placed, *action, rule)));
        }
        let mut sets = Collecting::of(rows.len());
        let mut from = Side::of(rows.len());
        let mut any_host = Bits::none(rows.len());
        let mut named: Vec<(&FqdnPattern, usize)> = Vec::new();
        let mut services: Vec<((ApplicationProtocolType, u16), usize)> = Vec::new();
        for (number, row) in rows.iter_mut().enumerate() {
            let ApplicationRule {
                name: _,
                description: _,
                sources,
                protocols,
                target_fqdns,
                // Nothing is compared with them (`azure-firewall.md §2.9`).
                target_addresses: _,
                target_urls,
                fqdn_tags,
                web_categories,
                destination_addresses: _,
                terminate_tls,
                http_headers: _,
                unknown_targets,
            } = row.rule;
            services.extend(protocols.iter().map(|pair| ((pair.protocol, pair.port), number)));
            if matching::refers_to_empty_group(&sources.ip_groups, deployment) {
                continue;
            }
            let source = Reach::of_sources(sources, deployment);
            let asks = source.asks
                || !fqdn_tags.is_empty()
                || !web_categories.is_empty()
                || !unknown_targets.is_empty()
                || matching::has_only_destination_addresses(row.rule);
            if asks {
                any_host.insert(number);
            }
            let urls = target_urls.iter().map(|url| &url.host);
            named.extend(target_fqdns.iter().chain(urls).map(|pattern| (pattern, number)));
            row.is_settled = !asks && target_urls.is_empty();
            row.inspects = *terminate_tls;
            from.add(number, &source, &axes.source);
        }
        let by_source = from.paint(axes.source.len(), &mut sets);
        services.sort_unstable();
        let mut by_service = HashMap::new();
        for rules in services.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((service, _)) = rules.first() else { continue };
            let mut bits = Bits::none(rows.len());
            rules.iter().for_each(|(_, rule)| bits.insert(*rule));
            by_service.insert(*service, sets.number(&bits));
        }
        let nothing = sets.number(&Bits::none(rows.len()));
        let by_host = HostClasses::parted_by(&named, &any_host, &mut sets);
        let sets = sets.done();
        rows.iter_mut().for_each(|row| row.is_settled &= sets.is_exact);
        ApplicationIndex { rows, by_source, by_service, by_host, nothing, sets }
    }

    /// The numbers of the rules that may match, ascending.
    #[inline]
    pub(super) fn numbers(
        &self,
        source: usize,
        service: (ApplicationProtocolType, u16),
        host: &Host,
    ) -> Common<'_> {
        let service = self.service(service);
        let source = self.by_source.get(source).copied().unwrap_or(0);
        let host = self.by_host.set(host);
        Common::of([self.sets.get(service), self.sets.get(source), self.sets.get(host)])
    }

    /// The number of the set of rules for a service.
    #[inline]
    fn service(&self, service: (ApplicationProtocolType, u16)) -> u32 {
        match self.by_service.get(&service) {
            Some(number) => *number,
            None => self.nothing,
        }
    }

    /// Whether some rule is for that service.
    pub(super) fn names(&self, service: (ApplicationProtocolType, u16)) -> bool {
        self.by_service.contains_key(&service)
    }
}

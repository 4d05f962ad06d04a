//! The way of a flow to its firewall and from it on, by classes of its addresses.
//!
//! The slow engine itself is asked for one flow of each pair of classes, the first that is met, and
//! its answer kept. It compares addresses with nothing but the ends of the ranges of
//! [`Cuts`](super::cuts::Cuts), so that it says the same of every other flow of the pair.

use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use super::super::decide::Arrival;
use super::super::decide::Departure;
use super::super::decide::Simulator;
use super::super::decision::Peer;
use super::super::decision::Reason;
use super::super::decision::Stage;
use super::super::decision::Verdict;
use super::super::firewall::Passed;
use super::super::inquiry::Inquiry;
use super::super::leg::Leg;
use super::super::security::AGENT_PORTS;
use super::super::security::DNS;
use super::super::special_purpose::is_platform;
use super::ports::Ports;
use super::questions::Questions;
use crate::azure::Key;
use crate::azure::rule::PortEntry;
use crate::azure::security_group::Direction;
use crate::azure::security_group::NetworkSecurityGroup;
use crate::flow::Flow;
use crate::flow::IpProtocol;
use crate::flow::PortRange;

/// The most pairs of classes of which an answer is kept, 16 bytes for each and some 100 for each
/// that is met. Two hundred prefixes on either side make a quarter of it.
const MAX_CELLS: usize = 1 << 22;

/// Where a flow comes to from its subnet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// To its end.
    Ends(Verdict, Reason),
    /// To the firewall of this number.
    Firewall(usize),
}

/// Answers for the classes of destinations, or what else goes with one class of sources.
type Cells<T> = OnceLock<Box<[Cell<T>]>>;

/// The answer for one pair of classes, once it was asked for.
type Cell<T> = OnceLock<Box<Questions<T>>>;

/// The ways of all flows.
pub(super) struct Ways {
    /// How many classes of addresses there are.
    places: usize,
    services: ServiceClasses,
    /// By class of the source, then of the destination, then of the service.
    departures: Vec<Cells<Way>>,
    /// By firewall, then class of the source, and after the last for one that was translated; then
    /// class of the destination.
    deliveries: Vec<Cells<(Verdict, Reason)>>,
    cells: AtomicUsize,
}

impl Ways {
    pub(super) fn of(simulator: &Simulator<'_>, places: usize, firewalls: usize) -> Ways {
        let groups = simulator.deployment.network_security_groups.values();
        let mut departures = Vec::new();
        departures.resize_with(places, OnceLock::new);
        let mut deliveries = Vec::new();
        deliveries.resize_with(firewalls * (places + 1), OnceLock::new);
        let services = ServiceClasses::of(groups);
        Ways { places, services, departures, deliveries, cells: AtomicUsize::new(0) }
    }

    /// What becomes of `flow`, whose addresses are of the classes `from` and `to`, up to its first
    /// firewall. `None` is for the slow engine.
    #[inline]
    pub(super) fn departure(
        &self,
        simulator: &Simulator<'_>,
        flow: &Flow,
        from: usize,
        to: usize,
    ) -> Option<&Questions<Way>> {
        let services = self.services.len();
        let row = self.row(self.departures.get(from)?, self.places * services)?;
        let service = if services == 1 { 0 } else { self.services.class(flow) };
        let cell = row.get(to * services + service)?;
        let ask = || Questions::of(flow, &|inquiry| depart(simulator, flow, inquiry));
        Some(cell.get_or_init(|| Box::new(ask())))
    }

    /// What becomes of `flow` when a network rule of a firewall has let it pass.
    #[inline]
    pub(super) fn delivery(
        &self,
        simulator: &Simulator<'_>,
        flow: &Flow,
        firewall: usize,
        from: Option<usize>,
        to: usize,
    ) -> Option<&Questions<(Verdict, Reason)>> {
        let from = from.unwrap_or(self.places);
        let row = self.deliveries.get(firewall * (self.places + 1) + from)?;
        let cell = self.row(row, self.places)?.get(to)?;
        let is_translated = from == self.places;
        Some(cell.get_or_init(|| {
            Box::new(Questions::of(flow, &|inquiry| {
                deliver(simulator, flow, firewall, is_translated, inquiry)
            }))
        }))
    }

    /// The cells of one row, where there is room for them.
    #[inline]
    fn row<'s, T>(&self, row: &'s Cells<T>, cells: usize) -> Option<&'s [Cell<T>]> {
        if let Some(row) = row.get() {
            return Some(row);
        }
        let taken = self.cells.load(Ordering::Relaxed);
        if taken.saturating_add(cells) > MAX_CELLS {
            return None;
        }
        Some(row.get_or_init(|| {
            self.cells.fetch_add(cells, Ordering::Relaxed);
            let mut row = Vec::new();
            row.resize_with(cells, OnceLock::new);
            row.into_boxed_slice()
        }))
    }
}

/// From the source to the first firewall, or to the end of a way that leads to none. `None` where
/// more than classes decides.
fn depart(simulator: &Simulator<'_>, flow: &Flow, inquiry: &mut Inquiry<'_>) -> Option<Way> {
    if simulator.asks_only(flow) {
        return simulator.only.as_ref().map(|_| Way::Firewall(simulator.firewalls.len()));
    }
    let groups = &simulator.deployment.network_security_groups;
    let has_source_ports = simulator.subnets_of(flow.source).into_iter().any(|vantage| {
        let group = vantage.subnet.network_security_group.as_ref();
        group.and_then(|name| groups.get(name)).is_some_and(looks_at_source_ports)
    });
    if has_source_ports {
        return None;
    }
    let (vantage, sent) = match simulator.depart(flow, inquiry) {
        Departure::Ends(verdict, reason) => return Some(Way::Ends(verdict, reason)),
        Departure::From(vantage, sent) => (vantage, sent),
    };
    // Behind a node the rest of the way sees another source.
    if sent.source != flow.source {
        return None;
    }
    let leg = Leg { vantage, flow: &sent, passed: None };
    match simulator.arrive(leg, Stage::Route, inquiry).1 {
        Arrival::Delivered(verdict, reason) => Some(Way::Ends(verdict, reason)),
        Arrival::Firewall { is_refused: true, .. } => {
            Some(Way::Ends(Verdict::Deny, Reason::PeeringRefused))
        }
        Arrival::Firewall { name, .. } => number_of(simulator, name).map(Way::Firewall),
    }
}

/// From a firewall to the end of the way. `None` where there is another firewall on it.
fn deliver(
    simulator: &Simulator<'_>,
    flow: &Flow,
    firewall: usize,
    translated: bool,
    inquiry: &mut Inquiry<'_>,
) -> Option<(Verdict, Reason)> {
    let reason = Reason::NetworkRule;
    let Some(enforced) = simulator.firewalls.values().nth(firewall) else {
        return Some((Verdict::Allow, reason));
    };
    let Some(vantage) = enforced.firewall.and_then(|firewall| simulator.beyond(firewall)) else {
        return Some((Verdict::Allow, reason));
    };
    let own = enforced.firewall.filter(|_| translated);
    let source = own.map_or(flow.source, |firewall| firewall.private_address);
    let sent = Flow { source, ..flow.clone() };
    let passed = Passed {
        reason,
        rule: None,
        peer: Peer::Destination,
        translated,
        destination: flow.destination,
        port: flow.destination_port,
    };
    let leg = Leg { vantage, flow: &sent, passed: Some(&passed) };
    match simulator.arrive(leg, Stage::Delivery, inquiry).1 {
        Arrival::Delivered(verdict, reason) => Some((verdict, reason)),
        Arrival::Firewall { .. } => None,
    }
}

fn number_of(simulator: &Simulator<'_>, name: &Key) -> Option<usize> {
    simulator.firewalls.keys().position(|other| *other == name)
}

impl Simulator<'_> {
    /// Whether nothing but the only firewall or policy is asked, as no network is stated.
    fn asks_only(&self, flow: &Flow) -> bool {
        self.deployment.virtual_networks.is_empty()
            && !is_platform(flow.destination)
            && self.only.is_some()
    }
}

pub(super) fn looks_at_source_ports(group: &NetworkSecurityGroup) -> bool {
    let mut outbound = group.rules.iter().filter(|rule| rule.direction == Direction::Outbound);
    outbound.any(|rule| !rule.source_ports.contains(&PortEntry::Any))
}

/// Protocols and destination ports, as far as security groups tell them apart.
struct ServiceClasses {
    /// Protocols that are told from all others.
    protocols: Vec<IpProtocol>,
    ports: Ports,
}

impl ServiceClasses {
    fn of<'g>(groups: impl Iterator<Item = &'g NetworkSecurityGroup>) -> ServiceClasses {
        let (mut protocols, mut ports) = (Vec::new(), Vec::new());
        for group in groups {
            // Ports are compared where a protocol has them.
            protocols.extend([IpProtocol::TCP, IpProtocol::UDP]);
            // So are those of the platform, whatever the group says (`azure-nsg.md §1.5`).
            ports.extend(AGENT_PORTS.into_iter().chain([DNS]).map(PortRange::single));
            for rule in &group.rules {
                protocols.extend(rule.protocol);
                ports.extend(rule.destination_ports.iter().map(|entry| entry.range()));
            }
        }
        protocols.sort_unstable();
        protocols.dedup();
        ServiceClasses { protocols, ports: Ports::cut_by(ports) }
    }

    fn len(&self) -> usize {
        (self.protocols.len() + 1) * self.ports.len()
    }

    fn class(&self, flow: &Flow) -> usize {
        let protocol = self.protocols.iter().position(|one| *one == flow.protocol);
        let protocol = protocol.unwrap_or(self.protocols.len());
        protocol * self.ports.len() + self.ports.class(flow.destination_port)
    }
}

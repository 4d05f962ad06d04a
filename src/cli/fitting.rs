//! What does not fit together in recorded flows, as captures have them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::capture::Application;
use crate::capture::CapturedFlow;
use crate::evidence::DnsTimeline;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::NameOrigin;
use crate::flow::Observation;
use crate::flow::SeenPayload;
use crate::simulate::Consistency;
use crate::simulate::Inconsistency;
use crate::simulate::Replayed;
use crate::simulate::consistency::Connection;

/// What recorded flows are held against.
pub(super) struct Fitting<'a> {
    /// Rules and proxies.
    pub(super) consistency: Consistency,
    /// The answers of DNS.
    pub(super) timeline: &'a DnsTimeline,
    /// The clients that answers were recorded of; of more than one, two.
    pub(super) clients: BTreeSet<IpAddr>,
    /// The one client that all of them are taken for, where `--from` is given.
    pub(super) from: Option<IpAddr>,
}

impl Fitting<'_> {
    /// What does not fit together in `flow`, of which `openings` were replayed.
    pub(super) fn check(
        &self,
        flow: &CapturedFlow,
        openings: &[Observation],
        replayed: &Replayed,
        is_accepted: bool,
    ) -> Vec<Inconsistency> {
        let packet = flow.openings.get(replayed.index).map(|opening| opening.packet);
        let targets = targets(flow);
        let connection = Connection {
            openings,
            destination: flow.destination,
            client: self.client(flow),
            names: &flow.names,
            targets: &targets,
            notes: &flow.notes,
            is_dns: flow.application == Application::Dns,
            is_bare: is_bare(flow),
            first: flow.first,
            is_whole: flow.syn || flow.protocol != IpProtocol::TCP,
            packet: packet.filter(|packet| *packet > 0),
        };
        self.consistency.check(&connection, replayed, is_accepted, self.timeline)
    }

    /// The client under which the time line has the answers to the flow's own source, and no others.
    /// Behind source NAT there may be several, and where all are taken for one, it is that one only
    /// if there is no other.
    fn client(&self, flow: &CapturedFlow) -> Option<IpAddr> {
        match self.from {
            _ if flow.translated_from.is_some() => None,
            None => Some(flow.source),
            Some(from) => {
                let is_only = self.clients.len() == 1 && self.clients.contains(&flow.source);
                is_only.then_some(from)
            }
        }
    }
}

/// Whether no packet of a flow of TCP can have held a byte: each is as short as its headers, or there are
/// not more than of a handshake.
fn is_bare(flow: &CapturedFlow) -> bool {
    let header = if flow.source.is_ipv4() { 40 } else { 60 };
    flow.protocol == IpProtocol::TCP
        && flow.packets.is_some_and(|packets| {
            let is_short = flow.bytes.is_some_and(|bytes| bytes <= packets.saturating_mul(header));
            is_short || flow.syn && packets <= 3
        })
}

/// The targets of requests that name another host than the `Host` header, with that host where the
/// packet has no other request.
fn targets(flow: &CapturedFlow) -> Vec<(&Host, Option<&Host>)> {
    let targets = flow.names.iter().filter(|seen| seen.origin == NameOrigin::Target);
    let with_host = targets.map(|target| {
        let of_packet = flow.openings.iter().filter(|opening| opening.packet == target.packet);
        let mut hosts = of_packet.filter_map(|opening| match &opening.payload {
            SeenPayload::Exactly(payload) => payload.wire_name(),
            SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => None,
        });
        let only = hosts.next().filter(|_| hosts.next().is_none());
        (&target.name, only)
    });
    with_host.collect()
}

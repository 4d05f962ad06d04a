//! What is recorded of a connection, and what does not fit in it without regard to rules.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;

use super::Found;
use super::finding::Inconsistency;
use super::finding::Kind;
use super::finding::Transport;
use crate::evidence::DnsTimeline;
use crate::flow::Fqdn;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::NameOrigin;
use crate::flow::Numeric;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::SeenName;
use crate::flow::SeenPayload;
use crate::flow::shown::Note;
use crate::simulate::Replayed;

/// DNS in the clear (RFC 1035 §4.2).
const DNS_PORT: u16 = 53;
/// DNS over TLS (RFC 7858 §3.1) and over QUIC (RFC 9250 §4.1.1).
const ENCRYPTED_DNS_PORT: u16 = 853;

/// What a recording holds of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// What it asked of the firewall, in order, as it was replayed.
    pub openings: &'a [Observation],
    /// Where it goes to; `None` where a log does not say it, whatever the openings stand in for it.
    pub destination: Option<IpAddr>,
    /// The address under which the DNS answers to this very client, and to no other, are known;
    /// `None` where there is none, as behind source NAT.
    pub client: Option<IpAddr>,
    /// The names that it showed, in order.
    pub names: &'a [SeenName],
    /// The targets of requests that name another host than the `Host` header, with that host where it is
    /// known.
    pub targets: &'a [(&'a Host, Option<&'a Host>)],
    /// What else is known of it.
    pub notes: &'a BTreeSet<Note>,
    /// Whether it speaks DNS, by what it said or by what a log calls it.
    pub is_dns: bool,
    /// Whether its packets are too few or too short for one to have held a byte.
    pub is_bare: bool,
    /// When it was first seen.
    pub first: Timestamp,
    /// Whether that was its beginning.
    pub is_whole: bool,
    /// The index of the packet at which its box was settled, from 1; `None` where a log does not
    /// say it.
    pub packet: Option<u64>,
}

impl Connection<'_> {
    /// The names that the client showed, as a firewall sees them.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&Fqdn, &SeenName)> {
        let shown = self.names.iter().filter(|seen| is_shown(seen.origin));
        shown.filter_map(|seen| Some((name(&seen.name)?, seen)))
    }

    /// A proxy goes by the target, and the firewall by the header (`azure-firewall.md §2.5`).
    pub(super) fn add_targets(&self, found: &mut Found) {
        for (target, host) in self.targets {
            let (target, host) = ((*target).clone(), host.cloned());
            found.add(Inconsistency::OtherTarget { target, host });
        }
    }

    /// Those of them that the client may have looked up for this connection: a name that is shown to a
    /// proxy is not that of the proxy.
    fn shown_at_first(&self) -> impl Iterator<Item = (&Fqdn, &SeenName)> {
        self.shown().filter(|(_, seen)| seen.origin != NameOrigin::LaterSni)
    }

    /// An allowed server name suffices where nobody looks inside (`azure-firewall.md §2.5`).
    pub(super) fn add_fronting(&self, found: &mut Found) {
        let hellos: Vec<(usize, &SeenName)> = self.numbered(is_hello).collect();
        let mut add = |hello: &SeenName, request: &SeenName| {
            if let (Some(said), Some(asked)) = (name(&hello.name), name(&request.name)) {
                found.add(Inconsistency::Fronting {
                    hello: said.clone(),
                    hello_in: hello.origin,
                    request: asked.clone(),
                    request_in: request.origin,
                });
            }
        };
        let before = |one: &(usize, &SeenName), other: &(usize, &SeenName)| {
            (one.1.at, one.0) < (other.1.at, other.0)
        };
        // A request behind hellos is for the host of one of them.
        for request in self.numbered(is_request) {
            let earlier = || hellos.iter().filter(|hello| before(hello, &request));
            if earlier().all(|hello| hello.1.name != request.1.name)
                && let Some(last) = earlier().next_back()
            {
                add(last.1, request.1);
            }
        }
        // A hello behind requests, as behind `CONNECT`, is for the host of one of them.
        for hello in &hellos {
            let earlier = || self.numbered(is_request).filter(|request| before(request, hello));
            if earlier().all(|request| request.1.name != hello.1.name)
                && let Some(last) = earlier().next_back()
            {
                add(hello.1, last.1);
            }
        }
    }

    /// The same of a request that was seen inside TLS, where a log has one.
    pub(super) fn add_fronting_inside(&self, found: &mut Found) {
        for opening in self.openings {
            if let SeenPayload::Exactly(Payload::Tls { name: Some(hello), inner: Some(request) }) =
                &opening.payload
                && let (Some(hello), Some(asked)) =
                    (name(hello), request.host.as_ref().and_then(name))
                && hello != asked
            {
                found.add(Inconsistency::Fronting {
                    hello: hello.clone(),
                    hello_in: NameOrigin::Sni,
                    request: asked.clone(),
                    request_in: NameOrigin::Host,
                });
            }
        }
    }

    /// The names of origins that are `of`, with their places.
    fn numbered(
        &self,
        of: fn(NameOrigin) -> bool,
    ) -> impl DoubleEndedIterator<Item = (usize, &SeenName)> {
        self.names.iter().enumerate().filter(move |(_, seen)| of(seen.origin))
    }

    /// Each further request is a question of its own (`semantics.md`, connection), and where it is
    /// stopped, a report shows the name of the first.
    pub(super) fn add_second_host(&self, replayed: &Replayed, found: &mut Found) {
        let is_refused =
            replayed.judged.as_ref().is_some_and(|judged| judged.permitted == Some(false));
        let Some(settled) = self.openings.get(replayed.index).filter(|_| is_refused) else {
            return;
        };
        if kind(settled) != Some(PayloadKind::Http) {
            return;
        }
        let up_to = self.openings.iter().take(replayed.index + 1);
        let requests = up_to.filter(|opening| kind(opening) == Some(PayloadKind::Http));
        let (Some(first), Some(then)) =
            (requests.clone().find_map(wire_name), wire_name(settled).cloned())
        else {
            return;
        };
        if *first != then {
            let (first, request) = (first.clone(), requests.count());
            found.add(Inconsistency::SecondHost { first, then, request, packet: self.packet });
        }
    }

    /// A server name is never an address (RFC 6066 §3), and only `*` matches a host that is one
    /// (`azure-firewall.md §2.3`).
    pub(super) fn add_literals(&self, found: &mut Found) {
        for seen in self.names.iter().filter(|seen| is_shown(seen.origin)) {
            let (address, written) = match &seen.name {
                Host::Address(address) => (*address, None),
                Host::Name(name) => match Numeric::of(name) {
                    Some(Numeric::Address(address)) => (IpAddr::V4(address), Some(name.clone())),
                    Some(Numeric::Nothing) | None => continue,
                },
            };
            let (read_in, destination) = (seen.origin, self.destination);
            found.add(Inconsistency::Literal { address, written, read_in, destination });
        }
    }

    /// Whoever shows an allowed name can go to any address that the firewall does not look up itself
    /// (`azure-firewall.md §2.5`).
    pub(super) fn add_told(&self, timeline: &DnsTimeline, found: &mut Found) {
        let (Some(client), Some(destination)) = (self.client, self.destination) else { return };
        let has_ports = self.openings.first().is_some_and(|one| one.protocol.has_ports());
        if !has_ports || !self.is_whole || self.is_dns || !is_one_machine(destination) {
            return;
        }
        let Some(since) = timeline.recorded_since(client, self.first) else { return };
        if timeline.has_answered(destination) {
            return;
        }
        // The client chose the address before it sent anything.
        let by_name = self.shown_at_first();
        let lacks = |name| timeline.lacks_answer(client, [name], destination, self.first);
        for (name, _) in by_name {
            if timeline.has_told_of(client, name, destination) || lacks(name) {
                continue;
            }
            if let Some(told) = timeline.told_instead(client, name, destination, self.first) {
                let name = name.clone();
                found.add(Inconsistency::OtherAddress { name, destination, told });
                continue;
            }
            let told = timeline.names(client, destination, self.first);
            let other = told
                .into_iter()
                .flatten()
                .find_map(|held| Some((held.name, held.at, held.server?)));
            if let Some((other, at, server)) = other {
                let name = name.clone();
                found.add(Inconsistency::OtherName { name, destination, other, at, server });
            }
        }
        let is_told = [Kind::Literal, Kind::OtherAddress, Kind::OtherName];
        let names = self.shown_at_first().map(|(name, _)| name);
        if !timeline.has_told(client, destination)
            && !found.has(&is_told)
            && !timeline.lacks_answer(client, names, destination, self.first)
        {
            let name = self.shown().next().map(|(name, _)| name.clone());
            found.add(Inconsistency::NoAnswer { name, destination, since });
        }
    }

    /// No firewall reads an encrypted hello (`azure-firewall.md §1.9`).
    pub(super) fn add_hidden(&self, found: &mut Found) {
        if self.notes.is_empty() {
            return;
        }
        let hello = self.names.iter().find(|seen| is_hello(seen.origin));
        let outer = || hello.map(|seen| seen.name.clone());
        for note in self.notes {
            match note {
                Note::EncryptedClientHello => {
                    found.add(Inconsistency::EncryptedClientHello { outer: outer() });
                }
                Note::EncryptedServerName => {
                    found.add(Inconsistency::EncryptedServerName { outer: outer() });
                }
                // The one leaves a question open, which is an objection; no firewall sees the other.
                Note::ConflictingSegments | Note::Loopback => {}
            }
        }
    }

    /// How it asks a DNS server, if it does: by what was said, else by the port. A handshake says nothing.
    pub(super) fn asks_over(&self, last: &Observation) -> Option<Transport> {
        if self.is_dns {
            // Where a recording begins with an answer, the server looks like who began.
            let is_answer = last.source_port == Some(DNS_PORT) && last.destination_port != DNS_PORT;
            return (!is_answer).then_some(Transport::Clear);
        }
        let is_udp = last.protocol == IpProtocol::UDP;
        if !is_udp && last.protocol != IpProtocol::TCP {
            return None;
        }
        match (last.destination_port, kind(last)) {
            (_, None) if self.is_bare => None,
            (DNS_PORT, None) => Some(Transport::Clear),
            (ENCRYPTED_DNS_PORT, None | Some(PayloadKind::Quic)) if is_udp => Some(Transport::Quic),
            (ENCRYPTED_DNS_PORT, None | Some(PayloadKind::Tls)) if !is_udp => Some(Transport::Tls),
            _ => None,
        }
    }
}

/// Whether the client showed the name to a firewall on the way.
fn is_shown(origin: NameOrigin) -> bool {
    !matches!(origin, NameOrigin::DnsAnswer | NameOrigin::Target)
}

/// The name that DNS is asked for to reach `host`: none for an address, in whatever way it is written.
fn name(host: &Host) -> Option<&Fqdn> {
    host.name().filter(|name| Numeric::of(name).is_none())
}

fn is_hello(origin: NameOrigin) -> bool {
    match origin {
        NameOrigin::Sni
        | NameOrigin::TdsSni
        | NameOrigin::QuicSni
        | NameOrigin::LaterSni
        | NameOrigin::DtlsSni => true,
        NameOrigin::Host | NameOrigin::Target | NameOrigin::Authority | NameOrigin::DnsAnswer => {
            false
        }
    }
}

fn is_request(origin: NameOrigin) -> bool {
    matches!(origin, NameOrigin::Host | NameOrigin::Authority)
}

pub(super) fn kind(opening: &Observation) -> Option<PayloadKind> {
    opening.payload.kind()
}

pub(super) fn wire_name(opening: &Observation) -> Option<&Host> {
    match &opening.payload {
        SeenPayload::Exactly(payload) => payload.wire_name(),
        SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => None,
    }
}

/// Whether somebody may have looked the address up: it is no group of machines, nor one that is found
/// without DNS.
fn is_one_machine(address: IpAddr) -> bool {
    let is_found_otherwise = match address {
        IpAddr::V4(v4) => v4.is_broadcast() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(is_found_otherwise
        || address.is_multicast()
        || address.is_loopback()
        || address.is_unspecified())
}

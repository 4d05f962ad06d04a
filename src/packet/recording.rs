//! A capture of flows, one after the other.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use jiff::Timestamp;

use crate::flow::Flow;
use crate::flow::Fqdn;
use crate::flow::IpProtocol;

use super::dns;
use super::ip::Ends;
use super::ip::Segment;
use super::opening::End;
use super::opening::Opening;
use super::opening::Unwritable;
use super::opening::opening;
use super::pcapng;

/// Ports of clients that nobody has chosen (RFC 6335 §6).
const EPHEMERAL: RangeInclusive<u16> = 49152..=65535;
const DNS: u16 = 53;
/// From a packet to the next, and from a flow to the next, in nanoseconds.
const STEP: u64 = 1_000_000;
const PAUSE: u64 = 1_000_000_000;
/// What fits in a packet on every way (RFC 9293 §3.7.1).
const MOST_SEGMENT_BYTES: usize = 1220;

/// A DNS answer that the client of a flow has before it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Lookup {
    /// Who answers; an address of the client's family.
    pub server: IpAddr,
    /// The port that the client asks from.
    pub source_port: u16,
    /// What is asked for.
    pub name: Fqdn,
    /// The answer.
    pub address: IpAddr,
}

/// A flow, and what is known before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exchange {
    /// The flow, its source port as it is.
    pub flow: Flow,
    /// The answers, in their order.
    pub lookups: Vec<Lookup>,
    /// What the first packet is commented with.
    pub comment: String,
}

/// A capture.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recording {
    /// The pcapng file.
    pub bytes: Vec<u8>,
    /// The exchanges, by their index, that it does not hold, each with the reason.
    pub left_out: Vec<(usize, Unwritable)>,
}

/// Writes `exchanges` down as packets that are seen from `at` on. Each has a sequence number and a
/// time of its own, so that two flows between the same ends stay two. A comment on the whole names
/// those that are left out.
pub fn record(exchanges: &[Exchange], at: Timestamp) -> Recording {
    let mut left_out = Vec::new();
    let mut comments: Vec<String> = Vec::new();
    let mut all = Vec::new();
    let mut clock = u64::try_from(at.as_nanosecond()).ok();
    for (index, exchange) in exchanges.iter().enumerate() {
        // Lies in what a client fills at random, and so may come again after 65536 flows.
        let nonce = u16::try_from(index & 0xffff).unwrap_or_default();
        match packets(exchange, nonce).and_then(|packets| timed(&packets, clock, exchange)) {
            Ok((blocks, end)) => {
                all.extend(blocks);
                clock = end.checked_add(PAUSE);
            }
            Err(why) => {
                comments.push(format!("left out: {}: {why}", exchange.flow));
                left_out.push((index, why));
            }
        }
    }
    let mut bytes = pcapng::header(&comments.join("\n"));
    bytes.extend(all);
    Recording { bytes, left_out }
}

/// Source ports for clients, each once while they last.
#[derive(Clone, Debug)]
pub struct EphemeralPorts {
    free: Vec<u16>,
    next: usize,
}

impl EphemeralPorts {
    /// Those that are not `taken`.
    pub fn beside(taken: &BTreeSet<u16>) -> EphemeralPorts {
        let free = EPHEMERAL.filter(|port| !taken.contains(port)).collect();
        EphemeralPorts { free, next: 0 }
    }

    /// The next one.
    pub fn take(&mut self) -> u16 {
        let port = self.free.get(self.next).copied().unwrap_or(*EPHEMERAL.end());
        self.next = (self.next + 1) % self.free.len().max(1);
        port
    }
}

/// The packets with their times, and the time of the last.
fn timed(
    packets: &[Vec<u8>],
    start: Option<u64>,
    exchange: &Exchange,
) -> Result<(Vec<u8>, u64), Unwritable> {
    let mut at = start.ok_or(Unwritable::Time)?;
    let mut blocks = Vec::new();
    for (index, packet) in packets.iter().enumerate() {
        let comment = if index == 0 { exchange.comment.as_str() } else { "" };
        blocks.extend(pcapng::packet(at, packet, comment));
        at = at.checked_add(STEP).ok_or(Unwritable::Time)?;
    }
    Ok((blocks, at))
}

/// The packets of an exchange in their order.
fn packets(exchange: &Exchange, nonce: u16) -> Result<Vec<Vec<u8>>, Unwritable> {
    let flow = &exchange.flow;
    let opening = opening(flow, nonce)?;
    let mut wire = Wire { nonce, packets: Vec::new() };
    for lookup in &exchange.lookups {
        let ends = Ends { source: flow.source, destination: lookup.server };
        if ends.source.is_ipv4() != ends.destination.is_ipv4() {
            return Err(Unwritable::Families);
        }
        let ports = [lookup.source_port, DNS];
        wire.datagram(ends, ports, &dns::query(nonce, &lookup.name, lookup.address));
        let answer = dns::answer(nonce, &lookup.name, lookup.address);
        wire.datagram(ends.reversed(), reversed(ports), &answer);
    }
    let ends = Ends { source: flow.source, destination: flow.destination };
    let ports = [flow.source_port, flow.destination_port];
    match opening {
        Opening::Stream(said) => wire.stream(ends, ports, &said),
        Opening::Datagram(payload) => wire.datagram(ends, ports, &payload),
        Opening::Echo => {
            let payload = ends.echo(nonce, &[]);
            wire.send(ends, flow.protocol, &payload);
        }
        Opening::Raw(payload) => wire.send(ends, flow.protocol, &payload),
    }
    Ok(wire.packets)
}

fn reversed([source, destination]: [u16; 2]) -> [u16; 2] {
    [destination, source]
}

/// What was sent.
struct Wire {
    nonce: u16,
    packets: Vec<Vec<u8>>,
}

impl Wire {
    fn send(&mut self, ends: Ends, protocol: IpProtocol, payload: &[u8]) {
        self.packets.push(ends.packet(protocol, self.nonce, payload));
    }

    fn datagram(&mut self, ends: Ends, ports: [u16; 2], payload: &[u8]) {
        let datagram = ends.udp(ports, payload);
        self.send(ends, IpProtocol::UDP, &datagram);
    }

    /// A handshake, and what the two ends say after it.
    fn stream(&mut self, ends: Ends, ports: [u16; 2], said: &[(End, Vec<u8>)]) {
        // As far apart as no flow is long.
        let first = u32::from(self.nonce) << 16;
        let mut talk = Talk { ends, ports, client: first, server: first.wrapping_add(1 << 31) };
        self.segment(&mut talk, End::Client, Segment::SYN, &[]);
        self.segment(&mut talk, End::Server, Segment::SYN | Segment::ACK, &[]);
        self.segment(&mut talk, End::Client, Segment::ACK, &[]);
        for (end, bytes) in said {
            for part in bytes.chunks(MOST_SEGMENT_BYTES) {
                self.segment(&mut talk, *end, Segment::PSH | Segment::ACK, part);
            }
        }
    }

    fn segment(&mut self, talk: &mut Talk, from: End, flags: u8, payload: &[u8]) {
        let (ends, ports, sent, received) = match from {
            End::Client => (talk.ends, talk.ports, &mut talk.client, talk.server),
            End::Server => {
                (talk.ends.reversed(), reversed(talk.ports), &mut talk.server, talk.client)
            }
        };
        let acknowledgment = if flags & Segment::ACK == 0 { 0 } else { received };
        let segment = Segment { ports, sequence: *sent, acknowledgment, flags, payload };
        // A SYN takes a number, too (RFC 9293 §3.4).
        let takes = payload.len() + usize::from(flags & Segment::SYN != 0);
        *sent = sent.wrapping_add(u32::try_from(takes).unwrap_or_default());
        let segment = ends.tcp(&segment);
        self.send(ends, IpProtocol::TCP, &segment);
    }
}

/// A connection while it is written down: its ends, and the number that each comes to next.
struct Talk {
    ends: Ends,
    ports: [u16; 2],
    client: u32,
    server: u32,
}

//! Packets and flows that a capture holds more than once: seen on two interfaces of one host, with
//! and without a VLAN tag, before and after source NAT.
//!
//! What is merged is merged on proof only: a copy is equal in all that no host changes under way,
//! was seen from another side of this host, and directly after the first. A segment that is sent
//! again is seen from the same side again, and is no copy.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::hash::Hash;

use foldhash::HashMap;
use foldhash::quality::RandomState;

use crate::flow::IpProtocol;

use super::conversation::Endpoint;
use super::conversation::Packet;
use super::moment::Moment;
use super::moment::SECOND;
use super::table::FlowId;
use super::wire::Side;

/// How far the times of copies lie apart: a host forwards within microseconds, and no timer sends
/// anything again so soon (RFC 6298 §2.4 has a second, Linux 200 ms).
const WINDOW: i64 = SECOND / 10;
/// How long packets are remembered. Captures of several interfaces write what they read from each in
/// batches, so that copies come in the file long after each other.
const MEMORY: i64 = 5 * SECOND;
/// Packets remembered at a time; beyond that the memory is shorter.
const MOST_PACKETS: usize = 8192;
/// The side that stands for all beyond those that are told apart: the last of the 64 that
/// `Sighting` has bits for.
const OTHER_VANTAGES: Vantage = Vantage(63);

/// A side of the host, numbered as they are met.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Vantage(pub(super) u8);

/// The sides of the host from which packets were seen.
#[derive(Debug, Default)]
pub(super) struct Vantages {
    known: HashMap<(u32, Side), u8>,
    /// That of the packet before.
    last: Option<((u32, Side), Vantage)>,
    /// Whether there were more than can be told apart.
    pub(super) overflown: bool,
}

impl Vantages {
    /// The number of a side. Beyond the limit all share the last number, so that fewer copies are
    /// found and none is found wrongly.
    pub(super) fn of(&mut self, interface: u32, side: Side) -> Vantage {
        match self.last {
            Some((last, vantage)) if last == (interface, side) => vantage,
            Some(_) | None => {
                let vantage = self.number(interface, side);
                self.last = Some(((interface, side), vantage));
                vantage
            }
        }
    }

    fn number(&mut self, interface: u32, side: Side) -> Vantage {
        let next = self.known.len();
        match self.known.entry((interface, side)) {
            Entry::Occupied(known) => Vantage(*known.get()),
            Entry::Vacant(place) => match u8::try_from(next) {
                Ok(number) if number < OTHER_VANTAGES.0 => Vantage(*place.insert(number)),
                Ok(_) | Err(_) => {
                    self.overflown = true;
                    OTHER_VANTAGES
                }
            },
        }
    }
}

/// What is equal in all copies of a packet between the same addresses, hashed under a key that
/// nobody knows who writes packets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Print(u64);

/// What is equal in a packet before and after source NAT, but for the destination.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Unchanged {
    protocol: IpProtocol,
    depth: u8,
    identification: u32,
    digest: u64,
}

/// A packet that was seen.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    at: Moment,
    /// The sides that it was seen from, a bit each.
    vantages: u64,
}

/// An opening of a flow that was seen.
#[derive(Clone, Copy, Debug)]
struct OpeningSeen {
    at: Moment,
    vantage: Vantage,
    hop_limit: u8,
    flow: FlowId,
}

/// A flow that shows the same opening on the other side of source NAT.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct OtherSide {
    pub(super) flow: FlowId,
    /// Whether the flow was seen before it was translated, and the new opening after that. Captures
    /// of several interfaces are not in the order of the packets.
    pub(super) is_before: bool,
}

/// Remembers the packets of the last moments.
#[derive(Debug, Default)]
pub(super) struct Copies {
    hasher: RandomState,
    /// The last packets, as long as all were seen from one side.
    recent: VecDeque<(Moment, Vantage, Print)>,
    /// Whether they were seen from several.
    has_sides: bool,
    packets: HashMap<Print, Sighting>,
    packet_ages: VecDeque<(Moment, Print)>,
    openings: HashMap<(Endpoint, Unchanged), OpeningSeen>,
    opening_ages: VecDeque<(Moment, (Endpoint, Unchanged))>,
}

impl Copies {
    /// Whether `packet` was seen from another side of the host just before.
    pub(super) fn is_copy(
        &mut self,
        packet: &Packet<'_>,
        identification: u32,
        vantage: Vantage,
    ) -> bool {
        let unchanged = self.unchanged(packet, identification);
        let ends = (packet.source, packet.destination);
        let print = Print(self.hasher.hash_one((ends, unchanged)));
        if !self.has_sides {
            // Most captures have one side, and then nothing has to be looked up.
            if self.recent.back().is_none_or(|(_, before, _)| *before == vantage) {
                if self.recent.len() >= MOST_PACKETS {
                    self.recent.pop_front();
                }
                self.recent.push_back((packet.at, vantage, print));
                return false;
            }
            self.has_sides = true;
            for (at, vantage, print) in std::mem::take(&mut self.recent) {
                self.see(at, vantage, print);
            }
        }
        self.see(packet.at, vantage, print)
    }

    /// Whether a packet was seen from another side just before; it is remembered.
    fn see(&mut self, at: Moment, vantage: Vantage, print: Print) -> bool {
        self.forget(at);
        let bit = 1_u64 << vantage.0;
        let fresh = Sighting { at, vantages: bit };
        match self.packets.entry(print) {
            Entry::Occupied(mut seen) => {
                let seen = seen.get_mut();
                let is_recent = at.since(seen.at).saturating_abs() <= WINDOW;
                if is_recent && seen.vantages & bit == 0 {
                    seen.vantages |= bit;
                    return true;
                }
                *seen = fresh;
            }
            Entry::Vacant(place) => {
                place.insert(fresh);
                self.packet_ages.push_back((at, print));
            }
        }
        false
    }

    /// The flow of which `packet`, the first of its own, is the opening on the other side of source
    /// NAT.
    pub(super) fn translated(
        &self,
        packet: &Packet<'_>,
        identification: u32,
        vantage: Vantage,
    ) -> Option<OtherSide> {
        let key = (packet.destination, self.unchanged(packet, identification));
        let seen = self.openings.get(&key)?;
        let is_recent = packet.at.since(seen.at).saturating_abs() <= WINDOW;
        if !is_recent || seen.vantage == vantage {
            return None;
        }
        // The host that translates is a router: it takes one from the hop limit.
        let is_before =
            (Reverse(seen.hop_limit), seen.at) <= (Reverse(packet.hop_limit), packet.at);
        Some(OtherSide { flow: seen.flow, is_before })
    }

    /// Remembers the first packet of a flow, if it is one that can be known again by its content.
    pub(super) fn opened(
        &mut self,
        packet: &Packet<'_>,
        identification: u32,
        vantage: Vantage,
        flow: FlowId,
    ) {
        let tells = match &packet.tcp {
            // The sequence number of a SYN is random, and so are timestamps.
            Some(tcp) => tcp.flags.opens(),
            // Without one, payload and identification must both be there.
            None => identification != 0 && packet.payload.len() >= 8,
        };
        if !tells {
            return;
        }
        let key = (packet.destination, self.unchanged(packet, identification));
        self.forget(packet.at);
        self.openings
            .insert(key, OpeningSeen { at: packet.at, vantage, hop_limit: packet.hop_limit, flow });
        self.opening_ages.push_back((packet.at, key));
    }

    fn unchanged(&self, packet: &Packet<'_>, identification: u32) -> Unchanged {
        let numbers = packet
            .tcp
            .map(|tcp| (tcp.sequence, tcp.acknowledgment, tcp.flags, tcp.window, tcp.options));
        let digest = self.hasher.hash_one((numbers, packet.wire, packet.payload));
        Unchanged { protocol: packet.protocol, depth: packet.depth, identification, digest }
    }

    fn forget(&mut self, now: Moment) {
        let is_old = |at: Moment, many: bool| many || now.since(at) > MEMORY;
        while let Some((at, print)) = self.packet_ages.front().copied() {
            if !is_old(at, self.packet_ages.len() >= MOST_PACKETS) {
                break;
            }
            self.packet_ages.pop_front();
            self.packets.remove(&print);
        }
        while let Some((at, key)) = self.opening_ages.front().copied() {
            if !is_old(at, self.opening_ages.len() >= MOST_PACKETS) {
                break;
            }
            self.opening_ages.pop_front();
            self.openings.remove(&key);
        }
    }
}

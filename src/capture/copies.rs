//! Packets and flows that a capture holds more than once: seen on two interfaces of one host, with
//! and without a VLAN tag, before and after source NAT.
//!
//! What is merged is merged on proof only: a copy is equal in all that no host changes under way,
//! was seen from another side of this host, and directly after the first. A segment that is sent
//! again is seen from the same side again, and is no copy.
#![expect(
    clippy::inline_always,
    reason = "once for each packet; a call has to write out what is read of its headers"
)]

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::hash::Hash;
use std::hash::Hasher;

use foldhash::HashMap;
use foldhash::quality::RandomState;

use crate::flow::IpProtocol;

use super::conversation::Packet;
use super::moment::Moment;
use super::moment::SECOND;
use super::speaker::Endpoint;
use super::table::FlowId;
use super::wire::Side;
use super::wire::tcp::Flags;
use super::wire::tcp::TcpHeader;

/// How far the times of copies lie apart: a host forwards within microseconds, and no timer sends
/// anything again so soon (RFC 6298 §2.4 has a second, Linux 200 ms).
const WINDOW: i64 = SECOND / 10;
/// How long packets are remembered. Captures of several interfaces write what they read from each in
/// batches, so that copies come in the file long after each other.
pub(super) const MEMORY: i64 = 5 * SECOND;
/// Packets remembered at a time; beyond that the memory is shorter. A power of two, so that numbers
/// that go round come to the same places.
const MOST_PACKETS: u32 = 8192;
/// Openings remembered at a time.
const MOST_OPENINGS: usize = 8192;
/// Chains of the index of packets: more than packets, so that most packets are alone in theirs.
const CHAINS: usize = 1 << 14;
/// Spreads small numbers over all bits of a word: 2⁶⁴ over the golden ratio, odd.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
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
    #[inline]
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
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Print(u64);

/// The key under which packets are hashed.
#[derive(Clone, Debug, Default)]
pub(super) struct PrintKey(RandomState);

impl PrintKey {
    /// What is equal in all copies of a packet, but for its addresses. `tcp` is its header, of
    /// which the packet itself has a part.
    #[inline(always)]
    pub(super) fn unchanged(
        &self,
        packet: &Packet<'_>,
        tcp: Option<&TcpHeader<'_>>,
        identification: u32,
    ) -> Unchanged {
        let mut hasher = self.0.build_hasher();
        hasher.write_u64(packet.wire);
        if let Some(TcpHeader { sequence, acknowledgment, flags, window, options, .. }) = tcp {
            hasher.write_u64(u64::from(*sequence) << 32 | u64::from(*acknowledgment));
            (window, flags).hash(&mut hasher);
            options.hash(&mut hasher);
        }
        packet.payload.hash(&mut hasher);
        let digest = hasher.finish();
        Unchanged { protocol: packet.protocol, depth: packet.depth, identification, digest }
    }

    #[inline(always)]
    pub(super) fn ends(&self, packet: &Packet<'_>) -> EndsHash {
        self.between(packet.source, packet.destination, packet.protocol, packet.depth)
    }

    #[inline(always)]
    pub(super) fn between(
        &self,
        source: Endpoint,
        destination: Endpoint,
        protocol: IpProtocol,
        depth: u8,
    ) -> EndsHash {
        let of_source = self.0.hash_one(source);
        let of_both = of_source.wrapping_add(self.0.hash_one(destination));
        // Added to a hash that nobody knows, whatever they are spread by.
        let under = u64::from(u16::from_be_bytes([protocol.0, depth]));
        let of_both = of_both.wrapping_add(under.wrapping_mul(SPREAD));
        EndsHash { of_both, of_source }
    }

    #[inline]
    fn print(&self, ends: EndsHash, unchanged: &Unchanged) -> Print {
        let mut hasher = self.0.build_hasher();
        hasher.write_u64(ends.of_both);
        hasher.write_u64(ends.of_source);
        hasher.write_u64(u64::from(unchanged.identification));
        hasher.write_u64(unchanged.digest);
        Print(hasher.finish())
    }
}

/// The ends of a packet, hashed.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndsHash {
    /// Of both, with what they speak and where; the same in both directions.
    pub(super) of_both: u64,
    of_source: u64,
}

/// What is equal in a packet before and after source NAT, but for the destination.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unchanged {
    protocol: IpProtocol,
    depth: u8,
    identification: u32,
    digest: u64,
}

impl Hash for Unchanged {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The digest is a hash already, and the rest differs where it does.
        state.write_u64(self.digest);
    }
}

/// An opening of a flow that was seen.
#[derive(Clone, Copy, Debug)]
struct OpeningSeen {
    at: Moment,
    vantage: Vantage,
    hop_limit: u8,
    flow: FlowId,
    /// Whether it is proof alone that another is the same: the sequence number of a SYN is random, and so are
    /// timestamps; and the identification of a datagram is. Of what comes later only a router's work is.
    is_proof: bool,
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
    pub(super) key: PrintKey,
    packets: Packets,
    openings: HashMap<(Endpoint, Unchanged), OpeningSeen>,
    opening_ages: VecDeque<(Moment, (Endpoint, Unchanged))>,
}

impl Copies {
    /// Whether `packet`, of which `ends` and `unchanged` are, was seen from another side of the host
    /// just before.
    #[inline]
    pub(super) fn is_copy(
        &mut self,
        packet: &Packet<'_>,
        ends: EndsHash,
        unchanged: &Unchanged,
        vantage: Vantage,
    ) -> bool {
        self.packets.is_copy(packet.at, vantage, self.key.print(ends, unchanged))
    }

    /// The flow of which `packet`, the first of its own, is the opening on the other side of source
    /// NAT.
    pub(super) fn translated(
        &self,
        packet: &Packet<'_>,
        unchanged: Unchanged,
        vantage: Vantage,
    ) -> Option<OtherSide> {
        let key = (packet.destination, unchanged);
        let seen = self.openings.get(&key)?;
        let is_recent = packet.at.since(seen.at).saturating_abs() <= WINDOW;
        let is_forwarded = seen.is_proof || seen.hop_limit != packet.hop_limit;
        if !is_recent || seen.vantage == vantage || !is_forwarded {
            return None;
        }
        // The host that translates is a router: it takes one from the hop limit.
        let is_before =
            (Reverse(seen.hop_limit), seen.at) <= (Reverse(packet.hop_limit), packet.at);
        Some(OtherSide { flow: seen.flow, is_before })
    }

    /// Remembers a packet that opens a flow, the first of it or not, if it is one that can be known again by
    /// its content.
    pub(super) fn opened(
        &mut self,
        packet: &Packet<'_>,
        unchanged: Unchanged,
        vantage: Vantage,
        flow: FlowId,
        is_first: bool,
    ) {
        let tells = match &packet.tcp {
            Some(tcp) => tcp.flags.opens() || tcp.flags.has(Flags::ACK),
            // Without one, payload and identification must both be there.
            None => unchanged.identification != 0 && packet.payload.len() >= 8,
        };
        if !tells {
            return;
        }
        let key = (packet.destination, unchanged);
        self.forget(packet.at);
        let is_proof = packet.tcp.as_ref().map_or(is_first, |tcp| tcp.flags.opens());
        let (at, hop_limit) = (packet.at, packet.hop_limit);
        self.openings.insert(key, OpeningSeen { at, vantage, hop_limit, flow, is_proof });
        self.opening_ages.push_back((packet.at, key));
    }

    #[inline]
    fn forget(&mut self, now: Moment) {
        while let Some((at, key)) = self.opening_ages.front().copied() {
            if self.opening_ages.len() < MOST_OPENINGS && now.since(at) <= MEMORY {
                break;
            }
            self.opening_ages.pop_front();
            // It may have been seen again since.
            if self.openings.get(&key).is_some_and(|seen| seen.at == at) {
                self.openings.remove(&key);
            }
        }
    }
}

/// A packet that was seen.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    print: Print,
    at: Moment,
    /// The sides that it was seen from, a bit each.
    vantages: u64,
    /// When its print was first seen: it is remembered by that.
    since: Moment,
    /// The number of the sighting before it in the same chain of the index.
    before: u32,
}

/// The last packets, each a sighting with a number, and an index of their prints.
///
/// Sightings lie in a ring, so that the oldest gives way to the newest. The index is a table of
/// chains that lead from newer sightings to older ones. Nothing is taken out of it: a chain ends at
/// the first number that is not remembered, or not older than the one before it.
#[derive(Debug, Default)]
struct Packets {
    ring: Vec<Sighting>,
    /// For the last bits of a print, the number of the newest sighting; empty as long as all packets
    /// were seen from one side. Most captures have one side, and then nothing has to be looked up.
    newest: Vec<u32>,
    /// The number of the sighting to come; numbers go round.
    next: u32,
    /// How many are remembered.
    count: u32,
    /// The side of the packets before.
    last: Option<Vantage>,
}

impl Packets {
    #[inline]
    fn is_copy(&mut self, at: Moment, vantage: Vantage, print: Print) -> bool {
        if self.newest.is_empty() {
            if self.last.is_none_or(|last| last == vantage) {
                self.last = Some(vantage);
                self.count = self.count.min(MOST_PACKETS - 1);
                self.remember(at, vantage, print, 0);
                return false;
            }
            self.index();
        }
        self.see(at, vantage, print)
    }

    /// Begins the index with what was seen from one side.
    fn index(&mut self) {
        let before = std::mem::take(self);
        self.newest = vec![0; CHAINS];
        let Some(vantage) = before.last else { return };
        for number in (1..=before.count).rev().map(|age| before.next.wrapping_sub(age)) {
            if let Some(Sighting { at, print, .. }) = before.ring.get(place(number)) {
                self.see(*at, vantage, *print);
            }
        }
    }

    /// Whether a packet was seen from another side just before; it is remembered.
    fn see(&mut self, at: Moment, vantage: Vantage, print: Print) -> bool {
        self.forget(at);
        let bit = 1_u64 << vantage.0;
        let chain = usize::try_from(print.0).unwrap_or(usize::MAX) % CHAINS;
        let begins = self.newest.get(chain).copied().unwrap_or(0);
        let (mut number, mut age) = (begins, 0);
        while let Some(older) = self.age(number).filter(|older| *older > age)
            && let Some(seen) = self.ring.get_mut(place(number))
        {
            if seen.print != print {
                (number, age) = (seen.before, older);
                continue;
            }
            let is_recent = at.since(seen.at).saturating_abs() <= WINDOW;
            if is_recent && seen.vantages & bit == 0 {
                seen.vantages |= bit;
                return true;
            }
            (seen.at, seen.vantages) = (at, bit);
            return false;
        }
        if let Some(newest) = self.newest.get_mut(chain) {
            *newest = self.next;
        }
        self.remember(at, vantage, print, begins);
        false
    }

    #[inline]
    fn remember(&mut self, at: Moment, vantage: Vantage, print: Print, before: u32) {
        let sighting = Sighting { print, at, vantages: 1 << vantage.0, since: at, before };
        match self.ring.get_mut(place(self.next)) {
            Some(oldest) => *oldest = sighting,
            None => self.ring.push(sighting),
        }
        self.next = self.next.wrapping_add(1);
        self.count += 1;
    }

    #[inline]
    fn forget(&mut self, now: Moment) {
        while let Some(first) = self.ring.get(place(self.next.wrapping_sub(self.count)))
            && self.count > 0
            && (self.count >= MOST_PACKETS || now.since(first.since) > MEMORY)
        {
            self.count -= 1;
        }
    }

    /// How many sightings ago this one was, from 1 on; `None` where it is not remembered.
    #[inline]
    fn age(&self, number: u32) -> Option<u32> {
        let age = self.next.wrapping_sub(number);
        (1..=self.count).contains(&age).then_some(age)
    }
}

/// The place of a sighting in the ring.
#[inline]
fn place(number: u32) -> usize {
    usize::try_from(number % MOST_PACKETS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// The same with a table and a queue, as one would write it down first.
    #[derive(Default)]
    struct Plain {
        seen: HashMap<u64, (Moment, u64)>,
        ages: VecDeque<(Moment, u64)>,
    }

    impl Plain {
        fn is_copy(&mut self, at: Moment, vantage: Vantage, print: u64) -> bool {
            let is_full = |ages: &VecDeque<_>| ages.len() >= usize::try_from(MOST_PACKETS).unwrap();
            while let Some((since, old)) = self.ages.front().copied()
                && (is_full(&self.ages) || at.since(since) > MEMORY)
            {
                self.ages.pop_front();
                self.seen.remove(&old);
            }
            let bit = 1 << vantage.0;
            let Some((last, vantages)) = self.seen.get_mut(&print) else {
                self.seen.insert(print, (at, bit));
                self.ages.push_back((at, print));
                return false;
            };
            if at.since(*last).saturating_abs() <= WINDOW && *vantages & bit == 0 {
                *vantages |= bit;
                return true;
            }
            (*last, *vantages) = (at, bit);
            false
        }
    }

    #[test]
    fn the_ring_remembers_what_a_table_and_a_queue_would() {
        let mut random = 1_u64;
        let mut draw = |most: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % most
        };
        // Few prints that come again within the window, and more than are remembered.
        for (prints, step) in [(50, 20_000_000), (3_000, 60_000), (40_000, 1_000_000), (40_000, 9)]
        {
            let (mut ring, mut plain, mut now, mut copies) =
                (Packets { newest: vec![0; CHAINS], ..Packets::default() }, Plain::default(), 0, 0);
            // As if four billion had come before.
            ring.next = u32::MAX - 20_000;
            ring.ring = vec![sighting_of_nothing(); usize::try_from(MOST_PACKETS).unwrap()];
            for _ in 0..60_000 {
                now += draw(2 * step);
                let (at, vantage) = (Moment::new(0, now), Vantage(u8::try_from(draw(3)).unwrap()));
                // Some share a chain.
                let print = draw(prints) * (CHAINS as u64) / 4;
                let is_copy = plain.is_copy(at, vantage, print);
                assert_eq!(ring.is_copy(at, vantage, Print(print)), is_copy);
                copies += u64::from(is_copy);
            }
            assert!(copies > 100 || step == 1_000_000, "{copies} of {prints}");
        }
    }

    fn sighting_of_nothing() -> Sighting {
        let at = Moment::EPOCH;
        Sighting { print: Print(u64::MAX), at, vantages: 0, since: at, before: 0 }
    }
}

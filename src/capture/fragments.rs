//! IP datagrams put together from their fragments.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::net::IpAddr;

use foldhash::HashMap;

use crate::flow::IpProtocol;

use super::error::Limit;
use super::error::LostResponses;
use super::error::Summary;
use super::moment::Moment;
use super::moment::SECOND;
use super::speaker::Endpoint;
use super::tracker::Arrival;
use super::wire::Datagram;
use super::wire::Fragment;

/// Datagrams of which fragments are held at a time.
const MOST_DATAGRAMS: usize = 256;
/// The longest datagram that IP can carry (RFC 791 §3.1).
const MOST_BYTES: usize = 65_535;
/// Bytes held of one datagram; more than it has, since fragments may overlap.
const MOST_HELD_BYTES: usize = 2 * MOST_BYTES;
/// Fragments of one datagram: the smallest that are allowed cut the longest datagram into as many.
const MOST_FRAGMENTS: usize = 8192;
/// Pairs of addresses of which it is known that datagrams between them were never complete.
const MOST_LOST: usize = 4096;
/// The port of DNS, in the first two bytes of a response over UDP.
const DNS_PORT: [u8; 2] = 53_u16.to_be_bytes();
/// The headers of UDP and TCP, in bytes; that of TCP without options.
const UDP_HEADER: usize = 8;
const TCP_HEADER: usize = 20;
/// Datagrams of which it is remembered that they are complete, and how long: their numbers come again.
const MOST_COMPLETE: usize = 32;
const REPEATED: i64 = SECOND;
/// How long the rest of a datagram is waited for, as Linux does (`ipfrag_time`).
const PATIENCE: i64 = 30 * SECOND;

/// Which datagram a fragment belongs to. Copies of it on another side of the host are kept apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    protocol: IpProtocol,
    identification: u32,
    depth: u8,
    vantage: u8,
}

/// A datagram that is complete.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Whole {
    pub(super) payload: Vec<u8>,
    /// Bytes behind these of which fragments say different things.
    pub(super) doubtful: usize,
    /// Bytes of all fragments on the wire.
    pub(super) wire: u64,
    /// Between whom it is, if it is a TCP segment of which other fragments follow that were not waited for.
    pub(super) goes_on: Option<Sent>,
}

/// Between whom a TCP segment was sent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Sent {
    pub(super) source: Endpoint,
    pub(super) destination: Endpoint,
    pub(super) depth: u8,
    /// The number of its first byte that is missing, if that is known.
    pub(super) sequence: Option<u32>,
}

impl Sent {
    /// What follows its first fragment, which was `wire` bytes long.
    fn behind(self, first: &[u8], wire: usize) -> Sent {
        let header = first.get(12).map(|offset| usize::from(offset >> 4) * 4);
        let length = header.and_then(|header| u32::try_from(wire.checked_sub(header)?).ok());
        let sequence = self.sequence.zip(length).map(|(first, length)| first.wrapping_add(length));
        Sent { sequence, ..self }
    }

    /// By its first fragment, which begins with its ports (RFC 9293 §3.1).
    fn of(key: &Key, first: &[u8]) -> Option<Sent> {
        if key.protocol != IpProtocol::TCP {
            return None;
        }
        let [s0, s1, d0, d1] = *first.first_chunk()?;
        let end = |address, port| Endpoint { address, port: u16::from_be_bytes(port) };
        Some(Sent {
            source: end(key.source, [s0, s1]),
            destination: end(key.destination, [d0, d1]),
            depth: key.depth,
            sequence: first
                .get(4..8)
                .and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?))),
        })
    }
}

#[derive(Debug, Default)]
struct Partial {
    /// Ascending by offset.
    parts: Vec<(usize, Vec<u8>)>,
    /// Between whom it is, if it is a TCP segment and its first fragment was seen.
    sent: Option<Sent>,
    held: usize,
    /// Known once the last fragment was seen.
    length: Option<usize>,
    wire: u64,
}

/// The datagrams of which fragments were seen.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    partial: HashMap<Key, Partial>,
    /// The same, in the order of their first fragments.
    ages: VecDeque<(Moment, Key)>,
    /// Those that were completed last, with what they hold.
    complete: VecDeque<(Moment, Key, Vec<u8>)>,
    /// Fragments of datagrams that were given up.
    lone: u64,
    /// The TCP segments that wait, and how often.
    waiting: BTreeMap<Sent, usize>,
    /// TCP segments that were given up, until they are asked for.
    missed: Vec<Sent>,
    /// Those of them that may be responses of DNS.
    lost: BTreeMap<(IpAddr, IpAddr), LostResponses>,
    limit: Option<Limit>,
}

impl Fragments {
    /// Takes a fragment, and gives the datagram that it completes.
    pub(super) fn take(
        &mut self,
        datagram: &Datagram<'_>,
        fragment: Fragment,
        depth: u8,
        Arrival { at, vantage, .. }: Arrival,
    ) -> Option<Whole> {
        self.forget_late(at);
        let key = Key {
            source: datagram.source,
            destination: datagram.destination,
            protocol: datagram.protocol,
            identification: datagram.identification,
            depth,
            vantage: vantage.0,
        };
        // A fragment that the capture cut can never become whole. The first one says what a datagram says
        // that was cut.
        let doubtful = datagram.payload_wire.saturating_sub(datagram.payload.len());
        if doubtful > 0 && fragment.offset == 0 {
            self.lose(key, Some(datagram.payload), at);
            let wire = u64::try_from(datagram.wire).unwrap_or(u64::MAX);
            let goes_on = Sent::of(&key, datagram.payload)
                .map(|sent| sent.behind(datagram.payload, datagram.payload_wire));
            return Some(Whole { payload: datagram.payload.to_vec(), doubtful, wire, goes_on });
        } else if doubtful > 0 {
            self.lone += 1;
            self.lose(key, None, at);
            return None;
        }
        if !self.partial.contains_key(&key) {
            if self.is_repeated(&key, datagram, fragment, at) {
                return None;
            }
            self.make_room();
            self.ages.push_back((at, key));
        }
        let header = if key.protocol == IpProtocol::UDP { UDP_HEADER } else { TCP_HEADER };
        let partial = self.partial.entry(key).or_default();
        if !partial.take(datagram, fragment) {
            return None;
        }
        if fragment.offset == 0 && partial.sent.is_none() {
            partial.sent = Sent::of(&key, datagram.payload);
            if let Some(sent) = partial.sent {
                *self.waiting.entry(sent).or_default() += 1;
            }
        }
        let whole = partial.whole(header)?;
        let sent = self.partial.remove(&key).and_then(|partial| partial.sent);
        self.wait_no_more(sent);
        // Each stands there once, and what began last is most often the one.
        if let Some(place) = self.ages.iter().rposition(|(_, other)| *other == key) {
            self.ages.remove(place);
        }
        if self.complete.len() >= MOST_COMPLETE {
            self.complete.pop_front();
        }
        self.complete.push_back((at, key, whole.payload.clone()));
        Some(whole)
    }

    /// Whether a fragment is one of a datagram that is complete: who sees packets twice sees it again.
    fn is_repeated(
        &self,
        key: &Key,
        datagram: &Datagram<'_>,
        fragment: Fragment,
        at: Moment,
    ) -> bool {
        let bytes = datagram.payload;
        let places = fragment.offset..fragment.offset + bytes.len();
        self.complete.iter().any(|(since, other, whole)| {
            other == key
                && at.since(*since) <= REPEATED
                && whole.get(places.clone()).is_some_and(|known| known == bytes)
        })
    }

    /// The TCP segments that were given up of which the ends are known, each told once.
    pub(super) fn missed(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.missed)
    }

    /// The segments from `source` to `destination` that are not complete yet.
    pub(super) fn waiting(
        &self,
        source: Endpoint,
        destination: Endpoint,
        depth: u8,
    ) -> impl Iterator<Item = &Sent> {
        let of = |sequence| Sent { source, destination, depth, sequence };
        self.waiting.range(of(None)..=of(Some(u32::MAX))).map(|(sent, _)| sent)
    }

    fn wait_no_more(&mut self, sent: Option<Sent>) {
        let Some(sent) = sent else { return };
        if let Some(number) = self.waiting.get_mut(&sent) {
            *number -= 1;
            if *number == 0 {
                self.waiting.remove(&sent);
            }
        }
    }

    /// Gives up what is held.
    pub(super) fn give_up_all(&mut self) {
        while !self.ages.is_empty() {
            self.give_up_first();
        }
    }

    /// Tells what was never completed.
    pub(super) fn finish(self, summary: &mut Summary) {
        summary.lone_fragments = self.lone;
        summary.lost_responses = self.lost;
        summary.limits.extend(self.limit);
    }

    /// Gives up what was waited for long enough.
    fn forget_late(&mut self, now: Moment) {
        while self.ages.front().is_some_and(|(since, _)| now.since(*since) > PATIENCE) {
            self.give_up_first();
        }
    }

    /// Makes room for another datagram.
    fn make_room(&mut self) {
        while self.ages.len() >= MOST_DATAGRAMS {
            self.limit = Some(Limit::FragmentedDatagrams);
            self.give_up_first();
        }
    }

    fn give_up_first(&mut self) {
        if let Some((since, key)) = self.ages.pop_front() {
            self.give_up(key, since);
        }
    }

    fn give_up(&mut self, key: Key, since: Moment) {
        if let Some(partial) = self.partial.remove(&key) {
            self.lone += u64::try_from(partial.parts.len()).unwrap_or(u64::MAX);
            let first = partial.parts.first().filter(|(offset, _)| *offset == 0);
            let first = first.map(|(_, bytes)| bytes.as_slice());
            self.lose(key, first, since);
            self.wait_no_more(partial.sent);
            self.missed.extend(partial.sent);
        }
    }

    /// Notes a datagram that is never complete, with its first fragment if that was seen.
    fn lose(&mut self, key: Key, first: Option<&[u8]>, since: Moment) {
        let from_dns_port = first.map(|bytes| bytes.starts_with(&DNS_PORT));
        if key.protocol != IpProtocol::UDP || from_dns_port == Some(false) {
            return;
        }
        let pair = (key.source, key.destination);
        if self.lost.len() >= MOST_LOST && !self.lost.contains_key(&pair) {
            self.limit = Some(Limit::FragmentedDatagrams);
            return;
        }
        let (since, known) = (since.timestamp(), from_dns_port == Some(true));
        let lost = self.lost.entry(pair).or_insert(LostResponses { since, from_dns_port: known });
        lost.since = lost.since.min(since);
        lost.from_dns_port |= known;
    }
}

impl Partial {
    /// Takes a fragment; tells whether there was room for it.
    fn take(&mut self, datagram: &Datagram<'_>, Fragment { offset, more }: Fragment) -> bool {
        let bytes = datagram.payload;
        let end = offset + bytes.len();
        let is_full =
            self.parts.len() >= MOST_FRAGMENTS || self.held + bytes.len() > MOST_HELD_BYTES;
        if end > MOST_BYTES || is_full {
            return false;
        }
        self.held += bytes.len();
        self.wire = self.wire.saturating_add(u64::try_from(datagram.wire).unwrap_or(u64::MAX));
        if !more {
            self.length.get_or_insert(end);
        }
        let place = self.parts.partition_point(|(before, _)| *before <= offset);
        self.parts.insert(place, (offset, bytes.to_vec()));
        true
    }

    /// The payload, if no byte of it is missing. Fragments that overlap and differ are refused by some
    /// and put together in different ways by others (RFC 5722 §3, RFC 3128): nothing is known from the
    /// first such byte on; but the first `header` bytes are kept, as a flow has to have its ends.
    fn whole(&self, header: usize) -> Option<Whole> {
        let length = self.length?;
        if self.held < length || !self.reaches(length) {
            return None;
        }
        let mut payload = Vec::with_capacity(length);
        let mut known = length;
        for (offset, bytes) in &self.parts {
            let again: &[u8] = payload.get(*offset..)?;
            let same = again.iter().zip(bytes).take_while(|(one, other)| one == other).count();
            let common = again.len().min(bytes.len());
            if same < common {
                known = known.min(offset + same);
            }
            payload.extend_from_slice(bytes.get(common..).unwrap_or_default());
        }
        payload.truncate(length.min(known.max(header)));
        let doubtful = length - payload.len();
        Some(Whole { payload, doubtful, wire: self.wire, goes_on: None })
    }

    /// Whether no byte before `length` is missing. No byte is copied to tell.
    fn reaches(&self, length: usize) -> bool {
        let mut reached = 0;
        for (offset, bytes) in &self.parts {
            if *offset > reached {
                return false;
            }
            reached = reached.max(offset + bytes.len());
        }
        reached >= length
    }
}

//! The ends of a flow, and what is followed of each.

use std::hash::Hash;
use std::hash::Hasher;
use std::net::IpAddr;

use super::dialogue::Listener;
use super::stream::Stream;
use super::stream::is_before;

/// An end of a flow.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Endpoint {
    pub(super) address: IpAddr,
    pub(super) port: u16,
}

/// In one number where it fits: each packet is hashed by its ends.
impl Hash for Endpoint {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.address {
            IpAddr::V4(v4) => state.write_u64(u64::from(v4.to_bits()) << 16 | u64::from(self.port)),
            IpAddr::V6(v6) => {
                state.write_u128(v6.to_bits());
                state.write_u16(self.port);
            }
        }
    }
}

/// The two ends, by who was seen first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    First,
    Second,
}

impl End {
    #[inline]
    pub(super) fn other(self) -> End {
        match self {
            End::First => End::Second,
            End::Second => End::First,
        }
    }
}

/// What is followed of one end.
#[derive(Debug)]
pub(super) struct Speaker {
    pub(super) endpoint: Endpoint,
    /// Whether it sent anything but resets.
    pub(super) spoke: bool,
    /// Whether it sent a FIN.
    pub(super) has_finished: bool,
    /// The sequence number before its first byte, as far as known.
    pub(super) base: Option<u32>,
    /// Of SCTP, the number of the next piece, as far as known.
    pub(super) next_chunk: Option<u32>,
    /// How far beyond `base` its sequence numbers, or acknowledgments of them, have come.
    reach: u32,
    /// The furthest number that it is known to have sent, or that was acknowledged.
    upto: Option<u32>,
    /// The number behind its last byte, as its FIN says.
    end: Option<u32>,
    /// Whether it sent a segment of which nothing but the ports was seen.
    is_missed: bool,
    /// The furthest number of a segment of which a fragment was missing.
    missed_at: Option<u32>,
    pub(super) stream: Stream,
    /// `None` before its first payload.
    pub(super) listener: Option<Listener>,
}

impl Speaker {
    pub(super) fn new(endpoint: Endpoint) -> Speaker {
        Speaker {
            endpoint,
            spoke: false,
            has_finished: false,
            base: None,
            next_chunk: None,
            reach: 0,
            upto: None,
            end: None,
            is_missed: false,
            missed_at: None,
            stream: Stream::default(),
            listener: None,
        }
    }

    /// Whether bytes from number `data` on stand before the first that was seen of the end, of which the
    /// beginning was not: what was read of it had another place then. One byte just before it is what
    /// some send to keep a connection alive (RFC 9293 §3.8.4).
    pub(super) fn precedes_all(&self, data: u32, length: usize) -> bool {
        let Some(first) = self.stream.begins_at() else { return false };
        is_before(data, first) && !(length <= 1 && data.wrapping_add(1) == first)
    }

    /// Forgets its numbers, and what was heard under them.
    pub(super) fn forget_numbers(&mut self) {
        *self = Speaker { spoke: self.spoke, ..Speaker::new(self.endpoint) };
    }

    /// Takes note of a sequence number that the end has come to. One that lies behind `base`, as
    /// after a gap of half the number space, counts as far.
    #[inline]
    pub(super) fn has_come_to(&mut self, sequence: u32) {
        if let Some(base) = self.base {
            self.reach = self.reach.max(sequence.wrapping_sub(base));
        }
    }

    /// Takes note that its bytes before `number` were sent.
    #[inline]
    pub(super) fn has_sent_to(&mut self, number: u32) {
        self.upto = Some(later(self.upto, number));
    }

    /// Whether bytes behind the one with number `data` were sent, as the other end has acknowledged.
    pub(super) fn has_sent_beyond(&self, data: u32) -> bool {
        self.upto.is_some_and(|upto| is_before(data, upto))
    }

    /// Whether bytes before number `data`, the first that is heard of an end that was caught in the middle,
    /// are missing: it had come to a lower number before. One may be that of a SYN, or keep the connection
    /// alive.
    pub(super) fn has_skipped_to(&self, data: u32) -> bool {
        self.listener.is_none()
            && !self.stream.is_from_start()
            && self.base.is_some_and(|base| is_before(base.wrapping_add(2), data))
    }

    /// Takes note of what the other end has accepted, whatever was acknowledged before.
    pub(super) fn begins_with(&mut self, number: u32) {
        self.upto = Some(number);
    }

    /// Takes note of the number behind its last byte.
    pub(super) fn ends_with(&mut self, number: u32) {
        self.end = Some(later(self.end, number));
    }

    /// Takes note of a segment of which a fragment was missing.
    pub(super) fn misses(&mut self, sequence: Option<u32>) {
        match sequence {
            Some(sequence) => self.missed_at = Some(later(self.missed_at, sequence)),
            None => self.is_missed = true,
        }
    }

    /// How many bytes are missing behind all that was heard; at least one where it is not known how many. Without
    /// a FIN, one number more may be that of one. What was sent again is not missing.
    pub(super) fn lacks(&self) -> u32 {
        let end = self.end.or(self.upto.map(|upto| upto.wrapping_sub(1)));
        let behind = end.map_or(0, |end| self.stream.lacks(end));
        let behind = behind + u32::from(behind > 0 && self.end.is_none());
        let missed = self.missed_at.map_or(0, |at| self.stream.lacks(at.wrapping_add(1)));
        behind.max(missed).max(u32::from(self.is_missed))
    }

    /// Whether the end is known to have sent no payload: none was captured, whole or in fragments, but for
    /// the byte before the first that keeps a connection alive (RFC 9293 §3.8.4), and its numbers have come
    /// no further than a SYN and a FIN take them.
    pub(super) fn sent_nothing(&self) -> bool {
        let has_heard_nothing = self.listener.as_ref().is_none_or(Listener::has_heard_nothing);
        let is_missed = self.is_missed || self.missed_at.is_some();
        has_heard_nothing && !is_missed && self.base.is_some() && self.reach <= 2
    }

    #[inline]
    pub(super) fn held(&self) -> usize {
        self.stream.held() + self.listener.as_ref().map_or(0, Listener::held)
    }
}

/// The later one of two sequence numbers.
fn later(one: Option<u32>, other: u32) -> u32 {
    one.filter(|one| !is_before(*one, other)).unwrap_or(other)
}

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
    /// Whether it sent a segment of which a fragment was missing, or nothing but the ports was seen.
    pub(super) is_missed: bool,
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
            is_missed: false,
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

    /// How far its sequence numbers have come, if any of them is known.
    pub(super) fn reached(&self) -> Option<u32> {
        self.base.map(|base| base.wrapping_add(self.reach))
    }

    /// Whether the end is known to have sent no payload: none was captured, in a fragment neither, but for the byte before
    /// the first that keeps a connection alive (RFC 9293 §3.8.4), and its numbers have come no further
    /// than a SYN and a FIN take them.
    pub(super) fn sent_nothing(&self) -> bool {
        let has_heard_nothing = self.listener.as_ref().is_none_or(Listener::has_heard_nothing);
        has_heard_nothing && !self.is_missed && self.base.is_some() && self.reach <= 2
    }

    #[inline]
    pub(super) fn held(&self) -> usize {
        self.stream.held() + self.listener.as_ref().map_or(0, Listener::held)
    }
}

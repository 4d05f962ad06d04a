//! What payloads say: the protocol they are, and the names in them. One file for each protocol.
//!
//! In: bytes of one direction of a stream in order, or a datagram. Out: names, requests, DNS
//! messages. Nothing here knows of packets, flows or time.

pub(super) mod cursor;
pub(super) mod dns;
pub(super) mod first;
pub(super) mod hpack;
pub(super) mod http;
pub(super) mod http2;
pub(super) mod quic;
pub(super) mod tds;
pub(super) mod tls;

use crate::flow::Host;

/// What a hello or request shows as the host that it wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Shown {
    /// There is no name.
    Nothing,
    /// There is one.
    Host(Host),
    /// There is a name that is no host name.
    Unreadable,
}

impl Shown {
    /// Reads `bytes` as a host.
    pub(super) fn read(bytes: &[u8]) -> Shown {
        let text = bytes.trim_ascii();
        if text.is_empty() {
            return Shown::Nothing;
        }
        let host = std::str::from_utf8(text).ok().and_then(|text| Host::parse(text).ok());
        host.map_or(Shown::Unreadable, Shown::Host)
    }
}

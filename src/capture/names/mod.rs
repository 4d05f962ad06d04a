//! What payloads say: the protocol they are, and the names in them. One file for each protocol.
//!
//! In: bytes of one direction of a stream in order, or a datagram. Out: names, requests, DNS
//! messages. Nothing here knows of packets, flows or time.

pub(super) mod cursor;
pub(super) mod dns;
pub(super) mod dtls;
pub(super) mod first;
mod hints;
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
    /// Reads `bytes` as a host. On the wire a name is ASCII (RFC 6066 §3, RFC 9110 §4.2): what a
    /// person might write for it is another.
    pub(super) fn read(bytes: &[u8]) -> Shown {
        if bytes.is_empty() {
            return Shown::Nothing;
        }
        let text = std::str::from_utf8(bytes).ok().filter(|text| is_wire_name(text));
        let host = text.and_then(|text| Host::parse(text).ok());
        host.map_or(Shown::Unreadable, Shown::Host)
    }
}

/// Whether nothing in `text` has to be mapped or dropped for it to be a name or an address.
fn is_wire_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_on_the_wire_is_not_made_one() {
        let name = Shown::Host(Host::parse("mcr.microsoft.com").unwrap());
        assert_eq!(Shown::read(b"MCR.Microsoft.com."), name);
        let others = [
            " mcr.microsoft.com",
            "mcr.microsoft.com\t\n",
            "mcr\u{3002}microsoft\u{3002}com",
            "\u{ff4d}cr.microsoft.com",
            "m\u{ad}cr.microsoft.com",
            "x@mcr.microsoft.com",
            "mcr.microsoft.com\0",
        ];
        for text in others {
            assert_eq!(Shown::read(text.as_bytes()), Shown::Unreadable, "{text:?}");
        }
        assert_eq!(Shown::read(b""), Shown::Nothing);
    }
}

//! QUIC: whether a datagram is some version of it, and the ClientHello of its first packets.

mod google;
mod hello;

pub(in crate::capture) use hello::Heard;
pub(in crate::capture) use hello::HelloReader;

use crate::quic::Family;
use crate::quic::Version;

/// Whether a UDP payload begins as a QUIC packet with a long header does (RFC 8999 §5.1), of a
/// version that is known, or as one of Google's versions before that.
pub(in crate::capture) fn is_quic(bytes: &[u8]) -> bool {
    match bytes {
        [first, v0, v1, v2, v3, destination, rest @ ..] if first & 0x80 != 0 => {
            let version = Version(u32::from_be_bytes([*v0, *v1, *v2, *v3]));
            let fits = connection_ids(*destination, rest);
            match version.family() {
                // Versions before draft 22 write both lengths in one byte.
                Family::Google | Family::Draft => bytes.len() >= 20,
                Family::Standard => fits && first & 0x40 != 0,
                Family::Negotiation => fits && lists_versions(bytes),
                Family::Unknown => false,
            }
        }
        _ => google::is_old(bytes),
    }
}

/// Whether a UDP payload is a packet of version 1 or 2 with a long header, which nothing else is by
/// chance.
pub(in crate::capture) fn is_standard(bytes: &[u8]) -> bool {
    match bytes {
        [first, v0, v1, v2, v3, destination, rest @ ..] if first & 0xc0 == 0xc0 => {
            let version = Version(u32::from_be_bytes([*v0, *v1, *v2, *v3]));
            let is_known = version == Version::V1 || version == Version::V2;
            is_known && connection_ids(*destination, rest)
        }
        _ => false,
    }
}

/// Whether a UDP payload is a version negotiation packet (RFC 9000 §17.2.1), which servers send.
pub(in crate::capture) fn is_negotiation(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80..=0xff, 0, 0, 0, 0, ..]) && is_quic(bytes)
}

/// Whether two connection ids of at most 20 bytes fit in the packet (RFC 9000 §17.2).
fn connection_ids(destination: u8, rest: &[u8]) -> bool {
    let after = rest.get(usize::from(destination)..);
    destination <= 20
        && matches!(after, Some([source, rest @ ..]) if *source <= 20 && rest.len() >= usize::from(*source))
}

/// Whether a version negotiation packet lists a version that is known (RFC 9000 §17.2.1).
fn lists_versions(bytes: &[u8]) -> bool {
    bytes.as_rchunks::<4>().1.iter().any(|version| {
        let family = Version(u32::from_be_bytes(*version)).family();
        matches!(family, Family::Standard | Family::Draft)
    })
}

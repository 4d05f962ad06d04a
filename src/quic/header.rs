//! Long headers (RFC 9000 §17.2, RFC 9369 §3.2).

use super::varint;
use super::version::Version;

/// The most bytes of a connection id (RFC 9000 §17.2).
const MOST_ID_BYTES: usize = 20;

/// The type of a packet with a long header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PacketType {
    /// Carries the ClientHello.
    Initial,
    /// Data sent ahead of the handshake.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// A server's wish that the client shows where it is.
    Retry,
}

/// A packet with a long header, at the front of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LongHeader<'a> {
    /// The version.
    pub version: Version,
    /// The type.
    pub kind: PacketType,
    /// The connection id of the receiver.
    pub destination_id: &'a [u8],
    /// The connection id of the sender.
    pub source_id: &'a [u8],
    /// The packet, header included, as far as its length says.
    pub packet: &'a [u8],
    /// Where in `packet` the packet number is.
    pub number_at: usize,
}

impl<'a> LongHeader<'a> {
    /// Reads the packet at the front of `bytes`; the second half of the answer is what follows it
    /// in the datagram (RFC 9000 §12.2). `None` where there is no long header, or it does not fit.
    pub fn read(bytes: &'a [u8]) -> Option<(LongHeader<'a>, &'a [u8])> {
        let ([first, v0, v1, v2, v3], rest) = bytes.split_first_chunk::<5>()?;
        if first & 0x80 == 0 {
            return None;
        }
        let version = Version(u32::from_be_bytes([*v0, *v1, *v2, *v3]));
        let (destination_id, rest) = connection_id(rest)?;
        let (source_id, mut rest) = connection_id(rest)?;
        let kind = packet_type(version, *first);
        if kind == PacketType::Retry {
            // It fills the datagram and has neither length nor number.
            let header = LongHeader {
                version,
                kind,
                destination_id,
                source_id,
                packet: bytes,
                number_at: bytes.len(),
            };
            return Some((header, &[]));
        }
        if kind == PacketType::Initial {
            let (token, behind) = varint::read(rest)?;
            rest = behind.get(usize::try_from(token).ok()?..)?;
        }
        let (length, rest) = varint::read(rest)?;
        let number_at = bytes.len() - rest.len();
        let end = number_at.checked_add(usize::try_from(length).ok()?)?;
        let (packet, following) = bytes.split_at_checked(end)?;
        let header = LongHeader { version, kind, destination_id, source_id, packet, number_at };
        Some((header, following))
    }
}

fn connection_id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let length = usize::from(*length);
    if length > MOST_ID_BYTES {
        return None;
    }
    rest.split_at_checked(length)
}

fn packet_type(version: Version, first: u8) -> PacketType {
    // Version 2 turned the numbers by one.
    let turned = u8::from(version.has_types_of_v2());
    match ((first >> 4 & 3) + 4 - turned) % 4 {
        0 => PacketType::Initial,
        1 => PacketType::ZeroRtt,
        2 => PacketType::Handshake,
        _ => PacketType::Retry,
    }
}

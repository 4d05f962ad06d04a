//! The user plane of GTP, version 1 (3GPP TS 29.281 §5.1).

use super::Inside;
use crate::capture::wire::Malformed;
use crate::capture::wire::Network;

const LAYER: &str = "gtp";

/// The message that carries a user's packet.
const USER_PACKET: u8 = 0xff;
/// The flags of an extension header, of a sequence number and of an N-PDU number.
const OPTIONAL: u8 = 0x07;
const EXTENSION: u8 = 0x04;
/// More extension headers than any node sends; they are four bytes at least.
const MOST_EXTENSIONS: usize = 16;

pub(super) fn parse(bytes: &[u8]) -> Result<Option<Inside<'_>>, Malformed> {
    let Some(([flags, message, ..], rest)) = bytes.split_first_chunk::<8>() else {
        return Err(Malformed::truncated(LAYER, 8, bytes));
    };
    let is_version_1 = flags >> 5 == 1 && flags & 0x10 != 0;
    if !is_version_1 || *message != USER_PACKET {
        return Ok(None);
    }
    // Any of three flags brings all three fields.
    if flags & OPTIONAL == 0 {
        return Ok(Some(Inside::Ip(Network::Either, rest)));
    }
    let Some(([_, _, _, next], mut rest)) = rest.split_first_chunk::<4>() else {
        return Err(Malformed::truncated(LAYER, 12, bytes));
    };
    let mut next = if flags & EXTENSION == 0 { 0 } else { *next };
    for _ in 0..MOST_EXTENSIONS {
        if next == 0 {
            return Ok(Some(Inside::Ip(Network::Either, rest)));
        }
        let length = rest.first().map_or(0, |words| usize::from(*words) * 4);
        let Some((extension, behind)) = rest.split_at_checked(length) else {
            return Err(Malformed::truncated(LAYER, length, rest));
        };
        let Some(following) = extension.last() else {
            return Err(Malformed::HeaderLength { layer: LAYER, length });
        };
        next = *following;
        rest = behind;
    }
    Ok(None)
}

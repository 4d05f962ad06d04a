//! VXLAN (RFC 7348 §5), and its generic protocol extension (draft-ietf-nvo3-vxlan-gpe-13 §3).

use super::Inside;
use crate::capture::wire::Malformed;
use crate::capture::wire::Network;

/// The flag of a valid network identifier, which every packet has; the other bits are reserved and
/// ignored.
const VALID: u8 = 0x08;
/// The flag of a header that says what follows it.
const NEXT_PROTOCOL: u8 = 0x04;

pub(super) fn parse(bytes: &[u8]) -> Result<Option<Inside<'_>>, Malformed> {
    let Some(([flags, ..], frame)) = bytes.split_first_chunk::<8>() else {
        return Err(Malformed::truncated("vxlan", 8, bytes));
    };
    Ok((flags & VALID != 0).then_some(Inside::Ethernet(frame)))
}

pub(super) fn parse_gpe(bytes: &[u8]) -> Result<Option<Inside<'_>>, Malformed> {
    let Some(([flags, _, _, next, ..], payload)) = bytes.split_first_chunk::<8>() else {
        return Err(Malformed::truncated("vxlan-gpe", 8, bytes));
    };
    if flags & VALID == 0 {
        return Ok(None);
    }
    Ok(match (flags & NEXT_PROTOCOL, next) {
        (0, _) | (_, 3) => Some(Inside::Ethernet(payload)),
        (_, 1) => Some(Inside::Ip(Network::V4, payload)),
        (_, 2) => Some(Inside::Ip(Network::V6, payload)),
        _ => None,
    })
}

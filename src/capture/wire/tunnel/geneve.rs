//! Geneve (RFC 8926 §3.4).

use super::Inside;
use crate::capture::wire::Malformed;

/// Transparent Ethernet bridging.
const ETHERNET: u16 = 0x6558;

pub(super) fn parse(bytes: &[u8]) -> Result<Option<Inside<'_>>, Malformed> {
    let Some(([first, _, t0, t1, ..], rest)) = bytes.split_first_chunk::<8>() else {
        return Err(Malformed::truncated("geneve", 8, bytes));
    };
    let (version, options) = (first >> 6, usize::from(first & 0x3f) * 4);
    if version != 0 {
        return Ok(None);
    }
    let Some(payload) = rest.get(options..) else {
        return Err(Malformed::truncated("geneve", 8 + options, bytes));
    };
    Ok(Some(match u16::from_be_bytes([*t0, *t1]) {
        ETHERNET => Inside::Ethernet(payload),
        kind => Inside::EtherType(kind, payload),
    }))
}

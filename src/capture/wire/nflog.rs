//! Linux netfilter log: a header and type-length-value fields, of which one is the packet.

use super::Linked;
use super::Malformed;
use super::Network;
use super::Side;

/// `NFULA_PAYLOAD`.
const PAYLOAD: u16 = 9;

/// Finds the packet among the fields of `frame`. Lengths are in the byte order of the capturing
/// host; all that ever wrote this type are little-endian.
pub(in crate::capture) fn parse(frame: &[u8]) -> Result<Option<Linked<'_>>, Malformed> {
    let Some(([family, ..], mut rest)) = frame.split_first_chunk::<4>() else {
        return Err(Malformed::truncated("nflog", 4, frame));
    };
    let network = match family {
        2 => Network::V4,
        10 => Network::V6,
        _ => return Ok(None),
    };
    while let Some(([l0, l1, t0, t1], value)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([*l0, *l1]));
        let Some(value_length) = length.checked_sub(4) else {
            return Err(Malformed::HeaderLength { layer: "nflog", length });
        };
        let kind = u16::from_le_bytes([*t0, *t1]) & 0x7fff;
        if kind == PAYLOAD {
            let payload = value.get(..value_length).unwrap_or(value);
            return Ok(Some(Linked { network, side: Side::default(), payload }));
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(None)
}

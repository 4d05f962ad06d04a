//! IPv4 (RFC 791 §3.1).

use std::net::Ipv4Addr;

use crate::flow::IpProtocol;

use super::Datagram;
use super::Fragment;
use super::Malformed;

const LAYER: &str = "ipv4";

/// Takes a header off `bytes`, of which there were `wire` before the capture cut them.
#[inline(always)]
pub(in crate::capture) fn parse(bytes: &[u8], wire: usize) -> Result<Datagram<'_>, Malformed> {
    let Some(fixed) = bytes.first_chunk::<20>() else {
        return Err(Malformed::truncated(LAYER, 20, bytes));
    };
    let [first, _, l0, l1, i0, i1, f0, f1, hop_limit, protocol, _, _, addresses @ ..] = *fixed;
    // The header length counts 32-bit words and cannot be less than the fixed part.
    let header = usize::from(first & 0x0f) * 4;
    if header < 20 {
        return Err(Malformed::HeaderLength { layer: LAYER, length: header });
    }
    let Some((_, rest)) = bytes.split_at_checked(header) else {
        return Err(Malformed::truncated(LAYER, header, bytes));
    };
    // Segmentation offload leaves 0 for packets that the interface will cut up.
    let total = match usize::from(u16::from_be_bytes([l0, l1])) {
        0 => wire.max(header),
        total => total,
    };
    let Some(payload_wire) = total.checked_sub(header) else {
        return Err(Malformed::HeaderLength { layer: LAYER, length: total });
    };
    let flags = u16::from_be_bytes([f0, f1]);
    let offset = usize::from(flags & 0x1fff) * 8;
    let more = flags & 0x2000 != 0;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
    Ok(Datagram {
        source: Ipv4Addr::new(s0, s1, s2, s3).into(),
        destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
        protocol: IpProtocol(protocol),
        identification: u16::from_be_bytes([i0, i1]).into(),
        fragment: (offset > 0 || more).then_some(Fragment { offset, more }),
        hop_limit,
        wire: total,
        payload_wire,
        payload: rest.get(..payload_wire).unwrap_or(rest),
    })
}

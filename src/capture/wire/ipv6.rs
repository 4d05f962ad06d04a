//! IPv6 with its extension headers (RFC 8200).

use std::net::Ipv6Addr;

use crate::flow::IpProtocol;

use super::Datagram;
use super::Fragment;
use super::Malformed;

const LAYER: &str = "ipv6";
const HEADER: usize = 40;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;

/// More extension headers than any sender has a reason for.
const MOST_EXTENSIONS: usize = 16;

/// Takes a header and its extensions off `bytes`, of which there were `wire` before the capture cut
/// them.
pub(in crate::capture) fn parse(bytes: &[u8], wire: usize) -> Result<Datagram<'_>, Malformed> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(Malformed::truncated(LAYER, HEADER, bytes));
    };
    let [_, _, _, _, l0, l1, next, hop_limit, addresses @ ..] = *fixed;
    // 0 stands for a jumbogram, or for what segmentation offload leaves.
    let payload_wire = match usize::from(u16::from_be_bytes([l0, l1])) {
        0 => wire.saturating_sub(HEADER),
        length => length,
    };
    let rest = rest.get(..payload_wire).unwrap_or(rest);
    let (mut source, mut destination) = ([0; 16], [0; 16]);
    let (s, d) = addresses.split_at(16);
    source.copy_from_slice(s);
    destination.copy_from_slice(d);
    let extended = extensions(next, rest)?;
    let taken = rest.len().saturating_sub(extended.payload.len());
    Ok(Datagram {
        source: Ipv6Addr::from(source).into(),
        destination: Ipv6Addr::from(destination).into(),
        protocol: extended.protocol,
        identification: extended.identification,
        fragment: extended.fragment,
        hop_limit,
        wire: HEADER + payload_wire,
        payload_wire: payload_wire.saturating_sub(taken),
        payload: extended.payload,
    })
}

/// What lies behind the extension headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) struct Extended<'a> {
    pub(in crate::capture) protocol: IpProtocol,
    pub(in crate::capture) identification: u32,
    pub(in crate::capture) fragment: Option<Fragment>,
    pub(in crate::capture) payload: &'a [u8],
}

impl Extended<'_> {
    /// A payload without extension headers.
    pub(in crate::capture) fn plain(protocol: IpProtocol, payload: &[u8]) -> Extended<'_> {
        Extended { protocol, identification: 0, fragment: None, payload }
    }
}

/// Takes extension headers off `bytes`, of which the first is of type `next`. It ends at a fragment
/// header that belongs to a real fragment: the headers behind that are part of what was cut up.
pub(in crate::capture) fn extensions(next: u8, bytes: &[u8]) -> Result<Extended<'_>, Malformed> {
    let (mut next, mut rest) = (next, bytes);
    for _ in 0..MOST_EXTENSIONS {
        // Lengths count 8 bytes beyond the first 8, but 4 bytes beyond the first 8 in AH.
        let unit = match next {
            FRAGMENT => {
                let Some((header, payload)) = rest.split_first_chunk::<8>() else {
                    return Err(Malformed::truncated("ipv6-fragment", 8, rest));
                };
                let [protocol, _, o0, o1, i0, i1, i2, i3] = *header;
                let field = u16::from_be_bytes([o0, o1]);
                let fragment =
                    Fragment { offset: usize::from(field & 0xfff8), more: field & 1 == 1 };
                if fragment.offset > 0 || fragment.more {
                    return Ok(Extended {
                        protocol: IpProtocol(protocol),
                        identification: u32::from_be_bytes([i0, i1, i2, i3]),
                        fragment: Some(fragment),
                        payload,
                    });
                }
                next = protocol;
                rest = payload;
                continue;
            }
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | MOBILITY | HOST_IDENTITY | SHIM6 => 8,
            AUTHENTICATION => 4,
            _ => break,
        };
        let Some([following, length, ..]) = rest.first_chunk::<8>() else {
            return Err(Malformed::truncated("ipv6-extension", 8, rest));
        };
        let length = 8 + usize::from(*length) * unit;
        let Some((_, payload)) = rest.split_at_checked(length) else {
            return Err(Malformed::truncated("ipv6-extension", length, rest));
        };
        next = *following;
        rest = payload;
    }
    Ok(Extended::plain(IpProtocol(next), rest))
}

//! BSD loopback: an address family before the packet (`flow-inputs.md §2.1`).

use super::Linked;
use super::Malformed;
use super::Network;
use super::Side;

/// How the address family is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) enum Family {
    /// As the capturing host writes numbers, which the file does not tell.
    HostOrder,
    /// As the network writes numbers.
    NetworkOrder,
}

/// Takes the address family off `frame`.
pub(in crate::capture) fn parse(
    frame: &[u8],
    order: Family,
) -> Result<Option<Linked<'_>>, Malformed> {
    let Some((family, payload)) = frame.split_first_chunk::<4>() else {
        return Err(Malformed::truncated("loopback", 4, frame));
    };
    let big = u32::from_be_bytes(*family);
    let family = match order {
        // Families are small numbers, so that only one of the two readings is one.
        Family::HostOrder => big.min(u32::from_le_bytes(*family)),
        Family::NetworkOrder => big,
    };
    let network = match family {
        2 => Network::V4,
        // Linux, NetBSD and OpenBSD, FreeBSD, macOS.
        10 | 24 | 28 | 30 => Network::V6,
        _ => return Ok(None),
    };
    Ok(Some(Linked { network, side: Side::default(), payload }))
}

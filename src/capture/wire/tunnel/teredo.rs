//! Teredo: IPv6 in UDP (RFC 4380 §5.1.1).

use super::Inside;
use crate::capture::wire::Network;

pub(super) fn parse(bytes: &[u8]) -> Option<Inside<'_>> {
    let mut rest = bytes;
    if let [0, 1, client, authentication, ..] = rest {
        // A nonce of 8 bytes and a confirmation follow both values.
        rest = rest.get(4 + usize::from(*client) + usize::from(*authentication) + 9..)?;
    }
    if let [0, 0, ..] = rest {
        rest = rest.get(8..)?;
    }
    let is_ipv6 = rest.first()? >> 4 == 6;
    is_ipv6.then_some(Inside::Ip(Network::V6, rest))
}

//! UDP (RFC 768).

use super::Malformed;

const LAYER: &str = "udp";

/// A UDP header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) struct UdpHeader {
    pub(in crate::capture) source: u16,
    pub(in crate::capture) destination: u16,
    /// Length on the wire, header included; 0 where it is left to IP.
    pub(in crate::capture) length: u16,
}

impl UdpHeader {
    /// Takes a header off the front of `bytes`; the second half of the answer is the payload.
    #[inline]
    pub(in crate::capture) fn parse(bytes: &[u8]) -> Result<(UdpHeader, &[u8]), Malformed> {
        let Some(([s0, s1, d0, d1, l0, l1, _, _], rest)) = bytes.split_first_chunk::<8>() else {
            return Err(Malformed::truncated(LAYER, 8, bytes));
        };
        let length = u16::from_be_bytes([*l0, *l1]);
        // 0 means that the datagram is too long for the field (RFC 2675 §4).
        let payload = match usize::from(length) {
            0 => rest,
            length => {
                let Some(payload) = length.checked_sub(8) else {
                    return Err(Malformed::HeaderLength { layer: LAYER, length });
                };
                rest.get(..payload).unwrap_or(rest)
            }
        };
        let source = u16::from_be_bytes([*s0, *s1]);
        let destination = u16::from_be_bytes([*d0, *d1]);
        Ok((UdpHeader { source, destination, length }, payload))
    }
}

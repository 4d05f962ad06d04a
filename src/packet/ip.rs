//! IP packets (RFC 791, RFC 8200) and what lies in them: TCP, UDP, ICMP.

use std::net::IpAddr;

use crate::flow::IpProtocol;

/// Extension headers of IPv6 and numbers that are used as such (IANA "IPv6 Extension Header Types").
const EXTENSION_HEADERS: [u8; 10] = [0, 43, 44, 51, 59, 60, 135, 139, 140, 253];
const HOP_LIMIT: u8 = 64;
const DO_NOT_FRAGMENT: u16 = 0x4000;
const V4_HEADER: u16 = 20;
const UDP_HEADER: u16 = 8;
const WINDOW: u16 = 0xfff0;
/// A header of 20 bytes, in the upper half of its byte.
const DATA_OFFSET: u8 = 0x50;
const NOT_URGENT: &[u8] = &[0, 0];
/// A checksum while it is reckoned.
const UNSUMMED: &[u8] = &[0, 0];
const ECHO_REQUEST: u8 = 8;
const ECHO_REQUEST_V6: u8 = 128;

/// Whether IPv6 takes the protocol for one of its own headers.
pub(super) fn is_extension_header(protocol: IpProtocol) -> bool {
    EXTENSION_HEADERS.contains(&protocol.0)
}

/// The two addresses of a packet, of one family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ends {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
}

impl Ends {
    /// The ends of what comes back.
    pub(super) fn reversed(self) -> Ends {
        Ends { source: self.destination, destination: self.source }
    }

    /// A packet with `payload`, which is at most a segment long.
    pub(super) fn packet(self, protocol: IpProtocol, id: u16, payload: &[u8]) -> Vec<u8> {
        let length = length(payload);
        let mut header = Vec::new();
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                header.extend([0x45, 0]);
                header.extend(length.saturating_add(V4_HEADER).to_be_bytes());
                header.extend(id.to_be_bytes());
                header.extend(DO_NOT_FRAGMENT.to_be_bytes());
                header.extend([HOP_LIMIT, protocol.0]);
                let ends = [source.octets(), destination.octets()].concat();
                let sum = checksum(&[&header, UNSUMMED, &ends]);
                header.extend(sum.to_be_bytes());
                header.extend(ends);
            }
            (source, destination) => {
                header.extend([0x60, 0, 0, 0]);
                header.extend(length.to_be_bytes());
                header.extend([protocol.0, HOP_LIMIT]);
                header.extend([octets(source), octets(destination)].concat());
            }
        }
        header.extend(payload);
        header
    }

    /// A UDP datagram (RFC 768).
    pub(super) fn udp(self, ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
        let [source, destination] = ports.map(u16::to_be_bytes);
        let length = length(payload).saturating_add(UDP_HEADER).to_be_bytes();
        let ports = [source, destination].concat();
        let sum = match self.sum(IpProtocol::UDP, &[&ports, &length, UNSUMMED, payload]) {
            // 0 says that there is none.
            0 => 0xffff,
            sum => sum,
        };
        [&ports, &length[..], &sum.to_be_bytes(), payload].concat()
    }

    /// An ICMP echo request of the family of the ends (RFC 792, RFC 4443 §4.1).
    pub(super) fn echo(self, id: u16, payload: &[u8]) -> Vec<u8> {
        let rest = [id, 1].map(u16::to_be_bytes).concat();
        let (kind, sum) = if self.source.is_ipv4() {
            let kind = [ECHO_REQUEST, 0];
            (kind, checksum(&[&kind, UNSUMMED, &rest, payload]))
        } else {
            let kind = [ECHO_REQUEST_V6, 0];
            (kind, self.sum(IpProtocol::ICMPV6, &[&kind, UNSUMMED, &rest, payload]))
        };
        [&kind[..], &sum.to_be_bytes(), &rest, payload].concat()
    }

    /// A TCP segment (RFC 9293 §3.1).
    pub(super) fn tcp(self, segment: &Segment<'_>) -> Vec<u8> {
        let mut header = segment.ports.map(u16::to_be_bytes).concat();
        header.extend(segment.sequence.to_be_bytes());
        header.extend(segment.acknowledgment.to_be_bytes());
        header.extend([DATA_OFFSET, segment.flags]);
        header.extend(WINDOW.to_be_bytes());
        let parts = [&header, UNSUMMED, NOT_URGENT, segment.payload];
        let sum = self.sum(IpProtocol::TCP, &parts).to_be_bytes();
        [&header, &sum[..], NOT_URGENT, segment.payload].concat()
    }

    /// The checksum over the pseudo-header and `parts` (RFC 9293 §3.1, RFC 8200 §8.1). IPv6 has
    /// 32 bits there for the length and for the protocol, of which the first are 0 here, so that
    /// both families sum up alike.
    fn sum(self, protocol: IpProtocol, parts: &[&[u8]]) -> u16 {
        let body = parts.concat();
        let ends = [octets(self.source), octets(self.destination)].concat();
        checksum(&[&ends, &length(&body).to_be_bytes(), &[0, protocol.0], &body])
    }
}

/// A TCP segment without options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) ports: [u16; 2],
    pub(super) sequence: u32,
    pub(super) acknowledgment: u32,
    pub(super) flags: u8,
    pub(super) payload: &'a [u8],
}

impl Segment<'_> {
    pub(super) const SYN: u8 = 0x02;
    pub(super) const PSH: u8 = 0x08;
    pub(super) const ACK: u8 = 0x10;
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// Payloads are cut into segments before they come here.
fn length(payload: &[u8]) -> u16 {
    u16::try_from(payload.len()).unwrap_or(u16::MAX)
}

/// The Internet checksum of `parts` one behind the other (RFC 1071).
fn checksum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let pairs = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        rest => rest.iter().map(|last| u32::from(*last) << 8).sum(),
    });
    let mut sum: u32 = pairs.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        // The example of §3, whose sum is ddf2.
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03], &[0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
        assert_eq!(checksum(&[&[0x12]]), !0x1200);
    }
}

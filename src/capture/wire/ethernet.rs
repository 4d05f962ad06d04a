//! Ethernet with what may lie between it and IP: VLAN tags, SNAP, PPPoE, MPLS.

use super::Linked;
use super::Malformed;
use super::Network;
use super::Side;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
const OLD_SERVICE_VLAN: u16 = 0x9100;
const PPPOE_SESSION: u16 = 0x8864;
const MPLS: u16 = 0x8847;
/// Below this the type is a length and an LLC header follows (IEEE 802.3 §3.2.6).
const LEAST_TYPE: u16 = 0x0600;

/// More tags than any network stacks; ends the loop over a packet made of tags.
const MOST_TAGS: usize = 8;

/// Takes the Ethernet header and everything up to IP off `frame`.
#[inline(always)]
pub(in crate::capture) fn parse(frame: &[u8]) -> Result<Option<Linked<'_>>, Malformed> {
    let Some(([.., t0, t1], payload)) = frame.split_first_chunk::<14>() else {
        return Err(Malformed::truncated("ethernet", 14, frame));
    };
    above(u16::from_be_bytes([*t0, *t1]), payload, Side::default())
}

/// Goes from an EtherType to IP; cooked captures begin here.
#[inline]
pub(in crate::capture) fn above(
    ether_type: u16,
    payload: &[u8],
    mut side: Side,
) -> Result<Option<Linked<'_>>, Malformed> {
    let (mut ether_type, mut payload) = (ether_type, payload);
    for depth in 0..MOST_TAGS {
        match ether_type {
            IPV4 => return Ok(Some(Linked { network: Network::V4, side, payload })),
            IPV6 => return Ok(Some(Linked { network: Network::V6, side, payload })),
            VLAN | SERVICE_VLAN | OLD_SERVICE_VLAN => {
                let Some(([c0, c1, t0, t1], rest)) = payload.split_first_chunk::<4>() else {
                    return Err(Malformed::truncated("vlan", 4, payload));
                };
                // The upper four bits are priority; a tag of 0 is a priority without a VLAN, and
                // still sets a copy of the packet apart.
                let tag = u16::from_be_bytes([*c0, *c1]) | 0xf000;
                if let Some(place) = side.tags.get_mut(depth) {
                    *place = tag;
                }
                ether_type = u16::from_be_bytes([*t0, *t1]);
                payload = rest;
            }
            PPPOE_SESSION => return point_to_point(payload, side),
            MPLS => return labels(payload, side),
            ..LEAST_TYPE => match payload.split_first_chunk::<8>() {
                Some(([0xaa, 0xaa, 0x03, 0, 0, 0, t0, t1], rest)) => {
                    ether_type = u16::from_be_bytes([*t0, *t1]);
                    payload = rest;
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// PPPoE (RFC 2516 §4) and the PPP protocol field behind it, which may be compressed to its second
/// byte (RFC 1661 §6.5).
fn point_to_point(bytes: &[u8], side: Side) -> Result<Option<Linked<'_>>, Malformed> {
    let Some((_, frame)) = bytes.split_first_chunk::<6>() else {
        return Err(Malformed::truncated("pppoe", 6, bytes));
    };
    let network = network_of_ppp(frame);
    Ok(network.map(|(network, payload)| Linked { network, side, payload }))
}

/// The IP datagram behind the protocol field of PPP.
pub(super) fn network_of_ppp(frame: &[u8]) -> Option<(Network, &[u8])> {
    match frame {
        [0x00, 0x21, payload @ ..] | [0x21, payload @ ..] => Some((Network::V4, payload)),
        [0x00, 0x57, payload @ ..] | [0x57, payload @ ..] => Some((Network::V6, payload)),
        _ => None,
    }
}

/// MPLS labels (RFC 3032 §2.1); what follows the last one is told by its version.
fn labels(bytes: &[u8], side: Side) -> Result<Option<Linked<'_>>, Malformed> {
    let mut rest = bytes;
    for _ in 0..MOST_TAGS {
        let Some(([_, _, bottom, _], payload)) = rest.split_first_chunk::<4>() else {
            return Err(Malformed::truncated("mpls", 4, rest));
        };
        if bottom & 1 == 1 {
            let is_ip = payload.first().is_some_and(|first| matches!(first >> 4, 4 | 6));
            return Ok(is_ip.then_some(Linked { network: Network::Either, side, payload }));
        }
        rest = payload;
    }
    Ok(None)
}

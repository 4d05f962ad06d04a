//! Linux cooked captures, versions 1 and 2 (`flow-inputs.md §2.1`).

use super::Linked;
use super::Malformed;
use super::Side;
use super::ethernet;

/// The kind of device that is a loopback one (`ARPHRD_LOOPBACK` of Linux' `if_arp.h`).
const LOOPBACK: u16 = 772;

/// Takes a header of version 1 off `frame`.
pub(in crate::capture) fn parse(frame: &[u8]) -> Result<Option<Linked<'_>>, Malformed> {
    let Some((header, payload)) = frame.split_first_chunk::<16>() else {
        return Err(Malformed::truncated("linux-sll", 16, frame));
    };
    let [d0, d1, k0, k1, _, _, _, _, _, _, _, _, _, _, t0, t1] = *header;
    let side = Side {
        direction: u16::from_be_bytes([d0, d1]),
        is_loopback: u16::from_be_bytes([k0, k1]) == LOOPBACK,
        ..Side::default()
    };
    ethernet::above(u16::from_be_bytes([t0, t1]), payload, side)
}

/// Takes a header of version 2 off `frame`.
pub(in crate::capture) fn parse_v2(frame: &[u8]) -> Result<Option<Linked<'_>>, Malformed> {
    let Some((header, payload)) = frame.split_first_chunk::<20>() else {
        return Err(Malformed::truncated("linux-sll2", 20, frame));
    };
    let [t0, t1, _, _, i0, i1, i2, i3, k0, k1, direction, ..] = *header;
    let side = Side {
        interface: u32::from_be_bytes([i0, i1, i2, i3]),
        direction: direction.into(),
        is_loopback: u16::from_be_bytes([k0, k1]) == LOOPBACK,
        ..Side::default()
    };
    ethernet::above(u16::from_be_bytes([t0, t1]), payload, side)
}

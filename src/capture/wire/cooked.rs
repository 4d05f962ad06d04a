//! Linux cooked captures, versions 1 and 2 (`flow-inputs.md §2.1`).

use super::Linked;
use super::Malformed;
use super::Side;
use super::ethernet;

/// Takes a header of version 1 off `frame`.
pub(in crate::capture) fn parse(frame: &[u8]) -> Result<Option<Linked<'_>>, Malformed> {
    let Some((header, payload)) = frame.split_first_chunk::<16>() else {
        return Err(Malformed::truncated("linux-sll", 16, frame));
    };
    let [d0, d1, _, _, _, _, _, _, _, _, _, _, _, _, t0, t1] = *header;
    let side = Side { direction: u16::from_be_bytes([d0, d1]), ..Side::default() };
    ethernet::above(u16::from_be_bytes([t0, t1]), payload, side)
}

/// Takes a header of version 2 off `frame`.
pub(in crate::capture) fn parse_v2(frame: &[u8]) -> Result<Option<Linked<'_>>, Malformed> {
    let Some((header, payload)) = frame.split_first_chunk::<20>() else {
        return Err(Malformed::truncated("linux-sll2", 20, frame));
    };
    let [t0, t1, _, _, i0, i1, i2, i3, _, _, direction, ..] = *header;
    let side = Side {
        interface: u32::from_be_bytes([i0, i1, i2, i3]),
        direction: direction.into(),
        ..Side::default()
    };
    ethernet::above(u16::from_be_bytes([t0, t1]), payload, side)
}

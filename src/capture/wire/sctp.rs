//! SCTP (RFC 9260 §3): ports, and the chunks that carry data.

use super::Malformed;

const LAYER: &str = "sctp";
const HEADER: usize = 12;
const DATA: u8 = 0;
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;

/// The source and destination port, and the chunks behind them.
pub(in crate::capture) fn parse(bytes: &[u8]) -> Result<((u16, u16), &[u8]), Malformed> {
    match bytes.split_first_chunk::<HEADER>() {
        Some(([s0, s1, d0, d1, ..], chunks)) => {
            Ok(((u16::from_be_bytes([*s0, *s1]), u16::from_be_bytes([*d0, *d1])), chunks))
        }
        None => Err(Malformed::truncated(LAYER, HEADER, bytes)),
    }
}

/// A chunk that says where data is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture) enum Chunk<'a> {
    /// The number of the sender's first piece of data.
    Starts(u32),
    /// A piece of data with its number.
    Data(u32, &'a [u8]),
}

/// The chunks of a packet that say where data is, up to one that does not fit.
pub(in crate::capture) fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let ([kind, _, l0, l1], _) = rest.split_first_chunk::<4>()?;
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            let value = rest.get(4..length)?;
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            let number = |at: usize| value.get(at..)?.first_chunk().map(|n| u32::from_be_bytes(*n));
            match *kind {
                // Stream, its number, and what the payload is for lie between number and data.
                DATA => return Some(Chunk::Data(number(0)?, value.get(12..)?)),
                INIT | INIT_ACK => return Some(Chunk::Starts(number(12)?)),
                _ => {}
            }
        }
    })
}

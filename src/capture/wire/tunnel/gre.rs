//! GRE (RFC 2784, RFC 2890), its variant for PPTP (RFC 2637 §4.1), and ERSPAN in it
//! (draft-foschiano-erspan-03 §4).

use super::Inside;
use crate::capture::wire::Malformed;
use crate::capture::wire::Network;
use crate::capture::wire::ethernet;

const LAYER: &str = "gre";

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// Transparent Ethernet bridging.
const ETHERNET: u16 = 0x6558;
const PPP: u16 = 0x880b;
/// ERSPAN of type I and II, and of type III.
const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;

pub(super) fn parse(bytes: &[u8]) -> Result<Option<Inside<'_>>, Malformed> {
    let Some(([f0, f1, t0, t1], rest)) = bytes.split_first_chunk::<4>() else {
        return Err(Malformed::truncated(LAYER, 4, bytes));
    };
    let (flags, kind) = (u16::from_be_bytes([*f0, *f1]), u16::from_be_bytes([*t0, *t1]));
    // Source routes were given up with RFC 2784.
    if flags & ROUTING != 0 || flags & VERSION > 1 {
        return Ok(None);
    }
    let mut optional = [CHECKSUM, KEY, SEQUENCE].iter().filter(|flag| flags & **flag != 0).count();
    optional += usize::from(flags & VERSION == 1 && flags & ACKNOWLEDGMENT != 0);
    let Some(payload) = rest.get(optional * 4..) else {
        return Err(Malformed::truncated(LAYER, 4 + optional * 4, bytes));
    };
    match kind {
        ETHERNET => Ok(Some(Inside::Ethernet(payload))),
        // Type I has no header of its own, and no sequence number in GRE.
        ERSPAN if flags & SEQUENCE == 0 => Ok(Some(Inside::Ethernet(payload))),
        ERSPAN => behind(payload, 8),
        ERSPAN_3 => {
            let has_more = payload.get(11).is_some_and(|last| last & 1 == 1);
            behind(payload, if has_more { 20 } else { 12 })
        }
        PPP => Ok(point_to_point(payload)),
        kind => Ok(Some(Inside::EtherType(kind, payload))),
    }
}

/// The Ethernet frame behind an ERSPAN header.
fn behind(bytes: &[u8], header: usize) -> Result<Option<Inside<'_>>, Malformed> {
    match bytes.get(header..) {
        Some(frame) => Ok(Some(Inside::Ethernet(frame))),
        None => Err(Malformed::truncated("erspan", header, bytes)),
    }
}

/// PPP, with or without its address and control field (RFC 1662 §3.1).
fn point_to_point(bytes: &[u8]) -> Option<Inside<'_>> {
    let frame = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    let (network, payload): (Network, &[u8]) = ethernet::network_of_ppp(frame)?;
    Some(Inside::Ip(network, payload))
}

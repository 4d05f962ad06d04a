//! Flow tuples of Azure's VNet and NSG flow logs (`flow-inputs.md §4`, `§5`), read byte by byte:
//! there are millions of them.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use super::flow;
use super::time;
use crate::flow::IpProtocol;

/// Where in its life a flow is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Begin,
    Continuing,
    End,
    Denied,
    /// Denied, and not encrypted, which may be why.
    Unencrypted,
    /// Allowed, and the log does not follow flows: version 1.
    Allowed,
}

/// Packets and bytes since the tuple before.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) packets_sent: u64,
    pub(super) bytes_sent: u64,
    pub(super) packets_received: u64,
    pub(super) bytes_received: u64,
}

/// A tuple.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Tuple {
    /// Milliseconds since 1970.
    pub(super) at: i64,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) protocol: IpProtocol,
    pub(super) is_inbound: bool,
    pub(super) state: State,
    /// `None` where the format does not count.
    pub(super) counts: Option<Counts>,
}

/// Which tuples a log has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// VNet flow logs, version 4.
    Vnet,
    /// NSG flow logs, version 1 and 2: a tuple of version 2 has more fields.
    Nsg,
}

impl Tuple {
    /// Reads a tuple; `None` where it is none.
    pub(super) fn parse(text: &str, shape: Shape) -> Option<Tuple> {
        let mut rest = Some(text.as_bytes());
        let mut next = || {
            let fields = rest?;
            let end = fields.iter().position(|byte| *byte == b',');
            let (field, behind) = fields.split_at_checked(end.unwrap_or(fields.len()))?;
            rest = end.and_then(|_| behind.get(1..));
            Some(field)
        };
        let at = time::milliseconds(number(next()?)?.try_into().ok()?);
        let source = address(next()?)?;
        let destination = address(next()?)?;
        let source_port = port(next()?)?;
        let destination_port = port(next()?)?;
        let protocol = protocol(next()?)?;
        let is_inbound = match next()? {
            b"I" => true,
            b"O" => false,
            _ => return None,
        };
        let (state, counts) = match shape {
            Shape::Vnet => {
                let state = match (state(next()?)?, next()?) {
                    (State::Denied, encryption) if encryption.starts_with(b"NX_") => {
                        State::Unencrypted
                    }
                    (state, _) => state,
                };
                (state, Some(counts(&mut next)?))
            }
            Shape::Nsg => {
                let is_denied = match next()? {
                    b"A" => false,
                    b"D" => true,
                    _ => return None,
                };
                match (is_denied, next()) {
                    (true, None) => (State::Denied, None),
                    (false, None) => (State::Allowed, None),
                    (true, Some(_)) => (State::Denied, Some(counts(&mut next)?)),
                    (false, Some(word)) => (state(word)?, Some(counts(&mut next)?)),
                }
            }
        };
        Some(Tuple {
            at,
            source,
            destination,
            source_port,
            destination_port,
            protocol,
            is_inbound,
            state,
            counts,
        })
    }
}

fn counts<'a>(next: &mut impl FnMut() -> Option<&'a [u8]>) -> Option<Counts> {
    let mut count = || match next()? {
        // Of flows that begin.
        b"" => Some(0),
        text => number(text),
    };
    Some(Counts {
        packets_sent: count()?,
        bytes_sent: count()?,
        packets_received: count()?,
        bytes_received: count()?,
    })
}

fn state(word: &[u8]) -> Option<State> {
    match word {
        b"B" => Some(State::Begin),
        b"C" => Some(State::Continuing),
        b"E" => Some(State::End),
        b"D" => Some(State::Denied),
        _ => None,
    }
}

fn protocol(text: &[u8]) -> Option<IpProtocol> {
    match text {
        b"6" | b"T" => Some(IpProtocol::TCP),
        b"17" | b"U" => Some(IpProtocol::UDP),
        text => number(text)?.try_into().ok().map(IpProtocol),
    }
}

/// An address: in most tuples of IPv4, which is read in one pass.
fn address(text: &[u8]) -> Option<IpAddr> {
    ipv4(text).map_or_else(|| flow::address(str::from_utf8(text).ok()?), |v4| Some(v4.into()))
}

/// Four numbers with dots between them; `None` where it is none, or written with spaces or the like.
fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut bits, mut parts, mut part, mut digits) = (0_u32, 0, 0_u32, 0);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            // A leading zero may mean an octal number (RFC 6943 §3.1.1).
            if digits == 3 || (digits > 0 && part == 0) {
                return None;
            }
            part = part * 10 + u32::from(digit);
            digits += 1;
        } else if *byte == b'.' && digits > 0 && part <= 255 && parts < 3 {
            bits = bits << 8 | part;
            (parts, part, digits) = (parts + 1, 0, 0);
        } else {
            return None;
        }
    }
    (parts == 3 && digits > 0 && part <= 255).then(|| Ipv4Addr::from_bits(bits << 8 | part))
}

/// A port; empty where the protocol has none.
fn port(text: &[u8]) -> Option<u16> {
    if text.is_empty() { Some(0) } else { number(text)?.try_into().ok() }
}

fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

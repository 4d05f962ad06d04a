//! Flow tuples of Azure's VNet and NSG flow logs (`flow-inputs.md §4`, `§5`), read byte by byte:
//! there are millions of them.

use std::net::IpAddr;

use jiff::Timestamp;

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
    pub(super) at: Timestamp,
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
        let mut fields = text.split(',');
        let mut next = || fields.next();
        let at = time::epoch(number(next()?)?.try_into().ok()?);
        let source = flow::address(next()?)?;
        let destination = flow::address(next()?)?;
        let source_port = port(next()?)?;
        let destination_port = port(next()?)?;
        let protocol = protocol(next()?)?;
        let is_inbound = match next()? {
            "I" => true,
            "O" => false,
            _ => return None,
        };
        let (state, counts) = match shape {
            Shape::Vnet => {
                let state = state(next()?)?;
                // Encryption.
                next()?;
                (state, Some(counts(&mut next)?))
            }
            Shape::Nsg => {
                let is_denied = match next()? {
                    "A" => false,
                    "D" => true,
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

fn counts<'a>(next: &mut impl FnMut() -> Option<&'a str>) -> Option<Counts> {
    let mut count = || match next()? {
        // Of flows that begin.
        "" => Some(0),
        text => number(text),
    };
    Some(Counts {
        packets_sent: count()?,
        bytes_sent: count()?,
        packets_received: count()?,
        bytes_received: count()?,
    })
}

fn state(word: &str) -> Option<State> {
    match word {
        "B" => Some(State::Begin),
        "C" => Some(State::Continuing),
        "E" => Some(State::End),
        "D" => Some(State::Denied),
        _ => None,
    }
}

fn protocol(text: &str) -> Option<IpProtocol> {
    match text {
        "6" | "T" => Some(IpProtocol::TCP),
        "17" | "U" => Some(IpProtocol::UDP),
        text => number(text)?.try_into().ok().map(IpProtocol),
    }
}

/// A port; empty where the protocol has none.
fn port(text: &str) -> Option<u16> {
    if text.is_empty() { Some(0) } else { number(text)?.try_into().ok() }
}

fn number(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

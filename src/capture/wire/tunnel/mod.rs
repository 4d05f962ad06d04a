//! Packets inside packets: what a payload carries, where it is a tunnel. One file for each kind.
//!
//! A port alone makes no tunnel: the header behind it must be one.

mod geneve;
mod gre;
mod gtp;
mod teredo;
mod vxlan;

use crate::flow::IpProtocol;

use super::Linked;
use super::Malformed;
use super::Network;
use super::Side;
use super::ethernet;

/// IP headers outside of a packet that is still looked into; nobody stacks half as many tunnels.
pub(in crate::capture) const MOST_DEPTH: u8 = 8;

const IPV4: IpProtocol = IpProtocol(4);
const IPV6: IpProtocol = IpProtocol(41);
const GRE: IpProtocol = IpProtocol(47);

const VXLAN: u16 = 4789;
/// What Linux took for VXLAN before it had a number, and flannel and Cilium take today.
const LINUX_VXLAN: u16 = 8472;
/// VXLAN whose header says what follows it.
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const GTP_USER: u16 = 2152;
const TEREDO: u16 = 3544;

/// What lies behind the header of a tunnel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Inside<'a> {
    /// An Ethernet frame.
    Ethernet(&'a [u8]),
    /// What an EtherType says.
    EtherType(u16, &'a [u8]),
    /// An IP datagram.
    Ip(Network, &'a [u8]),
}

/// The IP datagram inside a payload of `protocol`, `None` where there is none. `ports` are those of
/// UDP.
#[inline]
pub(in crate::capture) fn inside(
    protocol: IpProtocol,
    ports: (u16, u16),
    payload: &[u8],
) -> Result<Option<Linked<'_>>, Malformed> {
    let inside = match protocol {
        IPV4 => Some(Inside::Ip(Network::V4, payload)),
        IPV6 => Some(Inside::Ip(Network::V6, payload)),
        GRE => gre::parse(payload)?,
        IpProtocol::UDP => inside_udp(ports, payload)?,
        IpProtocol(_) => None,
    };
    match inside {
        None => Ok(None),
        Some(Inside::Ethernet(frame)) => ethernet::parse(frame),
        Some(Inside::EtherType(kind, payload)) => ethernet::above(kind, payload, Side::default()),
        Some(Inside::Ip(network, payload)) => {
            Ok(Some(Linked { network, side: Side::default(), payload }))
        }
    }
}

fn inside_udp(
    (source, destination): (u16, u16),
    payload: &[u8],
) -> Result<Option<Inside<'_>>, Malformed> {
    let either = |port| source == port || destination == port;
    // The source port of these carries a hash, so that it tells nothing.
    match destination {
        VXLAN | LINUX_VXLAN => vxlan::parse(payload),
        VXLAN_GPE => vxlan::parse_gpe(payload),
        GENEVE => geneve::parse(payload),
        _ if either(GTP_USER) => gtp::parse(payload),
        _ if either(TEREDO) => Ok(teredo::parse(payload)),
        _ => Ok(None),
    }
}

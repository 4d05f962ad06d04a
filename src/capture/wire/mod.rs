//! Packet headers, one file for each: bytes in, a header and its payload out.
//!
//! Nothing here keeps state, and no length field is trusted: what does not fit is [`Malformed`],
//! except that a payload may be shorter than its header says, since captures cut packets.
#![expect(
    clippy::inline_always,
    reason = "once for each packet; a call has to write out what is read of its headers"
)]

pub(super) mod cooked;
pub(super) mod ethernet;
pub(super) mod ipv4;
pub(super) mod ipv6;
pub(super) mod loopback;
pub(super) mod nflog;
pub(super) mod sctp;
pub(super) mod tcp;
pub(super) mod tunnel;
pub(super) mod udp;

use std::net::IpAddr;

use crate::flow::IpProtocol;

use super::link::LinkType;

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Malformed {
    /// The packet ends in the header.
    #[error("the {layer} header is cut: expected {need} bytes, found {have}")]
    Truncated { layer: &'static str, need: usize, have: usize },
    /// A header that claims less than its fixed part.
    #[error("the {layer} header claims a length of {length} bytes")]
    HeaderLength { layer: &'static str, length: usize },
    /// An IP version that does not fit the link.
    #[error("expected {layer}, found version {version}")]
    Version { layer: &'static str, version: u8 },
}

impl Malformed {
    pub(super) fn layer(self) -> &'static str {
        match self {
            Malformed::Truncated { layer, .. }
            | Malformed::HeaderLength { layer, .. }
            | Malformed::Version { layer, .. } => layer,
        }
    }

    /// The header `layer` of `need` bytes does not fit in `bytes`.
    fn truncated(layer: &'static str, need: usize, bytes: &[u8]) -> Malformed {
        Malformed::Truncated { layer, need, have: bytes.len() }
    }
}

/// The protocol above the link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Network {
    V4,
    V6,
    /// IP of the version that its first half-byte says.
    Either,
}

/// The side of the host on which a packet was captured, as far as the link header tells it. Copies
/// of one packet differ in it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Side {
    /// The interface index of cooked captures.
    pub(super) interface: u32,
    /// The packet type of cooked captures: to us, from us, to another.
    pub(super) direction: u16,
    /// The outer and the inner VLAN tag.
    pub(super) tags: [u16; 2],
    /// Whether it is the loopback device of the host, which nothing leaves by.
    pub(super) is_loopback: bool,
}

/// An IP datagram behind its link header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Linked<'a> {
    pub(super) network: Network,
    pub(super) side: Side,
    pub(super) payload: &'a [u8],
}

/// Takes the link header off a packet; `None` where no IP lies behind it.
#[inline(always)]
pub(super) fn link(link: LinkType, frame: &[u8]) -> Result<Option<Linked<'_>>, Malformed> {
    let bare = |network| Ok(Some(Linked { network, side: Side::default(), payload: frame }));
    match link {
        LinkType::ETHERNET => ethernet::parse(frame),
        LinkType::NULL => loopback::parse(frame, loopback::Family::HostOrder),
        LinkType::LOOP => loopback::parse(frame, loopback::Family::NetworkOrder),
        LinkType::LINUX_SLL => cooked::parse(frame),
        LinkType::LINUX_SLL2 => cooked::parse_v2(frame),
        LinkType::NFLOG => nflog::parse(frame),
        LinkType::RAW
        | LinkType::RAW_BSD
        | LinkType::RAW_OPENBSD
        | LinkType::IPV4
        | LinkType::IPV6 => bare(Network::Either),
        // The reader refuses every other type before it comes here.
        LinkType(_) => Ok(None),
    }
}

/// An IP datagram or a fragment of one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Datagram<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// The protocol of the payload; of a fragment of IPv6, that of the first header inside.
    pub(super) protocol: IpProtocol,
    /// The identification; 0 where IPv6 has none.
    pub(super) identification: u32,
    pub(super) fragment: Option<Fragment>,
    pub(super) hop_limit: u8,
    /// Length on the wire, header included.
    pub(super) wire: usize,
    /// How much of `wire` is payload.
    pub(super) payload_wire: usize,
    /// As much of the payload as was captured.
    pub(super) payload: &'a [u8],
}

/// The place of a fragment in its datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Fragment {
    /// Bytes before it.
    pub(super) offset: usize,
    /// Whether others follow it.
    pub(super) more: bool,
}

/// Takes an IP header off `bytes`, of which there were `wire` before the capture cut them.
#[inline(always)]
pub(super) fn network(
    network: Network,
    bytes: &[u8],
    wire: usize,
) -> Result<Datagram<'_>, Malformed> {
    let Some(version) = bytes.first().map(|first| first >> 4) else {
        return Err(Malformed::truncated("ip", 1, bytes));
    };
    match (network, version) {
        (Network::V4 | Network::Either, 4) => ipv4::parse(bytes, wire),
        (Network::V6 | Network::Either, 6) => ipv6::parse(bytes, wire),
        (Network::V4, _) => Err(Malformed::Version { layer: "ipv4", version }),
        (Network::V6, _) => Err(Malformed::Version { layer: "ipv6", version }),
        (Network::Either, _) => Err(Malformed::Version { layer: "ip", version }),
    }
}

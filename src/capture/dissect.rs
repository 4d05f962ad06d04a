//! What a frame holds, as far as that is told without knowing any flow.
#![expect(
    clippy::inline_always,
    reason = "once for each packet; a call has to write out what is read of its headers"
)]

use crate::flow::IpProtocol;

use super::conversation::Packet;
use super::copies::EndsHash;
use super::copies::PrintKey;
use super::copies::Unchanged;
use super::file::Frame;
use super::moment::Moment;
use super::speaker::Endpoint;
use super::wire;
use super::wire::Datagram;
use super::wire::Malformed;
use super::wire::Side;
use super::wire::sctp;
use super::wire::tcp::Damaged;
use super::wire::tcp::TcpHeader;
use super::wire::tunnel;
use super::wire::udp::UdpHeader;

/// A frame with one packet in it, whole and outside of any tunnel, as nearly all are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dissected<'a> {
    /// The packet; which of the file it is has still to be told.
    pub(super) packet: Packet<'a>,
    pub(super) side: Side,
    pub(super) unchanged: Unchanged,
    pub(super) ends: EndsHash,
}

impl Dissected<'_> {
    /// The same with something else that the packet carries, or with nothing.
    #[inline]
    pub(super) fn with_payload<'p>(&self, payload: &'p [u8]) -> Dissected<'p> {
        Dissected { packet: Packet { payload, ..self.packet }, ..*self }
    }
}

/// Dissects a frame; `None` where more has to be done for it than to put one packet to its flow.
#[inline(always)]
pub(super) fn dissect<'a>(frame: &Frame<'a>, key: &PrintKey) -> Option<Dissected<'a>> {
    let linked = wire::link(frame.link, frame.data).ok()??;
    let datagram =
        wire::network(linked.network, linked.payload, behind_link(frame, linked.payload));
    let datagram = datagram.ok().filter(|datagram| datagram.fragment.is_none())?;
    let transport = Transport::of(&datagram).ok().filter(|read| read.damage.is_none())?;
    let inside = tunnel::inside(datagram.protocol, transport.ports, transport.payload);
    if !matches!(inside, Ok(None)) {
        return None;
    }
    let wire = u64::try_from(datagram.wire).unwrap_or(u64::MAX);
    let mut packet = transport.packet(&datagram, wire, 0, frame.at, 0);
    packet.is_local = linked.side.is_loopback;
    let unchanged = key.unchanged(&packet, transport.tcp.as_ref(), datagram.identification);
    let ends = key.ends(&packet);
    Some(Dissected { packet, side: linked.side, unchanged, ends })
}

/// Bytes on the wire behind the link header, of which `payload` was captured.
#[inline(always)]
pub(super) fn behind_link(frame: &Frame<'_>, payload: &[u8]) -> usize {
    let header = frame.data.len().saturating_sub(payload.len());
    let original = usize::try_from(frame.original).unwrap_or(usize::MAX);
    original.max(frame.data.len()).saturating_sub(header)
}

/// The header behind that of IP, where it is one with ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transport<'a> {
    pub(super) ports: (u16, u16),
    pub(super) tcp: Option<TcpHeader<'a>>,
    pub(super) payload: &'a [u8],
    /// How long the payload was on the wire.
    pub(super) payload_wire: usize,
    /// What is wrong with the header, of which something can be read all the same.
    pub(super) damage: Option<Malformed>,
}

impl<'a> Transport<'a> {
    /// Takes the header off the payload of a datagram.
    #[inline(always)]
    pub(super) fn of(datagram: &Datagram<'a>) -> Result<Transport<'a>, Malformed> {
        let bytes = datagram.payload;
        let plain = |ports, payload, payload_wire| Transport {
            ports,
            tcp: None,
            payload,
            payload_wire,
            damage: None,
        };
        Ok(match datagram.protocol {
            IpProtocol::TCP => match TcpHeader::parse(bytes) {
                Ok((header, payload)) => {
                    let length = datagram.payload_wire.saturating_sub(header.length());
                    let ports = (header.source, header.destination);
                    Transport { tcp: Some(header), ..plain(ports, payload, length) }
                }
                Err(damaged) => {
                    let Damaged { malformed, ports, header } = damaged?;
                    Transport { tcp: header, damage: Some(malformed), ..plain(ports, &[], 0) }
                }
            },
            IpProtocol::UDP => {
                let (header, payload) = UdpHeader::parse(bytes)?;
                let length = match usize::from(header.length) {
                    0 => datagram.payload_wire,
                    length => length.min(datagram.payload_wire),
                };
                plain((header.source, header.destination), payload, length.saturating_sub(8))
            }
            IpProtocol::SCTP => {
                let (ports, chunks) = sctp::parse(bytes)?;
                let header = bytes.len().saturating_sub(chunks.len());
                plain(ports, chunks, datagram.payload_wire.saturating_sub(header))
            }
            IpProtocol(_) => plain((0, 0), bytes, datagram.payload_wire),
        })
    }

    /// The packet of a datagram, `wire` bytes long, that lies inside `depth` others.
    #[inline(always)]
    pub(super) fn packet(
        &self,
        datagram: &Datagram<'_>,
        wire: u64,
        depth: u8,
        at: Moment,
        frame: u64,
    ) -> Packet<'a> {
        let cut = self.payload_wire.saturating_sub(self.payload.len());
        Packet {
            at,
            frame,
            source: Endpoint { address: datagram.source, port: self.ports.0 },
            destination: Endpoint { address: datagram.destination, port: self.ports.1 },
            protocol: datagram.protocol,
            depth,
            wire,
            tcp: self.tcp.as_ref().map(TcpHeader::segment),
            payload: self.payload,
            cut: u32::try_from(cut).unwrap_or(u32::MAX),
            hop_limit: datagram.hop_limit,
            is_local: false,
        }
    }
}

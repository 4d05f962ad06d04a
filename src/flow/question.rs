//! A flow: one question put to the firewall.

use std::fmt;
use std::net::IpAddr;
use std::net::SocketAddr;

use super::payload::Payload;
use super::protocol::IpProtocol;

/// One question put to the firewall with no live session (`semantics.md`, Flow).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Flow {
    /// The address of the initiator, as the firewall's side of the network sees it.
    pub source: IpAddr,
    /// The initiator's port; 0 where the protocol has none.
    pub source_port: u16,
    /// The address that the initiator sends to.
    pub destination: IpAddr,
    /// The port that the initiator sends to; 0 where the protocol has none.
    pub destination_port: u16,
    /// The protocol.
    pub protocol: IpProtocol,
    /// The first bytes of the request.
    pub payload: Payload,
}

/// Writes `address`, or `address:port` with brackets around IPv6.
pub(super) fn write_endpoint(
    f: &mut fmt::Formatter<'_>,
    address: IpAddr,
    port: Option<u16>,
) -> fmt::Result {
    match (address, port) {
        (address, Some(port)) => write!(f, "{}", SocketAddr::new(address, port)),
        (IpAddr::V6(v6), None) => write!(f, "[{v6}]"),
        (address, None) => write!(f, "{address}"),
    }
}

/// Writes `tcp/443`, `icmp` or `proto/47`.
pub(super) fn write_service(
    f: &mut fmt::Formatter<'_>,
    protocol: IpProtocol,
    port: u16,
) -> fmt::Result {
    match protocol {
        IpProtocol::TCP => write!(f, "tcp/{port}"),
        IpProtocol::UDP => write!(f, "udp/{port}"),
        IpProtocol::ICMP => f.write_str("icmp"),
        IpProtocol(number) => write!(f, "proto/{number}"),
    }
}

impl fmt::Display for Flow {
    /// The notation of `cli.md` (A flow in text); a source port of 0 is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source_port = (self.source_port != 0).then_some(self.source_port);
        write_endpoint(f, self.source, source_port)?;
        f.write_str(" -> ")?;
        write_endpoint(f, self.destination, None)?;
        f.write_str(" : ")?;
        write_service(f, self.protocol, self.destination_port)?;
        match (&self.payload, self.protocol.has_ports()) {
            (Payload::Silent | Payload::Other, false) => Ok(()),
            (Payload::Other, true) if self.protocol == IpProtocol::UDP => Ok(()),
            (payload, _) => write!(f, " {payload}"),
        }
    }
}

//! What the two ends of a flow say first.

use crate::flow::Flow;
use crate::flow::IpProtocol;
use crate::flow::Payload;

use super::bytes::with_length16;
use super::dns;
use super::http;
use super::ip::is_extension_header;
use super::quic;
use super::tds;
use super::tls;

/// Why a flow cannot be shown in packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unwritable {
    /// A path with a character that no request target holds.
    #[error("its path has a character that no request line can have")]
    Path,
    /// A path that is too long.
    #[error("its path is longer than {most} bytes, the most that is written")]
    LongPath {
        /// How many bytes are written.
        most: usize,
    },
    /// The ends have addresses of two families.
    #[error("one end has an IPv4 address and the other an IPv6 address")]
    Families,
    /// A payload that does not go over the protocol.
    #[error("its payload does not go over its protocol")]
    Payload,
    /// A protocol number that means an extension header in IPv6 (RFC 8200 §4).
    #[error("its protocol is an extension header of IPv6")]
    ExtensionHeader,
    /// A time before 1970 or after 2554, which nanoseconds in pcapng do not reach.
    #[error("its time is one that a capture in nanoseconds cannot hold")]
    Time,
}

/// An end of a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Client,
    Server,
}

/// What a flow says first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Opening {
    /// A TCP handshake, and what is said after it, in turns.
    Stream(Vec<(End, Vec<u8>)>),
    /// A UDP datagram.
    Datagram(Vec<u8>),
    /// An ICMP echo request, of either family.
    Echo,
    /// The payload of another protocol.
    Raw(Vec<u8>),
}

/// A line of text on a port where none is expected: no protocol that rules know begins so.
const OTHER: &[u8] = b"exeat: bytes of no known protocol\r\n";
/// Bytes of a protocol that is not looked into, where a header that is all zeros means little.
const RAW: [u8; 16] = [0; 16];

const DNS: u16 = 53;
const NTP: u16 = 123;
/// Version 4, sent by a client (RFC 5905 §7.3).
const NTP_CLIENT: u8 = 0x23;
const NTP_BYTES: usize = 48;

/// What `flow` says first. `nonce` differs from flow to flow.
pub(super) fn opening(flow: &Flow, nonce: u16) -> Result<Opening, Unwritable> {
    if flow.source.is_ipv4() != flow.destination.is_ipv4() {
        return Err(Unwritable::Families);
    }
    if flow.source.is_ipv6() && is_extension_header(flow.protocol) {
        return Err(Unwritable::ExtensionHeader);
    }
    let says = |bytes| Ok(Opening::Stream(vec![(End::Client, bytes)]));
    match (flow.protocol, &flow.payload) {
        (IpProtocol::TCP, Payload::Silent) => Ok(Opening::Stream(Vec::new())),
        // A firewall's rules do not know DNS, but who reads the packets does.
        (IpProtocol::TCP, Payload::Other) if flow.destination_port == DNS => {
            says(with_length16(&dns::some_query(nonce)))
        }
        (IpProtocol::TCP, Payload::Other) => says(OTHER.to_vec()),
        (IpProtocol::TCP, Payload::Tls { name, .. }) => {
            says(tls::client_hello(name.as_ref(), nonce))
        }
        (IpProtocol::TCP, Payload::Http(request)) => says(http::request(request)?),
        (IpProtocol::TCP, Payload::Mssql { name }) => Ok(Opening::Stream(vec![
            (End::Client, tds::pre_login()),
            (End::Server, tds::pre_login_response()),
            (End::Client, tds::wrapped(&tls::client_hello(name.as_ref(), nonce))),
        ])),
        (IpProtocol::UDP, Payload::Silent | Payload::Other) => {
            Ok(Opening::Datagram(datagram(flow.destination_port, nonce)))
        }
        (IpProtocol::UDP, Payload::Quic { name }) => {
            quic::initial(name.as_ref(), nonce).map(Opening::Datagram).ok_or(Unwritable::Payload)
        }
        (
            _,
            Payload::Tls { .. } | Payload::Http(_) | Payload::Mssql { .. } | Payload::Quic { .. },
        ) => Err(Unwritable::Payload),
        (protocol, Payload::Silent | Payload::Other) => {
            Ok(if is_echo(flow, protocol) { Opening::Echo } else { Opening::Raw(RAW.to_vec()) })
        }
    }
}

/// A datagram on `port`, of the protocol that everybody expects there where it is DNS or NTP.
fn datagram(port: u16, nonce: u16) -> Vec<u8> {
    match port {
        DNS => dns::some_query(nonce),
        NTP => {
            let mut request = vec![0; NTP_BYTES];
            if let Some(first) = request.first_mut() {
                *first = NTP_CLIENT;
            }
            request
        }
        _ => OTHER.to_vec(),
    }
}

fn is_echo(flow: &Flow, protocol: IpProtocol) -> bool {
    let of_family = if flow.source.is_ipv4() { IpProtocol::ICMP } else { IpProtocol::ICMPV6 };
    protocol == of_family
}

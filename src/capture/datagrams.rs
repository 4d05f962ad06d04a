//! What the datagrams between two ends of UDP show: the protocol, and the names in it.

use super::captured::Application;
use super::captured::NameOrigin;
use super::dialogue::Heard;
use super::dialogue::hello_opening;
use super::names::Shown;
use super::names::dns;
use super::names::dtls;
use super::names::first::Ports;
use super::names::quic;
use super::wire;
use super::wire::udp::UdpHeader;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::SeenPayload;

/// Datagrams that are looked at before a flow is taken for no known protocol.
const MOST_TRIES: u8 = 16;

/// Ports of NetBIOS names, multicast DNS and LLMNR, which write messages as DNS does.
const NOT_DNS: [u16; 3] = [137, 5353, 5355];

/// Listens to both ends of a UDP flow.
#[derive(Debug)]
pub(super) enum DatagramListener {
    /// The protocol is not known yet, after so many datagrams.
    Start(u8),
    /// DNS, message by message.
    Dns,
    /// QUIC, hello by hello.
    Quic(Box<quic::HelloReader>),
    /// DTLS, up to the ClientHello.
    Dtls(Box<dtls::HelloReader>),
    /// There is nothing more to hear.
    Done,
}

impl Default for DatagramListener {
    fn default() -> DatagramListener {
        DatagramListener::Start(0)
    }
}

impl DatagramListener {
    /// Bytes held back.
    #[inline]
    pub(super) fn held(&self) -> usize {
        match self {
            DatagramListener::Quic(reader) => reader.held(),
            DatagramListener::Dtls(reader) => reader.held(),
            DatagramListener::Start(_) | DatagramListener::Dns | DatagramListener::Done => 0,
        }
    }

    /// Takes the next datagram, of either end.
    pub(super) fn take(&mut self, payload: &[u8], ports: Ports, out: &mut impl FnMut(Heard)) {
        let is_quic = matches!(self, DatagramListener::Quic(_));
        if !is_quic && quic::is_standard(payload) {
            // Whatever came before it: a server of QUIC ignores what is none, and one of DNS ignores this.
            if matches!(self, DatagramListener::Dns) {
                out(Heard::DnsLost);
            }
            *self = Found::Quic.listener();
            out(Heard::Application(Application::Quic));
        }
        match self {
            DatagramListener::Start(tries) => match recognise(payload, ports) {
                Some(found) => {
                    *self = found.listener();
                    if let Some(application) = found.application() {
                        out(Heard::Application(application));
                    }
                    self.take(payload, ports, out);
                }
                None if *tries < MOST_TRIES => *tries += 1,
                None => *self = DatagramListener::Done,
            },
            DatagramListener::Dns => {
                if is_dns(payload, ports) {
                    out(Heard::Dns(payload));
                }
            }
            DatagramListener::Quic(reader) => {
                match reader.push(payload) {
                    quic::Heard::Nothing => {}
                    quic::Heard::Hello(hello) => {
                        let quic = |name| Payload::Quic { name };
                        hello_opening(hello, NameOrigin::QuicSni, PayloadKind::Quic, quic, out);
                    }
                    quic::Heard::Unreadable => {
                        out(Heard::Opening(SeenPayload::Kind(PayloadKind::Quic), None));
                    }
                }
                if reader.is_done() {
                    out(Heard::Incomplete);
                    *self = DatagramListener::Done;
                }
            }
            DatagramListener::Dtls(reader) => {
                let Some(hello) = reader.push(payload) else { return };
                if let Shown::Host(name) = hello.name {
                    out(Heard::Name(name, NameOrigin::DtlsSni));
                }
                if let Some(hidden) = hello.hidden {
                    out(Heard::Note(hidden.note()));
                }
                *self = DatagramListener::Done;
            }
            DatagramListener::Done => {}
        }
    }

    /// Ends the listening.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(Heard)) {
        if let DatagramListener::Quic(reader) = self
            && reader.is_waiting()
        {
            out(Heard::Incomplete);
        }
        *self = DatagramListener::Done;
    }
}

/// A protocol over datagrams.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Found {
    Dns,
    Quic,
    Dtls,
}

impl Found {
    fn application(self) -> Option<Application> {
        match self {
            Found::Dns => Some(Application::Dns),
            Found::Quic => Some(Application::Quic),
            // It is none that flows are told apart by.
            Found::Dtls => None,
        }
    }

    fn listener(self) -> DatagramListener {
        match self {
            Found::Dns => DatagramListener::Dns,
            Found::Quic => DatagramListener::Quic(Box::default()),
            Found::Dtls => DatagramListener::Dtls(Box::default()),
        }
    }
}

/// The application of the datagram that an ICMP error quotes (RFC 792, RFC 4443 §3): such an error
/// belongs to what it is about.
pub(super) fn quoted_application(protocol: IpProtocol, message: &[u8]) -> Option<Application> {
    let ([kind, ..], quoted) = message.split_first_chunk::<8>()?;
    let is_error = match protocol {
        IpProtocol::ICMP => matches!(kind, 3 | 4 | 5 | 11 | 12),
        IpProtocol::ICMPV6 => matches!(kind, 1..=4),
        IpProtocol(_) => false,
    };
    if !is_error {
        return None;
    }
    let datagram = wire::network(wire::Network::Either, quoted, quoted.len()).ok()?;
    if datagram.protocol != IpProtocol::UDP || datagram.fragment.is_some() {
        return None;
    }
    let (header, payload) = UdpHeader::parse(datagram.payload).ok()?;
    // That QUIC is not spoken in the version that was asked for tells of no QUIC.
    if quic::is_negotiation(payload) {
        return None;
    }
    recognise(payload, Ports([header.source, header.destination])).and_then(Found::application)
}

fn recognise(payload: &[u8], ports: Ports) -> Option<Found> {
    if ports.are_of_dns() && dns::is_message(payload) {
        Some(Found::Dns)
    } else if quic::is_quic(payload) {
        Some(Found::Quic)
    } else if is_dns(payload, ports) {
        Some(Found::Dns)
    } else if dtls::begins(payload) {
        Some(Found::Dtls)
    } else {
        None
    }
}

fn is_dns(payload: &[u8], ports: Ports) -> bool {
    if ports.are_of_dns() {
        return dns::is_message(payload);
    }
    let is_excluded = ports.0.iter().any(|port| NOT_DNS.contains(port));
    !is_excluded && dns::is_message_beyond_doubt(payload)
}

//! What a capture holds: flows with the names they showed, as they end.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::evidence::DnsAnswer;
use crate::evidence::DnsAside;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::Recorded;
use crate::flow::SeenPayload;
pub use crate::flow::shown::NameOrigin;
pub use crate::flow::shown::Note;
pub use crate::flow::shown::SeenName;

/// Names kept of one flow, and openings besides those that show a name for the first time; a
/// connection with more requests is one long story of the same kind.
pub(super) const MOST_OPENINGS: usize = 1024;

/// Takes what is read from a capture, as it is read.
pub trait Sink {
    /// Takes a flow that has ended: idle, its ports reused, or the capture over.
    ///
    /// Flows that end together come in the order of their first packets.
    fn flow(&mut self, flow: CapturedFlow);

    /// Takes a DNS response, in the order of the capture.
    fn answer(&mut self, answer: DnsAnswer);
}

/// The application protocol of a flow: the first one that its payload shows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Application {
    /// TLS over TCP from the first byte on; STARTTLS and the like are [`Application::Other`].
    Tls,
    /// HTTP in the clear, version 1 or 2.
    Http,
    /// QUIC, Google's older versions of it among them.
    Quic,
    /// DNS over UDP or TCP; not multicast DNS, LLMNR or NetBIOS names.
    Dns,
    /// TDS, the protocol of SQL Server, up to version 7.4; TDS 8 is [`Application::Tls`].
    Mssql,
    /// Anything else, no payload at all among it.
    Other,
}

impl Application {
    /// The kind of what its clients send, where that is one which rules tell apart.
    pub(super) fn payload_kind(self) -> Option<PayloadKind> {
        match self {
            Application::Tls => Some(PayloadKind::Tls),
            Application::Http => Some(PayloadKind::Http),
            Application::Quic => Some(PayloadKind::Quic),
            Application::Mssql => Some(PayloadKind::Mssql),
            Application::Dns | Application::Other => None,
        }
    }

    /// The word of flows as JSON.
    pub fn keyword(self) -> &'static str {
        match self {
            Application::Tls => "tls",
            Application::Http => "http",
            Application::Quic => "quic",
            Application::Dns => "dns",
            Application::Mssql => "mssql",
            Application::Other => "other",
        }
    }
}

/// One of the questions that a connection puts to the firewall (`semantics.md`, connection).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Opening {
    /// The index in the flow of the packet that completed the question, from 1; 0 where a log does
    /// not say it.
    pub packet: u64,
    /// The number of that packet in the file, from 1; of a log, that of the record.
    pub frame: u64,
    /// When it was seen.
    #[serde(with = "crate::flow::instant")]
    pub at: Timestamp,
    /// What the client had sent by then, as far as the capture holds it.
    pub payload: SeenPayload,
}

/// The first request that was not kept since it differs from one that is in no more than the path.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MorePaths {
    /// The index of the opening that it is like.
    pub like: usize,
    /// How many openings stand before it.
    pub behind: usize,
    /// The request itself, without what it asked for.
    pub opening: Opening,
}

/// A flow of a capture: a connection, or the datagrams between two endpoints.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CapturedFlow {
    /// The protocol of the IP header, behind the extension headers of IPv6.
    pub protocol: IpProtocol,
    /// The initiator: the sender of the first SYN, else the receiver of the SYN-ACK, else the
    /// sender of the first packet seen.
    pub source: IpAddr,
    /// The initiator's port; 0 where the protocol has none.
    pub source_port: u16,
    /// Whether the other end is the likelier initiator: of a capture that has no handshake of the flow, the
    /// other end asked, or nobody did and its port is the higher one.
    pub may_be_turned: bool,
    /// The other end; `None` where a log does not say it, as that of an application rule.
    pub destination: Option<IpAddr>,
    /// Its port; 0 where the protocol has none.
    pub destination_port: u16,
    /// The application protocol.
    pub application: Application,
    /// The name in the first ClientHello or request, if it shows one.
    pub name: Option<Host>,
    /// How many IP headers lie outside this flow's; 0 is what a router on the wire sees.
    pub depth: u8,
    /// Which of the files that are read together holds its first packet, from 0.
    pub file: usize,
    /// When the first packet was seen.
    #[serde(with = "crate::flow::instant")]
    pub first: Timestamp,
    /// When the last packet was seen.
    #[serde(with = "crate::flow::instant")]
    pub last: Timestamp,
    /// The number of the first packet in the file, from 1. Of a log it is that of the first record:
    /// the line where a line is a record, else which tuple or object of the file it is.
    pub frame: u64,
    /// IP datagrams in both directions; a fragmented one counts once, when it is complete. `None`
    /// where a log does not count them.
    pub packets: Option<u64>,
    /// Bytes of those datagrams on the wire, IP headers included; of a log, what it counts. `None`
    /// where it does not.
    pub bytes: Option<u64>,
    /// Whether the opening SYN was captured, or the log says when the connection began; false where
    /// the protocol has none.
    pub syn: bool,
    /// Whether the other end sent anything but a reset. On a port that the firewall proxies this
    /// says nothing about the real server (`azure-firewall.md §1.6`).
    pub answered: bool,
    /// The names that the flow showed, each once, in the order in which they were first seen.
    pub names: Vec<SeenName>,
    /// What the flow asked of the firewall, in order: the SYN, the first bytes, each further
    /// request. Never empty.
    pub openings: Vec<Opening>,
    /// Requests beyond those in `openings`, which are capped, that are not one of those once more. They
    /// differ from one in no more than the path, or an opening stands for them of which nothing but the
    /// kind is known.
    pub openings_left_out: u64,
    /// Which requests of those that are kept others were like that are not, for each the first, in their
    /// order.
    pub more_paths: Vec<MorePaths>,
    /// Whether bytes that a name could have stood in are missing: cut by the snapshot length, lost
    /// by the capture, or beyond a limit of this reader.
    pub incomplete: bool,
    /// What else has to be known of it.
    pub notes: BTreeSet<Note>,
    /// Packets that were seen again on another interface or side of this host, and not counted.
    pub copies: u64,
    /// What was seen of DNS in it beside answers; `None` of most flows.
    pub asides: Option<Box<BTreeSet<DnsAside>>>,
    /// The source that this flow had before source NAT, where both sides were captured.
    pub translated_from: Option<SocketAddr>,
    /// What the log says became of it; `None` where it says nothing, as a capture.
    pub recorded: Option<Arc<Recorded>>,
}

impl CapturedFlow {
    /// The same flow with the other end as its initiator; `None` where a log does not say who that is.
    pub fn turned(&self) -> Option<CapturedFlow> {
        let source = self.destination?;
        Some(CapturedFlow {
            source,
            source_port: self.destination_port,
            destination: Some(self.source),
            destination_port: self.source_port,
            ..self.clone()
        })
    }

    /// The same flow with an opening in the place of the first request that is not kept, if paths are looked
    /// at of requests for its host, as `by_path` says: it may have asked for any.
    pub fn with_more_paths(
        &self,
        by_path: impl Fn(Option<&Host>) -> bool,
    ) -> Cow<'_, CapturedFlow> {
        let is_looked_at =
            |one: &&MorePaths| match self.openings.get(one.like).map(|one| &one.payload) {
                Some(SeenPayload::Exactly(Payload::Http(request))) => {
                    by_path(request.host.as_ref())
                }
                Some(_) | None => false,
            };
        let Some(MorePaths { behind, opening, .. }) = self.more_paths.iter().find(is_looked_at)
        else {
            return Cow::Borrowed(self);
        };
        let mut flow = CapturedFlow { more_paths: Vec::new(), ..self.clone() };
        flow.openings.insert((*behind).min(flow.openings.len()), opening.clone());
        Cow::Owned(flow)
    }

    /// The flow as the question that one of its openings is; `None` where its destination is not
    /// known.
    pub fn question(&self, opening: &Opening) -> Option<Observation> {
        Some(Observation {
            source: self.source,
            source_port: Some(self.source_port),
            destination: self.destination?,
            destination_port: self.destination_port,
            protocol: self.protocol,
            payload: opening.payload.clone(),
        })
    }
}

//! The flow that a record tells of, before its format says more.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::sync::Arc;

use jiff::Timestamp;

use super::open::Weighs;
use super::text::Field;
use crate::capture::captured::Application;
use crate::capture::captured::CapturedFlow;
use crate::capture::captured::MOST_OPENINGS;
use crate::capture::captured::NameOrigin;
use crate::capture::captured::Opening;
use crate::capture::captured::SeenName;
use crate::capture::names::Shown;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::Request;
use crate::flow::SeenPayload;

/// Characters kept of a rule's name or a reason: Azure's names have at most 80.
const MOST_WORDS: usize = 1024;

/// The ends of a flow as a record has them, the initiator first where the record says so.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Ends {
    pub(super) protocol: IpProtocol,
    pub(super) source: IpAddr,
    pub(super) source_port: u16,
    pub(super) destination: Option<IpAddr>,
    pub(super) destination_port: u16,
}

impl Ends {
    /// The same ends, the lower one first.
    pub(super) fn undirected(&self) -> Ends {
        let turned = self.turned();
        let is_low =
            (Some(self.source), self.source_port) <= (self.destination, self.destination_port);
        if is_low { *self } else { turned }
    }

    /// The ends with the other as source. Of a flow without a known destination they are the same.
    pub(super) fn turned(&self) -> Ends {
        let Some(destination) = self.destination else { return *self };
        Ends {
            protocol: self.protocol,
            source: destination,
            source_port: self.destination_port,
            destination: Some(self.source),
            destination_port: self.source_port,
        }
    }

    /// A flow of which nothing else is known. It asks nothing yet: see [`complete`].
    pub(super) fn flow(&self, at: Timestamp, frame: u64) -> CapturedFlow {
        CapturedFlow {
            protocol: self.protocol,
            source: self.source,
            source_port: self.source_port,
            may_be_turned: false,
            destination: self.destination,
            destination_port: self.destination_port,
            application: Application::Other,
            name: None,
            depth: 0,
            first: at,
            last: at,
            frame,
            packets: None,
            bytes: None,
            syn: false,
            answered: false,
            names: Vec::new(),
            openings: Vec::new(),
            openings_left_out: 0,
            more_paths: Vec::new(),
            notes: BTreeSet::new(),
            incomplete: false,
            copies: 0,
            asides: None,
            translated_from: None,
            file: 0,
            recorded: None,
        }
    }
}

/// The port that a packet of `protocol` goes to, or comes from: who has ports has one.
///
/// # Errors
/// That it cannot be read, or is not there.
pub(super) fn port(field: Field<'_>, protocol: IpProtocol) -> Result<u16, String> {
    let has_ports = protocol.has_ports() || protocol == IpProtocol::SCTP;
    match field.number()? {
        None if has_ports => Err(field.lacks()),
        port => Ok(port.unwrap_or(0)),
    }
}

/// The name of a rule, or a reason, as it is kept.
pub(super) fn words(text: &str) -> Arc<str> {
    match text.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => text.get(..end).unwrap_or_default().into(),
        None => text.into(),
    }
}

impl Weighs for CapturedFlow {
    fn weight(&self) -> usize {
        let paths = self.openings.iter().map(|opening| match &opening.payload {
            SeenPayload::Exactly(Payload::Http(request)) => request.path.len(),
            SeenPayload::Exactly(_)
            | SeenPayload::Kind(_)
            | SeenPayload::Unread(_)
            | SeenPayload::Unknown => 0,
        });
        let openings = size_of::<Opening>() * self.openings.len() + paths.sum::<usize>();
        openings + size_of::<SeenName>() * self.names.len()
    }
}

/// Adds that the flow asked for something, and the name that it showed.
pub(super) fn ask(flow: &mut CapturedFlow, payload: Payload, at: Timestamp, frame: u64) {
    let name = payload.wire_name().cloned();
    let origin = match &payload {
        Payload::Http(_) => NameOrigin::Host,
        Payload::Mssql { .. } => NameOrigin::TdsSni,
        Payload::Silent | Payload::Other | Payload::Tls { .. } | Payload::Quic { .. } => {
            NameOrigin::Sni
        }
    };
    if flow.openings.is_empty() {
        flow.application = application(payload.kind());
        flow.name.clone_from(&name);
    }
    if let Some(name) = name {
        add_name(flow, name, origin, at);
    }
    add_opening(flow, SeenPayload::Exactly(payload), at, frame);
}

/// Adds that the flow asked for something of which nothing but the kind is known.
pub(super) fn ask_unseen(flow: &mut CapturedFlow, kind: PayloadKind, at: Timestamp, frame: u64) {
    if flow.openings.is_empty() {
        flow.application = application(kind);
    }
    add_opening(flow, SeenPayload::Kind(kind), at, frame);
}

/// Adds an opening, or counts it where there are too many.
pub(super) fn add_opening(
    flow: &mut CapturedFlow,
    payload: SeenPayload,
    at: Timestamp,
    frame: u64,
) {
    if flow.openings.len() < MOST_OPENINGS {
        flow.openings.push(Opening { packet: 0, frame, at, payload });
        return;
    }
    // One more stands for all that are left out, of which nothing but the kind is told.
    if flow.openings_left_out == 0 {
        let payload = payload.unread();
        flow.openings.push(Opening { packet: 0, frame, at, payload });
    }
    flow.openings_left_out += 1;
}

/// Adds a name that the flow showed or DNS told, once.
pub(super) fn add_name(flow: &mut CapturedFlow, name: Host, origin: NameOrigin, at: Timestamp) {
    let is_known = flow.names.iter().any(|seen| seen.name == name && seen.origin == origin);
    if !is_known && flow.names.len() < MOST_OPENINGS {
        flow.names.push(SeenName { name, origin, at, packet: 0 });
    }
}

/// Gives a flow that asks nothing the opening that its application has, or `payload` where that is
/// not known.
pub(super) fn complete(flow: &mut CapturedFlow, payload: SeenPayload) {
    if flow.openings.is_empty() {
        let payload = match flow.application.payload_kind() {
            Some(kind) => SeenPayload::Kind(kind),
            None if flow.application == Application::Dns => SeenPayload::Exactly(Payload::Other),
            None => payload,
        };
        flow.openings.push(Opening { packet: 0, frame: flow.frame, at: flow.first, payload });
    }
}

/// What is known of a payload of which a log says nothing: nothing, where it can have a name.
pub(super) fn unknown_payload(protocol: IpProtocol) -> SeenPayload {
    if protocol.has_ports() { SeenPayload::Unknown } else { SeenPayload::Exactly(Payload::Other) }
}

pub(super) fn application(kind: PayloadKind) -> Application {
    match kind {
        PayloadKind::Silent | PayloadKind::Other => Application::Other,
        PayloadKind::Tls => Application::Tls,
        PayloadKind::Http => Application::Http,
        PayloadKind::Mssql => Application::Mssql,
        PayloadKind::Quic => Application::Quic,
    }
}

/// The host that a log has as name; `None` where it has none, or none that can be read.
pub(super) fn host(text: &str) -> Option<Host> {
    match Shown::read(text.trim().as_bytes()) {
        Shown::Host(host) => Some(host),
        Shown::Nothing | Shown::Unreadable => None,
    }
}

/// An address as flows have it: IPv4 also where a log writes it as IPv6 (RFC 4291 §2.5.5.2).
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.trim().parse().ok()?;
    Some(unmapped(address))
}

fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => Ipv6Addr::to_ipv4_mapped(&v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// A protocol by its name or number, in any case; `None` for what is no protocol of IP.
pub(super) fn protocol(text: &str) -> Option<IpProtocol> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(IpProtocol(number));
    }
    let word = text.to_ascii_lowercase();
    let word = match word.as_str() {
        "t" => "tcp",
        "u" => "udp",
        "ipv6-icmp" | "icmpv4v6" => "icmpv6",
        "icmpv4" => "icmp",
        "ospfigp" => "ospf",
        word if word.starts_with("icmpv6") => "icmpv6",
        word if word.starts_with("icmp") => "icmp",
        word => word,
    };
    let named = NAMES.iter().find(|(name, _)| *name == word).map(|(_, number)| IpProtocol(*number));
    named
        .or_else(|| (0..=u8::MAX).map(IpProtocol).find(|protocol| protocol.keyword() == Some(word)))
}

/// Protocols that logs name and flows as JSON have by their number (IANA, Assigned Internet Protocol
/// Numbers).
const NAMES: [(&str, u8); 27] = [
    ("ggp", 3),
    ("ip-encap", 4),
    ("ip-in-ip", 4),
    ("ipencap", 4),
    ("ipip", 4),
    ("st", 5),
    ("cbt", 7),
    ("egp", 8),
    ("igp", 9),
    ("dccp", 33),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("dsr", 48),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("etherip", 97),
    ("encap", 98),
    ("ipcomp", 108),
    ("pgm", 113),
    ("l2tp", 115),
    ("is-is", 124),
    ("fc", 133),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
];

/// A host as it is written, and the port behind it where there is one.
pub(super) fn authority(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && (!name.contains(':') || name.ends_with(']')) => {
            (name, port.parse().ok())
        }
        Some(_) | None => (text, None),
    }
}

/// The request to a host, with its port or without, for a path.
pub(super) fn request(host_and_port: &str, path: &str) -> Request {
    let (name, port) = authority(host_and_port);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Request { host: host(name), port, path }
}

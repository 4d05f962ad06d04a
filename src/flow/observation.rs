//! What was seen of a flow, which may be less than the flow.

use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use serde::Serialize;

use super::payload::Payload;
use super::payload::PayloadKind;
use super::protocol::IpProtocol;
use super::question::Flow;
use super::question::write_endpoint;
use super::question::write_service;

/// How much of a payload is known.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum SeenPayload {
    /// All of it.
    Exactly(Payload),
    /// The protocol, but not what the client said: the hello or request was not captured.
    Kind(PayloadKind),
    /// Nothing, as in a flow log.
    Unknown,
    /// That of something which cannot be told beside what can: a name was shown that may not be the one,
    /// or something was asked that was not seen behind what was; with its protocol where that is known.
    /// What DNS told says nothing of it.
    Unread(Option<PayloadKind>),
}

impl SeenPayload {
    /// Whether it is known that the client said nothing: a handshake was all.
    pub fn is_silent(&self) -> bool {
        matches!(
            self,
            SeenPayload::Exactly(Payload::Silent) | SeenPayload::Kind(PayloadKind::Silent)
        )
    }

    /// What is known of the protocol.
    pub fn kind(&self) -> Option<PayloadKind> {
        match self {
            SeenPayload::Exactly(payload) => Some(payload.kind()),
            SeenPayload::Kind(kind) => Some(*kind),
            SeenPayload::Unread(kind) => *kind,
            SeenPayload::Unknown => None,
        }
    }

    /// The same as if it could not be told.
    #[must_use]
    pub fn unread(&self) -> SeenPayload {
        SeenPayload::Unread(self.kind())
    }

    /// The same as if nothing but its kind had been seen.
    #[must_use]
    pub fn without_name(self) -> SeenPayload {
        match self {
            SeenPayload::Exactly(payload) => SeenPayload::Kind(payload.kind()),
            SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => self,
        }
    }
}

/// An observation: the flows that are consistent with what was recorded.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Observation {
    /// The address of the initiator.
    pub source: IpAddr,
    /// The initiator's port, where known.
    pub source_port: Option<u16>,
    /// The address that the initiator sends to.
    pub destination: IpAddr,
    /// The port that the initiator sends to; 0 where the protocol has none.
    pub destination_port: u16,
    /// The protocol.
    pub protocol: IpProtocol,
    /// What is known of the payload.
    pub payload: SeenPayload,
}

impl From<Flow> for Observation {
    fn from(flow: Flow) -> Observation {
        Observation {
            source: flow.source,
            source_port: Some(flow.source_port),
            destination: flow.destination,
            destination_port: flow.destination_port,
            protocol: flow.protocol,
            payload: SeenPayload::Exactly(flow.payload),
        }
    }
}

impl Observation {
    /// Protocol and port as the notation has them, such as `tcp/443`.
    pub fn service(&self) -> impl fmt::Display {
        let (protocol, port) = (self.protocol, self.destination_port);
        fmt::from_fn(move |f| write_service(f, protocol, port))
    }

    /// The flow with `payload` that this observation would be, if `payload` is what was sent.
    pub fn with_payload(&self, payload: Payload) -> Flow {
        Flow {
            source: self.source,
            source_port: self.source_port.unwrap_or(0),
            destination: self.destination,
            destination_port: self.destination_port,
            protocol: self.protocol,
            payload,
        }
    }
}

impl Observation {
    fn write_ends(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_endpoint(f, self.source, self.source_port.filter(|port| *port != 0))?;
        f.write_str(" -> ")?;
        write_endpoint(f, self.destination, None)?;
        f.write_str(" : ")?;
        write_service(f, self.protocol, self.destination_port)
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.payload {
            SeenPayload::Exactly(payload) => self.with_payload(payload.clone()).fmt(f),
            SeenPayload::Kind(_) | SeenPayload::Unknown => self.write_ends(f),
            SeenPayload::Unread(kind) => {
                self.write_ends(f)?;
                f.write_str(" unread")?;
                kind.iter().try_for_each(|kind| write!(f, " {}", kind.keyword()))
            }
        }
    }
}

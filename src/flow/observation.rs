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
}

impl SeenPayload {
    /// Whether it is known that the client said nothing: a handshake was all.
    pub fn is_silent(&self) -> bool {
        matches!(
            self,
            SeenPayload::Exactly(Payload::Silent) | SeenPayload::Kind(PayloadKind::Silent)
        )
    }

    /// The same as if nothing but its kind had been seen.
    #[must_use]
    pub fn without_name(self) -> SeenPayload {
        match self {
            SeenPayload::Exactly(payload) => SeenPayload::Kind(payload.kind()),
            SeenPayload::Kind(_) | SeenPayload::Unknown => self,
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

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.payload {
            SeenPayload::Exactly(payload) => self.with_payload(payload.clone()).fmt(f),
            SeenPayload::Kind(_) | SeenPayload::Unknown => {
                write_endpoint(f, self.source, self.source_port.filter(|port| *port != 0))?;
                f.write_str(" -> ")?;
                write_endpoint(f, self.destination, None)?;
                f.write_str(" : ")?;
                write_service(f, self.protocol, self.destination_port)
            }
        }
    }
}

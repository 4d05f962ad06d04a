//! What a flow has shown: its protocol, its names, what it asked of the firewall.

use jiff::Timestamp;

use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::SeenPayload;

use super::captured::Application;
use super::captured::NameOrigin;
use super::captured::Opening;
use super::captured::SeenName;
use super::dialogue::Heard;

/// Openings and names kept of one flow; a connection with more requests is one long story of the
/// same kind.
const MOST_OPENINGS: usize = 1024;

/// What a flow has shown so far.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// `None` while nothing was recognised.
    pub(super) application: Option<Application>,
    /// Whether the client's first bytes are known to be of no known protocol.
    pub(super) unknown: bool,
    pub(super) names: Vec<SeenName>,
    pub(super) openings: Vec<Opening>,
    pub(super) left_out: u64,
    /// Bytes of the openings and names.
    pub(super) held: usize,
    pub(super) incomplete: bool,
    /// The packet at which the application was recognised.
    recognised: Option<Mark>,
}

/// A packet, as openings refer to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) packet: u64,
    pub(super) frame: u64,
    pub(super) at: Timestamp,
}

impl Story {
    /// Takes what was heard in the packet at `mark`.
    pub(super) fn hear(&mut self, heard: Heard<'_>, mark: Mark) {
        match heard {
            Heard::Application(application) => {
                if self.application.is_none() && !self.unknown {
                    self.application = Some(application);
                    self.recognised = Some(mark);
                }
            }
            Heard::Opening(payload, name) => {
                self.open(payload, mark);
                if let Some((name, origin)) = name {
                    self.name(name, origin, mark);
                }
            }
            Heard::Unknown => {
                // What the server said first may have been taken for something.
                if self.application.is_none() {
                    self.unknown = true;
                    self.open(SeenPayload::Exactly(Payload::Other), mark);
                }
            }
            Heard::Incomplete => self.incomplete = true,
            Heard::Dns(_) => {}
        }
    }

    /// Adds an opening.
    pub(super) fn open(&mut self, payload: SeenPayload, mark: Mark) {
        if self.openings.len() >= MOST_OPENINGS {
            self.left_out += 1;
            return;
        }
        self.held += size_of::<Opening>() + path_length(&payload);
        let Mark { packet, frame, at } = mark;
        self.openings.push(Opening { packet, frame, at, payload });
    }

    fn name(&mut self, name: Host, origin: NameOrigin, mark: Mark) {
        let is_known = self.names.iter().any(|seen| seen.name == name && seen.origin == origin);
        if !is_known && self.names.len() < MOST_OPENINGS {
            self.held += size_of::<SeenName>();
            self.names.push(SeenName { name, origin, at: mark.at, packet: mark.packet });
        }
    }

    /// Adds what is known of a request that was not seen whole, so that every flow has an opening.
    /// A client that is known to have sent nothing asked for nothing, whatever the server said.
    pub(super) fn complete(&mut self, protocol: IpProtocol, was_silent: bool, first: Mark) {
        let asked = self
            .openings
            .iter()
            .any(|opening| opening.payload != SeenPayload::Exactly(Payload::Silent));
        if asked || (was_silent && !self.openings.is_empty()) {
            return;
        }
        let payload = match self.application {
            Some(Application::Tls) => SeenPayload::Kind(PayloadKind::Tls),
            Some(Application::Http) => SeenPayload::Kind(PayloadKind::Http),
            Some(Application::Quic) => SeenPayload::Kind(PayloadKind::Quic),
            Some(Application::Mssql) => SeenPayload::Kind(PayloadKind::Mssql),
            // A handshake was all, unless its beginning is missing.
            None if !self.openings.is_empty() && !self.incomplete => return,
            None if protocol == IpProtocol::TCP => SeenPayload::Unknown,
            None | Some(Application::Dns | Application::Other) => {
                SeenPayload::Exactly(Payload::Other)
            }
        };
        let Mark { packet, frame, at } = self.recognised.unwrap_or(first);
        self.openings.push(Opening { packet, frame, at, payload });
    }

    /// The name in the first hello or request.
    pub(super) fn first_name(&self) -> Option<&Host> {
        self.openings.iter().find_map(|opening| match &opening.payload {
            SeenPayload::Exactly(Payload::Silent) => None,
            SeenPayload::Exactly(payload) => Some(payload.wire_name()),
            SeenPayload::Kind(_) | SeenPayload::Unknown => Some(None),
        })?
    }
}

/// The part of a payload that can be long.
fn path_length(payload: &SeenPayload) -> usize {
    match payload {
        SeenPayload::Exactly(Payload::Http(request)) => request.path.len(),
        SeenPayload::Exactly(_) | SeenPayload::Kind(_) | SeenPayload::Unknown => 0,
    }
}

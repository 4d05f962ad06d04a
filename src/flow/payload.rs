//! What the client's first bytes of a request are.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use super::name::Host;

/// A request inside HTTP, or inside TLS that the firewall decrypts.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Request {
    /// The host of the `Host` header or the absolute target, or `None` where there is none.
    pub host: Option<Host>,
    /// The port in the `Host` header, where one is written.
    pub port: Option<u16>,
    /// The request target from its first slash, query included; `/` where none was written.
    pub path: String,
}

/// The payload of a flow: exactly one of these (`semantics.md`, Flow).
///
/// The name is the one that the client shows, also where the firewall would ignore it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Payload {
    /// A handshake without bytes.
    Silent,
    /// Bytes of no protocol that the firewall knows.
    Other,
    /// A TLS ClientHello.
    Tls {
        /// The server name it shows (RFC 6066 §3), if any.
        name: Option<Host>,
        /// The request inside, where it is known (inspection).
        inner: Option<Request>,
    },
    /// An HTTP/1 request in the clear.
    Http(Request),
    /// A TDS pre-login, with the server name of the ClientHello inside it, if any.
    Mssql {
        /// The server name.
        name: Option<Host>,
    },
    /// A QUIC Initial.
    Quic {
        /// The server name of the ClientHello inside it, if any.
        name: Option<Host>,
    },
}

/// The kind of a payload, without what it carries.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum PayloadKind {
    /// [`Payload::Silent`].
    Silent,
    /// [`Payload::Other`].
    Other,
    /// [`Payload::Tls`].
    Tls,
    /// [`Payload::Http`].
    Http,
    /// [`Payload::Mssql`].
    Mssql,
    /// [`Payload::Quic`].
    Quic,
}

impl PayloadKind {
    /// The word of the flow notation.
    pub fn keyword(self) -> &'static str {
        match self {
            PayloadKind::Silent => "silent",
            PayloadKind::Other => "other",
            PayloadKind::Tls => "tls",
            PayloadKind::Http => "http",
            PayloadKind::Mssql => "mssql",
            PayloadKind::Quic => "quic",
        }
    }

    /// The kind that `word` names.
    pub fn from_keyword(word: &str) -> Option<PayloadKind> {
        [
            PayloadKind::Silent,
            PayloadKind::Other,
            PayloadKind::Tls,
            PayloadKind::Http,
            PayloadKind::Mssql,
            PayloadKind::Quic,
        ]
        .into_iter()
        .find(|kind| kind.keyword() == word)
    }
}

impl Payload {
    /// The kind of the payload.
    pub fn kind(&self) -> PayloadKind {
        match self {
            Payload::Silent => PayloadKind::Silent,
            Payload::Other => PayloadKind::Other,
            Payload::Tls { .. } => PayloadKind::Tls,
            Payload::Http(_) => PayloadKind::Http,
            Payload::Mssql { .. } => PayloadKind::Mssql,
            Payload::Quic { .. } => PayloadKind::Quic,
        }
    }

    /// The wire name: what the client shows as the host it wants, if anything.
    pub fn wire_name(&self) -> Option<&Host> {
        match self {
            Payload::Silent | Payload::Other => None,
            Payload::Tls { name, .. } | Payload::Mssql { name } | Payload::Quic { name } => {
                name.as_ref()
            }
            Payload::Http(request) => request.host.as_ref(),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}")?;
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if self.path != "/" {
            f.write_str(&self.path)?;
        }
        Ok(())
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().keyword())?;
        match self {
            Payload::Silent | Payload::Other => Ok(()),
            Payload::Tls { name, inner } => {
                if let Some(name) = name {
                    write!(f, " {name}")?;
                }
                match inner {
                    Some(request) => write!(f, " inner {request}"),
                    None => Ok(()),
                }
            }
            Payload::Mssql { name } | Payload::Quic { name } => match name {
                Some(name) => write!(f, " {name}"),
                None => Ok(()),
            },
            Payload::Http(request) => {
                let text = request.to_string();
                if text.is_empty() { Ok(()) } else { write!(f, " {text}") }
            }
        }
    }
}

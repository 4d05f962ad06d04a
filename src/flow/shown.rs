//! What a recorded flow showed beside its payloads: names, each with where it was read, and notes.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use super::name::Host;

/// Where in a flow a name was read.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum NameOrigin {
    /// The server name of a ClientHello (RFC 6066 §3).
    Sni,
    /// The `Host` header of a request, or else the authority of its target (RFC 9112 §3.2).
    Host,
    /// The authority of the target of a request whose `Host` header names another host: to a proxy the
    /// target counts (RFC 9112 §3.2.2), to Azure Firewall the header (`azure-firewall.md §2.5`).
    Target,
    /// The `:authority` of an HTTP/2 request in the clear (RFC 9113 §8.3.1).
    Authority,
    /// The server name of the ClientHello inside a TDS pre-login.
    TdsSni,
    /// The server name of the hello inside the Initials of QUIC (RFC 9001 §5.2), or inside the first
    /// packet of Google's older versions.
    QuicSni,
    /// The server name of a ClientHello that came later on a connection, as after STARTTLS or
    /// `CONNECT`; no rule of Azure Firewall goes by it.
    LaterSni,
    /// The server name of a ClientHello over datagrams (RFC 6347 §4.2.1), which no rule of Azure
    /// Firewall goes by.
    DtlsSni,
    /// An answer of DNS that held the destination, as a log remembers it: what the client looked up,
    /// not what it showed. Several names of one address may all be meant.
    DnsAnswer,
}

impl NameOrigin {
    /// The word of flows as JSON.
    pub fn keyword(self) -> &'static str {
        match self {
            NameOrigin::Sni => "sni",
            NameOrigin::Host => "host",
            NameOrigin::Target => "target",
            NameOrigin::Authority => "authority",
            NameOrigin::TdsSni => "tds-sni",
            NameOrigin::QuicSni => "quic-sni",
            NameOrigin::LaterSni => "later-sni",
            NameOrigin::DtlsSni => "dtls-sni",
            NameOrigin::DnsAnswer => "dns-answer",
        }
    }
}

/// What a reader of a flow has to know beside its names.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Note {
    /// A ClientHello has the extension of an encrypted one: the name that it shows may be a cover
    /// for another. Browsers send the extension without a meaning as well, and both look the same.
    EncryptedClientHello,
    /// A ClientHello hides its server name as drafts of 2018 did.
    EncryptedServerName,
    /// A segment was sent twice with different bytes. The first ones count here; what the server
    /// took is not known.
    ConflictingSegments,
    /// All packets were seen on the loopback device of a machine: they did not leave it.
    Loopback,
}

impl Note {
    /// The word of flows as JSON.
    pub fn keyword(self) -> &'static str {
        match self {
            Note::EncryptedClientHello => "encrypted-client-hello",
            Note::EncryptedServerName => "encrypted-server-name",
            Note::ConflictingSegments => "conflicting-segments",
            Note::Loopback => "loopback",
        }
    }
}

/// A name that a flow showed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SeenName {
    /// The name.
    pub name: Host,
    /// Where it was read.
    pub origin: NameOrigin,
    /// When the packet that completed it was seen.
    #[serde(with = "crate::flow::instant")]
    pub at: Timestamp,
    /// The index of that packet in the flow, from 1; 0 where a log does not say it.
    pub packet: u64,
}

//! One DNS response.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::nanosecond;
use serde::Deserialize;
use serde::Serialize;

use crate::flow::Fqdn;

/// The response code of a DNS message (RFC 1035 §4.1.1); 0 is no error, 2 SERVFAIL, 3 NXDOMAIN.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ResponseCode(pub u16);

impl ResponseCode {
    /// No error.
    pub const NO_ERROR: ResponseCode = ResponseCode(0);
    /// The server failed.
    pub const SERVER_FAILURE: ResponseCode = ResponseCode(2);
    /// The name does not exist.
    pub const NAME_ERROR: ResponseCode = ResponseCode(3);
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ResponseCode::NO_ERROR => f.write_str("NOERROR"),
            ResponseCode::SERVER_FAILURE => f.write_str("SERVFAIL"),
            ResponseCode::NAME_ERROR => f.write_str("NXDOMAIN"),
            ResponseCode(number) => write!(f, "RCODE {number}"),
        }
    }
}

/// A type of record that carries addresses.
///
/// An answer to a question of another type (MX, HTTPS) is no evidence that a name has no address,
/// so only answers to these are kept.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum RecordType {
    /// An IPv4 address (RFC 1035 §3.4.1).
    A,
    /// An IPv6 address (RFC 3596 §2.1).
    Aaaa,
}

impl RecordType {
    /// All of them.
    pub const ALL: [RecordType; 2] = [RecordType::A, RecordType::Aaaa];

    /// The type whose records hold addresses like `address`.
    pub fn of(address: IpAddr) -> RecordType {
        match address {
            IpAddr::V4(_) => RecordType::A,
            IpAddr::V6(_) => RecordType::Aaaa,
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
        })
    }
}

/// A record of a response that leads from a name towards its addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DnsRecord {
    /// `owner` is an alias of `target` (CNAME).
    Alias {
        /// The alias.
        owner: Fqdn,
        /// What it stands for.
        target: Fqdn,
        /// Seconds that the record may be kept.
        ttl: u32,
    },
    /// `owner` has `address` (A, AAAA).
    Address {
        /// The name.
        owner: Fqdn,
        /// Its address.
        address: IpAddr,
        /// Seconds that the record may be kept.
        ttl: u32,
    },
    /// Records that the response had and the recording has not, as they were cut off or damaged: the
    /// others are not all.
    Lost,
}

/// Whether a client takes a response: it does if the response is the first to a question of its own
/// (RFC 5452 §9.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Solicited {
    /// The recording has the question, between the same two ports, and no earlier response to it.
    Yes,
    /// The recording has questions between these two ports, and none waits for this.
    No,
    /// The recording has its question, and an earlier response to it.
    Again,
    /// The recording has no question between these two ports.
    Unrecorded,
    /// Nobody can tell, or has to: a log pairs them itself, and on a connection nobody else speaks.
    Unsaid,
}

/// What is seen of DNS beside answers. It is no evidence of what there is, and says what may not be
/// said of a client: that it was not told something.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum DnsAside {
    /// A question that has no answer in the recording.
    Unanswered {
        /// The address that asked.
        client: IpAddr,
        /// The address that was asked.
        server: IpAddr,
        /// The name that was asked for; `None` where it may be any.
        name: Option<Fqdn>,
        /// The type of record; `None` where the answer may hold addresses of either.
        asked: Option<RecordType>,
        /// When the question was seen.
        #[serde(with = "nanosecond::required")]
        at: Timestamp,
    },
    /// Questions and responses that the recording may lack, from some time on.
    Unheard {
        /// The address that may have asked and been told anything.
        client: IpAddr,
        /// The address that may have been asked.
        server: IpAddr,
        /// From when on.
        #[serde(with = "nanosecond::required")]
        since: Timestamp,
    },
    /// An address that a response held beside an answer about addresses: a hint of an HTTPS or SVCB
    /// record (RFC 9460 §7.3), or an additional record.
    Hint {
        /// The address that was told.
        client: IpAddr,
        /// The address that told.
        server: IpAddr,
        /// The name that it was told of.
        name: Fqdn,
        /// The address.
        address: IpAddr,
        /// When it was told, where the recording should have the question and has none.
        #[serde(with = "nanosecond::optional")]
        unasked: Option<Timestamp>,
    },
}

impl DnsAside {
    /// The name that it speaks of, if it is one.
    pub fn name(&self) -> Option<&Fqdn> {
        match self {
            DnsAside::Unanswered { name, .. } => name.as_ref(),
            DnsAside::Unheard { .. } => None,
            DnsAside::Hint { name, .. } => Some(name),
        }
    }
}

/// A DNS response as it was seen: who got it, when, and what it said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DnsAnswer {
    /// When the response was seen.
    pub at: Timestamp,
    /// The address that asked.
    pub client: IpAddr,
    /// The address that answered.
    pub server: IpAddr,
    /// Whether the client takes it.
    pub solicited: Solicited,
    /// The name that was asked for.
    pub question: Fqdn,
    /// The type of record that was asked for.
    pub asked: RecordType,
    /// The response code.
    pub code: ResponseCode,
    /// The aliases and addresses of the answer section, in their order.
    pub records: Vec<DnsRecord>,
}

impl DnsAnswer {
    /// The addresses of its records.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.records.iter().filter_map(|record| match record {
            DnsRecord::Address { address, .. } => Some(*address),
            DnsRecord::Alias { .. } | DnsRecord::Lost => None,
        })
    }
}

//! One DNS response.

use std::net::IpAddr;

use jiff::Timestamp;

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
    /// The name that was asked for.
    pub question: Fqdn,
    /// The response code.
    pub code: ResponseCode,
    /// The aliases and addresses of the answer section, in their order.
    pub records: Vec<DnsRecord>,
}

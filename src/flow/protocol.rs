//! IP protocol numbers.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// The protocol field of an IP header, such as 6 for TCP (IANA "Protocol Numbers").
///
/// Every value can occur in a capture, so this is a number with names and no enumeration.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct IpProtocol(pub u8);

impl IpProtocol {
    /// ICMP for IPv4.
    pub const ICMP: IpProtocol = IpProtocol(1);
    /// TCP.
    pub const TCP: IpProtocol = IpProtocol(6);
    /// UDP.
    pub const UDP: IpProtocol = IpProtocol(17);
    /// ICMP for IPv6.
    pub const ICMPV6: IpProtocol = IpProtocol(58);
    /// SCTP.
    pub const SCTP: IpProtocol = IpProtocol(132);

    /// Whether the protocol has port numbers that a network rule can name.
    pub fn has_ports(self) -> bool {
        self == IpProtocol::TCP || self == IpProtocol::UDP
    }

    /// The name used in flows as JSON, or `None` where the number stands for itself (`ip-N`).
    pub fn keyword(self) -> Option<&'static str> {
        KEYWORDS.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }
}

/// The names in flows as JSON.
const KEYWORDS: &[(u8, &str)] = &[
    (0, "hopopt"),
    (1, "icmp"),
    (2, "igmp"),
    (6, "tcp"),
    (17, "udp"),
    (41, "ipv6"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "icmpv6"),
    (88, "eigrp"),
    (89, "ospf"),
    (103, "pim"),
    (112, "vrrp"),
    (132, "sctp"),
    (136, "udplite"),
    (137, "mpls-in-ip"),
];

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.keyword() {
            Some(name) => f.write_str(name),
            None => write!(f, "ip-{}", self.0),
        }
    }
}

//! Rules of the three kinds, with every field of `azure-firewall.md §7`.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::address::AddressEntry;
use super::address::DestinationEntry;
use super::key::Key;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::PortRange;

/// The ports to which Azure SQL sends clients on (`azure-firewall.md §2.11`).
pub const SQL_REDIRECT_PORTS: RangeInclusive<u16> = 11_000..=11_999;

/// Where a rule's flows come from: any of the addresses or groups.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sources {
    /// `sourceAddresses`.
    pub addresses: Vec<AddressEntry>,
    /// `sourceIpGroups`.
    pub ip_groups: Vec<Key>,
}

/// The protocol of an application rule.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ApplicationProtocolType {
    /// HTTP in the clear.
    Http,
    /// TLS.
    Https,
    /// TDS.
    Mssql,
}

impl ApplicationProtocolType {
    /// Azure's word.
    pub fn keyword(self) -> &'static str {
        match self {
            ApplicationProtocolType::Http => "Http",
            ApplicationProtocolType::Https => "Https",
            ApplicationProtocolType::Mssql => "Mssql",
        }
    }
}

/// One protocol and port of an application rule; both must fit (`azure-firewall.md §2.2`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApplicationProtocol {
    /// `protocolType`.
    pub protocol: ApplicationProtocolType,
    /// `port`.
    pub port: u16,
}

/// A pattern of `targetUrls`: a host and, where written, a path (`azure-firewall.md §2.4`).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UrlPattern {
    /// The host part.
    pub host: FqdnPattern,
    /// The path from its first slash, with a final `*` for a prefix; empty where none is written.
    pub path: String,
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host, self.path)
    }
}

/// A header that the firewall inserts (`azure-firewall.md §2.10`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpHeader {
    /// `headerName`.
    pub name: String,
    /// `headerValue`.
    pub value: String,
}

/// An application rule (`azure-firewall.md §2.1`). The targets are alternatives.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ApplicationRule {
    /// `name`.
    pub name: String,
    /// `description`.
    pub description: Option<String>,
    /// `sourceAddresses` and `sourceIpGroups`.
    pub sources: Sources,
    /// `protocols`.
    pub protocols: Vec<ApplicationProtocol>,
    /// `targetFqdns`.
    pub target_fqdns: Vec<FqdnPattern>,
    /// Addresses among `targetFqdns`, which match nothing: only `*` matches a host that is an
    /// address (`azure-firewall.md §2.3`, modelling choice).
    pub target_addresses: Vec<IpAddr>,
    /// `targetUrls`.
    pub target_urls: Vec<UrlPattern>,
    /// `fqdnTags`.
    pub fqdn_tags: Vec<String>,
    /// `webCategories`.
    pub web_categories: Vec<String>,
    /// `destinationAddresses`.
    pub destination_addresses: Vec<DestinationEntry>,
    /// `terminateTLS`.
    pub terminate_tls: bool,
    /// `httpHeadersToInsert`.
    pub http_headers: Vec<HttpHeader>,
    /// Targets that an import could not know, by the names of `Deployment::unknowns`.
    pub unknown_targets: Vec<String>,
}

/// The protocol of a network or NAT rule.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NetworkProtocol {
    /// Every protocol; with ports, TCP and UDP (`azure-firewall.md §1.12`).
    Any,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, whatever the ports.
    Icmp,
}

impl NetworkProtocol {
    /// Azure's word.
    pub fn keyword(self) -> &'static str {
        match self {
            NetworkProtocol::Any => "Any",
            NetworkProtocol::Tcp => "TCP",
            NetworkProtocol::Udp => "UDP",
            NetworkProtocol::Icmp => "ICMP",
        }
    }
}

/// An entry of `destinationPorts`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PortEntry {
    /// `*`.
    Any,
    /// A port or a range of ports.
    Range(PortRange),
}

impl PortEntry {
    /// Whether the entry holds `port`.
    pub fn contains(self, port: u16) -> bool {
        match self {
            PortEntry::Any => true,
            PortEntry::Range(range) => range.contains(port),
        }
    }

    /// The ports; every port for `*`.
    pub fn range(self) -> PortRange {
        match self {
            PortEntry::Any => PortRange::ALL,
            PortEntry::Range(range) => range,
        }
    }
}

impl fmt::Display for PortEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortEntry::Any => f.write_str("*"),
            PortEntry::Range(range) => range.fmt(f),
        }
    }
}

/// A network rule (`azure-firewall.md §3.1`). The kinds of destination are alternatives.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NetworkRule {
    /// `name`.
    pub name: String,
    /// `description`.
    pub description: Option<String>,
    /// `ipProtocols`.
    pub protocols: Vec<NetworkProtocol>,
    /// `sourceAddresses` and `sourceIpGroups`.
    pub sources: Sources,
    /// `destinationAddresses`.
    pub destination_addresses: Vec<DestinationEntry>,
    /// `destinationIpGroups`.
    pub destination_ip_groups: Vec<Key>,
    /// `destinationFqdns`.
    pub destination_fqdns: Vec<Fqdn>,
    /// `destinationPorts`.
    pub destination_ports: Vec<PortEntry>,
}

/// Where a NAT rule sends a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Translation {
    /// `translatedAddress`.
    Address(IpAddr),
    /// `translatedFqdn`; the first address of the answer is used.
    Fqdn(Fqdn),
}

/// A NAT rule (`azure-firewall.md §4.1`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NatRule {
    /// `name`.
    pub name: String,
    /// `description`.
    pub description: Option<String>,
    /// `ipProtocols`.
    pub protocols: Vec<NetworkProtocol>,
    /// `sourceAddresses` and `sourceIpGroups`.
    pub sources: Sources,
    /// `destinationAddresses`: addresses of the firewall.
    pub destination_addresses: Vec<AddressEntry>,
    /// `destinationPorts`.
    pub destination_ports: Vec<PortEntry>,
    /// `translatedAddress` or `translatedFqdn`.
    pub translation: Translation,
    /// `translatedPort`.
    pub translated_port: u16,
}

//! Single values as text: addresses, ports, protocols, names, numbers.
//!
//! Each is written as ARM writes it. What ARM has no notation for is an unknown list of addresses:
//! it is `unknown:NAME`, which no address, range or tag can look like.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::de;

use super::reading::Reading;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::address::ServiceTag;
use crate::azure::key::Priority;
use crate::azure::policy::PrivateRange;
use crate::azure::policy::ThreatIntelMode;
use crate::azure::policy::Tier;
use crate::azure::route::RouteDestination;
use crate::azure::rule::ApplicationProtocol;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::PortEntry;
use crate::azure::rule::UrlPattern;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::PortRange;
use crate::flow::address::AddressRange;

const UNKNOWN: &str = "unknown:";
const IANA_PRIVATE_RANGES: &str = "IANAPrivateRanges";

/// A whole number as JSON has it, before its range is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Number(pub(super) i64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        struct Whole;
        impl de::Visitor<'_> for Whole {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                // What is out of this range is out of every range that is asked for later.
                Ok(Number(i64::try_from(number).unwrap_or(i64::MAX)))
            }
        }
        deserializer.deserialize_i64(Whole)
    }
}

impl From<u16> for Number {
    fn from(number: u16) -> Number {
        Number(i64::from(number))
    }
}

impl Number {
    /// The number as a port, 1 to 65535.
    pub(super) fn port(self, reading: &mut Reading) -> Option<u16> {
        let port = u16::try_from(self.0).ok().filter(|port| *port != 0);
        if port.is_none() {
            reading.object(format!("expected a port from 1 to 65535, found `{}`", self.0));
        }
        port
    }

    /// The number as the priority of a group or collection.
    pub(super) fn priority(self, reading: &mut Reading) -> Option<Priority> {
        let priority = u16::try_from(self.0).ok().and_then(Priority::new);
        if priority.is_none() {
            let (first, last) = (Priority::FIRST, Priority::LAST);
            reading
                .object(format!("expected a priority from {first} to {last}, found `{}`", self.0));
        }
        priority
    }
}

/// An entry of a list of addresses as text.
pub(super) fn address_text(entry: &AddressEntry) -> String {
    match entry {
        AddressEntry::Unknown(name) => format!("{UNKNOWN}{name}"),
        AddressEntry::Any
        | AddressEntry::Address(_)
        | AddressEntry::Prefix(_)
        | AddressEntry::Range(_) => entry.to_string(),
    }
}

/// Reads an entry of a list of addresses.
pub(super) fn address(text: &str, reading: &mut Reading) -> Option<AddressEntry> {
    let entry = plain_address(text);
    if entry.is_none() {
        reading.object(format!("expected an address, prefix, range `a-b` or `*`, found `{text}`"));
    }
    entry
}

fn plain_address(text: &str) -> Option<AddressEntry> {
    if text == "*" {
        return Some(AddressEntry::Any);
    }
    if let Some(name) = text.strip_prefix(UNKNOWN) {
        return Some(AddressEntry::Unknown(name.to_owned()));
    }
    if let Ok(address) = text.parse() {
        return Some(AddressEntry::Address(address));
    }
    if let Ok(prefix) = text.parse() {
        return Some(AddressEntry::Prefix(prefix));
    }
    let (first, last) = text.split_once('-')?;
    AddressRange::new(first.parse().ok()?, last.parse().ok()?).map(AddressEntry::Range)
}

/// An entry of a list of destinations as text.
pub(super) fn destination_text(entry: &DestinationEntry) -> String {
    match entry {
        DestinationEntry::Addresses(entry) => address_text(entry),
        DestinationEntry::ServiceTag(tag) => tag.to_string(),
    }
}

/// Reads an entry of a list of destinations.
pub(super) fn destination(text: &str, reading: &mut Reading) -> Option<DestinationEntry> {
    let addresses = plain_address(text).map(DestinationEntry::Addresses);
    let entry = addresses.or_else(|| service_tag(text).map(DestinationEntry::ServiceTag));
    if entry.is_none() {
        reading.object(format!(
            "expected an address, prefix, range `a-b`, `*` or service tag, found `{text}`"
        ));
    }
    entry
}

/// A tag begins with a letter and has at most one dot, before the region. That keeps mistyped
/// addresses and most host names out (`azure-firewall.md §3.1`: Azure refuses both); which tags
/// exist is not known here, since the list grows (`azure-firewall.md §3.3`).
fn service_tag(text: &str) -> Option<ServiceTag> {
    let shape = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_')
        && text.matches('.').count() <= 1
        && !text.ends_with('.');
    shape.then(|| ServiceTag(text.to_owned()))
}

/// Reads the destination of a route.
pub(super) fn route_destination(text: &str, reading: &mut Reading) -> Option<RouteDestination> {
    let prefix = text.parse().ok().map(RouteDestination::Prefix);
    let destination = prefix.or_else(|| service_tag(text).map(RouteDestination::ServiceTag));
    if destination.is_none() {
        reading.object(format!("expected a prefix or service tag, found `{text}`"));
    }
    destination
}

/// Reads a single address.
pub(super) fn single_address(text: &str, reading: &mut Reading) -> Option<IpAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        reading.object(format!("expected an address, found `{text}`"));
    }
    address
}

/// Reads a prefix. Bits below the mask are kept as written.
pub(super) fn prefix(text: &str, reading: &mut Reading) -> Option<IpNet> {
    let prefix = text.parse().ok();
    if prefix.is_none() {
        reading.object(format!("expected a prefix such as `10.1.0.0/16`, found `{text}`"));
    }
    prefix
}

/// An entry of `snat.privateRanges` as text.
pub(super) fn private_range_text(range: &PrivateRange) -> String {
    match range {
        PrivateRange::Iana => IANA_PRIVATE_RANGES.to_owned(),
        PrivateRange::Prefix(prefix) => prefix.to_string(),
    }
}

/// Reads an entry of `snat.privateRanges`.
pub(super) fn private_range(text: &str, reading: &mut Reading) -> Option<PrivateRange> {
    if text == IANA_PRIVATE_RANGES {
        return Some(PrivateRange::Iana);
    }
    let prefix = text.parse().ok().map(PrivateRange::Prefix);
    if prefix.is_none() {
        reading.object(format!("expected a prefix or `{IANA_PRIVATE_RANGES}`, found `{text}`"));
    }
    prefix
}

/// Reads a host name.
pub(super) fn fqdn(text: &str, reading: &mut Reading) -> Option<Fqdn> {
    let name = Fqdn::parse(text);
    name.map_err(|error| reading.object(format!("expected a host name, found `{text}`: {error}")))
        .ok()
}

/// Reads a pattern for host names.
pub(super) fn pattern(text: &str, reading: &mut Reading) -> Option<FqdnPattern> {
    let pattern = FqdnPattern::parse(text);
    let object = |error| {
        reading.object(format!("expected a host name or `*` and its end, found `{text}`: {error}"));
    };
    pattern.map_err(object).ok()
}

/// An entry of `targetFqdns`.
pub(super) enum Target {
    Pattern(FqdnPattern),
    /// Azure takes it, and it matches nothing (`azure-firewall.md §2.3`, modelling choice).
    Address(IpAddr),
}

/// Reads an entry of `targetFqdns`.
pub(super) fn target(text: &str, reading: &mut Reading) -> Option<Target> {
    if let Ok(address) = text.parse() {
        return Some(Target::Address(address));
    }
    pattern(text, reading).map(Target::Pattern)
}

/// Reads an entry of `targetUrls`.
pub(super) fn url(text: &str, reading: &mut Reading) -> Option<UrlPattern> {
    let (host, path) = text.find('/').map_or((text, ""), |slash| text.split_at(slash));
    let host = pattern(host, reading)?;
    if path.strip_suffix('*').unwrap_or(path).contains(['*', '?', '#']) {
        reading.object(format!(
            "expected a URL without a query, and `*` at its end only, found `{text}`"
        ));
        return None;
    }
    Some(UrlPattern { host, path: path.to_owned() })
}

/// Reads a port, a range of ports or `*`.
pub(super) fn port(text: &str, reading: &mut Reading) -> Option<PortEntry> {
    let entry = if text == "*" { Some(PortEntry::Any) } else { port_range(text) };
    if entry.is_none() {
        reading.object(format!("expected a port, range `a-b` or `*`, found `{text}`"));
    }
    entry
}

fn port_range(text: &str) -> Option<PortEntry> {
    let number = |digits: &str| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let range = match text.split_once('-') {
        None => number(text).map(PortRange::single),
        Some((first, last)) => PortRange::new(number(first)?, number(last)?),
    };
    range.map(PortEntry::Range)
}

/// A protocol and port of an application rule as text, as in `Https:443`
/// (`azure-firewall.md §2.2`).
pub(super) fn application_protocol_text(pair: ApplicationProtocol) -> String {
    format!("{}:{}", pair.protocol.keyword(), pair.port)
}

/// Reads a protocol and port of an application rule.
pub(super) fn application_protocol(
    text: &str,
    reading: &mut Reading,
) -> Option<ApplicationProtocol> {
    let all = [
        ApplicationProtocolType::Http,
        ApplicationProtocolType::Https,
        ApplicationProtocolType::Mssql,
    ];
    let pair = text.split_once(':').and_then(|(word, digits)| {
        let protocol = all.into_iter().find(|protocol| protocol.keyword() == word)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let port = digits.parse().ok().filter(|_| plain)?;
        Some(ApplicationProtocol { protocol, port })
    });
    if pair.is_none() {
        reading.object(format!(
            "expected `Http`, `Https` or `Mssql` and a port as in `Https:443`, found `{text}`"
        ));
    }
    pair
}

/// Reads a protocol of a network or NAT rule.
pub(super) fn network_protocol(text: &str, reading: &mut Reading) -> Option<NetworkProtocol> {
    let all =
        [NetworkProtocol::Any, NetworkProtocol::Tcp, NetworkProtocol::Udp, NetworkProtocol::Icmp];
    reading.word(text, &all, NetworkProtocol::keyword)
}

/// Reads a tier.
pub(super) fn tier(text: &str, reading: &mut Reading) -> Option<Tier> {
    reading.word(text, &[Tier::Basic, Tier::Standard, Tier::Premium], Tier::keyword)
}

/// Reads a mode of threat intelligence or intrusion detection.
pub(super) fn mode(text: &str, reading: &mut Reading) -> Option<ThreatIntelMode> {
    let all = [ThreatIntelMode::Off, ThreatIntelMode::Alert, ThreatIntelMode::Deny];
    reading.word(text, &all, ThreatIntelMode::keyword)
}

/// The protocols that a security rule has words for (`azure-nsg.md §1.1`).
const SECURITY_PROTOCOLS: [(IpProtocol, &str); 5] = [
    (IpProtocol::TCP, "Tcp"),
    (IpProtocol::UDP, "Udp"),
    (IpProtocol::ICMP, "Icmp"),
    (IpProtocol(50), "Esp"),
    (IpProtocol(51), "Ah"),
];

/// The protocol of a security rule as text: Azure's word, else the number.
pub(super) fn security_protocol_text(protocol: Option<IpProtocol>) -> String {
    let Some(protocol) = protocol else { return "*".to_owned() };
    let word = SECURITY_PROTOCOLS.iter().find(|(known, _)| *known == protocol);
    word.map_or_else(|| protocol.0.to_string(), |(_, word)| (*word).to_owned())
}

/// Reads the protocol of a security rule; `None` is `*`.
pub(super) fn security_protocol(text: &str, reading: &mut Reading) -> Option<IpProtocol> {
    if text == "*" {
        return None;
    }
    let word = SECURITY_PROTOCOLS.iter().find(|(_, word)| *word == text);
    let number = || text.parse().ok().map(IpProtocol);
    let protocol = word.map(|(protocol, _)| *protocol).or_else(number);
    if protocol.is_none() {
        reading.object(format!(
            "expected `Tcp`, `Udp`, `Icmp`, `Esp`, `Ah`, `*` or a protocol number, found `{text}`"
        ));
    }
    protocol
}

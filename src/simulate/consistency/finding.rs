//! What does not fit together, as it is told.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::azure::RuleId;
use crate::evidence::ResponseCode;
use crate::evidence::timeline::ToldInstead;
use crate::flow::Fqdn;
use crate::flow::Host;
use crate::flow::NameOrigin;

/// Addresses and names that a sentence spells out; the others are counted.
const SHOWN: usize = 4;

/// What does not fit together in a recorded flow, or with what is known of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Inconsistency {
    /// A hello and a request behind it, or a request and the hello behind it, name different hosts.
    Fronting {
        /// The server name of the hello.
        hello: Fqdn,
        /// Where it was read.
        hello_in: NameOrigin,
        /// The host of the request.
        request: Fqdn,
        /// Where it was read.
        request_in: NameOrigin,
    },
    /// The target of a request names another host than its `Host` header.
    OtherTarget {
        /// The host of the target.
        target: Host,
        /// That of the header; `None` where it has none, or it is not known of which request of a packet the
        /// target is.
        host: Option<Host>,
    },
    /// A later request is for another host than the first, which the list does not permit, and the
    /// flow is no objection.
    SecondHost {
        /// The host of the first request.
        first: Host,
        /// The host of this one.
        then: Host,
        /// Which request it is, from 1.
        request: usize,
        /// The index of its packet in the flow, from 1; `None` where a log does not say it.
        packet: Option<u64>,
    },
    /// An address stands where a name should.
    Literal {
        /// The address.
        address: IpAddr,
        /// How it is written, where that is not the usual way.
        written: Option<Fqdn>,
        /// Where it was read.
        read_in: NameOrigin,
        /// Where the flow goes to; `None` where a log does not say it.
        destination: Option<IpAddr>,
    },
    /// The client was told other addresses for the name that it shows.
    OtherAddress {
        /// The name.
        name: Fqdn,
        /// Where the flow goes to.
        destination: IpAddr,
        /// What the client was told.
        told: ToldInstead,
    },
    /// The client was told the destination for another name, and not for the one that it shows.
    OtherName {
        /// The name that it shows.
        name: Fqdn,
        /// Where the flow goes to.
        destination: IpAddr,
        /// The name that the client was told the destination for.
        other: Fqdn,
        /// When.
        at: Timestamp,
        /// By whom.
        server: IpAddr,
    },
    /// No recorded answer to the client holds the destination.
    NoAnswer {
        /// The name that the client shows.
        name: Option<Fqdn>,
        /// Where the flow goes to.
        destination: IpAddr,
        /// Since when answers to the client are recorded.
        since: Timestamp,
    },
    /// A ClientHello may hide another name.
    EncryptedClientHello {
        /// The name that it shows.
        outer: Option<Host>,
    },
    /// A ClientHello hides its server name.
    EncryptedServerName {
        /// The name that it shows all the same.
        outer: Option<Host>,
    },
    /// QUIC leaves by a network rule, while there are rules for names.
    QuicUnfiltered {
        /// The name that it shows.
        name: Option<Host>,
        /// The rule; `None` where different ones decide in different readings.
        rule: Option<RuleId>,
    },
    /// DNS goes past the firewall's proxy.
    OtherResolver {
        /// The server that is asked.
        server: IpAddr,
        /// How it is asked.
        over: Transport,
        /// The proxies.
        proxies: Arc<[IpAddr]>,
    },
    /// A network rule for names let out another name that lives at one of their addresses.
    SharedAddress {
        /// The name that the flow shows.
        name: Fqdn,
        /// The rule.
        rule: RuleId,
        /// Its names.
        names: Arc<[Fqdn]>,
    },
}

/// The kind of an inconsistency, in the order of reports. The words never change their meaning.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// [`Inconsistency::Fronting`].
    Fronting,
    /// [`Inconsistency::OtherTarget`].
    OtherTarget,
    /// [`Inconsistency::SecondHost`].
    SecondHost,
    /// [`Inconsistency::Literal`].
    Literal,
    /// [`Inconsistency::OtherAddress`].
    OtherAddress,
    /// [`Inconsistency::OtherName`].
    OtherName,
    /// [`Inconsistency::NoAnswer`].
    NoAnswer,
    /// [`Inconsistency::EncryptedClientHello`].
    EncryptedClientHello,
    /// [`Inconsistency::EncryptedServerName`].
    EncryptedServerName,
    /// [`Inconsistency::QuicUnfiltered`].
    QuicUnfiltered,
    /// [`Inconsistency::OtherResolver`].
    OtherResolver,
    /// [`Inconsistency::SharedAddress`].
    SharedAddress,
}

/// How DNS is asked.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Transport {
    /// In the clear, over UDP or TCP (RFC 1035 §4.2).
    Clear,
    /// Over TLS (RFC 7858).
    Tls,
    /// Over QUIC (RFC 9250).
    Quic,
}

impl Transport {
    fn describe(self) -> &'static str {
        match self {
            Transport::Clear => "DNS",
            Transport::Tls => "DNS over TLS",
            Transport::Quic => "DNS over QUIC",
        }
    }
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Kind; 12] = [
        Kind::Fronting,
        Kind::OtherTarget,
        Kind::SecondHost,
        Kind::Literal,
        Kind::OtherAddress,
        Kind::OtherName,
        Kind::NoAnswer,
        Kind::EncryptedClientHello,
        Kind::EncryptedServerName,
        Kind::QuicUnfiltered,
        Kind::OtherResolver,
        Kind::SharedAddress,
    ];

    /// The word of reports.
    pub fn keyword(self) -> &'static str {
        match self {
            Kind::Fronting => "fronting",
            Kind::OtherTarget => "other-target",
            Kind::SecondHost => "second-host",
            Kind::Literal => "literal",
            Kind::OtherAddress => "other-address",
            Kind::OtherName => "other-name",
            Kind::NoAnswer => "no-answer",
            Kind::EncryptedClientHello => "encrypted-client-hello",
            Kind::EncryptedServerName => "encrypted-server-name",
            Kind::QuicUnfiltered => "quic-unfiltered",
            Kind::OtherResolver => "other-resolver",
            Kind::SharedAddress => "shared-address",
        }
    }

    /// What flows of this kind have in common, in words.
    pub fn describe(self) -> &'static str {
        match self {
            Kind::Fronting => "hello and request of a connection name different hosts",
            Kind::OtherTarget => "target and Host header of a request name different hosts",
            Kind::SecondHost => {
                "a later request of a connection is for a host that the list does not permit"
            }
            Kind::Literal => "an address stands where a name should",
            Kind::OtherAddress => "the client was told other addresses for the name that it shows",
            Kind::OtherName => {
                "the client was told the destination for another name than the one that it shows"
            }
            Kind::NoAnswer => {
                "the client's DNS is recorded, and no answer recorded holds the destination"
            }
            Kind::EncryptedClientHello => {
                "the hello may ask for another name than the one that a firewall sees"
            }
            Kind::EncryptedServerName => "the hello hides its name from a firewall",
            Kind::QuicUnfiltered => {
                "QUIC leaves by a network rule, and no application rule looks at its name"
            }
            Kind::OtherResolver => "DNS goes to another server than the firewall's proxy",
            Kind::SharedAddress => {
                "a network rule for names let out another name, by an address of theirs"
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

impl Inconsistency {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Inconsistency::Fronting { .. } => Kind::Fronting,
            Inconsistency::OtherTarget { .. } => Kind::OtherTarget,
            Inconsistency::SecondHost { .. } => Kind::SecondHost,
            Inconsistency::Literal { .. } => Kind::Literal,
            Inconsistency::OtherAddress { .. } => Kind::OtherAddress,
            Inconsistency::OtherName { .. } => Kind::OtherName,
            Inconsistency::NoAnswer { .. } => Kind::NoAnswer,
            Inconsistency::EncryptedClientHello { .. } => Kind::EncryptedClientHello,
            Inconsistency::EncryptedServerName { .. } => Kind::EncryptedServerName,
            Inconsistency::QuicUnfiltered { .. } => Kind::QuicUnfiltered,
            Inconsistency::OtherResolver { .. } => Kind::OtherResolver,
            Inconsistency::SharedAddress { .. } => Kind::SharedAddress,
        }
    }

    /// The word of reports for its kind.
    pub fn keyword(&self) -> &'static str {
        self.kind().keyword()
    }

    /// The facts that do not fit, in a sentence. Names of rules stand in it as they are written.
    pub fn describe(&self) -> String {
        match self {
            Inconsistency::Fronting { hello, hello_in, request, request_in } => format!(
                "{} says {hello}, and {} says {request}",
                hello_in.keyword(),
                request_in.keyword()
            ),
            Inconsistency::OtherTarget { target, host } => {
                let says = match host {
                    Some(host) => format!("says {host}"),
                    None => "names another host, is missing or was not seen".to_owned(),
                };
                format!(
                    "the target of a request says {target}, and its Host header, by which it is \
                     judged, {says}"
                )
            }
            Inconsistency::SecondHost { first, then, request, packet } => {
                let at = packet.map(|packet| format!(" at packet {packet}")).unwrap_or_default();
                format!(
                    "request {request}{at} is for {then}, which the list does not permit; the first \
                     was for {first}"
                )
            }
            Inconsistency::Literal { address, written, read_in, destination } => {
                let says = match written {
                    Some(written) => format!("{written}, which is {address}"),
                    None => address.to_string(),
                };
                let read_in = read_in.keyword();
                match destination {
                    Some(destination) if *destination == address.to_canonical() => {
                        format!("{read_in} says {says}, the destination's address")
                    }
                    Some(destination) => {
                        format!("{read_in} says {says}, and the flow goes to {destination}")
                    }
                    None => format!("{read_in} says {says}"),
                }
            }
            Inconsistency::OtherAddress { name, destination, told } => {
                format!("the client was told {}, and goes to {destination}", instead(name, told))
            }
            Inconsistency::OtherName { name, destination, other, at, server } => format!(
                "the client was told {destination} for {other} (by {server} at {at:.0}), and no answer \
                 recorded says so of {name}"
            ),
            Inconsistency::NoAnswer { name, destination, since } => {
                let shown = name
                    .as_ref()
                    .map(|name| format!(", where it asks for {name}"))
                    .unwrap_or_default();
                format!(
                    "answers to the client are recorded since {since:.0}, and none holds \
                     {destination}{shown}"
                )
            }
            Inconsistency::EncryptedClientHello { outer } => format!(
                "a firewall sees {}; an encrypted hello is inside, or an extension that looks like one",
                shown(outer.as_ref())
            ),
            Inconsistency::EncryptedServerName { outer } => {
                format!("a firewall sees {}; the server name is encrypted", shown(outer.as_ref()))
            }
            Inconsistency::QuicUnfiltered { name, rule } => {
                let to = name.as_ref().map(|name| format!(" to {name}")).unwrap_or_default();
                match rule {
                    Some(rule) => format!("QUIC{to} leaves by network rule {rule}"),
                    None => format!("QUIC{to} leaves by network rules"),
                }
            }
            Inconsistency::OtherResolver { server, over, proxies } => format!(
                "{} to {server}, and not to the firewall's proxy at {}",
                over.describe(),
                listed(proxies)
            ),
            Inconsistency::SharedAddress { name, rule, names } => {
                format!("{name} leaves by network rule {rule}, which is for {}", listed(names))
            }
        }
    }
}

/// What was told of `name`.
fn instead(name: &Fqdn, told: &ToldInstead) -> String {
    let ToldInstead { at, server, code, addresses } = told;
    let by = format!("by {server} at {at:.0}");
    match (addresses.is_empty(), *code) {
        (false, _) => format!("{} for {name} ({by})", listed(addresses)),
        (true, ResponseCode::NO_ERROR) => format!("of no such address for {name} ({by})"),
        (true, code) => format!("of no address for {name} ({code} {by})"),
    }
}

fn shown(name: Option<&Host>) -> String {
    name.map_or_else(|| "no name".to_owned(), Host::to_string)
}

/// The first few, with commas, and how many more there are.
fn listed<T: fmt::Display>(all: &[T]) -> String {
    let shown = all.iter().take(SHOWN).map(T::to_string).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

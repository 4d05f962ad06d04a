//! Atoms as functions of a flow.

use std::fmt;
use std::net::IpAddr;

use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::Fqdn;
use crate::flow::Host;
use crate::flow::Payload;

/// An address, as far as it is told by the flow that is asked about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Party {
    /// The flow's source.
    Source,
    /// The flow's destination.
    Destination,
    /// The address literal that the client shows in place of a name.
    Literal(HostOf),
    /// This address, whatever the flow is.
    Address(IpAddr),
}

/// A host that a flow names.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum HostOf {
    /// The wire name.
    Wire,
    /// The host of the request inside TLS.
    Inner,
}

/// What a fact without an atom of its own is about.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// One fact for all flows.
    Nothing,
    /// An address.
    Address(Party),
    /// A host.
    Host(HostOf),
    /// The flow as if it came from this address.
    Flow(Party),
}

/// Who has an answer that holds an address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Holder {
    /// The firewall, whose answer holds this address.
    Firewall(Party),
    /// The flow's source, whose answer holds the destination.
    Client,
}

/// An atom whose flow is left open: *destination in service tag sql* is one of these, and each
/// flow has an [`Atom`] of its own by it (`semantics.md`, FlowSet).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FlowAtom {
    /// [`Atom::InServiceTag`].
    InServiceTag {
        /// The tag, in ASCII lower case.
        tag: String,
        /// The address.
        address: Party,
    },
    /// [`Atom::TagPrefixLonger`].
    TagPrefixLonger {
        // First, so that the lengths of two tags are asked for side by side: a set would else have
        // to remember all of one while it asks for the other.
        /// The number of bits.
        bits: u8,
        /// The tag, in ASCII lower case.
        tag: String,
        /// The address.
        address: Party,
    },
    /// [`Atom::FirewallAnswer`] or [`Atom::ClientAnswer`]. The answers for one name stand side by
    /// side, as they are compared name by name.
    Answer {
        /// The name; for a client also a pattern, or words.
        name: String,
        /// Who has the answer.
        holder: Holder,
    },
    /// [`Atom::InFqdnTag`].
    InFqdnTag {
        /// The tag, in ASCII lower case.
        tag: String,
        /// The host.
        host: HostOf,
        /// The port.
        port: u16,
    },
    /// [`Atom::InFqdnTag`], on the flow's destination port: for ports that nothing tells apart.
    InFqdnTagOnSentPort {
        /// The tag, in ASCII lower case.
        tag: String,
        /// The host.
        host: HostOf,
    },
    /// [`Atom::InWebCategory`].
    InWebCategory {
        /// The category, in lower case.
        category: String,
        /// The host.
        host: HostOf,
        /// Whether the category is that of the URL, path included.
        with_path: bool,
    },
    /// [`Atom::Infrastructure`].
    Infrastructure {
        /// The host.
        host: HostOf,
    },
    /// [`Atom::Resolvable`], of a name that the flow shows.
    Resolvable {
        /// The host.
        host: HostOf,
    },
    /// [`Atom::Resolvable`], of the name of a rule.
    TargetResolvable {
        /// The name.
        name: Fqdn,
    },
    /// [`Atom::ThreatListed`], of an address.
    AddressListed {
        /// The address.
        address: Party,
    },
    /// [`Atom::ThreatListed`], of a name.
    HostListed {
        /// The host.
        host: HostOf,
    },
    /// [`Atom::ApplicationDestination`].
    ApplicationDestination {
        /// The rule, as `group/collection/rule`.
        rule: String,
        /// The address.
        address: Party,
    },
    /// [`Atom::PrecededBy`].
    PrecededBy {
        /// What must have been allowed, in words.
        what: String,
        /// The address it comes from.
        source: Party,
    },
    /// [`Atom::Reading`].
    Reading {
        /// The key of the setting.
        setting: &'static str,
    },
    /// [`Atom::Named`]: the words before and after its subject.
    Named {
        /// What stands before the subject.
        before: String,
        /// What it is about.
        subject: Subject,
        /// What stands after it.
        after: String,
    },
    /// [`Atom::Request`], with the wire name.
    Request {
        /// The path, as the list writes it.
        path: String,
    },
}

impl FlowAtom {
    /// The firewall's answer for `name` holds `address`.
    pub fn firewall_answer(name: &Fqdn, address: Party) -> FlowAtom {
        FlowAtom::Answer { name: name.to_string(), holder: Holder::Firewall(address) }
    }

    /// An answer to the flow's source held its destination for a name or pattern, in words.
    pub fn client_answer(name: String) -> FlowAtom {
        FlowAtom::Answer { name, holder: Holder::Client }
    }

    /// The atom that it is of `flow`; nothing where it is about a host and the flow names none.
    pub fn at(&self, flow: &Flow) -> Option<Atom> {
        Some(match self {
            FlowAtom::InServiceTag { tag, address } => {
                Atom::InServiceTag { tag: tag.clone(), address: address.of(flow)? }
            }
            FlowAtom::TagPrefixLonger { tag, address, bits } => {
                let (tag, address) = (tag.clone(), address.of(flow)?);
                Atom::TagPrefixLonger { tag, address, bits: *bits }
            }
            FlowAtom::Answer { name, holder: Holder::Firewall(address) } => {
                Atom::FirewallAnswer { name: Fqdn::parse(name).ok()?, address: address.of(flow)? }
            }
            FlowAtom::Answer { name, holder: Holder::Client } => Atom::ClientAnswer {
                client: flow.source,
                address: flow.destination,
                name: name.clone(),
            },
            FlowAtom::InFqdnTag { tag, host, port } => {
                Atom::InFqdnTag { tag: tag.clone(), host: host.of(flow)?.clone(), port: *port }
            }
            FlowAtom::InFqdnTagOnSentPort { tag, host } => {
                let (host, port) = (host.of(flow)?.clone(), flow.destination_port);
                Atom::InFqdnTag { tag: tag.clone(), host, port }
            }
            FlowAtom::InWebCategory { category, host, with_path } => {
                let path = with_path.then(|| path_of(flow)).flatten().unwrap_or_default();
                let url = format!("{}{path}", host.of(flow)?);
                Atom::InWebCategory { category: category.clone(), url }
            }
            FlowAtom::Infrastructure { host } => {
                Atom::Infrastructure { host: host.of(flow)?.clone() }
            }
            FlowAtom::Resolvable { host } => match host.of(flow)? {
                Host::Name(name) => Atom::Resolvable { name: name.clone() },
                Host::Address(_) => return None,
            },
            FlowAtom::TargetResolvable { name } => Atom::Resolvable { name: name.clone() },
            FlowAtom::AddressListed { address } => {
                Atom::ThreatListed { indicator: Host::Address(address.of(flow)?) }
            }
            FlowAtom::HostListed { host } => {
                Atom::ThreatListed { indicator: host.of(flow)?.clone() }
            }
            FlowAtom::ApplicationDestination { rule, address } => {
                Atom::ApplicationDestination { rule: rule.clone(), address: address.of(flow)? }
            }
            FlowAtom::PrecededBy { what, source } => {
                Atom::PrecededBy { what: what.clone(), source: source.of(flow)? }
            }
            FlowAtom::Reading { setting } => Atom::Reading { setting },
            FlowAtom::Named { before, subject, after } => {
                let subject = match subject {
                    Subject::Nothing => String::new(),
                    Subject::Address(address) => address.of(flow)?.to_string(),
                    Subject::Host(host) => host.of(flow)?.to_string(),
                    Subject::Flow(source) => {
                        Flow { source: source.of(flow)?, ..flow.clone() }.to_string()
                    }
                };
                Atom::Named { name: format!("{before}{subject}{after}") }
            }
            FlowAtom::Request { path } => {
                let host = flow.payload.wire_name().cloned();
                Atom::Request { host, path: path.clone() }
            }
        })
    }
}

impl Party {
    /// The address, where `flow` tells it.
    fn of(self, flow: &Flow) -> Option<IpAddr> {
        match self {
            Party::Source => Some(flow.source),
            Party::Destination => Some(flow.destination),
            Party::Literal(host) => match host.of(flow)? {
                Host::Address(address) => Some(*address),
                Host::Name(_) => None,
            },
            Party::Address(address) => Some(address),
        }
    }
}

impl HostOf {
    /// The host, where `flow` names one.
    fn of(self, flow: &Flow) -> Option<&Host> {
        match self {
            HostOf::Wire => flow.payload.wire_name(),
            HostOf::Inner => match &flow.payload {
                Payload::Tls { inner: Some(request), .. } => request.host.as_ref(),
                Payload::Tls { inner: None, .. }
                | Payload::Silent
                | Payload::Other
                | Payload::Http(_)
                | Payload::Mssql { .. }
                | Payload::Quic { .. } => None,
            },
        }
    }
}

/// The target of the request that `flow` carries, in the clear or inside TLS. One that is not told
/// counts as one for `/` where a firewall decrypts, and nobody else asks.
fn path_of(flow: &Flow) -> Option<&str> {
    match &flow.payload {
        Payload::Http(request) | Payload::Tls { inner: Some(request), .. } => Some(&request.path),
        Payload::Tls { inner: None, .. } => Some("/"),
        Payload::Silent | Payload::Other | Payload::Mssql { .. } | Payload::Quic { .. } => None,
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Party::Source => f.write_str("the source"),
            Party::Destination => f.write_str("the destination"),
            Party::Literal(HostOf::Wire) => f.write_str("the address that is shown"),
            Party::Literal(HostOf::Inner) => f.write_str("the address inside"),
            Party::Address(address) => write!(f, "{address}"),
        }
    }
}

impl fmt::Display for HostOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HostOf::Wire => "the name",
            HostOf::Inner => "the name inside",
        })
    }
}

impl fmt::Display for FlowAtom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlowAtom::InServiceTag { tag, address } => write!(f, "{address} in service tag {tag}"),
            FlowAtom::TagPrefixLonger { tag, address, bits } => {
                write!(f, "{address} in a prefix of service tag {tag} longer than /{bits}")
            }
            FlowAtom::Answer { name, holder: Holder::Firewall(address) } => {
                write!(f, "{address} in the firewall's answer for {name}")
            }
            FlowAtom::InFqdnTag { tag, host, port } => {
                write!(f, "{host}, port {port}, in FQDN tag {tag}")
            }
            FlowAtom::InFqdnTagOnSentPort { tag, host } => {
                write!(f, "{host}, on the port that it is sent to, in FQDN tag {tag}")
            }
            FlowAtom::InWebCategory { category, host, with_path: false } => {
                write!(f, "{host} in web category {category}")
            }
            FlowAtom::InWebCategory { category, host, with_path: true } => {
                write!(f, "{host} with the path in web category {category}")
            }
            FlowAtom::Infrastructure { host } => write!(f, "{host} in the infrastructure rules"),
            FlowAtom::Resolvable { host } => write!(f, "the firewall can resolve {host}"),
            FlowAtom::TargetResolvable { name } => write!(f, "the firewall can resolve {name}"),
            FlowAtom::AddressListed { address } => {
                write!(f, "{address} listed by threat intelligence")
            }
            FlowAtom::HostListed { host } => write!(f, "{host} listed by threat intelligence"),
            FlowAtom::ApplicationDestination { rule, address } => {
                write!(f, "{address} in the destination addresses of application rule {rule}")
            }
            FlowAtom::PrecededBy { what, source } => {
                write!(f, "{what} from {source} was allowed before")
            }
            FlowAtom::Reading { setting } => write!(f, "the other reading of {setting}"),
            FlowAtom::Named { before, subject, after } => {
                f.write_str(before)?;
                match subject {
                    Subject::Nothing => Ok(()),
                    Subject::Address(address) => write!(f, "{address}"),
                    Subject::Host(host) => write!(f, "{host}"),
                    Subject::Flow(_) => f.write_str("the flow"),
                }?;
                f.write_str(after)
            }
            FlowAtom::Request { path } => write!(f, "the request is for {path}"),
            FlowAtom::Answer { name, holder: Holder::Client } => {
                write!(f, "the source was told the destination for {name}")
            }
        }
    }
}

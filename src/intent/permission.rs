//! Permissions and denies.

use std::fmt;

use jiff::civil::Date;

use super::Origin;
use crate::diagnostic::Span;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::PortRange;

/// Whether something must be able to leave, or only may.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Requirement {
    /// `allow`: required and permitted.
    Required,
    /// `may`: permitted only.
    Optional,
}

/// Addresses as the source names them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Addresses {
    /// The addresses.
    pub set: AddressSet,
    /// The words of the source, such as `apps` or `10.1.0.0/22`, for reports.
    pub written: Vec<String>,
}

/// Names, where a part of a wildcard may be taken out.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Names {
    /// The patterns whose union, less `except`, is `set`.
    pub patterns: Vec<FqdnPattern>,
    /// What is taken out of a wildcard. It can be had only as a deny.
    pub except: Vec<FqdnPattern>,
    /// The names.
    pub set: NameSet,
}

/// A destination. Those of a permission are alternatives.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Destination {
    /// Names, `any-name` among them.
    Names(Names),
    /// Addresses, `any-address` and `internet` among them.
    Addresses(Addresses),
    /// A service tag, as written.
    ServiceTag(String),
    /// An FQDN tag, as written.
    FqdnTag(String),
    /// A web category, as written.
    WebCategory(String),
    /// A URL under inspection.
    Url {
        /// The host part.
        host: FqdnPattern,
        /// The path, empty or from its first slash, with a final `*` for a prefix.
        path: String,
    },
    /// `any`: every name and address; in denies and assertions only.
    Any,
}

impl Destination {
    /// The patterns of [`Destination::Names`]; none of another destination.
    pub fn name_patterns(&self) -> &[FqdnPattern] {
        match self {
            Destination::Names(names) => &names.patterns,
            Destination::Addresses(_)
            | Destination::ServiceTag(_)
            | Destination::FqdnTag(_)
            | Destination::WebCategory(_)
            | Destination::Url { .. }
            | Destination::Any => &[],
        }
    }

    /// All patterns that names are compared with, those of exceptions and of URLs among them.
    pub fn every_name_pattern(&self) -> impl Iterator<Item = &FqdnPattern> {
        let (names, url) = match self {
            Destination::Names(names) => (Some(names), None),
            Destination::Url { host, .. } => (None, Some(host)),
            Destination::Addresses(_)
            | Destination::ServiceTag(_)
            | Destination::FqdnTag(_)
            | Destination::WebCategory(_)
            | Destination::Any => (None, None),
        };
        names.into_iter().flat_map(|names| names.patterns.iter().chain(&names.except)).chain(url)
    }
}

/// How clients reach Azure SQL (`azure-firewall.md §2.11`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MssqlMode {
    /// Everything on one port, where the name can be read.
    Proxy,
    /// Sent on to ports 11000 to 11999 of other machines.
    Redirect,
}

/// A service. Those of a permission are alternatives.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Service {
    /// `https`: TLS with a readable name.
    Https {
        /// The port, 443 unless written.
        port: u16,
    },
    /// `http`.
    Http {
        /// The port, 80 unless written.
        port: u16,
    },
    /// `mssql`.
    Mssql {
        /// Proxy or redirect.
        mode: MssqlMode,
        /// The port, 1433 unless written.
        port: u16,
    },
    /// `tcp/…`, judged by address.
    Tcp(PortRange),
    /// `udp/…`, judged by address.
    Udp(PortRange),
    /// `icmp`.
    Icmp,
    /// `proto/N`.
    Protocol(IpProtocol),
    /// `any`: in denies and assertions only.
    Any,
}

impl Service {
    /// Whether the firewall can read the name that a client of the service wants.
    pub fn shows_a_name(self) -> bool {
        match self {
            Service::Https { .. } | Service::Http { .. } => true,
            Service::Mssql { mode, .. } => mode == MssqlMode::Proxy,
            Service::Tcp(_)
            | Service::Udp(_)
            | Service::Icmp
            | Service::Protocol(_)
            | Service::Any => false,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with_port = |f: &mut fmt::Formatter<'_>, word: &str, port: u16, usual: u16| {
            if port == usual { f.write_str(word) } else { write!(f, "{word}/{port}") }
        };
        match *self {
            Service::Https { port } => with_port(f, "https", port, 443),
            Service::Http { port } => with_port(f, "http", port, 80),
            Service::Mssql { mode, port } => {
                with_port(f, "mssql", port, 1433)?;
                f.write_str(match mode {
                    MssqlMode::Proxy => " proxy",
                    MssqlMode::Redirect => " redirect",
                })
            }
            Service::Tcp(range) => write!(f, "tcp/{range}"),
            Service::Udp(range) => write!(f, "udp/{range}"),
            Service::Icmp => f.write_str("icmp"),
            Service::Protocol(IpProtocol(number)) => write!(f, "proto/{number}"),
            Service::Any => f.write_str("any"),
        }
    }
}

/// The places of a statement that an edit would touch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StatementSpans {
    /// The label.
    pub label: Span,
    /// The sources.
    pub sources: Span,
    /// The destinations.
    pub destinations: Span,
    /// The services.
    pub services: Span,
}

impl StatementSpans {
    /// Those of a statement that stands in no text.
    pub const NONE: StatementSpans = StatementSpans {
        label: Span::NONE,
        sources: Span::NONE,
        destinations: Span::NONE,
        services: Span::NONE,
    };
}

/// An `allow` or `may`.
#[derive(Clone, Debug, PartialEq)]
pub struct Permission {
    /// The label, with the aliases of the imports on the way: `aks::pull-images`. Unique.
    pub label: String,
    /// Whether it must be able to leave, or only may.
    pub requirement: Requirement,
    /// Where it comes from.
    pub sources: Addresses,
    /// Where it goes.
    pub destinations: Vec<Destination>,
    /// With which services.
    pub services: Vec<Service>,
    /// The reason.
    pub because: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where it was decided.
    pub ticket: Option<String>,
    /// The last day, to its end in UTC, on which it is active.
    pub expires: Option<Date>,
    /// Why addresses may stand for names; `None` where they may not.
    pub by_address: Option<String>,
    /// Why an undetermined verdict is accepted; `None` where it is not.
    pub accept_undetermined: Option<String>,
    /// The doc comment, which becomes the description in Azure.
    pub description: Option<String>,
    /// Where it stands.
    pub origin: Origin,
    /// Where its parts stand.
    pub spans: StatementSpans,
}

impl Permission {
    /// Whether the permission is active on `day` (UTC).
    pub fn is_active(&self, day: Date) -> bool {
        self.expires.is_none_or(|last| day <= last)
    }
}

/// A `deny`.
#[derive(Clone, Debug, PartialEq)]
pub struct Deny {
    /// The label, with the aliases of the imports on the way. Unique among all statements.
    pub label: String,
    /// Where it comes from.
    pub sources: Addresses,
    /// Where it goes.
    pub destinations: Vec<Destination>,
    /// With which services.
    pub services: Vec<Service>,
    /// The reason.
    pub because: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where it was decided.
    pub ticket: Option<String>,
    /// The last day on which it is active.
    pub expires: Option<Date>,
    /// The doc comment.
    pub description: Option<String>,
    /// Where it stands.
    pub origin: Origin,
    /// Where its parts stand.
    pub spans: StatementSpans,
}

impl Deny {
    /// Whether the deny is active on `day` (UTC).
    pub fn is_active(&self, day: Date) -> bool {
        self.expires.is_none_or(|last| day <= last)
    }
}

//! Atoms: the unknown yes-or-no facts that a verdict can depend on.

use std::fmt;
use std::net::IpAddr;

use super::name::Fqdn;
use super::name::Host;

/// A named yes-or-no fact about the environment (`semantics.md`, Environment).
///
/// The same atom stands for the same fact wherever it is met, so that a tag on both sides of a
/// comparison is equal without its contents being known.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Atom {
    /// The address is one of the service tag's prefixes. The tag is in ASCII lower case.
    InServiceTag {
        /// The tag, such as `storage.westeurope`.
        tag: String,
        /// The address.
        address: IpAddr,
    },
    /// The prefix of the service tag that holds the address is longer than so many bits
    /// (`azure-routing.md §3`).
    TagPrefixLonger {
        /// The tag, in ASCII lower case.
        tag: String,
        /// The address, one of the tag's.
        address: IpAddr,
        /// The number of bits.
        bits: u8,
    },
    /// The address is in the firewall's own answer for the name.
    FirewallAnswer {
        /// The name of a network or DNAT rule.
        name: Fqdn,
        /// The address.
        address: IpAddr,
    },
    /// The name is in the FQDN tag. The tag is in ASCII lower case.
    InFqdnTag {
        /// The tag, such as `azurekubernetesservice`.
        tag: String,
        /// The name.
        host: Host,
        /// The port, since tags hold names with ports (`aks-egress.md §5`).
        port: u16,
    },
    /// The name, or with a path the URL, is in the web category. The category is in lower case.
    InWebCategory {
        /// The category, such as `socialnetworking`.
        category: String,
        /// The name, with the path where the firewall sees it.
        url: String,
    },
    /// The name is in the built-in infrastructure rule collection (`azure-firewall.md §2.13`).
    Infrastructure {
        /// The name.
        host: Host,
    },
    /// The firewall can resolve the name (`azure-firewall.md §10.2` step 12).
    Resolvable {
        /// The name.
        name: Fqdn,
    },
    /// Threat intelligence lists the address or name (`azure-firewall.md §1.7`).
    ThreatListed {
        /// The address or name.
        indicator: Host,
    },
    /// `destinationAddresses` of an application rule match (`azure-firewall.md §2.9`).
    ApplicationDestination {
        /// The rule, as `group/collection/rule`.
        rule: String,
        /// The destination of the flow.
        address: IpAddr,
    },
    /// A session that lets the flow pass was allowed before it, as for SQL redirection
    /// (`azure-firewall.md §2.11`).
    PrecededBy {
        /// What must have been allowed, in words.
        what: String,
        /// The address it comes from.
        source: IpAddr,
    },
    /// The alternative reading of a setting of `azure-firewall.md §10.4` is the true one.
    Reading {
        /// The key of the setting, such as `https_destination`.
        setting: &'static str,
    },
    /// A fact that an import could not know, under the name that it gave it.
    Named {
        /// The name.
        name: String,
    },
    /// The request, which was not seen, is for a URL of this path.
    Request {
        /// The host that the client shows, where one was seen.
        host: Option<Host>,
        /// The path, as the list writes it.
        path: String,
    },
    /// A DNS answer to the client held the address (`semantics.md`, Intent).
    ClientAnswer {
        /// Who was told.
        client: IpAddr,
        /// The address.
        address: IpAddr,
        /// For which name or pattern, in words.
        name: String,
    },
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Atom::InServiceTag { tag, address } => write!(f, "{address} in service tag {tag}"),
            Atom::TagPrefixLonger { tag, address, bits } => {
                write!(f, "{address} in a prefix of service tag {tag} longer than /{bits}")
            }
            Atom::FirewallAnswer { name, address } => {
                write!(f, "{address} in the firewall's answer for {name}")
            }
            Atom::InFqdnTag { tag, host, port } => write!(f, "{host}:{port} in FQDN tag {tag}"),
            Atom::InWebCategory { category, url } => write!(f, "{url} in web category {category}"),
            Atom::Infrastructure { host } => write!(f, "{host} in the infrastructure rules"),
            Atom::Resolvable { name } => write!(f, "the firewall can resolve {name}"),
            Atom::ThreatListed { indicator } => {
                write!(f, "{indicator} listed by threat intelligence")
            }
            Atom::ApplicationDestination { rule, address } => {
                write!(f, "{address} in the destination addresses of application rule {rule}")
            }
            Atom::PrecededBy { what, source } => {
                write!(f, "{what} from {source} was allowed before")
            }
            Atom::Reading { setting } => write!(f, "the other reading of {setting}"),
            Atom::Named { name } => write!(f, "{name}"),
            Atom::Request { host: Some(host), path } => {
                write!(f, "the request to {host} is for {path}")
            }
            Atom::Request { host: None, path } => write!(f, "the request is for {path}"),
            Atom::ClientAnswer { client, address, name } => {
                write!(f, "{client} was told {address} for {name}")
            }
        }
    }
}

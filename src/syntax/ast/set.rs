//! Sets of addresses, names and services.

use std::net::IpAddr;

use crate::diagnostic::Spanned;

use super::word::AddressSpec;
use super::word::HostPattern;
use super::word::Ident;
use super::word::Name;
use super::word::Path;
use super::word::Tag;
use super::word::Text;
use super::word::Value;

/// An expression over sets.
///
/// The lists hold two elements or more, `without` one or more; a parenthesis is where a list stands
/// in another.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Set<T> {
    /// One operand.
    One(T),
    /// `a, b`: what is in one of them.
    Union(Vec<Spanned<Set<T>>>),
    /// `a and b`: what is in each of them.
    Intersection(Vec<Spanned<Set<T>>>),
    /// `a, b except c except d`: what is in the whole list before `except`, and in none after.
    Except {
        /// The whole list before the first `except`.
        base: Box<Spanned<Set<T>>>,
        /// What is taken out.
        without: Vec<Spanned<Set<T>>>,
    },
}

/// `addresses NAME = …` and its like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SetDeclaration<T> {
    /// The set's name.
    pub name: Spanned<Ident>,
    /// What is in it.
    pub set: Spanned<Set<T>>,
}

/// A source, a destination, or an element of a set of addresses or names.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Operand {
    /// `images`, `aks::nodes`: a set, subnet, pool, cluster, parameter, table or named unknown.
    Reference(Path),
    /// `mcr.microsoft.com`, `*.data.mcr.microsoft.com`
    Host(HostPattern),
    /// `10.0.0.0/8`
    Address(AddressSpec),
    /// `"localhost"`, `"${account}.blob.core.windows.net"`: a host where names may stand, an
    /// address where they fit, else the name of a declared thing.
    Quoted(Text),
    /// `tag Storage.WestEurope`: a service tag.
    Tag(Spanned<Tag>),
    /// `fqdn-tag AzureKubernetesService`
    FqdnTag(Spanned<Name>),
    /// `category "Social networking"`: a web category.
    Category(Spanned<Name>),
    /// `url "www.example.com/path" inspect`
    Url {
        /// Host and path.
        url: Spanned<Text>,
        /// Whether TLS is to be opened to see the path.
        inspect: bool,
    },
    /// `ip-group build`
    IpGroup(Spanned<Name>),
    /// `suffix "contoso.com"`: Azure's `*contoso.com`, in imported text.
    Suffix(Spanned<Text>),
    /// `internet`: every address that is not private, on-premises or the platform's.
    Internet,
    /// `any-name`: every host name.
    AnyName,
    /// `any-address`: every address.
    AnyAddress,
    /// `any`: everything; for sources, denies and assertions.
    Any,
}

/// A service, or an element of a set of services.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Service {
    /// `web`, `mirrors::web`: a set of services.
    Reference(Path),
    /// `https`, `http/8080`: judged by the name the client shows.
    Web {
        /// Which of the two.
        protocol: WebProtocol,
        /// The port, if not the usual.
        port: Option<Spanned<Value<u16>>>,
    },
    /// `mssql`, `mssql proxy`, `mssql/1433 redirect`
    Mssql {
        /// The port, if not 1433.
        port: Option<Spanned<Value<u16>>>,
        /// The connection policy of Azure SQL, if stated.
        mode: Option<Spanned<SqlMode>>,
    },
    /// `tcp/5671`, `udp/5000-5010`: judged by address.
    Transport {
        /// TCP or UDP.
        protocol: Transport,
        /// The destination ports.
        ports: Spanned<PortSpec>,
    },
    /// `icmp`
    Icmp,
    /// `proto/47`: an IP protocol by number.
    Protocol(u8),
    /// `any`: every service; for denies and assertions.
    Any,
}

/// A protocol whose requests name a host.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum WebProtocol {
    /// HTTP in clear text.
    Http,
    /// HTTP or anything else over TLS with a name in its ClientHello.
    Https,
}

/// How a client of Azure SQL reaches its database.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SqlMode {
    /// All through the gateway, port 1433.
    Proxy,
    /// First the gateway, then the node itself, ports 11000 to 11999.
    Redirect,
}

/// A transport protocol with ports.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// One port or several, closed at both ends.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PortSpec {
    /// `443`, `api-port`, `"${port}"`
    One(Value<u16>),
    /// `5000-5010`; the first is not greater than the last.
    Range(u16, u16),
}

impl AddressSpec {
    /// The address that stands first in the text.
    pub fn first(&self) -> IpAddr {
        match self {
            AddressSpec::Address(address)
            | AddressSpec::Prefix(address, _)
            | AddressSpec::Range(address, _) => *address,
        }
    }
}

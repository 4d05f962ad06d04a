//! Addresses as rules, routes and groups write them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::flow::AddressSet;
use crate::flow::address::AddressRange;

/// One entry of a list of addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AddressEntry {
    /// `*`.
    Any,
    /// A single address.
    Address(IpAddr),
    /// A prefix; bits below the mask are kept as written and ignored.
    Prefix(IpNet),
    /// A range `a-b`.
    Range(AddressRange),
    /// Addresses that are not known, under a name of [`Deployment::unknowns`].
    ///
    /// [`Deployment::unknowns`]: super::Deployment::unknowns
    Unknown(String),
}

impl AddressEntry {
    /// The addresses, or `None` where they are not known.
    pub fn addresses(&self) -> Option<AddressSet> {
        match self {
            AddressEntry::Any => Some(AddressSet::all()),
            one => one.range().map(AddressSet::from),
        }
    }

    /// The addresses as one range; `None` where they are not known, or are those of both families.
    pub fn range(&self) -> Option<AddressRange> {
        match self {
            AddressEntry::Any | AddressEntry::Unknown(_) => None,
            AddressEntry::Address(address) => Some((*address).into()),
            AddressEntry::Prefix(prefix) => Some((*prefix).into()),
            AddressEntry::Range(range) => Some(*range),
        }
    }

    /// Whether `address` is among the addresses, or `None` where they are not known.
    pub fn contains(&self, address: IpAddr) -> Option<bool> {
        match self {
            AddressEntry::Any => Some(true),
            AddressEntry::Address(only) => Some(*only == address),
            AddressEntry::Prefix(prefix) => Some(prefix.contains(&address)),
            AddressEntry::Range(range) => Some(range.contains(address)),
            AddressEntry::Unknown(_) => None,
        }
    }

    /// The shortest entries that hold just the addresses of `set`, ascending: prefixes, or a range
    /// where it takes fewer.
    pub fn of_set(set: &AddressSet) -> Vec<AddressEntry> {
        if *set == AddressSet::all() {
            return vec![AddressEntry::Any];
        }
        set.ranges()
            .into_iter()
            .map(|range| match range.prefix() {
                Some(one) if one.prefix_len() == one.max_prefix_len() => {
                    AddressEntry::Address(one.addr())
                }
                Some(one) => AddressEntry::Prefix(one),
                None => AddressEntry::Range(range),
            })
            .collect()
    }
}

impl fmt::Display for AddressEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressEntry::Any => f.write_str("*"),
            AddressEntry::Address(address) => address.fmt(f),
            AddressEntry::Prefix(prefix) => prefix.fmt(f),
            AddressEntry::Range(range) => write!(f, "{}-{}", range.first(), range.last()),
            AddressEntry::Unknown(name) => write!(f, "unknown {name}"),
        }
    }
}

/// A service tag, such as `Storage.WestEurope`. Azure compares tags without regard to case.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServiceTag(pub String);

impl ServiceTag {
    /// The tag in ASCII lower case, as atoms and evidence spell it.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for ServiceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One entry of a list of destinations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DestinationEntry {
    /// Addresses.
    Addresses(AddressEntry),
    /// A service tag.
    ServiceTag(ServiceTag),
}

impl fmt::Display for DestinationEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DestinationEntry::Addresses(entry) => entry.fmt(f),
            DestinationEntry::ServiceTag(tag) => tag.fmt(f),
        }
    }
}

//! Settings of the policy, where resources lie, and what stands beside them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Origin;
use crate::diagnostic::Span;

/// Where new resources lie (`azure { … }`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Placement {
    /// The subscription.
    pub subscription: Option<String>,
    /// The resource group.
    pub resource_group: Option<String>,
    /// The ARM location.
    pub location: Option<String>,
}

/// The mode of threat intelligence.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ThreatIntel {
    /// Off.
    Off,
    /// Recorded only.
    Alert,
    /// Denied.
    Deny,
}

/// Settings of the policy that is written (`policy NAME { … }`). `None` is Azure's default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PolicySettings {
    /// The name of the policy; `None` where the source has no policy statement.
    pub name: Option<String>,
    /// The parent, by its name in the context.
    pub extends: Option<String>,
    /// Where the parent is named.
    pub extends_at: Option<Span>,
    /// The mode of threat intelligence.
    pub threat_intel: Option<ThreatIntel>,
    /// DNS servers of the firewall; empty for Azure DNS.
    pub dns_servers: Vec<IpAddr>,
    /// Private ranges that are not translated; empty for Azure's default.
    pub private_ranges: Vec<IpNet>,
    /// Whether SQL redirection is allowed (`azure-firewall.md §2.11`).
    pub allow_sql_redirect: bool,
}

/// A deployment that stands beside or above what is written: a parent policy, for one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Context {
    /// The file as findings show it: its path starts where that of the rules file does.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Where it is named.
    pub origin: Origin,
}

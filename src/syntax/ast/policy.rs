//! The settings of a firewall policy.

use std::net::IpAddr;

use crate::diagnostic::Spanned;

use super::network::Sku;
use super::rule::Clauses;
use super::set::Operand;
use super::set::Service;
use super::set::Set;
use super::word::HostPattern;
use super::word::Name;
use super::word::Path;
use super::word::Text;
use super::word::Value;

/// `policy NAME { … }`; each setting at most once (`azure-firewall.md` §7.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// Its name; the firewall of the same name enforces it, and each that says so.
    pub name: Spanned<Name>,
    /// `extends NAME`: its parent, described here or in an import, or declared `existing`.
    pub extends: Option<Spanned<PolicyParent>>,
    /// `sku basic|standard|premium`
    pub sku: Option<Spanned<Sku>>,
    /// `threat-intel off|alert|deny`
    pub threat_intel: Option<Spanned<ThreatMode>>,
    /// `threat-intel-allow …`: addresses and names that threat intelligence lets pass.
    pub threat_intel_allow: Option<Spanned<Set<Operand>>>,
    /// `idps off|alert|deny`
    pub idps: Option<Spanned<ThreatMode>>,
    /// `inspection-certificate "…"`: the Key Vault secret of the authority that signs for opened
    /// TLS.
    pub inspection_certificate: Option<Spanned<Text>>,
    /// `dns-proxy on|off`
    pub dns_proxy: Option<Spanned<bool>>,
    /// `dns-servers ADDRESS, …`
    pub dns_servers: Vec<Spanned<Value<IpAddr>>>,
    /// `snat always|never|except …`: for which destinations the source address is replaced.
    pub snat: Option<Spanned<SnatMode>>,
    /// `auto-learn-private-ranges on|off`
    pub auto_learn_private_ranges: Option<Spanned<bool>>,
    /// `sql-redirect on|off`
    pub sql_redirect: Option<Spanned<bool>>,
    /// `insert-header "NAME" = "VALUE" for …`
    pub headers: Vec<Spanned<HeaderInsertion>>,
    /// `dnat LABEL: …`
    pub dnat: Vec<Spanned<Dnat>>,
    /// `id "…"`: it exists under this resource id and is not made.
    pub id: Option<Spanned<Text>>,
}

/// The parent of a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PolicyParent {
    /// `platform`, `hub::platform`: described here or in an import, or declared `existing`.
    Named(Path),
    /// `"/subscriptions/…"`: by its resource id.
    Id(Text),
}

/// What a detector does with what it finds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ThreatMode {
    /// `off`
    Off,
    /// `alert`
    Alert,
    /// `deny`
    Deny,
}

/// When the firewall puts its own address in place of the source's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SnatMode {
    /// `always`
    Always,
    /// `never`
    Never,
    /// `except …`: for all destinations but these ("private ranges").
    Except(Spanned<Set<Operand>>),
}

/// `insert-header "NAME" = "VALUE" for HOSTS` (`azure-firewall.md` §2.10).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeaderInsertion {
    /// The header's name.
    pub header: Spanned<Text>,
    /// Its value.
    pub value: Spanned<Text>,
    /// The hosts whose requests get it.
    pub hosts: Spanned<Set<Operand>>,
}

/// `dnat LABEL: SOURCES -> ADDRESS : SERVICES to TARGET port PORT` (`azure-firewall.md` §4.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dnat {
    /// Names the rule in Azure.
    pub label: Spanned<Name>,
    /// Who may come in.
    pub sources: Spanned<Set<Operand>>,
    /// The firewall's address that is asked.
    pub destination: Spanned<Value<IpAddr>>,
    /// How.
    pub services: Spanned<Set<Service>>,
    /// Where packets are sent instead.
    pub target: Spanned<DnatTarget>,
    /// The port there.
    pub port: Spanned<Value<u16>>,
    /// Reason, owner, and the rest; `because` is there unless a diagnostic said it is missing.
    pub clauses: Clauses,
}

/// Where a DNAT rule sends packets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DnatTarget {
    /// An address.
    Address(Value<IpAddr>),
    /// A host, which the firewall resolves.
    Host(HostPattern),
}

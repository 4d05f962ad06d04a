//! Firewall policies: settings, parents, and their rule collection groups.

use std::net::IpAddr;

use ipnet::IpNet;

use super::address::AddressEntry;
use super::deployment::Ownership;
use super::deployment::Scope;
use super::key::Key;
use super::key::Priority;
use super::rule::ApplicationRule;
use super::rule::NatRule;
use super::rule::NetworkRule;
use crate::flow::FqdnPattern;

/// The SKU tier of a policy or firewall (`azure-firewall.md §6.2`).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tier {
    /// Basic.
    Basic,
    /// Standard, Azure's default.
    #[default]
    Standard,
    /// Premium.
    Premium,
}

impl Tier {
    /// Azure's word.
    pub fn keyword(self) -> &'static str {
        match self {
            Tier::Basic => "Basic",
            Tier::Standard => "Standard",
            Tier::Premium => "Premium",
        }
    }
}

/// The mode of threat intelligence, from lax to strict (`azure-firewall.md §1.7`).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ThreatIntelMode {
    /// `Off`.
    Off,
    /// `Alert`, Azure's default.
    #[default]
    Alert,
    /// `Deny`.
    Deny,
}

impl ThreatIntelMode {
    /// Azure's word.
    pub fn keyword(self) -> &'static str {
        match self {
            ThreatIntelMode::Off => "Off",
            ThreatIntelMode::Alert => "Alert",
            ThreatIntelMode::Deny => "Deny",
        }
    }
}

/// `threatIntelWhitelist`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ThreatIntelAllowlist {
    /// `ipAddresses`.
    pub addresses: Vec<AddressEntry>,
    /// `fqdns`.
    pub fqdns: Vec<FqdnPattern>,
}

/// `dnsSettings`. `None` means that the property is not written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DnsSettings {
    /// `servers`; empty for Azure DNS.
    pub servers: Vec<IpAddr>,
    /// `enableProxy`; off by default.
    pub enable_proxy: Option<bool>,
    /// `requireProxyForNetworkRules`; on by default.
    pub require_proxy_for_network_rules: Option<bool>,
}

/// An entry of `snat.privateRanges` (`azure-firewall.md §4.2`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PrivateRange {
    /// The token `IANAPrivateRanges`: RFC 1918 and RFC 6598.
    Iana,
    /// A prefix.
    Prefix(IpNet),
}

/// `snat`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SnatSettings {
    /// `privateRanges`.
    pub private_ranges: Vec<PrivateRange>,
    /// `autoLearnPrivateRanges`.
    pub auto_learn: bool,
}

/// `explicitProxy` (`azure-firewall.md §2.12`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ExplicitProxy {
    /// `enableExplicitProxy`.
    pub enabled: bool,
    /// `httpPort`.
    pub http_port: Option<u16>,
    /// `httpsPort`.
    pub https_port: Option<u16>,
    /// `enablePacFile`.
    pub enable_pac_file: bool,
    /// `pacFilePort`.
    pub pac_file_port: Option<u16>,
    /// `pacFile`.
    pub pac_file: Option<String>,
}

/// A signature whose state is overridden.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignatureOverride {
    /// `id`.
    pub id: String,
    /// `mode`.
    pub mode: ThreatIntelMode,
}

/// Traffic that intrusion detection leaves alone, as written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IntrusionBypass {
    /// `name`.
    pub name: String,
    /// `protocol`.
    pub protocol: String,
    /// `sourceAddresses`.
    pub source_addresses: Vec<String>,
    /// `sourceIpGroups`.
    pub source_ip_groups: Vec<Key>,
    /// `destinationAddresses`.
    pub destination_addresses: Vec<String>,
    /// `destinationIpGroups`.
    pub destination_ip_groups: Vec<Key>,
    /// `destinationPorts`.
    pub destination_ports: Vec<String>,
}

/// `intrusionDetection` (`azure-firewall.md §1.8`). It never changes a verdict here; `Deny` is
/// reported as a note.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IntrusionDetection {
    /// `mode`; the three values are those of threat intelligence.
    pub mode: ThreatIntelMode,
    /// `profile`.
    pub profile: Option<String>,
    /// `configuration.signatureOverrides`.
    pub signature_overrides: Vec<SignatureOverride>,
    /// `configuration.bypassTrafficSettings`.
    pub bypass: Vec<IntrusionBypass>,
    /// `configuration.privateRanges`.
    pub private_ranges: Vec<IpNet>,
}

/// `transportSecurity.certificateAuthority`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateAuthority {
    /// `name`.
    pub name: String,
    /// `keyVaultSecretId`.
    pub key_vault_secret_id: String,
}

/// A firewall policy (`azure-firewall.md §7.1`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Policy {
    /// Where it lies.
    pub scope: Scope,
    /// Whether it is ours to write.
    pub ownership: Ownership,
    /// `sku.tier`.
    pub tier: Tier,
    /// `basePolicy`: the parent.
    pub base: Option<Key>,
    /// `threatIntelMode`.
    pub threat_intel_mode: ThreatIntelMode,
    /// `threatIntelWhitelist`.
    pub threat_intel_allowlist: ThreatIntelAllowlist,
    /// `dnsSettings`, where written.
    pub dns: Option<DnsSettings>,
    /// `snat`, where written.
    pub snat: Option<SnatSettings>,
    /// `sql.allowSqlRedirect`.
    pub allow_sql_redirect: bool,
    /// `explicitProxy`, where written.
    pub explicit_proxy: Option<ExplicitProxy>,
    /// `intrusionDetection`, where written.
    pub intrusion_detection: Option<IntrusionDetection>,
    /// `transportSecurity.certificateAuthority`, where written.
    pub certificate_authority: Option<CertificateAuthority>,
    /// Its rule collection groups, in no particular order.
    pub groups: Vec<RuleCollectionGroup>,
}

/// A rule collection group (`azure-firewall.md §7.2`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleCollectionGroup {
    /// The name, without that of the policy.
    pub name: Key,
    /// `priority`.
    pub priority: Priority,
    /// `ruleCollections`, in no particular order.
    pub collections: Vec<RuleCollection>,
}

/// A rule collection: one action for rules of one kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleCollection {
    /// `name`.
    pub name: Key,
    /// `priority`, compared among collections of its kind in its group.
    pub priority: Priority,
    /// Its rules, first match first.
    pub rules: Rules,
}

/// The rules of a collection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rules {
    /// Application rules.
    Application(Action, Vec<ApplicationRule>),
    /// Network rules.
    Network(Action, Vec<NetworkRule>),
    /// NAT rules; their action is always `DNAT`.
    Nat(Vec<NatRule>),
}

/// The action of a filter collection.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// `Allow`.
    Allow,
    /// `Deny`.
    Deny,
}

impl Action {
    /// Azure's word.
    pub fn keyword(self) -> &'static str {
        match self {
            Action::Allow => "Allow",
            Action::Deny => "Deny",
        }
    }
}

//! `firewallPolicies`: settings, groups and collections.

use serde::Deserialize;
use serde::Serialize;

use super::firewall::is_standard;
use super::firewall::standard;
use super::notation;
use super::notation::Number;
use super::reading;
use super::reading::Reading;
use super::resource::ScopeJson;
use super::resource::is_false;
use super::resource::is_ours;
use super::resource::ownership;
use super::resource::texts;
use super::rule::RuleJson;
use crate::azure::policy::Action;
use crate::azure::policy::CertificateAuthority;
use crate::azure::policy::DnsSettings;
use crate::azure::policy::ExplicitProxy;
use crate::azure::policy::IntrusionBypass;
use crate::azure::policy::IntrusionDetection;
use crate::azure::policy::Policy;
use crate::azure::policy::RuleCollection;
use crate::azure::policy::RuleCollectionGroup;
use crate::azure::policy::Rules;
use crate::azure::policy::SignatureOverride;
use crate::azure::policy::SnatSettings;
use crate::azure::policy::ThreatIntelAllowlist;
use crate::azure::policy::ThreatIntelMode;

/// An entry of `firewallPolicies` (`azure-firewall.md §7.1`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a firewall policy")]
pub(super) struct PolicyJson {
    #[serde(default, skip_serializing_if = "ScopeJson::is_default")]
    scope: ScopeJson,
    #[serde(default, skip_serializing_if = "is_false")]
    ours: bool,
    #[serde(default = "standard", skip_serializing_if = "is_standard")]
    sku: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_policy: Option<String>,
    #[serde(default = "alert", skip_serializing_if = "is_alert")]
    threat_intel_mode: String,
    #[serde(default, skip_serializing_if = "AllowlistJson::is_empty")]
    threat_intel_whitelist: AllowlistJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dns_settings: Option<DnsJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snat: Option<SnatJson>,
    #[serde(default, skip_serializing_if = "is_false")]
    allow_sql_redirect: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    explicit_proxy: Option<ProxyJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intrusion_detection: Option<IntrusionJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate_authority: Option<AuthorityJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rule_collection_groups: Vec<GroupJson>,
}

fn alert() -> String {
    ThreatIntelMode::default().keyword().to_owned()
}

fn is_alert(mode: &str) -> bool {
    mode == ThreatIntelMode::default().keyword()
}

impl PolicyJson {
    pub(super) fn of(policy: &Policy) -> PolicyJson {
        PolicyJson {
            scope: ScopeJson::of(&policy.scope),
            ours: is_ours(policy.ownership),
            sku: policy.tier.keyword().to_owned(),
            base_policy: policy.base.as_ref().map(ToString::to_string),
            threat_intel_mode: policy.threat_intel_mode.keyword().to_owned(),
            threat_intel_whitelist: AllowlistJson::of(&policy.threat_intel_allowlist),
            dns_settings: policy.dns.as_ref().map(DnsJson::of),
            snat: policy.snat.as_ref().map(SnatJson::of),
            allow_sql_redirect: policy.allow_sql_redirect,
            explicit_proxy: policy.explicit_proxy.as_ref().map(ProxyJson::of),
            intrusion_detection: policy.intrusion_detection.as_ref().map(IntrusionJson::of),
            certificate_authority: policy.certificate_authority.as_ref().map(AuthorityJson::of),
            rule_collection_groups: policy.groups.iter().map(GroupJson::of).collect(),
        }
    }

    pub(super) fn read(self, reading: &mut Reading) -> Option<Policy> {
        let tier = reading.field("sku", &self.sku, notation::tier);
        let base = reading.optional("basePolicy", self.base_policy.as_deref(), reading::key);
        let mode = reading.field("threatIntelMode", &self.threat_intel_mode, notation::mode);
        let allowlist = reading
            .within("threatIntelWhitelist", |reading| self.threat_intel_whitelist.read(reading));
        let dns =
            self.dns_settings.map(|dns| reading.within("dnsSettings", |reading| dns.read(reading)));
        let snat = self.snat.map(|snat| reading.within("snat", |reading| snat.read(reading)));
        let proxy = self
            .explicit_proxy
            .map(|proxy| reading.within("explicitProxy", |reading| proxy.read(reading)));
        let intrusion = self.intrusion_detection.and_then(|intrusion| {
            reading.within("intrusionDetection", |reading| intrusion.read(reading))
        });
        let groups =
            reading.list("ruleCollectionGroups", self.rule_collection_groups, GroupJson::read);
        Some(Policy {
            scope: self.scope.read(),
            ownership: ownership(self.ours),
            tier: tier?,
            base,
            threat_intel_mode: mode?,
            threat_intel_allowlist: allowlist,
            dns,
            snat,
            allow_sql_redirect: self.allow_sql_redirect,
            explicit_proxy: proxy,
            intrusion_detection: intrusion,
            certificate_authority: self.certificate_authority.map(AuthorityJson::read),
            groups,
        })
    }
}

/// `threatIntelWhitelist`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a list of exceptions")]
struct AllowlistJson {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ip_addresses: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fqdns: Vec<String>,
}

impl AllowlistJson {
    fn of(list: &ThreatIntelAllowlist) -> AllowlistJson {
        AllowlistJson {
            ip_addresses: texts(&list.addresses, notation::address_text),
            fqdns: texts(&list.fqdns, ToString::to_string),
        }
    }

    fn is_empty(&self) -> bool {
        *self == AllowlistJson::default()
    }

    fn read(self, reading: &mut Reading) -> ThreatIntelAllowlist {
        ThreatIntelAllowlist {
            addresses: reading.texts("ipAddresses", self.ip_addresses, notation::address),
            fqdns: reading.texts("fqdns", self.fqdns, notation::pattern),
        }
    }
}

/// `dnsSettings`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "DNS settings")]
struct DnsJson {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    servers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enable_proxy: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    require_proxy_for_network_rules: Option<bool>,
}

impl DnsJson {
    fn of(dns: &DnsSettings) -> DnsJson {
        DnsJson {
            servers: texts(&dns.servers, ToString::to_string),
            enable_proxy: dns.enable_proxy,
            require_proxy_for_network_rules: dns.require_proxy_for_network_rules,
        }
    }

    fn read(self, reading: &mut Reading) -> DnsSettings {
        DnsSettings {
            servers: reading.texts("servers", self.servers, notation::single_address),
            enable_proxy: self.enable_proxy,
            require_proxy_for_network_rules: self.require_proxy_for_network_rules,
        }
    }
}

/// `snat`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "SNAT settings")]
struct SnatJson {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    private_ranges: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    auto_learn_private_ranges: bool,
}

impl SnatJson {
    fn of(snat: &SnatSettings) -> SnatJson {
        SnatJson {
            private_ranges: texts(&snat.private_ranges, notation::private_range_text),
            auto_learn_private_ranges: snat.auto_learn,
        }
    }

    fn read(self, reading: &mut Reading) -> SnatSettings {
        SnatSettings {
            private_ranges: reading.texts(
                "privateRanges",
                self.private_ranges,
                notation::private_range,
            ),
            auto_learn: self.auto_learn_private_ranges,
        }
    }
}

/// `explicitProxy`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an explicit proxy")]
struct ProxyJson {
    #[serde(default, skip_serializing_if = "is_false")]
    enable_explicit_proxy: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_port: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    https_port: Option<Number>,
    #[serde(default, skip_serializing_if = "is_false")]
    enable_pac_file: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pac_file_port: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pac_file: Option<String>,
}

impl ProxyJson {
    fn of(proxy: &ExplicitProxy) -> ProxyJson {
        ProxyJson {
            enable_explicit_proxy: proxy.enabled,
            http_port: proxy.http_port.map(Number::from),
            https_port: proxy.https_port.map(Number::from),
            enable_pac_file: proxy.enable_pac_file,
            pac_file_port: proxy.pac_file_port.map(Number::from),
            pac_file: proxy.pac_file.clone(),
        }
    }

    fn read(self, reading: &mut Reading) -> ExplicitProxy {
        let mut port = |field: &str, number: Option<Number>| {
            number.and_then(|number| reading.within(field, |reading| number.port(reading)))
        };
        ExplicitProxy {
            enabled: self.enable_explicit_proxy,
            http_port: port("httpPort", self.http_port),
            https_port: port("httpsPort", self.https_port),
            enable_pac_file: self.enable_pac_file,
            pac_file_port: port("pacFilePort", self.pac_file_port),
            pac_file: self.pac_file,
        }
    }
}

/// `intrusionDetection`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "intrusion detection")]
struct IntrusionJson {
    mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    signature_overrides: Vec<OverrideJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bypass_traffic_settings: Vec<BypassJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    private_ranges: Vec<String>,
}

impl IntrusionJson {
    fn of(intrusion: &IntrusionDetection) -> IntrusionJson {
        IntrusionJson {
            mode: intrusion.mode.keyword().to_owned(),
            profile: intrusion.profile.clone(),
            signature_overrides: intrusion
                .signature_overrides
                .iter()
                .map(OverrideJson::of)
                .collect(),
            bypass_traffic_settings: intrusion.bypass.iter().map(BypassJson::of).collect(),
            private_ranges: texts(&intrusion.private_ranges, ToString::to_string),
        }
    }

    fn read(self, reading: &mut Reading) -> Option<IntrusionDetection> {
        let mode = reading.field("mode", &self.mode, notation::mode);
        let signature_overrides =
            reading.list("signatureOverrides", self.signature_overrides, OverrideJson::read);
        let bypass =
            reading.list("bypassTrafficSettings", self.bypass_traffic_settings, BypassJson::read);
        let private_ranges = reading.texts("privateRanges", self.private_ranges, notation::prefix);
        let profile = self.profile;
        Some(IntrusionDetection {
            mode: mode?,
            profile,
            signature_overrides,
            bypass,
            private_ranges,
        })
    }
}

/// An element of `signatureOverrides`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a signature and its mode")]
struct OverrideJson {
    id: String,
    mode: String,
}

impl OverrideJson {
    fn of(signature: &SignatureOverride) -> OverrideJson {
        OverrideJson { id: signature.id.clone(), mode: signature.mode.keyword().to_owned() }
    }

    fn read(self, reading: &mut Reading) -> Option<SignatureOverride> {
        let mode = reading.field("mode", &self.mode, notation::mode)?;
        Some(SignatureOverride { id: self.id, mode })
    }
}

/// An element of `bypassTrafficSettings`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "bypassed traffic")]
struct BypassJson {
    name: String,
    protocol: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_addresses: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_ip_groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    destination_addresses: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    destination_ip_groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    destination_ports: Vec<String>,
}

impl BypassJson {
    fn of(bypass: &IntrusionBypass) -> BypassJson {
        BypassJson {
            name: bypass.name.clone(),
            protocol: bypass.protocol.clone(),
            source_addresses: bypass.source_addresses.clone(),
            source_ip_groups: texts(&bypass.source_ip_groups, ToString::to_string),
            destination_addresses: bypass.destination_addresses.clone(),
            destination_ip_groups: texts(&bypass.destination_ip_groups, ToString::to_string),
            destination_ports: bypass.destination_ports.clone(),
        }
    }

    fn read(self, reading: &mut Reading) -> IntrusionBypass {
        IntrusionBypass {
            name: self.name,
            protocol: self.protocol,
            source_addresses: self.source_addresses,
            source_ip_groups: reading.texts("sourceIpGroups", self.source_ip_groups, reading::key),
            destination_addresses: self.destination_addresses,
            destination_ip_groups: reading.texts(
                "destinationIpGroups",
                self.destination_ip_groups,
                reading::key,
            ),
            destination_ports: self.destination_ports,
        }
    }
}

/// `certificateAuthority`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a certificate authority")]
struct AuthorityJson {
    name: String,
    key_vault_secret_id: String,
}

impl AuthorityJson {
    fn of(authority: &CertificateAuthority) -> AuthorityJson {
        let CertificateAuthority { name, key_vault_secret_id } = authority.clone();
        AuthorityJson { name, key_vault_secret_id }
    }

    fn read(self) -> CertificateAuthority {
        let AuthorityJson { name, key_vault_secret_id } = self;
        CertificateAuthority { name, key_vault_secret_id }
    }
}

/// An element of `ruleCollectionGroups` (`azure-firewall.md §7.2`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a rule collection group")]
struct GroupJson {
    name: String,
    priority: Number,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rule_collections: Vec<CollectionJson>,
}

impl GroupJson {
    fn of(group: &RuleCollectionGroup) -> GroupJson {
        GroupJson {
            name: group.name.to_string(),
            priority: group.priority.get().into(),
            rule_collections: group.collections.iter().map(CollectionJson::of).collect(),
        }
    }

    fn read(self, reading: &mut Reading) -> Option<RuleCollectionGroup> {
        let name = reading.field("name", &self.name, reading::key);
        let priority = reading.within("priority", |reading| self.priority.priority(reading));
        let collections =
            reading.list("ruleCollections", self.rule_collections, CollectionJson::read);
        Some(RuleCollectionGroup { name: name?, priority: priority?, collections })
    }
}

/// An element of `ruleCollections`. The kind says which fields its rules may have.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a rule collection")]
struct CollectionJson {
    name: String,
    priority: Number,
    kind: String,
    action: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleJson>,
}

const NETWORK: &str = "network";
const APPLICATION: &str = "application";
const NAT: &str = "nat";
const DNAT: &str = "DNAT";

impl CollectionJson {
    fn of(collection: &RuleCollection) -> CollectionJson {
        let (kind, action, rules) = match &collection.rules {
            Rules::Network(action, rules) => {
                (NETWORK, action.keyword(), rules.iter().map(RuleJson::of_network).collect())
            }
            Rules::Application(action, rules) => (
                APPLICATION,
                action.keyword(),
                rules.iter().map(RuleJson::of_application).collect(),
            ),
            Rules::Nat(rules) => (NAT, DNAT, rules.iter().map(RuleJson::of_nat).collect()),
        };
        CollectionJson {
            name: collection.name.to_string(),
            priority: collection.priority.get().into(),
            kind: kind.to_owned(),
            action: action.to_owned(),
            rules,
        }
    }

    fn read(self, reading: &mut Reading) -> Option<RuleCollection> {
        let name = reading.field("name", &self.name, reading::key);
        let priority = reading.within("priority", |reading| self.priority.priority(reading));
        let action = |text: &str, reading: &mut Reading| {
            reading.word(text, &[Action::Allow, Action::Deny], Action::keyword)
        };
        let rules = match self.kind.as_str() {
            NETWORK => {
                let action = reading.field("action", &self.action, action);
                let rules = reading.list("rules", self.rules, RuleJson::read_network);
                action.map(|action| Rules::Network(action, rules))
            }
            APPLICATION => {
                let action = reading.field("action", &self.action, action);
                let rules = reading.list("rules", self.rules, RuleJson::read_application);
                action.map(|action| Rules::Application(action, rules))
            }
            NAT => {
                let action = reading.field("action", &self.action, |text, reading| {
                    reading.word(text, &[()], |()| DNAT)
                });
                let rules = reading.list("rules", self.rules, RuleJson::read_nat);
                action.map(|()| Rules::Nat(rules))
            }
            found => {
                let text =
                    format!("expected `{NETWORK}`, `{APPLICATION}` or `{NAT}`, found `{found}`");
                reading.within("kind", |reading| reading.object(text));
                None
            }
        };
        Some(RuleCollection { name: name?, priority: priority?, rules: rules? })
    }
}

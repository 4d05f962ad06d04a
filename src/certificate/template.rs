//! Reads policies, their groups and IP groups: as ARM templates have them, and as
//! `exeat.deployment/1` has those that exist already.
//!
//! It reads for itself what `emit` has written, with serde and nothing else: a rule that was
//! written wrongly is read as Azure would. A field that it does not know is an error.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::CertificateError;

/// A text that a certificate is about.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// What it is called, for messages.
    pub file: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// What was read of all texts. Names of resources are in lower case: Azure compares them so.
#[derive(Debug, Default)]
pub(super) struct Resources {
    pub(super) policies: BTreeMap<String, Policy>,
    pub(super) ip_groups: BTreeMap<String, Vec<String>>,
    /// The prefixes of the subnets that stand in `exeat.deployment/1`.
    pub(super) subnets: Vec<String>,
}

/// A policy with its groups.
#[derive(Debug, Default)]
pub(super) struct Policy {
    /// Its name as written.
    pub(super) name: String,
    /// Its parent, in lower case.
    pub(super) base: Option<String>,
    /// Whether it is one of the templates, and not of what stands beside them.
    pub(super) is_written: bool,
    pub(super) redirects_sql: bool,
    pub(super) snat: Option<Snat>,
    pub(super) has_explicit_proxy: bool,
    pub(super) groups: Vec<Group>,
}

/// Which destinations keep the source's address (`azure-firewall.md §4.2`).
#[derive(Debug)]
pub(super) struct Snat {
    /// Prefixes, or `IANAPrivateRanges`.
    pub(super) private_ranges: Vec<String>,
    pub(super) learns: bool,
}

/// A rule collection group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) priority: u16,
    pub(super) collections: Vec<Collection>,
}

/// A rule collection.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Collection {
    pub(super) name: String,
    pub(super) priority: u16,
    action: Wrapped,
    #[serde(default)]
    rule_collection_type: Option<String>,
    /// What `exeat.deployment/1` says instead of the type.
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
}

/// A rule of any kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) name: String,
    /// Its kind, which `exeat.deployment/1` says of the collection.
    #[serde(default, rename = "ruleType")]
    form: Option<String>,
    #[serde(default, rename = "description")]
    _description: IgnoredAny,
    #[serde(default)]
    pub(super) source_addresses: Vec<String>,
    #[serde(default)]
    pub(super) source_ip_groups: Vec<String>,
    #[serde(default)]
    pub(super) destination_addresses: Vec<String>,
    #[serde(default)]
    pub(super) destination_ip_groups: Vec<String>,
    #[serde(default)]
    pub(super) destination_fqdns: Vec<String>,
    #[serde(default)]
    pub(super) destination_ports: Vec<String>,
    #[serde(default)]
    pub(super) ip_protocols: Vec<String>,
    #[serde(default)]
    pub(super) protocols: Vec<Pair>,
    #[serde(default)]
    pub(super) target_fqdns: Vec<String>,
    #[serde(default)]
    pub(super) fqdn_tags: Vec<String>,
    #[serde(default)]
    pub(super) target_urls: Vec<String>,
    #[serde(default)]
    pub(super) web_categories: Vec<String>,
    #[serde(default)]
    pub(super) unknown_targets: Vec<String>,
    #[serde(default, rename = "terminateTLS")]
    pub(super) terminate_tls: bool,
    /// They change what is sent, and not whether it is.
    #[serde(default, rename = "httpHeadersToInsert")]
    _http_headers: IgnoredAny,
    #[serde(default, rename = "translatedAddress")]
    _translated_address: IgnoredAny,
    #[serde(default, rename = "translatedFqdn")]
    _translated_fqdn: IgnoredAny,
    #[serde(default, rename = "translatedPort")]
    _translated_port: IgnoredAny,
}

/// A protocol and port: an object in ARM, `Https:443` in `exeat.deployment/1`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Pair {
    Text(String),
    #[serde(rename_all = "camelCase")]
    Object {
        protocol_type: String,
        port: u16,
    },
}

/// A word: in an object in ARM, alone in `exeat.deployment/1`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Wrapped {
    Text(String),
    Object {
        #[serde(rename = "type")]
        word: String,
    },
}

/// What the rules of a collection are, and what becomes of flows that they match.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Network { allows: bool },
    Application { allows: bool },
    Nat,
}

impl Collection {
    /// The kind of its rules, which are of one kind (`azure-firewall.md §1.2`).
    pub(super) fn kind(&self, at: &str) -> Result<Kind, CertificateError> {
        let value = |expected: &'static str, found: &str| CertificateError::Value {
            at: at.to_owned(),
            expected,
            found: found.to_owned(),
        };
        if self.rule_collection_type.as_deref() == Some("FirewallPolicyNatRuleCollection") {
            return Ok(Kind::Nat);
        }
        let action = match &self.action {
            Wrapped::Text(word) | Wrapped::Object { word } => word.as_str(),
        };
        let allows = match action {
            "Allow" => true,
            "Deny" => false,
            "DNAT" => return Ok(Kind::Nat),
            other => return Err(value("`Allow` or `Deny`", other)),
        };
        let of_rules = self.rules.iter().map(|rule| rule.form.as_deref().unwrap_or_default());
        let mut kinds: Vec<&str> = match &self.kind {
            Some(kind) => vec![kind],
            None => of_rules.collect(),
        };
        kinds.dedup();
        match kinds.as_slice() {
            // Without a rule, it makes no difference.
            [] | ["NetworkRule" | "network"] => Ok(Kind::Network { allows }),
            ["ApplicationRule" | "application"] => Ok(Kind::Application { allows }),
            ["NatRule" | "nat"] => Ok(Kind::Nat),
            others => Err(value("rules of one kind", &others.join(", "))),
        }
    }
}

#[derive(Deserialize)]
struct Template {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    properties: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupProperties {
    priority: u16,
    #[serde(default)]
    rule_collections: Vec<Collection>,
}

/// The properties of a policy, in ARM and in `exeat.deployment/1`: what can only stop a flow, or
/// bears on none, is passed over by name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyProperties {
    #[serde(default, rename = "sku")]
    _sku: IgnoredAny,
    #[serde(default, rename = "ours")]
    _ours: IgnoredAny,
    #[serde(default, rename = "scope")]
    _scope: IgnoredAny,
    #[serde(default)]
    base_policy: Option<Base>,
    #[serde(default, rename = "threatIntelMode")]
    _threat_intel_mode: IgnoredAny,
    #[serde(default, rename = "threatIntelWhitelist")]
    _threat_intel_whitelist: IgnoredAny,
    #[serde(default, rename = "dnsSettings")]
    _dns_settings: IgnoredAny,
    #[serde(default)]
    snat: Option<SnatProperties>,
    #[serde(default)]
    sql: Option<Sql>,
    #[serde(default)]
    allow_sql_redirect: bool,
    #[serde(default)]
    explicit_proxy: Option<ExplicitProxy>,
    #[serde(default, rename = "intrusionDetection")]
    _intrusion_detection: IgnoredAny,
    #[serde(default, rename = "transportSecurity")]
    _transport_security: IgnoredAny,
    #[serde(default, rename = "certificateAuthority")]
    _certificate_authority: IgnoredAny,
    #[serde(default)]
    rule_collection_groups: Vec<StatedGroup>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Base {
    Text(String),
    Object { id: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnatProperties {
    #[serde(default)]
    private_ranges: Vec<String>,
    #[serde(default)]
    auto_learn_private_ranges: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sql {
    #[serde(default)]
    allow_sql_redirect: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExplicitProxy {
    #[serde(default)]
    enable_explicit_proxy: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StatedGroup {
    name: String,
    priority: u16,
    #[serde(default)]
    rule_collections: Vec<Collection>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IpGroupProperties {
    #[serde(default)]
    ip_addresses: Vec<String>,
}

/// The part of `exeat.deployment/1` that firewalls are governed by.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stated {
    #[serde(default)]
    firewall_policies: BTreeMap<String, PolicyProperties>,
    #[serde(default)]
    ip_groups: BTreeMap<String, IpGroupProperties>,
    #[serde(default)]
    virtual_networks: BTreeMap<String, StatedNetwork>,
}

#[derive(Deserialize)]
struct StatedNetwork {
    #[serde(default)]
    subnets: Vec<StatedSubnet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatedSubnet {
    address_prefixes: Vec<String>,
}

/// Resources of templates that hold no rule. Routes and networks are no part of the question.
const WITHOUT_RULES: [&str; 4] = [
    "Microsoft.Network/routeTables",
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/virtualNetworks/subnets",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
];

impl Resources {
    /// Adds what an ARM template holds.
    pub(super) fn add_template(&mut self, given: Given<'_>) -> Result<(), CertificateError> {
        let unreadable =
            |error| CertificateError::Unreadable { file: given.file.to_owned(), error };
        let template: Template = serde_json::from_str(given.text).map_err(unreadable)?;
        for Resource { kind, name, properties } in template.resources {
            let name = text(&name);
            match kind.as_str() {
                "Microsoft.Network/firewallPolicies" => {
                    let properties = serde_json::from_value(properties).map_err(unreadable)?;
                    self.add_policy(&name, properties, true)?;
                }
                "Microsoft.Network/firewallPolicies/ruleCollectionGroups" => {
                    let properties: GroupProperties =
                        serde_json::from_value(properties).map_err(unreadable)?;
                    self.add_group(&name, properties)?;
                }
                "Microsoft.Network/ipGroups" => {
                    let properties: IpGroupProperties =
                        serde_json::from_value(properties).map_err(unreadable)?;
                    self.ip_groups.insert(name.to_ascii_lowercase(), properties.ip_addresses);
                }
                other if WITHOUT_RULES.contains(&other) => {}
                other => {
                    return Err(CertificateError::Value {
                        at: name,
                        expected: "a policy, its groups, IP groups, routes or networks",
                        found: other.to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Adds what a document `exeat.deployment/1` holds.
    pub(super) fn add_stated(&mut self, given: Given<'_>) -> Result<(), CertificateError> {
        let unreadable =
            |error| CertificateError::Unreadable { file: given.file.to_owned(), error };
        let stated: Stated = serde_json::from_str(given.text).map_err(unreadable)?;
        for (name, properties) in stated.firewall_policies {
            self.add_policy(&name, properties, false)?;
        }
        for (name, group) in stated.ip_groups {
            self.ip_groups.insert(name.to_ascii_lowercase(), group.ip_addresses);
        }
        let subnets = stated.virtual_networks.into_values().flat_map(|network| network.subnets);
        self.subnets.extend(subnets.flat_map(|subnet| subnet.address_prefixes));
        Ok(())
    }

    fn add_policy(
        &mut self,
        name: &str,
        properties: PolicyProperties,
        is_written: bool,
    ) -> Result<(), CertificateError> {
        let base = match &properties.base_policy {
            None => None,
            Some(Base::Text(name)) => Some(name.clone()),
            Some(Base::Object { id }) => Some(named_by(id, name)?),
        };
        let groups = properties.rule_collection_groups.into_iter().map(|group| Group {
            name: group.name,
            priority: group.priority,
            collections: group.rule_collections,
        });
        let learns = |value: &Value| *value == Value::Bool(true) || *value == "Enabled";
        // Its groups may have come before it.
        let policy = self.policies.entry(name.to_ascii_lowercase()).or_default();
        name.clone_into(&mut policy.name);
        policy.base = base.map(|base| base.to_ascii_lowercase());
        policy.is_written = is_written;
        policy.redirects_sql = properties.allow_sql_redirect
            || properties.sql.is_some_and(|sql| sql.allow_sql_redirect);
        policy.snat = properties.snat.map(|snat| Snat {
            learns: learns(&snat.auto_learn_private_ranges),
            private_ranges: snat.private_ranges,
        });
        policy.has_explicit_proxy =
            properties.explicit_proxy.is_some_and(|proxy| proxy.enable_explicit_proxy);
        policy.groups.extend(groups);
        Ok(())
    }

    fn add_group(
        &mut self,
        names: &str,
        properties: GroupProperties,
    ) -> Result<(), CertificateError> {
        let Some((policy, name)) = names.split_once('/') else {
            return Err(CertificateError::Value {
                at: "a rule collection group".to_owned(),
                expected: "the names of its policy and itself",
                found: names.to_owned(),
            });
        };
        let policy = self.policies.entry(policy.to_ascii_lowercase()).or_default();
        policy.groups.push(Group {
            name: name.to_owned(),
            priority: properties.priority,
            collections: properties.rule_collections,
        });
        Ok(())
    }
}

/// A text of a template that is no expression: one in brackets is written with two of them.
pub(super) fn text(written: &str) -> String {
    match written.strip_prefix("[[") {
        Some(rest) if written.ends_with(']') => format!("[{rest}"),
        Some(_) | None => written.to_owned(),
    }
}

/// The name of the resource that an id leads to: the last argument of `[resourceId(…)]`, the last
/// part of an id that is written out, or the name itself.
pub(super) fn named_by(id: &str, at: &str) -> Result<String, CertificateError> {
    let Some(expression) = id.strip_prefix('[').filter(|_| !id.starts_with("[[")) else {
        return Ok(text(id.rsplit('/').next().unwrap_or(id)));
    };
    let last = expression
        .strip_prefix("resourceId(")
        .and_then(|arguments| arguments.strip_suffix("')]"))
        .and_then(|arguments| arguments.rsplit_once(", '"))
        .map(|(_, last)| last.replace("''", "'"));
    last.ok_or_else(|| CertificateError::Value {
        at: at.to_owned(),
        expected: "the id of a resource",
        found: id.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_each_form_lead_to_a_name() {
        for id in [
            "[resourceId('Microsoft.Network/ipGroups', 'ipg-nodes')]",
            "[resourceId('rg', 'Microsoft.Network/ipGroups', 'ipg-nodes')]",
            "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Network/ipGroups/ipg-nodes",
            "ipg-nodes",
        ] {
            assert_eq!(named_by(id, "a rule").unwrap(), "ipg-nodes", "{id}");
        }
        assert!(named_by("[parameters('group')]", "a rule").is_err());
    }

    #[test]
    fn a_field_that_is_not_known_is_an_error() {
        let text = r#"{"resources": [{"type": "Microsoft.Network/firewallPolicies/ruleCollectionGroups", "name": "p/g",
            "properties": {"priority": 100, "ruleCollections": [{"name": "c", "priority": 100, "action": {"type": "Allow"},
            "rules": [{"ruleType": "NetworkRule", "name": "r", "geography": ["west"]}]}]}}]}"#;
        let error = Resources::default().add_template(Given { file: "policy.json", text });
        assert!(error.unwrap_err().to_string().contains("geography"));
    }
}

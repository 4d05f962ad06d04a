//! `networkSecurityGroups`.

use serde::Deserialize;
use serde::Serialize;

use super::notation;
use super::notation::Number;
use super::reading::Reading;
use super::resource::ScopeJson;
use super::resource::is_false;
use super::resource::is_ours;
use super::resource::ownership;
use super::resource::texts;
use crate::azure::policy::Action;
use crate::azure::security_group::Direction;
use crate::azure::security_group::NetworkSecurityGroup;
use crate::azure::security_group::SecurityRule;

/// An entry of `networkSecurityGroups`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a network security group")]
pub(super) struct NetworkSecurityGroupJson {
    #[serde(default, skip_serializing_if = "ScopeJson::is_default")]
    scope: ScopeJson,
    #[serde(default, skip_serializing_if = "is_false")]
    ours: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    security_rules: Vec<SecurityRuleJson>,
}

impl NetworkSecurityGroupJson {
    pub(super) fn of(group: &NetworkSecurityGroup) -> NetworkSecurityGroupJson {
        NetworkSecurityGroupJson {
            scope: ScopeJson::of(&group.scope),
            ours: is_ours(group.ownership),
            security_rules: group.rules.iter().map(SecurityRuleJson::of).collect(),
        }
    }

    pub(super) fn read(self, reading: &mut Reading) -> NetworkSecurityGroup {
        NetworkSecurityGroup {
            scope: self.scope.read(),
            ownership: ownership(self.ours),
            rules: reading.list("securityRules", self.security_rules, SecurityRuleJson::read),
        }
    }
}

/// An element of `securityRules`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a security rule")]
struct SecurityRuleJson {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    priority: Number,
    direction: String,
    access: String,
    #[serde(default = "any", skip_serializing_if = "is_any")]
    protocol: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_address_prefixes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_port_ranges: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    destination_address_prefixes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    destination_port_ranges: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_application_security_groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    destination_application_security_groups: Vec<String>,
}

fn any() -> String {
    "*".to_owned()
}

fn is_any(protocol: &str) -> bool {
    protocol == "*"
}

/// The lowest and highest priority of a security rule (`azure-nsg.md §1.1`).
const PRIORITIES: std::ops::RangeInclusive<u16> = 100..=4096;

impl SecurityRuleJson {
    fn of(rule: &SecurityRule) -> SecurityRuleJson {
        SecurityRuleJson {
            name: rule.name.clone(),
            description: rule.description.clone(),
            priority: rule.priority.into(),
            direction: rule.direction.keyword().to_owned(),
            access: rule.access.keyword().to_owned(),
            protocol: notation::security_protocol_text(rule.protocol),
            source_address_prefixes: texts(&rule.sources, notation::destination_text),
            source_port_ranges: texts(&rule.source_ports, ToString::to_string),
            destination_address_prefixes: texts(&rule.destinations, notation::destination_text),
            destination_port_ranges: texts(&rule.destination_ports, ToString::to_string),
            source_application_security_groups: rule.source_groups.clone(),
            destination_application_security_groups: rule.destination_groups.clone(),
        }
    }

    fn read(self, reading: &mut Reading) -> Option<SecurityRule> {
        let priority = reading.within("priority", |reading| {
            let priority = u16::try_from(self.priority.0).ok();
            let priority = priority.filter(|priority| PRIORITIES.contains(priority));
            if priority.is_none() {
                let (first, last) = (PRIORITIES.start(), PRIORITIES.end());
                let found = self.priority.0;
                reading
                    .object(format!("expected a priority from {first} to {last}, found `{found}`"));
            }
            priority
        });
        let direction = reading.field("direction", &self.direction, |text, reading| {
            reading.word(text, &[Direction::Inbound, Direction::Outbound], Direction::keyword)
        });
        let access = reading.field("access", &self.access, |text, reading| {
            reading.word(text, &[Action::Allow, Action::Deny], Action::keyword)
        });
        let protocol = reading.field("protocol", &self.protocol, notation::security_protocol);
        let sources = reading.texts(
            "sourceAddressPrefixes",
            self.source_address_prefixes,
            notation::destination,
        );
        let source_ports =
            reading.texts("sourcePortRanges", self.source_port_ranges, notation::port);
        let destinations = reading.texts(
            "destinationAddressPrefixes",
            self.destination_address_prefixes,
            notation::destination,
        );
        let destination_ports =
            reading.texts("destinationPortRanges", self.destination_port_ranges, notation::port);
        Some(SecurityRule {
            name: self.name,
            description: self.description,
            priority: priority?,
            direction: direction?,
            access: access?,
            protocol,
            sources,
            source_ports,
            destinations,
            destination_ports,
            source_groups: self.source_application_security_groups,
            destination_groups: self.destination_application_security_groups,
        })
    }
}

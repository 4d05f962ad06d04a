//! What resources have in common, and the smallest of them.

use serde::Deserialize;
use serde::Serialize;

use super::notation;
use super::reading;
use super::reading::Reading;
use crate::azure::deployment::IpGroup;
use crate::azure::deployment::Origin;
use crate::azure::deployment::Ownership;
use crate::azure::deployment::RuleId;
use crate::azure::deployment::Scope;
use crate::azure::deployment::Unknown;

/// Whether a flag has its default.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields by reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Whether a flag has its default.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields by reference")]
pub(super) fn is_true(flag: &bool) -> bool {
    *flag
}

/// The default of flags that are on.
pub(super) fn yes() -> bool {
    true
}

/// The texts of a list, each written by `text`.
pub(super) fn texts<T>(items: &[T], text: impl Fn(&T) -> String) -> Vec<String> {
    items.iter().map(text).collect()
}

/// `scope`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a scope")]
pub(super) struct ScopeJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subscription: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

impl ScopeJson {
    pub(super) fn of(scope: &Scope) -> ScopeJson {
        let Scope { subscription, resource_group, location } = scope.clone();
        ScopeJson { subscription, resource_group, location }
    }

    pub(super) fn is_default(&self) -> bool {
        *self == ScopeJson::default()
    }

    pub(super) fn read(self) -> Scope {
        let ScopeJson { subscription, resource_group, location } = self;
        Scope { subscription, resource_group, location }
    }
}

/// `ours` as written.
pub(super) fn is_ours(ownership: Ownership) -> bool {
    match ownership {
        Ownership::Ours => true,
        Ownership::Existing => false,
    }
}

/// `ours` as read.
pub(super) fn ownership(ours: bool) -> Ownership {
    if ours { Ownership::Ours } else { Ownership::Existing }
}

/// An entry of `ipGroups`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an IP group")]
pub(super) struct IpGroupJson {
    #[serde(default, skip_serializing_if = "ScopeJson::is_default")]
    scope: ScopeJson,
    #[serde(default, skip_serializing_if = "is_false")]
    ours: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ip_addresses: Vec<String>,
}

impl IpGroupJson {
    pub(super) fn of(group: &IpGroup) -> IpGroupJson {
        let IpGroup { scope, ownership, addresses } = group;
        IpGroupJson {
            scope: ScopeJson::of(scope),
            ours: is_ours(*ownership),
            ip_addresses: texts(addresses, notation::address_text),
        }
    }

    pub(super) fn read(self, reading: &mut Reading) -> IpGroup {
        IpGroup {
            scope: self.scope.read(),
            ownership: ownership(self.ours),
            addresses: reading.texts("ipAddresses", self.ip_addresses, notation::address),
        }
    }
}

/// An element of `unknowns`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an unknown")]
pub(super) struct UnknownJson {
    pub(super) name: String,
    pub(super) because: String,
}

impl UnknownJson {
    pub(super) fn read(self, _: &mut Reading) -> Unknown {
        Unknown { name: self.name, because: self.because }
    }
}

/// An element of `origins`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an origin")]
pub(super) struct OriginJson {
    firewall_policy: String,
    rule_collection_group: String,
    rule_collection: String,
    rule: String,
    file: String,
    label: String,
}

impl OriginJson {
    pub(super) fn of((id, origin): (&RuleId, &Origin)) -> OriginJson {
        OriginJson {
            firewall_policy: id.policy.to_string(),
            rule_collection_group: id.group.to_string(),
            rule_collection: id.collection.to_string(),
            rule: id.rule.clone(),
            file: origin.file.clone(),
            label: origin.label.clone(),
        }
    }

    pub(super) fn read(self, reading: &mut Reading) -> Option<(RuleId, Origin)> {
        let policy = reading.field("firewallPolicy", &self.firewall_policy, reading::key);
        let group = reading.field("ruleCollectionGroup", &self.rule_collection_group, reading::key);
        let collection = reading.field("ruleCollection", &self.rule_collection, reading::key);
        let id =
            RuleId { policy: policy?, group: group?, collection: collection?, rule: self.rule };
        Some((id, Origin { file: self.file, label: self.label }))
    }
}

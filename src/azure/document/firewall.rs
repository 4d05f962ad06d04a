//! `azureFirewalls`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use super::notation;
use super::reading;
use super::reading::Reading;
use super::resource::ScopeJson;
use super::resource::is_false;
use super::resource::is_ours;
use super::resource::ownership;
use super::resource::texts;
use crate::azure::firewall::Firewall;
use crate::azure::firewall::FirewallPlace;
use crate::azure::key::Key;
use crate::azure::policy::Policy;
use crate::azure::policy::Tier;

/// An entry of `azureFirewalls`. Just one of `virtualNetwork` and `virtualHub` is there.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a firewall")]
pub(super) struct FirewallJson {
    #[serde(default, skip_serializing_if = "ScopeJson::is_default")]
    scope: ScopeJson,
    #[serde(default, skip_serializing_if = "is_false")]
    ours: bool,
    /// None is that of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    virtual_network: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    virtual_hub: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    firewall_policy: Option<String>,
    private_ip_address: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    public_ip_addresses: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    forced_tunneling: bool,
}

/// The tier of a firewall that states none: the one that its policy asks for
/// (`azure-firewall.md §6.2`).
pub(super) fn tier_of(policies: &BTreeMap<Key, Policy>, policy: Option<&Key>) -> Tier {
    policy.and_then(|name| policies.get(name)).map(|policy| policy.tier).unwrap_or_default()
}

/// The default of a policy's `sku`.
pub(super) fn standard() -> String {
    Tier::default().keyword().to_owned()
}

/// Whether `sku` has its default.
pub(super) fn is_standard(sku: &str) -> bool {
    sku == Tier::default().keyword()
}

impl FirewallJson {
    /// The entry, where the policy is of the tier `of_policy`.
    pub(super) fn of(firewall: &Firewall, of_policy: Tier) -> FirewallJson {
        let is_usual = [firewall.tier, of_policy] == [Tier::default(); 2];
        let (virtual_network, virtual_hub) = match &firewall.place {
            FirewallPlace::VirtualNetwork(network) => (Some(network.to_string()), None),
            FirewallPlace::Hub(hub) => (None, Some(hub.clone())),
        };
        FirewallJson {
            scope: ScopeJson::of(&firewall.scope),
            ours: is_ours(firewall.ownership),
            sku: (!is_usual).then(|| firewall.tier.keyword().to_owned()),
            virtual_network,
            virtual_hub,
            firewall_policy: firewall.policy.as_ref().map(ToString::to_string),
            private_ip_address: firewall.private_address.to_string(),
            public_ip_addresses: texts(&firewall.public_addresses, ToString::to_string),
            forced_tunneling: firewall.forced_tunneling,
        }
    }

    pub(super) fn read(
        self,
        policies: &BTreeMap<Key, Policy>,
        reading: &mut Reading,
    ) -> Option<Firewall> {
        let place = match (self.virtual_network, self.virtual_hub) {
            (Some(network), None) => reading
                .field("virtualNetwork", &network, reading::key)
                .map(FirewallPlace::VirtualNetwork),
            (None, Some(hub)) => Some(FirewallPlace::Hub(hub)),
            (None, None) | (Some(_), Some(_)) => {
                reading.object("expected just one of `virtualNetwork` and `virtualHub`");
                None
            }
        };
        let policy =
            reading.optional("firewallPolicy", self.firewall_policy.as_deref(), reading::key);
        let tier = match &self.sku {
            Some(sku) => reading.field("sku", sku, notation::tier),
            None => Some(tier_of(policies, policy.as_ref())),
        };
        let private_address =
            reading.field("privateIpAddress", &self.private_ip_address, notation::single_address);
        let public_addresses =
            reading.texts("publicIpAddresses", self.public_ip_addresses, notation::single_address);
        Some(Firewall {
            scope: self.scope.read(),
            ownership: ownership(self.ours),
            tier: tier?,
            place: place?,
            policy,
            private_address: private_address?,
            public_addresses,
            forced_tunneling: self.forced_tunneling,
        })
    }
}

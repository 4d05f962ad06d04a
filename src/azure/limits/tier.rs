//! What a tier lacks (`azure-firewall.md §6.2`).

use crate::azure::address::AddressEntry;
use crate::azure::policy::Policy;
use crate::azure::policy::ThreatIntelMode;
use crate::azure::policy::Tier;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NatRule;
use crate::azure::rule::NetworkRule;

use super::Excess;

/// A Basic policy goes with a Basic firewall only, a Standard one with Standard or Premium, a
/// Premium one with Premium only (`azure-firewall.md §6.2`).
pub(super) fn can_enforce(firewall: Tier, policy: Tier) -> bool {
    match policy {
        Tier::Basic => firewall == Tier::Basic,
        Tier::Standard => firewall != Tier::Basic,
        Tier::Premium => firewall == Tier::Premium,
    }
}

/// The settings of a policy.
pub(super) fn settings(at: &str, policy: &Policy, excess: &mut Excess) {
    let tier = policy.tier;
    if tier == Tier::Basic {
        if policy.threat_intel_mode == ThreatIntelMode::Deny {
            excess.lacks(at, tier, "threat intelligence that denies");
        }
        if let Some(dns) = &policy.dns {
            if dns.enable_proxy == Some(true) {
                excess.lacks(at, tier, "DNS proxy");
            }
            if !dns.servers.is_empty() {
                excess.lacks(at, tier, "DNS servers of its own");
            }
        }
    }
    if tier != Tier::Premium {
        let detection = policy.intrusion_detection.as_ref();
        if detection.is_some_and(|detection| detection.mode != ThreatIntelMode::Off) {
            excess.lacks(at, tier, "intrusion detection");
        }
        if policy.certificate_authority.is_some() {
            excess.lacks(at, tier, "TLS inspection");
        }
    }
}

pub(super) fn application_rule(at: &str, tier: Tier, rule: &ApplicationRule, excess: &mut Excess) {
    if tier == Tier::Basic && !rule.web_categories.is_empty() {
        excess.lacks(at, tier, "web categories");
    }
    if tier != Tier::Premium {
        if rule.terminate_tls {
            excess.lacks(at, tier, "TLS inspection");
        }
        if !rule.target_urls.is_empty() {
            excess.lacks(at, tier, "filter for URLs");
        }
    }
}

pub(super) fn network_rule(at: &str, tier: Tier, rule: &NetworkRule, excess: &mut Excess) {
    if tier == Tier::Basic && !rule.destination_fqdns.is_empty() {
        excess.lacks(at, tier, "host names in network rules");
    }
}

pub(super) fn nat_rule(at: &str, tier: Tier, rule: &NatRule, excess: &mut Excess) {
    if tier == Tier::Basic && rule.destination_addresses.iter().any(is_private) {
        excess.lacks(at, tier, "DNAT on private addresses");
    }
}

/// Whether an entry holds nothing but an address of RFC 1918.
fn is_private(entry: &AddressEntry) -> bool {
    let address = match entry {
        AddressEntry::Address(address) => *address,
        AddressEntry::Prefix(prefix) => prefix.network(),
        AddressEntry::Range(range) => range.first(),
        AddressEntry::Any | AddressEntry::Unknown(_) => return false,
    };
    match address {
        std::net::IpAddr::V4(v4) => v4.is_private(),
        std::net::IpAddr::V6(_) => false,
    }
}

//! Limits of a policy, its groups, and its rules (`azure-firewall.md §6.1`).

use crate::azure::deployment::Deployment;
use crate::azure::deployment::Ownership;
use crate::azure::key::Key;
use crate::azure::policy::Policy;
use crate::azure::policy::RuleCollection;
use crate::azure::policy::RuleCollectionGroup;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::HttpHeader;
use crate::azure::rule::PortEntry;

use super::Excess;
use super::Limit;
use super::LimitSettings;
use super::MAX_GROUP_BYTES;
use super::Measure;
use super::SPLIT_GROUP_BYTES;
use super::Severity;
use super::group_size;
use super::name::is_emitted_name;
use super::tier;

/// More groups than this are refused by some documents (`azure-firewall.md §6.1`).
const SURE_GROUPS: usize = 60;
const DNS_SERVERS: usize = 15;
const SURE_APPLICATION_PORT: u16 = 64_000;
const LAST_DNAT_PORT: u16 = 63_999;

// `azure-firewall.md §2.10`.
const HEADER_NAME: usize = 100;
const HEADER_VALUE: usize = 16_000;
const HEADER_BYTES: usize = 16_384;
const RESERVED_HEADERS: [&str; 29] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "via",
    "te",
    "trailer",
    "proxy-authorization",
    "proxy-authenticate",
    "authorization",
    "cookie",
    "set-cookie",
    "content-security-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "x-xss-protection",
    "public-key-pins",
    "expect-ct",
    "x-xsrf-token",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-scheme",
    "forwarded",
    "metadata",
];

pub(super) fn check(deployment: &Deployment, settings: &LimitSettings, excess: &mut Excess) {
    for (name, policy) in &deployment.policies {
        let at = format!("policy `{name}`");
        let ours = policy.ownership == Ownership::Ours;
        if ours && !is_emitted_name(name.as_str()) {
            excess.value(&at, Limit::ResourceName, name.as_str(), Severity::Error);
        }
        groups(&at, policy, settings, excess);
        if let Some(dns) = &policy.dns {
            excess.at_most(&at, Limit::DnsServers, dns.servers.len(), DNS_SERVERS);
        }
        tier::settings(&at, policy, excess);
        parent(deployment, &at, policy, excess);
        for group in &policy.groups {
            group_limits(deployment, name, policy, group, excess);
        }
    }
}

/// Parent and child lie in one region (`azure-firewall.md §1.3`); one that is not known is not
/// objected to. A parent's rules are enforced by the child's firewalls, so those must be able to;
/// whether Azure refuses it is not written down (modelling choice).
fn parent(deployment: &Deployment, at: &str, policy: &Policy, excess: &mut Excess) {
    let parent = policy.base.as_ref().and_then(|base| deployment.policies.get(base));
    let Some(parent) = parent else { return };
    let folded = |text: &str| text.to_ascii_lowercase().replace(' ', "");
    if let (Some(own), Some(other)) = (&policy.scope.location, &parent.scope.location)
        && folded(own) != folded(other)
    {
        excess.value(at, Limit::ParentRegion, own, Severity::Error);
    }
    if !tier::can_enforce(policy.tier, parent.tier) {
        let measure = Measure::Inherited { policy: policy.tier, parent: parent.tier };
        excess.note(at, Limit::ParentTier, measure, Severity::Warning);
    }
}

fn groups(at: &str, policy: &Policy, settings: &LimitSettings, excess: &mut Excess) {
    let found = policy.groups.len();
    if found > settings.max_groups {
        excess.at_most(at, Limit::Groups, found, settings.max_groups);
    } else {
        excess.better_at_most(at, Limit::Groups, found, SURE_GROUPS.min(settings.max_groups));
    }
}

fn group_limits(
    deployment: &Deployment,
    name: &Key,
    policy: &Policy,
    group: &RuleCollectionGroup,
    excess: &mut Excess,
) {
    let at = format!("group `{name}/{}`", group.name);
    let ours = policy.ownership == Ownership::Ours;
    if ours && !is_emitted_name(group.name.as_str()) {
        excess.value(&at, Limit::ResourceName, group.name.as_str(), Severity::Error);
    }
    let bytes = group_size(name, group, &deployment.origins);
    if bytes > MAX_GROUP_BYTES {
        excess.at_most(&at, Limit::GroupBytes, bytes, MAX_GROUP_BYTES);
    } else {
        excess.better_at_most(&at, Limit::GroupBytes, bytes, SPLIT_GROUP_BYTES);
    }
    for collection in &group.collections {
        let at = format!("collection `{}/{}`", group.name, collection.name);
        if ours && !is_emitted_name(collection.name.as_str()) {
            excess.value(&at, Limit::RuleName, collection.name.as_str(), Severity::Error);
        }
        rules(policy, group, collection, excess);
    }
}

fn rules(
    policy: &Policy,
    group: &RuleCollectionGroup,
    collection: &RuleCollection,
    excess: &mut Excess,
) {
    let ours = policy.ownership == Ownership::Ours;
    let at = |rule: &str| format!("rule `{}/{}/{rule}`", group.name, collection.name);
    let name = |rule: &str, excess: &mut Excess| {
        if ours && !is_emitted_name(rule) {
            excess.value(&at(rule), Limit::RuleName, rule, Severity::Error);
        }
    };
    match &collection.rules {
        Rules::Application(_, rules) => {
            for rule in rules {
                name(&rule.name, excess);
                application_rule(&at(&rule.name), rule, excess);
                tier::application_rule(&at(&rule.name), policy.tier, rule, excess);
            }
        }
        Rules::Network(_, rules) => {
            for rule in rules {
                name(&rule.name, excess);
                ports(&at(&rule.name), Limit::Port, &rule.destination_ports, u16::MAX, excess);
                tier::network_rule(&at(&rule.name), policy.tier, rule, excess);
            }
        }
        Rules::Nat(rules) => {
            for rule in rules {
                name(&rule.name, excess);
                let at = at(&rule.name);
                ports(&at, Limit::DnatPort, &rule.destination_ports, LAST_DNAT_PORT, excess);
                tier::nat_rule(&at, policy.tier, rule, excess);
            }
        }
    }
}

/// Notes ports that are 0 or above `last`.
fn ports(at: &str, limit: Limit, entries: &[PortEntry], last: u16, excess: &mut Excess) {
    for entry in entries {
        if let PortEntry::Range(range) = entry
            && (range.first() == 0 || range.last() > last)
        {
            excess.value(at, limit, range.to_string(), Severity::Error);
        }
    }
}

fn application_rule(at: &str, rule: &ApplicationRule, excess: &mut Excess) {
    for pair in &rule.protocols {
        if pair.port == 0 {
            excess.value(at, Limit::Port, pair.port.to_string(), Severity::Error);
        } else if pair.port > SURE_APPLICATION_PORT {
            excess.value(at, Limit::ApplicationPort, pair.port.to_string(), Severity::Warning);
        }
    }
    let mut bytes = 0;
    for HttpHeader { name, value } in &rule.http_headers {
        bytes += name.len() + value.len();
        excess.at_most(at, Limit::HeaderName, name.chars().count(), HEADER_NAME);
        excess.at_most(at, Limit::HeaderValue, value.chars().count(), HEADER_VALUE);
        let folded = name.to_ascii_lowercase();
        if RESERVED_HEADERS.contains(&folded.as_str()) {
            excess.value(at, Limit::ReservedHeader, name.as_str(), Severity::Error);
        }
    }
    excess.at_most(at, Limit::HeaderBytes, bytes, HEADER_BYTES);
}

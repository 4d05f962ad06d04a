//! The policy without its rules: tier, parent, settings, and what they must agree with.

use super::binding;
use super::ground::Ground;
use super::topology::has_route_table;
use super::topology::route_table_name;
use super::topology::tier;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::Scope;
use crate::azure::policy::DnsSettings;
use crate::azure::policy::Policy;
use crate::azure::policy::PrivateRange;
use crate::azure::policy::SnatSettings;
use crate::azure::policy::ThreatIntelMode;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::intent::Intent;
use crate::intent::PolicySettings;
use crate::intent::settings::ThreatIntel;
use crate::intent::topology::Firewall;
use crate::intent::topology::Tier;

/// The policy's name where the source gives none.
const DEFAULT_POLICY: &str = "egress";

/// The name of the policy of `settings`.
pub(super) fn policy_name(settings: &PolicySettings) -> Key {
    Key::new(settings.name.as_deref().unwrap_or(DEFAULT_POLICY))
}

/// Where new resources lie.
pub(super) fn scope(intent: &Intent) -> Scope {
    Scope {
        subscription: intent.placement.subscription.clone(),
        resource_group: intent.placement.resource_group.clone(),
        location: intent.placement.location.clone(),
    }
}

/// The policy of `intent`, without groups.
///
/// # Errors
/// Everything in which the settings disagree with the firewalls, the parent or the context.
pub(super) fn policy(
    intent: &Intent,
    ground: &Ground,
    context: &Deployment,
) -> Result<Policy, Vec<Diagnostic>> {
    let settings = &intent.settings;
    let name = policy_name(settings);
    let mut findings = firewalls_agree(&binding::enforcing(intent));
    findings.extend(names_taken(intent, context));
    if context.policies.values().any(|policy| policy.base.as_ref() == Some(&name)) {
        findings.push(
            Diagnostic::new(
                Code::PARENT_OF_OTHERS,
                format!("policy `{name}` is the parent of a policy in the context"),
            )
            .note(
                "a list ends with a deny of every name, which would deny all that a child permits",
            )
            .help("compile the list to a policy that no other extends"),
        );
    } else if context.policies.contains_key(&name) {
        findings.push(taken("policy", &name));
    }
    let base = settings.extends.as_deref().map(Key::new);
    let parent = base.as_ref().and_then(|base| context.policies.get(base));
    if let (Some(base), None) = (&base, parent) {
        findings.push(
            Diagnostic::new(
                Code::UNKNOWN_PARENT,
                format!("policy `{name}` extends `{base}`, which no `context` file holds"),
            )
            .help(
                "name a `context` file that holds the parent, since its rules are looked at first",
            ),
        );
    }
    let inherited = parent.map_or(ThreatIntelMode::Off, |parent| parent.threat_intel_mode);
    let threat_intel_mode = threat_intel(settings, ground, inherited, &mut findings);
    if !findings.is_empty() {
        return Err(findings);
    }
    let writes_dns = ground.dns_proxy || !settings.dns_servers.is_empty();
    Ok(Policy {
        scope: scope(intent),
        ownership: Ownership::Ours,
        tier: tier(ground.tier),
        base,
        threat_intel_mode,
        dns: writes_dns.then(|| DnsSettings {
            servers: settings.dns_servers.clone(),
            enable_proxy: Some(ground.dns_proxy),
            require_proxy_for_network_rules: None,
        }),
        snat: (!settings.private_ranges.is_empty()).then(|| SnatSettings {
            private_ranges: settings
                .private_ranges
                .iter()
                .map(|prefix| PrivateRange::Prefix(*prefix))
                .collect(),
            auto_learn: false,
        }),
        allow_sql_redirect: settings.allow_sql_redirect,
        ..Policy::default()
    })
}

/// The mode: what is written, else the stricter of Azure's default and the parent's. A child may
/// only be stricter (`azure-firewall.md §1.3`).
fn threat_intel(
    settings: &PolicySettings,
    ground: &Ground,
    inherited: ThreatIntelMode,
    findings: &mut Vec<Diagnostic>,
) -> ThreatIntelMode {
    let Some(written) = settings.threat_intel else {
        return inherited.max(ThreatIntelMode::default());
    };
    let mode = match written {
        ThreatIntel::Off => ThreatIntelMode::Off,
        ThreatIntel::Alert => ThreatIntelMode::Alert,
        ThreatIntel::Deny => ThreatIntelMode::Deny,
    };
    if mode < inherited {
        findings.push(
            Diagnostic::new(
                Code::LAXER_THAN_PARENT,
                format!(
                    "threat intelligence is `{}` here and `{}` in the parent",
                    mode.keyword(),
                    inherited.keyword()
                ),
            )
            .help("write the parent's mode or a stricter one"),
        );
    }
    if mode == ThreatIntelMode::Deny && ground.tier == Tier::Basic {
        findings.push(
            Diagnostic::new(Code::TIER_LACKS, "threat intelligence cannot deny in the SKU `basic`")
                .help("write `threat-intel alert`, or choose a higher `sku`"),
        );
    }
    mode
}

/// Firewalls that enforce one policy must be able to.
fn firewalls_agree(firewalls: &[&Firewall]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let Some((first, others)) = firewalls.split_first() else { return findings };
    for other in others {
        let what = if (first.tier == Tier::Basic) != (other.tier == Tier::Basic) {
            "a policy of the SKU `basic` fits no other firewall"
        } else if first.dns_proxy != other.dns_proxy {
            "the DNS proxy is a setting of the policy"
        } else {
            continue;
        };
        findings.push(
            Diagnostic::new(
                Code::FIREWALLS_DISAGREE,
                format!("`{}` and `{}` cannot enforce one policy: {what}", first.name, other.name),
            )
            .at(other.origin.span, "differs")
            .also(first.origin.span, "from this")
            .help("give both the same setting, or write two lists"),
        );
    }
    findings
}

/// Resources of the network that the context holds too: which of the two is meant is not known.
fn names_taken(intent: &Intent, context: &Deployment) -> Vec<Diagnostic> {
    let topology = &intent.topology;
    let mut findings = Vec::new();
    let mut check = |kind: &str, name: &Key, is_taken: bool, span: Span| {
        if is_taken {
            findings.push(taken(kind, name).at(span, "described here too"));
        }
    };
    for network in &topology.networks {
        let name = Key::new(&network.name);
        let is_taken = context.virtual_networks.contains_key(&name);
        check("virtual network", &name, is_taken, network.origin.span);
        for subnet in network.subnets.iter().filter(|subnet| has_route_table(subnet)) {
            let name = route_table_name(network, subnet);
            let is_taken = context.route_tables.contains_key(&name);
            check("route table", &name, is_taken, subnet.origin.span);
        }
    }
    for firewall in &topology.firewalls {
        let name = Key::new(&firewall.name);
        check("firewall", &name, context.firewalls.contains_key(&name), firewall.origin.span);
    }
    for cluster in &topology.clusters {
        let name = Key::new(&cluster.name);
        check("cluster", &name, context.clusters.contains_key(&name), cluster.origin.span);
    }
    findings
}

fn taken(kind: &str, name: &Key) -> Diagnostic {
    Diagnostic::new(
        Code::NAME_TAKEN,
        format!("the {kind} `{name}` is described here and in a `context` file"),
    )
    .help("describe it in one place, or give one of them another name")
}

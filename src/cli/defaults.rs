//! The values that stand where a list says nothing.
//!
//! Each is read off the list, or off what the list is compiled to: what took the default is not
//! asked again, so that nothing is told but what holds.

use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::RuleId;
use crate::azure::firewall::Firewall;
use crate::azure::network;
use crate::azure::policy::Action;
use crate::azure::policy::Policy;
use crate::azure::policy::PrivateRange;
use crate::azure::policy::Rules;
use crate::azure::policy::ThreatIntelMode;
use crate::azure::route::RouteDestination;
use crate::azure::rule::ApplicationRule;
use crate::intent::Intent;
use crate::intent::topology::Dns;
use crate::report::DefaultRow;
use crate::resolve::LeftOut;
use crate::resolve::PeeringSetting;
use crate::resolve::PolicySetting;
use crate::resolve::Setting;
use crate::resolve::SubnetSetting;

/// A property of the policy that is not written: its parent's holds, or Azure's own default.
const UNSET: &str = "unset";

/// What stands in place of each setting of `left_out` in `intent`, and in `deployment`, which is
/// compiled from it. A setting that has no effect there has no row.
pub(super) fn rows(
    left_out: &[LeftOut],
    intent: &Intent,
    deployment: &Deployment,
) -> Vec<DefaultRow> {
    left_out.iter().flat_map(|one| of_one(one, intent, deployment)).collect()
}

fn of_one(left_out: &LeftOut, intent: &Intent, deployment: &Deployment) -> Vec<DefaultRow> {
    let LeftOut { setting, span } = left_out;
    let (of, name, values) = match setting {
        Setting::Parameter { name, default } => {
            ("param", name.clone(), vec![("value".to_owned(), default.clone())])
        }
        Setting::Dns { network } => {
            let value = dns(intent, network).map(|value| ("dns".to_owned(), value));
            ("vnet", network.clone(), value.into_iter().collect())
        }
        Setting::Peering { network, remote, setting } => {
            let value = peering(deployment, network, remote, *setting)
                .map(|(words, value)| (format!("peers {remote} {words}"), value));
            ("vnet", network.clone(), value.into_iter().collect())
        }
        Setting::Subnet { network, name, setting } => {
            let value = subnet(deployment, network, name, *setting)
                .map(|(words, value)| (words.to_owned(), value));
            ("subnet", name.clone(), value.into_iter().collect())
        }
        Setting::DnsProxy { firewall } => {
            let found = intent.topology.firewalls.iter().find(|found| found.name == *firewall);
            let value = found.map(|found| ("dns-proxy".to_owned(), switch(found.dns_proxy)));
            ("firewall", firewall.clone(), value.into_iter().collect())
        }
        Setting::Enforces { firewall } => {
            let found = deployment.firewalls.get(&Key::new(firewall));
            let policy = |found: &Firewall| {
                found.policy.as_ref().map_or_else(|| UNSET.to_owned(), Key::to_string)
            };
            let value = found.map(|found| ("enforces".to_owned(), policy(found)));
            ("firewall", firewall.clone(), value.into_iter().collect())
        }
        Setting::Policy(setting) => {
            let mut policies = deployment.policies.iter();
            // The list's own; those of its context exist.
            let ours = policies.find(|(_, policy)| policy.ownership == Ownership::Ours);
            let Some((name, policy)) = ours else { return Vec::new() };
            ("policy", name.to_string(), in_policy(deployment, name, policy, *setting))
        }
    };
    let row = |(setting, value)| DefaultRow { of, name: name.clone(), setting, value, span: *span };
    values.into_iter().map(row).collect()
}

fn switch(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn mode(mode: ThreatIntelMode) -> String {
    mode.keyword().to_ascii_lowercase()
}

fn dns(intent: &Intent, network: &str) -> Option<String> {
    let network = intent.topology.networks.iter().find(|found| found.name == network)?;
    Some(match &network.dns {
        Dns::Azure => "azure".to_owned(),
        Dns::Firewall(name) => name.clone(),
        Dns::Servers(servers) => {
            let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
            servers.join(", ")
        }
    })
}

fn peering(
    deployment: &Deployment,
    network: &str,
    remote: &str,
    setting: PeeringSetting,
) -> Option<(&'static str, String)> {
    let network = deployment.virtual_networks.get(&Key::new(network))?;
    let remote = Key::new(remote);
    let peering = network.peerings.iter().find(|found| found.remote == remote)?;
    let (word, on) = match setting {
        PeeringSetting::ForwardedTraffic => ("forwarded-traffic", peering.allow_forwarded_traffic),
        PeeringSetting::GatewayTransit => ("gateway-transit", peering.allow_gateway_transit),
        PeeringSetting::RemoteGateway => ("remote-gateway", peering.use_remote_gateways),
    };
    Some((word, switch(on)))
}

fn subnet(
    deployment: &Deployment,
    network: &str,
    name: &str,
    setting: SubnetSetting,
) -> Option<(&'static str, String)> {
    let network = deployment.virtual_networks.get(&Key::new(network))?;
    let name = Key::new(name);
    let subnet = network.subnets.iter().find(|found| found.name == name)?;
    let table = subnet.route_table.as_ref().and_then(|table| deployment.route_tables.get(table));
    match setting {
        SubnetSetting::RoutesVia => {
            let is_default = |destination: &RouteDestination| match destination {
                RouteDestination::Prefix(prefix) => prefix.prefix_len() == 0,
                RouteDestination::ServiceTag(_) => false,
            };
            let mut routes = table.into_iter().flat_map(|table| &table.routes);
            // A default route may be written as any other.
            let has_default = routes.any(|route| is_default(&route.destination));
            (!has_default).then(|| ("routes via", "system".to_owned()))
        }
        SubnetSetting::GatewayRoutes => {
            let table = table?;
            Some(("gateway-routes", switch(!table.disable_bgp_route_propagation)))
        }
        SubnetSetting::Outbound => Some(("outbound", outbound(subnet).to_owned())),
        SubnetSetting::PrivateEndpointPolicies => {
            let policies = subnet.private_endpoint_network_policies;
            (!subnet.private_endpoints.is_empty())
                .then(|| ("private-endpoint-policies", switch(policies.honours_routes())))
        }
    }
}

fn outbound(subnet: &network::Subnet) -> &'static str {
    if subnet.default_outbound_access { "default" } else { "none" }
}

/// The setting's words and value; for rules, one of each.
fn in_policy(
    deployment: &Deployment,
    name: &Key,
    policy: &Policy,
    setting: PolicySetting,
) -> Vec<(String, String)> {
    let unset = || UNSET.to_owned();
    let (word, value) = match setting {
        PolicySetting::Name => ("name", name.to_string()),
        PolicySetting::Sku => ("sku", policy.tier.keyword().to_ascii_lowercase()),
        PolicySetting::ThreatIntel => ("threat-intel", mode(policy.threat_intel_mode)),
        PolicySetting::Idps => {
            let detection = policy.intrusion_detection.as_ref();
            ("idps", detection.map_or_else(unset, |found| mode(found.mode)))
        }
        PolicySetting::InspectionCertificate => {
            let authority = policy.certificate_authority.as_ref();
            let value = authority.map_or_else(unset, |found| found.key_vault_secret_id.clone());
            ("inspection-certificate", value)
        }
        PolicySetting::DnsProxy => {
            let proxy = policy.dns.as_ref().and_then(|dns| dns.enable_proxy);
            ("dns-proxy", proxy.map_or_else(unset, switch))
        }
        PolicySetting::DnsServers => {
            let servers = policy.dns.as_ref().map(|dns| dns.servers.as_slice());
            let value = match servers {
                None => unset(),
                Some([]) => "azure".to_owned(),
                Some(servers) => {
                    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
                    servers.join(", ")
                }
            };
            ("dns-servers", value)
        }
        PolicySetting::Snat => {
            let ranges = policy.snat.as_ref().map(|snat| snat.private_ranges.iter());
            let value = ranges.map_or_else(unset, |ranges| {
                let ranges: Vec<String> = ranges.map(private_range).collect();
                format!("except {}", ranges.join(", "))
            });
            ("snat", value)
        }
        PolicySetting::AutoLearnPrivateRanges => {
            let snat = policy.snat.as_ref();
            ("auto-learn-private-ranges", snat.map_or_else(unset, |snat| switch(snat.auto_learn)))
        }
        PolicySetting::SqlRedirect => ("sql-redirect", switch(policy.allow_sql_redirect)),
        PolicySetting::OwnRules => return own_rules(deployment, name, policy),
    };
    vec![(word.to_owned(), value)]
}

fn private_range(range: &PrivateRange) -> String {
    match range {
        PrivateRange::Iana => "IANAPrivateRanges".to_owned(),
        PrivateRange::Prefix(prefix) => prefix.to_string(),
    }
}

/// The rules that come from no sentence, and what they do.
fn own_rules(deployment: &Deployment, name: &Key, policy: &Policy) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for group in &policy.groups {
        for collection in &group.collections {
            let rules: Vec<(&str, String)> = match &collection.rules {
                Rules::Application(action, rules) => rules
                    .iter()
                    .map(|rule| (rule.name.as_str(), application(*action, rule)))
                    .collect(),
                Rules::Network(action, rules) => {
                    rules.iter().map(|rule| (rule.name.as_str(), word(*action))).collect()
                }
                Rules::Nat(rules) => {
                    rules.iter().map(|rule| (rule.name.as_str(), "dnat".to_owned())).collect()
                }
            };
            for (rule, does) in rules {
                let id = RuleId {
                    policy: name.clone(),
                    group: group.name.clone(),
                    collection: collection.name.clone(),
                    rule: rule.to_owned(),
                };
                if !deployment.origins.contains_key(&id) {
                    found.push((format!("rule {id}"), does));
                }
            }
        }
    }
    found
}

fn word(action: Action) -> String {
    action.keyword().to_ascii_lowercase()
}

fn application(action: Action, rule: &ApplicationRule) -> String {
    let names: Vec<String> = rule.target_fqdns.iter().map(ToString::to_string).collect();
    let protocols: Vec<String> = rule
        .protocols
        .iter()
        .map(|pair| format!("{}/{}", pair.protocol.keyword().to_ascii_lowercase(), pair.port))
        .collect();
    format!("{} {} : {}", word(action), names.join(", "), protocols.join(", "))
}

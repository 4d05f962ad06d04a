//! What a proof does not speak of: its residual channels (`semantics.md`, Claims).

use std::collections::BTreeSet;
use std::fmt;

use super::claims::Claim;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::address::AddressEntry;
use crate::azure::network::is_of_azure;
use crate::azure::policy::Action;
use crate::azure::policy::Policy;
use crate::azure::policy::Rules;
use crate::azure::policy::ThreatIntelMode;
use crate::azure::route::NextHop;
use crate::azure::route::RouteDestination;
use crate::azure::rule::ApplicationProtocol;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::flow::FqdnPattern;
use crate::intent::check::Polarity;
use crate::simulate::matching::has_only_destination_addresses;

/// The ports on which names are read although no rule says so (`azure-firewall.md §1.5`).
const PROXIED: [u16; 2] = [80, 443];

/// Something that a proof leaves aside, and that may let out or stop what it says the opposite of.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Residual {
    /// Azure's own rules let out names that nobody publishes (`azure-firewall.md §2.13`), on the
    /// ports that no deny of every name closes.
    Infrastructure {
        /// The policy.
        policy: Key,
        /// The ports that are open to them.
        ports: BTreeSet<u16>,
    },
    /// Destination addresses that stand beside other targets of application rules are left aside, as
    /// nobody knows what Azure compares them with (`azure-firewall.md §2.9`).
    ApplicationDestinations {
        /// The policy.
        policy: Key,
        /// The rules.
        rules: BTreeSet<String>,
    },
    /// A name is what the client claims: nobody looks behind TLS (`azure-firewall.md §2.5`).
    ClaimedNames {
        /// The policy.
        policy: Key,
    },
    /// No virtual network is stated: every flow is presumed to reach the firewall.
    PresumedRoute,
    /// Azure's resolver, which no route and no firewall sees, forwards any name
    /// (`azure-routing.md §7`).
    PlatformDns,
    /// The DNS proxy of a firewall forwards any name.
    ProxyDns {
        /// The firewall.
        firewall: Key,
    },
    /// Azure's own default route for IPv6, which Azure Firewall does not take
    /// (`azure-firewall.md §1.13`).
    Ipv6DefaultRoutes {
        /// The subnets that no route of a table keeps from it.
        subnets: BTreeSet<Key>,
    },
    /// Sessions that were let through before a change live on (`azure-firewall.md §1.10`).
    LiveSessions,
    /// A deployment takes no rule collection group away that an older one left.
    OlderGroups {
        /// The policy.
        policy: Key,
    },
    /// Intrusion detection may stop what rules let pass (`azure-firewall.md §1.8`).
    IntrusionDetection {
        /// The policy.
        policy: Key,
    },
    /// Threat intelligence may stop what rules let pass (`azure-firewall.md §1.7`).
    ThreatIntelligence {
        /// The policy.
        policy: Key,
    },
}

/// What a residual channel can do against a claim.
#[derive(Clone, Copy, Debug, Default)]
struct Effect {
    /// It lets flows out through a firewall.
    lets_through: bool,
    /// It lets flows out around every firewall.
    lets_around: bool,
    /// It stops flows.
    stops: bool,
}

impl Residual {
    /// What no comparison of `old` and `new` speaks of: what is open after the change, and what
    /// before it stopped flows that rules let pass, and perhaps stops them no more.
    pub fn of_change(old: &Deployment, new: &Deployment) -> BTreeSet<Residual> {
        let mut all = residual(new);
        all.extend(residual(old).into_iter().filter(Residual::only_stops));
        all
    }

    /// The word of reports, which never changes its meaning.
    pub fn keyword(&self) -> &'static str {
        match self {
            Residual::Infrastructure { .. } => "infrastructure",
            Residual::ApplicationDestinations { .. } => "application-destinations",
            Residual::ClaimedNames { .. } => "claimed-names",
            Residual::PresumedRoute => "presumed-route",
            Residual::PlatformDns => "platform-dns",
            Residual::ProxyDns { .. } => "proxy-dns",
            Residual::Ipv6DefaultRoutes { .. } => "ipv6-default-routes",
            Residual::LiveSessions => "live-sessions",
            Residual::OlderGroups { .. } => "older-groups",
            Residual::IntrusionDetection { .. } => "intrusion-detection",
            Residual::ThreatIntelligence { .. } => "threat-intelligence",
        }
    }

    /// Whether it can make a claim false that was proved. `polarity` is that of the assertion where
    /// the claim is one.
    pub fn bears_on(&self, claim: Claim, polarity: Option<Polarity>) -> bool {
        let effect = self.effect();
        match (claim, polarity) {
            (Claim::NoLeak, _) => effect.lets_through,
            (Claim::NothingAround, _) => effect.lets_around,
            (Claim::NoBreakage, _) | (Claim::Assertion(_), Some(Polarity::Always)) => effect.stops,
            (Claim::Assertion(_), Some(Polarity::Never) | None) => {
                effect.lets_through || effect.lets_around
            }
        }
    }

    /// Whether it can stop flows, and let none out.
    fn only_stops(&self) -> bool {
        let Effect { lets_through, lets_around, stops } = self.effect();
        stops && !lets_through && !lets_around
    }

    fn effect(&self) -> Effect {
        let none = Effect::default();
        match self {
            Residual::Infrastructure { .. }
            | Residual::ClaimedNames { .. }
            | Residual::ProxyDns { .. } => Effect { lets_through: true, ..none },
            Residual::PresumedRoute
            | Residual::PlatformDns
            | Residual::Ipv6DefaultRoutes { .. } => Effect { lets_around: true, ..none },
            Residual::LiveSessions => Effect { lets_through: true, lets_around: true, ..none },
            Residual::ApplicationDestinations { .. } | Residual::OlderGroups { .. } => {
                Effect { lets_through: true, stops: true, ..none }
            }
            Residual::IntrusionDetection { .. } | Residual::ThreatIntelligence { .. } => {
                Effect { stops: true, ..none }
            }
        }
    }
}

impl fmt::Display for Residual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Residual::Infrastructure { policy, ports } => {
                let noun = if ports.len() == 1 { "port" } else { "ports" };
                write!(
                    f,
                    "Azure's infrastructure rules: no last deny of every name closes {noun} {} of policy `{policy}`",
                    listed(ports)
                )
            }
            Residual::ApplicationDestinations { policy, rules } => write!(
                f,
                "application destinations: policy `{policy}` has destination addresses beside other targets in {} {}; nobody knows what they are compared with, and they are left aside",
                if rules.len() == 1 { "rule" } else { "rules" },
                listed(rules)
            ),
            Residual::ClaimedNames { policy } => write!(
                f,
                "claimed names: policy `{policy}` takes the name that a client shows in TLS as its word, and does not look inside"
            ),
            Residual::PresumedRoute => f.write_str(
                "presumed route: no virtual network is stated, and every flow is taken to reach the firewall",
            ),
            Residual::PlatformDns => f.write_str(
                "platform DNS: 168.63.129.16 answers every machine, and asks the internet for any name",
            ),
            Residual::ProxyDns { firewall } => write!(
                f,
                "proxy DNS: firewall `{firewall}` asks for any name that its DNS proxy is asked for"
            ),
            Residual::Ipv6DefaultRoutes { subnets } => write!(
                f,
                "IPv6 default routes: no route keeps IPv6 from Azure's own way to the internet in {} {}; prefixes that the deployment does not state are not judged",
                if subnets.len() == 1 { "subnet" } else { "subnets" },
                listed(subnets)
            ),
            Residual::LiveSessions => f.write_str(
                "live sessions: what was let through before a change may go on until it ends; a proof speaks of openings",
            ),
            Residual::OlderGroups { policy } => write!(
                f,
                "older groups: rule collection groups that an older deployment left in policy `{policy}` stay until they are deleted"
            ),
            Residual::IntrusionDetection { policy } => write!(
                f,
                "intrusion detection: policy `{policy}` may drop what its rules let pass"
            ),
            Residual::ThreatIntelligence { policy } => write!(
                f,
                "threat intelligence: policy `{policy}` denies what Microsoft lists, whatever its rules let pass"
            ),
        }
    }
}

fn listed<T: fmt::Display>(items: &BTreeSet<T>) -> String {
    let words: Vec<String> = items.iter().map(ToString::to_string).collect();
    words.join(", ")
}

/// The residual channels of proofs about `deployment`.
pub fn residual(deployment: &Deployment) -> BTreeSet<Residual> {
    let mut residual = BTreeSet::new();
    for (name, chain) in enforced(deployment) {
        let ports = open_to_infrastructure(&chain);
        if !ports.is_empty() {
            residual.insert(Residual::Infrastructure { policy: name.clone(), ports });
        }
        if application_rules(&chain).any(|(action, rule)| takes_its_word(action, rule)) {
            residual.insert(Residual::ClaimedNames { policy: name.clone() });
        }
        for (part, policy) in &chain {
            let policy_of_part = || (*part).clone();
            let rules = with_destinations_aside(policy);
            if !rules.is_empty() {
                residual
                    .insert(Residual::ApplicationDestinations { policy: policy_of_part(), rules });
            }
            // A group that is in no file of ours may still be in the policy.
            if policy.ownership == Ownership::Ours {
                residual.insert(Residual::OlderGroups { policy: policy_of_part() });
            }
            if policy.intrusion_detection.as_ref().is_some_and(|idps| {
                let overridden = idps.signature_overrides.iter().map(|one| one.mode);
                overridden.chain([idps.mode]).any(|mode| mode == ThreatIntelMode::Deny)
            }) {
                residual.insert(Residual::IntrusionDetection { policy: policy_of_part() });
            }
            if policy.threat_intel_mode == ThreatIntelMode::Deny {
                residual.insert(Residual::ThreatIntelligence { policy: policy_of_part() });
            }
        }
    }
    for (name, firewall) in &deployment.firewalls {
        let chain =
            firewall.policy.as_ref().and_then(|policy| deployment.policy_chain(policy).ok());
        let mut policies = chain.into_iter().flatten().map(|(_, policy)| policy);
        let is_on = |policy: &Policy| policy.dns.as_ref().and_then(|dns| dns.enable_proxy);
        if policies.any(|policy| is_on(policy) == Some(true)) {
            residual.insert(Residual::ProxyDns { firewall: name.clone() });
        }
        residual.insert(Residual::LiveSessions);
    }
    residual.insert(if deployment.virtual_networks.is_empty() {
        Residual::PresumedRoute
    } else {
        Residual::PlatformDns
    });
    let subnets = left_to_ipv6(deployment);
    if !subnets.is_empty() {
        residual.insert(Residual::Ipv6DefaultRoutes { subnets });
    }
    residual
}

/// The application rules of `policy` whose destination addresses are left aside.
fn with_destinations_aside(policy: &Policy) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    for group in &policy.groups {
        for collection in &group.collections {
            let Rules::Application(_, application) = &collection.rules else { continue };
            let aside = application.iter().filter(|rule| {
                !rule.destination_addresses.is_empty() && !has_only_destination_addresses(rule)
            });
            rules.extend(
                aside.map(|rule| format!("{}/{}/{}", group.name, collection.name, rule.name)),
            );
        }
    }
    rules
}

/// The policies that firewalls enforce, each with its parents; where no firewall is stated, those
/// that are nobody's parent.
fn enforced(deployment: &Deployment) -> Vec<(&Key, Vec<(&Key, &Policy)>)> {
    let by_firewalls: BTreeSet<&Key> =
        deployment.firewalls.values().filter_map(|firewall| firewall.policy.as_ref()).collect();
    let parents: BTreeSet<&Key> =
        deployment.policies.values().filter_map(|policy| policy.base.as_ref()).collect();
    let names: BTreeSet<&Key> = if deployment.firewalls.is_empty() {
        deployment.policies.keys().filter(|name| !parents.contains(name)).collect()
    } else {
        by_firewalls
    };
    let chains =
        names.into_iter().filter_map(|name| Some((name, deployment.policy_chain(name).ok()?)));
    chains.collect()
}

fn application_rules<'a>(
    chain: &[(&'a Key, &'a Policy)],
) -> impl Iterator<Item = (Action, &'a ApplicationRule)> {
    let collections =
        chain.iter().flat_map(|(_, policy)| &policy.groups).flat_map(|group| &group.collections);
    collections.flat_map(|collection| match &collection.rules {
        Rules::Application(action, rules) => {
            rules.iter().map(|rule| (*action, rule)).collect::<Vec<_>>()
        }
        Rules::Network(..) | Rules::Nat(_) => Vec::new(),
    })
}

/// The ports on which names are read, less those on which every name of every source is denied.
fn open_to_infrastructure(chain: &[(&Key, &Policy)]) -> BTreeSet<u16> {
    let named = application_rules(chain).flat_map(|(_, rule)| &rule.protocols);
    let read: BTreeSet<ApplicationProtocol> = named
        .copied()
        .chain(PROXIED.into_iter().flat_map(|port| {
            use ApplicationProtocolType::Http;
            use ApplicationProtocolType::Https;
            [Http, Https].map(|protocol| ApplicationProtocol { protocol, port })
        }))
        .collect();
    let closing = application_rules(chain).filter(|(action, rule)| closes(*action, rule));
    let closed: BTreeSet<ApplicationProtocol> =
        closing.flat_map(|(_, rule)| &rule.protocols).copied().collect();
    read.difference(&closed).map(|pair| pair.port).collect()
}

/// Whether the rule denies every name of every source.
fn closes(action: Action, rule: &ApplicationRule) -> bool {
    action == Action::Deny
        && rule.target_fqdns.contains(&FqdnPattern::Any)
        && rule.sources.addresses.contains(&AddressEntry::Any)
        && rule.destination_addresses.is_empty()
}

/// Whether the rule lets out what shows a name in TLS that is not opened.
fn takes_its_word(action: Action, rule: &ApplicationRule) -> bool {
    let is_sealed = |pair: &ApplicationProtocol| match pair.protocol {
        ApplicationProtocolType::Https => !rule.terminate_tls,
        ApplicationProtocolType::Mssql => true,
        ApplicationProtocolType::Http => false,
    };
    action == Action::Allow && rule.protocols.iter().any(is_sealed)
}

/// The subnets for machines whose table has no route for all of IPv6 away from the internet.
fn left_to_ipv6(deployment: &Deployment) -> BTreeSet<Key> {
    let subnets = deployment.virtual_networks.values().flat_map(|network| &network.subnets);
    let machines = subnets.filter(|one| !is_of_azure(one.name.as_str()));
    let left = machines.filter(|subnet| {
        let table = subnet.route_table.as_ref().and_then(|name| deployment.route_tables.get(name));
        let mut routes = table.iter().flat_map(|table| &table.routes);
        !routes.any(|route| {
            let RouteDestination::Prefix(prefix) = &route.destination else { return false };
            let is_all = prefix.addr().is_ipv6() && prefix.prefix_len() == 0;
            is_all && route.next_hop != NextHop::Internet
        })
    });
    left.map(|subnet| subnet.name.clone()).collect()
}

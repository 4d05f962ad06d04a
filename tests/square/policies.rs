//! Firewall policies of small worlds.

use std::net::IpAddr;

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::address::AddressEntry;
use exeat::azure::address::DestinationEntry;
use exeat::azure::address::ServiceTag;
use exeat::azure::key::Priority;
use exeat::azure::policy::Action;
use exeat::azure::policy::CertificateAuthority;
use exeat::azure::policy::DnsSettings;
use exeat::azure::policy::ExplicitProxy;
use exeat::azure::policy::IntrusionDetection;
use exeat::azure::policy::Policy;
use exeat::azure::policy::PrivateRange;
use exeat::azure::policy::RuleCollection;
use exeat::azure::policy::RuleCollectionGroup;
use exeat::azure::policy::Rules;
use exeat::azure::policy::SnatSettings;
use exeat::azure::policy::ThreatIntelAllowlist;
use exeat::azure::policy::ThreatIntelMode;
use exeat::azure::policy::Tier;
use exeat::azure::rule::ApplicationProtocol;
use exeat::azure::rule::ApplicationProtocolType;
use exeat::azure::rule::ApplicationRule;
use exeat::azure::rule::NatRule;
use exeat::azure::rule::NetworkProtocol;
use exeat::azure::rule::NetworkRule;
use exeat::azure::rule::PortEntry;
use exeat::azure::rule::Sources;
use exeat::azure::rule::Translation;
use exeat::azure::rule::UrlPattern;
use exeat::flow::FqdnPattern;
use exeat::flow::PortRange;
use exeat::flow::address::AddressRange;

use super::draw::Draw;
use super::worlds;
use super::worlds::APPS;
use super::worlds::ENDPOINT;
use super::worlds::FIREWALL;
use super::worlds::HUB;
use super::worlds::PUBLIC;
use super::worlds::REMOTE;
use super::worlds::SERVER;
use super::worlds::address;
use super::worlds::prefix;

/// What an import could not know.
pub(crate) const UNKNOWNS: [&str; 2] = ["pool", "targets"];

/// The most rules of a world.
const MAX_RULES: usize = 12;

const PATTERNS: [&str; 5] = ["a.example", "b.a.example", "*.a.example", "*a.example", "*"];

/// The values that the rules of one world have.
pub(crate) struct Pool {
    pub(crate) sources: Vec<AddressEntry>,
    pub(crate) patterns: Vec<FqdnPattern>,
    destinations: Vec<AddressEntry>,
    protocols: Vec<ApplicationProtocol>,
    ports: Vec<PortEntry>,
    /// The path that URLs have.
    pub(crate) path: &'static str,
}

impl Pool {
    pub(crate) fn draw(draw: &mut Draw, is_small: bool) -> Pool {
        let range = |first, last| {
            let ends = AddressRange::new(address(first), address(last));
            AddressEntry::Range(ends.expect("a range"))
        };
        let held = |text| AddressEntry::Prefix(prefix(text));
        let destinations = [
            AddressEntry::Any,
            AddressEntry::Any,
            AddressEntry::Any,
            held(REMOTE),
            AddressEntry::Address(address(SERVER)),
            range("20.1.2.3", "20.1.2.9"),
            held(HUB),
            AddressEntry::Address(address(ENDPOINT)),
            AddressEntry::Address(address("2001:db8::7")),
            AddressEntry::Unknown("pool".to_owned()),
        ];
        let pair = |protocol, port| ApplicationProtocol { protocol, port };
        let protocols = [
            pair(ApplicationProtocolType::Https, 443),
            pair(ApplicationProtocolType::Http, 80),
            pair(ApplicationProtocolType::Https, 8443),
            pair(ApplicationProtocolType::Mssql, 1433),
        ];
        let span = |first, last| PortEntry::Range(PortRange::new(first, last).expect("a range"));
        let ports = [
            PortEntry::Any,
            PortEntry::Any,
            span(443, 443),
            span(22, 22),
            span(80, 443),
            span(53, 53),
        ];
        let sources = if draw.chance(80) {
            vec![AddressEntry::Any]
        } else {
            vec![draw.pick(&[
                held(APPS),
                held("10.1.8.128/25"),
                AddressEntry::Unknown("pool".to_owned()),
            ])]
        };
        let most = if is_small { 1 } else { 2 };
        let patterns = draw.some(&PATTERNS, 1, most);
        Pool {
            sources,
            patterns: patterns.iter().map(|text| text.parse().expect("a pattern")).collect(),
            destinations: draw.some(&destinations, 1, most),
            protocols: draw.some(&protocols, 1, most),
            ports: draw.some(&ports, 1, most),
            path: draw.pick(&["", "/", "/x*", "/x/*", "/x"]),
        }
    }
}

/// Gives each firewall a policy, with parents and rules; a world without a firewall gets a policy
/// alone.
pub(crate) fn add(draw: &mut Draw, pool: &Pool, deployment: &mut Deployment, is_small: bool) {
    let usual = if is_small { 4 } else { 6 };
    let mut left = if draw.chance(80) { usual } else { MAX_RULES };
    let names: Vec<Key> = deployment.firewalls.keys().cloned().collect();
    let is_alone = names.is_empty();
    let policies = if is_alone { vec![Key::new("only")] } else { names };
    for name in policies {
        if !is_alone && draw.chance(3) {
            continue;
        }
        let tier = match deployment.firewalls.get(&name) {
            Some(firewall) => firewall.tier,
            None => draw.pick(&[Tier::Standard, Tier::Premium]),
        };
        let mut own = policy(draw, pool, tier, &mut left);
        if draw.chance(18) {
            let parent = Key::new(format!("{name}-base"));
            own.base = Some(parent.clone());
            let base = policy(draw, pool, tier, &mut left);
            deployment.policies.insert(parent, base);
            if draw.chance(50) {
                own.dns = None;
            }
        }
        if let Some(firewall) = deployment.firewalls.get_mut(&name) {
            firewall.policy = Some(name.clone());
        }
        deployment.policies.insert(name, own);
    }
}

pub(crate) fn policy(draw: &mut Draw, pool: &Pool, tier: Tier, left: &mut usize) -> Policy {
    let mode = |draw: &mut Draw| match draw.below(24) {
        0 => ThreatIntelMode::Alert,
        1..=3 => ThreatIntelMode::Deny,
        _ => ThreatIntelMode::Off,
    };
    let threat_intel_mode = mode(draw);
    let mssql = |pair: &ApplicationProtocol| pair.protocol == ApplicationProtocolType::Mssql;
    let expects_sql = pool.protocols.iter().any(mssql);
    let allows = threat_intel_mode != ThreatIntelMode::Off && draw.chance(50);
    let threat_intel_allowlist = ThreatIntelAllowlist {
        addresses: if allows { vec![AddressEntry::Prefix(prefix(REMOTE))] } else { vec![] },
        fqdns: if allows { pool.patterns[..1].to_vec() } else { vec![] },
    };
    let proxy = DnsSettings { enable_proxy: Some(draw.chance(80)), ..DnsSettings::default() };
    let snat = SnatSettings {
        private_ranges: draw.pick(&[
            vec![],
            vec![PrivateRange::Prefix(prefix(REMOTE))],
            vec![PrivateRange::Iana, PrivateRange::Prefix(prefix(REMOTE))],
            vec![PrivateRange::Prefix(prefix("0.0.0.0/0"))],
        ]),
        auto_learn: draw.chance(25),
    };
    let explicit = ExplicitProxy {
        enabled: draw.chance(90),
        http_port: Some(8080),
        https_port: draw.pick(&[None, Some(8443)]),
        enable_pac_file: draw.chance(70),
        pac_file_port: Some(8090),
        pac_file: None,
    };
    let intrusion = IntrusionDetection { mode: mode(draw), ..IntrusionDetection::default() };
    let authority =
        CertificateAuthority { name: "ca".to_owned(), key_vault_secret_id: "secret".to_owned() };
    Policy {
        tier,
        threat_intel_mode,
        threat_intel_allowlist,
        dns: draw.chance(50).then_some(proxy),
        snat: draw.chance(25).then_some(snat),
        allow_sql_redirect: draw.chance(if expects_sql { 75 } else { 8 }),
        explicit_proxy: draw.chance(13).then_some(explicit),
        intrusion_detection: draw.chance(10).then_some(intrusion),
        certificate_authority: draw.chance(70).then_some(authority),
        groups: groups(draw, pool, tier, left),
        ..Policy::default()
    }
}

fn groups(draw: &mut Draw, pool: &Pool, tier: Tier, left: &mut usize) -> Vec<RuleCollectionGroup> {
    let mut numbers = [300, 100, 200, 400].into_iter();
    let count = draw.pick(&[1, 1, 2]);
    let groups = (0..count).map(|group| {
        let count = draw.pick(&[1, 2, 2, 3]);
        // The last in the list is often the first that is looked at.
        let priorities = if draw.chance(50) { [100, 200, 300] } else { [300, 200, 100] };
        let collections = priorities.into_iter().take(count).enumerate();
        let collections = collections.filter_map(|(at, priority)| {
            let rules = rules(draw, pool, tier, left);
            let name = Key::new(format!("c{at}"));
            let priority = Priority::new(priority).expect("in range");
            (!rules.is_empty()).then_some(RuleCollection { name, priority, rules })
        });
        RuleCollectionGroup {
            name: Key::new(format!("g{group}")),
            collections: collections.collect(),
            priority: Priority::new(numbers.next().expect("few groups")).expect("in range"),
        }
    });
    groups.collect()
}

fn rules(draw: &mut Draw, pool: &Pool, tier: Tier, left: &mut usize) -> Rules {
    let count = (1 + draw.below(2)).min(*left);
    *left -= count;
    let names = (0..count).map(|number| format!("r{number}"));
    match draw.below(20) {
        0..=9 => {
            let action = if draw.chance(75) { Action::Allow } else { Action::Deny };
            let rules = names.map(|name| application_rule(draw, pool, tier, name)).collect();
            Rules::Application(action, rules)
        }
        10..=16 => {
            let action = action(draw);
            Rules::Network(action, names.map(|name| network_rule(draw, pool, name)).collect())
        }
        _ => Rules::Nat(names.map(|name| nat_rule(draw, pool, name)).collect()),
    }
}

pub(crate) fn action(draw: &mut Draw) -> Action {
    if draw.chance(70) { Action::Allow } else { Action::Deny }
}

fn groups_of(draw: &mut Draw, percent: usize) -> Vec<Key> {
    if !draw.chance(percent) {
        return vec![];
    }
    vec![Key::new(draw.pick(&["group", "group", "other", "unheard-of"]))]
}

fn sources(draw: &mut Draw, pool: &Pool) -> Sources {
    let ip_groups = groups_of(draw, 12);
    let addresses = if ip_groups.is_empty() { pool.sources.clone() } else { vec![] };
    Sources { addresses, ip_groups }
}

fn application_rule(draw: &mut Draw, pool: &Pool, tier: Tier, name: String) -> ApplicationRule {
    let mut rule = ApplicationRule {
        name,
        sources: sources(draw, pool),
        protocols: draw.some(&pool.protocols, 1, 2),
        ..ApplicationRule::default()
    };
    match draw.below(20) {
        0..=3 => {
            let (host, path) = (draw.pick(&pool.patterns), pool.path.to_owned());
            rule.target_urls = vec![UrlPattern { host, path }];
            rule.terminate_tls = tier == Tier::Premium && draw.chance(80);
        }
        4 => rule.fqdn_tags = vec![draw.pick(&["WindowsUpdate", "AzureHDInsight"]).to_owned()],
        5 => rule.web_categories = vec![draw.pick(&["News", "Finance"]).to_owned()],
        6 => rule.unknown_targets = vec!["targets".to_owned()],
        7 => {
            let remote = AddressEntry::Prefix(prefix(REMOTE));
            rule.destination_addresses = vec![DestinationEntry::Addresses(remote)];
        }
        8 => rule.target_addresses = vec![address(SERVER)],
        _ => rule.target_fqdns = draw.some(&pool.patterns, 1, 2),
    }
    rule.terminate_tls |= tier == Tier::Premium && draw.chance(6);
    rule
}

fn network_rule(draw: &mut Draw, pool: &Pool, name: String) -> NetworkRule {
    let all =
        [NetworkProtocol::Any, NetworkProtocol::Tcp, NetworkProtocol::Udp, NetworkProtocol::Icmp];
    let mut rule = NetworkRule {
        name,
        protocols: draw.some(&all, 1, 2),
        sources: sources(draw, pool),
        destination_ports: draw.some(&pool.ports, 1, 2),
        ..NetworkRule::default()
    };
    match draw.below(10) {
        0 | 1 => {
            let tag = ServiceTag(worlds::tag(draw));
            rule.destination_addresses = vec![DestinationEntry::ServiceTag(tag)];
        }
        2 => rule.destination_ip_groups = groups_of(draw, 100),
        3 => {
            let name = draw.pick(&["a.example", "a.example", "b.a.example"]);
            rule.destination_fqdns = vec![name.parse().expect("a name")];
        }
        _ => {
            let all = draw.some(&pool.destinations, 1, 2);
            rule.destination_addresses = all.into_iter().map(DestinationEntry::Addresses).collect();
        }
    }
    rule
}

fn nat_rule(draw: &mut Draw, pool: &Pool, name: String) -> NatRule {
    let own = |text| AddressEntry::Address(address(text));
    let targets: [IpAddr; 3] = ["10.1.8.7", SERVER, ENDPOINT].map(address);
    let translation = if draw.chance(35) {
        Translation::Fqdn("a.example".parse().expect("a name"))
    } else {
        Translation::Address(draw.pick(&targets))
    };
    NatRule {
        name,
        description: None,
        protocols: draw.some(&[NetworkProtocol::Tcp, NetworkProtocol::Any], 1, 1),
        sources: sources(draw, pool),
        destination_addresses: vec![draw.pick(&[own(PUBLIC), own(PUBLIC), own(FIREWALL)])],
        destination_ports: draw.some(&pool.ports, 1, 1),
        translation,
        translated_port: draw.pick(&[443, 443, 22]),
    }
}

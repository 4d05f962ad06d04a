//! Large policies, with parents, and rules of every kind over many names and addresses.

use std::net::Ipv4Addr;

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::address::AddressEntry;
use exeat::azure::address::DestinationEntry;
use exeat::azure::address::ServiceTag;
use exeat::azure::key::Priority;
use exeat::azure::policy::Action;
use exeat::azure::policy::DnsSettings;
use exeat::azure::policy::ExplicitProxy;
use exeat::azure::policy::Policy;
use exeat::azure::policy::RuleCollection;
use exeat::azure::policy::RuleCollectionGroup;
use exeat::azure::policy::Rules;
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
use exeat::flow::Fqdn;
use exeat::flow::FqdnPattern;
use exeat::flow::PortRange;
use exeat::flow::address::AddressRange;
use ipnet::IpNet;
use ipnet::Ipv4Net;

use super::draw::Draw;
use super::estates;
use super::policies;
use super::worlds::ENDPOINT;
use super::worlds::FIREWALL;
use super::worlds::HUB;
use super::worlds::OFFICE;
use super::worlds::PUBLIC;
use super::worlds::REMOTE;
use super::worlds::SERVER;
use super::worlds::address;
use super::worlds::prefix;

const TAGS: [&str; 8] = [
    "Storage",
    "Storage.WestEurope",
    "Sql.NorthEurope",
    "Sql",
    "AzureMonitor",
    "AzureMonitor.Core",
    "AzureKeyVault.WestEurope",
    "ServiceBus",
];
const PATHS: [&str; 6] = ["", "/", "/api/*", "/api/v1*", "/files/report", "/x*"];
/// How many sets of senders rules have that decrypt.
const INSPECTED: usize = 4;
/// Estates of so many rules decrypt as often as any rule might.
const INSPECTING: usize = 300;
/// In so many rules of a hundred, a part that names many flows at once.
const WIDE: usize = 3;
/// The most rules of a collection.
const MAX_COLLECTION: usize = 40;
/// The most where they deny or translate.
const MAX_SHORT: usize = 6;
/// The most collections of a group.
const MAX_GROUP: usize = 6;
/// The private address space of a second family, and one on the internet.
const OF_SECOND_FAMILY: [&str; 2] = ["2001:db8:7::/48", "fd00:9::/64"];

/// The values that the rules of one estate have.
pub(crate) struct Pool {
    /// Names of which patterns are made.
    names: Vec<Fqdn>,
    patterns: Vec<FqdnPattern>,
    senders: Vec<AddressEntry>,
    destinations: Vec<AddressEntry>,
    ports: Vec<PortEntry>,
    /// From whom TLS is decrypted: the same few senders in all rules, as it is switched on for subnets.
    /// A set of flows has a part for each of them with each request inside.
    inspected: Vec<Sources>,
    /// Of a hundred rules that might have TLS decrypted, how many may: as many in all of a large
    /// estate as of a small one.
    inspecting: usize,
    /// IP groups that rules name: of senders, of destinations, and one that is empty.
    pub(crate) groups: Vec<(Key, Vec<AddressEntry>)>,
}

impl Pool {
    /// Values for so many rules.
    pub(crate) fn draw(draw: &mut Draw, rules: usize) -> Pool {
        let names: Vec<Fqdn> = (0..rules * 2)
            .map(|number| {
                let team = draw.below(rules / 8);
                format!("app{number}.team{team}.example").parse().expect("a name")
            })
            .collect();
        let patterns = names.iter().map(|name| pattern(draw, name)).collect();
        let destinations = (0..rules).map(|_| destination(draw)).collect();
        let mut ports: Vec<PortEntry> = [22, 53, 123, 443, 443, 1433, 5671, 8883, 9093]
            .into_iter()
            .map(|port| PortEntry::Range(PortRange::single(port)))
            .collect();
        for _ in 0..30 {
            let first = 1_024 + u16::try_from(draw.below(40_000)).expect("a port");
            let last = first + draw.pick(&[0, 0, 1, 9, 200]);
            ports.extend(PortRange::new(first, last).map(PortEntry::Range));
        }
        let mut pool = Pool {
            names,
            patterns,
            senders: senders(draw),
            destinations,
            ports,
            inspected: vec![],
            inspecting: (100 * INSPECTING / rules).min(100),
            groups: vec![(Key::new("empty"), vec![])],
        };
        for number in 0..6 {
            let from = draw.some(&pool.senders, 1, 4);
            pool.groups.push((Key::new(format!("from{number}")), from));
            let most = draw.pick(&[4, 20, 100]);
            let to = draw.some(&pool.destinations, 2, most);
            pool.groups.push((Key::new(format!("to{number}")), to));
        }
        pool.inspected = (0..INSPECTED).map(|_| sources(draw, &pool)).collect();
        pool
    }

    fn name(&self, draw: &mut Draw) -> Fqdn {
        draw.pick(&self.names)
    }
}

/// An IP group of senders (`from`) or of destinations (`to`), now and then one that is empty or that
/// nobody knows.
fn group(draw: &mut Draw, kind: &str) -> Key {
    match draw.below(40) {
        0 => Key::new("empty"),
        1 => Key::new("unheard-of"),
        _ => Key::new(format!("{kind}{}", draw.below(6))),
    }
}

/// The name itself, or a pattern that holds it and others.
fn pattern(draw: &mut Draw, name: &Fqdn) -> FqdnPattern {
    let (_, team) = name.as_str().split_once('.').expect("a name of a team");
    let text = match draw.below(100) {
        0..70 => name.to_string(),
        70..94 => format!("*.{name}"),
        94..97 => format!("*{name}"),
        97..99 => format!("*.{team}"),
        _ => format!("*-{team}"),
    };
    text.parse().expect("a pattern")
}

/// Whole subnets, halves of them, ranges across their borders, single machines.
fn senders(draw: &mut Draw) -> Vec<AddressEntry> {
    let mut all = estates::senders();
    for entry in estates::senders() {
        let AddressEntry::Prefix(IpNet::V4(whole)) = entry else { continue };
        let halves = whole.subnets(whole.prefix_len() + 1).expect("a longer prefix");
        all.extend(halves.map(|half| AddressEntry::Prefix(half.into())));
        let first = u32::from(whole.network());
        let machine = |at: usize| Ipv4Addr::from(first + u32::try_from(at).expect("a machine"));
        all.push(AddressEntry::Address(machine(4 + draw.below(50)).into()));
        let ends = [machine(30 + draw.below(20)), machine(200 + draw.below(200))];
        let range = AddressRange::new(ends[0].into(), ends[1].into());
        all.push(AddressEntry::Range(range.expect("a range")));
    }
    all
}

/// Addresses of the internet, mostly, that lie in each other now and then.
fn destination(draw: &mut Draw) -> AddressEntry {
    let byte = |draw: &mut Draw, most| u8::try_from(draw.below(most)).expect("a byte");
    let block = draw.pick(&[20, 40, 51, 52]);
    let host = Ipv4Addr::new(block, byte(draw, 8), byte(draw, 256), byte(draw, 256));
    match draw.below(20) {
        0 => AddressEntry::Prefix(prefix(draw.pick(&[HUB, OFFICE, REMOTE, "192.168.0.0/16"]))),
        1 => AddressEntry::Address(address(draw.pick(&[ENDPOINT, SERVER]))),
        2 => AddressEntry::Prefix(prefix(draw.pick(&OF_SECOND_FAMILY))),
        3..=6 => AddressEntry::Address(host.into()),
        7..=9 => {
            let last = u32::from(host).saturating_add(u32::from(byte(draw, 100)));
            let range = AddressRange::new(host.into(), Ipv4Addr::from(last).into());
            AddressEntry::Range(range.expect("a range"))
        }
        _ => {
            let bits = draw.pick(&[18, 22, 24, 24, 24, 26, 28, 30]);
            let net = Ipv4Net::new(host, bits).expect("a prefix").trunc();
            AddressEntry::Prefix(net.into())
        }
    }
}

/// Gives each firewall a policy, and the first one a parent; `count` rules in all.
pub(crate) fn add(draw: &mut Draw, pool: &Pool, deployment: &mut Deployment, count: usize) {
    let names: Vec<Key> = deployment.firewalls.keys().cloned().collect();
    for (number, name) in names.into_iter().enumerate() {
        let Some(firewall) = deployment.firewalls.get_mut(&name) else { continue };
        firewall.policy = Some(name.clone());
        let tier = firewall.tier;
        if number > 0 {
            // What the first firewall lets through mostly gets through the next.
            let mut next = policy(draw, pool, tier, count / 20);
            next.groups.push(let_all_through());
            deployment.policies.insert(name, next);
            continue;
        }
        let above = count / 5;
        let mut own = policy(draw, pool, tier, count - above);
        let base = Key::new("base");
        own.base = Some(base.clone());
        deployment.policies.insert(base, policy(draw, pool, tier, above));
        deployment.policies.insert(name, own);
    }
}

fn policy(draw: &mut Draw, pool: &Pool, tier: Tier, count: usize) -> Policy {
    let small = policies::Pool::draw(draw, true);
    let settings = policies::policy(draw, &small, tier, &mut 0);
    let modes = [ThreatIntelMode::Off, ThreatIntelMode::Alert, ThreatIntelMode::Deny];
    let mode = if draw.chance(70) { ThreatIntelMode::Deny } else { draw.pick(&modes) };
    let proxy = DnsSettings { enable_proxy: Some(draw.chance(80)), ..DnsSettings::default() };
    let explicit = ExplicitProxy {
        enabled: true,
        http_port: Some(8080),
        https_port: draw.pick(&[None, Some(8443)]),
        enable_pac_file: draw.chance(70),
        pac_file_port: Some(8090),
        pac_file: None,
    };
    let mut allowed = settings.threat_intel_allowlist.clone();
    allowed.fqdns = draw.some(&pool.patterns, 0, 3);
    Policy {
        threat_intel_mode: mode,
        threat_intel_allowlist: allowed,
        dns: draw.chance(80).then_some(proxy),
        explicit_proxy: draw.chance(35).then_some(explicit),
        allow_sql_redirect: draw.chance(40),
        groups: groups(draw, pool, tier, count),
        ..settings
    }
}

/// A group of one rule, behind all others.
fn let_all_through() -> RuleCollectionGroup {
    let rule = NetworkRule {
        name: "all".to_owned(),
        protocols: vec![NetworkProtocol::Any],
        sources: Sources { addresses: vec![AddressEntry::Any], ip_groups: vec![] },
        destination_addresses: vec![DestinationEntry::Addresses(AddressEntry::Any)],
        destination_ports: vec![PortEntry::Any],
        ..NetworkRule::default()
    };
    let collection = RuleCollection {
        name: Key::new("all"),
        priority: Priority::new(100).expect("in range"),
        rules: Rules::Network(Action::Allow, vec![rule]),
    };
    RuleCollectionGroup {
        name: Key::new("last"),
        priority: Priority::new(65_000).expect("in range"),
        collections: vec![collection],
    }
}

fn groups(draw: &mut Draw, pool: &Pool, tier: Tier, count: usize) -> Vec<RuleCollectionGroup> {
    let mut left = count;
    let mut groups: Vec<RuleCollectionGroup> = Vec::new();
    while left > 0 {
        let mut collections = Vec::new();
        for at in 0..=draw.below(MAX_GROUP) {
            let rules = rules(draw, pool, tier, &mut left);
            if !rules.is_empty() {
                let name = Key::new(format!("c{at}"));
                collections.push(RuleCollection { name, priority: priority(draw, at), rules });
            }
        }
        let name = Key::new(format!("g{}", groups.len()));
        let priority = priority(draw, groups.len());
        groups.push(RuleCollectionGroup { name, priority, collections });
    }
    groups
}

/// A priority that no other `at` has; most often one that is later in the list comes later.
fn priority(draw: &mut Draw, at: usize) -> Priority {
    let turn = if draw.chance(50) { at } else { 400 - at };
    Priority::new(u16::try_from(1_000 + turn).expect("a priority")).expect("in range")
}

fn rules(draw: &mut Draw, pool: &Pool, tier: Tier, left: &mut usize) -> Rules {
    let count = (1 + draw.below(MAX_COLLECTION)).min(*left);
    let action = if draw.chance(75) { Action::Allow } else { Action::Deny };
    let kind = draw.below(20);
    // A rule that denies, or translates, takes much from others.
    let is_short = kind < 2 || action == Action::Deny;
    let count = if is_short { count.min(MAX_SHORT) } else { count };
    *left -= count;
    let names = (0..count).map(|number| format!("r{number}"));
    match kind {
        0 | 1 => Rules::Nat(names.map(|name| nat_rule(draw, pool, name)).collect()),
        2..=9 => Rules::Network(action, names.map(|name| network_rule(draw, pool, name)).collect()),
        _ => {
            let rules = names.map(|name| application_rule(draw, pool, tier, name)).collect();
            Rules::Application(action, rules)
        }
    }
}

fn sources(draw: &mut Draw, pool: &Pool) -> Sources {
    let (mut addresses, mut ip_groups) = (vec![], vec![]);
    match draw.below(80) {
        0..=15 => addresses.push(AddressEntry::Any),
        16..=27 => ip_groups.push(group(draw, "from")),
        28 => addresses.push(AddressEntry::Unknown("pool".to_owned())),
        _ => addresses = draw.some(&pool.senders, 1, 3),
    }
    Sources { addresses, ip_groups }
}

fn application_rule(draw: &mut Draw, pool: &Pool, tier: Tier, name: String) -> ApplicationRule {
    let pair = |protocol, port| ApplicationProtocol { protocol, port };
    let protocols = [
        pair(ApplicationProtocolType::Https, 443),
        pair(ApplicationProtocolType::Https, 443),
        pair(ApplicationProtocolType::Https, 443),
        pair(ApplicationProtocolType::Http, 80),
        pair(ApplicationProtocolType::Http, 8_081),
        pair(ApplicationProtocolType::Https, 8_443),
        pair(ApplicationProtocolType::Mssql, 1_433),
    ];
    let mut rule = ApplicationRule {
        name,
        sources: sources(draw, pool),
        protocols: draw.some(&protocols, 1, 2),
        ..ApplicationRule::default()
    };
    match draw.below(100) {
        0..20 => {
            let path = draw.pick(&PATHS).to_owned();
            rule.target_urls = vec![UrlPattern { host: draw.pick(&pool.patterns), path }];
            rule.terminate_tls = tier == Tier::Premium && draw.chance(80);
        }
        20..24 => rule.fqdn_tags = vec![draw.pick(&["WindowsUpdate", "AzureHDInsight"]).to_owned()],
        24..27 => rule.web_categories = vec![draw.pick(&["News", "Gambling"]).to_owned()],
        27 => rule.unknown_targets = vec!["targets".to_owned()],
        28 => {
            let remote = draw.pick(&pool.destinations);
            rule.destination_addresses = vec![DestinationEntry::Addresses(remote)];
        }
        29 => rule.target_addresses = vec![address(SERVER)],
        _ => rule.target_fqdns = draw.some(&pool.patterns, 1, 4),
    }
    rule.terminate_tls |= tier == Tier::Premium && draw.chance(15);
    rule.terminate_tls &= draw.chance(pool.inspecting);
    if rule.terminate_tls {
        rule.sources = draw.pick(&pool.inspected);
    }
    rule
}

fn network_rule(draw: &mut Draw, pool: &Pool, name: String) -> NetworkRule {
    let all = [
        NetworkProtocol::Tcp,
        NetworkProtocol::Tcp,
        NetworkProtocol::Udp,
        NetworkProtocol::Any,
        NetworkProtocol::Icmp,
    ];
    let is_every_port = draw.chance(8);
    let mut rule = NetworkRule {
        name,
        protocols: draw.some(&all, 1, 2),
        sources: sources(draw, pool),
        destination_ports: if is_every_port {
            vec![PortEntry::Any]
        } else {
            draw.some(&pool.ports, 1, 3)
        },
        ..NetworkRule::default()
    };
    match draw.below(100) {
        0..10 => {
            let tag = ServiceTag(draw.pick(&TAGS).to_owned());
            rule.destination_addresses = vec![DestinationEntry::ServiceTag(tag)];
        }
        10..22 => rule.destination_ip_groups = vec![group(draw, "to")],
        22..30 => rule.destination_fqdns = vec![pool.name(draw)],
        30..32 => {
            let unknown = AddressEntry::Unknown("pool".to_owned());
            rule.destination_addresses = vec![DestinationEntry::Addresses(unknown)];
        }
        // With every port, it would hide all rules behind it.
        32.. if draw.chance(WIDE) && !is_every_port => {
            rule.destination_addresses = vec![DestinationEntry::Addresses(AddressEntry::Any)];
        }
        _ => {
            let all = draw.some(&pool.destinations, 1, 4);
            rule.destination_addresses = all.into_iter().map(DestinationEntry::Addresses).collect();
        }
    }
    rule
}

fn nat_rule(draw: &mut Draw, pool: &Pool, name: String) -> NatRule {
    let own = AddressEntry::Address(address(draw.pick(&[PUBLIC, PUBLIC, FIREWALL])));
    let translation = if draw.chance(30) {
        Translation::Fqdn(pool.name(draw))
    } else {
        Translation::Address(address(draw.pick(&["10.1.8.7", SERVER, ENDPOINT])))
    };
    NatRule {
        name,
        description: None,
        protocols: vec![draw.pick(&[NetworkProtocol::Tcp, NetworkProtocol::Any])],
        sources: sources(draw, pool),
        destination_addresses: vec![own],
        destination_ports: draw.some(&pool.ports, 1, 2),
        translation,
        translated_port: draw.pick(&[443, 443, 22, 1_433]),
    }
}

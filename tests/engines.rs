//! The fast engine says what the slow one says: on flows near every edge of deployments of every
//! shape, in environments that are drawn, and on every case of the decision corpus.
//!
//! `tests/square` compares them on every flow of the grid of a small deployment, `tests/sampled` on
//! flows of large ones. In the environment, `EXEAT_ENGINES=100000` draws so many flows of each
//! deployment (better with `--release`).
#![cfg(test)]
#![cfg(feature = "testing")]

#[path = "square/axes.rs"]
#[expect(dead_code, reason = "the square needs more of it")]
mod axes;
#[path = "square/draw.rs"]
mod draw;
#[path = "support/engines.rs"]
mod engines;
#[path = "sampled/estates.rs"]
#[expect(dead_code, reason = "samples need more of it")]
mod estates;
#[path = "../benches/support/deployment.rs"]
#[expect(dead_code, reason = "benches need the flows")]
mod generated;
#[path = "support/list.rs"]
mod list;
#[path = "square/lists.rs"]
mod lists;
#[path = "square/policies.rs"]
mod policies;
#[path = "sampled/rules.rs"]
mod rules;
#[path = "support/seeds.rs"]
#[expect(dead_code, reason = "nothing here runs on several threads")]
mod seeds;
#[path = "square/worlds.rs"]
#[expect(dead_code, reason = "the square needs more of it")]
mod worlds;

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::IpAddr;
use std::path::Path;

use exeat::azure::Deployment;
use exeat::evidence::Evidence;
use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::import;
use exeat::testing::Edges;
use exeat::testing::Runs;
use proptest::strategy::Strategy as _;
use proptest::strategy::ValueTree as _;

use self::engines::Asked;
use self::engines::Engines;
use self::seeds::asked_for;

/// How many flows of each deployment are drawn.
const FLOWS: u32 = 1_500;

/// Whether `atom` holds in the environment of that number, in which so many of eight hold.
fn holds(environment: u64, of_eight: u64, atom: &Atom) -> bool {
    let mut hasher = DefaultHasher::new();
    (environment, atom).hash(&mut hasher);
    hasher.finish() % 8 < of_eight
}

/// Asks both engines about flows near the edges of `deployment`.
#[track_caller]
fn compare(deployment: &Deployment, seed: u64, asked: &mut Asked) {
    let engines = Engines::of(deployment);
    let flows = Edges::near(&[deployment], None, &Evidence::default()).flows();
    let cases = asked_for("EXEAT_ENGINES").and_then(|flows| u32::try_from(flows).ok());
    let cases = cases.unwrap_or(FLOWS);
    let mut runner = Runs { seed, cases }.runner();
    for number in 0..cases {
        // Without an edge there is nothing to draw.
        let Ok(tree) = flows.new_tree(&mut runner) else { return };
        let flow = tree.current();
        // Facts are rare, as often as not, or usual.
        let of_eight = [0, 1, 4, 7][number as usize % 4];
        let mut oracle = |atom: &Atom| holds(number.into(), of_eight, atom);
        let (_, differs) = engines.compare(&flow, &mut oracle, asked);
        if let Some(differs) = differs {
            let document = exeat::emit::json::write(deployment).expect("a document");
            panic!("seed {seed}, flow {number}, {of_eight} of 8 hold: {differs}\n{document}");
        }
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "how often the slow engine was asked is a result")]
fn both_engines_say_the_same_near_the_edges_of_small_deployments() {
    let mut asked = Asked::default();
    for seed in 0..60 {
        compare(&worlds::world(seed, 0).deployment, seed, &mut asked);
    }
    eprintln!("small deployments: {asked}");
    // What is left to the slow engine is what these deployments are made for.
    assert!(asked.slowly * 10 < asked.flows * 9, "{asked}");
}

#[test]
#[expect(clippy::print_stderr, reason = "how often the slow engine was asked is a result")]
fn both_engines_say_the_same_near_the_edges_of_large_deployments() {
    let mut asked = Asked::default();
    for seed in 0..4 {
        compare(&estates::estate(seed), seed, &mut asked);
    }
    eprintln!("large deployments: {asked}");
}

#[test]
fn what_rules_alone_decide_is_never_asked_of_the_slow_engine() {
    let mut asked = Asked::default();
    for rules in [0, 1, 63, 64, 65, 1_000, 5_000] {
        compare(&generated::deployment(rules), 1, &mut asked);
    }
    assert_eq!(asked.slowly, 0, "{asked}");
}

/// The deployments of the decision corpus.
fn corpus() -> Vec<(String, Deployment)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decisions");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let (text, shown) = (fs::read_to_string(&file).unwrap(), file.display().to_string());
        if file.extension().is_some_and(|end| end == "json") {
            found.push((shown, text));
            continue;
        }
        let document: toml::Table = toml::from_str(&text).unwrap();
        let inline = document.get("deployment").and_then(toml::Value::as_table);
        for (name, one) in inline.into_iter().flatten() {
            found.push((format!("{shown}, {name}"), one["json"].as_str().unwrap().to_owned()));
        }
    }
    let read = |(shown, text): (String, String)| Some((shown, import::json::read(&text).ok()?));
    found.into_iter().filter_map(read).collect()
}

#[test]
fn both_engines_say_the_same_near_the_edges_of_the_corpus() {
    let deployments = corpus();
    assert!(deployments.len() > 30, "only {} deployments", deployments.len());
    let mut asked = Asked::default();
    for (_, deployment) in &deployments {
        compare(deployment, 3, &mut asked);
    }
}

/// A firewall, a subnet behind it, and in each place where a prefix may be written one that is
/// written nowhere else.
const PLACES: &str = r#"{
  "schema": "exeat.deployment/1",
  "ipGroups": {"g": {"ipAddresses": ["203.0.113.16/30"]}},
  "firewallPolicies": {"p": {
    "threatIntelMode": "Deny",
    "threatIntelWhitelist": {"ipAddresses": ["203.0.113.32/30"]},
    "snat": {"privateRanges": ["203.0.113.48/30"]},
    "ruleCollectionGroups": [{"name": "g", "priority": 200, "ruleCollections": [
      {"name": "n", "priority": 200, "kind": "network", "action": "Deny", "rules": [
        {"name": "prefix", "ipProtocols": ["TCP"], "sourceAddresses": ["10.1.8.64/30"],
         "destinationAddresses": ["203.0.113.64/30"], "destinationPorts": ["8000-8009"]},
        {"name": "group", "ipProtocols": ["TCP"], "sourceAddresses": ["*"],
         "destinationIpGroups": ["g"], "destinationPorts": ["*"]},
        {"name": "range", "ipProtocols": ["UDP"], "sourceAddresses": ["*"],
         "destinationAddresses": ["203.0.113.81-203.0.113.82"], "destinationPorts": ["*"]}]},
      {"name": "rest", "priority": 300, "kind": "network", "action": "Allow", "rules": [
        {"name": "all", "ipProtocols": ["Any"], "sourceAddresses": ["10.0.0.0/8"],
         "destinationAddresses": ["*"], "destinationPorts": ["*"]}]}]}]}},
  "azureFirewalls": {"fw": {"virtualNetwork": "hub", "firewallPolicy": "p",
    "privateIpAddress": "10.0.1.4", "publicIpAddresses": ["203.0.113.101"]}},
  "virtualNetworks": {
    "hub": {"addressSpace": ["10.0.0.0/16", "203.0.113.112/30"],
      "gatewayRoutes": ["203.0.113.128/30"],
      "subnets": [{"name": "AzureFirewallSubnet", "addressPrefixes": ["10.0.1.0/26"]}],
      "virtualNetworkPeerings": [{"name": "s", "remoteVirtualNetwork": "spoke"}]},
    "spoke": {"addressSpace": ["10.1.0.0/16"],
      "virtualNetworkPeerings": [{"name": "h", "remoteVirtualNetwork": "hub"}],
      "subnets": [{"name": "apps", "addressPrefixes": ["10.1.8.0/24"], "routeTable": "rt",
        "networkSecurityGroup": "nsg"},
      {"name": "links", "addressPrefixes": ["10.1.9.0/24"], "privateEndpoints": [
        {"name": "pe", "privateIpAddress": "10.1.9.5"}]}]}},
  "routeTables": {"rt": {"routes": [
    {"name": "all", "addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance",
     "nextHopIpAddress": "10.0.1.4"},
    {"name": "none", "addressPrefix": "203.0.113.144/30", "nextHopType": "None"}]}},
  "networkSecurityGroups": {"nsg": {"securityRules": [
    {"name": "to", "priority": 100, "direction": "Outbound", "access": "Deny", "protocol": "Tcp",
     "sourceAddressPrefixes": ["*"], "sourcePortRanges": ["*"],
     "destinationAddressPrefixes": ["203.0.113.160/30"], "destinationPortRanges": ["9000-9009"]},
    {"name": "from", "priority": 110, "direction": "Outbound", "access": "Deny", "protocol": "*",
     "sourceAddressPrefixes": ["10.1.8.96/30"], "sourcePortRanges": ["*"],
     "destinationAddressPrefixes": ["*"], "destinationPortRanges": ["7000"]}]}}
}"#;

/// One engine is asked of all addresses in a row, so that an answer that is kept for too many of them
/// is noticed.
#[test]
fn each_place_where_a_prefix_may_be_written_tells_addresses_apart() {
    let deployment = import::json::read(PLACES).unwrap_or_else(|error| panic!("{error}"));
    let engines = Engines::of(&deployment);
    let mut verdicts = BTreeSet::new();
    let mut asked = Asked::default();
    let near = (0..=255).map(|last| IpAddr::from([203, 0, 113, last]));
    let near = near.chain((0..=255).map(|last| IpAddr::from([10, 1, 9, last])));
    for destination in near.collect::<Vec<_>>() {
        for port in
            [22, 6_999, 7_000, 7_001, 7_999, 8_000, 8_009, 8_010, 8_999, 9_000, 9_009, 9_010]
        {
            for sender in [4, 63, 64, 67, 68, 95, 96, 99, 100] {
                for protocol in [IpProtocol::TCP, IpProtocol::UDP] {
                    let flow = Flow {
                        source: [10, 1, 8, sender].into(),
                        source_port: 50_000,
                        destination,
                        destination_port: port,
                        protocol,
                        payload: Payload::Other,
                    };
                    // Threat intelligence spares some addresses, so that it has to list them.
                    let mut oracle =
                        |atom: &Atom| matches!(atom, Atom::ThreatListed { .. }) && port % 2 == 1;
                    let (decision, differs) = engines.compare(&flow, &mut oracle, &mut asked);
                    assert_eq!(differs, None);
                    verdicts.insert((decision.reason, decision.rule.map(|rule| rule.rule)));
                }
            }
        }
    }
    assert!(verdicts.len() >= 9, "{verdicts:?}");
}

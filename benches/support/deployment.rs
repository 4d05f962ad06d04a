//! Deployments of any size, and flows to put to them; the same on every run.

use std::net::IpAddr;

use exeat::azure::Deployment;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::import;
use serde_json::Value;
use serde_json::json;

/// A policy with this many rules, of ten one by address, in a collection of each kind. No network
/// is stated, so that a flow meets nothing but the rules.
pub(crate) fn deployment(rules: usize) -> Deployment {
    let (network, application): (Vec<usize>, Vec<usize>) =
        (0..rules).partition(|number| number % 10 == 9);
    let collection = |name: &str, priority: u16, kind: &str, rules: Vec<Value>| {
        let action = "Allow";
        json!({ "name": name, "priority": priority, "kind": kind, "action": action, "rules": rules })
    };
    let collections = [
        collection("net-allow", 200, "network", network.into_iter().map(network_rule).collect()),
        collection(
            "app-allow",
            300,
            "application",
            application.into_iter().map(web_rule).collect(),
        ),
    ];
    let group = json!({ "name": "rcg", "priority": 1_000, "ruleCollections": collections });
    let document = json!({
        "schema": "exeat.deployment/1",
        "firewallPolicies": { "fwp": { "ruleCollectionGroups": [group] } },
    });
    import::json::read(&document.to_string()).expect("a document")
}

/// To addresses that no other rule names.
fn network_rule(number: usize) -> Value {
    json!({
        "name": format!("n-{number}"),
        "ipProtocols": ["TCP"],
        "sourceAddresses": ["10.1.8.0/24"],
        "destinationAddresses": [format!("198.51.{}.0/24", number % 256)],
        "destinationPorts": [(5_000 + number).to_string()],
    })
}

fn web_rule(number: usize) -> Value {
    json!({
        "name": format!("a-{number}"),
        "protocols": ["Https:443"],
        "sourceAddresses": ["10.1.8.0/24"],
        "targetFqdns": [
            format!("api-{number}.example.com"),
            format!("*.cdn-{number}.example.com"),
        ],
    })
}

/// Flows to names that a rule allows, from the first rule to the last.
pub(crate) const NAMED: usize = 40;
/// Flows to names of no rule.
const UNNAMED: usize = 20;

/// Flows over TLS, first those that are allowed, then those that are not.
pub(crate) fn flows(rules: usize) -> Vec<Flow> {
    let named = (0..NAMED).map(|step| {
        // Every tenth number is that of a network rule; the one before it is not.
        let number = step * rules / NAMED;
        let number = if number % 10 == 9 { number - 1 } else { number };
        if step % 2 == 0 {
            format!("api-{number}.example.com")
        } else {
            format!("eu.cdn-{number}.example.com")
        }
    });
    let unknown = (0..UNNAMED).map(|number| format!("unknown-{number}.example.com"));
    named.chain(unknown).zip(50_000..).map(|(name, port)| tls(&name, port)).collect()
}

fn tls(name: &str, source_port: u16) -> Flow {
    let name = Fqdn::parse(name).expect("a name");
    Flow {
        source: IpAddr::from([10, 1, 8, 4]),
        source_port,
        destination: IpAddr::from([203, 0, 113, 7]),
        destination_port: 443,
        protocol: IpProtocol::TCP,
        payload: Payload::Tls { name: Some(Host::Name(name)), inner: None },
    }
}

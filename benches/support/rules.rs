//! A hub with a firewall, spokes that send to it, and rules of every kind in any number; the same on
//! every run.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use exeat::azure::Deployment;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::flow::Request;
use exeat::import;
use serde_json::Value;
use serde_json::json;

/// How many subnets send.
const SENDERS: usize = 20;

/// Numbers that look drawn (`SplitMix64`).
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Draw {
        Draw(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of the numbers below `count`.
    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count.max(1) as u64).unwrap_or(0)
    }
}

/// A deployment with this many rules, a fifth of them by address, and with two names for each on
/// average.
pub(crate) fn deployment(rules: usize) -> Deployment {
    let (network, application): (Vec<usize>, Vec<usize>) =
        (0..rules).partition(|number| is_network(*number));
    let collection = |name: &str, priority: u16, kind: &str, rules: Vec<Value>| {
        let action = "Allow";
        json!({ "name": name, "priority": priority, "kind": kind, "action": action, "rules": rules })
    };
    let network: Vec<Value> = network.into_iter().map(network_rule).collect();
    let application: Vec<Value> = application.into_iter().map(web_rule).collect();
    let group = json!({ "name": "rcg", "priority": 1_000, "ruleCollections": [
        collection("net-allow", 200, "network", network),
        collection("app-allow", 300, "application", application),
    ] });
    let subnets: Vec<Value> = (0..SENDERS)
        .map(|number| {
            json!({ "name": format!("s{number}"), "addressPrefixes": [format!("10.1.{number}.0/24")],
                    "routeTable": "rt", "networkSecurityGroup": "nsg" })
        })
        .collect();
    let peering = |name: &str, remote: &str| json!([{ "name": name, "remoteVirtualNetwork": remote, "allowForwardedTraffic": true }]);
    let document = json!({
        "schema": "exeat.deployment/1",
        "firewallPolicies": { "fwp": { "ruleCollectionGroups": [group] } },
        "azureFirewalls": { "fw": {
            "virtualNetwork": "hub", "firewallPolicy": "fwp", "privateIpAddress": "10.0.1.4",
            "publicIpAddresses": ["203.0.113.250"],
        } },
        "virtualNetworks": {
            "hub": {
                "addressSpace": ["10.0.0.0/16"],
                "subnets": [{ "name": "AzureFirewallSubnet", "addressPrefixes": ["10.0.1.0/26"] }],
                "virtualNetworkPeerings": peering("to-spoke", "spoke"),
            },
            "spoke": {
                "addressSpace": ["10.1.0.0/16"],
                "subnets": subnets,
                "virtualNetworkPeerings": peering("to-hub", "hub"),
            },
        },
        "routeTables": { "rt": { "routes": [{
            "name": "default", "addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance",
            "nextHopIpAddress": "10.0.1.4",
        }] } },
        "networkSecurityGroups": { "nsg": { "securityRules": [{
            "name": "no-mail", "priority": 100, "direction": "Outbound", "access": "Deny",
            "protocol": "Tcp", "sourceAddressPrefixes": ["*"], "sourcePortRanges": ["*"],
            "destinationAddressPrefixes": ["Internet"], "destinationPortRanges": ["25"],
        }] } },
    });
    import::json::read(&document.to_string()).expect("a document")
}

fn is_network(number: usize) -> bool {
    number % 5 == 4
}

/// The subnets that a rule is for: one, three, or all.
fn senders(number: usize) -> Vec<String> {
    match number % 4 {
        0 => vec!["10.1.0.0/16".to_owned()],
        1 => (0..3).map(|more| format!("10.1.{}.0/24", (number + more) * 7 % SENDERS)).collect(),
        _ => vec![format!("10.1.{}.0/24", number * 7 % SENDERS)],
    }
}

/// The prefix of a network rule: a /24 of its own, some of them within a /16 of another.
fn prefix(number: usize) -> (Ipv4Addr, u8) {
    let index = u32::try_from(number).unwrap_or_default();
    let own = 0x1400_0000 + index * 256;
    if number % 50 == 4 { ((own & 0xffff_0000).into(), 16) } else { (own.into(), 24) }
}

fn port(number: usize) -> u16 {
    5_000 + u16::try_from(number % 1_000).unwrap_or_default()
}

fn network_rule(number: usize) -> Value {
    let (address, length) = prefix(number);
    let first = port(number);
    json!({
        "name": format!("n-{number}"),
        "ipProtocols": [if number.is_multiple_of(3) { "Any" } else { "TCP" }],
        "sourceAddresses": senders(number),
        "destinationAddresses": [format!("{address}/{length}")],
        "destinationPorts": [format!("{first}-{}", first + 9), "8443"],
    })
}

/// Two names and more, so that there are two for each rule.
fn names(number: usize) -> Vec<String> {
    let mut names = vec![
        format!("api-{number}.team-{}.example.com", number % 97),
        format!("*.cdn-{number}.example.net"),
    ];
    if number.is_multiple_of(2) {
        names.push(format!("login-{number}.example.org"));
    }
    names
}

fn web_rule(number: usize) -> Value {
    let protocols = if number.is_multiple_of(6) {
        json!(["Https:443", "Http:80"])
    } else {
        json!(["Https:443"])
    };
    json!({
        "name": format!("a-{number}"),
        "protocols": protocols,
        "sourceAddresses": senders(number),
        "targetFqdns": names(number),
    })
}

/// So many different flows over all that the rules of [`deployment`] are about, in no order: most
/// over TLS to a name of some rule, others to names of none, by address, or to anywhere.
pub(crate) fn flows(rules: usize, count: usize) -> Vec<Flow> {
    let mut draw = Draw::new(rules as u64);
    (0..count).map(|number| flow(rules, number, &mut draw)).collect()
}

fn flow(rules: usize, number: usize, draw: &mut Draw) -> Flow {
    let rule = draw.below(rules);
    // Half of the flows come from a subnet that the rule is for.
    let sender = if draw.below(2) == 0 { rule * 7 % SENDERS } else { draw.below(SENDERS + 1) };
    let source = Ipv4Addr::new(10, 1, sender as u8, 4 + draw.below(200) as u8);
    // The public addresses from 11.0.0.0 on.
    let anywhere = Ipv4Addr::from(0x0b00_0000 + draw.below(0x6000_0000) as u32);
    let (destination, destination_port, payload) = match draw.below(20) {
        0..12 => (anywhere, 443, tls(&name(rule, draw))),
        12..14 => (anywhere, 443, tls(&format!("x{number}.example.com"))),
        14..16 => {
            let host = Some(Host::Name(Fqdn::parse(&name(rule, draw)).expect("a name")));
            (anywhere, 80, Payload::Http(Request { host, port: None, path: "/".to_owned() }))
        }
        16..19 => {
            let (address, length) = prefix(rule);
            let within = draw.below(1 << (32 - length)) as u32;
            let port = if draw.below(4) == 0 { 8_443 } else { port(rule) + draw.below(12) as u16 };
            (Ipv4Addr::from(u32::from(address) + within), port, Payload::Other)
        }
        _ => (anywhere, draw.below(65_536) as u16, Payload::Silent),
    };
    Flow {
        source: IpAddr::V4(source),
        source_port: 49_152 + (number % 16_384) as u16,
        destination: IpAddr::V4(destination),
        destination_port,
        protocol: if draw.below(40) == 0 { IpProtocol::UDP } else { IpProtocol::TCP },
        payload,
    }
}

/// A name of that rule, if it has any.
fn name(rule: usize, draw: &mut Draw) -> String {
    match draw.below(3) {
        0 => format!("api-{rule}.team-{}.example.com", rule % 97),
        1 => format!("eu-{}.cdn-{rule}.example.net", draw.below(50)),
        _ => format!("login-{rule}.example.org"),
    }
}

fn tls(name: &str) -> Payload {
    let name = Fqdn::parse(name).expect("a name");
    Payload::Tls { name: Some(Host::Name(name)), inner: None }
}

//! What a platform team has: a list for many senders, and deployments that are hard on a proof. The
//! same on every run.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use exeat::azure::Deployment;
use exeat::import;
use serde_json::Value;
use serde_json::json;

/// How many subnets send.
const SENDERS: usize = 20;
/// How many permissions are for addresses that a firewall resolves itself, at most.
const BY_ADDRESS: usize = 300;
/// One in so many of the other permissions is for a service tag.
const TAGGED: usize = 30;
/// Tags that regions have.
const TAGS: [&str; 8] = [
    "Storage.WestEurope",
    "Sql.WestEurope",
    "AzureMonitor",
    "ServiceBus.WestEurope",
    "AzureKeyVault.WestEurope",
    "AzureActiveDirectory",
    "EventHub.WestEurope",
    "AzureContainerRegistry.WestEurope",
];
/// How many names permissions have in turn: two on average, and three of those with most.
const NAMES: [usize; 10] = [1, 2, 3, 1, 6, 2, 3, 2, 3, 1];
/// What permissions are for in turn.
const SERVICES: [&str; 5] = ["https", "https", "https", "http", "https, http"];

/// The text of a list with this many permissions and two names for each on average: three tenths of
/// the first thousand by address, some to service tags, and the others to names over TLS or HTTP.
pub(crate) fn text(permissions: usize) -> String {
    let mut text = network();
    for number in 0..permissions {
        let sender = (number * 7) % SENDERS;
        let by_address = number % 10 < 3 && number < BY_ADDRESS * 10 / 3;
        // Writing to a string cannot fail.
        let _ = if by_address {
            let port = [5_671, 5_672, 9_093, 587].get(number % 4).copied().unwrap_or_default();
            writeln!(
                text,
                "allow p{number}: s{sender} -> mq{number}.contoso.org : tcp/{port} by address \
                 because \"its clients show no name\" because \"queues\""
            )
        } else if number % TAGGED == 9 {
            let tag = TAGS.get(number / TAGGED % TAGS.len()).copied().unwrap_or_default();
            let port = 9_000 + number % 10;
            writeln!(
                text,
                "allow p{number}: s{sender} -> tag {tag} : tcp/{port} because \"a service\""
            )
        } else {
            let service = SERVICES.get(number % SERVICES.len()).copied().unwrap_or_default();
            writeln!(
                text,
                "allow p{number}: {} -> {} : {service} because \"the work needs it\"",
                senders(number, sender),
                names(number),
            )
        };
    }
    text
}

/// The text of a list with this many permissions, a tenth of which others cover, and one deny for a
/// hundred of them.
pub(crate) fn covered(permissions: usize) -> String {
    let apart = permissions - permissions / 10;
    let mut text = text(apart);
    for number in 0..permissions / 10 {
        let covering = number * 9 + 4;
        let sender = (covering * 7) % SENDERS;
        let service = SERVICES.get(covering % SERVICES.len()).copied().unwrap_or_default();
        let _ = if covering % 10 < 3 && covering < BY_ADDRESS * 10 / 3 || covering % TAGGED == 9 {
            writeln!(
                text,
                "allow q{number}: s{sender} -> q{number}.contoso.com : https because \"alone\""
            )
        } else {
            writeln!(
                text,
                "allow q{number}: s{sender} -> {} : {service} because \"the same once more\"",
                names(covering)
            )
        };
        if number % 10 == 0 {
            let _ = writeln!(
                text,
                "deny d{number}: any -> {}, paste{number}.example.org : https because \"no longer\"",
                names(number)
            );
        }
    }
    text
}

/// One, two or three subnets.
fn senders(number: usize, first: usize) -> String {
    let senders = (0..=number % 3).map(|step| format!("s{}", (first + 5 * step) % SENDERS));
    senders.collect::<Vec<String>>().join(", ")
}

fn names(number: usize) -> String {
    let count = NAMES.get(number % NAMES.len()).copied().unwrap_or(1);
    let names = (0..count).map(|step| match (number + step) % 7 {
        0 => format!("*.svc{number}-{step}.contoso.com"),
        1..=3 => format!("h{number}-{step}.fabrikam.com"),
        _ => format!("api{number}.host{step}.example{}.net", number * 13 % 500),
    });
    names.collect::<Vec<String>>().join(", ")
}

fn network() -> String {
    let mut subnets = String::new();
    for sender in 0..SENDERS {
        let _ = writeln!(
            subnets,
            "    subnet s{sender} 10.1.{}.0/24 {{ routes via egress }}",
            16 + sender
        );
    }
    format!(
        "language 1

network n {{
  vnet hub 10.0.0.0/16 {{
    subnet AzureFirewallSubnet 10.0.1.0/26
  }}
  vnet spoke 10.1.0.0/16 {{
    peers hub
    dns egress
{subnets}  }}
  firewall egress in hub {{ sku standard  private-ip 10.0.1.4  public-ip 203.0.113.10  dns-proxy on }}
}}

policy egress {{ threat-intel deny }}

"
    )
}

/// Takes a network security group that denies what no list permits into `deployment`, and has it
/// guard every subnet but the firewall's.
pub(crate) fn guard(deployment: &mut Deployment) {
    let rule = |name: &str, priority: u16, access: &str, destination: &str, port: &str| {
        json!({
            "name": name,
            "priority": priority,
            "direction": "Outbound",
            "access": access,
            "protocol": "*",
            "sourceAddressPrefixes": ["*"],
            "sourcePortRanges": ["*"],
            "destinationAddressPrefixes": [destination],
            "destinationPortRanges": [port],
        })
    };
    let rules = [
        rule("no-mail", 100, "Deny", "Internet", "25"),
        rule("no-lab", 110, "Deny", "10.9.0.0/16", "*"),
        rule("rest", 200, "Allow", "*", "*"),
    ];
    let document = json!({
        "schema": "exeat.deployment/1",
        "networkSecurityGroups": { "nsg": { "securityRules": rules } },
    });
    let more = import::json::read(&document.to_string()).expect("a document");
    let name = more.network_security_groups.keys().next().expect("a group").clone();
    deployment.absorb(more).expect("no other group");
    let networks = deployment.virtual_networks.values_mut();
    for subnet in networks.flat_map(|network| &mut network.subnets) {
        if subnet.name.as_str() != "AzureFirewallSubnet" {
            subnet.network_security_group = Some(name.clone());
        }
    }
}

/// This many rules, each from one of the groups to another, of which each has as many addresses that
/// lie apart from all others.
pub(crate) fn scattered(groups: usize, addresses: usize, rules: usize) -> Deployment {
    let group = |number: usize| {
        // An odd factor modulo a power of two: no address comes twice.
        let address = |step: usize| {
            let place = u32::try_from(number * addresses + step).expect("an address");
            place.wrapping_mul(0x9E37_79B1)
        };
        let all = (0..addresses).map(|step| Ipv4Addr::from(address(step)).to_string());
        json!({ "ipAddresses": all.collect::<Vec<String>>() })
    };
    let rule = |number: usize| {
        json!({
            "name": format!("r{number}"),
            "ipProtocols": ["TCP"],
            "sourceIpGroups": [format!("g{}", number % groups)],
            "destinationIpGroups": [format!("g{}", (number * 7 + number / groups + 1) % groups)],
            "destinationPorts": ["443"],
        })
    };
    let ip_groups: serde_json::Map<String, Value> =
        (0..groups).map(|number| (format!("g{number}"), group(number))).collect();
    let collection = json!({
        "name": "pairs",
        "priority": 200,
        "kind": "network",
        "action": "Allow",
        "rules": (0..rules).map(rule).collect::<Vec<Value>>(),
    });
    let collections = json!({ "name": "rcg", "priority": 1_000, "ruleCollections": [collection] });
    let document = json!({
        "schema": "exeat.deployment/1",
        "ipGroups": ip_groups,
        "firewallPolicies": { "fwp": { "ruleCollectionGroups": [collections] } },
    });
    import::json::read(&document.to_string()).expect("a document")
}

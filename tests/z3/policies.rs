//! Random policies, and others that differ from them by little or nothing.

use serde_json::Value;
use serde_json::json;

use super::draw::Draw;

const SOURCES: [&str; 8] = [
    "10.1.0.0/22",
    "10.1.8.0/24",
    "10.1.8.0/25",
    "10.1.8.128/25",
    "10.1.8.5",
    "10.1.8.4-10.1.8.9",
    "fd00:1::/64",
    "*",
];

const DESTINATIONS: [&str; 12] = [
    "203.0.113.0/24",
    "203.0.113.0/25",
    "203.0.113.128/25",
    "203.0.113.7",
    "198.51.100.0/24",
    "10.20.0.0/16",
    "0.0.0.0/0",
    "2001:db8::/32",
    "Storage",
    "Storage.WestEurope",
    "Sql",
    "*",
];

const ANSWERED: [&str; 3] = ["ntp.example.com", "turn.example.net", "ntp.example.org"];

const PORTS: [&str; 9] =
    ["22", "80", "443", "443-444", "8000-8100", "8050", "11000-11999", "1-65535", "*"];

const NAMES: [&str; 16] = [
    "example.com",
    "www.example.com",
    "a.www.example.com",
    "b.a.example.com",
    "*.example.com",
    "*.www.example.com",
    "*.a.example.com",
    "*example.com",
    "*ple.com",
    "xexample.com",
    "example.org",
    "*.example.org",
    "www.example.org",
    "www.example.net",
    "*.net",
    "*",
];

const PAIRS: [&str; 7] =
    ["Https:443", "Https:443", "Http:80", "Https:8443", "Http:8080", "Mssql:1433", "Mssql:443"];

const TAGS: [&str; 2] = ["AzureKubernetesService", "WindowsUpdate"];

/// What rules of a collection are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Network,
    Application,
}

/// A collection of rules, each without its name.
#[derive(Clone, Debug)]
struct Collection {
    kind: Kind,
    allows: bool,
    rules: Vec<Value>,
}

/// A policy and, before it, its parent.
#[derive(Clone, Debug)]
pub(crate) struct Policies {
    /// Of each, the groups of collections, in their order.
    chain: Vec<Vec<Vec<Collection>>>,
    /// What the last of them sets beside its rules.
    settings: Value,
}

impl Policies {
    /// One of up to `most` rules.
    pub(crate) fn draw(draw: &mut Draw, most: usize) -> Policies {
        let mut left = 1 + draw.below(most);
        let mut policies = vec![Vec::new(); if draw.chance(25) { 2 } else { 1 }];
        while left > 0 {
            let count = (1 + draw.below(8)).min(left);
            left -= count;
            let policy = draw.below(policies.len());
            let groups: &mut Vec<Vec<Collection>> = &mut policies[policy];
            if groups.is_empty() || draw.chance(30) {
                groups.push(Vec::new());
            }
            let kind = if draw.chance(45) { Kind::Network } else { Kind::Application };
            let allows = draw.chance(70);
            let rules = (0..count).map(|_| rule(draw, kind)).collect();
            let last = groups.last_mut().expect("a group");
            last.push(Collection { kind, allows, rules });
        }
        // One without a rule has nothing to say.
        policies.retain(|groups| !groups.is_empty());
        Policies { chain: policies, settings: settings(draw) }
    }

    /// A neighbour: the same in another form, wider or narrower by little, or changed anywhere.
    pub(crate) fn neighbour(&self, draw: &mut Draw) -> Policies {
        let mut other = self.clone();
        match draw.below(100) {
            0..25 => (0..3).for_each(|_| other.rearrange(draw)),
            25..45 => other.change(draw, false),
            // Some of what is changed is never reached.
            45..90 => (0..3).for_each(|_| other.change(draw, true)),
            _ => {
                other.rearrange(draw);
                other.replace(draw);
            }
        }
        other
    }

    /// What `self` lets out that no rule of `other` matches: those stand before as denies.
    pub(crate) fn without(&self, other: &Policies) -> Policies {
        let denied = other.collections().cloned();
        let denied = denied.map(|collection| Collection { allows: false, ..collection });
        let mut policies = self.clone();
        policies.chain[0].insert(0, denied.collect());
        policies
    }

    fn collections(&self) -> impl Iterator<Item = &Collection> {
        self.chain.iter().flatten().flatten()
    }

    fn collections_mut(&mut self) -> impl Iterator<Item = &mut Collection> {
        self.chain.iter_mut().flatten().flatten()
    }

    fn some_collection(&mut self, draw: &mut Draw) -> &mut Collection {
        let count = self.collections().count();
        let index = draw.below(count);
        self.collections_mut().nth(index).expect("a collection")
    }

    /// Another form of the same.
    fn rearrange(&mut self, draw: &mut Draw) {
        match draw.below(5) {
            // Rules of a collection have one action.
            0 => self.some_collection(draw).rules.reverse(),
            // What is matched before is never asked for.
            1 => {
                let twice = self.some_collection(draw).clone();
                let last = self.chain.last_mut().expect("a policy");
                last.push(vec![Collection { allows: !twice.allows, ..twice }]);
            }
            // Two groups that follow one another are as one.
            2 => {
                let policy = draw.below(self.chain.len());
                let groups = &mut self.chain[policy];
                if groups.len() > 1 {
                    let second = groups.remove(1);
                    groups[0].extend(second);
                }
            }
            3 => {
                let collection = self.some_collection(draw);
                let index = draw.below(collection.rules.len());
                let rule = collection.rules.remove(index);
                collection.rules.extend(halves(&rule));
            }
            // Application collections are looked at after all network collections.
            _ => {
                for collections in self.chain.iter_mut().flatten() {
                    collections.sort_by_key(|collection| collection.kind == Kind::Network);
                }
            }
        }
    }

    /// With a rule changed so that what is let out is wider, or narrower: for a deny, the other way
    /// round.
    fn change(&mut self, draw: &mut Draw, narrows: bool) {
        let collection = self.some_collection(draw);
        let index = draw.below(collection.rules.len());
        let widens_rule = collection.allows != narrows;
        if widens_rule {
            widened(draw, &mut collection.rules[index]);
        } else {
            narrowed(draw, &mut collection.rules[index]);
        }
    }

    /// With a rule in another's place.
    fn replace(&mut self, draw: &mut Draw) {
        let collection = self.some_collection(draw);
        let index = draw.below(collection.rules.len());
        collection.rules[index] = rule(draw, collection.kind);
    }

    /// As a document `exeat.deployment/1`. Priorities say the order, and places do not.
    pub(crate) fn stated(&self, draw: &mut Draw) -> Value {
        let mut policies = serde_json::Map::new();
        for (index, groups) in self.chain.iter().enumerate() {
            let groups = groups.iter().zip(1_u32..).map(|(collections, number)| {
                let collections = collections.iter().zip(1_u32..).map(|(collection, number)| {
                    let rules = collection.rules.iter().zip(1..).map(|(rule, number)| {
                        let mut rule = rule.clone();
                        rule["name"] = json!(format!("r{number}"));
                        rule
                    });
                    json!({
                        "name": format!("c{number}"),
                        "priority": 100 + number,
                        "kind": if collection.kind == Kind::Network { "network" } else { "application" },
                        "action": if collection.allows { "Allow" } else { "Deny" },
                        "rules": rules.collect::<Vec<_>>(),
                    })
                });
                let collections = turned(draw, collections.collect());
                json!({ "name": format!("g{number}"), "priority": 100 + 10 * number, "ruleCollections": collections })
            });
            let groups: Vec<Value> = groups.collect();
            let groups = turned(draw, groups);
            let mut policy =
                json!({ "ours": true, "sku": "Standard", "ruleCollectionGroups": groups });
            if index > 0 {
                policy["basePolicy"] = json!(format!("p{}", index - 1));
            }
            if index + 1 == self.chain.len() {
                let settings = self.settings.as_object().cloned().unwrap_or_default();
                policy.as_object_mut().expect("a policy").extend(settings);
            }
            policies.insert(format!("p{index}"), policy);
        }
        json!({ "schema": "exeat.deployment/1", "ipGroups": groups_of_addresses(), "firewallPolicies": policies })
    }
}

fn turned(draw: &mut Draw, mut all: Vec<Value>) -> Vec<Value> {
    if draw.chance(50) {
        all.reverse();
    }
    all
}

/// What a policy sets that bears on what leaves.
fn settings(draw: &mut Draw) -> Value {
    let mut settings = json!({});
    if draw.chance(25) {
        settings["allowSqlRedirect"] = json!(true);
    }
    if draw.chance(25) {
        let ranges = draw.some(&["IANAPrivateRanges", "203.0.113.0/24", "0.0.0.0/0"], 0, 2);
        settings["snat"] =
            json!({ "privateRanges": ranges, "autoLearnPrivateRanges": draw.chance(50) });
    }
    settings
}

/// Addresses that rules name by their group. One that names an empty group matches nothing.
fn groups_of_addresses() -> Value {
    let group = |addresses: &[&str]| json!({ "ours": true, "ipAddresses": addresses });
    json!({
        "few": group(&["10.1.8.5", "10.1.8.7", "203.0.113.7"]),
        "many": group(&["10.1.0.0/16", "203.0.113.0/24"]),
        "none": group(&[]),
    })
}

const GROUPS: [&str; 5] = ["few", "few", "many", "many", "none"];

fn rule(draw: &mut Draw, kind: Kind) -> Value {
    let mut rule = addressed(draw, kind);
    if draw.chance(10) {
        rule["sourceIpGroups"] = json!([draw.pick(&GROUPS)]);
    }
    if draw.chance(10) && rule.get("destinationAddresses").is_some() {
        rule["destinationIpGroups"] = json!([draw.pick(&GROUPS)]);
    }
    rule
}

/// A rule that names no group.
fn addressed(draw: &mut Draw, kind: Kind) -> Value {
    let sources = draw.some(&SOURCES, 1, 2);
    match kind {
        Kind::Network => {
            let mut rule = json!({
                "ipProtocols": draw.some(&["Any", "TCP", "UDP", "ICMP"], 1, 2),
                "sourceAddresses": sources,
                "destinationPorts": draw.some(&PORTS, 1, 2),
            });
            if draw.chance(20) {
                rule["destinationFqdns"] = json!(draw.some(&ANSWERED, 1, 2));
            } else {
                rule["destinationAddresses"] = json!(draw.some(&DESTINATIONS, 1, 2));
            }
            rule
        }
        Kind::Application => {
            let mut rule = json!({
                "protocols": draw.some(&PAIRS[1..], 1, 2),
                "sourceAddresses": sources,
            });
            if draw.chance(15) {
                rule["fqdnTags"] = json!(draw.some(&TAGS, 1, 2));
                rule["protocols"] = json!(["Https:443"]);
            } else {
                rule["targetFqdns"] = json!(draw.some(&NAMES, 1, 3));
            }
            rule
        }
    }
}

/// Two rules that match together what one does.
fn halves(rule: &Value) -> Vec<Value> {
    let keys = ["sourceAddresses", "targetFqdns", "destinationAddresses", "destinationPorts"];
    for key in keys {
        let Some(list) = rule.get(key).and_then(Value::as_array) else { continue };
        let (first, rest) = list.split_first().expect("an entry");
        if !rest.is_empty() {
            let half = |part: Value| {
                let mut half = rule.clone();
                half[key] = part;
                half
            };
            return vec![half(json!([first])), half(json!(rest))];
        }
    }
    vec![rule.clone()]
}

/// The rule matches a little more.
fn widened(draw: &mut Draw, rule: &mut Value) {
    let more = [
        ("sourceAddresses", json!("10.1.9.1")),
        ("destinationAddresses", json!("192.0.2.1")),
        ("destinationPorts", json!("23")),
        ("targetFqdns", json!("www.a.example.com")),
        ("targetFqdns", json!("mail.example.net")),
        ("protocols", json!("Https:9443")),
        ("ipProtocols", json!("UDP")),
        ("fqdnTags", json!("WindowsDiagnostics")),
    ];
    let fitting: Vec<_> = more.iter().filter(|(key, _)| rule.get(*key).is_some()).collect();
    let (key, one) = draw.pick(&fitting);
    let list = rule[*key].as_array_mut().expect("a list");
    if !list.contains(one) {
        list.push(one.clone());
    }
}

/// The rule matches a little less.
fn narrowed(draw: &mut Draw, rule: &mut Value) {
    for (key, list) in rule.as_object_mut().expect("a rule") {
        let Some(list) = list.as_array_mut().filter(|list| list.len() > 1) else { continue };
        if key != "fqdnTags" && draw.chance(70) {
            list.remove(0);
            return;
        }
    }
    let narrow = [
        ("sourceAddresses", json!(["10.1.8.6"])),
        ("destinationPorts", json!(["443"])),
        ("targetFqdns", json!(["www.example.com"])),
    ];
    let fitting: Vec<_> = narrow.iter().filter(|(key, _)| rule.get(*key).is_some()).collect();
    let (key, list) = draw.pick(&fitting);
    rule[*key] = list.clone();
}

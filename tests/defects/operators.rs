//! Mistakes that people make in a firewall, and changes that only look like some: each is made in
//! the `exeat.deployment/1` that a list compiles to.

use serde_json::Value;
use serde_json::json;

use super::draw::Draw;

/// Changes a deployment where `draw` says; nothing where it has no place for that.
type Operator = fn(&mut Value, &mut Draw) -> Option<()>;

/// All of them by name.
pub(crate) const OPERATORS: [(&str, Operator); 22] = [
    ("action-flipped", action_flipped),
    ("closing-lost", closing_lost),
    ("destination-narrowed", destination_narrowed),
    ("destination-widened", destination_widened),
    ("entries-rewritten", entries_rewritten),
    ("group-left-over", group_left_over),
    ("name-added", name_added),
    ("name-dropped", name_dropped),
    ("name-made-wildcard", name_made_wildcard),
    ("network-before-application", network_before_application),
    ("port-dropped", port_dropped),
    ("port-moved", port_moved),
    ("port-widened", port_widened),
    ("priorities-swapped", priorities_swapped),
    ("protocol-changed", protocol_changed),
    ("renamed", renamed),
    ("route-added", route_added),
    ("route-removed", route_removed),
    ("rule-doubled", rule_doubled),
    ("rule-dropped", rule_dropped),
    ("rules-reordered", rules_reordered),
    ("source-changed", source_changed),
];

const POLICY: &str = "/firewallPolicies/egress/ruleCollectionGroups";
const FIREWALL: &str = "10.1.1.4";

fn list<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Vec<Value>> {
    value.get_mut(key)?.as_array_mut()
}

fn groups(deployment: &mut Value) -> Option<&mut Vec<Value>> {
    deployment.pointer_mut(POLICY)?.as_array_mut()
}

/// One collection, other than the one that closes the infrastructure rules.
fn collection<'v>(
    deployment: &'v mut Value,
    draw: &mut Draw,
    fits: impl Fn(&Value) -> bool,
) -> Option<&'v mut Value> {
    let own = groups(deployment)?.iter_mut().filter(|group| group["name"] != "closing");
    let collections = own.filter_map(|group| list(group, "ruleCollections")).flatten();
    one_of(collections.filter(|one| fits(one)).collect(), draw)
}

fn one_of<T>(all: Vec<T>, draw: &mut Draw) -> Option<T> {
    let chosen = (!all.is_empty()).then(|| draw.below(all.len()))?;
    all.into_iter().nth(chosen)
}

/// One rule of a collection that is of `kind`, or of any.
fn rule<'v>(
    deployment: &'v mut Value,
    draw: &mut Draw,
    kind: Option<&str>,
    fits: impl Fn(&Value) -> bool,
) -> Option<&'v mut Value> {
    let own = groups(deployment)?.iter_mut().filter(|group| group["name"] != "closing");
    let collections = own.filter_map(|group| list(group, "ruleCollections")).flatten();
    let collections = collections.filter(|one| kind.is_none_or(|kind| one["kind"] == kind));
    let rules = collections.filter_map(|one| list(one, "rules")).flatten();
    one_of(rules.filter(|one| fits(one)).collect(), draw)
}

/// One value of the list at `key` of some rule.
fn entry<'v>(deployment: &'v mut Value, draw: &mut Draw, key: &str) -> Option<&'v mut Value> {
    let rule = rule(deployment, draw, None, |rule| rule.get(key).is_some())?;
    one_of(list(rule, key)?.iter_mut().collect(), draw)
}

/// Address and length of a prefix of IPv4; a tag is none.
fn prefix(entry: &Value) -> Option<(u32, u32)> {
    let text = entry.as_str()?;
    let (address, length) = text.split_once('/').unwrap_or((text, "32"));
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    Some((address.into(), length.parse().ok()?))
}

fn written(address: u32, length: u32) -> Value {
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    json!(format!("{}/{length}", std::net::Ipv4Addr::from(address & mask)))
}

/// First and last of a port or range.
fn range(entry: &Value) -> Option<(u16, u16)> {
    let text = entry.as_str()?;
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn action_flipped(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let collection = collection(deployment, draw, |_| true)?;
    let other = if collection["action"] == "Allow" { "Deny" } else { "Allow" };
    collection["action"] = json!(other);
    Some(())
}

/// Without the last deny of every name; or with it before all others, or behind them at another
/// priority, which changes nothing.
fn closing_lost(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let groups = groups(deployment)?;
    let place = groups.iter().position(|group| group["name"] == "closing")?;
    match draw.below(3) {
        0 => {
            groups.remove(place);
        }
        1 => groups[place]["priority"] = json!(150),
        _ => groups[place]["priority"] = json!(30_000 + draw.below(1000)),
    }
    Some(())
}

fn destination_narrowed(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let entry = entry(deployment, draw, "destinationAddresses")?;
    *entry = match prefix(entry) {
        Some((address, length)) if length < 32 => {
            let upper = if draw.chance(50) { 1 << (31 - length) } else { 0 };
            written(address | upper, length + 1)
        }
        Some((address, length)) => written(address ^ 1, length),
        None => json!(format!("{}.WestEurope", entry.as_str()?)),
    };
    Some(())
}

fn destination_widened(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let entry = entry(deployment, draw, "destinationAddresses")?;
    *entry = match prefix(entry) {
        Some((address, length)) if draw.chance(70) => written(address, length - 1),
        Some(_) | None => json!("*"),
    };
    Some(())
}

/// The same, said otherwise.
fn entries_rewritten(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let keys = ["sourceAddresses", "destinationAddresses", "destinationPorts", "targetFqdns"];
    let key = draw.pick(&keys);
    let rule = rule(deployment, draw, None, |rule| rule.get(key).is_some())?;
    let entries = list(rule, key)?;
    let entry = entries.pop()?;
    let same = match (key, prefix(&entry), range(&entry)) {
        ("sourceAddresses" | "destinationAddresses", Some((address, length)), _) if length < 32 => {
            let upper = written(address | 1 << (31 - length), length + 1);
            vec![upper, written(address, length + 1)]
        }
        ("destinationPorts", _, Some((first, last))) => {
            vec![json!(format!("{first}-{last}")), json!(first.to_string())]
        }
        ("targetFqdns", _, _) => {
            let name = entry.as_str()?;
            let below = name.replace("*.", "all.").to_uppercase();
            vec![entry.clone(), json!(below)]
        }
        _ => vec![entry.clone(), entry],
    };
    entries.extend(same);
    Some(())
}

fn group_left_over(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let priority = draw.pick(&[500, 1500, 3000]);
    let source = draw.pick(&["10.1.8.0/24", "10.1.9.0/24", "10.7.0.0/16"]);
    let action = draw.pick(&["Allow", "Allow", "Deny"]);
    let (kind, rule) = if draw.chance(50) {
        let name = draw.pick(&["www.example.com", "old.example", "a.contoso.com"]);
        let rule = json!({
            "name": "old", "protocols": ["Https:443"], "sourceAddresses": [source], "targetFqdns": [name],
        });
        ("application", rule)
    } else {
        let to = draw.pick(&["192.0.2.0/25", "198.51.100.7", "203.0.113.99"]);
        let port = draw.pick(&["123", "587", "8000-8001"]);
        let rule = json!({
            "name": "old", "ipProtocols": ["TCP", "UDP"], "sourceAddresses": [source],
            "destinationAddresses": [to], "destinationPorts": [port],
        });
        ("network", rule)
    };
    groups(deployment)?.push(json!({
        "name": "left-over",
        "priority": priority,
        "ruleCollections": [
            { "name": "old", "priority": 300, "kind": kind, "action": action, "rules": [rule] },
        ],
    }));
    Some(())
}

fn name_added(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let rule = rule(deployment, draw, Some("application"), |_| true)?;
    let names = list(rule, "targetFqdns")?;
    let own = one_of(names.iter().collect(), draw)?.as_str()?.to_owned();
    let below = match own.strip_prefix('*') {
        Some(rest) => format!("more{rest}"),
        None => format!("more.{own}"),
    };
    names.push(json!(draw.pick(&[below.as_str(), "evil.test", &own])));
    Some(())
}

fn name_dropped(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let names = |rule: &Value| rule["targetFqdns"].as_array().map_or(0, Vec::len);
    if draw.chance(50) {
        let one = rule(deployment, draw, Some("application"), |rule| names(rule) > 1);
        if let Some(rule) = one {
            let names = list(rule, "targetFqdns")?;
            names.remove(draw.below(names.len()));
            return Some(());
        }
    }
    let name = entry(deployment, draw, "targetFqdns")?;
    *name = json!("nobody.test");
    Some(())
}

fn name_made_wildcard(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let name = entry(deployment, draw, "targetFqdns")?;
    let text = name.as_str()?;
    let parent = text.split_once('.').map_or("*", |(_, parent)| parent);
    *name = match text.starts_with('*') || draw.chance(20) {
        true => json!("*"),
        false if draw.chance(50) => json!(format!("*.{parent}")),
        false => json!(format!("*.{text}")),
    };
    Some(())
}

/// The commonest mistake: what a network rule passes is judged by no name.
fn network_before_application(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let source = draw.pick(&["10.1.8.0/24", "10.1.9.0/24", "*", "10.1.200.0/24"]);
    let (to, port) = draw.pick(&[("*", "443"), ("203.0.113.0/24", "443"), ("*", "80-90")]);
    let action = draw.pick(&["Allow", "Allow", "Allow", "Deny"]);
    groups(deployment)?.push(json!({
        "name": "hotfix",
        "priority": draw.pick(&[200, 64_000]),
        "ruleCollections": [{
            "name": "hotfix", "priority": 100, "kind": "network", "action": action,
            "rules": [{
                "name": "hotfix", "ipProtocols": ["TCP"], "sourceAddresses": [source],
                "destinationAddresses": [to], "destinationPorts": [port],
            }],
        }],
    }));
    Some(())
}

fn port_dropped(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    if draw.chance(40) {
        let rule = rule(deployment, draw, Some("application"), |_| true)?;
        // A rule without a protocol is none.
        rule["protocols"] = json!(["Https:9443"]);
        return Some(());
    }
    let entry = entry(deployment, draw, "destinationPorts")?;
    let (first, last) = range(entry)?;
    *entry = match draw.below(3) {
        0 if first < last => json!(format!("{}-{last}", first + 1)),
        1 if first < last => json!(format!("{first}-{}", last - 1)),
        _ => json!("9"),
    };
    Some(())
}

fn port_moved(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let by = draw.pick(&[-1, 1]);
    let moved = |port: u16| port.checked_add_signed(by);
    if draw.chance(40)
        && let Some(pair) = entry(deployment, draw, "protocols")
    {
        let (protocol, port) = pair.as_str()?.split_once(':')?;
        *pair = json!(format!("{protocol}:{}", moved(port.parse().ok()?)?));
        return Some(());
    }
    let entry = entry(deployment, draw, "destinationPorts")?;
    let (first, last) = range(entry)?;
    *entry = json!(format!("{}-{}", moved(first)?, moved(last)?));
    Some(())
}

fn port_widened(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    if draw.chance(30) {
        let rule = rule(deployment, draw, Some("application"), |_| true)?;
        let more = draw.pick(&["Https:8443", "Http:80", "Https:443"]);
        let protocols = list(rule, "protocols")?;
        if !protocols.contains(&json!(more)) {
            protocols.push(json!(more));
        }
        return Some(());
    }
    let entry = entry(deployment, draw, "destinationPorts")?;
    let (first, last) = range(entry)?;
    *entry = match draw.below(4) {
        0 => json!(format!("{first}-{}", last + 1)),
        1 => json!(format!("{}-{last}", first - 1)),
        2 => json!("1-65535"),
        _ => json!("*"),
    };
    Some(())
}

/// Two groups, or two collections of one; nothing where they never speak of the same flow.
fn priorities_swapped(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let groups = groups(deployment)?;
    let within = groups.iter_mut().filter_map(|group| list(group, "ruleCollections"));
    let within = one_of(within.filter(|all| all.len() > 1).collect(), draw);
    let all = match within {
        Some(all) if draw.chance(60) => all,
        Some(_) | None => self::groups(deployment)?,
    };
    let last = all.len().checked_sub(1)?;
    let first = draw.below(last);
    let (one, other) = (all[first]["priority"].take(), all[last]["priority"].take());
    (all[first]["priority"], all[last]["priority"]) = (other, one);
    Some(())
}

fn protocol_changed(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    if draw.chance(40)
        && let Some(pair) = entry(deployment, draw, "protocols")
    {
        let (protocol, port) = pair.as_str()?.split_once(':')?;
        let other = if protocol == "Https" { "Http" } else { "Https" };
        *pair = json!(format!("{other}:{port}"));
        return Some(());
    }
    let rule = rule(deployment, draw, Some("network"), |_| true)?;
    let other = if rule["ipProtocols"][0] == "TCP" { "UDP" } else { "TCP" };
    let own = rule["ipProtocols"][0].clone();
    rule["ipProtocols"] = match draw.below(3) {
        0 => json!([other]),
        1 => json!([own, other]),
        _ => json!(["Any"]),
    };
    Some(())
}

fn renamed(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let group = one_of(groups(deployment)?.iter_mut().collect(), draw)?;
    let collection = one_of(list(group, "ruleCollections")?.iter_mut().collect(), draw)?;
    let rule = one_of(list(collection, "rules")?.iter_mut().collect(), draw)?;
    rule["name"] = json!("renamed");
    collection["name"] = json!("renamed");
    group["name"] = json!("renamed");
    // What was a permission's is nobody's now.
    deployment.as_object_mut()?.remove("origins");
    Some(())
}

fn route_table<'v>(deployment: &'v mut Value, draw: &mut Draw) -> Option<&'v mut Vec<Value>> {
    let tables = deployment.get_mut("routeTables")?.as_object_mut()?.values_mut();
    list(one_of(tables.collect(), draw)?, "routes")
}

/// To the same firewall, which changes nothing; or around it, or nowhere.
fn route_added(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let to = draw.pick(&["192.0.2.0/24", "198.51.100.0/26", "203.0.112.0/20", "Storage"]);
    let mut route = json!({ "name": "added", "addressPrefix": to });
    match draw.below(4) {
        0 => route["nextHopType"] = json!("Internet"),
        1 => route["nextHopType"] = json!("None"),
        _ => {
            route["nextHopType"] = json!("VirtualAppliance");
            route["nextHopIpAddress"] = json!(FIREWALL);
        }
    }
    route_table(deployment, draw)?.push(route);
    Some(())
}

fn route_removed(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    if draw.chance(50) {
        route_table(deployment, draw)?.clear();
        return Some(());
    }
    let subnets = deployment.pointer_mut("/virtualNetworks/only/subnets")?.as_array_mut()?;
    let routed = subnets.iter_mut().filter(|subnet| subnet.get("routeTable").is_some());
    one_of(routed.collect(), draw)?.as_object_mut()?.remove("routeTable");
    Some(())
}

fn rule_doubled(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let rules = list(collection(deployment, draw, |_| true)?, "rules")?;
    let mut twin = one_of(rules.iter().collect(), draw)?.clone();
    twin["name"] = json!("twin");
    rules.push(twin);
    Some(())
}

fn rule_dropped(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let groups = groups(deployment)?;
    let group = one_of(groups.iter_mut().collect(), draw)?;
    let collections = list(group, "ruleCollections")?;
    let chosen = draw.below(collections.len());
    let rules = list(&mut collections[chosen], "rules")?;
    rules.remove(draw.below(rules.len()));
    if rules.is_empty() {
        collections.remove(chosen);
    }
    Some(())
}

/// Rules of one collection, and what stands where in the file.
fn rules_reordered(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let groups = groups(deployment)?;
    groups.reverse();
    for group in groups {
        let collections = list(group, "ruleCollections")?;
        let turns = draw.below(collections.len());
        collections.rotate_left(turns);
        for collection in collections {
            list(collection, "rules")?.reverse();
        }
    }
    Some(())
}

fn source_changed(deployment: &mut Value, draw: &mut Draw) -> Option<()> {
    let entry = entry(deployment, draw, "sourceAddresses")?;
    let changed = match prefix(entry) {
        Some((address, length)) if draw.chance(50) => written(address, length + 1),
        Some((address, length)) if draw.chance(50) => written(address, length - 1),
        Some(_) | None => json!(draw.pick(&["*", "10.1.0.0/16", "10.1.8.0/23"])),
    };
    *entry = changed;
    Some(())
}

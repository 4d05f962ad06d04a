//! Azure's limits: each is found when it is exceeded by one, and not before.
#![cfg(test)]

use exeat::azure::Deployment;
use exeat::azure::limits;
use exeat::azure::limits::LimitSettings;
use exeat::azure::limits::Severity;
use exeat::import;

fn read(text: &str) -> Deployment {
    import::json::read(text).unwrap_or_else(|error| panic!("{error}\nin {text}"))
}

/// `count` texts made of a pattern with `#` for the number, joined by commas.
fn many(count: usize, pattern: &str) -> String {
    let texts: Vec<String> = (0..count).map(|n| pattern.replace('#', &n.to_string())).collect();
    texts.join(",")
}

/// A policy `p` with the fields `fields`, enforced by a firewall `f` of Premium.
fn policy(fields: &str) -> String {
    format!(
        r#"{{"schema":"exeat.deployment/1","firewallPolicies":{{"pp":{{"ours":true,{fields}}}}},
        "azureFirewalls":{{"f":{{"sku":"Premium","virtualHub":"h","firewallPolicy":"pp",
        "privateIpAddress":"10.0.0.4"}}}}}}"#
    )
}

/// A policy of `tier` with one collection of `kind` that holds `rules`.
fn rules_of(tier: &str, kind: &str, rules: &str) -> String {
    let action = if kind == "nat" { "DNAT" } else { "Allow" };
    policy(&format!(
        r#""sku":"{tier}","ruleCollectionGroups":[{{"name":"gg","priority":100,"ruleCollections":[
        {{"name":"cc","priority":100,"kind":"{kind}","action":"{action}","rules":[{rules}]}}]}}]"#
    ))
}

fn network(rule: &str) -> String {
    rules_of("Standard", "network", &format!(r#"{{"name":"rr",{rule}}}"#))
}

fn application(rule: &str) -> String {
    rules_of("Standard", "application", &format!(r#"{{"name":"rr",{rule}}}"#))
}

fn table(routes: &str) -> String {
    format!(
        r#"{{"schema":"exeat.deployment/1","routeTables":{{"rt":{{"ours":true,"routes":[{routes}]}}}}}}"#
    )
}

/// What is said of `text`, with a `?` before warnings.
fn found(text: &str) -> Vec<String> {
    let excess = limits::check(&read(text), &LimitSettings::default());
    let mark = |severity| match severity {
        Severity::Error => "",
        Severity::Warning => "? ",
    };
    excess.iter().map(|each| format!("{}{each}", mark(each.severity))).collect()
}

#[track_caller]
fn exceeds(text: &str, expected: &str) {
    assert_eq!(found(text), [expected]);
}

#[track_caller]
fn fits(text: &str) {
    assert_eq!(found(text), [] as [&str; 0]);
}

fn groups(count: usize) -> String {
    let groups: Vec<String> =
        (0..count).map(|n| format!(r#"{{"name":"g{n}","priority":{}}}"#, 100 + n)).collect();
    policy(&format!(r#""ruleCollectionGroups":[{}]"#, groups.join(",")))
}

#[test]
fn groups_are_counted_with_a_warning_where_sources_disagree() {
    fits(&groups(60));
    exceeds(&groups(61), "? policy `pp`: expected at most 60 rule collection groups, found 61");
    exceeds(&groups(91), "policy `pp`: expected at most 90 rule collection groups, found 91");
    let settings = LimitSettings { max_groups: 100, ..LimitSettings::default() };
    let excess = limits::check(&read(&groups(91)), &settings);
    assert!(excess.iter().all(|each| each.severity == Severity::Warning), "{excess:?}");
}

#[test]
fn a_group_is_measured_in_bytes_of_its_json() {
    let with = |count| {
        let names = many(count, "\"host-#.pkg.example.net\"");
        application(&format!(r#""protocols":["Https:443"],"targetFqdns":[{names}]"#))
    };
    fits(&with(60_000));
    let warned = found(&with(66_000));
    assert!(warned[0].starts_with("? group `pp/gg`: expected at most 1800000 bytes"), "{warned:?}");
    let refused = found(&with(80_000));
    assert!(refused[0].starts_with("group `pp/gg`: expected at most 2000000 bytes"), "{refused:?}");
}

#[test]
fn pairs_of_addresses_and_host_names_are_counted_over_all_network_rules() {
    let pairs = |count| {
        let sources = many(200, "\"10.0.1.#\"");
        let destinations = many(count, "\"10.1.1.#\"");
        network(&format!(
            r#""sourceAddresses":[{sources}],"destinationAddresses":[{destinations}]"#
        ))
    };
    fits(&pairs(100));
    exceeds(
        &pairs(101),
        "? firewall `f`: expected at most 20000 pairs of source and destination in network rules, \
         found 20200",
    );
    let names = |count| network(&format!(r#""destinationFqdns":[{}]"#, many(count, "\"h#.test\"")));
    fits(&names(1000));
    exceeds(
        &names(1001),
        "? firewall `f`: expected at most 1000 host names in network rules, found 1001",
    );
}

#[test]
fn ports_have_the_range_of_their_kind_of_rule() {
    fits(&network(r#""destinationPorts":["*","1-65535"]"#));
    exceeds(
        &network(r#""destinationPorts":["0-10"]"#),
        "rule `gg/cc/rr`: expected ports from 1 to 65535, found `0-10`",
    );
    fits(&application(r#""protocols":["Https:64000"]"#));
    exceeds(
        &application(r#""protocols":["Https:64001"]"#),
        "? rule `gg/cc/rr`: expected ports up to 64000, found `64001`",
    );
    let nat = |port: &str| {
        let rule = r#"{"name":"rr","ipProtocols":["TCP"],"destinationAddresses":["203.0.113.9"],
            "destinationPorts":["N"],"translatedAddress":"10.0.0.9","translatedPort":"22"}"#;
        rules_of("Standard", "nat", &rule.replace("\"N\"", &format!("\"{port}\"")))
    };
    fits(&nat("63999"));
    exceeds(&nat("64000"), "rule `gg/cc/rr`: expected ports from 1 to 63999, found `64000`");
}

#[test]
fn a_firewall_translates_to_250_destinations_its_addresses_included() {
    let rule = |ports: usize| {
        let ports: Vec<String> = (1..=ports).map(|port| format!("\"{port}\"")).collect();
        let rule = r#"{"name":"rr","ipProtocols":["TCP"],"destinationAddresses":["203.0.113.9"],
            "destinationPorts":[#],"translatedAddress":"10.0.0.9","translatedPort":"22"}"#;
        rules_of("Standard", "nat", &rule.replace('#', &ports.join(",")))
    };
    fits(&rule(250));
    exceeds(
        &rule(251),
        "firewall `f`: expected at most 250 public addresses and DNAT destinations, found 251",
    );
}

#[test]
fn headers_are_short_few_and_not_reserved() {
    let header = |name: &str, value: &str| {
        application(&format!(
            r#""httpHeadersToInsert":[{{"headerName":"{name}","headerValue":"{value}"}}]"#
        ))
    };
    fits(&header("X-Tenant", &"v".repeat(16_000)));
    exceeds(
        &header(&"x".repeat(101), "v"),
        "rule `gg/cc/rr`: expected at most 100 characters in a header's name, found 101",
    );
    exceeds(
        &header("Metadata", "true"),
        "rule `gg/cc/rr`: expected headers that are not reserved, found `Metadata`",
    );
}

#[test]
fn names_that_are_emitted_are_plain() {
    let text = rules_of("Standard", "network", r#"{"name":"Azure, HTTP"}"#);
    let said = "rule `gg/cc/Azure, HTTP`: expected 2 to 80 letters, digits and `_.-`, a letter or \
                digit first, found `Azure, HTTP`";
    exceeds(&text, said);
    fits(&text.replace("\"ours\":true,", ""));
}

#[test]
fn a_policy_lies_in_the_region_of_its_parent() {
    let child = |location: &str| {
        format!(
            r#"{{"schema":"exeat.deployment/1","firewallPolicies":{{
            "parent":{{"scope":{{"location":"westeurope"}}}},
            "child":{{"basePolicy":"parent","scope":{{{location}}}}}}}}}"#
        )
    };
    exceeds(
        &child(r#""location":"northeurope""#),
        "policy `child`: expected the region of its parent policy, found `northeurope`",
    );
    fits(&child(r#""location":"West Europe""#));
    fits(&child(""));
}

#[test]
fn route_tables_have_limits_of_their_own() {
    let prefix = r#"{"name":"r#","addressPrefix":"10.0.0.0/16","nextHopType":"None"}"#;
    fits(&table(&many(400, prefix)));
    exceeds(&table(&many(401, prefix)), "route table `rt`: expected at most 400 routes, found 401");
    let tag = r#"{"name":"r#","addressPrefix":"Storage","nextHopType":"Internet"}"#;
    fits(&table(&many(25, tag)));
    exceeds(
        &table(&many(26, tag)),
        "route table `rt`: expected at most 25 routes to service tags, found 26",
    );
    exceeds(
        &table(
            r#"{"name":"rr","addressPrefix":"0.0.0.0/0","nextHopType":"VirtualApplianceEcmp",
            "nextHopIpAddresses":["10.0.0.4"]}"#,
        ),
        "route table `rt`, route `rr`: expected at least 2 next-hop addresses, found 1",
    );
}

#[test]
fn each_tier_lacks_what_the_matrix_says() {
    let url = r#"{"name":"rr","targetUrls":["www.example.com/a*"]}"#;
    fits(&rules_of("Premium", "application", url));
    exceeds(
        &rules_of("Standard", "application", url),
        "rule `gg/cc/rr`: the SKU `Standard` has no filter for URLs",
    );
    let basic = rules_of("Basic", "network", r#"{"name":"rr","destinationFqdns":["a.test"]}"#)
        .replace("\"sku\":\"Premium\"", "\"sku\":\"Basic\"");
    exceeds(&basic, "rule `gg/cc/rr`: the SKU `Basic` has no host names in network rules");
    exceeds(
        &rules_of("Premium", "network", "")
            .replace("\"sku\":\"Premium\",\"virtualHub\"", "\"sku\":\"Standard\",\"virtualHub\""),
        "firewall `f`: a firewall of SKU `Standard` cannot enforce a policy of SKU `Premium`",
    );
}

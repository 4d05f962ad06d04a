//! What a parent lets out that the list does not permit.

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::policy::PrivateRange;
use exeat::azure::policy::SnatSettings;
use exeat::compile::compile;
use exeat::diagnostic::Diagnostic;
use exeat::import;
use exeat::intent::Deny;
use exeat::intent::Intent;
use exeat::intent::Permission;
use exeat::intent::topology::RouteException;
use exeat::intent::topology::RouteHop;
use exeat::intent::topology::RouteTarget;
use serde_json::Value;
use serde_json::json;

use super::TODAY;
use super::list::APPS;
use super::list::SYSTEM;
use super::list::allow;
use super::list::allow_by_address;
use super::list::deny;
use super::list::names;
use super::list::origin;
use super::list_of;

/// A policy with a collection for each of `rules`: its action, and the rule.
pub(super) fn parent(rules: &[(&str, Value)]) -> Deployment {
    let collections: Vec<Value> = rules
        .iter()
        .enumerate()
        .map(|(at, (action, rule))| {
            let kind = match () {
                () if rule.get("translatedPort").is_some() => "nat",
                () if rule.get("ipProtocols").is_some() => "network",
                () => "application",
            };
            let mut rule = rule.clone();
            rule["name"] = format!("r{at}").into();
            let name = format!("c{at}");
            json!({ "name": name, "priority": 100 + at, "kind": kind, "action": action, "rules": [rule] })
        })
        .collect();
    let document = json!({
        "schema": "exeat.deployment/1",
        "ipGroups": {
            "spokes": { "ipAddresses": ["10.1.0.0/16", "10.2.0.0/16"] },
            "nobody": { "ipAddresses": [] }
        },
        "firewallPolicies": { "company": { "ruleCollectionGroups": [
            { "name": "base", "priority": 100, "ruleCollections": collections }
        ] } }
    });
    import::json::read(&document.to_string()).unwrap()
}

pub(super) fn by_address(from: &str, to: &str, protocol: &str, port: &str) -> Value {
    json!({
        "ipProtocols": [protocol], "sourceAddresses": [from],
        "destinationAddresses": [to], "destinationPorts": [port]
    })
}

fn by_name(from: &str, names: &[&str]) -> Value {
    json!({ "protocols": ["Https:443"], "sourceAddresses": [from], "targetFqdns": names })
}

pub(super) fn list(permissions: Vec<Permission>, denies: Vec<Deny>) -> Intent {
    let mut intent = list_of(permissions, denies);
    intent.settings.extends = Some("company".to_owned());
    intent
}

/// The findings about what `context` lets out.
#[track_caller]
pub(super) fn beyond(intent: &Intent, context: &Deployment) -> Vec<Diagnostic> {
    let compiled = compile(intent, context, TODAY).unwrap_or_else(|found| panic!("{found:?}"));
    let found = compiled.diagnostics.into_iter();
    found.filter(|found| found.code().id() == "W0409").collect()
}

/// What is told of the flows of one rule under these permissions; empty if nothing is.
#[track_caller]
fn told(rule: Value, permissions: Vec<Permission>) -> String {
    let found = beyond(&list(permissions, vec![]), &parent(&[("Allow", rule)]));
    assert!(found.len() <= 1, "{found:?}");
    found.first().map(|found| found.notes()[0].clone()).unwrap_or_default()
}

fn web() -> Permission {
    allow("web", APPS, "www.example.com", "https")
}

const PARTNER: &str = "203.0.113.128/25";

#[test]
fn a_rule_that_the_list_does_not_cover_is_named_with_what_it_lets_out() {
    let context = parent(&[("Allow", by_address("10.1.8.0/24", PARTNER, "TCP", "8443"))]);
    let found = beyond(&list(vec![web()], vec![]), &context);
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        found.headline(),
        "`base/c0/r0` of the parent policy `company` lets out what the list does not permit"
    );
    let flows = "from `spoke/apps`, to `203.0.113.128/25` on `tcp/8443`";
    assert_eq!(found.notes()[0], flows);
    assert!(found.notes()[1].ends_with("a deny there comes too late"), "{:?}", found.notes());
    assert!(found.help_text().unwrap().contains("`may`"));
}

#[test]
fn what_one_permission_or_several_together_cover_is_not_told() {
    let rule = || by_address("10.1.0.0/16", PARTNER, "TCP", "8443");
    let of = |label: &str, from: &str, to: &str, with: &str| allow(label, from, to, with);
    assert_eq!(told(rule(), vec![of("p", "10.1.0.0/16", "203.0.113.0/24", "tcp/8000-9000")]), "");
    let halves = |with: &str| {
        vec![
            of("a", APPS, "203.0.113.128/26", with),
            of("b", APPS, "203.0.113.192/26", "tcp/8443"),
            of("c", SYSTEM, PARTNER, "tcp/8443"),
        ]
    };
    assert_eq!(told(rule(), halves("tcp/8443")), "");
    let half = "from `spoke/apps`, to `203.0.113.128/26` on `tcp/8443`";
    assert_eq!(told(rule(), halves("udp/8443")), half);
    let both = "from `spoke/system`, `spoke/apps`, to `203.0.113.128/25` on `tcp/8443`";
    assert_eq!(told(rule(), vec![web()]), both);
    let some = told(rule(), vec![of("p", APPS, PARTNER, "tcp/8443")]);
    assert_eq!(some, "from `spoke/system`, to `203.0.113.128/25` on `tcp/8443`");
}

#[test]
fn names_are_compared_as_sets_on_the_same_protocol_and_port() {
    let blob = || by_name("*", &["*.blob.core.windows.net", "a.example.com"]);
    let of = |to: &str, with: &str| vec![allow("p", "10.1.0.0/16", to, with)];
    let both = "from `spoke/system`, `spoke/apps`, to ";
    let open = told(blob(), of("a.example.com", "https"));
    assert_eq!(open, format!("{both}`*.blob.core.windows.net` on `https/443`"));
    assert_eq!(told(by_name("*", &["a.example.com"]), of("*.example.com", "https")), "");
    let elsewhere = told(by_name("*", &["a.example.com"]), of("a.example.com", "https/8443"));
    assert_eq!(elsewhere, format!("{both}`a.example.com` on `https/443`"));
    let mut excepted = allow("p", "10.1.0.0/16", "x", "https");
    excepted.destinations = vec![names("*.example.com", "b.example.com")];
    assert_eq!(told(by_name("*", &["a.example.com"]), vec![excepted.clone()]), "");
    let cut = told(by_name("*", &["b.example.com"]), vec![web()]);
    assert_eq!(cut, format!("{both}`b.example.com` on `https/443`"));
    let everywhere = allow_by_address("p", "10.1.0.0/16", "0.0.0.0/0", "tcp/443");
    assert_eq!(told(by_name("*", &["a.example.com"]), vec![everywhere]), "");
}

#[test]
fn only_the_lists_subnets_and_what_their_routes_bring_to_the_firewall_count() {
    let silent = |rule: Value| assert_eq!(told(rule, vec![web()]), "");
    // Another spoke, a subnet without a route, the own network, the firewall, the platform.
    silent(by_address("10.2.0.0/16", "*", "TCP", "8443"));
    silent(by_address("10.1.9.0/24", "*", "TCP", "8443"));
    silent(by_address("*", "10.1.0.0/16", "TCP", "22"));
    silent(by_address("*", "10.0.1.4", "UDP", "53"));
    silent(by_address("*", "168.63.129.16", "UDP", "53"));
    // Nothing but TCP and UDP is delivered where the source is translated.
    silent(by_address("*", PARTNER, "ICMP", "*"));
    let ping = told(by_address("10.1.8.0/24", "10.77.0.0/16", "ICMP", "*"), vec![web()]);
    assert_eq!(ping, "from `spoke/apps`, to `10.77.0.0/16` on `icmp`");
    let mut translating = parent(&[("Allow", by_address("*", "10.77.0.0/16", "ICMP", "*"))]);
    let always = PrivateRange::Prefix("255.255.255.255/32".parse().unwrap());
    let company = translating.policies.get_mut(&Key::new("company")).unwrap();
    company.snat = Some(SnatSettings { private_ranges: vec![always], auto_learn: false });
    assert!(beyond(&list(vec![web()], vec![]), &translating).is_empty());

    let mut intent = list(vec![web()], vec![]);
    let context = parent(&[("Allow", by_address("*", "10.0.3.0/24", "TCP", "22"))]);
    assert!(beyond(&intent, &context).is_empty());
    let subnets = &mut intent.topology.networks[1].subnets;
    subnets[1].exceptions.push(RouteException {
        target: RouteTarget::Prefix("10.0.3.0/25".parse().unwrap()),
        hop: RouteHop::Firewall("egress".to_owned()),
        because: None,
        origin: origin(),
    });
    let notes = beyond(&intent, &context)[0].notes().to_vec();
    assert_eq!(notes[0], "from `spoke/apps`, to `10.0.3.0/25` on `tcp/22`");
}

#[test]
fn tags_and_names_behind_addresses_are_compared_by_what_is_written() {
    let of = |to: &str| vec![allow_by_address("p", "10.1.0.0/16", to, "tcp/5671")];
    let tag = || by_address("10.1.8.0/24", "ServiceBus.WestEurope", "TCP", "5671");
    assert_eq!(told(tag(), of("tag ServiceBus.WestEurope")), "");
    assert_eq!(told(tag(), of("tag servicebus")), "");
    assert_eq!(told(tag(), of("0.0.0.0/0")), "");
    let open = "from `spoke/apps`, to service tag `ServiceBus.WestEurope` on `tcp/5671`";
    assert_eq!(told(tag(), of("tag ServiceBus.NorthEurope")), open);

    let found = beyond(&list(of("tag AzureCloud"), vec![]), &parent(&[("Allow", tag())]));
    assert!(
        found[0].headline().ends_with("lets out what is not shown to be permitted by the list")
    );
    assert!(found[0].notes()[1].contains("what it holds is not known"), "{found:?}");
    // The other way round, the addresses may be in the tag.
    let prefix = parent(&[("Allow", by_address("10.1.8.0/24", "20.0.0.0/24", "TCP", "5671"))]);
    let found = beyond(&list(of("tag AzureCloud"), vec![]), &prefix);
    assert!(found[0].headline().contains("not shown to be permitted"), "{found:?}");
    let near = parent(&[("Allow", by_address("10.1.8.0/24", "10.77.0.0/16", "TCP", "5671"))]);
    let found = beyond(&list(of("tag AzureCloud"), vec![]), &near);
    assert!(found[0].headline().ends_with("lets out what the list does not permit"), "{found:?}");

    let time = || {
        json!({
            "ipProtocols": ["UDP"], "sourceAddresses": ["10.1.8.0/24"],
            "destinationFqdns": ["ntp.example.com"], "destinationPorts": ["123"]
        })
    };
    let named = |to: &str| vec![allow_by_address("p", APPS, to, "udp/123")];
    assert_eq!(told(time(), named("ntp.example.com")), "");
    let other = told(time(), named("time.example.com"));
    assert_eq!(other, "from `spoke/apps`, to the addresses of `ntp.example.com` on `udp/123`");
}

#[test]
fn targets_that_hide_their_names_are_compared_by_what_is_written() {
    let rule = |key: &str, value: &str| {
        let mut rule = json!({ "protocols": ["Https:443"], "sourceAddresses": ["10.1.8.0/24"] });
        rule[key] = json!([value]);
        rule
    };
    let of = |to: &str| vec![allow("p", APPS, to, "https")];
    assert_eq!(told(rule("fqdnTags", "windowsupdate"), of("fqdn-tag WindowsUpdate")), "");
    assert_eq!(told(rule("webCategories", "News"), of("category News")), "");
    assert_eq!(told(rule("webCategories", "News"), of("*")), "");
    let open = told(rule("fqdnTags", "AzureBackup"), of("fqdn-tag WindowsUpdate"));
    assert_eq!(open, "from `spoke/apps`, to FQDN tag `AzureBackup` on `https/443`");
    // A URL inside TLS takes inspection.
    assert_eq!(told(rule("targetUrls", "www.example.org/x"), vec![web()]), "");
    // What a tag of the list holds may be the name.
    let found = beyond(
        &list(of("fqdn-tag WindowsUpdate"), vec![]),
        &parent(&[("Allow", by_name("10.1.8.0/24", &["a.example.com"]))]),
    );
    assert!(found[0].headline().contains("not shown to be permitted"), "{found:?}");
}

#[test]
fn what_is_denied_first_is_not_let_out() {
    let allow = || ("Allow", by_address("10.1.8.0/24", PARTNER, "TCP", "8443"));
    let check = |rules: &[(&str, Value)], denies: Vec<Deny>, expected: usize| {
        let found = beyond(&list(vec![web()], denies), &parent(rules));
        assert_eq!(found.len(), expected, "{rules:?}: {found:?}");
    };
    let deny_all = || ("Deny", by_address("*", "203.0.113.0/24", "Any", "*"));
    check(&[deny_all(), allow()], vec![], 0);
    check(&[allow(), deny_all()], vec![], 1);
    let part = ("Deny", by_address("*", "203.0.113.128/26", "Any", "*"));
    check(&[part, allow()], vec![], 1);

    let named = || {
        (
            "Allow",
            json!({
                "protocols": ["Http:80"], "sourceAddresses": ["*"], "targetFqdns": ["a.example.com"]
            }),
        )
    };
    let denied = |names: &str| {
        (
            "Deny",
            json!({ "protocols": ["Http:80"], "sourceAddresses": ["*"], "targetFqdns": [names] }),
        )
    };
    check(&[named()], vec![], 1);
    check(&[denied("*.example.com"), named()], vec![], 0);
    check(&[denied("b.example.com"), named()], vec![], 1);
    // A deny of the list by address is asked before a parent's application rules.
    check(&[named()], vec![deny("d", "any", "any", "tcp/80")], 0);
    check(&[named()], vec![deny("d", "any", "203.0.113.0/24", "tcp/80")], 1);
}

#[test]
fn groups_count_as_their_addresses_and_an_empty_one_skips_its_rule() {
    let from = |group: &str| {
        json!({
            "ipProtocols": ["TCP"], "sourceIpGroups": [group],
            "destinationAddresses": [PARTNER], "destinationPorts": ["8443"]
        })
    };
    let both = "from `spoke/system`, `spoke/apps`, to `203.0.113.128/25` on `tcp/8443`";
    assert_eq!(told(from("spokes"), vec![web()]), both);
    assert_eq!(told(from("nobody"), vec![web()]), "");
}

#[test]
fn a_rule_for_everything_is_told_in_few_words() {
    let wide = told(by_address("*", "*", "Any", "*"), vec![allow("p", APPS, PARTNER, "tcp/22")]);
    let some = "`1.0.0.0/8`, `2.0.0.0/7`, `4.0.0.0/6`, `8.0.0.0/7`, …";
    let expected = format!("from `spoke/apps`, to {some} on `tcp/1-21`, `tcp/23-65535`, `udp`");
    assert_eq!(wide, expected);
}

#[test]
fn the_first_rules_are_told_and_the_others_counted() {
    let port =
        |at: u16| ("Allow", by_address("10.1.8.0/24", PARTNER, "TCP", &(9_000 + at).to_string()));
    let rules: Vec<(&str, Value)> = (0..11).map(port).collect();
    let found = beyond(&list(vec![web()], vec![]), &parent(&rules));
    assert_eq!(found.len(), 8);
    let last = found[7].notes().last().unwrap();
    assert!(last.starts_with("3 rules of the parent were not compared with the list"), "{last}");
}

#[test]
fn a_rule_of_every_port_is_covered_by_every_port_that_a_permission_can_have() {
    let p = allow("p", "10.1.0.0/16", "0.0.0.0/0", "tcp/1-65535");
    assert_eq!(told(by_address("*", "*", "TCP", "*"), vec![p]), "");
}

fn targets(key: &str, value: &str) -> Value {
    let mut rule = json!({ "protocols": ["Https:443"], "sourceAddresses": ["10.1.8.0/24"] });
    rule[key] = json!([value]);
    rule
}

#[test]
fn a_deny_that_is_never_matched_or_skipped_stops_nothing() {
    let code = || ("Allow", targets("targetFqdns", "*.example.org"));
    let check = |deny: Value, allow: (&str, Value), what: &str| {
        let found = beyond(&list(vec![web()], vec![]), &parent(&[("Deny", deny), allow]));
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert!(found.headline().ends_with(what), "{found:?}");
    };
    // Nothing opens TLS, so that no URL is seen in it.
    check(
        targets("targetUrls", "*.example.org/*"),
        code(),
        "lets out what the list does not permit",
    );
    let mut opening = targets("targetUrls", "*.example.org/*");
    opening["terminateTLS"] = true.into();
    check(opening, code(), "not shown to be permitted by the list");

    let mut skipped = by_address("*", "*", "Any", "*");
    skipped["sourceIpGroups"] = json!(["nobody"]);
    let partner = || ("Allow", by_address("10.1.8.0/24", PARTNER, "TCP", "8443"));
    check(skipped, partner(), "lets out what the list does not permit");
    let mut skipped = targets("targetFqdns", "*");
    skipped["sourceIpGroups"] = json!(["nobody"]);
    check(skipped, code(), "lets out what the list does not permit");
}

#[test]
fn what_an_earlier_deny_only_may_stop_is_told_as_not_shown_to_be_permitted() {
    let check = |deny: Value, allow: Value, expected: &str| {
        let context = parent(&[("Deny", deny), ("Allow", allow)]);
        let found = beyond(&list(vec![web()], vec![]), &context);
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert!(
            found.headline().ends_with("lets out what is not shown to be permitted by the list"),
            "{found:?}"
        );
        assert_eq!(found.notes()[0], expected);
        assert!(found.notes()[1].starts_with("an earlier deny of a tag, category"), "{found:?}");
    };
    let github = || targets("targetFqdns", "*.github.com");
    let open = "from `spoke/apps`, to `*.github.com` on `https/443`";
    check(targets("webCategories", "Gambling"), github(), open);
    check(targets("fqdnTags", "WindowsUpdate"), github(), open);
    let partner = || by_address("10.1.8.0/24", PARTNER, "TCP", "8443");
    let open = "from `spoke/apps`, to `203.0.113.128/25` on `tcp/8443`";
    check(by_address("*", "AzureCloud", "Any", "*"), partner(), open);
    let named = json!({
        "ipProtocols": ["Any"], "sourceAddresses": ["*"],
        "destinationFqdns": ["a.example.com"], "destinationPorts": ["*"]
    });
    check(named, partner(), open);
}

#[test]
fn what_no_sentence_permits_is_to_be_narrowed_in_the_parent() {
    let rule = by_address("10.1.8.0/24", "10.77.0.0/16", "Any", "*");
    let every = |with: &str| allow_by_address(&with[..3], APPS, "10.77.0.0/16", with);
    let list = list(vec![every("tcp/1-65535"), every("udp/1-65535"), every("icmp")], vec![]);
    let found = beyond(&list, &parent(&[("Allow", rule)]));
    let [found] = found.as_slice() else { panic!("{found:?}") };
    let left = "from `spoke/apps`, to `10.77.0.0/16` on every other protocol";
    assert_eq!(found.notes()[0], left);
    assert!(found.help_text().unwrap().contains("narrow it there to TCP, UDP or ICMP"));
}

#[test]
fn the_finding_points_at_where_the_parent_is_named() {
    let context = parent(&[("Allow", by_address("10.1.8.0/24", PARTNER, "TCP", "8443"))]);
    let mut intent = list(vec![web()], vec![]);
    let span = origin().span;
    intent.settings.extends_at = Some(span);
    let found = beyond(&intent, &context);
    assert_eq!(found[0].primary().map(|label| label.span), Some(span));
}

/// Of every second address in 10.77.0.0/16, that with this number.
fn second(at: usize) -> String {
    format!("10.77.{}.{}/32", at / 128, at % 128 * 2)
}

/// A rule of so many addresses that to compare it with `permissions` takes too long.
fn endless() -> (Vec<Permission>, Value) {
    let permit = |at: usize| allow_by_address(&format!("p{at}"), APPS, &second(at), "tcp/8443");
    let mut rule = by_address("10.1.8.0/24", "*", "TCP", "8443");
    rule["destinationAddresses"] = (0..2_000).map(second).collect();
    ((0..600).map(permit).collect(), rule)
}

#[test]
fn rules_that_take_too_long_are_counted_and_nothing_is_claimed_of_them() {
    let (permissions, rule) = endless();
    let list = list(permissions, vec![]);
    let rule = || ("Allow", rule.clone());
    let found = beyond(&list, &parent(&[rule(), rule(), rule()]));
    let [found] = found.as_slice() else { panic!("{found:?}") };
    let counted = "3 rules of the parent were not compared with the list to the end";
    assert_eq!(found.headline(), counted);

    // What comes behind is judged all the same.
    let small = ("Allow", by_address("10.1.8.0/24", PARTNER, "TCP", "22"));
    let found = beyond(&list, &parent(&[rule(), small, rule()]));
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert!(found.headline().starts_with("`base/c1/r1` of the parent policy"), "{found:?}");
    assert!(found.notes().last().unwrap().starts_with("2 rules of the parent were not compared"));
}

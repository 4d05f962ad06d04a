//! Permissions none of whose flows gets to a rule of theirs, as a parent's rules come first.

use exeat::azure::policy::Action;
use exeat::compile::compile;
use exeat::intent::Permission;
use exeat::prove::coverage::unreached;
use exeat::simulate::Simulator;
use serde_json::Value;
use serde_json::json;

use super::TODAY;
use super::beyond::by_address;
use super::beyond::list;
use super::beyond::parent;
use super::list::APPS;
use super::list::allow;

/// More than any deployment of these tests needs.
const NODES: usize = 1_000_000;

fn by_name(names: &[&str]) -> Value {
    json!({ "protocols": ["Https:443"], "sourceAddresses": ["*"], "targetFqdns": names })
}

/// The rules that decide all of `permission`, and how; nothing where one of its flows gets to it.
#[track_caller]
fn check(permission: Permission, rules: &[(&str, Value)], expected: &[(&str, Action)]) {
    let intent = list(vec![permission], Vec::new());
    let compiled = compile(&intent, &parent(rules), TODAY).unwrap_or_else(|it| panic!("{it:?}"));
    let simulator = Simulator::new(&compiled.deployment).expect("a deployment as it is compiled");
    let found = unreached(&intent, &simulator, NODES).expect("sets");
    let by: Vec<(String, Action)> = found
        .iter()
        .flat_map(|one| &one.by)
        .map(|(rule, action)| (rule.rule.clone(), *action))
        .collect();
    let expected: Vec<(String, Action)> =
        expected.iter().map(|(rule, action)| ((*rule).to_owned(), *action)).collect();
    assert_eq!(by, expected);
    assert_eq!(found.len(), usize::from(!expected.is_empty()));
}

#[test]
fn rules_of_a_parent_decide_a_permission_together() {
    let db = || allow("db", APPS, "10.9.0.0/24", "tcp/5432");
    let low = ("Deny", by_address("*", "10.9.0.0/25", "TCP", "5432"));
    let high = ("Allow", by_address("10.1.0.0/16", "10.9.0.128/25", "TCP", "5000-6000"));
    check(db(), &[low.clone(), high.clone()], &[("r0", Action::Deny), ("r1", Action::Allow)]);
    check(db(), &[low], &[]);
    check(db(), &[high], &[]);
}

#[test]
fn a_network_rule_of_a_parent_is_looked_at_before_an_application_rule() {
    let api = || allow("api", APPS, "api.example.com", "https");
    check(api(), &[("Deny", by_address("*", "*", "TCP", "443"))], &[("r0", Action::Deny)]);
    check(api(), &[("Deny", by_address("*", "*", "UDP", "443"))], &[]);
    check(api(), &[("Deny", by_name(&["*.example.com"]))], &[("r0", Action::Deny)]);
    check(api(), &[("Deny", by_name(&["*.example.org"]))], &[]);
    let lan = allow("lan", APPS, "10.9.0.0/24", "tcp/5432");
    check(lan, &[("Deny", by_name(&["*"]))], &[]);
}

#[test]
fn a_deny_that_takes_a_part_is_named_beside_what_allows_all() {
    let api = allow("api", APPS, "api.example.com, shop.example.com", "https");
    let some = ("Deny", by_name(&["shop.example.com"]));
    let all = ("Allow", by_name(&["*.example.com"]));
    check(api, &[some, all], &[("r1", Action::Allow), ("r0", Action::Deny)]);
}

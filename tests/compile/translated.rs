//! What the DNAT rules of a parent let out, as told and as simulated.

use exeat::azure::Deployment;
use exeat::compile::compile;
use exeat::diagnostic::Diagnostic;
use exeat::evidence::Evidence;
use exeat::flow::notation::FlowText;
use exeat::intent::Deny;
use exeat::intent::Intent;
use exeat::intent::Permission;
use exeat::intent::topology::Tier;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Outcome;
use exeat::simulate::Simulator;
use serde_json::Value;

use super::TODAY;
use super::beyond::beyond;
use super::beyond::by_address;
use super::beyond::list;
use super::beyond::parent;
use super::list::APPS;
use super::list::allow;
use super::list::deny;

/// A rule that sends on what comes to `to` on these ports.
fn translate(from: &str, to: &str, protocol: &str, ports: &str) -> (&'static str, Value) {
    let mut rule = by_address(from, to, protocol, ports);
    rule["translatedAddress"] = "198.51.100.7".into();
    rule["translatedPort"] = "22".into();
    ("DNAT", rule)
}

fn web() -> Permission {
    allow("web", APPS, "www.example.com", "https")
}

/// The only finding under `permissions` and `denies`.
#[track_caller]
fn only(
    rule: (&str, Value),
    permissions: Vec<Permission>,
    denies: Vec<Deny>,
) -> Option<Diagnostic> {
    let mut found = beyond(&list(permissions, denies), &parent(&[rule]));
    assert!(found.len() <= 1, "{found:?}");
    found.pop()
}

#[test]
fn a_dnat_rule_is_told_with_what_is_sent_to_it_and_where_it_sends_it_on() {
    let jump = || translate("10.1.8.0/24", "10.0.1.4", "TCP", "2222");
    let never = deny("d", "any", "198.51.100.0/24", "any");
    let found = only(jump(), vec![web()], vec![never]).unwrap();
    assert_eq!(
        found.headline(),
        "`base/c0/r0` of the parent policy `company` lets out what the list does not permit"
    );
    let flows =
        "from `spoke/apps`, to `10.0.1.4/32` on `tcp/2222`, sent on to `198.51.100.7` on port 22";
    assert_eq!(found.notes()[0], flows);
    assert_eq!(found.notes()[1], "denied in the list, in vain, by `d`");
    assert!(found.notes()[2].starts_with("DNAT rules are looked at before all others"));
    assert_eq!(found.notes().len(), 4, "{:?}", found.notes());

    let (action, mut named) = jump();
    named.as_object_mut().unwrap().remove("translatedAddress");
    named["translatedFqdn"] = "relay.example.org".into();
    let found = only((action, named), vec![web()], vec![]).unwrap();
    assert!(found.notes()[0].ends_with("sent on to `relay.example.org` on port 22"));
}

#[test]
fn denies_of_what_is_sent_to_or_on_are_named_as_they_do_not_hold() {
    #[track_caller]
    fn check(from: &str, to: &str, service: &str, is_named: bool) {
        let jump = translate("10.1.8.0/24", "10.0.1.4", "TCP", "2222");
        let found = only(jump, vec![web()], vec![deny("d", from, to, service)]).unwrap();
        let named = found.notes().iter().any(|note| note.ends_with("in vain, by `d`"));
        assert_eq!(named, is_named, "{from} -> {to} : {service}");
    }
    check("any", "198.51.100.0/24", "tcp/22", true);
    check("any", "198.51.100.0/24", "tcp/2222", false);
    check("any", "198.51.100.0/24", "udp/22", false);
    check("10.1.0.0/22", "198.51.100.0/24", "any", false);
    check("any", "10.0.1.0/26", "tcp/2222", true);
    check("any", "10.0.1.0/26", "tcp/22", false);
    check("any", "203.0.113.0/24", "any", false);
}

#[test]
fn a_dnat_rule_is_permitted_by_what_the_client_sends() {
    let jump = || translate("10.1.8.0/24", "10.0.1.4", "TCP", "2222");
    let with = |to: &str, service: &str| vec![web(), allow("p", APPS, to, service)];
    assert!(only(jump(), with("10.0.1.4/32", "tcp/2222"), vec![]).is_none());
    assert!(only(jump(), with("10.0.1.4/32", "udp/2222"), vec![]).is_some());
    assert!(only(jump(), with("198.51.100.7/32", "tcp/22"), vec![]).is_some());
}

#[test]
fn a_dnat_rule_that_no_declared_source_can_use_is_not_told() {
    for (from, to) in [
        ("10.2.0.0/16", "10.0.1.4"),
        ("198.51.100.0/24", "203.0.113.10"),
        ("*", "10.0.1.5"),
        ("*", "203.0.113.11"),
    ] {
        assert!(
            only(translate(from, to, "TCP", "22"), vec![web()], vec![]).is_none(),
            "{from} {to}"
        );
    }
    let hairpin = only(translate("*", "203.0.113.10", "TCP", "22"), vec![web()], vec![]).unwrap();
    assert!(hairpin.notes()[1].starts_with("Azure does not support flows from inside"));
}

/// Whether some flow from `source` to a firewall's address leaks.
fn leaks(intent: &Intent, context: &Deployment, source: &str) -> bool {
    let compiled = compile(intent, context, TODAY).unwrap();
    let simulator = Simulator::new(&compiled.deployment).unwrap();
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let at = "2089-12-31T10:00:00Z".parse().unwrap();
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
    ["10.0.1.4", "203.0.113.10"].iter().any(|to| {
        ["tcp/22", "tcp/2222", "udp/2222", "tcp/8443"].iter().any(|service| {
            let text = format!("{source} -> {to} : {service}");
            let seen = FlowText::parse(&text).unwrap().to_observation().unwrap();
            let judged = intent.judge_on(TODAY, &seen, &environment);
            let decision = simulator.judge(&seen, &environment);
            Outcome::of(Some(&judged), &decision) == Outcome::Leak
        })
    })
}

#[test]
fn a_dnat_rule_is_told_of_exactly_the_subnets_whose_flows_leak() {
    let rules = [
        translate("*", "10.0.1.4", "TCP", "2222"),
        translate("10.1.8.0/24", "10.0.1.4", "UDP", "2222"),
        translate("10.1.9.0/24", "10.0.1.4", "TCP", "22"),
        translate("10.1.0.0/16", "203.0.113.10", "TCP", "8443"),
        translate("10.2.0.0/16", "10.0.1.4", "TCP", "2222"),
        translate("*", "10.0.1.5", "TCP", "2222"),
    ];
    let lists = [
        list(vec![web()], vec![]),
        list(vec![web()], vec![deny("d", "any", "198.51.100.0/24", "any")]),
        list(vec![web()], vec![deny("d", "any", "10.0.0.0/8", "tcp/2222")]),
        list(vec![web(), allow("p", APPS, "10.0.1.4/32", "tcp/2222")], vec![]),
        list(vec![web(), allow("p", APPS, "198.51.100.7/32", "tcp/22")], vec![]),
    ];
    let subnets = [("system", "10.1.0.4"), ("apps", "10.1.8.4"), ("jump", "10.1.9.4")];
    let mut leaking = 0;
    let firewalls = [(Tier::Basic, false), (Tier::Standard, false), (Tier::Premium, true)];
    for (tier, tunnelling) in firewalls {
        for (rule, written) in rules.iter().flat_map(|rule| lists.iter().map(move |l| (rule, l))) {
            let context = parent(std::slice::from_ref(rule));
            let mut intent = written.clone();
            let firewall = &mut intent.topology.firewalls[0];
            (firewall.tier, firewall.forced_tunneling) = (tier, tunnelling);
            firewall.dns_proxy = tier != Tier::Basic;
            let found = beyond(&intent, &context);
            let lines: Vec<&String> = found.iter().flat_map(Diagnostic::notes).collect();
            for (name, source) in subnets {
                let is_told = lines.iter().any(|line| line.contains(&format!("`spoke/{name}`")));
                let expected = leaks(&intent, &context, source);
                leaking += usize::from(expected);
                let denies = &intent.denies;
                assert_eq!(is_told, expected, "{name} {tier:?} {rule:?} {denies:?} {lines:?}");
            }
        }
    }
    assert!(leaking > 0);
}

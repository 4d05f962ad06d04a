//! Which firewalls enforce the policy, and that no other is touched.

use std::net::IpAddr;

use exeat::azure::Key;
use exeat::azure::Ownership;
use exeat::emit;
use exeat::intent::Intent;

use super::check_codes;
use super::list::APPS;
use super::list::allow;
use super::list_of;
use super::run;

/// A list with the firewall `egress`, and a second of the name `other` that says `enforces`.
fn with_other(enforces: Option<&str>) -> Intent {
    let mut intent = list_of(vec![allow("web", APPS, "a.example.com", "https")], vec![]);
    let mut other = intent.topology.firewalls[0].clone();
    other.name = "other".to_owned();
    other.private_address = IpAddr::from([10, 0, 1, 5]);
    other.enforces = enforces.map(str::to_owned);
    intent.topology.firewalls.push(other);
    intent
}

fn route_by_other(intent: &mut Intent) {
    for subnet in intent.topology.networks.iter_mut().flat_map(|network| &mut network.subnets) {
        subnet.routes_via = subnet.routes_via.as_ref().map(|_| "other".to_owned());
    }
}

/// The commands that give a firewall a policy.
fn attachments(intent: &Intent) -> Vec<String> {
    let compiled = run(intent).unwrap_or_else(|found| panic!("{found:?}"));
    let files = emit::arm::write(&compiled.deployment).unwrap();
    let script = files.iter().find(|file| file.path.ends_with("commands.sh")).unwrap();
    let attaching = |line: &&str| line.contains("firewall update");
    script.text.lines().filter(attaching).map(str::to_owned).collect()
}

#[test]
fn a_firewall_that_nothing_binds_is_not_written_to() {
    let intent = with_other(None);
    let attached = attachments(&intent);
    assert!(attached.len() == 1 && attached[0].contains("egress"), "{attached:?}");
    let compiled = run(&intent).unwrap();
    let other = &compiled.deployment.firewalls[&Key::new("other")];
    let policy = other.policy.as_ref().expect("the policy that it has");
    assert_eq!(compiled.deployment.policies[policy].ownership, Ownership::Existing);
}

#[test]
fn a_firewall_that_says_enforces_takes_the_policy() {
    assert_eq!(attachments(&with_other(Some("EGRESS"))).len(), 2);
}

#[test]
fn a_policy_that_no_firewall_enforces_is_refused() {
    let mut intent = with_other(None);
    intent.topology.firewalls.remove(0);
    route_by_other(&mut intent);
    check_codes(&intent, &["E0423"]);
    intent.topology.firewalls[0].enforces = Some("egress".to_owned());
    check_codes(&intent, &[]);
}

#[test]
fn a_firewall_that_enforces_an_unknown_policy_is_refused() {
    check_codes(&with_other(Some("egres")), &["E0423"]);
}

#[test]
fn a_source_behind_another_firewall_is_not_brought_to_this_one() {
    let mut intent = with_other(None);
    route_by_other(&mut intent);
    check_codes(&intent, &["W0401"]);
    let found = &run(&intent).unwrap().diagnostics[0];
    let behind = "the default route of `spoke/apps` leads to `other`, which keeps the policy that it \
                  has, as nothing says it enforces `egress`";
    assert_eq!(found.notes(), [behind]);
    let bind = "write `enforces \"egress\"` in firewall `other` if this list is meant for it, or \
                name other sources";
    assert_eq!(found.help_text(), Some(bind));
    // Without a route it is the route that lacks.
    let networks = intent.topology.networks.iter_mut();
    let mut subnets = networks.flat_map(|network| &mut network.subnets);
    let apps = subnets.find(|subnet| subnet.name == "apps").expect("the subnet");
    apps.routes_via = None;
    let found = &run(&intent).unwrap().diagnostics[0];
    assert_eq!(found.notes(), Vec::<String>::new());
    let help = "add `routes via FIREWALL` to the subnet, or name other sources";
    assert_eq!(found.help_text(), Some(help));
}

//! Which statements mean what no firewall sees, and by which route it goes.

use std::net::IpAddr;

use exeat::intent::Intent;
use exeat::intent::topology::PrivateEndpoint;
use exeat::intent::topology::RouteException;
use exeat::intent::topology::RouteHop;
use exeat::intent::topology::RouteTarget;
use exeat::intent::topology::Subnet;

use super::list::APPS;
use super::list::SYSTEM;
use super::list::allow;
use super::list::deny;
use super::list::origin;
use super::list_of;
use super::run;

/// What is noted of the flows that pass no firewall.
fn notes(intent: &Intent) -> Vec<String> {
    let compiled = run(intent).unwrap_or_else(|found| panic!("{found:?}"));
    let found = compiled.diagnostics.iter().filter(|found| found.code().id() == "W0407");
    found.flat_map(|found| found.notes().to_vec()).collect()
}

fn permitting(to: &str) -> Intent {
    list_of(vec![allow("p", APPS, to, "tcp/22")], vec![])
}

fn denying(to: &str) -> Intent {
    let web = allow("web", APPS, "a.example.com", "https");
    list_of(vec![web], vec![deny("d", APPS, to, "tcp/22")])
}

fn apps(intent: &mut Intent) -> &mut Subnet {
    let mut subnets = intent.topology.networks.iter_mut().flat_map(|network| &mut network.subnets);
    subnets.find(|subnet| subnet.name == "apps").unwrap()
}

/// The same list with a route of `apps`.
fn routed(mut intent: Intent, to: &str, hop: RouteHop) -> Intent {
    let target = RouteTarget::Prefix(to.parse().unwrap());
    let route = RouteException { target, hop, because: None, origin: origin() };
    apps(&mut intent).exceptions.push(route);
    intent
}

#[test]
fn what_goes_by_the_default_route_is_not_told() {
    for to in ["203.0.113.0/24", "10.77.0.0/16", "157.59.1.0/24"] {
        assert_eq!(notes(&denying(to)), [""; 0], "{to}");
    }
    assert_eq!(notes(&permitting("203.0.113.0/24")), [""; 0]);
}

#[test]
fn the_own_network_and_its_peers_are_told_with_their_routes() {
    let own = "from `spoke/apps`, `10.1.0.0/22` goes inside `spoke`, by the system's route for 10.1.0.0/16";
    assert_eq!(notes(&permitting(SYSTEM)), [own]);
    let peer = "from `spoke/apps`, `10.0.3.0/24` goes to `hub`, by the route of the peering for 10.0.0.0/16";
    assert_eq!(notes(&denying("10.0.3.0/24")), [peer]);
}

#[test]
fn a_written_route_decides_as_azure_does() {
    let to_firewall = RouteHop::Firewall("egress".to_owned());
    assert_eq!(notes(&routed(denying("10.0.3.0/24"), "10.0.3.0/24", to_firewall.clone())), [""; 0]);
    assert_eq!(notes(&routed(denying("10.0.3.0/24"), "10.0.0.0/16", to_firewall.clone())), [""; 0]);
    let half = notes(&routed(denying("10.0.3.0/24"), "10.0.3.0/25", to_firewall));
    assert!(half.len() == 1 && half[0].contains("`10.0.3.128/25` goes to `hub`"), "{half:?}");
    let around = notes(&routed(denying("198.51.100.0/23"), "198.51.100.0/24", RouteHop::Internet));
    let expected = "from `spoke/apps`, `198.51.100.0/24` goes to the internet, by the route \
                    `rt-spoke-apps/to-198.51.100.0_24`";
    assert_eq!(around, [expected]);
}

#[test]
fn what_is_dropped_needs_no_deny() {
    let dropped = |intent| notes(&routed(intent, "203.0.113.0/24", RouteHop::Drop));
    assert_eq!(dropped(denying("203.0.113.0/24")), [""; 0]);
    assert_eq!(dropped(permitting("203.0.113.0/24")).len(), 1);
}

#[test]
fn a_private_endpoint_is_told_until_its_network_honours_routes() {
    let endpoint = PrivateEndpoint {
        name: "sql".to_owned(),
        address: IpAddr::from([10, 1, 8, 40]),
        names: vec!["sql.example.com".parse().unwrap()],
    };
    let to_firewall = RouteHop::Firewall("egress".to_owned());
    let mut intent = routed(denying("10.1.8.40/32"), "10.1.8.0/24", to_firewall);
    apps(&mut intent).private_endpoints.push(endpoint);
    let expected =
        "from `spoke/apps`, `10.1.8.40/32` goes to private endpoint `sql`, by its own route";
    assert_eq!(notes(&intent), [expected]);
    apps(&mut intent).endpoint_routes = true;
    assert_eq!(notes(&intent), [""; 0]);
}

#[test]
fn the_platform_is_told_and_the_firewall_itself_is_not() {
    let platform = notes(&denying("169.254.169.254/32"));
    assert!(platform.len() == 1 && platform[0].ends_with("by no route"), "{platform:?}");
    assert_eq!(notes(&permitting("10.0.1.4/32")), [""; 0]);
}

#[test]
fn a_deny_is_said_not_to_be_enforced() {
    let compiled = run(&denying("10.0.3.0/24")).unwrap();
    let found = compiled.diagnostics.iter().find(|found| found.code().id() == "W0407").unwrap();
    assert!(found.headline().ends_with("the deny is not enforced there"), "{}", found.headline());
}

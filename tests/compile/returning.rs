//! Which replies do not come back through the firewall that let the flow out.

use std::net::IpAddr;

use exeat::azure::Deployment;
use exeat::compile::compile;
use exeat::diagnostic::Diagnostic;
use exeat::import;
use exeat::intent::Intent;
use exeat::intent::Permission;
use exeat::intent::topology::Firewall;
use exeat::intent::topology::PrivateEndpoint;
use exeat::intent::topology::RouteException;
use exeat::intent::topology::RouteHop;
use exeat::intent::topology::RouteTarget;
use exeat::intent::topology::Subnet;
use exeat::intent::topology::VirtualNetwork;

use super::TODAY;
use super::list::APPS;
use super::list::allow;
use super::list::deny;
use super::list::origin;
use super::list_of;

const SHARED: &str = "10.0.3.0/24";
const DATA: &str = "10.2.4.0/24";

fn to_firewall() -> RouteHop {
    RouteHop::Firewall("egress".to_owned())
}

fn subnet<'t>(intent: &'t mut Intent, name: &str) -> &'t mut Subnet {
    let mut subnets = intent.topology.networks.iter_mut().flat_map(|network| &mut network.subnets);
    subnets.find(|subnet| subnet.name == name).unwrap()
}

fn route(intent: &mut Intent, of: &str, to: &str, hop: RouteHop) {
    let target = RouteTarget::Prefix(to.parse().unwrap());
    let route = RouteException { target, hop, because: None, origin: origin() };
    subnet(intent, of).exceptions.push(route);
}

/// Hub and spoke with `shared` in the hub and a second spoke with `data`; neither has a route.
fn network(permissions: Vec<Permission>) -> Intent {
    let mut intent = list_of(permissions, vec![]);
    let plain = subnet(&mut intent, "jump").clone();
    let of = |name: &str, prefix: &str| Subnet {
        name: name.to_owned(),
        prefixes: vec![prefix.parse().unwrap()],
        ..plain.clone()
    };
    let [hub, spoke] = intent.topology.networks.as_mut_slice() else { panic!("two networks") };
    hub.subnets.push(of("shared", SHARED));
    let second = VirtualNetwork {
        name: "second".to_owned(),
        prefixes: vec!["10.2.0.0/16".parse().unwrap()],
        subnets: vec![of("data", DATA)],
        ..spoke.clone()
    };
    intent.topology.networks.push(second);
    intent
}

fn ssh(to: &str) -> Intent {
    network(vec![allow("ssh", APPS, to, "tcp/22")])
}

/// The same, where `apps` reaches `shared` by the firewall.
fn ssh_to_shared() -> Intent {
    let mut intent = ssh(SHARED);
    route(&mut intent, "apps", SHARED, to_firewall());
    intent
}

#[track_caller]
fn found_beside(intent: &Intent, context: &Deployment) -> Option<Diagnostic> {
    let compiled = compile(intent, context, TODAY).unwrap_or_else(|found| panic!("{found:?}"));
    compiled.diagnostics.into_iter().find(|found| found.code().id() == "W0410")
}

#[track_caller]
fn found(intent: &Intent) -> Option<Diagnostic> {
    found_beside(intent, &Deployment::default())
}

/// What is noted, the reason at the end left out.
#[track_caller]
fn notes(intent: &Intent) -> Vec<String> {
    let mut notes = found(intent).map(|found| found.notes().to_vec()).unwrap_or_default();
    notes.pop();
    notes
}

#[track_caller]
fn silent(intent: &Intent) {
    assert_eq!(found(intent), None);
}

#[test]
fn a_reply_by_a_peering_past_the_firewall_is_told_with_its_route_and_the_remedy() {
    let found = found(&ssh_to_shared()).unwrap();
    assert_eq!(
        found.headline(),
        "replies to `ssh` do not all come back through the firewall that let it out"
    );
    let way = "`spoke/apps` reaches `hub/shared` by firewall `egress`, and what goes back to \
               `10.1.8.0/24` goes to `spoke`, by the route of the peering for 10.1.0.0/16";
    assert_eq!(found.notes()[0], way);
    let help = "give the subnet `hub/shared` a route back to the firewall, \
                `route 10.1.8.0/24 via egress`";
    assert_eq!(found.help_text(), Some(help));
}

#[test]
fn the_remedy_mends_it() {
    let mut intent = ssh_to_shared();
    route(&mut intent, "shared", APPS, to_firewall());
    silent(&intent);
    let mut half = ssh_to_shared();
    route(&mut half, "shared", "10.1.8.0/25", to_firewall());
    assert!(notes(&half)[0].contains("what goes back to `10.1.8.128/25` goes to `spoke`"));
}

#[test]
fn a_reply_that_no_route_leads_back_is_told() {
    let way = "`spoke/apps` reaches `second/data` by firewall `egress`, and what goes back to \
               `10.1.8.0/24` goes nowhere, by the system's route for 10.0.0.0/8";
    assert_eq!(notes(&ssh(DATA)), [way]);
    let mut routed = ssh(DATA);
    subnet(&mut routed, "data").routes_via = Some("egress".to_owned());
    silent(&routed);
}

#[test]
fn a_neighbour_that_is_reached_by_the_firewall_answers_directly() {
    let mut intent = ssh("10.1.9.0/24");
    silent(&intent);
    route(&mut intent, "apps", "10.1.9.0/24", to_firewall());
    let way = "`spoke/apps` reaches `spoke/jump` by firewall `egress`, and what goes back to \
               `10.1.8.0/24` goes inside `spoke`, by the system's route for 10.1.0.0/16";
    assert_eq!(notes(&intent), [way]);
}

#[test]
fn what_the_firewall_translates_or_never_sees_is_not_told() {
    // The peering leads past the firewall: another warning says so.
    silent(&ssh(SHARED));
    silent(&ssh("203.0.113.0/24"));
    silent(&network(vec![allow("web", APPS, "a.example.com", "https")]));
    let mut translated = ssh_to_shared();
    translated.settings.private_ranges = vec!["255.255.255.255/32".parse().unwrap()];
    silent(&translated);
    // Every address singles out none that is near.
    let mut everywhere = ssh("0.0.0.0/0");
    route(&mut everywhere, "apps", SHARED, to_firewall());
    silent(&everywhere);
}

#[test]
fn what_is_not_declared_to_stay_away_is_not_guessed() {
    for hop in [RouteHop::Appliance(IpAddr::from([10, 0, 9, 9])), RouteHop::Gateway] {
        let mut intent = ssh_to_shared();
        route(&mut intent, "shared", APPS, hop);
        silent(&intent);
    }
    let mut dropped = ssh_to_shared();
    route(&mut dropped, "shared", APPS, RouteHop::Drop);
    assert!(
        notes(&dropped)[0].ends_with("goes nowhere, by the route `rt-hub-shared/to-10.1.8.0_24`")
    );

    // Nothing says where the firewall sends on.
    let mut unknown = ssh_to_shared();
    unknown.topology.networks[0].subnets.retain(|subnet| subnet.name == "shared");
    silent(&unknown);
    let mut led_on = ssh_to_shared();
    let appliance = RouteHop::Appliance(IpAddr::from([10, 0, 9, 9]));
    route(&mut led_on, "AzureFirewallSubnet", SHARED, appliance);
    silent(&led_on);
}

#[test]
fn a_private_endpoint_answers_by_no_route_of_its_subnet() {
    let mut intent = ssh_to_shared();
    let shared = subnet(&mut intent, "shared");
    shared.endpoint_routes = true;
    shared.private_endpoints.push(PrivateEndpoint {
        name: "sql".to_owned(),
        address: IpAddr::from([10, 0, 3, 5]),
        names: Vec::new(),
    });
    assert_eq!(notes(&intent).len(), 1);
    intent.permissions = vec![allow("ssh", APPS, "10.0.3.5/32", "tcp/22")];
    route(&mut intent, "apps", "10.0.3.5/32", to_firewall());
    silent(&intent);

    // Nor does one among the clients ask for anything.
    let mut intent = ssh_to_shared();
    route(&mut intent, "shared", APPS, to_firewall());
    subnet(&mut intent, "apps").private_endpoints.push(PrivateEndpoint {
        name: "vault".to_owned(),
        address: IpAddr::from([10, 1, 8, 40]),
        names: Vec::new(),
    });
    silent(&intent);
}

#[test]
fn what_is_denied_needs_no_reply() {
    let mut intent = ssh_to_shared();
    intent.denies = vec![deny("d", "any", "10.0.0.0/8", "tcp/1-1024")];
    silent(&intent);
    intent.denies = vec![deny("d", "any", "10.0.3.0/25", "tcp/1-1024")];
    assert_eq!(notes(&intent).len(), 1);
}

/// A parent with a rule in a collection of this kind and action.
fn parent(settings: &str, kind: &str, rule: &str) -> Deployment {
    let text = format!(
        r#"{{ "schema": "exeat.deployment/1", "firewallPolicies": {{ "company": {{ {settings}
            "ruleCollectionGroups": [ {{ "name": "g", "priority": 100, "ruleCollections": [
                {{ "name": "c", "priority": 100, {kind}, "rules": [ {rule} ] }} ] }} ] }} }} }}"#
    );
    import::json::read(&text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_a_parent_denies_or_has_translated_is_not_told() {
    let mut intent = ssh_to_shared();
    intent.settings.extends = Some("company".to_owned());
    let deny = |to: &str| {
        let rule = format!(
            r#"{{ "name": "r", "ipProtocols": ["Any"], "sourceAddresses": ["*"],
                "destinationAddresses": ["{to}"], "destinationPorts": ["*"] }}"#
        );
        parent("", r#""kind": "network", "action": "Deny""#, &rule)
    };
    assert!(found_beside(&intent, &deny("10.77.0.0/16")).is_some());
    assert_eq!(found_beside(&intent, &deny("10.0.0.0/8")), None);

    let nat = |from: &str| {
        let rule = format!(
            r#"{{ "name": "r", "ipProtocols": ["TCP"], "sourceAddresses": ["{from}"],
                "destinationAddresses": ["203.0.113.10"], "destinationPorts": ["80"],
                "translatedAddress": "10.1.8.4", "translatedPort": "80" }}"#
        );
        parent("", r#""kind": "nat", "action": "DNAT""#, &rule)
    };
    assert!(found_beside(&intent, &nat("192.0.2.0/24")).is_some());
    assert_eq!(found_beside(&intent, &nat("*")), None);

    let snat = r#""snat": { "privateRanges": ["255.255.255.255/32"] },"#;
    let rule = r#"{ "name": "r", "ipProtocols": ["TCP"], "sourceAddresses": ["10.9.0.0/16"],
        "destinationAddresses": ["10.9.0.0/16"], "destinationPorts": ["22"] }"#;
    let translating = parent(snat, r#""kind": "network", "action": "Allow""#, rule);
    assert_eq!(found_beside(&intent, &translating), None);
    intent.settings.private_ranges = vec!["10.0.0.0/8".parse().unwrap()];
    assert!(found_beside(&intent, &translating).is_some());
}

#[test]
fn another_firewall_has_not_seen_the_request() {
    let mut intent = ssh(DATA);
    subnet(&mut intent, "data").routes_via = Some("spare".to_owned());
    let firewall = &intent.topology.firewalls[0];
    let spare = Firewall {
        name: "spare".to_owned(),
        network: "hub".to_owned(),
        enforces: Some("egress".to_owned()),
        private_address: IpAddr::from([10, 0, 1, 5]),
        ..firewall.clone()
    };
    intent.topology.firewalls.push(spare);
    let way = "`spoke/apps` reaches `second/data` by firewall `egress`, and what goes back to \
               `10.1.8.0/24` goes to firewall `spare`, which has not seen the request";
    assert_eq!(notes(&intent), [way]);
    // With rules of its own it is not ours to say what it does.
    intent.topology.firewalls[1].enforces = Some("company".to_owned());
    let company = parent("", r#""kind": "network", "action": "Deny""#, "");
    assert_eq!(found_beside(&intent, &company), None);
}

#[test]
fn the_first_pairs_are_told_and_the_others_counted() {
    let mut intent = network(vec![allow("ssh", "10.1.0.0/16", "10.2.0.0/16", "tcp/22")]);
    let plain = subnet(&mut intent, "data").clone();
    for at in 0..5_u8 {
        let prefix = format!("10.2.{}.0/24", 10 + at).parse().unwrap();
        let more = Subnet { name: format!("data{at}"), prefixes: vec![prefix], ..plain.clone() };
        intent.topology.networks[2].subnets.push(more);
    }
    let notes = notes(&intent);
    assert_eq!(notes.len(), 9, "{notes:?}");
    assert_eq!(notes[8], "and so it is between 4 more pairs of subnets");
    assert!(
        found(&intent).unwrap().help_text().unwrap().ends_with(", and likewise for the others")
    );
}

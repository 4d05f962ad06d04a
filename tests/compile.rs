//! What a list compiles to, and what it cannot compile to.
#![cfg(test)]

#[path = "compile/beyond.rs"]
mod beyond;
#[path = "compile/binding.rs"]
mod binding;
#[path = "support/cases.rs"]
mod cases;
#[path = "compile/claims.rs"]
mod claims;
#[path = "compile/layout.rs"]
mod layout;
#[path = "support/list.rs"]
mod list;
#[path = "compile/returning.rs"]
mod returning;
#[path = "compile/translated.rs"]
mod translated;
#[path = "compile/unreached.rs"]
mod unreached;
#[path = "compile/unseen.rs"]
mod unseen;
#[path = "compile/warnings.rs"]
mod warnings;

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::address::AddressEntry;
use exeat::azure::deployment::IpGroup;
use exeat::azure::key::Priority;
use exeat::azure::policy::Action;
use exeat::azure::policy::Policy;
use exeat::azure::policy::RuleCollection;
use exeat::azure::policy::RuleCollectionGroup;
use exeat::azure::policy::Rules;
use exeat::azure::route::NextHop;
use exeat::azure::rule::ApplicationRule;
use exeat::azure::rule::NetworkRule;
use exeat::compile::Compiled;
use exeat::compile::compile;
use exeat::diagnostic::Diagnostic;
use exeat::intent::Deny;
use exeat::intent::Intent;
use exeat::intent::Permission;
use exeat::intent::topology::ApiServer;
use exeat::intent::topology::PrivateEndpoint;
use exeat::intent::topology::RouteException;
use exeat::intent::topology::RouteHop;
use exeat::intent::topology::RouteTarget;
use exeat::intent::topology::Tier;
use jiff::civil::Date;
use jiff::civil::date;

use self::list::APPS;
use self::list::PODS;
use self::list::SYSTEM;
use self::list::allow;
use self::list::allow_by_address;
use self::list::deny;
use self::list::hub_and_spoke;

const TODAY: Date = date(2090, 1, 1);

fn list_of(permissions: Vec<Permission>, denies: Vec<Deny>) -> Intent {
    Intent { permissions, denies, ..hub_and_spoke(Tier::Premium) }
}

fn run(intent: &Intent) -> Result<Compiled, Vec<Diagnostic>> {
    compile(intent, &Deployment::default(), TODAY)
}

fn codes(findings: &[Diagnostic]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.code().id()).collect()
}

/// The rules of the list as `group/collection/rule: what it matches`, the closing one left out.
fn rules(deployment: &Deployment) -> Vec<String> {
    let policy = &deployment.policies[&Key::new("egress")];
    let mut lines = Vec::new();
    for group in policy.groups.iter().filter(|group| group.name != Key::new("closing")) {
        for collection in &group.collections {
            let place = format!("{}/{}", group.name, collection.name);
            match &collection.rules {
                Rules::Application(_, rules) => {
                    lines.extend(rules.iter().map(|r| format!("{place}/{}", application(r))));
                }
                Rules::Network(_, rules) => {
                    lines.extend(rules.iter().map(|r| format!("{place}/{}", network(r))));
                }
                Rules::Nat(_) => panic!("no list makes NAT rules"),
            }
        }
    }
    lines
}

fn joined<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn application(rule: &ApplicationRule) -> String {
    let protocols: Vec<String> = rule
        .protocols
        .iter()
        .map(|pair| format!("{}:{}", pair.protocol.keyword(), pair.port))
        .collect();
    let targets = [
        joined(&rule.target_fqdns),
        joined(&rule.target_urls),
        joined(&rule.fqdn_tags),
        joined(&rule.web_categories),
    ];
    let sources = joined(&rule.sources.addresses);
    format!("{}: {sources} -> {} : {}", rule.name, targets.concat(), protocols.join(" "))
}

fn network(rule: &NetworkRule) -> String {
    let protocols: Vec<&str> = rule.protocols.iter().map(|p| p.keyword()).collect();
    format!(
        "{}: {} -> {}{} : {} {}",
        rule.name,
        joined(&rule.sources.addresses),
        joined(&rule.destination_addresses),
        joined(&rule.destination_fqdns),
        protocols.join(" "),
        joined(&rule.destination_ports),
    )
}

#[track_caller]
fn check_rule(permission: Permission, expected: &str) {
    let compiled = run(&list_of(vec![permission], Vec::new())).unwrap();
    assert_eq!(rules(&compiled.deployment), [expected]);
}

#[track_caller]
fn check_deny(deny: Deny, expected: &str) {
    let compiled = run(&list_of(Vec::new(), vec![deny])).unwrap();
    assert_eq!(rules(&compiled.deployment), [expected]);
}

/// Compiles and expects these codes: errors, or the warnings of a result.
#[track_caller]
fn check_codes(intent: &Intent, expected: &[&str]) {
    let found = match run(intent) {
        Ok(compiled) => codes(&compiled.diagnostics),
        Err(findings) => codes(&findings),
    };
    assert_eq!(found, expected);
}

#[track_caller]
fn check_refused(permission: Permission, code: &str) {
    let intent = list_of(vec![permission], Vec::new());
    assert_eq!(codes(&run(&intent).unwrap_err()), [code]);
}

#[test]
fn names_with_a_readable_service_become_application_rules() {
    check_rule(
        allow("pull", SYSTEM, "mcr.microsoft.com, *.data.mcr.microsoft.com", "https, http"),
        "application/application-allow/pull: 10.1.0.0/22 -> mcr.microsoft.com \
         *.data.mcr.microsoft.com : Http:80 Https:443",
    );
    check_rule(
        allow("trips::db", APPS, "sql-trips.database.windows.net", "mssql proxy"),
        "application/application-allow/trips.db: 10.1.8.0/24 -> sql-trips.database.windows.net : \
         Mssql:1433",
    );
    check_rule(
        allow("aks", SYSTEM, "fqdn-tag AzureKubernetesService", "https"),
        "application/application-allow/aks: 10.1.0.0/22 -> AzureKubernetesService : Https:443",
    );
    check_rule(
        allow("page", SYSTEM, "url www.example.com/a/*", "http"),
        "application/application-allow/page: 10.1.0.0/22 -> www.example.com/a/* : Http:80",
    );
    check_rule(
        allow("every", "any", "*", "https/8443"),
        "application/application-allow/every: * -> * : Https:8443",
    );
}

#[test]
fn what_is_judged_by_address_becomes_network_rules() {
    check_rule(
        allow("tunnel", SYSTEM, "tag AzureCloud.francecentral", "tcp/9000"),
        "network/network-allow/tunnel: 10.1.0.0/22 -> AzureCloud.centralfrance : TCP 9000",
    );
    check_rule(
        allow_by_address("clock", SYSTEM, "ntp.ubuntu.com", "udp/123"),
        "network/network-allow/clock: 10.1.0.0/22 -> ntp.ubuntu.com : UDP 123",
    );
    check_rule(
        allow("dns", SYSTEM, "10.9.0.0/24", "udp/53, tcp/53"),
        "network/network-allow/dns: 10.1.0.0/22 -> 10.9.0.0/24 : TCP UDP 53",
    );
    check_rule(
        allow("ping", SYSTEM, "10.9.0.0/24", "icmp"),
        "network/network-allow/ping: 10.1.0.0/22 -> 10.9.0.0/24 : ICMP *",
    );
    check_rule(
        allow("sql", APPS, "tag Sql", "mssql redirect"),
        "network/network-allow/sql: 10.1.8.0/24 -> Sql : TCP 1433 11000-11999",
    );
    check_rule(
        allow("all", APPS, "10.9.0.0/24", "tcp/0-65535"),
        "network/network-allow/all: 10.1.8.0/24 -> 10.9.0.0/24 : TCP *",
    );
}

#[test]
fn denies_come_first_among_the_rules_of_their_kind() {
    check_deny(
        deny("paste", "any", "pastebin.com, *.pastebin.com", "https, http"),
        "application/application-deny/paste: * -> pastebin.com *.pastebin.com : Http:80 Https:443",
    );
    check_deny(
        deny("paste", "any", "pastebin.com", "any"),
        "application/application-deny/paste: * -> pastebin.com : Http:80 Https:443 Mssql:1433",
    );
    check_deny(deny("mail", "any", "any", "tcp/25"), "network/network-deny/mail: * -> * : TCP 25");
    check_deny(
        deny("web", APPS, "203.0.113.0/24", "https"),
        "network/network-deny/web: 10.1.8.0/24 -> 203.0.113.0/24 : TCP 443",
    );
    check_deny(
        deny("all", APPS, "any", "any"),
        "network/network-deny/all: 10.1.8.0/24 -> * : Any *",
    );
}

#[test]
fn what_cannot_be_had_is_refused_with_its_own_code() {
    check_refused(allow("p", SYSTEM, "ntp.ubuntu.com", "udp/123"), "E0307");
    check_refused(allow("p", SYSTEM, "api.example.com", "tcp/443"), "E0307");
    check_refused(allow("p", SYSTEM, "api.example.com", "udp/443"), "E0307");
    check_refused(allow_by_address("p", SYSTEM, "*.example.com", "tcp/5671"), "E0401");
    check_refused(allow("p", SYSTEM, "203.0.113.0/24", "https"), "E0402");
    check_refused(allow("p", SYSTEM, "tag Storage", "https"), "E0402");
    check_refused(allow("p", SYSTEM, "203.0.113.0/24", "icmp"), "E0403");
    check_refused(allow("p", SYSTEM, "api.example.com", "icmp"), "E0403");
    check_refused(allow("p", SYSTEM, "10.9.0.0/24", "proto/47"), "E0404");
    check_refused(allow("p", SYSTEM, "fqdn-tag WindowsUpdate", "mssql proxy"), "E0404");
    check_refused(allow("p", SYSTEM, "sql.example.com", "mssql redirect"), "E0405");
    check_refused(allow("p", PODS, "api.example.com", "https"), "E0406");
    check_refused(allow("p", SYSTEM, "2001:db8::/32", "tcp/443"), "E0407");
    check_refused(allow("p", "2001:db8::/32", "api.example.com", "https"), "E0407");
    check_refused(allow("p", SYSTEM, "api.example.com", "https/64001"), "E0408");
    check_refused(allow("p", SYSTEM, "10.9.0.0/24", "tcp/0-100"), "E0408");
    check_refused(allow("p", SYSTEM, "url www.example.com/a", "https"), "E0214");
    let nothing = Permission {
        destinations: vec![list::names("a.example.com", "*.example.com")],
        ..allow("p", SYSTEM, "x", "https")
    };
    check_refused(nothing, "E0306");
}

#[test]
fn one_permission_is_one_rule_or_is_refused() {
    check_refused(allow_by_address("p", SYSTEM, "a.example.com", "https, udp/123"), "E0411");
    check_refused(allow("p", SYSTEM, "tag AzureCloud", "tcp/9000, udp/1194"), "E0411");
    let both = Permission {
        destinations: vec![list::destination("10.9.0.0/24"), list::destination("a.example.com")],
        ..allow_by_address("p", SYSTEM, "10.9.0.0/24", "tcp/22")
    };
    check_refused(both, "E0411");
}

#[test]
fn each_reason_for_a_refusal_is_said_once() {
    let permission = Permission {
        destinations: vec![list::destination("a.example.com"), list::destination("b.example.com")],
        ..allow("p", PODS, "a.example.com", "tcp/22, udp/123")
    };
    let intent = list_of(vec![permission], Vec::new());
    assert_eq!(codes(&run(&intent).unwrap_err()), ["E0307", "E0406"]);
}

#[test]
fn a_feature_that_the_sku_lacks_is_refused() {
    let mut intent = hub_and_spoke(Tier::Basic);
    intent.permissions = vec![allow("p", SYSTEM, "category News", "https")];
    check_codes(&intent, &["E0409"]);
    intent.permissions = vec![allow_by_address("p", SYSTEM, "ntp.ubuntu.com", "udp/123")];
    check_codes(&intent, &["E0409"]);
    let mut intent = hub_and_spoke(Tier::Standard);
    intent.permissions = vec![allow("p", SYSTEM, "url www.example.com/a", "http")];
    check_codes(&intent, &["E0409"]);
}

#[test]
fn names_in_network_rules_need_the_dns_proxy() {
    let mut intent =
        list_of(vec![allow_by_address("p", SYSTEM, "ntp.ubuntu.com", "udp/123")], Vec::new());
    intent.topology.firewalls[0].dns_proxy = false;
    check_codes(&intent, &["E0410"]);
}

#[test]
fn redirected_sql_to_a_name_needs_the_setting_of_the_policy() {
    let mut intent =
        list_of(vec![allow("p", APPS, "sql.example.com", "mssql redirect")], Vec::new());
    intent.settings.allow_sql_redirect = true;
    let compiled = run(&intent).unwrap();
    assert_eq!(
        rules(&compiled.deployment),
        ["application/application-allow/p_: 10.1.8.0/24 -> sql.example.com : Mssql:1433"]
    );
    assert!(compiled.deployment.policies[&Key::new("egress")].allow_sql_redirect);
    intent.permissions.push(allow("q", APPS, "10.9.0.0/24", "tcp/11500"));
    check_codes(&intent, &["E0408"]);
}

#[test]
fn a_network_rule_that_hides_an_application_rule_is_refused_by_name() {
    let web = || allow("web", SYSTEM, "www.example.com", "https");
    for destination in ["tag Storage", "203.0.113.0/24", "0.0.0.0/0"] {
        let intent = list_of(vec![web(), allow("wide", SYSTEM, destination, "tcp/443")], vec![]);
        let findings = run(&intent).unwrap_err();
        assert_eq!(codes(&findings), ["E0412"], "{destination}");
        assert!(findings[0].headline().contains("`wide`"));
        assert!(findings[0].headline().contains("`web`"));
    }
}

#[test]
fn a_mark_accepts_hiding_and_records_it() {
    let permissions = vec![
        allow("web", SYSTEM, "www.example.com", "https"),
        allow_by_address("wide", SYSTEM, "203.0.113.0/24", "tcp/443"),
    ];
    let compiled = run(&list_of(permissions, vec![])).unwrap();
    assert_eq!(codes(&compiled.diagnostics), ["W0402"]);
    let [excess] = compiled.excess.as_slice() else { panic!("{:?}", compiled.excess) };
    assert_eq!(excess.permission, "wide");
    assert_eq!(excess.addresses.count(), 256);
    assert!(excess.hides.contains("web"));
}

#[test]
fn other_sources_ports_and_private_addresses_hide_nothing() {
    let with = |other: Permission| {
        list_of(vec![allow("web", SYSTEM, "www.example.com", "https"), other], vec![])
    };
    check_codes(&with(allow("p", APPS, "tag Storage", "tcp/443")), &[]);
    check_codes(&with(allow("p", SYSTEM, "tag Storage", "tcp/5671")), &[]);
    check_codes(&with(allow("p", SYSTEM, "tag Storage", "udp/443")), &[]);
    check_codes(&with(allow("p", SYSTEM, "10.9.0.0/24", "tcp/443")), &[]);
}

#[test]
fn a_private_prefix_hides_the_names_of_an_endpoint_in_it() {
    let mut intent = list_of(
        vec![
            allow("db", SYSTEM, "sql-trips.database.windows.net", "mssql proxy"),
            allow("lan", SYSTEM, "10.1.9.0/24", "tcp/1433"),
        ],
        vec![],
    );
    // A neighbour is reached past the firewall.
    check_codes(&intent, &["W0407"]);
    let endpoint = |names: &[&str]| PrivateEndpoint {
        name: "pe".to_owned(),
        address: "10.1.9.5".parse().unwrap(),
        names: names.iter().map(|name| name.parse().unwrap()).collect(),
    };
    let jump = 2;
    intent.topology.networks[1].subnets[jump].private_endpoints = vec![endpoint(&["x.vault.net"])];
    check_codes(&intent, &["W0407"]);
    intent.topology.networks[1].subnets[jump].private_endpoints =
        vec![endpoint(&["sql-trips.database.windows.net"])];
    check_codes(&intent, &["E0412"]);
    intent.topology.networks[1].subnets[jump].private_endpoints = vec![endpoint(&[])];
    check_codes(&intent, &["E0412"]);
}

#[test]
fn a_deny_that_an_address_defeats_is_refused_by_name() {
    let paste = deny("paste", "any", "pastebin.com", "https, http");
    let wide = allow("wide", SYSTEM, "10.9.0.0/24", "tcp/443");
    let findings = run(&list_of(vec![wide], vec![paste.clone()])).unwrap_err();
    assert_eq!(codes(&findings), ["E0413"]);
    assert!(findings[0].headline().contains("`wide`"));
    assert!(findings[0].headline().contains("`paste`"));

    let marked = allow_by_address("wide", SYSTEM, "10.9.0.0/24", "tcp/443");
    let compiled = run(&list_of(vec![marked], vec![paste.clone()])).unwrap();
    assert_eq!(codes(&compiled.diagnostics), ["W0403"]);
    assert!(compiled.excess[0].defeats.contains("paste"));

    let other_port = allow("wide", SYSTEM, "10.9.0.0/24", "tcp/5432");
    check_codes(&list_of(vec![other_port.clone()], vec![paste]), &[]);
    let any = deny("paste", "any", "pastebin.com", "any");
    check_codes(&list_of(vec![other_port], vec![any]), &["E0413"]);
}

#[test]
fn a_deny_on_any_service_must_reach_the_ports_of_permissions() {
    let permission = || allow("p", SYSTEM, "*.example.com", "https/8443");
    let any = deny("d", "any", "bad.example.com", "any");
    check_codes(&list_of(vec![permission()], vec![any]), &["E0414"]);
    let named = deny("d", "any", "bad.example.com", "any, https/8443");
    check_codes(&list_of(vec![permission()], vec![named]), &[]);
}

#[test]
fn a_deny_by_address_must_not_cut_what_it_does_not_mean() {
    let raw = allow("raw", SYSTEM, "203.0.113.7/32", "tcp/443");
    let https = deny("d", "any", "203.0.113.0/24", "https");
    check_codes(&list_of(vec![raw.clone()], vec![https.clone()]), &["E0415"]);
    let tcp = deny("d", "any", "203.0.113.0/24", "tcp/443");
    check_codes(&list_of(vec![raw], vec![tcp]), &["W0407"]);
    let web = allow("web", SYSTEM, "www.example.com", "https");
    check_codes(&list_of(vec![web], vec![https.clone()]), &["W0407"]);
    let plain = allow("plain", SYSTEM, "www.example.com", "http/443");
    check_codes(&list_of(vec![plain], vec![https]), &["E0415"]);
}

#[test]
fn a_deny_by_name_needs_a_service_that_shows_one() {
    check_codes(
        &list_of(vec![], vec![deny("d", "any", "bad.example.com", "tcp/22")]),
        &["E0416", "W0206"],
    );
}

#[test]
fn an_exception_becomes_a_deny_of_its_own() {
    let permission = Permission {
        destinations: vec![list::names("*.example.com", "*.bad.example.com")],
        ..allow("p", SYSTEM, "x", "https")
    };
    let intent = list_of(vec![permission.clone()], vec![]);
    let compiled = run(&intent).unwrap();
    assert_eq!(
        rules(&compiled.deployment),
        [
            "application/application-deny/p_except: 10.1.0.0/22 -> *.bad.example.com : Https:443",
            "application/application-allow/p_: 10.1.0.0/22 -> *.example.com : Https:443",
        ]
    );
    assert!(compiled.deployment.origins.values().all(|origin| origin.label == "p"));

    let other = allow("q", SYSTEM, "a.bad.example.com", "https");
    check_codes(&list_of(vec![permission.clone(), other], vec![]), &["E0417"]);
    let elsewhere = allow("q", APPS, "a.bad.example.com", "https");
    check_codes(&list_of(vec![permission, elsewhere], vec![]), &[]);
}

#[test]
fn an_exception_that_is_no_deny_ahead_of_a_permission_is_refused() {
    let wildcard = list::names("*.example.com", "*.bad.example.com");
    let excepting = Deny { destinations: vec![wildcard.clone()], ..deny("d", "any", "x", "https") };
    check_codes(&list_of(vec![], vec![excepting]), &["E0411", "W0206"]);
    let beside_a_tag = Permission {
        destinations: vec![wildcard, list::destination("fqdn-tag WindowsUpdate")],
        ..allow("p", SYSTEM, "x", "https")
    };
    check_refused(beside_a_tag, "E0411");
}

#[test]
fn an_exception_from_a_plain_list_needs_no_deny() {
    let permission = Permission {
        destinations: vec![list::names("a.example.com, b.example.com", "a.example.com")],
        ..allow("p", SYSTEM, "x", "https")
    };
    check_rule(
        permission,
        "application/application-allow/p_: 10.1.0.0/22 -> b.example.com : Https:443",
    );
}

#[test]
fn what_has_expired_is_left_out() {
    let permission = |last: Date| Permission {
        expires: Some(last),
        ..allow("p", SYSTEM, "www.example.com", "https")
    };
    check_codes(&list_of(vec![permission(TODAY)], vec![]), &[]);
    let intent = list_of(vec![permission(date(2089, 12, 31))], vec![]);
    check_codes(&intent, &["W0205", "W0206"]);
    assert!(rules(&run(&intent).unwrap().deployment).is_empty());
}

#[test]
fn a_source_that_no_route_brings_is_a_warning() {
    check_codes(
        &list_of(vec![allow("p", "10.1.9.0/24", "www.example.com", "https")], vec![]),
        &["W0401"],
    );
    check_codes(
        &list_of(vec![allow("p", "10.1.0.0/16", "www.example.com", "https")], vec![]),
        &["W0401"],
    );
}

#[test]
fn every_list_ends_with_a_deny_of_every_name() {
    let compiled = run(&list_of(vec![], vec![])).unwrap();
    let policy = &compiled.deployment.policies[&Key::new("egress")];
    let [group] = policy.groups.as_slice() else { panic!("{:?}", policy.groups) };
    assert_eq!(group.priority, Priority::LAST);
    let Rules::Application(Action::Deny, rules) = &group.collections[0].rules else {
        panic!("{group:?}")
    };
    assert_eq!(
        application(&rules[0]),
        "deny-every-name: * -> * : Http:80 Http:443 Http:1433 Https:80 Https:443 Https:1433 \
         Mssql:1433"
    );
    assert_eq!(codes(&compiled.diagnostics), ["W0206"]);
}

#[test]
fn the_network_becomes_routes_peerings_and_a_firewall_with_the_policy() {
    let mut intent = list_of(vec![allow("p", SYSTEM, "www.example.com", "https")], vec![]);
    intent.topology.networks[1].subnets[1].exceptions = vec![RouteException {
        target: RouteTarget::Prefix("10.9.0.0/16".parse().unwrap()),
        hop: RouteHop::Drop,
        because: None,
        origin: list::origin(),
    }];
    let deployment = run(&intent).unwrap().deployment;
    let table = &deployment.route_tables[&Key::new("rt-spoke-apps")];
    let routes: Vec<_> = table.routes.iter().map(|r| (r.name.as_str(), &r.next_hop)).collect();
    let firewall = NextHop::VirtualAppliance("10.0.1.4".parse().unwrap());
    assert_eq!(routes, [("default", &firewall), ("to-10.9.0.0_16", &NextHop::None)]);
    assert!(table.disable_bgp_route_propagation);
    assert!(!deployment.route_tables.contains_key(&Key::new("rt-spoke-jump")));

    let hub = &deployment.virtual_networks[&Key::new("hub")];
    let spoke = &deployment.virtual_networks[&Key::new("spoke")];
    assert_eq!(hub.peerings[0].name, Key::new("hub-to-spoke"));
    assert_eq!(spoke.peerings[0].name, Key::new("spoke-to-hub"));
    assert!(spoke.peerings[0].allow_forwarded_traffic);
    assert_eq!(spoke.dns_servers, ["10.0.1.4".parse::<std::net::IpAddr>().unwrap()]);
    let placed = &deployment.firewalls[&Key::new("egress")];
    assert_eq!(placed.policy, Some(Key::new("egress")));
    assert_eq!(deployment.clusters.len(), 1);
}

#[test]
fn a_way_out_that_is_not_stated_is_open_where_the_subnet_exists_and_closed_where_it_is_made() {
    let mut intent = list_of(vec![allow("p", SYSTEM, "www.example.com", "https")], vec![]);
    let spoke = Key::new("spoke");
    let open = |intent: &Intent| {
        run(intent).unwrap().deployment.virtual_networks[&spoke].subnets[0].default_outbound_access
    };
    intent.topology.networks[1].subnets[0].default_outbound = None;
    assert!(open(&intent), "nobody closed a subnet that exists");
    intent.topology.networks[1].owned = true;
    assert!(!open(&intent), "a subnet that is made is closed");
    intent.topology.networks[1].subnets[0].default_outbound = Some(true);
    assert!(open(&intent), "what is stated holds");
}

#[test]
fn a_subnet_with_a_delegation_is_not_written() {
    let mut intent = list_of(vec![allow("p", SYSTEM, "www.example.com", "https")], vec![]);
    intent.topology.networks[1].owned = true;
    intent.topology.clusters[0].api_server = ApiServer::VnetIntegration("jump".to_owned());
    let deployment = run(&intent).unwrap().deployment;
    let subnets = &deployment.virtual_networks[&Key::new("spoke")].subnets;
    assert_eq!(subnets.iter().map(|s| s.complete).collect::<Vec<_>>(), [true, true, false]);
}

fn parent(action: Action, rule: NetworkRule) -> Deployment {
    let collection = RuleCollection {
        name: Key::new("base"),
        priority: Priority::FIRST,
        rules: Rules::Network(action, vec![rule]),
    };
    let group = RuleCollectionGroup {
        name: Key::new("base"),
        priority: Priority::FIRST,
        collections: vec![collection],
    };
    let mut context = Deployment::default();
    let policy = Policy { groups: vec![group], ..Policy::default() };
    context.policies.insert(Key::new("company"), policy);
    context
}

/// The rule that a permission compiles to, to stand in a parent.
fn rule_of(permission: Permission) -> NetworkRule {
    let deployment = run(&list_of(vec![permission], vec![])).unwrap().deployment;
    let group = &deployment.policies[&Key::new("egress")].groups[0];
    let Rules::Network(_, rules) = &group.collections[0].rules else { panic!("{group:?}") };
    rules[0].clone()
}

#[test]
fn a_parent_that_passes_what_we_deny_is_an_error_that_names_its_rule() {
    let context = parent(Action::Allow, rule_of(allow("ssh", SYSTEM, "10.0.0.0/8", "tcp/22")));
    let mut intent = list_of(
        vec![allow("p", SYSTEM, "www.example.com", "https")],
        vec![deny("d", "any", "10.9.0.0/24", "tcp/22")],
    );
    intent.settings.extends = Some("company".to_owned());
    let findings = compile(&intent, &context, TODAY).unwrap_err();
    assert_eq!(codes(&findings), ["E0413"]);
    assert!(findings[0].headline().contains("`base/base/ssh`"), "{}", findings[0].headline());

    intent.denies.clear();
    let compiled = compile(&intent, &context, TODAY).unwrap();
    assert_eq!(compiled.deployment.policies.len(), 2);
}

#[test]
fn a_parent_that_denies_what_we_permit_is_a_warning() {
    let context = parent(Action::Deny, rule_of(allow("web", SYSTEM, "tag Storage", "tcp/443")));
    let mut intent = list_of(vec![allow("p", SYSTEM, "www.example.com", "https")], vec![]);
    intent.settings.extends = Some("company".to_owned());
    let compiled = compile(&intent, &context, TODAY).unwrap();
    assert_eq!(codes(&compiled.diagnostics), ["W0404"]);
}

#[test]
fn a_parents_rule_for_an_empty_group_takes_nothing() {
    // With an empty group the rule is off, whatever else it names.
    let to_nobody = NetworkRule {
        destination_ip_groups: vec![Key::new("nobody")],
        ..rule_of(allow("web", SYSTEM, "tag Storage", "tcp/443"))
    };
    let one = "192.0.2.7".parse().unwrap();
    let check = |action, denies: Vec<Deny>, expected: &[&str], expected_of_one: &[&str]| {
        let mut context = parent(action, to_nobody.clone());
        let mut intent = list_of(vec![allow("p", SYSTEM, "www.example.com", "https")], denies);
        intent.settings.extends = Some("company".to_owned());
        for (addresses, expected) in [(vec![], expected), (vec![one], expected_of_one)] {
            let addresses = addresses.into_iter().map(AddressEntry::Address).collect();
            let group = IpGroup { addresses, ..IpGroup::default() };
            context.ip_groups.insert(Key::new("nobody"), group);
            let found = match compile(&intent, &context, TODAY) {
                Ok(compiled) => compiled.diagnostics,
                Err(findings) => findings,
            };
            assert_eq!(codes(&found), expected, "{action:?}");
        }
    };
    check(Action::Deny, vec![], &[], &["W0404"]);
    check(Action::Allow, vec![deny("d", "any", "pastebin.com", "any")], &[], &["E0412", "E0413"]);
}

#[test]
fn parents_and_children_must_be_known_and_ours_must_be_the_last() {
    let mut intent = list_of(vec![allow("p", SYSTEM, "www.example.com", "https")], vec![]);
    intent.settings.extends = Some("company".to_owned());
    check_codes(&intent, &["E0418"]);
    intent.settings.extends = None;
    let mut context = Deployment::default();
    let child = Policy { base: Some(Key::new("egress")), ..Policy::default() };
    context.policies.insert(Key::new("child"), child);
    assert_eq!(codes(&compile(&intent, &context, TODAY).unwrap_err()), ["E0419"]);
}

#[test]
fn what_the_context_holds_is_not_described_again() {
    let intent = list_of(vec![allow("p", SYSTEM, "www.example.com", "https")], vec![]);
    let context = run(&intent).unwrap().deployment;
    let found = codes(&compile(&intent, &context, TODAY).unwrap_err());
    // Policy, two networks, two route tables, firewall, cluster.
    assert_eq!(found, ["E0422"; 7]);
}

#[test]
fn settings_of_firewalls_that_share_the_policy_must_agree() {
    let mut intent = list_of(vec![allow("p", SYSTEM, "www.example.com", "https")], vec![]);
    let mut second = intent.topology.firewalls[0].clone();
    second.name = "second".to_owned();
    second.enforces = Some("egress".to_owned());
    second.tier = Tier::Standard;
    intent.topology.firewalls.push(second);
    let compiled = run(&intent).unwrap();
    let policy = &compiled.deployment.policies[&Key::new("egress")];
    assert_eq!(policy.tier, exeat::azure::policy::Tier::Standard);
    intent.topology.firewalls[1].dns_proxy = false;
    check_codes(&intent, &["E0421"]);
    intent.topology.firewalls[1].dns_proxy = true;
    intent.topology.firewalls[1].tier = Tier::Basic;
    check_codes(&intent, &["E0421"]);
}

#[test]
fn the_last_deny_closes_every_port_on_which_names_are_read() {
    let pairs_closed = |services: &str| {
        let list = list_of(vec![allow("p", SYSTEM, "a.example.com", services)], vec![]);
        let deployment = run(&list).unwrap().deployment;
        let policy = &deployment.policies[&Key::new("egress")];
        let closing = policy.groups.last().unwrap();
        let Rules::Application(_, rules) = &closing.collections[0].rules else { panic!() };
        let pairs = rules[0].protocols.iter();
        pairs.map(|pair| format!("{:?}:{}", pair.protocol, pair.port)).collect::<Vec<_>>().join(" ")
    };
    let usual = "Http:80 Http:443 Http:1433 Https:80 Https:443 Https:1433 Mssql:1433";
    assert_eq!(pairs_closed("https"), usual);
    let more =
        "Http:80 Http:443 Http:1433 Http:8443 Https:80 Https:443 Https:1433 Https:8443 Mssql:1433";
    assert_eq!(pairs_closed("https/8443"), more);
    assert_eq!(pairs_closed("http/8443"), more);
}

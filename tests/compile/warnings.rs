//! What compiles and does not do what it seems to say.

use exeat::compile::compile;
use exeat::import;
use exeat::intent::Topology;
use exeat::intent::topology::Tier;

use super::TODAY;
use super::check_codes;
use super::codes;
use super::list::APPS;
use super::list::allow;
use super::list::allow_by_address;
use super::list::deny;
use super::list_of;
use super::run;

#[test]
fn a_permission_that_a_deny_takes_whole_is_a_warning_that_names_both() {
    #[track_caller]
    fn check(to: &str, with: &str, denied: &str, services: &str, is_whole: bool) {
        let intent = list_of(
            vec![allow_by_address("p", "10.1.8.0/26", to, with)],
            vec![deny("d", APPS, denied, services)],
        );
        let found = run(&intent).unwrap().diagnostics;
        let whole = found.iter().find(|finding| finding.code().id() == "W0405");
        assert_eq!(whole.is_some(), is_whole, "{to} : {with} under {denied} : {services}");
        if let Some(finding) = whole {
            assert_eq!(finding.headline(), "`p` never takes effect: `d` denies all of it");
        }
    }
    check("a.example.com", "https", "*.example.com", "https, http", true);
    check("a.example.com", "https, http", "*.example.com", "https", false);
    check("*.example.com", "https", "a.example.com", "https", false);
    check("a.example.com", "https", "any", "tcp/443", true);
    check("a.example.com", "https", "203.0.113.0/24", "tcp/443", false);
    check("url a.example.com/x", "http", "url a.example.com/x", "http", true);
    check("a.example.com", "http", "url a.example.com/x", "http", false);
    check("203.0.113.7/32", "tcp/443", "203.0.113.0/24", "tcp/400-500", true);
    check("203.0.113.7/32", "tcp/443", "203.0.113.0/24", "any", true);
    check("203.0.112.0/23", "tcp/443", "203.0.113.0/24", "tcp/443", false);
    check("203.0.113.7/32", "udp/443", "203.0.113.0/24", "tcp/443", false);
    check("tag Storage", "tcp/443", "tag Storage", "tcp/443", true);
    check("tag Storage.WestEurope", "tcp/443", "tag Storage", "tcp/443", false);
    check("a.example.com", "udp/123", "any", "udp/123", true);
    check("category News", "https", "category News", "https", true);
}

#[test]
fn a_list_without_a_network_says_so() {
    let mut intent = list_of(vec![allow("web", APPS, "a.example.com", "https")], Vec::new());
    intent.topology = Topology::default();
    check_codes(&intent, &["W0406"]);
}

#[test]
fn a_parent_of_a_higher_sku_is_a_warning() {
    let company = r#"{ "schema": "exeat.deployment/1",
        "firewallPolicies": { "company": { "sku": "SKU", "ruleCollectionGroups": [] } } }"#;
    for (tier, parent, expected) in [
        (Tier::Premium, "Standard", &[][..]),
        (Tier::Standard, "Standard", &[]),
        (Tier::Standard, "Premium", &["E0506"]),
    ] {
        let context = import::json::read(&company.replace("SKU", parent)).unwrap();
        let mut intent = list_of(vec![allow("web", APPS, "a.example.com", "https")], Vec::new());
        intent.topology.firewalls[0].tier = tier;
        intent.settings.extends = Some("company".to_owned());
        let compiled = compile(&intent, &context, TODAY).unwrap();
        assert_eq!(codes(&compiled.diagnostics), expected, "{tier:?} below {parent}");
    }
}

#[test]
fn tags_and_categories_that_are_not_known_are_warnings() {
    for (to, service) in [
        ("tag Storrage.Atlantis", "tcp/443"),
        ("fqdn-tag WindowsUpdat", "https"),
        ("category Gambblin", "https"),
    ] {
        check_codes(&list_of(vec![allow("p", APPS, to, service)], vec![]), &["W0408"]);
    }
    for (to, service) in [
        ("tag Storage.WestEurope", "tcp/443"),
        ("fqdn-tag WindowsUpdate", "https"),
        ("category Gambling", "https"),
    ] {
        check_codes(&list_of(vec![allow("p", APPS, to, service)], vec![]), &[]);
    }
}

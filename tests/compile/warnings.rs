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
use super::list_of;

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

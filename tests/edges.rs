//! Flows near the edges of a subject, how they are made simpler, and what they tell of a change.
#![cfg(test)]
#![cfg(feature = "testing")]

use std::collections::BTreeSet;

use proptest::strategy::Strategy as _;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestCaseError;
use proptest::test_runner::TestError;

use exeat::azure::Deployment;
use exeat::evidence::Evidence;
use exeat::flow::Flow;
use exeat::flow::Observation;
use exeat::flow::PayloadKind;
use exeat::flow::notation::FlowText;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Simulator;
use exeat::testing::Edges;
use exeat::testing::RuleChange;
use exeat::testing::Runs;
use exeat::testing::edges::MAX_FLOWS;
use exeat::testing::nothing_newly_leaves;
use exeat::testing::these_keep_leaving;

const WEB: &str = r#"{"name": "web", "sourceAddresses": ["10.1.8.0/24"],
    "protocols": ["Https:443"], "targetFqdns": ["www.example.com"]}"#;

/// A policy with an application collection of these rules.
fn deployment(rules: &str) -> Deployment {
    let text = format!(
        r#"{{"schema": "exeat.deployment/1", "firewallPolicies": {{"p": {{
        "ruleCollectionGroups": [{{"name": "g", "priority": 200, "ruleCollections": [
        {{"name": "c", "priority": 200, "kind": "application", "action": "Allow", "rules": [{rules}]}}]}}]}}}}}}"#
    );
    exeat::import::json::read(&text).expect("a deployment")
}

fn edges(deployment: &Deployment) -> Edges {
    Edges::near(&[deployment], None, &Evidence::default())
}

fn written(flows: &BTreeSet<Flow>) -> BTreeSet<String> {
    flows.iter().map(ToString::to_string).collect()
}

/// What `property` says of a change from one set of rules to another.
fn changed<T>(old: &str, new: &str, property: impl Fn(&RuleChange<'_>, &Edges) -> T) -> T {
    let (old, new) = (deployment(old), deployment(new));
    let (before, after) = (Simulator::new(&old).unwrap(), Simulator::new(&new).unwrap());
    let (evidence, mut assumptions) = (Evidence::default(), Assumptions::default());
    assumptions.set("infrastructure=empty").unwrap();
    let at = "2026-03-01T00:00:00Z".parse().unwrap();
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
    let edges = Edges::near(&[&old, &new], None, &evidence);
    property(&RuleChange { old: &before, new: &after, environment }, &edges)
}

#[test]
fn each_edge_of_a_rule_has_flows_on_either_side() {
    let (flows, are_all) = edges(&deployment(WEB)).each();
    let flows = written(&flows);
    assert!(are_all);
    for expected in [
        "10.1.8.0 -> 203.0.113.7 : tcp/443 tls www.example.com",
        "10.1.8.255 -> 203.0.113.7 : tcp/443 tls www.example.com",
        "10.1.7.255 -> 203.0.113.7 : tcp/443 tls www.example.com",
        "10.1.9.0 -> 203.0.113.7 : tcp/443 tls www.example.com",
        "10.1.8.0 -> 203.0.113.7 : tcp/442 tls www.example.com",
        "10.1.8.0 -> 203.0.113.7 : tcp/444 tls www.example.com",
        "10.1.8.0 -> 203.0.113.7 : udp/443",
        "10.1.8.0 -> 203.0.113.7 : tcp/443 http www.example.com",
        "10.1.8.0 -> 203.0.113.7 : tcp/443 other",
        "10.1.8.0 -> 203.0.113.7 : tcp/443 silent",
        "10.1.8.0 -> 203.0.113.7 : tcp/443 tls",
        "10.1.8.0 -> 203.0.113.7 : tcp/443 tls example.com",
        "10.1.8.0 -> 203.0.113.7 : tcp/443 tls sub.www.example.com",
        "10.1.8.0 -> 203.0.113.7 : tcp/443 tls evilwww.example.com",
        "10.1.8.0 -> 203.0.113.7 : tcp/443 tls www2.example.com",
    ] {
        assert!(flows.contains(expected), "{expected} is not in {flows:#?}");
    }
}

/// Names are compared as DNS does, so case and a final dot make no other flow: there is nothing to
/// draw.
#[test]
fn a_name_in_another_case_or_with_a_final_dot_is_the_same_name() {
    for flow in edges(&deployment(WEB)).each().0 {
        let Some(name) = flow.payload.wire_name().map(ToString::to_string) else { continue };
        let otherwise = format!("{}.", name.to_uppercase());
        if let Ok(read) = exeat::flow::Host::parse(&otherwise) {
            assert_eq!(Some(&read), flow.payload.wire_name(), "{otherwise}");
        }
        let text = flow.to_string().replace(&name, &name.to_uppercase());
        let read = FlowText::parse(&text).unwrap().to_observation().unwrap();
        assert_eq!(read.to_string(), flow.to_string());
    }
}

#[test]
fn edges_are_bounded_and_say_when_some_are_left_out() {
    let rule = |n: u32| {
        format!(
            r#"{{"name": "r{n}", "sourceAddresses": ["10.{}.{}.0/24"], "protocols": ["Https:443"],
            "targetFqdns": ["a{n}.example", "*.b{n}.example", "c{n}.example"]}}"#,
            n / 256,
            n % 256
        )
    };
    let rules: Vec<String> = (0..3000).map(rule).collect();
    let many = edges(&deployment(&rules.join(",")));
    let (flows, are_all) = many.each();
    assert!(many.is_cut() && !are_all);
    assert!(flows.len() <= MAX_FLOWS && flows.len() > MAX_FLOWS / 4, "{}", flows.len());
    let few = edges(&deployment(WEB));
    assert!(!few.is_cut());
    assert_eq!(few.each(), edges(&deployment(WEB)).each());
}

#[test]
fn the_same_seed_draws_the_same_flows() {
    let edges = edges(&deployment(WEB));
    let drawn = |seed: u64| -> Vec<Flow> {
        let mut runner = Runs { seed, cases: 0 }.runner();
        let draw = |_| edges.flows().new_tree(&mut runner).unwrap().current();
        (0..200).map(draw).collect()
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn a_flow_that_fails_shrinks_to_the_simplest_that_fails_alike() {
    let edges = edges(&deployment(WEB));
    let simplest = |fails: &dyn Fn(&Flow) -> bool| {
        let mut runner = Runs::default().runner();
        let found = runner.run(&edges.flows(), |flow| {
            if fails(&flow) { Err(TestCaseError::fail("as asked")) } else { Ok(()) }
        });
        match found {
            Err(TestError::Fail(_, flow)) if fails(&flow) => flow.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(simplest(&|_| true), "10.0.0.4 -> 203.0.113.7 : tcp/443 tls example.com");
    let is_http = |flow: &Flow| flow.payload.kind() == PayloadKind::Http;
    assert_eq!(simplest(&is_http), "10.0.0.4 -> 203.0.113.7 : tcp/443 http example.com");
    let is_below = |flow: &Flow| {
        flow.payload.wire_name().is_some_and(|name| name.to_string().starts_with("sub."))
            && flow.source.to_string() == "10.1.9.0"
    };
    assert_eq!(simplest(&is_below), "10.1.9.0 -> 203.0.113.7 : tcp/443 tls sub.www.example.com");
    let has_no_name = |flow: &Flow| flow.payload.wire_name().is_none();
    assert_eq!(simplest(&has_no_name), "10.0.0.4 -> 203.0.113.7 : tcp/443 tls");
}

#[test]
fn a_widening_by_one_step_is_found_on_every_axis() {
    for (what, with, flow) in [
        ("10.1.8.0/24", "10.1.8.0/23", "10.1.9.0 -> 203.0.113.7 : tcp/443 tls www.example.com"),
        ("Https:443", "Https:444", "10.1.8.0 -> 203.0.113.7 : tcp/444 tls www.example.com"),
        ("Https", "Http", "10.1.8.0 -> 203.0.113.7 : tcp/443 http www.example.com:443"),
        ("www.", "*.", "10.1.8.0 -> 203.0.113.7 : tcp/443 tls sub.example.com"),
        ("www.", "*", "10.1.8.0 -> 203.0.113.7 : tcp/443 tls example.com"),
    ] {
        let new = WEB.replace(what, with);
        let none = Runs { cases: 0, ..Runs::default() };
        let nothing = |change: &RuleChange<'_>, edges: &Edges| {
            nothing_newly_leaves(change, edges, none, |_| false).map_err(|one| one.to_string())
        };
        let found = changed(WEB, &new, nothing).unwrap_err();
        let verdicts = "deny (default-deny) before the change, allow (application-rule) after it";
        assert_eq!(found, format!("`{flow}`: {verdicts}"), "{with}");
        assert_eq!(changed(WEB, WEB, nothing), Ok(()));
    }
}

#[test]
fn what_is_meant_to_leave_is_excepted() {
    let new = WEB.replace("www.", "*.");
    let is_meant = |flow: &Flow| {
        let host = flow.payload.wire_name().map(ToString::to_string);
        host.is_some_and(|name| name.ends_with(".example.com"))
    };
    changed(WEB, &new, |change, edges| {
        nothing_newly_leaves(change, edges, Runs::default(), is_meant).unwrap();
    });
}

#[test]
fn a_flow_that_stops_leaving_is_told_with_both_verdicts() {
    let text = "10.1.8.4 -> 203.0.113.7 : tcp/443 tls www.example.com";
    let flow: Observation = FlowText::parse(text).unwrap().to_observation().unwrap();
    let keeps = |change: &RuleChange<'_>, _: &Edges| these_keep_leaving(change, [flow.clone()]);
    changed(WEB, WEB, keeps).unwrap();
    let found = changed(WEB, &WEB.replace("www.", "api."), keeps).unwrap_err();
    assert_eq!(
        found.to_string(),
        format!(
            "`{text}`: allow (application-rule) before the change, deny (default-deny) after it"
        )
    );
    // What did not leave before does not keep leaving.
    changed(&WEB.replace("www.", "api."), WEB, keeps).unwrap_err();
}

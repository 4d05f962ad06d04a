//! What a replay advises where the deployment is another than the list compiles to.

use serde_json::Value;

use super::sandbox::Sandbox;

/// The report on Friday, by the trips list and what it compiles to after `edit`.
fn friday(edit: impl Fn(&mut Value)) -> String {
    let sandbox = Sandbox::with_trips();
    let compile = ["compile", "-q", "trips/trips.egress", "--target", "json", "--out", "out"];
    sandbox.run(&compile).expect(0);
    let mut deployment: Value =
        serde_json::from_str(&sandbox.read("out/deployment.json")).expect("a deployment");
    edit(&mut deployment);
    sandbox.write("d.json", deployment.to_string().as_bytes());
    let args = ["replay", "-q", "trips/trips.egress", "--deployment", "d.json", "--capture"];
    sandbox.run(&[&args[..], &["trips/friday.pcapng"]].concat()).expect(1)
}

/// The part of a report about the objection with `words` in it.
#[track_caller]
fn part<'r>(report: &'r str, words: &str) -> &'r str {
    let parts = report.split("\n\n");
    parts
        .into_iter()
        .find(|part| part.contains(words))
        .unwrap_or_else(|| panic!("{words}: {report}"))
}

fn groups(deployment: &mut Value) -> &mut Vec<Value> {
    deployment["firewallPolicies"]["egress"]["ruleCollectionGroups"].as_array_mut().expect("groups")
}

fn apps(deployment: &mut Value) -> &mut Value {
    let subnets = deployment["virtualNetworks"]["spoke"]["subnets"].as_array_mut();
    let mut subnets = subnets.expect("subnets").iter_mut();
    subnets.find(|subnet| subnet["name"] == "apps").expect("the subnet")
}

#[test]
fn a_closing_deny_that_is_gone_is_named() {
    let report = friday(|deployment| groups(deployment).retain(|group| group["name"] != "closing"));
    let open = part(&report, "updates.example.net");
    assert!(open.contains("deploy it again: the deployment lacks rule closing/"), "{open}");
}

#[test]
fn a_closing_deny_that_allows_is_not_to_be_taken_out() {
    let report = friday(|deployment| {
        let closing = groups(deployment).iter_mut().find(|group| group["name"] == "closing");
        closing.expect("the group")["ruleCollections"][0]["action"] = "Allow".into();
    });
    let open = part(&report, "updates.example.net");
    assert!(open.contains("deny-every-name allows what it is to deny"), "{open}");
    assert!(!open.contains("take the rule out"), "{open}");
}

#[test]
fn a_subnet_without_its_route_table_is_named() {
    let report = friday(|deployment| {
        apps(deployment).as_object_mut().expect("a subnet").remove("routeTable");
    });
    let open = part(&report, "0.0.0.0/0 -> internet");
    assert!(open.contains("associate route table `rt-spoke-apps` with subnet `apps`"), "{open}");
    assert!(open.contains("the subnet has no route table"), "{open}");
}

#[test]
fn a_rule_that_is_gone_from_the_deployment_is_named_with_its_permission() {
    let report = friday(|deployment| {
        for group in groups(deployment) {
            for collection in group["ruleCollections"].as_array_mut().expect("collections") {
                let rules = collection["rules"].as_array_mut().expect("rules");
                rules.retain(|rule| rule["name"] != "trips-db" && rule["name"] != "paste");
            }
        }
        let origins = deployment["origins"].as_array_mut().expect("origins");
        origins.retain(|origin| origin["rule"] != "trips-db" && origin["rule"] != "paste");
    });
    let open = part(&report, "`trips-db`");
    assert!(open.contains("lacks rule application/application-allow/trips-db"), "{open}");
    assert!(!open.contains("change the permission"), "{open}");
}

/// No edit of the list reaches a deployment that was given, so none is said to have been tried.
#[test]
fn no_edit_of_the_list_is_tried_on_a_deployment_that_was_given() {
    let report = friday(|_| {});
    assert!(!report.contains("which was tried"), "{report}");
    let bypass = part(&report, "bypass: 198.51.100.64/26");
    assert!(bypass.contains("changes this deployment only when it is deployed again"), "{bypass}");
}

/// A leak of what the list denies is answered with the deny, not with a permission for it.
#[test]
fn what_the_list_denies_is_not_to_be_permitted() {
    let report = friday(|deployment| {
        let groups = groups(deployment);
        let mut collections = groups.iter_mut().flat_map(|group| {
            group["ruleCollections"].as_array_mut().expect("collections").iter_mut()
        });
        let deny = collections.find(|one| one["name"] == "application-deny").expect("the denies");
        deny["action"] = "Allow".into();
        deny["priority"] = 210.into();
    });
    let open = part(&report, "pastebin.com");
    assert!(open.contains("`paste` (trips/trips.egress:"), "{open}");
    assert!(!open.contains("if it is meant to leave"), "{open}");
    assert!(open.contains("application-deny/paste allows what it is to deny"), "{open}");
}

/// The command to copy is about the flow that is shown, not about its bare handshake.
#[test]
fn the_way_is_shown_of_the_flow_and_not_of_its_handshake() {
    let sandbox = Sandbox::with_trips();
    let args = ["replay", "-q", "trips/trips.egress", "--capture", "trips/friday.pcapng"];
    let report = sandbox.run(&args).expect(1);
    assert!(!report.contains(" silent\""), "{report}");
    assert!(report.contains(": tcp/443 tls ingest.fabrikam.example\"\n"), "{report}");
}

//! ARM templates: what is written for small deployments, to the letter, and the laws of the order.
#![cfg(test)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::Scope;
use exeat::azure::cluster::ApiServer;
use exeat::azure::cluster::Cluster;
use exeat::azure::cluster::NetworkPlugin;
use exeat::azure::cluster::NodePool;
use exeat::azure::cluster::SubnetId;
use exeat::emit;
use exeat::emit::EmitError;
use exeat::import;

#[path = "support/cases.rs"]
mod cases;
#[path = "support/deployments.rs"]
mod deployments;

use self::cases::cases;

const CASES: [&str; 3] = ["one-group", "hub-and-spoke", "shared-parent"];

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/arm").join(case)
}

fn deployment(case: &str) -> Deployment {
    let text = fs::read_to_string(folder(case).join("deployment.json")).expect("a deployment");
    import::json::read(&text).unwrap_or_else(|error| panic!("{case}: {error}"))
}

/// The emitted files by path.
fn emitted(deployment: &Deployment) -> BTreeMap<String, String> {
    let files = emit::arm::write(deployment).unwrap_or_else(|error| panic!("{error}"));
    files.into_iter().map(|file| (file.path, file.text)).collect()
}

fn files_below(folder: &Path, prefix: &str, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            files_below(&path, &format!("{prefix}{name}/"), into);
        } else {
            into.insert(format!("{prefix}{name}"), fs::read_to_string(&path).expect("a text"));
        }
    }
}

/// Whether the expected files are to be written anew: `BLESS=1 cargo test --test arm`.
#[expect(clippy::disallowed_methods, reason = "tests are steered by the environment")]
fn bless() -> bool {
    std::env::var_os("BLESS").is_some()
}

#[test]
fn small_deployments_are_written_as_expected() {
    for case in CASES {
        let mut expected = BTreeMap::new();
        files_below(&folder(case).join("expected"), "", &mut expected);
        let found = emitted(&deployment(case));
        if bless() {
            for (path, text) in &found {
                fs::write(folder(case).join("expected").join(path), text)
                    .expect("a place to write");
            }
            continue;
        }
        let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&expected), "the files of {case}");
        for (path, text) in &found {
            assert_eq!(*text, expected[path], "{case}: {path}");
        }
    }
}

/// The templates among `files`, by path.
fn templates(files: &BTreeMap<String, String>) -> BTreeMap<&str, Value> {
    let is_template = |path: &str| path != "deploy-order.json" && path != "commands.sh";
    files
        .iter()
        .filter(|(path, _)| is_template(path))
        .map(|(path, text)| (path.as_str(), serde_json::from_str(text).expect("JSON")))
        .collect()
}

fn resources(template: &Value) -> &[Value] {
    template["resources"].as_array().expect("resources")
}

#[test]
fn each_resource_of_a_policy_template_waits_for_the_one_before() {
    for case in CASES {
        let files = emitted(&deployment(case));
        for (path, template) in templates(&files) {
            if !path.ends_with("policy.json") {
                continue;
            }
            let mut before: Option<String> = None;
            for resource in resources(&template) {
                let found: Vec<&str> = resource["dependsOn"]
                    .as_array()
                    .map(|ids| ids.iter().filter_map(Value::as_str).collect())
                    .unwrap_or_default();
                let expected: Vec<&str> = before.as_deref().into_iter().collect();
                assert_eq!(found, expected, "{case}: {path}");
                let names = resource["name"].as_str().expect("a name").replace('/', "', '");
                let kind = resource["type"].as_str().expect("a type");
                before = Some(format!("[resourceId('{kind}', '{names}')]"));
            }
        }
    }
}

#[test]
fn groups_follow_their_policy_by_priority_and_children_follow_parents() {
    let files = emitted(&deployment("shared-parent"));
    let templates = templates(&files);
    let names: Vec<&str> = resources(&templates["rg-teams/policy.json"])
        .iter()
        .map(|resource| resource["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        names,
        [
            "fwp-a-team",
            "fwp-a-team/rcg-first",
            "fwp-a-team/rcg-second",
            "fwp-b-team",
            "fwp-b-team/rcg-only"
        ]
    );
}

#[test]
fn nothing_that_exists_is_written() {
    for case in CASES {
        let deployment = deployment(case);
        let files = emitted(&deployment);
        let mut written = BTreeSet::new();
        for template in templates(&files).values() {
            for resource in resources(template) {
                let name = resource["name"].as_str().expect("a name");
                written.insert(name.split('/').next().expect("a part").to_owned());
            }
        }
        for existing in ["vnet-hub", "vnet-old", "ipg-legacy", "fw", "fw-hub"] {
            assert!(!written.contains(existing), "{case} writes {existing}");
        }
    }
}

/// The commands of `deploy-order.json`.
fn commands(files: &BTreeMap<String, String>) -> Vec<String> {
    let order: Value = serde_json::from_str(&files["deploy-order.json"]).expect("JSON");
    let steps = order["steps"].as_array().expect("steps");
    steps.iter().map(|step| step["command"].as_str().expect("a command").to_owned()).collect()
}

#[test]
fn routes_and_associations_come_after_the_last_group() {
    for case in CASES {
        let commands = commands(&emitted(&deployment(case)));
        let places = |part: &'static str| {
            commands.iter().enumerate().filter(move |(_, c)| c.contains(part)).map(|(at, _)| at)
        };
        let last_group = places("policy.json").max().expect("a policy");
        for later in ["routes.json", "network.json", "--route-table", "firewall update"] {
            assert!(places(later).all(|at| at > last_group), "{case}: {later} in {commands:#?}");
        }
        let last_table = places("routes.json").max().unwrap_or(last_group);
        assert!(places("--route-table").all(|at| at > last_table), "{case}: {commands:#?}");
    }
}

/// The deployment of the case with one change.
fn changed(case: &str, change: impl FnOnce(&mut Deployment)) -> Deployment {
    let mut deployment = deployment(case);
    change(&mut deployment);
    deployment
}

#[test]
fn an_incomplete_subnet_is_associated_by_a_command_and_its_network_left_alone() {
    for spoil in
        [(|subnet| subnet.complete = false) as fn(&mut exeat::azure::network::Subnet), |subnet| {
            subnet.explicit_outbound = true;
        }]
    {
        let deployment = changed("hub-and-spoke", |deployment| {
            for network in deployment.virtual_networks.values_mut() {
                network.subnets.iter_mut().for_each(spoil);
            }
        });
        let files = emitted(&deployment);
        assert!(!files.keys().any(|path| path.ends_with("network.json")));
        assert!(!files.keys().any(|path| path.ends_with("peerings.json")));
        assert!(files["commands.sh"].contains("--vnet-name vnet-spoke --name snet-aks"));
        assert!(files["deploy-order.json"].contains("`vnet-spoke` is not written"));
    }
}

#[track_caller]
fn refused(deployment: &Deployment, expected: &str) {
    let error: EmitError = emit::arm::write(deployment).expect_err("a refusal");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_arm_cannot_say_safely_is_refused() {
    refused(
        &changed("shared-parent", |deployment| {
            for policy in deployment.policies.values_mut() {
                policy.base = Some(exeat::azure::Key::new("fwp-a-team"));
            }
        }),
        "`fwp-a-team` need one another, so that none can be deployed first; put what they share \
         into one resource group",
    );
    refused(
        &changed("one-group", |deployment| {
            for group in deployment.ip_groups.values_mut() {
                let unknown = exeat::azure::address::AddressEntry::Unknown("pool".to_owned());
                group.addresses.push(unknown);
            }
        }),
        "IP group `ipg-build` cannot be written: `pool` is not known",
    );
    refused(
        &changed("hub-and-spoke", |deployment| {
            for table in deployment.route_tables.values_mut() {
                table.disable_peering_route = true;
            }
        }),
        "the route table `rt-spoke` cannot be written: `disablePeeringRoute` needs a newer API than \
         the templates are written for",
    );
    refused(
        &changed("hub-and-spoke", |deployment| {
            let nodes = SubnetId { network: Key::new("vnet-spoke"), subnet: Key::new("snet-aks") };
            let pool = NodePool { name: Key::new("system"), subnet: nodes, pod_subnet: None };
            let cluster = Cluster {
                scope: Scope::default(),
                plugin: NetworkPlugin::Kubenet,
                pod_ranges: vec!["10.244.0.0/16".parse().expect("a prefix")],
                pools: vec![pool],
                api_server: ApiServer::Private,
            };
            deployment.clusters.insert(Key::new("aks"), cluster);
        }),
        "the route table `rt-spoke` cannot be written: a kubenet cluster keeps the routes to its \
         nodes in it, which would be lost; add the routes to the cluster's own table by hand",
    );
    refused(
        &changed("hub-and-spoke", |deployment| {
            for policy in deployment.policies.values_mut() {
                policy.scope.resource_group = Some("../elsewhere".to_owned());
            }
        }),
        "`../elsewhere` cannot be the name of a folder or stand in a command; Azure allows letters, \
         digits and `_-.()`",
    );
}

#[test]
fn a_group_over_two_megabytes_is_refused_by_name() {
    let text = fs::read_to_string(folder("one-group").join("deployment.json")).expect("a text");
    let many: Vec<String> =
        (0..90_000).map(|number| format!("\"host-{number}.pkg.example.net\"")).collect();
    let text = text.replace("\"crates.example.net\"", &many.join(","));
    let deployment = import::json::read(&text).expect("a deployment");
    let error = emit::arm::write(&deployment).expect_err("a refusal").to_string();
    assert!(error.starts_with("the rule collection group `rcg-apps` takes"), "{error}");
}

/// `value` without what templates cannot say, and with scopes of two resource groups.
fn sayable(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("unknown:") => {
            *text = "10.9.9.9".to_owned();
        }
        Value::Array(items) => {
            items.retain(|item| item["nextHopType"] != "VirtualApplianceEcmp");
            items.iter_mut().for_each(sayable);
        }
        Value::Object(object) => {
            for key in ["unknownTargets", "certificateAuthority", "disablePeeringRoute"] {
                object.remove(key);
            }
            if object.get("networkPlugin").is_some_and(|plugin| plugin == "kubenet") {
                object.insert("networkPlugin".to_owned(), "overlay".into());
            }
            if let Some(Value::Object(groups)) = object.get_mut("networkSecurityGroups") {
                groups.values_mut().for_each(|group| group["ours"] = Value::Bool(false));
            }
            if let Some(scope) = object.get_mut("scope") {
                let of_two = ["rg-a", "rg-b"][scope.to_string().len() % 2];
                *scope = serde_json::json!({ "resourceGroup": of_two });
            }
            object.values_mut().for_each(sayable);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #![proptest_config(cases(64))]

    /// What ARM can say is written, the same each time, unless resource groups need one another.
    #[test]
    fn any_sayable_deployment_is_written(deployment in deployments::deployments()) {
        let text = emit::json::write(&deployment).expect("a document");
        let mut document = serde_json::from_str(&text).expect("JSON");
        sayable(&mut document);
        let deployment = import::json::read(&document.to_string()).expect("a deployment");
        match emit::arm::write(&deployment) {
            Ok(files) => {
                prop_assert_eq!(&emit::arm::write(&deployment).expect("files"), &files);
                let paths: BTreeSet<&String> = files.iter().map(|file| &file.path).collect();
                prop_assert_eq!(paths.len(), files.len());
            }
            Err(EmitError::Cycle { names }) => prop_assert!(names.len() > 1),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    /// Whatever is to be written, nothing panics and no template contradicts itself.
    #[test]
    fn no_deployment_gives_a_contradictory_template(deployment in deployments::deployments()) {
        let written = emit::arm::write(&deployment);
        let contradicts = matches!(written, Err(EmitError::Inconsistent { .. } | EmitError::Json(_)));
        prop_assert!(!contradicts, "{:?}", written);
    }
}

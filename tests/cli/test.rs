//! What `test` says of examples and of flows near edges.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::expected::check_kept;
use super::sandbox::ONE_NETWORK;
use super::sandbox::Run;
use super::sandbox::Sandbox;

const AT: [&str; 2] = ["--at", "2026-03-01"];

const WEB: &str = "allow web: apps -> www.example.com : https  because \"needed\"\n";

const EXAMPLES: &str = "example page\n  \
    10.1.8.4 -> 192.0.2.1 : tcp/443 tls www.example.com => allow\n\
    example other\n  \
    10.1.8.4 -> 192.0.2.1 : tcp/443 tls example.com => deny\n";

/// What `test` says of a sound list with examples.
fn sound(args: &[&str]) -> Run {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [ONE_NETWORK, WEB, EXAMPLES].concat().as_bytes());
    sandbox.run(&[&["test", "a.egress"], &AT[..], args].concat())
}

/// What `test` says of a sound list and what it compiles to after `edit` of its first rule.
fn deployed(edit: impl Fn(&mut Value), args: &[&str]) -> Run {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [ONE_NETWORK, WEB, EXAMPLES].concat().as_bytes());
    sandbox.run(&["compile", "-q", "a.egress", "--target", "json", "--out", "out"]).expect(0);
    let text = sandbox.read("out/deployment.json");
    let mut deployment: Value = serde_json::from_str(&text).expect("a deployment");
    let groups = &mut deployment["firewallPolicies"]["egress"]["ruleCollectionGroups"];
    let groups = groups.as_array_mut().expect("groups");
    let group = groups.iter_mut().find(|group| group["name"] == "application");
    edit(&mut group.expect("the group")["ruleCollections"][0]["rules"][0]);
    sandbox.write("d.json", deployment.to_string().as_bytes());
    let deployment = ["test", "a.egress", "--deployment", "d.json"];
    sandbox.run(&[&deployment[..], &AT, args].concat())
}

#[track_caller]
fn check_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn a_sound_list_has_nothing_to_object_to() {
    let text = sound(&[]).expect(0);
    check_kept("test/sound.txt", text);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_other_flows() {
    for format in ["text", "json"] {
        let run = |seed: &str| sound(&["--format", format, "--seed", seed]).expect(0);
        assert_eq!(run("7"), run("7"));
    }
    let boxes = |seed: &str| {
        let text = sound(&["--format", "json", "--seed", seed]).expect(0);
        let report: Value = serde_json::from_str(&text).expect("a report");
        report["summary"]["boxes"].clone()
    };
    assert_ne!(boxes("7"), boxes("8"));
}

#[test]
fn flows_at_each_edge_are_asked_about_without_any_that_are_drawn() {
    let text = deployed(
        |rule| rule["protocols"] = serde_json::json!(["Https:443", "Https:444"]),
        &["--cases", "0"],
    )
    .expect(1);
    check_holds(&text, &["leak: Azure lets out", "10.1.8.4 -> 203.0.113.7 : tcp/444 tls"]);
}

#[test]
fn the_simplest_flow_of_each_cause_is_told_with_the_command_that_explains_it() {
    let widened = |rule: &mut Value| rule["targetFqdns"] = serde_json::json!(["*.example.com"]);
    check_kept("test/widened.txt", deployed(widened, &[]).expect(1));
    let lost = |rule: &mut Value| rule["targetFqdns"] = serde_json::json!(["nobody.test"]);
    let text = deployed(lost, &[]).expect(1);
    check_holds(
        &text,
        &[
            "1. leak: Azure lets out what the list does not permit; the simplest flow found:\n",
            "     10.1.8.4 -> 203.0.113.7 : tcp/443 tls nobody.test\n",
            "2. breakage: Azure stops what the list requires; the simplest flow found:\n",
            "     10.1.8.4 -> 203.0.113.7 : tcp/443 tls www.example.com\n",
            "   list: `web` (a.egress:18:1) requires it\n",
            "   why: exeat explain a.egress --deployment d.json --at 2026-03-01T00:00:00Z \"10.1.8.4 ->",
            "error[E0601]: example `page` expects allow, found deny\n",
            "2 examples, of which 1 not met\n",
            "; 3 objections\n",
        ],
    );
}

#[test]
fn a_box_that_is_accepted_is_no_objection() {
    let widened = |rule: &mut Value| rule["targetFqdns"] = serde_json::json!(["*.example.com"]);
    let text = deployed(widened, &["--accept", "leak"]).expect(0);
    check_holds(&text, &["leak (accepted)\n", "; nothing to object to\n"]);
    let run = sound(&["--accept", "blocked"]);
    assert_eq!(run.code, Some(2));
    check_holds(&run.err, &["`--accept blocked`: expected `leak`, `breakage` or `bypass`"]);
    let run = sound(&["--accept", "undetermined"]);
    assert_eq!(run.code, Some(2));
    check_holds(&run.err, &["undetermined flows are counted, and no objection here"]);
}

#[test]
fn what_is_not_known_is_counted_and_no_objection() {
    let sandbox = Sandbox::new();
    let bus = "allow bus: apps -> tag ServiceBus : tcp/5671  because \"x\"\n";
    sandbox.write("a.egress", [ONE_NETWORK, bus].concat().as_bytes());
    let text = sandbox.run(&["test", "a.egress"]).expect(0);
    check_holds(&text, &["  undetermined\n", "no examples\n", "nothing to object to\n"]);
}

#[test]
fn without_a_list_only_what_goes_around_is_looked_for() {
    let sandbox = Sandbox::new();
    sandbox.run(&["compile", "-q", "ok.egress", "--target", "json", "--out", "out"]).expect(0);
    let text = sandbox.run(&["test", "--deployment", "out/deployment.json"]).expect(1);
    check_holds(&text, &["bypass: it leaves around the firewall", "note: there is no list"]);
    assert!(!text.contains("examples"), "{text}");
}

/// What `test --mutants` counts of a list, and what it says.
fn scored(sandbox: &Sandbox, list: &str) -> (Value, String) {
    sandbox.write("a.egress", list.as_bytes());
    let args = ["test", "a.egress", "--cases", "0", "--mutants"];
    let text = sandbox.run(&[&args[..], &AT].concat()).expect(0);
    let json = sandbox.run(&[&args[..], &AT, &["--format", "json"]].concat()).expect(0);
    let report: Value = serde_json::from_str(&json).expect("a report");
    (report["mutants"].clone(), text)
}

#[test]
fn mistakes_that_no_check_notices_are_told_with_an_example_that_does() {
    let sandbox = Sandbox::new();
    let mut list = [ONE_NETWORK, WEB].concat();
    let (before, text) = scored(&sandbox, &list);
    check_kept("test/mutants.txt", text);
    assert_eq!(before["noticed"], 0);
    let unnoticed = before["unnoticed"].as_array().expect("mutants").iter();
    let examples: BTreeSet<&str> = unnoticed.filter_map(|one| one["example"].as_str()).collect();
    assert!(!examples.is_empty(), "{before}");
    for example in examples {
        list.push_str(example);
        list.push('\n');
    }
    // The examples are met, and there is nothing left that they do not notice.
    let (after, text) = scored(&sandbox, &list);
    assert_eq!(after["unnoticed"].as_array().map(Vec::len), Some(0), "{text}");
    assert_eq!(after["noticed"], before["unnoticed"].as_array().map_or(0, Vec::len));
    check_holds(&text, &["noticed (100 %)", "nothing to object to"]);
}

#[test]
fn assertions_notice_mistakes_as_examples_do() {
    let sandbox = Sandbox::new();
    let always = "assert always page: apps -> www.example.com : https  because \"x\"\n";
    let never = "assert never others: apps -> api.example.com : https  because \"x\"\n";
    let (score, text) = scored(&sandbox, &[ONE_NETWORK, WEB, always].concat());
    let unnoticed = score["unnoticed"].as_array().expect("mutants").iter();
    let what: Vec<&str> = unnoticed.filter_map(|one| one["what"].as_str()).collect();
    assert_eq!(what, ["`*.example.com` in place of `www.example.com`"], "{text}");
    let (score, text) = scored(&sandbox, &[ONE_NETWORK, WEB, always, never].concat());
    assert_eq!(score["unnoticed"].as_array().map(Vec::len), Some(0), "{text}");
    assert!(score["noticed"].as_u64() > Some(1), "{text}");
}

#[test]
fn without_a_list_there_is_no_score() {
    let sandbox = Sandbox::new();
    sandbox.run(&["compile", "-q", "ok.egress", "--target", "json", "--out", "out"]).expect(0);
    let run = sandbox.run(&["test", "--deployment", "out/deployment.json", "--mutants"]);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    check_holds(&run.err, &["`--mutants`: there is no list", "name the rules file, too"]);
}

/// Flows are not seen here, so that what is proved of all of them holds of each that is drawn.
#[test]
fn what_is_proved_has_no_flow_near_an_edge_that_says_otherwise() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut proved = BTreeSet::new();
    for name in ["addresses", "carried", "names", "overruled", "tags"] {
        let sandbox = Sandbox::new();
        let list = fs::read(root.join(format!("tests/defects/{name}.egress"))).expect("a list");
        sandbox.write("a.egress", &list);
        let read = |args: &[&str]| -> Value {
            let run = sandbox.run(&[args, &["-q", "a.egress", "--format", "json"], &AT].concat());
            serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{name}: {}", run.err))
        };
        let proof = read(&["prove"]);
        let tested = read(&["test", "--cases", "3000"]);
        for claim in proof["claims"].as_array().expect("claims") {
            let (word, standing) = (claim["claim"].as_str(), claim["standing"].as_str());
            let outcome = match word {
                Some("no-leak") => "leak",
                Some("no-breakage") => "breakage",
                Some("nothing-around") => "bypass",
                _ => continue,
            };
            if standing == Some("proved") {
                proved.insert(outcome);
                assert!(
                    tested["summary"]["boxes"][outcome].is_null(),
                    "{name}: {}",
                    tested["flows"]
                );
            }
        }
    }
    assert_eq!(proved.len(), 3, "{proved:?}");
}

#[test]
fn a_list_that_does_not_compile_is_not_tested() {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", b"language 1\nallow x: nowhere -> a.example : https because \"x\"\n");
    let run = sandbox.run(&["test", "a.egress"]);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
}

/// No packet goes from an address of one family to one of the other.
#[test]
fn a_list_that_names_the_internet_is_not_tried_with_flows_between_families() {
    let sandbox = Sandbox::new();
    let text = "allow web: apps -> *.example.com : https  because \"x\"\n\
                deny shell: apps -> internet : tcp/22  because \"x\"\n";
    sandbox.write("a.egress", [ONE_NETWORK, text].concat().as_bytes());
    let tested = sandbox.run(&["test", "-q", "a.egress", "--cases", "2000"]).expect(0);
    assert!(tested.contains("nothing to object to"), "{tested}");
}

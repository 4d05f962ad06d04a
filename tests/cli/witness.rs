//! `prove --witness`: what is shown is in the capture, and the other commands read it there.

use serde_json::Value;

use super::sandbox::OK;
use super::sandbox::ONE_NETWORK;
use super::sandbox::Run;
use super::sandbox::Sandbox;

const WEB: &str = "allow web: apps -> www.example.com : https  because \"needed\"\n";
const AT: &str = "2026-03-01T10:00:00Z";

/// A folder with a list in a network in which no way leads around the firewall, and what it
/// compiles to after `edit`.
fn deployed(edit: impl Fn(&mut Value)) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [ONE_NETWORK, WEB].concat().as_bytes());
    sandbox.run(&["compile", "-q", "a.egress", "--target", "json", "--out", "out"]).expect(0);
    let text = sandbox.read("out/deployment.json");
    let mut deployment: Value = serde_json::from_str(&text).expect("a deployment");
    edit(&mut deployment);
    sandbox.write("d.json", deployment.to_string().as_bytes());
    sandbox
}

fn groups(deployment: &mut Value) -> &mut Vec<Value> {
    deployment["firewallPolicies"]["egress"]["ruleCollectionGroups"].as_array_mut().expect("groups")
}

/// The rule that carries the list, made wider.
fn widened(deployment: &mut Value) {
    let mut groups = groups(deployment).iter_mut();
    let group = groups.find(|group| group["name"] == "application").expect("the group");
    group["ruleCollections"][0]["rules"][0]["targetFqdns"] = ["*.example.com"].as_slice().into();
}

/// The rules that carry the list, gone.
fn gone(deployment: &mut Value) {
    deployment["origins"] = Value::Array(Vec::new());
    groups(deployment).retain(|group| group["name"] != "application");
}

/// Runs `command` on the list and the deployment beside it.
fn run(sandbox: &Sandbox, command: &str, more: &[&str]) -> Run {
    let subject = [command, "-q", "a.egress", "--deployment", "d.json", "--at", AT];
    sandbox.run(&[&subject[..], more].concat())
}

/// The flows that a replay of the witness shows, but for the lookups: each in the notation without
/// its source port, with its box and reason.
fn replayed(sandbox: &Sandbox) -> Vec<String> {
    let run = run(sandbox, "replay", &["--capture", "w.pcapng", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.out).expect("a report");
    let word = |flow: &Value, key: &str| flow[key].as_str().unwrap_or("-").to_owned();
    let flows = report["flows"].as_array().expect("flows").iter();
    flows
        .filter(|flow| flow["app"] != "dns")
        .map(|flow| {
            let words = ["src", "dst", "app", "name", "box", "verdict", "reason"];
            words.map(|key| word(flow, key)).join(" ")
        })
        .collect()
}

/// The counterexamples of a report in JSON.
fn counterexamples(report: &str) -> Vec<Value> {
    let report: Value = serde_json::from_str(report).expect("a report");
    let claims = report["claims"].as_array().expect("claims").iter();
    claims.flat_map(|claim| claim["counterexamples"].as_array().expect("some").clone()).collect()
}

/// Checks that the capture holds every flow that the report shows, and that a replay of it says of
/// each what the proof says.
#[track_caller]
fn check(edit: impl Fn(&mut Value), expected: &[&str]) {
    let sandbox = deployed(edit);
    let proof = run(&sandbox, "prove", &["--witness", "w.pcapng", "--format", "json"]).expect(1);
    let found = counterexamples(&proof);
    let replayed = replayed(&sandbox);
    assert_eq!(replayed, expected);
    assert_eq!(found.len(), replayed.len());
    for (one, replayed) in found.iter().zip(&replayed) {
        let end = format!(" {} {}", one["verdict"], one["reason"]).replace('"', "");
        assert!(replayed.ends_with(&end), "{replayed}: {one}");
    }
}

#[test]
fn a_leak_is_one_in_a_replay_of_the_witness() {
    check(widened, &["10.1.8.4 203.0.113.7 tls a.example.com leak allow application-rule"]);
}

#[test]
fn a_breakage_is_one_in_a_replay_of_the_witness() {
    check(gone, &["10.1.8.4 203.0.113.7 tls www.example.com breakage deny application-rule"]);
}

#[test]
fn a_way_around_is_one_in_a_replay_of_the_witness() {
    let around = |deployment: &mut Value| {
        let tables = deployment["routeTables"].as_object_mut().expect("route tables");
        for route in
            tables.values_mut().filter_map(|table| table["routes"].as_array_mut()).flatten()
        {
            if route["addressPrefix"] == "0.0.0.0/0" {
                let object = route.as_object_mut().expect("a route");
                object.remove("nextHopIpAddress");
                object.insert("nextHopType".to_owned(), "Internet".into());
            }
        }
    };
    let sandbox = deployed(around);
    run(&sandbox, "prove", &["--witness", "w.pcapng"]).expect(1);
    let replayed = replayed(&sandbox);
    assert!(!replayed.is_empty());
    for flow in &replayed {
        assert!(flow.contains(" bypass "), "{flow}");
    }
}

#[test]
fn flows_reads_the_name_and_the_lookup_before_it() {
    let sandbox = deployed(widened);
    run(&sandbox, "prove", &["--witness", "w.pcapng"]).expect(1);
    let text = sandbox.run(&["flows", "w.pcapng", "--format", "json"]).expect(0);
    let flows: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a flow")).collect();
    let [lookup, web] = flows.as_slice() else { panic!("{text}") };
    assert_eq!((&lookup["dst"], &lookup["app"]), (&"10.1.1.4".into(), &"dns".into()));
    assert_eq!((&web["name"], &web["dport"]), (&"a.example.com".into(), &443.into()));
    assert_eq!(web["first"], "2026-03-01T10:00:00.002000000Z");
}

#[test]
fn a_list_that_holds_has_an_empty_witness() {
    let sandbox = deployed(|_| ());
    run(&sandbox, "prove", &["--witness", "w.pcapng"]).expect(0);
    assert_eq!(sandbox.run(&["flows", "w.pcapng", "--format", "json"]).expect(0), "");
}

#[test]
fn what_is_accepted_is_in_the_witness_too_and_the_bytes_are_the_same() {
    let sandbox = deployed(widened);
    run(&sandbox, "prove", &["--witness", "w.pcapng"]).expect(1);
    run(&sandbox, "prove", &["--witness", "v.pcapng", "--accept", "no-leak"]).expect(0);
    let mut files = sandbox.files();
    let mut file = |name: &str| files.remove(std::path::Path::new(name)).expect("a capture");
    assert_eq!(file("v.pcapng"), file("w.pcapng"));
}

#[test]
fn a_flow_of_two_claims_is_written_once_with_both() {
    let sandbox = deployed(widened);
    let never = "assert never others: apps -> a.example.com : https  because \"x\"\n";
    sandbox.write("a.egress", [ONE_NETWORK, WEB, never].concat().as_bytes());
    run(&sandbox, "prove", &["--witness", "w.pcapng"]).expect(1);
    assert_eq!(replayed(&sandbox).len(), 1);
    let files = sandbox.files();
    let bytes = String::from_utf8_lossy(&files[std::path::Path::new("w.pcapng")]);
    assert!(bytes.contains("leak: rule application/application-allow/web lets it out"), "{bytes}");
    assert!(bytes.contains("assertion `others`: "), "{bytes}");
    assert!(bytes.contains("10.1.8.4 -> 203.0.113.7 : tcp/443 tls a.example.com"), "{bytes}");
}

/// Whether a rule by name matches depends on what the firewall was told, which the lookup tells.
#[test]
fn what_is_supposed_of_an_answer_is_known_to_a_replay() {
    let sandbox = Sandbox::new();
    let mail = "allow mail: apps -> mail.example.com : tcp/587 by address because \"y\" because \"x\"\n\
                assert never there: apps -> 192.0.2.0/24 : tcp/587  because \"x\"\n";
    sandbox.write("a.egress", [ONE_NETWORK, mail].concat().as_bytes());
    sandbox.run(&["compile", "-q", "a.egress", "--target", "json", "--out", "out"]).expect(0);
    sandbox.write("d.json", sandbox.read("out/deployment.json").as_bytes());
    let proof = run(&sandbox, "prove", &["--witness", "w.pcapng"]).expect(1);
    let fact = "   if: 192.0.2.7 is in the firewall's answer for mail.example.com\n";
    assert!(proof.contains(fact), "{proof}");
    let flow = "10.1.8.4 192.0.2.7 tls a.example.com permitted-passed allow network-rule";
    assert_eq!(replayed(&sandbox), [flow]);
}

/// A security group may look at source ports, so that no other port would do.
#[test]
fn a_source_port_that_matters_is_kept() {
    check_source_port("1024-65535", 1, "leak allow application-rule");
    // A replay takes port 0 for one that is not told.
    check_source_port("1-65535", 0, "undetermined undetermined evidence-missing");
}

#[track_caller]
fn check_source_port(closed: &str, expected: u16, verdict: &str) {
    let sandbox = deployed(|deployment| {
        widened(deployment);
        let subnets = &mut deployment["virtualNetworks"]["only"]["subnets"];
        for subnet in subnets.as_array_mut().expect("subnets") {
            if subnet["name"] == "apps" {
                subnet["networkSecurityGroup"] = "low".into();
            }
        }
        let closed = serde_json::json!({
            "name": "closed", "priority": 100, "direction": "Outbound", "access": "Deny",
            "protocol": "*", "sourceAddressPrefixes": ["*"], "sourcePortRanges": [closed],
            "destinationAddressPrefixes": ["*"], "destinationPortRanges": ["*"],
        });
        deployment["networkSecurityGroups"] =
            serde_json::json!({"low": {"securityRules": [closed]}});
    });
    run(&sandbox, "prove", &["--witness", "w.pcapng", "--accept", "no-breakage"]).expect(1);
    let replayed = replayed(&sandbox);
    let leak = format!("10.1.8.4 203.0.113.7 tls a.example.com {verdict}");
    assert!(replayed.contains(&leak), "{replayed:?}");
    let flows = sandbox.run(&["flows", "w.pcapng", "--format", "json"]).expect(0);
    let ends = format!(r#""src":"10.1.8.4","sport":{expected},"dst":"203.0.113.7""#);
    assert!(flows.contains(&ends), "{flows}");
}

#[test]
fn a_flow_that_cannot_be_written_is_named_with_the_reason() {
    let sandbox = Sandbox::new();
    let open = "allow block: apps -> 192.0.2.0/24 : udp/443  because \"x\"\n";
    sandbox.write("a.egress", [ONE_NETWORK, open].concat().as_bytes());
    sandbox.run(&["compile", "-q", "a.egress", "--target", "json", "--out", "out"]).expect(0);
    sandbox.write("d.json", sandbox.read("out/deployment.json").as_bytes());
    let deny = "deny bad: apps -> bad.example.com : https, udp/443  because \"x\"\n";
    sandbox.write("a.egress", [ONE_NETWORK, open, deny].concat().as_bytes());
    let args = ["prove", "a.egress", "--deployment", "d.json", "--at", AT, "--witness", "w.pcapng"];
    let run = sandbox.run(&args);
    let says =
        "udp/443 quic bad.example.com` is not in the capture: the hello of QUIC is encrypted";
    assert!(run.err.contains(says), "{}{}", run.err, run.out);
    assert_eq!(run.code, Some(1), "{}", run.err);
    assert_eq!(replayed(&sandbox), [""; 0]);
}

#[test]
fn what_is_encrypted_is_told_to_be_missing() {
    let sandbox = deployed(|deployment| {
        widened(deployment);
        let policy = &mut deployment["firewallPolicies"]["egress"];
        policy["certificateAuthority"] =
            serde_json::json!({"name": "ca", "keyVaultSecretId": "https://v.example/secrets/ca"});
        let groups = groups(deployment).iter_mut();
        for group in groups.filter(|group| group["name"] == "application") {
            group["ruleCollections"][0]["rules"][0]["terminateTLS"] = true.into();
        }
    });
    let args = ["prove", "a.egress", "--deployment", "d.json", "--at", AT, "--witness", "w.pcapng"];
    let run = sandbox.run(&args);
    assert!(run.out.contains(" inner "), "{}{}", run.out, run.err);
    let says =
        "warning: the request inside TLS is encrypted, and not in the packets: so it is with ";
    assert!(run.err.contains(says), "{}", run.err);
    let shown = replayed(&sandbox);
    assert!(shown.iter().any(|flow| flow.contains(" tls a.example.com ")), "{shown:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_anything_is_proved() {
    let sandbox = Sandbox::new();
    sandbox.write("ok.egress", OK.as_bytes());
    sandbox.write("folder/", b"");
    for (place, says) in [
        ("-", "name a file with `--witness`"),
        ("folder", "is no plain file"),
        ("w", "`--smt` and `--witness` name one file"),
    ] {
        let before = sandbox.files();
        let smt: &[&str] = if place == "w" { &["--smt", "w"] } else { &[] };
        let args = [&["prove", "-q", "ok.egress", "--witness", place], smt].concat();
        let run = sandbox.run(&args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{place}");
        assert!(run.err.contains(says), "{}", run.err);
        assert_eq!(sandbox.files(), before);
    }
}

/// Of the paths that no list names some have characters that end or part a request line.
#[test]
fn a_path_that_only_a_rule_permits_is_one_that_a_client_can_send() {
    let sandbox = Sandbox::new();
    let page = "allow page: apps -> url \"www.example.com/a\" inspect : http  because \"a page\"\n";
    sandbox.write("a.egress", [ONE_NETWORK, page].concat().as_bytes());
    sandbox.run(&["compile", "-q", "a.egress", "--target", "json", "--out", "out"]).expect(0);
    let text = sandbox.read("out/deployment.json");
    assert_eq!(text.matches("www.example.com/a\"").count(), 1, "{text}");
    let wider = text.replace("www.example.com/a\"", "www.example.com/a*\"");
    sandbox.write("d.json", wider.as_bytes());
    let proof = run(&sandbox, "prove", &["--witness", "w.pcapng"]);
    assert_eq!(proof.err, "");
    let proof = proof.expect(1);
    assert!(proof.contains(": tcp/80 http www.example.com/a!\n"), "{proof}");
    let flow = "10.1.8.4 203.0.113.7 http www.example.com leak allow application-rule";
    assert_eq!(replayed(&sandbox), [flow]);
}

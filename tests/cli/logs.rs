//! Flow logs in place of captures.

use serde_json::Value;

use super::expected::check_kept;
use super::sandbox::OK;
use super::sandbox::Sandbox;

/// What a firewall that is not quite the one of `ok.egress` logged.
pub(crate) const FIREWALL: &str = r#"{"category":"AZFWApplicationRule","time":"2026-03-01T10:00:00Z","properties":{"Protocol":"HTTPS","SourceIp":"10.1.8.4","SourcePort":50001,"DestinationPort":443,"Fqdn":"www.example.com","Action":"Allow","Policy":"egress","RuleCollectionGroup":"application","RuleCollection":"application-allow","Rule":"web"}}
{"category":"AZFWApplicationRule","time":"2026-03-01T10:00:01Z","properties":{"Protocol":"HTTPS","SourceIp":"10.1.8.4","SourcePort":50002,"DestinationPort":443,"Fqdn":"pastebin.com","Action":"Deny","ActionReason":"Default Action"}}
{"category":"AZFWApplicationRule","time":"2026-03-01T10:00:02Z","properties":{"Protocol":"HTTPS","SourceIp":"10.1.8.4","SourcePort":50003,"DestinationPort":443,"Fqdn":"old.example.com","Action":"Allow","Policy":"egress","RuleCollectionGroup":"g","RuleCollection":"c","Rule":"old"}}
{"category":"AZFWNetworkRule","time":"2026-03-01T10:00:03Z","properties":{"Protocol":"UDP","SourceIp":"10.1.8.4","SourcePort":123,"DestinationIp":"192.0.2.123","DestinationPort":123,"Action":"Deny","ActionReason":"Default Action"}}
{"category":"AZFWThreatIntel","time":"2026-03-01T10:00:04Z","properties":{"Protocol":"HTTPS","SourceIp":"10.1.8.4","SourcePort":50004,"DestinationIp":"","DestinationPort":443,"Fqdn":"www.example.com","Action":"Deny","ThreatDescription":"test"}}
{"category":"AZFWIdpsSignature","time":"2026-03-01T10:00:05Z","properties":{"Protocol":"TCP","SourceIp":"10.1.8.4","SourcePort":50005,"DestinationIp":"198.51.100.7","DestinationPort":443,"Action":"alert","SignatureId":"1","Description":"noise"}}
{"category":"AZFWApplicationRule","time":"2026-03-01T10:00:06Z","properties":{"Protocol":"HTTPS","SourceIp":"10.1.8.4","SourcePort":50006,"DestinationPort":443,"Fqdn":"www.example.com","Action":"Allow","Policy":"egress","RuleCollectionGroup":"application","RuleCollection":"application-allow","Rule":"all"}}
{"category":"AZFWApplicationRule","time":"2026-03-01T10:00:07Z","properties":{"Protocol":"HTTPS","SourceIp":"10.1.8.4","SourcePort":50007,"DestinationPort":443,"Fqdn":"www.example.com","Action":"Deny","ActionReason":"Failed to resolve address"}}
{"category":"AZFWNetworkRule","time":"2026-03-01T10:00:08Z","properties":{"Protocol":"TCP","SourceIp":"10.9.8.4","SourcePort":50008,"DestinationIp":"198.51.100.7","DestinationPort":22,"Action":"Deny","ActionReason":"Default Action"}}
"#;

/// A VNet flow log of the same sources: an NSG let one flow on and denied another.
const VNET: &str = r#"{"records":[{"time":"2026-03-01T10:00:00Z","category":"FlowLogFlowEvent","macAddress":"002248AABBCC","flowRecords":{"flows":[{"flowGroups":[
{"rule":"allow-all","flowTuples":["1772359200000,10.1.8.4,192.0.2.80,40000,8443,6,O,B,NX,0,0,0,0","1772359201000,10.1.8.4,192.0.2.80,40000,8443,6,O,E,NX,5,500,0,0"]},
{"rule":"deny-clock","flowTuples":["1772359202000,10.1.8.4,192.0.2.123,40001,123,17,O,D,NX,0,0,0,0","broken"]}]}]}}]}
"#;

/// The time as of which lists are judged.
const AT: &str = "2026-03-02T00:00:00Z";

/// The list with a rule for time.
fn with_clock() -> String {
    [OK, "allow clock: apps -> 192.0.2.123 : udp/123  because \"time\"\n"].concat()
}

#[test]
fn flows_of_a_log_come_with_what_the_log_cannot_know() {
    let sandbox = Sandbox::new();
    sandbox.write("firewall.json", FIREWALL.as_bytes());
    sandbox.write("vnet.json", VNET.as_bytes());
    let run = sandbox.run(&["flows", "firewall.json", "vnet.json"]);
    check_kept("logs/flows.txt", [run.out.as_str(), "\n", &run.err].concat());
    let run = sandbox.run(&["flows", "-q", "firewall.json", "vnet.json"]);
    assert_eq!(run.err, "");
    assert_eq!(run.out.lines().count(), 11);
}

#[test]
fn what_a_log_says_became_of_flows_is_held_against_what_is_decided() {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", with_clock().as_bytes());
    sandbox.write("firewall.json", FIREWALL.as_bytes());
    sandbox.write("vnet.json", VNET.as_bytes());
    let args = ["replay", "a.egress", "--at", AT];
    let captures = ["--capture", "firewall.json", "--capture", "vnet.json"];
    let run = sandbox.run(&[&args[..], &captures].concat());
    check_kept("logs/replay.txt", run.out);
    let run = sandbox.run(&[&args[..], &captures, &["--format", "json"]].concat());
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    let counted = |flows: &str| report["summary"]["recorded"][flows].as_u64().expect("a number");
    let all = report["flows"].as_array().expect("flows");
    let of = |agrees: Value| all.iter().filter(|flow| flow["agrees"] == agrees).count() as u64;
    assert_eq!(counted("agree"), of(Value::Bool(true)));
    assert_eq!(counted("disagree"), of(Value::Bool(false)));
    assert_eq!(counted("not_compared"), of(Value::Null));
    let told = report["summary"]["disagreements"].as_object().expect("causes");
    let causes: Vec<&String> = told.keys().collect();
    assert_eq!(
        causes,
        [
            "another-rule",
            "no-rule-matched",
            "nsg-denied",
            "refused",
            "rule-unknown",
            "threat-intel"
        ]
    );
}

#[test]
fn a_rule_of_another_policy_is_another_rule() {
    let row = |host: &str, policy: &str| {
        let line = FIREWALL.lines().next().expect("a row");
        line.replace("www.example.com", host)
            .replace("\"Policy\":\"egress\"", &format!("\"Policy\":\"{policy}\""))
    };
    let id =
        "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Network/firewallPolicies/Egress";
    for (host, policy, disagreement) in [
        ("www.example.com", "egress", Value::Null),
        ("www.example.com", id, Value::Null),
        ("www.example.com", "", Value::Null),
        ("www.example.com", "other", "another-rule".into()),
        ("pastebin.com", "EGRESS", "rule-changed".into()),
        ("pastebin.com", id, "rule-changed".into()),
        ("pastebin.com", "other", "rule-unknown".into()),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("firewall.json", row(host, policy).as_bytes());
        let args = ["replay", "ok.egress", "--at", AT, "--capture", "firewall.json"];
        let run = sandbox.run(&[&args[..], &["--format", "json"]].concat());
        let report: Value = serde_json::from_str(&run.out).expect("JSON");
        assert_eq!(report["flows"][0]["disagreement"], disagreement, "{host} {policy}");
        let text = sandbox.run(&args).out;
        let is_told =
            text.contains("application/application-allow/web of policy other; here: allow");
        assert_eq!(is_told, disagreement == "another-rule", "{text}");
    }
}

#[test]
fn a_name_that_the_firewall_could_not_resolve_is_no_change_of_the_rule_that_allows_it() {
    let line = FIREWALL.lines().next().expect("a row");
    let denied = "\"Action\":\"Deny\",\"ActionReason\":\"Failed to resolve address\"";
    let sandbox = Sandbox::new();
    sandbox.write("firewall.json", line.replace("\"Action\":\"Allow\"", denied).as_bytes());
    let args = ["replay", "ok.egress", "--at", AT, "--capture", "firewall.json"];
    let run = sandbox.run(&[&args[..], &["--format", "json"]].concat());
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(report["flows"][0]["disagreement"], "refused", "{}", run.out);
}

#[test]
fn flows_in_text_tell_what_is_unknown_from_what_is_nothing_and_what_is_other() {
    let sandbox = Sandbox::new();
    let connection = |port: u16, more: &str| {
        format!(
            "{{\"ts\":1772359200.2,\"uid\":\"C{port}\",\"id.orig_h\":\"10.1.8.4\",\"id.orig_p\":{port},\
             \"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":443,\"proto\":\"tcp\",\"conn_state\":\"SF\"{more}}}\n"
        )
    };
    let log = [
        connection(40000, ",\"history\":\"ShA\",\"orig_bytes\":0"),
        connection(40001, ",\"history\":\"ShADad\",\"orig_bytes\":5"),
        connection(40002, ",\"history\":\"ShADad\",\"orig_bytes\":5,\"service\":\"ssh\""),
        connection(40003, ",\"history\":\"ShADad\",\"orig_bytes\":5,\"service\":\"ssl\""),
    ];
    sandbox.write("conn.log", log.concat().as_bytes());
    let run = sandbox.run(&["flows", "-q", "conn.log"]);
    let words: Vec<&str> = run
        .out
        .lines()
        .map(|line| line.split_once("tcp/443").expect("a service").1.trim())
        .map(|rest| rest.split(' ').next().unwrap_or_default())
        .collect();
    assert_eq!(words, ["silent", "", "other", "tls"], "{}", run.out);
    let run = sandbox.run(&["flows", "-q", "--format", "json", "conn.log"]);
    assert_eq!(run.out.matches("\"app\":\"other\"").count(), 3, "{}", run.out);
}

#[test]
fn a_log_does_for_a_capture_everywhere() {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", with_clock().as_bytes());
    sandbox.write("vnet.json", VNET.as_bytes());
    let run = sandbox.run(&["check", "--at", AT, "a.egress", "--capture", "vnet.json"]);
    check_kept("logs/check.txt", run.out);
    let run = sandbox.run(&["diff", "--at", AT, "a.egress", "ok.egress", "--capture", "vnet.json"]);
    check_kept("logs/diff.txt", run.out);
}

#[test]
fn every_key_of_a_flow_and_every_format_of_logs_is_documented() {
    const DOCS: &str = include_str!("../../docs/cli.md");
    let (_, section) = DOCS.split_once("\n## Flows as JSON\n").expect("a section");
    let (section, _) = section.split_once("\n## ").expect("a next one");
    let sandbox = Sandbox::new();
    sandbox.write("firewall.json", FIREWALL.as_bytes());
    let run = sandbox.run(&["flows", "-q", "--format", "json", "firewall.json"]);
    let flow: Value = serde_json::from_str(run.out.lines().next().expect("a flow")).expect("JSON");
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().expect("keys").keys().cloned().collect()
    };
    let all: Vec<String> = [keys(&flow), keys(&flow["recorded"])].concat();
    assert!(all.len() > 20, "{all:?}");
    for key in all {
        assert!(section.contains(&format!("\"{key}\":")), "the example lacks `{key}`");
    }
    let help = sandbox.run(&["flows", "--help"]).out;
    let (_, table) = DOCS.split_once("\n## What is read as a capture\n").expect("a section");
    for word in ["VNet", "NSG", "Azure Firewall", "Hubble", "Zeek", "Suricata", "AWS", "recorded"] {
        assert!(help.contains(word), "`flows --help` lacks `{word}`");
        assert!(table.contains(word), "cli.md lacks `{word}`");
    }
}

#[test]
fn what_is_no_log_is_refused() {
    let sandbox = Sandbox::new();
    let refused = |text: &str| {
        sandbox.write("log.json", text.as_bytes());
        let run = sandbox.run(&["flows", "log.json"]);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{}", run.err);
        run.err
    };
    let says = refused("{\"name\": \"exeat\", \"version\": 1}\n");
    assert!(says.contains("found 1 that cannot be read, the first at line 1"), "{says}");
    let says = refused("a,b,c\n1,2,3\n");
    assert!(says.contains("begins with `a,b,`"), "{says}");
    let aggregated = r#"{"flow":{"verdict":"FORWARDED","Type":"L3_L4","l4":{"TCP":{"destination_port":443}}},"time":"2026-03-01T10:00:00Z"}"#;
    let says = refused(aggregated);
    assert!(says.contains("the aggregated logs that AKS stores"), "{says}");
}

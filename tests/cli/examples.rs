//! Examples of a list: what `check` says of them.

use serde_json::Value;

use super::sandbox::OK;
use super::sandbox::Run;
use super::sandbox::Sandbox;

/// What `check` says of `ok.egress` with `text` behind it, and with `args`.
fn check(text: &str, args: &[&str]) -> Run {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [OK, "\n", text].concat().as_bytes());
    sandbox.run(&[&["check", "a.egress"], args].concat())
}

const WWW: &str = "10.1.8.4 -> 192.0.2.7 : tcp/443 tls www.example.com";
const OTHER: &str = "10.1.8.4 -> 192.0.2.7 : tcp/443 tls other.example.com";

#[test]
fn an_example_that_holds_is_silent() {
    let met = [
        format!("{WWW} => allow"),
        format!("{OTHER} => deny"),
        // What a flow log knows of it: the firewall looks for a name.
        "10.1.8.4 -> 192.0.2.7 : tcp/443 => undetermined".to_owned(),
        "apps -> 192.0.2.7 : tcp/443 tls www.example.com => allow".to_owned(),
        "10.1.8.4 -> 10.1.8.9 : tcp/443 => local".to_owned(),
        "10.1.8.4 -> 168.63.129.16 : udp/53 => platform".to_owned(),
    ];
    for flow in met {
        let run = check(&format!("example e\n  {flow}\n"), &[]);
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), "", ""), "{flow}");
    }
}

/// A wrong example is a result, and stops a pipeline.
#[test]
fn an_example_that_does_not_hold_is_an_error_with_the_way_to_it() {
    let run = check(&format!("example e\n  {OTHER} => allow\n"), &[]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""), "{}", run.out);
    for part in [
        "error[E0601]: example `e` expects allow, found deny\n",
        " a.egress:",
        "nothing in the list permits it",
        "deny (application-rule), by rule closing/close-infrastructure/deny-every-name",
        "exeat explain a.egress \"10.1.8.4 -> 192.0.2.7 : tcp/443 tls other.example.com\"",
    ] {
        assert!(run.out.contains(part), "{part:?} is not in\n{}", run.out);
    }
    let quiet = check(&format!("example e\n  {OTHER} => allow\n"), &["-q"]);
    assert_eq!(quiet.expect(1), run.out);
}

/// Fail closed: what is not certain is neither an allow nor a deny.
#[test]
fn what_is_not_settled_meets_only_an_example_that_says_so() {
    for expected in ["allow", "deny", "bypass", "local", "platform"] {
        let run =
            check(&format!("example e\n  10.1.8.4 -> 192.0.2.7 : tcp/443 => {expected}\n"), &[]);
        let out = run.expect(1);
        assert!(out.contains(&format!("expects {expected}, found undetermined")), "{out}");
        assert!(out.contains("depends on what is not known: payload"), "{out}");
    }
    let settled = check(&format!("example e\n  {WWW} => undetermined\n"), &[]).expect(1);
    assert!(settled.contains("expects undetermined, found allow"), "{settled}");
}

#[test]
fn a_name_stands_for_several_flows_and_all_of_them_must_hold() {
    let text = "example e\n  any-one -> 192.0.2.7 : tcp/443 tls www.example.com => allow\n\
                addresses any-one = 10.1.8.4, 10.1.9.4, 10.1.9.8\n";
    let out = check(text, &[]).expect(1);
    assert!(out.contains("10.1.9.4 -> 192.0.2.7"), "{out}");
    assert!(out.contains("so does another flow of the example"), "{out}");
}

/// The options that settle what is open are those of `explain`, and the command shows them again.
#[test]
fn assumptions_bear_on_examples() {
    let text = format!("example e\n  {WWW} => deny\n");
    let out = check(&text, &["--assume", "threat_list=everything"]);
    assert!(out.out.contains("--assume threat_list=everything"), "{}{}", out.out, out.err);
    let json = check(&text, &["--format", "json"]).expect(1);
    let report: Value = serde_json::from_str(&json).expect("a report");
    assert_eq!(report["findings"][0]["code"], "E0601");
    assert_eq!(report["summary"]["errors"], 1);
    assert!(!report["assumptions"].as_array().expect("assumptions").is_empty(), "{json}");
}

/// The address of a host is the one that the lock beside the list has.
#[test]
fn an_example_about_a_host_takes_its_address_from_the_lock() {
    let sandbox = Sandbox::new();
    let text = [OK, "\nexample e\n  10.1.8.4 -> www.example.com : https => allow\n"].concat();
    sandbox.write("a.egress", text.as_bytes());
    let assumed = sandbox.run(&["check", "-v", "a.egress"]).expect(0);
    assert!(assumed.contains("N0202"), "{assumed}");
    let lock = r#"{"schema":"exeat.lock/1","names":[
        {"name":"www.example.com","addresses":["203.0.113.77"],"ttl":300,"aliases":[],"server":"10.0.0.4:53","at":"2026-03-01T10:00:00Z"}],"imports":[]}"#;
    sandbox.write("exeat.lock", lock.as_bytes());
    let known = sandbox.run(&["check", "-v", "a.egress"]).expect(0);
    assert!(!known.contains("N0202"), "{known}");
}

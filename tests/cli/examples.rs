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

/// A subnet whose route takes a part of the internet around the firewall, and a host by its name.
fn around(route: &str, example: &str) -> String {
    OK.replace("{ routes via egress }", &format!("{{ routes via egress  {route} }}"))
        + &format!("\nexample e\n  apps -> {example}\n")
}

#[track_caller]
fn check_text(text: &str, args: &[&str]) -> Run {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", text.as_bytes());
    sandbox.run(&[&["check", "a.egress"], args].concat())
}

/// Whatever the address of a host is, it is one of the internet: a verdict that the address bears
/// on is not to be had from one that was made up.
#[test]
fn a_host_without_a_known_address_is_judged_at_all_that_are_told_apart() {
    let www = "www.example.com : https";
    let route = "route 151.101.0.0/16 via internet";
    let out = check_text(&around(route, &format!("{www} => allow")), &[]).expect(1);
    for part in [
        "expects allow, found undetermined: it depends on the address of the host",
        "-> 151.101.0.0 : tcp/443 tls www.example.com: bypass (internet-route)",
        "the address of `www.example.com` is not known, and it matters: at 192.0.2.1, allow",
        "write the address and the name the client shows",
        "`--lock FILE`",
    ] {
        assert!(out.contains(part), "{part:?} is not in\n{out}");
    }
    check_text(&around(route, &format!("{www} => bypass")), &[]).expect(1);
    check_text(&around(route, &format!("{www} => undetermined")), &[]).expect(0);
    check_text(&around("", &format!("{www} => allow")), &[]).expect(0);
    check_text(&around("", "other.example.com : https => deny"), &[]).expect(0);
    check_text(&around("", &format!("{www} => undetermined")), &[]).expect(1);
}

/// A part of the internet that the list lets pass by address holds a name that it does not permit.
#[test]
fn a_rule_by_address_bears_on_a_host_without_a_known_address() {
    let example = "other.example.com : https => deny";
    let permitted = around("", example)
        + "allow part: apps -> 151.101.0.0/16 : tcp/443\n  because \"a network without names\"  by address because \"it has none\"\n";
    let out = check_text(&permitted, &[]).expect(1);
    assert!(out.contains("found undetermined: it depends on the address"), "{out}");
    let elsewhere = around("", example)
        + "allow part: apps -> 151.101.0.0/16 : tcp/22  because \"another port\"\n";
    check_text(&elsewhere, &[]).expect(0);
}

/// What is missing for the verdict and for what the list says is told once.
#[test]
fn a_fact_that_both_answers_miss_is_told_once() {
    let text = "allow vault: apps -> tag AzureKeyVault.WestEurope : tcp/444  because \"keys\"\n\
                example e\n  10.1.8.4 -> 140.82.1.1 : tcp/444 => deny\n";
    let out = check(text, &[]).expect(1);
    let fact = "140.82.1.1 in service tag azurekeyvault.westeurope";
    assert_eq!(out.matches(fact).count(), 1, "{out}");
}

/// A deny by name of every service speaks of SSH too, unless the client is known to show no name.
#[test]
fn an_example_that_leaves_the_first_bytes_open_is_told_how_to_write_them() {
    let list = "allow sftp: apps -> partners.example.com : tcp/22\n\
                  because \"files\"  by address because \"SSH shows no name\"\n\
                deny paste: any -> pastebin.com : any  because \"no\"\n\
                example e\n  10.1.8.4 -> 192.0.2.9 : ";
    let assume = ["--assume", "resolver=assume"];
    let out = check(&format!("{list}tcp/22 => deny\n"), &assume).expect(1);
    assert!(out.contains("write what the client says, as in `tcp/22 other`"), "{out}");
    let said = check(&format!("{list}tcp/22 other => deny\n"), &assume).expect(1);
    assert!(!said.contains("write what the client says"), "{said}");
}

//! One flow, explained: exit codes, and the forms in which a flow comes.

use super::sandbox::OK;
use super::sandbox::Sandbox;

const WWW: &str = "10.1.8.4 -> 192.0.2.7 : tcp/443 tls www.example.com";

/// The bold boxes stop a pipeline, as they do in a replay.
#[test]
fn an_objection_exits_1_and_anything_else_0() {
    let sandbox = Sandbox::with_trips();
    for (flow, outcome, code) in [
        (
            "10.1.8.4 -> 192.0.2.33 : tcp/1433 mssql sql-trips.database.windows.net",
            "required-passed",
            0,
        ),
        ("10.1.8.4 -> 203.0.113.60 : tcp/443 tls pastebin.com", "blocked", 0),
        ("10.1.8.4 -> 169.254.169.254 : tcp/80 http 169.254.169.254", "not-judged", 0),
        ("10.1.8.4 -> 192.0.2.80 : tcp/443 tls tripsmirror.blob.core.windows.net", "leak", 1),
        ("10.1.0.4 -> 192.0.2.18 : tcp/443 tls acs-mirror.azureedge.net", "breakage", 1),
        ("10.1.8.4 -> 198.51.100.70 : tcp/443 tls ingest.fabrikam.example", "bypass", 1),
        (
            "10.1.8.4 -> 192.0.2.71 : tcp/5671 tls sb-trips.servicebus.windows.net",
            "undetermined",
            1,
        ),
    ] {
        let run = sandbox.run(&["explain", "-q", "trips/trips.egress", flow]);
        assert!(run.out.contains(&format!("[{outcome}]")), "{flow}: {}", run.out);
        assert_eq!(run.code, Some(code), "{flow}");
    }
}

/// The list can accept what the evidence does not settle, and says why.
#[test]
fn what_the_list_accepts_undetermined_is_no_objection() {
    let sandbox = Sandbox::new();
    let text = "allow bus: apps -> tag ServiceBus.WestEurope : tcp/5671\n  because \"events\"\n";
    let flow = "10.1.8.4 -> 192.0.2.71 : tcp/5671";
    sandbox.write("a.egress", [OK, text].concat().as_bytes());
    sandbox.run(&["explain", "a.egress", flow]).expect(1);
    let accepted = [OK, text, "  accept undetermined because \"tags change\"\n"].concat();
    sandbox.write("a.egress", accepted.as_bytes());
    let out = sandbox.run(&["explain", "a.egress", flow]).expect(0);
    assert!(out.contains("[undetermined]") && out.contains("tags change"), "{out}");
    // Another flow that is not settled is none of that permission.
    sandbox.run(&["explain", "a.egress", "10.1.8.4 -> 192.0.2.71 : tcp/443"]).expect(1);
}

#[test]
fn a_flow_comes_quoted_or_in_words_with_a_list_or_without() {
    let sandbox = Sandbox::with_trips();
    let words: Vec<&str> = WWW.split(' ').collect();
    let with_to = WWW.replace("->", "to");
    let whole = sandbox.run(&["explain", "ok.egress", WWW]).expect(0);
    assert_eq!(sandbox.run(&[&["explain", "ok.egress"], &words[..]].concat()).expect(0), whole);
    assert_eq!(sandbox.run(&["explain", "ok.egress", &with_to]).expect(0), whole);
    let noted = format!("{WWW}   # inspected");
    assert_eq!(sandbox.run(&["explain", "ok.egress", &noted]).expect(0), whole);
    sandbox.run(&["compile", "-q", "ok.egress", "--target", "json", "--out", "out"]).expect(0);
    let deployment = ["explain", "--deployment", "out/deployment.json"];
    let alone = sandbox.run(&[&deployment[..], &[WWW]].concat()).expect(0);
    assert_eq!(sandbox.run(&[&deployment[..], &[&with_to]].concat()).expect(0), alone);
    assert!(alone.contains("[passed]"), "{alone}");
}

/// Whatever a report shows to be copied can be: the commands, and the flows above them.
#[test]
fn every_flow_of_a_report_can_be_explained() {
    let sandbox = Sandbox::with_trips();
    let args = ["replay", "-q", "trips/trips.egress", "--capture", "trips/friday.pcapng"];
    let options = ["--at", "2026-12-01", "--assume", "threat_list=empty"];
    let report = sandbox.run(&[&args[..], &options].concat()).expect(1);
    let mut commands = 0;
    for line in report.lines() {
        if let Some(command) = line.strip_prefix("   why: exeat ") {
            let (words, flow) = command.split_once(" \"").expect("a quoted flow");
            assert!(
                words.contains("--at 2026-12-01T00:00:00Z --assume threat_list=empty"),
                "{words}"
            );
            let mut args: Vec<&str> = words.split(' ').collect();
            args.push(flow.trim_end_matches('"'));
            assert_eq!(sandbox.run(&args).code, Some(1), "{line}");
            commands += 1;
        } else if let Some((flow, _)) = line.trim().split_once("  at packet ") {
            let run = sandbox.run(&["explain", "-q", "trips/trips.egress", flow]);
            assert_ne!(run.code, Some(2), "{line}: {}", run.err);
        }
    }
    assert_eq!(commands, 7, "{report}");
}

/// Taken as lying elsewhere, a flow is explained as it was replayed.
#[test]
fn a_source_taken_as_lying_in_a_subnet_is_so_in_the_command_too() {
    let sandbox = Sandbox::with_trips();
    let args = ["replay", "-q", "trips/trips.egress", "--capture", "trips/friday.pcapng"];
    let report = sandbox.run(&[&args[..], &["--from", "system"]].concat()).expect(1);
    for part in report.split("\n\n").filter(|part| part.contains("   why: exeat ")) {
        let (_, command) = part.split_once("   why: exeat ").expect("a command");
        let (words, flow) = command.split_once(" \"").expect("a quoted flow");
        let mut args: Vec<&str> = words.split(' ').collect();
        args.push(flow.trim_end().trim_end_matches('"'));
        assert!(args.contains(&"--from"), "{command}");
        let (_, outcome) = part.split_once(". ").expect("a number");
        let (outcome, _) = outcome.split_once(':').expect("a box");
        let explained = sandbox.run(&args).expect(1);
        assert!(explained.contains(&format!("[{outcome}]")), "{command}\n{explained}");
    }
}

/// As with `git` and `cargo`.
#[test]
fn help_is_a_command_too() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(&["explain", "--help"]).expect(0);
    assert_eq!(sandbox.run(&["help", "explain"]).expect(0), help);
    assert_eq!(sandbox.run(&["help"]).expect(0), sandbox.run(&["--help"]).expect(0));
}

#[test]
fn a_capture_that_is_given_twice_counts_once() {
    let sandbox = Sandbox::with_trips();
    let once = ["--capture", "trips/monday.pcapng"];
    let twice = [&once[..], &["--capture", "./trips/monday.pcapng"]].concat();
    let replay = |captures: &[&str]| {
        let args = ["replay", "trips/trips.egress", "--at", "2026-12-01"];
        sandbox.run(&[&args[..], captures].concat())
    };
    let run = replay(&twice);
    assert!(run.err.contains("given twice, and read once"), "{}", run.err);
    assert_eq!(run.expect(0), replay(&once).expect(0));
    let flows = sandbox.run(&["flows", "trips/monday.pcapng"]).expect(0);
    let again = ["flows", "-q", "trips/monday.pcapng", "trips/monday.pcapng"];
    assert_eq!(sandbox.run(&again).expect(0), flows);
}

/// Where nothing is permitted, every reading is denied, each for its own reason; none is told as
/// the fact, and no name is told that nobody has.
#[test]
fn a_settled_verdict_with_several_reasons_tells_them_all() {
    let sandbox = Sandbox::new();
    let permitted = super::sandbox::OK.replace("allow web: apps", "allow web: 10.1.8.200");
    sandbox.write("a.egress", permitted.as_bytes());
    let out = sandbox.run(&["explain", "a.egress", "10.1.8.4 -> 192.0.2.7 : tcp/443"]).expect(0);
    for part in [
        "deny: application-rule or sni-missing or ",
        "the way is this:",
        "tls (a name that no rule names)",
        "The verdict is the same, and the reason depends:",
        "deny (sni-missing) with tls",
    ] {
        assert!(out.contains(part), "{part:?} is not in\n{out}");
    }
    assert!(!out.contains("unnamed"), "{out}");
}

//! Files of assertions and examples that `--assert` names beside a list.

use super::sandbox::ONE_NETWORK;
use super::sandbox::Run;
use super::sandbox::Sandbox;

const WEB: &str = "allow web: apps -> www.example.com : https  because \"needed\"\n";

/// What an organisation asks of every list: one claim that [`WEB`] does not keep, and one that it does.
const CHECKS: &str = r#"language 1

names news = www.example.com, news.example.com

assert never no-news: apps -> news : https    because "nobody reads them at work"
assert never no-ssh:  apps -> internet : tcp/22  because "no machine administers another outside"

example pages
  10.1.8.4 -> 192.0.2.1 : tcp/443 tls www.example.com => deny
"#;

/// What comes of `args` for a list that keeps not all of `checks`.
fn run(args: &[&str], checks: &str) -> Run {
    let sandbox = Sandbox::new();
    sandbox.write("team/a.egress", [ONE_NETWORK, WEB].concat().as_bytes());
    sandbox.write("org/checks.egress", checks.as_bytes());
    sandbox.run(args)
}

/// What is said on standard error of a run that fails.
#[track_caller]
fn refusal(run: Run) -> String {
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{}", run.err);
    run.err
}

#[track_caller]
fn check_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn assertions_of_another_file_are_proved_and_refuted_at_their_place_there() {
    let args = ["prove", "-q", "team/a.egress", "--assert", "org/checks.egress"];
    let text = run(&args, CHECKS).expect(1);
    check_holds(
        &text,
        &[
            "! REFUTED  assert never `no-news` (org/checks.egress:5:1)",
            "proved   assert never `no-ssh` (org/checks.egress:6:1)",
            ": tcp/443 tls www.example.com",
        ],
    );
}

#[test]
fn examples_of_another_file_are_judged() {
    for command in ["check", "test"] {
        let args = [command, "-q", "team/a.egress", "--assert", "org/checks.egress"];
        let text = run(&args, CHECKS).expect(1);
        check_holds(&text, &["E0601", "pages", "org/checks.egress:"]);
    }
}

#[test]
fn what_would_be_a_part_of_the_list_is_refused_with_its_word() {
    let args = ["prove", "-q", "team/a.egress", "--assert", "org/checks.egress"];
    for (statement, word) in [
        ("allow more: apps -> www.example.net : https  because \"x\"\n", "allow"),
        ("may more: apps -> www.example.net : https  because \"x\"\n", "may"),
        ("deny less: apps -> www.example.com : https  because \"x\"\n", "deny"),
        ("policy egress { threat-intel deny }\n", "policy"),
        ("import std \"aks/core\" as aks\n", "import"),
        ("param region: label = \"westeurope\"\n", "param"),
        ("table t: label by region {\n  a = b\n}\n", "table"),
        ("network other {\n}\n", "network"),
    ] {
        let found = refusal(run(&args, &format!("language 1\n\n{statement}")));
        check_holds(&found, &["E0215", &format!("`{word}` stands in a file of checks")]);
    }
}

#[test]
fn a_label_of_the_list_is_taken() {
    let args = ["prove", "-q", "team/a.egress", "--assert", "org/checks.egress"];
    let checks = CHECKS.replace("no-news", "web");
    let found = refusal(run(&args, &checks));
    check_holds(&found, &["two statements are labelled `web`", "org/checks.egress"]);
}

#[test]
fn a_file_of_checks_that_is_not_there_is_named_as_it_was_given() {
    let args = ["check", "team/a.egress", "--assert", "org/none.egress"];
    let found = refusal(run(&args, CHECKS));
    check_holds(&found, &["cannot read `org/none.egress`"]);
}

#[test]
fn json_is_no_file_of_checks() {
    for command in ["check", "prove", "test"] {
        let args = [command, "team/a.egress", "--assert", "org/checks.egress"];
        let found = refusal(run(&args, "{ \"schema\": \"exeat.deployment/1\" }\n"));
        let says = "expected a rules file, found JSON in `org/checks.egress`";
        check_holds(&found, &[says, "`--assert` takes assertions and examples"]);
        assert_eq!(found.matches("error").count(), 1, "{command}: {found}");
    }
}

#[test]
fn a_file_that_checks_nothing_is_told_of() {
    for command in ["check", "prove", "test"] {
        let args = [command, "team/a.egress", "--assert", "org/checks.egress"];
        for checks in ["language 1\n", "language 1\n\nnames news = news.example.com\n"] {
            let said = run(&args, checks);
            assert_ne!(said.code, Some(2), "{}", said.err);
            let warning = match command {
                "check" => "warning[W0207]: `org/checks.egress` checks nothing",
                _ => "W0207",
            };
            assert_eq!([&*said.out, &*said.err].concat().matches(warning).count(), 1, "{command}");
        }
    }
}

#[test]
fn a_file_with_a_mistake_is_told_of_the_mistake_alone() {
    let args = ["check", "team/a.egress", "--assert", "org/checks.egress"];
    for (checks, code) in [
        ("assert never no-news apps\n", "E0101"),
        ("allow more: apps -> www.example.net : https  because \"x\"\n", "E0215"),
        ("names news = www.example.com, nowhere\n", "E0203"),
    ] {
        let found = refusal(run(&args, &format!("language 1\n\n{checks}")));
        check_holds(&found, &[&format!("error[{code}]")]);
        assert!(!found.contains("W0207"), "{found}");
    }
    // A mistake of the list says nothing of the checks.
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", b"language 1\n\nallow web\n");
    sandbox.write("checks.egress", b"language 1\n");
    let said = sandbox.run(&["check", "a.egress", "--assert", "checks.egress"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    check_holds(&[said.out, said.err].concat(), &["error[E0101]", "warning[W0207]"]);
}

#[test]
fn a_file_that_is_given_twice_is_read_once() {
    let twice = ["--assert", "org/checks.egress", "--assert", "org/../org/checks.egress"];
    let args = [&["prove", "-q", "team/a.egress"][..], &twice].concat();
    check_holds(&run(&args, CHECKS).expect(1), &["! REFUTED  assert never `no-news`"]);
}

#[test]
fn check_says_that_it_decides_no_assertion() {
    let args = ["check", "team/a.egress", "--assert", "org/checks.egress"];
    let checks = CHECKS.replace("=> deny", "=> allow");
    let said = run(&args, &checks);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    check_holds(
        &said.err,
        &["warning: the 2 assertions beside the list are not decided here, but by `exeat prove`"],
    );
}

#[test]
fn a_file_is_not_read_as_the_list_and_as_its_checks() {
    for (list, checks, said) in [
        ("team/a.egress", "team/a.egress", "`--assert team/a.egress` is the rules file itself"),
        ("team/a.egress", "team/./a.egress", "`--assert team/./a.egress` is the rules file itself"),
        ("-", "-", "cannot read `-`: standard input was read already"),
    ] {
        let found = refusal(run(&["check", list, "--assert", checks], CHECKS));
        check_holds(&found, &[said]);
    }
}

#[test]
fn checks_are_decided_of_a_list_only() {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [ONE_NETWORK, WEB].concat().as_bytes());
    sandbox.write("checks.egress", CHECKS.as_bytes());
    sandbox.run(&["compile", "-q", "a.egress", "--target", "json", "--out", "out"]).expect(0);
    let args = ["prove", "--deployment", "out/deployment.json", "--assert", "checks.egress"];
    let found = refusal(sandbox.run(&args));
    check_holds(&found, &["`--assert`: there is no list", "name the rules file, too"]);
}

//! Where files are said to lie: as seen from the folder in which the program runs.

use std::fs;

use serde_json::Value;

use super::sandbox::OK;
use super::sandbox::Sandbox;

const FRIDAY: &[&str] = &["replay", "-q", "trips/trips.egress", "--capture", "trips/friday.pcapng"];

/// The files that the differences in a report are about.
fn changed(report: &str) -> Vec<&str> {
    report.lines().filter_map(|line| line.trim_start().strip_prefix("+++ b/")).collect()
}

#[test]
fn differences_name_files_from_the_working_directory() {
    let sandbox = Sandbox::with_trips();
    let report = sandbox.run(FRIDAY).expect(1);
    let files = changed(&report);
    assert!(files.len() >= 6, "{report}");
    for file in files {
        assert!(sandbox.path().join(file).is_file(), "{file}");
    }
    // What is judged is the same, and so is what is said but for where it lies.
    let whole = sandbox.path().join("trips/trips.egress");
    let whole = whole.to_str().expect("a path in UTF-8");
    let absolute = sandbox.run(&[&FRIDAY[..2], &[whole], &FRIDAY[3..]].concat()).expect(1);
    for file in changed(&absolute) {
        assert!(std::path::Path::new("/").join(file).is_file(), "{file}");
    }
    assert_eq!(changed(&absolute).len(), changed(&report).len());
}

#[test]
fn places_start_at_the_working_directory_in_text_and_json() {
    let sandbox = Sandbox::new();
    let import = "import \"../shared/m.egress\" as m\nnames unused = b.example\n";
    sandbox.write("rules/main.egress", [OK, import].concat().as_bytes());
    let past = b"language 1\n\nallow past: 10.1.8.4 -> a.example : https\n  because \"x\"  expires 2020-01-01\n";
    sandbox.write("shared/m.egress", past);
    let text = sandbox.run(&["check", "rules/main.egress"]).expect(0);
    assert!(text.contains("--> shared/m.egress:"), "{text}");
    assert!(text.contains("--> rules/main.egress:"), "{text}");
    let json = sandbox.run(&["check", "rules/main.egress", "--format", "json"]).expect(0);
    let report: Value = serde_json::from_str(&json).expect("a report");
    for found in report["findings"].as_array().expect("findings") {
        let file = found["place"]["file"].as_str().expect("a file");
        assert!(sandbox.path().join(file).is_file(), "{file}");
    }
}

/// What is emitted does not know from where it was asked for.
#[test]
fn what_is_compiled_is_the_same_from_any_folder() {
    let sandbox = Sandbox::with_trips();
    let args = ["compile", "-q", "--target", "json", "--out", "here", "trips/trips.egress"];
    sandbox.run(&args).expect(0);
    let whole = sandbox.path().join("trips/trips.egress");
    let whole = whole.to_str().expect("a path in UTF-8");
    sandbox.run(&["compile", "-q", "--target", "json", "--out", "there", whole]).expect(0);
    let read = |folder: &str| fs::read(sandbox.path().join(folder).join("deployment.json"));
    assert_eq!(read("here").expect("a file"), read("there").expect("a file"));
}

#[test]
fn a_file_that_cannot_be_read_is_said_once() {
    let sandbox = Sandbox::new();
    sandbox.write("rules/main.egress", [OK, "import \"./gone.egress\" as m\n"].concat().as_bytes());
    let run = sandbox.run(&["check", "rules/main.egress"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(run.err.matches("cannot read").count(), 1, "{}", run.err);
    assert!(run.err.contains("no such file"), "{}", run.err);
}

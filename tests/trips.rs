//! The trips example: its captures against the boxes that were written when they were recorded,
//! and the edits that its reports show against what they promise.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rulesets/examples/trips")
}

/// Exit code and standard output of the program in `folder`.
#[track_caller]
fn exeat(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exeat"));
    let output = command.args(args).current_dir(folder).output().expect("the program");
    assert_ne!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
}

/// A flow as the recording script names it: protocol, both ends, application and name.
type Named = [String; 7];

/// Every flow of `DAY.expected.tsv` with its box.
fn expected(day: &str) -> BTreeMap<Named, String> {
    let path = example().join(format!("{day}.expected.tsv"));
    let text = fs::read_to_string(path).expect("what the script wrote");
    let mut flows = BTreeMap::new();
    for line in text.lines().skip(1) {
        let [proto, src, sport, dst, dport, app, name, outcome, _] =
            line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("not nine columns: {line}");
        };
        let flow = [proto, src, sport, dst, dport, app, name].map(str::to_owned);
        assert!(flows.insert(flow, outcome.to_owned()).is_none(), "twice: {line}");
    }
    assert!(!flows.is_empty());
    flows
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// Every flow of a replay with its box.
fn replayed(report: &Value) -> BTreeMap<Named, String> {
    let mut flows = BTreeMap::new();
    for flow in report["flows"].as_array().expect("flows") {
        let named = ["proto", "src", "sport", "dst", "dport", "app", "name"];
        let named = named.map(|key| word(&flow[key]));
        assert_eq!(flow["depth"], 0, "{flow}");
        assert!(flows.insert(named, word(&flow["box"])).is_none(), "twice: {flow}");
    }
    flows
}

fn report(folder: &Path, day: &str, code: i32) -> Value {
    let capture = format!("{day}.pcapng");
    let args = ["replay", "trips.egress", "--capture", &capture, "--format", "json"];
    let (found, text) = exeat(folder, &args);
    assert_eq!(found, Some(code), "{day}");
    serde_json::from_str(&text).expect("a report")
}

#[track_caller]
fn check_day(day: &str, code: i32) {
    let found = replayed(&report(&example(), day, code));
    let expected = expected(day);
    let mut offences = Vec::new();
    for (flow, outcome) in &expected {
        if found.get(flow) != Some(outcome) {
            offences.push(format!("expected {flow:?} {outcome}, found {:?}", found.get(flow)));
        }
    }
    for (flow, outcome) in found.iter().filter(|(flow, _)| !expected.contains_key(*flow)) {
        offences.push(format!("not started by the script: {flow:?} {outcome}"));
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn every_flow_of_monday_lands_in_its_box() {
    check_day("monday", 0);
}

#[test]
fn every_flow_of_friday_lands_in_its_box() {
    check_day("friday", 1);
}

#[test]
fn monday_exits_0_and_friday_1_without_options() {
    for (day, code) in [("monday", 0), ("friday", 1)] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let capture = format!("rulesets/examples/trips/{day}.pcapng");
        let args = ["replay", "rulesets/examples/trips/trips.egress", "--capture", &capture];
        assert_eq!(exeat(root, &args).0, Some(code), "{day}");
    }
}

/// A part of the report about one cause.
struct Part<'r> {
    outcome: &'r str,
    /// What the flow becomes, as the report says it was tried.
    tried: Option<&'r str>,
    difference: Vec<&'r str>,
    explain: &'r str,
}

fn parts(report: &str) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let is_of_parts = |line: &&str| !line.starts_with("what does not fit together");
    for line in report.lines().take_while(is_of_parts) {
        let headline = line.split_once(". ").filter(|(n, _)| n.parse::<u32>().is_ok());
        if let Some((outcome, _)) = headline.and_then(|(_, rest)| rest.split_once(": ")) {
            parts.push(Part { outcome, tried: None, difference: Vec::new(), explain: "" });
        }
        let Some(part) = parts.last_mut() else { continue };
        if let Some(tried) = line.strip_prefix("   tried: with this the flow is ") {
            part.tried = Some(tried);
        } else if let Some(command) = line.strip_prefix("   why: exeat explain ") {
            part.explain = command;
        } else if let Some(text) = line.strip_prefix("     ")
            && (!part.difference.is_empty() || text.starts_with("--- a/"))
        {
            part.difference.push(text);
        }
    }
    parts
}

/// Applies a unified difference to the files below `folder`; each line of its context must be
/// there.
fn apply(folder: &Path, difference: &[&str]) {
    let name = difference[1].strip_prefix("+++ b/").expect("the name of the file");
    let path = folder.join(name);
    let text = fs::read_to_string(&path).expect("the file that is changed");
    let old: Vec<&str> = text.split_inclusive('\n').collect();
    let mut new: Vec<String> = Vec::new();
    let mut at = 0;
    for line in &difference[2..] {
        if let Some(hunk) = line.strip_prefix("@@ -") {
            let start = hunk.split([',', ' ']).next().and_then(|n| n.parse::<usize>().ok());
            let start = start.expect("a line number") - 1;
            new.extend(old[at..start].iter().map(|&line| line.to_owned()));
            at = start;
            continue;
        }
        let (sign, rest) = line.split_at(1);
        if sign != "+" {
            assert_eq!(old[at].trim_end_matches('\n'), rest, "{name}:{}", at + 1);
            at += 1;
        }
        if sign != "-" {
            new.push(format!("{rest}\n"));
        }
    }
    new.extend(old[at..].iter().map(|&line| line.to_owned()));
    fs::write(path, new.concat()).expect("the changed file");
}

fn copy() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["trips.egress", "platform-policy.json", "friday.pcapng"] {
        fs::copy(example().join(name), folder.path().join(name)).expect("a copy");
    }
    folder
}

const FRIDAY: [&str; 4] = ["replay", "trips.egress", "--capture", "friday.pcapng"];

/// Objections by box.
fn objections(report: &Value) -> BTreeMap<String, u64> {
    let boxes = report["summary"]["boxes"].as_object().expect("boxes");
    let of_objections =
        boxes.iter().filter(|(name, _)| "leak breakage undetermined bypass".contains(*name));
    of_objections.map(|(name, tally)| (name.clone(), tally["flows"].as_u64().unwrap())).collect()
}

#[test]
fn friday_shows_an_edit_for_all_but_what_is_undetermined() {
    let (_, text) = exeat(&example(), &FRIDAY);
    let shown: Vec<(&str, bool)> =
        parts(&text).iter().map(|part| (part.outcome, !part.difference.is_empty())).collect();
    let expected = [
        ("leak", true),
        ("leak", true),
        ("leak", true),
        ("breakage", true),
        ("breakage", true),
        ("undetermined", false),
        ("bypass", true),
    ];
    assert_eq!(shown, expected, "{text}");
    assert!(!text.contains("a/std:"), "an edit of what is shipped cannot be made");
}

/// Each edit alone takes its objection away, puts the flow where it says, and adds none.
#[test]
fn each_edit_that_friday_shows_does_what_it_says() {
    let before = objections(&report(&example(), "friday", 1));
    let (_, text) = exeat(&example(), &FRIDAY);
    for part in parts(&text).iter().filter(|part| !part.difference.is_empty()) {
        let folder = copy();
        apply(folder.path(), &part.difference);
        let mut after = objections(&report(folder.path(), "friday", 1));
        *after.entry(part.outcome.to_owned()).or_default() += 1;
        assert_eq!(after, before, "{}", part.difference.join("\n"));
        let flow = part.explain.split('"').nth(1).expect("a quoted flow");
        let args = ["explain", "trips.egress", "--capture", "friday.pcapng", flow];
        let (_, explained) = exeat(folder.path(), &args);
        let tried = part.tried.expect("what becomes of the flow");
        assert!(explained.contains(&format!("[{tried}]")), "{tried}\n{explained}");
    }
}

/// All edits together leave what only evidence can settle.
#[test]
fn with_all_edits_only_the_undetermined_is_left() {
    let folder = copy();
    loop {
        let (_, text) = exeat(folder.path(), &FRIDAY);
        let shown = parts(&text);
        let Some(part) = shown.iter().find(|part| !part.difference.is_empty()) else { break };
        apply(folder.path(), &part.difference);
    }
    let left = objections(&report(folder.path(), "friday", 1));
    assert_eq!(left, BTreeMap::from([("undetermined".to_owned(), 1)]));
}

/// The line under each objection can be run as it stands.
#[test]
fn each_explain_line_tells_the_verdict_of_the_report() {
    let (_, text) = exeat(&example(), &FRIDAY);
    for part in parts(&text) {
        let (files, flow) = part.explain.split_once('"').expect("a quoted flow");
        let mut args: Vec<&str> = vec!["explain"];
        args.extend(files.split_whitespace());
        args.push(flow.trim_end_matches('"'));
        let (code, explained) = exeat(&example(), &args);
        assert_eq!(code, Some(1), "an objection stops a pipeline here too");
        assert!(explained.contains(&format!("[{}]", part.outcome)), "{explained}");
    }
}

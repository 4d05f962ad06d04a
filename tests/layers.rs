//! The arrows of the picture in `ARCHITECTURE.md`, kept.
#![cfg(test)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// A stage, and the stages it may name. `cli` may name all of them.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("diagnostic", &[]),
    ("flow", &[]),
    ("syntax", &["diagnostic"]),
    ("azure", &["flow"]),
    ("quic", &[]),
    ("capture", &["evidence", "flow", "quic"]),
    ("intent", &["diagnostic", "flow"]),
    ("resolve", &["diagnostic", "flow", "intent", "syntax"]),
    ("certificate", &["azure", "evidence", "flow", "intent"]),
    ("compile", &["azure", "diagnostic", "flow", "intent"]),
    ("emit", &["azure", "flow"]),
    ("import", &["azure", "diagnostic", "flow"]),
    ("evidence", &["flow"]),
    ("simulate", &["azure", "evidence", "flow", "intent"]),
    ("packet", &["flow", "quic"]),
    ("prove", &["azure", "evidence", "flow", "intent", "simulate"]),
    ("testing", &["azure", "evidence", "flow", "intent", "prove", "simulate"]),
    (
        "report",
        &["azure", "diagnostic", "evidence", "flow", "intent", "prove", "simulate", "testing"],
    ),
];

fn source_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of `src`") {
        let path = entry.expect("an entry of `src`").path();
        if path.is_dir() {
            source_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The stages that `text` names as `crate::stage` or `exeat::stage`, outside comments.
fn stages_named(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        for prefix in ["crate::", "exeat::"] {
            for (at, _) in code.match_indices(prefix) {
                let rest = &code[at + prefix.len()..];
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                named.insert(rest[..end.unwrap_or(rest.len())].to_owned());
            }
        }
    }
    named
}

#[test]
fn a_certificate_shares_no_more_with_the_model_than_how_addresses_are_spelled() {
    let mut files = Vec::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/certificate");
    source_files(&src, &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        let named = text.lines().filter(|line| line.contains("crate::azure"));
        let others: Vec<&str> =
            named.filter(|line| !line.starts_with("use crate::azure::address::")).collect();
        assert!(others.is_empty(), "{}: {others:?}", file.display());
    }
}

#[test]
fn each_stage_names_only_the_stages_below_it() {
    let table: BTreeMap<&str, &[&str]> = MAY_NAME.iter().copied().collect();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut offences = Vec::new();
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(&src).expect("`src`") {
        let folder = entry.expect("an entry of `src`").path();
        let stage = folder.file_name().expect("a name").to_string_lossy().into_owned();
        if !folder.is_dir() || stage == "cli" {
            continue;
        }
        let Some(allowed) = table.get(stage.as_str()) else {
            offences.push(format!("`src/{stage}` is missing from the table"));
            continue;
        };
        seen.insert(stage.clone());
        let mut files = Vec::new();
        source_files(&folder, &mut files);
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file");
            for named in stages_named(&text) {
                let is_stage = table.contains_key(named.as_str()) || named == "cli";
                if is_stage && named != stage && !allowed.contains(&named.as_str()) {
                    offences.push(format!("{} names `{named}`", file.display()));
                }
                if !is_stage && !named.is_empty() {
                    offences.push(format!(
                        "{} imports `crate::{{…}}` or `{named}`; write one stage per `use`",
                        file.display()
                    ));
                }
            }
        }
    }
    for stage in table.keys().filter(|stage| !seen.contains(**stage)) {
        offences.push(format!("the table has `{stage}`, `src` has not"));
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

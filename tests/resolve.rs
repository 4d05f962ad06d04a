//! From text to the list it means: each case is a file or folder of `tests/resolve`, and the
//! diagnostics as they are drawn stand beside it. `BLESS=1 cargo test --test resolve` writes them.
#![cfg(test)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use exeat::diagnostic::Severity;
use exeat::diagnostic::render::Style;
use exeat::diagnostic::render::draw;
use exeat::intent::Destination;
use exeat::intent::Intent;
use exeat::resolve::Assignment;
use exeat::resolve::Options;
use exeat::resolve::Resolved;
use exeat::resolve::resolve;

#[path = "resolve/pages.rs"]
mod pages;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn options() -> Options {
    Options::default()
}

fn resolve_file(path: &Path) -> Resolved {
    resolve(path.to_str().unwrap(), &mut |path| fs::read(path), &options())
}

/// Files by path, the rules file under `main.egress`.
fn resolve_texts(texts: &[(&str, &str)], options: &Options) -> Resolved {
    let texts: BTreeMap<&Path, &str> =
        texts.iter().map(|(path, text)| (Path::new(*path), *text)).collect();
    let mut read = |path: &Path| match texts.get(path) {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    };
    resolve("main.egress", &mut read, options)
}

fn drawn(resolved: &Resolved) -> String {
    let drawn =
        resolved.diagnostics.iter().map(|found| draw(found, &resolved.sources, Style::Plain));
    drawn.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn intent_of(body: &str) -> Intent {
    let text = format!("language 1\n{body}");
    let resolved = resolve_texts(&[("main.egress", &text)], &options());
    let shown = drawn(&resolved);
    resolved.intent.unwrap_or_else(|| panic!("{shown}"))
}

/// The ids of the codes of what was found, in reading order.
fn codes(resolved: &Resolved) -> Vec<&'static str> {
    resolved.diagnostics.iter().map(|found| found.code().id()).collect()
}

#[test]
fn each_case_gives_the_diagnostics_beside_it() {
    let mut cases: Vec<PathBuf> = fs::read_dir(root().join("tests/resolve"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    let mut differences = Vec::new();
    for case in cases {
        let main = if case.is_dir() { case.join("main.egress") } else { case.clone() };
        if main.extension().is_none_or(|ending| ending != "egress") {
            continue;
        }
        let resolved = resolve_file(&main);
        let found = drawn(&resolved);
        let beside = case.with_extension("txt");
        if env::var_os("BLESS").is_some() {
            fs::write(&beside, &found).unwrap();
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if found != expected {
            differences.push(format!("{}:\n{found}", case.display()));
        }
        let failed = resolved.diagnostics.iter().any(|found| found.severity() == Severity::Error);
        assert_eq!(resolved.intent.is_none(), failed, "{}", case.display());
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_trips_example_resolves_with_notes_alone() {
    let resolved = resolve_file(&root().join("rulesets/examples/trips/trips.egress"));
    let worse: Vec<_> =
        resolved.diagnostics.iter().filter(|found| found.severity() != Severity::Note).collect();
    assert!(worse.is_empty(), "{}", drawn(&resolved));
    let intent = resolved.intent.unwrap();
    let labels: Vec<&str> = intent.permissions.iter().map(|p| p.label.as_str()).collect();
    assert!(labels.contains(&"aks::registry") && labels.contains(&"trips-db"), "{labels:?}");
    assert!(!labels.contains(&"aks::api-server"), "the cluster is private: {labels:?}");
    let pins: Vec<String> = resolved.imports.iter().map(|pin| pin.source.to_string()).collect();
    assert_eq!(pins, ["std:aks/core"]);
    assert_eq!(intent.context.len(), 1);
}

//! `exeat.deployment/1`: what is written reads back, and what is wrong is refused at its place.
#![cfg(test)]

use std::fs;
use std::path::Path;

use exeat::azure::Deployment;
use exeat::emit;
use exeat::import;

fn repository(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// The first JSON block of `docs/deployment.md`.
fn documented() -> String {
    let page = repository("docs/deployment.md");
    let (_, rest) = page.split_once("```json\n").expect("an example");
    rest.split_once("```").expect("its end").0.to_owned()
}

fn read(text: &str) -> Deployment {
    import::json::read(text).unwrap_or_else(|error| panic!("{error}\nin {text}"))
}

#[test]
fn the_example_of_the_documentation_reads_and_reads_back() {
    let first = read(&documented());
    assert_eq!(first.policies.len(), 1);
    assert_eq!(first.route_tables.len(), 1);
    let written = emit::json::write(&first).expect("a document");
    assert_eq!(read(&written), first);
    assert_eq!(emit::json::write(&read(&written)).expect("a document"), written);
}

/// `text` is refused with just these problems.
#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let error = import::json::read(text).expect_err("a refusal");
    let found: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "for {text}");
}

#[test]
fn what_is_no_document_is_refused() {
    refused("", &["1:1: EOF while parsing a value"]);
    refused(r#"{"schema":"exeat.deployment/1"} x"#, &["1:33: trailing characters"]);
    refused(
        r#"{"schema":"exeat.deployment/2"}"#,
        &[
            "1:2: expected the schema `exeat.deployment/1`, found `exeat.deployment/2` (at `/schema`)",
        ],
    );
    refused("{}", &["1:1: missing field `schema`"]);
    let deep = format!("{{\"schema\":{}", "[".repeat(1 << 20));
    refused(&deep, &["1:43: values are nested more than 32 deep"]);
}

#[test]
fn an_unknown_field_is_refused_at_its_line() {
    refused(
        "{\"schema\":\"exeat.deployment/1\",\n \"ipGroups\":{\"a\":{\"ipAdresses\":[]}}}",
        &["2:19: unknown field `ipAdresses`, expected one of `scope`, `ours`, `ipAddresses` \
           (at `/ipGroups/a/ipAdresses`)"],
    );
}

#[test]
fn a_repeated_key_is_refused_though_serde_drops_it() {
    refused(
        "{\"schema\":\"exeat.deployment/1\",\"ipGroups\":{\"a\":{},\n\"a\":{}}}",
        &["2:1: the key is there twice; keep one of them (at `/ipGroups/a`)"],
    );
    refused(
        "{\"schema\":\"exeat.deployment/1\",\"ipGroups\":{\"A\":{},\n\"a\":{}}}",
        &["2:1: `a` is there twice; names that differ in case are one in Azure (at `/ipGroups/a`)"],
    );
}

//! The pages of this stage's codes: the first block gives exactly the page's code, one fenced as
//! `egress fix` gives none. A block fenced as `json NAME` is the file of that name beside them.

use std::io;
use std::path::Path;

use exeat::azure::Deployment;
use exeat::compile::compile;
use exeat::diagnostic::Code;
use exeat::diagnostic::Diagnostic;
use exeat::evidence::Evidence;
use exeat::import;
use exeat::intent::Intent;
use exeat::report::command::Asked;
use exeat::report::example::finding;
use exeat::resolve::Options;
use exeat::resolve::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Simulator;
use exeat::testing;
use jiff::tz::TimeZone;

use super::TODAY;
use super::codes;

/// A fenced block: the words behind the fence, and the text.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((info, body.join("\n") + "\n"));
        }
    }
    blocks
}

/// The examples of `intent` that are not met.
fn unmet(intent: &Intent, deployment: &Deployment) -> Vec<Diagnostic> {
    let simulator = Simulator::new(deployment).unwrap();
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let at = TODAY.to_zoned(TimeZone::UTC).unwrap().timestamp();
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
    let tested = testing::examples(intent, &simulator, &environment, TODAY);
    tested.unmet.iter().map(|one| finding(one, intent, &Asked::default())).collect()
}

/// Everything that is said of `text`, resolved and compiled with `context` beside it.
fn said_of(text: &str, context: &Deployment) -> Vec<&'static str> {
    let mut read = |path: &Path| match path.to_str() {
        Some("list.egress") => Ok(text.as_bytes().to_vec()),
        Some("company.json") => Ok(b"{}".to_vec()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let resolved = resolve("list.egress", &mut read, &Options::default());
    let mut said = codes(&resolved.diagnostics);
    if let Some(intent) = &resolved.intent {
        match compile(intent, context, TODAY) {
            Ok(compiled) => {
                said.extend(codes(&compiled.diagnostics));
                said.extend(codes(&unmet(intent, &compiled.deployment)));
            }
            Err(findings) => said.extend(codes(&findings)),
        }
    }
    said
}

#[test]
fn the_example_of_a_page_gives_its_code_and_the_correction_gives_none() {
    let ours = |code: &&Code| {
        ["E0307", "E04", "E0506", "E06", "W0205", "W0206", "W04", "N04"]
            .iter()
            .any(|start| code.id().starts_with(start))
    };
    let mut wrong = Vec::new();
    for code in Code::ALL.iter().filter(ours) {
        let mut context = Deployment::default();
        let blocks = blocks(code.page());
        for (_, text) in blocks.iter().filter(|(info, _)| *info == "json company.json") {
            context = import::json::read(text).unwrap();
        }
        let (info, example) = blocks.first().unwrap_or_else(|| panic!("{code}: no example"));
        assert_eq!(*info, "egress", "{code}");
        let found = said_of(example, &context);
        if found != [code.id()] {
            wrong.push(format!("{code}: the example gives {found:?}"));
        }
        for (_, fixed) in blocks.iter().filter(|(info, _)| *info == "egress fix") {
            let found = said_of(fixed, &context);
            if !found.is_empty() {
                wrong.push(format!("{code}: the correction gives {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

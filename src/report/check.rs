//! `exeat.check/1`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::assumption_json::AssumptionJson;
use super::default_row::DefaultJson;
use super::default_row::DefaultRow;
use super::finding_json::FindingJson;
use super::flow_row::nanoseconds;
use super::replay::CaptureJson;
use super::replay::ReplayedCapture;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceMap;
use crate::simulate::assumptions::Assumption;

/// The keys and their order are the interface's (`cli.md`, Reports as JSON).
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: &'a [String],
    at: String,
    assumptions: Vec<AssumptionJson<'a>>,
    defaults: Vec<DefaultJson<'a>>,
    captures: Vec<CaptureJson<'a>>,
    findings: Vec<FindingJson<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    notes: usize,
}

/// The findings about `files`, some of them under `assumptions` or from `captures`, and the defaults
/// that were taken in them, as one JSON document on one line.
///
/// # Errors
/// None that findings can cause; `serde_json`'s own.
pub fn to_json(
    files: &[String],
    at: Timestamp,
    assumptions: &BTreeSet<Assumption>,
    defaults: &[(&DefaultRow, &SourceMap)],
    captures: &[ReplayedCapture],
    findings: &[(&Diagnostic, &SourceMap)],
) -> serde_json::Result<String> {
    let count =
        |level: Severity| findings.iter().filter(|(found, _)| found.severity() == level).count();
    let document = Document {
        schema: "exeat.check/1",
        subject: files,
        at: nanoseconds(at),
        assumptions: assumptions.iter().map(AssumptionJson::from).collect(),
        defaults: defaults.iter().map(|(row, map)| DefaultJson::new(row, map)).collect(),
        captures: captures.iter().map(CaptureJson::from).collect(),
        findings: findings.iter().map(|(found, map)| FindingJson::new(found, map)).collect(),
        summary: Summary {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
        },
    };
    serde_json::to_string(&document).map(|text| text + "\n")
}

//! `exeat.check/1`.

use jiff::Timestamp;
use serde::Serialize;

use super::finding_json::FindingJson;
use super::flow_row::nanoseconds;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceMap;

/// The keys and their order are the interface's (`cli.md`, Reports as JSON).
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: &'a [String],
    at: String,
    assumptions: [&'static str; 0],
    findings: Vec<FindingJson<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    notes: usize,
}

/// The findings about `files` as one JSON document on one line.
///
/// # Errors
/// None that findings can cause; `serde_json`'s own.
pub fn to_json(
    files: &[String],
    at: Timestamp,
    findings: &[(&Diagnostic, &SourceMap)],
) -> serde_json::Result<String> {
    let count =
        |level: Severity| findings.iter().filter(|(found, _)| found.severity() == level).count();
    let document = Document {
        schema: "exeat.check/1",
        subject: files,
        at: nanoseconds(at),
        assumptions: [],
        findings: findings.iter().map(|(found, map)| FindingJson::new(found, map)).collect(),
        summary: Summary {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
        },
    };
    serde_json::to_string(&document).map(|text| text + "\n")
}

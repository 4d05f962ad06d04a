//! What is no mistake and deserves a change: a file for each finding, run over a list that resolved.

mod duplicate;
mod unused;

use super::scope::Resolution;
use crate::intent::Intent;

/// Adds what each lint finds. Where an error stands, half of the list may be missing, and nothing
/// is said about it.
pub(super) fn run(resolution: &mut Resolution<'_>, intent: &Intent) {
    let failed = |found: &crate::diagnostic::Diagnostic| {
        found.severity() == crate::diagnostic::Severity::Error
    };
    if resolution.findings.iter().any(failed) {
        return;
    }
    let mut findings = duplicate::findings(intent);
    findings.extend(unused::findings(resolution));
    for found in findings {
        resolution.report(found);
    }
}

//! What is no mistake and deserves a change: a file for each finding, run over a list that resolved.

mod duplicate;
mod shared;
mod unused;
mod wide;

use super::scope::Resolution;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::intent::Intent;

/// Adds what each lint finds. Where an error stands, half of the list may be missing, and nothing
/// is said about it.
pub(super) fn run(resolution: &mut Resolution<'_>, intent: &Intent) {
    let failed = |found: &Diagnostic| found.severity() == Severity::Error;
    if resolution.findings.iter().any(failed) {
        return;
    }
    resolution.findings.extend(duplicate::findings(intent));
    resolution.findings.extend(shared::findings(intent));
    resolution.findings.extend(wide::findings(intent));
    resolution.findings.extend(unused::findings(resolution));
}

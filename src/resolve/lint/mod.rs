//! What is no mistake and deserves a change: a file for each finding, run over a list that resolved.

mod duplicate;
mod shared;
mod unused;
mod wide;

use jiff::civil::Date;

use super::scope::Resolution;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::intent::Intent;
use crate::intent::Permission;

/// Adds what each lint finds. Where an error stands, half of the list may be missing, and nothing
/// is said about it.
pub(super) fn run(resolution: &mut Resolution<'_>, intent: &Intent) {
    let failed = |found: &Diagnostic| found.severity() == Severity::Error;
    if resolution.findings.iter().any(failed) {
        return;
    }
    let day = resolution.options.day;
    resolution.findings.extend(duplicate::findings(intent));
    resolution.findings.extend(shared::findings(active(intent, day)));
    resolution.findings.extend(wide::findings(active(intent, day)));
    resolution.findings.extend(unused::findings(resolution));
}

/// The permissions that let anything through on `day`, or all.
fn active(intent: &Intent, day: Option<Date>) -> impl Iterator<Item = &Permission> {
    let is_active = move |one: &&Permission| day.is_none_or(|day| one.is_active(day));
    intent.permissions.iter().filter(is_active)
}

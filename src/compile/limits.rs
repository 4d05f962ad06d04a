//! Azure's limits, said of the statements that pass them.

use super::carriage::Carried;
use crate::azure::Deployment;
use crate::azure::limits;
use crate::azure::limits::LimitSettings;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;

/// Every limit that `deployment` passes and its `context` alone does not.
pub(super) fn check(
    deployment: &Deployment,
    context: &Deployment,
    carried: &[Carried<'_>],
) -> Vec<Diagnostic> {
    let settings = LimitSettings::default();
    let before = limits::check(context, &settings);
    limits::check(deployment, &settings)
        .into_iter()
        .filter(|exceeded| !before.contains(exceeded))
        .map(|exceeded| {
            let severity = match exceeded.severity {
                limits::Severity::Error => Severity::Error,
                limits::Severity::Warning => Severity::Warning,
            };
            let finding = Diagnostic::new(Code::LIMIT_EXCEEDED, exceeded.to_string())
                .graded(severity)
                .note(format!("stated in {}", exceeded.limit.section()))
                .help("part the list, or shorten what is too long");
            // A rule is called `rule `GROUP/COLLECTION/RULE`` there.
            let label = deployment
                .origins
                .iter()
                .find(|(id, _)| exceeded.at == format!("rule `{id}`"))
                .map(|(_, origin)| origin.label.as_str());
            match carried.iter().find(|one| Some(one.statement.label) == label) {
                Some(one) => finding.at(one.statement.spans.label, "its rule"),
                None => finding,
            }
        })
        .collect()
}

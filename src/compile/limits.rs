//! Azure's limits, said of the statements that pass them.

use std::collections::BTreeMap;

use super::carriage::Carried;
use super::statement::Statement;
use crate::azure::Deployment;
use crate::azure::limits;
use crate::azure::limits::Limit;
use crate::azure::limits::LimitSettings;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::diagnostic::Span;
use crate::intent::Intent;

/// Every limit that `deployment`, which `intent` is compiled to, passes and its `context` alone does not.
pub(super) fn check(
    deployment: &Deployment,
    (intent, context): (&Intent, &Deployment),
    carried: &[Carried<'_>],
) -> Vec<Diagnostic> {
    let settings = LimitSettings::default();
    let before = limits::check(context, &settings);
    // A rule is called `rule `GROUP/COLLECTION/RULE`` there.
    let labels: BTreeMap<String, &str> = deployment
        .origins
        .iter()
        .map(|(id, origin)| (format!("rule `{id}`"), origin.label.as_str()))
        .collect();
    let statements: BTreeMap<&str, &Statement<'_>> =
        carried.iter().map(|one| (one.statement.label, &one.statement)).collect();
    let firewalls: BTreeMap<String, Span> = intent
        .topology
        .firewalls
        .iter()
        .map(|firewall| (format!("firewall `{}`", firewall.name), firewall.origin.span))
        .collect();
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
                .help(match exceeded.limit {
                    Limit::ParentTier => "choose a parent of the firewalls' SKU or a lower one",
                    Limit::ParentRegion => "place the policy in its parent's region",
                    Limit::ResourceName
                    | Limit::FirewallName
                    | Limit::RuleName
                    | Limit::RouteName => "choose another name",
                    Limit::Attachment => {
                        "leave out its `enforces`, or choose one SKU for the policy and each firewall that enforces it"
                    }
                    Limit::Tier => "leave it out, or choose a SKU that has it",
                    _ => "part the list, or shorten what is too long",
                });
            let statement = labels.get(&exceeded.at).and_then(|label| statements.get(label));
            match (statement, firewalls.get(&exceeded.at)) {
                (Some(statement), _) => finding.at(statement.spans.label, "its rule"),
                (None, Some(firewall)) => finding.at(*firewall, "declared here"),
                (None, None) => finding,
            }
        })
        .collect()
}

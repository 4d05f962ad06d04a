//! Permissions and denies under one view, without those that have expired (`resolve` has said so).

use jiff::civil::Date;

use crate::azure::policy::Action;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Service;
use crate::intent::permission::Addresses;
use crate::intent::permission::StatementSpans;

/// A permission or a deny, as far as rules are made of it. `may` compiles like `allow`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement<'a> {
    pub action: Action,
    pub label: &'a str,
    pub sources: &'a Addresses,
    pub destinations: &'a [Destination],
    pub services: &'a [Service],
    pub by_address: Option<&'a str>,
    pub description: Option<&'a str>,
    pub file: &'a str,
    pub spans: StatementSpans,
}

/// The statements that are active on `day`, by label; [`inactive`] tells of the others.
///
/// Sorted, since their order in the source means nothing (`semantics.md`, Intent).
pub(super) fn active(intent: &Intent, day: Date) -> Vec<Statement<'_>> {
    let permissions = intent.permissions.iter().filter(|one| one.is_active(day));
    let permissions = permissions.map(|permission| Statement {
        action: Action::Allow,
        label: &permission.label,
        sources: &permission.sources,
        destinations: &permission.destinations,
        services: &permission.services,
        by_address: permission.by_address.as_deref(),
        description: permission.description.as_deref(),
        file: &permission.origin.file,
        spans: permission.spans,
    });
    let denies = intent.denies.iter().filter(|one| one.is_active(day)).map(|deny| Statement {
        action: Action::Deny,
        label: &deny.label,
        sources: &deny.sources,
        destinations: &deny.destinations,
        services: &deny.services,
        by_address: None,
        description: deny.description.as_deref(),
        file: &deny.origin.file,
        spans: deny.spans,
    });
    let mut statements: Vec<Statement<'_>> = permissions.chain(denies).collect();
    statements.sort_by_key(|statement| statement.label);
    statements
}

/// A warning for each statement that has expired by `day`, and one if nothing is left.
pub(super) fn inactive(intent: &Intent, day: Date) -> Vec<Diagnostic> {
    let permissions = intent.permissions.iter().map(|one| (&one.label, one.expires, one.spans));
    let denies = intent.denies.iter().map(|one| (&one.label, one.expires, one.spans));
    let mut findings: Vec<Diagnostic> = permissions
        .chain(denies)
        .filter_map(|(label, expires, spans)| {
            let last = expires.filter(|last| day > *last)?;
            Some(
                Diagnostic::new(
                    Code::EXPIRED,
                    format!("`{label}` expired on {last} and is left out"),
                )
                .at(spans.label, "no rule is made of this")
                .help("remove it, or give it a later `expires` after a review"),
            )
        })
        .collect();
    if !intent.permissions.iter().any(|permission| permission.is_active(day)) {
        findings.push(
            Diagnostic::new(Code::EMPTY_LIST, "the list permits nothing: everything is denied")
                .help("add an `allow`, if that is not what is meant"),
        );
    }
    findings
}

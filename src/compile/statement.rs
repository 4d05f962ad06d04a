//! Permissions and denies under one view, without those that have expired (`resolve` has said so).

use jiff::civil::Date;

use crate::azure::policy::Action;
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

/// The statements that are active on `day`, by label.
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

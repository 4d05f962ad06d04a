//! Permissions and denies under one view, without those that have expired.

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

/// The statements that are active on `day`, by label, and a finding for each that is not.
///
/// Sorted, since their order in the source means nothing (`semantics.md`, Intent).
pub(super) fn active(intent: &Intent, day: Date) -> (Vec<Statement<'_>>, Vec<Diagnostic>) {
    let mut statements = Vec::new();
    let mut findings = Vec::new();
    for permission in &intent.permissions {
        let statement = Statement {
            action: Action::Allow,
            label: &permission.label,
            sources: &permission.sources,
            destinations: &permission.destinations,
            services: &permission.services,
            by_address: permission.by_address.as_deref(),
            description: permission.description.as_deref(),
            file: &permission.origin.file,
            spans: permission.spans,
        };
        if permission.is_active(day) {
            statements.push(statement);
        } else {
            findings.push(expired(&statement, permission.expires));
        }
    }
    for deny in &intent.denies {
        let statement = Statement {
            action: Action::Deny,
            label: &deny.label,
            sources: &deny.sources,
            destinations: &deny.destinations,
            services: &deny.services,
            by_address: None,
            description: deny.description.as_deref(),
            file: &deny.origin.file,
            spans: deny.spans,
        };
        if deny.is_active(day) {
            statements.push(statement);
        } else {
            findings.push(expired(&statement, deny.expires));
        }
    }
    statements.sort_by_key(|statement| statement.label);
    (statements, findings)
}

fn expired(statement: &Statement<'_>, last: Option<Date>) -> Diagnostic {
    let ended = last.map_or_else(String::new, |last| format!(" on {last}"));
    Diagnostic::new(Code::EXPIRED, format!("`{}` expired{ended} and is left out", statement.label))
        .at(statement.spans.label, "no rule is made of this")
        .help("remove it, or give it a later `expires` after a review")
}

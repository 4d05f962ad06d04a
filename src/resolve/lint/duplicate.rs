//! Permissions that say what another says.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::AddressSet;
use crate::flow::NameSet;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;

/// Each permission that means the same as an earlier one, as when a file is imported twice with
/// equal arguments.
pub(super) fn findings(intent: &Intent) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<String, &Permission> = BTreeMap::new();
    for permission in &intent.permissions {
        let first = match seen.entry(meaning(permission)) {
            Entry::Occupied(first) => *first.get(),
            Entry::Vacant(place) => {
                place.insert(permission);
                continue;
            }
        };
        let mut found = Diagnostic::new(
            Code::DUPLICATE_PERMISSION,
            format!("`{}` permits just what `{}` permits", permission.label, first.label),
        )
        .at(permission.spans.label, "says the same");
        if first.spans.label == permission.spans.label {
            found = found.note("its file is imported twice with equal arguments");
        } else {
            found = found.also(first.spans.label, "said here");
        }
        findings.push(found.help("take one of them out"));
    }
    findings
}

/// What decides, in one form whatever the order of the text.
fn meaning(permission: &Permission) -> String {
    let mut names = NameSet::empty();
    let mut addresses = AddressSet::empty();
    let mut others = Vec::new();
    for destination in &permission.destinations {
        match destination {
            Destination::Names(list) => names = names.union(&list.set),
            Destination::Addresses(list) => addresses = addresses.union(&list.set),
            other => others.push(format!("{other:?}")),
        }
    }
    let mut services: Vec<String> = permission.services.iter().map(ToString::to_string).collect();
    services.sort();
    others.sort();
    format!(
        "{:?} {} {names:?} {addresses} {others:?} {services:?} {:?} {}",
        permission.requirement,
        permission.sources.set,
        permission.expires,
        permission.by_address.is_some(),
    )
}

//! Permissions that say what another says.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::civil::Date;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::AddressSet;
use crate::flow::NameSet;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::Requirement;
use crate::intent::Service;

/// Each permission that means the same as an earlier one, as when a file is imported twice with
/// equal arguments.
pub(super) fn findings(intent: &Intent) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<Meaning<'_>, &Permission> = BTreeMap::new();
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
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Meaning<'l> {
    requirement: Requirement,
    sources: &'l AddressSet,
    names: NameSet,
    addresses: AddressSet,
    /// Destinations of other kinds.
    others: Vec<String>,
    services: Vec<Service>,
    expires: Option<Date>,
    is_by_address: bool,
}

fn meaning(permission: &Permission) -> Meaning<'_> {
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
    let mut services = permission.services.clone();
    services.sort();
    others.sort();
    Meaning {
        requirement: permission.requirement,
        sources: &permission.sources.set,
        names,
        addresses,
        others,
        services,
        expires: permission.expires,
        is_by_address: permission.by_address.is_some(),
    }
}

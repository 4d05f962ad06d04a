//! What passes beyond the names of the list, and was accepted.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::carriage::Carried;
use super::carriage::Matcher;
use super::statement::Statement;
use crate::azure::address::ServiceTag;
use crate::flow::AddressSet;
use crate::flow::Fqdn;

/// What a permission passes by address beyond what it says by name, under its mark
/// `by address because …` (`semantics.md`, Intent).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Excess {
    /// The label of the permission.
    pub permission: String,
    /// The reason that was given.
    pub because: String,
    /// The names whose addresses are opened to every name that lives there. How many addresses
    /// they are, only evidence can say.
    pub names: BTreeSet<Fqdn>,
    /// The addresses that are opened by number; [`AddressSet::count`] is their size.
    pub addresses: AddressSet,
    /// The service tags that are opened.
    pub tags: BTreeSet<ServiceTag>,
    /// Labels of the permissions whose name filter is off for these addresses.
    pub hides: BTreeSet<String>,
    /// Labels of the denies by name that do not hold for these addresses.
    pub defeats: BTreeSet<String>,
}

/// What the marks of a list have accepted, by label.
#[derive(Debug, Default)]
pub(super) struct Accepted<'a>(BTreeMap<&'a str, (BTreeSet<String>, BTreeSet<String>)>);

impl<'a> Accepted<'a> {
    /// Records that `statement` hides the permissions called `labels`.
    pub(super) fn hides(
        &mut self,
        statement: Statement<'a>,
        labels: impl Iterator<Item = &'a str>,
    ) {
        let (hides, _) = self.0.entry(statement.label).or_default();
        hides.extend(labels.map(str::to_owned));
    }

    /// Records that `statement` passes what the deny called `label` denies by name.
    pub(super) fn defeats(&mut self, statement: Statement<'a>, label: &str) {
        let (_, defeats) = self.0.entry(statement.label).or_default();
        defeats.insert(label.to_owned());
    }
}

/// The excess of every marked permission that has some, by label.
pub(super) fn gather(carried: &[Carried<'_>], mut accepted: Accepted<'_>) -> Vec<Excess> {
    let mut all = Vec::new();
    for Carried { statement, matcher } in carried {
        let (Some(because), Matcher::Network(rule)) = (statement.by_address, matcher) else {
            continue;
        };
        let (hides, defeats) = accepted.0.remove(statement.label).unwrap_or_default();
        if rule.fqdns.is_empty() && hides.is_empty() && defeats.is_empty() {
            // Addresses mean themselves: there is nothing beyond what the list says.
            continue;
        }
        all.push(Excess {
            permission: statement.label.to_owned(),
            because: because.to_owned(),
            names: rule.fqdns.clone(),
            addresses: rule.addresses.clone(),
            tags: rule.tags.clone(),
            hides,
            defeats,
        });
    }
    all
}

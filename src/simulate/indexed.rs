//! A list that is asked about many flows: its statements by the names that they speak of.
//!
//! Of a flow with a name, few statements of a long list speak, and they are found without looking at
//! the others.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::civil::Date;

use super::names::PatternIndex;
use super::views::Statement;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::intent::Deny;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::Service;

/// A list with an index of the statements that are active on a day.
#[derive(Clone, Debug)]
pub struct IndexedIntent<'l> {
    pub(super) intent: &'l Intent,
    pub(super) day: Date,
    /// The DNS proxy of each firewall.
    pub(super) proxies: Vec<Option<IpAddr>>,
    patterns: Vec<&'l FqdnPattern>,
    index: PatternIndex<'l>,
    /// For each of the patterns, the statement that it stands in.
    statements: Vec<Statement>,
    /// The statements that may speak of a flow with any name, or with none.
    any_name: BTreeSet<Statement>,
    /// Those besides that may speak of a flow that shows no name and of which none was told.
    no_name: BTreeSet<Statement>,
}

impl<'l> IndexedIntent<'l> {
    /// The statements of `intent` that are active on `day`.
    pub fn new(intent: &'l Intent, day: Date) -> IndexedIntent<'l> {
        IndexedIntent::of(intent, day, |_| true, |_| true)
    }

    /// Those of them that are wanted.
    pub(super) fn of(
        intent: &'l Intent,
        day: Date,
        wants_permission: impl Fn(&Permission) -> bool,
        wants_deny: impl Fn(&Deny) -> bool,
    ) -> IndexedIntent<'l> {
        let mut by_name = ByName::default();
        for (index, one) in intent.permissions.iter().enumerate() {
            if one.is_active(day) && wants_permission(one) {
                let (statement, excess) = (Statement::Permission(index), one.by_address.is_some());
                by_name.add(statement, &one.destinations, &one.services, excess);
            }
        }
        for (index, one) in intent.denies.iter().enumerate() {
            if one.is_active(day) && wants_deny(one) {
                by_name.add(Statement::Deny(index), &one.destinations, &one.services, false);
            }
        }
        let ByName { patterns, statements, any_name, no_name } = by_name;
        let index = PatternIndex::new(patterns.iter().copied());
        let proxies = intent.dns_proxies();
        IndexedIntent { intent, day, proxies, patterns, index, statements, any_name, no_name }
    }

    /// The names and patterns of the statements.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &'l FqdnPattern> {
        self.patterns.iter().copied()
    }

    /// The statements that may speak of a flow with one of `names`.
    pub(super) fn of_names<'n>(
        &self,
        names: impl Iterator<Item = &'n Fqdn>,
    ) -> BTreeSet<Statement> {
        let matching = names.flat_map(|name| self.index.matching(name));
        self.of_patterns(matching)
    }

    /// The statements that may speak of a flow that shows `host`.
    pub(super) fn of_host(&self, host: &Host) -> BTreeSet<Statement> {
        match host {
            Host::Name(name) => self.of_names([name].into_iter()),
            // `*` alone matches an address (`azure-firewall.md §2.3`).
            Host::Address(_) => self.of_patterns(self.index.any().iter().copied()),
        }
    }

    /// The statements that may speak of a flow that shows no name and of which none was told.
    pub(super) fn of_no_name(&self) -> BTreeSet<Statement> {
        self.no_name.union(&self.any_name).copied().collect()
    }

    fn of_patterns(&self, numbers: impl Iterator<Item = usize>) -> BTreeSet<Statement> {
        let named = numbers.filter_map(|number| self.statements.get(number));
        named.chain(&self.any_name).copied().collect()
    }
}

/// Statements by the names that they speak of.
#[derive(Default)]
struct ByName<'l> {
    patterns: Vec<&'l FqdnPattern>,
    statements: Vec<Statement>,
    any_name: BTreeSet<Statement>,
    no_name: BTreeSet<Statement>,
}

impl<'l> ByName<'l> {
    fn add(
        &mut self,
        statement: Statement,
        destinations: &'l [Destination],
        services: &[Service],
        is_by_address: bool,
    ) {
        for destination in destinations {
            match destination {
                Destination::Names(names) => {
                    self.patterns.extend(names.patterns.iter().chain(&names.except));
                    if is_by_address {
                        self.any_name.insert(statement);
                    }
                    // What goes by the addresses of names may show no name.
                    if services.iter().any(|one| !one.shows_a_name()) {
                        self.no_name.insert(statement);
                    }
                }
                Destination::Url { host, .. } => self.patterns.push(host),
                Destination::Addresses(_)
                | Destination::ServiceTag(_)
                | Destination::FqdnTag(_)
                | Destination::WebCategory(_)
                | Destination::Any => {
                    self.any_name.insert(statement);
                }
            }
            self.statements.resize(self.patterns.len(), statement);
        }
    }
}

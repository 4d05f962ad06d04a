//! A list that is asked about many flows: its statements by the names that they speak of.
//!
//! Of a flow with a name, few statements of a long list speak, and they are found without looking at
//! the others.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use foldhash::HashMap;

use jiff::civil::Date;

use super::names::PatternIndex;
use super::names::names;
use super::views::Statement;
use super::views::carries;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::Observation;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Service;
use crate::intent::permission::Addresses;

/// A list with an index of the statements that are active on a day.
#[derive(Clone, Debug)]
pub struct IndexedIntent<'l> {
    pub(super) intent: &'l Intent,
    pub(super) day: Date,
    /// The DNS proxy of each firewall.
    pub(super) proxies: Vec<Option<IpAddr>>,
    /// Its statements that are active.
    active: Vec<Statement>,
    /// `None` where every statement is asked.
    by_name: Option<ByName<'l>>,
    /// By the statements that mean a source and service, what they part the names into.
    kinds: Arc<RwLock<Kept>>,
}

/// A name that stands for all of its kind, with the statements that may speak of a flow that shows it.
pub(super) type NameKind = (Fqdn, BTreeSet<Statement>);

type Kept = HashMap<Vec<Statement>, Arc<[NameKind]>>;

/// Of so many sets of statements it is kept what they part the names into.
const MOST_KEPT: usize = 16;

impl<'l> IndexedIntent<'l> {
    /// The statements of `intent` that are active on `day`.
    pub fn new(intent: &'l Intent, day: Date) -> IndexedIntent<'l> {
        let mut indexed = IndexedIntent::of_one_flow(intent, day);
        indexed.by_name = Some(ByName::of(intent, &indexed.active));
        indexed
    }

    /// The same without an index: for one flow it takes longer to make than all statements to ask.
    pub(super) fn of_one_flow(intent: &'l Intent, day: Date) -> IndexedIntent<'l> {
        let permissions = (0..intent.permissions.len()).map(Statement::Permission);
        let every = permissions.chain((0..intent.denies.len()).map(Statement::Deny));
        let is_active = |statement: &Statement| match *statement {
            Statement::Permission(at) => {
                intent.permissions.get(at).is_some_and(|one| one.is_active(day))
            }
            Statement::Deny(at) => intent.denies.get(at).is_some_and(|one| one.is_active(day)),
        };
        let active: Vec<Statement> = every.filter(is_active).collect();
        let proxies = intent.dns_proxies();
        IndexedIntent { intent, day, proxies, active, by_name: None, kinds: Arc::default() }
    }

    /// The statements that may speak of a flow with one of `names`; `None` is all of them.
    pub(super) fn of_names<'n>(
        &self,
        names: impl Iterator<Item = &'n Fqdn>,
    ) -> Option<BTreeSet<Statement>> {
        self.by_name.as_ref().map(|by_name| by_name.of_names(names))
    }

    /// The statements that may speak of a flow that shows `host`; `None` is all of them.
    pub(super) fn of_host(&self, host: &Host) -> Option<BTreeSet<Statement>> {
        let by_name = self.by_name.as_ref()?;
        Some(match host {
            Host::Name(name) => by_name.of_names([name].into_iter()),
            // `*` alone matches an address (`azure-firewall.md §2.3`).
            Host::Address(_) => by_name.of_patterns(by_name.index.any().iter().copied()),
        })
    }

    /// The statements that may speak of a flow that shows no name and of which none was told; `None`
    /// is all of them.
    pub(super) fn of_no_name(&self) -> Option<BTreeSet<Statement>> {
        let by_name = self.by_name.as_ref()?;
        Some(by_name.no_name.union(&by_name.any_name).copied().collect())
    }

    /// One name of each kind that the list parts the names into, with the statements that may
    /// speak of a flow that shows it.
    pub(super) fn names_of_each_kind(&self, observation: &Observation) -> Arc<[NameKind]> {
        let concerns = |sources: &Addresses, services: &[Service]| {
            services.iter().any(|one| carries(*one, observation))
                && sources.set.contains(observation.source)
        };
        let concerning = self.active.iter().copied().filter(|statement| match *statement {
            Statement::Permission(at) => {
                let one = self.intent.permissions.get(at);
                one.is_some_and(|one| concerns(&one.sources, &one.services))
            }
            Statement::Deny(at) => {
                let one = self.intent.denies.get(at);
                one.is_some_and(|one| concerns(&one.sources, &one.services))
            }
        });
        let concerning: Vec<Statement> = concerning.collect();
        let known = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(kinds) = known.get(&concerning) {
            return Arc::clone(kinds);
        }
        drop(known);
        let by_name = ByName::of(self.intent, &concerning);
        let with_statements = |name: Fqdn| {
            let concerned = by_name.of_names([&name].into_iter());
            (name, concerned)
        };
        let names = names(by_name.patterns.iter().copied());
        let kinds: Arc<[NameKind]> = names.into_iter().map(with_statements).collect();
        let mut known = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_KEPT {
            known.insert(concerning, Arc::clone(&kinds));
        }
        kinds
    }
}

/// Statements by the names that they speak of.
#[derive(Clone, Debug, Default)]
struct ByName<'l> {
    patterns: Vec<&'l FqdnPattern>,
    index: PatternIndex<'l>,
    /// For each of the patterns, the statement that it stands in.
    statements: Vec<Statement>,
    /// The statements that may speak of a flow with any name, or with none.
    any_name: BTreeSet<Statement>,
    /// Those besides that may speak of a flow that shows no name and of which none was told.
    no_name: BTreeSet<Statement>,
}

impl<'l> ByName<'l> {
    fn of(intent: &'l Intent, statements: &[Statement]) -> ByName<'l> {
        let mut by_name = ByName::default();
        for statement in statements {
            match *statement {
                Statement::Permission(at) => {
                    let Some(one) = intent.permissions.get(at) else { continue };
                    let is_by_address = one.by_address.is_some();
                    by_name.add(*statement, &one.destinations, &one.services, is_by_address);
                }
                Statement::Deny(at) => {
                    let Some(one) = intent.denies.get(at) else { continue };
                    by_name.add(*statement, &one.destinations, &one.services, false);
                }
            }
        }
        by_name.index = PatternIndex::new(by_name.patterns.iter().copied());
        by_name
    }

    fn of_names<'n>(&self, names: impl Iterator<Item = &'n Fqdn>) -> BTreeSet<Statement> {
        self.of_patterns(names.flat_map(|name| self.index.matching(name)))
    }

    fn of_patterns(&self, numbers: impl Iterator<Item = usize>) -> BTreeSet<Statement> {
        let named = numbers.filter_map(|number| self.statements.get(number));
        named.chain(&self.any_name).copied().collect()
    }

    fn add(
        &mut self,
        statement: Statement,
        destinations: &'l [Destination],
        services: &[Service],
        is_by_address: bool,
    ) {
        for destination in destinations {
            self.patterns.extend(destination.every_name_pattern());
            match destination {
                Destination::Names(_) => {
                    if is_by_address {
                        self.any_name.insert(statement);
                    }
                    // What goes by the addresses of names may show no name.
                    if services.iter().any(|one| !one.shows_a_name()) {
                        self.no_name.insert(statement);
                    }
                }
                Destination::Url { .. } => {}
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

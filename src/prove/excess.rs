//! What permissions `by address` let out beyond what they say.

use super::atom::FlowAtom;
use super::encoder::Encoder;
use super::formula::Formula;
use super::listed::Listed;
use super::way::Ways;
use crate::evidence::Lock;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::NameSet;
use crate::flow::set::flows::FlowSet;
use crate::intent::Destination;
use crate::intent::Intent;

/// What a permission `by address` lets out beyond what it says (`semantics.md`, Intent).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Excess {
    /// The permission, as an index into `Intent::permissions`.
    pub permission: usize,
    /// The addresses to which more can be sent than the permission says; nothing where the lock
    /// does not know all of its names, so that it may be any.
    pub addresses: Option<AddressSet>,
    /// Other names that the lock knows at these addresses.
    pub others: Vec<Fqdn>,
}

/// The excess that is accepted and leaves, by permission: `formula` of each of them.
pub(super) struct Beyond {
    pub(super) permission: usize,
    pub(super) formula: Formula,
}

/// The flows of each permission that leave by its accepted excess, and are not what it says. Another
/// permission may say them: to take those out for each would cost more than the whole proof.
pub(super) fn beyond(encoder: &mut Encoder<'_>, list: &Listed, ways: &Ways) -> Vec<Beyond> {
    let accepting = list.permissions.iter().filter(|one| one.excess != Formula::NEVER);
    accepting
        .map(|one| {
            let leaving = encoder.all([one.excess, ways.allow]);
            Beyond { permission: one.index, formula: encoder.without(leaving, one.strict) }
        })
        .collect()
}

/// What `leaving`, the flows of a permission that leave by its excess alone, comes to.
pub(super) fn excess(
    (intent, lock): (&Intent, Option<&Lock>),
    permission: usize,
    leaving: &FlowSet<FlowAtom>,
) -> Option<Excess> {
    if leaving.is_empty() {
        return None;
    }
    let names = intent.permissions.get(permission)?.destinations.iter();
    let patterns: Vec<&FqdnPattern> = names
        .filter_map(|destination| match destination {
            Destination::Names(names) => Some(&names.patterns),
            _ => None,
        })
        .flatten()
        .collect();
    let is_locked = |pattern: &&FqdnPattern| match pattern {
        FqdnPattern::Exact(name) => lock.is_some_and(|lock| lock.name(name).is_some()),
        FqdnPattern::Any | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => false,
    };
    if !patterns.iter().all(is_locked) {
        return Some(Excess { permission, addresses: None, others: Vec::new() });
    }
    let addresses = leaving.destinations();
    let own: NameSet = patterns.into_iter().collect();
    let others = lock.into_iter().flat_map(Lock::names).filter(|one| {
        !own.contains(&one.name) && one.addresses.iter().any(|at| addresses.contains(*at))
    });
    let others = others.map(|one| one.name.clone()).collect();
    Some(Excess { permission, addresses: Some(addresses), others })
}

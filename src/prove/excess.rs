//! What permissions `by address` let out beyond what they say.

use super::atom::FlowAtom;
use super::encoder::Encoder;
use super::formula::Formula;
use super::listed::Listed;
use crate::evidence::Lock;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::NameSet;
use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::Points;
use crate::flow::set::flows::Set;
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

/// The accepted excess of a permission that is not what it says itself. Another permission may say
/// it: to take that out for each would cost more than the whole proof.
pub(super) struct Beyond {
    pub(super) permission: usize,
    pub(super) formula: Formula,
    /// The names of the permission, where the lock knows the addresses of each.
    locked: Option<NameSet>,
}

/// What each permission accepts beyond what it says.
pub(super) fn beyond(
    encoder: &mut Encoder<'_>,
    (intent, lock): (&Intent, Option<&Lock>),
    list: &Listed,
) -> Vec<Beyond> {
    let accepting = list.permissions.iter().filter(|one| one.excess != Formula::NEVER);
    accepting
        .map(|one| Beyond {
            permission: one.index,
            formula: encoder.without(one.excess, one.strict),
            locked: locked((intent, lock), one.index),
        })
        .collect()
}

/// The names of a permission, if the lock knows each.
fn locked((intent, lock): (&Intent, Option<&Lock>), permission: usize) -> Option<NameSet> {
    let names = intent.permissions.get(permission)?.destinations.iter();
    let patterns: Vec<&FqdnPattern> = names.flat_map(Destination::name_patterns).collect();
    let is_locked = |pattern: &&FqdnPattern| match pattern {
        FqdnPattern::Exact(name) => lock.is_some_and(|lock| lock.name(name).is_some()),
        FqdnPattern::Any | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => false,
    };
    patterns.iter().all(is_locked).then(|| patterns.into_iter().collect())
}

impl Beyond {
    /// What the permission lets out beyond what it says, if it does: of the flows `accepted`, those
    /// in each of `leaving`.
    pub(super) fn excess<'id>(
        &self,
        algebra: &mut Algebra<'id, FlowAtom>,
        lock: Option<&Lock>,
        accepted: Set<'id>,
        leaving: [Set<'id>; 3],
    ) -> Result<Option<Excess>, AlgebraError> {
        let permission = self.permission;
        let [a, b, c] = leaving;
        if !algebra.has_flow([accepted, a, b, c].map(Points::from), [])? {
            return Ok(None);
        }
        let Some(own) = &self.locked else {
            return Ok(Some(Excess { permission, addresses: None, others: Vec::new() }));
        };
        let mut common = accepted;
        for one in leaving {
            common = algebra.intersection(common, one)?;
        }
        let addresses = algebra.freeze(common)?.destinations();
        let others = lock.into_iter().flat_map(Lock::names).filter(|one| {
            !own.contains(&one.name) && one.addresses.iter().any(|at| addresses.contains(*at))
        });
        let others = others.map(|one| one.name.clone()).collect();
        Ok(Some(Excess { permission, addresses: Some(addresses), others }))
    }
}

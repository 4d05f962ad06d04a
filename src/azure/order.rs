//! The order in which a firewall looks at collections (`azure-firewall.md §1.2`).

use super::deployment::Deployment;
use super::deployment::RuleId;
use super::deployment::RuleRef;
use super::key::Key;
use super::policy::Policy;
use super::policy::RuleCollection;
use super::policy::RuleCollectionGroup;
use super::policy::Rules;

/// Parents beyond this many are refused: Azure allows one level, and a longer chain is a cycle.
pub const MAX_PARENTS: usize = 16;

/// The kinds of rules, in the order in which a firewall passes over them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RuleKind {
    /// DNAT rules.
    Nat,
    /// Network rules.
    Network,
    /// Application rules.
    Application,
}

impl Rules {
    /// The kind of the rules.
    pub fn kind(&self) -> RuleKind {
        match self {
            Rules::Nat(_) => RuleKind::Nat,
            Rules::Network(..) => RuleKind::Network,
            Rules::Application(..) => RuleKind::Application,
        }
    }
}

/// A collection with the policy and group that it lies in.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The name of the policy.
    pub policy: &'a Key,
    /// The group.
    pub group: &'a RuleCollectionGroup,
    /// The collection.
    pub collection: &'a RuleCollection,
}

impl<'a> Placed<'a> {
    /// The id of the rule called `rule` in this collection.
    pub fn rule_id(&self, rule: &str) -> RuleId {
        self.rule_ref(rule).to_id()
    }

    /// The same without names of its own.
    pub fn rule_ref<'r>(&self, rule: &'r str) -> RuleRef<'r>
    where
        'a: 'r,
    {
        let Placed { policy, group, collection } = *self;
        RuleRef { policy, group: &group.name, collection: &collection.name, rule }
    }
}

/// Why there is no order.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OrderError {
    /// A policy names a parent that is not in the deployment.
    #[error("policy `{policy}` names the parent `{parent}`, which the deployment does not hold")]
    UnknownParent {
        /// The child.
        policy: Key,
        /// The parent that it names.
        parent: Key,
    },
    /// The deployment does not hold the policy.
    #[error("the deployment holds no policy `{policy}`")]
    UnknownPolicy {
        /// The policy.
        policy: Key,
    },
    /// A chain of parents comes back to itself or is too long.
    #[error("the parents of policy `{policy}` form a cycle")]
    Cycle {
        /// The policy.
        policy: Key,
    },
    /// Two siblings have one priority, so that their order is not known
    /// (`azure-firewall.md §1.2`, modelling choice).
    #[error(
        "`{first}` and `{second}` in `{within}` both have priority {priority}; their order is not known"
    )]
    Tie {
        /// The policy or group that holds both.
        within: Key,
        /// One of them.
        first: Key,
        /// The other.
        second: Key,
        /// Their priority.
        priority: u16,
    },
}

impl Deployment {
    /// The chain of `policy`, its root parent first.
    ///
    /// # Errors
    /// A parent that is missing, or a cycle.
    pub fn policy_chain(&self, policy: &Key) -> Result<Vec<(&Key, &Policy)>, OrderError> {
        let Some(entry) = self.policies.get_key_value(policy) else {
            return Err(OrderError::UnknownPolicy { policy: policy.clone() });
        };
        let mut chain = vec![entry];
        let (mut child, mut current) = entry;
        while let Some(base) = &current.base {
            if chain.len() > MAX_PARENTS {
                return Err(OrderError::Cycle { policy: policy.clone() });
            }
            let Some(parent) = self.policies.get_key_value(base) else {
                let (policy, parent) = (child.clone(), base.clone());
                return Err(OrderError::UnknownParent { policy, parent });
            };
            (child, current) = parent;
            chain.push(parent);
        }
        chain.reverse();
        Ok(chain)
    }

    /// The collections of `kind` in the order in which a firewall with `policy` looks at them:
    /// parents first, then by priority of the group, then by priority of the collection.
    ///
    /// # Errors
    /// A parent that is missing, a cycle, or two siblings with one priority.
    pub fn collections_in_order(
        &self,
        policy: &Key,
        kind: RuleKind,
    ) -> Result<Vec<Placed<'_>>, OrderError> {
        let mut placed = Vec::new();
        for (name, policy) in self.policy_chain(policy)? {
            let mut groups: Vec<&RuleCollectionGroup> = policy.groups.iter().collect();
            groups.sort_by_key(|group| group.priority);
            refuse_ties(name, groups.iter().map(|group| (&group.name, group.priority.get())))?;
            for group in groups {
                let mut collections: Vec<&RuleCollection> =
                    group.collections.iter().filter(|c| c.rules.kind() == kind).collect();
                collections.sort_by_key(|collection| collection.priority);
                let siblings = collections.iter().map(|c| (&c.name, c.priority.get()));
                refuse_ties(&group.name, siblings)?;
                placed.extend(collections.into_iter().map(|collection| Placed {
                    policy: name,
                    group,
                    collection,
                }));
            }
        }
        Ok(placed)
    }
}

/// Refuses equal priorities among siblings that are sorted by priority.
fn refuse_ties<'a>(
    within: &Key,
    sorted: impl Iterator<Item = (&'a Key, u16)>,
) -> Result<(), OrderError> {
    let mut previous: Option<(&Key, u16)> = None;
    for (name, priority) in sorted {
        if let Some((first, same)) = previous.filter(|(_, other)| *other == priority) {
            return Err(OrderError::Tie {
                within: within.clone(),
                first: first.clone(),
                second: name.clone(),
                priority: same,
            });
        }
        previous = Some((name, priority));
    }
    Ok(())
}

//! The order in which a firewall looks at collections (`azure-firewall.md §1.2`, §10.2).

use super::CertificateError;
use super::template::Collection;
use super::template::Group;
use super::template::Kind;
use super::template::Policy;
use super::template::Resources;

/// A collection and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'r> {
    pub(super) policy: &'r Policy,
    pub(super) group: &'r Group,
    pub(super) collection: &'r Collection,
    pub(super) allows: bool,
}

impl Placed<'_> {
    /// The path of one of its rules.
    pub(super) fn rule(&self, name: &str) -> String {
        let (policy, group) = (&self.policy.name, &self.group.name);
        format!("{policy}/{group}/{}/{name}", self.collection.name)
    }
}

/// The collections of a policy and its parents, in the order in which they are looked at.
#[derive(Debug, Default)]
pub(super) struct InOrder<'r> {
    /// The policies, the root parent first.
    pub(super) chain: Vec<&'r Policy>,
    pub(super) network: Vec<Placed<'r>>,
    pub(super) application: Vec<Placed<'r>>,
}

impl<'r> InOrder<'r> {
    /// Those of the one policy that is written and that no other extends.
    pub(super) fn of(resources: &'r Resources) -> Result<InOrder<'r>, CertificateError> {
        let is_extended = |name: &str| {
            resources.policies.values().any(|policy| policy.base.as_deref() == Some(name))
        };
        let leaves: Vec<&Policy> = resources
            .policies
            .iter()
            .filter(|(name, policy)| policy.is_written && !is_extended(name))
            .map(|(_, policy)| policy)
            .collect();
        let [leaf] = leaves.as_slice() else {
            let names = leaves.iter().map(|policy| policy.name.clone()).collect();
            return Err(CertificateError::NotOnePolicy { names });
        };
        let chain = chain(resources, leaf)?;
        let mut all = InOrder { chain, ..InOrder::default() };
        for policy in all.chain.clone() {
            all.add(policy)?;
        }
        Ok(all)
    }

    /// Adds the collections of `policy` behind those that are there.
    fn add(&mut self, policy: &'r Policy) -> Result<(), CertificateError> {
        let path = |group: &Group| format!("{}/{}", policy.name, group.name);
        let mut groups: Vec<&Group> = policy.groups.iter().collect();
        groups.sort_by_key(|group| group.priority);
        untied(&groups, |group| group.priority, |group| path(group))?;
        for group in groups {
            let mut sorted: Vec<&Collection> = group.collections.iter().collect();
            sorted.sort_by_key(|collection| collection.priority);
            let mut of_kind: [Vec<&Collection>; 2] = [Vec::new(), Vec::new()];
            let [network, application] = &mut of_kind;
            for collection in sorted {
                let at = format!("{}/{}", path(group), collection.name);
                let (kind, placed, allows) = match collection.kind(&at)? {
                    Kind::Network { allows } => (&mut *network, &mut self.network, allows),
                    Kind::Application { allows } => {
                        (&mut *application, &mut self.application, allows)
                    }
                    Kind::Nat => {
                        return Err(CertificateError::NotCovered { what: "DNAT rules", at });
                    }
                };
                kind.push(collection);
                placed.push(Placed { policy, group, collection, allows });
            }
            for kind in of_kind {
                let path = |one: &Collection| format!("{}/{}", path(group), one.name);
                untied(&kind, |one| one.priority, |one| path(one))?;
            }
        }
        Ok(())
    }
}

/// The policy with its parents, the root first.
fn chain<'r>(
    resources: &'r Resources,
    leaf: &'r Policy,
) -> Result<Vec<&'r Policy>, CertificateError> {
    let mut chain = vec![leaf];
    let mut last = leaf;
    while let Some(base) = &last.base {
        let missing = || CertificateError::Missing {
            at: format!("policy `{}`", last.name),
            what: "policy",
            name: base.clone(),
        };
        // Groups without their policy make none.
        let parent = resources.policies.get(base).filter(|policy| !policy.name.is_empty());
        last = parent.ok_or_else(missing)?;
        if chain.len() > resources.policies.len() {
            return Err(CertificateError::Cycle { name: last.name.clone() });
        }
        chain.push(last);
    }
    chain.reverse();
    Ok(chain)
}

/// Refuses neighbours of one priority in what is sorted by it.
fn untied<T>(
    sorted: &[&T],
    priority: impl Fn(&T) -> u16,
    name: impl Fn(&T) -> String,
) -> Result<(), CertificateError> {
    for pair in sorted.windows(2) {
        if let [one, other] = pair
            && priority(one) == priority(other)
        {
            return Err(CertificateError::Tie { one: name(one), other: name(other) });
        }
    }
    Ok(())
}

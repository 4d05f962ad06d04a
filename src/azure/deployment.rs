//! The whole of what is deployed.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::address::AddressEntry;
use super::cluster::Cluster;
use super::firewall::Firewall;
use super::key::Key;
use super::network::Subnet;
use super::network::VirtualNetwork;
use super::policy::Action;
use super::policy::Policy;
use super::policy::RuleCollection;
use super::policy::Rules;
use super::route::RouteTable;
use super::rule::ApplicationRule;
use super::rule::NatRule;
use super::rule::NetworkRule;
use super::security_group::NetworkSecurityGroup;

/// Where a resource lies.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope {
    /// The subscription, where known.
    pub subscription: Option<String>,
    /// The resource group, where known.
    pub resource_group: Option<String>,
    /// The ARM location, such as `westeurope`, where known.
    pub location: Option<String>,
}

/// Whether a resource is ours to write.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Ownership {
    /// It exists; it is only referred to.
    #[default]
    Existing,
    /// It is emitted.
    Ours,
}

/// A list of addresses under a name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IpGroup {
    /// Where it lies.
    pub scope: Scope,
    /// Whether it is ours to write.
    pub ownership: Ownership,
    /// `ipAddresses`. A rule that refers to an empty group is skipped (`azure-firewall.md §3.4`).
    pub addresses: Vec<AddressEntry>,
}

/// The place of a rule, unique in a deployment whose names are.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RuleId {
    /// The policy.
    pub policy: Key,
    /// The rule collection group.
    pub group: Key,
    /// The rule collection.
    pub collection: Key,
    /// The rule.
    pub rule: String,
}

/// A [`RuleId`] whose names lie elsewhere.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RuleRef<'a> {
    pub(super) policy: &'a Key,
    pub(super) group: &'a Key,
    pub(super) collection: &'a Key,
    pub(super) rule: &'a str,
}

impl RuleRef<'_> {
    /// The same with names of its own.
    pub fn to_id(self) -> RuleId {
        let RuleRef { policy, group, collection, rule } = self;
        let [policy, group, collection] = [policy, group, collection].map(Key::clone);
        RuleId { policy, group, collection, rule: rule.to_owned() }
    }
}

impl<'a> From<&'a RuleId> for RuleRef<'a> {
    fn from(id: &'a RuleId) -> RuleRef<'a> {
        let RuleId { policy, group, collection, rule } = id;
        RuleRef { policy, group, collection, rule }
    }
}

impl fmt::Display for RuleId {
    /// `group/collection/rule`, as reports write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.group, self.collection, self.rule)
    }
}

/// Two deployments describe one resource.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind} `{name}`")]
pub struct DescribedTwice {
    /// What it is.
    pub kind: &'static str,
    /// Its name.
    pub name: Key,
}

/// A rule with the action of its collection.
#[derive(Clone, Debug, PartialEq)]
pub enum FoundRule {
    /// An application rule.
    Application(Action, ApplicationRule),
    /// A network rule.
    Network(Action, NetworkRule),
    /// A NAT rule.
    Nat(NatRule),
}

/// Where a rule comes from.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Origin {
    /// The file, relative to the root of the rules. Never a line: lines move.
    pub file: String,
    /// The label of the permission, with the aliases of the imports on the way (`aks::pull`).
    pub label: String,
}

/// Something that an import could not know, such as the value of a template's parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unknown {
    /// Its name, unique in the deployment.
    pub name: String,
    /// Why it is not known.
    pub because: String,
}

/// Everything deployed that decides what leaves.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Deployment {
    /// Firewall policies.
    pub policies: BTreeMap<Key, Policy>,
    /// Firewalls.
    pub firewalls: BTreeMap<Key, Firewall>,
    /// IP groups.
    pub ip_groups: BTreeMap<Key, IpGroup>,
    /// Virtual networks.
    pub virtual_networks: BTreeMap<Key, VirtualNetwork>,
    /// Route tables.
    pub route_tables: BTreeMap<Key, RouteTable>,
    /// Network security groups.
    pub network_security_groups: BTreeMap<Key, NetworkSecurityGroup>,
    /// AKS clusters.
    pub clusters: BTreeMap<Key, Cluster>,
    /// What is not known, by name.
    pub unknowns: Vec<Unknown>,
    /// Which permission a rule comes from.
    pub origins: BTreeMap<RuleId, Origin>,
}

impl Deployment {
    /// The subnet that holds `address`, the first by the names of networks, and its network.
    pub fn subnet_of(&self, address: IpAddr) -> Option<(&Key, &Subnet)> {
        self.virtual_networks.iter().find_map(|(name, network)| {
            let holds = |subnet: &&Subnet| subnet.prefixes.iter().any(|one| one.contains(&address));
            network.subnets.iter().find(holds).map(|subnet| (name, subnet))
        })
    }

    /// Takes the resources of `more` in.
    ///
    /// # Errors
    /// The kind and name of a resource that both describe; this deployment then holds a part of
    /// `more` and is of no use.
    pub fn absorb(&mut self, more: Deployment) -> Result<(), DescribedTwice> {
        take(&mut self.policies, more.policies, "firewall policy")?;
        take(&mut self.firewalls, more.firewalls, "firewall")?;
        take(&mut self.ip_groups, more.ip_groups, "IP group")?;
        take(&mut self.virtual_networks, more.virtual_networks, "virtual network")?;
        take(&mut self.route_tables, more.route_tables, "route table")?;
        let groups = more.network_security_groups;
        take(&mut self.network_security_groups, groups, "network security group")?;
        take(&mut self.clusters, more.clusters, "cluster")?;
        self.unknowns.extend(more.unknowns);
        self.origins.extend(more.origins);
        Ok(())
    }

    /// The rule with this id.
    pub fn find_rule(&self, id: &RuleId) -> Option<FoundRule> {
        let collection = self.policies.get(&id.policy)?.collection(id)?;
        match &collection.rules {
            Rules::Application(action, rules) => rules
                .iter()
                .find(|rule| rule.name == id.rule)
                .map(|rule| FoundRule::Application(*action, rule.clone())),
            Rules::Network(action, rules) => rules
                .iter()
                .find(|rule| rule.name == id.rule)
                .map(|rule| FoundRule::Network(*action, rule.clone())),
            Rules::Nat(rules) => rules
                .iter()
                .find(|rule| rule.name == id.rule)
                .map(|rule| FoundRule::Nat(rule.clone())),
        }
    }

    /// The deployment with `instead` in place of the rule with this id, or without that rule. A
    /// collection or group that would be left without content goes with its last rule. The rule
    /// put in must be of the kind of its collection; another one leaves the deployment as it is.
    #[must_use]
    pub fn with_rule(&self, id: &RuleId, instead: Option<&FoundRule>) -> Deployment {
        let mut changed = self.clone();
        let Some(policy) = changed.policies.get_mut(&id.policy) else { return changed };
        for group in policy.groups.iter_mut().filter(|group| group.name == id.group) {
            for collection in group.collections.iter_mut().filter(|c| c.name == id.collection) {
                replace(collection, &id.rule, instead);
            }
            group.collections.retain(|collection| !collection.rules.is_empty());
        }
        policy.groups.retain(|group| !group.collections.is_empty());
        changed.origins.remove(id);
        changed
    }
}

/// Moves the resources of `more` to `all`, unless one has a name that is taken.
fn take<T>(
    all: &mut BTreeMap<Key, T>,
    more: BTreeMap<Key, T>,
    kind: &'static str,
) -> Result<(), DescribedTwice> {
    for (name, resource) in more {
        if all.contains_key(&name) {
            return Err(DescribedTwice { kind, name });
        }
        all.insert(name, resource);
    }
    Ok(())
}

impl Policy {
    /// The collection in which the rule with this id lies.
    fn collection(&self, id: &RuleId) -> Option<&RuleCollection> {
        let mut groups = self.groups.iter().filter(|group| group.name == id.group);
        groups.find_map(|group| group.collections.iter().find(|c| c.name == id.collection))
    }
}

impl Rules {
    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        match self {
            Rules::Application(_, rules) => rules.is_empty(),
            Rules::Network(_, rules) => rules.is_empty(),
            Rules::Nat(rules) => rules.is_empty(),
        }
    }
}

fn replace(collection: &mut RuleCollection, name: &str, instead: Option<&FoundRule>) {
    match (&mut collection.rules, instead) {
        (Rules::Application(_, rules), None) => rules.retain(|rule| rule.name != name),
        (Rules::Network(_, rules), None) => rules.retain(|rule| rule.name != name),
        (Rules::Nat(rules), None) => rules.retain(|rule| rule.name != name),
        (Rules::Application(_, rules), Some(FoundRule::Application(_, new))) => {
            rules.iter_mut().filter(|rule| rule.name == name).for_each(|rule| *rule = new.clone());
        }
        (Rules::Network(_, rules), Some(FoundRule::Network(_, new))) => {
            rules.iter_mut().filter(|rule| rule.name == name).for_each(|rule| *rule = new.clone());
        }
        (Rules::Nat(rules), Some(FoundRule::Nat(new))) => {
            rules.iter_mut().filter(|rule| rule.name == name).for_each(|rule| *rule = new.clone());
        }
        (Rules::Application(..) | Rules::Network(..) | Rules::Nat(_), Some(_)) => {}
    }
}

//! The whole of what is deployed.

use std::collections::BTreeMap;
use std::fmt;

use super::address::AddressEntry;
use super::cluster::Cluster;
use super::firewall::Firewall;
use super::key::Key;
use super::network::VirtualNetwork;
use super::policy::Policy;
use super::route::RouteTable;
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

impl fmt::Display for RuleId {
    /// `group/collection/rule`, as reports write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.group, self.collection, self.rule)
    }
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

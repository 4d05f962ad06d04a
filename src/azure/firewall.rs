//! Firewalls.

use std::net::IpAddr;

use super::deployment::Ownership;
use super::deployment::Scope;
use super::key::Key;
use super::policy::Tier;

/// Where a firewall stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FirewallPlace {
    /// In the `AzureFirewallSubnet` of a virtual network (`AZFW_VNet`).
    VirtualNetwork(Key),
    /// In a secured virtual hub (`AZFW_Hub`), by the hub's name.
    Hub(String),
}

/// A firewall. Rules of a classic firewall (`azure-firewall.md §7.5`) are kept as a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Firewall {
    /// Where it lies.
    pub scope: Scope,
    /// Whether it is ours to write.
    pub ownership: Ownership,
    /// `sku.tier`.
    pub tier: Tier,
    /// Where it stands.
    pub place: FirewallPlace,
    /// The policy that it enforces; `None` denies everything.
    pub policy: Option<Key>,
    /// Its private address, to which routes point.
    pub private_address: IpAddr,
    /// Its public addresses.
    pub public_addresses: Vec<IpAddr>,
    /// Whether it has a management interface, so that its own subnet may have another default
    /// route (`azure-routing.md §9.1`).
    pub forced_tunneling: bool,
}

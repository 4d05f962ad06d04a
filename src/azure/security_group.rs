//! Network security groups (`azure-nsg.md §1`).

use super::address::DestinationEntry;
use super::deployment::Ownership;
use super::deployment::Scope;
use super::policy::Action;
use super::rule::PortEntry;
use crate::flow::IpProtocol;

/// The direction of a security rule.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// `Inbound`.
    Inbound,
    /// `Outbound`.
    Outbound,
}

impl Direction {
    /// Azure's word.
    pub fn keyword(self) -> &'static str {
        match self {
            Direction::Inbound => "Inbound",
            Direction::Outbound => "Outbound",
        }
    }
}

/// A security rule. The priority, 100 to 4096, is unique per direction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecurityRule {
    /// `name`.
    pub name: String,
    /// `description`.
    pub description: Option<String>,
    /// `priority`; the lowest is looked at first.
    pub priority: u16,
    /// `direction`.
    pub direction: Direction,
    /// `access`.
    pub access: Action,
    /// `protocol`; `None` is `*`.
    pub protocol: Option<IpProtocol>,
    /// `sourceAddressPrefix` or `sourceAddressPrefixes`.
    pub sources: Vec<DestinationEntry>,
    /// `sourcePortRange` or `sourcePortRanges`.
    pub source_ports: Vec<PortEntry>,
    /// `destinationAddressPrefix` or `destinationAddressPrefixes`.
    pub destinations: Vec<DestinationEntry>,
    /// `destinationPortRange` or `destinationPortRanges`.
    pub destination_ports: Vec<PortEntry>,
    /// Names of the application security groups that the source must be in, where any are named.
    pub source_groups: Vec<String>,
    /// Names of the application security groups that the destination must be in.
    pub destination_groups: Vec<String>,
}

/// A network security group. The default rules of `azure-nsg.md §1.2` are not listed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NetworkSecurityGroup {
    /// Where it lies.
    pub scope: Scope,
    /// Whether it is ours to write.
    pub ownership: Ownership,
    /// `securityRules`, in no particular order.
    pub rules: Vec<SecurityRule>,
}

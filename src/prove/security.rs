//! What the network security group of a subnet lets out (`azure-nsg.md §1`, `§2`).

use super::atom::FlowAtom;
use super::atom::Party;
use super::atom::Subject;
use super::encoder::Encoder;
use super::encoder::PortOf;
use super::formula::Formula;
use crate::azure::Key;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::address::ServiceTag;
use crate::azure::policy::Action;
use crate::azure::route::RouteDestination;
use crate::azure::rule::PortEntry;
use crate::azure::security_group::Direction;
use crate::azure::security_group::NetworkSecurityGroup;
use crate::azure::security_group::SecurityRule;
use crate::flow::AddressSet;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::set::flows::AxisSet;
use crate::simulate::assumptions::VNET_TAG_INCLUDES_DEFAULT;
use crate::simulate::route::Vantage;
use crate::simulate::security::AGENT_PORTS;
use crate::simulate::security::AZURE_HOST;
use crate::simulate::security::METADATA;
use crate::simulate::special_purpose::platform_addresses;
use crate::simulate::special_purpose::private_addresses;

/// A service of the platform that ordinary rules do not reach (`azure-nsg.md §1.5`).
struct Platform {
    /// The flows to it.
    flows: Formula,
    /// The tag that a rule has to name; nothing stops the flows where there is none.
    tag: Option<&'static str>,
}

impl<'a> Encoder<'a> {
    /// The flows that the group of the subnet lets out, as if they came from `source`.
    pub(super) fn let_out(&mut self, vantage: Vantage<'a>, source: Party) -> Formula {
        let Some(name) = vantage.subnet.network_security_group.as_ref() else {
            return Formula::ALWAYS;
        };
        match vantage.deployment.network_security_groups.get(name) {
            Some(group) => self.outbound(group, vantage, source),
            None => self.unknown_group(name, source),
        }
    }

    fn unknown_group(&mut self, name: &Key, source: Party) -> Formula {
        let before = format!("network security group {name} allows ");
        let subject = Subject::Flow(source);
        self.ask(FlowAtom::Named { before, subject, after: String::new() })
    }

    fn outbound(
        &mut self,
        group: &'a NetworkSecurityGroup,
        vantage: Vantage<'a>,
        source: Party,
    ) -> Formula {
        let mut rules: Vec<&SecurityRule> =
            group.rules.iter().filter(|rule| rule.direction == Direction::Outbound).collect();
        rules.sort_by_key(|rule| rule.priority);
        let matches: Vec<Formula> =
            rules.iter().map(|rule| self.security_rule(rule, vantage, source)).collect();
        let fold = |encoder: &mut Encoder<'a>,
                    last: Formula,
                    applies: &dyn Fn(&SecurityRule) -> bool| {
            let mut allowed = last;
            for (rule, matches) in rules.iter().zip(&matches).rev().filter(|(r, _)| applies(r)) {
                allowed = match rule.access {
                    Action::Allow => encoder.any([*matches, allowed]),
                    Action::Deny => encoder.without(allowed, *matches),
                };
            }
            allowed
        };
        let by_default = self.by_default(vantage, source);
        let mut allowed = fold(self, by_default, &|_| true);
        for platform in self.platform_services() {
            let let_out = match platform.tag {
                Some(tag) => fold(self, Formula::ALWAYS, &|rule| names_tag(rule, tag)),
                None => Formula::ALWAYS,
            };
            allowed = self.formulas.choose(platform.flows, let_out, allowed);
        }
        allowed
    }

    /// The default rules (`azure-nsg.md §1.2`).
    fn by_default(&mut self, vantage: Vantage<'a>, source: Party) -> Formula {
        let from = self.in_virtual_network(source, vantage);
        let to = self.in_virtual_network(Party::Destination, vantage);
        let within = self.all([from, to]);
        let internet = self.in_internet(Party::Destination, vantage);
        self.any([within, internet])
    }

    /// Flows to the platform's services, apart from one another.
    fn platform_services(&mut self) -> [Platform; 3] {
        let metadata = self.address(Party::Destination, &METADATA.into());
        let host = self.address(Party::Destination, &AZURE_HOST.into());
        let dns = self.is_port(PortOf::Destination, 53);
        let agents: PortSet = AGENT_PORTS.into_iter().map(PortRange::single).collect();
        let agents = self.port(PortOf::Destination, &agents);
        [
            Platform { flows: metadata, tag: Some("azureplatformimds") },
            Platform { flows: self.all([host, dns]), tag: Some("azureplatformdns") },
            Platform { flows: self.all([host, agents]), tag: None },
        ]
    }

    fn security_rule(
        &mut self,
        rule: &'a SecurityRule,
        vantage: Vantage<'a>,
        source: Party,
    ) -> Formula {
        let protocol = match rule.protocol {
            Some(protocol) => self.protocol([protocol]),
            None => Formula::ALWAYS,
        };
        let to_port = self.holds_port(&rule.destination_ports, AxisSet::destination_ports);
        let from_port = self.holds_source_port(&rule.source_ports);
        let from = self.side(&rule.sources, &rule.source_groups, source, vantage);
        let to =
            self.side(&rule.destinations, &rule.destination_groups, Party::Destination, vantage);
        self.all([protocol, to_port, from_port, from, to])
    }

    /// A protocol without ports is matched by `*` alone.
    fn holds_port(
        &mut self,
        entries: &[PortEntry],
        on_axis: impl Fn(&PortSet) -> AxisSet,
    ) -> Formula {
        if entries.contains(&PortEntry::Any) {
            return Formula::ALWAYS;
        }
        let set: PortSet = entries.iter().map(|entry| entry.range()).collect();
        let has_ports = self.has_ports();
        let port = self.formulas.lies_in(on_axis(&set));
        self.all([has_ports, port])
    }

    /// A source port of 0 is one that was not seen.
    fn holds_source_port(&mut self, entries: &[PortEntry]) -> Formula {
        let holds = self.holds_port(entries, AxisSet::source_ports);
        if holds == Formula::ALWAYS {
            return holds;
        }
        let zero = PortRange::single(0).into();
        let unseen = self.formulas.lies_in(AxisSet::source_ports(&zero));
        let has_ports = self.has_ports();
        let unseen = self.all([has_ports, unseen]);
        self.unseen_source_port = unseen;
        let ports: Vec<String> = entries.iter().map(ToString::to_string).collect();
        let perhaps = self.named(format!("the source port is one of {}", ports.join(", ")));
        self.formulas.choose(unseen, perhaps, holds)
    }

    /// Addresses, tags and application security groups are alternatives.
    fn side(
        &mut self,
        entries: &[DestinationEntry],
        groups: &[String],
        party: Party,
        vantage: Vantage<'a>,
    ) -> Formula {
        let mut addresses: Vec<AddressEntry> = Vec::new();
        let mut one_of = Vec::new();
        for entry in entries {
            match entry {
                DestinationEntry::ServiceTag(tag) => {
                    one_of.push(self.in_any_tag(tag, party, vantage));
                }
                DestinationEntry::Addresses(entry) => addresses.push(entry.clone()),
            }
        }
        one_of.push(self.entries(party, &addresses));
        for group in groups {
            let after = format!(" in application security group {group}");
            one_of.push(self.address_named(party, after));
        }
        self.any(one_of)
    }

    /// The address is in the tag, also in one that Microsoft's file does not hold
    /// (`azure-nsg.md §2`).
    fn in_any_tag(&mut self, tag: &ServiceTag, party: Party, vantage: Vantage<'a>) -> Formula {
        let tag = tag.folded();
        match tag.as_str() {
            "virtualnetwork" => self.in_virtual_network(party, vantage),
            "internet" => self.in_internet(party, vantage),
            "azureloadbalancer" | "azureplatformdns" => self.address(party, &AZURE_HOST.into()),
            "azureplatformimds" => self.address(party, &METADATA.into()),
            _ => self.in_tag(tag, party),
        }
    }

    /// The tag `VirtualNetwork`.
    fn in_virtual_network(&mut self, party: Party, vantage: Vantage<'a>) -> Formula {
        let peers = vantage.peers().filter(|(peering, _, _)| peering.allow_virtual_network_access);
        let peered = peers.flat_map(|(_, _, remote)| remote.address_space.iter());
        let connected = vantage.network.address_space.iter().chain(peered).copied();
        let connected = connected.chain(vantage.behind_gateways());
        let mut within: AddressSet = connected.chain(vantage.overlays()).collect();
        within = within.union(&AZURE_HOST.into());
        let mut by_default_route = AddressSet::empty();
        let mut one_of = Vec::new();
        let table = vantage.table().map(|(_, table)| table.routes.as_slice()).unwrap_or_default();
        for route in table {
            match &route.destination {
                RouteDestination::Prefix(prefix) if prefix.prefix_len() == 0 => {
                    by_default_route = by_default_route.union(&(*prefix).into());
                }
                RouteDestination::Prefix(prefix) => within = within.union(&(*prefix).into()),
                RouteDestination::ServiceTag(tag) => one_of.push(self.in_tag(tag.folded(), party)),
            }
        }
        one_of.push(self.address(party, &within));
        let by_default_route = self.address(party, &by_default_route);
        let counts = self.second_reading(VNET_TAG_INCLUDES_DEFAULT);
        one_of.push(self.all([by_default_route, counts]));
        self.any(one_of)
    }

    /// The tag `Internet`: what lies outside `VirtualNetwork` and can be reached from the internet.
    fn in_internet(&mut self, party: Party, vantage: Vantage<'a>) -> Formula {
        let kept = private_addresses().union(platform_addresses());
        let outside = self.address(party, &AddressSet::all().difference(&kept));
        let within = self.in_virtual_network(party, vantage);
        self.without(outside, within)
    }
}

fn names_tag(rule: &SecurityRule, tag: &str) -> bool {
    rule.destinations.iter().any(|entry| match entry {
        DestinationEntry::ServiceTag(named) => named.folded() == tag,
        DestinationEntry::Addresses(_) => false,
    })
}

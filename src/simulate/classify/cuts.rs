//! Every address that a deployment or a list compares a flow's addresses with, and every port that its
//! destination's is compared with.
//!
//! Each structure is taken apart by name and without `..`, so that a field which is added later
//! does not compile until somebody has said here whether flows are compared with it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use ipnet::IpNet;

use super::super::firewall::PROXIED_PORTS;
use super::super::representatives::OTHER_PORTS;
use super::super::security::AGENT_PORTS;
use super::super::security::AZURE_HOST;
use super::super::security::DNS;
use super::super::security::METADATA;
use super::super::special_purpose::dropped_by_azure;
use super::super::special_purpose::platform_addresses;
use super::super::special_purpose::private_addresses;
use crate::azure::Deployment;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::cluster::Cluster;
use crate::azure::deployment::IpGroup;
use crate::azure::firewall::Firewall;
use crate::azure::network::PrivateEndpoint;
use crate::azure::network::Subnet;
use crate::azure::network::VirtualNetwork;
use crate::azure::policy::ExplicitProxy;
use crate::azure::policy::Policy;
use crate::azure::policy::PrivateRange;
use crate::azure::policy::RuleCollection;
use crate::azure::policy::RuleCollectionGroup;
use crate::azure::policy::Rules;
use crate::azure::policy::SnatSettings;
use crate::azure::policy::ThreatIntelAllowlist;
use crate::azure::route::NextHop;
use crate::azure::route::Route;
use crate::azure::route::RouteDestination;
use crate::azure::route::RouteTable;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NatRule;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::SQL_REDIRECT_PORTS;
use crate::azure::rule::Sources;
use crate::azure::security_group::NetworkSecurityGroup;
use crate::azure::security_group::SecurityRule;
use crate::flow::AddressSet;
use crate::flow::PortRange;
use crate::flow::address::AddressRange;
use crate::intent::Deny;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::Service;
use crate::intent::permission::Addresses;

/// Ranges of which a source lies in one or in none, and nothing tells in which. Of destinations, the
/// range itself may be told.
pub(super) type Whole = Vec<AddressRange>;

/// The ranges, by who is compared with them.
#[derive(Default)]
pub(super) struct Cuts {
    /// Sources and destinations: networks, routes, groups, settings.
    pub(super) ways: BTreeSet<Whole>,
    /// Sources: those of rules.
    pub(super) sources: BTreeSet<Whole>,
    /// Destinations: those of rules.
    pub(super) destinations: Vec<AddressRange>,
    /// Ports of destinations: those of rules, proxies, security groups, the platform and the list.
    pub(super) ports: Vec<PortRange>,
}

impl Cuts {
    pub(super) fn of(deployment: &Deployment) -> Cuts {
        let Deployment {
            policies,
            firewalls,
            ip_groups,
            virtual_networks,
            route_tables,
            network_security_groups,
            clusters,
            unknowns: _,
            origins: _,
        } = deployment;
        let mut cuts = Cuts::default();
        for set in [platform_addresses(), private_addresses(), &dropped_by_azure()] {
            cuts.ways.insert(set.ranges());
        }
        cuts.ways.insert(AddressSet::all().ranges());
        cuts.ways.extend([AZURE_HOST, METADATA].map(alone));
        // The ports that are proxied are also those of requests that name none.
        let known = [&[DNS][..], &AGENT_PORTS, &PROXIED_PORTS, &OTHER_PORTS].concat();
        cuts.ports.extend(known.into_iter().map(PortRange::single));
        let (first, last) = SQL_REDIRECT_PORTS.into_inner();
        cuts.ports.extend(PortRange::new(first, last));
        for policy in policies.values() {
            cuts.policy(policy);
        }
        for firewall in firewalls.values() {
            cuts.firewall(firewall);
        }
        for group in ip_groups.values() {
            cuts.ip_group(group);
        }
        for network in virtual_networks.values() {
            cuts.network(network);
        }
        for table in route_tables.values() {
            cuts.route_table(table);
        }
        for group in network_security_groups.values() {
            cuts.security_group(group);
        }
        for cluster in clusters.values() {
            cuts.cluster(cluster);
        }
        cuts
    }

    fn policy(&mut self, policy: &Policy) {
        let Policy {
            scope: _,
            ownership: _,
            tier: _,
            base: _,
            threat_intel_mode: _,
            threat_intel_allowlist,
            dns: _,
            snat,
            allow_sql_redirect: _,
            explicit_proxy,
            intrusion_detection: _,
            certificate_authority: _,
            groups,
        } = policy;
        let ThreatIntelAllowlist { addresses, fqdns: _ } = threat_intel_allowlist;
        self.ways.extend(runs(addresses.iter().map(range)));
        if let Some(SnatSettings { private_ranges, auto_learn: _ }) = snat {
            let prefixes = private_ranges.iter().filter_map(|range| match range {
                // They are among the private addresses.
                PrivateRange::Iana => None,
                PrivateRange::Prefix(prefix) => Some(AddressRange::from(*prefix)),
            });
            self.ways.insert(prefixes.collect());
        }
        if let Some(proxy) = explicit_proxy {
            let ExplicitProxy {
                enabled: _,
                http_port,
                https_port,
                enable_pac_file: _,
                pac_file_port,
                pac_file: _,
            } = proxy;
            let ports = [http_port, https_port, pac_file_port].into_iter().flatten();
            self.ports.extend(ports.map(|port| PortRange::single(*port)));
        }
        for RuleCollectionGroup { name: _, priority: _, collections } in groups {
            for RuleCollection { name: _, priority: _, rules } in collections {
                match rules {
                    Rules::Application(_, rules) => rules.iter().for_each(|r| self.application(r)),
                    Rules::Network(_, rules) => rules.iter().for_each(|rule| self.rule(rule)),
                    Rules::Nat(rules) => rules.iter().for_each(|rule| self.nat(rule)),
                }
            }
        }
    }

    fn application(&mut self, rule: &ApplicationRule) {
        let ApplicationRule {
            name: _,
            description: _,
            sources,
            protocols,
            target_fqdns: _,
            // Nothing is compared with them (`azure-firewall.md §2.9`).
            target_addresses: _,
            target_urls: _,
            fqdn_tags: _,
            web_categories: _,
            // The environment knows what they are compared with.
            destination_addresses: _,
            terminate_tls: _,
            http_headers: _,
            unknown_targets: _,
        } = rule;
        self.sources_of(sources);
        self.ports.extend(protocols.iter().map(|pair| PortRange::single(pair.port)));
    }

    fn rule(&mut self, rule: &NetworkRule) {
        let NetworkRule {
            name: _,
            description: _,
            protocols: _,
            sources,
            destination_addresses,
            // All groups are cut below.
            destination_ip_groups: _,
            destination_fqdns: _,
            destination_ports,
        } = rule;
        self.sources_of(sources);
        self.ports.extend(destination_ports.iter().map(|entry| entry.range()));
        self.destinations.extend(destinations(destination_addresses));
    }

    fn nat(&mut self, rule: &NatRule) {
        let NatRule {
            name: _,
            description: _,
            protocols: _,
            sources,
            destination_addresses,
            destination_ports,
            // What is translated is decided by the slow engine.
            translation: _,
            translated_port,
        } = rule;
        self.sources_of(sources);
        self.ports.extend(destination_ports.iter().map(|entry| entry.range()));
        self.ports.push(PortRange::single(*translated_port));
        self.destinations.extend(entries(destination_addresses));
    }

    fn sources_of(&mut self, sources: &Sources) {
        // All groups are cut below.
        let Sources { addresses, ip_groups: _ } = sources;
        self.sources.extend(runs(addresses.iter().map(range)));
    }

    fn firewall(&mut self, firewall: &Firewall) {
        let Firewall {
            scope: _,
            ownership: _,
            tier: _,
            place: _,
            policy: _,
            private_address,
            public_addresses,
            forced_tunneling: _,
        } = firewall;
        let own = public_addresses.iter().chain([private_address]);
        self.ways.extend(own.map(|address| alone(*address)));
    }

    fn ip_group(&mut self, group: &IpGroup) {
        let IpGroup { scope: _, ownership: _, addresses } = group;
        self.sources.extend(runs(addresses.iter().map(range)));
        self.destinations.extend(entries(addresses));
    }

    fn network(&mut self, network: &VirtualNetwork) {
        let VirtualNetwork {
            scope: _,
            ownership: _,
            address_space,
            dns_servers: _,
            subnets,
            // What they say is about networks, each of which has addresses of its own.
            peerings: _,
            gateway_routes,
        } = network;
        self.prefixes(address_space);
        self.prefixes(gateway_routes);
        for subnet in subnets {
            let Subnet {
                name: _,
                prefixes,
                route_table: _,
                network_security_group: _,
                // Of the tags that they have routes to, the environment knows the addresses.
                service_endpoints: _,
                private_endpoints,
                private_endpoint_network_policies: _,
                default_outbound_access: _,
                explicit_outbound: _,
                complete: _,
            } = subnet;
            self.prefixes(prefixes);
            for PrivateEndpoint { name: _, address, names: _ } in private_endpoints {
                self.ways.insert(alone(*address));
            }
        }
    }

    fn route_table(&mut self, table: &RouteTable) {
        let RouteTable {
            scope: _,
            ownership: _,
            disable_bgp_route_propagation: _,
            disable_peering_route: _,
            routes,
        } = table;
        for Route { name: _, destination, next_hop, has_bgp_override: _ } in routes {
            match destination {
                RouteDestination::Prefix(prefix) => self.ways.extend([alone(*prefix)]),
                // The environment knows its addresses.
                RouteDestination::ServiceTag(_) => {}
            }
            match next_hop {
                // An appliance is compared with firewalls and networks, not with flows.
                NextHop::VirtualAppliance(_)
                | NextHop::VirtualApplianceEcmp(_)
                | NextHop::VnetLocal
                | NextHop::Internet
                | NextHop::VirtualNetworkGateway
                | NextHop::None => {}
            }
        }
    }

    fn security_group(&mut self, group: &NetworkSecurityGroup) {
        let NetworkSecurityGroup { scope: _, ownership: _, rules } = group;
        for rule in rules {
            let SecurityRule {
                name: _,
                description: _,
                priority: _,
                direction: _,
                access: _,
                // Protocols are compared as they are.
                protocol: _,
                sources,
                // They are compared as they are, where a group looks at them.
                source_ports: _,
                destinations: to,
                destination_ports,
                // The environment knows who is in them.
                source_groups: _,
                destination_groups: _,
            } = rule;
            self.ways.extend(runs(sources.iter().map(destination_range)));
            self.ways.extend(runs(to.iter().map(destination_range)));
            self.ports.extend(destination_ports.iter().map(|entry| entry.range()));
        }
    }

    fn cluster(&mut self, cluster: &Cluster) {
        let Cluster { scope: _, plugin: _, pod_ranges, pools: _, api_server: _ } = cluster;
        self.prefixes(pod_ranges);
    }

    /// Adds the prefixes of one place. The longer one wins over one of another place, so that those
    /// of one length are alike.
    fn prefixes(&mut self, prefixes: &[IpNet]) {
        let mut by_length: BTreeMap<u8, Whole> = BTreeMap::new();
        for prefix in prefixes {
            by_length.entry(prefix.prefix_len()).or_default().push((*prefix).into());
        }
        self.ways.extend(by_length.into_values());
    }

    /// Adds what a list compares a flow's addresses and ports with.
    pub(super) fn list(&mut self, list: &Intent) {
        let Intent {
            placement: _,
            // Of firewalls the list knows the DNS proxies, whose answers are evidence.
            topology: _,
            settings: _,
            permissions,
            denies,
            assertions: _,
            examples: _,
            context: _,
        } = list;
        for permission in permissions {
            let Permission {
                label: _,
                requirement: _,
                sources,
                destinations,
                services,
                because: _,
                owner: _,
                ticket: _,
                expires: _,
                by_address: _,
                accept_undetermined: _,
                description: _,
                origin: _,
                spans: _,
            } = permission;
            self.statement(sources, destinations, services);
        }
        for deny in denies {
            let Deny {
                label: _,
                sources,
                destinations,
                services,
                because: _,
                owner: _,
                ticket: _,
                expires: _,
                description: _,
                origin: _,
                spans: _,
            } = deny;
            self.statement(sources, destinations, services);
        }
    }

    fn statement(
        &mut self,
        sources: &Addresses,
        destinations: &[Destination],
        services: &[Service],
    ) {
        self.ways.insert(sources.set.ranges());
        self.ways.extend(of_destinations(destinations));
        self.ports.extend(services.iter().filter_map(|one| of_service(*one)));
    }
}

/// A range that is compared by itself.
pub(super) fn alone(range: impl Into<AddressRange>) -> Whole {
    vec![range.into()]
}

fn of_service(service: Service) -> Option<PortRange> {
    match service {
        Service::Https { port } | Service::Http { port } | Service::Mssql { mode: _, port } => {
            Some(PortRange::single(port))
        }
        Service::Tcp(range) | Service::Udp(range) => Some(range),
        Service::Icmp | Service::Protocol(_) | Service::Any => None,
    }
}

fn of_destinations(destinations: &[Destination]) -> impl Iterator<Item = Whole> {
    destinations.iter().filter_map(|destination| match destination {
        Destination::Addresses(addresses) => Some(addresses.set.ranges()),
        // The evidence knows the addresses of names and tags.
        Destination::Names(_)
        | Destination::ServiceTag(_)
        | Destination::FqdnTag(_)
        | Destination::WebCategory(_)
        | Destination::Url { .. }
        | Destination::Any => None,
    })
}

fn entries(entries: &[AddressEntry]) -> impl Iterator<Item = AddressRange> {
    entries.iter().filter_map(range)
}

fn destinations(entries: &[DestinationEntry]) -> impl Iterator<Item = AddressRange> {
    entries.iter().filter_map(destination_range)
}

fn destination_range(entry: &DestinationEntry) -> Option<AddressRange> {
    match entry {
        DestinationEntry::Addresses(entry) => range(entry),
        // The environment knows its addresses.
        DestinationEntry::ServiceTag(_) => None,
    }
}

/// The ranges between entries that have none. Entries are compared in their order, and where the
/// environment is asked about one, it is not asked for what lies in a range before it.
fn runs(ranges: impl Iterator<Item = Option<AddressRange>>) -> impl Iterator<Item = Whole> {
    let ranges: Vec<Option<AddressRange>> = ranges.collect();
    let runs: Vec<Whole> =
        ranges.split(Option::is_none).map(|run| run.iter().flatten().copied().collect()).collect();
    runs.into_iter()
}

fn range(entry: &AddressEntry) -> Option<AddressRange> {
    match entry {
        AddressEntry::Address(address) => Some(AddressRange::from(*address)),
        AddressEntry::Prefix(prefix) => Some(AddressRange::from(*prefix)),
        AddressEntry::Range(range) => Some(*range),
        // It has no end, or none that is known.
        AddressEntry::Any | AddressEntry::Unknown(_) => None,
    }
}

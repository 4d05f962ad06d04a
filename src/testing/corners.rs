//! Where a subject has edges: its rules, permissions, routes and subnets, each with the values of
//! flows near it.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use super::values::HostPort;
use super::values::Values;
use super::values::near_addresses;
use super::values::near_hosts;
use super::values::near_paths;
use super::values::near_ports;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::firewall::Firewall;
use crate::azure::network::PrivateEndpoint;
use crate::azure::network::Subnet;
use crate::azure::policy::Rules;
use crate::azure::route::Route;
use crate::azure::route::RouteDestination;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NatRule;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::NetworkRule;
use crate::azure::rule::PortEntry;
use crate::azure::rule::SQL_REDIRECT_PORTS;
use crate::azure::rule::Sources;
use crate::azure::security_group::SecurityRule;
use crate::evidence::Evidence;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::PayloadKind;
use crate::flow::PortRange;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Service;
use crate::intent::permission::Addresses;

/// Addresses of the blocks for documentation (RFC 5737), which are nobody's.
const NOBODYS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(203, 0, 113, 7), Ipv4Addr::new(198, 51, 100, 7), Ipv4Addr::new(192, 0, 2, 7)];

/// A machine where no subnet is stated (RFC 1918).
const MACHINE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 4);

/// The platform: its DNS, and its metadata (`azure-routing.md §7`).
const PLATFORM: [Ipv4Addr; 2] =
    [Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(169, 254, 169, 254)];

/// A part of a subject that has edges.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    Application(&'a Deployment, &'a ApplicationRule),
    Network(&'a Deployment, &'a NetworkRule),
    Nat(&'a Deployment, &'a NatRule),
    /// What leaves a subnet.
    From(&'a Subnet),
    /// What goes to a subnet.
    To(&'a Subnet),
    Endpoint(&'a PrivateEndpoint),
    Route(&'a Subnet, &'a Route),
    Security(&'a Subnet, &'a SecurityRule),
    Firewall(&'a Firewall),
    /// A destination and a service of a statement or assertion, each of which may have a rule of
    /// its own.
    Statement(&'a Addresses, &'a Destination, Service),
    /// No part in particular.
    Usual,
}

impl Part<'_> {
    /// Whether it is a rule or a statement: most of what can be wrong is near one.
    pub(super) fn is_written(self) -> bool {
        match self {
            Part::Application(..)
            | Part::Network(..)
            | Part::Nat(..)
            | Part::Security(..)
            | Part::Statement(..) => true,
            Part::From(_)
            | Part::To(_)
            | Part::Endpoint(_)
            | Part::Route(..)
            | Part::Firewall(_)
            | Part::Usual => false,
        }
    }
}

/// The parts of `deployments` and `list`.
pub(super) fn parts<'a>(deployments: &[&'a Deployment], list: Option<&'a Intent>) -> Vec<Part<'a>> {
    let mut parts = vec![Part::Usual];
    for deployment in deployments {
        let groups = deployment.policies.values().flat_map(|policy| &policy.groups);
        for collection in groups.flat_map(|group| &group.collections) {
            match &collection.rules {
                Rules::Application(_, rules) => {
                    parts.extend(rules.iter().map(|rule| Part::Application(deployment, rule)));
                }
                Rules::Network(_, rules) => {
                    parts.extend(rules.iter().map(|rule| Part::Network(deployment, rule)));
                }
                Rules::Nat(rules) => {
                    parts.extend(rules.iter().map(|rule| Part::Nat(deployment, rule)));
                }
            }
        }
        let networks = deployment.virtual_networks.values();
        for subnet in networks.flat_map(|network| &network.subnets) {
            parts.extend([Part::From(subnet), Part::To(subnet)]);
            parts.extend(subnet.private_endpoints.iter().map(Part::Endpoint));
            let table = subnet.route_table.as_ref();
            let table = table.and_then(|name| deployment.route_tables.get(name));
            let routes = table.into_iter().flat_map(|table| &table.routes);
            parts.extend(routes.map(|route| Part::Route(subnet, route)));
            let group = subnet.network_security_group.as_ref();
            let group = group.and_then(|name| deployment.network_security_groups.get(name));
            let rules = group.into_iter().flat_map(|group| &group.rules);
            parts.extend(rules.map(|rule| Part::Security(subnet, rule)));
        }
        parts.extend(deployment.firewalls.values().map(Part::Firewall));
    }
    let Some(list) = list else { return parts };
    let permissions = list.permissions.iter();
    let permissions = permissions.map(|one| (&one.sources, &one.destinations, &one.services));
    let denies = list.denies.iter();
    let denies = denies.map(|one| (&one.sources, &one.destinations, &one.services));
    let assertions = list.assertions.iter();
    let assertions = assertions.map(|one| (&one.sources, &one.destinations, &one.services));
    for (sources, destinations, services) in permissions.chain(denies).chain(assertions) {
        for destination in destinations {
            let services = services.iter();
            parts.extend(services.map(|one| Part::Statement(sources, destination, *one)));
        }
    }
    parts
}

/// What is known when values near a part are chosen.
pub(super) struct Corners<'a> {
    evidence: &'a Evidence,
    machines: Vec<IpAddr>,
}

impl<'a> Corners<'a> {
    /// For subjects with the subnets of `deployments`.
    pub(super) fn new(deployments: &[&Deployment], evidence: &'a Evidence) -> Corners<'a> {
        let networks = deployments.iter().flat_map(|one| one.virtual_networks.values());
        let subnets = networks.flat_map(|network| &network.subnets);
        let firewalls = deployments.iter().flat_map(|one| one.firewalls.values());
        let of_firewalls: Vec<IpAddr> = firewalls.map(|one| one.private_address).collect();
        let has_firewall = |subnet: &&Subnet| {
            let mut prefixes = subnet.prefixes.iter();
            prefixes.any(|prefix| of_firewalls.iter().any(|address| prefix.contains(address)))
        };
        // What a firewall's own subnet sends is not judged, so it comes last.
        let (last, subnets): (Vec<&Subnet>, Vec<&Subnet>) = subnets.partition(has_firewall);
        let subnets = subnets.into_iter().chain(last);
        let mut machines: Vec<IpAddr> = Vec::new();
        for machine in subnets.flat_map(machines_of) {
            if !machines.contains(&machine) {
                machines.push(machine);
            }
        }
        if machines.is_empty() {
            machines.push(MACHINE.into());
        }
        Corners { evidence, machines }
    }

    /// The values near `part`.
    pub(super) fn values(&self, part: Part<'_>) -> Values {
        match part {
            Part::Application(deployment, rule) => self.application(deployment, rule),
            Part::Network(deployment, rule) => self.network(deployment, rule),
            Part::Nat(deployment, rule) => self.nat(deployment, rule),
            Part::From(subnet) => Values { sources: self.near_subnet(subnet), ..Values::default() },
            Part::To(subnet) => {
                Values { destinations: self.near_subnet(subnet), ..Values::default() }
            }
            Part::Endpoint(endpoint) => {
                let names = endpoint.names.iter().cloned();
                let hosts = names.map(|name| Some(Host::Name(name))).collect();
                Values { destinations: vec![endpoint.address], hosts, ..Values::default() }
            }
            Part::Route(subnet, route) => {
                let destinations = match &route.destination {
                    RouteDestination::Prefix(prefix) => self.near(&AddressSet::from(*prefix)),
                    RouteDestination::ServiceTag(tag) => self.tag(&tag.0),
                };
                let sources = machines_of(subnet).collect();
                Values { sources, destinations, ..Values::default() }
            }
            Part::Security(subnet, rule) => self.security(subnet, rule),
            Part::Firewall(firewall) => {
                let own = firewall.public_addresses.iter().chain([&firewall.private_address]);
                let destinations = own.copied().chain(PLATFORM.map(IpAddr::V4)).collect();
                Values { destinations, ..Values::default() }
            }
            Part::Statement(sources, destination, service) => {
                let mut values = self.destination(destination);
                values.sources = near_addresses(&sources.set, &self.machines);
                (values.services, values.kinds) = near_service(service);
                values
            }
            Part::Usual => Values::default(),
        }
    }

    /// Values for what a part says nothing of.
    pub(super) fn usual(&self) -> Values {
        let example: Option<FqdnPattern> = FqdnPattern::parse("www.example.com").ok();
        Values {
            sources: self.machines.clone(),
            source_ports: vec![0],
            destinations: NOBODYS.map(IpAddr::V4).to_vec(),
            services: vec![(IpProtocol::TCP, 443), (IpProtocol::TCP, 80), (IpProtocol::UDP, 53)],
            kinds: vec![
                PayloadKind::Tls,
                PayloadKind::Http,
                PayloadKind::Mssql,
                PayloadKind::Quic,
                PayloadKind::Other,
                PayloadKind::Silent,
            ],
            hosts: example.iter().flat_map(near_hosts).collect(),
            host_ports: vec![HostPort::Absent, HostPort::Same, HostPort::Other],
            paths: vec!["/".to_owned()],
            inner: vec![false],
        }
    }

    fn near_subnet(&self, subnet: &Subnet) -> Vec<IpAddr> {
        near_addresses(&subnet.prefixes.iter().copied().collect(), &self.machines)
    }

    fn security(&self, subnet: &Subnet, rule: &SecurityRule) -> Values {
        let machines: Vec<IpAddr> = machines_of(subnet).collect();
        let ranges = rule.destination_ports.iter().map(|entry| entry.range());
        let protocol = rule.protocol.unwrap_or(IpProtocol::TCP);
        let sources = rule.sources.iter().flat_map(|entry| match entry {
            DestinationEntry::Addresses(entry) => near_entry(entry, &machines),
            DestinationEntry::ServiceTag(_) => Vec::new(),
        });
        let source_ports = rule.source_ports.iter().filter_map(|entry| match entry {
            PortEntry::Any => None,
            PortEntry::Range(range) => Some(near_ports(*range)),
        });
        Values {
            sources: sources.collect(),
            source_ports: source_ports.flatten().collect(),
            destinations: self.entries(&rule.destinations),
            services: with_others(ranges.flat_map(near_ports).map(|port| (protocol, port))),
            ..Values::default()
        }
    }

    fn application(&self, deployment: &Deployment, rule: &ApplicationRule) -> Values {
        let mut values = Values::default();
        let urls = rule.target_urls.iter().map(|url| &url.host);
        self.hosts(rule.target_fqdns.iter().chain(urls), &mut values);
        let own = rule.target_addresses.iter().map(|address| Some(Host::Address(*address)));
        values.hosts.extend(own);
        values.paths = rule.target_urls.iter().flat_map(|url| near_paths(&url.path)).collect();
        values.inner = inspected(!rule.target_urls.is_empty(), rule.terminate_tls);
        values.sources = self.sources(deployment, &rule.sources);
        values.destinations.splice(0..0, self.entries(&rule.destination_addresses));
        for one in &rule.protocols {
            values.kinds.push(match one.protocol {
                ApplicationProtocolType::Http => PayloadKind::Http,
                ApplicationProtocolType::Https => PayloadKind::Tls,
                ApplicationProtocolType::Mssql => PayloadKind::Mssql,
            });
        }
        let ports = rule.protocols.iter().flat_map(|one| near_ports(PortRange::single(one.port)));
        values.services = with_others(ports.map(|port| (IpProtocol::TCP, port)));
        values
    }

    fn network(&self, deployment: &Deployment, rule: &NetworkRule) -> Values {
        let mut values = Values::default();
        let names: Vec<FqdnPattern> =
            rule.destination_fqdns.iter().cloned().map(FqdnPattern::Exact).collect();
        self.hosts(names.iter(), &mut values);
        values.sources = self.sources(deployment, &rule.sources);
        values.destinations.extend(self.entries(&rule.destination_addresses));
        let groups = addresses(deployment, &[], &rule.destination_ip_groups);
        values.destinations.extend(near_addresses(&groups, &nobodys()));
        values.services = filtered(&rule.protocols, &rule.destination_ports);
        values
    }

    fn nat(&self, deployment: &Deployment, rule: &NatRule) -> Values {
        let entries = rule.destination_addresses.iter();
        Values {
            sources: self.sources(deployment, &rule.sources),
            destinations: entries.flat_map(|entry| near_entry(entry, &nobodys())).collect(),
            services: filtered(&rule.protocols, &rule.destination_ports),
            ..Values::default()
        }
    }

    fn sources(&self, deployment: &Deployment, sources: &Sources) -> Vec<IpAddr> {
        near_addresses(
            &addresses(deployment, &sources.addresses, &sources.ip_groups),
            &self.machines,
        )
    }

    fn destination(&self, destination: &Destination) -> Values {
        let mut values = Values::default();
        match destination {
            Destination::Names(names) => {
                self.hosts(names.patterns.iter().chain(&names.except), &mut values);
            }
            Destination::Addresses(addresses) => {
                values.destinations = self.near(&addresses.set);
            }
            Destination::ServiceTag(tag) => values.destinations = self.tag(tag),
            Destination::Url { host, path } => {
                self.hosts([host].into_iter(), &mut values);
                values.paths = near_paths(path);
                values.inner = inspected(true, true);
            }
            // Nobody publishes what is in them.
            Destination::FqdnTag(_) | Destination::WebCategory(_) | Destination::Any => {}
        }
        values
    }

    /// The hosts near `patterns`, and the addresses that the lock has for them.
    fn hosts<'p>(&self, patterns: impl Iterator<Item = &'p FqdnPattern>, values: &mut Values) {
        // What every pattern means stands before what lies beside one.
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for pattern in patterns {
            let hosts = near_hosts(pattern).into_iter();
            let (meant, beside): (Vec<_>, Vec<_>) = hosts
                .partition(|host| host.as_ref().is_some_and(|host| pattern.matches_host(host)));
            inside.extend(meant);
            outside.extend(beside);
        }
        let lock = self.evidence.lock.as_ref();
        let names = inside.iter().flatten().filter_map(Host::name);
        let locked = names.filter_map(|name| lock?.name(name));
        values.destinations.extend(locked.flat_map(|one| one.addresses.iter().copied()));
        if !values.destinations.is_empty() {
            values.destinations.extend(nobodys());
        }
        values.hosts = inside;
        values.hosts.append(&mut outside);
    }

    fn entries(&self, entries: &[DestinationEntry]) -> Vec<IpAddr> {
        let near = |entry: &DestinationEntry| match entry {
            DestinationEntry::Addresses(entry) => near_entry(entry, &nobodys()),
            DestinationEntry::ServiceTag(tag) => self.tag(&tag.0),
        };
        entries.iter().flat_map(near).collect()
    }

    fn near(&self, set: &AddressSet) -> Vec<IpAddr> {
        let known: Vec<IpAddr> = nobodys().into_iter().chain(self.machines.clone()).collect();
        near_addresses(set, &known)
    }

    /// The addresses near a service tag, where it is known.
    fn tag(&self, name: &str) -> Vec<IpAddr> {
        let tag = self.evidence.service_tags.as_ref().and_then(|tags| tags.tag(name));
        let mut near = tag.map(|tag| near_addresses(&tag.addresses, &[])).unwrap_or_default();
        near.extend(nobodys());
        near
    }
}

fn nobodys() -> Vec<IpAddr> {
    NOBODYS.map(IpAddr::V4).to_vec()
}

/// The first machine of `subnet`, by family.
fn machines_of(subnet: &Subnet) -> impl Iterator<Item = IpAddr> {
    subnet.prefixes.iter().filter_map(|prefix| subnet.first_machine(prefix.addr()))
}

/// The addresses of `entries` and of the `groups`, as far as they are known.
fn addresses(deployment: &Deployment, entries: &[AddressEntry], groups: &[Key]) -> AddressSet {
    let groups = groups.iter().filter_map(|name| deployment.ip_groups.get(name));
    let entries = entries.iter().chain(groups.flat_map(|group| &group.addresses));
    entries.filter_map(AddressEntry::addresses).flat_map(|set| set.ranges()).collect()
}

fn near_entry(entry: &AddressEntry, known: &[IpAddr]) -> Vec<IpAddr> {
    entry.addresses().map(|set| near_addresses(&set, known)).unwrap_or_default()
}

/// Whether requests inside TLS are seen: first as a rule has it, which reads them where it has URLs.
fn inspected(reads: bool, terminates: bool) -> Vec<bool> {
    match (terminates, reads) {
        (true, true) => vec![true, false],
        (true, false) | (false, true) => vec![false, true],
        (false, false) => Vec::new(),
    }
}

/// `services`, then the first of them over the other of TCP and UDP, or where it has no ports,
/// another protocol.
fn with_others(services: impl Iterator<Item = (IpProtocol, u16)>) -> Vec<(IpProtocol, u16)> {
    let mut all: Vec<(IpProtocol, u16)> = services.collect();
    let Some((protocol, port)) = all.first().copied() else { return all };
    all.push(match protocol {
        IpProtocol::TCP => (IpProtocol::UDP, port),
        IpProtocol::UDP => (IpProtocol::TCP, port),
        IpProtocol(_) => (IpProtocol::TCP, 443),
    });
    all.push((IpProtocol::ICMP, 0));
    all
}

/// Services near those of a network or NAT rule.
fn filtered(protocols: &[NetworkProtocol], ports: &[PortEntry]) -> Vec<(IpProtocol, u16)> {
    let ports: Vec<u16> = ports.iter().flat_map(|entry| near_ports(entry.range())).collect();
    let each = protocols.iter().flat_map(|protocol| {
        let (protocol, ports): (IpProtocol, &[u16]) = match protocol {
            NetworkProtocol::Any | NetworkProtocol::Tcp => (IpProtocol::TCP, &ports),
            NetworkProtocol::Udp => (IpProtocol::UDP, &ports),
            NetworkProtocol::Icmp => (IpProtocol::ICMP, &[0]),
        };
        ports.iter().map(move |port| (protocol, *port))
    });
    with_others(each)
}

/// Services near `service`, and what its clients send, where that is not told by the port.
fn near_service(service: Service) -> (Vec<(IpProtocol, u16)>, Vec<PayloadKind>) {
    let on = |protocol: IpProtocol, ports: Vec<u16>| {
        with_others(ports.into_iter().map(|port| (protocol, port)))
    };
    let at = |port: u16| on(IpProtocol::TCP, near_ports(PortRange::single(port)));
    match service {
        Service::Https { port } => (at(port), vec![PayloadKind::Tls]),
        Service::Http { port } => (at(port), vec![PayloadKind::Http]),
        Service::Mssql { port, .. } => {
            let (first, last) = (*SQL_REDIRECT_PORTS.start(), *SQL_REDIRECT_PORTS.end());
            let redirect = PortRange::new(first, last).map(near_ports).unwrap_or_default();
            let ports = near_ports(PortRange::single(port)).into_iter().chain(redirect);
            (on(IpProtocol::TCP, ports.collect()), vec![PayloadKind::Mssql])
        }
        Service::Tcp(range) => (on(IpProtocol::TCP, near_ports(range)), Vec::new()),
        Service::Udp(range) => (on(IpProtocol::UDP, near_ports(range)), Vec::new()),
        Service::Icmp => (on(IpProtocol::ICMP, vec![0]), Vec::new()),
        Service::Protocol(protocol) => (on(protocol, vec![0]), Vec::new()),
        Service::Any => (Vec::new(), Vec::new()),
    }
}

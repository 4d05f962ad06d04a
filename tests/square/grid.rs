//! The grid of a deployment: every flow that stands for others, found without the engine under
//! test.
//!
//! The product of all axes is cut down where the slow engine itself shows that it does not look:
//! its trace names each step, and what a step reads is in the code of that step. See [`Reads`].

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::IpAddr;

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::address::AddressEntry;
use exeat::azure::address::DestinationEntry;
use exeat::azure::firewall::FirewallPlace;
use exeat::azure::policy::Policy;
use exeat::azure::policy::PrivateRange;
use exeat::azure::policy::Rules;
use exeat::azure::policy::ThreatIntelMode;
use exeat::azure::route::RouteDestination;
use exeat::azure::route::SYSTEM_DROPPED;
use exeat::azure::rule::ApplicationRule;
use exeat::azure::rule::PortEntry;
use exeat::azure::rule::SQL_REDIRECT_PORTS;
use exeat::azure::rule::Sources;
use exeat::azure::rule::Translation;
use exeat::flow::AddressSet;
use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::FqdnPattern;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::flow::PortRange;
use exeat::flow::Request;
use exeat::simulate::Simulator;
use exeat::simulate::decision::Stage;
use exeat::simulate::decision::Step;
use ipnet::IpNet;

use super::assignments::Assignment;
use super::assignments::TooMany;
use super::assignments::under_every_assignment;
use super::axes;
use super::axes::Detail;
use super::draw::Draw;

/// The most flows of a world; one with more is not sampled, another takes its place.
const MAX_FLOWS: usize = 600;
/// [`MAX_FLOWS`] for [`Detail::Intervals`].
const MAX_FLOWS_OF_INTERVALS: usize = 20_000;
/// The most assignments of one flow.
pub(crate) const MAX_ASSIGNMENTS: usize = 256;

/// The most decisions that finding the flows of a world may take.
const MAX_PROBES: usize = 1_200;

/// Where a part of a flow is not looked at, so many values of it are taken in turn.
const IN_TURN: usize = 6;
/// [`IN_TURN`] where the payload alone is not looked at.
const PAYLOADS_IN_TURN: usize = 2;

/// Prefixes that never leave the host or the link (`azure-routing.md §7`).
const PLATFORM: [&str; 8] = [
    "168.63.129.16/32",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "127.0.0.0/8",
    "ff00::/8",
    "fe80::/10",
    "::1/128",
];
const PRIVATE: [&str; 5] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];
/// Platform addresses that security groups know apart.
const KNOWN_PLATFORM: [&str; 2] = ["168.63.129.16", "169.254.169.254"];
/// A literal where only that it is an address matters.
const SOME_ADDRESS: &str = "198.51.100.9";
const FIREWALL_SUBNET: &str = "AzureFirewallSubnet";

/// The most flows of a grid.
pub(crate) fn max_flows(detail: Detail) -> usize {
    match detail {
        Detail::Classes => MAX_FLOWS,
        Detail::Intervals => MAX_FLOWS_OF_INTERVALS,
    }
}

/// The flows of the grid of `deployment`.
pub(crate) fn of_deployment(
    deployment: &Deployment,
    simulator: &Simulator<'_>,
    detail: Detail,
    seed: u64,
) -> Result<Vec<Flow>, TooMany> {
    let known = Known { deployment };
    let draw = &mut Draw::new(seed);
    let axes = Axes::of(&known, detail, draw);
    let mut grid = Grid { simulator, axes, turn: 0, probes: Cell::new(0), flows: Vec::new() };
    grid.fill()?;
    Ok(grid.flows)
}

/// What a deployment names.
struct Known<'d> {
    deployment: &'d Deployment,
}

impl<'d> Known<'d> {
    fn policies(&self) -> impl Iterator<Item = &'d Policy> {
        self.deployment.policies.values()
    }

    fn rules(&self) -> impl Iterator<Item = &'d Rules> {
        let groups = self.policies().flat_map(|policy| &policy.groups);
        groups.flat_map(|group| &group.collections).map(|collection| &collection.rules)
    }

    fn application(&self) -> impl Iterator<Item = &'d ApplicationRule> {
        self.rules().flat_map(|rules| match rules {
            Rules::Application(_, rules) => rules.as_slice(),
            Rules::Network(..) | Rules::Nat(_) => &[],
        })
    }

    /// The sources and the ports of each rule.
    fn parts(&self) -> Vec<(&'d Sources, &'d [PortEntry])> {
        let mut all = Vec::new();
        for rules in self.rules() {
            match rules {
                Rules::Application(_, rules) => {
                    all.extend(rules.iter().map(|rule| (&rule.sources, [].as_slice())));
                }
                Rules::Network(_, rules) => all.extend(
                    rules.iter().map(|rule| (&rule.sources, rule.destination_ports.as_slice())),
                ),
                Rules::Nat(rules) => all.extend(
                    rules.iter().map(|rule| (&rule.sources, rule.destination_ports.as_slice())),
                ),
            }
        }
        all
    }

    fn has_networks(&self) -> bool {
        !self.deployment.virtual_networks.is_empty()
    }

    fn has_security_groups(&self) -> bool {
        !self.deployment.network_security_groups.is_empty()
    }

    /// Prefixes between which routes are chosen, the tag `VirtualNetwork` among them.
    fn prefixes(&self) -> Vec<IpNet> {
        let mut all = Vec::new();
        for network in self.deployment.virtual_networks.values() {
            all.extend(network.address_space.iter().chain(&network.gateway_routes).copied());
        }
        for route in self.deployment.route_tables.values().flat_map(|table| &table.routes) {
            if let RouteDestination::Prefix(prefix) = &route.destination {
                all.push(*prefix);
            }
        }
        all
    }

    fn sources(&self) -> Vec<AddressSet> {
        let mut sets: Vec<AddressSet> = Vec::new();
        for (sources, _) in self.parts() {
            sets.extend(sources.addresses.iter().filter_map(AddressEntry::addresses));
        }
        sets.extend(self.spared());
        sets.extend(self.groups());
        if !self.has_networks() {
            sets.push(axes::all_of(&PRIVATE));
            return sets;
        }
        let mut prefixes: Vec<IpNet> = Vec::new();
        for network in self.deployment.virtual_networks.values() {
            prefixes.extend(&network.address_space);
            prefixes.extend(network.subnets.iter().flat_map(|subnet| &subnet.prefixes));
        }
        prefixes.extend(self.deployment.clusters.values().flat_map(|c| &c.pod_ranges));
        // Only a security group asks for the source in `VirtualNetwork`.
        if self.has_security_groups() {
            prefixes.extend(self.prefixes());
            sets.extend(self.security_sets());
        }
        sets.extend(prefixes.into_iter().map(AddressSet::from));
        sets.push(axes::all_of(&PRIVATE));
        sets
    }

    fn destinations(&self) -> Vec<AddressSet> {
        let mut sets: Vec<AddressSet> = vec![axes::all_of(&PLATFORM), axes::all_of(&PRIVATE)];
        for rules in self.rules() {
            match rules {
                Rules::Application(..) => {}
                Rules::Network(_, rules) => {
                    let entries = rules.iter().flat_map(|rule| &rule.destination_addresses);
                    sets.extend(entries.filter_map(set_of));
                }
                Rules::Nat(rules) => {
                    let entries = rules.iter().flat_map(|rule| &rule.destination_addresses);
                    sets.extend(entries.filter_map(AddressEntry::addresses));
                }
            }
        }
        sets.extend(self.spared());
        sets.extend(self.groups());
        for firewall in self.deployment.firewalls.values() {
            let own = firewall.public_addresses.iter().chain([&firewall.private_address]);
            sets.extend(own.map(|address| axes::single(*address)));
        }
        for range in self.policies().filter_map(|policy| policy.snat.as_ref()) {
            sets.extend(range.private_ranges.iter().map(|range| match range {
                PrivateRange::Iana => axes::all_of(&PRIVATE[..4]),
                PrivateRange::Prefix(prefix) => (*prefix).into(),
            }));
        }
        let pods = self.deployment.clusters.values().flat_map(|cluster| &cluster.pod_ranges);
        sets.extend(pods.map(|range| AddressSet::from(*range)));
        let subnets = self.deployment.virtual_networks.values().flat_map(|n| &n.subnets);
        let endpoints = subnets.flat_map(|subnet| &subnet.private_endpoints);
        sets.extend(endpoints.map(|endpoint| axes::single(endpoint.address)));
        sets.extend(self.prefixes().into_iter().map(AddressSet::from));
        if self.has_security_groups() {
            sets.extend(KNOWN_PLATFORM.map(|text| axes::single(text.parse().expect("an address"))));
            sets.extend(self.security_sets());
        }
        sets
    }

    /// What threat intelligence leaves alone, where it is asked.
    fn spared(&self) -> Vec<AddressSet> {
        let asking = self.policies().any(|p| p.threat_intel_mode != ThreatIntelMode::Off);
        let entries = self.policies().flat_map(|policy| &policy.threat_intel_allowlist.addresses);
        entries.filter(|_| asking).filter_map(AddressEntry::addresses).collect()
    }

    /// The IP groups that a rule names.
    fn groups(&self) -> Vec<AddressSet> {
        let mut named: Vec<&Key> = self.parts().iter().flat_map(|(s, _)| &s.ip_groups).collect();
        for rules in self.rules() {
            if let Rules::Network(_, rules) = rules {
                named.extend(rules.iter().flat_map(|rule| &rule.destination_ip_groups));
            }
        }
        let groups = named.into_iter().filter_map(|name| self.deployment.ip_groups.get(name));
        groups.flat_map(|group| &group.addresses).filter_map(AddressEntry::addresses).collect()
    }

    fn security_sets(&self) -> Vec<AddressSet> {
        let groups = self.deployment.network_security_groups.values();
        let entries = groups
            .flat_map(|group| &group.rules)
            .flat_map(|rule| rule.sources.iter().chain(&rule.destinations));
        entries.filter_map(set_of).collect()
    }

    /// How an address of a block that the system drops is treated: the block is compared by length
    /// with the other prefixes that hold the address (`candidate.rs`, `beats`), and no network holds
    /// all of it.
    fn dropped(&self, address: IpAddr) -> Option<Vec<Ordering>> {
        let blocks = SYSTEM_DROPPED.iter().map(|text| text.parse::<IpNet>().expect("a prefix"));
        let mut blocks = blocks.filter(|block| self.has_networks() && block.contains(&address));
        let block = blocks.next()?;
        let rivals = self.prefixes().into_iter().filter(|rival| rival.contains(&address));
        Some(rivals.map(|rival| rival.prefix_len().cmp(&block.prefix_len())).collect())
    }

    /// Whether a source is in a subnet or is a pod: of all others, decisions look at nothing else
    /// (`decide.rs`, `walk`).
    fn is_declared(&self, address: IpAddr) -> bool {
        let networks = self.deployment.virtual_networks.values();
        let mut subnets = networks.flat_map(|network| &network.subnets);
        let mut clusters = self.deployment.clusters.values();
        !self.has_networks()
            || subnets.any(|subnet| subnet.prefixes.iter().any(|p| p.contains(&address)))
            || clusters.any(|cluster| cluster.pod_ranges.iter().any(|p| p.contains(&address)))
    }

    /// Whether a firewall's own subnet is stated, so that the address of a literal decides which
    /// way the flow goes on (`firewall/proxy.rs`, `resolve`; `decide.rs`, `travel`).
    fn goes_on(&self) -> bool {
        self.deployment.firewalls.values().any(|firewall| match &firewall.place {
            FirewallPlace::VirtualNetwork(network) => {
                let network = self.deployment.virtual_networks.get(network);
                network.is_some_and(|network| {
                    network.subnets.iter().any(|subnet| subnet.name == Key::new(FIREWALL_SUBNET))
                })
            }
            FirewallPlace::Hub(_) => false,
        })
    }

    fn has_explicit_proxy(&self) -> bool {
        self.policies().any(|policy| policy.explicit_proxy.as_ref().is_some_and(|p| p.enabled))
    }

    /// Whether a port in a request is compared with others than the flow's own: the proxy's target
    /// and a translated port are.
    fn compares_request_ports(&self) -> bool {
        self.has_explicit_proxy() || self.rules().any(|rules| matches!(rules, Rules::Nat(_)))
    }

    /// Port ranges that matter to TCP and UDP alike.
    fn ports(&self) -> Vec<PortRange> {
        let of_rules = self.parts().into_iter().flat_map(|(_, ports)| ports);
        let groups = self.deployment.network_security_groups.values();
        let of_groups = groups.flat_map(|g| &g.rules).flat_map(|rule| &rule.destination_ports);
        let mut all: Vec<PortRange> =
            of_rules.chain(of_groups).copied().filter_map(range_of).collect();
        if self.policies().any(|policy| policy.dns.is_some()) || self.has_security_groups() {
            all.push(PortRange::single(53));
        }
        if self.has_security_groups() {
            // Agents of the platform (`security.rs`, `platform_tag`).
            all.extend([80, 32526].map(PortRange::single));
        }
        all
    }

    /// Port ranges that matter to TCP: those of the proxy, of application rules, and those to which
    /// SQL servers send on.
    fn tcp_ports(&self) -> Vec<PortRange> {
        let mut all = self.ports();
        let pairs = self.application().flat_map(|rule| &rule.protocols);
        all.extend(pairs.map(|pair| PortRange::single(pair.port)));
        all.extend([80, 443].map(PortRange::single));
        if self.policies().any(|policy| policy.allow_sql_redirect) {
            let (first, last) = SQL_REDIRECT_PORTS.into_inner();
            all.extend(PortRange::new(first, last));
        }
        for proxy in self.policies().filter_map(|policy| policy.explicit_proxy.as_ref()) {
            let own = [proxy.http_port, proxy.https_port, proxy.pac_file_port];
            all.extend(own.into_iter().flatten().map(PortRange::single));
        }
        if self.compares_request_ports() {
            let translated = self.rules().flat_map(|rules| match rules {
                Rules::Nat(rules) => rules.as_slice(),
                Rules::Application(..) | Rules::Network(..) => &[],
            });
            all.extend(translated.map(|rule| PortRange::single(rule.translated_port)));
        }
        all
    }

    fn source_ports(&self) -> Vec<PortRange> {
        let groups = self.deployment.network_security_groups.values();
        let entries = groups.flat_map(|group| &group.rules).flat_map(|rule| &rule.source_ports);
        entries.copied().filter_map(range_of).collect()
    }

    fn patterns(&self) -> Vec<FqdnPattern> {
        let mut all: Vec<FqdnPattern> = Vec::new();
        for rule in self.application() {
            all.extend(rule.target_fqdns.iter().cloned());
            all.extend(rule.target_urls.iter().map(|url| url.host.clone()));
        }
        all.extend(self.policies().flat_map(|p| p.threat_intel_allowlist.fqdns.iter().cloned()));
        all
    }

    /// Names of which it is asked elsewhere whether they can be resolved.
    fn answered(&self) -> Vec<Fqdn> {
        let mut all = Vec::new();
        for rules in self.rules() {
            match rules {
                Rules::Application(..) => {}
                Rules::Network(_, rules) => {
                    all.extend(rules.iter().flat_map(|rule| rule.destination_fqdns.clone()));
                }
                Rules::Nat(rules) => {
                    all.extend(rules.iter().filter_map(|rule| match &rule.translation {
                        Translation::Fqdn(name) => Some(name.clone()),
                        Translation::Address(_) => None,
                    }));
                }
            }
        }
        all
    }
}

fn set_of(entry: &DestinationEntry) -> Option<AddressSet> {
    match entry {
        DestinationEntry::Addresses(entry) => entry.addresses(),
        DestinationEntry::ServiceTag(_) => None,
    }
}

fn range_of(entry: PortEntry) -> Option<PortRange> {
    match entry {
        PortEntry::Any => None,
        PortEntry::Range(range) => Some(range),
    }
}

/// The values of each axis.
struct Axes {
    sources: Vec<IpAddr>,
    destinations: Vec<IpAddr>,
    source_ports: Vec<u16>,
    /// For IPv4 and IPv6.
    services: [Vec<(IpProtocol, u16)>; 2],
    /// The hosts that a client may show, and none.
    shown: Vec<Option<Host>>,
    /// The hosts that a decrypted request may have.
    inner: Vec<Option<Host>>,
    paths: Vec<String>,
    /// Ports in requests that matter beside the flow's own and another.
    request_ports: Vec<u16>,
    /// How many values of what is not looked at are taken in turn.
    in_turn: usize,
    payloads_in_turn: usize,
    max_flows: usize,
    max_probes: usize,
}

impl Axes {
    fn of(known: &Known<'_>, detail: Detail, draw: &mut Draw) -> Axes {
        let is_coarse = detail == Detail::Classes;
        let treatment = |address| known.dropped(address);
        let destinations = axes::addresses(&known.destinations(), treatment, detail, draw);
        let declared = |address| known.is_declared(address);
        let mut sources = axes::addresses(&known.sources(), declared, detail, draw);
        if is_coarse {
            // One source of each family that is in no subnet.
            let mut seen = BTreeSet::new();
            sources.retain(|a| known.is_declared(*a) || seen.insert(a.is_ipv4()));
        }
        let mut source_ports = vec![0];
        if !known.source_ports().is_empty() {
            let mut ranges = known.source_ports();
            ranges.push(PortRange::single(0));
            source_ports = axes::ports(&ranges, detail, draw);
            source_ports.sort_unstable();
            source_ports.dedup();
        }
        let names = axes::names(&known.patterns(), &known.answered(), detail);
        let mut shown: Vec<Option<Host>> = vec![None];
        shown.extend(names.into_iter().map(|name| Some(Host::Name(name))));
        let mut inner = shown.clone();
        let some_address: IpAddr = SOME_ADDRESS.parse().expect("an address");
        inner.push(Some(Host::Address(some_address)));
        if known.goes_on() {
            shown.extend(destinations.iter().map(|address| Some(Host::Address(*address))));
        } else {
            shown.push(Some(Host::Address(some_address)));
        }
        let tcp = axes::ports(&known.tcp_ports(), detail, draw);
        let udp = axes::ports(&known.ports(), detail, draw);
        let mut plain = vec![(IpProtocol(47), 0)];
        let groups = known.deployment.network_security_groups.values();
        let of_groups = groups.flat_map(|g| &g.rules).filter_map(|rule| rule.protocol);
        plain.extend(of_groups.filter(|p| !p.has_ports()).map(|p| (p, 0)));
        let services = [IpProtocol::ICMP, IpProtocol::ICMPV6].map(|icmp| {
            let tcp = tcp.iter().map(|port| (IpProtocol::TCP, *port));
            let udp = udp.iter().map(|port| (IpProtocol::UDP, *port));
            tcp.chain(udp).chain([(icmp, 0)]).chain(plain.iter().copied()).collect()
        });
        let urls = known.application().flat_map(|rule| &rule.target_urls);
        let paths = axes::paths(urls.map(|url| url.path.as_str()));
        Axes {
            sources,
            destinations,
            source_ports,
            services,
            shown,
            inner,
            paths,
            request_ports: if known.compares_request_ports() { tcp } else { vec![] },
            in_turn: if is_coarse { IN_TURN } else { usize::MAX },
            payloads_in_turn: if is_coarse { PAYLOADS_IN_TURN } else { usize::MAX },
            max_flows: max_flows(detail),
            max_probes: if is_coarse { MAX_PROBES } else { usize::MAX },
        }
    }

    /// No port, the one that is connected to, another, and those that are compared.
    fn ports_in_requests(&self, connected: u16) -> Vec<Option<u16>> {
        let other = if connected == 81 { 82 } else { 81 };
        let mut all = vec![None, Some(connected), Some(other)];
        all.extend(self.request_ports.iter().map(|port| Some(*port)));
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What decisions of a flow look at, under every assignment, by the steps in their traces.
///
/// - Before the security group and the first step of a firewall, a decision looks at addresses
///   only (`decide.rs`: `walk`, `travel`; `route`). A firewall leaves a step in each case
///   (`firewall/mod.rs`, `handle`).
/// - The payload is read by `sniff`, after the step *sniff*, and by `sniff_proxied`, after the step
///   *local* of the explicit proxy.
/// - The name and path of a request are read after *sniff* has let it through: then there is a step
///   *application*. Those inside TLS are read by `decrypted` alone: a step *inspection* for one
///   assignment at least.
/// - Which address a literal is matters where the flow goes on behind a firewall
///   (`firewall/proxy.rs`, `resolve`), which is a step *delivery*.
#[derive(Clone, Copy, Debug, Default)]
struct Reads {
    service: bool,
    payload: bool,
    name: bool,
    inner: bool,
    explicit: bool,
    way: bool,
}

impl Reads {
    fn add(&mut self, trace: &[Step]) {
        for step in trace {
            match step.stage {
                Stage::Source | Stage::Route => {}
                Stage::Delivery => self.way = true,
                Stage::Local => {
                    self.service = true;
                    if step.result == "the explicit proxy" {
                        self.explicit = true;
                        self.payload = true;
                    }
                }
                Stage::Sniff => self.payload = true,
                Stage::Application => self.name = true,
                Stage::Inspection => self.inner = true,
                Stage::SecurityGroup
                | Stage::State
                | Stage::ThreatIntel
                | Stage::Dnat
                | Stage::Network
                | Stage::Intercept
                | Stage::Infrastructure
                | Stage::Default
                | Stage::Resolve
                | Stage::Idps => self.service = true,
            }
        }
    }
}

/// The flows, as they are found.
struct Grid<'g> {
    simulator: &'g Simulator<'g>,
    axes: Axes,
    /// Counts what was taken in turn.
    turn: usize,
    /// Counts the decisions so far.
    probes: Cell<usize>,
    flows: Vec<Flow>,
}

impl Grid<'_> {
    fn fill(&mut self) -> Result<(), TooMany> {
        for source in self.axes.sources.clone() {
            for destination in self.axes.destinations.clone() {
                if source.is_ipv4() != destination.is_ipv4() {
                    continue;
                }
                for source_port in self.axes.source_ports.clone() {
                    self.fill_between(source, source_port, destination)?;
                }
            }
        }
        Ok(())
    }

    fn fill_between(
        &mut self,
        source: IpAddr,
        source_port: u16,
        destination: IpAddr,
    ) -> Result<(), TooMany> {
        let services = self.axes.services[usize::from(source.is_ipv6())].clone();
        let flow = |(protocol, destination_port): (IpProtocol, u16)| Flow {
            source,
            source_port: if protocol.has_ports() { source_port } else { 0 },
            destination,
            destination_port,
            protocol,
            payload: Payload::Silent,
        };
        if !self.reads(&flow(services[0]))?.service {
            for _ in 0..self.axes.in_turn.min(services.len()) {
                let service = *self.in_turn(&services);
                self.push_one_unread(&flow(service))?;
            }
            return Ok(());
        }
        for service in services {
            let flow = flow(service);
            if !service.0.has_ports() && source_port != self.axes.source_ports[0] {
                continue;
            }
            let reads = self.reads(&flow)?;
            if reads.payload {
                self.fill_payloads(&flow, reads.explicit)?;
            } else {
                for _ in 0..self.axes.payloads_in_turn.min(unread_payloads(service.0)) {
                    self.push_one_unread(&flow)?;
                }
            }
        }
        Ok(())
    }

    /// The hosts of which one at least matters: of literals only the first, where the flow with it
    /// never goes on.
    fn hosts(&self, with: impl Fn(Host) -> Flow) -> Result<Vec<Option<Host>>, TooMany> {
        let is_literal = |host: &Option<Host>| matches!(host, Some(Host::Address(_)));
        let mut hosts = self.axes.shown.clone();
        let mut literals = hosts.iter().flatten().filter(|host| host.name().is_none());
        let (first, more) = (literals.next().cloned(), literals.next().is_some());
        let Some(first) = first.filter(|_| more) else { return Ok(hosts) };
        if !self.reads(&with(first.clone()))?.way {
            hosts.retain(|host| !is_literal(host) || *host == Some(first.clone()));
        }
        Ok(hosts)
    }

    /// Every payload of a TCP connection that a proxy reads.
    fn fill_payloads(&mut self, flow: &Flow, is_explicit: bool) -> Result<(), TooMany> {
        let with = |payload| Flow { payload, ..flow.clone() };
        self.push(with(Payload::Silent))?;
        self.push(with(Payload::Other))?;
        let tls = |name| with(Payload::Tls { name: Some(name), inner: None });
        for name in self.hosts(tls)? {
            self.fill_tls(flow, name.as_ref(), is_explicit)?;
        }
        for port in self.axes.ports_in_requests(flow.destination_port) {
            self.fill_http(flow, port, is_explicit)?;
        }
        let mut read = false;
        for name in self.hosts(|name| with(Payload::Mssql { name: Some(name) }))? {
            let flow = with(Payload::Mssql { name: name.clone() });
            // Where no rule expects TDS, no name is looked at.
            let is_first = name.is_some() && !read;
            if is_first && !self.reads(&flow)?.name {
                self.push(flow)?;
                break;
            }
            read |= name.is_some();
            self.push(flow)?;
        }
        Ok(())
    }

    fn fill_tls(
        &mut self,
        flow: &Flow,
        name: Option<&Host>,
        is_explicit: bool,
    ) -> Result<(), TooMany> {
        let with = |inner| {
            let name = name.cloned();
            Flow { payload: Payload::Tls { name, inner }, ..flow.clone() }
        };
        let bare = with(None);
        let reads_inner = is_explicit || self.reads(&bare)?.inner;
        self.push(bare)?;
        // The proxy reads the request alone, so one outer name is enough for it.
        let is_enough = is_explicit && name != self.axes.shown[0].as_ref();
        if !reads_inner || is_enough {
            let request = self.request_in_turn(flow.destination_port);
            return self.push(with(Some(request)));
        }
        for port in self.axes.ports_in_requests(flow.destination_port) {
            for host in self.axes.inner.clone() {
                for path in self.axes.paths.clone() {
                    self.push(with(Some(Request { host: host.clone(), port, path })))?;
                }
            }
        }
        Ok(())
    }

    fn fill_http(
        &mut self,
        flow: &Flow,
        port: Option<u16>,
        is_explicit: bool,
    ) -> Result<(), TooMany> {
        let with = |host: &Option<Host>, path: &str| {
            let request = Request { host: host.clone(), port, path: path.to_owned() };
            Flow { payload: Payload::Http(request), ..flow.clone() }
        };
        let paths = self.axes.paths.clone();
        let path = self.in_turn(&paths).clone();
        self.push(with(&None, &path))?;
        let named: Vec<Option<Host>> = self.axes.shown.iter().skip(1).cloned().collect();
        if !is_explicit && !self.reads(&with(&named[0], &path))?.name {
            let host = self.in_turn(&named).clone();
            return self.push(with(&host, &path));
        }
        for host in self.hosts(|host| with(&Some(host), &path))?.iter().skip(1) {
            for path in &paths {
                self.push(with(host, path))?;
            }
        }
        Ok(())
    }

    /// A flow whose payload nothing looks at: each form in turn, with each name.
    fn push_one_unread(&mut self, flow: &Flow) -> Result<(), TooMany> {
        let shown = self.axes.shown.clone();
        let form = self.turn % unread_payloads(flow.protocol);
        self.turn += 1;
        let name = shown[(self.turn / unread_payloads(flow.protocol)) % shown.len()].clone();
        let payload = match (flow.protocol, form) {
            (_, 0) => Payload::Silent,
            (_, 1) => Payload::Other,
            (IpProtocol::UDP, _) => Payload::Quic { name },
            (_, 2) => Payload::Tls { name, inner: None },
            (_, 3) => {
                let inner = Some(self.request_in_turn(flow.destination_port));
                Payload::Tls { name, inner }
            }
            (_, 4) => Payload::Mssql { name },
            (_, _) => Payload::Http(self.request_in_turn(flow.destination_port)),
        };
        self.push(Flow { payload, ..flow.clone() })
    }

    fn request_in_turn(&mut self, connected: u16) -> Request {
        let (hosts, paths) = (self.axes.shown.clone(), self.axes.paths.clone());
        let ports = self.axes.ports_in_requests(connected);
        let host = self.in_turn(&hosts).clone();
        let port = *self.in_turn(&ports);
        let path = self.in_turn(&paths).clone();
        Request { host, port, path }
    }

    fn in_turn<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        self.turn += 1;
        &all[self.turn % all.len()]
    }

    fn push(&mut self, flow: Flow) -> Result<(), TooMany> {
        if self.flows.len() == self.axes.max_flows {
            return Err(TooMany);
        }
        self.flows.push(flow);
        Ok(())
    }

    fn reads(&self, flow: &Flow) -> Result<Reads, TooMany> {
        let mut reads = Reads::default();
        let decide = |oracle: &mut dyn FnMut(&Atom) -> bool| self.simulator.decide(flow, oracle);
        under_every_assignment(&Assignment::new(), MAX_ASSIGNMENTS, decide, |_, decision| {
            reads.add(&decision.trace);
            self.probes.set(self.probes.get() + 1);
            let is_enough = self.probes.get() > self.axes.max_probes;
            if is_enough { Err(TooMany) } else { Ok(None::<()>) }
        })?;
        Ok(reads)
    }
}

/// How many forms of payload a protocol can carry.
fn unread_payloads(protocol: IpProtocol) -> usize {
    match protocol {
        IpProtocol::TCP => 6,
        IpProtocol::UDP => 3,
        _ => 2,
    }
}

//! Flows for a row of the table, near the edges of a deployment.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::address::AddressEntry;
use exeat::azure::address::DestinationEntry;
use exeat::azure::policy::Policy;
use exeat::azure::policy::Rules;
use exeat::azure::route::RouteDestination;
use exeat::azure::rule::ApplicationProtocolType;
use exeat::azure::rule::ApplicationRule;
use exeat::azure::rule::NatRule;
use exeat::azure::rule::NetworkProtocol;
use exeat::azure::rule::NetworkRule;
use exeat::azure::rule::PortEntry;
use exeat::azure::rule::Sources;
use exeat::flow::AddressSet;
use exeat::flow::Flow;
use exeat::flow::FqdnPattern;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::flow::Request;
use ipnet::IpNet;

use super::axes;
use super::axes::Detail;
use super::draw::Draw;
use super::estates;
use super::facts::Likely;
use super::facts::USUAL;
use super::rows::Row;
use super::worlds::FIREWALL;
use super::worlds::PUBLIC;
use super::worlds::address;

/// In so many flows of a hundred, one part is moved over an edge.
const MOVED: usize = 15;
/// Where nothing but a rule for every address reaches.
const QUIET: [u8; 2] = [198, 18];

/// What flows are drawn from.
pub(crate) struct Flows<'d> {
    deployment: &'d Deployment,
    /// Subnets that send all that leaves to the firewall.
    plain: Vec<IpNet>,
    every: Vec<IpNet>,
    network: Vec<&'d NetworkRule>,
    application: Vec<&'d ApplicationRule>,
    inspecting: Vec<&'d ApplicationRule>,
    nat: Vec<&'d NatRule>,
    /// Ends of what routes, networks and endpoints lead to, and what lies beyond them.
    led_to: Vec<IpAddr>,
    patterns: Vec<FqdnPattern>,
}

impl<'d> Flows<'d> {
    pub(crate) fn near(deployment: &'d Deployment) -> Flows<'d> {
        let mut flows = Flows {
            deployment,
            plain: vec![],
            every: vec![],
            network: vec![],
            application: vec![],
            inspecting: vec![],
            nat: vec![],
            led_to: led_to(deployment),
            patterns: vec![],
        };
        for subnet in &deployment.virtual_networks[&Key::new("spoke")].subnets {
            let all = subnet.prefixes.iter().filter(|range| range.addr().is_ipv4());
            flows.every.extend(all.clone());
            flows.plain.extend(all.filter(|_| estates::is_plain(&subnet.name)));
        }
        let is_first = |name: &&Key| matches!(name.as_str(), "fw" | "base");
        let policies = deployment.policies.iter().filter(|(name, _)| is_first(name));
        for rules in policies.flat_map(|(_, policy)| rules_of(policy)) {
            match rules {
                Rules::Network(_, rules) => flows.network.extend(rules),
                Rules::Application(_, rules) => flows.application.extend(rules),
                Rules::Nat(rules) => flows.nat.extend(rules),
            }
        }
        let inspecting = flows.application.iter().filter(|rule| rule.terminate_tls);
        flows.inspecting = inspecting.copied().collect();
        for rule in &flows.application {
            flows.patterns.extend(rule.target_fqdns.iter().cloned());
            flows.patterns.extend(rule.target_urls.iter().map(|url| url.host.clone()));
        }
        flows
    }

    /// A flow for which `row` may decide, and how often facts hold that let it.
    pub(crate) fn draw(&self, row: Row, draw: &mut Draw) -> (Flow, Likely) {
        let flow = match row {
            Row::Source => Flow { source: self.stranger(draw), ..self.to_a_rule(draw) },
            Row::SecurityGroup | Row::Route => self.beside(draw),
            Row::Local => self.to_the_firewall(draw),
            Row::ThreatAddress | Row::Onward => self.to_a_rule(draw),
            Row::Dnat => self.translated(draw),
            Row::Network => self.by_address(draw),
            Row::Undeliverable => self.without_ports(draw),
            Row::NotIntercepted => self.to_another_port(draw),
            Row::Silent | Row::Sniff | Row::NoServerName | Row::HostPort => self.spoilt(row, draw),
            Row::ThreatName | Row::Application | Row::Resolve => self.by_name(draw),
            Row::Inspection => self.decrypted(draw),
            Row::Infrastructure | Row::Default => self.unnamed(draw),
            Row::State | Row::Intercept | Row::IntrusionDetection => {
                panic!("{row} ends no decision")
            }
        };
        let flow = if draw.chance(MOVED) { self.moved(flow, draw) } else { flow };
        (valid(in_one_family(flow)), likely(row, draw))
    }

    fn to_a_rule(&self, draw: &mut Draw) -> Flow {
        if draw.chance(50) { self.by_address(draw) } else { self.by_name(draw) }
    }

    /// A machine that sends, most often one whose way leads to the firewall.
    fn machine(&self, draw: &mut Draw) -> IpAddr {
        let subnets = if draw.chance(90) { &self.plain } else { &self.every };
        inside(draw.pick(subnets), draw)
    }

    /// A pod behind its node, or an address of no subnet.
    fn stranger(&self, draw: &mut Draw) -> IpAddr {
        let pods = self.deployment.clusters.values().flat_map(|one| &one.pod_ranges);
        let pods: Vec<IpNet> = pods.copied().collect();
        if !pods.is_empty() && draw.chance(50) {
            return inside(draw.pick(&pods), draw);
        }
        let subnet = draw.pick(&self.every);
        let beyond = axes::moved(subnet.broadcast(), 1).expect("an address");
        draw.pick(&[beyond, address("10.1.200.7"), address("172.16.3.4")])
    }

    /// One of the machines that a rule names, or one beside them.
    fn sender(&self, sources: &Sources, draw: &mut Draw) -> IpAddr {
        let groups = sources.ip_groups.iter().filter_map(|it| self.deployment.ip_groups.get(it));
        let of_groups = groups.flat_map(|group| &group.addresses);
        let all: Vec<&AddressEntry> = sources.addresses.iter().chain(of_groups).collect();
        if all.is_empty() {
            return self.machine(draw);
        }
        match draw.pick(&all) {
            AddressEntry::Any | AddressEntry::Unknown(_) => self.machine(draw),
            entry => near(entry, draw),
        }
    }

    fn flow(source: IpAddr, destination: IpAddr, port: u16, payload: Payload) -> Flow {
        let (protocol, source_port) = (IpProtocol::TCP, 0);
        Flow { source, source_port, destination, destination_port: port, protocol, payload }
    }

    /// To what a route, a network or an endpoint leads to.
    fn beside(&self, draw: &mut Draw) -> Flow {
        let from = if draw.chance(80) { &self.every } else { &self.plain };
        let source = inside(draw.pick(from), draw);
        let destination = draw.pick(&self.led_to);
        let port = draw.pick(&[22, 53, 80, 443, 443]);
        let flow = Self::flow(source, destination, port, self.payload(draw));
        let source_port = draw.pick(&[0, 0, 1_023, 1_024, 50_000]);
        Flow { source_port, ..flow }
    }

    /// To what the firewall answers itself.
    fn to_the_firewall(&self, draw: &mut Draw) -> Flow {
        let (source, own) = (self.machine(draw), address(FIREWALL));
        let port = draw.pick(&[53, 53, 53, 54, 8_090, 8_091]);
        let protocol = if port < 60 {
            draw.pick(&[IpProtocol::TCP, IpProtocol::UDP])
        } else {
            IpProtocol::TCP
        };
        Flow { protocol, ..Self::flow(source, own, port, Payload::Silent) }
    }

    /// To an address of the firewall, for a rule that translates, or for the explicit proxy.
    fn translated(&self, draw: &mut Draw) -> Flow {
        if self.nat.is_empty() || draw.chance(10) {
            let own = address(draw.pick(&[PUBLIC, FIREWALL]));
            return Self::flow(self.machine(draw), own, 443, self.payload(draw));
        }
        let rule = draw.pick(&self.nat);
        let to = near(&draw.pick(&rule.destination_addresses), draw);
        let port = port_near(&rule.destination_ports, draw);
        let protocol = protocol_of(&rule.protocols, draw);
        let source = self.sender(&rule.sources, draw);
        Flow { protocol, ..Self::flow(source, to, port, self.payload(draw)) }
    }

    /// Near a network rule.
    fn by_address(&self, draw: &mut Draw) -> Flow {
        let rule = draw.pick(&self.network);
        let port = port_near(&rule.destination_ports, draw);
        let protocol = protocol_of(&rule.protocols, draw);
        let to = self.destination(rule, draw);
        let flow = Self::flow(self.sender(&rule.sources, draw), to, port, self.payload(draw));
        Flow { protocol, ..flow }
    }

    fn destination(&self, rule: &NetworkRule, draw: &mut Draw) -> IpAddr {
        let named = rule.destination_ip_groups.iter();
        let groups = named.filter_map(|name| self.deployment.ip_groups.get(name));
        let mut all: Vec<&AddressEntry> = groups.flat_map(|group| &group.addresses).collect();
        for entry in &rule.destination_addresses {
            if let DestinationEntry::Addresses(entry) = entry {
                all.push(entry);
            }
        }
        if all.is_empty() { quiet(draw) } else { near(draw.pick(&all), draw) }
    }

    /// A protocol without ports, to the internet.
    fn without_ports(&self, draw: &mut Draw) -> Flow {
        let fits = |protocol| {
            let any = protocol == NetworkProtocol::Any;
            move |rule: &&&NetworkRule| {
                rule.protocols.contains(&protocol)
                    && (!any || rule.destination_ports.contains(&PortEntry::Any))
            }
        };
        let (pings, all) = (fits(NetworkProtocol::Icmp), fits(NetworkProtocol::Any));
        let rules: Vec<_> = self.network.iter().filter(|rule| pings(rule) || all(rule)).collect();
        if rules.is_empty() {
            return self.by_address(draw);
        }
        let rule = draw.pick(&rules);
        let to = self.destination(rule, draw);
        let source = self.sender(&rule.sources, draw);
        let protocol = draw.pick(&[IpProtocol::ICMP, IpProtocol::ICMP, IpProtocol(47)]);
        Flow { protocol, ..Self::flow(source, to, 0, Payload::Silent) }
    }

    /// To a port of no rule, or over UDP.
    fn to_another_port(&self, draw: &mut Draw) -> Flow {
        let flow = self.by_name(draw);
        if draw.chance(30) {
            return Flow { protocol: IpProtocol::UDP, ..flow };
        }
        let ports = [flow.destination_port - 1, flow.destination_port + 1, 7, 60_000];
        Flow { destination_port: draw.pick(&ports), ..flow }
    }

    /// Near an application rule.
    fn by_name(&self, draw: &mut Draw) -> Flow {
        let rule = draw.pick(&self.application);
        self.by_rule(rule, draw)
    }

    fn by_rule(&self, rule: &ApplicationRule, draw: &mut Draw) -> Flow {
        let source = self.sender(&rule.sources, draw);
        let pair = draw.pick(&rule.protocols);
        let host = Some(self.host(rule, draw));
        let payload = match pair.protocol {
            ApplicationProtocolType::Https => Payload::Tls { name: host, inner: None },
            ApplicationProtocolType::Mssql => Payload::Mssql { name: host },
            ApplicationProtocolType::Http => {
                let written = pair.port != 80 || draw.chance(50);
                let port = written.then_some(pair.port);
                Payload::Http(Request { host, port, path: path_near(rule, draw) })
            }
        };
        // Through the explicit proxy now and then: it is the one that looks at both its ports.
        if draw.chance(4) && pair.protocol != ApplicationProtocolType::Mssql {
            let port = Some(pair.port);
            let host = payload.wire_name().cloned();
            let request = Request { host, port, path: path_near(rule, draw) };
            let to = draw.pick(&[8_080, 8_443]);
            return Self::flow(source, address(FIREWALL), to, Payload::Http(request));
        }
        Self::flow(source, quiet(draw), pair.port, payload)
    }

    /// A name that a rule spells out, one below it, beside it, or that only ends so.
    fn host(&self, rule: &ApplicationRule, draw: &mut Draw) -> Host {
        let of_urls = rule.target_urls.iter().map(|url| &url.host);
        let patterns: Vec<FqdnPattern> = rule.target_fqdns.iter().chain(of_urls).cloned().collect();
        if patterns.is_empty() || draw.chance(3) {
            return self.any_host(draw);
        }
        let pattern = draw.pick(&patterns);
        let fits = |name: &exeat::flow::Fqdn| pattern.matches(name);
        let mut names = axes::names(std::slice::from_ref(&pattern), &[], Detail::Intervals);
        if draw.chance(92) {
            names.retain(fits);
        }
        Host::Name(draw.pick(&names))
    }

    /// A name near that of any rule, or an address in place of one.
    fn any_host(&self, draw: &mut Draw) -> Host {
        if draw.chance(10) {
            return Host::Address(quiet(draw));
        }
        let names = axes::names(&[draw.pick(&self.patterns)], &[], Detail::Intervals);
        Host::Name(draw.pick(&names))
    }

    /// Inside TLS that a rule inspects.
    fn decrypted(&self, draw: &mut Draw) -> Flow {
        if self.inspecting.is_empty() {
            return self.by_name(draw);
        }
        let rule = draw.pick(&self.inspecting);
        let mut flow = self.by_rule(rule, draw);
        if let Payload::Tls { name, inner } = &mut flow.payload
            && draw.chance(85)
        {
            let host = match draw.below(10) {
                0 => None,
                1 => Some(self.any_host(draw)),
                2 => Some(self.host(rule, draw)),
                _ => name.clone(),
            };
            let is_written = flow.destination_port != 443 || draw.chance(30);
            let port = is_written.then_some(flow.destination_port);
            *inner = Some(Request { host, port, path: path_near(rule, draw) });
        }
        flow
    }

    /// Like a flow of a rule, but for a name of none.
    fn unnamed(&self, draw: &mut Draw) -> Flow {
        let mut flow = self.by_name(draw);
        let number = draw.below(1_000);
        let other = format!("host{number}.elsewhere.test").parse().expect("a name");
        match &mut flow.payload {
            Payload::Tls { name, .. } | Payload::Mssql { name } | Payload::Quic { name } => {
                *name = Some(Host::Name(other));
            }
            Payload::Http(request) => request.host = Some(Host::Name(other)),
            Payload::Silent | Payload::Other => {}
        }
        flow
    }

    /// A flow of a rule whose first bytes are not what they have to be.
    fn spoilt(&self, row: Row, draw: &mut Draw) -> Flow {
        let mut flow = self.by_name(draw);
        let other = flow.destination_port ^ 1;
        let request =
            |host: Option<Host>, port| Payload::Http(Request { host, port, path: "/".to_owned() });
        let host = flow.payload.wire_name().cloned();
        flow.payload = match row {
            Row::Silent => Payload::Silent,
            Row::Sniff if draw.chance(30) => request(None, None),
            Row::Sniff if draw.chance(30) => Payload::Mssql { name: host },
            Row::Sniff => Payload::Other,
            Row::NoServerName => Payload::Tls { name: None, inner: None },
            _ => request(host, draw.pick(&[None, Some(other), Some(other)])),
        };
        flow
    }

    /// Any first bytes.
    fn payload(&self, draw: &mut Draw) -> Payload {
        let host = Some(self.any_host(draw));
        match draw.below(6) {
            0 => Payload::Silent,
            1 => Payload::Other,
            2 => Payload::Mssql { name: host },
            3 => Payload::Http(Request { host, port: None, path: "/".to_owned() }),
            _ => Payload::Tls { name: host, inner: None },
        }
    }

    /// `flow` with one part beyond an edge.
    fn moved(&self, flow: Flow, draw: &mut Draw) -> Flow {
        let step = draw.pick(&[-1, 1]);
        match draw.below(7) {
            0 => {
                let port = flow.destination_port.saturating_add_signed(step);
                if flow.protocol.has_ports() {
                    Flow { destination_port: port, ..flow }
                } else {
                    flow
                }
            }
            1 => {
                let destination = axes::moved(flow.destination, i32::from(step));
                Flow { destination: destination.unwrap_or(flow.destination), ..flow }
            }
            2 => {
                let source = axes::moved(flow.source, i32::from(step));
                Flow { source: source.unwrap_or(flow.source), ..flow }
            }
            3 => Flow { source: self.machine(draw), ..flow },
            4 => {
                let all = [IpProtocol::TCP, IpProtocol::UDP, IpProtocol::ICMP];
                Flow { protocol: draw.pick(&all), ..flow }
            }
            5 => self.with_another_host(flow, draw),
            _ if flow.protocol == IpProtocol::TCP => Flow { payload: self.payload(draw), ..flow },
            _ => flow,
        }
    }

    fn with_another_host(&self, mut flow: Flow, draw: &mut Draw) -> Flow {
        let host = if draw.chance(20) { None } else { Some(self.any_host(draw)) };
        match &mut flow.payload {
            Payload::Tls { inner: Some(request), .. } if draw.chance(50) => request.host = host,
            Payload::Tls { name, .. } | Payload::Mssql { name } | Payload::Quic { name } => {
                *name = host;
            }
            Payload::Http(request) => request.host = host,
            Payload::Silent | Payload::Other => {}
        }
        flow
    }
}

/// How often facts hold where `row` is to decide.
fn likely(row: Row, draw: &mut Draw) -> Likely {
    let told = draw.pick(&[2, 40, 80]);
    match row {
        Row::ThreatAddress => Likely { address_listed: 80, ..USUAL },
        Row::ThreatName => Likely { name_listed: 85, ..USUAL },
        Row::Infrastructure => Likely { infrastructure: 90, ..USUAL },
        Row::Resolve => Likely { resolvable: 15, reading: 5, ..USUAL },
        Row::Network | Row::Undeliverable | Row::Route => Likely { told, ..USUAL },
        Row::Source
        | Row::SecurityGroup
        | Row::Local
        | Row::State
        | Row::Dnat
        | Row::Intercept
        | Row::NotIntercepted
        | Row::Silent
        | Row::Sniff
        | Row::NoServerName
        | Row::HostPort
        | Row::Application
        | Row::Inspection
        | Row::Default
        | Row::IntrusionDetection
        | Row::Onward => USUAL,
    }
}

/// The rules of each collection of `policy`.
pub(crate) fn rules_of(policy: &Policy) -> impl Iterator<Item = &Rules> {
    let collections = policy.groups.iter().flat_map(|group| &group.collections);
    collections.map(|collection| &collection.rules)
}

/// Both ends, and what lies beyond them, of all that routes, networks and endpoints name.
fn led_to(deployment: &Deployment) -> Vec<IpAddr> {
    let mut ranges: Vec<IpNet> = Vec::new();
    for network in deployment.virtual_networks.values() {
        ranges.extend(network.address_space.iter().chain(&network.gateway_routes));
        for subnet in &network.subnets {
            let endpoints = subnet.private_endpoints.iter().map(|one| one.address.into());
            ranges.extend(subnet.prefixes.iter().copied().chain(endpoints));
        }
    }
    for route in deployment.route_tables.values().flat_map(|table| &table.routes) {
        if let RouteDestination::Prefix(range) = &route.destination {
            ranges.push(*range);
        }
    }
    let more = ["168.63.129.16", "169.254.169.254", "192.168.9.9", "198.18.4.4"];
    let mut all: Vec<IpAddr> = more.map(address).to_vec();
    for range in ranges {
        let ends = [(range.network(), -1), (range.broadcast(), 1)];
        all.extend(
            ends.iter().flat_map(|(end, by)| [Some(*end), axes::moved(*end, *by)]).flatten(),
        );
    }
    all
}

/// An address at one end of `entry`, inside, or just outside.
fn near(entry: &AddressEntry, draw: &mut Draw) -> IpAddr {
    let set = entry.addresses().filter(|set| *set != AddressSet::all());
    let Some(range) = set.and_then(|set| set.ranges().first().copied()) else { return quiet(draw) };
    let (first, last) = (range.first(), range.last());
    let beyond = match draw.below(20) {
        0 if draw.chance(50) => axes::moved(first, -1),
        1 if draw.chance(50) => axes::moved(last, 1),
        2..=10 => axes::moved(first, i32::try_from(draw.below(1 << 8)).expect("a small number")),
        11..=14 => Some(last),
        _ => Some(first),
    };
    let small = beyond.filter(|address| range.contains(*address) || draw.chance(10));
    small.unwrap_or(first)
}

/// A machine of `subnet`.
fn inside(subnet: IpNet, draw: &mut Draw) -> IpAddr {
    let hosts = (1_usize << (32 - subnet.prefix_len().clamp(22, 30))) - 6;
    let at = i32::try_from(4 + draw.below(hosts)).expect("a small number");
    let inside = axes::moved(subnet.network(), at).filter(|address| subnet.contains(address));
    inside.unwrap_or(subnet.network())
}

/// An address of the internet that few rules name.
fn quiet(draw: &mut Draw) -> IpAddr {
    let low = u8::try_from(draw.below(250)).expect("a byte");
    Ipv4Addr::new(QUIET[0], QUIET[1], draw.pick(&[3, 4, 5]), low).into()
}

/// A port at one end of an entry, or just beyond.
fn port_near(entries: &[PortEntry], draw: &mut Draw) -> u16 {
    match draw.pick(entries) {
        PortEntry::Any => draw.pick(&[22, 443, 7_000]),
        PortEntry::Range(range) => {
            let [below, above] = [range.first().saturating_sub(1), range.last().saturating_add(1)];
            let [first, last] = [range.first(), range.last()];
            let inside = if draw.chance(50) { first } else { last };
            let beyond = if draw.chance(50) { below } else { above };
            if draw.chance(90) { inside } else { beyond }
        }
    }
}

fn protocol_of(protocols: &[NetworkProtocol], draw: &mut Draw) -> IpProtocol {
    match draw.pick(protocols) {
        NetworkProtocol::Any => draw.pick(&[IpProtocol::TCP, IpProtocol::UDP]),
        NetworkProtocol::Tcp => IpProtocol::TCP,
        NetworkProtocol::Udp => IpProtocol::UDP,
        NetworkProtocol::Icmp => IpProtocol::ICMP,
    }
}

/// A path at an edge of a URL of `rule`.
fn path_near(rule: &ApplicationRule, draw: &mut Draw) -> String {
    draw.pick(&axes::paths(rule.target_urls.iter().map(|url| url.path.as_str())))
}

/// `flow` with no more than its protocol can carry.
fn valid(flow: Flow) -> Flow {
    let name = flow.payload.wire_name().cloned();
    let has_ports = flow.protocol.has_ports();
    let payload = match (flow.protocol, flow.payload) {
        (IpProtocol::TCP, Payload::Quic { .. }) => Payload::Other,
        (IpProtocol::TCP, payload) => payload,
        (IpProtocol::UDP, Payload::Tls { .. } | Payload::Quic { .. }) => Payload::Quic { name },
        (_, Payload::Silent) => Payload::Silent,
        (_, _) => Payload::Other,
    };
    Flow {
        source_port: if has_ports { flow.source_port } else { 0 },
        destination_port: if has_ports { flow.destination_port } else { 0 },
        payload,
        ..flow
    }
}

/// `flow` from the machine that has an address of the destination's family.
fn in_one_family(flow: Flow) -> Flow {
    if flow.source.is_ipv4() == flow.destination.is_ipv4() {
        return flow;
    }
    let source = if flow.destination.is_ipv4() { "10.1.8.4" } else { "fd00:1::5" };
    let protocol = match flow.protocol {
        IpProtocol::ICMP if flow.destination.is_ipv6() => IpProtocol::ICMPV6,
        other => other,
    };
    Flow { source: address(source), protocol, ..flow }
}

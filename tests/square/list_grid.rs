//! The grid of a list: every flow that stands for others.

use std::net::IpAddr;

use exeat::azure::rule::SQL_REDIRECT_PORTS;
use exeat::flow::AddressSet;
use exeat::flow::Flow;
use exeat::flow::FqdnPattern;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::flow::PortRange;
use exeat::flow::Request;
use exeat::intent::Destination;
use exeat::intent::Intent;
use exeat::intent::Service;
use exeat::intent::permission::Addresses;
use exeat::intent::permission::MssqlMode;
use exeat::intent::topology::Tier;

use super::axes;
use super::axes::Detail;
use super::draw::Draw;

const SOME_ADDRESS: &str = "198.51.100.9";
/// No service tag holds one of these.
const PRIVATE: [&str; 5] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// A statement, permission or deny.
struct Statement<'l> {
    sources: &'l Addresses,
    destinations: &'l [Destination],
    services: &'l [Service],
}

/// The flows of the grid of `list`.
pub(crate) fn of_list(list: &Intent, detail: Detail, seed: u64) -> Vec<Flow> {
    let draw = &mut Draw::new(seed);
    let permissions = list.permissions.iter().map(|one| Statement {
        sources: &one.sources,
        destinations: &one.destinations,
        services: &one.services,
    });
    let denies = list.denies.iter().map(|one| Statement {
        sources: &one.sources,
        destinations: &one.destinations,
        services: &one.services,
    });
    let statements: Vec<Statement<'_>> = permissions.chain(denies).collect();
    let premium = list.topology.firewalls.iter().any(|firewall| firewall.tier == Tier::Premium);
    Axes::of(&statements, premium, detail, draw).flows(&statements)
}

struct Axes {
    sources: Vec<IpAddr>,
    destinations: Vec<IpAddr>,
    tcp: Vec<u16>,
    udp: Vec<u16>,
    plain: Vec<IpProtocol>,
    names: Vec<Host>,
    paths: Vec<String>,
    /// Whether a statement looks at requests (`question.rs`, `target_matches`).
    reads_paths: bool,
}

impl Axes {
    fn of(statements: &[Statement<'_>], premium: bool, detail: Detail, draw: &mut Draw) -> Axes {
        let sources: Vec<AddressSet> =
            statements.iter().map(|one| one.sources.set.clone()).collect();
        let mut destinations = vec![axes::all_of(&PRIVATE)];
        let (mut patterns, mut paths, mut reads_paths) = (Vec::new(), Vec::new(), false);
        for destination in statements.iter().flat_map(|one| one.destinations) {
            match destination {
                Destination::Names(names) => {
                    patterns.extend(names.patterns.iter().chain(&names.except).cloned());
                }
                Destination::Addresses(addresses) => destinations.push(addresses.set.clone()),
                Destination::Url { host, path } => {
                    patterns.push(host.clone());
                    paths.push(path.as_str());
                    reads_paths = true;
                }
                Destination::WebCategory(_) => reads_paths |= premium,
                Destination::ServiceTag(_) | Destination::FqdnTag(_) | Destination::Any => {}
            }
        }
        let (mut tcp, mut udp) = (Vec::new(), Vec::new());
        let mut plain = vec![IpProtocol(50)];
        for service in statements.iter().flat_map(|one| one.services) {
            match *service {
                Service::Https { port } | Service::Http { port } => {
                    tcp.push(PortRange::single(port));
                }
                Service::Mssql { mode, port } => {
                    tcp.push(PortRange::single(port));
                    let (first, last) = SQL_REDIRECT_PORTS.into_inner();
                    let redirected = PortRange::new(first, last);
                    tcp.extend(redirected.filter(|_| mode == MssqlMode::Redirect));
                }
                Service::Tcp(range) => tcp.push(range),
                Service::Udp(range) => udp.push(range),
                Service::Protocol(protocol) => plain.push(protocol),
                Service::Icmp | Service::Any => {}
            }
        }
        plain.retain(|protocol| !protocol.has_ports());
        let patterns: Vec<FqdnPattern> = patterns;
        let names = axes::names(&patterns, &[], detail);
        Axes {
            sources: axes::addresses(&sources, |_| (), detail, draw),
            destinations: axes::addresses(&destinations, |_| (), detail, draw),
            tcp: axes::ports(&tcp, detail, draw),
            udp: axes::ports(&udp, detail, draw),
            plain,
            names: names.into_iter().map(Host::Name).collect(),
            paths: axes::paths(paths),
            reads_paths,
        }
    }

    fn flows(&self, statements: &[Statement<'_>]) -> Vec<Flow> {
        let mut flows = Vec::new();
        for source in &self.sources {
            for destination in &self.destinations {
                if source.is_ipv4() != destination.is_ipv4() {
                    continue;
                }
                for (protocol, destination_port) in self.services(source.is_ipv4()) {
                    let flow = Flow {
                        source: *source,
                        source_port: 0,
                        destination: *destination,
                        destination_port,
                        protocol,
                        payload: Payload::Silent,
                    };
                    let mut payloads = self.payloads(&flow);
                    if !statements.iter().any(|one| one.may_mean(&flow)) {
                        // Nobody speaks of it, whatever it carries.
                        payloads = vec![payloads.swap_remove(flows.len() % payloads.len())];
                    }
                    let with = |payload| Flow { payload, ..flow.clone() };
                    flows.extend(payloads.into_iter().map(with));
                }
            }
        }
        flows
    }

    fn services(&self, is_ipv4: bool) -> Vec<(IpProtocol, u16)> {
        let tcp = self.tcp.iter().map(|port| (IpProtocol::TCP, *port));
        let udp = self.udp.iter().map(|port| (IpProtocol::UDP, *port));
        let icmp = if is_ipv4 { IpProtocol::ICMP } else { IpProtocol::ICMPV6 };
        let plain = self.plain.iter().chain([&icmp]).map(|protocol| (*protocol, 0));
        tcp.chain(udp).chain(plain).collect()
    }

    fn payloads(&self, flow: &Flow) -> Vec<Payload> {
        let mut all = vec![Payload::Silent, Payload::Other];
        let literals = [flow.destination, SOME_ADDRESS.parse().expect("an address")];
        let literals = literals.map(|address| Some(Host::Address(address)));
        let named = self.names.iter().cloned().map(Some);
        let hosts: Vec<Option<Host>> = [None].into_iter().chain(literals).chain(named).collect();
        if flow.protocol == IpProtocol::UDP {
            all.extend(hosts.into_iter().map(|name| Payload::Quic { name }));
            return all;
        }
        if flow.protocol != IpProtocol::TCP {
            return all;
        }
        let request = |host: &Option<Host>, path: &String| Request {
            host: host.clone(),
            port: None,
            path: path.clone(),
        };
        // One path where nobody looks at it.
        let paths = if self.reads_paths { &self.paths[..] } else { &self.paths[..1] };
        for name in hosts {
            all.push(Payload::Tls { name: name.clone(), inner: None });
            all.push(Payload::Mssql { name: name.clone() });
            for path in paths {
                all.push(Payload::Http(request(&name, path)));
                // The host inside TLS is never looked at (`views.rs`).
                let (inner, name) = (Some(request(&None, path)), name.clone());
                all.push(Payload::Tls { name, inner });
            }
        }
        all
    }
}

impl Statement<'_> {
    /// Whether source and service fit (`views.rs`, `carries`).
    fn may_mean(&self, flow: &Flow) -> bool {
        let (protocol, port) = (flow.protocol, flow.destination_port);
        let tcp = protocol == IpProtocol::TCP;
        self.sources.set.contains(flow.source)
            && self.services.iter().any(|service| match *service {
                Service::Https { .. } | Service::Http { .. } | Service::Mssql { .. } => tcp,
                Service::Tcp(range) => tcp && range.contains(port),
                Service::Udp(range) => protocol == IpProtocol::UDP && range.contains(port),
                Service::Icmp => !protocol.has_ports(),
                Service::Protocol(wanted) => protocol == wanted,
                Service::Any => true,
            })
    }
}

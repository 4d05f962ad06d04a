//! What is true of a deployment and a list, found by asking the engine for single flows about every
//! flow that stands for others, under every assignment of the facts that it asks for.
//!
//! Addresses, ports and names that the deployment, the one that the list compiles to and Azure's own
//! prefixes do not tell apart are treated alike; a flow is taken of each combination.

use std::collections::BTreeSet;
use std::net::IpAddr;

use exeat::azure::Deployment;
use exeat::azure::route::SYSTEM_DROPPED;
use exeat::evidence::Evidence;
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
use exeat::intent::Intent;
use exeat::prove::Claim;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::Value;

use super::DAY;
use super::Word;
use super::assignments::Assignment;
use super::assignments::under_every_assignment;
use super::axes;
use super::axes::Detail;
use super::draw::Draw;

/// Prefixes that never leave the host or the link (`azure-routing.md §7`), and private ones.
const AZURES: [&str; 9] = [
    "168.63.129.16/32",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
];
/// Hosts that are addresses, one on the internet and one that is not.
const LITERALS: [&str; 2] = ["203.0.113.77", "10.200.0.9"];
/// The most assignments of one flow.
const MAX_ASSIGNMENTS: usize = 4096;

/// What the deployments tell apart.
#[derive(Default)]
struct Known {
    addresses: Vec<AddressSet>,
    ports: Vec<PortRange>,
    patterns: Vec<FqdnPattern>,
}

impl Known {
    fn read(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    self.field(key, value);
                    self.read(value);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.read(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn field(&mut self, key: &str, value: &Value) {
        let texts = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for text in texts.iter().filter_map(Value::as_str) {
            let prefix = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            let port = text.rsplit(':').next().unwrap_or(text);
            let (first, last) = port.split_once('-').unwrap_or((port, port));
            match key {
                "targetFqdns" | "destinationFqdns" => {
                    self.patterns.push(text.parse().expect("a pattern"));
                }
                "destinationPorts" | "protocols" if text != "*" => self.ports.extend(
                    PortRange::new(first.parse().expect("a port"), last.parse().expect("a port")),
                ),
                _ => self.addresses.extend(prefix.map(AddressSet::from)),
            }
        }
    }
}

/// Every flow that stands for others, of the sources in the declared subnets.
fn flows(known: &Known, deployment: &Deployment) -> Vec<Flow> {
    let draw = &mut Draw::new(1);
    let prefixes = AZURES.iter().chain(SYSTEM_DROPPED);
    let mut sets: Vec<AddressSet> = prefixes.map(|text| axes::all_of(&[text])).collect();
    sets.extend(known.addresses.iter().cloned());
    let addresses = axes::addresses(&sets, |_| (), Detail::Classes, draw);
    let addresses: Vec<IpAddr> = addresses.into_iter().filter(IpAddr::is_ipv4).collect();
    let subnets = deployment.virtual_networks.values().flat_map(|network| &network.subnets);
    let declared: AddressSet = subnets.flat_map(|subnet| subnet.prefixes.clone()).collect();
    let ports = [&known.ports[..], &[80, 443].map(PortRange::single)].concat();
    let ports = axes::ports(&ports, Detail::Classes, draw);
    let names = axes::names(&known.patterns, &[], Detail::Classes);
    let mut flows = Vec::new();
    for source in addresses.iter().filter(|address| declared.contains(**address)) {
        for destination in &addresses {
            let mut push = |protocol, destination_port, payload| {
                let (source, destination, source_port) = (*source, *destination, 0);
                flows.push(Flow {
                    source,
                    source_port,
                    destination,
                    destination_port,
                    protocol,
                    payload,
                });
            };
            for protocol in [IpProtocol::ICMP, IpProtocol(50)] {
                push(protocol, 0, Payload::Other);
            }
            for port in &ports {
                for payload in payloads(&names, *destination, *port) {
                    let is_quic = matches!(payload, Payload::Quic { .. });
                    let either = matches!(payload, Payload::Silent | Payload::Other);
                    if is_quic || either {
                        push(IpProtocol::UDP, *port, payload.clone());
                    }
                    if !is_quic {
                        push(IpProtocol::TCP, *port, payload);
                    }
                }
            }
        }
    }
    flows
}

fn payloads(names: &[Fqdn], destination: IpAddr, port: u16) -> Vec<Payload> {
    let literals = LITERALS.iter().map(|text| text.parse().expect("an address"));
    let literals = literals.chain([destination]).map(|address| Some(Host::Address(address)));
    let hosts = names.iter().cloned().map(|name| Some(Host::Name(name)));
    let mut all = vec![Payload::Silent, Payload::Other];
    for host in hosts.chain(literals).chain([None]) {
        all.push(Payload::Tls { name: host.clone(), inner: None });
        all.push(Payload::Mssql { name: host.clone() });
        all.push(Payload::Quic { name: host.clone() });
        // A port is written behind a host.
        let written = [None, Some(port), Some(port ^ 1)];
        for port in written.into_iter().take(if host.is_some() { 3 } else { 1 }) {
            let path = "/".to_owned();
            all.push(Payload::Http(Request { host: host.clone(), port, path }));
        }
    }
    all
}

/// What becomes of the claims about `deployment`, which is written as `now`; the list compiles to
/// what is written as `before`.
pub(crate) fn truth(
    intent: &Intent,
    [before, now]: [&Value; 2],
    deployment: &Deployment,
) -> Vec<(Claim, Word)> {
    let mut known = Known::default();
    known.read(before);
    known.read(now);
    let simulator = Simulator::new(deployment).expect("an order of rules");
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default().in_proofs());
    let at = Timestamp::UNIX_EPOCH;
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
    let of_the_firewall = firewalls(deployment);
    let mut claims =
        [Claim::NoLeak, Claim::NoBreakage, Claim::NothingAround].map(|claim| (claim, Word::Proved));
    for flow in flows(&known, deployment) {
        let run = |oracle: &mut dyn FnMut(&Atom) -> bool| {
            let mut oracle = |atom: &Atom| {
                let known = environment.answer(atom, &[]).truth;
                known.unwrap_or_else(|| oracle(&as_the_firewall_knows(atom)))
            };
            let verdict = simulator.decide(&flow, &mut oracle).verdict;
            (verdict, intent.decide(DAY, &flow, &mut oracle))
        };
        let (mut some, mut every) = ([false; 3], [true; 3]);
        let nothing = Assignment::new();
        under_every_assignment(&nothing, MAX_ASSIGNMENTS, run, |_, (verdict, stance)| {
            let asked_for = stance.required && is_asked_about(&flow, &of_the_firewall);
            let violates = [
                verdict == Verdict::Allow && !stance.permitted,
                verdict == Verdict::Deny && asked_for,
                verdict == Verdict::Bypass,
            ];
            for (index, violates) in violates.into_iter().enumerate() {
                some[index] |= violates;
                every[index] &= violates;
            }
            Ok(None::<()>)
        })
        .expect("few assignments");
        for (index, (_, word)) in claims.iter_mut().enumerate() {
            let found = match (some[index], every[index]) {
                (_, true) => Word::Refuted,
                (true, false) => Word::Open,
                (false, false) => Word::Proved,
            };
            *word = found.max(*word);
        }
    }
    claims.to_vec()
}

/// Every client here asks the DNS proxy of the only firewall, and is told what that knows.
fn as_the_firewall_knows(atom: &Atom) -> Atom {
    if let Atom::ClientAnswer { name, address, .. } = atom
        && let Ok(name) = name.parse()
    {
        return Atom::FirewallAnswer { name, address: *address };
    }
    atom.clone()
}

fn firewalls(deployment: &Deployment) -> BTreeSet<IpAddr> {
    let firewalls = deployment.firewalls.values();
    firewalls
        .flat_map(|one| one.public_addresses.iter().chain([&one.private_address]))
        .copied()
        .collect()
}

/// A proof requires nothing at a private address, at one that Azure drops by itself or at a firewall's
/// own, but of who writes that address, which no list here does (`semantics.md`, What a proof asks
/// about).
fn is_asked_about(flow: &Flow, of_the_firewall: &BTreeSet<IpAddr>) -> bool {
    let prefixes = AZURES.iter().chain(SYSTEM_DROPPED);
    let mut sets = prefixes.map(|text| axes::all_of(&[text]));
    !of_the_firewall.contains(&flow.destination) && !sets.any(|set| set.contains(flow.destination))
}

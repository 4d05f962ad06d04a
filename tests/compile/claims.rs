//! What leaves is permitted, what is denied does not leave, and what is required does
//! (`semantics.md`, Claims), asked of the simulator for flows near the statements.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;

use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::flow::Request;
use exeat::intent::Deny;
use exeat::intent::Destination;
use exeat::intent::Permission;
use exeat::intent::Service;
use exeat::intent::permission::MssqlMode;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use proptest::prelude::*;
use proptest::sample::select;

use super::cases::cases;
use super::list::APPS;
use super::list::SYSTEM;
use super::list::allow;
use super::list::allow_by_address;
use super::list::deny;
use super::list_of;
use super::run;

const NAMES: [&str; 4] = ["a.example.com", "b.a.example.com", "pastebin.com", "example.com"];

fn permissions() -> impl Strategy<Value = Vec<Permission>> {
    let targets = select(vec![
        ("a.example.com", "https"),
        ("*.example.com", "https, http"),
        ("*", "https"),
        ("*", "https/8443"),
        ("*.example.com", "mssql proxy"),
        ("pastebin.com", "http/443"),
        ("a.example.com", "udp/123"),
        ("a.example.com", "tcp/443"),
        ("10.9.0.0/24", "tcp/443"),
        ("10.9.0.0/24", "tcp/5432"),
        ("10.9.0.0/24", "icmp"),
        ("203.0.113.0/24", "udp/443"),
        ("203.0.113.0/24", "tcp/0-65535"),
        ("tag Storage", "tcp/1433"),
        ("fqdn-tag WindowsUpdate", "https"),
    ]);
    let one = (select(vec![SYSTEM, APPS, "10.1.8.0/26"]), targets, any::<bool>());
    prop::collection::vec(one, 1..5).prop_map(|list| {
        list.into_iter()
            .enumerate()
            .map(|(index, (sources, (to, with), is_marked))| {
                let label = format!("p{index}");
                let build = if is_marked { allow_by_address } else { allow };
                build(&label, sources, to, with)
            })
            .collect()
    })
}

fn denies() -> impl Strategy<Value = Vec<Deny>> {
    let targets = select(vec![
        ("pastebin.com", "https, http"),
        ("*.a.example.com", "https"),
        ("a.example.com", "any"),
        ("pastebin.com", "any, https/8443, http/443"),
        ("category Gambling", "https"),
        ("203.0.113.0/25", "tcp/443"),
        ("203.0.113.0/25", "https"),
        ("10.9.0.0/25", "any"),
        ("tag Storage", "any"),
        ("any", "udp/443"),
    ]);
    let one = (select(vec![APPS, "any"]), targets);
    prop::collection::vec(one, 0..4).prop_map(|list| {
        list.into_iter()
            .enumerate()
            .map(|(index, (sources, (to, with)))| deny(&format!("d{index}"), sources, to, with))
            .collect()
    })
}

fn flows() -> impl Strategy<Value = Flow> {
    let source = select(vec!["10.1.0.4", "10.1.8.4", "10.1.8.200"]);
    let destination = select(vec!["10.9.0.4", "10.9.0.200", "203.0.113.7", "203.0.113.200"]);
    let name = prop::option::weighted(0.9, select(NAMES.to_vec()));
    let form = select(vec!["tls", "http", "mssql", "other", "silent", "quic", "udp", "icmp"]);
    let port = select(vec![443u16, 80, 8443, 1433, 5432, 123]);
    (source, destination, name, form, port).prop_map(|(source, destination, name, form, port)| {
        let host = name.map(|name| Host::parse(name).unwrap());
        let (protocol, payload) = match form {
            "tls" => (IpProtocol::TCP, Payload::Tls { name: host, inner: None }),
            "http" => {
                let request = Request { host, port: Some(port), path: "/".to_owned() };
                (IpProtocol::TCP, Payload::Http(request))
            }
            "mssql" => (IpProtocol::TCP, Payload::Mssql { name: host }),
            "other" => (IpProtocol::TCP, Payload::Other),
            "silent" => (IpProtocol::TCP, Payload::Silent),
            "quic" => (IpProtocol::UDP, Payload::Quic { name: host }),
            "udp" => (IpProtocol::UDP, Payload::Other),
            _ => (IpProtocol::ICMP, Payload::Other),
        };
        Flow {
            source: source.parse().unwrap(),
            source_port: if protocol.has_ports() { 50_000 } else { 0 },
            destination: destination.parse().unwrap(),
            destination_port: if protocol.has_ports() { port } else { 0 },
            protocol,
            payload,
        }
    })
}

/// One environment: each fact is drawn by its own text, so it is the same wherever it is asked.
fn holds(atom: &Atom, seed: u64, port: u16) -> bool {
    match atom {
        Atom::Resolvable { .. } => true,
        Atom::Reading { .. } | Atom::ThreatListed { .. } => false,
        // The last deny closes the usual ports; of others a note says that they stay open.
        Atom::Infrastructure { .. } if port == 8443 => false,
        _ => {
            let mut hasher = DefaultHasher::new();
            (seed, atom.to_string()).hash(&mut hasher);
            hasher.finish().is_multiple_of(2)
        }
    }
}

/// Whether the flow is one of the service, by what the client sends.
fn is_of(service: Service, flow: &Flow) -> bool {
    let tcp = flow.protocol == IpProtocol::TCP;
    match service {
        Service::Https { port } => {
            tcp && flow.destination_port == port && matches!(flow.payload, Payload::Tls { .. })
        }
        Service::Http { port } => {
            tcp && flow.destination_port == port && matches!(flow.payload, Payload::Http(_))
        }
        Service::Mssql { port, mode: MssqlMode::Proxy } => {
            tcp && flow.destination_port == port && matches!(flow.payload, Payload::Mssql { .. })
        }
        Service::Mssql { mode: MssqlMode::Redirect, .. } => panic!("not drawn"),
        Service::Tcp(range) => tcp && range.contains(flow.destination_port),
        Service::Udp(range) => {
            flow.protocol == IpProtocol::UDP && range.contains(flow.destination_port)
        }
        Service::Icmp => flow.protocol == IpProtocol::ICMP,
        Service::Protocol(number) => flow.protocol == number,
        Service::Any => true,
    }
}

/// Whether the flow goes to the destination, where a service judges names by the wire or, for a
/// permission by address, by what the firewall resolves.
fn goes_to(destination: &Destination, service: Service, flow: &Flow, seed: u64) -> bool {
    let atom = |atom: Atom| holds(&atom, seed, flow.destination_port);
    let shown = flow.payload.wire_name();
    match destination {
        Destination::Names(names) if service.shows_a_name() || service == Service::Any => {
            shown.and_then(Host::name).is_some_and(|name| names.set.contains(name))
        }
        Destination::Names(names) => names.patterns.iter().any(|pattern| {
            let name = pattern.to_string().parse().unwrap();
            atom(Atom::FirewallAnswer { name, address: flow.destination })
        }),
        Destination::Addresses(addresses) => addresses.set.contains(flow.destination),
        Destination::ServiceTag(tag) => {
            atom(Atom::InServiceTag { tag: tag.to_ascii_lowercase(), address: flow.destination })
        }
        Destination::FqdnTag(tag) => shown.is_some_and(|host| {
            atom(Atom::InFqdnTag {
                tag: tag.to_ascii_lowercase(),
                host: host.clone(),
                port: flow.destination_port,
            })
        }),
        Destination::WebCategory(category) => shown.is_some_and(|host| {
            let (category, url) = (category.to_ascii_lowercase(), host.to_string());
            atom(Atom::InWebCategory { category, url })
        }),
        Destination::Url { .. } => panic!("not drawn"),
        Destination::Any => true,
    }
}

fn is_meant(destinations: &[Destination], services: &[Service], flow: &Flow, seed: u64) -> bool {
    services.iter().any(|service| {
        is_of(*service, flow) && destinations.iter().any(|to| goes_to(to, *service, flow, seed))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 20_000, ..cases(400) })]

    #[test]
    fn what_leaves_is_permitted_and_what_is_required_leaves(
        permissions in permissions(),
        denies in denies(),
        flows in prop::collection::vec(flows(), 30),
        seed: u64,
    ) {
        let mut intent = list_of(permissions.clone(), denies.clone());
        // A gateway in the hub, so that private addresses are delivered.
        intent.topology.networks[0].gateway_routes = vec!["10.9.0.0/16".parse().unwrap()];
        let Ok(compiled) = run(&intent) else {
            // What cannot be had is not deployed; that each reason is right is asked elsewhere.
            return Err(TestCaseError::reject("refused"));
        };
        let accepted = |deny: &Deny| {
            compiled.excess.iter().any(|excess| excess.defeats.contains(&deny.label))
        };
        let simulator = Simulator::new(&compiled.deployment).unwrap();
        for flow in flows {
            let port = flow.destination_port;
            let decision = simulator.decide(&flow, &mut |atom| holds(atom, seed, port));
            let leaves = decision.verdict == Verdict::Allow;
            let is_permitted = permissions.iter().any(|p| {
                p.sources.set.contains(flow.source)
                    && is_meant(&p.destinations, &p.services, &flow, seed)
            });
            let denied: Vec<&Deny> = denies
                .iter()
                .filter(|d| {
                    d.sources.set.contains(flow.source)
                        && is_meant(&d.destinations, &d.services, &flow, seed)
                })
                .collect();
            let is_denied = !denied.is_empty();
            if leaves {
                prop_assert!(is_permitted, "{flow} leaves: {decision:?}");
                prop_assert!(denied.iter().all(|deny| accepted(deny)), "{flow} is denied");
            } else {
                // A handshake alone is permitted and does not count as leaving; nor does what
                // every name permits without showing one.
                let is_silent = flow.payload == Payload::Silent && port != 5432;
                prop_assert!(!is_permitted || is_denied || is_silent, "{flow}: {decision:?}");
            }
        }
    }
}

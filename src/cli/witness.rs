//! `exeat prove --witness`: the flows that claims do not hold of, as a capture.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::Fqdn;
use crate::flow::Payload;
use crate::packet::EphemeralPorts;
use crate::packet::Exchange;
use crate::packet::Lookup;
use crate::packet::Recording;
use crate::packet::record;
use crate::prove::Counterexample;
use crate::prove::claims::Subject;
use crate::report::prove::ProofReport;
use crate::simulate::Decision;
use crate::simulate::Reason;
use crate::simulate::Verdict;
use crate::simulate::route::RouteTaken;

/// Azure's own resolver, which every machine can ask (`azure-routing.md §7`).
const AZURE_DNS: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));

/// What is written of a request that is encrypted.
const NOT_SHOWN: &str = "the request inside TLS is encrypted, and not in the packets";

/// A capture, and what is to be said about it.
pub(super) struct Witness {
    pub(super) bytes: Vec<u8>,
    /// How many flows are not in it whole, and a sentence on each that is not in it at all.
    pub(super) warnings: Vec<String>,
}

/// The counterexamples of `report` as packets. A flow of which several claims do not hold is
/// written once.
pub(super) fn witness(asked: &Subject<'_>, report: &ProofReport<'_>) -> Witness {
    let found = merged(report.captions());
    let taken = found.iter().map(|(one, _)| one.flow.source_port).collect();
    let mut ports = EphemeralPorts::beside(&taken);
    let mut exchanges = Vec::new();
    let mut not_whole = 0;
    for (one, caption) in found {
        let flow = with_port(asked, one, ports.take());
        let resolver = resolver(asked.simulator.deployment, flow.source);
        let lookups = resolver.map(|server| lookups(one, server, &mut ports)).unwrap_or_default();
        let mut comment = caption;
        if matches!(flow.payload, Payload::Tls { inner: Some(_), .. }) {
            not_whole += 1;
            comment = format!("{comment}\n{NOT_SHOWN}");
        }
        exchanges.push(Exchange { flow, lookups, comment });
    }
    let Recording { bytes, left_out } = record(&exchanges, report.at);
    let mut warnings = Vec::new();
    if not_whole > 0 {
        warnings.push(format!("{NOT_SHOWN}: so it is with {not_whole} of the flows"));
    }
    for (index, why) in left_out {
        let flow = exchanges.get(index).map(|one| one.flow.to_string()).unwrap_or_default();
        warnings.push(format!("`{flow}` is not in the capture: {why}"));
    }
    Witness { bytes, warnings }
}

/// The counterexamples, those of one flow together. What they suppose may differ: the lookups are
/// those of the first.
fn merged(captions: Vec<(&Counterexample, String)>) -> Vec<(&Counterexample, String)> {
    let mut merged: Vec<(&Counterexample, String)> = Vec::new();
    for (one, caption) in captions {
        match merged.iter_mut().find(|(other, _)| other.flow == one.flow) {
            Some((_, before)) => *before = format!("{before}\n{caption}"),
            None => merged.push((one, caption)),
        }
    }
    merged
}

/// The flow from `port`, which it has no say in, unless something else becomes of it then, as where
/// a security group looks at source ports.
fn with_port(asked: &Subject<'_>, found: &Counterexample, port: u16) -> Flow {
    let flow = &found.flow;
    let other = Flow { source_port: port, ..flow.clone() };
    let is_free = flow.protocol.has_ports()
        && flow.source_port == 0
        && decided(asked, &other, found) == decided(asked, flow, found);
    if is_free { other } else { flow.clone() }
}

/// What becomes of `flow`, and by what, where what `found` supposes is so.
fn decided(
    asked: &Subject<'_>,
    flow: &Flow,
    found: &Counterexample,
) -> (Verdict, Reason, Option<RuleId>, Option<RouteTaken>) {
    let mut oracle = |atom: &Atom| {
        let supposed = found.given.iter().find(|(given, _)| given == atom);
        let known = || asked.environment.answer(atom, &[]).truth;
        supposed.map(|(_, holds)| *holds).or_else(known).unwrap_or(false)
    };
    let Decision { verdict, reason, rule, route, .. } = asked.simulator.decide(flow, &mut oracle);
    (verdict, reason, rule, route)
}

/// Whom a machine at `client` asks for addresses: the proxy that its network names, else Azure. Who
/// has an IPv6 address reaches neither with it.
fn resolver(deployment: &Deployment, client: IpAddr) -> Option<IpAddr> {
    let networks = deployment.virtual_networks.values();
    let mut near = networks
        .filter(|network| network.address_space.iter().any(|prefix| prefix.contains(&client)));
    let firewalls: BTreeSet<IpAddr> =
        deployment.firewalls.values().map(|firewall| firewall.private_address).collect();
    let proxy = near.find_map(|network| {
        network.dns_servers.iter().find(|server| firewalls.contains(*server)).copied()
    });
    Some(proxy.unwrap_or(AZURE_DNS)).filter(|server| server.is_ipv4() == client.is_ipv4())
}

/// The answers that the flow supposes: that of the name which it shows, unless that is supposed to
/// lead elsewhere, and those of other names.
fn lookups(found: &Counterexample, server: IpAddr, ports: &mut EphemeralPorts) -> Vec<Lookup> {
    let mut told: BTreeSet<(Fqdn, IpAddr)> = BTreeSet::new();
    let shown = found.flow.payload.wire_name().and_then(|host| host.name());
    told.extend(shown.map(|name| (name.clone(), found.flow.destination)));
    for (atom, holds) in &found.given {
        let answer = match atom {
            Atom::FirewallAnswer { name, address } => Some((name.clone(), *address)),
            Atom::ClientAnswer { name, address, .. } => {
                Fqdn::parse(name).ok().map(|name| (name, *address))
            }
            Atom::Resolvable { name } if !holds => Some((name.clone(), found.flow.destination)),
            _ => None,
        };
        let Some(answer) = answer else { continue };
        if *holds {
            told.insert(answer);
        } else {
            told.remove(&answer);
        }
    }
    let lookup = |(name, address)| Lookup { server, source_port: ports.take(), name, address };
    told.into_iter().map(lookup).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::Key;
    use crate::azure::network::VirtualNetwork;

    fn networks(servers: &[&str]) -> Deployment {
        let network = VirtualNetwork {
            address_space: vec!["10.1.0.0/16".parse().unwrap(), "fd00::/64".parse().unwrap()],
            dns_servers: servers.iter().map(|server| server.parse().unwrap()).collect(),
            ..VirtualNetwork::default()
        };
        let mut deployment = Deployment::default();
        deployment.virtual_networks.insert(Key::new("n"), network);
        deployment
    }

    #[test]
    fn whoever_has_no_proxy_asks_azure() {
        let client = "10.1.8.4".parse().unwrap();
        assert_eq!(resolver(&networks(&[]), client), Some(AZURE_DNS));
        // A server of one's own is not known to be a proxy.
        assert_eq!(resolver(&networks(&["10.1.9.9"]), client), Some(AZURE_DNS));
        assert_eq!(resolver(&networks(&[]), "fd00::4".parse().unwrap()), None);
    }
}

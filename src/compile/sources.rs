//! What the firewall can tell of a source.

use super::carriage::v4_part;
use super::ground::Ground;
use super::refusal::Refusal;
use super::statement::Statement;
use crate::azure::network::is_of_azure;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::AddressSet;
use crate::intent::Topology;
use crate::intent::topology::Firewall;
use crate::intent::topology::Subnet;

/// Why no rule can have the sources of `statement`.
///
/// Pods behind node SNAT are refused and never widened to their nodes (`semantics.md`, Easy to get
/// wrong). `any` names no pod in particular, and stays what it is.
pub(super) fn refusal(statement: &Statement<'_>, ground: &Ground) -> Option<Refusal> {
    let sources = &statement.sources.set;
    if *sources == AddressSet::all() {
        None
    } else if sources.meets(&ground.hidden_pods) {
        Some(Refusal::HiddenPods)
    } else if v4_part(sources).is_none() {
        Some(Refusal::Ipv6Source)
    } else {
        None
    }
}

/// A finding if routes bring none of the sources, or not all of a declared subnet's, to a firewall.
pub(super) fn unrouted(
    statement: &Statement<'_>,
    topology: &Topology,
    ground: &Ground,
) -> Option<Diagnostic> {
    let sources = &statement.sources.set;
    if *sources == AddressSet::all() || topology.networks.is_empty() {
        return None;
    }
    let around: Vec<(String, &Subnet)> = topology
        .networks
        .iter()
        .flat_map(|network| network.subnets.iter().map(move |subnet| (network, subnet)))
        .filter(|(_, subnet)| !ground.routes_to_firewall(subnet) && !is_of_azure(&subnet.name))
        .filter(|(_, subnet)| {
            let prefixes: AddressSet = subnet.prefixes.iter().copied().collect();
            prefixes.meets(sources)
        })
        .map(|(network, subnet)| (format!("`{}/{}`", network.name, subnet.name), subnet))
        .collect();
    let what = if !sources.meets(&ground.routed) {
        "none of its sources has a default route to a firewall that enforces the policy".to_owned()
    } else if around.is_empty() {
        return None;
    } else {
        let names: Vec<&str> = around.iter().map(|(name, _)| name.as_str()).collect();
        format!("{} has no default route to a firewall that enforces the policy", names.join(", "))
    };
    let found = Diagnostic::new(
        Code::UNROUTED_SOURCE,
        format!("the routes bring `{}` not to the firewall: {what}", statement.label),
    );
    let others = topology.firewalls.iter();
    let others = others.filter(|one| around.iter().any(|(_, subnet)| leads_to(subnet, one)));
    let others: Vec<&Firewall> = others.collect();
    let seen = if others.is_empty() { "" } else { " that enforces the policy" };
    let found = found.at(statement.spans.sources, format!("no firewall{seen} sees these flows"));
    Some(with_ways(found, &around, &others, ground))
}

/// Adds to `found` which of the `others` stand behind the default routes of the subnets `around`, each
/// with its name, and what to do.
fn with_ways(
    mut found: Diagnostic,
    around: &[(String, &Subnet)],
    others: &[&Firewall],
    ground: &Ground,
) -> Diagnostic {
    let policy = &ground.policy;
    let mut ways = Vec::new();
    if others.is_empty() || around.iter().any(|(_, subnet)| subnet.routes_via.is_none()) {
        ways.push("add `routes via FIREWALL` to the subnet, or ".to_owned());
    }
    for other in others {
        let Firewall { name, enforces, .. } = other;
        let behind = around.iter().filter(|(_, subnet)| leads_to(subnet, other));
        let behind: Vec<&str> = behind.map(|(name, _)| name.as_str()).collect();
        let instead = match enforces {
            Some(another) => format!("enforces `{another}` and not `{policy}`"),
            None => format!("keeps the policy that it has, as nothing says it enforces `{policy}`"),
        };
        let behind = behind.join(", ");
        found =
            found.note(format!("the default route of {behind} leads to `{name}`, which {instead}"));
        ways.push(format!(
            "write `enforces \"{policy}\"` in firewall `{name}` if this list is meant for it, or "
        ));
    }
    found.help(ways.concat() + "name other sources")
}

/// Whether the default route of `subnet` leads to `firewall`.
fn leads_to(subnet: &Subnet, firewall: &Firewall) -> bool {
    subnet.routes_via.as_ref() == Some(&firewall.name)
}

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
    let around: Vec<String> = topology
        .networks
        .iter()
        .flat_map(|network| network.subnets.iter().map(move |subnet| (network, subnet)))
        .filter(|(_, subnet)| !ground.routes_to_firewall(subnet) && !is_of_azure(&subnet.name))
        .filter(|(_, subnet)| {
            let prefixes: AddressSet = subnet.prefixes.iter().copied().collect();
            prefixes.meets(sources)
        })
        .map(|(network, subnet)| format!("`{}/{}`", network.name, subnet.name))
        .collect();
    let what = if !sources.meets(&ground.routed) {
        "none of its sources has a default route to a firewall that enforces the policy".to_owned()
    } else if around.is_empty() {
        return None;
    } else {
        format!("{} has no default route to a firewall that enforces the policy", around.join(", "))
    };
    Some(
        Diagnostic::new(
            Code::UNROUTED_SOURCE,
            format!("the routes bring `{}` not to the firewall: {what}", statement.label),
        )
        .at(statement.spans.sources, "no firewall sees these flows")
        .help("add `routes via FIREWALL` to the subnet, or name other sources"),
    )
}

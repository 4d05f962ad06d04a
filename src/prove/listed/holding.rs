//! What clients were told: the addresses that they hold for names.

use crate::azure::Deployment;
use crate::azure::network::PrivateEndpoint;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::NameSet;
use crate::flow::set::flows::ShownSet;
use crate::intent::Destination;
use crate::intent::permission::Names;
use crate::prove::atom::FlowAtom;
use crate::prove::atom::HostOf;
use crate::prove::atom::Party;
use crate::prove::encoder::Encoder;
use crate::prove::formula::Formula;
use crate::simulate::assumptions::CLIENT_ANSWERS;
use crate::simulate::route::dropped_by_azure;

/// The client holds the flow's destination for the name that it shows, one of `destination`.
///
/// `assumed` is [`assumed_held`]. One that shows an address may send there alone, which no set of
/// intervals can say: it is taken not to.
pub(super) fn is_held(
    encoder: &mut Encoder<'_>,
    destination: &Destination,
    assumed: Formula,
) -> Formula {
    let by_evidence = encoder.second_reading(CLIENT_ANSWERS);
    let told = match by_evidence {
        Formula::NEVER => Formula::NEVER,
        _ => holds_the_shown_name(encoder, destination),
    };
    encoder.formulas.choose(by_evidence, told, assumed)
}

/// A client that shows a name sends to the internet or to a private endpoint of that name.
pub(super) fn assumed_held(encoder: &mut Encoder<'_>) -> Formula {
    let internet = encoder.address(Party::Destination, &internet(encoder.deployment));
    let named = encoder.host(HostOf::Wire, &ShownSet::names(all_names()));
    let mut held = vec![encoder.all([internet, named])];
    for endpoint in endpoints(encoder.deployment) {
        let there = encoder.address(Party::Destination, &endpoint.address.into());
        let named = encoder.is_name(HostOf::Wire, endpoint.names.iter().cloned());
        held.push(encoder.all([there, named]));
    }
    encoder.any(held)
}

/// The destination is one that an answer can hold: on the internet, or a private endpoint.
pub(super) fn is_told_of(encoder: &mut Encoder<'_>) -> Formula {
    let internet = internet(encoder.deployment);
    let told = endpoints(encoder.deployment)
        .fold(internet, |all, endpoint| all.union(&endpoint.address.into()));
    encoder.address(Party::Destination, &told)
}

/// The addresses of the internet at which a client may be told that a service is: neither a
/// firewall's own, nor in the blocks that Azure drops by itself (`azure-routing.md §1.1`).
fn internet(deployment: &Deployment) -> AddressSet {
    let own = deployment.firewalls.values().flat_map(|firewall| &firewall.public_addresses);
    let own = own.fold(AddressSet::empty(), |all, one| all.union(&(*one).into()));
    AddressSet::public().difference(&own).difference(&dropped_by_azure())
}

fn endpoints(deployment: &Deployment) -> impl Iterator<Item = &PrivateEndpoint> {
    let subnets = deployment.virtual_networks.values().flat_map(|network| &network.subnets);
    subnets.flat_map(|subnet| &subnet.private_endpoints)
}

/// An answer to the client held the flow's destination for one of `names`.
pub(super) fn client_holds_one_of(encoder: &mut Encoder<'_>, names: &Names) -> Formula {
    let mut told: Vec<Formula> = Vec::new();
    for pattern in &names.patterns {
        told.push(encoder.ask(FlowAtom::client_answer(pattern.to_string())));
    }
    encoder.any(told)
}

/// An answer to the client held the flow's destination: for the name that it shows, as far as
/// the list spells it.
fn holds_the_shown_name(encoder: &mut Encoder<'_>, destination: &Destination) -> Formula {
    match destination {
        Destination::Names(names) => {
            let exact: NameSet = names.patterns.iter().filter(|one| is_exact(one)).collect();
            let mut held: Vec<Formula> = Vec::new();
            for pattern in &names.patterns {
                let mut meant: NameSet =
                    [pattern].into_iter().collect::<NameSet>().intersection(&names.set);
                if !is_exact(pattern) {
                    meant = meant.difference(&exact);
                }
                held.push(is_told_for(encoder, pattern.to_string(), meant));
            }
            encoder.any(held)
        }
        Destination::Url { host, .. } => {
            is_told_for(encoder, host.to_string(), [host].into_iter().collect())
        }
        Destination::FqdnTag(_)
        | Destination::WebCategory(_)
        | Destination::Addresses(_)
        | Destination::ServiceTag(_)
        | Destination::Any => {
            is_told_for(encoder, "the name that it shows".to_owned(), all_names())
        }
    }
}

/// The client shows one of `names`, and was told the destination for `name`.
fn is_told_for(encoder: &mut Encoder<'_>, name: String, names: NameSet) -> Formula {
    let shown = encoder.host(HostOf::Wire, &ShownSet::names(names));
    let told = encoder.ask(FlowAtom::client_answer(name));
    encoder.all([shown, told])
}

fn all_names() -> NameSet {
    [&FqdnPattern::Any].into_iter().collect()
}

fn is_exact(pattern: &FqdnPattern) -> bool {
    match pattern {
        FqdnPattern::Exact(_) => true,
        FqdnPattern::Any | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => false,
    }
}

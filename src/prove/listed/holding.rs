//! What clients were told: the addresses that they hold for names.

use std::net::IpAddr;

use crate::azure::Deployment;
use crate::azure::network::PrivateEndpoint;
use crate::evidence::Lock;
use crate::evidence::lock::LockedName;
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
use crate::simulate::special_purpose::dropped_by_azure;
use crate::simulate::special_purpose::private_addresses;

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

/// A client that shows a name sends to the internet, to a private endpoint of that name, or to an
/// address that the lock has for it.
pub(super) fn assumed_held(encoder: &mut Encoder<'_>) -> Formula {
    let internet = encoder.address(Party::Destination, &internet(encoder.deployment));
    let named = encoder.host(HostOf::Wire, &ShownSet::names(all_names()));
    let mut held = vec![encoder.all([internet, named])];
    for endpoint in endpoints(encoder.deployment) {
        let there = encoder.address(Party::Destination, &endpoint.address.into());
        let named = encoder.is_name(HostOf::Wire, endpoint.names.iter().cloned());
        held.push(encoder.all([there, named]));
    }
    for locked in locked(encoder) {
        let there = encoder.address(Party::Destination, &all_of(&locked.addresses));
        let named = encoder.is_name(HostOf::Wire, [locked.name.clone()]);
        held.push(encoder.all([there, named]));
    }
    encoder.any(held)
}

/// The destination is one that an answer can hold: on the internet, a private endpoint, or an
/// address that the lock has.
pub(super) fn is_told_of(encoder: &mut Encoder<'_>) -> Formula {
    let internet = internet(encoder.deployment);
    let told = endpoints(encoder.deployment)
        .fold(internet, |all, endpoint| all.union(&endpoint.address.into()));
    let told =
        locked(encoder).into_iter().fold(told, |all, locked| all.union(&all_of(&locked.addresses)));
    encoder.address(Party::Destination, &told)
}

/// The addresses at which no service is unless somebody says so: those that firewalls have for
/// themselves, and the public ones that Azure drops by itself (`azure-routing.md §1.1`).
pub(super) fn nobodys(deployment: &Deployment) -> AddressSet {
    let firewalls = deployment.firewalls.values();
    let own = firewalls.flat_map(|one| one.public_addresses.iter().chain([&one.private_address]));
    all_of(own).union(&dropped_by_azure().difference(private_addresses()))
}

/// The addresses of the internet at which a client may be told that a service is, where the network
/// is that of `deployment`.
pub fn internet(deployment: &Deployment) -> AddressSet {
    AddressSet::public().difference(&nobodys(deployment))
}

fn locked<'a>(encoder: &Encoder<'a>) -> Vec<&'a LockedName> {
    encoder.known.evidence.lock.iter().flat_map(Lock::names).collect()
}

fn all_of<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>) -> AddressSet {
    addresses.into_iter().fold(AddressSet::empty(), |all, one| all.union(&(*one).into()))
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

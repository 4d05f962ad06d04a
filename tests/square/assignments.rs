//! Every assignment of the facts that an engine asks for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use exeat::flow::Atom;
use ipnet::IpNet;

/// What holds and what does not.
pub(crate) type Assignment = BTreeMap<Atom, bool>;

/// Tags with a dot that are no region of the tag before it (`azure-nsg.md §2`).
const NOT_REGIONAL: [&str; 3] =
    ["azurefrontdoor.", "azureactivedirectory.serviceendpoint", "azuremonitor.core"];

/// Addresses for private use, which no service tag holds (`azure-firewall.md §3.3`).
const PRIVATE: [&str; 5] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// There are more assignments than were allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooMany;

/// Runs `run` under every assignment of what it asks for beyond `given`, depth first, and hands
/// `then` each with what came of it. What the axioms exclude is not tried.
///
/// The answer is the first one of `then`.
pub(crate) fn under_every_assignment<T, F>(
    given: &Assignment,
    limit: usize,
    mut run: impl FnMut(&mut dyn FnMut(&Atom) -> bool) -> T,
    mut then: impl FnMut(&Assignment, T) -> Result<Option<F>, TooMany>,
) -> Result<Option<F>, TooMany> {
    // The choices to repeat, in the order in which they are met.
    let mut choices: Vec<bool> = Vec::new();
    for _ in 0..limit {
        let mut held = given.clone();
        let mut met = 0;
        let outcome = run(&mut |atom| {
            if let Some(value) = held.get(atom).copied().or_else(|| implied(&held, atom)) {
                return value;
            }
            if met == choices.len() {
                choices.push(false);
            }
            let value = choices[met];
            met += 1;
            held.insert(atom.clone(), value);
            value
        });
        if let Some(found) = then(&held, outcome)? {
            return Ok(Some(found));
        }
        // The last choice that was only tried as false is tried as true next.
        while choices.last() == Some(&true) {
            choices.pop();
        }
        match choices.last_mut() {
            Some(tried) => *tried = true,
            None => return Ok(None),
        }
    }
    Err(TooMany)
}

/// What the axioms of `semantics.md` (Environment) say of `atom`, given what is `held`.
pub(crate) fn implied(held: &Assignment, atom: &Atom) -> Option<bool> {
    match atom {
        Atom::InServiceTag { address, .. } if is_private(*address) => Some(false),
        Atom::InServiceTag { tag, address } => match global_of(tag) {
            Some(global) => {
                let global = Atom::InServiceTag { tag: global.to_owned(), address: *address };
                held.get(&global).copied().filter(|holds| !holds)
            }
            None => any_held(held, |other| match other {
                Atom::InServiceTag { tag: region, address: at } => {
                    at == address && global_of(region) == Some(tag)
                }
                _ => false,
            }),
        },
        Atom::TagPrefixLonger { tag, address, bits } => held.iter().find_map(|(other, holds)| {
            let Atom::TagPrefixLonger { tag: same, address: at, bits: known } = other else {
                return None;
            };
            let says = if *holds { known >= bits } else { known <= bits };
            (same == tag && at == address && says).then_some(*holds)
        }),
        Atom::Resolvable { name } => any_held(
            held,
            |other| matches!(other, Atom::FirewallAnswer { name: answered, .. } if answered == name),
        ),
        Atom::FirewallAnswer { name, .. } => {
            held.get(&Atom::Resolvable { name: name.clone() }).copied().filter(|holds| !holds)
        }
        _ => None,
    }
}

/// That something follows from an atom of `held` that is like that, if one holds.
fn any_held(held: &Assignment, is_like_that: impl Fn(&Atom) -> bool) -> Option<bool> {
    held.iter().any(|(atom, holds)| *holds && is_like_that(atom)).then_some(true)
}

/// The global tag that a regional one lies in.
fn global_of(tag: &str) -> Option<&str> {
    if NOT_REGIONAL.iter().any(|prefix| tag.starts_with(prefix)) {
        return None;
    }
    tag.split_once('.').map(|(global, _)| global)
}

/// Whether `address` is for private use.
pub(crate) fn is_private(address: IpAddr) -> bool {
    PRIVATE.iter().any(|text| text.parse::<IpNet>().expect("a prefix").contains(&address))
}

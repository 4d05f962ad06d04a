//! Running a two-valued decision in every environment that is left open.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::environment::Answer;
use crate::flow::Atom;

/// Tags with a dot that are no region of the tag before it (`azure-nsg.md §2`).
const NOT_REGIONAL: [&str; 3] =
    ["azurefrontdoor.", "azureactivedirectory.serviceendpoint", "azuremonitor.core"];

/// The most facts that are kept of all branches together, of some 150 bytes each. A rule for each
/// of a thousand names, any of which may have the address, makes as many branches, and each knows
/// what was tried in those before it.
const MAX_FACTS: usize = 1 << 18;

/// The atoms that a run asked for and that were open, with what was tried. Runs share most of them.
pub(super) type Path = BTreeMap<Arc<Atom>, bool>;

/// One environment, as far as a run asked for it, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Branch<T> {
    pub(super) path: Path,
    pub(super) outcome: T,
}

/// Every branch of a decision.
#[derive(Clone, Debug)]
pub(super) struct Exploration<T> {
    pub(super) branches: Vec<Branch<T>>,
    /// The settings that were asked for.
    pub(super) assumptions: BTreeSet<&'static str>,
    /// Whether there are more branches than were allowed.
    pub(super) is_cut: bool,
}

/// Runs `run` in every environment that `known` leaves open, at most `limit` of them, and no more
/// than can be kept.
///
/// An atom keeps its value through a run, also if it is asked for again, and values that the axioms
/// exclude are not tried. So `allow T; deny T; allow *` ends with allow in both of its branches.
pub(super) fn explore<T>(
    limit: usize,
    known: &mut dyn FnMut(&Atom) -> Answer,
    mut run: impl FnMut(&mut dyn FnMut(&Atom) -> bool) -> T,
) -> Exploration<T> {
    let mut branches = Vec::new();
    let mut assumptions = BTreeSet::new();
    // The choices to repeat, in the order in which they are met.
    let mut choices: Vec<(Arc<Atom>, bool)> = Vec::new();
    // The same by atom. Those that are met later in a run agree with all before them.
    let mut path = Path::new();
    let mut runs = 0;
    let mut facts = 0;
    loop {
        if runs == limit || facts > MAX_FACTS {
            return Exploration { branches, assumptions, is_cut: true };
        }
        runs += 1;
        // What is known, as far as axioms draw conclusions from it.
        let mut held = Path::new();
        let mut is_possible = true;
        let mut met = 0;
        let outcome = run(&mut |atom: &Atom| {
            if let Some((_, value)) = choices.get(met).filter(|(choice, _)| **choice == *atom) {
                met += 1;
                return *value;
            }
            let answer = known(atom);
            assumptions.extend(answer.assumption);
            if let Some(truth) = answer.truth {
                is_possible &= implied([&path], atom) != Some(!truth);
                if has_axioms(atom) {
                    held.insert(Arc::new(atom.clone()), truth);
                }
                return truth;
            }
            if let Some(value) = path.get(atom).copied().or_else(|| implied([&path, &held], atom)) {
                return value;
            }
            let atom = Arc::new(atom.clone());
            choices.push((Arc::clone(&atom), false));
            path.insert(atom, false);
            met += 1;
            false
        });
        facts += path.len();
        // What was tried may turn out to contradict what is known and is asked for later.
        if is_possible {
            branches.push(Branch { path: path.clone(), outcome });
        }
        // The last choice that was only tried as false is tried as true next.
        while let Some((atom, _)) = choices.pop_if(|(_, tried)| *tried) {
            path.remove(&atom);
        }
        match choices.last_mut() {
            Some((atom, tried)) => {
                *tried = true;
                path.insert(Arc::clone(atom), true);
            }
            None => return Exploration { branches, assumptions, is_cut: false },
        }
    }
}

/// Whether `atom` holds in one of two branches and not in the other.
pub(super) fn differ_in(atom: &Atom, one: &Path, other: &Path) -> bool {
    let [one, other] =
        [one, other].map(|path| path.get(atom).copied().or_else(|| implied([path], atom)));
    one.is_some() && other.is_some() && one != other
}

/// Whether [`implied`] draws conclusions from atoms like this one: those that its first arms name.
fn has_axioms(atom: &Atom) -> bool {
    matches!(
        atom,
        Atom::InServiceTag { .. }
            | Atom::TagPrefixLonger { .. }
            | Atom::Resolvable { .. }
            | Atom::FirewallAnswer { .. }
    )
}

/// What the axioms say of `atom`, given what `paths` hold (`semantics.md`, environment).
fn implied<const N: usize>(paths: [&Path; N], atom: &Atom) -> Option<bool> {
    let all = || paths.into_iter().flatten().map(|(other, held)| (&**other, *held));
    let tried = |other: &Atom| paths.iter().find_map(|path| path.get(other).copied());
    match atom {
        Atom::InServiceTag { tag, address } => match global_of(tag) {
            Some(global) => {
                let atom = Atom::InServiceTag { tag: global.to_owned(), address: *address };
                tried(&atom).filter(|held| !held)
            }
            None => {
                all().any(|(other, held)| held && is_region_of(other, tag, atom)).then_some(true)
            }
        },
        Atom::TagPrefixLonger { tag, address, bits } => all().find_map(|(other, held)| {
            let Atom::TagPrefixLonger { tag: t, address: a, bits: b } = other else { return None };
            let says = t == tag && a == address && if held { b >= bits } else { b <= bits };
            says.then_some(held)
        }),
        Atom::Resolvable { name } => all()
            .any(|(other, held)| {
                held && matches!(other, Atom::FirewallAnswer { name: n, .. } if n == name)
            })
            .then_some(true),
        Atom::FirewallAnswer { name, .. } => {
            tried(&Atom::Resolvable { name: name.clone() }).filter(|held| !held)
        }
        Atom::InFqdnTag { .. }
        | Atom::InWebCategory { .. }
        | Atom::Infrastructure { .. }
        | Atom::ThreatListed { .. }
        | Atom::ApplicationDestination { .. }
        | Atom::PrecededBy { .. }
        | Atom::Reading { .. }
        | Atom::Named { .. }
        | Atom::Request { .. }
        | Atom::ClientAnswer { .. } => None,
    }
}

/// The global tag that a regional one lies in.
pub(crate) fn global_of(tag: &str) -> Option<&str> {
    if NOT_REGIONAL.iter().any(|prefix| tag.starts_with(prefix)) {
        return None;
    }
    tag.split_once('.').map(|(global, _)| global)
}

fn is_region_of(other: &Atom, global: &str, atom: &Atom) -> bool {
    match (other, atom) {
        (Atom::InServiceTag { tag, address }, Atom::InServiceTag { address: asked, .. }) => {
            address == asked && global_of(tag) == Some(global)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Atom {
        Atom::Named { name: name.to_owned() }
    }

    fn tag(tag: &str) -> Atom {
        Atom::InServiceTag { tag: tag.to_owned(), address: "20.1.2.3".parse().unwrap() }
    }

    fn outcomes(asked: &[Atom]) -> Vec<Vec<bool>> {
        let mut open = |_: &Atom| Answer::default();
        let explored =
            explore(100, &mut open, |oracle| asked.iter().map(&mut *oracle).collect::<Vec<bool>>());
        assert!(!explored.is_cut);
        explored.branches.into_iter().map(|branch| branch.outcome).collect()
    }

    #[test]
    fn every_combination_is_tried_once() {
        let tried = outcomes(&[named("a"), named("b")]);
        assert_eq!(tried, [[false, false], [false, true], [true, false], [true, true]]);
    }

    #[test]
    fn an_atom_keeps_its_value_through_a_run() {
        assert_eq!(outcomes(&[named("a"), named("a")]), [[false, false], [true, true]]);
    }

    #[test]
    fn a_regional_tag_lies_in_the_global_one() {
        let tried = outcomes(&[tag("storage"), tag("storage.westeurope")]);
        assert_eq!(tried, [[false, false], [true, false], [true, true]]);
        let tried = outcomes(&[tag("storage.westeurope"), tag("storage")]);
        assert_eq!(tried, [[false, false], [false, true], [true, true]]);
        assert_eq!(outcomes(&[tag("storage.westeurope"), tag("sql")]).len(), 4);
        assert_eq!(outcomes(&[tag("azuremonitor.core"), tag("azuremonitor")]).len(), 4);
    }

    #[test]
    fn a_name_with_an_address_is_resolvable() {
        let name: crate::flow::Fqdn = "a.example".parse().unwrap();
        let answer = Atom::FirewallAnswer { name: name.clone(), address: [1, 2, 3, 4].into() };
        let resolvable = Atom::Resolvable { name };
        let tried = outcomes(&[answer.clone(), resolvable.clone()]);
        assert_eq!(tried, [[false, false], [false, true], [true, true]]);
        assert_eq!(outcomes(&[resolvable, answer]), [[false, false], [true, false], [true, true]]);
    }

    #[test]
    fn a_prefix_longer_than_24_is_longer_than_16() {
        let longer = |bits| Atom::TagPrefixLonger {
            tag: "sql".to_owned(),
            address: [20, 1, 2, 3].into(),
            bits,
        };
        let tried = outcomes(&[longer(24), longer(16)]);
        assert_eq!(tried, [[false, false], [false, true], [true, true]]);
        let tried = outcomes(&[longer(16), longer(24)]);
        assert_eq!(tried, [[false, false], [true, false], [true, true]]);
    }

    #[test]
    fn tags_at_one_address_say_nothing_of_another() {
        let [here, there] = ["20.1.2.3", "20.1.2.4"].map(|text| text.parse().unwrap());
        let longer =
            |tag: &str, address, bits| Atom::TagPrefixLonger { tag: tag.to_owned(), address, bits };
        let asked = [longer("sql", here, 24), longer("sql", there, 16)];
        assert_eq!(outcomes(&asked).len(), 4);
        let asked = [longer("sql", here, 24), longer("storage", here, 16)];
        assert_eq!(outcomes(&asked).len(), 4);
        let elsewhere = Atom::InServiceTag { tag: "sql.westeurope".to_owned(), address: there };
        assert_eq!(outcomes(&[elsewhere, tag("sql")]).len(), 4);
    }

    #[test]
    fn what_is_known_is_not_tried() {
        let mut known = |_: &Atom| Answer { truth: Some(true), assumption: Some("resolver") };
        let explored = explore(8, &mut known, |oracle| oracle(&named("a")));
        assert_eq!(explored.branches.len(), 1);
        assert!(explored.branches[0].outcome && explored.branches[0].path.is_empty());
        assert_eq!(explored.assumptions, BTreeSet::from(["resolver"]));
    }

    #[test]
    fn what_is_known_excludes_what_contradicts_it() {
        let mut known = |atom: &Atom| Answer {
            truth: (*atom == tag("storage.westeurope")).then_some(true),
            assumption: None,
        };
        for asked in [["storage", "storage.westeurope"], ["storage.westeurope", "storage"]] {
            let explored = explore(8, &mut known, |oracle| asked.map(|name| oracle(&tag(name))));
            let outcomes: Vec<_> = explored.branches.iter().map(|b| b.outcome).collect();
            assert_eq!(outcomes, [[true, true]]);
        }
    }

    #[test]
    fn branches_differ_in_what_axioms_say_too() {
        let path = |atom: Atom, value| Path::from([(Arc::new(atom), value)]);
        let (in_region, in_none) = (path(tag("sql.westus"), true), path(tag("sql"), false));
        assert!(differ_in(&tag("sql"), &in_region, &in_none));
        assert!(differ_in(&tag("sql.westus"), &in_region, &in_none));
        assert!(!differ_in(&tag("storage"), &in_region, &in_none));
        assert!(!differ_in(&tag("sql"), &in_region, &Path::new()));
    }

    #[test]
    fn more_facts_than_are_kept_are_told_too() {
        let mut open = |_: &Atom| Answer::default();
        let mut run = |number: u16| {
            let asked: Vec<Atom> = (0..number).map(|n| named(&n.to_string())).collect();
            explore(4096, &mut open, |oracle| asked.iter().any(&mut *oracle))
        };
        assert_eq!(run(500).branches.len(), 501);
        assert!(!run(500).is_cut);
        let cut = run(1000);
        assert!(cut.is_cut && cut.branches.iter().map(|b| b.path.len()).sum::<usize>() < 300_000);
    }

    #[test]
    fn the_limit_is_told() {
        let mut open = |_: &Atom| Answer::default();
        let mut run = |oracle: &mut dyn FnMut(&Atom) -> bool| {
            ["a", "b", "c"].map(|name| oracle(&named(name)))
        };
        assert!(!explore(9, &mut open, &mut run).is_cut);
        let cut = explore(7, &mut open, &mut run);
        assert!(cut.is_cut && cut.branches.len() == 7);
    }
}

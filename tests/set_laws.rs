//! Laws of the sets of flows that lists mean and deployments let out, from text.
#![cfg(test)]

#[path = "support/cases.rs"]
mod cases;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/egress.rs"]
mod egress;

use std::io;
use std::path::Path;

use exeat::azure::Deployment;
use exeat::compile::compile;
use exeat::emit;
use exeat::evidence::Evidence;
use exeat::flow::Atom;
use exeat::flow::set::flows::AlgebraError;
use exeat::flow::set::flows::Cuts;
use exeat::flow::set::flows::FlowSet;
use exeat::import;
use exeat::intent::Intent;
use exeat::prove;
use exeat::prove::FlowAtom;
use exeat::prove::Outcomes;
use exeat::prove::Stances;
use exeat::prove::difference::Compared;
use exeat::resolve::Options;
use exeat::resolve::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Simulator;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::date;
use proptest::prelude::*;

use self::cases::cases;
use self::egress::Sentence;
use self::egress::file;

const TODAY: Date = date(2090, 1, 1);
/// The nodes that the sets of one list may take.
const MAX_NODES: usize = 1 << 20;

type Flows = FlowSet<FlowAtom>;

/// The list of `statements`, and what it compiles to; `None` where one of both cannot be.
fn compiled(statements: &[(String, Sentence)]) -> Option<(Intent, Deployment)> {
    let text = file(statements);
    let mut read = |path: &Path| {
        if path == Path::new("list.egress") {
            Ok(text.as_bytes().to_vec())
        } else {
            Err(io::Error::from(io::ErrorKind::NotFound))
        }
    };
    let intent = resolve("list.egress", &mut read, &Options::default()).intent?;
    let compiled = compile(&intent, &Deployment::default(), TODAY).ok()?;
    Some((intent, compiled.deployment))
}

/// As many of `statements` as compile together, the earlier ones first.
fn compatible(statements: Vec<(String, Sentence)>) -> Vec<(String, Sentence)> {
    let mut kept = Vec::new();
    for statement in statements {
        kept.push(statement);
        if compiled(&kept).is_none() {
            kept.pop();
        }
    }
    kept
}

/// What `intent` says, where nothing is known, of flows in `deployment`.
fn stances(intent: &Intent, deployment: &Deployment) -> Stances {
    let simulator = Simulator::new(deployment).unwrap();
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default().in_proofs());
    prove::stances((intent, TODAY), &simulator, &evidence, &assumptions, MAX_NODES).unwrap()
}

fn outcomes(deployment: &Deployment) -> Outcomes {
    let simulator = Simulator::new(deployment).unwrap();
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default().in_proofs());
    prove::outcomes(&simulator, &evidence, &assumptions, MAX_NODES).unwrap()
}

fn cuts(sets: &[&Flows]) -> Cuts<FlowAtom> {
    let mut cuts = Cuts::default();
    for set in sets {
        cuts.extend_set(set);
    }
    cuts
}

fn union(one: &Flows, other: &Flows) -> Flows {
    let union = cuts(&[one, other]).with_algebra(MAX_NODES, |mut algebra| {
        let (one, other) = (algebra.thaw(one)?, algebra.thaw(other)?);
        let union = algebra.union(one, other)?;
        algebra.freeze(union)
    });
    union.and_then(|union| union).unwrap()
}

/// The flows of `one` that are not in `other`.
fn without(one: &Flows, other: &Flows) -> Flows {
    let without = cuts(&[one, other]).with_algebra(MAX_NODES, |mut algebra| {
        let (one, other) = (algebra.thaw(one)?, algebra.thaw(other)?);
        let without = algebra.difference(one, other)?;
        algebra.freeze(without)
    });
    without.and_then(|without: Result<Flows, AlgebraError>| without).unwrap()
}

/// A list, and the same with one permission more, both of which compile.
fn with_one_more() -> impl Strategy<Value = [Vec<(String, Sentence)>; 2]> {
    (egress::statements(8), egress::permission()).prop_filter_map(
        "the permission does not fit in",
        |(drawn, added)| {
            let shorter = compatible(drawn);
            let mut longer = shorter.clone();
            longer.push(("added".to_owned(), added));
            compiled(&longer)?;
            Some([shorter, longer])
        },
    )
}

proptest! {
    #![proptest_config(cases(32))]

    /// No permission takes anything from another, and none adds more than it says.
    #[test]
    fn a_permission_adds_its_meaning_without_what_is_denied([shorter, longer] in with_one_more()) {
        let (all, deployment) = compiled(&longer).unwrap();
        let (before, _) = compiled(&shorter).unwrap();
        let mut alone = all.clone();
        alone.permissions.retain(|one| one.label == "added");
        prop_assert_eq!(alone.permissions.len(), 1);
        let [all, before, alone] =
            [all, before, alone].map(|intent| stances(&intent, &deployment));
        prop_assert_eq!(&all.permitted, &union(&before.permitted, &alone.permitted));
        prop_assert_eq!(&all.required, &union(&before.required, &alone.required));
        prop_assert!(without(&all.required, &all.permitted).is_empty());
    }

    /// The same of what Azure lets out: no more than the permission says, and nothing less than before.
    #[test]
    fn what_a_permission_newly_lets_out_is_what_it_says([shorter, longer] in with_one_more()) {
        let (mut intent, now) = compiled(&longer).unwrap();
        let (_, before) = compiled(&shorter).unwrap();
        intent.permissions.retain(|one| one.label == "added");
        // With a mark, it may hide denies by name, and is delivered where the client sends it.
        prop_assume!(intent.permissions.iter().all(|one| one.by_address.is_none()));
        let [old, new] = [&before, &now].map(|one| Simulator::new(one).unwrap());
        let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
        let at = Timestamp::UNIX_EPOCH;
        let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
        let compared = Compared { old: &old, new: &new, environment };
        let found = prove::difference(&compared, MAX_NODES).unwrap();
        prop_assert!(found.newly_stays.pieces.is_empty(), "{}", file(&longer));
        let changes = found.newly_leaves.pieces.iter().chain(&found.newly_open.pieces);
        let settled = assumptions.in_proofs();
        let environment = Environment { assumptions: &settled, ..environment };
        for change in changes {
            prop_assert!(change.effect.widens(), "{}\n{}", change.flow, file(&longer));
            let mut oracle = |atom: &Atom| {
                let given = change.given.iter().find(|(one, _)| one == atom);
                let known = || environment.answer(atom, &[]).truth;
                given.map(|(_, holds)| *holds).or_else(known).unwrap_or(false)
            };
            let stance = intent.decide(TODAY, &change.flow, &mut oracle);
            prop_assert!(stance.permitted, "{}\n{}", change.flow, file(&longer));
        }
    }

    #[test]
    fn the_order_of_statements_means_nothing(
        (drawn, shuffled) in egress::statements(10).prop_map(compatible).prop_flat_map(|kept| {
            (Just(kept.clone()), Just(kept).prop_shuffle())
        }),
    ) {
        let (one, deployment) = compiled(&drawn).unwrap();
        let (other, mixed) = compiled(&shuffled).unwrap();
        prop_assert_eq!(stances(&one, &deployment), stances(&other, &mixed));
        prop_assert_eq!(outcomes(&deployment), outcomes(&mixed));
    }

    #[test]
    fn a_deployment_written_and_read_back_lets_out_the_same(drawn in egress::statements(10)) {
        let (_, deployment) = compiled(&compatible(drawn)).unwrap();
        let text = emit::json::write(&deployment).unwrap();
        let back = import::json::read(&text).unwrap();
        prop_assert_eq!(outcomes(&back), outcomes(&deployment));
    }
}

//! The fast engine says what the slow one says: on flows near every edge of deployments of every
//! shape, in environments that are drawn, and on every case of the decision corpus.
//!
//! `tests/square` compares them on every flow of the grid of a small deployment, `tests/sampled` on
//! flows of large ones. In the environment, `EXEAT_ENGINES=100000` draws so many flows of each
//! deployment (better with `--release`).
#![cfg(test)]
#![cfg(feature = "testing")]

#[path = "square/axes.rs"]
#[expect(dead_code, reason = "the square needs more of it")]
mod axes;
#[path = "square/draw.rs"]
#[expect(dead_code, reason = "the square needs more of it")]
mod draw;
#[path = "support/engines.rs"]
mod engines;
#[path = "sampled/estates.rs"]
mod estates;
#[path = "../benches/support/deployment.rs"]
#[expect(dead_code, reason = "benches need the flows")]
mod generated;
#[path = "support/list.rs"]
mod list;
#[path = "square/lists.rs"]
mod lists;
#[path = "square/policies.rs"]
#[expect(dead_code, reason = "the square needs more of it")]
mod policies;
#[path = "sampled/rules.rs"]
mod rules;
#[path = "support/seeds.rs"]
#[expect(dead_code, reason = "nothing here runs on several threads")]
mod seeds;
#[path = "square/worlds.rs"]
#[expect(dead_code, reason = "the square needs more of it")]
mod worlds;

use std::collections::hash_map::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;

use exeat::azure::Deployment;
use exeat::evidence::Evidence;
use exeat::flow::Atom;
use exeat::testing::Edges;
use exeat::testing::Runs;
use proptest::strategy::Strategy as _;
use proptest::strategy::ValueTree as _;

use self::engines::Asked;
use self::engines::Engines;
use self::seeds::asked_for;

/// How many flows of each deployment are drawn.
const FLOWS: u32 = 1_500;

/// Whether `atom` holds in the environment of that number, in which so many of eight hold.
fn holds(environment: u64, of_eight: u64, atom: &Atom) -> bool {
    let mut hasher = DefaultHasher::new();
    (environment, atom).hash(&mut hasher);
    hasher.finish() % 8 < of_eight
}

/// Asks both engines about flows near the edges of `deployment`.
#[track_caller]
fn compare(deployment: &Deployment, seed: u64, asked: &mut Asked) {
    let engines = Engines::of(deployment);
    let flows = Edges::near(&[deployment], None, &Evidence::default()).flows();
    let cases = asked_for("EXEAT_ENGINES").and_then(|flows| u32::try_from(flows).ok());
    let cases = cases.unwrap_or(FLOWS);
    let mut runner = Runs { seed, cases }.runner();
    for number in 0..cases {
        // Without an edge there is nothing to draw.
        let Ok(tree) = flows.new_tree(&mut runner) else { return };
        let flow = tree.current();
        // Facts are rare, as often as not, or usual.
        let of_eight = [0, 1, 4, 7][number as usize % 4];
        let mut oracle = |atom: &Atom| holds(number.into(), of_eight, atom);
        let (_, differs) = engines.compare(&flow, &mut oracle, asked);
        if let Some(differs) = differs {
            let document = exeat::emit::json::write(deployment).expect("a document");
            panic!("seed {seed}, flow {number}, {of_eight} of 8 hold: {differs}\n{document}");
        }
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "how often the slow engine was asked is a result")]
fn both_engines_say_the_same_near_the_edges_of_small_deployments() {
    let mut asked = Asked::default();
    for seed in 0..60 {
        compare(&worlds::world(seed, 0).deployment, seed, &mut asked);
    }
    eprintln!("small deployments: {asked}");
    // What is left to the slow engine is what these deployments are made for.
    assert!(asked.slowly * 10 < asked.flows * 9, "{asked}");
}

#[test]
#[expect(clippy::print_stderr, reason = "how often the slow engine was asked is a result")]
fn both_engines_say_the_same_near_the_edges_of_large_deployments() {
    let mut asked = Asked::default();
    for seed in 0..4 {
        compare(&estates::estate(seed), seed, &mut asked);
    }
    eprintln!("large deployments: {asked}");
}

#[test]
fn what_rules_alone_decide_is_never_asked_of_the_slow_engine() {
    let mut asked = Asked::default();
    for rules in [0, 1, 63, 64, 65, 1_000, 5_000] {
        compare(&generated::deployment(rules), 1, &mut asked);
    }
    assert_eq!(asked.slowly, 0, "{asked}");
}

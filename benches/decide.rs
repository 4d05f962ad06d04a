//! Flows against deployments, by the slow engine that is the specification.
#![expect(clippy::expect_used, reason = "a bench of what could not be made measures nothing")]

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use exeat::evidence::Evidence;
use exeat::flow::Atom;
use exeat::flow::Observation;
use exeat::flow::SeenPayload;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use jiff::Timestamp;

#[path = "support/deployment.rs"]
mod generated;
#[path = "support/sizes.rs"]
mod sizes;

use sizes::SIZES;

fn main() {
    divan::main();
}

/// One answer of the engine for each flow, in an environment where names resolve and nothing else
/// holds.
#[divan::bench(args = SIZES)]
fn decide(bencher: Bencher<'_, '_>, rules: usize) {
    let deployment = generated::deployment(rules);
    let simulator = Simulator::new(&deployment).expect("an order of rules");
    let flows = generated::flows(rules);
    let leaving = || {
        let mut oracle = |atom: &Atom| matches!(atom, Atom::Resolvable { .. });
        let decisions = flows.iter().map(|flow| simulator.decide(black_box(flow), &mut oracle));
        decisions.filter(|decision| decision.verdict == Verdict::Allow).count()
    };
    assert_eq!(leaving(), generated::NAMED);
    bencher.counter(ItemsCount::new(flows.len())).bench(leaving);
}

/// The verdict in every environment that no evidence leaves open.
#[divan::bench(args = SIZES)]
fn judge(bencher: Bencher<'_, '_>, rules: usize) {
    let deployment = generated::deployment(rules);
    let simulator = Simulator::new(&deployment).expect("an order of rules");
    let flows: Vec<Observation> =
        generated::flows(rules).into_iter().map(Observation::from).collect();
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let at = Timestamp::UNIX_EPOCH;
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
    let leaving = || {
        let decisions = flows.iter().map(|flow| simulator.judge(black_box(flow), &environment));
        decisions.filter(|decision| decision.verdict == Verdict::Allow).count()
    };
    assert_eq!(leaving(), generated::NAMED);
    bencher.counter(ItemsCount::new(flows.len())).bench(leaving);
}

/// One flow whose name was not seen against a list of so many names: what ten thousand take is to
/// be about a hundred times what a hundred take, not more.
#[divan::bench(args = [100, 3_000, 10_000])]
fn judge_unseen_name(bencher: Bencher<'_, '_>, rules: usize) {
    let deployment = generated::deployment(rules);
    let simulator = Simulator::new(&deployment).expect("an order of rules");
    let flow = generated::flows(rules).into_iter().next().expect("a flow");
    let flow = Observation { payload: SeenPayload::Unknown, ..Observation::from(flow) };
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let at = Timestamp::UNIX_EPOCH;
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
    let verdict = || simulator.judge(black_box(&flow), &environment).verdict;
    assert_eq!(verdict(), Verdict::Undetermined);
    bencher.bench(verdict);
}

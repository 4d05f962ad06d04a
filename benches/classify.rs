//! The fast engine beside the slow one: what a flow takes of either, by how many rules there are.
//!
//! The flows are all different and spread over all rules, so that caches help as much as they do in
//! a replay and no more. What a flow takes is the median over runs of [`RUN`] flows in a row.
#![expect(clippy::expect_used, reason = "a bench of what could not be made measures nothing")]
#![expect(clippy::disallowed_methods, reason = "what takes how long is what is asked")]
#![expect(clippy::cast_precision_loss, reason = "ratios are shown with one digit")]
#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::cast_possible_truncation, reason = "numbers are drawn below what they fit")]

use std::hint::black_box;
use std::time::Instant;

use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::simulate::Classifier;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;

#[path = "support/rules.rs"]
mod rules;

/// A list of one team, of a platform, and what Azure's limits leave room for.
const SIZES: [usize; 3] = [100, 1_000, 10_000];
/// How many flows the fast engine is asked about.
const FLOWS: usize = 100_000;
/// How many of them the slow one is asked about, with the most rules.
const SLOW_FLOWS: usize = 2_000;
/// How many are timed together: reading the clock takes a good part of what one takes.
const RUN: usize = 50;
/// How often all are asked about; the first time is not counted.
const ROUNDS: usize = 6;

fn main() {
    println!(
        "{:>7} {:>9} {:>9} {:>9} {:>7} {:>9}",
        "rules", "made", "slow", "fast", "ratio", "of 100"
    );
    let mut of_the_first = None;
    for size in SIZES {
        let deployment = rules::deployment(size);
        let slow = Simulator::new(&deployment).expect("an order");
        let flows = rules::flows(size, FLOWS);
        let before = Instant::now();
        let fast = Classifier::new(&slow);
        let made = before.elapsed().as_secs_f64() * 1e3;
        let mut oracle = |atom: &Atom| matches!(atom, Atom::Resolvable { .. });
        let few = flows.get(..SLOW_FLOWS).expect("enough flows");
        let by_slow = median(few, 1, |flow| slow.decide(flow, &mut oracle).verdict);
        let by_fast = median(&flows, ROUNDS, |flow| fast.classify(flow, &mut oracle).verdict);
        let slowly = flows.iter().filter(|flow| fast.classify(flow, &mut oracle).was_slow).count();
        let same = few.iter().all(|flow| {
            fast.classify(flow, &mut oracle).verdict == slow.decide(flow, &mut oracle).verdict
        });
        assert!(same, "both engines say the same");
        let allowed =
            flows.iter().filter(|flow| fast.classify(flow, &mut oracle).verdict == Verdict::Allow);
        let of_first = by_fast / *of_the_first.get_or_insert(by_fast);
        println!(
            "{size:>7} {made:>6.1} ms {:>6.1} us {by_fast:>6.0} ns {:>6.0}x {of_first:>8.1}x   \
             {} of {FLOWS} allowed, {slowly} asked of the slow engine",
            by_slow / 1e3,
            by_slow / by_fast,
            allowed.count(),
        );
    }
}

/// What a flow takes, in nanoseconds.
fn median(flows: &[Flow], rounds: usize, mut decide: impl FnMut(&Flow) -> Verdict) -> f64 {
    let mut taken = Vec::new();
    for round in 0..rounds {
        for run in flows.chunks_exact(RUN) {
            let before = Instant::now();
            for flow in run {
                black_box(decide(black_box(flow)));
            }
            let nanoseconds = before.elapsed().as_nanos() as f64 / RUN as f64;
            if round > 0 || rounds == 1 {
                taken.push(nanoseconds);
            }
        }
    }
    taken.sort_by(f64::total_cmp);
    taken.get(taken.len() / 2).copied().unwrap_or_default()
}

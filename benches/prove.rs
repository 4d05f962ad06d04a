//! Lists to what is proved of their deployments, on one thread.
#![expect(clippy::expect_used, reason = "a bench of what could not be made measures nothing")]
#![expect(clippy::disallowed_methods, reason = "what takes how long is what is asked")]
#![expect(clippy::cast_precision_loss, reason = "ratios are shown with one digit")]
#![expect(clippy::print_stdout, reason = "a ratio is not among what the harness prints")]

use std::hint::black_box;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use divan::Bencher;
use divan::counter::ItemsCount;
use exeat::azure::Deployment;
use exeat::certificate::Given;
use exeat::certificate::Question;
use exeat::certificate::Readings;
use exeat::compile;
use exeat::emit;
use exeat::evidence::Evidence;
use exeat::flow::set::flows::AlgebraError;
use exeat::intent::Intent;
use exeat::prove;
use exeat::prove::Claim;
use exeat::prove::Coverage;
use exeat::prove::Difference;
use exeat::prove::Proof;
use exeat::prove::Standing;
use exeat::prove::claims::MAX_NODES;
use exeat::prove::claims::Subject;
use exeat::prove::difference::Compared;
use exeat::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Simulator;
use jiff::Timestamp;
use jiff::civil::Date;

#[path = "support/estate.rs"]
mod estate;

/// Permissions: a platform's, and what Azure's limits leave room for (`azure-firewall.md §6.1`).
const SIZES: [usize; 2] = [1_000, 10_000];

/// The day on which the lists are judged.
const TODAY: Date = Date::constant(2026, 3, 1);

fn main() {
    divan::main();
    let [small, large] = SIZES.map(Estate::new);
    let [(small_nodes, small_time, small_size), (large_nodes, large_time, large_size)] =
        [small, large].map(|one| (one.prove().nodes, one.best_of_three(), one.frozen_size()));
    let times = large_time.as_secs_f64() / small_time.as_secs_f64();
    println!(
        "{} / {} permissions: nodes {large_nodes} / {small_nodes}, time {large_time:.1?} / {small_time:.1?} = {times:.1}, frozen size \
         {large_size} / {small_size} = {:.1}",
        SIZES[1],
        SIZES[0],
        large_size as f64 / small_size as f64,
    );
    for permissions in SIZES {
        let (whole, without) = (Estate::new(permissions), Estate::without_one(permissions));
        let (diff, proof) = (best_of_three(|| whole.diff(&without)), whole.best_of_three());
        println!(
            "{permissions} permissions, one of them gone: difference {diff:.1?}, proof {proof:.1?} = {:.2}",
            diff.as_secs_f64() / proof.as_secs_f64(),
        );
    }
    for permissions in SIZES {
        let estate = Estate::of(&estate::covered(permissions));
        let start = Instant::now();
        let found = estate.cover();
        let shadow = start.elapsed();
        let start = Instant::now();
        let proof = black_box(estate.prove());
        let proving = start.elapsed();
        println!(
            "{permissions} permissions, {} of them redundant: shadow {shadow:.1?}, proof {proving:.1?} = {:.1}; nodes {} / {}",
            found.redundant.len(),
            shadow.as_secs_f64() / proving.as_secs_f64(),
            found.nodes,
            proof.nodes,
        );
    }
    match Estate::new(SIZES[0]).time_of_z3() {
        Some(z3) => println!(
            "{} permissions, whether any leaks: Z3 {z3:.1?} / {small_time:.1?} for all claims = {:.1}",
            SIZES[0],
            z3.as_secs_f64() / small_time.as_secs_f64(),
        ),
        None => println!("no `z3` was found: nothing is asked of it"),
    }
}

/// A list and what it was compiled to.
struct Estate {
    intent: Intent,
    deployment: Deployment,
}

impl Estate {
    fn new(permissions: usize) -> Estate {
        Estate::of(&estate::text(permissions))
    }

    /// The same without a permission in the middle, one by name.
    fn without_one(permissions: usize) -> Estate {
        let text = estate::text(permissions);
        let gone = format!("allow p{}: ", permissions / 2 + 5);
        let kept = text.split_inclusive('\n').filter(|line| !line.starts_with(&gone));
        Estate::of(&kept.collect::<String>())
    }

    fn of(text: &str) -> Estate {
        let mut read = |_: &std::path::Path| Ok(text.as_bytes().to_vec());
        let resolved = resolve::resolve("list.egress", &mut read, &resolve::Options::default());
        let intent = resolved.intent.expect("a list without mistakes");
        let compiled = compile::compile(&intent, &Deployment::default(), TODAY);
        let mut deployment = compiled.expect("a deployment").deployment;
        estate::guard(&mut deployment);
        Estate { intent, deployment }
    }

    /// What a list was compiled to lets out what the list permits, and no more.
    fn prove(&self) -> Proof {
        let simulator = Simulator::new(&self.deployment).expect("an order of rules");
        let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
        let at = Timestamp::UNIX_EPOCH;
        let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
        let intent = Some(&self.intent);
        let subject = Subject { simulator: &simulator, intent, environment, day: TODAY };
        let proof = prove::prove(&subject, MAX_NODES).expect("a proof");
        let is_proved = |claim| proof.claims.contains(&(claim, Standing::Proved));
        assert!(is_proved(Claim::NoLeak) && is_proved(Claim::NoBreakage), "a list is not proved");
        proof
    }

    /// What is let out no more once this gives way to `new`.
    fn diff(&self, new: &Estate) -> Difference {
        let [old, new] = [self, new].map(|one| Simulator::new(&one.deployment).expect("an order"));
        let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
        let at = Timestamp::UNIX_EPOCH;
        let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
        let compared = Compared { old: &old, new: &new, environment };
        let found = prove::difference(&compared, MAX_NODES).expect("a difference");
        assert!(found.newly_leaves.pieces.is_empty(), "less is permitted");
        assert!(!found.newly_stays.pieces.is_empty(), "a permission is gone");
        found
    }

    /// Finds the statements that others cover.
    fn cover(&self) -> Coverage {
        let simulator = Simulator::new(&self.deployment).expect("an order of rules");
        prove::coverage((&self.intent, TODAY), &simulator, MAX_NODES).expect("sets")
    }

    fn best_of_three(&self) -> Duration {
        best_of_three(|| self.prove())
    }

    /// How long Z3 takes for the certificate that nothing leaks, where it is installed.
    fn time_of_z3(&self) -> Option<Duration> {
        let files = emit::arm::write(&self.deployment).expect("templates");
        let templates: Vec<Given<'_>> = files
            .iter()
            .filter(|file| !file.is_script && file.path != emit::arm::ORDER_FILE)
            .map(|file| Given { file: &file.path, text: &file.text })
            .collect();
        let question = Question {
            subject: "list.egress",
            intent: &self.intent,
            at: Timestamp::UNIX_EPOCH,
            templates: &templates,
            lock: None,
            readings: Readings::default(),
        };
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let text = question.certificate().expect("a certificate");
        file.write_all(text.as_bytes()).expect("room for it");
        let start = Instant::now();
        let answer = Command::new("z3").arg(file.path()).output().ok()?;
        let took = start.elapsed();
        assert_eq!(answer.stdout, b"unsat\n", "a list is not proved");
        Some(took)
    }

    /// How many branches the set of what leaves has.
    fn frozen_size(&self) -> usize {
        outcomes(&self.deployment).expect("sets").allow.branches()
    }
}

fn best_of_three<T>(work: impl Fn() -> T) -> Duration {
    let time = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    };
    (0..3).map(time).min().unwrap_or_default()
}

fn outcomes(deployment: &Deployment) -> Result<prove::Outcomes, AlgebraError> {
    let simulator = Simulator::new(deployment).expect("an order of rules");
    prove::outcomes(&simulator, &Evidence::default(), &Assumptions::default(), MAX_NODES)
}

#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn prove(bencher: Bencher<'_, '_>, permissions: usize) {
    let estate = Estate::new(permissions);
    bencher.counter(ItemsCount::new(permissions)).bench(|| black_box(&estate).prove());
}

/// What one permission less stops.
#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn difference(bencher: Bencher<'_, '_>, permissions: usize) {
    let (whole, without) = (Estate::new(permissions), Estate::without_one(permissions));
    bencher.counter(ItemsCount::new(permissions)).bench(|| black_box(&whole).diff(&without));
}

/// The statements of a list that others cover: a tenth of them.
#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn shadow(bencher: Bencher<'_, '_>, permissions: usize) {
    let estate = Estate::of(&estate::covered(permissions));
    bencher.counter(ItemsCount::new(permissions)).bench(|| black_box(&estate).cover());
}

/// Many long lists of addresses that lie apart, each with many others: an answer or an error, soon.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn scattered_addresses(bencher: Bencher<'_, '_>) {
    let deployment = estate::scattered(200, 5_000, 10_000);
    bencher.bench(|| outcomes(black_box(&deployment)).map(|outcomes| outcomes.allow.branches()));
}

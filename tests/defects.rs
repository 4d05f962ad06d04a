//! Seeded defects: what lists compile to, changed as people change firewalls by hand. Of each, the
//! truth is known without the prover, and the prover has to say the same.
//!
//! `tests/defects/table.tsv` has the changes and what is true after each. The truth was found by the
//! engine for single flows, on a grid of all flows (`defects/grid.rs`). `cargo test` finds it again
//! for a few of them; in the environment, `EXEAT_DEFECTS=all` for each of them, and
//! `EXEAT_DEFECTS=write` writes the table anew (better with `--release`).
#![cfg(test)]

#[path = "square/assignments.rs"]
mod assignments;
#[expect(dead_code, reason = "the square needs more of it")]
#[path = "square/axes.rs"]
mod axes;
#[expect(dead_code, reason = "the square needs more of it")]
#[path = "square/draw.rs"]
mod draw;
#[path = "defects/grid.rs"]
mod grid;
#[path = "defects/operators.rs"]
mod operators;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;

use exeat::azure::Deployment;
use exeat::compile;
use exeat::emit;
use exeat::evidence::Evidence;
use exeat::flow::Atom;
use exeat::import;
use exeat::intent::Intent;
use exeat::prove;
use exeat::prove::Claim;
use exeat::prove::Counterexample;
use exeat::prove::Standing;
use exeat::prove::claims::MAX_NODES;
use exeat::prove::claims::Subject;
use exeat::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::date;
use serde_json::Value;

use self::draw::Draw;
use self::operators::OPERATORS;

/// The day of the lists; their permissions never end.
const DAY: Date = date(2026, 3, 1);
/// The lists, in `tests/defects`.
const LISTS: [&str; 5] = ["addresses", "carried", "names", "overruled", "tags"];
/// Defects of each operator.
const SEEDS: usize = 10;
/// Of so many defects, `cargo test` finds the truth of one again.
const ONE_OF: usize = 30;
/// How often an operator is tried before that is a mistake of the operator.
const MAX_ATTEMPTS: u64 = 50;

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Word {
    Proved,
    Open,
    Refuted,
}

impl Word {
    fn keyword(self) -> &'static str {
        match self {
            Word::Proved => "proved",
            Word::Open => "open",
            Word::Refuted => "refuted",
        }
    }
}

/// A list and what it compiles to.
struct Base {
    intent: Intent,
    compiled: Value,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/defects")
}

fn base(list: &str) -> Base {
    let path = folder().join(format!("{list}.egress"));
    let mut read = |file: &Path| fs::read(file);
    let options = resolve::Options::default();
    let resolved = resolve::resolve(&path.to_string_lossy(), &mut read, &options);
    let intent = resolved.intent.expect("a list without mistakes");
    let compiled = compile::compile(&intent, &Deployment::default(), DAY).expect("a deployment");
    let text = emit::json::write(&compiled.deployment).expect("a document");
    Base { intent, compiled: serde_json::from_str(&text).expect("JSON") }
}

/// A change of what a list compiles to.
struct Defect<'b> {
    operator: &'static str,
    list: &'static str,
    seed: usize,
    base: &'b Base,
    document: Value,
    deployment: Deployment,
}

/// The defects, those of an operator one after the other.
fn defects<'b>(bases: &'b BTreeMap<&'static str, Base>) -> Vec<Defect<'b>> {
    let mut all = Vec::new();
    for (operator, change) in OPERATORS {
        for seed in 0..SEEDS {
            // Its letters, so that a new operator leaves the others what they are.
            let own = operator
                .bytes()
                .fold(0_u64, |own, byte| own.wrapping_mul(31).wrapping_add(byte.into()));
            let found = (0..MAX_ATTEMPTS).find_map(|attempt| {
                let mut draw =
                    Draw::new(own.wrapping_mul(1000).wrapping_add(seed as u64 * 100 + attempt));
                let list = LISTS[(seed + usize::try_from(attempt).ok()?) % LISTS.len()];
                let base = &bases[list];
                let mut document = base.compiled.clone();
                change(&mut document, &mut draw)?;
                let deployment = import::json::read(&document.to_string()).ok()?;
                Some(Defect { operator, list, seed, base, document, deployment })
            });
            all.push(found.unwrap_or_else(|| panic!("`{operator}` changes nothing")));
        }
    }
    all
}

fn bases() -> BTreeMap<&'static str, Base> {
    LISTS.into_iter().map(|list| (list, base(list))).collect()
}

impl Defect<'_> {
    fn row(&self, words: &[(Claim, Word)]) -> String {
        let words: Vec<&str> = words.iter().map(|(_, word)| word.keyword()).collect();
        format!("{}\t{}\t{}\t{}", self.operator, self.list, self.seed, words.join("\t"))
    }

    fn confirm(&self, simulator: &Simulator<'_>, claim: Claim, example: &Counterexample) {
        let assumptions = Assumptions::default().in_proofs();
        let (evidence, at) = (Evidence::default(), Timestamp::UNIX_EPOCH);
        let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
        let given: BTreeMap<&Atom, bool> =
            example.given.iter().map(|(atom, holds)| (atom, *holds)).collect();
        let mut oracle = |atom: &Atom| {
            let known = || environment.answer(atom, &[]).truth;
            given.get(atom).copied().or_else(known).unwrap_or(false)
        };
        let verdict = simulator.decide(&example.flow, &mut oracle).verdict;
        let stance = self.base.intent.decide(DAY, &example.flow, &mut oracle);
        let violates = match claim {
            Claim::NoLeak => verdict == Verdict::Allow && !stance.permitted,
            Claim::NoBreakage => verdict == Verdict::Deny && stance.required,
            Claim::NothingAround => verdict == Verdict::Bypass,
            Claim::Assertion(_) => false,
        };
        assert!(violates, "{}: {}", self.row(&[]), example.flow);
    }
}

/// What is true of a defect.
fn truth(defect: &Defect<'_>) -> Vec<(Claim, Word)> {
    let Defect { base, document, deployment, .. } = defect;
    grid::truth(&base.intent, [&base.compiled, document], deployment)
}

/// What the prover says, each counterexample held to the engine for single flows.
fn proved(defect: &Defect<'_>) -> Vec<(Claim, Word)> {
    let simulator = Simulator::new(&defect.deployment).expect("an order of rules");
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let at = Timestamp::UNIX_EPOCH;
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
    let intent = Some(&defect.base.intent);
    let subject = Subject { simulator: &simulator, intent, environment, day: DAY };
    let proof = prove::prove(&subject, MAX_NODES).expect("a proof");
    let words = proof.claims.iter().map(|(claim, standing)| {
        let (word, examples) = match standing {
            Standing::Proved => (Word::Proved, &[][..]),
            Standing::Open(examples) => (Word::Open, examples.as_slice()),
            Standing::Refuted(examples) => (Word::Refuted, examples.as_slice()),
        };
        assert_eq!(word == Word::Proved, examples.is_empty(), "{}", defect.row(&[]));
        for example in examples {
            defect.confirm(&simulator, *claim, example);
        }
        (*claim, word)
    });
    words.collect()
}

/// What `work` says of each of `defects`, which are shared out among the processors.
fn each<'d>(
    defects: &[&'d Defect<'d>],
    work: impl Fn(&Defect<'_>) -> Vec<(Claim, Word)> + Sync,
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut rows = Vec::new();
        while let Some(defect) = defects.get(next.fetch_add(1, Ordering::Relaxed)) {
            rows.push(((defect.operator, defect.seed), defect.row(&work(defect))));
        }
        rows
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut rows: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker ends")).collect()
    });
    rows.sort();
    rows.into_iter().map(|(_, row)| row).collect()
}

fn table() -> Vec<String> {
    let text = fs::read_to_string(folder().join("table.tsv")).expect("the table");
    text.lines().skip(1).map(str::to_owned).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the environment says how much is to be decided")]
fn what_the_table_says_is_true_on_the_grid() {
    let asked = std::env::var("EXEAT_DEFECTS").unwrap_or_default();
    let bases = bases();
    let all = defects(&bases);
    let is_chosen = |index: &usize| !asked.is_empty() || index.is_multiple_of(ONE_OF);
    let chosen: Vec<&Defect<'_>> =
        (0..all.len()).filter(is_chosen).map(|index| &all[index]).collect();
    let found = each(&chosen, truth);
    if asked == "write" {
        let mut text = "operator\tlist\tseed\tno leak\tno breakage\tnothing around\n".to_owned();
        for row in &found {
            writeln!(text, "{row}").expect("a text");
        }
        fs::write(folder().join("table.tsv"), text).expect("a file that can be written");
    }
    let table = table();
    for row in &found {
        assert!(table.contains(row), "{row}");
    }
}

#[test]
fn the_prover_is_right_about_every_defect() {
    let bases = bases();
    let all = defects(&bases);
    let found = each(&all.iter().collect::<Vec<_>>(), proved);
    let table = table();
    assert_eq!(found.len(), table.len());
    let wrong: Vec<String> = found
        .iter()
        .zip(&table)
        .filter(|(found, told)| found != told)
        .map(|(found, told)| format!("found {found}\nbut   {told}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_table_has_mistakes_of_each_kind_and_changes_that_are_none() {
    let table = table();
    assert!(table.len() >= 200, "{}", table.len());
    for (operator, _) in OPERATORS {
        let own = table.iter().filter(|row| row.split('\t').next() == Some(operator)).count();
        assert!(own >= 10, "{operator}: {own}");
    }
    let harmless = table.iter().filter(|row| row.ends_with("\tproved\tproved\tproved")).count();
    assert!(harmless >= 60, "only {harmless} changes have no effect");
    for column in 3..6 {
        for word in [Word::Proved, Word::Open, Word::Refuted] {
            let has = |row: &&String| row.split('\t').nth(column) == Some(word.keyword());
            assert!(table.iter().any(|row| has(&row)), "column {column} has no `{word:?}`");
        }
    }
}

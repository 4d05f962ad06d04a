//! Lists to deployments, and to what they are written as.
#![expect(clippy::expect_used, reason = "a bench of what could not be made measures nothing")]

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use exeat::azure::Deployment;
use exeat::compile;
use exeat::emit;
use exeat::intent::Intent;
use exeat::resolve;
use jiff::civil::Date;

#[path = "support/list.rs"]
mod list;
#[path = "support/sizes.rs"]
mod sizes;

use sizes::SIZES;

/// The day on which the lists are judged.
const TODAY: Date = Date::constant(2026, 3, 1);

fn main() {
    divan::main();
}

fn resolved(text: &str) -> Intent {
    let mut read = |_: &std::path::Path| Ok(text.as_bytes().to_vec());
    let resolved = resolve::resolve("list.egress", &mut read, &resolve::Options::default());
    resolved.intent.expect("a list without mistakes")
}

#[divan::bench(args = SIZES)]
fn resolve(bencher: Bencher<'_, '_>, permissions: usize) {
    let text = list::text(permissions);
    bencher.counter(ItemsCount::new(permissions)).bench(|| resolved(black_box(&text)));
}

#[divan::bench(args = SIZES)]
fn compile(bencher: Bencher<'_, '_>, permissions: usize) {
    let intent = resolved(&list::text(permissions));
    let context = Deployment::default();
    bencher
        .counter(ItemsCount::new(permissions))
        .bench(|| compile::compile(black_box(&intent), &context, TODAY).expect("a deployment"));
}

#[divan::bench(args = SIZES)]
fn write_json(bencher: Bencher<'_, '_>, permissions: usize) {
    let intent = resolved(&list::text(permissions));
    let compiled = compile::compile(&intent, &Deployment::default(), TODAY).expect("a deployment");
    bencher
        .counter(ItemsCount::new(permissions))
        .bench(|| emit::json::write(black_box(&compiled.deployment)));
}

//! Text to a tree, and back.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use exeat::diagnostic::FileId;
use exeat::syntax;

#[path = "support/list.rs"]
mod list;
#[path = "support/sizes.rs"]
mod sizes;

use sizes::SIZES;

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn parse(bencher: Bencher<'_, '_>, permissions: usize) {
    let text = list::text(permissions);
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| syntax::parse(FileId::NONE, black_box(&text)));
}

/// Formatting reads its own text again and compares, so it takes longer than [`parse`].
#[divan::bench(args = SIZES)]
fn format(bencher: Bencher<'_, '_>, permissions: usize) {
    let text = list::text(permissions);
    let (tree, _) = syntax::parse(FileId::NONE, &text);
    bencher.counter(BytesCount::of_str(&text)).bench(|| syntax::format(black_box(&tree)));
}

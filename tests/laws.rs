//! The laws of the fuzz targets, on inputs that are kept: the corpus, and what fuzzing once found.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;

#[path = "../fuzz/src/lib.rs"]
pub mod laws;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The entries of a folder, sorted; none where it is not there.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn stems(folder: &Path) -> BTreeSet<String> {
    let stem = |path: &PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    entries(folder).iter().map(stem).collect()
}

#[test]
fn every_law_holds_on_its_corpus_and_on_what_fuzzing_found() {
    let mut broken = Vec::new();
    for (name, law) in laws::LAWS {
        let corpus = entries(&root().join("fuzz/corpus").join(name));
        assert!(!corpus.is_empty(), "`fuzz/corpus/{name}` is empty");
        let regressions = entries(&root().join("tests/regressions").join(name));
        let kept = regressions.iter().filter(|path| path.extension().is_none_or(|e| e != "md"));
        for path in corpus.iter().chain(kept) {
            let bytes = fs::read(path).expect("a readable input");
            if catch_unwind(|| law(&bytes)).is_err() {
                broken.push(path.display().to_string());
            }
        }
    }
    assert!(broken.is_empty(), "a law does not hold on:\n{}", broken.join("\n"));
}

#[test]
fn laws_targets_corpora_and_regressions_go_by_the_same_names() {
    let laws: BTreeSet<String> = laws::LAWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems(&root().join("fuzz/fuzz_targets")), laws);
    assert_eq!(stems(&root().join("fuzz/corpus")), laws);
    let found = stems(&root().join("tests/regressions"));
    assert!(found.is_subset(&laws), "{found:?} are not all laws");
}

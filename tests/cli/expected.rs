//! What the program is expected to write, kept beside this file.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// `BLESS=1 cargo test --test cli` writes what is expected anew, to be read in the diff.
const BLESS: bool = option_env!("BLESS").is_some();

/// Holds `found` to the text in `tests/cli/` at `path`. JSON is kept with a line for each value.
#[track_caller]
pub(crate) fn check_kept(path: &str, found: String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(path);
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let found = if is_json {
        let report: Value = serde_json::from_str(&found).expect("a report");
        serde_json::to_string_pretty(&report).expect("JSON") + "\n"
    } else {
        found
    };
    if BLESS {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, &found).expect("a file that can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{} differs", path.display());
}

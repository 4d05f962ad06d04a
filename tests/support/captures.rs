//! The captures of the shared data, and reading one whole.
//!
//! The data lies in `EXEAT_SHARED`, else in `../shared` beside the repository; it is too large to be
//! part of it.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use exeat::capture::CaptureError;
use exeat::capture::CapturedFlow;
use exeat::capture::Reader;
use exeat::capture::Sink;
use exeat::capture::Summary;
use exeat::evidence::DnsAnswer;
use exeat::flow::Host;
use serde_json::Value;

/// Everything that a capture gave.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) flows: Vec<CapturedFlow>,
    pub(crate) answers: Vec<DnsAnswer>,
}

impl Sink for Taken {
    fn flow(&mut self, flow: CapturedFlow) {
        self.flows.push(flow);
    }

    fn answer(&mut self, answer: DnsAnswer) {
        self.answers.push(answer);
    }
}

pub(crate) fn read(bytes: &[u8]) -> (Taken, Result<Summary, CaptureError>) {
    let mut taken = Taken::default();
    let mut reader = Reader::new();
    let summary = reader.feed(bytes, &mut taken).and_then(|()| reader.finish(&mut taken));
    (taken, summary)
}

#[expect(clippy::disallowed_methods, reason = "the place of the data is the environment's to say")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The folder of captures, or a visible line that says why nothing is tested.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn captures() -> Option<PathBuf> {
    let shared = match variable("EXEAT_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let folder = shared.join("data/captures");
    if folder.join("index.json").is_file() {
        return Some(folder);
    }
    assert!(
        variable("CI").is_none_or(|value| value != "true"),
        "expected captures in `{}`; set EXEAT_SHARED",
        folder.display()
    );
    eprintln!("SKIPPED: no captures in `{}`; set EXEAT_SHARED to test them", folder.display());
    None
}

/// The captures in `folder`, in the order of its index.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("index.json")).unwrap();
    let index: Vec<Value> = match serde_json::from_str(&text) {
        Ok(list) => list,
        Err(_) => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    };
    index.iter().map(|entry| entry["file"].as_str().unwrap().to_owned()).collect()
}

/// The name that a flow shows first.
pub(crate) fn name(flow: &CapturedFlow) -> Option<String> {
    flow.name.as_ref().map(|host| match host {
        Host::Address(address) => address.to_string(),
        Host::Name(name) => name.to_string(),
    })
}

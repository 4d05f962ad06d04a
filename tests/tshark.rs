//! Flows and names of captures against a live `tshark`, where one is installed.
//!
//! For each TCP and UDP flow that a router on the wire sees, both sides say its ends, its packets and the first name that it shows. `cargo test
//! --test tshark` asks about every capture of the repository and about one in [`ONE_IN`] of the shared ones (`EXEAT_SHARED`,
//! else `../shared`), chosen by the hash of the name; `EXEAT_TSHARK=1` asks about one in one, which is all. `-- --nocapture` shows the scores.
//! What is missed stands with its reason in `tshark/misses.tsv`; a new miss fails, and one that is gone. The table is of tshark 4.0: where
//! another one is installed, misses are shown, and only shares decide.
#![cfg(test)]

#[path = "support/captures.rs"]
mod captures;
#[path = "tshark/dissected.rs"]
mod dissected;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use exeat::capture::CapturedFlow;
use exeat::capture::NameOrigin;
use exeat::flow::IpProtocol;

use self::captures::name;
use self::captures::read;
use self::captures::variable;
use self::dissected::Dissected;
use self::dissected::Stream;

/// Of so many shared captures a test run asks about one.
const ONE_IN: u64 = 16;

/// Captures of the repository.
const COMMITTED: [&str; 2] =
    ["rulesets/examples/trips/monday.pcapng", "rulesets/examples/trips/friday.pcapng"];

/// The version of tshark that the table of misses is about, as its first line begins.
const OF_TABLE: &str = "TShark (Wireshark) 4.0.";

/// The least share of flows that agree, in hundredths, over all captures.
const LEAST_SHARE: u64 = 99;

/// The same of a sample, in which the captures that have misses may lie closer together.
const LEAST_SHARE_OF_SAMPLE: u64 = 95;

/// A capture: what the table of misses calls it, and where it lies.
struct Capture {
    name: String,
    path: PathBuf,
}

/// The captures that a run asks about.
fn captures_asked_for() -> Vec<Capture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed =
        COMMITTED.iter().map(|name| Capture { name: (*name).to_owned(), path: root.join(name) });
    let one_in = one_in();
    let shared = captures::captures().into_iter().flat_map(|folder| {
        let files = captures::files(&folder).into_iter();
        let drawn = files.filter(move |name| fnv(name.as_bytes()).is_multiple_of(one_in));
        drawn.map(move |name| Capture { path: folder.join(&name), name }).collect::<Vec<_>>()
    });
    committed.chain(shared).collect()
}

fn one_in() -> u64 {
    variable("EXEAT_TSHARK").map_or(ONE_IN, |text| text.parse().expect("a number from 1"))
}

/// The same hash on every machine (FNV-1a).
fn fnv(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// What came of one capture, or of all.
#[derive(Default)]
struct Score {
    captures: u64,
    flows: u64,
    agreed: u64,
    named: u64,
    named_agreed: u64,
    /// What both say differently: the key of the table of misses.
    misses: BTreeSet<String>,
    /// Those of them with a name of ours that tshark does not see anywhere in the flow.
    invented: BTreeSet<String>,
}

impl Score {
    fn add(&mut self, other: Score) {
        self.captures += other.captures;
        self.flows += other.flows;
        self.agreed += other.agreed;
        self.named += other.named;
        self.named_agreed += other.named_agreed;
        self.misses.extend(other.misses);
        self.invented.extend(other.invented);
    }
}

/// A flow of ours, as it looks on one side of source NAT.
#[derive(Clone, Copy)]
struct Side<'f> {
    flow: &'f CapturedFlow,
    source: (IpAddr, u16),
}

impl Side<'_> {
    /// The packets that tshark counts here: it counts copies, but those of the other side elsewhere.
    fn packets(&self) -> u64 {
        let copies = if self.flow.translated_from.is_some() { 0 } else { self.flow.copies };
        self.flow.packets.unwrap_or(0) + copies
    }

    fn destination(&self) -> (IpAddr, u16) {
        let address = self.flow.destination.expect("a capture of packets has both ends");
        (address, self.flow.destination_port)
    }
}

/// Our flows between two ends, whichever sent first.
type ByEnds<'f> = BTreeMap<(IpProtocol, [(IpAddr, u16); 2]), Vec<Side<'f>>>;

fn by_ends(flows: &[CapturedFlow]) -> ByEnds<'_> {
    let mut by_ends = ByEnds::new();
    for flow in flows.iter().filter(|flow| flow.depth == 0) {
        let inside = flow.translated_from.map(|end| (end.ip(), end.port()));
        for source in std::iter::once((flow.source, flow.source_port)).chain(inside) {
            let side = Side { flow, source };
            let mut ends = [side.source, side.destination()];
            ends.sort_unstable();
            by_ends.entry((flow.protocol, ends)).or_default().push(side);
        }
    }
    by_ends
}

/// The flows of ours that a stream of tshark's is. A connection is one; what lies between two ends
/// for long is one stream of datagrams to tshark, and with us a flow before and after each pause.
fn ours<'f>(stream: &Stream, by_ends: &ByEnds<'f>) -> Vec<Side<'f>> {
    let mut ends = [stream.source, stream.destination];
    ends.sort_unstable();
    let Some(sides) = by_ends.get(&(stream.protocol, ends)) else { return Vec::new() };
    if stream.protocol == IpProtocol::UDP {
        return sides.clone();
    }
    let begins =
        |side: &&Side<'_>| side.flow.frame == stream.frame || side.flow.translated_from.is_some();
    sides.iter().filter(begins).copied().collect()
}

/// What a flow is to either side, as the table of misses has it.
fn told(ends: [(IpAddr, u16); 2], packets: u64, name: Option<&str>) -> String {
    let [(source, source_port), (destination, destination_port)] = ends;
    let name = name.unwrap_or("-");
    format!("{source} {source_port} {destination} {destination_port} {packets} {name}")
}

fn told_by_us(sides: &[Side<'_>], stream: &Stream) -> String {
    let Some(first) = sides.first() else { return "no such flow".to_owned() };
    let packets = sides.iter().map(Side::packets).sum();
    // To tshark a hello after STARTTLS is like any other; we show its name as a later one.
    let has_name = !stream.names.is_empty();
    let later = || sides.iter().find_map(|side| later_name(side.flow).filter(|_| has_name));
    let named = sides.iter().find_map(|side| name(side.flow)).or_else(later);
    told([first.source, first.destination()], packets, named.as_deref())
}

fn later_name(flow: &CapturedFlow) -> Option<String> {
    let later = flow.names.iter().find(|seen| seen.origin == NameOrigin::LaterSni)?;
    Some(later.name.to_string())
}

fn compare(capture: &Capture) -> Score {
    let mut score = Score { captures: 1, ..Score::default() };
    let (taken, _) = read(&fs::read(&capture.path).expect("a capture"));
    let by_ends = by_ends(&taken.flows);
    for stream in Dissected::of(&capture.path).streams {
        let ours = ours(&stream, &by_ends);
        let theirs = told(
            [stream.source, stream.destination],
            stream.packets,
            stream.names.first().map(String::as_str),
        );
        let said = told_by_us(&ours, &stream);
        score.flows += 1;
        score.named += u64::from(!stream.names.is_empty());
        if said == theirs {
            score.agreed += 1;
            score.named_agreed += u64::from(!stream.names.is_empty());
            continue;
        }
        let (file, frame, protocol) = (&capture.name, stream.frame, stream.protocol);
        let miss = format!("{file}\t{frame}\t{protocol}\t{theirs}\t{said}");
        let mut names = ours.iter().filter_map(|side| name(side.flow));
        if names.any(|name| !stream.names.contains(&name)) {
            score.invented.insert(miss.clone());
        }
        score.misses.insert(miss);
    }
    score
}

/// Every capture on its own, two at a time: a tshark mostly starts.
fn compare_all(captures: &[Capture]) -> Score {
    let (next, score) = (AtomicUsize::new(0), Mutex::new(Score::default()));
    let work = || {
        while let Some(capture) = captures.get(next.fetch_add(1, Ordering::Relaxed)) {
            let of_one = compare(capture);
            score.lock().expect("no other panics").add(of_one);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    score.into_inner().expect("no other panics")
}

/// The table of misses: a line each, the key first, the reason behind the last tab.
fn known_misses() -> BTreeMap<String, String> {
    let table = include_str!("tshark/misses.tsv");
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parted = lines.map(|line| line.rsplit_once('\t').expect("a reason behind the last tab"));
    parted.map(|(key, reason)| (key.to_owned(), reason.to_owned())).collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "what was skipped and the scores are told")]
fn flows_and_names_are_those_that_tshark_sees() {
    let Some(version) = dissected::version() else {
        eprintln!("SKIPPED: no `tshark` was found; install it to compare flows with what it sees");
        return;
    };
    let captures = captures_asked_for();
    let score = compare_all(&captures);
    eprintln!(
        "{version}: {} captures; {} of {} flows agree, {} of {} that show a name",
        score.captures, score.agreed, score.flows, score.named_agreed, score.named
    );
    for miss in &score.misses {
        eprintln!("missed\t{miss}");
    }
    let least = if one_in() == 1 { LEAST_SHARE } else { LEAST_SHARE_OF_SAMPLE };
    assert!(score.flows > 0, "tshark sees no flow");
    assert!(score.agreed * 100 >= score.flows * least, "too few flows agree");
    if version.starts_with(OF_TABLE) {
        check_misses(&captures, &score);
    } else {
        eprintln!("the table of misses is of {OF_TABLE}x, so which these are does not matter");
    }
}

fn check_misses(captures: &[Capture], score: &Score) {
    let known = known_misses();
    let invented: Vec<&str> = score
        .invented
        .iter()
        .filter(|miss| !known.contains_key(*miss))
        .map(String::as_str)
        .collect();
    assert!(invented.is_empty(), "names that tshark does not see:\n{}", invented.join("\n"));
    let asked: BTreeSet<&str> = captures.iter().map(|capture| capture.name.as_str()).collect();
    let is_asked = |key: &&String| key.split('\t').next().is_some_and(|name| asked.contains(name));
    let new = score.misses.iter().filter(|miss| !known.contains_key(*miss));
    let gone = known.keys().filter(is_asked).filter(|key| !score.misses.contains(*key));
    let changed: Vec<String> = new
        .map(|miss| format!("new:  {miss}"))
        .chain(gone.map(|key| format!("gone: {key}")))
        .collect();
    assert!(
        changed.is_empty(),
        "the misses changed; write them to tests/tshark/misses.tsv, each with its reason behind a \
         tab:\n{}",
        changed.join("\n")
    );
}

//! Flow logs: each fixture of `captures/logs` gives the flows that are kept beside it, and the logs of
//! the shared data can be read.
//!
//! `BLESS=1 cargo test --test logs` writes what is expected anew, to be read in the diff.
#![cfg(test)]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use exeat::capture::CaptureError;
use exeat::capture::CapturedFlow;
use exeat::capture::Reader;
use exeat::capture::Sink;
use exeat::capture::Summary;
use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsRecord;
use exeat::flow::Payload;
use exeat::flow::SeenPayload;
use flate2::Compression;
use flate2::write::GzEncoder;

#[path = "logs/aws.rs"]
mod aws;
#[path = "logs/firewall.rs"]
mod firewall;
#[path = "logs/hubble.rs"]
mod hubble;
#[path = "logs/laws.rs"]
mod laws;
#[path = "logs/oddities.rs"]
mod oddities;
#[path = "logs/suricata.rs"]
mod suricata;
#[path = "logs/written.rs"]
mod written;
#[path = "logs/zeek.rs"]
mod zeek;

const BLESS: bool = option_env!("BLESS").is_some();

/// Everything that a log gave.
#[derive(Debug, Default, PartialEq)]
struct Taken {
    flows: Vec<CapturedFlow>,
    answers: Vec<DnsAnswer>,
}

impl Sink for Taken {
    fn flow(&mut self, flow: CapturedFlow) {
        self.flows.push(flow);
    }

    fn answer(&mut self, answer: DnsAnswer) {
        self.answers.push(answer);
    }
}

/// What a log gives when it is fed in pieces of `size` bytes.
fn read(bytes: &[u8], size: usize) -> (Taken, Result<Summary, CaptureError>) {
    let mut taken = Taken::default();
    let mut reader = Reader::new();
    let fed = bytes.chunks(size).try_for_each(|piece| reader.feed(piece, &mut taken));
    let summary = fed.and_then(|()| reader.finish(&mut taken));
    (taken, summary)
}

/// The flows of a log, and what is told of it.
fn told(text: &str) -> (Vec<String>, String) {
    let (taken, summary) = read(text.as_bytes(), usize::MAX);
    (taken.flows.iter().map(shown).collect(), shown_summary(&summary))
}

/// The first lines of all flows.
fn heads(flows: &[String]) -> Vec<&str> {
    flows.iter().filter_map(|flow| flow.lines().next()).collect()
}

/// How many IP headers lie outside of each flow.
fn depths(text: &str) -> Vec<u8> {
    read(text.as_bytes(), text.len()).0.flows.iter().map(|flow| flow.depth).collect()
}

fn payload(payload: &SeenPayload) -> String {
    match payload {
        SeenPayload::Exactly(Payload::Http(request)) => {
            let host = request.host.as_ref().map_or("-".to_owned(), ToString::to_string);
            let port = request.port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("http {host}{port}{}", request.path)
        }
        SeenPayload::Exactly(Payload::Tls { name, inner: Some(inner) }) => {
            let inner = Payload::Http(inner.clone());
            let name = name.as_ref().map_or("-".to_owned(), ToString::to_string);
            let inner = self::payload(&SeenPayload::Exactly(inner));
            format!("tls {name} inside {inner}")
        }
        SeenPayload::Exactly(payload) => {
            let name = payload.wire_name().map(|name| format!(" {name}")).unwrap_or_default();
            format!("{}{name}", payload.kind().keyword())
        }
        SeenPayload::Kind(kind) => format!("{} with who knows what", kind.keyword()),
        SeenPayload::Unread(kind) => {
            let kind = kind.map_or("something", |kind| kind.keyword());
            format!("{kind} besides")
        }
        SeenPayload::Unknown => "unknown".to_owned(),
    }
}

/// A flow in text, with everything that a log may tell of it.
fn shown(flow: &CapturedFlow) -> String {
    let mut text = String::new();
    let destination = flow.destination.map_or("?".to_owned(), |address| address.to_string());
    let number = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    let name = flow.name.as_ref().map_or("-".to_owned(), ToString::to_string);
    writeln!(
        text,
        "{} {} {} {destination} {} {} {name}",
        flow.protocol,
        flow.source,
        flow.source_port,
        flow.destination_port,
        flow.application.keyword(),
    )
    .unwrap();
    let flags =
        [(flow.syn, " syn"), (flow.answered, " answered"), (flow.incomplete, " incomplete")];
    let flags: String = flags.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    let copies = if flow.copies > 0 { format!(" copies {}", flow.copies) } else { String::new() };
    writeln!(
        text,
        "  from {} to {}, record {}, packets {} bytes {}{copies}{flags}",
        flow.first,
        flow.last,
        flow.frame,
        number(flow.packets),
        number(flow.bytes),
    )
    .unwrap();
    for opening in &flow.openings {
        writeln!(text, "  asks {} at {}", payload(&opening.payload), opening.at).unwrap();
    }
    for name in &flow.names {
        writeln!(text, "  {} {} at {}", name.origin.keyword(), name.name, name.at).unwrap();
    }
    if let Some(recorded) = &flow.recorded {
        write!(text, "  {} {}", recorded.by, recorded.verdict.keyword()).unwrap();
        if let Some(rule) = &recorded.rule {
            let policy = rule.policy.as_ref().map(|policy| format!("{policy}: "));
            write!(text, " by {}{rule}", policy.unwrap_or_default()).unwrap();
        }
        if let Some(reason) = &recorded.reason {
            write!(text, " because {reason}").unwrap();
        }
        text.push('\n');
    }
    text
}

fn shown_answer(answer: &DnsAnswer) -> String {
    let DnsAnswer { at, client, server, solicited: _, question, asked, code, records } = answer;
    let mut text = format!("answer {client} {server} {question} {asked} {code} at {at}\n");
    for record in records {
        match record {
            DnsRecord::Alias { owner, target, ttl } => {
                writeln!(text, "  {owner} {ttl} CNAME {target}").unwrap();
            }
            DnsRecord::Address { owner, address, ttl } => {
                writeln!(text, "  {owner} {ttl} {address}").unwrap();
            }
            DnsRecord::Lost => text.push_str("  lost\n"),
        }
    }
    text
}

fn shown_summary(summary: &Result<Summary, CaptureError>) -> String {
    let summary = match summary {
        Ok(summary) => summary,
        Err(error) => return format!("error: {error}\n"),
    };
    let logs: Vec<&str> = summary.logs.iter().map(|format| format.name()).collect();
    let mut text = format!(
        "{}: {} records, {} passed over\n",
        logs.join(", "),
        summary.frames,
        summary.passed_over
    );
    let unreadable = &summary.unreadable;
    if unreadable.records > 0 {
        let first = unreadable.first.as_deref().unwrap_or_default();
        let lines = &unreadable.lines;
        writeln!(text, "{} unreadable, at lines {lines:?}: {first}", unreadable.records).unwrap();
    }
    if let Some(truncated) = &summary.truncated {
        writeln!(text, "cut at byte {}: {}", truncated.offset, truncated.what).unwrap();
    }
    for limit in &summary.limits {
        writeln!(text, "limit: {}", limit.describe()).unwrap();
    }
    text
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/logs")
}

fn fixtures() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_none_or(|end| end != "expected")).collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

#[test]
fn each_log_gives_the_flows_that_are_kept_beside_it() {
    let mut differ = Vec::new();
    for path in fixtures() {
        let (taken, summary) = read(&fs::read(&path).unwrap(), usize::MAX);
        let mut found = shown_summary(&summary);
        taken.flows.iter().for_each(|flow| found.push_str(&shown(flow)));
        taken.answers.iter().for_each(|answer| found.push_str(&shown_answer(answer)));
        let kept = PathBuf::from(format!("{}.expected", path.display()));
        if BLESS {
            fs::write(&kept, &found).unwrap();
        }
        if fs::read_to_string(&kept).unwrap_or_default() != found {
            differ.push(format!("{}:\n{found}", kept.display()));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn the_flows_of_a_log_do_not_depend_on_how_it_is_cut_into_pieces_or_wrapped() {
    for path in fixtures() {
        let bytes = fs::read(&path).unwrap();
        let whole = read(&bytes, usize::MAX);
        for size in [1, 2, 7, 61, 1000] {
            assert_eq!(read(&bytes, size), whole, "{} in pieces of {size}", path.display());
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&bytes).unwrap();
        let packed = encoder.finish().unwrap();
        for size in [usize::MAX, 13] {
            assert_eq!(read(&packed, size), whole, "{} in gzip", path.display());
        }
    }
}

#[test]
fn containers_of_one_log_hold_the_same_flows() {
    let of = |name: &str| {
        let (taken, _) = read(&fs::read(folder().join(name)).unwrap(), usize::MAX);
        // Which record of the file a flow is in is the file's affair.
        let flows = taken.flows.into_iter().map(|mut flow| {
            flow.frame = 0;
            flow.openings.iter_mut().for_each(|opening| opening.frame = 0);
            flow
        });
        Taken { flows: flows.collect(), answers: taken.answers }
    };
    let same = [
        &["vnet-v4.json", "vnet-v4-one-line.json", "vnet-v4-lines.json", "vnet-v4-documents.json"]
            as &[_],
        &["nsg-v2.json", "nsg-v2-bare.json"],
        &["hubble-wrapped.jsonl", "hubble-bare.jsonl"],
        &[
            "azfw-event-hub.json",
            "azfw-storage.json",
            "azfw-log-analytics.json",
            "azfw-log-analytics-tables.json",
            "azfw-portal.csv",
        ],
        &["azfw-legacy-event-hub.json", "azfw-legacy-log-analytics.json", "azfw-legacy-portal.csv"],
    ];
    for names in same {
        let (first, others) = names.split_first().unwrap();
        let mut expected = of(first);
        if first.starts_with("azfw-event") {
            // The portal writes no more digits of a second than six in some places; here all.
            assert!(!expected.flows.is_empty());
        }
        for name in others {
            let found = of(name);
            assert_eq!(found.flows.len(), expected.flows.len(), "{name}");
            for (found, expected) in found.flows.iter().zip(&expected.flows) {
                assert_eq!(shown(found), shown(expected), "{name}");
            }
            assert_eq!(found, expected, "{name}");
            expected = found;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the place of the data is the environment's to say")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The shared data, or a visible line that says why nothing is tested.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn shared() -> Option<PathBuf> {
    let shared = match variable("EXEAT_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    if shared.join("data/logs").is_dir() {
        return Some(shared.join("data"));
    }
    assert!(
        variable("CI").is_none_or(|value| value != "true"),
        "expected logs in `{}`; set EXEAT_SHARED",
        shared.display()
    );
    eprintln!("SKIPPED: no logs in `{}`; set EXEAT_SHARED to test them", shared.display());
    None
}

#[test]
fn logs_of_others_can_be_read() {
    let Some(data) = shared() else { return };
    // Tuples of a connection make one flow, so do events.
    let flows = [
        ("azure-nsg-flow-log-v1.json", 12),
        ("azure-nsg-flow-log-v2.json", 1),
        ("azure-vnet-flow-log-v4.json", 14),
        ("hubble-flows.jsonl", 2),
        ("suricata-eve-dns-tcp.jsonl", 2),
        ("suricata-eve-dns_doh.jsonl", 1),
        ("suricata-eve-facebook.jsonl", 2),
        ("suricata-eve-http_get.jsonl", 1),
        ("suricata-eve-quic-frag-unordered.jsonl", 1),
    ];
    let found: Vec<(&str, usize)> = flows
        .iter()
        .map(|(name, _)| {
            let (taken, summary) = read(&fs::read(data.join("logs").join(name)).unwrap(), 999);
            let summary = summary.unwrap();
            assert_eq!(summary.unreadable.records, 0, "{name}: {:?}", summary.unreadable);
            assert_eq!(summary.truncated, None, "{name}");
            (*name, taken.flows.len())
        })
        .collect();
    assert_eq!(found, flows);
}

/// The `.log` files below a folder.
fn zeek_logs(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            zeek_logs(&path, into);
        } else if path.extension().is_some_and(|end| end == "log") {
            into.push(path);
        }
    }
}

#[test]
fn zeek_s_own_logs_have_a_flow_for_each_connection() {
    let Some(data) = shared() else { return };
    let mut logs = Vec::new();
    zeek_logs(&data.join("captures/zeek"), &mut logs);
    assert!(!logs.is_empty());
    let mut named = 0;
    for path in logs {
        // Times are blacked out in them, and of some tables columns are left out.
        let text = fs::read_to_string(&path).unwrap().replace("XXXXXXXXXX.XXXXXX", "1767225600.5");
        if !text.lines().any(|line| line.starts_with("#fields") && line.contains("id.orig_h")) {
            continue;
        }
        let bytes = text.as_bytes();
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        let mut connections: Vec<&str> = rows.filter_map(|row| row.split('\t').nth(1)).collect();
        connections.sort_unstable();
        connections.dedup();
        let (taken, summary) = read(bytes, 4096);
        let summary = summary.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(summary.unreadable.records, 0, "{}: {:?}", path.display(), summary.unreadable);
        assert_eq!(taken.flows.len(), connections.len(), "{}", path.display());
        // What Zeek saw, the other programs saw that gave the ground truth.
        let capture = path.parent().unwrap().display().to_string();
        let truth = capture.strip_suffix(".zeek").unwrap().to_owned() + ".expected.json";
        let truth = fs::read_to_string(truth).unwrap();
        for flow in &taken.flows {
            let source = format!("\"{}\"", flow.source);
            assert!(truth.contains(&source), "{}: {}", path.display(), shown(flow));
            for seen in &flow.names {
                named += 1;
                let name = seen.name.to_string();
                assert!(truth.contains(&name), "{}: {}", path.display(), shown(flow));
            }
        }
    }
    assert!(named > 20, "{named} names");
}

//! Reading captures.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

use super::failure::Failure;
use super::files;
use super::interrupt::Interrupt;
use super::spool::Batch;
use super::spool::FlowOf;
use super::spool::Spool;
use super::terminal::Terminal;
use crate::capture::Application;
use crate::capture::CapturedFlow;
use crate::capture::Reader;
use crate::capture::Sink;
use crate::capture::Summary;
use crate::capture::Unreadable;
use crate::diagnostic::Severity;
use crate::evidence::DnsAnswer;
use crate::evidence::DnsTimeline;
use crate::evidence::Evidence;
use crate::flow::Host;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::SeenPayload;
use crate::report::FlowRow;
use crate::report::flow_row::NameRow;
use crate::report::replay::ReplayedCapture;

/// Bytes read from a file at a time.
const CHUNK: usize = 256 * 1024;
/// Bytes that show whether a file is a capture: its header, the first packets with their link
/// type, and room for a gzip wrapper and for comments. An error in them is one of the whole file.
const BEGINNING: u64 = 64 * 1024;

/// The captures of `paths`, each once: flows that count twice are nobody's wish.
pub(super) fn once<'p>(
    paths: &'p [PathBuf],
    quiet: bool,
    terminal: &mut Terminal<'_>,
) -> Result<Vec<&'p Path>, Failure> {
    let mut all = Vec::with_capacity(paths.len());
    let mut seen = BTreeSet::new();
    for path in paths {
        let full = terminal.path(path);
        let name = if files::is_standard_stream(path) { None } else { full.canonicalize().ok() };
        if seen.insert(name.unwrap_or_else(|| path.clone())) {
            all.push(path.as_path());
        } else if !quiet {
            let says = format!("`{}` is given twice, and read once", path.display());
            let text = terminal.titled(Severity::Warning, &says);
            terminal.write_err(&text)?;
        }
    }
    Ok(all)
}

/// A capture to be read.
pub(super) struct Recording<'a> {
    /// Its path as given; `-` is standard input.
    pub(super) path: &'a Path,
    /// Its path from the root.
    pub(super) full: PathBuf,
    /// Whether to show how far reading has come.
    pub(super) progress: bool,
    /// Whether the user wants the run to end.
    pub(super) interrupt: Arc<Interrupt>,
}

/// How a capture was read.
pub(super) struct Reading {
    pub(super) summary: Summary,
    /// How many bytes were read when the user ended the run, if so.
    pub(super) interrupted_at: Option<u64>,
}

impl<'a> Recording<'a> {
    /// The capture at `path`.
    pub(super) fn of(path: &'a Path, quiet: bool, terminal: &Terminal<'_>) -> Recording<'a> {
        Recording {
            path,
            full: terminal.path(path),
            progress: terminal.shows_progress && !quiet,
            interrupt: Arc::clone(&terminal.interrupt),
        }
    }

    /// Refuses a file that is not there or does not begin as a capture. Standard input and pipes can
    /// be read but once, and are not looked at.
    pub(super) fn check_beginning(&self) -> Result<(), Failure> {
        let cannot_read = |error: std::io::Error| Failure::reading(self.path, &error);
        if files::is_standard_stream(self.path) {
            return Ok(());
        }
        let kind = fs::metadata(&self.full).map_err(cannot_read)?.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Ok(());
        }
        let file = File::open(&self.full).map_err(cannot_read)?;
        let mut beginning = Vec::new();
        file.take(BEGINNING).read_to_end(&mut beginning).map_err(cannot_read)?;
        let uninterrupted = Interrupt::default();
        let bar = ProgressBar::hidden();
        feed(self.path, beginning.as_slice(), &mut Nothing, &bar, &uninterrupted).map(drop)
    }

    /// Feeds the capture to `sink`; `input` is standard input. When the user wants the run to end, the
    /// flows end with what was read.
    pub(super) fn read(
        &self,
        input: &mut Option<&mut dyn Read>,
        sink: &mut impl Sink,
    ) -> Result<Reading, Failure> {
        self.interrupt.heed();
        if files::is_standard_stream(self.path) {
            let input = files::standard_input(input)
                .map_err(|error| Failure::reading(self.path, &error))?;
            let bar = self.bar(None);
            let reading = feed(self.path, input, sink, &bar, &self.interrupt);
            bar.finish_and_clear();
            return reading;
        }
        let file = File::open(&self.full).map_err(|error| Failure::reading(self.path, &error))?;
        let length = file.metadata().ok().filter(|data| data.is_file()).map(|data| data.len());
        let bar = self.bar(length);
        let reading = feed(self.path, file, sink, &bar, &self.interrupt);
        bar.finish_and_clear();
        reading
    }

    /// How far reading has come: of a pipe nobody knows how much is left.
    fn bar(&self, length: Option<u64>) -> ProgressBar {
        if !self.progress {
            return ProgressBar::hidden();
        }
        let (bar, template) = match length {
            Some(length) => (
                ProgressBar::new(length),
                "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left",
            ),
            None => (ProgressBar::new_spinner(), "{msg} {spinner} {bytes} {bytes_per_sec}"),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(self.path.display().to_string());
        bar
    }
}

fn feed(
    path: &Path,
    mut input: impl Read,
    sink: &mut impl Sink,
    bar: &ProgressBar,
    interrupt: &Interrupt,
) -> Result<Reading, Failure> {
    let mut reader = Reader::new();
    let mut chunk = vec![0; CHUNK];
    let mut interrupted_at = None;
    loop {
        if interrupt.is_asked() {
            interrupted_at = Some(bar.position());
            break;
        }
        let length = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::reading(path, &error)),
        };
        let bytes = chunk.get(..length).unwrap_or_default();
        reader.feed(bytes, sink).map_err(|error| refused(path, &error))?;
        bar.inc(u64::try_from(length).unwrap_or(0));
    }
    let summary = reader.finish(sink).map_err(|error| refused(path, &error))?;
    Ok(Reading { summary, interrupted_at })
}

fn refused(path: &Path, error: &crate::capture::CaptureError) -> Failure {
    Failure::new(format!("`{}`: {error}", path.display()))
}

/// What several captures hold.
pub(super) struct Recorded {
    /// The flows that lie in no tunnel, in the order of the captures: of others a firewall sees the
    /// one outside.
    pub(super) flows: Spool,
    /// How each was read.
    pub(super) captures: Vec<ReplayedCapture>,
    /// Whether the user ended the run before all were read.
    pub(super) is_partial: bool,
    /// The clients that DNS answers were recorded of; of more than one, two.
    pub(super) clients: BTreeSet<IpAddr>,
}

impl Recorded {
    /// Takes back one flow after the other.
    pub(super) fn each(
        &mut self,
        mut take: impl FnMut(&str, &CapturedFlow),
    ) -> Result<(), Failure> {
        let mut batches = self.flows.batches()?;
        let mut batch = Batch::default();
        loop {
            batches.next(&mut batch)?;
            if batch.records().is_empty() {
                return Ok(());
            }
            for (_, record) in batch.records() {
                let FlowOf { capture, flow } = batch.flow(record)?;
                let name = self.captures.get(capture).map_or("", |capture| capture.path.as_str());
                take(name, &flow);
            }
        }
    }
}

/// Reads captures; their DNS answers are added to `evidence`, as told to `from` if it is given.
pub(super) fn record(
    paths: &[PathBuf],
    quiet: bool,
    from: Option<IpAddr>,
    evidence: &mut Evidence,
    terminal: &mut Terminal<'_>,
) -> Result<Recorded, Failure> {
    let mut recorded = Recorded {
        flows: Spool::new(),
        captures: Vec::new(),
        is_partial: false,
        clients: BTreeSet::new(),
    };
    for path in once(paths, quiet, terminal)? {
        if recorded.is_partial {
            recorded.captures.push(ReplayedCapture {
                path: path.display().to_string(),
                truncated: Some("not read: the run was interrupted".to_owned()),
                warnings: Vec::new(),
                notes: Vec::new(),
            });
            continue;
        }
        let recording = Recording::of(path, quiet, terminal);
        let capture = recorded.captures.len();
        let flows = &mut recorded.flows;
        let (timeline, clients) = (&mut evidence.timeline, &mut recorded.clients);
        let mut kept = Kept { capture, from, flows, timeline, clients, in_tunnels: 0 };
        let reading = recording.read(&mut terminal.input, &mut kept)?;
        let mut warnings = warnings(&reading.summary);
        warnings.extend(kept.says_of_tunnels());
        recorded.flows.check()?;
        recorded.captures.push(ReplayedCapture {
            path: path.display().to_string(),
            truncated: truncation(&reading),
            warnings,
            notes: notes(&reading.summary),
        });
        recorded.is_partial = reading.interrupted_at.is_some();
    }
    Ok(recorded)
}

/// Stands for the destination of a flow that a log does not say and no answer tells: an address for
/// documentation (RFC 5737), which is public and nobody's.
///
/// Only rows of application rules lack it. That there is such a row shows that no network rule
/// matched (`azure-firewall.md §1.1`), and an application rule does not look at the address: the
/// firewall connects to its own answer for the name.
const STAND_IN: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

/// The flows of a recorded connection, as sent by `from` if it is given, to where `evidence` has the
/// name where the log does not say the address.
pub(super) fn openings(
    flow: &CapturedFlow,
    from: Option<IpAddr>,
    evidence: &Evidence,
) -> Vec<Observation> {
    let source = from.unwrap_or(flow.source);
    let destination = flow.destination.unwrap_or_else(|| {
        let name = flow.name.as_ref().and_then(Host::name);
        let held = name.and_then(|name| evidence.timeline.addresses(source, name, flow.first));
        held.and_then(|held| held.first().copied()).unwrap_or(STAND_IN)
    });
    let openings = flow.openings.iter().map(|opening| Observation {
        source,
        source_port: Some(flow.source_port),
        destination,
        destination_port: flow.destination_port,
        protocol: flow.protocol,
        payload: opening.payload.clone(),
    });
    openings.collect()
}

/// What is to be said of how a capture was read, without what cut it short.
pub(super) fn warnings(summary: &Summary) -> Vec<String> {
    let mut warnings = Vec::new();
    for (layer, number) in &summary.malformed {
        warnings.push(format!("{number} damaged at the layer {layer} were passed over"));
    }
    if summary.lone_fragments > 0 {
        warnings.push(format!(
            "{} IP fragments of datagrams that are not complete were passed over",
            summary.lone_fragments
        ));
    }
    warnings.extend(unreadable(&summary.unreadable));
    warnings.extend(summary.limits.iter().map(|limit| limit.describe().to_owned()));
    warnings
}

/// What the logs in a capture cannot know, for each of their formats.
pub(super) fn notes(summary: &Summary) -> Vec<String> {
    summary.logs.iter().map(|format| format.caveat().to_owned()).collect()
}

/// The records of a log that could not be read.
fn unreadable(found: &Unreadable) -> Option<String> {
    let lines: Vec<String> = found.lines.iter().map(ToString::to_string).collect();
    let what = found.first.as_ref()?;
    let (records, verb) = if found.records == 1 { ("record", "was") } else { ("records", "were") };
    let (line, first) = if lines.len() == 1 { ("line", "") } else { ("lines", "the first: ") };
    let more = if found.records > lines.len() as u64 && lines.len() > 1 { ", …" } else { "" };
    Some(format!(
        "{} {records} of the log could not be read and {verb} passed over ({line} {}{more}; {first}{what})",
        found.records,
        lines.join(", "),
    ))
}

/// Where and why a capture could not be read further.
pub(super) fn truncation(reading: &Reading) -> Option<String> {
    if let Some(bytes) = reading.interrupted_at {
        return Some(format!("interrupted after {bytes} bytes, judged up to there"));
    }
    let truncation = reading.summary.truncated.as_ref()?;
    Some(format!("cut at byte {}, judged up to there: {}", truncation.offset, truncation.what))
}

/// The flow as reports show it.
pub(super) fn row(flow: &CapturedFlow, capture: &str) -> FlowRow {
    FlowRow {
        protocol: flow.protocol,
        source: flow.source,
        source_port: flow.source_port,
        destination: flow.destination,
        destination_port: flow.destination_port,
        application: flow.application.keyword(),
        payload: payload_word(flow),
        name: flow.name.as_ref().map(ToString::to_string),
        depth: flow.depth,
        first: flow.first,
        last: flow.last,
        packets: flow.packets,
        bytes: flow.bytes,
        syn: flow.syn,
        recorded: flow.recorded.clone(),
        names: flow
            .names
            .iter()
            .map(|seen| NameRow {
                name: seen.name.to_string(),
                origin: seen.origin.keyword(),
                at: seen.at,
            })
            .collect(),
        notes: flow.notes.iter().map(|note| note.keyword()).collect(),
        capture: capture.to_owned(),
    }
}

/// The word of what a flow began with, as flows in text have it; empty where that is not known.
fn payload_word(flow: &CapturedFlow) -> &'static str {
    let first = flow.openings.first().map(|opening| &opening.payload);
    match (flow.application, first) {
        (Application::Other, Some(SeenPayload::Unknown)) => "",
        (
            Application::Other,
            Some(SeenPayload::Exactly(Payload::Silent) | SeenPayload::Kind(PayloadKind::Silent)),
        ) => PayloadKind::Silent.keyword(),
        (application, _) => application.keyword(),
    }
}

/// Keeps nothing of a capture.
struct Nothing;

impl Sink for Nothing {
    fn flow(&mut self, _flow: CapturedFlow) {}

    fn answer(&mut self, _answer: DnsAnswer) {}
}

/// Keeps what a capture holds that can be judged, in its order.
struct Kept<'a> {
    capture: usize,
    /// The client that all answers are taken as told to.
    from: Option<IpAddr>,
    flows: &'a mut Spool,
    timeline: &'a mut DnsTimeline,
    clients: &'a mut BTreeSet<IpAddr>,
    in_tunnels: u64,
}

impl Kept<'_> {
    fn says_of_tunnels(&self) -> Option<String> {
        let flows = match self.in_tunnels {
            0 => return None,
            1 => "1 flow inside a tunnel is".to_owned(),
            many => format!("{many} flows inside tunnels are"),
        };
        Some(format!(
            "{flows} not judged: what a firewall sees is the flow outside; judge what was \
             captured before it went in"
        ))
    }
}

impl Sink for Kept<'_> {
    fn flow(&mut self, flow: CapturedFlow) {
        if flow.depth > 0 {
            self.in_tunnels += 1;
        } else {
            self.flows.add(self.capture, &flow);
        }
    }

    fn answer(&mut self, answer: DnsAnswer) {
        if self.clients.len() < 2 {
            self.clients.insert(answer.client);
        }
        let client = self.from.unwrap_or(answer.client);
        self.timeline.add(&DnsAnswer { client, ..answer });
    }
}

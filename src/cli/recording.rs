//! What captures hold, for whoever judges it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use jiff::Timestamp;

use super::failure::Failure;
use super::reading::Reading;
use super::reading::Recordings;
use super::spool::Batch;
use super::spool::FlowOf;
use super::spool::Spool;
use super::terminal::Terminal;
use crate::capture::Application;
use crate::capture::CapturedFlow;
use crate::capture::Limit;
use crate::capture::Note;
use crate::capture::Sink;
use crate::capture::StepsBack;
use crate::capture::Summary;
use crate::capture::UnreadBlocks;
use crate::capture::Unreadable;
use crate::evidence::DnsAnswer;
use crate::evidence::DnsTimeline;
use crate::evidence::Evidence;
use crate::evidence::Exchanges;
use crate::evidence::timeline::MOST_AT_ONCE;
use crate::evidence::timeline::MOST_BYTES;
use crate::flow::Host;
use crate::flow::Observation;
use crate::flow::PayloadKind;
use crate::flow::SeenPayload;
use crate::report::FlowRow;
use crate::report::flow_row::NameRow;
use crate::report::replay::ReplayedCapture;

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
    /// What was read, if it is all: of a part a command would say what does not hold of the whole.
    pub(super) fn whole(self) -> Result<Recorded, Failure> {
        if self.is_partial {
            return Err(Failure::new("interrupted before all captures were read"));
        }
        Ok(self)
    }

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
    threads: Option<u16>,
    terminal: &mut Terminal<'_>,
) -> Result<Recorded, Failure> {
    let recordings = Recordings::of(paths, quiet, threads, terminal)?;
    let names: Vec<String> = recordings.names().collect();
    let mut kept = Kept {
        from,
        flows: Spool::new(&terminal.temporary),
        timeline: &mut evidence.timeline,
        exchanges: Exchanges::default(),
        not_taken: 0,
        clients: BTreeSet::new(),
        apart: vec![Apart::default(); names.len()],
    };
    let readings = recordings.read(&mut terminal.input, &mut kept)?;
    let Kept { mut flows, clients, apart, timeline, exchanges, not_taken, .. } = kept;
    flows.check()?;
    exchanges.finish(timeline);
    for reading in &readings {
        miss_fragments(&reading.summary, from, timeline);
    }
    let is_partial = readings.iter().any(|reading| reading.interrupted_at.is_some());
    let read = names.into_iter().zip(readings).zip(apart);
    let captures = read.map(|((path, reading), apart)| {
        let mut warnings = warnings(&reading.summary);
        warnings.extend(says_of_tunnels(apart.in_tunnels));
        warnings.extend(says_of_loopback(apart.on_loopback));
        let (truncated, notes) = (truncation(&reading), notes(&reading.summary));
        ReplayedCapture { path, truncated, warnings, notes }
    });
    let mut captures: Vec<ReplayedCapture> = captures.collect();
    // Which of them held too many is not known: the time line is of all.
    if let Some(last) = captures.last_mut() {
        last.warnings.extend(says_of_answers(timeline));
        last.warnings.extend(says_of_missing(timeline));
        last.notes.extend(says_of_not_taken(not_taken));
    }
    Ok(Recorded { flows, captures, is_partial, clients })
}

/// What is to be said where the time line dropped answers.
fn says_of_answers(timeline: &DnsTimeline) -> Option<String> {
    let since = timeline.whole_until()?;
    let answers = match timeline.dropped() {
        1 => "1 DNS answer is".to_owned(),
        dropped => format!("{dropped} DNS answers are"),
    };
    Some(format!(
        "{answers} not held, since more came than are kept ({} MiB, and {MOST_AT_ONCE} of one name \
         at one instant): what machines were told counts as not known from {since} on; take \
         captures of shorter times one by one",
        MOST_BYTES >> 20
    ))
}

/// What is to be said of responses that no client took.
fn says_of_not_taken(number: u64) -> Option<String> {
    let responses = match number {
        0 => return None,
        1 => "1 DNS response answers no question that was recorded and open, and is".to_owned(),
        many => {
            format!("{many} DNS responses answer no question that was recorded and open, and are")
        }
    };
    Some(format!(
        "{responses} not believed: a client takes the first response to a question of its own; where it \
         was the only one, what the client was told of that name counts as not known"
    ))
}

/// What is to be said where more answers are missing than the time line remembers.
fn says_of_missing(timeline: &DnsTimeline) -> Option<String> {
    let since = timeline.missing_since()?;
    let is_always = since == Timestamp::MIN;
    let since = if is_always { String::new() } else { format!(" from {since} on") };
    Some(format!(
        "more answers of DNS are missing than are remembered one by one: what machines were told \
         counts as not known{since}"
    ))
}

/// Tells `timeline` of the responses that may be missing since their fragments are.
fn miss_fragments(summary: &Summary, from: Option<IpAddr>, timeline: &mut DnsTimeline) {
    for ((server, client), lost) in &summary.lost_responses {
        if lost.from_dns_port || timeline.has_answered(*server) {
            timeline.hear_no_more(from.unwrap_or(*client), *server, lost.since);
        }
    }
    if summary.limits.contains(&Limit::FragmentedDatagrams) {
        timeline.miss_any(Timestamp::MIN);
    }
}

/// Stands for the destination of a flow that a log does not say and no answer tells: an address for
/// documentation (RFC 5737), which is public and nobody's.
///
/// Only rows of application rules lack it. That there is such a row shows that no network rule
/// matched (`azure-firewall.md §1.1`), and an application rule does not look at the address: the
/// firewall connects to its own answer for the name.
const STAND_IN: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

/// The flows of a recorded connection, as sent by `from` if it is given, to where `evidence` has the
/// name where the log does not say the address. `by_path` says whether anybody looks at the paths of
/// requests for a host: those that are not kept may have any.
pub(super) fn openings(
    flow: &CapturedFlow,
    from: Option<IpAddr>,
    evidence: &Evidence,
    by_path: impl Fn(Option<&Host>) -> bool,
) -> Vec<Observation> {
    let source = from.unwrap_or(flow.source);
    let destination = flow.destination.unwrap_or_else(|| {
        let name = flow.name.as_ref().and_then(Host::name);
        let held = name.and_then(|name| evidence.timeline.addresses(source, name, flow.first));
        held.and_then(|held| held.first().copied()).unwrap_or(STAND_IN)
    });
    let flow = flow.with_more_paths(by_path);
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
    if summary.non_ip > 0 && summary.non_ip == summary.frames {
        warnings.push(says_of_no_ip(summary));
    }
    for (layer, number) in &summary.malformed {
        warnings.push(format!("{number} damaged at the layer {layer} were passed over"));
    }
    if summary.lone_fragments > 0 {
        warnings.push(format!(
            "{} IP fragments of datagrams that are not complete were passed over",
            summary.lone_fragments
        ));
    }
    warnings.extend(says_of_dropped(summary.dropped));
    warnings.extend(unreadable(&summary.unreadable));
    warnings.extend(summary.steps_back.map(says_of_steps_back));
    warnings.extend(summary.limits.iter().map(|limit| limit.describe().to_owned()));
    warnings
}

/// What is to be said where frames were read and no packet was found in them.
fn says_of_no_ip(summary: &Summary) -> String {
    let types: Vec<String> = summary.link_types.iter().map(ToString::to_string).collect();
    let frames = match summary.non_ip {
        1 => "its frame holds no IP: it is of another protocol".to_owned(),
        many => format!("none of {many} frames holds IP: they are of other protocols"),
    };
    format!("{frames}, such as ARP, or not of the link type that it says, {}", types.join(", "))
}

/// What is to be said where packets were dropped before they were captured.
fn says_of_dropped(packets: u64) -> Option<String> {
    let packets = match packets {
        0 => return None,
        1 => "1 packet was".to_owned(),
        many => format!("{many} packets were"),
    };
    Some(format!(
        "{packets} dropped while it was taken, as it says itself: flows may be missing, and of others the \
         names"
    ))
}

/// What is to be said where a clock was set back.
fn says_of_steps_back(StepsBack { number, first, by }: StepsBack) -> String {
    let times = match number {
        1 => "once,".to_owned(),
        many => format!("{many} times, first"),
    };
    format!(
        "the times of its packets go back {times} by {by:#} from {first}, as where a clock was set or \
         files were put behind each other: what clients were told before a flow is told by these times"
    )
}

/// What the logs in a capture cannot know, for each of their formats, and what else of it says nothing
/// here.
pub(super) fn notes(summary: &Summary) -> Vec<String> {
    let mut notes: Vec<String> =
        summary.logs.iter().map(|format| format.caveat().to_owned()).collect();
    let blocks = |number: u64, of: &str| match number {
        1 => format!("1 block of {of} was passed over"),
        many => format!("{many} blocks of {of} were passed over"),
    };
    let UnreadBlocks { secrets, names } = summary.unread;
    if secrets > 0 {
        notes.push(format!(
            "{}: nothing is decrypted here, so that names and requests inside what was encrypted are \
             not read",
            blocks(secrets, "decryption secrets")
        ));
    }
    if names > 0 {
        notes.push(format!(
            "{}: they are what a machine found for addresses, and no client was told so",
            blocks(names, "resolved names")
        ));
    }
    notes
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

/// The word of what a flow began with behind its handshake, as flows in text have it; empty where
/// that is not known.
fn payload_word(flow: &CapturedFlow) -> &'static str {
    let mut payloads = flow.openings.iter().map(|opening| &opening.payload);
    match (flow.application, payloads.find(|payload| !payload.is_silent())) {
        (Application::Other, Some(SeenPayload::Unknown)) => "",
        (Application::Other, None) if !flow.openings.is_empty() => PayloadKind::Silent.keyword(),
        (application, _) => application.keyword(),
    }
}

/// Keeps what captures hold that can be judged, in its order.
struct Kept<'a> {
    /// The client that all answers are taken as told to.
    from: Option<IpAddr>,
    flows: Spool,
    timeline: &'a mut DnsTimeline,
    exchanges: Exchanges,
    /// Responses that no client took, and that say more than was told.
    not_taken: u64,
    /// The clients of the answers; of more than one, two.
    clients: BTreeSet<IpAddr>,
    /// How many flows of each capture are not judged.
    apart: Vec<Apart>,
}

/// Flows that no firewall on the way sees.
#[derive(Clone, Copy, Debug, Default)]
struct Apart {
    in_tunnels: u64,
    on_loopback: u64,
}

impl Sink for Kept<'_> {
    fn flow(&mut self, mut flow: CapturedFlow) {
        let capture = flow.file;
        for aside in flow.asides.take().into_iter().flat_map(|asides| *asides) {
            self.exchanges.beside(aside, self.from, self.timeline);
        }
        // Whoever says where all flows come from has them judged as if they had left.
        let is_local = self.from.is_none() && flow.notes.contains(&Note::Loopback);
        if !is_local && flow.depth == 0 {
            self.flows.add(capture, &flow);
        } else if let Some(apart) = self.apart.get_mut(capture) {
            let number = if is_local { &mut apart.on_loopback } else { &mut apart.in_tunnels };
            *number += 1;
        }
    }

    fn answer(&mut self, answer: DnsAnswer) {
        let client = self.from.unwrap_or(answer.client);
        if !self.exchanges.takes(&answer) {
            let says_more = self.exchanges.refuse(&answer, client, self.timeline);
            self.not_taken += u64::from(says_more);
            return;
        }
        if self.clients.len() < 2 {
            self.clients.insert(answer.client);
        }
        self.timeline.add(&DnsAnswer { client, ..answer });
    }
}

/// What is to be said of the flows that did not leave their machine.
fn says_of_loopback(on_loopback: u64) -> Option<String> {
    let flows = match on_loopback {
        0 => return None,
        1 => "1 flow on a loopback device is".to_owned(),
        many => format!("{many} flows on loopback devices are"),
    };
    Some(format!("{flows} not judged: no packet left the machine"))
}

/// What is to be said of the flows that lie in tunnels.
fn says_of_tunnels(in_tunnels: u64) -> Option<String> {
    let flows = match in_tunnels {
        0 => return None,
        1 => "1 flow inside a tunnel is".to_owned(),
        many => format!("{many} flows inside tunnels are"),
    };
    Some(format!(
        "{flows} not judged: what a firewall sees is the flow outside; judge what was captured \
         before it went in"
    ))
}

//! VPC flow logs of AWS (`flow-inputs.md §9`): a line for each direction of a flow and each window of
//! time. Both directions are put together.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::flow;
use super::flow::Ends;
use super::open::MOST_FLOWS;
use super::open::Microseconds;
use super::open::Open;
use super::open::Weighs;
use super::open::minutes;
use super::time;
use crate::capture::captured::CapturedFlow;
use crate::capture::captured::Sink;
use crate::flow::IpProtocol;
use crate::flow::Recorded;
use crate::flow::RecordedVerdict;
use crate::flow::Recorder;

/// How long a flow without lines goes on: a window has ten minutes, and lines come late.
const IDLE: Microseconds = minutes(20);

/// The fields of a line where the log does not name them.
const DEFAULT: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol \
                       packets bytes start end action log-status";

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// What became of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// It told of a flow.
    Told,
    /// It names the fields, or says that there was nothing.
    PassedOver,
    /// It lacks an end, the protocol or the time.
    Unreadable,
    /// A flow had to end for it.
    Over,
}

/// The flows of a log.
#[derive(Debug)]
pub(super) struct Aws {
    columns: Vec<String>,
    open: Open<Ends, Followed>,
}

/// A flow, as far as lines told of it.
#[derive(Debug)]
struct Followed {
    flow: CapturedFlow,
    /// Whether the direction is known, by flags of TCP.
    is_known: bool,
}

/// Whether a line names the fields of those behind it.
pub(super) fn is_header(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    words.any(|word| matches!(word, "srcaddr" | "pkt-srcaddr"))
        && line.split_ascii_whitespace().all(|word| {
            word.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit())
        })
}

/// Whether a line is one of the default format.
pub(super) fn is_default(line: &str) -> bool {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [version, account, .., action, status] = fields.as_slice() else { return false };
    fields.len() == 14
        && version.bytes().all(|byte| byte.is_ascii_digit())
        && (*account == "unknown" || account.bytes().all(|byte| byte.is_ascii_digit()))
        && matches!(*action, "ACCEPT" | "REJECT" | "-")
        && matches!(*status, "OK" | "NODATA" | "SKIPDATA")
}

impl Aws {
    pub(super) fn new() -> Aws {
        let columns = DEFAULT.split_ascii_whitespace().map(str::to_owned).collect();
        Aws { columns, open: Open::new(MOST_FLOWS) }
    }

    /// Takes a line.
    pub(super) fn line(&mut self, line: &[u8], frame: u64, sink: &mut impl Sink) -> Taken {
        let Ok(line) = str::from_utf8(line) else { return Taken::Unreadable };
        if line.trim().is_empty() {
            return Taken::PassedOver;
        }
        if is_header(line) {
            self.columns = line.split_ascii_whitespace().map(str::to_owned).collect();
            return Taken::PassedOver;
        }
        let row = Row::read(&self.columns, line);
        if matches!(row.status, Some("NODATA" | "SKIPDATA")) {
            return Taken::PassedOver;
        }
        let Some((start, ends)) = row.start.and_then(time::epoch_seconds).zip(row.ends()) else {
            return Taken::Unreadable;
        };
        self.open.come_to(start, &mut |one| sink.flow(one.finished()));
        let key = ends.undirected();
        if let Some(followed) = self.open.touch(&key, IDLE) {
            followed.take(&row, &ends, start);
            return Taken::Told;
        }
        let first = if is_from_server(&ends) { ends.turned() } else { ends };
        let mut followed = Followed { flow: first.flow(start, frame), is_known: false };
        followed.take(&row, &ends, start);
        let out = &mut |one: Followed| sink.flow(one.finished());
        if self.open.begin(key, followed, IDLE, out) { Taken::Told } else { Taken::Over }
    }

    /// Ends the log.
    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        self.open.finish(&mut |one| sink.flow(one.finished()));
    }
}

/// Whether the source has the lower port, and so is likely the server (`flow-inputs.md §11`).
fn is_from_server(ends: &Ends) -> bool {
    ends.source_port < ends.destination_port
}

impl Weighs for Followed {}

impl Followed {
    fn take(&mut self, row: &Row<'_>, ends: &Ends, start: Timestamp) {
        let flow = &mut self.flow;
        let end = row.end.and_then(time::epoch_seconds).unwrap_or(start);
        flow.first = flow.first.min(start);
        flow.last = flow.last.max(end);
        let add = |sum: &mut Option<u64>, more: Option<&str>| {
            if let Some(more) = more.and_then(|text| text.parse::<u64>().ok()) {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        };
        add(&mut flow.packets, row.packets);
        add(&mut flow.bytes, row.bytes);
        let flags: u8 = row.flags.and_then(|text| text.parse().ok()).unwrap_or(0);
        if flags & SYN != 0 && !self.is_known {
            self.is_known = true;
            let initiator = if flags & ACK == 0 { *ends } else { ends.turned() };
            flow.source = initiator.source;
            flow.source_port = initiator.source_port;
            flow.destination = initiator.destination;
            flow.destination_port = initiator.destination_port;
            flow.syn = true;
        }
        let is_reply = (flow.source, flow.source_port) != (ends.source, ends.source_port);
        flow.answered |= is_reply;
        let verdict = match row.action {
            Some("ACCEPT") => RecordedVerdict::Allowed,
            Some("REJECT") => RecordedVerdict::Denied,
            Some(_) | None => return,
        };
        let was = flow.recorded.as_ref().map(|recorded| recorded.verdict);
        if was != Some(RecordedVerdict::Denied) && was != Some(verdict) {
            let reason = row.reason.map(flow::words);
            flow.recorded =
                Some(Arc::new(Recorded { verdict, by: Recorder::Aws, rule: None, reason }));
        }
    }

    fn finished(mut self) -> CapturedFlow {
        let payload = flow::unknown_payload(self.flow.protocol);
        flow::complete(&mut self.flow, payload);
        self.flow
    }
}

/// A line, by its fields; what is a dash is not there.
#[derive(Clone, Copy, Debug, Default)]
struct Row<'a> {
    source: Option<&'a str>,
    destination: Option<&'a str>,
    packet_source: Option<&'a str>,
    packet_destination: Option<&'a str>,
    source_port: Option<&'a str>,
    destination_port: Option<&'a str>,
    protocol: Option<&'a str>,
    packets: Option<&'a str>,
    bytes: Option<&'a str>,
    start: Option<&'a str>,
    end: Option<&'a str>,
    action: Option<&'a str>,
    status: Option<&'a str>,
    flags: Option<&'a str>,
    reason: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn read(columns: &[String], line: &'a str) -> Row<'a> {
        let mut row = Row::default();
        for (column, value) in columns.iter().zip(line.split_ascii_whitespace()) {
            let place = match column.as_str() {
                "srcaddr" => &mut row.source,
                "dstaddr" => &mut row.destination,
                "pkt-srcaddr" => &mut row.packet_source,
                "pkt-dstaddr" => &mut row.packet_destination,
                "srcport" => &mut row.source_port,
                "dstport" => &mut row.destination_port,
                "protocol" => &mut row.protocol,
                "packets" => &mut row.packets,
                "bytes" => &mut row.bytes,
                "start" => &mut row.start,
                "end" => &mut row.end,
                "action" => &mut row.action,
                "log-status" => &mut row.status,
                "tcp-flags" => &mut row.flags,
                "reject-reason" => &mut row.reason,
                _ => continue,
            };
            *place = Some(value).filter(|value| *value != "-");
        }
        row
    }

    /// The ends of the packets; behind a NAT gateway those of its interface are others.
    fn ends(&self) -> Option<Ends> {
        let end = |packet: Option<&str>, interface: Option<&str>| -> Option<IpAddr> {
            flow::address(packet.or(interface)?)
        };
        let port = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
        Some(Ends {
            protocol: self.protocol?.parse().ok().map(IpProtocol)?,
            source: end(self.packet_source, self.source)?,
            source_port: port(self.source_port),
            destination: Some(end(self.packet_destination, self.destination)?),
            destination_port: port(self.destination_port),
        })
    }
}

//! VPC flow logs of AWS (`flow-inputs.md §9`): a line for each direction of a flow and each window of
//! time. Both directions are put together.

use std::sync::Arc;

use jiff::Timestamp;

use super::Taken;
use super::flow;
use super::flow::Ends;
use super::lines::has_fields;
use super::open::MOST_FLOWS;
use super::open::Microseconds;
use super::open::Open;
use super::open::Weighs;
use super::open::minutes;
use super::text::Field;
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
    /// The interface that told of it first: it counts, and others on the way saw the same packets.
    interface: Option<Box<str>>,
    /// Whether the direction is known, by flags of TCP.
    is_known: bool,
}

/// Whether a line names the fields of those behind it.
pub(super) fn is_header(line: &str) -> bool {
    let words = || without_ingestion(line).split_ascii_whitespace();
    words().any(|word| matches!(word, "srcaddr" | "pkt-srcaddr"))
        && words().all(|word| {
            word.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit())
        })
}

/// Whether a line is one of the default format.
pub(super) fn is_default(line: &str) -> bool {
    let fields: Vec<&str> = without_ingestion(line).split_ascii_whitespace().collect();
    let [version, account, .., action, status] = fields.as_slice() else { return false };
    fields.len() == 14
        && version.bytes().all(|byte| byte.is_ascii_digit())
        && (*account == "unknown" || account.bytes().all(|byte| byte.is_ascii_digit()))
        && matches!(*action, "ACCEPT" | "REJECT" | "-")
        && matches!(*status, "OK" | "NODATA" | "SKIPDATA")
}

/// Whether a line may be one of a format of its own, whose fields have to be named first.
pub(super) fn may_be_custom(line: &str) -> bool {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let has = |word| words.contains(&word);
    let is_of_packets = words.iter().any(|word| flow::address(word).is_some());
    is_of_packets && (has("ACCEPT") || has("REJECT")) && has("OK")
}

/// A line without the time in front of it, which CloudWatch writes there when it exports logs, and the name
/// of the stream behind that, which its command line writes.
fn without_ingestion(line: &str) -> &str {
    let rest = match line.trim_start().split_once(' ') {
        Some((first, rest)) if first.contains('T') && time::iso(first).is_some() => rest,
        Some(_) | None => return line,
    };
    match rest.split_once(' ') {
        Some((stream, rest)) if is_stream(stream) => rest,
        Some(_) | None => rest,
    }
}

/// Whether this is the name of a stream of flow logs: that of an interface, and what is logged of it.
fn is_stream(word: &str) -> bool {
    let interface = ["-all", "-accept", "-reject"].iter().find_map(|end| word.strip_suffix(end));
    interface.is_some_and(|interface| interface.starts_with("eni-"))
}

impl Aws {
    pub(super) fn new() -> Aws {
        let columns = DEFAULT.split_ascii_whitespace().map(str::to_owned).collect();
        Aws { columns, open: Open::new(MOST_FLOWS) }
    }

    /// Takes a line; `None` for one that names fields, or is empty.
    pub(super) fn line(&mut self, line: &[u8], frame: u64, sink: &mut impl Sink) -> Option<Taken> {
        let Ok(line) = str::from_utf8(line) else {
            return Some(Taken::Unreadable("it is no UTF-8".to_owned()));
        };
        if line.trim().is_empty() {
            return None;
        }
        let line = without_ingestion(line);
        if is_header(line) {
            self.columns = line.split_ascii_whitespace().map(str::to_owned).collect();
            return None;
        }
        Some(match Row::read(&self.columns, line) {
            Ok(Some(row)) => self.row(&row, frame, sink),
            Ok(None) => Taken::PassedOver,
            Err(why) => Taken::Unreadable(why),
        })
    }

    fn row(&mut self, row: &Row<'_>, frame: u64, sink: &mut impl Sink) -> Taken {
        self.open.come_to(row.start, &mut |one| sink.flow(one.finished()));
        let key = row.ends.undirected();
        if let Some(followed) = self.open.touch(&key, IDLE) {
            followed.take(row);
            return Taken::Told;
        }
        let first = if is_from_server(&row.ends) { row.ends.turned() } else { row.ends };
        let mut followed = Followed {
            flow: first.flow(row.start, frame),
            interface: row.interface.map(Box::from),
            is_known: false,
        };
        followed.take(row);
        let out = &mut |one: Followed| sink.flow(one.finished());
        Taken::told(self.open.begin(key, followed, IDLE, out))
    }

    /// Ends the log.
    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        self.open.finish(&mut |one| sink.flow(one.finished()));
    }
}

/// Whether the source has the lower port, and so is likely the server (`flow-inputs.md §11`). A log may
/// leave out those of sources.
fn is_from_server(ends: &Ends) -> bool {
    ends.source_port != 0 && ends.source_port < ends.destination_port
}

impl Weighs for Followed {}

impl Followed {
    fn take(&mut self, row: &Row<'_>) {
        let Row { ends, .. } = row;
        let flow = &mut self.flow;
        flow.first = flow.first.min(row.start);
        flow.last = flow.last.max(row.end);
        if self.interface.as_deref() == row.interface {
            let add = |sum: &mut Option<u64>, more: Option<u64>| {
                if let Some(more) = more {
                    *sum = Some(sum.unwrap_or(0).saturating_add(more));
                }
            };
            add(&mut flow.packets, row.packets);
            add(&mut flow.bytes, row.bytes);
        }
        if row.flags & SYN != 0 && !self.is_known {
            self.is_known = true;
            let initiator = if row.flags & ACK == 0 { *ends } else { ends.turned() };
            flow.source = initiator.source;
            flow.source_port = initiator.source_port;
            flow.destination = initiator.destination;
            flow.destination_port = initiator.destination_port;
            flow.syn = true;
        }
        let is_reply = (flow.source, flow.source_port) != (ends.source, ends.source_port);
        flow.answered |= is_reply;
        let Some(verdict) = row.verdict else { return };
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

/// A line that tells of a flow.
#[derive(Clone, Copy, Debug)]
struct Row<'a> {
    ends: Ends,
    start: Timestamp,
    end: Timestamp,
    interface: Option<&'a str>,
    packets: Option<u64>,
    bytes: Option<u64>,
    /// Of all packets.
    flags: u8,
    verdict: Option<RecordedVerdict>,
    reason: Option<&'a str>,
}

impl<'a> Row<'a> {
    /// Reads a line; `None` where it says that there was nothing.
    ///
    /// # Errors
    /// What is wrong with the line.
    fn read(columns: &[String], line: &'a str) -> Result<Option<Row<'a>>, String> {
        let fields = Fields::read(columns, line)?;
        let source = fields.packet_source.or(fields.source);
        let destination = fields.packet_destination.or(fields.destination);
        if fields.status.text == Some("SKIPDATA") {
            return Err("it says that flows were not recorded (`SKIPDATA`)".to_owned());
        }
        if fields.status.text == Some("NODATA")
            || source.or(destination).or(fields.protocol).text.is_none()
        {
            return Ok(None);
        }
        let start = fields.start.needed(time::epoch_seconds)?;
        let protocol = IpProtocol(fields.protocol.needed(|text| text.parse().ok())?);
        Ok(Some(Row {
            ends: Ends {
                protocol,
                source: source.needed(flow::address)?,
                source_port: fields.source_port.number()?.unwrap_or(0),
                destination: Some(destination.needed(flow::address)?),
                destination_port: flow::port(fields.destination_port, protocol)?,
            },
            start,
            end: fields.end.read(time::epoch_seconds)?.unwrap_or(start),
            interface: fields.interface.or(fields.attachment).text,
            packets: fields.packets.number()?,
            bytes: fields.bytes.number()?,
            flags: fields.flags.number()?.unwrap_or(0),
            verdict: match fields.action.text {
                Some("ACCEPT") => Some(RecordedVerdict::Allowed),
                Some("REJECT") => Some(RecordedVerdict::Denied),
                Some(_) | None => None,
            },
            reason: fields.reason.text,
        }))
    }
}

/// Declares the fields that are read, each with its name in a log.
macro_rules! fields {
    ($($field:ident $name:literal,)*) => {
        /// The fields of a line; what is a dash is not there.
        #[derive(Clone, Copy, Debug)]
        struct Fields<'a> {
            $($field: Field<'a>,)*
        }

        impl<'a> Fields<'a> {
            const NONE: Fields<'a> = Fields {
                $($field: Field::new($name, None),)*
            };

            fn named(&mut self, name: &str) -> Option<&mut Field<'a>> {
                match name {
                    $($name => Some(&mut self.$field),)*
                    _ => None,
                }
            }
        }
    };
}

fields! {
    source "srcaddr",
    destination "dstaddr",
    packet_source "pkt-srcaddr",
    packet_destination "pkt-dstaddr",
    source_port "srcport",
    destination_port "dstport",
    protocol "protocol",
    interface "interface-id",
    attachment "tgw-attachment-id",
    packets "packets",
    bytes "bytes",
    start "start",
    end "end",
    action "action",
    status "log-status",
    flags "tcp-flags",
    reason "reject-reason",
}

impl<'a> Fields<'a> {
    /// The fields of a line, which has one for each column: AWS writes a dash where there is nothing.
    fn read(columns: &[String], line: &'a str) -> Result<Fields<'a>, String> {
        let mut fields = Fields::NONE;
        let mut number = 0;
        for value in line.split_ascii_whitespace() {
            let column = columns.get(number);
            number += 1;
            if let Some(field) = column.and_then(|column| fields.named(column)) {
                field.text = Some(value).filter(|value| *value != "-");
            }
        }
        if number != columns.len() {
            return Err(has_fields(number, columns.len()));
        }
        Ok(fields)
    }
}

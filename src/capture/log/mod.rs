//! Flow logs: what others wrote down of flows, read as captures are.
//!
//! In: the bytes of a log, in pieces of any size. Out: the same flows and DNS answers that a capture
//! of the traffic would give, as far as the log knows them; [`LogFormat::caveat`] says what it does
//! not. A file per format; `objects` and `lines` cut the bytes into records, `open` holds the flows
//! that may go on.
//!
//! A record that cannot be read is counted, and so is one that tells of no flow. A log of which
//! nothing can be read is an error.

mod aws;
mod azure_flows;
mod csv;
mod dns;
mod firewall;
mod flow;
mod format;
mod hubble;
mod lines;
mod objects;
mod open;
mod sniff;
mod suricata;
mod text;
mod time;
mod tuple;
mod zeek;

#[cfg(test)]
mod tests;

pub use format::LogFormat;
pub(super) use sniff::Sniffed;
pub(super) use sniff::sniff;

use serde::Deserialize;

use super::captured::Sink;
use super::error::CaptureError;
use super::error::Damage;
use super::error::Limit;
use super::error::Summary;
use super::error::Truncation;
use aws::Aws;
use azure_flows::AzureFlows;
use azure_flows::Told;
use hubble::Hubble;
use lines::Line;
use lines::Lines;
use lines::MOST_LINE_BYTES;
use objects::Found;
use objects::Mark;
use objects::Marks;
use objects::Objects;
use suricata::Suricata;
use text::Text;
use text::fault;
use zeek::Zeek;

/// Numbers of lines that are kept of those that could not be read.
const MOST_LINES_TOLD: usize = 5;
/// Bytes kept of what is wrong with the first of them.
const MOST_WORDS: usize = 200;

/// A log whose kind is known.
#[derive(Debug)]
pub(super) struct Log {
    shape: Shape,
    readers: Box<Readers>,
    /// Bytes before the log: a byte order mark.
    before: u64,
}

/// How a log is cut into records.
#[derive(Debug)]
enum Shape {
    Json(Objects),
    Zeek(Lines, zeek::Table),
    Aws(Lines),
    Csv(Lines, csv::Table),
    /// In a form that is not read: what it is in, and what to do.
    Foreign(&'static str),
}

/// What the records of a log gave so far, by format: one file may hold several.
#[derive(Debug, Default)]
struct Readers {
    azure: Option<AzureFlows>,
    hubble: Option<Hubble>,
    zeek: Option<Zeek>,
    suricata: Option<Suricata>,
    aws: Option<Aws>,
    summary: Summary,
    /// Records that told of a flow or an answer.
    told: u64,
    /// Flows of Hubble without addresses.
    without_addresses: u64,
}

/// What became of a record.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Taken {
    /// It told of a flow, or of an answer.
    Told,
    /// It holds others, and what those told is counted.
    Counted,
    /// It is of a kind that tells of none.
    PassedOver,
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It tells of a flow without addresses.
    NoAddresses,
    /// It told of a flow, and another had to end for it.
    Over,
}

impl Taken {
    /// What became of a record that told of a flow, by whether there was room for that.
    fn told(has_room: bool) -> Taken {
        if has_room { Taken::Told } else { Taken::Over }
    }
}

impl Log {
    fn new(shape: Shape, before: u64) -> Log {
        Log { shape, readers: Box::default(), before }
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let readers = &mut *self.readers;
        match &mut self.shape {
            Shape::Json(objects) => objects.feed(bytes, &mut |found| readers.found(found, sink)),
            Shape::Zeek(lines, table) => {
                lines.feed(bytes, &mut |line| readers.table_line(line, table, sink));
            }
            Shape::Aws(lines) => lines.feed(bytes, &mut |line| readers.aws_line(line, sink)),
            Shape::Csv(lines, table) => {
                lines.feed(bytes, &mut |line| readers.csv_line(line, table, sink));
            }
            Shape::Foreign(_) => {}
        }
    }

    /// Ends the log: the flows that are still open go to `sink`.
    ///
    /// # Errors
    /// A log of which nothing can be read, or whose flows have no addresses.
    pub(super) fn finish(mut self, sink: &mut impl Sink) -> Result<Summary, CaptureError> {
        let readers = &mut *self.readers;
        match &mut self.shape {
            Shape::Json(objects) => {
                readers.summary.truncated = objects.unfinished().map(|(offset, line)| Truncation {
                    offset: self.before + offset,
                    what: Damage::CutRecord { line },
                });
            }
            Shape::Zeek(lines, table) => {
                lines.finish(&mut |line| readers.table_line(line, table, sink));
            }
            Shape::Aws(lines) => lines.finish(&mut |line| readers.aws_line(line, sink)),
            Shape::Csv(lines, table) => {
                lines.finish(&mut |line| readers.csv_line(line, table, sink));
            }
            Shape::Foreign(what) => readers.count(Taken::Unreadable((*what).to_owned()), 1),
        }
        self.readers.finish(sink)
    }
}

impl Readers {
    fn finish(mut self, sink: &mut impl Sink) -> Result<Summary, CaptureError> {
        if let Some(azure) = &mut self.azure {
            azure.finish(&mut |flow| sink.flow(flow));
        }
        if let Some(hubble) = &mut self.hubble {
            hubble.finish(sink);
        }
        if let Some(zeek) = &mut self.zeek {
            zeek.finish(sink);
        }
        if let Some(suricata) = &mut self.suricata {
            suricata.finish(sink);
        }
        if let Some(aws) = &mut self.aws {
            aws.finish(sink);
        }
        if self.told == 0 && self.without_addresses > 0 {
            return Err(CaptureError::NoAddresses { records: self.without_addresses });
        }
        let unreadable = &self.summary.unreadable;
        let nothing = self.told == 0 && self.summary.passed_over == 0;
        if let Some(Truncation { what: Damage::CutRecord { line }, .. }) = &self.summary.truncated
            && nothing
            && unreadable.records == 0
        {
            let what = "the log ends inside it".to_owned();
            return Err(CaptureError::NothingRead { records: 1, line: *line, what });
        }
        if nothing && unreadable.records > 0 {
            return Err(CaptureError::NothingRead {
                records: unreadable.records,
                line: unreadable.lines.first().copied().unwrap_or(1),
                what: unreadable.first.clone().unwrap_or_default(),
            });
        }
        Ok(self.summary)
    }

    /// Takes what was found in a stream of JSON.
    fn found(&mut self, found: Found<'_>, sink: &mut impl Sink) {
        match found {
            Found::Damaged { line, what } => {
                self.summary.frames += 1;
                self.count(Taken::Unreadable(what.to_owned()), line);
            }
            Found::Object { bytes, marks, line } => {
                self.summary.frames += 1;
                let taken = self.object(bytes, marks, line, sink);
                let taken = taken.unwrap_or_else(|error| Taken::Unreadable(fault(&error, line)));
                self.count(taken, line);
            }
        }
    }

    fn object(
        &mut self,
        bytes: &[u8],
        marks: Marks,
        line: u64,
        sink: &mut impl Sink,
    ) -> serde_json::Result<Taken> {
        let frame = self.summary.frames;
        if marks.has(Mark::FlowRecords) {
            self.saw(LogFormat::Vnet);
            let azure = self.azure.get_or_insert_with(AzureFlows::new);
            let told = azure.vnet(bytes, &mut |flow| sink.flow(flow))?;
            return Ok(self.tuples(told, line));
        }
        if marks.has(Mark::Properties) && is_of_nsg(bytes) {
            self.saw(LogFormat::Nsg);
            let azure = self.azure.get_or_insert_with(AzureFlows::new);
            let told = azure.nsg(bytes, &mut |flow| sink.flow(flow))?;
            return Ok(self.tuples(told, line));
        }
        if bytes.len() > MOST_LINE_BYTES && !marks.has(Mark::Tables) {
            return Ok(Taken::Unreadable(format!(
                "it has {} bytes, more than the {MOST_LINE_BYTES} of the longest record",
                bytes.len()
            )));
        }
        if marks.has(Mark::Tables) {
            let tables: firewall::Tables<'_> = serde_json::from_slice(bytes)?;
            self.saw(LogFormat::AzureFirewall);
            // Its rows are the records, and not the document.
            self.summary.frames -= 1;
            if let Some(lack) = tables.lack() {
                self.summary.frames += 1;
                self.count(Taken::Unreadable(lack), line);
            }
            for row in tables.rows() {
                self.summary.frames += 1;
                let taken = firewall::take(&row, self.summary.frames, sink);
                self.count(taken, line);
            }
            return Ok(Taken::Counted);
        }
        // Log Analytics has tables of such flows, with columns of its own.
        let is_bare_hubble =
            [Mark::Ip, Mark::L4, Mark::Direction].into_iter().any(|m| marks.has(m))
                && !marks.has(Mark::Generated);
        if marks.has(Mark::SourceAddress) && marks.has(Mark::EventType)
            || marks.has(Mark::EventType) && !is_bare_hubble
        {
            self.saw(LogFormat::Suricata);
            let suricata = self.suricata.get_or_insert_with(Suricata::new);
            return suricata.event(bytes, frame, sink);
        }
        if marks.has(Mark::Flow) || marks.has(Mark::NodeName) || is_bare_hubble {
            self.saw(LogFormat::Hubble);
            let hubble = self.hubble.get_or_insert_with(Hubble::new);
            return if is_bare_hubble {
                hubble.bare(bytes, frame, sink)
            } else {
                hubble.wrapped(bytes, frame, sink)
            };
        }
        if marks.has(Mark::OriginatorHost) || marks.has(Mark::ZeekTime) {
            self.saw(LogFormat::Zeek);
            let zeek = self.zeek.get_or_insert_with(Zeek::new);
            return zeek.json(bytes, frame, sink);
        }
        let of_firewall = [
            Mark::Category,
            Mark::OperationName,
            Mark::SourceIp,
            Mark::Message,
            Mark::QueryName,
            Mark::Generated,
        ];
        if of_firewall.into_iter().any(|mark| marks.has(mark)) {
            let row: firewall::Row<'_> = serde_json::from_slice(bytes)?;
            self.saw(LogFormat::AzureFirewall);
            return Ok(firewall::take(&row, frame, sink));
        }
        Ok(Taken::Unreadable("it is an object of no log that is read".to_owned()))
    }

    fn table_line(&mut self, line: Line<'_>, table: &mut zeek::Table, sink: &mut impl Sink) {
        self.saw(LogFormat::Zeek);
        let zeek = self.zeek.get_or_insert_with(Zeek::new);
        match line {
            Line::TooLong { line } => self.too_long(line),
            Line::Unclosed { line, lines } => self.unclosed(line, lines),
            Line::Text { bytes, line } => {
                if let Some(taken) = table.line(bytes, line, zeek, sink) {
                    self.summary.frames += 1;
                    self.count(taken, line);
                }
            }
        }
    }

    fn aws_line(&mut self, line: Line<'_>, sink: &mut impl Sink) {
        self.saw(LogFormat::Aws);
        let aws = self.aws.get_or_insert_with(Aws::new);
        match line {
            Line::TooLong { line } => self.too_long(line),
            Line::Unclosed { line, lines } => self.unclosed(line, lines),
            Line::Text { bytes, line } => {
                let Some(taken) = aws.line(bytes, line, sink) else { return };
                self.summary.frames += 1;
                self.count(taken, line);
            }
        }
    }

    fn csv_line(&mut self, line: Line<'_>, table: &mut csv::Table, sink: &mut impl Sink) {
        self.saw(LogFormat::AzureFirewall);
        match line {
            Line::TooLong { line } => self.too_long(line),
            Line::Unclosed { line, lines } => self.unclosed(line, lines),
            Line::Text { bytes, line } => {
                let taken = match str::from_utf8(bytes) {
                    Ok(text) => match table.line(text) {
                        Some(Ok(row)) => firewall::take(&row, line, sink),
                        Some(Err(what)) => Taken::Unreadable(what),
                        None => return,
                    },
                    Err(error) => Taken::Unreadable(format!("it is no UTF-8: {error}")),
                };
                self.summary.frames += 1;
                self.count(taken, line);
            }
        }
    }

    fn too_long(&mut self, line: u64) {
        self.summary.frames += 1;
        let what = format!("it has more than {MOST_LINE_BYTES} bytes");
        self.count(Taken::Unreadable(what), line);
    }

    fn unclosed(&mut self, line: u64, lines: u64) {
        self.summary.frames += 1;
        let read = if lines == 1 { "line was" } else { "lines were" };
        let what = format!(
            "a quotation mark that begins a field is not closed by the end of the file, or within \
             {MOST_LINE_BYTES} bytes: {lines} {read} read as that field; close it, or double the marks \
             inside fields"
        );
        self.count(Taken::Unreadable(what), line);
    }

    fn saw(&mut self, format: LogFormat) {
        self.summary.logs.insert(format);
    }

    /// Counts the tuples of a record; the record itself is none.
    fn tuples(&mut self, told: Told, line: u64) -> Taken {
        self.told += told.tuples;
        self.summary.frames += (told.tuples + told.unreadable).saturating_sub(1);
        if told.is_over {
            self.summary.limits.insert(Limit::Flows);
        }
        for _ in 1..told.unreadable {
            self.count(no_tuple(), line);
        }
        if told.unreadable > 0 { no_tuple() } else { Taken::Counted }
    }

    fn count(&mut self, taken: Taken, line: u64) {
        match taken {
            Taken::Told => self.told += 1,
            Taken::Over => {
                self.told += 1;
                self.summary.limits.insert(Limit::Flows);
            }
            Taken::Counted => {}
            Taken::PassedOver => self.summary.passed_over += 1,
            Taken::NoAddresses => {
                self.without_addresses += 1;
                self.count(Taken::Unreadable("it lacks the addresses of a flow".to_owned()), line);
            }
            Taken::Unreadable(what) => {
                let unreadable = &mut self.summary.unreadable;
                unreadable.records += 1;
                if unreadable.lines.len() < MOST_LINES_TOLD
                    && unreadable.lines.last() != Some(&line)
                {
                    unreadable.lines.push(line);
                }
                unreadable.first.get_or_insert_with(|| {
                    what.chars().filter(|c| !c.is_control()).take(MOST_WORDS).collect()
                });
            }
        }
    }
}

fn no_tuple() -> Taken {
    Taken::Unreadable("a flow tuple does not have the fields of its version".to_owned())
}

/// Whether a record with properties is one of an NSG flow log: those of a firewall have them, too.
fn is_of_nsg(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow, default)]
        category: Text<'a>,
    }
    let envelope: serde_json::Result<Envelope<'_>> = serde_json::from_slice(bytes);
    envelope.is_ok_and(|envelope| envelope.category.get() == Some("NetworkSecurityGroupFlowEvent"))
}

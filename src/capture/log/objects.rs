//! Cuts a stream of JSON into records, however it is fed: objects one after another, a line each or
//! not, in an array, or in the `records` of Azure's documents.
//!
//! Only brackets, strings and the keys of the outermost level are looked at. What is damaged ends
//! where the next record can begin: at a line that begins with a brace where none can stand.

use memchr::memchr;
use memchr::memchr3;

/// The longest record that is held: a minute of a VNet flow log with more than 200,000 flows.
pub(super) const MOST_RECORD_BYTES: usize = 16 << 20;
/// Brackets inside each other; what `serde_json` reads.
const MOST_DEPTH: u32 = 128;
/// Documents inside each other; one of Azure's examples has `records` in `records`
/// (`flow-inputs.md §5`).
const MOST_CONTAINERS: usize = 4;

/// A key at the outermost level of a record that tells formats apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(super) enum Mark {
    FlowRecords = 1,
    Properties = 1 << 1,
    Category = 1 << 2,
    Flow = 1 << 3,
    EventType = 1 << 4,
    Ip = 1 << 5,
    L4 = 1 << 6,
    Direction = 1 << 7,
    OriginatorHost = 1 << 8,
    SourceIp = 1 << 10,
    Message = 1 << 11,
    QueryName = 1 << 12,
    Tables = 1 << 13,
    SourceAddress = 1 << 14,
    NodeName = 1 << 15,
    ZeekTime = 1 << 16,
    Generated = 1 << 17,
    OperationName = 1 << 18,
}

/// The marks that a record has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Marks(u32);

impl Marks {
    pub(super) fn has(self, mark: Mark) -> bool {
        self.0 & mark as u32 != 0
    }

    fn add(&mut self, key: &[u8]) {
        let mark = match key {
            b"flowRecords" => Mark::FlowRecords,
            b"properties" => Mark::Properties,
            b"category" | b"Category" => Mark::Category,
            b"flow" => Mark::Flow,
            b"event_type" => Mark::EventType,
            b"IP" => Mark::Ip,
            b"l4" => Mark::L4,
            b"traffic_direction" | b"trafficDirection" => Mark::Direction,
            b"id.orig_h" => Mark::OriginatorHost,
            b"SourceIp" | b"SourceIP" => Mark::SourceIp,
            b"msg_s" | b"msg" | b"Msg" => Mark::Message,
            b"QueryName" => Mark::QueryName,
            b"tables" => Mark::Tables,
            b"src_ip" => Mark::SourceAddress,
            b"node_name" | b"lost_events" => Mark::NodeName,
            b"ts" => Mark::ZeekTime,
            b"TimeGenerated" => Mark::Generated,
            b"operationName" | b"OperationName" => Mark::OperationName,
            _ => return,
        };
        self.0 |= mark as u32;
    }
}

/// What is found in the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Found<'a> {
    /// A record, from brace to brace.
    Object { bytes: &'a [u8], marks: Marks, line: u64 },
    /// Something that is no record, and what is wrong with it.
    Damaged { line: u64, what: &'static str },
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Mode {
    /// Between records.
    #[default]
    Between,
    /// Inside a record.
    Inside,
    /// In a number, `null` or the like, in the place of a record.
    SkippingLiteral,
    /// In a line that is passed over.
    SkippingLine,
}

/// What becomes of the record that is being read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Fate {
    /// It is held to be given out.
    #[default]
    Held,
    /// It is what surrounds records, and not held.
    Container,
    /// It cannot be read.
    Damaged(&'static str),
}

/// Whether a byte is one of numbers, `true`, `false` and `null`.
fn is_of_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// The stream, as far as it was fed.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// The longest record that is held.
    most: usize,
    mode: Mode,
    /// The bytes of the record so far.
    held: Vec<u8>,
    fate: Fate,
    /// Open brackets of the record.
    depth: u32,
    /// Of the lowest of them: whether each is of an array.
    arrays: u128,
    /// The last byte that is no space and in no string.
    last: u8,
    in_string: bool,
    /// Whether the byte before was a backslash that stands for itself and the next.
    escaped: bool,
    /// Where in `held` the key at the outermost level begins that is being read.
    key_at: Option<usize>,
    /// Whether the last such key was `records`.
    at_records: bool,
    marks: Marks,
    /// Of the arrays around the record: whether each stands in an object.
    containers: Vec<bool>,
    lines: u64,
    begins_at_line: u64,
    offset: u64,
    begins_at: u64,
    /// Whether only spaces stand before this byte in its line.
    at_line_start: bool,
}

impl Objects {
    pub(super) fn new() -> Objects {
        Objects::with_limit(MOST_RECORD_BYTES)
    }

    /// One that holds no record of more than `most` bytes.
    pub(super) fn with_limit(most: usize) -> Objects {
        Objects { most, at_line_start: true, ..Objects::default() }
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut impl FnMut(Found<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match self.mode {
                Mode::Between => self.between(rest, out),
                Mode::SkippingLiteral => self.skip_literal(rest),
                Mode::SkippingLine => self.skip_line(rest),
                Mode::Inside if self.in_string => self.string(rest, out),
                Mode::Inside => self.inside(rest, out),
            };
            self.offset += taken as u64;
            // Where nothing is taken, the mode is another.
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Where the record begins that the stream ends in, if it does: position and line.
    pub(super) fn unfinished(&self) -> Option<(u64, u64)> {
        match self.mode {
            Mode::Inside => Some((self.begins_at, self.begins_at_line)),
            _ if self.containers.is_empty() => None,
            Mode::Between | Mode::SkippingLiteral | Mode::SkippingLine => {
                Some((self.offset, self.lines + 1))
            }
        }
    }

    fn between(&mut self, bytes: &[u8], out: &mut impl FnMut(Found<'_>)) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' => {
                    self.lines += 1;
                    self.at_line_start = true;
                }
                b' ' | b'\t' | b'\r' | b',' => {}
                b'{' => {
                    self.begin(self.offset + index as u64);
                    return index;
                }
                b'[' => {
                    self.at_line_start = false;
                    if self.containers.len() >= MOST_CONTAINERS {
                        self.containers.clear();
                    }
                    self.containers.push(false);
                }
                b']' if !self.containers.is_empty() => {
                    self.at_line_start = false;
                    if self.containers.pop() == Some(true) {
                        self.begin(self.offset + index as u64);
                        self.go_on_in_container();
                        return index + 1;
                    }
                }
                _ => {
                    let what = "expected a JSON object, found something else";
                    out(Found::Damaged { line: self.lines + 1, what });
                    let is_literal = !self.containers.is_empty() && is_of_literal(*byte);
                    self.mode = if is_literal { Mode::SkippingLiteral } else { Mode::SkippingLine };
                    return index;
                }
            }
        }
        bytes.len()
    }

    fn skip_literal(&mut self, bytes: &[u8]) -> usize {
        let length = bytes.iter().take_while(|byte| is_of_literal(**byte)).count();
        if length < bytes.len() {
            self.mode = Mode::Between;
        }
        length
    }

    fn skip_line(&mut self, bytes: &[u8]) -> usize {
        match memchr(b'\n', bytes) {
            Some(index) => {
                self.mode = Mode::Between;
                index
            }
            None => bytes.len(),
        }
    }

    /// Begins a record; its brace is still to be taken.
    fn begin(&mut self, at: u64) {
        self.mode = Mode::Inside;
        self.held.clear();
        self.fate = Fate::Held;
        self.depth = 0;
        self.arrays = 0;
        self.last = b':';
        self.in_string = false;
        self.escaped = false;
        self.key_at = None;
        self.at_records = false;
        self.marks = Marks::default();
        self.begins_at = at;
        self.begins_at_line = self.lines + 1;
    }

    /// Goes on behind the array of a container, in the object that has it.
    fn go_on_in_container(&mut self) {
        self.fate = Fate::Container;
        self.depth = 1;
        self.last = b']';
    }

    fn inside(&mut self, bytes: &[u8], out: &mut impl FnMut(Found<'_>)) -> usize {
        for (index, byte) in bytes.iter().copied().enumerate() {
            match byte {
                b' ' | b'\t' | b'\r' => continue,
                b'\n' => {
                    self.lines += 1;
                    self.at_line_start = true;
                    continue;
                }
                b'"' => {
                    self.in_string = true;
                    self.at_line_start = false;
                    if self.depth == 1 && matches!(self.last, b'{' | b',') {
                        self.hold(bytes.get(..=index).unwrap_or_default());
                        self.key_at = Some(self.held.len());
                        return index + 1;
                    }
                    self.hold(bytes.get(..=index).unwrap_or_default());
                    return index + 1;
                }
                b'{' | b'[' => {
                    if !matches!(self.last, b':' | b'[' | b',') {
                        let begins_line = self.at_line_start && byte == b'{';
                        return self.give_up(index, begins_line, out);
                    }
                    let is_container = byte == b'[' && self.depth == 1 && self.at_records;
                    if is_container && self.containers.len() < MOST_CONTAINERS {
                        self.containers.push(true);
                        self.held.clear();
                        self.mode = Mode::Between;
                        self.at_line_start = false;
                        return index + 1;
                    }
                    self.open(byte == b'[');
                }
                b'}' | b']' => {
                    if !self.close(byte == b']') {
                        return self.give_up(index, false, out);
                    }
                    if self.depth == 0 {
                        self.at_line_start = false;
                        self.hold(bytes.get(..=index).unwrap_or_default());
                        self.end(out);
                        return index + 1;
                    }
                }
                _ => {}
            }
            self.at_line_start = false;
            self.last = byte;
        }
        self.hold(bytes);
        bytes.len()
    }

    /// Takes the rest of a string.
    fn string(&mut self, bytes: &[u8], out: &mut impl FnMut(Found<'_>)) -> usize {
        if self.escaped {
            self.escaped = false;
            // A raw line feed is damage behind a backslash, too.
            if bytes.first() != Some(&b'\n') {
                self.hold(bytes.get(..1).unwrap_or_default());
                return 1;
            }
        }
        let Some(index) = memchr3(b'"', b'\\', b'\n', bytes) else {
            self.hold(bytes);
            return bytes.len();
        };
        match bytes.get(index) {
            Some(b'\n') => {
                self.give_up_with("a string is not closed in its line", out);
                index
            }
            Some(b'\\') => {
                self.escaped = true;
                self.hold(bytes.get(..=index).unwrap_or_default());
                index + 1
            }
            _ => {
                self.hold(bytes.get(..index).unwrap_or_default());
                self.in_string = false;
                self.last = b'"';
                if let Some(at) = self.key_at.take() {
                    let key = self.held.get(at..).unwrap_or_default();
                    self.at_records = key == b"records";
                    self.marks.add(key);
                }
                self.hold(b"\"");
                index + 1
            }
        }
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.fate != Fate::Held {
            return;
        }
        if self.held.len() + bytes.len() > self.most {
            self.fate = Fate::Damaged("it is longer than any record that is read");
            self.held = Vec::new();
            return;
        }
        self.held.extend_from_slice(bytes);
    }

    fn open(&mut self, array: bool) {
        if self.depth < MOST_DEPTH {
            let bit = 1 << self.depth;
            if array {
                self.arrays |= bit;
            } else {
                self.arrays &= !bit;
            }
        } else if self.fate == Fate::Held {
            self.fate = Fate::Damaged("it has more brackets inside each other than are read");
            self.held = Vec::new();
        }
        self.depth = self.depth.saturating_add(1);
    }

    /// Whether the innermost bracket is one that this closes.
    fn close(&mut self, array: bool) -> bool {
        self.depth = self.depth.saturating_sub(1);
        self.depth >= MOST_DEPTH || ((self.arrays >> self.depth) & 1 == 1) == array
    }

    fn end(&mut self, out: &mut impl FnMut(Found<'_>)) {
        self.mode = Mode::Between;
        let line = self.begins_at_line;
        match self.fate {
            Fate::Held => out(Found::Object { bytes: &self.held, marks: self.marks, line }),
            Fate::Damaged(what) => out(Found::Damaged { line, what }),
            Fate::Container => {}
        }
    }

    /// Gives up on the record at a bracket that cannot stand there. Where that begins a line it
    /// begins the next record, too.
    fn give_up(
        &mut self,
        index: usize,
        begins_line: bool,
        out: &mut impl FnMut(Found<'_>),
    ) -> usize {
        self.give_up_with("its brackets do not match", out);
        if begins_line {
            self.mode = Mode::Between;
        }
        index
    }

    fn give_up_with(&mut self, what: &'static str, out: &mut impl FnMut(Found<'_>)) {
        let what = if let Fate::Damaged(before) = self.fate { before } else { what };
        out(Found::Damaged { line: self.begins_at_line, what });
        self.mode = Mode::SkippingLine;
        self.in_string = false;
    }
}

//! Cuts a text into lines, however it is fed. A line may have quoted fields with line feeds in them.

use memchr::memchr;
use memchr::memchr2;

/// The longest line that is held; a request line of HTTP has 8 KiB, a row of a firewall's log less.
pub(super) const MOST_LINE_BYTES: usize = 1 << 20;

/// A line, or one that is too long to be held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Line<'a> {
    /// Its bytes, without the line feed, and its number.
    Text { bytes: &'a [u8], line: u64 },
    /// It is longer than [`MOST_LINE_BYTES`].
    TooLong { line: u64 },
    /// A field in quotation marks does not end, or not within [`MOST_LINE_BYTES`]; so many lines were
    /// read as part of it.
    Unclosed { line: u64, lines: u64 },
}

/// What is wrong with a line that has more or fewer fields than there are columns.
pub(super) fn has_fields(number: usize, columns: usize) -> String {
    let fields = if number == 1 { "field" } else { "fields" };
    format!("it has {number} {fields}, expected {columns}")
}

/// The text, as far as it was fed.
#[derive(Debug)]
pub(super) struct Lines {
    /// The longest line that is held.
    most: usize,
    held: Vec<u8>,
    is_too_long: bool,
    /// Whether a quotation mark begins or ends a stretch in which line feeds mean nothing.
    has_quotes: bool,
    in_quotes: bool,
    /// How much was held when a field's closing mark came: one more right behind it is a mark in the
    /// field.
    closed_at: Option<usize>,
    /// Line feeds so far.
    feeds: u64,
    begins_at_line: u64,
}

impl Lines {
    pub(super) fn new(has_quotes: bool) -> Lines {
        Lines::with_limit(has_quotes, MOST_LINE_BYTES)
    }

    /// One that holds no line of more than `most` bytes.
    pub(super) fn with_limit(has_quotes: bool, most: usize) -> Lines {
        Lines {
            most,
            held: Vec::new(),
            is_too_long: false,
            has_quotes,
            in_quotes: false,
            closed_at: None,
            feeds: 0,
            begins_at_line: 1,
        }
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut impl FnMut(Line<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let found = if self.has_quotes && !self.is_too_long {
                memchr2(b'\n', b'"', rest)
            } else {
                memchr(b'\n', rest)
            };
            let Some(index) = found else {
                self.hold(rest);
                return;
            };
            let (before, from) = rest.split_at(index);
            self.hold(before);
            if from.first() == Some(&b'"') {
                self.quotation_mark();
            } else {
                self.feeds += 1;
                if self.in_quotes && !self.is_too_long {
                    self.hold(b"\n");
                } else {
                    self.end(out);
                }
            }
            rest = from.get(1..).unwrap_or_default();
        }
    }

    /// Ends the text.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(Line<'_>)) {
        if self.in_quotes && !self.is_too_long {
            let line = self.begins_at_line;
            let is_in_next = self.held.last() != Some(&b'\n');
            let lines = (self.feeds + 1 + u64::from(is_in_next)).saturating_sub(line);
            out(Line::Unclosed { line, lines });
        } else if !self.held.is_empty() || self.is_too_long {
            self.end(out);
        }
    }

    /// Takes a quotation mark. One that stands inside a field without them is a character of it
    /// (RFC 4180 §2).
    fn quotation_mark(&mut self) {
        if self.in_quotes {
            self.in_quotes = false;
            self.hold(b"\"");
            self.closed_at = Some(self.held.len());
            return;
        }
        let is_doubled = self.closed_at == Some(self.held.len());
        self.in_quotes = is_doubled || self.is_at_field();
        self.hold(b"\"");
    }

    /// Whether the next byte begins a field; portals put a space before some.
    fn is_at_field(&self) -> bool {
        let before = self.held.iter().rfind(|byte| **byte != b' ');
        before.is_none_or(|byte| *byte == b',')
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.is_too_long {
            return;
        }
        if self.held.len() + bytes.len() > self.most {
            self.is_too_long = true;
            self.held = Vec::new();
            return;
        }
        self.held.extend_from_slice(bytes);
    }

    fn end(&mut self, out: &mut impl FnMut(Line<'_>)) {
        let line = self.begins_at_line;
        let lines = (self.feeds + 1).saturating_sub(line);
        if self.is_too_long && self.in_quotes && lines > 1 {
            out(Line::Unclosed { line, lines });
        } else if self.is_too_long {
            out(Line::TooLong { line });
        } else {
            let bytes = self.held.strip_suffix(b"\r").unwrap_or(&self.held);
            out(Line::Text { bytes, line });
        }
        self.held.clear();
        self.is_too_long = false;
        self.in_quotes = false;
        self.closed_at = None;
        self.begins_at_line = self.feeds + 1;
    }
}

//! Logs as tables: lines of columns, which a header names.

use super::Zeek;
use super::row::Row;
use crate::capture::captured::Sink;
use crate::capture::log::Taken;
use crate::capture::log::lines::has_fields;
use crate::capture::log::text::Text;
use crate::capture::log::text::fault;
use std::borrow::Cow;

/// A table: its header, as far as it was read.
#[derive(Debug)]
pub(in crate::capture::log) struct Table {
    separator: u8,
    set_separator: u8,
    empty: String,
    unset: String,
    path: Option<String>,
    columns: Vec<String>,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            separator: b'\t',
            set_separator: b',',
            empty: "(empty)".to_owned(),
            unset: "-".to_owned(),
            path: None,
            columns: Vec::new(),
        }
    }
}

impl Table {
    /// Takes a line: `None` for one of the header.
    pub(in crate::capture::log) fn line(
        &mut self,
        line: &[u8],
        frame: u64,
        zeek: &mut Zeek,
        sink: &mut impl Sink,
    ) -> Option<Taken> {
        if let Some(header) = line.strip_prefix(b"#") {
            self.header(header);
            return None;
        }
        if line.is_empty() {
            return None;
        }
        // A log as JSON was put behind one as a table.
        if line.starts_with(b"{") {
            let taken = zeek.json(line, frame, sink);
            return Some(taken.unwrap_or_else(|error| Taken::Unreadable(fault(&error, frame))));
        }
        let unreadable = |what: &str| Some(Taken::Unreadable(what.to_owned()));
        let Ok(text) = str::from_utf8(line) else { return unreadable("it is no UTF-8") };
        if self.columns.is_empty() {
            return unreadable("no line before it names the columns");
        }
        let number = text.split(char::from(self.separator)).count();
        if number != self.columns.len() {
            return Some(Taken::Unreadable(has_fields(number, self.columns.len())));
        }
        let mut row = Row::default();
        for (column, value) in self.columns.iter().zip(text.split(char::from(self.separator))) {
            if value == self.unset || value == self.empty {
                continue;
            }
            match column.as_str() {
                "answers" => row.answers = self.set(value),
                "TTLs" => row.ttls = self.set(value),
                "tunnel_parents" => row.tunnel_parents = self.set(value),
                column => row.set(column, unescaped(value)),
            }
        }
        Some(zeek.row(&row, self.path.as_deref(), frame, sink))
    }

    fn set<'a>(&self, value: &'a str) -> Vec<Text<'a>> {
        let items = value.split(char::from(self.set_separator));
        items.map(|item| Text(Some(unescaped(item)))).collect()
    }

    fn header(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        if let Some(separator) = text.strip_prefix("separator ") {
            self.separator = unescaped(separator).bytes().next().unwrap_or(b'\t');
            return;
        }
        let Some((key, value)) = text.split_once(char::from(self.separator)) else { return };
        match key {
            "set_separator" => self.set_separator = value.bytes().next().unwrap_or(b','),
            "empty_field" => value.clone_into(&mut self.empty),
            "unset_field" => value.clone_into(&mut self.unset),
            "path" => self.path = Some(value.to_owned()),
            "fields" => {
                self.columns = value.split(char::from(self.separator)).map(str::to_owned).collect();
            }
            _ => {}
        }
    }
}

/// A value with its `\xNN` undone.
fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains("\\x") {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, behind)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        let digits = behind.get(..2);
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = behind.get(2..).unwrap_or_default();
        } else {
            bytes.extend_from_slice(b"\\x");
            rest = behind;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

//! Tables with commas (RFC 4180), as the portal exports them.

use std::borrow::Cow;

use super::firewall::Column;
use super::firewall::Row;
use super::lines::has_fields;

/// The columns of a table, by its first line.
#[derive(Debug, Default)]
pub(super) struct Table {
    columns: Option<Vec<Option<Column>>>,
}

/// Whether a line names columns of a firewall's log: who asked, or the sentence of the older logs.
pub(super) fn is_header(line: &str) -> bool {
    let columns: Vec<Column> = fields(line).iter().filter_map(|name| Column::named(name)).collect();
    columns.len() >= 2
        && columns.iter().any(|column| matches!(column, Column::SourceIp | Column::Message))
}

impl Table {
    /// Takes a line; `None` for one that names columns, or is empty. An exporter that puts files
    /// together repeats the first line.
    ///
    /// # Errors
    /// A line with fewer or more fields than columns (RFC 4180 §2), as where a file was cut.
    pub(super) fn line<'a>(&mut self, line: &'a str) -> Option<Result<Row<'a>, String>> {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        if line.trim().is_empty() {
            return None;
        }
        let values = fields(line);
        let Some(columns) = self.columns.as_ref().filter(|_| !is_header(line)) else {
            self.columns = Some(values.iter().map(|name| Column::named(name)).collect());
            return None;
        };
        if values.len() != columns.len() {
            return Some(Err(has_fields(values.len(), columns.len())));
        }
        let mut row = Row::default();
        for (column, value) in columns.iter().zip(values) {
            if let Some(column) = column {
                row.set(*column, value);
            }
        }
        Some(Ok(row))
    }
}

/// The fields of a line. In quotation marks a comma is none, and two of them are one.
fn fields(line: &str) -> Vec<Cow<'_, str>> {
    let mut all = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let Some(quoted) = text.trim_start_matches(' ').strip_prefix('"') else {
            let (value, behind) = match text.split_once(',') {
                Some((value, behind)) => (value, Some(behind)),
                None => (text, None),
            };
            all.push(Cow::Borrowed(value.trim()));
            rest = behind;
            continue;
        };
        let end = closing(quoted).unwrap_or(quoted.len());
        let value = quoted.get(..end).unwrap_or_default();
        all.push(if value.contains("\"\"") {
            Cow::Owned(value.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(value)
        });
        let behind = quoted.get(end + 1..).unwrap_or_default();
        rest = behind.split_once(',').map(|(_, behind)| behind);
    }
    all
}

/// Where the quotation mark is that closes the field: the first that has none behind it.
fn closing(text: &str) -> Option<usize> {
    let mut marks = text.match_indices('"').map(|(at, _)| at);
    while let Some(at) = marks.next() {
        if text.as_bytes().get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        marks.next();
    }
    None
}

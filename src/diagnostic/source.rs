//! The files that diagnostics speak of.

use std::ops::Range;

use thiserror::Error;

use super::span::FileId;
use super::span::Span;

/// The longest source file that is read, in bytes.
///
/// An imported policy at Azure's limits (10,000 rules, 20,000 names) is about 3 MiB of text.
pub const MAX_SOURCE_BYTES: usize = 16 * 1024 * 1024;

/// Why bytes did not become a source file.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SourceError {
    /// The bytes are no UTF-8.
    #[error(
        "`{path}` is not UTF-8 text: byte {offset}, on line {line}, fits no character; save it as UTF-8"
    )]
    NotUtf8 {
        /// The file's path, as it is shown.
        path: String,
        /// Offset of the first byte that fits no character.
        offset: usize,
        /// Line of that byte, from 1.
        line: usize,
    },
    /// The file is longer than [`MAX_SOURCE_BYTES`].
    #[error(
        "`{path}` has {bytes} bytes, expected at most {MAX_SOURCE_BYTES}; split it and import the parts"
    )]
    TooLarge {
        /// The file's path, as it is shown.
        path: String,
        /// Its length in bytes.
        bytes: usize,
    },
    /// More files than a [`FileId`] can number.
    #[error("too many source files")]
    TooMany,
}

/// One file of source text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    path: String,
    text: String,
    // Invariant: sorted; the first is 0; each other is the offset after a line feed.
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// The path as it is shown: relative to the working directory, or absolute, as the user gave it;
    /// with `/` between its parts.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines on which `range` lies, and one more on either side.
    pub(super) fn lines_around(&self, range: Range<u32>) -> Lines<'_> {
        let behind = |offset: u32| self.line_starts.partition_point(|start| *start <= offset);
        let first = behind(range.start).saturating_sub(1).max(1);
        let start_of = |line: usize| {
            let start = self.line_starts.get(line.saturating_sub(1)).copied();
            start.map_or(self.text.len(), |start| start as usize)
        };
        let start = start_of(first);
        let end = start_of(behind(range.end) + 2);
        Lines { first, start, text: self.text.get(start..end).unwrap_or_default() }
    }

    /// Line and column of a byte offset; offsets past the end are taken as the end.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let line_start =
            self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0) as usize;
        let before = self.text.get(line_start..).unwrap_or_default();
        let within = (offset as usize).saturating_sub(line_start);
        let within = before.ceil_char_boundary(within.min(before.len()));
        let column = 1 + before.get(..within).unwrap_or_default().chars().count();
        Position { line, column }
    }
}

/// Whole lines of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Lines<'a> {
    /// The number of the first, from 1.
    pub(super) first: usize,
    /// The byte at which the first begins.
    pub(super) start: usize,
    /// Their text.
    pub(super) text: &'a str,
}

/// A place as people count it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// The files of one run, in the order in which they were read.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// A map without files.
    pub fn new() -> SourceMap {
        SourceMap::default()
    }

    /// Takes the bytes of a file in, as text.
    ///
    /// # Errors
    ///
    /// If the bytes are no UTF-8, or more than [`MAX_SOURCE_BYTES`].
    pub fn add_bytes(&mut self, path: &str, bytes: Vec<u8>) -> Result<FileId, SourceError> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            let valid = error.as_bytes().get(..offset).unwrap_or_default();
            let line = valid.split(|byte| *byte == b'\n').count();
            SourceError::NotUtf8 { path: path.to_owned(), offset, line }
        })?;
        self.add(path, text)
    }

    /// Takes a file in under the path it is to be shown with.
    ///
    /// # Errors
    ///
    /// If the text is longer than [`MAX_SOURCE_BYTES`].
    pub fn add(&mut self, path: &str, text: String) -> Result<FileId, SourceError> {
        if text.len() > MAX_SOURCE_BYTES {
            return Err(SourceError::TooLarge { path: path.to_owned(), bytes: text.len() });
        }
        let id = u32::try_from(self.files.len()).map_err(|_| SourceError::TooMany)?;
        if id == FileId::NONE.0 {
            return Err(SourceError::TooMany);
        }
        let after_line_feeds =
            text.match_indices('\n').filter_map(|(at, _)| u32::try_from(at + 1).ok());
        let line_starts = std::iter::once(0).chain(after_line_feeds).collect();
        self.files.push(SourceFile { path: path.to_owned(), text, line_starts });
        Ok(FileId(id))
    }

    /// The file, or nothing for [`FileId::NONE`] and the files of another map.
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// The file that was read first: the one that the others are read for.
    pub fn main(&self) -> Option<(FileId, &SourceFile)> {
        self.files.first().map(|file| (FileId(0), file))
    }

    /// The files in the order in which they were read.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    /// The text that `span` covers; empty where it stands in no file.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).and_then(|file| file.text.get(span.range())).unwrap_or_default()
    }

    /// The place of the first byte as `file:line:column`, or nothing where the span stands in no
    /// file.
    pub fn place(&self, span: Span) -> Option<String> {
        let file = self.file(span.file)?;
        let Position { line, column } = file.position(span.start);
        Some(format!("{}:{line}:{column}", file.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let mut map = SourceMap::new();
        let file = map.add("a.egress", "ä b\r\nc".to_owned()).unwrap();
        assert_eq!(map.place(Span::new(file, 3, 4)).as_deref(), Some("a.egress:1:3"));
        assert_eq!(map.place(Span::new(file, 6, 7)).as_deref(), Some("a.egress:2:1"));
        assert_eq!(map.place(Span::NONE), None);
        assert_eq!(map.text(Span::new(file, 0, 2)), "ä");
    }

    #[test]
    fn bytes_that_are_no_text_are_named_with_their_line() {
        let error = SourceMap::new().add_bytes("a.egress", b"ok\n\xff".to_vec()).unwrap_err();
        assert_eq!(error, SourceError::NotUtf8 { path: "a.egress".to_owned(), offset: 3, line: 2 });
    }
}

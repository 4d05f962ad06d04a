//! A default that was taken, as reports show it.

use serde::Serialize;

use super::finding_json::PlaceJson;
use super::finding_json::place;
use crate::diagnostic::SourceMap;
use crate::diagnostic::Span;
use crate::diagnostic::render::escape_controls;

/// A setting that a list leaves out, and the value that stands there instead.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DefaultRow {
    /// What has the setting: `subnet`, `policy`, ….
    pub of: &'static str,
    /// The name of that.
    pub name: String,
    /// The words of the language that are left out, or a rule that none of them writes.
    pub setting: String,
    /// The value, in the language's words where it has some.
    pub value: String,
    /// The sentence or part that lacks the setting.
    pub span: Span,
}

impl DefaultRow {
    /// The row on one line without its end, with nothing in it that steers a terminal.
    pub fn to_text(&self, sources: &SourceMap) -> String {
        let DefaultRow { of, name, setting, value, span } = self;
        let place = sources.file(span.file).map_or_else(String::new, |file| {
            format!("{}:{}: ", file.path(), file.position(span.start).line)
        });
        escape_controls(&format!("{place}{of} `{name}`: {setting} = {value}"))
    }
}

/// A default as JSON.
#[derive(Debug, Serialize)]
pub(super) struct DefaultJson<'a> {
    of: &'a str,
    name: &'a str,
    setting: &'a str,
    value: &'a str,
    place: Option<PlaceJson<'a>>,
}

impl<'a> DefaultJson<'a> {
    pub(super) fn new(row: &'a DefaultRow, sources: &'a SourceMap) -> DefaultJson<'a> {
        let DefaultRow { of, name, setting, value, span } = row;
        DefaultJson { of, name, setting, value, place: place(*span, "", sources) }
    }
}

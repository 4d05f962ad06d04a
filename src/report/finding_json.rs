//! A finding as JSON.

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::Label;
use crate::diagnostic::SourceMap;
use crate::diagnostic::Span;

/// A finding, with places as people count them.
#[derive(Debug, Serialize)]
pub(super) struct FindingJson<'a> {
    code: &'static str,
    name: &'static str,
    level: String,
    message: &'a str,
    place: Option<PlaceJson<'a>>,
    also: Vec<PlaceJson<'a>>,
    notes: &'a [String],
    help: Option<&'a str>,
    fix: Option<FixJson<'a>>,
}

/// A place, with what is said of it.
#[derive(Debug, Serialize)]
pub(super) struct PlaceJson<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct FixJson<'a> {
    title: &'a str,
    edits: Vec<EditJson<'a>>,
}

#[derive(Debug, Serialize)]
struct EditJson<'a> {
    place: Option<PlaceJson<'a>>,
    replacement: &'a str,
}

/// The place `span`, of which `text` is said; `None` where it stands in no text.
pub(super) fn place<'a>(
    span: Span,
    text: &'a str,
    sources: &'a SourceMap,
) -> Option<PlaceJson<'a>> {
    let file = sources.file(span.file)?;
    let (start, end) = (file.position(span.start), file.position(span.end));
    Some(PlaceJson {
        file: file.path(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        text,
    })
}

impl<'a> FindingJson<'a> {
    pub(super) fn new(found: &'a Diagnostic, sources: &'a SourceMap) -> FindingJson<'a> {
        let labelled = |label: &'a Label| place(label.span, &label.text, sources);
        FindingJson {
            code: found.code().id(),
            name: found.code().name(),
            level: found.severity().to_string(),
            message: found.headline(),
            place: found.primary().and_then(labelled),
            also: found.secondary().iter().filter_map(labelled).collect(),
            notes: found.notes(),
            help: found.help_text(),
            fix: found.fix_offered().map(|fix| FixJson {
                title: &fix.title,
                edits: fix
                    .edits
                    .iter()
                    .map(|edit| EditJson {
                        place: place(edit.span, "", sources),
                        replacement: &edit.replacement,
                    })
                    .collect(),
            }),
        }
    }
}

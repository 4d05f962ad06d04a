//! Diagnostics drawn for a terminal.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::Annotation;
use annotate_snippets::AnnotationKind;
use annotate_snippets::Group;
use annotate_snippets::Level;
use annotate_snippets::Origin;
use annotate_snippets::Patch;
use annotate_snippets::Renderer;
use annotate_snippets::Snippet;

use super::code::Severity;
use super::finding::Diagnostic;
use super::finding::Fix;
use super::finding::Label;
use super::source::Lines;
use super::source::Position;
use super::source::SourceFile;
use super::source::SourceMap;
use super::span::FileId;
use super::span::Span;

/// Whether escape sequences for colours are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Text alone, as for a file or a test.
    Plain,
    /// With colours, as for a terminal.
    Styled,
}

/// Draws one diagnostic under the lines it speaks of, ending in a line feed.
pub fn draw(diagnostic: &Diagnostic, sources: &SourceMap, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Styled => Renderer::styled(),
    };
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title =
        level.primary_title(escape_controls(diagnostic.headline())).id(diagnostic.code().id());
    let mut main = Group::with_title(title);
    main = draw_labels(main, diagnostic, sources);
    for note in diagnostic.notes() {
        main = main.element(Level::NOTE.message(escape_controls(note)));
    }
    if let Some(help) = diagnostic.help_text() {
        main = main.element(Level::HELP.message(escape_controls(help)));
    }
    let mut report = vec![main];
    if let Some(fix) = diagnostic.fix_offered() {
        report.push(patches(fix, sources));
    }
    let mut drawn = renderer.render(&report);
    drawn.push('\n');
    drawn
}

/// Makes control characters and the characters that reorder text visible, so that what a user
/// wrote cannot steer a terminal or hide a part of a message.
pub fn escape_controls(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_reordering(c) {
            // Writing to a `String` cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// The invisible characters that change the direction in which text is shown (UAX #9 §2), and
/// those that join or hide.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The most text, in bytes, that is drawn around a label. The renderer walks over all of it, and a
/// generated file may be a single line of megabytes.
const MAX_DRAWN_BYTES: usize = 32 * 1024;

/// Adds to `group` what `diagnostic` points at: one snippet for each file a label stands in, the
/// primary's file first. Labels that are far from each other are drawn apart, and of a line that is
/// too long the place alone is shown.
fn draw_labels<'a>(
    mut group: Group<'a>,
    diagnostic: &'a Diagnostic,
    sources: &'a SourceMap,
) -> Group<'a> {
    let primary = diagnostic.primary().map(|label| (AnnotationKind::Primary, label));
    let secondary = diagnostic.secondary().iter().map(|label| (AnnotationKind::Context, label));
    let labels: Vec<(AnnotationKind, &Label)> = primary.into_iter().chain(secondary).collect();
    let mut files: Vec<FileId> = Vec::new();
    for (_, label) in &labels {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    for id in files {
        let Some(file) = sources.file(id) else { continue };
        let here = labels.iter().filter(|(_, label)| label.span.file == id);
        let together: Vec<&(AnnotationKind, &Label)> = here.collect();
        if let Some(snippet) = snippet(file, &together) {
            group = group.element(snippet);
            continue;
        }
        for one in together {
            group = match snippet(file, &[one]) {
                Some(snippet) => group.element(snippet),
                None => place_alone(group, file, one.1),
            };
        }
    }
    group
}

/// The lines of `labels`, with the labels under them, unless they are too long.
fn snippet<'a>(
    file: &'a SourceFile,
    labels: &[&(AnnotationKind, &'a Label)],
) -> Option<Snippet<'a, Annotation<'a>>> {
    let (mut snippet, start) = opened(file, labels.iter().map(|(_, label)| label.span))?;
    for (kind, label) in labels {
        let mut annotation = kind.span(within(label.span, start));
        if !label.text.is_empty() {
            annotation = annotation.label(escape_controls(&label.text));
        }
        snippet = snippet.annotation(annotation);
    }
    Some(snippet)
}

/// Where `label` stands, and its text, without the line.
fn place_alone<'a>(group: Group<'a>, file: &'a SourceFile, label: &'a Label) -> Group<'a> {
    let Position { line, column } = file.position(label.span.start);
    let origin = Origin::path(escape_controls(file.path())).line(line).char_column(column);
    let text = escape_controls(&label.text);
    group
        .element(origin)
        .element(Level::NOTE.message(format!("{text} (the line is too long to be drawn)")))
}

/// The lines before and after the change.
fn patches<'a>(fix: &'a Fix, sources: &'a SourceMap) -> Group<'a> {
    let mut group = Group::with_title(Level::HELP.secondary_title(escape_controls(&fix.title)));
    let mut files: Vec<FileId> = fix.edits.iter().map(|edit| edit.span.file).collect();
    files.dedup();
    for id in files {
        let Some(file) = sources.file(id) else { continue };
        let edits = fix.edits.iter().filter(|edit| edit.span.file == id);
        let Some((snippet, start)) = opened(file, edits.clone().map(|edit| edit.span)) else {
            continue;
        };
        let patches =
            edits.map(|edit| Patch::new(within(edit.span, start), edit.replacement.as_str()));
        group = group.element(snippet.patches(patches));
    }
    group
}

/// A snippet of the lines of `file` on which `spans` lie, and the byte at which they begin; nothing
/// where these are more than [`MAX_DRAWN_BYTES`].
fn opened<T: Clone>(
    file: &SourceFile,
    spans: impl Iterator<Item = Span>,
) -> Option<(Snippet<'_, T>, usize)> {
    let range = spans
        .map(|span| span.start..span.end)
        .reduce(|all, more| all.start.min(more.start)..all.end.max(more.end))?;
    let Lines { first, start, text } = file.lines_around(range);
    if text.len() > MAX_DRAWN_BYTES {
        return None;
    }
    let snippet = Snippet::source(text).line_start(first).path(escape_controls(file.path()));
    Some((snippet, start))
}

/// `span` in a text that begins at `start`.
fn within(span: Span, start: usize) -> Range<usize> {
    let Range { start: from, end: to } = span.range();
    from.saturating_sub(start)..to.saturating_sub(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::diagnostic::Code;
    use crate::diagnostic::Edit;
    use crate::diagnostic::Span;

    #[test]
    fn what_steers_a_terminal_is_made_visible() {
        assert_eq!(escape_controls("a\u{1b}[31m\u{202e}b\n"), "a\\u{1b}[31m\\u{202e}b\\u{a}");
        assert_eq!(escape_controls("bücher.example"), "bücher.example");
    }

    #[test]
    fn a_finding_is_drawn_with_its_parties_in_two_files_and_its_edit() {
        let mut map = SourceMap::new();
        let here = map.add("here.egress", "allow a\n".to_owned()).unwrap();
        let there = map.add("there.egress", "names a\n".to_owned()).unwrap();
        let found = Diagnostic::new(Code::UNEXPECTED, "one\u{7}")
            .at(Span::new(here, 6, 7), "two")
            .also(Span::new(there, 6, 7), "three")
            .note("four")
            .help("five")
            .fix("six", vec![Edit::replace(Span::new(here, 6, 7), "b")]);
        let drawn = draw(&found, &map, Style::Plain);
        assert!(drawn.starts_with("error[E0101]: one\\u{7}\n"), "{drawn}");
        for part in [
            "here.egress:1:7",
            "two",
            "there.egress:1:7",
            "three",
            "four",
            "five",
            "six",
            "+ allow b",
        ] {
            assert!(drawn.contains(part), "{part:?} is not in\n{drawn}");
        }
        assert!(draw(&found, &map, Style::Styled).contains("\u{1b}["));
    }

    #[test]
    fn of_a_line_of_megabytes_the_place_alone_is_drawn() {
        let mut map = SourceMap::new();
        let line = "ä".repeat(1_000_000);
        let file = map.add("long.egress", format!("{line}!\n{line}\nshort\n")).unwrap();
        let found = Diagnostic::new(Code::UNEXPECTED, "one")
            .at(Span::new(file, 2_000_000, 2_000_001), "two")
            .also(Span::new(file, 4_000_003, 4_000_008), "three")
            .fix("six", vec![Edit::replace(Span::new(file, 2_000_000, 2_000_001), "b")]);
        let drawn = draw(&found, &map, Style::Plain);
        assert!(drawn.len() < 1_000, "{} bytes", drawn.len());
        for part in ["long.egress:1:1000001", "two", "three", "six"] {
            assert!(drawn.contains(part), "{part:?} is not in\n{drawn}");
        }
    }

    #[test]
    fn labels_that_are_far_apart_are_drawn_apart() {
        let mut map = SourceMap::new();
        let file = map.add("a.egress", format!("first\n{}last\n", "between\n".repeat(10_000)));
        let (file, last) = (file.unwrap(), 6 + 80_000);
        let found = Diagnostic::new(Code::UNEXPECTED, "one")
            .at(Span::new(file, 0, 5), "two")
            .also(Span::new(file, last, last + 4), "three");
        let drawn = draw(&found, &map, Style::Plain);
        for part in ["a.egress:1:1", "two", "a.egress:10002:1", "three"] {
            assert!(drawn.contains(part), "{part:?} is not in\n{drawn}");
        }
    }

    #[test]
    fn a_finding_without_a_place_is_its_headline() {
        let found = Diagnostic::new(Code::UNEXPECTED, "one");
        assert_eq!(draw(&found, &SourceMap::new(), Style::Plain), "error[E0101]: one\n");
    }
}

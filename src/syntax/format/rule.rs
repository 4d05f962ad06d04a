//! Sentences with sources, destinations and services, and their clauses.

use crate::diagnostic::Span;
use crate::diagnostic::Spanned;

use super::super::ast::Clauses;
use super::super::ast::Operand;
use super::super::ast::Service;
use super::super::ast::Set;
use super::super::trivia::Comment;
use super::block::first_end;
use super::block::tall_set;
use super::flat::Flat;
use super::page::Page;

/// `opening sources -> destinations : services`, on one line or broken at its lists.
pub(super) fn sentence(
    page: &mut Page<'_>,
    opening: &str,
    sources: &Spanned<Set<Operand>>,
    destinations: &Spanned<Set<Operand>>,
    services: &Spanned<Set<Service>>,
) {
    // A comment before the first element of a list moves above the sentence, so that only those
    // between elements decide how it is broken, and formatting twice is formatting once.
    let among_sources = page.has_comment_in(first_end(sources), sources.span.end);
    let above = if among_sources { first_end(sources) } else { first_end(destinations) };
    page.comments_before(above);
    let end = services.span.end;
    let among_destinations = page.has_comment_in(first_end(destinations), end);
    let from = format!("{opening} {} ->", sources.flat());
    let line = format!("{from} {} : {}", destinations.flat(), services.flat());
    if !among_sources && !among_destinations && page.fits(&line) {
        page.line(&line);
    } else {
        let tall_sources = among_sources || !page.fits(&from);
        page.line(if tall_sources { opening } else { &from });
        page.indented(|page| {
            page.indented(|page| {
                if tall_sources {
                    tall_set(page, sources);
                    page.line("->");
                }
                tall_set(page, destinations);
                page.comments_before(end);
                page.line(&format!(": {}", services.flat()));
            });
        });
    }
    page.comment_behind(end);
}

/// A clause, and the comments that go with it.
struct Line<'a> {
    span: Span,
    text: String,
    before: Vec<&'a Comment>,
    behind: Vec<&'a Comment>,
}

/// The clauses in their order: those that say why, who and how long on one line where that fits.
pub(super) fn clauses(page: &mut Page<'_>, clauses: &Clauses) {
    let Clauses { because, owner, ticket, expires, by_address, accept_undetermined } = clauses;
    let mut short: Vec<Line<'_>> = Vec::new();
    short.extend(because.as_ref().map(|clause| new_line("because", clause)));
    short.extend(owner.as_ref().map(|clause| new_line("owner", clause)));
    short.extend(ticket.as_ref().map(|clause| new_line("ticket", clause)));
    short.extend(expires.as_ref().map(|clause| new_line("expires", clause)));
    let mut long: Vec<Line<'_>> = Vec::new();
    long.extend(by_address.as_ref().map(|clause| new_line("by address because", clause)));
    let accept = "accept undetermined because";
    long.extend(accept_undetermined.as_ref().map(|clause| new_line(accept, clause)));

    // Comments are taken in the order of the text, and written in the order of the clauses.
    let mut in_text_order: Vec<&mut Line<'_>> = short.iter_mut().chain(&mut long).collect();
    in_text_order.sort_by_key(|line| line.span.start);
    for line in in_text_order {
        line.before = page.take_before(line.span.end);
        line.behind = page.take_behind(line.span.end);
    }

    page.indented(|page| {
        if let Some(joined) = joined(&short).filter(|joined| page.fits(joined)) {
            page.line(&joined);
            for comment in short.iter().flat_map(|line| &line.behind) {
                page.append(comment);
            }
        } else {
            for line in &short {
                write(page, line);
            }
        }
        for line in &long {
            write(page, line);
        }
    });
}

fn new_line<'a, T: Flat>(word: &str, clause: &Spanned<T>) -> Line<'a> {
    let text = format!("{word} {}", clause.flat());
    Line { span: clause.span, text, before: Vec::new(), behind: Vec::new() }
}

/// The clauses on one line, unless there are none or a comment would lose its place.
fn joined(lines: &[Line<'_>]) -> Option<String> {
    let (last, others) = lines.split_last()?;
    let bare = |line: &Line<'_>| line.before.is_empty() && line.behind.is_empty();
    if !last.before.is_empty() || !others.iter().all(bare) {
        return None;
    }
    Some(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("  "))
}

fn write(page: &mut Page<'_>, line: &Line<'_>) {
    for comment in &line.before {
        page.comment_line(comment);
    }
    page.line(&line.text);
    for comment in &line.behind {
        page.append(comment);
    }
}

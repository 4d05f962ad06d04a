//! Blocks and broken lists.

use crate::diagnostic::Span;
use crate::diagnostic::Spanned;

use super::super::ast::Set;
use super::flat;
use super::flat::Flat;
use super::flat::inner;
use super::page::Page;

/// How a block is laid out.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Layout {
    /// On one line where it fits; without braces where it is empty.
    Leaf,
    /// On one line where it fits; with braces where it is empty.
    BracedLeaf,
    /// A line for each member; with braces where it is empty.
    Tall,
    /// A line for each member; without braces where it is empty.
    TallOrNone,
}

/// The members of a block, collected in the order of the tree.
#[derive(Default)]
pub(super) struct Members<'a> {
    members: Vec<(Span, Body<'a>)>,
}

/// How a member is written.
enum Body<'a> {
    /// On one line.
    Line(String),
    /// As a block within the block.
    Block { heading: String, members: Members<'a>, layout: Layout },
    /// By a function of its own, which writes its comments too.
    Own(Box<dyn FnOnce(&mut Page<'_>) + 'a>),
}

impl<'a> Members<'a> {
    /// A setting that is given at most once: its word and value.
    pub(super) fn setting<T: Flat>(&mut self, word: &str, value: Option<&Spanned<T>>) {
        if let Some(value) = value {
            self.line(value.span, format!("{word} {}", value.flat()));
        }
    }

    /// A setting that is a list.
    pub(super) fn list<T: Flat>(&mut self, word: &str, values: &[Spanned<T>]) {
        if let (Some(first), Some(last)) = (values.first(), values.last()) {
            self.line(first.span.to(last.span), format!("{word} {}", flat::list(values)));
        }
    }

    /// A member on one line.
    pub(super) fn line(&mut self, span: Span, text: String) {
        self.members.push((span, Body::Line(text)));
    }

    /// A block within the block.
    pub(super) fn block(
        &mut self,
        span: Span,
        heading: String,
        inner: Members<'a>,
        layout: Layout,
    ) {
        self.members.push((span, Body::Block { heading, members: inner, layout }));
    }

    /// A member that writes itself.
    pub(super) fn own(&mut self, span: Span, write: impl FnOnce(&mut Page<'_>) + 'a) {
        self.members.push((span, Body::Own(Box::new(write))));
    }

    /// The block on one line, if each member has one.
    fn one_line(&self, heading: &str) -> Option<String> {
        let mut texts = Vec::new();
        for (_, body) in &self.members {
            match body {
                Body::Line(text) => texts.push(text.as_str()),
                Body::Block { .. } | Body::Own(_) => return None,
            }
        }
        Some(format!("{heading} {{ {} }}", texts.join("  ")))
    }
}

/// A heading and its members, in the order of the text; those that stand in no text keep the order
/// of the tree.
pub(super) fn block(
    page: &mut Page<'_>,
    span: Span,
    heading: &str,
    mut members: Members<'_>,
    layout: Layout,
) {
    if members.members.is_empty() {
        match layout {
            Layout::Leaf | Layout::TallOrNone => page.solid(span, heading),
            Layout::BracedLeaf | Layout::Tall => page.solid(span, &format!("{heading} {{ }}")),
        }
        return;
    }
    members.members.sort_by_key(|(span, _)| span.start);
    page.comments_before(span.start);
    let short = match layout {
        Layout::Leaf | Layout::BracedLeaf => members.one_line(heading),
        Layout::Tall | Layout::TallOrNone => None,
    };
    match short {
        Some(line) if page.fits(&line) && !page.has_comment_within(span) => page.line(&line),
        _ => {
            page.line(&format!("{heading} {{"));
            page.indented(|page| {
                for (span, body) in members.members {
                    member(page, span, body);
                }
                page.comments_before(span.end);
            });
            page.line("}");
        }
    }
    page.comment_behind(span.end);
}

fn member(page: &mut Page<'_>, span: Span, body: Body<'_>) {
    match body {
        Body::Line(line) => page.solid(span, &line),
        Body::Block { heading, members, layout } => block(page, span, &heading, members, layout),
        Body::Own(write) => write(page),
    }
}

/// Where the first element of a set ends. Comments before that stand above the sentence.
pub(super) fn first_end<T: Flat>(set: &Spanned<Set<T>>) -> u32 {
    elements(set).first().map_or(set.span.end, |(_, span)| span.end)
}

/// A set with a line for each element.
pub(super) fn tall_set<T: Flat>(page: &mut Page<'_>, set: &Spanned<Set<T>>) {
    for (line, span) in elements(set) {
        page.solid(span, &line);
    }
}

/// The elements of the list a set begins with, and what follows it: each with the text it is
/// written with, and its place.
fn elements<T: Flat>(set: &Spanned<Set<T>>) -> Vec<(String, Span)> {
    match &set.node {
        Set::One(operand) => vec![(operand.flat(), set.span)],
        Set::Union(parts) => {
            let last = parts.len().saturating_sub(1);
            let comma = |at| if at == last { "" } else { "," };
            let line = |(at, one)| (format!("{}{}", inner(one), comma(at)), one.span);
            parts.iter().enumerate().map(line).collect()
        }
        Set::Intersection(parts) => {
            let and = |at| if at == 0 { "" } else { "and " };
            let line = |(at, one)| (format!("{}{}", and(at), inner(one)), one.span);
            parts.iter().enumerate().map(line).collect()
        }
        Set::Except { base, without } => {
            let mut lines = match &base.node {
                Set::Except { .. } => vec![(inner(base), base.span)],
                Set::One(_) | Set::Union(_) | Set::Intersection(_) => elements(base),
            };
            let except = without.iter().map(|set| (format!("except {}", inner(set)), set.span));
            lines.extend(except);
            lines
        }
    }
}

//! Lines, their indentation, and the comments that stand between them.

use crate::diagnostic::Span;

use super::super::trivia::Comment;
use super::super::trivia::Comments;
use super::super::trivia::Place;

/// The longest line that is not broken, in characters.
const WIDTH: usize = 100;

/// The text that is written, and the comments that are not yet.
///
/// Nodes are written in the order of the source, so the comments are a queue: each node takes those
/// that stand before its end.
pub(super) struct Page<'a> {
    text: String,
    level: usize,
    comments: Vec<&'a Comment>,
    next: usize,
    // Written before the next line that is no comment.
    description: Vec<String>,
}

impl<'a> Page<'a> {
    pub(super) fn new(comments: &'a Comments) -> Page<'a> {
        Page {
            text: String::new(),
            level: 0,
            comments: comments.iter().collect(),
            next: 0,
            description: Vec::new(),
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Puts these lines of `///` before the next line. Comments that stand above that line stand
    /// above its description too.
    pub(super) fn describe<'d>(&mut self, docs: impl Iterator<Item = &'d str>) {
        let line = |doc: &str| if doc.is_empty() { "///".to_owned() } else { format!("/// {doc}") };
        self.description = docs.map(line).collect();
    }

    /// A line at the present level.
    pub(super) fn line(&mut self, line: &str) {
        for doc in std::mem::take(&mut self.description) {
            self.write(&doc);
        }
        self.write(line);
    }

    fn write(&mut self, line: &str) {
        for _ in 0..self.level {
            self.text.push_str("  ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// What `inner` writes, one level deeper.
    pub(super) fn indented(&mut self, inner: impl FnOnce(&mut Page<'a>)) {
        self.level += 1;
        inner(self);
        self.level -= 1;
    }

    /// How many bytes are written.
    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    /// How many lines were begun since `start`.
    pub(super) fn lines_since(&self, start: usize) -> usize {
        self.text.get(start..).unwrap_or_default().lines().count()
    }

    /// An empty line before what was written since `start`.
    pub(super) fn blank_at(&mut self, start: usize) {
        self.text.insert(start, '\n');
    }

    /// Whether `line` fits at the present level.
    pub(super) fn fits(&self, line: &str) -> bool {
        2 * self.level + line.chars().count() <= WIDTH
    }

    /// Writes the comments that stand before `end`, each on a line of its own.
    pub(super) fn comments_before(&mut self, end: u32) {
        for comment in self.take_before(end) {
            self.comment_line(comment);
        }
    }

    /// Writes one comment on a line of its own.
    pub(super) fn comment_line(&mut self, comment: &Comment) {
        self.write(&format!("//{}", comment.text));
        if comment.blank_after {
            self.text.push('\n');
        }
    }

    /// Puts the comment that stands behind `end` behind the last line.
    pub(super) fn comment_behind(&mut self, end: u32) {
        for comment in self.take_behind(end) {
            self.append(comment);
        }
    }

    /// Puts a comment behind the last line.
    pub(super) fn append(&mut self, comment: &Comment) {
        self.text.truncate(self.text.trim_end_matches('\n').len());
        self.text.push_str("  //");
        self.text.push_str(&comment.text);
        self.text.push('\n');
    }

    /// Takes the comments before `end` out of the queue.
    pub(super) fn take_before(&mut self, end: u32) -> Vec<&'a Comment> {
        self.take_while(|comment| comment.span.start < end)
    }

    /// Takes the comment behind `end` out of the queue.
    pub(super) fn take_behind(&mut self, end: u32) -> Vec<&'a Comment> {
        self.take_while(|comment| comment.place == Place::Behind(end))
    }

    fn take_while(&mut self, wanted: impl Fn(&Comment) -> bool) -> Vec<&'a Comment> {
        let waiting = self.comments.get(self.next..).unwrap_or_default();
        let taken: Vec<&Comment> =
            waiting.iter().copied().take_while(|comment| wanted(comment)).collect();
        self.next += taken.len();
        taken
    }

    /// Whether a comment that is not yet written begins in `start..end`.
    pub(super) fn has_comment_in(&self, start: u32, end: u32) -> bool {
        let waiting = self.comments.get(self.next..).unwrap_or_default();
        let mut before_end = waiting.iter().take_while(|comment| comment.span.start < end);
        before_end.any(|comment| comment.span.start >= start)
    }

    /// Whether a comment that is not yet written begins in `span`.
    pub(super) fn has_comment_within(&self, span: Span) -> bool {
        self.has_comment_in(span.start, span.end)
    }

    /// A sentence on one line, with the comments before and behind it.
    pub(super) fn solid(&mut self, span: Span, line: &str) {
        self.comments_before(span.end);
        self.line(line);
        self.comment_behind(span.end);
    }
}

//! What a production is given, and how it fails.

use std::cell::Cell;
use std::cell::RefCell;

use nom::Err;
use nom::IResult;
use nom::error::ErrorKind;
use nom::error::ParseError;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::FileId;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;

use super::super::lexer::Token;
use super::super::lexer::TokenKind;

/// How deeply blocks and parentheses may lie in one another. Productions call themselves, so this
/// bounds the stack.
const MAX_NESTING: usize = 64;

/// How many mistakes of one file are reported.
const MAX_FINDINGS: usize = 100;

/// The answer of a production: what is left, and what it read.
pub(super) type Parsed<'s, T> = IResult<Tokens<'s>, T, Reject>;

/// What is kept while one file is read.
pub(super) struct Session {
    file: FileId,
    end: usize,
    findings: RefCell<Vec<Diagnostic>>,
    // After this is set, no token is left to any production: `Tokens::first` answers nothing.
    stopped: Cell<bool>,
    depth: Cell<usize>,
}

impl Session {
    pub(super) fn new(file: FileId, text: &str) -> Session {
        Session {
            file,
            end: text.trim_end().len(),
            findings: RefCell::new(Vec::new()),
            stopped: Cell::new(false),
            depth: Cell::new(0),
        }
    }

    /// Records a mistake; the one too many ends the reading.
    pub(super) fn report(&self, found: Diagnostic) {
        let mut findings = self.findings.borrow_mut();
        if findings.len() < MAX_FINDINGS {
            findings.push(found);
        } else if !self.stopped.get() {
            self.stopped.set(true);
            let at = found.primary().map_or(Span::NONE, |label| label.span);
            findings.push(
                Diagnostic::new(
                    Code::TOO_MANY_FINDINGS,
                    format!("more than {MAX_FINDINGS} mistakes"),
                )
                .at(at, "the file is not read beyond here")
                .help("mend those above first"),
            );
        }
    }

    /// Records a mistake after which nothing that follows can be trusted.
    pub(super) fn stop(&self, found: Diagnostic) {
        if !self.stopped.get() {
            self.report(found);
            self.stopped.set(true);
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    pub(super) fn has_findings(&self) -> bool {
        !self.findings.borrow().is_empty()
    }

    /// The mistakes in the order of the text.
    pub(super) fn into_findings(self) -> Vec<Diagnostic> {
        let mut findings = self.findings.into_inner();
        findings.sort_by_key(Diagnostic::reading_order);
        findings
    }
}

/// The tokens that are not read yet, and the session.
#[derive(Clone, Copy)]
pub(super) struct Tokens<'s> {
    all: &'s [Token<'s>],
    at: usize,
    pub(super) session: &'s Session,
}

impl<'s> Tokens<'s> {
    pub(super) fn new(all: &'s [Token<'s>], session: &'s Session) -> Tokens<'s> {
        Tokens { all, at: 0, session }
    }

    /// The next token; nothing at the end of the file.
    pub(super) fn first(self) -> Option<&'s Token<'s>> {
        self.ahead(0)
    }

    /// The token `count` after the next.
    pub(super) fn ahead(self, count: usize) -> Option<&'s Token<'s>> {
        if self.session.is_stopped() { None } else { self.all.get(self.at + count) }
    }

    /// Without the next `count` tokens.
    pub(super) fn skip(self, count: usize) -> Tokens<'s> {
        Tokens { at: (self.at + count).min(self.all.len()), ..self }
    }

    /// Whether the next token is of this kind.
    pub(super) fn is(self, kind: TokenKind) -> bool {
        self.first().is_some_and(|token| token.kind == kind)
    }

    /// Whether the next token is this word.
    pub(super) fn is_word(self, word: &str) -> bool {
        self.first().is_some_and(|token| token.kind == TokenKind::Word && token.text == word)
    }

    /// Whether the token `count` after the next is of this kind and touches the one before it.
    pub(super) fn touches(self, count: usize, kind: TokenKind) -> bool {
        let before = count.checked_sub(1).and_then(|before| self.ahead(before));
        match (before, self.ahead(count)) {
            (Some(before), Some(token)) => {
                token.kind == kind && token.span.start == before.span.end
            }
            _ => false,
        }
    }

    /// Where the next token stands, or the end of the file.
    pub(super) fn here(self) -> Span {
        match self.first() {
            Some(token) => token.span,
            None => Span::new(self.session.file, self.session.end, self.session.end),
        }
    }

    /// The place behind the last token that was read.
    pub(super) fn behind(self) -> Span {
        match self.at.checked_sub(1).and_then(|last| self.all.get(last)) {
            Some(token) => token.span.after(),
            None => Span::new(self.session.file, 0, 0),
        }
    }

    /// From the next token to the last one that was read when only `rest` was left.
    pub(super) fn until(self, rest: Tokens<'s>) -> Span {
        if rest.at > self.at { self.here().to(rest.behind()) } else { self.here().before() }
    }

    /// How many tokens were read before this one.
    pub(super) fn position(self) -> usize {
        self.at
    }

    /// The next token as it is named in a message.
    pub(super) fn found(self) -> String {
        match self.first() {
            None => "the end of the file".to_owned(),
            Some(token) => match token.kind {
                TokenKind::Quoted | TokenKind::Unclosed => "a quoted text".to_owned(),
                TokenKind::Doc => "a `///` comment".to_owned(),
                _ => format!("`{}`", shortened(token.text)),
            },
        }
    }

    /// Runs `inner` one level deeper.
    pub(super) fn nested<T>(
        self,
        inner: impl FnOnce(Tokens<'s>) -> Parsed<'s, T>,
    ) -> Parsed<'s, T> {
        let depth = self.session.depth.get();
        if depth >= MAX_NESTING {
            let found = Diagnostic::new(
                Code::NESTED_TOO_DEEPLY,
                format!("expected at most {MAX_NESTING} blocks and parentheses in one another"),
            )
            .at(self.here(), "one too many")
            .help("give the inner parts a name of their own");
            self.session.stop(found);
            return Err(Err::Failure(Reject::reported(self)));
        }
        self.session.depth.set(depth + 1);
        let answer = inner(self);
        self.session.depth.set(depth);
        answer
    }
}

/// The longest piece of the user's text that a message repeats, in characters.
const LONGEST_QUOTE: usize = 60;

/// `text`, or its beginning and an ellipsis.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Why a production did not fit.
#[derive(Debug)]
pub(super) struct Reject {
    /// How many tokens had been read.
    at: usize,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// One of these would have fitted.
    Expected(Vec<&'static str>),
    /// This mistake was recognised.
    Found(Box<Diagnostic>),
    /// The mistake is reported already.
    Reported,
}

impl Reject {
    /// Something else was expected here.
    pub(super) fn expected(at: Tokens<'_>, wanted: &'static str) -> Reject {
        Reject { at: at.at, why: Why::Expected(vec![wanted]) }
    }

    /// A mistake that has a message of its own.
    pub(super) fn found(at: Tokens<'_>, found: Diagnostic) -> Reject {
        Reject { at: at.at, why: Why::Found(Box::new(found)) }
    }

    /// A mistake that is reported already.
    pub(super) fn reported(at: Tokens<'_>) -> Reject {
        Reject { at: at.at, why: Why::Reported }
    }

    /// How many tokens had been read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Records the mistake; `input` is where the production began.
    pub(super) fn report(self, input: Tokens<'_>) {
        let here = Tokens { at: self.at, ..input };
        match self.why {
            Why::Reported => {}
            Why::Found(found) => input.session.report(*found),
            Why::Expected(wanted) => input.session.report(unexpected(here, &wanted)),
        }
    }
}

/// `expected a, b or c, found d`.
fn unexpected(here: Tokens<'_>, wanted: &[&'static str]) -> Diagnostic {
    if let Some(token) = here.first()
        && token.kind == TokenKind::Unclosed
    {
        return super::text::unclosed(token);
    }
    let mut unique: Vec<&str> = Vec::new();
    for word in wanted {
        if !unique.contains(word) {
            unique.push(word);
        }
    }
    let list = match unique.as_slice() {
        [] => "something else".to_owned(),
        [only] => (*only).to_owned(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    };
    let (span, label) = match here.first() {
        Some(token) if !token.starts_line => (token.span, format!("expected {list}")),
        // The mistake is seen at the start of a line, but made at the end of the line before.
        _ => (here.behind(), format!("expected {list} after this")),
    };
    Diagnostic::new(Code::UNEXPECTED, format!("expected {list}, found {}", here.found()))
        .at(span, label)
}

impl<'s> ParseError<Tokens<'s>> for Reject {
    fn from_error_kind(input: Tokens<'s>, _: ErrorKind) -> Reject {
        Reject { at: input.at, why: Why::Expected(Vec::new()) }
    }

    fn append(_: Tokens<'s>, _: ErrorKind, other: Reject) -> Reject {
        other
    }

    /// The production that got further knows better what was meant.
    fn or(self, other: Reject) -> Reject {
        match (self.at.cmp(&other.at), self.why, other.why) {
            (std::cmp::Ordering::Less, _, why) => Reject { at: other.at, why },
            (std::cmp::Ordering::Equal, Why::Expected(mut wanted), Why::Expected(more)) => {
                wanted.extend(more);
                Reject { at: self.at, why: Why::Expected(wanted) }
            }
            (_, why, _) => Reject { at: self.at, why },
        }
    }
}

/// Fails softly: another production may fit.
pub(super) fn mismatch<'s, T>(at: Tokens<'s>, wanted: &'static str) -> Parsed<'s, T> {
    Err(Err::Error(Reject::expected(at, wanted)))
}

/// Fails with a mistake that has a message of its own.
pub(super) fn fail<T>(at: Tokens<'_>, found: Diagnostic) -> Parsed<'_, T> {
    Err(Err::Failure(Reject::found(at, found)))
}

/// What `parser` reads, with its place.
pub(super) fn spanned<'s, T>(
    mut parser: impl FnMut(Tokens<'s>) -> Parsed<'s, T>,
) -> impl FnMut(Tokens<'s>) -> Parsed<'s, Spanned<T>> {
    move |input| {
        let (rest, node) = parser(input)?;
        Ok((rest, Spanned::new(node, input.until(rest))))
    }
}

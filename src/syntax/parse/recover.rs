//! Going on after a mistake.

use nom::Err;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Spanned;

use super::super::lexer::Token;
use super::super::lexer::TokenKind;
use super::input::Parsed;
use super::input::Reject;
use super::input::Tokens;
use super::input::mismatch;
use super::item;

/// Whether a production begins with this token.
pub(super) type Begins = fn(&Token<'_>) -> bool;

/// `"{" { member } "}"`, where a member that fails is reported and passed over.
///
/// `member` is asked at every place that is not the closing brace; `begins` tells where to go on.
pub(super) fn block<'s>(
    input: Tokens<'s>,
    begins: Begins,
    mut member: impl FnMut(Tokens<'s>) -> Parsed<'s, ()>,
) -> Parsed<'s, ()> {
    let Some(open) = input.first().filter(|token| token.kind == TokenKind::BraceOpen) else {
        return mismatch(input, "`{`");
    };
    input.nested(|input| {
        let mut rest = input.skip(1);
        loop {
            match rest.first() {
                Some(token) if token.kind == TokenKind::BraceClose => {
                    return Ok((rest.skip(1), ()));
                }
                Some(token) if begins(token) || !starts_statement(token) => {}
                // What was read is kept; the next sentence is read as one.
                Some(_) | None => {
                    report_unclosed(rest, open);
                    return Ok((rest, ()));
                }
            }
            rest = match member(rest) {
                Ok((after, ())) if after.position() > rest.position() => after,
                Ok((after, ())) => after.skip(1),
                Err(Err::Incomplete(_)) => {
                    return Err(Err::Failure(Reject::expected(rest, "more text")));
                }
                Err(Err::Error(reject) | Err::Failure(reject)) => {
                    let failed_at = reject.position();
                    reject.report(rest);
                    next_member(rest, failed_at, begins)
                }
            };
        }
    })
}

/// The place after a sentence that failed: the next one that starts a line.
pub(super) fn next_statement(input: Tokens<'_>, failed_at: usize) -> Tokens<'_> {
    let mut rest = input.skip(failed_at.saturating_sub(input.position()).max(1));
    while let Some(token) = rest.first() {
        if starts_statement(token) {
            break;
        }
        rest = rest.skip(1);
    }
    rest
}

/// The place after a member that failed: the next member that starts a line, the brace that closes
/// the block, or a sentence.
fn next_member(input: Tokens<'_>, failed_at: usize, begins: Begins) -> Tokens<'_> {
    let passed = failed_at.saturating_sub(input.position());
    let mut depth = 0_usize;
    let mut rest = input;
    let mut count = 0;
    while let Some(token) = rest.first() {
        let at_end = depth == 0 && token.kind == TokenKind::BraceClose;
        let at_member = depth == 0 && token.starts_line && begins(token);
        // The word that began the failed member is passed over in any case.
        if at_end || count > 0 && count >= passed && (at_member || starts_statement(token)) {
            break;
        }
        match token.kind {
            TokenKind::BraceOpen => depth += 1,
            TokenKind::BraceClose => depth = depth.saturating_sub(1),
            _ => {}
        }
        rest = rest.skip(1);
        count += 1;
    }
    rest
}

fn starts_statement(token: &Token<'_>) -> bool {
    token.starts_line && (token.kind == TokenKind::Doc || item::is_statement_word(token))
}

/// Says that the block has no end.
fn report_unclosed(rest: Tokens<'_>, open: &Token<'_>) {
    if rest.session.is_stopped() {
        return;
    }
    let found =
        Diagnostic::new(Code::UNCLOSED_BRACE, format!("expected `}}`, found {}", rest.found()))
            .at(open.span, "this brace is never closed")
            .also(rest.here(), "expected `}` before this")
            .help("close the block with `}`");
    if rest.first().is_none() {
        // All blocks around this one end here too; one message is enough.
        rest.session.stop(found);
    } else {
        rest.session.report(found);
    }
}

/// Takes `value` into `slot`, or reports that it is given twice.
pub(super) fn once<T>(
    input: Tokens<'_>,
    slot: &mut Option<Spanned<T>>,
    value: Spanned<T>,
    what: &str,
) {
    match slot {
        Some(first) => {
            let found = Diagnostic::new(Code::DUPLICATE_CLAUSE, format!("`{what}` is given twice"))
                .at(value.span, "given again here")
                .also(first.span, "first given here")
                .help("keep one of them");
            input.session.report(found);
        }
        None => *slot = Some(value),
    }
}

//! The clauses after a sentence.
//!
//! ```text
//! clauses = { "because" quoted | "owner" name | "ticket" quoted | "expires" ( date | path | quoted )
//!           | "by" "address" "because" quoted | "accept" "undetermined" "because" quoted }
//! date    = digit digit digit digit "-" digit digit "-" digit digit
//! ```
//!
//! Each at most once, in any order.

use jiff::civil::Date;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Spanned;

use super::super::ast::Clauses;
use super::super::ast::Text;
use super::super::ast::Value;
use super::super::lexer::TokenKind;
use super::address::other_value;
use super::input::Parsed;
use super::input::Tokens;
use super::input::fail;
use super::input::shortened;
use super::item;
use super::recover::once;
use super::reserved::CLAUSES;
use super::service::starts_with_digit;
use super::text;
use super::word;

/// Which clauses a sentence may have.
#[derive(Clone, Copy)]
pub(super) enum Allowed {
    /// All of them, and `because` must be there.
    Permission,
    /// Those that say why and who, and `because` must be there.
    Reason,
    /// Those that say why and who.
    Assertion,
}

/// The clauses of a sentence that began at `sentence`, whose kind is called `what`.
pub(super) fn clauses<'s>(
    sentence: Tokens<'s>,
    input: Tokens<'s>,
    allowed: Allowed,
    what: &str,
) -> Parsed<'s, Clauses> {
    let mut clauses = Clauses::default();
    let mut rest = input;
    while let Some(token) =
        rest.first().filter(|token| token.kind == TokenKind::Word && CLAUSES.contains(&token.text))
    {
        let start = rest;
        let span_to = |rest: Tokens<'s>| start.until(rest);
        let after = start.skip(1);
        match token.text {
            "because" => {
                let (next, reason) = text::text(after)?;
                refuse_blank(&reason, start);
                once(
                    start,
                    &mut clauses.because,
                    Spanned::new(reason.node, span_to(next)),
                    "because",
                );
                rest = next;
            }
            "owner" => {
                let (next, owner) = word::name(after)?;
                once(start, &mut clauses.owner, Spanned::new(owner.node, span_to(next)), "owner");
                rest = next;
            }
            "ticket" => {
                let (next, ticket) = text::text(after)?;
                once(
                    start,
                    &mut clauses.ticket,
                    Spanned::new(ticket.node, span_to(next)),
                    "ticket",
                );
                rest = next;
            }
            "expires" => {
                let (next, date) = date_value(after)?;
                let clause = Spanned::new(date.node, span_to(next));
                refuse_unless_permission(&clause, allowed, what, start);
                once(start, &mut clauses.expires, clause, "expires");
                rest = next;
            }
            "by" => {
                let (next, reason) = reason_after(after, "address", "`address`")?;
                let clause = Spanned::new(reason.node, span_to(next));
                refuse_unless_permission(&clause, allowed, what, start);
                once(start, &mut clauses.by_address, clause, "by address");
                rest = next;
            }
            _ => {
                let (next, reason) = reason_after(after, "undetermined", "`undetermined`")?;
                let clause = Spanned::new(reason.node, span_to(next));
                refuse_unless_permission(&clause, allowed, what, start);
                once(start, &mut clauses.accept_undetermined, clause, "accept undetermined");
                rest = next;
            }
        }
    }
    let required = matches!(allowed, Allowed::Permission | Allowed::Reason);
    // What cannot stand there hides whether there is a reason.
    if required && clauses.because.is_none() && item::may_end_before(rest) {
        let span = sentence.until(input);
        let found = Diagnostic::new(Code::MISSING_REASON, format!("`{what}` needs a reason"))
            .at(span, "expected `because \"…\"` after this")
            .help("say why in a few words that a reviewer understands")
            .fix("give a reason", vec![Edit::insert_after(span, " because \"…\"")]);
        input.session.report(found);
    }
    Ok((rest, clauses))
}

/// `address because "…"`, where `word` is `address`.
fn reason_after<'s>(
    input: Tokens<'s>,
    word: &'static str,
    wanted: &'static str,
) -> Parsed<'s, Spanned<Text>> {
    let (rest, _) = word::keyword(word, wanted)(input)?;
    let (rest, _) = word::keyword("because", "`because`")(rest)?;
    let (rest, reason) = text::text(rest)?;
    refuse_blank(&reason, input);
    Ok((rest, reason))
}

/// A reason of spaces alone is none.
fn refuse_blank(reason: &Spanned<Text>, at: Tokens<'_>) {
    if reason.node.as_literal().is_some_and(|text| text.trim().is_empty()) {
        let found = Diagnostic::new(Code::MISSING_REASON, "expected a reason, found a blank text")
            .at(reason.span, "says nothing")
            .help("say why in a few words that a reviewer understands");
        at.session.report(found);
    }
}

fn refuse_unless_permission<T>(clause: &Spanned<T>, allowed: Allowed, what: &str, at: Tokens<'_>) {
    match allowed {
        Allowed::Permission => {}
        Allowed::Reason | Allowed::Assertion => {
            let found =
                Diagnostic::new(Code::CLAUSE_NOT_HERE, format!("`{what}` cannot have this clause"))
                    .at(clause.span, "only permissions have it")
                    .fix("leave it out", vec![Edit::remove(clause.span)]);
            at.session.report(found);
        }
    }
}

/// A date, a name that stands for one, or a quoted one.
fn date_value(input: Tokens<'_>) -> Parsed<'_, Spanned<Value<Date>>> {
    if starts_with_digit(input) {
        let (rest, date) = date(input)?;
        return Ok((rest, date.map(Value::Given)));
    }
    other_value(input, "a date, such as `2099-06-30`")
}

/// A date of the calendar, written as RFC 3339 does.
pub(super) fn date(input: Tokens<'_>) -> Parsed<'_, Spanned<Date>> {
    let written = input.first().map(|token| token.text).unwrap_or_default();
    if let Some(date) = calendar_date(written) {
        return Ok((input.skip(1), Spanned::new(date, input.here())));
    }
    let found = Diagnostic::new(
        Code::BAD_DATE,
        format!(
            "expected a date of the calendar, such as `2099-06-30`, found `{}`",
            shortened(written)
        ),
    )
    .at(input.here(), "not a date")
    .help("write year, month and day, with four, two and two digits");
    fail(input, found)
}

/// Whether a word has the form of a date.
pub(super) fn looks_like_date(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn calendar_date(word: &str) -> Option<Date> {
    if looks_like_date(word) { word.parse().ok() } else { None }
}

//! Permissions.
//!
//! ```text
//! permission = ( "allow" | "may" | "deny" ) label sentence clauses
//! label      = name ":"
//! sentence   = set(operand) "->" set(operand) ":" set(service)
//! ordered    = "ordered" [ ident ] "{" { doc permission } "}"
//! ```

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Spanned;

use super::super::ast::Action;
use super::super::ast::Name;
use super::super::ast::Operand;
use super::super::ast::Ordered;
use super::super::ast::Permission;
use super::super::ast::Service;
use super::super::ast::Set;
use super::super::lexer::Token;
use super::super::lexer::TokenKind;
use super::clause;
use super::clause::Allowed;
use super::input::Parsed;
use super::input::Tokens;
use super::input::fail;
use super::item;
use super::item::Block;
use super::recover;
use super::service;
use super::set;
use super::word;

/// A permission, from its action on.
pub(super) fn permission(input: Tokens<'_>) -> Parsed<'_, Permission> {
    let action = match input.first().map(|token| token.text) {
        Some("allow") => Action::Allow,
        Some("may") => Action::May,
        _ => Action::Deny,
    };
    let what = action.keyword();
    let action = Spanned::new(action, input.here());
    let (rest, label) = label(input.skip(1))?;
    let (rest, (sources, destinations, services)) = sentence(rest)?;
    let (rest, clauses) = clause::clauses(input, rest, Allowed::Permission, what)?;
    Ok((rest, Permission { action, label, sources, destinations, services, clauses }))
}

/// A label and its colon.
pub(super) fn label(input: Tokens<'_>) -> Parsed<'_, Spanned<Name>> {
    let (rest, label) = word::name(input)?;
    if rest.is(TokenKind::Colon) || rest.is(TokenKind::Equals) {
        let (rest, ()) = word::colon(rest)?;
        return Ok((rest, label));
    }
    let found = Diagnostic::new(
        Code::UNEXPECTED,
        format!("expected a label and `:`, found {}", rest.found()),
    )
    .at(label.span, "expected `:` after this label")
    .help(
        "begin with a label of your own: `allow pull-images: system -> mcr.microsoft.com : https`",
    );
    fail(rest, found)
}

/// Sources, destinations and services.
pub(super) type Sentence = (Spanned<Set<Operand>>, Spanned<Set<Operand>>, Spanned<Set<Service>>);

/// `sources -> destinations : services`
pub(super) fn sentence(input: Tokens<'_>) -> Parsed<'_, Sentence> {
    let (rest, sources) = set::operands(input)?;
    let (rest, ()) = arrow(rest)?;
    let (rest, destinations) = set::operands(rest)?;
    if !rest.is(TokenKind::Colon) && !rest.is(TokenKind::Equals) {
        return fail(rest, service::missing(destinations.span, &rest.found()));
    }
    let (rest, ()) = word::colon(rest)?;
    let (rest, services) = service::services(rest)?;
    Ok((rest, (sources, destinations, services)))
}

/// `->`; the words and signs that are meant as one are reported and taken for it.
pub(super) fn arrow(input: Tokens<'_>) -> Parsed<'_, ()> {
    match input.first() {
        Some(token) if token.kind == TokenKind::Arrow => Ok((input.skip(1), ())),
        Some(token) => {
            let meant = token.kind == TokenKind::FatArrow || token.text == "to";
            let found = Diagnostic::new(
                Code::MISSING_ARROW,
                format!("expected `->`, found {}", input.found()),
            );
            if meant {
                input.session.report(
                    found
                        .at(token.span, "expected `->`")
                        .fix("write `->`", vec![Edit::replace(token.span, "->")]),
                );
                return Ok((input.skip(1), ()));
            }
            fail(
                input,
                found
                    .at(input.behind(), "expected `->` after the sources")
                    .help("write `sources -> destinations : services`"),
            )
        }
        None => fail(
            input,
            Diagnostic::new(Code::MISSING_ARROW, "expected `->`, found the end of the file")
                .at(input.behind(), "expected `->` after the sources")
                .help("write `sources -> destinations : services`"),
        ),
    }
}

/// `ordered`, with its permissions.
pub(super) fn ordered(input: Tokens<'_>) -> Parsed<'_, Ordered> {
    let rest = input.skip(1);
    let (rest, label) = if rest.is(TokenKind::Word) {
        let (rest, label) = word::ident(rest)?;
        (rest, Some(label))
    } else {
        (rest, None)
    };
    let mut statements = Vec::new();
    let (rest, ()) = recover::block(rest, begins_permission, |input| {
        item::statement(input, Block::Ordered, &mut statements)
    })?;
    Ok((rest, Ordered { label, statements }))
}

/// A sentence of another kind that is indented was meant to be inside; one that is not tells that
/// the brace was forgotten.
fn begins_permission(token: &Token<'_>) -> bool {
    matches!(token.text, "allow" | "may" | "deny")
        || token.kind == TokenKind::Doc
        || token.indented && item::is_statement_word(token)
}

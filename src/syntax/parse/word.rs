//! Words, names and symbols.
//!
//! ```text
//! ident = letter { letter | digit | "-" }          letters are ASCII; no reserved word
//! name  = ident | quoted
//! path  = ident [ "::" ident ]
//! number = digit { digit }
//! ```

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Spanned;

use super::super::ast::Ident;
use super::super::ast::Name;
use super::super::ast::Path;
use super::super::lexer::Token;
use super::super::lexer::TokenKind;
use super::input::Parsed;
use super::input::Tokens;
use super::input::fail;
use super::input::mismatch;
use super::input::shortened;
use super::reserved::is_reserved;
use super::text;

/// A token of this kind.
pub(super) fn symbol<'s>(
    kind: TokenKind,
    wanted: &'static str,
) -> impl Fn(Tokens<'s>) -> Parsed<'s, &'s Token<'s>> {
    move |input| match input.first() {
        Some(token) if token.kind == kind => Ok((input.skip(1), token)),
        _ => mismatch(input, wanted),
    }
}

/// This word; `wanted` is the word in backticks.
pub(super) fn keyword<'s>(
    word: &'static str,
    wanted: &'static str,
) -> impl Fn(Tokens<'s>) -> Parsed<'s, &'s Token<'s>> {
    move |input| match input.first() {
        Some(token) if token.kind == TokenKind::Word && token.text == word => {
            Ok((input.skip(1), token))
        }
        _ => mismatch(input, wanted),
    }
}

/// `=`; a `:` is reported and taken for it.
pub(super) fn equals(input: Tokens<'_>) -> Parsed<'_, ()> {
    swapped(input, TokenKind::Equals, TokenKind::Colon, Code::COLON_FOR_EQUALS, "=", ":")
}

/// `:`; a `=` is reported and taken for it.
pub(super) fn colon(input: Tokens<'_>) -> Parsed<'_, ()> {
    swapped(input, TokenKind::Colon, TokenKind::Equals, Code::EQUALS_FOR_COLON, ":", "=")
}

fn swapped<'s>(
    input: Tokens<'s>,
    right: TokenKind,
    wrong: TokenKind,
    code: Code,
    wanted: &'static str,
    written: &'static str,
) -> Parsed<'s, ()> {
    match input.first() {
        Some(token) if token.kind == right => Ok((input.skip(1), ())),
        Some(token) if token.kind == wrong => {
            let found = Diagnostic::new(code, format!("expected `{wanted}`, found `{written}`"))
                .at(token.span, format!("expected `{wanted}`"))
                .fix(format!("write `{wanted}`"), vec![Edit::replace(token.span, wanted)]);
            input.session.report(found);
            Ok((input.skip(1), ()))
        }
        _ => mismatch(input, if right == TokenKind::Equals { "`=`" } else { "`:`" }),
    }
}

/// A plain name that is declared or referred to; a reserved word has a message of its own.
pub(super) fn ident(input: Tokens<'_>) -> Parsed<'_, Spanned<Ident>> {
    let Some(token) = input.first().filter(|token| token.kind == TokenKind::Word) else {
        return mismatch(input, "a name");
    };
    if is_reserved(token.text) {
        let found = Diagnostic::new(
            Code::RESERVED_WORD,
            format!("`{}` is a word of the language and cannot be a name", token.text),
        )
        .at(token.span, "expected a name")
        .help(format!("choose another name, such as `{}-1`", token.text));
        return fail(input, found);
    }
    match Ident::new(token.text) {
        Some(ident) => Ok((input.skip(1), Spanned::new(ident, token.span))),
        None => fail(input, bad_ident(token)),
    }
}

/// A word that may also be reserved, such as a key of an enumeration.
pub(super) fn key(input: Tokens<'_>) -> Parsed<'_, Spanned<Ident>> {
    match input.first() {
        Some(token) if token.kind == TokenKind::Word => match Ident::new(token.text) {
            Some(ident) => Ok((input.skip(1), Spanned::new(ident, token.span))),
            None => fail(input, bad_ident(token)),
        },
        _ => mismatch(input, "a key"),
    }
}

fn bad_ident(token: &Token<'_>) -> Diagnostic {
    let shown = shortened(token.text);
    Diagnostic::new(
        Code::BAD_IDENTIFIER,
        format!("expected a letter followed by letters, digits and dashes, found `{shown}`"),
    )
    .at(token.span, "not a plain name")
    .help(format!("write such a name, or quote it where a name of Azure's stands: `\"{shown}\"`"))
}

/// A name, plain or quoted.
pub(super) fn name(input: Tokens<'_>) -> Parsed<'_, Spanned<Name>> {
    match input.first() {
        Some(token) if matches!(token.kind, TokenKind::Quoted | TokenKind::Unclosed) => {
            let (rest, quoted) = text::text(input)?;
            Ok((rest, quoted.map(Name::Quoted)))
        }
        Some(token) if token.kind == TokenKind::Word => {
            let (rest, ident) = ident(input)?;
            Ok((rest, ident.map(Name::Plain)))
        }
        _ => mismatch(input, "a name"),
    }
}

/// A name of a thing here or in a module.
pub(super) fn path(input: Tokens<'_>) -> Parsed<'_, Path> {
    let (rest, first) = ident(input)?;
    if !rest.is(TokenKind::DoubleColon) {
        return Ok((rest, Path { module: None, name: first }));
    }
    let (rest, name) = ident(rest.skip(1))?;
    Ok((rest, Path { module: Some(first), name }))
}

/// One or more, with `,` between them.
pub(super) fn list<'s, T>(
    input: Tokens<'s>,
    mut element: impl FnMut(Tokens<'s>) -> Parsed<'s, T>,
) -> Parsed<'s, Vec<T>> {
    let (mut rest, first) = element(input)?;
    let mut elements = vec![first];
    while rest.is(TokenKind::Comma) {
        let (after, next) = element(rest.skip(1))?;
        elements.push(next);
        rest = after;
    }
    Ok((rest, elements))
}

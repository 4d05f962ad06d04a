//! Quoted texts.
//!
//! ```text
//! quoted  = '"' { part } '"'
//! part    = character but '"' "\" and line feed | escape | hole
//! escape  = "\" ( '"' | "\" | "$" | "n" | "t" | "u{" hex { hex } "}" )
//! hole    = "${" ident "}"
//! literal = quoted without a hole
//! ```

use std::iter::Peekable;
use std::str::CharIndices;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;

use super::super::ast::Ident;
use super::super::ast::Text;
use super::super::ast::TextPart;
use super::super::lexer::Token;
use super::super::lexer::TokenKind;
use super::input::Parsed;
use super::input::Session;
use super::input::Tokens;
use super::input::fail;
use super::input::mismatch;
use super::input::shortened;

/// A quoted text, which may have holes.
pub(super) fn text(input: Tokens<'_>) -> Parsed<'_, Spanned<Text>> {
    match input.first() {
        Some(token) if token.kind == TokenKind::Quoted => {
            let text = read(token, input.session);
            Ok((input.skip(1), Spanned::new(text, token.span)))
        }
        Some(token) if token.kind == TokenKind::Unclosed => fail(input, unclosed(token)),
        _ => mismatch(input, "a quoted text"),
    }
}

/// A quoted text that is read before parameters have values, and so has no hole.
pub(super) fn literal(input: Tokens<'_>) -> Parsed<'_, Spanned<String>> {
    let (rest, text) = text(input)?;
    if let Some(literal) = text.node.as_literal() {
        return Ok((rest, Spanned::new(literal.to_owned(), text.span)));
    }
    let hole = text.node.holes().next().map_or(text.span, |hole| hole.span);
    let found = Diagnostic::new(Code::BAD_HOLE, "a file is named before parameters have values")
        .at(hole, "no hole may stand here")
        .help("write the path out");
    fail(input, found)
}

/// A quote that never ends.
pub(super) fn unclosed(token: &Token<'_>) -> Diagnostic {
    Diagnostic::new(Code::UNCLOSED_STRING, "expected a closing `\"` on the same line")
        .at(token.span, "this text does not end")
        .fix("close it", vec![Edit::insert_after(token.span, "\"")])
}

/// Takes a quoted token apart. Mistakes inside it are reported and left out.
fn read(token: &Token<'_>, session: &Session) -> Text {
    let inner = token.text.strip_prefix('"').unwrap_or(token.text);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let offset = token.span.start as usize + 1;
    let place = |from: usize, to: usize| Span::new(token.span.file, offset + from, offset + to);
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut characters = inner.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            let escaped = escape(&mut characters);
            literal.extend(escaped);
            if escaped.is_none() {
                let end = characters.peek().map_or(inner.len(), |(end, _)| *end);
                let written = inner.get(at..end).unwrap_or_default();
                session.report(bad_escape(place(at, end), written));
            }
        } else if c == '$' && characters.next_if(|(_, next)| *next == '{').is_some() {
            let body = inner.get(at + 2..).unwrap_or_default();
            let length = body.find('}').unwrap_or(body.len());
            let name = body.get(..length).unwrap_or_default();
            let name_end = at + 2 + length;
            if let Some(ident) = Ident::new(name).filter(|_| length < body.len()) {
                parts.push(TextPart::Literal(std::mem::take(&mut literal)));
                parts.push(TextPart::Hole(Spanned::new(ident, place(at + 2, name_end))));
            } else {
                session.report(bad_hole(place(at, (name_end + 1).min(inner.len())), name));
            }
            while characters.next_if(|(next, _)| *next <= name_end).is_some() {}
        } else {
            literal.push(c);
        }
    }
    parts.push(TextPart::Literal(literal));
    Text::new(parts)
}

fn bad_escape(at: Span, written: &str) -> Diagnostic {
    let wanted = r#"`\"`, `\\`, `\$`, `\n`, `\t` or `\u{…}`"#;
    Diagnostic::new(Code::BAD_ESCAPE, format!("expected {wanted}, found `{}`", shortened(written)))
        .at(at, "means nothing")
        .help(r"write `\\` for a backslash")
}

fn bad_hole(at: Span, name: &str) -> Diagnostic {
    Diagnostic::new(
        Code::BAD_HOLE,
        format!("expected a parameter's name in `${{…}}`, found `{}`", shortened(name)),
    )
    .at(at, "names no parameter")
    .help(r"write `${name}`, or `\${` for the characters themselves")
}

/// What stands behind a backslash; nothing if it means nothing.
fn escape(characters: &mut Peekable<CharIndices<'_>>) -> Option<char> {
    match characters.next()?.1 {
        '"' => Some('"'),
        '\\' => Some('\\'),
        '$' => Some('$'),
        'n' => Some('\n'),
        't' => Some('\t'),
        'u' => {
            characters.next_if(|(_, c)| *c == '{')?;
            let mut number = 0_u32;
            let mut digits = 0;
            while let Some((_, c)) = characters.next_if(|(_, c)| *c != '}') {
                number = number.checked_mul(16)?.checked_add(c.to_digit(16)?)?;
                digits += 1;
            }
            characters.next()?;
            if digits == 0 { None } else { char::from_u32(number) }
        }
        _ => None,
    }
}

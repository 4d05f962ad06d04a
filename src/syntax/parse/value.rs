//! Values of parameters and tables.
//!
//! ```text
//! atom  = number | date | "true" | "false" | operand
//! type  = atom-type | "set" "of" atom-type | "bool" | "enum" "{" ident { "," ident } [ "," ] "}"
//! atom-type = "label" | "name" | "address" | "port" | "text" | "date"
//! ```

use super::super::ast::Atom;
use super::super::ast::Element;
use super::super::ast::ParamType;
use super::super::ast::Set;
use super::super::lexer::TokenKind;
use super::address::looks_like_address;
use super::clause;
use super::input::Parsed;
use super::input::Tokens;
use super::input::mismatch;
use super::input::spanned;
use super::service;
use super::set;
use super::word;
use crate::diagnostic::Spanned;

/// One value.
pub(super) fn atom(input: Tokens<'_>) -> Parsed<'_, Atom> {
    let Some(token) = input.first() else { return mismatch(input, "a value") };
    if token.kind == TokenKind::Word {
        match token.text {
            "true" => return Ok((input.skip(1), Atom::Bool(true))),
            "false" => return Ok((input.skip(1), Atom::Bool(false))),
            text if clause::looks_like_date(text) => {
                let (rest, date) = clause::date(input)?;
                return Ok((rest, Atom::Date(date.node)));
            }
            text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                let (rest, number) = service::number(input, "a number below 4294967296")?;
                return Ok((rest, Atom::Number(number.node)));
            }
            _ => {}
        }
    }
    if looks_like_address(token)
        || matches!(
            token.kind,
            TokenKind::Word | TokenKind::Quoted | TokenKind::Unclosed | TokenKind::Url
        )
    {
        let (rest, operand) = set::operand(input)?;
        return Ok((rest, Atom::Operand(operand)));
    }
    mismatch(input, "a value")
}

/// A value, or several with `,` between them.
pub(super) fn atoms(input: Tokens<'_>) -> Parsed<'_, Spanned<Set<Atom>>> {
    set::set(input, atom)
}

/// A value, or several in parentheses, where a `,` would end it.
pub(super) fn argument(input: Tokens<'_>) -> Parsed<'_, Spanned<Set<Atom>>> {
    set::element(input, atom)
}

/// The type of a parameter or table.
pub(super) fn kind(input: Tokens<'_>) -> Parsed<'_, Spanned<ParamType>> {
    spanned(bare_kind)(input)
}

fn bare_kind(input: Tokens<'_>) -> Parsed<'_, ParamType> {
    let after = input.skip(1);
    match input.first().filter(|token| token.kind == TokenKind::Word).map(|token| token.text) {
        Some("bool") => Ok((after, ParamType::Bool)),
        Some("set") => {
            let (rest, _) = word::keyword("of", "`of`")(after)?;
            let (rest, element) = element(rest)?;
            Ok((rest, ParamType::SetOf(element)))
        }
        Some("enum") => enumeration(after),
        _ => {
            let (rest, element) = element(input)?;
            Ok((rest, ParamType::One(element)))
        }
    }
}

fn enumeration(input: Tokens<'_>) -> Parsed<'_, ParamType> {
    let (rest, _) = word::symbol(TokenKind::BraceOpen, "`{`")(input)?;
    let (mut rest, first) = word::key(rest)?;
    let mut keys = vec![first];
    while rest.is(TokenKind::Comma) {
        rest = rest.skip(1);
        if rest.is(TokenKind::BraceClose) {
            break;
        }
        let (after, key) = word::key(rest)?;
        keys.push(key);
        rest = after;
    }
    let (rest, _) = word::symbol(TokenKind::BraceClose, "`,` or `}`")(rest)?;
    Ok((rest, ParamType::Enum(keys)))
}

fn element(input: Tokens<'_>) -> Parsed<'_, Element> {
    let element = match input
        .first()
        .filter(|token| token.kind == TokenKind::Word)
        .map(|token| token.text)
    {
        Some("label") => Element::Label,
        Some("name") => Element::Name,
        Some("address") => Element::Address,
        Some("port") => Element::Port,
        Some("text") => Element::Text,
        Some("date") => Element::Date,
        _ => {
            return mismatch(
                input,
                "a type: `label`, `name`, `address`, `port`, `text`, `date`, `bool`, `enum { … }` or `set of …`",
            );
        }
    };
    Ok((input.skip(1), element))
}

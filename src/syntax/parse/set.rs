//! Sets and operands.
//!
//! ```text
//! set(x)     = list(x) { "except" element(x) }
//! list(x)    = element(x) { "," element(x) } | element(x) { "and" element(x) }
//! element(x) = x | "(" set(x) ")"
//! operand    = path | host | address-spec | quoted
//!            | "tag" tag-name | "fqdn-tag" name | "category" name | "ip-group" name
//!            | "url" quoted [ "inspect" ] | "suffix" quoted
//!            | "internet" | "any-name" | "any-address" | "any"
//! ```

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Spanned;

use super::super::ast::Operand;
use super::super::ast::Set;
use super::super::lexer::Token;
use super::super::lexer::TokenKind;
use super::address;
use super::input::Parsed;
use super::input::Tokens;
use super::input::fail;
use super::input::mismatch;
use super::input::spanned;
use super::text;
use super::word;

/// The production of one element of a set.
pub(super) type Element<T> = for<'s> fn(Tokens<'s>) -> Parsed<'s, T>;

/// A set of whatever `one` reads.
pub(super) fn set<T>(input: Tokens<'_>, one: Element<T>) -> Parsed<'_, Spanned<Set<T>>> {
    let (mut rest, mut base) = element(input, one)?;
    let union = rest.is(TokenKind::Comma);
    if union || rest.is_word("and") {
        let mut elements = vec![base];
        while (union && rest.is(TokenKind::Comma)) || (!union && rest.is_word("and")) {
            let (after, next) = element(rest.skip(1), one)?;
            elements.push(next);
            rest = after;
        }
        let list = if union { Set::Union(elements) } else { Set::Intersection(elements) };
        base = Spanned::new(list, input.until(rest));
    }
    if let Some(operator) = rest.first().filter(|token| is_list_operator(token)) {
        return fail(rest, mixed(operator, "`,` and `and` are mixed without parentheses"));
    }
    let mut without = Vec::new();
    while rest.is_word("except") {
        let (after, next) = element(rest.skip(1), one)?;
        without.push(next);
        rest = after;
    }
    if without.is_empty() {
        return Ok((rest, base));
    }
    if let Some(operator) = rest.first().filter(|token| is_list_operator(token)) {
        let found = mixed(
            operator,
            &format!("`except` is followed by `{}` without parentheses", operator.text),
        );
        return fail(rest, found);
    }
    let set = Set::Except { base: Box::new(base), without };
    Ok((rest, Spanned::new(set, input.until(rest))))
}

fn is_list_operator(token: &Token<'_>) -> bool {
    token.kind == TokenKind::Comma || token.kind == TokenKind::Word && token.text == "and"
}

fn mixed(operator: &Token<'_>, headline: &str) -> Diagnostic {
    Diagnostic::new(Code::MIXED_OPERATORS, headline)
        .at(operator.span, "what does this join?")
        .help("put parentheses around what belongs together, as in `a, b except (c, d)`")
}

/// One element, or a set in parentheses, which are part of its place: comments stand behind them.
pub(super) fn element<T>(input: Tokens<'_>, one: Element<T>) -> Parsed<'_, Spanned<Set<T>>> {
    let Some(open) = input.first().filter(|token| token.kind == TokenKind::ParenOpen) else {
        let (rest, node) = spanned(one)(input)?;
        return Ok((rest, node.map(Set::One)));
    };
    input.nested(|input| {
        let (rest, inner) = set(input.skip(1), one)?;
        if rest.is(TokenKind::ParenClose) {
            let after = rest.skip(1);
            return Ok((after, Spanned::new(inner.node, input.until(after))));
        }
        let found =
            Diagnostic::new(Code::UNCLOSED_BRACE, format!("expected `)`, found {}", rest.found()))
                .at(open.span, "this parenthesis is never closed")
                .also(rest.here(), "expected `)` before this")
                .help("close it with `)`");
        fail(rest, found)
    })
}

/// A source, destination, or element of a set of addresses or names.
pub(super) fn operand(input: Tokens<'_>) -> Parsed<'_, Operand> {
    let wanted = "a name, an address or a set";
    let Some(token) = input.first() else { return mismatch(input, wanted) };
    let after = input.skip(1);
    match token.kind {
        TokenKind::Quoted | TokenKind::Unclosed => {
            let (rest, text) = text::text(input)?;
            Ok((rest, Operand::Quoted(text.node)))
        }
        TokenKind::Url => {
            let (rest, host) = address::host(input)?;
            Ok((rest, Operand::Host(host.node)))
        }
        TokenKind::Word | TokenKind::Bracketed if address::looks_like_address(token) => {
            let (rest, spec) = address::address_spec(input)?;
            Ok((rest, Operand::Address(spec.node)))
        }
        TokenKind::Word => match token.text {
            "any" => Ok((after, Operand::Any)),
            "any-name" => Ok((after, Operand::AnyName)),
            "any-address" => Ok((after, Operand::AnyAddress)),
            "internet" => Ok((after, Operand::Internet)),
            "tag" => {
                let (rest, tag) = address::tag(after)?;
                Ok((rest, Operand::Tag(tag)))
            }
            "fqdn-tag" => {
                let (rest, name) = word::name(after)?;
                Ok((rest, Operand::FqdnTag(name)))
            }
            "category" => {
                let (rest, name) = word::name(after)?;
                Ok((rest, Operand::Category(name)))
            }
            "ip-group" => {
                let (rest, name) = word::name(after)?;
                Ok((rest, Operand::IpGroup(name)))
            }
            "suffix" => {
                let (rest, text) = text::text(after)?;
                Ok((rest, Operand::Suffix(text)))
            }
            "url" => {
                let (rest, url) = text::text(after)?;
                let inspect = rest.is_word("inspect");
                Ok((if inspect { rest.skip(1) } else { rest }, Operand::Url { url, inspect }))
            }
            text if text.contains(['.', '*']) => {
                let (rest, host) = address::host(input)?;
                Ok((rest, Operand::Host(host.node)))
            }
            _ => {
                let (rest, path) = word::path(input)?;
                Ok((rest, Operand::Reference(path)))
            }
        },
        _ => mismatch(input, wanted),
    }
}

/// A set of operands.
pub(super) fn operands(input: Tokens<'_>) -> Parsed<'_, Spanned<Set<Operand>>> {
    set(input, operand)
}

//! The sentences around the rules.
//!
//! ```text
//! import    = "import" [ "std" ] literal "as" ident [ "with" "{" [ argument { "," argument } [ "," ] ] "}" ]
//! argument  = ident "=" element(atom)
//! param     = "param" ident ":" type [ "=" set(atom) ]
//! table     = "table" ident ":" type "by" ident "{" { ident "=" set(atom) } "}"
//! when      = "when" condition { "and" condition } "{" { statement } "}"
//! condition = ident "is" [ "not" ] ident { "," ident }
//! context   = "context" literal
//! owns      = "owns" owned { "," owned }
//! owned     = ( "policy" | "group" | "ip-group" | "route-table" | "nsg" | "subnet" ) name
//!           | "priorities" number "-" number
//! existing  = "existing" ( "ip-group" | "policy" | "route-table" | "nat-gateway" | "nsg" ) name quoted
//! unknown   = "unknown" ident clauses
//! ```

use crate::diagnostic::Spanned;

use super::super::ast::Argument;
use super::super::ast::Condition;
use super::super::ast::Context;
use super::super::ast::Existing;
use super::super::ast::ExistingKind;
use super::super::ast::Import;
use super::super::ast::ImportSource;
use super::super::ast::Owned;
use super::super::ast::Owns;
use super::super::ast::Param;
use super::super::ast::Table;
use super::super::ast::Unknown;
use super::super::ast::When;
use super::super::lexer::Token;
use super::super::lexer::TokenKind;
use super::clause;
use super::clause::Allowed;
use super::input::Parsed;
use super::input::Tokens;
use super::input::mismatch;
use super::input::spanned;
use super::item;
use super::item::Block;
use super::recover;
use super::service;
use super::text;
use super::value;
use super::word;

/// An import, from `import` on.
pub(super) fn import(input: Tokens<'_>) -> Parsed<'_, Import> {
    let rest = input.skip(1);
    let std = rest.is_word("std");
    let (rest, path) = text::literal(if std { rest.skip(1) } else { rest })?;
    let source = if std { ImportSource::Std(path) } else { ImportSource::File(path) };
    let (rest, _) = word::keyword("as", "`as` and a name")(rest)?;
    let (rest, name) = word::ident(rest)?;
    if !rest.is_word("with") {
        return Ok((rest, Import { source, name, arguments: Vec::new() }));
    }
    let (mut rest, _) = word::symbol(TokenKind::BraceOpen, "`{`")(rest.skip(1))?;
    let mut arguments = Vec::new();
    while !rest.is(TokenKind::BraceClose) {
        let (after, argument) = argument(rest)?;
        arguments.push(argument);
        rest = after;
        if !rest.is(TokenKind::Comma) {
            break;
        }
        rest = rest.skip(1);
    }
    let (rest, _) = word::symbol(TokenKind::BraceClose, "`,` or `}`")(rest)?;
    Ok((rest, Import { source, name, arguments }))
}

fn argument(input: Tokens<'_>) -> Parsed<'_, Argument> {
    let (rest, name) = word::key(input)?;
    let (rest, ()) = word::equals(rest)?;
    let (rest, value) = value::argument(rest)?;
    Ok((rest, Argument { name, value }))
}

/// A parameter, from `param` on.
pub(super) fn param(input: Tokens<'_>) -> Parsed<'_, Param> {
    let (rest, name) = word::ident(input.skip(1))?;
    let (rest, ()) = word::colon(rest)?;
    let (rest, kind) = value::kind(rest)?;
    if !rest.is(TokenKind::Equals) && !rest.is(TokenKind::Colon) {
        return Ok((rest, Param { name, kind, default: None }));
    }
    let (rest, ()) = word::equals(rest)?;
    let (rest, default) = value::atoms(rest)?;
    Ok((rest, Param { name, kind, default: Some(default) }))
}

/// A table, from `table` on.
pub(super) fn table(input: Tokens<'_>) -> Parsed<'_, Table> {
    let (rest, name) = word::ident(input.skip(1))?;
    let (rest, ()) = word::colon(rest)?;
    let (rest, kind) = value::kind(rest)?;
    let (rest, _) = word::keyword("by", "`by` and a parameter")(rest)?;
    let (rest, key) = word::ident(rest)?;
    let mut entries = Vec::new();
    let (rest, ()) = recover::block(
        rest,
        |_| false,
        |input| {
            let (rest, name) = word::key(input)?;
            let (rest, ()) = word::equals(rest)?;
            let (rest, value) = value::atoms(rest)?;
            entries.push(Argument { name, value });
            Ok((rest, ()))
        },
    )?;
    Ok((rest, Table { name, kind, key, entries }))
}

/// A condition with its sentences, from `when` on.
pub(super) fn when(input: Tokens<'_>) -> Parsed<'_, When> {
    let (mut rest, first) = spanned(condition)(input.skip(1))?;
    let mut conditions = vec![first];
    while rest.is_word("and") {
        let (after, next) = spanned(condition)(rest.skip(1))?;
        conditions.push(next);
        rest = after;
    }
    let mut statements = Vec::new();
    let (rest, ()) = recover::block(rest, begins_statement, |input| {
        item::statement(input, Block::When, &mut statements)
    })?;
    Ok((rest, When { conditions, statements }))
}

fn begins_statement(token: &Token<'_>) -> bool {
    token.kind == TokenKind::Doc || item::is_statement_word(token)
}

fn condition(input: Tokens<'_>) -> Parsed<'_, Condition> {
    let (rest, param) = word::ident(input)?;
    let (rest, _) = word::keyword("is", "`is`")(rest)?;
    let negated = rest.is_word("not");
    let (rest, keys) = word::list(if negated { rest.skip(1) } else { rest }, word::key)?;
    Ok((rest, Condition { param, negated, keys }))
}

/// A deployment file, from `context` on.
pub(super) fn context(input: Tokens<'_>) -> Parsed<'_, Context> {
    let (rest, file) = text::literal(input.skip(1))?;
    Ok((rest, Context { file }))
}

/// What the file owns, from `owns` on.
pub(super) fn owns(input: Tokens<'_>) -> Parsed<'_, Owns> {
    let (rest, things) = word::list(input.skip(1), spanned(owned))?;
    Ok((rest, Owns { things }))
}

fn owned(input: Tokens<'_>) -> Parsed<'_, Owned> {
    let wanted = "`policy`, `group`, `ip-group`, `route-table`, `nsg`, `subnet` or `priorities`";
    let Some(token) = input.first().filter(|token| token.kind == TokenKind::Word) else {
        return mismatch(input, wanted);
    };
    let after = input.skip(1);
    if token.text == "priorities" {
        let (rest, range) =
            service::number_range(after, "a range of priorities, such as `1000-1999`")?;
        let (first, last) = range.node;
        return Ok((rest, Owned::Priorities(first, last)));
    }
    let owned = match token.text {
        "policy" => Owned::Policy,
        "group" => Owned::Group,
        "ip-group" => Owned::IpGroup,
        "route-table" => Owned::RouteTable,
        "nsg" => Owned::Nsg,
        "subnet" => Owned::Subnet,
        _ => return mismatch(input, wanted),
    };
    let (rest, name) = word::name(after)?;
    Ok((rest, owned(name.node)))
}

/// A resource that is already there, from `existing` on.
pub(super) fn existing(input: Tokens<'_>) -> Parsed<'_, Existing> {
    let rest = input.skip(1);
    let kind = match rest.first().map(|token| token.text) {
        Some("ip-group") => ExistingKind::IpGroup,
        Some("policy") => ExistingKind::Policy,
        Some("route-table") => ExistingKind::RouteTable,
        Some("nat-gateway") => ExistingKind::NatGateway,
        Some("nsg") => ExistingKind::Nsg,
        _ => return mismatch(rest, "`ip-group`, `policy`, `route-table`, `nat-gateway` or `nsg`"),
    };
    let kind = Spanned::new(kind, rest.here());
    let (rest, name) = word::name(rest.skip(1))?;
    let (rest, id) = text::text(rest)?;
    Ok((rest, Existing { kind, name, id }))
}

/// Something an import could not know, from `unknown` on.
pub(super) fn unknown(input: Tokens<'_>) -> Parsed<'_, Unknown> {
    let (rest, name) = word::ident(input.skip(1))?;
    let (rest, clauses) = clause::clauses(input, rest, Allowed::Reason, "unknown")?;
    Ok((rest, Unknown { name, clauses }))
}

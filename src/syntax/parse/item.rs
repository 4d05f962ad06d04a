//! Files and sentences.
//!
//! ```text
//! file      = [ version { statement } ]
//! version   = "language" number
//! statement = { doc } ( import | param | table | when | azure | network | policy
//!           | "addresses" ident "=" set(operand) | "names" ident "=" set(operand)
//!           | "services" ident "=" set(service)
//!           | permission | ordered | assertion | example | context | owns | existing | unknown )
//! doc       = "///" text
//! ```

use nom::Err;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Spanned;
use crate::diagnostic::similar;

use super::super::ast::Ident;
use super::super::ast::SetDeclaration;
use super::super::ast::Statement;
use super::super::ast::StatementKind;
use super::super::ast::Version;
use super::super::lexer::Token;
use super::super::lexer::TokenKind;
use super::check;
use super::input::Parsed;
use super::input::Tokens;
use super::input::fail;
use super::input::mismatch;
use super::input::spanned;
use super::module;
use super::network;
use super::policy;
use super::recover;
use super::reserved::CLAUSES;
use super::reserved::STATEMENTS;
use super::rule;
use super::service;
use super::set;
use super::set::Element;
use super::setting;
use super::word;

/// Where a sentence stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Block {
    /// In the file itself.
    File,
    /// In `when { … }`.
    When,
    /// In `ordered { … }`.
    Ordered,
}

/// A whole file. Mistakes are in the session.
pub(super) fn file(input: Tokens<'_>) -> (Option<Spanned<Version>>, Vec<Statement>) {
    let mut statements = Vec::new();
    if input.first().is_none() {
        return (None, statements);
    }
    let (mut rest, version) = version(input);
    while let Some(token) = rest.first() {
        if token.kind == TokenKind::BraceClose && rest.session.has_findings() {
            // It closes a block whose beginning was passed over.
            rest = rest.skip(1);
            continue;
        }
        rest = match statement(rest, Block::File, &mut statements) {
            Ok((after, ())) if after.position() > rest.position() => after,
            Ok((after, ())) => after.skip(1),
            Err(Err::Incomplete(_)) => rest.skip(1),
            Err(Err::Error(reject) | Err::Failure(reject)) => {
                let failed_at = reject.position();
                reject.report(rest);
                recover::next_statement(rest, failed_at)
            }
        };
    }
    (version, statements)
}

/// The first line. A version that is not known ends the reading: its words may mean anything.
fn version(input: Tokens<'_>) -> (Tokens<'_>, Option<Spanned<Version>>) {
    if !input.is_word("language") {
        let found =
            Diagnostic::new(Code::MISSING_VERSION, "expected `language 1` on the first line")
                .at(input.here(), "the file begins here")
                .fix("say the version", vec![Edit::insert_before(input.here(), "language 1\n\n")]);
        input.session.report(found);
        return (input, None);
    }
    let rest = input.skip(1);
    if rest.is_word("1") {
        let after = rest.skip(1);
        return (after, Some(Spanned::new(Version::V1, input.until(after))));
    }
    let found = Diagnostic::new(
        Code::UNKNOWN_VERSION,
        format!("expected version `1` of the language, found {}", rest.found()),
    )
    .at(rest.here(), "this program reads version 1")
    .help("write `language 1`, or use a later `exeat`");
    input.session.stop(found);
    (rest, None)
}

/// Whether a sentence may begin with this token.
pub(super) fn is_statement_word(token: &Token<'_>) -> bool {
    token.kind == TokenKind::Word && STATEMENTS.contains(&token.text)
}

/// Whether a sentence can end before `rest`: where it cannot, what stands there is a mistake.
pub(super) fn may_end_before(rest: Tokens<'_>) -> bool {
    rest.first().is_none_or(|token| {
        token.starts_line || token.kind == TokenKind::BraceClose || is_statement_word(token)
    })
}

/// One sentence with its description, put behind `statements`.
pub(super) fn statement<'s>(
    input: Tokens<'s>,
    block: Block,
    statements: &mut Vec<Statement>,
) -> Parsed<'s, ()> {
    let mut docs = Vec::new();
    let mut rest = input;
    while let Some(token) = rest.first().filter(|token| token.kind == TokenKind::Doc) {
        let line = token.text.strip_prefix("///").unwrap_or_default();
        let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
        docs.push(Spanned::new(line.to_owned(), token.span));
        rest = rest.skip(1);
    }
    let (after, kind) = spanned(|input| sentence(input, block))(rest)?;
    statements.push(Statement { docs, kind });
    Ok((after, ()))
}

fn sentence(input: Tokens<'_>, block: Block) -> Parsed<'_, StatementKind> {
    use StatementKind as Kind;

    let token = match input.first() {
        Some(token) if token.kind == TokenKind::Word => token,
        Some(token) if !token.starts_line => return fail(input, unknown_statement(input, token)),
        Some(_) | None => return mismatch(input, "a sentence, such as `allow …`"),
    };
    if !stands_in(token.text, block) {
        return fail(input, not_here(token, block));
    }
    match token.text {
        "import" => module::import(input).map(|(rest, node)| (rest, Kind::Import(node))),
        "param" => module::param(input).map(|(rest, node)| (rest, Kind::Param(node))),
        "table" => module::table(input).map(|(rest, node)| (rest, Kind::Table(node))),
        "when" => module::when(input).map(|(rest, node)| (rest, Kind::When(node))),
        "azure" => setting::azure(input).map(|(rest, node)| (rest, Kind::Azure(node))),
        "network" => network::network(input).map(|(rest, node)| (rest, Kind::Network(node))),
        "policy" => policy::policy(input).map(|(rest, node)| (rest, Kind::Policy(node))),
        "addresses" => {
            let (rest, node) = declaration(input, word::ident, set::operand)?;
            Ok((rest, Kind::Addresses(node)))
        }
        "names" => {
            let (rest, node) = declaration(input, word::ident, set::operand)?;
            Ok((rest, Kind::Names(node)))
        }
        "services" => {
            let (rest, node) = declaration(input, service::declared_name, service::service)?;
            Ok((rest, Kind::Services(node)))
        }
        "allow" | "may" | "deny" => {
            rule::permission(input).map(|(rest, node)| (rest, Kind::Permission(node)))
        }
        "ordered" => rule::ordered(input).map(|(rest, node)| (rest, Kind::Ordered(node))),
        "assert" => check::assertion(input).map(|(rest, node)| (rest, Kind::Assertion(node))),
        "example" => check::example(input).map(|(rest, node)| (rest, Kind::Example(node))),
        "context" => module::context(input).map(|(rest, node)| (rest, Kind::Context(node))),
        "owns" => module::owns(input).map(|(rest, node)| (rest, Kind::Owns(node))),
        "existing" => module::existing(input).map(|(rest, node)| (rest, Kind::Existing(node))),
        "unknown" => module::unknown(input).map(|(rest, node)| (rest, Kind::Unknown(node))),
        _ => fail(input, unknown_statement(input, token)),
    }
}

/// `NAME = SET`, from the word before it on.
fn declaration<T>(
    input: Tokens<'_>,
    name: for<'s> fn(Tokens<'s>) -> Parsed<'s, Spanned<Ident>>,
    one: Element<T>,
) -> Parsed<'_, SetDeclaration<T>> {
    let (rest, name) = name(input.skip(1))?;
    let (rest, ()) = word::equals(rest)?;
    let (rest, set) = set::set(rest, one)?;
    Ok((rest, SetDeclaration { name, set }))
}

fn stands_in(word: &str, block: Block) -> bool {
    match block {
        Block::File => word != "language",
        Block::When => !matches!(word, "language" | "import" | "param" | "table"),
        Block::Ordered => matches!(word, "allow" | "may" | "deny") || !STATEMENTS.contains(&word),
    }
}

fn not_here(token: &Token<'_>, block: Block) -> Diagnostic {
    let (headline, help) = match block {
        Block::File => ("the version is said once, on the first line", "leave this out"),
        Block::When => {
            ("what a file takes in cannot depend on a condition", "put this outside `when`")
        }
        Block::Ordered => {
            ("`ordered` holds `allow`, `may` and `deny` only", "put this outside `ordered`")
        }
    };
    Diagnostic::new(Code::STATEMENT_NOT_HERE, format!("{headline}, found `{}`", token.text))
        .at(token.span, "cannot stand here")
        .help(help)
}

fn unknown_statement(input: Tokens<'_>, token: &Token<'_>) -> Diagnostic {
    let is_word = token.kind == TokenKind::Word;
    let meant = |words: &[&'static str]| {
        similar::nearest(token.text, words.iter().copied()).filter(|_| is_word)
    };
    let meant = if token.starts_line {
        meant(STATEMENTS).or_else(|| meant(CLAUSES))
    } else {
        meant(CLAUSES)
    };
    let with_fix = |found: Diagnostic| match meant {
        Some(word) => found.fix(format!("write `{word}`"), vec![Edit::replace(token.span, word)]),
        None => found,
    };
    if token.starts_line {
        let words =
            STATEMENTS.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let found = Diagnostic::new(
            Code::UNKNOWN_STATEMENT,
            format!("no sentence begins with {}", input.found()),
        )
        .at(token.span, "expected the first word of a sentence")
        .help(format!("sentences begin with {words}"));
        return with_fix(found);
    }
    let found = Diagnostic::new(
        Code::UNEXPECTED,
        format!("expected a clause or the end of the sentence, found {}", input.found()),
    )
    .at(token.span, "expected a clause or the end of the sentence");
    let found = match meant {
        Some(_) => found,
        None => found.help("a list has `,` between its parts; a text stands in quotes"),
    };
    with_fix(found)
}

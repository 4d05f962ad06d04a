//! Assertions and examples.
//!
//! ```text
//! assertion = "assert" ( "never" | "always" ) label sentence clauses
//! example   = "example" name [ quoted ] flow "=>" verdict
//! flow      = { any token but "=>" }                          docs/cli.md, "A flow in text"
//! verdict   = "allow" | "deny" | "undetermined" | "bypass" | "local" | "platform"
//! ```

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Spanned;

use super::super::ast::Assertion;
use super::super::ast::Example;
use super::super::ast::ExpectedVerdict;
use super::super::ast::Quantifier;
use super::super::lexer::TokenKind;
use super::clause;
use super::clause::Allowed;
use super::input::Parsed;
use super::input::Tokens;
use super::input::fail;
use super::input::mismatch;
use super::item;
use super::rule;
use super::text;
use super::word;

/// An assertion, from `assert` on.
pub(super) fn assertion(input: Tokens<'_>) -> Parsed<'_, Assertion> {
    let rest = input.skip(1);
    let quantifier = match rest.first().map(|token| token.text) {
        Some("never") => Quantifier::Never,
        Some("always") => Quantifier::Always,
        _ => return mismatch(rest, "`never` or `always`"),
    };
    let quantifier = Spanned::new(quantifier, rest.here());
    let (rest, label) = rule::label(rest.skip(1))?;
    let (rest, (sources, destinations, services)) = rule::sentence(rest)?;
    let (rest, clauses) = clause::clauses(input, rest, Allowed::Assertion, "assert")?;
    Ok((rest, Assertion { quantifier, label, sources, destinations, services, clauses }))
}

/// An example, from `example` on.
pub(super) fn example(input: Tokens<'_>) -> Parsed<'_, Example> {
    let (rest, label) = word::name(input.skip(1))?;
    let (rest, title) = if rest.is(TokenKind::Quoted) || rest.is(TokenKind::Unclosed) {
        let (rest, title) = text::text(rest)?;
        (rest, Some(title))
    } else {
        (rest, None)
    };
    let (rest, flow) = flow(rest)?;
    let (rest, expected) = verdict(rest.skip(1))?;
    Ok((rest, Example { label, title, flow, expected }))
}

/// The text of a flow up to `=>`, which is not taken.
fn flow(input: Tokens<'_>) -> Parsed<'_, Spanned<String>> {
    let mut flow = String::new();
    let mut rest = input;
    let mut end = None;
    while let Some(token) = rest.first() {
        let ends = matches!(token.kind, TokenKind::FatArrow | TokenKind::Doc);
        if ends || token.starts_line && item::is_statement_word(token) {
            break;
        }
        if token.kind == TokenKind::Unclosed {
            return fail(rest, text::unclosed(token));
        }
        if token.kind == TokenKind::Word && token.text == "sni" {
            let found = Diagnostic::new(Code::SNI_FOR_TLS, "expected `tls`, found `sni`")
                .at(token.span, "the name a TLS client shows is written `tls NAME`")
                .fix("write `tls`", vec![Edit::replace(token.span, "tls")]);
            rest.session.report(found);
        }
        if end.is_some_and(|end| end < token.span.start) {
            flow.push(' ');
        }
        flow.push_str(token.text);
        end = Some(token.span.end);
        rest = rest.skip(1);
    }
    if flow.is_empty() {
        return mismatch(input, "a flow, such as `10.1.8.4 -> 10.9.0.5 : tcp/1433`");
    }
    if !rest.is(TokenKind::FatArrow) {
        return mismatch(rest, "`=>` and a verdict");
    }
    Ok((rest, Spanned::new(flow, input.until(rest))))
}

fn verdict(input: Tokens<'_>) -> Parsed<'_, Spanned<ExpectedVerdict>> {
    let verdict = match input.first().map(|token| token.text) {
        Some("allow") => ExpectedVerdict::Allow,
        Some("deny") => ExpectedVerdict::Deny,
        Some("undetermined") => ExpectedVerdict::Undetermined,
        Some("bypass") => ExpectedVerdict::Bypass,
        Some("local") => ExpectedVerdict::Local,
        Some("platform") => ExpectedVerdict::Platform,
        _ => {
            return mismatch(
                input,
                "`allow`, `deny`, `undetermined`, `bypass`, `local` or `platform`",
            );
        }
    };
    Ok((input.skip(1), Spanned::new(verdict, input.here())))
}

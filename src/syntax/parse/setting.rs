//! Settings: what the blocks of the topology share.
//!
//! ```text
//! azure  = "azure" "{" { "subscription" quoted | "resource-group" quoted | "location" quoted } "}"
//! switch = "on" | "off"
//! id     = "id" quoted
//! ```

use nom::Err;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Spanned;

use super::super::ast::Azure;
use super::super::ast::Sku;
use super::super::lexer::Token;
use super::super::lexer::TokenKind;
use super::input::Parsed;
use super::input::Reject;
use super::input::Tokens;
use super::input::fail;
use super::input::mismatch;
use super::input::shortened;
use super::recover;
use super::recover::once;
use super::text;
use super::word;

/// Where resources are put, from `azure` on.
pub(super) fn azure(input: Tokens<'_>) -> Parsed<'_, Azure> {
    const SETTINGS: &[&str] = &["subscription", "resource-group", "location"];
    let mut azure = Azure::default();
    let (rest, ()) = recover::block(
        input.skip(1),
        |token| SETTINGS.contains(&token.text),
        |input| match setting(input, SETTINGS)? {
            "subscription" => fill(input, &mut azure.subscription, text::text),
            "resource-group" => fill(input, &mut azure.resource_group, text::text),
            _ => fill(input, &mut azure.location, text::text),
        },
    )?;
    Ok((rest, azure))
}

/// The word that begins the next setting, or the error that it is none of `settings`.
pub(super) fn setting<'s>(
    input: Tokens<'s>,
    settings: &'static [&'static str],
) -> Result<&'s str, Err<Reject>> {
    let known = input
        .first()
        .filter(|token| token.kind == TokenKind::Word)
        .map(|token| token.text)
        .filter(|text| settings.contains(text));
    if let Some(word) = known {
        return Ok(word);
    }
    let list = settings.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let found = Diagnostic::new(
        Code::UNKNOWN_SETTING,
        format!("expected a setting of this block, found {}", input.found()),
    )
    .at(input.here(), "not a setting of this block")
    .help(format!("the settings are {list}"));
    Err(Err::Failure(Reject::found(input, found)))
}

/// A setting that is given once: reads what stands behind its word with `parser` into `slot`.
pub(super) fn fill<'s, T>(
    input: Tokens<'s>,
    slot: &mut Option<Spanned<T>>,
    mut parser: impl FnMut(Tokens<'s>) -> Parsed<'s, Spanned<T>>,
) -> Parsed<'s, ()> {
    let word = input.first().map_or("", |token| token.text);
    let (rest, value) = parser(input.skip(1))?;
    once(input, slot, value, word);
    Ok((rest, ()))
}

/// A setting that adds to a list: reads one `element` or more, behind its word.
pub(super) fn extend<'s, T>(
    input: Tokens<'s>,
    list: &mut Vec<T>,
    element: impl FnMut(Tokens<'s>) -> Parsed<'s, T>,
) -> Parsed<'s, ()> {
    let (rest, elements) = word::list(input.skip(1), element)?;
    list.extend(elements);
    Ok((rest, ()))
}

/// A member of a block, kept in `list`: `parser` reads it with its word.
pub(super) fn push<'s, T>(
    input: Tokens<'s>,
    list: &mut Vec<T>,
    mut parser: impl FnMut(Tokens<'s>) -> Parsed<'s, T>,
) -> Parsed<'s, ()> {
    let (rest, member) = parser(input)?;
    list.push(member);
    Ok((rest, ()))
}

/// The word that is one of `choices`, by its value.
pub(super) fn choice<'s, T: Copy>(
    input: Tokens<'s>,
    choices: &[(&'static str, T)],
) -> Parsed<'s, Spanned<T>> {
    let Some(token) = input.first().filter(|token| token.kind == TokenKind::Word) else {
        return mismatch(input, "a word");
    };
    match choices.iter().find(|(word, _)| *word == token.text) {
        Some((_, value)) => Ok((input.skip(1), Spanned::new(*value, token.span))),
        None => fail(
            input,
            bad_choice(token, &choices.iter().map(|(word, _)| *word).collect::<Vec<_>>()),
        ),
    }
}

/// A word is none of those that fit here.
pub(super) fn bad_choice(token: &Token<'_>, words: &[&str]) -> Diagnostic {
    let list = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    Diagnostic::new(
        Code::BAD_VALUE,
        format!("expected one of {list}, found `{}`", shortened(token.text)),
    )
    .at(token.span, "none of the choices")
}

/// `on` or `off`.
pub(super) fn switch(input: Tokens<'_>) -> Parsed<'_, Spanned<bool>> {
    choice(input, &[("on", true), ("off", false)])
}

/// The tier of a firewall or policy.
pub(super) fn sku(input: Tokens<'_>) -> Parsed<'_, Spanned<Sku>> {
    choice(input, &[("basic", Sku::Basic), ("standard", Sku::Standard), ("premium", Sku::Premium)])
}

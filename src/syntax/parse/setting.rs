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

/// Where resources are put, from `azure` on.
pub(super) fn azure(input: Tokens<'_>) -> Parsed<'_, Azure> {
    const SETTINGS: &[&str] = &["subscription", "resource-group", "location"];
    let mut azure = Azure::default();
    let (rest, ()) = recover::block(
        input.skip(1),
        |token| SETTINGS.contains(&token.text),
        |input| {
            let after = input.skip(1);
            let (slot, what) = match setting(input, SETTINGS)? {
                "subscription" => (&mut azure.subscription, "subscription"),
                "resource-group" => (&mut azure.resource_group, "resource-group"),
                _ => (&mut azure.location, "location"),
            };
            let (rest, text) = text::text(after)?;
            once(input, slot, text, what);
            Ok((rest, ()))
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

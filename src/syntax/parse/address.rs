//! Addresses, hosts and the tags of Azure.
//!
//! ```text
//! address-spec = address [ "/" number ] | address "-" address      nothing between the parts
//! address      = IPv4 | "[" IPv6 "]"
//! host         = [ "*." ] host-label { "." host-label }          two labels or more, or a star
//! host-label   = ( letter | digit | "_" | "-" ) { letter | digit | "_" | "-" }
//! tag-name     = letter { letter | digit | "." | "-" | "_" } | quoted
//! ```

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;

use super::super::ast::AddressSpec;
use super::super::ast::HostPattern;
use super::super::ast::Tag;
use super::super::ast::TagName;
use super::super::ast::Value;
use super::super::lexer::Token;
use super::super::lexer::TokenKind;
use super::input::Parsed;
use super::input::Tokens;
use super::input::fail;
use super::input::mismatch;
use super::input::shortened;
use super::text;
use super::word;

/// Whether the next token can only be an address.
pub(super) fn looks_like_address(token: &Token<'_>) -> bool {
    let dotted_digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-');
    match token.kind {
        TokenKind::Bracketed => true,
        TokenKind::Word => token.text.contains('.') && token.text.chars().all(dotted_digits),
        _ => false,
    }
}

/// An address, prefix or range.
pub(super) fn address_spec(input: Tokens<'_>) -> Parsed<'_, Spanned<AddressSpec>> {
    let Some(token) = input.first().filter(|token| looks_like_address(token)) else {
        return mismatch(input, "an address");
    };
    if let Some((first, last)) = token.text.split_once('-')
        && token.kind == TokenKind::Word
    {
        return match (first.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>()) {
            (Ok(first), Ok(last)) => {
                let range = AddressSpec::Range(IpAddr::V4(first), IpAddr::V4(last));
                Ok((input.skip(1), Spanned::new(range, token.span)))
            }
            _ => fail(
                input,
                bad_address(token.span, token.text, "an IPv4 range, such as `10.0.1.4-10.0.1.9`"),
            ),
        };
    }
    let Some(first) = one_address(token) else {
        return fail(
            input,
            bad_address(token.span, token.text, "an IPv4 address, or an IPv6 address in brackets"),
        );
    };
    if input.touches(1, TokenKind::Slash) && input.touches(2, TokenKind::Word) {
        return prefix(input, token, first);
    }
    let dash = input.ahead(1).is_some_and(|dash| dash.text == "-");
    if dash && input.touches(1, TokenKind::Word) && input.touches(2, TokenKind::Bracketed) {
        let rest = input.skip(3);
        return match (first, input.ahead(2).and_then(one_address)) {
            (first @ IpAddr::V6(_), Some(last)) => {
                Ok((rest, Spanned::new(AddressSpec::Range(first, last), input.until(rest))))
            }
            _ => fail(input, bad_address(input.until(rest), token.text, "a range of one family")),
        };
    }
    Ok((input.skip(1), Spanned::new(AddressSpec::Address(first), token.span)))
}

fn prefix<'s>(
    input: Tokens<'s>,
    token: &Token<'s>,
    address: IpAddr,
) -> Parsed<'s, Spanned<AddressSpec>> {
    let rest = input.skip(3);
    let span = input.until(rest);
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = input
        .ahead(2)
        .and_then(|length| decimal::<u8>(length.text))
        .filter(|length| *length <= longest);
    if let Some(length) = length {
        return Ok((rest, Spanned::new(AddressSpec::Prefix(address, length), span)));
    }
    let wanted = format!("a prefix length from 0 to {longest}");
    fail(input, bad_address(span, &format!("{}/…", token.text), &wanted))
}

fn one_address(token: &Token<'_>) -> Option<IpAddr> {
    match token.kind {
        TokenKind::Bracketed => {
            let inner = token.text.strip_prefix('[')?.strip_suffix(']')?;
            inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
        _ => token.text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// Digits only, without a sign: `str::parse` would take `+1`.
pub(super) fn decimal<T: std::str::FromStr>(digits: &str) -> Option<T> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn bad_address(span: Span, written: &str, wanted: &str) -> Diagnostic {
    Diagnostic::new(Code::BAD_ADDRESS, format!("expected {wanted}, found `{}`", shortened(written)))
        .at(span, format!("expected {wanted}"))
}

/// An address or prefix, a name that stands for one, or a quoted one.
pub(super) fn prefix_value(input: Tokens<'_>) -> Parsed<'_, Spanned<Value<AddressSpec>>> {
    match input.first() {
        Some(token) if looks_like_address(token) => {
            let (rest, spec) = address_spec(input)?;
            Ok((rest, spec.map(Value::Given)))
        }
        _ => other_value(input, "a prefix"),
    }
}

/// A single address, a name that stands for one, or a quoted one.
pub(super) fn address_value(input: Tokens<'_>) -> Parsed<'_, Spanned<Value<IpAddr>>> {
    match input.first() {
        Some(token) if looks_like_address(token) => {
            let (rest, spec) = address_spec(input)?;
            match spec.node {
                AddressSpec::Address(address) => {
                    Ok((rest, Spanned::new(Value::Given(address), spec.span)))
                }
                AddressSpec::Prefix(..) | AddressSpec::Range(..) => {
                    fail(input, bad_address(spec.span, token.text, "a single address"))
                }
            }
        }
        _ => other_value(input, "an address"),
    }
}

/// The ways to a value that is not written out.
pub(super) fn other_value<'s, T>(
    input: Tokens<'s>,
    wanted: &'static str,
) -> Parsed<'s, Spanned<Value<T>>> {
    match input.first() {
        Some(token) if matches!(token.kind, TokenKind::Quoted | TokenKind::Unclosed) => {
            let (rest, quoted) = text::text(input)?;
            Ok((rest, quoted.map(Value::Filled)))
        }
        Some(token) if token.kind == TokenKind::Word => {
            let (rest, path) = word::path(input)?;
            Ok((rest, Spanned::new(Value::Named(path), input.until(rest))))
        }
        _ => mismatch(input, wanted),
    }
}

/// A host with a dot, or a wildcard, in a place where nothing else with a dot may stand.
pub(super) fn host(input: Tokens<'_>) -> Parsed<'_, Spanned<HostPattern>> {
    let Some(token) = input.first() else { return mismatch(input, "a host name") };
    if token.kind == TokenKind::Url {
        return fail(input, url_for_name(token.span, token.text));
    }
    if token.kind != TokenKind::Word {
        return mismatch(input, "a host name");
    }
    if token.text == "*" {
        let found = Diagnostic::new(Code::STAR_ALONE, "`*` alone does not say what it stands for")
            .at(token.span, "any name, any address, or both?")
            .help("write `any-name` or `any-address`; for a source, a deny or an assertion, `any`");
        return fail(input, found);
    }
    let (pattern, below) = match token.text.strip_prefix("*.") {
        Some(parent) => (HostPattern::Below(parent.to_owned()), parent),
        None => (HostPattern::Exact(token.text.to_owned()), token.text),
    };
    if below.contains('*') || below.is_empty() {
        return fail(input, star_inside(token));
    }
    if input.touches(1, TokenKind::Slash) {
        let end = input.skip(2);
        let written = format!("{}/…", token.text);
        return fail(input, url_for_name(input.until(end), &written));
    }
    Ok((input.skip(1), Spanned::new(pattern, token.span)))
}

fn star_inside(token: &Token<'_>) -> Diagnostic {
    let shown = shortened(token.text);
    let found = Diagnostic::new(
        Code::STAR_INSIDE,
        format!("expected a star only as the whole first label, found `{shown}`"),
    )
    .at(token.span, "a wildcard is `*.` and a name")
    .note("`*.x` stands for any number of labels before `.x`, and not for `x`");
    match token.text.strip_prefix('*') {
        Some(rest) if !rest.is_empty() && !rest.contains('*') => {
            let rest = shortened(rest);
            found.help(format!("write `{rest}, *.{rest}` for the name and all below it; imported text says `suffix \"{rest}\"`"))
        }
        _ => {
            let parent = token
                .text
                .rsplit('*')
                .next()
                .unwrap_or_default()
                .trim_start_matches(|c: char| c != '.');
            match parent.strip_prefix('.') {
                Some(parent) if !parent.is_empty() => found.help(format!(
                    "name each host, or write `*.{}`, which is more",
                    shortened(parent)
                )),
                _ => found.help("name each host"),
            }
        }
    }
}

/// A URL stands where a host belongs; `text` may lack its end.
fn url_for_name(span: Span, text: &str) -> Diagnostic {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = after_scheme.split(['/', ':', '?', '#']).next().unwrap_or_default();
    let found = Diagnostic::new(
        Code::URL_FOR_NAME,
        format!("expected a host name, found the URL `{}`", shortened(text)),
    )
    .at(span, "a permission is about hosts")
    .help("write the host alone; for one path write `url \"host/path\" inspect`");
    if host.is_empty() || text.ends_with('…') {
        found
    } else {
        found.fix("write the host", vec![Edit::replace(span, host)])
    }
}

/// A service tag or another dotted word of Azure's.
pub(super) fn tag_name(input: Tokens<'_>) -> Parsed<'_, Spanned<TagName>> {
    match input.first() {
        Some(token) if token.kind == TokenKind::Word => match TagName::new(token.text) {
            Some(tag) => Ok((input.skip(1), Spanned::new(tag, token.span))),
            None => mismatch(input, "a name of Azure's, such as `Storage.WestEurope`"),
        },
        _ => mismatch(input, "a name of Azure's, such as `Storage.WestEurope`"),
    }
}

/// A tag, plain or quoted.
pub(super) fn tag(input: Tokens<'_>) -> Parsed<'_, Spanned<Tag>> {
    match input.first() {
        Some(token) if matches!(token.kind, TokenKind::Quoted | TokenKind::Unclosed) => {
            let (rest, quoted) = text::text(input)?;
            Ok((rest, quoted.map(Tag::Quoted)))
        }
        _ => {
            let (rest, tag) = tag_name(input)?;
            Ok((rest, tag.map(Tag::Plain)))
        }
    }
}

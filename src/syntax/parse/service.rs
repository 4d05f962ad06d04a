//! Services.
//!
//! ```text
//! service  = path | ( "https" | "http" ) [ "/" port ] | "mssql" [ "/" port ] [ "proxy" | "redirect" ]
//!          | ( "tcp" | "udp" ) "/" ports | "icmp" | "proto" "/" number | "any"
//! ports    = port | number "-" number
//! port     = number | path | quoted
//! ```

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::diagnostic::similar;

use super::super::ast::PortSpec;
use super::super::ast::Service;
use super::super::ast::Set;
use super::super::ast::SqlMode;
use super::super::ast::Transport;
use super::super::ast::Value;
use super::super::ast::WebProtocol;
use super::super::lexer::TokenKind;
use super::address::decimal;
use super::address::other_value;
use super::input::Parsed;
use super::input::Tokens;
use super::input::fail;
use super::input::mismatch;
use super::input::shortened;
use super::set;
use super::word;

/// A set of services.
pub(super) fn services(input: Tokens<'_>) -> Parsed<'_, Spanned<Set<Service>>> {
    set::set(input, service)
}

/// The words that are services, and so cannot be names of sets of services.
pub(super) const SERVICES: &[&str] =
    &["any", "http", "https", "icmp", "mssql", "proto", "tcp", "udp"];

/// One service.
pub(super) fn service(input: Tokens<'_>) -> Parsed<'_, Service> {
    let wanted = "a service, such as `https` or `tcp/443`";
    let Some(token) = input.first().filter(|token| token.kind == TokenKind::Word) else {
        return mismatch(input, wanted);
    };
    let after = input.skip(1);
    match token.text {
        "https" => web(after, WebProtocol::Https),
        "http" => web(after, WebProtocol::Http),
        "mssql" => mssql(after),
        "tcp" => transport(after, Transport::Tcp),
        "udp" => transport(after, Transport::Udp),
        "icmp" => Ok((after, Service::Icmp)),
        "proto" => protocol(after),
        "any" => Ok((after, Service::Any)),
        digits if digits.starts_with(|c: char| c.is_ascii_digit()) => {
            let shown = shortened(digits);
            let found = Diagnostic::new(
                Code::PORT_WITHOUT_PROTOCOL,
                format!("expected a service, found `{shown}`: a port needs its protocol"),
            )
            .at(token.span, "TCP or UDP?")
            .help(format!("write `tcp/{shown}` or `udp/{shown}`; `https` and `http` where names are to be judged"));
            fail(input, found)
        }
        _ => {
            let (rest, path) = word::path(input)?;
            if rest.is(TokenKind::Slash) {
                return fail(input, takes_no_port(&path.to_string(), input.until(rest)));
            }
            Ok((rest, Service::Reference(path)))
        }
    }
}

/// `word` is no protocol, and no set of services has a port.
fn takes_no_port(word: &str, span: Span) -> Diagnostic {
    const WITH_PORT: [&str; 5] = ["https", "http", "mssql", "tcp", "udp"];
    let shown = shortened(word);
    let folded = word.to_ascii_lowercase();
    let meant = match folded.as_str() {
        "tls" | "ssl" => Some("https"),
        other => WITH_PORT.iter().copied().find(|known| *known == other).or_else(|| {
            // What is near to `http` is as near to `https`, or nearer.
            let near = similar::nearest(other, WITH_PORT.iter().copied());
            near.filter(|known| *known != "http")
        }),
    };
    let found = Diagnostic::new(
        Code::UNEXPECTED,
        format!("expected a service that can have a port, found `{shown}`"),
    )
    .at(span, "expected `https`, `http`, `mssql`, `tcp` or `udp`")
    .help("`https/8443` is TLS whose name is judged, `tcp/8443` whatever is sent there");
    match meant {
        Some(meant) => found.fix(format!("write `{meant}`"), vec![Edit::replace(span, meant)]),
        None => found,
    }
}

fn web(input: Tokens<'_>, protocol: WebProtocol) -> Parsed<'_, Service> {
    let (rest, port) = optional_port(input)?;
    Ok((rest, Service::Web { protocol, port }))
}

fn mssql(input: Tokens<'_>) -> Parsed<'_, Service> {
    let (rest, port) = optional_port(input)?;
    let mode = if rest.is_word("proxy") {
        Some(SqlMode::Proxy)
    } else if rest.is_word("redirect") {
        Some(SqlMode::Redirect)
    } else {
        None
    };
    match mode {
        Some(mode) => {
            let mode = Some(Spanned::new(mode, rest.here()));
            Ok((rest.skip(1), Service::Mssql { port, mode }))
        }
        None => Ok((rest, Service::Mssql { port, mode: None })),
    }
}

fn optional_port(input: Tokens<'_>) -> Parsed<'_, Option<Spanned<Value<u16>>>> {
    if !input.is(TokenKind::Slash) {
        return Ok((input, None));
    }
    let (rest, port) = port(input.skip(1))?;
    Ok((rest, Some(port)))
}

fn transport(input: Tokens<'_>, protocol: Transport) -> Parsed<'_, Service> {
    if !input.is(TokenKind::Slash) {
        return mismatch(input, "`/` and a port");
    }
    let (rest, ports) = ports(input.skip(1))?;
    Ok((rest, Service::Transport { protocol, ports }))
}

fn ports(input: Tokens<'_>) -> Parsed<'_, Spanned<PortSpec>> {
    let range = input
        .first()
        .filter(|token| token.kind == TokenKind::Word)
        .and_then(|token| token.text.split_once('-'));
    match range {
        Some((first, last)) if first.bytes().all(|byte| byte.is_ascii_digit()) => {
            match (decimal(first), decimal(last)) {
                (Some(first), Some(last)) if first <= last => {
                    Ok((input.skip(1), Spanned::new(PortSpec::Range(first, last), input.here())))
                }
                _ => fail(
                    input,
                    bad_number(input, "a range of ports, such as `5000-5010`, the lower first"),
                ),
            }
        }
        _ => {
            let (rest, one) = port(input)?;
            Ok((rest, one.map(PortSpec::One)))
        }
    }
}

/// A port: its number, a name that stands for one, or a quoted one.
pub(super) fn port(input: Tokens<'_>) -> Parsed<'_, Spanned<Value<u16>>> {
    if starts_with_digit(input) {
        let (rest, number) = number(input, "a port from 0 to 65535")?;
        return Ok((rest, number.map(Value::Given)));
    }
    other_value(input, "a port")
}

fn protocol(input: Tokens<'_>) -> Parsed<'_, Service> {
    if !input.is(TokenKind::Slash) {
        return mismatch(input, "`/` and the number of a protocol");
    }
    let (rest, number) = number(input.skip(1), "a protocol number from 0 to 255")?;
    Ok((rest, Service::Protocol(number.node)))
}

/// Whether the next token is a word that begins with a digit.
pub(super) fn starts_with_digit(input: Tokens<'_>) -> bool {
    input.first().is_some_and(|token| {
        token.kind == TokenKind::Word && token.text.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// A number that fits its type.
pub(super) fn number<'s, T: std::str::FromStr>(
    input: Tokens<'s>,
    wanted: &'static str,
) -> Parsed<'s, Spanned<T>> {
    if !starts_with_digit(input) {
        return mismatch(input, wanted);
    }
    match input.first().and_then(|token| decimal(token.text)) {
        Some(number) => Ok((input.skip(1), Spanned::new(number, input.here()))),
        None => fail(input, bad_number(input, wanted)),
    }
}

/// `5000-5010`, both numbers of the type, the lower first.
pub(super) fn number_range<'s>(
    input: Tokens<'s>,
    wanted: &'static str,
) -> Parsed<'s, Spanned<(u16, u16)>> {
    let ends = input
        .first()
        .filter(|token| token.kind == TokenKind::Word)
        .and_then(|token| token.text.split_once('-'));
    match ends.map(|(first, last)| (decimal(first), decimal(last))) {
        Some((Some(first), Some(last))) if first <= last => {
            Ok((input.skip(1), Spanned::new((first, last), input.here())))
        }
        Some(_) => fail(input, bad_number(input, wanted)),
        None => mismatch(input, wanted),
    }
}

fn bad_number(input: Tokens<'_>, wanted: &str) -> Diagnostic {
    Diagnostic::new(Code::BAD_PORT, format!("expected {wanted}, found {}", input.found()))
        .at(input.here(), format!("expected {wanted}"))
}

/// The name of a set of services that is declared.
pub(super) fn declared_name(input: Tokens<'_>) -> Parsed<'_, Spanned<super::super::ast::Ident>> {
    let (rest, name) = word::ident(input)?;
    if !SERVICES.contains(&name.node.as_str()) {
        return Ok((rest, name));
    }
    let found = Diagnostic::new(
        Code::RESERVED_WORD,
        format!("`{}` is a service of the language and cannot be a name for others", name.node),
    )
    .at(name.span, "expected a name")
    .help(format!("choose another name, such as `{}-1`", name.node));
    fail(input, found)
}

/// Where a service belongs and none is.
pub(super) fn missing(at: Span, found: &str) -> Diagnostic {
    Diagnostic::new(Code::MISSING_SERVICE, format!("expected `:` and the services, found {found}"))
        .at(at, "on which services?")
        .help("write `: https`, `: tcp/5671` or the like behind the destinations")
        .fix("ask for HTTPS", vec![Edit::insert_after(at, " : https")])
}

//! Firewall policies.
//!
//! ```text
//! policy  = "policy" name "{" { policy-setting } "}"
//! policy-setting = "extends" ( path | quoted ) | "sku" sku | "threat-intel" mode
//!         | "threat-intel-allow" set(operand) | "idps" mode | "inspection-certificate" quoted
//!         | "dns-proxy" switch | "dns-servers" address-list
//!         | "snat" ( "always" | "never" | "except" set(operand) )
//!         | "auto-learn-private-ranges" switch | "sql-redirect" switch | header | dnat | id
//! mode    = "off" | "alert" | "deny"
//! header  = "insert-header" quoted "=" quoted "for" set(operand)
//! dnat    = "dnat" label set(operand) "->" address-value ":" set(service)
//!           "to" ( host | address-value ) "port" port clauses
//! ```

use crate::diagnostic::Spanned;

use super::super::ast::Dnat;
use super::super::ast::DnatTarget;
use super::super::ast::HeaderInsertion;
use super::super::ast::Policy;
use super::super::ast::PolicyParent;
use super::super::ast::SnatMode;
use super::super::ast::ThreatMode;
use super::super::lexer::TokenKind;
use super::address;
use super::address::address_value;
use super::address::looks_like_address;
use super::clause;
use super::clause::Allowed;
use super::input::Parsed;
use super::input::Tokens;
use super::input::fail;
use super::input::mismatch;
use super::input::spanned;
use super::recover;
use super::rule;
use super::service;
use super::set;
use super::setting::bad_choice;
use super::setting::choice;
use super::setting::extend;
use super::setting::fill;
use super::setting::push;
use super::setting::setting;
use super::setting::sku;
use super::setting::switch;
use super::text;
use super::word;

/// A policy, from `policy` on.
pub(super) fn policy(input: Tokens<'_>) -> Parsed<'_, Policy> {
    const SETTINGS: &[&str] = &[
        "extends",
        "sku",
        "threat-intel",
        "threat-intel-allow",
        "idps",
        "inspection-certificate",
        "dns-proxy",
        "dns-servers",
        "snat",
        "auto-learn-private-ranges",
        "sql-redirect",
        "insert-header",
        "dnat",
        "id",
    ];
    let (rest, name) = word::name(input.skip(1))?;
    let mut policy = Policy {
        name,
        extends: None,
        sku: None,
        threat_intel: None,
        threat_intel_allow: None,
        idps: None,
        inspection_certificate: None,
        dns_proxy: None,
        dns_servers: Vec::new(),
        snat: None,
        auto_learn_private_ranges: None,
        sql_redirect: None,
        headers: Vec::new(),
        dnat: Vec::new(),
        id: None,
    };
    let (rest, ()) = recover::block(
        rest,
        |token| SETTINGS.contains(&token.text),
        |input| {
            let word = setting(input, SETTINGS)?;
            one_setting(input, word, &mut policy)
        },
    )?;
    Ok((rest, policy))
}

fn one_setting<'s>(input: Tokens<'s>, word: &str, policy: &mut Policy) -> Parsed<'s, ()> {
    match word {
        "extends" => fill(input, &mut policy.extends, spanned(parent)),
        "sku" => fill(input, &mut policy.sku, sku),
        "threat-intel" => fill(input, &mut policy.threat_intel, mode),
        "threat-intel-allow" => fill(input, &mut policy.threat_intel_allow, set::operands),
        "idps" => fill(input, &mut policy.idps, mode),
        "inspection-certificate" => fill(input, &mut policy.inspection_certificate, text::text),
        "dns-servers" => extend(input, &mut policy.dns_servers, address_value),
        "snat" => fill(input, &mut policy.snat, spanned(snat)),
        "dns-proxy" => fill(input, &mut policy.dns_proxy, switch),
        "sql-redirect" => fill(input, &mut policy.sql_redirect, switch),
        "auto-learn-private-ranges" => fill(input, &mut policy.auto_learn_private_ranges, switch),
        "insert-header" => push(input, &mut policy.headers, spanned(header)),
        "dnat" => push(input, &mut policy.dnat, spanned(dnat)),
        _ => fill(input, &mut policy.id, text::text),
    }
}

fn parent(input: Tokens<'_>) -> Parsed<'_, PolicyParent> {
    if input.is(TokenKind::Quoted) || input.is(TokenKind::Unclosed) {
        let (rest, id) = text::text(input)?;
        return Ok((rest, PolicyParent::Id(id.node)));
    }
    let (rest, path) = word::path(input)?;
    Ok((rest, PolicyParent::Named(path)))
}

fn mode(input: Tokens<'_>) -> Parsed<'_, Spanned<ThreatMode>> {
    choice(
        input,
        &[("off", ThreatMode::Off), ("alert", ThreatMode::Alert), ("deny", ThreatMode::Deny)],
    )
}

fn snat(input: Tokens<'_>) -> Parsed<'_, SnatMode> {
    let Some(token) = input.first().filter(|token| token.kind == TokenKind::Word) else {
        return mismatch(input, "`always`, `never` or `except`");
    };
    let after = input.skip(1);
    match token.text {
        "always" => Ok((after, SnatMode::Always)),
        "never" => Ok((after, SnatMode::Never)),
        "except" => {
            let (rest, set) = set::operands(after)?;
            Ok((rest, SnatMode::Except(set)))
        }
        _ => fail(input, bad_choice(token, &["always", "never", "except"])),
    }
}

fn header(input: Tokens<'_>) -> Parsed<'_, HeaderInsertion> {
    let (rest, header) = text::text(input.skip(1))?;
    let (rest, ()) = word::equals(rest)?;
    let (rest, value) = text::text(rest)?;
    let (rest, _) = word::keyword("for", "`for` and hosts")(rest)?;
    let (rest, hosts) = set::operands(rest)?;
    Ok((rest, HeaderInsertion { header, value, hosts }))
}

fn dnat(input: Tokens<'_>) -> Parsed<'_, Dnat> {
    let (rest, label) = rule::label(input.skip(1))?;
    let (rest, sources) = set::operands(rest)?;
    let (rest, ()) = rule::arrow(rest)?;
    let (rest, destination) = address_value(rest)?;
    let (rest, ()) = word::colon(rest)?;
    let (rest, services) = service::services(rest)?;
    let (rest, _) = word::keyword("to", "`to` and where packets are sent")(rest)?;
    let (rest, target) = spanned(dnat_target)(rest)?;
    let (rest, _) = word::keyword("port", "`port`")(rest)?;
    let (rest, port) = service::port(rest)?;
    let (rest, clauses) = clause::clauses(input, rest, Allowed::Permission, "dnat")?;
    Ok((rest, Dnat { label, sources, destination, services, target, port, clauses }))
}

fn dnat_target(input: Tokens<'_>) -> Parsed<'_, DnatTarget> {
    match input.first() {
        Some(token)
            if !looks_like_address(token)
                && token.kind == TokenKind::Word
                && token.text.contains('.') =>
        {
            let (rest, host) = address::host(input)?;
            Ok((rest, DnatTarget::Host(host.node)))
        }
        _ => {
            let (rest, address) = address_value(input)?;
            Ok((rest, DnatTarget::Address(address.node)))
        }
    }
}

//! The topology.
//!
//! ```text
//! network      = "network" name "{" { vnet | firewall | cluster | virtual-hub | gateway
//!                                   | on-premises | private-endpoint | nsg } "}"
//! vnet         = "vnet" name prefixes [ "{" { subnet | peers | "dns" address-list | id } "}" ]
//! peers        = "peers" peer { "," peer }
//! peer         = name [ "{" { ( "forwarded-traffic" | "gateway-transit" | "remote-gateway" ) switch } "}" ]
//! virtual-hub  = "virtual-hub" name prefix
//!                [ "{" { "connects" name { "," name } | "internet-traffic" "via" name
//!                      | "private-traffic" "via" name | id } "}" ]
//! gateway      = "gateway" name "in" name [ "{" { "kind" ( "vpn" | "express-route" ) | "learns" prefixes } "}" ]
//! on-premises  = "on-premises" name prefixes
//! private-endpoint = "private-endpoint" name "in" name
//!                "{" { "address" address-list | "serves" host-list | "resource" quoted } "}"
//! nsg          = "nsg" name "{" { nsg-rule | id } "}"
//! nsg-rule     = ( "inbound" | "outbound" ) number ( "allow" | "deny" ) label sentence
//! host-list    = host-value { "," host-value }
//! host-value   = host | path | quoted
//! prefixes     = prefix { "," prefix }
//! prefix       = address-spec | path | quoted
//! ```

use crate::diagnostic::Spanned;

use super::super::ast::Action;
use super::super::ast::Gateway;
use super::super::ast::GatewayKind;
use super::super::ast::HostPattern;
use super::super::ast::Name;
use super::super::ast::Network;
use super::super::ast::NetworkItem;
use super::super::ast::Nsg;
use super::super::ast::NsgDirection;
use super::super::ast::NsgRule;
use super::super::ast::OnPremises;
use super::super::ast::Peering;
use super::super::ast::PrivateEndpoint;
use super::super::ast::Value;
use super::super::ast::VirtualHub;
use super::super::ast::Vnet;
use super::super::lexer::TokenKind;
use super::address;
use super::address::address_value;
use super::address::prefix_value;
use super::firewall;
use super::input::Parsed;
use super::input::Tokens;
use super::input::spanned;
use super::recover;
use super::rule;
use super::service;
use super::setting::choice;
use super::setting::extend;
use super::setting::fill;
use super::setting::push;
use super::setting::setting;
use super::setting::switch;
use super::subnet;
use super::text;
use super::word;

/// A network, from `network` on.
pub(super) fn network(input: Tokens<'_>) -> Parsed<'_, Network> {
    const ITEMS: &[&str] = &[
        "vnet",
        "firewall",
        "cluster",
        "virtual-hub",
        "gateway",
        "on-premises",
        "private-endpoint",
        "nsg",
    ];
    let (rest, name) = word::name(input.skip(1))?;
    let mut items = Vec::new();
    let (rest, ()) = recover::block(
        rest,
        |token| ITEMS.contains(&token.text),
        |input| {
            let (rest, item) = match setting(input, ITEMS)? {
                "vnet" => mapped(vnet, NetworkItem::Vnet, input)?,
                "firewall" => mapped(firewall::firewall, NetworkItem::Firewall, input)?,
                "cluster" => mapped(firewall::cluster, NetworkItem::Cluster, input)?,
                "virtual-hub" => mapped(virtual_hub, NetworkItem::VirtualHub, input)?,
                "gateway" => mapped(gateway, NetworkItem::Gateway, input)?,
                "on-premises" => mapped(on_premises, NetworkItem::OnPremises, input)?,
                "private-endpoint" => {
                    mapped(private_endpoint, NetworkItem::PrivateEndpoint, input)?
                }
                _ => mapped(nsg, NetworkItem::Nsg, input)?,
            };
            items.push(item);
            Ok((rest, ()))
        },
    )?;
    Ok((rest, Network { name, items }))
}

/// What `parser` reads as an item, with its place.
fn mapped<'s, T>(
    parser: impl FnMut(Tokens<'s>) -> Parsed<'s, T>,
    item: impl FnOnce(T) -> NetworkItem,
    input: Tokens<'s>,
) -> Parsed<'s, Spanned<NetworkItem>> {
    let (rest, node) = spanned(parser)(input)?;
    Ok((rest, node.map(item)))
}

fn vnet(input: Tokens<'_>) -> Parsed<'_, Vnet> {
    const SETTINGS: &[&str] = &["subnet", "peers", "dns", "id"];
    let (rest, name) = word::name(input.skip(1))?;
    let (rest, prefixes) = word::list(rest, prefix_value)?;
    let mut vnet =
        Vnet { name, prefixes, subnets: Vec::new(), peers: Vec::new(), dns: Vec::new(), id: None };
    if !rest.is(TokenKind::BraceOpen) {
        return Ok((rest, vnet));
    }
    let (rest, ()) = recover::block(
        rest,
        |token| SETTINGS.contains(&token.text),
        |input| match setting(input, SETTINGS)? {
            "subnet" => push(input, &mut vnet.subnets, spanned(subnet::subnet)),
            "peers" => extend(input, &mut vnet.peers, spanned(peering)),
            "dns" => extend(input, &mut vnet.dns, address_value),
            _ => fill(input, &mut vnet.id, text::text),
        },
    )?;
    Ok((rest, vnet))
}

fn peering(input: Tokens<'_>) -> Parsed<'_, Peering> {
    const SETTINGS: &[&str] = &["forwarded-traffic", "gateway-transit", "remote-gateway"];
    let (rest, vnet) = word::name(input)?;
    let mut peering =
        Peering { vnet, forwarded_traffic: None, gateway_transit: None, remote_gateway: None };
    if !rest.is(TokenKind::BraceOpen) {
        return Ok((rest, peering));
    }
    let (rest, ()) = recover::block(
        rest,
        |token| SETTINGS.contains(&token.text),
        |input| match setting(input, SETTINGS)? {
            "forwarded-traffic" => fill(input, &mut peering.forwarded_traffic, switch),
            "gateway-transit" => fill(input, &mut peering.gateway_transit, switch),
            _ => fill(input, &mut peering.remote_gateway, switch),
        },
    )?;
    Ok((rest, peering))
}

fn virtual_hub(input: Tokens<'_>) -> Parsed<'_, VirtualHub> {
    const SETTINGS: &[&str] = &["connects", "internet-traffic", "private-traffic", "id"];
    let (rest, name) = word::name(input.skip(1))?;
    let (rest, prefix) = prefix_value(rest)?;
    let mut hub = VirtualHub {
        name,
        prefix,
        connects: Vec::new(),
        internet_traffic: None,
        private_traffic: None,
        id: None,
    };
    if !rest.is(TokenKind::BraceOpen) {
        return Ok((rest, hub));
    }
    let (rest, ()) = recover::block(
        rest,
        |token| SETTINGS.contains(&token.text),
        |input| match setting(input, SETTINGS)? {
            "connects" => extend(input, &mut hub.connects, word::name),
            "internet-traffic" => fill(input, &mut hub.internet_traffic, via),
            "private-traffic" => fill(input, &mut hub.private_traffic, via),
            _ => fill(input, &mut hub.id, text::text),
        },
    )?;
    Ok((rest, hub))
}

/// `via NAME`
pub(super) fn via(input: Tokens<'_>) -> Parsed<'_, Spanned<Name>> {
    let (rest, _) = word::keyword("via", "`via`")(input)?;
    word::name(rest)
}

/// `NAME in NAME`
pub(super) fn name_in_place(input: Tokens<'_>) -> Parsed<'_, (Spanned<Name>, Spanned<Name>)> {
    let (rest, name) = word::name(input)?;
    let (rest, _) = word::keyword("in", "`in`")(rest)?;
    let (rest, place) = word::name(rest)?;
    Ok((rest, (name, place)))
}

fn gateway(input: Tokens<'_>) -> Parsed<'_, Gateway> {
    const SETTINGS: &[&str] = &["kind", "learns"];
    let (rest, (name, place)) = name_in_place(input.skip(1))?;
    let mut gateway = Gateway { name, place, kind: None, learns: Vec::new() };
    if !rest.is(TokenKind::BraceOpen) {
        return Ok((rest, gateway));
    }
    let (rest, ()) = recover::block(
        rest,
        |token| SETTINGS.contains(&token.text),
        |input| match setting(input, SETTINGS)? {
            "kind" => fill(input, &mut gateway.kind, gateway_kind),
            _ => extend(input, &mut gateway.learns, prefix_value),
        },
    )?;
    Ok((rest, gateway))
}

fn gateway_kind(input: Tokens<'_>) -> Parsed<'_, Spanned<GatewayKind>> {
    choice(input, &[("vpn", GatewayKind::Vpn), ("express-route", GatewayKind::ExpressRoute)])
}

fn on_premises(input: Tokens<'_>) -> Parsed<'_, OnPremises> {
    let (rest, name) = word::name(input.skip(1))?;
    let (rest, prefixes) = word::list(rest, prefix_value)?;
    Ok((rest, OnPremises { name, prefixes }))
}

fn private_endpoint(input: Tokens<'_>) -> Parsed<'_, PrivateEndpoint> {
    const SETTINGS: &[&str] = &["address", "serves", "resource"];
    let (rest, (name, subnet)) = name_in_place(input.skip(1))?;
    let mut endpoint =
        PrivateEndpoint { name, subnet, addresses: Vec::new(), serves: Vec::new(), resource: None };
    let (rest, ()) = recover::block(
        rest,
        |token| SETTINGS.contains(&token.text),
        |input| match setting(input, SETTINGS)? {
            "address" => extend(input, &mut endpoint.addresses, address_value),
            "serves" => extend(input, &mut endpoint.serves, host_value),
            _ => fill(input, &mut endpoint.resource, text::text),
        },
    )?;
    Ok((rest, endpoint))
}

fn host_value(input: Tokens<'_>) -> Parsed<'_, Spanned<Value<HostPattern>>> {
    match input.first() {
        Some(token)
            if token.kind == TokenKind::Url
                || token.kind == TokenKind::Word && token.text.contains(['.', '*']) =>
        {
            let (rest, host) = address::host(input)?;
            Ok((rest, host.map(Value::Given)))
        }
        _ => address::other_value(input, "a host name"),
    }
}

fn nsg(input: Tokens<'_>) -> Parsed<'_, Nsg> {
    const SETTINGS: &[&str] = &["inbound", "outbound", "id"];
    let (rest, name) = word::name(input.skip(1))?;
    let mut nsg = Nsg { name, rules: Vec::new(), id: None };
    let (rest, ()) = recover::block(
        rest,
        |token| SETTINGS.contains(&token.text),
        |input| match setting(input, SETTINGS)? {
            "id" => fill(input, &mut nsg.id, text::text),
            _ => push(input, &mut nsg.rules, spanned(nsg_rule)),
        },
    )?;
    Ok((rest, nsg))
}

fn nsg_rule(input: Tokens<'_>) -> Parsed<'_, NsgRule> {
    let direction =
        if input.is_word("inbound") { NsgDirection::Inbound } else { NsgDirection::Outbound };
    let (rest, priority) = service::number(input.skip(1), "a priority from 100 to 4096")?;
    let (rest, action) = choice(rest, &[("allow", Action::Allow), ("deny", Action::Deny)])?;
    let (rest, label) = rule::label(rest)?;
    let (rest, (sources, destinations, services)) = rule::sentence(rest)?;
    Ok((rest, NsgRule { direction, priority, action, label, sources, destinations, services }))
}

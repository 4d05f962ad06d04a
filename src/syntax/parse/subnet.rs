//! Subnets and their routes.
//!
//! ```text
//! subnet  = "subnet" name prefixes [ "{" { subnet-setting } "}" ]
//! subnet-setting = "routes" "via" name | route | "gateway-routes" switch
//!         | "service-endpoints" tag-name { "," tag-name } | "nsg" name
//!         | "outbound" ( "none" | "default" | "nat-gateway" | "load-balancer" | "public-ip" )
//!         | "private-endpoint-policies" switch | id
//! route   = "route" ( prefix | "tag" tag-name ) "via" target
//! target  = "internet" | "none" | "vnet" | "gateway" | address-value
//! ```

use crate::diagnostic::Spanned;

use super::super::ast::Outbound;
use super::super::ast::Route;
use super::super::ast::RouteDestination;
use super::super::ast::RouteTarget;
use super::super::ast::Subnet;
use super::super::lexer::TokenKind;
use super::address;
use super::address::address_value;
use super::address::prefix_value;
use super::input::Parsed;
use super::input::Tokens;
use super::input::spanned;
use super::network;
use super::recover;
use super::recover::once;
use super::setting::choice;
use super::setting::extend;
use super::setting::fill;
use super::setting::push;
use super::setting::setting;
use super::setting::switch;
use super::text;
use super::word;

/// A subnet, from `subnet` on.
pub(super) fn subnet(input: Tokens<'_>) -> Parsed<'_, Subnet> {
    const SETTINGS: &[&str] = &[
        "routes",
        "route",
        "gateway-routes",
        "service-endpoints",
        "nsg",
        "outbound",
        "private-endpoint-policies",
        "id",
    ];
    let (rest, name) = word::name(input.skip(1))?;
    let (rest, prefixes) = word::list(rest, prefix_value)?;
    let mut subnet = Subnet {
        name,
        prefixes,
        routes_via: None,
        routes: Vec::new(),
        gateway_routes: None,
        service_endpoints: Vec::new(),
        outbound: None,
        nsg: None,
        private_endpoint_policies: None,
        id: None,
    };
    if !rest.is(TokenKind::BraceOpen) {
        return Ok((rest, subnet));
    }
    let (rest, ()) = recover::block(
        rest,
        |token| SETTINGS.contains(&token.text),
        |input| {
            let word = setting(input, SETTINGS)?;
            one_setting(input, word, &mut subnet)
        },
    )?;
    Ok((rest, subnet))
}

fn one_setting<'s>(input: Tokens<'s>, word: &str, subnet: &mut Subnet) -> Parsed<'s, ()> {
    match word {
        "routes" => {
            let (rest, via) = network::via(input.skip(1))?;
            once(input, &mut subnet.routes_via, via, "routes via");
            Ok((rest, ()))
        }
        "route" => push(input, &mut subnet.routes, spanned(route)),
        "gateway-routes" => fill(input, &mut subnet.gateway_routes, switch),
        "service-endpoints" => extend(input, &mut subnet.service_endpoints, address::tag_name),
        "outbound" => fill(input, &mut subnet.outbound, outbound),
        "nsg" => fill(input, &mut subnet.nsg, word::name),
        "private-endpoint-policies" => fill(input, &mut subnet.private_endpoint_policies, switch),
        _ => fill(input, &mut subnet.id, text::text),
    }
}

fn outbound(input: Tokens<'_>) -> Parsed<'_, Spanned<Outbound>> {
    choice(
        input,
        &[
            ("none", Outbound::None),
            ("default", Outbound::Default),
            ("nat-gateway", Outbound::NatGateway),
            ("load-balancer", Outbound::LoadBalancer),
            ("public-ip", Outbound::PublicIp),
        ],
    )
}

fn route(input: Tokens<'_>) -> Parsed<'_, Route> {
    let rest = input.skip(1);
    let (rest, destination) = if rest.is_word("tag") {
        let (after, tag) = address::tag(rest.skip(1))?;
        (after, Spanned::new(RouteDestination::Tag(tag.node), rest.until(after)))
    } else {
        let (after, prefix) = prefix_value(rest)?;
        (after, prefix.map(RouteDestination::Prefix))
    };
    let (rest, _) = word::keyword("via", "`via`")(rest)?;
    let (rest, target) = target(rest)?;
    Ok((rest, Route { destination, target }))
}

fn target(input: Tokens<'_>) -> Parsed<'_, Spanned<RouteTarget>> {
    let target =
        match input.first().filter(|token| token.kind == TokenKind::Word).map(|token| token.text) {
            Some("internet") => RouteTarget::Internet,
            Some("none") => RouteTarget::None,
            Some("vnet") => RouteTarget::Vnet,
            Some("gateway") => RouteTarget::Gateway,
            _ => {
                let (rest, appliance) = address_value(input)?;
                return Ok((rest, appliance.map(RouteTarget::Appliance)));
            }
        };
    Ok((input.skip(1), Spanned::new(target, input.here())))
}

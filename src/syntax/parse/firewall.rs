//! Firewalls and clusters.
//!
//! ```text
//! firewall = "firewall" name "in" name "{" { "sku" sku | "private-ip" address-value | "public-ip" address-list
//!          | "dns-proxy" switch | "dns-servers" address-list | "enforces" name | id } "}"
//! sku      = "basic" | "standard" | "premium"
//! cluster  = "cluster" name "in" name "{" { "plugin" plugin | "pods" prefixes | "service-range" prefix
//!          | "pool" name "on" name [ "pods" name ] | "api" api | id } "}"
//! plugin   = "overlay" | "node-subnet" | "pod-subnet" | "kubenet"
//! api      = "private" | "public" [ address-list ] | "vnet" name
//! address-list = address-value { "," address-value }
//! address-value = address | path | quoted
//! ```

use crate::diagnostic::Spanned;

use super::super::ast::ApiServer;
use super::super::ast::Cluster;
use super::super::ast::Firewall;
use super::super::ast::Plugin;
use super::super::ast::Pool;
use super::super::lexer::TokenKind;
use super::address::address_value;
use super::address::looks_like_address;
use super::address::prefix_value;
use super::input::Parsed;
use super::input::Tokens;
use super::input::mismatch;
use super::input::spanned;
use super::network::name_in_place;
use super::recover;
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

/// A firewall, from `firewall` on.
pub(super) fn firewall(input: Tokens<'_>) -> Parsed<'_, Firewall> {
    const SETTINGS: &[&str] =
        &["sku", "private-ip", "public-ip", "dns-proxy", "dns-servers", "enforces", "id"];
    let (rest, (name, place)) = name_in_place(input.skip(1))?;
    let mut firewall = Firewall {
        name,
        place,
        sku: None,
        private_ip: None,
        public_ips: Vec::new(),
        dns_proxy: None,
        dns_servers: Vec::new(),
        enforces: None,
        id: None,
    };
    let (rest, ()) = recover::block(
        rest,
        |token| SETTINGS.contains(&token.text),
        |input| match setting(input, SETTINGS)? {
            "sku" => fill(input, &mut firewall.sku, sku),
            "private-ip" => fill(input, &mut firewall.private_ip, address_value),
            "public-ip" => extend(input, &mut firewall.public_ips, address_value),
            "dns-proxy" => fill(input, &mut firewall.dns_proxy, switch),
            "dns-servers" => extend(input, &mut firewall.dns_servers, address_value),
            "enforces" => fill(input, &mut firewall.enforces, word::name),
            _ => fill(input, &mut firewall.id, text::text),
        },
    )?;
    Ok((rest, firewall))
}

/// A cluster, from `cluster` on.
pub(super) fn cluster(input: Tokens<'_>) -> Parsed<'_, Cluster> {
    const SETTINGS: &[&str] = &["plugin", "pods", "service-range", "pool", "api", "id"];
    let (rest, (name, vnet)) = name_in_place(input.skip(1))?;
    let mut cluster = Cluster {
        name,
        vnet,
        plugin: None,
        pods: Vec::new(),
        service_range: None,
        pools: Vec::new(),
        api: None,
        id: None,
    };
    let (rest, ()) = recover::block(
        rest,
        |token| SETTINGS.contains(&token.text),
        |input| match setting(input, SETTINGS)? {
            "plugin" => fill(input, &mut cluster.plugin, plugin),
            "pods" => extend(input, &mut cluster.pods, prefix_value),
            "service-range" => fill(input, &mut cluster.service_range, prefix_value),
            "pool" => push(input, &mut cluster.pools, spanned(pool)),
            "api" => fill(input, &mut cluster.api, spanned(api)),
            _ => fill(input, &mut cluster.id, text::text),
        },
    )?;
    Ok((rest, cluster))
}

fn plugin(input: Tokens<'_>) -> Parsed<'_, Spanned<Plugin>> {
    choice(
        input,
        &[
            ("overlay", Plugin::Overlay),
            ("node-subnet", Plugin::NodeSubnet),
            ("pod-subnet", Plugin::PodSubnet),
            ("kubenet", Plugin::Kubenet),
        ],
    )
}

fn pool(input: Tokens<'_>) -> Parsed<'_, Pool> {
    let (rest, name) = word::name(input.skip(1))?;
    let (rest, _) = word::keyword("on", "`on` and a subnet")(rest)?;
    let (rest, subnet) = word::name(rest)?;
    // `pods PREFIX` is the cluster's next setting, `pods SUBNET` is the pool's.
    let names_subnet = rest.ahead(1).is_some_and(|token| {
        matches!(token.kind, TokenKind::Word | TokenKind::Quoted) && !looks_like_address(token)
    });
    if rest.is_word("pods") && names_subnet {
        let (rest, pod_subnet) = word::name(rest.skip(1))?;
        return Ok((rest, Pool { name, subnet, pod_subnet: Some(pod_subnet) }));
    }
    Ok((rest, Pool { name, subnet, pod_subnet: None }))
}

fn api(input: Tokens<'_>) -> Parsed<'_, ApiServer> {
    let Some(token) = input.first().filter(|token| token.kind == TokenKind::Word) else {
        return mismatch(input, "`private`, `public` or `vnet`");
    };
    let after = input.skip(1);
    match token.text {
        "private" => Ok((after, ApiServer::Private)),
        "public" if after.first().is_some_and(looks_like_address) => {
            let (rest, addresses) = word::list(after, address_value)?;
            Ok((rest, ApiServer::Public(addresses)))
        }
        "public" => Ok((after, ApiServer::Public(Vec::new()))),
        "vnet" => {
            let (rest, subnet) = word::name(after)?;
            Ok((rest, ApiServer::Vnet(subnet)))
        }
        _ => super::input::fail(input, bad_choice(token, &["private", "public", "vnet"])),
    }
}

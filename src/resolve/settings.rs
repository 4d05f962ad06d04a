//! Placement, the policy's settings, and what stands beside the list.

use ipnet::IpNet;

use super::imports;
use super::load::Loaded;
use super::scope::ModuleId;
use super::scope::Resolution;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::intent::Context;
use crate::intent::Intent;
use crate::intent::Placement;
use crate::intent::settings::ThreatIntel;
use crate::syntax::ast;
use crate::syntax::ast::Owned;
use crate::syntax::ast::PolicyParent;
use crate::syntax::ast::SnatMode;
use crate::syntax::ast::ThreatMode;

impl Resolution<'_> {
    /// `azure { … }`
    pub(super) fn azure(
        &mut self,
        module: ModuleId,
        node: &ast::Azure,
        intent: &mut Intent,
    ) -> Option<()> {
        let subscription = self.optional_text(module, node.subscription.as_ref());
        let resource_group = self.optional_text(module, node.resource_group.as_ref());
        let location = self.optional_text(module, node.location.as_ref());
        intent.placement = Placement {
            subscription: subscription.ok()?,
            resource_group: resource_group.ok()?,
            location: location.ok()?,
        };
        Some(())
    }

    /// `policy NAME { … }`
    pub(super) fn policy(
        &mut self,
        module: ModuleId,
        node: &ast::Policy,
        intent: &mut Intent,
    ) -> Option<()> {
        self.refuse_settings(node);
        intent.settings.name = self.name(module, &node.name);
        intent.settings.threat_intel = node.threat_intel.as_ref().map(|mode| match mode.node {
            ThreatMode::Off => ThreatIntel::Off,
            ThreatMode::Alert => ThreatIntel::Alert,
            ThreatMode::Deny => ThreatIntel::Deny,
        });
        intent.settings.allow_sql_redirect = node.sql_redirect.as_ref().is_some_and(|on| on.node);
        for server in &node.dns_servers {
            intent.settings.dns_servers.extend(self.address(module, server));
        }
        if let Some(parent) = &node.extends {
            intent.settings.extends = self.parent(parent);
            intent.settings.extends_at = Some(parent.span);
        }
        match node.snat.as_ref().map(|snat| (&snat.node, snat.span)) {
            Some((SnatMode::Except(set), span)) => {
                let ends = self.addresses_only(module, set)?;
                let (v4, v6): (Vec<IpNet>, Vec<IpNet>) =
                    ends.addresses.prefixes().into_iter().partition(|p| p.addr().is_ipv4());
                // `azure-firewall.md §4.2`: the ranges are IPv4; IPv6 is always translated (§1.13).
                if let Some(prefix) = v6.first() {
                    let found = Diagnostic::new(
                        Code::WRONG_KIND,
                        format!("`snat except` takes IPv4 addresses, found `{prefix}` among them"),
                    )
                    .at(span, "Azure would refuse the policy")
                    .help("write the IPv4 prefixes that see the source's own address");
                    return self.refuse(found);
                }
                intent.settings.private_ranges = v4;
            }
            Some((SnatMode::Always | SnatMode::Never, span)) => {
                self.unsupported(span, "`snat always` and `snat never` are");
            }
            None => {}
        }
        Some(())
    }

    fn refuse_settings(&mut self, node: &ast::Policy) {
        let settings: [(Option<Span>, &str); 9] = [
            (
                node.sku.as_ref().map(|s| s.span),
                "`sku` of a policy, rather than of its firewall, is",
            ),
            (node.threat_intel_allow.as_ref().map(|s| s.span), "lists for threat intelligence are"),
            (node.idps.as_ref().map(|s| s.span), "`idps` is"),
            (node.inspection_certificate.as_ref().map(|s| s.span), "TLS inspection is"),
            (
                node.dns_proxy.as_ref().map(|s| s.span),
                "`dns-proxy` of a policy, rather than of its firewall, is",
            ),
            (node.auto_learn_private_ranges.as_ref().map(|s| s.span), "learned private ranges are"),
            (node.headers.first().map(|s| s.span), "inserted headers are"),
            (node.dnat.first().map(|s| s.span), "DNAT rules are"),
            (node.id.as_ref().map(|s| s.span), "resources that exist under an `id` are"),
        ];
        for (span, what) in settings {
            if let Some(span) = span {
                self.unsupported(span, what);
            }
        }
    }

    /// The name of the parent, which `compile` looks for among the context.
    fn parent(&mut self, parent: &Spanned<PolicyParent>) -> Option<String> {
        match &parent.node {
            PolicyParent::Named(path) if path.module.is_none() => {
                Some(path.name.node.as_str().to_owned())
            }
            PolicyParent::Named(_) | PolicyParent::Id(_) => {
                self.unsupported(
                    parent.span,
                    "a parent by module or id, rather than by its name in a `context` file, is",
                );
                None
            }
        }
    }

    /// `context FILE`; a file that could not be read was reported when it was looked for.
    pub(super) fn context(
        &mut self,
        module: ModuleId,
        node: &ast::Context,
        span: Span,
        loaded: &Loaded,
        intent: &mut Intent,
    ) -> Option<()> {
        let importer = self.module(module)?.file.source.clone();
        let source = imports::beside(&importer, &node.file.node).ok()?;
        let text = loaded.contexts.get(&source)?.clone();
        let origin = self.origin(module, span);
        intent.context.push(Context { file: loaded.shown(&source), text, origin });
        Some(())
    }

    /// `owns …`: only whole virtual networks, by all of their subnets, can be written.
    pub(super) fn owns(&mut self, module: ModuleId, node: &ast::Owns, intent: &mut Intent) {
        let mut owned = Vec::new();
        for thing in &node.things {
            match &thing.node {
                Owned::Subnet(name) => {
                    let name = Spanned::new(name.clone(), thing.span);
                    let Some(text) = self.name(module, &name) else { continue };
                    let known = self.parts.subnets.iter().any(|(_, part)| part.name == text);
                    if known {
                        owned.push(text);
                    } else {
                        let names = self.parts.subnets.iter().map(|(_, part)| part.name.clone());
                        let names: Vec<String> = names.collect();
                        self.not_a_part::<()>("subnet", &text, thing.span, &names);
                    }
                }
                Owned::Policy(_)
                | Owned::Group(_)
                | Owned::IpGroup(_)
                | Owned::RouteTable(_)
                | Owned::Nsg(_)
                | Owned::Priorities(..) => {
                    self.unsupported(thing.span, "owning anything but subnets is");
                }
            }
        }
        for network in &mut intent.topology.networks {
            let is_owned = |name: &String| owned.contains(name);
            let count = network.subnets.iter().filter(|subnet| is_owned(&subnet.name)).count();
            network.owned |= count > 0 && count == network.subnets.len();
            if count > 0 && count < network.subnets.len() {
                let span = node.things.first().map_or(Span::NONE, |thing| thing.span);
                let found = Diagnostic::new(
                    Code::UNSUPPORTED,
                    format!(
                        "owning some subnets of `{}` and not all is not supported yet",
                        network.name
                    ),
                )
                .at(span, "would have no effect")
                .help("own each subnet of the network, or none");
                if !self.findings.contains(&found) {
                    self.findings.push(found);
                }
            }
        }
    }
}

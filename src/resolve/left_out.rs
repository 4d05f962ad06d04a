//! What a list leaves out though the language has a setting for it.
//!
//! Told are settings that have one value whether or not it is written. A list that is not there,
//! of routes or endpoints, is an empty one, and a clause that is not there is none. The value is
//! not told here, but for a parameter: each is found where the setting ends, in the list or in
//! what it is compiled to, so that it cannot be another than the one in force.

use super::scope::Declared;
use super::scope::ModuleId;
use super::scope::Resolution;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::syntax::ast;
use crate::syntax::ast::StatementKind;

/// A setting that the source leaves out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeftOut {
    /// The setting, and of what.
    pub setting: Setting,
    /// The sentence or part that lacks it; the beginning of the rules file where there is none.
    pub span: Span,
}

/// A setting of something. Parts of the network go by the names that they have in the list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Setting {
    /// The value of a parameter.
    Parameter {
        /// Its name, with the aliases of the imports on the way: `aks::cloud`.
        name: String,
        /// Its default as it is written, on one line.
        default: String,
    },
    /// `dns` of a virtual network.
    Dns {
        /// The virtual network.
        network: String,
    },
    /// A setting of a peering.
    Peering {
        /// The virtual network that names its peer.
        network: String,
        /// The peer.
        remote: String,
        /// The setting.
        setting: PeeringSetting,
    },
    /// A setting of a subnet.
    Subnet {
        /// The virtual network.
        network: String,
        /// The subnet.
        name: String,
        /// The setting.
        setting: SubnetSetting,
    },
    /// `dns-proxy` of a firewall.
    DnsProxy {
        /// The firewall.
        firewall: String,
    },
    /// `enforces` of a firewall.
    Enforces {
        /// The firewall.
        firewall: String,
    },
    /// A setting of the policy.
    Policy(PolicySetting),
}

/// A setting of a peering.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PeeringSetting {
    /// `forwarded-traffic`
    ForwardedTraffic,
    /// `gateway-transit`
    GatewayTransit,
    /// `remote-gateway`
    RemoteGateway,
}

/// A setting of a subnet.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SubnetSetting {
    /// `routes via`
    RoutesVia,
    /// `gateway-routes`
    GatewayRoutes,
    /// `outbound`
    Outbound,
    /// `private-endpoint-policies`
    PrivateEndpointPolicies,
}

/// A setting of the policy.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PolicySetting {
    /// Its name.
    Name,
    /// `sku`, where there is no firewall that has one.
    Sku,
    /// `threat-intel`
    ThreatIntel,
    /// `idps`
    Idps,
    /// `inspection-certificate`
    InspectionCertificate,
    /// `dns-proxy`, where there is no firewall that may have it.
    DnsProxy,
    /// `dns-servers`
    DnsServers,
    /// `snat`
    Snat,
    /// `auto-learn-private-ranges`
    AutoLearnPrivateRanges,
    /// `sql-redirect`
    SqlRedirect,
    /// Rules that no sentence can write: the last deny.
    OwnRules,
}

impl<'a> Resolution<'a> {
    /// Everything that is left out, in reading order. Parameters are noted where their default is
    /// taken.
    pub(super) fn all_left_out(&mut self) -> Vec<LeftOut> {
        for vnet in self.parts.vnets.clone() {
            self.vnet_left_out(&vnet);
        }
        for (vnet, subnet) in self.parts.subnets.clone() {
            self.subnet_left_out(vnet, &subnet);
        }
        for firewall in self.parts.firewalls.clone() {
            self.firewall_left_out(&firewall);
        }
        self.policy_left_out();
        let mut all = std::mem::take(&mut self.left_out);
        // Settings of one place stay in the order of the language.
        all.sort_by_key(|one| (one.span.file, one.span.start));
        all
    }

    /// Notes the default of the parameter `name`, which stands at `default`; `span` is what gives
    /// no value.
    pub(super) fn default_taken(
        &mut self,
        module: ModuleId,
        name: &str,
        default: Span,
        span: Span,
    ) {
        let prefix = self.module(module).map(|module| module.prefix.as_str()).unwrap_or_default();
        let name = format!("{prefix}{name}");
        let words: Vec<&str> = self.sources.text(default).split_whitespace().collect();
        let setting = Setting::Parameter { name, default: words.join(" ") };
        self.left_out.push(LeftOut { setting, span });
    }

    fn vnet_left_out(&mut self, part: &Declared<'a, ast::Vnet>) {
        let Declared { module, name: network, node, at, .. } = part;
        let ast::Vnet { name: _, prefixes: _, subnets: _, peers, dns, id: _ } = node;
        if dns.is_empty() {
            let setting = Setting::Dns { network: network.clone() };
            self.left_out.push(LeftOut { setting, span: *at });
        }
        for peering in peers {
            let ast::Peering { vnet, forwarded_traffic, gateway_transit, remote_gateway } =
                &peering.node;
            let Some(remote) = self.vnet(*module, vnet) else { continue };
            let remote = self.vnet_name(remote);
            let settings = [
                (PeeringSetting::ForwardedTraffic, forwarded_traffic),
                (PeeringSetting::GatewayTransit, gateway_transit),
                (PeeringSetting::RemoteGateway, remote_gateway),
            ];
            let lacking = settings.into_iter().filter(|(_, written)| written.is_none());
            self.left_out.extend(lacking.map(|(setting, _)| LeftOut {
                setting: Setting::Peering {
                    network: network.clone(),
                    remote: remote.clone(),
                    setting,
                },
                span: peering.span,
            }));
        }
    }

    fn subnet_left_out(&mut self, vnet: usize, part: &Declared<'a, ast::Subnet>) {
        let ast::Subnet {
            name: _,
            prefixes: _,
            routes_via,
            routes: _,
            gateway_routes,
            service_endpoints: _,
            outbound,
            nsg: _,
            private_endpoint_policies,
            id: _,
        } = part.node;
        let network = self.vnet_name(vnet);
        let settings = [
            (SubnetSetting::RoutesVia, routes_via.is_none()),
            (SubnetSetting::GatewayRoutes, gateway_routes.is_none()),
            (SubnetSetting::Outbound, outbound.is_none()),
            (SubnetSetting::PrivateEndpointPolicies, private_endpoint_policies.is_none()),
        ];
        let lacking = settings.into_iter().filter(|(_, lacks)| *lacks);
        self.left_out.extend(lacking.map(|(setting, _)| LeftOut {
            setting: Setting::Subnet { network: network.clone(), name: part.name.clone(), setting },
            span: part.at,
        }));
    }

    fn firewall_left_out(&mut self, part: &Declared<'a, ast::Firewall>) {
        let ast::Firewall {
            name: _,
            place: _,
            sku: _,
            private_ip: _,
            public_ips: _,
            dns_proxy,
            dns_servers: _,
            enforces,
            id: _,
        } = part.node;
        let firewall = || part.name.clone();
        let dns_proxy = dns_proxy.is_none().then(|| Setting::DnsProxy { firewall: firewall() });
        let enforces = enforces.is_none().then(|| Setting::Enforces { firewall: firewall() });
        let lacking = dns_proxy.into_iter().chain(enforces);
        self.left_out.extend(lacking.map(|setting| LeftOut { setting, span: part.at }));
    }

    fn policy_left_out(&mut self) {
        let statements = self.module(ModuleId::ROOT).map(|module| module.statements.as_slice());
        let written = statements.unwrap_or_default().iter().find_map(|statement| {
            let StatementKind::Policy(policy) = &statement.kind.node else { return None };
            Some(Spanned::new(policy, statement.kind.span))
        });
        let beginning = self.sources.main().map_or(Span::NONE, |(id, _)| Span::new(id, 0, 0));
        let span = written.map_or(beginning, |policy| policy.span);
        let has_firewall = !self.parts.firewalls.is_empty();
        let lacking = lacking(written.map(|policy| policy.node), has_firewall);
        self.left_out
            .extend(lacking.map(|setting| LeftOut { setting: Setting::Policy(setting), span }));
    }
}

/// The settings that `policy` lacks; all of them where there is none.
fn lacking(
    policy: Option<&ast::Policy>,
    has_firewall: bool,
) -> impl Iterator<Item = PolicySetting> {
    let lacks = |has: fn(&ast::Policy) -> bool| !policy.is_some_and(has);
    let settings = [
        (PolicySetting::Name, policy.is_none()),
        (PolicySetting::Sku, !has_firewall && lacks(|policy| policy.sku.is_some())),
        (PolicySetting::ThreatIntel, lacks(|policy| policy.threat_intel.is_some())),
        (PolicySetting::Idps, lacks(|policy| policy.idps.is_some())),
        (
            PolicySetting::InspectionCertificate,
            lacks(|policy| policy.inspection_certificate.is_some()),
        ),
        (PolicySetting::DnsProxy, !has_firewall && lacks(|policy| policy.dns_proxy.is_some())),
        (PolicySetting::DnsServers, lacks(|policy| !policy.dns_servers.is_empty())),
        (PolicySetting::Snat, lacks(|policy| policy.snat.is_some())),
        (
            PolicySetting::AutoLearnPrivateRanges,
            lacks(|policy| policy.auto_learn_private_ranges.is_some()),
        ),
        (PolicySetting::SqlRedirect, lacks(|policy| policy.sql_redirect.is_some())),
        (PolicySetting::OwnRules, true),
    ];
    settings.into_iter().filter(|(_, lacks)| *lacks).map(|(setting, _)| setting)
}

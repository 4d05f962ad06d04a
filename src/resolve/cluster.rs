//! Firewalls and clusters.

use super::scope::Declared;
use super::scope::Resolution;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::intent::topology as intent;
use crate::intent::topology::NetworkPlugin;
use crate::intent::topology::Tier;
use crate::syntax::ast;
use crate::syntax::ast::Plugin;
use crate::syntax::ast::Sku;

impl<'a> Resolution<'a> {
    /// A firewall.
    pub(super) fn firewall_part(
        &mut self,
        part: &Declared<'a, ast::Firewall>,
    ) -> Option<intent::Firewall> {
        let Declared { module, name, node, at, span } = part;
        if let Some(server) = node.dns_servers.first() {
            self.unsupported(
                server.span,
                "`dns-servers` of a firewall, rather than of its policy, are",
            );
        }
        if let Some(id) = &node.id {
            self.unsupported(id.span, "resources that exist under an `id` are");
        }
        let enforces = match &node.enforces {
            Some(policy) => self.name(*module, policy).map(Some),
            None => Some(None),
        };
        let vnet = self.vnet(*module, &node.place);
        let what = format!("firewall `{name}`");
        let sku = self.required(node.sku.as_ref(), &what, "sku premium", *at);
        let private_ip = self.required(node.private_ip.as_ref(), &what, "private-ip 10.0.1.4", *at);
        let private_address = private_ip.and_then(|value| self.address(*module, value));
        let mut public = Some(Vec::new());
        for value in &node.public_ips {
            let address = self.address(*module, value);
            public = public.zip(address).map(|(mut public, address)| {
                public.push(address);
                public
            });
        }
        let tier = match sku?.node {
            Sku::Basic => Tier::Basic,
            Sku::Standard => Tier::Standard,
            Sku::Premium => Tier::Premium,
        };
        let origin = self.origin(*module, *span);
        Some(intent::Firewall {
            name: name.clone(),
            network: self.vnet_name(vnet?),
            enforces: enforces?,
            tier,
            private_address: private_address?,
            public_addresses: public?,
            dns_proxy: node.dns_proxy.as_ref().is_some_and(|on| on.node),
            forced_tunneling: false,
            origin,
        })
    }

    /// A cluster with its pools.
    pub(super) fn cluster(&mut self, part: &Declared<'a, ast::Cluster>) -> Option<intent::Cluster> {
        let Declared { module, name, node, at, span } = part;
        if let Some(range) = &node.service_range {
            self.unsupported(range.span, "`service-range` is");
        }
        if let Some(id) = &node.id {
            self.unsupported(id.span, "resources that exist under an `id` are");
        }
        let what = format!("cluster `{name}`");
        let plugin = self.required(node.plugin.as_ref(), &what, "plugin overlay", *at);
        let api = self.required(node.api.as_ref(), &what, "api private", *at);
        let vnet = self.vnet(*module, &node.vnet);
        let pod_ranges = self.prefixes(*module, &node.pods);
        let plugin = match plugin?.node {
            Plugin::Overlay => NetworkPlugin::Overlay,
            Plugin::NodeSubnet => NetworkPlugin::NodeSubnet,
            Plugin::PodSubnet => NetworkPlugin::PodSubnet,
            Plugin::Kubenet => NetworkPlugin::Kubenet,
        };
        if plugin.hides_pods() && node.pods.is_empty() {
            self.required::<()>(None, &what, "pods 10.244.0.0/16", *at);
        }
        if let (false, Some(pods)) = (plugin.hides_pods(), node.pods.first()) {
            let found = Diagnostic::new(
                Code::BAD_PLACE,
                "with this plugin pods have addresses of a subnet, not of a range of their own",
            )
            .at(pods.span, "no such range")
            .help("leave out `pods`");
            self.report(found);
        }
        let vnet = vnet?;
        let mut pools = Vec::new();
        for pool in &node.pools {
            let pool_name = self.name(*module, &pool.node.name);
            let subnet = self.subnet_of(*module, vnet, &pool.node.subnet);
            let pods = match &pool.node.pod_subnet {
                Some(pods) => self.subnet_of(*module, vnet, pods).map(|part| Some(part.name)),
                None => Some(None),
            };
            let given = pool.node.pod_subnet.as_ref();
            if (plugin == NetworkPlugin::PodSubnet) != given.is_some() {
                let found = Diagnostic::new(
                    Code::BAD_PLACE,
                    "a pool has a subnet for its pods exactly with `plugin pod-subnet`",
                )
                .at(given.map_or(pool.span, |pods| pods.span), "does not fit the plugin")
                .also(node.plugin.as_ref().map_or(*at, |plugin| plugin.span), "the plugin");
                self.report(found);
            }
            if let (Some(name), Some(subnet), Some(pod_subnet)) = (pool_name, subnet, pods) {
                pools.push(intent::NodePool { name, subnet: subnet.name, pod_subnet });
            }
        }
        if node.pools.is_empty() {
            self.required::<()>(None, &what, "pool system on system", *at);
        }
        let api_server = match &api?.node {
            ast::ApiServer::Private => intent::ApiServer::Private,
            ast::ApiServer::Public(addresses) => {
                let mut public = Vec::new();
                for address in addresses {
                    public.push(self.address(*module, address)?);
                }
                intent::ApiServer::Public(public)
            }
            ast::ApiServer::Vnet(subnet) => {
                intent::ApiServer::VnetIntegration(self.subnet_of(*module, vnet, subnet)?.name)
            }
        };
        let origin = self.origin(*module, *span);
        Some(intent::Cluster {
            name: name.clone(),
            network: self.vnet_name(vnet),
            plugin,
            pod_ranges: pod_ranges?,
            pools,
            api_server,
            origin,
        })
    }

    /// A setting that has no closed reading and so must be there; `example` is one.
    fn required<'v, T>(
        &mut self,
        setting: Option<&'v T>,
        what: &str,
        example: &str,
        at: Span,
    ) -> Option<&'v T> {
        if setting.is_none() {
            let word = example.split(' ').next().unwrap_or_default();
            let found =
                Diagnostic::new(Code::MISSING_SETTING, format!("{what} does not say its `{word}`"))
                    .at(at, format!("`{word}` is missing"))
                    .help(format!("write `{example}` or the like in its block"));
            self.report(found);
        }
        setting
    }
}

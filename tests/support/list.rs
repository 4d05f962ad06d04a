//! Lists built in Rust, for tests that are about what a list means and not how it is written.

use std::net::IpAddr;

use ipnet::IpNet;

use exeat::diagnostic::Span;
use exeat::flow::AddressSet;
use exeat::flow::FqdnPattern;
use exeat::flow::NameSet;
use exeat::flow::PortRange;
use exeat::intent::Deny;
use exeat::intent::Destination;
use exeat::intent::Intent;
use exeat::intent::Origin;
use exeat::intent::Permission;
use exeat::intent::Requirement;
use exeat::intent::Service;
use exeat::intent::permission::Addresses;
use exeat::intent::permission::MssqlMode;
use exeat::intent::permission::Names;
use exeat::intent::permission::StatementSpans;
use exeat::intent::topology::ApiServer;
use exeat::intent::topology::Cluster;
use exeat::intent::topology::Dns;
use exeat::intent::topology::Firewall;
use exeat::intent::topology::NetworkPlugin;
use exeat::intent::topology::NodePool;
use exeat::intent::topology::Subnet;
use exeat::intent::topology::Tier;
use exeat::intent::topology::VirtualNetwork;

pub(crate) const SYSTEM: &str = "10.1.0.0/22";
pub(crate) const APPS: &str = "10.1.8.0/24";
pub(crate) const PODS: &str = "10.244.0.0/16";

/// Where everything here stands.
pub(crate) fn origin() -> Origin {
    Origin { file: "list.egress".to_owned(), span: Span::NONE }
}

fn spans() -> StatementSpans {
    StatementSpans {
        label: Span::NONE,
        sources: Span::NONE,
        destinations: Span::NONE,
        services: Span::NONE,
    }
}

/// Addresses by prefixes; `any` is all of them.
pub(crate) fn addresses(text: &str) -> Addresses {
    let set = if text == "any" {
        AddressSet::all()
    } else {
        text.split(", ").map(|prefix| prefix.parse::<IpNet>().unwrap()).collect()
    };
    Addresses { set, written: vec![text.to_owned()] }
}

/// Names by patterns, with what is excepted.
pub(crate) fn names(patterns: &str, except: &str) -> Destination {
    let read = |text: &str| -> Vec<FqdnPattern> {
        text.split(", ").filter(|p| !p.is_empty()).map(|p| p.parse().unwrap()).collect()
    };
    let (patterns, except) = (read(patterns), read(except));
    let set = patterns.iter().collect::<NameSet>().difference(&except.iter().collect::<NameSet>());
    Destination::Names(Names { patterns, except, set })
}

/// A destination: `any`, `tag X`, `fqdn-tag X`, `category X`, `url H/P`, prefixes, or names.
pub(crate) fn destination(text: &str) -> Destination {
    match text.split_once(' ') {
        _ if text == "any" => Destination::Any,
        Some(("tag", tag)) => Destination::ServiceTag(tag.to_owned()),
        Some(("fqdn-tag", tag)) => Destination::FqdnTag(tag.to_owned()),
        Some(("category", category)) => Destination::WebCategory(category.to_owned()),
        Some(("url", url)) => {
            let (host, path) = url.split_once('/').unwrap();
            Destination::Url { host: host.parse().unwrap(), path: format!("/{path}") }
        }
        _ if text.parse::<IpNet>().is_ok() => Destination::Addresses(addresses(text)),
        _ => names(text, ""),
    }
}

/// Services as the language writes them, such as `https/8443, udp/123`.
pub(crate) fn services(text: &str) -> Vec<Service> {
    text.split(", ").map(service).collect()
}

fn service(text: &str) -> Service {
    let (word, rest) = text.split_once('/').unwrap_or((text, ""));
    let port = |usual: u16| if rest.is_empty() { usual } else { rest.parse().unwrap() };
    let range = || {
        let (first, last) = rest.split_once('-').unwrap_or((rest, rest));
        PortRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
    };
    match word {
        "https" => Service::Https { port: port(443) },
        "http" => Service::Http { port: port(80) },
        "mssql proxy" => Service::Mssql { mode: MssqlMode::Proxy, port: port(1433) },
        "mssql redirect" => Service::Mssql { mode: MssqlMode::Redirect, port: port(1433) },
        "tcp" => Service::Tcp(range()),
        "udp" => Service::Udp(range()),
        "icmp" => Service::Icmp,
        "proto" => Service::Protocol(exeat::flow::IpProtocol(rest.parse().unwrap())),
        "any" => Service::Any,
        other => panic!("no service `{other}`"),
    }
}

/// An `allow`.
pub(crate) fn allow(label: &str, sources: &str, to: &str, with: &str) -> Permission {
    Permission {
        label: label.to_owned(),
        requirement: Requirement::Required,
        sources: addresses(sources),
        destinations: vec![destination(to)],
        services: services(with),
        because: "tests need it".to_owned(),
        owner: None,
        ticket: None,
        expires: None,
        by_address: None,
        accept_undetermined: None,
        description: None,
        origin: origin(),
        spans: spans(),
    }
}

/// An `allow` with the mark `by address because …`.
pub(crate) fn allow_by_address(label: &str, sources: &str, to: &str, with: &str) -> Permission {
    Permission {
        by_address: Some("it carries no name".to_owned()),
        ..allow(label, sources, to, with)
    }
}

/// A `deny`.
pub(crate) fn deny(label: &str, sources: &str, to: &str, with: &str) -> Deny {
    Deny {
        label: label.to_owned(),
        sources: addresses(sources),
        destinations: vec![destination(to)],
        services: services(with),
        because: "tests need it".to_owned(),
        owner: None,
        ticket: None,
        expires: None,
        description: None,
        origin: origin(),
        spans: spans(),
    }
}

fn subnet(name: &str, prefix: &str, routes_via: Option<&str>) -> Subnet {
    Subnet {
        name: name.to_owned(),
        prefixes: vec![prefix.parse().unwrap()],
        routes_via: routes_via.map(str::to_owned),
        exceptions: Vec::new(),
        service_endpoints: Vec::new(),
        private_endpoints: Vec::new(),
        endpoint_routes: false,
        default_outbound: Some(true),
        explicit_outbound: false,
        origin: origin(),
    }
}

fn network(name: &str, prefix: &str, subnets: Vec<Subnet>) -> VirtualNetwork {
    VirtualNetwork {
        name: name.to_owned(),
        prefixes: vec![prefix.parse().unwrap()],
        subnets,
        peers: Vec::new(),
        dns: Dns::Azure,
        gateway_routes: Vec::new(),
        owned: false,
        origin: origin(),
    }
}

/// Hub and spoke of the language's first page, with a firewall of this tier and its proxy on.
pub(crate) fn hub_and_spoke(tier: Tier) -> Intent {
    let mut intent = Intent::default();
    let hub_subnets = vec![subnet("AzureFirewallSubnet", "10.0.1.0/26", None)];
    let spoke_subnets = vec![
        subnet("system", SYSTEM, Some("egress")),
        subnet("apps", APPS, Some("egress")),
        subnet("jump", "10.1.9.0/24", None),
    ];
    let spoke = VirtualNetwork {
        peers: vec!["hub".to_owned()],
        dns: Dns::Firewall("egress".to_owned()),
        ..network("spoke", "10.1.0.0/16", spoke_subnets)
    };
    intent.topology.networks = vec![network("hub", "10.0.0.0/16", hub_subnets), spoke];
    intent.topology.firewalls = vec![Firewall {
        name: "egress".to_owned(),
        network: "hub".to_owned(),
        enforces: None,
        tier,
        private_address: IpAddr::from([10, 0, 1, 4]),
        public_addresses: vec![IpAddr::from([203, 0, 113, 10])],
        dns_proxy: true,
        forced_tunneling: false,
        origin: origin(),
    }];
    intent.topology.clusters = vec![Cluster {
        name: "trips".to_owned(),
        network: "spoke".to_owned(),
        plugin: NetworkPlugin::Overlay,
        pod_ranges: vec![PODS.parse().unwrap()],
        pools: vec![NodePool {
            name: "apps".to_owned(),
            subnet: "apps".to_owned(),
            pod_subnet: None,
        }],
        api_server: ApiServer::Private,
        origin: origin(),
    }];
    intent
}

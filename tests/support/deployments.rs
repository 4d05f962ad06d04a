//! Random deployments whose references hold: every resource that can be named is there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use exeat::azure::Deployment;
use exeat::azure::Key;
use exeat::azure::Origin;
use exeat::azure::Ownership;
use exeat::azure::RuleId;
use exeat::azure::Scope;
use exeat::azure::address::AddressEntry;
use exeat::azure::address::DestinationEntry;
use exeat::azure::address::ServiceTag;
use exeat::azure::cluster::ApiServer;
use exeat::azure::cluster::Cluster;
use exeat::azure::cluster::NetworkPlugin;
use exeat::azure::cluster::NodePool;
use exeat::azure::cluster::SubnetId;
use exeat::azure::deployment::IpGroup;
use exeat::azure::deployment::Unknown;
use exeat::azure::firewall::Firewall;
use exeat::azure::firewall::FirewallPlace;
use exeat::azure::key::Priority;
use exeat::azure::network::Peering;
use exeat::azure::network::PrivateEndpoint;
use exeat::azure::network::PrivateEndpointPolicies;
use exeat::azure::network::ServiceEndpoint;
use exeat::azure::network::Subnet;
use exeat::azure::network::VirtualNetwork;
use exeat::azure::policy::Action;
use exeat::azure::policy::CertificateAuthority;
use exeat::azure::policy::DnsSettings;
use exeat::azure::policy::ExplicitProxy;
use exeat::azure::policy::IntrusionBypass;
use exeat::azure::policy::IntrusionDetection;
use exeat::azure::policy::Policy;
use exeat::azure::policy::PrivateRange;
use exeat::azure::policy::RuleCollection;
use exeat::azure::policy::RuleCollectionGroup;
use exeat::azure::policy::Rules;
use exeat::azure::policy::SignatureOverride;
use exeat::azure::policy::SnatSettings;
use exeat::azure::policy::ThreatIntelAllowlist;
use exeat::azure::policy::ThreatIntelMode;
use exeat::azure::policy::Tier;
use exeat::azure::route::NextHop;
use exeat::azure::route::Route;
use exeat::azure::route::RouteDestination;
use exeat::azure::route::RouteTable;
use exeat::azure::rule::ApplicationProtocol;
use exeat::azure::rule::ApplicationProtocolType;
use exeat::azure::rule::ApplicationRule;
use exeat::azure::rule::HttpHeader;
use exeat::azure::rule::NatRule;
use exeat::azure::rule::NetworkProtocol;
use exeat::azure::rule::NetworkRule;
use exeat::azure::rule::PortEntry;
use exeat::azure::rule::Sources;
use exeat::azure::rule::Translation;
use exeat::azure::rule::UrlPattern;
use exeat::azure::security_group::Direction;
use exeat::azure::security_group::NetworkSecurityGroup;
use exeat::azure::security_group::SecurityRule;
use exeat::flow::Fqdn;
use exeat::flow::FqdnPattern;
use exeat::flow::IpProtocol;
use exeat::flow::PortRange;
use exeat::flow::address::AddressRange;

const POLICIES: [&str; 3] = ["fwp-a", "FWP-B", "fwp-c"];
const IP_GROUPS: [&str; 2] = ["ipg-a", "ipg-b"];
const NETWORKS: [&str; 2] = ["vnet-a", "vnet-b"];
const TABLES: [&str; 2] = ["rt-a", "rt-b"];
const SECURITY_GROUPS: [&str; 1] = ["nsg-a"];
const UNKNOWNS: [&str; 2] = ["pool", "front-end ranges"];

/// The subnet that every network has.
const SUBNET: &str = "snet-0";

/// A deployment.
pub(crate) fn deployments() -> impl Strategy<Value = Deployment> {
    let clusters = vec(cluster(), 0..2).prop_map(|all| numbered("aks", all));
    let firewalls = vec(firewall(), 0..3).prop_map(|all| numbered("fw", all));
    (
        policies(),
        firewalls,
        of_all(&IP_GROUPS, ip_group()),
        networks(),
        tables(),
        security(),
        clusters,
    )
        .prop_flat_map(|parts| (Just(parts), any::<u64>()))
        .prop_map(
            |((policies, firewalls, ip_groups, networks, tables, security, clusters), seed)| {
                let because =
                    |name: &&str| Unknown { name: (*name).to_owned(), because: "?".into() };
                let mut deployment = Deployment {
                    policies,
                    firewalls,
                    ip_groups,
                    virtual_networks: networks,
                    route_tables: tables,
                    network_security_groups: security,
                    clusters,
                    unknowns: UNKNOWNS.iter().map(because).collect(),
                    origins: BTreeMap::new(),
                };
                deployment.origins = origins(&deployment, seed);
                deployment
            },
        )
}

/// An origin for about half of the rules.
fn origins(deployment: &Deployment, seed: u64) -> BTreeMap<RuleId, Origin> {
    let mut ids = Vec::new();
    for (policy, resource) in &deployment.policies {
        for group in &resource.groups {
            for collection in &group.collections {
                let names: Vec<&String> = match &collection.rules {
                    Rules::Application(_, rules) => rules.iter().map(|rule| &rule.name).collect(),
                    Rules::Network(_, rules) => rules.iter().map(|rule| &rule.name).collect(),
                    Rules::Nat(rules) => rules.iter().map(|rule| &rule.name).collect(),
                };
                ids.extend(names.into_iter().map(|rule| RuleId {
                    policy: policy.clone(),
                    group: group.name.clone(),
                    collection: collection.name.clone(),
                    rule: rule.clone(),
                }));
            }
        }
    }
    let origin = |at: usize| Origin { file: "a.egress".into(), label: format!("rule-{at}") };
    let chosen = ids.into_iter().enumerate().filter(|(at, _)| seed >> (at % 64) & 1 == 1);
    chosen.map(|(at, id)| (id, origin(at))).collect()
}

fn numbered<T>(stem: &str, values: Vec<T>) -> BTreeMap<Key, T> {
    let name = |at| Key::new(format!("{stem}-{at}"));
    values.into_iter().enumerate().map(|(at, value)| (name(at), value)).collect()
}

/// A value for each of the names.
fn of_all<T: std::fmt::Debug>(
    names: &'static [&'static str],
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = BTreeMap<Key, T>> {
    vec(value, names.len())
        .prop_map(|values| names.iter().map(|name| Key::new(*name)).zip(values).collect())
}

fn key(names: &'static [&'static str]) -> impl Strategy<Value = Key> {
    select(names).prop_map(Key::new)
}

fn keys(names: &'static [&'static str]) -> impl Strategy<Value = Vec<Key>> {
    vec(key(names), 0..3)
}

/// A text that JSON and Azure have something to say about.
fn text() -> impl Strategy<Value = String> {
    select(&["plain", "", "a \"b\" \\ c", "[resourceGroup()]", "ü\u{1F980}", "line\nfeed", "a/b~c"])
        .prop_map(str::to_owned)
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), 0..3)
}

fn scope() -> impl Strategy<Value = Scope> {
    (option::of(text()), option::of(text()), option::of(text())).prop_map(
        |(subscription, resource_group, location)| Scope { subscription, resource_group, location },
    )
}

fn ownership() -> impl Strategy<Value = Ownership> {
    select(&[Ownership::Ours, Ownership::Existing])
}

fn ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        4 => any::<u32>().prop_map(|v4| IpAddr::V4(Ipv4Addr::from(v4))),
        1 => any::<u128>().prop_map(|v6| IpAddr::V6(Ipv6Addr::from(v6))),
    ]
}

fn ips() -> impl Strategy<Value = Vec<IpAddr>> {
    vec(ip(), 0..3)
}

/// A prefix, bits below its mask included.
fn prefix() -> impl Strategy<Value = IpNet> {
    (ip(), any::<u8>()).prop_map(|(address, length)| {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        IpNet::new(address, length % (longest + 1)).expect("a length in range")
    })
}

fn prefixes() -> impl Strategy<Value = Vec<IpNet>> {
    vec(prefix(), 0..3)
}

fn address() -> impl Strategy<Value = AddressEntry> {
    prop_oneof![
        Just(AddressEntry::Any),
        ip().prop_map(AddressEntry::Address),
        prefix().prop_map(AddressEntry::Prefix),
        (any::<u32>(), any::<u32>()).prop_map(|(a, b)| {
            let (first, last) = (Ipv4Addr::from(a.min(b)), Ipv4Addr::from(a.max(b)));
            let range = AddressRange::new(first.into(), last.into());
            AddressEntry::Range(range.expect("first before last"))
        }),
        select(&UNKNOWNS).prop_map(|name| AddressEntry::Unknown(name.to_owned())),
    ]
}

fn addresses() -> impl Strategy<Value = Vec<AddressEntry>> {
    vec(address(), 0..3)
}

fn tag() -> impl Strategy<Value = ServiceTag> {
    select(&["Storage", "Storage.WestEurope", "AzureCloud", "virtualnetwork"])
        .prop_map(|tag| ServiceTag(tag.to_owned()))
}

fn destinations() -> impl Strategy<Value = Vec<DestinationEntry>> {
    vec(
        prop_oneof![
            address().prop_map(DestinationEntry::Addresses),
            tag().prop_map(DestinationEntry::ServiceTag),
        ],
        0..3,
    )
}

fn fqdn() -> impl Strategy<Value = Fqdn> {
    select(&["localhost", "www.example.com", "xn--bcher-kva.example", "a_b.c-d.test"])
        .prop_map(|name| Fqdn::parse(name).expect("a name"))
}

fn pattern() -> impl Strategy<Value = FqdnPattern> {
    prop_oneof![
        Just(FqdnPattern::Any),
        fqdn().prop_map(FqdnPattern::Exact),
        fqdn().prop_map(FqdnPattern::Under),
        fqdn().prop_map(FqdnPattern::EndsWith),
    ]
}

fn port() -> impl Strategy<Value = PortEntry> {
    prop_oneof![
        Just(PortEntry::Any),
        (any::<u16>(), any::<u16>()).prop_map(|(a, b)| {
            PortEntry::Range(PortRange::new(a.min(b), a.max(b)).expect("first before last"))
        }),
    ]
}

fn ports() -> impl Strategy<Value = Vec<PortEntry>> {
    vec(port(), 0..3)
}

fn tier() -> impl Strategy<Value = Tier> {
    select(&[Tier::Basic, Tier::Standard, Tier::Premium])
}

fn mode() -> impl Strategy<Value = ThreatIntelMode> {
    select(&[ThreatIntelMode::Off, ThreatIntelMode::Alert, ThreatIntelMode::Deny])
}

fn action() -> impl Strategy<Value = Action> {
    select(&[Action::Allow, Action::Deny])
}

/// The policies; each may have one before it as its parent.
fn policies() -> impl Strategy<Value = BTreeMap<Key, Policy>> {
    vec((policy(), any::<usize>()), POLICIES.len()).prop_map(|policies| {
        let base =
            |at: usize, seed: usize| POLICIES.get(seed % (at + 1)).filter(|_| seed % (at + 1) < at);
        let named = policies.into_iter().enumerate().map(|(at, (policy, seed))| {
            let base = base(at, seed).map(|name| Key::new(*name));
            (Key::new(POLICIES[at]), Policy { base, ..policy })
        });
        named.collect()
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let allowlist = (addresses(), vec(pattern(), 0..3))
        .prop_map(|(addresses, fqdns)| ThreatIntelAllowlist { addresses, fqdns });
    let dns = (ips(), option::of(any::<bool>()), option::of(any::<bool>())).prop_map(
        |(servers, enable_proxy, require_proxy_for_network_rules)| DnsSettings {
            servers,
            enable_proxy,
            require_proxy_for_network_rules,
        },
    );
    let range = prop_oneof![Just(PrivateRange::Iana), prefix().prop_map(PrivateRange::Prefix)];
    let snat = (vec(range, 0..3), any::<bool>())
        .prop_map(|(private_ranges, auto_learn)| SnatSettings { private_ranges, auto_learn });
    let authority = (text(), text())
        .prop_map(|(name, key_vault_secret_id)| CertificateAuthority { name, key_vault_secret_id });
    let settings = (allowlist, option::of(dns), option::of(snat), any::<bool>());
    let premium = (option::of(proxy()), option::of(intrusion()), option::of(authority));
    (scope(), ownership(), tier(), mode(), settings, premium, groups()).prop_map(
        |(scope, ownership, tier, threat_intel_mode, settings, premium, groups)| {
            let (threat_intel_allowlist, dns, snat, allow_sql_redirect) = settings;
            let (explicit_proxy, intrusion_detection, certificate_authority) = premium;
            Policy {
                scope,
                ownership,
                tier,
                base: None,
                threat_intel_mode,
                threat_intel_allowlist,
                dns,
                snat,
                allow_sql_redirect,
                explicit_proxy,
                intrusion_detection,
                certificate_authority,
                groups,
            }
        },
    )
}

fn proxy() -> impl Strategy<Value = ExplicitProxy> {
    let port = || option::of(1..=u16::MAX);
    (any::<bool>(), port(), port(), any::<bool>(), port(), option::of(text())).prop_map(
        |(enabled, http_port, https_port, enable_pac_file, pac_file_port, pac_file)| {
            ExplicitProxy {
                enabled,
                http_port,
                https_port,
                enable_pac_file,
                pac_file_port,
                pac_file,
            }
        },
    )
}

fn intrusion() -> impl Strategy<Value = IntrusionDetection> {
    let bypass = (text(), text(), texts(), keys(&IP_GROUPS), texts(), keys(&IP_GROUPS), texts())
        .prop_map(|(name, protocol, from, from_groups, to, to_groups, ports)| IntrusionBypass {
            name,
            protocol,
            source_addresses: from,
            source_ip_groups: from_groups,
            destination_addresses: to,
            destination_ip_groups: to_groups,
            destination_ports: ports,
        });
    let signature = (text(), mode()).prop_map(|(id, mode)| SignatureOverride { id, mode });
    (mode(), option::of(text()), vec(signature, 0..3), vec(bypass, 0..2), prefixes()).prop_map(
        |(mode, profile, signature_overrides, bypass, private_ranges)| IntrusionDetection {
            mode,
            profile,
            signature_overrides,
            bypass,
            private_ranges,
        },
    )
}

/// Priorities that differ, in no order.
fn priorities(count: usize) -> impl Strategy<Value = Vec<Priority>> {
    proptest::collection::btree_set(100_u16..=65_000, count)
        .prop_map(|numbers| numbers.into_iter().collect::<Vec<u16>>())
        .prop_shuffle()
        .prop_map(|numbers| {
            numbers.into_iter().map(|number| Priority::new(number).expect("in range")).collect()
        })
}

fn groups() -> impl Strategy<Value = Vec<RuleCollectionGroup>> {
    (vec(collections(), 0..3), priorities(3)).prop_map(|(groups, priorities)| {
        let named = groups.into_iter().zip(priorities).enumerate();
        named
            .map(|(at, (collections, priority))| RuleCollectionGroup {
                name: Key::new(format!("rcg-{at}")),
                priority,
                collections,
            })
            .collect()
    })
}

fn collections() -> impl Strategy<Value = Vec<RuleCollection>> {
    let rules = prop_oneof![
        (action(), vec(application_rule(), 0..3))
            .prop_map(|(a, rules)| Rules::Application(a, rules)),
        (action(), vec(network_rule(), 0..3)).prop_map(|(a, rules)| Rules::Network(a, rules)),
        vec(nat_rule(), 0..3).prop_map(Rules::Nat),
    ];
    (vec(rules, 0..4), priorities(4)).prop_map(|(all, priorities)| {
        let named = all.into_iter().zip(priorities).enumerate();
        named
            .map(|(at, (rules, priority))| RuleCollection {
                name: Key::new(format!("RC-{at}")),
                priority,
                rules,
            })
            .collect()
    })
}

fn sources() -> impl Strategy<Value = Sources> {
    (addresses(), keys(&IP_GROUPS))
        .prop_map(|(addresses, ip_groups)| Sources { addresses, ip_groups })
}

fn application_rule() -> impl Strategy<Value = ApplicationRule> {
    let word = select(&[
        ApplicationProtocolType::Http,
        ApplicationProtocolType::Https,
        ApplicationProtocolType::Mssql,
    ]);
    let pair =
        (word, any::<u16>()).prop_map(|(protocol, port)| ApplicationProtocol { protocol, port });
    let url = (pattern(), select(&["", "/", "/a/*"]))
        .prop_map(|(host, path)| UrlPattern { host, path: path.to_owned() });
    let header = (text(), text()).prop_map(|(name, value)| HttpHeader { name, value });
    let unknown = vec(select(&UNKNOWNS).prop_map(str::to_owned), 0..2);
    let names = (vec(pattern(), 0..3), vec(ip(), 0..2));
    let targets = (names, vec(url, 0..3), texts(), texts(), unknown);
    let rest = (destinations(), any::<bool>(), vec(header, 0..2));
    (text(), option::of(text()), sources(), vec(pair, 0..3), targets, rest).prop_map(
        |(name, description, sources, protocols, targets, rest)| {
            let (names, target_urls, fqdn_tags, web_categories, unknown_targets) = targets;
            let (target_fqdns, target_addresses) = names;
            let (destination_addresses, terminate_tls, http_headers) = rest;
            ApplicationRule {
                name,
                description,
                sources,
                protocols,
                target_fqdns,
                target_addresses,
                target_urls,
                fqdn_tags,
                web_categories,
                destination_addresses,
                terminate_tls,
                http_headers,
                unknown_targets,
            }
        },
    )
}

fn protocols() -> impl Strategy<Value = Vec<NetworkProtocol>> {
    let all =
        [NetworkProtocol::Any, NetworkProtocol::Tcp, NetworkProtocol::Udp, NetworkProtocol::Icmp];
    vec(select(all.to_vec()), 0..3)
}

fn network_rule() -> impl Strategy<Value = NetworkRule> {
    let to = (destinations(), keys(&IP_GROUPS), vec(fqdn(), 0..3), ports());
    (text(), option::of(text()), protocols(), sources(), to).prop_map(
        |(name, description, protocols, sources, to)| {
            let (
                destination_addresses,
                destination_ip_groups,
                destination_fqdns,
                destination_ports,
            ) = to;
            NetworkRule {
                name,
                description,
                protocols,
                sources,
                destination_addresses,
                destination_ip_groups,
                destination_fqdns,
                destination_ports,
            }
        },
    )
}

fn nat_rule() -> impl Strategy<Value = NatRule> {
    let translation =
        prop_oneof![ip().prop_map(Translation::Address), fqdn().prop_map(Translation::Fqdn)];
    let to = (addresses(), ports(), translation, 1..=u16::MAX);
    (text(), option::of(text()), protocols(), sources(), to).prop_map(
        |(name, description, protocols, sources, to)| {
            let (destination_addresses, destination_ports, translation, translated_port) = to;
            NatRule {
                name,
                description,
                protocols,
                sources,
                destination_addresses,
                destination_ports,
                translation,
                translated_port,
            }
        },
    )
}

fn firewall() -> impl Strategy<Value = Firewall> {
    let place = prop_oneof![
        key(&NETWORKS).prop_map(FirewallPlace::VirtualNetwork),
        text().prop_map(FirewallPlace::Hub),
    ];
    let addresses = (ip(), ips());
    (scope(), ownership(), tier(), place, option::of(key(&POLICIES)), addresses, any::<bool>())
        .prop_map(|(scope, ownership, tier, place, policy, addresses, forced_tunneling)| {
            let (private_address, public_addresses) = addresses;
            Firewall {
                scope,
                ownership,
                tier,
                place,
                policy,
                private_address,
                public_addresses,
                forced_tunneling,
            }
        })
}

fn ip_group() -> impl Strategy<Value = IpGroup> {
    (scope(), ownership(), addresses()).prop_map(|(scope, ownership, addresses)| IpGroup {
        scope,
        ownership,
        addresses,
    })
}

fn networks() -> impl Strategy<Value = BTreeMap<Key, VirtualNetwork>> {
    let subnets = vec(subnet(), 1..3).prop_map(|subnets| {
        let named = subnets.into_iter().enumerate();
        named
            .map(|(at, subnet)| Subnet { name: Key::new(format!("snet-{at}")), ..subnet })
            .collect()
    });
    let peerings = vec(peering(), 0..3).prop_map(|peerings| {
        let named = peerings.into_iter().enumerate();
        named.map(|(at, peer)| Peering { name: Key::new(format!("peer-{at}")), ..peer }).collect()
    });
    let network = (scope(), ownership(), prefixes(), ips(), subnets, peerings, prefixes())
        .prop_map(
            |(scope, ownership, address_space, dns_servers, subnets, peerings, gateway_routes)| {
                VirtualNetwork {
                    scope,
                    ownership,
                    address_space,
                    dns_servers,
                    subnets,
                    peerings,
                    gateway_routes,
                }
            },
        );
    of_all(&NETWORKS, network)
}

fn subnet() -> impl Strategy<Value = Subnet> {
    let service =
        (text(), texts()).prop_map(|(service, locations)| ServiceEndpoint { service, locations });
    let private = (ip(), vec(fqdn(), 0..2)).prop_map(|(address, names)| PrivateEndpoint {
        name: Key::new("pe"),
        address,
        names,
    });
    let policies = select(&[
        PrivateEndpointPolicies::Disabled,
        PrivateEndpointPolicies::Enabled,
        PrivateEndpointPolicies::NetworkSecurityGroupEnabled,
        PrivateEndpointPolicies::RouteTableEnabled,
    ]);
    let associated = (option::of(key(&TABLES)), option::of(key(&SECURITY_GROUPS)));
    let endpoints = (vec(service, 0..2), vec(private, 0..2), policies);
    (prefixes(), associated, endpoints, any::<[bool; 3]>()).prop_map(
        |(prefixes, (route_table, network_security_group), endpoints, flags)| {
            let (service_endpoints, private_endpoints, private_endpoint_network_policies) =
                endpoints;
            let [default_outbound_access, explicit_outbound, complete] = flags;
            Subnet {
                name: Key::new(SUBNET),
                prefixes,
                route_table,
                network_security_group,
                service_endpoints,
                private_endpoints,
                private_endpoint_network_policies,
                default_outbound_access,
                explicit_outbound,
                complete,
            }
        },
    )
}

fn peering() -> impl Strategy<Value = Peering> {
    (key(&NETWORKS), any::<[bool; 4]>()).prop_map(|(remote, flags)| {
        let [access, forwarded, transit, remote_gateways] = flags;
        Peering {
            name: Key::new("peer"),
            remote,
            allow_virtual_network_access: access,
            allow_forwarded_traffic: forwarded,
            allow_gateway_transit: transit,
            use_remote_gateways: remote_gateways,
        }
    })
}

fn tables() -> impl Strategy<Value = BTreeMap<Key, RouteTable>> {
    let destination = prop_oneof![
        prefix().prop_map(RouteDestination::Prefix),
        tag().prop_map(RouteDestination::ServiceTag),
    ];
    let next_hop = prop_oneof![
        ip().prop_map(NextHop::VirtualAppliance),
        ips().prop_map(NextHop::VirtualApplianceEcmp),
        Just(NextHop::VnetLocal),
        Just(NextHop::Internet),
        Just(NextHop::VirtualNetworkGateway),
        Just(NextHop::None),
    ];
    let routes = vec((destination, next_hop, any::<bool>()), 0..4).prop_map(|routes| {
        let named = routes.into_iter().enumerate();
        named
            .map(|(at, (destination, next_hop, has_bgp_override))| Route {
                name: format!("route {at}"),
                destination,
                next_hop,
                has_bgp_override,
            })
            .collect()
    });
    let table = (scope(), ownership(), any::<[bool; 2]>(), routes).prop_map(
        |(scope, ownership, flags, routes)| {
            let [disable_bgp_route_propagation, disable_peering_route] = flags;
            RouteTable {
                scope,
                ownership,
                disable_bgp_route_propagation,
                disable_peering_route,
                routes,
            }
        },
    );
    of_all(&TABLES, table)
}

fn security() -> impl Strategy<Value = BTreeMap<Key, NetworkSecurityGroup>> {
    let direction = select(&[Direction::Inbound, Direction::Outbound]);
    let ends = (destinations(), ports(), destinations(), ports(), texts(), texts());
    let protocol = option::of(any::<u8>().prop_map(IpProtocol));
    let rule = (option::of(text()), direction, action(), protocol, ends);
    let rules = vec(rule, 0..4).prop_map(|rules| {
        let numbered = (100..).zip(rules);
        numbered
            .map(|(priority, (description, direction, access, protocol, ends))| {
                let (sources, source_ports, destinations, destination_ports, from, to) = ends;
                SecurityRule {
                    name: format!("rule {priority}"),
                    description,
                    priority,
                    direction,
                    access,
                    protocol,
                    sources,
                    source_ports,
                    destinations,
                    destination_ports,
                    source_groups: from,
                    destination_groups: to,
                }
            })
            .collect()
    });
    let group = (scope(), ownership(), rules)
        .prop_map(|(scope, ownership, rules)| NetworkSecurityGroup { scope, ownership, rules });
    of_all(&SECURITY_GROUPS, group)
}

fn cluster() -> impl Strategy<Value = Cluster> {
    let subnet =
        || key(&NETWORKS).prop_map(|network| SubnetId { network, subnet: Key::new(SUBNET) });
    let plugin = select(&[
        NetworkPlugin::Kubenet,
        NetworkPlugin::Overlay,
        NetworkPlugin::NodeSubnet,
        NetworkPlugin::PodSubnet,
    ]);
    let pools = vec((subnet(), option::of(subnet())), 0..3).prop_map(|pools| {
        let named = pools.into_iter().enumerate();
        named
            .map(|(at, (subnet, pod_subnet))| NodePool {
                name: Key::new(format!("pool{at}")),
                subnet,
                pod_subnet,
            })
            .collect()
    });
    let api_server = prop_oneof![
        ips().prop_map(ApiServer::Public),
        Just(ApiServer::Private),
        Just(ApiServer::VnetIntegration(Key::new(SUBNET))),
    ];
    (scope(), plugin, prefixes(), pools, api_server).prop_map(
        |(scope, plugin, pod_ranges, pools, api_server)| Cluster {
            scope,
            plugin,
            pod_ranges,
            pools,
            api_server,
        },
    )
}

//! Lists as text, and flows near their edges.

use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write;
use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::select;

use exeat::flow::Flow;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::flow::payload::Request;

/// One network with three subnets, of which one is not routed, and one behind the firewall.
const GROUND: &str = "language 1

azure {
  subscription \"00000000-0000-0000-0000-000000000000\"
  resource-group \"rg-egress\"
  location \"westeurope\"
}

network hub-and-spoke {
  vnet hub 10.0.0.0/16 {
    peers data
    subnet AzureFirewallSubnet 10.0.1.0/26
  }
  vnet spoke 10.1.0.0/16 {
    peers hub
    dns egress
    subnet system 10.1.0.0/22 { routes via egress }
    subnet apps 10.1.8.0/24 { routes via egress }
    subnet jump 10.1.9.0/24
  }
  vnet data 10.9.0.0/16 { subnet db 10.9.0.0/16 }
  firewall egress in hub { sku premium  private-ip 10.0.1.4  public-ip 203.0.113.10  dns-proxy on }
}

";

/// Sources that overlap or touch.
const SOURCES: &[&str] = &[
    "apps",
    "system",
    "apps, system",
    "apps, system",
    "10.1.8.0/25",
    "10.1.8.128/25",
    "10.1.8.5",
    "apps except 10.1.8.5",
];

/// Names of which some are siblings, parents or parts of others.
const NAMES: &[&str] = &[
    "example.com",
    "www.example.com",
    "a.www.example.com",
    "xexample.com",
    "example.org",
    "*.example.com",
    "*.www.example.com",
    "any-name",
    "(*.example.com except www.example.com)",
    "(*.example.com except *.www.example.com)",
    "www.example.com, example.org",
    "fqdn-tag AzureKubernetesService",
    "category News",
];

/// Services that show a name, on usual and neighbouring ports, and across each other's.
const NAMED: &[&str] = &[
    "https",
    "https",
    "https",
    "https",
    "http",
    "https, http",
    "https/8443",
    "https/8444",
    "http/8080",
    "http/443",
    "https/80",
    "mssql proxy",
    "mssql/1434 proxy",
];

/// Addresses that hold or touch one another.
const ADDRESSES: &[&str] = &[
    "203.0.113.0/24",
    "203.0.113.0/25",
    "203.0.113.128/25",
    "203.0.113.7",
    "(203.0.113.0/24 except 203.0.113.7)",
    "10.9.0.0/24",
    "10.9.0.128/25",
    "internet",
    "any-address",
    "tag Storage",
    "tag Storage.WestEurope",
    "tag AzureCloud.francecentral",
    "203.0.113.7, tag Storage",
];

/// Services that are judged by address.
const RAW: &[&str] = &[
    "tcp/443",
    "tcp/442-444",
    "tcp/5000-5010",
    "tcp/5000-5010",
    "tcp/5011",
    "tcp/80",
    "udp/443",
    "udp/123",
    "tcp/53, udp/53",
    "tcp/0-65535",
    "icmp",
    "mssql redirect",
    "proto/17",
];

/// Hosts that a client shows or asks for, and the address it is told.
pub(crate) const HOSTS: &[(&str, &str)] = &[
    ("example.com", "203.0.113.7"),
    ("www.example.com", "203.0.113.127"),
    ("a.www.example.com", "203.0.113.128"),
    ("xexample.com", "203.0.113.255"),
    ("example.org", "198.51.100.1"),
    ("www.example.org", "198.51.100.2"),
    ("b.example.com", "10.9.0.128"),
];

/// Sources that flows come from: the ends of the prefixes above.
pub(crate) const CLIENTS: &[&str] = &[
    "10.1.8.4",
    "10.1.8.5",
    "10.1.8.6",
    "10.1.8.127",
    "10.1.8.128",
    "10.1.8.254",
    "10.1.0.4",
    "10.1.3.254",
];

/// Addresses that flows go to: the ends of the prefixes above, and what lies beside them.
const SERVERS: &[&str] = &[
    "203.0.112.255",
    "203.0.113.0",
    "203.0.113.6",
    "203.0.113.8",
    "203.0.113.127",
    "203.0.113.128",
    "203.0.113.255",
    "203.0.114.0",
    "10.9.0.0",
    "10.9.0.127",
    "10.9.0.128",
    "10.9.0.255",
    "10.9.1.0",
    "198.51.100.1",
];

const PORTS: &[u16] = &[
    443, 443, 443, 80, 80, 442, 444, 445, 441, 79, 81, 8443, 8444, 8445, 8080, 1433, 1434, 4999,
    5000, 5010, 5011, 5012, 10_999, 11_000, 11_999, 12_000, 53, 123, 122, 0, 65_535,
];

/// A statement without its label.
#[derive(Clone, Debug)]
pub(crate) struct Sentence {
    pub(crate) action: &'static str,
    sources: &'static str,
    destinations: &'static str,
    services: &'static str,
    marked: bool,
    expires: Option<&'static str>,
}

impl Sentence {
    /// One of each kind of rule collection, which conflict with none of what is drawn.
    pub(crate) const ANCHORS: [Sentence; 4] = [
        Sentence::new("deny", "any", "198.18.0.0/15", "tcp/22"),
        Sentence::new("allow", "apps", "192.0.2.0/24", "tcp/22"),
        Sentence::new("deny", "any", "anchor.test", "https/9443"),
        Sentence::new("allow", "apps", "other.test", "https/9444"),
    ];

    const fn new(
        action: &'static str,
        sources: &'static str,
        destinations: &'static str,
        services: &'static str,
    ) -> Sentence {
        Sentence { action, sources, destinations, services, marked: false, expires: None }
    }

    /// How many rules it takes: a wildcard with a part taken out takes a deny besides, and what has
    /// expired takes none.
    pub(crate) fn elements(&self) -> usize {
        match self.expires {
            Some(day) if day < "2090-01-01" => 0,
            _ => 1 + usize::from(self.destinations.starts_with("(*")),
        }
    }

    /// The statement under a label.
    pub(crate) fn text(&self, label: &str) -> String {
        let Sentence { action, sources, destinations, services, .. } = self;
        let mut text = format!(
            "{action} {label}: {sources} -> {destinations} : {services}\n  because \"tests\"\n"
        );
        if let Some(day) = self.expires {
            writeln!(text, "  expires {day}").expect("a string takes all");
        }
        if self.marked {
            text.push_str("  by address because \"tests\"\n");
        }
        text
    }
}

/// The text of a file with these statements, in this order.
pub(crate) fn file(statements: &[(String, Sentence)]) -> String {
    let mut text = GROUND.to_owned();
    for (label, sentence) in statements {
        text.push_str(&sentence.text(label));
        text.push('\n');
    }
    text
}

/// A statement; of every kind that a rule can carry, near all others.
pub(crate) fn sentence() -> impl Strategy<Value = Sentence> {
    prop_oneof![4 => permission(), 1 => deny()]
}

pub(crate) fn permission() -> impl Strategy<Value = Sentence> {
    let carried = prop_oneof![
        5 => (select(NAMES), select(NAMED), Just(false)),
        3 => (select(ADDRESSES), select(RAW), any::<bool>()),
        1 => (select(&NAMES[..5]), select(RAW), Just(true)),
    ];
    let action = select(&["allow", "allow", "allow", "may"][..]);
    let expires =
        prop_oneof![9 => Just(None), 1 => select(&["2089-12-31", "2090-01-01"][..]).prop_map(Some)];
    (action, select(SOURCES), carried, expires).prop_map(
        |(action, sources, (destinations, services, marked), expires)| Sentence {
            action,
            sources,
            destinations,
            services,
            marked,
            expires,
        },
    )
}

pub(crate) fn deny() -> impl Strategy<Value = Sentence> {
    let any_source = prop_oneof![2 => select(SOURCES), 1 => Just("any")];
    let carried = prop_oneof![
        3 => (select(NAMES), prop_oneof![3 => select(NAMED), 1 => Just("any")]),
        2 => (select(ADDRESSES), prop_oneof![3 => select(RAW), 1 => select(NAMED), 1 => Just("any")]),
        1 => (Just("any"), select(RAW)),
    ];
    (any_source, carried).prop_map(|(sources, (destinations, services))| Sentence {
        action: "deny",
        sources,
        destinations,
        services,
        marked: false,
        expires: None,
    })
}

/// Statements under labels that tell their order from that of the file.
pub(crate) fn statements(most: usize) -> impl Strategy<Value = Vec<(String, Sentence)>> {
    prop::collection::vec((0u8..100, sentence()), 1..=most).prop_map(|drawn| {
        let mut taken = BTreeSet::new();
        drawn
            .into_iter()
            .filter(|(label, _)| taken.insert(*label))
            .map(|(label, sentence)| (format!("s{label:02}"), sentence))
            .collect()
    })
}

/// Flows, which a failed test shows in the notation of flows.
#[derive(Clone)]
pub(crate) struct Flows(pub(crate) Vec<Flow>);

impl fmt::Debug for Flows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(ToString::to_string)).finish()
    }
}

/// So many flows. A failed test names the flow that it failed for, so they are not made fewer.
pub(crate) fn flows(count: usize) -> impl Strategy<Value = Flows> {
    prop::collection::vec(flow(), count).prop_map(Flows).no_shrink()
}

/// What a client sends first, without the name in it.
#[derive(Clone, Copy, Debug)]
enum Opening {
    Silent,
    Other,
    Tls,
    Http,
    Mssql,
}

/// What the services above are meant for.
const MEANT: &[(Opening, u16)] = &[
    (Opening::Tls, 443),
    (Opening::Tls, 443),
    (Opening::Tls, 443),
    (Opening::Tls, 443),
    (Opening::Tls, 443),
    (Opening::Http, 80),
    (Opening::Http, 80),
    (Opening::Tls, 8443),
    (Opening::Tls, 8444),
    (Opening::Http, 8080),
    (Opening::Http, 443),
    (Opening::Tls, 80),
    (Opening::Mssql, 1433),
    (Opening::Mssql, 1434),
];

const OPENINGS: &[Opening] =
    &[Opening::Silent, Opening::Other, Opening::Tls, Opening::Http, Opening::Mssql];

/// A flow near the edges of the statements above.
pub(crate) fn flow() -> impl Strategy<Value = Flow> {
    let shown = prop_oneof![12 => select(HOSTS).prop_map(Some), 1 => Just(None)];
    let server = prop_oneof![1 => Just(None), 1 => select(SERVERS).prop_map(Some)];
    let tcp = prop_oneof![3 => select(MEANT), 2 => (select(OPENINGS), select(PORTS))];
    let service = prop_oneof![
        12 => tcp.prop_map(|(opening, port)| (IpProtocol::TCP, opening, port)),
        3 => select(PORTS).prop_map(|port| (IpProtocol::UDP, Opening::Other, port)),
        1 => Just((IpProtocol::UDP, Opening::Tls, 443)),
        1 => Just((IpProtocol::ICMP, Opening::Other, 0)),
        1 => Just((IpProtocol(47), Opening::Other, 0)),
    ];
    let host_port = prop_oneof![4 => Just(0), 1 => Just(1), 1 => Just(2)];
    (select(CLIENTS), server, shown, service, host_port).prop_map(
        |(client, server, shown, (protocol, opening, port), host_port)| {
            let told = shown.map_or("203.0.113.7", |(_, address)| address);
            let destination: IpAddr = server.unwrap_or(told).parse().expect("an address");
            let name = shown.map(|(name, _)| Host::parse(name).expect("a name"));
            let payload = match opening {
                Opening::Silent => Payload::Silent,
                Opening::Other => Payload::Other,
                Opening::Tls if protocol == IpProtocol::UDP => Payload::Quic { name },
                Opening::Tls => Payload::Tls { name, inner: None },
                Opening::Mssql => Payload::Mssql { name },
                Opening::Http => Payload::Http(Request {
                    host: name,
                    // Clients name the port where it is not the usual one; some name another.
                    port: match host_port {
                        0 => (port != 80).then_some(port),
                        1 => None,
                        _ => Some(port.wrapping_add(1)),
                    },
                    path: "/".to_owned(),
                }),
            };
            Flow {
                source: client.parse().expect("an address"),
                source_port: if protocol.has_ports() { 50_000 } else { 0 },
                destination,
                destination_port: port,
                protocol,
                payload,
            }
        },
    )
}

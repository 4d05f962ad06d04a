//! Source text made at random: every kind of sentence, with sets nested a few levels deep.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::sample::subsequence;

/// A file without comments, one token from the next by a space or a line feed.
pub(crate) fn file() -> impl Strategy<Value = String> {
    vec(statement(), 0..5).prop_map(|statements| format!("language 1\n{}", statements.concat()))
}

fn statement() -> impl Strategy<Value = String> {
    let described = (option::weighted(0.2, "[a-z \"{}]{0,20}"), sentence());
    described.prop_map(|(doc, sentence)| match doc {
        Some(doc) => format!("/// {doc}\n{sentence}\n"),
        None => format!("{sentence}\n"),
    })
}

fn sentence() -> BoxedStrategy<String> {
    prop_oneof![
        8 => permission(),
        1 => vec(permission(), 0..3).prop_map(|inner| format!("ordered {{\n{}\n}}", inner.join("\n"))),
        1 => (ident(), ident(), vec(permission(), 0..3))
            .prop_map(|(param, key, inner)| format!("when {param} is not {key} {{\n{}\n}}", inner.join("\n"))),
        3 => declaration(),
        2 => module(),
        1 => check(),
        2 => network(),
        1 => policy(),
    ]
    .boxed()
}

/// A name that is no word of the language.
fn ident() -> impl Strategy<Value = String> {
    "x[a-zA-Z0-9-]{0,8}"
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => ident().boxed(), 1 => quoted().boxed()]
}

fn path() -> impl Strategy<Value = String> {
    (option::weighted(0.2, ident()), ident()).prop_map(|(module, name)| match module {
        Some(module) => format!("{module}::{name}"),
        None => name,
    })
}

fn quoted() -> impl Strategy<Value = String> {
    content().prop_map(|text| format!("\"{text}\""))
}

/// A quoted text that is not blank.
fn reason() -> impl Strategy<Value = String> {
    content().prop_map(|text| format!("\"x{text}\""))
}

fn content() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[ a-zA-Z0-9.:/$é]{1,10}",
        1 => select(vec!["\\\"", "\\\\", "\\$", "\\n", "\\t", "\\u{7f}", "//", "\\${"]).prop_map(str::to_owned),
        1 => ident().prop_map(|name| format!("${{{name}}}")),
    ];
    // A `$` before a hole's brace would be a hole of another name.
    vec(part, 0..4).prop_map(|parts| parts.concat().replace("$$", "$"))
}

fn host() -> impl Strategy<Value = String> {
    (any::<bool>(), "[a-z][a-z0-9_-]{0,5}(\\.[a-z0-9-]{1,5}){1,3}")
        .prop_map(|(below, host)| if below { format!("*.{host}") } else { host })
        .prop_filter("a host is no word of another kind", |host| !host.ends_with('-'))
}

fn address() -> impl Strategy<Value = String> {
    let four = any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string());
    let six = any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]"));
    prop_oneof![
        4 => four.clone(),
        2 => (four.clone(), 0..=32_u8).prop_map(|(address, length)| format!("{address}/{length}")),
        1 => (four.clone(), four).prop_map(|(first, last)| format!("{first}-{last}")),
        1 => six.clone(),
        1 => (six.clone(), 0..=128_u8).prop_map(|(address, length)| format!("{address}/{length}")),
        1 => (six.clone(), six).prop_map(|(first, last)| format!("{first}-{last}")),
    ]
}

fn single_address() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<std::net::IpAddr>().prop_map(|address| match address {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        }),
        path(),
        quoted(),
    ]
}

fn operand() -> BoxedStrategy<String> {
    prop_oneof![
        6 => path(),
        6 => host(),
        6 => address(),
        1 => quoted(),
        1 => "[A-Z][A-Za-z.]{0,8}".prop_map(|tag| format!("tag {tag}")),
        1 => quoted().prop_map(|tag| format!("tag {tag}")),
        1 => name().prop_map(|name| format!("fqdn-tag {name}")),
        1 => name().prop_map(|name| format!("category {name}")),
        1 => name().prop_map(|name| format!("ip-group {name}")),
        1 => (quoted(), any::<bool>())
            .prop_map(|(url, inspect)| format!("url {url}{}", if inspect { " inspect" } else { "" })),
        1 => quoted().prop_map(|text| format!("suffix {text}")),
        2 => select(vec!["internet", "any-name", "any-address", "any"]).prop_map(str::to_owned),
    ]
    .boxed()
}

fn service() -> BoxedStrategy<String> {
    let port = prop_oneof![3 => any::<u16>().prop_map(|port| port.to_string()), 1 => path(), 1 => quoted()];
    let ports = prop_oneof![
        port.clone(),
        (any::<u16>(), any::<u16>()).prop_map(|(one, other)| format!(
            "{}-{}",
            one.min(other),
            one.max(other)
        )),
    ];
    prop_oneof![
        2 => path(),
        4 => (select(vec!["https", "http", "mssql"]), option::of(port)).prop_map(|(word, port)| match port {
            Some(port) => format!("{word}/{port}"),
            None => word.to_owned(),
        }),
        1 => select(vec!["mssql proxy", "mssql redirect", "icmp", "any"]).prop_map(str::to_owned),
        3 => (select(vec!["tcp", "udp"]), ports).prop_map(|(word, ports)| format!("{word}/{ports}")),
        1 => any::<u8>().prop_map(|number| format!("proto/{number}")),
    ]
    .boxed()
}

/// A set over `one`, with parentheses where the language asks for them, and some where not.
fn set(one: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let element =
        one.prop_recursive(3, 12, 4, |inner| list(inner).prop_map(|list| format!("({list})")));
    list(element.boxed()).boxed()
}

fn list(element: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let joined = (vec(element.clone(), 1..5), select(vec![", ", " and "]));
    (joined, vec(element, 0..2)).prop_map(|((elements, between), without)| {
        let mut parts = vec![elements.join(between)];
        parts.extend(without);
        parts.join(" except ")
    })
}

fn relation() -> impl Strategy<Value = String> {
    (set(operand()), set(operand()), set(service())).prop_map(
        |(sources, destinations, services)| format!("{sources} -> {destinations} : {services}"),
    )
}

fn permission() -> BoxedStrategy<String> {
    let clauses = (
        reason().prop_map(|text| format!("because {text}")),
        option::of(name().prop_map(|name| format!("owner {name}"))),
        option::of(quoted().prop_map(|text| format!("ticket {text}"))),
        option::of(select(vec!["expires 2099-06-30", "expires xday", "expires \"${xday}\""])),
        option::of(reason().prop_map(|text| format!("by address because {text}"))),
        option::of(reason().prop_map(|text| format!("accept undetermined because {text}"))),
    );
    let clauses = clauses.prop_map(|(because, owner, ticket, expires, by, accept)| {
        let others = [owner, ticket, expires.map(str::to_owned), by, accept];
        std::iter::once(because).chain(others.into_iter().flatten()).collect::<Vec<_>>()
    });
    (select(vec!["allow", "may", "deny"]), name(), relation(), clauses.prop_shuffle())
        .prop_map(|(action, label, relation, clauses)| {
            format!("{action} {label}: {relation}\n  {}", clauses.join("  "))
        })
        .boxed()
}

fn declaration() -> BoxedStrategy<String> {
    prop_oneof![
        (select(vec!["addresses", "names"]), ident(), set(operand()))
            .prop_map(|(word, name, set)| format!("{word} {name} = {set}")),
        (ident(), set(service())).prop_map(|(name, set)| format!("services {name} = {set}")),
    ]
    .boxed()
}

fn atom() -> BoxedStrategy<String> {
    prop_oneof![
        operand(),
        any::<u32>().prop_map(|number| number.to_string()),
        select(vec!["true", "false", "2099-12-31"]).prop_map(str::to_owned),
    ]
    .boxed()
}

fn kind() -> impl Strategy<Value = String> {
    let element = select(vec!["label", "name", "address", "port", "text", "date"]);
    prop_oneof![
        element.clone().prop_map(str::to_owned),
        element.prop_map(|element| format!("set of {element}")),
        Just("bool".to_owned()),
        vec(ident(), 1..4).prop_map(|keys| format!("enum {{ {} }}", keys.join(", "))),
    ]
}

fn module() -> BoxedStrategy<String> {
    let argument = (ident(), atom()).prop_map(|(name, value)| format!("{name} = {value}"));
    let entry = (ident(), set(atom())).prop_map(|(name, value)| format!("{name} = {value}"));
    prop_oneof![
        (any::<bool>(), ident(), vec(argument, 0..8)).prop_map(|(std, name, arguments)| {
            let source = if std { "std \"a/b\"" } else { "\"./a.egress\"" };
            format!("import {source} as {name} with {{ {} }}", arguments.join(", "))
        }),
        (ident(), kind(), option::of(set(atom()))).prop_map(
            |(name, kind, default)| match default {
                Some(default) => format!("param {name}: {kind} = {default}"),
                None => format!("param {name}: {kind}"),
            }
        ),
        (ident(), kind(), vec(entry, 0..4)).prop_map(|(name, kind, entries)| format!(
            "table {name}: {kind} by xkey {{\n{}\n}}",
            entries.join("\n")
        )),
        name().prop_map(|name| format!("owns policy {name}, priorities 1000-1999, subnet {name}")),
        (name(), quoted()).prop_map(|(name, id)| format!("existing ip-group {name} {id}")),
        (ident(), reason())
            .prop_map(|(name, reason)| format!("unknown {name} owner xteam because {reason}")),
        quoted().prop_map(|text| format!("azure {{ location {text} resource-group {text} }}")),
        Just("context \"hub.json\"".to_owned()),
    ]
    .boxed()
}

fn check() -> BoxedStrategy<String> {
    prop_oneof![
        (select(vec!["never", "always"]), name(), relation())
            .prop_map(|(word, label, relation)| format!("assert {word} {label}: {relation}")),
        (ident(), option::of(quoted()), select(vec!["allow", "undetermined", "bypass"])).prop_map(
            |(label, title, verdict)| {
                let title = title.unwrap_or_default();
                format!("example {label} {title}\n  10.0.0.1:5  -> x.example.com : tcp/80 http x:8/p?a=b => {verdict}")
            }
        ),
    ]
    .boxed()
}

/// Some of these settings, in any order.
fn some(settings: Vec<String>) -> impl Strategy<Value = String> {
    let count = settings.len();
    subsequence(settings, 0..=count).prop_shuffle().prop_map(|settings| settings.join("\n"))
}

fn network() -> BoxedStrategy<String> {
    let subnet = (name(), address_value(), name(), single_address()).prop_flat_map(
        |(name, prefix, other, hop)| {
            some(vec![
                format!("routes via {other}"),
                format!("route {prefix} via {hop}"),
                "route tag Storage via internet".to_owned(),
                "route 10.0.0.0/8 via none".to_owned(),
                "gateway-routes off".to_owned(),
                "service-endpoints Microsoft.Sql, Microsoft.Storage".to_owned(),
                "outbound nat-gateway".to_owned(),
                format!("nsg {other}"),
                "private-endpoint-policies on".to_owned(),
            ])
            .prop_map(move |settings| format!("subnet {name} {prefix} {{ {settings} }}"))
        },
    );
    let vnet = (name(), address_value(), vec(subnet, 0..3), single_address()).prop_flat_map(
        |(name, prefix, subnets, server)| {
            let mut members = subnets;
            members.push(format!("dns {server}"));
            members.push(format!("peers {name} {{ gateway-transit on }}"));
            members.push("id \"/subscriptions/0\"".to_owned());
            some(members).prop_map(move |members| format!("vnet {name} {prefix} {{ {members} }}"))
        },
    );
    let firewall = (name(), name(), single_address()).prop_flat_map(|(name, place, address)| {
        some(vec![
            "sku premium".to_owned(),
            format!("private-ip {address}"),
            format!("public-ip {address}, 203.0.113.10"),
            "dns-proxy on".to_owned(),
            format!("dns-servers {address}"),
            format!("enforces {place}"),
        ])
        .prop_map(move |settings| format!("firewall {name} in {place} {{ {settings} }}"))
    });
    let cluster = (name(), name()).prop_flat_map(|(name, other)| {
        some(vec![
            "plugin overlay".to_owned(),
            "pods 10.244.0.0/16".to_owned(),
            "service-range 10.96.0.0/16".to_owned(),
            format!("pool {name} on {other}"),
            format!("pool {name} on {other} pods {other}"),
            format!("api vnet {other}"),
        ])
        .prop_map(move |settings| format!("cluster {name} in {other} {{ {settings} }}"))
    });
    let rule = (any::<u16>(), name(), relation()).prop_map(|(priority, label, relation)| {
        format!("outbound {priority} deny {label}: {relation}")
    });
    let nsg = (name(), vec(rule, 0..3))
        .prop_map(|(name, rules)| format!("nsg {name} {{ {} }}", rules.join("\n")));
    let others = select(vec![
        "gateway xg in xhub { kind express-route learns 10.100.0.0/16, xrange }",
        "on-premises xdc 10.100.0.0/16",
        "private-endpoint xp in xs { address 10.1.0.9 serves sql.example.com, *.x.example.com resource \"/r\" }",
        "virtual-hub xv 10.2.0.0/23 { connects xa, xb private-traffic via xf }",
    ])
    .prop_map(str::to_owned);
    let item = prop_oneof![3 => vnet, 2 => firewall, 2 => cluster, 1 => nsg, 1 => others];
    (name(), vec(item, 0..4))
        .prop_map(|(name, items)| format!("network {name} {{\n{}\n}}", items.join("\n")))
        .boxed()
}

fn address_value() -> impl Strategy<Value = String> {
    prop_oneof![4 => address(), 1 => path(), 1 => quoted()]
}

fn policy() -> BoxedStrategy<String> {
    (name(), set(operand()), reason(), single_address(), set(service()))
        .prop_flat_map(|(name, set, text, address, services)| {
            some(vec![
                "extends xhub::xpolicy".to_owned(),
                "sku standard".to_owned(),
                "threat-intel alert".to_owned(),
                format!("threat-intel-allow {set}"),
                "idps off".to_owned(),
                format!("inspection-certificate {text}"),
                "dns-proxy off".to_owned(),
                format!("dns-servers {address}"),
                format!("snat except {set}"),
                "sql-redirect on".to_owned(),
                format!("insert-header {text} = {text} for {set}"),
                format!("dnat {name}: {set} -> {address} : {services} to {address} port 22 owner xteam because {text}"),
            ])
            .prop_map(move |settings| format!("policy {name} {{ {settings} }}"))
        })
        .boxed()
}

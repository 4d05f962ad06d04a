//! Ways around the firewall that the source declares: no mistake, and never to be overlooked.

use std::net::IpAddr;

use ipnet::IpNet;
use ipnet::Ipv6Net;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::flow::AddressSet;
use crate::intent::topology::RouteException;
use crate::intent::topology::RouteTarget;

/// The subnet of a firewall: what leaves it there has passed the firewall.
const OF_FIREWALL: &str = "AzureFirewallSubnet";

/// What is said of a route of `subnet` to the internet.
pub(super) fn internet_route(subnet: &str, to: &RouteTarget, span: Span) -> Option<Diagnostic> {
    if is_of_firewall(subnet) {
        return None;
    }
    let to = match to {
        RouteTarget::Prefix(prefix) => prefix.to_string(),
        RouteTarget::ServiceTag(tag) => format!("tag {tag}"),
    };
    let found = Diagnostic::new(
        Code::ROUTE_AROUND,
        format!("`{to}` is reached from subnet `{subnet}` around the firewall"),
    );
    Some(
        found
            .at(span, "a route to the internet: no rule is asked")
            .help("take the route out, and permit what is needed"),
    )
}

/// What is said of `prefix` of `subnet`, whose default route leads to a firewall and which has these
/// other routes. That default route is IPv4's alone, since a firewall judges no IPv6
/// (`azure-firewall.md §1.13`); IPv6 keeps the system's, to the internet (`azure-routing.md §1.1`).
pub(super) fn ipv6(
    subnet: &str,
    prefix: IpNet,
    routes: &[RouteException],
    span: Span,
) -> Option<Diagnostic> {
    if prefix.addr().is_ipv4() || is_of_firewall(subnet) {
        return None;
    }
    let internet = AddressSet::public().intersection(&IpNet::V6(Ipv6Net::default()).into());
    let elsewhere = routes.iter().filter_map(|route| match &route.target {
        RouteTarget::Prefix(prefix) => Some(*prefix),
        RouteTarget::ServiceTag(_) => None,
    });
    let left = internet.difference(&elsewhere.collect());
    if left.is_empty() {
        return None;
    }
    let found = Diagnostic::new(
        Code::IPV6_AROUND,
        format!("subnet `{subnet}` reaches the internet around the firewall by IPv6"),
    );
    Some(
        found
            .at(span, "no rule is asked of what is sent from here")
            .note("`routes via` is a route of IPv4 alone, since Azure Firewall judges no IPv6")
            .help("leave out the IPv6 prefix, or drop what it sends with `route [::]/0 via none`"),
    )
}

/// What is said of the service endpoint of `subnet` for `service` (`azure-routing.md §5`).
pub(super) fn service_endpoint(subnet: &str, service: &str, span: Span) -> Option<Diagnostic> {
    if is_of_firewall(subnet) {
        return None;
    }
    let found = Diagnostic::new(
        Code::SERVICE_ENDPOINT_AROUND,
        format!("`{service}` is reached from subnet `{subnet}` around the firewall"),
    );
    Some(
        found.at(span, "a service endpoint: no rule is asked").help(format!(
            "take it out, or put it on {OF_FIREWALL}, where the firewall is on the way"
        )),
    )
}

/// What is said of the private endpoint `name` in `subnet` (`azure-routing.md §4`).
pub(super) fn private_endpoint(
    name: &str,
    address: IpAddr,
    subnet: &str,
    span: Span,
) -> Diagnostic {
    Diagnostic::new(
        Code::PRIVATE_ENDPOINT_AROUND,
        format!("private endpoint `{name}` is reached around the firewall"),
    )
    .at(span, format!("Azure's own route leads to {address}, past every default route"))
    .help(format!(
        "if the firewall is to judge it, set `private-endpoint-policies on` in subnet `{subnet}` and route \
         the address to the firewall"
    ))
}

fn is_of_firewall(subnet: &str) -> bool {
    subnet.eq_ignore_ascii_case(OF_FIREWALL)
}

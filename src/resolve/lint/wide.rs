//! Permissions of many ports to the whole internet.

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::AddressSet;
use crate::flow::IpProtocol;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::intent::Destination;
use crate::intent::Permission;
use crate::intent::Service;

/// How many ports of a protocol no service has. Those with ranges of their own, for media or passive
/// FTP, are told to clients by a server whose addresses can be known.
const MANY_PORTS: usize = 1_000;

/// A warning for each permission by address that opens as many ports to most of the internet.
pub(super) fn findings<'p>(permissions: impl Iterator<Item = &'p Permission>) -> Vec<Diagnostic> {
    let v4: AddressSet = ipnet::IpNet::V4(ipnet::Ipv4Net::default()).into();
    let internet = AddressSet::public().intersection(&v4);
    permissions.filter_map(|permission| finding(permission, &internet)).collect()
}

fn finding(permission: &Permission, internet: &AddressSet) -> Option<Diagnostic> {
    let reached = permission.destinations.iter().fold(AddressSet::empty(), |all, one| match one {
        Destination::Addresses(addresses) => all.union(&addresses.set),
        Destination::Names(_)
        | Destination::ServiceTag(_)
        | Destination::FqdnTag(_)
        | Destination::WebCategory(_)
        | Destination::Url { .. }
        | Destination::Any => all,
    });
    let reached = reached.intersection(internet).count();
    if reached * 2 <= internet.count() {
        return None;
    }
    // Rounded down: what lacks an address is not the whole.
    let to = match reached * 100 / internet.count() {
        100 => "the whole internet".to_owned(),
        percent => format!("{percent} % of the internet"),
    };
    let many = [(IpProtocol::TCP, "TCP"), (IpProtocol::UDP, "UDP")]
        .map(|(protocol, name)| (ports_opened(permission, protocol), name))
        .into_iter()
        .filter(|(count, _)| *count >= MANY_PORTS);
    let opened: Vec<String> =
        many.map(|(count, name)| format!("{count} ports of {name}")).collect();
    if opened.is_empty() {
        return None;
    }
    Some(
        Diagnostic::new(
            Code::WHOLE_INTERNET,
            format!("`{}` opens {} to {to}", permission.label, opened.join(" and ")),
        )
        .at(permission.spans.services, "more ports than a service has")
        .also(permission.spans.destinations, to)
        .note("whatever listens there can be reached, a tunnel to anywhere too")
        .help("write the ports that the reason is about, and hosts with `https` or `http` where they show a name"),
    )
}

/// How many ports of `protocol` a permission names. `proto/6` is every port of TCP.
fn ports_opened(permission: &Permission, protocol: IpProtocol) -> usize {
    let ranges = permission.services.iter().filter_map(|service| match *service {
        Service::Tcp(range) => (protocol == IpProtocol::TCP).then_some(range),
        Service::Udp(range) => (protocol == IpProtocol::UDP).then_some(range),
        Service::Protocol(number) => (protocol == number).then_some(PortRange::ALL),
        Service::Https { .. }
        | Service::Http { .. }
        | Service::Mssql { .. }
        | Service::Icmp
        | Service::Any => None,
    });
    let ports: PortSet = ranges.collect();
    let ranges = ports.ranges().into_iter();
    ranges.map(|range| usize::from(range.last() - range.first()) + 1).sum()
}

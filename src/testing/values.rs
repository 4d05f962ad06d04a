//! The values of each coordinate near one thing that has edges, and flows made of them.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use crate::flow::AddressSet;
use crate::flow::Flow;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::PortRange;
use crate::flow::Request;

/// The most values of one coordinate near one thing: a list of a thousand addresses has a thousand
/// edges that are alike.
pub(super) const MAX_VALUES: usize = 128;

/// A coordinate of a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Axis {
    Kind,
    Service,
    Inner,
    HostPort,
    Path,
    Host,
    SourcePort,
    Source,
    Destination,
}

impl Axis {
    /// All of them, in the order in which a failing flow is made simpler.
    pub(super) const ALL: [Axis; 9] = [
        Axis::Kind,
        Axis::Service,
        Axis::Inner,
        Axis::HostPort,
        Axis::Path,
        Axis::Host,
        Axis::SourcePort,
        Axis::Source,
        Axis::Destination,
    ];
}

/// The port behind the host of a request.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum HostPort {
    Absent,
    Same,
    Other,
}

/// The coordinates of one flow. Those that its payload has no use for are left aside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Point {
    pub(super) source: IpAddr,
    pub(super) source_port: u16,
    pub(super) destination: IpAddr,
    pub(super) service: (IpProtocol, u16),
    pub(super) kind: PayloadKind,
    pub(super) host: Option<Host>,
    pub(super) host_port: HostPort,
    pub(super) path: String,
    pub(super) inner: bool,
}

impl Point {
    /// The flow; a payload that the protocol cannot carry is bytes of no known protocol, and for a
    /// destination of another family than the source stands one of documentation.
    pub(super) fn flow(&self) -> Flow {
        let (protocol, port) = self.service;
        let destination = match (self.source, self.destination) {
            (IpAddr::V4(_), IpAddr::V6(_)) => IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)),
            (IpAddr::V6(_), IpAddr::V4(_)) => {
                IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7))
            }
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => self.destination,
        };
        Flow {
            source: self.source,
            source_port: if protocol.has_ports() { self.source_port } else { 0 },
            destination,
            destination_port: if protocol.has_ports() { port } else { 0 },
            protocol,
            payload: self.payload(protocol, port),
        }
    }

    /// The coordinates of `flow`, with simple ones for what it has no use for.
    pub(super) fn of(flow: &Flow) -> Point {
        let request = match &flow.payload {
            Payload::Http(request) => Some(request),
            Payload::Tls { inner, .. } => inner.as_ref(),
            Payload::Silent | Payload::Other | Payload::Mssql { .. } | Payload::Quic { .. } => None,
        };
        let host_port = match request.and_then(|request| request.port) {
            None => HostPort::Absent,
            Some(port) if port == flow.destination_port => HostPort::Same,
            Some(_) => HostPort::Other,
        };
        Point {
            source: flow.source,
            source_port: flow.source_port,
            destination: flow.destination,
            service: (flow.protocol, flow.destination_port),
            kind: flow.payload.kind(),
            host: flow.payload.wire_name().cloned(),
            host_port,
            path: request.map_or("/", |request| &request.path).to_owned(),
            inner: matches!(flow.payload, Payload::Tls { inner: Some(_), .. }),
        }
    }

    fn payload(&self, protocol: IpProtocol, port: u16) -> Payload {
        let name = self.host.clone();
        let request = |port| Request { host: self.host.clone(), port, path: self.path.clone() };
        match (protocol, self.kind) {
            (IpProtocol::TCP, PayloadKind::Silent) => Payload::Silent,
            (IpProtocol::TCP, PayloadKind::Tls) => {
                let inner = (self.inner && name.is_some()).then(|| request(None));
                Payload::Tls { name, inner }
            }
            (IpProtocol::TCP, PayloadKind::Http) => {
                let other = if port == 1 { 2 } else { 1 };
                Payload::Http(request(match (self.host_port, &self.host) {
                    (HostPort::Absent, _) | (_, None) => None,
                    (HostPort::Same, Some(_)) => Some(port),
                    (HostPort::Other, Some(_)) => Some(other),
                }))
            }
            (IpProtocol::TCP, PayloadKind::Mssql) => Payload::Mssql { name },
            (IpProtocol::UDP, PayloadKind::Quic) => Payload::Quic { name },
            (_, _) => Payload::Other,
        }
    }
}

/// Values of each coordinate, those of flows that are meant before those just beside. There is at
/// least one of each after [`Values::settle`].
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    pub(super) sources: Vec<IpAddr>,
    pub(super) source_ports: Vec<u16>,
    pub(super) destinations: Vec<IpAddr>,
    pub(super) services: Vec<(IpProtocol, u16)>,
    pub(super) kinds: Vec<PayloadKind>,
    pub(super) hosts: Vec<Option<Host>>,
    pub(super) host_ports: Vec<HostPort>,
    pub(super) paths: Vec<String>,
    pub(super) inner: Vec<bool>,
}

impl Values {
    pub(super) fn len(&self, axis: Axis) -> usize {
        match axis {
            Axis::Source => self.sources.len(),
            Axis::SourcePort => self.source_ports.len(),
            Axis::Destination => self.destinations.len(),
            Axis::Service => self.services.len(),
            Axis::Kind => self.kinds.len(),
            Axis::Host => self.hosts.len(),
            Axis::HostPort => self.host_ports.len(),
            Axis::Path => self.paths.len(),
            Axis::Inner => self.inner.len(),
        }
    }

    /// Gives `point` the value at `index`, if there is one.
    pub(super) fn put(&self, axis: Axis, index: usize, point: &mut Point) {
        fn take<T: Clone>(values: &[T], index: usize, into: &mut T) {
            if let Some(value) = values.get(index) {
                into.clone_from(value);
            }
        }
        match axis {
            Axis::Source => take(&self.sources, index, &mut point.source),
            Axis::SourcePort => take(&self.source_ports, index, &mut point.source_port),
            Axis::Destination => take(&self.destinations, index, &mut point.destination),
            Axis::Service => take(&self.services, index, &mut point.service),
            Axis::Kind => take(&self.kinds, index, &mut point.kind),
            Axis::Host => take(&self.hosts, index, &mut point.host),
            Axis::HostPort => take(&self.host_ports, index, &mut point.host_port),
            Axis::Path => take(&self.paths, index, &mut point.path),
            Axis::Inner => take(&self.inner, index, &mut point.inner),
        }
    }

    /// How many values stand before that of `point`; all of them where it is none of these.
    pub(super) fn before(&self, axis: Axis, point: &Point) -> usize {
        fn place<T: PartialEq>(values: &[T], value: &T) -> usize {
            values.iter().position(|one| one == value).unwrap_or(values.len())
        }
        match axis {
            Axis::Source => place(&self.sources, &point.source),
            Axis::SourcePort => place(&self.source_ports, &point.source_port),
            Axis::Destination => place(&self.destinations, &point.destination),
            Axis::Service => place(&self.services, &point.service),
            Axis::Kind => place(&self.kinds, &point.kind),
            Axis::Host => place(&self.hosts, &point.host),
            Axis::HostPort => place(&self.host_ports, &point.host_port),
            Axis::Path => place(&self.paths, &point.path),
            Axis::Inner => place(&self.inner, &point.inner),
        }
    }

    /// Fills what nothing is said of from `usual`, adds what is wrong for any service, and keeps at
    /// most [`MAX_VALUES`] of each; whether that left some out.
    pub(super) fn settle(&mut self, usual: &Values) -> bool {
        fn fill<T: Clone + PartialEq>(values: &mut Vec<T>, usual: &[T]) -> bool {
            if values.is_empty() {
                values.extend_from_slice(usual);
            }
            let mut kept: Vec<T> = Vec::with_capacity(values.len());
            for value in values.drain(..) {
                if !kept.contains(&value) {
                    kept.push(value);
                }
            }
            *values = kept;
            thin(values, MAX_VALUES)
        }
        if self.kinds.is_empty()
            && let Some(service) = self.services.first()
        {
            self.kinds.push(usual_kind(*service));
        }
        self.kinds.extend_from_slice(&usual.kinds);
        self.hosts.push(None);
        [
            fill(&mut self.sources, &usual.sources),
            fill(&mut self.source_ports, &usual.source_ports),
            fill(&mut self.destinations, &usual.destinations),
            fill(&mut self.services, &usual.services),
            fill(&mut self.kinds, &usual.kinds),
            fill(&mut self.hosts, &usual.hosts),
            fill(&mut self.host_ports, &usual.host_ports),
            fill(&mut self.paths, &usual.paths),
            fill(&mut self.inner, &usual.inner),
        ]
        .contains(&true)
    }

    /// The flow of the first values; nothing where an axis has none.
    pub(super) fn first(&self) -> Option<Point> {
        Some(Point {
            source: *self.sources.first()?,
            source_port: *self.source_ports.first()?,
            destination: *self.destinations.first()?,
            service: *self.services.first()?,
            kind: *self.kinds.first()?,
            host: self.hosts.first()?.clone(),
            host_port: *self.host_ports.first()?,
            path: self.paths.first()?.clone(),
            inner: *self.inner.first()?,
        })
    }
}

/// What clients send to a service of which no more is said.
fn usual_kind((protocol, port): (IpProtocol, u16)) -> PayloadKind {
    match (protocol, port) {
        (IpProtocol::TCP, 443) => PayloadKind::Tls,
        (IpProtocol::TCP, 80) => PayloadKind::Http,
        (IpProtocol::UDP, 443) => PayloadKind::Quic,
        (_, _) => PayloadKind::Other,
    }
}

/// Keeps at most `most` of `values`, the first and the last among them, at even distances; whether
/// that left some out.
pub(super) fn thin<T>(values: &mut Vec<T>, most: usize) -> bool {
    let all = values.len();
    if all <= most {
        return false;
    }
    let last = most.saturating_sub(1).max(1);
    let kept: Vec<usize> = (0..most).map(|step| step * (all - 1) / last).collect();
    let mut at = 0;
    values.retain(|_| {
        at += 1;
        kept.binary_search(&(at - 1)).is_ok()
    });
    true
}

/// Addresses of `set`, those that are `known` first, then its ends, then those just beside it.
pub(super) fn near_addresses(set: &AddressSet, known: &[IpAddr]) -> Vec<IpAddr> {
    let mut values: Vec<IpAddr> =
        known.iter().copied().filter(|address| set.contains(*address)).collect();
    // The ends of all addresses are no edges.
    if *set == AddressSet::all() {
        return values;
    }
    let mut ranges = set.ranges();
    thin(&mut ranges, MAX_VALUES / 4);
    values.extend(ranges.iter().flat_map(|range| [range.first(), range.last()]));
    let beside = |range: &crate::flow::address::AddressRange| {
        [step(range.first(), false), step(range.last(), true)]
    };
    values.extend(ranges.iter().flat_map(beside).flatten());
    values
}

/// The next address, or the one before.
fn step(address: IpAddr, is_up: bool) -> Option<IpAddr> {
    let by = |value: u128| if is_up { value.checked_add(1) } else { value.checked_sub(1) };
    match address {
        IpAddr::V4(v4) => {
            let next = by(u128::from(u32::from(v4)))?;
            Some(Ipv4Addr::from(u32::try_from(next).ok()?).into())
        }
        IpAddr::V6(v6) => Some(Ipv6Addr::from(by(u128::from(v6))?).into()),
    }
}

/// Ports of `range`, then those just beside it.
pub(super) fn near_ports(range: PortRange) -> Vec<u16> {
    let mut ports = if range == PortRange::ALL {
        vec![443, 80, 53, 22]
    } else {
        vec![range.first(), range.last()]
    };
    ports.extend(range.first().checked_sub(1));
    ports.extend(range.last().checked_add(1));
    ports
}

/// Hosts that `pattern` matches, then their parents, siblings and children that it does not.
pub(super) fn near_hosts(pattern: &FqdnPattern) -> Vec<Option<Host>> {
    let parent = |name: &Fqdn| name.as_str().split_once('.').map(|(_, rest)| rest.to_owned());
    let texts = match pattern {
        FqdnPattern::Any => vec!["www.example.com".to_owned(), "localhost".to_owned()],
        FqdnPattern::Exact(name) => {
            let sibling = match name.as_str().split_once('.') {
                Some((first, rest)) => format!("{first}2.{rest}"),
                None => format!("{name}2"),
            };
            let (child, glued) = (format!("sub.{name}"), format!("evil{name}"));
            [Some(name.to_string()), Some(child), Some(glued), Some(sibling), parent(name)]
                .into_iter()
                .flatten()
                .collect()
        }
        FqdnPattern::Under(above) => {
            let inside = [format!("sub.{above}"), format!("low.sub.{above}")];
            let outside = [above.to_string(), format!("evil{above}")];
            inside.into_iter().chain(outside).chain(parent(above)).collect()
        }
        FqdnPattern::EndsWith(end) => {
            let inside = [end.to_string(), format!("evil{end}"), format!("sub.{end}")];
            inside.into_iter().chain(parent(end)).collect()
        }
    };
    let names = texts.iter().filter_map(|text| Fqdn::parse(text).ok());
    names.map(|name| Some(Host::Name(name))).collect()
}

/// Paths that `pattern` matches, then some that it does not. None written is every path.
pub(super) fn near_paths(pattern: &str) -> Vec<String> {
    let all = match pattern.strip_suffix('*') {
        Some(prefix) => {
            let bare = prefix.strip_suffix('/').unwrap_or(prefix);
            vec![format!("{prefix}x"), prefix.to_owned(), bare.to_owned()]
        }
        None => vec![pattern.to_owned(), format!("{pattern}/"), format!("{pattern}x")],
    };
    let all = all.into_iter().chain(["/".to_owned()]);
    all.filter(|path| path.starts_with('/')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_known_then_the_ends_then_those_beside() {
        let set: AddressSet = "10.1.8.0/24".parse::<ipnet::IpNet>().unwrap().into();
        let known = ["10.1.8.4", "10.1.9.4"].map(|text| text.parse().unwrap());
        let near = near_addresses(&set, &known).into_iter().map(|one| one.to_string());
        assert_eq!(
            near.collect::<Vec<_>>(),
            ["10.1.8.4", "10.1.8.0", "10.1.8.255", "10.1.7.255", "10.1.9.0"]
        );
        let all: AddressSet = "0.0.0.0/0".parse::<ipnet::IpNet>().unwrap().into();
        assert_eq!(near_addresses(&all, &[]).len(), 2);
    }

    #[test]
    fn hosts_inside_a_pattern_stand_before_those_outside() {
        for (text, matched) in [("*", 2), ("www.contoso.com", 1), ("*.contoso.com", 2)] {
            let pattern: FqdnPattern = text.parse().unwrap();
            let hosts = near_hosts(&pattern);
            let is_inside = |host: &Option<Host>| pattern.matches_host(host.as_ref().unwrap());
            let inside = hosts.iter().take_while(|host| is_inside(host)).count();
            assert_eq!(inside, matched, "{text}");
            assert_eq!(hosts.iter().filter(|host| is_inside(host)).count(), matched, "{text}");
        }
        // The name of another organisation is among them.
        let evil: Host = Fqdn::parse("evilcontoso.com").unwrap().into();
        assert!(near_hosts(&"*.contoso.com".parse().unwrap()).contains(&Some(evil)));
    }

    #[test]
    fn ports_and_paths_have_their_neighbours() {
        assert_eq!(near_ports(PortRange::single(443)), [443, 443, 442, 444]);
        assert_eq!(near_ports(PortRange::new(0, 9).unwrap()), [0, 9, 10]);
        assert_eq!(near_paths("/a/*"), ["/a/x", "/a/", "/a", "/"]);
        assert_eq!(near_paths(""), ["/", "/"]);
    }

    #[test]
    fn what_is_left_out_lies_between_the_first_and_the_last() {
        let mut values: Vec<usize> = (0..1000).collect();
        assert!(thin(&mut values, 4));
        assert_eq!(values, [0, 333, 666, 999]);
        assert!(!thin(&mut values, 4));
    }
}

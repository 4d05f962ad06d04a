//! The axes of the space of flows, the values on each, and sets of the values on one.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use super::shown::ReversedName;
use super::shown::Shown;
use crate::flow::AddressSet;
use crate::flow::Flow;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::Payload;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::Request;
use crate::flow::address::AddressRange;
use crate::flow::set::IntervalSet;
use crate::flow::set::intervals::Intervals;

/// A coordinate of a flow. Together they say all of it.
///
/// The order is the one in which a set asks for them (`semantics.md`, FlowSet: Order); atoms are
/// asked for just before the destination.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Axis {
    /// The protocol.
    Protocol,
    /// The port that the initiator sends to.
    DestinationPort,
    /// What the first bytes are.
    Payload,
    /// The port in the `Host` header.
    RequestPort,
    /// The wire name.
    Name,
    /// The host of a request inside TLS.
    InnerName,
    /// The request target.
    Path,
    /// The address of the initiator.
    Source,
    /// The initiator's port.
    SourcePort,
    /// The address that the initiator sends to.
    Destination,
}

impl Axis {
    /// All axes, in their order.
    pub const ALL: [Axis; 10] = [
        Axis::Protocol,
        Axis::DestinationPort,
        Axis::Payload,
        Axis::RequestPort,
        Axis::Name,
        Axis::InnerName,
        Axis::Path,
        Axis::Source,
        Axis::SourcePort,
        Axis::Destination,
    ];

    /// The least value on the axis.
    pub(super) fn least(self) -> Value {
        match self {
            Axis::Protocol => Value::Protocol(IpProtocol(0)),
            Axis::SourcePort | Axis::DestinationPort => Value::Port(0),
            Axis::Payload => Value::Payload(PayloadForm::Silent),
            Axis::RequestPort => Value::RequestPort(None),
            Axis::Name | Axis::InnerName => Value::Shown(Shown::Nothing),
            Axis::Path => Value::Path(String::new()),
            Axis::Source | Axis::Destination => Value::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        }
    }
}

/// What the first bytes are, with TLS that the firewall decrypts apart.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PayloadForm {
    /// [`Payload::Silent`].
    Silent,
    /// [`Payload::Other`].
    Other,
    /// [`Payload::Tls`] of which no request is looked at.
    Tls,
    /// [`Payload::Tls`] with the request inside.
    TlsWithRequest,
    /// [`Payload::Http`].
    Http,
    /// [`Payload::Mssql`].
    Mssql,
    /// [`Payload::Quic`].
    Quic,
}

/// A value on an axis. Those of one axis are of one variant.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Value {
    /// On [`Axis::Protocol`].
    Protocol(IpProtocol),
    /// On [`Axis::SourcePort`] and [`Axis::DestinationPort`].
    Port(u16),
    /// On [`Axis::Payload`].
    Payload(PayloadForm),
    /// On [`Axis::RequestPort`]; that none is written lies below all ports.
    RequestPort(Option<u16>),
    /// On [`Axis::Name`] and [`Axis::InnerName`].
    Shown(Shown),
    /// On [`Axis::Path`]; empty where there is no request.
    Path(String),
    /// On [`Axis::Source`] and [`Axis::Destination`]; IPv4 lies below IPv6.
    Address(IpAddr),
}

/// A set of values on one axis. Every cut is itself a value, so equal sets are cut alike.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AxisSet {
    axis: Axis,
    // Invariant: values of `axis`.
    values: Intervals<Value>,
}

impl AxisSet {
    /// These protocols.
    pub fn protocols(protocols: impl IntoIterator<Item = IpProtocol>) -> AxisSet {
        let next = |p: IpProtocol| p.0.checked_add(1).map(|n| Value::Protocol(IpProtocol(n)));
        AxisSet::of_spans(
            Axis::Protocol,
            protocols.into_iter().map(|p| (Value::Protocol(p), next(p))),
        )
    }

    /// These ports of the initiator.
    pub fn source_ports(ports: &PortSet) -> AxisSet {
        AxisSet::of_spans(Axis::SourcePort, port_spans(ports, Value::Port))
    }

    /// These ports that the initiator sends to.
    pub fn destination_ports(ports: &PortSet) -> AxisSet {
        AxisSet::of_spans(Axis::DestinationPort, port_spans(ports, Value::Port))
    }

    /// Payloads of these forms.
    pub fn payloads(forms: impl IntoIterator<Item = PayloadForm>) -> AxisSet {
        let next = |form| {
            Some(Value::Payload(match form {
                PayloadForm::Silent => PayloadForm::Other,
                PayloadForm::Other => PayloadForm::Tls,
                PayloadForm::Tls => PayloadForm::TlsWithRequest,
                PayloadForm::TlsWithRequest => PayloadForm::Http,
                PayloadForm::Http => PayloadForm::Mssql,
                PayloadForm::Mssql => PayloadForm::Quic,
                PayloadForm::Quic => return None,
            }))
        };
        AxisSet::of_spans(
            Axis::Payload,
            forms.into_iter().map(|form| (Value::Payload(form), next(form))),
        )
    }

    /// Requests that write no port, if `unwritten`, and those that write one of `ports`.
    pub fn request_ports(unwritten: bool, ports: &PortSet) -> AxisSet {
        let none =
            unwritten.then_some((Value::RequestPort(None), Some(Value::RequestPort(Some(0)))));
        let written = port_spans(ports, |port| Value::RequestPort(Some(port)));
        AxisSet::of_spans(Axis::RequestPort, none.into_iter().chain(written))
    }

    /// Flows that show one of these wire names.
    pub fn names(hosts: &ShownSet) -> AxisSet {
        AxisSet::of_spans(Axis::Name, hosts.spans())
    }

    /// Requests inside TLS to one of these hosts.
    pub fn inner_names(hosts: &ShownSet) -> AxisSet {
        AxisSet::of_spans(Axis::InnerName, hosts.spans())
    }

    /// Requests for just one of these targets.
    pub fn paths<'p>(paths: impl IntoIterator<Item = &'p str>) -> AxisSet {
        let span = |path: &str| {
            let mut above = path.to_owned();
            above.push('\0');
            (Value::Path(path.to_owned()), Some(Value::Path(above)))
        };
        AxisSet::of_spans(Axis::Path, paths.into_iter().map(span))
    }

    /// Requests for targets that begin with one of these.
    pub fn paths_under<'p>(prefixes: impl IntoIterator<Item = &'p str>) -> AxisSet {
        let span = |prefix: &str| {
            (Value::Path(prefix.to_owned()), above_all_under(prefix).map(Value::Path))
        };
        AxisSet::of_spans(Axis::Path, prefixes.into_iter().map(span))
    }

    /// Flows from these addresses.
    pub fn sources(addresses: &AddressSet) -> AxisSet {
        AxisSet::of_spans(Axis::Source, address_spans(addresses, Value::Address))
    }

    /// Flows to these addresses.
    pub fn destinations(addresses: &AddressSet) -> AxisSet {
        AxisSet::of_spans(Axis::Destination, address_spans(addresses, Value::Address))
    }

    fn of_spans(axis: Axis, spans: impl IntoIterator<Item = (Value, Option<Value>)>) -> AxisSet {
        AxisSet { axis, values: Intervals::from_spans(spans) }
    }

    /// The axis.
    pub fn axis(&self) -> Axis {
        self.axis
    }

    /// The values, cut at values of the axis.
    pub(super) fn values(&self) -> &Intervals<Value> {
        &self.values
    }
}

/// What is shown as a host: nothing, one of some address literals, or one of some names.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ShownSet {
    /// Whether a flow that shows no host belongs to it.
    pub nothing: bool,
    /// The literals.
    pub addresses: AddressSet,
    /// The names.
    pub names: NameSet,
}

impl ShownSet {
    fn spans(&self) -> Vec<(Value, Option<Value>)> {
        let least_name =
            || ReversedName::at_or_above(&[]).map(|name| Value::Shown(Shown::Name(name)));
        let literal = |address| Value::Shown(Shown::Address(address));
        let mut spans = Vec::new();
        if self.nothing {
            let above = literal(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            spans.push((Value::Shown(Shown::Nothing), Some(above)));
        }
        for (start, end) in address_spans(&self.addresses, literal) {
            spans.push((start, end.or_else(least_name)));
        }
        let name =
            |bytes: &Vec<u8>| ReversedName::at_or_above(bytes).map(Shown::Name).map(Value::Shown);
        for (start, end) in self.names.intervals().pairs() {
            if let Some(start) = name(start) {
                spans.push((start, end.and_then(name)));
            }
        }
        spans
    }
}

fn port_spans<'p>(
    ports: &'p PortSet,
    value: impl Fn(u16) -> Value + 'p,
) -> impl Iterator<Item = (Value, Option<Value>)> + 'p {
    ports
        .ranges()
        .into_iter()
        .map(move |range| (value(range.first()), range.last().checked_add(1).map(&value)))
}

fn address_spans(
    addresses: &AddressSet,
    value: impl Fn(IpAddr) -> Value,
) -> Vec<(Value, Option<Value>)> {
    let next = |address: IpAddr| match address {
        IpAddr::V4(v4) => Some(match u32::from(v4).checked_add(1) {
            Some(next) => IpAddr::V4(next.into()),
            None => IpAddr::V6(0.into()),
        }),
        IpAddr::V6(v6) => u128::from(v6).checked_add(1).map(|next| IpAddr::V6(next.into())),
    };
    let span = |range: AddressRange| (value(range.first()), next(range.last()).map(&value));
    addresses.ranges().into_iter().map(span).collect()
}

/// The least text above all that begin with `prefix`, or `None` where there is none.
fn above_all_under(prefix: &str) -> Option<String> {
    let mut kept: Vec<char> = prefix.chars().collect();
    while let Some(last) = kept.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            kept.push(next);
            return Some(kept.into_iter().collect());
        }
    }
    None
}

/// Where `flow` lies on `axis`.
pub(super) fn coordinate(flow: &Flow, axis: Axis) -> Value {
    let request = match &flow.payload {
        Payload::Http(request) | Payload::Tls { inner: Some(request), .. } => Some(request),
        Payload::Silent
        | Payload::Other
        | Payload::Tls { inner: None, .. }
        | Payload::Mssql { .. }
        | Payload::Quic { .. } => None,
    };
    match axis {
        Axis::Protocol => Value::Protocol(flow.protocol),
        Axis::DestinationPort => Value::Port(flow.destination_port),
        Axis::Payload => Value::Payload(match &flow.payload {
            Payload::Silent => PayloadForm::Silent,
            Payload::Other => PayloadForm::Other,
            Payload::Tls { inner: None, .. } => PayloadForm::Tls,
            Payload::Tls { inner: Some(_), .. } => PayloadForm::TlsWithRequest,
            Payload::Http(_) => PayloadForm::Http,
            Payload::Mssql { .. } => PayloadForm::Mssql,
            Payload::Quic { .. } => PayloadForm::Quic,
        }),
        Axis::RequestPort => Value::RequestPort(request.and_then(|request| request.port)),
        Axis::Name => Value::Shown(flow.payload.wire_name().into()),
        Axis::InnerName => Value::Shown(match &flow.payload {
            Payload::Tls { inner: Some(request), .. } => request.host.as_ref().into(),
            _ => Shown::Nothing,
        }),
        Axis::Path => Value::Path(request.map(|request| request.path.clone()).unwrap_or_default()),
        Axis::Source => Value::Address(flow.source),
        Axis::SourcePort => Value::Port(flow.source_port),
        Axis::Destination => Value::Address(flow.destination),
    }
}

/// The flow that lies at `value` on each axis, if it is one.
pub(super) fn flow_at(value: impl Fn(Axis) -> Value) -> Option<Flow> {
    let address = |axis| match value(axis) {
        Value::Address(address) => Some(address),
        _ => None,
    };
    let port = |axis| match value(axis) {
        Value::Port(port) => Some(port),
        _ => None,
    };
    let host = |axis| match value(axis) {
        Value::Shown(shown) => Some(shown.host()),
        _ => None,
    };
    let request = |axis| match (value(Axis::RequestPort), value(Axis::Path)) {
        (Value::RequestPort(port), Value::Path(path)) => {
            Some(Request { host: host(axis)?, port, path })
        }
        _ => None,
    };
    let (Value::Protocol(protocol), Value::Payload(form)) =
        (value(Axis::Protocol), value(Axis::Payload))
    else {
        return None;
    };
    let payload = match form {
        PayloadForm::Silent => Payload::Silent,
        PayloadForm::Other => Payload::Other,
        PayloadForm::Tls => Payload::Tls { name: host(Axis::Name)?, inner: None },
        PayloadForm::TlsWithRequest => {
            Payload::Tls { name: host(Axis::Name)?, inner: Some(request(Axis::InnerName)?) }
        }
        PayloadForm::Http => Payload::Http(request(Axis::Name)?),
        PayloadForm::Mssql => Payload::Mssql { name: host(Axis::Name)? },
        PayloadForm::Quic => Payload::Quic { name: host(Axis::Name)? },
    };
    Some(Flow {
        source: address(Axis::Source)?,
        source_port: port(Axis::SourcePort)?,
        destination: address(Axis::Destination)?,
        destination_port: port(Axis::DestinationPort)?,
        protocol,
        payload,
    })
}

/// The values to which a set of flows has to keep so that each point of it is a flow: every list is
/// a box, and a flow lies in one of them.
pub(super) fn valid_boxes() -> Vec<Vec<AxisSet>> {
    let tcp = || AxisSet::protocols([IpProtocol::TCP]);
    let udp = || AxisSet::protocols([IpProtocol::UDP]);
    let without_ports = (0..=u8::MAX).map(IpProtocol).filter(|protocol| !protocol.has_ports());
    let port_zero = PortRange::single(0).into();
    let nothing = ShownSet { nothing: true, ..ShownSet::default() };
    let unnamed = || AxisSet::names(&nothing);
    let no_request = || {
        [
            AxisSet::request_ports(true, &PortSet::empty()),
            AxisSet::inner_names(&nothing),
            AxisSet::paths([""]),
        ]
    };
    let silent = AxisSet::payloads([PayloadForm::Silent, PayloadForm::Other]);
    let named = AxisSet::payloads([PayloadForm::Tls, PayloadForm::Mssql]);
    vec![
        [tcp(), silent, unnamed()].into_iter().chain(no_request()).collect(),
        [tcp(), named].into_iter().chain(no_request()).collect(),
        vec![tcp(), AxisSet::payloads([PayloadForm::TlsWithRequest])],
        vec![tcp(), AxisSet::payloads([PayloadForm::Http]), AxisSet::inner_names(&nothing)],
        [udp(), AxisSet::payloads([PayloadForm::Other]), unnamed()]
            .into_iter()
            .chain(no_request())
            .collect(),
        [udp(), AxisSet::payloads([PayloadForm::Quic])].into_iter().chain(no_request()).collect(),
        [
            AxisSet::protocols(without_ports),
            AxisSet::payloads([PayloadForm::Other]),
            unnamed(),
            AxisSet::source_ports(&port_zero),
            AxisSet::destination_ports(&port_zero),
        ]
        .into_iter()
        .chain(no_request())
        .collect(),
    ]
}

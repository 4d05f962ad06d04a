//! A flow as a point: one value on each axis. And which points are flows.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use super::axis::Axis;
use super::axis::AxisSet;
use super::axis::PayloadForm;
use super::axis::ShownSet;
use super::axis::Value;
use super::shown::Shown;
use crate::flow::AddressSet;
use crate::flow::Flow;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::Request;
use crate::flow::address::AddressRange;

/// The coordinates of a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Point {
    protocol: IpProtocol,
    destination_port: u16,
    payload: PayloadForm,
    request_port: Option<u16>,
    name: Shown,
    inner_name: Shown,
    path: String,
    source: IpAddr,
    source_port: u16,
    destination: IpAddr,
}

impl Point {
    /// The point of `flow`. What its payload does not have is the least value.
    pub(super) fn of(flow: &Flow) -> Point {
        let (form, request) = match &flow.payload {
            Payload::Silent => (PayloadForm::Silent, None),
            Payload::Other => (PayloadForm::Other, None),
            Payload::Tls { inner: None, .. } => (PayloadForm::Tls, None),
            Payload::Tls { inner: Some(request), .. } => {
                (PayloadForm::TlsWithRequest, Some(request))
            }
            Payload::Http(request) => (PayloadForm::Http, Some(request)),
            Payload::Mssql { .. } => (PayloadForm::Mssql, None),
            Payload::Quic { .. } => (PayloadForm::Quic, None),
        };
        let inner = request.filter(|_| form == PayloadForm::TlsWithRequest);
        Point {
            protocol: flow.protocol,
            destination_port: flow.destination_port,
            payload: form,
            request_port: request.and_then(|request| request.port),
            name: flow.payload.wire_name().into(),
            inner_name: inner.and_then(|request| request.host.as_ref()).into(),
            path: request.map(|request| request.path.clone()).unwrap_or_default(),
            source: flow.source,
            source_port: flow.source_port,
            destination: flow.destination,
        }
    }

    /// The flow at the point.
    pub(super) fn flow(&self) -> Flow {
        let request = |host: &Shown| Request {
            host: host.host(),
            port: self.request_port,
            path: self.path.clone(),
        };
        let name = self.name.host();
        Flow {
            source: self.source,
            source_port: self.source_port,
            destination: self.destination,
            destination_port: self.destination_port,
            protocol: self.protocol,
            payload: match self.payload {
                PayloadForm::Silent => Payload::Silent,
                PayloadForm::Other => Payload::Other,
                PayloadForm::Tls => Payload::Tls { name, inner: None },
                PayloadForm::TlsWithRequest => {
                    Payload::Tls { name, inner: Some(request(&self.inner_name)) }
                }
                PayloadForm::Http => Payload::Http(request(&self.name)),
                PayloadForm::Mssql => Payload::Mssql { name },
                PayloadForm::Quic => Payload::Quic { name },
            },
        }
    }

    /// Where it lies on `axis`.
    pub(super) fn value(&self, axis: Axis) -> Value {
        match axis {
            Axis::Protocol => Value::Protocol(self.protocol),
            Axis::DestinationPort => Value::Port(self.destination_port),
            Axis::Payload => Value::Payload(self.payload),
            Axis::RequestPort => Value::RequestPort(self.request_port),
            Axis::Name => Value::Shown(self.name.clone()),
            Axis::InnerName => Value::Shown(self.inner_name.clone()),
            Axis::Path => Value::Path(self.path.clone()),
            Axis::Source => Value::Address(self.source),
            Axis::SourcePort => Value::Port(self.source_port),
            Axis::Destination => Value::Address(self.destination),
        }
    }

    /// Moves it along `axis` to `value`, one of that axis.
    pub(super) fn put(&mut self, axis: Axis, value: Value) {
        match (axis, value) {
            (Axis::Protocol, Value::Protocol(protocol)) => self.protocol = protocol,
            (Axis::DestinationPort, Value::Port(port)) => self.destination_port = port,
            (Axis::SourcePort, Value::Port(port)) => self.source_port = port,
            (Axis::Payload, Value::Payload(form)) => self.payload = form,
            (Axis::RequestPort, Value::RequestPort(port)) => self.request_port = port,
            (Axis::Name, Value::Shown(shown)) => self.name = shown,
            (Axis::InnerName, Value::Shown(shown)) => self.inner_name = shown,
            (Axis::Path, Value::Path(path)) => self.path = path,
            (Axis::Source, Value::Address(address)) => self.source = address,
            (Axis::Destination, Value::Address(address)) => self.destination = address,
            // Not a value of the axis.
            (_, _) => debug_assert!(false, "a value of another axis"),
        }
    }
}

/// The points that are flows: each list is a product, and a flow lies in just one of them.
///
/// Both addresses are of one family, of which each of ICMP and ICMPv6 has one. Ports are 0 where the
/// protocol has none. TLS, HTTP and TDS are carried by TCP, and QUIC by UDP; a request is for a path
/// from its first slash on.
pub(super) fn products_of_flows() -> Vec<Vec<AxisSet>> {
    let v4 = (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::BROADCAST.into());
    let v6 = (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::from(u128::MAX).into());
    let families = [(v4, IpProtocol::ICMPV6), (v6, IpProtocol::ICMP)];
    let mut products = Vec::new();
    for ((first, last), of_the_other) in families {
        let family: AddressSet = AddressRange::new(first, last).into_iter().collect();
        let ends = [AxisSet::sources(&family), AxisSet::destinations(&family)];
        for carried in carried(of_the_other) {
            products.push(ends.iter().cloned().chain(carried).collect());
        }
    }
    products
}

/// What is carried by each protocol but `except`.
fn carried(except: IpProtocol) -> Vec<Vec<AxisSet>> {
    let tcp = || AxisSet::protocols([IpProtocol::TCP]);
    let udp = || AxisSet::protocols([IpProtocol::UDP]);
    let others = (0..=u8::MAX).map(IpProtocol);
    let others = others.filter(|protocol| !protocol.has_ports() && *protocol != except);
    let port_zero = PortRange::single(0).into();
    let nothing = ShownSet::nothing();
    let no_request = [
        AxisSet::request_ports(true, &PortSet::empty()),
        AxisSet::inner_names(&nothing),
        AxisSet::paths([""]),
    ];
    let unnamed =
        [AxisSet::payloads([PayloadForm::Silent, PayloadForm::Other]), AxisSet::names(&nothing)];
    let path = AxisSet::paths_under(["/"]);
    let named = AxisSet::payloads([PayloadForm::Tls, PayloadForm::Mssql]);
    let quic = AxisSet::payloads([PayloadForm::Quic]);
    let portless = [
        AxisSet::protocols(others),
        AxisSet::source_ports(&port_zero),
        AxisSet::destination_ports(&port_zero),
    ];
    let joined = |parts: &[&[AxisSet]]| parts.concat();
    vec![
        joined(&[&[tcp()], &unnamed, &no_request]),
        joined(&[&[tcp(), named], &no_request]),
        vec![tcp(), AxisSet::payloads([PayloadForm::TlsWithRequest]), path.clone()],
        vec![tcp(), AxisSet::payloads([PayloadForm::Http]), AxisSet::inner_names(&nothing), path],
        joined(&[&[udp()], &unnamed, &no_request]),
        joined(&[&[udp(), quic], &no_request]),
        joined(&[&portless, &unnamed, &no_request]),
    ]
}

impl Default for Point {
    /// The least value on each axis.
    fn default() -> Point {
        let address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Point {
            protocol: IpProtocol(0),
            destination_port: 0,
            payload: PayloadForm::Silent,
            request_port: None,
            name: Shown::Nothing,
            inner_name: Shown::Nothing,
            path: String::new(),
            source: address,
            source_port: 0,
            destination: address,
        }
    }
}

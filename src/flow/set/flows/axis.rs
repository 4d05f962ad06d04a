//! The axes of the space of flows, the values on each, and sets of the values on one.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use super::point::Point;
use super::shown::ReversedName;
use super::shown::Shown;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::PortSet;
use crate::flow::address::AddressRange;
use crate::flow::set::IntervalSet;
use crate::flow::set::intervals::Intervals;

/// A coordinate of a flow. Together they say all of it.
///
/// The order is the one in which a set asks for them (`semantics.md`, FlowSet: Order); atoms are
/// asked for just before the destination.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Axis {
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
    pub(super) const ALL: [Axis; 10] = [
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
        Point::default().value(self)
    }
}

/// What the first bytes are, with TLS that the firewall decrypts apart.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PayloadForm {
    /// [`Silent`](crate::flow::Payload::Silent).
    Silent,
    /// [`Other`](crate::flow::Payload::Other).
    Other,
    /// [`Tls`](crate::flow::Payload::Tls) of which no request is looked at.
    Tls,
    /// [`Tls`](crate::flow::Payload::Tls) with the request inside.
    TlsWithRequest,
    /// [`Http`](crate::flow::Payload::Http).
    Http,
    /// [`Mssql`](crate::flow::Payload::Mssql).
    Mssql,
    /// [`Quic`](crate::flow::Payload::Quic).
    Quic,
}

impl PayloadForm {
    /// All forms, in their order.
    pub const ALL: [PayloadForm; 7] = [
        PayloadForm::Silent,
        PayloadForm::Other,
        PayloadForm::Tls,
        PayloadForm::TlsWithRequest,
        PayloadForm::Http,
        PayloadForm::Mssql,
        PayloadForm::Quic,
    ];
}

/// A value on an axis. Those of one axis are of one variant.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Value {
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

    /// Whether no value is in the set.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How often a walk along the axis enters or leaves the set.
    pub fn cuts(&self) -> usize {
        self.values.cuts().len()
    }

    /// Whether every value of the axis is in the set.
    pub fn is_everything(&self) -> bool {
        matches!(self.values.cuts(), [only] if *only == self.axis.least())
    }

    /// The other values of the axis.
    #[must_use]
    pub fn complement(&self) -> AxisSet {
        let all = Intervals::from_spans([(self.axis.least(), None)]);
        AxisSet { axis: self.axis, values: all.difference(&self.values) }
    }

    /// These values of `axis`, from the first of each span up to, and without, the second.
    pub(super) fn of_spans(
        axis: Axis,
        spans: impl IntoIterator<Item = (Value, Option<Value>)>,
    ) -> AxisSet {
        AxisSet { axis, values: Intervals::from_spans(spans) }
    }

    /// What is in either; both are of one axis.
    pub(super) fn union(&self, other: &AxisSet) -> AxisSet {
        AxisSet { axis: self.axis, values: self.values.union(&other.values) }
    }

    /// Whether every value of the axis is in it.
    pub(super) fn is_all(&self) -> bool {
        *self.values.cuts() == [self.axis.least()]
    }

    /// The axis.
    pub(super) fn axis(&self) -> Axis {
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
    nothing: bool,
    addresses: AddressSet,
    names: NameSet,
}

impl ShownSet {
    /// No host.
    pub fn nothing() -> ShownSet {
        ShownSet { nothing: true, ..ShownSet::default() }
    }

    /// One of these address literals.
    pub fn literals(addresses: AddressSet) -> ShownSet {
        ShownSet { addresses, ..ShownSet::default() }
    }

    /// One of these names.
    pub fn names(names: NameSet) -> ShownSet {
        ShownSet { names, ..ShownSet::default() }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &ShownSet) -> ShownSet {
        ShownSet {
            nothing: self.nothing || other.nothing,
            addresses: self.addresses.union(&other.addresses),
            names: self.names.union(&other.names),
        }
    }
}

impl<'p> FromIterator<&'p FqdnPattern> for ShownSet {
    /// The hosts that one of the patterns matches: `*` matches address literals, too
    /// ([`FqdnPattern::matches_host`]).
    fn from_iter<T: IntoIterator<Item = &'p FqdnPattern>>(patterns: T) -> ShownSet {
        let patterns: Vec<&FqdnPattern> = patterns.into_iter().collect();
        let matches_all = patterns.iter().any(|pattern| **pattern == FqdnPattern::Any);
        let addresses = if matches_all { AddressSet::all() } else { AddressSet::empty() };
        ShownSet { nothing: false, addresses, names: patterns.into_iter().collect() }
    }
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
pub(super) fn above_all_under(prefix: &str) -> Option<String> {
    let mut kept: Vec<char> = prefix.chars().collect();
    while let Some(last) = kept.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            kept.push(next);
            return Some(kept.into_iter().collect());
        }
    }
    None
}

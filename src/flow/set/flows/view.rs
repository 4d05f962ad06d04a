//! The values of a set on one axis, as they are read.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use super::axis::Axis;
use super::axis::AxisSet;
use super::axis::PayloadForm;
use super::axis::Value;
use super::axis::above_all_under;
use super::shown::ReversedName;
use super::shown::Shown;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::address::AddressRange;
use crate::flow::set::IntervalSet;

/// What an [`AxisSet`] holds.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AxisView {
    /// [`AxisSet::protocols`], ascending.
    Protocols(Vec<IpProtocol>),
    /// [`AxisSet::destination_ports`].
    DestinationPorts(PortSet),
    /// [`AxisSet::payloads`], in their order.
    Payloads(Vec<PayloadForm>),
    /// [`AxisSet::request_ports`].
    RequestPorts {
        /// Whether requests that write no port are among them.
        unwritten: bool,
        /// The ports that are written.
        ports: PortSet,
    },
    /// [`AxisSet::names`].
    Names(ShownView),
    /// [`AxisSet::inner_names`].
    InnerNames(ShownView),
    /// Request targets, from the least on.
    Paths(Vec<PathView>),
    /// [`AxisSet::sources`].
    Sources(AddressSet),
    /// [`AxisSet::source_ports`].
    SourcePorts(PortSet),
    /// [`AxisSet::destinations`].
    Destinations(AddressSet),
}

/// What a [`ShownSet`](super::ShownSet) holds.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ShownView {
    /// Whether it holds that no host is shown.
    pub nothing: bool,
    /// The address literals.
    pub literals: AddressSet,
    /// The names, in their order from the right; no name is in two of these.
    pub names: Vec<NameView>,
}

/// Some names.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NameView {
    /// Those that a pattern matches, without those that other patterns match.
    Matching {
        /// The pattern.
        pattern: FqdnPattern,
        /// The others. Each matches some names of `pattern` and no others.
        except: Vec<FqdnPattern>,
    },
    /// What no pattern says: those in the order from the last byte to the first.
    Between {
        /// The first name.
        first: Fqdn,
        /// The name above the last, if there is one.
        below: Option<Fqdn>,
    },
}

/// Some request targets.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PathView {
    /// Just this one; empty where there is no request.
    Exactly(String),
    /// All that begin so.
    Under(String),
    /// What neither says: those in their order by characters.
    Between {
        /// The first.
        first: String,
        /// The one above the last, if there is one.
        below: Option<String>,
    },
}

impl AxisSet {
    /// What the set holds, to be read.
    pub fn view(&self) -> AxisView {
        match self.axis() {
            Axis::Protocol => {
                let all = (0..=u8::MAX).map(IpProtocol);
                AxisView::Protocols(all.filter(|p| self.holds(&Value::Protocol(*p))).collect())
            }
            Axis::DestinationPort => AxisView::DestinationPorts(self.ports()),
            Axis::Payload => {
                let all = PayloadForm::ALL.into_iter();
                AxisView::Payloads(all.filter(|form| self.holds(&Value::Payload(*form))).collect())
            }
            Axis::RequestPort => AxisView::RequestPorts {
                unwritten: self.holds(&Value::RequestPort(None)),
                ports: self.ports(),
            },
            Axis::Name => AxisView::Names(self.shown()),
            Axis::InnerName => AxisView::InnerNames(self.shown()),
            Axis::Path => AxisView::Paths(self.paths_held()),
            Axis::Source => AxisView::Sources(self.addresses()),
            Axis::SourcePort => AxisView::SourcePorts(self.ports()),
            Axis::Destination => AxisView::Destinations(self.addresses()),
        }
    }

    fn holds(&self, value: &Value) -> bool {
        self.values().contains(value)
    }

    fn ports(&self) -> PortSet {
        let port = |value: &Value| match value {
            Value::Port(port) | Value::RequestPort(Some(port)) => Some(*port),
            _ => None,
        };
        let range = |(start, end): (&Value, Option<&Value>)| {
            let last = match end {
                None => u16::MAX,
                Some(end) => port(end)?.checked_sub(1)?,
            };
            PortRange::new(port(start).unwrap_or_default(), last)
        };
        self.values().pairs().filter_map(range).collect()
    }

    fn addresses(&self) -> AddressSet {
        let ranges = self.values().pairs().filter_map(|(start, end)| address_ranges(start, end));
        ranges.flatten().collect()
    }

    fn shown(&self) -> ShownView {
        let (mut literals, mut names) = (Vec::new(), Vec::new());
        let least_literal = Value::Shown(Shown::Address(Ipv4Addr::UNSPECIFIED.into()));
        let least_name = ReversedName::at_or_above(&[]);
        for (start, end) in self.values().pairs() {
            let start = start.max(&least_literal);
            literals.extend(address_ranges(start, end).into_iter().flatten());
            let end = match end {
                Some(Value::Shown(Shown::Name(end))) => Some(end.clone()),
                Some(_) => continue,
                None => None,
            };
            let start = match start {
                Value::Shown(Shown::Name(start)) => Some(start.clone()),
                _ => least_name.clone(),
            };
            names.extend(start.filter(|start| Some(start) != end.as_ref()).map(|s| (s, end)));
        }
        ShownView {
            nothing: self.holds(&Value::Shown(Shown::Nothing)),
            literals: literals.into_iter().collect(),
            names: name_views(&names),
        }
    }

    fn paths_held(&self) -> Vec<PathView> {
        let path = |value: &Value| match value {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        };
        let view = |(start, end): (&Value, Option<&Value>)| {
            let (first, below) = (path(start)?, end.and_then(path));
            let is_one = below.as_ref().and_then(|end| end.strip_suffix('\0')) == Some(&first);
            Some(if is_one {
                PathView::Exactly(first)
            } else if above_all_under(&first) == below {
                PathView::Under(first)
            } else {
                PathView::Between { first, below }
            })
        };
        self.values().pairs().filter_map(view).collect()
    }
}

/// From a name up to, and without, the next; the last may have no end.
type NameSpan = (ReversedName, Option<ReversedName>);

/// The names of ascending spans.
fn name_views(spans: &[NameSpan]) -> Vec<NameView> {
    let mut views = Vec::new();
    let mut rest = spans;
    while let Some(((first, end), later)) = rest.split_first() {
        let matching = patterns_from(first).into_iter().find_map(|(pattern, end)| {
            let (except, later) = exceptions(end.as_ref(), rest)?;
            Some((NameView::Matching { pattern, except }, later))
        });
        let between = || {
            let below = end.as_ref().and_then(ReversedName::name);
            first.name().map(|first| NameView::Between { first, below })
        };
        let (view, later) = match matching {
            Some((view, later)) => (Some(view), later),
            None => (between(), later),
        };
        views.extend(view);
        rest = later;
    }
    views
}

/// The patterns whose names begin with `first`, each with what is above them: the widest first.
fn patterns_from(first: &ReversedName) -> Vec<(FqdnPattern, Option<ReversedName>)> {
    let Some(name) = first.name() else { return Vec::new() };
    // The least names of all, and under a parent, begin with a hyphen.
    let after_hyphen = name.as_str().strip_prefix('-');
    let parent = after_hyphen.and_then(|rest| Fqdn::parse(rest.strip_prefix('.')?).ok());
    let any = after_hyphen.filter(|rest| rest.is_empty()).map(|_| FqdnPattern::Any);
    let wide = any.into_iter().chain(parent.map(FqdnPattern::Under));
    let patterns = wide.chain([FqdnPattern::EndsWith(name.clone()), FqdnPattern::Exact(name)]);
    let with_end = |pattern: FqdnPattern| {
        let names = NameSet::from(&pattern);
        let (start, end) = names.intervals().pairs().next()?;
        let begins_here = ReversedName::at_or_above(start).as_ref() == Some(first);
        begins_here.then(|| (pattern, end.and_then(|end| ReversedName::at_or_above(end))))
    };
    patterns.filter_map(with_end).collect()
}

/// The patterns that match what `spans` leave out below `end`, and the spans from there on; nothing
/// where no patterns say it, or a span reaches beyond.
fn exceptions<'s>(
    end: Option<&ReversedName>,
    spans: &'s [NameSpan],
) -> Option<(Vec<FqdnPattern>, &'s [NameSpan])> {
    let mut except = Vec::new();
    let mut rest = spans;
    while let Some(((_, held_up_to), later)) = rest.split_first() {
        let next = later.first().map(|(start, _)| start);
        let next = next.filter(|start| end.is_none_or(|end| *start < end));
        let left_out_up_to = next.or(end);
        if held_up_to.as_ref() != left_out_up_to {
            let from = held_up_to.as_ref()?;
            let is = |(_, end): &(_, Option<ReversedName>)| end.as_ref() == left_out_up_to;
            except.push(patterns_from(from).into_iter().find(is)?.0);
        }
        rest = later;
        if next.is_none() {
            break;
        }
    }
    Some((except, rest))
}

/// The addresses from `start` up to, and without, `end`; nothing where there are none.
pub(super) fn address_ranges(start: &Value, end: Option<&Value>) -> Option<Vec<AddressRange>> {
    let address = |value: &Value| match value {
        Value::Address(address) | Value::Shown(Shown::Address(address)) => Some(*address),
        _ => None,
    };
    let from_start = from(address(start)?);
    // Above all addresses there are names.
    match end.and_then(address) {
        Some(end) => Some(from_start.difference(&from(end)).ranges()),
        None => Some(from_start.ranges()),
    }
}

/// The address and all above it.
fn from(address: IpAddr) -> AddressSet {
    let v4 = AddressRange::new(address, Ipv4Addr::BROADCAST.into());
    let first_v6 = if address.is_ipv4() { Ipv6Addr::UNSPECIFIED.into() } else { address };
    let v6 = AddressRange::new(first_v6, Ipv6Addr::from(u128::MAX).into());
    v4.into_iter().chain(v6).collect()
}

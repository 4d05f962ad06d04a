//! Near misses: permissions of a list that would speak for a flow if one thing were otherwise.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::civil::Date;

use super::environment::Environment;
use super::views::carries;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::PortRange;
use crate::flow::Request;
use crate::flow::SeenPayload;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::Service;
use crate::intent::permission::MssqlMode;

/// A permission that a flow misses by one thing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NearMiss {
    /// The permission, as an index into [`Intent::permissions`].
    pub permission: usize,
    /// What would have to be otherwise.
    pub differs: Differs,
    /// Whether the list would permit the flow then whatever is not known; else it might.
    pub is_certain: bool,
}

/// The one thing in which a flow is not what a permission speaks of.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Differs {
    /// The permission ended on this day.
    Expired(Date),
    /// It is for other sources.
    Source,
    /// It is for these names.
    Name(FqdnPattern),
    /// It is for this port, or for these.
    Port(PortRange),
    /// It is for this service.
    Service(Service),
    /// It is for other addresses.
    Address,
}

/// How far a flow is from a permission: what is settled first, then what is likeliest meant.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Distance {
    is_uncertain: bool,
    kind: Kind,
    by: u32,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Expired,
    /// A name of the same domain, a port beside the right one, an address of the same network.
    Neighbour,
    Source,
    Service,
    Stranger,
}

/// Names that share so many of their last labels are of one domain.
const LABELS_OF_A_DOMAIN: u32 = 2;
/// Addresses that share a third of their first bits are of one network.
const NETWORKS: u32 = 3;

/// Names that differ by so many letters may be meant for one another.
const MISSPELT: usize = 2;

/// A flow as it would be if one thing about it were otherwise.
struct Otherwise {
    differs: Differs,
    kind: Kind,
    by: u32,
    observation: Observation,
}

impl Intent {
    /// The permissions that miss `observation`, which the list does not permit, by one thing only;
    /// the nearest first. Where none would be certain to permit it, those that might. Each was asked about the flow as it would be then, with all denies.
    pub fn near_misses(
        &self,
        day: Date,
        observation: &Observation,
        environment: &Environment<'_>,
    ) -> Vec<NearMiss> {
        let mut alone = Intent { permissions: Vec::new(), ..self.clone() };
        let mut found: Vec<(Distance, NearMiss)> = Vec::new();
        for (index, permission) in self.permissions.iter().enumerate() {
            alone.permissions = vec![Permission { expires: None, ..permission.clone() }];
            for one in otherwise(permission, day, observation) {
                let permitted = alone.judge_on(day, &one.observation, environment).permitted;
                if permitted == Some(false) {
                    continue;
                }
                let is_certain = permitted == Some(true);
                let distance = Distance { is_uncertain: !is_certain, kind: one.kind, by: one.by };
                let differs = one.differs;
                found.push((distance, NearMiss { permission: index, differs, is_certain }));
            }
        }
        found.sort_by(|(one, near), (other, also)| {
            (one, near.permission, &near.differs).cmp(&(other, also.permission, &also.differs))
        });
        let mut seen = BTreeSet::new();
        found.retain(|(_, near)| seen.insert(near.permission));
        // Beside a sure one, what may be so is no help.
        if found.iter().any(|(_, near)| near.is_certain) {
            found.retain(|(_, near)| near.is_certain);
        }
        found.into_iter().map(|(_, near)| near).collect()
    }
}

/// The flow with each one thing about it as `permission` has it.
fn otherwise(permission: &Permission, day: Date, observation: &Observation) -> Vec<Otherwise> {
    let with = |differs, kind, by, observation| Otherwise { differs, kind, by, observation };
    if let Some(last) = permission.expires.filter(|_| !permission.is_active(day)) {
        return vec![with(Differs::Expired(last), Kind::Expired, 0, observation.clone())];
    }
    let mut all = Vec::new();
    if let Some((source, by)) = nearest(&permission.sources.set, observation.source)
        && by > 0
    {
        let there = Observation { source, ..observation.clone() };
        all.push(with(Differs::Source, Kind::Source, by, there));
    }
    for service in &permission.services {
        all.extend(other_service(*service, observation));
    }
    let patterns = permission.destinations.iter().flat_map(Destination::name_patterns);
    let shown = shown_name(observation);
    let nearest_name = patterns
        .map(|pattern| (common_labels(pattern, shown.as_ref()), pattern))
        .min_by_key(|(common, _)| Reverse(*common));
    if let Some((common, pattern)) = nearest_name
        && let Some(observation) = with_name(observation, pattern)
    {
        let is_near = common >= LABELS_OF_A_DOMAIN || is_misspelt(pattern, shown.as_ref());
        let kind = if is_near { Kind::Neighbour } else { Kind::Stranger };
        let by = u32::from(u8::MAX).saturating_sub(common);
        all.push(with(Differs::Name(pattern.clone()), kind, by, observation));
    }
    for destination in &permission.destinations {
        let Destination::Addresses(addresses) = destination else { continue };
        let Some((destination, by)) = nearest(&addresses.set, observation.destination) else {
            continue;
        };
        if by > 0 {
            let bits = if destination.is_ipv4() { u32::BITS } else { u128::BITS };
            let is_near = (bits - by) * NETWORKS >= bits;
            let kind = if is_near { Kind::Neighbour } else { Kind::Stranger };
            let there = Observation { destination, ..observation.clone() };
            all.push(with(Differs::Address, kind, by, there));
        }
    }
    all
}

/// The address of `set` that shares the most first bits with `wanted`, in its family, and how many
/// bits are not shared: none where the set has the address.
fn nearest(set: &AddressSet, wanted: IpAddr) -> Option<(IpAddr, u32)> {
    let ends = set.ranges().into_iter().flat_map(|range| {
        let inside = range.contains(wanted).then_some(wanted);
        [Some(range.first()), Some(range.last()), inside]
    });
    let apart = |one: IpAddr| match (one, wanted) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            Some(u32::BITS - (u32::from(one) ^ u32::from(other)).leading_zeros())
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            Some(u128::BITS - (u128::from(one) ^ u128::from(other)).leading_zeros())
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    };
    let known = ends.flatten().filter_map(|one| Some((one, apart(one)?)));
    known.min_by_key(|(_, by)| *by)
}

/// The flow with another port, where that is all, else as a client of `service` would send it.
fn other_service(service: Service, observation: &Observation) -> Option<Otherwise> {
    let Observation { protocol, destination_port: port, .. } = *observation;
    if carries(service, observation) && speaks(service, &observation.payload) {
        return None;
    }
    let (wanted, ports) = match service {
        Service::Https { port } | Service::Http { port } | Service::Mssql { port, .. } => {
            (IpProtocol::TCP, Some(PortRange::single(port)))
        }
        Service::Tcp(range) => (IpProtocol::TCP, Some(range)),
        Service::Udp(range) => (IpProtocol::UDP, Some(range)),
        Service::Icmp if observation.source.is_ipv4() => (IpProtocol::ICMP, None),
        Service::Icmp => (IpProtocol::ICMPV6, None),
        Service::Protocol(protocol) => (protocol, None),
        Service::Any => return None,
    };
    let nearest = ports.map_or(0, |ports| port.clamp(ports.first(), ports.last()));
    let there = Observation { protocol: wanted, destination_port: nearest, ..observation.clone() };
    if wanted == protocol && speaks(service, &observation.payload) {
        let by = u32::from(nearest.abs_diff(port));
        let differs = Differs::Port(ports?);
        // Whoever shows a name wants no service without one.
        let is_alike = service.shows_a_name() || shown_name(observation).is_none();
        let kind = if is_alike { Kind::Neighbour } else { Kind::Stranger };
        return Some(Otherwise { differs, kind, by, observation: there });
    }
    // Another protocol on another port is another thing altogether.
    if wanted != protocol && nearest != port {
        return None;
    }
    let payload = match (&observation.payload, sent_by(service, &observation.payload)) {
        // Nobody saw what was sent.
        (SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown, _) => {
            SeenPayload::Unknown
        }
        (SeenPayload::Exactly(_), payload) => SeenPayload::Exactly(payload),
    };
    let by = u32::from(wanted != protocol) + u32::from(nearest != port);
    let observation = Observation { payload, ..there };
    Some(Otherwise { differs: Differs::Service(service), kind: Kind::Service, by, observation })
}

/// Whether what was seen is sent by clients of `service`, or may be.
fn speaks(service: Service, seen: &SeenPayload) -> bool {
    let SeenPayload::Exactly(payload) = seen else { return true };
    match (service, payload) {
        (Service::Https { .. }, Payload::Tls { .. })
        | (Service::Http { .. }, Payload::Http(_))
        | (Service::Mssql { mode: MssqlMode::Proxy, .. }, Payload::Mssql { .. }) => true,
        (service, _) => !service.shows_a_name(),
    }
}

/// What a client of `service` sends that wants the host of `seen`.
fn sent_by(service: Service, seen: &SeenPayload) -> Payload {
    let name = match seen {
        SeenPayload::Exactly(payload) => payload.wire_name().cloned(),
        SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => None,
    };
    match service {
        Service::Https { .. } => Payload::Tls { name, inner: None },
        Service::Http { .. } => {
            Payload::Http(Request { host: name, port: None, path: "/".to_owned() })
        }
        Service::Mssql { .. } => Payload::Mssql { name },
        Service::Tcp(_) | Service::Udp(_) | Service::Icmp | Service::Protocol(_) | Service::Any => {
            Payload::Other
        }
    }
}

fn shown_name(observation: &Observation) -> Option<Fqdn> {
    match &observation.payload {
        SeenPayload::Exactly(payload) => payload.wire_name()?.name().cloned(),
        SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => None,
    }
}

/// How many last labels both have in common.
fn common_labels(pattern: &FqdnPattern, name: Option<&Fqdn>) -> u32 {
    let (
        Some(name),
        FqdnPattern::Exact(own) | FqdnPattern::Under(own) | FqdnPattern::EndsWith(own),
    ) = (name, pattern)
    else {
        return 0;
    };
    let pairs = own.labels().rev().zip(name.labels().rev());
    let common = pairs.take_while(|(one, other)| one == other).count();
    u32::try_from(common).unwrap_or(u32::MAX)
}

/// Whether `name` is spelt almost as what `pattern` spells out.
fn is_misspelt(pattern: &FqdnPattern, name: Option<&Fqdn>) -> bool {
    match (pattern, name) {
        (
            FqdnPattern::Exact(own) | FqdnPattern::Under(own) | FqdnPattern::EndsWith(own),
            Some(name),
        ) => strsim::osa_distance(own.as_str(), name.as_str()) <= MISSPELT,
        (FqdnPattern::Any, _) | (_, None) => false,
    }
}

/// The flow with a name that `pattern` matches, where what was seen has a place for one.
fn with_name(observation: &Observation, pattern: &FqdnPattern) -> Option<Observation> {
    let SeenPayload::Exactly(payload) = &observation.payload else { return None };
    if shown_name(observation).is_some_and(|name| pattern.matches(&name)) {
        return None;
    }
    let name = match pattern {
        FqdnPattern::Exact(name) => name.clone(),
        FqdnPattern::Under(name) => Fqdn::parse(&format!("www.{name}")).ok()?,
        FqdnPattern::EndsWith(name) => Fqdn::parse(&format!("w{name}")).ok()?,
        FqdnPattern::Any => Fqdn::parse("www.example.com").ok()?,
    };
    let name = Some(Host::Name(name));
    let payload = match payload.clone() {
        Payload::Tls { inner, .. } => Payload::Tls { name, inner },
        Payload::Http(request) => Payload::Http(Request { host: name, ..request }),
        Payload::Mssql { .. } => Payload::Mssql { name },
        Payload::Quic { .. } | Payload::Silent | Payload::Other => return None,
    };
    Some(Observation { payload: SeenPayload::Exactly(payload), ..observation.clone() })
}

//! What is near the edges of a subject, bounded and in order.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::corners::Corners;
use super::corners::parts;
use super::strategy::NearEdges;
use super::values::Axis;
use super::values::Values;
use super::values::thin;
use crate::azure::Deployment;
use crate::evidence::Evidence;
use crate::flow::AddressSet;
use crate::flow::Flow;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::PayloadKind;
use crate::intent::Intent;

/// The most rules, permissions, routes and subnets of which the edges are kept, each with at most
/// 128 values of each coordinate: some 100 MB. Of more, some at even distances are.
pub const MAX_CORNERS: usize = 2048;

/// The most flows that [`Edges::each`] tells: seconds for the engine of single flows. Of more, some
/// at even distances are told.
pub const MAX_FLOWS: usize = 20_000;

/// The most values of a coordinate that a failing flow is made simpler with.
const MAX_OF_AN_AXIS: usize = 8192;

/// Values at, just before and just after each edge of a subject: ends of prefixes and of ranges of
/// ports, names with their parents, siblings and children, no name, a protocol or payload that is
/// wrong for the port. They depend on nothing but the subject.
///
/// A name is a [`Host`], so it is folded already: flows that differ by case or a final dot of a name
/// are one flow.
#[derive(Clone)]
pub struct Edges {
    parts: Arc<Parts>,
}

pub(super) struct Parts {
    /// The values near each rule, permission, route and subnet.
    pub(super) corners: Vec<Values>,
    /// Which of them are rules and statements.
    pub(super) written: Vec<usize>,
    /// The values of all of them, the simplest first.
    pub(super) all: Values,
    is_cut: bool,
}

impl Edges {
    /// The edges of `deployments`, such as one before a change and one after it, and of `list`. Of
    /// `evidence`, service tags have edges, and names of a lock have addresses.
    pub fn near(deployments: &[&Deployment], list: Option<&Intent>, evidence: &Evidence) -> Edges {
        let corners = Corners::new(deployments, evidence);
        let usual = corners.usual();
        let mut parts = parts(deployments, list);
        let mut is_cut = thin(&mut parts, MAX_CORNERS);
        let written = parts.iter().enumerate().filter(|(_, part)| part.is_written());
        let written = written.map(|(index, _)| index).collect();
        let mut corners: Vec<Values> = parts.into_iter().map(|part| corners.values(part)).collect();
        for corner in &mut corners {
            is_cut |= corner.settle(&usual);
        }
        let (all, is_thinned) = simplest_first(&corners, &usual);
        Edges { parts: Arc::new(Parts { corners, written, all, is_cut: is_cut || is_thinned }) }
    }

    /// Whether there are more edges than are kept.
    pub fn is_cut(&self) -> bool {
        self.parts.is_cut
    }

    /// Each flow that differs by one value from a flow of a rule, permission, route or subnet, at
    /// most [`MAX_FLOWS`], and whether these are all.
    pub fn each(&self) -> (BTreeSet<Flow>, bool) {
        let corners = &self.parts.corners;
        let sizes: Vec<usize> = corners
            .iter()
            .map(|corner| Axis::ALL.into_iter().map(|axis| corner.len(axis)).sum())
            .collect();
        let every = sizes.iter().sum::<usize>().div_ceil(MAX_FLOWS).max(1);
        let mut flows = BTreeSet::new();
        let mut at = 0;
        for corner in corners {
            let Some(first) = corner.first() else { continue };
            for axis in Axis::ALL {
                for index in 0..corner.len(axis) {
                    if at % every == 0 {
                        let mut point = first.clone();
                        corner.put(axis, index, &mut point);
                        flows.insert(point.flow());
                    }
                    at += 1;
                }
            }
        }
        (flows, every == 1)
    }

    /// Flows that are drawn near the edges: most of their values from near one rule, permission,
    /// route or subnet, and now and then one from elsewhere. They shrink to what is simpler: TLS
    /// before other payloads, TCP before UDP, port 443 before others, the shortest name, the first
    /// machine of a subnet, and then no name.
    pub fn flows(&self) -> NearEdges {
        NearEdges::new(Arc::clone(&self.parts))
    }

    pub(super) fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }
}

impl fmt::Debug for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.fmt(f)
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Edges");
        shown.field("corners", &self.corners.len());
        shown.field("written", &self.written.len());
        for axis in Axis::ALL {
            shown.field(&format!("{axis:?}"), &self.all.len(axis));
        }
        shown.field("is_cut", &self.is_cut).finish()
    }
}

/// The values of all `corners`, at most [`MAX_OF_AN_AXIS`] of each coordinate, and whether that left
/// some out.
fn simplest_first(corners: &[Values], usual: &Values) -> (Values, bool) {
    /// Each value once, the `first` before others, and those by `key`.
    fn merge<'v, T: Clone + Ord + 'v, K: Ord>(
        values: impl Iterator<Item = &'v T>,
        first: &[T],
        key: impl Fn(&T) -> K,
        is_cut: &mut bool,
    ) -> Vec<T> {
        let found: BTreeSet<&T> = values.collect();
        let (mut merged, mut others): (Vec<T>, Vec<T>) = (Vec::new(), Vec::new());
        merged.extend(first.iter().filter(|one| found.contains(one)).cloned());
        others.extend(found.into_iter().filter(|one| !first.contains(one)).cloned());
        others.sort_by_key(key);
        merged.append(&mut others);
        *is_cut |= thin(&mut merged, MAX_OF_AN_AXIS);
        merged
    }
    let public = AddressSet::public();
    let of_source = |address: &IpAddr| (!address.is_ipv4(), *address);
    let of_destination = |address: &IpAddr| (!public.contains(*address), *address);
    let of_service = |(protocol, port): &(IpProtocol, u16)| {
        let usual = [IpProtocol::TCP, IpProtocol::UDP];
        let protocol_at = usual.iter().position(|one| one == protocol).unwrap_or(usual.len());
        let port_at = [443, 80].iter().position(|one| one == port).unwrap_or(2);
        (protocol_at, port_at, *protocol, *port)
    };
    let of_host = |host: &Option<Host>| match host {
        // A name of one label is short, and nobody's.
        Some(Host::Name(name)) if name.labels().count() > 1 => {
            (0, name.as_str().len(), name.to_string())
        }
        Some(Host::Name(name)) => (1, name.as_str().len(), name.to_string()),
        Some(Host::Address(address)) => (2, 0, address.to_string()),
        None => (3, 0, String::new()),
    };
    let of_kind = |kind: &PayloadKind| usual.kinds.iter().position(|one| one == kind);
    let of_path = |path: &String| (path.len(), path.clone());
    let mut is_cut = false;
    let cut = &mut is_cut;
    let all = Values {
        sources: merge(of(corners, |one| &one.sources), &usual.sources, of_source, cut),
        source_ports: merge(of(corners, |one| &one.source_ports), &[], |port| *port, cut),
        destinations: merge(
            of(corners, |one| &one.destinations),
            &usual.destinations,
            of_destination,
            cut,
        ),
        services: merge(of(corners, |one| &one.services), &[], of_service, cut),
        kinds: merge(of(corners, |one| &one.kinds), &[], of_kind, cut),
        hosts: merge(of(corners, |one| &one.hosts), &[], of_host, cut),
        host_ports: merge(of(corners, |one| &one.host_ports), &[], |port| *port, cut),
        paths: merge(of(corners, |one| &one.paths), &[], of_path, cut),
        inner: merge(of(corners, |one| &one.inner), &[], |inner| Reverse(!*inner), cut),
    };
    (all, is_cut)
}

fn of<'v, T: 'v>(
    corners: &'v [Values],
    values: impl Fn(&'v Values) -> &'v Vec<T>,
) -> impl Iterator<Item = &'v T> {
    corners.iter().flat_map(values)
}

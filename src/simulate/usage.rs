//! What recorded flows used of the permissions of a list.
//!
//! In: a list, and connections as a capture holds them, one by one. Out: for each permission how many
//! connections it may mean, and the sources, ports, names and addresses that were seen in them.
//! Where it is not known whether a permission means a flow, it is taken to, so that nothing is said to
//! be unused for want of evidence. Excess that a permission accepts is not what it is for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;

use super::environment::Environment;
use super::indexed::IndexedIntent;
use super::views::carries;
use crate::flow::Fqdn;
use crate::flow::Observation;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;

/// The most values of a kind that are kept for a permission. Whoever needs more of them has use for a
/// wildcard, a prefix or a range.
pub const MAX_SEEN: usize = 8;

/// The values that were seen, as long as they are few and all of them are known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen<T>(Option<BTreeSet<T>>);

/// What was used of a permission.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Used {
    /// How many connections it may mean.
    pub flows: u64,
    /// Whether it is known to mean one of them.
    pub is_certain: bool,
    /// The prefixes of declared subnets that they came from.
    pub subnets: BTreeSet<IpNet>,
    /// Whether some came from no declared subnet.
    pub is_used_elsewhere: bool,
    /// The destination ports, for each service of the permission; 0 where there are none.
    pub ports: Vec<Seen<u16>>,
    /// The names, where it names hosts.
    pub names: Seen<Fqdn>,
    /// The addresses, where it states addresses.
    pub addresses: Seen<IpAddr>,
    /// The addresses of flows that it means by none of both, as with a tag.
    pub others: Seen<IpAddr>,
}

/// The use of each permission of a list that is active on a day.
#[derive(Clone, Debug)]
pub struct Usage<'l> {
    intent: IndexedIntent<'l>,
    subnets: Vec<IpNet>,
    /// How many connections came from each address.
    sources: BTreeMap<IpAddr, u64>,
    /// When the first connection began, and the last.
    times: Option<(Timestamp, Timestamp)>,
    /// By the index of the permission.
    used: BTreeMap<usize, Used>,
}

impl<T> Default for Seen<T> {
    fn default() -> Seen<T> {
        Seen(Some(BTreeSet::new()))
    }
}

impl<T: Ord> Seen<T> {
    /// The values; `None` where they are more than [`MAX_SEEN`], or one is not known.
    pub fn values(&self) -> Option<&BTreeSet<T>> {
        self.0.as_ref()
    }

    fn add(&mut self, value: T) {
        if let Some(values) = &mut self.0 {
            values.insert(value);
            if values.len() > MAX_SEEN {
                self.0 = None;
            }
        }
    }

    fn add_unknown(&mut self) {
        self.0 = None;
    }
}

impl<'l> Usage<'l> {
    /// The use of the permissions of `intent` that are active on `day`, before any flow.
    pub fn new(intent: &'l Intent, day: Date) -> Usage<'l> {
        let networks = intent.topology.networks.iter();
        let subnets = networks.flat_map(|network| &network.subnets);
        let subnets = subnets.flat_map(|subnet| &subnet.prefixes).map(IpNet::trunc).collect();
        let (sources, used) = (BTreeMap::new(), BTreeMap::new());
        let intent = IndexedIntent::new(intent, day);
        Usage { intent, subnets, sources, times: None, used }
    }

    /// Adds a connection, the handshake first, which began at the time of `environment`. What the list does not permit uses nothing.
    pub fn add(&mut self, flows: &[Observation], environment: &Environment<'_>) {
        let Some(first) = flows.first() else { return };
        *self.sources.entry(first.source).or_default() += 1;
        let (begun, ended) = self.times.unwrap_or((environment.at, environment.at));
        self.times = Some((begun.min(environment.at), ended.max(environment.at)));
        let mut using: BTreeSet<usize> = BTreeSet::new();
        for (index, flow) in flows.iter().enumerate() {
            // The bytes behind a handshake say what it was for.
            let is_silent = flow.payload.is_silent();
            if is_silent && index + 1 < flows.len() {
                continue;
            }
            let judged = self.intent.judge(flow, environment);
            if judged.permitted == Some(false) {
                continue;
            }
            for (permission, meant) in self.intent.perhaps_meant_by(flow, environment) {
                let Some(one) = self.intent.intent.permissions.get(permission) else { continue };
                let used = self.used.entry(permission).or_default();
                for name in &meant.names {
                    used.add(one, flow, name.as_ref());
                }
                used.add_source(flow.source, &self.subnets);
                used.is_certain |= meant.is_certain && judged.permitted == Some(true);
                using.insert(permission);
            }
        }
        for permission in using {
            self.used.entry(permission).or_default().flows += 1;
        }
    }

    /// What was used of a permission, by its index; nothing where nothing was.
    pub fn of(&self, permission: usize) -> Option<&Used> {
        self.used.get(&permission)
    }

    /// When the first connection began, and the last.
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.times
    }

    /// How many connections came from addresses of which `is_meant` says so.
    pub fn flows_from(&self, is_meant: impl Fn(IpAddr) -> bool) -> u64 {
        let meant = self.sources.iter().filter(|(source, _)| is_meant(**source));
        meant.map(|(_, flows)| flows).sum()
    }
}

impl Used {
    /// Adds a flow that `permission` may mean, with the name that it was asked with.
    fn add(&mut self, permission: &Permission, flow: &Observation, name: Option<&Fqdn>) {
        self.ports.resize_with(permission.services.len(), Seen::default);
        for (service, ports) in permission.services.iter().zip(&mut self.ports) {
            if carries(*service, flow) {
                ports.add(flow.destination_port);
            }
        }
        let mut is_told = false;
        for destination in &permission.destinations {
            match destination {
                Destination::Names(names) => {
                    if let Some(name) = name.filter(|name| names.set.contains(name)) {
                        self.names.add(name.clone());
                        is_told = true;
                    }
                }
                Destination::Addresses(addresses) => {
                    if addresses.set.contains(flow.destination) {
                        self.addresses.add(flow.destination);
                        is_told = true;
                    }
                }
                Destination::ServiceTag(_)
                | Destination::FqdnTag(_)
                | Destination::WebCategory(_)
                | Destination::Url { .. }
                | Destination::Any => {}
            }
        }
        if !is_told {
            // It may have been for any of the names.
            self.names.add_unknown();
            self.others.add(flow.destination);
        }
    }

    fn add_source(&mut self, source: IpAddr, subnets: &[IpNet]) {
        match subnets.iter().find(|subnet| subnet.contains(&source)) {
            Some(subnet) => {
                self.subnets.insert(*subnet);
            }
            None => self.is_used_elsewhere = true,
        }
    }
}

//! Payloads that stand for all that were not seen.
//!
//! The rules part the paths of a host into finitely many kinds, as they do with names. One path of
//! each kind is enough.

use std::collections::BTreeSet;

use super::decide::Simulator;
use super::policy::Enforced;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::NatRule;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::Request;
use crate::flow::SeenPayload;

/// How the last part of a path begins that stands for those that no rule spells out; a number
/// follows.
pub const FRESH: &str = "unnamed-";

/// Ports of requests that stand for all that are not the one connected to; one of them is not.
pub(super) const OTHER_PORTS: [u16; 2] = [1, 2];

impl Simulator<'_> {
    /// Payloads of `observation` that show `host`, or show none, such that whatever else was sent
    /// with it is decided like one of them.
    pub(super) fn payloads(&self, observation: &Observation, host: Option<&Host>) -> Vec<Payload> {
        let name = || host.cloned();
        let with_kind = |kind: &PayloadKind| match kind {
            PayloadKind::Silent if host.is_none() => vec![Payload::Silent],
            PayloadKind::Other if host.is_none() => vec![Payload::Other],
            PayloadKind::Silent | PayloadKind::Other => Vec::new(),
            PayloadKind::Tls => vec![Payload::Tls { name: name(), inner: None }],
            PayloadKind::Mssql => vec![Payload::Mssql { name: name() }],
            PayloadKind::Quic => vec![Payload::Quic { name: name() }],
            PayloadKind::Http => {
                self.requests(host, observation).into_iter().map(Payload::Http).collect()
            }
        };
        payload_kinds(observation).iter().flat_map(with_kind).collect()
    }

    /// Requests for `host`: each port that is treated apart, with each path that is.
    fn requests(&self, host: Option<&Host>, observation: &Observation) -> Vec<Request> {
        let connected = observation.destination_port;
        let [other, instead] = OTHER_PORTS;
        let other = if connected == other { instead } else { other };
        let mut ports = vec![Some(connected), Some(other), None];
        ports.extend(self.translated_ports(observation).into_iter().map(Some));
        // With an explicit proxy the port is that of the target, which any rule may name.
        if self.is_explicit_proxy(observation) {
            ports.extend(
                self.every_rule()
                    .flat_map(|rule| rule.protocols.iter().map(|protocol| Some(protocol.port))),
            );
        }
        ports.sort_unstable();
        ports.dedup();
        let paths = match host {
            Some(host) => self.paths(host),
            None => vec!["/".to_owned()],
        };
        let with_port = |port: Option<u16>| {
            paths.iter().map(move |path| Request { host: host.cloned(), port, path: path.clone() })
        };
        ports.into_iter().flat_map(with_port).collect()
    }

    /// The ports that DNAT rules may have `observation` arrive at, where another firewall compares
    /// them with that of the request (`azure-firewall.md §2.5`).
    fn translated_ports(&self, observation: &Observation) -> BTreeSet<u16> {
        let mut translated = BTreeSet::new();
        if !self.every_policy().any(|one| one.is_own_address(observation.destination)) {
            return translated;
        }
        // One firewall may translate what another has translated.
        let mut arriving = BTreeSet::from([observation.destination_port]);
        while !arriving.is_empty() {
            let is_met = |rule: &&NatRule| {
                let mut entries = rule.destination_ports.iter();
                entries.any(|entry| arriving.iter().any(|port| entry.contains(*port)))
            };
            let met: BTreeSet<u16> =
                self.every_nat_rule().filter(is_met).map(|rule| rule.translated_port).collect();
            arriving = met.difference(&translated).copied().collect();
            translated.extend(&arriving);
        }
        translated
    }

    fn every_nat_rule(&self) -> impl Iterator<Item = &NatRule> {
        let placed = self.every_policy().flat_map(|enforced| &enforced.nat);
        placed.flat_map(|placed| match &placed.collection.rules {
            Rules::Nat(rules) => rules.as_slice(),
            Rules::Network(..) | Rules::Application(..) => &[],
        })
    }

    /// Requests inside TLS for `host`, which stands for the host that was not seen
    /// (`semantics.md`, Flow). They are for the port connected to, or for the one that a firewall on
    /// the way sees instead.
    pub(super) fn inner_requests(&self, host: &Host, observation: &Observation) -> Vec<Request> {
        let mut ports = self.translated_ports(observation);
        ports.insert(observation.destination_port);
        let paths = self.paths(host);
        let on_port = |port: u16| {
            paths.iter().map(move |path| Request {
                host: Some(host.clone()),
                port: Some(port),
                path: path.clone(),
            })
        };
        ports.into_iter().flat_map(on_port).collect()
    }

    /// One path of each kind on `host`.
    fn paths(&self, host: &Host) -> Vec<String> {
        let urls = self.every_rule().flat_map(|rule| &rule.target_urls);
        let patterns: BTreeSet<&str> =
            urls.filter(|url| url.host.matches_host(host)).map(|url| url.path.as_str()).collect();
        let mut paths = BTreeSet::from(["/".to_owned()]);
        for pattern in patterns.iter().chain([&"/*"]) {
            if let Some(prefix) = pattern.strip_suffix('*') {
                paths.insert(prefix.to_owned());
                // Of so many patterns each may spell one out, and so one is left.
                let labels = (0..=patterns.len()).map(|number| format!("{FRESH}{number}"));
                let mut fresh = labels.map(|label| format!("{prefix}{label}"));
                let is_fresh = |path: &String| {
                    !patterns.iter().any(|other| {
                        let other = other.trim_end_matches('*');
                        other.len() > prefix.len() && path.starts_with(other)
                    })
                };
                paths.extend(fresh.find(is_fresh));
            } else {
                let bare = pattern.strip_suffix('/').unwrap_or(pattern);
                paths.extend([bare.to_owned(), format!("{bare}/")]);
            }
        }
        paths.into_iter().filter(|path| path.starts_with('/')).collect()
    }

    /// Whether `observation` goes to a firewall that takes it for a request to a proxy.
    pub(super) fn is_explicit_proxy(&self, observation: &Observation) -> bool {
        self.every_policy().any(|enforced| {
            enforced.is_private_address(observation.destination)
                && enforced.explicit_proxy().is_some()
        })
    }

    pub(super) fn every_policy(&self) -> impl Iterator<Item = &Enforced<'_>> {
        self.firewalls.values().chain(self.only.as_ref())
    }

    pub(super) fn every_rule(&self) -> impl Iterator<Item = &ApplicationRule> {
        self.every_policy().flat_map(|enforced| &enforced.application).flat_map(|placed| {
            match &placed.collection.rules {
                Rules::Application(_, rules) => rules.as_slice(),
                Rules::Network(..) | Rules::Nat(_) => &[],
            }
        })
    }
}

/// The kinds of payload that `observation` may have had, in the order in which they are told.
pub(super) fn payload_kinds(observation: &Observation) -> &[PayloadKind] {
    match &observation.payload {
        SeenPayload::Exactly(_) => &[],
        SeenPayload::Kind(kind) | SeenPayload::Unread(Some(kind)) => std::slice::from_ref(kind),
        SeenPayload::Unknown | SeenPayload::Unread(None)
            if observation.protocol == IpProtocol::TCP =>
        {
            &[
                PayloadKind::Tls,
                PayloadKind::Http,
                PayloadKind::Mssql,
                PayloadKind::Other,
                PayloadKind::Silent,
            ]
        }
        // Only the proxy reads payloads, and it takes nothing but TCP.
        SeenPayload::Unknown | SeenPayload::Unread(None) => &[PayloadKind::Other],
    }
}

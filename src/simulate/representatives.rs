//! Payloads that stand for all that were not seen.
//!
//! The rules part the names into finitely many kinds: a name that a rule spells out, and for each
//! wildcard the names that it is the longest to match. One name of each kind is enough, and the
//! same holds for paths.

use std::collections::BTreeSet;

use super::decide::Simulator;
use super::policy::Enforced;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationRule;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::Request;
use crate::flow::SeenPayload;

/// Labels that stand for one that no rule spells out; more than one, as a rule may spell out the
/// first.
const FRESH: [&str; 4] = ["unnamed-0", "unnamed-1", "unnamed-2", "unnamed-3"];

impl Simulator<'_> {
    /// Payloads of `observation` such that whatever was sent is decided like one of them.
    pub(super) fn payloads(&self, observation: &Observation) -> Vec<Payload> {
        let kinds: &[PayloadKind] = match &observation.payload {
            SeenPayload::Exactly(payload) => return vec![payload.clone()],
            SeenPayload::Kind(kind) => &[*kind],
            SeenPayload::Unknown if observation.protocol == IpProtocol::TCP => &[
                PayloadKind::Tls,
                PayloadKind::Http,
                PayloadKind::Mssql,
                PayloadKind::Other,
                PayloadKind::Silent,
            ],
            // Only the proxy reads payloads, and it takes nothing but TCP.
            SeenPayload::Unknown => &[PayloadKind::Other],
        };
        let hosts = self.hosts(observation);
        kinds.iter().flat_map(|kind| self.payloads_of(*kind, &hosts, observation)).collect()
    }

    fn payloads_of(
        &self,
        kind: PayloadKind,
        hosts: &[Option<Host>],
        observation: &Observation,
    ) -> Vec<Payload> {
        let named = |payload: &dyn Fn(Option<Host>) -> Payload| {
            hosts.iter().cloned().map(payload).collect::<Vec<_>>()
        };
        match kind {
            PayloadKind::Silent => vec![Payload::Silent],
            PayloadKind::Other => vec![Payload::Other],
            PayloadKind::Tls => named(&|name| Payload::Tls { name, inner: None }),
            PayloadKind::Mssql => named(&|name| Payload::Mssql { name }),
            PayloadKind::Quic => named(&|name| Payload::Quic { name }),
            PayloadKind::Http => {
                let requests =
                    hosts.iter().flat_map(|host| self.requests(host.as_ref(), observation));
                requests.map(Payload::Http).collect()
            }
        }
    }

    /// Requests for `host`: each port that is treated apart, with each path that is.
    fn requests(&self, host: Option<&Host>, observation: &Observation) -> Vec<Request> {
        let connected = observation.destination_port;
        let other = if connected == 1 { 2 } else { 1 };
        let mut ports = vec![Some(connected), Some(other), None];
        // With an explicit proxy the port is that of the target, which any rule may name.
        if self.is_explicit_proxy(observation) {
            ports.extend(
                self.every_rule()
                    .flat_map(|rule| rule.protocols.iter().map(|protocol| Some(protocol.port))),
            );
            ports.sort_unstable();
            ports.dedup();
        }
        let paths = match host {
            Some(host) => self.paths(host),
            None => vec!["/".to_owned()],
        };
        let with_port = |port: Option<u16>| {
            paths.iter().map(move |path| Request { host: host.cloned(), port, path: path.clone() })
        };
        ports.into_iter().flat_map(with_port).collect()
    }

    /// Requests inside TLS for `host`, which stands for the host that was not seen
    /// (`semantics.md`, Flow).
    pub(super) fn inner_requests(&self, host: &Host) -> Vec<Request> {
        let request = |path| Request { host: Some(host.clone()), port: None, path };
        self.paths(host).into_iter().map(request).collect()
    }

    /// One host of each kind, and none.
    fn hosts(&self, observation: &Observation) -> Vec<Option<Host>> {
        let explicit = self.is_explicit_proxy(observation);
        let concerns = |rule: &&ApplicationRule| {
            explicit || rule.protocols.iter().any(|p| p.port == observation.destination_port)
        };
        let rules = self.every_rule().filter(concerns);
        let targets = rules.flat_map(|rule| {
            rule.target_fqdns.iter().chain(rule.target_urls.iter().map(|url| &url.host))
        });
        let allowed = self.every_policy().flat_map(Enforced::threat_allowed_names);
        let patterns: BTreeSet<&FqdnPattern> = targets.chain(allowed).collect();
        let mut hosts: Vec<Option<Host>> =
            names(&patterns).into_iter().map(|name| Some(Host::Name(name))).collect();
        hosts.push(Some(Host::Address(observation.destination)));
        hosts.push(None);
        hosts
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
                let fresh = FRESH.iter().map(|label| format!("{prefix}{label}"));
                let is_fresh = |path: &String| {
                    !patterns.iter().any(|other| {
                        let other = other.trim_end_matches('*');
                        other.len() > prefix.len() && path.starts_with(other)
                    })
                };
                paths.extend(fresh.into_iter().find(is_fresh));
            } else {
                let bare = pattern.strip_suffix('/').unwrap_or(pattern);
                paths.extend([bare.to_owned(), format!("{bare}/")]);
            }
        }
        paths.into_iter().filter(|path| path.starts_with('/')).collect()
    }

    fn is_explicit_proxy(&self, observation: &Observation) -> bool {
        self.every_policy().any(|enforced| {
            enforced.is_private_address(observation.destination)
                && enforced.explicit_proxy().is_some()
        })
    }

    pub(super) fn every_policy(&self) -> impl Iterator<Item = &Enforced<'_>> {
        self.firewalls.values().chain(self.only.as_ref())
    }

    fn every_rule(&self) -> impl Iterator<Item = &ApplicationRule> {
        self.every_policy().flat_map(|enforced| &enforced.application).flat_map(|placed| {
            match &placed.collection.rules {
                Rules::Application(_, rules) => rules.as_slice(),
                Rules::Network(..) | Rules::Nat(_) => &[],
            }
        })
    }
}

/// One name of each kind that `patterns` part the names into.
fn names(patterns: &BTreeSet<&FqdnPattern>) -> Vec<Fqdn> {
    let mut names = BTreeSet::new();
    for pattern in patterns.iter().copied().chain([&FqdnPattern::Any]) {
        let ending = match pattern {
            FqdnPattern::Exact(name) => {
                names.insert(name.clone());
                continue;
            }
            FqdnPattern::Any => String::new(),
            FqdnPattern::Under(parent) => format!(".{parent}"),
            FqdnPattern::EndsWith(end) => {
                names.insert(end.clone());
                end.to_string()
            }
        };
        let fresh = FRESH.iter().filter_map(|label| Fqdn::parse(&format!("{label}{ending}")).ok());
        names.extend(fresh.into_iter().find(|name| {
            !patterns.iter().any(|other| is_longer(other, &ending) && other.matches(name))
        }));
    }
    names.into_iter().collect()
}

/// Whether `pattern` says more of a name than that it ends so.
fn is_longer(pattern: &FqdnPattern, ending: &str) -> bool {
    let length = match pattern {
        FqdnPattern::Any => 0,
        FqdnPattern::Exact(_) => usize::MAX,
        FqdnPattern::Under(parent) => parent.as_str().len() + 1,
        FqdnPattern::EndsWith(end) => end.as_str().len(),
    };
    length > ending.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], expected: &[&str]) {
        let patterns: Vec<FqdnPattern> =
            patterns.iter().map(|text| FqdnPattern::parse(text).unwrap()).collect();
        let names = names(&patterns.iter().collect());
        assert_eq!(names.iter().map(Fqdn::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn one_name_of_each_kind() {
        check(&[], &["unnamed-0"]);
        check(&["*"], &["unnamed-0"]);
        check(&["www.a.com"], &["unnamed-0", "www.a.com"]);
        check(&["*.a.com", "*.b.a.com"], &["unnamed-0", "unnamed-0.a.com", "unnamed-0.b.a.com"]);
        check(&["*a.com"], &["a.com", "unnamed-0", "unnamed-0a.com"]);
    }

    #[test]
    fn a_name_that_a_rule_spells_out_is_not_fresh() {
        check(&["unnamed-0"], &["unnamed-0", "unnamed-1"]);
        check(
            &["*.a.com", "unnamed-0.a.com"],
            &["unnamed-0", "unnamed-0.a.com", "unnamed-1.a.com"],
        );
    }
}

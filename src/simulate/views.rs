//! The names that a list is asked with, and the statements that speak of each.
//!
//! Where no name was seen and none was told, the list parts the names into kinds, and one of each
//! is enough. Of a name, few statements of a long list speak.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::environment::Environment;
use super::names::PatternIndex;
use super::names::names;
use crate::azure::rule::SQL_REDIRECT_PORTS;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::Request;
use crate::flow::SeenPayload;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Service;
use crate::intent::permission::MssqlMode;

/// The name that the list is asked with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Name {
    /// The client showed it.
    Shown(Host),
    /// Nothing is known of the name that the client showed, and this may be it.
    Supposed(Host),
    /// The client was told that it has the destination's address.
    Presumed(Fqdn),
    /// There is none.
    Absent,
}

/// A flow as the list sees it.
pub(super) struct View<'o> {
    pub(super) observation: &'o Observation,
    pub(super) name: Name,
    /// `None` where it is not known.
    pub(super) kind: Option<PayloadKind>,
    /// The request in the clear, or inside TLS where it was seen.
    pub(super) request: Option<&'o Request>,
    /// The statements that may speak of a flow with that name; `None` is all of them.
    pub(super) concerned: Option<BTreeSet<Statement>>,
}

impl<'o> View<'o> {
    /// The flow with the name that was seen in it, or with none.
    pub(super) fn of(observation: &'o Observation) -> View<'o> {
        let (kind, shown, request) = match &observation.payload {
            SeenPayload::Exactly(payload) => {
                let request = match payload {
                    Payload::Http(request) => Some(request),
                    Payload::Tls { inner, .. } => inner.as_ref(),
                    Payload::Silent
                    | Payload::Other
                    | Payload::Mssql { .. }
                    | Payload::Quic { .. } => None,
                };
                (Some(payload.kind()), payload.wire_name().cloned(), request)
            }
            SeenPayload::Kind(kind) => (Some(*kind), None, None),
            SeenPayload::Unknown => (None, None, None),
        };
        let name = shown.map_or(Name::Absent, Name::Shown);
        View { observation, name, kind, request, concerned: None }
    }
}

/// A statement, by its index in the list.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Statement {
    Permission(usize),
    Deny(usize),
}

impl Intent {
    /// The flow with the name that was seen, with each name that its client was told, or with one
    /// name of each kind.
    pub(super) fn views<'o>(
        &self,
        day: Date,
        observation: &'o Observation,
        environment: &Environment<'_>,
    ) -> Vec<View<'o>> {
        let seen = View::of(observation);
        if seen.name != Name::Absent {
            return vec![seen];
        }
        let View { kind, request, .. } = seen;
        let view = |name| View { observation, name, kind, request, concerned: None };
        let (client, address) = (observation.source, observation.destination);
        let told = environment.evidence.timeline.names(client, address, environment.at);
        if let Some(best) = told.iter().map(|held| held.role).min() {
            // A name that was only led over counts where none was asked for.
            let names = told.into_iter().filter(|held| held.role == best);
            return names.map(|held| view(Name::Presumed(held.name))).collect();
        }
        let mut views = vec![seen];
        let may_show_a_name = match &observation.payload {
            SeenPayload::Exactly(_)
            | SeenPayload::Kind(PayloadKind::Silent | PayloadKind::Other) => false,
            SeenPayload::Kind(_) | SeenPayload::Unknown => true,
        };
        if may_show_a_name {
            views.push(view(Name::Supposed(Host::Address(address))));
            views.extend(self.names_of_each_kind(day, observation).into_iter().map(
                |(name, concerned)| View {
                    concerned: Some(concerned),
                    ..view(Name::Supposed(Host::Name(name)))
                },
            ));
        }
        views
    }

    /// One name of each kind that the list parts the names into, with the statements that may
    /// speak of a flow that shows it.
    fn names_of_each_kind(
        &self,
        day: Date,
        observation: &Observation,
    ) -> Vec<(Fqdn, BTreeSet<Statement>)> {
        let mut by_name = ByName::default();
        let carried = |services: &[Service]| services.iter().any(|one| carries(*one, observation));
        for (index, one) in self.permissions.iter().enumerate() {
            let concerns = one.is_active(day)
                && one.sources.set.contains(observation.source)
                && carried(&one.services);
            if concerns {
                let is_by_address = one.by_address.is_some();
                by_name.add(Statement::Permission(index), &one.destinations, is_by_address);
            }
        }
        for (index, one) in self.denies.iter().enumerate() {
            let concerns = one.is_active(day)
                && one.sources.set.contains(observation.source)
                && carried(&one.services);
            if concerns {
                by_name.add(Statement::Deny(index), &one.destinations, false);
            }
        }
        let index = PatternIndex::new(by_name.patterns.iter().copied());
        let with_statements = |name: Fqdn| {
            let matching = index.matching(&name);
            let named = matching.iter().filter_map(|number| by_name.statements.get(*number));
            let concerned = named.chain(&by_name.any_name).copied().collect();
            (name, concerned)
        };
        names(by_name.patterns.iter().copied()).into_iter().map(with_statements).collect()
    }
}

/// Statements by the names that they speak of.
#[derive(Default)]
struct ByName<'l> {
    patterns: Vec<&'l FqdnPattern>,
    /// For each of the patterns, the statement that it stands in.
    statements: Vec<Statement>,
    /// The statements that may speak of a flow with any name.
    any_name: BTreeSet<Statement>,
}

impl<'l> ByName<'l> {
    fn add(&mut self, statement: Statement, destinations: &'l [Destination], is_by_address: bool) {
        for destination in destinations {
            match destination {
                Destination::Names(names) => {
                    self.patterns.extend(names.patterns.iter().chain(&names.except));
                    if is_by_address {
                        self.any_name.insert(statement);
                    }
                }
                Destination::Url { host, .. } => self.patterns.push(host),
                Destination::Addresses(_)
                | Destination::ServiceTag(_)
                | Destination::FqdnTag(_)
                | Destination::WebCategory(_)
                | Destination::Any => {
                    self.any_name.insert(statement);
                }
            }
            self.statements.resize(self.patterns.len(), statement);
        }
    }
}

/// Whether protocol and port of `observation` are those of `service`.
pub(super) fn carries(service: Service, observation: &Observation) -> bool {
    let Observation { protocol, destination_port: port, .. } = *observation;
    let tcp = protocol == IpProtocol::TCP;
    match service {
        Service::Https { port: wanted }
        | Service::Http { port: wanted }
        | Service::Mssql { mode: MssqlMode::Proxy, port: wanted } => tcp && port == wanted,
        Service::Mssql { mode: MssqlMode::Redirect, port: wanted } => {
            tcp && (port == wanted || SQL_REDIRECT_PORTS.contains(&port))
        }
        Service::Tcp(range) => tcp && range.contains(port),
        Service::Udp(range) => protocol == IpProtocol::UDP && range.contains(port),
        Service::Icmp => protocol == IpProtocol::ICMP || protocol == IpProtocol::ICMPV6,
        Service::Protocol(wanted) => protocol == wanted,
        Service::Any => true,
    }
}

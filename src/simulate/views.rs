//! The names that a list is asked with, and the statements that speak of each.
//!
//! Where no name was seen and none was told, the list parts the names into kinds, and one of each
//! is enough. Of a name, few statements of a long list speak.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::OnceLock;

use super::environment::Environment;
use super::indexed::IndexedIntent;
use crate::azure::rule::SQL_REDIRECT_PORTS;
use crate::evidence::timeline::HeldName;
use crate::flow::Fqdn;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::Request;
use crate::flow::SeenPayload;
use crate::intent::Service;
use crate::intent::permission::MssqlMode;

/// The name that the list is asked with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Name {
    /// The client showed it.
    Shown(Host),
    /// The client may have shown it.
    Supposed(Host),
    /// The client was told that it has the destination's address, or may have been.
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
    /// The names that the client was told of the destination, once they are asked for: of an address
    /// that has many, that takes as long as all else.
    told: Arc<OnceLock<Option<Vec<HeldName>>>>,
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
            SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => {
                (observation.payload.kind(), None, None)
            }
        };
        let name = shown.map_or(Name::Absent, Name::Shown);
        View { observation, name, kind, request, concerned: None, told: Arc::default() }
    }

    /// The names that the client was told of the destination; `None` where those are not known. All
    /// questions about the flow are asked in the same environment.
    pub(super) fn told(&self, environment: &Environment<'_>) -> Option<&[HeldName]> {
        let told = self.told.get_or_init(|| {
            let Observation { source, destination, .. } = *self.observation;
            environment.evidence.timeline.names(source, destination, environment.at)
        });
        told.as_deref()
    }
}

/// A statement, by its index in the list.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Statement {
    Permission(usize),
    Deny(usize),
}

impl IndexedIntent<'_> {
    /// The flow with the name that was seen, with each name that its client was told, or with one
    /// name of each kind.
    pub(super) fn views<'o>(
        &self,
        observation: &'o Observation,
        environment: &Environment<'_>,
    ) -> Vec<View<'o>> {
        let seen = View::of(observation);
        let View { kind, request, .. } = seen;
        let view = |name, concerned| {
            let told = Arc::clone(&seen.told);
            View { observation, name, kind, request, concerned, told }
        };
        if let Name::Shown(host) = &seen.name {
            let concerned = self.of_host(host);
            return vec![view(Name::Shown(host.clone()), concerned)];
        }
        let address = observation.destination;
        let told = seen.told(environment);
        let is_read = !matches!(observation.payload, SeenPayload::Unread(_));
        if is_read
            && let Some(told) = told
            && let Some(best) = told.iter().map(|held| held.role).min()
        {
            let concerned = self.of_names(told.iter().map(|held| &held.name));
            // A name that was only led over counts where none was asked for.
            let names = told.iter().filter(|held| held.role == best);
            let presumed =
                |held: &HeldName| view(Name::Presumed(held.name.clone()), concerned.clone());
            return names.map(presumed).collect();
        }
        let mut views = vec![view(Name::Absent, self.of_no_name())];
        let may_show_a_name = match &observation.payload {
            SeenPayload::Exactly(_)
            | SeenPayload::Kind(PayloadKind::Silent | PayloadKind::Other) => false,
            SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => true,
        };
        if may_show_a_name {
            let literal = Host::Address(address);
            let concerned = self.of_host(&literal);
            views.push(view(Name::Supposed(literal), concerned));
            views.extend(self.names_of_each_kind(observation).iter().map(|(name, concerned)| {
                view(Name::Supposed(Host::Name(name.clone())), Some(concerned.clone()))
            }));
            views.extend(told.into_iter().flatten().map(|held| {
                let name = Host::Name(held.name.clone());
                let concerned = self.of_host(&name);
                view(Name::Supposed(name), concerned)
            }));
        }
        if is_read && told.is_none() {
            views.extend(self.names_of_each_kind(observation).iter().map(|(name, concerned)| {
                view(Name::Presumed(name.clone()), Some(concerned.clone()))
            }));
        }
        views
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

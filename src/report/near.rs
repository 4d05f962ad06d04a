//! Permissions that a flow misses by one thing, in words.

use serde::Serialize;

use super::explain::Statement;
use crate::flow::Observation;
use crate::flow::SeenPayload;
use crate::intent::Destination;
use crate::intent::Permission;
use crate::simulate::Differs;
use crate::simulate::NearMiss;

/// A permission that a flow misses by one thing.
#[derive(Clone, Debug)]
pub struct Near<'a> {
    /// Where it stands.
    pub statement: Statement,
    /// What it says.
    pub permission: &'a Permission,
    /// What would have to be otherwise.
    pub miss: NearMiss,
}

#[derive(Serialize)]
pub(super) struct NearJson<'a> {
    permission: &'a str,
    rule_source: Option<&'a str>,
    differs: &'static str,
    expected: String,
    found: Option<String>,
    certain: bool,
}

impl Near<'_> {
    /// What the permission would do, and in which case.
    pub(super) fn in_words(&self, observation: &Observation) -> String {
        let Statement { label, place } = &self.statement;
        let place = place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        let permits = match (&self.miss.differs, self.miss.is_certain) {
            (Differs::Expired(_), true) => "permitted it",
            (Differs::Expired(_), false) => "may have permitted it",
            (_, true) => "permits it",
            (_, false) => "may permit it",
        };
        let expected = self.expected();
        let found = self.found(observation);
        let not = |word: &str| {
            found.as_ref().map(|found| format!(", not {word}{found}")).unwrap_or_default()
        };
        let when = match self.miss.differs {
            Differs::Expired(_) => format!("until {expected}"),
            Differs::Source => format!("from {expected}{}", not("from ")),
            Differs::Name(_) if found.is_none() => format!("for {expected}, and no name is shown"),
            Differs::Name(_) => format!("for {expected}{}", not("for ")),
            Differs::Port(ports) if ports.first() == ports.last() => {
                format!("on port {expected}{}", not("on port "))
            }
            Differs::Port(_) => format!("on ports {expected}{}", not("on port ")),
            Differs::Service(_) => format!("as {expected}{}", not("as ")),
            Differs::Address => format!("to {expected}{}", not("to ")),
        };
        format!("`{label}`{place} {permits} {when}")
    }

    pub(super) fn to_json(&self, observation: &Observation) -> NearJson<'_> {
        NearJson {
            permission: &self.statement.label,
            rule_source: self.statement.place.as_deref(),
            differs: match self.miss.differs {
                Differs::Expired(_) => "expired",
                Differs::Source => "source",
                Differs::Name(_) => "name",
                Differs::Port(_) => "port",
                Differs::Service(_) => "service",
                Differs::Address => "address",
            },
            expected: self.expected(),
            found: self.found(observation),
            certain: self.miss.is_certain,
        }
    }

    /// What the permission says of the one thing.
    fn expected(&self) -> String {
        match &self.miss.differs {
            Differs::Expired(last) => last.to_string(),
            Differs::Source => self.permission.sources.written.join(", "),
            Differs::Name(pattern) => pattern.to_string(),
            Differs::Port(ports) => ports.to_string(),
            Differs::Service(service) => service.to_string(),
            Differs::Address => {
                let addresses = self.permission.destinations.iter().filter_map(|one| match one {
                    Destination::Addresses(addresses) => Some(addresses.written.join(", ")),
                    _ => None,
                });
                addresses.collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// What the flow has instead.
    fn found(&self, observation: &Observation) -> Option<String> {
        match &self.miss.differs {
            Differs::Expired(_) => None,
            Differs::Source => Some(observation.source.to_string()),
            Differs::Name(_) => match &observation.payload {
                SeenPayload::Exactly(payload) => payload.wire_name().map(ToString::to_string),
                SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => None,
            },
            Differs::Port(_) => Some(observation.destination_port.to_string()),
            Differs::Service(_) => Some(service(observation)),
            Differs::Address => Some(observation.destination.to_string()),
        }
    }
}

/// Protocol, port and what is spoken, as the notation of flows has them.
fn service(observation: &Observation) -> String {
    let word =
        observation.payload.kind().map(|kind| format!(" {}", kind.keyword())).unwrap_or_default();
    format!("{}{word}", observation.service())
}

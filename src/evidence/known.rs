//! All evidence together, and what it says of an atom.

use std::net::IpAddr;

use jiff::Timestamp;

use super::lock::Lock;
use super::service_tags::ServiceTags;
use super::timeline::DnsTimeline;
use crate::flow::Atom;

/// What evidence says of a yes-or-no fact.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fact {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// The evidence does not settle it.
    Unknown,
}

impl From<bool> for Fact {
    fn from(known: bool) -> Fact {
        if known { Fact::True } else { Fact::False }
    }
}

/// What is known of the environment (`semantics.md`, What the user supplies as fact).
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The DNS answers that were seen.
    pub timeline: DnsTimeline,
    /// What the user locked.
    pub lock: Option<Lock>,
    /// The contents of the service tags.
    pub service_tags: Option<ServiceTags>,
}

impl Evidence {
    /// What the evidence says of `atom` at `at`.
    ///
    /// `proxy` is the firewall's private address where its DNS proxy is on, else `None`: without
    /// the proxy no answer that was seen is the firewall's own. The lock is asked before the time
    /// line, since the user states it as a fact. A name is resolvable if it has an IPv4 address:
    /// application rules know no other (`azure-firewall.md §1.13`).
    pub fn fact(&self, atom: &Atom, proxy: Option<IpAddr>, at: Timestamp) -> Fact {
        match atom {
            Atom::InServiceTag { tag, address } => match &self.service_tags {
                Some(tags) => tags.contains(tag, *address),
                None => Fact::Unknown,
            },
            Atom::FirewallAnswer { name, address } => {
                let locked = self.lock.as_ref().map(|lock| lock.holds(name, *address));
                match (locked, proxy) {
                    (Some(fact @ (Fact::True | Fact::False)), _) => fact,
                    (Some(Fact::Unknown) | None, Some(firewall)) => {
                        self.timeline.firewall_holds(firewall, name, *address, at)
                    }
                    (Some(Fact::Unknown) | None, None) => Fact::Unknown,
                }
            }
            Atom::Resolvable { name } => {
                match self.lock.as_ref().and_then(|lock| lock.name(name)) {
                    Some(locked) => Fact::from(locked.addresses.iter().any(IpAddr::is_ipv4)),
                    None => proxy.map_or(Fact::Unknown, |server| {
                        Fact::from(self.timeline.resolution(server, name, at))
                    }),
                }
            }
            Atom::InFqdnTag { .. }
            | Atom::InWebCategory { .. }
            | Atom::Infrastructure { .. }
            | Atom::ThreatListed { .. }
            | Atom::TagPrefixLonger { .. }
            | Atom::ApplicationDestination { .. }
            | Atom::PrecededBy { .. }
            | Atom::Reading { .. }
            | Atom::Named { .. }
            | Atom::Request { .. }
            | Atom::ClientAnswer { .. } => Fact::Unknown,
        }
    }
}

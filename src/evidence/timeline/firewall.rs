//! What the firewall holds: only what its DNS proxy answered says so.

use std::fmt;
use std::net::IpAddr;

use jiff::SignedDuration;
use jiff::Timestamp;

use super::DnsTimeline;
use super::FIREWALL_GRACE;
use super::told::Told;
use super::told::newest_first;
use crate::evidence::answer::RecordType;
use crate::evidence::answer::ResponseCode;
use crate::evidence::known::Fact;
use crate::flow::Fqdn;

/// Whether a server's own answers show that it can resolve a name to IPv4 addresses.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Resolution {
    /// It answered with an address.
    Resolves,
    /// It answered that it cannot.
    Fails(Failure),
    /// It was not seen to answer.
    Unknown,
}

/// How a name failed to resolve.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Failure {
    /// The response had another code than NOERROR.
    Code(ResponseCode),
    /// The name exists and has no address of the type asked for.
    NoAddress,
}

impl From<Resolution> for Fact {
    fn from(resolution: Resolution) -> Fact {
        match resolution {
            Resolution::Resolves => Fact::True,
            Resolution::Fails(_) => Fact::False,
            Resolution::Unknown => Fact::Unknown,
        }
    }
}

/// The instants in their order, each once.
fn in_order(mut all: Vec<Timestamp>) -> Vec<Timestamp> {
    all.sort_unstable();
    all.dedup();
    all.shrink_to_fit();
    all
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Code(code) => code.fmt(f),
            Failure::NoAddress => f.write_str("no address"),
        }
    }
}

impl DnsTimeline {
    /// Whether the firewall whose DNS proxy has the address `firewall` holds `address` for `name`
    /// at `at` (`azure-firewall.md §3.2`).
    ///
    /// Its answers count for their TTL and [`FIREWALL_GRACE`]. The address is held if one of them
    /// has it, and not held if a whole one of the address's own family, or an NXDOMAIN, was given and
    /// none has it, and none was cut. Ask this only where the proxy is on.
    pub fn firewall_holds(
        &self,
        firewall: IpAddr,
        name: &Fqdn,
        address: IpAddr,
        at: Timestamp,
    ) -> Fact {
        let (mut is_settled, mut is_cut) = (false, false);
        for told in self.told_by(firewall, name, at) {
            if told.addresses.contains(&address) {
                return Fact::True;
            }
            is_cut |= told.is_cut;
            is_settled |= told.settles(RecordType::of(address));
        }
        if is_settled && !is_cut && self.is_whole(at) { Fact::False } else { Fact::Unknown }
    }

    /// Whether `server` was seen to resolve `name` to IPv4 addresses, or to fail, at `at`.
    ///
    /// Its newest answer decides, for its TTL and [`FIREWALL_GRACE`]. An answer about IPv6 says
    /// nothing, unless it is NXDOMAIN, which holds for every type (RFC 8020).
    pub fn resolution(&self, server: IpAddr, name: &Fqdn, at: Timestamp) -> Resolution {
        let newest = self
            .told_by(server, name, at)
            .find(|told| told.asked == RecordType::A || told.code == ResponseCode::NAME_ERROR);
        match newest {
            Some(_) if !self.is_whole(at) => Resolution::Unknown,
            Some(told) if !told.addresses.is_empty() => Resolution::Resolves,
            Some(told) if told.is_cut => Resolution::Unknown,
            Some(told) if told.code == ResponseCode::NO_ERROR => {
                Resolution::Fails(Failure::NoAddress)
            }
            Some(told) => Resolution::Fails(Failure::Code(told.code)),
            None => Resolution::Unknown,
        }
    }

    /// The instants at which anything may change of what [`DnsTimeline::firewall_holds`] says of `servers`
    /// and the names that `is_asked` takes, ascending: from one to the next it says the same.
    pub fn changes(&self, servers: &[IpAddr], is_asked: impl Fn(&Fqdn) -> bool) -> Vec<Timestamp> {
        let mut all = Vec::new();
        self.each_history(servers, |_, name, changes| {
            if is_asked(name) {
                all.append(changes);
            }
        });
        in_order(all)
    }

    /// The instants at which [`DnsTimeline::resolution`] of any of `servers` comes to say of a name
    /// whether it resolves, or something else than before, ascending.
    pub fn resolution_changes(&self, servers: &[IpAddr]) -> Vec<Timestamp> {
        let mut all = Vec::new();
        self.each_history(servers, |server, name, changes| {
            changes.sort_unstable();
            let mut before = Fact::Unknown;
            for at in changes {
                let now = Fact::from(self.resolution(server, name, *at));
                if now != before {
                    all.push(*at);
                }
                before = now;
            }
        });
        in_order(all)
    }

    /// Hands `take` each name that one of `servers` told of, with the instants at which what it told may
    /// begin or cease to count.
    fn each_history(
        &self,
        servers: &[IpAddr],
        mut take: impl FnMut(IpAddr, &Fqdn, &mut Vec<Timestamp>),
    ) {
        let mut histories = self.by_server.iter().peekable();
        let mut changes = Vec::new();
        while let Some(((server, name, at), told)) = histories.next() {
            changes.push(*at);
            // It counts up to this instant, and no longer.
            changes.extend(told.iter().filter_map(|told| {
                at.checked_add(told.lasts() + FIREWALL_GRACE + SignedDuration::from_nanos(1)).ok()
            }));
            let goes_on = histories.peek().is_some_and(|((s, n, _), _)| (s, n) == (server, name));
            if goes_on {
                continue;
            }
            let party = self.numbers.address_of(*server).zip(self.numbers.name_of(*name));
            if let Some((server, name)) = party.filter(|(server, _)| servers.contains(server)) {
                changes.extend(self.whole_until);
                take(server, name, &mut changes);
            }
            changes.clear();
        }
    }

    /// Whether any answer, whoever gave it, had `address`.
    pub fn has_seen(&self, address: IpAddr) -> bool {
        self.numbers.address(address).is_some()
    }

    /// What `server` told about `name` and the firewall would still go by, newest first.
    fn told_by(&self, server: IpAddr, name: &Fqdn, at: Timestamp) -> impl Iterator<Item = &Told> {
        let numbers = self.numbers.party_and_name(server, name);
        let told = numbers
            .into_iter()
            .flat_map(move |(server, name)| newest_first(&self.by_server, server, name, at));
        told.filter(|(age, _, told)| *age <= told.lasts() + FIREWALL_GRACE).map(|(_, _, told)| told)
    }
}

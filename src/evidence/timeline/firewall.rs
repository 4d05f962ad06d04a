//! What the firewall holds: only what its DNS proxy answered says so.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use jiff::SignedDuration;
use jiff::Timestamp;

use super::DnsTimeline;
use super::FIREWALL_GRACE;
use super::LONGEST_TTL;
use super::told::Told;
use super::told::newest_first;
use crate::evidence::answer::RecordType;
use crate::evidence::answer::ResponseCode;
use crate::evidence::known::Fact;
use crate::flow::Fqdn;

/// The longest that the firewall goes by an answer: one that is missing may be such.
fn longest_use() -> SignedDuration {
    SignedDuration::from_secs(LONGEST_TTL.into()) + FIREWALL_GRACE
}

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

impl Resolution {
    /// What an answer about IPv4 says.
    fn of(told: &Told) -> Resolution {
        if !told.addresses.is_empty() {
            Resolution::Resolves
        } else if told.is_cut {
            Resolution::Unknown
        } else if told.code == ResponseCode::NO_ERROR {
            Resolution::Fails(Failure::NoAddress)
        } else {
            Resolution::Fails(Failure::Code(told.code))
        }
    }
}

/// Whether an answer says whether there are IPv4 addresses.
fn tells_of_v4(told: &Told) -> bool {
    told.asked == RecordType::A || told.code == ResponseCode::NAME_ERROR
}

/// The first instant at which the firewall goes no more by what was told at `at`.
fn ends(at: Timestamp, told: &Told) -> Option<Timestamp> {
    at.checked_add(told.lasts() + FIREWALL_GRACE + SignedDuration::from_nanos(1)).ok()
}

/// What one server told of one name.
#[derive(Debug, Default)]
struct History {
    /// What each answer says; of one that is missing nothing is known.
    says: Vec<Fact>,
    /// When each begins to count, and when it ceases to.
    events: Vec<(Timestamp, Counted, bool)>,
}

/// An answer in the order of what counts: when it was seen, whether it is missing, and its place.
type Counted = (Timestamp, bool, usize);

impl History {
    fn add(&mut self, at: Timestamp, told: &Told) {
        if tells_of_v4(told) {
            let answer = (at, false, self.says.len());
            self.says.push(Fact::from(Resolution::of(told)));
            self.events.push((at, answer, true));
            self.events.extend(ends(at, told).map(|end| (end, answer, false)));
        }
    }

    /// Adds that an answer was missing at `at`.
    fn miss(&mut self, at: Timestamp) {
        self.events.push((at, (at, true, self.says.len()), true));
        self.says.push(Fact::Unknown);
    }

    fn clear(&mut self) {
        self.says.clear();
        self.events.clear();
    }

    /// Adds the instants at which the newest answer that counts comes to say something else. From
    /// `until` on nothing is known.
    fn changes(&mut self, until: impl Iterator<Item = Timestamp>, all: &mut Vec<Timestamp>) {
        self.events.sort_unstable();
        let mut counting: BTreeSet<Counted> = BTreeSet::new();
        let mut before = Fact::Unknown;
        for at_once in self.events.chunk_by(|(one, ..), (other, ..)| one == other) {
            for (_, answer, begins) in at_once {
                if *begins {
                    counting.insert(*answer)
                } else {
                    counting.remove(answer)
                };
            }
            let newest = counting.last().and_then(|(.., place)| self.says.get(*place));
            let now = newest.copied().unwrap_or(Fact::Unknown);
            if now != before {
                all.extend(at_once.first().map(|(at, ..)| *at));
            }
            before = now;
        }
        if !self.events.is_empty() {
            all.extend(until);
        }
    }
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
    /// none has it, and none was cut or is missing. Ask this only where the proxy is on.
    pub fn firewall_holds(
        &self,
        firewall: IpAddr,
        name: &Fqdn,
        address: IpAddr,
        at: Timestamp,
    ) -> Fact {
        let (mut is_settled, mut is_cut) = (false, false);
        let of = RecordType::of(address);
        for (_, told) in self.told_by(firewall, name, at) {
            if told.addresses.contains(&address) {
                return Fact::True;
            }
            is_cut |= told.is_cut;
            is_settled |= told.settles(of);
        }
        let missing = self.asides.of_servers.latest(firewall, name, of, at);
        let is_missing = missing.is_some_and(|missing| at.duration_since(missing) <= longest_use());
        let is_known = is_settled && !is_cut && !is_missing && self.is_whole(at);
        if is_known { Fact::False } else { Fact::Unknown }
    }

    /// Whether `server` was seen to resolve `name` to IPv4 addresses, or to fail, at `at`.
    ///
    /// Its newest answer decides, for its TTL and [`FIREWALL_GRACE`], if none is missing since. An answer about IPv6 says
    /// nothing, unless it is NXDOMAIN, which holds for every type (RFC 8020).
    pub fn resolution(&self, server: IpAddr, name: &Fqdn, at: Timestamp) -> Resolution {
        let newest = self.told_by(server, name, at).find(|(_, told)| tells_of_v4(told));
        let missing = self.asides.of_servers.latest(server, name, RecordType::A, at);
        let is_newest = |seen| missing.is_none_or(|missing| missing < seen);
        match newest {
            Some((seen, told)) if is_newest(seen) && self.is_whole(at) => Resolution::of(told),
            Some(_) | None => Resolution::Unknown,
        }
    }

    /// The instants at which anything may change of what [`DnsTimeline::firewall_holds`] says of `servers`
    /// and the names that `is_asked` takes, ascending: from one to the next it says the same.
    pub fn changes(&self, servers: &[IpAddr], is_asked: impl Fn(&Fqdn) -> bool) -> Vec<Timestamp> {
        let mut all = Vec::new();
        for ((server, name, at), told) in &self.by_server {
            let party = self.numbers.address_of(*server).zip(self.numbers.name_of(*name));
            if party.is_some_and(|(server, name)| servers.contains(&server) && is_asked(name)) {
                all.push(*at);
                all.extend(told.iter().filter_map(|told| ends(*at, told)));
            }
        }
        for server in servers {
            all.extend(self.asides.of_servers.of(*server).flat_map(|(name, at)| {
                let is_asked = name.is_none_or(&is_asked);
                let end = at.checked_add(longest_use() + SignedDuration::from_nanos(1)).ok();
                [Some(at), end].into_iter().flatten().filter(move |_| is_asked)
            }));
        }
        if !all.is_empty() {
            all.extend(self.whole_until);
            all.extend(self.asides.whole_until());
        }
        in_order(all)
    }

    /// The instants at which [`DnsTimeline::resolution`] of any of `servers` comes to say of a name
    /// whether it resolves, or something else than before, ascending.
    pub fn resolution_changes(&self, servers: &[IpAddr]) -> Vec<Timestamp> {
        let mut all = Vec::new();
        let mut histories = self.by_server.iter().peekable();
        let mut history = History::default();
        let until = [self.whole_until, self.asides.whole_until()];
        while let Some(((server, name, at), told)) = histories.next() {
            let party = self.party_and_name(&(*server, *name, *at));
            let Some((party, asked)) = party.filter(|(one, _)| servers.contains(one)) else {
                continue;
            };
            told.iter().for_each(|told| history.add(*at, told));
            let goes_on = histories.peek().is_some_and(|((s, n, _), _)| (s, n) == (server, name));
            if !goes_on {
                for at in self.asides.of_servers.all(party, asked, RecordType::A) {
                    history.miss(at);
                }
                history.changes(until.into_iter().flatten(), &mut all);
                history.clear();
            }
        }
        in_order(all)
    }

    /// Whether any answer, whoever gave it, had `address`.
    pub fn has_seen(&self, address: IpAddr) -> bool {
        self.numbers.address(address).is_some()
    }

    /// What `server` told about `name` and the firewall would still go by, newest first.
    fn told_by(
        &self,
        server: IpAddr,
        name: &Fqdn,
        at: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, &Told)> {
        let numbers = self.numbers.party_and_name(server, name);
        let told = numbers
            .into_iter()
            .flat_map(move |(server, name)| newest_first(&self.by_server, server, name, at));
        told.filter(|(age, _, told)| *age <= told.lasts() + FIREWALL_GRACE)
            .map(|(_, seen, told)| (seen, told))
    }
}

#[cfg(test)]
mod tests {
    use proptest::bool::weighted;
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::evidence::DnsAnswer;
    use crate::evidence::DnsRecord;
    use crate::evidence::Solicited;

    fn at(second: u32) -> Timestamp {
        Timestamp::from_second(second.into()).unwrap()
    }

    fn server() -> IpAddr {
        [10, 0, 1, 4].into()
    }

    fn name(number: u8) -> Fqdn {
        format!("n{number}.example").parse().unwrap()
    }

    /// Of both types, some failing, some empty.
    fn answers() -> impl Strategy<Value = DnsAnswer> {
        let addresses: [IpAddr; 3] =
            [[192, 0, 2, 1].into(), [192, 0, 2, 2].into(), "2001:db8::1".parse().unwrap()];
        let address = select(addresses.to_vec());
        let code = select(vec![0, 0, 0, 2, 3]);
        let drawn = (0..3_u8, address, 0..3_000_u32, 0..40_000_u32, code, weighted(0.75));
        drawn.prop_map(|(number, address, ttl, seen, code, has_records)| {
            let record = DnsRecord::Address { owner: name(number), address, ttl };
            DnsAnswer {
                at: at(seen),
                client: [10, 1, 8, 4].into(),
                server: server(),
                solicited: Solicited::Unsaid,
                question: name(number),
                asked: RecordType::of(address),
                code: ResponseCode(code),
                records: if has_records { vec![record] } else { Vec::new() },
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

        #[test]
        fn what_resolves_changes_at_the_listed_instants_alone(
            answers in vec(answers(), 1..60),
            missing in vec((of(0..3_u8), 0..40_000_u32), 0..4),
            whole_until in of(Just(20_000_u32)),
        ) {
            let mut timeline = DnsTimeline::default();
            for answer in &answers {
                timeline.add(answer);
            }
            for (number, seen) in missing {
                let name = number.map(name);
                timeline.miss_of(server(), name.as_ref(), Some(RecordType::A), at(seen));
            }
            timeline.whole_until = whole_until.map(at);
            let changes = timeline.resolution_changes(&[server()]);
            let mut moments: Vec<Timestamp> = (0..50_000).step_by(50).map(at).collect();
            let just_before = |change: &Timestamp| *change - SignedDuration::from_nanos(1);
            moments.extend(changes.iter().flat_map(|change| [just_before(change), *change]));
            moments.sort_unstable();
            let stretch = |at: Timestamp| changes.partition_point(|change| *change <= at);
            for name in (0..3).map(name) {
                let says = |at| Fact::from(timeline.resolution(server(), &name, at));
                for (one, other) in moments.iter().zip(moments.iter().skip(1)) {
                    let is_same = says(*one) == says(*other);
                    prop_assert!(
                        is_same || stretch(*one) != stretch(*other),
                        "{name} from {one} to {other}"
                    );
                }
            }
            prop_assert_eq!(timeline.resolution_changes(&[]), []);
            let changes = timeline.changes(&[server()], |_| true);
            let stretch = |at: Timestamp| changes.partition_point(|change| *change <= at);
            for (name, last) in (0..3).map(name).zip([1, 2, 9]) {
                let to = [192, 0, 2, last].into();
                let holds = |at| timeline.firewall_holds(server(), &name, to, at);
                for (one, other) in moments.iter().zip(moments.iter().skip(1)) {
                    let is_same = holds(*one) == holds(*other);
                    prop_assert!(
                        is_same || stretch(*one) != stretch(*other),
                        "{name} from {one} to {other}"
                    );
                }
            }
        }
    }
}

//! What clients hold: their own answers say so, whoever gave them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use super::CLIENT_GRACE;
use super::CLIENT_USE;
use super::DnsTimeline;
use super::HeldName;
use super::Lasting;
use super::NODES;
use super::NameRole;
use super::ToldInstead;
use super::is_whole;
use super::numbers::AddressNumber;
use super::numbers::NameNumber;
use super::told::Told;
use super::told::known;
use super::told::newest_first;
use crate::evidence::answer::RecordType;
use crate::evidence::answer::ResponseCode;
use crate::flow::Fqdn;

/// How many names of one address are kept for one client. A proxy that gives each of thousands of
/// names the same address would have each flow to it compared with all of them.
const MOST_NAMES: usize = 256;

/// How many answers about one name are looked at for what a client holds of it: of one that was told that
/// often within the TTLs, nothing is said.
const MOST_LOOKED_AT: usize = 1024;

/// How many answers about all names of an address are looked at for those that a client holds it for:
/// fifty names that are asked for every second would be as many within a minute. Of an address with more
/// nothing is said.
const MOST_LOOKED_AT_OF_ALL: usize = 4096;

/// A client, an address, and a name of it that the client was told.
pub(super) type NamedAddress = (AddressNumber, AddressNumber, NameNumber);

/// By client and address: the names whose answers ever held it.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    // Invariant: of each client and address at most `MOST_NAMES`.
    pub(super) kept: BTreeSet<NamedAddress>,
    /// By client and address: the time of the earliest answer with a name that is not kept.
    pub(super) whole_until: BTreeMap<(AddressNumber, AddressNumber), Timestamp>,
}

impl DnsTimeline {
    /// The addresses that `client` holds for `name` at `at`, or `None` where no answer of its own
    /// says. An empty set means that it was told there are none.
    ///
    /// A client holds an answer for its TTL, and at least for [`CLIENT_USE`], whatever it is told
    /// later; after that until a newer answer for the same record type replaces it, and at most
    /// for [`CLIENT_GRACE`]. NXDOMAIN replaces answers of both types; a failed server replaces
    /// none. As long as an answer may be held of which records are not known, or which is missing,
    /// nothing is said.
    pub fn addresses(
        &self,
        client: IpAddr,
        name: &Fqdn,
        at: Timestamp,
    ) -> Option<BTreeSet<IpAddr>> {
        let numbers = self.numbers.party_and_name(client, name)?;
        let (mut is_told, mut addresses) = (false, BTreeSet::new());
        for of in RecordType::ALL {
            let mut is_told_of = false;
            let is_all =
                self.each_held(numbers, of, at, self.missing(numbers, of, at), |_, told| {
                    is_told_of = true;
                    addresses.extend(told.addresses.iter().copied());
                    ControlFlow::Continue(())
                });
            if is_told_of && !is_all {
                return None;
            }
            is_told |= is_told_of;
        }
        is_told.then_some(addresses)
    }

    /// Whether `client` holds `address` for `name` at `at`, as [`DnsTimeline::addresses`] defines it: it
    /// does if any answer that it holds for sure has it. `None` where it may hold others, or no answer
    /// says which addresses of that family there are.
    pub fn client_holds(
        &self,
        client: IpAddr,
        name: &Fqdn,
        address: IpAddr,
        at: Timestamp,
    ) -> Option<bool> {
        let numbers = self.numbers.party_and_name(client, name)?;
        let (mut is_told, mut has) = (false, false);
        let of = RecordType::of(address);
        let may_have = self.has_told_of(client, name, address);
        let Lasting { is_cut: is_any_cut, .. } = self.lasting_of(numbers);
        let is_all = self.each_held(numbers, of, at, self.missing(numbers, of, at), |_, told| {
            is_told = true;
            has = may_have && told.addresses.contains(&address);
            let is_enough = has || !may_have && !is_any_cut;
            if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match (has, is_all) {
            (true, _) => Some(true),
            (false, true) => is_told.then_some(false),
            (false, false) => None,
        }
    }

    /// The names for which `client` holds `address` at `at`, as [`DnsTimeline::addresses`] defines
    /// it: newest answer first, at one instant the names asked for before aliases, then by name.
    ///
    /// A name that was both asked for and an alias counts as asked for. `None` where not all are kept, or
    /// there is too much to look at: what would be said of some might not hold of the others.
    pub fn names(&self, client: IpAddr, address: IpAddr, at: Timestamp) -> Option<Vec<HeldName>> {
        if !self.is_whole(at) {
            return None;
        }
        let numbers = self.numbers.client_and_address(client, address);
        let Some((of_client, of_address)) = numbers else { return Some(Vec::new()) };
        if !is_whole(self.names.whole_until(of_client, of_address), at) {
            return None;
        }
        let mut found: Vec<HeldName> = Vec::new();
        let mut looked_at = 0;
        for number in self.names.of(of_client, of_address) {
            let mut best: Option<(Timestamp, &Told)> = None;
            let (numbers, of) = ((of_client, number), RecordType::of(address));
            let missing = self.missing(numbers, of, at);
            self.each_held(numbers, of, at, missing, |seen, told| {
                looked_at += 1;
                let is_asked = told.role == NameRole::Asked;
                if told.addresses.contains(&address) && (is_asked || best.is_none()) {
                    best = Some((seen, told));
                }
                let is_found = best.is_some_and(|(_, told)| told.role == NameRole::Asked);
                if is_found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if looked_at > MOST_LOOKED_AT_OF_ALL {
                return None;
            }
            if let Some(((at, told), name)) = best.zip(self.numbers.name_of(number)) {
                let (name, role, server) = (name.clone(), told.role, known(told.server));
                found.push(HeldName { name, role, at, server });
            }
        }
        found.sort_by(|a, b| {
            (Reverse(a.at), a.role, &a.name).cmp(&(Reverse(b.at), b.role, &b.name))
        });
        Some(found)
    }

    /// Whether some answer to `client`, however old, or later, held `address`, or hinted at it.
    pub fn has_told(&self, client: IpAddr, address: IpAddr) -> bool {
        let numbers = self.numbers.client_and_address(client, address);
        numbers.is_some_and(|(client, address)| {
            let mut named = [&self.names.kept, &self.hints].into_iter();
            named.any(|told| of(told, client, address).next().is_some())
        })
    }

    /// Whether some answer to `client` about `name`, however old, or later, held `address`, or hinted
    /// at it.
    pub fn has_told_of(&self, client: IpAddr, name: &Fqdn, address: IpAddr) -> bool {
        let numbers = self.numbers.client_and_address(client, address);
        numbers.is_some_and(|(client, address)| {
            let is_one = |name| {
                let one = (client, address, name);
                self.names.kept.contains(&one) || self.hints.contains(&one)
            };
            // Of an address with more names than are kept, any may be one.
            self.names.whole_until(client, address).is_some()
                || self.numbers.name(name).is_some_and(is_one)
        })
    }

    /// Whether an answer about addresses like `address`, which `client` may have had by `at`, is missing:
    /// about one of `names`, or about any name where there are none.
    pub fn lacks_answer<'n>(
        &self,
        client: IpAddr,
        names: impl IntoIterator<Item = &'n Fqdn>,
        address: IpAddr,
        at: Timestamp,
    ) -> bool {
        self.asides.lacks_answer(client, names, RecordType::of(address), at)
    }

    /// What `client` was told of `name` where it goes to `address` at `at`: its newest answer about
    /// addresses of that family, as long as it holds one as [`DnsTimeline::addresses`] defines it.
    ///
    /// `None` where some answer to it about the name, however old, or later, held the address; where
    /// answers were dropped, of which one may have; and where a log does not say who gave the answer.
    /// Of answers that are missing, [`DnsTimeline::lacks_answer`] says more.
    pub fn told_instead(
        &self,
        client: IpAddr,
        name: &Fqdn,
        address: IpAddr,
        at: Timestamp,
    ) -> Option<ToldInstead> {
        if self.has_told_of(client, name, address) || !self.is_whole(at) {
            return None;
        }
        let numbers = self.numbers.party_and_name(client, name)?;
        let mut newest = None;
        let of = RecordType::of(address);
        let is_all = self.each_held(numbers, of, at, None, |seen, told| {
            newest.get_or_insert((seen, told));
            ControlFlow::Continue(())
        });
        let (at, told) = newest.filter(|_| is_all)?;
        let (server, addresses) = (known(told.server)?, Arc::clone(&told.addresses));
        Some(ToldInstead { at, server, code: told.code, addresses })
    }

    /// Since when the DNS answers to `client` are recorded, where that is before `at`, all of them
    /// were kept and none was cut. What a log remembers of answers that it does not have does not
    /// count.
    pub fn recorded_since(&self, client: IpAddr, at: Timestamp) -> Option<Timestamp> {
        let (first, is_all) = *self.clients.get(&client)?;
        (first <= at && is_all && self.is_whole(at)).then_some(first)
    }

    /// Gives each answer that a client holds for sure about a name at `at` and that says which addresses of
    /// the type `of` there are, or some of them, newest first, until there is enough. Tells whether it
    /// holds nothing else: it may where an answer was cut or looked at no more, or is `missing` since some
    /// time.
    fn each_held<'t>(
        &'t self,
        (client, name): (AddressNumber, NameNumber),
        of: RecordType,
        at: Timestamp,
        missing: Option<Timestamp>,
        mut each: impl FnMut(Timestamp, &'t Told) -> ControlFlow<()>,
    ) -> bool {
        if !self.is_whole(at) {
            return false;
        }
        let Lasting { ttl, .. } = self.lasting_of((client, name));
        let longest = SignedDuration::from_secs(ttl.into()).max(CLIENT_USE);
        // Whether a newer answer says what there is.
        let mut is_replaced = false;
        let (mut is_all, mut looked_at) = (true, 0);
        let mut newest = None;
        for (age, seen, told) in newest_first(&self.by_client, client, name, at) {
            let none_lasts = age > if is_replaced { longest } else { longest + CLIENT_GRACE };
            if none_lasts {
                break;
            }
            let is_cut = told.is_cut && told.asked == of && told.code == ResponseCode::NO_ERROR;
            if !told.settles(of) && !is_cut {
                continue;
            }
            looked_at += 1;
            if looked_at > MOST_LOOKED_AT {
                return false;
            }
            newest.get_or_insert(seen);
            // One that is missing may have replaced it.
            is_replaced |= missing.is_some_and(|missing| missing >= seen);
            // A client asks again where a server left everything out.
            if is_cut && is_replaced && told.addresses.is_empty() {
                continue;
            }
            let for_sure = told.lasts().max(CLIENT_USE);
            let lasts = if is_replaced { for_sure } else { for_sure + CLIENT_GRACE };
            is_replaced = true;
            if age > lasts {
                continue;
            }
            is_all &= !is_cut;
            if each(seen, told).is_break() {
                break;
            }
        }
        // What the missing one said may last as long as any.
        let may_be_held = missing.is_some_and(|missing| {
            let is_replaced = newest.is_some_and(|newest| newest > missing);
            let lasts = if is_replaced { longest } else { longest + CLIENT_GRACE };
            at.duration_since(missing) <= lasts
        });
        is_all && !may_be_held
    }

    /// How long the answers to a client about a name last.
    fn lasting_of(&self, of: (AddressNumber, NameNumber)) -> Lasting {
        let (client, name) = of;
        self.lasting.get(&of).copied().unwrap_or_else(|| {
            let first = (client, name, Timestamp::MIN);
            let mut told = self.by_client.range(first..=(client, name, Timestamp::MAX));
            Lasting::of(told.next().map_or(&[], |(_, told)| told))
        })
    }

    /// When the latest answer was missing that may have told a client of a name.
    fn missing(
        &self,
        (client, name): (AddressNumber, NameNumber),
        of: RecordType,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let (client, name) = self.party_and_name(&(client, name, at))?;
        self.asides.of_clients.latest(client, name, of, at)
    }
}

impl Names {
    /// Adds a name that an answer at `at` gave the address, and tells how many bytes it takes.
    pub(super) fn add(
        &mut self,
        client: AddressNumber,
        address: AddressNumber,
        name: NameNumber,
        at: Timestamp,
    ) -> usize {
        let entry = (client, address, name);
        if self.kept.contains(&entry) {
            return 0;
        }
        if self.of(client, address).count() >= MOST_NAMES {
            self.miss(client, address, at);
            return NODES * size_of::<((AddressNumber, AddressNumber), Timestamp)>();
        }
        self.kept.insert(entry);
        NODES * size_of_val(&entry)
    }

    /// Notes that an answer at `at` gave the address a name that is not kept.
    pub(super) fn miss(&mut self, client: AddressNumber, address: AddressNumber, at: Timestamp) {
        let until = self.whole_until.entry((client, address)).or_insert(at);
        *until = at.min(*until);
    }

    fn of(
        &self,
        client: AddressNumber,
        address: AddressNumber,
    ) -> impl Iterator<Item = NameNumber> {
        of(&self.kept, client, address)
    }

    fn whole_until(&self, client: AddressNumber, address: AddressNumber) -> Option<Timestamp> {
        self.whole_until.get(&(client, address)).copied()
    }
}

/// The names of an address that a client was told.
fn of(
    told: &BTreeSet<NamedAddress>,
    client: AddressNumber,
    address: AddressNumber,
) -> impl Iterator<Item = NameNumber> {
    let (first, last) = (NameNumber::FIRST, NameNumber::LAST);
    let told = told.range((client, address, first)..=(client, address, last));
    told.map(|(_, _, name)| *name)
}

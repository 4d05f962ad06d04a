//! What clients hold: their own answers say so, whoever gave them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::CLIENT_GRACE;
use super::CLIENT_USE;
use super::DnsTimeline;
use super::HeldName;
use super::NODES;
use super::ToldInstead;
use super::is_whole;
use super::numbers::AddressNumber;
use super::numbers::NameNumber;
use super::told::Told;
use super::told::known;
use super::told::newest_first;
use crate::evidence::answer::RecordType;
use crate::flow::Fqdn;

/// How many names of one address are kept for one client. A proxy that gives each of thousands of
/// names the same address would have each flow to it compared with all of them.
const MOST_NAMES: usize = 256;

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
    /// none. As long as an answer is held of which records are not known, nothing is said.
    pub fn addresses(
        &self,
        client: IpAddr,
        name: &Fqdn,
        at: Timestamp,
    ) -> Option<BTreeSet<IpAddr>> {
        let held = self.held(client, name, at);
        if held.is_empty() {
            return None;
        }
        Some(held.iter().flat_map(|(_, told)| told.addresses.iter().copied()).collect())
    }

    /// Whether `address` is among [`DnsTimeline::addresses`].
    pub fn client_holds(
        &self,
        client: IpAddr,
        name: &Fqdn,
        address: IpAddr,
        at: Timestamp,
    ) -> Option<bool> {
        let held = self.held(client, name, at);
        let holds = |(_, told): &(_, &Told)| told.addresses.contains(&address);
        (!held.is_empty()).then(|| held.iter().any(holds))
    }

    /// The names for which `client` holds `address` at `at`, as [`DnsTimeline::addresses`] defines
    /// it: newest answer first, at one instant the names asked for before aliases, then by name.
    ///
    /// A name that was both asked for and an alias counts as asked for. There are none where some are
    /// not kept: what would be said of the others might not hold of those.
    pub fn names(&self, client: IpAddr, address: IpAddr, at: Timestamp) -> Vec<HeldName> {
        let numbers = self.numbers.client_and_address(client, address);
        let Some((of_client, of_address)) = numbers else { return Vec::new() };
        if !is_whole(self.names.whole_until(of_client, of_address), at) {
            return Vec::new();
        }
        let mut found: Vec<HeldName> = Vec::new();
        for number in self.names.of(of_client, of_address) {
            let held = self.held_of(of_client, number, at);
            let held = held.into_iter().filter(|(_, told)| told.addresses.contains(&address));
            let best = held.min_by_key(|(at, told)| (told.role, Reverse(*at)));
            if let Some(((at, told), name)) = best.zip(self.numbers.name_of(number)) {
                let (name, role, server) = (name.clone(), told.role, known(told.server));
                found.push(HeldName { name, role, at, server });
            }
        }
        found.sort_by(|a, b| {
            (Reverse(a.at), a.role, &a.name).cmp(&(Reverse(b.at), b.role, &b.name))
        });
        found
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
        let held = self.held(client, name, at);
        let (at, told) =
            held.into_iter().find(|(_, told)| told.settles(RecordType::of(address)))?;
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

    /// The answers about `name` that `client` holds at `at`, newest first; none where an answer that
    /// is not kept may have said otherwise.
    fn held(&self, client: IpAddr, name: &Fqdn, at: Timestamp) -> Vec<(Timestamp, &Told)> {
        let numbers = self.numbers.party_and_name(client, name);
        numbers.map(|(client, name)| self.held_of(client, name, at)).unwrap_or_default()
    }

    fn held_of(
        &self,
        client: AddressNumber,
        name: NameNumber,
        at: Timestamp,
    ) -> Vec<(Timestamp, &Told)> {
        let mut held = Vec::new();
        if !self.is_whole(at) {
            return held;
        }
        // Of which types a newer answer says what there is.
        let mut replaced: [(RecordType, bool); 2] =
            [RecordType::A, RecordType::Aaaa].map(|of| (of, false));
        for (age, seen, told) in newest_first(&self.by_client, client, name, at) {
            let for_sure = told.lasts().max(CLIENT_USE);
            let is_replaced = replaced.contains(&(told.asked, true));
            let lasts = if is_replaced { for_sure } else { for_sure + CLIENT_GRACE };
            if told.is_cut && !is_replaced && age <= lasts {
                return Vec::new();
            }
            let mut settles = false;
            for (of, is_replaced) in &mut replaced {
                let settled = told.settles(*of);
                settles |= settled;
                *is_replaced |= settled;
            }
            if age <= lasts && settles {
                held.push((seen, told));
            }
        }
        held
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

//! What clients hold: their own answers say so, whoever gave them.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::CLIENT_GRACE;
use super::CLIENT_USE;
use super::DnsTimeline;
use super::HeldName;
use super::NODES;
use super::PIECE;
use super::ToldInstead;
use super::earlier;
use super::is_whole;
use super::told::Told;
use super::told::known;
use super::told::newest_first;
use crate::evidence::answer::RecordType;
use crate::flow::Fqdn;

/// How many names of one address are kept for one client. A proxy that gives each of thousands of
/// names the same address would have each flow to it compared with all of them.
const MOST_NAMES: usize = 256;

/// The names of an address.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Names {
    // Invariant: ascending, at most `MOST_NAMES`.
    pub(super) kept: Vec<Fqdn>,
    /// The time of the earliest answer with a name that is not kept.
    pub(super) whole_until: Option<Timestamp>,
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
        let Some(candidates) = self.names.get(&(client, address)) else {
            return Vec::new();
        };
        if !is_whole(candidates.whole_until, at) {
            return Vec::new();
        }
        let mut found: Vec<HeldName> = candidates
            .kept
            .iter()
            .filter_map(|name| {
                self.held(client, name, at)
                    .into_iter()
                    .filter(|(_, told)| told.addresses.contains(&address))
                    .map(|(at, told)| HeldName {
                        name: name.clone(),
                        role: told.role,
                        at,
                        server: known(told.server),
                    })
                    .min_by_key(|held| (held.role, Reverse(held.at)))
            })
            .collect();
        found.sort_by(|a, b| {
            (Reverse(a.at), a.role, &a.name).cmp(&(Reverse(b.at), b.role, &b.name))
        });
        found
    }

    /// Whether some answer to `client`, however old, or later, held `address`, or hinted at it.
    pub fn has_told(&self, client: IpAddr, address: IpAddr) -> bool {
        self.names.contains_key(&(client, address)) || self.asides.has_hinted(client, address)
    }

    /// Whether some answer to `client` about `name`, however old, or later, held `address`, or hinted
    /// at it.
    pub fn has_told_of(&self, client: IpAddr, name: &Fqdn, address: IpAddr) -> bool {
        let of_address = self.names.get(&(client, address));
        // Of an address with more names than are kept, any may be one.
        of_address.is_some_and(|names| names.whole_until.is_some() || names.kept.contains(name))
            || self.asides.has_hinted_of(client, name, address)
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
    pub(super) fn add(&mut self, name: &Fqdn, at: Timestamp) -> usize {
        let Err(place) = self.kept.binary_search(name) else { return 0 };
        if self.kept.len() >= MOST_NAMES {
            self.whole_until = Some(earlier(self.whole_until, at));
            return 0;
        }
        let is_first = self.kept.is_empty();
        self.kept.insert(place, name.clone());
        // A vector has room for four at first, and for twice as many whenever it is full.
        let of_entry = PIECE + NODES * size_of::<((IpAddr, IpAddr), Names)>();
        if is_first { of_entry + 4 * size_of::<Fqdn>() } else { 2 * size_of::<Fqdn>() }
    }
}

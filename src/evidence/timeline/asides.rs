//! What is known of DNS beside answers: hints of addresses, and answers that are missing. They say of
//! what a client may have been told more than its answers hold, and nothing is said of what an answer
//! that is missing may have changed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;

use super::earlier;
use crate::evidence::answer::RecordType;
use crate::flow::Fqdn;

/// Hints and missing answers that are kept: some 10 MB. Beyond, any answer counts as missing.
const MOST_ASIDES: usize = 1 << 16;

/// Missing answers, and how many hints there are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Asides {
    hints: usize,
    /// By client, type and name: when the first answer about it was missing.
    missing: BTreeMap<(IpAddr, RecordType, Fqdn), Timestamp>,
    /// The same of answers that may be about any name.
    missing_of_any: BTreeMap<(IpAddr, RecordType), Timestamp>,
    /// The same of answers about whatever name.
    missing_of_some: BTreeMap<(IpAddr, RecordType), Timestamp>,
    /// What clients asked for addresses without an answer, and what servers were asked.
    pub(super) of_clients: Missing,
    pub(super) of_servers: Missing,
    /// From when on hints may be missing.
    hinted_until: Option<Timestamp>,
    /// From when on any answer may be missing.
    whole_until: Option<Timestamp>,
}

/// When answers about addresses were missing, or not believed: by client or server, type and name, or
/// any name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Missing {
    answers: BTreeSet<MissingAnswer>,
    /// From when on any may be missing, by client or server.
    since: BTreeMap<IpAddr, Timestamp>,
}

/// Whose it was, about which type of record and name, and when.
pub(super) type MissingAnswer = (IpAddr, RecordType, Option<Fqdn>, Timestamp);

impl Missing {
    /// The latest of `party`, up to `at`, that may have been about `name`.
    pub(super) fn latest(
        &self,
        party: IpAddr,
        name: &Fqdn,
        of: RecordType,
        at: Timestamp,
    ) -> Option<Timestamp> {
        if self.since.get(&party).is_some_and(|since| *since <= at) {
            return Some(at);
        }
        if self.answers.is_empty() {
            return None;
        }
        let latest = |name: Option<Fqdn>| {
            let first = (party, of, name.clone(), Timestamp::MIN);
            self.answers.range(first..=(party, of, name, at)).next_back().map(|(.., at)| *at)
        };
        latest(None).max(latest(Some(name.clone())))
    }

    /// Those of `party`: of which name, and when.
    pub(super) fn of(&self, party: IpAddr) -> impl Iterator<Item = (Option<&Fqdn>, Timestamp)> {
        let first = (party, RecordType::A, None, Timestamp::MIN);
        let of_party = self.answers.range(first..).take_while(move |(one, ..)| *one == party);
        let of_party = of_party.map(|(_, _, name, at)| (name.as_ref(), *at));
        of_party.chain(self.since.get(&party).map(|since| (None, *since)))
    }

    /// Those of `party` that may have been about `name`.
    pub(super) fn all(
        &self,
        party: IpAddr,
        name: &Fqdn,
        of: RecordType,
    ) -> impl Iterator<Item = Timestamp> {
        let some = if self.answers.is_empty() { None } else { Some(name) };
        let of_names = [None, some.cloned()].into_iter().flat_map(move |name| {
            let first = (party, of, name.clone(), Timestamp::MIN);
            self.answers.range(first..=(party, of, name, Timestamp::MAX)).map(|(.., at)| *at)
        });
        of_names.chain(self.since.get(&party).copied())
    }
}

impl Missing {
    /// The same, as if all of it were of `party`.
    fn told_to(&self, party: IpAddr) -> Missing {
        let answers = self.answers.iter();
        let since = self.since.values().min().map(|since| (party, *since));
        Missing {
            answers: answers
                .map(|(_, asked, name, at)| (party, *asked, name.clone(), *at))
                .collect(),
            since: since.into_iter().collect(),
        }
    }
}

impl Asides {
    /// Whether another hint is kept.
    pub(super) fn take_hint(&mut self) -> bool {
        let is_full = self.is_full();
        if is_full {
            // When it was told is not known.
            self.hinted_until = Some(Timestamp::MIN);
        } else {
            self.hints += 1;
        }
        !is_full
    }

    pub(super) fn lack(
        &mut self,
        client: IpAddr,
        name: Option<Fqdn>,
        asked: RecordType,
        at: Timestamp,
    ) {
        if self.is_full() {
            self.hinted_until = Some(earlier(self.hinted_until, at));
            return;
        }
        least(&mut self.missing_of_some, (client, asked), at);
        match name {
            Some(name) => least(&mut self.missing, (client, asked, name), at),
            None => least(&mut self.missing_of_any, (client, asked), at),
        }
    }

    /// Adds to `of_clients` or `of_servers`.
    pub(super) fn add(
        &mut self,
        to: impl FnOnce(&mut Asides) -> &mut Missing,
        answer: MissingAnswer,
    ) {
        if self.has_room() {
            to(self).answers.insert(answer);
        } else {
            self.miss_any(answer.3);
        }
    }

    /// Notes that nothing is known of `client` and `server` from `since` on.
    pub(super) fn hear_no_more(
        &mut self,
        client: IpAddr,
        server: Option<IpAddr>,
        since: Timestamp,
    ) {
        if !self.has_room() {
            self.miss_any(since);
            return;
        }
        least(&mut self.of_clients.since, client, since);
        if let Some(server) = server {
            least(&mut self.of_servers.since, server, since);
        }
    }

    fn has_room(&self) -> bool {
        let all = [&self.of_clients, &self.of_servers];
        let kept = all.iter().map(|missing| missing.answers.len() + missing.since.len());
        kept.sum::<usize>() < 2 * MOST_ASIDES
    }

    pub(super) fn miss_any(&mut self, at: Timestamp) {
        self.whole_until = Some(earlier(self.whole_until, at));
    }

    /// From when on any answer may be missing.
    pub(super) fn whole_until(&self) -> Option<Timestamp> {
        self.whole_until
    }

    /// Whether an answer is missing that `client` may have had by `at`: about one of `names`, or about
    /// any name where there are none.
    pub(super) fn lacks_answer<'n>(
        &self,
        client: IpAddr,
        names: impl IntoIterator<Item = &'n Fqdn>,
        of: RecordType,
        at: Timestamp,
    ) -> bool {
        let is_by = |since: Option<&Timestamp>| since.is_some_and(|since| *since <= at);
        let of_all = [self.whole_until.as_ref(), self.hinted_until.as_ref()];
        if of_all.into_iter().any(is_by) || is_by(self.missing_of_any.get(&(client, of))) {
            return true;
        }
        let mut names = names.into_iter().peekable();
        if names.peek().is_none() {
            return is_by(self.missing_of_some.get(&(client, of)));
        }
        names.any(|name| is_by(self.missing.get(&(client, of, name.clone()))))
    }

    /// The same, as if `client` had asked and been told all of it, with so many hints.
    pub(super) fn told_to(&self, client: IpAddr, hints: usize) -> Asides {
        let mut all = Asides {
            hints,
            of_servers: self.of_servers.clone(),
            hinted_until: self.hinted_until,
            whole_until: self.whole_until,
            ..Asides::default()
        };
        all.of_clients = self.of_clients.told_to(client);
        for ((_, asked, name), at) in &self.missing {
            all.lack(client, Some(name.clone()), *asked, *at);
        }
        for ((_, asked), at) in &self.missing_of_any {
            all.lack(client, None, *asked, *at);
        }
        all
    }

    fn is_full(&self) -> bool {
        self.hints + self.missing.len() + self.missing_of_some.len() >= MOST_ASIDES
    }
}

fn least<K: Ord>(times: &mut BTreeMap<K, Timestamp>, key: K, at: Timestamp) {
    times.entry(key).and_modify(|known| *known = at.min(*known)).or_insert(at);
}

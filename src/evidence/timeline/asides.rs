//! What is known of DNS beside answers: hints of addresses, and answers that are missing. No verdict
//! goes by them; they say of what a client may have been told more than its answers hold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;

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
    /// From when on any answer may be missing.
    whole_until: Option<Timestamp>,
}

impl Asides {
    /// Whether another hint is kept.
    pub(super) fn take_hint(&mut self) -> bool {
        let is_full = self.is_full();
        if is_full {
            // When it was told is not known.
            self.miss_any(Timestamp::MIN);
        } else {
            self.hints += 1;
        }
        !is_full
    }

    pub(super) fn miss(
        &mut self,
        client: IpAddr,
        name: Option<Fqdn>,
        asked: RecordType,
        at: Timestamp,
    ) {
        if self.is_full() {
            self.miss_any(at);
            return;
        }
        least(&mut self.missing_of_some, (client, asked), at);
        match name {
            Some(name) => least(&mut self.missing, (client, asked, name), at),
            None => least(&mut self.missing_of_any, (client, asked), at),
        }
    }

    pub(super) fn miss_any(&mut self, at: Timestamp) {
        self.whole_until = Some(self.whole_until.map_or(at, |until| until.min(at)));
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
        if is_by(self.whole_until.as_ref()) || is_by(self.missing_of_any.get(&(client, of))) {
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
        let mut all = Asides { whole_until: self.whole_until, hints, ..Asides::default() };
        for ((_, asked, name), at) in &self.missing {
            all.miss(client, Some(name.clone()), *asked, *at);
        }
        for ((_, asked), at) in &self.missing_of_any {
            all.miss(client, None, *asked, *at);
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

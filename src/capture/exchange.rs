//! The questions and responses of DNS between two ends: which response a client takes, which of its
//! questions has none, and what it is told beside answers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::evidence::DnsAside;
use crate::evidence::Exchanges;
use crate::evidence::Solicited;
use crate::flow::Fqdn;

use super::moment::Moment;
use super::moment::SECOND;
use super::names::dns::QuestionKey;
use super::names::dns::Response;

/// Questions that wait between two ends. A client asks a few at once from a port, a forwarder more.
const MOST_WAITING: usize = 256;
/// How long a question waits, in nanoseconds.
const PATIENCE: i64 = Exchanges::PATIENCE.as_secs() * SECOND;
/// Questions of which it is remembered that they were answered, and losses that are told one by one.
const MOST_ANSWERED: usize = 8;
const MOST_LOST: usize = 64;
/// What is kept of two ends beside answers; of a forwarder that is asked for long it may be more.
const MOST_ASIDES: usize = 4096;

/// What is known of who says a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Said {
    /// Whether it is the end that was seen first.
    pub(super) by_first: bool,
    /// Whether it came over a connection, which nobody else can speak on.
    pub(super) on_connection: bool,
    pub(super) at: Moment,
}

/// What two ends asked and answered so far.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    waiting: Vec<Waiting>,
    /// Whether the end that was seen first has asked, and whether the other has.
    has_asked: [bool; 2],
    /// Whether questions are no longer known that may still wait.
    has_forgotten: bool,
    /// The questions that were answered last.
    answered: Vec<(bool, QuestionKey)>,
    /// When the last message came.
    last: Moment,
    /// Of most two ends there is nothing else to tell.
    beside: Option<Box<Beside>>,
}

/// What is known beside answers.
#[derive(Debug, Default)]
struct Beside {
    asides: BTreeSet<DnsAside>,
    /// Bytes of the names in those.
    text: usize,
    /// Messages that are missing: of which client and server, and when.
    lost: BTreeSet<(IpAddr, IpAddr, Moment)>,
    /// Since when client and server may have said anything.
    unheard: BTreeMap<(IpAddr, IpAddr), Moment>,
}

/// A question that has no response yet.
#[derive(Debug)]
struct Waiting {
    by_first: bool,
    client: IpAddr,
    server: IpAddr,
    key: QuestionKey,
    at: Moment,
}

impl Exchange {
    /// Takes a question of `client` to `server`.
    pub(super) fn asks(&mut self, key: QuestionKey, client: IpAddr, server: IpAddr, said: Said) {
        let Said { by_first, at, .. } = said;
        if let Some(has_asked) = self.has_asked.get_mut(usize::from(!by_first)) {
            *has_asked = true;
        }
        self.last = self.last.max(at);
        let same = |one: &Waiting| one.by_first == by_first && one.key == key;
        match self.waiting.iter().position(same) {
            // The same again, as no answer came.
            Some(place) if !self.has_waited(place, at) => return,
            Some(place) => {
                let old = self.waiting.remove(place);
                self.unanswered(old);
            }
            None => {}
        }
        if self.waiting.len() >= MOST_WAITING {
            let oldest = self.waiting.remove(0);
            self.has_forgotten = true;
            self.unanswered(oldest);
        }
        self.waiting.push(Waiting { by_first, client, server, key, at });
    }

    /// Takes a response of `server` to `client`, and tells whether the client takes it. `said` is of the
    /// server.
    pub(super) fn answers(
        &mut self,
        response: &Response,
        client: IpAddr,
        server: IpAddr,
        said: Said,
    ) -> Solicited {
        let by_first = !said.by_first;
        self.last = self.last.max(said.at);
        let answered = self
            .waiting
            .iter()
            .position(|one| one.by_first == by_first && one.key == response.question);
        let has_asked = self.has_asked.get(usize::from(!by_first)).copied().unwrap_or(false);
        // Of other questions none is kept.
        let is_kept = response.question.is_about_addresses();
        let is_known = has_asked && !self.has_forgotten && is_kept;
        let solicited = match answered {
            _ if said.on_connection => Solicited::Unsaid,
            Some(_) => Solicited::Yes,
            None if self.has_answered(by_first, &response.question) => Solicited::Again,
            None if is_known => Solicited::No,
            None => Solicited::Unrecorded,
        };
        if matches!(solicited, Solicited::No | Solicited::Again) {
            return solicited;
        }
        if let Some(place) = answered {
            let Waiting { key, .. } = self.waiting.remove(place);
            if self.answered.len() >= MOST_ANSWERED {
                self.answered.remove(0);
            }
            // Of most two ends there are one or two, of very many.
            self.answered.reserve_exact(1);
            self.answered.push((by_first, key));
            if self.waiting.is_empty() {
                self.waiting = Vec::new();
            }
        }
        let is_unasked = is_kept && solicited == Solicited::Unrecorded;
        let unasked = is_unasked.then(|| said.at.timestamp());
        for (name, address) in &response.hints {
            let (name, address) = (name.clone(), *address);
            let aside = DnsAside::Hint { client, server, name, address, unasked };
            self.keep(aside, client, server, said.at);
        }
        if !response.is_whole {
            let key = response.question.clone();
            self.unanswered(Waiting { by_first, client, server, key, at: said.at });
        }
        solicited
    }

    /// Whether a question has waited for so long that whoever asked has given up.
    fn has_waited(&self, place: usize, at: Moment) -> bool {
        self.waiting.get(place).is_some_and(|one| at.since(one.at) > PATIENCE)
    }

    fn has_answered(&self, by_first: bool, question: &QuestionKey) -> bool {
        self.answered.iter().any(|(by, key)| *by == by_first && key == question)
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        let waiting = self.waiting.iter().map(|one| one.key.name.as_str().len());
        let answered = self.answered.iter().map(|(_, key)| key.name.as_str().len());
        size_of::<Waiting>() * self.waiting.capacity()
            + size_of::<(bool, QuestionKey)>() * self.answered.capacity()
            + waiting.chain(answered).sum::<usize>()
            + self
                .beside
                .as_ref()
                .map_or(0, |beside| size_of::<DnsAside>() * beside.asides.len() + beside.text)
    }

    /// What there is to tell beside answers, once the two ends have ended.
    pub(super) fn finish(mut self) -> BTreeSet<DnsAside> {
        for waiting in std::mem::take(&mut self.waiting) {
            self.unanswered(waiting);
        }
        let Some(beside) = self.beside else { return BTreeSet::new() };
        let Beside { mut asides, lost, unheard, .. } = *beside;
        for (client, server, at) in lost {
            asides.insert(unanswered(client, server, None, at));
        }
        for ((client, server), since) in unheard {
            let since = since.timestamp();
            asides.insert(DnsAside::Unheard { client, server, since });
        }
        asides
    }

    fn unanswered(&mut self, Waiting { client, server, key, at, .. }: Waiting) {
        self.keep(unanswered(client, server, Some(key), at), client, server, at);
    }

    fn keep(&mut self, aside: DnsAside, client: IpAddr, server: IpAddr, at: Moment) {
        let Beside { asides, text, .. } = &mut **self.beside.get_or_insert_default();
        if asides.len() < MOST_ASIDES {
            let length = aside.name().map_or(0, |name| name.as_str().len());
            if asides.insert(aside) {
                *text += length;
            }
        } else if !asides.contains(&aside) {
            self.hears_no_more(client, server, at);
        }
    }

    /// Notes that `client` may have asked `server` and been told anything since the last message, of which
    /// something is missing at `at`.
    pub(super) fn loses(&mut self, client: IpAddr, server: IpAddr, at: Moment) {
        let at = if self.last == Moment::EPOCH { at } else { self.last.min(at) };
        let lost = &mut self.beside.get_or_insert_default().lost;
        if lost.len() < MOST_LOST {
            lost.insert((client, server, at));
        } else {
            self.hears_no_more(client, server, at);
        }
    }

    /// Notes that `client` may ask `server` and be told anything from `since` on.
    pub(super) fn hears_no_more(&mut self, client: IpAddr, server: IpAddr, since: Moment) {
        let unheard = &mut self.beside.get_or_insert_default().unheard;
        let known = unheard.entry((client, server)).or_insert(since);
        *known = since.min(*known);
    }
}

fn unanswered(client: IpAddr, server: IpAddr, key: Option<QuestionKey>, at: Moment) -> DnsAside {
    let asked = key.as_ref().and_then(QuestionKey::asked);
    let name: Option<Fqdn> = key.map(|key| key.name);
    DnsAside::Unanswered { client, server, name, asked, at: at.timestamp() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::names::dns;
    use crate::evidence::RecordType;
    use crate::evidence::ResponseCode;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 4));
    const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 53));

    fn key(id: u16, name: &str) -> QuestionKey {
        let mut bytes = id.to_be_bytes().to_vec();
        bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.as_bytes());
        }
        bytes.extend([0, 0, 1, 0, 1]);
        dns::query(&bytes).unwrap()
    }

    fn response(id: u16, name: &str) -> Response {
        let (question, code) = (key(id, name), ResponseCode::NO_ERROR);
        Response { question, code, records: Vec::new(), hints: Vec::new(), is_whole: true }
    }

    fn said(by_first: bool) -> Said {
        Said { by_first, on_connection: false, at: Moment::EPOCH }
    }

    fn unanswered_name(aside: &DnsAside) -> Option<String> {
        match aside {
            DnsAside::Unanswered { client, name, asked, .. } => {
                assert_eq!(*client, CLIENT);
                assert_eq!(asked.is_some(), name.is_some());
                assert!(asked.is_none_or(|asked| asked == RecordType::A));
                name.as_ref().map(Fqdn::to_string)
            }
            DnsAside::Unheard { client, .. } => {
                assert_eq!(*client, CLIENT);
                None
            }
            DnsAside::Hint { .. } => panic!("{aside:?}"),
        }
    }

    #[test]
    fn a_response_is_taken_once_and_by_whoever_asked() {
        let mut exchange = Exchange::default();
        assert_eq!(
            exchange.answers(&response(1, "a.example"), CLIENT, SERVER, said(false)),
            Solicited::Unrecorded
        );
        exchange.asks(key(1, "a.example"), CLIENT, SERVER, said(true));
        // Asked again before it was answered, it is one question.
        exchange.asks(key(1, "a.example"), CLIENT, SERVER, said(true));
        for (response, by_first, expected) in [
            (response(2, "a.example"), false, Solicited::No),
            (response(1, "b.example"), false, Solicited::No),
            // The other end has asked nothing yet.
            (response(1, "a.example"), true, Solicited::Unrecorded),
            (response(1, "a.example"), false, Solicited::Yes),
            (response(1, "a.example"), false, Solicited::Again),
        ] {
            assert_eq!(
                exchange.answers(&response, CLIENT, SERVER, said(by_first)),
                expected,
                "{response:?}"
            );
        }
        assert_eq!(exchange.finish(), BTreeSet::new());
    }

    #[test]
    fn what_is_asked_too_often_to_be_kept_leaves_all_open() {
        let mut exchange = Exchange::default();
        let ask = |exchange: &mut Exchange, number: usize| {
            exchange.asks(key(7, &format!("n{number}.example")), CLIENT, SERVER, said(true));
        };
        (0..=MOST_WAITING).for_each(|number| ask(&mut exchange, number));
        // The first may still wait, though it is forgotten.
        let late = response(7, "n0.example");
        assert_eq!(exchange.answers(&late, CLIENT, SERVER, said(false)), Solicited::Unrecorded);
        let kept = response(7, "n1.example");
        assert_eq!(exchange.answers(&kept, CLIENT, SERVER, said(false)), Solicited::Yes);
        (MOST_WAITING..2 * MOST_ASIDES).for_each(|number| ask(&mut exchange, number));
        let asides = exchange.finish();
        assert_eq!(asides.len(), MOST_ASIDES + 1);
        assert_eq!(asides.iter().filter(|one| unanswered_name(one).is_none()).count(), 1);
    }

    #[test]
    fn on_a_connection_every_response_counts() {
        let mut exchange = Exchange::default();
        let on = |by_first| Said { on_connection: true, ..said(by_first) };
        exchange.asks(key(1, "a.example"), CLIENT, SERVER, on(true));
        exchange.asks(key(2, "b.example"), CLIENT, SERVER, on(true));
        for id in [1, 9] {
            let response = response(id, "a.example");
            assert_eq!(exchange.answers(&response, CLIENT, SERVER, on(false)), Solicited::Unsaid);
        }
        let asides: Vec<_> = exchange.finish().iter().map(unanswered_name).collect();
        assert_eq!(asides, [Some("b.example".to_owned())]);
    }
}

//! Which responses of DNS count as told, and of which names answers are missing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::SignedDuration;
use jiff::Timestamp;

use super::answer::DnsAnswer;
use super::answer::DnsAside;
use super::answer::RecordType;
use super::answer::Solicited;
use super::timeline::DnsTimeline;
use crate::flow::Fqdn;

/// Pairs of client and server whose questions are known to be recorded, and questions without an
/// answer: some 10 MB.
const MOST_KEPT: usize = 1 << 16;

/// Questions without an answer for which room is made at a time.
const AT_A_TIME: usize = 1 << 12;

/// What was asked and answered in a recording, as it is read: first its answers in their order, and
/// with each flow that ends what was seen in it beside answers.
///
/// A client takes the first response to a question of its own (RFC 5452 §9.1). A response to a question
/// that was not asked was forged, or is late, and says nothing of what the client holds, nor of what the
/// server does.
#[derive(Clone, Debug, Default)]
pub struct Exchanges {
    /// Since when questions of a client to a server are recorded.
    asked_since: BTreeMap<(IpAddr, IpAddr), Timestamp>,
    unanswered: Vec<Unanswered>,
    /// Since when not all questions of a client to a server are kept that have no answer.
    unheard: BTreeMap<(IpAddr, IpAddr), Timestamp>,
    /// The same of any.
    whole_until: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Unanswered {
    client: IpAddr,
    server: IpAddr,
    name: Option<Fqdn>,
    asked: Option<RecordType>,
    at: Timestamp,
    /// Whether a response was seen, and not believed.
    is_refused: bool,
}

impl Unanswered {
    /// Notes in `timeline` for whom an answer is missing.
    fn note(&self, timeline: &mut DnsTimeline) {
        let Unanswered { client, server, ref name, asked, at, is_refused } = *self;
        let until = at.checked_add(Exchanges::PATIENCE).unwrap_or(Timestamp::MAX);
        // A question that was answered when it was repeated, or by another server, leaves nothing out
        // that the client was told, once it was.
        let is_answered = name
            .as_ref()
            .zip(asked)
            .is_some_and(|(name, asked)| timeline.has_answer(client, name, asked, at, until));
        if !is_answered && !is_refused {
            timeline.lack(client, name.as_ref(), asked, at);
        }
        timeline.miss(client, name.as_ref(), asked, at);
        timeline.miss_of(server, name.as_ref(), asked, at);
    }
}

impl Exchanges {
    /// How long a question waits for its answer, and its repetitions for theirs. Resolvers ask again after
    /// some seconds and give up within half a minute.
    pub const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

    /// Whether the client of `answer` takes it. Answers are to be given in the order of the recording.
    ///
    /// One without a recorded question counts, as the recording may have begun behind it, or have one
    /// direction only; unless the questions of that client to that server were recorded for longer than
    /// a question waits.
    pub fn takes(&mut self, answer: &DnsAnswer) -> bool {
        let pair = (answer.client, answer.server);
        match answer.solicited {
            Solicited::Unsaid => true,
            Solicited::Yes => {
                if self.asked_since.len() < MOST_KEPT || self.asked_since.contains_key(&pair) {
                    self.asked_since.entry(pair).or_insert(answer.at);
                }
                true
            }
            Solicited::No | Solicited::Again => false,
            Solicited::Unrecorded => self.may_be_asked(pair, answer.at),
        }
    }

    /// Whether the question of a response at `at` may have been asked before questions were recorded.
    fn may_be_asked(&self, pair: (IpAddr, IpAddr), at: Timestamp) -> bool {
        self.asked_since
            .get(&pair)
            .is_none_or(|since| at.duration_since(*since) <= Exchanges::PATIENCE)
    }

    /// Takes what was seen beside answers, of `client` if it is given, whoever it was.
    pub fn beside(&mut self, aside: DnsAside, client: Option<IpAddr>, timeline: &mut DnsTimeline) {
        match aside {
            DnsAside::Hint { client: own, server, name, address, unasked } => {
                if unasked.is_none_or(|at| self.may_be_asked((own, server), at)) {
                    timeline.hint(client.unwrap_or(own), &name, address);
                }
            }
            DnsAside::Unheard { client: own, server, since } => {
                timeline.hear_no_more(client.unwrap_or(own), server, since);
            }
            DnsAside::Unanswered { client: own, server, name, asked, at } => {
                let client = client.unwrap_or(own);
                self.keep(Unanswered { client, server, name, asked, at, is_refused: false });
            }
        }
    }

    /// Notes a response that its client did not take, as far as is known, or `client` in its place, and
    /// tells whether it says more than `timeline` has. Its question may be one that is not recorded; then
    /// it is not known what the client was told of the name.
    pub fn refuse(&mut self, answer: &DnsAnswer, client: IpAddr, timeline: &DnsTimeline) -> bool {
        let DnsAnswer { server, asked, at, .. } = *answer;
        let name = &answer.question;
        // Routers and switches repeat packets.
        let is_repeated =
            answer.addresses().all(|address| timeline.has_told_of(client, name, address));
        let has_addresses = answer.addresses().next().is_some();
        // What came second was not taken, whatever it says.
        let is_second = answer.solicited == Solicited::Again;
        if !(is_second || is_repeated && has_addresses) {
            let (name, asked) = (Some(name.clone()), Some(asked));
            self.keep(Unanswered { client, server, name, asked, at, is_refused: true });
        }
        !is_repeated
    }

    fn keep(&mut self, unanswered: Unanswered) {
        if self.unanswered.len() < MOST_KEPT {
            if self.unanswered.len() == self.unanswered.capacity() {
                self.unanswered.reserve_exact(AT_A_TIME);
            }
            self.unanswered.push(unanswered);
            return;
        }
        let Unanswered { client, server, at, .. } = unanswered;
        let pair = (client, server);
        if self.unheard.len() < MOST_KEPT || self.unheard.contains_key(&pair) {
            let since = self.unheard.entry(pair).or_insert(at);
            *since = at.min(*since);
        } else {
            self.whole_until = Some(self.whole_until.map_or(at, |until| until.min(at)));
        }
    }

    /// Tells `timeline`, which has all answers by now, of which names answers are missing.
    pub fn finish(mut self, timeline: &mut DnsTimeline) {
        self.unanswered.sort_by_key(|unanswered| unanswered.at);
        for unanswered in &self.unanswered {
            unanswered.note(timeline);
        }
        for ((client, server), since) in self.unheard {
            timeline.hear_no_more(client, server, since);
        }
        if let Some(until) = self.whole_until {
            timeline.miss_any(until);
        }
    }
}

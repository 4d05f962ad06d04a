//! The three-valued judgement of what was seen, exact over everything that was not.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::assumptions::Assumptions;
use super::assumptions::HTTPS_DESTINATION;
use super::decide::Looked;
use super::decide::Simulator;
use super::decision::Decision;
use super::decision::Field;
use super::decision::Missing;
use super::decision::Note;
use super::decision::Peer;
use super::decision::Reason;
use super::decision::Verdict;
use super::environment::Answer;
use super::environment::Environment;
use super::explore::differ_in;
use super::explore::explore;
use super::fewest::MAX_COMPARED;
use super::fewest::differing;
use super::fewest::fewest;
use super::inquiry::Inquiry;
use super::kinds::Kinds;
use super::kinds::Member;
use super::kinds::are_known_alike;
use super::kinds::renamed;
use super::representatives::payload_kinds;
use crate::azure::RuleRef;
use crate::flow::Atom;
use crate::flow::Host;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::SeenPayload;

/// The most combinations of unknown facts that are tried for one observation. The walk branches
/// only at a rule that may match, so real policies stay far below; without a limit, a policy of
/// unknown tags could hold up a replay for ever.
pub const MAX_READINGS: usize = 4096;

/// One combination of what is not known, and the decision that follows from it.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The payload.
    pub payload: Payload,
    /// What is taken to hold or not to hold.
    pub given: BTreeMap<Arc<Atom>, bool>,
    /// The decision.
    pub decision: Decision,
    /// How many more names are decided in the same way as the one of the payload: no rule tells
    /// them apart, and nothing is known of one that is not known of the others.
    pub alike: usize,
}

/// All readings of an observation.
#[derive(Default)]
struct Readings<'s> {
    list: Vec<Reading>,
    /// The rules that decide names like those of the readings.
    rules: Vec<RuleRef<'s>>,
    assumptions: BTreeSet<&'static str>,
    is_cut: bool,
}

impl Simulator<'_> {
    /// Judges what was seen of a flow. The verdict is `Undetermined` where flows and environments
    /// that fit what is known are decided differently, and `missing` then names the fewest facts
    /// that would settle it.
    pub fn judge(&self, observation: &Observation, environment: &Environment<'_>) -> Decision {
        let proxies = self.dns_proxies(environment.assumptions);
        let mut known = |atom: &Atom| environment.answer(atom, &proxies);
        self.judge_with(observation, environment.assumptions, &mut known)
    }

    /// [`Simulator::judge`] over an environment that `known` answers for. `assumptions` are those
    /// that the report prints.
    pub fn judge_with(
        &self,
        observation: &Observation,
        assumptions: &Assumptions,
        known: &mut dyn FnMut(&Atom) -> Answer,
    ) -> Decision {
        let readings = self.every_reading(observation, known);
        let mut decision = summarise(&readings, &observation.payload);
        decision.assumptions =
            readings.assumptions.iter().filter_map(|key| assumptions.show(key)).collect();
        decision.peer = match decision.peer {
            Peer::AnswerOrDestination(host) => match assumptions.reading(HTTPS_DESTINATION) {
                Some(false) => Peer::Answer(host),
                Some(true) => Peer::Destination,
                None => Peer::AnswerOrDestination(host),
            },
            settled @ (Peer::Nobody | Peer::Destination | Peer::Address(_) | Peer::Answer(_)) => {
                settled
            }
        };
        decision
    }

    /// Each combination of what is not known, with its decision, at most [`MAX_READINGS`]: what
    /// `explain` shows where they differ.
    pub fn readings(
        &self,
        observation: &Observation,
        environment: &Environment<'_>,
    ) -> Vec<Reading> {
        let proxies = self.dns_proxies(environment.assumptions);
        self.every_reading(observation, &mut |atom| environment.answer(atom, &proxies)).list
    }

    /// The DNS proxy of each firewall, under `assumptions`.
    pub fn dns_proxies(&self, assumptions: &Assumptions) -> Vec<Option<IpAddr>> {
        let mut oracle = |atom: &Atom| match atom {
            Atom::Reading { setting } => assumptions.reading(setting) == Some(true),
            _ => false,
        };
        let mut inquiry = Inquiry::new(&mut oracle);
        let mut proxy = |enforced: &super::policy::Enforced<'_>| {
            let address = enforced.firewall.map(|firewall| firewall.private_address);
            address.filter(|_| enforced.has_dns_proxy(&mut inquiry))
        };
        self.firewalls.values().map(&mut proxy).collect()
    }

    fn every_reading(
        &self,
        observation: &Observation,
        known: &mut dyn FnMut(&Atom) -> Answer,
    ) -> Readings<'_> {
        let mut all = Readings::default();
        if let SeenPayload::Exactly(payload) = &observation.payload {
            self.add_payload(observation, payload, known, &mut all);
            return all;
        }
        // Where the payload is never looked at, any will do.
        let looked = self.add_readings(observation, &Payload::Other, known, &mut all);
        if !looked.payload {
            return all;
        }
        all = Readings::default();
        let kinds = self.kinds(observation, known);
        for kind in &kinds.all {
            self.add_kind(observation, &kinds, kind, known, &mut all);
        }
        for host in [Some(Host::Address(observation.destination)), None] {
            for payload in self.payloads(observation, host.as_ref()) {
                self.add_payload(observation, &payload, known, &mut all);
            }
        }
        let kinds = payload_kinds(observation);
        all.list
            .sort_by_key(|reading| kinds.iter().position(|kind| *kind == reading.payload.kind()));
        all
    }

    /// Adds the readings of one name for all of a kind, again for those of which the environment
    /// knows something else.
    fn add_kind<'s>(
        &self,
        observation: &Observation,
        kinds: &Kinds<'s>,
        kind: &[Member],
        known: &mut dyn FnMut(&Atom) -> Answer,
        all: &mut Readings<'s>,
    ) {
        let mut left: Vec<&Member> = kind.iter().collect();
        while let Some(name) = left.first().map(|first| first.name.clone())
            && !all.is_cut
        {
            let before = all.list.len();
            let mut asked: BTreeMap<Atom, Answer> = BTreeMap::new();
            let mut ask = |atom: &Atom| {
                let answer = known(atom);
                if renamed(atom, &name, &name).is_some() {
                    asked.insert(atom.clone(), answer);
                }
                answer
            };
            for payload in self.payloads(observation, Some(&Host::Name(name.clone()))) {
                self.add_payload(observation, &payload, &mut ask, all);
            }
            let is_alike =
                |member: &&Member| are_known_alike(&name, &member.name, &asked, &mut *known);
            let (same, others): (Vec<&Member>, Vec<&Member>) = left.into_iter().partition(is_alike);
            let readings = all.list.get_mut(before..).unwrap_or_default();
            for reading in &mut *readings {
                reading.alike = same.len().saturating_sub(1);
            }
            let decided = readings.iter().filter_map(|reading| reading.decision.rule.as_ref());
            all.rules.extend(kinds.rules(&same, decided));
            left = others;
        }
    }

    /// Adds the readings of `payload`; where the request inside TLS was not seen and is looked at,
    /// of each that it may be.
    fn add_payload(
        &self,
        observation: &Observation,
        payload: &Payload,
        known: &mut dyn FnMut(&Atom) -> Answer,
        all: &mut Readings<'_>,
    ) {
        if all.is_cut {
            return;
        }
        let before = all.list.len();
        let looked = self.add_readings(observation, payload, known, all);
        if !looked.unseen_request {
            return;
        }
        let Payload::Tls { name: Some(name), .. } = payload else { return };
        all.list.truncate(before);
        for request in self.inner_requests(name, observation) {
            let (name, inner) = (Some(name.clone()), Some(request));
            self.add_readings(observation, &Payload::Tls { name, inner }, known, all);
        }
        for reading in all.list.iter_mut().skip(before) {
            reading.decision.notes.insert(Note::InnerTakenFromSni);
        }
    }

    fn add_readings(
        &self,
        observation: &Observation,
        payload: &Payload,
        known: &mut dyn FnMut(&Atom) -> Answer,
        all: &mut Readings<'_>,
    ) -> Looked {
        let flow = observation.with_payload(payload.clone());
        let left = MAX_READINGS.saturating_sub(all.list.len());
        let explored = explore(left, known, |oracle| self.decide_and_look(&flow, oracle));
        let mut looked = Looked::default();
        all.is_cut |= explored.is_cut;
        all.assumptions.extend(explored.assumptions);
        for branch in explored.branches {
            let (decision, at) = branch.outcome;
            looked.payload |= at.payload;
            looked.unseen_request |= at.unseen_request;
            let payload = payload.clone();
            all.list.push(Reading { payload, given: branch.path, decision, alike: 0 });
        }
        looked
    }
}

/// The reading whose way and reason a decision tells. A bare handshake speaks for a flow of which
/// more is not known only if nothing else can.
pub fn shown(readings: &[Reading]) -> Option<&Reading> {
    let speaks = |reading: &&Reading| reading.payload != Payload::Silent;
    readings.iter().find(speaks).or_else(|| readings.first())
}

/// One decision for all readings.
fn summarise(readings: &Readings<'_>, seen: &SeenPayload) -> Decision {
    let list = &readings.list;
    let Some(first) = shown(list) else { return undecided() };
    let mut decision = first.decision.clone();
    for reading in list {
        decision.notes.extend(reading.decision.notes.iter().cloned());
    }
    let own = list.iter().map(|reading| reading.decision.rule.as_ref().map(RuleRef::from));
    let rules = own.chain(readings.rules.iter().copied().map(Some));
    let rule = first.decision.rule.as_ref().map(RuleRef::from);
    if rules.clone().any(|other| other != rule) {
        decision.rule = None;
    }
    if list.iter().any(|reading| reading.decision.peer != decision.peer) {
        decision.peer = Peer::Destination;
    }
    if readings.is_cut {
        decision.verdict = Verdict::Undetermined;
        decision.reason = Reason::EvidenceMissing;
        decision.missing = vec![Missing::TooManyUnknowns];
        return decision;
    }
    if list.iter().all(|reading| reading.decision.verdict == decision.verdict) {
        let different: BTreeSet<RuleRef<'_>> = rules.flatten().collect();
        if decision.rule.is_none() && different.len() > 1 {
            let different = different.into_iter().map(RuleRef::to_id).collect();
            decision.notes.insert(Note::DecidedBy(different));
        }
        return decision;
    }
    decision.verdict = Verdict::Undetermined;
    decision.reason = Reason::EvidenceMissing;
    decision.missing = missing(list, seen);
    decision
}

fn undecided() -> Decision {
    Decision {
        verdict: Verdict::Undetermined,
        reason: Reason::EvidenceMissing,
        rule: None,
        route: None,
        trace: Vec::new(),
        missing: vec![Missing::TooManyUnknowns],
        assumptions: Vec::new(),
        notes: BTreeSet::new(),
        peer: Peer::Nobody,
    }
}

/// The fewest facts that settle the verdict.
fn missing(readings: &[Reading], seen: &SeenPayload) -> Vec<Missing> {
    let fields: &[Field] = match seen {
        SeenPayload::Unknown | SeenPayload::Unread(None) => &[Field::Name, Field::Payload],
        SeenPayload::Kind(_) | SeenPayload::Unread(Some(_)) => &[Field::Name],
        SeenPayload::Exactly(_) => &[Field::Inner],
    };
    let payloads: BTreeSet<&Payload> = readings.iter().map(|reading| &reading.payload).collect();
    let fields = fields.iter().filter(|_| payloads.len() > 1).map(|field| Missing::Field(*field));
    let given = readings.iter().flat_map(|reading| reading.given.keys());
    let is_exact = matches!(seen, SeenPayload::Exactly(_));
    let given = given.map(|atom| &**atom);
    let atoms: BTreeSet<&Atom> = given.filter(|atom| is_exact || !is_about_a_name(atom)).collect();
    let items: Vec<Missing> = fields.chain(atoms.into_iter().cloned().map(Missing::Atom)).collect();
    if readings.len() > MAX_COMPARED {
        return items;
    }
    let pairs = differing(readings, |a, b| a.decision.verdict != b.decision.verdict);
    fewest(&items, pairs, |item, a, b| tells_apart(item, a, b, seen))
}

/// Whether the atom speaks of what a client said. Where that was not seen, the names in such atoms
/// only stand for others, and the field comes first.
pub(super) fn is_about_a_name(atom: &Atom) -> bool {
    match atom {
        Atom::InFqdnTag { .. }
        | Atom::InWebCategory { .. }
        | Atom::Infrastructure { .. }
        | Atom::Resolvable { .. }
        | Atom::ThreatListed { indicator: Host::Name(_) } => true,
        Atom::ThreatListed { indicator: Host::Address(_) }
        | Atom::InServiceTag { .. }
        | Atom::TagPrefixLonger { .. }
        | Atom::FirewallAnswer { .. }
        | Atom::ApplicationDestination { .. }
        | Atom::PrecededBy { .. }
        | Atom::Reading { .. }
        | Atom::Named { .. }
        | Atom::Request { .. }
        | Atom::ClientAnswer { .. } => false,
    }
}

/// Whether knowing `item` excludes that both readings are possible.
fn tells_apart(item: &Missing, a: &Reading, b: &Reading, seen: &SeenPayload) -> bool {
    match item {
        Missing::Field(Field::Name) => match seen {
            SeenPayload::Unknown | SeenPayload::Unread(None) => {
                a.payload.wire_name() != b.payload.wire_name()
            }
            // Of a known kind, the name stands for all that the client said.
            SeenPayload::Kind(_) | SeenPayload::Unread(Some(_)) | SeenPayload::Exactly(_) => {
                a.payload != b.payload
            }
        },
        Missing::Field(Field::Payload | Field::Inner) => a.payload != b.payload,
        Missing::Field(Field::Source) | Missing::TooManyUnknowns => false,
        Missing::Atom(atom) => differ_in(atom, &a.given, &b.given),
    }
}

//! What is known of all flows of a replay together. Flows are counted one by one and forgotten;
//! those that a report shows are given again by whoever has them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::HashMap;

use super::Again;
use super::ReplayedFlow;
use super::Tally;
use super::consistency::Unfitting;
use super::cure::Cause;
use super::cure::cause;
use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::flow::Recorded;
use crate::simulate::Agreement;
use crate::simulate::Inconsistency;
use crate::simulate::Outcome;
use crate::simulate::Reason;
use crate::simulate::Settled;
use crate::simulate::Verdict;
use crate::simulate::assumptions::Assumption;

/// The most causes that objections are grouped by. Nobody reads more, and a capture is a stranger's
/// text, which could make up a cause for each flow.
pub(super) const MOST_CAUSES: usize = 10_000;
/// The most flows that are known again of each group, and of each rule: those that a change is tried
/// on.
pub(super) const MOST_KNOWN: usize = 10_000;
/// The most sources outside the declared subnets that are told apart.
const MOST_SOURCES: usize = 1 << 16;
/// The most judgements whose flows are counted by themselves before they are added up.
const MOST_ALIKE: usize = 1 << 13;

/// By what a flow is found again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position(pub u64);

/// A judged flow, as far as it is counted.
#[derive(Clone, Debug)]
pub struct Counted<'a> {
    /// By what the flow is found again.
    pub position: Position,
    /// Its judgement.
    pub settled: Arc<Settled<'a>>,
    /// The initiator as recorded.
    pub source: IpAddr,
    /// The responder that was judged.
    pub destination: IpAddr,
    /// Datagrams; `None` where a log does not count them.
    pub packets: Option<u64>,
    /// IP bytes; `None` where a log does not count them.
    pub bytes: Option<u64>,
    /// Whether the other end, or the firewall in its name, answered the handshake.
    pub answered: bool,
    /// What the log says became of it.
    pub recorded: Option<Arc<Recorded>>,
    /// What does not fit together, in the order of its kinds.
    pub inconsistencies: Vec<Inconsistency>,
}

/// The first flows of several, and how many there are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Positions {
    /// How many flows there are.
    pub number: u64,
    /// The first of them.
    pub first: Vec<Position>,
}

impl Positions {
    pub(super) fn add(&mut self, position: Position, most: usize) {
        self.number += 1;
        if self.first.len() < most {
            self.first.push(position);
        }
    }

    /// The first flows themselves, at most so many.
    pub(super) fn flows<E>(
        &self,
        most: usize,
        again: &mut Again<'_, E>,
    ) -> Result<Vec<ReplayedFlow>, E> {
        self.first.iter().take(most).map(|at| again(*at)).collect()
    }

    /// Whether `first` is all of them.
    pub fn is_all(&self) -> bool {
        self.number == self.first.len() as u64
    }
}

/// Objections with one cause.
#[derive(Clone, Debug)]
pub(super) struct Grouped {
    pub(super) outcome: Outcome,
    pub(super) flows: Positions,
    /// The first flow whose handshake was answered.
    pub(super) answered: Option<Position>,
}

/// The flows that one rule decided.
#[derive(Clone, Debug, Default)]
pub(super) struct OfRule {
    /// Those that the list permits.
    pub(super) permitted: Positions,
    /// Those that are no objection.
    pub(super) kept: Positions,
}

/// How many flows a log tells the fate of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct RecordedTally {
    pub(super) flows: u64,
    pub(super) agree: u64,
    pub(super) disagree: u64,
    pub(super) not_compared: u64,
}

/// The flows from sources outside the declared subnets.
#[derive(Clone, Debug, Default)]
pub(super) struct Undeclared {
    pub(super) flows: u64,
    /// The sources, the lowest of them where there are too many.
    pub(super) sources: BTreeSet<IpAddr>,
    /// Whether there are more.
    pub(super) has_more: bool,
}

impl Undeclared {
    fn add(&mut self, source: IpAddr) {
        self.flows += 1;
        self.sources.insert(source);
        if self.sources.len() > MOST_SOURCES {
            self.sources.pop_last();
            self.has_more = true;
        }
    }
}

/// All flows of a replay together.
#[derive(Debug)]
pub struct Totals<'a> {
    deployment: &'a Deployment,
    accepted: &'a [Outcome],
    /// By where a judgement lies: the flows with that judgement.
    alike: HashMap<usize, Alike<'a>>,
    pub(super) all: Tally,
    pub(super) objections: u64,
    /// By box, and whether it was accepted.
    pub(super) boxes: BTreeMap<(Outcome, bool), Tally>,
    pub(super) verdicts: BTreeMap<Verdict, Tally>,
    pub(super) permissions: BTreeMap<String, Tally>,
    pub(super) rules: BTreeMap<String, Tally>,
    /// Why flows were not judged.
    pub(super) reasons: BTreeMap<Reason, u64>,
    /// The assumptions that something depended on.
    pub(super) assumptions: BTreeSet<Assumption>,
    pub(super) undeclared: Undeclared,
    pub(super) recorded: RecordedTally,
    pub(super) disagreements: BTreeMap<Agreement, (Tally, Positions)>,
    pub(super) unfitting: Unfitting,
    causes: BTreeMap<(Outcome, Cause), usize>,
    /// In the order in which the causes first showed.
    pub(super) groups: Vec<Grouped>,
    /// Objections whose causes are beyond [`MOST_CAUSES`].
    pub(super) ungrouped: u64,
    rule_numbers: BTreeMap<RuleId, usize>,
    of_rules: Vec<OfRule>,
}

/// Flows with one judgement.
#[derive(Debug)]
struct Alike<'a> {
    /// Held, so that no other comes to lie at its place.
    settled: Arc<Settled<'a>>,
    tally: Tally,
    is_objection: bool,
    /// The number of the rule that decided.
    rule: Option<usize>,
    /// The number of the group; `None` where each flow has a cause of its own.
    group: Option<usize>,
}

/// The group of the objections beyond [`MOST_CAUSES`].
const UNGROUPED: usize = usize::MAX;

impl<'a> Totals<'a> {
    /// No flows yet. Those in the boxes `accepted` are no objections; `deployment` is what is judged.
    pub fn new(deployment: &'a Deployment, accepted: &'a [Outcome]) -> Self {
        Totals {
            deployment,
            accepted,
            alike: HashMap::default(),
            all: Tally::default(),
            objections: 0,
            boxes: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            permissions: BTreeMap::new(),
            rules: BTreeMap::new(),
            reasons: BTreeMap::new(),
            assumptions: BTreeSet::new(),
            undeclared: Undeclared::default(),
            recorded: RecordedTally::default(),
            disagreements: BTreeMap::new(),
            unfitting: Unfitting::default(),
            causes: BTreeMap::new(),
            groups: Vec::new(),
            ungrouped: 0,
            rule_numbers: BTreeMap::new(),
            of_rules: Vec::new(),
        }
    }

    /// Counts a flow. Reports name flows in the order in which they are counted.
    pub fn add(&mut self, flow: &Counted<'a>) {
        let place = Arc::as_ptr(&flow.settled).addr();
        if !self.alike.contains_key(&place) {
            if self.alike.len() >= MOST_ALIKE {
                self.add_up();
            }
            let alike = self.alike_of(&flow.settled);
            self.alike.insert(place, alike);
        }
        let Some(alike) = self.alike.get_mut(&place) else { return };
        alike.tally.add(flow.packets, flow.bytes);
        let (is_objection, rule, group) = (alike.is_objection, alike.rule, alike.group);
        if let Some(of_rule) = rule.and_then(|rule| self.of_rules.get_mut(rule)) {
            let judged = flow.settled.replayed.judged.as_ref();
            if judged.is_some_and(|judged| judged.permitted == Some(true)) {
                of_rule.permitted.add(flow.position, MOST_KNOWN);
            }
            if !is_objection {
                of_rule.kept.add(flow.position, MOST_KNOWN);
            }
        }
        if is_objection {
            let group = group.unwrap_or_else(|| self.group_of(&flow.settled, flow.destination));
            match self.groups.get_mut(group) {
                Some(group) => {
                    group.flows.add(flow.position, MOST_KNOWN);
                    group.answered = group.answered.or(flow.answered.then_some(flow.position));
                }
                None => self.ungrouped += 1,
            }
        }
        if flow.settled.replayed.decision.reason == Reason::SourceUndeclared {
            self.undeclared.add(flow.source);
        }
        if let Some(recorded) = &flow.recorded {
            self.compare(flow, recorded);
        }
        self.unfitting.add(flow);
    }

    /// To be called after the last flow.
    pub fn finish(&mut self) {
        self.add_up();
    }

    /// Whether some flow stops a pipeline.
    pub fn has_objections(&self) -> bool {
        self.objections > 0
    }

    pub(super) fn of_rule(&self, id: &RuleId) -> Option<&OfRule> {
        self.of_rules.get(*self.rule_numbers.get(id)?)
    }

    fn alike_of(&mut self, settled: &Arc<Settled<'a>>) -> Alike<'a> {
        let outcome = settled.replayed.outcome;
        let is_objection = settled.is_objection(self.accepted);
        let rule = settled.replayed.decision.rule.as_ref().map(|id| {
            let number = *self.rule_numbers.entry(id.clone()).or_insert(self.of_rules.len());
            if number == self.of_rules.len() {
                self.of_rules.push(OfRule::default());
            }
            number
        });
        let has_one_cause = !settled.tells_of_destination();
        let group = (is_objection && has_one_cause)
            .then(|| self.group_by(outcome, cause(settled, &settled.replayed.decision)));
        Alike { settled: Arc::clone(settled), tally: Tally::default(), is_objection, rule, group }
    }

    fn group_of(&mut self, settled: &Settled<'_>, destination: IpAddr) -> usize {
        let cause = cause(settled, &settled.decision(destination));
        self.group_by(settled.replayed.outcome, cause)
    }

    fn group_by(&mut self, outcome: Outcome, cause: Cause) -> usize {
        let key = (outcome, cause);
        if let Some(known) = self.causes.get(&key) {
            return *known;
        }
        if self.groups.len() >= MOST_CAUSES {
            return UNGROUPED;
        }
        let number = self.groups.len();
        self.groups.push(Grouped { outcome, flows: Positions::default(), answered: None });
        self.causes.insert(key, number);
        number
    }

    fn compare(&mut self, flow: &Counted<'_>, recorded: &Recorded) {
        self.recorded.flows += 1;
        let decision = &flow.settled.replayed.decision;
        let agreement = Agreement::of(recorded, decision, self.deployment);
        match agreement.map(Agreement::has_same_verdict) {
            Some(true) => self.recorded.agree += 1,
            Some(false) => self.recorded.disagree += 1,
            None => self.recorded.not_compared += 1,
        }
        if let Some(agreement) = agreement.filter(|one| one.disagreement().is_some()) {
            let (tally, positions) = self.disagreements.entry(agreement).or_default();
            tally.add(flow.packets, flow.bytes);
            positions.add(flow.position, super::SHOWN_FLOWS);
        }
    }

    /// Adds up the flows with one judgement each, and forgets the judgements.
    fn add_up(&mut self) {
        #[expect(clippy::iter_over_hash_type, reason = "sums and sets are the same in any order")]
        for (_, alike) in std::mem::take(&mut self.alike) {
            let (settled, tally) = (&alike.settled, &alike.tally);
            let replayed = &settled.replayed;
            let (decision, outcome) = (&replayed.decision, replayed.outcome);
            let is_accepted = outcome.is_objection() && !alike.is_objection;
            self.all.extend(tally);
            self.objections += if alike.is_objection { tally.flows } else { 0 };
            self.boxes.entry((outcome, is_accepted)).or_default().extend(tally);
            self.verdicts.entry(decision.verdict).or_default().extend(tally);
            if outcome == Outcome::NotJudged {
                *self.reasons.entry(decision.reason).or_default() += tally.flows;
            }
            if let Some(statement) = settled.statement {
                self.permissions.entry(statement.to_owned()).or_default().extend(tally);
            }
            if let Some(rule) = &decision.rule {
                self.rules.entry(rule.to_string()).or_default().extend(tally);
            }
            self.assumptions.extend(decision.assumptions.iter().cloned());
            if let Some(judged) = &replayed.judged {
                self.assumptions.extend(judged.assumptions.iter().cloned());
            }
        }
    }
}

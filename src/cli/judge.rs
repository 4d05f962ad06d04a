//! Judging recorded flows: all of them, those that a report shows once more, and those that a change which it
//! offers is to answer.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::civil::Date;
use rayon::prelude::*;

use super::args::ListedFlows;
use super::failure::Failure;
use super::fitting::Fitting;
use super::listing::Listing;
use super::recording;
use super::spool::Batch;
use super::spool::FlowOf;
use super::spool::Spool;
use super::subject::Subject;
use super::trial;
use crate::capture::CapturedFlow;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Observation;
use crate::report;
use crate::report::replay::Counted;
use crate::report::replay::Position;
use crate::report::replay::Positions;
use crate::report::replay::Replay;
use crate::report::replay::ReplayedFlow;
use crate::report::replay::Totals;
use crate::report::replay::cure::Change;
use crate::report::replay::cure::Cure;
use crate::report::replay::cure::Group;
use crate::simulate;
use crate::simulate::Environment;
use crate::simulate::Inconsistency;
use crate::simulate::Reason;
use crate::simulate::Replays;
use crate::simulate::Settled;
use crate::simulate::Simulator;

/// The most changes that one report tries, since each means compiling again; whoever has made
/// those replays again.
const MAX_TRIALS: usize = 100;

/// The fewest flows that a thread takes at a time.
const LEAST_TOGETHER: usize = 64;

/// What flows are judged by.
pub(super) struct Judge<'a> {
    pub(super) replays: Replays<'a>,
    pub(super) environment: Environment<'a>,
    /// The day on which permissions are active.
    pub(super) day: Date,
    /// The machine that all flows are taken as sent by.
    pub(super) from: Option<IpAddr>,
    /// The boxes that are no objection.
    pub(super) accepted: &'a [simulate::Outcome],
    pub(super) fitting: &'a Fitting<'a>,
    /// The captures as they were given.
    pub(super) captures: &'a [String],
    pub(super) subject: report::replay::Subject<'a>,
}

/// A judged flow, and its JSON where it is listed.
type Judged<'a> = (Counted<'a>, Option<String>);

impl<'a> Judge<'a> {
    /// Judges all flows, in their order. Those of `list` are added to `listing`.
    pub(super) fn judge_all(
        &self,
        flows: &mut Spool,
        list: ListedFlows,
        listing: &mut Listing,
    ) -> Result<Totals<'a>, Failure> {
        let mut totals = Totals::new(self.subject.deployment, self.accepted);
        let mut batches = flows.batches()?;
        let (mut batch, mut next) = (Batch::default(), Batch::default());
        batches.next(&mut batch)?;
        while !batch.records().is_empty() {
            let (read, judged) =
                rayon::join(|| batches.next(&mut next), || self.judge_batch(&batch, list));
            for (counted, json) in judged?.into_iter().flatten() {
                totals.add(&counted);
                if let Some(json) = json {
                    listing.add(&json)?;
                }
            }
            read?;
            std::mem::swap(&mut batch, &mut next);
        }
        totals.finish();
        Ok(totals)
    }

    fn judge_batch(
        &self,
        batch: &Batch,
        list: ListedFlows,
    ) -> Result<Vec<Option<Judged<'a>>>, Failure> {
        let records = batch.records().par_iter().with_min_len(LEAST_TOGETHER);
        let judged = records.map(|(position, record)| {
            let flow = batch.flow(record)?;
            self.count(*position, &flow, list)
        });
        judged.collect()
    }

    /// Judges one flow.
    fn count(
        &self,
        position: Position,
        one: &FlowOf,
        list: ListedFlows,
    ) -> Result<Option<Judged<'a>>, Failure> {
        let one = &*self.as_decided(one);
        let flow = &one.flow;
        let openings = self.openings(flow);
        let Some(settled) = self.replays.replay(&openings, flow.first) else { return Ok(None) };
        let Some(destination) = openings.first().map(|opening| opening.destination) else {
            return Ok(None);
        };
        let is_listed = match list {
            ListedFlows::All => true,
            ListedFlows::Objections => settled.is_objection(self.accepted),
            ListedFlows::None => false,
        };
        let inconsistencies = self.inconsistencies(flow, &openings, &settled);
        let shown = is_listed
            .then(|| self.shown(one, &openings, &settled, inconsistencies.clone()))
            .flatten();
        let json = shown
            .map(|flow| self.subject.flow_json(&flow))
            .transpose()
            .map_err(|error| Failure::new(format!("cannot write a flow as JSON: {error}")))?;
        let counted = Counted {
            position,
            settled,
            source: flow.source,
            destination,
            packets: flow.packets,
            bytes: flow.bytes,
            answered: flow.answered && flow.protocol == IpProtocol::TCP,
            recorded: flow.recorded.clone(),
            inconsistencies,
        };
        Ok(Some((counted, json)))
    }

    /// What the connection asked, as far as it was seen and anybody looks at it.
    fn openings(&self, flow: &CapturedFlow) -> Vec<Observation> {
        let by_path = |host: Option<&Host>| self.replays.looks_at_paths_of(host);
        recording::openings(flow, self.from, self.environment.evidence, by_path)
    }

    /// Why an objection is none.
    fn accepts(&self, settled: &Settled<'a>) -> Option<String> {
        let outcome = settled.replayed.outcome;
        if self.accepted.contains(&outcome) {
            return Some(format!("--accept {outcome}"));
        }
        settled.accepted.map(str::to_owned)
    }

    /// The flow with its judgement, as reports show it.
    fn shown(
        &self,
        FlowOf { capture, flow }: &FlowOf,
        openings: &[Observation],
        settled: &Settled<'a>,
        inconsistencies: Vec<Inconsistency>,
    ) -> Option<ReplayedFlow> {
        let replayed = &settled.replayed;
        let judged = replayed.judged.as_ref();
        let opening = openings.get(replayed.index)?;
        let capture = self.captures.get(*capture).map_or("", String::as_str);
        Some(ReplayedFlow {
            missing: settled.missing.clone(),
            row: recording::row(flow, capture),
            required: judged.and_then(|judged| judged.required),
            permitted: judged.and_then(|judged| judged.permitted),
            permission: settled.statement.map(str::to_owned),
            judged_under: judged.map(|judged| judged.assumptions.clone()).unwrap_or_default(),
            packet: flow.openings.get(replayed.index).map(|one| one.packet).filter(|one| *one > 0),
            shown: openings.get(settled.shown)?.clone(),
            opening: opening.clone(),
            answered: flow.answered,
            decision: settled.decision(opening.destination),
            outcome: replayed.outcome,
            accepted: self.accepts(settled),
            inconsistencies,
        })
    }

    /// What does not fit together in the flow.
    fn inconsistencies(
        &self,
        flow: &CapturedFlow,
        openings: &[Observation],
        settled: &Settled<'a>,
    ) -> Vec<Inconsistency> {
        let is_accepted = self.accepts(settled).is_some();
        self.fitting.check(flow, openings, &settled.replayed, is_accepted)
    }

    /// The flow with what was not kept of it, and with the source that is decided of. Of one that was seen on both sides of source NAT that
    /// is the side behind, as with pods behind their node; unless nothing is decided of that: then the
    /// firewall translated, or something behind it (`azure-firewall.md §4.2`). Of one that was caught in
    /// the middle it is the end that something is decided of.
    fn as_decided<'f>(&self, one: &'f FlowOf) -> Cow<'f, FlowOf> {
        let by_path = |host: Option<&Host>| self.replays.looks_at_paths_of(host);
        let whole = match one.flow.with_more_paths(by_path) {
            Cow::Borrowed(_) => Cow::Borrowed(one),
            Cow::Owned(flow) => Cow::Owned(FlowOf { capture: one.capture, flow }),
        };
        let flow = &whole.flow;
        if self.from.is_some() || flow.translated_from.is_none() && !flow.may_be_turned {
            return whole;
        }
        let reason = self.reason(flow);
        let decided = match flow.translated_from {
            Some(before)
                if matches!(reason, Some(Reason::SourceUndeclared | Reason::SentByFirewall)) =>
            {
                let (source, source_port) = (before.ip(), before.port());
                Some(CapturedFlow { source, source_port, translated_from: None, ..flow.clone() })
            }
            None if reason == Some(Reason::SourceUndeclared) => {
                flow.turned().filter(|flow| self.reason(flow) != Some(Reason::SourceUndeclared))
            }
            Some(_) | None => None,
        };
        match decided {
            Some(flow) => Cow::Owned(FlowOf { capture: one.capture, flow }),
            None => whole,
        }
    }

    /// Why the verdict on a flow is what it is.
    fn reason(&self, flow: &CapturedFlow) -> Option<Reason> {
        let settled = self.replays.replay(&self.openings(flow), flow.first)?;
        Some(settled.replayed.decision.reason)
    }

    /// Judges a flow again, for a report that shows it.
    pub(super) fn again(
        &self,
        flows: &mut Spool,
        position: Position,
    ) -> Result<ReplayedFlow, Failure> {
        let one = flows.flow(position)?;
        let one = self.as_decided(&one);
        let openings = self.openings(&one.flow);
        let settled = self.replays.replay(&openings, one.flow.first);
        let shown = settled.and_then(|settled| {
            let found = self.inconsistencies(&one.flow, &openings, &settled);
            self.shown(&one, &openings, &settled, found)
        });
        shown.ok_or_else(|| Failure::new("a flow without a first packet was counted"))
    }

    /// Notes which of `groups`, as another judge made them of `flows`, are the same to this one, which
    /// knows no answers of DNS.
    pub(super) fn try_without_answers(
        &self,
        groups: &mut [Group],
        flows: &mut Spool,
    ) -> Result<(), Failure> {
        for group in groups {
            if let (Some(first), Some(position)) = (group.flows.first(), group.all.first.first()) {
                group.needs_answers = !first.is_judged_as(&self.again(flows, *position)?);
            }
        }
        Ok(())
    }

    /// Tries what the first groups offer.
    pub(super) fn try_cures(
        &self,
        groups: &mut [Group],
        replay: &Replay<'_>,
        flows: &mut Spool,
        subject: &Subject,
    ) -> Result<(), Failure> {
        for group in groups.iter_mut().take(MAX_TRIALS) {
            // What passed by the rule without an objection has to pass after the change, too.
            let rule = group.cure.change.as_ref().and_then(Change::rule);
            let kept = rule.map(|rule| replay.kept_of(rule)).unwrap_or_default();
            self.try_cure(&mut group.cure, [&group.all, &kept], flows, subject)?;
        }
        for group in groups.iter_mut().skip(MAX_TRIALS) {
            if group.cure.change.is_some() {
                group.cure.notes.push(format!(
                    "no edit is shown: at most {MAX_TRIALS} are tried in one replay"
                ));
            }
        }
        Ok(())
    }

    /// Makes the change that `cure` offers, judges the flows of the group again, and offers the
    /// change as a difference only where none of them is an objection any more, and none of those
    /// `kept`, which were none before, has become one.
    fn try_cure(
        &self,
        cure: &mut Cure,
        [of_group, kept]: [&Positions; 2],
        flows: &mut Spool,
        subject: &Subject,
    ) -> Result<(), Failure> {
        let Some(change) = &cure.change else { return Ok(()) };
        let Some(written) = trial::write(change, subject) else { return Ok(()) };
        let made = match written.make(subject) {
            Ok(made) => made,
            Err(failure) => {
                cure.notes.push(format!("no edit is shown: the likely one is refused: {failure}"));
                return Ok(());
            }
        };
        let Ok(simulator) = Simulator::new(&made.deployment) else { return Ok(()) };
        let intent = made.intent.as_ref();
        let connections = of_group.first.len() + kept.first.len();
        let replays =
            Replays::new(&simulator, intent, self.day, self.environment, connections as u64);
        let judge = Judge { replays, ..*self };
        let again = judge.boxes(of_group, flows)?;
        let boxes: BTreeSet<simulate::Outcome> =
            again.iter().map(|(outcome, _)| *outcome).collect();
        let words: Vec<&str> = boxes.into_iter().map(simulate::Outcome::keyword).collect();
        let words = words.join(" or ");
        let flows_are = match (of_group.number, of_group.is_all()) {
            (1, _) => "the flow is".to_owned(),
            (_, true) => "the flows are".to_owned(),
            (_, false) => format!("the first {} flows are", of_group.first.len()),
        };
        if again.iter().any(|(_, is_objection)| *is_objection) {
            cure.notes.push(format!(
                "no edit is shown: with the likely one, which was tried, {flows_are} {words}"
            ));
            return Ok(());
        }
        let kept = judge.boxes(kept, flows)?;
        let stopped = kept.iter().filter(|(_, is_objection)| *is_objection).count();
        if stopped > 0 {
            cure.notes.push(format!(
                "no edit is shown: the likely one, which was tried, makes an objection of {stopped} \
                 other recorded flow{}",
                if stopped == 1 { "" } else { "s" }
            ));
            return Ok(());
        }
        cure.tried = Some(format!("with this {flows_are} {words}"));
        cure.difference = Some(written.difference);
        Ok(())
    }

    /// Where flows land, and whether they are objections.
    fn boxes(
        &self,
        positions: &Positions,
        flows: &mut Spool,
    ) -> Result<Vec<(simulate::Outcome, bool)>, Failure> {
        let mut boxes = Vec::with_capacity(positions.first.len());
        for position in &positions.first {
            let one = flows.flow(*position)?;
            let one = self.as_decided(&one);
            let openings = self.openings(&one.flow);
            if let Some(settled) = self.replays.replay(&openings, one.flow.first) {
                boxes.push((settled.replayed.outcome, settled.is_objection(self.accepted)));
            }
        }
        Ok(boxes)
    }
}

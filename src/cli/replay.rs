//! `exeat replay`: recorded flows, judged.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::civil::Date;
use rayon::prelude::*;

use super::args::Format;
use super::args::ListedFlows;
use super::args::ReplayArgs;
use super::failure::Failure;
use super::outcome::Outcome;
use super::recording;
use super::recording::FlowOf;
use super::rules;
use super::subject;
use super::subject::Subject;
use super::terminal::Terminal;
use super::threads;
use super::trial;
use crate::intent::Intent;
use crate::report::command::Asked;
use crate::report::replay::Listed;
use crate::report::replay::Replay;
use crate::report::replay::ReplayedFlow;
use crate::report::replay::cure::Change;
use crate::report::replay::cure::Cure;
use crate::report::replay::cure::Group;
use crate::simulate;
use crate::simulate::Environment;
use crate::simulate::Replays;
use crate::simulate::Simulator;

/// The most changes that one report tries, since each means compiling again; whoever has made
/// those replays again.
const MAX_TRIALS: usize = 100;

/// Judges every flow of the captures.
pub(super) fn run(args: &ReplayArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    if subject::lists_assumptions(&args.subject.known, terminal)? {
        return Ok(Outcome::Clean);
    }
    if args.capture.is_empty() {
        return Err(Failure::with_help(
            "there is nothing to judge",
            "name a capture with `--capture FILE`",
        ));
    }
    let accepted = accepted_boxes(&args.accept)?;
    let mut subject =
        subject::load(args.rules_file.as_deref(), &args.subject, &[], &args.rules, terminal)?;
    subject.mention_findings(&args.common, terminal)?;
    let from = match &args.from {
        Some(name) => Some(subject.address_in(name)?),
        None => None,
    };
    let quiet = args.common.quiet;
    let evidence = &mut subject.evidence;
    let threads = args.threads.threads;
    let recorded = recording::record(&args.capture, quiet, from, evidence, threads, terminal)?;
    let simulator = subject.simulator()?;
    let environment = subject.environment();
    let (intent, day) = (subject.intent.as_ref(), rules::day_of(subject.at));
    let judge = Judge {
        intent,
        replays: Replays::new(&simulator, intent, day, environment, recorded.flows.len()),
        environment,
        day,
        from,
        accepted: &accepted,
    };
    let (flows, of_flows): (Vec<ReplayedFlow>, Vec<&FlowOf>) =
        threads::run(args.threads.threads, || {
            let judged = |one| Some((judge.judge(one)?, one));
            recorded.flows.par_iter().filter_map(judged).unzip()
        })?;
    let from = args.from.iter().flat_map(|subnet| ["--from", subnet].map(str::to_owned));
    let options: Vec<String> = subject.options_given.iter().cloned().chain(from).collect();
    let captures: Vec<String> =
        recorded.captures.iter().map(|capture| capture.path.clone()).collect();
    let replay = Replay {
        subject: crate::report::replay::Subject {
            asked: Asked {
                rules: subject.rules.as_deref(),
                deployments: &subject.deployments,
                options: &options,
                captures: &captures,
            },
            intent: subject.intent.as_ref(),
            deployment: &subject.deployment,
            compiled: subject.compiled.as_ref(),
            sources: &subject.sources,
        },
        at: subject.at,
        captures: recorded.captures,
        flows,
        findings: &subject.findings,
    };
    let text = match args.format {
        Format::Json => replay
            .to_json(match args.flows {
                ListedFlows::All => Listed::All,
                ListedFlows::Objections => Listed::Objections,
                ListedFlows::None => Listed::None,
            })
            .map_err(|error| Failure::new(format!("cannot write the report: {error}")))?,
        Format::Text => {
            let mut groups = replay.groups();
            judge.try_cures(&mut groups, &replay, &of_flows, &subject);
            replay.to_text(&groups)
        }
    };
    terminal.write_out(&text)?;
    Ok(if replay.has_objections() { Outcome::Objections } else { Outcome::Clean })
}

/// The boxes that are no objection.
fn accepted_boxes(words: &[String]) -> Result<Vec<simulate::Outcome>, Failure> {
    let parse = |word: &String| {
        simulate::Outcome::from_keyword(word).filter(|outcome| outcome.is_objection()).ok_or_else(
            || {
                Failure::new(format!(
                    "`--accept {word}`: expected `leak`, `breakage`, `undetermined` or `bypass`"
                ))
            },
        )
    };
    words.iter().map(parse).collect()
}

/// What flows are judged by.
struct Judge<'a> {
    intent: Option<&'a Intent>,
    replays: Replays<'a>,
    environment: Environment<'a>,
    day: Date,
    from: Option<IpAddr>,
    accepted: &'a [simulate::Outcome],
}

impl Judge<'_> {
    fn judge(&self, (capture, flow): &FlowOf) -> Option<ReplayedFlow> {
        let openings = recording::openings(flow, self.from, self.environment.evidence);
        let intent = self.intent;
        let settled = self.replays.replay(&openings, flow.first)?;
        let replayed = &settled.replayed;
        let judged = replayed.judged.as_ref();
        let statement = intent.zip(judged).and_then(|(intent, judged)| {
            let deny = judged.denied_by.and_then(|index| intent.denies.get(index));
            let permission = judged.by.and_then(|index| intent.permissions.get(index));
            deny.map(|deny| &deny.label).or(permission.map(|one| &one.label))
        });
        let accepted = if self.accepted.contains(&replayed.outcome) {
            Some(format!("--accept {}", replayed.outcome))
        } else if replayed.outcome == simulate::Outcome::Undetermined {
            let because = intent.zip(judged);
            let because = because.and_then(|(intent, judged)| judged.accepts_undetermined(intent));
            because.map(str::to_owned)
        } else {
            None
        };
        let decision = settled.decision(openings.get(replayed.index)?.destination);
        let missing = match judged {
            Some(judged) if replayed.outcome == simulate::Outcome::Undetermined => {
                judged.missing_with(&decision)
            }
            Some(_) | None => decision.missing.clone(),
        };
        Some(ReplayedFlow {
            missing,
            row: recording::row(flow, capture),
            required: judged.and_then(|judged| judged.required),
            permitted: judged.and_then(|judged| judged.permitted),
            permission: statement.cloned(),
            judged_under: judged.map(|judged| judged.assumptions.clone()).unwrap_or_default(),
            packet: flow.openings.get(replayed.index).map(|one| one.packet).filter(|one| *one > 0),
            shown: openings.get(settled.shown)?.clone(),
            opening: openings.get(replayed.index)?.clone(),
            answered: flow.answered,
            decision,
            outcome: replayed.outcome,
            accepted,
        })
    }

    /// Tries what the first groups offer. `of_flows` are what `replay` judged, in its order.
    fn try_cures(
        &self,
        groups: &mut [Group<'_>],
        replay: &Replay<'_>,
        of_flows: &[&FlowOf],
        subject: &Subject,
    ) {
        for group in groups.iter_mut().take(MAX_TRIALS) {
            // The flows of a group keep the order of the replay.
            let mut of_group = group.flows.iter().peekable();
            let mut is_next =
                |flow: &ReplayedFlow| of_group.next_if(|one| std::ptr::eq(**one, flow)).is_some();
            let pairs = replay.flows.iter().zip(of_flows);
            let flows: Vec<&FlowOf> =
                pairs.filter(|(flow, _)| is_next(flow)).map(|(_, of_flow)| *of_flow).collect();
            // What passed by the rule without an objection has to pass after the change, too.
            let pairs = replay.flows.iter().zip(of_flows);
            let rule = group.cure.change.as_ref().and_then(Change::rule);
            let kept: Vec<&FlowOf> = pairs
                .filter(|(flow, _)| {
                    rule.is_some() && flow.decision.rule.as_ref() == rule && !flow.is_objection()
                })
                .map(|(_, of_flow)| *of_flow)
                .collect();
            self.try_cure(&mut group.cure, &flows, &kept, subject);
        }
        for group in groups.iter_mut().skip(MAX_TRIALS) {
            if group.cure.change.is_some() {
                group.cure.notes.push(format!(
                    "no edit is shown: at most {MAX_TRIALS} are tried in one replay"
                ));
            }
        }
    }

    /// Makes the change that `cure` offers, judges `flows` again, and offers the change as a
    /// difference only where none of them is an objection any more, and none of those `kept`,
    /// which were none before, has become one.
    fn try_cure(&self, cure: &mut Cure, flows: &[&FlowOf], kept: &[&FlowOf], subject: &Subject) {
        let Some(change) = &cure.change else { return };
        let Some(written) = trial::write(change, subject) else { return };
        let made = match written.make(subject) {
            Ok(made) => made,
            Err(failure) => {
                cure.notes.push(format!("no edit is shown: the likely one is refused: {failure}"));
                return;
            }
        };
        let Ok(simulator) = Simulator::new(&made.deployment) else { return };
        let intent = made.intent.as_ref();
        let connections = flows.len() + kept.len();
        let judge = Judge {
            intent,
            replays: Replays::new(&simulator, intent, self.day, self.environment, connections),
            environment: self.environment,
            day: self.day,
            from: self.from,
            accepted: self.accepted,
        };
        let again: Vec<ReplayedFlow> = flows.iter().filter_map(|one| judge.judge(one)).collect();
        let boxes: BTreeSet<simulate::Outcome> = again.iter().map(|flow| flow.outcome).collect();
        let words: Vec<&str> = boxes.into_iter().map(simulate::Outcome::keyword).collect();
        let words = words.join(" or ");
        let flows = if flows.len() == 1 { "the flow is" } else { "the flows are" };
        if again.iter().any(ReplayedFlow::is_objection) {
            cure.notes.push(format!(
                "no edit is shown: with the likely one, which was tried, {flows} {words}"
            ));
            return;
        }
        let kept = kept.iter().filter_map(|one| judge.judge(one));
        let stopped = kept.filter(ReplayedFlow::is_objection).count();
        if stopped > 0 {
            cure.notes.push(format!(
                "no edit is shown: the likely one, which was tried, makes an objection of {stopped} \
                 other recorded flow{}",
                if stopped == 1 { "" } else { "s" }
            ));
            return;
        }
        cure.tried = Some(format!("with this {flows} {words}"));
        cure.difference = Some(written.difference);
    }
}

//! `exeat replay`: recorded flows, judged.

use super::args::Format;
use super::args::ListedFlows;
use super::args::ReplayArgs;
use super::failure::Failure;
use super::fitting::Fitting;
use super::judge::Judge;
use super::listing::Listing;
use super::outcome::Outcome;
use super::recording;
use super::recording::Recorded;
use super::rules;
use super::subject;
use super::terminal::Terminal;
use super::threads;
use crate::evidence::DnsTimeline;
use crate::evidence::Evidence;
use crate::report;
use crate::report::command::Asked;
use crate::report::replay::Replay;
use crate::simulate;
use crate::simulate::Consistency;
use crate::simulate::Environment;
use crate::simulate::Replays;

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
    let Recorded { mut flows, captures, is_partial, clients } =
        recording::record(&args.capture, quiet, from, evidence, args.threads.threads, terminal)?;
    let simulator = subject.simulator()?;
    let environment = subject.environment();
    let (intent, day) = (subject.intent.as_ref(), rules::day_of(subject.at));
    let from_option = args.from.iter().flat_map(|subnet| ["--from", subnet].map(str::to_owned));
    let options: Vec<String> = subject.options_given.iter().cloned().chain(from_option).collect();
    let fitting = Fitting {
        consistency: Consistency::of(&simulator, intent, environment.assumptions),
        timeline: &environment.evidence.timeline,
        clients,
        from,
    };
    let names: Vec<String> = captures.iter().map(|capture| capture.path.clone()).collect();
    let judge = Judge {
        replays: Replays::new(&simulator, intent, day, environment, flows.len()),
        environment,
        day,
        from,
        accepted: &accepted,
        fitting: &fitting,
        captures: &names,
        subject: report::replay::Subject {
            asked: Asked {
                rules: subject.rules.as_deref(),
                deployments: &subject.deployments,
                options: &options,
                captures: &names,
            },
            intent,
            deployment: &subject.deployment,
            compiled: subject.compiled.as_ref(),
            sources: &subject.sources,
        },
    };
    let list = match args.format {
        Format::Json => args.flows,
        Format::Text => ListedFlows::None,
    };
    let mut listing = Listing::new(&terminal.temporary);
    let totals =
        threads::run(args.threads.threads, || judge.judge_all(&mut flows, list, &mut listing))??;
    let replay = Replay {
        subject: judge.subject,
        at: subject.at,
        captures,
        is_partial,
        totals,
        findings: &subject.findings,
    };
    match args.format {
        Format::Json => {
            replay.write_json(|out| listing.copy(out), terminal.output)?;
            terminal.write_out("")?;
        }
        Format::Text => {
            let mut again = |position| judge.again(&mut flows, position);
            let mut groups = replay.groups(&mut again)?;
            let disagreements = replay.disagreements(&mut again)?;
            let unfitting = replay.unfitting(&mut again)?;
            judge.try_cures(&mut groups, &replay, &mut flows, &subject)?;
            if names.len() > 1 {
                // Commands that explain flows are to name no more captures than they need.
                let evidence = without_answers(environment.evidence);
                let environment = Environment { evidence: &evidence, ..environment };
                let number = groups.len() as u64;
                let replays = Replays::new(&simulator, intent, day, environment, number);
                let without = Judge { replays, environment, ..judge };
                without.try_without_answers(&mut groups, &mut flows)?;
            }
            terminal.write_out(&replay.to_text(&groups, &disagreements, &unfitting))?;
        }
    }
    // What was not read may hold anything.
    Ok(if is_partial || replay.totals.has_objections() {
        Outcome::Objections
    } else {
        Outcome::Clean
    })
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

/// What is known besides the answers of DNS.
fn without_answers(Evidence { timeline: _, lock, service_tags }: &Evidence) -> Evidence {
    Evidence {
        timeline: DnsTimeline::default(),
        lock: lock.clone(),
        service_tags: service_tags.clone(),
    }
}

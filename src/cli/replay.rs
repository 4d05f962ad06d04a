//! `exeat replay`: recorded flows, judged.

use std::net::IpAddr;

use rayon::prelude::*;
use similar::TextDiff;

use super::args::Format;
use super::args::ListedFlows;
use super::args::ReplayArgs;
use super::failure::Failure;
use super::outcome::Outcome;
use super::recording;
use super::recording::Kept;
use super::recording::Recording;
use super::rules;
use super::subject;
use super::subject::Subject;
use super::terminal::Terminal;
use crate::azure::Deployment;
use crate::capture::CapturedFlow;
use crate::diagnostic::Edit;
use crate::diagnostic::SourceMap;
use crate::emit;
use crate::evidence::DnsAnswer;
use crate::flow::Observation;
use crate::intent::Intent;
use crate::report::replay::Listed;
use crate::report::replay::Replay;
use crate::report::replay::ReplayedCapture;
use crate::report::replay::ReplayedFlow;
use crate::report::replay::cure::Change;
use crate::simulate;
use crate::simulate::Environment;
use crate::simulate::Simulator;

/// The most flows that one replay holds: about 2 GB.
const MAX_FLOWS: usize = 2_000_000;

/// Judges every flow of the captures.
pub(super) fn run(args: &ReplayArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color);
    let accepted = accepted_boxes(&args.accept)?;
    let mut subject =
        subject::load(args.rules_file.as_deref(), &args.subject, &args.rules, terminal)?;
    rules::show_findings(&subject.findings, &subject.sources, &args.common, terminal)?;
    let from = match &args.from {
        Some(name) => Some(address_in(name, &subject.deployment)?),
        None => None,
    };
    let recorded = record(args, from, &mut subject, terminal)?;
    let simulator =
        Simulator::new(&subject.deployment).map_err(|error| Failure::new(error.to_string()))?;
    let judge = Judge { subject: &subject, simulator, from, accepted: &accepted };
    let flows = in_threads(args.common.threads, || {
        recorded.flows.par_iter().filter_map(|(capture, flow)| judge.judge(flow, capture)).collect()
    })?;
    let replay = Replay {
        subject: crate::report::replay::Subject {
            rules: subject.rules.as_deref(),
            deployments: &subject.deployments,
            intent: subject.intent.as_ref(),
            deployment: &subject.deployment,
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
            for group in &mut groups {
                let change = group.cure.change.as_ref();
                group.cure.difference = change.and_then(|change| difference(change, &subject));
            }
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

/// The address that stands for every source under `--from`: the first that Azure gives to a
/// machine, since it keeps the first four of each subnet.
fn address_in(subnet: &str, deployment: &Deployment) -> Result<IpAddr, Failure> {
    let all = || deployment.virtual_networks.values().flat_map(|network| &network.subnets);
    let found = all().find(|one| one.name.as_str().eq_ignore_ascii_case(subnet));
    let Some(prefix) = found.and_then(|one| one.prefixes.first()) else {
        let names: Vec<&str> = all().map(|one| one.name.as_str()).collect();
        return Err(Failure::new(format!(
            "`--from {subnet}`: expected a subnet of the deployment: {}",
            if names.is_empty() { "it has none".to_owned() } else { names.join(", ") }
        )));
    };
    prefix.hosts().nth(3).or_else(|| prefix.hosts().last()).ok_or_else(|| {
        Failure::new(format!("`--from {subnet}`: the subnet has no address for a machine"))
    })
}

/// What the captures hold.
struct Recorded {
    /// Each flow with the name of its capture.
    flows: Vec<(String, CapturedFlow)>,
    captures: Vec<ReplayedCapture>,
}

/// Reads the captures; their DNS answers become evidence.
fn record(
    args: &ReplayArgs,
    from: Option<IpAddr>,
    subject: &mut Subject,
    terminal: &mut Terminal<'_>,
) -> Result<Recorded, Failure> {
    let mut recorded = Recorded { flows: Vec::new(), captures: Vec::new() };
    for path in &args.capture {
        let name = path.display().to_string();
        let recording = Recording {
            path,
            full: terminal.path(path),
            progress: terminal.shows_progress && !args.common.quiet,
        };
        let mut kept = Kept::default();
        let summary = recording.read(&mut *terminal.input, &mut kept)?;
        recorded.captures.push(ReplayedCapture {
            path: name.clone(),
            truncated: recording::truncation(&summary),
            warnings: recording::warnings(&summary),
        });
        for answer in kept.answers {
            let client = from.unwrap_or(answer.client);
            subject.evidence.timeline.add(&DnsAnswer { client, ..answer });
        }
        recorded.flows.extend(kept.flows.into_iter().map(|flow| (name.clone(), flow)));
        if recorded.flows.len() > MAX_FLOWS {
            return Err(Failure::with_help(
                format!("the captures hold more than {MAX_FLOWS} flows"),
                "replay them one by one",
            ));
        }
    }
    Ok(recorded)
}

/// Runs `work` on as many threads as were asked for.
pub(super) fn in_threads<T: Send>(
    threads: Option<u16>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Failure> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.map_or(0, usize::from))
        .build()
        .map_err(|error| Failure::new(format!("cannot start threads: {error}")))?;
    Ok(pool.install(work))
}

struct Judge<'a> {
    subject: &'a Subject,
    simulator: Simulator<'a>,
    from: Option<IpAddr>,
    accepted: &'a [simulate::Outcome],
}

impl Judge<'_> {
    fn judge(&self, flow: &CapturedFlow, capture: &str) -> Option<ReplayedFlow> {
        let openings: Vec<Observation> = flow
            .openings
            .iter()
            .map(|opening| Observation {
                source: self.from.unwrap_or(flow.source),
                source_port: Some(flow.source_port),
                destination: flow.destination,
                destination_port: flow.destination_port,
                protocol: flow.protocol,
                payload: opening.payload.clone(),
            })
            .collect();
        let environment = Environment {
            evidence: &self.subject.evidence,
            assumptions: &self.subject.assumptions,
            at: flow.first,
        };
        let intent = self.subject.intent.as_ref();
        let replayed = self.simulator.replay(
            &openings,
            intent,
            rules::day_of(self.subject.at),
            &environment,
        )?;
        let judged = replayed.judged.as_ref();
        let statement = intent.zip(judged).and_then(|(intent, judged)| {
            let deny = judged.denied_by.and_then(|index| intent.denies.get(index));
            let permission = judged.by.and_then(|index| intent.permissions.get(index));
            deny.map(|deny| (&deny.label, None))
                .or(permission.map(|one| (&one.label, one.accept_undetermined.as_ref())))
        });
        let accepted = if self.accepted.contains(&replayed.outcome) {
            Some(format!("--accept {}", replayed.outcome))
        } else if replayed.outcome == simulate::Outcome::Undetermined {
            statement.and_then(|(_, because)| because.cloned())
        } else {
            None
        };
        Some(ReplayedFlow {
            row: recording::row(flow, capture),
            required: judged.and_then(|judged| judged.required),
            permitted: judged.and_then(|judged| judged.permitted),
            permission: statement.map(|(label, _)| label.clone()),
            judged_under: judged.map(|judged| judged.assumptions.clone()).unwrap_or_default(),
            packet: flow.openings.get(replayed.index).map_or(1, |opening| opening.packet),
            opening: openings.get(replayed.index)?.clone(),
            answered: flow.answered,
            decision: replayed.decision,
            outcome: replayed.outcome,
            accepted,
        })
    }
}

/// The change as a difference of files, where there are files to change.
fn difference(change: &Change, subject: &Subject) -> Option<String> {
    match change {
        Change::Source(edits) => source_difference(edits, &subject.sources),
        Change::Rule { id, instead } => {
            let intent = subject.intent.as_ref()?;
            context_difference(intent, |deployment| deployment.with_rule(id, instead.as_ref()))
        }
    }
}

fn source_difference(edits: &[Edit], sources: &SourceMap) -> Option<String> {
    let file = sources.file(edits.first()?.span.file)?;
    let mut text = file.text().to_owned();
    // From the last to the first, so that places before an edit stay where they are.
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
    for edit in edits {
        text.get(edit.span.range())?;
        text.replace_range(edit.span.range(), &edit.replacement);
    }
    Some(unified(file.path(), file.text(), &text))
}

/// The change of the `context` file that holds what `change` changes, if it is written as
/// `exeat` writes it; in another layout a difference would say more than the change.
fn context_difference(
    intent: &Intent,
    change: impl Fn(&Deployment) -> Deployment,
) -> Option<String> {
    intent.context.iter().find_map(|context| {
        let deployment = crate::import::json::read(&context.text).ok()?;
        let changed = change(&deployment);
        let is_ours = emit::json::write(&deployment).ok()? == context.text;
        if !is_ours || changed == deployment {
            return None;
        }
        let after = emit::json::write(&changed).ok()?;
        Some(unified(&context.file, &context.text, &after))
    })
}

fn unified(name: &str, before: &str, after: &str) -> String {
    let difference = TextDiff::from_lines(before, after);
    let (a, b) = (format!("a/{name}"), format!("b/{name}"));
    difference.unified_diff().context_radius(2).header(&a, &b).to_string()
}

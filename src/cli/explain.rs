//! `exeat explain`: one flow, and the way to its verdict.

use std::net::IpAddr;
use std::path::PathBuf;

use super::args::ExplainArgs;
use super::args::Format;
use super::failure::Failure;
use super::outcome::Outcome;
use super::recording::Kept;
use super::recording::Recording;
use super::rules;
use super::subject;
use super::subject::Subject;
use super::terminal::Terminal;
use crate::flow::Fqdn;
use crate::flow::Observation;
use crate::flow::notation::DestinationText;
use crate::flow::notation::FlowText;
use crate::flow::notation::SourceText;
use crate::intent::Intent;
use crate::report::explain::Explanation;
use crate::report::explain::Statement;
use crate::simulate;
use crate::simulate::Environment;
use crate::simulate::Simulator;
use crate::simulate::Verdict;

/// Decides the flow, once for each address that its ends may stand for where they differ.
pub(super) fn run(args: &ExplainArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    if subject::lists_assumptions(&args.subject, terminal)? {
        return Ok(Outcome::Clean);
    }
    let (rules_file, text) = subject_and_flow(args)?;
    let flow = FlowText::parse(&text).map_err(|error| {
        let is_cut = text.trim_end().ends_with(" -");
        let help = match &error.help {
            _ if is_cut => "quote the flow, or write `to` for `->`: the shell reads `>`",
            Some(help) => help.as_str(),
            None => "`exeat explain --help` shows a flow",
        };
        let caret = " ".repeat(text.get(..error.at).unwrap_or(&text).chars().count());
        Failure::with_help(format!("{}\n    {text}\n    {caret}^", error.message), help)
    })?;
    let mut subject = subject::load(rules_file.as_deref(), &args.subject, &args.rules, terminal)?;
    rules::show_findings(&subject.findings, &subject.sources, &args.common, terminal)?;
    let mut last_seen = None;
    for path in &args.capture {
        let recording = Recording {
            path,
            full: terminal.path(path),
            progress: terminal.shows_progress && !args.common.quiet,
        };
        let mut kept = Kept::default();
        recording.read(&mut *terminal.input, &mut kept)?;
        for answer in &kept.answers {
            subject.evidence.timeline.add(answer);
        }
        last_seen = kept.flows.iter().map(|flow| flow.last).chain(last_seen).max();
    }
    // The DNS answers of a capture hold at its time, not at that of the command.
    let at = args.rules.at.or(last_seen).unwrap_or(terminal.now);
    let observation = observation(&flow, &subject, at)?;
    let simulator =
        Simulator::new(&subject.deployment).map_err(|error| Failure::new(error.to_string()))?;
    let environment =
        Environment { evidence: &subject.evidence, assumptions: &subject.assumptions, at };
    let explanation = explain(&observation, &simulator, &subject, &environment);
    let report = match args.format {
        Format::Text => explanation.to_text(),
        Format::Json => explanation
            .to_json()
            .map_err(|error| Failure::new(format!("cannot write the report: {error}")))?,
    };
    terminal.write_out(&report)?;
    Ok(Outcome::Clean)
}

/// Tells the rules file from the flow: with `--deployment` it may be left out, and a flow that the
/// shell was not kept from cutting comes as several words.
fn subject_and_flow(args: &ExplainArgs) -> Result<(Option<PathBuf>, String), Failure> {
    let flow_begins = |word: &str, next: Option<&String>| {
        word.contains("->") || next.is_some_and(|next| next == "to" || next == "->" || next == "-")
    };
    let [first, rest @ ..] = args.words.as_slice() else {
        return Err(Failure::new("expected a rules file and a flow"));
    };
    let (rules_file, flow) = if flow_begins(first, rest.first()) {
        (None, args.words.as_slice())
    } else {
        (Some(PathBuf::from(first)), rest)
    };
    if flow.is_empty() {
        return Err(Failure::with_help(
            "expected a flow after the rules file",
            "write it in quotes: \"10.1.0.4 -> 93.184.216.34 : tcp/443 tls www.example.com\"",
        ));
    }
    Ok((rules_file, flow.join(" ")))
}

/// The flow with addresses in place of the names of its ends.
fn observation(
    flow: &FlowText,
    subject: &Subject,
    at: jiff::Timestamp,
) -> Result<Observation, Failure> {
    let source = match &flow.source {
        SourceText::Address(address) => *address,
        SourceText::Word(word) => address_of_word(word, subject)?,
    };
    let destination = match &flow.destination {
        DestinationText::Address(address) => *address,
        DestinationText::Name(name) => address_of_name(name, source, subject, at)?,
    };
    Ok(flow.observation(source, destination))
}

/// The first address for a machine in the subnet that `word` names.
fn address_of_word(word: &str, subject: &Subject) -> Result<IpAddr, Failure> {
    let all = || subject.deployment.virtual_networks.values().flat_map(|network| &network.subnets);
    let found = all().find(|subnet| subnet.name.as_str().eq_ignore_ascii_case(word));
    let prefix = found.and_then(|subnet| subnet.prefixes.first());
    prefix.and_then(|prefix| prefix.hosts().nth(3).or_else(|| prefix.hosts().last())).ok_or_else(
        || {
            let names: Vec<&str> = all().map(|subnet| subnet.name.as_str()).collect();
            let help = if names.is_empty() {
                "write an address".to_owned()
            } else {
                format!("write an address, or one of {}", names.join(", "))
            };
            Failure::with_help(format!("there is no subnet `{word}`"), help)
        },
    )
}

/// An address that `name` is known to have, for the client at `source`.
fn address_of_name(
    name: &Fqdn,
    source: IpAddr,
    subject: &Subject,
    at: jiff::Timestamp,
) -> Result<IpAddr, Failure> {
    let evidence = &subject.evidence;
    let told = evidence.timeline.addresses(source, name, at).unwrap_or_default();
    let locked = evidence.lock.as_ref().and_then(|lock| lock.name(name));
    let address = told.first().or_else(|| locked.and_then(|locked| locked.addresses.first()));
    address.copied().ok_or_else(|| {
        Failure::with_help(
            format!("no address of `{name}` is known"),
            format!(
                "write the address it has, as in \"{source} -> 93.184.216.34 : tcp/443 tls {name}\", or \
                 give DNS answers with `--lock` or `--capture`"
            ),
        )
    })
}

fn explain<'a>(
    observation: &'a Observation,
    simulator: &Simulator<'_>,
    subject: &Subject,
    environment: &Environment<'_>,
) -> Explanation<'a> {
    let decision = simulator.judge(observation, environment);
    let intent = subject.intent.as_ref();
    let day = rules::day_of(subject.at);
    let judged = intent.map(|intent| intent.judge_on(day, observation, environment));
    let outcome = simulate::Outcome::of(judged.as_ref(), &decision);
    let readings = simulator.readings(observation, environment);
    let shown = simulate::judge::shown(&readings).filter(|_| readings.len() > 1).cloned();
    let readings = match decision.verdict {
        Verdict::Undetermined => readings,
        Verdict::Allow | Verdict::Deny | Verdict::Bypass | Verdict::Local | Verdict::Platform => {
            Vec::new()
        }
    };
    let statement = |label: &str, origin: &crate::intent::Origin| Statement {
        label: label.to_owned(),
        place: subject.sources.place(origin.span),
    };
    let found = |index: Option<usize>, of: &dyn Fn(&Intent, usize) -> Option<Statement>| {
        intent.zip(index).and_then(|(intent, index)| of(intent, index))
    };
    let permission = found(judged.as_ref().and_then(|judged| judged.by), &|intent, index| {
        intent.permissions.get(index).map(|one| statement(&one.label, &one.origin))
    });
    let deny = found(judged.as_ref().and_then(|judged| judged.denied_by), &|intent, index| {
        intent.denies.get(index).map(|one| statement(&one.label, &one.origin))
    });
    Explanation { observation, decision, judged, permission, deny, outcome, shown, readings }
}

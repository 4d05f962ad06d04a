//! `exeat explain`: one flow, and the way to its verdict.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use jiff::Timestamp;

use super::args::ExplainArgs;
use super::args::Format;
use super::failure::Failure;
use super::outcome::Outcome;
use super::recording;
use super::recording::Recorded;
use super::rules;
use super::subject;
use super::subject::Subject;
use super::terminal::Terminal;
use crate::capture::CapturedFlow;
use crate::flow::Fqdn;
use crate::flow::Observation;
use crate::flow::notation::DestinationText;
use crate::flow::notation::FlowText;
use crate::flow::notation::SourceText;
use crate::intent::Intent;
use crate::report::explain::Explanation;
use crate::report::explain::Statement;
use crate::report::near::Near;
use crate::simulate;
use crate::simulate::Environment;
use crate::simulate::NearMiss;
use crate::simulate::Reason;
use crate::simulate::Simulator;
use crate::simulate::Verdict;

/// Decides the flow. A name of a subnet or host stands for one address, which is shown.
pub(super) fn run(args: &ExplainArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    if subject::lists_assumptions(&args.subject.known, terminal)? {
        return Ok(Outcome::Clean);
    }
    let (rules_file, text) = subject_and_flow(args)?;
    let flow = FlowText::parse(&text).map_err(|error| {
        let help = match &error.help {
            Some(help) => help.as_str(),
            None if args.words.iter().any(|word| word.contains(' ')) => {
                "`exeat explain --help` shows a flow"
            }
            None => "write the flow in quotes: `exeat explain --help` shows one",
        };
        let caret = " ".repeat(text.get(..error.at).unwrap_or(&text).chars().count());
        Failure::with_help(format!("{}\n    {text}\n    {caret}^", error.message), help)
    })?;
    let mut subject =
        subject::load(rules_file.as_deref(), &args.subject, &[], &args.rules, terminal)?;
    subject.mention_findings(&args.common, terminal)?;
    let from = match &args.from {
        Some(name) => Some(subject.address_in(name)?),
        None => None,
    };
    let quiet = args.common.quiet;
    let evidence = &mut subject.evidence;
    let mut recorded =
        recording::record(&args.capture, quiet, from, evidence, None, terminal)?.whole()?;
    let at = time(&flow, from, &mut recorded)?.unwrap_or(subject.at);
    let observation = observation(&flow, from, &subject, at)?;
    let simulator = subject.simulator()?;
    let environment = Environment { at, ..subject.environment() };
    let explanation = explain(&observation, &simulator, &subject, &environment);
    let report = match args.format {
        Format::Text => explanation.to_text(),
        Format::Json => explanation
            .to_json()
            .map_err(|error| Failure::new(format!("cannot write the report: {error}")))?,
    };
    terminal.write_out(&report)?;
    let is_objection = explanation.outcome.is_objection() && explanation.accepted.is_none();
    Ok(if is_objection { Outcome::Objections } else { Outcome::Clean })
}

/// The time at which DNS answers are to hold: that of the flow if it was recorded, since `replay`
/// judges it then, else the end of the captures. Nothing where nothing was recorded.
fn time(
    flow: &FlowText,
    from: Option<IpAddr>,
    recorded: &mut Recorded,
) -> Result<Option<Timestamp>, Failure> {
    let is_it = |one: &CapturedFlow| {
        let to = one.destination.map(DestinationText::Address);
        flow.source_port.unwrap_or(0) == one.source_port
            && (flow.destination_port, flow.protocol) == (one.destination_port, one.protocol)
            && (from.is_some() || flow.source == SourceText::Address(one.source))
            && to.is_none_or(|to| flow.destination == to)
    };
    let (mut first, mut last) = (None, None);
    recorded.each(|_, one| {
        if first.is_none() && is_it(one) {
            first = Some(one.first);
        }
        last = last.max(Some(one.last));
    })?;
    Ok(first.or(last))
}

/// Tells the rules file from the flow: with `--deployment` it may be left out, and a flow that the
/// shell was not kept from cutting comes as several words.
fn subject_and_flow(args: &ExplainArgs) -> Result<(Option<PathBuf>, String), Failure> {
    let is_arrow = |word: &str| ["to", "->", "-"].contains(&word);
    let flow_begins = |word: &str, next: Option<&String>| {
        word.contains("->")
            || word.split_ascii_whitespace().nth(1).is_some_and(is_arrow)
            || next.is_some_and(|next| is_arrow(next))
            || (next.is_none() && !args.subject.deployment.is_empty())
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
    from: Option<IpAddr>,
    subject: &Subject,
    at: Timestamp,
) -> Result<Observation, Failure> {
    let source = match (from, &flow.source) {
        (Some(from), _) => from,
        (None, SourceText::Address(address)) => *address,
        (None, SourceText::Word(word)) => address_of_word(word, subject)?,
    };
    let destination = match &flow.destination {
        DestinationText::Address(address) => *address,
        DestinationText::Name(name) => {
            address_of_name(name, source, subject, at).ok_or_else(|| {
                // With a stand-in for the address, to say the rest as it was meant.
                let stand_in = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
                let written = flow.observation(source, stand_in).to_string();
                let written = written.replacen(" 0.0.0.0 ", " ADDRESS ", 1);
                Failure::with_help(
                    format!("no address of `{name}` is known, and the verdict may depend on it"),
                    format!(
                        "write its address, as in \"{written}\"; or give DNS answers, with `--lock FILE` \
                         (`exeat lock` writes one) or `--capture FILE`"
                    ),
                )
            })?
        }
    };
    Ok(flow.observation(source, destination))
}

/// The first address for a machine in the subnet that `word` names.
fn address_of_word(word: &str, subject: &Subject) -> Result<IpAddr, Failure> {
    subject::machine_in(&subject.deployment, word).map_err(|names| {
        let help = if names.is_empty() {
            "write an address".to_owned()
        } else {
            format!("write an address, or one of {}", names.join(", "))
        };
        Failure::with_help(format!("there is no subnet `{word}`"), help)
    })
}

/// An address that `name` is known to have, for the client at `source`, of its family.
fn address_of_name(
    name: &Fqdn,
    source: IpAddr,
    subject: &Subject,
    at: Timestamp,
) -> Option<IpAddr> {
    let evidence = &subject.evidence;
    let told = evidence.timeline.addresses(source, name, at).unwrap_or_default();
    let locked = evidence.lock.as_ref().and_then(|lock| lock.name(name));
    let locked = locked.into_iter().flat_map(|locked| locked.addresses.iter().copied());
    told.into_iter().chain(locked).find(|address| address.is_ipv4() == source.is_ipv4())
}

fn explain<'a>(
    observation: &'a Observation,
    simulator: &Simulator<'_>,
    subject: &'a Subject,
    environment: &Environment<'_>,
) -> Explanation<'a> {
    let decision = simulator.judge(observation, environment);
    let intent = subject.intent.as_ref();
    let day = rules::day_of(subject.at);
    let judged = intent.map(|intent| intent.judge_on(day, observation, environment));
    let outcome = simulate::Outcome::of(judged.as_ref(), &decision);
    let readings = simulator.readings(observation, environment);
    let shown = simulate::judge::shown(&readings).filter(|_| readings.len() > 1).cloned();
    let reasons: BTreeSet<Reason> = readings.iter().map(|one| one.decision.reason).collect();
    let is_settled = decision.verdict != Verdict::Undetermined && reasons.len() < 2;
    let readings = if is_settled { Vec::new() } else { readings };
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
    let unpermitted = intent
        .zip(judged.as_ref())
        .filter(|(_, judged)| judged.permitted == Some(false) && judged.denied_by.is_none());
    let near = unpermitted.map(|(intent, _)| {
        let misses = intent.near_misses(day, observation, environment).into_iter();
        let near = |miss: NearMiss| {
            let permission = intent.permissions.get(miss.permission)?;
            let statement = statement(&permission.label, &permission.origin);
            Some(Near { statement, permission, miss })
        };
        misses.filter_map(near).collect()
    });
    let because = intent.zip(judged.as_ref());
    let because = because.and_then(|(intent, judged)| judged.accepts_undetermined(intent));
    let accepted = because.filter(|_| outcome == simulate::Outcome::Undetermined);
    let accepted = accepted.map(str::to_owned);
    Explanation {
        observation,
        decision,
        judged,
        permission,
        deny,
        near: near.unwrap_or_default(),
        outcome,
        accepted,
        shown,
        readings,
    }
}

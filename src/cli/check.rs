//! `exeat check`: what is to be said about rules files.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use super::args::CheckArgs;
use super::args::Format;
use super::defaults;
use super::failure::Failure;
use super::outcome::Outcome;
use super::rules;
use super::rules::List;
use super::subject;
use super::terminal::Terminal;
use super::terminal::draw;
use super::usage::Captures;
use crate::azure::Deployment;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceMap;
use crate::flow::set::flows::AlgebraError;
use crate::prove;
use crate::report;
use crate::report::DefaultRow;
use crate::report::command::Asked;
use crate::simulate::Assumptions;
use crate::simulate::Environment;
use crate::simulate::Simulator;
use crate::simulate::assumptions::Assumption;
use crate::testing;

/// What is to be said about one file.
struct Checked {
    findings: Vec<Diagnostic>,
    sources: SourceMap,
    /// What the file leaves out; nothing where it is no list, or nobody asks.
    defaults: Vec<DefaultRow>,
    /// What the verdicts on its examples depended on.
    assumptions: BTreeSet<Assumption>,
    /// Whether it is no list, or one that does not compile.
    is_refused: bool,
}

/// Resolves and compiles each file, judges its examples, and shows the findings. Where there is no
/// list to judge, the exit code is that of a command that could not be done.
pub(super) fn run(args: &CheckArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    if subject::lists_assumptions(&args.known, terminal)? {
        return Ok(Outcome::Clean);
    }
    if args.files.is_empty() {
        return Err(Failure::with_help("there is nothing to check", "name a rules file"));
    }
    let assumptions = subject::assumptions(&args.known.assume)?;
    let at = rules::time(&args.rules, terminal);
    let mut captures = match args.capture.as_slice() {
        [] => None,
        paths => Some(Captures::read(paths, args.common.quiet, terminal)?),
    };
    let mut checked: Vec<Checked> = Vec::new();
    for path in &args.files {
        checked.push(check(path, args, at, &assumptions, captures.as_mut(), terminal)?);
    }
    let is_error = |found: &Diagnostic| found.severity() == Severity::Error;
    let is_shown = |found: &Diagnostic| match found.severity() {
        Severity::Error => true,
        Severity::Warning => !args.common.quiet,
        Severity::Note => tells_more(args) || is_of_captures(found) && !args.common.quiet,
    };
    match args.format {
        Format::Json => {
            let names: Vec<String> =
                args.files.iter().map(|path| path.display().to_string()).collect();
            let findings: Vec<(&Diagnostic, &SourceMap)> = checked
                .iter()
                .flat_map(|one| one.findings.iter().map(move |found| (found, &one.sources)))
                .filter(|(found, _)| is_shown(found))
                .collect();
            let depended = checked.iter().flat_map(|one| one.assumptions.iter().cloned()).collect();
            let defaults: Vec<(&DefaultRow, &SourceMap)> = checked
                .iter()
                .flat_map(|one| one.defaults.iter().map(move |row| (row, &one.sources)))
                .collect();
            let captures = captures.as_ref().map(Captures::read_as).unwrap_or_default();
            let text =
                report::check::to_json(&names, at, &depended, &defaults, captures, &findings)
                    .map_err(|error| Failure::new(format!("cannot write the report: {error}")))?;
            terminal.write_out(&text)?;
        }
        Format::Text => {
            for one in &checked {
                let shown = one.findings.iter().filter(|found| is_shown(found)).cloned();
                // What stops the result from existing is told apart from what the result is.
                let (errors, others): (Vec<Diagnostic>, Vec<Diagnostic>) =
                    shown.partition(|found| one.is_refused && is_error(found));
                if !errors.is_empty() {
                    let text = draw(&errors, &one.sources, terminal.error_style);
                    terminal.write_err(&text)?;
                }
                if !others.is_empty() {
                    let text = draw(&others, &one.sources, terminal.output_style);
                    terminal.write_out(&text)?;
                }
                if tells_more(args) && !one.is_refused {
                    let gap = if others.is_empty() { "" } else { "\n" };
                    terminal.write_out(&[gap, &taken(one)].concat())?;
                }
            }
        }
    }
    let outcomes =
        checked.iter().map(|one| match (one.is_refused, one.findings.iter().any(is_error)) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::Objections,
            (false, false) => Outcome::Clean,
        });
    Ok(outcomes.max().unwrap_or(Outcome::Clean))
}

fn check(
    path: &Path,
    args: &CheckArgs,
    at: Timestamp,
    assumptions: &Assumptions,
    captures: Option<&mut Captures>,
    terminal: &mut Terminal<'_>,
) -> Result<Checked, Failure> {
    let evidence = subject::evidence(Some(path), &args.known, terminal)?;
    let parameters = &args.rules.parameters;
    let resolved =
        rules::resolve(path, &args.checks.assert, parameters, at, evidence.lock.as_ref(), terminal);
    let compiled = resolved.and_then(|mut list| rules::compile(&mut list).map(|it| (list, it)));
    let (mut list, compiled) = match compiled {
        Ok(both) => both,
        Err(Failure::Findings { diagnostics, sources }) => {
            return Ok(Checked {
                findings: diagnostics,
                sources,
                defaults: Vec::new(),
                assumptions: BTreeSet::new(),
                is_refused: true,
            });
        }
        Err(failure) => return Err(failure),
    };
    let main = list.sources.main().map(|(main, _)| main);
    let assertions = list.intent.assertions.iter().map(|one| Some(one.origin.span.file));
    let elsewhere = assertions.filter(|file| *file != main).count();
    if elsewhere > 0 && !args.common.quiet {
        let what = match elsewhere {
            1 => "the assertion beside the list is".to_owned(),
            more => format!("the {more} assertions beside the list are"),
        };
        let text = format!("{what} not decided here, but by `exeat prove`; examples are");
        let text = terminal.titled(Severity::Warning, &text);
        terminal.write_err(&text)?;
    }
    let simulator =
        Simulator::new(&compiled.deployment).map_err(|error| Failure::new(error.to_string()))?;
    let environment = Environment { evidence: &evidence, assumptions, at };
    let tested = testing::examples(&list.intent, &simulator, &environment, list.day);
    let name = path.display().to_string();
    let options = subject::words(&args.known, &args.rules);
    let asked = Asked { rules: Some(&name), deployments: &[], options: &options, captures: &[] };
    let unmet = tested.unmet.iter().map(|one| report::example::finding(one, &list.intent, &asked));
    list.findings.extend(unmet);
    let depended = tested.assumptions;
    if let Err(error) = compare(&mut list, &compiled.deployment, &simulator) {
        list.findings.push(report::coverage::not_compared(&error));
    }
    if let Some(captures) = captures {
        let from = match &args.from {
            Some(subnet) => {
                Some(subject::address_in(&compiled.deployment, &format!("`{name}`"), subnet)?)
            }
            None => None,
        };
        let more = captures.findings(&name, &list, from, &environment, terminal)?;
        list.findings.extend(more);
    }
    let left_out = if tells_more(args) { list.left_out.as_slice() } else { &[] };
    Ok(Checked {
        assumptions: depended,
        defaults: defaults::rows(left_out, &list.intent, &compiled.deployment),
        findings: list.findings,
        sources: list.sources,
        is_refused: false,
    })
}

/// Finds what the statements of a list do to each other, and the rules of a parent to them.
fn compare(
    list: &mut List,
    deployment: &Deployment,
    simulator: &Simulator<'_>,
) -> Result<(), AlgebraError> {
    let intent = &list.intent;
    let found = prove::coverage((intent, list.day), simulator, prove::claims::MAX_NODES)?;
    let unreached = prove::coverage::unreached(intent, simulator, prove::claims::MAX_NODES)?;
    let said = report::coverage::findings(&found, intent, deployment, &list.findings);
    let unreached = report::coverage::unreached(&unreached, intent);
    report::coverage::leave_out_told(&mut list.findings, &unreached);
    list.findings.extend(said.into_iter().chain(unreached));
    Ok(())
}

/// Whether a capture says it, and who names one asks for it.
fn is_of_captures(found: &Diagnostic) -> bool {
    [Code::NEVER_USED, Code::USED_NARROWLY].contains(&found.code())
}

/// Whether notes and defaults are told.
fn tells_more(args: &CheckArgs) -> bool {
    !args.common.quiet && (args.common.verbose || args.format == Format::Json)
}

/// What was taken where the list, or the command line, says nothing.
fn taken(checked: &Checked) -> String {
    let rows = checked.defaults.iter().map(|row| row.to_text(&checked.sources));
    let by_default = Assumptions::default();
    let assumed = checked
        .assumptions
        .iter()
        .filter(|one| by_default.show(one.key).as_ref() == Some(one))
        .map(|one| format!("--assume: {} = {} ({})", one.key, one.value, one.section));
    let mut text = "taken where nothing is said:\n".to_owned();
    for line in rows.chain(assumed) {
        text.extend(["  ", &line, "\n"]);
    }
    text
}

//! `exeat diff`: what a change lets out or stops, over all flows.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::args::DiffArgs;
use super::args::DiffFormat;
use super::args::FailOn;
use super::failure::Failure;
use super::files;
use super::outcome::Outcome;
use super::prove::undecided;
use super::recording;
use super::rules;
use super::rules::List;
use super::subject;
use super::terminal::Terminal;
use crate::azure::Deployment;
use crate::capture::CapturedFlow;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::MAX_SOURCE_BYTES;
use crate::diagnostic::SourceMap;
use crate::evidence::Lock;
use crate::flow::Host;
use crate::intent::Intent;
use crate::prove;
use crate::prove::Residual;
use crate::report;
use crate::report::command::Asked;
use crate::report::diff::DifferenceReport;
use crate::report::diff::Flip;
use crate::report::diff::Recorded;
use crate::simulate::Environment;
use crate::simulate::Simulator;

/// Compares two rules files or deployments.
pub(super) fn run(args: &DiffArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    if subject::lists_assumptions(&args.known, terminal)? {
        return Ok(Outcome::Clean);
    }
    let [old, new] = args.sides.as_slice() else {
        return Err(Failure::new("expected two things to compare: OLD and NEW"));
    };
    let at = rules::time(&args.rules, terminal);
    let assumptions = subject::assumptions(&args.known.assume)?;
    let (old, new) = (given(old, terminal)?, given(new, terminal)?);
    // One lock for both, so that no difference of locks is taken for one of rules.
    let mut lists = [&new, &old].into_iter().filter_map(Given::rules_file);
    let beside = lists.find_map(|path| subject::lock_beside(path, terminal));
    let lock = args.known.lock.clone().or(beside);
    let evidence = subject::evidence_with(lock.as_deref(), &args.known, terminal)?;
    let old = load(&old, args, evidence.lock.as_ref(), terminal)?;
    let new = load(&new, args, evidence.lock.as_ref(), terminal)?;
    for side in [&old, &new] {
        let name = side.rules.as_deref();
        rules::mention_findings(name, &side.findings, &side.sources, &args.common, terminal)?;
    }
    let (old_simulator, new_simulator) = (old.simulator()?, new.simulator()?);
    let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
    let (old_side, new_side) = (&old_simulator, &new_simulator);
    let compared = prove::difference::Compared { old: old_side, new: new_side, environment };
    let difference = prove::difference(&compared, prove::claims::MAX_NODES).map_err(|error| {
        undecided("the two are not compared", &error, &[old_side.deployment, new_side.deployment])
    })?;
    let recorded = recorded(args, [&old_simulator, &new_simulator], environment, terminal)?;
    let mut options = subject::words(&args.known, &args.rules);
    if let Some(lock) = lock.filter(|_| args.known.lock.is_none()) {
        options.extend(["--lock".to_owned(), lock.display().to_string()]);
    }
    let report = DifferenceReport {
        old: old.reported(&options),
        new: new.reported(&options),
        evidence: &evidence,
        at,
        difference: &difference,
        recorded,
        residual: Residual::of_change(&old.deployment, &new.deployment).into_iter().collect(),
    };
    let text = match args.format {
        DiffFormat::Text => report.to_text(),
        DiffFormat::Markdown => report.to_markdown(),
        DiffFormat::Json => report
            .to_json()
            .map_err(|error| Failure::new(format!("cannot write the report: {error}")))?,
    };
    terminal.write_out(&text)?;
    let fails = match args.fail_on {
        None => false,
        Some(FailOn::Widened) => report.is_widened(),
        Some(FailOn::Any) => report.is_different(),
    };
    Ok(if fails { Outcome::Objections } else { Outcome::Clean })
}

/// What becomes of the flows in the captures on both sides, if there are any. Their DNS answers are
/// known of both.
fn recorded(
    args: &DiffArgs,
    simulators: [&Simulator<'_>; 2],
    environment: Environment<'_>,
    terminal: &mut Terminal<'_>,
) -> Result<Option<Recorded>, Failure> {
    if args.capture.is_empty() {
        return Ok(None);
    }
    let mut evidence = environment.evidence.clone();
    let quiet = args.common.quiet;
    let mut held =
        recording::record(&args.capture, quiet, None, &mut evidence, None, terminal)?.whole()?;
    let day = rules::day_of(environment.at);
    let by_path = |host: Option<&Host>| simulators.iter().any(|one| one.looks_at_paths_of(host));
    let flip = |capture: &str, flow: &CapturedFlow| {
        let openings = recording::openings(flow, None, &evidence, by_path);
        let environment = Environment { evidence: &evidence, at: flow.first, ..environment };
        let replay = |on: &Simulator<'_>| on.replay(&openings, None, day, &environment);
        let [old, new] = simulators.map(replay);
        let (old, new) = (old?, new?);
        // A connection goes on as long as it leaves.
        let settling = openings.get(old.index.max(new.index))?.clone();
        let row = recording::row(flow, capture);
        Flip::of(row, settling, [old.decision, new.decision])
    };
    let mut flips = Vec::new();
    held.each(|capture, flow| flips.extend(flip(capture, flow)))?;
    let names = held.captures.iter().map(|capture| capture.path.clone()).collect();
    Ok(Some(Recorded { names, flows: held.flows.len(), captures: held.captures, flips }))
}

/// What a word of the command line names.
enum Given {
    Rules(PathBuf),
    Deployments(Vec<PathBuf>),
}

impl Given {
    fn rules_file(&self) -> Option<&Path> {
        match self {
            Given::Rules(path) => Some(path),
            Given::Deployments(_) => None,
        }
    }
}

/// Tells a rules file from a deployment: by its name, else by its first character, since no rules
/// file begins as JSON does. Standard input is a rules file.
fn given(path: &Path, terminal: &mut Terminal<'_>) -> Result<Given, Failure> {
    let rules = || Ok(Given::Rules(path.to_owned()));
    if files::is_standard_stream(path) {
        return rules();
    }
    if terminal.path(path).is_dir() {
        return in_folder(path, terminal).map(Given::Deployments);
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if extension.eq_ignore_ascii_case("egress") {
        return rules();
    }
    let is_json = extension.eq_ignore_ascii_case("json")
        || files::read_text(path, subject::MAX_DEPLOYMENT_BYTES.max(MAX_SOURCE_BYTES), terminal)?
            .trim_start()
            .starts_with(['{', '[']);
    if is_json { Ok(Given::Deployments(vec![path.to_owned()])) } else { rules() }
}

/// The deployment files that lie in a folder, by their names.
fn in_folder(folder: &Path, terminal: &Terminal<'_>) -> Result<Vec<PathBuf>, Failure> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(terminal.path(folder))? {
            let name = PathBuf::from(entry?.file_name());
            if name.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
                files.push(folder.join(name));
            }
        }
        files.sort();
        Ok(files)
    };
    let files = read().map_err(|error| Failure::reading(folder, &error))?;
    if files.is_empty() {
        return Err(Failure::with_help(
            format!("`{}` is a folder without deployment files (`.json`)", folder.display()),
            "name a rules file, a deployment file, or a folder of deployment files",
        ));
    }
    Ok(files)
}

/// One side, loaded.
struct Side {
    rules: Option<String>,
    deployments: Vec<String>,
    intent: Option<Intent>,
    sources: SourceMap,
    findings: Vec<Diagnostic>,
    deployment: Deployment,
}

impl Side {
    fn simulator(&self) -> Result<Simulator<'_>, Failure> {
        Simulator::new(&self.deployment).map_err(|error| {
            let name = self.rules.clone().unwrap_or_else(|| self.deployments.join(", "));
            Failure::new(format!("`{name}`: {error}"))
        })
    }

    fn reported<'a>(&'a self, options: &'a [String]) -> report::diff::Side<'a> {
        report::diff::Side {
            asked: Asked {
                rules: self.rules.as_deref(),
                deployments: &self.deployments,
                options,
                captures: &[],
            },
            intent: self.intent.as_ref(),
            deployment: &self.deployment,
            sources: &self.sources,
            findings: &self.findings,
        }
    }
}

fn load(
    given: &Given,
    args: &DiffArgs,
    lock: Option<&Lock>,
    terminal: &mut Terminal<'_>,
) -> Result<Side, Failure> {
    let name = |path: &Path| path.display().to_string();
    match given {
        Given::Rules(path) => {
            let at = rules::time(&args.rules, terminal);
            let mut list = rules::resolve(path, &[], &args.rules.parameters, at, lock, terminal)?;
            let deployment = rules::compile(&mut list)?.deployment;
            let List { intent, sources, findings, .. } = list;
            Ok(Side {
                rules: Some(name(path)),
                deployments: Vec::new(),
                intent: Some(intent),
                sources,
                findings,
                deployment,
            })
        }
        Given::Deployments(paths) => {
            let deployments: Vec<String> = paths.iter().map(|path| name(path)).collect();
            let mut texts = Vec::with_capacity(paths.len());
            for path in paths {
                texts.push(files::read_text(path, subject::MAX_DEPLOYMENT_BYTES, terminal)?);
            }
            let deployment = subject::merged(deployments.iter().zip(&texts))?;
            Ok(Side {
                rules: None,
                deployments,
                intent: None,
                sources: SourceMap::new(),
                findings: Vec::new(),
                deployment,
            })
        }
    }
}

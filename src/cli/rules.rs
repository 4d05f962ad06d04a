//! From a rules file to a list and a deployment: the way of every command that reads one.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::args::ParameterArgs;
use super::args::RulesArgs;
use super::failure::Failure;
use super::failure::plain;
use super::files;
use super::terminal::Terminal;
use crate::azure::Deployment;
use crate::compile;
use crate::compile::Compiled;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::MAX_SOURCE_BYTES;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceMap;
use crate::evidence::Lock;
use crate::import;
use crate::intent::Intent;
use crate::resolve;
use crate::resolve::Assignment;
use crate::resolve::LeftOut;
#[cfg(feature = "live-dns")]
use crate::resolve::Pin;

/// A rules file, resolved.
#[derive(Debug)]
pub(super) struct List {
    /// The list.
    pub(super) intent: Intent,
    /// The source text.
    pub(super) sources: SourceMap,
    /// Warnings and notes.
    pub(super) findings: Vec<Diagnostic>,
    /// What the source leaves out.
    pub(super) left_out: Vec<LeftOut>,
    /// What was imported.
    #[cfg(feature = "live-dns")]
    pub(super) pins: Vec<Pin>,
    /// What it was resolved with.
    pub(super) options: resolve::Options,
    /// The day, in UTC, on which it is looked at.
    pub(super) day: Date,
}

impl List {
    /// The list, where nothing is an error.
    pub(super) fn new(
        resolved: resolve::Resolved,
        options: resolve::Options,
        day: Date,
    ) -> Result<List, Failure> {
        let resolve::Resolved { intent, sources, diagnostics: findings, left_out, .. } = resolved;
        match intent {
            Some(intent) => Ok(List {
                intent,
                sources,
                findings,
                left_out,
                #[cfg(feature = "live-dns")]
                pins: resolved.imports,
                options,
                day,
            }),
            None => Err(Failure::Findings { diagnostics: findings, sources }),
        }
    }
}

/// The day of an instant, in UTC.
pub(super) fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The time to judge as of.
pub(super) fn time(args: &RulesArgs, terminal: &Terminal<'_>) -> Timestamp {
    args.at.unwrap_or(terminal.now)
}

/// The values given to parameters: those of `--params` first, so that `--set` has the last word.
fn assignments(
    args: &ParameterArgs,
    terminal: &mut Terminal<'_>,
) -> Result<Vec<Assignment>, Failure> {
    let mut all = Vec::new();
    if let Some(path) = &args.params {
        let text = files::read_text(path, MAX_SOURCE_BYTES, terminal)?;
        let lines = Assignment::parse_lines(&text, &path.display().to_string());
        all.extend(lines.map_err(|error| Failure::new(error.to_string()))?);
    }
    for text in &args.set {
        let assignment = Assignment::parse(text, "--set");
        all.push(assignment.map_err(|error| Failure::new(error.to_string()))?);
    }
    Ok(all)
}

/// Reads and resolves the rules file at `path`, with everything that it imports, to be looked at as
/// of `at`, and the files of `checks` beside it. Examples that name a host are about an address that
/// `lock` has for it.
pub(super) fn resolve(
    path: &Path,
    checks: &[PathBuf],
    args: &ParameterArgs,
    at: Timestamp,
    lock: Option<&Lock>,
    terminal: &mut Terminal<'_>,
) -> Result<List, Failure> {
    let day = day_of(at);
    let place = |one: &Path| {
        let full = (!files::is_standard_stream(one)).then(|| terminal.path(one))?;
        full.canonicalize().ok()
    };
    let own = place(path);
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    let mut each_once: Vec<&PathBuf> = Vec::with_capacity(checks.len());
    for one in checks {
        let place = place(one);
        if place.is_some() && place == own {
            return Err(Failure::with_help(
                format!("`--assert {}` is the rules file itself", one.display()),
                "leave the option out: its own assertions and examples are decided anyway",
            ));
        }
        if place.is_none_or(|place| seen.insert(place)) {
            each_once.push(one);
        }
    }
    let parameters = assignments(args, terminal)?;
    let locked = lock.into_iter().flat_map(Lock::names);
    let addresses = locked
        .map(|locked| (locked.name.clone(), locked.addresses.iter().copied().collect()))
        .collect();
    let options = resolve::Options {
        parameters,
        addresses,
        checks: each_once.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        day: Some(day),
    };
    // Of what stands on the command line: nothing in the source could be pointed at.
    let mut unreadable = None;
    let mut read = |file: &Path| -> io::Result<Vec<u8>> {
        let is_of_checks = file != path && checks.iter().any(|one| one == file);
        let text = files::source(file, terminal).map_err(|error| {
            if file == path || is_of_checks {
                unreadable = Some(Failure::reading(file, &error));
            }
            io::Error::new(error.kind(), plain(&error))
        })?;
        if (file == path || is_of_checks) && text.trim_ascii_start().starts_with(b"{") {
            let help = if is_of_checks {
                "`--assert` takes assertions and examples, in the language of rules files"
            } else {
                "a deployment is given with `--deployment FILE`"
            };
            let says = format!("expected a rules file, found JSON in `{}`", file.display());
            unreadable = Some(Failure::with_help(says, help));
        }
        Ok(text)
    };
    let resolved = resolve::resolve(&path.to_string_lossy(), &mut read, &options);
    if let Some(failure) = unreadable {
        return Err(failure);
    }
    List::new(resolved, options, day)
}

/// What stands beside the list: the deployments of its `context` files.
fn context(intent: &Intent) -> Result<Deployment, Failure> {
    let mut all = Deployment::default();
    for context in &intent.context {
        let one = deployment(&context.file, &context.text)?;
        merge(&mut all, one, &context.file)?;
    }
    Ok(all)
}

/// The deployment that `text`, the file `name`, states.
pub(super) fn deployment(name: &str, text: &str) -> Result<Deployment, Failure> {
    import::json::read(text).map_err(|error| match import::foreign::describe(text) {
        Some(kind) => Failure::with_help(
            format!("`{name}` is {kind}, expected `exeat.deployment/1`"),
            "state what is deployed as `docs/deployment.md` says; `exeat compile --target json` writes it \
             for a list",
        ),
        None => Failure::new(format!("`{name}`: {error}")),
    })
}

/// Takes the resources of `more` into `all`.
pub(super) fn merge(all: &mut Deployment, more: Deployment, from: &str) -> Result<(), Failure> {
    all.absorb(more).map_err(|twice| {
        Failure::with_help(
            format!("`{from}`: {twice} is described in another file too"),
            "describe each resource in one file",
        )
    })
}

/// Compiles the list. Findings that stop it are the failure; the others join those of the list.
pub(super) fn compile(list: &mut List) -> Result<Compiled, Failure> {
    let context = context(&list.intent)?;
    match compile::compile(&list.intent, &context, list.day) {
        Ok(compiled) => {
            list.findings.extend(compiled.diagnostics.iter().cloned());
            Ok(compiled)
        }
        Err(found) => {
            let mut diagnostics = std::mem::take(&mut list.findings);
            diagnostics.extend(found);
            let sources = std::mem::take(&mut list.sources);
            Err(Failure::Findings { diagnostics, sources })
        }
    }
}

/// What the list compiles to, if it does, where that is no more than something to compare with.
pub(super) fn compiled(list: &List) -> Option<Deployment> {
    let context = context(&list.intent).ok()?;
    compile::compile(&list.intent, &context, list.day).ok().map(|compiled| compiled.deployment)
}

/// Shows warnings, and with `-v` notes, on standard error.
pub(super) fn show_findings(
    findings: &[Diagnostic],
    sources: &SourceMap,
    common: &super::args::CommonArgs,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let shown: Vec<Diagnostic> = findings
        .iter()
        .filter(|found| match found.severity() {
            Severity::Error => true,
            Severity::Warning => !common.quiet,
            Severity::Note => common.verbose,
        })
        .cloned()
        .collect();
    if shown.is_empty() {
        return Ok(());
    }
    let text = terminal.draw(&shown, sources);
    terminal.write_err(&text)
}

/// Names the warnings about the list in one line, for commands whose answer is another; with `-v`
/// they are shown.
pub(super) fn mention_findings(
    rules_file: Option<&str>,
    findings: &[Diagnostic],
    sources: &SourceMap,
    common: &super::args::CommonArgs,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let Some(name) = rules_file.filter(|_| !common.verbose) else {
        return show_findings(findings, sources, common, terminal);
    };
    let warnings = findings.iter().filter(|found| found.severity() == Severity::Warning);
    let codes: Vec<&str> = warnings.map(|found| found.code().id()).collect();
    if codes.is_empty() || common.quiet {
        return Ok(());
    }
    let number = match codes.len() {
        1 => "a warning".to_owned(),
        n => format!("{n} warnings"),
    };
    let codes: BTreeSet<&str> = codes.into_iter().collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let says = format!("`{name}` has {number} ({}), which `exeat check` shows", codes.join(", "));
    let text = terminal.titled(Severity::Warning, &says);
    terminal.write_err(&text)
}

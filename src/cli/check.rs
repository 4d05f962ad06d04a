//! `exeat check`: what is to be said about rules files.

use super::args::CheckArgs;
use super::args::Format;
use super::failure::Failure;
use super::outcome::Outcome;
use super::rules;
use super::terminal::Terminal;
use super::terminal::draw;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceMap;
use crate::report;

/// Resolves and compiles each file, and shows the findings. Errors are findings like others, but
/// the exit code is that of a command that could not be done.
pub(super) fn run(args: &CheckArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    let mut checked: Vec<(Vec<Diagnostic>, SourceMap)> = Vec::new();
    let mut outcome = Outcome::Clean;
    let at = rules::time(&args.rules, terminal);
    for path in &args.files {
        let found = match rules::resolve(path, &args.rules.parameters, at, terminal) {
            Ok(mut list) => match rules::compile(&mut list) {
                Ok(_) => (list.findings, list.sources),
                Err(Failure::Findings { diagnostics, sources }) => (diagnostics, sources),
                Err(failure) => return Err(failure),
            },
            Err(Failure::Findings { diagnostics, sources }) => (diagnostics, sources),
            Err(failure) => return Err(failure),
        };
        if found.0.iter().any(|one| one.severity() == Severity::Error) {
            outcome = Outcome::Failed;
        }
        checked.push(found);
    }
    let is_shown = |found: &Diagnostic| match found.severity() {
        Severity::Error => true,
        Severity::Warning => !args.common.quiet,
        Severity::Note => {
            !args.common.quiet && (args.common.verbose || args.format == Format::Json)
        }
    };
    match args.format {
        Format::Json => {
            let names: Vec<String> =
                args.files.iter().map(|path| path.display().to_string()).collect();
            let findings: Vec<(&Diagnostic, &SourceMap)> = checked
                .iter()
                .flat_map(|(found, sources)| found.iter().map(move |one| (one, sources)))
                .filter(|(one, _)| is_shown(one))
                .collect();
            let text = report::check::to_json(&names, at, &findings)
                .map_err(|error| Failure::new(format!("cannot write the report: {error}")))?;
            terminal.write_out(&text)?;
        }
        Format::Text => {
            for (found, sources) in &checked {
                let shown: Vec<Diagnostic> =
                    found.iter().filter(|one| is_shown(one)).cloned().collect();
                let errors: Vec<Diagnostic> =
                    shown.iter().filter(|one| one.severity() == Severity::Error).cloned().collect();
                let others: Vec<Diagnostic> =
                    shown.iter().filter(|one| one.severity() != Severity::Error).cloned().collect();
                if !errors.is_empty() {
                    let text = draw(&errors, sources, terminal.error_style);
                    terminal.write_err(&text)?;
                }
                if !others.is_empty() {
                    let text = draw(&others, sources, terminal.output_style);
                    terminal.write_out(&text)?;
                }
            }
        }
    }
    Ok(outcome)
}

//! `exeat compile`: a rules file to Azure's resources.

use std::path::Path;
use std::path::PathBuf;

use super::args::CompileArgs;
use super::args::Target;
use super::failure::Failure;
use super::files;
use super::outcome::Outcome;
use super::rules;
use super::terminal::Terminal;
use crate::azure::Deployment;
use crate::diagnostic::Severity;
use crate::emit;
use crate::emit::EmittedFile;

/// The name of the model's file.
const MODEL_FILE: &str = "deployment.json";

/// The longest `deploy-order.json` that is looked into for earlier templates: each takes a few
/// hundred bytes.
const MAX_ORDER_BYTES: usize = 1024 * 1024;

/// Writes what the rules file compiles to, whole or not at all.
pub(super) fn run(args: &CompileArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    if files::is_standard_stream(&args.out) {
        return Err(Failure::new(
            "several files cannot be written to standard output; name a folder with `--out` (`./-` for one called `-`)",
        ));
    }
    let at = rules::time(&args.rules, terminal);
    let mut list = rules::resolve(&args.file, &[], &args.rules.parameters, at, None, terminal)?;
    let compiled = rules::compile(&mut list)?;
    rules::show_findings(&list.findings, &list.sources, &args.common, terminal)?;
    let files = match args.target {
        Target::Arm => arm(&compiled.deployment)?,
        Target::Json => vec![model(&compiled.deployment)?],
    };
    let stale = stale(&args.out, &files, terminal);
    files::write_all(&args.out, &files, args.threads.threads, terminal)?;
    if !args.common.quiet {
        let mut text = String::new();
        for file in &files {
            text.push_str(&args.out.join(&file.path).display().to_string());
            text.push('\n');
        }
        terminal.write_out(&text)?;
        for path in stale {
            let path = path.display();
            let message = format!(
                "`{path}` is of an earlier compile and no longer written; delete it if nothing else needs it"
            );
            let text = terminal.titled(Severity::Warning, &message);
            terminal.write_err(&text)?;
        }
    }
    Ok(Outcome::Clean)
}

/// The templates that the `deploy-order.json` in `folder` names and `files` do not replace. They are
/// said and not deleted, since they may be under version control or in use.
fn stale(folder: &Path, files: &[EmittedFile], terminal: &mut Terminal<'_>) -> Vec<PathBuf> {
    if !files.iter().any(|file| file.path == emit::arm::ORDER_FILE) {
        return Vec::new();
    }
    let order = folder.join(emit::arm::ORDER_FILE);
    // What cannot be read as an order is replaced by one, and tells nothing.
    let order = files::read_text(&order, MAX_ORDER_BYTES, terminal).unwrap_or_default();
    let mut earlier = emit::arm::templates(&order);
    earlier.sort();
    earlier.dedup();
    earlier.retain(|path| files.iter().all(|file| file.path != *path));
    let paths = earlier.into_iter().map(|path| folder.join(path));
    paths.filter(|path| terminal.path(path).is_file()).collect()
}

fn model(deployment: &Deployment) -> Result<EmittedFile, Failure> {
    let text = emit::json::write(deployment).map_err(|error| Failure::new(error.to_string()))?;
    Ok(EmittedFile { path: MODEL_FILE.to_owned(), text, is_script: false })
}

fn arm(deployment: &Deployment) -> Result<Vec<EmittedFile>, Failure> {
    emit::arm::write(deployment).map_err(|error| Failure::new(error.to_string()))
}

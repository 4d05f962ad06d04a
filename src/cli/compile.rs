//! `exeat compile`: a rules file to Azure's resources.

use super::args::CompileArgs;
use super::args::Target;
use super::failure::Failure;
use super::files;
use super::outcome::Outcome;
use super::rules;
use super::terminal::Terminal;
use crate::azure::Deployment;
use crate::emit;

/// The name of the model's file.
const MODEL_FILE: &str = "deployment.json";

/// Writes what the rules file compiles to, whole or not at all.
pub(super) fn run(args: &CompileArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    let at = rules::time(&args.rules, terminal);
    let mut list = rules::resolve(&args.file, &args.rules.parameters, at, None, terminal)?;
    let compiled = rules::compile(&mut list)?;
    rules::show_findings(&list.findings, &list.sources, &args.common, terminal)?;
    let files = match args.target {
        Target::Arm => arm(&compiled.deployment)?,
        Target::Json => vec![(MODEL_FILE.to_owned(), model(&compiled.deployment)?)],
    };
    files::write_all(&args.out, &files, args.threads.threads, terminal)?;
    if !args.common.quiet {
        let mut text = String::new();
        for (name, _) in &files {
            text.push_str(&args.out.join(name).display().to_string());
            text.push('\n');
        }
        terminal.write_out(&text)?;
    }
    Ok(Outcome::Clean)
}

fn model(deployment: &Deployment) -> Result<String, Failure> {
    emit::json::write(deployment).map_err(|error| Failure::new(error.to_string()))
}

fn arm(deployment: &Deployment) -> Result<Vec<(String, String)>, Failure> {
    let emitted = emit::arm::write(deployment).map_err(|error| Failure::new(error.to_string()))?;
    Ok(emitted.into_iter().map(|file| (file.path, file.text)).collect())
}

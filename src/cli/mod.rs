//! The command line: arguments in, text and an exit code out.
//!
//! This is the only stage that reads files named by the user, the clock and the environment, and
//! the only one that writes. Each subcommand has a file; [`Outcome`] is what a pipeline reads.

mod args;
mod code;
mod failure;
mod files;
mod flows;
mod outcome;
mod recording;
mod terminal;

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::ErrorKind;

use args::Cli;
use args::Command;
use failure::Failure;
pub use outcome::Outcome;
pub use terminal::Terminal;

/// Runs the command line `args`, the program's name first.
pub fn run(args: impl IntoIterator<Item = OsString>, terminal: &mut Terminal<'_>) -> Outcome {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, terminal),
    };
    let result = match cli.command {
        Command::Code(args) => code::run(&args, terminal),
        Command::Flows(args) => flows::run(&args, terminal),
        _ => Err(Failure::new("TEMP")),
    };
    match result {
        Ok(outcome) => outcome,
        Err(failure) => failure.report(terminal),
    }
}

/// Shows the help that was asked for, or what is wrong with the arguments.
fn usage(error: &clap::Error, terminal: &mut Terminal<'_>) -> Outcome {
    let text = error.render();
    let shown = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            terminal.write_out(&text.to_string()).map(|()| Outcome::Clean)
        }
        _ => terminal.write_err(&text.to_string()).map(|()| Outcome::Failed),
    };
    shown.unwrap_or_else(|failure| failure.report(terminal))
}

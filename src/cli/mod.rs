//! The command line: arguments in, text and an exit code out.
//!
//! This is the only stage that reads files named by the user, the clock and the environment, and
//! the only one that writes. Each subcommand has a file; [`Outcome`] is what a pipeline reads.

mod args;
mod check;
mod code;
mod compile;
mod default_route;
mod defaults;
mod diff;
mod explain;
mod failure;
mod files;
mod fitting;
mod flows;
mod fmt;
mod interrupt;
mod judge;
mod listing;
#[cfg(feature = "live-dns")]
mod lock;
mod outcome;
mod prove;
mod reading;
mod recording;
mod replay;
mod rules;
mod spool;
mod subject;
mod terminal;
#[cfg(feature = "testing")]
mod test;
mod threads;
mod trial;
mod usage;
mod witness;

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::ErrorKind;

use args::Cli;
use args::Command;
pub use interrupt::Interrupt;
pub use interrupt::Stream;
pub use outcome::Outcome;
pub use terminal::Terminal;

/// Runs the command line `args`, the program's name first.
pub fn run(args: impl IntoIterator<Item = OsString>, terminal: &mut Terminal<'_>) -> Outcome {
    // A flow that was quoted word by word; alone, an arrow would be taken for an option.
    let args = args.into_iter().map(|arg| if arg == "->" { "to".into() } else { arg });
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, terminal),
    };
    let result = match &cli.command {
        Command::Check(args) => check::run(args, terminal),
        Command::Fmt(args) => fmt::run(args, terminal),
        Command::Compile(args) => compile::run(args, terminal),
        Command::Explain(args) => explain::run(args, terminal),
        Command::Flows(args) => flows::run(args, terminal),
        Command::Replay(args) => replay::run(args, terminal),
        Command::Prove(args) => prove::run(args, terminal),
        Command::Diff(args) => diff::run(args, terminal),
        #[cfg(feature = "testing")]
        Command::Test(args) => test::run(args, terminal),
        #[cfg(feature = "live-dns")]
        Command::Lock(args) => lock::run(args, terminal),
        Command::Code(args) => code::run(args, terminal),
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

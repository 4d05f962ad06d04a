//! The command `exeat`: arguments in, exit code out.

use std::env;
use std::io;
use std::io::IsTerminal as _;
use std::io::Write as _;
use std::process;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use exeat::cli;
use exeat::cli::Interrupt;
use exeat::cli::Stream;
use exeat::cli::Terminal;
use exeat::diagnostic::render::Style;

/// Signals that come so close together are one wish: programs that start others send it to their
/// group, too, as `timeout` does.
const ONE_WISH: Duration = Duration::from_millis(500);

/// The exit code of a run that a signal ends, as shells have it: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let (mut output, mut error) = (io::stdout(), io::stderr());
    // The library is handed the time and the environment; this is the place where they are read.
    #[expect(
        clippy::disallowed_methods,
        reason = "`main` is where the clock and environment enter"
    )]
    let (now, plain) =
        (jiff::Timestamp::now(), env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()));
    let style = |terminal: bool| if terminal && !plain { Style::Styled } else { Style::Plain };
    let folder = match env::current_dir() {
        Ok(folder) => folder,
        Err(failure) => {
            // Where standard error is gone too, the exit code is all that is left to say.
            let _ = writeln!(error, "error: cannot tell the folder of the run: {failure}");
            return cli::Outcome::Failed.into();
        }
    };
    let interrupt = Arc::new(Interrupt::default());
    let asked = Arc::clone(&interrupt);
    let mut first: Option<Instant> = None;
    #[expect(clippy::disallowed_methods, reason = "how long the user waits is no part of a result")]
    let handler = move || {
        if asked.ask() {
            first = Some(Instant::now());
        } else if first.is_none_or(|first| first.elapsed() > ONE_WISH) {
            process::exit(INTERRUPTED);
        }
    };
    // Where there can be no handler, the signal ends the run.
    let _ = ctrlc::set_handler(handler);
    let mut input = Stream::new(io::stdin(), Arc::clone(&interrupt));
    let mut terminal = Terminal {
        output_style: style(output.is_terminal()),
        error_style: style(error.is_terminal()),
        shows_progress: error.is_terminal(),
        input: Some(&mut input),
        output: &mut output,
        error: &mut error,
        now,
        folder,
        temporary: env::temp_dir(),
        inputs: Vec::new(),
        interrupt,
    };
    cli::run(env::args_os(), &mut terminal).into()
}

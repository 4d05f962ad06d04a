//! What stops a result from existing.

use std::fmt;
use std::io;
use std::path::Path;

use super::outcome::Outcome;
use super::terminal::Terminal;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceMap;
use crate::diagnostic::render::escape_controls;

/// Why a command did not come to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// One message.
    Message {
        /// What happened, where, and what was expected.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// Findings at error level in the input.
    Findings {
        /// The findings, in reading order.
        diagnostics: Vec<Diagnostic>,
        /// The files that they speak of.
        sources: SourceMap,
    },
    /// The reader of the output went away; that is no error (`git`, `cargo`).
    BrokenPipe,
}

impl Failure {
    /// A message without help.
    pub(super) fn new(message: impl Into<String>) -> Failure {
        Failure::Message { message: message.into(), help: None }
    }

    /// A message that says what to do.
    pub(super) fn with_help(message: impl Into<String>, help: impl Into<String>) -> Failure {
        Failure::Message { message: message.into(), help: Some(help.into()) }
    }

    /// `path` could not be read.
    pub(super) fn reading(path: &Path, error: &io::Error) -> Failure {
        Failure::new(format!("cannot read `{}`: {}", path.display(), plain(error)))
    }

    /// `path` could not be written.
    pub(super) fn writing(path: &Path, error: &io::Error) -> Failure {
        Failure::new(format!("cannot write `{}`: {}", path.display(), plain(error)))
    }

    /// Says on standard error what happened.
    pub(super) fn report(&self, terminal: &mut Terminal<'_>) -> Outcome {
        let text = match self {
            Failure::BrokenPipe => return Outcome::Clean,
            Failure::Message { message, help } => {
                let help =
                    help.as_ref().map(|help| format!("  = help: {}\n", escape_controls(help)));
                terminal.titled(Severity::Error, message) + &help.unwrap_or_default()
            }
            Failure::Findings { diagnostics, sources } => terminal.draw(diagnostics, sources),
        };
        // Where standard error is gone too, the exit code is all that is left to say.
        let _ = terminal.write_err(&text);
        Outcome::Failed
    }
}

/// The message of an error without the number that the standard library appends.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((message, _)) => message.to_lowercase(),
        None => text,
    }
}

impl fmt::Display for Failure {
    /// The message alone, for a place that says the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Message { message, .. } => f.write_str(message),
            Failure::Findings { diagnostics, .. } => {
                f.write_str(diagnostics.first().map_or("", Diagnostic::headline))
            }
            Failure::BrokenPipe => f.write_str("the reader of the output went away"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::new(format!("cannot write the output: {}", plain(&error))),
        }
    }
}

//! Exit codes.

use std::process::ExitCode;

/// How a run ended; a part of the interface (`cli.md`, Output and exit codes).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// 0: done; nothing to object to.
    Clean,
    /// 1: done; something that should stop a pipeline.
    Objections,
    /// 2: not done; nothing was written.
    Failed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Clean => 0,
            Outcome::Objections => 1,
            Outcome::Failed => 2,
        })
    }
}

//! `exeat code`: a diagnostic code, explained offline.

use super::args::CodeArgs;
use super::failure::Failure;
use super::outcome::Outcome;
use super::terminal::Terminal;
use crate::diagnostic::Code;

/// Shows the page of a code, or a line for each.
pub(super) fn run(args: &CodeArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    let Some(text) = &args.code else {
        let lines: Vec<String> = Code::ALL.iter().copied().map(summary).collect();
        terminal.write_out(&lines.concat())?;
        return Ok(Outcome::Clean);
    };
    let Some(code) = Code::find(text) else {
        return Err(Failure::with_help(
            format!("there is no code `{text}`"),
            "`exeat code` lists them all",
        ));
    };
    terminal.write_out(code.page())?;
    Ok(Outcome::Clean)
}

fn summary(code: Code) -> String {
    format!("{}  {:<28}  {}\n", code.id(), code.name(), code.summary())
}

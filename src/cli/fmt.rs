//! `exeat fmt`: rules files in the one style.

use std::path::Path;
use std::path::PathBuf;

use similar::TextDiff;

use super::args::FmtArgs;
use super::failure::Failure;
use super::files;
use super::outcome::Outcome;
use super::terminal::Terminal;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceMap;
use crate::syntax;

/// A file and what it would be.
struct Formatted {
    path: PathBuf,
    before: String,
    after: String,
}

impl Formatted {
    fn is_changed(&self) -> bool {
        self.before != self.after
    }
}

/// Formats all files, or none where one cannot be read as rules or may not be written.
pub(super) fn run(args: &FmtArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.color.color);
    let mut formatted = Vec::with_capacity(args.files.len());
    for path in &args.files {
        formatted.push(format(path, terminal)?);
    }
    let is_written = |file: &&Formatted| {
        !args.check && file.is_changed() && !files::is_standard_stream(&file.path)
    };
    for file in formatted.iter().filter(is_written) {
        files::may_replace(&terminal.path(&file.path))?;
    }
    let mut outcome = Outcome::Clean;
    for file in formatted {
        if args.check {
            if file.is_changed() {
                outcome = Outcome::Objections;
                let name = file.path.display().to_string();
                let difference = TextDiff::from_lines(&file.before, &file.after);
                let unified = difference.unified_diff().header(&name, &name).to_string();
                terminal.write_out(&unified)?;
            }
        } else if files::is_standard_stream(&file.path) {
            terminal.write_out(&file.after)?;
        } else if file.is_changed() {
            files::replace(&terminal.path(&file.path), file.after.as_bytes())?;
        }
    }
    Ok(outcome)
}

fn format(path: &Path, terminal: &mut Terminal<'_>) -> Result<Formatted, Failure> {
    let bytes = files::read_source(path, terminal)?;
    let mut sources = SourceMap::new();
    let name = path.display().to_string();
    let file = sources.add_bytes(&name, bytes).map_err(|error| Failure::new(error.to_string()))?;
    let before = sources.file(file).map(|source| source.text().to_owned()).unwrap_or_default();
    let (ast, diagnostics) = syntax::parse(file, &before);
    if diagnostics.iter().any(|found| found.severity() == Severity::Error) {
        return Err(Failure::Findings { diagnostics, sources });
    }
    let after = syntax::format(&ast).map_err(|error| Failure::new(format!("{name}: {error}")))?;
    // The ends of lines are those of whoever checks files out, as `rustfmt` has it.
    let has_crlf = before.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r'));
    let after = if has_crlf { after.replace('\n', "\r\n") } else { after };
    Ok(Formatted { path: path.to_owned(), before, after })
}

//! What a run is given of the world around it.

use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::args::Color;
use super::failure::Failure;
use super::interrupt::Interrupt;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceMap;
use crate::diagnostic::render;
use crate::diagnostic::render::Style;
use crate::diagnostic::render::escape_controls;

/// The streams, the clock and the folder of a run, handed in by `main` or by a test.
pub struct Terminal<'a> {
    /// Standard input, until something is read from it.
    pub input: Option<&'a mut (dyn Read + Send)>,
    /// Standard output: results.
    pub output: &'a mut dyn Write,
    /// Standard error: what stops a result from existing, and progress.
    pub error: &'a mut dyn Write,
    /// The time, where none is given by `--at`.
    pub now: Timestamp,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// The folder for files that are gone when the run is over.
    pub temporary: PathBuf,
    /// The files that were read so far, by their places: no result may take theirs.
    pub inputs: Vec<PathBuf>,
    /// Whether standard output shows colours.
    pub output_style: Style,
    /// Whether standard error shows colours.
    pub error_style: Style,
    /// Whether standard error is a terminal, so that progress may be shown.
    pub shows_progress: bool,
    /// Whether the user wants the run to end.
    pub interrupt: Arc<Interrupt>,
}

impl Terminal<'_> {
    /// Follows `--color`.
    pub(super) fn choose_color(&mut self, color: Color) {
        let style = match color {
            Color::Auto => return,
            Color::Always => Style::Styled,
            Color::Never => Style::Plain,
        };
        self.output_style = style;
        self.error_style = style;
    }

    pub(super) fn write_out(&mut self, text: &str) -> Result<(), Failure> {
        self.output.write_all(text.as_bytes())?;
        Ok(self.output.flush()?)
    }

    pub(super) fn write_err(&mut self, text: &str) -> Result<(), Failure> {
        self.error.write_all(text.as_bytes())?;
        Ok(self.error.flush()?)
    }

    /// The findings as they are drawn on standard error.
    pub(super) fn draw(&self, diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
        draw(diagnostics, sources, self.error_style)
    }

    /// A message that speaks of no source text, as findings are drawn on standard error. Only its
    /// line feeds are left to steer the terminal.
    pub(super) fn titled(&self, severity: Severity, message: &str) -> String {
        let lines: Vec<String> = message.split('\n').map(escape_controls).collect();
        let message = lines.join("\n");
        match self.error_style {
            Style::Plain => format!("{severity}: {message}\n"),
            Style::Styled => {
                let color = match severity {
                    Severity::Error => 91,
                    Severity::Warning => 93,
                    Severity::Note => 92,
                };
                format!("\x1b[1;{color}m{severity}\x1b[0m\x1b[1m: {message}\x1b[0m\n")
            }
        }
    }

    /// `path`, seen from the folder of the run.
    pub(super) fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// The findings, each drawn under the lines it speaks of, with an empty line between them.
pub(super) fn draw(diagnostics: &[Diagnostic], sources: &SourceMap, style: Style) -> String {
    let drawn: Vec<String> =
        diagnostics.iter().map(|found| render::draw(found, sources, style)).collect();
    drawn.join("\n")
}

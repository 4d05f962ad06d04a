//! `exeat flows`: what captures hold.

use std::io::Write;

use super::args::FlowsArgs;
use super::args::Format;
use super::failure::Failure;
use super::outcome::Outcome;
use super::recording;
use super::recording::Recording;
use super::terminal::Terminal;
use crate::capture::CapturedFlow;
use crate::capture::Sink;
use crate::diagnostic::Severity;
use crate::evidence::DnsAnswer;

/// Lists the flows of each capture as they end. Before the first, every file is looked at, so that
/// one that is no capture stops a result from being begun.
pub(super) fn run(args: &FlowsArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.color.color);
    let paths = recording::once(&args.captures, args.quiet, terminal)?;
    let recordings: Vec<Recording<'_>> = paths
        .into_iter()
        .map(|path| Recording {
            path,
            full: terminal.path(path),
            progress: terminal.shows_progress && !args.quiet,
            threads: args.threads.threads,
        })
        .collect();
    recordings.iter().try_for_each(Recording::check_beginning)?;
    for recording in recordings {
        let name = recording.path.display().to_string();
        let mut lines = Lines {
            capture: &name,
            format: args.format,
            output: &mut *terminal.output,
            failed: None,
        };
        let summary = recording.read(&mut terminal.input, &mut lines);
        if let Some(failure) = lines.failed {
            return Err(failure);
        }
        let summary = summary?;
        terminal.write_out("")?;
        if !args.quiet {
            let all =
                recording::truncation(&summary).into_iter().chain(recording::warnings(&summary));
            for warning in all {
                let text = terminal.titled(Severity::Warning, &format!("`{name}`: {warning}"));
                terminal.write_err(&text)?;
            }
            for note in recording::notes(&summary) {
                let text = terminal.titled(Severity::Note, &format!("`{name}`: {note}"));
                terminal.write_err(&text)?;
            }
        }
    }
    Ok(Outcome::Clean)
}

/// Writes each flow as a line, until a line cannot be written.
struct Lines<'a> {
    capture: &'a str,
    format: Format,
    output: &'a mut dyn Write,
    failed: Option<Failure>,
}

impl Lines<'_> {
    fn write(&mut self, flow: &CapturedFlow) -> Result<(), Failure> {
        let row = recording::row(flow, self.capture);
        let line = match self.format {
            Format::Text => row.to_text_line(),
            Format::Json => row
                .to_json_line()
                .map_err(|error| Failure::new(format!("cannot write a flow as JSON: {error}")))?,
        };
        Ok(self.output.write_all(line.as_bytes())?)
    }
}

impl Sink for Lines<'_> {
    fn flow(&mut self, flow: CapturedFlow) {
        if self.failed.is_none() {
            self.failed = self.write(&flow).err();
        }
    }

    fn answer(&mut self, _answer: DnsAnswer) {}
}

//! `exeat flows`: what captures hold.

use std::io::Write;

use super::args::FlowsArgs;
use super::args::Format;
use super::failure::Failure;
use super::outcome::Outcome;
use super::reading::Recordings;
use super::recording;
use super::terminal::Terminal;
use crate::capture::CapturedFlow;
use crate::capture::Sink;
use crate::diagnostic::Severity;
use crate::evidence::DnsAnswer;

/// Lists the flows of the captures as they end. Before the first, every file is looked at, so that
/// one that is no capture stops a result from being begun.
pub(super) fn run(args: &FlowsArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.color.color);
    let recordings = Recordings::of(&args.captures, args.quiet, args.threads.threads, terminal)?;
    recordings.check_beginnings()?;
    let names: Vec<String> = recordings.names().collect();
    let output = &mut *terminal.output;
    let mut lines = Lines { captures: &names, format: args.format, output, failed: None };
    let readings = recordings.read(&mut terminal.input, &mut lines);
    if let Some(failure) = lines.failed {
        return Err(failure);
    }
    let readings = readings?;
    terminal.write_out("")?;
    for (name, reading) in names.iter().zip(&readings).filter(|_| !args.quiet) {
        let warnings = recording::warnings(&reading.summary);
        for warning in recording::truncation(reading).into_iter().chain(warnings) {
            let text = terminal.titled(Severity::Warning, &format!("`{name}`: {warning}"));
            terminal.write_err(&text)?;
        }
        for note in recording::notes(&reading.summary) {
            let text = terminal.titled(Severity::Note, &format!("`{name}`: {note}"));
            terminal.write_err(&text)?;
        }
    }
    let is_partial = readings.iter().any(|reading| reading.interrupted_at.is_some());
    Ok(if is_partial { Outcome::Objections } else { Outcome::Clean })
}

/// Writes each flow as a line, until a line cannot be written.
struct Lines<'a> {
    captures: &'a [String],
    format: Format,
    output: &'a mut dyn Write,
    failed: Option<Failure>,
}

impl Lines<'_> {
    fn write(&mut self, flow: &CapturedFlow) -> Result<(), Failure> {
        let capture = self.captures.get(flow.file).map_or("", String::as_str);
        let row = recording::row(flow, capture);
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

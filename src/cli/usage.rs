//! What captures say of the use of a list.

use std::net::IpAddr;
use std::path::PathBuf;

use super::failure::Failure;
use super::recording;
use super::recording::Recorded;
use super::rules::List;
use super::terminal::Terminal;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::evidence::DnsTimeline;
use crate::evidence::Evidence;
use crate::report;
use crate::report::replay::ReplayedCapture;
use crate::simulate::Environment;
use crate::simulate::Usage;

/// Captures that were read, to be asked about lists.
pub(super) struct Captures {
    held: Recorded,
    /// The DNS answers in them.
    timeline: DnsTimeline,
    names: Vec<String>,
    quiet: bool,
}

impl Captures {
    /// Reads captures. How far and how well is a warning.
    pub(super) fn read(
        paths: &[PathBuf],
        quiet: bool,
        terminal: &mut Terminal<'_>,
    ) -> Result<Captures, Failure> {
        let mut evidence = Evidence::default();
        let held = recording::record(paths, quiet, None, &mut evidence, None, terminal)?.whole()?;
        for capture in held.captures.iter().filter(|_| !quiet) {
            for told in capture.truncated.iter().chain(&capture.warnings) {
                let says = format!("`{}`: {told}", capture.path);
                let text = terminal.titled(Severity::Warning, &says);
                terminal.write_err(&text)?;
            }
        }
        let names = held.captures.iter().map(|capture| capture.path.clone()).collect();
        Ok(Captures { held, timeline: evidence.timeline, names, quiet })
    }

    /// How each was read.
    pub(super) fn read_as(&self) -> &[ReplayedCapture] {
        &self.held.captures
    }

    /// What is to be said of the permissions of `list`, the file `name`, that flows need less of. Each
    /// flow is judged at its own time, with the DNS answers beside it, and as sent by `from` if it is
    /// given.
    pub(super) fn findings(
        &mut self,
        name: &str,
        list: &List,
        from: Option<IpAddr>,
        environment: &Environment<'_>,
        terminal: &mut Terminal<'_>,
    ) -> Result<Vec<Diagnostic>, Failure> {
        let timeline = match from {
            Some(client) => self.timeline.told_to(client),
            None => self.timeline.clone(),
        };
        let evidence = Evidence { timeline, ..environment.evidence.clone() };
        let mut usage = Usage::new(&list.intent, list.day);
        self.held.each(|_, flow| {
            let environment = Environment { evidence: &evidence, at: flow.first, ..*environment };
            let openings = recording::openings(flow, from, &evidence, |host| {
                list.intent.looks_at_paths_of(host)
            });
            usage.add(&openings, &environment);
        })?;
        let recorded = report::usage::Recorded {
            intent: &list.intent,
            sources: &list.sources,
            day: list.day,
            captures: &self.names,
            usage: &usage,
        };
        if !self.quiet && !recorded.tells_anything() {
            let says = format!(
                "no recorded flow comes from a source of `{name}`: what it uses is not told"
            );
            let text = terminal.titled(Severity::Warning, &says);
            terminal.write_err(&text)?;
        }
        Ok(recorded.findings(&list.findings))
    }
}

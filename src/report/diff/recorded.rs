//! Recorded flows of which a change makes something else.

use std::fmt::Write as _;

use serde::Serialize;

use super::DifferenceReport;
use super::Heading;
use super::json::DecisionJson;
use crate::diagnostic::render::escape_controls;
use crate::flow::Observation;
use crate::report::FlowRow;
use crate::report::command::Asked;
use crate::report::flow_row::FlowJson;
use crate::report::flow_row::count;
use crate::report::replay::CaptureJson;
use crate::report::replay::ReplayedCapture;
use crate::simulate::Decision;
use crate::simulate::Verdict;

/// Flows shown to people; the others are counted.
const SHOWN: usize = 20;

/// What became of recorded flows before a change, and becomes of them after it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The captures, by the names on the command line.
    pub names: Vec<String>,
    /// How each was read.
    pub captures: Vec<ReplayedCapture>,
    /// How many flows they hold.
    pub flows: u64,
    /// Those of which something else becomes, in the order of the captures.
    pub flips: Vec<Flip>,
}

/// A recorded flow of which something else becomes.
#[derive(Clone, Debug)]
pub struct Flip {
    row: FlowRow,
    opening: Observation,
    heading: Heading,
    old: Decision,
    new: Decision,
}

#[derive(Serialize)]
pub(super) struct RecordedJson<'a> {
    captures: Vec<CaptureJson<'a>>,
    flows: u64,
    flips: Vec<FlipJson<'a>>,
}

#[derive(Serialize)]
struct FlipJson<'a> {
    #[serde(flatten)]
    flow: FlowJson<'a>,
    change: &'static str,
    old: DecisionJson<'a>,
    new: DecisionJson<'a>,
}

/// Whether a flow leaves; nothing where that is not settled.
fn leaves(decision: &Decision) -> Option<bool> {
    (decision.verdict != Verdict::Undetermined).then(|| decision.gets_out())
}

impl Flip {
    /// The flow of `row` with its `opening` that settles it, if it leaves by one of both decisions
    /// and does not, or perhaps, by the other.
    pub fn of(row: FlowRow, opening: Observation, [old, new]: [Decision; 2]) -> Option<Flip> {
        let heading = match (leaves(&old), leaves(&new)) {
            (before, after) if before == after => return None,
            (_, Some(true)) => Heading::Leaves,
            (_, Some(false)) => Heading::Stays,
            (_, None) => Heading::Open,
        };
        Some(Flip { row, opening, heading, old, new })
    }

    /// Whether more may leave than before.
    fn widens(&self) -> bool {
        match self.heading {
            Heading::Leaves => true,
            Heading::Stays => false,
            Heading::Open => leaves(&self.old) == Some(false),
        }
    }
}

impl Recorded {
    /// Whether a recorded flow leaves, or may, that did not.
    pub(super) fn is_widened(&self) -> bool {
        self.flips.iter().any(Flip::widens)
    }

    /// How many of the flows flip.
    fn counted(&self) -> String {
        let flows = count(self.flows, "recorded flow");
        match self.flips.len() {
            0 => format!("{flows}, of which nothing else becomes"),
            1 => format!("{flows}, of which 1 flips"),
            number => format!("{flows}, of which {number} flip"),
        }
    }
}

impl DifferenceReport<'_> {
    /// The command that explains a recorded flow as it is after the change.
    fn explain_recorded(&self, recorded: &Recorded, flip: &Flip) -> String {
        let asked = Asked { captures: &recorded.names, ..self.new.asked };
        asked.explain(&flip.opening)
    }

    pub(super) fn write_recorded(
        &self,
        text: &mut String,
        recorded: &Recorded,
    ) -> std::fmt::Result {
        writeln!(text, "\n{}", recorded.counted())?;
        for flip in recorded.flips.iter().take(SHOWN) {
            let Flip { row, opening, heading, old, new } = flip;
            let packets = row.packets.map_or("a flow".to_owned(), |number| count(number, "packet"));
            let flow = escape_controls(&opening.to_string());
            let capture = escape_controls(&row.capture);
            writeln!(text, "\n   {}: {flow}   ({packets} in {capture})", heading.title())?;
            writeln!(text, "   before: {}", escape_controls(&self.old.says(old)))?;
            writeln!(text, "   after: {}", escape_controls(&self.new.says(new)))?;
            writeln!(text, "   why: {}", self.explain_recorded(recorded, flip))?;
        }
        if recorded.flips.len() > SHOWN {
            writeln!(text, "\n   and {} more", recorded.flips.len() - SHOWN)?;
        }
        for capture in &recorded.captures {
            for told in capture.truncated.iter().chain(&capture.warnings) {
                let path = escape_controls(&capture.path);
                writeln!(text, "note: {path}: {}", escape_controls(told))?;
            }
            for note in &capture.notes {
                writeln!(text, "note: {}: {note}", escape_controls(&capture.path))?;
            }
        }
        writeln!(text)
    }

    pub(super) fn write_recorded_markdown(
        &self,
        text: &mut String,
        recorded: &Recorded,
        [code, escaped]: [fn(&str) -> String; 2],
    ) -> std::fmt::Result {
        writeln!(text, "\n#### Recorded flows\n\n{}.\n", recorded.counted())?;
        for flip in recorded.flips.iter().take(SHOWN) {
            let Flip { row, opening, heading, old, new } = flip;
            let capture = escaped(&row.capture);
            writeln!(text, "- {}: {} ({capture})", heading.title(), code(&opening.to_string()))?;
            writeln!(text, "  - before: {}", escaped(&self.old.says(old)))?;
            writeln!(text, "  - after: {}", escaped(&self.new.says(new)))?;
        }
        if recorded.flips.len() > SHOWN {
            writeln!(text, "- and {} more", recorded.flips.len() - SHOWN)?;
        }
        for capture in &recorded.captures {
            for told in capture.truncated.iter().chain(&capture.warnings) {
                writeln!(text, "- {}: {}", escaped(&capture.path), escaped(told))?;
            }
        }
        Ok(())
    }

    pub(super) fn recorded_json<'s>(&'s self, recorded: &'s Recorded) -> RecordedJson<'s> {
        let flips = recorded.flips.iter().map(|flip| FlipJson {
            flow: flip.row.json(),
            change: flip.heading.keyword(),
            old: self.old.decision_json(&flip.old),
            new: self.new.decision_json(&flip.new),
        });
        RecordedJson {
            captures: recorded.captures.iter().map(CaptureJson::from).collect(),
            flows: recorded.flows,
            flips: flips.collect(),
        }
    }
}

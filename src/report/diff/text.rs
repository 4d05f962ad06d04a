//! The report on a change for people at a terminal.

use std::fmt::Write as _;

use super::DifferenceReport;
use super::may;
use crate::diagnostic::render::escape_controls;
use crate::prove::Change;
use crate::report::fact;
use crate::report::flow_row::count;
use crate::report::premises;

/// Facts shown of one flow; the others are counted.
pub(super) const SHOWN_FACTS: usize = 6;

impl DifferenceReport<'_> {
    /// The report.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "every flow, before by {} and after by {}, as of {:.0}",
            escape_controls(&self.old.name()),
            escape_controls(&self.new.name()),
            self.at
        )?;
        let mut number = 0;
        for (heading, changes) in self.all() {
            if changes.pieces.is_empty() {
                continue;
            }
            writeln!(text, "\n{}:", heading.title())?;
            for change in &changes.pieces {
                number += 1;
                writeln!(text)?;
                self.change(text, number, change)?;
            }
            if changes.are_more {
                writeln!(text, "\n   and more, which are not shown")?;
            }
        }
        if let Some(recorded) = &self.recorded {
            self.write_recorded(text, recorded)?;
        } else {
            writeln!(text)?;
        }
        for told in self.not_compared() {
            writeln!(text, "not compared: {}", escape_controls(&told))?;
        }
        premises::write_known(text, self.evidence, &self.difference.assumptions)?;
        premises::write_not_covered(text, &self.residual)?;
        writeln!(text, "{}", self.summary())
    }

    fn change(&self, text: &mut String, number: usize, change: &Change) -> std::fmt::Result {
        let may = may(change.effect).map(|what| format!(" may {what}:")).unwrap_or_default();
        writeln!(text, "{number}.{may} {}", escape_controls(&self.words(change)))?;
        writeln!(text, "   before: {}", escape_controls(&self.old.says(&change.old)))?;
        writeln!(text, "   after: {}", escape_controls(&self.new.says(&change.new)))?;
        let facts = fact::in_order(&change.given);
        for (index, (atom, holds)) in facts.iter().take(SHOWN_FACTS).enumerate() {
            let word = if index == 0 { "if" } else { "and" };
            writeln!(text, "   {word}: {}", escape_controls(&fact::sentence(atom, *holds)))?;
        }
        if facts.len() > SHOWN_FACTS {
            let more = (facts.len() - SHOWN_FACTS) as u64;
            writeln!(text, "   and: {} more", count(more, "fact"))?;
        }
        writeln!(text, "   why: {}", self.explain(change))
    }
}

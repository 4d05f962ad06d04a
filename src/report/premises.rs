//! What an answer about all flows rests on, and what it says nothing about.

use std::fmt::Write as _;

use super::fact;
use crate::diagnostic::render::escape_controls;
use crate::evidence::Evidence;
use crate::prove::Residual;
use crate::simulate::assumptions::Assumption;
use crate::simulate::assumptions::BOTH;

/// What was known and assumed, a line each.
pub(super) fn write_known(
    text: &mut String,
    evidence: &Evidence,
    assumptions: &[Assumption],
) -> std::fmt::Result {
    let evidence = fact::evidence(evidence);
    if !evidence.is_empty() {
        writeln!(text, "known: {}", escape_controls(&evidence.join(", ")))?;
    }
    let (open, assumed): (Vec<&Assumption>, Vec<&Assumption>) =
        assumptions.iter().partition(|one| one.value == BOTH);
    if !assumed.is_empty() {
        let pairs: Vec<String> =
            assumed.iter().map(|one| format!("{}={}", one.key, one.value)).collect();
        writeln!(text, "assumed: {}", pairs.join(", "))?;
    }
    if !open.is_empty() {
        let keys: Vec<&str> = open.iter().map(|one| one.key).collect();
        writeln!(text, "in either reading of: {}", keys.join(", "))?;
    }
    Ok(())
}

/// The ways out that the answer does not cover.
pub(super) fn write_not_covered(text: &mut String, residual: &[Residual]) -> std::fmt::Result {
    if !residual.is_empty() {
        writeln!(text, "not covered:")?;
        for one in residual {
            writeln!(text, "  {}", escape_controls(&one.to_string()))?;
        }
    }
    Ok(())
}

//! What does not fit together in the flows of a replay: counted by kind, and the first flows of each
//! kind with the facts. It is no objection, and changes no exit code.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::Again;
use super::Replay;
use super::ReplayedFlow;
use super::SHOWN_FLOWS;
use super::Tally;
use super::totals::Counted;
use super::totals::Positions;
use crate::diagnostic::render::escape_controls;
use crate::report::flow_row::count;
use crate::simulate::Inconsistency;
use crate::simulate::consistency::Kind;

/// The flows in which something does not fit, by its kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Unfitting(pub(super) BTreeMap<Kind, (Tally, Positions)>);

/// Flows in which the same kind of thing does not fit.
#[derive(Clone, Debug)]
pub struct Unfit {
    /// The kind.
    pub kind: Kind,
    /// How many flows there are.
    pub number: u64,
    /// The first of them.
    pub flows: Vec<ReplayedFlow>,
}

/// One inconsistency of a flow. The keys and their order are the interface's.
#[derive(Serialize)]
pub(super) struct InconsistencyJson {
    kind: &'static str,
    text: String,
}

impl From<&Inconsistency> for InconsistencyJson {
    fn from(one: &Inconsistency) -> InconsistencyJson {
        InconsistencyJson { kind: one.keyword(), text: one.describe() }
    }
}

impl Unfitting {
    /// Counts a flow, once for each kind.
    pub(super) fn add(&mut self, flow: &Counted<'_>) {
        let mut last = None;
        // They are in the order of their kinds.
        for kind in flow.inconsistencies.iter().map(Inconsistency::kind) {
            if last.replace(kind) != Some(kind) {
                let (tally, positions) = self.0.entry(kind).or_default();
                tally.add(flow.packets, flow.bytes);
                positions.add(flow.position, SHOWN_FLOWS);
            }
        }
    }
}

impl Replay<'_> {
    /// The flows in which something does not fit, by kind.
    ///
    /// # Errors
    /// Those of `again`, which gives a flow again that was counted.
    pub fn unfitting<E>(&self, again: &mut Again<'_, E>) -> Result<Vec<Unfit>, E> {
        let told = self.totals.unfitting.0.iter();
        let told = told.map(|(kind, (_, positions))| {
            let flows = positions.flows(SHOWN_FLOWS, again)?;
            Ok(Unfit { kind: *kind, number: positions.number, flows })
        });
        told.collect()
    }
}

/// Tells of `all`, if there are any.
pub(super) fn write(text: &mut String, all: &[Unfit]) -> std::fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(text, "\nwhat does not fit together, which is no objection but wants a look")?;
    for Unfit { kind, number, flows } in all {
        writeln!(text, "   {kind}, {}: {}", count(*number, "flow"), kind.describe())?;
        for flow in flows {
            let of_kind = flow.inconsistencies.iter().filter(|one| one.kind() == *kind);
            let says: Vec<String> = of_kind.map(Inconsistency::describe).collect();
            writeln!(text, "     {}  {}", flow.row.endpoints(), escape_controls(&says.join("; ")))?;
        }
        super::text::more(text, *number, flows.len())?;
    }
    Ok(())
}

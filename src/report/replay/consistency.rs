//! What does not fit together in the flows of a replay: counted by kind, and the first flows of each
//! kind with the facts. It is no objection, and changes no exit code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

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
use crate::simulate::consistency::Transport;

/// Clients with the servers of DNS that they ask, told apart.
const MOST_ASKING: usize = 4096;

/// The flows in which something does not fit.
#[derive(Clone, Debug, Default)]
pub(super) struct Unfitting {
    /// By its kind.
    pub(super) of_kind: BTreeMap<Kind, (Tally, Positions)>,
    asking: AllAsking,
}

/// Who asks which other server of DNS. Each question is a flow, and the same is to be said of all.
#[derive(Clone, Debug, Default)]
struct AllAsking {
    /// In the order in which they were first seen.
    all: Vec<Asking>,
    places: BTreeMap<(IpAddr, IpAddr, Transport), usize>,
}

/// A client that asks another server of DNS.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The client, as recorded.
    pub client: IpAddr,
    /// The facts.
    pub says: Inconsistency,
    /// How many flows there are.
    pub number: u64,
}

impl AllAsking {
    fn add(&mut self, client: IpAddr, says: &Inconsistency) {
        let Inconsistency::OtherResolver { server, over, .. } = says else { return };
        let next = self.all.len();
        if next >= MOST_ASKING && !self.places.contains_key(&(client, *server, *over)) {
            return;
        }
        let place = *self.places.entry((client, *server, *over)).or_insert(next);
        match self.all.get_mut(place) {
            Some(asking) => asking.number += 1,
            None => self.all.push(Asking { client, says: says.clone(), number: 1 }),
        }
    }
}

/// Flows in which the same kind of thing does not fit.
#[derive(Clone, Debug)]
pub struct Unfit {
    /// The kind.
    pub kind: Kind,
    /// How many flows there are.
    pub number: u64,
    /// The first of them; none where `asking` has them.
    pub flows: Vec<ReplayedFlow>,
    /// Of [`Kind::OtherResolver`] each client with each server.
    pub asking: Vec<Asking>,
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
        for one in &flow.inconsistencies {
            self.asking.add(flow.source, one);
        }
        let mut last = None;
        // They are in the order of their kinds.
        for kind in flow.inconsistencies.iter().map(Inconsistency::kind) {
            if last.replace(kind) != Some(kind) {
                let (tally, positions) = self.of_kind.entry(kind).or_default();
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
        let Unfitting { of_kind, asking } = &self.totals.unfitting;
        let told = of_kind.iter().map(|(kind, (_, positions))| {
            let (kind, number) = (*kind, positions.number);
            if kind == Kind::OtherResolver {
                return Ok(Unfit { kind, number, flows: Vec::new(), asking: asking.all.clone() });
            }
            let flows = positions.flows(SHOWN_FLOWS, again)?;
            Ok(Unfit { kind, number, flows, asking: Vec::new() })
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
    for Unfit { kind, number, flows, asking } in all {
        writeln!(text, "   {kind}, {}: {}", count(*number, "flow"), kind.describe())?;
        for flow in flows {
            let of_kind = flow.inconsistencies.iter().filter(|one| one.kind() == *kind);
            let says: Vec<String> = of_kind.map(Inconsistency::describe).collect();
            writeln!(text, "     {}  {}", flow.row.endpoints(), escape_controls(&says.join("; ")))?;
        }
        for Asking { client, says, number } in asking.iter().take(SHOWN_FLOWS) {
            writeln!(text, "     {client}  {}, {}", says.describe(), count(*number, "flow"))?;
        }
        if asking.is_empty() {
            super::text::more(text, *number, flows.len())?;
        } else {
            let clients = u64::try_from(asking.len()).unwrap_or(u64::MAX);
            super::text::more(text, clients, asking.len().min(SHOWN_FLOWS))?;
        }
    }
    Ok(())
}

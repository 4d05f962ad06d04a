//! `exeat.diff/1`.

use serde::Serialize;

use super::DifferenceReport;
use super::Heading;
use super::Responsible;
use super::SCHEMA;
use super::Side;
use super::may;
use super::recorded::RecordedJson;
use crate::flow::AddressSet;
use crate::prove::Change;
use crate::prove::Residual;
use crate::report::assumption_json::AssumptionJson;
use crate::report::fact;
use crate::report::finding_json::FindingJson;
use crate::report::flow_row::nanoseconds;
use crate::simulate::Decision;

/// The keys and their order are the interface's (`cli.md`, Reports as JSON).
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: SubjectJson<'a>,
    at: String,
    assumptions: Vec<AssumptionJson<'a>>,
    flows: Vec<ChangeJson<'a>>,
    recorded: Option<RecordedJson<'a>>,
    residual: Vec<ResidualJson>,
    findings: Vec<FindingJson<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct SubjectJson<'a> {
    old: SideJson<'a>,
    new: SideJson<'a>,
    evidence: Vec<String>,
}

#[derive(Serialize)]
struct SideJson<'a> {
    rules: Option<&'a str>,
    deployments: &'a [String],
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    change: &'static str,
    may: Option<&'static str>,
    what: String,
    flow: String,
    given: Vec<GivenJson>,
    old: DecisionJson<'a>,
    new: DecisionJson<'a>,
}

#[derive(Serialize)]
struct GivenJson {
    fact: String,
    holds: bool,
}

#[derive(Serialize)]
pub(super) struct DecisionJson<'a> {
    verdict: &'static str,
    reason: &'static str,
    rule: Option<String>,
    permission: Option<&'a str>,
    rule_source: Option<String>,
    route: Option<String>,
}

#[derive(Serialize)]
struct ResidualJson {
    channel: &'static str,
    what: String,
}

#[derive(Serialize)]
struct Summary {
    newly_leaves: usize,
    newly_stays: usize,
    newly_open: usize,
    complete: bool,
    widened: bool,
    different: bool,
    only_old: Vec<String>,
    only_new: Vec<String>,
}

impl DifferenceReport<'_> {
    /// The report as one JSON document on one line.
    ///
    /// # Errors
    /// None that a difference can cause; `serde_json`'s own.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let changes = self.all().flat_map(|(heading, changes)| {
            changes.pieces.iter().map(move |change| self.change_json(heading, change))
        });
        let findings = [&self.old, &self.new].into_iter().flat_map(|side| {
            side.findings.iter().map(|found| FindingJson::new(found, side.sources))
        });
        let document = Document {
            schema: SCHEMA,
            subject: SubjectJson {
                old: self.old.json(),
                new: self.new.json(),
                evidence: fact::evidence(self.evidence),
            },
            at: nanoseconds(self.at),
            assumptions: self.difference.assumptions.iter().map(AssumptionJson::from).collect(),
            flows: changes.collect(),
            recorded: self.recorded.as_ref().map(|recorded| self.recorded_json(recorded)),
            residual: self.residual.iter().map(ResidualJson::from).collect(),
            findings: findings.collect(),
            summary: self.summary_json(),
        };
        serde_json::to_string(&document).map(|text| text + "\n")
    }

    fn change_json<'s>(&'s self, heading: Heading, change: &'s Change) -> ChangeJson<'s> {
        let given = change.given.iter();
        ChangeJson {
            change: heading.keyword(),
            may: may(change.effect),
            what: self.words(change),
            flow: change.flow.to_string(),
            given: given
                .map(|(atom, holds)| GivenJson { fact: fact::sentence(atom, true), holds: *holds })
                .collect(),
            old: self.old.decision_json(&change.old),
            new: self.new.decision_json(&change.new),
        }
    }

    fn summary_json(&self) -> Summary {
        let difference = self.difference;
        let prefixes = |sources: AddressSet| -> Vec<String> {
            sources.prefixes().iter().map(ToString::to_string).collect()
        };
        Summary {
            newly_leaves: difference.newly_leaves.pieces.len(),
            newly_stays: difference.newly_stays.pieces.len(),
            newly_open: difference.newly_open.pieces.len(),
            complete: !self.all().any(|(_, changes)| changes.are_more),
            widened: self.is_widened(),
            different: self.is_different(),
            only_old: prefixes(self.only_old()),
            only_new: prefixes(self.only_new()),
        }
    }
}

impl<'a> Side<'a> {
    fn json(&self) -> SideJson<'a> {
        SideJson { rules: self.asked.rules, deployments: self.asked.deployments }
    }

    pub(super) fn decision_json(&self, decision: &'a Decision) -> DecisionJson<'a> {
        let responsible = self.responsible(decision);
        let (rule, permission, rule_source) = match responsible {
            Some(Responsible { rule, label, place, .. }) => (Some(rule), label, place),
            None => (None, None, None),
        };
        DecisionJson {
            verdict: decision.verdict.keyword(),
            reason: decision.reason.keyword(),
            rule,
            permission,
            rule_source,
            route: decision.route.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&Residual> for ResidualJson {
    fn from(one: &Residual) -> ResidualJson {
        ResidualJson { channel: one.keyword(), what: one.to_string() }
    }
}

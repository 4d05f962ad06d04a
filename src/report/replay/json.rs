//! `exeat.replay/1`.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use serde::Serialize;

use super::Replay;
use super::ReplayedCapture;
use super::ReplayedFlow;
use super::SCHEMA;
use super::Subject;
use super::Tally;
use super::consistency::InconsistencyJson;
use super::totals::RecordedTally;
use crate::report::assumption_json::AssumptionJson;
use crate::report::finding_json::FindingJson;
use crate::report::flow_row::FlowJson;
use crate::report::flow_row::nanoseconds;
use crate::simulate::Agreement;

/// What comes before the flows. The keys and their order are the interface's (`cli.md`, Reports as
/// JSON).
#[derive(Serialize)]
struct Beginning<'a> {
    schema: &'static str,
    subject: SubjectJson<'a>,
    at: String,
    assumptions: Vec<AssumptionJson<'a>>,
}

/// What comes behind the flows.
#[derive(Serialize)]
struct Rest<'a> {
    findings: Vec<FindingJson<'a>>,
    summary: Summary<'a>,
}

#[derive(Serialize)]
struct SubjectJson<'a> {
    rules: Option<&'a str>,
    deployments: &'a [String],
}

#[derive(Serialize)]
struct ReplayedJson<'a> {
    #[serde(flatten)]
    flow: FlowJson<'a>,
    required: Option<bool>,
    permitted: Option<bool>,
    verdict: &'static str,
    reason: &'static str,
    rule: Option<String>,
    permission: Option<&'a str>,
    rule_source: Option<String>,
    route: Option<String>,
    packet: Option<u64>,
    missing: Vec<String>,
    #[serde(rename = "box")]
    outcome: &'static str,
    accepted: Option<&'a str>,
    agrees: Option<bool>,
    disagreement: Option<&'static str>,
    inconsistencies: Vec<InconsistencyJson>,
}

#[derive(Serialize)]
struct Summary<'a> {
    flows: u64,
    packets: u64,
    bytes: u64,
    uncounted: u64,
    objections: u64,
    truncated: bool,
    partial: bool,
    captures: Vec<CaptureJson<'a>>,
    boxes: BTreeMap<String, TallyJson>,
    verdicts: BTreeMap<String, TallyJson>,
    permissions: BTreeMap<String, TallyJson>,
    rules: BTreeMap<String, TallyJson>,
    recorded: RecordedJson,
    disagreements: BTreeMap<String, TallyJson>,
    inconsistencies: BTreeMap<String, TallyJson>,
}

/// How many flows of which a log says what became of them.
#[derive(Serialize)]
struct RecordedJson {
    flows: u64,
    agree: u64,
    disagree: u64,
    not_compared: u64,
}

#[derive(Serialize)]
pub(in crate::report) struct CaptureJson<'a> {
    source: &'a str,
    truncated: bool,
    warnings: Vec<&'a str>,
    notes: &'a [String],
}

#[derive(Clone, Copy, Serialize)]
struct TallyJson {
    flows: u64,
    packets: u64,
    bytes: u64,
    uncounted: u64,
}

impl From<Tally> for TallyJson {
    fn from(tally: Tally) -> TallyJson {
        let Tally { flows, packets, bytes, uncounted } = tally;
        TallyJson { flows, packets, bytes, uncounted }
    }
}

impl Replay<'_> {
    /// Writes the report as one JSON document on one line; `flows` writes those that are listed, as
    /// [`Subject::flow_json`] has them, with commas between them.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(
        &self,
        flows: impl FnOnce(&mut dyn Write) -> io::Result<()>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let beginning = serde_json::to_string(&Beginning {
            schema: SCHEMA,
            subject: SubjectJson {
                rules: self.subject.asked.rules,
                deployments: self.subject.asked.deployments,
            },
            at: nanoseconds(self.at),
            assumptions: self.totals.assumptions.iter().map(AssumptionJson::from).collect(),
        })?;
        let findings = self.findings.iter();
        let rest = serde_json::to_string(&Rest {
            findings: findings.map(|found| FindingJson::new(found, self.subject.sources)).collect(),
            summary: self.summary(),
        })?;
        // Both are objects, and one object is made of them.
        out.write_all(beginning.strip_suffix('}').unwrap_or_default().as_bytes())?;
        out.write_all(b",\"flows\":[")?;
        flows(out)?;
        out.write_all(b"],")?;
        out.write_all(rest.strip_prefix('{').unwrap_or_default().as_bytes())?;
        out.write_all(b"\n")
    }

    fn summary(&self) -> Summary<'_> {
        let totals = &self.totals;
        let Tally { flows, packets, bytes, uncounted } = totals.all;
        let of_disagreements = totals.disagreements.iter();
        let of_kinds = totals.unfitting.of_kind.iter();
        Summary {
            flows,
            packets,
            bytes,
            uncounted,
            objections: totals.objections,
            truncated: self.captures.iter().any(|capture| capture.truncated.is_some()),
            partial: self.is_partial,
            captures: self.captures.iter().map(CaptureJson::from).collect(),
            boxes: counted(totals.boxes.iter().map(|((one, _), tally)| (one.keyword(), tally))),
            verdicts: counted(totals.verdicts.iter().map(|(one, tally)| (one.keyword(), tally))),
            permissions: counted(totals.permissions.iter()),
            rules: counted(totals.rules.iter()),
            recorded: RecordedJson::from(totals.recorded),
            disagreements: counted(
                of_disagreements.filter_map(|(one, (tally, _))| Some((one.disagreement()?, tally))),
            ),
            inconsistencies: counted(of_kinds.map(|(kind, (tally, _))| (kind.keyword(), tally))),
        }
    }
}

/// The tallies by their keys; those of one key are added up.
fn counted<'t, K: Into<String>>(
    tallies: impl Iterator<Item = (K, &'t Tally)>,
) -> BTreeMap<String, TallyJson> {
    let mut by_key: BTreeMap<String, Tally> = BTreeMap::new();
    for (key, tally) in tallies {
        by_key.entry(key.into()).or_default().extend(tally);
    }
    by_key.into_iter().map(|(key, tally)| (key, tally.into())).collect()
}

impl Subject<'_> {
    /// A flow of the report as JSON.
    ///
    /// # Errors
    /// None that a flow can cause; `serde_json`'s own.
    pub fn flow_json(&self, flow: &ReplayedFlow) -> serde_json::Result<String> {
        let decision = &flow.decision;
        let agreement = self.agreement(flow);
        serde_json::to_string(&ReplayedJson {
            flow: flow.row.json(),
            required: flow.required,
            permitted: flow.permitted,
            verdict: decision.verdict.keyword(),
            reason: decision.reason.keyword(),
            rule: decision.rule.as_ref().map(ToString::to_string),
            permission: flow.permission.as_deref(),
            rule_source: flow.permission.as_deref().and_then(|label| self.place_of(label)),
            route: decision.route.as_ref().map(ToString::to_string),
            packet: flow.packet,
            missing: flow.missing.iter().map(ToString::to_string).collect(),
            outcome: flow.outcome.keyword(),
            accepted: flow.accepted.as_deref(),
            agrees: agreement.map(Agreement::has_same_verdict),
            disagreement: agreement.and_then(Agreement::disagreement),
            inconsistencies: flow.inconsistencies.iter().map(InconsistencyJson::from).collect(),
        })
    }
}

impl From<RecordedTally> for RecordedJson {
    fn from(tally: RecordedTally) -> RecordedJson {
        let RecordedTally { flows, agree, disagree, not_compared } = tally;
        RecordedJson { flows, agree, disagree, not_compared }
    }
}

impl<'a> From<&'a ReplayedCapture> for CaptureJson<'a> {
    fn from(capture: &'a ReplayedCapture) -> CaptureJson<'a> {
        let told = capture.truncated.iter().chain(&capture.warnings);
        CaptureJson {
            source: &capture.path,
            truncated: capture.truncated.is_some(),
            warnings: told.map(String::as_str).collect(),
            notes: &capture.notes,
        }
    }
}

//! `exeat.replay/1`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Replay;
use super::ReplayedCapture;
use super::ReplayedFlow;
use super::SCHEMA;
use super::Tally;
use crate::report::assumption_json::AssumptionJson;
use crate::report::finding_json::FindingJson;
use crate::report::flow_row::FlowJson;
use crate::report::flow_row::nanoseconds;
use crate::simulate::Agreement;

/// Which flows are listed; they are counted all the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listed {
    /// Every flow.
    All,
    /// Those that stop a pipeline.
    Objections,
    /// None.
    None,
}

/// The keys and their order are the interface's (`cli.md`, Reports as JSON).
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: SubjectJson<'a>,
    at: String,
    assumptions: Vec<AssumptionJson<'a>>,
    flows: Vec<ReplayedJson<'a>>,
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
}

#[derive(Serialize)]
struct Summary<'a> {
    flows: u64,
    packets: u64,
    bytes: u64,
    uncounted: u64,
    objections: u64,
    truncated: bool,
    captures: Vec<CaptureJson<'a>>,
    boxes: BTreeMap<String, TallyJson>,
    verdicts: BTreeMap<String, TallyJson>,
    permissions: BTreeMap<String, TallyJson>,
    rules: BTreeMap<String, TallyJson>,
    recorded: RecordedTally,
    disagreements: BTreeMap<String, TallyJson>,
}

/// How many flows of which a log says what became of them.
#[derive(Default, Serialize)]
struct RecordedTally {
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
    /// The report as one JSON document on one line.
    ///
    /// # Errors
    /// None that a replay can cause; `serde_json`'s own.
    pub fn to_json(&self, listed: Listed) -> serde_json::Result<String> {
        let is_listed = |flow: &&ReplayedFlow| match listed {
            Listed::All => true,
            Listed::Objections => flow.is_objection(),
            Listed::None => false,
        };
        let document = Document {
            schema: SCHEMA,
            subject: SubjectJson {
                rules: self.subject.asked.rules,
                deployments: self.subject.asked.deployments,
            },
            at: nanoseconds(self.at),
            assumptions: self
                .assumptions_depended_on()
                .into_iter()
                .map(AssumptionJson::from)
                .collect(),
            flows: self.flows.iter().filter(is_listed).map(|flow| self.flow_json(flow)).collect(),
            findings: self
                .findings
                .iter()
                .map(|found| FindingJson::new(found, self.subject.sources))
                .collect(),
            summary: self.summary(),
        };
        serde_json::to_string(&document).map(|text| text + "\n")
    }

    fn flow_json<'a>(&'a self, flow: &'a ReplayedFlow) -> ReplayedJson<'a> {
        let decision = &flow.decision;
        let agreement = self.agreement(flow);
        ReplayedJson {
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
        }
    }

    fn summary(&self) -> Summary<'_> {
        let mut all = Tally::default();
        for flow in &self.flows {
            all.add(&flow.row);
        }
        let counted = |key: &dyn Fn(&ReplayedFlow) -> Option<String>| {
            self.tally(key).into_iter().map(|(key, tally)| (key, tally.into())).collect()
        };
        Summary {
            flows: all.flows,
            packets: all.packets,
            bytes: all.bytes,
            uncounted: all.uncounted,
            objections: self.flows.iter().map(|flow| u64::from(flow.is_objection())).sum(),
            truncated: self.captures.iter().any(|capture| capture.truncated.is_some()),
            captures: self.captures.iter().map(CaptureJson::from).collect(),
            boxes: counted(&|flow| Some(flow.outcome.keyword().to_owned())),
            verdicts: counted(&|flow| Some(flow.decision.verdict.keyword().to_owned())),
            permissions: counted(&|flow| flow.permission.clone()),
            rules: counted(&|flow| flow.decision.rule.as_ref().map(ToString::to_string)),
            recorded: self.recorded_tally(),
            disagreements: counted(&|flow| self.agreement(flow)?.disagreement().map(str::to_owned)),
        }
    }

    fn recorded_tally(&self) -> RecordedTally {
        let mut tally = RecordedTally::default();
        for flow in self.flows.iter().filter(|flow| flow.row.recorded.is_some()) {
            tally.flows += 1;
            match self.agreement(flow).map(Agreement::has_same_verdict) {
                Some(true) => tally.agree += 1,
                Some(false) => tally.disagree += 1,
                None => tally.not_compared += 1,
            }
        }
        tally
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

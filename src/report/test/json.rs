//! `exeat.test/1`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::SCHEMA;
use super::TestReport;
use crate::report::assumption_json::AssumptionJson;
use crate::report::finding_json::FindingJson;
use crate::report::flow_row::nanoseconds;
use crate::report::subject::AnswersJson;
use crate::report::subject::Says;
use crate::report::subject::SubjectJson;
use crate::testing::Disagreement;
use crate::testing::Score;
use crate::testing::Unmet;

/// The keys and their order are the interface's (`cli.md`, Reports as JSON).
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: SubjectJson<'a>,
    at: String,
    assumptions: Vec<AssumptionJson<'a>>,
    seed: u64,
    cases: u32,
    examples: Vec<ExampleJson<'a>>,
    flows: Vec<FlowJson<'a>>,
    mutants: Option<MutantsJson<'a>>,
    findings: Vec<FindingJson<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct ExampleJson<'a> {
    label: &'a str,
    place: Option<String>,
    expected: &'static str,
    flow: String,
    verdict: &'static str,
    reason: &'static str,
    rule: Option<String>,
}

#[derive(Serialize)]
struct FlowJson<'a> {
    #[serde(rename = "box")]
    outcome: &'static str,
    accepted: Option<String>,
    flow: String,
    #[serde(flatten)]
    answers: AnswersJson<'a>,
}

#[derive(Serialize)]
struct MutantsJson<'a> {
    possible: usize,
    tried: usize,
    equivalent: usize,
    noticed: usize,
    unnoticed: Vec<UnnoticedJson<'a>>,
}

#[derive(Serialize)]
struct UnnoticedJson<'a> {
    statement: &'a str,
    rule_source: Option<String>,
    rule: String,
    kind: &'static str,
    what: &'a str,
    example: Option<String>,
}

#[derive(Serialize)]
struct Summary {
    examples: usize,
    unmet: usize,
    flows: usize,
    boxes: BTreeMap<&'static str, usize>,
    complete: bool,
    objections: usize,
}

impl TestReport<'_> {
    /// The report as one JSON document on one line.
    ///
    /// # Errors
    /// None that tests can cause; `serde_json`'s own.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let unmet = self.unmet();
        let findings = self.findings.iter().chain(&unmet);
        let document = Document {
            schema: SCHEMA,
            subject: self.subject.json(),
            at: nanoseconds(self.at),
            assumptions: self.assumptions().into_iter().map(AssumptionJson::from).collect(),
            seed: self.runs.seed,
            cases: self.runs.cases,
            examples: self.tested.unmet.iter().map(|one| self.example_json(one)).collect(),
            flows: self.agreement.disagreements.iter().map(|one| self.flow_json(one)).collect(),
            mutants: self.score.map(|score| self.mutants_json(score)),
            findings: findings.map(|found| FindingJson::new(found, self.subject.sources)).collect(),
            summary: self.summary(),
        };
        serde_json::to_string(&document).map(|text| text + "\n")
    }

    fn example_json<'s>(&'s self, unmet: &'s Unmet<'_>) -> ExampleJson<'s> {
        ExampleJson {
            label: &unmet.example.label,
            place: self.subject.place(unmet.example.origin.span),
            expected: unmet.example.expected.keyword(),
            flow: unmet.flow.to_string(),
            verdict: unmet.decision.verdict.keyword(),
            reason: unmet.decision.reason.keyword(),
            rule: unmet.decision.rule.as_ref().map(ToString::to_string),
        }
    }

    fn flow_json(&self, found: &Disagreement) -> FlowJson<'_> {
        let is_accepted = self.accepted.contains(&found.outcome);
        FlowJson {
            outcome: found.outcome.keyword(),
            accepted: is_accepted.then(|| format!("--accept {}", found.outcome)),
            flow: found.flow.to_string(),
            answers: self.subject.answers(&found.decision, found.judged.as_ref().map(Says::from)),
        }
    }

    fn mutants_json<'s>(&'s self, score: &Score) -> MutantsJson<'s> {
        let unnoticed = self.unnoticed().into_iter().map(|(one, example)| UnnoticedJson {
            statement: &one.label,
            rule_source: self.place_of(&one.label),
            rule: one.rule.to_string(),
            kind: one.kind,
            what: &one.what,
            example,
        });
        MutantsJson {
            possible: score.possible,
            tried: score.tried,
            equivalent: score.equivalent,
            noticed: score.noticed,
            unnoticed: unnoticed.collect(),
        }
    }

    fn summary(&self) -> Summary {
        let boxes = self.agreement.boxes.iter();
        Summary {
            examples: self.examples(),
            unmet: self.tested.unmet.len(),
            flows: self.flows(),
            boxes: boxes.map(|(outcome, flows)| (outcome.keyword(), *flows)).collect(),
            complete: !self.agreement.is_cut && !self.agreement.are_more,
            objections: self.objections(),
        }
    }
}

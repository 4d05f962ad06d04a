//! `exeat.prove/1`.

use serde::Serialize;

use super::Accepted;
use super::ProofReport;
use super::SCHEMA;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::prove::Claim;
use crate::prove::Counterexample;
use crate::prove::Excess;
use crate::prove::Residual;
use crate::prove::Standing;
use crate::report::assumption_json::AssumptionJson;
use crate::report::fact;
use crate::report::finding_json::FindingJson;
use crate::report::flow_row::nanoseconds;
use crate::report::subject::AnswersJson;
use crate::report::subject::Says;
use crate::report::subject::SubjectJson;

/// The keys and their order are the interface's (`cli.md`, Reports as JSON).
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    subject: SubjectJson<'a>,
    at: String,
    assumptions: Vec<AssumptionJson<'a>>,
    claims: Vec<ClaimJson<'a>>,
    excess: Vec<ExcessJson<'a>>,
    findings: Vec<FindingJson<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct ClaimJson<'a> {
    claim: &'static str,
    label: Option<&'a str>,
    place: Option<String>,
    standing: &'static str,
    idle: bool,
    accepted: Option<String>,
    counterexamples: Vec<CounterexampleJson<'a>>,
    residual: Vec<ResidualJson>,
}

#[derive(Serialize)]
struct CounterexampleJson<'a> {
    flow: String,
    given: Vec<GivenJson>,
    #[serde(flatten)]
    answers: AnswersJson<'a>,
}

#[derive(Serialize)]
struct GivenJson {
    fact: String,
    holds: bool,
}

#[derive(Serialize)]
struct ResidualJson {
    channel: &'static str,
    what: String,
}

#[derive(Serialize)]
struct ExcessJson<'a> {
    permission: &'a str,
    place: Option<String>,
    addresses: Option<u128>,
    others: Vec<&'a str>,
}

#[derive(Serialize)]
struct Summary {
    claims: usize,
    proved: usize,
    refuted: usize,
    open: usize,
    objections: usize,
}

impl ProofReport<'_> {
    /// The report as one JSON document on one line.
    ///
    /// # Errors
    /// None that a proof can cause; `serde_json`'s own.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let claims = self.proof.claims.iter();
        let findings = self.findings.iter();
        let document = Document {
            schema: SCHEMA,
            subject: self.subject.json(),
            at: nanoseconds(self.at),
            assumptions: self.proof.assumptions.iter().map(AssumptionJson::from).collect(),
            claims: claims.map(|(claim, standing)| self.claim_json(*claim, standing)).collect(),
            excess: self.proof.excess.iter().map(|one| self.excess_json(one)).collect(),
            findings: findings.map(|found| FindingJson::new(found, self.subject.sources)).collect(),
            summary: self.summary(),
        };
        serde_json::to_string(&document).map(|text| text + "\n")
    }

    fn excess_json<'s>(&'s self, excess: &'s Excess) -> ExcessJson<'s> {
        let permissions = self.subject.intent.map(|intent| intent.permissions.as_slice());
        let permission = permissions.and_then(|all| all.get(excess.permission));
        ExcessJson {
            permission: permission.map_or("", |permission| permission.label.as_str()),
            place: permission.and_then(|permission| self.subject.place(permission.origin.span)),
            addresses: excess.addresses.as_ref().map(AddressSet::count),
            others: excess.others.iter().map(Fqdn::as_str).collect(),
        }
    }

    fn claim_json(&self, claim: Claim, standing: &Standing) -> ClaimJson<'_> {
        let assertion = self.assertion(claim);
        let polarity = assertion.map(|assertion| assertion.polarity);
        let word = match standing {
            Standing::Proved => "proved",
            Standing::Refuted(_) => "refuted",
            Standing::Open(_) => "open",
        };
        let found = super::counterexamples(standing).iter();
        let bears = |one: &&Residual| one.bears_on(claim, polarity);
        ClaimJson {
            claim: Accepted::of(claim).keyword(),
            label: assertion.map(|assertion| assertion.label.as_str()),
            place: assertion.and_then(|assertion| self.subject.place(assertion.origin.span)),
            standing: word,
            idle: self.proof.idle.contains(&claim),
            accepted: self.accepted_by(claim, standing).map(|word| format!("--accept {word}")),
            counterexamples: found.map(|one| self.counterexample_json(one)).collect(),
            residual: self.residual.iter().filter(bears).map(ResidualJson::from).collect(),
        }
    }

    fn counterexample_json(&self, found: &Counterexample) -> CounterexampleJson<'_> {
        let given = found.given.iter();
        CounterexampleJson {
            flow: found.flow.to_string(),
            given: given
                .map(|(atom, holds)| GivenJson { fact: fact::sentence(atom, true), holds: *holds })
                .collect(),
            answers: self.subject.answers(&found.decision, found.says.as_ref().map(Says::from)),
        }
    }

    fn summary(&self) -> Summary {
        let standings = || self.proof.claims.iter().map(|(_, standing)| standing);
        Summary {
            claims: self.proof.claims.len(),
            proved: standings().filter(|one| matches!(one, Standing::Proved)).count(),
            refuted: standings().filter(|one| matches!(one, Standing::Refuted(_))).count(),
            open: standings().filter(|one| matches!(one, Standing::Open(_))).count(),
            objections: self.objections(),
        }
    }
}

impl From<&Residual> for ResidualJson {
    fn from(one: &Residual) -> ResidualJson {
        ResidualJson { channel: one.keyword(), what: one.to_string() }
    }
}

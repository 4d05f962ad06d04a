//! The answer to "why?" about one flow.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::assumption_json::AssumptionJson;
use super::near::Near;
use super::near::NearJson;
use crate::diagnostic::render::escape_controls;
use crate::flow::Atom;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::STAND_IN;
use crate::flow::SeenPayload;
use crate::simulate::Decision;
use crate::simulate::FRESH;
use crate::simulate::Judged;
use crate::simulate::Outcome;
use crate::simulate::Reading;
use crate::simulate::Reason;
use crate::simulate::Verdict;
use crate::simulate::assumptions::Assumption;
use crate::simulate::decision::Peer;

/// The name of the JSON format.
pub const SCHEMA: &str = "exeat.explain/1";

/// Permissions shown that a flow misses by one thing: further ones are seldom what was meant.
const SHOWN_NEAR: usize = 3;
/// Readings shown where they differ; the others are counted.
const SHOWN_READINGS: usize = 12;
/// Missing facts shown; the others are counted.
const SHOWN_MISSING: usize = 12;
/// Facts shown of one reading; the others are counted.
const SHOWN_FACTS: usize = 6;

/// A statement of the list, with the place at which it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// Its label.
    pub label: String,
    /// `file:line:column`, where it stands in a file.
    pub place: Option<String>,
}

/// A flow, explained.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    /// The flow.
    pub observation: &'a Observation,
    /// What Azure does with it.
    pub decision: Decision,
    /// What the list says of it, if there is one.
    pub judged: Option<Judged>,
    /// The permission that speaks for it.
    pub permission: Option<Statement>,
    /// The deny that wins.
    pub deny: Option<Statement>,
    /// The permissions that it misses by one thing, if the list does not permit it; the nearest
    /// first.
    pub near: Vec<Near<'a>>,
    /// The box.
    pub outcome: Outcome,
    /// Why the box is no objection, where it would be one.
    pub accepted: Option<String>,
    /// The reading whose way is shown, where there are several.
    pub shown: Option<Reading>,
    /// Each combination of what is not known, where they are decided differently.
    pub readings: Vec<Reading>,
}

/// The keys follow those of a replayed flow (`cli.md`, Reports as JSON).
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    flow: String,
    required: Option<bool>,
    permitted: Option<bool>,
    verdict: &'static str,
    reason: &'static str,
    rule: Option<String>,
    permission: Option<&'a str>,
    rule_source: Option<&'a str>,
    denied_by: Option<&'a str>,
    near: Vec<NearJson<'a>>,
    route: Option<String>,
    peer: Option<String>,
    missing: Vec<String>,
    #[serde(rename = "box")]
    outcome: &'static str,
    accepted: Option<&'a str>,
    assumptions: Vec<AssumptionJson<'a>>,
    notes: Vec<String>,
    trace: Vec<StepJson<'a>>,
    trace_of: Option<TraceOfJson>,
    readings: Vec<ReadingJson>,
}

#[derive(Serialize)]
struct StepJson<'a> {
    stage: &'static str,
    looked_at: &'a str,
    result: &'a str,
    section: &'static str,
}

#[derive(Serialize)]
struct TraceOfJson {
    payload: String,
    given: Vec<GivenJson>,
}

#[derive(Serialize)]
struct ReadingJson {
    payload: String,
    alike: usize,
    given: Vec<GivenJson>,
    verdict: &'static str,
    reason: &'static str,
    rule: Option<String>,
}

#[derive(Serialize)]
struct GivenJson {
    fact: String,
    holds: bool,
}

impl Explanation<'_> {
    /// The explanation as one JSON document on one line.
    ///
    /// # Errors
    /// None that a flow can cause; `serde_json`'s own.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let decision = &self.decision;
        let document = Document {
            schema: SCHEMA,
            flow: self.observation.to_string(),
            required: self.judged.as_ref().and_then(|judged| judged.required),
            permitted: self.judged.as_ref().and_then(|judged| judged.permitted),
            verdict: decision.verdict.keyword(),
            reason: decision.reason.keyword(),
            rule: decision.rule.as_ref().map(ToString::to_string),
            permission: self.permission.as_ref().map(|one| one.label.as_str()),
            rule_source: self.permission.as_ref().and_then(|one| one.place.as_deref()),
            denied_by: self.deny.as_ref().map(|one| one.label.as_str()),
            near: self
                .near
                .iter()
                .take(SHOWN_NEAR)
                .map(|one| one.to_json(self.observation))
                .collect(),
            route: decision.route.as_ref().map(ToString::to_string),
            peer: peer(&decision.peer, self.observation),
            missing: self.missing(),
            outcome: self.outcome.keyword(),
            accepted: self.accepted.as_deref(),
            assumptions: self.assumptions().into_iter().map(AssumptionJson::from).collect(),
            notes: decision.notes.iter().map(ToString::to_string).collect(),
            trace: decision
                .trace
                .iter()
                .map(|step| StepJson {
                    stage: step.stage.keyword(),
                    looked_at: &step.looked_at,
                    result: &step.result,
                    section: step.section,
                })
                .collect(),
            trace_of: self.shown.as_ref().map(|reading| TraceOfJson {
                payload: reading.payload.to_string(),
                given: given_json(reading),
            }),
            readings: self.readings.iter().map(reading_json).collect(),
        };
        serde_json::to_string(&document).map(|text| text + "\n")
    }

    /// The explanation for people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let decision = &self.decision;
        writeln!(text, "{}", self.observation)?;
        let rule = decision.rule.as_ref().map(|rule| format!(" {rule}")).unwrap_or_default();
        writeln!(
            text,
            "{}: {}{}   [{}]",
            decision.verdict,
            self.reasons(),
            escape_controls(&rule),
            self.outcome
        )?;
        writeln!(text)?;
        if let Some(judged) = &self.judged {
            writeln!(text, "  list            {}", self.list_says(judged))?;
        }
        for one in self.near.iter().take(SHOWN_NEAR) {
            let words = one.in_words(self.observation);
            writeln!(text, "  near            {}", escape_controls(&words))?;
        }
        if let Some(because) = &self.accepted {
            writeln!(text, "  accepted        {}", escape_controls(because))?;
        }
        if let Some(reading) = &self.shown {
            let condition = escape_controls(&self.condition(reading));
            writeln!(text, "  if {condition}, the way is this:")?;
        }
        for step in &decision.trace {
            writeln!(
                text,
                "  {:<14}  {}: {}  ({})",
                step.stage.keyword(),
                escape_controls(&self.spoken(&step.looked_at)),
                escape_controls(&self.spoken(&step.result)),
                step.section
            )?;
        }
        if let Some(peer) = peer(&decision.peer, self.observation) {
            writeln!(text, "  connects to     {}", escape_controls(&peer))?;
        }
        for note in &decision.notes {
            writeln!(text, "  note            {}", escape_controls(&note.to_string()))?;
        }
        let missing = self.missing();
        for one in missing.iter().take(SHOWN_MISSING) {
            writeln!(text, "  missing         {}", escape_controls(one))?;
        }
        if missing.len() > SHOWN_MISSING {
            writeln!(text, "  missing         and {} more", missing.len() - SHOWN_MISSING)?;
        }
        for assumption in self.assumptions() {
            writeln!(
                text,
                "  assumed         {}={} ({})",
                assumption.key, assumption.value, assumption.section
            )?;
        }
        if !self.readings.is_empty() {
            writeln!(text)?;
            let depends = match decision.verdict {
                Verdict::Undetermined => "It depends:",
                Verdict::Allow
                | Verdict::Deny
                | Verdict::Bypass
                | Verdict::Local
                | Verdict::Platform => "The verdict is the same, and the reason depends:",
            };
            writeln!(text, "  {depends}")?;
            for reading in self.readings.iter().take(SHOWN_READINGS) {
                writeln!(
                    text,
                    "    {}",
                    escape_controls(&self.spoken(&reading_in_words(reading)))
                )?;
            }
            if self.readings.len() > SHOWN_READINGS {
                writeln!(text, "    and {} more", self.readings.len() - SHOWN_READINGS)?;
            }
        }
        Ok(())
    }

    /// What the verdict rests on, in each reading of a verdict in which all agree.
    fn reasons(&self) -> String {
        let of_readings = self.readings.iter().map(|reading| reading.decision.reason);
        let mut reasons = vec![self.decision.reason];
        if self.decision.verdict != Verdict::Undetermined {
            for reason in of_readings {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        reasons.into_iter().map(Reason::keyword).collect::<Vec<_>>().join(" or ")
    }

    /// `text` of a reading, with words for the names and paths that stand for those that no rule
    /// spells out.
    fn spoken(&self, text: &str) -> String {
        if self.shown.is_none() {
            return text.to_owned();
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let mut spoken = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(STAND_IN) {
            spoken.push_str(before);
            if spoken.ends_with(|c| is_name(c) || c == '/') {
                // It stands in a path.
                spoken.push(STAND_IN);
                rest = after;
                continue;
            }
            let tail = after.split_once(|c: char| !is_name(c)).map_or(after, |(tail, _)| tail);
            let words = match tail.strip_prefix('.') {
                Some(parent) => format!("(a name under {parent} that no rule names)"),
                None if tail.is_empty() => "(a name that no rule names)".to_owned(),
                None => format!("(a name that ends in {tail} and that no rule names)"),
            };
            spoken.push_str(&words);
            rest = after.strip_prefix(tail).unwrap_or_default();
        }
        spoken.push_str(rest);
        let mut parts = spoken.split(FRESH);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            text + "…" + part.trim_start_matches(|c: char| c.is_ascii_digit())
        })
    }

    /// What is supposed of the flow in `reading`.
    fn condition(&self, reading: &Reading) -> String {
        let is_seen = matches!(self.observation.payload, SeenPayload::Exactly(_));
        let is_inner = matches!(&reading.payload, Payload::Tls { inner: Some(_), .. });
        let written = reading.payload.to_string();
        let spoken = self.spoken(&written);
        let said = if spoken == written { format!("`{written}`") } else { spoken };
        let payload = (!is_seen || is_inner)
            .then(|| format!("the first bytes are {said}{}", others(reading)));
        payload.into_iter().chain(facts(reading)).collect::<Vec<_>>().join(", and ")
    }

    fn list_says(&self, judged: &Judged) -> String {
        let stand = |one: &Statement| match &one.place {
            Some(place) => format!("`{}` ({place})", one.label),
            None => format!("`{}`", one.label),
        };
        let by =
            self.permission.as_ref().map(|one| format!(" by {}", stand(one))).unwrap_or_default();
        if let Some(deny) = &self.deny {
            return format!("not permitted: denied by {}", stand(deny));
        }
        match (judged.required, judged.permitted) {
            (Some(true), _) => format!("required{by}"),
            (_, Some(true)) => format!("permitted{by}"),
            (_, Some(false)) => "not permitted: nothing in the list permits it".to_owned(),
            (_, None) => "not settled: it depends on what is missing".to_owned(),
        }
    }

    /// What would settle the verdict and what the list says, each once.
    fn missing(&self) -> Vec<String> {
        let missing = match &self.judged {
            Some(judged) => judged.missing_with(&self.decision),
            None => self.decision.missing.clone(),
        };
        missing.iter().map(ToString::to_string).collect()
    }

    fn assumptions(&self) -> Vec<&Assumption> {
        let of_list = self.judged.iter().flat_map(|judged| &judged.assumptions);
        let mut all: Vec<&Assumption> = self.decision.assumptions.iter().chain(of_list).collect();
        all.sort();
        all.dedup();
        all
    }
}

fn peer(peer: &Peer, observation: &Observation) -> Option<String> {
    match peer {
        Peer::Nobody => None,
        Peer::Destination => Some(observation.destination.to_string()),
        Peer::Address(address) => Some(address.to_string()),
        Peer::Answer(host) => Some(format!("the firewall's own answer for {host}")),
        Peer::AnswerOrDestination(host) => {
            Some(format!("the firewall's own answer for {host}, or {}", observation.destination))
        }
    }
}

fn reading_json(reading: &Reading) -> ReadingJson {
    ReadingJson {
        payload: reading.payload.to_string(),
        alike: reading.alike,
        given: given_json(reading),
        verdict: reading.decision.verdict.keyword(),
        reason: reading.decision.reason.keyword(),
        rule: reading.decision.rule.as_ref().map(ToString::to_string),
    }
}

fn given_json(reading: &Reading) -> Vec<GivenJson> {
    let given = reading.given.iter();
    given.map(|(atom, holds)| GivenJson { fact: atom.to_string(), holds: *holds }).collect()
}

fn reading_in_words(reading: &Reading) -> String {
    let facts = facts(reading);
    let rule = reading.decision.rule.as_ref().map(|rule| format!(" {rule}")).unwrap_or_default();
    let when = if facts.is_empty() {
        "in any case".to_owned()
    } else {
        format!("if {}", facts.join(", and "))
    };
    format!(
        "{} ({}{rule}) with {}{}, {when}",
        reading.decision.verdict,
        reading.decision.reason,
        reading.payload,
        others(reading)
    )
}

/// The facts that the reading supposes, as many as are shown.
fn facts(reading: &Reading) -> Vec<String> {
    let in_words = |(atom, holds): (&Arc<Atom>, &bool)| {
        if *holds { atom.to_string() } else { format!("not: {atom}") }
    };
    let mut facts: Vec<String> = reading.given.iter().take(SHOWN_FACTS).map(in_words).collect();
    if reading.given.len() > SHOWN_FACTS {
        facts.push(format!("{} more facts", reading.given.len() - SHOWN_FACTS));
    }
    facts
}

/// The names for which the one of the reading stands.
fn others(reading: &Reading) -> String {
    match reading.alike {
        0 => String::new(),
        1 => " (and 1 more name)".to_owned(),
        more => format!(" (and {more} more names)"),
    }
}

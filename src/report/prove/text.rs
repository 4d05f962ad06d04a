//! The report on a proof for people: the claims, then each counterexample.

use std::fmt::Write as _;

use super::ProofReport;
use crate::azure::RuleId;
use crate::diagnostic::render::escape_controls;
use crate::intent::check::Polarity;
use crate::prove::Claim;
use crate::prove::Counterexample;
use crate::prove::Excess;
use crate::prove::Standing;
use crate::prove::claims::MAX_COUNTEREXAMPLES;
use crate::report::fact;
use crate::report::flow_row::count;
use crate::report::premises;
use crate::simulate::Verdict;

/// Names shown at the addresses of one permission; the others are counted.
const SHOWN_NAMES: usize = 6;
/// Facts shown of one counterexample; the others are counted.
const SHOWN_FACTS: usize = 6;

impl ProofReport<'_> {
    /// The report.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let asked = &self.subject.asked;
        let judged = match (asked.rules, asked.deployments) {
            (Some(rules), []) => rules.to_owned(),
            (Some(rules), deployments) => format!("{} and {rules}", deployments.join(", ")),
            (None, deployments) => deployments.join(", "),
        };
        let judged = escape_controls(&judged);
        let sources = if self.subject.deployment.virtual_networks.is_empty() {
            "every flow"
        } else {
            "every flow from a declared subnet"
        };
        writeln!(text, "{sources}, judged by {judged}, as of {:.0}", self.at)?;
        writeln!(text)?;
        let is_accepted =
            |(claim, standing): &(Claim, Standing)| self.accepted_by(*claim, standing).is_some();
        let width = if self.proof.claims.iter().any(is_accepted) { 20 } else { 9 };
        for (claim, standing) in &self.proof.claims {
            let standing = match (standing, self.accepted_by(*claim, standing)) {
                (Standing::Proved, _) => "  proved",
                (Standing::Refuted(_), None) => "! REFUTED",
                (Standing::Refuted(_), Some(_)) => "  refuted (accepted)",
                (Standing::Open(_), None) => "! open",
                (Standing::Open(_), Some(_)) => "  open (accepted)",
            };
            let idle = if self.proof.idle.contains(claim) {
                " (idle: it speaks of no flow that could leave)"
            } else {
                ""
            };
            let claimed = self.claimed(*claim);
            writeln!(text, "{standing:<width$}  {}{idle}", escape_controls(&claimed))?;
        }
        let mut number = 0;
        for (claim, standing) in &self.proof.claims {
            if !self.is_objection(*claim, standing) {
                continue;
            }
            let found = super::counterexamples(standing);
            for one in found {
                number += 1;
                writeln!(text)?;
                self.counterexample(text, number, *claim, one)?;
            }
            if found.len() == MAX_COUNTEREXAMPLES {
                writeln!(
                    text,
                    "\n   and perhaps more: of a claim, {MAX_COUNTEREXAMPLES} flows with a cause each are shown"
                )?;
            }
        }
        self.conclusion(text)
    }

    /// What is claimed, in a sentence.
    fn claimed(&self, claim: Claim) -> String {
        match (claim, self.assertion(claim)) {
            (Claim::NoLeak, _) => {
                "no leak: what leaves through the firewall is permitted".to_owned()
            }
            (Claim::NoBreakage, _) => "no breakage: what is required leaves".to_owned(),
            (Claim::NothingAround, _) => "nothing leaves around the firewall".to_owned(),
            (Claim::Assertion(_), Some(assertion)) => {
                let (word, meaning) = match assertion.polarity {
                    Polarity::Never => ("never", "none of its flows leaves"),
                    Polarity::Always => ("always", "all of its flows leave"),
                };
                let place = self.subject.place(assertion.origin.span);
                let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
                format!("assert {word} `{}`{place}: {meaning}", assertion.label)
            }
            (Claim::Assertion(_), None) => "an assertion".to_owned(),
        }
    }

    /// The claim by its name.
    fn named(&self, claim: Claim) -> String {
        match (claim, self.assertion(claim)) {
            (Claim::NoLeak, _) => "leak".to_owned(),
            (Claim::NoBreakage, _) => "breakage".to_owned(),
            (Claim::NothingAround, _) => "bypass".to_owned(),
            (Claim::Assertion(_), Some(assertion)) => format!("assertion `{}`", assertion.label),
            (Claim::Assertion(_), None) => "assertion".to_owned(),
        }
    }

    /// What a flow is a counterexample to, without its number and what to do.
    pub(super) fn caption(&self, claim: Claim, found: &Counterexample) -> String {
        let mut lines = vec![self.title(claim, found), found.flow.to_string()];
        lines.extend(premises_of(found));
        let lines: Vec<String> = lines.iter().map(|line| escape_controls(line)).collect();
        lines.join("\n")
    }

    /// The claim, and why the flow is one that it does not hold of.
    fn title(&self, claim: Claim, found: &Counterexample) -> String {
        let perhaps = if found.given.is_empty() { "" } else { ", perhaps" };
        format!("{}{perhaps}: {}", self.named(claim), self.headline(claim, found))
    }

    fn counterexample(
        &self,
        text: &mut String,
        number: usize,
        claim: Claim,
        found: &Counterexample,
    ) -> std::fmt::Result {
        writeln!(text, "{number}. {}", escape_controls(&self.title(claim, found)))?;
        writeln!(text, "     {}", escape_controls(&found.flow.to_string()))?;
        writeln!(text, "   azure: {}", escape_controls(&self.azure_says(found)))?;
        if let Some(says) = self.list_says(found) {
            writeln!(text, "   list: {}", escape_controls(&says))?;
        }
        for line in premises_of(found) {
            writeln!(text, "   {}", escape_controls(&line))?;
        }
        for (index, advice) in self.advice(claim, found).iter().enumerate() {
            let word = if index == 0 { "do" } else { "or" };
            writeln!(text, "   {word}: {}", escape_controls(advice))?;
        }
        writeln!(text, "   why: {}", self.explain(found))
    }

    /// What Azure does with the flow, and by which rule or route.
    fn azure_says(&self, found: &Counterexample) -> String {
        let decision = &found.decision;
        let by_rule = decision.rule.as_ref().map(|rule| self.rule(rule));
        let by_route = || decision.route.as_ref().map(|route| format!(", by route {route}"));
        let by = match decision.verdict {
            Verdict::Bypass => by_route(),
            Verdict::Allow
            | Verdict::Deny
            | Verdict::Undetermined
            | Verdict::Local
            | Verdict::Platform => by_rule.or_else(by_route),
        };
        format!("{} ({}){}", decision.verdict, decision.reason, by.unwrap_or_default())
    }

    /// A rule with its policy, and the statement that it comes from.
    fn rule(&self, rule: &RuleId) -> String {
        let origin = self.subject.deployment.origins.get(rule);
        let origin = origin.map(|origin| format!(", from `{}` in {}", origin.label, origin.file));
        format!(", by rule {rule} of policy `{}`{}", rule.policy, origin.unwrap_or_default())
    }

    /// What the list says of the flow; nothing where there is none.
    fn list_says(&self, found: &Counterexample) -> Option<String> {
        found.says.as_ref().map(|stance| self.subject.sentence(stance.into()))
    }

    /// What a permission lets out beyond what it says.
    fn excess(&self, excess: &Excess) -> String {
        let permissions = self.subject.intent.map(|intent| intent.permissions.as_slice());
        let permission = permissions.and_then(|all| all.get(excess.permission));
        let label = permission.map_or("", |permission| &permission.label);
        let place = permission.and_then(|permission| self.subject.place(permission.origin.span));
        let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
        let Some(addresses) = &excess.addresses else {
            return format!(
                "`{label}`{place} lets anything out on its ports, to whatever its names resolve to; \
                 `--lock FILE` tells to how many addresses"
            );
        };
        let to = match addresses.count() {
            1 => "1 address".to_owned(),
            number => format!("{number} addresses"),
        };
        let mut others = excess.others.iter().take(SHOWN_NAMES).map(|name| format!("`{name}`"));
        let shown: Vec<String> = others.by_ref().collect();
        let more = excess.others.len().saturating_sub(SHOWN_NAMES);
        let there = match (shown.as_slice(), more) {
            ([], _) => String::new(),
            (shown, 0) => format!("; the lock has {} there, too", shown.join(", ")),
            (shown, more) => {
                format!("; the lock has {} and {more} more there, too", shown.join(", "))
            }
        };
        format!("`{label}`{place} lets anything out on its ports, to {to}{there}")
    }

    fn conclusion(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text)?;
        premises::write_known(text, self.subject.evidence, &self.proof.assumptions)?;
        if !self.proof.excess.is_empty() {
            writeln!(text, "accepted, by address:")?;
            for one in &self.proof.excess {
                writeln!(text, "  {}", escape_controls(&self.excess(one)))?;
            }
        }
        premises::write_not_covered(text, &self.residual)?;
        if self.subject.intent.is_none() {
            writeln!(
                text,
                "note: there is no list, so that leaks, breakages and assertions are not asked for; name a rules file"
            )?;
        }
        let standings = || self.proof.claims.iter().map(|(_, standing)| standing);
        let proved = standings().filter(|one| matches!(one, Standing::Proved)).count();
        let refuted = standings().filter(|one| matches!(one, Standing::Refuted(_))).count();
        let open = standings().filter(|one| matches!(one, Standing::Open(_))).count();
        let counted: Vec<String> = [(proved, "proved"), (refuted, "refuted"), (open, "open")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        let verdict = match self.objections() as u64 {
            0 => "nothing to object to".to_owned(),
            objections => count(objections, "objection"),
        };
        let claims = count(self.proof.claims.len() as u64, "claim");
        writeln!(text, "{claims}: {}; {verdict}", counted.join(", "))
    }
}

/// The facts that a counterexample supposes, as sentences; of many, the first few.
fn premises_of(found: &Counterexample) -> Vec<String> {
    let facts = fact::in_order(&found.given);
    let shown = facts.iter().take(SHOWN_FACTS).enumerate();
    let mut lines: Vec<String> = shown
        .map(|(index, (atom, holds))| {
            let word = if index == 0 { "if" } else { "and" };
            format!("{word}: {}", fact::sentence(atom, *holds))
        })
        .collect();
    if found.given.len() > SHOWN_FACTS {
        let more = (found.given.len() - SHOWN_FACTS) as u64;
        lines.push(format!("and: {} more", count(more, "fact")));
    }
    lines
}

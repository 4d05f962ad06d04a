//! The report on tests for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::TestReport;
use crate::diagnostic::render;
use crate::diagnostic::render::Style;
use crate::diagnostic::render::escape_controls;
use crate::report::flow_row::count;
use crate::report::premises;
use crate::simulate::Outcome;
use crate::simulate::Verdict;
use crate::simulate::assumptions::Assumption;
use crate::testing::Disagreement;
use crate::testing::Score;
use crate::testing::agreement::MAX_DISAGREEMENTS;

impl TestReport<'_> {
    /// The report; findings in it are drawn in `style`.
    pub fn to_text(&self, style: Style) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write(&mut text, style);
        text
    }

    fn write(&self, text: &mut String, style: Style) -> std::fmt::Result {
        let asked = &self.subject.asked;
        let names = asked.deployments.iter().map(String::as_str).chain(asked.rules);
        let judged = escape_controls(&names.collect::<Vec<_>>().join(" and "));
        let seed = self.runs.seed;
        writeln!(text, "flows near every edge of {judged}, as of {:.0}, seed {seed}\n", self.at)?;
        for outcome in Outcome::ALL {
            let Some(flows) = self.agreement.boxes.get(&outcome) else { continue };
            let mark = if self.is_objection(outcome) { "!" } else { " " };
            let is_accepted = self.accepted.contains(&outcome);
            let note = if is_accepted { " (accepted)" } else { "" };
            writeln!(text, "{mark}{flows:>6}  {outcome}{note}")?;
        }
        if self.subject.intent.is_some() {
            let (all, unmet) = (count(self.examples() as u64, "example"), self.tested.unmet.len());
            match (self.examples(), unmet) {
                (0, _) => writeln!(text, "\nno examples")?,
                (_, 0) => writeln!(text, "\n{all}, met")?,
                (_, _) => writeln!(text, "\n{all}, of which {unmet} not met")?,
            }
        }
        let objections = self.agreement.disagreements.iter();
        let objections = objections.filter(|one| self.is_objection(one.outcome));
        for (index, found) in objections.enumerate() {
            writeln!(text)?;
            self.disagreement(text, index + 1, found)?;
        }
        if self.agreement.are_more {
            writeln!(
                text,
                "\n   and more: of flows in one box, {MAX_DISAGREEMENTS} with a cause each are shown"
            )?;
        }
        for found in self.unmet() {
            write!(text, "\n{}", render::draw(&found, self.subject.sources, style))?;
        }
        if let Some(score) = self.score {
            writeln!(text)?;
            self.score(text, score)?;
        }
        self.conclusion(text)
    }

    /// How many mistakes are noticed, and those that are not.
    fn score(&self, text: &mut String, score: &Score) -> std::fmt::Result {
        let real = score.tried - score.equivalent;
        let percent = (100 * score.noticed).checked_div(real);
        let share = percent.map(|percent| format!(" ({percent} %)")).unwrap_or_default();
        let mistakes = count(real as u64, "mutant");
        write!(text, "{mistakes}, of which {} noticed{share}", score.noticed)?;
        writeln!(text, "; {} more without effect", score.equivalent)?;
        if score.tried < score.possible {
            let (tried, possible) = (score.tried, score.possible);
            writeln!(text, "note: of {possible} mutants, {tried} were drawn from the seed")?;
        }
        let unnoticed = self.unnoticed();
        if !unnoticed.is_empty() {
            writeln!(text, "what no example or assertion notices, and an example that would:")?;
        }
        let mut told = BTreeSet::new();
        for (one, example) in unnoticed {
            let place = self.place_of(&one.label).map(|place| format!("{place}: "));
            let place = place.unwrap_or_default();
            let says = format!("{place}`{}`, rule {}: {}", one.label, one.rule, one.what);
            writeln!(text, "  {}", escape_controls(&says))?;
            let example = match example {
                None => "(none: what becomes of its flows depends on what is not known)".to_owned(),
                Some(example) if told.contains(&example) => "(one of those above)".to_owned(),
                Some(example) => {
                    told.insert(example.clone());
                    example
                }
            };
            writeln!(text, "    {}", escape_controls(&example))?;
        }
        Ok(())
    }

    fn disagreement(
        &self,
        text: &mut String,
        number: usize,
        found: &Disagreement,
    ) -> std::fmt::Result {
        let what = match found.outcome {
            Outcome::Leak => "Azure lets out what the list does not permit",
            Outcome::Breakage => "Azure stops what the list requires",
            Outcome::Bypass => "it leaves around the firewall",
            Outcome::RequiredPassed
            | Outcome::PermittedPassed
            | Outcome::Accepted
            | Outcome::Passed
            | Outcome::PermittedBlocked
            | Outcome::Blocked
            | Outcome::Undetermined
            | Outcome::NotJudged => "it is judged",
        };
        let decision = &found.decision;
        writeln!(text, "{number}. {}: {what}; the simplest flow found:", found.outcome)?;
        writeln!(text, "     {}", escape_controls(&found.flow.to_string()))?;
        let rule = decision.rule.as_ref();
        let by_rule = rule.map(|rule| format!(", by rule {rule} of policy `{}`", rule.policy));
        let by_route = decision.route.as_ref().map(|route| format!(", by route {route}"));
        let by = if decision.verdict == Verdict::Bypass { by_route } else { by_rule.or(by_route) };
        let says = format!("{} ({}){}", decision.verdict, decision.reason, by.unwrap_or_default());
        writeln!(text, "   azure: {}", escape_controls(&says))?;
        if let Some(says) = self.list_says(found) {
            writeln!(text, "   list: {}", escape_controls(&says))?;
        }
        writeln!(text, "   why: {}", self.subject.asked.explain(&found.flow))
    }

    /// What the list says of the flow; nothing where there is none.
    fn list_says(&self, found: &Disagreement) -> Option<String> {
        found.judged.as_ref().map(|judged| self.subject.sentence(judged.into()))
    }

    fn conclusion(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text)?;
        let assumptions: Vec<Assumption> = self.assumptions().into_iter().cloned().collect();
        premises::write_known(text, self.subject.evidence, &assumptions)?;
        if self.agreement.is_cut {
            writeln!(
                text,
                "note: there are more edges than are tried; those left out lie between these"
            )?;
        }
        if self.agreement.disagreements.iter().any(|one| self.is_objection(one.outcome)) {
            writeln!(
                text,
                "note: `exeat prove` tells of every flow, and what to do about each cause"
            )?;
        }
        if self.subject.intent.is_none() {
            writeln!(
                text,
                "note: there is no list, so that leaks and breakages are not looked for; name a rules file"
            )?;
        }
        let flows = count(self.flows() as u64, "flow");
        let verdict = match self.objections() as u64 {
            0 => "nothing to object to".to_owned(),
            objections => count(objections, "objection"),
        };
        writeln!(text, "{flows}; {verdict}")
    }
}

//! The report on tests of a list: its examples, and flows near every edge.

mod json;
mod text;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::example;
use super::subject::Subject;
use crate::diagnostic::Diagnostic;
use crate::simulate::Outcome;
use crate::simulate::assumptions::Assumption;
use crate::testing::Agreement;
use crate::testing::Runs;
use crate::testing::Score;
use crate::testing::Tested;
use crate::testing::Unnoticed;

/// The name of the JSON format.
pub const SCHEMA: &str = "exeat.test/1";

/// Tests that were run, ready to be reported.
#[derive(Clone, Debug)]
pub struct TestReport<'a> {
    /// What was judged, and by what.
    pub subject: Subject<'a>,
    /// The time as of which permissions are active.
    pub at: Timestamp,
    /// How flows were drawn.
    pub runs: Runs,
    /// What came of the examples.
    pub tested: &'a Tested<'a>,
    /// What both sides say of flows near edges.
    pub agreement: &'a Agreement,
    /// How many mistakes the checks of the list notice, where that was asked.
    pub score: Option<&'a Score>,
    /// The boxes that are no objection.
    pub accepted: &'a [Outcome],
    /// Findings about the source.
    pub findings: &'a [Diagnostic],
}

impl<'a> TestReport<'a> {
    /// Whether something stops a pipeline.
    pub fn has_objections(&self) -> bool {
        self.objections() > 0
    }

    fn objections(&self) -> usize {
        let boxes = self.agreement.disagreements.iter();
        self.tested.unmet.len() + boxes.filter(|one| self.is_objection(one.outcome)).count()
    }

    /// Whether flows in a box stop a pipeline. What is not settled does not: an edge of what nobody
    /// knows is no mistake of the list.
    fn is_objection(&self, outcome: Outcome) -> bool {
        outcome.is_objection()
            && outcome != Outcome::Undetermined
            && !self.accepted.contains(&outcome)
    }

    fn flows(&self) -> usize {
        self.agreement.boxes.values().sum()
    }

    fn examples(&self) -> usize {
        self.subject.intent.map_or(0, |intent| intent.examples.len())
    }

    /// The examples that are not met, as findings.
    fn unmet(&self) -> Vec<Diagnostic> {
        let Some(intent) = self.subject.intent else { return Vec::new() };
        let unmet = self.tested.unmet.iter();
        unmet.map(|one| example::finding(one, intent, &self.subject.asked)).collect()
    }

    /// The assumptions that some verdict depended on.
    fn assumptions(&self) -> BTreeSet<&Assumption> {
        self.tested.assumptions.iter().chain(&self.agreement.assumptions).collect()
    }

    /// The mistakes that nothing notices, each with an example that would, ready to be pasted. One
    /// example may do for several.
    fn unnoticed(&self) -> Vec<(&'a Unnoticed, Option<String>)> {
        let mut taken: BTreeSet<String> = BTreeSet::new();
        if let Some(intent) = self.subject.intent {
            let permissions = intent.permissions.iter().map(|one| &one.label);
            let labels = permissions.chain(intent.denies.iter().map(|one| &one.label));
            let labels = labels.chain(intent.assertions.iter().map(|one| &one.label));
            taken.extend(labels.chain(intent.examples.iter().map(|one| &one.label)).cloned());
        }
        let mut written: BTreeMap<String, String> = BTreeMap::new();
        let unnoticed = self.score.into_iter().flat_map(|score| &score.unnoticed);
        let with_example = unnoticed.map(|one| {
            let example = one.witness.as_ref().map(|(flow, verdict)| {
                let says = format!("{flow} => {verdict}");
                let wanted = format!("{}-{}", one.label, one.kind);
                let name = written.entry(says.clone());
                let name = name.or_insert_with(|| unused(&wanted, &mut taken));
                format!("example {name} {says}")
            });
            (one, example)
        });
        with_example.collect()
    }

    /// `file:line:column` of the statement with this label.
    fn place_of(&self, label: &str) -> Option<String> {
        let intent = self.subject.intent?;
        let permissions = intent.permissions.iter().map(|one| (&one.label, &one.origin));
        let denies = intent.denies.iter().map(|one| (&one.label, &one.origin));
        let (_, origin) = permissions.chain(denies).find(|(found, _)| *found == label)?;
        self.subject.place(origin.span)
    }
}

/// A name like `wanted` that is an identifier of the language and not `taken`; it is from then on.
fn unused(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let name: String = wanted
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    let name = parts.join("-");
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let name = if starts { name } else { format!("rule-{name}") };
    let numbered = (2..).map(|number: u64| format!("{name}-{number}"));
    let free = [name.clone()].into_iter().chain(numbered).find(|one| !taken.contains(one));
    // There are more numbers than names.
    let free = free.unwrap_or(name);
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_gets_a_name_that_no_statement_has() {
        let mut taken = BTreeSet::from(["web-dropped".to_owned()]);
        assert_eq!(unused("web-dropped", &mut taken), "web-dropped-2");
        assert_eq!(unused("web-dropped", &mut taken), "web-dropped-3");
        assert_eq!(unused("aks::Pull images-moved", &mut taken), "aks-pull-images-moved");
        assert_eq!(unused("9-moved", &mut taken), "rule-9-moved");
    }
}

//! The report on a change: what newly leaves, what newly stays, and what is newly open, in words, each
//! with the rule that lets it out and a flow.

mod json;
mod markdown;
mod recorded;
mod text;
pub(super) mod words;

use jiff::Timestamp;

use super::command::Asked;
use super::flow_row::count;
use crate::azure::Deployment;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::SourceMap;
use crate::diagnostic::Span;
use crate::evidence::Evidence;
use crate::flow::AddressSet;
use crate::flow::Observation;
use crate::intent::Intent;
use crate::prove::Change;
use crate::prove::Changes;
use crate::prove::Difference;
use crate::prove::Effect;
use crate::prove::Residual;
use crate::simulate::Decision;
use crate::simulate::Verdict;
pub use recorded::Flip;
pub use recorded::Recorded;

use words::Places;
use words::words;

/// The name of the JSON format.
pub const SCHEMA: &str = "exeat.diff/1";

/// What is compared, before the change or after it.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// What stood on the command line.
    pub asked: Asked<'a>,
    /// The list, where the side is one.
    pub intent: Option<&'a Intent>,
    /// What is deployed, or what the list compiles to.
    pub deployment: &'a Deployment,
    /// The text of the list.
    pub sources: &'a SourceMap,
    /// Findings about the list.
    pub findings: &'a [Diagnostic],
}

/// A difference, ready to be reported.
#[derive(Clone, Debug)]
pub struct DifferenceReport<'a> {
    /// Before the change.
    pub old: Side<'a>,
    /// After it.
    pub new: Side<'a>,
    /// What is known of both.
    pub evidence: &'a Evidence,
    /// The time as of which permissions are active.
    pub at: Timestamp,
    /// The difference.
    pub difference: &'a Difference,
    /// What becomes of recorded flows, if captures were given.
    pub recorded: Option<Recorded>,
    /// What no comparison speaks of: what is open after the change, or stopped flows before it.
    pub residual: Vec<Residual>,
}

/// The rule that decides a flow, and the statement that it comes from.
struct Responsible<'a> {
    /// `group/collection/rule`.
    rule: String,
    policy: &'a str,
    /// The label of the statement.
    label: Option<&'a str>,
    /// `file:line:column` of it, or its file where that is not known.
    place: Option<String>,
}

impl<'a> Side<'a> {
    /// The file or files that it is.
    fn name(&self) -> String {
        match self.asked.rules {
            Some(rules) => rules.to_owned(),
            None => self.asked.deployments.join(", "),
        }
    }

    fn responsible(&self, decision: &'a Decision) -> Option<Responsible<'a>> {
        let id = decision.rule.as_ref()?;
        let origin = self.deployment.origins.get(id);
        let label = origin.map(|origin| origin.label.as_str());
        let place = label.and_then(|label| self.sources.place(self.statement(label)?));
        Some(Responsible {
            rule: id.to_string(),
            policy: id.policy.as_str(),
            label,
            place: place.or_else(|| origin.map(|origin| origin.file.clone())),
        })
    }

    /// Where the permission or the deny with this label stands.
    fn statement(&self, label: &str) -> Option<Span> {
        let intent = self.intent?;
        let permissions = intent.permissions.iter().map(|one| (&one.label, &one.origin));
        let denies = intent.denies.iter().map(|one| (&one.label, &one.origin));
        let mut all = permissions.chain(denies);
        all.find(|(one, _)| *one == label).map(|(_, origin)| origin.span)
    }

    /// What becomes of a flow, and by which rule or route.
    fn says(&self, decision: &'a Decision) -> String {
        let by_route = || decision.route.as_ref().map(|route| format!(", by route {route}"));
        let by_rule = || {
            let Responsible { rule, policy, label, place } = self.responsible(decision)?;
            let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
            let label = label.map(|label| format!(", from `{label}`{place}"));
            Some(format!(", by rule {rule} of policy `{policy}`{}", label.unwrap_or_default()))
        };
        let by = match decision.verdict {
            Verdict::Bypass => by_route(),
            Verdict::Allow
            | Verdict::Deny
            | Verdict::Undetermined
            | Verdict::Local
            | Verdict::Platform => by_rule().or_else(by_route),
        };
        format!("{} ({}){}", decision.verdict, decision.reason, by.unwrap_or_default())
    }
}

impl<'a> DifferenceReport<'a> {
    /// Whether something leaves that did not, or may, or comes from where nothing could be compared.
    pub fn is_widened(&self) -> bool {
        let Difference { newly_leaves, newly_open, .. } = self.difference;
        !newly_leaves.pieces.is_empty()
            || newly_open.pieces.iter().any(|one| one.effect.widens())
            || !self.only_new().is_empty()
            || self.recorded.as_ref().is_some_and(Recorded::is_widened)
    }

    /// Whether anything differs.
    pub fn is_different(&self) -> bool {
        self.all().any(|(_, changes)| !changes.pieces.is_empty())
            || !self.only_new().is_empty()
            || !self.only_old().is_empty()
            || self.recorded.as_ref().is_some_and(|recorded| !recorded.flips.is_empty())
    }

    /// The changes, under the words for them.
    fn all(&self) -> impl Iterator<Item = (Heading, &'a Changes)> {
        let Difference { newly_leaves, newly_stays, newly_open, .. } = self.difference;
        [
            (Heading::Leaves, newly_leaves),
            (Heading::Stays, newly_stays),
            (Heading::Open, newly_open),
        ]
        .into_iter()
    }

    /// The sources that only the old side declares.
    fn only_old(&self) -> AddressSet {
        self.declared_once(&self.difference.only_old)
    }

    /// The sources that only the new side declares.
    fn only_new(&self) -> AddressSet {
        self.declared_once(&self.difference.only_new)
    }

    /// Of a side that states no network, every source is judged: that is no network that is gone.
    fn declared_once(&self, sources: &AddressSet) -> AddressSet {
        let sides = [self.old, self.new];
        if sides.iter().any(|side| side.deployment.virtual_networks.is_empty()) {
            AddressSet::empty()
        } else {
            sources.clone()
        }
    }

    /// What addresses are called, by the names after the change first.
    fn places(&self) -> Places {
        Places::new([self.new.deployment, self.old.deployment])
    }

    /// The flows of a change, in words.
    fn words(&self, change: &Change) -> String {
        words(&change.along, &self.places())
    }

    /// The command that explains the flow of a change as it is after it, in the reading in which it
    /// changes.
    fn explain(&self, change: &Change) -> String {
        let flow = Observation::from(change.flow.clone());
        self.new.asked.explain_given(&flow, &change.given)
    }

    /// What is not compared, as sentences.
    fn not_compared(&self) -> Vec<String> {
        let places = self.places();
        let sides = [("before", self.old), ("after", self.new)];
        let unstated = sides.iter().filter(|(_, side)| side.deployment.virtual_networks.is_empty());
        let mut told: Vec<String> = match unstated.collect::<Vec<_>>().as_slice() {
            [(_, side)] => vec![format!(
                "sources that only one side judges: {} states no network, so every flow is presumed to reach its firewall",
                side.name()
            )],
            _ => Vec::new(),
        };
        let once = [(self.only_new(), "new", self.new), (self.only_old(), "gone", self.old)];
        for (sources, word, side) in once {
            if !sources.is_empty() {
                told.push(format!(
                    "sources that are {word}: {}, which only {} declares",
                    places.addresses(&sources),
                    side.name()
                ));
            }
        }
        told
    }

    /// How many kinds of flows change which way, or that none does.
    fn summary(&self) -> String {
        let counted: Vec<String> = self
            .all()
            .filter(|(_, changes)| !changes.pieces.is_empty())
            .map(|(heading, changes)| {
                let does = heading.does(changes.pieces.len() == 1 && !changes.are_more);
                let more = if changes.are_more { "more than " } else { "" };
                let kinds = count(changes.pieces.len() as u64, "kind");
                format!("{more}{kinds} of flows {does}")
            })
            .collect();
        match (counted.is_empty(), self.is_different()) {
            (false, _) => counted.join("; "),
            (true, true) => "no difference in what is compared".to_owned(),
            (true, false) => "no difference".to_owned(),
        }
    }
}

/// What flows newly do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Heading {
    Leaves,
    Stays,
    Open,
}

impl Heading {
    /// The word of JSON.
    fn keyword(self) -> &'static str {
        match self {
            Heading::Leaves => "newly-leaves",
            Heading::Stays => "newly-stays",
            Heading::Open => "newly-open",
        }
    }

    /// As a title.
    fn title(self) -> &'static str {
        match self {
            Heading::Leaves => "newly leaves",
            Heading::Stays => "newly stays",
            Heading::Open => "newly open",
        }
    }

    /// What its flows do, of one kind or of several.
    fn does(self, is_one: bool) -> &'static str {
        match (self, is_one) {
            (Heading::Leaves, true) => "newly leaves",
            (Heading::Leaves, false) => "newly leave",
            (Heading::Stays, true) => "newly stays",
            (Heading::Stays, false) => "newly stay",
            (Heading::Open, true) => "is newly open",
            (Heading::Open, false) => "are newly open",
        }
    }
}

/// What may become of flows that are open; nothing where that is sure.
fn may(effect: Effect) -> Option<&'static str> {
    match effect {
        Effect::Leaves | Effect::Stays => None,
        Effect::MayLeave => Some("leave"),
        Effect::MayStay => Some("stay"),
    }
}

//! The report on a replay for people: the boxes, then what to do about each objection.

use std::fmt::Write as _;
use std::slice;

use super::Again;
use super::Replay;
use super::ReplayedFlow;
use super::SHOWN_FLOWS;
use super::Tally;
use super::consistency;
use super::consistency::Unfit;
use super::cure::Group;
use super::totals::MOST_CAUSES;
use super::totals::RecordedTally;
use crate::diagnostic::render::escape_controls;
use crate::flow::SeenPayload;
use crate::report::command::Asked;
use crate::report::flow_row::count;
use crate::report::flow_row::says;
use crate::simulate::Agreement;
use crate::simulate::Outcome;

/// Captures that are named where a report begins, and in a command.
const SHOWN_CAPTURES: usize = 8;

/// Flows of which a log says something else than is decided here.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// How they differ.
    pub agreement: Agreement,
    /// How many flows there are.
    pub number: u64,
    /// The first of them.
    pub flows: Vec<ReplayedFlow>,
}

impl Replay<'_> {
    /// The report, with `groups` from [`Replay::groups`], `disagreements` from
    /// [`Replay::disagreements`] and `unfitting` from [`Replay::unfitting`].
    pub fn to_text(
        &self,
        groups: &[Group],
        disagreements: &[Disagreement],
        unfitting: &[Unfit],
    ) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write(&mut text, groups, disagreements, unfitting);
        text
    }

    /// The flows of which logs say something else, by how they differ.
    ///
    /// # Errors
    /// Those of `again`, which gives a flow again that was counted.
    pub fn disagreements<E>(&self, again: &mut Again<'_, E>) -> Result<Vec<Disagreement>, E> {
        let told = self.totals.disagreements.iter();
        let told = told.map(|(agreement, (_, positions))| {
            let flows = positions.flows(SHOWN_FLOWS, again)?;
            Ok(Disagreement { agreement: *agreement, number: positions.number, flows })
        });
        told.collect()
    }

    fn write(
        &self,
        text: &mut String,
        groups: &[Group],
        disagreements: &[Disagreement],
        unfitting: &[Unfit],
    ) -> std::fmt::Result {
        if self.is_partial {
            writeln!(text, "PARTIAL: the run was interrupted; what was not read is not judged")?;
        }
        self.undeclared_sources(text)?;
        let captures: Vec<&str> = self.captures.iter().map(|c| c.path.as_str()).collect();
        let judged_by = match (self.subject.asked.rules, self.subject.asked.deployments) {
            (Some(rules), []) => rules.to_owned(),
            (Some(rules), deployments) => format!("{} and {rules}", deployments.join(", ")),
            (None, deployments) => deployments.join(", "),
        };
        writeln!(
            text,
            "{} judged by {}, as of {:.0}",
            escape_controls(&several(&captures)),
            escape_controls(&judged_by),
            self.at
        )?;
        for capture in &self.captures {
            for warning in capture.truncated.iter().chain(&capture.warnings) {
                writeln!(text, "warning: {}: {warning}", escape_controls(&capture.path))?;
            }
            for note in &capture.notes {
                writeln!(text, "note: {}: {note}", escape_controls(&capture.path))?;
            }
        }
        self.boxes(text)?;
        for (index, group) in groups.iter().enumerate() {
            writeln!(text)?;
            self.group(text, index + 1, group)?;
        }
        if self.totals.ungrouped > 0 {
            let flows = count(self.totals.ungrouped, "more objection");
            writeln!(text, "\n{flows} of other causes: at most {MOST_CAUSES} are told apart")?;
        }
        self.recorded(text, disagreements)?;
        consistency::write(text, unfitting)?;
        self.conclusion(text, groups.len())
    }

    /// The first line, where sources lie in no declared subnet.
    fn undeclared_sources(&self, text: &mut String) -> std::fmt::Result {
        let undeclared = &self.totals.undeclared;
        let Some(first) = undeclared.sources.first() else { return Ok(()) };
        let others = match (undeclared.sources.len() - 1, undeclared.has_more) {
            (0, _) => String::new(),
            (1, _) => " and another address".to_owned(),
            (n, false) => format!(" and {n} other addresses"),
            (n, true) => format!(" and more than {n} other addresses"),
        };
        let subnets: Vec<&str> = self
            .subject
            .deployment
            .virtual_networks
            .values()
            .flat_map(|network| &network.subnets)
            .map(|subnet| subnet.name.as_str())
            .collect();
        let choice = match subnets.as_slice() {
            [] => "declare the subnet".to_owned(),
            names => format!("`--from SUBNET` takes them as lying in one ({})", names.join(", ")),
        };
        writeln!(
            text,
            "{} of {} not judged: {first}{others} in no declared subnet; {choice}",
            count(undeclared.flows, "flow"),
            self.totals.all.flows,
        )
    }

    fn boxes(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text)?;
        if self.totals.all.flows == 0 {
            return writeln!(text, "  no flows");
        }
        let tallies = &self.totals.boxes;
        let width = tallies.values().map(|tally| tally.flows.to_string().len()).max().unwrap_or(1);
        for (&(outcome, accepted), tally) in tallies {
            let mark = if outcome.is_objection() && !accepted { '!' } else { ' ' };
            let name = if accepted {
                format!("{} (accepted)", outcome.keyword())
            } else {
                outcome.keyword().to_owned()
            };
            let why =
                if outcome == Outcome::NotJudged { self.why_not_judged() } else { String::new() };
            let line =
                format!("{mark} {:>width$}  {name:<18}  {}{why}", tally.flows, counted(tally));
            writeln!(text, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Why flows were not judged, with how many of each.
    fn why_not_judged(&self) -> String {
        let reasons = self.totals.reasons.iter();
        let parts: Vec<String> =
            reasons.map(|(reason, number)| format!("{number} {reason}")).collect();
        format!(" ({})", parts.join(", "))
    }

    fn group(&self, text: &mut String, number: usize, group: &Group) -> std::fmt::Result {
        writeln!(
            text,
            "{number}. {}: {}",
            group.outcome.keyword(),
            escape_controls(&group.headline)
        )?;
        for flow in &group.flows {
            let row = flow.row.endpoints();
            // Of several requests, the one that settled the box.
            let asked = match &flow.shown.payload {
                SeenPayload::Exactly(payload) => payload.wire_name().map(ToString::to_string),
                SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => None,
            };
            let name = asked.or_else(|| flow.row.name.clone());
            let name = name.map(|name| format!(" {name}")).unwrap_or_default();
            // `other` is said of bytes that were seen.
            let is_unseen = flow.shown.payload.kind().is_none();
            let known = if is_unseen { flow.row.payload } else { flow.row.application };
            let application = if known.is_empty() { String::new() } else { format!(" {known}") };
            let unseen = match (&flow.shown.payload, flow.packet) {
                (SeenPayload::Exactly(_) | SeenPayload::Kind(_), _) => "",
                (SeenPayload::Unread(_), _) => ", where anything may have been asked",
                (SeenPayload::Unknown, Some(_)) => {
                    ", whose first bytes were not recorded or tell nothing"
                }
                (SeenPayload::Unknown, None) => ", of whose bytes the log holds none",
            };
            writeln!(
                text,
                "     {row}{application}{}{}{unseen}",
                escape_controls(&name),
                at_packet(flow)
            )?;
        }
        more(text, group.all.number, group.flows.len())?;
        // The handshake means nothing.
        if let Some(flow) = group.answered.as_ref().filter(|_| group.outcome == Outcome::Breakage) {
            writeln!(
                text,
                "   note: the handshake with {} was completed all the same; on a port that the firewall\n         \
                 proxies, the firewall answers it itself (azure-firewall.md §1.6)",
                flow.opening.destination
            )?;
        }
        writeln!(text, "   do: {}", escape_controls(&group.cure.what))?;
        for note in &group.cure.notes {
            writeln!(text, "   note: {}", escape_controls(note))?;
        }
        if let Some(difference) = &group.cure.difference {
            for line in difference.lines() {
                writeln!(text, "     {}", escape_controls(line))?;
            }
        }
        if let Some(tried) = &group.cure.tried {
            writeln!(text, "   tried: {tried}")?;
        }
        if let Some(flow) = group.flows.first() {
            let mut shown = flow.shown.clone();
            if shown.source.is_ipv4() != shown.destination.is_ipv4() {
                // No flow has two families; the command puts the recorded source there, too.
                shown.source = flow.row.source;
            }
            let all = self.subject.asked.captures;
            let is_short = group.needs_answers && all.len() <= SHOWN_CAPTURES;
            let captures = if is_short { all } else { slice::from_ref(&flow.row.capture) };
            let asked = Asked { captures, ..self.subject.asked };
            writeln!(text, "   why: {}", asked.explain(&shown))?;
            if group.needs_answers && !is_short {
                writeln!(
                    text,
                    "   note: DNS answers bear on it: add those of the other {} captures that hold them",
                    all.len() - 1
                )?;
            }
        }
        Ok(())
    }

    /// What logs say became of the flows, where that is not what is decided here.
    fn recorded(&self, text: &mut String, disagreements: &[Disagreement]) -> std::fmt::Result {
        let RecordedTally { flows, agree, disagree, not_compared } = self.totals.recorded;
        if flows == 0 {
            return Ok(());
        }
        writeln!(
            text,
            "\nof {} with a recorded verdict {agree} agree, {disagree} disagree, and {not_compared} say \
             nothing of what is decided here",
            count(flows, "flow"),
        )?;
        for Disagreement { agreement, number, flows } in disagreements {
            let word = agreement.disagreement().unwrap_or_default();
            writeln!(text, "   {word}: {}", agreement.describe())?;
            for flow in flows {
                let recorded = flow.row.recorded.as_deref().map(says).unwrap_or_default();
                let rule = flow.decision.rule.as_ref().map(|rule| format!(" by {rule}"));
                writeln!(
                    text,
                    "     {}  {recorded}{}; here: {}, {}{}",
                    flow.row.endpoints(),
                    escape_controls(&other_policy(flow).unwrap_or_default()),
                    flow.decision.verdict,
                    flow.decision.reason,
                    escape_controls(&rule.unwrap_or_default())
                )?;
            }
            more(text, *number, flows.len())?;
        }
        Ok(())
    }

    fn conclusion(&self, text: &mut String, groups: usize) -> std::fmt::Result {
        writeln!(text)?;
        let depended = self.totals.assumptions.iter();
        let depended: Vec<String> =
            depended.map(|one| format!("{}={}", one.key, one.value)).collect();
        if !depended.is_empty() {
            writeln!(text, "assumed: {}", depended.join(", "))?;
        }
        let judged = |((outcome, _), _): (&(Outcome, bool), _)| *outcome != Outcome::NotJudged;
        match self.totals.objections {
            0 if !self.totals.boxes.iter().any(judged) => writeln!(text, "no flow was judged"),
            0 => writeln!(text, "nothing to object to"),
            n => {
                let causes = count(groups as u64, "cause");
                let more = if self.totals.ungrouped > 0 { "more than " } else { "" };
                writeln!(text, "{} with {more}{causes}", count(n, "objection"))
            }
        }
    }
}

/// The policy that a log names, where the rules of both would look the same without it.
fn other_policy(flow: &ReplayedFlow) -> Option<String> {
    let named = flow.row.recorded.as_ref()?.rule.as_ref()?;
    let ours = flow.decision.rule.as_ref()?;
    let policy = named.policy.as_deref()?;
    let looks_same = named.to_string().eq_ignore_ascii_case(&ours.to_string());
    let is_other = !policy.eq_ignore_ascii_case(ours.policy.as_str());
    (looks_same && is_other).then(|| format!(" of policy {policy}"))
}

/// The packets and bytes of flows, and of how many no log counts them.
fn counted(tally: &Tally) -> String {
    let counts = format!("{}, {}", count(tally.packets, "packet"), count(tally.bytes, "byte"));
    match tally.uncounted {
        0 => counts,
        uncounted if uncounted == tally.flows => "packets and bytes unknown".to_owned(),
        uncounted => format!("{counts}, and {} not counted", count(uncounted, "flow")),
    }
}

/// Where in the flow the verdict fell, where that was recorded.
fn at_packet(flow: &ReplayedFlow) -> String {
    match (flow.packet, flow.row.packets) {
        (Some(packet), Some(packets)) => format!("  at packet {packet} of {packets}"),
        (Some(_) | None, Some(_) | None) => String::new(),
    }
}

/// The names of captures, or of so many that nobody reads them all, the first and their number.
fn several(captures: &[&str]) -> String {
    match captures {
        [first, others @ ..] if others.len() >= SHOWN_CAPTURES => {
            format!("{first} and {} other captures", others.len())
        }
        all => all.join(", "),
    }
}

/// How many flows there are beyond those that are shown.
pub(super) fn more(text: &mut String, number: u64, shown: usize) -> std::fmt::Result {
    match number.saturating_sub(shown as u64) {
        0 => Ok(()),
        more => writeln!(text, "     and {more} more"),
    }
}

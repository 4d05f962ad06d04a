//! The report on a replay for people: the boxes, then what to do about each objection.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Replay;
use super::ReplayedFlow;
use super::Tally;
use super::cure::Group;
use crate::diagnostic::render::escape_controls;
use crate::flow::SeenPayload;
use crate::report::flow_row::count;
use crate::report::flow_row::says;
use crate::simulate::Agreement;
use crate::simulate::Outcome;
use crate::simulate::Reason;

/// Flows shown of a group; the others are counted.
const SHOWN_FLOWS: usize = 5;

impl Replay<'_> {
    /// The report, with `groups` from [`Replay::groups`].
    pub fn to_text(&self, groups: &[Group<'_>]) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write(&mut text, groups);
        text
    }

    fn write(&self, text: &mut String, groups: &[Group<'_>]) -> std::fmt::Result {
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
            escape_controls(&captures.join(", ")),
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
        self.recorded(text)?;
        self.conclusion(text, groups)
    }

    /// The first line, where sources lie in no declared subnet.
    fn undeclared_sources(&self, text: &mut String) -> std::fmt::Result {
        let flows: Vec<&ReplayedFlow> = self
            .flows
            .iter()
            .filter(|flow| flow.decision.reason == Reason::SourceUndeclared)
            .collect();
        let sources: BTreeSet<_> = flows.iter().map(|flow| flow.row.source).collect();
        let Some(first) = sources.first() else { return Ok(()) };
        let others = match sources.len() - 1 {
            0 => String::new(),
            1 => " and another address".to_owned(),
            n => format!(" and {n} other addresses"),
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
            count(flows.len() as u64, "flow"),
            self.flows.len(),
        )
    }

    fn boxes(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text)?;
        if self.flows.is_empty() {
            return writeln!(text, "  no flows");
        }
        let tallies = self.tally(|flow| Some((flow.outcome, flow.accepted.is_some())));
        let width = tallies.values().map(|tally| tally.flows.to_string().len()).max().unwrap_or(1);
        for ((outcome, accepted), tally) in tallies {
            let mark = if outcome.is_objection() && !accepted { '!' } else { ' ' };
            let name = if accepted {
                format!("{} (accepted)", outcome.keyword())
            } else {
                outcome.keyword().to_owned()
            };
            let why =
                if outcome == Outcome::NotJudged { self.why_not_judged() } else { String::new() };
            let line =
                format!("{mark} {:>width$}  {name:<18}  {}{why}", tally.flows, counted(&tally));
            writeln!(text, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Why flows were not judged, with how many of each.
    fn why_not_judged(&self) -> String {
        let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
        for flow in self.flows.iter().filter(|flow| flow.outcome == Outcome::NotJudged) {
            *reasons.entry(flow.decision.reason).or_default() += 1;
        }
        let parts: Vec<String> =
            reasons.iter().map(|(reason, number)| format!("{number} {reason}")).collect();
        format!(" ({})", parts.join(", "))
    }

    fn group(&self, text: &mut String, number: usize, group: &Group<'_>) -> std::fmt::Result {
        writeln!(
            text,
            "{number}. {}: {}",
            group.outcome.keyword(),
            escape_controls(&group.headline)
        )?;
        for flow in group.flows.iter().take(SHOWN_FLOWS) {
            let row = flow.row.endpoints();
            // Of several requests, the one that settled the box.
            let asked = match &flow.shown.payload {
                SeenPayload::Exactly(payload) => payload.wire_name().map(ToString::to_string),
                SeenPayload::Kind(_) | SeenPayload::Unknown => None,
            };
            let name = asked.or_else(|| flow.row.name.clone());
            let name = name.map(|name| format!(" {name}")).unwrap_or_default();
            // `other` is said of bytes that were seen.
            let is_unseen = flow.shown.payload == SeenPayload::Unknown;
            let (application, unseen) = match (is_unseen, flow.packet) {
                (true, Some(_)) => (String::new(), ", whose first bytes were not recorded"),
                (true, None) => (String::new(), ", of whose bytes the log holds none"),
                (false, _) => (format!(" {}", flow.row.application), ""),
            };
            writeln!(
                text,
                "     {row}{application}{}{}{unseen}",
                escape_controls(&name),
                at_packet(flow)
            )?;
        }
        if group.flows.len() > SHOWN_FLOWS {
            writeln!(text, "     and {} more", group.flows.len() - SHOWN_FLOWS)?;
        }
        if let Some(flow) = group.flows.iter().find(|flow| handshake_means_nothing(flow)) {
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
            let command = self.subject.asked.explain(&shown);
            writeln!(text, "   why: {command}")?;
        }
        Ok(())
    }

    /// What logs say became of the flows, where that is not what is decided here.
    fn recorded(&self, text: &mut String) -> std::fmt::Result {
        let of_logs = self.flows.iter().filter(|flow| flow.row.recorded.is_some());
        let compared: Vec<(&ReplayedFlow, Option<Agreement>)> =
            of_logs.map(|flow| (flow, self.agreement(flow))).collect();
        if compared.is_empty() {
            return Ok(());
        }
        let number = |same: Option<bool>| {
            let is = |agreement: &Option<Agreement>| agreement.map(Agreement::has_same_verdict);
            compared.iter().filter(|(_, agreement)| is(agreement) == same).count()
        };
        writeln!(
            text,
            "\nof {} with a recorded verdict {} agree, {} disagree, and {} say nothing of what is decided here",
            count(compared.len() as u64, "flow"),
            number(Some(true)),
            number(Some(false)),
            number(None),
        )?;
        let mut told: BTreeMap<Agreement, Vec<&ReplayedFlow>> = BTreeMap::new();
        for (flow, agreement) in &compared {
            if let Some(agreement) = agreement.filter(|one| one.disagreement().is_some()) {
                told.entry(agreement).or_default().push(flow);
            }
        }
        for (agreement, flows) in told {
            let word = agreement.disagreement().unwrap_or_default();
            writeln!(text, "   {word}: {}", agreement.describe())?;
            for flow in flows.iter().take(SHOWN_FLOWS) {
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
            if flows.len() > SHOWN_FLOWS {
                writeln!(text, "     and {} more", flows.len() - SHOWN_FLOWS)?;
            }
        }
        Ok(())
    }

    fn conclusion(&self, text: &mut String, groups: &[Group<'_>]) -> std::fmt::Result {
        writeln!(text)?;
        let depended: Vec<String> = self
            .assumptions_depended_on()
            .into_iter()
            .map(|one| format!("{}={}", one.key, one.value))
            .collect();
        if !depended.is_empty() {
            writeln!(text, "assumed: {}", depended.join(", "))?;
        }
        let objections = self.flows.iter().filter(|flow| flow.is_objection()).count();
        match objections {
            0 if !self.flows.iter().any(|flow| flow.outcome != Outcome::NotJudged) => {
                writeln!(text, "no flow was judged")
            }
            0 => writeln!(text, "nothing to object to"),
            n => writeln!(
                text,
                "{} with {}",
                count(n as u64, "objection"),
                count(groups.len() as u64, "cause")
            ),
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

/// Whether the flow was refused although its handshake was completed.
fn handshake_means_nothing(flow: &ReplayedFlow) -> bool {
    flow.answered
        && flow.outcome == Outcome::Breakage
        && flow.opening.protocol == crate::flow::IpProtocol::TCP
}

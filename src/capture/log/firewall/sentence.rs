//! The sentences of Azure Firewall's older logs (`azure-firewall.md §8.4`).

use std::sync::Arc;

use super::Failed;
use super::Told;
use super::seen;
use super::transport;
use super::verdict;
use crate::capture::log::dns;
use crate::capture::log::flow;
use crate::capture::log::flow::Ends;
use crate::evidence::ResponseCode;
use crate::flow::IpProtocol;
use crate::flow::Recorded;
use crate::flow::RecordedRule;
use crate::flow::RecordedVerdict;
use crate::flow::Recorder;

/// What a sentence says.
#[derive(Clone, Debug)]
pub(super) enum Read<'a> {
    /// What became of a flow.
    Told(Box<Told>),
    /// That a question of DNS failed.
    Asked(Failed<'a>),
    /// Something else: a question of DNS that did not fail, a name of a rule that did not resolve.
    PassedOver,
    /// What became of a flow of which is not told where it goes.
    NoTarget,
    /// Nothing that is understood.
    Unreadable,
}

/// What stands before the client in each sentence about a flow.
const FLOW: &str = " request from ";

/// The parts of a sentence that have their name before them. Values may have commas, spaces and
/// dots in them, so that each reaches to the next name.
const PARTS: [&str; 12] = [
    "Action: ",
    "Policy: ",
    "Rule Collection Group: ",
    "Rule Collection: ",
    "Rule: ",
    "Web Category: ",
    "Reason: ",
    "ThreatIntel: ",
    "Signature: ",
    "IDS: ",
    "Priority: ",
    "Classification: ",
];

/// Whether a text is a sentence that tells of a flow.
pub(super) fn tells_of_flow(text: &str) -> bool {
    text.contains(FLOW)
}

/// Reads a sentence.
pub(super) fn read(text: &str) -> Read<'_> {
    let text = text.trim();
    if let Some(question) = text.strip_prefix("DNS Request:") {
        return asked(question).unwrap_or(Read::Unreadable);
    }
    if text.starts_with("Error:") || text.starts_with("Failed to resolve FQDN") {
        return Read::PassedOver;
    }
    told(text).unwrap_or(Read::Unreadable)
}

/// Reads a question to the DNS proxy and its response code.
fn asked(text: &str) -> Option<Read<'_>> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [client, _dash, _id, kind, _class, question, _transport, _size, _secure, _buffer, code, ..] =
        words.as_slice()
    else {
        return None;
    };
    let (client, _) = end(client)?;
    let client = flow::address(client.trim_matches(['[', ']']))?;
    let failed = dns::code(code).filter(|code| *code != ResponseCode::NO_ERROR);
    Some(match failed {
        Some(code) => Read::Asked(Failed { client, question, kind, code }),
        None => Read::PassedOver,
    })
}

fn told(text: &str) -> Option<Read<'_>> {
    let (word, behind) = text.split_once(FLOW)?;
    let (client, behind) = word_of(behind);
    let (source, source_port) = end(client)?;
    let source = flow::address(source)?;
    let (target, behind) = match behind.strip_prefix(" to ") {
        Some(behind) => {
            let (target, behind) = word_of(behind);
            (Some(target), behind)
        }
        None => (None, behind),
    };
    // A URL may have anything in it, so it is set apart first.
    let (url, behind) = match behind.split_once("Url: ") {
        Some((before, from)) => {
            let (url, rest) = from.rsplit_once(". Action: ").unwrap_or((from, ""));
            let rest = if rest.is_empty() { before.to_owned() } else { format!("Action: {rest}") };
            (Some(url.trim_end_matches('.')), rest)
        }
        None => (None, behind.to_owned()),
    };
    let (host, port) = target.and_then(end).unzip();
    let address = host.and_then(flow::address);
    let payload = seen(word, host, url, false);
    let protocol = if payload.is_some() { IpProtocol::TCP } else { transport(word)? };
    if payload.is_none() && address.is_none() {
        return None;
    }
    if target.is_none() {
        return Some(Read::NoTarget);
    }
    let ends = Ends {
        protocol,
        source,
        source_port,
        destination: address,
        destination_port: port.unwrap_or(0),
    };
    Some(Read::Told(Box::new(Told { ends, payload, recorded: recorded(&behind) })))
}

/// What was done, and by what.
fn recorded(text: &str) -> Recorded {
    if let Some((_, target)) = text.split_once("was DNAT'ed to ") {
        let (target, behind) = word_of(target);
        let reason = Some(format!("DNAT to {target}").into());
        let (verdict, by) = (RecordedVerdict::Allowed, Recorder::Firewall);
        return Recorded { verdict, by, rule: rule(behind), reason };
    }
    let action = part(text, "Action: ");
    // Behind the action may stand why, without a name before it.
    let (action, why) = match action.map(|action| action.split_once(". ").unwrap_or((action, ""))) {
        Some((action, why)) => (Some(action), Some(why.trim()).filter(|why| !why.is_empty())),
        None if text.contains("was denied") => (Some("Deny"), None),
        None => (None, None),
    };
    let reason = part(text, "Reason: ").or(why);
    if let Some(threat) = part(text, "ThreatIntel: ") {
        let by = Recorder::ThreatIntelligence;
        return Recorded { verdict: verdict(action), by, rule: None, reason: Some(threat.into()) };
    }
    if let Some(detected) = part(text, "IDS: ") {
        let signature = part(text, "Signature: ").or(part(text, "Rule: "));
        return Recorded {
            verdict: verdict(action),
            by: Recorder::Idps,
            rule: signature.map(RecordedRule::from),
            reason: Some(detected.into()),
        };
    }
    Recorded {
        verdict: verdict(action),
        by: Recorder::Firewall,
        rule: rule(text),
        reason: reason.map(Arc::from),
    }
}

fn rule(text: &str) -> Option<RecordedRule> {
    let name = part(text, "Rule: ")?;
    let mut policy = part(text, "Policy: ");
    let mut group = part(text, "Rule Collection Group: ");
    let mut collection = part(text, "Rule Collection: ");
    // The collection may have policy and group before it.
    let parts: Vec<&str> = collection.unwrap_or_default().split(':').collect();
    if let ([first, second, third], None) = (parts.as_slice(), group) {
        policy = Some(first);
        group = Some(second);
        collection = Some(third);
    }
    Some(RecordedRule {
        policy: policy.map(Arc::from),
        group: group.map(Arc::from),
        collection: collection.map(Arc::from),
        name: name.into(),
    })
}

/// The value of a part, up to the next part or the end.
fn part<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = find(text, name)?;
    let value = text.get(at + name.len()..)?;
    let end = PARTS.iter().filter_map(|next| find(value, next)).min().unwrap_or(value.len());
    let value = value.get(..end)?.trim().trim_end_matches('.').trim_end();
    Some(value).filter(|value| !value.is_empty())
}

/// Where a part begins: at the start, or behind a space. `Rule: ` is no part of `Rule Collection: `.
fn find(text: &str, name: &str) -> Option<usize> {
    let mut all = text.match_indices(name).map(|(at, _)| at);
    all.find(|at| *at == 0 || text.as_bytes().get(at - 1) == Some(&b' '))
}

/// The text up to the next space, without the dot that ends a sentence, and what is behind it.
fn word_of(text: &str) -> (&str, &str) {
    let (word, behind) =
        text.find(' ').and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""));
    (word.trim_end_matches('.'), behind)
}

/// An end: its host, and its port behind the last colon. Of ICMP there may be none, or a colon alone.
fn end(text: &str) -> Option<(&str, u16)> {
    if flow::address(text).is_some() {
        return Some((text, 0));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let port = if port.is_empty() { 0 } else { port.parse().ok()? };
    (!host.is_empty()).then_some((host, port))
}

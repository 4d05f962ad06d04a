//! Something undetermined: what would settle it.

use std::collections::BTreeSet;

use super::Cure;
use crate::flow::Atom;
use crate::report::replay::Replay;
use crate::report::replay::ReplayedFlow;
use crate::simulate::Missing;
use crate::simulate::Verdict;
use crate::simulate::decision::Field;

/// Unknown facts that a headline names; the others are counted.
const SHOWN_MISSING: usize = 5;

impl Replay<'_> {
    /// Something undetermined: what would settle it.
    pub(super) fn undetermined(&self, flow: &ReplayedFlow) -> (String, Cure) {
        let missing: Vec<String> = flow.missing.iter().map(ToString::to_string).collect();
        let shown = missing.get(..SHOWN_MISSING).unwrap_or(&missing).join(", ");
        let more = match missing.len().saturating_sub(SHOWN_MISSING) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let decision = &flow.decision;
        let open = match decision.verdict {
            Verdict::Undetermined => "the verdict".to_owned(),
            settled @ (Verdict::Allow
            | Verdict::Deny
            | Verdict::Bypass
            | Verdict::Local
            | Verdict::Platform) => {
                let rule = decision.rule.as_ref().map(|rule| format!(" by rule {rule}"));
                let rule = rule.unwrap_or_default();
                format!("the verdict is {settled}{rule}, but what the list says of it")
            }
        };
        let headline = format!("{open} depends on what is not known: {shown}{more}");
        let drift = self.rule_drift(flow);
        (headline, Cure::new(drift.unwrap_or_else(|| settle(flow))))
    }
}

/// How to supply what is missing.
fn settle(flow: &ReplayedFlow) -> String {
    let mut ways: BTreeSet<&str> = BTreeSet::new();
    for one in &flow.missing {
        ways.insert(match one {
            Missing::Atom(Atom::InServiceTag { .. } | Atom::TagPrefixLonger { .. }) => {
                "give Microsoft's service-tag file: `--service-tags ServiceTags_Public.json`"
            }
            Missing::Atom(Atom::FirewallAnswer { .. } | Atom::Resolvable { .. }) => {
                "say what the firewall resolves: `exeat lock FILE --server IP`, or a capture that holds the DNS answers"
            }
            Missing::Atom(Atom::Reading { .. }) => "choose a reading: `--assume KEY=VALUE`",
            Missing::Atom(
                Atom::InFqdnTag { .. }
                | Atom::InWebCategory { .. }
                | Atom::Infrastructure { .. }
                | Atom::ThreatListed { .. },
            ) => "Azure does not publish it: name what is needed in a rule of its own, or accept it",
            Missing::Atom(Atom::ApplicationDestination { .. }) => {
                "nobody knows what Azure compares the addresses of an application rule with: take them out of it, or accept it"
            }
            Missing::Atom(Atom::PrecededBy { .. }) => {
                "what was let through before decides it: name what is needed in a rule of its own, or accept it"
            }
            Missing::Atom(Atom::Named { .. }) => {
                "no file that was given says it: state it in a deployment file, or accept it"
            }
            Missing::Atom(Atom::ClientAnswer { .. }) if flow.packet.is_none() => {
                "give a capture or a log that holds the client's DNS answers beside it, with `--capture`"
            }
            Missing::Atom(Atom::ClientAnswer { .. }) => {
                "record from before the client asks DNS, so that the capture holds the answer"
            }
            Missing::Atom(Atom::Request { .. }) | Missing::Field(Field::Inner) => {
                "no capture shows the request inside TLS: name the host without a path, or accept it"
            }
            Missing::Field(Field::Payload | Field::Name) if flow.packet.is_none() => {
                "judge a capture of the packets, or a log that holds names, as those of Zeek and Suricata: this one does not hold what the client asked for"
            }
            Missing::Field(Field::Payload | Field::Name) => {
                "record the connection from its start, and whole packets of it: what the client asked for is missing, cannot be read, was not said to its end, or was more than is kept of a connection"
            }
            Missing::Field(Field::Source) => "say where it comes from: `--from SUBNET`",
            Missing::TooManyUnknowns => "give more evidence: too much is unknown to be weighed",
        });
    }
    ways.into_iter().collect::<Vec<_>>().join("; ")
}

//! A leak: the rule that let it out, a narrower one, and the permission that it would need.

use std::collections::BTreeSet;

use super::Change;
use super::Cure;
use super::reason_in_words;
use crate::azure::Ownership;
use crate::azure::RuleId;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::deployment::FoundRule;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::SeenPayload;
use crate::report::replay::Again;
use crate::report::replay::Replay;
use crate::report::replay::ReplayedFlow;
use crate::report::replay::totals::MOST_KNOWN;

/// What to do with a rule that lets out more than the list permits, and some that it does.
const NARROW: &str =
    "narrow the rule to what the recorded flows that the list permits needed of it";

impl Replay<'_> {
    /// A leak: the rule that let it out, and a narrower one.
    pub(super) fn leak<E>(
        &self,
        flow: &ReplayedFlow,
        again: &mut Again<'_, E>,
    ) -> Result<(String, Cure), E> {
        let Some(id) = &flow.decision.rule else {
            let headline = format!(
                "{} lets out what the list does not permit",
                reason_in_words(&flow.decision)
            );
            let drift = self.rule_drift(flow);
            let what =
                drift.unwrap_or("end the deployment with a rule that denies the rest".into());
            return Ok((headline, Cure::new(what)));
        };
        let headline = format!("rule {id} lets out what the list does not permit");
        let mut cure = match (self.rule_drift(flow), self.subject.deployment.find_rule(id)) {
            (Some(drift), _) => Cure::new(drift),
            (None, Some(rule)) => self.narrower(id, &rule, again)?,
            (None, None) => Cure::new("narrow the rule, or take it out"),
        };
        if let Some(policy) = self.subject.deployment.policies.get(&id.policy)
            && policy.ownership == Ownership::Existing
        {
            cure.notes.push(format!(
                "policy `{}` is not written from this list: its owner has to make the change",
                id.policy
            ));
        }
        let deny = flow.permission.as_deref().and_then(|label| self.deny(label));
        if let Some(deny) = deny {
            let place =
                self.subject.place_of(&deny.label).map(|at| format!(" ({at})")).unwrap_or_default();
            cure.notes.push(format!("`{}`{place} denies it, whatever else permits it", deny.label));
        } else if let Some(wish) = self.permission_for(flow) {
            cure.notes.push(format!("if it is meant to leave, permit it: {wish}"));
        }
        Ok((headline, cure))
    }

    /// The rule, cut to what recorded flows that the list permits needed of it.
    fn narrower<E>(
        &self,
        id: &RuleId,
        rule: &FoundRule,
        again: &mut Again<'_, E>,
    ) -> Result<Cure, E> {
        let of_rule = self.totals.of_rule(id);
        let permitted = of_rule.map(|of_rule| of_rule.permitted.clone()).unwrap_or_default();
        if !permitted.is_all() {
            let mut cure = Cure::new(NARROW);
            cure.notes.push(format!(
                "no edit is shown: {} recorded flows need the rule, and at most {MOST_KNOWN} are known",
                permitted.number
            ));
            return Ok(cure);
        }
        Ok(narrowed(id, rule, &permitted.flows(MOST_KNOWN, again)?))
    }

    /// A permission that would let just this flow leave, as text for the list.
    fn permission_for(&self, flow: &ReplayedFlow) -> Option<String> {
        self.subject.intent?;
        let source = self.source_word(flow);
        let opening = &flow.shown;
        let name = match &opening.payload {
            SeenPayload::Exactly(payload) => payload.wire_name().and_then(Host::name).cloned(),
            SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => None,
        };
        let port = opening.destination_port;
        let (destination, service) = match (name, flow.row.application) {
            (Some(name), "tls") => (name.to_string(), with_port("https", port, 443)),
            (Some(name), "http") => (name.to_string(), with_port("http", port, 80)),
            (Some(name), "mssql") => (name.to_string(), with_port("mssql", port, 1433) + " proxy"),
            _ => {
                let service = match opening.protocol {
                    IpProtocol::TCP => format!("tcp/{port}"),
                    IpProtocol::UDP => format!("udp/{port}"),
                    IpProtocol::ICMP => "icmp".to_owned(),
                    IpProtocol(number) => format!("proto/{number}"),
                };
                (opening.destination.to_string(), service)
            }
        };
        Some(format!("`allow LABEL: {source} -> {destination} : {service}  because \"…\"`"))
    }
}

/// `rule`, cut to what the flows `needed` of it.
fn narrowed(id: &RuleId, rule: &FoundRule, needed: &[ReplayedFlow]) -> Cure {
    if needed.is_empty() {
        let mut cure =
            Cure::new("take the rule out: no recorded flow that the list permits needs it");
        cure.change = Some(Change::Rule { id: id.clone(), instead: None });
        return cure;
    }
    let instead = match rule {
        FoundRule::Application(action, rule) => {
            let names: Option<BTreeSet<FqdnPattern>> = needed
                .iter()
                .map(|flow| match &flow.opening.payload {
                    SeenPayload::Exactly(payload) => payload.wire_name().and_then(Host::name),
                    SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => None,
                })
                .map(|name| name.cloned().map(FqdnPattern::Exact))
                .collect();
            let mut narrow = rule.clone();
            // A name in place of a URL would pass every path.
            if let (Some(names), []) = (names, rule.target_urls.as_slice()) {
                narrow.target_fqdns = names.into_iter().collect();
            } else {
                return Cure::new(NARROW);
            }
            narrow.target_addresses.clear();
            narrow.fqdn_tags.clear();
            narrow.web_categories.clear();
            narrow.unknown_targets.clear();
            FoundRule::Application(*action, narrow)
        }
        FoundRule::Network(action, rule) => {
            let addresses: BTreeSet<_> =
                needed.iter().map(|flow| flow.opening.destination).collect();
            let mut narrow = rule.clone();
            narrow.destination_addresses = addresses
                .into_iter()
                .map(|address| DestinationEntry::Addresses(AddressEntry::Address(address)))
                .collect();
            narrow.destination_fqdns.clear();
            narrow.destination_ip_groups.clear();
            FoundRule::Network(*action, narrow)
        }
        FoundRule::Nat(_) => return Cure::new("narrow the destination of the rule"),
    };
    let mut cure = Cure::new(NARROW);
    cure.change = Some(Change::Rule { id: id.clone(), instead: Some(Box::new(instead)) });
    cure
}

fn with_port(word: &str, port: u16, usual: u16) -> String {
    if port == usual { word.to_owned() } else { format!("{word}/{port}") }
}

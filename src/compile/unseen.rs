//! What the routes never bring to a firewall, said of the statements that mean it.

use std::collections::BTreeMap;

use super::statement::Statement;
use super::ways::Vantage;
use super::wording;
use crate::azure::policy::Action;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::AddressSet;
use crate::intent::Destination;

/// How many ways of one statement are told; a reader needs the first few.
const MAX_WAYS: usize = 8;

/// A warning if addresses that `statement` means are reached past every firewall of the policy.
pub(super) fn check(statement: &Statement<'_>, vantages: &[Vantage]) -> Option<Diagnostic> {
    let every = AddressSet::all();
    let mut meant = AddressSet::empty();
    for destination in statement.destinations {
        match destination {
            // What means every address singles out none that is near.
            Destination::Addresses(addresses) if addresses.set != every => {
                meant = meant.union(&addresses.set);
            }
            // Which addresses these are is not known here.
            Destination::Addresses(_)
            | Destination::Names(_)
            | Destination::ServiceTag(_)
            | Destination::FqdnTag(_)
            | Destination::WebCategory(_)
            | Destination::Url { .. }
            | Destination::Any => {}
        }
    }
    if meant.is_empty() {
        return None;
    }
    let is_deny = match statement.action {
        Action::Deny => true,
        Action::Allow => false,
    };
    let sources = &statement.sources.set;
    // By words, so that subnets with one way share a line.
    let mut told: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for vantage in vantages.iter().filter(|vantage| vantage.addresses.meets(sources)) {
        if !vantage.is_routed && *sources != every {
            continue;
        }
        for (way, leading) in &vantage.past {
            let past = leading.intersection(&meant);
            // What is dropped needs no deny.
            if past.is_empty() || is_deny && !way.delivers() {
                continue;
            }
            let words = format!("{} goes {}", wording::prefixes(&past), way.words);
            told.entry(words).or_default().push(&vantage.name);
        }
    }
    if told.is_empty() {
        return None;
    }
    let (what, help) = if is_deny {
        (
            "the deny is not enforced there",
            "route these addresses to the firewall, or deny them where they are, in a network security group",
        )
    } else {
        (
            "the rule is not asked there",
            "route these addresses to the firewall, or leave them out of the permission",
        )
    };
    let mut found = Diagnostic::new(
        Code::PAST_THE_FIREWALL,
        format!("the routes bring not all flows of `{}` to the firewall: {what}", statement.label),
    )
    .at(statement.spans.destinations, "partly or wholly reached past the firewall")
    .help(help);
    let more = told.len().saturating_sub(MAX_WAYS);
    for (words, subnets) in told.into_iter().take(MAX_WAYS) {
        found = found.note(format!("from {}, {words}", wording::names(&subnets)));
    }
    Some(if more == 0 { found } else { found.note(format!("and {more} ways more")) })
}

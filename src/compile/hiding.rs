//! No network rule hides an application rule (`azure-firewall.md §1.4`).
//!
//! Network rules are looked at first, so a network allow that takes a flow which an application
//! rule is to judge by name switches the name filter off for it. The rule, in full: a network
//! allow **hides** an application allow if
//!
//! - some source is in both,
//! - it passes TCP on a port of the application rule, and
//! - it passes an address at which a name of the application rule may live. A name may live at any
//!   public address, and at a private one where a private endpoint is declared that has one of the
//!   names, or whose names are not stated.
//!
//! So a prefix of private addresses beside web permissions is no conflict: the author listed those
//! addresses, and no name is known to live there. A service tag, `internet`, a public prefix or a
//! name by address on 443 is one. It is an error that names both, unless the permission that
//! becomes the network rule says `by address because …`: then it is excess, recorded and a warning.
//! A rule of a parent cannot be marked, so there it stays an error. Denies are stricter:
//! [`denies`](super::denies).

use super::excess::Accepted;
use super::ground::Ground;
use super::index::Index;
use super::shape::ApplicationShape;
use super::shape::NetworkShape;
use super::shape::Whose;
use super::shape::outside;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;

/// The most hidden permissions that one finding names: what is hidden behind a wide rule may be
/// the whole list.
const MAX_NAMED: usize = 20;

/// Every network allow that hides application allows of the list, one finding each.
pub(super) fn check<'a>(
    list: &Index<'_, 'a>,
    parents: &Index<'_, 'a>,
    ground: &Ground,
    accepted: &mut Accepted<'a>,
) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let outside = outside();
    for network in list.network_allows.all().chain(parents.network_allows.all()) {
        let goes_outside = network.destinations.meets(&outside);
        let hidden: Vec<&ApplicationShape<'a>> = list
            .application_allows
            .reached(network)
            .filter(|rule| goes_outside || has_endpoint(network, rule, ground))
            .collect();
        if hidden.is_empty() {
            continue;
        }
        let marked =
            network.whose.statement().filter(|statement| statement.by_address.is_some()).copied();
        if let Some(statement) = marked {
            let labels = hidden.iter().filter_map(|rule| rule.whose.statement());
            accepted.hides(statement, labels.map(|other| other.label));
        }
        findings.extend(report(&network.whose, &hidden, marked.is_some()));
    }
    findings
}

/// Whether a private endpoint at a destination of `network` may have a name of `rule`.
fn has_endpoint(network: &NetworkShape<'_>, rule: &ApplicationShape<'_>, ground: &Ground) -> bool {
    ground.private_endpoints.iter().any(|endpoint| {
        network.destinations.contains(endpoint.address)
            && (rule.more_names
                || endpoint.names.is_empty()
                || endpoint.names.iter().any(|name| rule.names.contains(name)))
    })
}

fn report(
    whose: &Whose<'_>,
    hidden: &[&ApplicationShape<'_>],
    is_accepted: bool,
) -> Option<Diagnostic> {
    let (first, others) = hidden.split_first()?;
    let first = first.whose.statement()?;
    let code = if is_accepted { Code::NAME_FILTER_OFF } else { Code::HIDES_NAME_FILTER };
    let headline = format!("{whose} passes flows that `{}` is to judge by name", first.label);
    let mut finding = Diagnostic::new(code, headline);
    finding = match whose.statement() {
        Some(statement) => finding
            .at(statement.spans.services, "passed by address before any name is looked at")
            .also(first.spans.services, "judged by name, on the same port"),
        None => finding.at(first.spans.services, "judged by name, after the parent's rule"),
    };
    if !others.is_empty() {
        let named = others.iter().take(MAX_NAMED).map(|rule| rule.whose.to_string());
        let labels = named.collect::<Vec<String>>().join(", ");
        finding = finding.note(match others.len().checked_sub(MAX_NAMED) {
            None | Some(0) => format!("so it does for {labels}"),
            Some(more) => format!("so it does for {labels} and {more} more"),
        });
    }
    Some(finding.help(if is_accepted {
        "nothing to do if the reason still holds; a narrower prefix or another source keeps the name filter"
    } else if whose.statement().is_some() {
        "name hosts with `https`, take other sources or a prefix without these names, or add `by address because \"…\"` to the permission that is judged by address"
    } else {
        "narrow the parent's rule, or choose another parent"
    }))
}

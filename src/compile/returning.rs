//! Replies that do not come back through the firewall that let the flow out.
//!
//! A network rule keeps the client's address on the way to a private destination
//! (`azure-firewall.md §4.2`), so the reply follows the routes of the subnet that answers: to inspect
//! what goes between two subnets takes a route on both sides (`azure-routing.md §9`). Where one is
//! missing, the firewall sees half of the connection, or no reply arrives.
//!
//! Only what is declared from end to end is told: both subnets, a way to one firewall of the policy,
//! that it delivers from there inside its network or to a peer, and a way back that is known to
//! miss it. Nothing is said of a way back over an appliance, a gateway or a firewall with other
//! rules, from which packets may come to the firewall after all; nor of private endpoints, whose
//! replies follow no route of their subnet (`azure-routing.md §4`).

use std::collections::BTreeMap;

use super::block::Block;
use super::block::Left;
use super::carriage::Carried;
use super::carriage::Matcher;
use super::ground::prefixes;
use super::inherited::Denied;
use super::inherited::Inherited;
use super::listed;
use super::listed::Listed;
use super::statement::Statement;
use super::ways::End;
use super::ways::Vantage;
use super::wording;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::policy::Action;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::AddressSet;

/// How many pairs of subnets are told of one statement.
const MAX_PAIRS: usize = 8;
/// How many comparisons with denies are made of one permission and pair: a tenth of a second. Where
/// that is not enough, nothing is known to be permitted.
const MAX_STEPS: usize = 1 << 16;

/// Two subnets, where what the second sends back to the first misses the firewall between them.
#[derive(Debug)]
pub(super) struct OneSided<'v> {
    from: &'v Vantage,
    to: &'v Vantage,
    firewall: &'v Key,
    /// What `from` reaches in `to` by the firewall, with its own address.
    destinations: AddressSet,
    /// Where what goes back to which addresses is led, in words.
    back: Vec<(String, AddressSet)>,
}

/// The pairs of `vantages` between which a firewall sees one direction alone. `firewalls` is where
/// each firewall of the policy sends on, `untranslated` where it keeps the client's address.
pub(super) fn one_sided<'v>(
    vantages: &'v [Vantage],
    firewalls: &'v BTreeMap<Key, Vantage>,
    untranslated: &AddressSet,
) -> Vec<OneSided<'v>> {
    let mut found = Vec::new();
    for (firewall, own) in firewalls {
        let delivered = own.near().intersection(untranslated);
        let senders = vantages.iter().filter_map(|from| {
            let reached = from.seen.get(firewall)?.intersection(&delivered);
            (!reached.is_empty()).then(|| (from, from.hosts(), reached))
        });
        let senders: Vec<(&Vantage, AddressSet, AddressSet)> = senders.collect();
        for to in vantages {
            let astray = astray(to, firewall, firewalls);
            let hosts = to.hosts();
            for (from, clients, reached) in &senders {
                let destinations = reached.intersection(&hosts);
                if std::ptr::eq(*from, to) || destinations.is_empty() {
                    continue;
                }
                let back =
                    astray.iter().map(|(words, led)| (words.clone(), led.intersection(clients)));
                let back: Vec<_> = back.filter(|(_, led)| !led.is_empty()).collect();
                if !back.is_empty() {
                    found.push(OneSided { from, to, firewall, destinations, back });
                }
            }
        }
    }
    found
}

/// What `to` sends elsewhere than to `firewall`, and where, as far as it is known to stay away.
fn astray(
    to: &Vantage,
    firewall: &Key,
    firewalls: &BTreeMap<Key, Vantage>,
) -> Vec<(String, AddressSet)> {
    let past = to.past.iter().filter(|(way, _)| match way.end {
        End::Near | End::Outside | End::Dropped => true,
        End::Unknown => false,
    });
    let past = past.map(|(way, led)| (way.words.clone(), led.clone()));
    let others = to.seen.iter().filter(|(name, _)| *name != firewall);
    let others = others.filter_map(|(name, led)| {
        let delivered = led.intersection(&firewalls.get(name)?.near());
        Some((format!("to firewall `{name}`, which has not seen the request"), delivered))
    });
    past.chain(others).collect()
}

/// A warning for each network permission of `carried` whose replies miss the firewall.
pub(super) fn check(
    carried: &[Carried<'_>],
    one_sided: &[OneSided<'_>],
    inherited: &[Inherited<'_>],
    context: &Deployment,
) -> Vec<Diagnostic> {
    if one_sided.is_empty() {
        return Vec::new();
    }
    let mut denied = Denied::new(&Listed::new(carried));
    for deny in inherited.iter().filter(|rule| rule.action == Action::Deny) {
        denied.add(deny, context);
    }
    let denied = denied.by_address();
    let every = prefixes(&["0.0.0.0/0"]);
    let mut findings = Vec::new();
    for Carried { statement, matcher } in carried {
        let Matcher::Network(rule) = matcher else { continue };
        // What means every address singles out none that is near.
        if statement.action == Action::Deny || rule.addresses.covers(&every) {
            continue;
        }
        let permitted = listed::by_number(&statement.sources.set, rule);
        let pairs = one_sided.iter().filter_map(|pair| pair.cut_to(&permitted, &denied));
        let pairs: Vec<OneSided<'_>> = pairs.collect();
        findings.extend(report(statement, &pairs));
    }
    findings
}

impl<'v> OneSided<'v> {
    /// The part of it that is `permitted` and not `denied` before.
    fn cut_to(&self, permitted: &Block, denied: &[Block]) -> Option<OneSided<'v>> {
        let mut steps = MAX_STEPS;
        let mut back = Vec::new();
        for (words, led) in &self.back {
            let flows = Block {
                sources: permitted.sources.intersection(led),
                destinations: permitted.destinations.intersection(&self.destinations),
                ..permitted.clone()
            };
            match flows.left_by(denied.iter(), &mut steps) {
                Left::Some(left) => back.push((words.clone(), left.sources)),
                Left::Nothing | Left::Unknown => {}
            }
        }
        let destinations = self.destinations.clone();
        (!back.is_empty()).then_some(OneSided { destinations, back, ..*self })
    }
}

fn report(statement: &Statement<'_>, pairs: &[OneSided<'_>]) -> Option<Diagnostic> {
    let first = pairs.first()?;
    let mut found = Diagnostic::new(
        Code::ONE_SIDED,
        format!(
            "replies to `{}` do not all come back through the firewall that let it out",
            statement.label
        ),
    )
    .at(statement.spans.destinations, "answered past the firewall");
    for pair in pairs.iter().take(MAX_PAIRS) {
        for (words, led) in &pair.back {
            found = found.note(format!(
                "`{}` reaches `{}` by firewall `{}`, and what goes back to {} goes {words}",
                pair.from.name,
                pair.to.name,
                pair.firewall,
                wording::prefixes(led),
            ));
        }
    }
    let more = pairs.len().saturating_sub(MAX_PAIRS);
    if more > 0 {
        found = found.note(format!("and so it is between {more} more pairs of subnets"));
    }
    let routes: Vec<String> = first
        .from
        .addresses
        .prefixes()
        .into_iter()
        .filter(|prefix| prefix.addr().is_ipv4())
        .map(|prefix| format!("route {prefix} via {}", first.firewall))
        .collect();
    let likewise = if pairs.len() > 1 { ", and likewise for the others" } else { "" };
    Some(
        found
            .note("a network rule keeps the client's address on the way to private addresses: a firewall that does not see the reply may drop the connection, and cannot inspect it")
            .help(format!(
                "give the subnet `{}` a route back to the firewall, {}{likewise}",
                first.to.name,
                wording::names(&routes),
            )),
    )
}

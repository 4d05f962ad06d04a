//! Permissions that never take effect, since one deny of the list takes all that they mean.
//!
//! Unlike a [`shape`](super::shape), which takes in all that could be, this asks what is sure: a tag
//! is covered by the same tag, and by nothing that is known of its contents.

use std::collections::BTreeMap;

use super::carriage::ApplicationMatch;
use super::carriage::Carried;
use super::carriage::Matcher;
use super::carriage::NetworkMatch;
use super::ground::prefixes;
use super::index::Index;
use super::shape::Whose;
use super::statement::Statement;
use crate::azure::rule::NetworkProtocol;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::PortSet;

/// A warning for each permission of `carried` that a deny takes whole; `list` is its index.
pub(super) fn check(carried: &[Carried<'_>], list: &Index<'_, '_>) -> Vec<Diagnostic> {
    let rules: BTreeMap<&str, &Carried<'_>> =
        carried.iter().map(|one| (one.statement.label, one)).collect();
    let rule = |whose: &Whose<'_>| rules.get(whose.statement()?.label).copied();
    let mut findings = Vec::new();
    for allow in list.network_allows.all() {
        let mut denies = list.network_denies.meeting(allow).filter_map(|deny| rule(&deny.whose));
        let Some(allow) = rule(&allow.whose) else { continue };
        let deny = denies.find(|deny| takes_all(deny, allow));
        findings.extend(deny.map(|deny| report(&allow.statement, &deny.statement)));
    }
    for allow in list.application_allows.all() {
        let by_address = list.network_denies.reaching(allow).map(|deny| &deny.whose);
        let by_name = list.application_denies.meeting(allow).map(|deny| &deny.whose);
        let mut denies = by_address.chain(by_name).filter_map(rule);
        let Some(allow) = rule(&allow.whose) else { continue };
        let deny = denies.find(|deny| takes_all(deny, allow));
        findings.extend(deny.map(|deny| report(&allow.statement, &deny.statement)));
    }
    findings
}

/// Whether every flow of `allow` is one of `deny`.
fn takes_all(deny: &Carried<'_>, allow: &Carried<'_>) -> bool {
    deny.statement.sources.set.covers(&allow.statement.sources.set)
        && match (&deny.matcher, &allow.matcher) {
            (Matcher::Application(deny), Matcher::Application(allow)) => covers_names(deny, allow),
            (Matcher::Network(deny), Matcher::Network(allow)) => {
                covers_protocols(deny, allow) && covers_destinations(deny, allow)
            }
            (Matcher::Network(deny), Matcher::Application(allow)) => {
                let ports: PortSet =
                    allow.protocols.iter().map(|pair| PortRange::single(pair.port)).collect();
                let takes_tcp =
                    deny.protocols.contains(&NetworkProtocol::Tcp) && meant(deny).covers(&ports);
                (takes_tcp || deny.protocols.contains(&NetworkProtocol::Any)) && is_everywhere(deny)
            }
            // Network rules are looked at first.
            (Matcher::Application(_), Matcher::Network(_)) => false,
        }
}

fn covers_names(deny: &ApplicationMatch, allow: &ApplicationMatch) -> bool {
    let denied: NameSet = deny.fqdns.iter().collect();
    let allowed: NameSet = allow.fqdns.iter().collect();
    deny.protocols.is_superset(&allow.protocols)
        && denied.covers(&allowed)
        && deny.fqdn_tags.is_superset(&allow.fqdn_tags)
        && deny.web_categories.is_superset(&allow.web_categories)
        && allow
            .urls
            .iter()
            .all(|url| deny.urls.contains(url) || denied.covers(&NameSet::from(&url.host)))
}

fn covers_protocols(deny: &NetworkMatch, allow: &NetworkMatch) -> bool {
    deny.protocols.contains(&NetworkProtocol::Any)
        || (deny.protocols.is_superset(&allow.protocols) && meant(deny).covers(&allow.ports))
}

/// The ports that the deny means whole, and not just for a service that shows a name.
fn meant(deny: &NetworkMatch) -> PortSet {
    deny.ports.difference(&deny.named_ports)
}

fn covers_destinations(deny: &NetworkMatch, allow: &NetworkMatch) -> bool {
    is_everywhere(deny)
        || (allow.fqdns.is_empty()
            && deny.addresses.covers(&allow.addresses)
            && deny.tags.is_superset(&allow.tags))
}

/// Whether the rule is for every address that the firewall could pass something to, which is IPv4
/// alone (`azure-firewall.md §1.13`).
fn is_everywhere(rule: &NetworkMatch) -> bool {
    rule.addresses.covers(&prefixes(&["0.0.0.0/0"]))
}

fn report(allow: &Statement<'_>, deny: &Statement<'_>) -> Diagnostic {
    Diagnostic::new(
        Code::OVERRULED,
        format!("`{}` never takes effect: `{}` denies all of it", allow.label, deny.label),
    )
    .at(allow.spans.label, "permits nothing")
    .also(deny.spans.label, "a deny wins, whatever the order")
    .help("remove the permission, or narrow the deny")
}

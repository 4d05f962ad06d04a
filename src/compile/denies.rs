//! Denies hold, or it is an error that names what defeats them.
//!
//! Our denies come first among the rules of their kind. What is still looked at before them:
//!
//! - **a parent's rules of the same kind**, and its network rules before our application denies;
//! - **our own network allows** before our application denies. A deny by name covers every flow
//!   that shows the name, wherever it goes: a network allow that shares a source and a port with it
//!   passes such a flow. That is an error unless the permission says `by address because …`; then
//!   it is a warning, and excess. Flows that show no name are never covered by a deny by name.
//! - **nothing** before our network denies but a parent's network rules.
//!
//! A rule can also deny the wrong flows: a deny by name on `any` service lists the usual ports, so
//! a permission of those names on another port is an error until the deny names that service too;
//! a deny of `https` by address is a network deny of the whole port, so a permission that needs
//! the rest of it is an error; and a wildcard with a part taken out is a deny of that part, which
//! must not cut another permission.

use super::excess::Accepted;
use super::index::ApplicationIndex;
use super::index::Index;
use super::shape::ApplicationShape;
use super::shape::NetworkShape;
use super::shape::Whose;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::PortSet;
use crate::intent::Service;

/// Everything that is wrong with the denies of `list`, and with what a parent denies.
pub(super) fn check<'a>(
    list: &Index<'_, 'a>,
    parents: &Index<'_, 'a>,
    accepted: &mut Accepted<'a>,
) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for deny in list.application_denies.all() {
        defeated_by_address(deny, list, parents, accepted, &mut findings);
        for allow in denied_together(deny, &parents.application_allows) {
            findings.extend(defeated(&deny.whose, &allow.whose, false));
        }
        if deny.any_service {
            for allow in denied_together(deny, &list.application_allows) {
                findings.extend(out_of_reach(deny, allow));
            }
        }
    }
    for deny in list.network_denies.all() {
        for allow in parents.network_allows.meeting(deny) {
            findings.extend(defeated(&deny.whose, &allow.whose, false));
        }
        findings.extend(too_wide(deny, list));
    }
    findings.extend(exceptions(list));
    findings.extend(denied_by_parents(list, parents));
    findings
}

/// Finds the network allows that pass a flow with a name that `deny` denies.
fn defeated_by_address<'a>(
    deny: &ApplicationShape<'a>,
    list: &Index<'_, 'a>,
    parents: &Index<'_, 'a>,
    accepted: &mut Accepted<'a>,
    findings: &mut Vec<Diagnostic>,
) {
    let Some(denied) = deny.whose.statement() else { return };
    for rules in [&list.network_allows, &parents.network_allows] {
        // On `any` service a name is also shown by QUIC, and on every port.
        let passing: Vec<&NetworkShape<'a>> = if deny.any_service {
            let shows_names =
                |rule: &&NetworkShape<'a>| !(rule.tcp.is_empty() && rule.udp.is_empty());
            rules.from(&deny.sources).filter(shows_names).collect()
        } else {
            rules.reaching(deny).collect()
        };
        for allow in passing {
            let marked = allow.whose.statement().filter(|statement| statement.by_address.is_some());
            if let Some(statement) = marked {
                accepted.defeats(*statement, denied.label);
            }
            findings.extend(defeated(&deny.whose, &allow.whose, marked.is_some()));
        }
    }
}

/// The rules that take a flow which `deny` means. On `any` service it means more than its ports.
fn denied_together<'s, 'a>(
    deny: &ApplicationShape<'_>,
    allows: &ApplicationIndex<'s, 'a>,
) -> Vec<&'s ApplicationShape<'a>> {
    if deny.any_service { allows.sharing(deny).collect() } else { allows.meeting(deny).collect() }
}

fn defeated(deny: &Whose<'_>, by: &Whose<'_>, is_accepted: bool) -> Option<Diagnostic> {
    let denied = deny.statement()?;
    let code = if is_accepted { Code::DENY_LEAVES_ADDRESSES } else { Code::DENY_DEFEATED };
    let finding = Diagnostic::new(code, format!("{by} passes flows that {deny} denies"))
        .at(denied.spans.label, "does not hold for those flows");
    Some(match by.statement() {
        Some(allow) => finding
            .also(allow.spans.services, "passed by address before any name is looked at")
            .note("a deny by name says nothing about flows that show no name")
            .help(if is_accepted {
                "nothing to do if the reason still holds; deny the addresses too where they are known"
            } else {
                "deny the addresses too, take other sources or ports, or add `by address because \"…\"` to the permission"
            }),
        None => finding
            .note("rules of a parent are looked at before those of its child")
            .help("narrow the parent's rule, deny in the parent, or choose another parent"),
    })
}

/// A deny on `any` service that misses a pair of `allow`.
fn out_of_reach(deny: &ApplicationShape<'_>, allow: &ApplicationShape<'_>) -> Option<Diagnostic> {
    let (denied, allowed) = (deny.whose.statement()?, allow.whose.statement()?);
    let missing: Vec<String> = allow
        .protocols
        .difference(&deny.protocols)
        .map(|pair| format!("`{}/{}`", pair.protocol.keyword().to_ascii_lowercase(), pair.port))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let missing = missing.join(", ");
    Some(
        Diagnostic::new(
            Code::DENY_OUT_OF_REACH,
            format!("`{}` does not reach {missing} of `{}`", denied.label, allowed.label),
        )
        .at(
            denied.spans.services,
            "an application rule lists its ports; `any` lists the usual ones",
        )
        .also(allowed.spans.services, "passes the same names on another port")
        .help(format!("add {missing} to the services of `{}`", denied.label)),
    )
}

/// A deny of a service with a name, carried by the whole port, that cuts a permission which means
/// the rest of the port.
fn too_wide(deny: &NetworkShape<'_>, list: &Index<'_, '_>) -> Vec<Diagnostic> {
    let Some(denied) = deny.whose.statement() else { return Vec::new() };
    if deny.named_ports.is_empty() {
        return Vec::new();
    }
    let narrowed = NetworkShape {
        tcp: deny.named_ports.clone(),
        udp: PortSet::empty(),
        icmp: false,
        ..deny.clone()
    };
    let network = list.network_allows.meeting(&narrowed).filter_map(|rule| rule.whose.statement());
    let application = list
        .application_allows
        .reached(&narrowed)
        .filter_map(|rule| rule.whose.statement())
        .filter(|allowed| !denied_services_cover(denied.services, allowed.services));
    network
        .chain(application)
        .map(|allowed| {
            Diagnostic::new(
                Code::DENY_TOO_WIDE,
                format!("`{}` would also deny what `{}` permits", denied.label, allowed.label),
            )
            .at(denied.spans.services, "by address, this is a deny of the whole port")
            .also(allowed.spans.services, "means more on that port than the deny does")
            .help("write the deny with `tcp/…` if the whole port is meant, or deny names")
        })
        .collect()
}

/// Whether each of `services` that shows a name is also denied as such, on its port.
fn denied_services_cover(denied: &[Service], services: &[Service]) -> bool {
    services
        .iter()
        .filter(|service| {
            denied.iter().any(|other| service_port(*other) == service_port(**service))
        })
        .all(|service| denied.contains(service))
}

fn service_port(service: Service) -> Option<u16> {
    match service {
        Service::Https { port } | Service::Http { port } | Service::Mssql { port, .. } => {
            Some(port)
        }
        Service::Tcp(_) | Service::Udp(_) | Service::Icmp | Service::Protocol(_) | Service::Any => {
            None
        }
    }
}

/// The denies that exceptions become, where they cut another permission.
fn exceptions(list: &Index<'_, '_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for shape in list.application_allows.all().filter(|rule| !rule.except.is_empty()) {
        let Some(own) = shape.whose.statement() else { continue };
        let denied =
            ApplicationShape { names: shape.except.clone(), more_names: false, ..shape.clone() };
        for other in list.application_allows.meeting(&denied) {
            let Some(cut) = other.whose.statement() else { continue };
            if cut.label != own.label {
                findings.push(
                    Diagnostic::new(
                        Code::EXCEPTION_CUTS,
                        format!(
                            "what `{}` excepts would also be denied to `{}`",
                            own.label, cut.label
                        ),
                    )
                    .at(own.spans.destinations, "an exception from a wildcard is a deny")
                    .also(cut.spans.destinations, "permits such names, from the same sources")
                    .help("name the hosts instead of the wildcard, or part the sources"),
                );
            }
        }
    }
    findings
}

/// Permissions that a parent may deny.
fn denied_by_parents(list: &Index<'_, '_>, parents: &Index<'_, '_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for allow in list.network_allows.all() {
        for deny in parents.network_denies.meeting(allow) {
            findings.extend(denied_by(&deny.whose, &allow.whose));
        }
    }
    for allow in list.application_allows.all() {
        for deny in parents.network_denies.reaching(allow) {
            findings.extend(denied_by(&deny.whose, &allow.whose));
        }
        for deny in parents.application_denies.meeting(allow) {
            findings.extend(denied_by(&deny.whose, &allow.whose));
        }
    }
    findings
}

fn denied_by(deny: &Whose<'_>, allow: &Whose<'_>) -> Option<Diagnostic> {
    let allowed = allow.statement()?;
    Some(
        Diagnostic::new(Code::PARENT_DENIES, format!("{deny} may deny what {allow} permits"))
            .at(allowed.spans.label, "looked at after the parent's rule")
            .help("permit it in the parent, or remove it here"),
    )
}

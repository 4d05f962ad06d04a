//! Tags and categories that are not known by name: written as they stand, and never overlooked
//! (`azure-firewall.md §3.3`).

use super::statement::Statement;
use crate::azure::known;
use crate::azure::region;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::similar::nearest;
use crate::intent::Destination;
use crate::intent::Topology;
use crate::intent::topology::RouteTarget;

/// A warning for each name in statements and routes that is not known.
pub(super) fn check(topology: &Topology, statements: &[Statement<'_>]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for statement in statements {
        for destination in statement.destinations {
            let found = match destination {
                Destination::ServiceTag(tag) => service_tag(tag),
                Destination::FqdnTag(tag) => fqdn_tag(tag),
                Destination::WebCategory(category) => {
                    unknown("web category", category, known::WEB_CATEGORIES)
                }
                Destination::Names(_)
                | Destination::Addresses(_)
                | Destination::Url { .. }
                | Destination::Any => None,
            };
            let span = statement.spans.destinations;
            findings.extend(found.map(|found| found.at(span, format!("in `{}`", statement.label))));
        }
    }
    let subnets = topology.networks.iter().flat_map(|network| &network.subnets);
    for route in subnets.flat_map(|subnet| &subnet.exceptions) {
        let found = match &route.target {
            RouteTarget::ServiceTag(tag) => service_tag(tag),
            RouteTarget::Prefix(_) => None,
        };
        findings.extend(found.map(|found| found.at(route.origin.span, "in this route")));
    }
    findings
}

/// A tag's service is asked before its region.
fn service_tag(tag: &str) -> Option<Diagnostic> {
    let (service, location) = match tag.split_once('.') {
        Some((service, location)) => (service, Some(location)),
        None => (tag, None),
    };
    if let Some(found) = unknown("service tag", service, known::SERVICE_TAGS) {
        return Some(found);
    }
    let location = location.filter(|location| !region::is_azure_suffix(location))?;
    unknown("region of a service tag", location, known::TAG_REGIONS)
}

fn fqdn_tag(tag: &str) -> Option<Diagnostic> {
    let family = tag.get(..known::OFFICE_365.len());
    if family.is_some_and(|family| family.eq_ignore_ascii_case(known::OFFICE_365)) {
        return None;
    }
    unknown("FQDN tag", tag, known::FQDN_TAGS)
}

fn unknown(kind: &str, name: &str, list: &[&str]) -> Option<Diagnostic> {
    if list.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return None;
    }
    let found = Diagnostic::new(Code::UNKNOWN_TAG, format!("`{name}` is no {kind} that is known"))
        .note("it is written as it stands; Azure may have added it since, or refuse it");
    Some(match nearest(name, list.iter().copied()) {
        Some(near) => found.help(format!("write `{near}`, if that is meant")),
        None => found.help("compare it with Azure's page of these names"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_known_by_service_and_region_whatever_their_case() {
        for tag in ["Storage", "storage.westeurope", "AzureCloud.norwaye", "AzureFrontDoor.Backend"]
        {
            assert!(service_tag(tag).is_none(), "{tag}");
        }
        for (tag, help) in [
            ("Storrage.Atlantis", "write `Storage`, if that is meant"),
            ("Storage.WestEurop", "write `WestEurope`, if that is meant"),
            ("Storage.Atlantis", "compare it with Azure's page of these names"),
        ] {
            let found = service_tag(tag).and_then(|found| found.help_text().map(str::to_owned));
            assert_eq!(found.as_deref(), Some(help), "{tag}");
        }
    }

    #[test]
    fn the_family_of_office_365_is_open() {
        assert!(fqdn_tag("office365.Skype.Optimize").is_none());
        assert!(fqdn_tag("Office365").is_some());
        assert!(fqdn_tag("HDInsight").is_none() && fqdn_tag("AzureHDInsight").is_none());
    }
}

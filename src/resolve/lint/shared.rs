//! Permissions by a wildcard below which anybody can have a name.

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::FqdnPattern;
use crate::intent::Destination;
use crate::intent::Permission;

/// Suffixes below which each customer of Microsoft's has names, and which the Public Suffix List does
/// not have (`aks-egress.md §4` and `§7`; for Managed HSM, search, cognitive services and SignalR, the
/// zones of their private endpoints).
const OF_CUSTOMERS: [&str; 29] = [
    "azconfig.io",
    "azurecr.cn",
    "azurecr.io",
    "azurecr.us",
    "cassandra.cosmos.azure.com",
    "cognitiveservices.azure.com",
    "database.chinacloudapi.cn",
    "database.usgovcloudapi.net",
    "database.windows.net",
    "dfs.core.windows.net",
    "documents.azure.com",
    "gremlin.cosmos.azure.com",
    "managedhsm.azure.net",
    "mongo.cosmos.azure.com",
    "mysql.database.azure.com",
    "openai.azure.com",
    "postgres.database.azure.com",
    "queue.core.windows.net",
    "redis.azure.net",
    "redis.cache.windows.net",
    "redisenterprise.cache.azure.net",
    "search.windows.net",
    "service.signalr.net",
    "servicebus.chinacloudapi.cn",
    "table.core.windows.net",
    "table.cosmos.azure.com",
    "vault.azure.cn",
    "vault.azure.net",
    "vault.usgovcloudapi.net",
];

/// Suffixes below which each region has a label, and below that each customer has names: those of
/// registries for their layers and their replicas (`aks-egress.md §4`).
const OF_REGIONS: [&str; 4] =
    ["data.azurecr.io", "data.azurecr.us", "geo.azurecr.io", "geo.azurecr.us"];

/// Public suffixes of object stores, functions and the like, below a suffix that is none itself. The
/// list is looked up by name, so that what lies below a name cannot be asked of it.
const PUBLIC_BELOW: [&str; 3] =
    ["lambda-url.us-east-1.on.aws", "s3.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn"];

/// A label that is in no rule of the Public Suffix List.
const ANY_LABEL: &str = "any-label-at-all";

/// Why anybody can have a name below a suffix.
enum Shared {
    /// A registry has it on the list: who pays has a name below it.
    Registry,
    /// Who hosts for others has it on the list.
    Public,
    /// Each label below it makes a public suffix.
    AbovePublic,
    /// Microsoft gives names below it to customers.
    Customers,
    /// Each region has a label below it, one of [`OF_REGIONS`].
    Regions,
    /// One of [`OF_CUSTOMERS`] lies below it.
    Above(&'static str),
    /// One of [`PUBLIC_BELOW`] lies below it.
    AboveListed(&'static str),
}

/// A warning for each wildcard of a permission that is wide enough for names of anybody.
pub(super) fn findings<'p>(permissions: impl Iterator<Item = &'p Permission>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for permission in permissions {
        for destination in &permission.destinations {
            let patterns = match destination {
                Destination::Names(names) => names.patterns.as_slice(),
                Destination::Url { host, .. } => std::slice::from_ref(host),
                Destination::Addresses(_)
                | Destination::ServiceTag(_)
                | Destination::FqdnTag(_)
                | Destination::WebCategory(_)
                | Destination::Any => &[],
            };
            findings.extend(patterns.iter().filter_map(|pattern| finding(permission, pattern)));
        }
    }
    findings
}

fn finding(permission: &Permission, pattern: &FqdnPattern) -> Option<Diagnostic> {
    let suffix = match pattern {
        FqdnPattern::Under(suffix) | FqdnPattern::EndsWith(suffix) => suffix.to_string(),
        // Who writes `any-name` says so.
        FqdnPattern::Any | FqdnPattern::Exact(_) => return None,
    };
    let (why, account_of) = match shared(&suffix)? {
        Shared::Registry => {
            let why = format!(
                "`{suffix}` is on the Public Suffix List: anybody can register a name below it"
            );
            return Some(told(permission, pattern, why).help("name the hosts, each by itself"));
        }
        Shared::Public => (
            format!("`{suffix}` is on the Public Suffix List: anybody can have a name below it"),
            suffix,
        ),
        Shared::AbovePublic => (
            format!(
                "each label below `{suffix}` is on the Public Suffix List: anybody can have a name there"
            ),
            format!("LABEL.{suffix}"),
        ),
        Shared::Customers => {
            (format!("each customer of Azure can have a name below `{suffix}`"), suffix)
        }
        Shared::Regions => (
            format!("each customer of Azure can have a name below `REGION.{suffix}`"),
            format!("REGION.{suffix}"),
        ),
        Shared::Above(below) => (
            format!("`{below}` is among them, below which each customer of Azure can have a name"),
            below.to_owned(),
        ),
        Shared::AboveListed(below) => (
            format!(
                "`{below}` is among them, which is on the Public Suffix List: anybody can have a name below it"
            ),
            below.to_owned(),
        ),
    };
    let help = format!("name the account, as `ACCOUNT.{account_of}` does, and each by itself");
    Some(told(permission, pattern, why).help(help))
}

fn told(permission: &Permission, pattern: &FqdnPattern, why: String) -> Diagnostic {
    Diagnostic::new(
        Code::SHARED_SUFFIX,
        format!("`{}` permits names that anybody can have: `{pattern}`", permission.label),
    )
    .at(permission.spans.destinations, "as wide as all who have a name there")
    .note(why)
}

/// Whether anybody can have a name below `suffix`, a host name in lower case.
fn shared(suffix: &str) -> Option<Shared> {
    let is_of_a_region =
        || suffix.split_once('.').is_some_and(|(_, rest)| OF_REGIONS.contains(&rest));
    if OF_CUSTOMERS.contains(&suffix) || is_of_a_region() {
        return Some(Shared::Customers);
    }
    if OF_REGIONS.contains(&suffix) {
        return Some(Shared::Regions);
    }
    if let Some(found) = listed(suffix) {
        return Some(if found.is_icann() { Shared::Registry } else { Shared::Public });
    }
    // A rule of the list may have a wildcard, which any label shows.
    if listed(&format!("{ANY_LABEL}.{suffix}")).is_some() {
        return Some(Shared::AbovePublic);
    }
    let is_below =
        |one: &&&str| one.strip_suffix(suffix).is_some_and(|account| account.ends_with('.'));
    let of_customers = OF_CUSTOMERS.iter().find(is_below).map(|below| Shared::Above(below));
    let public = || PUBLIC_BELOW.iter().find(is_below).map(|below| Shared::AboveListed(below));
    of_customers.or_else(public)
}

/// What the Public Suffix List has of `name`, if the name is on it.
fn listed(name: &str) -> Option<psl2::Domain<'_>> {
    psl2::lookup(name).filter(|found| found.is_known() && found.is_public_suffix())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_can_have_a_name_below_is_told_from_what_one_owner_has() {
        let public =
            ["blob.core.windows.net", "azurewebsites.net", "github.io", "servicebus.windows.net"];
        for suffix in public {
            assert!(matches!(shared(suffix), Some(Shared::Public)), "{suffix}");
        }
        for suffix in ["co.uk", "com"] {
            assert!(matches!(shared(suffix), Some(Shared::Registry)), "{suffix}");
        }
        for suffix in ["amazonaws.com", "amazonaws.com.cn", "on.aws"] {
            assert!(matches!(shared(suffix), Some(Shared::AboveListed(_))), "{suffix}");
        }
        let of_customers =
            ["azurecr.io", "vault.azure.net", "database.windows.net", "westeurope.data.azurecr.io"];
        for suffix in of_customers {
            assert!(matches!(shared(suffix), Some(Shared::Customers)), "{suffix}");
        }
        for suffix in ["core.windows.net", "windows.net", "azure.com"] {
            assert!(matches!(shared(suffix), Some(Shared::Above(_))), "{suffix}");
        }
        assert!(matches!(shared("data.azurecr.io"), Some(Shared::Regions)));
        let own = [
            "trips.blob.core.windows.net",
            "contoso.com",
            "data.mcr.microsoft.com",
            "example",
            "trips.azurecr.io",
            "trips.westeurope.data.azurecr.io",
            "ws.net",
        ];
        for suffix in own {
            assert!(shared(suffix).is_none(), "{suffix}");
        }
    }

    /// What the list has by now is better looked up there.
    #[test]
    fn the_table_has_only_what_the_public_suffix_list_lacks() {
        for suffix in OF_CUSTOMERS.into_iter().chain(OF_REGIONS) {
            let found = psl2::lookup(suffix).expect("a host name");
            assert!(!found.is_public_suffix(), "{suffix}");
        }
        for suffix in PUBLIC_BELOW {
            assert!(listed(suffix).is_some(), "{suffix}");
        }
        assert!(OF_CUSTOMERS.is_sorted() && OF_REGIONS.is_sorted() && PUBLIC_BELOW.is_sorted());
    }
}

//! Where the firewall keeps the client's address (`azure-firewall.md §4.2`).

use super::ground::Ground;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::address::AddressEntry;
use crate::azure::policy::Policy;
use crate::azure::policy::PrivateRange;
use crate::azure::policy::Rules;
use crate::flow::AddressSet;
use crate::intent::PolicySettings;

/// The destinations to which a network rule keeps the client's address, whether the list's policy
/// inherits the settings of its parents or not: that is not documented.
pub(super) fn untranslated(
    ground: &Ground,
    settings: &PolicySettings,
    context: &Deployment,
) -> AddressSet {
    let mut kept = ground.private.clone();
    let base = settings.extends.as_deref().map(Key::new);
    // A parent that is not there has been refused.
    let chain = base.and_then(|base| context.policy_chain(&base).ok()).unwrap_or_default();
    for (_, policy) in chain {
        // A DNAT rule for every source makes the firewall translate between networks, too
        // (`azure-firewall.md §4.1`).
        if translates_every_source(policy) {
            return AddressSet::empty();
        }
        let Some(snat) = policy.snat.as_ref().filter(|_| settings.private_ranges.is_empty()) else {
            continue;
        };
        let ranges = snat.private_ranges.iter().map(|range| match range {
            PrivateRange::Iana => ground.private.clone(),
            PrivateRange::Prefix(prefix) => AddressSet::from(*prefix),
        });
        if !snat.private_ranges.is_empty() {
            let ranges = ranges.fold(AddressSet::empty(), |all, more| all.union(&more));
            kept = kept.intersection(&ranges);
        }
    }
    kept
}

fn translates_every_source(policy: &Policy) -> bool {
    let collections = policy.groups.iter().flat_map(|group| &group.collections);
    let rules = collections.filter_map(|collection| match &collection.rules {
        Rules::Nat(rules) => Some(rules),
        Rules::Network(..) | Rules::Application(..) => None,
    });
    rules.flatten().any(|rule| {
        let may_be_any =
            |entry: &AddressEntry| entry.addresses().is_none_or(|set| set == AddressSet::all());
        !rule.sources.ip_groups.is_empty() || rule.sources.addresses.iter().any(may_be_any)
    })
}

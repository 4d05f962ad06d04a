//! The size of a rule collection group.

use std::collections::BTreeMap;

use crate::azure::arm;
use crate::azure::arm::Surroundings;
use crate::azure::deployment::Origin;
use crate::azure::deployment::RuleId;
use crate::azure::key::Key;
use crate::azure::policy::RuleCollectionGroup;

/// The most that a rule collection group may take, in bytes (`azure-firewall.md §6.1`).
pub const MAX_GROUP_BYTES: usize = 2_000_000;

/// The size at which a group is split, in bytes: below the limit, since the size is an estimate
/// (`azure-firewall.md §6.1`, modelling choice).
pub const SPLIT_GROUP_BYTES: usize = 1_800_000;

/// The estimated size of a group in bytes: the length of its properties as compact JSON
/// (`azure-firewall.md §6.1`). Ids of IP groups are taken at their longest, and a value that is not
/// known at nothing, since it cannot be written anyway.
pub fn group_size(
    policy: &Key,
    group: &RuleCollectionGroup,
    origins: &BTreeMap<RuleId, Origin>,
) -> usize {
    let measured = Measured { policy, group: &group.name, origins };
    arm::group_properties(group, &measured).map_or(0, |properties| properties.to_string().len())
}

struct Measured<'a> {
    policy: &'a Key,
    group: &'a Key,
    origins: &'a BTreeMap<RuleId, Origin>,
}

impl Surroundings for Measured<'_> {
    fn ip_group_id(&self, name: &Key) -> String {
        const SUBSCRIPTION: usize = 36;
        const RESOURCE_GROUP: usize = 90;
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/ipGroups/{name}",
            "s".repeat(SUBSCRIPTION),
            "g".repeat(RESOURCE_GROUP)
        )
    }

    fn origin(&self, collection: &Key, rule: &str) -> Option<&Origin> {
        self.origins.get(&RuleId {
            policy: self.policy.clone(),
            group: self.group.clone(),
            collection: collection.clone(),
            rule: rule.to_owned(),
        })
    }
}

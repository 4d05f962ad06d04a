//! The rules that make sets of flows grow most.

use std::cmp::Reverse;

use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::policy::RuleCollection;
use crate::azure::policy::Rules;
use crate::azure::rule::Sources;

/// The rules of `deployment` by how many entries of addresses they have, those of their IP groups
/// among them: the most first, and rules without an entry left out. Sets are cut at each end of each.
pub fn widest(deployment: &Deployment) -> Vec<(RuleId, usize)> {
    let mut all = Vec::new();
    for (name, policy) in &deployment.policies {
        for group in &policy.groups {
            for collection in &group.collections {
                let rules = entries(collection, deployment).into_iter();
                let with_id = rules.map(|(rule, entries)| {
                    let id = RuleId {
                        policy: name.clone(),
                        group: group.name.clone(),
                        collection: collection.name.clone(),
                        rule: rule.to_owned(),
                    };
                    (id, entries)
                });
                all.extend(with_id.filter(|(_, entries)| *entries > 0));
            }
        }
    }
    all.sort_by_key(|(_, entries)| Reverse(*entries));
    all
}

fn entries<'a>(collection: &'a RuleCollection, deployment: &Deployment) -> Vec<(&'a str, usize)> {
    let of_groups = |groups: &[Key]| -> usize {
        let groups = groups.iter().filter_map(|name| deployment.ip_groups.get(name));
        groups.map(|group| group.addresses.len()).sum()
    };
    let of_sources = |sources: &Sources| sources.addresses.len() + of_groups(&sources.ip_groups);
    match &collection.rules {
        Rules::Application(_, rules) => rules
            .iter()
            .map(|rule| {
                let destinations = rule.destination_addresses.len();
                (rule.name.as_str(), of_sources(&rule.sources) + destinations)
            })
            .collect(),
        Rules::Network(_, rules) => rules
            .iter()
            .map(|rule| {
                let destinations =
                    rule.destination_addresses.len() + of_groups(&rule.destination_ip_groups);
                (rule.name.as_str(), of_sources(&rule.sources) + destinations)
            })
            .collect(),
        Rules::Nat(rules) => rules
            .iter()
            .map(|rule| {
                let destinations = rule.destination_addresses.len();
                (rule.name.as_str(), of_sources(&rule.sources) + destinations)
            })
            .collect(),
    }
}

//! Small mistakes in the rules that a list compiles to: each is one step from what is right.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::deployment::FoundRule;
use crate::azure::policy::RuleCollection;
use crate::azure::policy::Rules;
use crate::azure::rule::PortEntry;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::PortRange;

/// A mistake in a deployment. An index is one into the entries of the rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Mutation {
    /// The rule is left out.
    Dropped(RuleId),
    /// A name has become a wildcard, or a wildcard that of its parent.
    NameWidened(RuleId, usize),
    /// A prefix of the sources is one bit shorter.
    SourceWidened(RuleId, usize),
    /// A prefix of the destinations is one bit shorter.
    DestinationWidened(RuleId, usize),
    /// A port, or both ends of a range, is the next one.
    PortMoved(RuleId, usize),
    /// The collection of the rule and the next of its group have each other's priority.
    CollectionsSwapped(RuleId, Key),
    /// The group of the rule and the next of its policy have each other's priority.
    GroupsSwapped(RuleId, Key),
}

impl Mutation {
    /// The rule that it is made in; of a collection or group, the first.
    pub(super) fn rule(&self) -> &RuleId {
        match self {
            Mutation::Dropped(rule)
            | Mutation::NameWidened(rule, _)
            | Mutation::SourceWidened(rule, _)
            | Mutation::DestinationWidened(rule, _)
            | Mutation::PortMoved(rule, _)
            | Mutation::CollectionsSwapped(rule, _)
            | Mutation::GroupsSwapped(rule, _) => rule,
        }
    }

    /// A word for the kind of mistake.
    pub(super) fn keyword(&self) -> &'static str {
        match self {
            Mutation::Dropped(_) => "dropped",
            Mutation::NameWidened(..)
            | Mutation::SourceWidened(..)
            | Mutation::DestinationWidened(..) => "widened",
            Mutation::PortMoved(..) => "moved",
            Mutation::CollectionsSwapped(..) | Mutation::GroupsSwapped(..) => "reordered",
        }
    }

    /// The deployment with the mistake, and what it is in words.
    pub(super) fn make(&self, deployment: &Deployment) -> Option<(Deployment, String)> {
        let rule = self.rule();
        let found = || deployment.find_rule(rule);
        let (changed, words) = match self {
            Mutation::Dropped(_) => {
                return Some((deployment.with_rule(rule, None), "left out".to_owned()));
            }
            Mutation::NameWidened(_, index) => name_widened(found()?, *index)?,
            Mutation::SourceWidened(_, index) => source_widened(found()?, *index)?,
            Mutation::DestinationWidened(_, index) => destination_widened(found()?, *index)?,
            Mutation::PortMoved(_, index) => port_moved(found()?, *index)?,
            Mutation::CollectionsSwapped(_, next) => {
                let mut changed = deployment.clone();
                let groups = &mut changed.policies.get_mut(&rule.policy)?.groups;
                let group = groups.iter_mut().find(|group| group.name == rule.group)?;
                let mut all = group.collections.iter_mut();
                let own = all.find(|one| one.name == rule.collection)?.priority;
                let mut all = group.collections.iter_mut();
                let other =
                    std::mem::replace(&mut all.find(|one| one.name == *next)?.priority, own);
                let mut all = group.collections.iter_mut();
                all.find(|one| one.name == rule.collection)?.priority = other;
                let words = format!("its collection `{}` comes after `{next}`", rule.collection);
                return Some((changed, words));
            }
            Mutation::GroupsSwapped(_, next) => {
                let mut changed = deployment.clone();
                let groups = &mut changed.policies.get_mut(&rule.policy)?.groups;
                let own = groups.iter_mut().find(|one| one.name == rule.group)?.priority;
                let other = &mut groups.iter_mut().find(|one| one.name == *next)?.priority;
                let other = std::mem::replace(other, own);
                groups.iter_mut().find(|one| one.name == rule.group)?.priority = other;
                let words = format!("its group `{}` comes after `{next}`", rule.group);
                return Some((changed, words));
            }
        };
        // What the rule comes from is still to be told.
        let mut with_rule = deployment.with_rule(rule, Some(&changed));
        with_rule.origins.clone_from(&deployment.origins);
        Some((with_rule, words))
    }
}

/// Every mistake in the rules of `deployment` that come from a statement, in the order of the rules.
pub(super) fn mutations(deployment: &Deployment) -> Vec<Mutation> {
    let mut all = Vec::new();
    for id in deployment.origins.keys() {
        let Some(rule) = deployment.find_rule(id) else { continue };
        let (names, sources, destinations, ports) = match &rule {
            FoundRule::Application(_, rule) => {
                (rule.target_fqdns.len(), &rule.sources, 0, rule.protocols.len())
            }
            FoundRule::Network(_, rule) => {
                let destinations = rule.destination_addresses.len();
                (0, &rule.sources, destinations, rule.destination_ports.len())
            }
            // What comes in is no concern of a list.
            FoundRule::Nat(_) => continue,
        };
        all.push(Mutation::Dropped(id.clone()));
        all.extend((0..names).map(|at| Mutation::NameWidened(id.clone(), at)));
        let sources = 0..sources.addresses.len();
        all.extend(sources.map(|at| Mutation::SourceWidened(id.clone(), at)));
        all.extend((0..destinations).map(|at| Mutation::DestinationWidened(id.clone(), at)));
        all.extend((0..ports).map(|at| Mutation::PortMoved(id.clone(), at)));
    }
    all.extend(swaps(deployment));
    all.retain(|one| one.is_possible(deployment));
    all
}

impl Mutation {
    /// Whether there is a step to make.
    fn is_possible(&self, deployment: &Deployment) -> bool {
        let found = || deployment.find_rule(self.rule());
        match self {
            Mutation::NameWidened(_, at) => found().and_then(|rule| name_widened(rule, *at)),
            Mutation::SourceWidened(_, at) => found().and_then(|rule| source_widened(rule, *at)),
            Mutation::DestinationWidened(_, at) => {
                found().and_then(|rule| destination_widened(rule, *at))
            }
            Mutation::PortMoved(_, at) => found().and_then(|rule| port_moved(rule, *at)),
            Mutation::Dropped(_)
            | Mutation::CollectionsSwapped(..)
            | Mutation::GroupsSwapped(..) => return true,
        }
        .is_some()
    }
}

/// Neighbouring collections and groups, where a rule of the first comes from a statement.
fn swaps(deployment: &Deployment) -> Vec<Mutation> {
    let mut all = Vec::new();
    let written: BTreeSet<&RuleId> = deployment.origins.keys().collect();
    for (policy_name, policy) in &deployment.policies {
        let mut groups: Vec<_> = policy.groups.iter().collect();
        groups.sort_by_key(|group| group.priority);
        let first_of = |group: &Key, collection: &RuleCollection| {
            let id = |rule: &String| RuleId {
                policy: policy_name.clone(),
                group: group.clone(),
                collection: collection.name.clone(),
                rule: rule.clone(),
            };
            let names: Vec<&String> = match &collection.rules {
                Rules::Application(_, rules) => rules.iter().map(|rule| &rule.name).collect(),
                Rules::Network(_, rules) => rules.iter().map(|rule| &rule.name).collect(),
                Rules::Nat(rules) => rules.iter().map(|rule| &rule.name).collect(),
            };
            names.into_iter().map(id).find(|id| written.contains(id))
        };
        for (index, group) in groups.iter().enumerate() {
            let mut collections: Vec<_> = group.collections.iter().collect();
            collections.sort_by_key(|collection| collection.priority);
            for (one, next) in collections.iter().zip(collections.iter().skip(1)) {
                let first = first_of(&group.name, one);
                all.extend(first.map(|id| Mutation::CollectionsSwapped(id, next.name.clone())));
            }
            let first = collections.iter().find_map(|one| first_of(&group.name, one));
            let next = groups.get(index + 1);
            let pair = first.zip(next);
            all.extend(pair.map(|(id, next)| Mutation::GroupsSwapped(id, next.name.clone())));
        }
    }
    all
}

fn name_widened(rule: FoundRule, index: usize) -> Option<(FoundRule, String)> {
    let FoundRule::Application(action, mut rule) = rule else { return None };
    let name = rule.target_fqdns.get_mut(index)?;
    let wider = wider(name)?;
    let words = format!("`{wider}` in place of `{name}`");
    *name = wider;
    Some((FoundRule::Application(action, rule), words))
}

/// The pattern of the parent's names; of every name where the parent has but one label.
fn wider(pattern: &FqdnPattern) -> Option<FqdnPattern> {
    let name = match pattern {
        FqdnPattern::Any => return None,
        FqdnPattern::Exact(name) | FqdnPattern::Under(name) | FqdnPattern::EndsWith(name) => name,
    };
    let above = name.as_str().split_once('.').and_then(|(_, above)| Fqdn::parse(above).ok());
    let above = above.filter(|above| above.labels().count() > 1);
    Some(above.map_or(FqdnPattern::Any, FqdnPattern::Under))
}

fn source_widened(rule: FoundRule, index: usize) -> Option<(FoundRule, String)> {
    let widened = |entry: &mut AddressEntry| {
        let wider = shorter(entry)?;
        let words = format!("from {wider} in place of {entry}");
        *entry = wider;
        Some(words)
    };
    match rule {
        FoundRule::Application(action, mut rule) => {
            let words = widened(rule.sources.addresses.get_mut(index)?)?;
            Some((FoundRule::Application(action, rule), words))
        }
        FoundRule::Network(action, mut rule) => {
            let words = widened(rule.sources.addresses.get_mut(index)?)?;
            Some((FoundRule::Network(action, rule), words))
        }
        FoundRule::Nat(_) => None,
    }
}

fn destination_widened(rule: FoundRule, index: usize) -> Option<(FoundRule, String)> {
    let FoundRule::Network(action, mut rule) = rule else { return None };
    let DestinationEntry::Addresses(entry) = rule.destination_addresses.get_mut(index)? else {
        return None;
    };
    let wider = shorter(entry)?;
    let words = format!("to {wider} in place of {entry}");
    *entry = wider;
    Some((FoundRule::Network(action, rule), words))
}

/// The prefix with one bit less.
fn shorter(entry: &AddressEntry) -> Option<AddressEntry> {
    let prefix = match entry {
        AddressEntry::Address(address) => IpNet::from(*address),
        AddressEntry::Prefix(prefix) => *prefix,
        AddressEntry::Any | AddressEntry::Range(_) | AddressEntry::Unknown(_) => return None,
    };
    prefix.supernet().map(AddressEntry::Prefix)
}

fn port_moved(rule: FoundRule, index: usize) -> Option<(FoundRule, String)> {
    match rule {
        FoundRule::Application(action, mut rule) => {
            let one = rule.protocols.get_mut(index)?;
            let next = one.port.checked_add(1)?;
            let words = format!("port {next} in place of {}", one.port);
            one.port = next;
            Some((FoundRule::Application(action, rule), words))
        }
        FoundRule::Network(action, mut rule) => {
            let entry = rule.destination_ports.get_mut(index)?;
            let PortEntry::Range(range) = *entry else { return None };
            let (first, last) = (range.first().checked_add(1)?, range.last().checked_add(1)?);
            let moved = PortEntry::Range(PortRange::new(first, last)?);
            let words = format!("port {moved} in place of {entry}");
            *entry = moved;
            Some((FoundRule::Network(action, rule), words))
        }
        FoundRule::Nat(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_wider(pattern: &str, expected: Option<&str>) {
        let wider = wider(&pattern.parse().unwrap()).map(|one| one.to_string());
        assert_eq!(wider.as_deref(), expected, "{pattern}");
    }

    #[test]
    fn a_name_widens_to_the_wildcard_of_its_parent() {
        check_wider("www.contoso.com", Some("*.contoso.com"));
        check_wider("*.a.contoso.com", Some("*.contoso.com"));
        check_wider("contoso.com", Some("*"));
        check_wider("*", None);
    }

    #[test]
    fn a_prefix_widens_by_one_bit() {
        let wider = |text: &str| {
            let entry = AddressEntry::Prefix(text.parse().unwrap());
            shorter(&entry).map(|one| one.to_string())
        };
        assert_eq!(wider("10.1.8.0/24").as_deref(), Some("10.1.8.0/23"));
        assert_eq!(wider("0.0.0.0/0"), None);
        let one = AddressEntry::Address([192, 0, 2, 1].into());
        assert_eq!(shorter(&one).map(|one| one.to_string()).as_deref(), Some("192.0.2.0/31"));
    }
}

//! One statement is one element of one list, whatever stands around it.

use exeat::azure::Key;
use exeat::azure::policy::Policy;
use exeat::azure::policy::RuleCollection;
use exeat::azure::policy::Rules;
use exeat::intent::Deny;
use exeat::intent::Permission;
use proptest::prelude::*;

use super::list;
use super::list::APPS;
use super::list::SYSTEM;
use super::list::allow;
use super::list::allow_by_address;
use super::list::deny;
use super::list_of;
use super::run;

/// Statements that compile in any company: each draws label, sources and target from a few.
fn statements() -> impl Strategy<Value = (Vec<Permission>, Vec<Deny>)> {
    let permission = (0u8..40, 0usize..2, 0usize..8);
    let deny = (40u8..50, 0usize..4);
    (
        prop::collection::btree_map(0u8..40, permission, 1..12),
        prop::collection::btree_map(40u8..50, deny, 0..4),
    )
        .prop_map(|(permissions, denies)| {
            let permissions = permissions
                .into_iter()
                .map(|(label, (_, source, form))| some_permission(label, source, form))
                .collect();
            let denies =
                denies.into_iter().map(|(label, (_, form))| some_deny(label, form)).collect();
            (permissions, denies)
        })
}

fn some_permission(label: u8, source: usize, form: usize) -> Permission {
    let sources = [SYSTEM, APPS][source];
    let name = &format!("p{label:02}");
    let host = format!("{name}.example.com");
    match form {
        0 => allow(name, sources, &host, "https"),
        1 => allow(name, sources, &format!("*.{host}"), "https, http"),
        2 => allow(name, sources, &host, "https/8443"),
        3 => allow(name, sources, &host, "mssql proxy"),
        4 => allow(name, sources, "tag AzureCloud.westeurope", "tcp/9000"),
        5 => allow_by_address(name, sources, &host, "udp/123"),
        6 => allow(name, sources, "10.9.0.0/24", "tcp/5432"),
        _ => allow(name, sources, "fqdn-tag AzureKubernetesService", "https"),
    }
}

fn some_deny(label: u8, form: usize) -> Deny {
    let name = &format!("d{label:02}");
    match form {
        0 => deny(name, "any", "pastebin.com, *.pastebin.com", "https, http"),
        1 => deny(name, APPS, "category Gambling", "https"),
        2 => deny(name, "any", "any", "tcp/25"),
        _ => deny(name, "any", "tag Storage", "tcp/443"),
    }
}

/// How many elements of lists differ between two policies, and in how many groups.
fn changes(old: &Policy, new: &Policy) -> (usize, usize) {
    let (mut groups, mut elements) = (0, 0);
    let names = old.groups.iter().chain(&new.groups).map(|group| group.name.clone());
    for name in names.collect::<std::collections::BTreeSet<_>>() {
        let find = |policy: &Policy| policy.groups.iter().find(|g| g.name == name).cloned();
        let changed = match (find(old), find(new)) {
            (Some(a), Some(b)) if a.priority == b.priority => {
                collection_changes(&a.collections, &b.collections)
            }
            _ => 1,
        };
        groups += usize::from(changed > 0);
        elements += changed;
    }
    (groups, elements)
}

fn collection_changes(old: &[RuleCollection], new: &[RuleCollection]) -> usize {
    if old.len() != new.len() {
        return list_changes(old, new);
    }
    old.iter()
        .zip(new)
        .map(|(a, b)| {
            assert_eq!((&a.name, a.priority), (&b.name, b.priority));
            match (&a.rules, &b.rules) {
                (Rules::Network(x, a), Rules::Network(y, b)) if x == y => list_changes(a, b),
                (Rules::Application(x, a), Rules::Application(y, b)) if x == y => {
                    list_changes(a, b)
                }
                _ => panic!("a collection changed its kind"),
            }
        })
        .sum()
}

/// Elements put in, taken out or replaced, the others kept in their order.
fn list_changes<T: PartialEq>(old: &[T], new: &[T]) -> usize {
    let before = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[before..], &new[before..]);
    let after = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    (old.len() - after).max(new.len() - after)
}

/// The policy of a list without the last deny, to which the first permission on a port adds it.
fn policy_of(permissions: &[Permission], denies: &[Deny]) -> Policy {
    let intent = list_of(permissions.to_vec(), denies.to_vec());
    let mut policy = run(&intent).unwrap().deployment.policies[&Key::new("egress")].clone();
    let closing = policy.groups.pop().expect("a last group");
    assert_eq!(closing.name, Key::new("closing"));
    policy
}

proptest! {
    #[test]
    fn any_permutation_of_statements_gives_the_same_deployment(
        ((permissions, denies), shuffled) in statements().prop_flat_map(|(permissions, denies)| {
            (Just((permissions.clone(), denies)), Just(permissions).prop_shuffle())
        })
    ) {
        let straight = run(&list_of(permissions, denies.clone())).unwrap();
        let reversed = denies.into_iter().rev().collect();
        let mixed = run(&list_of(shuffled, reversed)).unwrap();
        prop_assert_eq!(straight.deployment, mixed.deployment);
        prop_assert_eq!(straight.excess, mixed.excess);
    }

    #[test]
    fn one_statement_more_or_less_is_one_element_of_one_group(
        ((permissions, denies), index) in (statements(), any::<prop::sample::Index>())
    ) {
        let with = policy_of(&permissions, &denies);
        let place = index.index(permissions.len() + denies.len());
        let (mut permissions, mut denies) = (permissions, denies);
        if place < permissions.len() {
            permissions.remove(place);
        } else {
            denies.remove(place - permissions.len());
        }
        let without = policy_of(&permissions, &denies);
        prop_assert_eq!(changes(&with, &without), (1, 1));
        prop_assert_eq!(changes(&without, &with), (1, 1));
    }

    #[test]
    fn an_edited_statement_is_one_element_of_one_group(
        ((permissions, denies), index) in (statements(), any::<prop::sample::Index>())
    ) {
        let old = policy_of(&permissions, &denies);
        let mut edited = permissions.clone();
        index.get_mut(&mut edited).sources = list::addresses("10.1.0.0/24");
        prop_assert_eq!(changes(&old, &policy_of(&edited, &denies)), (1, 1));
    }
}

#[test]
fn a_list_too_large_for_a_group_is_split_and_one_more_is_still_one_element() {
    let many = |count: usize| -> Vec<Permission> {
        let hosts: Vec<String> = (0..60).map(|n| format!("h{n}.some-long-name.example")).collect();
        (0..count).map(|n| allow(&format!("p{n:05}"), SYSTEM, &hosts.join(", "), "https")).collect()
    };
    let old = policy_of(&many(1_500), &[]);
    let groups: Vec<String> = old.groups.iter().map(|group| group.name.to_string()).collect();
    assert_eq!(groups, ["application", "application-01"]);
    assert_eq!(changes(&old, &policy_of(&many(1_501), &[])), (1, 1));
}

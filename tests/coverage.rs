//! What the statements of a list do to each other, against what the list says without them, and
//! what recorded flows need of them.
#![cfg(test)]

use exeat::azure::Deployment;
use exeat::compile::compile;
use exeat::evidence::Evidence;
use exeat::intent::Deny;
use exeat::intent::Intent;
use exeat::intent::Permission;
use exeat::intent::Requirement;
use exeat::intent::topology::Tier;
use exeat::prove::Coverage;
use exeat::prove::Stances;
use exeat::prove::coverage;
use exeat::prove::coverage::Statement;
use exeat::prove::stances;
use exeat::simulate::Assumptions;
use exeat::simulate::Simulator;
use jiff::civil::Date;
use jiff::civil::date;
use proptest::prelude::*;
use proptest::sample::select;

#[path = "support/list.rs"]
mod list;
#[path = "coverage/usage.rs"]
mod usage;

use list::APPS;
use list::allow;
use list::allow_by_address;
use list::deny;

/// More than any list of these tests needs.
const NODES: usize = 1_000_000;
const TODAY: Date = date(2090, 1, 1);
const SOON: Date = date(2090, 6, 30);
const LATER: Date = date(2091, 6, 30);

const SOURCES: &[&str] = &[APPS, "10.1.8.0/25", "10.1.8.128/25", "10.1.0.0/16"];
const DESTINATIONS: &[&str] = &[
    "www.example.com",
    "a.example.com, b.example.com",
    "*.example.com",
    "203.0.113.0/25",
    "203.0.113.128/25",
    "203.0.113.0/24",
    "tag Storage",
    "category News",
];
const SERVICES: &[&str] =
    &["https", "http", "https, http", "tcp/443", "tcp/400-500", "udp/123", "tcp/80"];

/// A list of the hub and spoke; what says nothing of networks leaves the deployment the same.
fn list_of(permissions: Vec<Permission>, denies: Vec<Deny>) -> Intent {
    Intent { permissions, denies, ..list::hub_and_spoke(Tier::Premium) }
}

fn with_deployment<R>(work: impl FnOnce(&Simulator<'_>) -> R) -> R {
    let empty = list_of(Vec::new(), Vec::new());
    let compiled = compile(&empty, &Deployment::default(), TODAY).expect("an empty list");
    work(&Simulator::new(&compiled.deployment).expect("a deployment as it is compiled"))
}

fn found(intent: &Intent) -> Coverage {
    with_deployment(|simulator| coverage((intent, TODAY), simulator, NODES).expect("sets"))
}

fn says(intent: &Intent, day: Date) -> Stances {
    let assumptions = Assumptions::default().in_proofs();
    with_deployment(|simulator| {
        stances((intent, day), simulator, &Evidence::default(), &assumptions, NODES).expect("sets")
    })
}

/// The list without some of its statements.
fn without(intent: &Intent, removed: &[Statement]) -> Intent {
    let mut left = intent.clone();
    let mut index = 0..;
    left.permissions.retain(|_| !removed.contains(&Statement::Permission(index.next().unwrap())));
    let mut index = 0..;
    left.denies.retain(|_| !removed.contains(&Statement::Deny(index.next().unwrap())));
    left
}

/// Every statement that is found to say nothing.
fn useless(found: &Coverage) -> Vec<Statement> {
    let covered = found.overruled.iter().chain(&found.redundant).map(|one| one.statement);
    covered.chain(found.idle.iter().map(|index| Statement::Deny(*index))).collect()
}

fn permission(last_days: &'static [Option<Date>]) -> impl Strategy<Value = Permission> {
    let with = (select(SOURCES), select(DESTINATIONS), select(SERVICES));
    (with, any::<(bool, bool)>(), select(last_days)).prop_map(
        |((from, to, with), (is_optional, by_address), expires)| {
            let make = if by_address { allow_by_address } else { allow };
            let requirement =
                if is_optional { Requirement::Optional } else { Requirement::Required };
            Permission { requirement, expires, ..make("p", from, to, with) }
        },
    )
}

fn denial(last_days: &'static [Option<Date>]) -> impl Strategy<Value = Deny> {
    let to = select([DESTINATIONS, &["any"]].concat());
    let with = select([SERVICES, &["any"]].concat());
    (select(SOURCES), to, with, select(last_days))
        .prop_map(|(from, to, with, expires)| Deny { expires, ..deny("d", from, to, with) })
}

fn lists(last_days: &'static [Option<Date>]) -> impl Strategy<Value = Intent> {
    let permissions = prop::collection::vec(permission(last_days), 1..7);
    let denies = prop::collection::vec(denial(last_days), 0..4);
    (permissions, denies).prop_map(|(permissions, denies)| list_of(permissions, denies))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn what_is_found_useless_can_go_all_together_and_nothing_more_can(
        intent in lists(&[None]),
    ) {
        let found = found(&intent);
        let useless = useless(&found);
        let said = says(&intent, TODAY);
        prop_assert_eq!(&said, &says(&without(&intent, &useless), TODAY), "without {:?}", useless);
        // A deny may be needed for nothing but a permission that it takes whole, or the part of one
        // that others do not permit.
        let overruled = found.overruled.iter().map(|one| one.statement);
        let overruled: Vec<Statement> = overruled.collect();
        let spare = |wanted: Statement| {
            let useless = useless.iter().copied().filter(|one| !overruled.contains(one));
            useless.filter(move |one| match wanted {
                Statement::Permission(_) => true,
                Statement::Deny(_) => matches!(one, Statement::Deny(_)),
            })
        };
        let permissions = (0..intent.permissions.len()).map(Statement::Permission);
        let denies = (0..intent.denies.len()).map(Statement::Deny);
        for one in permissions.chain(denies).filter(|one| !useless.contains(one)) {
            let left = without(&intent, &spare(one).chain([one]).collect::<Vec<_>>());
            prop_assert_ne!(&said, &says(&left, TODAY), "without {:?}", one);
        }
    }

    #[test]
    fn what_is_found_useless_stays_so_while_others_end(
        intent in lists(&[None, None, Some(SOON), Some(LATER)]),
    ) {
        let left = without(&intent, &useless(&found(&intent)));
        for day in [TODAY, SOON.tomorrow().unwrap(), LATER.tomorrow().unwrap()] {
            prop_assert_eq!(says(&intent, day), says(&left, day), "on {}", day);
        }
    }

    #[test]
    fn what_covers_a_statement_covers_it_alone(intent in lists(&[None])) {
        let found = found(&intent);
        for one in found.overruled.iter().chain(&found.redundant).filter(|one| one.more == 0) {
            let is_deny = |one: &Statement| matches!(one, Statement::Deny(_));
            let needed: Vec<Statement> = one.by.iter().copied().chain([one.statement]).collect();
            // What a deny takes is asked of all that is permitted, and what covers a permission of
            // all that is not denied.
            let others = (0..intent.permissions.len()).map(Statement::Permission);
            let others = others.chain((0..intent.denies.len()).map(Statement::Deny));
            let removed: Vec<Statement> = others
                .filter(|it| is_deny(it) == one.by.iter().any(is_deny) && !needed.contains(it))
                .collect();
            let alone = without(&intent, &removed);
            let at = |wanted: &Statement| match wanted {
                Statement::Permission(index) => {
                    let before = (0..*index).map(Statement::Permission);
                    Statement::Permission(before.filter(|it| !removed.contains(it)).count())
                }
                Statement::Deny(index) => {
                    let before = (0..*index).map(Statement::Deny);
                    Statement::Deny(before.filter(|it| !removed.contains(it)).count())
                }
            };
            let left = without(&alone, &[at(&one.statement)]);
            prop_assert_eq!(says(&alone, TODAY), says(&left, TODAY), "{:?} of {:?}", one, intent);
        }
    }
}

#[track_caller]
fn overruled(denies: Vec<Deny>, to: &str, with: &str, expected: &[usize]) {
    let intent = list_of(vec![allow("p", APPS, to, with)], denies);
    let by: Vec<Statement> = expected.iter().copied().map(Statement::Deny).collect();
    let found: Vec<Vec<Statement>> =
        found(&intent).overruled.into_iter().map(|one| one.by).collect();
    let expected = if expected.is_empty() { Vec::new() } else { vec![by] };
    assert_eq!(found, expected, "{to} : {with}");
}

#[test]
fn a_permission_that_a_deny_takes_whole_is_found() {
    let check = |to: &str, with: &str, denied: &str, services: &str, is_whole: bool| {
        let whole: &[usize] = if is_whole { &[0] } else { &[] };
        overruled(vec![deny("d", APPS, denied, services)], to, with, whole);
    };
    check("a.example.com", "https", "*.example.com", "https, http", true);
    check("a.example.com", "https, http", "*.example.com", "https", false);
    check("*.example.com", "https", "a.example.com", "https", false);
    check("a.example.com", "https", "any", "tcp/443", true);
    check("a.example.com", "https", "0.0.0.0/0", "tcp/443", true);
    check("a.example.com", "https", "203.0.113.0/24", "tcp/443", false);
    check("url a.example.com/x", "http", "url a.example.com/x", "http", true);
    check("a.example.com", "http", "url a.example.com/x", "http", false);
    check("203.0.113.7/32", "tcp/443", "203.0.113.0/24", "tcp/400-500", true);
    check("203.0.113.7/32", "tcp/443", "203.0.113.0/24", "any", true);
    check("203.0.112.0/23", "tcp/443", "203.0.113.0/24", "tcp/443", false);
    check("203.0.113.7/32", "udp/443", "203.0.113.0/24", "tcp/443", false);
    check("tag Storage", "tcp/443", "tag Storage", "tcp/443", true);
    // A regional tag lies in the global one.
    check("tag Storage.WestEurope", "tcp/443", "tag Storage", "tcp/443", true);
    check("tag Storage", "tcp/443", "tag Storage.WestEurope", "tcp/443", false);
    check("a.example.com", "udp/123", "any", "udp/123", true);
    check("category News", "https", "category News", "https", true);
}

#[test]
fn denies_that_take_a_permission_together_are_named_with_the_heaviest_first() {
    let denies = vec![
        deny("small", APPS, "203.0.113.0/26", "tcp/443"),
        deny("aside", APPS, "198.51.100.0/24", "tcp/443"),
        deny("large", APPS, "203.0.113.0/24", "tcp/400-442"),
        deny("rest", APPS, "203.0.113.0/24", "tcp/443-500"),
    ];
    overruled(denies, "203.0.113.0/24", "tcp/440-443", &[2, 3]);
}

#[test]
fn a_permission_is_not_covered_by_one_that_ends_before_it() {
    let ending = |permission: Permission, expires| Permission { expires, ..permission };
    let wide = allow("wide", APPS, "*.example.com", "https");
    let narrow = allow("narrow", APPS, "a.example.com", "https");
    let check = |wide_until, narrow_until, is_redundant: bool| {
        let permissions =
            vec![ending(wide.clone(), wide_until), ending(narrow.clone(), narrow_until)];
        let found = found(&list_of(permissions, Vec::new()));
        assert_eq!(!found.redundant.is_empty(), is_redundant, "{wide_until:?} {narrow_until:?}");
    };
    check(None, None, true);
    check(Some(SOON), None, false);
    check(Some(SOON), Some(LATER), false);
    check(Some(LATER), Some(SOON), true);
    check(Some(SOON), Some(SOON), true);
}

#[test]
fn a_requirement_is_not_covered_by_what_only_may_leave() {
    let wide = allow("wide", APPS, "*.example.com", "https");
    let wide = Permission { requirement: Requirement::Optional, ..wide };
    let narrow = allow("narrow", APPS, "a.example.com", "https");
    assert_eq!(found(&list_of(vec![wide, narrow], Vec::new())).redundant, []);
}

#[test]
fn a_permission_that_is_covered_but_for_what_is_denied_names_the_deny_too() {
    let permissions = vec![
        allow("low", APPS, "203.0.113.0/25", "tcp/443"),
        allow("all", APPS, "203.0.113.0/24", "tcp/443"),
    ];
    let denies = vec![deny("high", APPS, "203.0.113.128/25", "any")];
    let found = found(&list_of(permissions, denies));
    // Each of the two says what the other says, but for what is denied: the last one goes.
    let [one] = &found.redundant[..] else { panic!("{:?}", found.redundant) };
    assert_eq!(one.statement, Statement::Permission(1));
    assert_eq!((&one.by[..], one.denied_by), (&[Statement::Permission(0)][..], Some(0)));
}

#[test]
fn a_deny_that_takes_nothing_is_told_apart_from_one_that_others_take_over() {
    let permissions = vec![allow("web", APPS, "*.example.com", "https")];
    let denies = vec![
        deny("paste", APPS, "pastebin.com", "https"),
        deny("all", APPS, "*.b.example.com", "https"),
        deny("one", APPS, "a.b.example.com", "https"),
    ];
    let found = found(&list_of(permissions, denies));
    assert_eq!(found.idle, [0]);
    let [one] = &found.redundant[..] else { panic!("{:?}", found.redundant) };
    assert_eq!((one.statement, &one.by[..]), (Statement::Deny(2), &[Statement::Deny(1)][..]));
    let [part] = &found.partly[..] else { panic!("{:?}", found.partly) };
    assert_eq!((part.permission, &part.by[..]), (0, &[1][..]));
}

//! What `check` finds over the whole list.

use super::sandbox::OK;
use super::sandbox::Sandbox;

/// What `check -v` says of `ok.egress` with `text` behind it.
fn said_of(text: &str) -> String {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [OK, text].concat().as_bytes());
    sandbox.run(&["check", "-v", "--at", "2026-03-01", "a.egress"]).expect(0)
}

/// The finding with `words` in it.
#[track_caller]
fn finding<'s>(said: &'s str, words: &str) -> &'s str {
    let mut findings = said.split("\n\n");
    findings.find(|one| one.contains(words)).unwrap_or_else(|| panic!("no {words:?} in\n{said}"))
}

#[test]
fn each_part_that_is_denied_is_told_with_the_tag_that_it_is_of() {
    let said = said_of(
        "allow data: apps -> tag Storage, tag Sql : tcp/5671  because \"data\"\n\
         deny block: any -> 203.0.113.0/24 : tcp/5671  because \"not there\"\n",
    );
    let found = finding(&said, "N0403");
    let mut denied: Vec<&str> =
        found.lines().filter_map(|line| line.split_once("denied: ")).map(|(_, it)| it).collect();
    denied.sort_unstable();
    assert_eq!(
        denied,
        [
            "apps 10.1.8.0/24 -> 203.0.113.0/24 : tcp/5671, if the destination is in service tag `Sql`",
            "apps 10.1.8.0/24 -> 203.0.113.0/24 : tcp/5671, if the destination is in service tag `Storage`",
        ],
        "{found}"
    );
}

#[test]
fn a_deny_that_ends_before_the_permission_is_told_with_its_end() {
    let said = said_of(
        "allow api: apps -> *.example.org : https  because \"an API\"\n\
         deny old: any -> old.example.org : https  because \"moved\"  expires 2026-06-30\n\
         deny bad: any -> bad.example.org : https  because \"never\"\n",
    );
    let found = finding(&said, "N0403");
    assert!(found.contains("`api` is denied in part"), "{found}");
    assert_eq!(found.matches(", until 2026-06-30").count(), 1, "{found}");
}

#[test]
fn a_permission_that_is_denied_whole_for_now_is_not_said_to_permit_a_part() {
    let said = said_of(
        "allow api: apps -> api.example.org : https  because \"an API\"\n\
         deny break: any -> *.example.org : https  because \"a pause\"  expires 2026-06-30\n",
    );
    let found = finding(&said, "N0403");
    assert!(found.contains("`api` is denied whole for now, by `break`"), "{found}");
    assert!(found.contains("whatever the order, until 2026-06-30"), "{found}");
    assert!(!said.contains("W0405"), "{said}");
}

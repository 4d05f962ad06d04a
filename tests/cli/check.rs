//! What `check` finds over the whole list.

use std::fs;

use super::expected::check_kept;
use super::sandbox::OK;
use super::sandbox::Sandbox;
use super::sandbox::trips;

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
fn a_part_that_is_denied_is_not_told_by_tags_of_other_statements() {
    let said = said_of(
        "allow west: apps -> tag Storage.WestEurope : tcp/5672  because \"of a region\"\n\
         allow data: apps -> tag Storage : tcp/5671  because \"data\"\n\
         allow all: apps -> internet : tcp/9093  because \"a broker\"\n\
         deny block: any -> 203.0.113.0/24 : tcp/9093  because \"not there\"\n",
    );
    let found = finding(&said, "N0403");
    let denied: Vec<&str> =
        found.lines().filter_map(|line| line.split_once("denied: ")).map(|(_, it)| it).collect();
    assert_eq!(denied, ["apps 10.1.8.0/24 -> 203.0.113.0/24 : tcp/9093"], "{found}");
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

const ON_MONDAY: [&str; 4] = ["check", "--at", "2026-03-02", "--capture"];
const MONDAY: &str = "trips/monday.pcapng";

#[test]
fn captures_tell_what_of_a_list_is_used() {
    let sandbox = Sandbox::with_trips();
    let args = [&ON_MONDAY[..], &[MONDAY, "trips/trips.egress", "--format", "json"]].concat();
    let report: serde_json::Value =
        serde_json::from_str(&sandbox.run(&args).expect(0)).expect("a report");
    let findings = report["findings"].as_array().expect("findings").iter();
    let of_captures: Vec<&serde_json::Value> = findings
        .filter(|found| ["N0404", "N0405"].iter().any(|code| found["code"] == *code))
        .collect();
    let of_captures =
        serde_json::json!({ "captures": report["captures"], "findings": of_captures });
    check_kept("check/monday.json", of_captures.to_string());
    let said = sandbox.run(&[&ON_MONDAY[..], &[MONDAY, "trips/trips.egress"]].concat()).expect(0);
    assert!(said.contains("note[N0404]: `user-events` was used by none of"), "{said}");
    assert!(!said.contains("N0403") && !said.contains("taken where"), "{said}");
    let args = [&ON_MONDAY[..], &[MONDAY, "-q", "trips/trips.egress"]].concat();
    assert!(!sandbox.run(&args).expect(0).contains("N0404"));
    // No service tags are given, so that it is not known whether the bus is used on Friday.
    let both =
        [&ON_MONDAY[..], &[MONDAY, "--capture", "trips/friday.pcapng", "trips/trips.egress"]];
    let said = sandbox.run(&both.concat()).expect(0);
    assert!(!said.contains("N0404"), "{said}");
    assert!(said.contains("`user-events` was used in 1 recorded flow at most"), "{said}");
    assert!(said.contains("seen: 1 address of `ServiceBus.WestEurope`: 192.0.2.71"), "{said}");
}

#[test]
fn what_two_permissions_mean_is_used_of_both_for_certain() {
    let sandbox = Sandbox::with_trips();
    let list = fs::read_to_string(trips().join("trips.egress")).expect("a list");
    let more = "allow one: apps -> *.example.com : https        because \"maps\"\n\
                allow two: apps -> *.example.com : https, http  because \"the same again\"\n";
    sandbox.write("trips/b.egress", [&list, more].concat().as_bytes());
    let args = [&ON_MONDAY[..], &[MONDAY, "trips/b.egress"]].concat();
    let said = sandbox.run(&args).expect(0);
    for label in ["one", "two"] {
        let headline = format!("`{label}` was used more narrowly than it permits, in ");
        assert!(said.contains(&headline), "{said}");
    }
}

#[test]
fn a_capture_from_elsewhere_tells_nothing_and_that_is_told() {
    let sandbox = Sandbox::with_trips();
    sandbox.write("a.egress", OK.replace("10.1.8.0/24", "10.1.9.0/24").as_bytes());
    let run = sandbox.run(&[&ON_MONDAY[..], &[MONDAY, "a.egress"]].concat());
    assert!(run.err.contains("no recorded flow comes from a source of `a.egress`"), "{}", run.err);
    assert!(!run.expect(0).contains("N0404"));
}

#[test]
fn a_capture_that_is_cut_is_a_warning_and_one_that_is_none_an_error() {
    let sandbox = Sandbox::new();
    let bytes = fs::read(trips().join("monday.pcapng")).expect("a capture");
    sandbox.write("cut.pcapng", &bytes[..bytes.len() - 7]);
    let run = sandbox.run(&[&ON_MONDAY[..], &["cut.pcapng", "ok.egress"]].concat());
    assert!(run.err.contains("warning: `cut.pcapng`: cut at byte"), "{}", run.err);
    run.expect(0);
    let run = sandbox.run(&[&ON_MONDAY[..], &["ok.egress", "ok.egress"]].concat());
    assert!(run.err.contains("`ok.egress`"), "{}", run.err);
    run.expect(2);
}

/// What was recorded elsewhere, or before the network got other addresses, is used as sent from there.
#[test]
fn the_flows_of_captures_are_taken_as_coming_from_the_subnet_that_is_named() {
    let sandbox = Sandbox::with_trips();
    let list = OK.replace("10.1.8.0/24", "10.1.9.0/24");
    let images = "allow images: apps -> acrtrips.azurecr.io : https  because \"images\"\n";
    sandbox.write("a.egress", [&list, images].concat().as_bytes());
    let check =
        |more: &[&str]| sandbox.run(&[&ON_MONDAY[..], &[MONDAY, "a.egress"], more].concat());
    assert!(!check(&[]).expect(0).contains("N0404"));
    let run = check(&["--from", "apps"]);
    assert!(!run.err.contains("no recorded flow comes from"), "{}", run.err);
    let said = run.expect(0);
    assert!(said.contains("note[N0404]: `web` was used by none of"), "{said}");
    assert!(!said.contains("`images` was used by none"), "{said}");
}

#[test]
fn a_subnet_that_flows_are_to_come_from_is_one_of_the_list_and_goes_with_captures() {
    let sandbox = Sandbox::with_trips();
    let run = sandbox.run(&[&ON_MONDAY[..], &[MONDAY, "ok.egress", "--from", "nowhere"]].concat());
    let says = "`--from nowhere`: expected a subnet of `ok.egress` with an address for a machine";
    assert!(run.err.contains(says), "{}", run.err);
    run.expect(2);
    let run = sandbox.run(&["check", "ok.egress", "--from", "apps"]);
    assert!(run.err.contains("--capture <FILE>"), "{}", run.err);
    run.expect(2);
}

/// An expired permission lets nothing through, however wide it is.
#[test]
fn how_wide_a_permission_is_matters_only_while_it_is_active() {
    let sandbox = Sandbox::new();
    let wide = "allow feeds: apps -> internet : tcp/1024-65535  because \"x\"  expires 2030-06-30\n\
                allow images: apps -> *.blob.core.windows.net : https  because \"x\"  expires 2030-06-30\n";
    sandbox.write("a.egress", [OK, wide].concat().as_bytes());
    let said = |at: &str| sandbox.run(&["check", "a.egress", "--at", at]).expect(0);
    let active = said("2030-06-30");
    assert!(active.contains("W0304") && active.contains("W0305"), "{active}");
    let expired = said("2030-07-01");
    assert_eq!(expired.matches("W0205").count(), 2, "{expired}");
    assert!(!expired.contains("W0304") && !expired.contains("W0305"), "{expired}");
}

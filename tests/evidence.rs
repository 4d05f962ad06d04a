//! What evidence says: the time line, the real file of service tags, and a live DNS server.
#![cfg(test)]

#[cfg(feature = "live-dns")]
#[path = "support/dns_server.rs"]
mod dns_server;
#[cfg(feature = "live-dns")]
#[path = "evidence/live.rs"]
mod live;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io;
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;

use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsAside;
use exeat::evidence::DnsRecord;
use exeat::evidence::DnsTimeline;
use exeat::evidence::Evidence;
use exeat::evidence::Exchanges;
use exeat::evidence::Fact;
use exeat::evidence::Lock;
use exeat::evidence::RecordType;
use exeat::evidence::ResponseCode;
use exeat::evidence::ServiceTags;
use exeat::evidence::Solicited;
use exeat::evidence::azure_cloud::region_suffix;
use exeat::evidence::lock::ContentHash;
use exeat::evidence::lock::LockedImport;
use exeat::evidence::lock::LockedName;
use exeat::evidence::timeline::CLIENT_GRACE;
use exeat::evidence::timeline::CLIENT_USE;
use exeat::evidence::timeline::Failure;
use exeat::evidence::timeline::NameRole;
use exeat::evidence::timeline::Resolution;
use exeat::flow::Atom;
use exeat::flow::Fqdn;
use jiff::SignedDuration;
use jiff::Timestamp;
use proptest::prelude::*;

const CLIENT: &str = "10.1.0.4";
const FIREWALL: &str = "10.9.0.4";
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn name(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap()
}

/// `seconds` after the first second of 2096.
fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(3_976_214_400 + seconds).unwrap()
}

/// An answer of the firewall to the client for IPv4 addresses; each record is `owner ttl target`,
/// where the target is an address or, for an alias, a name.
fn answer(seconds: i64, question: &str, records: &[&str]) -> DnsAnswer {
    let records = records.iter().map(|text| {
        let [owner, ttl, target] = text.split(' ').collect::<Vec<_>>()[..] else {
            panic!("`{text}` is no record");
        };
        let (owner, ttl) = (name(owner), ttl.parse().unwrap());
        match target.parse() {
            Ok(address) => DnsRecord::Address { owner, address, ttl },
            Err(_) => DnsRecord::Alias { owner, target: name(target), ttl },
        }
    });
    DnsAnswer {
        at: time(seconds),
        client: ip(CLIENT),
        server: ip(FIREWALL),
        solicited: Solicited::Unsaid,
        question: name(question),
        asked: RecordType::A,
        code: ResponseCode::NO_ERROR,
        records: records.collect(),
    }
}

fn failure(seconds: i64, question: &str, code: ResponseCode) -> DnsAnswer {
    DnsAnswer { code, ..answer(seconds, question, &[]) }
}

fn timeline(answers: &[DnsAnswer]) -> DnsTimeline {
    let mut timeline = DnsTimeline::default();
    for answer in answers {
        timeline.add(answer);
    }
    timeline
}

/// The addresses that the client holds for `of`: `?` where no answer says.
#[track_caller]
fn check_client(timeline: &DnsTimeline, of: &str, seconds: i64, expected: &str) {
    let held = match timeline.addresses(ip(CLIENT), &name(of), time(seconds)) {
        Some(addresses) => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        None => "?".to_owned(),
    };
    assert_eq!(held, expected, "{of} after {seconds} s");
}

#[track_caller]
fn check_names(timeline: &DnsTimeline, address: &str, seconds: i64, expected: &str) {
    let names = match timeline.names(ip(CLIENT), ip(address), time(seconds)) {
        Some(names) => names
            .iter()
            .map(|held| match held.role {
                NameRole::Asked => held.name.to_string(),
                NameRole::Alias => format!("({})", held.name),
            })
            .collect::<Vec<String>>()
            .join(" "),
        None => "?".to_owned(),
    };
    assert_eq!(names, expected, "{address} after {seconds} s");
}

#[track_caller]
fn check_firewall(timeline: &DnsTimeline, of: &str, address: &str, seconds: i64, expected: Fact) {
    let fact = timeline.firewall_holds(ip(FIREWALL), &name(of), ip(address), time(seconds));
    assert_eq!(fact, expected, "{address} for {of} after {seconds} s");
}

#[track_caller]
fn check_resolution(timeline: &DnsTimeline, of: &str, seconds: i64, expected: Resolution) {
    let resolution = timeline.resolution(ip(FIREWALL), &name(of), time(seconds));
    assert_eq!(resolution, expected, "{of} after {seconds} s");
}

#[test]
fn a_client_holds_an_answer_from_its_time_to_an_hour_after_its_ttl() {
    let seen = timeline(&[answer(0, "a.test", &["a.test 300 192.0.2.1", "a.test 300 192.0.2.2"])]);
    check_client(&seen, "a.test", -1, "?");
    check_client(&seen, "a.test", 0, "192.0.2.1 192.0.2.2");
    check_client(&seen, "a.test", 300 + HOUR, "192.0.2.1 192.0.2.2");
    check_client(&seen, "a.test", 301 + HOUR, "?");
    check_client(&seen, "b.test", 0, "?");
    assert_eq!(seen.addresses(ip("10.1.0.5"), &name("a.test"), time(0)), None);
}

#[test]
fn a_newer_answer_replaces_one_whose_ttl_is_over() {
    let seen = timeline(&[
        answer(0, "a.test", &["a.test 60 192.0.2.1"]),
        answer(40, "a.test", &["a.test 5 192.0.2.2"]),
    ]);
    check_client(&seen, "a.test", 39, "192.0.2.1");
    check_client(&seen, "a.test", 60, "192.0.2.1 192.0.2.2");
    check_client(&seen, "a.test", 61, "192.0.2.2");
}

#[test]
fn an_answer_is_used_for_a_while_even_with_a_ttl_of_nothing() {
    let seen = timeline(&[
        answer(0, "a.test", &["a.test 0 192.0.2.1"]),
        answer(1, "a.test", &["a.test 0 192.0.2.2"]),
    ]);
    check_client(&seen, "a.test", 30, "192.0.2.1 192.0.2.2");
    check_client(&seen, "a.test", 31, "192.0.2.2");
}

#[test]
fn an_answer_about_one_family_leaves_the_other_alone() {
    let v6 = |answer| DnsAnswer { asked: RecordType::Aaaa, ..answer };
    let seen = timeline(&[
        answer(0, "a.test", &["a.test 60 192.0.2.1"]),
        v6(answer(1, "a.test", &["a.test 60 2001:db8::1"])),
        v6(answer(100, "a.test", &[])),
    ]);
    check_client(&seen, "a.test", 1, "192.0.2.1 2001:db8::1");
    check_client(&seen, "a.test", 100, "192.0.2.1");
    check_resolution(&seen, "a.test", 100, Resolution::Resolves);
    check_firewall(&seen, "a.test", "192.0.2.2", 100, Fact::False);

    let seen = timeline(&[v6(answer(0, "a.test", &[]))]);
    check_resolution(&seen, "a.test", 0, Resolution::Unknown);
    check_firewall(&seen, "a.test", "192.0.2.1", 0, Fact::Unknown);
    check_firewall(&seen, "a.test", "2001:db8::1", 0, Fact::False);
}

#[test]
fn a_name_that_is_gone_has_no_addresses_and_a_failed_server_changes_nothing() {
    let seen = timeline(&[
        answer(0, "a.test", &["a.test 60 192.0.2.1"]),
        failure(100, "a.test", ResponseCode::SERVER_FAILURE),
        failure(200, "a.test", ResponseCode::NAME_ERROR),
    ]);
    check_client(&seen, "a.test", 199, "192.0.2.1");
    check_client(&seen, "a.test", 200, "");
    check_client(&seen, "a.test", 231 + HOUR, "?");
}

#[test]
fn addresses_in_an_error_or_of_the_other_family_are_not_believed() {
    let mut error = failure(0, "a.test", ResponseCode::SERVER_FAILURE);
    error.records = answer(0, "a.test", &["a.test 60 192.0.2.1"]).records;
    let seen = timeline(&[error, answer(0, "b.test", &["b.test 60 2001:db8::1"])]);
    check_names(&seen, "192.0.2.1", 0, "");
    check_firewall(&seen, "a.test", "192.0.2.1", 0, Fact::Unknown);
    check_client(&seen, "b.test", 0, "");
}

#[test]
fn an_address_stands_for_the_name_asked_for_and_for_the_aliases_on_the_way() {
    let seen = timeline(&[
        answer(
            0,
            "www.test",
            &["www.test 300 edge.test", "edge.test 300 node.test", "node.test 20 192.0.2.1"],
        ),
        answer(10, "shop.test", &["shop.test 300 edge.test", "edge.test 9 192.0.2.1"]),
        answer(20, "node.test", &["node.test 9 192.0.2.7"]),
    ]);
    check_names(&seen, "192.0.2.1", 5, "www.test (edge.test) (node.test)");
    check_names(&seen, "192.0.2.1", 15, "shop.test (edge.test) www.test (node.test)");
    check_names(&seen, "192.0.2.7", 25, "node.test");
    check_names(&seen, "192.0.2.9", 5, "");
    check_client(&seen, "edge.test", 5, "192.0.2.1");
}

#[test]
fn a_name_both_asked_for_and_an_alias_counts_as_asked_for() {
    let seen = timeline(&[
        answer(0, "edge.test", &["edge.test 60 192.0.2.1"]),
        answer(5, "www.test", &["www.test 60 edge.test", "edge.test 60 192.0.2.1"]),
    ]);
    check_names(&seen, "192.0.2.1", 10, "www.test edge.test");
}

#[test]
fn the_firewall_holds_what_its_proxy_answered_for_the_ttl_and_fifteen_minutes() {
    let mut elsewhere = answer(0, "b.test", &["b.test 60 192.0.2.1"]);
    elsewhere.server = ip("168.63.129.16");
    let seen = timeline(&[answer(0, "a.test", &["a.test 60 192.0.2.1"]), elsewhere]);
    check_firewall(&seen, "a.test", "192.0.2.1", -1, Fact::Unknown);
    check_firewall(&seen, "a.test", "192.0.2.1", 60 + 15 * MINUTE, Fact::True);
    check_firewall(&seen, "a.test", "192.0.2.2", 60 + 15 * MINUTE, Fact::False);
    check_firewall(&seen, "a.test", "192.0.2.1", 61 + 15 * MINUTE, Fact::Unknown);
    check_firewall(&seen, "b.test", "192.0.2.1", 0, Fact::Unknown);
}

#[test]
fn the_firewall_keeps_addresses_that_newer_answers_lack() {
    let seen = timeline(&[
        answer(0, "a.test", &["a.test 60 192.0.2.1"]),
        answer(70, "a.test", &["a.test 60 192.0.2.2"]),
        failure(130, "a.test", ResponseCode::NAME_ERROR),
    ]);
    check_firewall(&seen, "a.test", "192.0.2.1", 131, Fact::True);
    check_firewall(&seen, "a.test", "192.0.2.1", 61 + 15 * MINUTE, Fact::False);
}

#[test]
fn the_newest_answer_of_a_server_shows_whether_it_can_resolve() {
    let seen = timeline(&[
        answer(0, "a.test", &["a.test 60 192.0.2.1"]),
        failure(100, "a.test", ResponseCode::SERVER_FAILURE),
        failure(200, "a.test", ResponseCode::NAME_ERROR),
        answer(300, "a.test", &[]),
    ]);
    let code = |code| Resolution::Fails(Failure::Code(code));
    check_resolution(&seen, "a.test", -1, Resolution::Unknown);
    check_resolution(&seen, "a.test", 99, Resolution::Resolves);
    check_resolution(&seen, "a.test", 100, code(ResponseCode::SERVER_FAILURE));
    check_resolution(&seen, "a.test", 200, code(ResponseCode::NAME_ERROR));
    check_resolution(&seen, "a.test", 300, Resolution::Fails(Failure::NoAddress));
    check_resolution(&seen, "a.test", 301 + 15 * MINUTE, Resolution::Unknown);
}

#[test]
fn a_full_time_line_counts_what_it_drops_and_says_nothing_that_those_answers_may_undo() {
    let mut seen = DnsTimeline::with_limit(1);
    seen.add(&answer(0, "a.test", &["a.test 60 192.0.2.1"]));
    seen.add(&answer(20, "a.test", &["a.test 60 192.0.2.2"]));
    seen.add(&failure(10, "a.test", ResponseCode::NAME_ERROR));
    assert_eq!((seen.dropped(), seen.whole_until()), (2, Some(time(10))));
    check_firewall(&seen, "a.test", "192.0.2.2", 9, Fact::False);
    check_firewall(&seen, "a.test", "192.0.2.2", 10, Fact::Unknown);
    check_firewall(&seen, "a.test", "192.0.2.1", 10, Fact::True);
    check_resolution(&seen, "a.test", 9, Resolution::Resolves);
    check_resolution(&seen, "a.test", 10, Resolution::Unknown);
    check_client(&seen, "a.test", 9, "192.0.2.1");
    check_client(&seen, "a.test", 10, "?");
    check_names(&seen, "192.0.2.1", 9, "a.test");
    check_names(&seen, "192.0.2.1", 10, "?");
}

#[test]
fn an_address_with_more_names_than_are_kept_may_have_any_from_the_first_of_those_on() {
    let mut seen = DnsTimeline::default();
    for number in 0..256 {
        seen.add(&answer(
            number,
            &format!("n{number}.test"),
            &[&format!("n{number}.test 600 192.0.2.1")],
        ));
    }
    let number = |seen: &DnsTimeline, seconds: i64| {
        seen.names(ip(CLIENT), ip("192.0.2.1"), time(seconds)).map(|names| names.len())
    };
    assert_eq!(number(&seen, 300), Some(256));
    seen.add(&answer(299, "last.test", &["last.test 600 192.0.2.1"]));
    assert_eq!(number(&seen, 298), Some(256));
    check_names(&seen, "192.0.2.1", 299, "?");
    check_client(&seen, "last.test", 299, "192.0.2.1");
    assert_eq!(seen.dropped(), 0);
}

/// Each flow to an address that many names had, which were asked for ever since, would take long.
#[test]
fn an_address_with_too_many_answers_about_its_names_may_have_any() {
    for (names, expected) in [(8, Some(8)), (9, None)] {
        let mut seen = DnsTimeline::default();
        for number in 0..names {
            let owner = format!("n{number}.test");
            let tell = |seconds: i64, address: &str| {
                answer(seconds, &owner, &[&format!("{owner} 3600 {address}")])
            };
            seen.add(&tell(0, "192.0.2.1"));
            (1..500).for_each(|seconds| seen.add(&tell(seconds, "192.0.2.2")));
        }
        let found = seen.names(ip(CLIENT), ip("192.0.2.1"), time(500));
        assert_eq!(found.map(|found| found.len()), expected);
        let newest = seen.names(ip(CLIENT), ip("192.0.2.2"), time(500));
        assert_eq!(newest.map(|found| found.len()), Some(names));
    }
}

#[test]
fn more_answers_at_one_instant_than_are_kept_count_as_dropped() {
    let mut seen = DnsTimeline::default();
    for number in 0..64 {
        seen.add(&answer(0, "a.test", &[&format!("a.test {number} 192.0.2.1")]));
    }
    assert_eq!(seen.dropped(), 0);
    seen.add(&answer(0, "a.test", &["a.test 64 192.0.2.1"]));
    assert_eq!((seen.dropped(), seen.whole_until()), (1, Some(time(0))));
    check_client(&seen, "a.test", 0, "?");
}

#[test]
fn a_client_that_goes_elsewhere_was_told_its_newest_answer() {
    let seen = timeline(&[
        answer(0, "a.test", &["a.test 300 192.0.2.1"]),
        answer(400, "a.test", &["a.test 300 192.0.2.2", "a.test 300 192.0.2.3"]),
    ]);
    let told = |address: &str, seconds: i64| {
        seen.told_instead(ip(CLIENT), &name("a.test"), ip(address), time(seconds)).map(|told| {
            let addresses: Vec<String> = told.addresses.iter().map(ToString::to_string).collect();
            (told.at, told.server, told.code, addresses.join(" "))
        })
    };
    let (no_error, firewall) = (ResponseCode::NO_ERROR, ip(FIREWALL));
    let first = (time(0), firewall, no_error, "192.0.2.1".to_owned());
    let second = (time(400), firewall, no_error, "192.0.2.2 192.0.2.3".to_owned());
    assert_eq!(told("192.0.2.9", 0), Some(first));
    assert_eq!(told("192.0.2.9", 400), Some(second));
    assert_eq!(told("192.0.2.9", -1), None);
    assert_eq!(told("192.0.2.9", 701 + HOUR), None);
    // Any answer that holds the address, at any time, is one.
    for address in ["192.0.2.1", "192.0.2.2"] {
        assert_eq!(told(address, 0), None);
        assert_eq!(told(address, 500 + HOUR), None);
        assert!(seen.has_told(ip(CLIENT), ip(address)));
        assert!(seen.has_told_of(ip(CLIENT), &name("a.test"), ip(address)));
    }
    assert!(!seen.has_told_of(ip(CLIENT), &name("b.test"), ip("192.0.2.1")));
    assert!(!seen.has_told(ip(FIREWALL), ip("192.0.2.1")));
    assert!(seen.has_answered(ip(FIREWALL)) && !seen.has_answered(ip(CLIENT)));
}

/// A capture that cut packets short, or a server that had more to say than a datagram holds.
#[test]
fn an_answer_that_was_cut_says_nothing_of_what_it_lacks() {
    let cut = |seconds, records: &[&str]| {
        let mut cut = answer(seconds, "a.test", records);
        cut.records.push(DnsRecord::Lost);
        cut
    };
    let seen = timeline(&[
        answer(0, "a.test", &["a.test 60 192.0.2.1"]),
        cut(100, &["a.test 60 192.0.2.2"]),
    ]);
    check_client(&seen, "a.test", 99, "192.0.2.1");
    check_client(&seen, "a.test", 100, "?");
    // What is left of it was told.
    check_names(&seen, "192.0.2.2", 100, "a.test");
    check_firewall(&seen, "a.test", "192.0.2.3", 99, Fact::False);
    check_firewall(&seen, "a.test", "192.0.2.2", 100, Fact::True);
    check_firewall(&seen, "a.test", "192.0.2.3", 100, Fact::Unknown);
    check_resolution(&seen, "a.test", 100, Resolution::Resolves);
    check_resolution(&timeline(&[cut(0, &[])]), "a.test", 0, Resolution::Unknown);
    // The client asks again over TCP.
    let seen = timeline(&[cut(0, &[]), answer(1, "a.test", &["a.test 60 192.0.2.1"])]);
    check_client(&seen, "a.test", 0, "?");
    check_client(&seen, "a.test", 1, "192.0.2.1");
}

#[test]
fn answers_are_recorded_since_the_first_if_all_of_them_are() {
    let since = |answers: &[DnsAnswer], seconds: i64| {
        timeline(answers).recorded_since(ip(CLIENT), time(seconds))
    };
    let early = answer(-MINUTE, "a.test", &["a.test 300 192.0.2.1"]);
    let late = failure(MINUTE, "b.test", ResponseCode::SERVER_FAILURE);
    assert_eq!(since(&[late.clone(), early.clone()], 0), Some(time(-MINUTE)));
    assert_eq!(since(std::slice::from_ref(&late), 0), None);
    assert_eq!(since(std::slice::from_ref(&late), MINUTE), Some(time(MINUTE)));
    let mut cut = late.clone();
    cut.records.push(DnsRecord::Lost);
    assert_eq!(since(&[early.clone(), cut], 0), None);
    // A log that remembers a name does not say who gave the answer.
    let remembered = DnsAnswer { server: ip("0.0.0.0"), ..early.clone() };
    assert_eq!(since(&[remembered], 0), None);
    let mut full = DnsTimeline::with_limit(2);
    full.add(&early);
    full.add(&late);
    assert_eq!(full.recorded_since(ip(CLIENT), time(0)), Some(time(-MINUTE)));
    assert_eq!(full.recorded_since(ip(CLIENT), time(MINUTE)), None);
}

#[test]
fn the_lock_is_believed_before_the_time_line() {
    let atom = |address| Atom::FirewallAnswer { name: name("a.test"), address: ip(address) };
    let resolvable = Atom::Resolvable { name: name("a.test") };
    let proxy = Some(ip(FIREWALL));
    let mut evidence = Evidence {
        timeline: timeline(&[answer(0, "a.test", &["a.test 60 192.0.2.1"])]),
        ..Evidence::default()
    };
    assert_eq!(evidence.fact(&atom("192.0.2.1"), proxy, time(0)), Fact::True);
    assert_eq!(evidence.fact(&atom("192.0.2.1"), None, time(0)), Fact::Unknown);
    assert_eq!(evidence.fact(&resolvable, proxy, time(0)), Fact::True);
    assert_eq!(evidence.fact(&resolvable, None, time(0)), Fact::Unknown);

    let mut lock = Lock::default();
    lock.insert_name(LockedName {
        name: name("a.test"),
        addresses: [ip("192.0.2.9")].into(),
        ttl: 60,
        aliases: Vec::new(),
        server: "10.0.0.4:53".to_owned(),
        at: time(-HOUR),
    });
    evidence.lock = Some(lock);
    assert_eq!(evidence.fact(&atom("192.0.2.1"), proxy, time(0)), Fact::False);
    assert_eq!(evidence.fact(&atom("192.0.2.9"), None, time(0)), Fact::True);
    assert_eq!(evidence.fact(&resolvable, None, time(0)), Fact::True);
}

/// A file of the shared test data, or `None` with a line that says so where there are none. Where
/// `CI` is `true` they have to be there.
#[expect(clippy::disallowed_methods, reason = "a test finds its data through the environment")]
fn shared(file: &str) -> Option<Vec<u8>> {
    let folder = env::var_os("EXEAT_SHARED").map_or_else(|| PathBuf::from("../shared"), Into::into);
    let path = folder.join(file);
    match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let line = format!("{}: {error}; set EXEAT_SHARED", path.display());
            assert_ne!(env::var("CI").as_deref(), Ok("true"), "{line}");
            // Not `eprintln!`, which the test harness hides.
            writeln!(io::stderr(), "skipped: {line}").expect("standard error is open");
            None
        }
    }
}

#[test]
fn the_published_service_tags_say_what_azure_nsg_2_says() {
    let Some(bytes) = shared("data/servicetags/ServiceTags_Public_20250127.json.gz") else {
        return;
    };
    let tags = ServiceTags::read(&bytes).unwrap();
    assert_eq!((tags.cloud(), tags.change_number()), ("Public", 343));
    assert_eq!(tags.tags().count(), 2647);
    assert_eq!(tags.tags().filter(|tag| !tag.name.contains('.')).count(), 94);
    assert_eq!(tags.contains("storage.WESTEUROPE", ip("13.95.96.177")), Fact::True);
    assert_eq!(tags.contains("storage.westeurope", ip("192.0.2.1")), Fact::False);
    assert_eq!(tags.contains("AzureKubernetesService", ip("192.0.2.1")), Fact::Unknown);
    for location in ["francecentral", "norwayeast", "brazilsoutheast", "westeurope"] {
        let tag = format!("AzureCloud.{}", region_suffix(location));
        assert!(tags.tag(&tag).is_some_and(|tag| tag.region.is_some()), "{tag}");
        let storage = tags.tag(&format!("Storage.{location}")).unwrap();
        assert_eq!(tags.global(storage).unwrap().name, "Storage");
    }
}

const NAMES: &[&str] = &["a.test", "b.test", "c.test"];

/// Answers over few names, addresses and times, so that they meet.
fn some_answer() -> impl Strategy<Value = DnsAnswer> {
    let record =
        (prop::sample::select(NAMES), 0..90_u32, 0..6_usize).prop_map(|(owner, ttl, target)| {
            match NAMES.get(target) {
                Some(target) => format!("{owner} {ttl} {target}"),
                None => format!("{owner} {ttl} 192.0.2.{target}"),
            }
        });
    let records = prop::collection::vec(record, 0..5);
    (0..2000_i64, prop::sample::select(NAMES), records, 0..5_u16).prop_map(
        |(at, question, records, code)| {
            let records: Vec<&str> = records.iter().map(String::as_str).collect();
            let asked = if code == 4 { RecordType::Aaaa } else { RecordType::A };
            let code = ResponseCode(if code < 2 { 0 } else { code % 4 });
            DnsAnswer { asked, code, ..answer(at, question, &records) }
        },
    )
}

fn answers_and_a_shuffle() -> impl Strategy<Value = (Vec<DnsAnswer>, Vec<DnsAnswer>)> {
    prop::collection::vec(some_answer(), 0..20)
        .prop_flat_map(|answers| (Just(answers.clone()), Just(answers).prop_shuffle()))
}

fn some_locked_name() -> impl Strategy<Value = LockedName> {
    let addresses = prop::collection::btree_set(any::<IpAddr>(), 0..4);
    let aliases = prop::collection::vec(prop::sample::select(NAMES), 0..3);
    ("[a-z0-9]{1,3}", addresses, any::<u32>(), aliases, any::<String>(), any::<u32>()).prop_map(
        |(label, addresses, ttl, aliases, server, nanosecond)| LockedName {
            name: name(&format!("{label}.test")),
            addresses,
            ttl,
            aliases: aliases.into_iter().map(name).collect(),
            server,
            at: time(0) + SignedDuration::from_nanos(nanosecond.into()),
        },
    )
}

proptest! {
    #[test]
    fn a_lock_is_read_back_as_it_was_written(
        names in prop::collection::vec(some_locked_name(), 0..5),
        imports in prop::collection::vec(any::<(String, Option<String>)>(), 0..3),
    ) {
        let mut lock = Lock::default();
        for locked in names {
            lock.insert_name(locked);
        }
        for (import, version) in imports {
            let sha256 = ContentHash::of(import.as_bytes());
            lock.insert_import(LockedImport { import, version, sha256 });
        }
        prop_assert_eq!(Lock::read(&lock.write()), Ok(lock));
    }

    #[test]
    fn answers_told_to_one_client_are_those_with_that_client(
        answers in prop::collection::vec(some_answer(), 1..12),
        clients in prop::collection::vec(any::<u8>(), 12),
    ) {
        let one = ip("10.9.9.9");
        let by = |client: IpAddr| move |answer: &DnsAnswer| DnsAnswer { client, ..answer.clone() };
        let several: Vec<DnsAnswer> = answers
            .iter()
            .zip(clients)
            .map(|(answer, last)| by(IpAddr::from([10, 1, 0, last % 3]))(answer))
            .collect();
        let told: Vec<DnsAnswer> = answers.iter().map(by(one)).collect();
        prop_assert_eq!(timeline(&several).told_to(one), timeline(&told));
    }

    #[test]
    fn servers_that_nobody_asks_about_bear_on_nothing_else(
        answers in prop::collection::vec(some_answer(), 0..20),
        servers in prop::collection::vec(any::<bool>(), 20),
        seconds in 0..6000_i64,
    ) {
        let by = |(answer, is_firewall): (&DnsAnswer, bool)| DnsAnswer {
            server: ip(if is_firewall { FIREWALL } else { "10.9.0.5" }),
            ..answer.clone()
        };
        let answers: Vec<DnsAnswer> = answers.iter().zip(servers).map(by).collect();
        let all = timeline(&answers);
        let mut before = DnsTimeline::default();
        before.ask_only_of([ip(FIREWALL)].into());
        for answer in &answers {
            before.add(answer);
        }
        let mut after = all.clone();
        after.ask_only_of([ip(FIREWALL)].into());
        prop_assert_eq!(&before, &after);
        for of in NAMES.iter().map(|text| name(text)) {
            let asked = |seen: &DnsTimeline, server| {
                (
                    seen.addresses(ip(CLIENT), &of, time(seconds)),
                    seen.resolution(server, &of, time(seconds)),
                    seen.firewall_holds(server, &of, ip("192.0.2.3"), time(seconds)),
                )
            };
            prop_assert_eq!(asked(&before, ip(FIREWALL)), asked(&all, ip(FIREWALL)));
            let (_, resolution, holds) = asked(&before, ip("10.9.0.5"));
            prop_assert_eq!((resolution, holds), (Resolution::Unknown, Fact::Unknown));
        }
        let served = |seen: &DnsTimeline| {
            [FIREWALL, "10.9.0.5"].map(|server| seen.has_answered(ip(server)))
        };
        prop_assert_eq!(served(&before), served(&all));
    }

    #[test]
    fn the_order_of_the_answers_means_nothing((answers, shuffled) in answers_and_a_shuffle()) {
        prop_assert_eq!(timeline(&answers), timeline(&shuffled));
        let other = [answers, vec![answer(-1, "a.test", &["a.test 60 192.0.2.77"])]].concat();
        prop_assert_ne!(timeline(&other), timeline(&shuffled));
    }

    #[test]
    fn a_name_has_an_address_exactly_if_the_address_has_the_name(
        answers in prop::collection::vec(some_answer(), 0..20),
        seconds in 0..6000_i64,
    ) {
        let seen = timeline(&answers);
        for address in ["192.0.2.3", "192.0.2.4", "192.0.2.5"].map(ip) {
            let forward: BTreeSet<Fqdn> = NAMES
                .iter()
                .map(|text| name(text))
                .filter(|of| {
                    seen.addresses(ip(CLIENT), of, time(seconds))
                        .is_some_and(|held| held.contains(&address))
                })
                .collect();
            let names = seen.names(ip(CLIENT), address, time(seconds)).unwrap();
            prop_assert!(names.is_sorted_by(|a, b| a.at >= b.at));
            let back: BTreeSet<Fqdn> = names.into_iter().map(|held| held.name).collect();
            prop_assert_eq!(forward, back);
        }
    }

    // Which answers a full time line lacks, another order of them decides; but whatever it says, the
    // whole one says too.
    #[test]
    fn a_full_time_line_says_nothing_else_than_a_whole_one(
        answers in prop::collection::vec(some_answer(), 0..20),
        limit in 0..4000_usize,
        seconds in 0..4000_i64,
    ) {
        let whole = timeline(&answers);
        let mut full = DnsTimeline::with_limit(limit);
        for answer in &answers {
            full.add(answer);
        }
        for of in NAMES.iter().map(|text| name(text)) {
            if let Some(held) = full.addresses(ip(CLIENT), &of, time(seconds)) {
                prop_assert_eq!(Some(held), whole.addresses(ip(CLIENT), &of, time(seconds)));
            }
            let resolution = full.resolution(ip(FIREWALL), &of, time(seconds));
            if resolution != Resolution::Unknown {
                prop_assert_eq!(resolution, whole.resolution(ip(FIREWALL), &of, time(seconds)));
            }
            for address in ["192.0.2.3", "192.0.2.4", "192.0.2.5"].map(ip) {
                let fact = full.firewall_holds(ip(FIREWALL), &of, address, time(seconds));
                if fact != Fact::Unknown {
                    let held = whole.firewall_holds(ip(FIREWALL), &of, address, time(seconds));
                    prop_assert_eq!(fact, held);
                }
                let names = full.names(ip(CLIENT), address, time(seconds));
                if names.is_some() {
                    prop_assert_eq!(names, whole.names(ip(CLIENT), address, time(seconds)));
                }
            }
        }
    }

    #[test]
    fn more_answers_take_nothing_from_what_the_firewall_holds(
        answers in prop::collection::vec(some_answer(), 0..20),
        more in some_answer(),
        seconds in 0..4000_i64,
    ) {
        let before = timeline(&answers);
        let mut after = before.clone();
        after.add(&more);
        for of in NAMES.iter().map(|text| name(text)) {
            for address in ["192.0.2.3", "192.0.2.4", "192.0.2.5"].map(ip) {
                let ask = |seen: &DnsTimeline| {
                    seen.firewall_holds(ip(FIREWALL), &of, address, time(seconds))
                };
                match ask(&before) {
                    Fact::True => prop_assert_eq!(ask(&after), Fact::True),
                    Fact::False => prop_assert_ne!(ask(&after), Fact::Unknown),
                    Fact::Unknown => {}
                }
            }
        }
    }
}

/// What a client was told may not hold any more, until it is told again.
#[test]
fn nothing_is_said_of_what_a_missing_answer_may_have_changed() {
    let told = [
        answer(0, "a.test", &["a.test 60 192.0.2.1"]),
        answer(100, "a.test", &["a.test 60 192.0.2.1"]),
    ];
    let missing = |of: Option<&str>, asked: Option<RecordType>| {
        let mut seen = timeline(&told);
        let of = of.map(name);
        seen.miss(ip(CLIENT), of.as_ref(), asked, time(50));
        seen.miss_of(ip(FIREWALL), of.as_ref(), asked, time(50));
        seen
    };
    for seen in [missing(Some("a.test"), Some(RecordType::A)), missing(None, None)] {
        let holds = |address: &str, seconds: i64| {
            seen.client_holds(ip(CLIENT), &name("a.test"), ip(address), time(seconds))
        };
        // For its TTL it holds what it was told, whatever it was told since; that also of what is missing.
        for (seconds, own, other) in [
            (49, Some(true), Some(false)),
            (50, Some(true), None),
            (60, Some(true), None),
            (61, None, None),
            (99, None, None),
            (100, Some(true), None),
            (110, Some(true), None),
            (111, Some(true), Some(false)),
        ] {
            assert_eq!((holds("192.0.2.1", seconds), holds("192.0.2.9", seconds)), (own, other));
            let is_all = other.is_some();
            check_client(&seen, "a.test", seconds, if is_all { "192.0.2.1" } else { "?" });
            check_names(&seen, "192.0.2.1", seconds, if own.is_some() { "a.test" } else { "" });
            // The firewall goes on with each answer for long: one that is missing is not replaced.
            let not_held = if seconds < 50 { Fact::False } else { Fact::Unknown };
            check_firewall(&seen, "a.test", "192.0.2.9", seconds, not_held);
            check_firewall(&seen, "a.test", "192.0.2.1", seconds, Fact::True);
        }
        for (seconds, is_known) in [(49, true), (50, false), (99, false), (100, true)] {
            let known = if is_known { Resolution::Resolves } else { Resolution::Unknown };
            check_resolution(&seen, "a.test", seconds, known);
        }
    }
    let asked_otherwise = [
        missing(Some("b.test"), Some(RecordType::A)),
        missing(Some("a.test"), Some(RecordType::Aaaa)),
        // Of an HTTPS record, which hints at most.
        missing(Some("a.test"), None),
    ];
    for seen in asked_otherwise {
        check_client(&seen, "a.test", 50, "192.0.2.1");
        check_firewall(&seen, "a.test", "192.0.2.9", 50, Fact::False);
        check_resolution(&seen, "a.test", 50, Resolution::Resolves);
    }
    let moved = missing(Some("a.test"), Some(RecordType::A)).told_to(ip("10.9.9.9"));
    assert_eq!(moved.addresses(ip("10.9.9.9"), &name("a.test"), time(60)), None);
    // Where nothing more is heard, no newer answer tells that all is known.
    let mut seen = timeline(&told);
    seen.hear_no_more(ip(CLIENT), ip(FIREWALL), time(50));
    for seconds in [50, 100, 3000] {
        check_client(&seen, "a.test", seconds, "?");
        check_firewall(&seen, "a.test", "192.0.2.9", seconds, Fact::Unknown);
    }
    let moved = seen.told_to(ip("10.9.9.9"));
    assert_eq!(moved.addresses(ip("10.9.9.9"), &name("a.test"), time(100)), None);
}

#[test]
fn an_answer_that_was_cut_is_held_for_what_is_left_of_it() {
    let mut cut = answer(0, "a.test", &["a.test 300 192.0.2.2"]);
    cut.records.push(DnsRecord::Lost);
    let seen = timeline(&[cut, answer(40, "a.test", &["a.test 60 192.0.2.1"])]);
    for (address, holds) in
        [("192.0.2.1", Some(true)), ("192.0.2.2", Some(true)), ("192.0.2.3", None)]
    {
        let found = seen.client_holds(ip(CLIENT), &name("a.test"), ip(address), time(50));
        assert_eq!(found, holds, "{address}");
    }
    let found = seen.client_holds(ip(CLIENT), &name("a.test"), ip("192.0.2.3"), time(301));
    assert_eq!(found, Some(false));
}

#[test]
fn an_answer_about_one_family_says_nothing_of_the_other() {
    let v6 =
        DnsAnswer { asked: RecordType::Aaaa, ..answer(0, "a.test", &["a.test 60 2001:db8::1"]) };
    let seen = timeline(&[v6]);
    for (address, holds) in
        [("2001:db8::1", Some(true)), ("2001:db8::2", Some(false)), ("192.0.2.1", None)]
    {
        assert_eq!(seen.client_holds(ip(CLIENT), &name("a.test"), ip(address), time(1)), holds);
    }
    let gone = timeline(&[failure(0, "a.test", ResponseCode::NAME_ERROR)]);
    for address in ["2001:db8::1", "192.0.2.1"] {
        let holds = gone.client_holds(ip(CLIENT), &name("a.test"), ip(address), time(1));
        assert_eq!(holds, Some(false));
    }
}

/// A response that is refused may be the only one that a client got, where its question was not recorded.
#[test]
fn a_refused_response_opens_what_was_told_unless_another_was_taken() {
    let with = |seconds: i64, address: &str| {
        let records = format!("a.test 60 {address}");
        DnsAnswer { solicited: Solicited::No, ..answer(seconds, "a.test", &[&records]) }
    };
    for (refused, says_more, expected) in [
        // The second response to a question, and one that says the same.
        (with(20, "192.0.2.9"), true, "192.0.2.1"),
        (with(50, "192.0.2.1"), false, "192.0.2.1"),
        (with(50, "192.0.2.9"), true, "?"),
        (DnsAnswer { records: Vec::new(), ..with(50, "192.0.2.9") }, false, "?"),
    ] {
        let mut seen = timeline(&[answer(0, "a.test", &["a.test 60 192.0.2.1"])]);
        let is_second = refused.at == time(20);
        let solicited = if is_second { Solicited::Again } else { refused.solicited };
        let refused = DnsAnswer { solicited, ..refused };
        assert!(!Exchanges::default().takes(&refused));
        let mut exchanges = Exchanges::default();
        assert_eq!(exchanges.refuse(&refused, ip(CLIENT), &seen), says_more, "{refused:?}");
        exchanges.finish(&mut seen);
        check_client(&seen, "a.test", 55, expected);
    }
}

/// Hints and missing answers about other names bear on what may be said of a client, and on nothing else.
#[test]
fn what_is_known_beside_answers_is_no_evidence() {
    let client = ip(CLIENT);
    let told = answer(0, "a.test", &["a.test 60 192.0.2.1"]);
    let plain = timeline(std::slice::from_ref(&told));
    let mut seen = plain.clone();
    let (a, b) = (name("a.test"), name("b.test"));
    seen.hint(client, &b, ip("192.0.2.9"));
    seen.lack(client, Some(&b), Some(RecordType::A), time(10));
    assert!(
        seen.has_told(client, ip("192.0.2.9")) && !seen.has_told(ip(FIREWALL), ip("192.0.2.9"))
    );
    assert!(seen.has_told_of(client, &b, ip("192.0.2.9")));
    assert!(!seen.has_told_of(client, &a, ip("192.0.2.9")));
    for (seconds, names, address, lacks) in [
        (10, &[&b][..], "192.0.2.9", true),
        (9, &[&b], "192.0.2.9", false),
        (10, &[&b], "2001:db8::9", false),
        (10, &[&a], "192.0.2.9", false),
        (10, &[&a, &b], "192.0.2.9", true),
        (10, &[], "192.0.2.9", true),
        (10, &[], "2001:db8::9", false),
    ] {
        let found = seen.lacks_answer(client, names.iter().copied(), ip(address), time(seconds));
        assert_eq!(found, lacks, "{seconds} {names:?} {address}");
        assert!(!seen.lacks_answer(ip(FIREWALL), names.iter().copied(), ip(address), time(99)));
    }
    for (of, seconds) in [(&a, 5), (&b, 5), (&b, 20)] {
        assert_eq!(
            seen.addresses(client, of, time(seconds)),
            plain.addresses(client, of, time(seconds))
        );
        for address in ["192.0.2.1", "192.0.2.9"] {
            let held = |of_time: &DnsTimeline| {
                of_time.firewall_holds(ip(FIREWALL), of, ip(address), time(seconds))
            };
            assert_eq!(held(&seen), held(&plain));
            let names = |of_time: &DnsTimeline| of_time.names(client, ip(address), time(seconds));
            assert_eq!(names(&seen), names(&plain));
        }
    }
    let moved = seen.told_to(ip(FIREWALL));
    assert!(
        moved.has_told(ip(FIREWALL), ip("192.0.2.9")) && !moved.has_told(client, ip("192.0.2.9"))
    );
    assert!(moved.lacks_answer(ip(FIREWALL), [&b], ip("192.0.2.9"), time(10)));
    // Of any name, and of any client.
    seen.lack(client, None, None, time(20));
    assert!(!seen.lacks_answer(client, [&a], ip("2001:db8::9"), time(19)));
    assert!(seen.lacks_answer(client, [&a], ip("2001:db8::9"), time(20)));
    seen.miss_any(time(5));
    assert!(seen.lacks_answer(ip(FIREWALL), [&a], ip("2001:db8::9"), time(5)));
}

#[test]
fn hints_beyond_the_limit_leave_all_open() {
    let mut seen = DnsTimeline::default();
    for number in 0..=1_u32 << 17 {
        seen.hint(ip(CLIENT), &name("a.test"), std::net::Ipv4Addr::from_bits(number).into());
    }
    assert!(seen.lacks_answer(ip(FIREWALL), [&name("b.test")], ip("192.0.2.9"), time(0)));
}

/// What clients hold, by the definition: of each type, what no newer answer has replaced, and what
/// lasts even so.
fn holds(
    answers: &[(i64, DnsAnswer)],
    missing: &[(i64, RecordType)],
    address: IpAddr,
    at: i64,
) -> Option<bool> {
    let of = RecordType::of(address);
    let settles = |answer: &DnsAnswer| match answer.code {
        ResponseCode::NAME_ERROR => true,
        ResponseCode::NO_ERROR => answer.asked == of,
        _ => false,
    };
    let seen: Vec<&(i64, DnsAnswer)> =
        answers.iter().filter(|(seen, answer)| *seen <= at && settles(answer)).collect();
    let newest = seen.iter().map(|(seen, _)| *seen).max()?;
    let lasts = |answer: &DnsAnswer| {
        let ttl = answer.records.iter().filter_map(|record| match record {
            DnsRecord::Address { ttl, .. } => Some(i64::from(*ttl)),
            DnsRecord::Alias { .. } | DnsRecord::Lost => None,
        });
        ttl.min().unwrap_or(0).max(CLIENT_USE.as_secs())
    };
    let longest = answers.iter().map(|(_, answer)| lasts(answer)).max().unwrap_or(0);
    let missing = missing.iter().filter(|(missed, asked)| *asked == of && *missed <= at);
    let missing: Vec<i64> = missing.map(|(missed, _)| *missed).collect();
    let is_newest_missing = missing.iter().any(|missed| *missed >= newest);
    let held = seen.iter().filter(|(seen, answer)| {
        let is_replaced = *seen < newest || is_newest_missing;
        let grace = if is_replaced { 0 } else { CLIENT_GRACE.as_secs() };
        at <= seen + lasts(answer) + grace
    });
    let held: Vec<bool> = held
        .map(|(_, answer)| {
            answer.code == ResponseCode::NO_ERROR && answer.addresses().any(|one| one == address)
        })
        .collect();
    let may_be_other = missing.iter().any(|missed| {
        let grace = if *missed < newest { 0 } else { CLIENT_GRACE.as_secs() };
        at <= missed + longest + grace
    });
    if held.contains(&true) {
        return Some(true);
    }
    (!held.is_empty() && !may_be_other).then_some(false)
}

proptest! {
    #[test]
    fn a_client_holds_what_the_definition_says(
        drawn in prop::collection::btree_map(0..9000_i64, (0..4_u8, 0..900_u32, 0..5_u8, any::<bool>()), 0..12),
        missing in prop::collection::vec((0..9000_i64, any::<bool>()), 0..3),
        at in 0..14_000_i64,
    ) {
        let kind = |is_v6| if is_v6 { RecordType::Aaaa } else { RecordType::A };
        let address = |last: u8, is_v6: bool| {
            if is_v6 { format!("2001:db8::{last}") } else { format!("192.0.2.{last}") }
        };
        let answers: Vec<(i64, DnsAnswer)> = drawn
            .iter()
            .map(|(seconds, (last, ttl, code, is_v6))| {
                let record = format!("a.test {ttl} {}", address(*last, *is_v6));
                let code = ResponseCode(if *code < 3 { 0 } else { u16::from(*code) - 1 });
                let records: &[&str] = if *last == 0 { &[] } else { &[&record] };
                let one = answer(*seconds, "a.test", records);
                (*seconds, DnsAnswer { asked: kind(*is_v6), code, ..one })
            })
            .collect();
        let missing: Vec<(i64, RecordType)> =
            missing.iter().map(|(seconds, is_v6)| (*seconds, kind(*is_v6))).collect();
        let mut seen = timeline(&answers.iter().map(|(_, one)| one.clone()).collect::<Vec<_>>());
        for (seconds, asked) in &missing {
            seen.miss(ip(CLIENT), Some(&name("a.test")), Some(*asked), time(*seconds));
        }
        for to in (1..4).flat_map(|last| [address(last, false), address(last, true)]) {
            let expected = holds(&answers, &missing, ip(&to), at);
            let found = seen.client_holds(ip(CLIENT), &name("a.test"), ip(&to), time(at));
            prop_assert_eq!(found, expected, "{}", to);
            let names = seen.names(ip(CLIENT), ip(&to), time(at)).unwrap();
            prop_assert_eq!(names.len() == 1, expected == Some(true), "{}", to);
        }
    }
}

/// A question misses no answer if it was asked again and answered then; a response without a question
/// counts until questions are known to be recorded.
#[test]
fn a_client_takes_responses_that_it_may_have_asked_for() {
    let with = |seconds: i64, question: &str, solicited: Solicited| {
        let records = format!("{question} 60 192.0.2.1");
        DnsAnswer { solicited, ..answer(seconds, question, &[&records]) }
    };
    let mut exchanges = Exchanges::default();
    for (answer, expected) in [
        (with(0, "a.test", Solicited::Unrecorded), true),
        (with(50, "a.test", Solicited::Unrecorded), true),
        (with(50, "a.test", Solicited::No), false),
        (with(60, "a.test", Solicited::Yes), true),
        (with(90, "a.test", Solicited::Unrecorded), true),
        (with(91, "a.test", Solicited::Unrecorded), false),
        (with(91, "a.test", Solicited::Unsaid), true),
        (DnsAnswer { server: ip(CLIENT), ..with(99, "a.test", Solicited::Unrecorded) }, true),
    ] {
        assert_eq!(exchanges.takes(&answer), expected, "{answer:?}");
    }

    let told = [with(100, "a.test", Solicited::Yes), with(100, "c.test", Solicited::Yes)];
    let mut seen = timeline(&told);
    let mut exchanges = Exchanges::default();
    for (of, seconds) in [("a.test", 69), ("b.test", 100), ("c.test", 70)] {
        let aside = DnsAside::Unanswered {
            client: ip(CLIENT),
            server: ip(FIREWALL),
            name: Some(name(of)),
            asked: Some(RecordType::A),
            at: time(seconds),
        };
        exchanges.beside(aside, None, &mut seen);
    }
    exchanges.finish(&mut seen);
    let lacks = |of: &str, seconds: i64| {
        seen.lacks_answer(ip(CLIENT), [&name(of)], ip("192.0.2.9"), time(seconds))
    };
    assert!(!lacks("a.test", 68) && lacks("a.test", 69) && lacks("b.test", 100));
    assert!(!lacks("c.test", 200));
}

//! What a list says of a flow (`semantics.md`, Intent), and the boxes of connections.
#![cfg(test)]

#[path = "support/list.rs"]
mod list;

use std::fmt::Write;
use std::net::IpAddr;

use exeat::azure::Deployment;
use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsRecord;
use exeat::evidence::DnsTimeline;
use exeat::evidence::Evidence;
use exeat::evidence::RecordType;
use exeat::evidence::ResponseCode;
use exeat::evidence::ServiceTags;
use exeat::evidence::Solicited;
use exeat::flow::Atom;
use exeat::flow::Host;
use exeat::flow::Observation;
use exeat::flow::Payload;
use exeat::flow::PayloadKind;
use exeat::flow::Request;
use exeat::flow::SeenPayload;
use exeat::flow::notation::FlowText;
use exeat::import;
use exeat::intent::Deny;
use exeat::intent::Intent;
use exeat::intent::Permission;
use exeat::intent::Requirement;
use exeat::intent::topology::Tier;
use exeat::simulate::Assumptions;
use exeat::simulate::Decision;
use exeat::simulate::Environment;
use exeat::simulate::Judged;
use exeat::simulate::Missing;
use exeat::simulate::Reason;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use exeat::simulate::decision::Field;
use exeat::simulate::environment::Answer;
use exeat::simulate::regions::MAX_REGIONS;
use jiff::Timestamp;
use jiff::civil::date;

use self::list::APPS;
use self::list::SYSTEM;
use self::list::allow;
use self::list::allow_by_address;
use self::list::deny;
use self::list::destination;
use self::list::hub_and_spoke;
use self::list::names;

const CLIENT: &str = "10.1.8.4";
const PROXY: &str = "10.0.1.4";

fn at() -> Timestamp {
    "2026-03-01T10:00:00Z".parse().unwrap()
}

fn observation(text: &str) -> Observation {
    FlowText::parse(text).unwrap().to_observation().unwrap()
}

/// A list with what is known of its environment.
struct World {
    intent: Intent,
    evidence: Evidence,
    assumptions: Assumptions,
    at: Timestamp,
}

fn world(permissions: Vec<Permission>, denies: Vec<Deny>) -> World {
    World {
        intent: Intent { permissions, denies, ..hub_and_spoke(Tier::Premium) },
        evidence: Evidence::default(),
        assumptions: Assumptions::default(),
        at: at(),
    }
}

impl World {
    /// The client was told that `name` has `address`.
    fn told(mut self, name: &str, address: &str) -> World {
        self.evidence.timeline.add(&answer(CLIENT, name, address));
        self
    }

    fn assuming(mut self, text: &str) -> World {
        self.assumptions.set(text).unwrap();
        self
    }

    fn with_tags(mut self, json: &str) -> World {
        self.evidence.service_tags = Some(ServiceTags::read(json.as_bytes()).unwrap());
        self
    }

    fn at(mut self, text: &str) -> World {
        self.at = text.parse().unwrap();
        self
    }

    fn environment(&self) -> Environment<'_> {
        Environment { evidence: &self.evidence, assumptions: &self.assumptions, at: self.at }
    }

    fn judge(&self, flow: &str) -> Judged {
        self.intent.judge(&observation(flow), &self.environment())
    }

    /// Compares `required permitted`, the permission and the deny; `?` is not settled.
    #[track_caller]
    fn check(&self, flow: &str, expected: &str) {
        let judged = self.judge(flow);
        let word = |answer: Option<bool>| match answer {
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        };
        let mut found = format!("{} {}", word(judged.required), word(judged.permitted));
        if let Some(index) = judged.by {
            write!(found, " by {}", self.intent.permissions[index].label).unwrap();
        }
        if let Some(index) = judged.denied_by {
            write!(found, " denied by {}", self.intent.denies[index].label).unwrap();
        }
        assert_eq!(found, expected, "{flow}, missing {:?}", judged.missing);
        let settled = judged.required.is_some() && judged.permitted.is_some();
        assert_eq!(judged.missing.is_empty(), settled, "{flow}, missing {:?}", judged.missing);
    }

    #[track_caller]
    fn check_missing(&self, flow: &str, expected: &[&str]) {
        let missing = self.judge(flow).missing;
        assert_eq!(missing.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }
}

fn answer(client: &str, name: &str, address: &str) -> DnsAnswer {
    let address: IpAddr = address.parse().unwrap();
    DnsAnswer {
        at: at(),
        client: client.parse().unwrap(),
        server: PROXY.parse().unwrap(),
        solicited: Solicited::Unsaid,
        question: name.parse().unwrap(),
        asked: RecordType::of(address),
        code: ResponseCode::NO_ERROR,
        records: vec![DnsRecord::Address { owner: name.parse().unwrap(), address, ttl: 300 }],
    }
}

fn one(to: &str, with: &str) -> World {
    world(vec![allow("p", APPS, to, with)], Vec::new())
}

#[test]
fn allow_is_required_and_may_is_not() {
    let may = Permission {
        requirement: Requirement::Optional,
        ..allow("p", APPS, "a.example.com", "https")
    };
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com";
    one("a.example.com", "https").check(flow, "yes yes by p");
    world(vec![may.clone()], Vec::new()).check(flow, "no yes by p");
    let both = vec![may, allow("q", APPS, "*.example.com", "https")];
    world(both, Vec::new()).check(flow, "yes yes by q");
}

#[test]
fn a_name_is_the_one_that_the_client_shows() {
    let world = one("*.example.com", "https");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls b.a.example.com", "yes yes by p");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls example.com", "no no");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls evilexample.com", "no no");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls 20.0.0.1", "no no");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls", "no no");
    world.check("10.1.9.4 -> 20.0.0.1 : tcp/443 tls a.example.com", "no no");
}

#[test]
fn an_address_literal_is_a_name_to_a_star_only() {
    one("*", "http").check("10.1.8.4 -> 20.0.0.1 : tcp/80 http 20.0.0.1", "yes yes by p");
    // The client cannot hold another address for it.
    one("*", "http").check("10.1.8.4 -> 20.0.0.1 : tcp/80 http 20.0.0.9", "no yes by p");
}

#[test]
fn a_service_with_a_name_is_known_by_protocol_port_and_first_bytes() {
    let https = one("a.example.com", "https");
    https.check("10.1.8.4 -> 20.0.0.1 : tcp/8443 tls a.example.com", "no no");
    https.check("10.1.8.4 -> 20.0.0.1 : tcp/443 http a.example.com", "no no");
    https.check("10.1.8.4 -> 20.0.0.1 : udp/443 quic a.example.com", "no no");
    let http = one("a.example.com", "http/8080");
    http.check("10.1.8.4 -> 20.0.0.1 : tcp/8080 http a.example.com:8080", "yes yes by p");
    http.check("10.1.8.4 -> 20.0.0.1 : tcp/80 http a.example.com", "no no");
    http.check("10.1.8.4 -> 20.0.0.1 : tcp/8080 tls a.example.com", "no no");
    let mssql = one("a.example.com", "mssql proxy");
    mssql.check("10.1.8.4 -> 20.0.0.1 : tcp/1433 mssql a.example.com", "yes yes by p");
    mssql.check("10.1.8.4 -> 20.0.0.1 : tcp/11500", "no no");
    mssql.check("10.1.8.4 -> 20.0.0.1 : tcp/1433 tls a.example.com", "no no");
}

#[test]
fn nobody_requires_a_request_that_no_client_of_the_service_would_send() {
    let http = one("a.example.com", "http");
    http.check("10.1.8.4 -> 20.0.0.1 : tcp/80 http a.example.com", "yes yes by p");
    http.check("10.1.8.4 -> 20.0.0.1 : tcp/80 http a.example.com:80", "yes yes by p");
    http.check("10.1.8.4 -> 20.0.0.1 : tcp/80 http a.example.com:8080", "no yes by p");
    let other_port = one("a.example.com", "http/8080");
    other_port.check("10.1.8.4 -> 20.0.0.1 : tcp/8080 http a.example.com", "no yes by p");
    other_port.check("10.1.8.4 -> 20.0.0.1 : tcp/8080 http a.example.com:80", "no yes by p");
    // By address, the firewall reads no request.
    let by_address = one("20.0.0.0/24", "http");
    by_address.check("10.1.8.4 -> 20.0.0.1 : tcp/80 http a.example.com:8080", "yes yes by p");
}

#[test]
fn nobody_requires_a_request_inside_tls_for_another_host_or_port() {
    let inside = |world: &World, request: &str, expected: &str| {
        let tls = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com";
        world.check(&format!("{tls} inner {request}"), expected);
    };
    let https = one("*.example.com", "https");
    inside(&https, "a.example.com", "yes yes by p");
    inside(&https, "b.example.com:443", "yes yes by p");
    inside(&https, "b.example.com:8443", "no yes by p");
    inside(&https, "example.org", "no yes by p");
    inside(&https, "20.0.0.1", "no yes by p");
    inside(&one("*", "https"), "20.0.0.1", "yes yes by p");
    let url = one("url a.example.com/test/*", "https");
    inside(&url, "a.example.com/test/x", "yes yes by p");
    inside(&url, "b.example.com/test/x", "no yes by p");
    let port = "10.1.8.4 -> 20.0.0.1 : tcp/8443 tls a.example.com inner a.example.com";
    one("a.example.com", "https/8443").check(port, "no yes by p");
    one("a.example.com", "https/8443").check(&format!("{port}:8443"), "yes yes by p");
    // Whether the tag holds the host inside is a fact of its own.
    let tagged = one("fqdn-tag WindowsUpdate", "https");
    let other = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com inner b.example.com";
    tagged.check(other, "? ?");
    tagged.check_missing(
        other,
        &[
            "a.example.com:443 in FQDN tag windowsupdate",
            "b.example.com:443 in FQDN tag windowsupdate",
        ],
    );
}

#[test]
fn what_is_required_is_cut_to_the_addresses_that_the_client_holds() {
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com";
    let told = |address: &str| one("a.example.com", "https").told("a.example.com", address);
    told("20.0.0.1").check(flow, "yes yes by p");
    told("20.0.0.9").check(flow, "no yes by p");
    let nothing_seen = one("a.example.com", "https");
    assert_eq!(nothing_seen.judge(flow).assumptions[0].key, "client_answers");
    let strict = one("a.example.com", "https").assuming("client_answers=evidence");
    strict.check(flow, "? yes by p");
    strict.check_missing(flow, &["10.1.8.4 was told 20.0.0.1 for a.example.com"]);
}

#[test]
fn a_flow_without_a_name_is_asked_with_the_name_that_its_client_was_told() {
    let world = one("a.example.com", "https").told("a.example.com", "20.0.0.1");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443", "yes yes by p");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls", "yes yes by p");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443 other", "no no");
    // The client of another flow was told nothing.
    world.check("10.1.8.5 -> 20.0.0.1 : tcp/443 tls", "no no");
}

#[test]
fn nobody_requires_a_handshake_alone() {
    let world = one("a.example.com", "https").told("a.example.com", "20.0.0.1");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443 silent", "no yes by p");
    one("a.example.com", "https").check("10.1.8.4 -> 20.0.0.1 : tcp/443 silent", "no no");
}

#[test]
fn two_names_at_one_address_leave_it_open() {
    let two = |second: &str| {
        let world = one("a.example.com", "https").told("a.example.com", "20.0.0.1");
        world.told(second, "20.0.0.1")
    };
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/443";
    two("other.example.net").check(flow, "? ?");
    two("other.example.net").check_missing(flow, &["name"]);
    let two_names = world(vec![allow("p", APPS, "*.example.com", "https")], Vec::new())
        .told("a.example.com", "20.0.0.1")
        .told("b.example.com", "20.0.0.1");
    two_names.check(flow, "yes yes by p");
    let tag = allow("q", APPS, "tag Storage", "tcp/443");
    let name_and_tag = world(vec![allow("p", APPS, "a.example.com", "https"), tag], Vec::new())
        .told("a.example.com", "20.0.0.1")
        .told("other.example.net", "20.0.0.1");
    name_and_tag.check_missing(flow, &["name", "20.0.0.1 in service tag storage"]);
}

#[test]
fn a_flow_of_which_no_name_is_known_is_open_where_names_count() {
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/443";
    one("a.example.com", "https").check(flow, "? ?");
    one("a.example.com", "https").check_missing(flow, &["name"]);
    one("a.example.com", "https/8443").check(flow, "no no");
    one("20.0.0.0/24", "tcp/443").check(flow, "yes yes by p");
}

#[test]
fn the_name_settles_what_many_statements_say_of_a_flow_without_one() {
    let names: Vec<String> = (0..3_000).map(|number| format!("a{number}.example.com")).collect();
    let mut permissions: Vec<Permission> =
        names.iter().map(|name| allow("p", APPS, name, "https")).collect();
    permissions.push(allow("q", APPS, "20.0.0.0/24", "tcp/443"));
    let list = world(permissions, vec![deny("d", "any", "a7.example.com", "any")]);
    let to = |address: &str| format!("10.1.8.4 -> {address} : tcp/443");
    list.check(&to("20.0.1.1"), "? ?");
    list.check_missing(&to("20.0.1.1"), &["name"]);
    // Whatever is shown but one name, the address is enough.
    list.check(&to("20.0.0.1"), "? ?");
    list.check_missing(&to("20.0.0.1"), &["name"]);
    let list = World { intent: Intent { denies: Vec::new(), ..list.intent }, ..list };
    list.check(&to("20.0.0.1"), "yes yes");
}

#[test]
fn a_service_without_a_name_goes_by_the_addresses_that_the_client_holds() {
    let world = one("db.example.com", "tcp/5432").told("db.example.com", "20.0.0.1");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/5432 other", "yes yes by p");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/5432 tls db.example.com", "yes yes by p");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/5432 tls evil.example.net", "no no");
    world.check("10.1.8.4 -> 20.0.0.9 : tcp/5432 other", "no no");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/5433 other", "no no");
    let unseen = one("db.example.com", "tcp/5432");
    unseen.check("10.1.8.4 -> 20.0.0.1 : tcp/5432 other", "? ?");
    let other = one("db.example.com", "tcp/5432").told("x.example.net", "20.0.0.1");
    other.check("10.1.8.4 -> 20.0.0.1 : tcp/5432 other", "no no");
    one("*.example.com", "udp/123").check("10.1.8.4 -> 20.0.0.1 : udp/123", "? ?");
}

#[test]
fn redirected_sql_goes_by_address_and_to_the_ports_that_servers_send_to() {
    let world = one("a.example.com", "mssql redirect").told("a.example.com", "20.0.0.1");
    for (port, expected) in [
        (1433, "yes yes by p"),
        (11_000, "yes yes by p"),
        (11_999, "yes yes by p"),
        (10_999, "no no"),
        (12_000, "no no"),
    ] {
        world.check(&format!("10.1.8.4 -> 20.0.0.1 : tcp/{port} other"), expected);
    }
    // The gateway is told the server's name, and a redirection is not.
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/1433 mssql a.example.com", "yes yes by p");
    world.check("10.1.8.4 -> 20.0.0.9 : tcp/1433 mssql a.example.com", "no yes by p");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/1433 mssql b.example.com", "no no");
    world.check("10.1.8.4 -> 20.0.0.9 : tcp/11000 other", "no no");
}

#[test]
fn a_prefix_and_a_tag_mean_addresses_with_any_name() {
    let world = one("20.0.0.0/24", "https");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls evil.example.net", "yes yes by p");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/443 other", "yes yes by p");
    world.check("10.1.8.4 -> 20.0.1.1 : tcp/443 tls a.example.com", "no no");
    let tag = || one("tag Storage.WestEurope", "tcp/443");
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls evil.example.net";
    tag().check(flow, "? ?");
    tag().check_missing(flow, &["20.0.0.1 in service tag storage.westeurope"]);
    let json = r#"{"changeNumber":1,"cloud":"Public","values":[{"name":"Storage.WestEurope",
        "id":"Storage.WestEurope","properties":{"changeNumber":1,"region":"westeurope",
        "regionId":18,"platform":"Azure","systemService":"AzureStorage",
        "addressPrefixes":["20.0.0.0/24"],"networkFeatures":[]}}]}"#;
    tag().with_tags(json).check(flow, "yes yes by p");
    tag().with_tags(json).check("10.1.8.4 -> 20.0.1.1 : tcp/443 other", "no no");
}

#[test]
fn services_are_told_by_protocol() {
    one("20.0.0.0/24", "icmp").check("10.1.8.4 -> 20.0.0.1 : icmp", "yes yes by p");
    one("20.0.0.0/24", "icmp").check("10.1.8.4 -> 20.0.0.1 : proto/47", "no no");
    one("20.0.0.0/24", "proto/47").check("10.1.8.4 -> 20.0.0.1 : proto/47", "yes yes by p");
    one("20.0.0.0/24", "udp/53").check("10.1.8.4 -> 20.0.0.1 : tcp/53 other", "no no");
    one("20.0.0.0/24", "tcp/53").check("10.1.8.4 -> 20.0.0.1 : udp/53", "no no");
    one("20.0.0.0/24", "tcp/50-53").check("10.1.8.4 -> 20.0.0.1 : tcp/53 other", "yes yes by p");
}

#[test]
fn tags_and_categories_of_names_are_open() {
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com";
    one("fqdn-tag WindowsUpdate", "https").check(flow, "? ?");
    one("fqdn-tag WindowsUpdate", "https")
        .check_missing(flow, &["a.example.com:443 in FQDN tag windowsupdate"]);
    one("category News", "https").check_missing(flow, &["a.example.com in web category news"]);
    let http = "10.1.8.4 -> 20.0.0.1 : tcp/80 http a.example.com/x";
    one("category News", "http").check_missing(http, &["a.example.com/x in web category news"]);
    one("fqdn-tag WindowsUpdate", "https").check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls", "no no");
}

#[test]
fn a_url_is_compared_with_the_request_where_it_was_seen() {
    let world = one("url a.example.com/test/*", "https, http");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/80 http a.example.com/test/x", "yes yes by p");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/80 http a.example.com/other", "no no");
    world.check("10.1.8.4 -> 20.0.0.1 : tcp/80 http b.example.com/test/x", "no no");
    let inner = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com inner a.example.com";
    world.check(&format!("{inner}/test/x"), "yes yes by p");
    world.check(&format!("{inner}/other"), "no no");
    let unseen = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com";
    world.check(unseen, "? ?");
    world.check_missing(unseen, &["the request to a.example.com is for /test/*"]);
}

#[test]
fn accepted_excess_is_permitted_and_not_required() {
    let marked = |name: &str| world(vec![allow_by_address("p", APPS, name, "https")], Vec::new());
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls evil.example.net";
    marked("a.example.com").told("a.example.com", "20.0.0.1").check(flow, "no yes by p");
    marked("a.example.com").told("a.example.com", "20.0.0.9").check(flow, "no no");
    one("a.example.com", "https").told("a.example.com", "20.0.0.1").check(flow, "no no");
    let mut taken_out = marked("*.example.com");
    let except = names("*.example.com, a.example.com", "a.example.com");
    taken_out.intent.permissions[0].destinations = vec![except];
    taken_out.told("a.example.com", "20.0.0.1").check(flow, "no no");
    // The firewall's own answer counts too: another client was told it by the proxy.
    let mut proxied = marked("a.example.com").told("a.example.com", "20.0.0.9");
    proxied.evidence.timeline.add(&answer("10.1.8.77", "a.example.com", "20.0.0.1"));
    proxied.check(flow, "no yes by p");
}

#[test]
fn a_deny_wins_and_is_named() {
    let list =
        |denied: Deny| world(vec![allow("p", APPS, "*.example.com", "https, http")], vec![denied]);
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com";
    list(deny("d", "any", "a.example.com", "https")).check(flow, "no no by p denied by d");
    list(deny("d", "any", "a.example.com", "any")).check(flow, "no no by p denied by d");
    list(deny("d", "any", "any", "tcp/443")).check(flow, "no no by p denied by d");
    list(deny("d", "any", "20.0.0.0/24", "any")).check(flow, "no no by p denied by d");
    list(deny("d", "any", "a.example.com", "http")).check(flow, "yes yes by p");
    list(deny("d", "any", "b.example.com", "any")).check(flow, "yes yes by p");
    list(deny("d", SYSTEM, "a.example.com", "any")).check(flow, "yes yes by p");
    list(deny("d", "any", "20.0.1.0/24", "any")).check(flow, "yes yes by p");
    list(deny("d", "any", "tag Storage", "any")).check(flow, "? ? by p");
    list(deny("d", "any", "category News", "any")).check(flow, "? ? by p");
}

#[test]
fn a_deny_of_a_service_leaves_the_others_on_its_port() {
    let list = |denied: Deny| {
        world(vec![allow("p", APPS, "*.example.com", "https, http/443")], vec![denied])
    };
    let tls = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com";
    let http = "10.1.8.4 -> 20.0.0.1 : tcp/443 http a.example.com:443";
    for to in ["a.example.com", "20.0.0.0/24"] {
        list(deny("d", "any", to, "http/443")).check(tls, "yes yes by p");
        list(deny("d", "any", to, "http/443")).check(http, "no no by p denied by d");
        list(deny("d", "any", to, "https")).check(tls, "no no by p denied by d");
        list(deny("d", "any", to, "https")).check(http, "yes yes by p");
    }
    // A handshake is part of whatever follows.
    let told = list(deny("d", "any", "a.example.com", "https")).told("a.example.com", "20.0.0.1");
    told.check("10.1.8.4 -> 20.0.0.1 : tcp/443 silent", "no no by p denied by d");
}

#[test]
fn a_region_behind_azure_cloud_is_asked_about_as_the_tag_spells_it() {
    let list = world(vec![allow("p", APPS, "tag AzureCloud.francecentral", "tcp/443")], Vec::new());
    list.check_missing(
        "10.1.8.4 -> 20.0.0.1 : tcp/443",
        &["20.0.0.1 in service tag azurecloud.centralfrance"],
    );
}

#[test]
fn no_private_address_is_in_a_tag() {
    let permissions = vec![allow("p", APPS, "10.9.0.0/24", "tcp/443")];
    let list = world(permissions, vec![deny("d", "any", "tag Storage", "any")]);
    list.check("10.1.8.4 -> 10.9.0.4 : tcp/443", "yes yes by p");
}

#[test]
fn a_deny_by_name_says_nothing_of_flows_without_a_name() {
    let list = || {
        let denies = vec![deny("d", "any", "a.example.com", "any")];
        world(vec![allow("p", APPS, "20.0.0.0/24", "tcp/443, udp/443")], denies)
    };
    list().check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls", "yes yes by p");
    list().check("10.1.8.4 -> 20.0.0.1 : udp/443 quic a.example.com", "no no by p denied by d");
    let told = list().told("a.example.com", "20.0.0.1");
    told.check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls", "no no by p denied by d");
}

#[test]
fn an_unknown_that_stands_on_both_sides_decides_nothing() {
    let permissions = vec![allow("p", APPS, "tag Storage", "tcp/443")];
    let list = world(permissions, vec![deny("d", "any", "tag Storage", "any")]);
    list.check("10.1.8.4 -> 20.0.0.1 : tcp/443 other", "no no");
}

#[test]
fn a_list_accepts_what_is_undetermined_if_every_permission_that_may_speak_does() {
    let tag = |name: &str, because: Option<&str>| Permission {
        accept_undetermined: because.map(str::to_owned),
        ..allow("p", APPS, &format!("tag {name}"), "tcp/443")
    };
    let reason = |permissions: Vec<Permission>| {
        let world = world(permissions, Vec::new());
        let judged = world.judge("10.1.8.4 -> 20.0.0.1 : tcp/443 other");
        judged.accepts_undetermined(&world.intent).map(str::to_owned)
    };
    let accepted = tag("Storage", Some("tags change"));
    assert_eq!(reason(vec![accepted.clone()]).as_deref(), Some("tags change"));
    assert_eq!(reason(vec![accepted.clone(), tag("Sql", None)]), None);
    // It speaks only where the other does, too, and is asked all the same.
    assert_eq!(reason(vec![accepted, tag("Storage.WestEurope", None)]), None);
    assert_eq!(reason(Vec::new()), None);
}

#[test]
fn a_permission_that_cannot_speak_need_not_accept_anything() {
    let accepted = Permission {
        accept_undetermined: Some("tags change".to_owned()),
        ..allow("p", APPS, "tag Storage", "tcp/443")
    };
    let optional = Permission { requirement: Requirement::Optional, ..accepted.clone() };
    for accepted in [accepted, optional] {
        let permissions = vec![accepted, allow("q", APPS, "tag Storage", "tcp/444")];
        let world = world(permissions, Vec::new());
        let judged = world.judge("10.1.8.4 -> 20.0.0.1 : tcp/443 other");
        assert_eq!(judged.accepts_undetermined(&world.intent), Some("tags change"));
    }
}

#[test]
fn what_list_and_firewall_both_miss_is_named_once() {
    let world = one("tag Storage", "tcp/443");
    let judged = world.judge("10.1.8.4 -> 20.0.0.1 : tcp/443 other");
    let deployment = import::json::read(r#"{"schema":"exeat.deployment/1"}"#).unwrap();
    let flow = observation("10.1.8.4 -> 20.0.0.1 : tcp/443 other");
    let simulator = Simulator::new(&deployment).unwrap();
    let mut decision = simulator.judge(&flow, &world.environment());
    decision.missing = vec![Missing::Field(Field::Inner)];
    let told = |decision: &Decision| -> Vec<String> {
        judged.missing_with(decision).iter().map(ToString::to_string).collect()
    };
    let tag = judged.missing[0].to_string();
    assert_eq!(told(&decision), [Missing::Field(Field::Inner).to_string(), tag.clone()]);
    decision.missing.extend(judged.missing.iter().cloned());
    assert_eq!(told(&decision), [Missing::Field(Field::Inner).to_string(), tag]);
}

/// A deployment in each part of which a block of addresses is told apart: 20.N.0.0/24, or the
/// address 20.N.0.0.
const BLOCKS: &str = r#"{"schema":"exeat.deployment/1",
"firewallPolicies":{"p":{"sku":"Premium",
  "threatIntelWhitelist":{"ipAddresses":["20.1.0.0/24"]},
  "snat":{"privateRanges":["IANAPrivateRanges","20.2.0.0/24"]},
  "ruleCollectionGroups":[{"name":"g","priority":100,"ruleCollections":[
    {"name":"d","priority":100,"kind":"nat","action":"DNAT","rules":[{"name":"r","ipProtocols":["TCP"],
      "sourceAddresses":["*"],"destinationAddresses":["20.3.0.0"],"destinationPorts":["22"],
      "translatedAddress":"10.1.2.4","translatedPort":"22"}]},
    {"name":"n","priority":110,"kind":"network","action":"Deny","rules":[{"name":"r","ipProtocols":["TCP"],
      "sourceAddresses":["*"],"destinationAddresses":["Storage","20.4.0.0/24"],"destinationPorts":["*"]}]},
    {"name":"a","priority":120,"kind":"application","action":"Allow","rules":[{"name":"r",
      "protocols":["Https:443"],"sourceAddresses":["*"],"targetFqdns":["*"],
      "destinationAddresses":["20.5.0.0/24"]}]}]}]}},
"azureFirewalls":{"fw":{"virtualNetwork":"v","firewallPolicy":"p","privateIpAddress":"10.0.1.4",
  "publicIpAddresses":["20.6.0.0"]}},
"ipGroups":{"i":{"ipAddresses":["20.7.0.0/24"]}},
"virtualNetworks":{"v":{"addressSpace":["10.0.0.0/16","20.8.0.0/24"],"gatewayRoutes":["20.9.0.0/24"],
  "subnets":[{"name":"s","addressPrefixes":["10.0.2.0/24"],"routeTable":"t"},
    {"name":"AzureFirewallSubnet","addressPrefixes":["10.0.1.0/26"]}]}},
"routeTables":{"t":{"routes":[{"name":"r","addressPrefix":"20.10.0.0/24","nextHopType":"Internet"},
  {"name":"tag","addressPrefix":"AzureMonitor","nextHopType":"Internet"}]}},
"networkSecurityGroups":{"n":{"securityRules":[{"name":"r","priority":100,"direction":"Outbound",
  "access":"Deny","protocol":"Udp","sourceAddressPrefixes":["*"],"sourcePortRanges":["*"],
  "destinationAddressPrefixes":["20.11.0.0/24"],"destinationPortRanges":["123"]}]}},
"managedClusters":{"aks":{"networkPlugin":"overlay","podCidrs":["20.12.0.0/24"],
  "apiServer":{"access":"public","addresses":["203.0.113.40"]}}}}"#;

#[test]
fn public_addresses_are_told_apart_by_every_part_of_a_deployment_and_of_a_list() {
    let deployment = import::json::read(BLOCKS).unwrap();
    let simulator = Simulator::new(&deployment).unwrap();
    let permissions = vec![allow("p", APPS, "20.13.0.0/24", "tcp/443")];
    let list = world(permissions, vec![deny("d", "any", "20.14.0.0/24", "any")]);
    let found = simulator.public_addresses(&list.intent, &list.evidence).unwrap();
    for block in 1..=14_u8 {
        let (within, above): ([u8; 4], [u8; 4]) = match block {
            3 | 6 => ([20, block, 0, 0], [20, block, 0, 1]),
            _ => ([20, block, 0, 0], [20, block, 1, 0]),
        };
        // A firewall and a network have theirs for themselves.
        let is_public = !matches!(block, 6 | 8);
        assert_eq!(found.contains(&within.into()), is_public, "20.{block}.0.0");
        assert!(found.contains(&above.into()), "above 20.{block}.0.0");
    }
}

#[test]
fn more_public_addresses_than_can_be_tried_are_none() {
    let several = |count: usize| -> Option<usize> {
        let prefix = |n: usize| format!("20.{}.{}.0/25", n / 256, n % 256);
        let permissions = (0..count).map(|n| allow("p", APPS, &prefix(n), "tcp/443")).collect();
        let list = world(permissions, Vec::new());
        let deployment = import::json::read(r#"{"schema":"exeat.deployment/1"}"#).unwrap();
        let simulator = Simulator::new(&deployment).unwrap();
        simulator.public_addresses(&list.intent, &list.evidence).map(|found| found.len())
    };
    // Each prefix adds itself and what is above it.
    let without = several(0).unwrap();
    let most = (MAX_REGIONS - without) / 2;
    assert_eq!(several(most), Some(without + 2 * most));
    assert_eq!(several(most + 1), None);
}

#[test]
fn tags_that_decide_nothing_are_not_missing() {
    let required = allow("p", APPS, "20.0.0.0/24", "tcp/443");
    let may = |number: u32| Permission {
        requirement: Requirement::Optional,
        ..allow("q", APPS, &format!("tag Optional{number}"), "tcp/443")
    };
    let denies = (1..=7).map(|number| deny("d", "any", &format!("tag Denied{number}"), "any"));
    let permissions = [required].into_iter().chain((1..=6).map(may)).collect();
    let missing: Vec<String> =
        (1..=7).map(|number| format!("20.0.0.1 in service tag denied{number}")).collect();
    let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
    world(permissions, denies.collect())
        .check_missing("10.1.8.4 -> 20.0.0.1 : tcp/443 other", &missing);
}

/// Each permission doubled the readings once, and a list of thirteen was too much to be asked.
#[test]
fn many_permissions_of_which_nothing_is_known_are_asked_one_by_one() {
    let names = (10..50).map(|number| format!("h{number}.example.com"));
    let permissions = names.clone().map(|name| allow_by_address(&name, APPS, &name, "tcp/5432"));
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/5432 other";
    let judged = world(permissions.collect(), Vec::new()).judge(flow);
    assert_eq!((judged.required, judged.permitted), (None, None));
    for name in names {
        assert!(
            judged.missing.iter().any(|fact| fact.to_string().contains(&name)),
            "{name} is missing among {:?}",
            judged.missing
        );
    }
}

#[test]
fn a_permission_holds_to_the_end_of_its_last_day_in_utc() {
    let expires = Some(date(2026, 3, 1));
    let permission = Permission { expires, ..allow("p", APPS, "a.example.com", "https") };
    let denied = Deny { expires, ..deny("d", "any", "b.example.com", "https") };
    let list = || world(vec![permission.clone()], vec![denied.clone()]);
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com";
    list().at("2026-03-01T23:59:59Z").check(flow, "yes yes by p");
    list().at("2026-03-02T00:00:00Z").check(flow, "no no");
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls b.example.com";
    list().at("2026-03-01T23:59:59Z").check(flow, "no no denied by d");
    list().at("2026-03-02T00:00:00Z").check(flow, "no no");
}

#[test]
fn destinations_of_a_permission_are_alternatives() {
    let mut permission = allow("p", APPS, "a.example.com", "https");
    permission.destinations.push(destination("20.0.0.0/24"));
    let list = world(vec![permission], Vec::new());
    list.check("10.1.8.4 -> 30.0.0.1 : tcp/443 tls a.example.com", "yes yes by p");
    list.check("10.1.8.4 -> 20.0.0.1 : tcp/443 tls b.example.com", "yes yes by p");
    list.check("10.1.8.4 -> 30.0.0.1 : tcp/443 tls b.example.com", "no no");
}

/// A policy alone: `a.example.com` over HTTPS, 20.0.0.0/24 on port 5432.
fn deployment() -> Deployment {
    let text = r#"{"schema": "exeat.deployment/1", "firewallPolicies": {"p": {
        "ruleCollectionGroups": [{"name": "g", "priority": 100, "ruleCollections": [
            {"name": "n", "priority": 100, "kind": "network", "action": "Allow", "rules": [
                {"name": "r", "ipProtocols": ["TCP"], "sourceAddresses": ["*"],
                 "destinationAddresses": ["20.0.0.0/24"], "destinationPorts": ["5432"]}]},
            {"name": "a", "priority": 200, "kind": "application", "action": "Allow", "rules": [
                {"name": "r", "protocols": ["Https:443", "Http:80"], "sourceAddresses": ["*"],
                 "targetFqdns": ["a.example.com", "c.example.com"]}]}]}]}}}"#;
    import::json::read(text).unwrap()
}

/// A network with two private endpoints, one of them that of its cluster's API server.
fn deployment_with_endpoints() -> Deployment {
    let text = r#"{"schema": "exeat.deployment/1",
        "virtualNetworks": {"vnet": {"addressSpace": ["10.1.0.0/16"], "subnets": [
            {"name": "apps", "addressPrefixes": ["10.1.8.0/24"]},
            {"name": "endpoints", "addressPrefixes": ["10.1.12.0/28"], "privateEndpoints": [
                {"name": "api", "privateIpAddress": "10.1.12.4",
                 "fqdns": ["aks-1.privatelink.westeurope.azmk8s.io"]},
                {"name": "sql", "privateIpAddress": "10.1.12.5",
                 "fqdns": ["db.database.windows.net"]}]}]}},
        "managedClusters": {"aks": {"networkPlugin": "overlay", "podCidrs": ["10.244.0.0/16"],
            "agentPools": [{"name": "apps", "subnet": "vnet/apps"}],
            "apiServer": {"access": "private"}}}}"#;
    import::json::read(text).unwrap()
}

/// The box of a connection, and the flow at which it was settled.
#[track_caller]
fn check_replay(world: &World, flows: &[&str], expected: Option<(&str, usize)>) {
    check_replay_in(&deployment(), world, flows, expected);
}

#[track_caller]
fn check_replay_in(
    deployment: &Deployment,
    world: &World,
    flows: &[&str],
    expected: Option<(&str, usize)>,
) {
    let simulator = Simulator::new(deployment).unwrap();
    let flows: Vec<Observation> = flows.iter().map(|flow| observation(flow)).collect();
    let replayed =
        simulator.replay(&flows, Some(&world.intent), date(2026, 3, 1), &world.environment());
    let found = replayed.map(|replayed| (replayed.outcome.keyword(), replayed.index));
    assert_eq!(found, expected, "{flows:?}");
}

#[test]
fn a_connection_falls_at_the_first_flow_that_does_not_leave_as_it_should() {
    let world = one("a.example.com", "https, http").assuming("infrastructure=empty");
    let silent = "10.1.8.4 -> 20.0.0.1 : tcp/443 silent";
    let hello = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com";
    let other = "10.1.8.4 -> 20.0.0.1 : tcp/443 tls b.example.com";
    check_replay(&world, &[], None);
    check_replay(&world, &[silent], Some(("blocked", 0)));
    check_replay(&world, &[silent, hello], Some(("required-passed", 1)));
    check_replay(&world, &[silent, other], Some(("blocked", 1)));
    let request = |host: &str| format!("10.1.8.4 -> 20.0.0.1 : tcp/80 http {host}");
    let (a, b) = (request("a.example.com"), request("b.example.com"));
    check_replay(&world, &[&a, &a, &b, &a], Some(("blocked", 2)));
    check_replay(&world, &[&a, &a], Some(("required-passed", 1)));
}

#[test]
fn a_handshake_that_a_network_rule_lets_out_is_judged_by_the_name_that_follows() {
    let silent = "10.1.8.4 -> 20.0.0.1 : tcp/5432 silent";
    let hello = "10.1.8.4 -> 20.0.0.1 : tcp/5432 tls b.example.com";
    let world = one("a.example.com", "https/5432");
    check_replay(&world, &[silent, hello], Some(("leak", 0)));
    let world = one("b.example.com", "https/5432");
    check_replay(&world, &[silent, hello], Some(("required-passed", 1)));
}

#[test]
fn what_was_told_says_nothing_of_what_was_asked_besides() {
    let unseen = "10.1.8.4 -> 20.0.0.1 : tcp/5432";
    let unread = "10.1.8.4 -> 20.0.0.1 : tcp/5432 unread";
    let hello = "10.1.8.4 -> 20.0.0.1 : tcp/5432 tls a.example.com";
    let named = one("a.example.com", "https/5432").told("a.example.com", "20.0.0.1");
    check_replay(&named, &[unseen], Some(("required-passed", 0)));
    check_replay(&named, &[unread], Some(("undetermined", 0)));
    check_replay(&named, &[&format!("{unread} tls")], Some(("undetermined", 0)));
    check_replay(&named, &[hello, unread], Some(("undetermined", 1)));
    // Whatever it was for, it must be able to leave.
    let world = world(vec![allow("p", APPS, "any", "https/5432")], Vec::new());
    check_replay(&world, &[hello, unread], Some(("required-passed", 1)));
}

/// A list may take what is undetermined as it is, and takes no leak for it.
#[test]
fn a_leak_is_worse_than_what_is_not_known_before_it() {
    let [unread, hello, other] = ["unread", "tls a.example.com", "tls b.example.com"]
        .map(|payload| format!("10.1.8.4 -> 20.0.0.1 : tcp/5432 {payload}"));
    let named = one("a.example.com", "https/5432");
    check_replay(&named, &[&unread, &hello], Some(("undetermined", 0)));
    check_replay(&named, &[&hello, &unread, &unread], Some(("undetermined", 1)));
    check_replay(&named, &[&unread, &hello, &other], Some(("leak", 2)));
    // Behind what is stopped there is nothing.
    let [open, stopped, leak] = ["a", "b", "c"]
        .map(|host| format!("10.1.8.4 -> 20.0.0.1 : tcp/80 http {host}.example.com"));
    let permissions = vec![allow("p", APPS, "tag Storage", "tcp/80")];
    let tagged = world(permissions, vec![deny("d", "any", "c.example.com", "any")]);
    let tagged = tagged.assuming("infrastructure=empty");
    check_replay(&tagged, &[&open, &leak], Some(("leak", 1)));
    check_replay(&tagged, &[&open, &stopped, &leak], Some(("undetermined", 0)));
}

/// There may have been answers about any name.
#[test]
fn names_that_are_not_known_may_be_any() {
    let denied = || {
        let permissions = vec![allow("p", APPS, "20.0.0.0/24", "tcp/5432")];
        world(permissions, vec![deny("d", "any", "a.example.com", "any")])
    };
    let flow = "10.1.8.4 -> 20.0.0.1 : tcp/5432 other";
    denied().check(flow, "yes yes by p");
    denied().told("a.example.com", "20.0.0.1").check(flow, "no no by p denied by d");
    let mut full = denied();
    full.evidence.timeline = DnsTimeline::with_limit(1);
    full.told("b.example.com", "20.0.0.1")
        .told("c.example.com", "20.0.0.1")
        .check(flow, "? ? by p");
}

#[test]
fn a_private_endpoint_is_an_objection_unless_the_list_permits_what_is_sent_there() {
    let check = |world: &World, flow: &str, expected: &str| {
        check_replay_in(&deployment_with_endpoints(), world, &[flow], Some((expected, 0)));
    };
    let (sql, tls) = ("10.1.8.4 -> 10.1.12.5 : tcp/443", "tls db.database.windows.net");
    let to_sql = &format!("{sql} {tls}");
    check(&one("db.database.windows.net", "https"), to_sql, "not-judged");
    check(&one("10.1.12.5/32", "tcp/443"), to_sql, "not-judged");
    check(&one("a.example.com", "https"), to_sql, "bypass");
    let denied = vec![deny("d", "any", "*.database.windows.net", "any")];
    let permitted = vec![allow("p", APPS, "db.database.windows.net", "https")];
    check(&world(permitted, denied), to_sql, "bypass");
    check(&one("db.database.windows.net", "https"), sql, "undetermined");
    let to_api = "10.1.8.4 -> 10.1.12.4 : tcp/443 tls aks-1.privatelink.westeurope.azmk8s.io";
    check(&one("a.example.com", "https"), to_api, "not-judged");
    let denied = vec![deny("d", "any", "*.azmk8s.io", "https")];
    check(&world(Vec::new(), denied), to_api, "not-judged");
}

#[test]
fn names_that_only_evidence_tells_apart_are_told_apart() {
    let many: Vec<String> = (0..3_000).map(|number| format!("\"a{number}.example.com\"")).collect();
    let deployment = |names: &str, action: &str| {
        let text = format!(
            r#"{{"schema": "exeat.deployment/1", "firewallPolicies": {{"p": {{
            "ruleCollectionGroups": [{{"name": "g", "priority": 100, "ruleCollections": [
                {{"name": "a", "priority": 200, "kind": "application", "action": "{action}",
                 "rules": [
                    {{"name": "one", "protocols": ["Https:443"], "sourceAddresses": ["*"],
                     "targetFqdns": [{names}]}},
                    {{"name": "all", "protocols": ["Https:443"], "sourceAddresses": ["*"],
                     "targetFqdns": ["*"]}}]}}]}}]}}}}}}"#
        );
        import::json::read(&text).unwrap()
    };
    let mut world = world(Vec::new(), Vec::new());
    let readings = |world: &World, action: &str| {
        let deployment = deployment(&many.join(", "), action);
        let simulator = Simulator::new(&deployment).unwrap();
        let flow = Observation {
            payload: SeenPayload::Kind(PayloadKind::Tls),
            ..observation("10.1.8.4 -> 20.0.0.1 : tcp/443")
        };
        let mut known = |atom: &Atom| match atom {
            Atom::Resolvable { name } => {
                Answer { truth: Some(name.as_str() == "a17.example.com"), assumption: None }
            }
            other => world.environment().answer(other, &[]),
        };
        let decision = simulator.judge_with(&flow, &world.assumptions, &mut known);
        let named = simulator.readings(&flow, &world.environment());
        (decision.verdict, decision.rule, named)
    };
    world = world.assuming("infrastructure=empty");
    // One name alone is resolved, and so let out.
    let (verdict, _, named) = readings(&world, "Allow");
    assert_eq!(verdict, Verdict::Undetermined);
    // Without that, each stands for all of them, and for the names that no rule spells out.
    let alike = named.iter().map(|reading| reading.alike).max();
    assert_eq!(alike, Some(many.len()));
    // Whether a name is resolved is not asked where it is denied, and two rules do that.
    let (verdict, rule, _) = readings(&world, "Deny");
    assert_eq!((verdict, rule), (Verdict::Deny, None));
}

#[test]
fn what_a_client_was_told_for_a_name_that_was_not_seen_is_asked_of_that_name() {
    let strict = one("a.example.com", "https").assuming("client_answers=evidence");
    let told = "10.1.8.4 was told 20.0.0.1 for the name that it shows";
    strict.check_missing("10.1.8.4 -> 20.0.0.1 : tcp/443", &["name", told]);
}

/// A policy of network rules `r1`, `r2`, … for what lies in an unknown source and in a service tag,
/// and of an application rule for a name.
fn of_unknowns(count: usize) -> Deployment {
    let rule = |number: usize| {
        format!(
            r#"{{"name":"r{number}","ipProtocols":["TCP"],"sourceAddresses":["unknown:u{number}"],
            "destinationAddresses":["Tag{number}"],"destinationPorts":["443"]}}"#
        )
    };
    let rules: Vec<String> = (1..=count).map(rule).collect();
    let unknowns: Vec<String> = (1..=count)
        .map(|number| format!(r#"{{"name":"u{number}","because":"a parameter without a value"}}"#))
        .collect();
    import::json::read(&format!(
        r#"{{"schema":"exeat.deployment/1","firewallPolicies":{{"p":{{"ruleCollectionGroups":[{{
        "name":"g","priority":100,"ruleCollections":[
        {{"name":"n","priority":100,"kind":"network","action":"Deny","rules":[{}]}},
        {{"name":"a","priority":200,"kind":"application","action":"Allow","rules":[{{"name":"r",
        "protocols":["Https:443"],"sourceAddresses":["*"],"targetFqdns":["a.example.com"]}}]}}]}}]}}}},
        "unknowns":[{}]}}"#,
        rules.join(","),
        unknowns.join(",")
    ))
    .unwrap()
}

#[track_caller]
fn missing_of(deployment: &Deployment, payload: SeenPayload, expected: &[&str]) {
    let flow = observation("10.1.8.4 -> 20.0.0.1 : tcp/443");
    let world = world(Vec::new(), Vec::new());
    let simulator = Simulator::new(deployment).unwrap();
    let decision = simulator.judge(&Observation { payload, ..flow }, &world.environment());
    let missing: Vec<String> = decision.missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, expected);
}

#[test]
fn the_name_of_a_known_kind_is_missing_beside_what_else_decides() {
    let kind = SeenPayload::Kind(PayloadKind::Tls);
    let (source, tag) = ("10.1.8.4 in u1", "20.0.0.1 in service tag tag1");
    missing_of(&of_unknowns(1), kind, &["name", tag, source]);
}

#[test]
fn more_combinations_than_can_be_tried_are_said_to_be_too_many() {
    let named = FlowText::parse("10.1.8.4 -> 20.0.0.1 : tcp/443 tls a.example.com").unwrap();
    let payload = named.to_observation().unwrap().payload;
    let too_many = Missing::TooManyUnknowns.to_string();
    missing_of(&of_unknowns(13), payload, &[&too_many]);
}

/// A firewall that translates what comes to its port 8080 and sends it to another, which reads it.
const TWO_FIREWALLS: &str = r#"{
  "schema": "exeat.deployment/1",
  "firewallPolicies": {
    "first": {"ruleCollectionGroups": [{"name": "g", "priority": 100, "ruleCollections": [
      {"name": "n", "priority": 100, "kind": "nat", "action": "DNAT", "rules": [
        {"name": "r", "ipProtocols": ["TCP"], "sourceAddresses": ["*"],
         "destinationAddresses": ["10.0.1.4"], "destinationPorts": ["8080"],
         "translatedAddress": "20.0.0.1", "translatedPort": "8081"}]}]}]},
    "second": {"ruleCollectionGroups": [{"name": "g", "priority": 100, "ruleCollections": [
      {"name": "a", "priority": 100, "kind": "application", "action": "Allow", "rules": [
        {"name": "r", "protocols": ["Http:8081"], "sourceAddresses": ["*"],
         "targetFqdns": ["*"]}]}]}]}
  },
  "azureFirewalls": {
    "first": {"virtualNetwork": "hub", "firewallPolicy": "first", "privateIpAddress": "10.0.1.4",
              "publicIpAddresses": ["203.0.113.10"]},
    "second": {"virtualNetwork": "edge", "firewallPolicy": "second",
               "privateIpAddress": "10.2.1.4", "publicIpAddresses": ["203.0.113.20"]}
  },
  "virtualNetworks": {
    "hub": {
      "addressSpace": ["10.0.0.0/16"],
      "subnets": [
        {"name": "AzureFirewallSubnet", "addressPrefixes": ["10.0.1.0/26"], "routeTable": "on"},
        {"name": "nodes", "addressPrefixes": ["10.0.8.0/24"]}],
      "virtualNetworkPeerings": [
        {"name": "p", "remoteVirtualNetwork": "edge", "allowForwardedTraffic": true}]},
    "edge": {
      "addressSpace": ["10.2.0.0/16"],
      "subnets": [{"name": "AzureFirewallSubnet", "addressPrefixes": ["10.2.1.0/26"]}],
      "virtualNetworkPeerings": [
        {"name": "p", "remoteVirtualNetwork": "hub", "allowForwardedTraffic": true}]}
  },
  "routeTables": {"on": {"routes": [{"name": "on", "addressPrefix": "0.0.0.0/0",
    "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.2.1.4"}]}}
}"#;

/// What the second firewall compares with the port of a request is the translated one.
#[test]
fn a_request_that_was_not_seen_may_name_the_port_that_it_is_translated_to() {
    let deployment = import::json::read(TWO_FIREWALLS).unwrap();
    let simulator = Simulator::new(&deployment).unwrap();
    let world = world(Vec::new(), Vec::new());
    let decided = |payload| {
        let flow = observation("10.0.8.4 -> 10.0.1.4 : tcp/8080");
        let decision = simulator.judge(&Observation { payload, ..flow }, &world.environment());
        (decision.verdict, decision.reason)
    };
    let host = Some(Host::parse("a.example.com").unwrap());
    let with_port = |port| {
        let (host, path) = (host.clone(), "/".to_owned());
        decided(SeenPayload::Exactly(Payload::Http(Request { host, port: Some(port), path })))
    };
    assert_eq!(with_port(8080), (Verdict::Deny, Reason::HostPortMismatch));
    assert_eq!(with_port(8081), (Verdict::Allow, Reason::ApplicationRule));
    let unseen = decided(SeenPayload::Kind(PayloadKind::Http));
    assert_eq!(unseen.0, Verdict::Undetermined, "{unseen:?}");
}

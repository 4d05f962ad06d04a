//! Asking a DNS server, which runs inside the test.

use std::net::SocketAddr;
use std::time::Duration;

use exeat::evidence::Lock;
use exeat::evidence::live::Answers;
use exeat::evidence::live::Inquiry;
use exeat::evidence::live::ask;
use simple_dns::RCODE;
use simple_dns::TYPE;

use super::dns_server;
use super::dns_server::Reply;
use super::name;
use super::time;

fn records(texts: &[&str]) -> Reply {
    Reply::Records(texts.iter().map(ToString::to_string).collect())
}

fn zone(name: &str, asked: TYPE) -> Reply {
    match (name, asked) {
        ("www.test", TYPE::A) => records(&[
            "www.test 300 edge.test",
            "edge.test 30 node.test",
            "node.test 60 192.0.2.11",
            "node.test 60 192.0.2.10",
        ]),
        ("www.test", _) => records(&[
            "www.test 300 edge.test",
            "edge.test 30 node6.test",
            "node6.test 20 2001:db8::1",
        ]),
        // This server leaves it to the client to follow the alias.
        ("step.test", _) => records(&["step.test 5 v6.test"]),
        ("v6.test", TYPE::AAAA) => records(&["v6.test 40 2001:db8::6"]),
        ("half.test", TYPE::A) => records(&["half.test 40 192.0.2.1"]),
        ("half.test" | "broken.test", _) => Reply::Code(RCODE::ServerFailure),
        ("refused.test", _) => Reply::Code(RCODE::Refused),
        ("nowhere.test", _) => Reply::Code(RCODE::NameError),
        ("silent.test", _) => Reply::Silence,
        ("long.test", TYPE::A) => {
            Reply::OverTcp((0..200).map(|n| format!("long.test 40 192.0.2.{n}")).collect())
        }
        _ => records(&[]),
    }
}

fn ask_for(server: SocketAddr, names: &[&str]) -> Answers {
    let inquiry = Inquiry { server, at: time(0), timeout: Duration::from_secs(1), attempts: 2 };
    ask(inquiry, &names.iter().map(|text| name(text)).collect()).unwrap()
}

#[test]
fn an_answer_is_locked_with_its_addresses_aliases_and_least_ttl() {
    let server = dns_server::start(zone);
    let answers = ask_for(server, &["www.test", "step.test", "v6.test"]);
    assert_eq!(answers.failed, []);
    let mut lock = Lock::default();
    for locked in answers.locked {
        assert_eq!(lock.insert_name(locked), None);
    }
    let expected = format!(
        r#"{{
  "schema": "exeat.lock/1",
  "names": [
    {{"name":"step.test","addresses":["2001:db8::6"],"ttl":5,"aliases":["v6.test"],"server":"{server}","at":"2096-01-01T00:00:00Z"}},
    {{"name":"v6.test","addresses":["2001:db8::6"],"ttl":40,"aliases":[],"server":"{server}","at":"2096-01-01T00:00:00Z"}},
    {{"name":"www.test","addresses":["192.0.2.10","192.0.2.11","2001:db8::1"],"ttl":20,"aliases":["edge.test","node.test","node6.test"],"server":"{server}","at":"2096-01-01T00:00:00Z"}}
  ],
  "imports": []
}}
"#
    );
    assert_eq!(lock.write(), expected);
}

#[test]
fn an_answer_cut_over_udp_is_asked_for_over_tcp() {
    let answers = ask_for(dns_server::start(zone), &["long.test"]);
    assert_eq!(answers.failed, []);
    assert_eq!(answers.locked[0].addresses.len(), 200);
}

#[test]
fn a_name_without_an_answer_says_why_and_leaves_the_others_alone() {
    let server = dns_server::start(zone);
    let answers = ask_for(
        server,
        &[
            "broken.test",
            "empty.test",
            "half.test",
            "localhost",
            "nowhere.test",
            "refused.test",
            "silent.test",
            "v6.test",
        ],
    );
    let locked: Vec<&str> = answers.locked.iter().map(|locked| locked.name.as_str()).collect();
    assert_eq!(locked, ["v6.test"]);
    let failed: Vec<String> = answers.failed.iter().map(ToString::to_string).collect();
    assert_eq!(
        failed,
        [
            "`broken.test` (A): the server answered SERVFAIL",
            "`empty.test`: the server answered no address",
            "`half.test` (AAAA): the server answered SERVFAIL",
            "`localhost`: a name of special use is not asked for (RFC 6761); leave it out",
            "`nowhere.test`: the server answered NXDOMAIN",
            "`refused.test` (A): the server answered RCODE 5",
            "`silent.test` (A): the server did not answer in time",
        ]
    );
}

#[test]
fn more_names_than_are_asked_at_once_come_back_in_order() {
    let names: Vec<String> = (0..40).map(|n| format!("host{n:02}.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = dns_server::start(|name, _| {
        records(&[&format!("{name} 9 192.0.2.1"), &format!("{name} 9 2001:db8::1")])
    });
    let answers = ask_for(server, &names);
    let locked: Vec<&str> = answers.locked.iter().map(|locked| locked.name.as_str()).collect();
    assert_eq!(locked, names);
}

#[test]
fn a_server_that_is_not_there_is_an_error_of_each_name() {
    let address = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answers = ask_for(address, &["a.test", "b.test"]);
    assert_eq!((answers.locked.len(), answers.failed.len()), (0, 2));
}

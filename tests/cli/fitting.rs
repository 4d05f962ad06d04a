//! What a replay tells of flows whose parts do not fit together.

use std::fmt::Write as _;

use serde_json::Value;
use serde_json::json;

use super::sandbox::Sandbox;

const AT: &str = "2026-03-02";
/// The first of March 2026, ten o'clock, in seconds since 1970.
const TEN: i64 = 1_772_359_200;

/// A list that permits a name, in the folder of [`Sandbox`].
const REPLAY: [&str; 4] = ["replay", "ok.egress", "--at", AT];

/// A log of Zeek: connections by TLS, `client port address name`, and DNS answers, `client name address`.
fn zeek(answers: &[&str], connections: &[&str]) -> Vec<u8> {
    let mut text = String::new();
    for (number, words) in answers.iter().enumerate() {
        let [client, name, address] = words.split(' ').collect::<Vec<_>>()[..] else {
            panic!("`{words}`")
        };
        let answer = json!({
            "ts": TEN, "uid": format!("D{number}"), "id.orig_h": client, "id.orig_p": 53_000,
            "id.resp_h": "10.0.1.4", "id.resp_p": 53, "proto": "udp", "trans_id": 1, "query": name,
            "qtype_name": "A", "rcode_name": "NOERROR", "answers": [address], "TTLs": [300.0],
        });
        writeln!(text, "{answer}").unwrap();
    }
    for words in connections {
        let [client, port, address, name] = words.split(' ').collect::<Vec<_>>()[..] else {
            panic!("`{words}`")
        };
        let port: u16 = port.parse().unwrap();
        let hello = json!({
            "ts": TEN + 5, "uid": format!("C{port}"), "id.orig_h": client, "id.orig_p": port,
            "id.resp_h": address, "id.resp_p": 443, "version": "TLSv13", "server_name": name,
            "established": true,
        });
        let connection = json!({
            "ts": TEN + 4, "uid": format!("C{port}"), "id.orig_h": client, "id.orig_p": port,
            "id.resp_h": address, "id.resp_p": 443, "proto": "tcp", "service": "ssl",
            "duration": 1.5, "orig_bytes": 900, "resp_bytes": 900, "conn_state": "SF",
            "history": "ShADadFf", "orig_pkts": 9, "orig_ip_bytes": 1280, "resp_pkts": 11,
            "resp_ip_bytes": 1280,
        });
        writeln!(text, "{hello}\n{connection}").unwrap();
    }
    text.into_bytes()
}

/// The client is told where the name is, and goes elsewhere with it, seven times.
fn elsewhere() -> Vec<u8> {
    let connections: Vec<String> =
        (0..7).map(|n| format!("10.1.8.4 {} 198.51.100.{n} www.example.com", 40_000 + n)).collect();
    let connections: Vec<&str> = connections.iter().map(String::as_str).collect();
    zeek(&["10.1.8.4 www.example.com 203.0.113.80"], &connections)
}

fn report(run: super::sandbox::Run) -> Value {
    serde_json::from_str(&run.expect(0)).expect("a report")
}

#[test]
fn the_text_shows_the_first_flows_of_each_kind_and_changes_no_exit_code() {
    let sandbox = Sandbox::new();
    sandbox.write("zeek.log", &elsewhere());
    let text = sandbox.run(&[&REPLAY[..], &["--capture", "zeek.log"]].concat()).expect(0);
    let (_, section) = text.split_once("what does not fit together").expect(&text);
    let expected = "   other-address, 7 flows: the client was told other addresses for the name that it \
         shows\n     10.1.8.4:40000 -> 198.51.100.0 : tcp/443  the client was told 203.0.113.80 for \
         www.example.com (by 10.0.1.4 at 2026-03-01T10:00:00Z), and goes to 198.51.100.0\n";
    assert!(section.contains(expected), "{section}");
    assert_eq!(section.matches("tcp/443").count(), 5, "{section}");
    assert!(section.contains("     and 2 more\n"), "{section}");
    assert!(section.contains("nothing to object to"), "{section}");
    // Where it goes where it was told there is nothing to tell.
    let fits = zeek(
        &["10.1.8.4 www.example.com 203.0.113.80"],
        &["10.1.8.4 40000 203.0.113.80 www.example.com"],
    );
    sandbox.write("zeek.log", &fits);
    let text = sandbox.run(&[&REPLAY[..], &["--capture", "zeek.log"]].concat()).expect(0);
    assert!(!text.contains("fit together"), "{text}");
}

#[test]
fn json_has_the_facts_of_each_flow_and_counts_by_kind() {
    let sandbox = Sandbox::new();
    sandbox.write("zeek.log", &elsewhere());
    let args = [&REPLAY[..], &["--format", "json", "--capture", "zeek.log"]].concat();
    let whole = sandbox.run(&args).expect(0);
    let found: Value = serde_json::from_str(&whole).expect("a report");
    let flows = found["flows"].as_array().expect("flows");
    let told: Vec<&Value> =
        flows.iter().filter(|flow| flow["inconsistencies"] != json!([])).collect();
    assert_eq!(told.len(), 7);
    assert_eq!(
        told[0]["inconsistencies"],
        json!([{
            "kind": "other-address",
            "text": "the client was told 203.0.113.80 for www.example.com (by 10.0.1.4 at \
                     2026-03-01T10:00:00Z), and goes to 198.51.100.0",
        }])
    );
    let counted = &found["summary"]["inconsistencies"];
    assert_eq!(counted["other-address"]["flows"], 7, "{counted}");
    assert_eq!(counted["other-address"]["packets"], 140, "{counted}");
    assert_eq!(counted.as_object().map(serde_json::Map::len), Some(1), "{counted}");
    // They are counted where no flow is listed, and on any number of threads.
    let none = report(sandbox.run(&[&args[..], &["--flows", "none"]].concat()));
    assert_eq!(none["summary"], found["summary"]);
    assert_eq!(none["flows"], json!([]));
    assert_eq!(sandbox.run(&[&args[..], &["--threads", "1"]].concat()).expect(0), whole);
}

/// Where all sources are taken for one, the answers to several are nobody's own.
#[test]
fn answers_to_several_clients_that_are_taken_for_one_say_nothing() {
    let sandbox = Sandbox::new();
    let args = [&REPLAY[..], &["--from", "apps", "--format", "json", "--capture", "zeek.log"]];
    let args = args.concat();
    let connection = ["192.168.7.2 40000 198.51.100.7 www.example.com"];
    let own = "192.168.7.2 www.example.com 203.0.113.80";
    let neighbours = "192.168.7.3 other.example.com 203.0.113.80";
    for (answers, told) in [
        (&[own][..], json!(["other-address"])),
        (&[own, neighbours], json!([])),
        (&[neighbours], json!([])),
    ] {
        sandbox.write("zeek.log", &zeek(answers, &connection));
        let found = report(sandbox.run(&args));
        let flows = found["flows"].as_array().expect("flows");
        let flow = flows.iter().find(|flow| flow["dport"] == 443).expect("the connection");
        let kinds = flow["inconsistencies"].as_array().expect("a list").iter();
        let kinds: Vec<&Value> = kinds.map(|one| &one["kind"]).collect();
        assert_eq!(json!(kinds), told, "{answers:?}");
    }
}

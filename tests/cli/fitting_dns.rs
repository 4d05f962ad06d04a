//! What a replay of captures tells of DNS: which responses count as told, and where answers may be
//! missing.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::sandbox::Sandbox;

/// The first of March 2026, ten o'clock, in seconds since 1970.
const TEN: u32 = 1_772_359_200;
const CLIENT: [u8; 4] = [10, 1, 8, 4];
const PROXY: [u8; 4] = [10, 0, 1, 4];

const A: u16 = 1;
const MX: u16 = 15;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;

fn kind(word: &str) -> u16 {
    match word {
        "A" => A,
        "MX" => MX,
        "AAAA" => AAAA,
        "HTTPS" => HTTPS,
        other => panic!("`{other}`"),
    }
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn record(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = name(owner);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 1, 0x2c]);
    bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

fn octets(text: &str) -> [u8; 4] {
    text.parse::<Ipv4Addr>().unwrap_or_else(|_| panic!("`{text}`")).octets()
}

/// A record as `TYPE=DATA` of the name that was asked for, or `OWNER/TYPE=DATA` of another; data of
/// HTTPS is `TARGET~HINT`.
fn read_record(asked: &str, text: &str) -> Vec<u8> {
    let (head, data) = text.split_once('=').unwrap();
    let (owner, word) = head.split_once('/').unwrap_or((asked, head));
    let data = match word {
        "A" => octets(data).to_vec(),
        "MX" => [&[0, 10][..], &name(data)].concat(),
        "HTTPS" => {
            let (target, hint) = data.split_once('~').unwrap();
            [&[0, 1][..], &name(target), &[0, 4, 0, 4], &octets(hint)].concat()
        }
        other => panic!("`{other}`"),
    };
    record(owner, kind(word), &data)
}

/// A message as `ID TYPE NAME`, and of a response its records; those behind `+` are additional.
fn message(words: &[&str], is_response: bool) -> Vec<u8> {
    let [id, word, asked, records @ ..] = words else { panic!("{words:?}") };
    let (answers, others): (Vec<&&str>, Vec<&&str>) =
        records.iter().partition(|record| !record.starts_with('+'));
    let mut bytes = id.parse::<u16>().unwrap().to_be_bytes().to_vec();
    bytes.extend(if is_response { [0x81, 0x80] } else { [0x01, 0] });
    for number in [1, answers.len(), 0, others.len()] {
        bytes.extend(u16::try_from(number).unwrap().to_be_bytes());
    }
    bytes.extend(name(asked));
    bytes.extend(kind(word).to_be_bytes());
    bytes.extend([0, 1]);
    for record in answers.into_iter().chain(others) {
        bytes.extend(read_record(asked, record.trim_start_matches('+')));
    }
    bytes
}

fn ipv4(from: [u8; 4], to: [u8; 4], protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap();
    let mut bytes = vec![0x45, 0];
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 9]);
    bytes.extend(fragment.to_be_bytes());
    bytes.extend([64, protocol, 0, 0]);
    bytes.extend(from);
    bytes.extend(to);
    bytes.extend(payload);
    bytes
}

fn udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    bytes.extend(u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

fn tcp(ports: [u16; 2], flags: u8, sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    bytes.extend([0, 0, 0, sequence, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

/// The packets of a step, which is `SECOND WHAT …`:
///
/// - `ask PORT ID TYPE NAME`: the client asks the proxy from that port.
/// - `ask-at SERVER CLIENT PORT ID TYPE NAME`: that client asks another server.
/// - `scan ADDRESS PORT FLAGS`: the client sends a bare segment there.
/// - `tell PORT ID TYPE NAME RECORD…`: a response to that port.
/// - `first-part`, `second-part`, in place of `tell`: that fragment of it alone.
/// - `go ADDRESS REQUEST…`: the client connects there, and asks for that host: `-` says nothing.
fn packets(step: &str, port: u16) -> (u32, Vec<Vec<u8>>) {
    let words: Vec<&str> = step.split_whitespace().collect();
    let [second, what, rest @ ..] = words.as_slice() else { panic!("`{step}`") };
    let of = |rest: &[&str]| rest[0].parse::<u16>().unwrap();
    let packets = match *what {
        "ask" => {
            let payload = message(&rest[1..], false);
            vec![ipv4(CLIENT, PROXY, 17, 0, &udp([of(rest), 53], &payload))]
        }
        "scan" => {
            let (flags, ports) = (u8::from_str_radix(rest[2], 16).unwrap(), [port, of(&rest[1..])]);
            vec![ipv4(CLIENT, octets(rest[0]), 6, 0, &tcp(ports, flags, 0, b""))]
        }
        "ask-at" => {
            let payload = message(&rest[3..], false);
            let datagram = udp([of(&rest[2..]), 53], &payload);
            vec![ipv4(octets(rest[1]), octets(rest[0]), 17, 0, &datagram)]
        }
        "tell" | "first-part" | "second-part" => {
            let datagram = udp([53, of(rest)], &message(&rest[1..], true));
            let (first, second) = datagram.split_at(40);
            let (fragment, bytes) = match *what {
                "tell" => (0, datagram.as_slice()),
                "first-part" => (0x2000, first),
                _ => (5, second),
            };
            vec![ipv4(PROXY, CLIENT, 17, fragment, bytes)]
        }
        "go" => {
            let (to, ports) = (octets(rest[0]), [port, 80]);
            let mut packets = vec![ipv4(CLIENT, to, 6, 0, &tcp(ports, 0x02, 0, b""))];
            if rest[1] != "-" {
                let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", rest[1]);
                packets.push(ipv4(CLIENT, to, 6, 0, &tcp(ports, 0x10, 1, request.as_bytes())));
            }
            packets
        }
        other => panic!("`{other}`"),
    };
    (TEN + second.parse::<u32>().unwrap(), packets)
}

fn capture(steps: &[&str]) -> Vec<u8> {
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend([65_535_u32, 101].map(u32::to_le_bytes).concat());
    for (step, port) in steps.iter().zip(40_000..) {
        let (at, packets) = packets(step, port);
        for packet in packets {
            let length = u32::try_from(packet.len()).unwrap();
            bytes.extend([at, 0, length, length].map(u32::to_le_bytes).concat());
            bytes.extend(packet);
        }
    }
    bytes
}

/// What is told of the connections of these steps, as `kind: text`.
fn told(steps: &[&str]) -> Vec<String> {
    let sandbox = Sandbox::new();
    sandbox.write("c.pcap", &capture(steps));
    let args =
        ["replay", "ok.egress", "--at", "2026-03-02", "--format", "json", "--capture", "c.pcap"];
    let run = sandbox.run(&args);
    let report: Value = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{}", run.err));
    let flows = report["flows"].as_array().expect("flows");
    let all = flows.iter().flat_map(|flow| flow["inconsistencies"].as_array().expect("a list"));
    let text = |one: &Value, key: &str| one[key].as_str().expect("a text").to_owned();
    all.map(|one| format!("{}: {}", text(one, "kind"), text(one, "text"))).collect()
}

#[track_caller]
fn check(steps: &[&str], expected: &[&str]) {
    assert_eq!(told(steps), expected, "{steps:#?}");
}

const ASK: &str = "0 ask 50000 1 A www.example.com";
const TELL: &str = "0 tell 50000 1 A www.example.com A=203.0.113.80";
const GO: &str = "5 go 198.51.100.7 www.example.com";
const ELSEWHERE: &str = "other-address: the client was told 203.0.113.80 for www.example.com \
    (by 10.0.1.4 at 2026-03-01T10:00:00Z), and goes to 198.51.100.7";
const NO_ANSWER: &str = "no-answer: answers to the client are recorded since 2026-03-01T10:00:00Z, \
    and none holds 198.51.100.7, where it asks for www.example.com";
/// That another name was answered, so that answers are known to be recorded.
const OTHER: [&str; 2] =
    ["0 ask 50001 2 A other.example", "0 tell 50001 2 A other.example A=203.0.113.9"];

#[test]
fn a_client_that_goes_where_it_was_told_is_not_told_of() {
    check(&[ASK, TELL, GO], &[ELSEWHERE]);
    check(&[ASK, TELL, "5 go 203.0.113.80 www.example.com"], &[]);
}

#[test]
fn a_hint_of_a_service_record_tells_its_address() {
    let ask = "1 ask 50002 3 HTTPS www.example.com";
    for record in [
        "HTTPS=.~198.51.100.7",
        // Another endpoint of the same name.
        "HTTPS=cdn.example.net~198.51.100.7",
    ] {
        let tell = format!("1 tell 50002 3 HTTPS www.example.com {record}");
        check(&[ASK, TELL, ask, &tell, GO], &[]);
        // An answer that was recorded without its question counts.
        check(&[ASK, TELL, &tell, GO], &[]);
        check(&[OTHER[0], OTHER[1], ask, &tell, GO], &[]);
        check(
            &[ASK, TELL, ask, &tell, "5 go 198.51.100.8 www.example.com"],
            &[&ELSEWHERE.replace("198.51.100.7", "198.51.100.8")],
        );
    }
    // The name stands behind a port and a scheme.
    let ask = "1 ask 50002 3 HTTPS _8080._https.www.example.com";
    let tell = "1 tell 50002 3 HTTPS _8080._https.www.example.com HTTPS=.~198.51.100.7";
    check(&[ASK, TELL, ask, tell, GO], &[]);
    // A hint of another name says nothing of this one.
    let tell = "1 tell 50002 3 HTTPS shop.example HTTPS=.~198.51.100.7";
    check(&[ASK, TELL, tell, GO], &[ELSEWHERE]);
    // What was told of another name was told all the same.
    check(&[OTHER[0], OTHER[1], tell, "5 go 198.51.100.7 -"], &[]);
}

#[test]
fn an_additional_record_tells_its_address() {
    let of_target = "1 tell 50002 3 HTTPS www.example.com HTTPS=cdn.example.net~192.0.2.9 \
        +cdn.example.net/A=198.51.100.7";
    check(&[ASK, TELL, of_target, GO], &[]);
    let mail = "1 tell 50002 3 MX example.com MX=www.example.com +www.example.com/A=198.51.100.7";
    check(&[ASK, TELL, mail, GO], &[]);
    check(&[ASK, TELL, &mail.replace("50002", "50000"), GO], &[]);
    let others = "1 tell 50002 3 MX example.com MX=mx.example.com +mx.example.com/A=198.51.100.7";
    check(&[ASK, TELL, others, GO], &[ELSEWHERE]);
}

/// A hint is no answer: it fixes no verdict.
#[test]
fn a_hint_is_no_evidence_for_a_verdict() {
    let sandbox = Sandbox::new();
    let rule = "allow db: apps -> db.example.com : tcp/80\n  because \"by address\"  by address because \"x\"\n";
    sandbox.write("a.egress", [super::sandbox::OK, rule].concat().as_bytes());
    let verdict = |tell: &str| {
        sandbox.write("c.pcap", &capture(&[tell, "5 go 198.51.100.7 db.example.com"]));
        let args = ["replay", "a.egress", "--format", "json", "--capture", "c.pcap"];
        let report: Value = serde_json::from_str(&sandbox.run(&args).out).expect("a report");
        let flows = report["flows"].as_array().expect("flows");
        let flow = flows.iter().find(|flow| flow["dport"] == 80).expect("the connection");
        flow["verdict"].as_str().expect("a word").to_owned()
    };
    let answered = verdict("0 tell 50000 1 A db.example.com A=198.51.100.7");
    let hinted = verdict("0 tell 50000 1 HTTPS db.example.com HTTPS=.~198.51.100.7");
    let nothing = verdict("0 tell 50000 1 A other.example A=203.0.113.9");
    assert_eq!((answered.as_str(), hinted), ("allow", nothing));
}

#[test]
fn a_question_without_its_answer_leaves_open_what_was_told() {
    let again = "1 ask 50003 4 A www.example.com";
    check(&[ASK, TELL, GO], &[ELSEWHERE]);
    check(&[ASK, TELL, again, GO], &[]);
    check(&[OTHER[0], OTHER[1], GO], &[NO_ANSWER]);
    check(&[OTHER[0], OTHER[1], again, GO], &[]);
    // One about IPv6, or one that was asked afterwards, could not have told it.
    check(&[ASK, TELL, "1 ask 50003 4 AAAA www.example.com", GO], &[ELSEWHERE]);
    check(&[ASK, TELL, GO, "9 ask 50003 4 A www.example.com"], &[ELSEWHERE]);
    // A hint could have.
    check(&[ASK, TELL, "1 ask 50003 4 HTTPS www.example.com", GO], &[]);
    // About another name it says nothing of this one; but of a flow without a name.
    let other = "1 ask 50003 4 A shop.example";
    check(&[ASK, TELL, other, GO], &[ELSEWHERE]);
    check(&[OTHER[0], OTHER[1], other, "5 go 198.51.100.7 -"], &[]);
    // The client asked again, and was answered then.
    check(&["0 ask 50003 4 A www.example.com", ASK, TELL, GO], &[ELSEWHERE]);
    // Long afterwards that is another answer.
    let (ask, tell) =
        ("90 ask 50004 5 A www.example.com", "90 tell 50004 5 A www.example.com A=203.0.113.80");
    let go = "95 go 198.51.100.7 www.example.com";
    check(&[OTHER[0], OTHER[1], "1 ask 50003 4 A www.example.com", ask, tell, go], &[]);
}

#[test]
fn an_answer_whose_fragments_are_lost_leaves_open_what_was_told() {
    let lost = "3 A www.example.com A=198.51.100.7";
    for part in ["first-part", "second-part"] {
        // With its question, it lacks an answer; without, a response of a server of DNS.
        let ask = "1 ask 50002 3 A www.example.com";
        check(&[ASK, TELL, ask, &format!("1 {part} 50002 {lost}"), GO], &[]);
        check(&[OTHER[0], OTHER[1], &format!("1 {part} 50002 {lost}"), GO], &[]);
        // Afterwards it could not have told it.
        check(&[OTHER[0], OTHER[1], GO, &format!("9 {part} 50002 {lost}")], &[NO_ANSWER]);
    }
}

#[test]
fn a_response_that_answers_no_question_is_not_told() {
    let forged = "2 tell 50000 9 A www.example.com A=198.51.100.7";
    // Before the answer, behind it, and with an identification of its own.
    check(&[ASK, "0 tell 50000 9 A www.example.com A=198.51.100.7", TELL, GO], &[ELSEWHERE]);
    check(&[ASK, TELL, forged, GO], &[ELSEWHERE]);
    // The first answer counts.
    let second = "2 tell 50000 1 A www.example.com A=198.51.100.7";
    check(&[ASK, TELL, second, GO], &[ELSEWHERE]);
    let first = "0 tell 50000 1 A www.example.com A=198.51.100.7";
    check(&[ASK, first, TELL, GO], &[]);
    // The name has to be that of the question, and so has the type.
    let other = "0 tell 50000 1 A shop.example A=198.51.100.7";
    check(
        &[ASK, other, TELL, "5 go 198.51.100.7 shop.example"],
        &[&NO_ANSWER.replace("www.example.com", "shop.example")],
    );
    // To a port that asked nothing, while the questions of the client are recorded for long.
    let unasked = "60 tell 50009 9 A www.example.com A=198.51.100.7";
    let later = "65 go 198.51.100.7 www.example.com";
    check(&[ASK, TELL, unasked, later], &[ELSEWHERE]);
    let hint = "60 tell 50009 9 HTTPS www.example.com HTTPS=.~198.51.100.7";
    check(&[ASK, TELL, hint, later], &[ELSEWHERE]);
    let mail = "60 tell 50009 9 MX example.com MX=www.example.com +www.example.com/A=198.51.100.7";
    check(&[ASK, TELL, mail, later], &[]);
    // A hint has to answer a question, too.
    let hint = "2 tell 50000 9 HTTPS www.example.com HTTPS=.~198.51.100.7";
    check(&[ASK, TELL, hint, GO], &[ELSEWHERE]);
}

#[test]
fn a_response_counts_where_questions_are_not_recorded() {
    // In one direction only.
    check(&[TELL, GO], &[ELSEWHERE]);
    check(
        &[
            TELL,
            "9 tell 50000 9 A www.example.com A=198.51.100.7",
            "12 go 198.51.100.7 www.example.com",
        ],
        &[],
    );
    // The recording began behind the question.
    check(&["0 tell 50009 9 A www.example.com A=198.51.100.7", ASK, TELL, GO], &[]);
    check(&[ASK, TELL, "1 tell 50009 9 A www.example.com A=198.51.100.7", GO], &[]);
}

#[test]
fn responses_that_count_for_nothing_are_counted() {
    let sandbox = Sandbox::new();
    let forged = "2 tell 50000 9 A www.example.com A=198.51.100.7";
    sandbox.write("c.pcap", &capture(&[ASK, TELL, forged, GO]));
    let text = sandbox.run(&["replay", "ok.egress", "--capture", "c.pcap"]).expect(0);
    let note = "1 DNS response answers no question that was recorded and open, and is not believed";
    assert!(text.contains(note), "{text}");
    // What is repeated says nothing else.
    sandbox.write("c.pcap", &capture(&[ASK, TELL, TELL, GO]));
    let text = sandbox.run(&["replay", "ok.egress", "--capture", "c.pcap"]).expect(0);
    assert!(!text.contains("answers no question"), "{text}");
}

/// Each question is a flow, and of all of them the same is to be said.
#[test]
fn other_resolvers_are_told_once_for_each_client() {
    let sandbox = Sandbox::new();
    let asks: Vec<String> = (0..30)
        .map(|n| {
            let (server, client) = (n % 2 + 53, n / 20 + 4);
            let port = 50_000 + n;
            format!("{n} ask-at 192.0.2.{server} 10.1.8.{client} {port} {n} A n{n}.example")
        })
        .collect();
    let asks: Vec<&str> = asks.iter().map(String::as_str).collect();
    sandbox.write("c.pcap", &capture(&asks));
    let args = ["replay", "ok.egress", "--at", "2026-03-02", "--capture", "c.pcap"];
    let text = sandbox.run(&args).out;
    let expected =
        "   other-resolver, 30 flows: DNS goes to another server than the firewall's proxy
     10.1.8.4  DNS to 192.0.2.53, and not to the firewall's proxy at 10.0.1.4, 10 flows
     10.1.8.4  DNS to 192.0.2.54, and not to the firewall's proxy at 10.0.1.4, 10 flows
     10.1.8.5  DNS to 192.0.2.53, and not to the firewall's proxy at 10.0.1.4, 5 flows
     10.1.8.5  DNS to 192.0.2.54, and not to the firewall's proxy at 10.0.1.4, 5 flows
";
    assert!(text.contains(expected), "{text}");
    // As JSON it is each flow's own.
    let report = sandbox.run(&[&args[..], &["--format", "json"]].concat()).out;
    assert_eq!(report.matches("\"kind\":\"other-resolver\"").count(), 30, "{report}");
}

/// Whoever looks for open ports says nothing, to servers of DNS either.
#[test]
fn a_scan_of_ports_asks_no_resolver() {
    for flags in ["02", "10", "01", "29", "00"] {
        for port in [53, 853] {
            check(&[&format!("0 scan 192.0.2.53 {port} {flags}")], &[]);
        }
    }
}

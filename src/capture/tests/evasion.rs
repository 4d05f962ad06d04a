//! Ways to have a name overlooked, or another one read: each leaves the flow open, or is seen.

use super::build::ACK;
use super::build::CLIENT;
use super::build::End;
use super::build::FIN;
use super::build::RST;
use super::build::SERVER;
use super::build::SYN;
use super::build::Segment;
use super::build::WEB;
use super::build::client_hello;
use super::build::ethernet;
use super::build::pcap;
use super::build::pcap_at;
use super::build::udp;
use super::check_story;
use super::file_of;
use super::only;
use super::read;
use super::session;
use super::story;
use crate::capture::Note;

/// A ClientHello of some 4 KiB, whose name stands at its front.
fn long_hello(name: &str) -> Vec<u8> {
    let mut hello = client_hello(name);
    let padding = [&[0, 21, 14, 0x10][..], &[0; 3600]].concat();
    hello.extend(&padding);
    for (at, bytes) in [(3, 2), (7, 2), (hello.len() - padding.len() - extensions(name) - 2, 2)] {
        let length = u16::from_be_bytes([hello[at], hello[at + 1]]) + 3604;
        hello[at..at + bytes].copy_from_slice(&length.to_be_bytes());
    }
    hello
}

/// Bytes of the extensions that [`client_hello`] writes.
fn extensions(name: &str) -> usize {
    4 + 2 + 3 + name.len()
}

#[test]
fn a_contradiction_is_found_wherever_the_hello_has_it() {
    let (ours, theirs) = (long_hello("www.example.com"), long_hello("evil.example.ne"));
    let parts: Vec<&[u8]> = ours.chunks(1400).collect();
    let mut segments = session(SERVER, &parts);
    segments.push(Segment::new(CLIENT, SERVER, ACK, 1001, &theirs[..1400]));
    let flow = only(&file_of(&segments));
    let expected = "tls www.example.com | 1 silent | 6 unread";
    assert_eq!(story(&flow), expected);
    assert!(flow.notes.contains(&Note::ConflictingSegments));
}

#[test]
fn what_is_no_quic_before_quic_does_not_hide_it() {
    let initial = super::quic::named("a.example");
    let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01b\x07example\0\0\x01\0\x01".to_vec();
    let record = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[9]].concat();
    let ways = [vec![query], vec![record], vec![b"junk".to_vec(); 40]];
    for before in ways {
        let datagrams = [before, vec![initial.clone()]].concat();
        let frames: Vec<_> = (1..)
            .zip(&datagrams)
            .map(|(id, payload)| ethernet(&[], &udp(CLIENT, SERVER, id, payload)))
            .collect();
        let flow = only(&pcap(1, &frames));
        let last = datagrams.len();
        assert!(story(&flow).ends_with(&format!("| {last} quic a.example")), "{}", story(&flow));
    }
}

#[test]
fn a_syn_ack_of_another_connection_is_another_flow() {
    let mut segments = session(SERVER, &[&client_hello("a.example")]);
    segments.push(Segment::new(SERVER, CLIENT, SYN | ACK, 90_000, b"").answering(3_000_001));
    segments.push(Segment::new(CLIENT, SERVER, ACK, 3_000_001, &client_hello("b.example")));
    let (taken, _) = read(&file_of(&segments));
    let stories: Vec<String> = taken.flows.iter().map(story).collect();
    assert_eq!(
        stories,
        ["tls a.example | 1 silent | 4 tls a.example", "tls b.example | 2 tls b.example"]
    );
}

#[test]
fn what_is_left_of_a_connection_is_not_of_the_next() {
    let left = Segment::new(SERVER, CLIENT, ACK, 900_000, &[7; 40]).answering(5_000);
    let mut segments = session(SERVER, &[&client_hello("a.example")]);
    segments.splice(0..0, [left, Segment::new(SERVER, CLIENT, ACK, 900_040, &[7; 40])]);
    let (taken, _) = read(&file_of(&segments));
    let stories: Vec<String> = taken.flows.iter().map(story).collect();
    assert_eq!(stories, ["other | 1 unknown", "tls a.example | 1 silent | 4 tls a.example"]);
}

/// As from a server that answers each copy of a SYN without memory of the others, or from two.
#[test]
fn a_syn_that_is_accepted_twice_opens_one_connection() {
    for place in [2, 3, 4] {
        let mut segments = session(SERVER, &[&client_hello("a.example")]);
        let again = Segment::new(SERVER, CLIENT, SYN | ACK, 3_000_000_000, b"").answering(1001);
        segments.insert(place, again);
        let flow = only(&file_of(&segments));
        let at = if place < 4 { 5 } else { 4 };
        assert_eq!(story(&flow), format!("tls a.example | 1 silent | {at} tls a.example"));
        assert!(flow.notes.is_empty() && !flow.incomplete, "{flow:?}");
    }
}

/// Of one that has answered already it is another connection, the SYN of which was not seen.
#[test]
fn a_syn_ack_of_who_has_spoken_is_another_flow_however_near_its_numbers() {
    let mut segments = session(SERVER, &[&client_hello("a.example")]);
    segments.push(Segment::new(SERVER, CLIENT, ACK, 5001, &[7; 40]).answering(1200));
    segments.push(Segment::new(SERVER, CLIENT, SYN | ACK, 90_000, b"").answering(3001));
    segments.push(Segment::new(CLIENT, SERVER, ACK, 3001, &client_hello("b.example")));
    let (taken, _) = read(&file_of(&segments));
    let names: Vec<_> = taken.flows.iter().map(|flow| flow.name.clone()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(Option::is_some), "{names:?}");
}

/// A client that is in a connection answers a SYN of its server with no more than where it is
/// (RFC 5961 §4), and goes on.
#[test]
fn no_syn_turns_the_server_of_a_connection_into_its_client() {
    let hello = client_hello("a.example");
    for sequence in [5000, 5001, 90_000, 3_000_000_000] {
        let mut segments = session(SERVER, &[&hello]);
        segments.insert(3, Segment::new(SERVER, CLIENT, SYN, sequence, b""));
        let flow = only(&file_of(&segments));
        assert_eq!(story(&flow), "tls a.example | 1 silent | 5 tls a.example", "{sequence}");
        assert_eq!(flow.source_port, CLIENT.1);
    }
    for (sequence, answered) in [(900, 5001), (1000, 900_000), (77_000, 3_000_000_001)] {
        let mut segments = session(SERVER, &[&hello]);
        let accepts = Segment::new(CLIENT, SERVER, SYN | ACK, sequence, b"").answering(answered);
        segments.insert(3, accepts);
        let flow = only(&file_of(&segments));
        assert_eq!(story(&flow), "tls a.example | 1 silent | 5 tls a.example", "{sequence}");
        assert_eq!(flow.source_port, CLIENT.1);
    }
}

fn ours(flags: u8, sequence: u32, payload: &[u8]) -> Segment {
    Segment::new(CLIENT, SERVER, flags, sequence, payload).answering(5001)
}

fn theirs(flags: u8, sequence: u32, payload: &[u8]) -> Segment {
    Segment::new(SERVER, CLIENT, flags, sequence, payload).answering(1001)
}

/// Whatever a server sends beside, and wherever the capture begins, what its client says is heard.
#[test]
fn a_server_cannot_have_its_client_overlooked() {
    let hello = client_hello("a.example");
    let (opens, accepts) = (|| ours(SYN, 1000, b""), || theirs(SYN | ACK, 5000, b""));
    let says = || ours(ACK, 1001, &hello);
    let junk = || theirs(ACK, 5001, b"\0\x01junk");
    let answers = |number: u32| ours(SYN | ACK, 1000, b"").answering(number);
    // With what the flows show of it, each behind the port of its source.
    let cases: &[(&str, Vec<Segment>, &[&str])] = &[
        (
            "a SYN where the capture begins with the SYN-ACK",
            vec![accepts(), theirs(SYN, 90_000, b""), says()],
            &["50000 tls a.example | 3 tls a.example"],
        ),
        (
            "three SYNs, the last of which is accepted",
            vec![
                opens(),
                theirs(SYN, 3000, b""),
                theirs(SYN, 4000, b""),
                theirs(SYN, 5000, b""),
                answers(5001),
                says(),
            ],
            &[
                "50000 other | 1 silent",
                "443 other | 1 silent",
                "50000 tls a.example | 1 silent | 3 tls a.example",
            ],
        ),
        (
            "a reset that the client does not take",
            vec![opens(), accepts(), theirs(RST, 99, b""), theirs(SYN, 4999, b""), says()],
            &["50000 other | 1 silent", "50000 tls a.example | 1 silent | 2 tls a.example"],
        ),
        (
            "words before those of the client",
            vec![
                opens(),
                theirs(SYN, 3000, b""),
                theirs(SYN, 5000, b""),
                answers(5001),
                junk(),
                says(),
            ],
            &["50000 other | 1 silent", "50000 tls | 1 silent | 3 unread | 4 tls a.example"],
        ),
        (
            "a client that says nothing known",
            vec![opens(), theirs(SYN, 5000, b""), answers(5001), ours(ACK, 1001, b"\0\x01zzzz")],
            &["50000 other | 1 silent | 4 unknown"],
        ),
        (
            "a client that says a part of a hello",
            vec![opens(), theirs(SYN, 5000, b""), answers(5001), ours(ACK, 1001, b"\x16\x03\x01")],
            &["50000 other | 1 silent | 4 unknown"],
        ),
        (
            "a hello of its own behind a SYN",
            vec![
                opens(),
                accepts(),
                theirs(SYN, 5000, b""),
                theirs(ACK, 5001, &client_hello("fake.example")),
                ours(ACK, 1001, b"\0\x01zzzz"),
            ],
            &["50000 tls | 1 silent | 4 some tls"],
        ),
        (
            "an acknowledgment of nothing before the SYN",
            vec![accepts().answering(900_000_000), opens(), accepts(), says()],
            &["50000 tls a.example | 2 silent | 4 tls a.example"],
        ),
        (
            "a connection of the server before",
            vec![
                theirs(SYN, 3000, b""),
                ours(SYN | ACK, 2000, b"").answering(3001),
                theirs(ACK, 3001, b""),
                opens(),
                accepts(),
                says(),
            ],
            &["443 other | 1 silent", "50000 tls a.example | 2 tls a.example"],
        ),
    ];
    for (case, segments, expected) in cases {
        let (taken, _) = read(&file_of(segments));
        let shown: Vec<String> = taken
            .flows
            .iter()
            .map(|flow| format!("{} {}", flow.source_port, story(flow)))
            .collect();
        assert_eq!(&shown, expected, "{case}");
    }
}

#[test]
fn what_was_a_server_may_connect_once_the_connection_is_over() {
    let reset = [Segment::new(SERVER, CLIENT, RST, 5001, b"")];
    let done = [
        Segment::new(SERVER, CLIENT, FIN | ACK, 5001, b"").answering(1001),
        Segment::new(CLIENT, SERVER, FIN | ACK, 1001, b"").answering(5002),
    ];
    for end in [&reset[..], &done] {
        let mut segments = session(SERVER, &[]);
        segments.extend(end.iter().cloned());
        segments.push(Segment::new(SERVER, CLIENT, SYN, 90_000, b""));
        let (taken, _) = read(&file_of(&segments));
        let sources: Vec<_> = taken.flows.iter().map(|flow| flow.source_port).collect();
        assert_eq!(sources, [CLIENT.1, SERVER.1]);
    }
}

/// As of a split handshake: a server that answers a SYN with its own. It is another flow, as others
/// have it, and the one who says something in it is heard whatever it counts for.
#[test]
fn a_client_that_is_made_to_look_like_a_server_is_heard() {
    let mut segments = vec![
        Segment::new(CLIENT, SERVER, SYN, 1000, b""),
        Segment::new(SERVER, CLIENT, ACK, 2000, b"").answering(1001),
        Segment::new(SERVER, CLIENT, SYN, 3000, b""),
        Segment::new(CLIENT, SERVER, SYN | ACK, 1000, b"").answering(3001),
        Segment::new(SERVER, CLIENT, ACK, 3001, b"").answering(1001),
    ];
    segments.push(Segment::new(CLIENT, SERVER, ACK, 1001, &client_hello("a.example")));
    let (taken, _) = read(&file_of(&segments));
    let stories: Vec<String> = taken.flows.iter().map(story).collect();
    assert_eq!(stories, ["other | 1 silent", "tls a.example | 1 silent | 4 tls a.example"]);
}

/// The server takes it for a mistake; whether it does, the capture does not tell.
#[test]
fn a_hello_behind_another_syn_of_the_client_leaves_a_flow_open() {
    let heard = "tls a.example | 1 silent | 2 unread";
    let unheard = "other | 1 silent | 1 unknown";
    for (sequence, expected) in [(900, heard), (90_000, unheard), (3_000_000_000, heard)] {
        let mut segments = session(SERVER, &[&client_hello("a.example")]);
        segments.insert(3, Segment::new(CLIENT, SERVER, SYN, sequence, b""));
        let (taken, _) = read(&file_of(&segments));
        let stories: Vec<String> = taken.flows.iter().map(story).collect();
        assert_eq!(stories, ["other | 1 silent", expected]);
    }
}

/// A SYN may carry the hello, and the file may have its acknowledgment before it (RFC 7413).
#[test]
fn a_hello_that_is_acknowledged_before_its_syn_is_heard() {
    let hello = client_hello("a.example");
    let behind = 1001 + u32::try_from(hello.len()).unwrap();
    let accepts = Segment::new(SERVER, CLIENT, SYN | ACK, 5000, b"").answering(behind);
    let opens = Segment::new(CLIENT, SERVER, SYN, 1000, &hello);
    for segments in [[opens.clone(), accepts.clone()], [accepts, opens]] {
        let flow = only(&file_of(&segments));
        assert!(story(&flow).ends_with("tls a.example"), "{}", story(&flow));
        assert_eq!((flow.source_port, flow.incomplete), (CLIENT.1, false));
    }
}

/// As in files of which the clocks were merged: a port that is closed is one flow.
#[test]
fn a_reset_before_its_syn_is_of_the_same_flow() {
    let reset = Segment::new(SERVER, CLIENT, RST | ACK, 0, b"").answering(1001);
    let flow = only(&file_of(&[reset, Segment::new(CLIENT, SERVER, SYN, 1000, b"")]));
    assert_eq!((flow.source_port, flow.syn), (CLIENT.1, true));
}

/// A byte before the first keeps a connection alive and says nothing.
#[test]
fn who_only_keeps_a_connection_alive_is_silent() {
    let mut segments = session(SERVER, &[]);
    segments.push(Segment::new(CLIENT, SERVER, ACK, 1000, b"\0"));
    segments.push(Segment::new(CLIENT, SERVER, RST, 0, b""));
    assert_eq!(story(&only(&file_of(&segments))), "other | 1 silent");
}

#[test]
fn what_comes_after_an_upgrade_is_looked_at() {
    let upgrade = b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c\r\n\r\n";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let request = |stream: u8, host: &str| {
        let block =
            [&[0x82, 0x84, 0x41][..], &[u8::try_from(host.len()).unwrap()], host.as_bytes()];
        let block = block.concat();
        let length = u8::try_from(block.len()).unwrap();
        [&[0, 0, length, 1, 4, 0, 0, 0, stream][..], &block].concat()
    };
    let two = [preface.to_vec(), request(3, "b.example"), request(5, "c.example")].concat();
    let expected =
        "http a.example | 1 silent | 4 http a.example | 5 http b.example | 5 http c.example";
    let mut segments = session(WEB, &[upgrade, &two]);
    // Nobody knows what a server makes of it that did not agree.
    check_story(&segments, &format!("{expected} | 5 unread http"));
    let other = session(WEB, &[upgrade, b"\0\x01"]);
    check_story(&other, "http a.example | 1 silent | 4 http a.example | 5 unread http");
    let agreed = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    segments.insert(4, Segment::new(WEB, CLIENT, ACK, 5001, agreed));
    check_story(&segments, &expected.replace("| 5 ", "| 6 "));
    // Behind another response, before the request in the file, behind a body of the request; but not in
    // the body of an answer that does not agree.
    let agreeing = |server: &[u8], place: usize| {
        let mut segments = session(WEB, &[upgrade, b"\0\x01"]);
        segments.insert(place, Segment::new(WEB, CLIENT, ACK, 5001, server));
        !story(&only(&file_of(&segments))).contains("unread http")
    };
    let two = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &agreed[..]].concat();
    assert!(agreeing(&two, 4) && agreeing(agreed, 3));
    let mut segments = session(WEB, &[upgrade, b"\0\x01"]);
    let refusing = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
    segments.insert(4, Segment::new(WEB, CLIENT, ACK, 5001, refusing));
    let behind = 5001 + u32::try_from(refusing.len()).unwrap();
    segments.insert(5, Segment::new(WEB, CLIENT, ACK, behind, agreed));
    check_story(&segments, "http a.example | 1 silent | 4 http a.example | 7 unread http");
    let posted =
        b"POST / HTTP/1.1\r\nHost: a.example\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}";
    let mut segments = session(WEB, &[posted, b"\0\x01"]);
    segments.insert(4, Segment::new(WEB, CLIENT, ACK, 5001, agreed));
    check_story(&segments, "http a.example | 1 silent | 4 http a.example");
    // TLS behind a request, in a segment of its own or with it.
    let connect = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for parts in [
        vec![connect.to_vec(), client_hello("b.example")],
        vec![[connect.to_vec(), client_hello("b.example")].concat()],
    ] {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let flow = only(&file_of(&session(WEB, &parts)));
        let names: Vec<String> = flow.names.iter().map(|seen| seen.name.to_string()).collect();
        assert_eq!(names, ["a.example", "b.example"]);
    }
}

/// A tunnel begins where the server agrees to it (RFC 9110 §9.3.6); a client that is refused goes on with
/// requests.
#[test]
fn what_follows_a_request_for_a_tunnel_goes_by_the_answer() {
    const CONNECT: &[u8] = b"CONNECT a.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\n";
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: b.example\r\n\r\n";
    const REFUSING: &[u8] =
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    const AGREEING: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
    let hello = client_hello("c.example");
    // What the client and (`true`) the server say.
    let said = |parts: &[(bool, &[u8])]| {
        let mut segments = session(WEB, &[]);
        let mut numbers = [1001, 5001];
        for (by_server, part) in parts {
            let (from, to) = if *by_server { (WEB, CLIENT) } else { (CLIENT, WEB) };
            let [own, other] = if *by_server { [1, 0] } else { [0, 1] };
            let segment = Segment::new(from, to, ACK, numbers[own], part).answering(numbers[other]);
            segments.push(segment);
            numbers[own] += u32::try_from(part.len()).unwrap();
        }
        segments
    };
    let lost = |mut segments: Vec<Segment>, number: usize| {
        segments.remove(number - 1);
        segments
    };
    let begin = "http a.example | 1 silent | 4 http a.example";
    let both = |rest: &str| format!("{begin} | {rest}");
    let refused = [(false, CONNECT), (true, REFUSING), (false, GET)];
    check_story(&said(&refused), &both("6 http b.example"));
    let granted = [(false, CONNECT), (true, AGREEING), (false, GET)];
    check_story(&said(&granted), begin);
    let names: Vec<String> =
        only(&file_of(&said(&granted))).names.iter().map(|seen| seen.name.to_string()).collect();
    assert_eq!(names, ["a.example", "b.example"]);
    // As curl does it: without a password, and with it.
    let again = [(false, CONNECT), (true, REFUSING), (false, CONNECT), (true, AGREEING)];
    let in_tunnel = [&again[..], &[(false, &hello[..])]].concat();
    check_story(&said(&in_tunnel), &both("6 http a.example"));
    // Nobody answered, or it is not known which answer is the one.
    check_story(
        &said(&[(false, CONNECT), (false, GET)]),
        &both("5 unread http | 5 http b.example"),
    );
    let pipelined =
        [(false, GET), (false, CONNECT), (true, AGREEING), (true, REFUSING), (false, GET)];
    let expected = "http b.example | 1 silent | 4 http b.example | 5 http a.example | 8 unread http | \
                 8 http b.example";
    check_story(&said(&pipelined), expected);
    let repeated = [&pipelined[..1], &[(true, AGREEING)], &pipelined[1..2]].concat();
    let mut segments = said(&repeated);
    segments.push(segments[4].clone());
    let next = 1001 + u32::try_from(GET.len() + CONNECT.len()).unwrap();
    segments.push(Segment::new(CLIENT, WEB, ACK, next, GET).answering(5040));
    assert!(
        story(&only(&file_of(&segments))).ends_with("unread http | 8 http b.example"),
        "{segments:?}"
    );
    // Bytes are missing behind it.
    let missing = lost(said(&[&refused[..2], &[(false, GET), (false, GET)]].concat()), 6);
    check_story(&missing, &both("6 unread http"));
    let missing = lost(said(&[&granted[..2], &[(false, GET), (false, GET)]].concat()), 6);
    check_story(&missing, begin);
    // Without the answers, TLS is in a tunnel all the same; other bytes say nothing of it.
    check_story(&said(&[(false, CONNECT), (false, &hello)]), begin);
    let open = both("5 unread http");
    check_story(&said(&[(false, CONNECT), (false, b"\0"), (false, GET)]), &open);
    // Behind a refusal they are no tunnel, whatever they are.
    for junk in [&b"\0"[..], b" ", b"{\"x\":1}", &hello] {
        let segments = said(&[(false, CONNECT), (true, REFUSING), (false, junk), (false, GET)]);
        check_story(&segments, &both("6 unread http"));
    }
    let early = [(false, CONNECT), (false, &hello[..]), (true, REFUSING), (false, GET)];
    check_story(&said(&early), &both("5 unread http"));
    // A body that the server may read, and the client may go on behind.
    for announced in ["Content-Length: 35", "Transfer-Encoding: chunked"] {
        let connect =
            format!("CONNECT a.example:80 HTTP/1.1\r\nHost: a.example\r\n{announced}\r\n\r\n");
        let flow =
            only(&file_of(&said(&[(false, connect.as_bytes()), (true, REFUSING), (false, GET)])));
        assert!(story(&flow).contains("4 unread http"), "{}", story(&flow));
    }
    // The answer stands before the request in the file, or what was one is a body.
    let out_of_order = [(true, REFUSING), (false, CONNECT), (true, AGREEING), (false, GET)];
    let flow = only(&file_of(&said(&out_of_order)));
    assert!(story(&flow).contains("7 unread http | 7 http b.example"), "{}", story(&flow));
    let body =
        [(false, GET), (true, AGREEING), (false, CONNECT), (true, AGREEING), (true, REFUSING)];
    let flow = only(&file_of(&said(&[&body[..], &[(false, GET)]].concat())));
    assert!(story(&flow).ends_with("9 unread http | 9 http b.example"), "{}", story(&flow));
    // An answer that is cut in two is not understood.
    let (half, rest) = REFUSING.split_at(7);
    for behind in [&hello[..], &[22]] {
        let cut = [(false, CONNECT), (false, behind), (true, half), (true, rest), (false, GET)];
        let flow = only(&file_of(&said(&cut)));
        assert!(story(&flow).contains("unread http"), "{}", story(&flow));
    }
    // However a hello is cut up, and with an empty record before it, it is one.
    for size in [1, 4, 5, 10, 300] {
        let bytes = [&[22, 3, 1, 0, 0], &hello[..]].concat();
        let parts: Vec<(bool, &[u8])> = [(false, CONNECT), (true, AGREEING)]
            .into_iter()
            .chain(bytes.chunks(size).map(|part| (false, part)))
            .collect();
        let flow = only(&file_of(&said(&parts)));
        assert_eq!(story(&flow), begin, "{size}");
        assert_eq!(flow.names.len(), 2, "{size}");
    }
    let lone = [(false, CONNECT), (false, &[22][..]), (false, GET)];
    check_story(&said(&lone), &both("6 unread http"));
    // No status that is one.
    let odd = [(false, CONNECT), (true, &b"HTTP/1.1  200 OK\r\n\r\n"[..]), (false, GET)];
    check_story(&said(&odd), &both("6 unread http | 6 http b.example"));
}

/// Nobody may send one (RFC 8446 §5.1); OpenSSL goes on behind it.
#[test]
fn an_empty_record_before_a_hello_hides_nothing() {
    let empty = [22, 3, 1, 0, 0];
    let hello = client_hello("a.example");
    let whole = [&empty[..], &empty, &hello].concat();
    // What a firewall makes of it is not known.
    check_story(&session(SERVER, &[&whole]), "tls a.example | 1 silent | 4 unread tls");
    check_story(&session(SERVER, &[&empty, &hello]), "tls a.example | 1 silent | 5 unread tls");
    let bytes: Vec<&[u8]> = whole.chunks(1).collect();
    assert!(story(&only(&file_of(&session(SERVER, &bytes)))).starts_with("tls a.example | "));
    check_story(&session(SERVER, &[&empty]), "other | 1 silent | 4 unknown");
    let many: Vec<u8> = empty.iter().copied().cycle().take(5 * 5000).collect();
    check_story(&session(SERVER, &[&many]), "other | 1 silent | 4 other");
}

#[test]
fn a_later_hello_is_found_however_it_is_cut_up() {
    let hello = client_hello("b.example");
    for size in [1, 5, 8, 10, 11, 300] {
        let parts: Vec<&[u8]> =
            [&b"EHLO a\r\n"[..], b"STARTTLS\r\n"].into_iter().chain(hello.chunks(size)).collect();
        let flow = only(&file_of(&session(End([203, 0, 113, 7], 25), &parts)));
        let names: Vec<String> = flow.names.iter().map(|seen| seen.name.to_string()).collect();
        assert_eq!(names, ["b.example"], "{size}");
    }
    // What begins like one and is none, in front of it.
    let parts: Vec<&[u8]> = vec![b"EHLO a\r\n", &[22, 3], &hello];
    let flow = only(&file_of(&session(End([203, 0, 113, 7], 25), &parts)));
    assert_eq!(flow.names.len(), 1);
}

/// A server that has not noticed that its client is gone goes on, until it is told so.
#[test]
fn what_a_server_says_of_an_earlier_connection_is_not_of_the_next() {
    let mut segments = session(SERVER, &[&client_hello("first.example")]);
    let old = |number: u32| {
        Segment::new(SERVER, CLIENT, ACK, number, &[23, 3, 3, 0, 2, 9, 9]).answering(1001 + 200)
    };
    segments.push(old(5001));
    let again = Segment::new(CLIENT, SERVER, SYN, 900_000, b"");
    segments.extend([again, old(5008), old(5008)]);
    segments.push(Segment::new(CLIENT, SERVER, super::build::RST, 1201, b""));
    segments.push(Segment::new(SERVER, CLIENT, SYN | ACK, 700_000, b"").answering(900_001));
    segments.push(Segment::new(CLIENT, SERVER, ACK, 900_001, &client_hello("second.example")));
    let (taken, _) = super::read(&file_of(&segments));
    let flows: Vec<(String, bool)> =
        taken.flows.iter().map(|flow| (story(flow), flow.syn)).collect();
    let expected = [
        ("tls first.example | 1 silent | 4 tls first.example".to_owned(), true),
        ("tls second.example | 1 silent | 6 tls second.example".to_owned(), true),
    ];
    assert_eq!(flows, expected);
    // Without an answer to the SYN, all that the client said may be lost.
    let open = [
        Segment::new(CLIENT, SERVER, SYN, 1000, b""),
        Segment::new(SERVER, CLIENT, ACK, 5001, b"x").answering(1001 + 100_000),
    ];
    check_story(&open, "other | 1 silent | 1 unknown");
    let asking =
        [&open[..], &[Segment::new(CLIENT, SERVER, ACK, 1001, &client_hello("a.example"))]]
            .concat();
    let asked = story(&only(&file_of(&asking)));
    assert!(asked.contains("tls a.example") && asked.contains("unread"), "{asked}");
}

/// A body that was kept back until the server asked for it is none the less one.
#[test]
fn a_body_that_was_asked_for_is_no_request() {
    let head =
        "POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let get: &[u8] = b"GET / HTTP/1.1\r\nHost: b.example\r\n\r\n";
    let begin = "http a.example | 1 silent | 4 http a.example";
    check_story(
        &session(WEB, &[head.as_bytes(), b"hello", get]),
        &format!("{begin} | 6 http b.example"),
    );
    check_story(&session(WEB, &[head.as_bytes(), b"hello"]), begin);
    check_story(&session(WEB, &[head.as_bytes(), get]), &format!("{begin} | 5 unread http"));
    // The rest of a request line that was cut there is no request.
    check_story(
        &session(WEB, &[head.as_bytes(), &get[..5], &get[5..]]),
        &format!("{begin} | 6 unread http"),
    );
}

#[test]
fn where_requests_cannot_be_followed_the_flow_stays_open() {
    let ways: &[&[u8]] = &[
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nContent-Length: 90\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: +38\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: \r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n+26\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naXY0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n\r0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1\rx\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\n",
        b"GET / HTTP/1.1\r\nHost: a.example:99999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example:0x50\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example:80@b.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n GET / HTTP/1.1\r\nHost: b.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
    ];
    for way in ways {
        let story = story(&only(&file_of(&session(WEB, &[way]))));
        // Some show a host.
        assert!(
            ["| 4 some http", "| 4 unread http"].iter().any(|end| story.ends_with(end)),
            "{story}"
        );
        // The next segment that begins with a request is found again.
        let next = b"GET / HTTP/1.1\r\nHost: c.example\r\n\r\n";
        let found = self::story(&only(&file_of(&session(WEB, &[way, next]))));
        assert!(found.contains("| 5 http c.example"), "{found}");
    }
}

/// What came first was taken for the first bytes, and what stands before it was overlooked.
#[test]
fn a_request_before_all_that_was_seen_leaves_the_flow_open() {
    let ask = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
    let (first, second) = (ask("evil.example"), ask("a.example"));
    let mut segments = session(WEB, &[&first, &second]).split_off(3);
    check_story(&segments, "http evil.example | 1 http evil.example | 2 http a.example");
    segments.swap(0, 1);
    check_story(&segments, "http a.example | 1 http a.example | 2 unread http");
    // One byte keeps a connection alive.
    let probe = Segment::new(CLIENT, WEB, ACK, segments[0].sequence - 1, b"\0");
    segments[1] = probe;
    check_story(&segments, "http a.example | 1 http a.example");
}

/// Before its SYN in the file, or before it was sent.
#[test]
fn the_handshake_is_before_what_was_asked_wherever_it_stands() {
    let hello = client_hello("a.example");
    let mut segments = session(SERVER, &[&hello]);
    let first = segments.remove(3);
    segments.insert(0, first.clone());
    check_story(&segments, "tls a.example | 2 silent | 1 tls a.example");
    // What was said in two ways may be either, or another protocol.
    segments.push(Segment { payload: client_hello("b.example"), ..first.clone() });
    check_story(&segments, "tls a.example | 2 silent | 1 unread");
    for decoy in [client_hello("b.example"), b"\0junkjunk".to_vec()] {
        let mut segments = session(SERVER, &[]);
        segments.push(Segment { payload: decoy, ..first.clone() });
        segments.push(first.clone());
        let flow = only(&file_of(&segments));
        assert!(story(&flow).ends_with("| 1 silent | 4 unread"), "{}", story(&flow));
        assert!(flow.incomplete || flow.notes.contains(&Note::ConflictingSegments));
    }
}

/// A client that waits for leave to send a body sends another request where it gets none.
#[test]
fn a_request_in_the_place_of_a_body_that_was_not_wanted_leaves_the_flow_open() {
    let next = b"GET / HTTP/1.1\r\nHost: b.example\r\n\r\n";
    let length = next.len();
    let ask = |more: &str| {
        format!("PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {length}\r\n{more}\r\n")
    };
    let asked = "http a.example | 1 silent | 4 http a.example";
    check_story(&session(WEB, &[ask("").as_bytes(), next]), asked);
    let expecting = ask("Expect: 100-continue\r\n");
    check_story(&session(WEB, &[expecting.as_bytes(), b"{\"body\": 1}"]), asked);
    let refused = format!("{asked} | 5 unread http");
    check_story(&session(WEB, &[expecting.as_bytes(), next]), &refused);
}

#[test]
fn what_the_server_says_is_no_question_of_the_client() {
    let mut segments = session(WEB, &[]);
    let request = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    segments.push(Segment::new(WEB, CLIENT, ACK, 5001, request).answering(1001));
    let flow = only(&file_of(&segments));
    assert_eq!((story(&flow).as_str(), flow.names.len()), ("http | 1 silent", 0));
}

/// Servers skip them (RFC 9112 §2.2), as a whole or byte by byte.
#[test]
fn empty_lines_before_a_first_request_hide_nothing() {
    let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for lines in [&b"\r\n"[..], b"\n", b"\r\n\r\n"] {
        let whole = [lines, request].concat();
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        for parts in [vec![&whole[..]], vec![lines, request], bytes] {
            let flow = only(&file_of(&session(WEB, &parts)));
            assert!(story(&flow).starts_with("http a.example | 1 silent | "), "{}", story(&flow));
        }
    }
}

/// Which of them a server takes is not known (RFC 6066 §3 forbids two).
#[test]
fn two_names_in_one_list_of_a_hello_leave_its_name_open() {
    let two = |other: &str| {
        let mut hello = client_hello(&format!("a.example\0\0\t{other}"));
        let name = hello.windows(9).position(|bytes| bytes == b"a.example").unwrap();
        hello[name - 1] = 9;
        story(&only(&file_of(&session(SERVER, &[&hello]))))
    };
    assert_eq!(two("b.example"), "tls | 1 silent | 4 some tls");
    assert_eq!(two("a.example"), "tls a.example | 1 silent | 4 tls a.example");
}

/// The first packet after a pause that is of a flow from before it, and nothing yet that confirms the time.
#[test]
fn a_packet_days_after_its_flow_begins_another_and_ends_no_other_flow() {
    const DAYS: u64 = 2 * 86_400_000_000;
    let datagram = || ethernet(&[], &udp(CLIENT, SERVER, 1, b"x"));
    let other = || ethernet(&[], &udp(CLIENT, End([203, 0, 113, 9], 9), 1, b"y"));
    let mut frames = vec![(0, datagram()), (1, other()), (DAYS, datagram())];
    let flows = |frames: &[_]| {
        let (taken, _) = read(&pcap_at(1, frames));
        (taken.flows.len(), taken.flows.iter().filter_map(|flow| flow.packets).sum::<u64>())
    };
    assert_eq!(flows(&frames), (3, 3));
    // Of a time that was damaged, no other flow knows.
    frames.push((2, other()));
    assert_eq!(flows(&frames), (3, 4));
    frames.push((DAYS + 1, datagram()));
    assert_eq!(flows(&frames), (3, 5));
}

#[test]
fn one_time_from_far_ahead_ends_no_flow() {
    let hello = session(SERVER, &[&client_hello("a.example")]);
    let other = udp(CLIENT, End([203, 0, 113, 9], 9), 1, b"x");
    let frames: Vec<(u64, Vec<u8>)> = vec![
        (0, ethernet(&[], &hello[0].packet())),
        (1_000, ethernet(&[], &hello[1].packet())),
        (2_000_000_000_000_000, ethernet(&[], &other)),
        (2_000, ethernet(&[], &hello[2].packet())),
        (3_000, ethernet(&[], &hello[3].packet())),
    ];
    let (taken, _) = read(&pcap_at(1, &frames));
    let stories: Vec<String> = taken.flows.iter().map(story).collect();
    assert_eq!(stories, ["tls a.example | 1 silent | 4 tls a.example", "other | 1 other"]);
}

#[test]
fn options_that_the_capture_cut_are_no_lost_bytes() {
    let mut packet = Segment::new(CLIENT, SERVER, SYN, 1000, b"").packet();
    // Forty bytes of header, of which the capture holds twenty.
    packet[32] = 0xa0;
    packet[2..4].copy_from_slice(&60_u16.to_be_bytes());
    let flow = only(&pcap(1, &[ethernet(&[], &packet)]));
    assert_eq!((story(&flow).as_str(), flow.incomplete), ("other | 1 silent", false));
}

#[test]
fn packets_that_differ_far_behind_are_no_copies() {
    let (ours, theirs) = (long_hello("www.example.com"), long_hello("evil.example.ne"));
    let [mut a, mut b] = [&ours, &theirs].map(|hello| hello[..1400].to_vec());
    // What differs lies behind the first two hundred bytes.
    a.rotate_left(1000);
    b.rotate_left(1000);
    let frame = |tag, payload: &[u8]| {
        ethernet(&[tag], &Segment::new(CLIENT, SERVER, ACK, 1000, payload).packet())
    };
    let (_, summary) = read(&pcap(1, &[frame(1, &a), frame(2, &b), frame(3, &b)]));
    assert_eq!(summary.copies, 1);
}

#[test]
fn chains_of_pointers_and_empty_fragments_take_no_time() {
    // A DNS response whose owners all point at the end of a long chain of pointers.
    let mut message = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0xff, 0xff, 0, 0, 0, 0];
    message.extend(b"\x01a\0\0\x01\0\x01");
    for _ in 0..8000 {
        let before = u16::try_from(message.len() - 2).unwrap() | 0xc000;
        message.extend(before.to_be_bytes());
    }
    let end = u16::try_from(message.len() - 2).unwrap() | 0xc000;
    for _ in 0..2000 {
        message.extend(end.to_be_bytes());
        message.extend([0, 1, 0, 1, 0, 0, 0, 1, 0, 0]);
    }
    let server = End([203, 0, 113, 53], 53);
    let dns = ethernet(&[], &udp(server, CLIENT, 1, &message));
    // A record of DTLS full of fragments of a hello that hold nothing.
    let fragments = [1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(1300);
    let length = u16::try_from(fragments.len()).unwrap().to_be_bytes();
    let record = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0][..], &length, &fragments].concat();
    let dtls = ethernet(&[], &udp(CLIENT, SERVER, 1, &record));
    let frames: Vec<_> = std::iter::repeat_n([dns, dtls], 200).flatten().collect();
    let (taken, _) = read(&pcap(1, &frames));
    assert_eq!(taken.flows.len(), 2);
}

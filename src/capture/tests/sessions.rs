//! Sessions and their openings: what is read of a connection, a datagram and a DNS answer, and when a flow ends.

use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::super::Application;
use super::super::Limit;
use super::super::NameOrigin;
use super::super::Reader;
use super::Taken;
use super::build::ACK;
use super::build::CLIENT;
use super::build::End;
use super::build::PRE_LOGIN;
use super::build::RST;
use super::build::SERVER;
use super::build::SQL;
use super::build::SYN;
use super::build::Segment;
use super::build::WEB;
use super::build::client_hello;
use super::build::dns_response;
use super::build::pcap;
use super::build::pcap_at;
use super::build::tds;
use super::build::udp;
use super::check_story;
use super::file_of;
use super::only;
use super::read;
use super::session;
use super::story;
use crate::evidence::DnsAside;
use crate::evidence::DnsRecord;
use crate::evidence::ResponseCode;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::SeenPayload;

#[test]
fn a_hello_is_found_however_it_is_cut_up() {
    let hello = client_hello("www.example.com");
    let expected = "tls www.example.com | 1 silent | 4 tls www.example.com";
    check_story(&session(SERVER, &[&hello]), expected);
    let (a, b) = hello.split_at(3);
    let (b, c) = b.split_at(40);
    let expected = "tls www.example.com | 1 silent | 6 tls www.example.com";
    let split = session(SERVER, &[a, b, c]);
    check_story(&split, expected);
    let mut reversed = split.clone();
    reversed.swap(3, 5);
    check_story(&reversed, expected);
    let mut repeated = split.clone();
    repeated.insert(4, split[3].clone());
    check_story(&repeated, "tls www.example.com | 1 silent | 7 tls www.example.com");
}

#[test]
fn a_hello_is_found_in_several_records() {
    let hello = client_hello("www.example.com");
    let records: Vec<u8> = hello[5..]
        .chunks(20)
        .flat_map(|part| [&[22, 3, 1, 0, u8::try_from(part.len()).unwrap()], part].concat())
        .collect();
    check_story(
        &session(SERVER, &[&records]),
        "tls www.example.com | 1 silent | 4 tls www.example.com",
    );
}

#[test]
fn a_hello_of_which_a_part_is_missing_gives_no_name() {
    let hello = client_hello("www.example.com");
    let (a, b) = hello.split_at(30);
    let (b, c) = b.split_at(20);
    let mut segments = session(SERVER, &[a, b, c]);
    segments.remove(4);
    let flow = only(&file_of(&segments));
    assert_eq!(story(&flow), "tls | 1 silent | 4 some tls");
    assert!(flow.incomplete);
}

#[test]
fn a_connection_caught_in_the_middle_is_known_by_its_records() {
    let data = [&[23, 3, 3, 0, 30][..], &[9; 30]].concat();
    let segments = [
        Segment::new(SERVER, CLIENT, ACK, 700, &data),
        Segment::new(CLIENT, SERVER, ACK, 900, &data),
    ];
    let flow = only(&file_of(&segments));
    assert_eq!(story(&flow), "tls | 1 some tls");
    assert_eq!(flow.source.to_string(), "203.0.113.7");
    assert!(!flow.syn);
    let hello = client_hello("www.example.com");
    check_story(
        &[Segment::new(CLIENT, SERVER, ACK, 900, &hello)],
        "tls www.example.com | 1 tls www.example.com",
    );
}

#[test]
fn each_request_of_a_connection_is_an_opening() {
    let requests: &[&[u8]] = &[
        b"POST /a HTTP/1.1\r\nHost: one.example\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /b HTTP/1.1\r\nHost: TWO.example.:8080\r\n\r\nPUT /c HTTP/1.1\r\nHost: one.example\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\n",
        b"GET http://three.example/d HTTP/1.1\r\n\r\n",
        b"CONNECT four.example:443 HTTP/1.1\r\n\r\n",
    ];
    check_story(
        &session(WEB, requests),
        "http one.example | 1 silent | 4 http one.example/a | 5 http two.example:8080/b \
         | 6 http one.example/c | 7 http three.example/d | 8 http",
    );
}

/// However small the segments are, and however long the lines.
#[test]
fn a_request_that_comes_byte_by_byte_is_read() {
    let path = "x".repeat(3_000);
    let request = format!("GET /{path} HTTP/1.1\r\nCookie: {path}\r\nHost: a.example\r\n\r\n");
    let bytes: Vec<&[u8]> = request.as_bytes().chunks(1).collect();
    let flow = only(&file_of(&session(WEB, &bytes)));
    assert_eq!(flow.name.map(|name| name.to_string()).as_deref(), Some("a.example"));
    // Of HTTP/0.9 a line is all (RFC 1945 §5.1).
    let request = format!("GET /{path}\r\n");
    let bytes: Vec<&[u8]> = request.as_bytes().chunks(1).collect();
    let story = story(&only(&file_of(&session(WEB, &bytes))));
    assert!(story.ends_with(&format!("http /{path}")), "{story}");
}

/// Whatever ends a long line, it is not waited for longer than it takes.
#[test]
fn a_long_line_that_turns_out_to_be_something_else_hides_nothing() {
    let line = format!("AUTH {}", "a".repeat(300));
    let hello = client_hello("a.example");
    let middle = |parts: &[&[u8]]| {
        let mut sequence = 900;
        let segments = parts.iter().map(|part| {
            let segment = Segment::new(CLIENT, SERVER, ACK, sequence, part);
            sequence += u32::try_from(part.len()).unwrap();
            segment
        });
        story(&only(&file_of(&segments.collect::<Vec<_>>())))
    };
    // The name is shown; what the connection began with is not known.
    let expected = "tls a.example | 2 unread";
    assert_eq!(middle(&[line.as_bytes(), &hello]), expected);
    let expected = "tls a.example | 3 unread";
    assert_eq!(middle(&[line.as_bytes(), b" b", &hello]), expected);
    let flow = only(&file_of(&session(SERVER, &[line.as_bytes(), b" b", &hello])));
    assert_eq!(flow.names.len(), 1, "the later hello shows its name");
    check_story(&session(SERVER, &[line.as_bytes(), b" b"]), "other | 1 silent | 5 other");
    let request = format!("GET /{}", "a".repeat(300));
    check_story(
        &session(WEB, &[request.as_bytes(), b" HTTP/1.1"]),
        "http | 1 silent | 5 some http",
    );
}

#[test]
fn a_head_that_the_capture_cut_gives_the_host_that_is_there() {
    let mut segments = session(WEB, &[b"GET / HTTP/1.1\r\nHost: one.example\r\nCook"]);
    segments[3].payload.extend([b'x'; 40]);
    let mut file = file_of(&segments);
    // The last record loses its last 40 bytes, as a snapshot length does it.
    let length = file.len();
    let record = length - segments[3].packet().len() - 14 - 16;
    let captured = u32::try_from(length - record - 16 - 40).unwrap();
    file[record + 8..record + 12].copy_from_slice(&captured.to_le_bytes());
    file.truncate(length - 40);
    let flow = only(&file);
    assert_eq!(story(&flow), "http one.example | 1 silent | 4 http one.example");
    assert!(flow.incomplete);
}

#[test]
fn the_server_name_inside_a_pre_login_is_the_name() {
    let hello = client_hello("sql.example.net");
    let (a, b) = hello.split_at(50);
    let packets = [tds(0x12, PRE_LOGIN), tds(0x12, a), tds(0x12, b)];
    let parts: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    let flow = only(&file_of(&session(SQL, &parts)));
    assert_eq!(story(&flow), "mssql sql.example.net | 1 silent | 6 mssql sql.example.net");
    assert_eq!(flow.names[0].origin, NameOrigin::TdsSni);
    check_story(&session(SQL, &parts[..1]), "mssql | 1 silent | 4 some mssql");
    let mut login = 12_u32.to_le_bytes().to_vec();
    login.extend([4, 0, 0, 0x74, 0, 0, 0, 0]);
    let login = tds(0x10, &login);
    check_story(&session(SQL, &[parts[0], &login]), "mssql | 1 silent | 5 mssql");
}

#[test]
fn the_first_bytes_of_the_client_decide() {
    let hello = client_hello("www.example.com");
    check_story(&session(SERVER, &[b"EHLO there\r\n", &hello]), "other | 1 silent | 4 other");
    check_story(&session(SERVER, &[]), "other | 1 silent");
    check_story(&session(SERVER, &[b"\x16\x03"]), "other | 1 silent | 4 unknown");
    let mut greeted = session(SERVER, &[&hello]);
    greeted.insert(3, Segment::new(SERVER, CLIENT, ACK, 5001, b"220 ready\r\n"));
    check_story(&greeted, "tls www.example.com | 1 silent | 5 tls www.example.com");
}

#[test]
fn a_reset_is_no_answer_and_a_new_syn_is_a_new_flow() {
    let refused = [
        Segment::new(CLIENT, SERVER, SYN, 1000, b""),
        Segment::new(SERVER, CLIENT, RST | ACK, 0, b""),
        Segment::new(CLIENT, SERVER, SYN, 1000, b""),
        Segment::new(CLIENT, SERVER, SYN, 2000, b""),
        Segment::new(SERVER, CLIENT, SYN | ACK, 0, b"").answering(2001),
    ];
    let (taken, _) = read(&file_of(&refused));
    let seen: Vec<_> =
        taken.flows.iter().map(|flow| (flow.packets, flow.answered, flow.syn)).collect();
    assert_eq!(seen, [(Some(3), false, true), (Some(2), true, true)]);
}

#[test]
fn the_receiver_of_a_syn_ack_is_the_source() {
    let flow = only(&file_of(&session(SERVER, &[])[1..]));
    assert_eq!(flow.source.to_string(), "10.0.0.4");
    assert!(!flow.syn);
    assert!(flow.answered);
    assert_eq!(story(&flow), "other | 1 unknown");
}

/// As where each direction was captured on an interface of its own, and written in batches.
#[test]
fn of_datagrams_the_one_that_was_sent_first_tells_who_began() {
    let (question, answer) = (udp(CLIENT, SERVER, 1, b"one"), udp(SERVER, CLIENT, 1, b"two"));
    for (answered, asked, source) in
        [(500_000, 400_000, CLIENT), (500_000, 500_000, SERVER), (500_000, 600_000, SERVER)]
    {
        let frames = [(answered, answer.clone()), (asked, question.clone())];
        assert_eq!(only(&pcap_at(101, &frames)).source_port, source.1, "asked at {asked}");
    }
    // A clock that was set back tells nothing.
    let frames = [(5_000_000, answer), (400_000, question)];
    assert_eq!(only(&pcap_at(101, &frames)).source_port, SERVER.1);
}

#[test]
fn dns_answers_come_with_their_aliases() {
    let resolver = End([168, 63, 129, 16], 53);
    let response =
        dns_response("api.example.com", "edge.example.net", Ipv4Addr::new(203, 0, 113, 7));
    let client = End(CLIENT.0, 53_000);
    let over_udp = pcap(101, &[udp(resolver, client, 1, &response)]);
    let length = u16::try_from(response.len()).unwrap().to_be_bytes();
    let framed = [&length[..], &response].concat();
    let over_tcp = file_of(&[
        Segment::new(client, resolver, SYN, 1, b""),
        Segment::new(resolver, client, SYN | ACK, 1, b"").answering(2),
        Segment::new(resolver, client, ACK, 2, &framed[..9]),
        Segment::new(resolver, client, ACK, 11, &framed[9..]),
    ]);
    for file in [over_udp, over_tcp] {
        let (taken, _) = read(&file);
        let [answer] = taken.answers.as_slice() else { panic!("{:?}", taken.answers) };
        assert_eq!(answer.client.to_string(), "10.0.0.4");
        assert_eq!(answer.server.to_string(), "168.63.129.16");
        assert_eq!(answer.question.as_str(), "api.example.com");
        let edge = "edge.example.net".parse().unwrap();
        let alias = DnsRecord::Alias { owner: answer.question.clone(), target: edge, ttl: 300 };
        assert_eq!(answer.records[0], alias);
        assert!(matches!(&answer.records[1], DnsRecord::Address { owner, ttl: 30, .. }
                if owner.as_str() == "edge.example.net"));
        assert_eq!(taken.flows[0].application, Application::Dns);
    }
}

/// A server that refuses an extension says so where old readers see no error.
#[test]
fn the_upper_bits_of_a_response_code_stand_among_the_options() {
    let resolver = End([168, 63, 129, 16], 53);
    let plain = dns_response("a.example", "b.example", Ipv4Addr::new(203, 0, 113, 7));
    let code = |message: &[u8]| {
        let (taken, _) = read(&pcap(101, &[udp(resolver, CLIENT, 1, message)]));
        taken.answers.first().map(|answer| answer.code)
    };
    let with_options = |others: u8, before: &[u8]| {
        let mut message = plain.clone();
        message[11] = others;
        message.extend(before);
        message.extend([0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0]);
        message
    };
    assert_eq!(code(&plain), Some(ResponseCode::NO_ERROR));
    assert_eq!(code(&with_options(1, &[])), Some(ResponseCode(16)));
    let address = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 192, 0, 2, 1];
    assert_eq!(code(&with_options(2, &address)), Some(ResponseCode(16)));
    // What is no query, or of another class, says nothing of a host.
    for (place, byte) in [(2, 0xa9), (26, 3)] {
        let mut other = plain.clone();
        other[place] = byte;
        assert_eq!(code(&other), None, "byte {place}");
    }
}

#[test]
fn a_dns_answer_that_is_cut_says_so() {
    let response =
        dns_response("api.example.com", "edge.example.net", Ipv4Addr::new(203, 0, 113, 7));
    for lost in 1..response.len() {
        let (client, resolver) = (End(CLIENT.0, 53_000), End([168, 63, 129, 16], 53));
        let file = pcap(101, &[udp(resolver, client, 1, &response[..response.len() - lost])]);
        let (taken, _) = read(&file);
        for answer in &taken.answers {
            assert_eq!(answer.records.last(), Some(&DnsRecord::Lost), "without {lost} bytes");
            assert!(answer.records.len() < 3, "without {lost} bytes");
        }
    }
}

/// A question behind which the snapshot length cut may be about any name.
#[test]
fn a_question_of_dns_that_cannot_be_read_is_one_without_an_answer() {
    let (client, resolver) = (End(CLIENT.0, 53_000), End([168, 63, 129, 16], 53));
    let mut question = dns_response("a.example", "b.example", Ipv4Addr::new(203, 0, 113, 7));
    question[2] = 1;
    question[7] = 0;
    let packet = udp(client, resolver, 1, &question[..27]);
    let unanswered = |bytes: &[u8]| {
        let mut flow = only(&pcap(101, &[bytes.to_vec()]));
        let asides = flow.asides.take().map(|asides| *asides).unwrap_or_default();
        asides
            .iter()
            .map(|aside| match aside {
                DnsAside::Unanswered { client, name, .. } => (client.to_string(), name.clone()),
                DnsAside::Hint { .. } | DnsAside::Unheard { .. } => panic!("{aside:?}"),
            })
            .collect::<Vec<_>>()
    };
    let name = "a.example".parse().ok();
    assert_eq!(unanswered(&packet), [("10.0.0.4".to_owned(), name)]);
    assert_eq!(unanswered(&packet[..packet.len() - 3]), [("10.0.0.4".to_owned(), None)]);
}

/// What stands behind a gap is given out when nothing can fill that any more, and was told before.
#[test]
fn an_answer_behind_a_gap_is_of_its_own_time() {
    let (client, resolver) = (End(CLIENT.0, 53_000), End([168, 63, 129, 16], 53));
    let answer = dns_response("a.example", "b.example", Ipv4Addr::new(203, 0, 113, 7));
    let message = [&u16::try_from(answer.len()).unwrap().to_be_bytes()[..], &answer].concat();
    let behind = 2 + u32::try_from(message.len()).unwrap();
    let segments = [
        Segment::new(client, resolver, SYN, 1, b""),
        Segment::new(resolver, client, SYN | ACK, 1, b"").answering(2),
        Segment::new(resolver, client, ACK, 2, &message),
        Segment::new(resolver, client, ACK, behind + 40, &message),
        Segment::new(client, resolver, ACK, 2, b""),
    ];
    let seconds = [0, 1, 2, 3, 1000].map(|second| second * 1_000_000);
    let frames: Vec<_> = seconds.into_iter().zip(segments.iter().map(Segment::packet)).collect();
    let (taken, _) = read(&pcap_at(101, &frames));
    let start = taken.flows[0].first;
    let after = |at: Timestamp| at.duration_since(start).as_secs();
    let times: Vec<i64> = taken.answers.iter().map(|answer| after(answer.at)).collect();
    assert_eq!(times, [2, 3]);
    let asides = taken.flows[0].asides.as_deref().unwrap();
    let [DnsAside::Unanswered { name: None, at, .. }] = asides.iter().collect::<Vec<_>>()[..]
    else {
        panic!("{asides:?}")
    };
    // It may have been told as soon as the last message before it.
    assert_eq!(after(*at), 2);
}

/// Microseconds.
const HOUR: u64 = 3_600_000_000;

#[test]
fn flows_come_in_the_order_in_which_they_fall_idle() {
    let datagram = |port: u16| udp(End(CLIENT.0, port), WEB, port, b"some datagram");
    let frames = [
        (0, datagram(1)),
        (1, datagram(2)),
        (2, datagram(3)),
        (HOUR / 2, datagram(1)),
        (HOUR + HOUR / 4, datagram(4)),
        (HOUR + HOUR / 4, datagram(5)),
    ];
    let (taken, _) = read(&pcap_at(101, &frames));
    let order: Vec<u16> = taken.flows.iter().map(|flow| flow.source_port).collect();
    assert_eq!(order, [2, 3, 1, 4, 5]);
}

/// As many flows as are followed at a time.
const MOST_FLOWS: u32 = 1 << 17;

/// A client, by number.
fn numbered(index: u32) -> End {
    let [_, b, c, d] = index.to_be_bytes();
    End([10, b, c, d], 50_000)
}

#[test]
fn more_flows_than_are_followed_end_the_oldest_and_it_is_said() {
    let frames: Vec<_> = (0..MOST_FLOWS + 10)
        .map(|index| (0, udp(numbered(index), WEB, 1, b"some datagram")))
        .collect();
    let mut taken = Taken::default();
    let mut reader = Reader::new();
    reader.feed(&pcap_at(101, &frames), &mut taken).unwrap();
    assert_eq!(taken.flows.len(), 10);
    assert_eq!(taken.flows[9].source.to_string(), "10.0.0.9");
    let summary = reader.finish(&mut taken).unwrap();
    assert!(summary.limits.contains(&Limit::Flows));
    assert_eq!(taken.flows.len(), frames.len());
}

/// What it would have said is in another flow.
#[test]
fn a_connection_that_ends_early_is_not_known_to_be_silent() {
    let frames: Vec<_> = (0..MOST_FLOWS + 2)
        .map(|index| (0, Segment::new(numbered(index), SERVER, SYN, 1000, b"").packet()))
        .collect();
    let mut taken = Taken::default();
    let mut reader = Reader::new();
    reader.feed(&pcap_at(101, &frames), &mut taken).unwrap();
    let ended: Vec<String> = taken.flows.iter().map(story).collect();
    assert_eq!(ended[0], "other | 1 silent | 1 unknown");
    assert_eq!(ended.len(), 2);
    reader.finish(&mut taken).unwrap();
    assert_eq!(story(taken.flows.last().unwrap()), "other | 1 silent");
}

/// What a plain connection leaves behind is little, and of enough of them too much.
#[test]
fn where_too_much_is_held_the_oldest_end_and_all_that_come_are_read() {
    let hello = client_hello("www.example.com");
    let mut frames = Vec::new();
    let connections = 110_000_u32;
    for index in 0..connections {
        let client = numbered(index);
        frames.push((0, Segment::new(client, SERVER, SYN, 1000, b"").packet()));
        frames.push((0, Segment::new(client, SERVER, ACK, 1001, &hello).packet()));
    }
    let answer = dns_response("www.example.com", "a.example", Ipv4Addr::new(203, 0, 113, 7));
    frames.push((0, udp(End([10, 0, 0, 2], 53), CLIENT, 1, &answer)));
    let mut taken = Taken::default();
    let mut reader = Reader::new();
    reader.feed(&pcap_at(101, &frames), &mut taken).unwrap();
    let summary = reader.finish(&mut taken).unwrap();
    assert!(summary.limits.contains(&Limit::HeldBytes));
    assert_eq!(taken.flows.len(), usize::try_from(connections).unwrap() + 1);
    let named = taken.flows.iter().filter(|flow| flow.name.is_some() && !flow.incomplete);
    assert_eq!(named.count(), usize::try_from(connections).unwrap());
    assert_eq!(taken.answers.len(), 1);
}

#[test]
fn a_name_that_is_no_host_name_is_not_the_lack_of_one() {
    let flow = only(&file_of(&session(SERVER, &[&client_hello("no host name")])));
    assert_eq!(flow.name, None);
    assert_eq!(flow.openings[1].payload, SeenPayload::Kind(PayloadKind::Tls));
    let flow = only(&file_of(&session(SERVER, &[&client_hello("")])));
    let nothing = Payload::Tls { name: None, inner: None };
    assert_eq!(flow.openings[1].payload, SeenPayload::Exactly(nothing));
}

/// To a proxy the target of a request counts, and not its Host header (RFC 9112 §3.2.2).
#[test]
fn a_target_that_names_another_host_is_a_name_of_its_own() {
    let names = |request: &str| {
        let flow = only(&file_of(&session(WEB, &[request.as_bytes()])));
        let names =
            flow.names.iter().map(|seen| format!("{} {}", seen.origin.keyword(), seen.name));
        (flow.name.map(|name| name.to_string()), names.collect::<Vec<_>>().join(", "))
    };
    let host = Some("www.example.com".to_owned());
    for (line, expected) in [
        ("GET http://shop.example.org/a", "host www.example.com, target shop.example.org"),
        (
            "GET http://user@shop.example.org:8080/a",
            "host www.example.com, target shop.example.org",
        ),
        ("GET http://[2001:db8::1]/a", "host www.example.com, target [2001:db8::1]"),
        ("CONNECT shop.example.org:443", "host www.example.com, target shop.example.org"),
        // The same host, with a port and in other words.
        ("GET http://WWW.example.com:8080/a", "host www.example.com"),
        ("CONNECT www.example.com.:443", "host www.example.com"),
        ("GET /http://shop.example.org/a", "host www.example.com"),
        ("OPTIONS *", "host www.example.com"),
        // What is no host cannot be another.
        ("GET http://sh(p.example.org/a", "host www.example.com"),
    ] {
        let request = format!("{line} HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
        assert_eq!(names(&request), (host.clone(), expected.to_owned()), "{line}");
    }
    // Without a header the target stands in for it, but for that of a tunnel.
    let alone = "GET http://shop.example.org/a HTTP/1.1\r\n\r\n";
    assert_eq!(names(alone).1, "host shop.example.org");
    let tunnel = "CONNECT shop.example.org:443 HTTP/1.0\r\n\r\n";
    assert_eq!(names(tunnel), (None, "target shop.example.org".to_owned()));
}

/// A frame of HTTP/2 with so many bytes, of which `payload` are the first.
fn frame(kind: u8, flags: u8, stream: u8, length: usize, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

#[test]
fn each_request_of_http2_is_found() {
    let headers = |stream, block: &[u8]| frame(1, 4, stream, block.len(), block);
    let begins = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, 0, b"")].concat();
    // The second request names what the first left in the table, the third another host and path.
    let first = headers(1, b"\x83\x86\x84\x41\x09a.example");
    let trailers = headers(1, b"\x00\x03sum\x01f");
    let second = headers(3, b"\x82\x86\x85\xbe");
    let third = headers(5, b"\x82\x86\x44\x02/x\x41\x09b.example");
    let body = |here: &[u8]| frame(0, 0, 1, 3000, here);
    let all = [begins.clone(), first.clone(), body(&[7; 3000]), trailers, second.clone(), third];
    let all = all.concat();
    let expected = "http a.example | 1 silent | 4 http a.example | 4 http a.example/index.html | 4 \
                    http b.example/x";
    check_story(&session(WEB, &[&all]), expected);
    // Calls between programs have ports of their own.
    check_story(&session(SERVER, &[&all]), expected);
    for at in [1, 30, 50, 70, 1000, 3080, all.len() - 3] {
        let (one, other) = all.split_at(at);
        let found = story(&only(&file_of(&session(WEB, &[one, other]))));
        let names: Vec<&str> =
            found.split(" | ").filter_map(|part| part.split(' ').nth(2)).collect();
        assert_eq!(names, ["a.example", "a.example/index.html", "b.example/x"], "{at}: {found}");
    }
    // A body that is missing hides no request; a header that is missing may.
    let before = [begins, first, body(&[7; 1000])].concat();
    let segments = session(WEB, &[&before, &[7; 2000], &second]);
    let without = |number: usize| {
        let mut segments = segments.clone();
        segments.remove(number);
        only(&file_of(&segments))
    };
    let flow = without(4);
    assert!(story(&flow).ends_with("http a.example/index.html"), "{}", story(&flow));
    assert!(!flow.incomplete);
    let flow = only(&file_of(&session(WEB, &[&before, &[7; 2000], &second[..5]])));
    assert_eq!(story(&flow), "http a.example | 1 silent | 4 http a.example | 6 unread http");
    assert!(flow.incomplete);
}

#[test]
fn what_a_server_of_http2_would_refuse_is_no_request_that_is_known() {
    let headers = |stream, flags, block: &[u8]| frame(1, flags, stream, block.len(), block);
    let (a, b) = (b"\x82\x86\x84\x01\x09a.example", b"\x82\x86\x84\x01\x09b.example");
    let more = |stream, block: &[u8]| frame(9, 4, stream, block.len(), block);
    let (half, rest) = a.split_at(6);
    let cases: &[(&str, Vec<Vec<u8>>, &str)] = &[
        (
            "padding and priority",
            vec![headers(1, 0x2c, &[&[2, 0, 0, 0, 0, 9][..], a, &[0; 2]].concat())],
            "http a.example",
        ),
        ("a block in two", vec![headers(1, 0, half), more(1, rest)], "http a.example"),
        (
            "more padding than there is",
            vec![headers(1, 0x0c, &[&[99][..], a].concat())],
            "some http",
        ),
        ("two authorities", vec![headers(1, 4, &[&a[..], &b[3..]].concat())], "some http"),
        (
            "another host",
            vec![headers(1, 4, &[&a[..], b"\x0f\x17\x09b.example"].concat())],
            "some http",
        ),
        (
            "the same host",
            vec![headers(1, 4, &[&a[..], b"\x0f\x17\x09A.example"].concat())],
            "http a.example",
        ),
        (
            "no path but a URL",
            vec![headers(1, 4, &[&a[..2], b"\x04\x08http://b", &a[3..]].concat())],
            "some http",
        ),
        (
            "a path of no text",
            vec![headers(1, 4, &[&a[..2], b"\x04\x02/\xff", &a[3..]].concat())],
            "some http",
        ),
        (
            "trailers with a host",
            vec![headers(1, 4, a), headers(1, 4, b"\x0f\x17\x09b.example")],
            "http a.example",
        ),
        ("a target in trailers", vec![headers(1, 4, a), headers(1, 4, b)], "some http"),
        ("a block in two streams", vec![headers(1, 0, half), more(3, rest)], "some http"),
        (
            "a block that another interrupts",
            vec![headers(1, 0, half), headers(3, 4, b)],
            "some http",
        ),
        ("the rest of no block", vec![more(1, a)], "some http"),
        ("a stream of the server", vec![headers(2, 4, a)], "some http"),
        ("the whole connection", vec![headers(0, 4, a)], "some http"),
        (
            "a table too large",
            vec![headers(1, 4, &[&b"\x3f\xe1\xff\xff\x03"[..], a].concat())],
            "some http",
        ),
    ];
    for (what, frames, last) in cases {
        let all = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frames.concat()].concat();
        let flow = only(&file_of(&session(WEB, &[&all])));
        // Where a host was shown, nothing else speaks of what was asked.
        let unread = last.replace("some", "unread");
        let last = if flow.names.is_empty() { *last } else { unread.as_str() };
        assert!(story(&flow).ends_with(&format!("| 4 {last}")), "{what}: {}", story(&flow));
        let names: Vec<String> = flow.names.iter().map(|seen| seen.name.to_string()).collect();
        assert!(!names.contains(&"b.example".to_owned()), "{what}: {names:?}");
    }
}

#[test]
fn a_long_path_that_is_named_again_and_again_is_not_held_again_and_again() {
    let path = vec![b'x'; 4000];
    let length = [0x44, 0x7f, 0xa2, 0x1e];
    let first = [&[0x82, 0x86][..], &length, b"/", &path, b"\x01\x09a.example"].concat();
    let mut all = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    all.extend(frame(1, 4, 1, first.len(), &first));
    for stream in (3..=255).step_by(2) {
        all.extend(frame(1, 4, stream, 1, b"\xbe"));
    }
    let segments: Vec<&[u8]> = all.chunks(1000).collect();
    let flow = only(&file_of(&session(WEB, &segments)));
    let paths = flow.openings.iter().map(|opening| match &opening.payload {
        SeenPayload::Exactly(Payload::Http(request)) => request.path.len(),
        _ => 0,
    });
    let held: usize = paths.sum();
    assert!((8_000..=64_000).contains(&held), "{held} bytes of paths of {} on the wire", all.len());
    assert!(story(&flow).ends_with("unread http"), "what is not held is open");
}

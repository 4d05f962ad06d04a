//! What strangers may write, within bounds.

use std::fmt::Write as _;

use super::lines::Line;
use super::lines::Lines;
use super::objects::Found;
use super::objects::Objects;
use super::open::Open;
use super::open::Weighs;
use super::tuple::Shape;
use super::tuple::Tuple;
use crate::capture::CaptureError;
use crate::capture::CapturedFlow;
use crate::capture::Limit;
use crate::capture::Reader;
use crate::capture::Sink;
use crate::capture::Summary;
use crate::evidence::DnsAnswer;
use crate::flow::PayloadKind;
use crate::flow::SeenPayload;
use jiff::Timestamp;

#[derive(Default)]
struct Taken {
    flows: Vec<CapturedFlow>,
    answers: Vec<DnsAnswer>,
}

impl Sink for Taken {
    fn flow(&mut self, flow: CapturedFlow) {
        self.flows.push(flow);
    }

    fn answer(&mut self, answer: DnsAnswer) {
        self.answers.push(answer);
    }
}

fn read(text: impl AsRef<[u8]>) -> (Taken, Result<Summary, CaptureError>) {
    let mut taken = Taken::default();
    let mut reader = Reader::new();
    let fed = reader.feed(text.as_ref(), &mut taken);
    let summary = fed.and_then(|()| reader.finish(&mut taken));
    (taken, summary)
}

/// What is found in a stream, in pieces of `size`: each object, and `!` with the line of damage.
fn found(text: &[u8], size: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut objects = Objects::with_limit(64);
    for piece in text.chunks(size) {
        objects.feed(piece, &mut |found| {
            all.push(match found {
                Found::Object { bytes, line, .. } => {
                    format!("{line} {}", String::from_utf8_lossy(bytes))
                }
                Found::Damaged { line, .. } => format!("{line} !"),
            });
        });
        assert!(objects.held() <= 64, "{} bytes are held", objects.held());
    }
    if let Some((_, line)) = objects.unfinished() {
        all.push(format!("{line} …"));
    }
    all
}

#[track_caller]
fn check_found(text: impl AsRef<[u8]>, expected: &[&str]) {
    let text = text.as_ref();
    for size in [1, 2, 3, 7, text.len().max(1)] {
        let found = found(text, size);
        assert_eq!(found, expected, "{:?} by {size}", String::from_utf8_lossy(text));
    }
}

#[test]
fn records_are_found_however_they_are_put() {
    check_found("{\"a\":1}\n{\"b\":2}\n", &["1 {\"a\":1}", "2 {\"b\":2}"]);
    check_found("{\"a\":1}{\"b\":[{}]}", &["1 {\"a\":1}", "1 {\"b\":[{}]}"]);
    check_found(" [\n{\"a\":1},\n{\"b\":2}\n]\n", &["2 {\"a\":1}", "3 {\"b\":2}"]);
    let records = "{\"n\":{\"records\":[1]},\"records\" : [\n{\"a\":1} , {\"b\":2}],\"x\":[{}]}{}";
    check_found(records, &["2 {\"a\":1}", "2 {\"b\":2}", "2 {}"]);
    check_found(
        "{\"records\":[{\"records\":[{\"a\":1}]},{\"b\":2}]}",
        &["1 {\"a\":1}", "1 {\"b\":2}"],
    );
    check_found("{\"records\":{\"a\":[]}}", &["1 {\"records\":{\"a\":[]}}"]);
    check_found("{\"a\":\"records\",\"b\":[{}]}", &["1 {\"a\":\"records\",\"b\":[{}]}"]);
    check_found("{\"a\":\"}\\\"{\\\\\"}{}", &["1 {\"a\":\"}\\\"{\\\\\"}", "1 {}"]);
    check_found("", &[]);
    check_found("{\"records\":[]}\n", &[]);
}

#[test]
fn damage_ends_where_the_next_record_can_begin() {
    // A string that is not closed.
    check_found("{\"a\":\"b\n{\"c\":1}\n", &["1 !", "2 {\"c\":1}"]);
    check_found("{\"a\":\"b\\\n{\"c\":1}\n", &["1 !", "2 {\"c\":1}"]);
    // A line that is cut.
    check_found("{\"a\":{\"b\":1\n{\"c\":1}\n{\"d\":1}\n", &["1 !", "2 {\"c\":1}", "3 {\"d\":1}"]);
    // Cut where a value was to come, the next line is lost with it.
    check_found("{\"a\":\n{\"c\":1}\n{\"d\":1}\n{\"e\":1}", &["1 !", "3 {\"d\":1}", "4 {\"e\":1}"]);
    check_found("{\"a\":[1}\n{\"c\":1}\n", &["1 !", "2 {\"c\":1}"]);
    check_found("nonsense\n{\"c\":1}\n", &["1 !", "2 {\"c\":1}"]);
    check_found("}}]\n\0\n{\"c\":1}\n", &["1 !", "2 !", "3 {\"c\":1}"]);
    check_found("{\"a\":1", &["1 …"]);
    check_found("{\"records\":[{\"a\":1}", &["1 {\"a\":1}", "1 …"]);
    check_found("{\"records\":[{\"a\":1},\n{\"b\":", &["1 {\"a\":1}", "2 …"]);
}

#[test]
fn what_is_too_long_or_too_deep_is_not_held() {
    let long = format!("{{\"a\":\"{}\"}}\n{{}}", "x".repeat(10_000));
    check_found(&long, &["1 !", "2 {}"]);
    let many = format!("{{\"a\":[{}1]}}\n{{}}", "1,".repeat(10_000));
    check_found(&many, &["1 !", "2 {}"]);
    let deep = format!("{}{}\n{{}}", "{\"a\":[".repeat(5_000), "]}".repeat(5_000));
    check_found(&deep, &["1 !", "2 {}"]);
    let open = "{\"a\":[".repeat(100_000);
    check_found(&open, &["1 …"]);
    let arrays = "[".repeat(100_000);
    check_found(&arrays, &["1 …"]);
    let endless = format!("{{\"a\":\"{}", "\\\"".repeat(100_000));
    check_found(&endless, &["1 …"]);
}

fn lines(text: &str, has_quotes: bool, size: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut lines = Lines::with_limit(has_quotes, 16);
    let mut out = |line: Line<'_>| {
        all.push(match line {
            Line::Text { bytes, line } => format!("{line} {}", String::from_utf8_lossy(bytes)),
            Line::TooLong { line } => format!("{line} !"),
            Line::Unclosed { line, lines } => format!("{line} \"{lines}"),
        });
    };
    for piece in text.as_bytes().chunks(size) {
        lines.feed(piece, &mut out);
        assert!(lines.held() <= 16);
    }
    lines.finish(&mut out);
    all
}

#[test]
fn lines_are_cut_where_they_end() {
    let check = |text: &str, has_quotes: bool, expected: &[&str]| {
        for size in [1, 2, 3, 1000] {
            assert_eq!(lines(text, has_quotes, size), expected, "{text:?} by {size}");
        }
    };
    check("a\r\n\nb", false, &["1 a", "2 ", "3 b"]);
    check("a,\"b\nc\"\nd\n", true, &["1 a,\"b\nc\"", "3 d"]);
    check("a,\"b\nc\"\nd\n", false, &["1 a,\"b", "2 c\"", "3 d"]);
    check(&format!("{}\nb\n", "x".repeat(1000)), false, &["1 !", "2 b"]);
    // A mark inside a field without them is a character; a doubled one is a character of its field.
    check("a\"b,c\nd\n", true, &["1 a\"b,c", "2 d"]);
    check("\"\"\"a\nb\"\"\"\nd\n", true, &["1 \"\"\"a\nb\"\"\"", "3 d"]);
    check("\"a\" \"b\nd\n", true, &["1 \"a\" \"b", "2 d"]);
    check("a, \"b\nc\"\nd\n", true, &["1 a, \"b\nc\"", "3 d"]);
    check("a\nb,\"c\nd\n", true, &["1 a", "2 \"2"]);
    check("a\nb,\"c\nd", true, &["1 a", "2 \"2"]);
    // A quotation mark that is never closed takes no more than a line that is too long.
    check("\"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n", true, &["1 \"9", "10 j", "11 k", "12 l"]);
    check(&format!("\"{}\nb\n", "x".repeat(1000)), true, &["1 !", "2 b"]);
}

#[test]
fn a_line_of_a_gigabyte_takes_no_memory() {
    let piece = vec![b'x'; 1 << 20];
    let mut taken = Taken::default();
    let mut reader = Reader::new();
    reader.feed(b"{\"records\":[{\"flowRecords\":{\"flows\":[{\"a\":\"", &mut taken).unwrap();
    for _ in 0..64 {
        reader.feed(&piece, &mut taken).unwrap();
    }
    reader.feed(b"\"}]}}]}\n", &mut taken).unwrap();
    let error = reader.finish(&mut taken).unwrap_err();
    assert!(error.to_string().contains("longer than any record"), "{error}");
}

#[test]
fn numbers_out_of_range_are_no_tuples() {
    let check = |text: &str, is_read: bool| {
        assert_eq!(Tuple::parse(text, Shape::Vnet).is_some(), is_read, "{text}");
    };
    check("1767225600123,10.0.0.4,10.0.0.5,1,2,6,O,B,NX,0,0,0,0", true);
    check("9223372036854775807,10.0.0.4,10.0.0.5,1,2,6,O,B,NX,0,0,0,18446744073709551615", true);
    check("18446744073709551615,10.0.0.4,10.0.0.5,1,2,6,O,B,NX,0,0,0,0", false);
    check("1767225600123,10.0.0.4,10.0.0.5,1,65536,6,O,B,NX,0,0,0,0", false);
    check("1767225600123,10.0.0.4,10.0.0.5,1,2,256,O,B,NX,0,0,0,0", false);
    check("1767225600123,10.0.0.4,10.0.0.5,1,2,6,X,B,NX,0,0,0,0", false);
    check("1767225600123,10.0.0.4,10.0.0.5,1,2,6,O,B,NX,0,0,0,-1", false);
    check("1767225600123,10.0.0.4,10.0.0.5,1,2,6,O,B,NX,0,0,0", false);
    check("1767225600123,10.0.0.256,10.0.0.5,1,2,6,O,B,NX,0,0,0,0", false);
    check("", false);
    check(&"9".repeat(100_000), false);
}

/// A VNet flow log of one record with these tuples.
fn vnet(tuples: &[String]) -> String {
    let tuples = tuples.join("\",\"");
    format!(
        "{{\"macAddress\":\"A\",\"flowRecords\":{{\"flows\":[{{\"flowGroups\":[{{\"rule\":\"r\",\
         \"flowTuples\":[\"{tuples}\"]}}]}}]}}}}"
    )
}

#[test]
fn counters_that_overflow_stay_at_the_top() {
    let most = u64::MAX;
    let tuple = |at: u64, state: char| {
        format!("{at},10.0.0.4,10.0.0.5,1,2,6,O,{state},NX,{most},{most},{most},{most}")
    };
    let (taken, summary) = read(vnet(&[tuple(1_767_225_600, 'B'), tuple(1_767_225_601, 'E')]));
    assert!(summary.unwrap().limits.is_empty());
    assert_eq!((taken.flows[0].packets, taken.flows[0].bytes), (Some(most), Some(most)));
}

#[test]
fn more_flows_than_are_followed_end_those_that_would_end_first_and_it_is_said() {
    let tuples: Vec<String> = (0..140_000)
        .map(|flow| {
            let (a, b, port) = (flow / 60_000, flow % 250, 1024 + flow % 60_000);
            format!("1767225600,10.{a}.0.4,10.9.0.{b},{port},443,6,O,B,NX,0,0,0,0")
        })
        .collect();
    let (taken, summary) = read(vnet(&tuples));
    assert_eq!(taken.flows.len(), 140_000);
    assert!(summary.unwrap().limits.contains(&Limit::Flows));
}

/// Holds nothing.
#[derive(Debug)]
struct Light;

impl Weighs for Light {}

/// Holds as many bytes as it says.
#[derive(Debug)]
struct Heavy(usize);

impl Weighs for Heavy {
    fn weight(&self) -> usize {
        self.0
    }
}

#[test]
fn flows_that_hold_too_much_end_early() {
    let mut open: Open<usize, Heavy> = Open::with_limits(100, 1000);
    let long = 100_000_000;
    let mut held = 0;
    let mut ended = 0;
    let mut kept = 0;
    for key in 0..1000 {
        held += key % 300;
        let is_kept = open.begin(key, Heavy(key % 300), long, &mut |one| {
            held -= one.0;
            ended += 1;
        });
        assert!(held <= 1000, "{held} bytes are held");
        kept += usize::from(is_kept);
    }
    assert!(kept < 1000);
    open.touch(&999, long).unwrap().0 = 2000;
    assert!(!open.weigh(&999, &mut |_| ended += 1));
    open.finish(&mut |_| ended += 1);
    assert_eq!(ended, 1000);
}

#[test]
fn flows_that_are_gone_leave_nothing_behind() {
    let mut open: Open<u64, Light> = Open::new(4);
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let (short, long) = (1_000_000, 100_000_000);
    let mut ended = 0;
    for round in 0..10_000 {
        let key = u64::try_from(round % 6).unwrap();
        open.begin(key, Light, long, &mut |_| ended += 1);
        open.touch(&key, short);
        open.touch(&key, long);
        assert!(open.waiting() <= 4 * 4 + 65, "{} ends are held", open.waiting());
    }
    open.come_to(at(0), &mut |_| ended += 1);
    open.come_to(at(1000), &mut |_| ended += 1);
    open.finish(&mut |_| ended += 1);
    assert_eq!(ended, 10_000);
}

#[test]
fn bytes_that_are_no_text_are_damage_and_no_panic() {
    let row =
        b"{\"category\":\"AZFWNetworkRule\",\"time\":\"2026-01-01T00:00:00Z\",\"properties\":\
                {\"SourceIp\":\"10.0.0.4\xff\",\"Action\":\"Allow\"}}\n";
    let good =
        b"{\"category\":\"AZFWNetworkRule\",\"time\":\"2026-01-01T00:00:00Z\",\"properties\":\
                 {\"Protocol\":\"TCP\",\"SourceIp\":\"10.0.0.4\",\"DestinationIp\":\"192.0.2.1\",\
                 \"DestinationPort\":443,\"Action\":\"Allow\"}}\n";
    let (taken, summary) = read([&row[..], good].concat());
    let summary = summary.unwrap();
    assert_eq!((taken.flows.len(), summary.unreadable.records), (1, 1));
    assert_eq!(summary.unreadable.lines, [1]);
    let zeek = b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\n\xff\xfe\t1\n1\n";
    let (_, summary) = read(zeek);
    assert!(summary.is_err());
}

#[test]
fn one_flow_with_very_many_requests_keeps_some() {
    let mut text = String::from(
        "#separator \\x09\n#path\thttp\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\thost\turi\n",
    );
    for request in 0..3000 {
        writeln!(text, "1\tC\t10.0.0.4\t1\t192.0.2.1\t80\th{request}.example\t/").unwrap();
    }
    let (taken, _) = read(text);
    let [flow] = taken.flows.as_slice() else { panic!("{} flows", taken.flows.len()) };
    assert_eq!(flow.openings.len(), 1025);
    assert_eq!(flow.openings_left_out, 3000 - 1024);
    let last = flow.openings.last().map(|opening| &opening.payload);
    assert_eq!(last, Some(&SeenPayload::Unread(Some(PayloadKind::Http))));
}

#[test]
fn what_is_recognised_is_told_from_what_is_not() {
    let is_log = |text: &str| match read(text).1 {
        Ok(_) | Err(CaptureError::NothingRead { .. } | CaptureError::NoAddresses { .. }) => true,
        Err(_) => false,
    };
    for text in [
        "{\"a\":1}",
        "\u{feff}\n {\"records\":[]}",
        "[{}]",
        "#separator \\x09\n",
        "### a comment\n#separator \\x09\n",
        "version account-id srcaddr dstaddr\n",
        "2 123456789012 eni-1 - - - - - - - 1 2 - NODATA",
        "TimeGenerated [UTC],SourceIp,Action\n",
        "\u{feff}\"msg_s\",\"TimeGenerated\"\r\n",
    ] {
        assert!(is_log(text), "{text:?}");
    }
    for text in [
        "#!/bin/sh\n",
        "# a list\nlanguage 1\n",
        "name,version\n1,2\n",
        "2 123456789012 eni-1 - - - - - - - 1 2 - MAYBE",
        "GET / HTTP/1.1\r\n",
        "<xml/>",
        "    \n\n",
    ] {
        assert!(!is_log(text), "{text:?}");
    }
    // A first line without an end is not waited for for ever.
    assert!(!is_log(&"a,".repeat(1 << 20)));
    assert!(!is_log(&" ".repeat(1 << 20)));
}

//! Standard input and output, colours, silence, and input that is strange but not bad.

use std::fs;
use std::process::Stdio;

use exeat::flow::Flow;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::packet::Exchange;
use exeat::packet::record;
use serde_json::Value;

use super::packets::BEGIN;
use super::packets::capture;
use super::packets::datagram;
use super::packets::requests;
use super::packets::turned;
use super::sandbox::OK;
use super::sandbox::Sandbox;
use super::sandbox::trips;

fn monday() -> Vec<u8> {
    fs::read(trips().join("monday.pcapng")).expect("a capture")
}

#[test]
fn an_empty_list_denies_everything_with_a_warning() {
    for text in ["", "language 1\n"] {
        let sandbox = Sandbox::new();
        sandbox.write("a.egress", text.as_bytes());
        let run = sandbox.run(&["check", "a.egress"]);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
        assert!(run.out.contains("warning[W0206]"), "{}", run.out);
        assert_eq!(sandbox.run(&["check", "-q", "a.egress"]).expect(0), "");
    }
}

#[test]
fn a_capture_without_packets_is_an_empty_result() {
    let sandbox = Sandbox::new();
    let header = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0";
    sandbox.write("a.pcap", header);
    let run = sandbox.run(&["flows", "a.pcap"]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), "", ""));
    let text = sandbox.run(&["replay", "ok.egress", "--capture", "a.pcap"]).expect(0);
    assert!(text.contains("no flows"), "{text}");
    let json = sandbox.run(&["replay", "ok.egress", "--capture", "a.pcap", "--format", "json"]);
    let report: Value = serde_json::from_str(&json.expect(0)).expect("a report");
    assert_eq!(report["flows"], serde_json::json!([]));
    assert_eq!(report["summary"]["truncated"], false);
}

/// What shows that a file is one that is read may lie behind what is looked at first.
#[test]
fn a_file_that_begins_with_something_long_is_read() {
    let sandbox = Sandbox::new();
    // Blocks of Zstandard may be as long as this (RFC 8878 §3.1.1.2).
    let plain = monday();
    let mut packed = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    let mut blocks = plain.chunks(128 * 1024).peekable();
    while let Some(block) = blocks.next() {
        let is_last = u32::from(blocks.peek().is_none());
        let header = u32::try_from(block.len()).expect("short") << 3 | is_last;
        packed.extend(&header.to_le_bytes()[..3]);
        packed.extend(block);
    }
    assert!(plain.len() > 64 * 1024, "the first block goes on behind what is looked at");
    sandbox.write("plain.pcapng", &plain);
    sandbox.write("packed.pcapng", &packed);
    let flows = |name: &str| sandbox.run(&["flows", "-q", name]).expect(0);
    let in_both = flows("packed.pcapng").replace("packed", "plain");
    assert_eq!(in_both, flows("plain.pcapng"));
    let event = r#"{"timestamp":"2026-03-01T10:00:00Z","event_type":"flow","flow_id":1,"proto":"TCP","src_ip":"10.1.8.4","src_port":40000,"dest_ip":"192.0.2.1","dest_port":443}"#;
    sandbox.write("late.json", ("{\"x\":1}\n".repeat(9_000) + event).as_bytes());
    let run = sandbox.run(&["flows", "late.json"]);
    assert_eq!((run.code, run.out.lines().count()), (Some(0), 1), "{}", run.err);
    assert!(run.err.contains("9000 records of the log could not be read"), "{}", run.err);
}

/// The handshake comes first in each.
#[test]
fn a_flow_is_told_by_what_comes_behind_its_handshake() {
    let payloads = [
        Payload::Silent,
        Payload::Other,
        Payload::Tls { name: None, inner: None },
        Payload::Mssql { name: None },
    ];
    let exchange = |payload| {
        let flow = Flow {
            source: [10, 1, 8, 4].into(),
            source_port: 50_000,
            destination: [192, 0, 2, 1].into(),
            destination_port: 8554,
            protocol: IpProtocol::TCP,
            payload,
        };
        Exchange { flow, lookups: Vec::new(), comment: String::new() }
    };
    let exchanges = payloads.map(exchange);
    let sandbox = Sandbox::new();
    let recording = record(&exchanges, "2026-03-01T10:00:00Z".parse().expect("a time"));
    sandbox.write("a.pcapng", &recording.bytes);
    let told = sandbox.run(&["flows", "a.pcapng"]).expect(0);
    let told = told.lines().map(|line| line.split_once("tcp/8554 ").expect("a service").1);
    let told: Vec<&str> = told.map(|rest| rest.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(told, ["silent", "other", "tls", "mssql"]);
}

#[test]
fn a_capture_cut_in_a_later_record_is_judged_up_to_there() {
    let sandbox = Sandbox::with_trips();
    let whole = sandbox.run(&["flows", "trips/monday.pcapng"]).expect(0);
    sandbox.write("cut.pcapng", &monday()[..40_000]);
    let run = sandbox.run(&["flows", "cut.pcapng"]);
    assert_eq!(run.code, Some(0));
    assert!(run.err.starts_with("warning: `cut.pcapng`: cut at byte "), "{}", run.err);
    let flows = run.out.lines().count();
    assert!((1..whole.lines().count()).contains(&flows), "{flows} flows");
    assert_eq!(sandbox.run(&["flows", "-q", "cut.pcapng"]).err, "");

    let replay = ["replay", "trips/trips.egress", "--capture", "cut.pcapng"];
    let text = sandbox.run(&replay).expect(0);
    assert!(text.contains("warning: cut.pcapng: cut at byte "), "{text}");
    let json = sandbox.run(&[&replay[..], &["--format", "json"]].concat()).expect(0);
    let report: Value = serde_json::from_str(&json).expect("a report");
    assert_eq!(report["summary"]["truncated"], true);
    assert_eq!(report["summary"]["flows"], flows);
    assert_eq!(report["summary"]["captures"][0]["truncated"], true);
}

/// Two parts of one connection, and a third file that is no capture.
#[test]
fn captures_that_follow_each_other_are_one() {
    let sandbox = Sandbox::with_trips();
    let whole = sandbox.run(&["flows", "-q", "trips/monday.pcapng"]).expect(0);
    // The blocks before the first packet stand at the beginning of both files.
    let bytes = monday();
    let blocks = blocks(&bytes);
    let first = blocks.iter().position(|block| block.starts_with(&ENHANCED)).expect("a packet");
    let middle = usize::midpoint(first, blocks.len());
    sandbox.write("a.pcapng", &blocks[..middle].concat());
    sandbox.write("b.pcapng", &[&blocks[..first], &blocks[middle..]].concat().concat());
    for files in [["a.pcapng", "b.pcapng"], ["b.pcapng", "a.pcapng"]] {
        let parts = sandbox.run(&["flows", "-q", files[0], files[1]]).expect(0);
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&parts), sorted(&whole), "{files:?}");
    }
    sandbox.write("c.pcapng", b"no capture, and no log of any kind");
    let run =
        sandbox.run(&["replay", "ok.egress", "--capture", "a.pcapng", "--capture", "c.pcapng"]);
    assert_eq!(run.code, Some(2), "{}", run.out);
    assert!(run.err.starts_with("error: `c.pcapng`: "), "{}", run.err);
}

const ENHANCED: [u8; 4] = [6, 0, 0, 0];

/// The blocks of a pcapng file with little-endian numbers.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    let mut rest = bytes;
    while let Some(length) = rest.get(4..8) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        let (block, behind) = rest.split_at(usize::try_from(length).expect("a length"));
        blocks.push(block);
        rest = behind;
    }
    blocks
}

#[test]
fn more_captures_than_are_read_together_are_refused() {
    let sandbox = Sandbox::new();
    let paths: Vec<String> = (0..513).map(|number| format!("--capture={number}.pcap")).collect();
    let args: Vec<&str> =
        ["replay", "ok.egress"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let run = sandbox.run(&args);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    let says = "error: 513 captures are too many: at most 512 are read on one time line";
    assert!(run.err.starts_with(says), "{}", run.err);
}

/// As with `exeat flows … | head -1`.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let sandbox = Sandbox::with_trips();
    for args in [&["flows", "trips/monday.pcapng"][..], &["code"]] {
        let mut command = sandbox.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_dash_is_standard_input() {
    let sandbox = Sandbox::with_trips();
    assert_eq!(sandbox.run_with(&["check", "-"], OK.as_bytes()).expect(0), "");
    let formatted = sandbox.run_with(&["fmt", "-"], OK.as_bytes()).expect(0);
    assert_eq!(sandbox.run_with(&["fmt", "-"], formatted.as_bytes()).expect(0), formatted);
    assert_eq!(sandbox.run_with(&["fmt", "--check", "-"], formatted.as_bytes()).expect(0), "");

    let named = sandbox.run(&["flows", "trips/monday.pcapng"]).expect(0);
    assert_eq!(sandbox.run_with(&["flows", "-"], &monday()).expect(0), named);
    let args = ["replay", "trips/trips.egress", "--at", "2026-12-01", "--capture"];
    let named = sandbox.run(&[&args[..], &["trips/monday.pcapng"]].concat()).expect(0);
    let piped = sandbox.run_with(&[&args[..], &["-"]].concat(), &monday()).expect(0);
    assert_eq!(piped, named.replace("trips/monday.pcapng", "-"));
}

#[test]
fn fmt_writes_the_one_style_and_check_shows_the_difference() {
    let sandbox = Sandbox::new();
    let odd = OK.replace("-> www", "->   www");
    sandbox.write("a.egress", odd.as_bytes());
    let shown = sandbox.run(&["fmt", "--check", "a.egress"]).expect(1);
    assert!(shown.contains("-allow web: apps ->   www.example.com"), "{shown}");
    assert_eq!(sandbox.read("a.egress"), odd);
    assert_eq!(sandbox.run(&["fmt", "a.egress"]).expect(0), "");
    assert_eq!(sandbox.run(&["fmt", "--check", "a.egress"]).expect(0), "");
}

/// The ends of lines are the user's: only what stands on them has a style.
#[test]
fn fmt_keeps_the_ends_of_lines() {
    let sandbox = Sandbox::new();
    sandbox.run(&["fmt", "ok.egress"]).expect(0);
    let crlf = sandbox.read("ok.egress").replace('\n', "\r\n");
    sandbox.write("a.egress", crlf.as_bytes());
    assert_eq!(sandbox.run(&["fmt", "--check", "a.egress"]).expect(0), "");
    let odd = crlf.replace("-> www", "->   www");
    sandbox.write("a.egress", odd.as_bytes());
    let shown = sandbox.run(&["fmt", "--check", "a.egress"]).expect(1);
    assert_eq!(shown.lines().filter(|line| line.starts_with("-a")).count(), 1, "{shown}");
    sandbox.run(&["fmt", "a.egress"]).expect(0);
    assert_eq!(sandbox.read("a.egress"), crlf);
}

/// One file that cannot be read as rules keeps the others from being written.
#[test]
fn fmt_writes_all_files_or_none() {
    let sandbox = Sandbox::new();
    let odd = OK.replace("-> www", "->   www");
    sandbox.write("a.egress", odd.as_bytes());
    sandbox.write("b.egress", b"language 1\nallow\n");
    sandbox.run(&["fmt", "a.egress", "b.egress"]).expect(2);
    assert_eq!(sandbox.read("a.egress"), odd);
}

/// A file is replaced by way of its folder, which does not ask whether it may be written.
#[cfg(unix)]
#[test]
fn a_file_that_its_owner_may_not_write_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let compile = &["compile", "ok.egress", "--target", "arm", "--out", "out"][..];
    let cases = [
        ("b.egress", &["fmt", "a.egress", "b.egress"][..]),
        ("out/deploy-order.json", compile),
        #[cfg(feature = "live-dns")]
        ("exeat.lock", &["lock", "ok.egress", "--server", "127.0.0.1:1"][..]),
    ];
    for (closed, args) in cases {
        let sandbox = Sandbox::new();
        let odd = OK.replace("-> www", "->   www");
        for name in ["a.egress", "b.egress", "exeat.lock", "out/deploy-order.json"] {
            sandbox.write(name, odd.as_bytes());
        }
        let path = sandbox.path().join(closed);
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode));
        set(0o444).expect("permissions");
        let before = sandbox.files();
        let run = sandbox.run(args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{closed}: {}", run.err);
        let says = format!("{closed}` is read-only; make it writable");
        assert!(run.err.contains(&says), "{closed}: {}", run.err);
        assert_eq!(sandbox.files(), before, "{closed}");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o444);
    }
    // What is in the one style already is not written.
    let sandbox = Sandbox::new();
    sandbox.run(&["fmt", "ok.egress"]).expect(0);
    let path = sandbox.path().join("ok.egress");
    fs::set_permissions(path, fs::Permissions::from_mode(0o444)).expect("permissions");
    assert_eq!(sandbox.run(&["fmt", "ok.egress"]).expect(0), "");
}

#[test]
fn colours_are_shown_where_they_are_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", b"language 1\nallow\n");
    for args in [&["check", "a.egress"][..], &["fmt", "a.egress"], &["flows", "gone.pcap"]] {
        let colored = |extra: &[&str]| sandbox.run(&[args, extra].concat()).err.contains('\x1b');
        assert!(!colored(&[]), "{args:?}: a pipe is no terminal");
        assert!(!colored(&["--color", "never"]), "{args:?}");
        assert!(colored(&["--color", "always"]), "{args:?}");
        let mut command = sandbox.command(&[args, &["--color", "auto"]].concat());
        let output = command.env("NO_COLOR", "1").output().expect("its output");
        assert!(!output.stderr.contains(&0x1b), "{args:?}: NO_COLOR");
    }
}

#[test]
fn file_names_cannot_steer_the_terminal() {
    let run = Sandbox::new().run(&["check", "a\x1b[2J.egress"]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("\\u{1b}[2J") && !run.err.contains('\x1b'), "{}", run.err);
}

#[test]
fn quiet_and_verbose_do_what_they_say() {
    let sandbox = Sandbox::with_trips();
    let text = |extra: &[&str]| {
        let args = ["replay", "trips/trips.egress", "--capture", "trips/monday.pcapng"];
        let run = sandbox.run(&[&args[..], extra].concat());
        assert_eq!(run.code, Some(0));
        run.err
    };
    // What is to be said about the list is said in a line, as it is no answer to the question.
    assert!(
        text(&[]).contains("warning: `trips/trips.egress` has 5 warnings (W0301, W0404, W0409)")
    );
    assert_eq!(text(&[]).lines().count(), 1);
    assert!(text(&["-v"]).contains("warning[W0404]"));
    assert_eq!(text(&["-q"]), "");
    assert!(!text(&[]).contains("note["));
    assert!(text(&["-v"]).contains("note["));
    let checked = |extra: &[&str]| sandbox.run(&[&["check", "trips/trips.egress"], extra].concat());
    assert!(checked(&["-v"]).expect(0).contains("note["));
    assert!(!checked(&[]).expect(0).contains("note["));
    let compiled = |extra: &[&str]| {
        let args = ["compile", "ok.egress", "--target", "json", "--out", "out"];
        sandbox.run(&[&args[..], extra].concat()).expect(0)
    };
    assert_eq!(compiled(&[]), "out/deployment.json\n");
    assert_eq!(compiled(&["-q"]), "");
}

#[test]
fn a_report_lists_the_flows_that_are_asked_for() {
    let sandbox = Sandbox::with_trips();
    let listed = |which: &str| {
        let args = ["replay", "-q", "trips/trips.egress", "--capture", "trips/friday.pcapng"];
        let run = sandbox.run(&[&args[..], &["--format", "json", "--flows", which]].concat());
        let report: Value = serde_json::from_str(&run.expect(1)).expect("a report");
        let summary = report["summary"].clone();
        (report["flows"].as_array().expect("flows").len() as u64, summary)
    };
    let (all, summary) = listed("all");
    assert_eq!(all, summary["flows"]);
    let (objections, same) = listed("objections");
    assert_eq!(objections, summary["objections"]);
    assert!(objections < all && same == summary);
    assert_eq!(listed("none"), (0, summary));
}

#[test]
fn codes_are_explained_offline() {
    let sandbox = Sandbox::new();
    let all = sandbox.run(&["code"]).expect(0);
    assert!(all.lines().any(|line| line.starts_with("E0203  unknown-name")), "{all}");
    let page = sandbox.run(&["code", "E0203"]).expect(0);
    assert!(page.starts_with("# E0203"), "{page}");
    assert_eq!(sandbox.run(&["code", "e0203"]).expect(0), page);
    assert_eq!(sandbox.run(&["code", "unknown-name"]).expect(0), page);
}

#[test]
fn the_assumptions_are_listed_without_anything_to_judge() {
    let sandbox = Sandbox::new();
    let listed = sandbox.run(&["replay", "--assume", "list"]).expect(0);
    assert!(listed.contains("threat_list"), "{listed}");
    assert_eq!(sandbox.run(&["explain", "--assume", "list"]).expect(0), listed);
}

/// Flags that change what is judged change what is said.
#[test]
fn options_of_replay_have_an_effect() {
    let sandbox = Sandbox::with_trips();
    let args = ["replay", "-q", "trips/trips.egress", "--capture", "trips/friday.pcapng"];
    let replay = |extra: &[&str]| sandbox.run(&[&args[..], extra].concat());
    let plain = replay(&["--at", "2026-12-01"]).expect(1);
    assert_eq!(replay(&["--at", "2026-12-01", "--threads", "1"]).expect(1), plain);
    assert_ne!(replay(&["--at", "2100-01-01"]).expect(1), plain, "a permission has expired");
    let from = replay(&["--at", "2026-12-01", "--from", "system"]).expect(1);
    assert_ne!(from, plain);
    let boxes = ["leak", "breakage", "undetermined", "bypass"];
    let accepted: Vec<&str> = boxes.iter().flat_map(|word| ["--accept", word]).collect();
    let all = replay(&accepted).expect(0);
    assert!(all.contains("leak (accepted)") && all.contains("nothing to object to"), "{all}");
    let assumed = replay(&["--assume", "threat_list=everything", "--at", "2026-12-01"]);
    assert_ne!(assumed.out, plain);
}

#[test]
fn a_clock_that_was_set_back_while_packets_were_captured_is_told() {
    let sandbox = Sandbox::new();
    let at = |seconds: u32| (BEGIN + seconds, 0, datagram(50_000));
    sandbox.write("a.pcap", &capture([at(100), at(99), at(101)]));
    assert_eq!(sandbox.run(&["flows", "a.pcap"]).err, "");
    let says = |times: &str| {
        format!(
            "the times of its packets go back {times} by 1m 41s from 2023-11-14T22:15:01Z, as where a \
             clock was set or files were put behind each other: what clients were told before a flow \
             is told by these times\n"
        )
    };
    sandbox.write("a.pcap", &capture([at(100), at(101), at(0), at(1)]));
    let flows = sandbox.run(&["flows", "a.pcap"]);
    assert_eq!(flows.err, format!("warning: `a.pcap`: {}", says("once,")));
    sandbox.write("a.pcap", &capture([at(100), at(101), at(0), at(50), at(1)]));
    let text = sandbox.run(&["replay", "ok.egress", "--capture", "a.pcap"]).expect(0);
    assert!(text.contains(&format!("warning: a.pcap: {}", says("2 times, first"))), "{text}");
}

/// What is said of a flow must not hang on which of its packets the capture happens to begin with.
#[test]
fn a_flow_that_was_caught_in_the_middle_is_judged_from_the_end_that_is_declared() {
    let sandbox = Sandbox::new();
    let replayed = |packets: &[Vec<u8>], options: &[&str]| {
        let packets = packets.iter().zip(0..).map(|(packet, at)| (BEGIN + at, 0, packet.clone()));
        sandbox.write("a.pcap", &capture(packets));
        let args = ["replay", "-q", "ok.egress", "--capture", "a.pcap", "--format", "json"];
        let run = sandbox.run(&[&args, options].concat());
        let report: Value = serde_json::from_str(&run.expect(0)).expect("a report");
        let flow = &report["flows"][0];
        format!("{} {} {}", flow["src"], flow["sport"], flow["box"])
    };
    let asked = r#""10.1.8.4" 50000 "blocked""#;
    assert_eq!(replayed(&[datagram(50_000), turned(datagram(50_000))], &[]), asked);
    assert_eq!(replayed(&[turned(datagram(50_000)), datagram(50_000)], &[]), asked);
    assert_eq!(replayed(&[turned(datagram(50_000))], &[]), asked);
    // Who asks from a higher port than the one that is asked is no server, as far as is known.
    let not_judged = r#""203.0.113.7" 9999 "not-judged""#;
    assert_eq!(replayed(&[turned(datagram(5_000))], &[]), not_judged);
    // Who is told where all come from is believed.
    assert_eq!(replayed(&[turned(datagram(50_000))], &["--from", "apps"]), not_judged);
}

/// No firewall sees it, and nothing is asked of a list for it.
#[test]
fn a_flow_on_a_loopback_device_is_not_judged() {
    let sandbox = Sandbox::new();
    let cooked = |device: u16| {
        let kind = device.to_be_bytes();
        let header = [8, 0, 0, 0, 0, 0, 0, 1, kind[0], kind[1], 0, 6, 0, 0, 0, 0, 0, 0, 0, 0];
        [&header[..], &datagram(50_000)].concat()
    };
    let replay = |device: u16, options: &[&str]| {
        let mut file = capture([(BEGIN, 0, cooked(device))]);
        file[20..22].copy_from_slice(&276_u16.to_le_bytes());
        sandbox.write("a.pcap", &file);
        let args = ["replay", "ok.egress", "--capture", "a.pcap"];
        sandbox.run(&[&args, options].concat()).expect(0)
    };
    assert!(replay(1, &[]).contains("1  blocked"));
    assert!(replay(772, &["--from", "apps"]).contains("1  blocked"));
    let local = replay(772, &[]);
    let expected =
        "warning: a.pcap: 1 flow on a loopback device is not judged: no packet left the machine";
    assert!(local.contains(expected) && local.contains("no flow was judged"), "{local}");
}

/// As after a link type was changed that was the right one.
#[test]
fn a_capture_in_which_no_frame_holds_ip_says_so() {
    let sandbox = Sandbox::new();
    let mut file = capture([(BEGIN, 0, datagram(50_000)), (BEGIN, 1, datagram(50_000))]);
    // Of Linux' cooked frames.
    file[20] = 113;
    sandbox.write("a.pcap", &file);
    let flows = sandbox.run(&["flows", "a.pcap"]);
    let expected = "warning: `a.pcap`: none of 2 frames holds IP: they are of other protocols, such as ARP, \
                    or not of the link type that it says, 113 (LINUX_SLL)\n";
    assert_eq!(flows.err, expected);
}

/// Of requests beyond those that are kept the paths are not known: what the firewall made of the first of
/// them stands open, whatever it makes of a later one.
#[test]
fn a_request_that_is_not_kept_stands_where_it_was_made() {
    let sandbox = Sandbox::new();
    let by_path = "allow news: apps -> url \"www.example.com/news/*\" inspect : http  because \"x\"  \
                   expires 2030-06-30\n";
    sandbox.write("paths.egress", format!("{OK}\n{by_path}").as_bytes());
    let get = |host: &str, path: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let news = |number: usize| get("www.example.com", &format!("/news/{number}"));
    let replayed = |list: &str, asked: Vec<String>| {
        let packets = requests(asked).into_iter().zip(0..);
        sandbox.write("a.pcap", &capture(packets.map(|(packet, at)| (BEGIN, at, packet))));
        let args = ["replay", "-q", list, "--capture", "a.pcap", "--format", "json"];
        let report: Value = serde_json::from_str(&sandbox.run(&args).out).expect("a report");
        let flow = &report["flows"][0];
        format!("{} {}", flow["box"], flow["packet"])
    };
    // The SYN and 1,023 requests are kept.
    let kept: Vec<String> = (0..1023).map(news).collect();
    let other = get("nobody.example", "/");
    let secret = get("www.example.com", "/secret");
    assert_eq!(
        replayed("paths.egress", [&kept[..], std::slice::from_ref(&other)].concat()),
        r#""blocked" 1025"#
    );
    let hidden = [&kept[..], &[news(1023), secret.clone(), other.clone()]].concat();
    assert_eq!(replayed("paths.egress", hidden), r#""undetermined" 1025"#);
    // Whoever was refused makes no further requests.
    let refused = [&kept[..], &[other, news(1023), secret]].concat();
    assert_eq!(replayed("paths.egress", refused), r#""blocked" 1025"#);
}

/// A block of counters of an interface, by their options.
fn statistics(interface: u8, counters: &[(u8, u64)]) -> Vec<u8> {
    let options = counters
        .iter()
        .flat_map(|(code, count)| [&[*code, 0, 8, 0][..], &count.to_le_bytes()].concat());
    let options: Vec<u8> = options.chain([0; 4]).collect();
    let length = u32::try_from(24 + options.len()).expect("a short block").to_le_bytes();
    [&[5, 0, 0, 0], &length[..], &[interface, 0, 0, 0], &[0; 8], &options, &length].concat()
}

/// Of counters of one interface the last are those of all the time; 4 counts what was received.
#[test]
fn packets_that_were_dropped_are_told() {
    let sandbox = Sandbox::with_trips();
    let monday = monday();
    let says = |text: &str| {
        format!(
            "warning: trips/monday.pcapng: {text} dropped while it was taken, as it says itself: flows \
             may be missing, and of others the names\n"
        )
    };
    let mut damaged = statistics(0, &[(5, 99)]);
    damaged.pop();
    damaged.push(1);
    for (blocks, expected) in [
        (statistics(0, &[(4, 99), (5, 0)]), None),
        (statistics(0, &[(5, 1)]), Some("1 packet was")),
        (
            [statistics(0, &[(5, 1), (7, 2)]), statistics(0, &[(4, 99), (5, 40)])].concat(),
            Some("42 packets were"),
        ),
        (statistics(0, &[(5, u64::MAX), (7, 2)]), Some("18446744073709551615 packets were")),
        (statistics(9, &[(5, 1)]), None),
        (damaged, None),
    ] {
        sandbox.write("trips/monday.pcapng", &[&monday[..], &blocks].concat());
        let args = ["replay", "trips/trips.egress", "--at", "2026-12-01"];
        let capture = ["--capture", "trips/monday.pcapng"];
        let text = sandbox.run(&[&args[..], &capture].concat()).expect(0);
        match expected {
            Some(expected) => assert!(text.contains(&says(expected)), "{expected}: {text}"),
            None => assert!(!text.contains("dropped"), "{text}"),
        }
    }
}

/// A datagram in a packet block with options, or in an obsolete one behind so many that were dropped.
fn packet(kind: u8, interface: [u8; 4], options: &[u8]) -> Vec<u8> {
    let packet = datagram(50_000);
    let captured = u32::try_from(packet.len()).expect("a length").to_le_bytes();
    let rest = [&[0; 8][..], &captured, &captured, &packet, options].concat();
    let length = u32::try_from(16 + rest.len()).expect("a length").to_le_bytes();
    [&[kind, 0, 0, 0], &length[..], &interface, &rest, &length].concat()
}

/// What is told of an interface at its end is the same as what was told with its packets.
#[test]
fn packets_that_were_dropped_before_others_are_told() {
    let header =
        [&[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0][..], b"\x4d\x3c\x2b\x1a\x01\0\0\0"].concat();
    let section = [&header[..], &[0xff; 8], &[28, 0, 0, 0]].concat();
    // Of raw IP.
    let interface = [1, 0, 0, 0, 20, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0];
    let two = [&section[..], &interface, &interface].concat();
    let drops = |count: u8| [4, 0, 8, 0, count, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let sandbox = Sandbox::new();
    for (blocks, expected) in [
        (packet(6, [0; 4], &[]), 0),
        (packet(6, [0; 4], &drops(3)), 3),
        ([packet(6, [0; 4], &drops(3)), packet(6, [1, 0, 0, 0], &drops(4))].concat(), 7),
        ([packet(6, [0; 4], &drops(3)), statistics(0, &[(5, 2), (7, 1)])].concat(), 3),
        ([packet(6, [0; 4], &drops(3)), packet(2, [0, 0, 9, 0], &[])].concat(), 12),
        (packet(2, [0, 0, 0xff, 0xff], &[]), 0),
    ] {
        sandbox.write("a.pcapng", &[&two[..], &blocks].concat());
        let flows = sandbox.run(&["flows", "a.pcapng"]);
        let told = flows.err.strip_prefix("warning: `a.pcapng`: ").unwrap_or("0 ");
        assert!(told.starts_with(&format!("{expected} ")), "{expected}: {}", flows.err);
        assert_eq!(flows.expect(0).lines().count(), 1);
    }
}

/// Such blocks are no packets, and whoever put them there may expect them to be read.
#[test]
fn blocks_of_a_capture_that_are_not_read_are_told() {
    let block = |kind: u8| [&[kind, 0, 0, 0, 16, 0, 0, 0], &[0; 4][..], &[16, 0, 0, 0]].concat();
    let (secrets, names, statistics) = (block(10), block(4), block(5));
    let sandbox = Sandbox::with_trips();
    let monday = monday();
    // Behind the section header.
    let (begin, rest) = monday.split_at(monday[4].into());
    let whole = [begin, &secrets, rest, &names, &names, &statistics].concat();
    sandbox.write("trips/monday.pcapng", &whole);
    let args = ["replay", "trips/trips.egress", "--at", "2026-12-01"];
    let capture = ["--capture", "trips/monday.pcapng"];
    let text = sandbox.run(&[&args[..], &capture].concat()).expect(0);
    let expected = "\
        note: trips/monday.pcapng: 1 block of decryption secrets was passed over: nothing is decrypted \
        here, so that names and requests inside what was encrypted are not read\n\
        note: trips/monday.pcapng: 2 blocks of resolved names were passed over: they are what a machine \
        found for addresses, and no client was told so\n";
    assert!(text.contains(expected), "{text}");
    let flows = sandbox.run(&["flows", "trips/monday.pcapng"]);
    assert_eq!(flows.err.matches("note: `trips/monday.pcapng`: ").count(), 2, "{}", flows.err);
    assert_eq!(sandbox.run(&["flows", "-q", "trips/monday.pcapng"]).err, "");
    let json = sandbox.run(&[&args[..], &capture, &["--format", "json"]].concat()).expect(0);
    let report: Value = serde_json::from_str(&json).expect("a report");
    let notes = report["summary"]["captures"][0]["notes"].as_array().map(Vec::len);
    assert_eq!(notes, Some(2), "{json}");
    // Without them the report is the same.
    let without: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("note: trips/")).collect();
    let plain = Sandbox::with_trips().run(&[&args[..], &capture].concat()).expect(0);
    assert_eq!(without, plain.lines().collect::<Vec<_>>());
}

/// What has to be kept of a large capture is kept where `TMPDIR` says, and that is said where it cannot.
#[cfg(unix)]
#[test]
fn a_folder_for_temporary_files_that_cannot_be_used_is_named_with_what_to_do() {
    /// Their JSON is more than is held in memory.
    const FLOWS: u16 = 30_000;
    let sandbox = Sandbox::new();
    let packets = (0..FLOWS).map(|n| (BEGIN, n.into(), datagram(20_000 + n)));
    sandbox.write("a.pcap", &capture(packets));
    let args = ["replay", "ok.egress", "--capture", "a.pcap", "--format", "json", "--flows", "all"];
    for (folder, why) in [("gone", "no such file or directory"), ("ok.egress", "not a directory")] {
        let output = sandbox.command(&args).env("TMPDIR", folder).output().expect("a run");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{folder}");
        let expected = format!(
            "error: cannot keep flows in a temporary file in `{folder}`: {why}\n  = help: let `TMPDIR` \
             name a folder that can be written to and has room: a flow takes some hundred bytes\n"
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    }
    // Nothing has to be kept of what is small.
    let small = [&args[..6], &["--flows", "none"]].concat();
    let output = sandbox.command(&small).env("TMPDIR", "gone").output().expect("a run");
    assert_eq!(output.status.code(), Some(0));
}

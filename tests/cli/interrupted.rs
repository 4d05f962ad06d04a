//! Runs that the user ends before they are over.

use serde_json::Value;

use super::packets::BEGIN;
use super::packets::HEADER;
use super::packets::capture;
use super::packets::datagram;
use super::sandbox::Sandbox;

/// More than a pipe and what is read ahead of it can hold, so that the program is at work when all of
/// it is written.
const PACKETS: u32 = 40_000;

/// A capture of one flow with many datagrams.
fn long_flow() -> Vec<u8> {
    let packet = datagram(50_000);
    capture((0..PACKETS).map(|microseconds| (BEGIN, microseconds, packet.clone())))
}

#[test]
fn an_interrupted_replay_judges_what_it_has_read_and_says_so() {
    let sandbox = Sandbox::new();
    let args = ["replay", "ok.egress", "--capture", "-", "--at", "2026-03-01"];
    let text = sandbox.run_interrupted(&args, &long_flow()).expect(1);
    assert!(text.starts_with("PARTIAL: the run was interrupted"), "{text}");
    assert!(text.contains("warning: -: interrupted after "), "{text}");
    assert!(text.contains("1  blocked"), "{text}");

    let more = ["--format", "json"];
    let json = sandbox.run_interrupted(&[&args[..], &more].concat(), &long_flow()).expect(1);
    let report: Value = serde_json::from_str(&json).expect("a report");
    assert_eq!(report["summary"]["partial"], true);
    assert_eq!(report["summary"]["truncated"], true);
    assert_eq!(report["flows"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["summary"]["captures"][0]["truncated"], true);
}

#[test]
fn interrupted_flows_are_listed_as_far_as_they_were_read() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_interrupted(&["flows", "-"], &long_flow());
    assert_eq!(run.code, Some(1), "{}", run.err);
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
    assert!(run.err.starts_with("warning: `-`: interrupted after "), "{}", run.err);
}

/// A pipe to which nobody has written yet holds up the others, but not their report.
#[test]
fn an_interrupted_replay_tells_of_the_captures_beside_one_that_never_began() {
    let sandbox = Sandbox::new();
    let packets = (0..3).map(|number| (BEGIN, number.into(), datagram(50_000 + number)));
    sandbox.write("a.pcap", &capture(packets));
    let args = ["replay", "ok.egress", "--capture", "a.pcap", "--capture", "pipe"];
    for begun in [&b""[..], &HEADER[..10]] {
        let text = sandbox.run_interrupted_at("pipe", begun, &args).expect(1);
        assert!(text.starts_with("PARTIAL: the run was interrupted"), "{text}");
        assert!(text.contains("warning: pipe: interrupted after "), "{text}");
        assert!(text.contains("3  blocked"), "{text}");
    }
    // Of one alone there is nothing to tell.
    let run =
        sandbox.run_interrupted_at("pipe", b"", &["replay", "ok.egress", "--capture", "pipe"]);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{}", run.err);
    assert!(run.err.contains("interrupted after 0 bytes of `pipe`"), "{}", run.err);
}

/// What reads no captures has nothing to tell when it is interrupted.
#[test]
fn another_run_is_ended_by_the_signal() {
    let sandbox = Sandbox::new();
    let comments = "# a comment\n".repeat(40_000);
    let run = sandbox.run_interrupted(&["check", "-"], comments.as_bytes());
    assert_eq!((run.code, run.out.as_str()), (Some(130), ""), "{}", run.err);
}

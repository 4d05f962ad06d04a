//! Runs that the user ends before they are over.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::sandbox::Sandbox;

/// More than a pipe and what is read ahead of it can hold, so that the program is at work when all of
/// it is written.
const PACKETS: usize = 40_000;

/// A capture of one flow with many datagrams.
fn long_flow() -> Vec<u8> {
    let mut file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x65\0\0\0".to_vec();
    let payload = [0x55; 32];
    let length = u16::try_from(20 + 8 + payload.len()).expect("a length");
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    packet.extend(Ipv4Addr::new(10, 1, 8, 4).octets());
    packet.extend(Ipv4Addr::new(203, 0, 113, 7).octets());
    packet.extend(50_000_u16.to_be_bytes());
    packet.extend(9_999_u16.to_be_bytes());
    packet.extend((length - 20).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
    for number in 0..PACKETS {
        let microseconds = u32::try_from(number).expect("a time");
        let captured = u32::from(length);
        for field in [1_700_000_000, microseconds, captured, captured] {
            file.extend(field.to_le_bytes());
        }
        file.extend(&packet);
    }
    file
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

/// What reads no captures has nothing to tell when it is interrupted.
#[test]
fn another_run_is_ended_by_the_signal() {
    let sandbox = Sandbox::new();
    let comments = "# a comment\n".repeat(40_000);
    let run = sandbox.run_interrupted(&["check", "-"], comments.as_bytes());
    assert_eq!((run.code, run.out.as_str()), (Some(130), ""), "{}", run.err);
}

//! VPC flow logs of AWS: what its lines say, and those that say nothing.

use super::heads;
use super::told;

/// A line of the default format: the interface, and what stands from the source on.
fn line(interface: &str, rest: &str) -> String {
    format!("2 123456789012 {interface} {rest}\n")
}

const FLOW: &str = "10.0.0.1 192.0.2.1 20641 443 6 10 1000 1767225600 1767225660 ACCEPT OK";

#[test]
fn a_line_that_is_cut_or_damaged_is_told_and_never_guessed() {
    let check = |rest: &str, expected: &str| {
        let (flows, summary) = told(&(line("eni-a", FLOW) + &line("eni-a", rest)));
        assert_eq!(flows.len(), 1, "{rest}: {flows:?}");
        assert!(summary.contains("1 unreadable, at lines [2]: "), "{rest}: {summary}");
        assert!(summary.contains(expected), "{rest}: {summary}");
    };
    check("10.0.0.2 192.0.2.1 20641 443 6 10 1000 176", "it has 11 fields, expected 14");
    check(&format!("{FLOW} more"), "it has 15 fields, expected 14");
    let change = |from: &str, to: &str| FLOW.replace("10.0.0.1", "10.0.0.9").replace(from, to);
    check(&change(" 443 ", " 70443 "), "its `dstport` `70443` cannot be read");
    check(&change(" 1000 ", " -84 "), "its `bytes` `-84` cannot be read");
    check(&change("192.0.2.1", "192.0.2"), "its `dstaddr` `192.0.2` cannot be read");
    check(&change(" 1767225600 ", " soon "), "its `start` `soon` cannot be read");
    check(&change(" 6 ", " - "), "it lacks `protocol`");
}

#[test]
fn lines_without_ends_say_nothing_and_headers_are_no_records() {
    let nothing = "- - - - - - - 1767225600 1767225660 - NODATA";
    let header = "version srcaddr dstaddr srcport dstport protocol start end\n";
    let dashes = "5 - - - - - 1767225600 1767225660\n";
    let flow = "5 10.0.0.1 192.0.2.1 20641 443 6 1767225600 1767225660\n";
    let (flows, summary) = told(&(line("eni-a", nothing) + "\n" + header + dashes + flow));
    assert_eq!(heads(&flows), ["tcp 10.0.0.1 20641 192.0.2.1 443 other -"]);
    assert!(summary.contains("3 records, 2 passed over"), "{summary}");
    // Without a time nothing can be judged.
    let (flows, summary) =
        told(&(header.replace(" start end", "") + "5 10.0.0.1 192.0.2.1 1 443 6\n"));
    assert!(flows.is_empty());
    assert!(summary.starts_with("error:"), "{summary}");
    assert!(summary.contains("line 2: it lacks `start`"), "{summary}");
}

/// As the command line of CloudWatch shows it.
#[test]
fn a_time_and_the_name_of_a_stream_before_a_line_are_passed_over() {
    for before in ["2026-01-01T00:01:00.000Z", "2026-01-01T00:01:00+00:00 eni-0a1b-all"] {
        let (flows, summary) = told(&format!("{before} {}", line("eni-0a1b", FLOW)));
        assert_eq!(heads(&flows), ["tcp 10.0.0.1 20641 192.0.2.1 443 other -"], "{summary}");
    }
}

/// Both attachments of a transit gateway see the same packets.
#[test]
fn of_two_attachments_the_first_counts() {
    let header = "resource-type tgw-attachment-id srcaddr dstaddr srcport dstport protocol packets \
                  bytes start end log-status\n";
    let line = |attachment: &str| {
        format!(
            "TransitGateway {attachment} 10.0.0.1 192.0.2.1 20641 443 6 5 500 1767225600 1767225660 OK\n"
        )
    };
    let (flows, summary) = told(&[header, &line("tgw-attach-a"), &line("tgw-attach-b")].concat());
    assert_eq!(flows.len(), 1, "{summary}");
    assert!(flows[0].contains("packets 5 bytes 500"), "{}", flows[0]);
}

#[test]
fn of_two_interfaces_that_saw_the_same_packets_the_first_counts() {
    let reply = "192.0.2.1 10.0.0.1 443 20641 6 5 700 1767225600 1767225660 ACCEPT OK";
    let refused = FLOW.replace("ACCEPT", "REJECT");
    let log = line("eni-a", FLOW) + &line("eni-b", reply) + &line("eni-a", reply);
    let (flows, _) = told(&(log.clone() + &line("eni-b", FLOW)));
    assert_eq!(flows.len(), 1);
    assert!(flows[0].contains("packets 15 bytes 1700 answered"), "{}", flows[0]);
    assert!(flows[0].contains("aws allow"), "{}", flows[0]);
    let (flows, _) = told(&(log + &line("eni-b", &refused)));
    assert!(flows[0].contains("packets 15 bytes 1700 answered"), "{}", flows[0]);
    assert!(flows[0].contains("aws deny"), "{}", flows[0]);
}

#[test]
fn the_time_that_an_export_writes_in_front_is_no_field() {
    let exported = |rest: &str| format!("2026-01-01T00:01:05.000Z {}", line("eni-a", rest));
    let named = "2026-01-01T00:01:05.000Z srcaddr dstaddr srcport dstport protocol start\n\
                 2026-01-01T00:01:05.000Z 10.0.0.1 192.0.2.1 20641 443 6 1767225600\n";
    assert_eq!(heads(&told(named).0), ["tcp 10.0.0.1 20641 192.0.2.1 443 other -"]);
    let (_, summary) = told("ACCEPT all that is OK\n");
    assert!(!summary.contains("AWS in a format"), "{summary}");
    let (flows, summary) = told(&(exported(FLOW) + &exported("1 2")));
    assert_eq!(heads(&flows), ["tcp 10.0.0.1 20641 192.0.2.1 443 other -"]);
    assert!(summary.contains("it has 5 fields, expected 14"), "{summary}");
}

#[test]
fn a_format_of_its_own_without_names_is_refused_with_what_to_do() {
    let (_, summary) = told("3 eni-a 10.0.0.1 192.0.2.1 1767225600 ACCEPT OK\n");
    assert!(summary.contains("put the names of its fields on the first line"), "{summary}");
}

/// A log may have fields of its own; who goes to which port is needed.
#[test]
fn a_line_without_the_port_that_it_goes_to_is_not_read() {
    let header = |ports: &str| format!("srcaddr dstaddr {ports} protocol start end action\n");
    let behind = "6 1767225600 1767225660 ACCEPT\n";
    let (flows, summary) = told(&format!("{}10.0.0.1 192.0.2.1 40000 {behind}", header("srcport")));
    assert!(flows.is_empty(), "{flows:?}");
    assert!(summary.contains("it lacks `dstport`"), "{summary}");
    // A port that is not there is not the lower one.
    let (flows, _) = told(&format!("{}10.0.0.1 192.0.2.1 443 {behind}", header("dstport")));
    assert_eq!(heads(&flows), ["tcp 10.0.0.1 0 192.0.2.1 443 other -"]);
    let (flows, _) =
        told("srcaddr dstaddr protocol start end\n10.0.0.1 192.0.2.1 1 1767225600 1767225660\n");
    assert_eq!(heads(&flows), ["icmp 10.0.0.1 0 192.0.2.1 0 other -"]);
}

#[test]
fn flows_that_were_not_recorded_are_told() {
    let skipped = "- - - - - - - 1767225600 1767225660 - SKIPDATA";
    let (flows, summary) = told(&(line("eni-a", FLOW) + &line("eni-a", skipped)));
    assert_eq!(flows.len(), 1);
    assert!(summary.contains("it says that flows were not recorded (`SKIPDATA`)"), "{summary}");
}

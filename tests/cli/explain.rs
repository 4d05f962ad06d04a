//! One flow, explained: exit codes, and the forms in which a flow comes.

use super::sandbox::OK;
use super::sandbox::Sandbox;

const WWW: &str = "10.1.8.4 -> 192.0.2.7 : tcp/443 tls www.example.com";

/// The bold boxes stop a pipeline, as they do in a replay.
#[test]
fn an_objection_exits_1_and_anything_else_0() {
    let sandbox = Sandbox::with_trips();
    for (flow, outcome, code) in [
        (
            "10.1.8.4 -> 192.0.2.33 : tcp/1433 mssql sql-trips.database.windows.net",
            "required-passed",
            0,
        ),
        ("10.1.8.4 -> 203.0.113.60 : tcp/443 tls pastebin.com", "blocked", 0),
        ("10.1.8.4 -> 169.254.169.254 : tcp/80 http 169.254.169.254", "not-judged", 0),
        ("10.1.8.4 -> 192.0.2.80 : tcp/443 tls tripsmirror.blob.core.windows.net", "leak", 1),
        ("10.1.0.4 -> 192.0.2.18 : tcp/443 tls acs-mirror.azureedge.net", "breakage", 1),
        ("10.1.8.4 -> 198.51.100.70 : tcp/443 tls ingest.fabrikam.example", "bypass", 1),
        (
            "10.1.8.4 -> 192.0.2.71 : tcp/5671 tls sb-trips.servicebus.windows.net",
            "undetermined",
            1,
        ),
    ] {
        let run = sandbox.run(&["explain", "-q", "trips/trips.egress", flow]);
        assert!(run.out.contains(&format!("[{outcome}]")), "{flow}: {}", run.out);
        assert_eq!(run.code, Some(code), "{flow}");
    }
}

/// The list can accept what the evidence does not settle, and says why.
#[test]
fn what_the_list_accepts_undetermined_is_no_objection() {
    let sandbox = Sandbox::new();
    let text = "allow bus: apps -> tag ServiceBus.WestEurope : tcp/5671\n  because \"events\"\n";
    let flow = "10.1.8.4 -> 192.0.2.71 : tcp/5671";
    sandbox.write("a.egress", [OK, text].concat().as_bytes());
    sandbox.run(&["explain", "a.egress", flow]).expect(1);
    let accepted = [OK, text, "  accept undetermined because \"tags change\"\n"].concat();
    sandbox.write("a.egress", accepted.as_bytes());
    let out = sandbox.run(&["explain", "a.egress", flow]).expect(0);
    assert!(out.contains("[undetermined]") && out.contains("tags change"), "{out}");
    // Another flow that is not settled is none of that permission.
    sandbox.run(&["explain", "a.egress", "10.1.8.4 -> 192.0.2.71 : tcp/443"]).expect(1);
}

#[test]
fn a_flow_comes_quoted_or_in_words_with_a_list_or_without() {
    let sandbox = Sandbox::with_trips();
    let words: Vec<&str> = WWW.split(' ').collect();
    let with_to = WWW.replace("->", "to");
    let whole = sandbox.run(&["explain", "ok.egress", WWW]).expect(0);
    assert_eq!(sandbox.run(&[&["explain", "ok.egress"], &words[..]].concat()).expect(0), whole);
    assert_eq!(sandbox.run(&["explain", "ok.egress", &with_to]).expect(0), whole);
    let noted = format!("{WWW}   # inspected");
    assert_eq!(sandbox.run(&["explain", "ok.egress", &noted]).expect(0), whole);
    sandbox.run(&["compile", "-q", "ok.egress", "--target", "json", "--out", "out"]).expect(0);
    let deployment = ["explain", "--deployment", "out/deployment.json"];
    let alone = sandbox.run(&[&deployment[..], &[WWW]].concat()).expect(0);
    assert_eq!(sandbox.run(&[&deployment[..], &[&with_to]].concat()).expect(0), alone);
    assert!(alone.contains("[passed]"), "{alone}");
}

/// Whatever a report shows to be copied can be: the commands, and the flows above them.
#[test]
fn every_flow_of_a_report_can_be_explained() {
    let sandbox = Sandbox::with_trips();
    let args = ["replay", "-q", "trips/trips.egress", "--capture", "trips/friday.pcapng"];
    let options = ["--at", "2026-12-01", "--assume", "threat_list=empty"];
    let report = sandbox.run(&[&args[..], &options].concat()).expect(1);
    let mut commands = 0;
    for line in report.lines() {
        if let Some(command) = line.strip_prefix("   why: exeat ") {
            let (words, flow) = command.split_once(" \"").expect("a quoted flow");
            assert!(
                words.contains("--at 2026-12-01T00:00:00Z --assume threat_list=empty"),
                "{words}"
            );
            let mut args: Vec<&str> = words.split(' ').collect();
            args.push(flow.trim_end_matches('"'));
            assert_eq!(sandbox.run(&args).code, Some(1), "{line}");
            commands += 1;
        } else if let Some((flow, _)) = line.trim().split_once("  at packet ") {
            let run = sandbox.run(&["explain", "-q", "trips/trips.egress", flow]);
            assert_ne!(run.code, Some(2), "{line}: {}", run.err);
        }
    }
    assert_eq!(commands, 7, "{report}");
}

/// A command names no capture that is not needed: only answers of DNS in others bear on a flow.
#[test]
fn a_flow_is_explained_by_its_own_capture_unless_dns_answers_bear_on_it() {
    /// More captures than a command names.
    const MORE: usize = 8;
    let sandbox = Sandbox::with_trips();
    let header = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0";
    let empty: Vec<String> = (0..MORE).map(|number| format!("{number}.pcap")).collect();
    for name in &empty {
        sandbox.write(name, header);
    }
    let own = "--capture trips/friday.pcapng";
    let both = "--capture trips/monday.pcapng --capture trips/friday.pcapng";
    let replay = ["replay", "-q", "trips/trips.egress", "--at", "2026-12-01"];
    for more in [&empty[..0], &empty] {
        let captures = more.iter().flat_map(|name| ["--capture", name]);
        let args = replay.into_iter().chain(both.split(' ')).chain(captures).collect::<Vec<_>>();
        let report = sandbox.run(&args).expect(1);
        let mut named: Vec<&str> = Vec::new();
        for part in report.split("\n\n").filter(|part| part.contains("   why: exeat ")) {
            let (_, command) = part.split_once("   why: exeat ").expect("a command");
            let (words, flow) = command.split_once(" \"").expect("a quoted flow");
            let (flow, _) = flow.split_once('"').expect("the end of the flow");
            let (_, captures) = words.split_once("00Z ").expect("the time");
            named.push(captures);
            let is_noted = part.contains("note: DNS answers bear on it: add those of the other");
            let is_about_answers = part.contains("`aks::entra`");
            assert_eq!(is_noted, is_about_answers && !more.is_empty(), "{part}");
            if !is_noted {
                let args: Vec<&str> = words.split(' ').chain([flow]).collect();
                let explained = sandbox.run(&args).expect(1);
                let (_, outcome) = part.split_once(". ").expect("a number");
                let (outcome, _) = outcome.split_once(':').expect("a box");
                assert!(explained.contains(&format!("[{outcome}]")), "{command}\n{explained}");
            }
        }
        let of_answers = if more.is_empty() { both } else { own };
        assert_eq!(named, [own, own, own, of_answers, own, own, own], "{report}");
    }
}

/// Taken as lying elsewhere, a flow is explained as it was replayed.
#[test]
fn a_source_taken_as_lying_in_a_subnet_is_so_in_the_command_too() {
    let sandbox = Sandbox::with_trips();
    let args = ["replay", "-q", "trips/trips.egress", "--capture", "trips/friday.pcapng"];
    let report = sandbox.run(&[&args[..], &["--from", "system"]].concat()).expect(1);
    for part in report.split("\n\n").filter(|part| part.contains("   why: exeat ")) {
        let (_, command) = part.split_once("   why: exeat ").expect("a command");
        let (words, flow) = command.split_once(" \"").expect("a quoted flow");
        let mut args: Vec<&str> = words.split(' ').collect();
        args.push(flow.trim_end().trim_end_matches('"'));
        assert!(args.contains(&"--from"), "{command}");
        let (_, outcome) = part.split_once(". ").expect("a number");
        let (outcome, _) = outcome.split_once(':').expect("a box");
        let explained = sandbox.run(&args).expect(1);
        assert!(explained.contains(&format!("[{outcome}]")), "{command}\n{explained}");
    }
}

/// As with `git` and `cargo`.
#[test]
fn help_is_a_command_too() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(&["explain", "--help"]).expect(0);
    assert_eq!(sandbox.run(&["help", "explain"]).expect(0), help);
    assert_eq!(sandbox.run(&["help"]).expect(0), sandbox.run(&["--help"]).expect(0));
}

#[test]
fn a_capture_that_is_given_twice_counts_once() {
    let sandbox = Sandbox::with_trips();
    let once = ["--capture", "trips/monday.pcapng"];
    let twice = [&once[..], &["--capture", "./trips/monday.pcapng"]].concat();
    let replay = |captures: &[&str]| {
        let args = ["replay", "trips/trips.egress", "--at", "2026-12-01"];
        sandbox.run(&[&args[..], captures].concat())
    };
    let run = replay(&twice);
    assert!(run.err.contains("given twice, and read once"), "{}", run.err);
    assert_eq!(run.expect(0), replay(&once).expect(0));
    let flows = sandbox.run(&["flows", "trips/monday.pcapng"]).expect(0);
    let again = ["flows", "-q", "trips/monday.pcapng", "trips/monday.pcapng"];
    assert_eq!(sandbox.run(&again).expect(0), flows);
}

/// A capture from behind the firewall's own source NAT adds nothing to what is decided: the flow is still
/// that of its client.
#[test]
fn what_is_captured_on_both_sides_of_the_firewall_is_judged_by_its_client() {
    let sandbox = Sandbox::new();
    sandbox.write("list.egress", super::sandbox::OK.as_bytes());
    let side = |source: [u8; 4], port: u16, hop_limit: u8, microseconds: u32| {
        // The headers of a datagram, made those of a SYN to the same port.
        let mut packet = super::packets::datagram(port)[..40].to_vec();
        (packet[3], packet[8], packet[9]) = (40, hop_limit, 6);
        packet[12..16].copy_from_slice(&source);
        packet[24..40].copy_from_slice(&[0, 0, 9, 9, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
        // Sent again, so that the captures overlap: those that follow each other are of one place.
        let times = [microseconds, microseconds + 20_000];
        super::packets::capture(times.map(|time| (1_772_359_200, time, packet.clone())))
    };
    sandbox.write("inside.pcap", &side([10, 1, 8, 4], 40_000, 64, 0));
    let list = ["replay", "list.egress", "--at", "2026-03-02", "--format", "json"];
    let replay = |captures: &[&str]| {
        let given = captures.iter().flat_map(|capture| ["--capture", capture]);
        let report = sandbox.run(&list.into_iter().chain(given).collect::<Vec<_>>()).expect(0);
        serde_json::from_str::<serde_json::Value>(&report).unwrap()
    };
    let alone = replay(&["inside.pcap"]);
    assert_eq!(alone["flows"][0]["box"], "blocked", "{alone:#}");
    // Its public address, and one of its instances.
    for outside in [[198, 51, 100, 10], [10, 0, 1, 5]] {
        sandbox.write("outside.pcap", &side(outside, 2_000, 63, 500));
        for captures in [["inside.pcap", "outside.pcap"], ["outside.pcap", "inside.pcap"]] {
            let both = replay(&captures);
            for key in ["box", "src", "sport", "verdict", "reason"] {
                assert_eq!(both["flows"][0][key], alone["flows"][0][key], "{key}: {both:#}");
            }
            assert_eq!(both["flows"].as_array().map(Vec::len), Some(1), "{both:#}");
        }
    }
}

/// Where nothing is permitted, every reading is denied, each for its own reason; none is told as
/// the fact, and no name is told that nobody has.
#[test]
fn a_settled_verdict_with_several_reasons_tells_them_all() {
    let sandbox = Sandbox::new();
    let permitted = super::sandbox::OK.replace("allow web: apps", "allow web: 10.1.8.200");
    sandbox.write("a.egress", permitted.as_bytes());
    let out = sandbox.run(&["explain", "a.egress", "10.1.8.4 -> 192.0.2.7 : tcp/443"]).expect(0);
    for part in [
        "deny: application-rule or sni-missing or ",
        "the way is this:",
        "tls (a name that no rule names)",
        "The verdict is the same, and the reason depends:",
        "deny (sni-missing) with tls",
    ] {
        assert!(out.contains(part), "{part:?} is not in\n{out}");
    }
    assert!(!out.contains("unnamed") && !out.contains('?'), "{out}");
}

/// What a reader of a denied flow asks next: which permission was meant, and what is wrong.
#[test]
fn a_flow_that_nothing_permits_is_told_which_permissions_it_misses_by_one_thing() {
    let sandbox = Sandbox::new();
    let list = [
        OK,
        "allow shop: apps -> shop.contoso.com, *.fabrikam.example : https  because \"x\"\n",
        "allow clock: apps -> 192.0.2.0/24 : udp/123  because \"x\"\n",
        "allow sync: apps -> 198.51.100.16/28 : tcp/8000-8003  because \"x\"\n",
        "allow audit: 10.1.9.0/24 -> 198.51.100.64 : tcp/22  because \"x\"\n",
        "allow old: apps -> 198.51.100.80 : tcp/22  because \"x\"  expires 2026-01-31\n",
        "allow store: apps -> tag Storage : tcp/8443  because \"x\"\n",
        "deny lab: any -> 198.51.100.128/25 : any  because \"x\"\n",
    ];
    sandbox.write("a.egress", list.concat().as_bytes());
    let cases: [(&str, &[&str]); 12] = [
        (
            "10.1.8.4 -> 203.0.113.5 : tcp/443 tls cart.contoso.com",
            &[
                "`shop` (a.egress:20:1) permits it for shop.contoso.com, not for cart.contoso.com",
                "`web` (a.egress:19:1) permits it for www.example.com, not for cart.contoso.com",
            ],
        ),
        (
            "10.1.8.4 -> 203.0.113.5 : tcp/4443 tls a.fabrikam.example",
            &["`shop` (a.egress:20:1) permits it on port 443, not on port 4443"],
        ),
        (
            "10.1.8.4 -> 203.0.113.5 : tcp/80 http shop.contoso.com",
            &["`shop` (a.egress:20:1) permits it as https, not as tcp/80 http"],
        ),
        (
            "10.1.8.4 -> 203.0.113.5 : tcp/443 tls",
            &[
                "`web` (a.egress:19:1) permits it for www.example.com, and no name is shown",
                "`shop` (a.egress:20:1) permits it for *.fabrikam.example, and no name is shown",
            ],
        ),
        (
            "10.1.8.4 -> 192.0.2.9 : tcp/123 other",
            &["`clock` (a.egress:21:1) permits it as udp/123, not as tcp/123 other"],
        ),
        (
            "10.1.8.4 -> 198.51.100.17 : tcp/8004 other",
            &["`sync` (a.egress:22:1) permits it on ports 8000-8003, not on port 8004"],
        ),
        (
            "10.1.8.4 -> 198.51.100.32 : tcp/8000 other",
            &["`sync` (a.egress:22:1) permits it to 198.51.100.16/28, not to 198.51.100.32"],
        ),
        (
            "10.1.8.4 -> 198.51.100.64 : tcp/22 other",
            &["`audit` (a.egress:23:1) permits it from 10.1.9.0/24, not from 10.1.8.4"],
        ),
        (
            "10.1.8.4 -> 198.51.100.80 : tcp/22 other",
            &["`old` (a.egress:24:1) permitted it until 2026-01-31"],
        ),
        (
            "10.1.8.4 -> 20.1.2.3 : tcp/8444 other",
            &["`store` (a.egress:25:1) may permit it on port 8443, not on port 8444"],
        ),
        // The deny would win, whatever was changed.
        ("10.1.8.4 -> 198.51.100.200 : tcp/8000 other", &[]),
        // Two things are otherwise.
        ("10.1.9.4 -> 192.0.2.9 : udp/124", &[]),
    ];
    let mut wrong = Vec::new();
    for (flow, expected) in cases {
        let args = ["explain", "-q", "a.egress", "--at", "2026-03-01", flow];
        let run = sandbox.run(&args);
        let near: Vec<&str> =
            run.out.lines().filter_map(|line| line.strip_prefix("  near            ")).collect();
        let is_so = near.len() == expected.len()
            && near.iter().zip(expected).all(|(near, expected)| near.starts_with(expected));
        if !is_so {
            wrong.push(format!("{flow}\n{}\n{}", near.join("\n"), run.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

//! What a replay advises where the deployment is another than the list compiles to.

use std::net::IpAddr;

use serde_json::Value;

use super::packets;
use super::packets::BEGIN;
use super::sandbox::Sandbox;

/// The report on Friday, by the trips list and what it compiles to after `edit`.
fn friday(edit: impl Fn(&mut Value)) -> String {
    let sandbox = Sandbox::with_trips();
    let compile = ["compile", "-q", "trips/trips.egress", "--target", "json", "--out", "out"];
    sandbox.run(&compile).expect(0);
    let mut deployment: Value =
        serde_json::from_str(&sandbox.read("out/deployment.json")).expect("a deployment");
    edit(&mut deployment);
    sandbox.write("d.json", deployment.to_string().as_bytes());
    let args = ["replay", "-q", "trips/trips.egress", "--deployment", "d.json", "--capture"];
    sandbox.run(&[&args[..], &["trips/friday.pcapng"]].concat()).expect(1)
}

/// The part of a report about the objection with `words` in it.
#[track_caller]
fn part<'r>(report: &'r str, words: &str) -> &'r str {
    let parts = report.split("\n\n");
    parts
        .into_iter()
        .find(|part| part.contains(words))
        .unwrap_or_else(|| panic!("{words}: {report}"))
}

fn groups(deployment: &mut Value) -> &mut Vec<Value> {
    deployment["firewallPolicies"]["egress"]["ruleCollectionGroups"].as_array_mut().expect("groups")
}

fn apps(deployment: &mut Value) -> &mut Value {
    let subnets = deployment["virtualNetworks"]["spoke"]["subnets"].as_array_mut();
    let mut subnets = subnets.expect("subnets").iter_mut();
    subnets.find(|subnet| subnet["name"] == "apps").expect("the subnet")
}

#[test]
fn a_closing_deny_that_is_gone_is_named() {
    let report = friday(|deployment| groups(deployment).retain(|group| group["name"] != "closing"));
    let open = part(&report, "updates.example.net");
    assert!(open.contains("deploy it again: the deployment lacks rule closing/"), "{open}");
}

#[test]
fn a_closing_deny_that_allows_is_not_to_be_taken_out() {
    let report = friday(|deployment| {
        let closing = groups(deployment).iter_mut().find(|group| group["name"] == "closing");
        closing.expect("the group")["ruleCollections"][0]["action"] = "Allow".into();
    });
    let open = part(&report, "updates.example.net");
    assert!(open.contains("deny-every-name allows what it is to deny"), "{open}");
    assert!(!open.contains("take the rule out"), "{open}");
}

#[test]
fn a_subnet_without_its_route_table_is_named() {
    let report = friday(|deployment| {
        apps(deployment).as_object_mut().expect("a subnet").remove("routeTable");
    });
    let open = part(&report, "0.0.0.0/0 -> internet");
    assert!(open.contains("associate route table `rt-spoke-apps` with subnet `apps`"), "{open}");
    assert!(open.contains("the subnet has no route table"), "{open}");
}

#[test]
fn a_rule_that_is_gone_from_the_deployment_is_named_with_its_permission() {
    let report = friday(|deployment| {
        for group in groups(deployment) {
            for collection in group["ruleCollections"].as_array_mut().expect("collections") {
                let rules = collection["rules"].as_array_mut().expect("rules");
                rules.retain(|rule| rule["name"] != "trips-db" && rule["name"] != "paste");
            }
        }
        let origins = deployment["origins"].as_array_mut().expect("origins");
        origins.retain(|origin| origin["rule"] != "trips-db" && origin["rule"] != "paste");
    });
    let open = part(&report, "`trips-db`");
    assert!(open.contains("lacks rule application/application-allow/trips-db"), "{open}");
    assert!(!open.contains("change the permission"), "{open}");
}

/// No edit of the list reaches a deployment that was given, so none is said to have been tried.
#[test]
fn no_edit_of_the_list_is_tried_on_a_deployment_that_was_given() {
    let report = friday(|_| {});
    assert!(!report.contains("which was tried"), "{report}");
    let bypass = part(&report, "bypass: 198.51.100.64/26");
    assert!(bypass.contains("changes this deployment only when it is deployed again"), "{bypass}");
}

/// A leak of what the list denies is answered with the deny, not with a permission for it.
#[test]
fn what_the_list_denies_is_not_to_be_permitted() {
    let report = friday(|deployment| {
        let groups = groups(deployment);
        let mut collections = groups.iter_mut().flat_map(|group| {
            group["ruleCollections"].as_array_mut().expect("collections").iter_mut()
        });
        let deny = collections.find(|one| one["name"] == "application-deny").expect("the denies");
        deny["action"] = "Allow".into();
        deny["priority"] = 210.into();
    });
    let open = part(&report, "pastebin.com");
    assert!(open.contains("`paste` (trips/trips.egress:"), "{open}");
    assert!(!open.contains("if it is meant to leave"), "{open}");
    assert!(open.contains("application-deny/paste allows what it is to deny"), "{open}");
}

/// The command to copy is about the flow that is shown, not about its bare handshake.
#[test]
fn the_way_is_shown_of_the_flow_and_not_of_its_handshake() {
    let sandbox = Sandbox::with_trips();
    let args = ["replay", "-q", "trips/trips.egress", "--capture", "trips/friday.pcapng"];
    let report = sandbox.run(&args).expect(1);
    assert!(!report.contains(" silent\""), "{report}");
    assert!(report.contains(": tcp/443 tls ingest.fabrikam.example\"\n"), "{report}");
}

/// TCP without payload from port 40000 to port 80: a header with these flags.
fn segment(flags: u8) -> Vec<u8> {
    let mut tcp = vec![0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags];
    tcp.extend([0xff, 0xff, 0, 0, 0, 0]);
    tcp
}

/// A capture of one raw IP packet.
fn capture(source: IpAddr, destination: IpAddr, flags: u8) -> Vec<u8> {
    let tcp = segment(flags);
    let mut packet: Vec<u8> = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let head = [0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0];
            [&head[..], &source.octets(), &destination.octets()].concat()
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let head = [0x60, 0, 0, 0, 0, 20, 6, 64];
            [&head[..], &source.octets(), &destination.octets()].concat()
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => panic!("two families"),
    };
    packet.extend(tcp);
    // Link type 101 is raw IP; one record at the first second of 2026-03-01.
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let length = u32::try_from(packet.len()).expect("a short packet");
    for word in [65_535, 101, 1_772_323_200, 0, length, length] {
        bytes.extend(u32::to_le_bytes(word));
    }
    bytes.extend(packet);
    bytes
}

/// What `replay` says of one packet by `ok.egress` with `text` behind it, as sent from `apps`.
fn of_packet(text: &str, source: &str, destination: &str, flags: u8) -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [super::sandbox::OK, text].concat().as_bytes());
    let [source, destination] = [source, destination].map(|text| text.parse().expect("an address"));
    sandbox.write("c.pcap", &capture(source, destination, flags));
    let args = ["replay", "-q", "a.egress", "--capture", "c.pcap", "--from", "apps"];
    let report = sandbox.run(&args).expect(1);
    (sandbox, report)
}

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// The verdict is settled where a network rule decides, and the deny by name leaves the list open.
#[test]
fn what_only_the_list_leaves_open_is_told_apart_from_the_verdict() {
    let text = "allow feed: apps -> 192.0.2.0/24 : tcp/80\n  because \"a feed\"  by address because \"no name\"\n\
                deny paste: any -> pastebin.com : any  because \"no\"\n";
    let (_, report) = of_packet(text, "203.0.113.5", "192.0.2.7", ACK);
    for part in [
        "the verdict is allow by rule network/network-allow/feed, but what the list says of it depends on",
        "do: record the connection from its start, and whole packets of it: what the client asked for is missing, cannot be read, was not said to its end, or was more than is kept of a connection\n",
        "192.0.2.7 : tcp/80  at packet 1 of 1, whose first bytes were not recorded or tell nothing\n",
        " : tcp/80\"\n",
    ] {
        assert!(report.contains(part), "{part:?} is not in\n{report}");
    }
    assert!(!report.contains("does not publish"), "{report}");
}

/// Bytes that were said in two ways were recorded.
#[test]
fn bytes_that_may_be_others_are_not_said_to_be_missing() {
    let text = "allow feed: apps -> 192.0.2.0/24 : tcp/80\n  because \"a feed\"  by address because \"no name\"\n\
                deny paste: any -> pastebin.com : any  because \"no\"\n";
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [super::sandbox::OK, text].concat().as_bytes());
    sandbox.write("c.pcap", &packets::capture(["www.example.com", "pastebin.example"].map(get)));
    let report = sandbox.run(&["replay", "-q", "a.egress", "--capture", "c.pcap"]).expect(1);
    let part =
        ": tcp/80 http www.example.com  at packet 1 of 2, where anything may have been asked\n";
    assert!(report.contains(part), "{part:?} is not in\n{report}");
}

/// A packet that asks `host` for something, always with the same numbers.
fn get(host: &str) -> (u32, u32, Vec<u8>) {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let tcp = [segment(ACK), request.into_bytes()].concat();
    let length = u16::try_from(20 + tcp.len()).expect("a short packet").to_be_bytes();
    let head = [0x45, 0, length[0], length[1], 0, 1, 0x40, 0, 64, 6, 0, 0];
    (BEGIN, 0, [&head[..], &[10, 1, 8, 4], &[192, 0, 2, 7], &tcp].concat())
}

/// A connection of 1,100 requests, for as many paths or always the same.
fn requests(path: impl Fn(usize) -> String) -> Vec<u8> {
    let mut sequence = 2_u32;
    let packets = (0..1100).map(|number| {
        let request = format!("GET {} HTTP/1.1\r\nHost: www.example.com\r\n\r\n", path(number));
        let mut tcp = segment(ACK);
        tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
        tcp.extend(request.as_bytes());
        sequence += u32::try_from(request.len()).expect("a short request");
        let length = u16::try_from(20 + tcp.len()).expect("a short packet").to_be_bytes();
        let head = [0x45, 0, length[0], length[1], 0, 1, 0x40, 0, 64, 6, 0, 0];
        (BEGIN, 0, [&head[..], &[10, 1, 8, 4], &[192, 0, 2, 7], &tcp].concat())
    });
    packets::capture(packets)
}

/// Where nobody looks at paths, the names that are kept say all.
#[test]
fn more_requests_than_are_kept_leave_open_what_goes_by_their_paths() {
    let by_url =
        "allow news: apps -> url \"www.example.com/news/*\" inspect : http  because \"needed\"\n";
    let by_name = "allow plain: apps -> www.example.com : http  because \"needed\"\n";
    let many = |number| format!("/news/{number}");
    let one = |_| "/news/7".to_owned();
    for (text, file, expected) in [
        (by_url, requests(many), "1  undetermined "),
        (by_url, requests(one), "1  required-passed "),
        (by_name, requests(many), "1  required-passed "),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("a.egress", [super::sandbox::OK, text].concat().as_bytes());
        sandbox.write("c.pcap", &file);
        let run = sandbox.run(&["replay", "a.egress", "--capture", "c.pcap"]);
        assert!(run.out.contains(expected), "{expected} is not in\n{}{}", run.out, run.err);
    }
}

/// Bytes that were not seen are not said to be of no known protocol.
#[test]
fn first_bytes_that_were_not_recorded_are_not_called_other() {
    let text = "allow plain: apps -> www.example.com : http  because \"needed\"\n";
    let (_, report) = of_packet(text, "203.0.113.5", "192.0.2.7", ACK);
    let open = part(&report, "undetermined: ");
    assert!(!open.contains("other"), "{open}");
}

/// A route for 0.0.0.0/0 covers no IPv6, and the firewall takes none.
#[test]
fn ipv6_around_the_firewall_is_not_to_be_routed_to_it() {
    let (sandbox, report) = of_packet("", "2001:db8::5", "2600::7", SYN);
    let open = part(&report, "bypass: ::/0 -> internet");
    for words in [
        "do: give subnet `apps` no IPv6 prefix: as declared it has none",
        "deny `::/0` outbound in its network security group",
        "Azure Firewall takes no IPv6",
        "`--from` puts 2001:db8::5, an IPv6 address, into the subnet",
        "--from apps --capture c.pcap \"[2001:db8::5]:40000 -> [2600::7] : tcp/80",
    ] {
        assert!(open.contains(words), "{words:?} is not in\n{open}");
    }
    assert!(!open.contains("via the firewall"), "{open}");
    let (_, command) = open.split_once("   why: exeat ").expect("a command");
    let (words, flow) = command.split_once(" \"").expect("a quoted flow");
    let (flow, _) = flow.split_once('"').expect("the end of the flow");
    let args: Vec<&str> = words.split(' ').chain([flow]).collect();
    let explained = sandbox.run(&args).expect(1);
    assert!(explained.contains("[bypass]"), "{explained}");
}

/// A connection from 203.0.113.5 to 192.0.2.7: the SYN, and `said` in one packet.
fn connection(said: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend([65_535_u32, 101].map(u32::to_le_bytes).concat());
    for (flags, sequence, payload) in [(SYN, 0, &b""[..]), (ACK, 1, said)] {
        let length = u16::try_from(40 + payload.len()).expect("a short packet");
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 203, 0, 113, 5, 192, 0, 2, 7]);
        let mut tcp = segment(flags);
        tcp[7] = sequence;
        packet.extend(tcp.iter().chain(payload));
        for word in [1_772_323_200, 0, u32::from(length), u32::from(length)] {
            bytes.extend(u32::to_le_bytes(word));
        }
        bytes.extend(packet);
    }
    bytes
}

/// The first request was permitted: its name beside the leak would be that of another flow.
#[test]
fn a_leak_is_shown_with_the_request_that_leaked() {
    let sandbox = Sandbox::new();
    let text = "allow feed: apps -> 192.0.2.0/24 : tcp/80\n  because \"a feed\"  by address because \"no name\"\n\
                deny paste: any -> pastebin.com : any  because \"no\"\n";
    sandbox.write("a.egress", [super::sandbox::OK, text].concat().as_bytes());
    let asked = ["feed.example", "pastebin.com"];
    let said = asked.map(|host| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).concat();
    sandbox.write("c.pcap", &connection(said.as_bytes()));
    let args = ["replay", "-q", "a.egress", "--capture", "c.pcap", "--from", "apps"];
    let report = sandbox.run(&args).expect(1);
    let leak = part(&report, "leak: ");
    assert!(leak.contains(" : tcp/80 http pastebin.com  at packet 2 of 2\n"), "{leak}");
    assert!(!leak.contains("feed.example"), "{leak}");
}

/// A subnet whose default route leads to one firewall, and another route to another.
const TWO_FIREWALLS: &str = r#"language 1

network n {
  vnet hub 10.0.0.0/16 { subnet AzureFirewallSubnet 10.0.1.0/26 }
  vnet second 10.2.0.0/16 { subnet AzureFirewallSubnet 10.2.1.0/26 }
  vnet spoke 10.1.0.0/16 {
    peers hub, second
    dns egress
    subnet apps 10.1.8.0/24 {
      routes via egress
      route 10.2.0.0/17 via inner
    }
  }
  firewall egress in hub { sku premium  private-ip 10.0.1.4  public-ip 203.0.113.10  dns-proxy on }
  firewall inner in second { sku premium  private-ip 10.2.1.4  public-ip 203.0.113.11  dns-proxy on }
}

allow web: apps -> www.example.com : https  because "needed"
"#;

/// What `prove` says of [`TWO_FIREWALLS`] as compiled, with the routes of the subnet changed.
fn two_firewalls(edit: impl Fn(&mut Vec<Value>)) -> String {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", TWO_FIREWALLS.as_bytes());
    let compile = ["compile", "-q", "a.egress", "--target", "json", "--out", "out"];
    sandbox.run(&compile).expect(0);
    let mut deployment: Value =
        serde_json::from_str(&sandbox.read("out/deployment.json")).expect("a deployment");
    let routes = deployment["routeTables"]["rt-spoke-apps"]["routes"].as_array_mut();
    edit(routes.expect("routes"));
    sandbox.write("d.json", deployment.to_string().as_bytes());
    sandbox.run(&["prove", "-q", "a.egress", "--deployment", "d.json"]).expect(1)
}

/// The order of a table's routes means nothing: the firewall to lead through is that of the default.
#[test]
fn what_goes_around_is_led_to_the_firewall_of_the_default_route() {
    for report in [two_firewalls(|_| {}), two_firewalls(|routes| routes.reverse())] {
        let around = part(&report, "10.0.0.0/16 -> peering hub carries it");
        assert!(around.contains("as `route 10.0.0.0/16 via egress` does"), "{around}");
    }
    let report = two_firewalls(|routes| routes.retain(|route| route["name"] != "default"));
    let around = part(&report, "10.0.0.0/16 -> peering hub carries it");
    assert!(around.contains("do: take the peering with `hub` out, or lead the subnet"), "{around}");
}

/// What a firewall of another policy lets out is written down somewhere, if not here.
#[test]
fn what_no_file_says_is_not_said_to_be_unpublished() {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", TWO_FIREWALLS.as_bytes());
    let [source, destination] = ["10.1.8.4", "10.2.0.4"].map(|text| text.parse().expect("one"));
    sandbox.write("c.pcap", &capture(source, destination, ACK));
    let report = sandbox.run(&["replay", "-q", "a.egress", "--capture", "c.pcap"]).expect(1);
    let open = part(&report, "undetermined: ");
    for words in [
        "10.2.0.4 in what the policy of firewall `inner` allows",
        "no file that was given says it: state it in a deployment file, or accept it",
    ] {
        assert!(open.contains(words), "{words:?} is not in\n{open}");
    }
}

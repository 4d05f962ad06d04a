//! What `diff` says of changes that let something out, stop something, or have no effect.

use serde_json::Value;

use super::expected::check_kept;
use super::sandbox::ONE_NETWORK as NETWORK;
use super::sandbox::Run;
use super::sandbox::Sandbox;

const WEB: &str = "allow web: apps -> www.example.com : https  because \"x\"\n";
const SHOP: &str = "allow shop: apps -> shop.contoso.com : https  because \"x\"\n";
const SHOPS: &str = "allow shop: apps -> *.contoso.com : https  because \"x\"\n";
const CLOCK: &str = "allow clock: apps -> 192.0.2.0/24 : udp/123  because \"x\"\n";
const DENY: &str = "deny paste: any -> pastebin.com : https  because \"x\"\n";
const ANY: &str = "allow all: apps -> any-name : https  because \"x\"\n";

/// Without the reading of Azure's own drop routes that makes most changes of names open beside.
const SETTLED: [&str; 2] = ["--assume", "none_routes=keep"];

fn write(sandbox: &Sandbox, name: &str, statements: &[&str]) {
    sandbox.write(name, [NETWORK, &statements.concat()].concat().as_bytes());
}

/// What `diff` says of a network with the one and then with the other statements.
fn diff(old: &[&str], new: &[&str], args: &[&str]) -> Run {
    let sandbox = Sandbox::new();
    write(&sandbox, "old.egress", old);
    write(&sandbox, "new.egress", new);
    sandbox.run(&[&["diff", "-q", "old.egress", "new.egress"], &SETTLED[..], args].concat())
}

/// What [`WEB`] compiles to, after `edit`, as `d.json` beside `a.egress`.
fn deploy(sandbox: &Sandbox, edit: impl Fn(&mut Value)) {
    write(sandbox, "a.egress", &[WEB]);
    sandbox.run(&["compile", "-q", "a.egress", "--target", "json", "--out", "out"]).expect(0);
    let text = sandbox.read("out/deployment.json");
    let mut deployment: Value = serde_json::from_str(&text).expect("a deployment");
    edit(&mut deployment);
    sandbox.write("d.json", deployment.to_string().as_bytes());
}

/// The numbered lines, which say what flows change, and the last one, which counts them.
fn changes(text: &str) -> Vec<&str> {
    let is_change = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit());
    text.lines().filter(is_change).collect()
}

#[track_caller]
fn check_same(run: Run) {
    let text = run.expect(0);
    assert!(text.ends_with("\nno difference\n"), "{text}");
}

#[track_caller]
fn check_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn what_has_no_effect_is_no_difference() {
    let any = ["--fail-on", "any"];
    check_same(diff(&[WEB, CLOCK], &[CLOCK, WEB], &any));
    let renamed = WEB.replace("web:", "site:");
    check_same(diff(&[WEB], &[&renamed], &any));
    // One permission for two, one of two that say the same, and a name that a wildcard holds.
    let both = "allow both: apps -> www.example.com, *.contoso.com : https  because \"x\"\n";
    check_same(diff(&[WEB, SHOPS], &[both], &any));
    check_same(diff(&[WEB, SHOPS], &[WEB, SHOPS, &SHOP.replace("shop:", "one:")], &any));
    let sets = "names all = www.example.com\nallow web: apps -> all : https  because \"y\"\n";
    check_same(diff(&[WEB], &[sets], &any));
}

#[test]
fn rules_that_are_regrouped_are_no_difference() {
    let sandbox = Sandbox::new();
    deploy(&sandbox, |it| {
        it["origins"] = Value::Array(Vec::new());
        let policy = &mut it["firewallPolicies"]["egress"];
        for group in policy["ruleCollectionGroups"].as_array_mut().expect("groups") {
            let name = format!("moved-{}", group["name"].as_str().expect("a name"));
            group["name"] = name.into();
        }
    });
    for (old, new) in [("a.egress", "d.json"), ("d.json", "a.egress"), ("out", "d.json")] {
        check_same(sandbox.run(&["diff", old, new, "--fail-on", "any"]));
    }
}

#[test]
fn a_permission_that_is_added_newly_lets_out_just_its_flows() {
    let text = diff(&[WEB], &[WEB, SHOP, CLOCK], &[]).expect(0);
    assert_eq!(
        changes(&text),
        [
            "1. apps 10.1.8.0/24 -> shop.contoso.com : https",
            "2. apps 10.1.8.0/24 -> 192.0.2.0/24 : udp/123",
            "2 kinds of flows newly leave",
        ]
    );
    check_holds(
        &text,
        &[
            "every flow, before by old.egress and after by new.egress, as of ",
            "\nnewly leaves:\n",
            "   before: deny (application-rule), by rule closing/close-infrastructure/deny-every-name of \
             policy `egress`\n",
            "   after: allow (application-rule), by rule application/application-allow/shop of policy \
             `egress`, from `shop` (new.egress:19:1)\n",
            "   why: exeat explain new.egress --assume none_routes=keep \
             \"10.1.8.4 -> 203.0.113.7 : tcp/443 tls shop.contoso.com\"\n",
            "assumed: none_routes=keep, resolver=assume\n",
            "in either reading of: ",
            "not covered:\n",
        ],
    );
}

#[test]
fn a_deny_that_is_added_newly_stops_just_its_flows() {
    let text = diff(&[ANY], &[ANY, DENY], &[]).expect(0);
    assert_eq!(
        changes(&text),
        ["1. apps 10.1.8.0/24 -> pastebin.com : https", "1 kind of flows newly stays"]
    );
    check_holds(
        &text,
        &["\nnewly stays:\n", "from `all` (old.egress:18:1)\n", "from `paste` (new.egress:19:1)\n"],
    );
}

#[test]
fn a_wildcard_that_is_widened_lets_out_the_other_names() {
    let text = diff(&[SHOP], &[SHOPS], &[]).expect(0);
    assert_eq!(
        changes(&text),
        [
            "1. apps 10.1.8.0/24 -> *.contoso.com except shop.contoso.com : https",
            "1 kind of flows newly leaves"
        ]
    );
}

#[test]
fn a_route_that_is_removed_lets_everything_go_around() {
    let sandbox = Sandbox::new();
    deploy(&sandbox, |it| {
        let tables = it["routeTables"].as_object_mut().expect("tables").values_mut();
        tables.for_each(|table| table["routes"] = Value::Array(Vec::new()));
    });
    let args = ["diff", "-q", "a.egress", "d.json", "--fail-on", "widened"];
    let text = sandbox.run(&args).expect(1);
    check_holds(
        &text,
        &[
            "1. apps 10.1.8.0/24 -> internet : any protocol except tcp/443, udp/443\n",
            "any name except www.example.com, no name, an address as name : https\n",
            "   after: bypass (internet-route), by route 0.0.0.0/0 -> internet\n",
            "   why: exeat explain --deployment d.json \"",
        ],
    );
}

#[test]
fn what_an_assumption_decides_is_newly_open_with_its_reading() {
    let sandbox = Sandbox::new();
    write(&sandbox, "old.egress", &[WEB]);
    write(&sandbox, "new.egress", &[WEB, SHOP]);
    let text = sandbox.run(&["diff", "old.egress", "new.egress"]).expect(0);
    check_holds(
        &text,
        &[
            "\nnewly open:\n",
            "2. may leave: apps 10.1.8.0/24 -> shop.contoso.com at 10.0.0.0/8 (except 10.1.0.0/16), ",
            "   if: none_routes is `removed-by-default-udr` and not `keep` (",
            "   why: exeat explain new.egress --assume none_routes=removed-by-default-udr \"",
            "1 kind of flows newly leaves; 1 kind of flows is newly open\n",
        ],
    );
}

/// That a tag is the same tag on both sides is known without its prefixes.
#[test]
fn a_service_tag_is_open_only_where_it_is_new() {
    let tag = "allow bus: apps -> tag ServiceBus : tcp/5671  because \"x\"\n";
    check_same(diff(&[WEB, tag], &[tag, WEB], &["--fail-on", "any"]));
    let text = diff(&[WEB], &[WEB, tag], &["--fail-on", "widened"]).expect(1);
    check_holds(
        &text,
        &[
            "1. may leave: apps 10.1.8.0/24 -> ",
            "   if: 203.0.113.7 is in service tag servicebus\n",
        ],
    );
    // What can only stop is not widened.
    let text = diff(&[WEB, tag], &[WEB], &["--fail-on", "widened"]).expect(0);
    check_holds(&text, &["1. may stay: apps 10.1.8.0/24 -> "]);
}

#[test]
fn the_exit_code_is_as_the_change_is() {
    let widened = ["--fail-on", "widened"];
    let any = ["--fail-on", "any"];
    diff(&[WEB], &[WEB, SHOP], &[]).expect(0);
    diff(&[WEB], &[WEB, SHOP], &widened).expect(1);
    diff(&[WEB], &[WEB, SHOP], &any).expect(1);
    diff(&[WEB, SHOP], &[WEB], &widened).expect(0);
    diff(&[WEB, SHOP], &[WEB], &any).expect(1);
}

#[test]
fn sources_that_one_side_does_not_declare_are_not_compared() {
    let sandbox = Sandbox::new();
    write(&sandbox, "old.egress", &[WEB]);
    let subnet = "subnet apps 10.1.8.0/24 { routes via egress }";
    let text = sandbox.read("old.egress");
    let more = text.replace(subnet, &format!("{subnet}\n    subnet jobs 10.1.9.0/24"));
    sandbox.write("new.egress", more.as_bytes());
    let args = |old, new, which| ["diff", "-q", old, new, "--fail-on", which];
    let grown = sandbox.run(&args("old.egress", "new.egress", "widened")).expect(1);
    check_holds(
        &grown,
        &[
            "not compared: sources that are new: jobs 10.1.9.0/24, which only new.egress declares\n",
            "no difference in what is compared\n",
        ],
    );
    let shrunk = sandbox.run(&args("new.egress", "old.egress", "widened")).expect(0);
    check_holds(
        &shrunk,
        &["not compared: sources that are gone: jobs 10.1.9.0/24, which only new.egress"],
    );
    sandbox.run(&args("new.egress", "old.egress", "any")).expect(1);
}

#[test]
fn a_policy_without_a_network_is_compared_where_the_other_side_has_sources() {
    let sandbox = Sandbox::new();
    deploy(&sandbox, |it| {
        let kept = ["schema", "firewallPolicies", "ipGroups"];
        let deployment = it.as_object_mut().expect("a deployment");
        deployment.retain(|key, _| kept.contains(&key.as_str()));
    });
    let args = ["diff", "-q", "a.egress", "d.json"];
    let text = sandbox.run(&[&args[..], &["--format", "text"]].concat()).expect(0);
    check_holds(
        &text,
        &["not compared: sources that only one side judges: d.json states no network, "],
    );
}

#[test]
fn standard_input_is_a_rules_file() {
    let sandbox = Sandbox::new();
    write(&sandbox, "new.egress", &[WEB, SHOP]);
    let old = [NETWORK, WEB].concat();
    let args = [&["diff", "-q", "-", "new.egress"][..], &SETTLED[..]].concat();
    let text = sandbox.run_with(&args, old.as_bytes()).expect(0);
    check_holds(&text, &["1. apps 10.1.8.0/24 -> shop.contoso.com : https\n"]);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("empty/", b"");
    sandbox.write("arm.json", br#"{"contentVersion": "1.0.0.0"}"#);
    for (args, message) in [
        (&["diff", "ok.egress"][..], "2 values required"),
        (&["diff", "none.egress", "ok.egress"][..], "error: cannot read `none.egress`"),
        (&["diff", "none", "ok.egress"][..], "error: cannot read `none`"),
        (
            &["diff", "-", "-"][..],
            "error: cannot read `-`: standard input was read already, and can be read once; name a file\n",
        ),
        (&["diff", "ok.egress", "empty"][..], "is a folder without deployment files (`.json`)"),
        (&["diff", "ok.egress", "arm.json"][..], "`arm.json` is an ARM template"),
        (&["diff", "ok.egress", "ok.egress", "--fail-on", "x"][..], "widened, any"),
    ] {
        let run = sandbox.run(args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(run.err.contains(message), "{args:?}: {}", run.err);
    }
    let keys = sandbox.run(&["diff", "--assume", "list"]).expect(0);
    assert!(keys.contains("none_routes"), "{keys}");
}

/// A name is wider, an expired permission is gone, a tag is wider, and the deny of a site too.
fn edited(trips: &str) -> String {
    let edits = [
        (
            "names ubuntu = security.ubuntu.com, azure.archive.ubuntu.com",
            "names ubuntu = *.ubuntu.com",
        ),
        ("tag ServiceBus.WestEurope", "tag ServiceBus"),
        ("deny paste: any -> pastebin.com, *.pastebin.com", "deny paste: any -> pastebin.com"),
        ("services web = https, http", "services web = https"),
    ];
    edits.iter().fold(trips.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

#[track_caller]
fn check_trips(format: &str, extension: &str) {
    let sandbox = Sandbox::with_trips();
    let text = edited(&sandbox.read("trips/trips.egress"));
    sandbox.write("trips/new.egress", text.as_bytes());
    let args = ["diff", "-q", "trips/trips.egress", "trips/new.egress", "--at", "2026-03-01"];
    let found = sandbox.run(&[&args[..], &["--format", format]].concat()).expect(0);
    check_kept(&format!("diff/trips.{extension}"), found);
}

#[test]
fn a_change_of_the_trips_example_is_reported_as_expected() {
    check_trips("text", "txt");
    check_trips("json", "json");
    check_trips("markdown", "md");
}

/// The same question of what was recorded, beside that of all flows.
#[test]
fn recorded_flows_that_flip_are_told_with_what_decides_them() {
    let sandbox = Sandbox::with_trips();
    let trips = sandbox.read("trips/trips.egress");
    let (from, to) = ("apps -> geocode.example.com : https", "apps -> maps.example.com : https");
    assert!(trips.contains(from));
    sandbox.write("trips/new.egress", trips.replace(from, to).as_bytes());
    let captures = ["--capture", "trips/monday.pcapng", "--capture", "trips/friday.pcapng"];
    let both = ["diff", "-q", "trips/trips.egress", "trips/new.egress", "--at", "2026-03-01"];
    let told = sandbox.run(&[&both[..], &captures].concat()).expect(0);
    let (_, recorded) = told.split_once("\n126 recorded flows, of which ").expect("recorded flows");
    assert!(recorded.contains("\n   newly stays: 10.1.8."), "{told}");
    assert!(recorded.contains(" tls geocode.example.com   ("), "{told}");
    assert!(recorded.contains("from `poi-backfill` (trips/trips.egress:"), "{told}");
    assert!(!recorded.contains("newly leaves: "), "{told}");
    // What is shown can be explained, and is so.
    let why =
        recorded.lines().find_map(|line| line.strip_prefix("   why: exeat ")).expect("a command");
    let (options, flow) = why.split_once(" \"").expect("a flow in quotes");
    let mut words: Vec<&str> = options.split(' ').collect();
    words.push(flow.trim_end_matches('"'));
    let explained = sandbox.run(&words).expect(0);
    assert!(explained.contains("\ndeny: "), "{explained}");
    // Turned round, it is a widening.
    let widened = ["diff", "-q", "trips/new.egress", "trips/trips.egress", "--fail-on", "widened"];
    let told = sandbox.run(&[&widened[..], &captures].concat()).expect(1);
    assert!(told.contains("\n   newly leaves: 10.1.8."), "{told}");
    // A change of what nobody used flips nothing.
    let unused = trips.replace("*.pastebin.com : web", "*.pastebin.com, paste.example : web");
    sandbox.write("trips/unused.egress", unused.as_bytes());
    let unused = ["diff", "-q", "trips/trips.egress", "trips/unused.egress"];
    let told = sandbox.run(&[&unused[..], &captures].concat()).expect(0);
    assert!(told.contains("\n126 recorded flows, of which nothing else becomes\n"), "{told}");
    let markdown = [&both[..], &captures, &["--format", "markdown"]].concat();
    let told = sandbox.run(&markdown).expect(0);
    assert!(told.contains("\n#### Recorded flows\n\n126 recorded flows, of which "), "{told}");
    assert!(told.contains("\n- newly stays: `10.1.8."), "{told}");
}

/// A source port of 0 is that of a recorded flow of which none was seen: no difference is told of it.
#[test]
fn a_source_port_that_is_opened_is_told_alone() {
    let sandbox = Sandbox::new();
    let with = |ports: &str| {
        let group = |deployment: &mut Value| {
            let rule = |name: &str, priority: u16, access: &str, ports: &str| {
                serde_json::json!({
                    "name": name, "priority": priority, "direction": "Outbound", "access": access,
                    "protocol": "*", "sourceAddressPrefixes": ["*"], "sourcePortRanges": [ports],
                    "destinationAddressPrefixes": ["*"], "destinationPortRanges": ["*"],
                })
            };
            let rules = [rule("some", 100, "Allow", ports), rule("none", 200, "Deny", "*")];
            deployment["networkSecurityGroups"] =
                serde_json::json!({ "by-port": { "securityRules": rules } });
            let subnets = &mut deployment["virtualNetworks"]["only"]["subnets"];
            for subnet in subnets.as_array_mut().expect("subnets") {
                if subnet["name"] == "apps" {
                    subnet["networkSecurityGroup"] = "by-port".into();
                }
            }
        };
        deploy(&sandbox, group);
        sandbox.read("d.json")
    };
    for (name, ports) in [("old.json", "1000-1010"), ("new.json", "1000-1011")] {
        let deployment = with(ports);
        sandbox.write(name, deployment.as_bytes());
    }
    let args = [&["diff", "-q", "old.json", "new.json"][..], &SETTLED].concat();
    let text = sandbox.run(&args).expect(0);
    assert!(text.contains("from port 1011 -> "), "{text}");
    assert!(!text.contains("port 0"), "{text}");
}

/// What is listed is assumed to be nothing, so that no flow changes; but something did stop some.
#[test]
fn threat_intelligence_that_is_turned_off_is_told_of() {
    let sandbox = Sandbox::new();
    write(&sandbox, "old.egress", &["policy egress { threat-intel deny }\n", WEB]);
    write(&sandbox, "new.egress", &["policy egress { threat-intel off }\n", WEB]);
    let args = [&["diff", "-q", "old.egress", "new.egress"][..], &SETTLED].concat();
    let text = sandbox.run(&args).expect(0);
    assert!(text.contains("  threat intelligence: "), "{text}");
}

/// A private endpoint leads out of the network, around every firewall: the way to it changes, and not
/// that there is one.
#[test]
fn a_private_endpoint_that_is_routed_through_the_firewall_is_left_to_as_before() {
    let sandbox = Sandbox::new();
    let list = |route: &str| {
        format!(
            r#"language 1

network n {{
  vnet hub 10.0.0.0/16 {{ subnet AzureFirewallSubnet 10.0.1.0/26 }}
  vnet spoke 10.1.0.0/16 {{
    peers hub
    dns egress
    subnet apps 10.1.8.0/24 {{ routes via egress  {route}  outbound none }}
    subnet pe 10.1.10.0/24 {{ routes via egress  outbound none  private-endpoint-policies on }}
  }}
  private-endpoint sql in pe {{ address 10.1.10.5  serves x.database.windows.net }}
  firewall egress in hub {{ sku premium  private-ip 10.0.1.4  dns-proxy on }}
}}

allow sql: apps -> x.database.windows.net : mssql proxy  because "x"
"#
        )
    };
    sandbox.write("old.egress", list("").as_bytes());
    sandbox.write("new.egress", list("route 10.1.10.5/32 via egress").as_bytes());
    for sides in [["old.egress", "new.egress"], ["new.egress", "old.egress"]] {
        let text = sandbox.run(&[&["diff", "-q"][..], &sides, &SETTLED].concat()).expect(0);
        assert!(!text.contains("x.database.windows.net at 10.1.10.5 : mssql"), "{text}");
    }
}

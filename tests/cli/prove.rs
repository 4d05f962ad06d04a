//! What `prove` says of claims that hold, do not hold, or depend on what is not known.

use serde_json::Value;

use super::expected::check_kept;
use super::sandbox::OK;
use super::sandbox::ONE_NETWORK;
use super::sandbox::Run;
use super::sandbox::Sandbox;

const WEB: &str = "allow web: apps -> www.example.com : https  because \"needed\"\n";

/// A list in a network in which no way leads around the firewall.
fn sound() -> String {
    [ONE_NETWORK, WEB].concat()
}

/// What `prove` says of [`sound`] with `text` behind it.
fn prove(text: &str, args: &[&str]) -> Run {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [&sound(), text].concat().as_bytes());
    sandbox.run(&[&["prove", "-q", "a.egress"], args].concat())
}

/// What `prove` says of [`sound`] and what it compiles to after `edit`.
fn deployed(edit: impl Fn(&mut Value), args: &[&str]) -> Run {
    deployed_in(&Sandbox::new(), edit, args)
}

fn deployed_in(sandbox: &Sandbox, edit: impl Fn(&mut Value), args: &[&str]) -> Run {
    sandbox.write("a.egress", sound().as_bytes());
    sandbox.run(&["compile", "-q", "a.egress", "--target", "json", "--out", "out"]).expect(0);
    let text = sandbox.read("out/deployment.json");
    let mut deployment: Value = serde_json::from_str(&text).expect("a deployment");
    edit(&mut deployment);
    sandbox.write("d.json", deployment.to_string().as_bytes());
    let deployment = ["prove", "-q", "a.egress", "--deployment", "d.json"];
    sandbox.run(&[&deployment[..], args].concat())
}

fn groups(deployment: &mut Value) -> &mut Vec<Value> {
    deployment["firewallPolicies"]["egress"]["ruleCollectionGroups"].as_array_mut().expect("groups")
}

/// The rules that carry the list.
fn rules(deployment: &mut Value) -> &mut Value {
    let mut groups = groups(deployment).iter_mut();
    let group = groups.find(|group| group["name"] == "application").expect("the group");
    &mut group["ruleCollections"][0]["rules"]
}

#[track_caller]
fn check_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn a_list_that_its_deployment_keeps_is_proved() {
    let text = prove(
        "assert never ssh: apps -> internet : tcp/22  because \"x\"\n\
         assert always news: apps -> www.example.com : https  because \"x\"\n",
        &[],
    )
    .expect(0);
    check_holds(
        &text,
        &[
            "every flow from a declared subnet, judged by a.egress, as of ",
            "  proved   no leak: what leaves through the firewall is permitted\n",
            "  proved   no breakage: what is required leaves\n",
            "  proved   nothing leaves around the firewall\n",
            "  proved   assert never `ssh` (a.egress:19:1): none of its flows leaves\n",
            "  proved   assert always `news` (a.egress:20:1): all of its flows leave\n",
            "assumed: client_answers=assume, resolver=assume\n",
            "in either reading of: ",
            "5 claims: 5 proved; nothing to object to\n",
        ],
    );
}

#[test]
fn a_rule_that_is_too_wide_is_a_leak() {
    let text =
        deployed(|it| rules(it)[0]["targetFqdns"] = ["*.example.com"].as_slice().into(), &[])
            .expect(1);
    check_holds(
        &text,
        &[
            "! REFUTED  no leak: what leaves through the firewall is permitted\n",
            "  proved   no breakage",
            "1. leak: rule application/application-allow/web lets it out, and the list does not permit it\n",
            "     10.1.8.4 -> 203.0.113.7 : tcp/443 tls a.example.com\n",
            "   azure: allow (application-rule), by rule application/application-allow/web of policy `egress`, \
             from `web` in a.egress\n",
            "   list: no statement permits it\n",
            "   do: narrow rule application/application-allow/web, or permit what it lets out\n",
            "   why: exeat explain a.egress --deployment d.json \
             \"10.1.8.4 -> 203.0.113.7 : tcp/443 tls a.example.com\"\n",
            "3 claims: 2 proved, 1 refuted; 1 objection\n",
        ],
    );
}

#[test]
fn a_rule_that_is_gone_is_a_breakage() {
    let is_other = |group: &Value| group["name"] != "application";
    let take = |it: &mut Value| {
        it["origins"] = Value::Array(Vec::new());
        groups(it).retain(is_other);
    };
    let text = deployed(take, &[]).expect(1);
    check_holds(
        &text,
        &[
            "! REFUTED  no breakage: what is required leaves\n",
            "1. breakage: `web` requires it, but ",
            "     10.1.8.4 -> 203.0.113.7 : tcp/443 tls www.example.com\n",
            "   list: `web` (a.egress:18:1) requires it\n",
        ],
    );
}

#[test]
fn a_firewall_without_a_way_on_is_a_breakage() {
    let text = prove("allow db: apps -> 10.9.0.0/24 : tcp/1433  because \"x\"\n", &[]).expect(1);
    check_holds(
        &text,
        &[
            "1. breakage: `db` requires it, but behind firewall `egress` Azure does not deliver it\n",
            "   do: give firewall `egress` a way to it, as a peering or a gateway is, or permit what it reaches\n",
        ],
    );
}

#[test]
fn a_route_to_the_internet_goes_around() {
    let around = |it: &mut Value| with_route(it, &serde_json::json!({"nextHopType": "Internet"}));
    let text = deployed(around, &[]).expect(1);
    check_holds(
        &text,
        &[
            "! REFUTED  nothing leaves around the firewall\n",
            "198.51.100.0/24 -> internet (rt-only-apps/out) carries it around the firewall\n",
            "   azure: bypass (internet-route), by route 198.51.100.0/24 -> internet (rt-only-apps/out)\n",
            "   do: take route `out` out of route table `rt-only-apps`\n",
        ],
    );
    let accepted = deployed(around, &["--accept", "nothing-around", "--accept", "no-breakage"]);
    check_holds(
        &accepted.expect(0),
        &["  refuted (accepted)  nothing leaves around the firewall\n", "nothing to object to\n"],
    );
}

/// No route to a firewall would help: it takes no IPv6.
#[test]
fn ipv6_that_azure_routes_goes_around_until_it_is_dropped() {
    let six = |after: &str| {
        let subnet = format!("10.1.8.0/24, [fd00:1:0:8::]/64 {{ routes via egress{after} }}");
        let text = sound()
            .replace("10.1.0.0/16", "10.1.0.0/16, [fd00:1::]/48")
            .replace("10.1.8.0/24 { routes via egress }", &subnet)
            .replace("web: apps", "web: 10.1.8.0/24");
        let sandbox = Sandbox::new();
        sandbox.write("a.egress", text.as_bytes());
        sandbox.run(&["prove", "-q", "a.egress"])
    };
    check_holds(
        &six("").expect(1),
        &[
            "! REFUTED  nothing leaves around the firewall\n",
            "1. bypass: ::/0 -> internet carries it around the firewall\n",
            "   do: drop what the subnet sends over IPv6, as the list's `route [::]/0 via none` does, ",
            "IPv6 default routes: ",
        ],
    );
    let dropped = six("  route [::]/0 via none").expect(0);
    assert!(!dropped.contains("IPv6 default routes"), "{dropped}");
}

#[test]
fn what_a_service_tag_holds_leaves_a_claim_open() {
    let text = "allow bus: apps -> tag ServiceBus : tcp/5671  because \"x\"\n\
                assert never there: apps -> 192.0.2.0/24 : tcp/5671  because \"x\"\n";
    let open = prove(text, &[]).expect(1);
    check_holds(
        &open,
        &[
            "! open     assert never `there` (a.egress:20:1): none of its flows leaves\n",
            ". assertion `there`, perhaps: it is never to leave, but rule network/network-allow/bus lets it out\n",
            "   if: 192.0.2.7 is in service tag servicebus\n",
            "   do: give Microsoft's service-tag file: `--service-tags ServiceTags_Public.json`\n",
        ],
    );
    check_holds(
        &prove(text, &["--accept", "open"]).expect(0),
        &["  open (accepted)     assert never `there`", "nothing to object to\n"],
    );
    prove(text, &["--accept", "assertion", "--accept", "no-breakage"]).expect(0);
    prove(text, &["--accept", "no-leak", "--accept", "nothing-around"]).expect(1);
}

#[test]
fn what_a_permission_by_address_lets_out_is_counted_where_the_lock_knows_its_names() {
    let text =
        "allow mail: apps -> mail.example.com : tcp/587 by address because \"y\" because \"x\"\n";
    let unknown = prove(text, &["--accept", "nothing-around"]).expect(0);
    let lets =
        "accepted, by address:\n  `mail` (a.egress:19:1) lets anything out on its ports, to ";
    check_holds(&unknown, &[&[lets, "whatever its names resolve to;"].concat()]);
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [&sound(), text].concat().as_bytes());
    let locked = |name: &str, addresses: &[&str]| {
        serde_json::json!({
            "name": name, "addresses": addresses, "ttl": 60, "aliases": [], "server": "10.1.1.4",
            "at": "2026-03-01T00:00:00Z",
        })
    };
    let names = [
        locked("blog.example.net", &["192.0.2.8", "198.51.100.9"]),
        locked("mail.example.com", &["192.0.2.7", "192.0.2.8"]),
    ];
    let lock = serde_json::json!({"schema": "exeat.lock/1", "names": names, "imports": []});
    sandbox.write("exeat.lock", lock.to_string().as_bytes());
    let known = sandbox.run(&["prove", "-q", "a.egress"]).expect(0);
    check_holds(
        &known,
        &[&[lets, "2 addresses; the lock has `blog.example.net` there, too\n"].concat()],
    );
}

/// What is told of the way to a hub is what closes it.
#[test]
fn the_route_that_is_advised_against_peering_closes_the_way_around() {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", OK.as_bytes());
    let report = sandbox.run(&["prove", "-q", "a.egress"]).expect(1);
    let advised = report.split('`').find(|word| word.starts_with("route ")).expect("a route");
    assert_eq!(advised, "route 10.0.0.0/16 via egress");
    let routes = "routes via egress";
    sandbox.write("a.egress", OK.replace(routes, &format!("{routes}  {advised}")).as_bytes());
    check_holds(
        &sandbox.run(&["prove", "-q", "a.egress"]).expect(0),
        &["proved   nothing leaves around the firewall\n"],
    );
}

/// A list in which machines reach a private endpoint directly.
const WITH_ENDPOINT: &str = r#"language 1

azure {
  subscription   "00000000-0000-0000-0000-000000000000"
  resource-group "rg"
  location       "westeurope"
}

network n {
  vnet only 10.1.0.0/16 {
    dns egress
    subnet AzureFirewallSubnet 10.1.1.0/26
    subnet apps 10.1.8.0/24 { routes via egress }
    subnet ends 10.1.9.0/24 { routes via egress }
  }
  firewall egress in only { sku premium  private-ip 10.1.1.4  public-ip 203.0.113.10  dns-proxy on }
  private-endpoint store in ends { address 10.1.9.4  serves store.blob.core.windows.net }
}

assert never out: apps -> store.blob.core.windows.net : https  because "x"
"#;

#[test]
fn a_private_endpoint_that_nobody_permitted_is_a_way_around() {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", WITH_ENDPOINT.as_bytes());
    check_holds(
        &sandbox.run(&["prove", "-q", "a.egress"]).expect(1),
        &[
            "! REFUTED  nothing leaves around the firewall\n! REFUTED  assert never `out`",
            "bypass: 10.1.9.4/32 -> private-endpoint store carries it around the firewall\n     10.1.8.4 -> 10.1.9.4 :",
            "   do: route the endpoint's address as a /32 via the firewall, and turn its network policies on\n",
        ],
    );
}

#[test]
fn a_host_that_is_an_address_leads_there() {
    let literal = "allow all: apps -> any-name : http  because \"x\"\n\
                   assert never there: apps -> 198.51.100.0/24 : http  because \"x\"\n";
    let out = prove(literal, &[]).expect(1);
    check_holds(&out, &["! REFUTED  assert never `there`"]);
}

#[test]
fn a_service_at_a_firewall_is_required_by_who_writes_its_address() {
    let own = "allow own: apps -> 203.0.113.10 : tcp/444  because \"x\"\n";
    check_holds(&prove(own, &[]).expect(1), &["breakage: `own` requires it"]);
    let wide = "allow own: apps -> 203.0.113.0/24 : tcp/444  because \"x\"\n";
    prove(wide, &[]).expect(0);
}

#[test]
fn an_assertion_that_speaks_of_nothing_is_told() {
    let inside = "assert always lateral: apps -> 10.1.8.0/24 : tcp/22  because \"x\"\n";
    let told = "  proved   assert always `lateral` (a.egress:19:1): all of its flows leave (idle: it speaks of no flow that \
                could leave)\n";
    check_holds(&prove(inside, &[]).expect(0), &[told]);
}

#[test]
fn an_assertion_about_addresses_fails_where_a_name_may_lead_there() {
    let text = "assert never inside: apps -> 10.0.0.0/8 : https  because \"x\"\n";
    // What the client itself sends there is dropped.
    let open = prove(text, &["--assume", "none_routes=keep"]).expect(1);
    check_holds(
        &open,
        &[
            "! open     assert never `inside` (a.egress:19:1): none of its flows leaves\n",
            "   if: the firewall's answer for www.example.com lies in 10.0.0.0/8\n",
        ],
    );
}

/// A route table with one more route, for 198.51.100.0/24.
fn with_route(deployment: &mut Value, next_hop: &Value) {
    let mut route = serde_json::json!({"name": "out", "addressPrefix": "198.51.100.0/24"});
    let parts = next_hop.as_object().expect("a next hop").clone();
    route.as_object_mut().expect("a route").extend(parts);
    let tables = deployment["routeTables"].as_object_mut().expect("tables").values_mut();
    for table in tables {
        table["routes"].as_array_mut().expect("routes").push(route.clone());
    }
}

/// What is not settled without an assumption is shown with the assumption under which it goes
/// wrong, and the command explains it under that one.
#[test]
fn a_reading_that_decides_a_claim_is_named_with_its_other() {
    let hop =
        serde_json::json!({"nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.1.8.200"});
    let sandbox = Sandbox::new();
    let text = deployed_in(&sandbox, |it| with_route(it, &hop), &[]).expect(1);
    check_holds(
        &text,
        &[
            "! open     nothing leaves around the firewall\n",
            "   if: unknown_appliance is `forwards` and not `drops` (azure-routing.md §9.1, on: ",
            "   do: if you know the other reading to be true: `--assume unknown_appliance=drops`\n",
            "   why: exeat explain a.egress --deployment d.json --assume unknown_appliance=forwards \"",
        ],
    );
    for (told, explanation) in explained(&sandbox, &text) {
        let (verdict, _) = told.split_once(' ').expect("a verdict");
        check_holds(&explanation, &[&format!("\n{verdict}: appliance")]);
    }
    let settled = ["--assume", "unknown_appliance=drops"];
    let text = deployed(|it| with_route(it, &hop), &settled).expect(1);
    check_holds(&text, &["! REFUTED  no breakage", "  proved   nothing leaves around"]);
}

/// What is said of Azure for each counterexample of `report`, and what its command says.
fn explained(sandbox: &Sandbox, report: &str) -> Vec<(String, String)> {
    let lines = |name: &'static str| report.lines().filter_map(move |line| line.strip_prefix(name));
    let run = |command: &str| {
        let (command, flow) = command.split_once(" \"").expect("a flow");
        let words = command.split(' ').chain([flow.trim_end_matches('"')]);
        sandbox.run(&words.collect::<Vec<&str>>()).expect(1)
    };
    let told = lines("   azure: ").map(str::to_owned);
    told.zip(lines("   why: exeat ").map(run)).collect()
}

#[test]
fn the_command_of_a_counterexample_gives_the_verdict_that_it_is_shown_with() {
    let sandbox = Sandbox::with_trips();
    let report = sandbox.run(&["prove", "-q", "trips/trips.egress"]).expect(1);
    let explained = explained(&sandbox, &report);
    assert!(explained.len() >= 4, "{report}");
    for (told, explanation) in explained {
        let (verdict, rest) = told.split_once(" (").expect("a verdict");
        let (reason, _) = rest.split_once(')').expect("a reason");
        check_holds(&explanation, &[&format!("\n{verdict}: {reason}")]);
    }
}

#[test]
fn without_a_list_only_the_way_around_is_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", sound().as_bytes());
    sandbox.run(&["compile", "-q", "a.egress", "--target", "json", "--out", "out"]).expect(0);
    let text = sandbox.run(&["prove", "--deployment", "out/deployment.json"]).expect(0);
    check_holds(
        &text,
        &[
            "judged by out/deployment.json, as of ",
            "  proved   nothing leaves around the firewall\n",
            "note: there is no list, so that leaks, breakages and assertions are not asked for; name a rules file\n",
            "1 claim: 1 proved; nothing to object to\n",
        ],
    );
    assert!(!text.contains("no leak"), "{text}");
}

/// Each channel is told where it is there, and not where it is closed.
#[test]
fn residual_channels_are_those_of_the_deployment() {
    let channels = |run: Run| -> Vec<String> {
        let report = serde_json::from_str::<Value>(&run.out);
        let report = report.unwrap_or_else(|_| panic!("{}", run.err));
        let claims = report["claims"].as_array().expect("claims").iter();
        let residual = claims.flat_map(|claim| claim["residual"].as_array().expect("channels"));
        let mut words: Vec<String> =
            residual.map(|one| one["channel"].as_str().expect("a word").to_owned()).collect();
        words.sort();
        words.dedup();
        words
    };
    let json = ["--format", "json"];
    let usual = [
        "claimed-names",
        "ipv6-default-routes",
        "live-sessions",
        "older-groups",
        "platform-dns",
        "proxy-dns",
    ];
    assert_eq!(channels(prove("", &json)), usual);
    let edited = |edit: &dyn Fn(&mut Value)| channels(deployed(edit, &json));
    let has = |word: &str, edit: &dyn Fn(&mut Value)| edited(edit).iter().any(|one| one == word);
    assert!(has("infrastructure", &|it| groups(it).retain(|one| one["name"] != "closing")));
    let policy = |it: &mut Value, key: &str, value: Value| {
        it["firewallPolicies"]["egress"][key] = value;
    };
    assert!(has("threat-intelligence", &|it| policy(it, "threatIntelMode", "Deny".into())));
    let deny = || serde_json::json!({"mode": "Deny"});
    assert!(has("intrusion-detection", &|it| policy(it, "intrusionDetection", deny())));
    assert!(!has("older-groups", &|it| policy(it, "ours", false.into())));
    assert!(!has("proxy-dns", &|it| policy(it, "dnsSettings", Value::Null)));
    let nothing = |it: &mut Value| *it = serde_json::json!({"schema": "exeat.deployment/1"});
    assert_eq!(edited(&nothing), ["presumed-route"]);
    // What the list reads names on is closed; what somebody opens is told.
    let odd =
        prove("allow odd: apps -> odd.example.com : https/8443  because \"x\"\n", &[]).expect(0);
    assert!(!odd.contains("no last deny"), "{odd}");
    let reopened = deployed(
        |it| {
            for group in groups(it).iter_mut().filter(|group| group["name"] == "closing") {
                group["ruleCollections"][0]["rules"][0]["protocols"] =
                    serde_json::json!(["Http:80", "Https:80"]);
            }
        },
        &[],
    );
    let told = "no last deny of every name closes port 443 of policy `egress`\n";
    assert!(reopened.out.contains(told), "{}", reopened.out);
}

#[test]
fn what_cannot_be_accepted_or_asked_is_refused() {
    let sandbox = Sandbox::new();
    for (args, message) in [
        (
            &["prove", "ok.egress", "--accept", "leak"][..],
            "error: `--accept leak`: expected `open`, `no-leak`, `no-breakage`, `nothing-around` or `assertion`\n",
        ),
        (&["prove"][..], "<SUBJECT>"),
        (&["prove", "none.egress"][..], "error: cannot read `none.egress`"),
        (&["prove", "ok.egress", "--assume", "resolver"][..], "expected `KEY=VALUE`"),
        (&["prove", "ok.egress", "--deployment", "ok.egress"][..], "error: `ok.egress`"),
    ] {
        let run = sandbox.run(args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(run.err.contains(message), "{args:?}: {}", run.err);
    }
    let keys = sandbox.run(&["prove", "--assume", "list"]).expect(0);
    assert!(keys.contains("none_routes"), "{keys}");
}

#[test]
fn the_list_has_its_warnings_in_one_line() {
    let sandbox = Sandbox::with_trips();
    let run = sandbox.run(&["prove", "trips/trips.egress"]);
    assert!(run.err.contains("which `exeat check` shows"), "{}", run.err);
    let quiet = sandbox.run(&["prove", "-q", "trips/trips.egress"]);
    assert_eq!(quiet.err, "");
}

#[track_caller]
fn check_trips(format: &str, extension: &str) {
    let args = ["prove", "-q", "trips/trips.egress", "--at", "2026-03-01", "--format", format];
    let found = Sandbox::with_trips().run(&args).expect(1);
    check_kept(&format!("prove/trips.{extension}"), found);
}

#[test]
fn the_trips_example_is_reported_as_expected() {
    check_trips("text", "txt");
    check_trips("json", "json");
}

/// A slip of the hand must not cost the list.
#[test]
fn no_result_takes_the_place_of_what_was_read() {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", [&sound(), "import \"./b.egress\" as b\n"].concat().as_bytes());
    let imported = "language 1\n\nnames shop = shop.example.com\n";
    sandbox.write("b.egress", imported.as_bytes());
    for option in ["--smt", "--witness"] {
        for file in ["a.egress", "b.egress", "./a.egress"] {
            let run = sandbox.run(&["prove", "-q", "a.egress", option, file]);
            assert_eq!(run.code, Some(2), "{option} {file}: {}", run.out);
            assert!(run.err.contains("is one of the files that were read"), "{}", run.err);
        }
    }
    assert_eq!(sandbox.read("b.egress"), imported);
}

/// What it lets pass is not for the list to say, and not known either.
#[test]
fn behind_a_firewall_that_keeps_its_policy_no_claim_is_proved() {
    let sandbox = Sandbox::new();
    let network = r#"language 1

network two {
  vnet east 10.0.0.0/16 {
    subnet AzureFirewallSubnet 10.0.1.0/26
    subnet a 10.0.8.0/24 { routes via fa }
  }
  vnet west 10.1.0.0/16 {
    subnet AzureFirewallSubnet 10.1.1.0/26
    subnet b 10.1.8.0/24 { routes via fb }
  }
  firewall fa in east { sku standard  private-ip 10.0.1.4  enforces ours }
  firewall fb in west { sku standard  private-ip 10.1.1.4 }
}

policy ours { threat-intel alert }

allow web: a -> www.example.com : https  because "x"
"#;
    sandbox.write("a.egress", network.as_bytes());
    let args = ["prove", "-q", "a.egress", "--assume", "infrastructure=empty"];
    let proof = sandbox.run(&args).expect(1);
    assert!(proof.contains("! open     no leak"), "{proof}");
    let fact = "in what the policy of firewall `fb` allows";
    assert!(proof.contains(fact), "{proof}");
    let settled = "do: no file that was given says it: state it in a deployment file, or ";
    assert!(proof.contains(settled), "{proof}");
    assert!(!proof.contains("nobody publishes it"), "{proof}");
}

/// To narrow the last deny of every name would let nothing out.
#[test]
fn what_the_last_deny_stops_is_to_be_let_out_before_it() {
    let narrowed = |deployment: &mut Value| {
        let groups =
            deployment["firewallPolicies"]["egress"]["ruleCollectionGroups"].as_array_mut();
        for group in groups.expect("groups") {
            for collection in group["ruleCollections"].as_array_mut().expect("collections") {
                for rule in collection["rules"].as_array_mut().expect("rules") {
                    if rule["name"] == "web" {
                        rule["targetFqdns"] = serde_json::json!(["other.example.com"]);
                    }
                }
            }
        }
    };
    let proof = deployed(narrowed, &[]).expect(1);
    assert!(proof.contains("REFUTED  no breakage"), "{proof}");
    let advice = "do: let this pass before rule closing/close-infrastructure/deny-every-name";
    assert!(proof.contains(advice), "{proof}");
}

/// What `check` leaves open is decided here, or it is said why not.
#[test]
fn an_assertion_that_is_proved_is_not_said_to_be_open() {
    let sandbox = Sandbox::new();
    let never = "assert never web-too: apps -> www.example.com : https  because \"x\"\n";
    sandbox.write("a.egress", [&sound(), never].concat().as_bytes());
    let mistake = "deny d: nowhere -> any : any  because \"x\"\n";
    sandbox.write("b.egress", [&sound(), never, mistake].concat().as_bytes());
    assert!(sandbox.run(&["check", "-v", "a.egress"]).expect(0).contains("N0201"));
    for (list, code) in [("a.egress", 1), ("b.egress", 2)] {
        let run = sandbox.run(&["prove", "-v", list]);
        assert!(!run.err.contains("N0201"), "{}", run.err);
        run.expect(code);
    }
    let json = sandbox.run(&["prove", "--format", "json", "a.egress"]).expect(1);
    assert!(!json.contains("N0201"), "{json}");
}

//! What `check -v` tells of settings that a list leaves out.

use serde_json::Value;

use super::sandbox::OK;
use super::sandbox::Sandbox;

const HEADING: &str = "taken where nothing is said:\n";

/// The lines below the heading, without what stands before all of them.
#[track_caller]
fn taken(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    let out = sandbox.run(&[&["check", "-v"], args].concat()).expect(0);
    let (_, lines) = out.split_once(HEADING).unwrap_or_else(|| panic!("no heading: {out}"));
    lines.lines().map(|line| line.strip_prefix("  ").expect("a row").to_owned()).collect()
}

#[track_caller]
fn taken_in(text: &str) -> Vec<String> {
    let sandbox = Sandbox::new();
    sandbox.write("a.egress", text.as_bytes());
    taken(&sandbox, &["a.egress"])
}

const LAST_DENY: &str = "rule closing/close-infrastructure/deny-every-name = deny * : http/80, http/443, http/1433, https/80, https/443, https/1433, mssql/1433";

#[test]
fn a_small_list_is_told_what_it_leaves_out() {
    let run = Sandbox::new().run(&["check", "-v", "ok.egress"]);
    let expected = format!(
        "{HEADING}  ok.egress:1: policy `egress`: name = egress
  ok.egress:1: policy `egress`: threat-intel = alert
  ok.egress:1: policy `egress`: idps = unset
  ok.egress:1: policy `egress`: inspection-certificate = unset
  ok.egress:1: policy `egress`: dns-servers = azure
  ok.egress:1: policy `egress`: snat = unset
  ok.egress:1: policy `egress`: auto-learn-private-ranges = unset
  ok.egress:1: policy `egress`: sql-redirect = off
  ok.egress:1: policy `egress`: {LAST_DENY}
  ok.egress:10: vnet `hub`: dns = azure
  ok.egress:10: subnet `AzureFirewallSubnet`: routes via = system
  ok.egress:10: subnet `AzureFirewallSubnet`: outbound = default
  ok.egress:12: vnet `spoke`: peers hub forwarded-traffic = on
  ok.egress:12: vnet `spoke`: peers hub gateway-transit = off
  ok.egress:12: vnet `spoke`: peers hub remote-gateway = off
  ok.egress:14: subnet `apps`: gateway-routes = off
  ok.egress:14: subnet `apps`: outbound = default
  ok.egress:16: firewall `egress`: enforces = egress
"
    );
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), expected.as_str(), ""));
}

#[test]
fn the_example_is_told_what_it_leaves_out() {
    let file = "trips/trips.egress";
    let expected = [
        "trips/trips.egress:12: param `aks::public-api`: value = false",
        "trips/trips.egress:14: param `region`: value = \"westeurope\"",
        "trips/trips.egress:23: vnet `hub`: dns = azure",
        "trips/trips.egress:24: subnet `AzureFirewallSubnet`: routes via = system",
        "trips/trips.egress:24: subnet `AzureFirewallSubnet`: outbound = default",
        "trips/trips.egress:27: vnet `spoke`: peers hub forwarded-traffic = on",
        "trips/trips.egress:27: vnet `spoke`: peers hub gateway-transit = off",
        "trips/trips.egress:27: vnet `spoke`: peers hub remote-gateway = off",
        "trips/trips.egress:29: subnet `system`: gateway-routes = off",
        "trips/trips.egress:29: subnet `system`: outbound = default",
        "trips/trips.egress:30: subnet `apps`: gateway-routes = off",
        "trips/trips.egress:38: subnet `endpoints`: routes via = system",
        "trips/trips.egress:38: subnet `endpoints`: outbound = default",
        "trips/trips.egress:38: subnet `endpoints`: private-endpoint-policies = off",
        "trips/trips.egress:40: firewall `egress`: enforces = egress",
        "trips/trips.egress:59: policy `egress`: idps = unset",
        "trips/trips.egress:59: policy `egress`: inspection-certificate = unset",
        "trips/trips.egress:59: policy `egress`: dns-servers = azure",
        "trips/trips.egress:59: policy `egress`: snat = unset",
        "trips/trips.egress:59: policy `egress`: auto-learn-private-ranges = unset",
        "trips/trips.egress:59: policy `egress`: sql-redirect = off",
        &format!("trips/trips.egress:59: policy `egress`: {LAST_DENY}"),
        "--assume: client_answers = assume (semantics.md, Intent)",
        "--assume: none_routes = removed-by-default-udr (azure-routing.md §1.1)",
        "--assume: resolver = assume (semantics.md, Flow)",
        "--assume: threat_list = empty (azure-firewall.md §1.7)",
    ];
    let sandbox = Sandbox::with_trips();
    assert_eq!(taken(&sandbox, &[file]), expected);

    // What is said from outside is not left out.
    let given =
        taken(&sandbox, &[file, "--set", "region=westeurope", "--assume", "none_routes=both"]);
    let unsaid = |line: &&&str| !line.contains("`region`") && !line.contains("none_routes");
    assert_eq!(given, expected.iter().filter(unsaid).copied().collect::<Vec<_>>());
}

/// The rows of `ok.egress` that an edit takes away, and those that it adds, without their places.
#[track_caller]
fn changed_by(from: &str, to: &str) -> (Vec<String>, Vec<String>) {
    assert!(OK.contains(from), "{from}");
    let rows = |text: &str| -> Vec<String> {
        let rows = taken_in(text).into_iter();
        rows.map(|row| row.split_once(": ").map_or("", |(_, rest)| rest).to_owned()).collect()
    };
    let (before, after) = (rows(OK), rows(&OK.replace(from, to)));
    let gone = before.iter().filter(|row| !after.contains(row)).cloned().collect();
    (gone, after.into_iter().filter(|row| !before.contains(row)).collect())
}

#[test]
fn what_is_said_is_no_longer_told() {
    let apps = "{ routes via egress }";
    let policy = "policy egress { threat-intel deny  dns-servers 10.0.0.53  snat except 10.0.0.0/8  sql-redirect on }\nallow web:";
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        ("10.0.0.0/16 {", "10.0.0.0/16 { dns 10.0.9.9 ", &["vnet `hub`: dns = azure"], &[]),
        (apps, "{ routes via egress  outbound none }", &["subnet `apps`: outbound = default"], &[]),
        (
            apps,
            "{ routes via egress  outbound default }",
            &["subnet `apps`: outbound = default"],
            &[],
        ),
        // The default route, written as another: routes of a gateway are taken then.
        (
            apps,
            "{ route 0.0.0.0/0 via egress }",
            &["subnet `apps`: gateway-routes = off"],
            &["subnet `apps`: gateway-routes = on"],
        ),
        (
            "dns-proxy on",
            "dns-proxy on  enforces egress",
            &["firewall `egress`: enforces = egress"],
            &[],
        ),
        (
            "allow web:",
            policy,
            &[
                "policy `egress`: name = egress",
                "policy `egress`: threat-intel = alert",
                "policy `egress`: dns-servers = azure",
                "policy `egress`: snat = unset",
                "policy `egress`: auto-learn-private-ranges = unset",
                "policy `egress`: sql-redirect = off",
            ],
            &["policy `egress`: auto-learn-private-ranges = off"],
        ),
        // What the list owns is made closed.
        (
            "allow web:",
            "owns subnet apps\nallow web:",
            &["subnet `apps`: outbound = default"],
            &["subnet `apps`: outbound = none"],
        ),
    ];
    for (from, to, gone, new) in cases {
        let (found_gone, found_new) = changed_by(from, to);
        assert_eq!((found_gone, found_new), (owned(gone), owned(new)), "{to}");
    }
}

fn owned(rows: &[&str]) -> Vec<String> {
    rows.iter().map(|row| (*row).to_owned()).collect()
}

#[test]
fn what_no_firewall_says_is_told_of_the_policy() {
    let rows =
        taken_in("language 1\nallow web: 10.1.0.0/24 -> www.example.com : https because \"x\"\n");
    for row in ["sku = standard", "dns-proxy = unset", "dns-servers = unset"] {
        assert!(rows.contains(&format!("a.egress:1: policy `egress`: {row}")), "{rows:?}");
    }
    let proxied = "  dns-proxy on }";
    let text = OK.replace(proxied, " }").replace("    dns egress\n", "");
    let rows = taken_in(&text);
    let of_firewall = rows.iter().filter(|row| row.contains("firewall `egress`"));
    let words: Vec<&str> = of_firewall.filter_map(|row| row.split(": ").nth(2)).collect();
    assert_eq!(words, ["dns-proxy = off", "enforces = egress"]);
}

#[test]
fn nothing_is_told_of_what_is_no_list_nor_without_being_asked() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "a.egress",
        [OK, "allow x: app -> b.example : https because \"x\"\n"].concat().as_bytes(),
    );
    for args in
        [&["check", "ok.egress"][..], &["check", "-q", "ok.egress"], &["check", "-v", "a.egress"]]
    {
        assert!(!sandbox.run(args).out.contains(HEADING), "{args:?}");
    }
    // Each file has its own.
    let both = sandbox.run(&["check", "-v", "ok.egress", "a.egress", "ok.egress"]);
    assert_eq!((both.code, both.out.matches(HEADING).count()), (Some(2), 2));
}

/// What is written in a parameter's default is the author's, and is drawn as text is elsewhere.
#[test]
fn a_default_cannot_steer_the_terminal_and_stays_on_its_line() {
    let text =
        [OK, "param a: text = \"\x1b[2J\"\nparam b: set of name = one.example,\n  two.example\n"]
            .concat();
    let rows = taken_in(&text);
    assert!(
        rows.contains(&"a.egress:20: param `a`: value = \"\\u{1b}[2J\"".to_owned()),
        "{rows:?}"
    );
    assert!(
        rows.contains(&"a.egress:21: param `b`: value = one.example, two.example".to_owned()),
        "{rows:?}"
    );
}

#[test]
fn the_report_has_the_same_rows_as_the_text() {
    let sandbox = Sandbox::with_trips();
    let file = "trips/trips.egress";
    let json = |args: &[&str]| -> Value {
        let args = [&["check", file, "--format", "json"], args].concat();
        serde_json::from_str(&sandbox.run(&args).expect(0)).expect("a report")
    };
    let report = json(&[]);
    let rows: Vec<String> = report["defaults"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().expect("a text").to_owned();
            let (file, line) = (&row["place"]["file"], &row["place"]["line"]);
            let file = file.as_str().expect("a path");
            let (of, name) = (text("of"), text("name"));
            format!("{file}:{line}: {of} `{name}`: {} = {}", text("setting"), text("value"))
        })
        .collect();
    let told = taken(&sandbox, &[file]);
    let of_file: Vec<String> =
        told.into_iter().filter(|row| !row.starts_with("--assume")).collect();
    assert_eq!(rows, of_file);
    assert_eq!(json(&["-v"])["defaults"], report["defaults"]);
    assert_eq!(json(&["-q"])["defaults"], serde_json::json!([]));
}

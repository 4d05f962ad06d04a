//! From text to the list it means: each case is a file or folder of `tests/resolve`, and the
//! diagnostics as they are drawn stand beside it. `BLESS=1 cargo test --test resolve` writes them.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use exeat::diagnostic::Diagnostic;
use exeat::diagnostic::Severity;
use exeat::diagnostic::render::Style;
use exeat::diagnostic::render::draw;
use exeat::intent::Destination;
use exeat::intent::Intent;
use exeat::resolve::Assignment;
use exeat::resolve::Options;
use exeat::resolve::Resolved;
use exeat::resolve::resolve;
use proptest::strategy::Strategy as _;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn options() -> Options {
    Options::default()
}

fn resolve_file(path: &Path) -> Resolved {
    // From its own folder, so that findings name it alike wherever the tests run.
    let (folder, name) = (path.parent().unwrap(), path.file_name().unwrap());
    resolve(name.to_str().unwrap(), &mut |path| fs::read(folder.join(path)), &options())
}

/// Files by path, the rules file under `main.egress`.
fn resolve_texts(texts: &[(&str, &str)], options: &Options) -> Resolved {
    let texts: BTreeMap<&Path, &str> =
        texts.iter().map(|(path, text)| (Path::new(*path), *text)).collect();
    let mut read = |path: &Path| match texts.get(path) {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    };
    resolve("main.egress", &mut read, options)
}

fn drawn(resolved: &Resolved) -> String {
    let drawn =
        resolved.diagnostics.iter().map(|found| draw(found, &resolved.sources, Style::Plain));
    drawn.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn intent_of(body: &str) -> Intent {
    let text = format!("language 1\n{body}");
    let resolved = resolve_texts(&[("main.egress", &text)], &options());
    let shown = drawn(&resolved);
    resolved.intent.unwrap_or_else(|| panic!("{shown}"))
}

/// The ids of the codes of what was found, in reading order.
fn codes(resolved: &Resolved) -> Vec<&'static str> {
    resolved.diagnostics.iter().map(|found| found.code().id()).collect()
}

#[test]
fn each_case_gives_the_diagnostics_beside_it() {
    let mut cases: Vec<PathBuf> = fs::read_dir(root().join("tests/resolve"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    let mut differences = Vec::new();
    for case in cases {
        let main = if case.is_dir() { case.join("main.egress") } else { case.clone() };
        if main.extension().is_none_or(|ending| ending != "egress") {
            continue;
        }
        let resolved = resolve_file(&main);
        let found = drawn(&resolved);
        let beside = case.with_extension("txt");
        if option_env!("BLESS").is_some() {
            fs::write(&beside, &found).unwrap();
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if found != expected {
            differences.push(format!("{}:\n{found}", case.display()));
        }
        let failed = resolved.diagnostics.iter().any(|found| found.severity() == Severity::Error);
        assert_eq!(resolved.intent.is_none(), failed, "{}", case.display());
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn service_endpoints_are_spelled_as_azure_does() {
    let intent = intent_of(
        "network n { vnet v 10.0.0.0/16 { subnet s 10.0.0.0/24 {
           service-endpoints Storage, microsoft.keyvault, storage.global } } }",
    );
    assert_eq!(
        intent.topology.networks[0].subnets[0].service_endpoints,
        ["Microsoft.Storage", "Microsoft.KeyVault", "Microsoft.Storage.Global"]
    );
}

#[test]
fn the_trips_example_resolves_and_warns_of_its_left_over_route() {
    let resolved = resolve_file(&root().join("rulesets/examples/trips/trips.egress"));
    let worse = resolved.diagnostics.iter().filter(|found| found.severity() != Severity::Note);
    let worse: Vec<&str> = worse.map(|found| found.code().id()).collect();
    assert_eq!(worse, ["W0301"], "{}", drawn(&resolved));
    let intent = resolved.intent.unwrap();
    let labels: Vec<&str> = intent.permissions.iter().map(|p| p.label.as_str()).collect();
    assert!(labels.contains(&"aks::registry") && labels.contains(&"trips-db"), "{labels:?}");
    assert!(!labels.contains(&"aks::api-server"), "the cluster is private: {labels:?}");
    let pins: Vec<String> = resolved.imports.iter().map(|pin| pin.source.to_string()).collect();
    assert_eq!(pins, ["std:aks/core"]);
    assert_eq!(intent.context.len(), 1);
}

/// To take such a parameter out would leave the import without what it names.
#[test]
fn a_parameter_that_is_passed_on_is_used() {
    let main = "language 1\n\
        param region: name = \"westeurope\"\n\
        param stage: label = \"prod\"\n\
        param rest: name = \"none\"\n\
        import \"./m.egress\" as m with { region = region, host = \"${stage}.example\" }\n";
    let module = "language 1\n\
        param region: name = \"here\"\n\
        param host: name = \"a.example\"\n\
        names all = a.example\n";
    let resolved = resolve_texts(&[("main.egress", main), ("m.egress", module)], &options());
    let unused = resolved.diagnostics.iter().filter(|found| found.code().id() == "W0202");
    let text = drawn(&resolved);
    assert_eq!(unused.count(), 1, "{text}");
    assert!(text.contains("nothing refers to `rest`"), "{text}");
}

/// The sample of the documentation, with the file it imports.
#[test]
fn the_sample_of_the_documentation_resolves() {
    let page = fs::read_to_string(root().join("docs/language.md")).unwrap();
    let (_, rest) = page.split_once("```egress\n").unwrap();
    let (sample, _) = rest.split_once("```").unwrap();
    let mirrors = "language 1\n\nnames ubuntu = security.ubuntu.com\n";
    let texts = [("main.egress", sample), ("shared/mirrors.egress", mirrors)];
    let resolved = resolve_texts(&texts, &options());
    let intent = resolved.intent.as_ref().unwrap_or_else(|| panic!("{}", drawn(&resolved)));
    let mut found = codes(&resolved);
    found.sort_unstable();
    assert_eq!(found, ["N0201", "N0201", "W0201", "W0202"], "{}", drawn(&resolved));
    let pull = intent.permissions.iter().find(|p| p.label == "pull-images").unwrap();
    assert_eq!(pull.sources.written, ["system", "apps"]);
    assert_eq!(pull.sources.set.to_string(), "10.1.0.0/22, 10.1.8.0/24");
    let clock = intent.permissions.iter().find(|p| p.label == "clock").unwrap();
    assert_eq!(clock.by_address.as_deref(), Some("NTP carries no name"));
}

const NETWORK: &str = "network n {
  vnet hub 10.0.0.0/16 { subnet AzureFirewallSubnet 10.0.1.0/26 }
  vnet spoke 10.1.0.0/16 {
    peers hub
    subnet system 10.1.0.0/22
    subnet apps 10.1.8.0/24
  }
  cluster one in spoke { plugin node-subnet  pool system on system  pool work on apps  api private }
  on-premises office 198.51.100.0/24
}
";

#[test]
fn a_peering_connects_both_networks_whichever_names_it() {
    let intent = intent_of(NETWORK);
    let peers: Vec<&[String]> =
        intent.topology.networks.iter().map(|network| network.peers.as_slice()).collect();
    assert_eq!(peers, [["spoke".to_owned()], ["hub".to_owned()]]);
}

#[test]
fn parts_of_the_network_stand_for_their_addresses() {
    #[track_caller]
    fn check(sources: &str, expected: &str) {
        let text = format!("{NETWORK}allow a: {sources} -> a.example.com : https because \"x\"");
        assert_eq!(intent_of(&text).permissions[0].sources.set.to_string(), expected, "{sources}");
    }
    check("system", "10.1.0.0/22");
    check("work", "10.1.8.0/24");
    check("one", "10.1.0.0/22, 10.1.8.0/24");
    check("spoke except system", "10.1.4.0-10.1.255.255");
    check("office and 198.51.100.128/25", "198.51.100.128/25");
    check("any except 0.0.0.0/1", "128.0.0.0/1, ::/0");
}

#[test]
fn the_internet_is_what_is_neither_private_nor_declared() {
    let text = format!("{NETWORK}deny a: system -> internet : any because \"x\"");
    let intent = intent_of(&text);
    let Destination::Addresses(internet) = &intent.denies[0].destinations[0] else { panic!() };
    assert_eq!(internet.written, ["internet"]);
    let holds = |text: &str| internet.set.contains(text.parse().unwrap());
    assert!(holds("8.8.8.8") && holds("203.0.113.7") && holds("2606:4700::1"));
    for text in ["10.1.0.4", "198.51.100.7", "168.63.129.16", "100.64.0.1", "fd00::1"] {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn names_less_a_part_of_a_wildcard_keep_what_is_taken_out() {
    let intent = intent_of(
        "allow a: 10.1.0.4 -> *.example.com except *.x.example.com : https because \"x\"",
    );
    let Destination::Names(names) = &intent.permissions[0].destinations[0] else { panic!() };
    let shown = |list: &[exeat::flow::FqdnPattern]| {
        list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown(&names.patterns), "*.example.com");
    assert_eq!(shown(&names.except), "*.x.example.com");
}

const MIRROR: &str = "language 1
param nodes: set of address
param env: enum { dev, prod } = dev
table host: name by env {
  dev = dev.example.com
  prod = \"${env}.example.net\"
}
addresses first = nodes and 10.1.0.0/24
when env is not dev {
  allow pull: nodes -> host : https because \"for ${env}\"
}
";

#[test]
fn a_file_is_imported_under_two_names_with_other_arguments() {
    let main = "language 1
addresses a = 10.1.0.0/22
import \"./m.egress\" as one with { nodes = a, env = prod }
import \"./m.egress\" as two with { nodes = (10.1.0.0/25, 10.3.0.0/24) }
allow x: one::first -> two::host : https because \"x\"
";
    let resolved = resolve_texts(&[("main.egress", main), ("m.egress", MIRROR)], &options());
    let intent = resolved.intent.as_ref().unwrap_or_else(|| panic!("{}", drawn(&resolved)));
    let labels: Vec<&str> = intent.permissions.iter().map(|p| p.label.as_str()).collect();
    assert_eq!(labels, ["one::pull", "x"]);
    assert_eq!(intent.permissions[0].because, "for prod");
    assert_eq!(intent.permissions[0].origin.file, "m.egress");
    assert_eq!(intent.permissions[1].sources.set.to_string(), "10.1.0.0/24");
    let Destination::Names(names) = &intent.permissions[1].destinations[0] else { panic!() };
    assert_eq!(names.patterns[0].to_string(), "dev.example.com");
    assert_eq!(resolved.imports.len(), 1, "one file, pinned once");
    assert_eq!(resolved.imports[0].sha256.len(), 64);
}

#[test]
fn one_file_imported_twice_alike_permits_twice() {
    let main = "language 1
import \"./m.egress\" as one with { nodes = 10.1.0.4, env = prod }
import \"./m.egress\" as two with { nodes = 10.1.0.4, env = prod }
";
    let resolved = resolve_texts(&[("main.egress", main), ("m.egress", MIRROR)], &options());
    assert_eq!(codes(&resolved), ["W0204"]);
}

/// What `--set` gives for parameter `p` of this type.
fn with_value(kind: &str, value: &str) -> Resolved {
    let main = format!(
        "language 1\nparam p: {kind}\nallow a: 10.1.0.4 -> a.example.com : https because \"x\"\n"
    );
    let set = Assignment::parse(&format!("p={value}"), "--set").unwrap();
    let options = Options { parameters: vec![set], ..Options::default() };
    resolve_texts(&[("main.egress", &main)], &options)
}

#[test]
fn a_value_from_outside_fits_its_type_or_is_refused() {
    for (kind, value) in [
        ("label", "westeurope"),
        ("name", "*.example.com"),
        ("address", "10.0.0.0/8"),
        ("set of address", "10.0.0.0/8, 192.0.2.1"),
        ("set of name", "a.example.com,b.example.com"),
        ("port", "8443"),
        ("text", "anything: at all, \"*\""),
        ("bool", "true"),
        ("date", "2099-06-30"),
        ("enum { dev, prod }", "prod"),
    ] {
        let resolved = with_value(kind, value);
        assert!(resolved.intent.is_some(), "{kind} {value}:\n{}", drawn(&resolved));
    }
    for (kind, value) in [
        ("label", "west.europe"),
        ("label", "*"),
        ("label", "a b"),
        ("label", ""),
        ("name", "*"),
        ("name", "a.example.com, b.example.com"),
        ("name", "x because \"y\""),
        ("address", "10.0.0.1/8"),
        ("address", "any"),
        ("set of address", "10.0.0.0/8,"),
        ("port", "65536"),
        ("bool", "yes"),
        ("date", "2099-02-30"),
        ("enum { dev, prod }", "test"),
    ] {
        assert_eq!(codes(&with_value(kind, value)), ["E0301"], "{kind} {value}");
    }
}

#[test]
fn a_value_from_outside_for_no_parameter_is_refused() {
    let set = Assignment::parse("q=1", "prod.params:3").unwrap();
    let options = Options { parameters: vec![set], ..Options::default() };
    let resolved = resolve_texts(&[("main.egress", "language 1\n")], &options);
    assert_eq!(codes(&resolved), ["E0211"]);
    assert!(drawn(&resolved).contains("prod.params:3"));
}

#[test]
fn a_url_has_neither_query_nor_fragment_nor_a_star_inside() {
    #[track_caller]
    fn check(url: &str, expected: &str) {
        let text = format!(
            "language 1\nallow a: 10.1.8.0/24 -> url \"{url}\" inspect : http because \"news\"\n"
        );
        let resolved = resolve_texts(&[("main.egress", &text)], &options());
        let said: Vec<&str> = resolved.diagnostics.iter().map(Diagnostic::headline).collect();
        let expected: Vec<&str> =
            Some(expected).filter(|text| !text.is_empty()).into_iter().collect();
        assert_eq!(said, expected, "{url}");
    }
    check("www.example.com/news", "");
    check("www.example.com/news/*", "");
    let query = "www.example.com/news?page=1";
    check(query, &format!("the URL `{query}` has a query"));
    check("www.example.com/#top", "the URL `www.example.com/#top` has a fragment");
    check("www.example.com/*/b", "the URL `www.example.com/*/b` has a star inside its path");
}

#[test]
fn an_empty_file_is_a_list_that_permits_nothing() {
    let resolved = resolve_texts(&[("main.egress", "")], &options());
    assert_eq!(resolved.intent, Some(Intent::default()), "{}", drawn(&resolved));
}

#[test]
fn an_example_from_a_set_has_flows_from_its_edges() {
    let text =
        format!("{NETWORK}example e\n  system -> 192.0.2.7 : tcp/443 tls a.example.com => deny");
    let flows: Vec<String> =
        intent_of(&text).examples[0].flows.iter().map(|flow| flow.source.to_string()).collect();
    assert_eq!(flows, ["10.1.0.4", "10.1.3.254"]);
}

#[test]
fn an_example_takes_the_address_that_its_host_is_known_to_have() {
    let main = "language 1\nexample e\n  10.1.0.4 -> a.example.com : https => deny\n";
    let name = exeat::flow::Fqdn::parse("a.example.com").unwrap();
    let known = [(name, vec!["203.0.113.9".parse().unwrap()])].into();
    let options = Options { addresses: known, ..Options::default() };
    let resolved = resolve_texts(&[("main.egress", main)], &options);
    assert_eq!(codes(&resolved), Vec::<&str>::new());
    let flow = &resolved.intent.unwrap().examples[0].flows[0];
    assert_eq!(flow.destination.to_string(), "203.0.113.9");
}

/// What a list means, without order and places.
fn meaning(intent: &Intent) -> Vec<String> {
    let permissions = intent.permissions.iter().map(|p| {
        format!(
            "{} {:?} {} {:?} {:?}",
            p.label, p.requirement, p.sources.set, p.destinations, p.services
        )
    });
    let denies = intent
        .denies
        .iter()
        .map(|d| format!("{} {} {:?} {:?}", d.label, d.sources.set, d.destinations, d.services));
    let networks = intent
        .topology
        .networks
        .iter()
        .map(|n| format!("{} {:?} {:?}", n.name, n.prefixes, n.peers));
    let mut all: Vec<String> = permissions.chain(denies).chain(networks).collect();
    all.sort();
    all
}

proptest::proptest! {
    /// The order of statements means nothing.
    #[test]
    fn statements_in_any_order_mean_the_same(
        order in proptest::sample::subsequence((0..8_usize).collect::<Vec<_>>(), 8)
            .prop_shuffle()
    ) {
        let statements = [
            NETWORK,
            "param region: label = \"westeurope\"",
            "import \"./m.egress\" as m with { nodes = pools, env = prod }",
            "addresses pools = system, work except 10.1.8.9",
            "names store = \"${region}.example.com\", m::host",
            "services web = https, tcp/8080",
            "allow a: pools -> store : https because \"x\"",
            "deny b: m::first -> store, internet : web because \"x\"",
        ];
        let text = |order: &[usize]| {
            let body: Vec<&str> = order.iter().map(|at| statements[*at]).collect();
            format!("language 1\n{}\n", body.join("\n"))
        };
        let resolved = |text: &str| {
            let resolved = resolve_texts(&[("main.egress", text), ("m.egress", MIRROR)], &options());
            let shown = drawn(&resolved);
            meaning(&resolved.intent.unwrap_or_else(|| panic!("{shown}")))
        };
        let plain: Vec<usize> = (0..statements.len()).collect();
        proptest::prop_assert_eq!(resolved(&text(&order)), resolved(&text(&plain)));
    }
}

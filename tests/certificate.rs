//! Certificates: what they say to the letter, and what Z3 says to them. Where no `z3` is installed,
//! only the first is tested.
#![cfg(test)]

#[path = "certificate/model.rs"]
mod model;
#[path = "support/z3.rs"]
mod z3;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::Value;
use serde_json::json;

use exeat::azure::Deployment;
use exeat::certificate::CertificateError;
use exeat::certificate::Given;
use exeat::certificate::Question;
use exeat::certificate::Readings;
use exeat::compile::compile;
use exeat::diagnostic::Code;
use exeat::emit;
use exeat::evidence::Evidence;
use exeat::evidence::Lock;
use exeat::flow::Atom;
use exeat::import;
use exeat::intent::Intent;
use exeat::prove;
use exeat::prove::Claim;
use exeat::prove::Standing;
use exeat::resolve::Options;
use exeat::resolve::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;

use self::model::model;

/// Pages tell dates that are over from dates to come.
const TODAY: Date = date(2090, 1, 1);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn now() -> Timestamp {
    TODAY.to_zoned(TimeZone::UTC).expect("a day").timestamp()
}

/// A list and what it compiles to, as text of `exeat.deployment/1` that can be edited.
#[derive(Clone)]
struct Subject {
    name: String,
    intent: Intent,
    /// With what stands beside the list.
    deployment: Value,
}

impl Subject {
    /// The list at `path` below the root.
    fn at(path: &str) -> Subject {
        let mut read = |file: &Path| fs::read(root().join(file));
        Subject::of(path, &mut read).unwrap_or_else(|said| panic!("{path}: {said}"))
    }

    /// The list at `path`, if it compiles.
    fn of(
        path: &str,
        read: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Subject, String> {
        let mut read = |file: &Path| read(file);
        let resolved = resolve(path, &mut read, &Options::default());
        let intent = resolved.intent.ok_or_else(|| format!("{:?}", resolved.diagnostics))?;
        let mut context = Deployment::default();
        for one in &intent.context {
            let stated = import::json::read(&one.text).map_err(|error| error.to_string())?;
            context.absorb(stated).map_err(|error| error.to_string())?;
        }
        let compiled = compile(&intent, &context, TODAY).map_err(|said| format!("{said:?}"))?;
        let text = emit::json::write(&compiled.deployment).expect("a document");
        let deployment = serde_json::from_str(&text).expect("JSON");
        Ok(Subject { name: path.to_owned(), intent, deployment })
    }

    fn deployment(&self) -> Deployment {
        let text = self.deployment.to_string();
        import::json::read(&text).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn certificate(&self, lock: Option<&Lock>) -> Result<String, CertificateError> {
        let files = emit::arm::write(&self.deployment()).expect("templates");
        let templates: Vec<Given<'_>> = files
            .iter()
            .filter(|file| !file.is_script && file.path != emit::arm::ORDER_FILE)
            .map(|file| Given { file: &file.path, text: &file.text })
            .collect();
        let question = Question {
            subject: &self.name,
            intent: &self.intent,
            at: now(),
            templates: &templates,
            lock,
            readings: Readings::default(),
        };
        question.certificate()
    }

    /// Whether Z3 finds a leak. That there is none, the other encoding must say, too; and one that
    /// there is, the engine for single flows, of a firewall that every flow reaches.
    fn leaks(&self) -> bool {
        let text = self.certificate(None).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let Some(model) = model(&text) else {
            assert!(self.is_proved(), "{}: Z3 finds no leak, and the proof does", self.name);
            return false;
        };
        let mut deployment = self.deployment();
        deployment.firewalls.clear();
        deployment.virtual_networks.clear();
        deployment.clusters.clear();
        let simulator = Simulator::new(&deployment).expect("an order");
        let mut oracle = |atom: &Atom| model.holds(atom);
        let decision = simulator.decide(&model.flow, &mut oracle);
        assert_eq!(decision.verdict, Verdict::Allow, "{}: {model:?}", self.name);
        let stance = self.intent.decide(TODAY, &model.flow, &mut oracle);
        assert!(!stance.permitted, "{}: {model:?}", self.name);
        true
    }

    /// Whether `exeat prove` says that nothing leaks.
    fn is_proved(&self) -> bool {
        let deployment = self.deployment();
        let simulator = Simulator::new(&deployment).expect("an order");
        let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
        let environment = Environment { evidence: &evidence, assumptions: &assumptions, at: now() };
        let intent = Some(&self.intent);
        let subject =
            prove::claims::Subject { simulator: &simulator, intent, environment, day: TODAY };
        let proof = prove::prove(&subject, prove::claims::MAX_NODES).expect("a proof");
        proof.claims.contains(&(Claim::NoLeak, Standing::Proved))
    }

    /// The collections of the policies that are written, with the keys of their fields.
    fn collections(&mut self) -> impl Iterator<Item = &mut Value> {
        let policies = self.deployment["firewallPolicies"].as_object_mut().expect("policies");
        let ours = policies.values_mut().filter(|policy| policy["ours"] == true);
        ours.flat_map(|policy| list(&mut policy["ruleCollectionGroups"]))
            .flat_map(|group| list(&mut group["ruleCollections"]))
    }

    /// The rules that allow.
    fn rules(&mut self) -> impl Iterator<Item = &mut Value> {
        let allowing = self.collections().filter(|collection| collection["action"] == "Allow");
        allowing.flat_map(|collection| list(&mut collection["rules"]))
    }

    /// With another parent policy.
    fn with_parent(&self, parent: &Value) -> Subject {
        let mut edited = self.clone();
        edited.intent.context[0].text = parent.to_string();
        let changed = parent["firewallPolicies"]["parent"].clone();
        edited.deployment["firewallPolicies"]["parent"] = changed;
        edited
    }

    /// With what `edit` makes of the rule that allows and is called `name`.
    fn with_rule(&self, name: &str, edit: impl Fn(&mut Value)) -> Subject {
        let mut edited = self.clone();
        let rule = edited.rules().find(|rule| rule["name"] == name);
        edit(rule.unwrap_or_else(|| panic!("{}: no rule `{name}`", self.name)));
        edited.name = format!("{}, rule `{name}`", self.name);
        edited
    }
}

fn list(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_array_mut().into_iter().flatten()
}

/// The lists that are correct: nothing of what they compile to leaks.
fn correct() -> Vec<Subject> {
    let trips = fs::read_to_string(root().join("rulesets/examples/trips/trips.egress"));
    let trips = trips.expect("the example");
    // The platform team's policy leaks, as the example tells.
    let alone = trips.replace("context \"./platform-policy.json\"\n", "");
    let alone = alone.replace("extends fwp-platform", "");
    let mut read = |_: &Path| Ok(alone.clone().into_bytes());
    let alone = Subject::of("trips without a parent", &mut read).expect("a list");
    let guide = fs::read_to_string(root().join("docs/language.md")).expect("the guide");
    let (_, first) = guide.split_once("```egress\n").expect("an example");
    let (first, _) = first.split_once("```\n").expect("its end");
    let mirrors = "language 1\n\nnames ubuntu = security.ubuntu.com, *.archive.ubuntu.com\n";
    let mut read = |path: &Path| {
        let is_beside = path.ends_with("mirrors.egress");
        Ok(if is_beside { mirrors } else { first }.as_bytes().to_vec())
    };
    let guide = Subject::of("docs/language.md", &mut read).expect("a list");
    let small = fs::read_to_string(root().join("tests/certificate/small.egress")).expect("a list");
    let (ground, _) = small.split_once("allow images").expect("a permission");
    let import = "import std \"aks/core\" as aks with { nodes = system, region = \"westeurope\", \
                  public-api = true, ntp = true, cloud = CLOUD }\n";
    let aks = format!("{ground}{import}");
    let aks = ["public", "china", "usgov"].map(|cloud| {
        let mut read = |_: &Path| Ok(aks.replace("CLOUD", cloud).into_bytes());
        Subject::of(&format!("aks/core, {cloud}"), &mut read).expect("a list")
    });
    let small = Subject::at("tests/certificate/small.egress");
    let wide = Subject::at("tests/certificate/wide.egress");
    [small, wide, alone, guide].into_iter().chain(aks).collect()
}

/// Whether the expected text is to be written anew: `BLESS=1 cargo test --test certificate`.
fn bless() -> bool {
    is_set("BLESS")
}

#[expect(clippy::disallowed_methods, reason = "tests are steered by the environment")]
fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some()
}

#[test]
fn a_certificate_is_written_as_expected() {
    let subject = Subject::at("tests/certificate/small.egress");
    let found = subject.certificate(None).expect("a certificate");
    assert_eq!(found, subject.certificate(None).expect("a certificate"), "not the same twice");
    let path = root().join("tests/certificate/small.smt2");
    if bless() {
        fs::write(&path, &found).expect("a place to write");
    }
    assert_eq!(found, fs::read_to_string(&path).expect("the expected text"));
}

#[test]
fn correct_lists_leak_nothing() {
    if !z3::is_there() {
        return;
    }
    for subject in correct() {
        assert!(!subject.leaks(), "{}", subject.name);
    }
}

#[test]
fn the_example_leaks_by_the_policy_that_it_extends() {
    if z3::is_there() {
        assert!(Subject::at("rulesets/examples/trips/trips.egress").leaks());
    }
}

/// An edit of a rule that lets more through; none where it does not apply.
type Edit = fn(&Value) -> Option<Value>;

/// Of the pairs of a rule and a way to widen it, one of so many is asked about, and all of them with
/// `EXEAT_Z3` in the environment.
const ONE_OF: usize = 4;

/// Ways to widen a rule, each with how often it must lead to a leak.
const WIDENINGS: [(&str, Edit, usize); 9] = [
    ("a name becomes every name", |rule| with(rule, "targetFqdns", json!(["*"])), 8),
    ("a name becomes a wildcard", wildcard, 8),
    ("a name's parent and its siblings are added", sibling, 8),
    ("every source", |rule| with(rule, "sourceAddresses", json!(["*"])), 8),
    ("a port more", another_port, 2),
    ("a range of ports", |rule| with(rule, "destinationPorts", json!(["1-65535"])), 2),
    ("every protocol", |rule| with(rule, "ipProtocols", json!(["Any"])), 2),
    ("a shorter prefix", shorter, 1),
    ("another protocol and port of a name", another_pair, 8),
];

/// `rule` with another value of a field that it has.
fn with(rule: &Value, key: &str, value: Value) -> Option<Value> {
    let mut rule = rule.clone();
    let field = rule.get_mut(key).filter(|field| !field.is_null())?;
    *field = value;
    Some(rule)
}

/// The first entry of a list of texts.
fn first<'r>(rule: &'r Value, key: &str) -> Option<&'r str> {
    rule.get(key)?.get(0)?.as_str()
}

fn wildcard(rule: &Value) -> Option<Value> {
    let name = first(rule, "targetFqdns")?.trim_start_matches("*.");
    with(rule, "targetFqdns", json!([format!("*{name}")]))
}

fn sibling(rule: &Value) -> Option<Value> {
    let name = first(rule, "targetFqdns")?.trim_start_matches("*.");
    let (_, parent) = name.split_once('.')?;
    with(rule, "targetFqdns", json!([name, format!("*.{parent}")]))
}

fn another_port(rule: &Value) -> Option<Value> {
    let port = first(rule, "destinationPorts")?.split('-').next()?;
    let port: u16 = port.parse().ok()?;
    with(rule, "destinationPorts", json!([port.to_string(), (port + 10).to_string()]))
}

fn shorter(rule: &Value) -> Option<Value> {
    let (address, _) = first(rule, "destinationAddresses")?.split_once('/')?;
    with(rule, "destinationAddresses", json!([format!("{address}/9")]))
}

fn another_pair(rule: &Value) -> Option<Value> {
    let pair = first(rule, "protocols")?;
    with(rule, "protocols", json!([pair, "Https:9443"]))
}

#[test]
#[expect(clippy::print_stderr, reason = "how much was asked is part of the result")]
fn a_widened_rule_leaks_a_flow_that_the_simulator_confirms() {
    if !z3::is_there() {
        return;
    }
    let one_of = if is_set("EXEAT_Z3") { 1 } else { ONE_OF };
    let mut leaks: BTreeMap<&str, usize> = BTreeMap::new();
    let mut tried: BTreeMap<&str, usize> = BTreeMap::new();
    for mut subject in correct() {
        let rules: Vec<Value> = subject.rules().map(|rule| rule.clone()).collect();
        for (index, rule) in rules.iter().enumerate() {
            for (widening, edit, _) in WIDENINGS {
                let Some(wider) = edit(rule) else { continue };
                let tried = tried.entry(widening).or_default();
                *tried += 1;
                if *tried % one_of != 1 % one_of {
                    continue;
                }
                let mut edited = subject.clone();
                edited.name = format!("{}, {widening}: {}", subject.name, rule["name"]);
                *edited.rules().nth(index).expect("the rule") = wider;
                *leaks.entry(widening).or_default() += usize::from(edited.leaks());
            }
        }
    }
    eprintln!("{leaks:?}");
    for (widening, _, least) in WIDENINGS {
        let found = leaks.get(widening).copied().unwrap_or_default();
        assert!(found >= least, "{widening}: only {found} leaks: {leaks:?}");
    }
}

/// The list of `tests/certificate/small.egress` with a deployment beside it, whose policy it
/// extends.
fn beneath(parent: &Value) -> Subject {
    let text = fs::read_to_string(root().join("tests/certificate/small.egress")).expect("a list");
    let extended = "context \"./parent.json\"\n\npolicy egress { extends parent }\n\nallow images:";
    let text = text.replace("allow images:", extended);
    let mut read = |path: &Path| {
        let is_parent = path.ends_with("parent.json");
        Ok(if is_parent { parent.to_string() } else { text.clone() }.into_bytes())
    };
    Subject::of("beneath a parent", &mut read).expect("a list")
}

/// A parent of one group with these collections.
fn parent(collections: &Value) -> Value {
    json!({
        "schema": "exeat.deployment/1",
        "firewallPolicies": {
            "parent": {
                "sku": "Standard",
                "ruleCollectionGroups": [
                    { "name": "platform", "priority": 65000, "ruleCollections": collections }
                ]
            }
        }
    })
}

/// A collection of one application rule for a name.
fn names(name: &str, priority: u16, action: &str, target: &str) -> Value {
    let from = if action == "Allow" { "10.1.8.0/24" } else { "*" };
    json!({
        "name": name, "priority": priority, "kind": "application", "action": action,
        "rules": [{
            "name": format!("{name}-rule"), "protocols": ["Https:443"], "sourceAddresses": [from],
            "targetFqdns": [target]
        }]
    })
}

/// A collection of one network rule for a port.
fn port(name: &str, priority: u16, action: &str, port: &str) -> Value {
    json!({
        "name": name, "priority": priority, "kind": "network", "action": action,
        "rules": [{
            "name": format!("{name}-rule"), "ipProtocols": ["TCP"], "sourceAddresses": ["*"],
            "destinationAddresses": ["*"], "destinationPorts": [port]
        }]
    })
}

#[test]
fn rules_of_a_parent_come_first_whatever_their_priority() {
    if !z3::is_there() {
        return;
    }
    let beneath = |collections: Value| beneath(&parent(&collections));
    assert!(!beneath(json!([names("stop", 65000, "Deny", "*.example.com")])).leaks());
    assert!(beneath(json!([names("leave", 65000, "Allow", "*.example.com")])).leaks());
    // The parent lets out nothing that the list does not permit, or stops it first.
    assert!(!beneath(json!([names("leave", 100, "Allow", "mcr.microsoft.com")])).leaks());
    let both = |allow: u16, deny: u16| {
        json!([
            names("leave", allow, "Allow", "www.example.com"),
            names("stop", deny, "Deny", "*.example.com")
        ])
    };
    assert!(beneath(both(100, 200)).leaks());
    assert!(!beneath(both(200, 100)).leaks());
    // Network rules are looked at before application rules.
    let both = |action: &str| {
        json!([
            names("leave", 100, "Allow", "www.example.com"),
            port("ports", 65000, action, "443")
        ])
    };
    let denied = beneath(both("Deny"));
    assert!(!denied.leaks());
    // The compiler refuses such a parent; somebody may have changed it since.
    assert!(denied.with_parent(&parent(&both("Allow"))).leaks());
    // What the parent denies, a rule of the child does not let out.
    let denied = beneath(json!([names("stop", 65000, "Deny", "*")]));
    let widened = |rule: &mut Value| rule["targetFqdns"] = json!(["*"]);
    assert!(!denied.with_rule("images", widened).leaks());
    let by_network = beneath(json!([port("ports", 65000, "Deny", "1-65535")]));
    assert!(!by_network.with_rule("images", widened).leaks());
}

#[test]
fn a_deny_is_looked_at_before_what_it_takes_out() {
    if !z3::is_there() {
        return;
    }
    let mut later = Subject::at("tests/certificate/small.egress");
    assert!(!later.leaks());
    for collection in later.collections() {
        if collection["action"] == "Deny" && collection["name"] != "close-infrastructure" {
            collection["priority"] = json!(64_000);
        }
    }
    assert!(later.leaks(), "a deny behind what it takes out");
    // Without the last deny of every name, the built-in rules may let out anything.
    let mut open = Subject::at("tests/certificate/small.egress");
    for collection in open.collections() {
        if collection["name"] == "close-infrastructure" {
            collection["rules"] = json!([]);
        }
    }
    assert!(open.leaks(), "the built-in rules");
}

#[test]
fn the_first_of_two_tags_is_that_of_the_region() {
    if !z3::is_there() {
        return;
    }
    // A regional tag lies in the global one, and not the other way round.
    let wide = Subject::at("tests/certificate/wide.egress");
    let tag =
        |tag: &'static str| move |rule: &mut Value| rule["destinationAddresses"] = json!([tag]);
    assert!(!wide.with_rule("storage", tag("Storage.WestEurope")).leaks());
    assert!(wide.with_rule("regional", tag("Storage")).leaks());
}

#[test]
fn a_lock_says_which_addresses_a_rule_by_name_lets_out() {
    if !z3::is_there() {
        return;
    }
    let lock = |address: &str| {
        let text = format!(
            "{{\"schema\":\"exeat.lock/1\",\"names\":[\n{{\"name\":\"ntp.ubuntu.com\",\"addresses\":[\"{address}\"],\"ttl\":60,\"aliases\":[],\"server\":\"10.0.0.4:53\",\"at\":\"2026-03-01T00:00:00Z\"}}\n],\"imports\":[]}}\n"
        );
        Lock::read(&text).unwrap_or_else(|error| panic!("{error}"))
    };
    let subject = Subject::at("tests/certificate/small.egress");
    let by_address = |rule: &mut Value| {
        rule["destinationAddresses"] = json!(["198.51.100.1"]);
        rule.as_object_mut().expect("a rule").remove("destinationFqdns");
    };
    let edited = subject.with_rule("clock", by_address);
    for (address, leaks) in [("198.51.100.1", false), ("198.51.100.2", true)] {
        let text = edited.certificate(Some(&lock(address))).expect("a certificate");
        assert_eq!(model(&text).is_some(), leaks, "{address}");
    }
}

#[test]
fn what_is_not_covered_is_an_error_that_names_it() {
    let subject = Subject::at("tests/certificate/small.egress");
    let said = |edit: &dyn Fn(&mut Value)| {
        let edited = subject.with_rule("images", edit);
        edited.certificate(None).expect_err("no certificate").to_string()
    };
    let inspected = said(&|rule| rule["terminateTLS"] = json!(true));
    assert_eq!(
        inspected,
        "the certificate does not cover TLS inspection: egress/application/application-allow/images"
    );
    assert!(said(&|rule| rule["webCategories"] = json!(["News"])).contains("web categories"));
    assert!(said(&|rule| rule["targetUrls"] = json!(["a.com/b"])).contains("URLs"));
    let nat = json!([{
        "name": "in", "priority": 100, "kind": "nat", "action": "DNAT", "rules": [{
            "name": "ssh", "ipProtocols": ["TCP"], "sourceAddresses": ["*"],
            "destinationAddresses": ["203.0.113.10"], "destinationPorts": ["22"],
            "translatedAddress": "10.1.8.4", "translatedPort": "22"
        }]
    }]);
    let said = beneath(&parent(&nat)).certificate(None).expect_err("no certificate").to_string();
    assert_eq!(said, "the certificate does not cover DNAT rules: parent/platform/in");
}

/// The lists on the pages of codes that compile.
fn pages() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for code in Code::ALL {
        let mut lists = Vec::new();
        let mut beside = BTreeMap::new();
        let mut lines = code.page().lines();
        while let Some(line) = lines.next() {
            let Some(info) = line.strip_prefix("```") else { continue };
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let body = body.join("\n") + "\n";
            match info.split_once(' ') {
                Some(("egress", rest)) if rest.starts_with("file ") => {
                    beside.insert(rest.trim_start_matches("file ").to_owned(), body);
                }
                Some(("json", path)) => {
                    beside.insert(path.to_owned(), body);
                }
                _ if info.starts_with("egress") => lists.push(body),
                _ => {}
            }
        }
        for (number, list) in lists.iter().enumerate() {
            let mut read = |path: &Path| {
                let path = path.to_str().expect("a path");
                let text = if path == "main.egress" { Some(list) } else { beside.get(path) };
                let text = text.map(|text| text.clone().into_bytes());
                text.ok_or_else(|| io::ErrorKind::NotFound.into())
            };
            if let Ok(mut subject) = Subject::of("main.egress", &mut read) {
                subject.name = format!("{code}, list {}", number + 1);
                subjects.push(subject);
            }
        }
    }
    subjects
}

#[test]
#[expect(clippy::print_stderr, reason = "how much was asked is part of the result")]
fn each_list_of_the_documentation_leaks_just_where_the_engines_say_so() {
    if !z3::is_there() {
        return;
    }
    let (mut tight, mut leaking, mut not_covered) = (0, 0, 0);
    for subject in pages() {
        match subject.certificate(None) {
            Err(CertificateError::NotCovered { .. }) => not_covered += 1,
            Err(error) => panic!("{}: {error}", subject.name),
            Ok(_) if subject.leaks() => leaking += 1,
            Ok(_) => tight += 1,
        }
    }
    eprintln!("{tight} lists leak nothing, {leaking} do, {not_covered} are not covered");
    assert!(tight >= 40 && leaking >= 1, "{tight} and {leaking}");
}

/// Runs the program in `folder`.
fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_exeat"))
        .current_dir(folder)
        .args(args)
        .output()
        .expect("the program runs");
    let said = String::from_utf8(output.stderr).expect("text");
    (output.status.code(), said)
}

/// A folder with the list of `tests/certificate/small.egress`.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    fs::copy(root().join("tests/certificate/small.egress"), path.join("small.egress"))
        .expect("a copy");
    (folder, path)
}

#[test]
fn prove_writes_a_certificate_beside_its_report() {
    let (_kept, folder) = folder();
    let at = ["--at", "2090-01-01"];
    let args = [&["prove", "small.egress", "--smt", "small.smt2", "-q"][..], &at].concat();
    let (code, said) = run(&folder, &args);
    // What goes around the firewall is no part of the certificate.
    assert_eq!((code, said.as_str()), (Some(1), ""));
    let written = fs::read_to_string(folder.join("small.smt2")).expect("a certificate");
    let expected = fs::read_to_string(root().join("tests/certificate/small.smt2")).expect("text");
    assert_eq!(written, expected.replace("tests/certificate/small.egress", "small.egress"));
}

#[test]
fn without_a_list_of_its_own_or_a_file_there_is_no_certificate() {
    let (_kept, folder) = folder();
    fs::write(folder.join("none.json"), "{\"schema\": \"exeat.deployment/1\"}").expect("a file");
    let given = ["prove", "small.egress", "--deployment", "none.json", "--smt", "small.smt2"];
    let (code, said) = run(&folder, &given);
    assert_eq!(code, Some(2));
    assert!(said.contains("of the templates that a list compiles to"), "{said}");
    let (code, said) = run(&folder, &["prove", "small.egress", "--smt", "-"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("name a file"), "{said}");
    let left: Vec<_> = fs::read_dir(&folder).expect("a folder").collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

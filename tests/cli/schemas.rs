//! What is printed as JSON and the schemas in `docs/schemas`, held to each other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use exeat::simulate::consistency::Kind;
use serde_json::Value;

use super::logs;
use super::sandbox::OK;
use super::sandbox::Sandbox;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A schema of `docs/schemas`, and which of its properties some document had.
struct Schema {
    document: Value,
    seen: BTreeSet<String>,
}

impl Schema {
    fn read(name: &str) -> Schema {
        let path = root().join(format!("docs/schemas/{name}-1.schema.json"));
        let text = fs::read_to_string(path).expect("the schema");
        let document = serde_json::from_str(&text).expect("JSON");
        Schema { document, seen: BTreeSet::new() }
    }

    /// Every object is closed and has all its keys in the order of the schema; what the schema
    /// says of them holds.
    #[track_caller]
    fn check(&mut self, text: &str) {
        let value: Value = serde_json::from_str(text).expect("one JSON document");
        let schema = self.document.clone();
        if let Err(problem) = self.walk(&schema, "", &value) {
            panic!("{problem} in {text}");
        }
    }

    fn walk(&mut self, schema: &Value, at: &str, value: &Value) -> Result<(), String> {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix("#/$defs/").ok_or("a reference elsewhere")?;
            let target = self.document["$defs"][name].clone();
            return self.walk(&target, &format!("#{name}"), value);
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let tried = choices.iter().map(|choice| self.walk(choice, at, value));
            return tried.reduce(Result::or).unwrap_or(Ok(()));
        }
        let fail = |what: &str| Err(format!("{at}: {what}: {value}"));
        if !schema["const"].is_null() && schema["const"] != *value {
            return fail("not the constant");
        }
        if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
            return fail("none of the words");
        }
        let types = match &schema["type"] {
            Value::Null => Vec::new(),
            Value::Array(types) => types.clone(),
            one => vec![one.clone()],
        };
        if !types.is_empty() && !types.iter().any(|word| Some(kind(value)) == word.as_str()) {
            return fail("of another type");
        }
        let least = schema["minimum"].as_u64().filter(|_| !value.is_null());
        if least.is_some_and(|least| value.as_u64() < Some(least)) {
            return fail("too small");
        }
        match value {
            Value::Array(items) => {
                for item in items {
                    self.walk(&schema["items"], &format!("{at}[]"), item)?;
                }
            }
            Value::Object(object) => match schema["properties"].as_object() {
                Some(properties) => {
                    let keys: Vec<&String> = object.keys().collect();
                    let known: Vec<&String> = properties.keys().collect();
                    if keys != known || schema["additionalProperties"] != false {
                        return fail(&format!("expected the keys {known:?}, in this order"));
                    }
                    if schema["required"].as_array().is_none_or(|all| all.len() != known.len()) {
                        return fail("the program writes every key, so all are required");
                    }
                    for (key, value) in object {
                        let place = format!("{at}/{key}");
                        self.seen.insert(place.clone());
                        self.walk(&properties[key], &place, value)?;
                    }
                }
                None => {
                    for value in object.values() {
                        self.walk(&schema["additionalProperties"], &format!("{at}/*"), value)?;
                    }
                }
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        Ok(())
    }

    /// No property is there that no document had.
    #[track_caller]
    fn check_nothing_unseen(&self) {
        let mut all = BTreeSet::new();
        properties(&self.document, "", &mut all);
        for (name, schema) in self.document["$defs"].as_object().expect("definitions") {
            properties(schema, &format!("#{name}"), &mut all);
        }
        let unseen: Vec<&String> = all.difference(&self.seen).collect();
        assert!(unseen.is_empty(), "never written: {unseen:?}");
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn properties(schema: &Value, at: &str, into: &mut BTreeSet<String>) {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{at}/{key}");
        properties(property, &place, into);
        properties(&property["items"], &format!("{place}[]"), into);
        into.insert(place);
    }
}

#[test]
fn flows_are_written_as_their_schema_says() {
    let sandbox = Sandbox::with_trips();
    let mut schema = Schema::read("flows");
    let text = sandbox.run(&["flows", "trips/friday.pcapng", "--format", "json"]).expect(0);
    for line in text.lines() {
        schema.check(line);
    }
    sandbox.write("firewall.json", logs::FIREWALL.as_bytes());
    let text = sandbox.run(&["flows", "firewall.json", "--format", "json"]).expect(0);
    for line in text.lines() {
        schema.check(line);
    }
    schema.check_nothing_unseen();
}

#[test]
fn replays_are_written_as_their_schema_says() {
    let sandbox = Sandbox::with_trips();
    let mut schema = Schema::read("replay");
    let args = ["replay", "trips/trips.egress", "--format", "json", "--capture"];
    schema.check(&sandbox.run(&[&args[..], &["trips/monday.pcapng"]].concat()).expect(0));
    schema.check(&sandbox.run(&[&args[..], &["trips/friday.pcapng"]].concat()).expect(1));
    let args = ["replay", "--deployment", "trips/platform-policy.json", "--format", "json"];
    schema.check(
        &sandbox.run(&[&args[..], &["--capture", "trips/friday.pcapng"]].concat()).expect(1),
    );
    // Verdicts beside ours.
    sandbox.write("firewall.json", logs::FIREWALL.as_bytes());
    schema.check(
        &sandbox
            .run(&["replay", "ok.egress", "--format", "json", "--capture", "firewall.json"])
            .out,
    );
    // A finding with an edit to offer.
    let unused = [OK, "names shop = shop.example\n"].concat();
    sandbox.write("a.egress", unused.as_bytes());
    let args = ["replay", "a.egress", "--format", "json", "--accept", "leak", "--accept", "bypass"];
    let run = sandbox.run(&[&args[..], &["--capture", "trips/monday.pcapng"]].concat());
    schema.check(&run.out);
    // Edits of findings are seen with `exeat check`, whose findings are the same.
    schema.seen.extend(
        ["#fix/title", "#fix/edits", "#edit/place", "#edit/replacement"].map(str::to_owned),
    );
    schema.check_nothing_unseen();
}

#[test]
fn proofs_are_written_as_their_schema_says() {
    let sandbox = Sandbox::with_trips();
    let mut schema = Schema::read("prove");
    let args = ["prove", "-q", "--format", "json", "--accept", "open"];
    schema.check(&sandbox.run(&[&args[..], &["trips/trips.egress"]].concat()).expect(1));
    let open = [
        OK,
        "allow bus: apps -> tag ServiceBus : tcp/5671  because \"x\"\n",
        "assert never there: apps -> 192.0.2.0/24 : tcp/5671  because \"x\"\n",
    ];
    sandbox.write("a.egress", open.concat().as_bytes());
    schema.check(&sandbox.run(&[&args[..], &["a.egress"]].concat()).expect(1));
    let compile = ["compile", "-q", "ok.egress", "--target", "json", "--out", "out"];
    sandbox.run(&compile).expect(0);
    let deployment = ["--deployment", "out/deployment.json"];
    schema.check(&sandbox.run(&[&args[..], &deployment].concat()).expect(1));
    // Edits of findings are seen with `exeat check`, whose findings are the same.
    schema.seen.extend(
        ["#fix/title", "#fix/edits", "#edit/place", "#edit/replacement"].map(str::to_owned),
    );
    schema.check_nothing_unseen();
}

#[test]
fn differences_are_written_as_their_schema_says() {
    let sandbox = Sandbox::with_trips();
    let mut schema = Schema::read("diff");
    let bus = [OK, "allow bus: apps -> tag ServiceBus : tcp/5671  because \"x\"\n"];
    let unused = [&bus.concat(), "names shop = shop.example\n"].concat();
    sandbox.write("a.egress", unused.as_bytes());
    let compile = ["compile", "-q", "ok.egress", "--target", "json", "--out", "out"];
    sandbox.run(&compile).expect(0);
    let args = ["diff", "-q", "--format", "json"];
    for (old, new) in [
        ("ok.egress", "a.egress"),
        ("a.egress", "out/deployment.json"),
        ("ok.egress", "trips/trips.egress"),
    ] {
        schema.check(&sandbox.run(&[&args[..], &[old, new]].concat()).expect(0));
    }
    let trips =
        sandbox.read("trips/trips.egress").replace("geocode.example.com", "maps.example.com");
    sandbox.write("trips/new.egress", trips.as_bytes());
    let recorded = ["trips/trips.egress", "trips/new.egress", "--capture", "trips/monday.pcapng"];
    schema.check(&sandbox.run(&[&args[..], &recorded].concat()).expect(0));
    sandbox.write("firewall.json", logs::FIREWALL.as_bytes());
    let none = OK.replace("www.example.com", "other.example.com");
    sandbox.write("none.egress", none.as_bytes());
    let recorded = ["ok.egress", "none.egress", "--capture", "firewall.json"];
    schema.check(&sandbox.run(&[&args[..], &recorded].concat()).expect(0));
    // Edits of findings are seen with `exeat check`, whose findings are the same.
    schema.seen.extend(
        ["#fix/title", "#fix/edits", "#edit/place", "#edit/replacement"].map(str::to_owned),
    );
    schema.check_nothing_unseen();
}

#[cfg(feature = "testing")]
#[test]
fn tests_are_written_as_their_schema_says() {
    let sandbox = Sandbox::with_trips();
    let mut schema = Schema::read("test");
    let args = ["test", "-q", "--format", "json", "--accept", "leak"];
    schema.check(&sandbox.run(&[&args[..], &["trips/trips.egress"]].concat()).expect(1));
    let unmet = "example a\n  10.1.8.4 -> 192.0.2.1 : tcp/443 tls www.example.com => deny\n";
    sandbox.write("a.egress", [OK, unmet].concat().as_bytes());
    schema.check(&sandbox.run(&[&args[..], &["a.egress", "--mutants"]].concat()).expect(1));
    let compile = ["compile", "-q", "ok.egress", "--target", "json", "--out", "out"];
    sandbox.run(&compile).expect(0);
    let deployment = ["--deployment", "out/deployment.json"];
    schema.check(&sandbox.run(&[&args[..], &deployment].concat()).expect(1));
    // Edits of findings are seen with `exeat check`, whose findings are the same.
    schema.seen.extend(
        ["#fix/title", "#fix/edits", "#edit/place", "#edit/replacement"].map(str::to_owned),
    );
    schema.check_nothing_unseen();
}

#[test]
fn checks_are_written_as_their_schema_says() {
    let sandbox = Sandbox::with_trips();
    let mut schema = Schema::read("check");
    let mistaken = [OK, "allow x: app -> b.example : https because \"x\"\n"].concat();
    sandbox.write("a.egress", mistaken.as_bytes());
    let args = ["check", "--format", "json"];
    for (file, code) in [("trips/trips.egress", 0), ("ok.egress", 0), ("a.egress", 2)] {
        schema.check(&sandbox.run(&[&args[..], &[file]].concat()).expect(code));
    }
    schema.check(&sandbox.run(&[&args[..], &["ok.egress", "--set", "x=1"]].concat()).expect(2));
    let capture = ["ok.egress", "--capture", "trips/monday.pcapng"];
    schema.check(&sandbox.run(&[&args[..], &capture].concat()).expect(0));
    schema.check_nothing_unseen();
}

#[test]
fn explanations_are_written_as_their_schema_says() {
    let sandbox = Sandbox::with_trips();
    let mut schema = Schema::read("explain");
    for flow in [
        "10.1.8.4 -> 192.0.2.80 : tcp/443 tls tripsmirror.blob.core.windows.net",
        "10.1.8.4 -> 192.0.2.71 : tcp/5671 tls sb-trips.servicebus.windows.net",
        "10.1.8.4 -> 203.0.113.60 : tcp/443 tls pastebin.com",
        "10.1.8.4 -> 198.51.100.70 : tcp/443 tls ingest.fabrikam.example",
        "10.1.8.4 -> 192.0.2.15 : tcp/443",
        "10.1.8.4 -> 169.254.169.254 : tcp/80 http 169.254.169.254",
    ] {
        let args = ["explain", "trips/trips.egress", flow, "--format", "json"];
        let run = sandbox.run(&args);
        assert_ne!(run.code, Some(2), "{}", run.err);
        schema.check(&run.out);
    }
    schema.check_nothing_unseen();
}

/// The words of `reason` never change their meaning, so they are listed: in the program, in the
/// schemas and in the manual.
#[test]
fn the_words_of_reason_are_listed_whole() {
    let source = fs::read_to_string(root().join("src/simulate/decision.rs")).expect("the source");
    let (_, source) = source.split_once("impl Reason {").expect("the words");
    let (source, _) = source.split_once("\n}\n").expect("their end");
    let words: BTreeSet<String> = source
        .lines()
        .filter_map(|line| line.split_once("=> \"")?.1.split_once('"'))
        .map(|(word, _)| word.to_owned())
        .collect();
    assert!(words.len() > 20, "{words:?}");
    for (name, pointer) in [
        ("replay", "/$defs/flow/properties/reason/enum"),
        ("prove", "/$defs/counterexample/properties/reason/enum"),
        ("diff", "/$defs/decision/properties/reason/enum"),
        ("test", "/$defs/example/properties/reason/enum"),
        ("test", "/$defs/flow/properties/reason/enum"),
        ("explain", "/properties/reason/enum"),
        ("explain", "/$defs/reading/properties/reason/enum"),
    ] {
        let schema = Schema::read(name).document;
        let listed = schema.pointer(pointer).and_then(Value::as_array).expect("words");
        let listed: BTreeSet<String> =
            listed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        assert_eq!(listed, words, "{name}");
    }
    let manual = fs::read_to_string(root().join("docs/cli.md")).expect("the manual");
    let (_, table) = manual.split_once("| reason | the verdict rests on |").expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let told: BTreeSet<String> =
        rows.filter_map(|row| row.split('`').nth(1)).map(str::to_owned).collect();
    assert_eq!(told, words);
}

/// The kinds of what does not fit together are the same words in the code, in the schema and in the manual.
#[test]
fn the_words_of_inconsistencies_are_listed_whole() {
    let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.keyword()).collect();
    let schema = Schema::read("replay").document;
    let listed = schema.pointer("/$defs/inconsistency/properties/kind/enum").expect("words");
    assert_eq!(*listed, serde_json::json!(words));
    let manual = fs::read_to_string(root().join("docs/cli.md")).expect("the manual");
    let (_, table) = manual.split_once("## What does not fit together").expect("the section");
    let (_, table) = table.split_once("| kind | meaning |").expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let told: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    assert_eq!(told, words);
}

//! `exeat.deployment/1`: what is written reads back, and what is wrong is refused at its place.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use exeat::azure::Deployment;
use exeat::emit;
use exeat::import;

#[path = "support/cases.rs"]
mod cases;
#[path = "support/deployments.rs"]
mod deployments;

use self::cases::cases;

fn repository(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// The first JSON block of `docs/deployment.md`.
fn documented() -> String {
    let page = repository("docs/deployment.md");
    let (_, rest) = page.split_once("```json\n").expect("an example");
    rest.split_once("```").expect("its end").0.to_owned()
}

fn read(text: &str) -> Deployment {
    import::json::read(text).unwrap_or_else(|error| panic!("{error}\nin {text}"))
}

#[test]
fn the_example_of_the_documentation_reads_and_reads_back() {
    let first = read(&documented());
    assert_eq!(first.policies.len(), 1);
    assert_eq!(first.route_tables.len(), 1);
    let written = emit::json::write(&first).expect("a document");
    assert_eq!(read(&written), first);
    assert_eq!(emit::json::write(&read(&written)).expect("a document"), written);
}

/// `text` is refused with just these problems.
#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let error = import::json::read(text).expect_err("a refusal");
    let found: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "for {text}");
}

#[test]
fn what_is_no_document_is_refused() {
    refused("", &["1:1: the file is empty; expected a deployment in `exeat.deployment/1`"]);
    refused(
        "{\"schema\": \"exeat.dep",
        &["1:21: the file is cut short: EOF while parsing a string; give it whole"],
    );
    refused(r#"{"schema":"exeat.deployment/1"} x"#, &["1:33: trailing characters"]);
    refused(
        r#"{"schema":"exeat.deployment/2"}"#,
        &[
            "1:2: expected the schema `exeat.deployment/1`, found `exeat.deployment/2` (at `/schema`)",
        ],
    );
    refused("{}", &["1:1: missing field `schema`"]);
    let deep = format!("{{\"schema\":{}", "[".repeat(1 << 20));
    refused(&deep, &["1:43: values are nested more than 32 deep"]);
}

/// As PowerShell writes it.
#[test]
fn a_byte_order_mark_before_a_document_is_passed_over() {
    assert_eq!(read(&["\u{feff}", &documented()].concat()), read(&documented()));
    let empty = "1:1: the file is empty; expected a deployment in `exeat.deployment/1`";
    refused("\u{feff}", &[empty]);
    refused("\u{feff}{}", &["1:1: missing field `schema`"]);
}

#[test]
fn an_unknown_field_is_refused_at_its_line() {
    refused(
        "{\"schema\":\"exeat.deployment/1\",\n \"ipGroups\":{\"a\":{\"ipAdresses\":[]}}}",
        &["2:19: unknown field `ipAdresses`, expected one of `scope`, `ours`, `ipAddresses` \
           (at `/ipGroups/a/ipAdresses`)"],
    );
}

/// Which of them a route leads to would depend on their names.
#[test]
fn two_firewalls_of_a_network_have_two_addresses() {
    let firewall = |address| format!(r#"{{"virtualNetwork":"v","privateIpAddress":"{address}"}}"#);
    let document = |second| {
        format!(
            r#"{{"schema":"exeat.deployment/1","virtualNetworks":{{"v":{{"addressSpace":["10.0.0.0/16"]}}}},
"azureFirewalls":{{"a":{},
"b":{}}}}}"#,
            firewall("10.0.0.4"),
            firewall(second)
        )
    };
    import::json::read(&document("10.0.0.5")).expect("two addresses");
    refused(
        &document("10.0.0.4"),
        &[
            "3:27: firewall `a` of `v` has this address, too (at `/azureFirewalls/b/privateIpAddress`)",
        ],
    );
}

#[test]
fn a_repeated_key_is_refused_though_serde_drops_it() {
    refused(
        "{\"schema\":\"exeat.deployment/1\",\"ipGroups\":{\"a\":{},\n\"a\":{}}}",
        &["2:1: the key is there twice; keep one of them (at `/ipGroups/a`)"],
    );
    refused(
        "{\"schema\":\"exeat.deployment/1\",\"ipGroups\":{\"A\":{},\n\"a\":{}}}",
        &["2:1: `a` is there twice; names that differ in case are one in Azure (at `/ipGroups/a`)"],
    );
}

/// A deployment in which every field has a value that is not its default.
fn complete() -> String {
    repository("tests/deployment/complete.json")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn a_document_without_defaults_is_written_as_it_was_read() {
    let written = emit::json::write(&read(&complete())).expect("a document");
    assert_eq!(json(&written), json(&complete()));
    assert_eq!(written, complete());
}

/// The part of `schema` that is for the parts of a value of `part`, references followed.
fn followed<'s>(schema: &'s Value, part: &'s Value) -> &'s Value {
    match part["$ref"].as_str() {
        Some(reference) => {
            let name = reference.strip_prefix("#/$defs/").expect("a definition");
            &schema["$defs"][name]
        }
        None => part,
    }
}

/// Why `value` does not fit `part`, as far as our schema goes; the properties that it has are added
/// to `used`.
fn misfit(
    schema: &Value,
    part: &Value,
    value: &Value,
    used: &mut BTreeSet<String>,
) -> Option<String> {
    let part = followed(schema, part);
    if let Some(choices) = part["oneOf"].as_array() {
        let kind = |choice: &&Value| {
            followed(schema, choice)["properties"]["kind"]["const"] == value["kind"]
        };
        let Some(choice) = choices.iter().find(kind) else {
            return Some(format!("no kind {value}"));
        };
        return misfit(schema, choice, value, used);
    }
    if part.get("const").is_some_and(|only| only != value) {
        return Some(format!("{value} is not {}", part["const"]));
    }
    if part["enum"].as_array().is_some_and(|values| !values.contains(value)) {
        return Some(format!("{value} is not in {}", part["enum"]));
    }
    match (part["type"].as_str(), value) {
        (None, _) | (Some("string"), Value::String(_)) | (Some("boolean"), Value::Bool(_)) => None,
        (Some("integer"), Value::Number(number)) => {
            let fits = number.as_i64() >= part["minimum"].as_i64()
                && number.as_i64() <= part["maximum"].as_i64();
            (!fits).then(|| format!("{number} is out of range"))
        }
        (Some("array"), Value::Array(items)) => {
            items.iter().find_map(|item| misfit(schema, &part["items"], item, used))
        }
        (Some("object"), Value::Object(object)) => {
            for required in part["required"].as_array().into_iter().flatten() {
                if !object.contains_key(required.as_str().expect("a name")) {
                    return Some(format!("{required} is missing in {value}"));
                }
            }
            object.iter().find_map(|(key, value)| match &part["properties"][key] {
                Value::Null if part["additionalProperties"].is_object() => {
                    misfit(schema, &part["additionalProperties"], value, used)
                }
                Value::Null => Some(format!("{key} is unknown")),
                property => {
                    used.insert(format!("{:p}", std::ptr::from_ref(property)));
                    misfit(schema, property, value, used)
                }
            })
        }
        (Some(expected), _) => Some(format!("{value} is no {expected}")),
    }
}

/// All properties of all objects in `part`: their addresses and names.
fn properties(part: &Value, into: &mut Vec<(String, String)>) {
    if let Some(object) = part["properties"].as_object() {
        for (name, property) in object {
            into.push((format!("{:p}", std::ptr::from_ref(property)), name.clone()));
        }
    }
    match part {
        Value::Object(object) => object.values().for_each(|value| properties(value, into)),
        Value::Array(items) => items.iter().for_each(|value| properties(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn schema() -> Value {
    json(&repository("docs/schemas/deployment-1.schema.json"))
}

#[test]
fn the_schema_has_just_the_fields_of_the_format() {
    let schema = schema();
    let mut used = BTreeSet::new();
    assert_eq!(misfit(&schema, &schema, &json(&complete()), &mut used), None);
    assert_eq!(misfit(&schema, &schema, &json(&documented()), &mut used), None);
    let mut all = Vec::new();
    properties(&schema, &mut all);
    let unused: Vec<&String> =
        all.iter().filter(|(place, _)| !used.contains(place)).map(|(_, name)| name).collect();
    assert_eq!(unused, [] as [&String; 0], "in the schema, and in no document");
}

/// Every object of `part` that stands at `at`, by JSON pointer.
fn objects(part: &Value, at: &str, into: &mut Vec<String>) {
    match part {
        Value::Object(object) => {
            into.push(at.to_owned());
            for (key, value) in object {
                objects(value, &format!("{at}/{key}"), into);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                objects(value, &format!("{at}/{index}"), into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn no_object_may_have_an_unknown_field_or_lack_a_required_one() {
    let schema = schema();
    let document = json(&complete());
    let mut places = Vec::new();
    objects(&document, "", &mut places);
    for place in places {
        let object = document.pointer(&place).expect("a place").as_object().expect("an object");
        let mut extended = document.clone();
        extended.pointer_mut(&place).expect("a place")["surprise"] = Value::Bool(true);
        assert!(import::json::read(&extended.to_string()).is_err(), "{place}/surprise was read");
        for key in object.keys() {
            let mut without = document.clone();
            let object = without.pointer_mut(&place).expect("a place").as_object_mut();
            object.expect("an object").remove(key);
            let misfits = misfit(&schema, &schema, &without, &mut BTreeSet::new());
            if let Some(misfit) = misfits {
                let read = import::json::read(&without.to_string());
                assert!(read.is_err(), "the schema says `{misfit}`, but it was read");
            }
        }
    }
}

/// The complete document with the text at `pointer` replaced.
fn with(pointer: &str, value: Value) -> String {
    let mut document = json(&complete());
    *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    document.to_string()
}

/// A row of `refused.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    at: String,
    value: Value,
    says: String,
}

/// `refused.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusals {
    case: Vec<Refusal>,
}

#[test]
fn each_wrong_value_is_refused_at_its_place() {
    let table = repository("tests/deployment/refused.toml");
    let table: Refusals = toml::from_str(&table).expect("a table");
    for Refusal { at, value, says } in table.case {
        let error = import::json::read(&with(&at, value)).expect_err(&at);
        let found: Vec<(String, &str)> = error
            .problems
            .iter()
            .map(|problem| (problem.place.to_string(), problem.message.as_str()))
            .collect();
        assert_eq!(found, [(at, says.as_str())]);
    }
}

#[test]
fn siblings_with_one_name_or_priority_are_refused() {
    let twins = |second: &str| {
        format!(
            r#"{{"schema":"exeat.deployment/1","firewallPolicies":{{"p":{{"ruleCollectionGroups":[
{{"name":"a","priority":100}},
{second}]}}}}}}"#
        )
    };
    refused(
        &twins(r#"{"name":"A","priority":101}"#),
        &["3:1: `A` is there twice; names that differ in case are one in Azure \
           (at `/firewallPolicies/p/ruleCollectionGroups/1`)"],
    );
    refused(
        &twins(r#"{"name":"b","priority":100}"#),
        &["3:13: the element 0 has the priority `100` too; their order would not be known \
           (at `/firewallPolicies/p/ruleCollectionGroups/1/priority`)"],
    );
}

#[test]
fn all_wrong_values_of_a_document_are_said_in_one_run() {
    refused(
        "{\"schema\":\"exeat.deployment/1\",\n\"ipGroups\":{\"a\":{\"ipAddresses\":[\n\"10.0.0.256\",\n\"10.0.0.1\",\n\"x\"]}}}",
        &[
            "3:1: expected an address, prefix, range `a-b` or `*`, found `10.0.0.256` \
             (at `/ipGroups/a/ipAddresses/0`)",
            "5:1: expected an address, prefix, range `a-b` or `*`, found `x` \
             (at `/ipGroups/a/ipAddresses/2`)",
        ],
    );
}

#[test]
fn a_field_of_another_kind_of_rule_is_refused() {
    let rules = "/firewallPolicies/fwp-egress/ruleCollectionGroups/0/ruleCollections/0/rules";
    let rule = serde_json::json!([{ "name": "r", "targetFqdns": [] }]);
    let error = import::json::read(&with(rules, rule)).expect_err("a refusal");
    let [problem] = error.problems.as_slice() else { panic!("{error}") };
    assert_eq!(problem.message, "rules of kind `network` have no field `targetFqdns`");
    assert_eq!(problem.place.to_string(), format!("{rules}/0/targetFqdns"));
}

proptest! {
    #![proptest_config(cases(128))]

    /// What is written reads back as the same deployment, and fits the schema.
    #[test]
    fn any_deployment_reads_back(deployment in deployments::deployments()) {
        let written = emit::json::write(&deployment).expect("a document");
        let found = import::json::read(&written).map_err(|error| error.to_string());
        prop_assert_eq!(found, Ok(deployment));
        let schema = schema();
        prop_assert_eq!(misfit(&schema, &schema, &json(&written), &mut BTreeSet::new()), None);
    }

    /// No text makes the reader panic, and what it reads it can write.
    #[test]
    fn a_damaged_document_is_refused_or_read(at in 0..6000_usize, byte in 32..127_u8, len in 0..9_usize) {
        let mut bytes = complete().into_bytes();
        let at = at.min(bytes.len());
        let end = (at + len).min(bytes.len());
        bytes.splice(at..end, [byte]);
        let text = String::from_utf8_lossy(&bytes);
        match import::json::read(&text) {
            Ok(deployment) => {
                let written = emit::json::write(&deployment).expect("a document");
                prop_assert_eq!(import::json::read(&written).map_err(|error| error.to_string()), Ok(deployment));
            }
            Err(error) => {
                prop_assert!(!error.problems.is_empty());
                for problem in error.problems {
                    prop_assert!(problem.offset <= text.len());
                }
            }
        }
    }
}

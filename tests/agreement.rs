//! The list and the deployment agree, from text to verdict, over lists and flows that are drawn
//! near one another's edges.
#![cfg(test)]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/egress.rs"]
mod egress;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::date;
use proptest::prelude::*;
use serde_json::Value;

use exeat::azure::Deployment;
use exeat::compile::Compiled;
use exeat::compile::Excess;
use exeat::compile::compile;
use exeat::diagnostic::FileId;
use exeat::diagnostic::Span;
use exeat::emit;
use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsRecord;
use exeat::evidence::Evidence;
use exeat::evidence::RecordType;
use exeat::evidence::ResponseCode;
use exeat::evidence::ServiceTags;
use exeat::evidence::Solicited;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::Observation;
use exeat::flow::Payload;
use exeat::import;
use exeat::intent::Destination;
use exeat::intent::Intent;
use exeat::intent::Origin;
use exeat::intent::permission::Addresses;
use exeat::intent::permission::StatementSpans;
use exeat::resolve::Options;
use exeat::resolve::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Decision;
use exeat::simulate::Environment;
use exeat::simulate::Judged;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use exeat::simulate::assumptions::Domain;
use exeat::simulate::assumptions::SETTINGS;
use exeat::syntax::format;
use exeat::syntax::parse;

use self::cases::cases;
use self::egress::Sentence;
use self::egress::file;

const TODAY: Date = date(2090, 1, 1);

fn now() -> Timestamp {
    "2090-01-01T12:00:00Z".parse().unwrap()
}

/// The list that `text` means; `None` where it has a mistake.
fn intent_of(text: &str) -> Option<Intent> {
    let mut read = |path: &Path| {
        if path == Path::new("list.egress") {
            Ok(text.as_bytes().to_vec())
        } else {
            Err(io::Error::from(io::ErrorKind::NotFound))
        }
    };
    resolve("list.egress", &mut read, &Options::default()).intent
}

fn compiled(text: &str) -> Option<(Intent, Compiled)> {
    let intent = intent_of(text)?;
    let compiled = compile(&intent, &Deployment::default(), TODAY).ok()?;
    Some((intent, compiled))
}

/// As many of `statements` as compile together, the earlier ones first.
fn compatible(statements: Vec<(String, Sentence)>) -> Vec<(String, Sentence)> {
    those_of(statements, |text| compiled(text).is_some())
}

/// As many of `statements` as are fine together, the earlier ones first.
fn those_of(
    statements: Vec<(String, Sentence)>,
    are_fine: impl Fn(&str) -> bool,
) -> Vec<(String, Sentence)> {
    let mut kept = Vec::new();
    for statement in statements {
        kept.push(statement);
        if !are_fine(&file(&kept)) {
            kept.pop();
        }
    }
    kept
}

/// Everything that can be known: each client was told each host's address by the firewall, and the
/// tags hold some of the addresses that flows go to.
fn all_evidence() -> Evidence {
    let mut evidence = Evidence::default();
    for client in egress::CLIENTS {
        for (name, address) in egress::HOSTS {
            let name = Fqdn::parse(name).unwrap();
            let address: IpAddr = address.parse().unwrap();
            evidence.timeline.add(&DnsAnswer {
                at: now(),
                client: client.parse().unwrap(),
                server: "10.0.1.4".parse().unwrap(),
                solicited: Solicited::Unsaid,
                question: name.clone(),
                asked: RecordType::A,
                code: ResponseCode::NO_ERROR,
                records: vec![DnsRecord::Address { owner: name, address, ttl: 300 }],
            });
        }
    }
    let tag = |name: &str, region: &str, prefix: &str| {
        serde_json::json!({"name": name, "id": name, "properties": {
            "changeNumber": 1, "region": region, "platform": "Azure", "systemService": "",
            "addressPrefixes": [prefix], "networkFeatures": []}})
    };
    let document = serde_json::json!({"changeNumber": 1, "cloud": "Public", "values": [
        tag("Storage", "", "203.0.113.0/24"),
        tag("Storage.WestEurope", "westeurope", "203.0.113.0/25"),
        tag("AzureCloud.centralfrance", "centralfrance", "198.51.100.0/24"),
    ]});
    evidence.service_tags = Some(ServiceTags::read(document.to_string().as_bytes()).unwrap());
    evidence
}

/// Every setting in both readings.
fn all_readings() -> Assumptions {
    let mut assumptions = Assumptions::default();
    for setting in SETTINGS {
        if matches!(setting.domain, Domain::Readings(..)) {
            assumptions.set(&format!("{}=both", setting.key)).unwrap();
        }
    }
    assumptions
}

/// Whether the firewall is asked about the flow at all.
fn is_judged(decision: &Decision) -> bool {
    match decision.verdict {
        Verdict::Allow | Verdict::Deny | Verdict::Undetermined => true,
        Verdict::Bypass | Verdict::Local | Verdict::Platform => false,
    }
}

/// What the list says if no deny counts that the permission behind this decision may pass: its mark
/// accepted that it defeats them. Where no rule was settled on, any permission may stand behind it.
fn judge_with_marks(
    (intent, compiled): &(Intent, Compiled),
    decision: &Decision,
    seen: &Observation,
    environment: &Environment<'_>,
) -> Judged {
    let origin = decision.rule.as_ref().and_then(|rule| compiled.deployment.origins.get(rule));
    let may_speak = |excess: &&Excess| origin.is_none_or(|from| from.label == excess.permission);
    let defeated: BTreeSet<&String> =
        compiled.excess.iter().filter(may_speak).flat_map(|excess| &excess.defeats).collect();
    let mut marked = intent.clone();
    marked.denies.retain(|deny| !defeated.contains(&deny.label));
    marked.judge_on(TODAY, seen, environment)
}

/// Whether a firewall can hold the flow against names: one without a name is dropped whatever the
/// rules say (`azure-firewall.md §2.5`). In replay that is a breakage which the client has to mend,
/// and no list.
fn is_readable(flow: &Flow) -> bool {
    match &flow.payload {
        Payload::Tls { name, .. } | Payload::Mssql { name } => name.is_some(),
        Payload::Http(request) => request.host.is_some(),
        Payload::Silent | Payload::Other | Payload::Quic { .. } => true,
    }
}

/// What is wrong between the two answers for `flow`, if anything is.
fn disagreement(
    list: &(Intent, Compiled),
    simulator: &Simulator<'_>,
    flow: &Flow,
    environment: &Environment<'_>,
    every_reading: bool,
) -> Option<String> {
    let seen = Observation::from(flow.clone());
    let judged = list.0.judge_on(TODAY, &seen, environment);
    let decision = simulator.judge(&seen, environment);
    if !is_judged(&decision) {
        return None;
    }
    let with_marks = judge_with_marks(list, &decision, &seen, environment);
    let told = |what: &str| {
        Some(format!(
            "{what}: {flow}\n{:?} {} {:?}\nmissing {:?}\nlist {judged:?}",
            decision.verdict, decision.reason, decision.rule, decision.missing
        ))
    };
    if with_marks.permitted == Some(false) && decision.verdict != Verdict::Deny {
        return told("may leave, and the list does not permit it");
    }
    if decision.verdict == Verdict::Allow && with_marks.permitted != Some(true) {
        return told("leaves, and it is not settled that the list permits it");
    }
    // Of a request that no application rule takes, only what is required by address leaves.
    let must_leave = judged.required == Some(true)
        && (is_readable(flow) || {
            let unread = Observation::from(Flow { payload: Payload::Other, ..flow.clone() });
            list.0.judge_on(TODAY, &unread, environment).required == Some(true)
        });
    if must_leave {
        if decision.verdict == Verdict::Deny {
            return told("does not leave, and the list requires it");
        }
        if decision.verdict != Verdict::Allow && !every_reading {
            return told("may not leave, and the list requires it");
        }
    }
    if judged.required == Some(true) && judged.permitted != Some(true) {
        return told("the list requires what it does not permit");
    }
    None
}

/// Both answers for every flow, in an environment where all is known and in those where nothing is.
fn all_disagreements(list: &(Intent, Compiled), flows: &[Flow]) -> Vec<String> {
    let simulator = Simulator::new(&list.1.deployment).unwrap();
    let (all, none) = (all_evidence(), Evidence::default());
    let (usual, both) = (Assumptions::default(), all_readings());
    let mut found = Vec::new();
    for (name, evidence, assumptions, every_reading) in [
        ("all known", &all, &usual, false),
        ("nothing known", &none, &usual, false),
        ("all known, both readings", &all, &both, true),
        ("nothing known, both readings", &none, &both, true),
    ] {
        let environment = Environment { evidence, assumptions, at: now() };
        found.extend(flows.iter().filter_map(|flow| {
            let wrong = disagreement(list, &simulator, flow, &environment, every_reading)?;
            Some(format!("[{name}] {wrong}"))
        }));
    }
    found
}

/// The list without what its layout alone decides: where each part stands, and in which words.
fn without_layout(mut intent: Intent) -> Intent {
    const NOWHERE: StatementSpans = StatementSpans {
        label: Span::NONE,
        sources: Span::NONE,
        destinations: Span::NONE,
        services: Span::NONE,
    };
    let nowhere = |origin: &mut Origin| origin.span = Span::NONE;
    let wordless = |sources: &mut Addresses, destinations: &mut [Destination]| {
        sources.written.clear();
        for destination in destinations {
            if let Destination::Addresses(addresses) = destination {
                addresses.written.clear();
            }
        }
    };
    for permission in &mut intent.permissions {
        permission.spans = NOWHERE;
        nowhere(&mut permission.origin);
        wordless(&mut permission.sources, &mut permission.destinations);
    }
    for deny in &mut intent.denies {
        deny.spans = NOWHERE;
        nowhere(&mut deny.origin);
        wordless(&mut deny.sources, &mut deny.destinations);
    }
    for network in &mut intent.topology.networks {
        nowhere(&mut network.origin);
        network.subnets.iter_mut().for_each(|subnet| nowhere(&mut subnet.origin));
    }
    intent.topology.firewalls.iter_mut().for_each(|firewall| nowhere(&mut firewall.origin));
    intent
}

/// The elements of lists that `longer` has and `shorter` lacks, each with the path of its list; a
/// difference of another kind is an element `null`.
fn insertions(path: &str, shorter: &Value, longer: &Value, found: &mut Vec<(String, Value)>) {
    match (shorter, longer) {
        (Value::Array(less), Value::Array(more)) if less.len() == more.len() => {
            for (index, (a, b)) in less.iter().zip(more).enumerate() {
                insertions(&format!("{path}/{index}"), a, b, found);
            }
        }
        (Value::Array(less), Value::Array(more)) => {
            let mut less = less.iter().peekable();
            for element in more {
                if less.next_if_eq(&element).is_none() {
                    found.push((path.to_owned(), element.clone()));
                }
            }
            if less.next().is_some() {
                found.push((path.to_owned(), Value::Null));
            }
        }
        (Value::Object(less), Value::Object(more)) if less.keys().eq(more.keys()) => {
            for ((key, a), b) in less.iter().zip(more.values()) {
                insertions(&format!("{path}/{key}"), a, b, found);
            }
        }
        (a, b) => {
            if a != b {
                found.push((path.to_owned(), Value::Null));
            }
        }
    }
}

/// Where [`written`] has the model's own JSON.
const OWN_MODEL: &str = "deployment.json";

/// What is written for a deployment, by the file's name: ARM templates, and the model's own JSON.
fn written(deployment: &Deployment) -> BTreeMap<String, Value> {
    let own = emit::json::write(deployment).unwrap();
    let files = emit::arm::write(deployment).unwrap();
    let mut all: BTreeMap<String, Value> = files
        .into_iter()
        .map(|file| {
            let text = Value::String(file.text.clone());
            (file.path, serde_json::from_str(&file.text).unwrap_or(text))
        })
        .collect();
    all.insert(OWN_MODEL.to_owned(), serde_json::from_str(&own).unwrap());
    all
}

/// A statement of each kind that a list is made for, so that no list begins or ends to be.
fn anchors() -> Vec<(String, Sentence)> {
    Sentence::ANCHORS
        .iter()
        .zip("abcd".chars())
        .map(|(s, c)| (format!("t{c}"), s.clone()))
        .collect()
}

fn name_of(rule: &Value) -> Option<&str> {
    ["name", "label"].iter().find_map(|key| rule.get(key)).and_then(Value::as_str)
}

proptest! {
    #![proptest_config(cases(24))]

    /// The square.
    #[test]
    fn what_leaves_is_permitted_and_what_is_required_leaves(
        drawn in egress::statements(12),
        flows in egress::flows(40),
    ) {
        let text = file(&compatible(drawn));
        let list = compiled(&text).unwrap();
        let found = all_disagreements(&list, &flows.0);
        prop_assert!(found.is_empty(), "{}\n{}", text, found.join("\n\n"));
    }

    #[test]
    fn the_order_of_statements_means_nothing(
        (drawn, shuffled) in egress::statements(12).prop_map(compatible).prop_flat_map(|kept| {
            (Just(kept.clone()), Just(kept).prop_shuffle())
        }),
        flows in egress::flows(20),
    ) {
        let (intent, straight) = compiled(&file(&drawn)).unwrap();
        let (mixed_intent, mixed) = compiled(&file(&shuffled)).unwrap();
        prop_assert_eq!(&straight.deployment, &mixed.deployment);
        prop_assert_eq!(&straight.excess, &mixed.excess);
        let (evidence, assumptions) = (all_evidence(), Assumptions::default());
        let environment = Environment { evidence: &evidence, assumptions: &assumptions, at: now() };
        let simulator = Simulator::new(&straight.deployment).unwrap();
        let other = Simulator::new(&mixed.deployment).unwrap();
        for flow in flows.0 {
            let seen = Observation::from(flow);
            let (a, b) = (intent.judge(&seen, &environment), mixed_intent.judge(&seen, &environment));
            prop_assert_eq!((a.required, a.permitted), (b.required, b.permitted), "{}", &seen);
            prop_assert_eq!(simulator.judge(&seen, &environment), other.judge(&seen, &environment));
        }
    }

    #[test]
    fn a_deny_holds_whatever_is_added(
        denies in prop::collection::vec(egress::deny(), 1..4),
        added in egress::statements(10),
        flows in egress::flows(30),
    ) {
        let denies = denies.into_iter().enumerate().map(|(n, deny)| (format!("d{n}"), deny));
        let mut kept = compatible(denies.collect());
        let (all, none) = (all_evidence(), Evidence::default());
        let both = all_readings();
        for statement in std::iter::once(None).chain(added.into_iter().map(Some)) {
            kept.extend(statement.clone());
            let Some(list) = compiled(&file(&kept)) else {
                kept.pop();
                continue;
            };
            let simulator = Simulator::new(&list.1.deployment).unwrap();
            for evidence in [&all, &none] {
                let environment = Environment { evidence, assumptions: &both, at: now() };
                for flow in &flows.0 {
                    let seen = Observation::from(flow.clone());
                    let judged = list.0.judge_on(TODAY, &seen, &environment);
                    if judged.denied_by.is_none() {
                        continue;
                    }
                    prop_assert_eq!(judged.permitted, Some(false), "{}\n{}", file(&kept), flow);
                    let decision = simulator.judge(&seen, &environment);
                    if is_judged(&decision) && decision.verdict != Verdict::Deny {
                        let with_marks = judge_with_marks(&list, &decision, &seen, &environment);
                        prop_assert_ne!(
                            with_marks.permitted, Some(false),
                            "{}\n{}\n{:?}", file(&kept), flow, decision.rule
                        );
                    }
                }
                }
        }
    }

    #[test]
    fn a_deployment_written_and_read_back_decides_the_same(
        drawn in egress::statements(12),
        flows in egress::flows(10),
    ) {
        let (_, compiled) = compiled(&file(&compatible(drawn))).unwrap();
        let text = emit::json::write(&compiled.deployment).unwrap();
        let back = import::json::read(&text).unwrap();
        prop_assert_eq!(&emit::json::write(&back).unwrap(), &text);
        let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
        let environment = Environment { evidence: &evidence, assumptions: &assumptions, at: now() };
        let first = Simulator::new(&compiled.deployment).unwrap();
        let second = Simulator::new(&back).unwrap();
        for flow in flows.0 {
            let seen = Observation::from(flow);
            prop_assert_eq!(first.judge(&seen, &environment), second.judge(&seen, &environment));
        }
    }

    #[test]
    fn a_formatted_list_means_the_same(drawn in egress::statements(12)) {
        let text = file(&those_of(drawn, |text| intent_of(text).is_some()));
        let (ast, findings) = parse(FileId::NONE, &text);
        prop_assert!(findings.is_empty());
        let formatted = format(&ast).unwrap();
        let intent = intent_of(&text).map(without_layout);
        prop_assert!(intent.is_some());
        prop_assert_eq!(intent_of(&formatted).map(without_layout), intent);
    }
}

proptest! {
    // As many as the contract of this law names.
    #![proptest_config(cases(200))]

    #[test]
    fn one_statement_more_or_less_changes_only_its_own_elements(
        drawn in egress::statements(6),
        index in any::<prop::sample::Index>(),
    ) {
        let mut kept = anchors();
        kept.extend(drawn);
        let mut kept = compatible(kept);
        let fixed = anchors().len();
        prop_assume!(kept.len() > fixed);
        let with = compiled(&file(&kept)).unwrap().1.deployment;
        let (label, sentence) = kept.remove(fixed + index.index(kept.len() - fixed));
        let without = compiled(&file(&kept)).expect("one less is no mistake").1.deployment;

        let (with, without) = (written(&with), written(&without));
        prop_assert!(with.keys().eq(without.keys()));
        let except = format!("{label}_except");
        let is_its_own = |(_, element): &(String, Value)| {
            name_of(element).is_some_and(|name| name == label || name == except)
        };
        let is_closing = |(path, _): &(String, Value)| path.ends_with("/protocols");
        let mut emitted = Vec::new();
        for ((name, longer), shorter) in with.iter().zip(without.values()) {
            let mut found = Vec::new();
            insertions("", shorter, longer, &mut found);
            // The first permission on a port adds it to the last deny.
            let (closing, found): (Vec<_>, Vec<_>) = found.into_iter().partition(is_closing);
            prop_assert!(closing.iter().all(|(path, _)| *path == closing[0].0), "{closing:?}");
            prop_assert!(found.iter().all(is_its_own), "{name}: {found:?}");
            if name == OWN_MODEL {
                let (origins, rules): (Vec<_>, Vec<_>) =
                    found.iter().partition(|(path, _)| path == "/origins");
                let elements = sentence.elements();
                prop_assert_eq!((rules.len(), origins.len()), (elements, elements));
            } else {
                emitted.extend(found.into_iter().map(|(path, _)| format!("{name}{path}")));
            }
        }
        prop_assert_eq!(emitted.len(), sentence.elements(), "{:?}", &emitted);
        let groups: BTreeSet<Option<&str>> =
            emitted.iter().map(|path| Some(path.split_once("/ruleCollections")?.0)).collect();
        prop_assert!(groups.len() <= 1 && !groups.contains(&None), "{emitted:?}");
    }
}

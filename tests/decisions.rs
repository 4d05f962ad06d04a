//! The decision corpus: what becomes of a flow, case by case. The cases are data, and name nothing
//! of this program but its words, so that another one could be held to them.
//!
//! Each file of `decisions/` holds `[deployment.NAME]`s and `[[case]]`s. A case's `deployment` is
//! such a name, or that of a file beside it. What a case does not state is not known; `given` states
//! it, in the words in which it would be missing. `assume` of the file counts for each of its cases.
//! `expect` is the verdict, the reason and the rule, or what is missing; `route`, `peer`, `notes`,
//! `no-notes`, `stages` and `depends` are compared where they stand.
//! A `[[refused]]` is a deployment that cannot be read, with a part of the message.
#![cfg(test)]

#[path = "square/assignments.rs"]
mod assignments;
#[path = "support/engines.rs"]
mod engines;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;

use exeat::azure::Deployment;
use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsRecord;
use exeat::evidence::Evidence;
use exeat::evidence::RecordType;
use exeat::evidence::ResponseCode;
use exeat::evidence::ServiceTags;
use exeat::evidence::Solicited;
use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::flow::Fqdn;
use exeat::flow::Observation;
use exeat::flow::SeenPayload;
use exeat::flow::notation::FlowText;
use exeat::flow::set::flows::FlowSet;
use exeat::import;
use exeat::prove::FlowAtom;
use exeat::prove::Outcomes;
use exeat::simulate::Assumptions;
use exeat::simulate::Decision;
use exeat::simulate::Environment;
use exeat::simulate::Reason;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use exeat::simulate::connection::Sessions;
use exeat::simulate::decision::Peer;
use exeat::simulate::environment::Answer;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use self::assignments::Assignment;
use self::assignments::TooMany;
use self::assignments::under_every_assignment;
use self::engines::Asked;
use self::engines::Engines;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    #[serde(default)]
    assume: Vec<String>,
    #[serde(default, rename = "deployment")]
    deployments: BTreeMap<String, Inline>,
    #[serde(default, rename = "case")]
    cases: Vec<Case>,
    #[serde(default)]
    refused: Vec<Refused>,
}

/// A deployment (`exeat.deployment/1`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inline {
    json: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    name: String,
    /// The section that says so.
    source: String,
    deployment: String,
    flow: String,
    #[serde(default = "noon")]
    at: String,
    /// Flows of the same sessions before it.
    #[serde(default)]
    after: Vec<Earlier>,
    /// Prefixes by tag.
    service_tags: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    dns: Vec<DnsCase>,
    #[serde(default)]
    given: BTreeMap<String, bool>,
    #[serde(default)]
    assume: Vec<String>,
    expect: String,
    route: Option<String>,
    peer: Option<String>,
    /// Notes that are among those of the decision.
    #[serde(default)]
    notes: Vec<String>,
    /// Notes that are not.
    #[serde(default)]
    no_notes: Vec<String>,
    /// The stages of its trace, in order.
    stages: Option<Vec<String>>,
    /// The assumptions that the decision says it depends on.
    depends: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    at: String,
    flow: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DnsCase {
    #[serde(default = "noon")]
    at: String,
    client: IpAddr,
    server: IpAddr,
    name: String,
    #[serde(default)]
    addresses: Vec<IpAddr>,
    /// Seconds.
    #[serde(default)]
    ttl: u32,
    #[serde(default)]
    rcode: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    name: String,
    source: String,
    deployment: String,
    message: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decisions")
}

/// The files of the corpus, by name.
fn corpora() -> BTreeMap<String, Corpus> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let cases = files.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let corpus = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, corpus)
    };
    cases.map(read).collect()
}

impl Corpus {
    /// The JSON of the deployment called `name`.
    fn text(&self, name: &str) -> String {
        match self.deployments.get(name) {
            Some(inline) => inline.json.clone(),
            None => fs::read_to_string(folder().join(name))
                .unwrap_or_else(|error| panic!("deployment `{name}`: {error}")),
        }
    }

    fn deployment(&self, name: &str) -> Deployment {
        import::json::read(&self.text(name))
            .unwrap_or_else(|error| panic!("deployment `{name}`: {error}"))
    }

    fn assumptions(&self, case: &Case) -> Assumptions {
        let mut assumptions = Assumptions::default();
        for text in self.assume.iter().chain(&case.assume) {
            assumptions.set(text).unwrap();
        }
        assumptions
    }
}

impl Case {
    fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::default();
        for answer in &self.dns {
            evidence.timeline.add(&answer.read());
        }
        evidence.service_tags = self.service_tags.as_ref().map(|tags| {
            let entry = |(name, prefixes)| {
                let properties = json!({ "region": "", "addressPrefixes": prefixes });
                json!({ "name": name, "properties": properties })
            };
            let values: Vec<_> = tags.iter().map(entry).collect();
            let document = json!({ "changeNumber": 1, "cloud": "Public", "values": values });
            ServiceTags::read(document.to_string().as_bytes()).unwrap()
        });
        evidence
    }

    /// What `simulator` says.
    fn decide(&self, simulator: &Simulator<'_>, assumptions: &Assumptions) -> Decision {
        let evidence = self.evidence();
        let environment = |at: &str| Environment { evidence: &evidence, assumptions, at: time(at) };
        let now = environment(&self.at);
        if !self.given.is_empty() {
            let proxies = simulator.dns_proxies(assumptions);
            let mut known = |atom: &Atom| match self.given.get(&atom.to_string()) {
                Some(truth) => Answer { truth: Some(*truth), assumption: None },
                None => now.answer(atom, &proxies),
            };
            return simulator.judge_with(&observation(&self.flow), assumptions, &mut known);
        }
        if self.after.is_empty() {
            return simulator.judge(&observation(&self.flow), &now);
        }
        let mut sessions = Sessions::default();
        for earlier in &self.after {
            sessions.judge(simulator, &observation(&earlier.flow), &environment(&earlier.at));
        }
        sessions.judge(simulator, &observation(&self.flow), &now)
    }

    /// What of the decision is not as expected.
    fn mismatches(&self, decision: &Decision) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, expected: &str, actual: String| {
            if expected != actual {
                found.push(format!("{what}: expected `{expected}`, found `{actual}`"));
            }
        };
        compare("decision", &self.expect, summary(decision));
        if let Some(expected) = &self.route {
            compare(
                "route",
                expected,
                decision.route.as_ref().map(ToString::to_string).unwrap_or_default(),
            );
        }
        if let Some(expected) = &self.peer {
            compare("peer", expected, peer(&decision.peer));
        }
        if let Some(expected) = &self.stages {
            let stages: Vec<&str> =
                decision.trace.iter().map(|step| step.stage.keyword()).collect();
            compare("stages", &expected.join(", "), stages.join(", "));
        }
        if let Some(expected) = &self.depends {
            let used = decision.assumptions.iter();
            let used: Vec<String> = used.map(|a| format!("{}={}", a.key, a.value)).collect();
            compare("depends", &expected.join(", "), used.join(", "));
        }
        let notes: BTreeSet<String> = decision.notes.iter().map(ToString::to_string).collect();
        let absent = self.notes.iter().filter(|note| !notes.contains(*note));
        found.extend(absent.map(|note| format!("note `{note}`: found {notes:?}")));
        let unwanted = self.no_notes.iter().filter(|note| notes.contains(*note));
        found.extend(unwanted.map(|note| format!("note `{note}`: not expected")));
        found
    }
}

impl DnsCase {
    fn read(&self) -> DnsAnswer {
        let name = Fqdn::parse(&self.name).unwrap();
        let record = |address: &IpAddr| DnsRecord::Address {
            owner: name.clone(),
            address: *address,
            ttl: self.ttl,
        };
        DnsAnswer {
            at: time(&self.at),
            client: self.client,
            server: self.server,
            solicited: Solicited::Unsaid,
            question: name.clone(),
            asked: self.addresses.first().copied().map_or(RecordType::A, RecordType::of),
            code: ResponseCode(self.rcode),
            records: self.addresses.iter().map(record).collect(),
        }
    }
}

/// The time of what states none.
fn noon() -> String {
    "2026-03-01T12:00:00Z".to_owned()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

fn observation(text: &str) -> Observation {
    let flow = FlowText::parse(text).unwrap_or_else(|error| panic!("`{text}`: {error}"));
    flow.to_observation().unwrap_or_else(|| panic!("`{text}`: expected two addresses"))
}

/// The decision in the words of `expect`.
fn summary(decision: &Decision) -> String {
    let mut text = decision.verdict.to_string();
    if decision.reason != Reason::EvidenceMissing {
        write!(text, " {}", decision.reason).unwrap();
    }
    if let Some(rule) = &decision.rule {
        write!(text, " by {rule}").unwrap();
    }
    if !decision.missing.is_empty() {
        let missing: Vec<String> = decision.missing.iter().map(ToString::to_string).collect();
        write!(text, " missing {}", missing.join("; ")).unwrap();
    }
    text
}

fn peer(peer: &Peer) -> String {
    match peer {
        Peer::Nobody => "nobody".to_owned(),
        Peer::Destination => "destination".to_owned(),
        Peer::Address(address) => format!("address {address}"),
        Peer::Answer(host) => format!("answer {host}"),
        Peer::AnswerOrDestination(host) => format!("answer {host} or destination"),
    }
}

#[test]
fn each_flow_is_decided_as_its_case_says() {
    let mut report = String::new();
    for (file, corpus) in corpora() {
        for case in &corpus.cases {
            let deployment = corpus.deployment(&case.deployment);
            let engines = Engines::of(&deployment);
            let decision = case.decide(&engines.slow, &corpus.assumptions(case));
            let mut mismatches = case.mismatches(&decision);
            let fast = case.decide(&engines.slow.indexed(), &corpus.assumptions(case));
            if fast != decision {
                mismatches.push(format!("the fast engine: {fast:#?}"));
            }
            if mismatches.is_empty() {
                continue;
            }
            writeln!(report, "\n{file}: {} ({})\n  {}", case.name, case.source, case.flow).unwrap();
            for mismatch in mismatches {
                writeln!(report, "  {mismatch}").unwrap();
            }
            for step in &decision.trace {
                let (looked_at, result) = (&step.looked_at, &step.result);
                let stage = step.stage.keyword();
                writeln!(report, "    {stage}: {looked_at}: {result} ({})", step.section).unwrap();
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// The verdicts in whose sets the prover has `flow`; none is *deny*.
fn proved(outcomes: &Outcomes, flow: &Flow, holds: &dyn Fn(&Atom) -> bool) -> Vec<Verdict> {
    let sets = [
        (Verdict::Allow, &outcomes.allow),
        (Verdict::Bypass, &outcomes.bypass),
        (Verdict::Local, &outcomes.local),
        (Verdict::Platform, &outcomes.platform),
        (Verdict::Undetermined, &outcomes.unjudged),
    ];
    let has = |set: &FlowSet<FlowAtom>| {
        set.contains(flow, |atom| atom.at(flow).is_some_and(|atom| holds(&atom)))
    };
    sets.into_iter().filter(|(_, set)| has(set)).map(|(verdict, _)| verdict).collect()
}

#[test]
fn the_sets_of_all_flows_hold_each_flow_under_each_assignment_as_it_is_decided() {
    let mut report = String::new();
    let mut compared = 0;
    let mut asked = Asked::default();
    for (file, corpus) in corpora() {
        for case in &corpus.cases {
            let observation = observation(&case.flow);
            let SeenPayload::Exactly(payload) = &observation.payload else { continue };
            if !case.dns.is_empty() {
                continue;
            }
            let flow = Flow {
                source: observation.source,
                source_port: observation.source_port.unwrap_or(0),
                destination: observation.destination,
                destination_port: observation.destination_port,
                protocol: observation.protocol,
                payload: payload.clone(),
            };
            let deployment = corpus.deployment(&case.deployment);
            let engines = Engines::of(&deployment);
            let simulator = &engines.slow;
            let (evidence, assumptions) = (case.evidence(), corpus.assumptions(case));
            let at = time(&case.at);
            let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
            let outcomes = match exeat::prove::outcomes(simulator, &evidence, &assumptions, 1 << 20)
            {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    writeln!(report, "\n{file}: {}: {error}", case.name).unwrap();
                    continue;
                }
            };
            let known = |atom: &Atom| environment.answer(atom, &[]).truth;
            let decide = |oracle: &mut dyn FnMut(&Atom) -> bool| {
                let mut asked = |atom: &Atom| known(atom).unwrap_or_else(|| oracle(atom));
                simulator.decide(&flow, &mut asked)
            };
            let found =
                under_every_assignment(&Assignment::new(), 1 << 12, decide, |held, decision| {
                    compared += 1;
                    let holds = |atom: &Atom| {
                        held.get(atom).copied().or_else(|| known(atom)).unwrap_or(false)
                    };
                    let expected = match decision.verdict {
                        Verdict::Deny => Vec::new(),
                        verdict => vec![verdict],
                    };
                    let (_, differs) = engines.compare(&flow, &mut |atom| holds(atom), &mut asked);
                    if differs.is_some() {
                        return Ok(differs);
                    }
                    let found = proved(&outcomes, &flow, &holds);
                    Ok((found != expected).then(|| {
                        let steps = decision.trace.iter().map(|step| {
                            format!(
                                "    {}: {}: {}",
                                step.stage.keyword(),
                                step.looked_at,
                                step.result
                            )
                        });
                        let steps = steps.collect::<Vec<_>>().join("\n");
                        format!(
                            "{} {} not {found:?}\n  {held:?}\n{steps}",
                            decision.verdict, decision.reason
                        )
                    }))
                });
            match found {
                Ok(None) => {}
                Ok(Some(found)) => {
                    writeln!(
                        report,
                        "\n{file}: {} ({})\n  {flow}\n  {found}",
                        case.name, case.source
                    )
                    .unwrap();
                }
                Err(TooMany) => writeln!(report, "\n{file}: {}: too many", case.name).unwrap(),
            }
        }
    }
    assert!(report.is_empty(), "{report}");
    assert!(compared > 250, "only {compared} were compared");
}

#[test]
fn each_refused_deployment_is_refused_with_its_message() {
    let mut report = String::new();
    for (file, corpus) in corpora() {
        for case in &corpus.refused {
            let found = match import::json::read(&corpus.text(&case.deployment)) {
                Ok(_) => "no error".to_owned(),
                Err(error) if error.to_string().contains(&case.message) => continue,
                Err(error) => error.to_string(),
            };
            let (name, source) = (&case.name, &case.source);
            writeln!(report, "{file}: {name} ({source}): found {found}").unwrap();
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn each_case_has_a_name_of_its_own_and_no_deployment_is_idle() {
    let mut names = BTreeSet::new();
    for (file, corpus) in corpora() {
        let cases = corpus.cases.iter().map(|case| (&case.name, &case.deployment));
        let refused = corpus.refused.iter().map(|case| (&case.name, &case.deployment));
        let mut used = BTreeSet::new();
        for (name, deployment) in cases.chain(refused) {
            assert!(names.insert(name.clone()), "{file}: `{name}` is there twice");
            used.insert(deployment);
        }
        for deployment in corpus.deployments.keys() {
            assert!(used.contains(deployment), "{file}: nothing asks deployment `{deployment}`");
        }
    }
}

#[test]
fn each_conformance_vector_of_the_reference_has_a_case() {
    let corpora = corpora();
    let cases = || corpora.values().flat_map(|corpus| &corpus.cases).map(|case| &case.source);
    let refused = corpora.values().flat_map(|corpus| &corpus.refused).map(|case| &case.source);
    let sources: BTreeSet<&String> = cases().chain(refused).collect();
    for (table, count) in [("azure-firewall.md §10.5", 18), ("azure-routing.md §13.1", 16)] {
        for number in 1..=count {
            let source = format!("{table} #{number}");
            assert!(sources.contains(&source), "no case for {source}");
        }
    }
}

//! Laws of decisions over random policies, and of lists over random statements.
#![cfg(test)]

#[path = "support/list.rs"]
mod list;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::IpAddr;

use exeat::azure::Deployment;
use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsRecord;
use exeat::evidence::Evidence;
use exeat::evidence::RecordType;
use exeat::evidence::ResponseCode;
use exeat::evidence::Solicited;
use exeat::flow::Atom;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Observation;
use exeat::flow::Payload;
use exeat::flow::PayloadKind;
use exeat::flow::Request;
use exeat::flow::SeenPayload;
use exeat::import;
use exeat::intent::Deny;
use exeat::intent::Intent;
use exeat::intent::Permission;
use exeat::intent::Requirement;
use exeat::intent::topology::Tier;
use exeat::simulate::Assumptions;
use exeat::simulate::Decision;
use exeat::simulate::Environment;
use exeat::simulate::IndexedIntent;
use exeat::simulate::Judged;
use exeat::simulate::Missing;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use exeat::simulate::environment::Answer;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::date;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use serde_json::json;

use self::list::APPS;
use self::list::SYSTEM;
use self::list::allow;
use self::list::allow_by_address;
use self::list::deny;
use self::list::hub_and_spoke;

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 8, 4));
const DESTINATION: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(20, 1, 2, 3));
const NAMES: [&str; 5] =
    ["a.example.com", "b.a.example.com", "example.com", "evilexample.com", "unnamed-0"];

// Policies, as `exeat.deployment/1`.

fn network_rules() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"ipProtocols": ["TCP"], "destinationAddresses": ["Storage"], "destinationPorts": ["443"]}),
        json!({"ipProtocols": ["TCP"], "destinationAddresses": ["Storage.WestEurope"], "destinationPorts": ["*"]}),
        json!({"ipProtocols": ["Any"], "destinationAddresses": ["Sql", "Storage.WestEurope"], "destinationPorts": ["443", "8080"]}),
        json!({"ipProtocols": ["TCP", "UDP"], "destinationFqdns": ["a.example.com"], "destinationPorts": ["1-65535"]}),
        json!({"ipProtocols": ["UDP"], "destinationAddresses": ["*"], "destinationPorts": ["443"]}),
        json!({"ipProtocols": ["TCP"], "destinationAddresses": ["20.1.0.0/16"], "destinationPorts": ["80"]}),
    ])
}

fn application_rules() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"protocols": ["Https:443"], "targetFqdns": ["a.example.com"]}),
        json!({"protocols": ["Https:443", "Http:80"], "targetFqdns": ["*.example.com"]}),
        json!({"protocols": ["Http:80", "Http:8080"], "targetFqdns": ["*example.com"]}),
        json!({"protocols": ["Https:443"], "targetFqdns": ["*"]}),
        json!({"protocols": ["Https:443", "Http:80"], "fqdnTags": ["WindowsUpdate"]}),
        json!({"protocols": ["Mssql:1433"], "targetFqdns": ["*.example.com"]}),
        json!({"protocols": ["Http:80"], "targetUrls": ["a.example.com/test/*"]}),
        json!({"protocols": ["Https:443"], "targetUrls": ["*.example.com/x*"], "terminateTLS": true}),
    ])
}

fn deployments() -> impl Strategy<Value = Deployment> {
    deployments_before(None)
}

/// Deployments whose last application rule is `last`.
fn deployments_before(last: Option<Value>) -> impl Strategy<Value = Deployment> {
    let one = |rules: BoxedStrategy<Value>| (any::<bool>(), rules);
    let network = vec(one(network_rules().boxed()), 0..4);
    let application = vec(one(application_rules().boxed()), 0..4);
    (network, application, any::<bool>()).prop_map(move |(network, mut application, allows)| {
        application.extend(last.clone().map(|rule| (allows, rule)));
        let listed = network.into_iter().map(|rule| ("network", rule));
        let listed = listed.chain(application.into_iter().map(|rule| ("application", rule)));
        let collections: Vec<Value> = listed
            .enumerate()
            .map(|(index, (kind, (allows, mut rule)))| {
                rule["name"] = json!("r");
                rule["sourceAddresses"] = json!(["10.1.0.0/16"]);
                json!({
                    "name": format!("c{index}"), "priority": 100 + index, "kind": kind,
                    "action": if allows { "Allow" } else { "Deny" }, "rules": [rule],
                })
            })
            .collect();
        let text = json!({
            "schema": "exeat.deployment/1",
            "firewallPolicies": {"p": {
                "sku": "Premium",
                "threatIntelMode": "Off",
                "certificateAuthority": {"name": "ca", "keyVaultSecretId": "secret"},
                "ruleCollectionGroups": [
                    {"name": "g", "priority": 100, "ruleCollections": collections},
                ],
            }},
        });
        import::json::read(&text.to_string()).expect("a deployment")
    })
}

// Flows near the rules.

fn hosts() -> impl Strategy<Value = Option<Host>> {
    let named = select(NAMES.to_vec()).prop_map(|name| Some(Host::Name(name.parse().unwrap())));
    prop_oneof![8 => named, 1 => Just(None), 1 => Just(Some(Host::Address(DESTINATION)))]
}

fn requests() -> impl Strategy<Value = Request> {
    let port = select(vec![None, Some(80), Some(443), Some(8080)]);
    let path = select(vec!["/", "/test", "/test/", "/test/a?b", "/x", "/xyz", "/other"]);
    (hosts(), port, path).prop_map(|(host, port, path)| Request {
        host,
        port,
        path: path.to_owned(),
    })
}

/// TLS is seen with the request inside it, since a flow that lacks it is an observation.
fn payloads() -> impl Strategy<Value = Payload> {
    prop_oneof![
        1 => Just(Payload::Silent),
        1 => Just(Payload::Other),
        4 => (hosts(), requests()).prop_map(|(name, request)| {
            let inner = Request { host: name.clone(), port: None, path: request.path };
            Payload::Tls { name, inner: Some(inner) }
        }),
        3 => requests().prop_map(Payload::Http),
        1 => hosts().prop_map(|name| Payload::Mssql { name }),
    ]
}

fn observations(payload: impl Strategy<Value = SeenPayload>) -> impl Strategy<Value = Observation> {
    let service = select(vec![
        (IpProtocol::TCP, 443),
        (IpProtocol::TCP, 443),
        (IpProtocol::TCP, 80),
        (IpProtocol::TCP, 8080),
        (IpProtocol::TCP, 1433),
        (IpProtocol::UDP, 443),
    ]);
    (service, payload).prop_map(|((protocol, destination_port), payload)| Observation {
        source: SOURCE,
        source_port: Some(50_000),
        destination: DESTINATION,
        destination_port,
        protocol,
        payload,
    })
}

fn exact() -> impl Strategy<Value = Observation> {
    observations(payloads().prop_map(SeenPayload::Exactly))
}

fn partly_seen() -> impl Strategy<Value = Observation> {
    observations(select(vec![
        SeenPayload::Unknown,
        SeenPayload::Kind(PayloadKind::Tls),
        SeenPayload::Kind(PayloadKind::Http),
        SeenPayload::Kind(PayloadKind::Mssql),
        SeenPayload::Unread(Some(PayloadKind::Http)),
        SeenPayload::Unread(None),
    ]))
}

// Environments.

fn tag(tag: &str) -> Atom {
    Atom::InServiceTag { tag: tag.to_owned(), address: DESTINATION }
}

/// Every atom that these policies can ask about `flow`, but those of [`fixed`].
fn universe(observation: &Observation) -> Vec<Atom> {
    let mut atoms = vec![
        tag("storage"),
        tag("storage.westeurope"),
        tag("sql"),
        Atom::FirewallAnswer { name: "a.example.com".parse().unwrap(), address: DESTINATION },
        Atom::Reading { setting: "proxy_ports_base" },
        Atom::Reading { setting: "host_without_port" },
    ];
    if let SeenPayload::Exactly(payload) = &observation.payload
        && let Some(host) = payload.wire_name()
    {
        let port = observation.destination_port;
        atoms.push(Atom::Infrastructure { host: host.clone() });
        let tag = "windowsupdate".to_owned();
        atoms.push(Atom::InFqdnTag { tag, host: host.clone(), port });
    }
    atoms
}

/// What is held fixed in all environments here.
fn fixed(atom: &Atom) -> Option<bool> {
    match atom {
        Atom::Resolvable { .. } => Some(true),
        Atom::InWebCategory { .. } | Atom::ThreatListed { .. } => Some(false),
        _ => None,
    }
}

type World = BTreeMap<Atom, bool>;

/// Whether a regional tag lies in the global one.
fn is_possible(world: &World) -> bool {
    let known = |name: &str| world.get(&tag(name)).copied();
    known("storage.westeurope") != Some(true) || known("storage") != Some(false)
}

fn worlds(atoms: &[Atom]) -> impl Iterator<Item = World> {
    let world = |bits: u32| -> World {
        atoms.iter().enumerate().map(|(i, atom)| (atom.clone(), bits >> i & 1 == 1)).collect()
    };
    (0..1u32 << atoms.len()).map(world).filter(is_possible)
}

fn judge(deployment: &Deployment, observation: &Observation, known: &World) -> Decision {
    let simulator = Simulator::new(deployment).unwrap();
    simulator.judge_with(observation, &Assumptions::default(), &mut |atom| Answer {
        truth: fixed(atom).or_else(|| known.get(atom).copied()),
        assumption: None,
    })
}

/// The verdicts in all possible worlds that agree with `known`.
fn verdicts(
    deployment: &Deployment,
    observation: &Observation,
    known: &World,
) -> BTreeSet<Verdict> {
    let simulator = Simulator::new(deployment).unwrap();
    let SeenPayload::Exactly(payload) = &observation.payload else { panic!("an exact payload") };
    let flow = observation.with_payload(payload.clone());
    let atoms = universe(observation);
    worlds(&atoms)
        .filter(|world| known.iter().all(|(atom, value)| world.get(atom) == Some(value)))
        .map(|world| {
            let mut oracle = |atom: &Atom| {
                fixed(atom).unwrap_or_else(|| *world.get(atom).expect("an atom of the universe"))
            };
            simulator.decide(&flow, &mut oracle).verdict
        })
        .collect()
}

/// A world for every atom there is, drawn from `seed`.
fn drawn(seed: u64, atom: &Atom) -> bool {
    let draw = |atom: &Atom| {
        let mut hasher = DefaultHasher::new();
        (seed, atom).hash(&mut hasher);
        hasher.finish().is_multiple_of(2)
    };
    let regional = tag("storage.westeurope");
    let in_region = *atom == tag("storage") && draw(&regional);
    fixed(atom).unwrap_or_else(|| in_region || draw(atom))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The judgement is what trying every environment gives, no more and no less settled.
    #[test]
    fn judging_agrees_with_trying_every_environment(
        deployment in deployments(),
        observation in exact(),
    ) {
        let verdicts = verdicts(&deployment, &observation, &World::new());
        let decision = judge(&deployment, &observation, &World::new());
        match verdicts.first() {
            Some(only) if verdicts.len() == 1 => prop_assert_eq!(decision.verdict, *only),
            _ => prop_assert_eq!(decision.verdict, Verdict::Undetermined),
        }
        prop_assert_eq!(decision.missing.is_empty(), decision.verdict != Verdict::Undetermined);
    }

    /// Whatever is learned, a settled verdict stays.
    #[test]
    fn knowledge_never_flips_a_settled_verdict(
        deployment in deployments(),
        observation in exact(),
        seed in any::<u64>(),
        first in any::<u8>(),
        more in any::<u8>(),
    ) {
        let atoms = universe(&observation);
        let learned = |mask: u8| -> World {
            let chosen = atoms.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1);
            chosen.map(|(_, atom)| (atom.clone(), drawn(seed, atom))).collect()
        };
        let before = judge(&deployment, &observation, &learned(first));
        let after = judge(&deployment, &observation, &learned(first | more));
        if before.verdict != Verdict::Undetermined {
            prop_assert_eq!(before.verdict, after.verdict);
        }
    }

    /// What is said to be missing settles the verdict, however it turns out; and where one or two
    /// facts are named, no single one would have done instead of two.
    #[test]
    fn what_is_missing_settles_the_verdict(
        deployment in deployments(),
        observation in exact(),
    ) {
        let decision = judge(&deployment, &observation, &World::new());
        let missing: Vec<Atom> = decision.missing.iter().filter_map(|missing| match missing {
            Missing::Atom(atom) => Some(atom.clone()),
            Missing::Field(_) | Missing::TooManyUnknowns => None,
        }).collect();
        let settles = |atoms: &[Atom]| {
            worlds(atoms).all(|world| verdicts(&deployment, &observation, &world).len() <= 1)
        };
        prop_assert!(settles(&missing), "{:?}", decision.missing);
        if missing.len() > 1 {
            for atom in universe(&observation) {
                prop_assert!(!settles(std::slice::from_ref(&atom)), "{} would do", atom);
            }
        }
    }

    /// The payloads that are tried stand for all: none is decided in a way that none of them is.
    #[test]
    fn no_payload_is_decided_like_none_of_those_that_were_tried(
        deployment in deployments(),
        observation in partly_seen(),
        payload in payloads(),
        seed in any::<u64>(),
    ) {
        let fits = match &observation.payload {
            SeenPayload::Kind(kind) | SeenPayload::Unread(Some(kind)) => *kind == payload.kind(),
            SeenPayload::Exactly(_) | SeenPayload::Unread(None) | SeenPayload::Unknown => true,
        };
        if !fits {
            return Ok(());
        }
        let simulator = Simulator::new(&deployment).unwrap();
        let verdict = simulator
            .decide(&observation.with_payload(payload), &mut |atom| drawn(seed, atom))
            .verdict;
        let decision = judge(&deployment, &observation, &World::new());
        if decision.verdict != Verdict::Undetermined {
            prop_assert_eq!(decision.verdict, verdict);
        }
    }
}

const SPELT_OUT: [&str; 3] = ["a.example.com", "b.a.example.com", "evilexample.com"];

/// A rule for names of which one may be resolved and another not.
fn spelling_out() -> Value {
    json!({"protocols": ["Https:443", "Http:80"], "targetFqdns": SPELT_OUT})
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Of names that no rule tells apart, one does not speak for another of which something else
    /// is known.
    #[test]
    fn what_is_known_of_one_name_is_not_taken_to_hold_of_another(
        deployment in deployments_before(Some(spelling_out())),
        port in select(vec![80, 443]),
        kind in select(vec![PayloadKind::Tls, PayloadKind::Http]),
        name in select(SPELT_OUT.to_vec()),
        path in select(vec!["/", "/test/a", "/x", "/other"]),
        seed in any::<u64>(),
    ) {
        let observation = Observation {
            source: SOURCE,
            source_port: Some(50_000),
            destination: DESTINATION,
            destination_port: port,
            protocol: IpProtocol::TCP,
            payload: SeenPayload::Kind(kind),
        };
        let host = Some(Host::Name(name.parse().unwrap()));
        let request = Request { host: host.clone(), port: None, path: path.to_owned() };
        let payload = match kind {
            PayloadKind::Http => Payload::Http(request),
            _ => Payload::Tls { name: host, inner: Some(request) },
        };
        let world = |atom: &Atom| match atom {
            Atom::Resolvable { .. } => {
                let mut hasher = DefaultHasher::new();
                (seed, atom).hash(&mut hasher);
                hasher.finish().is_multiple_of(2)
            }
            Atom::FirewallAnswer { .. } => false,
            other => drawn(seed, other),
        };
        let simulator = Simulator::new(&deployment).unwrap();
        let mut known = |atom: &Atom| Answer { truth: Some(world(atom)), assumption: None };
        let decision = simulator.judge_with(&observation, &Assumptions::default(), &mut known);
        let flow = observation.with_payload(payload);
        let verdict = simulator.decide(&flow, &mut |atom| world(atom)).verdict;
        if decision.verdict != Verdict::Undetermined {
            prop_assert_eq!(decision.verdict, verdict);
        }
    }
}

// Lists.

fn permissions() -> impl Strategy<Value = Vec<Permission>> {
    let targets = select(vec![
        ("a.example.com", "https"),
        ("*.example.com", "https, http"),
        ("*", "https"),
        ("a.example.com", "tcp/443"),
        ("*.example.com", "mssql proxy"),
        ("a.example.com", "mssql redirect"),
        ("20.1.2.0/24", "tcp/443, udp/443"),
        ("tag Storage", "tcp/443"),
        ("fqdn-tag WindowsUpdate", "https"),
        ("category News", "https, http"),
        ("url a.example.com/test/*", "https, http"),
        ("url *.example.com/test/*", "https, http"),
    ]);
    let one = (select(vec![SYSTEM, APPS, "10.1.0.0/16"]), targets, 0u8..3);
    vec(one, 0..5).prop_map(|list| {
        let build = |(index, (sources, (to, with), form)): (usize, (&str, (&str, &str), u8))| {
            let label = format!("p{index}");
            match form {
                0 => allow_by_address(&label, sources, to, with),
                1 => Permission {
                    requirement: Requirement::Optional,
                    ..allow(&label, sources, to, with)
                },
                _ => allow(&label, sources, to, with),
            }
        };
        list.into_iter().enumerate().map(build).collect()
    })
}

fn denies() -> impl Strategy<Value = Vec<Deny>> {
    let targets = select(vec![
        ("a.example.com", "https"),
        ("*.a.example.com", "any"),
        ("20.1.2.0/25", "any"),
        ("tag Storage", "any"),
        ("category News", "https"),
        ("any", "udp/443"),
    ]);
    vec((select(vec![APPS, "any"]), targets), 0..3).prop_map(|list| {
        let build = |(index, (sources, (to, with))): (usize, (&str, (&str, &str)))| {
            deny(&format!("d{index}"), sources, to, with)
        };
        list.into_iter().enumerate().map(build).collect()
    })
}

fn list_of(permissions: Vec<Permission>, denies: Vec<Deny>) -> Intent {
    Intent { permissions, denies, ..hub_and_spoke(Tier::Premium) }
}

/// The labels of the permission that speaks and of the deny that wins.
fn speakers<'i>(list: &'i Intent, judged: &Judged) -> (Option<&'i str>, Option<&'i str>) {
    let by = judged.by.map(|index| list.permissions[index].label.as_str());
    (by, judged.denied_by.map(|index| list.denies[index].label.as_str()))
}

fn at() -> Timestamp {
    "2026-03-01T10:00:00Z".parse().unwrap()
}

/// The day of [`at`].
const TODAY: Date = date(2026, 3, 1);

/// What the client was told: one of the names has the destination, or another address.
fn evidence() -> impl Strategy<Value = Evidence> {
    let told = (select(NAMES.to_vec()), select(vec![DESTINATION, IpAddr::from([20, 1, 2, 9])]));
    vec(told, 0..3).prop_map(|told| {
        let mut evidence = Evidence::default();
        for (name, address) in told {
            evidence.timeline.add(&DnsAnswer {
                at: at(),
                client: SOURCE,
                server: IpAddr::from([10, 0, 1, 4]),
                solicited: Solicited::Unsaid,
                question: name.parse().unwrap(),
                asked: RecordType::A,
                code: ResponseCode::NO_ERROR,
                records: vec![DnsRecord::Address {
                    owner: name.parse().unwrap(),
                    address,
                    ttl: 300,
                }],
            });
        }
        evidence
    })
}

fn ask(intent: &Intent, observation: &Observation, evidence: &Evidence) -> Judged {
    let assumptions = Assumptions::default();
    intent.judge(observation, &Environment { evidence, assumptions: &assumptions, at: at() })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The order of statements means nothing.
    #[test]
    fn a_permuted_list_says_the_same(
        (permissions, permuted) in permissions().prop_flat_map(|p| (Just(p.clone()), Just(p).prop_shuffle())),
        (denies, turned) in denies().prop_flat_map(|d| (Just(d.clone()), Just(d).prop_shuffle())),
        observation in prop_oneof![exact().boxed(), partly_seen().boxed()],
        evidence in evidence(),
    ) {
        let (list, mixed) = (list_of(permissions, denies), list_of(permuted, turned));
        let one = ask(&list, &observation, &evidence);
        let other = ask(&mixed, &observation, &evidence);
        prop_assert_eq!((one.required, one.permitted), (other.required, other.permitted));
        prop_assert_eq!(&one.missing, &other.missing);
        // What is named as the reason is the same statement, too.
        prop_assert_eq!(speakers(&list, &one), speakers(&mixed, &other));
    }

    /// Statements are found by the names that they speak of; those that are not found would not speak.
    #[test]
    fn a_list_with_an_index_says_the_same(
        permissions in permissions(),
        denies in denies(),
        observation in prop_oneof![exact().boxed(), partly_seen().boxed()],
        evidence in evidence(),
    ) {
        let list = list_of(permissions, denies);
        let assumptions = Assumptions::default();
        let environment = Environment { evidence: &evidence, assumptions: &assumptions, at: at() };
        let indexed = IndexedIntent::new(&list, TODAY);
        let one = list.judge_on(TODAY, &observation, &environment);
        prop_assert_eq!(indexed.judge(&observation, &environment), one);
    }

    /// A deny holds whatever is added.
    #[test]
    fn a_deny_holds_whatever_is_added(
        permissions in permissions(),
        denies in denies(),
        more in denies(),
        observation in prop_oneof![exact().boxed(), partly_seen().boxed()],
        evidence in evidence(),
    ) {
        let everything = allow("all", "any", "0.0.0.0/0", "tcp/0-65535, udp/0-65535");
        let before = ask(&list_of(vec![everything], denies.clone()), &observation, &evidence);
        let denies: Vec<Deny> = denies.into_iter().chain(more).collect();
        let after = ask(&list_of(permissions, denies), &observation, &evidence);
        if before.permitted == Some(false) {
            prop_assert_eq!((after.required, after.permitted), (Some(false), Some(false)));
        }
    }

    /// What is required is permitted, and a permission takes nothing away.
    #[test]
    fn required_is_permitted_and_permissions_only_add(
        permissions in permissions(),
        more in permissions(),
        denies in denies(),
        observation in prop_oneof![exact().boxed(), partly_seen().boxed()],
        evidence in evidence(),
    ) {
        let before = ask(&list_of(permissions.clone(), denies.clone()), &observation, &evidence);
        if before.required == Some(true) {
            prop_assert_eq!(before.permitted, Some(true));
        }
        let permissions = permissions.into_iter().chain(more).collect();
        let after = ask(&list_of(permissions, denies), &observation, &evidence);
        if before.required == Some(true) {
            prop_assert_eq!(after.required, Some(true));
        }
        if before.permitted == Some(true) {
            prop_assert_eq!(after.permitted, Some(true));
        }
    }
}

//! What holds of every list, and some that are written out.

use std::net::IpAddr;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::DAY;
use super::ENDPOINT;
use super::FIREWALL;
use super::Facts;
use super::NAME_OF_ENDPOINT;
use super::cases;
use super::sets;
use super::sets_assuming;
use super::strategies::Words;
use super::strategies::flow;
use super::strategies::host;
use super::strategies::intent;
use super::strategies::list;
use super::strategies::sweeping;
use crate::flow::Flow;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::Request;
use crate::flow::set::flows::FlowSet;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::check::Polarity;
use crate::prove::atom::FlowAtom;
use crate::prove::listed::Meaning;
use crate::prove::listed::asserted;
use crate::prove::listed::listed;
use crate::simulate::Stance;

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn formulas_say_of_each_flow_what_the_list_says(
        intent in list(),
        flows in prop::collection::vec(flow(), 150),
        seeds in prop::collection::vec(any::<u64>(), 4),
    ) {
        let found = sets(|encoder| {
            let listed = listed(encoder, &intent, DAY);
            vec![listed.permitted, listed.required]
        });
        for (flow, seed) in flows.iter().flat_map(|flow| seeds.iter().map(move |seed| (flow, *seed))) {
            let facts = Facts::new(seed);
            let stance = facts.stance(&intent, flow);
            let said = found.iter().map(|set| facts.contains(set, flow)).collect::<Vec<bool>>();
            let expected = [stance.permitted, required(&stance, flow, said[1])];
            prop_assert_eq!(said, expected, "permitted, required: {} seed {}", flow, seed);
        }
    }

    #[test]
    fn each_permission_says_what_a_list_of_it_alone_says(
        listed_intent in list(),
        flows in prop::collection::vec(flow(), 150),
        seed in any::<u64>(),
    ) {
        let mut meanings = Vec::new();
        let found = sets(|encoder| {
            meanings = listed(encoder, &listed_intent, DAY).permissions;
            let parts = |one: &Meaning| [one.strict, one.excess, one.required];
            meanings.iter().flat_map(parts).collect()
        });
        let facts = Facts::new(seed);
        for (meaning, sets) in meanings.iter().zip(found.chunks(3)) {
            let permission = listed_intent.permissions[meaning.index].clone();
            let alone = |permission| {
                Intent { permissions: vec![permission], denies: Vec::new(), ..listed_intent.clone() }
            };
            let strict = alone(Permission { by_address: None, ..permission.clone() });
            let whole = alone(permission);
            for flow in &flows {
                let said: Vec<bool> = sets.iter().map(|set| facts.contains(set, flow)).collect();
                prop_assert_eq!(said[0], facts.stance(&strict, flow).permitted, "strict: {}", flow);
                let stance = facts.stance(&whole, flow);
                prop_assert_eq!(said[0] || said[1], stance.permitted, "permitted: {}", flow);
                let required = required(&stance, flow, said[2]);
                prop_assert_eq!(said[2], required, "required: {}", flow);
            }
        }
    }

    #[test]
    fn an_assertion_is_about_what_statements_of_the_same_words_mean(
        words in sweeping(),
        is_premium in any::<bool>(),
        flows in prop::collection::vec(flow(), 150),
        seed in any::<u64>(),
    ) {
        let denying = intent(is_premium, Vec::new(), vec![words.deny("d")]);
        let requiring = intent(is_premium, vec![words.allow("p")], Vec::new());
        let found = sets(|encoder| {
            let never = asserted(encoder, &denying, &words.assertion(Polarity::Never));
            let always = asserted(encoder, &requiring, &words.assertion(Polarity::Always));
            vec![never, always]
        });
        let facts = Facts::new(seed);
        for flow in &flows {
            let said = found.iter().map(|set| facts.contains(set, flow)).collect::<Vec<bool>>();
            let denied = facts.stance(&denying, flow).denied_by.is_some();
            let required = required(&facts.stance(&requiring, flow), flow, said[1]);
            prop_assert_eq!(said, [denied, required], "never, always: {}", flow);
        }
    }
}

/// Whether the flow is required: at an address of a firewall's own, only who writes that address
/// requires it, and what is `said` is at most what the list requires of a recorded flow.
fn required(stance: &Stance, flow: &Flow, said: bool) -> bool {
    let is_own = flow.destination == FIREWALL.parse::<IpAddr>().unwrap();
    stance.required && (said || !is_own)
}

/// The set of what is permitted and of what is required by one permission.
fn permitted_and_required(
    assuming: &str,
    destinations: &'static str,
    services: &[&'static str],
) -> [FlowSet<FlowAtom>; 2] {
    let words = Words {
        sources: "10.1.8.0/24",
        destinations: vec![destinations],
        services: services.to_vec(),
    };
    let intent = intent(true, vec![words.allow("p")], Vec::new());
    let found = sets_assuming(assuming, |encoder| {
        let listed = listed(encoder, &intent, DAY);
        vec![listed.permitted, listed.required]
    });
    found.try_into().unwrap()
}

fn tcp(destination: &str, port: u16, payload: Payload) -> Flow {
    Flow {
        source: "10.1.8.4".parse().unwrap(),
        source_port: 50_000,
        destination: destination.parse().unwrap(),
        destination_port: port,
        protocol: IpProtocol::TCP,
        payload,
    }
}

fn tls(destination: &str, shown: &str) -> Flow {
    tcp(destination, 443, Payload::Tls { name: host(Some(shown)), inner: None })
}

#[test]
fn a_client_is_taken_to_send_to_the_internet_or_to_the_private_endpoint_of_the_name() {
    let [permitted, required] =
        permitted_and_required("client_answers=assume", "*.example.com", &["https"]);
    let check = |destination: &str, name: &str, expected: bool| {
        let flow = tls(destination, name);
        assert!(permitted.contains(&flow, |_| false), "{flow}");
        assert_eq!(required.contains(&flow, |_| false), expected, "{flow}");
    };
    check("203.0.113.7", "www.example.com", true);
    check("203.0.113.7", "b.example.com", true);
    check(FIREWALL, "www.example.com", false);
    check(ENDPOINT, NAME_OF_ENDPOINT, true);
    check(ENDPOINT, "b.example.com", false);
    check("10.9.0.5", "www.example.com", false);
}

#[test]
fn by_evidence_a_client_holds_what_it_was_told_for_the_name_as_the_list_spells_it() {
    let both = "*.example.com, www.example.com";
    let [permitted, required] = permitted_and_required("client_answers=evidence", both, &["https"]);
    let told = |name: &'static str| {
        move |atom: &FlowAtom| *atom == FlowAtom::client_answer(name.to_owned())
    };
    let (www, other) = (tls(ENDPOINT, "www.example.com"), tls(ENDPOINT, "b.example.com"));
    for (flow, spelled, not) in
        [(&www, "www.example.com", "*.example.com"), (&other, "*.example.com", "www.example.com")]
    {
        assert!(permitted.contains(flow, |_| false), "{flow}");
        assert!(required.contains(flow, told(spelled)), "{flow}");
        assert!(!required.contains(flow, told(not)), "{flow}");
    }
}

#[test]
fn a_shown_address_is_permitted_to_a_star_and_required_of_nobody() {
    let [permitted, required] = permitted_and_required("client_answers=both", "*", &["http"]);
    let request = |shown: &str| {
        Payload::Http(Request { host: host(Some(shown)), port: None, path: "/".to_owned() })
    };
    let flow = tcp("203.0.113.7", 80, request("203.0.113.7"));
    assert!(permitted.contains(&flow, |_| true) && !required.contains(&flow, |_| true));
    let flow = tcp("203.0.113.7", 80, request("www.example.com"));
    assert!(required.contains(&flow, |_| true) && required.contains(&flow, |_| false));
}

#[test]
fn a_service_by_address_requires_no_request_that_one_by_name_would_not_send() {
    let [permitted, required] = permitted_and_required(
        "client_answers=assume",
        "www.example.com",
        &["http/443", "proto/6"],
    );
    let without_port =
        Request { host: host(Some("www.example.com")), port: None, path: "/".to_owned() };
    let flow = tcp("203.0.113.7", 443, Payload::Http(without_port));
    assert!(permitted.contains(&flow, |_| false) && !required.contains(&flow, |_| false));
    // Where the client was told the address, it is required by it.
    assert!(required.contains(&flow, |_| true));
}

#[test]
fn drawn_lists_permit_require_and_deny_some_of_the_drawn_flows_and_not_others() {
    let mut runner = TestRunner::deterministic();
    let (mut permitted, mut required, mut denied, mut drawn) = (0, 0, 0, 0);
    for seed in 0..100 {
        let intent = list().new_tree(&mut runner).unwrap().current();
        let facts = Facts::new(seed);
        for _ in 0..50 {
            let flow = flow().new_tree(&mut runner).unwrap().current();
            let stance = facts.stance(&intent, &flow);
            drawn += 1;
            required += u32::from(stance.required);
            permitted += u32::from(stance.permitted && !stance.required);
            denied += u32::from(stance.denied_by.is_some());
        }
    }
    for (what, count) in [("required", required), ("permitted only", permitted), ("denied", denied)]
    {
        assert!(count * 40 > drawn && count * 2 < drawn, "{what}: {count} of {drawn}");
    }
}

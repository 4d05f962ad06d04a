//! The formulas of a list against what the slow engine says of each flow, over drawn lists whose
//! statements lie close together.

mod laws;
mod strategies;

use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::date;
use proptest::prelude::*;

use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::Scope;
use crate::azure::firewall::Firewall;
use crate::azure::firewall::FirewallPlace;
use crate::azure::network::PrivateEndpoint;
use crate::azure::network::Subnet;
use crate::azure::network::VirtualNetwork;
use crate::azure::policy;
use crate::azure::policy::ExplicitProxy;
use crate::azure::policy::Policy;
use crate::evidence::Evidence;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::Host;
use crate::flow::set::flows::FlowSet;
use crate::intent::Intent;
use crate::prove::atom::FlowAtom;
use crate::prove::atom::Holder;
use crate::prove::encoder::Encoder;
use crate::prove::encoder::Known;
use crate::prove::formula::Formula;
use crate::simulate::Assumptions;
use crate::simulate::Environment;
use crate::simulate::Stance;
use crate::simulate::assumptions::CLIENT_ANSWERS;

/// More than any set of these tests needs.
const NODES: usize = 1_000_000;
const DAY: Date = date(2090, 1, 1);

const FIREWALL: &str = "203.0.113.10";
const ENDPOINT: &str = "10.9.0.4";
const NAME_OF_ENDPOINT: &str = "www.example.com";

fn deployment() -> Deployment {
    let mut deployment = Deployment::default();
    let firewall = Firewall {
        scope: Scope::default(),
        ownership: Ownership::Existing,
        tier: policy::Tier::Premium,
        place: FirewallPlace::VirtualNetwork(Key::new("hub")),
        policy: None,
        private_address: "10.0.1.4".parse().unwrap(),
        public_addresses: vec![FIREWALL.parse().unwrap()],
        forced_tunneling: false,
    };
    deployment.firewalls.insert(Key::new("egress"), firewall);
    let mut subnet = Subnet::new(Key::new("db"), vec!["10.9.0.0/24".parse().unwrap()]);
    subnet.private_endpoints = vec![PrivateEndpoint {
        name: Key::new("www"),
        address: ENDPOINT.parse().unwrap(),
        names: vec![NAME_OF_ENDPOINT.parse().unwrap()],
    }];
    let network = VirtualNetwork { subnets: vec![subnet], ..VirtualNetwork::default() };
    deployment.virtual_networks.insert(Key::new("data"), network);
    // Requests inside TLS are looked at somewhere.
    let explicit_proxy = Some(ExplicitProxy { enabled: true, ..ExplicitProxy::default() });
    let policy = Policy { explicit_proxy, ..Policy::default() };
    deployment.policies.insert(Key::new("fwp"), policy);
    deployment
}

/// Whether clients are told of the address: in a proof, none is of the others.
fn can_be_told(address: IpAddr) -> bool {
    let told = ["203.0.113.7", "203.0.113.200", ENDPOINT];
    told.iter().any(|text| address == text.parse::<IpAddr>().unwrap())
}

/// Without evidence, a client that shows the name is taken to send there.
fn is_assumed_held(flow: &Flow) -> bool {
    let Some(Host::Name(name)) = flow.payload.wire_name() else { return false };
    let is_endpoint = flow.destination == ENDPOINT.parse::<IpAddr>().unwrap();
    can_be_told(flow.destination) && (!is_endpoint || name.as_str() == NAME_OF_ENDPOINT)
}

/// Facts drawn by a seed, of which the axioms are true.
struct Facts {
    evidence: Evidence,
    assumptions: Assumptions,
    seed: u64,
}

impl Facts {
    fn new(seed: u64) -> Facts {
        let mut assumptions = Assumptions::default();
        assumptions.set("client_answers=both").unwrap();
        assumptions.set("url_host_only_covers_paths=both").unwrap();
        Facts { evidence: Evidence::default(), assumptions, seed }
    }

    fn holds(&self, atom: &Atom) -> bool {
        let Facts { evidence, assumptions, .. } = self;
        let environment = Environment { evidence, assumptions, at: Timestamp::default() };
        environment.answer(atom, &[]).truth.unwrap_or_else(|| {
            // The list spells patterns, and the slow engine asks for what is shown.
            let atom = match atom.clone() {
                Atom::ClientAnswer { address, .. } if !can_be_told(address) => return false,
                Atom::ClientAnswer { client, address, .. } => {
                    Atom::ClientAnswer { client, address, name: String::new() }
                }
                atom => atom,
            };
            let mut hasher = DefaultHasher::new();
            (self.seed, atom).hash(&mut hasher);
            hasher.finish().is_multiple_of(2)
        })
    }

    fn assume_that_clients_hold_what_they_show(&self) -> bool {
        !self.holds(&Atom::Reading { setting: CLIENT_ANSWERS })
    }

    /// What the slow engine says, with a client taken to hold only what [`is_assumed_held`] names.
    fn stance(&self, intent: &Intent, flow: &Flow) -> Stance {
        let is_cut = self.assume_that_clients_hold_what_they_show() && !is_assumed_held(flow);
        intent.decide(DAY, flow, &mut |atom| match atom {
            Atom::Reading { setting } if is_cut && *setting == CLIENT_ANSWERS => true,
            Atom::ClientAnswer { .. } if is_cut => false,
            atom => self.holds(atom),
        })
    }

    fn contains(&self, set: &FlowSet<FlowAtom>, flow: &Flow) -> bool {
        let is_cut = self.assume_that_clients_hold_what_they_show() && !is_assumed_held(flow);
        set.contains(flow, |atom| match atom {
            FlowAtom::Answer { holder: Holder::Client, .. } if is_cut => false,
            atom => atom.at(flow).is_some_and(|atom| self.holds(&atom)),
        })
    }
}

/// The sets of the formulas that `write` writes.
fn sets(write: impl FnOnce(&mut Encoder<'_>) -> Vec<Formula>) -> Vec<FlowSet<FlowAtom>> {
    sets_assuming("client_answers=both", write)
}

fn sets_assuming(
    assuming: &str,
    write: impl FnOnce(&mut Encoder<'_>) -> Vec<Formula>,
) -> Vec<FlowSet<FlowAtom>> {
    let (deployment, mut facts) = (deployment(), Facts::new(0));
    facts.assumptions.set(assuming).unwrap();
    let known = Known { evidence: &facts.evidence, assumptions: &facts.assumptions };
    let mut encoder = Encoder::new(&deployment, known);
    let roots = write(&mut encoder);
    let formulas = encoder.formulas;
    formulas
        .cuts(&roots)
        .with_algebra(NODES, |mut algebra| {
            let sets = formulas.sets(&roots, &mut algebra).unwrap();
            sets.into_iter().map(|set| algebra.freeze(set).unwrap()).collect()
        })
        .unwrap()
}

/// So many cases that a debug build stays quick, or as many as `PROPTEST_CASES` asks for.
fn cases(usual: u32) -> ProptestConfig {
    const UNSET: u32 = 256;
    let asked = ProptestConfig::default();
    let cases = if asked.cases == UNSET { usual } else { asked.cases };
    ProptestConfig { cases, failure_persistence: None, ..asked }
}

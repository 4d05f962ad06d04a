//! What a change does to all flows, held to what the slow engine says of the flows of the grid before
//! and after it.

use exeat::azure::Deployment;
use exeat::azure::RuleId;
use exeat::azure::policy::Policy;
use exeat::azure::policy::Rules;
use exeat::evidence::Evidence;
use exeat::flow::Flow;
use exeat::flow::Payload;
use exeat::flow::set::flows::Piece;
use exeat::prove;
use exeat::prove::Changes;
use exeat::prove::Difference;
use exeat::prove::FlowAtom;
use exeat::prove::difference::Compared;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use exeat::simulate::assumptions::Domain;
use exeat::simulate::assumptions::SETTINGS;
use exeat::simulate::assumptions::Value;
use jiff::Timestamp;

use super::axes::Detail;
use super::grid;
use super::worlds;
use super::worlds::World;

/// The nodes that the sets of two worlds may take.
const MAX_NODES: usize = 1 << 22;
/// How often a world is drawn again.
const MAX_ATTEMPTS: u64 = 10;

/// What was found of the changes of some worlds.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Worlds in which every piece was shown.
    pub(crate) whole: usize,
    pub(crate) newly_leaves: usize,
    pub(crate) newly_stays: usize,
}

/// The first reading of every setting.
fn settled() -> Assumptions {
    let mut assumptions = Assumptions::default();
    for setting in SETTINGS {
        if let Domain::Readings(..) = setting.domain {
            let word = setting.word(Value::First);
            assumptions.set(&format!("{}={word}", setting.key)).expect("a value of it");
        }
    }
    assumptions
}

/// Compares the world of `seed` with what `change` makes of it for one of its rules: each flow of the
/// grid, where of what is not known nothing holds.
pub(crate) fn compare(seed: u64, change: &dyn Fn(&World, &RuleId) -> World, tally: &mut Tally) {
    let attempts = (0..MAX_ATTEMPTS).map(|attempt| worlds::world(seed, attempt));
    for world in attempts {
        let Some(rule) = a_rule(&world.deployment, seed) else { continue };
        let changed = change(&world, &rule);
        let old = Simulator::new(&world.deployment).expect("an order");
        let new = Simulator::new(&changed.deployment).expect("an order");
        let Ok(flows) = grid::of_deployment(&world.deployment, &old, Detail::Classes, seed) else {
            continue;
        };
        let (evidence, assumptions) = (Evidence::default(), settled());
        let environment = Environment {
            evidence: &evidence,
            assumptions: &assumptions,
            at: Timestamp::UNIX_EPOCH,
        };
        let compared = Compared { old: &old, new: &new, environment };
        let found = prove::difference(&compared, MAX_NODES).expect("a difference");
        let all = [&found.newly_leaves, &found.newly_stays, &found.newly_open];
        let is_whole = !all.iter().any(|changes| changes.are_more);
        tally.whole += usize::from(is_whole);
        let decrypts = world.deployment.policies.values().any(decrypts);
        for flow in &flows {
            let leaves = |simulator: &Simulator<'_>| {
                let mut holds = |atom: &_| environment.answer(atom, &[]).truth.unwrap_or_default();
                let decision = simulator.decide(flow, &mut holds);
                (decision.verdict != Verdict::Undetermined).then(|| decision.gets_out())
            };
            if let (Some(before), Some(after)) = (leaves(&old), leaves(&new)) {
                let is_whole = is_whole && !(decrypts && is_bare_tls(flow));
                let what = format!("seed {seed}, {rule}: {flow}");
                check(&found, flow, (before, after), is_whole, &what);
                match (before, after) {
                    (false, true) => tally.newly_leaves += 1,
                    (true, false) => tally.newly_stays += 1,
                    (true, true) | (false, false) => {}
                }
            }
        }
        return;
    }
}

/// The flow lies in a piece exactly if it changes; where the pieces are not the whole, if it does.
#[track_caller]
fn check(
    found: &Difference,
    flow: &Flow,
    (before, after): (bool, bool),
    is_whole: bool,
    what: &str,
) {
    let leaves = lies_in(&found.newly_leaves, flow, |_| true);
    let stays = lies_in(&found.newly_stays, flow, |_| true);
    assert!(!leaves || (!before && after), "{what} does not newly leave");
    assert!(!stays || (before && !after), "{what} does not newly stay");
    if is_whole {
        let may_leave = lies_in(&found.newly_open, flow, |widens| widens);
        let may_stay = lies_in(&found.newly_open, flow, |_| true);
        assert!(before || !after || leaves || may_leave, "{what} newly leaves");
        assert!(!before || after || stays || may_stay, "{what} newly stays");
    }
}

/// Where a firewall decrypts, TLS is no question without its request.
fn is_bare_tls(flow: &Flow) -> bool {
    matches!(flow.payload, Payload::Tls { inner: None, .. })
}

fn decrypts(policy: &Policy) -> bool {
    let collections = policy.groups.iter().flat_map(|group| &group.collections);
    let mut rules = collections.map(|collection| &collection.rules);
    let is_a_proxy = policy.explicit_proxy.as_ref().is_some_and(|proxy| proxy.enabled);
    is_a_proxy
        || rules.any(|rules| match rules {
            Rules::Application(_, rules) => rules.iter().any(|rule| rule.terminate_tls),
            Rules::Network(..) | Rules::Nat(_) => false,
        })
}

fn lies_in(changes: &Changes, flow: &Flow, wanted: impl Fn(bool) -> bool) -> bool {
    let wanted = changes.pieces.iter().filter(|one| wanted(one.effect.widens()));
    let mut pieces = wanted.map(|one| one.along.clone());
    pieces.any(|along| Piece::<FlowAtom> { along, atoms: Vec::new() }.contains(flow, |_| false))
}

/// One of the network and application rules.
fn a_rule(deployment: &Deployment, seed: u64) -> Option<RuleId> {
    let mut all = Vec::new();
    for (policy, stated) in &deployment.policies {
        for group in &stated.groups {
            for collection in &group.collections {
                let names: Vec<&String> = match &collection.rules {
                    Rules::Network(_, rules) => rules.iter().map(|rule| &rule.name).collect(),
                    Rules::Application(_, rules) => rules.iter().map(|rule| &rule.name).collect(),
                    Rules::Nat(_) => Vec::new(),
                };
                all.extend(names.into_iter().map(|rule| RuleId {
                    policy: policy.clone(),
                    group: group.name.clone(),
                    collection: collection.name.clone(),
                    rule: rule.clone(),
                }));
            }
        }
    }
    let place = usize::try_from(seed).ok()?.checked_rem(all.len())?;
    all.get(place).cloned()
}

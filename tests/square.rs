//! The square: three engines, one slow and two-valued, one fast, one symbolic, agree on every flow of
//! a grid under every assignment of the facts that any of them asks for. Nothing is sampled: a world
//! whose grid is too large gives way to a smaller one.
//!
//! `cargo test --test square` decides [`WORLDS`] worlds, with a value of each class of addresses,
//! ports and names. In the environment, `EXEAT_SQUARE=2000` asks for so many worlds,
//! `EXEAT_SQUARE_INTERVALS=1` for a value of each elementary interval and for larger worlds (better
//! with `--release`), and `EXEAT_SQUARE_SEED=7` for the world of that seed only. `-- --nocapture`
//! shows the shares.
#![cfg(test)]

#[path = "square/assignments.rs"]
mod assignments;
#[path = "square/axes.rs"]
mod axes;
#[path = "square/comparison.rs"]
mod comparison;
#[path = "square/difference.rs"]
mod difference;
#[path = "square/draw.rs"]
mod draw;
#[path = "support/engines.rs"]
mod engines;
#[path = "square/grid.rs"]
mod grid;
#[path = "support/list.rs"]
mod list;
#[path = "square/list_grid.rs"]
mod list_grid;
#[path = "square/lists.rs"]
mod lists;
#[path = "square/policies.rs"]
mod policies;
#[path = "square/proved.rs"]
mod proved;
#[path = "support/seeds.rs"]
mod seeds;
#[path = "square/smaller.rs"]
mod smaller;
#[path = "square/symbolic.rs"]
mod symbolic;
#[path = "square/worlds.rs"]
mod worlds;

use exeat::azure::RuleId;
use exeat::azure::policy::Action;
use exeat::azure::policy::Rules;
use exeat::emit;
use exeat::import;
use exeat::simulate::Reason;
use exeat::simulate::Verdict;

use self::axes::Detail;
use self::comparison::Compared;
use self::comparison::Tally;
use self::comparison::compare;
use self::seeds::asked_for;
use self::seeds::decide_all;
use self::symbolic::symbolic;
use self::worlds::World;

/// How many worlds a test run decides.
const WORLDS: u64 = 200;

/// The least share of each verdict, in hundredths of all pairs of flow and assignment.
const LEAST_SHARE: usize = 5;

/// Reasons that no single decision has: they belong to replay.
const OF_REPLAY: [Reason; 2] = [Reason::LiveSession, Reason::EvidenceMissing];

const VERDICTS: [Verdict; 6] = [
    Verdict::Allow,
    Verdict::Deny,
    Verdict::Undetermined,
    Verdict::Bypass,
    Verdict::Local,
    Verdict::Platform,
];

const REASONS: [Reason; 36] = [
    Reason::ApplicationRule,
    Reason::NetworkRule,
    Reason::DnatRule,
    Reason::Infrastructure,
    Reason::SqlRedirect,
    Reason::LiveSession,
    Reason::DefaultDeny,
    Reason::HandshakeOnly,
    Reason::UnrecognisedProtocol,
    Reason::SniMissing,
    Reason::HostMissing,
    Reason::HostPortMismatch,
    Reason::Unresolvable,
    Reason::Undeliverable,
    Reason::ThreatIntel,
    Reason::NsgDeny,
    Reason::RouteNone,
    Reason::NoOutbound,
    Reason::NextHopUnreachable,
    Reason::PeeringRefused,
    Reason::RoutingLoop,
    Reason::Appliance,
    Reason::InternetRoute,
    Reason::ServiceEndpoint,
    Reason::PrivateEndpoint,
    Reason::ApiServer,
    Reason::Peering,
    Reason::Gateway,
    Reason::VnetLocal,
    Reason::DnsProxy,
    Reason::PacFile,
    Reason::SentByFirewall,
    Reason::PlatformAddress,
    Reason::SourceUndeclared,
    Reason::PodBehindNode,
    Reason::EvidenceMissing,
];

#[test]
#[expect(clippy::print_stderr, reason = "the shares are the result")]
fn the_engines_agree_on_every_flow_of_the_grid_under_every_assignment() {
    let asked = asked_for("EXEAT_SQUARE");
    let is_fine = asked_for("EXEAT_SQUARE_INTERVALS").is_some();
    let detail = if is_fine { Detail::Intervals } else { Detail::Classes };
    let one = asked_for("EXEAT_SQUARE_SEED");
    let seeds = one.map_or(0..asked.unwrap_or(WORLDS), |seed| seed..seed + 1);
    let decide = |seed, tally: &mut Tally| match compare(seed, detail, &symbolic, tally) {
        Compared::Differs(report) => Some(report),
        Compared::Agrees { .. } => None,
    };
    let (tally, wrong) = decide_all(&seeds, decide, Tally::add);
    eprintln!("{tally}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    if one.is_some() {
        return;
    }
    for verdict in VERDICTS {
        let count = tally.verdicts.get(&verdict).copied().unwrap_or(0);
        assert!(count * 100 >= tally.pairs() * LEAST_SHARE, "{verdict} is too rare: {count}");
    }
    for reason in REASONS {
        let occurs = tally.reasons.contains_key(&reason);
        assert_eq!(occurs, !OF_REPLAY.contains(&reason), "{reason}");
    }
}

/// The world with the action of the collection turned round that has the rule `changed`, where it
/// has one.
fn with_a_changed_rule(world: &World, changed: &RuleId) -> World {
    let mut world = world.clone();
    let policy = world.deployment.policies.get_mut(&changed.policy);
    let groups = policy.into_iter().flat_map(|policy| &mut policy.groups);
    let groups = groups.filter(|group| group.name == changed.group);
    for collection in groups.flat_map(|group| &mut group.collections) {
        if collection.name == changed.collection
            && let Rules::Network(action, _) | Rules::Application(action, _) = &mut collection.rules
        {
            *action = if *action == Action::Allow { Action::Deny } else { Action::Allow };
        }
    }
    world
}

#[test]
fn a_rule_that_one_engine_reads_otherwise_is_noticed() {
    let mut changes = 0;
    for seed in 0..20 {
        let mut tally = Tally::default();
        let same = |world: &World| symbolic::slow(world);
        let Compared::Agrees { allowed_by: Some(rule), .. } =
            compare(seed, Detail::Classes, &same, &mut tally)
        else {
            continue;
        };
        changes += 1;
        let other = |world: &World| symbolic::slow(&with_a_changed_rule(world, &rule));
        let compared = compare(seed, Detail::Classes, &other, &mut Tally::default());
        let Compared::Differs(report) = compared else { panic!("seed {seed}: nobody noticed") };
        assert!(report.contains("exeat.deployment/1"), "{report}");
    }
    assert!(changes >= 5, "only {changes} rules were changed");
}

#[test]
fn a_changed_rule_changes_just_the_flows_that_the_difference_has() {
    let mut tally = difference::Tally::default();
    for seed in 0..WORLDS / 2 {
        difference::compare(seed, &with_a_changed_rule, &mut tally);
    }
    assert!(tally.whole >= 50, "{tally:?}");
    assert!(tally.newly_leaves >= 50 && tally.newly_stays >= 50, "{tally:?}");
}

#[test]
fn every_world_can_be_stated() {
    for seed in 0..WORLDS {
        let world = worlds::world(seed, 0);
        let text = emit::json::write(&world.deployment).expect("a document");
        match import::json::read(&text) {
            Ok(back) => assert_eq!(back, world.deployment, "seed {seed}"),
            // A template may name what stands elsewhere; a document of our own may not.
            Err(error) => {
                let refused = ["`unheard-of`", "`missing`"];
                let shown = error.to_string();
                assert!(refused.iter().any(|name| shown.contains(name)), "seed {seed}: {shown}");
            }
        }
    }
}

//! The engines on flows near the edges of large deployments: what the square decides for every flow
//! of a small world, on a sample.
//!
//! A row of the step table (`azure-firewall.md §10.2`) is drawn first, then a flow for which it may
//! decide, then what holds of all that is not known; then the engines are asked. So each row gets
//! its share, and flows lie where rules, groups, routes and names end.
//!
//! For three flows in five a few of those facts are left open again. What is counted is the verdict on
//! that observation (`semantics.md`, Flow): *allow* or *deny* where it is one in every environment
//! that is left, else *undetermined*, as it also is where the sender is not known. What goes around
//! the firewall, stays in the network or goes to the platform is counted apart. The row is the one
//! that decides in the environment that was drawn first. The engines are compared in each
//! environment by itself: the symbolic one says which verdict, but not by which rule.
//!
//! `cargo test --test sampled` asks about [`FLOWS`] flows. In the environment, `EXEAT_SAMPLED=1000000`
//! asks for so many (better with `--release`), and `EXEAT_SAMPLED_SEED=7` puts them all to the estate
//! of that seed. `-- --nocapture` shows the shares.
#![cfg(test)]

#[expect(dead_code, reason = "the square needs more of it")]
#[path = "square/assignments.rs"]
mod assignments;
#[expect(dead_code, reason = "the square needs more of it")]
#[path = "square/axes.rs"]
mod axes;
#[path = "square/draw.rs"]
mod draw;
#[path = "support/engines.rs"]
mod engines;
#[path = "sampled/estates.rs"]
mod estates;
#[path = "sampled/facts.rs"]
mod facts;
#[path = "sampled/flows.rs"]
mod flows;
#[path = "support/list.rs"]
mod list;
#[path = "square/lists.rs"]
mod lists;
#[path = "square/policies.rs"]
mod policies;
#[path = "square/proved.rs"]
mod proved;
#[path = "sampled/rows.rs"]
mod rows;
#[path = "sampled/rules.rs"]
mod rules;
#[path = "sampled/sample.rs"]
mod sample;
#[path = "support/seeds.rs"]
mod seeds;
#[expect(dead_code, reason = "networks here are put together otherwise")]
#[path = "square/worlds.rs"]
mod worlds;

use exeat::simulate::Verdict;

use self::rows::DECIDE;
use self::rows::NEVER_DECIDE;
use self::sample::Tally;
use self::sample::compare;
use self::seeds::asked_for;
use self::seeds::decide_all;

/// How many flows a test run asks about.
const FLOWS: u64 = 20_000;
/// How many are put to one estate, until there are [`ESTATES`]; then each gets more.
const FLOWS_OF_ESTATE: u64 = 4_000;
/// The most estates, each with more rules than the one before.
const ESTATES: u64 = 40;
/// The least share of each verdict, in thousandths of all flows.
const LEAST_OF_VERDICT: usize = 150;
/// The least share of each row.
const LEAST_OF_ROW: usize = 5;

#[test]
#[expect(clippy::print_stderr, reason = "the shares are the result")]
fn both_engines_agree_on_flows_near_the_edges_of_large_policies() {
    let one = asked_for("EXEAT_SAMPLED_SEED");
    let flows = asked_for("EXEAT_SAMPLED").unwrap_or(FLOWS);
    let estates = (flows / FLOWS_OF_ESTATE).clamp(1, ESTATES);
    let (seeds, count) = match one {
        Some(seed) => (seed..seed + 1, flows),
        None => (0..estates, flows.div_ceil(estates)),
    };
    let ask = |seed, tally: &mut Tally| compare(seed, count, tally).err();
    let (tally, wrong) = decide_all(&seeds, ask, Tally::add);
    eprintln!("{tally}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    if one.is_some() {
        return;
    }
    let is_enough = |count: usize, least: usize| count * 1_000 >= tally.flows * least;
    for verdict in [Verdict::Allow, Verdict::Deny, Verdict::Undetermined] {
        let count = tally.verdicts.get(&verdict).copied().unwrap_or(0);
        assert!(is_enough(count, LEAST_OF_VERDICT), "{verdict} is too rare: {count}");
    }
    for (row, _) in DECIDE.into_iter().filter(|(row, _)| row.is_of_the_table()) {
        let count = tally.rows.get(&row).copied().unwrap_or(0);
        assert!(is_enough(count, LEAST_OF_ROW), "{row} decides too seldom: {count}");
    }
    for (row, because) in NEVER_DECIDE {
        assert!(!tally.rows.contains_key(&row), "{row} decides, although {because}");
    }
}

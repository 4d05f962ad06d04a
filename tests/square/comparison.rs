//! The engines side by side.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use exeat::azure::RuleId;
use exeat::emit;
use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::intent::Intent;
use exeat::simulate::Reason;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use exeat::simulate::assumptions::CLIENT_ANSWERS;
use exeat::simulate::decision::Step;
use jiff::civil::Date;
use jiff::civil::date;

use super::assignments::Assignment;
use super::assignments::TooMany;
use super::assignments::implied;
use super::assignments::under_every_assignment;
use super::axes::Detail;
use super::engines::Asked;
use super::engines::Engines;
use super::grid;
use super::grid::MAX_ASSIGNMENTS;
use super::list_grid;
use super::proved::sets_of;
use super::smaller::smaller;
use super::symbolic::Engine;
use super::worlds;
use super::worlds::World;

/// The most pairs of flow and assignment of a world.
const MAX_PAIRS: usize = 1_500;
/// [`MAX_PAIRS`] for [`Detail::Intervals`].
const MAX_PAIRS_OF_INTERVALS: usize = 60_000;
/// The most flows of a list.
const MAX_LIST_FLOWS: usize = 600;
/// The most assignments that the engine under test may look at for one pair.
const MAX_FURTHER: usize = 64;
/// How often a world is drawn again before that is an error of the generator.
const MAX_ATTEMPTS: u64 = 60;

/// The day of the lists; their permissions never end.
pub(crate) const DAY: Date = date(2026, 3, 1);

/// How many of what there were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) worlds: usize,
    /// Worlds that were too large and gave way to smaller ones.
    pub(crate) too_large: usize,
    pub(crate) flows: usize,
    pub(crate) list_flows: usize,
    pub(crate) largest: usize,
    /// Pairs of flow and assignment.
    pub(crate) verdicts: BTreeMap<Verdict, usize>,
    pub(crate) reasons: BTreeMap<Reason, usize>,
    /// What the list says: required and permitted.
    pub(crate) listed: BTreeMap<(bool, bool), usize>,
    /// What was asked of the fast engine.
    pub(crate) asked: Asked,
}

impl Tally {
    pub(crate) fn pairs(&self) -> usize {
        self.verdicts.values().sum()
    }

    pub(crate) fn add(&mut self, more: Tally) {
        self.worlds += more.worlds;
        self.too_large += more.too_large;
        self.flows += more.flows;
        self.list_flows += more.list_flows;
        self.largest = self.largest.max(more.largest);
        self.asked.add(more.asked);
        for (verdict, count) in more.verdicts {
            *self.verdicts.entry(verdict).or_default() += count;
        }
        for (reason, count) in more.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
        for (said, count) in more.listed {
            *self.listed.entry(said).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.pairs();
        writeln!(
            f,
            "{} worlds ({} drawn again), {} flows, {all} pairs with assignments (at most {} of a \
             world), {} flows of lists",
            self.worlds, self.too_large, self.flows, self.largest, self.list_flows,
        )?;
        let mut share = |name: &str, count: usize| {
            let thousandths = count * 1000 / all.max(1);
            writeln!(f, "{:>4}.{} %  {name} ({count})", thousandths / 10, thousandths % 10)
        };
        for (verdict, count) in &self.verdicts {
            share(verdict.keyword(), *count)?;
        }
        for (reason, count) in &self.reasons {
            share(reason.keyword(), *count)?;
        }
        for ((required, permitted), count) in &self.listed {
            writeln!(f, "{count:>8}  required {required}, permitted {permitted}")?;
        }
        writeln!(f, "{}", self.asked)
    }
}

fn max_pairs(detail: Detail) -> usize {
    match detail {
        Detail::Classes => MAX_PAIRS,
        Detail::Intervals => MAX_PAIRS_OF_INTERVALS,
    }
}

/// What came of one world.
pub(crate) enum Compared {
    /// Both say the same.
    Agrees {
        /// A network or application rule that let a flow through.
        allowed_by: Option<RuleId>,
    },
    /// They do not; a report for a person.
    Differs(String),
}

/// Where both engines differ.
struct Difference {
    flow: Flow,
    given: Assignment,
    slow: String,
    /// What the other engine says, the symbolic or the fast one.
    other: String,
}

/// Makes an engine for a world.
pub(crate) type Make<'m> = &'m dyn Fn(&World) -> Box<dyn Engine>;

/// Decides the first world of `seed` that keeps within the bounds.
pub(crate) fn compare(seed: u64, detail: Detail, make: Make<'_>, tally: &mut Tally) -> Compared {
    for attempt in 0..MAX_ATTEMPTS {
        let world = worlds::world(seed, attempt);
        let mut own = Tally::default();
        match compare_world(&world, detail, make, &mut own) {
            Ok(Outcome::Agrees { allowed_by }) => {
                tally.add(own);
                return Compared::Agrees { allowed_by };
            }
            Ok(Outcome::Differs(_)) => return Compared::Differs(report(&world, detail, make)),
            Err(TooMany) => tally.too_large += 1,
        }
    }
    panic!("seed {seed}: no world is small enough")
}

enum Outcome {
    Agrees { allowed_by: Option<RuleId> },
    Differs(Box<Difference>),
}

fn compare_world(
    world: &World,
    detail: Detail,
    make: Make<'_>,
    tally: &mut Tally,
) -> Result<Outcome, TooMany> {
    let listed = list_grid::of_list(&world.list, detail, world.seed);
    if detail == Detail::Classes && listed.len() > MAX_LIST_FLOWS {
        return Err(TooMany);
    }
    let engines = Engines::of(&world.deployment);
    let simulator = &engines.slow;
    let flows = grid::of_deployment(&world.deployment, simulator, detail, world.seed)?;
    tally.worlds = 1;
    tally.flows = flows.len();
    tally.list_flows = listed.len();
    let mut allowed_by = None;
    let mut decided: Vec<(&Flow, Assignment, Verdict)> = Vec::new();
    for flow in &flows {
        let decide = |oracle: &mut dyn FnMut(&Atom) -> bool| simulator.decide(flow, oracle);
        let nothing = Assignment::new();
        let found =
            under_every_assignment(&nothing, MAX_ASSIGNMENTS, decide, |given, decision| {
                if let Some(found) = fast_differs(&engines, flow, given, tally) {
                    return Ok(Some(found));
                }
                *tally.verdicts.entry(decision.verdict).or_default() += 1;
                *tally.reasons.entry(decision.reason).or_default() += 1;
                decided.push((flow, given.clone(), decision.verdict));
                let by_rule =
                    matches!(decision.reason, Reason::NetworkRule | Reason::ApplicationRule);
                if decision.verdict == Verdict::Allow && by_rule {
                    allowed_by.clone_from(&decision.rule);
                }
                let is_too_large = decided.len() > max_pairs(detail);
                if is_too_large { Err(TooMany) } else { Ok(None) }
            })?;
        if let Some(found) = found {
            return Ok(Outcome::Differs(found));
        }
    }
    tally.largest = tally.pairs();
    let engine = make(world);
    for (flow, given, verdict) in &decided {
        if let Some(found) = differs(engine.as_ref(), flow, given, *verdict)? {
            return Ok(Outcome::Differs(found));
        }
    }
    for flow in &listed {
        if let Some(found) = differs_on_list(engine.as_ref(), &world.list, flow, tally)? {
            return Ok(Outcome::Differs(found));
        }
    }
    Ok(Outcome::Agrees { allowed_by })
}

/// Whether the fast engine says something else than the slow one. Of what the slow one does not ask
/// for, something holds that is different for each flow.
fn fast_differs(
    engines: &Engines<'_>,
    flow: &Flow,
    given: &Assignment,
    tally: &mut Tally,
) -> Option<Box<Difference>> {
    let number = tally.asked.flows;
    let mut holds = |atom: &Atom| {
        let said = given.get(atom).copied().or_else(|| implied(given, atom));
        said.unwrap_or(number.is_multiple_of(2))
    };
    let (_, differs) = engines.compare(flow, &mut holds, &mut tally.asked);
    differs.map(|differs| {
        let (flow, given) = (flow.clone(), given.clone());
        let slow = "not what the fast one says".to_owned();
        Box::new(Difference { flow, given, slow, other: differs })
    })
}

/// Whether `engine` says something else of `flow` than `verdict`, under any assignment of what it
/// asks for beyond `given`: what the slow engine did not ask for does not matter.
fn differs(
    engine: &dyn Engine,
    flow: &Flow,
    given: &Assignment,
    verdict: Verdict,
) -> Result<Option<Box<Difference>>, TooMany> {
    let expected = sets_of(verdict);
    let ask = |oracle: &mut dyn FnMut(&Atom) -> bool| engine.verdicts(flow, oracle);
    under_every_assignment(given, MAX_FURTHER, ask, |given, verdicts| {
        Ok((verdicts != expected).then(|| {
            let (flow, given) = (flow.clone(), given.clone());
            let (slow, other) = (verdict.to_string(), format!("{verdicts:?}"));
            Box::new(Difference { flow, given, slow, other })
        }))
    })
}

/// Whether `engine` says something else of `flow` than the list does, under any assignment.
fn differs_on_list(
    engine: &dyn Engine,
    list: &Intent,
    flow: &Flow,
    tally: &mut Tally,
) -> Result<Option<Box<Difference>>, TooMany> {
    let decide = |oracle: &mut dyn FnMut(&Atom) -> bool| list.decide(DAY, flow, oracle);
    let assumed = Assignment::from([(Atom::Reading { setting: CLIENT_ANSWERS }, false)]);
    under_every_assignment(&assumed, MAX_ASSIGNMENTS, decide, |given, stance| {
        let expected = (stance.required, stance.permitted);
        let ask = |oracle: &mut dyn FnMut(&Atom) -> bool| engine.listed(flow, oracle);
        under_every_assignment(given, MAX_FURTHER, ask, |given, said| {
            *tally.listed.entry((stance.required, stance.permitted)).or_default() += 1;
            // A proof asks whether services can be reached where they may be: of what the list
            // requires of a recorded flow, some is required of nobody in a proof.
            let (required, permitted) = said;
            let fits = permitted == expected.1 && (!required || expected.0);
            Ok((!fits).then(|| {
                Box::new(Difference {
                    flow: flow.clone(),
                    given: given.clone(),
                    slow: format!("(required, permitted) is {expected:?}"),
                    other: format!("{said:?}"),
                })
            }))
        })
    })
}

/// A report on a world about which the engines differ, made as small as it still does.
fn report(world: &World, detail: Detail, make: Make<'_>) -> String {
    let difference = |world: &World| match compare_world(world, detail, make, &mut Tally::default())
    {
        Ok(Outcome::Differs(difference)) => Some(difference),
        Ok(Outcome::Agrees { .. }) | Err(TooMany) => None,
    };
    let world = smaller(world, |world| difference(world).is_some());
    let found = difference(&world).expect("it still differs");
    let mut text = format!(
        "EXEAT_SQUARE_SEED={}: {}\nslow engine:  {}\nother engine: {}\n",
        world.seed, found.flow, found.slow, found.other
    );
    for (atom, holds) in &found.given {
        let truth = if *holds { "holds" } else { "does not hold" };
        writeln!(text, "  {truth}: {atom}").expect("a text");
    }
    let simulator = Simulator::new(&world.deployment).expect("an order");
    let mut holds = |atom: &Atom| found.given.get(atom).copied().unwrap_or(false);
    let decision = simulator.decide(&found.flow, &mut holds);
    writeln!(text, "{} ({}) {:?}", decision.verdict, decision.reason, decision.rule)
        .expect("a text");
    for Step { stage, looked_at, result, section } in &decision.trace {
        writeln!(text, "  {}: {looked_at}: {result} ({section})", stage.keyword()).expect("a text");
    }
    let document = emit::json::write(&world.deployment).expect("a document");
    writeln!(text, "{document}").expect("a text");
    for one in &world.list.permissions {
        let (requirement, from, by_address) =
            (one.requirement, &one.sources.written, &one.by_address);
        writeln!(
            text,
            "{requirement:?} {from:?} -> {:?} : {:?} by address {by_address:?}",
            one.destinations, one.services
        )
        .expect("a text");
    }
    for one in &world.list.denies {
        writeln!(
            text,
            "deny {:?} -> {:?} : {:?}",
            one.sources.written, one.destinations, one.services
        )
        .expect("a text");
    }
    text
}

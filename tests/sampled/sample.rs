//! One estate, its flows, and what both engines say of them.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use exeat::azure::Deployment;
use exeat::azure::policy::Rules;
use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::prove::Outcomes;
use exeat::simulate::Decision;
use exeat::simulate::Verdict;
use exeat::simulate::decision::Step;

use super::assignments::Assignment;
use super::draw::Draw;
use super::engines::Asked;
use super::engines::Engines as FlowByFlow;
use super::estates;
use super::facts::Facts;
use super::facts::Likely;
use super::flows::Flows;
use super::flows::rules_of;
use super::proved::all_outcomes;
use super::proved::sets_of;
use super::proved::verdicts;
use super::rows::DECIDE;
use super::rows::Row;

/// The nodes that the sets of one estate may take.
const MAX_NODES: usize = 1 << 25;
/// The most facts that are left open of one flow.
const MAX_OPEN: usize = 3;

/// How many of what there were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) estates: usize,
    pub(crate) rules: usize,
    pub(crate) flows: usize,
    /// Pairs of flow and environment.
    pub(crate) pairs: usize,
    pub(crate) verdicts: BTreeMap<Verdict, usize>,
    pub(crate) rows: BTreeMap<Row, usize>,
    /// What was asked of the fast engine.
    pub(crate) asked: Asked,
}

impl Tally {
    pub(crate) fn add(&mut self, more: Tally) {
        self.estates += more.estates;
        self.rules += more.rules;
        self.flows += more.flows;
        self.pairs += more.pairs;
        self.asked.add(more.asked);
        for (verdict, count) in more.verdicts {
            *self.verdicts.entry(verdict).or_default() += count;
        }
        for (row, count) in more.rows {
            *self.rows.entry(row).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} estates of {} rules on average, {} flows in {} environments",
            self.estates,
            self.rules / self.estates.max(1),
            self.flows,
            self.pairs,
        )?;
        let mut share = |name: &str, count: usize| {
            let hundredths = count * 10_000 / self.flows.max(1);
            writeln!(f, "{:>4}.{:02} %  {name} ({count})", hundredths / 100, hundredths % 100)
        };
        for (verdict, count) in &self.verdicts {
            share(verdict.keyword(), *count)?;
        }
        for (row, count) in &self.rows {
            share(&row.to_string(), *count)?;
        }
        writeln!(f, "{}", self.asked)
    }
}

/// Puts so many flows to the estate of `seed`.
///
/// # Errors
/// The engines differ, or there are no sets of the estate; a report for a person.
pub(crate) fn compare(seed: u64, count: u64, tally: &mut Tally) -> Result<(), String> {
    let deployment = estates::estate(seed);
    let flow_by_flow = FlowByFlow::of(&deployment);
    let outcomes = all_outcomes(&flow_by_flow.slow, MAX_NODES)
        .map_err(|error| format!("EXEAT_SAMPLED_SEED={seed} EXEAT_SAMPLED=1: {error}"))?;
    let engines = Engines { flow_by_flow, outcomes };
    let flows = Flows::near(&deployment);
    tally.estates += 1;
    tally.rules += rules(&deployment);
    let weights: usize = DECIDE.iter().map(|(_, weight)| weight).sum();
    for number in 0..count {
        let draw = &mut Draw::new(seed.rotate_left(32) ^ number);
        let mut at = draw.below(weights);
        let row = DECIDE.iter().find(|(_, weight)| {
            let is_it = at < *weight;
            at = at.saturating_sub(*weight);
            is_it
        });
        let (row, _) = row.expect("a row");
        let (flow, likely) = flows.draw(*row, draw);
        engines.ask(&flow, likely, draw, tally).map_err(|report| {
            let flows = number + 1;
            format!("EXEAT_SAMPLED_SEED={seed} EXEAT_SAMPLED={flows}: {report}")
        })?;
    }
    Ok(())
}

/// How many rules it has, of all policies.
fn rules(deployment: &Deployment) -> usize {
    let all = deployment.policies.values().flat_map(rules_of);
    let count = |rules: &Rules| match rules {
        Rules::Application(_, rules) => rules.len(),
        Rules::Network(_, rules) => rules.len(),
        Rules::Nat(rules) => rules.len(),
    };
    all.map(count).sum()
}

/// The engines, for one estate.
struct Engines<'d> {
    flow_by_flow: FlowByFlow<'d>,
    outcomes: Outcomes,
}

impl Engines<'_> {
    /// Asks both about `flow`, in an environment that is drawn, and for some of the flows in each of
    /// those that are left where a few of its facts are open.
    fn ask(
        &self,
        flow: &Flow,
        likely: Likely,
        draw: &mut Draw,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let seed = draw.next();
        let nothing = Assignment::new();
        let mut first = Facts::new(seed, likely, &nothing).expect("nothing is excluded");
        let decision = self.flow_by_flow.slow.decide(flow, &mut |atom| first.holds(atom));
        let asked: Vec<(Atom, bool)> = first.held.clone().into_iter().collect();
        self.fast_agrees(flow, &mut first, tally)?;
        self.agree(flow, &decision, &mut first)?;
        let mut verdict = decision.verdict;
        tally.pairs += 1;
        let open = if draw.chance(60) { draw.some(&asked, 1, MAX_OPEN) } else { vec![] };
        // The first of them is the one that was drawn.
        for turned in 1..1_usize << open.len() {
            let turn = |(at, (atom, holds)): (usize, &(Atom, bool))| {
                (atom.clone(), holds ^ (turned >> at & 1 == 1))
            };
            let given: Assignment = open.iter().enumerate().map(turn).collect();
            let Some(mut facts) = Facts::new(seed, likely, &given) else { continue };
            let other = self.flow_by_flow.slow.decide(flow, &mut |atom| facts.holds(atom));
            self.fast_agrees(flow, &mut facts, tally)?;
            self.agree(flow, &other, &mut facts)?;
            tally.pairs += 1;
            if other.verdict != verdict {
                verdict = Verdict::Undetermined;
            }
        }
        tally.flows += 1;
        *tally.verdicts.entry(verdict).or_default() += 1;
        *tally.rows.entry(Row::of(&decision)).or_default() += 1;
        Ok(())
    }

    /// Whether the fast engine says what the slow one does of `flow` where `facts` hold.
    fn fast_agrees(&self, flow: &Flow, facts: &mut Facts, tally: &mut Tally) -> Result<(), String> {
        let mut holds = |atom: &Atom| facts.holds(atom);
        let (_, differs) = self.flow_by_flow.compare(flow, &mut holds, &mut tally.asked);
        differs.map_or(Ok(()), Err)
    }

    /// Whether the symbolic engine says the same of `flow` where `facts` hold.
    fn agree(&self, flow: &Flow, decision: &Decision, facts: &mut Facts) -> Result<(), String> {
        let said = verdicts(&self.outcomes, flow, &mut |atom| facts.holds(atom));
        if said == sets_of(decision.verdict) {
            return Ok(());
        }
        let (verdict, reason) = (decision.verdict, decision.reason);
        let mut text = format!(
            "{flow}\nslow engine: {verdict} ({reason}) {:?}\nsymbolic:    {said:?}\n",
            decision.rule
        );
        for (atom, holds) in &facts.held {
            let truth = if *holds { "holds" } else { "does not hold" };
            writeln!(text, "  {truth}: {atom}").expect("a text");
        }
        for Step { stage, looked_at, result, section } in &decision.trace {
            writeln!(text, "  {}: {looked_at}: {result} ({section})", stage.keyword())
                .expect("a text");
        }
        Err(text)
    }
}

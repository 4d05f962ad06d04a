//! The engines that are held to the slow one.

use exeat::evidence::Evidence;
use exeat::flow::Atom;
use exeat::flow::Flow;
use exeat::flow::set::flows::FlowSet;
use exeat::intent::Intent;
use exeat::prove::FlowAtom;
use exeat::prove::Outcomes;
use exeat::prove::Stances;
use exeat::prove::stances;
use exeat::simulate::Simulator;
use exeat::simulate::Verdict;
use exeat::simulate::assumptions::CLIENT_ANSWERS;

use super::comparison::DAY;
use super::proved::all_open;
use super::proved::all_outcomes;
use super::proved::sets_of;
use super::proved::verdicts;
use super::worlds::World;

/// The nodes that the sets of one world may take.
const MAX_NODES: usize = 1 << 22;

/// What decides flows, given what holds.
pub(crate) trait Engine {
    /// The verdicts in whose sets `flow` lies where just those facts hold for which `holds` says
    /// so. A flow that is denied lies in none.
    fn verdicts(&self, flow: &Flow, holds: &mut dyn FnMut(&Atom) -> bool) -> Vec<Verdict>;

    /// Whether the list requires and permits `flow`.
    fn listed(&self, flow: &Flow, holds: &mut dyn FnMut(&Atom) -> bool) -> (bool, bool);
}

/// The engine under test for `world`: what `exeat::prove` makes of it where nothing is known.
pub(crate) fn symbolic(world: &World) -> Box<dyn Engine> {
    let simulator = Simulator::new(&world.deployment).expect("an order");
    let outcomes = all_outcomes(&simulator, MAX_NODES).expect("small sets");
    // By evidence, a client is told of names as the list spells them, and not as they are shown.
    let (evidence, mut assumptions) = (Evidence::default(), all_open());
    assumptions.set(&format!("{CLIENT_ANSWERS}=assume")).expect("a value of it");
    let list = (&world.list, DAY);
    let stances = stances(list, &simulator, &evidence, &assumptions, MAX_NODES);
    Box::new(Proved { outcomes, stances: stances.expect("small sets") })
}

struct Proved {
    outcomes: Outcomes,
    stances: Stances,
}

impl Engine for Proved {
    fn verdicts(&self, flow: &Flow, holds: &mut dyn FnMut(&Atom) -> bool) -> Vec<Verdict> {
        verdicts(&self.outcomes, flow, holds)
    }

    fn listed(&self, flow: &Flow, holds: &mut dyn FnMut(&Atom) -> bool) -> (bool, bool) {
        let mut has = |set: &FlowSet<FlowAtom>| {
            set.contains(flow, |fact| fact.at(flow).is_some_and(|atom| holds(&atom)))
        };
        (has(&self.stances.required), has(&self.stances.permitted))
    }
}

/// The slow engine in place of the other, by which the square itself is tested.
pub(crate) fn slow(world: &World) -> Box<dyn Engine> {
    // A test ends soon, and so may what it decides from.
    let world: &'static World = Box::leak(Box::new(world.clone()));
    let simulator = Simulator::new(&world.deployment).expect("an order");
    Box::new(Slow { simulator, list: &world.list })
}

struct Slow {
    simulator: Simulator<'static>,
    list: &'static Intent,
}

impl Engine for Slow {
    fn verdicts(&self, flow: &Flow, holds: &mut dyn FnMut(&Atom) -> bool) -> Vec<Verdict> {
        sets_of(self.simulator.decide(flow, holds).verdict)
    }

    fn listed(&self, flow: &Flow, holds: &mut dyn FnMut(&Atom) -> bool) -> (bool, bool) {
        let stance = self.list.decide(DAY, flow, holds);
        (stance.required, stance.permitted)
    }
}

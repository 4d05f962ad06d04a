//! Flows near edges as proptest draws them, and makes them simpler.

use std::fmt;
use std::sync::Arc;

use proptest::prelude::any;
use proptest::strategy::NewTree;
use proptest::strategy::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::Config;
use proptest::test_runner::RngAlgorithm;
use proptest::test_runner::TestRng;
use proptest::test_runner::TestRunner;

use super::edges::Parts;
use super::values::Axis;
use super::values::Point;
use crate::flow::Flow;

/// How many simpler flows are tried in place of one that fails.
const MAX_SHRINKS: u32 = 4096;

/// How many of the simplest values of a coordinate are tried in place of one that fails.
const SIMPLEST: usize = 16;

/// Of so many values, one is from elsewhere.
const ONE_ELSEWHERE_OF: u32 = 8;

/// Of so many flows, one is near any part; the others are near rules and statements.
const ONE_ANYWHERE_OF: u32 = 4;

/// How often flows are drawn, and from which seed. The same seed gives the same flows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Runs {
    /// The seed.
    pub seed: u64,
    /// How many flows are drawn.
    pub cases: u32,
}

impl Default for Runs {
    fn default() -> Runs {
        Runs { seed: 1, cases: 1000 }
    }
}

impl Runs {
    /// A runner that draws these cases, and keeps none of them in a file.
    pub fn runner(self) -> TestRunner {
        // What environment variables of proptest would change is said here.
        let config = Config {
            cases: self.cases,
            max_shrink_iters: MAX_SHRINKS,
            max_shrink_time: 0,
            failure_persistence: None,
            verbose: 0,
            ..Config::default()
        };
        let mut seed = [0; 32];
        if let Some(first) = seed.first_chunk_mut() {
            *first = self.seed.to_le_bytes();
        }
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        TestRunner::new_with_rng(config, random)
    }
}

/// Flows near the edges of a subject: [`Edges::flows`](super::Edges::flows).
#[derive(Clone)]
pub struct NearEdges {
    parts: Arc<Parts>,
}

impl NearEdges {
    pub(super) fn new(parts: Arc<Parts>) -> NearEdges {
        NearEdges { parts }
    }
}

impl fmt::Debug for NearEdges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.fmt(f)
    }
}

impl Strategy for NearEdges {
    type Tree = FlowTree;
    type Value = Flow;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<NearEdges> {
        let (place, drawn) = any::<(u32, [(u32, u32); 9])>().new_tree(runner)?.current();
        let corners = &self.parts.corners;
        let written = &self.parts.written;
        let index = match written.get(below(place / ONE_ANYWHERE_OF, written.len())) {
            Some(index) if place % ONE_ANYWHERE_OF != 0 => *index,
            Some(_) | None => below(place / ONE_ANYWHERE_OF, corners.len()),
        };
        let corner = corners.get(index).ok_or("there are no edges")?;
        let mut point = corner.first().ok_or("there are no edges")?;
        for (axis, (where_from, which)) in Axis::ALL.into_iter().zip(drawn) {
            let values = if where_from % ONE_ELSEWHERE_OF == 0 { &self.parts.all } else { corner };
            // Half of the values are those that are meant, so that not every flow is beside the point.
            if where_from % 2 == 0 {
                values.put(axis, below(which, values.len(axis)), &mut point);
            }
        }
        Ok(FlowTree::new(Arc::clone(&self.parts), point))
    }
}

/// `number` as an index of `len` things.
fn below(number: u32, len: usize) -> usize {
    (number as usize).checked_rem(len).unwrap_or(0)
}

/// A flow with the simpler ones that are tried in its place.
#[derive(Clone)]
pub struct FlowTree {
    parts: Arc<Parts>,
    /// What is tried.
    point: Point,
    /// What failed last.
    failing: Point,
    /// The next to try: a place in [`Axis::ALL`], and a value of that coordinate.
    next: (usize, usize),
}

impl FlowTree {
    pub(super) fn new(parts: Arc<Parts>, point: Point) -> FlowTree {
        FlowTree { parts, failing: point.clone(), point, next: (0, 0) }
    }

    /// Goes on to the next simpler flow; whether there is one.
    fn advance(&mut self) -> bool {
        while let Some(axis) = Axis::ALL.get(self.next.0) {
            let before = self.parts.all.before(*axis, &self.failing);
            let index = self.next.1;
            if index >= before.min(SIMPLEST) {
                self.next = (self.next.0 + 1, 0);
                continue;
            }
            self.next.1 += 1;
            let mut simpler = self.failing.clone();
            self.parts.all.put(*axis, index, &mut simpler);
            if simpler.flow() != self.failing.flow() {
                self.point = simpler;
                return true;
            }
        }
        false
    }
}

impl fmt::Debug for FlowTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.point.fmt(f)
    }
}

impl ValueTree for FlowTree {
    type Value = Flow;

    fn current(&self) -> Flow {
        self.point.flow()
    }

    /// The flow that is tried fails. Whatever may be simpler is tried again, as one coordinate may
    /// have kept another from being so.
    fn simplify(&mut self) -> bool {
        if self.point != self.failing {
            self.failing = self.point.clone();
            self.next = (0, 0);
        }
        self.advance()
    }

    /// The flow that is tried does not fail, so the one before stands, and others are tried.
    fn complicate(&mut self) -> bool {
        self.point = self.failing.clone();
        self.advance()
    }
}

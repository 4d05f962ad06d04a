//! Reduced ordered binary decision diagrams: Boolean functions of numbered variables, each held once.
//!
//! Nothing is ever freed, so a node keeps its number, and a node's children have lower numbers than
//! the node. No step recurses: the depth of a diagram, which atoms decide, is the input's.

use foldhash::HashMap;
use foldhash::HashSet;
use std::ops::Range;

/// A function. Equal functions of one [`Diagrams`] have equal numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Node(u32);

impl Node {
    /// The function that never holds.
    pub(super) const NEVER: Node = Node(0);
    /// The function that always holds.
    pub(super) const ALWAYS: Node = Node(1);

    fn index(self) -> usize {
        self.0 as usize
    }
}

/// The level of the constants, below all variables.
pub(super) const CONSTANT: u32 = u32::MAX;

/// How many nodes there are from the beginning.
pub(super) const CONSTANTS: usize = 2;

/// A question for one variable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Branch {
    /// The variable, or [`CONSTANT`].
    pub(super) level: u32,
    /// The function where the variable is false.
    pub(super) low: Node,
    /// The function where it is true.
    pub(super) high: Node,
}

/// More nodes or steps would be needed than are allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Exhausted;

/// How two functions are joined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operation {
    /// Both hold.
    And,
    /// One or the other holds, or both.
    Or,
    /// The first holds and the second does not.
    Without,
}

impl Operation {
    /// The answer, where it can be read off.
    fn known(self, a: Node, b: Node) -> Option<Node> {
        const NEVER: Node = Node::NEVER;
        const ALWAYS: Node = Node::ALWAYS;
        match (self, a, b) {
            (Operation::And | Operation::Or, a, b) if a == b => Some(a),
            (Operation::Without, a, b) if a == b => Some(NEVER),
            (Operation::And | Operation::Without, NEVER, _)
            | (Operation::And, _, NEVER)
            | (Operation::Without, _, ALWAYS) => Some(NEVER),
            (Operation::Or, ALWAYS, _) | (Operation::Or, _, ALWAYS) => Some(ALWAYS),
            (Operation::And, ALWAYS, x)
            | (Operation::And, x, ALWAYS)
            | (Operation::Or, NEVER, x)
            | (Operation::Or | Operation::Without, x, NEVER) => Some(x),
            (Operation::And | Operation::Or | Operation::Without, _, _) => None,
        }
    }

    fn is_symmetric(self) -> bool {
        match self {
            Operation::And | Operation::Or => true,
            Operation::Without => false,
        }
    }
}

/// An answer that was found before.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    operation: Operation,
    a: Node,
    b: Node,
    result: Node,
}

/// All functions that were built, and how they were.
#[derive(Clone, Debug)]
pub(super) struct Diagrams {
    // Invariant: the first two are the constants; every other differs from those before it, its
    // children differ, have lower numbers and greater levels.
    branches: Vec<Branch>,
    /// The numbers of the branches by hash, 0 where free; a power of two, at most half of it taken.
    places: Vec<u32>,
    /// Answers by hash, the latest in a place; a power of two.
    memory: Vec<Option<Remembered>>,
    most: usize,
    /// How many more steps [`join`](Diagrams::join) may take.
    steps_left: usize,
}

/// How large both tables begin.
const FIRST_TABLE: usize = 1 << 10;
/// The most answers that are remembered, of 16 bytes each. Those to what was asked long ago are
/// seldom asked for again.
const MOST_REMEMBERED: usize = 1 << 21;
/// How many steps are allowed for each node that is: without loss of memory some ten are needed, and
/// where much is forgotten the work would not end.
const STEPS_PER_NODE: usize = 64;

/// What is left to be done by [`Diagrams::join`].
enum Step {
    /// Join two functions.
    Join(Node, Node),
    /// Ask for the variable, and go on with the two functions that were made last.
    Ask { level: u32, a: Node, b: Node },
}

impl Diagrams {
    /// The constants alone; at most `most` nodes will be made.
    pub(super) fn new(most: usize) -> Diagrams {
        let constant = |node| Branch { level: CONSTANT, low: node, high: node };
        Diagrams {
            branches: vec![constant(Node::NEVER), constant(Node::ALWAYS)],
            places: vec![0; FIRST_TABLE],
            memory: vec![None; FIRST_TABLE],
            most: most.min(u32::MAX as usize),
            steps_left: most.saturating_mul(STEPS_PER_NODE),
        }
    }

    /// How many nodes there are.
    pub(super) fn count(&self) -> usize {
        self.branches.len()
    }

    /// The question that `node` begins with.
    pub(super) fn branch(&self, node: Node) -> Branch {
        let never = Branch { level: CONSTANT, low: Node::NEVER, high: Node::NEVER };
        self.branches.get(node.index()).copied().unwrap_or(never)
    }

    /// What `node` comes to where the variable of `level` is false and where it is true, if it asks
    /// for none above.
    pub(super) fn halves(&self, node: Node, level: u32) -> (Node, Node) {
        let branch = self.branch(node);
        if branch.level == level { (branch.low, branch.high) } else { (node, node) }
    }

    /// Where `node` ends, following `way` past all variables above `level`.
    pub(super) fn at_the_end(&self, node: Node, level: u32, way: impl Fn(Branch) -> Node) -> Node {
        let mut node = node;
        loop {
            let branch = self.branch(node);
            if branch.level >= level {
                return node;
            }
            node = way(branch);
        }
    }

    /// The function that is `high` where the variable of `level` is true, else `low`. Both ask for
    /// greater levels only.
    pub(super) fn node(&mut self, level: u32, low: Node, high: Node) -> Result<Node, Exhausted> {
        if low == high {
            return Ok(low);
        }
        let branch = Branch { level, low, high };
        let mut place = self.place(branch);
        loop {
            match self.places.get(place).copied() {
                None | Some(0) => break,
                Some(number) if self.branch(Node(number)) == branch => return Ok(Node(number)),
                Some(_) => place = (place + 1) & (self.places.len() - 1),
            }
        }
        if self.branches.len() >= self.most {
            return Err(Exhausted);
        }
        let number = u32::try_from(self.branches.len()).map_err(|_| Exhausted)?;
        self.branches.push(branch);
        if let Some(free) = self.places.get_mut(place) {
            *free = number;
        }
        if self.branches.len() * 2 > self.places.len() {
            self.grow();
        }
        Ok(Node(number))
    }

    fn place(&self, branch: Branch) -> usize {
        place(self.places.len(), branch.level, branch.low.0, branch.high.0)
    }

    fn grow(&mut self) {
        self.places = vec![0; self.places.len() * 2];
        let mask = self.places.len() - 1;
        for (number, branch) in (0_u32..).zip(&self.branches).skip(2) {
            let mut place = place(mask + 1, branch.level, branch.low.0, branch.high.0);
            while self.places.get(place).is_some_and(|taken| *taken != 0) {
                place = (place + 1) & mask;
            }
            if let Some(free) = self.places.get_mut(place) {
                *free = number;
            }
        }
        if self.memory.len() >= MOST_REMEMBERED {
            return;
        }
        let known = std::mem::take(&mut self.memory);
        self.memory = vec![None; self.places.len()];
        for answer in known.into_iter().flatten() {
            self.remember(answer);
        }
    }

    /// Takes so many of the steps that are allowed.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Exhausted> {
        self.steps_left = self.steps_left.checked_sub(steps).ok_or(Exhausted)?;
        Ok(())
    }

    /// The function that `operation` makes of `a` and `b`.
    pub(super) fn join(
        &mut self,
        operation: Operation,
        a: Node,
        b: Node,
    ) -> Result<Node, Exhausted> {
        if let Some(known) = operation.known(a, b) {
            return Ok(known);
        }
        let mut steps = vec![Step::Join(a, b)];
        let mut made: Vec<Node> = Vec::new();
        while let Some(step) = steps.pop() {
            self.steps_left = self.steps_left.checked_sub(1).ok_or(Exhausted)?;
            match step {
                Step::Join(a, b) => {
                    let (a, b) = if operation.is_symmetric() && b < a { (b, a) } else { (a, b) };
                    if let Some(known) =
                        operation.known(a, b).or_else(|| self.remembered(operation, a, b))
                    {
                        made.push(known);
                        continue;
                    }
                    let level = self.branch(a).level.min(self.branch(b).level);
                    let (a_low, a_high) = self.halves(a, level);
                    let (b_low, b_high) = self.halves(b, level);
                    steps.push(Step::Ask { level, a, b });
                    steps.push(Step::Join(a_high, b_high));
                    steps.push(Step::Join(a_low, b_low));
                }
                Step::Ask { level, a, b } => {
                    let high = made.pop().unwrap_or(Node::NEVER);
                    let low = made.pop().unwrap_or(Node::NEVER);
                    let result = self.node(level, low, high)?;
                    self.remember(Remembered { operation, a, b, result });
                    made.push(result);
                }
            }
        }
        Ok(made.pop().unwrap_or(Node::NEVER))
    }

    fn remembered(&self, operation: Operation, a: Node, b: Node) -> Option<Node> {
        let place = place(self.memory.len(), operation as u32, a.0, b.0);
        let found = self.memory.get(place).copied().flatten()?;
        (found.operation == operation && found.a == a && found.b == b).then_some(found.result)
    }

    fn remember(&mut self, answer: Remembered) {
        let place = place(self.memory.len(), answer.operation as u32, answer.a.0, answer.b.0);
        if let Some(slot) = self.memory.get_mut(place) {
            *slot = Some(answer);
        }
    }

    /// The function that holds where `root` does for some values of the variables of `band`.
    pub(super) fn for_some(&mut self, root: Node, band: &Range<u32>) -> Result<Node, Exhausted> {
        // A node comes after those that it leads to; those below the band are what they are.
        let mut known: HashMap<Node, Node> = HashMap::default();
        for node in self.above(root, band.end) {
            let Branch { level, low, high } = self.branch(node);
            let low = known.get(&low).copied().unwrap_or(low);
            let high = known.get(&high).copied().unwrap_or(high);
            let some = if band.contains(&level) {
                self.join(Operation::Or, low, high)?
            } else {
                self.node(level, low, high)?
            };
            known.insert(node, some);
        }
        Ok(known.get(&root).copied().unwrap_or(root))
    }

    /// The nodes of `root` that ask for variables above `level`, ascending.
    fn above(&self, root: Node, level: u32) -> Vec<Node> {
        let mut seen: HashSet<Node> = HashSet::default();
        let mut above: Vec<Node> = Vec::new();
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            let branch = self.branch(node);
            if branch.level < level && seen.insert(node) {
                above.push(node);
                open.extend([branch.low, branch.high]);
            }
        }
        above.sort_unstable();
        above
    }

    /// The function of the `bits` variables from `base` on that is, where they are the binary digits
    /// of a number, the function of the last piece that begins at or below the number. The pieces
    /// ascend from the first number that there is; their functions ask for greater levels only.
    pub(super) fn pieces(
        &mut self,
        base: u32,
        bits: u32,
        pieces: &[(u32, Node)],
    ) -> Result<Node, Exhausted> {
        self.block((base, bits), 0, pieces)
    }

    /// The same for the numbers from `start` on that `bits` digits tell apart; the first piece
    /// begins at or below it.
    fn block(
        &mut self,
        (base, bits): (u32, u32),
        start: u32,
        pieces: &[(u32, Node)],
    ) -> Result<Node, Exhausted> {
        let Some(((_, first), later)) = pieces.split_first() else { return Ok(Node::NEVER) };
        let differ = later.iter().any(|(_, function)| function != first);
        let Some(rest) = bits.checked_sub(1).filter(|_| differ) else { return Ok(*first) };
        let middle = start + (1_u32 << rest);
        let below = pieces.partition_point(|(start, _)| *start < middle);
        let through = pieces.partition_point(|(start, _)| *start <= middle).saturating_sub(1);
        let low = pieces.get(..below).unwrap_or_default();
        let high = pieces.get(through..).unwrap_or_default();
        let low = self.block((base + 1, rest), start, low)?;
        let high = self.block((base + 1, rest), middle, high)?;
        self.node(base, low, high)
    }
}

/// A place among `places`, a power of two, for three numbers.
fn place(places: usize, a: u32, b: u32, c: u32) -> usize {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let pair = (u64::from(b) << 32) | u64::from(c);
    let mixed = (u64::from(a) ^ pair.wrapping_mul(ODD)).wrapping_mul(ODD);
    // The upper digits of a product are the ones that depend on all of both factors.
    let digits = places.trailing_zeros().clamp(1, u32::BITS);
    usize::try_from(mixed >> (u64::BITS - digits)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many variables the tests have.
    const VARIABLES: u32 = 5;

    fn constant(holds: bool) -> Node {
        if holds { Node::ALWAYS } else { Node::NEVER }
    }

    fn holds(diagrams: &Diagrams, node: Node, number: u32) -> bool {
        let mut node = node;
        loop {
            let branch = diagrams.branch(node);
            if branch.level == CONSTANT {
                return node == Node::ALWAYS;
            }
            let is_set = number >> (VARIABLES - 1 - branch.level) & 1 == 1;
            node = if is_set { branch.high } else { branch.low };
        }
    }

    fn of(diagrams: &mut Diagrams, table: u32) -> Node {
        let pieces: Vec<(u32, Node)> =
            (0..32).map(|number| (number, constant(table >> number & 1 == 1))).collect();
        diagrams.pieces(0, VARIABLES, &pieces).unwrap()
    }

    proptest! {
        #[test]
        fn functions_are_their_tables(a: u32, b: u32) {
            let mut diagrams = Diagrams::new(10_000);
            let (left, right) = (of(&mut diagrams, a), of(&mut diagrams, b));
            let tables = [
                (Operation::And, a & b),
                (Operation::Or, a | b),
                (Operation::Without, a & !b),
            ];
            for (operation, table) in tables {
                let joined = diagrams.join(operation, left, right).unwrap();
                prop_assert_eq!(joined, of(&mut diagrams, table));
                for number in 0..32 {
                    prop_assert_eq!(holds(&diagrams, joined, number), table >> number & 1 == 1);
                }
            }
        }

        #[test]
        fn what_holds_for_some_values_does_not_ask_for_them(table: u32, start in 0..=VARIABLES, count in 0..=VARIABLES) {
            let mut diagrams = Diagrams::new(10_000);
            let band = start..(start + count).min(VARIABLES);
            let node = of(&mut diagrams, table);
            let some = diagrams.for_some(node, &band).unwrap();
            let free = band.clone().fold(0, |free, level| free | 1_u32 << (VARIABLES - 1 - level));
            for number in 0..32 {
                let expected = (0..32).any(|other| other & !free == number & !free && table >> other & 1 == 1);
                prop_assert_eq!(holds(&diagrams, some, number), expected);
            }
            let asked = diagrams.above(some, band.end);
            prop_assert!(asked.iter().all(|node| !band.contains(&diagrams.branch(*node).level)));
        }

        #[test]
        fn pieces_are_runs_of_numbers(mut starts in prop::collection::btree_set(1_u32..32, 0..6)) {
            let mut diagrams = Diagrams::new(10_000);
            starts.insert(0);
            let pieces: Vec<(u32, Node)> =
                starts.iter().zip([false, true].into_iter().cycle()).map(|(s, h)| (*s, constant(h))).collect();
            let node = diagrams.pieces(0, VARIABLES, &pieces).unwrap();
            for number in 0..32 {
                let runs = starts.iter().filter(|start| **start <= number).count();
                prop_assert_eq!(holds(&diagrams, node, number), runs % 2 == 0);
            }
        }
    }

    #[test]
    fn a_diagram_of_any_depth_is_joined() {
        let mut diagrams = Diagrams::new(1_000_000);
        let (mut every, mut some) = (Node::ALWAYS, Node::NEVER);
        for level in (0..100_000).rev() {
            every = diagrams.node(level, Node::NEVER, every).unwrap();
            some = diagrams.node(level, some, Node::ALWAYS).unwrap();
        }
        assert_eq!(diagrams.join(Operation::And, every, some), Ok(every));
        assert_eq!(
            diagrams.for_some(every, &(0..99_999)),
            diagrams.node(99_999, Node::NEVER, Node::ALWAYS)
        );
    }

    #[test]
    fn nodes_are_not_made_beyond_the_budget() {
        let mut diagrams = Diagrams::new(3);
        let one = diagrams.node(1, Node::NEVER, Node::ALWAYS).unwrap();
        assert_eq!(diagrams.node(0, one, Node::ALWAYS), Err(Exhausted));
        assert_eq!(diagrams.node(1, Node::NEVER, Node::ALWAYS), Ok(one));
    }
}

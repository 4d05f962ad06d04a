//! Sets of flows while they are being worked with.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::marker::PhantomData;

use foldhash::fast::RandomState;

use super::axis::Axis;
use super::axis::AxisSet;
use super::axis::Value;
use super::diagram::Diagrams;
use super::diagram::Exhausted;
use super::diagram::Node;
use super::diagram::Operation;
use super::frozen::FlowSet;
use super::layout::Digits;
use super::layout::Layout;
use super::point::products_of_flows;
use super::question::Question;

/// Where the sets of an algebra may be cut, and the atoms that they may depend on. All that will
/// take part has to be known before, since a value is coded by its rank among the cuts.
#[derive(Clone, Debug)]
pub struct Cuts<A> {
    // In no order and with repetitions until an algebra is made of them; then ascending, without
    // equals, and without the least value of an axis.
    values: BTreeMap<Axis, Vec<Value>>,
    pub(super) atoms: Vec<A>,
}

impl<A: Clone + Ord> Default for Cuts<A> {
    /// The cuts that tell a flow from what is none.
    fn default() -> Cuts<A> {
        let mut cuts = Cuts { values: BTreeMap::new(), atoms: Vec::new() };
        cuts.extend(products_of_flows().iter().flatten());
        cuts
    }
}

impl<A: Clone + Ord> Cuts<A> {
    /// Adds the cuts of `sets`.
    pub fn extend<'s>(&mut self, sets: impl IntoIterator<Item = &'s AxisSet>) {
        for set in sets {
            self.values.entry(set.axis()).or_default().extend_from_slice(set.values().cuts());
        }
    }

    /// Adds `atoms`.
    pub fn extend_atoms(&mut self, atoms: impl IntoIterator<Item = A>) {
        self.atoms.extend(atoms);
    }

    /// Adds the cuts and atoms of `others`.
    pub fn join(&mut self, others: Cuts<A>) {
        for (axis, values) in others.values {
            self.values.entry(axis).or_default().extend(values);
        }
        self.atoms.extend(others.atoms);
    }

    /// Adds the cuts and atoms of `set`.
    pub fn extend_set(&mut self, set: &FlowSet<A>) {
        for (axis, cuts) in &set.cuts {
            self.values.entry(*axis).or_default().extend_from_slice(cuts);
        }
        self.atoms.extend_from_slice(&set.atoms);
    }

    fn put_in_order(&mut self) {
        for (axis, values) in &mut self.values {
            let least = axis.least();
            values.retain(|value| *value != least);
            values.sort_unstable();
            values.dedup();
        }
        self.atoms.sort_unstable();
        self.atoms.dedup();
    }

    /// The cuts of an axis, ascending.
    pub(super) fn of(&self, axis: Axis) -> &[Value] {
        self.values.get(&axis).map_or(&[], Vec::as_slice)
    }

    /// Calls `work` with the algebra over these cuts. It makes at most `nodes` nodes, of some 60 bytes
    /// with what finds them, and its steps are bounded by their number. No set of it can be taken
    /// out but as a [`FlowSet`], so that no two algebras are mixed:
    ///
    /// ```compile_fail
    /// # use exeat::flow::set::flows::Cuts;
    /// let cuts: Cuts<()> = Cuts::default();
    /// cuts.clone().with_algebra(1_000, |one| {
    ///     cuts.with_algebra(1_000, |mut other| other.union(one.all(), other.all()))
    /// });
    /// ```
    ///
    /// # Errors
    /// [`AlgebraError::TooLarge`] where not even the set of all flows can be built.
    pub fn with_algebra<R>(
        mut self,
        nodes: usize,
        work: impl for<'id> FnOnce(Algebra<'id, A>) -> R,
    ) -> Result<R, AlgebraError> {
        self.put_in_order();
        Algebra::new(self, nodes).map(work)
    }
}

/// Why there is no such set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AlgebraError {
    /// More nodes, or steps, or runs of a frozen set are needed than were allowed.
    #[error("the work on sets of flows took more than {nodes} nodes")]
    TooLarge {
        /// How many nodes were allowed.
        nodes: usize,
    },
    /// A set is cut where the algebra has no cut.
    #[error("a set of flows is cut at a value that was not announced")]
    UnknownCut,
    /// A set depends on an atom that the algebra does not have.
    #[error("a set of flows depends on an atom that was not announced")]
    UnknownAtom,
}

/// A set of flows under assignments of atoms, of the algebra with the same brand. Every point of it
/// is a flow. Equal sets are equal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Set<'id> {
    pub(super) node: Node,
    brand: Brand<'id>,
}

/// The ranks of the cuts of an axis, found by hash: among as many as long lists of addresses have, each
/// step of a search would miss the caches.
#[derive(Debug)]
struct Ranks {
    // Invariant: a power of two, at most half of it taken; 0 where free.
    places: Vec<u32>,
    hashes: RandomState,
}

impl Ranks {
    /// Those of `cuts`, which are no more than there are numbers.
    fn new(cuts: &[Value]) -> Ranks {
        let mut ranks = Ranks {
            places: vec![0; (cuts.len() * 2).max(2).next_power_of_two()],
            hashes: RandomState::default(),
        };
        for (rank, cut) in (1_u32..).zip(cuts) {
            let mut place = ranks.first_place(cut);
            while ranks.places.get(place).is_some_and(|taken| *taken != 0) {
                place = ranks.next(place);
            }
            if let Some(free) = ranks.places.get_mut(place) {
                *free = rank;
            }
        }
        ranks
    }

    /// The rank of `value`, if it is one of `cuts`, which are those that this was made of.
    fn of(&self, value: &Value, cuts: &[Value]) -> Option<u32> {
        let mut place = self.first_place(value);
        loop {
            let rank = *self.places.get(place)?;
            let cut = cuts.get((rank as usize).checked_sub(1)?)?;
            if cut == value {
                return Some(rank);
            }
            place = self.next(place);
        }
    }

    fn first_place(&self, value: &Value) -> usize {
        // As many of its digits as tell the places apart.
        let digits = self.places.len().trailing_zeros().clamp(1, u32::BITS);
        usize::try_from(self.hashes.hash_one(value) >> (u64::BITS - digits)).unwrap_or_default()
    }

    fn next(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }
}

/// Invariant in its lifetime, so that no two algebras have one brand.
pub(super) type Brand<'id> = PhantomData<fn(&'id ()) -> &'id ()>;

/// The sets over some cuts, closed under union, intersection and difference.
#[derive(Debug)]
pub struct Algebra<'id, A> {
    pub(super) cuts: Cuts<A>,
    ranks: BTreeMap<Axis, Ranks>,
    pub(super) layout: Layout,
    pub(super) diagrams: Diagrams,
    all: Node,
    pub(super) nodes: usize,
    brand: Brand<'id>,
}

impl<'id, A: Clone + Ord> Algebra<'id, A> {
    fn new(cuts: Cuts<A>, nodes: usize) -> Result<Algebra<'id, A>, AlgebraError> {
        let layout = Layout::new(|axis| cuts.of(axis).len(), cuts.atoms.len())
            .ok_or(AlgebraError::TooLarge { nodes })?;
        let diagrams = Diagrams::new(nodes);
        let brand = PhantomData;
        let ranks = cuts.values.iter().map(|(axis, cuts)| (*axis, Ranks::new(cuts))).collect();
        let all = Node::ALWAYS;
        let mut algebra = Algebra { cuts, ranks, layout, diagrams, all, nodes, brand };
        let mut all = algebra.empty();
        for sets in products_of_flows() {
            let flows = algebra.product(&sets)?;
            all = algebra.union(all, flows)?;
        }
        algebra.all = all.node;
        Ok(algebra)
    }

    /// The flows of `set` that are not in `aside`, if there are such; else all of them.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn rather_outside(
        &mut self,
        set: Set<'id>,
        aside: Set<'id>,
    ) -> Result<Set<'id>, AlgebraError> {
        let outside = self.difference(set, aside)?;
        Ok(if self.is_empty(outside) { set } else { outside })
    }

    /// How many nodes have been made: what the work has cost so far.
    pub fn nodes_made(&self) -> usize {
        self.diagrams.count()
    }

    /// Whether no flow is in `set` under any assignment.
    pub fn is_empty(&self, set: Set<'id>) -> bool {
        set.node == Node::NEVER
    }

    /// No flow.
    pub fn empty(&self) -> Set<'id> {
        self.set(Node::NEVER)
    }

    /// Every flow under every assignment.
    pub fn all(&self) -> Set<'id> {
        self.set(self.all)
    }

    /// The flows whose coordinates lie in all of `sets`.
    ///
    /// # Errors
    /// Sets that were not announced, or too many nodes.
    pub fn product<'s>(
        &mut self,
        sets: impl IntoIterator<Item = &'s AxisSet>,
    ) -> Result<Set<'id>, AlgebraError> {
        self.product_of(sets.into_iter().collect())
    }

    fn product_of(&mut self, mut sets: Vec<&AxisSet>) -> Result<Set<'id>, AlgebraError> {
        sets.sort_by_key(|set| set.axis());
        // From the last axis to the first, so that a set is put on top of what is done.
        let mut product = Node::ALWAYS;
        for set in sets.into_iter().rev() {
            let factor = self.along(set)?;
            product = self.join(Operation::And, factor, product)?;
        }
        let node = self.join(Operation::And, product, self.all)?;
        Ok(self.set(node))
    }

    /// The flows under the assignments in which `atom` holds.
    ///
    /// # Errors
    /// An atom that was not announced, or too many nodes.
    pub fn where_holds(&mut self, atom: &A) -> Result<Set<'id>, AlgebraError> {
        let level = self.level_of(atom)?;
        let holds = self.node(level, Node::NEVER, Node::ALWAYS)?;
        let node = self.join(Operation::And, holds, self.all)?;
        Ok(self.set(node))
    }

    /// What is in one or the other, or both.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn union(&mut self, a: Set<'id>, b: Set<'id>) -> Result<Set<'id>, AlgebraError> {
        self.join(Operation::Or, a.node, b.node).map(|node| self.set(node))
    }

    /// What is in one of `sets`, or in several.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn union_of(&mut self, sets: &[Set<'id>]) -> Result<Set<'id>, AlgebraError> {
        self.join_all(Operation::Or, sets).map(|joined| joined.unwrap_or(self.empty()))
    }

    /// What is in all of `sets`: everything, where there are none.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn intersection_of(&mut self, sets: &[Set<'id>]) -> Result<Set<'id>, AlgebraError> {
        self.join_all(Operation::And, sets).map(|joined| joined.unwrap_or(self.all()))
    }

    /// Joins `sets` as a balanced tree: one by one, the first would be gone through for each.
    fn join_all(
        &mut self,
        operation: Operation,
        sets: &[Set<'id>],
    ) -> Result<Option<Set<'id>>, AlgebraError> {
        let (left, right) = sets.split_at(sets.len() / 2);
        if left.is_empty() {
            return Ok(right.first().copied());
        }
        let left = self.join_all(operation, left)?;
        let right = self.join_all(operation, right)?;
        let (Some(left), Some(right)) = (left, right) else { return Ok(left.or(right)) };
        let node = self.join(operation, left.node, right.node)?;
        Ok(Some(self.set(node)))
    }

    /// What is in both.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn intersection(&mut self, a: Set<'id>, b: Set<'id>) -> Result<Set<'id>, AlgebraError> {
        self.join(Operation::And, a.node, b.node).map(|node| self.set(node))
    }

    /// What is in `a` and not in `b`.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn difference(&mut self, a: Set<'id>, b: Set<'id>) -> Result<Set<'id>, AlgebraError> {
        self.join(Operation::Without, a.node, b.node).map(|node| self.set(node))
    }

    /// The flows that are in `set` under some assignment. No atom matters to them.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn where_possible(&mut self, set: Set<'id>) -> Result<Set<'id>, AlgebraError> {
        let atoms = self.layout.atoms();
        let node = self.diagrams.for_some(set.node, &atoms);
        node.map(|node| self.set(node)).map_err(|Exhausted| self.too_large())
    }

    /// The flows that are in `possible` under some assignment, and in `set` under every one under
    /// which they are in `possible`. No atom matters to them.
    ///
    /// Where `possible` leaves out the assignments that cannot be, this is what is sure of `set`:
    ///
    /// ```
    /// use exeat::flow::set::flows::AlgebraError;
    /// use exeat::flow::set::flows::Cuts;
    ///
    /// let mut cuts: Cuts<&str> = Cuts::default();
    /// cuts.extend_atoms(["in Storage", "in Storage.WestEurope"]);
    /// cuts.with_algebra(10_000, |mut algebra| {
    ///     let all = algebra.where_holds(&"in Storage")?;
    ///     let west = algebra.where_holds(&"in Storage.WestEurope")?;
    ///     let impossible = algebra.difference(west, all)?;
    ///     let possible = algebra.difference(algebra.all(), impossible)?;
    ///     let outside = algebra.difference(algebra.all(), west)?;
    ///     let set = algebra.union(all, outside)?;
    ///     assert_eq!(algebra.where_certain(set, possible)?, algebra.all());
    ///     assert_eq!(algebra.where_certain(all, possible)?, algebra.empty());
    ///     Ok(())
    /// })??;
    /// # Ok::<(), AlgebraError>(())
    /// ```
    ///
    /// # Errors
    /// Too many nodes.
    pub fn where_certain(
        &mut self,
        set: Set<'id>,
        possible: Set<'id>,
    ) -> Result<Set<'id>, AlgebraError> {
        let outside = self.difference(possible, set)?;
        let sometimes_outside = self.where_possible(outside)?;
        let possible = self.where_possible(possible)?;
        self.difference(possible, sometimes_outside)
    }

    pub(super) fn set(&self, node: Node) -> Set<'id> {
        Set { node, brand: self.brand }
    }

    pub(super) fn join(
        &mut self,
        operation: Operation,
        a: Node,
        b: Node,
    ) -> Result<Node, AlgebraError> {
        self.diagrams.join(operation, a, b).map_err(|Exhausted| self.too_large())
    }

    pub(super) fn node(&mut self, level: u32, low: Node, high: Node) -> Result<Node, AlgebraError> {
        self.diagrams.node(level, low, high).map_err(|Exhausted| self.too_large())
    }

    pub(super) fn too_large(&self) -> AlgebraError {
        AlgebraError::TooLarge { nodes: self.nodes }
    }

    /// The points whose coordinate lies in `set`, whatever the others are.
    fn along(&mut self, set: &AxisSet) -> Result<Node, AlgebraError> {
        let mut pieces = vec![(0, Node::NEVER)];
        for (index, cut) in set.values().cuts().iter().enumerate() {
            let begins = if index % 2 == 0 { Node::ALWAYS } else { Node::NEVER };
            let rank = self.rank(set.axis(), cut)?;
            if rank == 0 {
                pieces.clear();
            }
            pieces.push((rank, begins));
        }
        self.in_digits(set.axis(), &pieces)
    }

    fn in_digits(&mut self, axis: Axis, pieces: &[(u32, Node)]) -> Result<Node, AlgebraError> {
        let digits = self.digits_of(Question::Axis(axis))?;
        let (first, count) = (digits.first, digits.count);
        self.diagrams.pieces(first, count, pieces).map_err(|Exhausted| self.too_large())
    }

    /// How many cuts lie at or below `value`, itself a cut or the least.
    pub(super) fn rank(&self, axis: Axis, value: &Value) -> Result<u32, AlgebraError> {
        let found = self.ranks.get(&axis).and_then(|ranks| ranks.of(value, self.cuts.of(axis)));
        match found {
            Some(rank) => Ok(rank),
            None if *value == axis.least() => Ok(0),
            None => Err(AlgebraError::UnknownCut),
        }
    }

    /// The variable that is `atom`.
    pub(super) fn level_of(&self, atom: &A) -> Result<u32, AlgebraError> {
        let place = self.cuts.atoms.binary_search(atom).map_err(|_| AlgebraError::UnknownAtom)?;
        self.digits_of(Question::Atom(place)).map(|digits| digits.first)
    }

    pub(super) fn digits_of(&self, question: Question) -> Result<Digits, AlgebraError> {
        self.layout.of(question).ok_or(AlgebraError::UnknownCut)
    }
}

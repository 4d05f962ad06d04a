//! What is said of points before it is met with what a flow is: products on axes, joined.
//!
//! A set of flows is larger than what was said of it, as it says also what a flow is. So what is
//! made of many parts is made of [`Points`], and met once with all flows.

use foldhash::HashMap;
use foldhash::HashSet;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;

use super::algebra::Algebra;
use super::algebra::AlgebraError;
use super::algebra::Brand;
use super::algebra::Set;
use super::axis::AxisSet;
use super::diagram::CONSTANT;
use super::diagram::Diagrams;
use super::diagram::Exhausted;
use super::diagram::Node;
use super::diagram::Operation;
use super::layout::Digits;
use super::question::Question;

/// Stretches of ranks: the first of each, and the one beyond it.
type Ranks = Rc<[(u32, u32)]>;

/// Points under assignments of atoms, of the algebra with the same brand, whether they are flows or
/// not. What holds the same flows may differ here in points that are none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Points<'id> {
    node: Node,
    brand: Brand<'id>,
}

/// The values on one axis as the algebra with the same brand codes them.
#[derive(Clone, Debug)]
pub struct Stretches<'id> {
    digits: Digits,
    // Invariant: ascending and apart; each is not empty. One that ends with the last rank has it as
    // its end.
    /// The first rank of each stretch, and the one beyond it.
    ranks: Ranks,
    brand: Brand<'id>,
}

/// The points on all of some stretches, and among some points.
#[derive(Clone, Debug)]
pub struct Product<'id> {
    /// At most one for an axis is needed; of several, what is common to all counts.
    pub along: Vec<Stretches<'id>>,
    /// Among these.
    pub among: Points<'id>,
}

impl<'id, A: Clone + Ord> Algebra<'id, A> {
    /// Every point.
    pub fn all_points(&self) -> Points<'id> {
        Points::of(Node::ALWAYS)
    }

    /// No point.
    pub fn no_points(&self) -> Points<'id> {
        Points::of(Node::NEVER)
    }

    /// The values of `set`, in the ranks of this algebra.
    ///
    /// # Errors
    /// A set that was not announced.
    pub fn stretches(&self, set: &AxisSet) -> Result<Stretches<'id>, AlgebraError> {
        let digits = self.digits_of(Question::Axis(set.axis()))?;
        let mut stretches = Vec::new();
        for (start, end) in set.values().pairs() {
            let start = self.rank(set.axis(), start)?;
            let end = end.map_or(Ok(digits.ranks), |end| self.rank(set.axis(), end))?;
            stretches.push((start, end));
        }
        Ok(Stretches { digits, ranks: stretches.into(), brand: PhantomData })
    }

    /// The points under the assignments in which `atom` holds.
    ///
    /// # Errors
    /// An atom that was not announced, or too many nodes.
    pub fn points_where(&mut self, atom: &A) -> Result<Points<'id>, AlgebraError> {
        let level = self.level_of(atom)?;
        self.node(level, Node::NEVER, Node::ALWAYS).map(Points::of)
    }

    /// The points in all of `parts`.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn points_in_all(
        &mut self,
        parts: impl IntoIterator<Item = Points<'id>>,
    ) -> Result<Points<'id>, AlgebraError> {
        let mut all = Node::ALWAYS;
        for part in parts {
            all = self.join(Operation::And, all, part.node)?;
        }
        Ok(Points::of(all))
    }

    /// The points in one of `parts`, or in several.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn points_in_one(
        &mut self,
        parts: impl IntoIterator<Item = Points<'id>>,
    ) -> Result<Points<'id>, AlgebraError> {
        let parts: Vec<Node> = parts.into_iter().map(|part| part.node).collect();
        let node = any(&mut self.diagrams, &parts).map_err(|Exhausted| self.too_large())?;
        Ok(Points::of(node))
    }

    /// The points in `one` and not in `other`.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn points_without(
        &mut self,
        one: Points<'id>,
        other: Points<'id>,
    ) -> Result<Points<'id>, AlgebraError> {
        self.join(Operation::Without, one.node, other.node).map(Points::of)
    }

    /// The points in one of `products`, or in several.
    ///
    /// No product is made by itself: each axis is gone along once for the products that meet there,
    /// so that the work follows what comes out, and how many products meet.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn points_in_products(
        &mut self,
        products: &[Product<'id>],
    ) -> Result<Points<'id>, AlgebraError> {
        let node = Sweep::over(products, &mut self.diagrams)
            .and_then(Sweep::run)
            .map_err(|Exhausted| self.too_large())?;
        Ok(Points::of(node))
    }

    /// Whether some flow is in all of `inside` and in none of `outside`, under some assignment.
    ///
    /// Nothing is made to know it, and the search ends at the first such flow.
    ///
    /// # Errors
    /// More steps than nodes are allowed, or too many steps in all.
    pub fn has_flow<const I: usize, const O: usize>(
        &mut self,
        inside: [Points<'id>; I],
        outside: [Points<'id>; O],
    ) -> Result<bool, AlgebraError> {
        type Place<const I: usize, const O: usize> = (Node, [Node; I], [Node; O]);
        let mut seen: HashSet<Place<I, O>> = HashSet::default();
        let node = |points: Points<'id>| points.node;
        let mut open = vec![(self.all().node, inside.map(node), outside.map(node))];
        while let Some(place @ (flows, inside, outside)) = open.pop() {
            if flows == Node::NEVER
                || inside.contains(&Node::NEVER)
                || outside.contains(&Node::ALWAYS)
                || !seen.insert(place)
            {
                continue;
            }
            self.diagrams.spend(1).map_err(|Exhausted| self.too_large())?;
            if seen.len() > self.nodes {
                return Err(self.too_large());
            }
            let all = [flows].into_iter().chain(inside).chain(outside);
            let level = all.map(|node| self.diagrams.branch(node).level).min();
            let Some(level) = level.filter(|level| *level != CONSTANT) else { return Ok(true) };
            let low = |node| self.diagrams.halves(node, level).0;
            let high = |node| self.diagrams.halves(node, level).1;
            open.push((high(flows), inside.map(high), outside.map(high)));
            open.push((low(flows), inside.map(low), outside.map(low)));
        }
        Ok(false)
    }

    /// The flows among `points`.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn flows_among(&mut self, points: Points<'id>) -> Result<Set<'id>, AlgebraError> {
        let all = self.all().node;
        self.join(Operation::And, points.node, all).map(|node| self.set(node))
    }
}

impl<'id> From<Set<'id>> for Points<'id> {
    fn from(set: Set<'id>) -> Points<'id> {
        Points::of(set.node)
    }
}

impl Points<'_> {
    fn of(node: Node) -> Self {
        Points { node, brand: PhantomData }
    }
}

/// What holds where one of `parts` does, joined as a balanced tree: one by one, the first would be
/// gone through for each.
fn any(diagrams: &mut Diagrams, parts: &[Node]) -> Result<Node, Exhausted> {
    match parts {
        [] => Ok(Node::NEVER),
        [only] => Ok(*only),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            let (left, right) = (any(diagrams, left)?, any(diagrams, right)?);
            diagrams.join(Operation::Or, left, right)
        }
    }
}

/// A product, with what is left of it where the way along its axes has ended.
struct Prepared {
    // Invariant: in the order of their variables, one for an axis.
    along: Vec<(Digits, Ranks)>,
    /// Asks for no variable before those of the axes.
    end: Node,
}

/// The products that are still open at some place, by their numbers, ascending.
type Open = Box<[u32]>;

/// The union of products, along one axis after the other.
struct Sweep<'d> {
    diagrams: &'d mut Diagrams,
    products: Vec<Prepared>,
    /// What became of the same products from the same variable on.
    known: HashMap<(u32, Open), Node>,
}

impl<'d> Sweep<'d> {
    fn over(products: &[Product<'_>], diagrams: &'d mut Diagrams) -> Result<Sweep<'d>, Exhausted> {
        let mut prepared = Vec::with_capacity(products.len());
        for product in products {
            let mut along: BTreeMap<u32, (Digits, Ranks)> = BTreeMap::new();
            for stretches in &product.along {
                let digits = stretches.digits;
                let common = match along.get(&digits.first) {
                    Some((_, others)) => common(others, &stretches.ranks),
                    None => Rc::clone(&stretches.ranks),
                };
                along.insert(digits.first, (digits, common));
            }
            let is_empty = along.values().any(|(_, ranks)| ranks.is_empty());
            if is_empty || product.among.node == Node::NEVER {
                continue;
            }
            // What asks for something on an axis, or before it, is met with the axis first.
            let begin = diagrams.branch(product.among.node).level;
            let mut end = product.among.node;
            while let Some(last) = along.last_entry().filter(|last| last.get().0.end() > begin) {
                let (digits, ranks) = last.remove();
                let factor = within(diagrams, digits, &ranks)?;
                end = diagrams.join(Operation::And, factor, end)?;
            }
            prepared.push(Prepared { along: along.into_values().collect(), end });
        }
        Ok(Sweep { diagrams, products: prepared, known: HashMap::default() })
    }

    fn run(mut self) -> Result<Node, Exhausted> {
        let all: Vec<u32> = (0..).take(self.products.len()).collect();
        self.union(0, all.into())
    }

    /// The union of the products of `open`, as far as it asks for variables from `level` on.
    fn union(&mut self, level: u32, open: Open) -> Result<Node, Exhausted> {
        let next = open.iter().filter_map(|one| self.next(*one, level)).min_by_key(|it| it.first);
        let Some(digits) = next else {
            let mut ends: Vec<Node> =
                open.iter().filter_map(|one| Some(self.products.get(*one as usize)?.end)).collect();
            ends.sort_unstable();
            ends.dedup();
            return any(self.diagrams, &ends);
        };
        let key = (digits.first, open);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let (_, open) = &key;
        self.diagrams.spend(open.len())?;
        // Where a product enters or leaves the union on the way along the axis.
        let mut turns: Vec<(u32, u32)> = Vec::new();
        let mut free: Vec<u32> = Vec::new();
        for one in open {
            let Some(ranks) = self.ranks(*one, digits) else {
                free.push(*one);
                continue;
            };
            for (start, end) in ranks.iter() {
                turns.push((*start, *one));
                if *end < digits.ranks {
                    turns.push((*end, *one));
                }
            }
        }
        turns.sort_unstable();
        self.diagrams.spend(turns.len())?;
        let mut pieces = vec![(0, Node::NEVER)];
        let mut met: Vec<u32> = Vec::new();
        for turns in turns.chunk_by(|(one, _), (other, _)| one == other) {
            for (_, one) in turns {
                match met.binary_search(one) {
                    Ok(place) => drop(met.remove(place)),
                    Err(place) => met.insert(place, *one),
                }
            }
            self.diagrams.spend(met.len())?;
            let here = self.union(digits.end(), met.as_slice().into())?;
            let start = turns.first().map_or(0, |(start, _)| *start);
            if start == 0 {
                pieces.clear();
            }
            pieces.push((start, here));
        }
        let along = self.diagrams.pieces(digits.first, digits.count, &pieces)?;
        let free = self.union(digits.end(), free.into())?;
        let node = self.diagrams.join(Operation::Or, along, free)?;
        self.known.insert(key, node);
        Ok(node)
    }

    /// The first axis of a product from `level` on.
    fn next(&self, product: u32, level: u32) -> Option<Digits> {
        let along = &self.products.get(product as usize)?.along;
        along.iter().map(|(digits, _)| *digits).find(|digits| digits.first >= level)
    }

    /// Where a product lies on an axis; nothing where it lies everywhere.
    fn ranks(&self, product: u32, digits: Digits) -> Option<Ranks> {
        let along = &self.products.get(product as usize)?.along;
        along.iter().find(|(other, _)| *other == digits).map(|(_, ranks)| Rc::clone(ranks))
    }
}

/// The points on these stretches of one axis.
fn within(
    diagrams: &mut Diagrams,
    digits: Digits,
    ranks: &[(u32, u32)],
) -> Result<Node, Exhausted> {
    let mut pieces = vec![(0, Node::NEVER)];
    for (start, end) in ranks {
        if *start == 0 {
            pieces.clear();
        }
        pieces.push((*start, Node::ALWAYS));
        if *end < digits.ranks {
            pieces.push((*end, Node::NEVER));
        }
    }
    diagrams.pieces(digits.first, digits.count, &pieces)
}

/// What is on both.
fn common(one: &[(u32, u32)], other: &[(u32, u32)]) -> Ranks {
    let mut common = Vec::new();
    let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
    while let (Some((start, end)), Some((other_start, other_end))) = (left.peek(), right.peek()) {
        let (from, to) = (start.max(other_start), end.min(other_end));
        if from < to {
            common.push((*from, *to));
        }
        if end < other_end {
            left.next()
        } else {
            right.next()
        };
    }
    common.into()
}

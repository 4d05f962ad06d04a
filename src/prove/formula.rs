//! What is said of flows, before it is a set: values on axes and atoms, joined.
//!
//! A set algebra has to know all cuts before it is made. So what a deployment or a list says is
//! first written down as a formula, which knows its cuts.

use foldhash::HashMap;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::AxisSet;
use crate::flow::set::flows::Cuts;
use crate::flow::set::flows::Points;
use crate::flow::set::flows::Product;
use crate::flow::set::flows::Set;
use crate::flow::set::flows::Stretches;

use super::atom::FlowAtom;

/// A statement about a flow, by its number among [`Formulas`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Formula(u32);

impl Formula {
    /// True of no flow.
    pub(super) const NEVER: Formula = Formula(0);
    /// True of every flow.
    pub(super) const ALWAYS: Formula = Formula(1);
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Node {
    Never,
    Always,
    In(AxisSet),
    Holds(FlowAtom),
    All(Box<[Formula]>),
    Any(Box<[Formula]>),
    Without(Formula, Formula),
}

/// The most cuts of a set on an axis that is gone along for each of the products that it is a factor
/// of. A longer one, as of an IP group, is made once, and then intersected with.
const MAX_FACTOR: usize = 64;

/// The most products that a formula is taken apart into, within another. One that is more is a set
/// of its own.
const MAX_ALTERNATIVES: usize = 64;

/// A part that as many of the formulas have of which one is true is met with all of them at once.
const COMMON: usize = 4;

/// What a product is made of: values on axes, and atoms.
type Factors = Vec<Formula>;

/// Formulas, each after those that it is made of. Equal ones are one.
#[derive(Clone, Debug)]
pub(super) struct Formulas {
    nodes: Vec<Rc<Node>>,
    numbers: HashMap<Rc<Node>, Formula>,
}

impl Default for Formulas {
    fn default() -> Formulas {
        let mut formulas = Formulas { nodes: Vec::new(), numbers: HashMap::default() };
        formulas.add(Node::Never);
        formulas.add(Node::Always);
        formulas
    }
}

impl Formulas {
    fn add(&mut self, node: Node) -> Formula {
        if let Some(known) = self.numbers.get(&node) {
            return *known;
        }
        // A formula takes more than a byte of the input, which is far shorter than this.
        let number = Formula(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let node = Rc::new(node);
        self.nodes.push(Rc::clone(&node));
        self.numbers.insert(node, number);
        number
    }

    fn get(&self, Formula(number): Formula) -> &Node {
        self.nodes.get(number as usize).map_or(&Node::Never, Rc::as_ref)
    }

    /// The coordinate lies in `set`.
    pub(super) fn lies_in(&mut self, set: AxisSet) -> Formula {
        if set.is_empty() {
            Formula::NEVER
        } else if set.is_everything() {
            Formula::ALWAYS
        } else {
            self.add(Node::In(set))
        }
    }

    /// The atom holds.
    pub(super) fn holds(&mut self, atom: FlowAtom) -> Formula {
        self.add(Node::Holds(atom))
    }

    /// All of `parts`.
    pub(super) fn all(&mut self, parts: impl IntoIterator<Item = Formula>) -> Formula {
        let mut kept: Vec<Formula> = Vec::new();
        for part in parts {
            match part {
                Formula::NEVER => return Formula::NEVER,
                Formula::ALWAYS => {}
                // So that what lies on axes comes together, and is one product.
                part => match self.get(part) {
                    Node::All(parts) => kept.extend_from_slice(parts),
                    _ => kept.push(part),
                },
            }
        }
        kept.sort_unstable();
        kept.dedup();
        match kept.as_slice() {
            [] => Formula::ALWAYS,
            [only] => *only,
            _ => self.add(Node::All(kept.into())),
        }
    }

    /// One of `parts`, or several.
    pub(super) fn any(&mut self, parts: impl IntoIterator<Item = Formula>) -> Formula {
        let mut kept: Vec<Formula> = Vec::new();
        for part in parts {
            match part {
                Formula::ALWAYS => return Formula::ALWAYS,
                Formula::NEVER => {}
                part => kept.push(part),
            }
        }
        kept.sort_unstable();
        kept.dedup();
        match kept.as_slice() {
            [] => Formula::NEVER,
            [only] => *only,
            _ => self.add(Node::Any(kept.into())),
        }
    }

    /// `one` and not `other`.
    pub(super) fn without(&mut self, one: Formula, other: Formula) -> Formula {
        match (one, other) {
            (Formula::NEVER, _) | (_, Formula::ALWAYS) => Formula::NEVER,
            (one, Formula::NEVER) => one,
            (one, other) if one == other => Formula::NEVER,
            (one, other) => match self.get(other) {
                Node::In(set) => {
                    let others = set.complement();
                    let others = self.lies_in(others);
                    self.all([one, others])
                }
                _ => self.add(Node::Without(one, other)),
            },
        }
    }

    /// Not `one`.
    pub(super) fn not(&mut self, one: Formula) -> Formula {
        self.without(Formula::ALWAYS, one)
    }

    /// `then` where `condition` is true, else `otherwise`.
    pub(super) fn choose(
        &mut self,
        condition: Formula,
        then: Formula,
        otherwise: Formula,
    ) -> Formula {
        let then = self.all([condition, then]);
        let otherwise = self.without(otherwise, condition);
        self.any([then, otherwise])
    }

    /// The formulas that `roots` are made of, themselves included.
    fn parts(&self, roots: &[Formula]) -> impl Iterator<Item = &Node> {
        let mut is_part = vec![false; self.nodes.len()];
        let mut open: Vec<Formula> = roots.to_vec();
        while let Some(formula @ Formula(number)) = open.pop() {
            let Some(seen) = is_part.get_mut(number as usize) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            match self.get(formula) {
                Node::All(parts) | Node::Any(parts) => open.extend_from_slice(parts),
                Node::Without(one, other) => open.extend([*one, *other]),
                Node::Never | Node::Always | Node::In(_) | Node::Holds(_) => {}
            }
        }
        self.nodes.iter().zip(is_part).filter(|(_, is_part)| *is_part).map(|(node, _)| &**node)
    }

    /// The cuts and atoms of `roots`.
    pub(super) fn cuts(&self, roots: &[Formula]) -> Cuts<FlowAtom> {
        let mut cuts = Cuts::default();
        for node in self.parts(roots) {
            match node {
                Node::In(set) => cuts.extend([set]),
                Node::Holds(atom) => cuts.extend_atoms([atom.clone()]),
                Node::Never | Node::Always | Node::All(_) | Node::Any(_) | Node::Without(..) => {}
            }
        }
        cuts
    }

    /// The atoms of `roots`, each once, ascending.
    pub(super) fn atoms(&self, roots: &[Formula]) -> Vec<FlowAtom> {
        let atoms = self.parts(roots).filter_map(|node| match node {
            Node::Holds(atom) => Some(atom.clone()),
            _ => None,
        });
        let atoms: BTreeSet<FlowAtom> = atoms.collect();
        atoms.into_iter().collect()
    }

    /// The products that a formula is one of, if it is made of values and atoms alone, and of few.
    fn alternatives(&self, formula: Formula) -> Option<Vec<Factors>> {
        match self.get(formula) {
            Node::Never => Some(Vec::new()),
            Node::Always => Some(vec![Vec::new()]),
            Node::In(_) | Node::Holds(_) => Some(vec![vec![formula]]),
            Node::Without(..) => None,
            Node::All(parts) => {
                let (apart, factors) = self.taken_apart(parts);
                apart.is_empty().then_some(factors)
            }
            Node::Any(parts) => {
                let mut all = Vec::new();
                for part in parts.iter().take(MAX_ALTERNATIVES + 1) {
                    all.extend(self.alternatives(*part)?);
                    if all.len() > MAX_ALTERNATIVES {
                        return None;
                    }
                }
                Some(all)
            }
        }
    }

    /// Those of `parts` that are sets of their own, and the products that the others are together.
    fn taken_apart(&self, parts: &[Formula]) -> (Vec<Formula>, Vec<Factors>) {
        let (mut apart, mut products) = (Vec::new(), vec![Vec::new()]);
        for part in parts {
            match self.alternatives(*part) {
                Some(some) if some.len() * products.len() <= MAX_ALTERNATIVES => {
                    let with = |one: &Factors| -> Vec<Factors> {
                        some.iter().map(|other| [one.as_slice(), other].concat()).collect()
                    };
                    products = products.iter().flat_map(with).collect();
                }
                _ => apart.push(*part),
            }
        }
        (apart, products)
    }

    /// What is itself one of several formulas, and a part of many of `parts`.
    fn common(&self, parts: &[Formula]) -> BTreeSet<Formula> {
        let mut found: BTreeMap<Formula, usize> = BTreeMap::new();
        for part in parts {
            let Node::All(parts) = self.get(*part) else { continue };
            for one in parts.iter().filter(|one| matches!(self.get(**one), Node::Any(_))) {
                *found.entry(*one).or_default() += 1;
            }
        }
        found.into_iter().filter(|(_, times)| *times >= COMMON).map(|(one, _)| one).collect()
    }

    /// How a formula is made of products, and of formulas with sets of their own.
    fn plan(&self, formula: Formula) -> Plan {
        match self.get(formula) {
            Node::Never => Plan::OneOf(BTreeMap::new()),
            Node::Always => Plan::OneOf([(Vec::new(), vec![Vec::new()])].into()),
            Node::In(_) | Node::Holds(_) => Plan::Factor,
            Node::Without(one, other) => Plan::Without(*one, *other),
            Node::All(parts) => Plan::OneOf([self.taken_apart(parts)].into()),
            Node::Any(parts) => {
                let common = self.common(parts);
                let mut groups: BTreeMap<Vec<Formula>, Vec<Factors>> = BTreeMap::new();
                for part in parts {
                    let own = std::slice::from_ref(part);
                    let factors = if let Node::All(all) = self.get(*part) { all } else { own };
                    let (mut apart, own): (Vec<Formula>, Vec<Formula>) =
                        factors.iter().copied().partition(|one| common.contains(one));
                    let (others, products) = self.taken_apart(&own);
                    apart.extend(others);
                    groups.entry(apart).or_default().extend(products);
                }
                Plan::OneOf(groups)
            }
        }
    }

    /// The sets of the flows that `roots` are true of.
    ///
    /// # Errors
    /// Too many nodes; cuts that are not those of [`Formulas::cuts`].
    pub(super) fn sets<'id>(
        &self,
        roots: &[Formula],
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Vec<Set<'id>>, AlgebraError> {
        let points = self.points(roots, algebra)?;
        points.into_iter().map(|points| algebra.flows_among(points)).collect()
    }

    /// The points that `roots` are true of, before what is no flow is left out.
    ///
    /// # Errors
    /// Too many nodes; cuts that are not those of [`Formulas::cuts`].
    pub(super) fn points<'id>(
        &self,
        roots: &[Formula],
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Vec<Points<'id>>, AlgebraError> {
        let mut making = Making { formulas: self, made: BTreeMap::new(), along: BTreeMap::new() };
        making.make(roots, algebra)?;
        Ok(roots.iter().map(|root| making.points(*root, algebra)).collect())
    }
}

/// How a formula is made.
#[derive(Debug)]
enum Plan {
    /// It is a factor itself.
    Factor,
    /// It is true where one of the products is, and all of the formulas beside them.
    OneOf(BTreeMap<Vec<Formula>, Vec<Factors>>),
    /// The first is true, and not the second.
    Without(Formula, Formula),
}

/// The points of formulas, as far as they are made.
struct Making<'f, 'id> {
    formulas: &'f Formulas,
    made: BTreeMap<Formula, Points<'id>>,
    along: BTreeMap<Formula, Stretches<'id>>,
}

impl<'id> Making<'_, 'id> {
    fn make(
        &mut self,
        roots: &[Formula],
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<(), AlgebraError> {
        let mut wanted: BTreeSet<Formula> = roots.iter().copied().collect();
        let mut plans: Vec<(Formula, Plan)> = Vec::new();
        // What a formula is made of has lower numbers.
        while let Some(formula) = wanted.pop_last() {
            let plan = self.formulas.plan(formula);
            match &plan {
                Plan::Factor => {}
                Plan::Without(one, other) => wanted.extend([*one, *other]),
                Plan::OneOf(groups) => {
                    wanted.extend(groups.keys().flatten());
                    let factors = groups.values().flatten().flatten();
                    wanted.extend(factors.filter(|factor| !self.is_gone_along(**factor)));
                }
            }
            plans.push((formula, plan));
        }
        while let Some((formula, plan)) = plans.pop() {
            let points = self.made_as(formula, plan, algebra)?;
            self.made.insert(formula, points);
        }
        Ok(())
    }

    /// Whether the formula is a factor that has no set of its own.
    fn is_gone_along(&self, factor: Formula) -> bool {
        matches!(self.formulas.get(factor), Node::In(set) if set.cuts() <= MAX_FACTOR)
    }

    fn made_as(
        &mut self,
        formula: Formula,
        plan: Plan,
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Points<'id>, AlgebraError> {
        match plan {
            Plan::Factor => match self.formulas.get(formula) {
                Node::Holds(atom) => algebra.points_where(atom),
                Node::In(set) => {
                    let along = vec![algebra.stretches(set)?];
                    algebra.points_in_products(&[Product { along, among: algebra.all_points() }])
                }
                _ => Ok(algebra.no_points()),
            },
            Plan::Without(one, other) => {
                let (one, other) = (self.points(one, algebra), self.points(other, algebra));
                algebra.points_without(one, other)
            }
            Plan::OneOf(groups) => {
                let mut found = Vec::with_capacity(groups.len());
                for (apart, products) in groups {
                    let products: Result<Vec<_>, AlgebraError> =
                        products.iter().map(|factors| self.product(factors, algebra)).collect();
                    let one = algebra.points_in_products(&products?)?;
                    let apart = apart.iter().map(|formula| self.points(*formula, algebra));
                    let all: Vec<Points<'id>> = [one].into_iter().chain(apart).collect();
                    found.push(algebra.points_in_all(all)?);
                }
                algebra.points_in_one(found)
            }
        }
    }

    fn points(&self, formula: Formula, algebra: &Algebra<'id, FlowAtom>) -> Points<'id> {
        self.made.get(&formula).copied().unwrap_or(algebra.no_points())
    }

    fn product(
        &mut self,
        factors: &[Formula],
        algebra: &mut Algebra<'id, FlowAtom>,
    ) -> Result<Product<'id>, AlgebraError> {
        let (mut along, mut within) = (Vec::new(), Vec::new());
        for factor in factors {
            match self.formulas.get(*factor) {
                Node::In(set) if self.is_gone_along(*factor) => {
                    let stretches = match self.along.get(factor) {
                        Some(known) => known.clone(),
                        None => algebra.stretches(set)?,
                    };
                    self.along.insert(*factor, stretches.clone());
                    along.push(stretches);
                }
                _ => within.push(self.points(*factor, algebra)),
            }
        }
        Ok(Product { along, among: algebra.points_in_all(within)? })
    }
}

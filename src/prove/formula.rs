//! What is said of flows, before it is a set: values on axes and atoms, joined.
//!
//! A set algebra has to know all cuts before it is made. So what a deployment or a list says is
//! first written down as a formula, which knows its cuts.

use std::collections::BTreeSet;

use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::AxisSet;
use crate::flow::set::flows::Cuts;
use crate::flow::set::flows::Set;

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

#[derive(Clone, Debug)]
enum Node {
    Never,
    Always,
    In(AxisSet),
    Holds(FlowAtom),
    All(Box<[Formula]>),
    Any(Box<[Formula]>),
    Without(Formula, Formula),
}

/// The most cuts of a set on an axis that is a factor of a product, and made anew in each. A longer
/// one, as of an IP group, is made once, and then intersected with.
const MAX_FACTOR: usize = 64;

impl Node {
    /// Whether it is taken into the product of the formula that it is a part of.
    fn is_factor(&self) -> bool {
        matches!(self, Node::In(set) if set.cuts() <= MAX_FACTOR)
    }
}

/// Formulas, each after those that it is made of.
#[derive(Clone, Debug)]
pub(super) struct Formulas {
    nodes: Vec<Node>,
}

impl Default for Formulas {
    fn default() -> Formulas {
        Formulas { nodes: vec![Node::Never, Node::Always] }
    }
}

impl Formulas {
    fn add(&mut self, node: Node) -> Formula {
        // A formula takes more than a byte of the input, which is far shorter than this.
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(node);
        Formula(number)
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
                Formula(number) => match self.nodes.get(number as usize) {
                    Some(Node::All(parts)) => kept.extend_from_slice(parts),
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
            (one, other) => self.add(Node::Without(one, other)),
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

    /// The formulas that `roots` are made of, themselves included, but for those that `is_part` of
    /// another.
    fn needed(&self, roots: &[Formula], is_part: impl Fn(&Node) -> bool) -> Vec<bool> {
        let mut is_needed = vec![false; self.nodes.len()];
        let mut open: Vec<Formula> = roots.to_vec();
        while let Some(Formula(number)) = open.pop() {
            let Some(seen) = is_needed.get_mut(number as usize) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            match self.nodes.get(number as usize) {
                Some(Node::All(parts)) => {
                    let is_own = |part: &&Formula| {
                        self.nodes.get(part.0 as usize).is_some_and(|part| !is_part(part))
                    };
                    open.extend(parts.iter().filter(is_own));
                }
                Some(Node::Any(parts)) => open.extend_from_slice(parts),
                Some(Node::Without(one, other)) => open.extend([*one, *other]),
                Some(Node::Never | Node::Always | Node::In(_) | Node::Holds(_)) | None => {}
            }
        }
        is_needed
    }

    /// The cuts and atoms of `roots`.
    pub(super) fn cuts(&self, roots: &[Formula]) -> Cuts<FlowAtom> {
        let mut cuts = Cuts::default();
        let needed = self.needed(roots, |_| false);
        for (node, _) in self.nodes.iter().zip(needed).filter(|(_, is_needed)| *is_needed) {
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
        let needed = self.needed(roots, |_| false);
        let atoms = self.nodes.iter().zip(needed).filter_map(|(node, is_needed)| match node {
            Node::Holds(atom) if is_needed => Some(atom.clone()),
            _ => None,
        });
        let atoms: BTreeSet<FlowAtom> = atoms.collect();
        atoms.into_iter().collect()
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
        let needed = self.needed(roots, Node::is_factor);
        let mut sets: Vec<Set<'id>> = Vec::with_capacity(self.nodes.len());
        let get = |sets: &[Set<'id>], Formula(number): Formula, empty| {
            sets.get(number as usize).copied().unwrap_or(empty)
        };
        let empty = algebra.empty();
        for (node, is_needed) in self.nodes.iter().zip(needed) {
            let set = match node {
                _ if !is_needed => empty,
                Node::Never => empty,
                Node::Always => algebra.all(),
                Node::In(set) => algebra.product(std::slice::from_ref(set))?,
                Node::Holds(atom) => algebra.where_holds(atom)?,
                Node::All(parts) => {
                    let mut along: Vec<&AxisSet> = Vec::new();
                    let mut others: Vec<Set<'id>> = Vec::new();
                    for part in parts {
                        match self.nodes.get(part.0 as usize) {
                            Some(Node::In(set)) if set.cuts() <= MAX_FACTOR => along.push(set),
                            _ => others.push(get(&sets, *part, empty)),
                        }
                    }
                    if !along.is_empty() {
                        others.push(algebra.product(along)?);
                    }
                    algebra.intersection_of(&others)?
                }
                Node::Any(parts) => {
                    let parts: Vec<Set<'id>> =
                        parts.iter().map(|part| get(&sets, *part, empty)).collect();
                    algebra.union_of(&parts)?
                }
                Node::Without(one, other) => {
                    algebra.difference(get(&sets, *one, empty), get(&sets, *other, empty))?
                }
            };
            sets.push(set);
        }
        Ok(roots.iter().map(|root| get(&sets, *root, empty)).collect())
    }
}

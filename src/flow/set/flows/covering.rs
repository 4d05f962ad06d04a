//! Whether a flow is in a set whatever is not known.

use std::collections::HashSet;

use super::frozen::FlowSet;
use super::frozen::Then;
use super::point::Point;
use super::question::Question;
use crate::flow::Flow;

impl<A: Ord> FlowSet<A> {
    /// Whether `flow` is in this set under every assignment under which it is in `possible`, of
    /// those in which atoms hold as `told` says. What it says nothing of may hold or not.
    pub fn covers_at(
        &self,
        possible: &FlowSet<A>,
        flow: &Flow,
        told: impl Fn(&A) -> Option<bool>,
    ) -> bool {
        let point = Point::of(flow);
        let mut seen: HashSet<(Then, Then)> = HashSet::new();
        let mut open = vec![(possible.root(), self.root())];
        while let Some((may_be, is_in)) = open.pop() {
            let (may_be, is_in) = (possible.at_atom(may_be, &point), self.at_atom(is_in, &point));
            if may_be == Then::Never || is_in == Then::Always || !seen.insert((may_be, is_in)) {
                continue;
            }
            let asked = [possible.atom(may_be), self.atom(is_in)];
            let Some(atom) = asked.into_iter().flatten().min() else { return false };
            for holds in [false, true] {
                if told(atom).is_none_or(|told| told == holds) {
                    let next = |set: &FlowSet<A>, then| set.given(then, atom, holds);
                    open.push((next(possible, may_be), next(self, is_in)));
                }
            }
        }
        true
    }

    /// What decides of `point`, once only atoms do.
    fn at_atom(&self, then: Then, point: &Point) -> Then {
        let mut then = then;
        while let Some(branch) = self.branch(then) {
            let Question::Axis(axis) = branch.question else { break };
            let value = point.value(axis);
            let rank = self.cuts_of(axis).partition_point(|cut| *cut <= value);
            then = branch.at(rank);
        }
        then
    }

    /// The atom that is asked for.
    fn atom(&self, then: Then) -> Option<&A> {
        match self.branch(then)?.question {
            Question::Atom(number) => self.atoms.get(number),
            Question::Axis(_) => None,
        }
    }

    /// What follows where `atom` is asked for and holds, or does not.
    fn given(&self, then: Then, atom: &A, holds: bool) -> Then {
        match self.branch(then) {
            Some(branch) if self.atom(then) == Some(atom) => branch.at(usize::from(holds)),
            Some(_) | None => then,
        }
    }
}

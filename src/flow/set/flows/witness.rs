//! One flow of a set, chosen to be read.

use super::axis::Axis;
use super::axis::Value;
use super::axis::flow_at;
use super::frozen::FlowSet;
use super::frozen::Then;
use super::question::Question;
use super::shown::Shown;
use crate::flow::Flow;

/// A flow of a set, and the assignment under which it is in it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Witness<A> {
    /// The flow.
    pub flow: Flow,
    /// The atoms that matter and whether each holds, ascending.
    pub atoms: Vec<(A, bool)>,
}

impl<A: Clone + Ord> FlowSet<A> {
    /// A flow of the set, if there is one.
    ///
    /// Each axis in its order has the first value of `preferred` that is left to it, else the one
    /// that reads best: the least, and of names the shortest. An atom holds only if it must.
    pub fn witness(&self, preferred: &[(Axis, Value)]) -> Option<Witness<A>> {
        let mut values: Vec<(Axis, Value)> =
            Axis::ALL.map(|axis| (axis, choose(axis, axis.least(), None, preferred).1)).into();
        let mut atoms = Vec::new();
        let mut then = self.root;
        while let Some(branch) = self.branch(then) {
            match branch.question {
                Question::Axis(axis) => {
                    let open = self.spans(axis, branch).filter(|(then, _, _)| *then != Then::Never);
                    let (_, value, next) = open
                        .map(|(then, start, end)| {
                            let (order, value) = choose(axis, start, end, preferred);
                            (order, value, then)
                        })
                        .min_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)))?;
                    values.retain(|(other, _)| *other != axis);
                    values.push((axis, value));
                    then = next;
                }
                Question::Atom(number) => {
                    let (at, run) =
                        branch.runs.iter().enumerate().find(|(_, run)| run.then != Then::Never)?;
                    atoms.push((self.atoms.get(number)?.clone(), at == 1));
                    then = run.then;
                }
            }
        }
        let value = |axis: Axis| {
            let found = values.iter().find(|(other, _)| *other == axis);
            found.map_or_else(|| axis.least(), |(_, value)| value.clone())
        };
        if then == Then::Never { None } else { Some(Witness { flow: flow_at(value)?, atoms }) }
    }
}

/// How well a value stands among others, the less the better.
type Order = (usize, usize);

/// The best value from `start` up to, and without, `end`.
fn choose(
    axis: Axis,
    start: Value,
    end: Option<&Value>,
    preferred: &[(Axis, Value)],
) -> (Order, Value) {
    let lies_within = |value: &Value| start <= *value && end.is_none_or(|end| value < end);
    let of_axis = preferred.iter().enumerate().filter(|(_, (other, _))| *other == axis);
    let mut within = of_axis.filter(|(_, (_, value))| lies_within(value));
    if let Some((place, (_, value))) = within.next() {
        return ((place, 0), value.clone());
    }
    let value = match &start {
        Value::Shown(Shown::Name(name)) => {
            let end = match end {
                Some(Value::Shown(Shown::Name(end))) => Some(end),
                Some(_) | None => None,
            };
            Value::Shown(Shown::Name(name.most_readable(end)))
        }
        Value::Path(path) if path.is_empty() => {
            let root = Value::Path("/".to_owned());
            if lies_within(&root) { root } else { start }
        }
        _ => start,
    };
    let length = match &value {
        Value::Shown(Shown::Name(name)) => name.len(),
        Value::Path(path) => path.len(),
        _ => 0,
    };
    ((usize::MAX, length), value)
}

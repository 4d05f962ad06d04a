//! One flow of a set, chosen to be read.

use std::ops::RangeInclusive;

use super::axis::Axis;
use super::axis::AxisSet;
use super::axis::Value;
use super::frozen::FlowSet;
use super::frozen::Then;
use super::point::Point;
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
    /// Each axis in its order has a value of the first of `preferred` that is left to it, and of what
    /// is left the value that reads best: the least, and of names a short one. An atom holds only
    /// if it must.
    pub fn witness(&self, preferred: &[AxisSet]) -> Option<Witness<A>> {
        let mut point = Point::default();
        for axis in Axis::ALL {
            let (_, value) = choose(axis, axis.least(), None, preferred);
            point.put(axis, value);
        }
        let mut atoms = Vec::new();
        let mut then = self.root();
        while let Some(branch) = self.branch(then) {
            match branch.question {
                Question::Axis(axis) => {
                    let spans = self.spans(axis, then).into_iter();
                    let open = spans.filter(|(then, _, _)| *then != Then::Never);
                    let chosen = open.map(|(then, start, end)| {
                        let (order, value) = choose(axis, start, end, preferred);
                        (order, value, then)
                    });
                    let (_, value, next) = chosen.min()?;
                    point.put(axis, value);
                    then = next;
                }
                Question::Atom(number) => {
                    let must_hold = branch.low == Then::Never;
                    atoms.push((self.atoms.get(number)?.clone(), must_hold));
                    then = if must_hold { branch.high } else { branch.low };
                }
            }
        }
        (then == Then::Always).then(|| Witness { flow: point.flow(), atoms })
    }
}

/// How well a value stands among others, the less the better: the place of the preference that it
/// meets, and its length.
type Order = (usize, usize);

/// The best value from `start` up to, and without, `end`.
fn choose(axis: Axis, start: Value, end: Option<&Value>, preferred: &[AxisSet]) -> (Order, Value) {
    let of_axis = preferred.iter().enumerate().filter(|(_, set)| set.axis() == axis);
    let mut met = of_axis.filter_map(|(place, set)| {
        let within = set.values().pairs().find_map(|(first, above)| {
            let first = first.max(&start);
            let above = match (above, end) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            above.is_none_or(|above| first < above).then(|| (first.clone(), above.cloned()))
        });
        within.map(|(first, above)| (place, first, above))
    });
    let (place, start, end) = met.next().unwrap_or_else(|| (usize::MAX, start, end.cloned()));
    let value = most_readable(axis, start, end.as_ref());
    let length = match &value {
        Value::Shown(Shown::Name(name)) => name.len(),
        Value::Path(path) if can_be_sent(path) => path.len(),
        Value::Path(_) => usize::MAX,
        Value::Protocol(_)
        | Value::Port(_)
        | Value::Payload(_)
        | Value::RequestPort(_)
        | Value::Shown(Shown::Nothing | Shown::Address(_))
        | Value::Address(_) => 0,
    };
    ((place, length), value)
}

/// A value from `start` up to, and without, `end` that reads well.
fn most_readable(axis: Axis, start: Value, end: Option<&Value>) -> Value {
    let lies_within = |value: &Value| start <= *value && end.is_none_or(|end| value < end);
    let candidate = match &start {
        Value::Shown(Shown::Name(name)) => {
            let end = match end {
                Some(Value::Shown(Shown::Name(end))) => Some(end),
                Some(_) | None => None,
            };
            Value::Shown(Shown::Name(name.most_readable(end)))
        }
        Value::Path(path) => {
            let all = path.is_empty().then(|| "/".to_owned());
            let above_just_one = path.strip_suffix('\0').map(|one| format!("{one}a"));
            let readable = all.into_iter().chain(above_just_one).chain(least_sent(path));
            let mut open = readable.filter(|path| can_be_sent(path)).map(Value::Path);
            return open.find(lies_within).unwrap_or(start);
        }
        // Nobody listens at port 0; as a source it is the one not told.
        Value::Port(0) if axis == Axis::DestinationPort => Value::Port(1),
        Value::Protocol(_)
        | Value::Port(_)
        | Value::Payload(_)
        | Value::RequestPort(_)
        | Value::Shown(Shown::Nothing | Shown::Address(_))
        | Value::Address(_) => return start,
    };
    if lies_within(&candidate) { candidate } else { start }
}

/// The least and the last byte of what stands in a request line: spaces part it, a line break ends it,
/// and no other control character is let through (RFC 9112 §3, RFC 3986 §2).
const IN_A_TARGET: RangeInclusive<u8> = b'!'..=b'~';

/// Whether a client can write `path` in a request; one without a request has none.
fn can_be_sent(path: &str) -> bool {
    path.bytes().all(|byte| IN_A_TARGET.contains(&byte))
}

/// The least path from `start` up that a client can write.
fn least_sent(start: &str) -> Option<String> {
    let mut bytes = start.bytes().enumerate();
    let Some((at, bad)) = bytes.find(|(_, byte)| !IN_A_TARGET.contains(byte)) else {
        return Some(start.to_owned());
    };
    let sent = start.get(..at)?;
    if bad < *IN_A_TARGET.start() {
        return Some(format!("{sent}{}", char::from(*IN_A_TARGET.start())));
    }
    let kept = sent.trim_end_matches(char::from(*IN_A_TARGET.end()));
    let mut kept: Vec<u8> = kept.bytes().collect();
    let last = kept.last_mut()?;
    *last += 1;
    String::from_utf8(kept).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_least_path_that_can_be_sent_is_the_least(
            start in "/[\\x00 !a}~\\x7f\u{e9}]{0,4}",
            other in "/[!a}~]{0,4}",
        ) {
            let least = least_sent(&start);
            if let Some(least) = &least {
                prop_assert!(can_be_sent(least) && *least >= start, "{:?} from {:?}", least, start);
            }
            let is_less = least.is_none_or(|least| other < least);
            prop_assert_eq!(is_less, other < start, "{:?} and {:?}", other, start);
        }
    }
}

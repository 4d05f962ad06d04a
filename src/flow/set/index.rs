//! Many sets, asked which of them meet one.

use super::intervals::Intervals;

/// A set that is a union of intervals, whatever its order.
pub trait IntervalSet {
    /// The values between which the set is cut.
    type Cut: Clone + Ord;

    /// The intervals.
    fn intervals(&self) -> &Intervals<Self::Cut>;
}

/// Numbered sets, ordered so that the few which meet another are found without a look at the rest:
/// `n` intervals are put in order in `n log n` steps, and `k` of them are found in `k + log n`.
#[derive(Clone, Debug)]
pub struct SetIndex<S: IntervalSet> {
    // Invariant: sorted by `start`; each node knows how far the intervals of its subtree reach,
    // where the tree of a slice has its root in the middle.
    nodes: Vec<Node<S::Cut>>,
    // Invariant: sorted.
    ends: Vec<End<S::Cut>>,
}

/// An interval from `start` up to `end`, of the set with the number `owner`.
#[derive(Clone, Debug)]
struct Node<T> {
    start: T,
    end: End<T>,
    furthest: End<T>,
    owner: usize,
}

/// Where an interval ends: below a value, or nowhere.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum End<T> {
    Below(T),
    Nowhere,
}

impl<T: Clone + Ord> End<T> {
    fn new(end: Option<&T>) -> End<T> {
        end.map_or(End::Nowhere, |end| End::Below(end.clone()))
    }

    /// Whether an interval that ends here holds something at or above `value`.
    fn is_above(&self, value: &T) -> bool {
        match self {
            End::Below(end) => end > value,
            End::Nowhere => true,
        }
    }
}

impl<S: IntervalSet> SetIndex<S> {
    /// The index of `sets`, each with the number that it is found by.
    pub fn new<'a>(sets: impl IntoIterator<Item = (usize, &'a S)>) -> SetIndex<S>
    where
        S: 'a,
    {
        let mut nodes = Vec::new();
        for (owner, set) in sets {
            nodes.extend(set.intervals().pairs().map(|(start, end)| Node {
                start: start.clone(),
                end: End::new(end),
                furthest: End::new(end),
                owner,
            }));
        }
        SetIndex::ordered(nodes)
    }

    /// The index of `nodes` in any order, compiled once for an order and not again for each
    /// iterator that sets come from.
    fn ordered(mut nodes: Vec<Node<S::Cut>>) -> SetIndex<S> {
        nodes.sort_unstable_by(|a, b| a.start.cmp(&b.start));
        let mut ends: Vec<End<S::Cut>> = nodes.iter().map(|node| node.end.clone()).collect();
        ends.sort_unstable();
        reach(&mut nodes);
        SetIndex { nodes, ends }
    }

    /// The numbers of the sets that meet `set`, ascending.
    pub fn meeting(&self, set: &S) -> Vec<usize> {
        let mut owners = Vec::new();
        for (start, end) in set.intervals().pairs() {
            collect(&self.nodes, start, &End::new(end), &mut owners);
        }
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    /// How many intervals [`meeting`](SetIndex::meeting) would come across: what it costs.
    pub fn cost(&self, set: &S) -> usize {
        set.intervals()
            .pairs()
            .map(|(start, end)| {
                let begun = self.nodes.partition_point(|node| end.is_none_or(|e| node.start < *e));
                let over = self.ends.partition_point(|end| !end.is_above(start));
                begun.saturating_sub(over)
            })
            .fold(0, usize::saturating_add)
    }
}

/// Tells each node of the tree of `nodes` how far its subtree reaches, and the caller how far all
/// do; nothing where there are none.
fn reach<T: Clone + Ord>(nodes: &mut [Node<T>]) -> Option<End<T>> {
    let (left, rest) = nodes.split_at_mut(nodes.len() / 2);
    let (node, right) = rest.split_first_mut()?;
    let below = reach(left).max(reach(right));
    if let Some(below) = below.filter(|below| *below > node.furthest) {
        node.furthest = below;
    }
    Some(node.furthest.clone())
}

/// Adds the owners of the intervals in the tree of `nodes` that meet the one from `start` to `end`.
fn collect<T: Clone + Ord>(nodes: &[Node<T>], start: &T, end: &End<T>, owners: &mut Vec<usize>) {
    let (left, rest) = nodes.split_at(nodes.len() / 2);
    let Some((node, right)) = rest.split_first() else { return };
    if !node.furthest.is_above(start) {
        return;
    }
    collect(left, start, end, owners);
    if end.is_above(&node.start) {
        if node.end.is_above(start) {
            owners.push(node.owner);
        }
        collect(right, start, end, owners);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug)]
    struct Small(Intervals<u8>);

    impl IntervalSet for Small {
        type Cut = u8;

        fn intervals(&self) -> &Intervals<u8> {
            &self.0
        }
    }

    fn small() -> impl Strategy<Value = Small> {
        let span = (0u8..30, prop::option::of(0u8..30));
        prop::collection::vec(span, 0..4).prop_map(|spans| Small(Intervals::from_spans(spans)))
    }

    proptest! {
        #[test]
        fn the_sets_found_are_those_that_meet(sets in prop::collection::vec(small(), 0..12), asked in small()) {
            let index = SetIndex::new(sets.iter().enumerate());
            let meets = |set: &Small| !set.0.intersection(&asked.0).is_empty();
            let expected: Vec<usize> =
                sets.iter().enumerate().filter(|(_, set)| meets(set)).map(|(at, _)| at).collect();
            let found = index.meeting(&asked);
            prop_assert!(found.len() <= index.cost(&asked));
            prop_assert_eq!(found, expected);
        }
    }
}

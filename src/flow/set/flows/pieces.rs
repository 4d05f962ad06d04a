//! A set cut into pieces that are read one by one.

use foldhash::HashMap;
use foldhash::HashSet;
use std::collections::BTreeMap;

use super::algebra::Algebra;
use super::algebra::AlgebraError;
use super::algebra::Cuts;
use super::algebra::Set;
use super::axis::Axis;
use super::axis::AxisSet;
use super::axis::Value;
use super::diagram::Node;
use super::diagram::Operation;
use super::frozen::FlowSet;
use super::layout::Digits;
use super::point::Point;
use super::question::Question;
use crate::flow::Flow;

/// A part of a set of flows that is a product.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Piece<A> {
    /// What the coordinates of its flows lie in: one set at most for each axis, in their order.
    /// Where there is none, every value that a flow can have there is meant.
    pub along: Vec<AxisSet>,
    /// The atoms that matter and whether each holds, ascending.
    pub atoms: Vec<(A, bool)>,
}

impl<A> Piece<A> {
    /// Whether `flow` is in the piece where just those atoms hold for which `holds` says so.
    pub fn contains(&self, flow: &Flow, mut holds: impl FnMut(&A) -> bool) -> bool {
        let point = Point::of(flow);
        self.along.iter().all(|set| set.values().contains(&point.value(set.axis())))
            && self.atoms.iter().all(|(atom, must_hold)| holds(atom) == *must_hold)
    }
}

/// Pieces of a set.
///
/// ```
/// use exeat::flow::IpProtocol;
/// use exeat::flow::PortRange;
/// use exeat::flow::set::flows::AlgebraError;
/// use exeat::flow::set::flows::AxisSet;
/// use exeat::flow::set::flows::AxisView;
/// use exeat::flow::set::flows::Cuts;
///
/// let https = [AxisSet::destination_ports(&PortRange::single(443).into())];
/// let mut cuts: Cuts<()> = Cuts::default();
/// cuts.extend(&https);
/// let found = cuts.with_algebra(10_000, |mut algebra| {
///     let set = algebra.product(&https)?;
///     algebra.pieces(set, 10)
/// })??;
/// let [piece] = &found.pieces[..] else { panic!("one piece") };
/// let said: Vec<AxisView> = piece.along.iter().map(AxisSet::view).collect();
/// let with_ports = AxisView::Protocols(vec![IpProtocol::TCP, IpProtocol::UDP]);
/// let to_443 = AxisView::DestinationPorts(PortRange::single(443).into());
/// assert_eq!(said, [with_ports, to_443]);
/// # Ok::<(), AlgebraError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pieces<A> {
    /// The pieces: no flow is in two of them under one assignment. Equal sets have equal pieces.
    pub pieces: Vec<Piece<A>>,
    /// Whether the set holds more than these.
    pub are_more: bool,
}

/// How many pieces are looked at for each that is asked for, before some are joined: four protocols
/// times two families of addresses, which are one piece each at first.
const LOOKED_AT: usize = 8;

/// What is left of a set after some coordinates have been said.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Rest {
    /// What is in the set. Invariant: all of them are flows.
    held: Node,
    /// What is a flow. Of what is none, it does not matter whether a piece holds it.
    flows: Node,
}

/// Values from the first up to, and without, the second; to the greatest, where there is none.
type Span = (Value, Option<Value>);

/// What a piece says at one place.
#[derive(Clone, Debug)]
enum Said<A> {
    Nothing,
    Along(AxisSet),
    Atom(A, bool),
}

impl<A: Clone + Ord> FlowSet<A> {
    /// The set cut into pieces, of which there are at most `most`: see [`Algebra::pieces`]. At most
    /// `nodes` nodes are made ([`Cuts::with_algebra`]).
    ///
    /// # Errors
    /// Too many nodes.
    pub fn pieces(&self, most: usize, nodes: usize) -> Result<Pieces<A>, AlgebraError> {
        let mut cuts = Cuts::default();
        cuts.extend_set(self);
        cuts.with_algebra(nodes, |mut algebra| {
            let set = algebra.thaw(self)?;
            algebra.pieces(set, most)
        })?
    }
}

impl<'id, A: Clone + Ord> Algebra<'id, A> {
    /// The set cut into few pieces, at most `most`, that have no flow in common.
    ///
    /// What all flows have in common is not said: a piece of every flow from some addresses does not
    /// go through the payloads that each protocol can have, nor through the families of addresses.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn pieces(&mut self, set: Set<'id>, most: usize) -> Result<Pieces<A>, AlgebraError> {
        self.pieces_among(set, self.all(), most)
    }

    /// The same where no flow is but those `among` which it is: what tells the others apart is not said
    /// either. The set is a part of them.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn pieces_among(
        &mut self,
        set: Set<'id>,
        among: Set<'id>,
        most: usize,
    ) -> Result<Pieces<A>, AlgebraError> {
        let root = Rest { held: set.node, flows: among.node };
        let first = if self.is_empty(set) { Vec::new() } else { vec![(Said::Nothing, root)] };
        let mut open = vec![first.into_iter()];
        let mut said: Vec<Said<A>> = Vec::new();
        let mut pieces: Vec<Piece<A>> = Vec::new();
        let mut are_more = false;
        while let Some(steps) = open.last_mut() {
            let Some((what, rest)) = steps.next() else {
                open.pop();
                said.pop();
                continue;
            };
            if pieces.len() >= most.saturating_mul(LOOKED_AT) {
                are_more = true;
                break;
            }
            said.push(what);
            if rest.held == rest.flows {
                pieces.push(piece(&said));
                said.pop();
            } else {
                open.push(self.steps(rest)?.into_iter());
            }
        }
        let mut pieces = joined(pieces);
        are_more |= pieces.len() > most;
        pieces.truncate(most);
        Ok(Pieces { pieces, are_more })
    }

    /// What can be said next, and what is left then. Something of the set is left each time.
    fn steps(&mut self, rest: Rest) -> Result<Vec<(Said<A>, Rest)>, AlgebraError> {
        let Rest { held, flows } = rest;
        let level = self.diagrams.branch(held).level.min(self.diagrams.branch(flows).level);
        let Some(digits) = self.layout.at(level) else { return Ok(Vec::new()) };
        match digits.question {
            Question::Axis(axis) => {
                let mut runs = Vec::new();
                self.add_runs(digits, rest, (0, digits.count), &mut runs);
                match self.as_one(axis, &runs)? {
                    Some(one) => Ok(vec![(Said::Nothing, one)]),
                    None => Ok(self.by_rest(axis, &runs)),
                }
            }
            Question::Atom(number) => {
                let (held_low, held_high) = self.diagrams.halves(held, level);
                let (flows_low, flows_high) = self.diagrams.halves(flows, level);
                let low = Rest { held: held_low, flows: flows_low };
                let high = Rest { held: held_high, flows: flows_high };
                if let Some(one) = self.both(low, high)? {
                    return Ok(vec![(Said::Nothing, one)]);
                }
                let atom = self.cuts.atoms.get(number);
                let ways = [(low, false), (high, true)].into_iter();
                let open = ways.filter(|(rest, _)| rest.held != Node::NEVER);
                let said =
                    open.filter_map(|(rest, holds)| Some((Said::Atom(atom?.clone(), holds), rest)));
                Ok(said.collect())
            }
        }
    }

    /// Adds what is left for the ranks from `start` on that the last `left` digits tell apart, each
    /// time with the first rank.
    fn add_runs(
        &self,
        digits: Digits,
        rest: Rest,
        (start, left): (u32, u32),
        runs: &mut Vec<(u32, Rest)>,
    ) {
        if start >= digits.ranks {
            return;
        }
        let is_asked = |node| self.diagrams.branch(node).level < digits.end();
        let below = left.checked_sub(1).filter(|_| is_asked(rest.held) || is_asked(rest.flows));
        let Some(below) = below else {
            if runs.last().is_none_or(|(_, last)| *last != rest) {
                runs.push((start, rest));
            }
            return;
        };
        let level = digits.end() - left;
        let (held_low, held_high) = self.diagrams.halves(rest.held, level);
        let (flows_low, flows_high) = self.diagrams.halves(rest.flows, level);
        let low = Rest { held: held_low, flows: flows_low };
        let high = Rest { held: held_high, flows: flows_high };
        self.add_runs(digits, low, (start, below), runs);
        self.add_runs(digits, high, (start | (1 << below), below), runs);
    }

    /// What is left where nothing is said of `axis`, if it tells none of the flows apart that are left
    /// with each value.
    fn as_one(&mut self, axis: Axis, runs: &[(u32, Rest)]) -> Result<Option<Rest>, AlgebraError> {
        if stretches_without(runs) > stretches_passed_over(axis) {
            return Ok(None);
        }
        let mut one = Rest { held: Node::NEVER, flows: Node::NEVER };
        let mut seen: HashSet<Rest> = HashSet::default();
        for (_, rest) in runs.iter().filter(|(_, rest)| rest.flows != Node::NEVER) {
            if !seen.insert(*rest) {
                continue;
            }
            if rest.flows == one.flows {
                return Ok(None);
            }
            match self.both(one, *rest)? {
                Some(both) => one = both,
                None => return Ok(None),
            }
        }
        Ok(Some(one))
    }

    /// What is left where it is not said which of two ways is gone, if that tells none of the flows
    /// apart: what can be on both must be in the set for both, or for none.
    fn both(&mut self, one: Rest, other: Rest) -> Result<Option<Rest>, AlgebraError> {
        let by_one = self.join(Operation::And, one.held, other.flows)?;
        let by_other = self.join(Operation::And, other.held, one.flows)?;
        if by_one != by_other {
            return Ok(None);
        }
        let held = self.join(Operation::Or, one.held, other.held)?;
        let flows = self.join(Operation::Or, one.flows, other.flows)?;
        Ok(Some(Rest { held, flows }))
    }

    /// The values on `axis` that leave the same, together, by the least of them.
    fn by_rest(&self, axis: Axis, runs: &[(u32, Rest)]) -> Vec<(Said<A>, Rest)> {
        let value = |rank: u32| match (rank as usize).checked_sub(1) {
            None => Some(axis.least()),
            Some(place) => self.cuts.of(axis).get(place).cloned(),
        };
        let mut places: HashMap<Rest, usize> = HashMap::default();
        let mut groups: Vec<(Vec<Span>, Rest)> = Vec::new();
        let above = runs.iter().skip(1).map(|(start, _)| Some(*start)).chain([None]);
        for ((start, rest), end) in runs.iter().zip(above) {
            if rest.held == Node::NEVER {
                continue;
            }
            let Some(start) = value(*start) else { continue };
            let span = (start, end.and_then(value));
            let place = *places.entry(*rest).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((spans, _)) => spans.push(span),
                None => groups.push((vec![span], *rest)),
            }
        }
        let said = |spans| Said::Along(AxisSet::of_spans(axis, spans));
        groups.into_iter().map(|(spans, rest)| (said(spans), rest)).collect()
    }
}

/// How many stretches of values there are which some flow has, but none of the set.
fn stretches_without(runs: &[(u32, Rest)]) -> usize {
    let flows = runs.iter().filter(|(_, rest)| rest.flows != Node::NEVER);
    let mut are_without = flows.map(|(_, rest)| rest.held == Node::NEVER).collect::<Vec<bool>>();
    are_without.dedup();
    are_without.into_iter().filter(|is_without| *is_without).count()
}

/// How many such stretches need not be said, if nothing else of the set would hold them: what goes
/// from or to addresses of one family has no flows of the other, and none of its ICMP. Of payloads or
/// ports that would be no gain, as it reads worse without them.
fn stretches_passed_over(axis: Axis) -> usize {
    match axis {
        Axis::Protocol | Axis::Source => 1,
        Axis::DestinationPort
        | Axis::Payload
        | Axis::RequestPort
        | Axis::Name
        | Axis::InnerName
        | Axis::Path
        | Axis::SourcePort
        | Axis::Destination => 0,
    }
}

fn piece<A: Clone>(said: &[Said<A>]) -> Piece<A> {
    let mut piece = Piece { along: Vec::new(), atoms: Vec::new() };
    for said in said {
        match said {
            Said::Nothing => {}
            Said::Along(set) => piece.along.push(set.clone()),
            Said::Atom(atom, holds) => piece.atoms.push((atom.clone(), *holds)),
        }
    }
    piece
}

/// The same, with those as one that differ along one axis only.
fn joined<A: Clone + Ord>(mut pieces: Vec<Piece<A>>) -> Vec<Piece<A>> {
    loop {
        let before = pieces.len();
        for axis in Axis::ALL.into_iter().rev() {
            pieces = joined_along(axis, pieces);
        }
        if pieces.len() == before {
            return pieces;
        }
    }
}

fn joined_along<A: Clone + Ord>(axis: Axis, pieces: Vec<Piece<A>>) -> Vec<Piece<A>> {
    let mut places: BTreeMap<Piece<A>, usize> = BTreeMap::new();
    let mut joined: Vec<Piece<A>> = Vec::new();
    for piece in pieces {
        let mut others = piece.clone();
        others.along.retain(|set| set.axis() != axis);
        let place = *places.entry(others).or_insert(joined.len());
        let Some(first) = joined.get_mut(place) else {
            joined.push(piece);
            continue;
        };
        let with = piece.along.iter().find(|set| set.axis() == axis);
        // Were all values meant in one of the two, the other would have flows in common with it.
        for set in first.along.iter_mut().filter(|set| set.axis() == axis) {
            *set = with.map_or_else(|| set.clone(), |with| set.union(with));
        }
        first.along.retain(|set| !set.is_all());
    }
    joined
}

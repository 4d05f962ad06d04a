//! The flows that are followed, by their ends.

use std::hash::Hash;
use std::hash::Hasher;

use foldhash::HashMap;
use foldhash::HashMapExt;

use super::conversation::Packet;
use super::copies::EndsHash;
use super::speaker::Endpoint;
use crate::flow::IpProtocol;

/// The two ends of a flow, and the tunnel that they lie in. Keys with the same ends are equal,
/// whichever of them comes first.
#[derive(Clone, Copy, Debug, Eq)]
pub(super) struct Key {
    /// The hash of all else; different ones are told apart by it at once.
    hash: u64,
    protocol: IpProtocol,
    depth: u8,
    ends: [Endpoint; 2],
}

impl Key {
    #[inline]
    pub(super) fn of(packet: &Packet<'_>, hash: EndsHash) -> Key {
        Key::between(packet.source, packet.destination, packet.protocol, packet.depth, hash)
    }

    #[inline]
    pub(super) fn between(
        source: Endpoint,
        destination: Endpoint,
        protocol: IpProtocol,
        depth: u8,
        hash: EndsHash,
    ) -> Key {
        Key { hash: hash.of_both, protocol, depth, ends: [source, destination] }
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Key) -> bool {
        let [a, b] = self.ends;
        self.hash == other.hash
            && (self.protocol, self.depth) == (other.protocol, other.depth)
            && (other.ends == [a, b] || other.ends == [b, a])
    }
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// A flow, as it is referred to. Flows are numbered in the order of their first packets; a place in
/// the table is used again, a number is not.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct FlowId {
    pub(super) number: u64,
    place: usize,
}

/// Flows by number and by their ends; a flow may be found by several ends.
#[derive(Debug)]
pub(super) struct Table<F> {
    /// A flow is long, and is never moved.
    places: Vec<Option<(u64, Box<F>)>>,
    vacant: Vec<usize>,
    by_ends: HashMap<Key, FlowId>,
    next: u64,
}

impl<F> Default for Table<F> {
    fn default() -> Table<F> {
        Table { places: Vec::new(), vacant: Vec::new(), by_ends: HashMap::new(), next: 0 }
    }
}

impl<F> Table<F> {
    /// How many flows there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    /// The flow between the ends of `key`.
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Option<FlowId> {
        self.by_ends.get(key).copied()
    }

    #[inline]
    pub(super) fn get(&self, id: FlowId) -> Option<&F> {
        let (number, flow) = self.places.get(id.place)?.as_ref()?;
        (*number == id.number).then_some(flow)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: FlowId) -> Option<&mut F> {
        let (number, flow) = self.places.get_mut(id.place)?.as_mut()?;
        (*number == id.number).then_some(flow)
    }

    /// Adds a flow, which is found by `key` from now on.
    pub(super) fn insert(&mut self, key: Key, flow: Box<F>) -> FlowId {
        let number = self.next;
        self.next += 1;
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        if let Some(vacant) = self.places.get_mut(place) {
            *vacant = Some((number, flow));
        }
        let id = FlowId { number, place };
        self.by_ends.insert(key, id);
        id
    }

    /// Has the flow found by another key as well.
    pub(super) fn find_by(&mut self, key: Key, id: FlowId) {
        self.by_ends.insert(key, id);
    }

    /// Takes a flow out. It is still found by its keys until those are forgotten.
    pub(super) fn remove(&mut self, id: FlowId) -> Option<Box<F>> {
        let place = self.places.get_mut(id.place)?;
        let (_, flow) = place.take_if(|(number, _)| *number == id.number)?;
        self.vacant.push(id.place);
        Some(flow)
    }

    /// Has no flow found by `key` any more if `id` was.
    pub(super) fn forget(&mut self, key: &Key, id: FlowId) {
        if self.find(key) == Some(id) {
            self.by_ends.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(port: u16) -> Key {
        let end = |port| Endpoint { address: [10, 0, 0, 4].into(), port };
        Key { hash: 0, protocol: IpProtocol::TCP, depth: 0, ends: [end(port), end(443)] }
    }

    #[test]
    fn ends_are_the_same_whichever_comes_first() {
        let one = key(1);
        let [a, b] = one.ends;
        assert_eq!(Key { ends: [b, a], ..one }, one);
        assert_ne!(Key { ends: [a, a], ..one }, one);
        assert_ne!(Key { depth: 1, ..one }, one);
    }

    #[test]
    fn a_place_that_is_used_again_is_another_flow() {
        let mut table = Table::default();
        let first = table.insert(key(1), Box::new("first"));
        let other = table.insert(key(2), Box::new("other"));
        table.find_by(key(3), first);
        assert_eq!(table.find(&key(3)), Some(first));
        assert_eq!(table.remove(first), Some(Box::new("first")));
        assert_eq!((table.remove(first), table.len()), (None, 1));
        let second = table.insert(key(1), Box::new("second"));
        assert_eq!((second.place, table.get(first)), (first.place, None));
        table.forget(&key(1), first);
        assert_eq!(table.find(&key(1)), Some(second));
        assert_eq!(table.get_mut(other), Some(&mut "other"));
        assert!(first < other && other < second);
    }
}

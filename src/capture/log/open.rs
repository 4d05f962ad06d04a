//! The flows of a log that may still go on, by what names them, within a bound.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::Hash;

use foldhash::HashMap;
use jiff::SignedDuration;
use jiff::Timestamp;

/// Flows of a log followed at a time: some 60 MB of memory, and of a log with many names more.
pub(super) const MOST_FLOWS: usize = 1 << 17;

/// What may still go on.
#[derive(Debug)]
pub(super) struct Open<K, F> {
    slots: HashMap<K, Slot<F>>,
    /// A time at which each may end, its number in the order of beginning, and its key.
    ends: BinaryHeap<Reverse<(Timestamp, u64, K)>>,
    most: usize,
    next: u64,
    /// The latest time in the log so far; files that were put together step back in time.
    now: Timestamp,
}

#[derive(Debug)]
struct Slot<F> {
    number: u64,
    /// When it ends unless something more is heard of it.
    end: Timestamp,
    flow: F,
}

impl<K: Clone + Eq + Hash + Ord, F> Open<K, F> {
    pub(super) fn new(most: usize) -> Open<K, F> {
        Open {
            slots: HashMap::default(),
            ends: BinaryHeap::new(),
            most,
            next: 0,
            now: Timestamp::MIN,
        }
    }

    /// Takes note that the log has come to this time. What has ended by then goes to `out`, in the
    /// order of its end.
    pub(super) fn come_to(&mut self, at: Timestamp, out: &mut impl FnMut(F)) {
        if at <= self.now {
            return;
        }
        self.now = at;
        while let Some(Reverse((end, _, _))) = self.ends.peek()
            && *end < self.now
        {
            self.end_first(out);
        }
    }

    /// The flow with this key, which goes on for `idle` if nothing more is heard of it.
    pub(super) fn touch(&mut self, key: &K, idle: SignedDuration) -> Option<&mut F> {
        let end = after(self.now, idle);
        let slot = self.slots.get_mut(key)?;
        if end < slot.end {
            self.ends.push(Reverse((end, slot.number, key.clone())));
        }
        slot.end = end;
        self.forget_ended();
        self.slots.get_mut(key).map(|slot| &mut slot.flow)
    }

    /// Begins a flow; the one that had its key goes to `out`. Where there are too many, the one that
    /// would end first does, too, and this is false.
    pub(super) fn begin(
        &mut self,
        key: K,
        flow: F,
        idle: SignedDuration,
        out: &mut impl FnMut(F),
    ) -> bool {
        let has_room = self.slots.len() < self.most || self.slots.contains_key(&key);
        if !has_room {
            let before = self.slots.len();
            while self.slots.len() == before && !self.ends.is_empty() {
                self.end_first(out);
            }
        }
        let (number, end) = (self.next, after(self.now, idle));
        self.next += 1;
        self.ends.push(Reverse((end, number, key.clone())));
        if let Some(before) = self.slots.insert(key, Slot { number, end, flow }) {
            out(before.flow);
        }
        self.forget_ended();
        has_room
    }

    /// Ends all flows, in the order of their beginning.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(F)) {
        let mut left: Vec<(u64, F)> =
            std::mem::take(&mut self.slots).into_values().map(|s| (s.number, s.flow)).collect();
        left.sort_unstable_by_key(|(number, _)| *number);
        self.ends.clear();
        left.into_iter().for_each(|(_, flow)| out(flow));
    }

    /// Ends the flow that would end first, or gives it its true end if that is later.
    fn end_first(&mut self, out: &mut impl FnMut(F)) {
        let Some(Reverse((end, number, key))) = self.ends.pop() else { return };
        let Some(slot) = self.slots.get(&key).filter(|slot| slot.number == number) else { return };
        if slot.end > end {
            self.ends.push(Reverse((slot.end, number, key)));
        } else if let Some(slot) = self.slots.remove(&key) {
            out(slot.flow);
        }
    }

    /// Drops the ends of flows that are gone, where they have become many.
    fn forget_ended(&mut self) {
        if self.ends.len() <= 4 * self.most + 64 {
            return;
        }
        let slots = self.slots.iter();
        self.ends =
            slots.map(|(key, slot)| Reverse((slot.end, slot.number, key.clone()))).collect();
    }
}

fn after(at: Timestamp, idle: SignedDuration) -> Timestamp {
    at.checked_add(idle).unwrap_or(Timestamp::MAX)
}

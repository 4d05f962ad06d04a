//! The flows of a log that may still go on, by what names them, within a bound.

use std::collections::VecDeque;
use std::hash::Hash;

use foldhash::HashMap;
use jiff::Timestamp;

/// Flows of a log followed at a time: some 60 MB of memory, and of a log with many names more.
pub(super) const MOST_FLOWS: usize = 1 << 17;

/// Bytes of names and requests held of all flows together, besides what each flow takes anyway; as of
/// captures.
const MOST_HELD_BYTES: usize = 24 << 20;

/// What holds more bytes the more is heard of it.
pub(super) trait Weighs {
    /// The bytes that it holds besides its own.
    fn weight(&self) -> usize {
        0
    }
}

/// A time or a span of it, in microseconds: plain numbers, since logs of millions of flows do little else
/// than compare them.
pub(super) type Microseconds = i64;

/// Hours as the span between records.
pub(super) const fn hours(number: Microseconds) -> Microseconds {
    minutes(60 * number)
}

/// Minutes as the span between records.
pub(super) const fn minutes(number: Microseconds) -> Microseconds {
    number * 60_000_000
}

/// What may still go on.
#[derive(Debug)]
pub(super) struct Open<K, F> {
    slots: HashMap<K, Slot<F>>,
    /// By how long they go on unheard of: when flows may end, the first in front. There are few such
    /// spans, and with each the ends come in their order, so that no heap is needed.
    ends: Vec<(Microseconds, VecDeque<End<K>>)>,
    /// How many ends are held.
    waiting: usize,
    most: usize,
    most_held: usize,
    held: usize,
    next: u64,
    /// The latest time in the log so far; files that were put together step back in time.
    now: Microseconds,
}

/// When a flow may end, its number in the order of beginning, and its key.
#[derive(Debug)]
struct End<K> {
    at: Microseconds,
    number: u64,
    key: K,
}

#[derive(Debug)]
struct Slot<F> {
    number: u64,
    /// When it ends unless something more is heard of it, and how long it goes on until then.
    end: Microseconds,
    idle: Microseconds,
    weight: usize,
    flow: F,
}

impl<K: Clone + Eq + Hash, F: Weighs> Open<K, F> {
    pub(super) fn new(most: usize) -> Open<K, F> {
        Open::with_limits(most, MOST_HELD_BYTES)
    }

    /// One that holds at most so many flows, and so many bytes of what was heard of them.
    pub(super) fn with_limits(most: usize, most_held: usize) -> Open<K, F> {
        Open {
            slots: HashMap::default(),
            ends: Vec::new(),
            waiting: 0,
            most,
            most_held,
            held: 0,
            next: 0,
            now: Microseconds::MIN,
        }
    }

    /// Ends that are held.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes note that the log has come to this time. What has ended by then goes to `out`, in the
    /// order of its end.
    pub(super) fn come_to(&mut self, at: Timestamp, out: &mut impl FnMut(F)) {
        self.come_to_microsecond(at.as_microsecond(), out);
    }

    /// The same, of a time in microseconds since 1970.
    pub(super) fn come_to_microsecond(&mut self, at: Microseconds, out: &mut impl FnMut(F)) {
        if at <= self.now {
            return;
        }
        self.now = at;
        while self.first().is_some_and(|(end, _, _)| end < self.now) {
            self.end_first(out);
        }
    }

    /// The flow with this key, which goes on for `idle` if nothing more is heard of it.
    pub(super) fn touch(&mut self, key: &K, idle: Microseconds) -> Option<&mut F> {
        self.forget_ended();
        let end = self.now.saturating_add(idle);
        let slot = self.slots.get_mut(key)?;
        if end < slot.end {
            let key = key.clone();
            push(&mut self.ends, idle, End { at: end, number: slot.number, key });
            self.waiting += 1;
        }
        slot.end = end;
        slot.idle = idle;
        Some(&mut slot.flow)
    }

    /// Begins a flow; the one that had its key goes to `out`. Where there are too many, the one that
    /// would end first does, too, and this is false.
    pub(super) fn begin(
        &mut self,
        key: K,
        flow: F,
        idle: Microseconds,
        out: &mut impl FnMut(F),
    ) -> bool {
        let has_room = self.slots.len() < self.most || self.slots.contains_key(&key);
        if !has_room {
            let before = self.slots.len();
            while self.slots.len() == before && self.waiting > 0 {
                self.end_first(out);
            }
        }
        self.forget_ended();
        let (number, end) = (self.next, self.now.saturating_add(idle));
        self.next += 1;
        push(&mut self.ends, idle, End { at: end, number, key: key.clone() });
        self.waiting += 1;
        let weight = flow.weight();
        self.held += weight;
        if let Some(before) = self.slots.insert(key, Slot { number, end, idle, weight, flow }) {
            self.held -= before.weight;
            out(before.flow);
        }
        self.make_room(out) && has_room
    }

    /// Takes note that more was heard of a flow. Where too much is held, those that would end first
    /// do, and this is false.
    pub(super) fn weigh(&mut self, key: &K, out: &mut impl FnMut(F)) -> bool {
        if let Some(slot) = self.slots.get_mut(key) {
            self.held -= slot.weight;
            slot.weight = slot.flow.weight();
            self.held += slot.weight;
        }
        self.make_room(out)
    }

    fn make_room(&mut self, out: &mut impl FnMut(F)) -> bool {
        let has_room = self.held <= self.most_held;
        while self.held > self.most_held && self.waiting > 0 {
            self.end_first(out);
        }
        has_room
    }

    /// Ends all flows, in the order of their beginning.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(F)) {
        let mut left: Vec<(u64, F)> =
            std::mem::take(&mut self.slots).into_values().map(|s| (s.number, s.flow)).collect();
        left.sort_unstable_by_key(|(number, _)| *number);
        self.ends.clear();
        self.waiting = 0;
        self.held = 0;
        for (_, flow) in left {
            out(flow);
        }
    }

    /// The end that comes first, its number, and among which it is.
    fn first(&self) -> Option<(Microseconds, u64, usize)> {
        let fronts = self.ends.iter().enumerate();
        let fronts = fronts.filter_map(|(place, (_, ends))| {
            let end = ends.front()?;
            Some((end.at, end.number, place))
        });
        fronts.min()
    }

    /// Ends the flow that would end first, or gives it its true end if that is later.
    fn end_first(&mut self, out: &mut impl FnMut(F)) {
        let place = self.first().map(|(_, _, place)| place);
        let ends = place.and_then(|place| self.ends.get_mut(place));
        let Some(End { at, number, key }) = ends.and_then(|(_, ends)| ends.pop_front()) else {
            return;
        };
        self.waiting -= 1;
        let Some(slot) = self.slots.get(&key).filter(|slot| slot.number == number) else { return };
        if slot.end > at {
            push(&mut self.ends, slot.idle, End { at: slot.end, number, key });
            self.waiting += 1;
        } else if let Some(slot) = self.slots.remove(&key) {
            self.held -= slot.weight;
            out(slot.flow);
        }
    }

    /// Drops the ends of flows that are gone, where they have become many.
    fn forget_ended(&mut self) {
        if self.waiting <= 4 * self.most + 64 {
            return;
        }
        let slots = self.slots.iter();
        let mut all: Vec<(Microseconds, End<K>)> = slots
            .map(|(key, slot)| {
                let (at, number) = (slot.end, slot.number);
                (slot.idle, End { at, number, key: key.clone() })
            })
            .collect();
        all.sort_unstable_by_key(|(_, end)| (end.at, end.number));
        self.waiting = all.len();
        self.ends.clear();
        for (idle, end) in all {
            push(&mut self.ends, idle, end);
        }
    }
}

/// Puts an end behind those of its kind. One that is given its true end late may stand behind a later
/// one, and then waits for it.
fn push<K>(ends: &mut Vec<(Microseconds, VecDeque<End<K>>)>, idle: Microseconds, end: End<K>) {
    match ends.iter_mut().find(|(of, _)| *of == idle) {
        Some((_, ends)) => ends.push_back(end),
        None => ends.push((idle, VecDeque::from([end]))),
    }
}

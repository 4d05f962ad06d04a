//! What a set asks of a flow, and in which order.

use std::cmp::Ordering;

use super::axis::Axis;

/// What is asked at one place of a set.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Question {
    /// Where the flow lies on an axis.
    Axis(Axis),
    /// Whether the atom with this number holds.
    Atom(usize),
}

impl Question {
    /// Atoms are asked for just before the destination: on top of a set they are what makes it
    /// large (`semantics.md`, FlowSet: Order).
    fn place(self) -> (u8, usize) {
        match self {
            Question::Axis(Axis::Destination) => (2, 0),
            Question::Axis(axis) => (0, axis as usize),
            Question::Atom(number) => (1, number),
        }
    }
}

impl Ord for Question {
    fn cmp(&self, other: &Question) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Question {
    fn partial_cmp(&self, other: &Question) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

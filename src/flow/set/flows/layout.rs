//! Which variables of a diagram code which coordinate.

use std::ops::Range;

use super::axis::Axis;
use super::diagram::CONSTANT;
use super::question::Question;

/// The variables that code one axis, or are one atom: the binary digits of a rank.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Digits {
    pub(super) question: Question,
    pub(super) first: u32,
    pub(super) count: u32,
    /// How many values there are that some cut tells apart.
    pub(super) ranks: u32,
}

impl Digits {
    /// The first variable beyond.
    pub(super) fn end(&self) -> u32 {
        self.first + self.count
    }
}

/// The variables of a diagram.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    // Invariant: in the order of their variables, which is that of the questions; without gaps.
    digits: Vec<Digits>,
}

impl Layout {
    /// The variables for so many cuts of each axis and so many atoms, or `None` where there would
    /// be too many to number.
    pub(super) fn new(cuts: impl Fn(Axis) -> usize, atoms: usize) -> Option<Layout> {
        let of_atoms = (0..atoms).map(Question::Atom);
        let mut questions: Vec<Question> =
            Axis::ALL.into_iter().map(Question::Axis).chain(of_atoms).collect();
        questions.sort();
        let mut first: u32 = 0;
        let mut digits = Vec::new();
        for question in questions {
            let others = match question {
                Question::Axis(axis) => cuts(axis),
                Question::Atom(_) => 1,
            };
            let greatest = u32::try_from(others).ok()?;
            let count = digits_of(greatest);
            digits.push(Digits { question, first, count, ranks: greatest.checked_add(1)? });
            first = first.checked_add(count).filter(|next| *next < CONSTANT)?;
        }
        Some(Layout { digits })
    }

    /// The variables that code the answer to `question`; none if it is about an atom that is not.
    pub(super) fn of(&self, question: Question) -> Option<Digits> {
        let place = self.digits.binary_search_by_key(&question, |digits| digits.question);
        place.ok().and_then(|place| self.digits.get(place)).copied()
    }

    /// The variables that are atoms.
    pub(super) fn atoms(&self) -> Range<u32> {
        let is_atom = |digits: &&Digits| matches!(digits.question, Question::Atom(_));
        let first = self.digits.iter().find(is_atom).map(|digits| digits.first);
        let end = self.digits.iter().rfind(is_atom).map(Digits::end);
        first.unwrap_or_default()..end.unwrap_or_default()
    }

    /// The digits that the variable of `level` is one of; none of a constant.
    pub(super) fn at(&self, level: u32) -> Option<Digits> {
        if level == CONSTANT {
            return None;
        }
        let begun = self.digits.partition_point(|digits| digits.first <= level);
        self.digits.get(begun.checked_sub(1)?).copied()
    }
}

/// How many binary digits write all numbers up to `greatest`.
pub(super) fn digits_of(greatest: u32) -> u32 {
    u32::BITS - greatest.leading_zeros()
}

//! Asking the environment, and writing down the way.

use std::collections::BTreeSet;

use super::decision::Note;
use super::decision::Stage;
use super::decision::Step;
use crate::flow::Atom;

/// One decision under way: whom to ask, and what has been found so far.
pub(super) struct Inquiry<'o> {
    oracle: &'o mut dyn FnMut(&Atom) -> bool,
    /// The steps so far.
    pub(super) trace: Vec<Step>,
    /// The notes so far.
    pub(super) notes: BTreeSet<Note>,
    /// Whether the decision has looked at the payload.
    pub(super) read_payload: bool,
    /// Whether it has looked at a request inside TLS that was not seen.
    pub(super) read_unseen_request: bool,
}

impl<'o> Inquiry<'o> {
    /// A decision that has not begun, over an environment that answers every question.
    pub(super) fn new(oracle: &'o mut dyn FnMut(&Atom) -> bool) -> Inquiry<'o> {
        Inquiry {
            oracle,
            trace: Vec::new(),
            notes: BTreeSet::new(),
            read_payload: false,
            read_unseen_request: false,
        }
    }

    /// Whether `atom` holds.
    pub(super) fn ask(&mut self, atom: &Atom) -> bool {
        (self.oracle)(atom)
    }

    /// Whether a fact holds for which the model has no atom of its own.
    pub(super) fn ask_named(&mut self, name: String) -> bool {
        self.ask(&Atom::Named { name })
    }

    /// Whether the second reading of `setting` is the true one.
    pub(super) fn second_reading(&mut self, setting: &'static str) -> bool {
        self.ask(&Atom::Reading { setting })
    }

    /// Writes down a step.
    pub(super) fn step(
        &mut self,
        stage: Stage,
        looked_at: impl Into<String>,
        result: impl Into<String>,
        section: &'static str,
    ) {
        let (looked_at, result) = (looked_at.into(), result.into());
        self.trace.push(Step { stage, looked_at, result, section });
    }

    /// Writes down a note.
    pub(super) fn note(&mut self, note: Note) {
        self.notes.insert(note);
    }
}

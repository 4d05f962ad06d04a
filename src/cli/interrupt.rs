//! The user's wish that a run ends now, as by Ctrl-C.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

/// Whether the user wants the run to end. A command that reads captures then tells of what it has
/// read; any other is ended from outside.
#[derive(Debug, Default)]
pub struct Interrupt {
    is_heeded: AtomicBool,
    is_asked: AtomicBool,
}

impl Interrupt {
    /// To be called when the user asks for the end. Tells whether the run is ending by itself; where
    /// not, and when the user asks again, it is to be ended from outside.
    pub fn ask(&self) -> bool {
        let is_first = !self.is_asked.swap(true, Ordering::SeqCst);
        is_first && self.is_heeded.load(Ordering::SeqCst)
    }

    /// From now on the run ends by itself when it is asked to.
    pub(super) fn heed(&self) {
        self.is_heeded.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_by_itself_where_it_heeds_and_is_asked_once() {
        let interrupt = Interrupt::default();
        assert!(!interrupt.ask(), "nobody heeds it");
        let interrupt = Interrupt::default();
        interrupt.heed();
        assert!(!interrupt.is_asked());
        assert!(interrupt.ask());
        assert!(interrupt.is_asked());
        assert!(!interrupt.ask(), "the second time the user means it");
    }
}

//! What leaves, and what may leave, for all flows there are.

pub mod atom;

mod encoder;
mod formula;
mod listed;
mod path;

pub use atom::FlowAtom;

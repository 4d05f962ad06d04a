//! What leaves, and what may leave, for all flows there are.

pub mod atom;

mod encoder;
mod formula;
mod holding;
mod listed;
mod path;
mod services;

pub use atom::FlowAtom;

//! What leaves, and what may leave, for all flows there are.
//!
//! In: a deployment that is ready to be asked, a list, and what is known. Out: sets of flows under
//! assignments of [`FlowAtom`]s. What is said of flows is first written down as a formula, and then
//! made a set. Nothing here decides a single flow: that is `simulate`, which this stage answers for
//! all flows at once, and to which it is held in `tests/square.rs`.

pub mod atom;
pub mod claims;
pub mod coverage;
pub mod difference;
pub mod excess;
pub mod outcomes;
pub mod residual;

mod application;
mod axioms;
mod encoder;
mod formula;
mod gate;
mod listed;
mod matching;
mod path;
mod route;
mod security;
mod way;
mod widest;

pub use atom::FlowAtom;
pub use claims::Claim;
pub use claims::Counterexample;
pub use claims::Proof;
pub use claims::ProveError;
pub use claims::Standing;
pub use claims::prove;
pub use coverage::Coverage;
pub use coverage::coverage;
pub use difference::Change;
pub use difference::Changes;
pub use difference::Difference;
pub use difference::Effect;
pub use difference::difference;
pub use excess::Excess;
pub use listed::internet;
pub use outcomes::Outcomes;
pub use outcomes::Stances;
pub use outcomes::outcomes;
pub use outcomes::stances;
pub use residual::Residual;
pub use widest::widest;

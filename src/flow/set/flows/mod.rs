//! Sets of flows, names and unknown facts included (`semantics.md`, FlowSet).
//!
//! In: sets of the values on single axes. Out: [`FlowSet`], a value that is equal to another exactly
//! if both hold the same flows under the same assignments of atoms. Between them stands an
//! [`Algebra`] over all [`Cuts`] that take part, in which a set is a binary decision diagram over
//! the digits of ranks. What an atom is, the caller says.

mod algebra;
mod axis;
mod diagram;
mod freeze;
mod frozen;
mod point;
mod question;
mod shown;
mod witness;

pub use algebra::Algebra;
pub use algebra::AlgebraError;
pub use algebra::Cuts;
pub use algebra::Set;
pub use axis::AxisSet;
pub use axis::PayloadForm;
pub use axis::ShownSet;
pub use frozen::FlowSet;
pub use witness::Witness;

#[cfg(test)]
mod tests;

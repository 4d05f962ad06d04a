//! Sets of flows, names and unknown facts included (`semantics.md`, FlowSet).
//!
//! In: sets of the values on single axes. Out: [`FlowSet`], a value that is equal to another exactly
//! if both hold the same flows under the same assignments of atoms. Between them stands an
//! [`Algebra`] over all [`Cuts`] that take part, in which a set is a binary decision diagram over
//! the digits of ranks. What an atom is, the caller says.
//!
//! ```
//! use exeat::flow::PortRange;
//! use exeat::flow::set::flows::AlgebraError;
//! use exeat::flow::set::flows::AxisSet;
//! use exeat::flow::set::flows::Cuts;
//!
//! let https = [AxisSet::destination_ports(&PortRange::single(443).into())];
//! let mut cuts: Cuts<&str> = Cuts::default();
//! cuts.extend(&https);
//! cuts.extend_atoms(["the proxy is on"]);
//! let set = cuts.with_algebra(10_000, |mut algebra| {
//!     let flows = algebra.product(&https)?;
//!     let where_on = algebra.where_holds(&"the proxy is on")?;
//!     let both = algebra.intersection(flows, where_on)?;
//!     algebra.freeze(both)
//! })??;
//! let witness = set.witness(&https).expect("a flow");
//! assert_eq!(witness.flow.destination_port, 443);
//! assert_eq!(witness.atoms, [("the proxy is on", true)]);
//! # Ok::<(), AlgebraError>(())
//! ```

mod algebra;
mod axis;
mod covering;
mod diagram;
mod freeze;
mod frozen;
mod layout;
mod pieces;
mod point;
mod points;
mod question;
mod recode;
mod share;
mod shown;
mod view;
mod witness;

pub use algebra::Algebra;
pub use algebra::AlgebraError;
pub use algebra::Cuts;
pub use algebra::Set;
pub use axis::AxisSet;
pub use axis::PayloadForm;
pub use axis::ShownSet;
pub use frozen::FlowSet;
pub use pieces::Piece;
pub use pieces::Pieces;
pub use points::Points;
pub use points::Product;
pub use points::Stretches;
pub use view::AxisView;
pub use view::NameView;
pub use view::PathView;
pub use view::ShownView;
pub use witness::Witness;

#[cfg(test)]
mod tests;

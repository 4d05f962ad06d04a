//! Sets closed under union, intersection and difference, each in a canonical form.
//!
//! Those on one axis are one algebra, [`intervals::Intervals`], over different orders: addresses with
//! the family on top, ports, and names compared from their last byte to their first. Sets of whole
//! flows, in [`flows`], are decision diagrams over such axes and over what is not known.

pub mod flows;
pub mod intervals;

mod index;
mod name;

pub use index::IntervalSet;
pub use index::SetIndex;
pub use name::NameSet;

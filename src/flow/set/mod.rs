//! Sets closed under union, intersection and difference, each in a canonical form.
//!
//! All of them are one algebra, [`intervals::Intervals`], over different orders: addresses with
//! the family on top, ports, and names compared from their last byte to their first.

pub mod flows;
pub mod intervals;

mod index;
mod name;

pub use index::IntervalSet;
pub use index::SetIndex;
pub use name::NameSet;

//! What becomes of a flow: the slow, obviously right engine.
//!
//! In: a deployment, a list, evidence, assumptions, and a flow or what was seen of one. Out: a
//! [`Decision`] with the way to it, what the list says of the same flow, and the box that both
//! give. The procedure is that of `azure-firewall.md §10` and `azure-routing.md §2`, under the
//! definitions of `semantics.md`; each function names the section that it carries out.
//!
//! [`Simulator::decide`] is total and two-valued: every fact it cannot see is an
//! [`Atom`](crate::flow::Atom) that the caller answers. [`Simulator::judge`] asks it in every
//! environment that the evidence leaves open. [`Classifier`] and [`Replays`] say the same of many
//! flows in little time. Nothing here reads a file or the clock.

pub mod assumptions;
pub mod classify;
pub mod connection;
pub mod consistency;
pub mod decision;
pub mod environment;
pub mod indexed;
pub mod judge;
pub mod near;
pub mod outcome;
pub mod recorded;
pub mod regions;
pub mod replay;
pub mod required;
pub mod route;
pub mod usage;

pub(crate) mod candidate;
mod decide;
pub(crate) mod explore;
mod fewest;
pub(crate) mod firewall;
mod inquiry;
mod kinds;
mod leg;
pub(crate) mod matching;
mod names;
pub(crate) mod policy;
mod question;
mod representatives;
pub(crate) mod security;
pub(crate) mod special_purpose;
mod views;

pub use assumptions::Assumptions;
pub use classify::Classified;
pub use classify::Classifier;
pub use classify::Replays;
pub use classify::Settled;
pub use consistency::Consistency;
pub use consistency::Inconsistency;
pub use decide::Simulator;
pub use decision::Decision;
pub use decision::Missing;
pub use decision::Reason;
pub use decision::Verdict;
pub use environment::Environment;
pub use indexed::IndexedIntent;
pub use judge::Reading;
pub use near::Differs;
pub use near::NearMiss;
pub use outcome::Outcome;
pub use question::Stance;
pub use recorded::Agreement;
pub use replay::Replayed;
pub use representatives::FRESH;
pub use required::Judged;
pub use usage::Usage;

//! Answers as text, as JSON and as Markdown.
//!
//! In: what `simulate` and the other stages found. Out: strings, in the formats of `cli.md`. The
//! JSON has structs of its own, so that a change of the model is no change of the interface.
//! Nothing here decides, and nothing prints.

mod assumption_json;
pub mod check;
pub mod command;
pub mod coverage;
pub mod default_row;
pub mod diff;
pub mod example;
pub mod explain;
mod fact;
mod finding_json;
pub mod flow_row;
pub mod near;
mod premises;
pub mod prove;
pub mod replay;
mod subject;
#[cfg(feature = "testing")]
pub mod test;
pub mod usage;

pub use default_row::DefaultRow;
pub use flow_row::FlowRow;
pub use subject::Subject;

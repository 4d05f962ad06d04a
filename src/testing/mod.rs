//! Tests of a list: its own examples, and flows near every edge that it and its deployment have.
//!
//! In: a list, a deployment, what is known of the environment, a seed. Out: the examples that are
//! not met, each with a flow that shows it; flows at, just before and just after whatever rules,
//! permissions, routes and subnets begin or end with; what the engine for single flows says of
//! them, and the simplest flow of which it says what it should not; and the small mistakes in the
//! compiled rules that no example and no assertion notices. Nothing here decides
//! flows, which is for `simulate` and `prove`, and no message is written here; `report` has the words.
//!
//! All but the examples is in the feature `testing`. A test of a change of rules, for one that
//! lets a second name out and may let out nothing else:
//!
#![cfg_attr(feature = "testing", doc = "```")]
#![cfg_attr(not(feature = "testing"), doc = "```ignore")]
//! # use exeat::{evidence::Evidence, flow::Flow, simulate::{Assumptions, Environment, Simulator}};
//! # use exeat::testing::{Edges, RuleChange, Runs, nothing_newly_leaves, these_keep_leaving};
//! # fn deployment(names: &str) -> exeat::azure::Deployment {
//! #     let text = r#"{"schema": "exeat.deployment/1",
//! #         "firewallPolicies": {"p": {"ruleCollectionGroups": [
//! #             {"name": "g", "priority": 200, "ruleCollections": [
//! #                 {"name": "c", "priority": 200, "kind": "application", "action": "Allow", "rules": [
//! #                     {"name": "web", "sourceAddresses": ["10.1.8.0/24"],
//! #                      "protocols": ["Https:443"], "targetFqdns": [NAMES]}]}]}]}}}"#;
//! #     exeat::import::json::read(&text.replace("NAMES", names)).unwrap()
//! # }
//! let old = deployment(r#""www.example.com""#);
//! let new = deployment(r#""www.example.com", "api.example.com""#);
//! let (before, after) = (Simulator::new(&old)?, Simulator::new(&new)?);
//! let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
//! let at = "2026-03-01T00:00:00Z".parse()?;
//! let environment = Environment { evidence: &evidence, assumptions: &assumptions, at };
//! let change = RuleChange { old: &before, new: &after, environment };
//! let edges = Edges::near(&[&old, &new], None, &evidence);
//!
//! // What leaves is what is meant to leave, …
//! let is_meant = |flow: &Flow| {
//!     flow.payload.wire_name().is_some_and(|name| name.to_string() == "api.example.com")
//! };
//! nothing_newly_leaves(&change, &edges, Runs::default(), is_meant)?;
//!
//! // … and without that exception the simplest flow that newly leaves is told.
//! let found = nothing_newly_leaves(&change, &edges, Runs::default(), |_| false).unwrap_err();
//! assert_eq!(
//!     found.flow.to_string(),
//!     "10.1.8.0 -> 203.0.113.7 : tcp/443 tls api.example.com",
//! );
//!
//! // What left before the change still does.
//! let text = "10.1.8.4 -> 203.0.113.7 : tcp/443 tls www.example.com";
//! let flow = exeat::flow::notation::FlowText::parse(text)?.to_observation();
//! these_keep_leaving(&change, flow)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod examples;

#[cfg(feature = "testing")]
pub mod agreement;
#[cfg(feature = "testing")]
pub mod change;
#[cfg(feature = "testing")]
pub mod edges;
#[cfg(feature = "testing")]
pub mod mutants;
#[cfg(feature = "testing")]
pub mod strategy;

#[cfg(feature = "testing")]
mod corners;
#[cfg(feature = "testing")]
mod mutation;
#[cfg(feature = "testing")]
mod values;

#[cfg(feature = "testing")]
pub use agreement::Agreement;
#[cfg(feature = "testing")]
pub use agreement::Disagreement;
#[cfg(feature = "testing")]
pub use agreement::Sides;
#[cfg(feature = "testing")]
pub use agreement::agreement;
#[cfg(feature = "testing")]
pub use change::Flipped;
#[cfg(feature = "testing")]
pub use change::RuleChange;
#[cfg(feature = "testing")]
pub use change::nothing_newly_leaves;
#[cfg(feature = "testing")]
pub use change::these_keep_leaving;
#[cfg(feature = "testing")]
pub use edges::Edges;
pub use examples::Elsewhere;
pub use examples::Tested;
pub use examples::Unmet;
pub use examples::examples;
#[cfg(feature = "testing")]
pub use mutants::MutantsError;
#[cfg(feature = "testing")]
pub use mutants::Score;
#[cfg(feature = "testing")]
pub use mutants::Unnoticed;
#[cfg(feature = "testing")]
pub use mutants::mutants;
#[cfg(feature = "testing")]
pub use strategy::NearEdges;
#[cfg(feature = "testing")]
pub use strategy::Runs;

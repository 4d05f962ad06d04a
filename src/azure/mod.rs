//! The artefact: Azure's resources as far as they decide what leaves.
//!
//! In: what `compile` lays out or `import` reads. Out: plain values under Azure's own names
//! (`azure-firewall.md §7`, `azure-routing.md §11`), the order in which a firewall looks at them,
//! and Azure's limits. Nothing here decides a flow: that is `simulate`.

pub mod address;
pub mod arm;
pub mod cluster;
pub mod deployment;
pub mod document;
pub mod firewall;
pub mod key;
pub mod known;
pub mod limits;
pub mod network;
pub mod order;
pub mod policy;
pub mod region;
pub mod route;
pub mod rule;
pub mod security_group;

pub use deployment::Deployment;
pub use deployment::Origin;
pub use deployment::Ownership;
pub use deployment::RuleId;
pub use deployment::RuleRef;
pub use deployment::Scope;
pub use key::Key;

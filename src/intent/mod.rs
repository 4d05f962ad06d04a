//! The list: what is permitted, from where, and why.
//!
//! In: what `resolve` made of the source text. Out: values without an unresolved name, so that
//! later stages have no such error. What a list means for a flow is in `simulate`, next to what a
//! deployment means for it; this stage knows no Azure resource.

pub mod check;
pub mod permission;
pub mod settings;
pub mod topology;

use crate::diagnostic::Span;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;

pub use check::Assertion;
pub use check::Example;
pub use permission::Deny;
pub use permission::Destination;
pub use permission::Permission;
pub use permission::Requirement;
pub use permission::Service;
pub use settings::Context;
pub use settings::Placement;
pub use settings::PolicySettings;
pub use topology::Topology;

/// Where a statement stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The file, relative to the folder of the rules file; `std:aks/core` for a shipped ruleset.
    pub file: String,
    /// The whole statement.
    pub span: Span,
}

impl Origin {
    /// Of a statement of `file` that stands in no text.
    pub fn generated(file: impl Into<String>) -> Origin {
        Origin { file: file.into(), span: Span::NONE }
    }
}

/// A reviewed list of permitted egress, resolved.
///
/// The order of permissions and denies means nothing: deny wins (`semantics.md`, Intent). They are
/// kept in the order of the source, imports first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intent {
    /// Where new resources lie.
    pub placement: Placement,
    /// The network that the list is about.
    pub topology: Topology,
    /// Settings of the policy that is written.
    pub settings: PolicySettings,
    /// What is permitted.
    pub permissions: Vec<Permission>,
    /// What is not permitted, whatever else says so.
    pub denies: Vec<Deny>,
    /// Claims about the list.
    pub assertions: Vec<Assertion>,
    /// Flows with the verdict that they must have.
    pub examples: Vec<Example>,
    /// Deployments that stand beside or above what is written.
    pub context: Vec<Context>,
}

impl Intent {
    /// The destinations of each permission and each deny.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        let permissions = self.permissions.iter().flat_map(|one| &one.destinations);
        permissions.chain(self.denies.iter().flat_map(|one| &one.destinations))
    }

    /// The names that statements spell out: wildcards cannot be asked for.
    pub fn exact_names(&self) -> impl Iterator<Item = &Fqdn> {
        exact(self.destinations())
    }

    /// The names that stand anywhere in statements, in wildcards, exceptions and URLs, too: which of
    /// them a flow shows matters where that was not seen.
    pub fn spelled_names(&self) -> impl Iterator<Item = &Fqdn> {
        let patterns = self.destinations().flat_map(Destination::every_name_pattern);
        patterns.filter_map(FqdnPattern::spelled)
    }

    /// The names for which it matters which addresses a client holds, whatever it shows: those of
    /// permissions with a service that shows no name, or that let out whatever is sent there.
    pub fn names_held_by_clients(&self) -> impl Iterator<Item = &Fqdn> {
        let by_address = self.permissions.iter().filter(|one| {
            one.by_address.is_some() || one.services.iter().any(|service| !service.shows_a_name())
        });
        exact(by_address.flat_map(|one| &one.destinations))
    }

    /// The names for which it matters which addresses a firewall holds: those of permissions that let
    /// out whatever is sent there.
    pub fn names_held_by_firewalls(&self) -> impl Iterator<Item = &Fqdn> {
        let by_address = self.permissions.iter().filter(|one| one.by_address.is_some());
        exact(by_address.flat_map(|one| &one.destinations))
    }
}

/// The names that destinations spell out.
fn exact<'i>(
    destinations: impl Iterator<Item = &'i Destination>,
) -> impl Iterator<Item = &'i Fqdn> {
    destinations.flat_map(Destination::name_patterns).filter_map(|pattern| match pattern {
        FqdnPattern::Exact(name) => Some(name),
        FqdnPattern::Any | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => None,
    })
}

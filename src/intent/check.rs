//! Assertions and examples.

use super::Origin;
use super::permission::Addresses;
use super::permission::Destination;
use super::permission::Service;
use crate::flow::Fqdn;
use crate::flow::Observation;

/// Which way an assertion goes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Polarity {
    /// `assert never`: none of these flows leaves.
    Never,
    /// `assert always`: all of these flows leave.
    Always,
}

/// A claim about flows.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// The label.
    pub label: String,
    /// Never or always.
    pub polarity: Polarity,
    /// Where the flows come from.
    pub sources: Addresses,
    /// Where they go.
    pub destinations: Vec<Destination>,
    /// With which services.
    pub services: Vec<Service>,
    /// The reason, where given.
    pub because: Option<String>,
    /// Where it stands.
    pub origin: Origin,
}

/// The verdict that an example expects.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Expected {
    /// It leaves.
    Allow,
    /// It does not leave.
    Deny,
    /// The evidence does not settle it.
    Undetermined,
    /// It leaves around the firewall.
    Bypass,
    /// It stays in the network, or the firewall itself answers.
    Local,
    /// It goes to an address of the platform.
    Platform,
}

impl Expected {
    /// The word of the language.
    pub fn keyword(self) -> &'static str {
        match self {
            Expected::Allow => "allow",
            Expected::Deny => "deny",
            Expected::Undetermined => "undetermined",
            Expected::Bypass => "bypass",
            Expected::Local => "local",
            Expected::Platform => "platform",
        }
    }
}

/// A flow with the verdict that it must have.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The label.
    pub label: String,
    /// What it shows, in words.
    pub title: Option<String>,
    /// The flows, one for each address that the source named.
    pub flows: Vec<Observation>,
    /// The host that is the destination, where no address of it is known. The flows then have one
    /// address of many that it may be.
    pub host: Option<Fqdn>,
    /// The verdict.
    pub expected: Expected,
    /// Where it stands.
    pub origin: Origin,
}

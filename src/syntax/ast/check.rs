//! Assertions and examples.

use crate::diagnostic::Spanned;

use super::rule::Clauses;
use super::set::Operand;
use super::set::Service;
use super::set::Set;
use super::word::Name;
use super::word::Text;

/// `assert never|always LABEL: SOURCES -> DESTINATIONS : SERVICES`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Assertion {
    /// Whether none or all of the flows leave.
    pub quantifier: Spanned<Quantifier>,
    /// Names the test.
    pub label: Spanned<Name>,
    /// Who asks.
    pub sources: Spanned<Set<Operand>>,
    /// What is asked for.
    pub destinations: Spanned<Set<Operand>>,
    /// How.
    pub services: Spanned<Set<Service>>,
    /// Only `because`, `owner` and `ticket` occur.
    pub clauses: Clauses,
}

/// What an assertion says of its flows.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Quantifier {
    /// None of them leaves.
    Never,
    /// All of them leave.
    Always,
}

/// `example LABEL "…" FLOW => VERDICT`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Example {
    /// Names the test.
    pub label: Spanned<Name>,
    /// What the flow is in the life of its owner.
    pub title: Option<Spanned<Text>>,
    /// The flow in the notation of `docs/cli.md`, not yet read: comments are left out, and what
    /// stands between two words is one space or nothing. The span covers it in the file.
    pub flow: Spanned<String>,
    /// What must become of it.
    pub expected: Spanned<ExpectedVerdict>,
}

/// What may become of a flow: the words of `exeat.replay/1`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ExpectedVerdict {
    /// It leaves through the firewall.
    Allow,
    /// It does not leave.
    Deny,
    /// The evidence does not settle it.
    Undetermined,
    /// It leaves around the firewall.
    Bypass,
    /// It does not need to leave.
    Local,
    /// It goes to an address of the platform.
    Platform,
}

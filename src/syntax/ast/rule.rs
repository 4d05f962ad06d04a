//! Permissions, denies and their clauses.

use jiff::civil::Date;

use crate::diagnostic::Spanned;

use super::Statement;
use super::set::Operand;
use super::set::Service;
use super::set::Set;
use super::word::Ident;
use super::word::Name;
use super::word::Text;
use super::word::Value;

/// `allow LABEL: SOURCES -> DESTINATIONS : SERVICES` with its clauses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permission {
    /// Whether it lets out, and whether it must.
    pub action: Spanned<Action>,
    /// Names the rule in Azure and in reports.
    pub label: Spanned<Name>,
    /// Who asks.
    pub sources: Spanned<Set<Operand>>,
    /// What is asked for.
    pub destinations: Spanned<Set<Operand>>,
    /// How.
    pub services: Spanned<Set<Service>>,
    /// Reason, owner, and the rest; `because` is there unless a diagnostic said it is missing.
    pub clauses: Clauses,
}

/// What a permission does.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// `allow`: permitted, and required.
    Allow,
    /// `may`: permitted, not required.
    May,
    /// `deny`: not permitted, whatever else is said.
    Deny,
}

impl Action {
    /// The word for it.
    pub fn keyword(self) -> &'static str {
        match self {
            Action::Allow => "allow",
            Action::May => "may",
            Action::Deny => "deny",
        }
    }
}

/// The clauses after a sentence, each at most once. A clause's span goes from its first word to the
/// end of its value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Clauses {
    /// `because "…"`: why.
    pub because: Option<Spanned<Text>>,
    /// `owner platform`: who answers for it.
    pub owner: Option<Spanned<Name>>,
    /// `ticket "NET-142"`: where it was decided.
    pub ticket: Option<Spanned<Text>>,
    /// `expires 2099-06-30`: the last day on which it holds, UTC.
    pub expires: Option<Spanned<Value<Date>>>,
    /// `by address because "…"`: accepts that addresses stand for names, and why.
    pub by_address: Option<Spanned<Text>>,
    /// `accept undetermined because "…"`: accepts that some flows cannot be judged, and why.
    pub accept_undetermined: Option<Spanned<Text>>,
}

/// `ordered { … }`: first match counts; what an imported policy becomes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ordered {
    /// A name for the block, such as the rule collection it came from.
    pub label: Option<Spanned<Ident>>,
    /// Only [`Permission`](super::StatementKind::Permission) occurs.
    pub statements: Vec<Statement>,
}

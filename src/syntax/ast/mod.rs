//! What a source file says, as a tree.
//!
//! Nothing is looked up, filled in or judged here: a name may be unknown and a hole `${…}` is still
//! a hole. Every node carries its place in a [`Spanned`], and equality ignores places.

mod check;
mod module;
mod network;
mod policy;
mod rule;
mod set;
mod word;

pub use check::Assertion;
pub use check::Example;
pub use check::ExpectedVerdict;
pub use check::Quantifier;
pub use module::Argument;
pub use module::Atom;
pub use module::Azure;
pub use module::Condition;
pub use module::Context;
pub use module::Element;
pub use module::Existing;
pub use module::ExistingKind;
pub use module::Import;
pub use module::ImportSource;
pub use module::Owned;
pub use module::Owns;
pub use module::Param;
pub use module::ParamType;
pub use module::Table;
pub use module::Unknown;
pub use module::When;
pub use network::ApiServer;
pub use network::Cluster;
pub use network::Firewall;
pub use network::Gateway;
pub use network::GatewayKind;
pub use network::Network;
pub use network::NetworkItem;
pub use network::Nsg;
pub use network::NsgDirection;
pub use network::NsgRule;
pub use network::OnPremises;
pub use network::Outbound;
pub use network::Peering;
pub use network::Plugin;
pub use network::Pool;
pub use network::PrivateEndpoint;
pub use network::Route;
pub use network::RouteDestination;
pub use network::RouteTarget;
pub use network::Sku;
pub use network::Subnet;
pub use network::VirtualHub;
pub use network::Vnet;
pub use policy::Dnat;
pub use policy::DnatTarget;
pub use policy::HeaderInsertion;
pub use policy::Policy;
pub use policy::PolicyParent;
pub use policy::SnatMode;
pub use policy::ThreatMode;
pub use rule::Action;
pub use rule::Clauses;
pub use rule::Ordered;
pub use rule::Permission;
pub use set::Operand;
pub use set::PortSpec;
pub use set::Service;
pub use set::Set;
pub use set::SetDeclaration;
pub use set::SqlMode;
pub use set::Transport;
pub use set::WebProtocol;
pub use word::AddressSpec;
pub use word::HostPattern;
pub use word::Ident;
pub use word::Name;
pub use word::Path;
pub use word::Tag;
pub use word::TagName;
pub use word::Text;
pub use word::TextPart;
pub use word::Value;

use crate::diagnostic::Spanned;

use super::trivia::Comments;

/// A source file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ast {
    /// `language 1`; nothing in an empty file, or where a diagnostic said it is missing.
    pub version: Option<Spanned<Version>>,
    /// The sentences, in the order of the text.
    pub statements: Vec<Statement>,
    /// The `//` comments, which belong to no sentence but stay where they stand.
    pub comments: Comments,
}

/// A version of the language.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// `language 1`.
    V1,
}

/// One sentence, from its first word to its last; `kind.span` covers it without its description.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// The lines of `///` before it, without slashes and one space; the description in Azure.
    pub docs: Vec<Spanned<String>>,
    /// What it says.
    pub kind: Spanned<StatementKind>,
}

/// What a sentence says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StatementKind {
    /// `import …`
    Import(Import),
    /// `param …`
    Param(Param),
    /// `table …`
    Table(Table),
    /// `when … { … }`
    When(When),
    /// `azure { … }`
    Azure(Azure),
    /// `network … { … }`
    Network(Network),
    /// `policy … { … }`
    Policy(Policy),
    /// `addresses … = …`
    Addresses(SetDeclaration<Operand>),
    /// `names … = …`
    Names(SetDeclaration<Operand>),
    /// `services … = …`
    Services(SetDeclaration<Service>),
    /// `allow …`, `may …` or `deny …`
    Permission(Permission),
    /// `ordered { … }`
    Ordered(Ordered),
    /// `assert …`
    Assertion(Assertion),
    /// `example …`
    Example(Example),
    /// `context …`
    Context(Context),
    /// `owns …`
    Owns(Owns),
    /// `existing …`
    Existing(Existing),
    /// `unknown …`
    Unknown(Unknown),
}

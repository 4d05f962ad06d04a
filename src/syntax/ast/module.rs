//! The sentences around the rules: imports, parameters, conditions, placement.

use jiff::civil::Date;

use crate::diagnostic::Spanned;

use super::Statement;
use super::rule::Clauses;
use super::set::Operand;
use super::set::Set;
use super::word::Ident;
use super::word::Name;
use super::word::Text;

/// `import std "aks/core" as aks with { … }`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Import {
    /// What is imported.
    pub source: ImportSource,
    /// The name it goes by here.
    pub name: Spanned<Ident>,
    /// Values for its parameters.
    pub arguments: Vec<Argument>,
}

/// Where an import comes from; the two kinds never shadow each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ImportSource {
    /// A ruleset shipped with the program: `std "aks/core"`.
    Std(Spanned<String>),
    /// A file, by its path relative to this one: `"./shared/mirrors.egress"`.
    File(Spanned<String>),
}

/// `name = value` after `with`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Argument {
    /// The parameter's name in the imported file.
    pub name: Spanned<Ident>,
    /// Its value, read in the importing file.
    pub value: Spanned<Set<Atom>>,
}

/// A single value of a parameter or table.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Atom {
    /// `443`
    Number(u32),
    /// `2099-06-30`
    Date(Date),
    /// `true`, `false`
    Bool(bool),
    /// Anything that may stand in a set. A plain word is [`Operand::Reference`] here also where a
    /// label or a key of an enumeration is meant; a quoted one is [`Operand::Quoted`].
    Operand(Operand),
}

/// `param NAME: TYPE = DEFAULT`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Param {
    /// The parameter's name.
    pub name: Spanned<Ident>,
    /// Which values fit.
    pub kind: Spanned<ParamType>,
    /// Its value where none is given.
    pub default: Option<Spanned<Set<Atom>>>,
}

/// The type of a parameter or table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ParamType {
    /// A single value.
    One(Element),
    /// `set of …`
    SetOf(Element),
    /// `bool`
    Bool,
    /// `enum { dev, prod }`
    Enum(Vec<Spanned<Ident>>),
}

/// A type whose values can be in a set.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Element {
    /// `label`: one DNS label.
    Label,
    /// `name`: a host name or wildcard.
    Name,
    /// `address`: an address, prefix or range.
    Address,
    /// `port`: 0 to 65535.
    Port,
    /// `text`: any text.
    Text,
    /// `date`: a day.
    Date,
}

/// `table NAME: TYPE by PARAM { key = value … }`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Table {
    /// The table's name; it stands for the value under the parameter's present key.
    pub name: Spanned<Ident>,
    /// Which values fit.
    pub kind: Spanned<ParamType>,
    /// The parameter whose enumeration has the keys.
    pub key: Spanned<Ident>,
    /// A value for each key; [`Argument::name`] is the key.
    pub entries: Vec<Argument>,
}

/// `when env is prod and … { … }`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct When {
    /// All must hold; at least one.
    pub conditions: Vec<Spanned<Condition>>,
    /// What is said then. Neither imports nor parameters nor tables occur.
    pub statements: Vec<Statement>,
}

/// `env is prod, test`; `env is not dev`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Condition {
    /// A parameter: an enumeration, or `bool` with the keys `true` and `false`.
    pub param: Spanned<Ident>,
    /// Whether `not` stands there.
    pub negated: bool,
    /// The keys; at least one.
    pub keys: Vec<Spanned<Ident>>,
}

/// `azure { … }`: where the resources are put.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Azure {
    /// `subscription "…"`: its id.
    pub subscription: Option<Spanned<Text>>,
    /// `resource-group "…"`
    pub resource_group: Option<Spanned<Text>>,
    /// `location "…"`: the Azure region.
    pub location: Option<Spanned<Text>>,
}

/// `context "hub.json"`: a deployment that is already there and is taken into account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Context {
    /// The file, by its path relative to this one.
    pub file: Spanned<String>,
}

/// `owns policy egress, priorities 1000-1999`: what the output of this file may write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owns {
    /// At least one.
    pub things: Vec<Spanned<Owned>>,
}

/// A thing whose whole content is this file's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Owned {
    /// `policy NAME`
    Policy(Name),
    /// `group NAME`: a rule collection group.
    Group(Name),
    /// `ip-group NAME`
    IpGroup(Name),
    /// `route-table NAME`
    RouteTable(Name),
    /// `nsg NAME`
    Nsg(Name),
    /// `subnet NAME`: all its properties, so that it may be written again.
    Subnet(Name),
    /// `priorities 1000-1999`: of rule collection groups; closed at both ends.
    Priorities(u16, u16),
}

/// `existing ip-group build "/subscriptions/…"`: a resource that this file refers to and does not
/// make.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Existing {
    /// What it is.
    pub kind: Spanned<ExistingKind>,
    /// The name it goes by here.
    pub name: Spanned<Name>,
    /// Its resource id.
    pub id: Spanned<Text>,
}

/// The kinds of resources that can be referred to without being described.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ExistingKind {
    /// `ip-group`
    IpGroup,
    /// `policy`
    Policy,
    /// `route-table`
    RouteTable,
    /// `nat-gateway`
    NatGateway,
    /// `nsg`
    Nsg,
}

/// `unknown NAME because "…"`: something an import could not know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unknown {
    /// The name it goes by here.
    pub name: Spanned<Ident>,
    /// Only `because`, `owner` and `ticket` occur; `because` is there unless a diagnostic said it
    /// is missing.
    pub clauses: Clauses,
}

//! The smallest parts of a sentence: names, texts, hosts, addresses.

use std::fmt;
use std::net::IpAddr;

use crate::diagnostic::Spanned;

/// A plain name: a letter, then letters, digits and dashes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ident {
    // Invariant: as `Ident::new` checks; may be a reserved word, which the parser refuses where a
    // name is declared.
    text: String,
}

impl Ident {
    /// The name `text`, or nothing if it does not start with an ASCII letter or holds anything but
    /// ASCII letters, digits and dashes.
    pub fn new(text: &str) -> Option<Ident> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let goes_on_well = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        (starts_well && goes_on_well).then(|| Ident { text: text.to_owned() })
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A name of a thing here or in a module: `images`, `aks::nodes`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Path {
    /// The name an import was given, before `::`.
    pub module: Option<Spanned<Ident>>,
    /// The name within it.
    pub name: Spanned<Ident>,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(module) = &self.module {
            write!(f, "{}::", module.node)?;
        }
        self.name.node.fmt(f)
    }
}

/// A quoted text, taken apart at its holes.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Text {
    // Invariant: no literal is empty, and no two literals are neighbours. So equal texts are equal
    // values.
    parts: Vec<TextPart>,
}

/// A part of a quoted text.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TextPart {
    /// Characters that stand for themselves, escapes undone.
    Literal(String),
    /// `${name}`: the value of a parameter or table.
    Hole(Spanned<Ident>),
}

impl Text {
    /// A text without holes.
    pub fn literal(text: &str) -> Text {
        Text::new([TextPart::Literal(text.to_owned())])
    }

    /// A text of these parts, one after the other.
    pub fn new(parts: impl IntoIterator<Item = TextPart>) -> Text {
        let mut joined: Vec<TextPart> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (_, TextPart::Literal(text)) if text.is_empty() => {}
                (Some(TextPart::Literal(before)), TextPart::Literal(text)) => {
                    before.push_str(&text);
                }
                (_, part) => joined.push(part),
            }
        }
        Text { parts: joined }
    }

    /// The parts: no literal is empty, no two literals are neighbours.
    pub fn parts(&self) -> &[TextPart] {
        &self.parts
    }

    /// The characters, if there is no hole.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TextPart::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The holes, in order.
    pub fn holes(&self) -> impl Iterator<Item = &Spanned<Ident>> {
        self.parts.iter().filter_map(|part| match part {
            TextPart::Literal(_) => None,
            TextPart::Hole(name) => Some(name),
        })
    }
}

/// A name that is declared or referred to: plain, or quoted if it holds other characters.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Name {
    /// `apps`
    Plain(Ident),
    /// `"snet_apps"`, `"snet-${env}"`
    Quoted(Text),
}

impl Name {
    /// The name's characters, if there is no hole in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self {
            Name::Plain(ident) => Some(ident.as_str()),
            Name::Quoted(text) => text.as_literal(),
        }
    }
}

/// A value of its own kind, or a way to it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Value<T> {
    /// The value itself: `10.0.1.4`.
    Given(T),
    /// A parameter, table or thing that has it: `proxy-address`, `hub::proxy`.
    Named(Path),
    /// The value as text with holes: `"10.${second}.1.4"`.
    Filled(Text),
}

/// An address, prefix or range, as it was written: host bits and order are not yet judged.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AddressSpec {
    /// `10.0.1.4`, `[2001:db8::1]`
    Address(IpAddr),
    /// `10.0.0.0/16`, `[2001:db8::]/32`; the length is at most 32 or 128.
    Prefix(IpAddr, u8),
    /// `10.0.1.4-10.0.1.9`; both of one family.
    Range(IpAddr, IpAddr),
}

/// A host name with a dot, or a wildcard over them, as it was written.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum HostPattern {
    /// `mcr.microsoft.com`
    Exact(String),
    /// `*.data.mcr.microsoft.com`; holds what follows the star and its dot.
    Below(String),
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Exact(host) => f.write_str(host),
            HostPattern::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

/// A word that Azure gives out, such as a service tag `Storage.WestEurope` or the service
/// `Microsoft.Sql`: letters, digits, dots, dashes and underscores, starting with a letter.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TagName {
    // Invariant: as `TagName::new` checks.
    text: String,
}

impl TagName {
    /// The word `text`, or nothing if it holds other characters.
    pub fn new(text: &str) -> Option<TagName> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let goes_on_well =
            text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        (starts_well && goes_on_well).then(|| TagName { text: text.to_owned() })
    }

    /// The word as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A word that Azure gives out, plain or with holes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tag {
    /// `Storage.WestEurope`
    Plain(TagName),
    /// `"Storage.${region}"`
    Quoted(Text),
}

//! Nodes that are written on one line.

use std::fmt::Write as _;
use std::net::IpAddr;

use jiff::civil::Date;

use crate::diagnostic::Spanned;

use super::super::ast::AddressSpec;
use super::super::ast::Atom;
use super::super::ast::Element;
use super::super::ast::HostPattern;
use super::super::ast::Ident;
use super::super::ast::Name;
use super::super::ast::Operand;
use super::super::ast::ParamType;
use super::super::ast::Path;
use super::super::ast::PortSpec;
use super::super::ast::Service;
use super::super::ast::Set;
use super::super::ast::SqlMode;
use super::super::ast::Tag;
use super::super::ast::TagName;
use super::super::ast::Text;
use super::super::ast::TextPart;
use super::super::ast::Transport;
use super::super::ast::Value;
use super::super::ast::WebProtocol;

/// A node as the language writes it, on one line.
pub(super) trait Flat {
    fn flat(&self) -> String;
}

/// The nodes with `, ` between them.
pub(super) fn list<T: Flat>(nodes: &[T]) -> String {
    nodes.iter().map(Flat::flat).collect::<Vec<_>>().join(", ")
}

impl<T: Flat> Flat for Spanned<T> {
    fn flat(&self) -> String {
        self.node.flat()
    }
}

impl Flat for Ident {
    fn flat(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Flat for TagName {
    fn flat(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Flat for Path {
    fn flat(&self) -> String {
        self.to_string()
    }
}

impl Flat for Name {
    fn flat(&self) -> String {
        match self {
            Name::Plain(ident) => ident.flat(),
            Name::Quoted(text) => text.flat(),
        }
    }
}

impl Flat for Tag {
    fn flat(&self) -> String {
        match self {
            Tag::Plain(tag) => tag.flat(),
            Tag::Quoted(text) => text.flat(),
        }
    }
}

impl<T: Flat> Flat for Value<T> {
    fn flat(&self) -> String {
        match self {
            Value::Given(value) => value.flat(),
            Value::Named(path) => path.flat(),
            Value::Filled(text) => text.flat(),
        }
    }
}

impl Flat for Text {
    fn flat(&self) -> String {
        let mut quoted = String::from("\"");
        for part in self.parts() {
            match part {
                TextPart::Literal(literal) => escape_into(&mut quoted, literal),
                TextPart::Hole(name) => {
                    quoted.push_str("${");
                    quoted.push_str(name.node.as_str());
                    quoted.push('}');
                }
            }
        }
        quoted.push('"');
        quoted
    }
}

fn escape_into(quoted: &mut String, literal: &str) {
    let mut characters = literal.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '$' if characters.peek() == Some(&'{') => quoted.push_str("\\$"),
            c if c.is_control() => {
                // Writing to a `String` cannot fail.
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
}

impl Flat for IpAddr {
    fn flat(&self) -> String {
        match self {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        }
    }
}

impl Flat for AddressSpec {
    fn flat(&self) -> String {
        match self {
            AddressSpec::Address(address) => address.flat(),
            AddressSpec::Prefix(address, length) => format!("{}/{length}", address.flat()),
            AddressSpec::Range(first, last) => format!("{}-{}", first.flat(), last.flat()),
        }
    }
}

impl Flat for HostPattern {
    fn flat(&self) -> String {
        self.to_string()
    }
}

impl Flat for u16 {
    fn flat(&self) -> String {
        self.to_string()
    }
}

impl Flat for Date {
    fn flat(&self) -> String {
        self.to_string()
    }
}

impl<T: Flat> Flat for Set<T> {
    fn flat(&self) -> String {
        match self {
            Set::One(operand) => operand.flat(),
            Set::Union(elements) => elements.iter().map(inner).collect::<Vec<_>>().join(", "),
            Set::Intersection(elements) => {
                elements.iter().map(inner).collect::<Vec<_>>().join(" and ")
            }
            Set::Except { base, without } => {
                let mut text = match &base.node {
                    Set::Except { .. } => inner(base),
                    Set::One(_) | Set::Union(_) | Set::Intersection(_) => base.flat(),
                };
                for set in without {
                    text.push_str(" except ");
                    text.push_str(&inner(set));
                }
                text
            }
        }
    }
}

/// An element of a list: a list in it stands in parentheses.
pub(super) fn inner<T: Flat>(set: &Spanned<Set<T>>) -> String {
    match &set.node {
        Set::One(operand) => operand.flat(),
        Set::Union(_) | Set::Intersection(_) | Set::Except { .. } => format!("({})", set.flat()),
    }
}

impl Flat for Operand {
    fn flat(&self) -> String {
        match self {
            Operand::Reference(path) => path.flat(),
            Operand::Host(host) => host.flat(),
            Operand::Address(spec) => spec.flat(),
            Operand::Quoted(text) => text.flat(),
            Operand::Tag(tag) => format!("tag {}", tag.flat()),
            Operand::FqdnTag(name) => format!("fqdn-tag {}", name.flat()),
            Operand::Category(name) => format!("category {}", name.flat()),
            Operand::Url { url, inspect: true } => format!("url {} inspect", url.flat()),
            Operand::Url { url, inspect: false } => format!("url {}", url.flat()),
            Operand::IpGroup(name) => format!("ip-group {}", name.flat()),
            Operand::Suffix(text) => format!("suffix {}", text.flat()),
            Operand::Internet => "internet".to_owned(),
            Operand::AnyName => "any-name".to_owned(),
            Operand::AnyAddress => "any-address".to_owned(),
            Operand::Any => "any".to_owned(),
        }
    }
}

impl Flat for Service {
    fn flat(&self) -> String {
        match self {
            Service::Reference(path) => path.flat(),
            Service::Web { protocol: WebProtocol::Http, port } => with_port("http", port.as_ref()),
            Service::Web { protocol: WebProtocol::Https, port } => {
                with_port("https", port.as_ref())
            }
            Service::Mssql { port, mode } => {
                let service = with_port("mssql", port.as_ref());
                match mode.as_ref().map(|mode| mode.node) {
                    Some(SqlMode::Proxy) => service + " proxy",
                    Some(SqlMode::Redirect) => service + " redirect",
                    None => service,
                }
            }
            Service::Transport { protocol: Transport::Tcp, ports } => {
                format!("tcp/{}", ports.flat())
            }
            Service::Transport { protocol: Transport::Udp, ports } => {
                format!("udp/{}", ports.flat())
            }
            Service::Icmp => "icmp".to_owned(),
            Service::Protocol(number) => format!("proto/{number}"),
            Service::Any => "any".to_owned(),
        }
    }
}

fn with_port(word: &str, port: Option<&Spanned<Value<u16>>>) -> String {
    match port {
        Some(port) => format!("{word}/{}", port.flat()),
        None => word.to_owned(),
    }
}

impl Flat for PortSpec {
    fn flat(&self) -> String {
        match self {
            PortSpec::One(port) => port.flat(),
            PortSpec::Range(first, last) => format!("{first}-{last}"),
        }
    }
}

impl Flat for Atom {
    fn flat(&self) -> String {
        match self {
            Atom::Number(number) => number.to_string(),
            Atom::Date(date) => date.flat(),
            Atom::Bool(value) => value.to_string(),
            Atom::Operand(operand) => operand.flat(),
        }
    }
}

impl Flat for Element {
    fn flat(&self) -> String {
        let word = match self {
            Element::Label => "label",
            Element::Name => "name",
            Element::Address => "address",
            Element::Port => "port",
            Element::Text => "text",
            Element::Date => "date",
        };
        word.to_owned()
    }
}

impl Flat for ParamType {
    fn flat(&self) -> String {
        match self {
            ParamType::One(element) => element.flat(),
            ParamType::SetOf(element) => format!("set of {}", element.flat()),
            ParamType::Bool => "bool".to_owned(),
            ParamType::Enum(keys) => format!("enum {{ {} }}", list(keys)),
        }
    }
}

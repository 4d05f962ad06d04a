//! Values from outside, as text: read by the type of their parameter.

use jiff::civil::Date;
use thiserror::Error;

use super::Options;
use super::operand;
use super::value::Ends;
use super::value::Value;
use crate::syntax::ast::Element;
use crate::syntax::ast::ParamType;

/// `NAME=VALUE`, given for a parameter of the rules file from outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Assignment {
    /// The parameter's name.
    pub name: String,
    /// The value as text, without quotes; the values of a set have `,` between them.
    pub value: String,
    /// Where it was given, for messages: `--set`, or `prod.params:3`.
    pub from: String,
}

/// A text is no assignment.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{from}: expected `NAME=VALUE`, found `{found}`")]
pub struct AssignmentError {
    /// Where the text stood.
    pub from: String,
    /// The text.
    pub found: String,
}

impl Assignment {
    /// Reads `NAME=VALUE`, with white space around either; `from` says where it stands.
    ///
    /// # Errors
    /// A text without `=`, or without a name before it.
    pub fn parse(text: &str, from: &str) -> Result<Assignment, AssignmentError> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Assignment {
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
                from: from.to_owned(),
            }),
            Some(_) | None => {
                Err(AssignmentError { from: from.to_owned(), found: text.to_owned() })
            }
        }
    }

    /// Reads a file of assignments, one a line; empty lines and those that begin with `//` say
    /// nothing.
    ///
    /// # Errors
    /// The first line that is no assignment.
    pub fn parse_lines(text: &str, file: &str) -> Result<Vec<Assignment>, AssignmentError> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with("//"))
            .map(|(number, line)| Assignment::parse(line, &format!("{file}:{number}")))
            .collect()
    }
}

/// The last value that is given for `name` from outside.
pub(super) fn assigned<'o>(options: &'o Options, name: &str) -> Option<&'o Assignment> {
    options.parameters.iter().rev().find(|assignment| assignment.name == name)
}

/// A type with its article, for messages.
pub(super) fn kind_in_words(kind: &ParamType) -> String {
    let one = |element: Element| match element {
        Element::Label => "a label: letters, digits and dashes, at most 63",
        Element::Name => "a host name or wildcard",
        Element::Address => "an address, prefix or range",
        Element::Port => "a port from 0 to 65535",
        Element::Text => "a text",
        Element::Date => "a date such as `2099-06-30`",
    };
    let word = |element: Element| match element {
        Element::Label => "labels",
        Element::Name => "names",
        Element::Address => "addresses",
        Element::Port => "ports",
        Element::Text => "texts",
        Element::Date => "dates",
    };
    match kind {
        ParamType::One(element) => one(*element).to_owned(),
        ParamType::SetOf(element) => format!("a set of {}", word(*element)),
        ParamType::Bool => "`true` or `false`".to_owned(),
        ParamType::Enum(keys) => {
            let list: Vec<String> = keys.iter().map(|key| format!("`{}`", key.node)).collect();
            format!("one of {}", list.join(", "))
        }
    }
}

/// A DNS label as people write it (RFC 1123 §2.1); `None` for anything else.
pub(super) fn label(text: &str) -> Option<String> {
    let fits = (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    fits.then(|| text.to_owned())
}

/// Reads a value from outside; the error is what was expected.
pub(super) fn parse(kind: &ParamType, text: &str) -> Result<Value, String> {
    let expected = || kind_in_words(kind);
    match kind {
        ParamType::Bool => text.parse().map(Value::Bool).map_err(|_| expected()),
        ParamType::Enum(keys) => {
            let known = keys.iter().any(|key| key.node.as_str() == text);
            if known { Ok(Value::Key(text.to_owned())) } else { Err(expected()) }
        }
        ParamType::One(element) => parse_one(*element, text).ok_or_else(expected),
        ParamType::SetOf(element) => {
            let values: Option<Vec<Value>> =
                text.split(',').map(|part| parse_one(*element, part.trim())).collect();
            let values = values.ok_or_else(expected)?;
            Ok(match element {
                Element::Address | Element::Name => {
                    let ends = values.into_iter().filter_map(|value| match value {
                        Value::Ends(ends) => Some(ends),
                        _ => None,
                    });
                    Value::Ends(ends.collect())
                }
                Element::Label | Element::Port | Element::Text | Element::Date => {
                    Value::Several(values)
                }
            })
        }
    }
}

fn parse_one(element: Element, text: &str) -> Option<Value> {
    match element {
        Element::Label => label(text).map(Value::Label),
        Element::Name => {
            operand::pattern(text).ok().map(|pattern| Value::Ends(Ends::names(pattern)))
        }
        Element::Address => {
            operand::range(text).map(|range| Value::Ends(Ends::addresses(range.into())))
        }
        Element::Port => text.parse().ok().map(Value::Port),
        Element::Text => Some(Value::Text(text.to_owned())),
        Element::Date => text.parse::<Date>().ok().map(Value::Date),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_holds_no_dot_star_or_space() {
        for text in ["a.b", "*", "a b", "", "-a", "a-", "ä", "a/b", "\"", &"a".repeat(64)] {
            assert_eq!(label(text), None, "{text}");
        }
        assert_eq!(label("west-europe1").as_deref(), Some("west-europe1"));
    }

    #[test]
    fn a_name_from_outside_is_one_host_or_wildcard() {
        let name = ParamType::One(Element::Name);
        assert!(parse(&name, "*.a.com").is_ok());
        for text in ["*", "*a.com", "a.com, b.com", "10.0.0.1", "a.com because"] {
            assert!(parse(&name, text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_from_outside_keep_their_host_bits_clear() {
        let set = ParamType::SetOf(Element::Address);
        assert!(parse(&set, "10.0.0.0/8, 192.0.2.1,192.0.2.4-192.0.2.9").is_ok());
        for text in ["10.0.0.1/8", "10.0.0.9-10.0.0.1", "", "any"] {
            assert!(parse(&set, text).is_err(), "{text}");
        }
    }

    #[test]
    fn lines_of_a_file_are_named_by_number() {
        let text = "// the production values\n\nregion = westeurope\nnodes\n";
        let error = Assignment::parse_lines(text, "prod.params").unwrap_err();
        assert_eq!(error.to_string(), "prod.params:4: expected `NAME=VALUE`, found `nodes`");
    }
}

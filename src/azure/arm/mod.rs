//! The shape of firewall policies in ARM (`azure-firewall.md §7.1`, `§7.2`).
//!
//! In: policies and their groups. Out: the `properties` of their resources as JSON, keys in the
//! order of the reference, empty lists left out. It lies here and not in `emit`, since Azure's
//! limit of a group is one of this text's length. Where resources lie is not known here: ids come
//! from the caller.

mod group;
mod policy;

use serde_json::Map;
use serde_json::Value;

pub use group::addresses;
pub use group::group_properties;
pub use policy::policy_properties;

use super::deployment::Origin;
use super::key::Key;

/// A name of [`Deployment::unknowns`](super::Deployment::unknowns) where ARM needs a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{name}` is not known")]
pub struct UnknownValue {
    /// The unknown.
    pub name: String,
}

/// What the shape of a group needs to know from outside.
pub trait Surroundings {
    /// The ARM id of an IP group, or an expression for it.
    fn ip_group_id(&self, name: &Key) -> String;

    /// The permission that a rule comes from, where it comes from one.
    fn origin(&self, collection: &Key, rule: &str) -> Option<&Origin>;
}

/// A JSON object under construction; keys stay in the order in which they are added.
#[derive(Clone, Debug, Default)]
pub struct Object(Map<String, Value>);

impl Object {
    /// The empty object.
    pub fn new() -> Object {
        Object::default()
    }

    /// With a value.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Object {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// With a text that is data and no expression.
    #[must_use]
    pub fn with_text(self, key: &str, text: &str) -> Object {
        self.with(key, literal(text))
    }

    /// With a value, where there is one.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl Into<Value>>) -> Object {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// With a list, unless it is empty.
    #[must_use]
    pub fn with_list(self, key: &str, items: Vec<Value>) -> Object {
        if items.is_empty() { self } else { self.with(key, items) }
    }

    /// With a list of texts that are data, unless it is empty.
    #[must_use]
    pub fn with_texts<T: ToString>(self, key: &str, items: &[T]) -> Object {
        self.with_list(key, items.iter().map(|item| literal(&item.to_string()).into()).collect())
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Value {
        Value::Object(object.0)
    }
}

/// `text` as a template holds it. A text in brackets would be taken for an expression; a second
/// bracket before it says that it is none. A text that only begins with one is left alone: Azure
/// would show the second bracket.
pub fn literal(text: &str) -> String {
    if text.starts_with('[') && text.ends_with(']') { format!("[{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_in_brackets_is_escaped() {
        assert_eq!(literal("[resourceGroup().id]"), "[[resourceGroup().id]");
        assert_eq!(literal("[open"), "[open");
        assert_eq!(literal("plain"), "plain");
    }
}

//! What is collected while a document is turned into a deployment.

use std::collections::BTreeMap;

use super::place::Place;
use super::place::Step;
use crate::azure::key::Key;

/// Problems beyond this many are not kept: nobody reads them, and a hostile file has millions.
const MAX_PROBLEMS: usize = 100;

/// Something wrong in a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, and what to do.
    pub message: String,
}

/// The place that is being read, and what was found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Reading {
    at: Vec<Step>,
    problems: Vec<Problem>,
}

impl Reading {
    /// Notes a problem at the current place.
    pub(super) fn object(&mut self, message: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { place: Place(self.at.clone()), message: message.into() });
        }
    }

    /// Reads one step further down.
    pub(super) fn within<T>(
        &mut self,
        step: impl Into<Step>,
        read: impl FnOnce(&mut Reading) -> T,
    ) -> T {
        self.at.push(step.into());
        let value = read(self);
        self.at.pop();
        value
    }

    /// The elements of a list that could be read.
    pub(super) fn list<J, T, R: Into<Option<T>>>(
        &mut self,
        field: &str,
        items: Vec<J>,
        read: impl Fn(J, &mut Reading) -> R,
    ) -> Vec<T> {
        self.within(field, |reading| {
            let items = items.into_iter().enumerate();
            items
                .filter_map(|(index, item)| {
                    reading.within(index, |reading| read(item, reading)).into()
                })
                .collect()
        })
    }

    /// The entries of a list of texts that could be read.
    pub(super) fn texts<T>(
        &mut self,
        field: &str,
        texts: Vec<String>,
        read: fn(&str, &mut Reading) -> Option<T>,
    ) -> Vec<T> {
        self.list(field, texts, |text, reading| read(&text, reading))
    }

    /// The resources of a map that could be read. Azure's names differ in more than case, and so
    /// must these.
    pub(super) fn map<J, T, R: Into<Option<T>>>(
        &mut self,
        field: &str,
        resources: BTreeMap<String, J>,
        read: impl Fn(J, &mut Reading) -> R,
    ) -> BTreeMap<Key, T> {
        let mut named = BTreeMap::new();
        self.within(field, |reading| {
            for (name, json) in resources {
                reading.within(name.as_str(), |reading| {
                    let key = reading.key(&name);
                    let value = read(json, reading).into();
                    if let (Some(key), Some(value)) = (key, value)
                        && named.insert(key, value).is_some()
                    {
                        reading.object(format!(
                            "`{name}` is there twice; names that differ in case are one in Azure"
                        ));
                    }
                });
            }
        });
        named
    }

    /// The value of a field that holds text.
    pub(super) fn field<T>(
        &mut self,
        field: &str,
        text: &str,
        read: fn(&str, &mut Reading) -> Option<T>,
    ) -> Option<T> {
        self.within(field, |reading| read(text, reading))
    }

    /// The value of a field that holds text and may be absent. It is `None` too where it could not
    /// be read: that is a problem, and what has problems is not used.
    pub(super) fn optional<T>(
        &mut self,
        field: &str,
        text: Option<&str>,
        read: fn(&str, &mut Reading) -> Option<T>,
    ) -> Option<T> {
        text.and_then(|text| self.field(field, text, read))
    }

    /// The name of a resource.
    pub(super) fn key(&mut self, name: &str) -> Option<Key> {
        if name.is_empty() || name.contains('/') {
            self.object(format!(
                "expected the name of a resource, found `{name}`; give the name without its path"
            ));
            return None;
        }
        Some(Key::new(name))
    }

    /// The value whose word `text` is, compared as written.
    pub(super) fn word<T: Copy>(
        &mut self,
        text: &str,
        values: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let found = values.iter().copied().find(|value| word(*value) == text);
        if found.is_none() {
            let words: Vec<String> = values.iter().map(|v| format!("`{}`", word(*v))).collect();
            self.object(format!("expected {}, found `{text}`", words.join(" or ")));
        }
        found
    }

    /// Whether nothing was found wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// What was found wrong.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

/// The name of a resource, as a reader of fields and lists.
pub(super) fn key(name: &str, reading: &mut Reading) -> Option<Key> {
    reading.key(name)
}

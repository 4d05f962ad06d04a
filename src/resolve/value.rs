//! Values: what a name or an expression stands for once everything in it is looked up.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::NameSet;
use crate::intent::Destination;
use crate::intent::Service;
use crate::intent::permission::Names;

/// What a parameter, table or set stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// One DNS label.
    Label(String),
    /// A key of an enumeration.
    Key(String),
    /// Any text.
    Text(String),
    /// A port.
    Port(u16),
    /// A day.
    Date(Date),
    /// Yes or no.
    Bool(bool),
    /// Several of the above, all of one kind.
    Several(Vec<Value>),
    /// Addresses, names, or both.
    Ends(Ends),
    /// Services, in the order of the text.
    Services(Vec<Service>),
}

impl Value {
    /// What it is, with its article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Label(_) => "a label",
            Value::Key(_) => "a key of an enumeration",
            Value::Text(_) => "a text",
            Value::Port(_) => "a port",
            Value::Date(_) => "a date",
            Value::Bool(_) => "a yes or no",
            Value::Several(_) => "a set of values",
            Value::Ends(ends) => ends.kind(),
            Value::Services(_) => "a set of services",
        }
    }
}

/// Names, and the patterns they were written with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct NameTerms {
    /// The names.
    pub set: NameSet,
    /// The patterns from which `set` was made; their union holds it.
    pub leaves: BTreeSet<FqdnPattern>,
}

impl NameTerms {
    /// The names that `pattern` matches.
    pub(super) fn of(pattern: FqdnPattern) -> NameTerms {
        NameTerms { set: NameSet::from(&pattern), leaves: [pattern].into() }
    }

    /// The names as patterns, less patterns where a part of a wildcard was taken out; `None` where
    /// no two lists of patterns say it.
    pub(super) fn names(&self) -> Option<Names> {
        if let Some(patterns) = self.set.patterns() {
            return Some(Names { patterns, except: Vec::new(), set: self.set.clone() });
        }
        let met: NameSet =
            self.leaves.iter().filter(|leaf| NameSet::from(*leaf).meets(&self.set)).collect();
        let patterns = met.patterns()?;
        let except = met.difference(&self.set).patterns()?;
        Some(Names { patterns, except, set: self.set.clone() })
    }
}

/// One end of a permission: what may stand before or behind the arrow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ends {
    /// The addresses.
    pub addresses: AddressSet,
    /// The names.
    pub names: NameTerms,
    /// What Azure alone can expand, such as service tags.
    pub others: Vec<Destination>,
    /// `any`: every name and address.
    pub any: bool,
}

impl Ends {
    /// Addresses alone.
    pub(super) fn addresses(addresses: AddressSet) -> Ends {
        Ends { addresses, ..Ends::default() }
    }

    /// Names alone.
    pub(super) fn names(pattern: FqdnPattern) -> Ends {
        Ends { names: NameTerms::of(pattern), ..Ends::default() }
    }

    /// One destination that Azure alone can expand.
    pub(super) fn other(destination: Destination) -> Ends {
        Ends { others: vec![destination], ..Ends::default() }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        !self.any
            && self.addresses.is_empty()
            && self.names.set.is_empty()
            && self.others.is_empty()
    }

    /// Whether it holds addresses and nothing else.
    pub(super) fn is_addresses(&self) -> bool {
        !self.any && self.names.set.is_empty() && self.others.is_empty()
    }

    /// Whether it holds names and nothing else.
    pub(super) fn is_names(&self) -> bool {
        !self.any && self.addresses.is_empty() && self.others.is_empty()
    }

    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        if self.any {
            "everything"
        } else if self.is_addresses() {
            "addresses"
        } else if self.is_names() {
            "names"
        } else if let ([_, ..], true, true) =
            (self.others.as_slice(), self.addresses.is_empty(), self.names.set.is_empty())
        {
            "a tag, category or URL"
        } else {
            "names and addresses"
        }
    }

    /// What is in either.
    pub(super) fn union(mut self, other: Ends) -> Ends {
        self.addresses = self.addresses.union(&other.addresses);
        self.names.set = self.names.set.union(&other.names.set);
        self.names.leaves.extend(other.names.leaves);
        if !other.others.is_empty() {
            let known: BTreeSet<&Destination> = self.others.iter().collect();
            let is_new = |destination: &Destination| !known.contains(destination);
            let fresh: Vec<Destination> = other.others.into_iter().filter(is_new).collect();
            self.others.extend(fresh);
        }
        self.any |= other.any;
        self
    }

    /// What is in both; the patterns of both stay leaves.
    pub(super) fn intersection(mut self, other: Ends) -> Ends {
        self.addresses = self.addresses.intersection(&other.addresses);
        self.names.set = self.names.set.intersection(&other.names.set);
        self.names.leaves.extend(other.names.leaves);
        self
    }

    /// What is in this one alone.
    pub(super) fn difference(mut self, other: &Ends) -> Ends {
        self.addresses = self.addresses.difference(&other.addresses);
        self.names.set = self.names.set.difference(&other.names.set);
        self
    }
}

impl FromIterator<Ends> for Ends {
    /// The union. Each half is united first: one after the other, a list of 100,000 elements would
    /// be copied 100,000 times.
    fn from_iter<T: IntoIterator<Item = Ends>>(ends: T) -> Ends {
        let mut ends: Vec<Ends> = ends.into_iter().collect();
        while ends.len() > 1 {
            let mut halves = Vec::with_capacity(ends.len().div_ceil(2));
            let mut rest = ends.into_iter();
            while let Some(left) = rest.next() {
                halves.push(match rest.next() {
                    Some(right) => left.union(right),
                    None => left,
                });
            }
            ends = halves;
        }
        ends.pop().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(add: &[&str], less: &[&str]) -> NameTerms {
        let ends = |list: &[&str]| {
            list.iter().map(|text| Ends::names(FqdnPattern::parse(text).unwrap())).collect::<Ends>()
        };
        ends(add).difference(&ends(less)).names
    }

    #[test]
    fn a_part_taken_out_of_a_wildcard_is_named_as_an_exception() {
        let names = terms(&["*.a.com", "b.com"], &["*.x.a.com"]).names().unwrap();
        let shown = |list: &[FqdnPattern]| {
            list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(&names.except), "*.x.a.com");
        assert_eq!(shown(&names.patterns), "*.a.com b.com");
    }

    #[test]
    fn a_union_keeps_the_order_of_what_azure_expands() {
        let tags = ["A", "B", "A", "C", "B"].map(|tag| Destination::ServiceTag(tag.to_owned()));
        let all: Ends = tags.into_iter().map(Ends::other).collect();
        let order = ["A", "B", "C"].map(|tag| Destination::ServiceTag(tag.to_owned()));
        assert_eq!(all.others, order);
    }

    #[test]
    fn an_exact_name_taken_out_of_a_list_leaves_the_rest() {
        let names = terms(&["a.com", "b.com"], &["b.com"]).names().unwrap();
        assert_eq!(names.patterns, vec![FqdnPattern::parse("a.com").unwrap()]);
        assert!(names.except.is_empty());
    }
}

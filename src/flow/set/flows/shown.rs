//! What a client shows as the host it wants, in one order: nothing, then addresses, then names.

use std::net::IpAddr;

use crate::flow::Fqdn;
use crate::flow::Host;

/// The bytes that stand in host names, ascending.
const NAME_BYTES: &[u8] = b"-.0123456789_abcdefghijklmnopqrstuvwxyz";
/// The bytes with which a made-up name is continued, the most readable first.
const READABLE: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789_-";

/// What a client shows as the host it wants (`semantics.md`, FlowSet: Name).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Shown {
    /// It shows none.
    Nothing,
    /// An address literal.
    Address(IpAddr),
    /// A name.
    Name(ReversedName),
}

/// A name, compared from its last byte to its first: names under one parent stand together.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct ReversedName(
    // Invariant: the bytes of an `Fqdn`, the last one first.
    Box<[u8]>,
);

impl From<&Fqdn> for ReversedName {
    fn from(name: &Fqdn) -> ReversedName {
        ReversedName(name.as_str().bytes().rev().collect())
    }
}

impl ReversedName {
    /// The name whose bytes are these, from the last to the first, if they are one's.
    fn from_bytes(bytes: &[u8]) -> Option<(ReversedName, Fqdn)> {
        let text: String = bytes.iter().rev().map(|byte| char::from(*byte)).collect();
        let name = Fqdn::parse(&text).ok().filter(|name| name.as_str() == text)?;
        Some((ReversedName(bytes.into()), name))
    }

    /// The name at or above `bytes` with no other between, or `None` where all are below.
    pub(super) fn at_or_above(bytes: &[u8]) -> Option<ReversedName> {
        if let Some(found) = ReversedName::beginning_with(bytes) {
            return Some(found);
        }
        // No name begins so: the next begins with a part of it, and then a greater byte.
        (0..bytes.len()).rev().find_map(|length| {
            let (shared, rest) = bytes.split_at_checked(length)?;
            let replaced = rest.first()?;
            let greater = NAME_BYTES.iter().filter(|byte| *byte > replaced);
            greater
                .copied()
                .find_map(|byte| ReversedName::beginning_with(&[shared, &[byte]].concat()))
        })
    }

    /// The least name that begins with `bytes`, as long as they are the bytes of names.
    fn beginning_with(bytes: &[u8]) -> Option<ReversedName> {
        // A hyphen is the least byte, and may stand anywhere. What is no name without it ends in
        // a dot or is an address.
        let longer = || ReversedName::from_bytes(&[bytes, b"-"].concat());
        ReversedName::from_bytes(bytes).or_else(longer).map(|(least, _)| least)
    }

    /// The name.
    pub(super) fn name(&self) -> Option<Fqdn> {
        ReversedName::from_bytes(&self.0).map(|(_, name)| name)
    }

    /// How many bytes the name has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A name at or above this one and below `end` that reads well: a short one, and this one where
    /// none is shorter.
    pub(super) fn most_readable(&self, end: Option<&ReversedName>) -> ReversedName {
        let is_below = |name: &ReversedName| end.is_none_or(|end| name < end);
        (0..self.0.len())
            .find_map(|length| {
                let (shared, rest) = self.0.split_at_checked(length)?;
                let replaced = rest.first()?;
                let above = READABLE.iter().filter(|byte| *byte > replaced);
                above.copied().find_map(|byte| {
                    let (name, _) = ReversedName::from_bytes(&[shared, &[byte]].concat())?;
                    is_below(&name).then_some(name)
                })
            })
            .unwrap_or_else(|| self.clone())
    }
}

impl From<Option<&Host>> for Shown {
    fn from(host: Option<&Host>) -> Shown {
        match host {
            None => Shown::Nothing,
            Some(Host::Address(address)) => Shown::Address(*address),
            Some(Host::Name(name)) => Shown::Name(ReversedName::from(name)),
        }
    }
}

impl Shown {
    /// The host, if one is shown.
    pub(super) fn host(&self) -> Option<Host> {
        match self {
            Shown::Nothing => None,
            Shown::Address(address) => Some(Host::Address(*address)),
            Shown::Name(name) => name.name().map(Host::Name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every name of up to three of these bytes, ascending.
    fn all_short() -> Vec<ReversedName> {
        let bytes = b"-.0az";
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        let mut all = Vec::new();
        for _ in 0..3 {
            texts = texts
                .iter()
                .flat_map(|t| bytes.iter().map(move |b| [t, &[*b][..]].concat()))
                .collect();
            all.extend(texts.iter().filter_map(|t| Some(ReversedName::from_bytes(t)?.0)));
        }
        all.sort();
        all
    }

    proptest! {
        #[test]
        fn no_name_lies_between_bytes_and_the_name_above(
            bytes in prop::collection::vec(prop::sample::select(b"\0-./0:az{".to_vec()), 0..4),
        ) {
            let found = ReversedName::at_or_above(&bytes);
            prop_assert!(found.as_ref().is_none_or(|found| *found.0 >= *bytes));
            for name in all_short().iter().filter(|name| *name.0 >= *bytes) {
                prop_assert!(found.as_ref().is_some_and(|found| found <= name), "{name:?} {found:?}");
            }
        }
    }

    #[track_caller]
    fn above(bytes: &str, expected: &str) {
        let found = ReversedName::at_or_above(bytes.as_bytes()).unwrap();
        assert_eq!(Shown::Name(found).host().unwrap().to_string(), expected);
    }

    #[test]
    fn a_name_cannot_be_an_address_or_too_long() {
        above("4.3.2.1", "-1.2.3.4");
        let label = "a".repeat(63);
        above(&format!("{label}a"), &format!("b{}", "a".repeat(62)));
        assert_eq!(ReversedName::at_or_above(b"{"), None);
    }

    #[test]
    fn a_witness_is_short() {
        let at = |text: &str| ReversedName::from(&Fqdn::parse(text).unwrap());
        let shown = |name: ReversedName| Shown::Name(name).host().unwrap().to_string();
        assert_eq!(
            shown(at("-.contoso.com").most_readable(Some(&at("0contoso.com")))),
            "a.contoso.com"
        );
        assert_eq!(shown(at("-").most_readable(None)), "a");
        assert_eq!(shown(at("a.com").most_readable(Some(&at("-a.com")))), "a.com");
    }
}

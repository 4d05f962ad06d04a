//! Host names and the patterns that Azure Firewall matches them with.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de;

/// A host name as DNS compares names: A-labels, ASCII lower case, no final dot.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fqdn(
    // Invariant: not empty, at most 253 bytes, labels of 1 to 63 bytes, no upper case, each byte a
    // letter, a digit, `-` or `_`; and not an IPv4 literal. The first byte is `STAND_IN` in a name
    // that stands for others.
    Arc<str>,
);

/// The most bytes of a name without its final dot, and of a label (RFC 1035 §2.3.4).
const MOST_BYTES: usize = 253;
const MOST_LABEL_BYTES: usize = 63;

/// How a name begins that stands for others ([`FqdnPattern::stand_in`]); no host name holds it.
pub const STAND_IN: char = '?';

/// Why a text is no host name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// There is no text.
    #[error("a host name has at least one label")]
    Empty,
    /// A label is empty, as in `a..b`.
    #[error("a host name has no empty label")]
    EmptyLabel,
    /// A label is longer than 63 bytes (RFC 1035 §2.3.4).
    #[error("a label has at most 63 bytes")]
    LabelTooLong,
    /// The name is longer than 253 bytes (RFC 1035 §2.3.4).
    #[error("a host name has at most 253 bytes")]
    TooLong,
    /// A character that no host name holds.
    #[error("`{0}` cannot stand in a host name")]
    Character(char),
    /// The text is an address.
    #[error("this is an address, not a host name")]
    Address,
    /// The name has no form in ASCII (IDNA, RFC 5891).
    #[error("the name has no form in ASCII (IDNA)")]
    NotIdna,
    /// A star that does not stand alone at the far left (`azure-firewall.md §2.3`).
    #[error("`*` is allowed only at the far left of a name")]
    Star,
}

impl Fqdn {
    /// Reads a name as a person writes it: Unicode names are turned into A-labels, case is folded,
    /// one final dot is dropped.
    ///
    /// # Errors
    /// A text that is no host name.
    pub fn parse(text: &str) -> Result<Fqdn, NameError> {
        if text.is_ascii() {
            return Fqdn::from_ascii(text);
        }
        let ascii = idna::domain_to_ascii(text).map_err(|_| NameError::NotIdna)?;
        Fqdn::from_ascii(&ascii)
    }

    fn from_ascii(text: &str) -> Result<Fqdn, NameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let is_folded = is_plain(text);
        if !is_folded {
            check_labels(text)?;
        }
        // With these characters, an address is one of IPv4.
        if text.ends_with(|last: char| last.is_ascii_digit()) && text.parse::<Ipv4Addr>().is_ok() {
            return Err(NameError::Address);
        }
        let folded = if is_folded { text.into() } else { text.to_ascii_lowercase().into() };
        Ok(Fqdn(folded))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels from left to right.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }
}

/// Whether the text is a name in lower case, or an address. Few names are written otherwise, and those of
/// a capture are many.
fn is_plain(text: &str) -> bool {
    let mut label = 0;
    let mut is_plain = text.len() <= MOST_BYTES;
    for byte in text.bytes() {
        if byte == b'.' {
            is_plain &= label != 0;
            label = 0;
        } else {
            label += 1;
            is_plain &= label <= MOST_LABEL_BYTES
                && matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        }
    }
    is_plain && label != 0
}

fn check_labels(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !text.bytes().all(is_allowed)
        && let Some(character) = text.chars().find(|c| !u8::try_from(*c).is_ok_and(is_allowed))
    {
        return Err(if character == '*' {
            NameError::Star
        } else {
            NameError::Character(character)
        });
    }
    if text.len() > MOST_BYTES {
        return Err(NameError::TooLong);
    }
    for label in text.split('.') {
        if label.is_empty() {
            return Err(NameError::EmptyLabel);
        }
        if label.len() > MOST_LABEL_BYTES {
            return Err(NameError::LabelTooLong);
        }
    }
    Ok(())
}

impl Serialize for Fqdn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// From formats that hold text as it is, so that nothing is copied to be looked at.
impl<'de> Deserialize<'de> for Fqdn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fqdn, D::Error> {
        Fqdn::from_ascii(<&str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl FromStr for Fqdn {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Fqdn, NameError> {
        Fqdn::parse(text)
    }
}

impl fmt::Display for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fqdn({})", self.0)
    }
}

/// What a client shows as the host it wants: a name, or an address literal.
///
/// An address lies below all names, as in the order of `semantics.md` (FlowSet).
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Host {
    /// An address literal, as in `Host: 203.0.113.5`.
    Address(IpAddr),
    /// A name.
    Name(Fqdn),
}

impl Host {
    /// Reads a host: an address (IPv6 with or without brackets) or a name.
    ///
    /// # Errors
    /// A text that is neither.
    pub fn parse(text: &str) -> Result<Host, NameError> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Host::Address(address));
        }
        // A final dot says nothing, behind an address as behind a name (`azure-firewall.md §2.3`).
        match text.strip_suffix('.').map(str::parse) {
            Some(Ok(address)) => Ok(Host::Address(IpAddr::V4(address))),
            Some(Err(_)) | None => Fqdn::parse(text).map(Host::Name),
        }
    }

    /// The name, where it is one.
    pub fn name(&self) -> Option<&Fqdn> {
        match self {
            Host::Name(name) => Some(name),
            Host::Address(_) => None,
        }
    }
}

impl From<Fqdn> for Host {
    fn from(name: Fqdn) -> Host {
        Host::Name(name)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Address(IpAddr::V6(v6)) => write!(f, "[{v6}]"),
            Host::Address(address) => write!(f, "{address}"),
            Host::Name(name) => write!(f, "{name}"),
        }
    }
}

/// A pattern for host names with Azure Firewall's meaning of `*` (`azure-firewall.md §2.3`).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FqdnPattern {
    /// `*`: every name.
    Any,
    /// `www.contoso.com`: that name alone.
    Exact(Fqdn),
    /// `*.contoso.com`: any number of labels before `.contoso.com`, but not `contoso.com`.
    Under(Fqdn),
    /// `*contoso.com`: every name that ends so, `contoso.com` and `evilcontoso.com` among them.
    EndsWith(Fqdn),
}

impl FqdnPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A star elsewhere than at the far left, or what is no host name.
    pub fn parse(text: &str) -> Result<FqdnPattern, NameError> {
        match text.strip_prefix('*') {
            None => Fqdn::parse(text).map(FqdnPattern::Exact),
            Some("") => Ok(FqdnPattern::Any),
            Some(rest) => match rest.strip_prefix('.') {
                Some(parent) => Fqdn::parse(parent).map(FqdnPattern::Under),
                None => Fqdn::parse(rest).map(FqdnPattern::EndsWith),
            },
        }
    }

    /// Whether the pattern matches `name`.
    pub fn matches(&self, name: &Fqdn) -> bool {
        match self {
            FqdnPattern::Any => true,
            FqdnPattern::Exact(exact) => exact == name,
            FqdnPattern::Under(parent) => name
                .as_str()
                .strip_suffix(parent.as_str())
                .is_some_and(|before| before.ends_with('.')),
            FqdnPattern::EndsWith(end) => name.as_str().ends_with(end.as_str()),
        }
    }

    /// The name in the pattern that it matches itself.
    pub fn spelled(&self) -> Option<&Fqdn> {
        match self {
            FqdnPattern::Exact(name) | FqdnPattern::EndsWith(name) => Some(name),
            FqdnPattern::Any | FqdnPattern::Under(_) => None,
        }
    }

    /// A name for all those that the pattern matches and that nothing else tells of. It equals none
    /// that is read, so that nothing which is known of one name is taken for known of it; and no
    /// other wildcard matches it than those that match all of them. `None` where there is no room
    /// for such a name.
    pub fn stand_in(&self) -> Option<Fqdn> {
        let text = match self {
            FqdnPattern::Exact(_) => return None,
            FqdnPattern::Any => String::from(STAND_IN),
            FqdnPattern::Under(parent) => format!("{STAND_IN}.{parent}"),
            FqdnPattern::EndsWith(end) => {
                let is_full = end.labels().next().is_some_and(|one| one.len() == MOST_LABEL_BYTES);
                let separator = if is_full { "." } else { "" };
                format!("{STAND_IN}{separator}{end}")
            }
        };
        (text.len() <= MOST_BYTES).then(|| Fqdn(text.into()))
    }

    /// Whether the pattern matches `host`; an address literal is matched by `*` only
    /// (`azure-firewall.md §2.3`, modelling choice).
    pub fn matches_host(&self, host: &Host) -> bool {
        match host {
            Host::Name(name) => self.matches(name),
            Host::Address(_) => matches!(self, FqdnPattern::Any),
        }
    }
}

impl FromStr for FqdnPattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<FqdnPattern, NameError> {
        FqdnPattern::parse(text)
    }
}

impl fmt::Display for FqdnPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FqdnPattern::Any => f.write_str("*"),
            FqdnPattern::Exact(name) => write!(f, "{name}"),
            FqdnPattern::Under(parent) => write!(f, "*.{parent}"),
            FqdnPattern::EndsWith(end) => write!(f, "*{end}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        let pattern = FqdnPattern::parse(pattern).unwrap();
        assert_eq!(pattern.matches(&Fqdn::parse(name).unwrap()), expected, "{pattern} and {name}");
    }

    #[test]
    fn wildcards_match_as_the_table_of_azure_firewall_2_3_says() {
        check("www.contoso.com", "WWW.contoso.com.", true);
        check("www.contoso.com", "contoso.com", false);
        check("www.contoso.com", "a.www.contoso.com", false);
        check("*.contoso.com", "a.contoso.com", true);
        check("*.contoso.com", "b.a.contoso.com", true);
        check("*.contoso.com", "contoso.com", false);
        check("*.contoso.com", "acontoso.com", false);
        check("*contoso.com", "contoso.com", true);
        check("*contoso.com", "anycontoso.com", true);
        check("*contoso.com", "contoso.com.evil.net", false);
        check("*", "localhost", true);
    }

    #[test]
    fn what_stands_for_others_is_matched_as_they_are_and_is_none_that_is_read() {
        let long = "x".repeat(63);
        let stand_in = |text: &str| FqdnPattern::parse(text).unwrap().stand_in();
        for (pattern, expected) in [
            ("*", "?".to_owned()),
            ("*.contoso.com", "?.contoso.com".to_owned()),
            ("*contoso.com", "?contoso.com".to_owned()),
            (&format!("*{long}.com"), format!("?.{long}.com")),
        ] {
            let name = stand_in(pattern).unwrap();
            assert_eq!(name.as_str(), expected, "{pattern}");
            assert!(FqdnPattern::parse(pattern).unwrap().matches(&name), "{pattern}");
            assert_eq!(Fqdn::parse(name.as_str()), Err(NameError::Character('?')), "{pattern}");
        }
        assert_eq!(stand_in("www.contoso.com"), None);
        let label = "x".repeat(61);
        let parent = [label.as_str(); 4].join(".");
        let bytes =
            |last: &str| stand_in(&format!("*.{parent}.{last}")).map(|name| name.as_str().len());
        assert_eq!([bytes("xxx"), bytes("xxxx")], [Some(253), None]);
    }

    #[test]
    fn a_star_elsewhere_is_refused() {
        for text in
            ["www.contoso.*", "*.contoso.*", "www.*contoso.com", "a*.contoso.com", "*.*.c.com"]
        {
            assert_eq!(FqdnPattern::parse(text), Err(NameError::Star), "{text}");
        }
    }

    #[test]
    fn names_are_folded_to_a_labels() {
        assert_eq!(Fqdn::parse("BÜCHER.example.").unwrap().as_str(), "xn--bcher-kva.example");
        assert_eq!(Fqdn::parse("203.0.113.5"), Err(NameError::Address));
        assert_eq!(Fqdn::parse("a..b"), Err(NameError::EmptyLabel));
        assert_eq!(Host::parse("[2001:db8::1]").unwrap().to_string(), "[2001:db8::1]");
        assert_eq!(Host::parse("203.0.113.5."), Host::parse("203.0.113.5"));
        assert_eq!(Host::parse("203.0.113.5.."), Err(NameError::EmptyLabel));
    }

    /// Most names are looked at once, and not label by label.
    #[test]
    fn a_name_at_a_glance_is_one_label_by_label() {
        let long = |labels: usize, last: usize| {
            let labels = (0..labels).map(|_| "a".repeat(63)).chain(["a".repeat(last)]);
            labels.collect::<Vec<_>>().join(".")
        };
        let texts = [
            "",
            ".",
            "a",
            "a.",
            "a..b",
            ".a",
            "a_b-c.d9",
            "A.b",
            "a b",
            "ä",
            "10.0.0.1",
            "a.b.",
            "*.a",
            "a:b",
            &long(0, 63),
            &long(0, 64),
            &long(3, 61),
            &long(3, 62),
            &long(3, 0),
        ]
        .map(str::to_owned);
        for text in texts {
            let is_name = check_labels(&text).is_ok();
            let has_upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
            assert_eq!(is_plain(&text), is_name && !has_upper, "{text}");
        }
    }
}

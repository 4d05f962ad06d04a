//! The lock, `exeat.lock`: what names resolved to when somebody asked, and what was imported.
//!
//! In: the text of a lock, or answers and hashes to put into one. Out: facts about names, and the
//! text. What the user locked is taken as a fact whatever the time (`semantics.md`, What the user
//! supplies as fact); its age is there for reports to show.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::Timestamp;
use sha2::Digest;
use sha2::Sha256;

use super::known::Fact;
use crate::flow::Fqdn;

mod document;

pub use document::LockError;

/// What a server said about a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LockedName {
    /// The name that was asked for.
    pub name: Fqdn,
    /// Its addresses. None means that it was found to have none.
    pub addresses: BTreeSet<IpAddr>,
    /// Seconds that the answer held: the least TTL on the way to the addresses.
    pub ttl: u32,
    /// The names that the answer led over, in that order (CNAME).
    pub aliases: Vec<Fqdn>,
    /// The vantage: the server that was asked, as `10.0.0.4:53`.
    pub server: String,
    /// When it was asked.
    pub at: Timestamp,
}

impl LockedName {
    /// How old the answer is at `at`; negative if it is from later.
    pub fn age(&self, at: Timestamp) -> SignedDuration {
        at.duration_since(self.at)
    }
}

/// An import held to what it was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LockedImport {
    /// The import as written: a relative path, or the name of a shipped ruleset.
    pub import: String,
    /// The version, which only shipped rulesets have.
    pub version: Option<String>,
    /// The hash of the text.
    pub sha256: ContentHash,
}

/// A SHA-256 hash (FIPS 180-4), written as 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> ContentHash {
        ContentHash(Sha256::digest(bytes).into())
    }
}

/// The text is no hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected 64 hexadecimal digits in lower case")]
pub struct HashError;

impl FromStr for ContentHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<ContentHash, HashError> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(HashError),
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(HashError);
        };
        let bytes = pairs
            .iter()
            .map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?))
            .collect::<Result<Vec<u8>, HashError>>()?;
        bytes.try_into().map(ContentHash).map_err(|_| HashError)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// A lock: at most one answer for each name, and one pin for each import.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Lock {
    // Invariant: each key is the name, or the import, of its value.
    names: BTreeMap<Fqdn, LockedName>,
    imports: BTreeMap<String, LockedImport>,
}

impl Lock {
    /// Reads a document `exeat.lock/1`.
    ///
    /// # Errors
    /// What is no such document: bad JSON, another schema, an unknown or missing field, what is no
    /// host name, address, time or hash, a name or import that is there twice.
    pub fn read(text: &str) -> Result<Lock, LockError> {
        document::read(text)
    }

    /// Writes the document: one line for each name and each import, sorted, so that a changed
    /// answer is one changed line.
    pub fn write(&self) -> String {
        document::write(self)
    }

    /// Adds an answer and gives the one for the same name that it replaces.
    pub fn insert_name(&mut self, locked: LockedName) -> Option<LockedName> {
        self.names.insert(locked.name.clone(), locked)
    }

    /// Adds a pin and gives the one for the same import that it replaces.
    pub fn insert_import(&mut self, locked: LockedImport) -> Option<LockedImport> {
        self.imports.insert(locked.import.clone(), locked)
    }

    /// The answer for `name`.
    pub fn name(&self, name: &Fqdn) -> Option<&LockedName> {
        self.names.get(name)
    }

    /// The pin of `import`.
    pub fn import(&self, import: &str) -> Option<&LockedImport> {
        self.imports.get(import)
    }

    /// The answers, by name.
    pub fn names(&self) -> impl Iterator<Item = &LockedName> {
        self.names.values()
    }

    /// The pins, by import.
    pub fn imports(&self) -> impl Iterator<Item = &LockedImport> {
        self.imports.values()
    }

    /// Whether `address` is in the answer for `name`; unknown for a name that is not locked.
    pub fn holds(&self, name: &Fqdn, address: IpAddr) -> Fact {
        match self.names.get(name) {
            Some(locked) => Fact::from(locked.addresses.contains(&address)),
            None => Fact::Unknown,
        }
    }
}

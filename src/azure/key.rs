//! Names of resources, and priorities.

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;

/// The name of a resource, unique among those of its kind in a deployment.
///
/// Azure compares names without regard to case, and so does this type; it is shown as written.
#[derive(Clone, Debug)]
pub struct Key(String);

impl Key {
    /// The key for `name`.
    pub fn new(name: impl Into<String>) -> Key {
        Key(name.into())
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Key {}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        // Most that are compared are written alike: ids of rules in one collection.
        if self.0 == other.0 { Ordering::Equal } else { self.folded().cmp(other.folded()) }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.folded() {
            state.write_u8(byte);
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The priority of a rule collection group or rule collection: 100 is looked at first, 65000 last
/// (`azure-firewall.md §1.2`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Priority(
    // Invariant: 100 <= value <= 65000.
    u16,
);

impl Priority {
    /// The priority that is looked at first.
    pub const FIRST: Priority = Priority(100);
    /// The priority that is looked at last.
    pub const LAST: Priority = Priority(65_000);

    /// The priority with this number, or `None` outside 100 to 65000.
    pub fn new(number: u16) -> Option<Priority> {
        (Priority::FIRST.0..=Priority::LAST.0).contains(&number).then_some(Priority(number))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

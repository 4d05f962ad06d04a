//! The words that no name may be.

/// Whether `word` is a word of the language, and so can be no plain name; quoted it can.
pub fn is_reserved(word: &str) -> bool {
    STATEMENTS.contains(&word) || CLAUSES.contains(&word) || OPERANDS.contains(&word)
}

/// The words that begin a sentence.
pub(super) const STATEMENTS: &[&str] = &[
    "addresses",
    "allow",
    "assert",
    "azure",
    "context",
    "deny",
    "example",
    "existing",
    "import",
    "language",
    "may",
    "names",
    "network",
    "ordered",
    "owns",
    "param",
    "policy",
    "services",
    "table",
    "unknown",
    "when",
];

/// The words that begin a clause.
pub(super) const CLAUSES: &[&str] = &["accept", "because", "by", "expires", "owner", "ticket"];

/// The words that begin an operand or stand between two.
pub(super) const OPERANDS: &[&str] = &[
    "and",
    "any",
    "any-address",
    "any-name",
    "as",
    "category",
    "except",
    "fqdn-tag",
    "internet",
    "ip-group",
    "suffix",
    "tag",
    "to",
    "url",
    "with",
];

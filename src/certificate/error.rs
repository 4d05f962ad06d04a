//! Why there is no certificate.

/// Why no certificate can be written.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A text that is not of the form that is read.
    #[error("cannot read `{file}`: {error}")]
    Unreadable {
        /// The file.
        file: String,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// A value that is not of the form that is read.
    #[error("{at}: expected {expected}, found `{found}`")]
    Value {
        /// The rule or resource.
        at: String,
        /// What stands there in what is read.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// Something that decides what leaves, and for which there is no formula.
    #[error("the certificate does not cover {what}: {at}")]
    NotCovered {
        /// What it is.
        what: &'static str,
        /// The rule, the permission or the policy that has it.
        at: String,
    },
    /// A name that leads to nothing that was given.
    #[error("{at} names the {what} `{name}`, which is neither written nor in a `context`")]
    Missing {
        /// Who names it.
        at: String,
        /// The kind of what is named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// There is not just one policy that no other extends.
    #[error("expected one policy that no other extends, found {}", listed(.names))]
    NotOnePolicy {
        /// The policies that no other extends.
        names: Vec<String>,
    },
    /// Two that are looked at in no stated order.
    #[error("`{one}` and `{other}` have one priority, and no source says which comes first")]
    Tie {
        /// The first of them by name.
        one: String,
        /// The second.
        other: String,
    },
    /// Policies that extend one another.
    #[error("the policy `{name}` is a parent of itself")]
    Cycle {
        /// One of them.
        name: String,
    },
    /// More labels than a value of 16 bits tells apart.
    #[error("the names have more than {most} labels, which are as many as a certificate numbers")]
    TooManyLabels {
        /// The limit.
        most: usize,
    },
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

//! Commands that a report shows to be copied.

use std::fmt::Write as _;

use crate::diagnostic::render::escape_controls;
use crate::flow::Observation;

/// What stood on the command line that a report comes from, as far as it bears on verdicts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The rules file as given, if there is a list.
    pub rules: Option<&'a str>,
    /// The deployments as given.
    pub deployments: &'a [String],
    /// Words of other options, such as `--set` and `env=dev`.
    pub options: &'a [String],
    /// The captures as given: the DNS answers in all of them are known.
    pub captures: &'a [String],
}

impl Asked<'_> {
    /// The command that explains `flow` by the same things.
    pub fn explain(&self, flow: &Observation) -> String {
        let mut line = "exeat explain".to_owned();
        // Writing to a `String` cannot fail.
        if let Some(rules) = self.rules {
            let _ = write!(line, " {}", quoted(rules));
        }
        for deployment in self.deployments {
            let _ = write!(line, " --deployment {}", quoted(deployment));
        }
        for word in self.options {
            let _ = write!(line, " {}", quoted(word));
        }
        for capture in self.captures {
            let _ = write!(line, " --capture {}", quoted(capture));
        }
        let _ = write!(line, " {}", quoted(&flow.to_string()));
        line
    }
}

/// `text` for a shell: as it is, or in double quotes, or in single quotes where it holds what a
/// shell reads inside double quotes.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let safe = escape_controls(text);
    if safe.contains(['"', '$', '`', '\\', '!']) {
        format!("'{}'", safe.replace('\'', "'\\''"))
    } else {
        format!("\"{safe}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        assert_eq!(quoted("a/b.egress"), "a/b.egress");
        assert_eq!(quoted("a b"), "\"a b\"");
        assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(quoted(""), "\"\"");
    }
}

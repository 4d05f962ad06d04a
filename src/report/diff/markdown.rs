//! The report on a change as a comment on a pull request.

use std::fmt::Write as _;

use super::DifferenceReport;
use super::may;
use crate::diagnostic::render::escape_controls;
use crate::prove::Change;
use crate::report::fact;

impl DifferenceReport<'_> {
    /// The report as Markdown (CommonMark, and the `details` of HTML).
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write_markdown(&mut text);
        text
    }

    fn write_markdown(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "### Egress: {}\n", self.summary())?;
        writeln!(
            text,
            "From {} to {}, over all flows, as of {:.0}.",
            code(&self.old.name()),
            code(&self.new.name()),
            self.at
        )?;
        for (heading, changes) in self.all() {
            if changes.pieces.is_empty() {
                continue;
            }
            let title = heading.title();
            let (first, rest) = title.split_at_checked(1).unwrap_or((title, ""));
            writeln!(text, "\n#### {}{rest}\n", first.to_uppercase())?;
            for change in &changes.pieces {
                self.item(text, change)?;
            }
            if changes.are_more {
                writeln!(text, "- and more, which are not shown")?;
            }
        }
        if let Some(recorded) = &self.recorded {
            self.write_recorded_markdown(text, recorded, [code, escaped])?;
        }
        let commands: Vec<String> = self
            .all()
            .flat_map(|(_, changes)| &changes.pieces)
            .map(|change| self.explain(change))
            .collect();
        if !commands.is_empty() {
            writeln!(text, "\n<details><summary>Why</summary>\n\n```sh")?;
            for command in commands {
                writeln!(text, "{command}")?;
            }
            writeln!(text, "```\n\n</details>")?;
        }
        let aside = self.not_compared();
        let aside = aside.into_iter().map(|told| format!("Not compared: {told}"));
        let residual = self.residual.iter().map(|one| format!("Not covered: {one}"));
        let aside: Vec<String> = aside.chain(residual).collect();
        if !aside.is_empty() {
            writeln!(text)?;
            for told in aside {
                writeln!(text, "- {}", escaped(&told))?;
            }
        }
        Ok(())
    }

    /// A line for the flows, and one for what decides them on each side.
    fn item(&self, text: &mut String, change: &Change) -> std::fmt::Result {
        let may = may(change.effect).map(|what| format!("may {what}: ")).unwrap_or_default();
        writeln!(text, "- {may}{}", code(&self.words(change)))?;
        writeln!(text, "  - before: {}", escaped(&self.old.says(&change.old)))?;
        writeln!(text, "  - after: {}", escaped(&self.new.says(&change.new)))?;
        for (atom, holds) in fact::in_order(&change.given) {
            writeln!(text, "  - if: {}", escaped(&fact::sentence(atom, holds)))?;
        }
        writeln!(text, "  - such as {}", code(&change.flow.to_string()))
    }
}

/// `text` as code, in a fence that is longer than any run of backticks in it (CommonMark §6.1).
fn code(text: &str) -> String {
    let text = escape_controls(text);
    let runs = text.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0) + 1);
    let pad = if fence.len() > 1 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// `text` as a sentence in which only backticks mean something: names of others could be markup
/// (CommonMark §2.4).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let mut is_code = false;
    for c in escape_controls(text).chars() {
        is_code ^= c == '`';
        if !is_code && "\\*_[]<>#|~!&@".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_no_markup() {
        assert_eq!(code("*.a"), "`*.a`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(escaped("<b> of `*.a` [x]"), "\\<b\\> of `*.a` \\[x\\]");
    }
}

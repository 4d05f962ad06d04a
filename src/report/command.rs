//! Commands that a report shows to be copied.

use std::fmt::Write as _;

use super::fact;
use crate::diagnostic::render::escape_controls;
use crate::flow::Atom;
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

impl Asked<'_> {
    /// The command that explains `flow` where `given` is so: each reading that it supposes stands in
    /// the place of what was assumed of that setting.
    pub fn explain_given(&self, flow: &Observation, given: &[(Atom, bool)]) -> String {
        let readings = given.iter().filter_map(|(atom, holds)| match atom {
            Atom::Reading { setting } => Some((*setting, fact::assume(setting, *holds)?)),
            _ => None,
        });
        let readings: Vec<(&str, String)> = readings.collect();
        let is_supposed = |pair: &str| {
            let key = pair.split('=').next().unwrap_or_default();
            readings.iter().any(|(setting, _)| *setting == key)
        };
        let mut options: Vec<String> = Vec::new();
        let mut words = self.options.iter().peekable();
        while let Some(word) = words.next() {
            if word == "--assume" && words.next_if(|pair| is_supposed(pair)).is_some() {
                continue;
            }
            options.push(word.clone());
        }
        let readings = readings.iter().flat_map(|(_, pair)| ["--assume".to_owned(), pair.clone()]);
        options.extend(readings);
        Asked { options: &options, ..*self }.explain(flow)
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
    use crate::flow::IpProtocol;
    use crate::flow::SeenPayload;

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        assert_eq!(quoted("a/b.egress"), "a/b.egress");
        assert_eq!(quoted("a b"), "\"a b\"");
        assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(quoted(""), "\"\"");
    }

    #[test]
    fn a_reading_that_is_supposed_stands_for_what_was_assumed_of_it() {
        let words =
            ["--assume", "none_routes=both", "--set", "env=dev", "--assume", "resolver=assume"];
        let options = words.map(str::to_owned);
        let asked = Asked { rules: Some("a.egress"), options: &options, ..Asked::default() };
        let flow = Observation {
            source: "10.1.8.4".parse().unwrap(),
            source_port: None,
            destination: "192.0.2.7".parse().unwrap(),
            destination_port: 0,
            protocol: IpProtocol::ICMP,
            payload: SeenPayload::Unknown,
        };
        let given = [(Atom::Reading { setting: "none_routes" }, false)];
        assert_eq!(
            asked.explain_given(&flow, &given),
            "exeat explain a.egress --set env=dev --assume resolver=assume --assume none_routes=removed-by-default-udr \
             \"10.1.8.4 -> 192.0.2.7 : icmp\""
        );
    }
}

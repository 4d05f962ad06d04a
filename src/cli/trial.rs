//! A change that a report offers, made in memory: nothing is written.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use similar::TextDiff;

use super::failure::Failure;
use super::rules;
use super::rules::List;
use super::subject;
use super::subject::Subject;
use crate::azure::Deployment;
use crate::diagnostic::Edit;
use crate::diagnostic::SourceMap;
use crate::emit;
use crate::import;
use crate::intent::Intent;
use crate::report::replay::cure::Change;
use crate::resolve;

/// A change as text.
pub(super) struct Written {
    /// The file that is changed.
    file: String,
    /// What it says after the change.
    text: String,
    /// The change for people, and for `git apply` or `patch -p1` in the working directory.
    pub(super) difference: String,
}

/// What is judged after a change.
pub(super) struct Made {
    /// The list.
    pub(super) intent: Option<Intent>,
    /// What is deployed.
    pub(super) deployment: Deployment,
}

/// Writes `change` into the file that it is about, if there is such a file.
pub(super) fn write(change: &Change, subject: &Subject) -> Option<Written> {
    match change {
        Change::Source(edits) => in_source(edits, &subject.sources),
        Change::Rule { id, instead } => {
            let with_rule = |deployment: &Deployment| deployment.with_rule(id, instead.as_deref());
            if subject.deployments.is_empty() {
                let contexts = &subject.intent.as_ref()?.context;
                let mut files = contexts.iter().map(|one| (&one.file, &one.text));
                files.find_map(|(file, text)| in_deployment(file, text, with_rule))
            } else {
                let mut files = subject.deployments.iter().zip(&subject.deployment_texts);
                files.find_map(|(file, text)| in_deployment(file, text, with_rule))
            }
        }
    }
}

impl Written {
    fn new(file: &str, before: &str, text: String) -> Written {
        // As `git` names what it changes: no path begins with a slash.
        let path = resolve::shown_path(file);
        let path = path.trim_start_matches('/');
        let (a, b) = (format!("a/{path}"), format!("b/{path}"));
        let difference = TextDiff::from_lines(before, text.as_str());
        let difference = difference.unified_diff().context_radius(2).header(&a, &b).to_string();
        Written { file: file.to_owned(), text, difference }
    }

    /// Resolves and compiles everything again with the change in it.
    pub(super) fn make(&self, subject: &Subject) -> Result<Made, Failure> {
        let mut list = self.list(subject)?;
        let deployment = match &mut list {
            Some(list) if subject.deployments.is_empty() => rules::compile(list)?.deployment,
            Some(_) | None => {
                let names = subject.deployments.iter();
                subject::merged(names.zip(&subject.deployment_texts).map(|(name, text)| {
                    (name, if *name == self.file { &self.text } else { text })
                }))?
            }
        };
        Ok(Made { intent: list.map(|list| list.intent), deployment })
    }

    /// The list, from the texts that were read for it.
    fn list(&self, subject: &Subject) -> Result<Option<List>, Failure> {
        let (Some(options), Some(intent)) = (&subject.options, &subject.intent) else {
            return Ok(None);
        };
        let sources = subject.sources.files().map(|file| (file.path(), file.text()));
        let contexts =
            intent.context.iter().map(|context| (context.file.as_str(), context.text.as_str()));
        let mut texts: BTreeMap<&str, &str> = sources.chain(contexts).collect();
        if subject.deployments.is_empty() || texts.contains_key(self.file.as_str()) {
            texts.insert(&self.file, &self.text);
        }
        let Some(main) = subject.sources.files().next() else { return Ok(None) };
        let mut read = |path: &Path| {
            let path = path.to_str().map(resolve::shown_path);
            let text = path.and_then(|path| texts.get(path.as_str()));
            text.map(|text| text.as_bytes().to_vec()).ok_or(io::ErrorKind::NotFound.into())
        };
        let resolved = resolve::resolve(main.path(), &mut read, options);
        List::new(resolved, options.clone(), rules::day_of(subject.at)).map(Some)
    }
}

fn in_source(edits: &[Edit], sources: &SourceMap) -> Option<Written> {
    let file = sources.file(edits.first()?.span.file)?;
    // A shipped ruleset is in the program and no file of the user's.
    if file.path().starts_with("std:") {
        return None;
    }
    let mut text = file.text().to_owned();
    // From the last to the first, so that places before an edit stay where they are.
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
    for edit in edits {
        text.get(edit.span.range())?;
        text.replace_range(edit.span.range(), &edit.replacement);
    }
    Some(Written::new(file.path(), file.text(), text))
}

/// The change of a deployment file, if it changes there anything and the file is written as
/// `exeat` writes it; in another layout a difference would say more than the change.
fn in_deployment(
    file: &str,
    text: &str,
    change: impl Fn(&Deployment) -> Deployment,
) -> Option<Written> {
    let deployment = import::json::read(text).ok()?;
    let changed = change(&deployment);
    let is_ours = emit::json::write(&deployment).ok()? == *text;
    if !is_ours || changed == deployment {
        return None;
    }
    let after = emit::json::write(&changed).ok()?;
    Some(Written::new(file, text, after))
}

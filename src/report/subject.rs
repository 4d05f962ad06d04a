//! What the reports of `prove` and of `test` have in common: what was judged, the statement of the
//! list that speaks about a flow, and what was decided, as JSON.

use serde::Serialize;

use super::command::Asked;
use super::fact;
use crate::azure::Deployment;
use crate::diagnostic::SourceMap;
use crate::diagnostic::Span;
use crate::evidence::Evidence;
use crate::intent::Deny;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::simulate::Decision;
use crate::simulate::Judged;
use crate::simulate::Stance;

/// What was judged, and by what.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What stood on the command line; without deployments the compiled one was judged.
    pub asked: Asked<'a>,
    /// The list.
    pub intent: Option<&'a Intent>,
    /// What is deployed.
    pub deployment: &'a Deployment,
    /// What is known.
    pub evidence: &'a Evidence,
    /// The source text.
    pub sources: &'a SourceMap,
}

/// What the list says of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Says {
    /// Whether it is to leave; nothing where that is not known.
    pub(super) required: Option<bool>,
    /// Whether it may.
    pub(super) permitted: Option<bool>,
    /// The permission that lets it out, by its position in the list.
    pub(super) by: Option<usize>,
    /// The deny that it meets, by its position in the list.
    pub(super) denied_by: Option<usize>,
}

/// A statement of the list that speaks about a flow.
#[derive(Clone, Copy, Debug)]
pub(super) enum Speaking<'a> {
    /// A deny, which wins.
    Denies(&'a Deny),
    /// A permission.
    Permits(&'a Permission),
}

#[derive(Serialize)]
pub(super) struct SubjectJson<'a> {
    rules: Option<&'a str>,
    deployments: &'a [String],
    evidence: Vec<String>,
}

/// Both sides' answers about a flow.
#[derive(Serialize)]
pub(super) struct AnswersJson<'a> {
    verdict: &'static str,
    reason: &'static str,
    rule: Option<String>,
    rule_source: Option<String>,
    permission: Option<&'a str>,
    denied_by: Option<&'a str>,
    route: Option<String>,
    required: Option<bool>,
    permitted: Option<bool>,
}

impl<'a> Subject<'a> {
    /// `file:line:column`.
    pub(super) fn place(&self, span: Span) -> Option<String> {
        self.sources.place(span)
    }

    /// The statement that speaks about a flow of which the list says this, the deny first.
    pub(super) fn speaking(&self, says: Says) -> Option<Speaking<'a>> {
        let intent = self.intent?;
        let deny = says.denied_by.and_then(|index| intent.denies.get(index));
        let permission = says.by.and_then(|index| intent.permissions.get(index));
        deny.map(Speaking::Denies).or(permission.map(Speaking::Permits))
    }

    /// The same in words.
    pub(super) fn sentence(&self, says: Says) -> String {
        let Some(speaking) = self.speaking(says) else {
            return "no statement permits it".to_owned();
        };
        let place = self.place(speaking.span()).map(|place| format!(" ({place})"));
        let verb = match (speaking, says.required) {
            (Speaking::Denies(_), _) => "denies",
            (Speaking::Permits(_), Some(true)) => "requires",
            (Speaking::Permits(_), Some(false) | None) => "permits",
        };
        format!("`{}`{} {verb} it", speaking.label(), place.unwrap_or_default())
    }

    pub(super) fn json(&self) -> SubjectJson<'a> {
        SubjectJson {
            rules: self.asked.rules,
            deployments: self.asked.deployments,
            evidence: fact::evidence(self.evidence),
        }
    }

    /// What was decided, and what the list says, where there is one.
    pub(super) fn answers(&self, decision: &Decision, says: Option<Says>) -> AnswersJson<'a> {
        let speaking = says.and_then(|says| self.speaking(says));
        let (permission, denied_by) = match speaking {
            Some(Speaking::Permits(permission)) => (Some(permission.label.as_str()), None),
            Some(Speaking::Denies(deny)) => (None, Some(deny.label.as_str())),
            None => (None, None),
        };
        AnswersJson {
            verdict: decision.verdict.keyword(),
            reason: decision.reason.keyword(),
            rule: decision.rule.as_ref().map(ToString::to_string),
            rule_source: speaking.and_then(|one| self.place(one.span())),
            permission,
            denied_by,
            route: decision.route.as_ref().map(ToString::to_string),
            required: says.and_then(|says| says.required),
            permitted: says.and_then(|says| says.permitted),
        }
    }
}

impl From<&Judged> for Says {
    fn from(judged: &Judged) -> Says {
        Says {
            required: judged.required,
            permitted: judged.permitted,
            by: judged.by,
            denied_by: judged.denied_by,
        }
    }
}

impl From<&Stance> for Says {
    fn from(stance: &Stance) -> Says {
        Says {
            required: Some(stance.required),
            permitted: Some(stance.permitted),
            by: stance.by,
            denied_by: stance.denied_by,
        }
    }
}

impl<'a> Speaking<'a> {
    pub(super) fn label(self) -> &'a str {
        match self {
            Speaking::Denies(deny) => &deny.label,
            Speaking::Permits(permission) => &permission.label,
        }
    }

    fn span(self) -> Span {
        match self {
            Speaking::Denies(deny) => deny.origin.span,
            Speaking::Permits(permission) => permission.origin.span,
        }
    }
}

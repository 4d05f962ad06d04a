//! The boxes of a replay (`semantics.md`, Replay).

use std::fmt;

use super::decision::Decision;
use super::decision::Reason;
use super::decision::Verdict;
use super::required::Judged;

/// Where a flow lands when the list and the deployment have both been asked.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// It leaves, and must.
    RequiredPassed,
    /// It leaves, and may.
    PermittedPassed,
    /// It leaves, and may not.
    Leak,
    /// It leaves, may not, and was accepted. Only an acceptance of the user puts a flow here.
    Accepted,
    /// It leaves, and there is no list.
    Passed,
    /// It does not leave, and must.
    Breakage,
    /// It does not leave, and may.
    PermittedBlocked,
    /// It does not leave, and may not, or there is no list.
    Blocked,
    /// The evidence does not settle it.
    Undetermined,
    /// It leaves around the firewall, or goes to a private endpoint although it may not.
    Bypass,
    /// It is none of the firewall's: platform or local traffic, or a source in no declared subnet.
    NotJudged,
}

impl Outcome {
    /// All boxes, in the order of reports.
    pub const ALL: [Outcome; 11] = [
        Outcome::Leak,
        Outcome::Breakage,
        Outcome::Undetermined,
        Outcome::Bypass,
        Outcome::Accepted,
        Outcome::RequiredPassed,
        Outcome::PermittedPassed,
        Outcome::Passed,
        Outcome::PermittedBlocked,
        Outcome::Blocked,
        Outcome::NotJudged,
    ];

    /// The box of a flow; `judged` is `None` where there is no list.
    pub fn of(judged: Option<&Judged>, decision: &Decision) -> Outcome {
        match decision.verdict {
            Verdict::Local if decision.is_to_private_endpoint() => {
                match judged.map(|judged| judged.permitted) {
                    Some(Some(false)) => Outcome::Bypass,
                    Some(None) => Outcome::Undetermined,
                    Some(Some(true)) | None => Outcome::NotJudged,
                }
            }
            Verdict::Local | Verdict::Platform => Outcome::NotJudged,
            Verdict::Bypass => Outcome::Bypass,
            Verdict::Undetermined if is_foreign(decision.reason) => Outcome::NotJudged,
            Verdict::Undetermined => Outcome::Undetermined,
            Verdict::Allow => match judged.map(|judged| (judged.required, judged.permitted)) {
                None => Outcome::Passed,
                Some((Some(true), _)) => Outcome::RequiredPassed,
                Some((_, Some(true))) => Outcome::PermittedPassed,
                Some((_, Some(false))) => Outcome::Leak,
                Some((_, None)) => Outcome::Undetermined,
            },
            Verdict::Deny => match judged.map(|judged| (judged.required, judged.permitted)) {
                Some((Some(true), _)) => Outcome::Breakage,
                Some((None, _)) => Outcome::Undetermined,
                Some((Some(false), Some(true))) => Outcome::PermittedBlocked,
                Some((Some(false), Some(false) | None)) | None => Outcome::Blocked,
            },
        }
    }

    /// The word of reports and of `--accept`.
    pub fn keyword(self) -> &'static str {
        match self {
            Outcome::RequiredPassed => "required-passed",
            Outcome::PermittedPassed => "permitted-passed",
            Outcome::Leak => "leak",
            Outcome::Accepted => "accepted",
            Outcome::Passed => "passed",
            Outcome::Breakage => "breakage",
            Outcome::PermittedBlocked => "permitted-blocked",
            Outcome::Blocked => "blocked",
            Outcome::Undetermined => "undetermined",
            Outcome::Bypass => "bypass",
            Outcome::NotJudged => "not-judged",
        }
    }

    /// The box that `word` names.
    pub fn from_keyword(word: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.keyword() == word)
    }

    /// Whether the box stops a pipeline unless it is accepted.
    pub fn is_objection(self) -> bool {
        match self {
            Outcome::Leak | Outcome::Breakage | Outcome::Undetermined | Outcome::Bypass => true,
            Outcome::RequiredPassed
            | Outcome::PermittedPassed
            | Outcome::Accepted
            | Outcome::Passed
            | Outcome::PermittedBlocked
            | Outcome::Blocked
            | Outcome::NotJudged => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

/// Whether the source is none whose flows a firewall sees under that address.
fn is_foreign(reason: Reason) -> bool {
    matches!(reason, Reason::SourceUndeclared | Reason::PodBehindNode)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::decision::Peer;
    use super::*;

    fn decision(verdict: Verdict, reason: Reason) -> Decision {
        Decision {
            verdict,
            reason,
            rule: None,
            route: None,
            trace: Vec::new(),
            missing: Vec::new(),
            assumptions: Vec::new(),
            notes: BTreeSet::new(),
            peer: Peer::Nobody,
        }
    }

    fn judged(required: Option<bool>, permitted: Option<bool>) -> Judged {
        Judged {
            required,
            permitted,
            by: None,
            perhaps_by: BTreeSet::new(),
            denied_by: None,
            missing: Vec::new(),
            assumptions: Vec::new(),
        }
    }

    /// The boxes of one verdict: required, permitted only, not permitted, no list; then those
    /// where the list does not settle it: whether it is permitted, whether it is required.
    #[track_caller]
    fn check(verdict: Verdict, expected: [&str; 6]) {
        check_reason(verdict, Reason::DefaultDeny, expected);
    }

    #[track_caller]
    fn check_reason(verdict: Verdict, reason: Reason, expected: [&str; 6]) {
        let says = [
            Some(judged(Some(true), Some(true))),
            Some(judged(Some(false), Some(true))),
            Some(judged(Some(false), Some(false))),
            None,
            Some(judged(Some(false), None)),
            Some(judged(None, Some(true))),
        ];
        let decision = decision(verdict, reason);
        let boxes = says.map(|judged| Outcome::of(judged.as_ref(), &decision).keyword());
        assert_eq!(boxes, expected);
    }

    #[test]
    fn the_boxes_are_those_of_the_table() {
        check(
            Verdict::Allow,
            [
                "required-passed",
                "permitted-passed",
                "leak",
                "passed",
                "undetermined",
                "permitted-passed",
            ],
        );
        check(
            Verdict::Deny,
            ["breakage", "permitted-blocked", "blocked", "blocked", "blocked", "undetermined"],
        );
        check(Verdict::Undetermined, ["undetermined"; 6]);
        check(Verdict::Bypass, ["bypass"; 6]);
        check(Verdict::Local, ["not-judged"; 6]);
        check(Verdict::Platform, ["not-judged"; 6]);
    }

    #[test]
    fn a_private_endpoint_is_for_what_the_list_permits() {
        check_reason(
            Verdict::Local,
            Reason::PrivateEndpoint,
            ["not-judged", "not-judged", "bypass", "not-judged", "undetermined", "not-judged"],
        );
        check_reason(Verdict::Local, Reason::ApiServer, ["not-judged"; 6]);
    }

    #[test]
    fn sources_that_no_firewall_sees_are_not_judged() {
        for reason in [Reason::SourceUndeclared, Reason::PodBehindNode] {
            let decision = decision(Verdict::Undetermined, reason);
            assert_eq!(Outcome::of(None, &decision), Outcome::NotJudged);
        }
    }

    #[test]
    fn each_box_is_read_back_and_four_are_objections() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_keyword(outcome.keyword()), Some(outcome));
            assert_eq!(outcome.to_string(), outcome.keyword());
        }
        assert_eq!(Outcome::from_keyword("no-box"), None);
        let objections = Outcome::ALL.into_iter().filter(|outcome| outcome.is_objection());
        assert_eq!(
            objections.map(Outcome::keyword).collect::<Vec<_>>(),
            ["leak", "breakage", "undetermined", "bypass"]
        );
    }
}

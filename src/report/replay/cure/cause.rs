//! What makes two objections one.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use crate::azure::RuleId;
use crate::flow::Atom;
use crate::simulate::Decision;
use crate::simulate::Missing;
use crate::simulate::Outcome;
use crate::simulate::Settled;

/// What makes two objections one: the same box, and the same thing to change.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::report::replay) enum Cause {
    Rule(RuleId),
    Route(String),
    Permission(Option<String>, &'static str, Option<RuleId>),
    Missing(Vec<Missing>),
    Reason(&'static str),
}

/// The cause of an objection with this judgement; `decision` tells of its destination.
pub(in crate::report::replay) fn cause(settled: &Settled<'_>, decision: &Decision) -> Cause {
    match settled.replayed.outcome {
        Outcome::Leak => match &decision.rule {
            Some(rule) => Cause::Rule(rule.clone()),
            None => Cause::Reason(decision.reason.keyword()),
        },
        Outcome::Bypass => {
            Cause::Route(decision.route.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        Outcome::Undetermined => {
            let missing: BTreeSet<Missing> = settled.missing.iter().map(of_any_client).collect();
            Cause::Missing(missing.into_iter().collect())
        }
        Outcome::Breakage
        | Outcome::RequiredPassed
        | Outcome::PermittedPassed
        | Outcome::PermittedBlocked
        | Outcome::Passed
        | Outcome::Accepted
        | Outcome::Blocked
        | Outcome::NotJudged => Cause::Permission(
            settled.statement.map(str::to_owned),
            decision.reason.keyword(),
            decision.rule.clone(),
        ),
    }
}

/// What is missing, whichever client was to be told whichever address: one record of DNS settles it.
fn of_any_client(missing: &Missing) -> Missing {
    match missing {
        Missing::Atom(Atom::ClientAnswer { client: _, address: _, name }) => {
            let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            Missing::Atom(Atom::ClientAnswer {
                client: nobody,
                address: nobody,
                name: name.clone(),
            })
        }
        Missing::Atom(_) | Missing::Field(_) | Missing::TooManyUnknowns => missing.clone(),
    }
}

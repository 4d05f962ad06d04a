//! The report on a proof: each claim and how it stands, and of those that are not proved a flow, what
//! both sides say of it, and what to do.

mod advice;
mod json;
mod text;

use std::fmt;

use jiff::Timestamp;

use super::subject::Speaking;
use super::subject::Subject;
use crate::diagnostic::Diagnostic;
use crate::flow::Observation;
use crate::intent::Assertion;
use crate::prove::Claim;
use crate::prove::Counterexample;
use crate::prove::Proof;
use crate::prove::Residual;
use crate::prove::Standing;

/// The name of the JSON format.
pub const SCHEMA: &str = "exeat.prove/1";

/// What can be accepted although it is not proved.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Accepted {
    /// Whatever is open.
    Open,
    /// That something leaks.
    NoLeak,
    /// That something breaks.
    NoBreakage,
    /// That something goes around the firewall.
    NothingAround,
    /// That an assertion does not hold.
    Assertion,
}

impl Accepted {
    /// All of them, in the order of the help.
    pub const ALL: [Accepted; 5] = [
        Accepted::Open,
        Accepted::NoLeak,
        Accepted::NoBreakage,
        Accepted::NothingAround,
        Accepted::Assertion,
    ];

    /// The word of `--accept`, and of reports where it is a claim.
    pub fn keyword(self) -> &'static str {
        match self {
            Accepted::Open => "open",
            Accepted::NoLeak => "no-leak",
            Accepted::NoBreakage => "no-breakage",
            Accepted::NothingAround => "nothing-around",
            Accepted::Assertion => "assertion",
        }
    }

    /// What `word` accepts.
    pub fn from_keyword(word: &str) -> Option<Accepted> {
        Accepted::ALL.into_iter().find(|one| one.keyword() == word)
    }

    /// The word for which claims like `claim` are accepted.
    fn of(claim: Claim) -> Accepted {
        match claim {
            Claim::NoLeak => Accepted::NoLeak,
            Claim::NoBreakage => Accepted::NoBreakage,
            Claim::NothingAround => Accepted::NothingAround,
            Claim::Assertion(_) => Accepted::Assertion,
        }
    }
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

/// A proof, ready to be reported.
#[derive(Clone, Debug)]
pub struct ProofReport<'a> {
    /// What was judged, and by what.
    pub subject: Subject<'a>,
    /// The time as of which permissions are active.
    pub at: Timestamp,
    /// The claims.
    pub proof: &'a Proof,
    /// What is no objection.
    pub accepted: &'a [Accepted],
    /// What the proof does not speak of.
    pub residual: Vec<Residual>,
    /// Findings about the source.
    pub findings: &'a [Diagnostic],
}

/// The flows that a claim does not hold of.
fn counterexamples(standing: &Standing) -> &[Counterexample] {
    match standing {
        Standing::Proved => &[],
        Standing::Refuted(found) | Standing::Open(found) => found,
    }
}

impl<'a> ProofReport<'a> {
    /// Whether some claim stops a pipeline.
    pub fn has_objections(&self) -> bool {
        self.objections() > 0
    }

    fn objections(&self) -> usize {
        let claims = self.proof.claims.iter();
        claims.filter(|(claim, standing)| self.is_objection(*claim, standing)).count()
    }

    fn is_objection(&self, claim: Claim, standing: &Standing) -> bool {
        !matches!(standing, Standing::Proved) && self.accepted_by(claim, standing).is_none()
    }

    /// Why the claim is no objection, where it would be one.
    fn accepted_by(&self, claim: Claim, standing: &Standing) -> Option<Accepted> {
        let words: &[Accepted] = match standing {
            Standing::Proved => &[],
            Standing::Refuted(_) => &[Accepted::of(claim)],
            Standing::Open(_) => &[Accepted::Open, Accepted::of(claim)],
        };
        words.iter().copied().find(|word| self.accepted.contains(word))
    }

    /// Each counterexample with its flow, what it refutes and what it supposes in a few lines, the
    /// accepted among them, in the order of the claims.
    pub fn captions(&self) -> Vec<(&'a Counterexample, String)> {
        let claims = self.proof.claims.iter();
        let each = claims.flat_map(|(claim, standing)| {
            let found = counterexamples(standing).iter();
            found.map(|one| (one, self.caption(*claim, one)))
        });
        each.collect()
    }

    /// The assertion that is claimed, where it is one.
    fn assertion(&self, claim: Claim) -> Option<&'a Assertion> {
        match claim {
            Claim::Assertion(index) => self.subject.intent?.assertions.get(index),
            Claim::NoLeak | Claim::NoBreakage | Claim::NothingAround => None,
        }
    }

    /// The statement of the list that speaks about the flow.
    fn speaking(&self, found: &Counterexample) -> Option<Speaking<'a>> {
        self.subject.speaking(found.says.as_ref()?.into())
    }

    /// The command that explains the flow: in the reading that it is a counterexample in.
    fn explain(&self, found: &Counterexample) -> String {
        let flow = Observation::from(found.flow.clone());
        self.subject.asked.explain_given(&flow, &found.given)
    }
}

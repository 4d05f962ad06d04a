//! What the statements of a list do to each other, as findings.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::diff::words::Places;
use super::diff::words::words;
use crate::azure::Deployment;
use crate::azure::policy::Action;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Severity;
use crate::diagnostic::Span;
use crate::flow::set::flows::AlgebraError;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::prove::Coverage;
use crate::prove::atom::FlowAtom;
use crate::prove::coverage::Covered;
use crate::prove::coverage::PartlyDenied;
use crate::prove::coverage::Statement;
use crate::prove::coverage::Unreached;

/// What is to be said of `found` about `intent`, which `deployment` is compiled from. What `said` says
/// of a permission is not said again in other words.
pub fn findings(
    found: &Coverage,
    intent: &Intent,
    deployment: &Deployment,
    said: &[Diagnostic],
) -> Vec<Diagnostic> {
    let list = List { intent };
    let is_twice = |one: &&Covered| {
        let span = list.label_span(one.statement);
        let duplicates = said.iter().filter(|it| it.code() == Code::DUPLICATE_PERMISSION);
        !duplicates.filter_map(Diagnostic::primary).any(|label| label.span == span)
    };
    let mut findings: Vec<Diagnostic> =
        found.overruled.iter().map(|one| list.overruled(one)).collect();
    // What a parent permits, a deny of the list stops, and so may nobody's rules.
    let has_parent = intent.settings.extends.is_some();
    let is_told = |one: &&Covered| match one.statement {
        Statement::Permission(_) => is_twice(one),
        Statement::Deny(_) => !has_parent,
    };
    findings.extend(found.redundant.iter().filter(is_told).map(|one| list.redundant(one)));
    let idle = found.idle.iter().filter(|_| !has_parent);
    findings.extend(idle.map(|index| list.idle(Statement::Deny(*index))));
    let places = Places::new([deployment]);
    let mut partly: Vec<Diagnostic> =
        found.partly.iter().map(|one| list.partly_denied(one, &places)).collect();
    if let Some(last) = partly.pop() {
        partly.push(match found.more_partly {
            0 => last,
            1 => last.note("another permission is denied in part, too"),
            more => last.note(format!("{more} more permissions are denied in part, too")),
        });
    }
    findings.extend(partly);
    findings
}

/// What is to be said of permissions of `intent` that rules of a parent policy decide.
pub fn unreached(found: &[Unreached], intent: &Intent) -> Vec<Diagnostic> {
    let list = List { intent };
    found.iter().map(|one| list.unreached(one)).collect()
}

/// Takes out of `said` what `unreached` says better: that a parent may deny a part of what its rules
/// decide whole.
pub fn leave_out_told(said: &mut Vec<Diagnostic>, unreached: &[Diagnostic]) {
    let place = |found: &Diagnostic| found.primary().map(|label| label.span);
    let told: Vec<Option<Span>> = unreached.iter().map(place).collect();
    said.retain(|found| found.code() != Code::PARENT_DENIES || !told.contains(&place(found)));
}

/// What is to be said where the statements could not be compared.
pub fn not_compared(error: &AlgebraError) -> Diagnostic {
    let code = Code::NOT_COMPARED;
    match error {
        AlgebraError::TooLarge { nodes } => Diagnostic::new(
            code,
            format!(
                "the statements are not compared with each other: their sets of flows take more than \
                 {nodes} nodes"
            ),
        )
        .note("that no statement is redundant or denied whole is not said")
        .help("have fewer statements with many scattered addresses, or check parts of the list by themselves"),
        AlgebraError::UnknownCut | AlgebraError::UnknownAtom => {
            Diagnostic::new(code, format!("the statements are not compared with each other: {error}"))
                .help("this is a fault of the program; please report it with the rules")
        }
    }
}

/// The list that is spoken of.
pub(super) struct List<'a> {
    pub(super) intent: &'a Intent,
}

impl<'a> List<'a> {
    fn label(&self, statement: Statement) -> &'a str {
        match statement {
            Statement::Permission(index) => {
                self.intent.permissions.get(index).map_or("", |one| one.label.as_str())
            }
            Statement::Deny(index) => {
                self.intent.denies.get(index).map_or("", |one| one.label.as_str())
            }
        }
    }

    fn label_span(&self, statement: Statement) -> Span {
        let spans = match statement {
            Statement::Permission(index) => {
                self.intent.permissions.get(index).map(|one| one.spans.label)
            }
            Statement::Deny(index) => self.intent.denies.get(index).map(|one| one.spans.label),
        };
        spans.unwrap_or(Span::NONE)
    }

    fn owner(&self, statement: Statement) -> Option<&'a str> {
        let owner = match statement {
            Statement::Permission(index) => &self.intent.permissions.get(index)?.owner,
            Statement::Deny(index) => &self.intent.denies.get(index)?.owner,
        };
        owner.as_deref()
    }

    fn overruled(&self, one: &Covered) -> Diagnostic {
        let headline = format!(
            "`{}` never takes effect: {} all of it",
            self.label(one.statement),
            self.subject_of("denies", "deny", one),
        );
        let mut found = Diagnostic::new(Code::OVERRULED, headline)
            .at(self.label_span(one.statement), "permits nothing");
        for deny in &one.by {
            let text = if one.by.len() + one.more == 1 {
                "a deny wins, whatever the order"
            } else {
                "denies a part of it; a deny wins, whatever the order"
            };
            found = found.also(self.label_span(*deny), text);
        }
        found = self.with_owners(found, one);
        self.removing(found, one.statement).help("remove the permission, or narrow the deny")
    }

    fn redundant(&self, one: &Covered) -> Diagnostic {
        let (code, does, do_together) = match one.statement {
            Statement::Permission(_) => (Code::REDUNDANT, "permits", "permit"),
            Statement::Deny(_) => (Code::IDLE_DENY, "denies", "deny"),
        };
        let headline = format!(
            "`{}` adds nothing: {} all of it",
            self.label(one.statement),
            self.subject_of(does, do_together, one),
        );
        let mut found = Diagnostic::new(code, headline)
            .at(self.label_span(one.statement), "without it, the list says the same");
        let is_alone = one.by.len() + one.more == 1;
        for other in &one.by {
            let text =
                if is_alone { format!("{does} all of it") } else { format!("{does} a part of it") };
            found = found.also(self.label_span(*other), text);
        }
        if let Some(deny) = one.denied_by {
            found = found.also(self.label_span(Statement::Deny(deny)), "denies a part of it");
        }
        found = self.with_owners(found, one);
        match one.statement {
            Statement::Permission(_) => {
                // An import is made for other lists, too.
                let is_of_an_import = self.label(one.statement).contains("::");
                if is_of_an_import {
                    found.graded(Severity::Note).help(
                        "nothing to do if the import is meant as it is; narrow what is wider than it",
                    )
                } else {
                    self.removing(found, one.statement)
                        .help("take it out, or narrow what is wider than it")
                }
            }
            Statement::Deny(_) => self.removing(found, one.statement).help(
                "nothing to do if it is there to be read, or to outlast the other; else take it out",
            ),
        }
    }

    fn idle(&self, deny: Statement) -> Diagnostic {
        let headline =
            format!("`{}` takes nothing away: no permission permits any of it", self.label(deny));
        let found = Diagnostic::new(Code::IDLE_DENY, headline)
            .at(self.label_span(deny), "without it, as much is permitted");
        found
            .help("nothing to do if it is there to be read, or to hold against permissions to come")
    }

    fn unreached(&self, one: &Unreached) -> Diagnostic {
        let permission = Statement::Permission(one.permission);
        let headline = format!(
            "no rule of `{}` is ever reached: rules of the parent policy decide all of it",
            self.label(permission)
        );
        let mut found = Diagnostic::new(Code::NEVER_REACHED, headline)
            .at(self.label_span(permission), "looked at after the parent's rules");
        let part = if one.by.len() + one.more == 1 { "all" } else { "a part" };
        for (rule, action) in &one.by {
            let does = match action {
                Action::Allow => "allows",
                Action::Deny => "denies",
            };
            let policy = &rule.policy;
            found =
                found.note(format!("`{rule}` of the parent policy `{policy}` {does} {part} of it"));
        }
        match one.more {
            0 => {}
            1 => found = found.note("another rule is needed to cover it"),
            more => found = found.note(format!("{more} more rules are needed to cover it")),
        }
        if one.by.iter().any(|(_, action)| *action == Action::Deny) {
            found.help("permit it in the parent, or remove it here")
        } else {
            found.graded(Severity::Note).help(
                "nothing to do if the list is where it is reviewed; else leave it to the parent",
            )
        }
    }

    fn partly_denied(&self, one: &PartlyDenied, places: &Places) -> Diagnostic {
        let permission = Statement::Permission(one.permission);
        let denies: Vec<Statement> = one.by.iter().map(|deny| Statement::Deny(*deny)).collect();
        let (how_much, left) = if one.is_whole_for_now {
            ("is denied whole for now", "permits something once a deny ends")
        } else {
            ("is denied in part", "permits what is left")
        };
        let headline = format!(
            "`{}` {how_much}, by {}",
            self.label(permission),
            self.named(&denies, one.more)
        );
        let mut found =
            Diagnostic::new(Code::PARTLY_DENIED, headline).at(self.label_span(permission), left);
        for deny in &one.by {
            let until = self.ends_before(*deny, one.permission);
            let until = until.map(|last| format!(", until {last}")).unwrap_or_default();
            let says = format!("a deny wins, whatever the order{until}");
            found = found.also(self.label_span(Statement::Deny(*deny)), says);
        }
        let mut told: BTreeSet<String> = BTreeSet::new();
        for piece in &one.pieces.pieces {
            let when = self.when(&piece.atoms);
            let note = format!("denied: {}{when}", words(&piece.along, places));
            if told.insert(note.clone()) {
                found = found.note(note);
            }
        }
        if one.pieces.are_more {
            found = found.note("and more");
        }
        found.help("nothing to do if the deny is meant as an exception; else narrow it")
    }

    /// The last day of a deny that ends before a permission does.
    fn ends_before(&self, deny: usize, permission: usize) -> Option<Date> {
        let last = self.intent.denies.get(deny)?.expires?;
        let permission = self.intent.permissions.get(permission)?;
        permission.expires.is_none_or(|end| last < end).then_some(last)
    }

    /// What must hold for the flows of a piece to be meant. What must not hold is left out, since
    /// another piece has those flows of which it does.
    fn when(&self, atoms: &[(FlowAtom, bool)]) -> String {
        let holding = atoms.iter().filter(|(_, holds)| *holds);
        let facts: Vec<String> = holding.map(|(atom, _)| self.fact(atom)).collect();
        match (atoms, facts.as_slice()) {
            ([], _) => String::new(),
            (_, []) => ", as far as tags and names say so".to_owned(),
            (_, facts) => format!(", if {}", facts.join(" and ")),
        }
    }

    /// An atom as a sentence, with tags as the list writes them.
    fn fact(&self, atom: &FlowAtom) -> String {
        let permissions = self.intent.permissions.iter().map(|one| &one.destinations);
        let denies = self.intent.denies.iter().map(|one| &one.destinations);
        let mut destinations = permissions.chain(denies).flatten();
        let mut written = |folded: &str| {
            let found = destinations.find_map(|destination| match destination {
                Destination::ServiceTag(tag)
                | Destination::FqdnTag(tag)
                | Destination::WebCategory(tag) => {
                    tag.eq_ignore_ascii_case(folded).then(|| tag.clone())
                }
                Destination::Names(_)
                | Destination::Addresses(_)
                | Destination::Url { .. }
                | Destination::Any => None,
            });
            found.unwrap_or_else(|| folded.to_owned())
        };
        match atom {
            FlowAtom::InServiceTag { tag, address } => {
                format!("{address} is in service tag `{}`", written(tag))
            }
            FlowAtom::InFqdnTag { tag, host, .. } | FlowAtom::InFqdnTagOnSentPort { tag, host } => {
                format!("{host} is in FQDN tag `{}`", written(tag))
            }
            FlowAtom::InWebCategory { category, host, .. } => {
                format!("{host} is in web category `{}`", written(category))
            }
            FlowAtom::TagPrefixLonger { .. }
            | FlowAtom::Answer { .. }
            | FlowAtom::Infrastructure { .. }
            | FlowAtom::Resolvable { .. }
            | FlowAtom::TargetResolvable { .. }
            | FlowAtom::AddressListed { .. }
            | FlowAtom::HostListed { .. }
            | FlowAtom::ApplicationDestination { .. }
            | FlowAtom::PrecededBy { .. }
            | FlowAtom::Reading { .. }
            | FlowAtom::Named { .. }
            | FlowAtom::Request { .. } => atom.to_string(),
        }
    }

    /// Who covers `one`, and the verb that says so.
    fn subject_of(&self, does: &str, do_together: &str, one: &Covered) -> String {
        let named = self.named(&one.by, one.more);
        match one.by.len() + one.more {
            1 => format!("{named} {does}"),
            _ => format!("{named} together {do_together}"),
        }
    }

    /// Their labels, and how many more there are.
    fn named(&self, statements: &[Statement], more: usize) -> String {
        let mut names: Vec<String> =
            statements.iter().map(|one| format!("`{}`", self.label(*one))).collect();
        if more > 0 {
            names.push(format!("{more} more"));
        }
        match names.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} and {last}", others.join(", "))
            }
            _ => names.concat(),
        }
    }

    /// Says whom else it concerns.
    fn with_owners(&self, found: Diagnostic, one: &Covered) -> Diagnostic {
        let own = self.owner(one.statement);
        let mut others: Vec<&str> = one
            .by
            .iter()
            .filter_map(|other| self.owner(*other))
            .filter(|it| Some(*it) != own)
            .collect();
        others.sort_unstable();
        others.dedup();
        match (own, others.as_slice()) {
            (_, []) => found,
            (None, others) => {
                found.note(format!("what covers it is owned by {}", others.join(", ")))
            }
            (Some(own), others) => found.note(format!(
                "it is owned by {own}, and what covers it by {}: ask both",
                others.join(", ")
            )),
        }
    }

    /// Offers to take a statement out, where it is written for this list alone and nothing that
    /// stands before it would be left for what comes behind it.
    pub(super) fn removing(&self, found: Diagnostic, statement: Statement) -> Diagnostic {
        let (span, is_described) = match statement {
            Statement::Permission(index) => match self.intent.permissions.get(index) {
                Some(one) => (one.origin.span, one.description.is_some()),
                None => return found,
            },
            Statement::Deny(index) => match self.intent.denies.get(index) {
                Some(one) => (one.origin.span, one.description.is_some()),
                None => return found,
            },
        };
        if is_described || self.label(statement).contains("::") {
            return found;
        }
        let title = format!("take `{}` out", self.label(statement));
        found.fix(title, vec![Edit::remove(span)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_compared_is_told_with_what_was_allowed() {
        let found = not_compared(&AlgebraError::TooLarge { nodes: 1024 });
        assert!(found.headline().contains("more than 1024 nodes"), "{}", found.headline());
    }
}

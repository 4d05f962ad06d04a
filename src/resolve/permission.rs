//! Permissions and denies.

use jiff::civil::Date;

use super::scope::ModuleId;
use super::scope::Reported;
use super::scope::Resolution;
use super::scope::Thing;
use super::value::Value;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::intent::Deny;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::Requirement;
use crate::intent::Service;
use crate::intent::permission::Addresses;
use crate::intent::permission::StatementSpans;
use crate::syntax::ast;
use crate::syntax::ast::Action;
use crate::syntax::ast::Clauses;
use crate::syntax::ast::Name;
use crate::syntax::ast::Operand;
use crate::syntax::ast::Set;
use crate::syntax::ast::Statement;
use crate::syntax::ast::Text;

/// Who, what and how: the part that permissions, denies and assertions share.
pub(super) struct Sentence {
    pub sources: Addresses,
    pub destinations: Vec<Destination>,
    pub services: Vec<Service>,
}

/// The clauses, their holes filled.
struct Said {
    because: String,
    owner: Option<String>,
    ticket: Option<String>,
    expires: Option<Date>,
    by_address: Option<String>,
    accept_undetermined: Option<String>,
}

impl Resolution<'_> {
    /// Adds a permission or deny to the intent.
    pub(super) fn permission(
        &mut self,
        module: ModuleId,
        statement: &Statement,
        node: &ast::Permission,
        intent: &mut Intent,
    ) -> Option<()> {
        let label = self.label(module, &node.label);
        let sentence = self.sentence(module, &node.sources, &node.destinations, &node.services);
        let said = self.said(module, &node.clauses);
        let (label, sentence, said) = (label?, sentence?, said?);
        let spans = StatementSpans {
            label: node.label.span,
            sources: node.sources.span,
            destinations: node.destinations.span,
            services: node.services.span,
        };
        let description = description(statement);
        let origin = self.origin(module, statement.kind.span);
        let Sentence { sources, destinations, services } = sentence;
        let Said { because, owner, ticket, expires, by_address, accept_undetermined } = said;
        let requirement = match node.action.node {
            Action::Allow => Requirement::Required,
            Action::May => Requirement::Optional,
            Action::Deny => {
                let accepting = [&node.clauses.by_address, &node.clauses.accept_undetermined];
                for clause in accepting.into_iter().flatten() {
                    self.deny_clause(clause.span);
                }
                intent.denies.push(Deny {
                    label,
                    sources,
                    destinations,
                    services,
                    because,
                    owner,
                    ticket,
                    expires,
                    description,
                    origin,
                    spans,
                });
                return Some(());
            }
        };
        self.check_any(node, &destinations, &services);
        intent.permissions.push(Permission {
            label,
            requirement,
            sources,
            destinations,
            services,
            because,
            owner,
            ticket,
            expires,
            by_address,
            accept_undetermined,
            description,
            origin,
            spans,
        });
        Some(())
    }

    /// The label of a statement, with the aliases of the imports on the way.
    pub(super) fn label(&mut self, module: ModuleId, label: &Spanned<Name>) -> Option<String> {
        let text = self.name(module, label)?;
        let prefix = self.module(module).map(|module| module.prefix.as_str()).unwrap_or_default();
        Some(format!("{prefix}{text}"))
    }

    /// All three parts are worked out, so that each of their mistakes is found.
    pub(super) fn sentence(
        &mut self,
        module: ModuleId,
        sources: &Spanned<Set<Operand>>,
        destinations: &Spanned<Set<Operand>>,
        services: &Spanned<Set<ast::Service>>,
    ) -> Option<Sentence> {
        let sources = self.sources(module, sources);
        let destinations = self.destinations(module, destinations);
        let services = self.services(module, services);
        Some(Sentence { sources: sources?, destinations: destinations?, services: services? })
    }

    fn said(&mut self, module: ModuleId, clauses: &Clauses) -> Option<Said> {
        let because = self.optional_text(module, clauses.because.as_ref());
        let owner = match &clauses.owner {
            Some(owner) => self.name(module, owner).map(Some),
            None => Some(None),
        };
        let ticket = self.optional_text(module, clauses.ticket.as_ref());
        let expires = match &clauses.expires {
            Some(date) => self.date(module, date).map(Some),
            None => Some(None),
        };
        let by_address = self.optional_text(module, clauses.by_address.as_ref());
        let accepted = self.optional_text(module, clauses.accept_undetermined.as_ref());
        Some(Said {
            because: because.ok()?.unwrap_or_default(),
            owner: owner?,
            ticket: ticket.ok()?,
            expires: expires?,
            by_address: by_address.ok()?,
            accept_undetermined: accepted.ok()?,
        })
    }

    /// The text of a clause or setting, where there is one.
    pub(super) fn optional_text(
        &mut self,
        module: ModuleId,
        text: Option<&Spanned<Text>>,
    ) -> Result<Option<String>, Reported> {
        match text {
            Some(text) => self.fill(module, &text.node, text.span).map(Some).ok_or(Reported),
            None => Ok(None),
        }
    }

    fn date(&mut self, module: ModuleId, date: &Spanned<ast::Value<Date>>) -> Option<Date> {
        let found = match &date.node {
            ast::Value::Given(date) => return Some(*date),
            ast::Value::Filled(text) => {
                let filled = self.fill(module, text, date.span)?;
                if let Ok(date) = filled.parse() {
                    return Some(date);
                }
                format!("`{filled}`")
            }
            ast::Value::Named(path) => {
                let (within, entries) = self.look_up(module, path, date.span)?;
                match entries.first()?.thing {
                    Thing::Param(_) | Thing::Table(_) => {
                        match self.value(within, path.name.node.as_str(), date.span)? {
                            Value::Date(date) => return Some(date),
                            other => other.kind().to_owned(),
                        }
                    }
                    other => other.kind().to_owned(),
                }
            }
        };
        let found = Diagnostic::new(
            Code::WRONG_KIND,
            format!("expected a date such as `2099-06-30`, found {found}"),
        )
        .at(date.span, "no date");
        self.refuse(found)
    }

    fn deny_clause(&mut self, span: Span) {
        let found = Diagnostic::new(Code::CLAUSE_ON_DENY, "a deny has nothing to accept")
            .at(span, "only permissions accept something")
            .fix("leave it out", vec![Edit::remove(span)]);
        self.report(found);
    }

    /// Bare `any` is for sources, denies and assertions.
    fn check_any(
        &mut self,
        node: &ast::Permission,
        destinations: &[Destination],
        services: &[Service],
    ) {
        if destinations.contains(&Destination::Any) {
            let found = Diagnostic::new(
                Code::ANY_IN_PERMISSION,
                "a permission cannot go to `any`",
            )
            .at(node.destinations.span, "any name, or any address?")
            .help("write `any-name` for every name a client shows, or `any-address` for every address");
            self.report(found);
        }
        if services.contains(&Service::Any) {
            let found = Diagnostic::new(
                Code::ANY_IN_PERMISSION,
                "a permission cannot be for `any` service",
            )
            .at(node.services.span, "which services?")
            .help("write the services that are needed, such as `https` or `tcp/5671`");
            self.report(found);
        }
    }
}

/// The doc comment of a statement.
fn description(statement: &Statement) -> Option<String> {
    let lines: Vec<&str> = statement.docs.iter().map(|line| line.node.as_str()).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

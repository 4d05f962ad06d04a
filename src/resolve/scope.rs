//! What is declared where: one scope for each module, and how a name is looked up in it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::LeftOut;
use super::Options;
use super::load::File;
use super::load::Loaded;
use super::value::Value;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceMap;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::diagnostic::similar;
use crate::intent::Origin;
use crate::syntax::ast::Cluster;
use crate::syntax::ast::Firewall;
use crate::syntax::ast::Gateway;
use crate::syntax::ast::Import;
use crate::syntax::ast::Name;
use crate::syntax::ast::OnPremises;
use crate::syntax::ast::Operand;
use crate::syntax::ast::Param;
use crate::syntax::ast::Path;
use crate::syntax::ast::Pool;
use crate::syntax::ast::PrivateEndpoint;
use crate::syntax::ast::Service;
use crate::syntax::ast::SetDeclaration;
use crate::syntax::ast::Statement;
use crate::syntax::ast::Subnet;
use crate::syntax::ast::Table;
use crate::syntax::ast::Vnet;

/// What to do about a name of a source or destination that nothing has.
const INSTEAD_OF_A_NAME: &str = "declare it, or write a host with its dot, or an address";

/// A file under one name, with one set of arguments.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ModuleId(pub(super) usize);

impl ModuleId {
    /// The rules file itself.
    pub(super) const ROOT: ModuleId = ModuleId(0);
}

/// What a name was declared as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Thing<'a> {
    Param(&'a Param),
    Table(&'a Table),
    Addresses(&'a SetDeclaration<Operand>),
    Names(&'a SetDeclaration<Operand>),
    Services(&'a SetDeclaration<Service>),
    Import(ModuleId),
    Vnet(&'a Vnet),
    Subnet(&'a Subnet),
    Cluster(&'a Cluster),
    Pool(&'a Cluster, &'a Pool),
    Firewall,
    Gateway,
    OnPremises(&'a OnPremises),
    PrivateEndpoint(&'a PrivateEndpoint),
}

impl Thing<'_> {
    /// What it is, for messages.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Thing::Param(_) => "a parameter",
            Thing::Table(_) => "a table",
            Thing::Addresses(_) => "a set of addresses",
            Thing::Names(_) => "a set of names",
            Thing::Services(_) => "a set of services",
            Thing::Import(_) => "an import",
            Thing::Vnet(_) => "a virtual network",
            Thing::Subnet(_) => "a subnet",
            Thing::Cluster(_) => "a cluster",
            Thing::Pool(..) => "a pool",
            Thing::Firewall => "a firewall",
            Thing::Gateway => "a gateway",
            Thing::OnPremises(_) => "on-premises prefixes",
            Thing::PrivateEndpoint(_) => "a private endpoint",
        }
    }

    /// Whether nothing else in the scope may have the name. Parts of the network may share one, as
    /// a pool and its subnet do; a use of the name must then mean the same addresses.
    pub(super) fn is_alone(self) -> bool {
        match self {
            Thing::Param(_)
            | Thing::Table(_)
            | Thing::Addresses(_)
            | Thing::Names(_)
            | Thing::Services(_)
            | Thing::Import(_) => true,
            Thing::Vnet(_)
            | Thing::Subnet(_)
            | Thing::Cluster(_)
            | Thing::Pool(..)
            | Thing::Firewall
            | Thing::Gateway
            | Thing::OnPremises(_)
            | Thing::PrivateEndpoint(_) => false,
        }
    }
}

/// A declared name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub thing: Thing<'a>,
    /// Where the name is declared.
    pub span: Span,
    /// Whether it was declared in quotes and is referred to in quotes.
    pub quoted: bool,
}

/// A module.
#[derive(Debug)]
pub(super) struct Module<'a> {
    pub file: &'a File,
    /// The aliases on the way from the rules file, each with its `::`; empty for the rules file.
    pub prefix: String,
    /// Who imports it, and where.
    pub importer: Option<(ModuleId, &'a Import, Span)>,
    pub imports: Vec<ModuleId>,
    /// The statements that hold, those of `when` blocks in place of the block.
    pub statements: Vec<&'a Statement>,
    /// Whether a `when` block was left out, so that a name may be used in it.
    pub leaves_out: bool,
    pub scope: BTreeMap<String, Vec<Entry<'a>>>,
}

/// A declared part of the network, with its name filled in.
#[derive(Clone, Debug)]
pub(super) struct Declared<'a, T> {
    pub module: ModuleId,
    pub name: String,
    pub node: &'a T,
    /// Where the name stands.
    pub at: Span,
    /// The whole declaration.
    pub span: Span,
}

/// The parts of the network by kind. Their names are Azure's and belong to no module: what one file
/// declares, every other can name.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub vnets: Vec<Declared<'a, Vnet>>,
    /// With the place of their virtual network in `vnets`.
    pub subnets: Vec<(usize, Declared<'a, Subnet>)>,
    pub firewalls: Vec<Declared<'a, Firewall>>,
    pub clusters: Vec<Declared<'a, Cluster>>,
    pub gateways: Vec<Declared<'a, Gateway>>,
    pub on_premises: Vec<Declared<'a, OnPremises>>,
    pub private_endpoints: Vec<Declared<'a, PrivateEndpoint>>,
}

/// There is no value, and a finding says why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported;

/// A list on its way from text to intent: what is declared, what is known of it, what was found.
///
/// A step that returns `None` has reported why.
pub(super) struct Resolution<'a> {
    pub sources: &'a SourceMap,
    pub files: &'a [File],
    pub options: &'a Options,
    pub modules: Vec<Module<'a>>,
    /// Which of the files hold checks, which belong to the rules file's module.
    pub checks: &'a [usize],
    pub parts: Parts<'a>,
    pub findings: Vec<Diagnostic>,
    /// How many of the findings are errors.
    errors: usize,
    /// Values of parameters, tables and sets that were asked for; `None` after an error.
    pub known: BTreeMap<(ModuleId, String), Option<Value>>,
    /// What is being worked out, outermost first, to find definitions that lead back to themselves.
    pub asking: Vec<(ModuleId, String, Span)>,
    /// How deep expressions and definitions are nested at this moment.
    pub depth: usize,
    /// The names that something refers to.
    pub used: BTreeSet<(ModuleId, String)>,
    /// `internet`, once it was asked for.
    pub internet: Option<crate::flow::AddressSet>,
    /// The settings that were found to be left out so far.
    pub left_out: Vec<LeftOut>,
}

impl<'a> Resolution<'a> {
    /// Nothing declared yet.
    pub(super) fn new(loaded: &'a Loaded, options: &'a Options) -> Resolution<'a> {
        Resolution {
            sources: &loaded.sources,
            files: &loaded.files,
            options,
            modules: Vec::new(),
            checks: &loaded.checks,
            parts: Parts::default(),
            findings: Vec::new(),
            errors: 0,
            known: BTreeMap::new(),
            asking: Vec::new(),
            depth: 0,
            used: BTreeSet::new(),
            internet: None,
            left_out: Vec::new(),
        }
    }

    /// Adds a finding, once; the error that is one too many is the last.
    pub(super) fn report(&mut self, found: Diagnostic) {
        if self.has_enough_findings() || self.findings.contains(&found) {
            return;
        }
        if found.severity() == Severity::Error {
            self.errors += 1;
        }
        if !self.has_enough_findings() {
            self.findings.push(found);
            return;
        }
        let at = found.primary().map_or(Span::NONE, |label| label.span);
        self.findings.push(
            Diagnostic::new(Code::TOO_MANY_FINDINGS, format!("more than {MAX_ERRORS} mistakes"))
                .at(at, "the list is not looked at beyond here")
                .help("mend those above first"),
        );
    }

    /// Whether there are as many errors as are listed, so that no other need be worked out.
    pub(super) fn has_enough_findings(&self) -> bool {
        self.errors > MAX_ERRORS
    }

    /// Adds a finding and gives up on what was being worked out.
    pub(super) fn refuse<T>(&mut self, found: Diagnostic) -> Option<T> {
        self.report(found);
        None
    }

    pub(super) fn module(&self, module: ModuleId) -> Option<&Module<'a>> {
        self.modules.get(module.0)
    }

    /// Where a statement or part of one stands.
    pub(super) fn origin(&self, module: ModuleId, span: Span) -> Origin {
        let file = self.module(module).map(|module| module.file.source.to_string());
        Origin { file: file.unwrap_or_default(), span }
    }

    /// Declares `name`, unless something that must be alone has it.
    pub(super) fn declare(&mut self, module: ModuleId, name: &str, entry: Entry<'a>) {
        let Some(entries) = self.modules.get_mut(module.0).map(|module| &mut module.scope) else {
            return;
        };
        let entries = entries.entry(name.to_owned()).or_default();
        let other =
            entries.iter().find(|other| other.thing.is_alone() || entry.thing.is_alone()).copied();
        match other {
            Some(other) => {
                let found = Diagnostic::new(
                    Code::DUPLICATE_NAME,
                    format!(
                        "`{name}` is declared twice: as {} and as {}",
                        other.thing.kind(),
                        entry.thing.kind()
                    ),
                )
                .at(entry.span, "declared again")
                .also(other.span, "declared here")
                .help("give one of them another name");
                self.report(found);
            }
            None => entries.push(entry),
        }
    }

    /// What a plain or qualified name was declared as: at least one thing, in the module named.
    pub(super) fn look_up(
        &mut self,
        module: ModuleId,
        path: &Path,
        span: Span,
    ) -> Option<(ModuleId, Vec<Entry<'a>>)> {
        self.look_up_or(module, path, span, INSTEAD_OF_A_NAME)
    }

    /// As [`Resolution::look_up`], with what to do where nothing is declared so.
    pub(super) fn look_up_or(
        &mut self,
        module: ModuleId,
        path: &Path,
        span: Span,
        instead: &str,
    ) -> Option<(ModuleId, Vec<Entry<'a>>)> {
        let within = match &path.module {
            None => module,
            Some(alias) => self.imported(module, alias)?,
        };
        let name = path.name.node.as_str();
        let entries = self.entries(within, name);
        if !entries.is_empty() {
            self.used.insert((within, name.to_owned()));
            return Some((within, entries));
        }
        let span = if path.name.span == Span::NONE { span } else { path.name.span };
        let place = path.module.as_ref().map(|alias| format!(" in `{}`", alias.node));
        self.not_declared(within, name, span, &place.unwrap_or_default(), instead)
    }

    /// The things declared as `name` in `module`.
    pub(super) fn entries(&self, module: ModuleId, name: &str) -> Vec<Entry<'a>> {
        let entries = self.module(module).and_then(|module| module.scope.get(name));
        entries.cloned().unwrap_or_default()
    }

    fn imported(
        &mut self,
        module: ModuleId,
        alias: &Spanned<crate::syntax::ast::Ident>,
    ) -> Option<ModuleId> {
        let name = alias.node.as_str();
        let entries = self.entries(module, name);
        let Some(entry) = entries.first() else {
            return self.unknown(module, name, alias.span, "");
        };
        self.used.insert((module, name.to_owned()));
        if let Thing::Import(id) = entry.thing {
            return Some(id);
        }
        let found = Diagnostic::new(
            Code::WRONG_KIND,
            format!("expected an import before `::`, found {} `{name}`", entry.thing.kind()),
        )
        .at(alias.span, "not an import")
        .also(entry.span, "declared here");
        self.refuse(found)
    }

    /// Reports a name that nothing has.
    pub(super) fn unknown<T>(
        &mut self,
        module: ModuleId,
        name: &str,
        span: Span,
        place: &str,
    ) -> Option<T> {
        self.not_declared(module, name, span, place, INSTEAD_OF_A_NAME)
    }

    fn not_declared<T>(
        &mut self,
        module: ModuleId,
        name: &str,
        span: Span,
        place: &str,
        instead: &str,
    ) -> Option<T> {
        if self.has_enough_findings() {
            return None;
        }
        let mut found =
            Diagnostic::new(Code::UNKNOWN_NAME, format!("nothing is declared as `{name}`{place}"))
                .at(span, "not declared");
        let scope = self.module(module).map(|module| &module.scope);
        let near = scope.and_then(|scope| similar::nearest(name, scope.keys().map(String::as_str)));
        found = match near {
            Some(near) => {
                found.fix(format!("write `{near}`"), vec![Edit::replace(span, near.to_owned())])
            }
            None => found.help(instead),
        };
        self.refuse(found)
    }

    /// Goes one step deeper, or reports that definitions are nested too deeply.
    pub(super) fn deeper<T>(
        &mut self,
        span: Span,
        step: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        if self.depth >= MAX_DEPTH {
            let found = Diagnostic::new(
                Code::DEFINED_TOO_DEEPLY,
                format!("definitions refer to each other more than {MAX_DEPTH} levels deep"),
            )
            .at(span, "too deep")
            .help("write the value out at one of the levels");
            return self.refuse(found);
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    /// The text of a name that is declared or referred to.
    pub(super) fn name(&mut self, module: ModuleId, name: &Spanned<Name>) -> Option<String> {
        match &name.node {
            Name::Plain(ident) => Some(ident.as_str().to_owned()),
            Name::Quoted(text) => {
                let text = self.fill_narrow(module, text, name.span)?;
                if !text.is_empty() {
                    return Some(text);
                }
                let found = Diagnostic::new(Code::BAD_NAME, "expected a name, found an empty text")
                    .at(name.span, "no name");
                self.refuse(found)
            }
        }
    }
}

/// How deep definitions and parentheses may be nested in each other, so that the stack is bounded.
/// A set of sets in an import's argument is five deep.
const MAX_DEPTH: usize = 100;

/// How many errors of one list are kept. Nobody reads more, and a hostile list has millions.
const MAX_ERRORS: usize = 1000;

//! Source text to the list that it means.
//!
//! In: the path of a rules file, a way to read files, and values from outside. Out: an
//! [`Intent`] in which every name is looked up, every hole filled and every import taken in; and a
//! diagnostic for each mistake. There is an intent only where no diagnostic is an error.
//!
//! The stage reads nothing by itself: files come through the closure it is given, parameters
//! as [`Options`]. It knows no Azure resource; what Azure cannot do is said by
//! `compile`.
//!
//! The way: `load` reads and parses each file once; `module` makes a module of each import with
//! its arguments, decides each `when` and declares names; `params`, `sets`, `services` and
//! `address` work values out when they are asked for; `topology`, `permission`, `check` and
//! `settings` build the intent; `lint` says what deserves a change though it is no mistake, and
//! `left_out` what the source does not say.

mod address;
mod around;
mod assignment;
mod check;
mod cluster;
mod imports;
mod interpolate;
mod left_out;
mod lint;
mod load;
mod module;
mod operand;
mod params;
mod permission;
mod places;
mod scope;
mod services;
mod sets;
mod settings;
mod shipped;
mod topology;
mod value;

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::civil::Date;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceMap;
use crate::diagnostic::Span;
use crate::flow::Fqdn;
use crate::intent::Intent;
use crate::syntax::ast::Statement;
use crate::syntax::ast::StatementKind;

pub use assignment::Assignment;
pub use assignment::AssignmentError;
pub use imports::Source;
pub use imports::shown_path;
pub use left_out::LeftOut;
pub use left_out::PeeringSetting;
pub use left_out::PolicySetting;
pub use left_out::Setting;
pub use left_out::SubnetSetting;
pub use load::MAX_FILES;
pub use load::MAX_TOTAL_BYTES;
pub use load::Pin;
pub use load::Read;
pub use shipped::names as shipped_rulesets;

use load::Loaded;
use scope::ModuleId;
use scope::Resolution;

/// What comes from outside the source.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values for the rules file's parameters; of several for one, the last counts.
    pub parameters: Vec<Assignment>,
    /// Addresses that hosts are known to have, for examples that name a host. The first is taken.
    pub addresses: BTreeMap<Fqdn, Vec<IpAddr>>,
    /// Files of assertions and examples, by paths as the rules file's is given. They are read as if
    /// they stood at its end.
    pub checks: Vec<String>,
    /// The day, in UTC, on which the list is looked at: what a permission would open is told of those
    /// that are active then. `None` tells of all.
    pub day: Option<Date>,
}

/// What a rules file means, and what was found on the way.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The list; `None` where a diagnostic is an error.
    pub intent: Option<Intent>,
    /// The files, for drawing diagnostics. Paths start where that of the rules file does.
    pub sources: SourceMap,
    /// The findings in reading order.
    pub diagnostics: Vec<Diagnostic>,
    /// The imports, ascending, for pinning.
    pub imports: Vec<Pin>,
    /// What the source leaves out, in reading order; nothing where there is no list.
    pub left_out: Vec<LeftOut>,
}

/// Resolves the rules file at `main`, a path with `/` between its parts, whose folder is the root
/// that files are named from. `read` is called once for each file with that folder and the file's
/// path from it, joined.
pub fn resolve(main: &str, read: Read<'_>, options: &Options) -> Resolved {
    let mut loaded = load::load(main, &options.checks, read);
    let broken = loaded.findings.iter().any(|found| found.severity() == Severity::Error);
    // What a broken sentence declared is not known, so a later finding could be its mere echo.
    let built = if broken { Built::default() } else { build(&loaded, options) };
    loaded.findings.extend(built.findings);
    let empty = loaded.empty_checks();
    loaded.findings.extend(empty);
    loaded.findings.sort_by_key(Diagnostic::reading_order);
    let failed = loaded.findings.iter().any(|found| found.severity() == Severity::Error);
    Resolved {
        intent: built.intent.filter(|_| !failed),
        sources: loaded.sources,
        diagnostics: loaded.findings,
        imports: loaded.pins,
        left_out: if failed { Vec::new() } else { built.left_out },
    }
}

/// What comes of files without a mistake in their grammar.
#[derive(Default)]
struct Built {
    intent: Option<Intent>,
    findings: Vec<Diagnostic>,
    left_out: Vec<LeftOut>,
}

fn build(loaded: &Loaded, options: &Options) -> Built {
    let mut resolution = Resolution::new(loaded, options);
    resolution.make_modules();
    let mut intent = Intent { topology: resolution.topology(), ..Intent::default() };
    resolution.check_places(&intent.topology);
    resolution.module_intent(ModuleId::ROOT, loaded, &mut intent);
    resolution.check_labels(&intent);
    resolution.ask_for_everything();
    lint::run(&mut resolution, &intent);
    let left_out = resolution.all_left_out();
    Built { intent: Some(intent), findings: resolution.findings, left_out }
}

impl Resolution<'_> {
    /// Adds what a module says to the intent, its imports first.
    fn module_intent(&mut self, id: ModuleId, loaded: &Loaded, intent: &mut Intent) {
        let imports = self.module(id).map(|module| module.imports.clone()).unwrap_or_default();
        for import in imports {
            self.module_intent(import, loaded, intent);
        }
        let statements =
            self.module(id).map(|module| module.statements.clone()).unwrap_or_default();
        let mut once: BTreeMap<&str, Span> = BTreeMap::new();
        for statement in statements {
            self.statement(id, statement, loaded, intent, &mut once);
        }
    }

    fn statement(
        &mut self,
        id: ModuleId,
        statement: &Statement,
        loaded: &Loaded,
        intent: &mut Intent,
        once: &mut BTreeMap<&str, Span>,
    ) {
        let span = statement.kind.span;
        match &statement.kind.node {
            StatementKind::Azure(azure) => {
                if self.is_first(id, "azure", span, once) {
                    self.azure(id, azure, intent);
                }
            }
            StatementKind::Policy(policy) => {
                if self.is_first(id, "policy", span, once) {
                    self.policy(id, policy, intent);
                }
            }
            StatementKind::Permission(permission) => {
                self.permission(id, statement, permission, intent);
            }
            StatementKind::Assertion(assertion) => {
                self.assertion(id, assertion, span, intent);
            }
            StatementKind::Example(example) => {
                self.example(id, example, span, intent);
            }
            StatementKind::Context(context) => {
                self.context(id, context, span, loaded, intent);
            }
            StatementKind::Owns(owns) => self.owns(id, owns, intent),
            StatementKind::Ordered(_) => self.unsupported(span, "`ordered { … }` is"),
            StatementKind::Existing(_) => {
                self.unsupported(span, "references to existing resources are");
            }
            StatementKind::Unknown(_) => self.unsupported(span, "`unknown` is"),
            StatementKind::Import(_)
            | StatementKind::Param(_)
            | StatementKind::Table(_)
            | StatementKind::When(_)
            | StatementKind::Network(_)
            | StatementKind::Addresses(_)
            | StatementKind::Names(_)
            | StatementKind::Services(_) => {}
        }
    }

    /// `azure` and `policy` are about the whole list: once, and in the rules file.
    fn is_first<'w>(
        &mut self,
        id: ModuleId,
        word: &'w str,
        span: Span,
        once: &mut BTreeMap<&'w str, Span>,
    ) -> bool {
        if id != ModuleId::ROOT {
            let found = Diagnostic::new(
                Code::NOT_IN_IMPORTS,
                format!("`{word}` belongs in the rules file, not in an import"),
            )
            .at(span, "in an imported file")
            .help(format!("move `{word} {{ … }}` to the file that imports this one"));
            self.report(found);
            return false;
        }
        let Some(first) = once.insert(word, span) else { return true };
        let found = Diagnostic::new(Code::DUPLICATE_NAME, format!("`{word}` is given twice"))
            .at(span, "given again")
            .also(first, "given here")
            .help("join them");
        self.report(found);
        false
    }

    /// Works out what nothing asked for, so that its mistakes are found too.
    fn ask_for_everything(&mut self) {
        let mut names = Vec::new();
        for (at, module) in self.modules.iter().enumerate() {
            for (name, entries) in &module.scope {
                for entry in entries.iter().filter(|entry| entry.thing.is_alone()) {
                    names.push((ModuleId(at), name.clone(), entry.span));
                }
            }
        }
        let used = self.used.clone();
        for (module, name, span) in names {
            self.value(module, &name, span);
        }
        self.used = used;
    }

    /// Labels name rules, tests and lines of reports, so each is there once.
    fn check_labels(&mut self, intent: &Intent) {
        let mut first: BTreeMap<String, Span> = BTreeMap::new();
        let permissions = intent.permissions.iter().map(|p| (&p.label, p.spans.label));
        let denies = intent.denies.iter().map(|d| (&d.label, d.spans.label));
        let assertions = intent.assertions.iter().map(|a| (&a.label, a.origin.span));
        let examples = intent.examples.iter().map(|e| (&e.label, e.origin.span));
        for (label, span) in permissions.chain(denies).chain(assertions).chain(examples) {
            // Names of Azure's rules differ by more than case.
            let Some(other) = first.insert(label.to_ascii_lowercase(), span) else { continue };
            let found = Diagnostic::new(
                Code::DUPLICATE_LABEL,
                format!("two statements are labelled `{label}`"),
            )
            .at(span, "labelled again")
            .also(other, "labelled here")
            .help("give one of them another label");
            self.report(found);
        }
    }
}

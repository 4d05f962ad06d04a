//! Sets, parameters and imports of the rules file that nothing refers to.

use std::collections::BTreeSet;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Severity;
use crate::resolve::scope::Module;
use crate::resolve::scope::ModuleId;
use crate::resolve::scope::Resolution;
use crate::resolve::scope::Thing;
use crate::syntax::ast::Atom;
use crate::syntax::ast::Operand;
use crate::syntax::ast::Path;
use crate::syntax::ast::Set;
use crate::syntax::ast::StatementKind;

/// Only the rules file is looked at: what an import offers is for others to use. A file with a
/// `when` that was left out is skipped, since the use may stand there.
pub(in crate::resolve) fn findings(resolution: &Resolution<'_>) -> Vec<Diagnostic> {
    let Some(root) = resolution.module(ModuleId::ROOT).filter(|root| !root.leaves_out) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let passed_on = passed_on(root);
    for (name, entries) in &root.scope {
        let is_used = resolution.used.contains(&(ModuleId::ROOT, name.clone()))
            || passed_on.contains(name.as_str());
        let Some(entry) = entries.first().filter(|_| !is_used) else { continue };
        let code = match entry.thing {
            Thing::Addresses(_) | Thing::Names(_) | Thing::Services(_) | Thing::Table(_) => {
                Code::UNUSED_SET
            }
            Thing::Param(_) => Code::UNUSED_PARAMETER,
            Thing::Import(id) if !brings_statements(resolution, id) => Code::UNUSED_IMPORT,
            Thing::Import(_)
            | Thing::Vnet(_)
            | Thing::Subnet(_)
            | Thing::Cluster(_)
            | Thing::Pool(..)
            | Thing::Firewall
            | Thing::Gateway
            | Thing::OnPremises(_)
            | Thing::PrivateEndpoint(_) => continue,
        };
        let found = Diagnostic::new(code, format!("nothing refers to `{name}`"))
            .at(entry.span, format!("{} that is not used", entry.thing.kind()));
        // Statements stand in the order of the text.
        let behind = root.statements.partition_point(|s| s.kind.span.start <= entry.span.start);
        let statement = behind.checked_sub(1).and_then(|last| root.statements.get(last));
        let statement = statement.filter(|statement| {
            let span = statement.kind.span;
            span.file == entry.span.file && entry.span.end <= span.end
        });
        findings.push(match statement {
            Some(statement) => found.fix("take it out", vec![Edit::remove(statement.kind.span)]),
            None => found.graded(Severity::Warning),
        });
    }
    findings
}

/// The names in the arguments of imports. An argument is read when the imported file refers to its
/// parameter; what it names cannot be taken out even if none does.
fn passed_on<'a>(root: &Module<'a>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for statement in &root.statements {
        if let StatementKind::Import(import) = &statement.kind.node {
            for argument in &import.arguments {
                add_names(&argument.value.node, &mut found);
            }
        }
    }
    found
}

fn add_names<'a>(set: &'a Set<Atom>, found: &mut BTreeSet<&'a str>) {
    match set {
        Set::One(Atom::Operand(Operand::Reference(Path { module: None, name }))) => {
            found.insert(name.node.as_str());
        }
        Set::One(Atom::Operand(Operand::Quoted(text))) => {
            found.extend(text.holes().map(|name| name.node.as_str()));
        }
        Set::One(_) => {}
        Set::Union(parts) | Set::Intersection(parts) => {
            for part in parts {
                add_names(&part.node, found);
            }
        }
        Set::Except { base, without } => {
            add_names(&base.node, found);
            for part in without {
                add_names(&part.node, found);
            }
        }
    }
}

/// Whether an import, or one of its own, says something by itself.
fn brings_statements(resolution: &Resolution<'_>, id: ModuleId) -> bool {
    let Some(module) = resolution.module(id) else { return false };
    let says_something = module.statements.iter().any(|statement| match statement.kind.node {
        StatementKind::Network(_)
        | StatementKind::Permission(_)
        | StatementKind::Assertion(_)
        | StatementKind::Example(_)
        | StatementKind::Context(_) => true,
        StatementKind::Import(_)
        | StatementKind::Param(_)
        | StatementKind::Table(_)
        | StatementKind::When(_)
        | StatementKind::Azure(_)
        | StatementKind::Policy(_)
        | StatementKind::Addresses(_)
        | StatementKind::Names(_)
        | StatementKind::Services(_)
        | StatementKind::Ordered(_)
        | StatementKind::Owns(_)
        | StatementKind::Existing(_)
        | StatementKind::Unknown(_) => false,
    });
    says_something
        || module.leaves_out
        || module.imports.iter().any(|id| brings_statements(resolution, *id))
}

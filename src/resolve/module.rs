//! Files to modules: each import with its arguments, each `when` decided, each name declared.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::assignment::assigned;
use super::load::File;
use super::scope::Declared;
use super::scope::Entry;
use super::scope::Module;
use super::scope::ModuleId;
use super::scope::Resolution;
use super::scope::Thing;
use super::value::Value;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::diagnostic::similar;
use crate::syntax::ast::Condition;
use crate::syntax::ast::Import;
use crate::syntax::ast::Name;
use crate::syntax::ast::Network;
use crate::syntax::ast::NetworkItem;
use crate::syntax::ast::ParamType;
use crate::syntax::ast::Statement;
use crate::syntax::ast::StatementKind;

/// The most modules that one list becomes: files that import files twice double at each level.
const MAX_MODULES: usize = 1000;

/// The most statements of all modules together, for the same reason.
const MAX_STATEMENTS: usize = 500_000;

impl<'a> Resolution<'a> {
    /// Makes the modules of a list whose imports are known to end, the rules file's first.
    pub(super) fn make_modules(&mut self) {
        let Some(root) = self.files.first() else { return };
        self.add_module(root, String::new(), None);
        let mut at = 0;
        let mut statements = 0_usize;
        while at < self.modules.len() {
            let id = ModuleId(at);
            self.declare_module(id);
            statements += self.module(id).map_or(0, |module| module.statements.len());
            if at >= MAX_MODULES || statements > MAX_STATEMENTS {
                let found = Diagnostic::new(
                    Code::TOO_MANY_FILES,
                    format!(
                        "imports of imports become more than {MAX_MODULES} modules or {MAX_STATEMENTS} statements"
                    ),
                );
                let import = self.module(id).and_then(|module| module.importer);
                let span = import.map_or(Span::NONE, |(_, _, span)| span);
                self.report(found.at(span, "one too many").help("import each file once"));
                return;
            }
            at += 1;
        }
        self.check_assignments();
    }

    fn add_module(
        &mut self,
        file: &'a File,
        prefix: String,
        importer: Option<(ModuleId, &'a Import, Span)>,
    ) -> ModuleId {
        self.modules.push(Module {
            file,
            prefix,
            importer,
            imports: Vec::new(),
            statements: Vec::new(),
            leaves_out: false,
            scope: BTreeMap::new(),
        });
        ModuleId(self.modules.len() - 1)
    }

    /// Parameters, tables and imports come first: the conditions of `when` and the names of
    /// everything else may refer to them.
    fn declare_module(&mut self, id: ModuleId) {
        let Some(file) = self.module(id).map(|module| module.file) else { return };
        let mut imports = file.imports.iter();
        for statement in &file.ast.statements {
            match &statement.kind.node {
                StatementKind::Param(param) => {
                    self.declare_plain(id, &param.name, Thing::Param(param));
                }
                StatementKind::Table(table) => {
                    self.declare_plain(id, &table.name, Thing::Table(table));
                }
                StatementKind::Import(import) => {
                    let number = imports.next().copied().flatten();
                    self.declare_import(id, import, number, statement.kind.span);
                }
                StatementKind::When(_)
                | StatementKind::Azure(_)
                | StatementKind::Network(_)
                | StatementKind::Policy(_)
                | StatementKind::Addresses(_)
                | StatementKind::Names(_)
                | StatementKind::Services(_)
                | StatementKind::Permission(_)
                | StatementKind::Ordered(_)
                | StatementKind::Assertion(_)
                | StatementKind::Example(_)
                | StatementKind::Context(_)
                | StatementKind::Owns(_)
                | StatementKind::Existing(_)
                | StatementKind::Unknown(_) => {}
            }
        }
        let mut kept = Vec::new();
        let leaves_out = self.select(id, &file.ast.statements, &mut kept);
        if id == ModuleId::ROOT {
            let checks = self.checks.iter().filter_map(|number| self.files.get(*number));
            kept.extend(checks.flat_map(|file| &file.ast.statements));
        }
        for statement in &kept {
            self.declare_statement(id, statement);
        }
        if let Some(module) = self.modules.get_mut(id.0) {
            module.statements = kept;
            module.leaves_out = leaves_out;
        }
    }

    fn declare_plain(
        &mut self,
        module: ModuleId,
        name: &Spanned<crate::syntax::ast::Ident>,
        thing: Thing<'a>,
    ) {
        let entry = Entry { thing, span: name.span, quoted: false };
        self.declare(module, name.node.as_str(), entry);
    }

    fn declare_import(
        &mut self,
        importer: ModuleId,
        import: &'a Import,
        number: Option<usize>,
        span: Span,
    ) {
        let Some(file) = number.and_then(|number| self.files.get(number)) else { return };
        let prefix = self.module(importer).map(|module| module.prefix.clone()).unwrap_or_default();
        let prefix = format!("{prefix}{}::", import.name.node);
        let child = self.add_module(file, prefix, Some((importer, import, span)));
        if let Some(module) = self.modules.get_mut(importer.0) {
            module.imports.push(child);
        }
        self.declare_plain(importer, &import.name, Thing::Import(child));
        self.check_arguments(file, import);
    }

    /// Each argument is for a parameter, and each parameter has at most one.
    fn check_arguments(&mut self, file: &'a File, import: &'a Import) {
        let names = parameters(file);
        let known: BTreeSet<&str> = names.iter().copied().collect();
        let mut given: BTreeMap<&str, Span> = BTreeMap::new();
        for argument in &import.arguments {
            let name = argument.name.node.as_str();
            if !known.contains(name) && !self.has_enough_findings() {
                let found = unknown_parameter(name, &file.source.to_string(), &names)
                    .at(argument.name.span, "no such parameter");
                let found = match similar::nearest(name, names.iter().copied()) {
                    Some(near) => found.fix(
                        format!("write `{near}`"),
                        vec![Edit::replace(argument.name.span, near.to_owned())],
                    ),
                    None => found,
                };
                self.report(found);
            }
            if let Some(earlier) = given.get(name) {
                let found = Diagnostic::new(
                    Code::DUPLICATE_NAME,
                    format!("parameter `{name}` is given twice"),
                )
                .at(argument.name.span, "given again")
                .also(*earlier, "given here");
                self.report(found);
            } else {
                given.insert(name, argument.name.span);
            }
        }
    }

    /// Each value from outside is for a parameter of the rules file.
    fn check_assignments(&mut self) {
        let Some(file) = self.files.first() else { return };
        let names = parameters(file);
        for assignment in &self.options.parameters {
            if !names.contains(&assignment.name.as_str()) {
                let found = unknown_parameter(&assignment.name, &file.source.to_string(), &names)
                    .note(format!("given by {}", assignment.from));
                self.report(found);
            }
        }
        for name in &names {
            // A parameter that nothing asks for must have a fitting value all the same.
            if assigned(self.options, name).is_some() {
                let span =
                    self.entries(ModuleId::ROOT, name).first().map_or(Span::NONE, |e| e.span);
                self.value(ModuleId::ROOT, name, span);
            }
        }
    }

    /// The statements that hold; whether a `when` was left out.
    fn select(
        &mut self,
        id: ModuleId,
        from: &'a [Statement],
        kept: &mut Vec<&'a Statement>,
    ) -> bool {
        let mut leaves_out = false;
        for statement in from {
            let StatementKind::When(when) = &statement.kind.node else {
                kept.push(statement);
                continue;
            };
            let holds: Vec<Option<bool>> =
                when.conditions.iter().map(|condition| self.holds(id, condition)).collect();
            if holds.iter().all(|holds| *holds == Some(true)) {
                leaves_out |= self
                    .deeper(statement.kind.span, |this| {
                        Some(this.select(id, &when.statements, kept))
                    })
                    .unwrap_or(true);
            } else {
                leaves_out = true;
            }
        }
        leaves_out
    }

    fn holds(&mut self, module: ModuleId, condition: &Spanned<Condition>) -> Option<bool> {
        let Condition { param, negated, keys } = &condition.node;
        let path = crate::syntax::ast::Path { module: None, name: param.clone() };
        let (_, entries) = self.look_up(module, &path, param.span)?;
        let entry = *entries.first()?;
        let Thing::Param(declared) = entry.thing else {
            let found = Diagnostic::new(
                Code::WRONG_KIND,
                format!("expected a parameter after `when`, found {}", entry.thing.kind()),
            )
            .at(param.span, "decides nothing")
            .also(entry.span, "declared here");
            return self.refuse(found);
        };
        let choices = self.choices(&declared.kind, param.span)?;
        for key in keys {
            if !choices.iter().any(|choice| choice == key.node.as_str()) {
                let found = not_a_key(key.node.as_str(), &choices).at(key.span, "none of its keys");
                self.report(found.also(entry.span, "declared here"));
                return None;
            }
        }
        let present = match self.value(module, param.node.as_str(), param.span)? {
            Value::Key(key) => key,
            Value::Bool(yes) => yes.to_string(),
            Value::Label(_)
            | Value::Text(_)
            | Value::Port(_)
            | Value::Date(_)
            | Value::Several(_)
            | Value::Ends(_)
            | Value::Services(_) => return None,
        };
        Some(keys.iter().any(|key| key.node.as_str() == present) != *negated)
    }

    /// The keys that a parameter of this type can have, as `when` and tables name them.
    pub(super) fn choices(&mut self, kind: &Spanned<ParamType>, span: Span) -> Option<Vec<String>> {
        match &kind.node {
            ParamType::Enum(keys) => Some(keys.iter().map(|key| key.node.to_string()).collect()),
            ParamType::Bool => Some(vec!["true".to_owned(), "false".to_owned()]),
            ParamType::One(_) | ParamType::SetOf(_) => {
                let found = Diagnostic::new(
                    Code::WRONG_KIND,
                    "expected a parameter of type `bool` or `enum { … }`",
                )
                .at(span, "has no keys")
                .also(kind.span, "its type");
                self.refuse(found)
            }
        }
    }

    fn declare_statement(&mut self, id: ModuleId, statement: &'a Statement) {
        match &statement.kind.node {
            StatementKind::Addresses(set) => {
                self.declare_plain(id, &set.name, Thing::Addresses(set));
            }
            StatementKind::Names(set) => self.declare_plain(id, &set.name, Thing::Names(set)),
            StatementKind::Services(set) => {
                self.declare_plain(id, &set.name, Thing::Services(set));
            }
            StatementKind::Network(network) => self.declare_network(id, network),
            StatementKind::Import(_)
            | StatementKind::Param(_)
            | StatementKind::Table(_)
            | StatementKind::When(_)
            | StatementKind::Azure(_)
            | StatementKind::Policy(_)
            | StatementKind::Permission(_)
            | StatementKind::Ordered(_)
            | StatementKind::Assertion(_)
            | StatementKind::Example(_)
            | StatementKind::Context(_)
            | StatementKind::Owns(_)
            | StatementKind::Existing(_)
            | StatementKind::Unknown(_) => {}
        }
    }

    fn declare_network(&mut self, id: ModuleId, network: &'a Network) {
        for item in &network.items {
            let span = item.span;
            match &item.node {
                NetworkItem::Vnet(node) => {
                    let vnet = self.parts.vnets.len();
                    let Some(declared) = self.part(id, &node.name, node, span, Thing::Vnet(node))
                    else {
                        continue;
                    };
                    self.parts.vnets.push(declared);
                    for subnet in &node.subnets {
                        let thing = Thing::Subnet(&subnet.node);
                        let name = &subnet.node.name;
                        let part = self.part(id, name, &subnet.node, subnet.span, thing);
                        self.parts.subnets.extend(part.map(|part| (vnet, part)));
                    }
                }
                NetworkItem::Firewall(node) => {
                    let part = self.part(id, &node.name, node, span, Thing::Firewall);
                    self.parts.firewalls.extend(part);
                }
                NetworkItem::Cluster(node) => {
                    let part = self.part(id, &node.name, node, span, Thing::Cluster(node));
                    self.parts.clusters.extend(part);
                    for pool in &node.pools {
                        let thing = Thing::Pool(node, &pool.node);
                        self.part(id, &pool.node.name, &pool.node, pool.span, thing);
                    }
                }
                NetworkItem::Gateway(node) => {
                    let part = self.part(id, &node.name, node, span, Thing::Gateway);
                    self.parts.gateways.extend(part);
                }
                NetworkItem::OnPremises(node) => {
                    let part = self.part(id, &node.name, node, span, Thing::OnPremises(node));
                    self.parts.on_premises.extend(part);
                }
                NetworkItem::PrivateEndpoint(node) => {
                    let part = self.part(id, &node.name, node, span, Thing::PrivateEndpoint(node));
                    self.parts.private_endpoints.extend(part);
                }
                NetworkItem::VirtualHub(_) => self.unsupported(span, "virtual hubs are"),
                NetworkItem::Nsg(_) => self.unsupported(span, "network security groups are"),
            }
        }
    }

    /// Declares a part of the network in its module's scope.
    fn part<T>(
        &mut self,
        module: ModuleId,
        name: &'a Spanned<Name>,
        node: &'a T,
        span: Span,
        thing: Thing<'a>,
    ) -> Option<Declared<'a, T>> {
        let text = self.name(module, name)?;
        let quoted = matches!(name.node, Name::Quoted(_));
        self.declare(module, &text, Entry { thing, span: name.span, quoted });
        Some(Declared { module, name: text, node, at: name.span, span })
    }

    /// Reports a construct that this version reads and cannot honour; `what` ends in its verb.
    pub(super) fn unsupported(&mut self, span: Span, what: &str) {
        let found = Diagnostic::new(Code::UNSUPPORTED, format!("{what} not supported yet"))
            .at(span, "would have no effect")
            .help("take it out; nothing that is written is left out silently");
        self.report(found);
    }
}

/// The names of a file's parameters, in the order of the text.
fn parameters(file: &File) -> Vec<&str> {
    let params = file.ast.statements.iter().filter_map(|statement| match &statement.kind.node {
        StatementKind::Param(param) => Some(param.name.node.as_str()),
        _ => None,
    });
    params.collect()
}

fn unknown_parameter(name: &str, file: &str, names: &[&str]) -> Diagnostic {
    let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let found =
        Diagnostic::new(Code::UNKNOWN_PARAMETER, format!("`{file}` has no parameter `{name}`"));
    if list.is_empty() {
        found.help("leave it out: the file has no parameters")
    } else {
        found.help(format!("its parameters are {}", list.join(", ")))
    }
}

/// A word is no key of an enumeration.
pub(super) fn not_a_key(found: &str, choices: &[String]) -> Diagnostic {
    let list: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    Diagnostic::new(Code::BAD_TYPE, format!("expected one of {}, found `{found}`", list.join(", ")))
}

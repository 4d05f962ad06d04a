//! Parameters and tables: a value for each, which fits its type.

use super::assignment::assigned;
use super::assignment::kind_in_words;
use super::assignment::label;
use super::assignment::parse;
use super::module::not_a_key;
use super::scope::ModuleId;
use super::scope::Resolution;
use super::scope::Thing;
use super::value::Ends;
use super::value::Value;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::syntax::ast::Atom;
use crate::syntax::ast::Element;
use crate::syntax::ast::Operand;
use crate::syntax::ast::Param;
use crate::syntax::ast::ParamType;
use crate::syntax::ast::Set;
use crate::syntax::ast::Table;

impl<'a> Resolution<'a> {
    /// What the parameter, table or set `name` of `module` stands for; `span` asks.
    pub(super) fn value(&mut self, module: ModuleId, name: &str, span: Span) -> Option<Value> {
        let key = (module, name.to_owned());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        if let Some(at) = self.asking.iter().position(|(m, n, _)| (*m, n) == (module, &key.1)) {
            return self.refuse(self.self_reference(at, span));
        }
        let thing = self.entries(module, name).first()?.thing;
        self.used.insert(key.clone());
        self.asking.push((module, name.to_owned(), span));
        let value = self.deeper(span, |this| match thing {
            Thing::Param(param) => this.param(module, param),
            Thing::Table(table) => this.table(module, table),
            Thing::Addresses(set) => {
                let ends = this.addresses_only(module, &set.set)?;
                Some(Value::Ends(ends))
            }
            Thing::Names(set) => this.names_only(module, &set.set).map(Value::Ends),
            Thing::Services(set) => this.services(module, &set.set).map(Value::Services),
            Thing::Import(_)
            | Thing::Vnet(_)
            | Thing::Subnet(_)
            | Thing::Cluster(_)
            | Thing::Pool(..)
            | Thing::Firewall
            | Thing::Gateway
            | Thing::OnPremises(_)
            | Thing::PrivateEndpoint(_) => None,
        });
        self.asking.pop();
        self.known.insert(key, value.clone());
        value
    }

    fn self_reference(&self, at: usize, span: Span) -> Diagnostic {
        let round = self.asking.get(at..).unwrap_or_default();
        let chain: Vec<String> = round.iter().map(|(_, name, _)| format!("`{name}`")).collect();
        let first = chain.first().cloned().unwrap_or_default();
        let mut found = Diagnostic::new(
            Code::SELF_REFERENCE,
            format!("{first} is defined by itself: {} needs {first}", chain.join(" needs ")),
        )
        .at(span, "leads back");
        for (_, name, place) in round.iter().skip(1) {
            found = found.also(*place, format!("`{name}` is needed here"));
        }
        found.help("write one of them out")
    }

    fn param(&mut self, module: ModuleId, param: &'a Param) -> Option<Value> {
        let name = param.name.node.as_str();
        let importer = self.module(module)?.importer;
        let Some((importer, import, span)) = importer else {
            if let Some(given) = assigned(self.options, name) {
                return match parse(&param.kind.node, &given.value) {
                    Ok(value) => Some(value),
                    Err(expected) => {
                        let found = Diagnostic::new(
                            Code::BAD_TYPE,
                            format!(
                                "expected {expected} for parameter `{name}`, found `{}`",
                                given.value
                            ),
                        )
                        .at(param.kind.span, "its type")
                        .note(format!("given by {}", given.from));
                        self.refuse(found)
                    }
                };
            }
            let Some(default) = &param.default else {
                let found = Diagnostic::new(
                    Code::MISSING_ARGUMENT,
                    format!(
                        "parameter `{name}`, {}, has no value",
                        kind_in_words(&param.kind.node)
                    ),
                )
                .at(param.name.span, "no default")
                .help(format!("give it: `--set {name}=…`"));
                return self.refuse(found);
            };
            self.default_taken(module, name, default.span, param.name.span);
            return self.typed(module, &param.kind, default);
        };
        let argument = import.arguments.iter().find(|argument| argument.name.node.as_str() == name);
        if let Some(argument) = argument {
            return self.typed(importer, &param.kind, &argument.value);
        }
        if let Some(default) = &param.default {
            self.default_taken(module, name, default.span, span);
            return self.typed(module, &param.kind, default);
        }
        let found = Diagnostic::new(
            Code::MISSING_ARGUMENT,
            format!("parameter `{name}`, {}, has no value", kind_in_words(&param.kind.node)),
        )
        .at(span, "not given here")
        .also(param.name.span, "declared here, without a default")
        .help(format!("write `with {{ {name} = … }}`"));
        self.refuse(found)
    }

    fn table(&mut self, module: ModuleId, table: &'a Table) -> Option<Value> {
        let path = crate::syntax::ast::Path { module: None, name: table.key.clone() };
        let (_, entries) = self.look_up(module, &path, table.key.span)?;
        let entry = *entries.first()?;
        let Thing::Param(param) = entry.thing else {
            let found = Diagnostic::new(
                Code::WRONG_KIND,
                format!("expected a parameter after `by`, found {}", entry.thing.kind()),
            )
            .at(table.key.span, "has no keys")
            .also(entry.span, "declared here");
            return self.refuse(found);
        };
        let choices = self.choices(&param.kind, table.key.span)?;
        let mut whole = true;
        for (index, row) in table.entries.iter().enumerate() {
            let key = row.name.node.as_str();
            if !choices.iter().any(|choice| choice == key) {
                let found = not_a_key(key, &choices).at(row.name.span, "no key of the parameter");
                self.report(found.also(entry.span, "declared here"));
                whole = false;
            }
            if let Some(earlier) = table.entries.iter().take(index).find(|e| e.name == row.name) {
                let found = Diagnostic::new(
                    Code::DUPLICATE_NAME,
                    format!("table `{}` has two values for `{key}`", table.name.node),
                )
                .at(row.name.span, "given again")
                .also(earlier.name.span, "given here");
                self.report(found);
                whole = false;
            }
        }
        let missing: Vec<String> = choices
            .iter()
            .filter(|choice| !table.entries.iter().any(|row| row.name.node.as_str() == *choice))
            .map(|choice| format!("`{choice}`"))
            .collect();
        if !missing.is_empty() {
            let found = Diagnostic::new(
                Code::INCOMPLETE_TABLE,
                format!("table `{}` has no value for {}", table.name.node, missing.join(", ")),
            )
            .at(table.name.span, "incomplete")
            .also(param.kind.span, "the keys")
            .help("give a value for each key");
            self.report(found);
            whole = false;
        }
        let key = match self.value(module, table.key.node.as_str(), table.key.span)? {
            Value::Key(key) => key,
            Value::Bool(yes) => yes.to_string(),
            _ => return None,
        };
        let mut chosen = None;
        for row in &table.entries {
            let value = self.typed(module, &table.kind, &row.value);
            whole &= value.is_some();
            if row.name.node.as_str() == key {
                chosen = value;
            }
        }
        chosen.filter(|_| whole)
    }

    /// The value that `written` in `module` is for a parameter or table of type `kind`.
    fn typed(
        &mut self,
        module: ModuleId,
        kind: &'a Spanned<ParamType>,
        written: &'a Spanned<Set<Atom>>,
    ) -> Option<Value> {
        let value = match &kind.node {
            ParamType::SetOf(element @ (Element::Address | Element::Name)) => {
                return self.ends_of(module, written, *element, kind).map(Value::Ends);
            }
            ParamType::One(element @ (Element::Address | Element::Name)) => {
                let ends = self.ends_of(module, written, *element, kind)?;
                let one = match element {
                    Element::Name => ends
                        .names
                        .names()
                        .is_some_and(|n| n.patterns.len() == 1 && n.except.is_empty()),
                    _ => ends.addresses.ranges().len() == 1,
                };
                return if one {
                    Some(Value::Ends(ends))
                } else {
                    self.bad_type(written.span, kind, "several values")
                };
            }
            ParamType::SetOf(element) => {
                let mut values = Vec::new();
                self.several(module, *element, kind, written, &mut values)?;
                return Some(Value::Several(values));
            }
            ParamType::One(element) => {
                let atom = self.one(written, kind)?;
                self.scalar(module, *element, kind, atom, written.span)
            }
            ParamType::Bool => match self.one(written, kind)? {
                Atom::Bool(yes) => Some(Value::Bool(*yes)),
                atom => self.referred(module, atom, written.span, kind),
            },
            ParamType::Enum(keys) => {
                let atom = self.one(written, kind)?;
                let choices: Vec<String> = keys.iter().map(|key| key.node.to_string()).collect();
                self.key(module, &choices, atom, written.span, kind)
            }
        };
        let value = value?;
        let fits = match (&kind.node, &value) {
            (ParamType::Enum(keys), Value::Key(key)) => {
                keys.iter().any(|choice| choice.node.as_str() == key)
            }
            (ParamType::Bool, Value::Bool(_))
            | (ParamType::One(Element::Label), Value::Label(_) | Value::Key(_))
            | (ParamType::One(Element::Port), Value::Port(_))
            | (ParamType::One(Element::Date), Value::Date(_))
            | (ParamType::One(Element::Text), Value::Text(_) | Value::Label(_) | Value::Key(_)) => {
                true
            }
            _ => false,
        };
        if fits { Some(value) } else { self.bad_type(written.span, kind, value.kind()) }
    }

    /// The key of an enumeration: a word among its keys, or the value of a parameter.
    fn key(
        &mut self,
        module: ModuleId,
        choices: &[String],
        atom: &Atom,
        span: Span,
        kind: &Spanned<ParamType>,
    ) -> Option<Value> {
        let word = match atom {
            Atom::Operand(Operand::Reference(path)) if path.module.is_none() => {
                path.name.node.to_string()
            }
            Atom::Operand(Operand::Quoted(text)) => {
                let key = self.fill_narrow(module, text, span)?;
                if choices.contains(&key) {
                    return Some(Value::Key(key));
                }
                return self.refuse(not_a_key(&key, choices).at(span, "none of the keys"));
            }
            _ => return self.referred(module, atom, span, kind),
        };
        let declared = self.entries(module, &word);
        let is_value = declared
            .first()
            .filter(|entry| matches!(entry.thing, Thing::Param(_) | Thing::Table(_)));
        match (choices.contains(&word), is_value) {
            (true, None) => Some(Value::Key(word)),
            (true, Some(entry)) => {
                let found = Diagnostic::new(
                    Code::AMBIGUOUS_NAME,
                    format!("`{word}` is a key of the enumeration and {}", entry.thing.kind()),
                )
                .at(span, "which of them?")
                .also(entry.span, "declared here")
                .help(format!("write `\"{word}\"` for the key, or rename the other"));
                self.refuse(found)
            }
            (false, Some(_)) => self.referred(module, atom, span, kind),
            (false, None) => self.refuse(
                not_a_key(&word, choices).at(span, "none of the keys").also(kind.span, "its type"),
            ),
        }
    }

    /// The single value of `written`.
    fn one<'s>(
        &mut self,
        written: &'s Spanned<Set<Atom>>,
        kind: &Spanned<ParamType>,
    ) -> Option<&'s Atom> {
        match &written.node {
            Set::One(atom) => Some(atom),
            Set::Union(_) | Set::Intersection(_) | Set::Except { .. } => {
                self.bad_type(written.span, kind, "several values")
            }
        }
    }

    fn several(
        &mut self,
        module: ModuleId,
        element: Element,
        kind: &Spanned<ParamType>,
        written: &Spanned<Set<Atom>>,
        values: &mut Vec<Value>,
    ) -> Option<()> {
        match &written.node {
            Set::One(atom) => {
                match self.scalar(module, element, kind, atom, written.span)? {
                    Value::Several(more) => values.extend(more),
                    value => values.push(value),
                }
                Some(())
            }
            Set::Union(parts) => self.deeper(written.span, |this| {
                for part in parts {
                    this.several(module, element, kind, part, values)?;
                }
                Some(())
            }),
            Set::Intersection(_) | Set::Except { .. } => {
                self.bad_type(written.span, kind, "`and` or `except`")
            }
        }
    }

    fn scalar(
        &mut self,
        module: ModuleId,
        element: Element,
        kind: &Spanned<ParamType>,
        atom: &Atom,
        span: Span,
    ) -> Option<Value> {
        match (element, atom) {
            (Element::Label, Atom::Operand(Operand::Quoted(text))) => {
                let text = self.fill_narrow(module, text, span)?;
                match label(&text) {
                    Some(label) => Some(Value::Label(label)),
                    None => self.bad_type(span, kind, &format!("`{text}`")),
                }
            }
            (Element::Text, Atom::Operand(Operand::Quoted(text))) => {
                self.fill(module, text, span).map(Value::Text)
            }
            (Element::Port, Atom::Number(number)) => match u16::try_from(*number) {
                Ok(port) => Some(Value::Port(port)),
                Err(_) => self.bad_type(span, kind, &format!("`{number}`")),
            },
            (Element::Date, Atom::Date(date)) => Some(Value::Date(*date)),
            (_, atom) => self.referred(module, atom, span, kind),
        }
    }

    /// The value of the parameter or table that `atom` names.
    fn referred(
        &mut self,
        module: ModuleId,
        atom: &Atom,
        span: Span,
        kind: &Spanned<ParamType>,
    ) -> Option<Value> {
        let Atom::Operand(Operand::Reference(path)) = atom else {
            return self.bad_type(span, kind, "another kind of value");
        };
        if path.module.is_none()
            && self.entries(module, path.name.node.as_str()).is_empty()
            && matches!(
                kind.node,
                ParamType::One(Element::Label | Element::Text)
                    | ParamType::SetOf(Element::Label | Element::Text)
            )
        {
            let word = path.name.node.as_str();
            let found =
                Diagnostic::new(Code::UNKNOWN_NAME, format!("nothing is declared as `{word}`"))
                    .at(span, "not declared")
                    .help("put a value itself in quotes")
                    .fix(
                        "write it in quotes",
                        vec![crate::diagnostic::Edit::replace(span, format!("\"{word}\""))],
                    );
            return self.refuse(found);
        }
        let (within, entries) = self.look_up(module, path, span)?;
        let entry = *entries.first()?;
        match entry.thing {
            Thing::Param(_) | Thing::Table(_) => self.value(within, path.name.node.as_str(), span),
            other => self.bad_type(span, kind, other.kind()),
        }
    }

    /// The addresses or names that `written` stands for.
    fn ends_of(
        &mut self,
        module: ModuleId,
        written: &Spanned<Set<Atom>>,
        element: Element,
        kind: &Spanned<ParamType>,
    ) -> Option<Ends> {
        let ends = self.combine(written, &mut |this, atom, span| match atom {
            Atom::Operand(operand) => this.operand(module, operand, span),
            Atom::Number(_) | Atom::Date(_) | Atom::Bool(_) => {
                this.bad_type(span, kind, "another kind of value")
            }
        })?;
        let fits = match element {
            Element::Address => ends.is_addresses(),
            _ => ends.is_names(),
        };
        if fits { Some(ends) } else { self.bad_type(written.span, kind, ends.kind()) }
    }

    fn bad_type<T>(&mut self, span: Span, kind: &Spanned<ParamType>, found: &str) -> Option<T> {
        let expected = kind_in_words(&kind.node);
        let found = Diagnostic::new(Code::BAD_TYPE, format!("expected {expected}, found {found}"))
            .at(span, "does not fit")
            .also(kind.span, "the type");
        self.refuse(found)
    }
}

//! Sets of addresses and names: every operand looked up, every operator worked out.

use super::operand::Wanted;
use super::scope::ModuleId;
use super::scope::Resolution;
use super::value::Ends;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::flow::AddressSet;
use crate::intent::Destination;
use crate::intent::permission::Addresses;
use crate::syntax::ast::Operand;
use crate::syntax::ast::Set;

/// Works out one operand of a set.
type Leaf<'l, 'a, T> = &'l mut dyn FnMut(&mut Resolution<'a>, &T, Span) -> Option<Ends>;

impl<'a> Resolution<'a> {
    /// The sources of a permission or deny: addresses, `any` for all of them.
    pub(super) fn sources(
        &mut self,
        module: ModuleId,
        set: &Spanned<Set<Operand>>,
    ) -> Option<Addresses> {
        let mut parts = Vec::new();
        let mut written = Vec::new();
        for part in alternatives(set) {
            let ends = self.addresses_only(module, part);
            if ends.is_some() {
                written.push(self.words(part.span));
            }
            parts.push(ends);
        }
        let all: Ends = parts.into_iter().collect::<Option<_>>()?;
        Some(Addresses { set: all.addresses, written })
    }

    /// The destinations of a statement: all names together, all addresses together, and each that
    /// Azure alone can expand.
    pub(super) fn destinations(
        &mut self,
        module: ModuleId,
        set: &Spanned<Set<Operand>>,
    ) -> Option<Vec<Destination>> {
        let mut parts = Vec::new();
        let mut written = Vec::new();
        for part in alternatives(set) {
            let ends = self.ends(module, part);
            if ends.as_ref().is_some_and(|ends| !ends.addresses.is_empty()) {
                written.push(self.words(part.span));
            }
            parts.push(ends);
        }
        let all: Ends = parts.into_iter().collect::<Option<_>>()?;
        if all.any {
            return Some(vec![Destination::Any]);
        }
        let mut destinations = Vec::new();
        if !all.names.set.is_empty() {
            let Some(names) = all.names.names() else {
                let found = Diagnostic::new(
                    Code::NAMES_NOT_PATTERNS,
                    "these names are no list of hosts and wildcards, less another",
                )
                .at(set.span, "cannot be written as patterns")
                .help("write two permissions, or a deny for what is taken out");
                return self.refuse(found);
            };
            destinations.push(Destination::Names(names));
        }
        if !all.addresses.is_empty() {
            destinations.push(Destination::Addresses(Addresses { set: all.addresses, written }));
        }
        destinations.extend(all.others);
        Some(destinations)
    }

    /// The text of a part of the source, on one line.
    fn words(&self, span: Span) -> String {
        self.sources.text(span).split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A set that must hold addresses and nothing else; `any` is every address.
    pub(super) fn addresses_only(
        &mut self,
        module: ModuleId,
        set: &Spanned<Set<Operand>>,
    ) -> Option<Ends> {
        let ends = self.combine(set, &mut |this, operand, span| match operand {
            Operand::Any => Some(Ends::addresses(AddressSet::all())),
            operand => this.operand_of(module, operand, span, Wanted::Addresses),
        })?;
        if ends.is_addresses() {
            return Some(ends);
        }
        let found =
            Diagnostic::new(Code::WRONG_KIND, format!("expected addresses, found {}", ends.kind()))
                .at(set.span, "only addresses may stand here")
                .help("name a subnet, pool, prefix or set of addresses");
        self.refuse(found)
    }

    /// A set that must hold names and nothing else.
    pub(super) fn names_only(
        &mut self,
        module: ModuleId,
        set: &Spanned<Set<Operand>>,
    ) -> Option<Ends> {
        let ends = self.ends(module, set)?;
        if ends.is_names() {
            return Some(ends);
        }
        let found =
            Diagnostic::new(Code::WRONG_KIND, format!("expected names, found {}", ends.kind()))
                .at(set.span, "only names may stand here")
                .help("declare addresses with `addresses NAME = …`");
        self.refuse(found)
    }

    /// A set of anything that may be a destination.
    pub(super) fn ends(&mut self, module: ModuleId, set: &Spanned<Set<Operand>>) -> Option<Ends> {
        self.combine(set, &mut |this, operand, span| this.operand(module, operand, span))
    }

    /// Works the operators out over what `leaf` makes of the operands.
    pub(super) fn combine<T>(
        &mut self,
        set: &Spanned<Set<T>>,
        leaf: Leaf<'_, 'a, T>,
    ) -> Option<Ends> {
        match &set.node {
            Set::One(operand) => leaf(self, operand, set.span),
            Set::Union(parts) => self.deeper(set.span, |this| this.united(parts, leaf)),
            Set::Intersection(parts) => self.deeper(set.span, |this| {
                let mut both: Option<Ends> = None;
                for part in parts {
                    let ends = this.combine(part, leaf)?;
                    this.fit_operator(&ends, part.span, "and")?;
                    both = Some(match both {
                        Some(both) => both.intersection(ends),
                        None => ends,
                    });
                }
                this.not_empty(both?, set.span)
            }),
            Set::Except { base, without } => self.deeper(set.span, |this| {
                let base = this.combine(base, leaf)?;
                let taken = this.united(without, leaf)?;
                this.fit_operator(&base, set.span, "except")?;
                this.fit_operator(&taken, set.span, "except")?;
                let left_over = !taken.addresses.is_empty() && base.addresses.is_empty()
                    || !taken.names.set.is_empty() && base.names.set.is_empty();
                if left_over {
                    let found = Diagnostic::new(
                        Code::MIXED_KINDS,
                        format!("cannot take {} out of {}", taken.kind(), base.kind()),
                    )
                    .at(set.span, "nothing of one kind lies in the other");
                    return this.refuse(found);
                }
                this.not_empty(base.difference(&taken), set.span)
            }),
        }
    }

    fn united<T>(&mut self, parts: &[Spanned<Set<T>>], leaf: Leaf<'_, 'a, T>) -> Option<Ends> {
        // Every part is asked, so that the mistakes of all of them are found.
        let asked: Vec<Option<Ends>> = parts.iter().map(|part| self.combine(part, leaf)).collect();
        asked.into_iter().collect()
    }

    /// What Azure alone can expand has no known elements to keep or take out.
    fn fit_operator(&mut self, ends: &Ends, span: Span, operator: &str) -> Option<()> {
        if !ends.any && ends.others.is_empty() {
            return Some(());
        }
        let found = Diagnostic::new(
            Code::MIXED_KINDS,
            format!(
                "`{operator}` needs addresses or names that are known here, found {}",
                ends.kind()
            ),
        )
        .at(span, "its elements are not known here")
        .help("write a permission and a deny in place of the operator");
        self.refuse(found)
    }

    fn not_empty(&mut self, ends: Ends, span: Span) -> Option<Ends> {
        if !ends.is_empty() {
            return Some(ends);
        }
        let found = Diagnostic::new(Code::EMPTY_SET, "nothing is left in this set")
            .at(span, "empty")
            .help("leave out what takes everything away, or the whole statement");
        self.refuse(found)
    }
}

/// The alternatives of a list; the whole, where there is no list.
fn alternatives<T>(set: &Spanned<Set<T>>) -> Vec<&Spanned<Set<T>>> {
    match &set.node {
        Set::Union(parts) => parts.iter().collect(),
        Set::One(_) | Set::Intersection(_) | Set::Except { .. } => vec![set],
    }
}

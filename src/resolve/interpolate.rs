//! Holes `${…}` in quoted texts.

use super::scope::ModuleId;
use super::scope::Resolution;
use super::scope::Thing;
use super::value::Value;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::syntax::ast::Ident;
use crate::syntax::ast::Text;
use crate::syntax::ast::TextPart;

/// The longest text after its holes are filled, in bytes: a text within texts doubles quickly.
const MAX_FILLED: usize = 16 * 1024;

/// What may stand in a hole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fits {
    /// Any single value: the text is read by people.
    Any,
    /// What holds no dot, star, slash or space, since the text is a host, an address or a name: a
    /// parameter must not change its shape.
    Narrow,
}

impl Resolution<'_> {
    /// A text for people, such as a reason.
    pub(super) fn fill(&mut self, module: ModuleId, text: &Text, span: Span) -> Option<String> {
        self.filled(module, text, span, Fits::Any)
    }

    /// A text that the program or Azure reads, such as a host, an address or a name.
    pub(super) fn fill_narrow(
        &mut self,
        module: ModuleId,
        text: &Text,
        span: Span,
    ) -> Option<String> {
        self.filled(module, text, span, Fits::Narrow)
    }

    fn filled(&mut self, module: ModuleId, text: &Text, span: Span, fits: Fits) -> Option<String> {
        let mut filled = Some(String::new());
        for part in text.parts() {
            let piece = match part {
                TextPart::Literal(text) => Some(text.clone()),
                TextPart::Hole(name) => self.hole(module, name, fits),
            };
            filled = filled.zip(piece).map(|(filled, piece)| filled + &piece);
            if filled.as_ref().is_some_and(|filled| filled.len() > MAX_FILLED) {
                let found = Diagnostic::new(
                    Code::DEFINED_TOO_DEEPLY,
                    format!("a text is longer than {MAX_FILLED} bytes after its holes are filled"),
                )
                .at(span, "too long");
                return self.refuse(found);
            }
        }
        filled
    }

    fn hole(&mut self, module: ModuleId, name: &Spanned<Ident>, fits: Fits) -> Option<String> {
        let path = crate::syntax::ast::Path { module: None, name: name.clone() };
        let (within, entries) = self.look_up(module, &path, name.span)?;
        let entry = *entries.first()?;
        if !matches!(entry.thing, Thing::Param(_) | Thing::Table(_)) {
            let found = Diagnostic::new(
                Code::WRONG_KIND,
                format!("expected a parameter or table in a hole, found {}", entry.thing.kind()),
            )
            .at(name.span, "cannot fill a hole")
            .also(entry.span, "declared here");
            return self.refuse(found);
        }
        let value = self.value(within, name.node.as_str(), name.span)?;
        let (text, narrow) = match &value {
            Value::Label(text) | Value::Key(text) => (text.clone(), true),
            Value::Port(port) => (port.to_string(), true),
            Value::Text(text) => (text.clone(), false),
            Value::Date(date) => (date.to_string(), false),
            Value::Bool(yes) => (yes.to_string(), false),
            Value::Several(_) | Value::Ends(_) | Value::Services(_) => {
                let found = Diagnostic::new(
                    Code::BAD_FILLING,
                    format!("expected a single value in a hole, found {}", value.kind()),
                )
                .at(name.span, "a set fills no hole")
                .also(entry.span, "declared here")
                .help("name the set in place of the text");
                return self.refuse(found);
            }
        };
        if fits == Fits::Any || narrow {
            return Some(text);
        }
        let found = Diagnostic::new(
            Code::BAD_FILLING,
            format!("expected a label, port or key in this hole, found {}", value.kind()),
        )
        .at(name.span, "could change more than its place")
        .also(entry.span, "declared here")
        .note("in a host, address or name a hole is filled by what can hold no dot, star or space")
        .help(format!("declare `{}` as `label`", name.node));
        self.refuse(found)
    }
}

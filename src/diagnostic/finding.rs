//! Diagnostics as values.

use super::code::Code;
use super::code::Severity;
use super::span::FileId;
use super::span::Span;

/// What is to be said about a place in the source, by whichever stage found it.
///
/// Style: lower case, no final stop, what the user wrote in backticks, *expected X, found Y*; the
/// help is in the imperative and says what to do. The texts may hold control characters of the
/// user's; [`render`](super::render) escapes them, and so must every other printer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostic {
    code: Code,
    severity: Severity,
    headline: String,
    primary: Option<Label>,
    secondary: Vec<Label>,
    notes: Vec<String>,
    help: Option<String>,
    fix: Option<Fix>,
}

/// A place, and what is said there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is said about it; may be empty.
    pub text: String,
}

/// A change of the source that answers the diagnostic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fix {
    /// What the change does, in the imperative.
    pub title: String,
    /// The changes, in the order of their places; they do not overlap.
    pub edits: Vec<Edit>,
}

/// Text to put in place of other text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Edit {
    /// What is taken out; empty for an insertion.
    pub span: Span,
    /// What is put in.
    pub replacement: String,
}

impl Diagnostic {
    /// A finding under `code`, at the level the registry gives it. The headline must suffice alone.
    pub fn new(code: Code, headline: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: code.level(),
            headline: headline.into(),
            primary: None,
            secondary: Vec::new(),
            notes: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// Says where it is, and what is wrong there.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    /// Points at another party to it.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Adds what the reader should know.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Says what to do, in the imperative.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// Offers the change that mends it; `title` in the imperative.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, edits: Vec<Edit>) -> Diagnostic {
        self.fix = Some(Fix { title: title.into(), edits });
        self
    }

    /// The same finding at another level, as when it is about imported text.
    #[must_use]
    pub fn graded(mut self, severity: Severity) -> Diagnostic {
        self.severity = severity;
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// How much it matters here.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The one sentence that suffices alone.
    pub fn headline(&self) -> &str {
        &self.headline
    }

    /// Where it is; nothing if it is about the whole.
    pub fn primary(&self) -> Option<&Label> {
        self.primary.as_ref()
    }

    /// The other places it speaks of.
    pub fn secondary(&self) -> &[Label] {
        &self.secondary
    }

    /// What the reader should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What to do.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The change that mends it.
    pub fn fix_offered(&self) -> Option<&Fix> {
        self.fix.as_ref()
    }

    /// Sorts findings as a reader meets them: by file, place and code.
    pub fn reading_order(&self) -> (FileId, u32, Code) {
        let span = self.primary.as_ref().map_or(Span::NONE, |label| label.span);
        (span.file, span.start, self.code)
    }
}

impl Edit {
    /// Puts `replacement` in place of `span`.
    pub fn replace(span: Span, replacement: impl Into<String>) -> Edit {
        Edit { span, replacement: replacement.into() }
    }

    /// Puts `text` before the first byte of `span`.
    pub fn insert_before(span: Span, text: impl Into<String>) -> Edit {
        Edit::replace(span.before(), text)
    }

    /// Puts `text` after the last byte of `span`.
    pub fn insert_after(span: Span, text: impl Into<String>) -> Edit {
        Edit::replace(span.after(), text)
    }

    /// Takes `span` out.
    pub fn remove(span: Span) -> Edit {
        Edit::replace(span, "")
    }
}

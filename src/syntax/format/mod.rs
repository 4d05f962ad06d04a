//! A tree to text.
//!
//! Layout comes from the tree alone; comments stay before, inside or behind what they stood at.
//! What is written is read again and compared: a difference is an error of the program, and the
//! user's file is left as it was.

mod block;
mod flat;
mod page;
mod rule;
mod sentence;
mod topology;

use thiserror::Error;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::FileId;

use super::ast::Ast;
use super::parse::parse;

use page::Page;

/// Why a tree was not written.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FormatError {
    /// The text cannot be read again: the tree is of a file with mistakes, or was made with a name
    /// that is none.
    #[error("internal error: formatted text cannot be read again: {}", .0.headline())]
    Unreadable(Box<Diagnostic>),
    /// The text reads as another tree.
    #[error("internal error: formatting would change the meaning; the file is left as it is")]
    Changed,
}

/// Writes a tree in the one style: two spaces a level, lines of at most 100 columns where a list
/// can be broken, clauses in the order of [`Clauses`](super::ast::Clauses), one empty line between
/// sentences that are longer than a line or of different kinds.
///
/// The laws: the text reads as an equal tree with the same comments, and formatting it again
/// changes nothing.
///
/// # Errors
///
/// If the text would not read as the same tree, which is so for the tree of a file with mistakes.
pub fn format(ast: &Ast) -> Result<String, FormatError> {
    let mut page = Page::new(&ast.comments);
    sentence::file(&mut page, ast);
    let text = page.into_text();
    let (again, findings) = parse(FileId::NONE, &text);
    if let Some(found) = findings.into_iter().next() {
        return Err(FormatError::Unreadable(Box::new(found)));
    }
    if again == *ast { Ok(text) } else { Err(FormatError::Changed) }
}

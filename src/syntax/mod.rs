//! Source text to a tree, and back.
//!
//! In: the text of one file. Out: an [`Ast`](ast::Ast) of what could be read, and a diagnostic for
//! each mistake; parsing never fails. The formatter writes a tree as text that reads as the same
//! tree.
//!
//! Nothing is looked up here: no other file, no name, no environment. The stage names only
//! `diagnostic`. The grammar is `docs/language.md`; each production stands above its function in
//! `parse/`.

pub mod ast;
mod format;
mod lexer;
mod parse;
mod trivia;

pub use format::FormatError;
pub use format::format;
pub use parse::is_reserved;
pub use parse::parse;
pub use trivia::Comment;
pub use trivia::Comments;
pub use trivia::Place;

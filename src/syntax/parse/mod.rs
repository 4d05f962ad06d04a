//! Tokens to a tree.
//!
//! A production that meets something it cannot use fails with what it expected, and where; the
//! enclosing block records that and goes on at the next sentence or setting that starts a line
//! ([`recover`]). Mistakes that leave no doubt about what was meant are reported and read as meant.

mod address;
mod check;
mod clause;
mod firewall;
mod input;
mod item;
mod module;
mod network;
mod policy;
mod recover;
mod reserved;
mod rule;
mod service;
mod set;
mod setting;
mod subnet;
mod text;
mod value;
mod word;

pub use reserved::is_reserved;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::FileId;
use crate::diagnostic::MAX_SOURCE_BYTES;
use crate::diagnostic::Span;

use super::ast::Ast;
use super::lexer::Token;
use super::lexer::TokenKind;
use super::lexer::lex;

use input::Session;
use input::Tokens;

/// Reads the text of `file`. The tree holds every sentence that could be read; it is whole if no
/// diagnostic is an error.
///
/// An empty text is an empty tree. Text longer than [`MAX_SOURCE_BYTES`] is not read.
pub fn parse(file: FileId, text: &str) -> (Ast, Vec<Diagnostic>) {
    if text.len() > MAX_SOURCE_BYTES {
        let found = Diagnostic::new(
            Code::FILE_TOO_LARGE,
            format!("expected at most {MAX_SOURCE_BYTES} bytes in a file, found {}", text.len()),
        )
        .at(Span::new(file, 0, 0), "")
        .help("split the file and import the parts");
        return (Ast::default(), vec![found]);
    }
    let (tokens, comments) = lex(file, text);
    let session = Session::new(file, text);
    let tokens = without_stray_docs(tokens, &session);
    let (version, statements) = item::file(Tokens::new(&tokens, &session));
    (Ast { version, statements, comments }, session.into_findings())
}

/// Takes out the `///` lines that stand before no sentence, and reports them.
fn without_stray_docs<'s>(tokens: Vec<Token<'s>>, session: &Session) -> Vec<Token<'s>> {
    let mut describes = false;
    let mut kept: Vec<Token<'s>> = Vec::with_capacity(tokens.len());
    let mut strays = Vec::new();
    for token in tokens.into_iter().rev() {
        if token.kind == TokenKind::Doc {
            if !describes {
                strays.push(token);
                continue;
            }
        } else {
            describes = token.starts_line && item::is_statement_word(&token);
        }
        kept.push(token);
    }
    for stray in strays.into_iter().rev() {
        session.report(
            Diagnostic::new(
                Code::DOC_NOT_HERE,
                "a `///` comment describes the sentence after it, and none follows",
            )
            .at(stray.span, "describes nothing")
            .help("write `//`, or move it before a sentence"),
        );
    }
    kept.reverse();
    kept
}

//! Characters to tokens.
//!
//! ```text
//! file      = [ BOM ] { white | comment | token }
//! comment   = "//" { any character but a line feed }
//! doc       = "///" { any character but a line feed }
//! token     = doc | quoted | bracketed | url | word | symbol
//! quoted    = '"' { character | "\" character } '"'          on one line
//! bracketed = "[" { character } "]"                          on one line
//! url       = word "://" { character but white, "," "{" "}" "(" ")" and quotes }
//! word      = wordchar { wordchar }
//! wordchar  = letter | digit | "." | "_" | "*" | "-" unless ">" follows
//! symbol    = "->" | "=>" | "::" | one other character
//! ```
//!
//! Every text has tokens: a character that means nothing is a symbol that no production wants.

use nom::IResult;
use nom::Input as _;
use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::bytes::complete::take_till;
use nom::bytes::complete::take_while;
use nom::bytes::complete::take_while1;
use nom::character::complete::anychar;
use nom::character::complete::char;
use nom::character::complete::none_of;
use nom::character::complete::satisfy;
use nom::combinator::not;
use nom::combinator::opt;
use nom::combinator::recognize;
use nom::combinator::value;
use nom::multi::many0_count;
use nom::multi::many1_count;
use nom::sequence::preceded;
use nom::sequence::terminated;
use nom_locate::LocatedSpan;

use crate::diagnostic::FileId;
use crate::diagnostic::Span;

use super::trivia::Comment;
use super::trivia::Comments;
use super::trivia::Place;

/// Text with its place in the file.
type Source<'s> = LocatedSpan<&'s str>;

/// A token: a stretch of the text, and what it looks like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
    pub(super) kind: TokenKind,
    pub(super) text: &'s str,
    pub(super) span: Span,
    /// Whether it is the first on its line.
    pub(super) starts_line: bool,
    /// Whether white space stands before it.
    pub(super) indented: bool,
}

/// What a token looks like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TokenKind {
    Word,
    Quoted,
    /// A quote without its partner; reaches to the end of the line.
    Unclosed,
    Bracketed,
    Url,
    Doc,
    BraceOpen,
    BraceClose,
    ParenOpen,
    ParenClose,
    Comma,
    Colon,
    DoubleColon,
    Equals,
    Slash,
    Arrow,
    FatArrow,
    Other,
}

/// The tokens and comments of a text.
pub(super) fn lex(file: FileId, text: &str) -> (Vec<Token<'_>>, Comments) {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut comments: Vec<Comment> = Vec::new();
    let mut starts_line = true;
    let mut source = match text.strip_prefix('\u{feff}') {
        Some(_) => Source::new(text).take_from('\u{feff}'.len_utf8()),
        None => Source::new(text),
    };
    loop {
        let (rest, gap) = white(source);
        let line_feeds = gap.fragment().bytes().filter(|byte| *byte == b'\n').count();
        starts_line |= line_feeds > 0;
        let Ok((after, (kind, piece))) = piece(rest) else { break };
        if line_feeds > 1
            && let Some(comment) = comments.last_mut()
            && comment.span.end as usize == source.location_offset()
        {
            comment.blank_after = true;
        }
        let start = piece.location_offset();
        let span = Span::new(file, start, start + piece.fragment().len());
        match kind {
            Piece::Comment => {
                let place = if starts_line { Place::OwnLine } else { place_behind(&tokens) };
                let text = piece.fragment().strip_prefix("//").unwrap_or_default().trim_end();
                comments.push(Comment { text: text.to_owned(), span, place, blank_after: false });
            }
            Piece::Token(kind) => {
                let indented = gap.fragment().ends_with([' ', '\t']);
                tokens.push(Token { kind, text: piece.fragment(), span, starts_line, indented });
                starts_line = false;
            }
        }
        source = after;
    }
    (tokens, Comments::new(comments))
}

/// What a comment stands behind, if tokens are before it on its line.
fn place_behind(tokens: &[Token<'_>]) -> Place {
    let mut before = tokens.iter().rev();
    let last = before.next();
    let anchor = match last {
        Some(token) if token.kind == TokenKind::Comma => before.next(),
        other => other,
    };
    match anchor {
        Some(token) if matches!(token.kind, TokenKind::BraceOpen | TokenKind::ParenOpen) => {
            Place::OwnLine
        }
        Some(token) => Place::Behind(token.span.end),
        None => Place::OwnLine,
    }
}

/// What the lexer finds between white space.
#[derive(Clone, Copy)]
enum Piece {
    Comment,
    Token(TokenKind),
}

fn white(source: Source<'_>) -> (Source<'_>, Source<'_>) {
    let length = source.fragment().len() - source.fragment().trim_start().len();
    source.take_split(length)
}

fn piece(source: Source<'_>) -> IResult<Source<'_>, (Piece, Source<'_>), ()> {
    let (rest, kind) = alt((doc, comment, quoted, bracketed, word, symbol)).parse(source)?;
    Ok((rest, (kind, source.take(rest.location_offset() - source.location_offset()))))
}

fn doc(source: Source<'_>) -> IResult<Source<'_>, Piece, ()> {
    let start = (tag("///"), not(char('/')));
    value(Piece::Token(TokenKind::Doc), (start, line_rest)).parse(source)
}

fn comment(source: Source<'_>) -> IResult<Source<'_>, Piece, ()> {
    value(Piece::Comment, (tag("//"), line_rest)).parse(source)
}

/// Up to the line feed, or to the carriage return before it.
fn line_rest(source: Source<'_>) -> IResult<Source<'_>, Source<'_>, ()> {
    take_till(|c| c == '\n' || c == '\r').parse(source)
}

fn quoted(source: Source<'_>) -> IResult<Source<'_>, Piece, ()> {
    let escape = preceded(char('\\'), none_of("\n\r"));
    let inside = many0_count(alt((none_of("\"\\\n\r"), escape)));
    let (rest, closed) = preceded((char('"'), inside), opt(char('"'))).parse(source)?;
    if closed.is_some() {
        return Ok((rest, Piece::Token(TokenKind::Quoted)));
    }
    let (rest, _) = line_rest(rest)?;
    Ok((rest, Piece::Token(TokenKind::Unclosed)))
}

fn bracketed(source: Source<'_>) -> IResult<Source<'_>, Piece, ()> {
    let inside = take_while1(|c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '%'));
    value(Piece::Token(TokenKind::Bracketed), (char('['), inside, char(']'))).parse(source)
}

fn word(source: Source<'_>) -> IResult<Source<'_>, Piece, ()> {
    let dash = terminated(char('-'), not(char('>')));
    let letter = satisfy(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '*'));
    let (rest, _) = many1_count(alt((letter, dash))).parse(source)?;
    let url_rest =
        take_while(|c: char| !c.is_whitespace() && !matches!(c, ',' | '{' | '}' | '(' | ')' | '"'));
    let (rest, url) = opt(recognize((tag("://"), url_rest))).parse(rest)?;
    let kind = if url.is_some() { TokenKind::Url } else { TokenKind::Word };
    Ok((rest, Piece::Token(kind)))
}

fn symbol(source: Source<'_>) -> IResult<Source<'_>, Piece, ()> {
    alt((
        value(Piece::Token(TokenKind::Arrow), tag("->")),
        value(Piece::Token(TokenKind::FatArrow), tag("=>")),
        value(Piece::Token(TokenKind::DoubleColon), tag("::")),
        value(Piece::Token(TokenKind::BraceOpen), char('{')),
        value(Piece::Token(TokenKind::BraceClose), char('}')),
        value(Piece::Token(TokenKind::ParenOpen), char('(')),
        value(Piece::Token(TokenKind::ParenClose), char(')')),
        value(Piece::Token(TokenKind::Comma), char(',')),
        value(Piece::Token(TokenKind::Colon), char(':')),
        value(Piece::Token(TokenKind::Equals), char('=')),
        value(Piece::Token(TokenKind::Slash), char('/')),
        value(Piece::Token(TokenKind::Other), anychar),
    ))
    .parse(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(TokenKind, &str)]) {
        let (tokens, _) = lex(FileId::NONE, text);
        let found: Vec<(TokenKind, &str)> =
            tokens.iter().map(|token| (token.kind, token.text)).collect();
        assert_eq!(found, expected, "in {text:?}");
    }

    #[test]
    fn a_dash_before_an_angle_bracket_ends_a_word() {
        check(
            "a-b->c",
            &[(TokenKind::Word, "a-b"), (TokenKind::Arrow, "->"), (TokenKind::Word, "c")],
        );
    }

    #[test]
    fn host_characters_and_stars_are_one_word() {
        check("a.*.b", &[(TokenKind::Word, "a.*.b")]);
    }

    #[test]
    fn a_url_is_one_token_and_no_comment() {
        check(
            "https://a.b/c?d=e, f",
            &[
                (TokenKind::Url, "https://a.b/c?d=e"),
                (TokenKind::Comma, ","),
                (TokenKind::Word, "f"),
            ],
        );
    }

    #[test]
    fn a_quote_without_partner_ends_with_its_line() {
        check("\"a\\\" b\r\nc", &[(TokenKind::Unclosed, "\"a\\\" b"), (TokenKind::Word, "c")]);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let (tokens, _) = lex(FileId::NONE, "\u{feff}a");
        assert_eq!(tokens[0].span.range(), 3..4);
        assert!(tokens[0].starts_line);
    }

    #[test]
    fn comments_know_what_they_stand_behind() {
        let (_, comments) = lex(FileId::NONE, "// one\n\na, // two\n{ // three\n");
        let found: Vec<(&str, Place, bool)> = comments
            .iter()
            .map(|comment| (comment.text.as_str(), comment.place, comment.blank_after))
            .collect();
        assert_eq!(
            found,
            [
                (" one", Place::OwnLine, true),
                (" two", Place::Behind(9), false),
                (" three", Place::OwnLine, false),
            ]
        );
    }
}

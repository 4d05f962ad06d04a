//! What holds for every text.

use proptest::prelude::*;

use exeat::diagnostic::FileId;
use exeat::syntax;
use exeat::syntax::Place;
use exeat::syntax::ast::Ast;

use super::cases::cases;
use super::drawn;
use super::generate;
use super::parse;

/// The tree of a text without mistakes.
fn tree(text: &str) -> Ast {
    let (ast, findings, map) = parse("law.egress", text);
    assert!(findings.is_empty(), "{}in\n{text}", drawn(&findings, &map));
    ast
}

/// `text` with comments at some of the places where white space stands.
fn with_comments(text: &str, places: &[(prop::sample::Index, bool)]) -> String {
    let mut quoted = false;
    let mut escaped = false;
    let mut described = false;
    let mut spaces = Vec::new();
    for (at, c) in text.char_indices() {
        let line_start = at == 0 || text.as_bytes()[at - 1] == b'\n';
        described = if line_start { text[at..].starts_with("///") } else { described };
        match c {
            '"' if !described && !escaped => quoted = !quoted,
            ' ' | '\n' if !described && !quoted => spaces.push(at),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    let mut chosen: Vec<(usize, usize, bool)> = places
        .iter()
        .enumerate()
        .map(|(number, (index, own))| (*index.get(&spaces), number, *own))
        .collect();
    chosen.sort_unstable();
    let mut commented = text.to_owned();
    for (at, number, own_line) in chosen.into_iter().rev() {
        let before = if own_line { "\n\n" } else { " " };
        commented.insert_str(at, &format!("{before}// c{number}\n"));
    }
    commented
}

/// Each comment, and the number of the sentence it stands in, behind or before.
fn places(ast: &Ast) -> Vec<(String, usize)> {
    let ends: Vec<u32> = ast.statements.iter().map(|statement| statement.kind.span.end).collect();
    let mut places = Vec::new();
    for comment in ast.comments.iter() {
        let at = match comment.place {
            Place::OwnLine => comment.span.start,
            Place::Behind(end) => end.saturating_sub(1),
        };
        places.push((comment.text.clone(), ends.partition_point(|end| *end <= at)));
    }
    places.sort();
    places
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn what_is_written_reads_as_the_same_tree(text in generate::file()) {
        let ast = tree(&text);
        let written = syntax::format(&ast).expect("a tree without mistakes");
        prop_assert_eq!(&tree(&written), &ast);
        prop_assert_eq!(syntax::format(&tree(&written)).expect("formatted text"), written);
    }

    #[test]
    fn comments_are_kept_before_the_same_sentence(
        text in generate::file(),
        indices in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..8),
    ) {
        let commented = with_comments(&text, &indices);
        let ast = tree(&commented);
        prop_assert_eq!(&ast.statements, &tree(&text).statements);
        let written = syntax::format(&ast).expect("a tree without mistakes");
        let again = tree(&written);
        prop_assert_eq!(&again, &ast);
        prop_assert_eq!(places(&again), places(&ast), "\n{}\nbecame\n{}", commented, written);
        prop_assert_eq!(syntax::format(&again).expect("formatted text"), written);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let (_, findings, map) = parse("any.egress", &text);
        drawn(&findings, &map);
    }

    /// Damage to good text: what is cut out and put in again elsewhere.
    #[test]
    fn no_damage_makes_the_parser_panic(
        text in generate::file(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, "[{}()\",:=\\-> \\n/a-z]{0,4}"), 1..6),
    ) {
        let mut damaged: Vec<char> = text.chars().collect();
        for (index, length, put) in cuts {
            let start = index.index(damaged.len() + 1);
            let end = (start + length).min(damaged.len());
            damaged.splice(start..end, put.chars());
        }
        let damaged: String = damaged.into_iter().collect();
        let (ast, findings, map) = parse("damaged.egress", &damaged);
        let drawing = drawn(&findings, &map);
        // Either something is said, or the text is as good as any other.
        prop_assert!(!findings.is_empty() || syntax::format(&ast).is_ok(), "{}", drawing);
        for found in &findings {
            let span = found.primary().expect("a place").span;
            prop_assert!(span.end as usize <= damaged.len());
        }
    }
}

#[test]
fn deep_and_long_nonsense_is_refused_in_linear_time() {
    let many = 200_000;
    let texts = [
        format!("language 1\nnames a = {}", "(".repeat(many)),
        format!("language 1\n{}", "when a is b {\n".repeat(many)),
        format!("language 1\n{}", "network n { vnet v 10.0.0.0/8 { ".repeat(many)),
        format!("language 1\n{}", "ordered { allow ".repeat(many)),
        format!("language 1\npolicy p {}", "{".repeat(many)),
        format!("language 1\n{}", "}".repeat(many)),
        format!("language 1\nnames a = {}b.c", "b.c, ".repeat(many)),
        format!("language 1\ncontext \"{}", "\\".repeat(many)),
        format!("language 1\ncontext \"{}\"", "${".repeat(many)),
        "\"".repeat(many),
        "///\n".repeat(many),
        "*".repeat(many),
    ];
    for text in texts {
        let (_, findings) = syntax::parse(FileId::NONE, &text);
        assert!(findings.len() <= 101);
    }
}

//! What the language takes and refuses, how it is written, and what its mistakes look like.
#![cfg(test)]

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use exeat::diagnostic::Code;
use exeat::diagnostic::Diagnostic;
use exeat::diagnostic::SourceMap;
use exeat::diagnostic::render;
use exeat::syntax;
use exeat::syntax::ast::Ast;

#[path = "support/cases.rs"]
mod cases;
#[path = "language/generate.rs"]
mod generate;
#[path = "language/laws.rs"]
mod laws;

/// `BLESS=1 cargo test --test language` writes what is expected anew, to be read in the diff.
const BLESS: bool = option_env!("BLESS").is_some();

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language").join(name)
}

/// The `.egress` files of a folder, sorted.
fn sources(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(name)).expect("the folder of cases");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a case").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "egress"));
    files.sort();
    assert!(!files.is_empty(), "no cases in {name}");
    files
}

/// Reads `text` as a file called `name`.
fn parse(name: &str, text: &str) -> (Ast, Vec<Diagnostic>, SourceMap) {
    let mut map = SourceMap::new();
    let file = map.add(name, text.to_owned()).expect("a small file");
    let (ast, findings) = syntax::parse(file, text);
    (ast, findings, map)
}

fn drawn(findings: &[Diagnostic], map: &SourceMap) -> String {
    findings
        .iter()
        .map(|found| render::draw(found, map, render::Style::Plain))
        .collect::<Vec<_>>()
        .join("\n")
}

#[track_caller]
fn check_file(path: &Path, found: &str) {
    if BLESS {
        fs::write(path, found).expect("a file that can be written");
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{} differs", path.display());
}

/// A case stands as `fmt` writes it, or has its formatted text beside it.
#[test]
fn good_files_are_read_and_written_as_expected() {
    for path in sources("ok") {
        let text = fs::read_to_string(&path).expect("a case");
        let (ast, findings, map) = parse("case.egress", &text);
        assert!(findings.is_empty(), "{}:\n{}", path.display(), drawn(&findings, &map));
        let formatted =
            syntax::format(&ast).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let beside = path.with_extension("formatted");
        if BLESS && formatted != text || beside.exists() {
            check_file(&beside, &formatted);
        } else {
            assert_eq!(formatted, text, "{} is not formatted", path.display());
        }
        let (again, _, _) = parse("again.egress", &formatted);
        assert_eq!(
            syntax::format(&again).expect("formatted text"),
            formatted,
            "{}",
            path.display()
        );
    }
}

/// Each bad file has its drawn diagnostics beside it.
#[test]
fn mistakes_are_drawn_as_expected() {
    for path in sources("err") {
        let text = fs::read_to_string(&path).expect("a case");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (_, findings, map) = parse(&name, &text);
        assert!(!findings.is_empty(), "{} has no mistake", path.display());
        check_file(&path.with_extension("txt"), &drawn(&findings, &map));
    }
}

#[test]
fn every_code_of_the_parser_has_a_case() {
    let mut seen = Vec::new();
    for path in sources("err") {
        let text = fs::read_to_string(&path).expect("a case");
        seen.extend(parse("case.egress", &text).1.iter().map(Diagnostic::code));
    }
    let syntax = Code::ALL.iter().filter(|code| code.id().starts_with("E01"));
    let missing: Vec<&Code> = syntax.filter(|code| !seen.contains(code)).collect();
    assert!(missing.is_empty(), "no case in tests/language/err for {missing:?}");
}

/// Applying the edits a diagnostic offers removes it.
#[test]
fn offered_edits_mend_what_they_are_offered_for() {
    for path in sources("err") {
        let text = fs::read_to_string(&path).expect("a case");
        let (_, findings, _) = parse("case.egress", &text);
        for found in &findings {
            let Some(fix) = found.fix_offered() else { continue };
            let mut mended = text.clone();
            for edit in fix.edits.iter().rev() {
                mended.replace_range(edit.span.range(), &edit.replacement);
            }
            let count = |findings: &[Diagnostic]| {
                findings.iter().filter(|other| other.code() == found.code()).count()
            };
            let (_, left, _) = parse("mended.egress", &mended);
            assert!(
                count(&left) < count(&findings),
                "{}: {} is still there in\n{mended}",
                path.display(),
                found.code()
            );
        }
    }
}

#[test]
fn an_empty_file_is_an_empty_tree() {
    for text in ["", "\n\n", "\u{feff}", "\t \r\n"] {
        let (ast, findings, _) = parse("empty.egress", text);
        assert_eq!(ast, Ast::default());
        assert!(findings.is_empty());
    }
}

#[test]
fn byte_order_marks_tabs_and_carriage_returns_change_nothing() {
    let text = fs::read_to_string(folder("ok/as_written.egress")).expect("the case");
    let odd = format!("\u{feff}{}", text.replace("  ", "\t").replace('\n', "\r\n"));
    let (ast, findings, map) = parse("odd.egress", &odd);
    assert!(findings.is_empty(), "{}", drawn(&findings, &map));
    assert_eq!(ast.statements, parse("even.egress", &text).0.statements);
}

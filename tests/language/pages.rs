//! The pages of the codes: `docs/codes/E0101.md` and its like.
//!
//! A page holds blocks fenced as `egress`. The first gives exactly the page's code; one fenced as
//! `egress fix` is the corrected text and gives no finding. Behind `egress` may stand `times N`: the
//! last line is repeated to stand there N times; and `among others`: other codes are given too.
//! Pages of codes that only later stages give are checked by the tests of those stages.

use std::fs;
use std::path::Path;

use exeat::diagnostic::Code;
use exeat::diagnostic::Diagnostic;

use super::parse;

/// A fenced block: the words behind `egress`, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```egress") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((info.trim().to_owned(), body.join("\n") + "\n"));
        }
    }
    blocks
}

/// The text with its last line as often as the info says.
fn repeated(info: &str, text: &str) -> String {
    let times = info.split(',').find_map(|part| part.trim().strip_prefix("times "));
    let Some(times) = times else { return text.to_owned() };
    let times: usize = times.parse().expect("a number behind `times`");
    let (head, last) = text.trim_end().rsplit_once('\n').expect("more than one line");
    format!("{head}\n{}", format!("{last}\n").repeat(times))
}

fn codes_of(text: &str) -> Vec<Code> {
    if text.len() > exeat::diagnostic::MAX_SOURCE_BYTES {
        let (_, findings) = exeat::syntax::parse(exeat::diagnostic::FileId::NONE, text);
        return findings.iter().map(Diagnostic::code).collect();
    }
    parse("page.egress", text).1.iter().map(Diagnostic::code).collect()
}

#[test]
fn the_examples_of_a_page_give_its_code_and_their_correction_gives_none() {
    const OF_THE_PARSER: &[&str] = &["E01", "E0501", "E0502", "E0503"];
    for code in Code::ALL {
        if !OF_THE_PARSER.iter().any(|start| code.id().starts_with(start)) {
            continue;
        }
        let blocks = blocks(code.page());
        let (info, example) = blocks.first().unwrap_or_else(|| panic!("{code}: no example"));
        let found = codes_of(&repeated(info, example));
        if info.contains("among others") {
            assert!(found.contains(code), "{code}: found {found:?}");
        } else {
            assert_eq!(found, [*code], "{code}: the example gives something else");
        }
        for (_, fixed) in blocks.iter().filter(|(info, _)| info == "fix") {
            assert_eq!(codes_of(fixed), [], "{code}: the correction has a mistake");
        }
    }
}

#[test]
fn the_registry_is_in_order_and_agrees_with_the_folder() {
    let ids: Vec<&str> = Code::ALL.iter().map(|code| code.id()).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted, "codes are unique and in order");

    let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "names are unique");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/codes");
    let entries = fs::read_dir(folder).expect("the pages");
    let mut pages: Vec<String> = entries
        .map(|entry| entry.expect("a page").file_name().to_string_lossy().into_owned())
        .collect();
    pages.sort();
    let expected: Vec<String> = ids.iter().map(|id| format!("{id}.md")).collect();
    assert_eq!(pages, expected);
    for code in Code::ALL {
        let title = format!("# {}: {}\n", code.id(), code.name());
        assert!(code.page().starts_with(&title), "{code}: the page begins with {title:?}");
        assert_eq!(Code::find(code.name()), Some(*code));
    }
}

/// The grammar stands above the functions that read it, and whole in the documentation.
#[test]
fn the_grammar_in_the_documentation_is_the_one_in_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/language.md")).expect("docs/language.md");
    let mut files = vec![root.join("src/syntax/lexer.rs")];
    let entries = fs::read_dir(root.join("src/syntax/parse")).expect("the parser");
    files.extend(entries.map(|entry| entry.expect("a file").path()));
    let mut productions = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        let mut in_grammar = false;
        for line in text.lines().map_while(|line| line.strip_prefix("//!")) {
            let line = line.strip_prefix(' ').unwrap_or(line);
            if line.starts_with("```") {
                in_grammar = line == "```text";
            } else if in_grammar {
                assert!(page.lines().any(|other| other == line), "{}: {line}", file.display());
                productions += 1;
            }
        }
    }
    assert!(productions > 100, "{productions} lines of grammar");
}

#[test]
fn the_example_of_the_documentation_is_as_fmt_writes_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/language.md")).expect("docs/language.md");
    let blocks = blocks(&page);
    let (_, example) = blocks.first().expect("an example");
    let (ast, findings, _) = parse("language.egress", example);
    assert!(findings.is_empty());
    assert_eq!(&exeat::syntax::format(&ast).expect("a tree without mistakes"), example);
}

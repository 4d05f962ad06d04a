//! The pages of this stage's codes: the first block is the rules file and gives exactly the page's
//! code; `egress file PATH` is a file beside it; `egress fix` is the corrected rules file.

use exeat::diagnostic::Code;
use exeat::diagnostic::Diagnostic;
use exeat::diagnostic::Severity;

use super::codes;
use super::options;
use super::resolve_texts;

const OF_THIS_STAGE: &[&str] = &["E02", "E03", "E0504", "E0505", "W02", "N02"];
/// Codes of this range that `compile` gives.
const OF_COMPILE: &[&str] = &["E0307", "W0205", "W0206"];

/// The fenced blocks of a page: the words behind `egress`, and the text.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```egress") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((info.trim(), body.join("\n") + "\n"));
        }
    }
    blocks
}

#[test]
fn the_example_of_a_page_gives_its_code_and_its_correction_no_mistake() {
    let mut wrong = Vec::new();
    for code in Code::ALL {
        if !OF_THIS_STAGE.iter().any(|start| code.id().starts_with(start))
            || OF_COMPILE.contains(&code.id())
        {
            continue;
        }
        let blocks = blocks(code.page());
        let files: Vec<(&str, &str)> = blocks
            .iter()
            .filter_map(|(info, text)| Some((info.strip_prefix("file ")?, text.as_str())))
            .collect();
        let found = |main: &str| {
            let mut texts = vec![("main.egress", main)];
            texts.extend(&files);
            resolve_texts(&texts, &options())
        };
        let Some((_, example)) = blocks.first() else {
            wrong.push(format!("{code}: no example"));
            continue;
        };
        let given = found(example);
        if codes(&given) != [code.id()] {
            wrong.push(format!("{code}: the example gives\n{}", super::drawn(&given)));
        }
        for (_, fixed) in blocks.iter().filter(|(info, _)| *info == "fix") {
            let given = found(fixed);
            if given.diagnostics.iter().any(|found| found.severity() != Severity::Note) {
                wrong.push(format!("{code}: the correction gives\n{}", super::drawn(&given)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Applying the edit that a diagnostic offers takes it away.
#[test]
fn offered_edits_mend_what_they_are_offered_for() {
    for code in Code::ALL {
        if !OF_THIS_STAGE.iter().any(|start| code.id().starts_with(start))
            || OF_COMPILE.contains(&code.id())
        {
            continue;
        }
        let blocks = blocks(code.page());
        let mut texts: Vec<(&str, &str)> = blocks
            .iter()
            .filter_map(|(info, text)| Some((info.strip_prefix("file ")?, text.as_str())))
            .collect();
        let (_, example) = blocks.first().expect("an example");
        texts.insert(0, ("main.egress", example));
        let given = resolve_texts(&texts, &options());
        if let Some(found) = given.diagnostics.iter().find_map(Diagnostic::fix_offered) {
            let mut mended = example.clone();
            for edit in found.edits.iter().rev() {
                let place = given.sources.file(edit.span.file).expect("a file").path();
                assert_eq!(place, "main.egress", "{code}");
                mended.replace_range(edit.span.range(), &edit.replacement);
            }
            texts[0].1 = &mended;
            let after = resolve_texts(&texts, &options());
            assert!(!codes(&after).contains(&code.id()), "{code}: still there in\n{mended}");
        }
    }
}

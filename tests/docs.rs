//! The documentation against the program: the pages of the codes, the grammar, the first example.
//!
//! A page of `docs/codes` holds fenced blocks. The first, `egress`, is a rules file that gives the
//! page's code and no other on the way from text to Azure; one fenced as `egress fix` is that file
//! mended: nothing is said of it up to the stage that gives the code, and no error after that, but
//! what the parser refuses may be a fragment. `egress file PATH` and `json PATH` are files beside
//! it, `egress assert PATH` is one that `--assert` names, and `flows` holds a recorded flow a line, for
//! what a capture shows. Behind `egress` may stand `times N`: the last line is repeated to stand there N times;
//! `nodes N`: statements are compared with no more nodes; and `among others`: other codes are given
//! too.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::slice;

use exeat::azure::Deployment;
use exeat::compile::compile;
use exeat::diagnostic::Code;
use exeat::diagnostic::Diagnostic;
use exeat::diagnostic::FileId;
use exeat::diagnostic::Severity;
use exeat::diagnostic::SourceMap;
use exeat::evidence::Evidence;
use exeat::flow::Observation;
use exeat::flow::notation::FlowText;
use exeat::import;
use exeat::intent::Intent;
use exeat::prove;
use exeat::prove::claims::MAX_NODES;
use exeat::report::command::Asked;
use exeat::report::coverage;
use exeat::report::example::finding;
use exeat::report::usage::Recorded;
use exeat::resolve::Options;
use exeat::resolve::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Simulator;
use exeat::simulate::Usage;
use exeat::syntax;
use exeat::testing;
use jiff::civil::Date;
use jiff::civil::date;
use jiff::tz::TimeZone;

/// Pages tell dates that are over from dates to come.
const TODAY: Date = date(2090, 1, 1);

/// What is not mended in the rules file that it is said of, but in a file beside it, by another
/// version, or not at all.
const WITHOUT_CORRECTION: [&str; 14] = [
    "E0202", "E0213", "E0215", "E0418", "E0422", "E0501", "E0503", "E0504", "E0505", "N0201",
    "W0207", "W0404", "W0412", "W0501",
];

/// Findings on how statements meet each other and a parent's rules, which they do in the example of
/// many another page. As notes, they say nothing against it.
const ASIDE: [&str; 3] = ["N0402", "N0403", "W0412"];

/// The rules file of a page.
const MAIN: &str = "main.egress";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The fenced blocks of a page: the words behind the fence, and the text.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((info, body.join("\n") + "\n"));
        }
    }
    blocks
}

/// How far a text is taken; its examples are judged by what it compiles to.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Stage {
    Parser,
    Resolver,
    Compiler,
}

/// What the page of a code holds.
struct Page {
    example: String,
    among_others: bool,
    nodes: usize,
    fixes: Vec<String>,
    beside: BTreeMap<String, String>,
    checks: Vec<String>,
    context: Deployment,
    flows: Vec<Observation>,
}

impl Page {
    #[track_caller]
    fn of(code: Code) -> Page {
        let mut blocks = blocks(code.page()).into_iter();
        let (info, example) = blocks.next().unwrap_or_else(|| panic!("{code}: no example"));
        let info = info.strip_prefix("egress").unwrap_or_else(|| panic!("{code}: `{info}`"));
        let mut page = Page {
            example: repeated(info, &example),
            among_others: info.contains("among others"),
            nodes: number_behind(info, "nodes ").unwrap_or(MAX_NODES),
            fixes: Vec::new(),
            beside: BTreeMap::new(),
            checks: Vec::new(),
            context: Deployment::default(),
            flows: Vec::new(),
        };
        for (info, text) in blocks {
            if info == "egress fix" {
                page.fixes.push(text);
            } else if info == "flows" {
                let flow = |line| FlowText::parse(line).ok()?.to_observation();
                let flows: Option<Vec<Observation>> = text.lines().map(flow).collect();
                page.flows = flows.unwrap_or_else(|| panic!("{code}: a flow that is none"));
            } else if let Some(path) = info.strip_prefix("egress file ") {
                page.beside.insert(path.to_owned(), text);
            } else if let Some(path) = info.strip_prefix("egress assert ") {
                page.beside.insert(path.to_owned(), text);
                page.checks.push(path.to_owned());
            } else if let Some(path) = info.strip_prefix("json ") {
                page.context = import::json::read(&text).unwrap_or_else(|e| panic!("{code}: {e}"));
                page.beside.insert(path.to_owned(), text);
            } else {
                panic!("{code}: what is a block of `{info}`?");
            }
        }
        page
    }

    /// What is said of `main` beside the page's files, up to a stage.
    fn said_of(&self, main: &str, until: Stage) -> Vec<Diagnostic> {
        if until == Stage::Parser {
            return syntax::parse(FileId::NONE, main).1;
        }
        let mut read = |path: &Path| {
            let path = path.to_str().unwrap();
            let text = if path == MAIN { Some(main) } else { self.beside.get(path).map(|t| &**t) };
            text.map(|text| text.as_bytes().to_vec()).ok_or(io::ErrorKind::NotFound.into())
        };
        let options = Options { checks: self.checks.clone(), ..Options::default() };
        let resolved = resolve(MAIN, &mut read, &options);
        let mut said = resolved.diagnostics;
        if let (Some(intent), Stage::Compiler) = (&resolved.intent, until) {
            match compile(intent, &self.context, TODAY) {
                Ok(compiled) => {
                    said.extend(compiled.diagnostics);
                    said.extend(unmet(intent, &compiled.deployment));
                    self.compare(intent, &compiled.deployment, &mut said);
                    said.extend(self.used(intent, &resolved.sources, &said));
                }
                Err(findings) => said.extend(findings),
            }
        }
        said
    }

    /// Adds to `said` what the statements of `intent` do to each other.
    fn compare(&self, intent: &Intent, deployment: &Deployment, said: &mut Vec<Diagnostic>) {
        let simulator = Simulator::new(deployment).expect("a deployment as it is compiled");
        match prove::coverage((intent, TODAY), &simulator, self.nodes) {
            Ok(found) => {
                let more = coverage::findings(&found, intent, deployment, said);
                let unreached = prove::coverage::unreached(intent, &simulator, self.nodes);
                let unreached = coverage::unreached(&unreached.expect("sets"), intent);
                coverage::leave_out_told(said, &unreached);
                said.extend(more.into_iter().chain(unreached));
            }
            Err(error) => said.push(coverage::not_compared(&error)),
        }
    }

    /// What the page's flows say of `intent`, besides what is `said`; nothing where it has none.
    fn used(&self, intent: &Intent, sources: &SourceMap, said: &[Diagnostic]) -> Vec<Diagnostic> {
        if self.flows.is_empty() {
            return Vec::new();
        }
        let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
        let mut usage = Usage::new(intent, TODAY);
        for flow in &self.flows {
            usage.add(slice::from_ref(flow), &environment(&evidence, &assumptions));
        }
        let captures = ["monday.pcapng".to_owned()];
        let recorded = Recorded { intent, sources, day: TODAY, captures: &captures, usage: &usage };
        recorded.findings(said)
    }

    /// The first stage that gives `code` for the example.
    fn stage_of(&self, code: Code) -> Stage {
        let gives = |stage: &Stage| {
            self.said_of(&self.example, *stage).iter().any(|found| found.code() == code)
        };
        [Stage::Parser, Stage::Resolver].into_iter().find(gives).unwrap_or(Stage::Compiler)
    }
}

/// The examples of `intent` that are not met.
fn unmet(intent: &Intent, deployment: &Deployment) -> Vec<Diagnostic> {
    let simulator = Simulator::new(deployment).expect("a deployment as it is compiled");
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let environment = environment(&evidence, &assumptions);
    let tested = testing::examples(intent, &simulator, &environment, TODAY);
    tested.unmet.iter().map(|one| finding(one, intent, &Asked::default())).collect()
}

fn environment<'a>(evidence: &'a Evidence, assumptions: &'a Assumptions) -> Environment<'a> {
    let at = TODAY.to_zoned(TimeZone::UTC).expect("a day").timestamp();
    Environment { evidence, assumptions, at }
}

/// The number that `info` has behind `word`.
fn number_behind(info: &str, word: &str) -> Option<usize> {
    let number = info.split(',').find_map(|part| part.trim().strip_prefix(word))?;
    Some(number.parse().unwrap_or_else(|_| panic!("a number behind `{word}`")))
}

/// The text with its last line as often as the info says.
fn repeated(info: &str, text: &str) -> String {
    let Some(times) = number_behind(info, "times ") else { return text.to_owned() };
    let (head, last) = text.trim_end().rsplit_once('\n').expect("more than one line");
    format!("{head}\n{}", format!("{last}\n").repeat(times))
}

fn headlines(said: &[Diagnostic]) -> String {
    let lines = said.iter().map(|found| format!("\n  {}: {}", found.code(), found.headline()));
    lines.collect()
}

#[test]
fn the_example_of_a_page_gives_its_code_and_the_correction_gives_nothing() {
    let mut wrong = Vec::new();
    for code in Code::ALL {
        let page = Page::of(*code);
        let is_aside = |found: &Diagnostic| {
            found.code() != *code
                && found.severity() == Severity::Note
                && ASIDE.contains(&found.code().id())
        };
        let mut said = page.said_of(&page.example, Stage::Compiler);
        said.retain(|found| !is_aside(found));
        let is_as_told = if page.among_others {
            said.iter().any(|found| found.code() == *code)
        } else {
            said.len() == 1 && said[0].code() == *code
        };
        if !is_as_told {
            wrong.push(format!("{code}: the example gives{}", headlines(&said)));
        }
        let has_none = WITHOUT_CORRECTION.contains(&code.id());
        if page.fixes.is_empty() != has_none {
            wrong.push(format!("{code}: {} corrections", page.fixes.len()));
        }
        let stage = page.stage_of(*code);
        for fixed in &page.fixes {
            let mut said = page.said_of(fixed, stage);
            said.retain(|found| !is_aside(found));
            if stage > Stage::Parser {
                let errors = page.said_of(fixed, Stage::Compiler).into_iter();
                said.extend(errors.filter(|found| found.severity() == Severity::Error));
            }
            if !said.is_empty() {
                wrong.push(format!("{code}: the correction gives{}", headlines(&said)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Applying the edit that a finding offers takes the finding away.
#[test]
fn offered_edits_mend_what_they_are_offered_for() {
    let mut tried = 0;
    for code in Code::ALL {
        let page = Page::of(*code);
        let said = page.said_of(&page.example, Stage::Compiler);
        let Some(fix) = said.iter().find_map(Diagnostic::fix_offered) else { continue };
        let mut mended = page.example.clone();
        for edit in fix.edits.iter().rev() {
            mended.replace_range(edit.span.range(), &edit.replacement);
        }
        tried += 1;
        let left = page.said_of(&mended, Stage::Compiler);
        assert!(left.iter().all(|found| found.code() != *code), "{code}: still there in\n{mended}");
    }
    assert!(tried >= 20, "{tried} edits are offered");
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

    let entries = fs::read_dir(root().join("docs/codes")).expect("the pages");
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
    let page = fs::read_to_string(root().join("docs/language.md")).expect("docs/language.md");
    let mut files = vec![root().join("src/syntax/lexer.rs")];
    let entries = fs::read_dir(root().join("src/syntax/parse")).expect("the parser");
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
    let page = fs::read_to_string(root().join("docs/language.md")).expect("docs/language.md");
    let blocks = blocks(&page);
    let is_egress = |(info, _): &&(&str, String)| *info == "egress";
    let (_, example) = blocks.iter().find(is_egress).expect("an example");
    let (ast, findings) = syntax::parse(FileId::NONE, example);
    assert!(findings.is_empty());
    assert_eq!(&syntax::format(&ast).expect("a tree without mistakes"), example);
}

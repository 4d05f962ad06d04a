//! The files of a list: read once each, parsed, with the files they import and name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use sha2::Digest as _;
use sha2::Sha256;

use super::imports;
use super::imports::Link;
use super::imports::Source;
use super::shipped;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::FileId;
use crate::diagnostic::Severity;
use crate::diagnostic::SourceError;
use crate::diagnostic::SourceFile;
use crate::diagnostic::SourceMap;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::diagnostic::similar;
use crate::syntax;
use crate::syntax::ast::Ast;
use crate::syntax::ast::ImportSource;
use crate::syntax::ast::Statement;
use crate::syntax::ast::StatementKind;

/// The most files that one list reads, imports and context together. A list by ruleset, cluster
/// and team has some dozens.
pub const MAX_FILES: usize = 1000;

/// The most bytes of all files together, so that memory is bounded whatever is imported.
pub const MAX_TOTAL_BYTES: usize = 64 * 1024 * 1024;

/// What some editors and shells of Windows write before UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// How a file is read: the path is the rules file's folder and the relative path, joined. An error
/// of the kind [`InvalidData`](io::ErrorKind::InvalidData) says that the file is found and is none
/// to be read as text.
pub type Read<'r> = &'r mut dyn FnMut(&Path) -> io::Result<Vec<u8>>;

/// What an import was when it was read, so that a lock can pin it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Pin {
    /// The file or shipped ruleset.
    pub source: Source,
    /// SHA-256 of its bytes, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// A parsed file.
#[derive(Debug)]
pub(super) struct File {
    pub source: Source,
    pub id: FileId,
    pub ast: Ast,
    /// The file that each import statement means, in the order of the text; `None` where a finding
    /// says why there is none.
    pub imports: Vec<Option<usize>>,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// The folder of the rules file as it was given, with its final `/`; empty for the working
    /// directory.
    folder: String,
    /// The rules file first.
    pub files: Vec<File>,
    pub sources: SourceMap,
    /// Texts of `context` files by path; those that could not be read are missing.
    pub contexts: BTreeMap<Source, String>,
    pub pins: Vec<Pin>,
    pub findings: Vec<Diagnostic>,
    /// Which of the files hold checks beside the list.
    pub checks: Vec<usize>,
}

/// Reads the rules file at `main` and all that it imports or names, and the files of `checks`.
pub(super) fn load(main: &str, checks: &[String], read: Read<'_>) -> Loaded {
    let (folder, name) = match main.rsplit_once('/') {
        Some((folder, name)) => (format!("{folder}/"), name),
        None => (String::new(), main),
    };
    let mut loading = Loading {
        read,
        known: BTreeMap::new(),
        bytes: 0,
        reads: 0,
        loaded: Loaded { folder, ..Loaded::default() },
    };
    let main = Source::File(name.to_owned());
    loading.file(main, Span::NONE);
    let mut links = Vec::new();
    let mut at = 0;
    while at < loading.loaded.files.len() {
        loading.follow(at, &mut links);
        at += 1;
    }
    for path in checks {
        let source = Source::Given(path.clone());
        if !loading.known.contains_key(&source) {
            let number = loading.file(source, Span::NONE);
            loading.loaded.checks.extend(number);
        }
    }
    let mut loaded = loading.loaded;
    let checks = loaded.checks.iter().filter_map(|number| loaded.files.get(*number));
    let findings: Vec<Diagnostic> =
        checks.flat_map(|file| file.ast.statements.iter().filter_map(not_a_check)).collect();
    loaded.findings.extend(findings);
    let sources: Vec<Source> = loaded.files.iter().map(|file| file.source.clone()).collect();
    loaded.findings.extend(imports::cycles(&sources, &links));
    loaded.pins.sort();
    loaded
}

impl Loaded {
    /// A warning of each file of checks that checks nothing. In one with a mistake something was
    /// meant, and the mistake is told.
    pub(super) fn empty_checks(&self) -> Vec<Diagnostic> {
        let is_mistaken = |file: &File| {
            let mut errors =
                self.findings.iter().filter(|found| found.severity() == Severity::Error);
            errors.any(|found| found.primary().is_some_and(|label| label.span.file == file.id))
        };
        let checks = self.checks.iter().filter_map(|number| self.files.get(*number));
        let empty = checks
            .filter(|file| checks_nothing(&file.ast.statements) && !is_mistaken(file))
            .map(|file| no_checks(&self.shown(&file.source)));
        empty.collect()
    }

    /// The path of `source` as findings show it: as the rules file's own was given, from the
    /// working directory.
    pub(super) fn shown(&self, source: &Source) -> String {
        match source {
            Source::File(_) | Source::Given(_) => imports::shown_path(&self.path(source)),
            Source::Std(_) => source.to_string(),
        }
    }

    /// The path by which `source` is read.
    fn path(&self, source: &Source) -> String {
        match source {
            Source::File(path) => format!("{}{path}", self.folder),
            Source::Given(path) | Source::Std(path) => path.clone(),
        }
    }
}

struct Loading<'r> {
    read: Read<'r>,
    /// The number of each file that was asked for; `None` where it could not be read.
    known: BTreeMap<Source, Option<usize>>,
    bytes: usize,
    reads: usize,
    loaded: Loaded,
}

impl Loading<'_> {
    /// Reads what the statements of file `at` import or name.
    fn follow(&mut self, at: usize, links: &mut Vec<Link>) {
        let Some(file) = self.loaded.files.get(at) else { return };
        let importer = file.source.clone();
        let mut wanted = Vec::new();
        let mut contexts = Vec::new();
        collect(&file.ast.statements, &mut wanted, &mut contexts);
        let mut imports = Vec::with_capacity(wanted.len());
        for (source, span) in wanted {
            let number = self.import(&importer, &source, span);
            links.extend(number.map(|to| Link { from: at, to, span }));
            imports.push(number);
        }
        for path in contexts {
            self.context(&importer, &path);
        }
        if let Some(file) = self.loaded.files.get_mut(at) {
            file.imports = imports;
        }
    }

    fn import(&mut self, importer: &Source, wanted: &ImportSource, span: Span) -> Option<usize> {
        match wanted {
            ImportSource::Std(name) => self.shipped(name),
            ImportSource::File(path) => {
                let source = self.path(importer, path)?;
                match self.known.get(&source) {
                    Some(number) => *number,
                    None => {
                        self.file(source, if path.span == Span::NONE { span } else { path.span })
                    }
                }
            }
        }
    }

    fn shipped(&mut self, name: &Spanned<String>) -> Option<usize> {
        let source = Source::Std(name.node.clone());
        if let Some(number) = self.known.get(&source) {
            return *number;
        }
        let number = if let Some(text) = shipped::text(&name.node) {
            self.parse(source.clone(), text.as_bytes().to_vec(), name.span)
        } else {
            let mut found = Diagnostic::new(
                Code::UNKNOWN_RULESET,
                format!("no ruleset `{}` is shipped with this program", name.node),
            )
            .at(name.span, "not shipped");
            if let Some(near) = similar::nearest(&name.node, shipped::names()) {
                let edit = Edit::replace(name.span, format!("\"{near}\""));
                found = found.fix(format!("import `{near}`"), vec![edit]);
            }
            let list = shipped::names().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let found = found.help(format!("the shipped rulesets are {}", list.join(", ")));
            self.loaded.findings.push(found);
            None
        };
        self.known.insert(source, number);
        number
    }

    fn context(&mut self, importer: &Source, path: &Spanned<String>) {
        let Some(source) = self.path(importer, path) else { return };
        if self.loaded.contexts.contains_key(&source) {
            return;
        }
        let Some(bytes) = self.bytes_of(&source, path.span) else { return };
        match String::from_utf8(bytes) {
            Ok(text) => {
                let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text).to_owned();
                self.loaded.contexts.insert(source, text);
            }
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let text = format!("`{source}` is not UTF-8 text: byte {at} fits no character");
                let found = Diagnostic::new(Code::CANNOT_READ, text)
                    .at(path.span, "named here")
                    .help("save it as UTF-8");
                self.loaded.findings.push(found);
            }
        }
    }

    /// The file that a written path means, or a finding.
    fn path(&mut self, importer: &Source, path: &Spanned<String>) -> Option<Source> {
        match imports::beside(importer, &path.node) {
            Ok(source) => Some(source),
            Err(bad) => {
                let found = Diagnostic::new(Code::BAD_PATH, bad.expected())
                    .at(path.span, "not a path that can be followed")
                    .help("write a path such as `\"./shared/mirrors.egress\"`");
                self.loaded.findings.push(found);
                None
            }
        }
    }

    fn file(&mut self, source: Source, span: Span) -> Option<usize> {
        let number = match self.bytes_of(&source, span) {
            Some(bytes) => self.parse(source.clone(), bytes, span),
            None => None,
        };
        self.known.insert(source, number);
        number
    }

    fn bytes_of(&mut self, source: &Source, span: Span) -> Option<Vec<u8>> {
        if self.reads >= MAX_FILES {
            let found = Diagnostic::new(
                Code::TOO_MANY_FILES,
                format!("expected at most {MAX_FILES} files, found more"),
            )
            .at(span, "not read any more")
            .help("join files, or split the list");
            self.refuse_once(found);
            return None;
        }
        self.reads += 1;
        match (self.read)(Path::new(&self.loaded.path(source))) {
            Ok(bytes) => {
                self.bytes = self.bytes.saturating_add(bytes.len());
                if self.bytes <= MAX_TOTAL_BYTES {
                    return Some(bytes);
                }
                let found = Diagnostic::new(
                    Code::TOO_MANY_FILES,
                    format!("expected at most {MAX_TOTAL_BYTES} bytes in all files, found more"),
                )
                .at(span, "not read any more")
                .help("split the list");
                self.refuse_once(found);
                None
            }
            Err(error) => {
                let found =
                    Diagnostic::new(Code::CANNOT_READ, format!("cannot read `{source}`: {error}"));
                let found = if span == Span::NONE { found } else { found.at(span, "named here") };
                let found = if error.kind() == io::ErrorKind::InvalidData {
                    found
                } else {
                    found.help("check the path, which starts at the file that names it")
                };
                self.loaded.findings.push(found);
                None
            }
        }
    }

    /// Reports that a cap is reached, the first time only.
    fn refuse_once(&mut self, found: Diagnostic) {
        if !self.loaded.findings.iter().any(|earlier| earlier.code() == found.code()) {
            self.loaded.findings.push(found);
        }
    }

    fn parse(&mut self, source: Source, bytes: Vec<u8>, span: Span) -> Option<usize> {
        let is_import = match &source {
            Source::File(_) | Source::Std(_) => !self.loaded.files.is_empty(),
            Source::Given(_) => false,
        };
        if is_import {
            let sha256 = hexadecimal(&Sha256::digest(&bytes));
            self.loaded.pins.push(Pin { source: source.clone(), sha256 });
        }
        let shown = self.loaded.shown(&source);
        let id: FileId = match self.loaded.sources.add_bytes(&shown, bytes) {
            Ok(id) => id,
            Err(error) => {
                let code = match error {
                    SourceError::TooLarge { .. } => Code::FILE_TOO_LARGE,
                    SourceError::NotUtf8 { .. } | SourceError::TooMany => Code::CANNOT_READ,
                };
                let found = Diagnostic::new(code, error.to_string());
                let found = if span == Span::NONE { found } else { found.at(span, "named here") };
                self.loaded.findings.push(found);
                return None;
            }
        };
        let text = self.loaded.sources.file(id).map(SourceFile::text).unwrap_or_default();
        let (ast, findings) = syntax::parse(id, text);
        self.loaded.findings.extend(findings);
        self.loaded.files.push(File { source, id, ast, imports: Vec::new() });
        Some(self.loaded.files.len() - 1)
    }
}

/// Two lower-case digits for each byte.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether nothing in a file of checks is about the list.
fn checks_nothing(statements: &[Statement]) -> bool {
    !statements.iter().any(|statement| {
        matches!(statement.kind.node, StatementKind::Assertion(_) | StatementKind::Example(_))
    })
}

/// Warns of a file of checks that holds nothing against the list, so that whatever it is passes.
fn no_checks(path: &str) -> Diagnostic {
    let headline = format!("`{path}` checks nothing: it has neither an assertion nor an example");
    Diagnostic::new(Code::EMPTY_CHECKS, headline)
        .help("write an `assert` or an `example` in it, or leave `--assert` out")
}

/// What is wrong with `statement` in a file of checks: it would change the list that it checks.
fn not_a_check(statement: &Statement) -> Option<Diagnostic> {
    let word = match &statement.kind.node {
        StatementKind::Addresses(_)
        | StatementKind::Names(_)
        | StatementKind::Services(_)
        | StatementKind::Assertion(_)
        | StatementKind::Example(_) => return None,
        StatementKind::Import(_) => "import",
        StatementKind::Param(_) => "param",
        StatementKind::Table(_) => "table",
        StatementKind::When(_) => "when",
        StatementKind::Azure(_) => "azure",
        StatementKind::Network(_) => "network",
        StatementKind::Policy(_) => "policy",
        StatementKind::Permission(permission) => permission.action.node.keyword(),
        StatementKind::Ordered(_) => "ordered",
        StatementKind::Context(_) => "context",
        StatementKind::Owns(_) => "owns",
        StatementKind::Existing(_) => "existing",
        StatementKind::Unknown(_) => "unknown",
    };
    let found = Diagnostic::new(
        Code::NOT_A_CHECK,
        format!("`{word}` stands in a file of checks, and would be a part of the list"),
    );
    Some(
        found
            .at(statement.kind.span, "neither an assertion nor an example, nor a set for them")
            .help("move it to the rules file"),
    )
}

/// The imports and context files of `statements`, in the order of the text.
fn collect(
    statements: &[Statement],
    imports: &mut Vec<(ImportSource, Span)>,
    contexts: &mut Vec<Spanned<String>>,
) {
    for statement in statements {
        match &statement.kind.node {
            StatementKind::Import(import) => {
                imports.push((import.source.clone(), statement.kind.span));
            }
            StatementKind::Context(context) => contexts.push(context.file.clone()),
            StatementKind::When(when) => collect(&when.statements, imports, contexts),
            StatementKind::Param(_)
            | StatementKind::Table(_)
            | StatementKind::Azure(_)
            | StatementKind::Network(_)
            | StatementKind::Policy(_)
            | StatementKind::Addresses(_)
            | StatementKind::Names(_)
            | StatementKind::Services(_)
            | StatementKind::Permission(_)
            | StatementKind::Ordered(_)
            | StatementKind::Assertion(_)
            | StatementKind::Example(_)
            | StatementKind::Owns(_)
            | StatementKind::Existing(_)
            | StatementKind::Unknown(_) => {}
        }
    }
}

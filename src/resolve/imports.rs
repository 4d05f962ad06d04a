//! Which file an import means, and imports that lead back to themselves.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::fmt;

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef as _;

use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;

/// Where a source text comes from. A file can never shadow a shipped ruleset, nor the reverse.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Source {
    /// A file, by its path relative to the folder of the rules file, with `/` between its parts.
    File(String),
    /// A shipped ruleset, by its name.
    Std(String),
    /// A file of checks beside the list, by its path as it was given.
    Given(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) | Source::Given(path) => f.write_str(path),
            Source::Std(name) => write!(f, "std:{name}"),
        }
    }
}

/// Why a written path names no file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BadPath {
    /// There is no text.
    Empty,
    /// It does not start from the importing file.
    Absolute,
    /// A backslash or control character.
    Character(char),
    /// It ends in no file name.
    NoFile,
    /// A shipped ruleset names a file.
    InShipped,
}

impl BadPath {
    /// What was expected, for a message.
    pub(super) fn expected(self) -> String {
        match self {
            BadPath::Empty => "expected a path, found an empty text".to_owned(),
            BadPath::Absolute => {
                "expected a path relative to this file, found an absolute one".to_owned()
            }
            BadPath::Character('\\') => {
                "expected `/` between the parts of a path, found a backslash".to_owned()
            }
            BadPath::Character(c) => {
                format!("expected a path, found the character U+{:04X} in it", u32::from(c))
            }
            BadPath::NoFile => "expected the path of a file, found that of a folder".to_owned(),
            BadPath::InShipped => "a shipped ruleset cannot name a file".to_owned(),
        }
    }
}

/// `path` without its detours, as findings show it: by its text alone, so that what is shown of a
/// file that is read by way of `a/../` is the name that other programs have for it.
pub fn shown_path(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    extend(&mut parts, path);
    format!("{root}{}", parts.join("/"))
}

/// Goes on from `parts` by those of `path`.
fn extend<'a>(parts: &mut Vec<&'a str>, path: &'a str) {
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
}

/// The file that `written` means inside `importer`.
///
/// The path is cleaned by its text alone, so that one file has one name; `../` may lead above the
/// root and is then kept in front.
pub(super) fn beside(importer: &Source, written: &str) -> Result<Source, BadPath> {
    let Source::File(importer) = importer else { return Err(BadPath::InShipped) };
    if written.is_empty() {
        return Err(BadPath::Empty);
    }
    if let Some(c) = written.chars().find(|c| *c == '\\' || c.is_control()) {
        return Err(BadPath::Character(c));
    }
    let has_drive = written.split('/').next().is_some_and(|first| first.ends_with(':'));
    if written.starts_with('/') || has_drive {
        return Err(BadPath::Absolute);
    }
    let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = Vec::new();
    extend(&mut parts, folder);
    extend(&mut parts, written);
    let names_a_file = !matches!(written.rsplit('/').next(), Some("" | "." | ".."));
    if names_a_file { Ok(Source::File(parts.join("/"))) } else { Err(BadPath::NoFile) }
}

/// An import from one file, by its number, to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// The importing file.
    pub from: usize,
    /// The imported file.
    pub to: usize,
    /// The import.
    pub span: Span,
}

/// One finding for each knot of files that import each other, with a shortest way round.
pub(super) fn cycles(sources: &[Source], links: &[Link]) -> Vec<Diagnostic> {
    let mut graph: DiGraph<usize, Span> = DiGraph::new();
    let nodes: Vec<NodeIndex> = (0..sources.len()).map(|file| graph.add_node(file)).collect();
    for link in links {
        if let (Some(from), Some(to)) = (nodes.get(link.from), nodes.get(link.to)) {
            graph.add_edge(*from, *to, link.span);
        }
    }
    let mut findings = Vec::new();
    for knot in tarjan_scc(&graph) {
        let Some(start) = knot.iter().min().copied() else { continue };
        let Some(way) = way_round(&graph, start) else { continue };
        findings.push(cycle(sources, &graph, start, &way));
    }
    findings
}

/// The edges of a shortest way from `start` back to it: each with the node it leads to.
fn way_round(graph: &DiGraph<usize, Span>, start: NodeIndex) -> Option<Vec<(Span, NodeIndex)>> {
    let mut came_by: BTreeMap<NodeIndex, (Span, NodeIndex)> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(node) = waiting.pop_front() {
        let mut edges: Vec<_> = graph.edges(node).collect();
        edges.sort_by_key(|edge| edge.weight().start);
        for edge in edges {
            let next = edge.target();
            if came_by.contains_key(&next) {
                continue;
            }
            came_by.insert(next, (*edge.weight(), node));
            waiting.push_back(next);
        }
    }
    let mut way = Vec::new();
    let mut at = start;
    loop {
        let (span, before) = *came_by.get(&at)?;
        way.push((span, at));
        at = before;
        if at == start {
            way.reverse();
            return Some(way);
        }
    }
}

fn cycle(
    sources: &[Source],
    graph: &DiGraph<usize, Span>,
    start: NodeIndex,
    way: &[(Span, NodeIndex)],
) -> Diagnostic {
    let shown = |node: NodeIndex| {
        let source = graph.node_weight(node).and_then(|file| sources.get(*file));
        source.map(|source| format!("`{source}`")).unwrap_or_default()
    };
    let mut chain = shown(start);
    for (_, node) in way {
        chain.push_str(" imports ");
        chain.push_str(&shown(*node));
    }
    let mut found = Diagnostic::new(Code::IMPORT_CYCLE, format!("a file imports itself: {chain}"));
    for (index, (span, node)) in way.iter().enumerate() {
        let text = format!("imports {}", shown(*node));
        found = if index == 0 { found.at(*span, text) } else { found.also(*span, text) };
    }
    found.help("move what both need into a file that imports neither")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(importer: &str, written: &str, expected: Result<&str, BadPath>) {
        let found = beside(&Source::File(importer.to_owned()), written);
        assert_eq!(found, expected.map(|path| Source::File(path.to_owned())), "{written}");
    }

    #[test]
    fn paths_are_read_from_the_importing_file_and_shown_from_the_root() {
        check("main.egress", "./a/b.egress", Ok("a/b.egress"));
        check("a/b.egress", "../c.egress", Ok("c.egress"));
        check("a/b.egress", "../../c.egress", Ok("../c.egress"));
        check("../a.egress", "./b.egress", Ok("../b.egress"));
        check("../a.egress", "../b.egress", Ok("../../b.egress"));
        check("main.egress", "a/./x/../b.egress", Ok("a/b.egress"));
    }

    #[test]
    fn a_path_is_shown_without_detours() {
        for (path, expected) in [
            ("a/b.egress", "a/b.egress"),
            ("./a/../b.egress", "b.egress"),
            ("a/../../b.egress", "../b.egress"),
            ("/a/./b/../c.egress", "/a/c.egress"),
            ("-", "-"),
        ] {
            assert_eq!(shown_path(path), expected);
        }
    }

    #[test]
    fn what_is_no_relative_path_is_refused() {
        check("main.egress", "/etc/passwd", Err(BadPath::Absolute));
        check("main.egress", "C:/x.egress", Err(BadPath::Absolute));
        check("main.egress", "a\\b.egress", Err(BadPath::Character('\\')));
        check("main.egress", "a/..", Err(BadPath::NoFile));
        check("main.egress", "", Err(BadPath::Empty));
        let std = Source::Std("aks/core".to_owned());
        assert_eq!(beside(&std, "./x.egress"), Err(BadPath::InShipped));
    }
}

//! Files and sentences.

use crate::diagnostic::Span;

use super::super::ast::Argument;
use super::super::ast::Assertion;
use super::super::ast::Ast;
use super::super::ast::Azure;
use super::super::ast::Condition;
use super::super::ast::Example;
use super::super::ast::Existing;
use super::super::ast::ExistingKind;
use super::super::ast::ExpectedVerdict;
use super::super::ast::Import;
use super::super::ast::ImportSource;
use super::super::ast::Ordered;
use super::super::ast::Owned;
use super::super::ast::Owns;
use super::super::ast::Param;
use super::super::ast::Permission;
use super::super::ast::Quantifier;
use super::super::ast::SetDeclaration;
use super::super::ast::Statement;
use super::super::ast::StatementKind;
use super::super::ast::Table;
use super::super::ast::Text;
use super::super::ast::Unknown;
use super::super::ast::Version;
use super::super::ast::When;
use super::block;
use super::block::Layout;
use super::block::Members;
use super::flat::Flat;
use super::flat::inner;
use super::flat::list;
use super::page::Page;
use super::rule;
use super::topology;

/// A whole file.
pub(super) fn file(page: &mut Page<'_>, ast: &Ast) {
    if let Some(version) = &ast.version {
        let line = match version.node {
            Version::V1 => "language 1",
        };
        page.solid(version.span, line);
    }
    statements(page, &ast.statements, ast.version.is_some());
    let start = page.length();
    page.comments_before(u32::MAX);
    if start > 0 && page.length() > start {
        page.blank_at(start);
    }
}

/// Sentences with an empty line between those that are longer than a line or of different kinds;
/// `follows` says whether something stands before the first.
fn statements(page: &mut Page<'_>, statements: &[Statement], follows: bool) {
    let mut before: Option<(Group, usize)> = None;
    for one in statements {
        let start = page.length();
        statement(page, one);
        let now = (Group::of(&one.kind.node), page.lines_since(start));
        let apart = match before {
            Some(before) => before != now || now.1 > 1,
            None => follows,
        };
        if apart {
            page.blank_at(start);
        }
        before = Some(now);
    }
}

/// Sentences of one group stand together if each is a line long.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Group {
    Import,
    Param,
    Set,
    Assertion,
    Placement,
    Other,
}

impl Group {
    fn of(kind: &StatementKind) -> Group {
        use StatementKind as Kind;
        match kind {
            Kind::Import(_) => Group::Import,
            Kind::Param(_) => Group::Param,
            Kind::Addresses(_) | Kind::Names(_) | Kind::Services(_) => Group::Set,
            Kind::Assertion(_) => Group::Assertion,
            Kind::Context(_) | Kind::Owns(_) | Kind::Existing(_) => Group::Placement,
            Kind::Table(_)
            | Kind::When(_)
            | Kind::Azure(_)
            | Kind::Network(_)
            | Kind::Policy(_)
            | Kind::Permission(_)
            | Kind::Ordered(_)
            | Kind::Example(_)
            | Kind::Unknown(_) => Group::Other,
        }
    }
}

fn statement(page: &mut Page<'_>, statement: &Statement) {
    use StatementKind as Kind;

    let span = statement.kind.span;
    page.describe(statement.docs.iter().map(|doc| doc.node.as_str()));
    match &statement.kind.node {
        Kind::Import(import) => self::import(page, span, import),
        Kind::Param(param) => self::param(page, span, param),
        Kind::Table(table) => self::table(page, span, table),
        Kind::When(when) => self::when(page, span, when),
        Kind::Azure(azure) => self::azure(page, span, azure),
        Kind::Network(network) => topology::network(page, span, network),
        Kind::Policy(policy) => topology::policy(page, span, policy),
        Kind::Addresses(declaration) => set(page, span, "addresses", declaration),
        Kind::Names(declaration) => set(page, span, "names", declaration),
        Kind::Services(declaration) => set(page, span, "services", declaration),
        Kind::Permission(permission) => self::permission(page, permission),
        Kind::Ordered(ordered) => self::ordered(page, span, ordered),
        Kind::Assertion(assertion) => self::assertion(page, assertion),
        Kind::Example(example) => self::example(page, span, example),
        Kind::Context(context) => {
            page.solid(span, &format!("context {}", Text::literal(&context.file.node).flat()));
        }
        Kind::Owns(owns) => page.solid(span, &self::owns(owns)),
        Kind::Existing(existing) => page.solid(span, &self::existing(existing)),
        Kind::Unknown(unknown) => self::unknown(page, unknown),
    }
}

fn import(page: &mut Page<'_>, span: Span, import: &Import) {
    let source = match &import.source {
        ImportSource::Std(path) => format!("std {}", Text::literal(&path.node).flat()),
        ImportSource::File(path) => Text::literal(&path.node).flat(),
    };
    let heading = format!("import {source} as {}", import.name.node);
    if import.arguments.is_empty() {
        page.solid(span, &heading);
        return;
    }
    let arguments: Vec<String> = import.arguments.iter().map(argument).collect();
    let line = format!("{heading} with {{ {} }}", arguments.join(", "));
    if page.fits(&line) {
        page.solid(span, &line);
        return;
    }
    page.comments_before(span.end);
    page.line(&format!("{heading} with {{"));
    page.indented(|page| {
        for argument in &arguments {
            page.line(&format!("{argument},"));
        }
    });
    page.line("}");
    page.comment_behind(span.end);
}

fn argument(argument: &Argument) -> String {
    format!("{} = {}", argument.name.node, inner(&argument.value))
}

fn param(page: &mut Page<'_>, span: Span, param: &Param) {
    let mut line = format!("param {}: {}", param.name.node, param.kind.flat());
    if let Some(default) = &param.default {
        line.push_str(" = ");
        line.push_str(&default.flat());
    }
    page.solid(span, &line);
}

fn table(page: &mut Page<'_>, span: Span, table: &Table) {
    let kind = table.kind.flat();
    let heading = format!("table {}: {kind} by {}", table.name.node, table.key.node);
    let mut members = Members::default();
    for entry in &table.entries {
        let line = format!("{} = {}", entry.name.node, entry.value.flat());
        members.line(entry.name.span.to(entry.value.span), line);
    }
    block::block(page, span, &heading, members, Layout::Tall);
}

fn when(page: &mut Page<'_>, span: Span, when: &When) {
    let conditions: Vec<String> = when.conditions.iter().map(|one| condition(&one.node)).collect();
    holding(page, span, &format!("when {}", conditions.join(" and ")), &when.statements);
}

fn condition(condition: &Condition) -> String {
    let not = if condition.negated { "not " } else { "" };
    format!("{} is {not}{}", condition.param.node, list(&condition.keys))
}

fn ordered(page: &mut Page<'_>, span: Span, ordered: &Ordered) {
    let heading = match &ordered.label {
        Some(label) => format!("ordered {}", label.node),
        None => "ordered".to_owned(),
    };
    holding(page, span, &heading, &ordered.statements);
}

/// A block of sentences.
fn holding(page: &mut Page<'_>, span: Span, heading: &str, inner: &[Statement]) {
    let mut members = Members::default();
    if !inner.is_empty() {
        members.own(span, |page| statements(page, inner, false));
    }
    block::block(page, span, heading, members, Layout::Tall);
}

fn azure(page: &mut Page<'_>, span: Span, azure: &Azure) {
    let mut members = Members::default();
    members.setting("subscription", azure.subscription.as_ref());
    members.setting("resource-group", azure.resource_group.as_ref());
    members.setting("location", azure.location.as_ref());
    block::block(page, span, "azure", members, Layout::Tall);
}

fn set<T: Flat>(page: &mut Page<'_>, span: Span, word: &str, declaration: &SetDeclaration<T>) {
    let set = &declaration.set;
    page.comments_before(block::first_end(set));
    let heading = format!("{word} {} =", declaration.name.node);
    let line = format!("{heading} {}", set.flat());
    if page.fits(&line) && !page.has_comment_within(span) {
        page.line(&line);
    } else {
        page.line(&heading);
        page.indented(|page| block::tall_set(page, set));
        page.comments_before(span.end);
    }
    page.comment_behind(span.end);
}

fn permission(page: &mut Page<'_>, permission: &Permission) {
    let action = permission.action.node.keyword();
    let opening = format!("{action} {}:", permission.label.flat());
    let Permission { sources, destinations, services, .. } = permission;
    rule::sentence(page, &opening, sources, destinations, services);
    rule::clauses(page, &permission.clauses);
}

fn assertion(page: &mut Page<'_>, assertion: &Assertion) {
    let quantifier = match assertion.quantifier.node {
        Quantifier::Never => "never",
        Quantifier::Always => "always",
    };
    let opening = format!("assert {quantifier} {}:", assertion.label.flat());
    let Assertion { sources, destinations, services, .. } = assertion;
    rule::sentence(page, &opening, sources, destinations, services);
    rule::clauses(page, &assertion.clauses);
}

fn unknown(page: &mut Page<'_>, unknown: &Unknown) {
    page.solid(unknown.name.span, &format!("unknown {}", unknown.name.node));
    rule::clauses(page, &unknown.clauses);
}

fn example(page: &mut Page<'_>, span: Span, example: &Example) {
    let expected = match example.expected.node {
        ExpectedVerdict::Allow => "allow",
        ExpectedVerdict::Deny => "deny",
        ExpectedVerdict::Undetermined => "undetermined",
        ExpectedVerdict::Bypass => "bypass",
        ExpectedVerdict::Local => "local",
        ExpectedVerdict::Platform => "platform",
    };
    let mut heading = format!("example {}", example.label.flat());
    if let Some(title) = &example.title {
        heading.push(' ');
        heading.push_str(&title.flat());
    }
    page.comments_before(span.end);
    page.line(&heading);
    page.indented(|page| page.line(&format!("{} => {expected}", example.flow.node)));
    page.comment_behind(span.end);
}

fn owns(owns: &Owns) -> String {
    let things = owns.things.iter().map(|thing| owned(&thing.node)).collect::<Vec<_>>();
    format!("owns {}", things.join(", "))
}

fn owned(owned: &Owned) -> String {
    match owned {
        Owned::Policy(name) => format!("policy {}", name.flat()),
        Owned::Group(name) => format!("group {}", name.flat()),
        Owned::IpGroup(name) => format!("ip-group {}", name.flat()),
        Owned::RouteTable(name) => format!("route-table {}", name.flat()),
        Owned::Nsg(name) => format!("nsg {}", name.flat()),
        Owned::Subnet(name) => format!("subnet {}", name.flat()),
        Owned::Priorities(first, last) => format!("priorities {first}-{last}"),
    }
}

fn existing(existing: &Existing) -> String {
    let kind = match existing.kind.node {
        ExistingKind::IpGroup => "ip-group",
        ExistingKind::Policy => "policy",
        ExistingKind::RouteTable => "route-table",
        ExistingKind::NatGateway => "nat-gateway",
        ExistingKind::Nsg => "nsg",
    };
    format!("existing {kind} {} {}", existing.name.flat(), existing.id.flat())
}

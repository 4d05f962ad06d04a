//! What recorded flows used of the permissions of a list, as findings.
//!
//! They are notes: what was not recorded may be needed all the same. Nothing is said where the
//! captures cannot know, and of imports, which are made for other lists too.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::civil::Date;

use super::coverage::List;
use super::flow_row::count;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::SourceMap;
use crate::diagnostic::Span;
use crate::flow::FqdnPattern;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::Requirement;
use crate::intent::Service;
use crate::intent::permission::Names;
use crate::intent::topology::Subnet;
use crate::prove::coverage::Statement;
use crate::simulate::Usage;
use crate::simulate::usage::Used;

/// What no capture shows.
const NO_PROOF: &str =
    "what was not recorded may be needed all the same: a renewal, a backup, a failover";

/// The most captures that are named.
const MAX_NAMED: usize = 3;

/// A list, and what captures hold of its flows.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The list.
    pub intent: &'a Intent,
    /// Its text.
    pub sources: &'a SourceMap,
    /// The day on which permissions are active.
    pub day: Date,
    /// The captures, as given.
    pub captures: &'a [String],
    /// What their flows used.
    pub usage: &'a Usage<'a>,
}

/// What was used on one side of a permission.
struct Narrower {
    span: Span,
    /// What was seen.
    says: String,
    /// That, as the list would say it; nothing where it had better not.
    text: Option<String>,
    /// Whether what is written means the same everywhere.
    is_literal: bool,
}

impl Recorded<'_> {
    /// What is to be said of the permissions. What `said` says to take no effect is not said to be
    /// unused.
    pub fn findings(&self, said: &[Diagnostic]) -> Vec<Diagnostic> {
        let overruled = said.iter().filter(|found| found.code() == Code::OVERRULED);
        let overruled: Vec<Span> =
            overruled.filter_map(Diagnostic::primary).map(|label| label.span).collect();
        let is_told = |one: &Permission| {
            one.is_active(self.day) && self.is_own(one) && !overruled.contains(&one.spans.label)
        };
        let permissions = self.intent.permissions.iter().enumerate();
        let findings = permissions.filter(|(_, one)| is_told(one)).filter_map(|(index, one)| {
            match self.usage.of(index) {
                Some(used) => self.narrowly(one, used),
                None => self.never(index, one),
            }
        });
        findings.collect()
    }

    /// Whether it stands in the rules file itself.
    fn is_own(&self, one: &Permission) -> bool {
        self.sources.main().is_some_and(|(main, _)| one.spans.label.file == main)
    }

    /// Whether some flow comes from a source of the list, so that something can be said.
    pub fn tells_anything(&self) -> bool {
        let permissions = &self.intent.permissions;
        let is_source = |address| permissions.iter().any(|one| one.sources.set.contains(address));
        permissions.is_empty() || self.usage.flows_from(is_source) > 0
    }

    fn never(&self, index: usize, one: &Permission) -> Option<Diagnostic> {
        let flows = self.usage.flows_from(|address| one.sources.set.contains(address));
        if flows == 0 {
            return None;
        }
        let headline = match flows {
            1 => format!("`{}` was not used by the one recorded flow from its sources", one.label),
            more => {
                format!(
                    "`{}` was used by none of {more} recorded flows from its sources",
                    one.label
                )
            }
        };
        let mut found = Diagnostic::new(Code::NEVER_USED, headline)
            .at(one.spans.label, "no recorded flow needs it")
            .note(self.recorded_in())
            .note(NO_PROOF);
        if let Some(last) = one.expires {
            found = found.note(format!("it ends by itself after {last}"));
        }
        let ask = match &one.owner {
            Some(owner) => format!("ask {owner} whether"),
            None => "find out whether".to_owned(),
        };
        let list = List { intent: self.intent };
        Some(list.removing(found, Statement::Permission(index)).help(format!(
            "{ask} it is still needed, or record for longer; take it out if it is not"
        )))
    }

    fn narrowly(&self, one: &Permission, used: &Used) -> Option<Diagnostic> {
        let sources = self.narrower_sources(one, used);
        let destinations =
            narrower_destinations(one, used, self.has_only(one.spans.destinations, is_destination));
        let services = narrower_services(one, used, self.has_only(one.spans.services, is_service));
        let narrower_text = self.written(one, [&sources, &destinations, &services]);
        let parts: Vec<Narrower> =
            [destinations, services, sources].into_iter().flatten().collect();
        let (first, others) = parts.split_first()?;
        let (label, flows) = (&one.label, count(used.flows, "recorded flow"));
        let headline = if used.is_certain {
            format!("`{label}` was used more narrowly than it permits, in {flows}")
        } else {
            format!("`{label}` was used in {flows} at most, and more narrowly than it permits")
        };
        let mut found = Diagnostic::new(Code::USED_NARROWLY, headline).at(first.span, &first.says);
        for part in others {
            found = found.also(part.span, &part.says);
        }
        let mut edits: Vec<Edit> = parts
            .iter()
            .filter_map(|part| Some(Edit::replace(part.span, part.text.as_ref()?)))
            .collect();
        edits.sort_by_key(|edit| edit.span.start);
        let is_of_tags = |part: &Narrower| part.text.is_none() && part.is_literal;
        found = match narrower_text {
            Some(text) => found
                .note(format!("narrower: `{text}`"))
                .fix("write what was seen", edits)
                .help("write what was seen, if the reason is about no more"),
            None if parts.iter().all(is_of_tags) => found.help(
                "reach the service by a private endpoint, or take the tag of a region if this one is of \
                 all: the addresses of a tag change",
            ),
            None => found.help(
                "name what was seen, if the reason is about no more; what sets and parameters mean here \
                 they may not mean elsewhere, so no text is offered",
            ),
        };
        Some(found.note(self.recorded_in()).note(NO_PROOF))
    }

    /// The sentence with what was seen, where it can stand for what is written: where parts of it are
    /// sets, parameters or the like, they may mean something else for another cluster, and a comment
    /// would be lost.
    fn written(&self, one: &Permission, parts: [&Option<Narrower>; 3]) -> Option<String> {
        let spans = [one.spans.sources, one.spans.destinations, one.spans.services];
        if spans.iter().any(|span| self.sources.text(*span).contains("//"))
            || parts.iter().all(|part| part.as_ref().is_none_or(|part| part.text.is_none()))
            || parts.into_iter().flatten().any(|part| !part.is_literal)
        {
            return None;
        }
        let text = |part: &Option<Narrower>, span: Span| {
            let narrower = part.as_ref().and_then(|part| part.text.clone());
            narrower.unwrap_or_else(|| self.on_one_line(span))
        };
        let [sources, destinations, services] = parts;
        let [of_sources, of_destinations, of_services] = spans;
        let word = match one.requirement {
            Requirement::Required => "allow",
            Requirement::Optional => "may",
        };
        Some(format!(
            "{word} {}: {} -> {} : {}",
            self.sources.text(one.spans.label),
            text(sources, of_sources),
            text(destinations, of_destinations),
            text(services, of_services)
        ))
    }

    /// Whether each part of what `span` covers `is_literal`, in words that mean the same everywhere.
    fn has_only(&self, span: Span, is_literal: impl Fn(&str) -> bool) -> bool {
        self.sources.text(span).split(',').all(|part| is_literal(part.trim()))
    }

    /// The sources without the subnets whose recorded flows do not need the permission. Of a subnet
    /// without recorded flows nothing is known.
    fn narrower_sources(&self, one: &Permission, used: &Used) -> Option<Narrower> {
        if used.is_used_elsewhere {
            return None;
        }
        let networks = self.intent.topology.networks.iter();
        let subnets: Vec<&Subnet> = networks
            .flat_map(|network| &network.subnets)
            .filter(|subnet| {
                subnet.prefixes.iter().any(|prefix| one.sources.set.contains(prefix.addr()))
            })
            .collect();
        let is_unused = |subnet: &&&Subnet| {
            let is_of_it = |source: IpAddr| {
                subnet.prefixes.iter().any(|prefix| prefix.contains(&source))
                    && one.sources.set.contains(source)
            };
            !subnet.prefixes.iter().any(|prefix| used.subnets.contains(&prefix.trunc()))
                && self.usage.flows_from(is_of_it) > 0
        };
        let unused: BTreeSet<&str> =
            subnets.iter().filter(is_unused).map(|subnet| subnet.name.as_str()).collect();
        if unused.is_empty() {
            return None;
        }
        let bare = |word: &str| word.trim_matches('"').to_owned();
        let is_subnet = |word: &str| subnets.iter().any(|subnet| subnet.name == bare(word));
        let is_literal = self.has_only(one.spans.sources, is_subnet);
        let written = self.sources.text(one.spans.sources).split(',').map(str::trim);
        let left: Vec<&str> =
            written.filter(|word| !unused.contains(bare(word).as_str())).collect();
        let names: Vec<String> = unused.iter().map(|name| format!("`{name}`")).collect();
        Some(Narrower {
            span: one.spans.sources,
            says: format!("no recorded flow from {} needs it", names.join(" or ")),
            text: (is_literal && !left.is_empty()).then(|| left.join(", ")),
            is_literal,
        })
    }

    fn on_one_line(&self, span: Span) -> String {
        self.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn recorded_in(&self) -> String {
        let mut names: Vec<String> =
            self.captures.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect();
        let more = self.captures.len().saturating_sub(MAX_NAMED);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let names = names.join(", ");
        match self.usage.times() {
            Some((first, last)) => format!("recorded from {first:.0} to {last:.0} in {names}"),
            None => format!("recorded in {names}"),
        }
    }
}

/// The names and addresses that were seen, if they are few.
fn narrower_destinations(one: &Permission, used: &Used, is_literal: bool) -> Option<Narrower> {
    let (mut seen, mut text, mut is_narrower) = (Vec::new(), Vec::new(), false);
    let tags = one.destinations.iter().filter(|it| matches!(it, Destination::ServiceTag(_)));
    let is_only_tag = tags.count() == 1;
    for destination in &one.destinations {
        match destination {
            Destination::Names(names) => {
                let is_exact = |pattern: &FqdnPattern| matches!(pattern, FqdnPattern::Exact(_));
                let are_exact = names.patterns.iter().all(is_exact);
                match used.names.values() {
                    Some(few) if !are_exact || few.len() < names.patterns.len() => {
                        is_narrower = true;
                        let names: Vec<String> = few.iter().map(ToString::to_string).collect();
                        seen.push(told(&names, "name", is_literal));
                        text.extend(names);
                    }
                    Some(_) | None => text.extend(written(names)?),
                }
            }
            Destination::Addresses(addresses) => match used.addresses.values() {
                Some(few) if is_few(few.len(), addresses.set.count()) => {
                    is_narrower = true;
                    let addresses: Vec<String> = few.iter().copied().map(address).collect();
                    seen.push(told(&addresses, "address", is_literal));
                    text.extend(addresses);
                }
                Some(_) | None => text.extend(addresses.written.iter().cloned()),
            },
            Destination::ServiceTag(tag) => {
                text.push(format!("tag {tag}"));
                if let Some(few) = used.others.values().filter(|_| is_only_tag) {
                    let few: Vec<String> = few.iter().map(ToString::to_string).collect();
                    let addresses = counted(few.len(), "address");
                    seen.push(match few.as_slice() {
                        [] => format!("{addresses} of `{tag}`"),
                        few => format!("{addresses} of `{tag}`: {}", few.join(", ")),
                    });
                }
            }
            // What they stand for is Microsoft's to change.
            Destination::FqdnTag(_)
            | Destination::WebCategory(_)
            | Destination::Url { .. }
            | Destination::Any => return None,
        }
    }
    if seen.is_empty() {
        return None;
    }
    Some(Narrower {
        span: one.spans.destinations,
        says: format!("seen: {}", seen.join("; ")),
        text: (is_literal && is_narrower && !text.is_empty()).then(|| text.join(", ")),
        is_literal,
    })
}

/// Names as the language writes them, where they are a list of hosts and wildcards.
fn written(names: &Names) -> Option<Vec<String>> {
    let pattern = |pattern: &FqdnPattern| match pattern {
        FqdnPattern::Any => Some("any-name".to_owned()),
        FqdnPattern::Exact(_) | FqdnPattern::Under(_) => Some(pattern.to_string()),
        FqdnPattern::EndsWith(_) => None,
    };
    if names.except.is_empty() { names.patterns.iter().map(pattern).collect() } else { None }
}

/// The services with a flow, and of ranges the ports that were seen, if they are few.
fn narrower_services(one: &Permission, used: &Used, is_literal: bool) -> Option<Narrower> {
    let (mut seen, mut text) = (Vec::new(), Vec::new());
    for (service, ports) in one.services.iter().zip(&used.ports) {
        let range = match *service {
            Service::Tcp(range) => Some(("tcp", range)),
            Service::Udp(range) => Some(("udp", range)),
            Service::Https { .. }
            | Service::Http { .. }
            | Service::Mssql { .. }
            | Service::Icmp
            | Service::Protocol(_)
            | Service::Any => None,
        };
        let granted = |range: PortRange| u128::from(range.last() - range.first()) + 1;
        match (ports.values(), range) {
            (Some(few), _) if few.is_empty() => seen.push(format!("no {service}")),
            (Some(few), Some((protocol, range))) if is_few(few.len(), granted(range)) => {
                let ports: PortSet = few.iter().copied().map(PortRange::single).collect();
                let written = |ports: &PortRange| format!("{protocol}/{ports}");
                let ports: Vec<String> = ports.ranges().iter().map(written).collect();
                seen.push(if is_literal { counted(few.len(), "port") } else { ports.join(", ") });
                text.extend(ports);
            }
            (Some(_) | None, _) => text.push(service.to_string()),
        }
    }
    if seen.is_empty() || text.is_empty() {
        return None;
    }
    Some(Narrower {
        span: one.spans.services,
        says: format!("seen: {}", seen.join("; ")),
        text: is_literal.then(|| text.join(", ")),
        is_literal,
    })
}

/// Whether what was seen is less than half of what is granted.
fn is_few(seen: usize, granted: u128) -> bool {
    u128::try_from(seen).is_ok_and(|seen| seen * 2 < granted)
}

fn counted(number: usize, noun: &str) -> String {
    match (number, noun) {
        (0, _) => format!("no {noun}"),
        (1, _) => format!("1 {noun}"),
        (number, "address") => format!("{number} addresses"),
        (number, noun) => format!("{number} {noun}s"),
    }
}

/// What was seen: by its number where a text has it all, else one by one.
fn told(seen: &[String], noun: &str, is_in_a_text: bool) -> String {
    if is_in_a_text || seen.is_empty() { counted(seen.len(), noun) } else { seen.join(", ") }
}

/// As the language writes it.
fn address(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Whether a destination is written as itself, and not as what something else defines.
fn is_destination(word: &str) -> bool {
    let is_host = word.contains('.') || word.starts_with('[');
    let is_word = ["internet", "any-name", "any-address"].contains(&word);
    (is_host || is_word || word.starts_with("tag ")) && !word.contains(['$', '('])
}

/// The same of a service.
fn is_service(word: &str) -> bool {
    let first = word.split(['/', ' ']).next().unwrap_or_default();
    ["tcp", "udp", "https", "http", "mssql", "icmp", "proto", "any"].contains(&first)
        && !word.contains(['$', '('])
}

//! Assertions and examples.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use super::scope::ModuleId;
use super::scope::Resolution;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::flow::address::AddressRange;
use crate::flow::notation::DestinationText;
use crate::flow::notation::FlowText;
use crate::flow::notation::SourceText;
use crate::intent::Assertion;
use crate::intent::Example;
use crate::intent::Intent;
use crate::intent::check::Expected;
use crate::intent::check::Polarity;
use crate::syntax::ast;
use crate::syntax::ast::ExpectedVerdict;
use crate::syntax::ast::Ident;
use crate::syntax::ast::Path;
use crate::syntax::ast::Quantifier;

/// The most ranges of a set for which an example has flows: two a range, for each end.
const MAX_EXAMPLE_RANGES: usize = 64;

/// The first of the destinations of an example whose host has no known address: reserved for
/// documentation, so that no rule about real addresses meets it (RFC 5737 §3).
const STAND_IN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Azure keeps the first four addresses and the last of a subnet to itself.
const FIRST_USABLE: u32 = 4;

impl Resolution<'_> {
    /// Adds an assertion to the intent.
    pub(super) fn assertion(
        &mut self,
        module: ModuleId,
        node: &ast::Assertion,
        span: Span,
        intent: &mut Intent,
    ) -> Option<()> {
        let label = self.label(module, &node.label);
        let sentence = self.sentence(module, &node.sources, &node.destinations, &node.services);
        let because = self.optional_text(module, node.clauses.because.as_ref());
        let (label, sentence) = (label?, sentence?);
        let found = Diagnostic::new(
            Code::NOT_YET_PROVED,
            format!("assertion `{label}` is checked for its names only; `exeat prove` decides it"),
        )
        .at(node.label.span, "a claim about all flows");
        self.report(found);
        intent.assertions.push(Assertion {
            label,
            polarity: match node.quantifier.node {
                Quantifier::Never => Polarity::Never,
                Quantifier::Always => Polarity::Always,
            },
            sources: sentence.sources,
            destinations: sentence.destinations,
            services: sentence.services,
            because: because.ok()?,
            origin: self.origin(module, span),
        });
        Some(())
    }

    /// Adds an example to the intent.
    pub(super) fn example(
        &mut self,
        module: ModuleId,
        node: &ast::Example,
        span: Span,
        intent: &mut Intent,
    ) -> Option<()> {
        let label = self.label(module, &node.label);
        let title = self.optional_text(module, node.title.as_ref());
        let expected = match node.expected.node {
            ExpectedVerdict::Allow => Expected::Allow,
            ExpectedVerdict::Deny => Expected::Deny,
            ExpectedVerdict::Undetermined => Expected::Undetermined,
            ExpectedVerdict::Bypass => Expected::Bypass,
            ExpectedVerdict::Local => Expected::Local,
            ExpectedVerdict::Platform => Expected::Platform,
        };
        let flow = self.flow_text(&node.flow)?;
        let sources = match &flow.source {
            SourceText::Address(address) => Some(vec![*address]),
            SourceText::Word(word) => {
                let span = self.place_of(word, &node.flow);
                self.ends_of_word(module, word, span)
            }
        };
        let mut host = None;
        let destinations = match &flow.destination {
            DestinationText::Address(address) => Some(vec![*address]),
            DestinationText::Name(name) if self.is_unknown(module, name) => {
                self.assume_address(name, &node.flow);
                host = Some(name.clone());
                Some(vec![STAND_IN])
            }
            DestinationText::Name(name) => self.destination_addresses(module, name, &node.flow),
        };
        let mut flows = Vec::new();
        for destination in destinations? {
            for source in sources.iter().flatten() {
                if source.is_ipv4() == destination.is_ipv4() {
                    flows.push(flow.observation(*source, destination));
                }
            }
        }
        sources?;
        if flows.is_empty() {
            let found = Diagnostic::new(
                Code::BAD_FLOW,
                "source and destination have no address family in common",
            );
            return self.refuse(found.at(node.flow.span, "IPv4 on one side, IPv6 on the other"));
        }
        let (label, title) = (label?, title.ok()?);
        let origin = self.origin(module, span);
        intent.examples.push(Example { label, title, flows, host, expected, origin });
        Some(())
    }

    fn flow_text(&mut self, flow: &Spanned<String>) -> Option<FlowText> {
        match FlowText::parse(&flow.node) {
            Ok(text) => Some(text),
            Err(error) => {
                // The text is that of the file unless it was broken over lines or had comments.
                let as_written = self.sources.text(flow.span) == flow.node;
                let start = flow.span.start as usize + error.at;
                let span = if as_written {
                    Span::new(flow.span.file, start, start + error.len)
                } else {
                    flow.span
                };
                let found = Diagnostic::new(Code::BAD_FLOW, error.message).at(span, "no flow");
                let help = error.help.unwrap_or_else(|| {
                    "write a flow such as `10.1.8.4 -> 192.0.2.7 : tcp/443 tls www.example.com`"
                        .to_owned()
                });
                self.refuse(found.help(help))
            }
        }
    }

    /// Where a word of the flow stands: the first place of it, as an endpoint is before its names.
    fn place_of(&self, word: &str, flow: &Spanned<String>) -> Span {
        let Some(at) = self.sources.text(flow.span).find(word) else { return flow.span };
        let start = flow.span.start as usize + at;
        Span::new(flow.span.file, start, start + word.len())
    }

    /// The addresses at both ends of each range of a subnet, pool or set.
    fn ends_of_word(&mut self, module: ModuleId, word: &str, span: Span) -> Option<Vec<IpAddr>> {
        let path = match word.split_once("::") {
            Some((alias, name)) => Ident::new(alias).zip(Ident::new(name)).map(|(alias, name)| {
                Path { module: Some(Spanned::new(alias, span)), name: Spanned::new(name, span) }
            }),
            None => {
                Ident::new(word).map(|name| Path { module: None, name: Spanned::new(name, span) })
            }
        };
        let Some(path) = path else {
            let found = Diagnostic::new(
                Code::BAD_FLOW,
                format!("expected the name of a subnet or set, found `{word}`"),
            );
            return self.refuse(found.at(span, "no name"));
        };
        let ends = self.operand(module, &ast::Operand::Reference(path), span)?;
        if !ends.is_addresses() {
            let found = Diagnostic::new(
                Code::WRONG_KIND,
                format!("expected addresses, found {} `{word}`", ends.kind()),
            );
            return self.refuse(found.at(span, "only addresses may stand here"));
        }
        self.representatives(&ends.addresses, word, span)
    }

    fn representatives(&mut self, set: &AddressSet, word: &str, span: Span) -> Option<Vec<IpAddr>> {
        let ranges = set.ranges();
        if ranges.len() > MAX_EXAMPLE_RANGES {
            let found = Diagnostic::new(
                Code::BAD_FLOW,
                format!(
                    "`{word}` has {} ranges, and an example is about at most {MAX_EXAMPLE_RANGES}",
                    ranges.len()
                ),
            )
            .at(span, "too many")
            .help("name a smaller set, or an address");
            return self.refuse(found);
        }
        let mut addresses: Vec<IpAddr> = ranges.into_iter().flat_map(usable_ends).collect();
        addresses.dedup();
        Some(addresses)
    }

    /// Whether `name` is that of a host without a known address.
    fn is_unknown(&self, module: ModuleId, name: &Fqdn) -> bool {
        let known = self.options.addresses.get(name);
        self.entries(module, name.as_str()).is_empty() && known.is_none_or(Vec::is_empty)
    }

    /// Says that the address of `name` is not known.
    fn assume_address(&mut self, name: &Fqdn, flow: &Spanned<String>) {
        let found = Diagnostic::new(
            Code::ASSUMED_ADDRESS,
            format!("no address of `{name}` is known, so the example is about any public one"),
        )
        .at(flow.span, "a host, by its name")
        .help("write the address and the name the client shows: `A -> ADDRESS : tcp/443 tls NAME`");
        self.report(found);
    }

    /// The addresses of a destination that is written as a word: those of a declared thing, else
    /// one that the host is known to have.
    fn destination_addresses(
        &mut self,
        module: ModuleId,
        name: &Fqdn,
        flow: &Spanned<String>,
    ) -> Option<Vec<IpAddr>> {
        if self.entries(module, name.as_str()).is_empty() {
            let known = self.options.addresses.get(name)?;
            return Some(known.first().copied().into_iter().collect());
        }
        let span = self.place_of(name.as_str(), flow);
        self.ends_of_word(module, name.as_str(), span)
    }
}

/// The first and the last address that a machine can have.
fn usable_ends(range: AddressRange) -> Vec<IpAddr> {
    let (first, last) = match (range.first(), range.last()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            let (low, high) = (u32::from(first), u32::from(last));
            match (low.checked_add(FIRST_USABLE), high.checked_sub(1)) {
                (Some(low), Some(high)) if low <= high => {
                    (IpAddr::V4(low.into()), IpAddr::V4(high.into()))
                }
                _ => (first.into(), last.into()),
            }
        }
        ends => ends,
    };
    if first == last { vec![first] } else { vec![first, last] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(first: &str, last: &str, expected: &[&str]) {
        let range = AddressRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap();
        let found: Vec<String> = usable_ends(range).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_range_is_represented_by_the_addresses_machines_can_have() {
        check("10.1.0.0", "10.1.0.255", &["10.1.0.4", "10.1.0.254"]);
        check("10.1.0.0", "10.1.0.7", &["10.1.0.4", "10.1.0.6"]);
        check("10.1.0.5", "10.1.0.5", &["10.1.0.5"]);
        check("10.1.0.0", "10.1.0.3", &["10.1.0.0", "10.1.0.3"]);
        check("2001:db8::", "2001:db8::ff", &["2001:db8::", "2001:db8::ff"]);
    }
}

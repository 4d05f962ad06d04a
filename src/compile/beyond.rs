//! What a parent lets out beyond the list.
//!
//! Rules of a parent are looked at before those of its child (`azure-firewall.md §1.3`), so what a
//! parent allows leaves whatever the list says. Each of its allow rules, DNAT aside, is cut to what
//! the routes bring from the list's subnets to a firewall of the policy, and what may be denied
//! ahead of it is taken away; then what the list permits. Flows that are left are told
//!
//! - as **not permitted** if they are no permission's even where tags and names hold all that they
//!   could;
//! - as **not shown to be permitted** else: a service tag, FQDN tag, category, URL or name behind a
//!   network rule is permitted where the list has the same, or permits all that it could hold.
//!
//! Nothing is said of a rule that the permissions cover, one alone or several together.

use std::collections::BTreeMap;

use super::block::Block;
use super::block::Left;
use super::carriage::Carried;
use super::ground::prefixes;
use super::inherited::Denied;
use super::inherited::Inherited;
use super::inherited::Part;
use super::inherited::Told;
use super::listed::Listed;
use super::shape::Whose;
use super::ways::Vantage;
use super::wording;
use crate::azure::Deployment;
use crate::azure::policy::Action;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::flow::AddressSet;
use crate::flow::PortRange;
use crate::flow::PortSet;

/// How many rules are told; after the first few, the parent as a whole wants a look.
const MAX_RULES: usize = 8;
/// How many lines of one rule are told.
const MAX_LINES: usize = 8;
/// How many comparisons of one set of flows with another are made: some seconds.
const MAX_STEPS: usize = 1 << 22;

/// Where no packet goes, whatever the routes say (`azure-routing.md §7`).
const UNUSABLE: &[&str] = &["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3"];

/// A warning for each rule of the parents that lets out what `carried` does not permit;
/// `untranslated` is where the client's address is kept.
pub(super) fn check(
    inherited: &[Inherited<'_>],
    context: &Deployment,
    carried: &[Carried<'_>],
    vantages: &[Vantage],
    untranslated: &AddressSet,
) -> Vec<Diagnostic> {
    let listed = Listed::new(carried);
    let views: Vec<View<'_>> = vantages.iter().map(View::new).collect();
    let mut denied = Denied::new(&listed);
    let mut steps = MAX_STEPS;
    let mut findings = Vec::new();
    let mut more = 0_usize;
    for rule in inherited {
        match rule.action {
            Action::Deny => denied.add(rule, context),
            Action::Allow => {
                let mut lines = Lines::default();
                for (at, part) in rule.parts(context, &listed, untranslated).iter().enumerate() {
                    let taken = denied.of(part);
                    for view in &views {
                        lines.add((at, part), &taken, view, &mut steps);
                    }
                }
                match lines.report(rule) {
                    Some(found) if findings.len() < MAX_RULES => findings.push(found),
                    Some(_) => more += 1,
                    None => {}
                }
            }
        }
    }
    if let Some(last) = findings.pop_if(|_| more > 0) {
        findings.push(last.note(format!("and so do {more} more rules of the parent")));
    }
    findings
}

/// A subnet of the list, and what of it a firewall of the policy sees.
#[derive(Debug)]
struct View<'v> {
    name: &'v str,
    sources: AddressSet,
    destinations: AddressSet,
}

impl View<'_> {
    fn new(vantage: &Vantage) -> View<'_> {
        let seen = vantage.seen.values();
        let seen = seen.fold(AddressSet::empty(), |all, more| all.union(more));
        View {
            name: &vantage.name,
            sources: vantage.addresses.intersection(&prefixes(&["0.0.0.0/0"])),
            destinations: seen.difference(&prefixes(UNUSABLE)),
        }
    }
}

/// What one rule lets out: whether it is only not shown to be permitted, the number of the part, its
/// words; and the subnets.
#[derive(Debug, Default)]
struct Lines<'v>(BTreeMap<(bool, usize, String), Vec<&'v str>>);

impl<'v> Lines<'v> {
    fn add(
        &mut self,
        (at, part): (usize, &Part),
        denied: &[Block],
        view: &View<'v>,
        steps: &mut usize,
    ) {
        let flows = Block {
            sources: part.flows.sources.intersection(&view.sources),
            destinations: part.flows.destinations.intersection(&view.destinations),
            ..part.flows.clone()
        };
        if flows.is_empty() {
            return;
        }
        let sure = part.at_most.as_ref().and_then(|at_most| {
            match flows.clone().left_by(denied.iter().chain(at_most), steps) {
                Left::Some(left) => Some(left),
                Left::Nothing | Left::Unknown => None,
            }
        });
        let (is_open, left) = match sure {
            Some(left) => (false, left),
            None => match flows.clone().left_by(denied.iter().chain(&part.permitted), steps) {
                Left::Some(left) => (true, left),
                Left::Unknown => (true, flows),
                Left::Nothing => return,
            },
        };
        let words = format!("to {} on {}", destinations(part, &left), services(part, &left));
        self.0.entry((is_open, at, words)).or_default().push(view.name);
    }

    fn report(self, rule: &Inherited<'_>) -> Option<Diagnostic> {
        let ((all_open, ..), _) = self.0.first_key_value()?;
        let whose = Whose::Parents(rule.id.clone());
        let headline = if *all_open {
            format!("{whose} lets out what is not shown to be permitted by the list")
        } else {
            format!("{whose} lets out what the list does not permit")
        };
        let all_open = *all_open;
        let mut found = Diagnostic::new(Code::BEYOND_THE_LIST, headline);
        let more = self.0.len().saturating_sub(MAX_LINES);
        let mut some_open = false;
        for ((is_open, _, words), subnets) in self.0.into_iter().take(MAX_LINES) {
            some_open |= is_open;
            let open = if is_open && !all_open { ", not shown to be permitted" } else { "" };
            found = found.note(format!("from {}, {words}{open}", wording::names(&subnets)));
        }
        if more > 0 {
            found = found.note(format!("and {more} lines more"));
        }
        if some_open {
            found = found.note(
                "a tag, category, URL or name is permitted where the list has the same, since what it holds is not known here",
            );
        }
        Some(
            found
                .note("a parent's rules are looked at before the list's of the same kind: a deny there comes too late")
                .help("take the rule out of the parent or narrow it, or write what it lets out as `may` in the list, where it is reviewed"),
        )
    }
}

fn destinations(part: &Part, left: &Block) -> String {
    match &part.told {
        Told::Addresses(written) => {
            let prefixes = left.destinations.prefixes();
            if prefixes.len() <= wording::MAX_TOLD {
                wording::names(&prefixes)
            } else {
                format!("addresses of {}", wording::names(written))
            }
        }
        Told::Names(written) => match left.names.patterns() {
            Some(patterns) if patterns.len() <= wording::MAX_TOLD => wording::names(&patterns),
            Some(_) | None => format!("names of {}", wording::names(written)),
        },
        Told::As(words) => words.clone(),
    }
}

fn services(part: &Part, left: &Block) -> String {
    if let Some(pair) = part.pair {
        let protocol = pair.protocol.keyword().to_ascii_lowercase();
        return wording::names(&[format!("{protocol}/{}", pair.port)]);
    }
    let every: PortSet = PortRange::new(1, u16::MAX).into_iter().collect();
    let mut texts = Vec::new();
    for (protocol, ports) in [("tcp", &left.services.tcp), ("udp", &left.services.udp)] {
        if *ports == every {
            texts.push(protocol.to_owned());
        } else {
            texts.extend(ports.ranges().iter().map(|range| format!("{protocol}/{range}")));
        }
    }
    if left.services.icmp {
        texts.push("icmp".to_owned());
    }
    let told = wording::names(&texts);
    match (left.services.others, texts.is_empty()) {
        (false, _) => told,
        (true, true) => "every other protocol".to_owned(),
        (true, false) => format!("{told} and every other protocol"),
    }
}

//! What a parent lets out beyond the list.
//!
//! Rules of a parent are looked at before those of its child (`azure-firewall.md §1.3`), so what a
//! parent allows leaves whatever the list says. Each of its allow rules is cut to what the routes
//! bring from the list's subnets to a firewall of the policy, and what is denied ahead of it is taken
//! away; then what the list permits. A DNAT rule is cut to the addresses of those firewalls, and its
//! flows are compared as their clients send them, as the list is held against them anywhere. Flows that are left are told
//!
//! - as **not permitted** if they are denied by nothing, and no permission's, even where tags and
//!   names hold all that they could;
//! - as **not shown to be permitted** else: a service tag, FQDN tag, category, URL or name behind a
//!   network rule is permitted where the list has the same, or permits all that it could hold; and
//!   what an earlier deny of one may stop is let out if it does not.
//!
//! Nothing is said of a rule that the permissions cover, one alone or several together. Rules that
//! were not compared to the end are counted, and nothing else is said of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::block::Block;
use super::block::Left;
use super::block::spend;
use super::carriage::Carried;
use super::ground::prefixes;
use super::inherited::Denial;
use super::inherited::Denied;
use super::inherited::DeniedIndex;
use super::inherited::Inherited;
use super::inherited::Onward;
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

/// How many rules are told; after the first few, the parent as a whole wants a look, and the others
/// are not compared.
const MAX_RULES: usize = 8;
/// How many lines of one rule are told.
const MAX_LINES: usize = 8;
/// How many steps are made for one rule: comparisons of one small block with another.
const MAX_STEPS_OF_RULE: usize = 1 << 16;
/// How many steps are made for all rules: a second or two.
const MAX_STEPS: usize = 1 << 20;

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
    let is_allow = |rule: &&Inherited<'_>| match rule.action {
        Action::Allow => true,
        Action::Deny => false,
    };
    if !inherited.iter().any(|rule| is_allow(&rule)) {
        return Vec::new();
    }
    let listed = Listed::new(carried);
    let mut denied = Denied::new(&listed);
    for deny in inherited.iter().filter(|rule| !is_allow(rule)) {
        denied.add(deny, context);
    }
    let views: Vec<View<'_>> = vantages.iter().map(View::new).collect();
    let ground = Ground {
        context,
        untranslated,
        denied: denied.indexed(),
        whole: View::whole(&views),
        views,
        listed,
    };
    let mut budget = MAX_STEPS;
    let mut findings = Vec::new();
    let mut rules = inherited.iter().filter(is_allow);
    let mut too_long = 0_usize;
    for rule in rules.by_ref() {
        let mut steps = budget.min(MAX_STEPS_OF_RULE);
        budget = budget.saturating_sub(steps);
        let mut lines = Lines::default();
        let is_whole = lines.gather(rule, &ground, &mut steps).is_some();
        budget = budget.saturating_add(steps);
        match lines.report(rule, is_whole) {
            Some(found) => findings.push(found),
            None if !is_whole => too_long += 1,
            None => {}
        }
        if findings.len() == MAX_RULES {
            break;
        }
    }
    let untold = rules.count();
    not_compared(findings, untold, too_long)
}

/// `findings` with what is said of rules that were not compared: `untold` since enough are told,
/// `too_long` since they would take too long.
fn not_compared(mut findings: Vec<Diagnostic>, untold: usize, too_long: usize) -> Vec<Diagnostic> {
    let count = |number: usize| match number {
        1 => "1 rule of the parent was".to_owned(),
        _ => format!("{number} rules of the parent were"),
    };
    let words = format!("{} not compared with the list to the end", count(too_long));
    let why =
        "every source, service and destination of theirs meets too many statements and denies";
    match findings.pop() {
        Some(mut last) => {
            if untold > 0 {
                last = last.note(format!(
                    "{} not compared with the list, since the first {MAX_RULES} of those that let out more are told",
                    count(untold)
                ));
            }
            if too_long > 0 {
                last = last.note(format!("{words}: {why}"));
            }
            findings.push(last);
        }
        None if too_long > 0 => findings.push(
            Diagnostic::new(Code::BEYOND_THE_LIST, words)
                .note(why)
                .note("whether they let out more than the list permits is not known")
                .help("narrow them in the parent, or part them"),
        ),
        None => {}
    }
    findings
}

/// What every rule is compared with.
#[derive(Debug)]
struct Ground<'v> {
    context: &'v Deployment,
    untranslated: &'v AddressSet,
    listed: Listed<'v>,
    denied: DeniedIndex,
    views: Vec<View<'v>>,
    /// All of them together, and more.
    whole: View<'v>,
}

/// A subnet of the list, and what of it a firewall of the policy sees.
#[derive(Debug)]
struct View<'v> {
    name: &'v str,
    sources: AddressSet,
    destinations: AddressSet,
    /// The addresses at which firewalls hold their DNAT rules against what it sends.
    translating: AddressSet,
}

impl View<'_> {
    fn new(vantage: &Vantage) -> View<'_> {
        let seen = vantage.seen.values();
        let seen = seen.fold(AddressSet::empty(), |all, more| all.union(more));
        View {
            name: &vantage.name,
            sources: vantage.addresses.intersection(&prefixes(&["0.0.0.0/0"])),
            destinations: seen.difference(&prefixes(UNUSABLE)),
            translating: vantage.translating.clone(),
        }
    }

    /// What `views` have together, and other pairs of their sources and destinations.
    fn whole(views: &[View<'_>]) -> View<'static> {
        let empty = AddressSet::empty;
        let sources = views.iter().fold(empty(), |all, view| all.union(&view.sources));
        let destinations = views.iter().fold(empty(), |all, view| all.union(&view.destinations));
        let translating = views.iter().fold(empty(), |all, view| all.union(&view.translating));
        View { name: "", sources, destinations, translating }
    }

    /// The destinations of `part` that a firewall asks its rule about.
    fn reached(&self, part: &Part) -> AddressSet {
        let asked = match &part.told {
            Told::Addresses | Told::Names(_) | Told::As(_) => &self.destinations,
            Told::Translated(_) => &self.translating,
        };
        part.flows.destinations.intersection(asked)
    }
}

/// Flows that are left of a part.
#[derive(Debug)]
struct Beyond {
    flows: Block,
    /// Whether they are only not shown to be permitted.
    is_open: bool,
    /// Whether a permission may hold them.
    may_be_permitted: bool,
    /// Whether an earlier deny may stop them.
    may_be_denied: bool,
}

impl Beyond {
    /// What is left of `part` as `view` has it.
    ///
    /// # Errors
    /// There were not enough `steps` to find out.
    fn of(
        part: &Part,
        denied: &[&Denial],
        view: &View<'_>,
        steps: &mut usize,
    ) -> Result<Option<Beyond>, TooLong> {
        spend(steps, 1).ok_or(TooLong)?;
        let flows = Block {
            sources: part.flows.sources.intersection(&view.sources),
            destinations: view.reached(part),
            ..part.flows.clone()
        };
        if flows.is_empty() {
            return Ok(None);
        }
        if let Some(at_most) = &part.at_most {
            let taken = denied.iter().map(|denial| &denial.at_most).chain(at_most);
            match flows.clone().left_by(taken, steps) {
                Left::Some(flows) => {
                    let (is_open, may_be_permitted, may_be_denied) = (false, false, false);
                    return Ok(Some(Beyond { flows, is_open, may_be_permitted, may_be_denied }));
                }
                Left::Nothing => {}
                Left::Unknown => return Err(TooLong),
            }
        }
        let taken = denied.iter().map(|denial| &denial.surely).chain(&part.permitted);
        match flows.left_by(taken, steps) {
            Left::Some(flows) => Ok(Some(Beyond {
                is_open: true,
                may_be_permitted: part
                    .at_most
                    .as_ref()
                    .is_none_or(|at_most| at_most.iter().any(|block| block.meets(&flows))),
                may_be_denied: denied.iter().any(|denial| denial.at_most.meets(&flows)),
                flows,
            })),
            Left::Nothing => Ok(None),
            Left::Unknown => Err(TooLong),
        }
    }
}

/// To compare it would take too long.
#[derive(Debug)]
struct TooLong;

/// What one rule lets out.
#[derive(Debug, Default)]
struct Lines<'v> {
    /// The subnets, by whether it is only not shown to be permitted, the number of the part, and its
    /// words.
    subnets: BTreeMap<(bool, usize, String), Vec<&'v str>>,
    may_be_permitted: bool,
    may_be_denied: bool,
    /// Whether it is sent on to another destination.
    is_translated: bool,
    /// The denies of the list that would meet it, before it is sent on or after.
    defeated: BTreeSet<&'v str>,
    /// Whether some of that is sent to a public address.
    is_hairpin: bool,
    /// Whether some of it has neither TCP, UDP nor ICMP.
    has_others: bool,
}

impl<'v> Lines<'v> {
    /// Adds what `rule` lets out; `None` if there were not enough `steps` for all of it.
    fn gather(
        &mut self,
        rule: &Inherited<'_>,
        ground: &Ground<'v>,
        steps: &mut usize,
    ) -> Option<()> {
        let parts = rule.parts(ground.context, &ground.listed, ground.untranslated, steps)?;
        for (at, part) in parts.iter().enumerate() {
            let denied = ground.denied.before(rule, part, steps)?;
            if Beyond::of(part, &denied, &ground.whole, steps).ok()?.is_none() {
                continue;
            }
            for view in &ground.views {
                let Some(beyond) = Beyond::of(part, &denied, view, steps).ok()? else { continue };
                let left = &beyond.flows;
                let mut words =
                    format!("to {} on {}", destinations(part, left), services(part, left));
                if let Told::Translated(onward) = &part.told {
                    words.push_str(", sent on to ");
                    words.push_str(&onward.words);
                    self.is_translated = true;
                    self.is_hairpin |= left.destinations.meets(&AddressSet::public());
                }
                self.subnets.entry((beyond.is_open, at, words)).or_default().push(view.name);
                self.may_be_permitted |= beyond.may_be_permitted;
                self.may_be_denied |= beyond.may_be_denied;
                self.has_others |= left.services.others;
                if let Told::Translated(onward) = &part.told {
                    self.add_defeated(left, onward, &ground.listed, steps)?;
                }
            }
        }
        Some(())
    }

    /// Adds the denies of the list that `left`, or what becomes of it, would meet.
    fn add_defeated(
        &mut self,
        left: &Block,
        onward: &Onward,
        listed: &Listed<'v>,
        steps: &mut usize,
    ) -> Option<()> {
        let flows = onward.flows.clone();
        let after = flows.map(|flows| Block { sources: left.sources.clone(), ..flows });
        for deny in &listed.denied {
            spend(steps, deny.flows.cost(left))?;
            let meets = |flows: &Block| deny.flows.meets(flows);
            if meets(left) || after.as_ref().is_some_and(meets) {
                self.defeated.insert(deny.label);
            }
        }
        Some(())
    }

    /// A warning if there are lines; `is_whole` says whether there can be no others.
    fn report(self, rule: &Inherited<'_>, is_whole: bool) -> Option<Diagnostic> {
        let ((all_open, ..), _) = self.subnets.first_key_value()?;
        let whose = Whose::Parents(rule.id.clone());
        let headline = if *all_open {
            format!("{whose} lets out what is not shown to be permitted by the list")
        } else {
            format!("{whose} lets out what the list does not permit")
        };
        let all_open = *all_open;
        let mut found = Diagnostic::new(Code::BEYOND_THE_LIST, headline);
        let more = self.subnets.len().saturating_sub(MAX_LINES);
        for ((is_open, _, words), subnets) in self.subnets.into_iter().take(MAX_LINES) {
            let open = if is_open && !all_open { ", not shown to be permitted" } else { "" };
            found = found.note(format!("from {}, {words}{open}", wording::names(&subnets)));
        }
        if more > 0 {
            found = found.note(format!("and {more} lines more"));
        }
        if !is_whole {
            found = found.note(
                "the rest of the rule was not compared with the list: it would take too long",
            );
        }
        if self.may_be_permitted {
            found = found.note(
                "a tag, category, URL or name is permitted where the list has the same, since what it holds is not known here",
            );
        }
        if self.may_be_denied {
            found = found.note(
                "an earlier deny of a tag, category, URL or name may stop a part of it, since what that holds is not known here",
            );
        }
        let help = if self.has_others {
            "take the rule out of the parent, or narrow it there to TCP, UDP or ICMP, since no sentence of a list permits every other protocol; write what it then lets out as `may` in the list, where it is reviewed"
        } else {
            "take the rule out of the parent or narrow it, or write what it lets out as `may` in the list, where it is reviewed"
        };
        if self.is_hairpin {
            found = found.note(
                "Azure does not support flows from inside to a public address of the firewall: what comes of them is not known",
            );
        }
        if !self.defeated.is_empty() {
            let labels: Vec<&str> = self.defeated.into_iter().collect();
            found =
                found.note(format!("denied in the list, in vain, by {}", wording::names(&labels)));
        }
        let found = if self.is_translated {
            found
                .note("DNAT rules are looked at before all others: a deny in the list comes too late, be it of what is sent to or of what it is sent on to")
                .note("sources disagree whether a parent's DNAT rules count: here they do")
        } else {
            found.note("a parent's rules are looked at before the list's of the same kind: a deny there comes too late")
        };
        Some(found.help(help))
    }
}

fn destinations(part: &Part, left: &Block) -> String {
    match &part.told {
        Told::Addresses | Told::Translated(_) => wording::prefixes(&left.destinations),
        Told::Names(written) => match left.names.patterns() {
            Some(patterns) => wording::names(&patterns),
            None => format!("names of {}", wording::names(written)),
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

//! Replies that do not come back through the firewall that let the flow out.
//!
//! A network rule keeps the client's address on the way to a private destination
//! (`azure-firewall.md §4.2`), so the reply follows the routes of the subnet that answers: to inspect
//! what goes between two subnets takes a route on both sides (`azure-routing.md §9`). Where one is
//! missing, the firewall sees half of the connection, or no reply arrives.
//!
//! Only what is declared from end to end is told: both subnets, a way to one firewall of the policy,
//! that it delivers from there inside its network or to a peer, and a way back that is known to
//! miss it. Nothing is said of a way back over an appliance, a gateway or a firewall with other
//! rules, from which packets may come to the firewall after all; nor of private endpoints, whose
//! replies follow no route of their subnet (`azure-routing.md §4`).
//!
//! Of `n` subnets there are `n²` pairs, so the permissions are asked first: those that no network
//! rule carries to an address that keeps the client's are done with at once. Of the others an index
//! finds the subnets that they are between, and of these the senders that the answers miss; each
//! pair is made when it is looked at, and dropped if it is not told.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::block::Block;
use super::block::Left;
use super::block::Services;
use super::carriage::Carried;
use super::carriage::Matcher;
use super::ground::Ground;
use super::ground::prefixes;
use super::inherited::Denied;
use super::inherited::Inherited;
use super::listed;
use super::listed::Listed;
use super::statement::Statement;
use super::ways;
use super::ways::End;
use super::ways::Vantage;
use super::wording;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::policy::Action;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Severity;
use crate::flow::AddressSet;
use crate::flow::set::IntervalSet;
use crate::flow::set::SetIndex;

/// How many pairs of subnets are told of one statement.
const MAX_PAIRS: usize = 8;
/// How many steps a run takes: a look at a subnet, a pair or a cut of one of their sets, and a
/// comparison with a deny. Some hundred thousand pairs, about a second; the rest is not compared,
/// and a note says so.
const MAX_STEPS: usize = 1 << 22;
/// How many comparisons with denies are made of one permission and pair: a tenth of a second. Where
/// that is not enough, nothing is known to be permitted.
const MAX_STEPS_OF_PAIR: usize = 1 << 16;

/// A warning for each network permission of `carried` whose replies miss the firewall, and a note
/// if there are too many subnets to ask. `untranslated` is where the client's address is kept.
pub(super) fn check(
    carried: &[Carried<'_>],
    inherited: &[Inherited<'_>],
    vantages: &[Vantage],
    untranslated: &AddressSet,
    ground: &Ground,
    deployment: &Deployment,
) -> Vec<Diagnostic> {
    let asked = permitted(carried, untranslated);
    if asked.is_empty() {
        return Vec::new();
    }
    let mut denied = Denied::new(&Listed::new(carried));
    for deny in inherited.iter().filter(|rule| rule.action == Action::Deny) {
        denied.add(deny, deployment);
    }
    let denied = denied.by_address();
    let firewalls = ways::firewalls(ground, deployment);
    let network = Network::new(vantages, &firewalls, untranslated);
    let mut steps = MAX_STEPS;
    let mut findings = Vec::new();
    for (at, (statement, flows)) in asked.iter().enumerate() {
        let mut pairs = Pairs::default();
        let is_whole = network.compare(flows, &denied, &mut steps, &mut pairs).is_some();
        findings.extend(report(statement, &pairs, is_whole));
        if !is_whole {
            findings.push(not_compared(statement, asked.len().saturating_sub(at + 1)));
            break;
        }
    }
    findings
}

/// What network rules permit by number where the client's address is kept.
fn permitted<'c, 'a>(
    carried: &'c [Carried<'a>],
    untranslated: &AddressSet,
) -> Vec<(&'c Statement<'a>, Block)> {
    let every = prefixes(&["0.0.0.0/0"]);
    let asked = carried.iter().filter_map(|Carried { statement, matcher }| {
        let Matcher::Network(rule) = matcher else { return None };
        // What means every address singles out none that is near.
        if statement.action == Action::Deny
            || !rule.addresses.meets(untranslated)
            || rule.addresses.covers(&every)
        {
            return None;
        }
        Some((statement, listed::by_number(&statement.sources.set, rule)))
    });
    asked.collect()
}

/// The subnets, found by their machines, and the firewalls between them.
#[derive(Debug)]
struct Network<'v> {
    subnets: Vec<Subnet<'v>>,
    by_hosts: SetIndex<AddressSet>,
    firewalls: BTreeMap<&'v Key, Delivery>,
}

#[derive(Debug)]
struct Subnet<'v> {
    vantage: &'v Vantage,
    hosts: AddressSet,
}

/// What a firewall delivers inside its network or to a peer.
#[derive(Debug)]
struct Delivery {
    near: AddressSet,
    /// The part to which it keeps the client's address.
    untranslated: AddressSet,
}

/// Where a subnet sends what a firewall should see.
#[derive(Clone, Copy, Debug)]
enum Elsewhere<'v> {
    /// In these words.
    Way(&'v str),
    Firewall(&'v Key),
}

impl fmt::Display for Elsewhere<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Elsewhere::Way(words) => f.write_str(words),
            Elsewhere::Firewall(name) => {
                write!(f, "to firewall `{name}`, which has not seen the request")
            }
        }
    }
}

/// Two subnets, where what the second sends back to the first misses the firewall between them.
#[derive(Debug)]
struct OneSided<'v> {
    from: &'v Vantage,
    to: &'v Vantage,
    firewall: &'v Key,
    /// Where what goes back to which addresses is led.
    back: Vec<(Elsewhere<'v>, AddressSet)>,
}

/// The pairs of one permission: the first few, and how many more there are.
#[derive(Debug, Default)]
struct Pairs<'v> {
    told: Vec<OneSided<'v>>,
    more: usize,
}

impl<'v> Pairs<'v> {
    fn add(&mut self, pair: OneSided<'v>) {
        if self.told.len() < MAX_PAIRS {
            self.told.push(pair);
        } else {
            self.more += 1;
        }
    }
}

impl<'v> Network<'v> {
    fn new(
        vantages: &'v [Vantage],
        firewalls: &'v BTreeMap<Key, Vantage>,
        untranslated: &AddressSet,
    ) -> Network<'v> {
        let subnets = vantages.iter().map(|vantage| Subnet { vantage, hosts: vantage.hosts() });
        let subnets: Vec<Subnet<'v>> = subnets.collect();
        let firewalls = firewalls.iter().map(|(name, own)| {
            let near = own.near();
            let untranslated = near.intersection(untranslated);
            (name, Delivery { near, untranslated })
        });
        Network {
            by_hosts: SetIndex::new(subnets.iter().map(|subnet| &subnet.hosts).enumerate()),
            subnets,
            firewalls: firewalls.collect(),
        }
    }

    /// Adds to `pairs` those between which a firewall sees one direction alone of what is
    /// `permitted` and not `denied` before; `None` if `steps` were not enough for all.
    fn compare(
        &self,
        permitted: &Block,
        denied: &[Block],
        steps: &mut usize,
        pairs: &mut Pairs<'v>,
    ) -> Option<()> {
        for (firewall, delivery) in &self.firewalls {
            let asked = Block {
                destinations: permitted.destinations.intersection(&delivery.untranslated),
                ..permitted.clone()
            };
            spend(steps, cost(&asked.sources).saturating_add(cost(&asked.destinations)))?;
            let senders = self.senders(firewall, &asked, steps)?;
            if senders.is_empty() {
                continue;
            }
            spend(steps, denied.len())?;
            let denied: Vec<&Block> = denied.iter().filter(|deny| deny.meets(&asked)).collect();
            let between = Between { network: self, firewall, asked, denied, senders };
            between.compare(steps, pairs)?;
        }
        Some(())
    }

    /// Those that reach some of what is `asked` by `firewall`, by their numbers, with the machines
    /// that may.
    fn senders(
        &self,
        firewall: &Key,
        asked: &Block,
        steps: &mut usize,
    ) -> Option<BTreeMap<usize, AddressSet>> {
        let mut senders = BTreeMap::new();
        if asked.destinations.is_empty() {
            return Some(senders);
        }
        for at in self.by_hosts.meeting(&asked.sources) {
            spend(steps, 1)?;
            let Some(Subnet { vantage, hosts }) = self.subnets.get(at) else { continue };
            let Some(seen) = vantage.seen.get(firewall) else { continue };
            spend(steps, cost(seen))?;
            if seen.meets(&asked.destinations) {
                spend(steps, cost(&asked.sources))?;
                senders.insert(at, hosts.intersection(&asked.sources));
            }
        }
        Some(senders)
    }

    /// What `to` sends elsewhere than to `firewall`, and where, as far as it is known to stay away.
    fn astray(
        &self,
        to: &'v Vantage,
        firewall: &Key,
        steps: &mut usize,
    ) -> Option<Vec<(Elsewhere<'v>, Cow<'v, AddressSet>)>> {
        let mut astray = Vec::new();
        for (way, led) in &to.past {
            match way.end {
                End::Near | End::Outside | End::Dropped => {
                    astray.push((Elsewhere::Way(&way.words), Cow::Borrowed(led)));
                }
                End::Unknown => {}
            }
        }
        for (name, led) in to.seen.iter().filter(|(name, _)| *name != firewall) {
            let Some(Delivery { near, .. }) = self.firewalls.get(name) else { continue };
            spend(steps, cost(led).saturating_add(cost(near)))?;
            astray.push((Elsewhere::Firewall(name), Cow::Owned(led.intersection(near))));
        }
        Some(astray)
    }
}

/// What is asked of one firewall.
#[derive(Debug)]
struct Between<'n, 'v> {
    network: &'n Network<'v>,
    firewall: &'v Key,
    asked: Block,
    denied: Vec<&'n Block>,
    /// Who asks, by its number, and with which machines.
    senders: BTreeMap<usize, AddressSet>,
}

impl<'v> Between<'_, 'v> {
    /// Adds the pairs to `pairs`; `None` if `steps` were not enough for all.
    fn compare(&self, steps: &mut usize, pairs: &mut Pairs<'v>) -> Option<()> {
        let Network { subnets, by_hosts, .. } = self.network;
        let by_clients = SetIndex::new(self.senders.iter().map(|(at, clients)| (*at, clients)));
        for at in by_hosts.meeting(&self.asked.destinations) {
            spend(steps, 1)?;
            let Some(to) = subnets.get(at) else { continue };
            let mut missed: BTreeMap<usize, Vec<(Elsewhere<'v>, AddressSet)>> = BTreeMap::new();
            for (way, led) in self.network.astray(to.vantage, self.firewall, steps)? {
                spend(steps, cost(&*led))?;
                for from in by_clients.meeting(&led) {
                    let Some(clients) = self.senders.get(&from) else { continue };
                    spend(steps, cost(&*led).saturating_add(cost(clients)))?;
                    missed.entry(from).or_default().push((way, led.intersection(clients)));
                }
            }
            missed.remove(&at);
            if missed.is_empty() {
                continue;
            }
            spend(steps, cost(&to.hosts).saturating_add(cost(&self.asked.destinations)))?;
            let reached = to.hosts.intersection(&self.asked.destinations);
            for (from, back) in missed {
                let Some(Subnet { vantage: from, .. }) = subnets.get(from) else { continue };
                let pair = OneSided { from, to: to.vantage, firewall: self.firewall, back };
                self.add(pair, &reached, steps, pairs)?;
            }
        }
        Some(())
    }

    /// Adds the part of `pair` that is asked for and not denied, where some of what is to be
    /// `reached` in the second subnet is so by the firewall.
    fn add(
        &self,
        mut pair: OneSided<'v>,
        reached: &AddressSet,
        steps: &mut usize,
        pairs: &mut Pairs<'v>,
    ) -> Option<()> {
        let Some(seen) = pair.from.seen.get(self.firewall) else { return Some(()) };
        spend(steps, cost(seen).saturating_add(cost(reached)))?;
        let destinations = seen.intersection(reached);
        if destinations.is_empty() {
            return Some(());
        }
        let Services { tcp, udp, .. } = &self.asked.services;
        spend(steps, cost(tcp).saturating_add(cost(udp)).saturating_mul(pair.back.len()))?;
        let granted = (*steps).min(MAX_STEPS_OF_PAIR);
        let mut left = granted;
        for (_, led) in &mut pair.back {
            let flows = Block {
                sources: std::mem::take(led),
                services: self.asked.services.clone(),
                destinations: destinations.clone(),
                names: self.asked.names.clone(),
            };
            match flows.left_by(self.denied.iter().copied(), &mut left) {
                Left::Some(flows) => *led = flows.sources,
                Left::Nothing | Left::Unknown => {}
            }
        }
        spend(steps, granted.saturating_sub(left))?;
        pair.back.retain(|(_, led)| !led.is_empty());
        if !pair.back.is_empty() {
            pairs.add(pair);
        }
        (*steps > 0).then_some(())
    }
}

/// Takes `cost` from `steps`; `None` if they are fewer.
fn spend(steps: &mut usize, cost: usize) -> Option<()> {
    *steps = steps.checked_sub(cost)?;
    Some(())
}

/// How many steps a look at `set` takes.
fn cost<S: IntervalSet>(set: &S) -> usize {
    set.intervals().cuts().len().saturating_add(1)
}

/// The warning for `statement`; `is_whole` if every pair was compared.
fn report(statement: &Statement<'_>, pairs: &Pairs<'_>, is_whole: bool) -> Option<Diagnostic> {
    let first = pairs.told.first()?;
    let mut found = Diagnostic::new(
        Code::ONE_SIDED,
        format!(
            "replies to `{}` do not all come back through the firewall that let it out",
            statement.label
        ),
    )
    .at(statement.spans.destinations, "answered past the firewall");
    for pair in &pairs.told {
        for (way, led) in &pair.back {
            found = found.note(format!(
                "`{}` reaches `{}` by firewall `{}`, and what goes back to {} goes {way}",
                pair.from.name,
                pair.to.name,
                pair.firewall,
                wording::prefixes(led),
            ));
        }
    }
    if pairs.more > 0 {
        let least = if is_whole { "" } else { "at least " };
        let more = pairs.more;
        found = found.note(format!("and so it is between {least}{more} more pairs of subnets"));
    }
    let routes: Vec<String> = first
        .from
        .addresses
        .prefixes()
        .into_iter()
        .filter(|prefix| prefix.addr().is_ipv4())
        .map(|prefix| format!("route {prefix} via {}", first.firewall))
        .collect();
    let likewise = if pairs.told.len() > 1 { ", and likewise for the others" } else { "" };
    Some(
        found
            .note("a network rule keeps the client's address on the way to private addresses: a firewall that does not see the reply may drop the connection, and cannot inspect it")
            .help(format!(
                "give the subnet `{}` a route back to the firewall, {}{likewise}",
                first.to.name,
                wording::names(&routes),
            )),
    )
}

/// A note that `statement`, and as many `others`, were not compared with all of their subnets.
fn not_compared(statement: &Statement<'_>, others: usize) -> Diagnostic {
    let others =
        if others == 0 { String::new() } else { format!(" and {others} more permissions") };
    Diagnostic::new(
        Code::ONE_SIDED,
        format!("the replies to `{}`{others} were not all followed", statement.label),
    )
    .graded(Severity::Note)
    .at(statement.spans.destinations, "between too many subnets")
    .note("the routes of some hundred thousand pairs of subnets are compared: more replies than are told may miss the firewall")
    .help("narrow the permission to the subnets that it is for")
}

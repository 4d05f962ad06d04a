//! Names that no rule tells apart.
//!
//! A decision sees of a name which rules it fits and what the environment says of it. Of the rules,
//! those count that the source and the port of the observation can meet; and of two rules that do
//! the same, the first. So ten thousand names that one rule each lets out are of one kind, and one
//! of them is decided for all.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use super::decide::Simulator;
use super::environment::Answer;
use super::inquiry::Inquiry;
use super::matching;
use super::names::PatternIndex;
use super::names::names;
use super::policy::Enforced;
use crate::azure::Deployment;
use crate::azure::RuleId;
use crate::azure::RuleRef;
use crate::azure::cluster::NetworkPlugin;
use crate::azure::order::Placed;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationProtocol;
use crate::azure::rule::ApplicationRule;
use crate::azure::rule::Sources;
use crate::azure::rule::Translation;
use crate::flow::Atom;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::Observation;

/// Of so many sets of rules it is kept what they part the names into.
const MOST_KEPT: usize = 16;

/// What rules part the names into, by what the rules are to an observation. Of most observations the
/// rules are the same.
pub(super) type KeptKinds = RwLock<BTreeMap<Vec<Met>, Arc<[Kind]>>>;

/// All names, by kind.
pub(super) struct Kinds<'s> {
    rules: Vec<Candidate<'s>>,
    /// In the order of their first members.
    pub(super) all: Vec<Kind>,
}

/// The names of one kind.
type Kind = Arc<[Member]>;

/// One name.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Fqdn,
    /// The rules that it fits, in their order: of the same number for all names of a kind, and one
    /// by one the same in all that a decision sees of them.
    fits: Vec<usize>,
}

/// A rule that the observation can meet.
struct Candidate<'s> {
    placed: &'s Placed<'s>,
    rule: &'s ApplicationRule,
    met: Met,
}

/// Which rule an observation meets, and as what.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Met {
    /// Its place among the rules of all policies.
    number: usize,
    /// Rules that do the same have the same.
    effect: usize,
    /// How many rules before it ask the environment.
    after: usize,
}

/// What a decision sees of a rule, beside its targets.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Effect {
    policy: usize,
    action: Action,
    terminate_tls: bool,
    protocols: Vec<ApplicationProtocol>,
    /// For each source that the flow may have at a firewall, whether the rule is for it.
    admitted: Vec<bool>,
    /// A rule that asks the environment is like no other.
    asks: Option<usize>,
}

/// What a pattern belongs to.
enum Target<'s> {
    /// A rule's `targetFqdns`.
    Name { rule: usize },
    /// A rule's `targetUrls`.
    Url { rule: usize, path: &'s str, is_any_host: bool },
    /// What threat intelligence of a policy leaves alone.
    Spared { policy: usize },
}

/// How a name fits one rule.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Fit<'s> {
    effect: usize,
    after: usize,
    by_name: bool,
    /// The paths of the URLs whose host it fits, and whether their host is any.
    by_url: BTreeSet<(&'s str, bool)>,
}

/// All that a decision sees of a name but what the environment says of it.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Signature<'s> {
    spared_by: BTreeSet<usize>,
    fits: Vec<Fit<'s>>,
}

impl<'s> Kinds<'s> {
    /// The rules that decide `same` where `decided` do the first of them, as far as they are about names.
    pub(super) fn rules<'d>(
        &self,
        same: &[&Member],
        decided: impl Iterator<Item = &'d RuleId>,
    ) -> Vec<RuleRef<'s>> {
        let found = |rule: &usize| self.rules.get(*rule).map(Candidate::found);
        let first = same.first().map_or(&[][..], |member| member.fits.as_slice());
        let place = |decided: &RuleId| {
            first.iter().position(|rule| found(rule) == Some(RuleRef::from(decided)))
        };
        let places: BTreeSet<usize> = decided.filter_map(place).collect();
        let of_place =
            |at: usize| same.iter().filter_map(move |member| found(member.fits.get(at)?));
        places.into_iter().flat_map(of_place).collect()
    }
}

impl<'s> Candidate<'s> {
    fn found(&self) -> RuleRef<'s> {
        self.placed.rule_ref(&self.rule.name)
    }
}

/// Whether `one` and `other`, which no rule tells apart, are also the same to the environment:
/// `asked` are the questions that were put to it about `one`, with its answers. Nothing answers a
/// question that is put in words alone.
pub(super) fn are_known_alike(
    one: &Fqdn,
    other: &Fqdn,
    asked: &BTreeMap<Atom, Answer>,
    known: &mut dyn FnMut(&Atom) -> Answer,
) -> bool {
    asked
        .iter()
        .all(|(atom, answer)| renamed(atom, one, other).is_none_or(|atom| known(&atom) == *answer))
}

/// `atom`, said of `other` in place of `one`; `None` where it says nothing of it.
pub(super) fn renamed(atom: &Atom, one: &Fqdn, other: &Fqdn) -> Option<Atom> {
    let is_one = |host: &Host| host.name() == Some(one);
    let host = || Host::Name(other.clone());
    match atom {
        Atom::InFqdnTag { tag, host: named, port } if is_one(named) => {
            Some(Atom::InFqdnTag { tag: tag.clone(), host: host(), port: *port })
        }
        Atom::Infrastructure { host: named } if is_one(named) => {
            Some(Atom::Infrastructure { host: host() })
        }
        Atom::ThreatListed { indicator } if is_one(indicator) => {
            Some(Atom::ThreatListed { indicator: host() })
        }
        Atom::Resolvable { name } if name == one => Some(Atom::Resolvable { name: other.clone() }),
        Atom::FirewallAnswer { name, address } if name == one => {
            Some(Atom::FirewallAnswer { name: other.clone(), address: *address })
        }
        Atom::InWebCategory { category, url } => {
            let path = url.strip_prefix(one.as_str())?;
            let is_one = path.is_empty() || path.starts_with('/');
            let url = format!("{other}{path}");
            is_one.then(|| Atom::InWebCategory { category: category.clone(), url })
        }
        Atom::InFqdnTag { .. }
        | Atom::Infrastructure { .. }
        | Atom::ThreatListed { .. }
        | Atom::Resolvable { .. }
        | Atom::FirewallAnswer { .. }
        | Atom::InServiceTag { .. }
        | Atom::TagPrefixLonger { .. }
        | Atom::ApplicationDestination { .. }
        | Atom::PrecededBy { .. }
        | Atom::Reading { .. }
        | Atom::Named { .. }
        | Atom::Request { .. }
        | Atom::ClientAnswer { .. } => None,
    }
}

impl Simulator<'_> {
    /// Every name that a client may show, by kind.
    pub(super) fn kinds(
        &self,
        observation: &Observation,
        known: &mut dyn FnMut(&Atom) -> Answer,
    ) -> Kinds<'_> {
        let rules = self.candidates(observation);
        let mut all = self.parted(&rules).to_vec();
        // An answer of the firewall for these is asked for before a payload is seen, and the axioms tie
        // it to whether the name can be resolved: where that is not known, each is like no other.
        let tied = self.answered_names();
        if !tied.is_empty() {
            let mut is_tied = |name: &Fqdn| {
                let resolves = || Atom::Resolvable { name: name.clone() };
                tied.contains(name) && known(&resolves()).truth != Some(true)
            };
            all = all.iter().flat_map(|kind| without_tied(kind, &mut is_tied)).collect();
            sort_by_first(&mut all);
        }
        Kinds { rules, all }
    }

    /// What `rules` part the names into.
    fn parted(&self, rules: &[Candidate<'_>]) -> Arc<[Kind]> {
        let met: Vec<Met> = rules.iter().map(|candidate| candidate.met).collect();
        let kept = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(kinds) = kept.get(&met) {
            return Arc::clone(kinds);
        }
        drop(kept);
        let kinds = self.part(rules);
        let mut kept = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST_KEPT {
            kept.insert(met, Arc::clone(&kinds));
        }
        kinds
    }

    fn part(&self, rules: &[Candidate<'_>]) -> Arc<[Kind]> {
        let mut patterns: Vec<&FqdnPattern> = Vec::new();
        let mut targets: Vec<Target<'_>> = Vec::new();
        for (number, candidate) in rules.iter().enumerate() {
            for pattern in &candidate.rule.target_fqdns {
                patterns.push(pattern);
                targets.push(Target::Name { rule: number });
            }
            for url in &candidate.rule.target_urls {
                patterns.push(&url.host);
                let is_any_host = url.host == FqdnPattern::Any;
                targets.push(Target::Url { rule: number, path: &url.path, is_any_host });
            }
        }
        for (policy, enforced) in self.every_policy().enumerate() {
            for pattern in enforced.threat_allowed_names() {
                patterns.push(pattern);
                targets.push(Target::Spared { policy });
            }
        }
        let index = PatternIndex::new(patterns.iter().copied());
        let mut kinds: BTreeMap<Signature<'_>, Vec<Member>> = BTreeMap::new();
        for name in names(patterns) {
            let matching = index.matching(&name);
            let matching = matching.into_iter().filter_map(|number| targets.get(number));
            let (signature, fits) = signature(matching, rules);
            kinds.entry(signature).or_default().push(Member { name, fits });
        }
        let mut all: Vec<Kind> = kinds.into_values().map(Kind::from).collect();
        sort_by_first(&mut all);
        all.into()
    }

    /// The application rules that `observation` can meet, in the order of each policy.
    fn candidates(&self, observation: &Observation) -> Vec<Candidate<'_>> {
        let port = self.is_port_kept(observation).then_some(observation.destination_port);
        let sources = self.possible_sources(observation);
        let mut effects: BTreeMap<Effect, usize> = BTreeMap::new();
        let mut candidates = Vec::new();
        let mut after = 0;
        // Rules that follow each other are often for the same sources.
        let mut before: Option<(&Sources, Vec<Option<bool>>)> = None;
        let policies = self.every_policy().enumerate();
        let every = policies.flat_map(|(policy, enforced)| {
            application_rules(enforced).map(move |rule| (policy, rule))
        });
        for (number, (policy, (placed, action, rule))) in every.enumerate() {
            let mut protocols: Vec<ApplicationProtocol> = rule
                .protocols
                .iter()
                .filter(|pair| port.is_none_or(|port| pair.port == port))
                .copied()
                .collect();
            if protocols.is_empty() {
                continue;
            }
            protocols.sort_unstable();
            protocols.dedup();
            let known = before.take().filter(|(sources, _)| **sources == rule.sources);
            let (_, admitted) = before.insert(known.unwrap_or_else(|| {
                let admits = |source: &IpAddr| admits(&rule.sources, *source, self.deployment);
                (&rule.sources, sources.iter().map(admits).collect())
            }));
            let groups = &rule.sources.ip_groups;
            if admitted.iter().all(|admits| *admits == Some(false))
                || matching::refers_to_empty_group(groups, self.deployment)
            {
                continue;
            }
            let asks = admitted.contains(&None) || matching::asks_of_targets(rule);
            let effect = Effect {
                policy,
                action,
                terminate_tls: rule.terminate_tls,
                protocols,
                admitted: admitted.iter().map(|admits| *admits == Some(true)).collect(),
                asks: asks.then_some(number),
            };
            let next = effects.len();
            let effect = *effects.entry(effect).or_insert(next);
            let met = Met { number, effect, after };
            candidates.push(Candidate { placed, rule, met });
            after += usize::from(asks);
        }
        candidates
    }

    /// Whether rules see the port that the client connects to: neither translated nor named in a
    /// request to the proxy.
    fn is_port_kept(&self, observation: &Observation) -> bool {
        !self.is_explicit_proxy(observation)
            && self.every_policy().all(|enforced| enforced.nat.is_empty())
    }

    /// The sources that the flow may have at a firewall: its own, that of its node, and that of a
    /// firewall before.
    fn possible_sources(&self, observation: &Observation) -> Vec<IpAddr> {
        let source = observation.source;
        let firewalls = self.every_policy().filter_map(|enforced| enforced.firewall);
        let clusters = self.deployment.clusters.values();
        let pools = clusters
            .filter(|cluster| cluster.plugin == NetworkPlugin::PodSubnet)
            .flat_map(|cluster| &cluster.pools);
        let nodes =
            pools.filter_map(|pool| self.subnet(&pool.subnet)?.subnet.first_machine(source));
        let others = firewalls.map(|firewall| firewall.private_address).chain(nodes);
        let mut sources = vec![source];
        for other in others {
            if !sources.contains(&other) {
                sources.push(other);
            }
        }
        sources
    }

    /// The names whose answers network and DNAT rules ask for.
    pub(super) fn answered_names(&self) -> BTreeSet<&Fqdn> {
        let collections =
            self.every_policy().flat_map(|enforced| enforced.network.iter().chain(&enforced.nat));
        let mut names = BTreeSet::new();
        for placed in collections {
            match &placed.collection.rules {
                Rules::Network(_, rules) => {
                    names.extend(rules.iter().flat_map(|rule| &rule.destination_fqdns));
                }
                Rules::Nat(rules) => {
                    names.extend(rules.iter().filter_map(|rule| match &rule.translation {
                        Translation::Fqdn(name) => Some(name),
                        Translation::Address(_) => None,
                    }));
                }
                Rules::Application(..) => {}
            }
        }
        names
    }
}

/// How a name fits the rules of `matching`, the targets that it matches in their order. The second
/// half tells the rules.
fn signature<'s>(
    matching: impl Iterator<Item = &'s Target<'s>>,
    rules: &[Candidate<'_>],
) -> (Signature<'s>, Vec<usize>) {
    let mut spared_by = BTreeSet::new();
    let mut by_rule: BTreeMap<usize, Fit<'s>> = BTreeMap::new();
    for target in matching {
        match target {
            Target::Name { rule } => by_rule.entry(*rule).or_default().by_name = true,
            Target::Url { rule, path, is_any_host } => {
                by_rule.entry(*rule).or_default().by_url.insert((path, *is_any_host));
            }
            Target::Spared { policy } => {
                spared_by.insert(*policy);
            }
        }
    }
    let mut fits: Vec<Fit<'s>> = Vec::new();
    let mut fitted = Vec::new();
    for (number, fit) in by_rule {
        let Some(candidate) = rules.get(number) else { continue };
        let Met { effect, after, .. } = candidate.met;
        let fit = Fit { effect, after, ..fit };
        // Where the first of two rules that do the same does not match, the second does not.
        let does_the_same = |before: &Fit<'_>| {
            before.effect == fit.effect
                && before.by_name == fit.by_name
                && before.by_url == fit.by_url
        };
        if !fits.iter().any(does_the_same) {
            fits.push(fit);
            fitted.push(number);
        }
    }
    (Signature { spared_by, fits }, fitted)
}

/// Takes each member that `is_tied` out of `kind`: it is a kind of its own.
fn without_tied(kind: &Kind, is_tied: &mut dyn FnMut(&Fqdn) -> bool) -> Vec<Kind> {
    let (tied, others): (Vec<&Member>, Vec<&Member>) =
        kind.iter().partition(|member| is_tied(&member.name));
    if tied.is_empty() {
        return vec![Arc::clone(kind)];
    }
    let rest: Kind = others.into_iter().cloned().collect();
    let mut kinds: Vec<Kind> = tied.into_iter().map(|member| [member.clone()].into()).collect();
    if !rest.is_empty() {
        kinds.push(rest);
    }
    kinds
}

fn sort_by_first(kinds: &mut [Kind]) {
    kinds.sort_by(|one, other| {
        let first = |kind: &Kind| kind.first().map(|member| member.name.clone());
        first(one).cmp(&first(other))
    });
}

fn application_rules<'s>(
    enforced: &'s Enforced<'_>,
) -> impl Iterator<Item = (&'s Placed<'s>, Action, &'s ApplicationRule)> {
    enforced.application.iter().flat_map(|placed| {
        let (action, rules) = match &placed.collection.rules {
            Rules::Application(action, rules) => (*action, rules.as_slice()),
            Rules::Network(action, _) => (*action, &[][..]),
            Rules::Nat(_) => (Action::Deny, &[][..]),
        };
        rules.iter().map(move |rule| (placed, action, rule))
    })
}

/// Whether a rule with `sources` is for `source`; `None` where the environment is asked.
fn admits(sources: &Sources, source: IpAddr, deployment: &Deployment) -> Option<bool> {
    let mut is_asked = false;
    let mut oracle = |_: &Atom| {
        is_asked = true;
        false
    };
    let admits = matching::sources(sources, source, deployment, &mut Inquiry::new(&mut oracle));
    (!is_asked).then_some(admits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(name: &str) -> Vec<Atom> {
        let fqdn: Fqdn = name.parse().unwrap();
        let host = Host::Name(fqdn.clone());
        let category = |url: String| Atom::InWebCategory { category: "gambling".to_owned(), url };
        vec![
            Atom::InFqdnTag { tag: "windowsupdate".to_owned(), host: host.clone(), port: 443 },
            Atom::Infrastructure { host: host.clone() },
            Atom::ThreatListed { indicator: host },
            Atom::Resolvable { name: fqdn.clone() },
            Atom::FirewallAnswer { name: fqdn, address: [203, 0, 113, 5].into() },
            category(name.to_owned()),
            category(format!("{name}/bets")),
        ]
    }

    #[test]
    fn what_is_said_of_one_name_is_said_of_another_and_nothing_else_is() {
        let (one, other): (Fqdn, Fqdn) =
            ("a.example.com".parse().unwrap(), "b.example.net".parse().unwrap());
        let renamed: Vec<Option<Atom>> =
            about(one.as_str()).iter().map(|atom| renamed(atom, &one, &other)).collect();
        assert_eq!(renamed, about(other.as_str()).into_iter().map(Some).collect::<Vec<_>>());
        for third in ["c.example.com", "a.example.com.net", "example.com"] {
            for atom in about(third) {
                assert_eq!(super::renamed(&atom, &one, &other), None, "{atom}");
            }
        }
    }
}

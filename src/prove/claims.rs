//! The claims of `semantics.md`, over all flows: proved, refuted or open, with a counterexample.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use ipnet::IpNet;
use ipnet::Ipv4Net;
use jiff::civil::Date;

use super::atom::FlowAtom;
use super::atom::Subject as About;
use super::encoder::Encoder;
use super::encoder::Known;
use super::excess::Excess;
use super::excess::beyond;
use super::formula::Formula;
use super::gate::Onward;
use super::gate::Target;
use super::listed::Listed;
use super::listed::asserted;
use super::listed::asserted_anywhere;
use super::listed::listed;
use super::way::Ways;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::address::ServiceTag;
use crate::azure::network::Subnet;
use crate::evidence::Lock;
use crate::evidence::lock::LockedName;
use crate::flow::AddressSet;
use crate::flow::Atom;
use crate::flow::Flow;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::AxisSet;
use crate::flow::set::flows::FlowSet;
use crate::flow::set::flows::PayloadForm;
use crate::flow::set::flows::Set;
use crate::flow::set::flows::ShownSet;
use crate::flow::set::flows::Witness;
use crate::intent::Assertion;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::check::Polarity;
use crate::simulate::Decision;
use crate::simulate::Environment;
use crate::simulate::Simulator;
use crate::simulate::Stance;
use crate::simulate::Verdict;
use crate::simulate::assumptions::Assumption;
use crate::simulate::route::Hop;

/// The nodes that a proof may take unless another number is given: some 300 MB, and seconds. Lists
/// of 10,000 permissions take less than a quarter.
pub const MAX_NODES: usize = 1 << 22;

/// The most counterexamples of a claim: what one reads at a time. Where they are mended, the next
/// proof shows the others.
pub const MAX_COUNTEREXAMPLES: usize = 12;

/// What is claimed of all flows.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Claim {
    /// What leaves through the firewall is permitted.
    NoLeak,
    /// What is required leaves.
    NoBreakage,
    /// Nothing leaves around the firewall.
    NothingAround,
    /// An assertion of the list, by its index in `Intent::assertions`.
    Assertion(usize),
}

/// Whether a claim holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Standing {
    /// For every flow, whatever is not known.
    Proved,
    /// Not for the first of these flows, whatever is not known. Each has another cause; there are
    /// at most [`MAX_COUNTEREXAMPLES`].
    Refuted(Vec<Counterexample>),
    /// For every flow, or not for these: what is not known decides.
    Open(Vec<Counterexample>),
}

/// A flow of which a claim does not hold, confirmed by the engine for single flows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Counterexample {
    /// The flow.
    pub flow: Flow,
    /// What must hold, or not hold, for it; empty where nothing unknown matters.
    pub given: Vec<(Atom, bool)>,
    /// What becomes of it then.
    pub decision: Decision,
    /// What the list says of it then; nothing where there is no list.
    pub says: Option<Stance>,
}

/// The claims about a deployment, decided.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// Each claim, in their order.
    pub claims: Vec<(Claim, Standing)>,
    /// The claims that speak of no flow that could leave: they hold, and say nothing.
    pub idle: BTreeSet<Claim>,
    /// What permissions by address let out beyond what they say, in the order of the list.
    pub excess: Vec<Excess>,
    /// The settings that what was proved depends on, by their keys.
    pub assumptions: Vec<Assumption>,
    /// What work it took, in nodes of diagrams.
    pub nodes: usize,
}

/// Why there is no proof.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProveError {
    /// The sets of flows are too large.
    #[error(transparent)]
    Sets(#[from] AlgebraError),
    /// The two engines disagree, which is a fault of this program.
    #[error("the engine for single flows does not confirm what was found of `{flow}`")]
    Unconfirmed {
        /// The flow.
        flow: Box<Flow>,
    },
}

/// What is to be proved.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What is deployed.
    pub simulator: &'a Simulator<'a>,
    /// The list, if there is one: without it only what goes around the firewall is asked.
    pub intent: Option<&'a Intent>,
    /// What is known. Settings are taken as [`Assumptions::in_proofs`] says.
    ///
    /// [`Assumptions::in_proofs`]: crate::simulate::Assumptions::in_proofs
    pub environment: Environment<'a>,
    /// The day on which permissions are active.
    pub day: Date,
}

/// A claim as the flows that it does not hold of.
struct Asked {
    claim: Claim,
    against: Formula,
    /// The flows that it speaks of.
    about: Formula,
}

/// Decides every claim, with at most `nodes` nodes of work.
///
/// # Errors
/// The sets take more than that, or the engines disagree.
pub fn prove(subject: &Subject<'_>, nodes: usize) -> Result<Proof, ProveError> {
    let assumptions = subject.environment.assumptions.in_proofs();
    let environment = Environment { assumptions: &assumptions, ..subject.environment };
    let subject = &Subject { environment, ..*subject };
    let known = Known { evidence: environment.evidence, assumptions: &assumptions };
    let mut encoder = Encoder::new(subject.simulator.deployment, known);
    let ways = encoder.ways(subject.simulator);
    let list = subject.intent.map(|intent| listed(&mut encoder, intent, subject.day));
    let asked = claims(&mut encoder, subject, list.as_ref(), &ways);
    let permissions = || list.iter().flat_map(|list| &list.permissions);
    let required = permissions().map(|one| (one.index, one.required)).collect();
    let lock = environment.evidence.lock.as_ref();
    let accepting = subject.intent.zip(list.as_ref());
    let beyond = accepting.map(|(intent, list)| beyond(&mut encoder, (intent, lock), list));
    let beyond = beyond.unwrap_or_default();
    let with_request = if encoder.reads_requests_inside {
        Formula::NEVER
    } else {
        encoder.payload([PayloadForm::TlsWithRequest])
    };
    let domain = encoder.any([ways.unjudged, ways.decrypted_unseen, with_request]);
    let domain = encoder.not(domain);
    let mut roots: Vec<Formula> = asked.iter().map(|one| one.against).collect();
    let possible = encoder.axioms(&roots);
    roots.extend(beyond.iter().map(|one| one.formula));
    roots.extend(asked.iter().map(|one| one.about));
    roots.extend([encoder.unseen_source_port, ways.allow, domain, possible]);
    let preferred = preferred(subject.simulator.deployment);
    let causes = Causes { rules: encoder.rules.clone(), hops: encoder.hops.clone(), required };
    let parts: Vec<Formula> = roots.iter().copied().chain(causes.all()).collect();
    let cuts = encoder.formulas.cuts(&parts);
    let decided = cuts.with_algebra(nodes, |mut algebra| {
        let mut sets = encoder.formulas.sets(&roots, &mut algebra)?;
        let (Some(possible), Some(domain), Some(allow), Some(unseen_port)) =
            (sets.pop(), sets.pop(), sets.pop(), sets.pop())
        else {
            return Err(AlgebraError::TooLarge { nodes }.into());
        };
        let (mut claims, mut exceeding, mut idle) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (one, about) in asked.iter().zip(sets.split_off(asked.len() + beyond.len())) {
            if algebra.intersection(about, domain)? == algebra.empty() {
                idle.insert(one.claim);
            }
        }
        for (one, accepted) in beyond.iter().zip(sets.split_off(asked.len())) {
            let leaving = [allow, domain, possible];
            exceeding.extend(one.excess(&mut algebra, lock, accepted, leaving)?);
        }
        for (one, against) in asked.iter().zip(sets) {
            let against = algebra.intersection(against, domain)?;
            let against = algebra.intersection(against, possible)?;
            let against = algebra.rather_outside(against, unseen_port)?;
            let search = Search { subject, claim: one.claim, causes: &causes, encoder: &encoder };
            let standing = search.standing(&mut algebra, against, possible, &preferred)?;
            if standing != Standing::Proved {
                idle.remove(&one.claim);
            }
            claims.push((one.claim, standing));
        }
        Ok::<_, ProveError>((claims, exceeding, idle, algebra.nodes_made()))
    })?;
    let (claims, excess, idle, nodes) = decided?;
    let settings = encoder.settings.iter();
    let assumptions = settings.filter_map(|key| assumptions.show(key)).collect();
    Ok(Proof { claims, idle, excess, assumptions, nodes })
}

/// The flows that each claim does not hold of.
fn claims(
    encoder: &mut Encoder<'_>,
    subject: &Subject<'_>,
    list: Option<&Listed>,
    ways: &Ways,
) -> Vec<Asked> {
    let Some((intent, list)) = subject.intent.zip(list) else {
        let (against, about) = (ways.bypass, Formula::ALWAYS);
        return vec![Asked { claim: Claim::NothingAround, against, about }];
    };
    let leaves = encoder.any([ways.allow, ways.bypass]);
    // What stays is no breakage.
    let elsewhere = encoder.any([leaves, ways.local, ways.platform]);
    // What a private endpoint leads to lies outside.
    let leaves = encoder.any([leaves, ways.endpoints]);
    let unasked_for = encoder.without(ways.endpoints, list.permitted);
    let around = encoder.any([ways.bypass, unasked_for]);
    let around = Asked { claim: Claim::NothingAround, against: around, about: Formula::ALWAYS };
    let mut claims = vec![
        Asked {
            claim: Claim::NoLeak,
            against: encoder.without(ways.allow, list.permitted),
            about: Formula::ALWAYS,
        },
        Asked {
            claim: Claim::NoBreakage,
            against: encoder.without(list.required, elsewhere),
            about: Formula::ALWAYS,
        },
        around,
    ];
    for (index, assertion) in intent.assertions.iter().enumerate() {
        let meant = asserted(encoder, intent, assertion);
        // What stays neither leaves nor fails to.
        let stays = encoder.without(ways.local, ways.endpoints);
        let stays = encoder.any([stays, ways.platform]);
        let about = encoder.without(meant, stays);
        let against = match assertion.polarity {
            Polarity::Never => {
                let led_there = led_there(encoder, intent, assertion, ways);
                let meant = encoder.any([meant, led_there]);
                encoder.all([meant, leaves])
            }
            Polarity::Always => encoder.without(meant, elsewhere),
        };
        claims.push(Asked { claim: Claim::Assertion(index), against, about });
    }
    claims
}

/// The flows of an assertion that a firewall may lead to one of its addresses, as it connects to
/// its own answer for a name, or translates (`semantics.md`, Flow).
fn led_there(
    encoder: &mut Encoder<'_>,
    intent: &Intent,
    assertion: &Assertion,
    ways: &Ways,
) -> Formula {
    let mut led = Vec::new();
    for destination in &assertion.destinations {
        for (onward, passes) in &ways.led {
            let there = leads_to(encoder, onward, destination);
            led.push(encoder.all([*passes, there]));
        }
    }
    let led = encoder.any(led);
    if led == Formula::NEVER {
        return led;
    }
    let meant = asserted_anywhere(encoder, intent, assertion);
    encoder.all([meant, led])
}

/// What is sent on so ends at one of the addresses of `destination`.
fn leads_to(encoder: &mut Encoder<'_>, onward: &Onward, destination: &Destination) -> Formula {
    let (written, set) = match destination {
        Destination::Addresses(addresses) => (addresses.written.join(", "), Some(&addresses.set)),
        Destination::ServiceTag(tag) => (format!("service tag {tag}"), None),
        Destination::Names(_)
        | Destination::FqdnTag(_)
        | Destination::WebCategory(_)
        | Destination::Url { .. }
        | Destination::Any => return Formula::NEVER,
    };
    let before = "the firewall's answer for ".to_owned();
    let after = format!(" lies in {written}");
    match (&onward.to, set) {
        (None, Some(set)) => encoder.address(onward.ends.destination, set),
        (None, None) => {
            let Destination::ServiceTag(tag) = destination else { return Formula::NEVER };
            let tag = ServiceTag(tag.clone()).with_azure_suffix().folded();
            encoder.in_tag(tag, onward.ends.destination)
        }
        (Some(Target::Rule(name)), _) => encoder.named(format!("{before}{name}{after}")),
        (Some(Target::Host(host)), set) => {
            let subject = About::Host(*host);
            let perhaps = encoder.ask(FlowAtom::Named { before, subject, after });
            // The lock knows answers.
            let Some(set) = set else { return perhaps };
            let locked = encoder.known.evidence.lock.iter().flat_map(Lock::names);
            let (there, elsewhere): (Vec<&LockedName>, Vec<&LockedName>) =
                locked.partition(|one| one.addresses.iter().any(|address| set.contains(*address)));
            let there = encoder.is_name(*host, there.iter().map(|one| one.name.clone()));
            let elsewhere = encoder.is_name(*host, elsewhere.iter().map(|one| one.name.clone()));
            let may_be = encoder.any([there, perhaps]);
            encoder.without(may_be, elsewhere)
        }
    }
}

/// The flows that share the cause of a counterexample, so that the next one has another.
struct Causes {
    /// What each rule matches.
    rules: BTreeMap<RuleId, Vec<Formula>>,
    /// What is sent to each hop.
    hops: Vec<(Hop, Formula)>,
    /// What each permission requires.
    required: BTreeMap<usize, Formula>,
}

impl Causes {
    fn all(&self) -> impl Iterator<Item = Formula> {
        let rules = self.rules.values().flatten().copied();
        let hops = self.hops.iter().map(|(_, formula)| *formula);
        rules.chain(hops).chain(self.required.values().copied())
    }

    /// The flows that have the cause of `found`: it is the permission that it breaks, the way
    /// around the firewall, or the rule that lets it out.
    fn of(&self, claim: Claim, found: &Counterexample) -> Vec<Formula> {
        let of_permission = |found: &Counterexample| {
            let by = found.says.as_ref().and_then(|says| says.by)?;
            self.required.get(&by).copied()
        };
        let hop = found.decision.route.as_ref().map(|route| &route.hop);
        let of_hop = |hop: &Hop| {
            let alike = self.hops.iter().filter(move |(other, _)| other == hop);
            alike.map(|(_, formula)| *formula).collect()
        };
        let of_rule = |id: &RuleId| self.rules.get(id).cloned().unwrap_or_default();
        match (claim, found.decision.verdict, hop, &found.decision.rule) {
            (Claim::NoBreakage, ..) => of_permission(found).into_iter().collect(),
            (_, Verdict::Bypass | Verdict::Local, Some(hop), _) => of_hop(hop),
            (_, _, _, Some(rule)) => of_rule(rule),
            (_, _, _, None) => Vec::new(),
        }
    }
}

/// The search for counterexamples of one claim.
struct Search<'s, 'a> {
    subject: &'s Subject<'s>,
    claim: Claim,
    causes: &'s Causes,
    encoder: &'s Encoder<'a>,
}

impl Search<'_, '_> {
    /// How the claim stands that does not hold of the flows `against` it.
    fn standing<'id>(
        &self,
        algebra: &mut Algebra<'id, FlowAtom>,
        against: Set<'id>,
        possible: Set<'id>,
        preferred: &[AxisSet],
    ) -> Result<Standing, ProveError> {
        let certain = algebra.where_certain(against, possible)?;
        let (against_frozen, possible_frozen) =
            (algebra.freeze(against)?, algebra.freeze(possible)?);
        let mut found = Vec::new();
        let mut left = [certain, against];
        let is_refuted = certain != algebra.empty();
        'rounds: for (round, is_certain) in [(0, true), (1, false)] {
            while found.len() < MAX_COUNTEREXAMPLES {
                let Some(set) = left.get(round).copied() else { break };
                let set = algebra.freeze(set)?;
                let Some(witness) = set.witness(preferred) else { break };
                let atoms = if is_certain {
                    Vec::new()
                } else {
                    sufficient(&witness, &against_frozen, &possible_frozen)
                };
                let one = self.confirmed(&witness, &atoms)?;
                let cause = self.causes.of(self.claim, &one);
                found.push(one);
                // What has no cause of its own would be found again.
                if cause.is_empty() {
                    break 'rounds;
                }
                let alike = self.encoder.formulas.sets(&cause, algebra)?;
                for set in &mut left {
                    for alike in &alike {
                        *set = algebra.difference(*set, *alike)?;
                    }
                }
            }
        }
        Ok(match (found.is_empty(), is_refuted) {
            (true, _) => Standing::Proved,
            (false, true) => Standing::Refuted(found),
            (false, false) => Standing::Open(found),
        })
    }

    /// A counterexample, asked of the engine for single flows.
    fn confirmed(
        &self,
        witness: &Witness<FlowAtom>,
        given: &[(FlowAtom, bool)],
    ) -> Result<Counterexample, ProveError> {
        let (subject, claim) = (self.subject, self.claim);
        let flow = witness.flow.clone();
        let told = witness.atoms.iter().filter_map(|(atom, holds)| Some((atom.at(&flow)?, *holds)));
        let told: BTreeMap<Atom, bool> = told.collect();
        let mut oracle = |atom: &Atom| {
            let known = || subject.environment.answer(atom, &[]).truth;
            told.get(atom).copied().or_else(known).unwrap_or(false)
        };
        let decision = subject.simulator.decide(&flow, &mut oracle);
        let says = subject.intent.map(|intent| intent.decide(subject.day, &flow, &mut oracle));
        let is_so = match (claim, &says) {
            (Claim::NoLeak, Some(says)) => decision.verdict == Verdict::Allow && !says.permitted,
            (Claim::NoBreakage, Some(says)) => decision.verdict == Verdict::Deny && says.required,
            (Claim::NothingAround, says) => {
                let is_permitted = says.as_ref().is_none_or(|says| says.permitted);
                decision.verdict == Verdict::Bypass
                    || decision.is_to_private_endpoint() && !is_permitted
            }
            (Claim::Assertion(index), _) => {
                let assertions = subject.intent.map(|intent| intent.assertions.as_slice());
                match assertions.and_then(|all| all.get(index)).map(|one| one.polarity) {
                    Some(Polarity::Never) => decision.gets_out(),
                    Some(Polarity::Always) => decision.verdict == Verdict::Deny,
                    None => false,
                }
            }
            (Claim::NoLeak | Claim::NoBreakage, None) => false,
        };
        if !is_so {
            return Err(ProveError::Unconfirmed { flow: Box::new(flow) });
        }
        let given = given.iter().filter_map(|(atom, holds)| Some((atom.at(&flow)?, *holds)));
        let given = given.collect();
        Ok(Counterexample { flow, given, decision, says })
    }
}

/// The facts of `witness` that are enough for it to be `against` a claim, whatever the other facts
/// are that are `possible`: none of them can be left out.
pub(super) fn sufficient(
    witness: &Witness<FlowAtom>,
    against: &FlowSet<FlowAtom>,
    possible: &FlowSet<FlowAtom>,
) -> Vec<(FlowAtom, bool)> {
    let mut kept: BTreeMap<&FlowAtom, bool> =
        witness.atoms.iter().map(|(atom, holds)| (atom, *holds)).collect();
    // What does not hold is rather left out than what does.
    let mut candidates: Vec<&(FlowAtom, bool)> = witness.atoms.iter().collect();
    candidates.sort_by_key(|(_, holds)| *holds);
    for (candidate, holds) in candidates {
        kept.remove(candidate);
        if !against.covers_at(possible, &witness.flow, |atom| kept.get(atom).copied()) {
            kept.insert(candidate, *holds);
        }
    }
    kept.into_iter().map(|(atom, holds)| (atom.clone(), holds)).collect()
}

/// Addresses of the blocks for documentation (RFC 5737), which are nobody's.
const NOBODYS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(203, 0, 113, 7), Ipv4Addr::new(198, 51, 100, 7), Ipv4Addr::new(192, 0, 2, 7)];

/// The first machine of each subnet, and of each network where it lies in no subnet, by family.
fn machines(deployment: &Deployment) -> impl Iterator<Item = IpAddr> {
    let networks = deployment.virtual_networks.values();
    let of_subnets = networks.clone().flat_map(|network| &network.subnets).flat_map(|subnet| {
        subnet.prefixes.iter().filter_map(|prefix| subnet.first_machine(prefix.addr()))
    });
    // As in a subnet of all of it (`azure-routing.md §1.1`).
    let of_networks = networks
        .flat_map(|network| &network.address_space)
        .filter_map(|prefix| Subnet::new(Key::new(""), vec![*prefix]).first_machine(prefix.addr()));
    of_subnets.chain(of_networks)
}

/// What reads well, for each axis: what is usual first.
pub(super) fn preferred(deployment: &Deployment) -> Vec<AxisSet> {
    let port = |port: u16| PortRange::single(port).into();
    let mut preferred = vec![
        AxisSet::protocols([IpProtocol::TCP]),
        AxisSet::protocols([IpProtocol::UDP]),
        AxisSet::destination_ports(&port(443)),
        AxisSet::destination_ports(&port(80)),
        AxisSet::payloads([PayloadForm::Tls, PayloadForm::TlsWithRequest]),
        AxisSet::payloads([PayloadForm::Http]),
        AxisSet::payloads([PayloadForm::Other]),
    ];
    let example: Option<FqdnPattern> = FqdnPattern::parse("*.example.com").ok();
    let example: NameSet = example.iter().collect();
    preferred.push(AxisSet::names(&ShownSet::names(example.clone())));
    preferred.push(AxisSet::inner_names(&ShownSet::names(example)));
    let machines: Vec<IpAddr> = machines(deployment).collect();
    preferred.extend(machines.iter().map(|machine| AxisSet::sources(&(*machine).into())));
    let served = NOBODYS.iter().map(|address| AddressSet::from(IpAddr::V4(*address)));
    preferred.extend(served.map(|address| AxisSet::destinations(&address)));
    let blocks = NOBODYS.iter().filter_map(|address| Ipv4Net::new(*address, 24).ok());
    let blocks: AddressSet = blocks.map(|block| IpNet::V4(block.trunc())).collect();
    preferred.push(AxisSet::destinations(&blocks));
    preferred.push(AxisSet::destinations(&AddressSet::public()));
    preferred.extend(machines.iter().map(|machine| AxisSet::destinations(&(*machine).into())));
    preferred
}

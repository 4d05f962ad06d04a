//! The claims of `semantics.md`, over all flows: proved, refuted or open, with a counterexample.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::atom::FlowAtom;
use super::atom::Party;
use super::encoder::Encoder;
use super::encoder::Known;
use super::formula::Formula;
use super::listed::asserted;
use super::listed::listed;
use super::way::Ways;
use crate::azure::Deployment;
use crate::azure::RuleId;
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
use crate::intent::Intent;
use crate::intent::check::Polarity;
use crate::simulate::Decision;
use crate::simulate::Environment;
use crate::simulate::Simulator;
use crate::simulate::Stance;
use crate::simulate::Verdict;
use crate::simulate::assumptions::Assumption;
use crate::simulate::route::Hop;
use crate::simulate::route::dropped_by_azure;
use crate::simulate::route::private_addresses;

/// The nodes that a proof may take unless another number is given: some 2 GB.
pub const MAX_NODES: usize = 1 << 25;

/// The most counterexamples of a claim: what one reads at a time. Where they are mended, the next
/// proof shows the others.
pub const MAX_COUNTEREXAMPLES: usize = 12;

/// The most facts that are left out of what must hold for a counterexample, since every combination
/// of them is tried.
const MAX_LEFT_OUT: usize = 12;

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
    let (asked, required) = claims(&mut encoder, subject, ways);
    let with_request = match encoder.reads_requests_inside {
        true => Formula::NEVER,
        false => encoder.payload([PayloadForm::TlsWithRequest]),
    };
    let domain = encoder.any([ways.unjudged, ways.decrypted_unseen, with_request]);
    let domain = encoder.not(domain);
    let mut roots: Vec<Formula> = asked.iter().map(|one| one.against).collect();
    let possible = encoder.axioms(&roots);
    roots.extend([domain, possible]);
    let preferred = preferred(subject.simulator.deployment);
    let causes = Causes { rules: encoder.rules.clone(), hops: encoder.hops.clone(), required };
    let parts: Vec<Formula> = roots.iter().copied().chain(causes.all()).collect();
    let cuts = encoder.formulas.cuts(&parts);
    let decided = cuts.with_algebra(nodes, |mut algebra| {
        let mut sets = encoder.formulas.sets(&roots, &mut algebra)?;
        let (Some(possible), Some(domain)) = (sets.pop(), sets.pop()) else {
            return Err(AlgebraError::TooLarge { nodes }.into());
        };
        let mut claims = Vec::new();
        for (one, against) in asked.iter().zip(sets) {
            let against = algebra.intersection(against, domain)?;
            let against = algebra.intersection(against, possible)?;
            let search = Search { subject, claim: one.claim, causes: &causes, encoder: &encoder };
            claims.push((one.claim, search.standing(&mut algebra, against, possible, &preferred)?));
        }
        Ok::<_, ProveError>((claims, algebra.nodes_made()))
    })?;
    let (claims, nodes) = decided?;
    let settings = encoder.settings.iter();
    let assumptions = settings.filter_map(|key| assumptions.show(key)).collect();
    Ok(Proof { claims, assumptions, nodes })
}

/// The flows that each claim does not hold of.
fn claims(
    encoder: &mut Encoder<'_>,
    subject: &Subject<'_>,
    ways: Ways,
) -> (Vec<Asked>, BTreeMap<usize, Formula>) {
    let around = Asked { claim: Claim::NothingAround, against: ways.bypass };
    let Some(intent) = subject.intent else { return (vec![around], BTreeMap::new()) };
    let list = listed(encoder, intent, subject.day);
    let leaves = encoder.any([ways.allow, ways.bypass]);
    let to_nobody = encoder.address(Party::Destination, &nobodys(encoder.deployment));
    // What stays is no breakage, and no service is at an address that is nobody's.
    let elsewhere = encoder.any([leaves, ways.local, ways.platform, to_nobody]);
    let mut claims = vec![
        Asked { claim: Claim::NoLeak, against: encoder.without(ways.allow, list.permitted) },
        Asked { claim: Claim::NoBreakage, against: encoder.without(list.required, elsewhere) },
        around,
    ];
    for (index, assertion) in intent.assertions.iter().enumerate() {
        let meant = asserted(encoder, intent, assertion);
        let against = match assertion.polarity {
            Polarity::Never => encoder.all([meant, leaves]),
            Polarity::Always => encoder.without(meant, elsewhere),
        };
        claims.push(Asked { claim: Claim::Assertion(index), against });
    }
    let required = list.permissions.iter().map(|one| (one.index, one.required)).collect();
    (claims, required)
}

/// The addresses at which no service is that a list could require: those that firewalls have for
/// themselves, and the public ones that Azure drops by itself (`azure-routing.md §1.1`).
fn nobodys(deployment: &Deployment) -> AddressSet {
    let firewalls = deployment.firewalls.values();
    let own = firewalls.flat_map(|one| one.public_addresses.iter().chain([&one.private_address]));
    let own = own.fold(AddressSet::empty(), |all, address| all.union(&(*address).into()));
    own.union(&dropped_by_azure().difference(private_addresses()))
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
            (_, Verdict::Bypass, Some(hop), _) => of_hop(hop),
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
        for (round, is_certain) in [(0, true), (1, false)] {
            while found.len() < MAX_COUNTEREXAMPLES {
                let Some(set) = left.get(round).copied() else { break };
                let set = algebra.freeze(set)?;
                let Some(witness) = set.witness(preferred) else { break };
                let atoms = if is_certain {
                    Vec::new()
                } else {
                    sufficient(&witness, &against_frozen, &possible_frozen)
                };
                let one = self.confirmed(&witness, atoms)?;
                let cause = self.causes.of(self.claim, &one);
                found.push(one);
                if cause.is_empty() {
                    break;
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
        given: Vec<(FlowAtom, bool)>,
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
        let leaves = decision.verdict.leaves() == Some(true);
        let is_so = match (claim, &says) {
            (Claim::NoLeak, Some(says)) => decision.verdict == Verdict::Allow && !says.permitted,
            (Claim::NoBreakage, Some(says)) => decision.verdict == Verdict::Deny && says.required,
            (Claim::NothingAround, _) => decision.verdict == Verdict::Bypass,
            (Claim::Assertion(index), _) => {
                let assertions = subject.intent.map(|intent| intent.assertions.as_slice());
                match assertions.and_then(|all| all.get(index)).map(|one| one.polarity) {
                    Some(Polarity::Never) => leaves,
                    Some(Polarity::Always) => !leaves,
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
/// are that are `possible`: none of them can be left out, as far as is tried.
pub(super) fn sufficient(
    witness: &Witness<FlowAtom>,
    against: &FlowSet<FlowAtom>,
    possible: &FlowSet<FlowAtom>,
) -> Vec<(FlowAtom, bool)> {
    let Witness { flow, atoms } = witness;
    let mut kept: Vec<(FlowAtom, bool)> = atoms.clone();
    let mut free: Vec<FlowAtom> = Vec::new();
    // What does not hold is rather left out than what does.
    let mut candidates: Vec<&(FlowAtom, bool)> = atoms.iter().collect();
    candidates.sort_by_key(|(_, holds)| *holds);
    for (candidate, _) in candidates {
        if free.len() == MAX_LEFT_OUT {
            break;
        }
        free.push(candidate.clone());
        let suffices = (0_u32..1 << free.len()).all(|choice| {
            let holds = |atom: &FlowAtom| match free.iter().position(|one| one == atom) {
                Some(place) => choice >> place & 1 == 1,
                None => kept.iter().any(|(one, holds)| one == atom && *holds),
            };
            !possible.contains(flow, holds) || against.contains(flow, holds)
        });
        if suffices {
            kept.retain(|(one, _)| one != candidate);
        } else {
            free.pop();
        }
    }
    kept
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
    let subnets = deployment.virtual_networks.values().flat_map(|network| &network.subnets);
    let machines = subnets.filter_map(|subnet| {
        let like = subnet.prefixes.first()?.addr();
        subnet.first_machine(like)
    });
    for machine in machines {
        preferred.push(AxisSet::sources(&machine.into()));
    }
    // TEST-NET-3 (RFC 5737) is nobody's.
    let nobody = ipnet::Ipv4Net::new([203, 0, 113, 0].into(), 24).map(ipnet::IpNet::V4);
    let nobody = nobody.map_or(AddressSet::empty(), AddressSet::from);
    preferred.push(AxisSet::destinations(&nobody));
    preferred.push(AxisSet::destinations(&AddressSet::public()));
    preferred
}

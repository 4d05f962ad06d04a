//! Permissions none of whose flows gets to their rules, as rules of a parent policy come first.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::heaviest;
use super::most;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::policy::Action;
use crate::azure::policy::Rules;
use crate::azure::rule::ApplicationProtocolType;
use crate::evidence::Evidence;
use crate::flow::AddressSet;
use crate::flow::set::flows::Algebra;
use crate::flow::set::flows::AlgebraError;
use crate::flow::set::flows::PayloadForm;
use crate::flow::set::flows::Points;
use crate::intent::Intent;
use crate::prove::atom::FlowAtom;
use crate::prove::atom::HostOf;
use crate::prove::atom::Party;
use crate::prove::encoder::Encoder;
use crate::prove::encoder::Ends;
use crate::prove::encoder::Known;
use crate::prove::formula::Formula;
use crate::prove::gate::v4;
use crate::prove::matching::SeenPath;
use crate::prove::matching::View;
use crate::simulate::Assumptions;
use crate::simulate::Simulator;
use crate::simulate::policy::Enforced;

/// A permission all of whose flows rules of a parent policy decide.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreached {
    /// The permission, as an index into [`Intent::permissions`].
    pub permission: usize,
    /// The rules that decide, and how, the heaviest overlap first; at most
    /// [`MAX_NAMED`](super::MAX_NAMED), and behind them the heaviest that denies a part, if none
    /// of these does.
    pub by: Vec<(RuleId, Action)>,
    /// How many more are needed to cover it.
    pub more: usize,
}

/// What a rule matches, whatever comes before it.
struct Matched {
    id: RuleId,
    action: Action,
    is_network: bool,
    flows: Formula,
}

/// Finds the permissions of `intent` that rules of a parent policy decide whole, with at most `nodes`
/// nodes of work. `simulator` has what the list is compiled to.
///
/// Every network rule is looked at before every application rule, and of each kind those of the
/// parent first (`azure-firewall.md §1.4`). Where a rule decrypts, or clients name a proxy, another
/// flow is looked at than the client sent: nothing is said of application rules then.
///
/// # Errors
/// The sets take more than that.
pub fn unreached(
    intent: &Intent,
    simulator: &Simulator<'_>,
    nodes: usize,
) -> Result<Vec<Unreached>, AlgebraError> {
    let mut seen: BTreeSet<&Key> = BTreeSet::new();
    let mut found: Vec<Unreached> = Vec::new();
    for enforced in simulator.firewalls.values().chain(&simulator.only) {
        let placed = enforced.network.iter().chain(&enforced.application);
        let (own, inherited): (Vec<&Key>, Vec<&Key>) =
            placed.map(|placed| placed.policy).partition(|policy| enforced.is_own_policy(policy));
        if let Some(own) = own.first().filter(|_| !inherited.is_empty())
            && seen.insert(own)
        {
            found.extend(unreached_in(intent, simulator, enforced, nodes)?);
        }
    }
    found.sort_by_key(|one| one.permission);
    Ok(found)
}

fn unreached_in<'a>(
    intent: &Intent,
    simulator: &Simulator<'a>,
    enforced: &Enforced<'a>,
    nodes: usize,
) -> Result<Vec<Unreached>, AlgebraError> {
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default().in_proofs());
    let known = Known { evidence: &evidence, assumptions: &assumptions };
    let mut encoder = Encoder::new(simulator.deployment, known);
    let (own, inherited): (Vec<Matched>, Vec<Matched>) = matched(&mut encoder, enforced)
        .into_iter()
        .partition(|rule| enforced.is_own_policy(&rule.id.policy));
    let labels: BTreeMap<&str, usize> =
        intent.permissions.iter().enumerate().map(|(at, one)| (one.label.as_str(), at)).collect();
    let mut permissions: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, rule) in own.iter().enumerate() {
        let origin = simulator.deployment.origins.get(&rule.id);
        if let Some(index) = origin.and_then(|origin| labels.get(origin.label.as_str())) {
            permissions.entry(*index).or_default().push(place);
        }
    }
    let mut roots: Vec<Formula> = own.iter().chain(&inherited).map(|rule| rule.flows).collect();
    let possible = encoder.axioms(&roots);
    let outside = AddressSet::all().difference(&v4());
    let passed_by_none = encoder.address(Party::Destination, &outside);
    let impossible = encoder.not(possible);
    roots.push(encoder.any([impossible, passed_by_none]));
    let cuts = encoder.formulas.cuts(&roots);
    cuts.with_algebra(nodes, |mut algebra| {
        let mut points = encoder.formulas.points(&roots, &mut algebra)?;
        let never = points.pop().unwrap_or(algebra.no_points());
        let before = points.split_off(own.len());
        let before: Vec<(&Matched, Points<'_>)> = inherited.iter().zip(before).collect();
        let of_network = before.iter().filter(|(rule, _)| rule.is_network).map(|(_, it)| *it);
        let network = algebra.points_in_one(of_network)?;
        let all = algebra.points_in_one(before.iter().map(|(_, it)| *it))?;
        let mut found = Vec::new();
        for (permission, places) in permissions {
            let rules: Vec<(&Matched, Points<'_>)> = places
                .into_iter()
                .filter_map(|place| own.get(place).zip(points.get(place).copied()))
                .collect();
            let (mut is_reached, mut says) = (false, false);
            for (rule, flows) in &rules {
                let earlier = if rule.is_network { network } else { all };
                is_reached |= algebra.has_flow([*flows], [earlier, never])?;
                says |= algebra.has_flow([*flows], [never])?;
            }
            if says && !is_reached {
                let wanted = algebra.points_in_one(rules.iter().map(|(_, flows)| *flows))?;
                let wanted = algebra.points_without(wanted, never)?;
                found.push(decided_by(permission, wanted, &before, &mut algebra)?);
            }
        }
        Ok(found)
    })?
}

/// The permission with the rules of `before` that decide `wanted`.
fn decided_by<'id>(
    permission: usize,
    wanted: Points<'id>,
    before: &[(&Matched, Points<'id>)],
    algebra: &mut Algebra<'id, FlowAtom>,
) -> Result<Unreached, AlgebraError> {
    let places = || before.iter().enumerate();
    let (mut by, more) =
        most(heaviest(algebra, wanted, places().map(|(place, (_, flows))| (place, *flows)))?);
    let is_deny =
        |place: &usize| before.get(*place).is_some_and(|(rule, _)| rule.action == Action::Deny);
    if !by.iter().any(is_deny) {
        let denying = places().filter(|(place, _)| is_deny(place));
        let mut overlaps = Vec::new();
        for (place, (_, flows)) in denying {
            let overlap = algebra.points_in_all([wanted, *flows])?;
            overlaps.push((place, overlap));
        }
        let any = algebra.points_in_one(overlaps.iter().map(|(_, overlap)| *overlap))?;
        by.extend(heaviest(algebra, any, overlaps.into_iter())?.first());
    }
    let by = by.into_iter().filter_map(|place| before.get(place));
    let by = by.map(|(rule, _)| (rule.id.clone(), rule.action)).collect();
    Ok(Unreached { permission, by, more })
}

/// What each rule matches of what a client sends.
fn matched<'a>(encoder: &mut Encoder<'a>, enforced: &Enforced<'a>) -> Vec<Matched> {
    let mut matched = Vec::new();
    for placed in &enforced.network {
        let Rules::Network(action, rules) = &placed.collection.rules else { continue };
        for rule in rules {
            let flows = encoder.network_rule(rule, Ends::SENT);
            let (id, action) = (placed.rule_id(&rule.name), *action);
            matched.push(Matched { id, action, is_network: true, flows });
        }
    }
    if encoder.reads_requests_inside {
        return matched;
    }
    let view = sent(encoder);
    for placed in &enforced.application {
        let Rules::Application(action, rules) = &placed.collection.rules else { continue };
        for rule in rules {
            let id = || placed.rule_id(&rule.name);
            let flows = encoder.application_rule(rule, id, &view, enforced.tier);
            matched.push(Matched { id: id(), action: *action, is_network: false, flows });
        }
    }
    matched
}

/// What the firewall can see of a flow at most. It takes no more for one of these protocols, so what
/// a rule covers here it covers there.
fn sent(encoder: &mut Encoder<'_>) -> View {
    let shown = encoder.is_shown(HostOf::Wire);
    let forms = [
        (ApplicationProtocolType::Http, PayloadForm::Http),
        (ApplicationProtocolType::Https, PayloadForm::Tls),
        (ApplicationProtocolType::Mssql, PayloadForm::Mssql),
    ];
    let mut seen = BTreeMap::new();
    for (protocol, form) in forms {
        let form = encoder.payload([form]);
        seen.insert(protocol, encoder.all([form, shown]));
    }
    View {
        source: Ends::SENT.source,
        destination: Ends::SENT.destination,
        port: Ends::SENT.port,
        host: HostOf::Wire,
        seen,
        path: SeenPath::Hidden,
    }
}

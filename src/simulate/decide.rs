//! The decision: total and two-valued, given what the environment says of every atom.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::assumptions::FLAT_CNI_SNAT;
use super::assumptions::FORWARDED_DESTINATION;
use super::decision::Decision;
use super::decision::Field;
use super::decision::Missing;
use super::decision::Note;
use super::decision::Peer;
use super::decision::Reason;
use super::decision::Stage;
use super::decision::Verdict;
use super::firewall::Gate;
use super::firewall::Handled;
use super::firewall::Passed;
use super::inquiry::Inquiry;
use super::kinds::KeptKinds;
use super::leg::Leg;
use super::policy::Enforced;
use super::route::Hop;
use super::route::RouteSource;
use super::route::RouteTaken;
use super::route::Vantage;
use super::security;
use super::special_purpose::is_platform;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::RuleId;
use crate::azure::cluster::Cluster;
use crate::azure::cluster::NetworkPlugin;
use crate::azure::cluster::SubnetId;
use crate::azure::firewall::Firewall;
use crate::azure::firewall::FirewallPlace;
use crate::azure::order::OrderError;
use crate::azure::policy::Action;
use crate::flow::Atom;
use crate::flow::Flow;

/// The name of a firewall's subnet (`azure-firewall.md §5`).
const FIREWALL_SUBNET: &str = "AzureFirewallSubnet";

/// A deployment that is ready to be asked: the order of its rules is known.
#[derive(Clone, Debug)]
pub struct Simulator<'a> {
    pub(crate) deployment: &'a Deployment,
    pub(crate) firewalls: BTreeMap<&'a Key, Enforced<'a>>,
    /// Where no virtual network is stated: the only firewall, or the only policy that is nobody's
    /// parent.
    pub(crate) only: Option<Enforced<'a>>,
    /// What its rules part the names into.
    pub(super) kinds: Arc<KeptKinds>,
}

/// What a decision looked at beside the atoms.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looked {
    /// The payload.
    pub(super) payload: bool,
    /// A request inside TLS that was not seen.
    pub(super) unseen_request: bool,
}

/// What becomes of a flow in its own subnet.
pub(super) enum Departure<'a> {
    /// It goes no further, and gets no route.
    Ends(Verdict, Reason),
    /// It is sent from there, with the source that the rest of the way sees.
    From(Vantage<'a>, Flow),
}

/// Where a leg of a way leads.
pub(super) enum Arrival<'s, 'a> {
    /// To the end of the way.
    Delivered(Verdict, Reason),
    /// To a firewall.
    Firewall {
        name: &'a Key,
        enforced: &'s Enforced<'a>,
        /// Whether its network takes no such packets.
        is_refused: bool,
    },
}

/// How the way of a flow ends.
struct End {
    verdict: Verdict,
    reason: Reason,
    rule: Option<RuleId>,
    route: Option<RouteTaken>,
    peer: Peer,
}

impl<'a> Simulator<'a> {
    /// Makes `deployment` ready to be asked.
    ///
    /// # Errors
    /// A firewall's policy or parent is missing, parents form a cycle, or two siblings have one
    /// priority, so that nobody knows which is looked at first.
    pub fn new(deployment: &'a Deployment) -> Result<Simulator<'a>, OrderError> {
        let mut firewalls = BTreeMap::new();
        for (name, firewall) in &deployment.firewalls {
            firewalls.insert(name, Enforced::firewall(deployment, firewall)?);
        }
        let only = match only_policy(deployment) {
            Some(policy) if deployment.firewalls.is_empty() => {
                Some(Enforced::policy(deployment, policy)?)
            }
            Some(_) | None if firewalls.len() == 1 => firewalls.values().next().cloned(),
            Some(_) | None => None,
        };
        Ok(Simulator { deployment, firewalls, only, kinds: Arc::default() })
    }

    /// Decides `flow` in the environment that `oracle` answers for (`semantics.md`, Flow). The
    /// oracle must give the same answer to the same question.
    pub fn decide(&self, flow: &Flow, oracle: &mut dyn FnMut(&Atom) -> bool) -> Decision {
        self.decide_and_look(flow, oracle).0
    }

    pub(super) fn decide_and_look(
        &self,
        flow: &Flow,
        oracle: &mut dyn FnMut(&Atom) -> bool,
    ) -> (Decision, Looked) {
        let mut inquiry = Inquiry::new(oracle);
        let end = self.walk(flow, &mut inquiry);
        let missing = match end.verdict {
            Verdict::Undetermined => vec![Missing::Field(Field::Source)],
            Verdict::Allow
            | Verdict::Deny
            | Verdict::Bypass
            | Verdict::Local
            | Verdict::Platform => Vec::new(),
        };
        let looked =
            Looked { payload: inquiry.read_payload, unseen_request: inquiry.read_unseen_request };
        let decision = Decision {
            verdict: end.verdict,
            reason: end.reason,
            rule: end.rule,
            route: end.route,
            trace: inquiry.trace,
            missing,
            assumptions: Vec::new(),
            notes: inquiry.notes,
            peer: end.peer,
        };
        (decision, looked)
    }

    /// From the source's subnet to the verdict.
    fn walk(&self, flow: &Flow, inquiry: &mut Inquiry<'_>) -> End {
        if self.deployment.virtual_networks.is_empty()
            && !is_platform(flow.destination)
            && let Some(only) = &self.only
        {
            return self.ask_only(only, flow, inquiry);
        }
        match self.depart(flow, inquiry) {
            Departure::Ends(verdict, reason) => ends(verdict, reason),
            Departure::From(vantage, flow) => self.travel(vantage, flow, inquiry),
        }
    }

    /// From the source to the edge of its subnet, which the flow leaves with the source that the
    /// rest of the way sees.
    pub(super) fn depart(&self, flow: &Flow, inquiry: &mut Inquiry<'_>) -> Departure<'a> {
        let subnets = self.subnets_of(flow.source);
        if let Some(cluster) = self.hides(flow.source, &subnets, inquiry) {
            let to_pods = cluster.pod_ranges.iter().any(|range| range.contains(&flow.destination));
            let section = "azure-routing.md §10";
            let looked_at = flow.source.to_string();
            inquiry.step(Stage::Source, looked_at, "a pod behind its node's address", section);
            return if to_pods {
                Departure::Ends(Verdict::Local, Reason::VnetLocal)
            } else if is_platform(flow.destination) {
                Departure::Ends(Verdict::Platform, Reason::PlatformAddress)
            } else {
                Departure::Ends(Verdict::Undetermined, Reason::PodBehindNode)
            };
        }
        let Some(vantage) = chosen(&subnets, flow.source, inquiry) else {
            let section = "semantics.md, Replay";
            let looked_at = flow.source.to_string();
            inquiry.step(Stage::Source, looked_at, "in no declared subnet", section);
            return if is_platform(flow.destination) {
                Departure::Ends(Verdict::Platform, Reason::PlatformAddress)
            } else {
                Departure::Ends(Verdict::Undetermined, Reason::SourceUndeclared)
            };
        };
        let looked_at = flow.source.to_string();
        let result = format!("in {}/{}", vantage.network_name, vantage.subnet.name);
        inquiry.step(Stage::Source, looked_at, result, "azure-routing.md §1");
        if self.is_of_a_firewall(vantage) {
            return Departure::Ends(Verdict::Local, Reason::SentByFirewall);
        }
        let (vantage, flow) = self.behind_node(vantage, flow, inquiry);
        if self.is_stopped_by_group(vantage, &flow, inquiry) {
            return Departure::Ends(Verdict::Deny, Reason::NsgDeny);
        }
        Departure::From(vantage, flow)
    }

    /// Whether nothing but a firewall sends from the subnet: answers whose questions were not seen,
    /// and what it says of packets that it drops.
    pub(crate) fn is_of_a_firewall(&self, vantage: Vantage<'_>) -> bool {
        let place = FirewallPlace::VirtualNetwork(vantage.network_name.clone());
        vantage.subnet.name == Key::new(FIREWALL_SUBNET)
            && self.deployment.firewalls.values().any(|firewall| firewall.place == place)
    }

    /// Where no network is stated: what the only firewall says.
    fn ask_only(&self, only: &Enforced<'_>, flow: &Flow, inquiry: &mut Inquiry<'_>) -> End {
        inquiry.note(Note::OnlyFirewall);
        let gate = Gate { deployment: self.deployment, enforced: only };
        let presumed = |name: &Key| RouteTaken {
            destination: flow.destination.to_string(),
            source: RouteSource::Presumed,
            hop: Hop::Firewall(name.clone()),
        };
        let route = self.deployment.firewalls.keys().next().map(presumed);
        match gate.handle(flow, inquiry) {
            Handled::Ends { verdict, reason, rule } => {
                End { verdict, reason, rule, route, peer: Peer::Nobody }
            }
            Handled::Passes(passed) => End {
                verdict: Verdict::Allow,
                reason: passed.reason,
                rule: passed.rule,
                route,
                peer: passed.peer,
            },
        }
    }

    /// The cluster whose nodes hide `source` (`azure-routing.md §10`). Where it may as well be a
    /// machine of one of `subnets`, the environment says which it is.
    fn hides(
        &self,
        source: IpAddr,
        subnets: &[Vantage<'a>],
        inquiry: &mut Inquiry<'_>,
    ) -> Option<&'a Cluster> {
        let mut clusters = self.deployment.clusters.iter().filter(|(_, cluster)| {
            cluster.hides_pods() && cluster.pod_ranges.iter().any(|range| range.contains(&source))
        });
        let hiding = clusters.find(|(name, _)| {
            subnets.is_empty() || inquiry.ask_named(format!("{source} is a pod of cluster {name}"))
        });
        hiding.map(|(_, cluster)| cluster)
    }

    /// The subnets that `source` may lie in, by their networks: in each network the one with the
    /// longest prefix. Networks may have the same addresses.
    pub(super) fn subnets_of(&self, source: IpAddr) -> Vec<Vantage<'a>> {
        let mut longest: BTreeMap<&Key, u8> = BTreeMap::new();
        let mut found = Vec::new();
        for vantage in self.vantages() {
            let holding = vantage.subnet.prefixes.iter().filter(|prefix| prefix.contains(&source));
            let Some(length) = holding.map(ipnet::IpNet::prefix_len).max() else { continue };
            let longest = longest.entry(vantage.network_name).or_default();
            *longest = length.max(*longest);
            found.push((length, vantage));
        }
        found.retain(|(length, vantage)| longest.get(vantage.network_name) == Some(length));
        found.into_iter().map(|(_, vantage)| vantage).collect()
    }

    /// Every subnet, by its network.
    pub(crate) fn vantages(&self) -> impl Iterator<Item = Vantage<'a>> {
        let deployment = self.deployment;
        deployment.virtual_networks.iter().flat_map(move |(network_name, network)| {
            let vantage = move |subnet| Vantage { deployment, network_name, network, subnet };
            network.subnets.iter().map(vantage)
        })
    }

    /// The subnet of the nodes whose pods have their addresses in this one.
    pub(crate) fn nodes_of_pods_in(&self, vantage: Vantage<'_>) -> Option<Vantage<'a>> {
        let here =
            SubnetId { network: vantage.network_name.clone(), subnet: vantage.subnet.name.clone() };
        let clusters = self.deployment.clusters.values();
        let pod_subnets = clusters.filter(|cluster| cluster.plugin == NetworkPlugin::PodSubnet);
        let mut pools = pod_subnets.flat_map(|cluster| &cluster.pools);
        let pool = pools.find(|pool| pool.pod_subnet.as_ref() == Some(&here))?;
        self.subnet(&pool.subnet)
    }

    /// A pod of a pod subnet may have its node's address beyond the network
    /// (`azure-routing.md §10`).
    fn behind_node(
        &self,
        vantage: Vantage<'a>,
        flow: &Flow,
        inquiry: &mut Inquiry<'_>,
    ) -> (Vantage<'a>, Flow) {
        let unchanged = (vantage, flow.clone());
        let stays = vantage.network.address_space.iter().any(|p| p.contains(&flow.destination));
        if stays || is_platform(flow.destination) {
            return unchanged;
        }
        let Some(nodes) = self.nodes_of_pods_in(vantage) else { return unchanged };
        let Some(node) = nodes.subnet.first_machine(flow.source) else { return unchanged };
        if !inquiry.second_reading(FLAT_CNI_SNAT) {
            return unchanged;
        }
        inquiry.note(Note::NodeAddress(node));
        (nodes, Flow { source: node, ..flow.clone() })
    }

    pub(super) fn subnet(&self, id: &SubnetId) -> Option<Vantage<'a>> {
        let (network_name, network) =
            self.deployment.virtual_networks.get_key_value(&id.network)?;
        let subnet = network.subnets.iter().find(|subnet| subnet.name == id.subnet)?;
        Some(Vantage { deployment: self.deployment, network_name, network, subnet })
    }

    /// Whether the group of the source's subnet, which is asked before any route, stops `flow`
    /// (`azure-nsg.md §1.3`).
    fn is_stopped_by_group(
        &self,
        vantage: Vantage<'a>,
        flow: &Flow,
        inquiry: &mut Inquiry<'_>,
    ) -> bool {
        let Some(name) = vantage.subnet.network_security_group.as_ref() else { return false };
        let section = "azure-nsg.md §1";
        let looked_at = format!("network security group {name}");
        let Some(group) = self.deployment.network_security_groups.get(name) else {
            let allows = inquiry.ask_named(format!("network security group {name} allows {flow}"));
            let result = if allows { "allow" } else { "deny" };
            inquiry.step(Stage::SecurityGroup, looked_at, result, section);
            return !allows;
        };
        let judged = security::outbound(group, flow, vantage, inquiry);
        let word = judged.action.keyword().to_ascii_lowercase();
        let result = format!("{word} by {}", judged.rule);
        inquiry.step(Stage::SecurityGroup, looked_at, result, section);
        judged.action == Action::Deny
    }

    /// From subnet to subnet, through every firewall on the way (`azure-routing.md §9`).
    fn travel(&self, start: Vantage<'a>, flow: Flow, inquiry: &mut Inquiry<'_>) -> End {
        let mut vantage = start;
        let mut flow = flow;
        let mut first_route: Option<RouteTaken> = None;
        let mut first_pass: Option<Passed> = None;
        let mut last_pass: Option<Passed> = None;
        let mut visited: Vec<Key> = Vec::new();
        loop {
            let stage = if visited.is_empty() { Stage::Route } else { Stage::Delivery };
            let leg = Leg { vantage, flow: &flow, passed: last_pass.as_ref() };
            let (taken, arrival) = self.arrive(leg, stage, inquiry);
            let route = first_route.get_or_insert(taken).clone();
            let (name, enforced, is_refused) = match arrival {
                Arrival::Delivered(verdict, reason) => {
                    return conclude(verdict, reason, route, first_pass);
                }
                Arrival::Firewall { name, enforced, is_refused } => (name, enforced, is_refused),
            };
            if visited.contains(name) {
                return conclude(Verdict::Deny, Reason::RoutingLoop, route, first_pass);
            }
            if is_refused {
                return conclude(Verdict::Deny, Reason::PeeringRefused, route, first_pass);
            }
            visited.push(name.clone());
            let gate = Gate { deployment: self.deployment, enforced };
            let passed = match gate.handle(&flow, inquiry) {
                Handled::Ends { verdict, reason, rule } => {
                    let rule = rule.or(first_pass.and_then(|passed| passed.rule));
                    return End { verdict, reason, rule, route: Some(route), peer: Peer::Nobody };
                }
                Handled::Passes(passed) => passed,
            };
            flow.destination = passed.destination;
            flow.destination_port = passed.port;
            first_pass.get_or_insert_with(|| passed.clone());
            let Some(next) = enforced.firewall.and_then(|firewall| self.beyond(firewall)) else {
                return conclude(Verdict::Allow, passed.reason, route, first_pass);
            };
            if let Some(firewall) = enforced.firewall.filter(|_| passed.translated) {
                inquiry.note(Note::SourceTranslated);
                flow.source = firewall.private_address;
            }
            vantage = next;
            if goes_to_a_name(&passed) {
                match send_on(vantage, enforced, &passed, inquiry) {
                    SendOn::Delivered => {
                        return conclude(Verdict::Allow, passed.reason, route, first_pass);
                    }
                    SendOn::Lost => {
                        return conclude(Verdict::Deny, Reason::Undeliverable, route, first_pass);
                    }
                    SendOn::AsClient => {}
                }
            }
            last_pass = Some(passed);
        }
    }

    /// Where the route of one leg leads: to the end of the way, or to a firewall on it.
    pub(super) fn arrive<'s>(
        &'s self,
        leg: Leg<'_, 'a>,
        stage: Stage,
        inquiry: &mut Inquiry<'_>,
    ) -> (RouteTaken, Arrival<'s, 'a>) {
        let Leg { vantage, flow, .. } = leg;
        let taken = vantage.select(flow.destination, inquiry);
        let looked_at = format!("{} from {}", flow.destination, vantage.subnet.name);
        inquiry.step(stage, looked_at, taken.to_string(), "azure-routing.md §2.2");
        let hop = taken.hop.clone();
        let Some((name, enforced)) = self.firewall_at(&hop, flow.destination, vantage) else {
            let (verdict, reason) = leg.delivered(&hop, inquiry);
            return (taken, Arrival::Delivered(verdict, reason));
        };
        let is_refused = enforced.firewall.is_some_and(|firewall| leg.is_refused_at(firewall));
        (taken, Arrival::Firewall { name, enforced, is_refused })
    }

    /// The firewall that a hop leads to, also where the firewall itself is the destination.
    fn firewall_at(
        &self,
        hop: &Hop,
        destination: IpAddr,
        vantage: Vantage<'a>,
    ) -> Option<(&'a Key, &Enforced<'a>)> {
        if let Hop::Firewall(name) = hop {
            let (name, enforced) = self.firewalls.get_key_value(name)?;
            return Some((name, enforced));
        }
        let place = hop.network_entered(vantage.network_name)?;
        self.firewalls.iter().find_map(|(name, enforced)| {
            let stands_there =
                enforced.firewall?.place == FirewallPlace::VirtualNetwork(place.clone());
            let is_it = stands_there && enforced.is_private_address(destination);
            is_it.then_some((*name, enforced))
        })
    }

    /// The subnet from which a firewall sends on, where the deployment holds it.
    pub(crate) fn beyond(&self, firewall: &Firewall) -> Option<Vantage<'a>> {
        let FirewallPlace::VirtualNetwork(network) = &firewall.place else { return None };
        let subnet = Key::new(FIREWALL_SUBNET);
        self.subnet(&SubnetId { network: network.clone(), subnet })
    }
}

/// The one of `subnets` that `source` lies in, where there is any: the environment chooses.
fn chosen<'a>(
    subnets: &[Vantage<'a>],
    source: IpAddr,
    inquiry: &mut Inquiry<'_>,
) -> Option<Vantage<'a>> {
    let (last, others) = subnets.split_last()?;
    let chosen = others.iter().find(|vantage| {
        let place = format!("{}/{}", vantage.network_name, vantage.subnet.name);
        inquiry.ask_named(format!("{source} lies in {place}"))
    });
    Some(*chosen.unwrap_or(last))
}

/// How traffic to a name goes on behind a firewall.
enum SendOn {
    /// It arrives.
    Delivered,
    /// It does not.
    Lost,
    /// As if it were sent to the client's destination.
    AsClient,
}

/// How traffic to a name goes on. Its address is the firewall's own answer, so its route is
/// known only where every route delivers.
fn send_on(
    vantage: Vantage<'_>,
    enforced: &Enforced<'_>,
    passed: &Passed,
    inquiry: &mut Inquiry<'_>,
) -> SendOn {
    if vantage.leads_to_the_internet_only() {
        let section = "azure-routing.md §9";
        inquiry.step(Stage::Delivery, "the firewall's own subnet", "delivered", section);
        return SendOn::Delivered;
    }
    // A client of the explicit proxy, or of a DNAT rule, sends to the firewall itself.
    let to_the_firewall = enforced.is_private_address(passed.destination)
        || enforced.is_public_address(passed.destination);
    if !to_the_firewall && !inquiry.second_reading(FORWARDED_DESTINATION) {
        return SendOn::AsClient;
    }
    let host = match &passed.peer {
        Peer::Answer(host) | Peer::AnswerOrDestination(host) => host.to_string(),
        Peer::Nobody | Peer::Destination | Peer::Address(_) => String::new(),
    };
    if inquiry.ask_named(format!("what the firewall sends to {host} is delivered")) {
        SendOn::Delivered
    } else {
        SendOn::Lost
    }
}

fn goes_to_a_name(passed: &Passed) -> bool {
    match passed.peer {
        Peer::Answer(_) | Peer::AnswerOrDestination(_) => true,
        Peer::Nobody | Peer::Destination | Peer::Address(_) => false,
    }
}

fn ends(verdict: Verdict, reason: Reason) -> End {
    End { verdict, reason, rule: None, route: None, peer: Peer::Nobody }
}

/// The end of a way, with the rule of the first firewall that was passed.
fn conclude(
    verdict: Verdict,
    reason: Reason,
    route: RouteTaken,
    first_pass: Option<Passed>,
) -> End {
    let (rule, peer) = match first_pass {
        Some(passed) => (passed.rule, passed.peer),
        None => (None, Peer::Destination),
    };
    let peer = if verdict == Verdict::Deny { Peer::Nobody } else { peer };
    End { verdict, reason, rule, route: Some(route), peer }
}

/// The policy that no other has as its parent, if there is just one.
fn only_policy(deployment: &Deployment) -> Option<&Key> {
    let is_parent =
        |name: &Key| deployment.policies.values().any(|p| p.base.as_ref() == Some(name));
    let mut leaves = deployment.policies.keys().filter(|name| !is_parent(name));
    let only = leaves.next()?;
    leaves.next().is_none().then_some(only)
}

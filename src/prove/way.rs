//! From a subnet through every firewall on the way: what becomes of all flows.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use ipnet::IpNet;

use super::atom::FlowAtom;
use super::atom::Party;
use super::atom::Subject;
use super::encoder::Encoder;
use super::encoder::Ends;
use super::formula::Formula;
use super::gate::Onward;
use super::gate::v4;
use crate::azure::Key;
use crate::azure::firewall::Firewall;
use crate::azure::firewall::FirewallPlace;
use crate::flow::AddressSet;
use crate::simulate::Simulator;
use crate::simulate::assumptions::FLAT_CNI_SNAT;
use crate::simulate::assumptions::FORWARDED_DESTINATION;
use crate::simulate::assumptions::UNKNOWN_APPLIANCE;
use crate::simulate::policy::Enforced;
use crate::simulate::route::Hop;
use crate::simulate::route::Vantage;
use crate::simulate::special_purpose::platform_addresses;
use crate::simulate::special_purpose::private_addresses;

/// What becomes of all flows. What is in none of it is denied.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    /// They leave through every firewall on their way.
    pub(super) allow: Formula,
    /// They leave around the firewall.
    pub(super) bypass: Formula,
    /// They stay in the network, or the firewall answers itself.
    pub(super) local: Formula,
    /// They go to the platform.
    pub(super) platform: Formula,
    /// Nobody knows: their source lies in no declared subnet, or is hidden by its node.
    pub(super) unjudged: Formula,
    /// They go to a private endpoint around the firewall, which is not that of an API server: what
    /// it leads to lies outside of the network. They are `local`, too.
    pub(super) endpoints: Formula,
    /// A firewall sends them elsewhere than they were sent to.
    pub(super) led: Vec<(Onward, Formula)>,
    /// TLS that a firewall decrypts and of which no request is told.
    pub(super) decrypted_unseen: Formula,
}

/// The same, while it is being found out.
#[derive(Debug, Default)]
struct Found {
    allow: Vec<Formula>,
    bypass: Vec<Formula>,
    local: Vec<Formula>,
    platform: Vec<Formula>,
    unjudged: Vec<Formula>,
    endpoints: Vec<Formula>,
    led: Vec<(Onward, Formula)>,
    decrypted_unseen: Vec<Formula>,
}

impl Found {
    /// Keeps where a firewall sends flows, if not to where they were sent.
    fn lead(&mut self, way: &Onward, passes: Formula) {
        if way.to.is_some() || way.ends.destination != Party::Destination {
            self.led.push((way.clone(), passes));
        }
    }
}
/// The subnets of a network by the prefixes that machines have their addresses in, the longest
/// first. Several may have the same.
type ByPrefix<'a> = BTreeMap<(Reverse<u8>, IpNet), Vec<Vantage<'a>>>;

/// Flows at a place on their way.
#[derive(Clone, Copy, Debug)]
struct Leg<'a> {
    vantage: Vantage<'a>,
    ends: Ends,
    /// Which flows.
    when: Formula,
    /// Whether the last firewall translated the source; nothing where they met none.
    passed: Option<bool>,
}

impl<'a> Encoder<'a> {
    /// What becomes of all flows in the deployment of `simulator`.
    pub(super) fn ways(&mut self, simulator: &Simulator<'a>) -> Ways {
        let mut found = Found::default();
        self.send_from_everywhere(simulator, &mut found);
        Ways {
            allow: self.any(found.allow),
            bypass: self.any(found.bypass),
            local: self.any(found.local),
            platform: self.any(found.platform),
            unjudged: self.any(found.unjudged),
            endpoints: self.any(found.endpoints),
            led: found.led,
            decrypted_unseen: self.any(found.decrypted_unseen),
        }
    }

    fn send_from_everywhere(&mut self, simulator: &Simulator<'a>, found: &mut Found) {
        let to_platform = self.address(Party::Destination, platform_addresses());
        if self.deployment.virtual_networks.is_empty()
            && let Some(only) = &simulator.only
        {
            let others = self.not(to_platform);
            self.ask_only(only, others, found);
            found.platform.push(to_platform);
            return;
        }
        let prefixes = simulator.vantages().flat_map(|vantage| &vantage.subnet.prefixes);
        let declared: AddressSet = prefixes.copied().collect();
        let undeclared = self.address(Party::Source, &AddressSet::all().difference(&declared));
        let mut machines = Formula::ALWAYS;
        for (name, cluster) in self.deployment.clusters.iter().filter(|(_, one)| one.hides_pods()) {
            let pods: AddressSet = cluster.pod_ranges.iter().copied().collect();
            let hidden = self.hidden((name, &pods), &declared, undeclared);
            let hidden = self.all([machines, hidden]);
            let to_pods = self.address(Party::Destination, &pods);
            let local = self.all([hidden, to_pods]);
            let rest = self.without(hidden, to_pods);
            found.local.push(local);
            found.platform.push(self.all([rest, to_platform]));
            found.unjudged.push(self.without(rest, to_platform));
            machines = self.without(machines, hidden);
        }
        for (set, vantages) in subnets(simulator) {
            let Some((last, others)) = vantages.split_last() else { continue };
            let here = self.address(Party::Source, &set);
            let mut from = self.all([machines, here]);
            for vantage in others {
                let place = format!("{}/{}", vantage.network_name, vantage.subnet.name);
                let lies = self.ask_of_source(format!(" lies in {place}"));
                let inside = self.all([from, lies]);
                self.send_from_subnet(simulator, *vantage, inside, found);
                from = self.without(from, lies);
            }
            self.send_from_subnet(simulator, *last, from, found);
        }
        let nowhere = self.all([machines, undeclared]);
        found.platform.push(self.all([nowhere, to_platform]));
        found.unjudged.push(self.without(nowhere, to_platform));
    }

    /// Flows of the pods of a cluster whose nodes hide them. Whether an address that a subnet has,
    /// too, is that of a pod, only the environment knows.
    fn hidden(
        &mut self,
        (name, pods): (&Key, &AddressSet),
        declared: &AddressSet,
        undeclared: Formula,
    ) -> Formula {
        let from_pods = self.address(Party::Source, pods);
        if !pods.meets(declared) {
            return from_pods;
        }
        let is_pod = self.ask_of_source(format!(" is a pod of cluster {name}"));
        let is_hidden = self.any([undeclared, is_pod]);
        self.all([from_pods, is_hidden])
    }

    /// Whether a fact holds of the source: the words after its address.
    fn ask_of_source(&mut self, after: String) -> Formula {
        let subject = Subject::Address(Party::Source);
        self.ask(FlowAtom::Named { before: String::new(), subject, after })
    }

    /// Where no network is stated: what the only firewall says.
    fn ask_only(&mut self, only: &Enforced<'a>, when: Formula, found: &mut Found) {
        let handled = self.gate(None, only, Ends::SENT);
        for (way, passes) in handled.passes {
            let passes = self.all([when, passes]);
            found.allow.push(passes);
            found.lead(&way, passes);
        }
        found.local.push(self.all([when, handled.local]));
        found.decrypted_unseen.push(self.all([when, handled.decrypted_unseen]));
    }

    fn send_from_subnet(
        &mut self,
        simulator: &Simulator<'a>,
        vantage: Vantage<'a>,
        when: Formula,
        found: &mut Found,
    ) {
        if when == Formula::NEVER {
            return;
        }
        if simulator.is_of_a_firewall(vantage) {
            found.local.push(when);
            return;
        }
        let mut when = when;
        for (node, nodes, moved) in self.behind_nodes(simulator, vantage) {
            let moved = self.all([when, moved]);
            when = self.without(when, moved);
            let ends = Ends { source: node, ..Ends::SENT };
            self.set_out(simulator, nodes, ends, moved, found);
        }
        self.set_out(simulator, vantage, Ends::SENT, when, found);
    }

    /// Flows of pods that have an address of their node beyond the network, for each family: that
    /// address, the subnet of the nodes, and which flows (`azure-routing.md §10`).
    fn behind_nodes(
        &mut self,
        simulator: &Simulator<'a>,
        vantage: Vantage<'a>,
    ) -> Vec<(Party, Vantage<'a>, Formula)> {
        let Some(nodes) = simulator.nodes_of_pods_in(vantage) else { return Vec::new() };
        let network: AddressSet = vantage.network.address_space.iter().copied().collect();
        let beyond = AddressSet::all().difference(&network).difference(platform_addresses());
        let beyond = self.address(Party::Destination, &beyond);
        let second = self.second_reading(FLAT_CNI_SNAT);
        let families = [v4(), AddressSet::all().difference(&v4())];
        let mut moved = Vec::new();
        for family in families {
            let like = family.ranges().first().map(|range| range.first());
            let Some(node) = like.and_then(|like| nodes.subnet.first_machine(like)) else {
                continue;
            };
            let of_family = self.address(Party::Source, &family);
            moved.push((Party::Address(node), nodes, self.all([of_family, beyond, second])));
        }
        moved
    }

    fn set_out(
        &mut self,
        simulator: &Simulator<'a>,
        vantage: Vantage<'a>,
        ends: Ends,
        when: Formula,
        found: &mut Found,
    ) {
        let let_out = self.let_out(vantage, ends.source);
        let when = self.all([when, let_out]);
        self.travel(simulator, Leg { vantage, ends, when, passed: None }, &[], found);
    }

    /// From subnet to subnet, through every firewall on the way (`azure-routing.md §9`).
    fn travel(
        &mut self,
        simulator: &Simulator<'a>,
        leg: Leg<'a>,
        visited: &[&Key],
        found: &mut Found,
    ) {
        if leg.when == Formula::NEVER {
            return;
        }
        for (hop, when) in self.routes(leg.vantage, leg.ends.destination) {
            let mut when = self.all([leg.when, when]);
            for (name, enforced, there) in self.firewalls_at(simulator, &hop, leg) {
                let arriving = self.all([when, there]);
                when = self.without(when, there);
                if !visited.contains(&name) && arriving != Formula::NEVER {
                    let visited = [visited, &[name]].concat();
                    let leg = Leg { when: arriving, ..leg };
                    self.through(simulator, leg, (name, enforced), &visited, found);
                }
            }
            self.deliver(&hop, Leg { when, ..leg }, found);
        }
    }

    /// The firewalls that a hop leads to, also where a firewall itself is the destination.
    fn firewalls_at<'s>(
        &mut self,
        simulator: &'s Simulator<'a>,
        hop: &Hop,
        leg: Leg<'a>,
    ) -> Vec<(&'a Key, &'s Enforced<'a>, Formula)> {
        if let Hop::Firewall(name) = hop {
            let found = simulator.firewalls.get_key_value(name);
            let found = found.map(|(name, enforced)| (*name, enforced, Formula::ALWAYS));
            return found.into_iter().collect();
        }
        let Some(place) = hop.network_entered(leg.vantage.network_name) else {
            return Vec::new();
        };
        let place = FirewallPlace::VirtualNetwork(place.clone());
        let mut firewalls = Vec::new();
        for (name, enforced) in &simulator.firewalls {
            let Some(firewall) = enforced.firewall.filter(|one| one.place == place) else {
                continue;
            };
            let address = firewall.private_address.into();
            let there = self.address(leg.ends.destination, &address);
            firewalls.push((*name, enforced, there));
        }
        firewalls
    }

    /// Through one firewall, and on.
    fn through(
        &mut self,
        simulator: &Simulator<'a>,
        leg: Leg<'a>,
        (name, enforced): (&'a Key, &Enforced<'a>),
        visited: &[&Key],
        found: &mut Found,
    ) {
        let mut when = leg.when;
        if let Some(firewall) = enforced.firewall {
            let refused = self.is_refused_at(firewall, leg);
            when = self.without(when, refused);
        }
        let handled = self.gate(Some(name), enforced, leg.ends);
        found.local.push(self.all([when, handled.local]));
        found.decrypted_unseen.push(self.all([when, handled.decrypted_unseen]));
        let next = enforced.firewall.and_then(|firewall| simulator.beyond(firewall));
        let mut onward: BTreeMap<(Ends, bool), Vec<Formula>> = BTreeMap::new();
        for (way, passes) in handled.passes {
            let passes = self.all([when, passes]);
            found.lead(&way, passes);
            let Some(next) = next else {
                found.allow.push(passes);
                continue;
            };
            let as_client = self.send_on(next, enforced, &way, passes, found);
            let Onward { mut ends, translated, .. } = way;
            if let Some(firewall) = enforced.firewall.filter(|_| translated) {
                ends.source = Party::Address(firewall.private_address);
            }
            onward.entry((ends, translated)).or_default().push(as_client);
        }
        let Some(vantage) = next else { return };
        for ((ends, translated), all) in onward {
            let when = self.any(all);
            let leg = Leg { vantage, ends, when, passed: Some(translated) };
            self.travel(simulator, leg, visited, found);
        }
    }

    /// What is sent to a name goes on from the firewall's subnet. Gives the flows that go on as if
    /// they were sent to the client's destination.
    fn send_on(
        &mut self,
        vantage: Vantage<'a>,
        enforced: &Enforced<'a>,
        way: &Onward,
        passes: Formula,
        found: &mut Found,
    ) -> Formula {
        let Some(target) = &way.to else { return passes };
        if vantage.leads_to_the_internet_only() {
            found.allow.push(passes);
            return Formula::NEVER;
        }
        // A client of the explicit proxy, or of a DNAT rule, sends to the firewall itself.
        let own = enforced.firewall.map_or(AddressSet::empty(), |firewall| {
            let public = firewall.public_addresses.iter().copied().map(AddressSet::from);
            public.fold(firewall.private_address.into(), |all, one| all.union(&one))
        });
        let to_the_firewall = self.address(way.ends.destination, &own);
        let second = self.second_reading(FORWARDED_DESTINATION);
        let unknown = self.any([to_the_firewall, second]);
        let delivered = target.is_delivered(self);
        found.allow.push(self.all([passes, unknown, delivered]));
        self.without(passes, unknown)
    }

    /// What a hop that leads to no firewall means (`azure-routing.md §13`).
    fn deliver(&mut self, hop: &Hop, leg: Leg<'a>, found: &mut Found) {
        let when = leg.when;
        if when == Formula::NEVER {
            return;
        }
        if leg.passed.is_none() {
            self.hops.push((hop.clone(), when));
        }
        let around = if leg.passed.is_some() { &mut found.allow } else { &mut found.bypass };
        match hop {
            Hop::Platform => found.platform.push(when),
            Hop::PrivateEndpoint(name) if leg.passed.is_none() => {
                found.local.push(when);
                if !leg.vantage.is_for_an_api_server(name) {
                    found.endpoints.push(when);
                }
            }
            Hop::Local if leg.passed.is_none() => found.local.push(when),
            Hop::Local | Hop::PrivateEndpoint(_) | Hop::ServiceEndpoint(_) | Hop::Gateway => {
                around.push(when);
            }
            Hop::Peering(remote) => {
                let refused = self.is_refused_by(remote, leg);
                around.push(self.without(when, refused));
            }
            Hop::Internet => {
                let lost = self.cannot_reach_the_internet(leg);
                around.push(self.without(when, lost));
            }
            // The firewall has addresses of its own.
            Hop::NoOutbound if leg.passed.is_some() => around.push(when),
            Hop::Appliance(_) => {
                let forwards = self.second_reading(UNKNOWN_APPLIANCE);
                around.push(self.all([when, forwards]));
            }
            Hop::NoOutbound | Hop::Unreachable(_) | Hop::Dropped | Hop::Firewall(_) => {}
        }
    }

    /// The network in which `firewall` stands takes no such packets.
    fn is_refused_at(&mut self, firewall: &Firewall, leg: Leg<'a>) -> Formula {
        match &firewall.place {
            FirewallPlace::VirtualNetwork(network) if network != leg.vantage.network_name => {
                self.is_refused_by(network, leg)
            }
            FirewallPlace::VirtualNetwork(_) | FirewallPlace::Hub(_) => Formula::NEVER,
        }
    }

    /// A network takes packets from a peer with a source outside of the peer's addresses only if
    /// its peering says so (`azure-routing.md §8`).
    fn is_refused_by(&mut self, remote: &Key, leg: Leg<'a>) -> Formula {
        let here = leg.vantage;
        let remote = self.deployment.virtual_networks.get(remote);
        let back = remote
            .and_then(|remote| remote.peerings.iter().find(|p| p.remote == *here.network_name));
        if back.is_none_or(|peering| peering.allow_forwarded_traffic) {
            return Formula::NEVER;
        }
        let own: AddressSet = here.network.address_space.iter().copied().collect();
        let own = self.address(leg.ends.source, &own);
        self.not(own)
    }

    /// Private addresses are neither found on the internet nor answered there: a network rule
    /// without source NAT delivers only where a NAT gateway translates (`azure-firewall.md §4.2`).
    fn cannot_reach_the_internet(&mut self, leg: Leg<'a>) -> Formula {
        let private = private_addresses();
        let to_private = self.address(leg.ends.destination, private);
        let untranslated = if leg.passed == Some(false) && !leg.vantage.subnet.explicit_outbound {
            self.address(leg.ends.source, private)
        } else {
            Formula::NEVER
        };
        self.any([to_private, untranslated])
    }
}

/// The addresses of all subnets in disjoint parts. With each part the subnets that a source there
/// may lie in, by their networks: in each network the one with the longest prefix.
fn subnets<'a>(simulator: &Simulator<'a>) -> Vec<(AddressSet, Vec<Vantage<'a>>)> {
    let mut networks: BTreeMap<&Key, ByPrefix<'a>> = BTreeMap::new();
    for vantage in simulator.vantages() {
        let prefixes: BTreeSet<IpNet> = vantage.subnet.prefixes.iter().map(IpNet::trunc).collect();
        let by_prefix = networks.entry(vantage.network_name).or_default();
        for prefix in prefixes {
            let longest_first = (Reverse(prefix.prefix_len()), prefix);
            by_prefix.entry(longest_first).or_default().push(vantage);
        }
    }
    let mut parts = Vec::new();
    for by_prefix in networks.into_values() {
        let mut taken = AddressSet::empty();
        for ((_, prefix), vantages) in by_prefix {
            let prefix = AddressSet::from(prefix);
            overlay(&mut parts, prefix.difference(&taken), &vantages);
            taken = taken.union(&prefix);
        }
    }
    parts
}

/// Adds `vantages` to the `parts` in `set`, which it cuts at its edges, and what is in none of them.
fn overlay<'a>(
    parts: &mut Vec<(AddressSet, Vec<Vantage<'a>>)>,
    mut set: AddressSet,
    vantages: &[Vantage<'a>],
) {
    let mut cut = Vec::new();
    for (part, others) in parts.iter_mut() {
        if !part.meets(&set) {
            continue;
        }
        let both = part.intersection(&set);
        let rest = part.difference(&both);
        set = set.difference(&both);
        if !rest.is_empty() {
            cut.push((rest, others.clone()));
        }
        *part = both;
        others.extend(vantages);
    }
    parts.append(&mut cut);
    if !set.is_empty() {
        parts.push((set, vantages.to_vec()));
    }
}

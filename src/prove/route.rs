//! Which route flows take from a subnet (`azure-routing.md §1–§9`).

use std::net::IpAddr;

use super::atom::FlowAtom;
use super::atom::Party;
use super::atom::Subject;
use super::encoder::Encoder;
use super::formula::Formula;
use super::gate::v4;
use crate::azure::Deployment;
use crate::azure::route::RouteDestination;
use crate::azure::route::SYSTEM_DROPPED;
use crate::flow::AddressSet;
use crate::flow::address::AddressRange;
use crate::simulate::assumptions::NONE_ROUTES;
use crate::simulate::assumptions::PE_OVERRIDE;
use crate::simulate::assumptions::SE_OVERRIDE;
use crate::simulate::candidate::Candidate;
use crate::simulate::candidate::Kind;
use crate::simulate::candidate::Rank;
use crate::simulate::candidate::Reach;
use crate::simulate::candidate::tag_rank;
use crate::simulate::route::EndpointOverride;
use crate::simulate::route::Hop;
use crate::simulate::route::Vantage;
use crate::simulate::route::Way;
use crate::simulate::route::endpoint_override;
use crate::simulate::special_purpose::is_platform;
use crate::simulate::special_purpose::platform_addresses;
use crate::simulate::special_purpose::private_addresses;

/// A route that flows may take, and for which of them it is there.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Route {
    candidate: Candidate,
    is_there: Formula,
}

/// The routes among which one is chosen, the same for many destinations.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Choice {
    /// How many bits the destinations have.
    width: u8,
    /// The private endpoint at it, with what overrides it.
    endpoint: Option<(Hop, EndpointOverride)>,
    /// Routes of each service endpoint, of which the first counts whose tag holds the destination.
    service_endpoints: Vec<Vec<Candidate>>,
    /// The other routes, but those of gateways.
    candidates: Vec<Candidate>,
    /// Routes of gateways, which only count where no other takes their place.
    gateway: Vec<Candidate>,
    /// Where each of the last two leads: the same route can lead elsewhere for other destinations.
    ways: Vec<Way>,
}

impl<'a> Encoder<'a> {
    /// Where flows to `destination` are sent from a subnet, and which flows to each hop.
    pub(super) fn routes(
        &mut self,
        vantage: Vantage<'a>,
        destination: Party,
    ) -> Vec<(Hop, Formula)> {
        let mut found: Vec<(Hop, Vec<Formula>)> = Vec::new();
        for (set, example, choice) in choices(vantage, destination) {
            let here = self.address(destination, &set);
            if here == Formula::NEVER {
                continue;
            }
            let hops = match choice {
                Some(choice) => self.chosen((vantage, example), destination, &choice),
                None => vec![(Hop::Platform, Formula::ALWAYS)],
            };
            for (hop, when) in hops {
                let when = self.all([here, when]);
                match found.iter_mut().find(|(other, _)| *other == hop) {
                    Some((_, all)) => all.push(when),
                    None => found.push((hop, vec![when])),
                }
            }
        }
        let joined = found.into_iter().map(|(hop, all)| (hop, self.any(all)));
        joined.filter(|(_, when)| *when != Formula::NEVER).collect()
    }

    /// The hops of one choice.
    fn chosen(
        &mut self,
        (vantage, example): (Vantage<'a>, IpAddr),
        party: Party,
        choice: &Choice,
    ) -> Vec<(Hop, Formula)> {
        let way = |candidate: &Candidate| vantage.way(&candidate.kind, example);
        let mut hops = Vec::new();
        let overridable = self.second_reading(SE_OVERRIDE);
        let mut open = Formula::ALWAYS;
        let mut routes: Vec<Route> = Vec::new();
        for tags in &choice.service_endpoints {
            let mut first = Formula::ALWAYS;
            for candidate in tags {
                let holds = self.is_there(candidate, party);
                let is_there = self.all([first, holds, overridable]);
                routes.push(Route { candidate: candidate.clone(), is_there });
                first = self.without(first, holds);
            }
            let matches = self.not(first);
            let matches = self.without(matches, overridable);
            if let Some(Way::Hop(hop)) = tags.first().map(way) {
                hops.push((hop, self.all([open, matches])));
            }
            open = self.without(open, matches);
        }
        if let Some((endpoint, overridden)) = &choice.endpoint {
            let (user, when) = match overridden {
                EndpointOverride::Never => (None, Formula::NEVER),
                EndpointOverride::Always(user) => (Some(user), Formula::ALWAYS),
                EndpointOverride::InFirstReading(user) => {
                    let second = self.second_reading(PE_OVERRIDE);
                    (Some(user), self.not(second))
                }
            };
            if let Some(user) = user {
                let when = self.all([open, when]);
                hops.extend(self.hops(way(user), party, when));
            }
            hops.push((endpoint.clone(), self.without(open, when)));
            return hops;
        }
        let first_user: Vec<Route> = choice
            .candidates
            .iter()
            .map(|candidate| {
                let is_there = self.is_there(candidate, party);
                Route { candidate: candidate.clone(), is_there }
            })
            .collect();
        let overriding = first_user.iter().filter(|route| route.candidate.overrides_gateways());
        let overriding: Vec<Formula> = overriding.map(|route| route.is_there).collect();
        let overriding = self.any(overriding);
        let learned = self.not(overriding);
        let of_gateways = choice
            .gateway
            .iter()
            .map(|candidate| Route { candidate: candidate.clone(), is_there: learned });
        // In the order in which the slow engine looks at them, so that the first of equals wins.
        let users = first_user.iter().filter(|route| route.candidate.rank == Rank::User);
        let others = first_user.iter().filter(|route| route.candidate.rank != Rank::User);
        let mut all: Vec<Route> = users.cloned().chain(routes).collect();
        all.extend(others.cloned());
        all.extend(of_gateways);
        if vantage.has_default_user_route() {
            let kept = self.second_reading(NONE_ROUTES);
            for route in all.iter_mut().filter(|one| one.candidate.kind == Kind::SystemNone) {
                route.is_there = self.all([route.is_there, kept]);
            }
        }
        hops.extend(self.winners(way, party, choice.width, all, open));
        hops
    }

    /// The candidate is there: its tag holds the destination, where it has one.
    fn is_there(&mut self, candidate: &Candidate, party: Party) -> Formula {
        match &candidate.reach {
            Reach::Prefix(_) => Formula::ALWAYS,
            Reach::Tag(tag) => self.in_tag(tag.clone(), party),
        }
    }

    /// The hops to which the routes lead that win over all others (`azure-routing.md §2.1`).
    fn winners(
        &mut self,
        way: impl Fn(&Candidate) -> Way,
        party: Party,
        width: u8,
        mut routes: Vec<Route>,
        open: Formula,
    ) -> Vec<(Hop, Formula)> {
        drop_hopeless(&mut routes);
        let mut hops = Vec::new();
        let mut any_there = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let mut wins = vec![open, route.is_there];
            for (other_index, other) in routes.iter().enumerate() {
                // Which of those wins that lead to one place does not matter.
                if other.candidate.kind == route.candidate.kind {
                    continue;
                }
                let loses = if other_index < index {
                    let beats = self.beats(route, other, width, party);
                    self.not(beats)
                } else {
                    self.beats(other, route, width, party)
                };
                let beaten = self.all([other.is_there, loses]);
                wins.push(self.not(beaten));
            }
            let wins = self.all(wins);
            any_there.push(route.is_there);
            hops.extend(self.hops(way(&route.candidate), party, wins));
        }
        let any_there = self.any(any_there);
        hops.push((Hop::Dropped, self.without(open, any_there)));
        hops
    }

    /// The hops of a way that flows of `when` take.
    fn hops(&mut self, way: Way, party: Party, when: Formula) -> Vec<(Hop, Formula)> {
        let ways = match way {
            Way::Hop(hop) => return vec![(hop, when)],
            Way::OneOf(ways) => ways,
        };
        let Some(((_, last), others)) = ways.split_last() else {
            return vec![(Hop::Dropped, when)];
        };
        let mut open = when;
        let mut hops = Vec::new();
        for (address, hop) in others {
            let subject = Subject::Address(party);
            let after = format!(" is sent by way of {address}");
            let chosen = self.ask(FlowAtom::Named { before: String::new(), subject, after });
            hops.push((hop.clone(), self.all([open, chosen])));
            open = self.without(open, chosen);
        }
        hops.push((last.clone(), open));
        hops
    }

    /// `one` wins over `other` where both are there.
    fn beats(&mut self, one: &Route, other: &Route, width: u8, party: Party) -> Formula {
        let (one, other) = (&one.candidate, &other.candidate);
        let certain = |is_so: bool| if is_so { Formula::ALWAYS } else { Formula::NEVER };
        match (&one.reach, &other.reach) {
            (Reach::Prefix(a), Reach::Prefix(b)) => {
                certain((a.prefix_len(), one.rank) > (b.prefix_len(), other.rank))
            }
            (Reach::Tag(tag), Reach::Prefix(prefix)) => {
                let wins_ties = one.rank > other.rank;
                self.is_longer(tag, prefix.prefix_len(), wins_ties, width, party)
            }
            (Reach::Prefix(prefix), Reach::Tag(tag)) => {
                let wins_ties = other.rank > one.rank;
                let longer = self.is_longer(tag, prefix.prefix_len(), wins_ties, width, party);
                self.not(longer)
            }
            (Reach::Tag(a), Reach::Tag(b)) => {
                let wins_ties = (one.rank, tag_rank(a)) > (other.rank, tag_rank(b));
                self.has_longer_prefix(a, b, certain(wins_ties), width, party)
            }
        }
    }

    /// The prefix of `tag` that holds the address is longer than `bits`, or as long.
    fn is_longer(
        &mut self,
        tag: &str,
        bits: u8,
        or_equal: bool,
        width: u8,
        party: Party,
    ) -> Formula {
        let least = if or_equal { bits.saturating_sub(1) } else { bits };
        if least == 0 {
            // No tag holds every address, so each of its prefixes is longer than /0.
            Formula::ALWAYS
        } else if least < width {
            let (tag, address) = (tag.to_owned(), party);
            self.ask(FlowAtom::TagPrefixLonger { tag, address, bits: least })
        } else {
            Formula::NEVER
        }
    }

    /// Tag `a` holds the address in a longer prefix than `b`, or in one as long and `wins_ties`.
    fn has_longer_prefix(
        &mut self,
        a: &str,
        b: &str,
        wins_ties: Formula,
        width: u8,
        party: Party,
    ) -> Formula {
        let mut beats = wins_ties;
        for bits in 1..width {
            let [a, b] = [a, b].map(|tag| self.is_longer(tag, bits, false, width, party));
            let either = self.any([a, b]);
            let both = self.all([a, b]);
            let only_a = self.without(a, b);
            let tie = self.all([both, wins_ties]);
            let decided = self.any([only_a, tie]);
            beats = self.choose(either, decided, beats);
        }
        beats
    }

    fn choose(&mut self, condition: Formula, then: Formula, otherwise: Formula) -> Formula {
        self.formulas.choose(condition, then, otherwise)
    }
}

/// Takes out what another route, which is always there, wins over.
fn drop_hopeless(routes: &mut Vec<Route>) {
    let certain = routes.iter().enumerate().filter(|(_, route)| route.is_there == Formula::ALWAYS);
    let strength = |route: &Route| Some((route.candidate.length()?, route.candidate.rank));
    let best = certain
        .filter_map(|(index, route)| Some((strength(route)?, std::cmp::Reverse(index))))
        .max();
    if let Some((best, std::cmp::Reverse(at))) = best {
        let mut index = 0;
        routes.retain(|route| {
            let is_better = strength(route).is_none_or(|own| own > best) || index == at;
            index += 1;
            is_better
        });
    }
}

/// The destinations, parted by what is chosen for them: for each part one of its destinations, with
/// the routes. Nothing is chosen for those of the platform.
fn choices(vantage: Vantage<'_>, party: Party) -> Vec<(AddressSet, IpAddr, Option<Choice>)> {
    if let Party::Address(only) = party {
        let choice = (!is_platform(only)).then(|| choice(vantage, only));
        return vec![(only.into(), only, choice)];
    }
    let platform = platform_addresses();
    let mut found: Vec<(Vec<AddressRange>, IpAddr, Choice)> = Vec::new();
    let all = match party {
        Party::Destination => families(vantage.deployment),
        Party::Source | Party::Literal(_) | Party::Address(_) => AddressSet::all(),
    };
    for range in all.difference(platform).cut_by(&told_apart(vantage)) {
        let new = choice(vantage, range.first());
        match found.iter_mut().find(|(_, _, old)| *old == new) {
            Some((ranges, _, _)) => ranges.push(range),
            None => found.push((vec![range], range.first(), new)),
        }
    }
    let mut all: Vec<(AddressSet, IpAddr, Option<Choice>)> = found
        .into_iter()
        .map(|(ranges, example, one)| (ranges.into_iter().collect(), example, Some(one)))
        .collect();
    let first = platform.ranges().first().map(|range| range.first());
    all.extend(first.map(|example| (platform.clone(), example, None)));
    all
}

/// The addresses of the families in which some machine can send: both ends of a flow are of one.
fn families(deployment: &Deployment) -> AddressSet {
    let subnets = deployment.virtual_networks.values().flat_map(|network| &network.subnets);
    let prefixes: Vec<_> = subnets.flat_map(|subnet| &subnet.prefixes).collect();
    let v6 = AddressSet::all().difference(&v4());
    let of = |family: AddressSet, is_used: bool| if is_used { family } else { AddressSet::empty() };
    let sends = |is_v4: bool| prefixes.iter().any(|prefix| prefix.addr().is_ipv4() == is_v4);
    of(v4(), sends(true)).union(&of(v6, sends(false)))
}

/// What is chosen for one destination.
fn choice(vantage: Vantage<'_>, destination: IpAddr) -> Choice {
    let mut candidates = vantage.user_routes(destination);
    candidates.extend(vantage.system_routes(destination));
    let own = vantage.network_routes(destination);
    let gateway = if own.is_empty() { vantage.gateway_routes(destination) } else { Vec::new() };
    candidates.extend(own);
    let endpoint = vantage.private_endpoint(destination).map(|(endpoint, home, network)| {
        let overridden = endpoint_override(&candidates, home, network, destination);
        (Hop::PrivateEndpoint(endpoint.name.clone()), overridden)
    });
    let service_endpoints = vantage.service_endpoint_routes(destination);
    let all = candidates.iter().chain(&gateway);
    let ways = all.map(|one| vantage.way(&one.kind, destination)).collect();
    let width = ipnet::IpNet::from(destination).max_prefix_len();
    Choice { width, endpoint, service_endpoints, candidates, gateway, ways }
}

/// The sets by which routes from a subnet are chosen.
fn told_apart(vantage: Vantage<'_>) -> Vec<AddressSet> {
    let deployment = vantage.deployment;
    let mut sets = vec![private_addresses().clone(), v4()];
    let dropped = SYSTEM_DROPPED.iter().filter_map(|text| text.parse::<ipnet::IpNet>().ok());
    sets.extend(dropped.map(AddressSet::from));
    let table = vantage.table().map(|(_, table)| table.routes.as_slice()).unwrap_or_default();
    sets.extend(table.iter().filter_map(|route| match &route.destination {
        RouteDestination::Prefix(prefix) => Some((*prefix).into()),
        RouteDestination::ServiceTag(_) => None,
    }));
    let networks = [vantage.network].into_iter().chain(vantage.peers().map(|(_, _, peer)| peer));
    for network in networks {
        sets.extend(network.address_space.iter().map(|prefix| (*prefix).into()));
        let endpoints = network.subnets.iter().flat_map(|subnet| &subnet.private_endpoints);
        sets.extend(endpoints.map(|endpoint| endpoint.address.into()));
    }
    sets.extend(vantage.behind_gateways().map(AddressSet::from));
    let pods = deployment.clusters.values().flat_map(|cluster| &cluster.pod_ranges);
    sets.extend(pods.map(|prefix| (*prefix).into()));
    sets
}

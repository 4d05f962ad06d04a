//! Recorded connections, judged once for all that nothing tells apart.
//!
//! A judgement depends on a connection through its payloads and protocol, which are compared as they
//! are; through its addresses and ports, which are compared with nothing but ranges that the
//! deployment, the list and the evidence name; and through what DNS answers say of it at its time.
//! Connections that have all of that in common are judged alike, and one of them is judged for all.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::slice;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;

use foldhash::HashMap;
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;

use super::blocks::Blocks;
use super::cuts::Cuts;
use super::cuts::alone;
use super::ports::Ports;
use super::way::looks_at_source_ports;
use crate::evidence::Fact;
use crate::evidence::timeline::NameRole;
use crate::flow::Atom;
use crate::flow::Fqdn;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Observation;
use crate::flow::Payload;
use crate::flow::Request;
use crate::flow::SeenPayload;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::simulate::Decision;
use crate::simulate::Environment;
use crate::simulate::IndexedIntent;
use crate::simulate::Judged;
use crate::simulate::Missing;
use crate::simulate::Outcome;
use crate::simulate::Replayed;
use crate::simulate::Simulator;
use crate::simulate::decision::Peer;

/// The most judgements that are kept, of some kilobytes each. Real replays have thousands; a capture
/// is a stranger's text, and could show another name in each flow.
const MAX_KEPT: usize = 1 << 14;

/// With fewer connections than this, an index costs more than it saves.
const WORTH_AN_INDEX: u64 = 200;

/// Judges recorded connections.
#[derive(Debug)]
pub struct Replays<'a> {
    simulator: Simulator<'a>,
    intent: Option<IndexedIntent<'a>>,
    environment: Environment<'a>,
    alike: Option<Alike>,
    kept: RwLock<HashMap<Key, Arc<Kept<'a>>>>,
}

/// What is known of all that has one key; `None` where each has to be judged by itself. Whoever asks
/// while the first is judged waits for that.
type Kept<'a> = OnceLock<Option<Arc<Settled<'a>>>>;

/// A connection with its box, as all that are judged alike have it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settled<'a> {
    /// The judgement. Of its decision the way is left out: trace, notes and peer.
    pub replayed: Replayed,
    /// The index of the flow that reports show: a handshake with the bytes after it, where those
    /// land in the same box.
    pub shown: usize,
    /// What would settle the verdict and what the list says, each once.
    pub missing: Vec<Missing>,
    /// The label of the deny of the list that is meant, or of its permission.
    pub statement: Option<&'a str>,
    /// Why the list takes it as it is, where the box is [`Outcome::Undetermined`].
    pub accepted: Option<&'a str>,
    /// How the text of the route tells of the destination, where it does.
    route: Option<RouteText>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum RouteText {
    Address,
    Prefix,
}

/// All that tells connections apart.
#[derive(Debug)]
struct Alike {
    source: Blocks,
    destination: Blocks,
    ports: Ports,
    /// Whether security groups look at the ports of sources.
    has_source_ports: bool,
    /// The DNS proxies of the firewalls.
    proxies: Vec<IpAddr>,
    /// The names of the list.
    listed: Vec<Fqdn>,
    /// How many of them, the first ones, clients are asked about whatever they show.
    by_address: usize,
    /// Each client with each of those that it was told of, by its number, ascending.
    told: Vec<(IpAddr, u32)>,
    /// When what the proxies hold may change of the names whose addresses are asked for whatever a
    /// flow shows, ascending.
    changes: Vec<Timestamp>,
    /// When it changes whether any name resolves, ascending; reckoned where a flow needs it.
    resolution_changes: OnceLock<Vec<Timestamp>>,
    /// Whether a rule or the list looks at the paths of requests.
    looks_at_paths: bool,
}

/// What a judgement depends on.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Key {
    /// By block.
    source: usize,
    /// By block.
    destination: usize,
    /// Whether both ends have one address.
    is_to_itself: bool,
    source_port: Option<u16>,
    protocol: IpProtocol,
    /// By class.
    destination_port: usize,
    /// The very port, where a payload shows one that it may be.
    shown_port: Option<u16>,
    /// Without the paths of requests where nobody looks at them.
    payloads: Vec<SeenPayload>,
    /// Of each address that a payload shows in the place of a name, whether it is the destination.
    /// Nothing else is ever compared with one but itself.
    shows_destination: Vec<bool>,
    /// The names that the client holds the destination for, as [`DnsTimeline::names`] has them.
    ///
    /// [`DnsTimeline::names`]: crate::evidence::DnsTimeline::names
    held: Option<Vec<(Fqdn, NameRole)>>,
    /// Whether the client holds the destination for each of those, and for each that it shows.
    holds: Vec<Option<bool>>,
    /// The same of each name of the list, by its number, of which that is known.
    holds_listed: Vec<(u32, bool)>,
    /// What the proxies said of each of those names.
    facts: Vec<Fact>,
    /// The stretch of time in which what the proxies hold of other names stays the same.
    stretch: usize,
    /// The same of whether names resolve, where any may be asked for.
    stretch_of_resolution: Option<usize>,
    /// The destination, where they may hold it for a name.
    told_destination: Option<IpAddr>,
}

impl<'a> Replays<'a> {
    /// Judges by `simulator` and `intent` with the permissions that are active on `day`.
    /// `connections` is about how many there are; the time of `environment` means nothing.
    pub fn new(
        simulator: &Simulator<'a>,
        intent: Option<&'a Intent>,
        day: Date,
        environment: Environment<'a>,
        connections: u64,
    ) -> Replays<'a> {
        let kept = RwLock::default();
        let alike =
            (connections >= WORTH_AN_INDEX).then(|| Alike::of(simulator, intent, &environment));
        let simulator = if alike.is_some() { simulator.indexed() } else { simulator.clone() };
        let intent = intent.map(|intent| IndexedIntent::new(intent, day));
        Replays { simulator, intent, environment, alike, kept }
    }

    /// Whether a rule or the list compares the paths of requests for `host`, or has them looked up.
    pub fn looks_at_paths_of(&self, host: Option<&Host>) -> bool {
        self.simulator.looks_at_paths_of(host)
            || self.intent.as_ref().is_some_and(|list| list.intent.looks_at_paths_of(host))
    }

    /// Follows a connection whose first flow was seen at `at`, as [`Simulator::replay`] does. `None`
    /// for a connection without flows.
    pub fn replay(&self, flows: &[Observation], at: Timestamp) -> Option<Arc<Settled<'a>>> {
        let environment = Environment { at, ..self.environment };
        let alike = self.alike.as_ref();
        let Some((alike, key)) = alike.and_then(|one| Some((one, one.key(flows, &environment)?)))
        else {
            return self.judge(flows, &environment).map(Arc::new);
        };
        let port = flows.first()?.destination_port;
        let mut own = None;
        let kept = self.kept(&key).and_then(|kept| {
            let of_all = kept.get_or_init(|| {
                let settled = Arc::new(self.judge(flows, &environment)?);
                let is_of_all = settled.tells_of_no_end(alike, port);
                own = Some(Arc::clone(&settled));
                is_of_all.then_some(settled)
            });
            of_all.clone()
        });
        if kept.is_none() && own.is_some() {
            // It takes no room from what is judged for many.
            self.kept.write().unwrap_or_else(PoisonError::into_inner).remove(&key);
        }
        kept.or(own).or_else(|| self.judge(flows, &environment).map(Arc::new))
    }

    /// The place for the judgement of all that has a key; `None` where there are too many.
    fn kept(&self, key: &Key) -> Option<Arc<Kept<'a>>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(key) {
            return Some(Arc::clone(known));
        }
        if kept.len() >= MAX_KEPT {
            return None;
        }
        drop(kept);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(kept.entry(key.clone()).or_default()))
    }

    fn judge(&self, flows: &[Observation], environment: &Environment<'_>) -> Option<Settled<'a>> {
        let mut replayed = self.simulator.replay_by(flows, self.intent.as_ref(), environment)?;
        let shown = self.shown(flows, &replayed, environment)?;
        let decision = &mut replayed.decision;
        decision.trace = Vec::new();
        decision.notes = BTreeSet::new();
        decision.peer = Peer::Destination;
        let destination = flows.first()?.destination;
        let route = decision.route.as_ref().and_then(|route| match route.destination.as_str() {
            text if text == destination.to_string() => Some(RouteText::Address),
            text if text == IpNet::from(destination).to_string() => Some(RouteText::Prefix),
            _ => None,
        });
        let judged = replayed.judged.as_ref();
        let of_list = self.intent.as_ref().map(|list| list.intent).zip(judged);
        let statement = of_list.and_then(|(list, judged)| {
            let deny = judged.denied_by.and_then(|index| list.denies.get(index));
            let permission = judged.by.and_then(|index| list.permissions.get(index));
            deny.map(|deny| &deny.label).or(permission.map(|one| &one.label)).map(String::as_str)
        });
        let is_undetermined = replayed.outcome == Outcome::Undetermined;
        let accepted = of_list
            .filter(|_| is_undetermined)
            .and_then(|(list, judged)| judged.accepts_undetermined(list));
        let missing = match judged {
            Some(judged) if is_undetermined => judged.missing_with(&replayed.decision),
            Some(_) | None => replayed.decision.missing.clone(),
        };
        Some(Settled { replayed, shown, missing, statement, accepted, route })
    }

    /// Where the flow that reports show stands.
    fn shown(
        &self,
        flows: &[Observation],
        replayed: &Replayed,
        environment: &Environment<'_>,
    ) -> Option<usize> {
        let settled = flows.get(replayed.index)?;
        let is_silent = settled.payload.is_silent();
        let after = flows.get(replayed.index + 1);
        let after = after.filter(|_| is_silent && replayed.outcome.is_objection());
        let is_same = after.is_some_and(|after| {
            let decision = self.simulator.judge(after, environment);
            let judged = self.intent.as_ref().map(|list| list.judge(after, environment));
            Outcome::of(judged.as_ref(), &decision) == replayed.outcome
                && decision.rule == replayed.decision.rule
        });
        Some(replayed.index + usize::from(is_same))
    }
}

impl Settled<'_> {
    /// The decision of a connection to `destination`.
    pub fn decision(&self, destination: IpAddr) -> Decision {
        let mut decision = self.replayed.decision.clone();
        if let (Some(route), Some(text)) = (&mut decision.route, self.route) {
            route.destination = match text {
                RouteText::Address => destination.to_string(),
                RouteText::Prefix => IpNet::from(destination).to_string(),
            };
        }
        decision
    }

    /// Whether it stops a pipeline that takes the boxes `accepted` as they are.
    pub fn is_objection(&self, accepted: &[Outcome]) -> bool {
        let outcome = self.replayed.outcome;
        outcome.is_objection() && !accepted.contains(&outcome) && self.accepted.is_none()
    }

    /// Whether the text of the route is that of the destination, so that connections that are judged
    /// alike differ in it.
    pub fn tells_of_destination(&self) -> bool {
        self.route.is_some()
    }

    /// Whether the same is told of any connection that is judged alike: nothing that speaks of an
    /// address, or of the port, unless that is a class of its own.
    fn tells_of_no_end(&self, alike: &Alike, port: u16) -> bool {
        let of_list = self.replayed.judged.iter().flat_map(|judged: &Judged| &judged.missing);
        self.replayed.decision.missing.iter().chain(of_list).all(|missing| match missing {
            Missing::Field(_) | Missing::TooManyUnknowns => true,
            Missing::Atom(atom) => match atom {
                Atom::Reading { .. } | Atom::Resolvable { .. } => true,
                Atom::Infrastructure { host } | Atom::ThreatListed { indicator: host } => {
                    host.name().is_some()
                }
                Atom::InFqdnTag { host, .. } => host.name().is_some() && alike.ports.is_alone(port),
                Atom::InServiceTag { .. }
                | Atom::TagPrefixLonger { .. }
                | Atom::FirewallAnswer { .. }
                | Atom::InWebCategory { .. }
                | Atom::ApplicationDestination { .. }
                | Atom::PrecededBy { .. }
                | Atom::Named { .. }
                | Atom::Request { .. }
                | Atom::ClientAnswer { .. } => false,
            },
        })
    }
}

impl Alike {
    fn of(
        simulator: &Simulator<'_>,
        intent: Option<&Intent>,
        environment: &Environment<'_>,
    ) -> Alike {
        let evidence = environment.evidence;
        let mut cuts = Cuts::of(simulator.deployment);
        if let Some(list) = intent {
            cuts.list(list);
        }
        if let Some(tags) = &evidence.service_tags {
            // Whether a tag's prefix is longer than another is asked, too.
            let prefixes = tags.tags().flat_map(|tag| tag.addresses.prefixes());
            cuts.ways.extend(prefixes.map(alone));
        }
        if let Some(lock) = &evidence.lock {
            let addresses = lock.names().flat_map(|locked| &locked.addresses);
            cuts.ways.extend(addresses.map(|address| alone(*address)));
        }
        let Cuts { ways, sources, destinations, ports } = cuts;
        let of_deployment = simulator.dns_proxies(environment.assumptions);
        let of_list = intent.map(Intent::dns_proxies).unwrap_or_default();
        let proxies: BTreeSet<IpAddr> =
            of_deployment.into_iter().chain(of_list).flatten().collect();
        let held: BTreeSet<&Fqdn> =
            intent.into_iter().flat_map(Intent::names_held_by_clients).collect();
        let all: BTreeSet<&Fqdn> = intent.into_iter().flat_map(Intent::spelled_names).collect();
        let by_address = held.len();
        let listed: Vec<&Fqdn> = held.iter().chain(all.difference(&held)).copied().collect();
        let numbers: BTreeMap<&Fqdn, u32> = listed.iter().copied().zip(0..).collect();
        let pairs = || {
            let told = evidence.timeline.told();
            told.filter_map(|(client, name)| Some((client, *numbers.get(name)?)))
        };
        // There may be as many as packets of DNS; counted first, they take no more room than they need.
        let mut told: Vec<(IpAddr, u32)> = Vec::with_capacity(pairs().count());
        told.extend(pairs());
        told.sort_unstable();
        told.dedup();
        told.shrink_to_fit();
        let proxies: Vec<IpAddr> = proxies.into_iter().collect();
        let mut asked_for = simulator.answered_names();
        asked_for.extend(intent.into_iter().flat_map(Intent::names_held_by_firewalls));
        let timeline = &evidence.timeline;
        let mut groups = simulator.deployment.network_security_groups.values();
        Alike {
            source: Blocks::of(ways.iter().chain(&sources).map(Vec::as_slice)),
            destination: Blocks::of(
                ways.iter().flatten().chain(&destinations).map(slice::from_ref),
            ),
            ports: Ports::cut_by(ports),
            has_source_ports: groups.any(looks_at_source_ports),
            listed: listed.into_iter().cloned().collect(),
            by_address,
            told,
            changes: timeline.changes(&proxies, |name| asked_for.contains(name)),
            resolution_changes: OnceLock::new(),
            proxies,
            looks_at_paths: rules_look_at_paths(simulator)
                || intent.is_some_and(list_looks_at_paths),
        }
    }

    /// What of a payload is compared with anything.
    fn compared(&self, payload: &SeenPayload) -> SeenPayload {
        let without_path = |request: &Request| Request {
            host: request.host.clone(),
            port: request.port,
            path: String::new(),
        };
        match payload {
            SeenPayload::Exactly(Payload::Http(request)) if !self.looks_at_paths => {
                SeenPayload::Exactly(Payload::Http(without_path(request)))
            }
            SeenPayload::Exactly(Payload::Tls { name, inner: Some(request) })
                if !self.looks_at_paths =>
            {
                let (name, inner) = (name.clone(), Some(without_path(request)));
                SeenPayload::Exactly(Payload::Tls { name, inner })
            }
            SeenPayload::Exactly(_)
            | SeenPayload::Kind(_)
            | SeenPayload::Unread(_)
            | SeenPayload::Unknown => payload.clone(),
        }
    }

    /// What the judgement of a connection depends on; `None` where it depends on more.
    fn key(&self, flows: &[Observation], environment: &Environment<'_>) -> Option<Key> {
        let first = flows.first()?;
        let Observation { source, source_port, destination, destination_port, protocol, .. } =
            *first;
        let is_one = flows.iter().all(|flow| {
            let Observation { source: s, source_port: sp, destination: d, .. } = flow;
            let same_service =
                flow.destination_port == destination_port && flow.protocol == protocol;
            (*s, *sp, *d) == (source, source_port, destination) && same_service
        });
        if !is_one {
            return None;
        }
        let mut shown: BTreeSet<&Fqdn> = BTreeSet::new();
        let mut shows_destination = Vec::new();
        let mut all_seen = true;
        let mut listed = self.listed.get(..self.by_address).unwrap_or_default();
        for flow in flows {
            match &flow.payload {
                SeenPayload::Exactly(payload) => {
                    for host in hosts(payload) {
                        match host {
                            Host::Name(name) => drop(shown.insert(name)),
                            Host::Address(address) => {
                                shows_destination.push(*address == destination);
                            }
                        }
                    }
                }
                // Every name may be asked for.
                SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => {
                    all_seen = false;
                    listed = &self.listed;
                }
            }
        }
        let Environment { evidence, at, .. } = *environment;
        let timeline = &evidence.timeline;
        let held = timeline.names(source, destination, at);
        let held: Option<Vec<(Fqdn, NameRole)>> =
            held.map(|held| held.into_iter().map(|held| (held.name, held.role)).collect());
        if held.is_none() {
            all_seen = false;
            listed = &self.listed;
        }
        let from = self.told.partition_point(|(client, _)| *client < source);
        let of_client = self.told.iter().skip(from).take_while(|(client, _)| *client == source);
        let of_flow = || shown.iter().copied().chain(held.iter().flatten().map(|(name, _)| name));
        let holds = |name: &Fqdn| environment.client_holds(source, name, destination);
        // Another client of the block may have been told of others.
        let names_of_client = of_client
            .map_while(|(_, number)| Some((*number, listed.get(usize::try_from(*number).ok()?)?)));
        let holds_listed =
            names_of_client.filter_map(|(number, name)| Some((number, holds(name)?))).collect();
        let holds = of_flow().map(holds).collect();
        let mut facts = Vec::new();
        for name in of_flow() {
            let resolvable = Atom::Resolvable { name: name.clone() };
            let answer = Atom::FirewallAnswer { name: name.clone(), address: destination };
            for proxy in &self.proxies {
                facts.extend(
                    [&resolvable, &answer].map(|atom| evidence.fact(atom, Some(*proxy), at)),
                );
            }
        }
        Some(Key {
            source: self.source.block(source),
            destination: self.destination.block(destination),
            is_to_itself: source == destination,
            source_port: source_port.filter(|_| self.has_source_ports),
            protocol,
            destination_port: self.ports.class(destination_port),
            shown_port: flows.iter().any(shows_a_port).then_some(destination_port),
            payloads: flows.iter().map(|flow| self.compared(&flow.payload)).collect(),
            shows_destination,
            held,
            holds,
            holds_listed,
            facts,
            stretch: self.changes.partition_point(|change| *change <= at),
            stretch_of_resolution: (!all_seen).then(|| {
                let changes = || timeline.resolution_changes(&self.proxies);
                let changes = self.resolution_changes.get_or_init(changes);
                changes.partition_point(|change| *change <= at)
            }),
            told_destination: Some(destination)
                .filter(|one| !self.changes.is_empty() && timeline.has_seen(*one)),
        })
    }
}

/// Whether a rule compares the paths of requests, or has them looked up (`azure-firewall.md §2.4`,
/// `§2.7`).
fn rules_look_at_paths(simulator: &Simulator<'_>) -> bool {
    simulator
        .every_rule()
        .any(|rule| !rule.target_urls.is_empty() || !rule.web_categories.is_empty())
}

/// Whether a statement compares the paths of requests, or has them looked up.
fn list_looks_at_paths(list: &Intent) -> bool {
    list.destinations().any(|destination| match destination {
        Destination::WebCategory(_) | Destination::Url { .. } => true,
        Destination::Names(_)
        | Destination::Addresses(_)
        | Destination::ServiceTag(_)
        | Destination::FqdnTag(_)
        | Destination::Any => false,
    })
}

impl Simulator<'_> {
    /// Whether a rule compares the paths of requests for `host`, or has them looked up
    /// (`azure-firewall.md §2.4`, `§2.7`).
    pub fn looks_at_paths_of(&self, host: Option<&Host>) -> bool {
        self.every_rule().any(|rule| {
            let mut urls = rule.target_urls.iter();
            !rule.web_categories.is_empty()
                || urls.any(|url| host.is_none_or(|host| url.host.matches_host(host)))
        })
    }
}

impl Intent {
    /// Whether a statement compares the paths of requests for `host`, or has them looked up.
    pub fn looks_at_paths_of(&self, host: Option<&Host>) -> bool {
        self.destinations().any(|destination| match destination {
            Destination::WebCategory(_) => true,
            Destination::Url { host: pattern, .. } => {
                host.is_none_or(|host| pattern.matches_host(host))
            }
            Destination::Names(_)
            | Destination::Addresses(_)
            | Destination::ServiceTag(_)
            | Destination::FqdnTag(_)
            | Destination::Any => false,
        })
    }
}

/// Whether a request names a port, which is compared with the one that it was sent to
/// (`azure-firewall.md §2.5`).
fn shows_a_port(flow: &Observation) -> bool {
    match &flow.payload {
        SeenPayload::Exactly(
            Payload::Http(request) | Payload::Tls { inner: Some(request), .. },
        ) => request.port.is_some(),
        SeenPayload::Exactly(_)
        | SeenPayload::Kind(_)
        | SeenPayload::Unread(_)
        | SeenPayload::Unknown => false,
    }
}

/// The hosts that a payload shows, also inside TLS.
fn hosts(payload: &Payload) -> impl Iterator<Item = &Host> {
    let inner = match payload {
        Payload::Tls { inner, .. } => inner.as_ref().and_then(|request| request.host.as_ref()),
        Payload::Silent
        | Payload::Other
        | Payload::Http(_)
        | Payload::Mssql { .. }
        | Payload::Quic { .. } => None,
    };
    payload.wire_name().into_iter().chain(inner)
}

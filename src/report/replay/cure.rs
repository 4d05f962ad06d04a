//! What to do about objections, grouped so that one change answers each group.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use super::Position;
use super::Positions;
use super::Replay;
use super::ReplayedFlow;
use super::SHOWN_FLOWS;
use super::totals::Grouped;
use super::totals::MOST_KNOWN;
use crate::azure::Deployment;
use crate::azure::Key;
use crate::azure::Ownership;
use crate::azure::RuleId;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::deployment::FoundRule;
use crate::azure::network::is_of_azure;
use crate::azure::route::NextHop;
use crate::azure::route::RouteDestination;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::flow::Atom;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::SeenPayload;
use crate::intent::Deny;
use crate::intent::Permission;
use crate::simulate::Decision;
use crate::simulate::Missing;
use crate::simulate::Outcome;
use crate::simulate::Reason;
use crate::simulate::Settled;
use crate::simulate::Verdict;
use crate::simulate::decision::Field;
use crate::simulate::route::Hop;
use crate::simulate::route::RouteSource;
use crate::simulate::route::RouteTaken;

/// Unknown facts that a headline names; the others are counted.
const SHOWN_MISSING: usize = 5;

/// What to do with a rule that lets out more than the list permits, and some that it does.
const NARROW: &str =
    "narrow the rule to what the recorded flows that the list permits needed of it";

/// A change that answers a group of objections.
#[derive(Clone, Debug)]
pub enum Change {
    /// Edits of the rules files.
    Source(Vec<Edit>),
    /// Another rule in place of a rule of an existing policy; `None` takes it out.
    Rule {
        /// The rule.
        id: RuleId,
        /// What is to stand in its place.
        instead: Option<Box<FoundRule>>,
    },
}

impl Change {
    /// The rule that is changed, where it is one of an existing policy.
    pub fn rule(&self) -> Option<&RuleId> {
        match self {
            Change::Source(_) => None,
            Change::Rule { id, .. } => Some(id),
        }
    }
}

/// What to do about a group.
#[derive(Clone, Debug)]
pub struct Cure {
    /// What to do, in the imperative.
    pub what: String,
    /// The change, where there is one to paste.
    pub change: Option<Change>,
    /// The change as a difference; filled in by whoever has tried it.
    pub difference: Option<String>,
    /// What becomes of the flows with the difference, where it was tried.
    pub tried: Option<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

impl Cure {
    fn new(what: impl Into<String>) -> Cure {
        Cure { what: what.into(), change: None, difference: None, tried: None, notes: Vec::new() }
    }
}

/// Objections with one cause.
#[derive(Clone, Debug)]
pub struct Group {
    /// The box of all of them.
    pub outcome: Outcome,
    /// What happened, in one sentence.
    pub headline: String,
    /// The first flows, in the order of the report.
    pub flows: Vec<ReplayedFlow>,
    /// The first flow whose TCP handshake was answered.
    pub answered: Option<ReplayedFlow>,
    /// All of them.
    pub all: Positions,
    /// What to do.
    pub cure: Cure,
}

/// What makes two objections one: the same box, and the same thing to change.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Cause {
    Rule(RuleId),
    Route(String),
    Permission(Option<String>, &'static str, Option<RuleId>),
    Missing(Vec<Missing>),
    Reason(&'static str),
}

/// Gives the flow at a position again.
type Again<'f, E> = dyn FnMut(Position) -> Result<ReplayedFlow, E> + 'f;

impl Replay<'_> {
    /// The flows that `rule` decided and that are no objection.
    pub fn kept_of(&self, rule: &RuleId) -> Positions {
        self.totals.of_rule(rule).map(|of_rule| of_rule.kept.clone()).unwrap_or_default()
    }

    /// The objections, box by box and by cause, in the order in which the causes first show.
    ///
    /// # Errors
    /// Those of `again`, which gives a flow again that was counted.
    pub fn groups<E>(&self, again: &mut Again<'_, E>) -> Result<Vec<Group>, E> {
        // Stable: within a box the causes stay as they first showed.
        let mut ordered: Vec<&Grouped> = self.totals.groups.iter().collect();
        ordered.sort_by_key(|group| group.outcome);
        let mut groups = Vec::with_capacity(ordered.len());
        for Grouped { outcome, flows: all, answered } in ordered {
            let shown = all.first.iter().take(SHOWN_FLOWS);
            let flows = shown.map(|at| again(*at)).collect::<Result<Vec<ReplayedFlow>, E>>()?;
            let answered = answered.map(&mut *again).transpose()?;
            let Some(first) = flows.first() else { continue };
            let (headline, cure) = match outcome {
                Outcome::Leak => self.leak(first, again)?,
                Outcome::Breakage => self.breakage(first),
                Outcome::Undetermined => self.undetermined(first),
                Outcome::Bypass => self.bypass(first),
                Outcome::RequiredPassed
                | Outcome::PermittedPassed
                | Outcome::PermittedBlocked
                | Outcome::Passed
                | Outcome::Accepted
                | Outcome::Blocked
                | Outcome::NotJudged => continue,
            };
            let (outcome, all) = (*outcome, all.clone());
            groups.push(Group { outcome, headline, flows, answered, all, cure });
        }
        Ok(groups)
    }

    /// A leak: the rule that let it out, and a narrower one.
    fn leak<E>(&self, flow: &ReplayedFlow, again: &mut Again<'_, E>) -> Result<(String, Cure), E> {
        let Some(id) = &flow.decision.rule else {
            let headline = format!(
                "{} lets out what the list does not permit",
                reason_in_words(&flow.decision)
            );
            let drift = self.rule_drift(flow);
            let what =
                drift.unwrap_or("end the deployment with a rule that denies the rest".into());
            return Ok((headline, Cure::new(what)));
        };
        let headline = format!("rule {id} lets out what the list does not permit");
        let mut cure = match (self.rule_drift(flow), self.subject.deployment.find_rule(id)) {
            (Some(drift), _) => Cure::new(drift),
            (None, Some(rule)) => self.narrower(id, &rule, again)?,
            (None, None) => Cure::new("narrow the rule, or take it out"),
        };
        if let Some(policy) = self.subject.deployment.policies.get(&id.policy)
            && policy.ownership == Ownership::Existing
        {
            cure.notes.push(format!(
                "policy `{}` is not written from this list: its owner has to make the change",
                id.policy
            ));
        }
        let deny = flow.permission.as_deref().and_then(|label| self.deny(label));
        if let Some(deny) = deny {
            let place =
                self.subject.place_of(&deny.label).map(|at| format!(" ({at})")).unwrap_or_default();
            cure.notes.push(format!("`{}`{place} denies it, whatever else permits it", deny.label));
        } else if let Some(wish) = self.permission_for(flow) {
            cure.notes.push(format!("if it is meant to leave, permit it: {wish}"));
        }
        Ok((headline, cure))
    }

    /// The rule, cut to what recorded flows that the list permits needed of it.
    fn narrower<E>(
        &self,
        id: &RuleId,
        rule: &FoundRule,
        again: &mut Again<'_, E>,
    ) -> Result<Cure, E> {
        let of_rule = self.totals.of_rule(id);
        let permitted = of_rule.map(|of_rule| of_rule.permitted.clone()).unwrap_or_default();
        if !permitted.is_all() {
            let mut cure = Cure::new(NARROW);
            cure.notes.push(format!(
                "no edit is shown: {} recorded flows need the rule, and at most {MOST_KNOWN} are known",
                permitted.number
            ));
            return Ok(cure);
        }
        let needed = permitted.first.iter().map(|at| again(*at));
        Ok(narrowed(id, rule, &needed.collect::<Result<Vec<ReplayedFlow>, E>>()?))
    }

    /// A breakage: the permission that requires it, and what stands in its way.
    fn breakage(&self, flow: &ReplayedFlow) -> (String, Cure) {
        let label = flow.permission.as_deref().unwrap_or("the list");
        let place = self.subject.place_of(label).map(|at| format!(" ({at})")).unwrap_or_default();
        let because = reason_in_words(&flow.decision);
        let headline = format!("`{label}`{place} requires it, but {because}");
        if let Some(drift) = self.permission_drift(flow) {
            return (headline, Cure::new(drift));
        }
        let cure = match (&flow.decision.rule, flow.decision.reason) {
            (Some(id), Reason::ApplicationRule | Reason::NetworkRule) => {
                let mut cure = Cure::new(format!(
                    "take rule {id} out, or have its owner let `{label}` pass before it"
                ));
                cure.change = Some(Change::Rule { id: id.clone(), instead: None });
                cure
            }
            (_, Reason::SniMissing | Reason::UnrecognisedProtocol | Reason::HandshakeOnly) => {
                let mut cure =
                    Cure::new("have the client show the name, or carry the permission by address");
                self.offer(&mut cure, self.carry_by_address(flow));
                cure
            }
            (_, Reason::HostPortMismatch) => Cure::new(
                "have the client write the port in its `Host` header, or connect to the port it names",
            ),
            (_, Reason::Unresolvable) => {
                Cure::new("have the firewall's DNS servers resolve the name")
            }
            _ => Cure::new(
                "change the permission to what the flow is, or the client to what it says",
            ),
        };
        (headline, cure)
    }

    /// Something undetermined: what would settle it.
    fn undetermined(&self, flow: &ReplayedFlow) -> (String, Cure) {
        let missing: Vec<String> = flow.missing.iter().map(ToString::to_string).collect();
        let shown = missing.get(..SHOWN_MISSING).unwrap_or(&missing).join(", ");
        let more = match missing.len().saturating_sub(SHOWN_MISSING) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let decision = &flow.decision;
        let open = match decision.verdict {
            Verdict::Undetermined => "the verdict".to_owned(),
            settled @ (Verdict::Allow
            | Verdict::Deny
            | Verdict::Bypass
            | Verdict::Local
            | Verdict::Platform) => {
                let rule = decision.rule.as_ref().map(|rule| format!(" by rule {rule}"));
                let rule = rule.unwrap_or_default();
                format!("the verdict is {settled}{rule}, but what the list says of it")
            }
        };
        let headline = format!("{open} depends on what is not known: {shown}{more}");
        let drift = self.rule_drift(flow);
        (headline, Cure::new(drift.unwrap_or_else(|| settle(flow))))
    }

    /// A bypass: the route that carried it.
    fn bypass(&self, flow: &ReplayedFlow) -> (String, Cure) {
        let route = flow.decision.route.as_ref();
        let way = route.map_or_else(|| "a route".to_owned(), ToString::to_string);
        let headline = format!("{way} carries it around the firewall");
        if let Some(cure) = self.without_ipv6(flow) {
            return (headline, cure);
        }
        let is_given = !self.subject.asked.deployments.is_empty();
        if let Some(drift) = is_given.then(|| self.route_drift(flow)).flatten() {
            return (headline, Cure::new(drift));
        }
        let mut cure = Cure::new(instead_of(flow.opening.source, route, self.subject.deployment));
        if let Some(RouteSource::User { .. }) = route.map(|route| &route.source) {
            let edit = |span| vec![Edit::remove(self.whole_line(span))];
            self.offer(&mut cure, self.route_exception(flow).map(edit));
        }
        (headline, cure)
    }

    /// What to do about a flow over IPv6 that takes Azure's own route to the internet: the firewall
    /// takes none, and so no route of the list leads it there (`azure-firewall.md §1.13`).
    fn without_ipv6(&self, flow: &ReplayedFlow) -> Option<Cure> {
        let route = flow.decision.route.as_ref()?;
        if flow.opening.destination.is_ipv4() || route.source != RouteSource::System {
            return None;
        }
        let source = flow.opening.source;
        let networks = self.subject.deployment.virtual_networks.values();
        let mut subnets = networks.flat_map(|network| &network.subnets);
        let subnet = subnets.find(|one| one.prefixes.iter().any(|p| p.contains(&source)))?;
        let name = &subnet.name;
        let close = "deny `::/0` outbound in its network security group";
        let mut cure = if subnet.prefixes.iter().any(|prefix| prefix.addr().is_ipv6()) {
            Cure::new(format!("take the IPv6 prefix off subnet `{name}`, or {close}"))
        } else {
            Cure::new(format!(
                "give subnet `{name}` no IPv6 prefix: as declared it has none, and then nothing is sent \
                 so; if it is to have one, {close}"
            ))
        };
        cure.notes.push(
            "Azure Firewall takes no IPv6, and no route for 0.0.0.0/0 covers it (azure-firewall.md §1.13)"
                .to_owned(),
        );
        if source.is_ipv4() {
            let recorded = flow.row.source;
            cure.notes.push(format!("`--from` puts {recorded}, an IPv6 address, into the subnet"));
        }
        Some(cure)
    }

    /// Offers edits of the list, which a deployment that was given does not come from until it is
    /// deployed again.
    fn offer(&self, cure: &mut Cure, edits: Option<Vec<Edit>>) {
        if self.subject.asked.deployments.is_empty() {
            cure.change = edits.map(Change::Source);
        } else if edits.is_some() {
            cure.notes.push(
                "an edit of the list changes this deployment only when it is deployed again"
                    .to_owned(),
            );
        }
    }

    /// The deny with this label.
    pub(super) fn deny(&self, label: &str) -> Option<&Deny> {
        self.subject.intent?.denies.iter().find(|deny| deny.label == label)
    }

    /// The route exception of the source that carried `flow`.
    fn route_exception(&self, flow: &ReplayedFlow) -> Option<Span> {
        let taken = flow.decision.route.as_ref()?;
        let networks = &self.subject.intent?.topology.networks;
        let subnet = networks
            .iter()
            .flat_map(|network| &network.subnets)
            .find(|subnet| subnet.prefixes.iter().any(|p| p.contains(&flow.opening.source)))?;
        let exception = subnet.exceptions.iter().find(|exception| {
            let target = match &exception.target {
                crate::intent::topology::RouteTarget::Prefix(prefix) => prefix.to_string(),
                crate::intent::topology::RouteTarget::ServiceTag(tag) => tag.clone(),
            };
            target == taken.destination
        })?;
        Some(exception.origin.span)
    }

    /// The span of the lines on which `span` stands, if nothing else stands on them.
    fn whole_line(&self, span: Span) -> Span {
        let Some(file) = self.subject.sources.file(span.file) else { return span };
        let text = file.text();
        let range = span.range();
        let before = text.get(..range.start).unwrap_or_default();
        let after = text.get(range.end..).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let end = after.find('\n').map_or(text.len(), |at| range.end + at + 1);
        let alone = |part: Option<&str>| part.is_some_and(|part| part.trim().is_empty());
        if alone(text.get(start..range.start)) && alone(text.get(range.end..end)) {
            Span::new(span.file, start, end)
        } else {
            span
        }
    }

    /// The permission that requires `flow`, said again by address at the end of the rules file:
    /// imports are for others too, and shipped rulesets cannot be changed.
    fn carry_by_address(&self, flow: &ReplayedFlow) -> Option<Vec<Edit>> {
        let permission = self.permission(flow.permission.as_deref()?)?;
        let name = flow.row.name.clone().or_else(|| exact_name(permission))?;
        let source = self.source_word(flow);
        let service = match flow.opening.protocol {
            IpProtocol::TCP => format!("tcp/{}", flow.opening.destination_port),
            IpProtocol::UDP => format!("udp/{}", flow.opening.destination_port),
            IpProtocol(_) => return None,
        };
        let (id, file) = self.subject.sources.main()?;
        let end = file.text().len();
        let gap = if file.text().ends_with('\n') { "\n" } else { "\n\n" };
        let label = &permission.label;
        let own_label = label.rsplit("::").next().unwrap_or_default();
        let text = format!(
            "{gap}allow {own_label}-by-address: {source} -> {name} : {service}\n  because \"as `{label}`, \
             for clients that show no name\"\n  by address because \"the client shows no name\"\n",
        );
        Some(vec![Edit::insert_after(Span::new(id, end, end), text)])
    }

    fn permission(&self, label: &str) -> Option<&Permission> {
        self.subject.intent?.permissions.iter().find(|permission| permission.label == label)
    }

    /// The subnet that the flow comes from, or its address.
    fn source_word(&self, flow: &ReplayedFlow) -> String {
        let source = flow.opening.source;
        let subnet = self.subject.intent.and_then(|intent| {
            let mut subnets = intent.topology.networks.iter().flat_map(|network| &network.subnets);
            subnets.find(|subnet| subnet.prefixes.iter().any(|prefix| prefix.contains(&source)))
        });
        subnet.map_or_else(|| source.to_string(), |subnet| subnet.name.clone())
    }

    /// A permission that would let just this flow leave, as text for the list.
    fn permission_for(&self, flow: &ReplayedFlow) -> Option<String> {
        self.subject.intent?;
        let source = self.source_word(flow);
        let opening = &flow.shown;
        let name = match &opening.payload {
            SeenPayload::Exactly(payload) => payload.wire_name().and_then(Host::name).cloned(),
            SeenPayload::Kind(_) | SeenPayload::Unknown => None,
        };
        let port = opening.destination_port;
        let (destination, service) = match (name, flow.row.application) {
            (Some(name), "tls") => (name.to_string(), with_port("https", port, 443)),
            (Some(name), "http") => (name.to_string(), with_port("http", port, 80)),
            (Some(name), "mssql") => (name.to_string(), with_port("mssql", port, 1433) + " proxy"),
            _ => {
                let service = match opening.protocol {
                    IpProtocol::TCP => format!("tcp/{port}"),
                    IpProtocol::UDP => format!("udp/{port}"),
                    IpProtocol::ICMP => "icmp".to_owned(),
                    IpProtocol(number) => format!("proto/{number}"),
                };
                (opening.destination.to_string(), service)
            }
        };
        Some(format!("`allow LABEL: {source} -> {destination} : {service}  because \"…\"`"))
    }
}

/// `rule`, cut to what the flows `needed` of it.
fn narrowed(id: &RuleId, rule: &FoundRule, needed: &[ReplayedFlow]) -> Cure {
    if needed.is_empty() {
        let mut cure =
            Cure::new("take the rule out: no recorded flow that the list permits needs it");
        cure.change = Some(Change::Rule { id: id.clone(), instead: None });
        return cure;
    }
    let instead = match rule {
        FoundRule::Application(action, rule) => {
            let names: Option<BTreeSet<FqdnPattern>> = needed
                .iter()
                .map(|flow| match &flow.opening.payload {
                    SeenPayload::Exactly(payload) => payload.wire_name().and_then(Host::name),
                    SeenPayload::Kind(_) | SeenPayload::Unknown => None,
                })
                .map(|name| name.cloned().map(FqdnPattern::Exact))
                .collect();
            let mut narrow = rule.clone();
            // A name in place of a URL would pass every path.
            if let (Some(names), []) = (names, rule.target_urls.as_slice()) {
                narrow.target_fqdns = names.into_iter().collect();
            } else {
                return Cure::new(NARROW);
            }
            narrow.target_addresses.clear();
            narrow.fqdn_tags.clear();
            narrow.web_categories.clear();
            narrow.unknown_targets.clear();
            FoundRule::Application(*action, narrow)
        }
        FoundRule::Network(action, rule) => {
            let addresses: BTreeSet<_> =
                needed.iter().map(|flow| flow.opening.destination).collect();
            let mut narrow = rule.clone();
            narrow.destination_addresses = addresses
                .into_iter()
                .map(|address| DestinationEntry::Addresses(AddressEntry::Address(address)))
                .collect();
            narrow.destination_fqdns.clear();
            narrow.destination_ip_groups.clear();
            FoundRule::Network(*action, narrow)
        }
        FoundRule::Nat(_) => return Cure::new("narrow the destination of the rule"),
    };
    let mut cure = Cure::new(NARROW);
    cure.change = Some(Change::Rule { id: id.clone(), instead: Some(Box::new(instead)) });
    cure
}

/// What to do about a route of `deployment` that leads what `source` sends around the firewall.
pub(in crate::report) fn instead_of(
    source: IpAddr,
    route: Option<&RouteTaken>,
    deployment: &Deployment,
) -> String {
    match route.map(|route| (&route.source, &route.hop)) {
        Some((RouteSource::User { table, route }, _)) => {
            format!("take route `{route}` out of route table `{table}`")
        }
        Some((_, Hop::ServiceEndpoint(service))) => format!(
            "take the service endpoint `{service}` off the subnet; put it on AzureFirewallSubnet"
        ),
        Some((_, Hop::Peering(network))) => {
            let prefix = route.map_or("0.0.0.0/0", |route| route.destination.as_str());
            match default_firewall(source, deployment) {
                Some(firewall) => format!(
                    "give the subnet a route for {prefix} via the firewall, as `route {prefix} via \
                     {firewall}` does in a list{}",
                    one_back(network, deployment)
                ),
                None => format!(
                    "take the peering with `{network}` out, or lead the subnet through a firewall \
                     that it can reach, what goes to {prefix} too"
                ),
            }
        }
        Some((_, Hop::PrivateEndpoint(_))) => {
            "route the endpoint's address as a /32 via the firewall, and turn its network policies on"
                .to_owned()
        }
        Some(_) | None => "route the subnet via the firewall".to_owned(),
    }
}

/// The firewall to which the default route of the subnet of `source` leads.
fn default_firewall(source: IpAddr, deployment: &Deployment) -> Option<&Key> {
    let networks = deployment.virtual_networks.values();
    let mut subnets = networks.flat_map(|network| &network.subnets);
    let subnet = subnets.find(|one| one.prefixes.iter().any(|p| p.contains(&source)))?;
    let table = deployment.route_tables.get(subnet.route_table.as_ref()?)?;
    let defaults = table.routes.iter().filter(|route| match &route.destination {
        RouteDestination::Prefix(prefix) => prefix.addr().is_ipv4() && prefix.prefix_len() == 0,
        RouteDestination::ServiceTag(_) => false,
    });
    let hops = defaults.filter_map(|route| match &route.next_hop {
        NextHop::VirtualAppliance(address) => Some(*address),
        NextHop::VirtualApplianceEcmp(_)
        | NextHop::VnetLocal
        | NextHop::Internet
        | NextHop::VirtualNetworkGateway
        | NextHop::None => None,
    });
    let firewalls = &deployment.firewalls;
    let mut led_to = hops.filter_map(|address| {
        firewalls.iter().find(|(_, firewall)| firewall.private_address == address)
    });
    led_to.next().map(|(name, _)| name)
}

/// That replies have to come back through the firewall, too, where something in `network` replies.
fn one_back(network: &Key, deployment: &Deployment) -> String {
    let subnets = deployment.virtual_networks.get(network).map(|one| one.subnets.as_slice());
    let others =
        subnets.unwrap_or_default().iter().filter(|subnet| !is_of_azure(subnet.name.as_str()));
    let names: Vec<String> = others.map(|subnet| format!("`{}`", subnet.name)).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(", and subnet {} of `{network}` one back", names.join(" and "))
    }
}

/// The only exact name of `permission`, if it has one and no other.
fn exact_name(permission: &Permission) -> Option<String> {
    let patterns: Vec<&FqdnPattern> = permission
        .destinations
        .iter()
        .filter_map(|destination| match destination {
            crate::intent::Destination::Names(names) => Some(&names.patterns),
            _ => None,
        })
        .flatten()
        .collect();
    match patterns.as_slice() {
        [FqdnPattern::Exact(name)] => Some(name.to_string()),
        _ => None,
    }
}

fn with_port(word: &str, port: u16, usual: u16) -> String {
    if port == usual { word.to_owned() } else { format!("{word}/{port}") }
}

/// What is missing, whichever client was to be told whichever address: one record of DNS settles it.
fn of_any_client(missing: &Missing) -> Missing {
    match missing {
        Missing::Atom(Atom::ClientAnswer { client: _, address: _, name }) => {
            let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            Missing::Atom(Atom::ClientAnswer {
                client: nobody,
                address: nobody,
                name: name.clone(),
            })
        }
        Missing::Atom(_) | Missing::Field(_) | Missing::TooManyUnknowns => missing.clone(),
    }
}

/// The cause of an objection with this judgement; `decision` tells of its destination.
pub(super) fn cause(settled: &Settled<'_>, decision: &Decision) -> Cause {
    match settled.replayed.outcome {
        Outcome::Leak => match &decision.rule {
            Some(rule) => Cause::Rule(rule.clone()),
            None => Cause::Reason(decision.reason.keyword()),
        },
        Outcome::Bypass => {
            Cause::Route(decision.route.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        Outcome::Undetermined => {
            let missing: BTreeSet<Missing> = settled.missing.iter().map(of_any_client).collect();
            Cause::Missing(missing.into_iter().collect())
        }
        Outcome::Breakage
        | Outcome::RequiredPassed
        | Outcome::PermittedPassed
        | Outcome::PermittedBlocked
        | Outcome::Passed
        | Outcome::Accepted
        | Outcome::Blocked
        | Outcome::NotJudged => Cause::Permission(
            settled.statement.map(str::to_owned),
            decision.reason.keyword(),
            decision.rule.clone(),
        ),
    }
}

/// How to supply what is missing.
fn settle(flow: &ReplayedFlow) -> String {
    let mut ways: BTreeSet<&str> = BTreeSet::new();
    for one in &flow.missing {
        ways.insert(match one {
            Missing::Atom(Atom::InServiceTag { .. } | Atom::TagPrefixLonger { .. }) => {
                "give Microsoft's service-tag file: `--service-tags ServiceTags_Public.json`"
            }
            Missing::Atom(Atom::FirewallAnswer { .. } | Atom::Resolvable { .. }) => {
                "say what the firewall resolves: `exeat lock FILE --server IP`, or a capture that holds the DNS answers"
            }
            Missing::Atom(Atom::Reading { .. }) => "choose a reading: `--assume KEY=VALUE`",
            Missing::Atom(
                Atom::InFqdnTag { .. }
                | Atom::InWebCategory { .. }
                | Atom::Infrastructure { .. }
                | Atom::ThreatListed { .. },
            ) => "Azure does not publish it: name what is needed in a rule of its own, or accept it",
            Missing::Atom(Atom::ApplicationDestination { .. }) => {
                "nobody knows what Azure compares the addresses of an application rule with: take them out of it, or accept it"
            }
            Missing::Atom(Atom::PrecededBy { .. }) => {
                "what was let through before decides it: name what is needed in a rule of its own, or accept it"
            }
            Missing::Atom(Atom::Named { .. }) => {
                "no file that was given says it: state it in a deployment file, or accept it"
            }
            Missing::Atom(Atom::ClientAnswer { .. }) if flow.packet.is_none() => {
                "give a capture or a log that holds the client's DNS answers beside it, with `--capture`"
            }
            Missing::Atom(Atom::ClientAnswer { .. }) => {
                "record from before the client asks DNS, so that the capture holds the answer"
            }
            Missing::Atom(Atom::Request { .. }) | Missing::Field(Field::Inner) => {
                "no capture shows the request inside TLS: name the host without a path, or accept it"
            }
            Missing::Field(Field::Payload | Field::Name) if flow.packet.is_none() => {
                "judge a capture of the packets, or a log that holds names, as those of Zeek and Suricata: this one does not hold what the client asked for"
            }
            Missing::Field(Field::Payload | Field::Name) => {
                "record the connection from its start, and whole packets of it: what the client asked for is missing or cannot be read"
            }
            Missing::Field(Field::Source) => "say where it comes from: `--from SUBNET`",
            Missing::TooManyUnknowns => "give more evidence: too much is unknown to be weighed",
        });
    }
    ways.into_iter().collect::<Vec<_>>().join("; ")
}

/// What the verdict rests on, as the end of a sentence.
pub(in crate::report) fn reason_in_words(decision: &Decision) -> String {
    let rule = decision.rule.as_ref().map(|rule| format!("rule {rule}"));
    let rule = rule.as_deref().unwrap_or("a rule");
    match decision.reason {
        Reason::ApplicationRule => format!("application {rule} decides it first"),
        Reason::NetworkRule => format!("network {rule} decides it first"),
        Reason::DefaultDeny => "no rule lets it pass".to_owned(),
        Reason::HandshakeOnly => {
            "the client sent nothing after the handshake, which the firewall answers itself"
                .to_owned()
        }
        Reason::SniMissing => {
            "the client shows no name, and the firewall refuses TLS without one".to_owned()
        }
        Reason::UnrecognisedProtocol => {
            "its first bytes are of no protocol the firewall's proxy knows".to_owned()
        }
        Reason::HostMissing => "the request names no host".to_owned(),
        Reason::HostPortMismatch => {
            "the port in its `Host` header is not the one it connects to".to_owned()
        }
        Reason::Unresolvable => "the firewall cannot resolve the name".to_owned(),
        Reason::Undeliverable => "Azure does not deliver it".to_owned(),
        Reason::Infrastructure => "the built-in infrastructure rules let it pass".to_owned(),
        other => format!("its way ends at `{other}`"),
    }
}

//! Which rule carries a statement: an application rule, a network rule, or none.
//!
//! A permission becomes exactly one rule, so that it is one element of one list:
//!
//! | destination | `https` `http` `mssql proxy` | `mssql redirect` | `tcp` `udp` | `icmp` |
//! | --- | --- | --- | --- | --- |
//! | names | application | application, if the policy allows redirection | network, exact names, `by address` | none |
//! | addresses | none: application rules ignore the destination | network | network | network, if private |
//! | service tag | none | network | network | none |
//! | FQDN tag, web category | application, but not `mssql` | none | none | none |
//! | URL | `http` only | none | none | none |
//!
//! A deny by name is carried by an application rule, a deny by address by a network rule.

use std::collections::BTreeSet;

use super::ground::Ground;
use super::ground::prefixes;
use super::refusal::Refusal;
use super::statement::Statement;
use crate::azure::address::AddressEntry;
use crate::azure::address::DestinationEntry;
use crate::azure::address::ServiceTag;
use crate::azure::policy::Action;
use crate::azure::rule::ApplicationProtocol;
use crate::azure::rule::ApplicationProtocolType;
use crate::azure::rule::NetworkProtocol;
use crate::azure::rule::PortEntry;
use crate::azure::rule::SQL_REDIRECT_PORTS;
use crate::azure::rule::UrlPattern;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::intent::Destination;
use crate::intent::Service;
use crate::intent::permission::MssqlMode;
use crate::intent::permission::Names;

/// The highest port of an application rule (`azure-firewall.md §2.2`: schema and Terraform; other
/// texts allow more).
const MAX_APPLICATION_PORT: u16 = 64_000;

/// The pairs of a deny by name on any service.
const USUAL_PAIRS: [ApplicationProtocol; 3] = [
    ApplicationProtocol { protocol: ApplicationProtocolType::Http, port: 80 },
    ApplicationProtocol { protocol: ApplicationProtocolType::Https, port: 443 },
    ApplicationProtocol { protocol: ApplicationProtocolType::Mssql, port: 1433 },
];

/// A statement with the rule that carries it.
#[derive(Clone, Debug)]
pub(super) struct Carried<'a> {
    pub statement: Statement<'a>,
    pub matcher: Matcher,
}

/// What the rule matches besides sources.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Application(ApplicationMatch),
    Network(NetworkMatch),
}

impl Matcher {
    /// Whether it names no destination, as after an exception of everything.
    fn is_empty(&self) -> bool {
        match self {
            Matcher::Application(rule) => {
                rule.fqdns.is_empty()
                    && rule.urls.is_empty()
                    && rule.fqdn_tags.is_empty()
                    && rule.web_categories.is_empty()
            }
            Matcher::Network(rule) => {
                rule.addresses.is_empty() && rule.tags.is_empty() && rule.fqdns.is_empty()
            }
        }
    }
}

/// What an application rule matches.
#[derive(Clone, Debug, Default)]
pub(super) struct ApplicationMatch {
    pub protocols: BTreeSet<ApplicationProtocol>,
    /// A deny of `any` service: it means more ports than the rule can list.
    pub any_service: bool,
    pub fqdns: BTreeSet<FqdnPattern>,
    /// What must be denied before, since no list of patterns leaves it out.
    pub except: Vec<FqdnPattern>,
    pub fqdn_tags: BTreeSet<String>,
    pub web_categories: BTreeSet<String>,
    pub urls: BTreeSet<UrlPattern>,
}

/// What a network rule matches. Either `addresses` and `tags`, or `fqdns`, are empty
/// (`azure-firewall.md §3.1`, modelling choice: one kind of destination a rule).
#[derive(Clone, Debug, Default)]
pub(super) struct NetworkMatch {
    pub protocols: BTreeSet<NetworkProtocol>,
    /// The ports of TCP and UDP; empty for ICMP alone and for every protocol.
    pub ports: PortSet,
    /// TCP ports of a deny that meant a service with a name, so that the rule denies more.
    pub named_ports: PortSet,
    pub addresses: AddressSet,
    pub tags: BTreeSet<ServiceTag>,
    pub fqdns: BTreeSet<Fqdn>,
}

impl NetworkMatch {
    /// The destinations as the rule lists them.
    pub(super) fn destinations(&self) -> Vec<DestinationEntry> {
        let addresses = AddressEntry::of_set(&self.addresses).into_iter();
        let tags = self.tags.iter().cloned().map(DestinationEntry::ServiceTag);
        addresses.map(DestinationEntry::Addresses).chain(tags).collect()
    }

    /// The ports as the rule lists them; `*` where the protocols have none.
    pub(super) fn port_entries(&self) -> Vec<PortEntry> {
        if self.ports.is_empty() || self.ports == PortSet::from(PortRange::ALL) {
            return vec![PortEntry::Any];
        }
        self.ports.ranges().into_iter().map(PortEntry::Range).collect()
    }
}

/// The rule that carries `statement`.
///
/// # Errors
/// Every reason, once, why there is no such rule.
pub(super) fn carry<'a>(
    statement: Statement<'a>,
    ground: &Ground,
) -> Result<Carried<'a>, BTreeSet<Refusal>> {
    let mut draft = Draft::default();
    let mut refusals = BTreeSet::new();
    for destination in statement.destinations {
        for service in statement.services {
            let outcome = match statement.action {
                Action::Allow => draft.permit(&statement, destination, *service, ground),
                Action::Deny => draft.refuse(destination, *service, ground),
            };
            refusals.extend(outcome.err());
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    match draft.into_matcher(statement.action, ground) {
        Ok(matcher) if statement.sources.set.is_empty() || matcher.is_empty() => {
            Err([Refusal::Empty].into())
        }
        Ok(matcher) => Ok(Carried { statement, matcher }),
        Err(refusal) => Err([refusal].into()),
    }
}

/// The parts of both kinds of rule, while it is not known which it will be.
#[derive(Debug, Default)]
struct Draft {
    application: Option<ApplicationMatch>,
    /// The union of what the names of the statement mean, exceptions taken out.
    names: NameSet,
    network: Option<NetworkMatch>,
    tcp: Vec<PortRange>,
    udp: Vec<PortRange>,
    /// TCP ports that were meant for a service that shows a name.
    named: Vec<PortRange>,
}

impl Draft {
    fn permit(
        &mut self,
        statement: &Statement<'_>,
        destination: &Destination,
        service: Service,
        ground: &Ground,
    ) -> Result<(), Refusal> {
        if let Service::Protocol(number) = service {
            let known = keyworded(number).ok_or(Refusal::NoRule)?;
            return self.permit(statement, destination, known, ground);
        }
        let readable = application_pair(service, ground)?;
        match destination {
            Destination::Names(names) => match (readable, service) {
                (Some(pair), _) => self.add_names(pair, names),
                (None, Service::Mssql { .. }) => return Err(Refusal::RedirectToName),
                (None, Service::Tcp(_) | Service::Udp(_)) => {
                    if statement.by_address.is_none() {
                        return Err(Refusal::NameWithoutService);
                    }
                    self.add_network(service, ground)?;
                    self.network_mut().fqdns.extend(exact_names(names)?);
                }
                (None, Service::Icmp) => return Err(Refusal::PingOutside),
                (None, _) => return Err(Refusal::NoRule),
            },
            Destination::Addresses(addresses) => {
                if service.shows_a_name() {
                    return Err(Refusal::AddressForName);
                }
                let set = v4_part(&addresses.set).ok_or(Refusal::Ipv6)?;
                if service == Service::Icmp && !ground.private.covers(&set) {
                    return Err(Refusal::PingOutside);
                }
                self.add_network(service, ground)?;
                let network = self.network_mut();
                network.addresses = network.addresses.union(&set);
            }
            Destination::ServiceTag(tag) => {
                if service.shows_a_name() {
                    return Err(Refusal::AddressForName);
                }
                if service == Service::Icmp {
                    return Err(Refusal::PingOutside);
                }
                self.add_network(service, ground)?;
                self.network_mut().tags.insert(ServiceTag(tag.clone()).with_azure_suffix());
            }
            Destination::FqdnTag(_) | Destination::WebCategory(_) | Destination::Url { .. } => {
                let pair = readable.ok_or(Refusal::NoRule)?;
                self.add_web(pair, destination, ground)?;
            }
            Destination::Any => return Err(Refusal::NoRule),
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        destination: &Destination,
        service: Service,
        ground: &Ground,
    ) -> Result<(), Refusal> {
        if let Service::Protocol(number) = service {
            let known = keyworded(number).ok_or(Refusal::NoRule)?;
            return self.refuse(destination, known, ground);
        }
        match destination {
            Destination::Names(_)
            | Destination::FqdnTag(_)
            | Destination::WebCategory(_)
            | Destination::Url { .. } => {
                let pairs = denied_pairs(service)?;
                for pair in pairs {
                    match destination {
                        Destination::Names(names) => self.add_names(pair, names),
                        _ if pair.protocol == ApplicationProtocolType::Mssql => {}
                        _ => self.add_web(pair, destination, ground)?,
                    }
                }
                if service == Service::Any {
                    self.application_mut().any_service = true;
                }
            }
            Destination::Addresses(addresses) => {
                let set = v4_part(&addresses.set).ok_or(Refusal::Ipv6)?;
                self.add_network(service, ground)?;
                let network = self.network_mut();
                network.addresses = network.addresses.union(&set);
            }
            Destination::ServiceTag(tag) => {
                self.add_network(service, ground)?;
                self.network_mut().tags.insert(ServiceTag(tag.clone()).with_azure_suffix());
            }
            Destination::Any => {
                self.add_network(service, ground)?;
                self.network_mut().addresses = AddressSet::all();
            }
        }
        Ok(())
    }

    fn application_mut(&mut self) -> &mut ApplicationMatch {
        self.application.get_or_insert_default()
    }

    fn network_mut(&mut self) -> &mut NetworkMatch {
        self.network.get_or_insert_default()
    }

    fn add_names(&mut self, pair: ApplicationProtocol, names: &Names) {
        let application = self.application_mut();
        application.protocols.insert(pair);
        application.fqdns.extend(names.patterns.iter().cloned());
        application.except.extend(names.except.iter().cloned());
        self.names = self.names.union(&names.set);
    }

    /// Adds a destination that only the web protocols have.
    fn add_web(
        &mut self,
        pair: ApplicationProtocol,
        destination: &Destination,
        ground: &Ground,
    ) -> Result<(), Refusal> {
        if pair.protocol == ApplicationProtocolType::Mssql {
            return Err(Refusal::NoRule);
        }
        match destination {
            Destination::FqdnTag(tag) => {
                self.application_mut().fqdn_tags.insert(tag.clone());
            }
            Destination::WebCategory(category) => {
                ground.needs_web_categories()?;
                self.application_mut().web_categories.insert(category.clone());
            }
            Destination::Url { host, path } => {
                if pair.protocol == ApplicationProtocolType::Https {
                    return Err(Refusal::Inspection);
                }
                ground.needs_urls()?;
                let url = UrlPattern { host: host.clone(), path: path.clone() };
                self.application_mut().urls.insert(url);
            }
            Destination::Names(_)
            | Destination::Addresses(_)
            | Destination::ServiceTag(_)
            | Destination::Any => return Err(Refusal::NoRule),
        }
        self.application_mut().protocols.insert(pair);
        Ok(())
    }

    /// Adds a service that is judged by address.
    fn add_network(&mut self, service: Service, ground: &Ground) -> Result<(), Refusal> {
        let protocol = match service {
            Service::Tcp(range) => {
                self.tcp.push(network_port(range, ground)?);
                NetworkProtocol::Tcp
            }
            Service::Udp(range) => {
                self.udp.push(network_port(range, ground)?);
                NetworkProtocol::Udp
            }
            Service::Icmp => NetworkProtocol::Icmp,
            Service::Https { port } | Service::Http { port } | Service::Mssql { port, .. } => {
                let mut ports = vec![network_port(PortRange::single(port), ground)?];
                if let Service::Mssql { mode: MssqlMode::Redirect, .. } = service {
                    let (first, last) = SQL_REDIRECT_PORTS.into_inner();
                    let range = PortRange::new(first, last).ok_or(Refusal::Port)?;
                    ports.push(network_port(range, ground)?);
                }
                if service.shows_a_name() {
                    self.named.extend(&ports);
                }
                self.tcp.extend(ports);
                NetworkProtocol::Tcp
            }
            Service::Any => NetworkProtocol::Any,
            Service::Protocol(_) => return Err(Refusal::NoRule),
        };
        self.network_mut().protocols.insert(protocol);
        Ok(())
    }

    /// One rule, if the parts fit into one.
    fn into_matcher(self, action: Action, ground: &Ground) -> Result<Matcher, Refusal> {
        match (self.application, self.network) {
            (Some(application), None) => {
                finish_application(application, &self.names, action).map(Matcher::Application)
            }
            (None, Some(mut network)) => {
                network.named_ports = self.named.into_iter().collect();
                let (tcp, udp) = (self.tcp.into_iter().collect(), self.udp.into_iter().collect());
                finish_network(network, &tcp, &udp, ground).map(Matcher::Network)
            }
            (Some(_), Some(_)) => Err(Refusal::TwoRules),
            (None, None) => Err(Refusal::NoRule),
        }
    }
}

fn finish_application(
    mut application: ApplicationMatch,
    names: &NameSet,
    action: Action,
) -> Result<ApplicationMatch, Refusal> {
    // TF: URLs and names exclude each other in one rule (`azure-firewall.md §2.1`).
    if !application.urls.is_empty() && !application.fqdns.is_empty() {
        return Err(Refusal::TwoRules);
    }
    let written: NameSet = application.fqdns.iter().collect();
    let residue = written.difference(names);
    if residue.is_empty() {
        application.except.clear();
    } else if let Some(patterns) = names.patterns() {
        application.except.clear();
        application.fqdns = patterns.into_iter().collect();
    } else {
        // The exception becomes a deny. It would be one too many ahead of a deny, and could cut
        // what a tag of the same rule permits.
        if action == Action::Deny {
            return Err(Refusal::DenyWithException);
        }
        if !application.fqdn_tags.is_empty() || !application.web_categories.is_empty() {
            return Err(Refusal::TwoRules);
        }
        application.except = residue.patterns().ok_or(Refusal::TwoRules)?;
    }
    Ok(application)
}

fn finish_network(
    mut network: NetworkMatch,
    tcp: &PortSet,
    udp: &PortSet,
    ground: &Ground,
) -> Result<NetworkMatch, Refusal> {
    let by_name = !network.fqdns.is_empty();
    if by_name && !(network.addresses.is_empty() && network.tags.is_empty()) {
        return Err(Refusal::TwoRules);
    }
    if by_name {
        ground.needs_names_in_network_rules()?;
    }
    if network.protocols.contains(&NetworkProtocol::Any) {
        // `Any` with `*` is every protocol; with ports it would be TCP and UDP alone
        // (`azure-firewall.md §1.12`).
        network.protocols = [NetworkProtocol::Any].into();
        network.named_ports = PortSet::empty();
        return Ok(network);
    }
    // A rule means each of its protocols on each of its ports.
    if !tcp.is_empty() && !udp.is_empty() && tcp != udp {
        return Err(Refusal::TwoRules);
    }
    network.ports = tcp.union(udp);
    Ok(network)
}

/// The pair with which an application rule reads the name of `service`, if it can.
fn application_pair(
    service: Service,
    ground: &Ground,
) -> Result<Option<ApplicationProtocol>, Refusal> {
    let readable = match service {
        Service::Mssql { mode: MssqlMode::Redirect, .. } => ground.allow_sql_redirect,
        _ => service.shows_a_name(),
    };
    if readable { pair_of(service) } else { Ok(None) }
}

fn pair_of(service: Service) -> Result<Option<ApplicationProtocol>, Refusal> {
    let (protocol, port) = match service {
        Service::Https { port } => (ApplicationProtocolType::Https, port),
        Service::Http { port } => (ApplicationProtocolType::Http, port),
        Service::Mssql { port, .. } => (ApplicationProtocolType::Mssql, port),
        Service::Tcp(_) | Service::Udp(_) | Service::Icmp | Service::Protocol(_) | Service::Any => {
            return Ok(None);
        }
    };
    if (1..=MAX_APPLICATION_PORT).contains(&port) {
        Ok(Some(ApplicationProtocol { protocol, port }))
    } else {
        Err(Refusal::Port)
    }
}

/// The pairs of a deny by name.
fn denied_pairs(service: Service) -> Result<Vec<ApplicationProtocol>, Refusal> {
    if service == Service::Any {
        return Ok(USUAL_PAIRS.to_vec());
    }
    pair_of(service)?.map(|pair| vec![pair]).ok_or(Refusal::DenyWithoutName)
}

/// The service that `proto/N` is, where a network rule has a word for it.
fn keyworded(number: IpProtocol) -> Option<Service> {
    match number {
        IpProtocol::TCP => Some(Service::Tcp(PortRange::ALL)),
        IpProtocol::UDP => Some(Service::Udp(PortRange::ALL)),
        IpProtocol::ICMP => Some(Service::Icmp),
        _ => None,
    }
}

/// The range, if a network rule may have it.
fn network_port(range: PortRange, ground: &Ground) -> Result<PortRange, Refusal> {
    // Ports of a rule are 1 to 65535, or `*` (`azure-firewall.md §3.1`).
    if range.first() == 0 && range != PortRange::ALL {
        return Err(Refusal::Port);
    }
    let (first, last) = SQL_REDIRECT_PORTS.into_inner();
    if ground.allow_sql_redirect && range.first() <= last && first <= range.last() {
        return Err(Refusal::Port);
    }
    Ok(range)
}

/// The names, if each stands for itself alone: a network rule knows no wildcard.
fn exact_names(names: &Names) -> Result<Vec<Fqdn>, Refusal> {
    let patterns = names.set.patterns().ok_or(Refusal::WildcardByAddress)?;
    patterns
        .into_iter()
        .map(|pattern| match pattern {
            FqdnPattern::Exact(name) => Ok(name),
            FqdnPattern::Any | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => {
                Err(Refusal::WildcardByAddress)
            }
        })
        .collect()
}

/// The IPv4 addresses of `set`, which the rules can say. IPv6 may only be there as a whole, as in
/// `internet`: the firewall passes none of it (`azure-firewall.md §1.13`). The set of all addresses
/// stays whole, since Azure writes it as `*`.
pub(super) fn v4_part(set: &AddressSet) -> Option<AddressSet> {
    let every = AddressSet::all();
    if *set == every {
        return Some(every);
    }
    let v4 = set.intersection(&prefixes(&["0.0.0.0/0"]));
    let v6 = set.difference(&v4);
    let whole = prefixes(&["2000::/3"]);
    (v6.is_empty() || (v6.covers(&whole) && !v4.is_empty())).then_some(v4)
}

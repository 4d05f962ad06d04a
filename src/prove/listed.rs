//! What a list says, for all flows (`semantics.md`, Intent): what `simulate::required` says of one.
//!
//! The payload of a flow in a proof is exact, and nobody saw its client's DNS. So the name that the
//! list is asked with is the one that the client shows, or there is none.

use jiff::civil::Date;

use super::atom::FlowAtom;
use super::atom::HostOf;
use super::atom::Party;
use super::encoder::Encoder;
use super::encoder::PortOf;
use super::formula::Formula;
use super::path::path_fits;
use crate::azure::Deployment;
use crate::azure::address::ServiceTag;
use crate::azure::network::PrivateEndpoint;
use crate::azure::policy::Rules;
use crate::azure::rule::SQL_REDIRECT_PORTS;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::NameSet;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::set::flows::PayloadForm;
use crate::flow::set::flows::ShownSet;
use crate::intent::Assertion;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::Requirement;
use crate::intent::Service;
use crate::intent::check::Polarity;
use crate::intent::permission::MssqlMode;
use crate::intent::permission::Names;
use crate::intent::topology::Tier;
use crate::simulate::assumptions::CLIENT_ANSWERS;
use crate::simulate::matching::fqdn_tag;
use crate::simulate::route::dropped_by_azure;

/// What a list says of all flows.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The flows that may leave.
    pub(super) permitted: Formula,
    /// The flows that must be able to leave; all of them are permitted.
    pub(super) required: Formula,
    /// The flows that a deny means.
    pub(super) denied: Formula,
    /// What each permission says that is active, in their order.
    pub(super) permissions: Vec<Meaning>,
}

/// What one permission says, whatever is denied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    /// The permission, as an index into [`Intent::permissions`].
    pub(super) index: usize,
    /// The flows of its strict meaning.
    pub(super) strict: Formula,
    /// The excess that it accepts, of which a part may be strictly meant, too.
    pub(super) excess: Formula,
    /// The part of `strict` that must be able to leave.
    pub(super) required: Formula,
}

/// What the statements of `intent` say that are active on `day`.
pub(super) fn listed(encoder: &mut Encoder<'_>, intent: &Intent, day: Date) -> Listed {
    let mut reader = Reader::new(encoder, intent);
    let active = intent.permissions.iter().enumerate().filter(|(_, one)| one.is_active(day));
    let permissions: Vec<Meaning> =
        active.map(|(index, permission)| reader.meaning(index, permission)).collect();
    let denies = intent.denies.iter().filter(|deny| deny.is_active(day));
    let denied: Vec<Formula> = denies
        .map(|deny| reader.denied(&deny.sources.set, &deny.services, &deny.destinations))
        .collect();
    let denied = encoder.any(denied);
    let permitted = encoder.any(permissions.iter().flat_map(|one| [one.strict, one.excess]));
    let required = encoder.any(permissions.iter().map(|one| one.required));
    Listed {
        permitted: encoder.without(permitted, denied),
        required: encoder.without(required, denied),
        denied,
        permissions,
    }
}

/// The flows that `assertion` of `intent` is about: what a deny of the same words would deny if none
/// of them is to leave, and what an `allow` would require if all are.
pub(super) fn asserted(
    encoder: &mut Encoder<'_>,
    intent: &Intent,
    assertion: &Assertion,
) -> Formula {
    let Assertion { sources, services, destinations, .. } = assertion;
    let mut reader = Reader::new(encoder, intent);
    match assertion.polarity {
        Polarity::Never => reader.denied(&sources.set, services, destinations),
        Polarity::Always => {
            let strict: Vec<Strict> =
                destinations.iter().map(|one| reader.strict(services, one)).collect();
            reader.sent_from(&sources.set, strict.into_iter().map(|strict| strict.required))
        }
    }
}

/// The strict meaning of a destination with some services, and the part of it that an `allow`
/// requires.
#[derive(Clone, Copy, Debug)]
struct Strict {
    permitted: Formula,
    required: Formula,
}

/// Reads the statements of one list.
struct Reader<'r, 'a> {
    encoder: &'r mut Encoder<'a>,
    /// Web categories are those of URLs.
    sees_paths: bool,
    /// The ports for each of which something asks whether a name is in an FQDN tag.
    tag_ports: PortSet,
    /// Without evidence, the client is taken to hold the destination for the name that it shows.
    assumed_held: Formula,
    /// The destination is one that an answer can hold: on the internet, or a private endpoint.
    told_addresses: Formula,
}

impl<'r, 'a> Reader<'r, 'a> {
    fn new(encoder: &'r mut Encoder<'a>, intent: &Intent) -> Reader<'r, 'a> {
        let assumed_held = assumed_held(encoder);
        let told = endpoints(encoder.deployment)
            .fold(internet(encoder.deployment), |all, one| all.union(&one.address.into()));
        let told_addresses = encoder.address(Party::Destination, &told);
        let firewalls = &intent.topology.firewalls;
        let sees_paths = firewalls.iter().any(|firewall| firewall.tier == Tier::Premium);
        let tag_ports = tag_ports(encoder, intent);
        Reader { encoder, sees_paths, tag_ports, assumed_held, told_addresses }
    }

    fn meaning(&mut self, index: usize, permission: &Permission) -> Meaning {
        let Permission { sources, services, destinations, .. } = permission;
        let strict: Vec<Strict> =
            destinations.iter().map(|one| self.strict(services, one)).collect();
        let excess: Vec<Formula> = match permission.by_address {
            Some(_) => destinations.iter().map(|one| self.excess(services, one)).collect(),
            None => Vec::new(),
        };
        let required = match permission.requirement {
            Requirement::Required => strict.iter().map(|strict| strict.required).collect(),
            Requirement::Optional => Vec::new(),
        };
        Meaning {
            index,
            strict: self.sent_from(&sources.set, strict.iter().map(|strict| strict.permitted)),
            excess: self.sent_from(&sources.set, excess),
            required: self.sent_from(&sources.set, required),
        }
    }

    /// One of `parts`, from one of `sources`.
    fn sent_from(
        &mut self,
        sources: &AddressSet,
        parts: impl IntoIterator<Item = Formula>,
    ) -> Formula {
        let from = self.encoder.address(Party::Source, sources);
        let one = self.encoder.any(parts);
        self.encoder.all([from, one])
    }

    fn strict(&mut self, services: &[Service], destination: &Destination) -> Strict {
        match destination {
            Destination::Names(names) => {
                let by_name = self.fit_by_name(services);
                let shown = self.encoder.host(HostOf::Wire, &shown_as(names));
                let named = self.encoder.all([by_name, shown]);
                let required = self.required_by_name(services, destination, named);
                let held = self.fit_by_address(services);
                let by_address = if held == Formula::NEVER {
                    Formula::NEVER
                } else {
                    let fitting = shown_as(names).union(&ShownSet::nothing());
                    let fitting = self.encoder.host(HostOf::Wire, &fitting);
                    let told = self.client_holds_one_of(names);
                    self.encoder.all([held, fitting, told])
                };
                let by_told = self.encoder.all([by_address, self.told_addresses]);
                Strict {
                    permitted: self.encoder.any([named, by_address]),
                    required: self.encoder.any([required, by_told]),
                }
            }
            Destination::Addresses(_) | Destination::ServiceTag(_) | Destination::Any => {
                let carried = self.carried(services);
                let there = self.destination(services, destination);
                let both = self.encoder.all([carried, there]);
                Strict { permitted: both, required: both }
            }
            Destination::FqdnTag(_) | Destination::WebCategory(_) | Destination::Url { .. } => {
                let fits: Vec<Formula> = services.iter().map(|one| self.fits(*one)).collect();
                let fits = self.encoder.any(fits);
                let there = self.destination(services, destination);
                let permitted = self.encoder.all([fits, there]);
                let required = self.required_by_name(services, destination, permitted);
                Strict { permitted, required }
            }
        }
    }

    /// The part of `strict`, which goes by the name that is shown, that must be able to leave.
    fn required_by_name(
        &mut self,
        services: &[Service],
        destination: &Destination,
        strict: Formula,
    ) -> Formula {
        if strict == Formula::NEVER {
            return Formula::NEVER;
        }
        let sent = self.would_be_sent(services, destination);
        let held = self.is_held(destination);
        self.encoder.all([strict, sent, held])
    }

    /// The addresses that client or firewall hold for the names, whatever is sent there.
    fn excess(&mut self, services: &[Service], destination: &Destination) -> Formula {
        let Destination::Names(names) = destination else { return Formula::NEVER };
        let mut held = vec![self.client_holds_one_of(names)];
        for name in exact_names(names) {
            let (name, address) = (name.clone(), Party::Destination);
            held.push(self.encoder.ask(FlowAtom::FirewallAnswer { name, address }));
        }
        let held = self.encoder.any(held);
        let carried = self.carried(services);
        self.encoder.all([carried, held])
    }

    fn denied(
        &mut self,
        sources: &AddressSet,
        services: &[Service],
        destinations: &[Destination],
    ) -> Formula {
        let denied_with = |reader: &mut Self, service: Service| {
            if service.shows_a_name() { reader.fits(service) } else { reader.carries(service) }
        };
        let with: Vec<Formula> = services.iter().map(|one| denied_with(self, *one)).collect();
        let with = self.encoder.any(with);
        let there: Vec<Formula> =
            destinations.iter().map(|one| self.destination(services, one)).collect();
        let there = self.encoder.any(there);
        let from = self.encoder.address(Party::Source, sources);
        self.encoder.all([from, with, there])
    }

    /// The destination is one of these, whatever the service: a name is the one that is shown.
    fn destination(&mut self, services: &[Service], destination: &Destination) -> Formula {
        match destination {
            Destination::Addresses(addresses) => {
                self.encoder.address(Party::Destination, &addresses.set)
            }
            Destination::ServiceTag(tag) => {
                let tag = ServiceTag(tag.clone()).with_azure_suffix().folded();
                self.encoder.in_tag(tag, Party::Destination)
            }
            Destination::Url { path, .. } => {
                let named = self.named(HostOf::Wire, services, destination);
                let fits = path_fits(self.encoder, path);
                let would_fit = self.encoder.ask(FlowAtom::Request { path: path.clone() });
                let seen = self.has_request();
                let requested = self.encoder.formulas.choose(seen, fits, would_fit);
                self.encoder.all([named, requested])
            }
            Destination::Names(_) | Destination::FqdnTag(_) | Destination::WebCategory(_) => {
                self.named(HostOf::Wire, services, destination)
            }
            Destination::Any => Formula::ALWAYS,
        }
    }

    /// The host is one that the destination names; a URL by its host alone.
    fn named(&mut self, host: HostOf, services: &[Service], destination: &Destination) -> Formula {
        match destination {
            Destination::Names(names) => self.encoder.host(host, &shown_as(names)),
            Destination::FqdnTag(tag) => self.in_fqdn_tag(host, &fqdn_tag(tag), services),
            Destination::WebCategory(category) => {
                let category = category.to_ascii_lowercase();
                let in_category = |with_path| FlowAtom::InWebCategory {
                    category: category.clone(),
                    host,
                    with_path,
                };
                let by_host = self.encoder.ask(in_category(false));
                let of_category = if self.sees_paths {
                    let by_url = self.encoder.ask(in_category(true));
                    let seen = self.has_request();
                    self.encoder.formulas.choose(seen, by_url, by_host)
                } else {
                    by_host
                };
                let is_shown = self.encoder.is_shown(host);
                self.encoder.all([is_shown, of_category])
            }
            Destination::Url { host: pattern, .. } => self.encoder.matches(host, [pattern]),
            Destination::Addresses(_) | Destination::ServiceTag(_) | Destination::Any => {
                Formula::NEVER
            }
        }
    }

    /// The host is in the tag on the destination port, one of those of `services`.
    fn in_fqdn_tag(&mut self, host: HostOf, tag: &str, services: &[Service]) -> Formula {
        let ports = services.iter().fold(PortSet::empty(), |all, one| all.union(&ports(*one)));
        let apart = ports.intersection(&self.tag_ports).ranges();
        let mut parts: Vec<Formula> = Vec::new();
        for port in apart.into_iter().flat_map(|range| range.first()..=range.last()) {
            let sent = self.encoder.is_port(PortOf::Destination, port);
            let tagged = self.encoder.ask(FlowAtom::InFqdnTag { tag: tag.to_owned(), host, port });
            parts.push(self.encoder.all([sent, tagged]));
        }
        let others = ports.difference(&self.tag_ports);
        if !others.is_empty() {
            let sent = self.encoder.port(PortOf::Destination, &others);
            let tag = tag.to_owned();
            let tagged = self.encoder.ask(FlowAtom::InFqdnTagOnSentPort { tag, host });
            parts.push(self.encoder.all([sent, tagged]));
        }
        let tagged = self.encoder.any(parts);
        let is_shown = self.encoder.is_shown(host);
        self.encoder.all([is_shown, tagged])
    }

    /// The firewall sees a request, in the clear or inside TLS.
    fn has_request(&mut self) -> Formula {
        self.encoder.payload([PayloadForm::Http, PayloadForm::TlsWithRequest])
    }

    /// One of `services` carries the flow with names that the firewall can read.
    fn fit_by_name(&mut self, services: &[Service]) -> Formula {
        let fit = |service: &Service| match *service {
            Service::Mssql { mode: MssqlMode::Redirect, port } => self.asks_a_gateway(port),
            service if service.shows_a_name() => self.fits(service),
            _ => Formula::NEVER,
        };
        let fit: Vec<Formula> = services.iter().map(fit).collect();
        self.encoder.any(fit)
    }

    /// One of `services` carries the flow, for whose name its address stands.
    fn fit_by_address(&mut self, services: &[Service]) -> Formula {
        let fit = |service: &Service| match *service {
            Service::Mssql { mode: MssqlMode::Redirect, port } => {
                let (carried, asks) = (self.carries(*service), self.asks_a_gateway(port));
                self.encoder.without(carried, asks)
            }
            service if service.shows_a_name() => Formula::NEVER,
            service => self.carries(service),
        };
        let fit: Vec<Formula> = services.iter().map(fit).collect();
        self.encoder.any(fit)
    }

    /// The flow asks the gateway of redirected SQL for a server, whose name it shows.
    fn asks_a_gateway(&mut self, port: u16) -> Formula {
        let tcp = self.encoder.protocol([IpProtocol::TCP]);
        let port = self.encoder.is_port(PortOf::Destination, port);
        let kind = self.encoder.payload([PayloadForm::Mssql]);
        let is_shown = self.encoder.is_shown(HostOf::Wire);
        self.encoder.all([tcp, port, kind, is_shown])
    }

    /// The flow is one of `service`, or nothing has been sent by which to tell.
    fn fits(&mut self, service: Service) -> Formula {
        let carried = self.carries(service);
        let forms: &[PayloadForm] = match service {
            Service::Https { .. } => &[PayloadForm::Tls, PayloadForm::TlsWithRequest],
            Service::Http { .. } => &[PayloadForm::Http],
            Service::Mssql { .. } => &[PayloadForm::Mssql],
            Service::Tcp(_)
            | Service::Udp(_)
            | Service::Icmp
            | Service::Protocol(_)
            | Service::Any => return carried,
        };
        let forms = forms.iter().copied().chain([PayloadForm::Silent]);
        let kind = self.encoder.payload(forms);
        self.encoder.all([carried, kind])
    }

    fn carried(&mut self, services: &[Service]) -> Formula {
        let carried: Vec<Formula> = services.iter().map(|one| self.carries(*one)).collect();
        self.encoder.any(carried)
    }

    /// Protocol and port are those of `service`.
    fn carries(&mut self, service: Service) -> Formula {
        let protocol = match service {
            Service::Https { .. }
            | Service::Http { .. }
            | Service::Mssql { .. }
            | Service::Tcp(_) => self.encoder.protocol([IpProtocol::TCP]),
            Service::Udp(_) => self.encoder.protocol([IpProtocol::UDP]),
            Service::Icmp => self.encoder.protocol([IpProtocol::ICMP, IpProtocol::ICMPV6]),
            Service::Protocol(wanted) => self.encoder.protocol([wanted]),
            Service::Any => Formula::ALWAYS,
        };
        let port = self.encoder.port(PortOf::Destination, &ports(service));
        self.encoder.all([protocol, port])
    }

    /// A client of one of `services` would send the request, where there is one, to the destination
    /// that it names (`azure-firewall.md §2.5`).
    fn would_be_sent(&mut self, services: &[Service], destination: &Destination) -> Formula {
        let mut sent: Vec<Formula> = Vec::new();
        for service in services {
            let fits = self.fits(*service);
            let is_proper = match *service {
                Service::Http { port } => self.request_port(port, 80),
                Service::Https { port } => {
                    let port = self.request_port(port, 443);
                    let inside = self.named(HostOf::Inner, services, destination);
                    let proper = self.encoder.all([port, inside]);
                    let unseen = self.encoder.payload([PayloadForm::Tls]);
                    self.encoder.any([unseen, proper])
                }
                Service::Mssql { .. }
                | Service::Tcp(_)
                | Service::Udp(_)
                | Service::Icmp
                | Service::Protocol(_)
                | Service::Any => Formula::ALWAYS,
            };
            sent.push(self.encoder.all([fits, is_proper]));
        }
        self.encoder.any(sent)
    }

    /// The request names `port`, or none where that is the usual one.
    fn request_port(&mut self, port: u16, usual: u16) -> Formula {
        self.encoder.request_port(port == usual, &PortRange::single(port).into())
    }

    /// The client holds the flow's destination for the name that it shows.
    ///
    /// One that shows an address may send there alone, which no set of intervals can say: it is
    /// required of nobody here.
    fn is_held(&mut self, destination: &Destination) -> Formula {
        let by_evidence = self.encoder.second_reading(CLIENT_ANSWERS);
        let told = match by_evidence {
            Formula::NEVER => Formula::NEVER,
            _ => self.client_holds_the_shown_name(destination),
        };
        self.encoder.formulas.choose(by_evidence, told, self.assumed_held)
    }

    /// An answer to the client held the flow's destination: for the name that it shows, as far as
    /// the list spells it.
    fn client_holds_the_shown_name(&mut self, destination: &Destination) -> Formula {
        match destination {
            Destination::Names(names) => {
                let exact: NameSet = names.patterns.iter().filter(|one| is_exact(one)).collect();
                let mut held: Vec<Formula> = Vec::new();
                for pattern in &names.patterns {
                    let mut meant: NameSet =
                        [pattern].into_iter().collect::<NameSet>().intersection(&names.set);
                    if !is_exact(pattern) {
                        meant = meant.difference(&exact);
                    }
                    held.push(self.client_holds_for(pattern.to_string(), meant));
                }
                self.encoder.any(held)
            }
            Destination::Url { host, .. } => {
                self.client_holds_for(host.to_string(), [host].into_iter().collect())
            }
            Destination::FqdnTag(_)
            | Destination::WebCategory(_)
            | Destination::Addresses(_)
            | Destination::ServiceTag(_)
            | Destination::Any => {
                self.client_holds_for("the name that it shows".to_owned(), all_names())
            }
        }
    }

    /// The client shows one of `names`, and was told the destination for `name`.
    fn client_holds_for(&mut self, name: String, names: NameSet) -> Formula {
        let shown = self.encoder.host(HostOf::Wire, &ShownSet::names(names));
        let told = self.encoder.ask(FlowAtom::ClientAnswer { name });
        self.encoder.all([shown, told])
    }

    /// An answer to the client held the flow's destination for one of `names`.
    fn client_holds_one_of(&mut self, names: &Names) -> Formula {
        let mut told: Vec<Formula> = Vec::new();
        for pattern in &names.patterns {
            told.push(self.encoder.ask(FlowAtom::ClientAnswer { name: pattern.to_string() }));
        }
        self.encoder.any(told)
    }
}

/// A client that shows a name sends to the internet or to a private endpoint of that name.
fn assumed_held(encoder: &mut Encoder<'_>) -> Formula {
    let internet = encoder.address(Party::Destination, &internet(encoder.deployment));
    let named = encoder.host(HostOf::Wire, &ShownSet::names(all_names()));
    let mut held = vec![encoder.all([internet, named])];
    for endpoint in endpoints(encoder.deployment) {
        let there = encoder.address(Party::Destination, &endpoint.address.into());
        let named = encoder.is_name(HostOf::Wire, endpoint.names.iter().cloned());
        held.push(encoder.all([there, named]));
    }
    encoder.any(held)
}

/// The addresses of the internet at which a client may be told that a service is: neither a
/// firewall's own, nor in the blocks that Azure drops by itself.
fn internet(deployment: &Deployment) -> AddressSet {
    let own = deployment.firewalls.values().flat_map(|firewall| &firewall.public_addresses);
    let own = own.fold(AddressSet::empty(), |all, one| all.union(&(*one).into()));
    AddressSet::public().difference(&own).difference(&dropped_by_azure())
}

fn endpoints(deployment: &Deployment) -> impl Iterator<Item = &PrivateEndpoint> {
    let subnets = deployment.virtual_networks.values().flat_map(|network| &network.subnets);
    subnets.flat_map(|subnet| &subnet.private_endpoints)
}

/// The ports for each of which a rule of the deployment or a statement of the list has a name looked
/// up in an FQDN tag.
fn tag_ports(encoder: &Encoder<'_>, intent: &Intent) -> PortSet {
    let groups = encoder.deployment.policies.values().flat_map(|policy| &policy.groups);
    let rules =
        groups.flat_map(|group| &group.collections).flat_map(|collection| {
            match &collection.rules {
                Rules::Application(_, rules) => rules.as_slice(),
                Rules::Network(..) | Rules::Nat(_) => &[],
            }
        });
    let tagged = rules.filter(|rule| !rule.fqdn_tags.is_empty());
    let of_rules = tagged.flat_map(|rule| &rule.protocols).map(|protocol| protocol.port);
    let permissions = intent.permissions.iter().map(|one| (&one.destinations, &one.services));
    let denies = intent.denies.iter().map(|one| (&one.destinations, &one.services));
    let assertions = intent.assertions.iter().map(|one| (&one.destinations, &one.services));
    let statements = permissions.chain(denies).chain(assertions);
    let is_tag = |one: &Destination| matches!(one, Destination::FqdnTag(_));
    let tagged = statements.filter(|(destinations, _)| destinations.iter().any(is_tag));
    let of_list = tagged.flat_map(|(_, services)| services).filter_map(|service| match *service {
        Service::Https { port } | Service::Http { port } | Service::Mssql { port, .. } => {
            Some(port)
        }
        Service::Tcp(ports) | Service::Udp(ports) => {
            (ports.first() == ports.last()).then_some(ports.first())
        }
        Service::Icmp | Service::Protocol(_) | Service::Any => None,
    });
    of_rules.chain(of_list).map(PortRange::single).collect()
}

/// The destination ports of a service; all of them where it has none.
fn ports(service: Service) -> PortSet {
    let range = |first, last| PortRange::new(first, last).into_iter();
    match service {
        Service::Https { port }
        | Service::Http { port }
        | Service::Mssql { mode: MssqlMode::Proxy, port } => PortRange::single(port).into(),
        Service::Mssql { mode: MssqlMode::Redirect, port } => {
            let (first, last) = (*SQL_REDIRECT_PORTS.start(), *SQL_REDIRECT_PORTS.end());
            range(first, last).chain([PortRange::single(port)]).collect()
        }
        Service::Tcp(ports) | Service::Udp(ports) => ports.into(),
        Service::Icmp | Service::Protocol(_) | Service::Any => range(0, u16::MAX).collect(),
    }
}

/// What a client shows that wants one of `names`. An address literal is a name to `*` only, as it is
/// to the firewall (`azure-firewall.md §2.3`).
fn shown_as(names: &Names) -> ShownSet {
    let shown = ShownSet::names(names.set.clone());
    if names.patterns.contains(&FqdnPattern::Any) {
        shown.union(&ShownSet::literals(AddressSet::all()))
    } else {
        shown
    }
}

fn all_names() -> NameSet {
    [&FqdnPattern::Any].into_iter().collect()
}

fn exact_names(names: &Names) -> impl Iterator<Item = &Fqdn> {
    names.patterns.iter().filter_map(|pattern| match pattern {
        FqdnPattern::Exact(name) if names.set.contains(name) => Some(name),
        FqdnPattern::Exact(_)
        | FqdnPattern::Any
        | FqdnPattern::Under(_)
        | FqdnPattern::EndsWith(_) => None,
    })
}

fn is_exact(pattern: &FqdnPattern) -> bool {
    match pattern {
        FqdnPattern::Exact(_) => true,
        FqdnPattern::Any | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => false,
    }
}

#[cfg(test)]
mod tests;

//! What a list says, for all flows (`semantics.md`, Intent): what `simulate::required` says of one.
//!
//! The payload of a flow in a proof is exact, and nobody saw its client's DNS. So the name that the
//! list is asked with is the one that the client shows, or there is none.

mod holding;
mod services;

use jiff::civil::Date;

pub use self::holding::internet;

use self::holding::assumed_held;
use self::holding::client_holds_one_of;
use self::holding::is_held;
use self::holding::is_told_of;
use self::holding::nobodys;
use self::services::carried;
use self::services::carries;
use self::services::fit_by_address;
use self::services::fit_by_name;
use self::services::fits;
use self::services::ports;

use super::atom::FlowAtom;
use super::atom::HostOf;
use super::atom::Party;
use super::encoder::Encoder;
use super::encoder::PortOf;
use super::formula::Formula;
use super::path::path_fits;
use crate::azure::address::ServiceTag;
use crate::azure::policy::Rules;
use crate::flow::AddressSet;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
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
use crate::intent::permission::Names;
use crate::intent::topology::Tier;
use crate::simulate::matching::fqdn_tag;

/// What a list says of all flows.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The flows that may leave.
    pub(super) permitted: Formula,
    /// The flows that must be able to leave; all of them are permitted.
    pub(super) required: Formula,
    /// What each permission says that is active, in their order.
    pub(super) permissions: Vec<Meaning>,
    /// What each deny denies that is active, in their order: its index into [`Intent::denies`], and
    /// the flows.
    pub(super) denies: Vec<(usize, Formula)>,
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
    let active = intent.denies.iter().enumerate().filter(|(_, deny)| deny.is_active(day));
    let denies: Vec<(usize, Formula)> = active
        .map(|(index, deny)| {
            (index, reader.denied(&deny.sources.set, &deny.services, &deny.destinations))
        })
        .collect();
    let taken = encoder.any(denies.iter().map(|(_, denied)| *denied));
    let permitted = encoder.any(permissions.iter().flat_map(|one| [one.strict, one.excess]));
    let required = encoder.any(permissions.iter().map(|one| one.required));
    Listed {
        permitted: encoder.without(permitted, taken),
        required: encoder.without(required, taken),
        permissions,
        denies,
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

/// The flows from the sources of `assertion` with one of its services, wherever they go.
pub(super) fn asserted_anywhere(
    encoder: &mut Encoder<'_>,
    intent: &Intent,
    assertion: &Assertion,
) -> Formula {
    let Assertion { sources, services, .. } = assertion;
    Reader::new(encoder, intent).denied(&sources.set, services, &[Destination::Any])
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
    /// The destination is one that an answer can hold.
    is_told_of: Formula,
}

impl<'r, 'a> Reader<'r, 'a> {
    fn new(encoder: &'r mut Encoder<'a>, intent: &Intent) -> Reader<'r, 'a> {
        let assumed_held = assumed_held(encoder);
        let is_told_of = is_told_of(encoder);
        let firewalls = &intent.topology.firewalls;
        let sees_paths = firewalls.iter().any(|firewall| firewall.tier == Tier::Premium);
        let tag_ports = tag_ports(encoder, intent);
        Reader { encoder, sees_paths, tag_ports, assumed_held, is_told_of }
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
                let by_name = self.by_name(services, destination, fit_by_name);
                let by_address = self.by_address(services, names);
                let by_told = self.encoder.all([by_address, self.is_told_of]);
                Strict {
                    permitted: self.encoder.any([by_name.permitted, by_address]),
                    required: self.encoder.any([by_name.required, by_told]),
                }
            }
            Destination::Addresses(_) | Destination::ServiceTag(_) | Destination::Any => {
                let carried = carried(self.encoder, services);
                let there = self.destination(services, destination);
                let both = self.encoder.all([carried, there]);
                let nobodys = nobodys(self.encoder.deployment);
                let is_meant = match destination {
                    // Who writes just such an address means it.
                    Destination::Addresses(addresses) => nobodys.covers(&addresses.set),
                    _ => false,
                };
                let required = if is_meant {
                    both
                } else {
                    let to_nobody = self.encoder.address(Party::Destination, &nobodys);
                    self.encoder.without(both, to_nobody)
                };
                Strict { permitted: both, required }
            }
            Destination::FqdnTag(_) | Destination::WebCategory(_) | Destination::Url { .. } => {
                self.by_name(services, destination, fits)
            }
        }
    }

    /// What goes by the name that is shown: the flows that one of `services` carries, as `fit` says.
    fn by_name(
        &mut self,
        services: &[Service],
        destination: &Destination,
        fit: impl Fn(&mut Encoder<'_>, Service) -> Formula,
    ) -> Strict {
        let (mut carried, mut sent) = (Vec::new(), Vec::new());
        for service in services {
            let fit = fit(self.encoder, *service);
            if fit != Formula::NEVER {
                let would_be_sent = self.would_be_sent(*service, destination);
                carried.push(fit);
                sent.push(self.encoder.all([fit, would_be_sent]));
            }
        }
        if carried.is_empty() {
            return Strict { permitted: Formula::NEVER, required: Formula::NEVER };
        }
        let there = self.destination(services, destination);
        let (carried, sent) = (self.encoder.any(carried), self.encoder.any(sent));
        let held = is_held(self.encoder, destination, self.assumed_held);
        Strict {
            permitted: self.encoder.all([carried, there]),
            required: self.encoder.all([sent, there, held]),
        }
    }

    /// What goes by the addresses that the client was told for one of `names`.
    fn by_address(&mut self, services: &[Service], names: &Names) -> Formula {
        let carried: Vec<Formula> =
            services.iter().map(|one| fit_by_address(self.encoder, *one)).collect();
        let carried = self.encoder.any(carried);
        if carried == Formula::NEVER {
            return Formula::NEVER;
        }
        let fitting = shown_as(names).union(&ShownSet::nothing());
        let fitting = self.encoder.host(HostOf::Wire, &fitting);
        let told = client_holds_one_of(self.encoder, names);
        self.encoder.all([carried, fitting, told])
    }

    /// The addresses that client or firewall hold for the names, whatever is sent there.
    fn excess(&mut self, services: &[Service], destination: &Destination) -> Formula {
        let Destination::Names(names) = destination else { return Formula::NEVER };
        let mut held = vec![client_holds_one_of(self.encoder, names)];
        for name in exact_names(names) {
            held.push(self.encoder.ask(FlowAtom::firewall_answer(name, Party::Destination)));
        }
        let held = self.encoder.any(held);
        let carried = carried(self.encoder, services);
        self.encoder.all([carried, held])
    }

    fn denied(
        &mut self,
        sources: &AddressSet,
        services: &[Service],
        destinations: &[Destination],
    ) -> Formula {
        let mut is_denied_with = |service: Service| {
            let meant = if service.shows_a_name() { fits } else { carries };
            meant(self.encoder, service)
        };
        let with: Vec<Formula> = services.iter().map(|one| is_denied_with(*one)).collect();
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
        let mut tagged: Vec<Formula> = Vec::new();
        for port in apart.into_iter().flat_map(|range| range.first()..=range.last()) {
            let sent = self.encoder.is_port(PortOf::Destination, port);
            let holds = self.encoder.ask(FlowAtom::InFqdnTag { tag: tag.to_owned(), host, port });
            tagged.push(self.encoder.all([sent, holds]));
        }
        let others = ports.difference(&self.tag_ports);
        if !others.is_empty() {
            let sent = self.encoder.port(PortOf::Destination, &others);
            let tag = tag.to_owned();
            let holds = self.encoder.ask(FlowAtom::InFqdnTagOnSentPort { tag, host });
            tagged.push(self.encoder.all([sent, holds]));
        }
        let tagged = self.encoder.any(tagged);
        let is_shown = self.encoder.is_shown(host);
        self.encoder.all([is_shown, tagged])
    }

    /// The firewall sees a request, in the clear or inside TLS.
    fn has_request(&mut self) -> Formula {
        self.encoder.payload([PayloadForm::Http, PayloadForm::TlsWithRequest])
    }

    /// A client of `service` would send the request, where there is one, to the destination that it
    /// names (`azure-firewall.md §2.5`).
    fn would_be_sent(&mut self, service: Service, destination: &Destination) -> Formula {
        match service {
            Service::Http { port } => self.request_port(port, 80),
            // Nothing but what is decrypted has a request (`Encoder::reads_requests_inside`).
            Service::Https { .. } if !self.encoder.reads_requests_inside => {
                self.encoder.payload([PayloadForm::Tls, PayloadForm::Silent])
            }
            Service::Https { port } => {
                let port = self.request_port(port, 443);
                let inside = self.named(HostOf::Inner, &[service], destination);
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
        }
    }

    /// The request names `port`, or none where that is the usual one.
    fn request_port(&mut self, port: u16, usual: u16) -> Formula {
        self.encoder.request_port(port == usual, &PortRange::single(port).into())
    }
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

fn exact_names(names: &Names) -> impl Iterator<Item = &Fqdn> {
    names.patterns.iter().filter_map(|pattern| match pattern {
        FqdnPattern::Exact(name) if names.set.contains(name) => Some(name),
        FqdnPattern::Exact(_)
        | FqdnPattern::Any
        | FqdnPattern::Under(_)
        | FqdnPattern::EndsWith(_) => None,
    })
}

#[cfg(test)]
mod tests;

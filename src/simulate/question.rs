//! What a list says of a flow with one name, in one environment: which of its statements mean the flow,
//! and whether they speak for it (`semantics.md`, Intent).

use std::fmt::Display;
use std::net::IpAddr;

use jiff::civil::Date;

use super::assumptions::CLIENT_ANSWERS;
use super::environment::Answer;
use super::environment::Environment;
use super::explore::explore;
use super::inquiry::Inquiry;
use super::judge::MAX_READINGS;
use super::matching::PathFit;
use super::matching::fit_path;
use super::matching::fqdn_tag;
use super::views::Name;
use super::views::Statement;
use super::views::View;
use super::views::carries;
use crate::azure::address::ServiceTag;
use crate::flow::Atom;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::Host;
use crate::flow::Observation;
use crate::flow::PayloadKind;
use crate::intent::Deny;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::Requirement;
use crate::intent::Service;
use crate::intent::permission::MssqlMode;
use crate::intent::permission::Names;
use crate::intent::topology::Tier;

/// What a list says of a flow with one name, in one environment.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Stance {
    /// Whether it must be able to leave.
    pub required: bool,
    /// Whether it may leave. What is required is permitted.
    pub permitted: bool,
    /// The permission that speaks for it, as [`Judged::by`](super::required::Judged::by).
    pub by: Option<usize>,
    /// The deny that wins, as [`Judged::denied_by`](super::required::Judged::denied_by).
    pub denied_by: Option<usize>,
}

impl Stance {
    /// Whether it is required, and permitted.
    pub(super) fn answer(&self) -> (bool, bool) {
        (self.required, self.permitted)
    }
}

/// Whether a service carries a flow.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fit {
    No,
    /// Protocol and port are right, but not a byte was sent: permitted, and required of nobody.
    Silent,
    Yes,
}

/// What is asked of the list with one name.
pub(super) struct Question<'q> {
    /// The statements that may speak of the flow, by label: the order in which they are written
    /// means nothing.
    pub(super) permissions: Vec<(usize, &'q Permission)>,
    denies: Vec<(usize, &'q Deny)>,
    intent: &'q Intent,
    pub(super) view: View<'q>,
    environment: &'q Environment<'q>,
}

impl<'q> Question<'q> {
    /// What `view` asks of the statements that are active on `day`.
    pub(super) fn new(
        intent: &'q Intent,
        view: View<'q>,
        environment: &'q Environment<'q>,
        day: Date,
    ) -> Question<'q> {
        let mut question =
            Question { permissions: Vec::new(), denies: Vec::new(), intent, view, environment };
        let permissions = (0..intent.permissions.len()).map(Statement::Permission);
        let every = permissions.chain((0..intent.denies.len()).map(Statement::Deny));
        match question.view.concerned.take() {
            Some(concerned) => concerned.into_iter().for_each(|one| question.add(one, day)),
            None => every.for_each(|one| question.add(one, day)),
        }
        question.permissions.sort_by_key(|(_, one)| &one.label);
        question.denies.sort_by_key(|(_, one)| &one.label);
        question
    }

    /// Takes in a statement that is active, has a service which carries the flow, and means the
    /// source.
    fn add(&mut self, statement: Statement, day: Date) {
        let source = self.view.observation.source;
        let carried = |services: &[Service]| services.iter().any(|one| self.carries(*one));
        match statement {
            Statement::Permission(index) => {
                let one = self.intent.permissions.get(index).filter(|one| {
                    one.is_active(day) && carried(&one.services) && one.sources.set.contains(source)
                });
                self.permissions.extend(one.map(|one| (index, one)));
            }
            Statement::Deny(index) => {
                let one = self.intent.denies.get(index).filter(|one| {
                    one.is_active(day) && carried(&one.services) && one.sources.set.contains(source)
                });
                self.denies.extend(one.map(|one| (index, one)));
            }
        }
    }

    /// Asks of each kind of statement only until one speaks, so that many statements of which
    /// nothing is known make few readings.
    pub(super) fn answer(&self, inquiry: &mut Inquiry<'_>) -> Stance {
        let denied_by = self.denies.iter().find(|(_, deny)| self.denies(deny, inquiry));
        let required = self.permissions.iter().find(|(_, one)| self.requires(one, inquiry));
        let by = match required {
            // Whatever is required is permitted.
            Some(required) => Some(required),
            None => self.permissions.iter().find(|(_, one)| self.permits(one, inquiry)),
        };
        Stance {
            required: required.is_some() && denied_by.is_none(),
            permitted: by.is_some() && denied_by.is_none(),
            by: by.map(|(index, _)| *index),
            denied_by: denied_by.map(|(index, _)| *index),
        }
    }

    /// Whether some reading has `permission` speak for the flow, whatever others say.
    pub(super) fn may_speak(
        &self,
        permission: &Permission,
        known: &mut dyn FnMut(&Atom) -> Answer,
    ) -> bool {
        let speaks = |oracle: &mut dyn FnMut(&Atom) -> bool| {
            let inquiry = &mut Inquiry::new(oracle);
            self.requires(permission, inquiry) || self.permits(permission, inquiry)
        };
        let explored = explore(MAX_READINGS, known, speaks);
        explored.is_cut || explored.branches.iter().any(|branch| branch.outcome)
    }

    /// Whether `permission` means the flow without its excess, whatever others say; `None` where
    /// that is not settled.
    pub(super) fn means(
        &self,
        permission: &Permission,
        known: &mut dyn FnMut(&Atom) -> Answer,
    ) -> Option<bool> {
        let means = |oracle: &mut dyn FnMut(&Atom) -> bool| {
            let inquiry = &mut Inquiry::new(oracle);
            meanings(permission).any(|(service, destination)| {
                self.strictly(service, destination, inquiry).0 != Fit::No
            })
        };
        let explored = explore(MAX_READINGS, known, means);
        let mut outcomes = explored.branches.iter().map(|branch| branch.outcome);
        let first = outcomes.next().filter(|_| !explored.is_cut)?;
        outcomes.all(|outcome| outcome == first).then_some(first)
    }

    fn requires(&self, permission: &Permission, inquiry: &mut Inquiry<'_>) -> bool {
        permission.requirement == Requirement::Required
            && meanings(permission).any(|(service, destination)| {
                let (fit, held) = self.strictly(service, destination, inquiry);
                let is_sent = |inquiry: &mut Inquiry<'_>| {
                    self.would_be_sent(service, destination, inquiry) && self.is_held(inquiry)
                };
                fit == Fit::Yes && (held || is_sent(inquiry))
            })
    }

    fn permits(&self, permission: &Permission, inquiry: &mut Inquiry<'_>) -> bool {
        meanings(permission).any(|(service, destination)| {
            self.strictly(service, destination, inquiry).0 != Fit::No
                || permission.by_address.is_some() && self.is_excess(service, destination, inquiry)
        })
    }

    /// The strict meaning of one destination with one service. The second half says that the
    /// destination needs no cut to the client's addresses of the name.
    fn strictly(
        &self,
        service: Service,
        destination: &Destination,
        inquiry: &mut Inquiry<'_>,
    ) -> (Fit, bool) {
        let by_name = self.fits(service);
        let by_address = if self.carries(service) { Fit::Yes } else { Fit::No };
        let if_so = |fit: Fit, holds: bool| if holds { fit } else { Fit::No };
        match destination {
            Destination::Names(names) if service.shows_a_name() => {
                let fit = if by_name == Fit::No { Fit::No } else { by_name };
                (if_so(fit, fit != Fit::No && self.names_match(names)), false)
            }
            Destination::Names(names) if self.asks_a_gateway(service) => {
                (if_so(by_name, self.names_match(names)), false)
            }
            Destination::Names(names) => {
                let holds = by_address != Fit::No
                    && self.wire_name_fits(names)
                    && self.client_holds_one_of(names, inquiry);
                (if_so(by_address, holds), true)
            }
            Destination::Addresses(addresses) => {
                let holds = addresses.set.contains(self.view.observation.destination);
                (if_so(by_address, holds), true)
            }
            Destination::ServiceTag(tag) => {
                let holds = by_address != Fit::No && self.in_service_tag(tag, inquiry);
                (if_so(by_address, holds), true)
            }
            Destination::FqdnTag(_) | Destination::WebCategory(_) | Destination::Url { .. } => {
                let holds = by_name != Fit::No && self.target_matches(destination, inquiry);
                (if_so(by_name, holds), false)
            }
            Destination::Any => (by_address, true),
        }
    }

    /// The accepted excess: the addresses that client or firewall hold for the names, whatever is
    /// sent there.
    fn is_excess(
        &self,
        service: Service,
        destination: &Destination,
        inquiry: &mut Inquiry<'_>,
    ) -> bool {
        let Destination::Names(names) = destination else { return false };
        let address = self.view.observation.destination;
        self.carries(service)
            && (exact_names(names)
                .any(|name| inquiry.ask(&Atom::FirewallAnswer { name: name.clone(), address }))
                || self.client_holds_one_of(names, inquiry))
    }

    fn denies(&self, deny: &Deny, inquiry: &mut Inquiry<'_>) -> bool {
        deny.services.iter().any(|service| self.is_denied_with(*service))
            && deny.destinations.iter().any(|destination| match destination {
                Destination::Names(names) => self.names_match(names),
                Destination::Addresses(addresses) => {
                    addresses.set.contains(self.view.observation.destination)
                }
                Destination::ServiceTag(tag) => self.in_service_tag(tag, inquiry),
                Destination::FqdnTag(_) | Destination::WebCategory(_) | Destination::Url { .. } => {
                    self.target_matches(destination, inquiry)
                }
                Destination::Any => true,
            })
    }

    /// Whether a deny of `service` means the flow: all of the port where the service shows no name.
    fn is_denied_with(&self, service: Service) -> bool {
        if service.shows_a_name() { self.fits(service) != Fit::No } else { self.carries(service) }
    }

    /// Whether the flow asks the gateway of redirected SQL for a server, whose name it shows
    /// (`azure-firewall.md §2.11`); the flow on to that server goes by its address.
    fn asks_a_gateway(&self, service: Service) -> bool {
        match service {
            Service::Mssql { mode: MssqlMode::Redirect, port } => {
                self.view.observation.destination_port == port
                    && self.fits(service) == Fit::Yes
                    && matches!(self.view.name, Name::Shown(_) | Name::Supposed(_))
            }
            _ => false,
        }
    }

    /// Whether the flow is one of `service`, with a name that the firewall can read.
    fn fits(&self, service: Service) -> Fit {
        if !self.carries(service) {
            return Fit::No;
        }
        let wanted = match service {
            Service::Https { .. } => PayloadKind::Tls,
            Service::Http { .. } => PayloadKind::Http,
            Service::Mssql { .. } => PayloadKind::Mssql,
            Service::Tcp(_)
            | Service::Udp(_)
            | Service::Icmp
            | Service::Protocol(_)
            | Service::Any => return Fit::Yes,
        };
        match self.view.kind {
            Some(PayloadKind::Silent) => Fit::Silent,
            Some(kind) if kind != wanted => Fit::No,
            Some(_) | None => Fit::Yes,
        }
    }

    fn carries(&self, service: Service) -> bool {
        carries(service, self.view.observation)
    }

    /// Whether a client of the service would send the request, as far as it was seen. A firewall
    /// drops one with another port in `Host` before it looks at any rule (`azure-firewall.md §2.5`),
    /// and no list that names a host means a request for another one inside.
    fn would_be_sent(
        &self,
        service: Service,
        destination: &Destination,
        inquiry: &mut Inquiry<'_>,
    ) -> bool {
        let Some(request) = self.view.request else { return true };
        match service {
            // The host is the name that the list is asked with.
            Service::Http { port } => request.port.unwrap_or(80) == port,
            Service::Https { port } => {
                let host = request.host.as_ref();
                request.port.unwrap_or(443) == port
                    && host.is_some_and(|host| self.is_named(destination, host, inquiry))
            }
            Service::Mssql { .. }
            | Service::Tcp(_)
            | Service::Udp(_)
            | Service::Icmp
            | Service::Protocol(_)
            | Service::Any => true,
        }
    }

    /// Whether the name that the list is asked with is one of `names`.
    fn names_match(&self, names: &Names) -> bool {
        match &self.view.name {
            Name::Shown(host) | Name::Supposed(host) => holds_host(names, host),
            Name::Presumed(name) => names.set.contains(name),
            Name::Absent => false,
        }
    }

    /// For services that show no name: the wire name is absent or one of `names`.
    fn wire_name_fits(&self, names: &Names) -> bool {
        match &self.view.name {
            Name::Shown(host) | Name::Supposed(host) => holds_host(names, host),
            Name::Presumed(_) | Name::Absent => true,
        }
    }

    fn in_service_tag(&self, tag: &str, inquiry: &mut Inquiry<'_>) -> bool {
        let tag = ServiceTag(tag.to_owned()).with_azure_suffix().folded();
        let address = self.view.observation.destination;
        inquiry.ask(&Atom::InServiceTag { tag, address })
    }

    /// FQDN tags, categories and URLs.
    fn target_matches(&self, destination: &Destination, inquiry: &mut Inquiry<'_>) -> bool {
        let host = match &self.view.name {
            Name::Shown(host) | Name::Supposed(host) => host.clone(),
            Name::Presumed(name) => Host::Name(name.clone()),
            Name::Absent => return false,
        };
        self.is_named(destination, &host, inquiry)
            && match destination {
                Destination::Url { path, .. } => self.path_matches(path, &host, inquiry),
                Destination::Names(_)
                | Destination::Addresses(_)
                | Destination::ServiceTag(_)
                | Destination::FqdnTag(_)
                | Destination::WebCategory(_)
                | Destination::Any => true,
            }
    }

    /// Whether `host` is one that the destination names; a URL by its host alone.
    fn is_named(&self, destination: &Destination, host: &Host, inquiry: &mut Inquiry<'_>) -> bool {
        match destination {
            Destination::Names(names) => holds_host(names, host),
            Destination::FqdnTag(tag) => {
                let (host, port) = (host.clone(), self.view.observation.destination_port);
                inquiry.ask(&Atom::InFqdnTag { tag: fqdn_tag(tag), host, port })
            }
            Destination::WebCategory(category) => {
                let premium =
                    self.intent.topology.firewalls.iter().any(|f| f.tier == Tier::Premium);
                let path = self.view.request.filter(|_| premium).map(|request| &request.path);
                let url = format!("{host}{}", path.map_or("", String::as_str));
                let category = category.to_ascii_lowercase();
                inquiry.ask(&Atom::InWebCategory { category, url })
            }
            Destination::Url { host: pattern, .. } => pattern.matches_host(host),
            Destination::Addresses(_) | Destination::ServiceTag(_) | Destination::Any => false,
        }
    }

    fn path_matches(&self, pattern: &str, host: &Host, inquiry: &mut Inquiry<'_>) -> bool {
        let Some(request) = self.view.request else {
            let is_supposed = matches!(self.view.name, Name::Supposed(_));
            let host = (!is_supposed).then(|| host.clone());
            return inquiry.ask(&Atom::Request { host, path: pattern.to_owned() });
        };
        match fit_path(pattern, &request.path) {
            PathFit::Yes => true,
            PathFit::No => false,
            PathFit::HostOnly => {
                inquiry.second_reading(super::assumptions::URL_HOST_ONLY_COVERS_PATHS)
            }
        }
    }

    /// Whether the client holds the destination for the name that it shows.
    fn is_held(&self, inquiry: &mut Inquiry<'_>) -> bool {
        let Observation { source, destination, .. } = *self.view.observation;
        match &self.view.name {
            Name::Shown(Host::Name(name)) | Name::Supposed(Host::Name(name)) => {
                match self.environment.client_holds(source, name, destination) {
                    Some(held) => held,
                    None if !inquiry.second_reading(CLIENT_ANSWERS) => true,
                    None if matches!(self.view.name, Name::Supposed(_)) => {
                        let shown: &dyn Display = &"the name that it shows";
                        inquiry.ask(&held_by_client(source, destination, shown))
                    }
                    None => inquiry.ask(&held_by_client(source, destination, name)),
                }
            }
            Name::Shown(Host::Address(address)) | Name::Supposed(Host::Address(address)) => {
                *address == destination
            }
            Name::Absent => false,
            Name::Presumed(_) => true,
        }
    }

    /// Whether the client holds the destination for one of `names`.
    fn client_holds_one_of(&self, names: &Names, inquiry: &mut Inquiry<'_>) -> bool {
        let Observation { source, destination, .. } = *self.view.observation;
        let environment = self.environment;
        if let Some(told) = self.view.told(environment)
            && !told.is_empty()
        {
            return told.iter().any(|held| names.set.contains(&held.name));
        }
        let mut open = names.patterns.iter().filter(|pattern| match pattern {
            FqdnPattern::Exact(name) => {
                environment.client_holds(source, name, destination).is_none()
            }
            FqdnPattern::Any | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => true,
        });
        open.any(|pattern| inquiry.ask(&held_by_client(source, destination, pattern)))
    }
}

/// Each service of a permission with each of its destinations.
fn meanings(permission: &Permission) -> impl Iterator<Item = (Service, &Destination)> {
    permission.services.iter().flat_map(|service| {
        permission.destinations.iter().map(move |destination| (*service, destination))
    })
}

fn held_by_client(client: IpAddr, address: IpAddr, name: &dyn Display) -> Atom {
    Atom::ClientAnswer { client, address, name: name.to_string() }
}

/// An address literal is a name to `*` only, as it is to the firewall (`azure-firewall.md §2.3`).
fn holds_host(names: &Names, host: &Host) -> bool {
    match host {
        Host::Name(name) => names.set.contains(name),
        Host::Address(_) => names.patterns.contains(&FqdnPattern::Any),
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
